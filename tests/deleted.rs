//! Offers that retention deleted, and a replay of the pages that they were on.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod keeping;
mod shipped;

use chrono::{TimeDelta, Utc};
use jobmarket::event::Outcome;
use jobmarket::retention::{self, Thinning, thin};
use jobmarket::state::State;
use jobmarket::store::AnyStore;
use keeping::Bench;
use rusqlite::Connection;
use sandbox::Site;

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_were_deleted_stay_deleted_until_the_site_brings_them_again() {
    let mut bench = Bench::new(0).await;
    // None has a key under this mapping: nothing is known of them, and a second reading would not help.
    bench.text("sources/remotive", "key: $.id", "key: $.nothing");
    assert_eq!(bench.run("remotive").await.counts.rejected, 250);
    bench.text("sources/remotive", "key: $.nothing", "key: $.id");
    bench.run("remotive").await;
    bench.sites.world(|world| world.show(Site::Remotive, 30, false));
    bench.run("remotive").await;
    assert_eq!(bench.run("remotive").await.counts.closed, 30);
    let delete = async |bench: &Bench| {
        let (reader, state) = (bench.reader(), State::open(bench.dir.path()).unwrap());
        let at = (Utc::now() + TimeDelta::days(1), Utc::now());
        retention::delete((&state, &reader), &AnyStore::Local(bench.store()), "remotive", at).await.unwrap()
    };
    let marks = |bench: &Bench| {
        let state = Connection::open(bench.dir.path().join("state.db")).unwrap();
        state.query_row("SELECT count(*) FROM deleted", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((delete(&bench).await, marks(&bench)), (30, 30));
    for lost in [0, 1] {
        // A store that lost all is written again, and they are not among it.
        bench.behind_our_back(&format!("DELETE FROM offers WHERE {lost}"));
        let again = bench.replay("remotive").await;
        assert_eq!((again.outcome, again.counts.new, bench.stored("remotive").len()), (Outcome::Complete, 0, 220));
    }
    // Their pages are young, or those of open offers: they are remembered.
    let reader = bench.reader();
    let young = Thinning::plan(&reader, &bench.root(), "remotive", TimeDelta::days(90), Utc::now()).unwrap();
    thin(&State::open(bench.dir.path()).unwrap(), &bench.root(), young).await.unwrap();
    assert_eq!(marks(&bench), 30);
    // What the site shows again is an offer like any other, and is mapped again as one.
    bench.sites.world(|world| world.show(Site::Remotive, 250, true));
    assert_eq!(bench.run("remotive").await.counts.new, 30);
    bench.text("sources/remotive", "title: $.title", "title: $.title | upper");
    assert_eq!(bench.replay("remotive").await.counts.indexed, 250);
    // A page that waits in the quarantine may hold them; when no page does, nothing is left of them. The sweeps since have
    // settled the records without keys: one of them is open again here.
    bench.behind_our_back("UPDATE quarantine SET state = 'open' WHERE q = 1");
    bench.close_all();
    assert_eq!(delete(&bench).await, 250);
    assert!(bench.thin("remotive").await.records > 0);
    let again = bench.replay("remotive").await;
    assert_eq!((marks(&bench), again.counts.fetched, again.counts.superseded), (280, 250, 250));
    bench.behind_our_back("UPDATE quarantine SET state = 'dropped'");
    assert!(bench.thin("remotive").await.records > 0);
    assert_eq!((marks(&bench), bench.replay("remotive").await.counts.fetched), (0, 0));
    assert_eq!(bench.differences().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_were_never_known_are_indexed_by_a_replay() {
    let mut bench = Bench::new(0).await;
    bench.text("sources/remotive", "title: $.title", "title: $.nothing");
    assert_eq!(bench.run("remotive").await.counts.rejected, 250);
    bench.text("sources/remotive", "title: $.nothing", "title: $.title");
    assert_eq!(bench.replay("remotive").await.counts.new, 250);
    assert_eq!(bench.differences().await, []);
}
