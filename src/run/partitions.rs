//! The partitions of a run, one at a time: the last name of `for` varies fastest, parent calls are made once.
use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;

use super::ask::Asker;
use super::page::{decoded, left_out};
use super::pager::Pager;
use super::{told, unreadable};
use crate::bounds::NOTES;
use crate::convert::Moment;
use crate::decode::{self, DecodeError, Decoded, Row, Text, Unread};
use crate::extract::{Flaw, Listed, Listing};
use crate::fetch::FetchError;
use crate::files::{self, FileError};
use crate::paginate::{Announced, Completeness, Next, PageSeen, Progress, judge};
use crate::plan::{Meaning, Parent, Partition, Place, Plan, Range};
use crate::redact::{MASK, put_back, seal};
use crate::tree::Tree;

/// Where the enumeration stands: the values of each name and which of them is at hand.
pub(super) struct Partitions {
    plan: Arc<Plan>,
    levels: Vec<(Values, usize)>,
    /// Values that do not depend on earlier names.
    kept: Vec<Option<Values>>,
    state: State,
}

/// Values of one name.
#[derive(Clone)]
enum Values {
    List(Arc<Vec<Tree<'static>>>),
    Range(Range),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::List(list) => list.len(),
            Values::Range(range) => range.len(),
        }
    }

    fn at(&self, index: usize) -> Tree<'static> {
        match self {
            Values::List(list) => list.get(index).cloned().unwrap_or_default(),
            Values::Range(range) => range.get(index).map(Tree::Int).unwrap_or_default(),
        }
    }
}

#[derive(PartialEq)]
enum State {
    New,
    Going,
    Over,
}

/// The values of a name could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoValues {
    #[error("`for.{0}`: {1}")]
    Fetch(String, FetchError),
    #[error("`for.{0}`: {1}")]
    Answer(String, String),
    #[error("`for.{0}`: {1}")]
    File(String, FileError),
}

impl Partitions {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        let kept = plan.partitions.iter().map(|_| None).collect();
        Partitions { plan, levels: Vec::new(), kept, state: State::New }
    }

    /// The next partition as JSON; `None` behind the last one. `warn` is told of a name without values, and of values that
    /// were read otherwise than they are written.
    pub(super) async fn next(
        &mut self,
        asker: &Asker<'_>,
        project: &Path,
        warn: &(dyn Fn(String) + Sync),
    ) -> Result<Option<String>, NoValues> {
        match self.state {
            State::Over => return Ok(None),
            State::New => self.state = State::Going,
            State::Going => self.step(),
        }
        while self.state == State::Going {
            let depth = self.levels.len();
            if depth == self.plan.partitions.len() {
                if depth == 0 {
                    self.state = State::Over;
                }
                // A parent may repeat our credential: what is kept of a partition holds its name.
                let kept = self.at().into_iter().map(|(name, value)| (name, each_text(value, &seal))).collect();
                return Ok(Some(Tree::Object(named(kept)).to_string()));
            }
            let values = self.values(depth, asker, project, warn).await?;
            if values.len() == 0 {
                warn(format!("`for.{}` has no values: nothing is asked for it", self.plan.partitions[depth].0));
                self.step();
            } else {
                self.levels.push((values, 0));
            }
        }
        Ok(None)
    }

    /// On to the next value of the last name that has one.
    fn step(&mut self) {
        while let Some((values, at)) = self.levels.last_mut() {
            *at += 1;
            if *at < values.len() {
                return;
            }
            self.levels.pop();
        }
        self.state = State::Over;
    }

    /// The values at hand.
    fn at(&self) -> Vec<(String, Tree<'static>)> {
        let names = self.plan.partitions.iter().map(|(name, _)| name.clone());
        names.zip(self.levels.iter().map(|(values, at)| values.at(*at))).collect()
    }

    async fn values(
        &mut self,
        depth: usize,
        asker: &Asker<'_>,
        project: &Path,
        warn: &(dyn Fn(String) + Sync),
    ) -> Result<Values, NoValues> {
        if let Some(kept) = &self.kept[depth] {
            return Ok(kept.clone());
        }
        let plan = self.plan.clone();
        let (name, partition) = &plan.partitions[depth];
        let list = match partition {
            Partition::Range(range) => return Ok(Values::Range(*range)),
            Partition::List(list) => list.clone(),
            Partition::Template(program) => {
                let at = self.at();
                let scope = plan.call.knobs.scope(DateTime::UNIX_EPOCH).with("for", crate::plan::named(&at));
                let found = program.value(&scope).map_err(|error| NoValues::Answer(name.clone(), error.to_string()))?;
                match found {
                    Tree::List(list) => list,
                    other => {
                        let message = format!("{} where a list was expected", other.kind());
                        return Err(NoValues::Answer(name.clone(), message));
                    }
                }
            }
            Partition::File { path, column } => {
                let column = files::column(project, path, column);
                let column = column.map_err(|error| NoValues::File(name.clone(), error))?;
                column.into_iter().map(Tree::from).collect()
            }
            Partition::Parent(parent) => self.parent(name, parent, asker, warn).await?,
        };
        let values = Values::List(Arc::new(list));
        if !partition.depends() {
            self.kept[depth] = Some(values.clone());
        }
        Ok(values)
    }

    /// What a parent call brings, page by page.
    async fn parent(
        &self,
        name: &str,
        parent: &Parent,
        asker: &Asker<'_>,
        warn: &(dyn Fn(String) + Sync),
    ) -> Result<Vec<Tree<'static>>, NoValues> {
        let (call, at) = (&parent.call, self.at());
        let answer = |message: String| NoValues::Answer(name.to_owned(), message);
        let mut values: Vec<Tree<'static>> = Vec::new();
        let mut progress = Progress::default();
        let mut position = call.pages.rule().start();
        loop {
            let place = Place { partition: &at, window: None, position: &position, record: None };
            let request = call.request(&place).map_err(|error| answer(error.to_string()))?;
            let page = asker.ask(call, &request).await.map_err(|error| NoValues::Fetch(name.to_owned(), error))?;
            match call.meaning(&page) {
                Meaning::Records => {}
                Meaning::Empty => break,
                _ => return Err(answer(call.failure(&page))),
            }
            let undecoded = |error: DecodeError| answer(call.unusable(&page, &error));
            let text = decode::text(&page).map_err(undecoded)?;
            let names = parent.listing.names();
            let read = decoded(&text, names.as_deref()).map_err(undecoded)?;
            // A parent that is left out would look like offers that are gone.
            let unread = |unread: &Unread| {
                let why = format_args!("a part of its answer cannot be read: {}", unread.message);
                call.unusable(&page, &why)
            };
            if let Some(first) = read.unread.first() {
                return Err(answer(unread(first)));
            }
            let mut flaws: Vec<Flaw> = unreadable::flaws(&read.notes).collect();
            let scope = call.knobs.scope(page.fetched).with("for", crate::plan::named(&at)).tree("answer", &read.body);
            let moment = Moment { fetched: page.fetched, lookups: call.knobs.lookups.clone() };
            let mut listed = Listed::new(&parent.listing, scope, moment);
            each(&parent.listing, (&text, &read), &mut flaws, &mut |row| match row {
                Ok(record) => listed.take(record),
                Err(lost) => Err(unread(lost)),
            })
            .map_err(answer)?;
            told::most(&flaws).into_iter().for_each(|(flaw, count)| match count {
                1 => warn(format!("`for.{name}`: {flaw}")),
                _ => warn(format!("`for.{name}`: {flaw}, {count} times")),
            });
            let listed = listed.done();
            let body = &read.body;
            values.extend(listed.values);
            let announced = Announced::read(call.pages.rule(), &page, body);
            let hash = listed.hash.unwrap_or_default();
            let seen = PageSeen { records: listed.records, keyless: 0, hash, announced: &announced };
            let mut pager = Pager { pages: &call.pages, progress: &mut progress };
            position = match pager.advance(&position, &seen) {
                Next::Page(next) => next,
                Next::End(end) if end.is_honest() => break,
                Next::End(end) => return Err(answer(format!("after {} pages: {end}", progress.pages))),
            };
        }
        match judge(&call.pages, &progress, progress.received) {
            Completeness::Whole | Completeness::Doubtful => {}
            Completeness::Short { keys, total } => {
                return Err(answer(format!("short: {keys} of {total} records came")));
            }
            Completeness::Unknown(why) => return Err(answer(why)),
        }
        Ok(match parent.batch {
            None => values,
            Some(size) => values.chunks(size.max(1)).map(|batch| Tree::List(batch.to_vec())).collect(),
        })
    }
}

