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
        provider();
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

/// What TLS computes with. A client cannot be made before.
pub(crate) fn provider() {
    static PROVIDER: std::sync::Once = std::sync::Once::new();
    PROVIDER.call_once(|| {
        // A second provider, installed by an embedding program, is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Chosen;
    use crate::fetch::resolve;

    /// Addresses outside of this machine are judged here, where nothing is sent.
    fn is_open(host: &str, private: bool, chosen: Chosen) -> bool {
        let clients = Clients::new(&resolve::system()).unwrap();
        let url = Url::parse(&format!("http://{host}:81/x")).unwrap();
        clients.of(&url, &Reach { private, chosen }, false).is_ok()
    }

    fn by_file() -> Chosen {
        Chosen::Files("sources/s.yaml:3".into())
    }

    fn by_answer() -> Chosen {
        Chosen::Answer("`record.at` at sources/s.yaml:7".into())
    }

    #[test]
    fn a_private_address_is_open_to_who_writes_it_or_says_private() {
        let hosts = "10.0.0.1 10.1 0xa.1 167772161 012.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 192.168.257 0xc0a80001 \
            100.64.0.1 100.127.255.254 198.18.0.1 192.0.2.1 198.51.100.1 203.0.113.1 [::127.0.0.1] [::ffff:0:127.0.0.1] \
            [::ffff:10.0.0.1] [fc00::1] [fd12:3456::1] [fec0::1] [64:ff9b::127.0.0.1] [64:ff9b::10.0.0.1] [64:ff9b:1::1] \
            [2002:7f00:1::] [2002:a00:1::1] [2001:0:101:101::80ff:fffe] [2001:db8::1] [100::1] [2a00::5efe:127.0.0.1]";
        for host in hosts.split_whitespace() {
            assert!(!is_open(host, false, by_answer()), "{host}");
            assert!(is_open(host, false, by_file()) && is_open(host, true, by_answer()), "{host}");
        }
    }

    #[test]
    fn the_link_is_open_to_who_does_both() {
        let hosts = "169.254.169.254 169.254.0.1 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.43518 100.100.100.200 \
            168.63.129.16 192.0.0.192 [fe80::1] [fd00:ec2::254] [::ffff:169.254.169.254] [::ffff:a9fe:a9fe] \
            [64:ff9b::a9fe:a9fe] [2002:a9fe:a9fe::1]";
        for host in hosts.split_whitespace() {
            assert!(!is_open(host, false, by_answer()) && !is_open(host, true, by_answer()), "{host}");
            assert!(!is_open(host, false, by_file()) && is_open(host, true, by_file()), "{host}");
        }
    }

    #[test]
    fn what_is_no_site_is_open_to_nobody_and_what_is_public_to_all() {
        let nowhere = "0.0.0.0 0 0x0 0.1.2.3 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 4294967295 [::] [ff02::1] \
            [64:ff9b::0.0.0.0]";
        for (hosts, open) in [(nowhere, false), ("1.1.1.1 0x01010101 [2606:4700::1111] [64:ff9b::1.1.1.1]", true)] {
            for host in hosts.split_whitespace() {
                assert_eq!(is_open(host, true, by_file()), open, "{host}");
                assert_eq!(is_open(host, false, by_answer()), open, "{host}");
            }
        }
    }
}
