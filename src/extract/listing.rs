//! What a parent call's answer brings: one value for each of its records.
use super::compile::value;
use super::{Value, judged};
use crate::bounds::PARENT_BYTES;
use crate::convert::Moment;
use crate::convert::render::Scope;
use crate::paginate::RecordsHash;
use crate::scalar::{RecordsAt, Value as Says};
use crate::tree::Tree;

/// How values are read out of an answer.
#[derive(Debug)]
pub struct Listing {
    records: RecordsAt,
    only: Option<Value>,
    value: Value,
}

/// What one answer lists.
pub struct ParentValues {
    /// One value for each record that `only` lets through.
    pub values: Vec<Tree<'static>>,
    /// All of its records.
    pub records: u64,
    /// Equal for answers with equal records; none without records.
    pub hash: Option<u64>,
}

impl Listing {
    /// Compiles `records`, `only` and `value`, which were checked.
    pub fn compile(records: &RecordsAt, only: Option<&Says>, says: &Says) -> Result<Self, String> {
        Ok(Listing { records: records.clone(), only: only.map(value).transpose()?, value: value(says)? })
    }

    /// The names that lead to the list, when it can be read on its way.
    pub fn names(&self) -> Option<Vec<&str>> {
        self.records.names()
    }

    /// The records of an answer. A list that is missing is an error.
    pub fn records<'t, 'p>(&self, body: &'t Tree<'p>) -> Result<Vec<&'t Tree<'p>>, String> {
        self.records.read(body).ok_or_else(|| {
            let at = self.records.as_str();
            format!("the list `{at}` is not in the answer; where that means that there is none, write `{at} ?? []`")
        })
    }
}

/// What an answer lists, while its records are read.
pub struct Listed<'l> {
    listing: &'l Listing,
    scope: Scope<'l>,
    moment: Moment,
    hasher: RecordsHash,
    values: Vec<Tree<'static>>,
    records: u64,
    bytes: usize,
}

impl<'l> Listed<'l> {
    /// Of an answer with this scope.
    pub fn new(listing: &'l Listing, scope: Scope<'l>, moment: Moment) -> Self {
        let (hasher, values) = (RecordsHash::default(), Vec::new());
        Listed { listing, scope, moment, hasher, values, records: 0, bytes: 0 }
    }

    /// Takes a record in. A value that is null or cannot be made is an error: a partition that is silently left out would
    /// look like offers that are gone.
    pub fn take(&mut self, record: &Tree<'_>) -> Result<(), String> {
        self.records += 1;
        self.hasher.take(record);
        let Listing { only, value, .. } = self.listing;
        let scope = self.scope.clone().tree("record", record);
        let mut errors = Vec::new();
        if let Some(only) = only
            && !judged(only, record, &scope, &self.moment).map_err(|error| format!("`only`: {error}"))?
        {
            return Ok(());
        }
        let made = value.value(record, &scope, &self.moment, &mut errors).map_err(|error| error.to_string())?;
        match (made, errors.first()) {
            (_, Some(error)) => Err(error.to_string()),
            (Tree::Null, None) => Err(format!("`{}` finds nothing in a record", value.text())),
            (made, None) => self.keep(made.into_owned()),
        }
    }

    fn keep(&mut self, value: Tree<'static>) -> Result<(), String> {
        self.bytes += size_of::<Tree<'_>>() + value.to_string().len();
        if self.bytes > PARENT_BYTES {
            return Err(format!("its values take more than {} MiB", PARENT_BYTES >> 20));
        }
        self.values.push(value);
        Ok(())
    }

    /// All of it.
    pub fn done(self) -> ParentValues {
        ParentValues { values: self.values, records: self.records, hash: self.hasher.done() }
    }
}
