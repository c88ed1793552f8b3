//! Violations, counted by kind, each with the words that help to find it.
use std::collections::BTreeMap;
use std::fmt;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// An offer that was served in a committed page is not in the store.
    Lost,
    /// An offer is in the store more than once.
    Doubled,
    /// The store holds another revision than the last one, or says something that the site did not say.
    Stale,
    /// An offer that is gone is open, or one that the site shows is closed.
    Lifecycle,
    /// A run says `complete`, and has not brought all that the site showed all the while.
    Incomplete,
    /// Something is in the store or in the journal that was never served.
    Phantom,
    /// A record was rejected or refused, and the quarantine does not hold it as it came.
    LetterMissing,
    /// The quarantine holds something twice, or something that was not rejected.
    LetterDoubled,
    /// Numbers do not add up, or differ from each other.
    Ledger,
    /// A line of the change log is missing, or there twice.
    ChangeLog,
    /// `verify` found something.
    Verify,
    /// A site was asked before the time that it had asked for was over.
    Impolite,
    /// A redirect to another origin was followed.
    Strayed,
    /// A secret was found where it must not be.
    Leak,
    /// A run says `complete` while the store lacks offers, or holds old ones, and another hand had been there before.
    Unsaid,
    /// A run that could not work says nothing of why, or something untrue.
    Unclear,
    /// What is another hand's was changed.
    Touched,
    /// The program took away its own index of offers.
    Destroyed,
    /// What nothing disturbs any more does not come to an end as it should.
    Stuck,
}

/// All violations of a schedule.
#[derive(Debug, Default)]
pub struct Verdict {
    wrong: BTreeMap<Wrong, u64>,
    told: Vec<String>,
    /// Records that were compared.
    pub compared: u64,
    /// Offers of which a store outside holds more than the journal committed.
    pub ahead: u64,
}

/// Violations of a kind that are told one by one.
const TOLD: u64 = 8;

impl Verdict {
    pub fn add(&mut self, wrong: Wrong, what: impl fmt::Display) {
        let count = self.wrong.entry(wrong).or_default();
        *count += 1;
        if *count <= TOLD {
            self.told.push(format!("{wrong:?}: {what}"));
        }
    }

    /// Two numbers or texts that must be equal.
    pub fn same<T: PartialEq + fmt::Debug>(&mut self, wrong: Wrong, what: impl fmt::Display, left: T, right: T) {
        if left != right {
            self.add(wrong, format!("{what}: {left:?} and {right:?}"));
        }
    }

    pub fn count(&self) -> u64 {
        self.wrong.values().sum()
    }

    pub fn merge(&mut self, other: Verdict) {
        for (wrong, count) in other.wrong {
            *self.wrong.entry(wrong).or_default() += count;
        }
        self.told.extend(other.told);
        self.compared += other.compared;
        self.ahead += other.ahead;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told.iter().try_for_each(|told| writeln!(f, "  {told}"))?;
        match self.wrong.is_empty() {
            true => write!(f, "none"),
            false => write!(f, "{:?}", self.wrong),
        }
    }
}
