//! A store that is away: the run waits for it, says so once, and writes down what waits and since when.
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::event::EventKind;
use crate::state::words::Waiting;
use crate::store::StoreError;
use crate::store::target::{RunContext, TargetError};

/// How long a server that does not answer is left alone, first and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15);
/// The longest pause that a server may ask for.
const ASKED: Duration = Duration::from_secs(15 * 60);
/// How often whoever waits looks whether it is over.
const LOOK: Duration = Duration::from_millis(100);

/// The outage of a run, or none: one for all that wait, however many requests are on their way.
pub(super) struct Outage {
    run: RunContext,
    /// Held while it is told and written down, so that the end of an outage is never overtaken by its begin.
    times: Mutex<Times>,
}

/// When an outage began, and when the last one ended.
#[derive(Debug, Default)]
struct Times {
    since: Option<(Instant, DateTime<Utc>)>,
    back: Option<Instant>,
}

/// What a request that failed says.
#[derive(Debug, PartialEq)]
enum Failed {
    /// That an outage begins.
    First,
    /// What is known.
    Again,
    /// Nothing of now: it was sent before the last outage was over.
    Late,
}

impl Times {
    fn failed(&mut self, sent: Instant, now: Instant) -> Failed {
        match (self.since, self.back) {
            (Some(_), _) => Failed::Again,
            (None, Some(back)) if sent < back => Failed::Late,
            (None, _) => {
                self.since = Some((now, Utc::now()));
                Failed::First
            }
        }
    }

    /// A request of somebody who waited came through: how long the outage took, if one is over with it.
    fn answered(&mut self, sent: Instant, now: Instant) -> Option<Duration> {
        let (since, _) = self.since.filter(|(since, _)| *since <= sent)?;
        (self.since, self.back) = (None, Some(now));
        Some(now - since)
    }
}

impl Outage {
    pub(super) fn new(run: RunContext) -> Self {
        Outage { run, times: Mutex::default() }
    }

    /// Asks until there is an answer, or an error that time does not mend; `offers` wait meanwhile.
    pub async fn patient<T, F>(&self, offers: impl Fn() -> u64, mut ask: impl FnMut() -> F) -> Result<T, TargetError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut pause = PAUSE;
        loop {
            let sent = Instant::now();
            match ask().await {
                Ok(answer) => {
                    // What never waited may be of another kind: while writes are blocked, reads come through.
                    if pause > PAUSE {
                        self.answered(sent).await?;
                    }
                    return Ok(answer);
                }
                Err(error) if !error.passes() || self.run.stopped() => return Err(error.into()),
                Err(error) => {
                    let known = self.failed(sent, &error, offers()).await?;
                    self.wait(error, pause, known).await?;
                    pause = (pause * 2).min(LONGEST);
                }
            }
        }
    }

    /// Tells an outage when it begins; whether it is one, and not the late word of one that is over.
    async fn failed(&self, sent: Instant, error: &StoreError, offers: u64) -> Result<bool, TargetError> {
        let mut times = self.times.lock().await;
        let failed = times.failed(sent, Instant::now());
        if failed == Failed::First {
            self.run.emit(EventKind::StoreAway { why: error.to_string(), offers });
        }
        if let Some((_, since)) = times.since {
            let waiting = Waiting { since, offers, why: error.to_string() };
            self.run.state.waits(&self.run.source, Some(waiting)).await?;
        }
        Ok(failed != Failed::Late)
    }

    async fn answered(&self, sent: Instant) -> Result<(), TargetError> {
        let mut times = self.times.lock().await;
        if let Some(took) = times.answered(sent, Instant::now()) {
            self.run.state.waits(&self.run.source, None).await?;
            self.run.emit(EventKind::StoreBack { seconds: took.as_secs_f64() });
        }
        Ok(())
    }

    /// Waits a while, or until somebody else has found that it is over; Ctrl-C gives the error back.
    async fn wait(&self, error: StoreError, pause: Duration, known: bool) -> Result<(), TargetError> {
        let asked = match &error {
            StoreError::Later(_, asked) => Some((*asked).min(ASKED)),
            _ => None,
        };
        let until = Instant::now() + pause.max(asked.unwrap_or_default());
        while Instant::now() < until {
            if self.run.stopped() {
                return Err(error.into());
            }
            if known && asked.is_none() && self.times.lock().await.since.is_none() {
                return Ok(());
            }
            tokio::time::sleep(LOOK.min(until - Instant::now())).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_one_whoever_meets_it_and_takes_as_long_as_the_clock_says() {
        let (mut times, begin) = (Times::default(), Instant::now());
        let at = |second| begin + Duration::from_secs(second);
        assert_eq!(times.failed(at(0), at(1)), Failed::First);
        assert_eq!([times.failed(at(0), at(1)), times.failed(at(1), at(2))], [Failed::Again, Failed::Again]);
        // An answer to what was sent before it began says nothing.
        assert_eq!(times.answered(at(0), at(2)), None);
        assert_eq!(times.answered(at(3), at(4)), Some(Duration::from_secs(3)));
        // Others that waited come through too: nothing more is over.
        assert_eq!(times.answered(at(3), at(5)), None);
        // What was sent before it was over, and fails after.
        assert_eq!(times.failed(at(3), at(5)), Failed::Late);
        assert_eq!(times.failed(at(6), at(7)), Failed::First, "another one");
    }
}
