//! One writer a run: pages of all slices in one order, so that the change log and the journal agree after a crash.
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{RunError, Shared};
use crate::bounds::HELD;
use crate::crash;
use crate::event::EventKind;
use crate::offer::Batch;
use crate::sink::batch::{closed, items};
use crate::sink::files::{Files, Logged};
use crate::state::Pending;
use crate::state::words::{Closing, Commit, Fate, Record};

/// A page (or part) to be written.
pub(super) struct Handed {
    pub commit: Commit,
    /// Told when it is committed, with its numbers.
    pub event: EventKind,
    /// Answered when it is committed: the distinct keys of its slice so far.
    pub done: oneshot::Sender<u64>,
    /// Its share of the memory for what waits; given back when it is committed.
    pub room: Option<OwnedSemaphorePermit>,
}

impl Handed {
    /// Bytes that it takes in memory at most, its lines in the change log among them. What is large lies in a file.
    pub fn weight(&self) -> usize {
        let in_memory = |text: usize| if text > HELD { 0 } else { text };
        let records = &self.commit.admit.page.records;
        let record = |record: &Record| {
            let said = match &record.fate {
                Fate::Rejected(reject) => reject.message.len(),
                _ => 0,
            };
            size_of::<Record>() + record.key.as_ref().map_or(0, String::len) + said
        };
        let closings = &self.commit.admitted.closings;
        let closed = closings.iter().filter_map(|(_, closing)| closing.content.as_ref()).map(Bytes::len).sum();
        let texts = in_memory(self.commit.admit.page.text.len()) + in_memory(closed);
        2 * texts + records.iter().map(record).sum::<usize>() + closings.len() * size_of::<Closing>()
    }
}

/// Pages that may wait for the disk at a time, in each of the two steps.
const PENDING: usize = 8;

/// Pages on their way to a store outside at a time.
const SENDING: usize = 4;

/// A page that the state commits.
struct Committing {
    pending: Pending,
    event: EventKind,
    done: oneshot::Sender<u64>,
    _room: Option<OwnedSemaphorePermit>,
}

struct Writer {
    shared: Arc<Shared>,
    files: Option<Files>,
    /// Sent to a store outside, in the order in which they are committed.
    sending: VecDeque<JoinHandle<Result<Handed, RunError>>>,
    /// Lines of the change log are on their way to the disk.
    logging: VecDeque<(Handed, Option<Logged>)>,
    /// Handed over to the state.
    pending: VecDeque<Committing>,
}

/// Takes pages until nothing is handed over any more; gives the change log back.
pub(super) async fn write(
    shared: Arc<Shared>,
    files: Option<Files>,
    mut handed: mpsc::Receiver<Option<Handed>>,
) -> Result<Option<Files>, RunError> {
    let (sending, logging, pending) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
    let mut writer = Writer { shared, files, sending, logging, pending };
    loop {
        match writer.next(&mut handed).await? {
            Next::Page(page) => writer.begin(*page).await?,
            Next::Sent(page) => writer.log(*page).await?,
            Next::Step => writer.step().await?,
            Next::End => break,
        }
    }
    while let Some(task) = writer.sending.pop_front() {
        writer.log(sent(task.await)?).await?;
    }
    while !(writer.logging.is_empty() && writer.pending.is_empty()) {
        writer.step().await?;
    }
    Ok(writer.files.take())
}

/// What the writer does next.
enum Next {
    /// A page was handed over.
    Page(Box<Handed>),
    /// A page is in the store outside.
    Sent(Box<Handed>),
    /// The oldest page goes a step on.
    Step,
    /// Nothing is handed over any more.
    End,
}

fn sent(task: Result<Result<Handed, RunError>, tokio::task::JoinError>) -> Result<Handed, RunError> {
    task.map_err(|error| RunError::Lost(error.to_string()))?
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A run that failed: what is on its way may arrive, and is written again under a higher version.
        self.sending.iter().for_each(JoinHandle::abort);
    }
}

