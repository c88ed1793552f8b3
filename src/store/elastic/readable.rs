//! Who only reads looks first: what runs say of an alias or an index, readers say too, and a part is never taken for all.
use std::sync::Arc;

use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::Elastic;
use super::blocks::{self, Wanted};
use crate::bounds::MESSAGE;
use crate::plan::Server;
use crate::printable::excerpt;
use crate::schema::Schema;
use crate::store::StoreError;

impl Elastic {
    /// Connects to read what runs wrote, and makes nothing there. An error says why that cannot be read; what hinders only
    /// runs is told as a notice.
    pub async fn to_read(server: &Server, schema: Arc<Schema>) -> Result<Self, StoreError> {
        let mut elastic = Self::open(server, schema).await?;
        elastic.notices = elastic.readable().await?;
        Ok(elastic)
    }

    async fn readable(&self) -> Result<Vec<String>, StoreError> {
        let there = match self.indices().await {
            // A role that may only read: what is wrong shows itself when it does.
            Err(StoreError::Credentials(_)) => return Ok(Vec::new()),
            there => there?,
        };
        self.search_stands(&there)?;
        let Some(searched) = self.searched_index(&there)? else { return Err(StoreError::Absent) };
        if !searched.carries(&self.alias) {
            let mend = self.moved(&[], &self.alias, Some(searched));
            return Err(StoreError::Altered(format!(
                "the alias `{}` is gone, and `{}` holds the offers: somebody took it away; the next run puts it back, or \
                 {mend}",
                self.alias, searched.name
            )));
        }
        blocks::of_index(searched, Wanted::Read)?;
        let hindered = self.aliases_stand(&there).err();
        Ok(hindered.map(|error| format!("{error}; until then no run can write")).into_iter().collect())
    }

    /// The index behind a name of which a shard is missing; nothing where a role may not ask.
    pub(super) async fn red_index(&self, name: &str) -> Result<Option<String>, StoreError> {
        let path = format!("/_cluster/health/{name}?level=indices&timeout=1s");
        let (_, health) = self.ask(Method::Get, &path, None).await?;
        let indices = health["indices"].as_object().into_iter().flatten();
        Ok(indices.filter(|(_, own)| own["status"] == "red").map(|(name, _)| name.clone()).next())
    }

    /// Why something could not be read: where a shard is missing, that is told before the words of the server.
    pub(super) async fn explained(&self, error: StoreError, name: &str) -> StoreError {
        let StoreError::Unavailable(why) = error else { return error };
        match self.red_index(name).await {
            Ok(Some(index)) => match blocks::red(&index, "") {
                StoreError::Unavailable(red) => StoreError::Unavailable(format!("{red} ({why})")),
                other => other,
            },
            _ => StoreError::Unavailable(why),
        }
    }
}

/// How much of what was asked an answer covers.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Extent {
    #[serde(default)]
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    /// Of other clusters, which somebody's alias may lead to.
    #[serde(rename = "_clusters", default)]
    clusters: Clusters,
}

#[derive(Debug, Default, Deserialize)]
struct Shards {
    total: u64,
    successful: u64,
    failed: u64,
    #[serde(default)]
    failures: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Clusters {
    skipped: u64,
    partial: u64,
    failed: u64,
}

impl Extent {
    /// An error unless it covers all.
    pub(super) fn is_whole(&self) -> Result<(), StoreError> {
        let Shards { total, successful, failed, failures } = &self.shards;
        let part =
            |why: String| Err(StoreError::Unavailable(format!("its answer is only a part of what was asked: {why}")));
        if *failed > 0 || successful < total {
            let said = &failures.first().unwrap_or(&Value::Null)["reason"];
            let why = said["reason"].as_str().or(said["type"].as_str()).unwrap_or("it does not say why");
            let why = excerpt(why, MESSAGE);
            return part(format!(
                "{} of {total} shards failed: {why}",
                (*failed).max(total.saturating_sub(*successful))
            ));
        }
        if self.timed_out {
            return part("it ran out of time (`search.default_search_timeout`); ask for less, or raise that".into());
        }
        match self.clusters.skipped + self.clusters.partial + self.clusters.failed {
            0 => Ok(()),
            lost => part(format!("{lost} of the clusters that the alias leads to did not answer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_never_taken_for_all() {
        let said = |answer: &str| match serde_json::from_str::<Extent>(answer).unwrap().is_whole() {
            Ok(()) => "all".to_owned(),
            Err(error) => error.to_string().split("was asked: ").nth(1).unwrap().to_owned(),
        };
        let shards = r#""_shards":{"total":2,"successful":2,"skipped":0,"failed":0}"#;
        assert_eq!(said(&format!("{{{shards},\"timed_out\":false}}")), "all");
        assert!(said(&format!("{{{shards},\"timed_out\":true}}")).contains("out of time"));
        assert!(
            said(&format!("{{{shards},\"_clusters\":{{\"total\":2,\"successful\":1,\"skipped\":1}}}}"))
                .contains("1 of")
        );
        let failed = r#"{"_shards":{"total":2,"successful":1,"failed":1,"failures":[{"reason":{"reason":"broken"}}]}}"#;
        assert_eq!(said(failed), "1 of 2 shards failed: broken");
        // A shard that is on no node need not be counted as failed.
        assert!(said(r#"{"_shards":{"total":3,"successful":1,"failed":0}}"#).starts_with("2 of 3 shards failed"));
    }
}
