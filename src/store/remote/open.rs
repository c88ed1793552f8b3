//! The store before the first page: opened, claimed, brought to the schema of the plan.
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Remote;
use super::compare::name;
use super::retry::Outage;
use crate::crash;
use crate::event::{EventKind, RunId};
use crate::plan::{Plan, Server};
use crate::state::Claim;
use crate::store::elastic::{Asker, Elastic, Rebuilt, Taken};
use crate::store::target::{Copying, RunContext, Target, TargetError};
use crate::store::{LOCAL, StoreError};

/// The store of a run before the run has a number, and the right to write to it.
pub struct Opened {
    server: Option<Elastic>,
    stores: bool,
    run: RunContext,
    /// The claim of the source.
    pub claim: Claim,
    /// What the last owner of the source asked.
    pub last: Option<String>,
}

/// Opens the store of a plan and takes the claim of the source, waiting for a server that is away.
pub async fn open(plan: &Plan, run: RunContext, floor: u64) -> Result<Opened, TargetError> {
    let (source, state, stores) = (&plan.source, &run.state, plan.stores);
    // What an earlier process wrote down of its waiting ended with it.
    state.waits(source, None).await?;
    let Some(server) = &plan.server else {
        let claim = state.claim(source, LOCAL, floor, false).await?;
        return Ok(Opened { server: None, stores, run, claim, last: None });
    };
    let (last, owner) = state.owner(source).await?;
    let asker = Asker { source, ask: &run.request, owner: &owner, last };
    let outage = Outage::new(run.clone());
    let Claimed { server, taken, here } =
        outage.patient(|| 0, || claimed(server, plan, &asker, floor.max(last + 1))).await?;
    crash::point("claimed");
    let Taken { fence, strange, ask } = taken;
    let mut claim = state.claim(source, &name(&here), fence, strange).await?;
    // The index of a new schema is another one than before. What is copied into it is compared at the end of the run.
    claim.strange &= strange || !server.is_copying();
    let last = ask.map(|ask| plan.request_written(ask));
    Ok(Opened { server: Some(server), stores, run, claim, last })
}

impl Opened {
    /// The store of the run that has begun.
    pub fn of_run(self, run: RunId) -> (Target, Claim, Option<String>) {
        let context = RunContext { run, ..self.run };
        let target = match self.server {
            Some(server) => Target::Remote(Remote::new(server, context, self.claim.fence)),
            None if self.stores => Target::Embedded(context),
            None => Target::Nowhere(context),
        };
        (target, self.claim, self.last)
    }
}

/// A server to write to, the claim of the source there, and which index it has.
struct Claimed {
    server: Elastic,
    taken: Taken,
    here: String,
}

async fn claimed(server: &Server, plan: &Plan, asker: &Asker<'_>, floor: u64) -> Result<Claimed, StoreError> {
    let server = Elastic::to_write(server, plan.schema.clone()).await?;
    let taken = server.claim(asker, floor).await?;
    let here = server.incarnation().await?;
    Ok(Claimed { server, taken, here })
}

/// How often a run that waits for a copy looks whether it is interrupted.
const LOOK: Duration = Duration::from_millis(100);

impl Copying {
    /// Waits until it is over, unless the run is interrupted: the next one goes on with it.
    pub async fn done(mut self) -> Result<(), TargetError> {
        let Some(task) = &mut self.task else { return Ok(()) };
        while !self.run.stopped() {
            if let Ok(ended) = tokio::time::timeout(LOOK, &mut *task).await {
                return ended.map_err(|error| TargetError::Lost(error.to_string()))?;
            }
        }
        Ok(())
    }
}

impl Drop for Copying {
    fn drop(&mut self) {
        // A run that failed, or is interrupted: the next one goes on with the copy.
        self.task.iter().for_each(JoinHandle::abort);
    }
}

impl Remote {
    /// Begins to copy the documents of another schema's index, where there are some.
    pub(in crate::store) fn copying(&self, target: &Arc<Target>) -> Copying {
        let task = self.server.is_copying().then(|| {
            let target = target.clone();
            tokio::spawn(async move {
                match &*target {
                    Target::Remote(remote) => remote.copy().await,
                    Target::Nowhere(_) | Target::Embedded(_) => Ok(()),
                }
            })
        });
        Copying { task, run: self.run.clone() }
    }

    /// Copies the documents of another schema's index, through outages.
    async fn copy(&self) -> Result<(), TargetError> {
        let told = |offers: u64, of: u64| self.run.emit(EventKind::StoreCopied { offers, of });
        let Rebuilt { conformed, refused, examples, .. } = self.patient(|| self.server.rebuild(&told)).await?;
        if conformed > 0 {
            self.run.warn(format!(
                "{conformed} stored offers had values that the new schema does not take: they are left out until the offer comes again, or `jobmarket replay SOURCE` maps it again"
            ));
        }
        for (id, why) in &examples {
            self.run.warn(format!("offer {id} does not fit the new schema: {why}"));
        }
        if refused > examples.len() as u64 {
            self.run.warn(format!("and {} more do not fit", refused - examples.len() as u64));
        }
        Ok(())
    }
}
