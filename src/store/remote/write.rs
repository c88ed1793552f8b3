//! Writing to a server: intent first, then the offers, until each has its outcome. An outage only takes time.
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};

use super::Remote;
use crate::crash;
use crate::document::Document;
use crate::files::spool::Pieces;
use crate::offer::{Batch, Version};
use crate::sink::batch::{closed, items};
use crate::state::StateError;
use crate::state::words::{Brought, Closing, Commit, Intent};
use crate::store::elastic::Hold;
use crate::store::target::TargetError;
use crate::store::{StoreError, Written};

/// Documents that are read at a time: each may have a few megabytes.
const READ: usize = 16;

impl Remote {
    /// Writes the offers of a page, and what it closes; what the store refused or knows better goes into the commit.
    pub(in crate::store) async fn write_page(&self, commit: &mut Commit) -> Result<(), TargetError> {
        let (numbers, own): (Vec<usize>, Vec<_>) = items(commit).into_iter().unzip();
        let mut closings: Vec<Closing> = commit.admitted.closings.iter().map(|(_, closing)| closing.clone()).collect();
        self.contents(&mut closings).await?;
        for ((_, own), read) in commit.admitted.closings.iter_mut().zip(&closings) {
            own.content.clone_from(&read.content);
        }
        // What the store never had is closed in the state alone.
        closings.retain(|closing| closing.content.is_some());
        let shut = closed(&closings, commit.admit.at);
        let admit = &commit.admit;
        let mut intents: Vec<Intent> = numbers
            .iter()
            .zip(&own)
            .map(|(index, item)| Intent {
                row: item.row,
                source: admit.source.clone(),
                id: item.id,
                key: admit.page.records[*index].key.clone().unwrap_or_default(),
                version: admit.version,
                first_seen: item.lifecycle.first_seen_at,
                brought: Some(Brought {
                    ask: commit.ask.clone(),
                    partition: commit.slice.partition.clone(),
                    start: commit.slice.window.map(|(start, _)| start),
                    again: admit.again,
                }),
            })
            .collect();
        intents.extend(closings.iter().map(|closing| self.intent(closing, admit.version)));
        if intents.is_empty() {
            return Ok(());
        }
        self.run.state.intent(intents).await?;
        crash::point("intended");
        let own = self.write(&Batch { version: admit.version, items: own }).await?;
        let shut = self.write(&Batch { version: admit.version, items: shut }).await?;
        crash::point("written");
        if own.fenced || shut.fenced {
            return Err(TargetError::Fenced);
        }
        commit.superseded = own.superseded.into_iter().map(|at| numbers[at]).collect();
        commit.refused = own.refused.into_iter().map(|(at, reject)| (numbers[at], reject)).collect();
        let open = self.stay_open(&closings, &shut);
        commit.admitted.closings.retain(|(_, closing)| !open.contains(&closing.row));
        Ok(())
    }

    /// The rows of closings that the store refuses: they stay open, for the next sweep to try again.
    fn stay_open(&self, closings: &[Closing], written: &Written) -> Vec<u64> {
        if let Some((at, reject)) = written.refused.first() {
            let message = format!(
                "the store refuses to close {} offers; they stay open, and the next sweep tries again. Of {}: {}",
                written.refused.len(),
                closings[*at].key,
                reject.message
            );
            self.run.warn(message);
        }
        written.refused.iter().map(|(at, _)| closings[*at].row).collect()
    }

    /// Writes offers that are closed, before the state knows that they are. Those that stay open are taken out.
    pub(in crate::store) async fn close(
        &self,
        closings: &mut Vec<Closing>,
        version: Version,
        at: DateTime<Utc>,
    ) -> Result<(), TargetError> {
        self.contents(closings).await?;
        if self.hold().await? == Hold::Lost {
            return Err(TargetError::Fenced);
        }
        let stored: Vec<Closing> = closings.iter().filter(|closing| closing.content.is_some()).cloned().collect();
        let intents = stored.iter().map(|closing| self.intent(closing, version)).collect();
        self.run.state.intent(intents).await?;
        crash::point("intended");
        let written = self.write(&Batch { version, items: closed(&stored, at) }).await?;
        crash::point("written");
        if written.fenced {
            return Err(TargetError::Fenced);
        }
        let open = self.stay_open(&stored, &written);
        closings.retain(|closing| !open.contains(&closing.row));
        Ok(())
    }

    fn intent(&self, closing: &Closing, version: Version) -> Intent {
        Intent {
            row: closing.row,
            source: self.run.source.clone(),
            id: closing.id,
            key: closing.key.clone(),
            version,
            first_seen: closing.first_seen,
            brought: None,
        }
    }

    /// The contents of offers that are closed: full documents are written, so they are read back first.
    async fn contents(&self, closings: &mut [Closing]) -> Result<(), TargetError> {
        if closings.is_empty() {
            return Ok(());
        }
        let folder = self.run.state.dir();
        let fault = |error| StateError::unusable(folder, error);
        let mut contents = Pieces::new(folder);
        for some in closings.chunks(READ) {
            let ids: Vec<_> = some.iter().map(|closing| closing.id).collect();
            for document in self.patient(|| self.server.documents(&ids)).await? {
                let content = document.as_deref().and_then(Document::read).map(|read| read.content());
                contents.push(content.as_deref()).map_err(fault)?;
            }
        }
        let contents = contents.done().map_err(fault)?;
        closings.iter_mut().zip(contents).for_each(|(closing, content)| closing.content = content);
        Ok(())
    }

    /// Writes a batch until each item is final. While the server is away nothing is lost: the writer waits, and with it, by
    /// back-pressure, everything that fetches.
    pub(in crate::store) async fn write(&self, batch: &Batch) -> Result<Written, TargetError> {
        if batch.items.is_empty() {
            return Ok(Written::default());
        }
        let offers = batch.items.len() as u64;
        self.sending.fetch_add(offers, Ordering::Relaxed);
        let written = self.patient(|| self.server.write(batch)).await;
        self.sending.fetch_sub(offers, Ordering::Relaxed);
        written
    }

    /// Asks the server until it answers, waiting while it is away.
    pub(super) async fn patient<T, F>(&self, ask: impl FnMut() -> F) -> Result<T, TargetError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.outage.patient(|| self.sending.load(Ordering::Relaxed), ask).await
    }
}
