//! As many plain threads as cores, which decode, map and serialise: the core never sees tokio.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The threads.
#[derive(Debug)]
pub struct Pool {
    threads: Vec<SyncSender<Job>>,
    next: AtomicUsize,
}

/// Jobs that wait for a thread.
const WAITING: usize = 32;

impl Pool {
    /// One thread a core.
    pub fn start() -> Self {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let threads = (0..cores).map(|_| {
            let (jobs, waiting) = sync_channel::<Job>(WAITING);
            thread::spawn(move || waiting.into_iter().for_each(|job| job()));
            jobs
        });
        Pool { threads: threads.collect(), next: AtomicUsize::new(0) }
    }

    /// Does a piece of work on one of the threads; `None` when it panicked.
    pub async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (done, answer) = oneshot::channel();
        let job = Box::new(move || {
            // A caller that is gone does not need the answer.
            let _ = done.send(work());
        });
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.threads.len();
        self.threads[index].send(job).ok()?;
        answer.await.ok()
    }
}
