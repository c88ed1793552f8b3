//! What another hand may do at the server behind the program's back.

/// Indices of the program: of offers by its alias, of claims by its name.
pub const OFFERS: &str = "jobmarket-offers";
pub const CLAIMS: &str = "jobmarket-claims";

/// Indices of the hand: somebody else's, a copy of ours, what a lifecycle policy makes.
pub const STRANGER: &str = "my-index";
pub const COPY: &str = "jobmarket-offers-v2";
pub const ROLLED: &str = "jobmarket-offers-000002";
const PIPELINE: &str = "pipeline-of-the-hand";

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Indices are deleted.
    Delete(&'static [&'static str]),
    /// Older copies of indices are put back.
    PutBack(&'static [&'static str]),
    /// Aliases are moved to an index of the hand.
    Move(&'static [&'static str], &'static str),
    /// A setting of the index of offers is set.
    Set(&'static str, &'static str),
    Close,
    RollOver,
    DeleteSome,
    EditSome,
    /// Documents that are no offers of ours are put into the index of offers.
    AddForeign,
}

pub const SEARCHED: &str = OFFERS;
pub const WRITTEN: &str = "jobmarket-offers-write";

/// One thing that a hand does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deed {
    pub name: &'static str,
    pub kind: Kind,
    /// What a run must name that meets it; nothing where a run may live with it.
    pub named: Option<&'static str>,
}

const fn deed(name: &'static str, kind: Kind, named: Option<&'static str>) -> Deed {
    Deed { name, kind, named }
}

/// All of them.
pub const DEEDS: [Deed; 18] = [
    deed("offers deleted", Kind::Delete(&[OFFERS]), None),
    deed("claims deleted", Kind::Delete(&[CLAIMS]), None),
    deed("both deleted", Kind::Delete(&[OFFERS, CLAIMS]), None),
    deed("older offers put back", Kind::PutBack(&[OFFERS]), None),
    deed("older claims put back", Kind::PutBack(&[CLAIMS]), None),
    deed("older ones of both put back", Kind::PutBack(&[OFFERS, CLAIMS]), None),
    deed("search alias to a stranger", Kind::Move(&[SEARCHED], STRANGER), Some(STRANGER)),
    deed("both aliases to a stranger", Kind::Move(&[SEARCHED, WRITTEN], STRANGER), Some(STRANGER)),
    deed("search alias to a copy", Kind::Move(&[SEARCHED], COPY), Some(COPY)),
    deed("both aliases to a copy", Kind::Move(&[SEARCHED, WRITTEN], COPY), Some(COPY)),
    deed("writes blocked", Kind::Set("index.blocks.write", "true"), Some("index.blocks.write")),
    deed("read-only", Kind::Set("index.blocks.read_only", "true"), Some("index.blocks.read_only")),
    deed("pipeline that is missing", Kind::Set("index.default_pipeline", PIPELINE), Some(PIPELINE)),
    deed("closed", Kind::Close, Some("closed")),
    deed("rolled over", Kind::RollOver, None),
    deed("documents deleted", Kind::DeleteSome, None),
    deed("documents edited", Kind::EditSome, None),
    deed("foreign documents", Kind::AddForeign, None),
];

impl Deed {
    /// Whether what is searched is not what is stored, or cannot be asked: whoever reads must say so.
    pub fn hides(&self) -> bool {
        match self.kind {
            Kind::Move(aliases, _) => aliases.contains(&SEARCHED),
            kind => kind == Kind::Close,
        }
    }

    /// Whether the hand must take it back.
    pub fn lasts(&self) -> bool {
        matches!(self.kind, Kind::Move(..) | Kind::Set(..) | Kind::Close | Kind::RollOver)
    }
}
