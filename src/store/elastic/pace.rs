//! How much is sent at a time, how long is waited before more, and when the caller must be told.
use std::time::Duration;

use crate::store::StoreError;

/// Most documents and bytes of a request.
const DOCUMENTS: usize = 1_000;
const BYTES: usize = 5 << 20;
/// Requests in a row that may come to nothing before the caller is told: some seconds.
const BARREN: u32 = 6;
/// The first and the longest wait before something is sent again.
const WAIT: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);
/// The longest wait that a server may ask for: a run that waits cannot be stopped.
const ASKED: Duration = Duration::from_secs(60);

/// The pace of one batch.
pub(super) struct Pace {
    /// Most documents of the next request.
    pub documents: usize,
    /// Most bytes of the next request; a document that is larger goes alone.
    pub bytes: usize,
    wait: Duration,
    barren: u32,
}

impl Pace {
    pub fn new() -> Self {
        Pace { documents: DOCUMENTS, bytes: BYTES, wait: WAIT, barren: 0 }
    }

    /// All of a request came through.
    pub fn faster(&mut self) {
        self.documents = (self.documents * 2).min(DOCUMENTS);
        (self.wait, self.barren) = (WAIT, 0);
    }

    /// Items are sent again, all or some of a request: less at a time. An error when all fail again and again.
    pub fn slower(&mut self, all: bool, error: StoreError) -> Result<(), StoreError> {
        self.documents = (self.documents / 2).max(1);
        if all {
            return self.barren(error);
        }
        self.barren = 0;
        Ok(())
    }

    /// A request of so many bytes was too large: no later one of this batch is as large.
    pub fn split(&mut self, bytes: usize) {
        self.bytes = bytes / 2;
    }

    /// Nothing of a request came through; an error when that goes on, so that the caller can say so.
    pub fn barren(&mut self, error: StoreError) -> Result<(), StoreError> {
        self.barren += 1;
        if self.barren >= BARREN { Err(error) } else { Ok(()) }
    }

    /// Waits before something is sent again.
    pub async fn wait(&mut self, asked: Option<Duration>) {
        tokio::time::sleep(self.pause(asked)).await;
    }

    /// The next wait: longer each time and a random part of it, and at least as long as the server asks for.
    fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let own = self.wait.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.wait = (self.wait * 2).min(LONGEST);
        own.max(asked.unwrap_or_default().min(ASKED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_asks_for_a_pause_gets_it_within_reason() {
        let mut pace = Pace::new();
        let mut pause = |asked: Option<u64>| pace.pause(asked.map(Duration::from_secs));
        assert_eq!(pause(Some(7)), Duration::from_secs(7));
        assert_eq!(pause(Some(600)), ASKED);
        assert!(pause(Some(0)) >= WAIT * 2 && pause(None) >= WAIT * 4);
        assert!((0..20).all(|_| pause(None) <= LONGEST));
    }

    #[test]
    fn what_comes_to_nothing_is_told_in_the_end() {
        let mut pace = Pace::new();
        let error = || StoreError::Server("x".into());
        let told = |pace: &mut Pace| pace.barren(error()).is_err();
        assert!((1..BARREN).all(|_| !told(&mut pace)));
        pace.slower(false, error()).unwrap();
        assert!((1..BARREN).all(|_| !told(&mut pace)) && told(&mut pace));
        assert_eq!(pace.documents, DOCUMENTS / 2);
    }
}
