//! What an answer says of its slice besides its records, read while its body is at hand.
use super::figure::quoted;
use super::{Figure, Paginate};
use crate::exchange::Page;
use crate::scalar::Reader;
use crate::tree::Tree;

/// What an answer says of its slice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Announced {
    /// Records of the slice; `None` where no `total` is declared.
    pub total: Option<Figure>,
    /// Pages of the slice; `None` where no `count` is declared.
    pub count: Option<Figure>,
    /// Whether `more` and `last` say that there is more; `None` where neither is declared, an error is what was found.
    pub more: Option<Result<bool, String>>,
    /// Where it points to.
    pub pointer: Pointer,
}

/// Where an answer points to.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Pointer {
    /// The slice is not led by pointers.
    #[default]
    Undeclared,
    /// Nowhere: this is the last page.
    Nowhere,
    /// To the page with this cursor.
    Cursor(String),
    /// To the page with this address.
    Address(String),
    /// To the page itself.
    Itself,
    /// Somewhere that cannot be asked, and what to do about it.
    Refused(super::End),
}

impl Announced {
    /// Reads all that a member declares.
    pub fn read(rule: &dyn Paginate, page: &Page, body: &Tree<'_>) -> Self {
        let common = rule.common();
        let flag = |reader: &Reader| {
            let expected = "where a yes or a no was expected";
            reader.truth(page, body).map_err(|found| format!("`{reader}`: {} {expected}", quoted(&found)))
        };
        let more = common.more.map(flag);
        let last = common.last.map(|reader| flag(reader).map(|last| !last));
        Announced {
            total: common.total.map(|total| Figure::read(&total.at, page, body)),
            count: common.count.map(|(reader, _)| Figure::read(reader, page, body)),
            more: match (more, last) {
                (Some(Ok(more)), Some(Ok(last))) => Some(Ok(more && last)),
                (Some(Err(found)), _) | (_, Some(Err(found))) => Some(Err(found)),
                (more, last) => more.or(last),
            },
            pointer: rule.pointer(page, body),
        }
    }

    /// Whether the site says that there is more.
    pub(super) fn says_more(&self) -> bool {
        self.more == Some(Ok(true))
    }
}
