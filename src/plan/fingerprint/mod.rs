//! Fingerprints of a plan: of what is requested, of what is made of an answer, and of the rest. They are made from the
//! values that the files write, so that neither a comment nor another version of this program changes them.
mod canonical;
mod legacy;
mod merge;
mod reads;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use xxhash_rust::xxh3::xxh3_64;

use super::Ask;
use super::compile::{Addresses, Values};
use crate::definition::Definitions;
use crate::definition::node::Kind;
use crate::definition::source::Source;
use canonical::Canonical;
use reads::Reads;

pub use legacy::Legacy;
pub(super) use legacy::Printed;

/// Three hashes of a plan, each `1:` and 16 hexadecimal digits. A secret counts by its name, as they are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Fingerprints {
    /// Of what is requested: positions, coverage, resuming and sweeps hold under an equal one.
    pub request: String,
    /// Of what is made of an answer: under another one archived details are mapped again.
    pub mapping: String,
    /// Of everything else: how fast, when what is gone is closed, where offers go.
    pub operational: String,
}

/// Keys of a source that say what is requested; `params` counts by its values.
const REQUEST: [&str; 9] = ["request", "auth", "for", "windows", "pages", "responses", "decode", "records", "key"];
/// Keys that say what is made of an answer.
const MAPPING: [&str; 5] = ["detail", "only", "null_if", "dedupe", "map"];
/// Keys that count by what they name.
const NAMES: [&str; 3] = ["params", "use", "mapping"];

/// What a fingerprint is made from: written values by their keys, and what they read.
#[derive(Default)]
struct Group {
    keys: Vec<(String, Canonical)>,
    reads: Reads,
}

impl Group {
    fn add(&mut self, key: &str, value: Canonical) {
        if key == "auth" || key.ends_with(".auth") {
            self.reads.add_auth(&value);
        } else {
            self.reads.add(&value);
        }
        self.keys.push((key.to_owned(), value));
    }

    /// The hash, with the values of what the keys read.
    fn hash(self, definitions: &Definitions, values: &Values<'_>, more: Vec<(&str, Canonical)>) -> String {
        let read = |name: &str| self.reads.params.contains(&None) || self.reads.params.contains(&Some(name.to_owned()));
        let params = values.params.iter().filter(|(name, _)| read(name));
        let params = params.map(|(name, value)| (name.clone(), Canonical::Plain(value.to_string()))).collect();
        let env = self.reads.env.iter().map(|name| {
            let value = values.variable(name);
            (name.clone(), value.map_or(Canonical::Plain("null".into()), |value| Canonical::Text(value.to_owned())))
        });
        let tables = self.reads.tables.iter().filter_map(|name| Some((name.clone(), table(definitions, name)?)));
        let (env, tables) = (Canonical::Map(env.collect()), Canonical::Map(tables.collect()));
        let mut all = vec![("keys", Canonical::Map(self.keys)), ("params", Canonical::Map(params)), ("env", env)];
        all.push(("tables", tables));
        all.extend(more);
        let all = Canonical::Map(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        format!("1:{:016x}", xxh3_64(without_ports(&all.json()).as_bytes()))
    }
}

/// A site that is simulated on this machine takes another port each time; that is not another request.
fn without_ports(text: &str) -> Cow<'_, str> {
    static PORT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(https?://(?:127\.0\.0\.1|localhost|\[::1\])):\d+").ok());
    PORT.as_ref().map_or(Cow::Borrowed(text), |port| port.replace_all(text, "$1"))
}

impl Fingerprints {
    pub(super) fn of(definitions: &Definitions, source: &Source, ask: &Ask<'_>, values: &Values<'_>) -> Self {
        let [mut request, mut mapping, mut rest] = groups(written(definitions, source));
        request.reads.params.insert(None);
        let addresses = Addresses::of(definitions, source, values);
        for (key, value) in pipeline(definitions, ask, &addresses) {
            let group = if key == "steps" { &mut mapping } else { &mut rest };
            group.add(&key, value);
        }
        let origins = ask.origins.identities(|origin| addresses.may_be(origin));
        let origins = origins.into_iter().map(|(from, to)| (from.to_owned(), Canonical::Text(to))).collect();
        let schema = file(definitions, "mappings/offer.yaml");
        Fingerprints {
            request: request.hash(definitions, values, vec![("origins", Canonical::Map(origins))]),
            mapping: mapping.hash(definitions, values, vec![("schema", schema)]),
            operational: rest.hash(definitions, values, Vec::new()),
        }
    }
}

/// What a file says; null where it is not there.
fn file(definitions: &Definitions, path: &str) -> Canonical {
    definitions.files.get(path).map_or(Canonical::Plain("null".into()), |file| Canonical::of(&file.root, file))
}

fn table(definitions: &Definitions, name: &str) -> Option<Canonical> {
    let (stem, name) = name.split_once('.')?;
    file(definitions, &format!("mappings/lookups/{stem}.yaml")).take(name)
}

/// A source with its shared part, and with its mapping wherever that stands.
fn written(definitions: &Definitions, source: &Source) -> Canonical {
    let mut written = file(definitions, &Definitions::source_path(source.source.as_str()));
    if let Some(part) = &source.shared {
        written = merge::merged(written, file(definitions, &format!("sources/shared/{part}.yaml")));
    }
    if let (Canonical::Map(entries), None, Some(name)) = (&mut written, &source.map, &source.mapping) {
        entries.push(("map".into(), file(definitions, &format!("mappings/{name}.yaml"))));
    }
    written
}

/// The keys of a source in the three groups.
fn groups(mut written: Canonical) -> [Group; 3] {
    let [mut request, mut mapping, mut rest] = <[Group; 3]>::default();
    merge::calls(&mut written, &mut |name, call| {
        // How fast a call is made is not what it asks.
        call.take("limits").into_iter().for_each(|limits| rest.add(&format!("{name}.limits"), limits));
        let group = if name == "detail" { &mut mapping } else { &mut request };
        call.take("auth").into_iter().for_each(|auth| group.add(&format!("{name}.auth"), auth));
    });
    for (key, value) in written.entries() {
        match key.as_str() {
            name if NAMES.contains(&name) => {}
            name if REQUEST.contains(&name) => request.add(name, value),
            name if MAPPING.contains(&name) => mapping.add(name, value),
            name => rest.add(name, value),
        }
    }
    [request, mapping, rest]
}

/// What the pipeline says of each offer, and the limits of origins that stand for those of the source.
fn pipeline(definitions: &Definitions, ask: &Ask<'_>, addresses: &Addresses) -> Vec<(String, Canonical)> {
    let Some(file) = definitions.files.get("pipelines.yaml") else { return Vec::new() };
    // Of many pipelines one is looked at, not all of them for each.
    let own = ask.pipeline.and_then(|(index, _)| match &file.root.get("pipelines")?.kind {
        Kind::List(pipelines) => Some(Canonical::of(pipelines.get(index)?, file).entries()),
        _ => None,
    });
    let own = own.unwrap_or_default().into_iter();
    let mut found: Vec<_> = own.filter(|(key, _)| ["name", "steps", "sinks"].contains(&key.as_str())).collect();
    let origins = file.root.get("origins").map(|node| Canonical::of(node, file).entries()).unwrap_or_default();
    let limits = origins.into_iter().filter(|(origin, _)| addresses.may_be(origin));
    found.extend(limits.filter_map(|(origin, mut target)| Some((origin, target.take("limits")?))));
    found
}
