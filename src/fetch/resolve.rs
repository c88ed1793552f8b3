//! From names to addresses: what a name may not lead to is left out here, and only what is left is connected to.
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::network::{Closed, admits_name};

/// The addresses of a name, as they come.
pub type Found = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
/// Who knows the addresses of names.
pub type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// The resolver of the system.
pub(super) fn system() -> Lookup {
    Arc::new(|host| {
        Box::pin(
            async move { Ok(tokio::net::lookup_host((host.as_str(), 0)).await?.map(|address| address.ip()).collect()) },
        )
    })
}

/// A resolver that gives the addresses that may be asked. The client knows no others, so a name that changes between
/// two look-ups leads nowhere else.
pub(super) struct Filter {
    pub lookup: Lookup,
    /// Whether private networks are open.
    pub private: bool,
    /// Names of proxies: they stand where the user has put them.
    pub exempt: Arc<Vec<String>>,
}

impl Resolve for Filter {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let private = self.private || self.exempt.contains(&host.to_lowercase());
        let found = (self.lookup)(host.clone());
        Box::pin(async move {
            let (open, closed): (Vec<IpAddr>, Vec<IpAddr>) =
                found.await?.into_iter().partition(|address| admits_name(private, *address));
            match (open.is_empty(), closed.first()) {
                (true, Some(address)) => Err(Closed { host, address: *address }.into()),
                _ => Ok(Box::new(open.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs),
            }
        })
    }
}
