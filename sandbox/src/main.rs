//! The simulated job sites as a program: prints where they listen, and serves until it is ended.
#![allow(clippy::disallowed_methods)]

use clap::Parser;
use sandbox::{CLIENT_ID, CLIENT_SECRET, Options, Sandbox, world};

/// Simulated job sites on loopback.
///
/// Example: jobmarket-sandbox --offers 40000 --days 1
#[derive(Parser)]
struct Flags {
    /// Everything follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Offers of France Travail.
    #[arg(long, default_value_t = 1_000)]
    offers: usize,
    /// Days before now over which they were created.
    #[arg(long, default_value_t = 30)]
    days: i64,
    /// How many in a hundred are a partner's.
    #[arg(long, default_value_t = 40)]
    partners: u32,
    /// Answers in a thousand that are a fault.
    #[arg(long, default_value_t = 0)]
    faults: u32,
    /// Requests a second before 429.
    #[arg(long, default_value_t = 10)]
    rate: u32,
    /// Files of real records of France Travail, instead of made ones.
    #[arg(long)]
    records: Vec<std::path::PathBuf>,
    /// Changes of France Travail's offers, one every so many milliseconds.
    #[arg(long)]
    change_every: Option<u64>,
}

#[tokio::main]
async fn main() -> Result<(), std::io::Error> {
    let flags = Flags::parse();
    let mut records = Vec::new();
    for path in &flags.records {
        records.extend(world::records(path)?);
    }
    let options = Options {
        seed: flags.seed,
        offers: flags.offers,
        span: chrono::TimeDelta::days(flags.days),
        partners: flags.partners,
        faults: flags.faults,
        rate: flags.rate,
        records,
        ..Options::default()
    };
    let sites = Sandbox::start(options).await?;
    let origins: serde_json::Map<String, serde_json::Value> =
        sites.origins().into_iter().map(|(from, to)| (from.to_owned(), to.into())).collect();
    println!("{}", serde_json::json!({"origins": origins, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}));
    match flags.change_every {
        None => std::future::pending().await,
        Some(millis) => loop {
            tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
            sites.world(|world| world.change(sandbox::Site::FranceTravail, 1));
        },
    }
}
