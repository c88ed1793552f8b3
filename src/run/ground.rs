//! What stands around the records of a page: partition, window, parameters, the answer itself.
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::page::At;
use super::partitions::values;
use crate::convert::Moment;
use crate::extract::Around;
use crate::plan::{Knobs, Plan};
use crate::tree::Tree;

/// What stands around the records of a page, made once.
pub(super) struct Ground {
    moment: Moment,
    partition: Vec<(String, Tree<'static>)>,
    window: Vec<(&'static str, Tree<'static>)>,
    knobs: Arc<Knobs>,
}

impl Ground {
    pub(super) fn new(plan: &Plan, fetched: DateTime<Utc>, at: &At) -> Self {
        let window = at.window.map(|(start, end)| crate::plan::window(start, end));
        Ground {
            moment: Moment { fetched, lookups: plan.call.knobs.lookups.clone() },
            partition: values(&at.partition),
            window: window.unwrap_or_default(),
            knobs: plan.call.knobs.clone(),
        }
    }

    pub(super) fn around<'a>(&'a self, plan: &'a Plan, body: &'a Tree<'a>) -> Around<'a> {
        let scope = self
            .knobs
            .scope(self.moment.fetched)
            .with("for", crate::plan::named(&self.partition))
            .with("window", self.window.iter().map(|(name, value)| (*name, value)))
            .tree("answer", body);
        let (moment, source, keeps) = (&self.moment, &*plan.source, &*plan.keeps);
        Around { scope, moment, source, keeps, listed: false, unfiltered: false }
    }
}
