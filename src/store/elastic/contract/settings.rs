//! The settings of an index: which a run cannot live with, which a person should know. All others do no harm.
use serde_json::{Map, Value};

use super::super::indices::Index;
use super::origin::Place;
use super::{Found, Mend, shown};
use crate::scalar::Span;

/// Offers of the largest list that a run asks for.
const LISTED: u64 = 1_000;
/// Offers that a search may list: what the server allows by itself.
const SEARCHED: u64 = 10_000;
/// A longer time than this between a write and its being found is told.
const SEEN: Span = Span::seconds(60);

/// What a setting means.
enum Verdict {
    Fine,
    /// A run can live with it.
    Told(String),
    /// It cannot: why, and whether the setting can be taken back.
    Wrong(&'static str, bool),
}

/// The settings of the index of offers, with the analysis that ours has.
pub(super) fn offers(index: &Index, analysis: &Value, found: &mut Found) {
    readable(index, found);
    let fields = fields(&index.mappings["properties"]);
    for (name, value) in &index.settings {
        let value = shown(value);
        let verdict = match name.as_str() {
            "index.mapping.total_fields.limit" if value.parse().is_ok_and(|limit: u64| limit < fields) => {
                Verdict::Wrong(
                    "the mapping has more fields than that, so the server takes no change of it any more",
                    true,
                )
            }
            "index.mode" if value != "standard" => {
                Verdict::Wrong("such an index keeps documents in another form than they are written in", false)
            }
            "index.refresh_interval" => refresh(&index.name, &value),
            "index.mapping.ignore_malformed" if value == "true" => Verdict::Told(
                "a value that does not fit its field is stored and never found, where it would be refused and told"
                    .into(),
            ),
            "index.lifecycle.name" => Verdict::Told(format!(
                "that policy may close, shrink or delete the index: what it deletes, the next sweep takes for lost. It is \
                 taken off by `POST /{}/_ilm/remove`",
                index.name
            )),
            _ => any(name, &value),
        };
        judged(index, name, &value, verdict, found);
    }
    compare(index, analysis, found);
}

/// The settings of an index that holds claims.
pub(super) fn claims(index: &Index, found: &mut Found) {
    for (name, value) in &index.settings {
        let value = shown(value);
        judged(index, name, &value, any(name, &value), found);
    }
}

/// What reading an index needs.
pub(super) fn readable(index: &Index, found: &mut Found) {
    let name = "index.max_result_window";
    let Some(value) = index.settings.get(name).map(shown) else { return };
    let verdict = match value.parse::<u64>() {
        Ok(most) if most < LISTED => Verdict::Wrong("a run lists 1000 offers at a time", true),
        Ok(most) if most < SEARCHED => Verdict::Told(format!("a search cannot list more than {most} offers at a time")),
        _ => Verdict::Fine,
    };
    judged(index, name, &value, verdict, found);
}

/// What is the same for each index of ours.
fn any(name: &str, value: &str) -> Verdict {
    match name {
        "index.default_pipeline" | "index.final_pipeline" if value != "_none" => Verdict::Wrong(
            "documents are written whole and compared by their hash, and a pipeline may change them, drop them or not be there",
            true,
        ),
        "index.mapping.source.mode" if value != "stored" => {
            Verdict::Wrong("documents are read back as they were written, and it keeps no such", false)
        }
        "index.translog.durability" if value == "async" => Verdict::Told(
            "what the server said that it stored in the last seconds before it dies is lost; the next sweep brings it back".into(),
        ),
        _ => Verdict::Fine,
    }
}

fn refresh(index: &str, value: &str) -> Verdict {
    let back = format!("`PUT /{index}/_settings {{\"index.refresh_interval\": \"1s\"}}` sets what it was");
    match value.parse::<Span>() {
        _ if value.starts_with('-') => Verdict::Told(format!(
            "what is written is found when a run has ended, and what is written by hand never; {back}"
        )),
        Ok(span) if span > SEEN => {
            Verdict::Told(format!("what is written is found so much later, or when a run has ended; {back}"))
        }
        _ => Verdict::Fine,
    }
}

fn judged(index: &Index, name: &str, value: &str, verdict: Verdict, found: &mut Found) {
    match verdict {
        Verdict::Fine => {}
        Verdict::Told(why) => {
            found.notices.push(format!("the index `{}` has `{name}` set to `{value}`: {why}", index.name));
        }
        Verdict::Wrong(why, can) => {
            let mend = match can {
                true => Mend::Call(format!("PUT /{}/_settings {{\"{name}\": null}}", index.name)),
                false => Mend::Anew,
            };
            found.wrong(Place::Setting(name.to_owned()), format!("`{name}` is `{value}`, and {why}"), mend);
        }
    }
}

/// Fields and objects of a mapping.
fn fields(properties: &Value) -> u64 {
    properties.as_object().into_iter().flatten().map(|(_, field)| 1 + fields(&field["properties"])).sum()
}

/// Compares each part of our analysis with what has its name there. Others' analysers are never used.
fn compare(index: &Index, analysis: &Value, found: &mut Found) {
    for (kind, parts) in analysis.as_object().into_iter().flatten() {
        for (name, part) in parts.as_object().into_iter().flatten() {
            let place = format!("index.analysis.{kind}.{name}");
            let of_it = |(own, value): (&String, &Value)| {
                let own = own.strip_prefix(&place)?.strip_prefix('.')?;
                Some((own.to_owned(), plain(value)))
            };
            let there: Map<String, Value> = index.settings.iter().filter_map(of_it).collect();
            let ours: Map<String, Value> =
                part.as_object().into_iter().flatten().map(|(own, value)| (own.clone(), plain(value))).collect();
            let differs = |own: &&String| ours.get(*own) != there.get(*own);
            if let Some(own) = ours.keys().chain(there.keys()).find(differs) {
                let told = format!("`{place}.{own}` is not what the program set, and words are cut by that");
                found.wrong(Place::Setting(place), told, Mend::Anew);
            }
        }
    }
}

/// A value as the server gives it back: its scalars are text.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(plain).collect(),
        value => Value::String(shown(value)),
    }
}