/// Takes a record, or one that cannot be read.
type Take<'t> = dyn FnMut(Result<&Tree<'_>, &Unread>) -> Result<(), String> + 't;

/// The records of a parent's answer in order, those that cannot be read among them.
fn each(
    listing: &Listing,
    (text, read): (&Text<'_>, &Decoded<'_>),
    flaws: &mut Vec<Flaw>,
    take: &mut Take<'_>,
) -> Result<(), String> {
    let Some(list) = read.list.filter(|list| !list.kept) else {
        return listing.records(&read.body)?.into_iter().try_for_each(|record| take(Ok(record)));
    };
    if list.left_out > 0 {
        return Err(left_out(list.count as usize, (list.count + list.left_out) as usize));
    }
    let mut taken = Ok(());
    let come = decode::records(text, list, &mut |row| {
        let room = NOTES.saturating_sub(flaws.len());
        flaws.extend(unreadable::flaws(row.notes()).take(room));
        taken = match &row {
            Row::Read(tree, _) => take(Ok(tree)),
            Row::Unread(unread) => take(Err(unread)),
        };
        taken.is_ok()
    });
    come.map_err(|error| error.to_string()).and(taken)
}

/// The values at hand as the members of a tree.
pub(super) fn named(values: Vec<(String, Tree<'static>)>) -> Vec<(std::borrow::Cow<'static, str>, Tree<'static>)> {
    values.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// A partition as names and values.
pub(super) fn values(partition: &str) -> Vec<(String, Tree<'static>)> {
    let text = decode::Text::from(partition);
    match decode::json(&text, None).unwrap_or_default().body.into_owned() {
        Tree::Object(members) => {
            let back = |text: &str| put_back(text).unwrap_or_else(|| MASK.to_owned());
            members.into_iter().map(|(name, value)| (back(&name), each_text(value, &back))).collect()
        }
        _ => Vec::new(),
    }
}

/// A value with each text in it changed.
fn each_text(value: Tree<'static>, change: &dyn Fn(&str) -> String) -> Tree<'static> {
    match value {
        Tree::Text(text) => Tree::from(change(&text)),
        Tree::List(list) => Tree::List(list.into_iter().map(|value| each_text(value, change)).collect()),
        Tree::Object(members) => {
            let change_name =
                |(name, value): (std::borrow::Cow<'static, str>, _)| (change(&name).into(), each_text(value, change));
            Tree::Object(members.into_iter().map(change_name).collect())
        }
        other => other,
    }
}
