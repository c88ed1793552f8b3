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
use jobmarket::state::StateError;
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

#[tokio::test]
async fn known_pages_end_a_slice_only_behind_a_run_that_read_all() {
    use Outcome::{Complete, Partial};
    use RunKind::{Backfill, Close, Ordinary, Replay, Retry, Sweep};
    let mut bench = Bench::new().await;
    assert!(!bench.begin(Ordinary, "a").await.last_complete, "there is none yet");
    for kind in [Ordinary, Sweep] {
        bench.ran(kind, "a", Complete).await;
        assert!(bench.begin(Ordinary, "a").await.last_complete, "{kind:?}");
        bench.ran(kind, "a", Partial).await;
        for other in [Close, Replay, Retry, Backfill] {
            bench.ran(other, "a", Complete).await;
            let begun = bench.begin(Ordinary, "a").await;
            assert!(!begun.last_complete, "{other:?} behind a partial {kind:?} fills no gap");
            bench.end(&begun, Partial).await;
        }
    }
    // What another kind of run does to a complete one: a backfill brings offers that lie behind unread ones.
    for (kind, last_complete) in [(Close, true), (Replay, true), (Retry, true), (Backfill, false)] {
        bench.ran(Ordinary, "a", Complete).await;
        bench.ran(kind, "a", Complete).await;
        let begun = bench.begin(Ordinary, "a").await;
        assert_eq!(begun.last_complete, last_complete, "{kind:?}");
        bench.end(&begun, Partial).await;
    }
    bench.ran(Ordinary, "a", Complete).await;
    bench.ran(Ordinary, "b", Partial).await;
    assert!(!bench.begin(Ordinary, "a").await.last_complete, "what another request brought is known too");
}

#[tokio::test]
async fn a_run_that_was_killed_counts_and_one_that_goes_on_is_judged_by_the_run_before_it() {
    let mut bench = Bench::new().await;
    bench.ran(RunKind::Ordinary, "a", Outcome::Complete).await;
    let killed = bench.begin(RunKind::Ordinary, "a").await;
    assert!(!killed.resumed && killed.last_complete);
    let goes_on = bench.begin(RunKind::Ordinary, "a").await;
    assert!(goes_on.resumed && goes_on.last_complete, "the run before it was complete");
    // A day later it is not gone on with.
    bench.now += TimeDelta::days(2);
    let anew = bench.begin(RunKind::Ordinary, "a").await;
    assert!(!anew.resumed && !anew.last_complete, "the pages that the killed run did not come to are not known");
}

#[tokio::test]
async fn what_only_this_run_brought_is_not_known() {
    let mut bench = Bench::new().await;
    let before = bench.begin(RunKind::Ordinary, "a").await;
    bench.commit(page(&before, "a", 0, &[("1", Offer("x")), ("2", Offer("x"))])).await.unwrap();
    bench.end(&before, Outcome::Complete).await;
    let killed = bench.begin(RunKind::Ordinary, "a").await;
    bench.commit(page(&killed, "a", 0, &[("4", Offer("x")), ("3", Offer("x")), ("5", Rejected)])).await.unwrap();
    // New offers came to the site meanwhile: what the run has read slipped to the next page.
    let begun = bench.begin(RunKind::Ordinary, "a").await;
    assert!(begun.resumed);
    let known = async |records| bench.admit(&page(&begun, "a", 1, records)).await.1.all_known;
    assert!(!known(&[("4", Offer("x")), ("3", Offer("x"))]).await, "all of it is new since the run before");
    assert!(!known(&[("4", Listed), ("5", Rejected)]).await);
    assert!(!known(&[("3", Offer("x")), ("2", Offer("x"))]).await);
    assert!(known(&[("2", Offer("x")), ("1", Listed)]).await, "the run before came to this place");
    // What another slice of this run has shown already was known before it all the same.
    bench.commit(page(&begun, "a", 2, &[("2", Offer("x")), ("1", Offer("x"))])).await.unwrap();
    assert!(known(&[("2", Offer("x")), ("1", Offer("x"))]).await);
}

