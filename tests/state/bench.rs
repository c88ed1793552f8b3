//! A state without an engine: pages are admitted and committed by hand.
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::event::{Counts, Outcome, RunKind, SliceEnd};
use jobmarket::offer::{OfferId, Reject, Version, content_hash};
use jobmarket::position::Position;
use jobmarket::state::words::{
    Admit, Admitted, Begun, Commit, Due, DueSince, Ended, Fate, Mapped, NewRun, PageKind, Quality, Record, Slice,
    SliceState,
};
use jobmarket::state::{Claim, Reader, State, StateError};
use rusqlite::Connection;

pub const SOURCE: &str = "site";

pub struct Bench {
    pub dir: tempfile::TempDir,
    pub state: State,
    pub claim: Claim,
    pub now: DateTime<Utc>,
}

/// A page to be committed.
pub struct Page<'p> {
    pub begun: &'p Begun,
    pub ask: &'p str,
    pub partition: &'p str,
    pub position: u64,
    pub records: &'p [(&'p str, Made<'p>)],
    /// The page that it is mapped again from.
    pub from: Option<Version>,
}

/// What became of a record.
#[derive(Clone, Copy)]
pub enum Made<'p> {
    Offer(&'p str),
    Listed,
    Rejected,
}

/// A partition, its records, and whether it was read whole.
pub type Part<'p> = (&'p str, &'p [(&'p str, Made<'p>)], bool);

pub fn page<'p>(begun: &'p Begun, ask: &'p str, position: u64, records: &'p [(&'p str, Made<'p>)]) -> Page<'p> {
    Page { begun, ask, partition: "{}", position, records, from: None }
}

impl Bench {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let claim = state.claim(SOURCE, "local", 1, false).await.unwrap();
        Bench { dir, state, claim, now: "2026-11-24T10:00:00Z".parse().unwrap() }
    }

    pub fn reader(&self) -> Reader {
        Reader::open(self.dir.path()).unwrap().unwrap()
    }

    /// Changes the file beside the program.
    pub fn sql(&self, sql: &str) {
        Connection::open(self.dir.path().join("state.db")).unwrap().execute_batch(sql).unwrap();
    }

    /// The first column of one row.
    pub fn one<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let connection = Connection::open(self.dir.path().join("state.db")).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// A run that begins an hour after the last.
    pub async fn begin(&mut self, kind: RunKind, ask: &str) -> Begun {
        self.now += TimeDelta::hours(1);
        let run = NewRun {
            source: SOURCE.into(),
            pipeline: None,
            kind,
            ask: ask.into(),
            meaning: "m".into(),
            now: self.now,
            span: None,
            origins: String::new(),
            texts: Vec::new(),
        };
        self.state.begin_run(run).await.unwrap()
    }

    pub async fn end(&self, begun: &Begun, outcome: Outcome) -> Counts {
        let ended = Ended { run: begun.run, outcome, read: outcome, cause: None, at: self.now };
        self.state.end_run(ended).await.unwrap()
    }

    /// A run that ends so, with nothing in it.
    pub async fn ran(&mut self, kind: RunKind, ask: &str, outcome: Outcome) {
        let begun = self.begin(kind, ask).await;
        self.end(&begun, outcome).await;
    }

    /// A sweep of one page a partition, which reads them whole or breaks off in them.
    pub async fn sweep(&mut self, ask: &str, partitions: &[Part<'_>]) -> Begun {
        let begun = self.begin(RunKind::Sweep, ask).await;
        for (number, (partition, records, whole)) in (0..).zip(partitions) {
            self.commit(Page { partition, ..page(&begun, ask, number, records) }).await.unwrap();
            let end = if *whole { SliceEnd::Complete("last page".into()) } else { SliceEnd::Failed("500".into()) };
            let ended = Slice { state: SliceState::Ended(end), ..slice(partition, number) };
            self.state.put_slice(begun.run, ended).await.unwrap();
        }
        self.state.end_sweep(begun.run).await.unwrap();
        begun
    }

    pub async fn admit(&self, page: &Page<'_>) -> (Admit, Admitted) {
        self.admitted(page).await.unwrap()
    }

    pub async fn admitted(&self, page: &Page<'_>) -> Result<(Admit, Admitted), StateError> {
        let (mut records, mut written) = (Vec::new(), b"{}".to_vec());
        for (item, (key, made)) in (0..).zip(page.records) {
            let fate = match made {
                Made::Offer(title) => {
                    let start = written.len();
                    written.extend_from_slice(format!(r#"{{"title":"{title}"}}"#).as_bytes());
                    let text = start..written.len();
                    Fate::Offer { content: content_hash(&written[text.clone()]), text }
                }
                Made::Listed => Fate::Listed,
                Made::Rejected => Fate::Rejected(reject()),
            };
            let (key, id) = ((*key).to_owned(), OfferId::new(SOURCE, key));
            let raw = Some(0..2);
            records.push(Record { item, key: Some(key), id: Some(id), fate, listed: None, raw, expires: None });
        }
        let admit = Admit {
            run: page.begun.run,
            source: SOURCE.into(),
            version: self.claim.ticket(),
            page: Arc::new(Mapped { records, text: written.into() }),
            at: self.now,
            again: page.from.is_some(),
        };
        let admitted = self.state.admit(Arc::new(admit.clone())).await?;
        Ok((admit, admitted))
    }

    /// Admits a page and commits it: its version, and its numbers.
    pub async fn commit(&self, page: Page<'_>) -> Result<(Version, Counts), StateError> {
        let admitted = self.admit(&page).await;
        let version = admitted.0.version;
        let counts = self.state.commit(written(&page, admitted)).await?.done().await?.counts;
        assert!(counts.add_up(), "{counts:?}");
        Ok((version, counts))
    }

    /// How many open offers are due to be closed.
    pub async fn due(&self, ask: &str, since: DueSince) -> usize {
        let due = Due { source: SOURCE.into(), ask: ask.into(), since };
        let found = self.state.due(due).await.unwrap();
        found.rows.len() + found.empty.len()
    }
}

pub fn written(page: &Page<'_>, (admit, admitted): (Admit, Admitted)) -> Commit {
    Commit {
        refused: Vec::new(),
        superseded: Vec::new(),
        kind: if page.from.is_some() { PageKind::Replay } else { PageKind::List },
        position: Position::Number(page.position),
        part: 0,
        request: "GET https://a.example/".into(),
        status: 200,
        archived: Vec::new(),
        ask: page.ask.into(),
        meaning: "m".into(),
        slice: slice(page.partition, page.position),
        halves: Vec::new(),
        marks: Vec::new(),
        store: true,
        bytes: 0,
        quotas: Vec::new(),
        from: page.from,
        quality: Quality::default(),
        admit,
        admitted,
    }
}

pub fn slice(partition: &str, position: u64) -> Slice {
    let position = Some(Position::Number(position + 1));
    Slice { position, ..Slice::open(partition.into(), partition.into(), None) }
}

fn reject() -> Reject {
    Reject { reason: "required".into(), stage: "map".into(), field: None, path: None, message: "no title".into() }
}

/// Documents in the local store.
pub fn stored(dir: &Path) -> i64 {
    Reader::open(dir).unwrap().unwrap().store().unwrap().1
}
