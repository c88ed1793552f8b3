//! Large pages: read in two passes, mapped part by part while they are written; and the parts of any page, one by one.
use std::error::Error;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::Shared;
use super::detail::Details;
use super::ground::Ground;
use super::mapping::PageMapper;
use super::page::{At, Given, PART, Parts, Ready, Won, Work, left_out};
use super::part::PartWriter;
use super::unreadable;
use crate::decode::{self, Decoded, List};
use crate::definition::source::Dedupe;
use crate::exchange::Page;
use crate::extract::{Around, Flaw};
use crate::paginate::Announced;
use crate::plan::Plan;
use crate::state::words::Mapped;
use crate::tree::Tree;

/// What the first pass over a large body found: what stands around its records, and how many there are.
pub(super) fn surveyed(plan: &Plan, page: &Page, body: &Tree<'_>, list: List, mut work: Work) -> Work {
    work.announced = Announced::read(plan.call.pages.rule(), page, body);
    work.records = list.count.into();
    if list.left_out > 0 {
        work.gap = Some(left_out(list.count as usize, (list.count + list.left_out) as usize));
    }
    if work.records > 0 {
        work.parts = Parts::Later(Details::default());
    }
    work
}

/// Second pass over a large body: its parts from the `skip`-th on, each handed over before the next is mapped; false
/// ends it.
pub(super) fn later(
    given: Given<'_>,
    skip: usize,
    each: &mut dyn FnMut(Mapped, Vec<Flaw>) -> bool,
) -> Result<(), Box<dyn Error>> {
    let Given { plan, page, at, details, .. } = given;
    let text = decode::text(page)?;
    let Decoded { body, list, .. } = decode::envelope(&text, &plan.extract.list().unwrap_or_default())?;
    let Some(list) = list else { return Ok(()) };
    let ground = Ground::new(plan, page.fetched, at);
    let around = Around { unfiltered: details.unfiltered, ..ground.around(plan, &body) };
    let mapper = PageMapper { given, text: &text, around: &around };
    let (mut number, mut won) = (0, Won::default());
    let mut part = PartWriter::new(&mapper, number);
    let mut over = |part: PartWriter<'_, '_>, number: usize| -> io::Result<bool> {
        let (mut mapped, flaws) = part.done()?;
        won.dedupe(&mut mapped, plan.extract.dedupe);
        Ok(number < skip || each(mapped, flaws))
    };
    let mut wanted = Ok(true);
    decode::records(&text, list, &mut |row| {
        // Where the last of equal keys wins, what was before does not matter.
        let taken =
            if number < skip && plan.extract.dedupe == Dedupe::Last { part.pass() } else { part.take_row(&row) };
        wanted = taken.and_then(|()| {
            if !part.is_full() {
                return Ok(true);
            }
            let full = std::mem::replace(&mut part, PartWriter::new(&mapper, number + 1));
            number += 1;
            over(full, number - 1)
        });
        matches!(wanted, Ok(true))
    })?;
    if wanted? && !part.is_empty() {
        over(part, number)?;
    }
    Ok(())
}

/// The parts of a page, in order.
pub(super) struct Coming {
    from: From,
    /// How many are still to come.
    left: usize,
    /// The number of the next one.
    number: usize,
}

enum From {
    Here(std::vec::IntoIter<Mapped>, Vec<Flaw>),
    Later(mpsc::Receiver<(Mapped, Vec<Flaw>)>),
    /// No more come, though more were counted: the thread that mapped them is gone.
    Gone,
}

impl Coming {
    /// The parts of a page behind those that are done. Those of a large page are mapped by a thread that waits for each to
    /// be taken. A page that cannot be read any more has one part, which says so, wherever it stands.
    pub(super) fn of(ready: &mut Ready, at: At, shared: &Arc<Shared>) -> Self {
        let number = ready.done as usize;
        match std::mem::replace(&mut ready.worked.parts, Parts::Here(Vec::new())) {
            Parts::Here(mut parts) => {
                if ready.worked.fault.is_none() {
                    parts.drain(..number.min(parts.len()));
                }
                let left = parts.len();
                Coming { from: From::Here(parts.into_iter(), std::mem::take(&mut ready.worked.flaws)), left, number }
            }
            Parts::Later(details) => {
                let (taken, coming) = mpsc::channel(1);
                let (page, plan) = (ready.page.clone(), shared.plan.clone());
                let (fetch, pool) = (shared.engine.fetch.clone(), shared.engine.pool.clone());
                let left = (ready.worked.records as usize).div_ceil(PART).saturating_sub(number);
                tokio::spawn(async move {
                    let job = move || {
                        let mut each = |mapped, flaws| taken.blocking_send((mapped, flaws)).is_ok();
                        let folder = fetch.folder();
                        let given = Given { plan: &plan, page: &page, at: &at, details: &details, folder };
                        // Whoever waits counts the parts.
                        let _ = later(given, number, &mut each);
                    };
                    pool.work(job).await
                });
                Coming { from: From::Later(coming), left, number }
            }
        }
    }

    pub(super) async fn next(&mut self) -> Option<(Mapped, Vec<Flaw>)> {
        self.left = self.left.checked_sub(1)?;
        let next = match &mut self.from {
            From::Here(parts, flaws) => parts.next().map(|part| (part, std::mem::take(flaws))),
            From::Later(parts) => parts.recv().await,
            From::Gone => None,
        };
        let next = next.unwrap_or_else(|| {
            (self.left, self.from) = (0, From::Gone);
            let item = (self.number * PART) as u32;
            let record =
                unreadable::record(item, "the rest of the page cannot be read: the thread that mapped it is gone");
            (Mapped { records: vec![record], ..Mapped::default() }, Vec::new())
        });
        self.number += 1;
        Some(next)
    }

    /// Whether no part comes behind the last one.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Whether parts that were counted did not come.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.from, From::Gone)
    }
}

/// One part of a page that was worked on.
pub(super) fn nth(given: Given<'_>, worked: Work, index: usize) -> Option<Mapped> {
    match worked.parts {
        Parts::Here(mut parts) => parts.get_mut(index).map(std::mem::take),
        Parts::Later(_) => {
            let mut found = None;
            let mut each = |mapped, _| {
                found = Some(mapped);
                false
            };
            later(given, index, &mut each).ok()?;
            found
        }
    }
}
