//! ORIGIN: scheme, host and port of an address; a `*` stands for one or more labels of the host.
use std::str::FromStr;

use url::Url;

use super::fault::{Carried, Fault};

/// An origin that credentials may be sent to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Origin {
    /// The origin; of a pattern, that of the labels behind `*.`.
    base: String,
    /// Whether labels must stand before it.
    any: bool,
}

impl Origin {
    /// Whether an address is of this origin.
    pub fn admits(&self, url: &Url) -> bool {
        let origin = url.origin().ascii_serialization();
        if !self.any {
            return origin == self.base;
        }
        let (Some((scheme, host)), Some((base_scheme, base))) = (origin.split_once("://"), self.base.split_once("://"))
        else {
            return false;
        };
        let labels = host.strip_suffix(base).and_then(|before| before.strip_suffix('.'));
        scheme == base_scheme && labels.is_some_and(|labels| !labels.is_empty())
    }
}

impl Origin {
    /// Whether an address is of this origin, and the origin is no pattern.
    pub fn is_written(&self, url: &Url) -> bool {
        !self.any && self.admits(url)
    }
}

impl FromStr for Origin {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let (any, plain) = match text.split_once("://*.") {
            Some((scheme, rest)) => (true, format!("{scheme}://{rest}")),
            None => (false, text.to_owned()),
        };
        let fault = |message: String| {
            Fault::new("bad-value", 0..text.len(), message)
                .hint("an origin is `https://host` or `http://host:port`; `https://*.example.com` is any host below it")
        };
        let url = Url::parse(&plain).ok().filter(|url| url.has_host() && !plain.contains('*'));
        let url = url.ok_or_else(|| fault(format!("`{text}` is not an origin")))?;
        // Below a single label everybody may have a host.
        if any && !url.host_str().is_some_and(|host| host.contains('.')) {
            return Err(fault(format!("`{text}` would be any host at all")));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(fault(format!("`{text}` is more than an origin")));
        }
        Ok(Origin { base: url.origin().ascii_serialization(), any })
    }
}

impl TryFrom<String> for Origin {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: &str, url: &str, expect: bool) {
        let origin: Origin = origin.parse().unwrap();
        assert_eq!(origin.admits(&Url::parse(url).unwrap()), expect, "{origin:?} {url}");
    }

    #[test]
    fn an_origin_is_compared_whole() {
        check("https://a.example", "https://a.example/x?y", true);
        check("https://a.example/", "https://a.example:443/", true);
        check("https://a.example", "http://a.example/", false);
        check("https://a.example", "https://a.example:444/", false);
        check("https://a.example", "https://a.example.evil/", false);
        check("http://127.0.0.1:81", "http://127.0.0.1:82/", false);
    }

    #[test]
    fn a_star_is_one_or_more_labels() {
        check("https://*.example.com", "https://a.example.com/", true);
        check("https://*.example.com", "https://a.b.example.com/x", true);
        check("https://*.example.com", "https://example.com/", false);
        check("https://*.example.com", "https://evilexample.com/", false);
        check("https://*.example.com", "https://a.example.com:8443/", false);
        check("https://*.example.com:8443", "https://a.example.com:8443/", true);
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in ["example.com", "https://", "https://a/path", "https://*", "https://*.com", "https://a.*.com", "x"]
        {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
