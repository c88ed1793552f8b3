//! What a run found wrong with its source, and closings that wait for a person: data that says itself in words.
use serde::{Deserialize, Serialize};

/// Closings that no run carries out unasked: `sweep --accept` does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Offers that were not seen.
    pub offers: u64,
    /// Of so many that were open.
    pub open: u64,
    /// As many as one run may close.
    pub most: u64,
    /// Partitions of which no offer at all was seen: their offers are held at any number.
    #[serde(default)]
    pub partitions: Vec<String>,
}

impl HeldBack {
    /// What is held and why, and the command that closes it.
    pub fn text(&self, source: &str) -> String {
        let HeldBack { offers, open, most, partitions } = self;
        let limit = if offers > most { format!(", one run may close {most}") } else { String::new() };
        let empty = match partitions.iter().filter_map(|name| named(name)).collect::<Vec<_>>().as_slice() {
            [] if partitions.is_empty() => String::new(),
            [] => ", and none was seen at all".to_owned(),
            names => {
                let more = names.len().saturating_sub(NAMES);
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                format!(", and none at all of {}{more}", names[..names.len().min(NAMES)].join(", "))
            }
        };
        format!(
            "{offers} of {open} open offers were not seen{limit}{empty}; nothing of that was closed: look at the site, then `jobmarket sweep {source} --accept` closes them"
        )
    }
}

/// Most partitions that are named.
const NAMES: usize = 3;

/// A partition as people read it; `None` for a source without `for`.
fn named(partition: &str) -> Option<&str> {
    (!matches!(partition, "" | "{}")).then_some(partition)
}

/// Something wrong that lasts until a later run is without it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "alert", rename_all = "snake_case")]
pub enum Alert {
    /// A sweep brought fewer or more records than `expect` says.
    Records {
        /// The partition.
        partition: String,
        /// What was expected, and what came.
        message: String,
    },
    /// The offers are not as `expect` says.
    Fields {
        /// The key of `expect`, and the field where there is one.
        rule: String,
        /// What was expected, and what is.
        message: String,
    },
    /// A partition brought no record, where offers are open.
    NoRecords {
        /// The partition.
        partition: String,
        /// Its open offers.
        open: u64,
    },
    /// Detail calls failed: they are asked again when a run lists their records.
    Details {
        /// Calls that failed, and those that were not made any more after too many failures.
        failed: u64,
        /// Of so many that were due.
        of: u64,
        /// Why, with how many.
        reasons: Vec<(String, u64)>,
    },
    /// Many more records than in the runs before have a flaw in a field.
    Flaws {
        /// The field.
        field: String,
        /// Records with a flaw in it.
        flawed: u64,
        /// Of so many that were mapped.
        of: u64,
        /// Their share in the runs before.
        before: f64,
    },
    /// The store does not hold offers any more that it was told, and they are not written again.
    Lost {
        /// How many.
        offers: u64,
        /// Of how many of these the archive has the page.
        archived: u64,
    },
}

impl Alert {
    /// What kind it is, as the state spells it.
    pub fn kind(&self) -> AlertKind {
        match self {
            Alert::Records { .. } => AlertKind::Records,
            Alert::Fields { .. } => AlertKind::Fields,
            Alert::NoRecords { .. } => AlertKind::NoRecords,
            Alert::Details { .. } => AlertKind::Details,
            Alert::Flaws { .. } => AlertKind::Flaws,
            Alert::Lost { .. } => AlertKind::Lost,
        }
    }

    /// What it is about, among those of its kind.
    pub fn subject(&self) -> &str {
        match self {
            Alert::Records { partition, .. } | Alert::NoRecords { partition, .. } => partition,
            Alert::Fields { rule, .. } => rule,
            Alert::Details { .. } | Alert::Lost { .. } => "",
            Alert::Flaws { field, .. } => field,
        }
    }

    /// What is wrong.
    pub fn text(&self) -> String {
        match self {
            Alert::Records { message, .. } | Alert::Fields { message, .. } => format!("expect: {message}"),
            Alert::NoRecords { partition, open } => {
                let of = named(partition).map_or(String::new(), |name| format!(" of {name}"));
                format!("no records{of}, open offers: {open}")
            }
            Alert::Details { failed, of, reasons } => {
                let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
                format!("details: {failed} of {of} failed ({})", reasons.join(", "))
            }
            Alert::Flaws { field, flawed, of, before } => {
                let share = 100.0 * *flawed as f64 / (*of).max(1) as f64;
                format!(
                    "flaws: {flawed} of {of} records ({share:.0} %) have a flaw in `{field}`, {:.0} % in the runs before",
                    before * 100.0
                )
            }
            Alert::Lost { offers, .. } => format!("the store has lost {offers} offers, and they are not written again"),
        }
    }

    /// What to do about it.
    pub fn advice(&self, source: &str) -> String {
        match self {
            Alert::Records { .. } | Alert::Fields { .. } => {
                format!("look at the site, or mend `expect` in sources/{source}.yaml")
            }
            Alert::NoRecords { .. } => format!("`jobmarket try {source}` shows what the site answers"),
            Alert::Details { .. } => "they are asked again when a run lists their records".to_owned(),
            Alert::Flaws { .. } => format!("`jobmarket try {source}` shows the values; mend the mapping"),
            Alert::Lost { offers, archived } if archived == offers => {
                format!("`jobmarket replay {source}` writes them again from the archive")
            }
            Alert::Lost { offers, archived } => format!(
                "`jobmarket replay {source}` writes {archived} of them again from the archive; `jobmarket sweep {source}` reads again what the site shows of the other {}",
                offers - archived
            ),
        }
    }
}

/// Kinds of [`Alert`]: a run replaces those that it can judge, and leaves the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Numbers of records.
    Records,
    /// Fields of offers.
    Fields,
    /// Partitions without records.
    NoRecords,
    /// Detail calls.
    Details,
    /// Flaws that rise.
    Flaws,
    /// Offers that the store lost.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_says_why() {
        let held = |offers, partitions: &[&str]| {
            let partitions = partitions.iter().map(|name| (*name).to_owned()).collect();
            HeldBack { offers, open: 10, most: 2, partitions }.text("x")
        };
        let end = "; nothing of that was closed: look at the site, then `jobmarket sweep x --accept` closes them";
        assert_eq!(held(3, &[]), format!("3 of 10 open offers were not seen, one run may close 2{end}"));
        assert_eq!(held(1, &["{}"]), format!("1 of 10 open offers were not seen, and none was seen at all{end}"));
        assert_eq!(
            held(4, &["a", "b", "c", "d"]),
            format!(
                "4 of 10 open offers were not seen, one run may close 2, and none at all of a, b, c and 1 more{end}"
            )
        );
    }
}
