//! A page of a slice taken in: part by part it joins the queue before the run's writer.
use std::sync::Arc;

use tokio::sync::oneshot;

use super::RunError;
use super::large::Coming as Parts;
use super::page::Ready;
use super::queue::writer_is_gone;
use super::slice::Reading;
use super::told::{fields, most, rejects};
use super::writing::Handed;
use crate::event::EventKind;
use crate::extract::Flaw;
use crate::offer::Version;
use crate::paginate::{Next, Progress};
use crate::position::Position;
use crate::state::words::{Admit, Admitted, Commit, Mapped, PageKind, Quality, Slice, part};

impl Reading {
    pub(super) fn admit(&self, ready: &Ready, version: Version, mapped: Mapped) -> Admit {
        Admit {
            run: self.shared.run,
            source: self.shared.plan.source.clone(),
            version,
            page: Arc::new(mapped),
            again: false,
            at: ready.page.fetched,
        }
    }

    /// Admits a page part by part, writes its offers, hands it over. Whether all its keys were known.
    pub(super) async fn take(
        &mut self,
        position: Position,
        mut ready: Ready,
        kind: PageKind,
        next: Option<Next>,
    ) -> Result<bool, RunError> {
        let at = self.at(&position);
        let mut parts = Parts::of(&mut ready, at, &self.shared);
        let mut after = self.slice.progress.clone();
        let mut all_known = ready.done == 0;
        let mut index = ready.done as usize;
        while let Some((mapped, flaws)) = parts.next().await {
            if parts.is_gone() {
                let why = "decode: it could not be read to its end";
                after.lose(&position, why);
                self.after.lose(&position, why);
            }
            let first = index == ready.done as usize;
            let version = if first { ready.version } else { self.shared.claim.ticket() };
            let admit = self.admit(&ready, version, mapped);
            // The slice stands at this page, with so many of its parts done, until the last one is; behind the last page
            // it stays there. After a crash the page comes out of the archive and says again how the slice goes on.
            (self.slice.position, self.slice.progress) = match &next {
                Some(Next::Page(next)) if parts.is_over() => (Some(next.clone()), after.clone()),
                _ => (Some(position.clone()), self.standing(index as u32 + 1)),
            };
            let part = Part { position: position.clone(), part: part(index as u32, after.again), kind };
            all_known &= self.hand_over(part, &ready, admit, flaws, Vec::new()).await?;
            index += 1;
        }
        Ok(all_known && !parts.is_gone())
    }

    /// What the guards remember while a page is not done: what they knew before it.
    fn standing(&self, part: u32) -> Progress {
        Progress { part, ..self.before.clone() }
    }

    /// Admits a part and hands it over to the writer; whether all its keys were known.
    pub(super) async fn hand_over(
        &mut self,
        part: Part,
        ready: &Ready,
        admit: Admit,
        flaws: Vec<Flaw>,
        halves: Vec<Slice>,
    ) -> Result<bool, RunError> {
        let Part { position, part, kind } = part;
        // The bytes and the details of a page are told with its first part.
        let whole = part & 0xffff == ready.done;
        let bytes = if whole { ready.page.body.len() as u64 } else { 0 };
        let event = EventKind::PageCommitted {
            slice: self.slice.slice.clone(),
            position: position.to_string(),
            bytes,
            counts: Default::default(),
            flaws: most(&flaws),
            rejects: rejects(&admit),
        };
        let (details, failed) = if whole { ready.details.clone() } else { Default::default() };
        let quality = Quality { flaws: fields(&flaws), details, failed, ..Quality::default() };
        let commit = Commit {
            refused: Vec::new(),
            superseded: Vec::new(),
            kind,
            position,
            part,
            request: format!("{} {}", ready.page.method, ready.page.url),
            status: ready.page.status,
            archived: ready.archived.clone(),
            ask: self.shared.plan.fingerprints.request.clone(),
            meaning: self.shared.plan.fingerprints.mapping.clone(),
            slice: self.slice.clone(),
            halves,
            marks: Vec::new(),
            store: self.shared.target.in_transaction(),
            bytes,
            quotas: Vec::new(),
            from: None,
            quality,
            admit,
            admitted: Admitted::default(),
        };
        let (done, last) = oneshot::channel();
        self.last = Some(last);
        self.shared.queue.join(&self.shared.engine.state, Handed { commit, event, done, room: None }).await
    }

    /// Waits until all that was handed over is committed.
    pub(super) async fn settle(&mut self) -> Result<(), RunError> {
        if let Some(last) = self.last.take() {
            self.slice.keys = last.await.map_err(|_| writer_is_gone())?;
        }
        Ok(())
    }
}

/// Which part of which page.
pub(super) struct Part {
    pub position: Position,
    pub part: u32,
    pub kind: PageKind,
}
