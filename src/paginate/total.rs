//! `total`: where a site announces how many records there are.
use std::fmt;

use serde::Deserialize;

use crate::scalar::Reader;

/// Number of records announced.
#[derive(Clone, Debug, PartialEq)]
pub struct Total {
    /// Where.
    pub at: Reader,
    /// Whether the site rounds it: completeness is not judged by it.
    pub approximate: bool,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotalMap {
    /// Where the number is.
    at: Reader,
    /// Whether the site rounds it: completeness is not judged by it.
    #[serde(default)]
    approximate: bool,
}

impl<'de> Deserialize<'de> for Total {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TotalVisitor;
        impl<'de> serde::de::Visitor<'de> for TotalVisitor {
            type Value = Total;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a reader, or `{at: READER, approximate: true}`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Total, E> {
                let at = text.parse().map_err(|fault| E::custom(crate::scalar::fault::Carried(fault)))?;
                Ok(Total { at, approximate: false })
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Total, A::Error> {
                let TotalMap { at, approximate } =
                    TotalMap::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Total { at, approximate })
            }
        }
        deserializer.deserialize_any(TotalVisitor)
    }
}
