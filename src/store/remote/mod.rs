//! A store that is a server of its own, as a run uses it: written under a claim, through outages, and compared with what
//! is known.
mod compare;
mod open;
mod retry;
mod write;

use std::sync::atomic::AtomicU64;

pub use compare::name;
pub use open::{Opened, open};

use super::elastic::Elastic;
use super::target::RunContext;
use retry::Outage;

/// The store of one run on a server.
pub struct Remote {
    server: Elastic,
    run: RunContext,
    /// Of the claim under which it is written.
    fence: u64,
    outage: Outage,
    /// Offers on their way.
    sending: AtomicU64,
}

impl Remote {
    fn new(server: Elastic, run: RunContext, fence: u64) -> Self {
        Remote { server, outage: Outage::new(run.clone()), run, fence, sending: AtomicU64::new(0) }
    }

    pub(super) fn run(&self) -> &RunContext {
        &self.run
    }

    pub(super) fn notices(&self) -> &[String] {
        &self.server.notices
    }
}