#[tokio::test]
async fn what_is_mapped_again_belongs_to_the_request_that_brought_it() {
    let mut bench = Bench::new().await;
    let begun = bench.begin(RunKind::Sweep, "a").await;
    let (from, _) = bench.commit(page(&begun, "a", 0, &[("1", Offer("x")), ("2", Offer("x"))])).await.unwrap();
    bench.end(&begun, Outcome::Complete).await;
    let replay = bench.begin(RunKind::Replay, "b").await;
    let records = [("1", Offer("y")), ("2", Offer("x")), ("3", Offer("y"))];
    let again = Page { partition: "other", from: Some(from), ..page(&replay, "b", 0, &records) };
    let (_, counts) = bench.commit(again).await.unwrap();
    assert_eq!((counts.indexed, counts.unchanged), (2, 1));
    assert_eq!(
        bench.state.open_rows(SOURCE, Some("{}"), Some("b")).await.unwrap().len(),
        2,
        "asks and partitions stay"
    );
    // The same before a request to a store outside; and what is closed does not open for the time of it.
    bench.sql("UPDATE known SET closed_at = 1, reason = 'not_seen' WHERE key = '2'");
    let brought = Brought { ask: "b".into(), partition: "other".into(), start: None, again: true };
    let intents = [("1", 1), ("2", 2)].map(|(key, row)| intent(&bench, key, row, Some(brought.clone())));
    bench.state.intent(intents.into()).await.unwrap();
    assert_eq!(bench.state.open_rows(SOURCE, Some("{}"), Some("b")).await.unwrap().len(), 1);
    assert_eq!(bench.one::<i64>("SELECT count(*) FROM known WHERE ask = 'a' AND content IS NULL"), 2);
}

fn intent(bench: &Bench, key: &str, row: u64, brought: Option<Brought>) -> Intent {
    Intent {
        row,
        source: SOURCE.into(),
        id: OfferId::new(SOURCE, key),
        key: key.into(),
        version: bench.claim.ticket(),
        first_seen: bench.now,
        brought,
    }
}

#[tokio::test]
async fn a_record_that_is_rejected_again_names_the_page_that_brought_it() {
    let mut bench = Bench::new().await;
    let begun = bench.begin(RunKind::Sweep, "a").await;
    let (from, _) = bench.commit(page(&begun, "a", 0, &[("1", Offer("x")), ("2", Rejected)])).await.unwrap();
    bench.end(&begun, Outcome::Complete).await;
    let replay = bench.begin(RunKind::Replay, "a").await;
    let records = [("1", Rejected), ("2", Rejected)];
    bench.commit(Page { from: Some(from), ..page(&replay, "a", 0, &records) }).await.unwrap();
    let held = bench.reader().held(None, None, 9).unwrap();
    let pages: Vec<(&str, &str)> = held.iter().map(|held| (held.place.as_str(), held.page.as_str())).collect();
    let from = from.to_string();
    assert_eq!(pages, [("1", from.as_str()), ("2", from.as_str())]);
}

