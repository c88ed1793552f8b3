//! `sources/NAME.yaml`: one job site as the user describes it.
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::auth::{Auth, AuthBranch};
use super::ordered::Ordered;
use super::partition::Partition;
use super::request::Request;
use super::responses::Responses;
use crate::decode::Decoding;
use crate::paginate::Pagination;
use crate::scalar::{Clock, Given, Name, Origin, Path, Rate, RecordsAt, Share, Span, Template, Value, Written};
use crate::tree::Tree;

/// One job site.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name, equal to the file's; part of every offer's id.
    pub source: Name,
    /// Its title, for people.
    pub title: Option<String>,
    /// Address of the site, for people.
    pub site: Option<String>,
    /// On which terms it may be read; says why a source is off.
    pub terms: Option<String>,
    /// False: `check`, `try`, `test` and `explain` work; `run` and pipelines refuse it unless enabled there.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Knobs with their defaults; `pipelines.yaml` may override them. A number is sent as it is written: `3.10`, `1e3`.
    #[serde(default)]
    pub params: Ordered<Param>,
    /// A shared part of `sources/shared/NAME.yaml`.
    #[serde(rename = "use")]
    pub shared: Option<Name>,
    /// Who we are to the site.
    pub auth: Option<AuthChoice>,
    /// Origins that credentials may be sent to besides that of `request`.
    #[serde(default)]
    pub trust: Vec<Origin>,
    /// True: names that resolve to private networks or to this machine, and private addresses that an answer gives, are
    /// asked. An address of a private network or of this machine that the files, `origins` or `--origin` write out needs no
    /// such key; a link-local one, as that of cloud metadata, needs both.
    #[serde(default)]
    pub private: bool,
    /// What is asked.
    pub request: Request,
    /// Partitions: the request is made for each value; several names are a product.
    #[serde(default, rename = "for")]
    pub partitions: Ordered<Partition>,
    /// Windows of time that the request is made for.
    pub windows: Option<Windows>,
    /// How often the whole is read again.
    pub sweep: Option<Sweep>,
    /// How a slice advances from page to page, and when it ends.
    #[serde(default)]
    pub pages: Pagination,
    /// What answers mean, by code. A redirect within the origin is followed, ten at most: 307 and 308 with method and body,
    /// the others of a POST as a GET without one. A redirect to another origin is told, and nothing is sent there.
    #[serde(default)]
    pub responses: Responses,
    /// How fast, how many at a time, how long.
    #[serde(default)]
    pub limits: Limits,
    /// From bytes to values. A record that cannot be read is one reject, and the rest is read on. A byte or half a character
    /// that is no text becomes U+FFFD and a flaw; `NaN` and `Infinity` are null and a flaw; numbers keep their digits. The
    /// character set is that of the byte order mark, else of `Content-Type`, else UTF-8; where nothing is UTF-8 it is
    /// windows-1252, with a flaw that says so. A text that ends too early is asked for again.
    #[serde(default)]
    pub decode: Decoding,
    /// Where the records are in an answer.
    pub records: RecordsAt,
    /// Which records are kept; evaluated before `key`. One that it cannot judge, as a conversion fails, is rejected.
    pub only: Option<Value>,
    /// What identifies a record at the site: text, or a whole number of any size with the digits that the site wrote.
    pub key: Value,
    /// The winner among equal keys of one page.
    #[serde(default)]
    pub dedupe: Dedupe,
    /// Values that mean nothing: they become null before `only`, `key` and the mapping.
    #[serde(default)]
    pub null_if: Vec<Tree0>,
    /// A second call for each record, merged into it as `$.detail`.
    pub detail: Option<Detail>,
    /// The mapping, inline.
    pub map: Option<super::mapping::Mapping>,
    /// The name of a mapping in `mappings/`.
    pub mapping: Option<Name>,
    /// When offers that are gone are closed.
    pub expire: Option<Expire>,
    /// What a run must bring. One that does not is partial, and closes nothing for not being seen.
    pub expect: Option<Expect>,
}

fn yes() -> bool {
    true
}

/// A scalar, owned: what `null_if` lists.
pub type Tree0 = super::ordered::Scalar;

/// The default of a parameter: its type is the parameter's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    /// Written out; null is text that may stay null.
    Value(Tree<'static>),
    /// A template over `env`.
    Template(Template),
}

impl<'de> Deserialize<'de> for Param {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written(value) = Written::deserialize(deserializer)?;
        match value.as_str() {
            Some(text) if text.contains("${") => text
                .parse()
                .map(Param::Template)
                .map_err(|fault| D::Error::custom(crate::scalar::fault::Carried(fault))),
            _ => Ok(Param::Value(value)),
        }
    }
}

/// One way to authenticate, or several with `when`.
#[derive(Clone, Debug)]
pub enum AuthChoice {
    /// One.
    One(Auth),
    /// The first whose `when` holds.
    Several(Vec<AuthBranch>),
}

/// Who asks where nothing is said.
const NOBODY: &AuthChoice = &AuthChoice::One(Auth::None);

impl Source {
    /// Who asks.
    pub fn auth(&self) -> &AuthChoice {
        self.auth.as_ref().unwrap_or(NOBODY)
    }
}

