//! Pagination: how a slice advances from page to page, and when it ends.

/// What guards need of a slice's past; kept by the engine beside the position.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Progress {}
