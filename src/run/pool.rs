//! As many plain threads as cores, which decode, map and serialise: the core never sees tokio.
use std::sync::Arc;
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::{Semaphore, oneshot};

use super::RunError;

/// The threads, and the places of those who wait for one. Who has no place yet waits as a task: a thread of the runtime
/// that waited for it would keep all of its other tasks waiting.
#[derive(Debug)]
pub struct Pool {
    threads: ThreadPool,
    places: Arc<Semaphore>,
}

/// Places for each thread.
const PLACES: usize = 32;

impl Pool {
    /// One thread a core.
    pub fn start() -> Result<Self, RunError> {
        Self::with(thread::available_parallelism().map_or(2, usize::from))
    }

    fn with(threads: usize) -> Result<Self, RunError> {
        let places = Arc::new(Semaphore::new(PLACES * threads));
        // Whoever waits for a piece of work that panicked learns it from `work`.
        let builder = ThreadPoolBuilder::new().num_threads(threads).panic_handler(|_| {});
        let threads = builder.thread_name(|number| format!("map-{number}")).build();
        Ok(Pool { threads: threads.map_err(|error| RunError::Threads(error.to_string()))?, places })
    }

    /// Does a piece of work on one of the threads; `None` when it panicked. One that has begun goes on when nobody waits
    /// for it any more, so it must not hold the engine: the data directory is locked as long as that lives.
    pub async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let place = self.places.clone().acquire_owned().await.ok()?;
        let (done, answer) = oneshot::channel();
        self.threads.spawn(move || {
            // A caller that is gone does not need the answer.
            if !done.is_closed() {
                let _ = done.send(work());
            }
            drop(place);
        });
        answer.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_full_queue_keeps_no_other_task_of_the_runtime_waiting() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let opened = runtime.block_on(async {
            let pool = Arc::new(Pool::with(1).unwrap());
            let (open, closed) = channel();
            // It ends by itself, so that a runtime that waits for it fails the test and does not hang.
            let first = pool.work(move || closed.recv_timeout(Duration::from_secs(10)));
            let rest = (0..2 * PLACES).map(|number| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.work(move || number).await })
            });
            let rest: Vec<_> = rest.collect();
            let timer = tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                // Too late, it is nobody's any more.
                let _ = open.send(());
            });
            let opened = first.await.unwrap();
            timer.await.unwrap();
            for (number, task) in rest.into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), Some(number));
            }
            opened
        });
        assert_ne!(opened, Err(RecvTimeoutError::Timeout), "the timer fires while the queue is full");
    }

    #[tokio::test]
    async fn a_piece_of_work_that_panics_leaves_the_threads_to_the_others() {
        let pool = Pool::with(2).unwrap();
        for _ in 0..4 {
            assert_eq!(pool.work(|| panic!("a piece of work that panics")).await, None::<()>);
        }
        assert_eq!(pool.work(|| 1).await, Some(1));
    }
}
