//! `pipelines.yaml`: where offers go, and which sources feed which steps, when.
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::ordered::{Ordered, Scalar};
use crate::scalar::{Cron, Name, Rate, Span, Template, Zone};

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipelines {
    /// The data directory; else `INGEST_OUTPUT_DIR`, else `data`; relative to the project's folder.
    pub data: Option<Template>,
    /// Where offers are stored and searched.
    #[serde(default)]
    pub store: Store,
    /// The raw pages.
    #[serde(default)]
    pub archive: Archive,
    /// What `jobmarket retention` deletes besides raw pages.
    #[serde(default)]
    pub retention: Retention,
    /// Requests for these origins go elsewhere: a sandbox, a recording, a proxy.
    #[serde(default)]
    pub origins: Ordered<Origin>,
    /// The pipelines.
    #[serde(default)]
    pub pipelines: Vec<Pipeline>,
}

/// Where the server of a store is written.
pub const SERVER: [&str; 2] = ["store", "elasticsearch"];

/// Where offers are stored.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// The embedded store, in the data directory.
    #[default]
    Local,
    /// A server.
    Elasticsearch(Elasticsearch),
}

/// A server of Elasticsearch.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Elasticsearch {
    /// Its address, or several.
    pub url: super::request::Part,
    /// A key.
    pub api_key: Option<Template>,
    /// A user and a password.
    pub basic: Option<super::auth::Basic>,
    /// A file of certificates in PEM, relative to the project's folder, trusted besides the public authorities.
    pub ca: Option<String>,
    /// SHA-256 of a certificate in the server's chain, in hexadecimal digits: that one is trusted. Instead of `ca`.
    pub fingerprint: Option<String>,
    /// Whether credentials may go over plain HTTP.
    #[serde(default)]
    pub allow_http: bool,
}

/// The raw pages.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Archive {
    /// Folder in the data directory, or the whole path of one elsewhere; `..` is refused.
    pub dir: String,
    /// How long they are kept; those of open offers stay longer.
    pub keep: Span,
}

impl Default for Archive {
    fn default() -> Self {
        Archive { dir: "raw".into(), keep: Span::seconds(90 * 86_400) }
    }
}

/// What `jobmarket retention` deletes besides raw pages.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Offers that were closed longer ago are deleted; never without it.
    pub closed: Option<Span>,
}

/// Where requests for an origin go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The origin that stands for it.
    pub to: String,
    /// Limits of that origin, instead of the source's.
    #[serde(default)]
    pub limits: OriginLimits,
}

/// Limits of an origin that stands for another one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginLimits {
    /// Requests in a period.
    pub rate: Option<Rate>,
}

/// One pipeline.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Its name.
    pub name: Name,
    /// What feeds it.
    pub sources: Vec<Use>,
    /// Sources that are off and are used all the same.
    #[serde(default)]
    pub enable: Vec<Name>,
    /// When it runs.
    pub schedule: Option<Schedule>,
    /// What is done with each offer, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Where offers go; the store by default.
    #[serde(default = "store_alone")]
    pub sinks: Vec<Sink>,
}

fn store_alone() -> Vec<Sink> {
    vec![Sink::Store]
}

/// A source as a pipeline uses it.
#[derive(Clone, Debug)]
pub struct Use {
    /// The source.
    pub source: Name,
    /// Its parameters.
    pub params: Ordered<Scalar>,
    /// Another name, with its own state and ids.
    pub name: Option<Name>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UseMap {
    /// The source.
    source: Name,
    /// Its parameters, instead of their defaults.
    #[serde(default)]
    params: Ordered<Scalar>,
    /// Another name for a second use of the source: own ids, own state.
    #[serde(rename = "as")]
    name: Option<Name>,
}

impl<'de> Deserialize<'de> for Use {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UseVisitor;
        impl<'de> Visitor<'de> for UseVisitor {
            type Value = Use;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a source's name, or `{source, params, as}`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Use, E> {
                let source = text.parse().map_err(|fault| E::custom(crate::scalar::fault::Carried(fault)))?;
                Ok(Use { source, params: Ordered::default(), name: None })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Use, A::Error> {
                let UseMap { source, params, name } =
                    UseMap::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Use { source, params, name })
            }
        }
        deserializer.deserialize_any(UseVisitor)
    }
}

/// When a pipeline runs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// At these times.
    pub cron: Cron,
    /// Read in this zone.
    #[serde(default)]
    pub tz: Zone,
    /// Spread over so long.
    pub jitter: Option<Span>,
    /// Runs that were missed.
    #[serde(default)]
    pub missed: Missed,
    /// When the last run still goes on.
    #[serde(default)]
    pub overlap: Overlap,
}

/// Runs that were missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// One for all of them.
    #[default]
    Once,
    /// Each.
    All,
    /// None.
    None,
}

/// When the last run still goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The new one is left out.
    #[default]
    Skip,
    /// It waits.
    Queue,
}

/// A step.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Offers for which this is false are kept aside.
    Keep(Template),
    /// Adds words of a vocabulary that the fields hold to `skills`.
    Skills(Skills),
    /// Completes `location.*`.
    Place(Empty),
    /// Sets `cluster`.
    Duplicates(Empty),
}

/// `skills`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Skills {
    /// Fields that are searched.
    pub from: Vec<String>,
    /// The file of lookups whose words count.
    pub vocabulary: String,
}

/// A construct without members, `{}`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Where offers go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sink {
    /// The store.
    Store,
    /// A change log.
    Files(Files),
}

/// A change log: one line for each indexed offer, in `DIR/SOURCE/RUN.ndjson`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Folder in the data directory, or the whole path of one elsewhere; `..` is refused.
    pub dir: String,
    /// How lines are written.
    #[serde(default)]
    pub format: Format,
}

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON document a line.
    #[default]
    Ndjson,
}