#[tokio::test]
async fn what_a_store_outside_holds_of_a_closed_offer_is_known() {
    let mut bench = Bench::new().await;
    let begun = bench.begin(RunKind::Sweep, "a").await;
    let (from, _) = bench.commit(page(&begun, "a", 0, &[("1", Offer("x")), ("2", Offer("x"))])).await.unwrap();
    let mut closings = bench.state.closings(vec![1, 2], Closed::NotSeen).await.unwrap();
    // The second one was never stored: it is closed in the state alone, and nothing is certain of it.
    closings[1].content = None;
    let intents = [("1", 1), ("2", 2)].map(|(key, row)| intent(&bench, key, row, None));
    let version = intents[1].version;
    let intents = intents.map(|intent| Intent { version, ..intent });
    bench.state.intent(intents.into()).await.unwrap();
    let (meaning, source, at) = ("m".into(), SOURCE.into(), bench.now);
    let close = Close { run: begun.run, source, version, at, meaning, store: false, closings, marks: Vec::new() };
    assert_eq!(bench.state.close(close).await.unwrap().closed, 2);
    let mut known = Vec::new();
    bench.reader().each_known(None, &mut |row, _| known.push((row.closed, row.content))).unwrap();
    assert_eq!(known, [(true, Some(content_hash(br#"{"title":"x"}"#))), (true, None)]);
    assert_eq!(bench.reader().offers_of(SOURCE, &HashSet::from([from.0])).unwrap(), (1, 1));
}

#[tokio::test]
async fn an_order_that_fails_leaves_nothing_and_its_run_ends_there() {
    let mut bench = Bench::new().await;
    let begun = bench.begin(RunKind::Sweep, "a").await;
    bench.commit(page(&begun, "a", 0, &[("1", Offer("x"))])).await.unwrap();
    let refuse = "BEFORE INSERT ON pages WHEN NEW.position LIKE '%7%' BEGIN SELECT RAISE(ABORT, 'no'); END";
    bench.sql(&format!("CREATE TRIGGER refuse {refuse}"));
    // The next page was admitted while the one that fails was on its way.
    let (seventh, eighth) = ([("1", Offer("y")), ("2", Offer("x"))], [("2", Offer("x")), ("3", Offer("x"))]);
    let (seventh, eighth) = (page(&begun, "a", 7, &seventh), page(&begun, "a", 8, &eighth));
    let admitted = (bench.admit(&seventh).await, bench.admit(&eighth).await);
    let failed = bench.state.commit(written(&seventh, admitted.0)).await.unwrap();
    let behind = bench.state.commit(written(&eighth, admitted.1)).await.unwrap();
    assert!(failed.done().await.unwrap_err().to_string().contains("no"));
    assert!(behind.done().await.is_err(), "a page is never committed before the one before it");
    assert_eq!(bench.one::<i64>("SELECT count(*) FROM known"), 1);
    assert_eq!(
        bench.one::<String>("SELECT doc FROM offers"),
        bench.reader().offer("1").unwrap().unwrap().document.unwrap()
    );
    assert!(bench.one::<String>("SELECT doc FROM offers").contains(r#""title":"x""#));
    // The run goes on as if the page had not been read.
    bench.sql("DROP TRIGGER refuse");
    let begun = bench.begin(RunKind::Sweep, "a").await;
    assert!(begun.resumed);
    assert_eq!(begun.slices[0].position, bench::slice("{}", 0).position);
    let (_, counts) = bench.commit(page(&begun, "a", 7, &[("1", Offer("y")), ("2", Offer("x"))])).await.unwrap();
    assert_eq!((counts.indexed, counts.unchanged, counts.duplicate), (2, 0, 0));
    assert_eq!(stored(bench.dir.path()), 2);
}

#[tokio::test]
async fn what_was_in_flight_when_a_run_failed_is_not_known_to_the_next() {
    let mut bench = Bench::new().await;
    let begun = bench.begin(RunKind::Sweep, "a").await;
    // Admitted, and never handed over: something else failed.
    bench.admit(&page(&begun, "a", 0, &[("1", Offer("x"))])).await;
    let begun = bench.begin(RunKind::Sweep, "a").await;
    let (_, counts) = bench.commit(page(&begun, "a", 0, &[("1", Offer("x"))])).await.unwrap();
    assert_eq!((counts.new, counts.unchanged), (1, 0));
    // A page that was committed before lands again: what it brought anew is written when it comes the next time.
    let (_, counts) = bench.commit(page(&begun, "a", 0, &[("1", Offer("y"))])).await.unwrap();
    assert_eq!(counts.new, 1, "a repeat counts once");
    let (_, counts) = bench.commit(page(&begun, "a", 1, &[("1", Offer("y"))])).await.unwrap();
    assert_eq!(counts.indexed, 1);
    assert_eq!(stored(bench.dir.path()), 1);
}

#[tokio::test]
async fn after_a_fault_of_the_file_nothing_is_written_any_more() {
    let mut bench = Bench::new().await;
    let begun = bench.begin(RunKind::Sweep, "a").await;
    // As on a full disk: SQLite gives the whole transaction up by itself.
    let refuse = "BEFORE INSERT ON pages WHEN NEW.position LIKE '%7%' BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
    bench.sql(&format!("CREATE TRIGGER refuse {refuse}"));
    let (seventh, other) = ([("1", Offer("x"))], [("2", Offer("x"))]);
    let seventh = page(&begun, "a", 7, &seventh);
    let other = Page { partition: "p", ..page(&begun, "a", 0, &other) };
    let admitted = (bench.admit(&seventh).await, bench.admit(&other).await);
    let failed = bench.state.commit(written(&seventh, admitted.0)).await.unwrap();
    let behind = bench.state.commit(written(&other, admitted.1)).await;
    let settled = bench.state.settle(SOURCE, "elsewhere").await;
    assert!(failed.done().await.unwrap_err().to_string().contains("full"));
    assert!(settled.is_err());
    if let Ok(behind) = behind {
        assert!(behind.done().await.is_err());
    }
    assert_eq!(bench.one::<i64>("SELECT count(*) FROM known"), 0);
    assert_eq!(bench.one::<i64>("SELECT count(*) FROM claims WHERE store = 'elsewhere'"), 0);
}

#[tokio::test]
async fn a_time_without_sight_closes_only_where_a_partition_was_read_whole_since() {
    let mut bench = Bench::new().await;
    let old: [(&str, bench::Made<'_>); 2] = [("1", Offer("x")), ("2", Offer("x"))];
    let more: [(&str, bench::Made<'_>); 1] = [("3", Offer("x"))];
    let begun = bench.sweep("a", &[("p", &old, true), ("q", &more, true)]).await;
    bench.end(&begun, Outcome::Complete).await;
    // The machine is off for five weeks, then a partition answers 500.
    bench.now += TimeDelta::days(35);
    let since = |bench: &Bench| DueSince::Instant(bench.now - TimeDelta::days(30));
    let begun = bench.sweep("a", &[("p", &old[..1], true), ("q", &[], false)]).await;
    assert_eq!(bench.due("a", since(&bench)).await, 1, "nothing of the partition that was not read");
    bench.end(&begun, Outcome::Partial).await;
    assert_eq!(bench.due("b", since(&bench)).await, 0);
    let begun = bench.sweep("a", &[("p", &old[..1], false), ("q", &[], true)]).await;
    assert_eq!(bench.due("a", since(&bench)).await, 2, "each was read whole once");
    bench.end(&begun, Outcome::Partial).await;
}

#[tokio::test]
async fn pages_are_read_some_at_a_time_and_each_once() {
    let mut bench = Bench::new().await;
    let begun = bench.begin(RunKind::Sweep, "a").await;
    let mut versions = Vec::new();
    for position in 0..5 {
        versions.push(bench.commit(page(&begun, "a", position, &[("1", Offer("x"))])).await.unwrap().0);
    }
    let again = Page { from: Some(versions[0]), ..page(&begun, "a", 9, &[]) };
    bench.commit(again).await.unwrap();
    let (reader, mut read) = (bench.reader(), Vec::new());
    loop {
        let after = read.last().map_or(0, |version: &String| version.parse().unwrap());
        let rows = reader.pages_after(SOURCE, after, 2).unwrap();
        assert!(rows.len() <= 2 && rows.iter().all(|row| row.ask.as_deref() == Some("a")));
        if rows.is_empty() {
            break;
        }
        read.extend(rows.into_iter().map(|row| row.version));
    }
    assert_eq!(read, versions.iter().map(ToString::to_string).collect::<Vec<_>>(), "what was mapped again is no page");
}

#[tokio::test]
async fn a_full_disk_a_damaged_file_and_what_follows_say_what_to_do() {
    let full = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None);
    let said = StateError::from(full).to_string();
    assert!(said.starts_with("state.db: the disk is full; nothing that was committed is lost: free space"), "{said}");
    for code in [rusqlite::ffi::SQLITE_CORRUPT, rusqlite::ffi::SQLITE_NOTADB] {
        let damaged = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        let said = StateError::from(damaged).to_string();
        assert!(said.starts_with("state.db: the file is damaged;") && said.contains("from a backup"), "{said}");
    }
    assert!(StateError::Closed.to_string().ends_with("start the program again"));
}
