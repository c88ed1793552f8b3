//! `single`: one page holds everything.
use serde::Deserialize;

use super::{Common, End, Next, Paginate, Seen, Total};
use crate::position::Position;
use crate::tree::Tree;

/// One page.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Single {
    /// Number of records announced. Null, what is no number, 0 beside records, or less than came is none.
    pub total: Option<Total>,
}

impl Paginate for Single {
    fn common(&self) -> Common<'_> {
        Common { total: self.total.as_ref(), ..Common::default() }
    }

    fn start(&self) -> Position {
        Position::Only
    }

    fn behind(&self, _at: &Position, _records: u64) -> Option<Position> {
        None
    }

    fn next(&self, _at: &Position, _seen: &Seen<'_>) -> Next {
        Next::End(End::Single)
    }

    fn variables(&self, _at: &Position) -> Vec<(&'static str, Tree<'static>)> {
        Vec::new()
    }
}
