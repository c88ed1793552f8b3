//! How far the requests of a call may go: into the networks that its source may enter, and to the origins that the files
//! write out.
use std::sync::Arc;

use url::Url;

use super::RequestPlan;
use crate::convert::render::{RenderError, Scope};
use crate::definition::address::deciding;
use crate::definition::request::Request;
use crate::definition::source::Source;
use crate::exchange::{Chosen, Reach};
use crate::scalar::Origin;

/// What is known of the hosts of a call before its first request.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// `private` of the source.
    private: bool,
    /// Requests whose origin the files write, for their first page at least: its own, and that of the list.
    homes: Vec<Arc<RequestPlan>>,
    /// Origins of `trust` and `to`.
    trust: Vec<Origin>,
    /// Where its address stands.
    place: String,
    /// The name in it by which an answer decides the host.
    decided_by: Option<String>,
}

impl Hosts {
    /// Of a call of this source whose address stands at a place.
    pub(super) fn new(own: &Request, source: &Source, trust: &[Origin], place: String) -> Result<Self, RenderError> {
        let pages_only = |request: &&Request| deciding(&request.url, source).iter().all(|name| name.parts[0] == "page");
        let written = [own, &source.request].into_iter().filter(pages_only);
        let homes = written.map(|request| Ok(Arc::new(RequestPlan::compile(request)?)));
        Ok(Hosts {
            private: source.private,
            homes: homes.collect::<Result<_, RenderError>>()?,
            trust: trust.to_vec(),
            place,
            decided_by: deciding(&own.url, source).first().map(|name| name.dotted()),
        })
    }

    /// How far a request to this address may go; `first` is the scope of a first page, which no answer has come before.
    pub(super) fn reach(&self, url: &str, first: &Scope<'_>) -> Reach {
        let named = Url::parse(url).is_ok_and(|url| {
            self.trust.iter().any(|origin| origin.is_written(&url))
                || self.homes.iter().filter_map(|home| home.origin(first)).any(|home| home == url.origin())
        });
        let chosen = match (&self.decided_by, named) {
            (_, true) => Chosen::Files(self.place.clone()),
            (Some(name), false) => Chosen::Answer(format!("`{name}` at {}", self.place)),
            (None, false) => Chosen::Answer(format!("the next address of {}", self.place)),
        };
        Reach { private: self.private, chosen }
    }
}
