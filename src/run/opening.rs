//! A store outside before the first page: opened, claimed, compared with what is known, brought to the schema of the plan.
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::outage::{Outage, patient};
use super::{Engine, RunError, Shared, loss};
use crate::crash;
use crate::event::EventKind;
use crate::plan::{Plan, Server};
use crate::state::{Claim, Reader};
use crate::store::elastic::{Asker, Elastic, Rebuilt, Taken};
use crate::store::{self, StoreError};

/// The store of a run, and the right to write to it.
pub(super) struct Opened {
    /// Where it is a server.
    pub elastic: Option<Arc<Elastic>>,
    pub claim: Claim,
    /// What the last owner of the source asked.
    pub brought: Option<String>,
}

/// Opens the store and takes the claim of the source, waiting for a server that is away.
pub(super) async fn open(engine: &Arc<Engine>, plan: &Plan, floor: u64) -> Result<Opened, RunError> {
    let source = &plan.source;
    // What an earlier process wrote down of its waiting ended with it.
    engine.state.waits(source, None).await?;
    let Some(server) = &plan.server else {
        let claim = engine.state.claim(source, store::LOCAL, floor, false).await?;
        return Ok(Opened { elastic: None, claim, brought: None });
    };
    let (last, owner) = engine.state.owner(source).await?;
    let asker = Asker { source, ask: &plan.ask, owner: &owner, last };
    let outage = Outage::new(engine.clone(), source, 0);
    let Claimed { elastic, taken, here } =
        outage.patient(|| 0, || claimed(server, plan, &asker, floor.max(last + 1))).await?;
    crash::point("claimed");
    let Taken { fence, strange, ask } = taken;
    let mut claim = engine.state.claim(source, &loss::name(&here), fence, strange).await?;
    // The index of a new schema is another one than before. What is copied into it is compared at the end of the run.
    claim.strange &= strange || !elastic.is_copying();
    Ok(Opened { elastic: Some(Arc::new(elastic)), claim, brought: ask })
}

/// A server to write to, the claim of the source there, and which index it has.
struct Claimed {
    elastic: Elastic,
    taken: Taken,
    here: String,
}

async fn claimed(server: &Server, plan: &Plan, asker: &Asker<'_>, floor: u64) -> Result<Claimed, StoreError> {
    let elastic = Elastic::to_write(server, plan.schema.clone()).await?;
    let taken = elastic.claim(asker, floor).await?;
    let here = elastic.incarnation().await?;
    Ok(Claimed { elastic, taken, here })
}

/// A copy of another schema's documents that goes on beside the run.
pub(super) struct Copying(Option<JoinHandle<Result<(), RunError>>>);

impl Copying {
    /// Waits until it is over, unless the run is interrupted: the next one goes on with it.
    pub(super) async fn done(mut self, shared: &Shared) -> Result<(), RunError> {
        let Some(task) = &mut self.0 else { return Ok(()) };
        while !shared.stopped() {
            if let Ok(ended) = tokio::time::timeout(LOOK, &mut *task).await {
                return ended.map_err(|error| RunError::Lost(error.to_string()))?;
            }
        }
        Ok(())
    }
}

/// How often a run that waits for a copy looks whether it is interrupted.
const LOOK: Duration = Duration::from_millis(100);

impl Drop for Copying {
    fn drop(&mut self) {
        // A run that failed, or is interrupted: the next one goes on with the copy.
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Brings the store to the schema of the plan, beside the run; compares it with what is known first, when asked to, and
/// then the copy is waited for.
pub(super) async fn prepared(
    shared: &Arc<Shared>,
    brought: Option<String>,
    compared: bool,
) -> Result<Copying, RunError> {
    let (state, source) = (&shared.engine.state, &shared.plan.source);
    let Some(elastic) = shared.elastic.clone() else {
        if shared.claim.strange {
            look(shared).await?;
            state.settle(source, store::LOCAL).await?;
        }
        return Ok(Copying(None));
    };
    let copying = Copying(elastic.is_copying().then(|| {
        let (shared, elastic) = (shared.clone(), elastic.clone());
        tokio::spawn(async move { copy(&shared, &elastic).await })
    }));
    if !compared && !shared.claim.strange {
        return Ok(copying);
    }
    copying.done(shared).await?;
    if shared.stopped() {
        return Ok(Copying(None));
    }
    loss::compare(shared, &elastic, brought.as_deref()).await?;
    Ok(Copying(None))
}

/// The embedded store after another one was written: what it lacks is not known any more.
async fn look(shared: &Shared) -> Result<(), RunError> {
    let (state, source) = (&shared.engine.state, &shared.plan.source);
    let Some(reader) = Reader::open(state.dir())? else { return Ok(()) };
    let lost = reader.lost_documents(source)?;
    if !lost.is_empty() {
        let message = format!(
            "{} offers are in the store that was used before; what the site shows is written again, `jobmarket replay {source}` brings the rest",
            lost.len()
        );
        shared.emit(EventKind::Warned { message });
        state.forget(lost).await?;
    }
    Ok(())
}

/// Copies the documents of another schema's index, through outages.
async fn copy(shared: &Shared, elastic: &Elastic) -> Result<(), RunError> {
    let told = |offers: u64, of: u64| shared.emit(EventKind::StoreCopied { offers, of });
    let Rebuilt { conformed, refused, examples, .. } = patient(shared, || elastic.rebuild(&told)).await?;
    if conformed > 0 {
        let message = format!(
            "{conformed} stored offers had values that the new schema does not take: they are left out until the offer comes again, or `jobmarket replay SOURCE` maps it again"
        );
        shared.emit(EventKind::Warned { message });
    }
    for (id, why) in &examples {
        shared.emit(EventKind::Warned { message: format!("offer {id} does not fit the new schema: {why}") });
    }
    if refused > examples.len() as u64 {
        shared.emit(EventKind::Warned { message: format!("and {} more do not fit", refused - examples.len() as u64) });
    }
    Ok(())
}
