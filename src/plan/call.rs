//! A call to a site, page by page: what is asked, who asks, how fast, and what answers mean.
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::request::{RequestError, To};
use super::{Audience, Hosts, Limits, RequestPlan, Window};
use crate::auth::Credential;
use crate::convert::render::Scope;
use crate::convert::{Lookups, Moment};
use crate::decode::Decoding;
use crate::definition::responses::Responses;
use crate::exchange::Request;
use crate::offer::instant;
use crate::paginate::Pagination;
use crate::position::Position;
use crate::scalar::Reader;
use crate::tree::Tree;

/// One kind of request of a plan: its list, its details, or a parent call.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is asked.
    pub request: Arc<RequestPlan>,
    /// Who asks.
    pub credential: Arc<Credential>,
    /// Where that may be seen.
    pub audience: Audience,
    /// How far it may go into networks that are not public.
    pub hosts: Hosts,
    /// How a slice advances.
    pub pages: Pagination,
    /// What answers mean.
    pub responses: Responses,
    /// How fast, how many, how long.
    pub limits: Limits,
    /// From bytes to values.
    pub decode: Decoding,
    /// What its templates read besides the page.
    pub knobs: Arc<Knobs>,
}

/// What the templates of a plan read, fixed before the first request.
#[derive(Debug, Default)]
pub struct Knobs {
    /// Parameters.
    pub params: Vec<(String, Tree<'static>)>,
    /// Variables of the environment.
    pub env: Vec<(String, Tree<'static>)>,
    /// The tables.
    pub lookups: Arc<Lookups>,
}

impl Knobs {
    /// A scope with `param` and `env`, for something received at this time.
    pub fn scope<'s>(&self, fetched: DateTime<Utc>) -> Scope<'s> {
        let moment = Moment { fetched, lookups: self.lookups.clone() };
        Scope::new(&moment).with("param", named(&self.params)).with("env", named(&self.env))
    }
}

/// Which page of which slice is asked.
pub struct Place<'a> {
    /// Values of the partition.
    pub partition: &'a [(String, Tree<'static>)],
    /// Its window.
    pub window: Option<Window>,
    /// The page.
    pub position: &'a Position,
    /// The record that a detail is asked for.
    pub record: Option<&'a Tree<'a>>,
}

impl Call {
    /// Whether an address that no file writes may be of this origin: that of its token, or one out of a parameter or a
    /// variable.
    pub fn may_ask(&self, origin: &str) -> bool {
        let values = self.knobs.params.iter().chain(&self.knobs.env).map(|(_, value)| value.to_string());
        let token = self.credential.token.as_ref().map(|token| token.url.clone());
        values.chain(token).any(|value| value.contains(origin))
    }

    /// The headers of an answer that say what it means and how its slice goes on.
    pub fn headers_read(&self) -> Vec<String> {
        let tests = self.responses.iter().filter_map(|(codes, _)| codes.test.as_ref().map(|(_, reader)| reader));
        let readers = self.pages.readers().into_iter().chain(tests);
        readers.filter_map(Reader::header).map(str::to_ascii_lowercase).collect()
    }

    /// The request of a page.
    pub fn request(&self, place: &Place<'_>) -> Result<Request, RequestError> {
        let [auth, secret] = [&self.credential.path, &self.credential.placed].map(|named| revealed(named));
        let page = self.pages.rule().variables(place.position);
        let window = place.window.map(|(start, end)| window(start, end)).unwrap_or_default();
        let mut scope = self
            .knobs
            .scope(DateTime::UNIX_EPOCH)
            .with("auth", named(&auth))
            .with("secret", named(&secret))
            .with("for", named(place.partition))
            .with("page", page.iter().map(|(name, value)| (*name, value)))
            .with("window", window.iter().map(|(name, value)| (*name, value)));
        if let Some(record) = place.record {
            scope = scope.tree("record", record);
        }
        // The next address of a list is none of its details.
        let (url, next) = match place.position {
            Position::Address(Some(address)) if place.record.is_none() => (address.clone(), true),
            _ => (self.request.address(&scope)?, false),
        };
        let start = self.pages.rule().variables(&self.pages.rule().start());
        let first = scope.clone().with("page", start.iter().map(|(name, value)| (*name, value)));
        let (trusted, reach) = (self.audience.admits(&url, &scope), self.hosts.reach(&url, &first));
        self.request.render(To { url, next, trusted, reach }, &scope)
    }
}

/// What `${window.…}` stands for; `last` is the end less one second.
pub(crate) fn window(start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<(&'static str, Tree<'static>)> {
    let last = (end - TimeDelta::seconds(1)).max(start);
    [("start", start), ("end", end), ("last", last)].map(|(name, at)| (name, Tree::from(instant(at)))).to_vec()
}

fn revealed(named: &[(String, SecretString)]) -> Vec<(String, Tree<'static>)> {
    named.iter().map(|(name, secret)| (name.clone(), Tree::from(secret.expose_secret()))).collect()
}

/// Entries by reference.
pub(crate) fn named<'e>(entries: &'e [(String, Tree<'static>)]) -> impl Iterator<Item = (&'e str, &'e Tree<'e>)> {
    entries.iter().map(|(name, value)| (name.as_str(), value))
}
