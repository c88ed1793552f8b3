//! The job sites of JobMarket's tests and demo, simulated on loopback. Knows nothing of `jobmarket`.
#![allow(clippy::disallowed_methods)]

mod francetravail;
mod boards;
mod falsify;
mod faults;
pub mod ledger;
pub mod scripted;
mod smartrecruiters;
mod serve;
mod wire;
mod workload;
pub mod words;
pub mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

pub use faults::{Announced, Fault, Spoilt};
pub use ledger::{Body, Class, Ledger, Line, Served};
pub use smartrecruiters::COMPANIES;
pub use world::{Flaw, Options, Site, Truth, World};

/// The client's name that the simulated France Travail knows.
pub const CLIENT_ID: &str = "PAR_sandbox_client";
/// Its secret.
pub const CLIENT_SECRET: &str = "sandbox-secret-of-nobody";

/// A text of a record that a store is to refuse, whatever its schema takes.
pub const REFUSED: &str = "(refused by the store)";

/// What the sites share: the offers, and the faults that are ordered.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The offers. Handlers hold the lock for one page at a time.
    pub world: Arc<Mutex<World>>,
    /// Faults to come.
    pub faults: Arc<Mutex<faults::Faults>>,
    /// What was served.
    pub ledger: Arc<Mutex<Ledger>>,
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
            ledger: Arc::default(),
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

    /// Looks at what was served.
    pub fn ledger<T>(&self, look: impl FnOnce(&mut Ledger) -> T) -> T {
        look(&mut self.shared.ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Orders a fault for the next answers of a site.
    pub fn fault(&self, site: Site, fault: Fault, times: usize) {
        self.fault_after(site, 0, fault, times);
    }

    /// Orders a fault behind so many answers that are as they should be.
    pub fn fault_after(&self, site: Site, after: usize, fault: Fault, times: usize) {
        self.faults(|faults| faults.order(site, after, fault, times));
    }

    /// Takes back all faults that were ordered and not met yet.
    pub fn calm(&self) {
        self.faults(faults::Faults::clear);
    }

    /// Faults that were met, by their names.
    pub fn met(&self) -> std::collections::BTreeMap<String, u64> {
        self.faults(|faults| faults.met())
    }

    fn faults<T>(&self, look: impl FnOnce(&mut faults::Faults) -> T) -> T {
        look(&mut self.shared.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