impl Writer {
    async fn next(&mut self, handed: &mut mpsc::Receiver<Option<Handed>>) -> Result<Next, RunError> {
        let room = self.sending.len() < SENDING;
        let taken = |page: Option<Option<Handed>>| page.flatten().map_or(Next::End, |page| Next::Page(Box::new(page)));
        if room {
            match handed.try_recv() {
                Ok(page) => return Ok(taken(Some(page))),
                Err(mpsc::error::TryRecvError::Disconnected) => return Ok(Next::End),
                Err(mpsc::error::TryRecvError::Empty) => {}
            }
        }
        if !(self.logging.is_empty() && self.pending.is_empty()) {
            return Ok(Next::Step);
        }
        let Some(oldest) = self.sending.front_mut() else { return Ok(taken(handed.recv().await)) };
        let task = tokio::select! {
            task = oldest => task,
            page = handed.recv(), if room => return Ok(taken(page)),
        };
        self.sending.pop_front();
        Ok(Next::Sent(Box::new(sent(task)?)))
    }

    /// Begins a page: its offers go to a store outside, or its lines to the change log at once.
    async fn begin(&mut self, mut page: Handed) -> Result<(), RunError> {
        if !self.shared.target.is_remote() {
            return self.log(page).await;
        }
        if !page.commit.admitted.closings.is_empty() {
            // What it closes is read back from the store, where earlier pages must have arrived.
            while let Some(task) = self.sending.pop_front() {
                self.log(sent(task.await)?).await?;
            }
        }
        let shared = self.shared.clone();
        self.sending.push_back(tokio::spawn(async move {
            shared.target.write_page(&mut page.commit).await?;
            Ok(page)
        }));
        Ok(())
    }

    /// Writes the lines of a page to the change log.
    async fn log(&mut self, page: Handed) -> Result<(), RunError> {
        let lines = match &self.files {
            Some(files) => lines(files, &page.commit).await?,
            None => None,
        };
        self.logging.push_back((page, lines));
        while self.logging.len() > PENDING || self.pending.len() > PENDING {
            self.step().await?;
        }
        Ok(())
    }

    /// Brings the oldest page one step on: from the log to the journal, or from the journal to those who wait.
    async fn step(&mut self) -> Result<(), RunError> {
        if self.pending.len() <= PENDING
            && let Some((Handed { mut commit, event, done, room }, lines)) = self.logging.pop_front()
        {
            if let Some(lines) = lines {
                commit.marks.push(lines.mark().await?);
                crash::point("logged");
            }
            commit.quotas = self.shared.engine.fetch.spent().await;
            let pending = self.shared.engine.state.commit(commit).await?;
            self.pending.push_back(Committing { pending, event, done, _room: room });
            return Ok(());
        }
        let Some(Committing { pending, mut event, done, _room }) = self.pending.pop_front() else { return Ok(()) };
        let committed = pending.done().await?;
        crash::point("committed");
        if let EventKind::PageCommitted { counts, .. } = &mut event {
            *counts = committed.counts;
        }
        self.shared.emit(event);
        // A slice waits for its last page only.
        let _ = done.send(committed.keys);
        Ok(())
    }
}

/// Writes the change log of a page: what is closed stands behind what is new.
async fn lines(files: &Files, commit: &Commit) -> Result<Option<Logged>, RunError> {
    let admit = &commit.admit;
    let lost = |index: &usize| commit.superseded.contains(index) || commit.refused.iter().any(|(at, _)| at == index);
    let own = items(commit).into_iter().filter(|(index, _)| !lost(index)).map(|(_, item)| item);
    let shut = closed(commit.admitted.closings.iter().map(|(_, closing)| closing), admit.at);
    Ok(files.write(&Batch { version: admit.version, items: own.chain(shut).collect() }).await?)
}
