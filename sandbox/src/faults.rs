//! Faults on order, and at random from a seed; each one that was really met is counted.
use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::ledger::Body;
use crate::world::{Options, Site};

/// What goes wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// This status, without a body; 429 and 503 say `Retry-After: 0`.
    Status(u16),
    /// This status, and `Retry-After` with so many seconds.
    Wait(u16, u64),
    /// The connection is closed before an answer.
    Reset,
    /// It is closed in the middle of the headers.
    ResetInHead,
    /// It is closed behind the headers.
    ResetAfterHead,
    /// Half of the body is sent, and the connection closed.
    Truncated,
    /// The length says more than is sent.
    WrongLength,
    /// The compressed body is cut in the middle, with a length that says so.
    TruncatedGzip,
    /// The body is cut in the middle, with a length that says so.
    BrokenJson,
    /// Status 200, and nothing.
    Empty,
    /// A byte order mark before the body.
    Bom,
    /// The last page of the site once more.
    Duplicated,
    /// The total is off by so many.
    LyingTotal(i64),
    /// All tokens are forgotten.
    RevokeTokens,
    /// A page for people, with status 200.
    HtmlWall,
    /// The answer comes in two halves, so many milliseconds apart.
    Slow(u64),
    /// One record of a page is no record any more, or has a member that cannot be read.
    Record(Spoilt),
    /// The page announces this in place of its total.
    Total(Announced),
    /// A page without its records, behind which the list goes on.
    EmptyPage,
    /// The first half of a page; what follows is had by asking behind it.
    ShortPage,
    /// A redirect to another origin.
    Elsewhere,
    /// The token call is told an error, with status 200.
    TokenError,
    /// The token call is shown a page for people, with status 200.
    TokenWall,
    /// The body is cut in the middle, and no length says so.
    CutUnsaid,
    /// Status 429, and `Retry-After` names the next second since 1970.
    WaitUntil,
    /// Status 429, and `Retry-After` is a word.
    WaitUnclear,
    /// The body is in windows-1252, as its header says.
    Windows1252,
}

/// What is done to a record of a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spoilt {
    /// Null stands in its place.
    Null,
    /// A member more, whose text ends with half a surrogate.
    HalfSurrogate,
    /// A member more, with a byte that no text has.
    InvalidByte,
    /// A member more, with a number that is larger than any other.
    HugeNumber,
}

/// What stands in place of a total.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Announced {
    /// 0, beside records.
    Zero,
    /// Null, or `*` where it stands in a header.
    Null,
    /// A word.
    Word,
}

impl Fault {
    /// Its name, for tables.
    pub fn name(self) -> String {
        match self {
            Fault::Status(status) => format!("status {status}"),
            Fault::Wait(status, _) => format!("status {status}, Retry-After"),
            Fault::Reset => "reset before the answer".into(),
            Fault::ResetInHead => "reset in the headers".into(),
            Fault::ResetAfterHead => "reset behind the headers".into(),
            Fault::Truncated => "reset in the body".into(),
            Fault::WrongLength => "wrong Content-Length".into(),
            Fault::TruncatedGzip => "truncated gzip".into(),
            Fault::BrokenJson => "malformed JSON".into(),
            Fault::Empty => "empty 200".into(),
            Fault::Bom => "byte order mark".into(),
            Fault::Duplicated => "duplicated page".into(),
            Fault::LyingTotal(_) => "lying total".into(),
            Fault::RevokeTokens => "revoked token".into(),
            Fault::HtmlWall => "HTML with 200".into(),
            Fault::Slow(_) => "slow answer".into(),
            Fault::Record(Spoilt::Null) => "null in the list".into(),
            Fault::Record(Spoilt::HalfSurrogate) => "half a surrogate".into(),
            Fault::Record(Spoilt::InvalidByte) => "invalid byte".into(),
            Fault::Record(Spoilt::HugeNumber) => "number out of range".into(),
            Fault::Total(Announced::Zero) => "total 0".into(),
            Fault::Total(Announced::Null) => "total null".into(),
            Fault::Total(Announced::Word) => "total in words".into(),
            Fault::EmptyPage => "empty page".into(),
            Fault::ShortPage => "short page".into(),
            Fault::Elsewhere => "redirect elsewhere".into(),
            Fault::TokenError => "token error with 200".into(),
            Fault::TokenWall => "HTML for a token".into(),
            Fault::CutUnsaid => "cut without a length".into(),
            Fault::WaitUntil => "Retry-After as an epoch".into(),
            Fault::WaitUnclear => "Retry-After as a word".into(),
            Fault::Windows1252 => "windows-1252".into(),
        }
    }

    /// What it leaves of a body that comes whole.
    pub(crate) fn body(self) -> Body {
        match self {
            Fault::TruncatedGzip | Fault::BrokenJson | Fault::HtmlWall | Fault::CutUnsaid => Body::Broken,
            Fault::Empty => Body::Empty,
            _ => Body::Intact,
        }
    }
}

/// Faults to come, and those that were met.
#[derive(Debug)]
pub struct Faults {
    /// `None` is an answer that is as it should be.
    ordered: HashMap<Site, VecDeque<Option<Fault>>>,
    random: fastrand::Rng,
    permille: u32,
    met: BTreeMap<String, u64>,
}

impl Faults {
    pub(crate) fn new(options: &Options) -> Self {
        Faults {
            ordered: HashMap::new(),
            random: fastrand::Rng::with_seed(options.seed ^ 0xfa17),
            permille: options.faults,
            met: BTreeMap::new(),
        }
    }

    pub(crate) fn order(&mut self, site: Site, after: usize, fault: Fault, times: usize) {
        let ordered = self.ordered.entry(site).or_default();
        ordered.extend(std::iter::repeat_n(None, after));
        ordered.extend(std::iter::repeat_n(Some(fault), times));
    }

    pub(crate) fn clear(&mut self) {
        self.ordered.clear();
    }

    pub(crate) fn meet(&mut self, fault: Fault) {
        *self.met.entry(fault.name()).or_default() += 1;
    }

    pub(crate) fn met(&self) -> BTreeMap<String, u64> {
        self.met.clone()
    }

    pub(crate) fn next(&mut self, site: Site) -> Option<Fault> {
        if let Some(fault) = self.ordered.get_mut(&site).and_then(VecDeque::pop_front) {
            return fault;
        }
        let kinds = [Fault::Status(500), Fault::Reset, Fault::Truncated, Fault::Status(429), Fault::RevokeTokens];
        (self.random.u32(0..1_000) < self.permille).then(|| kinds[self.random.usize(0..kinds.len())])
    }
}
