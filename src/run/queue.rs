//! The queue before the run's writer: a page is admitted when it joins, so pages are committed in the order in which they
//! were admitted.
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};

use super::RunError;
use super::writing::Handed;
use crate::bounds::WRITING;
use crate::crash;
use crate::state::State;

/// Pages of all slices that wait to be written.
const WAITING: usize = 4;

/// Bytes of a unit of the room.
const UNIT: usize = 1 << 10;

/// What so many bytes take of the room: all of it at most, so that each page fits.
fn units(bytes: usize) -> u32 {
    bytes.min(WRITING).div_ceil(UNIT) as u32
}

/// Takes the pages of all slices, in one order.
pub(super) struct Queue {
    /// Nothing ends the queue.
    pages: mpsc::Sender<Option<Handed>>,
    /// Held by the page that is admitted.
    turn: Mutex<()>,
    /// The memory that pages may take from here until they are committed, in units of [`UNIT`]: the disk may be slow.
    room: Arc<Semaphore>,
}

impl Queue {
    /// An empty queue, and its other end.
    pub(super) fn new() -> (Self, mpsc::Receiver<Option<Handed>>) {
        let (pages, handed) = mpsc::channel(WAITING);
        let room = Arc::new(Semaphore::new(WRITING / UNIT));
        (Queue { pages, turn: Mutex::new(()), room }, handed)
    }

    /// Waits for a place, then admits a page (or part) and hands it over; whether all its keys were known. What one page
    /// is told of another one that is not committed yet holds only if that one is committed first.
    pub(super) async fn join(&self, state: &State, mut page: Handed) -> Result<bool, RunError> {
        // One page at a time asks for room: those before it are with the writer, and leave without anybody's help.
        let _turn = self.turn.lock().await;
        let place = self.pages.reserve().await.map_err(|_| writer_is_gone())?;
        let mut room = self.room(units(page.weight())).await?;
        page.commit.admitted = state.admit(Arc::new(page.commit.admit.clone())).await?;
        // What it closes came to light only now.
        let more = units(page.weight()).saturating_sub(room.num_permits() as u32);
        room.merge(self.room(more).await?);
        page.room = Some(room);
        crash::point("admitted");
        let all_known = page.commit.admitted.all_known;
        place.send(Some(page));
        Ok(all_known)
    }

    async fn room(&self, units: u32) -> Result<OwnedSemaphorePermit, RunError> {
        self.room.clone().acquire_many_owned(units).await.map_err(|_| writer_is_gone())
    }

    /// Nothing comes any more.
    pub(super) async fn end(&self) {
        // Where the writer has ended by itself, its own error is the one to tell.
        let _ = self.pages.send(None).await;
    }
}