impl<'de> Deserialize<'de> for AuthChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoiceVisitor;
        impl<'de> Visitor<'de> for ChoiceVisitor {
            type Value = AuthChoice;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one of `none basic bearer key oauth2 login jwt`, or a list of these with `when`")
            }
            fn visit_str<E: Error>(self, word: &str) -> Result<AuthChoice, E> {
                match word {
                    "none" => Ok(AuthChoice::One(Auth::None)),
                    _ => Err(E::unknown_variant(word, &["none"])),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuthChoice, A::Error> {
                Auth::deserialize(super::ordered::OneEntry(map)).map(AuthChoice::One)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<AuthChoice, A::Error> {
                let mut list = Vec::new();
                while let Some(branch) = seq.next_element()? {
                    list.push(branch);
                }
                Ok(AuthChoice::Several(list))
            }
        }
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

/// Windows of time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// How far back the first run and each sweep go.
    pub first: Option<Given<Span>>,
    /// From which instant, instead of `first`.
    pub from: Option<Template>,
    /// Up to which instant; now by default.
    pub until: Option<Template>,
    /// How far later runs go back behind what is covered.
    pub lookback: Option<Given<Span>>,
    /// Length of each window; without it one window, split where it must be.
    pub step: Option<Given<Span>>,
    /// When a window is halved.
    pub split: Option<Split>,
}

/// When a window is halved.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// A total of page 1 above this halves the window.
    pub above: Given<u64>,
    /// A window is not made shorter than this.
    pub until: Given<Span>,
}

/// How often the whole is read again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// A sweep is due when the last complete one is older.
    pub every: Given<Span>,
}

/// How fast, how many at a time, how long. One budget per host and credential.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests in a period; 5/s by default.
    pub rate: Option<Given<Rate>>,
    /// Most requests by the clock.
    #[serde(default)]
    pub quota: Vec<Given<Rate>>,
    /// Pages in flight; 4 by default.
    pub parallel: Option<Given<u64>>,
    /// For a whole answer; 30s by default.
    pub timeout: Option<Given<Span>>,
    /// How often and how long it is tried again. `Retry-After` goes before: seconds, a date, or the instant in seconds or
    /// milliseconds since 1970. A pause above 15 minutes ends the slice, and later runs keep it, a month at most.
    pub retry: Option<Retry>,
    /// Headers that say what is left of a budget. A reset is kept by later runs as `Retry-After` is.
    pub learn: Option<Learn>,
}

/// How often and how long a request is tried again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all; 5 by default.
    pub attempts: Option<u32>,
    /// The first wait; doubled each time, with jitter. 1s by default.
    pub wait: Option<Span>,
    /// The longest wait; 60s by default.
    pub at_most: Option<Span>,
}

/// Headers that say what is left of a budget.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Learn {
    /// Requests left.
    pub remaining: crate::scalar::Reader,
    /// When there are more.
    pub reset: crate::scalar::Reader,
    /// What `reset` counts.
    #[serde(rename = "as")]
    pub unit: Clock,
}

/// The winner among equal keys of one page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dedupe {
    /// The first.
    First,
    /// The last.
    #[default]
    Last,
}

/// A second call for each new or changed record.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Detail {
    /// What is asked, with `${record.…}`.
    pub request: Request,
    /// Who we are; as the source by default, to the origin of its `request` and those of `trust`.
    pub auth: Option<AuthChoice>,
    /// From bytes to values.
    #[serde(default)]
    pub decode: Decoding,
    /// How fast; the source's limits by default.
    pub limits: Option<Limits>,
    /// The part of the answer that is kept as `$.detail`.
    pub merge: Option<Path>,
    /// Codes that mean the offer is gone.
    #[serde(default)]
    pub gone: Vec<u16>,
    /// What to do when the call fails.
    #[serde(default)]
    pub on_error: OnError,
}

/// What to do when a detail call fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// Map without the detail, ask again in the next run.
    #[default]
    Keep,
    /// The record is rejected.
    Quarantine,
    /// The run fails.
    Fail,
}

/// When offers that are gone are closed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expire {
    /// `2 sweeps` or a time.
    pub not_seen: NotSeen,
    /// Most offers closed by one run; 20% by default, where more than 20 are open. A written share holds at any number.
    /// What a partition no longer shows is not closed while nothing at all is seen of it: `sweep --accept` closes it.
    pub at_most: Option<Share>,
}

/// How long an offer must be absent.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum NotSeen {
    /// From so many complete sweeps.
    Sweeps(u32),
    /// For so long.
    For(Span),
}

impl TryFrom<String> for NotSeen {
    type Error = crate::scalar::fault::Carried;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let sweeps = text.strip_suffix("sweeps").or_else(|| text.strip_suffix("sweep")).map(str::trim);
        match sweeps.map(str::parse::<u32>) {
            Some(Ok(number)) if number > 0 => Ok(NotSeen::Sweeps(number)),
            Some(_) => Err(crate::scalar::Fault::new(
                "bad-value",
                0..text.len(),
                format!("`{text}` is not a number of sweeps"),
            )
            .hint("for example `2 sweeps` or `30d`")
            .into()),
            None => text
                .parse()
                .map(NotSeen::For)
                .map_err(|fault: crate::scalar::Fault| fault.hint("for example `2 sweeps` or `30d`").into()),
        }
    }
}

/// What a run must bring.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Least records of a complete sweep for each value of `for`.
    pub min: Option<u64>,
    /// Most records of it.
    pub max: Option<u64>,
    /// Fields that 99 % of the offers have.
    #[serde(default)]
    pub required: Vec<String>,
    /// Most points that a field's coverage may change.
    pub drift: Option<Share>,
    /// Most age of the newest `published_at`.
    pub fresh: Option<Span>,
    /// Share of rejects that fails a run; 20% from 500 records on by default. A written share holds from the first record
    /// on, and a run of which every record is rejected has failed at any number.
    pub rejects: Option<Share>,
}
