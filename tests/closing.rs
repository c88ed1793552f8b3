//! What may be closed, judged by the state alone: by sweeps that can be read, of partitions that showed something.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, dead_code)]

#[path = "state/bench.rs"]
mod bench;

use bench::Made::{Listed, Offer, Rejected};
use bench::{Bench, Page, SOURCE, page};
use chrono::TimeDelta;
use jobmarket::event::{Alert, AlertKind, Outcome, RunKind};
use jobmarket::offer::{Closed, OfferId, Version};
use jobmarket::state::words::{Brought, Due, DueSince, Found, Intent};
use jobmarket::state::{Moves, StateError};

type Records<'p> = &'p [(&'p str, bench::Made<'p>)];

const TWO: Records<'_> = &[("1", Offer("x")), ("2", Offer("x"))];
const OTHER: Records<'_> = &[("3", Offer("x"))];

impl Bench {
    async fn found(&self, since: DueSince) -> Result<Found, StateError> {
        self.state.due(Due { source: SOURCE.into(), ask: "a".into(), since }).await
    }

    /// Offers that may be closed after one more sweep of these partitions, and those that are held.
    async fn swept(&mut self, partitions: &[bench::Part<'_>]) -> (usize, usize) {
        let begun = self.sweep("a", partitions).await;
        let found = self.found(DueSince::Sweeps(2)).await.unwrap();
        self.end(&begun, Outcome::Complete).await;
        (found.rows.len(), found.empty.len())
    }
}

fn is_corrupt(fault: StateError, of: &str) -> bool {
    matches!(fault, StateError::Corrupt { table, .. } if table == of)
}

#[tokio::test]
async fn a_seen_set_that_cannot_be_read_closes_nothing() {
    let mut bench = Bench::new().await;
    bench.swept(&[("p", TWO, true)]).await;
    for (table, since) in [("sweeps", DueSince::Sweeps(2)), ("pages", DueSince::Instant(bench.now))] {
        bench.swept(&[("p", OTHER, true)]).await;
        bench.sql(&format!("CREATE TABLE kept AS SELECT * FROM {table}; UPDATE {table} SET seen = x'00'"));
        assert!(is_corrupt(bench.found(since).await.unwrap_err(), table));
        bench.sql(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept"));
    }
    let begun = bench.sweep("a", &[("p", OTHER, true)]).await;
    bench.sql("UPDATE pages SET seen = x'00'");
    assert!(is_corrupt(bench.state.end_sweep(begun.run).await.unwrap_err(), "pages"));
    let next = jobmarket::state::words::NewRun {
        source: SOURCE.into(),
        pipeline: None,
        kind: RunKind::Sweep,
        ask: "a".into(),
        meaning: "m".into(),
        now: bench.now,
        span: None,
        origins: String::new(),
        texts: Vec::new(),
    };
    assert!(is_corrupt(bench.state.begin_run(next).await.unwrap_err(), "pages"), "nor does a run go on with it");
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_named() {
    let mut bench = Bench::new().await;
    let begun = bench.sweep("a", &[("p", TWO, true)]).await;
    let progress: String = bench.one("SELECT progress FROM slices");
    for (sql, table) in
        [("UPDATE slices SET state = 'half'", "slices"), ("UPDATE slices SET state = 'open', progress = '{'", "slices")]
    {
        bench.sql(sql);
        assert!(is_corrupt(bench.state.end_sweep(begun.run).await.unwrap_err(), table), "{sql}");
    }
    bench.sql(&format!("UPDATE slices SET progress = '{progress}'; UPDATE pages SET counts = 'x'"));
    let fault = bench.reader().pages_after(SOURCE, 0, 9).unwrap_err();
    assert!(fault.to_string().starts_with("state.db: row ") && is_corrupt(fault, "pages"));
    assert!(
        is_corrupt(bench.reader().each_run(SOURCE, &mut |_| {}).unwrap_err(), "pages"),
        "nor do they count as none"
    );
    assert!(is_corrupt(bench.state.shown(begun.run, SOURCE, "a").await.unwrap_err(), "pages"));
    bench.sql("UPDATE pages SET archived = '[{'");
    assert!(is_corrupt(bench.reader().each_archived(SOURCE, bench.now, &mut |_| {}).unwrap_err(), "pages"));
    assert!(is_corrupt(bench.reader().archiving_after(SOURCE, 0, 9).unwrap_err(), "pages"));
    let version: i64 = bench.one("SELECT version FROM pages");
    let moved = bench.state.moved(SOURCE, vec![version as u64], Moves::default()).await;
    assert!(is_corrupt(moved.unwrap_err(), "pages"), "a page whose records are moved does not lose them");
}

#[tokio::test]
async fn an_offer_of_which_a_column_cannot_be_read_is_named_and_neither_open_nor_of_1970() {
    let mut bench = Bench::new().await;
    let begun = bench.sweep("a", &[("p", TWO, true)]).await;
    let rows = bench.state.open_rows(SOURCE, None, None).await.unwrap();
    for (sql, table, closes) in [
        ("UPDATE offers SET doc = substr(doc, 1, 20)", "offers", true),
        ("UPDATE known SET first_seen = 1 << 62", "known", true),
        ("UPDATE known SET first_seen = 'never'", "known", true),
        ("UPDATE known SET closed_at = 1, reason = 'why'", "known", false),
        ("UPDATE known SET closed_at = x'01', reason = 'gone'", "known", false),
        ("UPDATE known SET closed_at = 1, reason = NULL", "known", false),
        ("UPDATE known SET closed_at = 1 << 62, reason = 'gone'", "known", false),
    ] {
        bench.sql("CREATE TABLE kept_known AS SELECT * FROM known; CREATE TABLE kept_offers AS SELECT * FROM offers;");
        bench.sql(sql);
        let fault = if closes {
            bench.state.closings(rows.clone(), Closed::NotSeen).await.map(|found| format!("{found:?}"))
        } else {
            // Another content each time: what was admitted is in flight.
            let records = [("1", Offer(sql))];
            let again = Page { from: Some(Version(1)), ..page(&begun, "a", 0, &records) };
            bench.admitted(&again).await.map(|(_, admitted)| format!("{admitted:?}"))
        };
        assert!(fault.as_ref().is_err_and(|fault| is_corrupt(fault.clone(), table)), "{sql}: {fault:?}");
        bench.sql(
            "DELETE FROM known; INSERT INTO known SELECT * FROM kept_known; DROP TABLE kept_known;
             DELETE FROM offers; INSERT INTO offers SELECT * FROM kept_offers; DROP TABLE kept_offers;",
        );
    }
    bench.sql("UPDATE offers SET doc = 'x'");
    assert!(is_corrupt(bench.reader().each_open(SOURCE, &mut |_| {}).unwrap_err(), "offers"), "nor is it left out");
}

#[tokio::test]
async fn a_partition_that_shows_nothing_is_held_and_one_that_shows_something_is_not() {
    let mut bench = Bench::new().await;
    bench.swept(&[("p", TWO, true), ("q", OTHER, true)]).await;
    bench.swept(&[("p", &TWO[..1], true), ("q", &[], true)]).await;
    assert_eq!(bench.swept(&[("p", &TWO[..1], true), ("q", &[], true)]).await, (1, 1));
    // It showed an offer once, and then nothing at all.
    let mut bench = Bench::new().await;
    bench.swept(&[("p", TWO, true)]).await;
    bench.swept(&[("p", &TWO[..1], true)]).await;
    assert_eq!(bench.swept(&[("p", &[], true)]).await, (0, 1), "the last sweep is the one to trust least");
    // Its offers have other keys now. That day is none of the two sweeps that must miss an offer.
    assert_eq!(bench.swept(&[("p", OTHER, true)]).await, (1, 0));
    assert_eq!(bench.swept(&[("p", OTHER, true)]).await, (2, 0));
}

#[tokio::test]
async fn offers_of_partitions_that_sweeps_no_longer_bring_are_due() {
    let mut bench = Bench::new().await;
    bench.swept(&[("p", TWO, true), ("q", OTHER, true)]).await;
    assert_eq!(bench.swept(&[("p", TWO, true)]).await, (0, 0), "one sweep is not two");
    assert_eq!(bench.swept(&[("p", TWO, true)]).await, (1, 0));
    // It comes back, though its page fails.
    assert_eq!(bench.swept(&[("p", TWO, true), ("q", &[], false)]).await, (0, 0));
    assert_eq!(bench.swept(&[("p", TWO, true)]).await, (0, 0), "a sweep that is not whole stands between the two");
    assert_eq!(bench.swept(&[("p", TWO, true)]).await, (1, 0));
    // An offer that another partition shows is open.
    assert_eq!(bench.swept(&[("p", &[("1", Offer("x")), ("3", Listed)], true)]).await, (0, 0));
}

#[tokio::test]
async fn sweeps_judge_only_offers_that_were_known_before_them() {
    let mut bench = Bench::new().await;
    bench.swept(&[("p", TWO, true)]).await;
    bench.swept(&[("p", TWO, true)]).await;
    // A run intends to write a new offer of its page, and ends before the page is committed.
    let begun = bench.begin(RunKind::Sweep, "a").await;
    let page = Page { partition: "p", ..page(&begun, "a", 0, &[("9", Offer("x"))]) };
    let (admit, admitted) = bench.admit(&page).await;
    let intent = Intent {
        row: admitted.rows[0].unwrap(),
        source: SOURCE.into(),
        id: OfferId::new(SOURCE, "9"),
        key: "9".into(),
        version: admit.version,
        first_seen: bench.now,
        brought: Some(Brought { ask: "a".into(), partition: "p".into(), start: None, again: false }),
    };
    bench.state.intent(vec![intent]).await.unwrap();
    assert_eq!(bench.due("a", DueSince::Sweeps(2)).await, 0, "the two sweeps before could not show it");
    bench.end(&begun, Outcome::Partial).await;
    assert_eq!(bench.swept(&[("p", TWO, true)]).await, (0, 0), "one sweep since is not two");
    assert_eq!(bench.swept(&[("p", TWO, true)]).await, (1, 0));
}

#[tokio::test]
async fn sweeps_that_asked_for_nothing_close_nothing() {
    let mut bench = Bench::new().await;
    bench.swept(&[("p", TWO, true)]).await;
    for _ in 0..3 {
        assert_eq!(bench.swept(&[]).await, (0, 0));
    }
}

#[tokio::test]
async fn partitions_that_are_gone_are_due_by_time_too() {
    let mut bench = Bench::new().await;
    bench.swept(&[("p", TWO, true), ("q", OTHER, true)]).await;
    bench.now += TimeDelta::days(35);
    let begun = bench.sweep("a", &[("p", TWO, true)]).await;
    let since = DueSince::Instant(bench.now - TimeDelta::days(30));
    let found = bench.found(since).await.unwrap();
    assert_eq!((found.rows.len(), found.empty.len()), (1, 0));
    bench.end(&begun, Outcome::Complete).await;
}

#[tokio::test]
async fn a_record_leaves_the_quarantine_when_its_key_can_be_used_whatever_becomes_of_it() {
    let open = |bench: &Bench| bench.reader().sources().unwrap()[0].quarantine;
    for then in [Offer("x"), Offer("y"), Listed] {
        let mut bench = Bench::new().await;
        let begun = bench.begin(RunKind::Sweep, "a").await;
        bench.commit(page(&begun, "a", 0, TWO)).await.unwrap();
        bench.end(&begun, Outcome::Complete).await;
        let begun = bench.begin(RunKind::Sweep, "a").await;
        bench.commit(page(&begun, "a", 0, &[("1", Rejected)])).await.unwrap();
        assert_eq!(open(&bench), 1);
        // In the same run, and in a later one.
        bench.commit(page(&begun, "a", 1, &[("1", then)])).await.unwrap();
        assert_eq!(open(&bench), 0);
        bench.commit(page(&begun, "a", 2, &[("1", Rejected), ("2", Rejected)])).await.unwrap();
        assert_eq!(open(&bench), 2);
        bench.end(&begun, Outcome::Complete).await;
        let begun = bench.begin(RunKind::Sweep, "a").await;
        bench.commit(Page { partition: "p", ..page(&begun, "a", 0, &[("1", then)]) }).await.unwrap();
        assert_eq!(open(&bench), 1, "the other one stays");
    }
}

#[tokio::test]
async fn what_is_wrong_lasts_until_a_run_that_can_judge_it_is_without_it() {
    let bench = Bench::new().await;
    let flaws = |field: &str, flawed| Alert::Flaws { field: field.into(), flawed, of: 10, before: 0.0 };
    let details = Alert::Details { failed: 1, of: 2, reasons: vec![("status 500".into(), 1)] };
    let kinds = vec![AlertKind::Flaws, AlertKind::Details];
    bench
        .state
        .alert(SOURCE, (1, bench.now), kinds, vec![flaws("a", 5), flaws("b", 5), details.clone()])
        .await
        .unwrap();
    bench.state.alert(SOURCE, (2, bench.now), vec![AlertKind::Flaws], vec![flaws("b", 7)]).await.unwrap();
    let rows = bench.state.alerts(SOURCE).await.unwrap();
    let found: Vec<(i64, &Alert)> = rows.iter().map(|row| (row.run, &row.alert)).collect();
    assert_eq!(found, [(1, &details), (1, &flaws("b", 7))]);
    bench.state.alert(SOURCE, (3, bench.now), vec![AlertKind::Flaws, AlertKind::Details], Vec::new()).await.unwrap();
    assert!(bench.state.alerts(SOURCE).await.unwrap().is_empty());
}
