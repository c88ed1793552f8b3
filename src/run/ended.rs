//! How a run ends: its outcome out of how its slices ended and what is wrong with what they brought, written down and told.
use std::time::Instant;

use chrono::Utc;

use super::judge::Judged;
use super::{RunError, Shared, Summary, interrupted};
use crate::event::{EventKind, Outcome};
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
}

impl From<(Outcome, Option<String>)> for End {
    fn from((outcome, cause): (Outcome, Option<String>)) -> Self {
        End { outcome, read: outcome, cause }
    }
}

/// Writes the end of a run down, and tells it.
pub(super) async fn finished(shared: &Shared, end: End, began: Instant) -> Result<Summary, RunError> {
    let End { outcome, read, cause } = end;
    let ended = Ended { run: shared.run, outcome, read, cause: cause.clone(), at: Utc::now() };
    let counts = shared.engine.state.end_run(ended).await?;
    let seconds = began.elapsed().as_secs_f64();
    shared.emit(EventKind::RunEnded { outcome, cause: cause.clone(), counts, seconds });
    Ok(Summary { run: shared.run, outcome, cause, counts })
}
