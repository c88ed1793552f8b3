//! One slice: its pages in order, until a stop rule or a guard ends it.
use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::page::{self, At, NoPage, Ready, Work};
use super::pager::{PageFault, Pager};
use super::permits::Permits;
use super::taking::Part;
use super::{Back, RunError, Shared};
use crate::event::{EventKind, SliceEnd};
use crate::fetch::FetchError;
use crate::paginate::{Completeness, End, Figure, Next, PageSeen, Progress, Stop, WRONG_ADDRESS, judge};
use crate::plan::Meaning;
use crate::position::Position;
use crate::state::words::{GONE, Mapped, PageKind, Slice, SliceState, part};

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
    /// What they know with it: the slice itself stands before its last page, so that this one is judged again after a
    /// crash.
    pub after: Progress,
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
    let (before, after) = (Progress::default(), Progress::default());
    let mut reading = Reading { shared, slice, before, after, coming: VecDeque::new(), last: None };
    let back = loop {
        let back = reading.pages().await;
        reading.coming.clear();
        let back = back?;
        reading.settle().await?;
        match back {
            Back::Ended(SliceEnd::Complete(rule)) => {
                if let Some(end) = reading.judged(rule) {
                    break Back::Ended(end);
                }
                reading.again();
            }
            back => break back,
        }
    };
    Ok((reading.slice, back))
}

impl Reading {
    /// How a slice ends that was read to its end; nothing when it is to be read once more, because what slipped over a
    /// page's edge while the site changed counts with the union of both readings.
    fn judged(&self, rule: String) -> Option<SliceEnd> {
        let slice = &self.slice;
        if [End::Known, End::Wanted].iter().any(|end| rule == end.to_string()) || rule == GONE {
            return Some(SliceEnd::Complete(rule));
        }
        match judge(&self.shared.plan.call.pages, &self.after, slice.keys) {
            Completeness::Whole => Some(SliceEnd::Complete(rule)),
            Completeness::Unknown(why) => Some(SliceEnd::Partial(why)),
            Completeness::Short { .. } | Completeness::Doubtful if !slice.progress.again => None,
            Completeness::Short { keys, total } => {
                Some(SliceEnd::Partial(format!("short: {keys} of {total} records after {rule}")))
            }
            Completeness::Doubtful => Some(SliceEnd::Complete(rule)),
        }
    }

    fn again(&mut self) {
        self.slice.progress = Progress { again: true, least: self.after.least, ..Default::default() };
        self.slice.position = None;
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

    /// Asks for the next page, and for those ahead of it as far as a total is known and there is room for them. Pages
    /// that were asked ahead of a page which turned out shorter begin at the wrong record: they are dropped.
    async fn ask_on(&mut self, next: Position) -> Result<(), RunError> {
        if self.coming.front().is_some_and(|coming| coming.position != next) {
            self.coming.clear();
        }
        if self.coming.is_empty() {
            self.ask(next.clone(), 0).await?;
        }
        let mut at = self.coming.back().map_or(next, |coming| coming.position.clone());
        while self.coming.len() < self.shared.plan.call.limits.parallel {
            let Some(ahead) = self.pager().ahead(&at) else { break };
            let Some(permits) = Permits::spare(&self.shared) else { break };
            let task = tokio::spawn(page::ready(self.shared.clone(), self.at(&ahead), permits));
            self.coming.push_back(Coming { position: ahead.clone(), task });
            at = ahead;
        }
        Ok(())
    }

    fn pager(&mut self) -> Pager<'_> {
        Pager { pages: &self.shared.plan.call.pages, progress: &mut self.slice.progress }
    }

    pub(super) fn at(&self, position: &Position) -> At {
        At { partition: self.slice.partition.clone(), window: self.slice.window, position: position.clone() }
    }

