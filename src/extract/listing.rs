//! What a parent call's answer brings: one value for each of its records.
use chrono::{DateTime, Utc};

use super::compile::value;
use super::{Value, judged};
use crate::convert::Moment;
use crate::convert::render::Scope;
use crate::paginate::hash_of;
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

    /// What an answer lists. A list that is missing is an error, and so is a value
    /// that is null or cannot be made: a partition that is silently left out would look like offers that are gone.
    pub fn values(
        &self,
        body: &Tree<'_>,
        scope: &Scope<'_>,
        fetched: DateTime<Utc>,
        lookups: &std::sync::Arc<crate::convert::Lookups>,
    ) -> Result<ParentValues, String> {
        let moment = Moment { fetched, lookups: lookups.clone() };
        let records = self.records.read(body).ok_or_else(|| {
            let at = self.records.as_str();
            format!("the list `{at}` is not in the answer; where that means that there is none, write `{at} ?? []`")
        })?;
        let mut values = Vec::with_capacity(records.len());
        for record in &records {
            let scope = scope.clone().tree("record", record);
            let mut errors = Vec::new();
            if let Some(only) = &self.only
                && !judged(only, record, &scope, &moment).map_err(|error| format!("`only`: {error}"))?
            {
                continue;
            }
            let value = self.value.value(record, &scope, &moment, &mut errors).map_err(|error| error.to_string())?;
            match (value, errors.first()) {
                (_, Some(error)) => return Err(error.to_string()),
                (Tree::Null, None) => return Err(format!("`{}` finds nothing in a record", self.value.text())),
                (value, None) => values.push(value.into_owned()),
            }
        }
        Ok(ParentValues { values, records: records.len() as u64, hash: hash_of(&records) })
    }
}
