//! Where requests go instead of their origin: a sandbox, a recording or a proxy counts as the site itself.
use std::collections::BTreeMap;

use url::{Host, Url};

use crate::scalar::Rate;

/// Origins and what stands for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origins {
    targets: BTreeMap<String, (Url, Option<Rate>)>,
}

impl Origins {
    /// Adds an origin; an error when one of the two is no origin.
    pub fn add(&mut self, from: &str, to: &str, rate: Option<Rate>) -> Result<(), String> {
        let (from, to) = (origin(from)?, origin(to)?);
        self.targets.insert(from.origin().ascii_serialization(), (to, rate));
        Ok(())
    }

    /// The origins for which others stand.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.targets.keys().map(String::as_str)
    }

    /// Whether another origin stands for that of an address.
    pub fn covers(&self, url: &Url) -> bool {
        self.targets.contains_key(&url.origin().ascii_serialization())
    }

    /// Where an address really goes, and the rate there.
    pub fn target(&self, url: &Url) -> (Url, Option<Rate>) {
        let Some((to, rate)) = self.targets.get(&url.origin().ascii_serialization()) else {
            return (url.clone(), None);
        };
        let mut target = url.clone();
        // The scheme first: a port that is the scheme's default is dropped.
        let _ = target.set_scheme(to.scheme());
        let _ = target.set_host(to.host_str());
        let _ = target.set_port(to.port());
        (target, *rate)
    }

    /// Those that are used, each with what stands for it: this machine whatever the port, as a sandbox takes another one each
    /// time.
    pub fn identities(&self, used: impl Fn(&str) -> bool) -> Vec<(&str, String)> {
        let identity = |to: &Url| if is_loopback(to) { "this machine" } else { to.as_str() }.to_owned();
        let used = self.targets.iter().filter(|(origin, _)| used(origin));
        used.map(|(origin, (to, _))| (origin.as_str(), identity(to))).collect()
    }

    /// What stands for those that are used, as text for the state: simulated offers never mix with real ones.
    pub fn describe(&self, used: impl Fn(&str) -> bool) -> String {
        let mut kinds: Vec<String> = self.identities(used).into_iter().map(|(_, to)| to).collect();
        kinds.dedup();
        kinds.join(", ")
    }
}

/// An origin as written: what is behind it would be dropped, so nothing may be there.
fn origin(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not an origin: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{text}` is not an origin that can be asked: it begins with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.path() != "/" || url.query().is_some() {
        let origin = url.origin().ascii_serialization();
        return Err(format!("`{text}` is more than an origin, and nothing of the rest would be used: write {origin}"));
    }
    Ok(url)
}

/// Whether an address is asked past the proxies of the environment: this machine needs none, and one would read a
/// credential that goes out unencrypted. Sites and the store are asked alike.
pub fn is_direct(url: &Url, credential: bool) -> bool {
    is_loopback(url) || credential && url.scheme() == "http"
}

/// Whether an address is this machine: nothing leaves it.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_elsewhere() {
        let mut origins = Origins::default();
        origins.add("https://a.example", "http://127.0.0.1:81", None).unwrap();
        let check = |url: &str, expect: &str| assert_eq!(origins.target(&Url::parse(url).unwrap()).0.as_str(), expect);
        check("https://a.example/x?y=1", "http://127.0.0.1:81/x?y=1");
        check("https://a.example:444/x", "https://a.example:444/x");
        for wrong in ["nothing", "ftp://a.example", "http://u:p@a.example", "http://a.example/x", "http://a.example?y"]
        {
            assert!(origins.add(wrong, "http://x", None).is_err(), "{wrong}");
            assert!(origins.add("http://x", wrong, None).is_err(), "{wrong}");
        }
    }
}
