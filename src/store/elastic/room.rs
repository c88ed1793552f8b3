//! How large a request may be: learnt from what the server, or what stands before it, refused and took.
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most bytes of a request, as long as none was refused.
const BYTES: usize = 5 << 20;
/// Requests in a row after which a limit that was only met for a while is tried again; twice as many each time in vain.
const PROOF: u32 = 16;
/// As many of them at most.
const LONGEST: u32 = 1_024;

/// What was learnt of the sizes of requests, for all batches of a run.
#[derive(Debug)]
pub(super) struct Room(Mutex<Learnt>);

#[derive(Debug)]
struct Learnt {
    /// Most bytes of the next request.
    most: usize,
    /// The largest that came through.
    passed: usize,
    /// The smallest that was refused.
    refused: Option<usize>,
    /// Whether that is a limit which stays.
    firm: bool,
    /// Requests of nearly that size that came through since.
    proof: u32,
    /// How many of these it takes until more is tried.
    patience: u32,
    /// The size that was refused before more was tried last: one that comes through ends that limit.
    before: usize,
    /// Whether the last large request had no answer.
    cut: bool,
}

impl Room {
    pub fn new() -> Self {
        Room(Mutex::new(Learnt {
            most: BYTES,
            passed: 0,
            refused: None,
            firm: false,
            proof: 0,
            patience: PROOF,
            before: BYTES,
            cut: false,
        }))
    }

    /// Most bytes of the next request; a document that is larger goes alone.
    pub fn most(&self) -> usize {
        self.learnt().most
    }

    /// A request of so many bytes was refused for its size; `firm` where that is a limit that stays.
    pub fn refused(&self, bytes: usize, firm: bool) {
        let mut learnt = self.learnt();
        if learnt.passed >= bytes {
            learnt.passed = 0;
        }
        learnt.refused = Some(learnt.refused.map_or(bytes, |before| before.min(bytes)));
        learnt.most = learnt.most.min((bytes / 2).max(learnt.passed));
        (learnt.firm, learnt.proof) = (learnt.firm || firm, 0);
    }

    /// A request of so many bytes came through: the next may be larger, by half of what is left to the size that was
    /// refused.
    pub fn passed(&self, bytes: usize) {
        let mut learnt = self.learnt();
        learnt.cut = false;
        learnt.passed = learnt.passed.max(bytes);
        if learnt.refused.is_some_and(|refused| bytes >= refused) {
            learnt.refused = None;
        }
        if bytes >= learnt.before {
            learnt.patience = PROOF;
        }
        let Some(refused) = learnt.refused else {
            learnt.most = (learnt.most * 2).min(BYTES);
            return;
        };
        // A small request proves nothing about large ones.
        if bytes < learnt.most / 2 {
            return;
        }
        let left = refused.saturating_sub(learnt.most);
        if left > learnt.most / 8 {
            learnt.most += left / 2;
        } else if !learnt.firm {
            learnt.proof += 1;
            if learnt.proof >= learnt.patience {
                learnt.before = refused;
                learnt.patience = (learnt.patience * 2).min(LONGEST);
                (learnt.refused, learnt.proof) = (Some(refused * 2).filter(|refused| *refused < BYTES), 0);
            }
        }
    }

    /// A large request had no answer. Whether that may be for its size: the one before had none either, or there is a limit
    /// and nothing of that size came through.
    pub fn cut(&self, bytes: usize) -> bool {
        let mut learnt = self.learnt();
        let limited = learnt.refused.is_some() && bytes > learnt.passed;
        std::mem::replace(&mut learnt.cut, true) || limited
    }

    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests as large as they may be against a limit; how many of them were refused.
    fn sent(room: &Room, limit: usize, firm: bool, requests: usize) -> usize {
        let mut refused = 0;
        for _ in 0..requests {
            match room.most() {
                most if most > limit => {
                    room.refused(most, firm);
                    refused += 1;
                }
                most => room.passed(most),
            }
        }
        refused
    }

    #[test]
    fn the_largest_size_that_comes_through_is_found_and_kept() {
        for limit in [700, 20_000, 61_440, 1 << 20, 4 << 20] {
            let room = Room::new();
            let refused = sent(&room, limit, true, 60);
            assert!(room.most() <= limit && room.most() * 5 / 4 > limit, "{limit}: {}", room.most());
            assert!(refused <= 20, "{limit}: {refused}");
            assert_eq!(sent(&room, limit, true, 1_000), 0, "what was refused is never sent again");
        }
    }

    #[test]
    fn a_limit_that_was_met_for_a_while_is_tried_again_when_many_came_through() {
        let room = Room::new();
        sent(&room, 30_000, false, 40);
        assert!(room.most() <= 30_000);
        // It stays: now and then a larger one is tried.
        let refused = sent(&room, 30_000, false, 400);
        assert!((1..=24).contains(&refused), "{refused}");
        // It is over.
        sent(&room, usize::MAX, false, 400);
        assert_eq!(room.most(), BYTES);
    }

    #[test]
    fn small_requests_prove_nothing() {
        let room = Room::new();
        room.refused(1 << 20, false);
        (0..1_000).for_each(|_| room.passed(100));
        assert_eq!(room.most(), 1 << 19);
        let room = Room::new();
        assert!(!room.cut(1 << 20) && room.cut(1 << 20));
        room.passed(1 << 20);
        assert!(!room.cut(1 << 20));
        room.refused(2 << 20, false);
        room.passed(1 << 20);
        assert!(room.cut(3 << 20));
    }
}
