//! How a run ends: its outcome out of how its slices ended and what is wrong with what they brought, written down and told.
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;

use super::judge::Judged;
use super::{RunError, Shared, Summary, interrupted, mend};
use crate::event::{Alert, EventKind, Outcome};
use crate::state::words::Ended;

/// How a run ends.
pub(super) struct End {
    outcome: Outcome,
    /// How its slices ended.
    read: Outcome,
    cause: Option<String>,
}

impl End {
    /// Of a run of the site: one that read all of its slices is not complete where what they brought is wrong.
    pub(super) fn of(shared: &Shared, (read, why): (Outcome, Option<String>), judged: Judged) -> Self {
        let (outcome, cause) = match judged.fails {
            Some(why) => (Outcome::Failed, Some(why)),
            None if shared.stopped() && read != Outcome::Failed => interrupted(),
            None if read == Outcome::Complete && judged.lacks.is_some() => (Outcome::Partial, judged.lacks),
            None => (read, why),
        };
        let read = if outcome == Outcome::Partial { read } else { outcome };
        End { outcome, read, cause }
    }

    /// With what the store lost and nobody has written again, nothing is complete.
    fn lacking(self, lost: Option<Alert>) -> Self {
        match lost {
            Some(lost) if self.outcome == Outcome::Complete => {
                End { outcome: Outcome::Partial, cause: Some(lost.text()), ..self }
            }
            _ => self,
        }
    }
}

impl From<(Outcome, Option<String>)> for End {
    fn from((outcome, cause): (Outcome, Option<String>)) -> Self {
        End { outcome, read: outcome, cause }
    }
}

/// Looks whether the store still holds what it was told, writes the end of a run down, and tells it.
pub(super) async fn finished(shared: &Arc<Shared>, end: End, began: Instant) -> Result<Summary, RunError> {
    if end.outcome != Outcome::Stopped {
        mend::look(shared).await?;
    }
    let End { outcome, read, cause } = end.lacking(mend::told(shared).await?);
    shared.target.refresh().await;
    let ended = Ended { run: shared.run, outcome, read, cause: cause.clone(), at: Utc::now() };
    let counts = shared.engine.state.end_run(ended).await?;
    let seconds = began.elapsed().as_secs_f64();
    shared.emit(EventKind::RunEnded { outcome, cause: cause.clone(), counts, seconds });
    Ok(Summary { run: shared.run, outcome, cause, counts })
}
