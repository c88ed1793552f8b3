//! The store of a run. It alone knows which store that is: the engine hands pages and closings over, and asks what is stored.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::remote::Remote;
use super::{LOCAL, StoreError, Written};
use crate::event::{Event, EventKind, RunId};
use crate::offer::{Batch, Version};
use crate::state::words::{Closing, Commit};
use crate::state::{Reader, State, StateError};

/// Where the offers of a run are stored.
pub enum Target {
    /// Nowhere: the pipeline has no store.
    Nowhere(RunContext),
    /// In the embedded store: by the transaction that commits their page.
    Embedded(RunContext),
    /// On a server: before their page is committed.
    Remote(Remote),
}

/// What a store needs of the run that writes to it.
#[derive(Clone)]
pub struct RunContext {
    /// What is known of offers.
    pub state: State,
    /// Told of outages, losses and copies.
    pub events: UnboundedSender<Event>,
    /// Set when the run is to end: nothing is waited for then.
    pub stop: Arc<AtomicBool>,
    /// The source.
    pub source: String,
    /// The fingerprint of what it asks the site.
    pub request: String,
    /// The run; 0 before it has begun.
    pub run: RunId,
}

impl RunContext {
    pub(super) fn emit(&self, kind: EventKind) {
        // Nobody listens any more: the facts are in the state all the same.
        let _ = self.events.send(Event::new(Utc::now(), (self.run, &self.source), kind));
    }

    pub(super) fn warn(&self, message: String) {
        self.emit(EventKind::Warned { message });
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Something could not be stored, or the store could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// Another owner has taken the source.
    #[error("another process writes this source")]
    Fenced,
    /// A task of ours ended without an answer.
    #[error("a part of the run ended without an answer: {0}")]
    Lost(String),
}

/// A copy of another schema's documents that goes on beside the run.
pub struct Copying {
    pub(super) task: Option<JoinHandle<Result<(), TargetError>>>,
    pub(super) run: RunContext,
}

impl Target {
    /// Whether offers are stored by the transaction that commits their page.
    pub fn in_transaction(&self) -> bool {
        matches!(self, Target::Embedded(_))
    }

    /// Whether offers are on their way for a while: several pages are sent at a time then.
    pub fn is_remote(&self) -> bool {
        matches!(self, Target::Remote(_))
    }

    /// What is to be said of the store before the run begins.
    pub fn notices(&self) -> &[String] {
        match self {
            Target::Nowhere(_) | Target::Embedded(_) => &[],
            Target::Remote(remote) => remote.notices(),
        }
    }

    /// Brings the store to the schema of the plan, beside the run. One that may hold what is not known here, or lack what
    /// is, is compared first; so is every one when `compared` asks for it. `last` is what the last owner of the source asked.
    pub async fn prepare(
        self: &Arc<Self>,
        strange: bool,
        compared: bool,
        last: Option<&str>,
    ) -> Result<Copying, TargetError> {
        match &**self {
            Target::Nowhere(run) | Target::Embedded(run) => {
                if strange {
                    forget_lost(run).await?;
                    run.state.settle(&run.source, LOCAL).await?;
                }
                Ok(Copying { task: None, run: run.clone() })
            }
            Target::Remote(remote) => {
                let copying = remote.copying(self);
                if !compared && !strange {
                    return Ok(copying);
                }
                copying.done().await?;
                if !remote.run().stopped() {
                    remote.compare(last).await?;
                }
                Ok(Copying { task: None, run: remote.run().clone() })
            }
        }
    }

    /// Stores the offers of a page, and what it closes, where that is done before it is committed. What the store refused,
    /// or knows better, goes into the commit.
    pub async fn write_page(&self, commit: &mut Commit) -> Result<(), TargetError> {
        match self {
            Target::Nowhere(_) | Target::Embedded(_) => Ok(()),
            Target::Remote(remote) => remote.write_page(commit).await,
        }
    }

    /// The same of offers that are closed without a page. Those that stay open are taken out.
    pub async fn close(
        &self,
        closings: &mut Vec<Closing>,
        version: Version,
        at: DateTime<Utc>,
    ) -> Result<(), TargetError> {
        match self {
            Target::Nowhere(_) | Target::Embedded(_) => Ok(()),
            Target::Remote(remote) => remote.close(closings, version, at).await,
        }
    }

    /// Looks whether the store still holds what it was told, and whether the source is still ours.
    pub async fn look(&self) -> Result<Found, TargetError> {
        match self {
            Target::Nowhere(_) | Target::Embedded(_) => Ok(Found::Whole),
            Target::Remote(remote) => remote.look().await,
        }
    }

    /// Stores what it lost again. What is stored in the transaction of a page cannot be lost alone.
    pub async fn restore(&self, batch: &Batch) -> Result<Written, TargetError> {
        match self {
            Target::Nowhere(_) | Target::Embedded(_) => Ok(Written::default()),
            Target::Remote(remote) => remote.write(batch).await,
        }
    }

    /// Offers that the store lost and that are not written again, and how many of them are in the archive.
    pub async fn lost(&self) -> Result<(u64, u64), TargetError> {
        match self {
            Target::Nowhere(_) | Target::Embedded(_) => Ok((0, 0)),
            Target::Remote(remote) => Ok(remote.run().state.count_lost(&remote.run().source).await?),
        }
    }

    /// What the embedded store lost, or holds otherwise than it is known, is not known any more: it is written again.
    /// How many offers that are.
    pub async fn forget_lost(&self) -> Result<u64, TargetError> {
        match self {
            Target::Nowhere(_) | Target::Remote(_) => Ok(0),
            Target::Embedded(run) => forgotten(run).await,
        }
    }

    /// Looks at each open offer of the source.
    pub async fn each_open(&self, each: &mut (dyn FnMut(&Value) + Send)) -> Result<(), TargetError> {
        match self {
            Target::Nowhere(run) | Target::Embedded(run) => match Reader::open(run.state.dir())? {
                Some(reader) => Ok(reader.each_open(&run.source, &mut |offer| each(&offer))?),
                None => Ok(()),
            },
            Target::Remote(remote) => remote.each_open(each).await,
        }
    }

    /// Makes what a run wrote visible to searches.
    pub async fn refresh(&self) {
        if let Target::Remote(remote) = self {
            remote.refresh().await;
        }
    }
}

/// What a look at a store found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It holds what it was told, or what it lost is known.
    Whole,
    /// Another owner has taken the source: that one looks.
    Taken,
}

/// The embedded store after another one was written: what it lacks is not known any more.
async fn forget_lost(run: &RunContext) -> Result<(), TargetError> {
    let lost = forgotten(run).await?;
    if lost > 0 {
        run.warn(format!(
            "{lost} offers are in the store that was used before; what the site shows is written again, `jobmarket replay {}` brings the rest",
            run.source
        ));
    }
    Ok(())
}

async fn forgotten(run: &RunContext) -> Result<u64, TargetError> {
    let Some(reader) = Reader::open(run.state.dir())? else { return Ok(0) };
    let lost = reader.lost_documents(&run.source)?;
    let count = lost.len();
    if count > 0 {
        run.state.forget(lost).await?;
    }
    Ok(count)
}
