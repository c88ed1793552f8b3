//! The whole path of a page as a run takes it: admitted, intent, written to the store, committed with its row.
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use jobmarket::event::RunKind;
use jobmarket::offer::{OfferId, Version, content_hash};
use jobmarket::position::Position;
use jobmarket::state::words::{Admit, Commit, Fate, Intent, Mapped, NewRun, PageKind, Record, Slice, Verdict};
use jobmarket::state::{Claim, Pending, State};
use jobmarket::store::Written;
use jobmarket::store::elastic::Elastic;

use crate::documents::Page;

/// Pages on their way into the journal, as in a run's writer.
const PENDING: usize = 8;

/// The state of a data directory, and the pages that wait for it.
pub struct Journal {
    state: State,
    claim: Claim,
    run: i64,
    now: DateTime<Utc>,
    pending: tokio::sync::Mutex<VecDeque<Pending>>,
}

impl Journal {
    pub async fn begin(dir: &Path) -> Self {
        let (state, now) = (State::open(dir).unwrap(), Utc::now());
        let claim = state.claim("bench", "elasticsearch", now.timestamp() as u64, false).await.unwrap();
        let new = NewRun {
            source: "bench".into(),
            pipeline: None,
            kind: RunKind::Sweep,
            ask: "ask".into(),
            meaning: "meaning".into(),
            now,
            span: None,
            origins: String::new(),
            texts: Vec::new(),
        };
        let run = state.begin_run(new).await.unwrap().run;
        Journal { state, claim, run, now, pending: Default::default() }
    }

    /// A page as a run writes it: admitted, intent, written, committed with its row.
    pub async fn page(&self, elastic: &Elastic, page: &Page, number: usize) {
        let admit = self.admit(page, self.claim.ticket());
        let admitted = self.state.admit(Arc::new(admit.clone())).await.unwrap();
        let mut batch = page.batch(admit.version, self.now);
        let mut intents = Vec::new();
        for ((item, verdict), (key, _)) in batch.items.iter_mut().zip(&admitted.verdicts).zip(&page.offers) {
            let Verdict::Write { row, first_seen, .. } = verdict else { panic!("{verdict:?}") };
            (item.row, item.lifecycle.first_seen_at) = (*row, *first_seen);
            let (source, key) = (admit.source.clone(), key.clone());
            intents.push(Intent {
                row: *row,
                source,
                id: item.id,
                key,
                version: admit.version,
                first_seen: *first_seen,
                brought: None,
            });
        }
        self.state.intent(intents).await.unwrap();
        assert_eq!(elastic.write(&batch).await.unwrap(), Written::default());
        let commit = Commit {
            admit,
            admitted,
            refused: Vec::new(),
            superseded: Vec::new(),
            kind: PageKind::List,
            position: Position::Number(number as u64),
            part: 0,
            request: "GET https://bench.example".into(),
            status: 200,
            archived: Vec::new(),
            ask: "ask".into(),
            meaning: "meaning".into(),
            slice: slice(),
            halves: Vec::new(),
            marks: Vec::new(),
            store: false,
            bytes: 0,
            quotas: Vec::new(),
            from: None,
            quality: Default::default(),
        };
        let mut pending = self.pending.lock().await;
        pending.push_back(self.state.commit(commit).await.unwrap());
        let oldest = (pending.len() > PENDING).then(|| pending.pop_front()).flatten();
        drop(pending);
        if let Some(oldest) = oldest {
            oldest.done().await.unwrap();
        }
    }

    fn admit(&self, page: &Page, version: Version) -> Admit {
        let records = page.offers.iter().enumerate().map(|(item, (key, text))| Record {
            item: item as u32,
            id: Some(OfferId::new("bench", key)),
            key: Some(key.clone()),
            fate: Fate::Offer { content: content_hash(&page.text[text.clone()]), text: text.clone() },
            listed: None,
            raw: None,
            expires: None,
        });
        let mapped = Mapped { records: records.collect(), text: page.text.clone() };
        let (source, page) = ("bench".into(), Arc::new(mapped));
        Admit { run: self.run, source, version, page, at: self.now, again: false }
    }

    pub async fn end(&self) {
        for page in self.pending.lock().await.drain(..) {
            page.done().await.unwrap();
        }
    }
}

fn slice() -> Slice {
    Slice::open("0".into(), "{}".into(), None)
}
