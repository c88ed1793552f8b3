//! `for`: where the values of a partition come from, compiled.
use super::Call;
use super::calls::{Parts, Who, call};
use super::compile::Values;
use crate::convert::render::Program;
use crate::definition::partition::{Call as CallDefinition, Partition as Written, PartitionChoice};
use crate::definition::source::Source;
use crate::extract::Listing;
use crate::finding::Finding;
use crate::tree::Tree;

/// Values of one name of `for`.
#[derive(Debug)]
pub enum Partition {
    /// These.
    List(Vec<Tree<'static>>),
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
            Partition::List(_) | Partition::File { .. } => false,
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
            PartitionChoice::Range(range) => {
                let down = range.step < 0;
                let numbers = std::iter::successors(Some(range.from), |at| at.checked_add(range.step));
                let numbers = numbers.take_while(|at| if down { *at >= range.to } else { *at <= range.to });
                Ok(Partition::List(numbers.map(Tree::Int).collect()))
            }
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
