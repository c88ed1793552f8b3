//! A store that is away: the run waits for it, says so, and writes down what waits and since when.
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Engine, RunError, Shared};
use crate::event::{Event, EventKind, RunId};
use crate::state::words::Waiting;
use crate::store::StoreError;

/// How long a server that does not answer is left alone, first and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15);
/// The longest pause that a server may ask for.
const ASKED: Duration = Duration::from_secs(15 * 60);

/// Asks a store until it answers, waiting while it is away.
pub(super) async fn patient<T, F>(shared: &Shared, mut ask: impl FnMut() -> F) -> Result<T, RunError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut outage = Outage::new(&shared.engine, &shared.plan.source, shared.run);
    loop {
        match ask().await {
            Ok(answer) => {
                outage.over().await?;
                return Ok(answer);
            }
            Err(error) => outage.waits(error, shared.sending.load(Ordering::Relaxed)).await?,
        }
    }
}

/// One outage, or none yet.
pub(super) struct Outage<'e> {
    engine: &'e Engine,
    source: &'e str,
    /// 0 before there is a run.
    run: RunId,
    since: Option<DateTime<Utc>>,
    pause: Duration,
}

impl<'e> Outage<'e> {
    pub(super) fn new(engine: &'e Engine, source: &'e str, run: RunId) -> Self {
        Outage { engine, source, run, since: None, pause: PAUSE }
    }

    /// Waits a while after an error that time may mend; any other is given back, and so is this one after Ctrl-C.
    pub(super) async fn waits(&mut self, error: StoreError, offers: u64) -> Result<(), RunError> {
        if !error.passes() || self.stopped() {
            return Err(error.into());
        }
        let pause = match &error {
            StoreError::Later(_, asked) => self.pause.max(*asked).min(ASKED),
            _ => self.pause,
        };
        if self.since.is_none() {
            self.emit(EventKind::StoreAway { why: error.to_string(), offers });
        }
        let since = *self.since.get_or_insert_with(Utc::now);
        self.engine.state.waits(self.source, Some(Waiting { since, offers, why: error.to_string() })).await?;
        let until = tokio::time::Instant::now() + pause;
        self.pause = (self.pause * 2).min(LONGEST);
        while tokio::time::Instant::now() < until {
            if self.stopped() {
                return Err(error.into());
            }
            tokio::time::sleep(Duration::from_millis(100).min(until - tokio::time::Instant::now())).await;
        }
        Ok(())
    }

    /// It is over, if there was one.
    pub(super) async fn over(self) -> Result<(), RunError> {
        let Some(since) = self.since else { return Ok(()) };
        self.engine.state.waits(self.source, None).await?;
        let seconds = (Utc::now() - since).num_milliseconds() as f64 / 1_000.0;
        self.emit(EventKind::StoreBack { seconds });
        Ok(())
    }

    fn stopped(&self) -> bool {
        self.engine.stop.load(Ordering::Relaxed)
    }

    fn emit(&self, kind: EventKind) {
        // Nobody listens any more: what waits is in the state all the same.
        let _ = self.engine.events.send(Event { at: Utc::now(), run: self.run, source: self.source.to_owned(), kind });
    }
}
