//! One slice: its pages in order, until a stop rule or a guard ends it.
use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::page::{self, At, NoPage, Ready};
use super::permits::Permits;
use super::taking::Part;
use super::{Back, RunError, Shared};
use crate::event::{EventKind, SliceEnd};
use crate::fetch::FetchError;
use crate::paginate::{End, Next, Progress, Stop};
use crate::plan::Meaning;
use crate::position::Position;
use crate::state::words::{Mapped, PageKind, Slice, SliceState, part};

/// The rule of a slice whose partition the site says is gone.
pub(super) const GONE: &str = "gone";

/// A page on its way. It ends with whoever waits for it.
struct Coming {
    position: Position,
    task: JoinHandle<Result<Ready, NoPage>>,
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A slice while it is read.
pub(super) struct Reading {
    pub shared: Arc<Shared>,
    pub slice: Slice,
    /// What the guards knew before the page at hand.
    pub before: Progress,
    coming: VecDeque<Coming>,
    /// Answered when the last page that was handed over is committed: the slice's distinct keys.
    pub last: Option<oneshot::Receiver<u64>>,
}

/// Reads a slice from where it stands.
pub(super) async fn read(shared: Arc<Shared>, slice: Slice) -> Result<(Slice, Back), RunError> {
    shared.emit(EventKind::SliceStarted {
        slice: slice.slice.clone(),
        partition: slice.partition.clone(),
        window: slice.window,
    });
    let before = Progress::default();
    let mut reading = Reading { shared, slice, before, coming: VecDeque::new(), last: None };
    let back = loop {
        let back = reading.pages().await;
        reading.coming.clear();
        let back = back?;
        reading.settle().await?;
        match back {
            // What lies behind a page of known keys is not read, so there is nothing to compare a total with.
            Back::Ended(SliceEnd::Complete(rule)) if rule == End::Known.to_string() => {
                break Back::Ended(SliceEnd::Complete(rule));
            }
            Back::Ended(SliceEnd::Complete(rule)) if reading.slice.progress.again && reading.is_short() => {
                let (keys, total) = (reading.slice.keys, reading.slice.total.unwrap_or_default());
                break Back::Ended(SliceEnd::Partial(format!("short: {keys} of {total} records after {rule}")));
            }
            // Read once more: what slipped over a page's edge while the site changed counts with the union.
            Back::Ended(SliceEnd::Complete(_)) if reading.is_doubtful() => reading.again(),
            back => break back,
        }
    };
    Ok((reading.slice, back))
}

impl Reading {
    /// Whether fewer distinct keys came than the least total announced.
    fn is_short(&self) -> bool {
        self.is_counted() && self.slice.total.is_some_and(|total| self.slice.keys < total)
    }

    /// Whether a first reading leaves open that there is more: it is short, or its pages announced different totals.
    fn is_doubtful(&self) -> bool {
        !self.slice.progress.again && self.is_counted() && (self.is_short() || self.slice.progress.uneven)
    }

    /// Whether the site announces exact totals.
    fn is_counted(&self) -> bool {
        self.shared.plan.call.pages.total().is_some_and(|total| !total.approximate)
    }

    fn again(&mut self) {
        let total = self.slice.total;
        self.slice.progress = Progress { again: true, ..Default::default() };
        self.slice.position = None;
        self.slice.total = total;
    }

    /// Reads pages until the slice ends.
    async fn pages(&mut self) -> Result<Back, RunError> {
        let start = self.slice.position.clone().unwrap_or_else(|| self.shared.plan.call.pages.rule().start());
        let done = std::mem::take(&mut self.slice.progress.part);
        self.ask(start, done).await?;
        while let Some(mut coming) = self.coming.pop_front() {
            if self.shared.stopped() {
                return Ok(Back::Stopped);
            }
            // A page may be in a pause that its site asked for: whoever interrupts the run does not wait for that.
            let ready = tokio::select! {
                biased;
                ready = &mut coming.task => ready,
                () = self.shared.stops() => return Ok(Back::Stopped),
            };
            let ready = match ready {
                Ok(Ok(ready)) => ready,
                Ok(Err(none)) => return no_page(none),
                Err(error) => return Err(RunError::Lost(error.to_string())),
            };
            if let Some(back) = self.page(coming.position.clone(), ready).await? {
                return Ok(back);
            }
        }
        Ok(Back::Stopped)
    }

