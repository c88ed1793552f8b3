//! `for`: where the values of a partition come from, compiled.
use super::Call;
use super::calls::{Parts, Who, call};
use super::compile::Values;
use crate::convert::render::Program;
use crate::definition::partition::{Call as CallDefinition, Partition as Written, PartitionChoice, PartitionRange};
use crate::definition::source::Source;
use crate::extract::Listing;
use crate::finding::Finding;
use crate::tree::Tree;

/// Values of one name of `for`.
#[derive(Debug)]
pub enum Partition {
    /// These.
    List(Vec<Tree<'static>>),
    /// Whole numbers, made when they are asked for.
    Range(Range),
    /// A template over earlier names.
    Template(Program),
    /// A column of a CSV file, relative to the project.
    File {
        /// Path.
        path: String,
        /// Name of the column.
        column: String,
    },
    /// What another call brings, once a run.
    Parent(Box<Parent>),
}

/// Whole numbers at equal distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    from: i64,
    step: i64,
    count: usize,
}

impl Range {
    /// As it is written; without numbers where the step leads away from the end.
    pub fn new(written: &PartitionRange) -> Self {
        Range { from: written.from, step: written.step, count: usize::try_from(written.count()).unwrap_or(usize::MAX) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One of them, from 0.
    pub fn get(&self, index: usize) -> Option<i64> {
        let distance = self.step.checked_mul(i64::try_from(index).ok()?)?;
        self.from.checked_add(distance).filter(|_| index < self.count)
    }
}

/// A parent call.
#[derive(Debug)]
pub struct Parent {
    /// What is asked.
    pub call: Call,
    /// What its answers bring.
    pub listing: Listing,
    /// Lists of this many values instead of single ones.
    pub batch: Option<usize>,
}

impl Partition {
    /// Whether its values depend on those of earlier names.
    pub fn depends(&self) -> bool {
        match self {
            Partition::List(_) | Partition::Range(_) | Partition::File { .. } => false,
            Partition::Template(_) => true,
            Partition::Parent(parent) => parent.call.request.reads("for"),
        }
    }
}

/// All names of `for`, in file order: later ones vary faster, and may use earlier ones.
pub(super) fn partitions(
    source: &Source,
    list: &Call,
    values: &mut Values<'_>,
) -> Result<Vec<(String, Partition)>, Finding> {
    let mut partitions = Vec::new();
    for (name, written) in source.partitions.iter() {
        partitions.push((name.to_owned(), partition(name, written, (source, list), values)?));
    }
    Ok(partitions)
}

fn partition(
    name: &str,
    written: &Written,
    of: (&Source, &Call),
    values: &mut Values<'_>,
) -> Result<Partition, Finding> {
    let trail = ["for", name];
    match written {
        Written::List(list) => Ok(Partition::List(list.clone())),
        Written::Template(template) if template.names().any(|mention| mention.parts[0] == "for") => {
            values.environment(template);
            Program::compile(template)
                .map(Partition::Template)
                .map_err(|error| values.finding(&trail, error.to_string()))
        }
        Written::Template(template) => match values.value(template, &trail)? {
            Tree::List(list) => Ok(Partition::List(list)),
            other => Err(values.finding(&trail, format!("{} where a list was expected", other.kind()))),
        },
        Written::Choice(choice) => match &**choice {
            PartitionChoice::Range(range) => Ok(Partition::Range(Range::new(range))),
            PartitionChoice::File(file) => Ok(Partition::File { path: file.path.clone(), column: file.column.clone() }),
            PartitionChoice::Call(written) => {
                parent(written, &["for", name, "call"], of, values).map(|parent| Partition::Parent(Box::new(parent)))
            }
        },
    }
}

fn parent(
    written: &CallDefinition,
    trail: &[&str],
    (source, list): (&Source, &Call),
    values: &mut Values<'_>,
) -> Result<Parent, Finding> {
    let parts = Parts {
        request: &written.request,
        who: written.auth.as_ref().map_or(Who::AsList(list), Who::Itself),
        pages: &written.pages,
        responses: &written.responses,
        limits: written.limits.as_ref().unwrap_or(&source.limits),
        decode: &written.decode,
    };
    let call = call(&parts, source, trail, values)?;
    let listing = Listing::compile(&written.records, written.only.as_ref(), &written.value)
        .map_err(|message| values.finding(trail, message))?;
    Ok(Parent { call, listing, batch: written.batch })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: i64, to: i64, step: i64, expect: (usize, Option<i64>, Option<i64>)) {
        let range = Range::new(&PartitionRange { from, to, step });
        let last = range.len().checked_sub(1).and_then(|last| range.get(last));
        assert_eq!((range.len(), range.get(0), last), expect, "{from} {to} {step}");
        assert_eq!(range.get(range.len()), None, "{from} {to} {step}");
    }

    #[test]
    fn a_range_is_counted_without_being_written_out() {
        check(1, 5, 1, (5, Some(1), Some(5)));
        check(1, 6, 2, (3, Some(1), Some(5)));
        check(5, 1, -2, (3, Some(5), Some(1)));
        check(5, 5, 1, (1, Some(5), Some(5)));
        check(5, 1, 1, (0, None, None));
        check(1, 5, -1, (0, None, None));
        check(1, 5, 0, (0, None, None));
        check(0, 1_000_000_000_000, 1, (1_000_000_000_001, Some(0), Some(1_000_000_000_000)));
        check(i64::MAX - 1, i64::MAX, 1, (2, Some(i64::MAX - 1), Some(i64::MAX)));
        check(i64::MIN, i64::MAX, i64::MAX, (3, Some(i64::MIN), None));
    }
}