    /// Takes a page in; how the slice ends, when it ends here.
    async fn page(&mut self, position: Position, ready: Ready) -> Result<Option<Back>, RunError> {
        let first = self.slice.progress.pages == 0 && ready.done == 0;
        self.before = self.slice.progress.clone();
        self.after = self.before.clone();
        if let Some(back) = self.split(&position, &ready, first).await? {
            return Ok(Some(back));
        }
        match &ready.meaning {
            Meaning::Records => {}
            Meaning::Empty => return self.ends(position, ready, SliceEnd::Complete(End::Answer.to_string())).await,
            Meaning::Gone | Meaning::Fail(_) if self.is_behind_all(&ready) => {
                return self.ends(position, ready, SliceEnd::Complete(End::Total.to_string())).await;
            }
            Meaning::Gone => {
                let end = self.gone(&ready);
                return self.ends(position, ready, end).await;
            }
            Meaning::Skip(why) => return Ok(Some(Back::Ended(SliceEnd::Skipped(why.clone())))),
            Meaning::Fail(why) => {
                let why = match position {
                    Position::Address(Some(_)) => format!("{why} (the page before points there: {WRONG_ADDRESS})"),
                    _ => why.clone(),
                };
                return Ok(Some(Back::Ended(SliceEnd::Failed(why))));
            }
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
        let next = match self.advance(&position, &ready) {
            Ok(next) => next,
            Err(fault) => {
                self.take(position, ready, PageKind::List, None).await?;
                return Ok(Some(Back::Ended(SliceEnd::Partial(fault))));
            }
        };
        // A page without records shows nothing that is known.
        let shows = ready.worked.records > 0 && ready.worked.fault.is_none();
        let all_known = self.take(position, ready, PageKind::List, Some(next.clone())).await?;
        let next = if all_known && shows && self.may_stop() { Next::End(End::Known) } else { next };
        match next {
            Next::Page(next) => {
                self.ask_on(next).await?;
                Ok(None)
            }
            Next::End(end) if end.is_honest() => Ok(Some(Back::Ended(SliceEnd::Complete(end.to_string())))),
            Next::End(end) => {
                let why = self.after.lost.clone().unwrap_or_else(|| end.to_string());
                Ok(Some(Back::Ended(SliceEnd::Partial(why))))
            }
        }
    }

    /// Takes in an answer that ends the slice without records.
    async fn ends(&mut self, position: Position, ready: Ready, end: SliceEnd) -> Result<Option<Back>, RunError> {
        self.take(position, ready, PageKind::List, None).await?;
        Ok(Some(Back::Ended(end)))
    }

    /// A list that is gone shows no records: one that is said to be gone behind records that came has only ended, and
    /// its offers are not closed.
    fn gone(&self, ready: &Ready) -> SliceEnd {
        let came = self.before.received.max(self.slice.keys);
        match came {
            0 => SliceEnd::Complete(GONE.to_owned()),
            came => SliceEnd::Partial(format!(
                "gone: {}, behind {came} records of the list that came; where this is its end, write `empty` in \
                 place of `gone`",
                self.shared.plan.call.failure(&ready.page)
            )),
        }
    }

    /// Whether a page is not there behind as many records as the site announces: it pointed on all the same.
    fn is_behind_all(&self, ready: &Ready) -> bool {
        let (before, common) = (&self.before, self.shared.plan.call.pages.rule().common());
        let has_all = before.pages > 0 && before.total.is_some_and(|total| before.received >= total);
        has_all && common.more.or(common.last).is_none() && matches!(ready.page.status, 400 | 404 | 410 | 416 | 422)
    }

    /// Where the slice goes from a page, and what it announces told; an error is a fault of the page that ends it.
    fn advance(&mut self, position: &Position, ready: &Ready) -> Result<Next, String> {
        let worked = &ready.worked;
        let next = match &worked.fault {
            Some(PageFault::Shape(why)) => return Err(why.clone()),
            Some(PageFault::Unreadable(why)) => self.pager().unreadable(position, why).ok_or_else(|| why.clone())?,
            None => {
                let Work { records, keyless, hash, announced, .. } = worked;
                let seen = PageSeen { records: *records, keyless: *keyless, hash: *hash, announced };
                let next = self.pager().advance(position, &seen);
                if let Some(gap) = &worked.gap {
                    self.slice.progress.lose(position, gap);
                }
                next
            }
        };
        self.after = self.slice.progress.clone();
        self.tell_total();
        Ok(next)
    }

    /// Tells the first total that the slice announces, and the first value in place of one.
    fn tell_total(&mut self) {
        let (before, progress, slice) = (&self.before, &self.after, &self.slice.slice);
        if let (None, Some(total)) = (before.total, progress.total) {
            self.shared.emit(EventKind::TotalAnnounced { slice: slice.clone(), total });
        }
        if let (None, Some(found)) = (&before.no_total, &progress.no_total) {
            self.shared.emit(EventKind::NoTotal { slice: slice.clone(), found: found.clone() });
        }
        self.slice.total = progress.least;
    }

    /// Whether a page of known keys ends the slice: in a second reading the first one made them known.
    fn may_stop(&self) -> bool {
        let chosen = self.shared.plan.call.pages.stop().contains(&Stop::Known);
        chosen && self.shared.known && !self.slice.progress.again
    }

    /// A first page above the cap is a probe: it keeps no records, and two halves take the slice's place.
    async fn split(&mut self, position: &Position, ready: &Ready, first: bool) -> Result<Option<Back>, RunError> {
        let plan = self.shared.plan.clone();
        let Some((windows, window)) = plan.windows.as_ref().zip(self.slice.window) else { return Ok(None) };
        let total = ready.worked.announced.total.as_ref().and_then(Figure::number);
        let above = windows.split.is_some_and(|(above, _)| total.is_some_and(|total| total > above));
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
        self.slice.total = total;
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
