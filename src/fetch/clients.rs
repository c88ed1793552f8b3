//! The clients that requests go out by: one for each way to resolve names, with and without the proxies of the environment.
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

use super::network::{Closed, admits_address};
use super::resolve::{Filter, Lookup};
use crate::exchange::Reach;
use crate::plan::is_direct;

/// All of them.
pub(super) struct Clients {
    public: Pair,
    /// Where private networks are open.
    private: Pair,
    proxies: Arc<Vec<String>>,
}

struct Pair {
    proxied: reqwest::Client,
    direct: reqwest::Client,
}

impl Clients {
    pub(super) fn new(lookup: &Lookup) -> Result<Self, reqwest::Error> {
        let proxies = Arc::new(proxies());
        let pair = |private: bool| {
            let builder = |exempt: Arc<Vec<String>>| {
                reqwest::Client::builder()
                    .user_agent(concat!("jobmarket/", env!("CARGO_PKG_VERSION")))
                    .redirect(reqwest::redirect::Policy::none())
                    .connect_timeout(Duration::from_secs(10))
                    .dns_resolver(Filter { lookup: lookup.clone(), private, exempt })
            };
            Ok(Pair { proxied: builder(proxies.clone()).build()?, direct: builder(Arc::default()).no_proxy().build()? })
        };
        let (public, private) = (pair(false)?, pair(true)?);
        Ok(Clients { public, private, proxies })
    }

    /// The client that asks an address, with a credential or without; none where it may not be asked. What is written
    /// as an address is judged here: no resolver is asked for it.
    pub(super) fn of(&self, target: &Url, reach: &Reach, credential: bool) -> Result<&reqwest::Client, Closed> {
        // The name of a proxy leads into its network: who asks a site by it is no proxy.
        let proxy = target.domain().is_some_and(|host| self.proxies.iter().any(|name| name == host));
        let direct = proxy || is_direct(target, credential);
        let written = match target.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        if let Some(address) = written.filter(|address| !admits_address(reach, *address)) {
            return Err(Closed { host: target.host_str().unwrap_or_default().to_owned(), address });
        }
        let pair = if reach.private { &self.private } else { &self.public };
        Ok(if direct { &pair.direct } else { &pair.proxied })
    }
}

/// The names of the proxies of the environment, as the client reads them.
fn proxies() -> Vec<String> {
    let given = ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"];
    let urls = given.into_iter().filter_map(|name| std::env::var(name).ok()).filter_map(|text| {
        let whole = if text.contains("://") { text } else { format!("http://{text}") };
        Url::parse(&whole).ok()
    });
    urls.filter_map(|url| url.domain().map(str::to_lowercase)).collect()
}