/// Its own error is what the run ends with.
pub(super) fn writer_is_gone() -> RunError {
    RunError::Lost("writing".into())
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::Duration;

    use chrono::Utc;
    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;
    use crate::event::{EventKind, RunKind};
    use crate::offer::{OfferId, content_hash};
    use crate::position::Position;
    use crate::state::words::{
        Admit, Admitted, Commit, Fate, Mapped, NewRun, PageKind, Quality, Record, Slice, Verdict,
    };
    use crate::state::{Claim, Reader};

    const SLICES: usize = 8;
    const PAGES: u64 = 40;

    /// A page with one offer, the same in all pages, of one of four contents.
    fn page(run: i64, claim: &Claim, slice: usize, number: u64) -> Handed {
        let text = format!("{{\"title\":\"{}\"}}", (number as usize + slice) % 4).into_bytes();
        page_of(text, (run, claim), slice, number)
    }

    fn page_of(text: Vec<u8>, (run, claim): (i64, &Claim), slice: usize, number: u64) -> Handed {
        let fate = Fate::Offer { content: content_hash(&text), text: 0..text.len() };
        let id = Some(OfferId::new("a", "1"));
        let record = Record { item: 0, key: Some("1".into()), id, fate, listed: None, raw: None, expires: None };
        let at = Utc::now();
        let slice = Slice::open(slice.to_string(), "{}".into(), None);
        let admit = Admit {
            run,
            source: "a".into(),
            version: claim.ticket(),
            page: Arc::new(Mapped { records: vec![record], text: text.into() }),
            at,
            again: false,
        };
        let commit = Commit {
            admit,
            admitted: Admitted::default(),
            refused: Vec::new(),
            superseded: Vec::new(),
            kind: PageKind::List,
            position: Position::Number(number),
            part: 0,
            request: String::new(),
            status: 200,
            archived: Vec::new(),
            ask: String::new(),
            meaning: String::new(),
            slice,
            halves: Vec::new(),
            marks: Vec::new(),
            store: true,
            bytes: 0,
            quotas: Vec::new(),
            from: None,
            quality: Quality::default(),
        };
        Handed { commit, event: EventKind::TokenRenewed, done: oneshot::channel().0, room: None }
    }

    async fn begun(state: &State) -> i64 {
        let (source, kind, now) = ("a".to_owned(), RunKind::Ordinary, Utc::now());
        let (ask, meaning, origins) = (String::new(), String::new(), String::new());
        let new = NewRun { source, pipeline: None, kind, ask, meaning, now, span: None, origins, texts: Vec::new() };
        state.begin_run(new).await.unwrap().run
    }

    #[tokio::test]
    async fn what_a_failed_start_admitted_is_not_in_flight_in_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let claim = state.claim("a", "local", 1, false).await.unwrap();
        for _ in 0..2 {
            let run = begun(&state).await;
            let admit = page(run, &claim, 0, 0).commit.admit;
            let admitted = state.admit(Arc::new(admit)).await.unwrap();
            assert!(matches!(admitted.verdicts[0], Verdict::Write { new: true, .. }), "{:?}", admitted.verdicts);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn pages_that_wait_for_a_slow_disk_take_so_much_memory_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let claim = Arc::new(state.claim("a", "local", 1, false).await.unwrap());
        let run = begun(&state).await;
        let (queue, mut handed) = Queue::new();
        let count = 40;
        let pages = tokio::spawn({
            let (state, claim) = (state.clone(), claim.clone());
            async move {
                for number in 0..count {
                    let text = format!("{{\"title\":\"{}\"}}", "t".repeat(900_000)).into_bytes();
                    queue.join(&state, page_of(text, (run, &claim), 0, number)).await.unwrap();
                }
            }
        });
        // A writer whose disk is so slow that it commits a page only when no other one comes.
        let (mut held, mut most, mut taken) = (VecDeque::new(), 0, 0);
        while taken < count {
            match timeout(Duration::from_millis(50), handed.recv()).await {
                Ok(page) => {
                    held.push_back(page.unwrap().unwrap());
                    taken += 1;
                    most = held.iter().map(Handed::weight).sum::<usize>().max(most);
                }
                Err(_) => drop(held.pop_front().expect("a page comes while none is held")),
            }
        }
        pages.await.unwrap();
        assert!((WRITING / 2..=WRITING).contains(&most), "{most}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn pages_of_many_slices_are_committed_in_the_order_in_which_they_were_admitted() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let claim = Arc::new(state.claim("a", "local", 1, false).await.unwrap());
        let run = begun(&state).await;
        let (queue, mut handed) = Queue::new();
        let queue = Arc::new(queue);
        for slice in 0..SLICES {
            let (state, queue, claim) = (state.clone(), queue.clone(), claim.clone());
            tokio::spawn(async move {
                for number in 0..PAGES {
                    queue.join(&state, page(run, &claim, slice, number)).await.unwrap();
                }
            });
        }
        let (mut contents, mut rows, mut committed) = (None, Vec::new(), Vec::new());
        for _ in 0..SLICES as u64 * PAGES {
            let page = handed.recv().await.unwrap().unwrap();
            let content = match &page.commit.admit.page.records[0].fate {
                Fate::Offer { content, .. } => *content,
                other => panic!("{other:?}"),
            };
            match page.commit.admitted.verdicts[0] {
                Verdict::Write { row, new, .. } => {
                    assert_eq!(new, contents.is_none(), "an offer is new once, and first of all");
                    contents = Some(content);
                    rows.push(row);
                }
                Verdict::Duplicate | Verdict::Unchanged => {
                    assert_eq!(Some(content), contents, "it equals what was handed over before");
                }
                Verdict::Superseded => assert!(contents.is_some()),
                other => panic!("{other:?}"),
            }
            committed.push(state.commit(page.commit).await.unwrap());
        }
        for page in committed {
            page.done().await.unwrap();
        }
        rows.dedup();
        assert_eq!(rows.len(), 1, "the offer has one row");
        assert_eq!(Reader::open(dir.path()).unwrap().unwrap().store().unwrap().1, 1);
    }
}
