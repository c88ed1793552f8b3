//! Whether the server can be written to: its health, blocks, what somebody changed of the index, its licence.
use elasticsearch::http::Method;
use serde_json::Value;

use super::indices::Index;
use super::{Elastic, template};
use crate::schema::Schema;
use crate::store::StoreError;

impl Elastic {
    /// Looks at the server before a run writes to it. What the run can live with comes back as notices, in sentences;
    /// what would only fail later is an error.
    pub async fn ready(&self) -> Result<Vec<String>, StoreError> {
        let mut notices = self.licence().await?;
        notices.extend(self.health().await?);
        let there = self.indices().await?;
        let Some(own) = there.named(&self.index) else {
            return Err(StoreError::Unavailable(format!("the index `{}` is gone again", self.index)));
        };
        blocks(own)?;
        notices.extend(mapping(own, &self.schema)?);
        Ok(notices)
    }

    /// A server without the header or the licence of the product is taken, and said to be one.
    async fn licence(&self) -> Result<Vec<String>, StoreError> {
        let mut notices = Vec::new();
        let info = self.nodes.send(Method::Get, "/", "application/json", None).await?;
        if !info.product {
            notices.push(
                "the server does not say that it is Elasticsearch (no header `X-Elastic-Product`): something \
                stands before it, or it is another product; it is used all the same"
                    .to_owned(),
            );
        }
        let (status, answer) = self.ask(Method::Get, "/_license", None).await?;
        let licence = &answer["license"];
        match licence["status"].as_str() {
            _ if !matches!(status, 200 | 404 | 400 | 405) => {}
            None => notices
                .push("the server does not tell its licence (`_license` is missing); it is used all the same".into()),
            Some("active") => {}
            Some(word) => notices.push(format!(
                "the server's licence ({}) is {word}; what it refuses because of that is told when it happens",
                licence["type"].as_str().unwrap_or("without a type")
            )),
        }
        Ok(notices)
    }

    async fn health(&self) -> Result<Vec<String>, StoreError> {
        let path = format!("/_cluster/health/{}?timeout=5s", self.index);
        let (status, own) = self.ask(Method::Get, &path, None).await?;
        if status == 403 {
            // A role may do without: what is red shows itself when it is written to.
            return Ok(Vec::new());
        }
        if own["status"] == "red" {
            return Err(StoreError::Unavailable(format!(
                "the index `{}` is red: a shard of it is on no node, so nothing can be written. \
                 `GET _cluster/allocation/explain` there says why; usually a node or its disk is missing. Nothing is lost: \
                 run again when it is back",
                self.index
            )));
        }
        let (_, all) = self.ask(Method::Get, "/_cluster/health?timeout=5s", None).await?;
        let red = all["status"] == "red";
        Ok(red
            .then(|| "the cluster is red: other indices miss a shard; offers can be written all the same".into())
            .into_iter()
            .collect())
    }
}

/// What keeps documents out of an index.
fn blocks(index: &Index) -> Result<(), StoreError> {
    let name = &index.name;
    let set = |setting: &str| index.settings.get(setting).is_some_and(|value| value == "true" || value == true);
    let told = |what: &str, setting: &str, hint: &str| {
        let lift = format!("`PUT {name}/_settings {{\"{setting}\": null}}`");
        Err(StoreError::Blocked(format!("the index `{name}` {what} (`{setting}`): {hint}{lift}")))
    };
    if set("index.blocks.read_only_allow_delete") {
        let hint = "its disk is, or was, nearly full; free space, and if the server does not lift it by itself: ";
        return told("takes no documents", "index.blocks.read_only_allow_delete", hint);
    }
    if set("index.verified_before_close") {
        let open = format!("the index `{name}` is closed: somebody did that; `POST {name}/_open` opens it");
        return Err(StoreError::Blocked(open));
    }
    for setting in ["index.blocks.read_only", "index.blocks.write"] {
        if set(setting) {
            return told("is read-only", setting, "somebody set that; it is lifted by ");
        }
    }
    Ok(())
}

/// Compares the mapping of an index with the schema's.
fn mapping(index: &Index, schema: &Schema) -> Result<Vec<String>, StoreError> {
    let (name, there) = (&index.name, &index.mappings);
    let ours = &template::index(schema)["mappings"];
    let (mut wrong, mut added) = (Vec::new(), Vec::new());
    compare("", &ours["properties"], &there["properties"], &mut wrong, &mut added);
    if there["dynamic"] != ours["dynamic"] {
        wrong.push(format!("`dynamic` is {} and not \"strict\"", there["dynamic"]));
    }
    if !wrong.is_empty() {
        wrong.truncate(SHOWN);
        return Err(StoreError::Altered(format!(
            "the index `{name}` has another mapping than the schema: {}. Somebody changed it, or it was made by hand; \
             delete it (`DELETE {name}`), and `jobmarket replay SOURCE` for each source writes every offer again",
            wrong.join(", "),
        )));
    }
    let notice = |field: String| {
        format!(
            "the field `{field}` of the index `{name}` is not of the schema; it is left as it is, and never written"
        )
    };
    Ok(added.into_iter().map(notice).collect())
}

/// Differences that are named.
const SHOWN: usize = 5;

/// What differs below a path: fields of another kind or missing, and fields that are ours not.
fn compare(path: &str, ours: &Value, there: &Value, wrong: &mut Vec<String>, added: &mut Vec<String>) {
    let own = ours.as_object().into_iter().flatten();
    for (name, field) in own {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let found = &there[name];
        if found.is_null() {
            wrong.push(format!("`{path}` is missing"));
            continue;
        }
        if kind(field) != kind(found) {
            wrong.push(format!("`{path}` is {} and not {}", kind(found), kind(field)));
            continue;
        }
        compare(&path, &field["properties"], &found["properties"], wrong, added);
    }
    for (name, _) in there.as_object().into_iter().flatten().filter(|(name, _)| ours[name.as_str()].is_null()) {
        added.push(if path.is_empty() { name.clone() } else { format!("{path}.{name}") });
    }
}

/// Type and analysis of a field; an object has no type of its own.
fn kind(field: &Value) -> String {
    let kind = field["type"].as_str().unwrap_or("object");
    match field["analyzer"].as_str() {
        Some(analyzer) => format!("{kind} ({analyzer})"),
        None => kind.to_owned(),
    }
}
