//! How much is sent at a time, how long is waited before more, and when the caller must be told.
use std::time::Duration;

use crate::store::StoreError;

/// Most documents and bytes of a request.
const DOCUMENTS: usize = 1_000;
const BYTES: usize = 5 << 20;
/// Requests in a row that may come to nothing, and tries of an item whose outcome is not known.
pub(super) const TRIES: u32 = 10;
/// The first and the longest wait before something is sent again.
const WAIT: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);
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
        if self.barren >= TRIES { Err(error) } else { Ok(()) }
    }

    /// Waits, longer each time and a random part of it, and at least as long as the server asks for.
    pub async fn wait(&mut self, asked: Option<Duration>) {
        let own = self.wait.mul_f64(0.5 + fastrand::f64() / 2.0);
        tokio::time::sleep(own.max(asked.unwrap_or_default().min(ASKED))).await;
        self.wait = (self.wait * 2).min(LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_asks_for_a_pause_gets_it_within_reason() {
        let mut pace = Pace::new();
        for (asked, least, most) in [(7, 7, 7), (600, 60, 60), (0, 0, 1)] {
            let start = tokio::time::Instant::now();
            pace.wait(Some(Duration::from_secs(asked))).await;
            let waited = start.elapsed().as_secs_f64();
            assert!(waited >= f64::from(least) && waited <= f64::from(most) + 0.1, "{asked}: {waited}");
        }
    }

    #[test]
    fn what_comes_to_nothing_is_told_in_the_end() {
        let mut pace = Pace::new();
        let error = || StoreError::Server("x".into());
        let told = |pace: &mut Pace| pace.barren(error()).is_err();
        assert!((1..TRIES).all(|_| !told(&mut pace)));
        pace.slower(false, error()).unwrap();
        assert!((1..TRIES).all(|_| !told(&mut pace)) && told(&mut pace));
        assert_eq!(pace.documents, DOCUMENTS / 2);
    }
}