    /// Asks for a page while no other is on its way. One of which some parts are committed comes out of the archive.
    async fn ask(&mut self, position: Position, done: u32) -> Result<(), RunError> {
        let (shared, at) = (self.shared.clone(), self.at(&position));
        let permits = Permits::wait(&shared).await?;
        let task = match done {
            0 => tokio::spawn(page::ready(shared, at, permits)),
            done => {
                let (state, again) = (&shared.engine.state, self.slice.progress.again);
                let archived = state.archived(shared.run, &self.slice.slice, &position, again).await?;
                tokio::spawn(page::again(shared, at, archived, done, permits))
            }
        };
        self.coming.push_back(Coming { position, task });
        Ok(())
    }

    /// Asks for the pages ahead of the last one asked, as far as a total is known and there is room for them.
    fn ask_ahead(&mut self, last: &Position) {
        let Some(total) = self.slice.progress.total else { return };
        let mut at = self.coming.back().map_or(last, |coming| &coming.position).clone();
        while self.coming.len() < self.shared.plan.call.limits.parallel {
            let Some(next) = self.shared.plan.call.pages.rule().ahead(&at, total) else { return };
            let Some(permits) = Permits::spare(&self.shared) else { return };
            let task = tokio::spawn(page::ready(self.shared.clone(), self.at(&next), permits));
            self.coming.push_back(Coming { position: next.clone(), task });
            at = next;
        }
    }

    pub(super) fn at(&self, position: &Position) -> At {
        At { partition: self.slice.partition.clone(), window: self.slice.window, position: position.clone() }
    }

    /// Takes a page in; how the slice ends, when it ends here.
    async fn page(&mut self, position: Position, ready: Ready) -> Result<Option<Back>, RunError> {
        let first = self.slice.progress.pages == 0 && ready.done == 0;
        self.before = self.slice.progress.clone();
        if let Some(back) = self.split(&position, &ready, first).await? {
            return Ok(Some(back));
        }
        match &ready.meaning {
            Meaning::Records => {}
            Meaning::Empty | Meaning::Gone => {
                let rule = if ready.meaning == Meaning::Gone { GONE.to_owned() } else { End::Answer.to_string() };
                self.take(position, ready, PageKind::List, None).await?;
                return Ok(Some(Back::Ended(SliceEnd::Complete(rule))));
            }
            Meaning::Skip(why) => return Ok(Some(Back::Ended(SliceEnd::Skipped(why.clone())))),
            Meaning::Fail(why) => return Ok(Some(Back::Ended(SliceEnd::Failed(why.clone())))),
            Meaning::Renew => return Ok(Some(Back::Refused(self.shared.plan.call.failure(&ready.page)))),
            Meaning::Retry => {
                let failure = self.shared.plan.call.failure(&ready.page);
                let why = format!("{failure} (after {} attempts)", ready.page.attempts);
                return Ok(Some(Back::Ended(SliceEnd::Failed(why))));
            }
            Meaning::Split => {
                return Ok(Some(Back::Ended(SliceEnd::Partial("cap: the window cannot be halved any more".into()))));
            }
        }
        let end = self.end_of(&ready);
        let fault = ready.worked.fault.clone();
        let next = match &end {
            Some(_) => None,
            None => ready.worked.next.clone(),
        };
        let all_known = self.take(position.clone(), ready, PageKind::List, next.clone()).await?;
        if let Some(fault) = fault {
            return Ok(Some(Back::Ended(SliceEnd::Partial(fault))));
        }
        let end = end.or((all_known && self.may_stop()).then_some(End::Known));
        match (end, next) {
            (Some(end), _) if end.is_honest() => Ok(Some(Back::Ended(SliceEnd::Complete(end.to_string())))),
            (Some(end), _) => Ok(Some(Back::Ended(SliceEnd::Partial(end.to_string())))),
            (None, Some(Next::Page(next))) => {
                if self.coming.is_empty() {
                    self.ask(next.clone(), 0).await?;
                }
                self.ask_ahead(&next);
                Ok(None)
            }
            (None, _) => Ok(Some(Back::Ended(SliceEnd::Complete(End::NoNext.to_string())))),
        }
    }

