//! `sources/shared/NAME.yaml`: what several sources of one site say, merged below what each of them says itself.
use schemars::JsonSchema;
use serde::Deserialize;

use super::ordered::Ordered;
use super::partition::{Partition, PartitionChoice};
use super::request::{Part, Request};
use super::responses::Responses;
use super::source::{AuthChoice, Limits, Param, Retry, Source};
use crate::scalar::Origin;

/// A shared part in `sources/shared/NAME.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SharedPart {
    /// Knobs with their defaults; a source that has one of the same name keeps its own.
    #[serde(default)]
    pub params: Ordered<Param>,
    /// Who we are.
    pub auth: Option<AuthChoice>,
    /// Origins that credentials may be sent to besides that of `request`; added to those of the source.
    #[serde(default)]
    pub trust: Vec<Origin>,
    /// How fast; the source wins member by member.
    pub limits: Option<Limits>,
    /// Headers of every request of the source, its parent calls and details included.
    #[serde(default)]
    pub headers: Ordered<Part>,
    /// Query parameters of every request, as `headers`.
    #[serde(default)]
    pub query: Ordered<Part>,
    /// What answers mean; asked after the entries of the source.
    #[serde(default)]
    pub responses: Responses,
}

impl Source {
    /// The same with what it uses of a shared part. What it says itself wins, entry by entry.
    #[must_use]
    pub fn with(&self, part: &SharedPart) -> Source {
        let mut source = self.clone();
        source.params.complete(&part.params);
        source.auth = source.auth.or_else(|| part.auth.clone());
        source.trust.extend(part.trust.iter().cloned());
        source.responses.extend(&part.responses);
        if let Some(limits) = &part.limits {
            source.limits = source.limits.over(limits);
        }
        source.requests(|request| {
            request.headers.complete_headers(&part.headers);
            request.query.complete(&part.query);
        });
        source
    }

    /// Changes its list, its details and its parent calls.
    fn requests(&mut self, mut change: impl FnMut(&mut Request)) {
        change(&mut self.request);
        self.detail.iter_mut().for_each(|detail| change(&mut detail.request));
        for (_, partition) in &mut self.partitions.0 {
            if let Partition::Choice(choice) = partition
                && let PartitionChoice::Call(call) = &mut **choice
            {
                change(&mut call.request);
            }
        }
    }
}

impl<T: Clone> Ordered<T> {
    /// Adds entries whose names are not there yet.
    fn complete(&mut self, others: &Ordered<T>) {
        for (name, value) in others.iter() {
            if self.get(name).is_none() {
                self.0.push((name.to_owned(), value.clone()));
            }
        }
    }

    /// The same for names of headers, which are compared without case.
    fn complete_headers(&mut self, others: &Ordered<T>) {
        for (name, value) in others.iter() {
            if !self.names().any(|known| known.eq_ignore_ascii_case(name)) {
                self.0.push((name.to_owned(), value.clone()));
            }
        }
    }
}

impl Limits {
    /// These, and of others what is not said here.
    fn over(&self, others: &Limits) -> Limits {
        let retry = match (&self.retry, &others.retry) {
            (Some(own), Some(other)) => Some(Retry {
                attempts: own.attempts.or(other.attempts),
                wait: own.wait.or(other.wait),
                at_most: own.at_most.or(other.at_most),
            }),
            (own, other) => own.clone().or_else(|| other.clone()),
        };
        Limits {
            rate: self.rate.clone().or_else(|| others.rate.clone()),
            quota: if self.quota.is_empty() { others.quota.clone() } else { self.quota.clone() },
            parallel: self.parallel.clone().or_else(|| others.parallel.clone()),
            timeout: self.timeout.clone().or_else(|| others.timeout.clone()),
            retry,
            learn: self.learn.clone().or_else(|| others.learn.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Text, read};

    /// A source as it is after its shared part was merged.
    fn merged(source: &str, part: &str) -> Source {
        let source = format!("source: x\nuse: p\nrecords: $.r[*]\nkey: $.id\nmap: {{title: $.t, url: $.u}}\n{source}");
        let texts = [("sources/x.yaml", source.as_str()), ("sources/shared/p.yaml", part)];
        let texts = texts.map(|(path, text)| Text { path: path.into(), text: text.into() });
        let (definitions, _) = read(&texts);
        definitions.sources["x"].with(&definitions.shared["p"])
    }

    const REQUEST: &str = "request: {get: \"https://a.example/\"}\n";

    #[test]
    fn limits_are_merged_member_by_member() {
        let part = "limits: {rate: 3/s, quota: [9/d], timeout: 7s, retry: {attempts: 2, wait: 3s}, \
                    learn: {remaining: header Left, reset: header Reset, as: seconds}}";
        let own = format!("{REQUEST}limits: {{rate: 8/s, quota: [1/d], retry: {{wait: 5s}}}}");
        let limits = merged(&own, part).limits;
        assert_eq!(limits.rate, Some("8/s".parse().unwrap()));
        assert_eq!(limits.quota, ["1/d".parse().unwrap()], "one quota wins over the other");
        assert_eq!(limits.timeout, Some("7s".parse().unwrap()));
        assert!(limits.learn.is_some());
        let retry = limits.retry.unwrap();
        assert_eq!((retry.attempts, retry.wait), (Some(2), Some("5s".parse().unwrap())));
        assert!(merged(REQUEST, part).limits.retry.is_some());
    }

    #[test]
    fn every_request_gets_headers_and_query_and_keeps_its_own() {
        let own = "request: {get: \"https://a.example/\", headers: {x-api: own}}\n\
                   detail: {request: {get: \"https://a.example/${record.id}\", query: {v: 2}}}\n\
                   for: {b: {call: {request: {get: \"https://a.example/b\"}, records: $.b, value: $.id}}}";
        let source = merged(own, "headers: {X-Api: shared}\nquery: {v: 1}");
        assert_eq!(source.request.headers.names().collect::<Vec<_>>(), ["x-api"], "a header has no case");
        let detail = source.detail.unwrap().request;
        assert_eq!((detail.headers.0.len(), detail.query.0.len()), (1, 1));
        assert_eq!(detail.query.get("v"), Some(&Part::Value(crate::tree::Tree::Int(2))));
        let Partition::Choice(choice) = &source.partitions.0[0].1 else { panic!() };
        let PartitionChoice::Call(call) = &**choice else { panic!() };
        assert_eq!((call.request.headers.0.len(), call.request.query.0.len()), (1, 1));
    }

    #[test]
    fn who_we_are_and_knobs_are_the_sources_own_where_it_has_some() {
        let part = "auth: {bearer: t}\nparams: {a: 1, b: 2}\ntrust: [\"https://b.example\"]";
        let source = merged(&format!("{REQUEST}params: {{a: 3}}\nauth: none\ntrust: [\"https://c.example\"]"), part);
        assert!(matches!(source.auth, Some(AuthChoice::One(crate::definition::auth::Auth::None))));
        assert_eq!(source.params.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(source.trust.len(), 2);
        assert!(matches!(merged(REQUEST, part).auth, Some(AuthChoice::One(crate::definition::auth::Auth::Bearer(_)))));
    }
}
