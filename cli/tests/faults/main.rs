//! The fault harness: runs are killed and disturbed at every step, on both stores, while the sites change, fail and lie;
//! then everything that was written is compared with what the sites served, record by record.
//!
//! `JOBMARKET_KILLS=500 cargo test -p jobmarket-cli --test faults -- --nocapture` is the long form, with a table at its
//! end; `JOBMARKET_HANDS=200` is that of another hand at the server, of one deed with `JOBMARKET_DEED=NAME`. Each schedule
//! prints its seed; `JOBMARKET_SEED=N` runs that one again.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod clock;
mod deck;
mod deeds;
mod drive;
mod hand;
mod hands;
mod journal;
mod judge;
mod machine;
mod model;
#[path = "../../../tests/elasticsearch/node.rs"]
mod node;
mod outside;
mod owners;
mod parts;
mod project;
#[path = "../../../tests/elasticsearch/proxy.rs"]
mod proxy;
mod rebuild;
mod returns;
mod schedule;
mod secrets;
mod server;
mod shown;
mod site;
mod stored;
mod tally;
mod verdict;
mod whole;
mod workload;

use hand::Hand;
use outside::Outside;
use schedule::{KILLS, Schedule};
use tally::Tally;
use verdict::Verdict;

/// The seed of the short form.
const SHORT: u64 = 960_350_044_693;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Deeds of one schedule: few, so that what is found is seen again soon.
const DEEDS: u64 = 8;

/// Deeds of another hand at the server until so many are done, with runs between and meanwhile; nothing wrong behind any.
async fn hands() {
    let asked = number("JOBMARKET_HANDS");
    let deeds = asked.unwrap_or(4);
    let first = number("JOBMARKET_SEED").unwrap_or_else(|| asked.map_or(SHORT, |_| fastrand::u64(..1 << 40)));
    let one = std::env::var("JOBMARKET_DEED").ok();
    let wanted = |name: &str| one.as_deref().is_none_or(|one| one == name);
    let mut outside = Outside::start().await;
    let mut tally = Tally::new("another hand", true, Vec::new(), 0);
    let mut verdict = Verdict::default();
    while tally.hands.sum() < deeds {
        let (seed, now) = (first + tally.schedules, DEEDS.min(deeds - tally.hands.sum()));
        tally.schedules += 1;
        eprintln!("another hand: schedule {}, seed {seed}", tally.schedules);
        let mut hand = Hand::new(&outside.url, seed).await;
        let schedule = Schedule::new(seed, Some(&mut outside), &mut tally).await;
        verdict.merge(schedule.hands(&mut hand, now, &wanted).await);
    }
    eprintln!("{}", tally.hands(&verdict));
    assert_eq!(verdict.count(), 0, "first seed {first}: {verdict}");
    let least = u64::from(one.is_none() && deeds >= 4 * deeds::DEEDS.len() as u64);
    assert_eq!(tally.hands.missing(least), Vec::<&str>::new(), "seed {first}: never done, so nothing is shown");
}

/// Schedules until so many starts were killed; the table, and nothing wrong.
async fn schedules(store: &'static str, mut outside: Option<Outside>) {
    let asked = number("JOBMARKET_KILLS");
    let kills = asked.unwrap_or(18);
    // The short form is the same each time; the long one looks for what is not known yet.
    let any = || asked.map_or(SHORT, |_| fastrand::u64(..1 << 40));
    let first = number("JOBMARKET_SEED").unwrap_or_else(any);
    let server = if outside.is_some() { outside::names() } else { Vec::new() };
    let least = if kills >= 500 { 5 } else { 1 };
    let mut tally = Tally::new(store, outside.is_some(), server, least);
    let mut verdict = Verdict::default();
    while tally.kills < kills {
        let (seed, left) = (first + tally.schedules, kills - tally.kills);
        tally.schedules += 1;
        eprintln!("{store}: schedule {}, seed {seed}", tally.schedules);
        let schedule = Schedule::new(seed, outside.as_mut(), &mut tally).await;
        verdict.merge(schedule.run(left.min(KILLS), left <= KILLS).await);
    }
    let schedule = Schedule::new(first, outside.as_mut(), &mut tally).await;
    verdict.merge(schedule.returns().await);
    verdict.merge(match &mut outside {
        Some(outside) => owners::owners(first, outside, &mut tally).await,
        None => machine::machine(first, &mut tally).await,
    });
    eprintln!("{}", tally.table(&verdict));
    assert_eq!(verdict.count(), 0, "first seed {first}: {verdict}");
    assert_eq!(tally.vacuous(), Vec::<&str>::new(), "seed {first}: never met, so nothing is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_wrong_with_the_embedded_store() {
    schedules("embedded", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_wrong_with_elasticsearch() {
    schedules("elasticsearch", Some(Outside::start().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_said_wrongly_when_another_hand_is_at_the_server() {
    hands().await;
}
