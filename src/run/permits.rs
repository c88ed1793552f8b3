//! What a page needs before it is asked for, so that no more of them are on their way than there is room for.
use std::sync::atomic::Ordering;

use tokio::sync::OwnedSemaphorePermit;

use super::{RunError, Shared};

/// A place among the pages in flight, and a share of the memory for bodies as large as a page of this run was so far.
pub(super) struct Permits {
    _place: OwnedSemaphorePermit,
    _share: OwnedSemaphorePermit,
}

impl Permits {
    /// Waits for them. A slice waits only while it holds none, so that whoever holds some can go on and gives them back.
    pub(super) async fn wait(shared: &Shared) -> Result<Self, RunError> {
        let lost = |_| RunError::Lost("pages in flight".to_owned());
        let place = shared.flight.clone().acquire_owned().await.map_err(lost)?;
        let typical = shared.typical.load(Ordering::Relaxed);
        let share = shared.engine.bytes.clone().acquire_many_owned(typical).await.map_err(lost)?;
        Ok(Permits { _place: place, _share: share })
    }

    /// For a page ahead of the first: only what nobody waits for.
    pub(super) fn spare(shared: &Shared) -> Option<Self> {
        let place = shared.flight.clone().try_acquire_owned().ok()?;
        let typical = shared.typical.load(Ordering::Relaxed);
        let share = shared.engine.bytes.clone().try_acquire_many_owned(typical).ok()?;
        Some(Permits { _place: place, _share: share })
    }
}
