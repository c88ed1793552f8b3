//! Faults on order, and at random from a seed.
use std::collections::{HashMap, VecDeque};

use crate::world::{Options, Site};

/// What goes wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// This status, without a body; 429 and 503 say `Retry-After: 0`.
    Status(u16),
    /// The connection is closed before an answer.
    Reset,
    /// Half of the body is sent, and the connection closed.
    Truncated,
    /// The body is cut in the middle, with a length that says so.
    BrokenJson,
    /// The total is off by so many.
    LyingTotal(i64),
    /// All tokens are forgotten.
    RevokeTokens,
    /// A page for people, with status 200.
    HtmlWall,
}

/// Faults to come.
#[derive(Debug)]
pub struct Faults {
    ordered: HashMap<Site, VecDeque<Fault>>,
    random: fastrand::Rng,
    permille: u32,
}

impl Faults {
    pub(crate) fn new(options: &Options) -> Self {
        Faults {
            ordered: HashMap::new(),
            random: fastrand::Rng::with_seed(options.seed ^ 0xfa17),
            permille: options.faults,
        }
    }

    pub(crate) fn order(&mut self, site: Site, fault: Fault, times: usize) {
        self.ordered.entry(site).or_default().extend(std::iter::repeat_n(fault, times));
    }

    pub(crate) fn next(&mut self, site: Site) -> Option<Fault> {
        if let Some(fault) = self.ordered.get_mut(&site).and_then(VecDeque::pop_front) {
            return Some(fault);
        }
        let kinds = [Fault::Status(500), Fault::Reset, Fault::Truncated, Fault::Status(429), Fault::RevokeTokens];
        (self.random.u32(0..1_000) < self.permille).then(|| kinds[self.random.usize(0..kinds.len())])
    }
}
