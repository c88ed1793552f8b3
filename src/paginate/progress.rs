//! What the guards need of a slice's past, kept by the engine beside its position.
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Numbers and hashes of the pages of a slice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Pages that are committed.
    pub pages: u64,
    /// Records of these, before `only`.
    pub received: u64,
    /// The total that page 1 announced.
    pub total: Option<u64>,
    /// Whether pages announced different totals.
    pub uneven: bool,
    /// Hashes of the last pages.
    pub hashes: VecDeque<u64>,
    /// Parts of the page at the slice's position that are committed.
    #[serde(default)]
    pub part: u32,
    /// Whether the first pass of a slice read twice is over.
    pub again: bool,
}

/// How many hashes are kept.
const HASHES: usize = 50;

impl Progress {
    /// Takes a page in; whether its bytes were seen before in this slice.
    pub fn page(&mut self, hash: u64, records: u64) -> bool {
        self.pages += 1;
        self.received += records;
        let repeated = records > 0 && self.hashes.contains(&hash);
        if self.hashes.len() == HASHES {
            self.hashes.pop_front();
        }
        self.hashes.push_back(hash);
        repeated
    }
}
