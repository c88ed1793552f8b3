//! What an index has to be for a run to live with it. What somebody changed of it, or a template gave it, is told before the
//! first page: where it is, where it comes from, and the call that mends it.
mod claims;
mod made;
mod mapping;
mod origin;
mod settings;

use serde_json::Value;

use super::Elastic;
use super::indices::{Index, Indices};
use crate::store::StoreError;
use origin::Place;

pub(super) use claims::fence;

/// What a look at an index found.
#[derive(Debug, Default)]
struct Found {
    /// What a run cannot live with.
    wrong: Vec<Fault>,
    /// What it can, and a person should know: in sentences.
    notices: Vec<String>,
}

/// Something of an index that a run cannot live with.
#[derive(Debug)]
struct Fault {
    place: Place,
    /// What it is, and why that is wrong.
    told: String,
    mend: Mend,
}

/// How a fault is mended.
#[derive(Debug)]
enum Mend {
    /// By one call.
    Call(String),
    /// Only by another index.
    Anew,
}

impl Found {
    fn wrong(&mut self, place: Place, told: String, mend: Mend) {
        self.wrong.push(Fault { place, told, mend });
    }
}

/// Differences that are named.
const SHOWN: usize = 5;

impl Elastic {
    /// An error when the index of our schema is there and not as a run needs it.
    pub(super) async fn own_fits(&self, there: &Indices) -> Result<(), StoreError> {
        match there.named(&self.index) {
            Some(own) => self.fits(own, &self.found(own)).await,
            None => Ok(()),
        }
    }

    /// An error when the index of our schema has another mapping than a run needs, whatever its settings are.
    pub(super) async fn mapping_fits(&self, there: &Indices) -> Result<(), StoreError> {
        let Some(own) = there.named(&self.index) else { return Ok(()) };
        let mut found = Found::default();
        mapping::offers(own, &super::template::index(&self.schema)["mappings"], &mut found);
        self.fits(own, &found).await
    }

    /// An error when documents cannot be copied out of one of these indices.
    pub(super) async fn older_fit(&self, there: &Indices, older: &[String]) -> Result<(), StoreError> {
        for index in older.iter().filter_map(|name| there.named(name)) {
            let mut found = Found::default();
            mapping::kept(index, &mut found);
            settings::readable(index, &mut found);
            self.fits(index, &found).await?;
        }
        Ok(())
    }

    /// What a person should know of the index of our schema.
    pub(super) fn notices_of(&self, own: &Index) -> Vec<String> {
        self.found(own).notices
    }

    fn found(&self, own: &Index) -> Found {
        let ours = super::template::index(&self.schema);
        let mut found = Found::default();
        mapping::offers(own, &ours["mappings"], &mut found);
        settings::offers(own, &ours["settings"]["analysis"], &mut found);
        found
    }

    async fn fits(&self, index: &Index, found: &Found) -> Result<(), StoreError> {
        if found.wrong.is_empty() {
            return Ok(());
        }
        let again = "and run again; what was stored there `jobmarket replay SOURCE` writes again, for each source";
        Err(self.broken(index, found, again).await)
    }

    /// All that is wrong with an index as one sentence each for its mapping and its settings, with where it comes from;
    /// `again` says what is done once it is deleted, where that must be.
    async fn broken(&self, index: &Index, found: &Found, again: &str) -> StoreError {
        let told = |mapping: bool| {
            let of_it = found.wrong.iter().filter(|fault| fault.place.is_mapping() == mapping);
            let all: Vec<&str> = of_it.map(|fault| fault.told.as_str()).collect();
            let more = all.len().saturating_sub(SHOWN);
            let shown = all[..all.len() - more].join("; ");
            if more > 0 { format!("{shown}; and {more} more") } else { shown }
        };
        let sentences = [
            ("has another mapping than the schema", told(true)),
            ("has settings that a run cannot live with", told(false)),
        ];
        let sentences = sentences.iter().filter(|(_, told)| !told.is_empty());
        let sentences: Vec<String> = sentences.map(|(what, told)| format!("{what}: {told}")).collect();
        let origin = self.origin(&index.name, found.wrong.iter().map(|fault| &fault.place)).await;
        StoreError::Altered(format!(
            "the index `{}` {}. {origin} {}",
            index.name,
            sentences.join(". It "),
            mend(&index.name, found, again)
        ))
    }
}

/// What is to be done, last: one other index mends all, else each has its call.
fn mend(name: &str, found: &Found, again: &str) -> String {
    let mut calls = Vec::new();
    for fault in &found.wrong {
        match &fault.mend {
            Mend::Anew => {
                return format!("It cannot be changed into the right one: delete it (`DELETE /{name}`) {again}");
            }
            Mend::Call(call) => calls.push(format!("`{call}`")),
        }
    }
    calls.dedup();
    format!("It is mended by {}; then run again", calls.join(" and "))
}

/// A value in a sentence.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
