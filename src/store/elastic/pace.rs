//! How much is sent at a time, how long is waited before more, and when the caller must be told.
use std::time::{Duration, Instant};

use crate::store::StoreError;

/// Most documents of a request.
const DOCUMENTS: usize = 1_000;
/// How long requests may come to nothing before the caller is told. One that waits for its answer is not cut short.
const BARREN: Duration = Duration::from_secs(10);
/// The first wait before something is sent again.
const WAIT: Duration = Duration::from_millis(200);
/// The longest: a server that asks for more is for the caller to wait for, who can be stopped.
pub(super) const LONGEST: Duration = Duration::from_secs(5);

/// The pace of one batch.
pub(super) struct Pace {
    /// Most documents of the next request.
    pub documents: usize,
    wait: Duration,
    /// Since when all came to nothing.
    barren: Option<Instant>,
}

impl Pace {
    pub fn new() -> Self {
        Pace { documents: DOCUMENTS, wait: WAIT, barren: None }
    }

    /// All of a request came through.
    pub fn faster(&mut self) {
        self.documents = (self.documents * 2).min(DOCUMENTS);
        (self.wait, self.barren) = (WAIT, None);
    }

    /// Items are sent again, all or some of a request: less at a time. An error when all fail again and again.
    pub fn slower(&mut self, all: bool, error: StoreError) -> Result<(), StoreError> {
        self.documents = (self.documents / 2).max(1);
        if all {
            return self.barren(error);
        }
        self.barren = None;
        Ok(())
    }

    /// Nothing of a request came through; an error when that goes on, so that the caller can say so.
    pub fn barren(&mut self, error: StoreError) -> Result<(), StoreError> {
        let since = *self.barren.get_or_insert_with(Instant::now);
        if since.elapsed() >= BARREN { Err(error) } else { Ok(()) }
    }

    /// Waits before something is sent again.
    pub async fn wait(&mut self, asked: Option<Duration>) {
        tokio::time::sleep(self.pause(asked)).await;
    }

    /// The next wait: longer each time and a random part of it, and at least as long as the server asks for.
    fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let own = self.wait.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.wait = (self.wait * 2).min(LONGEST);
        own.max(asked.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_asks_for_a_pause_gets_it() {
        let mut pace = Pace::new();
        let mut pause = |asked: Option<u64>| pace.pause(asked.map(Duration::from_secs));
        assert_eq!(pause(Some(4)), Duration::from_secs(4));
        assert!(pause(Some(0)) >= WAIT && pause(None) >= WAIT * 2);
        assert!((0..20).all(|_| pause(None) <= LONGEST));
    }

    #[test]
    fn what_comes_to_nothing_is_told_in_the_end() {
        let mut pace = Pace::new();
        let error = || StoreError::Server("x".into());
        let long_ago = Instant::now().checked_sub(BARREN);
        pace.barren(error()).unwrap();
        pace.barren(error()).unwrap();
        pace.barren = long_ago;
        // Some came through: it begins anew.
        pace.slower(false, error()).unwrap();
        pace.barren(error()).unwrap();
        pace.barren = long_ago;
        assert!(pace.barren(error()).is_err());
        assert_eq!(pace.documents, DOCUMENTS / 2);
    }
}
