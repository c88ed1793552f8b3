//! Large pages: read in two passes, mapped part by part while they are written; and the parts of any page, one by one.
use std::sync::Arc;

use tokio::sync::mpsc;

use super::Shared;
use super::detail::Details;
use super::ground::Ground;
use super::page::{At, PART, Parts, Ready, Won, Work, part};
use super::pager::PageFault;
use crate::decode::{self, DecodeError};
use crate::definition::source::Dedupe;
use crate::exchange::Page;
use crate::extract::{Around, Flaw};
use crate::paginate::Announced;
use crate::plan::Plan;
use crate::state::words::Mapped;
use crate::tree::Tree;

/// First pass over a large body: what stands around its records, and how many there are.
pub(super) fn surveyed(plan: &Plan, page: &Page, body: &Tree<'_>, count: Option<u64>, mut work: Work) -> Work {
    work.announced = Announced::read(plan.call.pages.rule(), page, body);
    match count {
        None if !plan.extract.may_be_missing() => {
            work.fault = Some(PageFault::Shape("shape: the list of records is not in the answer".into()));
            return work;
        }
        count => work.records = count.unwrap_or(0),
    }
    if work.records > 0 {
        work.parts = Parts::Later(Details::default());
    }
    work
}

/// Second pass over a large body: its parts from the `skip`-th on, each handed over before the next is mapped; false
/// ends it.
pub(super) fn later(
    plan: &Plan,
    page: &Page,
    at: &At,
    details: &Details,
    skip: usize,
    each: &mut dyn FnMut(Mapped, Vec<Flaw>) -> bool,
) -> Result<(), DecodeError> {
    let plain = decode::plain(page)?;
    let names = plan.extract.list().unwrap_or_default();
    let (body, _) = decode::stream::envelope(&plain, &names)?;
    let ground = Ground::new(plan, page.fetched, at);
    let around = Around { unfiltered: details.unfiltered, ..ground.around(plan, &body) };
    let mut won = Won::default();
    let mut number = 0;
    decode::stream::records(&plain, &names, PART, &mut |records| {
        number += 1;
        // Where the last of equal keys wins, what was before does not matter.
        if number <= skip && plan.extract.dedupe == Dedupe::Last {
            return true;
        }
        let (mut flaws, records): (_, Vec<&Tree<'_>>) = (Vec::new(), records.iter().collect());
        let mut mapped = part(plan, number - 1, &records, &around, details, &mut flaws);
        won.dedupe(&mut mapped, plan.extract.dedupe);
        number <= skip || each(mapped, flaws)
    })
}

/// The parts of a page, in order.
pub(super) enum Coming {
    Here(std::vec::IntoIter<Mapped>, Vec<Flaw>),
    Later(mpsc::Receiver<(Mapped, Vec<Flaw>)>),
}

impl Coming {
    /// The parts of a page behind those that are done, and how many it has in all. Those of a large page are mapped by a
    /// thread that waits for each to be taken.
    pub(super) fn of(ready: &mut Ready, at: At, shared: &Arc<Shared>) -> (usize, Self) {
        let done = ready.done as usize;
        match std::mem::replace(&mut ready.worked.parts, Parts::Here(Vec::new())) {
            Parts::Here(mut parts) => {
                let count = parts.len();
                parts.drain(..done.min(count));
                (count, Coming::Here(parts.into_iter(), std::mem::take(&mut ready.worked.flaws)))
            }
            Parts::Later(details) => {
                let (taken, coming) = mpsc::channel(1);
                let (plan, page, shared) = (shared.plan.clone(), ready.page.clone(), shared.clone());
                tokio::spawn(async move {
                    let job = move || {
                        let mut each = |mapped, flaws| taken.blocking_send((mapped, flaws)).is_ok();
                        // The first pass read it whole: nothing is wrong with it now.
                        let _ = later(&plan, &page, &at, &details, done, &mut each);
                    };
                    shared.engine.pool.work(job).await
                });
                ((ready.worked.records as usize).div_ceil(PART), Coming::Later(coming))
            }
        }
    }

    pub(super) async fn next(&mut self) -> Option<(Mapped, Vec<Flaw>)> {
        match self {
            Coming::Here(parts, flaws) => Some((parts.next()?, std::mem::take(flaws))),
            Coming::Later(parts) => parts.recv().await,
        }
    }
}

/// One part of a page that was worked on.
pub(super) fn nth(plan: &Plan, page: &Page, at: &At, details: &Details, worked: Work, index: usize) -> Option<Mapped> {
    match worked.parts {
        Parts::Here(mut parts) => parts.get_mut(index).map(std::mem::take),
        Parts::Later(_) => {
            let mut found = None;
            let mut each = |mapped, _| {
                found = Some(mapped);
                false
            };
            later(plan, page, at, details, index, &mut each).ok()?;
            found
        }
    }
}