    /// Whether a page of known keys ends the slice: in a second reading the first one made them known.
    fn may_stop(&self) -> bool {
        let chosen = self.shared.plan.call.pages.stop() == Some(Stop::Known);
        chosen && self.shared.known && !self.slice.progress.again
    }

    /// Why the slice ends with this page: a total that cannot be read, a guard, the rule's own word, the total.
    fn end_of(&mut self, ready: &Ready) -> Option<End> {
        let records = ready.worked.records;
        match &ready.worked.total {
            Err(reader) => return Some(End::Unreadable(reader.clone())),
            Ok(Some(total)) => {
                if self.slice.progress.total.is_none() {
                    self.slice.progress.total = Some(*total);
                    self.shared.emit(EventKind::TotalAnnounced { slice: self.slice.slice.clone(), total: *total });
                }
                self.slice.progress.uneven |= self.slice.progress.total != Some(*total);
                self.slice.total = Some(self.slice.total.map_or(*total, |least| least.min(*total)));
            }
            Ok(None) => {}
        }
        if self.slice.progress.page(ready.worked.hash, records) {
            return Some(End::Repeated);
        }
        if let Some(Next::End(end)) = &ready.worked.next {
            return Some(end.clone());
        }
        let progress = &self.slice.progress;
        if progress.total.is_some_and(|total| progress.received >= total) {
            return Some(End::Total);
        }
        (progress.pages >= self.shared.plan.call.pages.max()).then_some(End::Max)
    }

    /// A first page above the cap is a probe: it keeps no records, and two halves take the slice's place.
    async fn split(&mut self, position: &Position, ready: &Ready, first: bool) -> Result<Option<Back>, RunError> {
        let plan = self.shared.plan.clone();
        let Some((windows, window)) = plan.windows.as_ref().zip(self.slice.window) else { return Ok(None) };
        let above =
            windows.split.is_some_and(|(above, _)| matches!(&ready.worked.total, Ok(Some(total)) if *total > above));
        let asked = ready.meaning == Meaning::Split;
        if !(asked || first && above) {
            return Ok(None);
        }
        let Some(halves) = windows.halve(window) else { return Ok(None) };
        let halves: Vec<Slice> = halves
            .into_iter()
            .enumerate()
            .map(|(index, window)| {
                let number = format!("{}.{index}", self.slice.slice);
                Slice::open(number, self.slice.partition.clone(), Some(window))
            })
            .collect();
        self.slice.total = ready.worked.total.clone().ok().flatten();
        self.slice.state = SliceState::Ended(SliceEnd::Split);
        let admit = self.admit(ready, ready.version, Mapped::default());
        let again = self.slice.progress.again;
        let part = Part { position: position.clone(), part: part(0, again), kind: PageKind::Probe };
        self.hand_over(part, ready, admit, Vec::new(), halves.clone()).await?;
        Ok(Some(Back::Split(halves)))
    }
}

fn no_page(none: NoPage) -> Result<Back, RunError> {
    match none {
        NoPage::Run(error) => Err(error),
        NoPage::Detail(why) => Ok(Back::Refused(why)),
        NoPage::Request(why) => Ok(Back::Ended(SliceEnd::Partial(format!("request: {why}")))),
        NoPage::Fetch(error @ (FetchError::Credentials(_) | FetchError::NoToken(_))) => {
            Ok(Back::Refused(error.to_string()))
        }
        NoPage::Fetch(error @ FetchError::Quota { .. }) => {
            Ok(Back::Ended(SliceEnd::Partial(format!("quota: {error}"))))
        }
        NoPage::Fetch(error) => Ok(Back::Ended(SliceEnd::Failed(error.to_string()))),
    }
}
