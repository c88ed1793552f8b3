//! Where the credentials of a call may go: the origin of `request`, and those that the files list.
use std::sync::Arc;

use url::Url;

use super::RequestPlan;
use crate::convert::render::Scope;
use crate::scalar::Origin;

/// Origins that may get a credential.
#[derive(Clone, Debug)]
pub struct Audience {
    /// The request whose origin is one of them; `None` where an answer decides it.
    pub(super) home: Option<Arc<RequestPlan>>,
    /// Those of `trust` and `to`.
    pub(super) trust: Vec<Origin>,
}

impl Audience {
    /// Whether an address may get it. An origin that the scope cannot tell is none of them.
    pub(super) fn admits(&self, url: &str, scope: &Scope<'_>) -> bool {
        let Ok(url) = Url::parse(url) else { return false };
        self.trust.iter().any(|origin| origin.admits(&url))
            || self.home.as_ref().and_then(|home| home.origin(scope)).is_some_and(|home| home == url.origin())
    }
}
