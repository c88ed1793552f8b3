//! The state alone: whose an offer is, what a run may rely on, and what is left of it after a fault.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "state/bench.rs"]
mod bench;

use std::collections::HashSet;

use bench::Made::{Listed, Offer, Rejected};
use bench::{Bench, Page, SOURCE, page, stored, written};
use chrono::TimeDelta;
use jobmarket::event::{Outcome, RunKind};
use jobmarket::offer::{Closed, OfferId, content_hash};
use jobmarket::state::words::{Brought, Close, DueSince, Intent};


#[tokio::test]
async fn an_offer_belongs_to_the_request_that_brought_it_last_though_it_is_not_written() {
    let mut bench = Bench::new().await;
    let first = bench.begin(RunKind::Sweep, "a").await;
    let records = [("1", Offer("x")), ("2", Offer("x")), ("3", Offer("x")), ("4", Offer("x"))];
    bench.commit(page(&first, "a", 0, &records)).await.unwrap();
    bench.end(&first, Outcome::Complete).await;
    let second = bench.begin(RunKind::Sweep, "b").await;
    let records = [("1", Offer("x")), ("2", Listed), ("3", Rejected)];
    let (_, counts) = bench.commit(Page { partition: "p", ..page(&second, "b", 0, &records) }).await.unwrap();
    assert_eq!((counts.unchanged, counts.rejected, counts.indexed), (2, 1, 0));
    let older = bench.state.open_rows(SOURCE, None, Some("b")).await.unwrap();
    assert_eq!(older.len(), 1, "only what the new request does not show is left to the old one");
    assert_eq!(bench.state.open_rows(SOURCE, Some("p"), None).await.unwrap().len(), 3);
}
