//! Whether the server can be written to: its health, blocks, what somebody changed of the index, its licence.
use elasticsearch::http::Method;

use super::Elastic;
use super::blocks::{self, Wanted};
use super::indices::Index;
use super::node::NodeRequest;
use crate::store::StoreError;

impl Elastic {
    /// Looks at the server before a run writes to it. What the run can live with comes back as notices, in sentences;
    /// what would only fail later is an error.
    pub async fn ready(&self) -> Result<Vec<String>, StoreError> {
        let mut notices = self.licence().await?;
        let there = self.indices().await?;
        let Some(own) = there.named(&self.index) else {
            return Err(StoreError::Unavailable(format!("the index `{}` is gone again", self.index)));
        };
        blocks::of_index(own, Wanted::Write)?;
        self.claims_fit().await?.iter().try_for_each(|claims| blocks::of_index(claims, Wanted::Write))?;
        notices.extend(self.health(own).await?);
        notices.extend(self.notices_of(own));
        Ok(notices)
    }

    /// A server without the header or the licence of the product is taken, and said to be one.
    async fn licence(&self) -> Result<Vec<String>, StoreError> {
        let mut notices = Vec::new();
        let info = self.nodes.send(&NodeRequest::json(Method::Get, "/", None)).await?;
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

    async fn health(&self, own: &Index) -> Result<Vec<String>, StoreError> {
        let path = format!("/_cluster/health/{},{}?timeout=5s&level=indices", self.index, self.claims);
        let (status, ours) = self.ask(Method::Get, &path, None).await?;
        if status == 403 {
            // A role may do without: what is red shows itself when it is written to.
            return Ok(Vec::new());
        }
        let red = ours["indices"].as_object().into_iter().flatten().find(|(_, said)| said["status"] == "red");
        if let Some((name, _)) = red {
            let asks = if *name == own.name { placement(own) } else { String::new() };
            return Err(blocks::red(name, &asks));
        }
        let (_, all) = self.ask(Method::Get, "/_cluster/health?timeout=5s", None).await?;
        let red = all["status"] == "red";
        Ok(red
            .then(|| "the cluster is red: other indices miss a shard (`GET _cluster/allocation/explain` there says why); offers can be written all the same".into())
            .into_iter()
            .collect())
    }
}

/// What an index asks of the node that takes a shard of it.
fn placement(index: &Index) -> String {
    let asked = index.settings.iter().filter(|(name, value)| {
        let kind = name.strip_prefix("index.routing.allocation.");
        kind.is_some_and(|kind| kind != "include._tier_preference") && *value != "all"
    });
    let asked: Vec<String> = asked.map(|(name, value)| format!("`{name}`: {value}")).collect();
    if asked.is_empty() { String::new() } else { format!("; the index has {}", asked.join(", ")) }
}
