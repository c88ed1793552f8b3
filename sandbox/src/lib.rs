//! The job sites of JobMarket's tests and demo, simulated on loopback. Knows nothing of `jobmarket`.
#![allow(clippy::disallowed_methods)]

mod francetravail;
mod boards;
mod faults;
mod smartrecruiters;
mod serve;
pub mod words;
pub mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

pub use faults::Fault;
pub use smartrecruiters::COMPANIES;
pub use world::{Options, Site, Truth, World};

/// The client's name that the simulated France Travail knows.
pub const CLIENT_ID: &str = "PAR_sandbox_client";
/// Its secret.
pub const CLIENT_SECRET: &str = "sandbox-secret-of-nobody";

/// What the sites share: the offers, and the faults that are ordered.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The offers. Handlers hold the lock for one page at a time.
    pub world: Arc<Mutex<World>>,
    /// Faults to come.
    pub faults: Arc<Mutex<faults::Faults>>,
}

/// The simulated sites, until it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    shared: Shared,
    addresses: Vec<(Site, SocketAddr)>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Sandbox {
    /// Starts the sites, each on a port of its own, inside the caller's runtime.
    pub async fn start(options: Options) -> io::Result<Self> {
        let shared = Shared {
            faults: Arc::new(Mutex::new(faults::Faults::new(&options))),
            world: Arc::new(Mutex::new(World::new(options))),
        };
        let (mut addresses, mut tasks) = (Vec::new(), Vec::new());
        for site in Site::ALL {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            addresses.push((site, listener.local_addr()?));
            tasks.push(tokio::spawn(serve::serve(site, shared.clone(), listener)));
        }
        Ok(Sandbox { shared, addresses, tasks })
    }

    /// The origins of the sites, and what stands for each.
    pub fn origins(&self) -> Vec<(&'static str, String)> {
        let of = |(site, address): &(Site, SocketAddr)| {
            site.origins().iter().map(|origin| (*origin, format!("http://{address}"))).collect::<Vec<_>>()
        };
        self.addresses.iter().flat_map(of).collect()
    }

    /// Looks at the offers, or changes them.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.shared.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Orders a fault for the next answers of a site.
    pub fn fault(&self, site: Site, fault: Fault, times: usize) {
        self.shared.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner).order(site, fault, times);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
