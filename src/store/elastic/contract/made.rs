//! An index that the server does not make, or makes without a place for it: whose setting that is, and what to do.
use serde_json::Value;

use super::super::{Elastic, reason, refused};
use crate::bounds::MESSAGE;
use crate::printable::excerpt;
use crate::store::StoreError;

/// What the server says when a limit is reached, and the setting that is the limit.
const LIMITS: [(&str, &str); 5] = [
    ("Limit of total fields", "index.mapping.total_fields.limit"),
    ("Limit of mapping depth", "index.mapping.depth.limit"),
    ("Limit of nested fields", "index.mapping.nested_fields.limit"),
    ("is longer than the limit of", "index.mapping.field_name_length.limit"),
    ("shards open", "cluster.max_shards_per_node"),
];

/// The beginning of a setting that is the cluster's and no index's.
const CLUSTER: &str = "cluster.";

impl Elastic {
    /// Why an index could not be made.
    pub(in super::super) async fn not_made(&self, name: &str, status: u16, answer: &Value) -> StoreError {
        let mut said = reason(answer);
        if let Some(cause) = answer["error"]["caused_by"]["reason"].as_str().filter(|cause| !said.contains(cause)) {
            said = format!("{said}: {}", excerpt(cause, MESSAGE));
        }
        match refused(status, answer) {
            StoreError::Server(_) => {}
            StoreError::Blocked(_) => return StoreError::Blocked(format!("the index `{name}` cannot be made: {said}")),
            other => return other,
        }
        let limit = LIMITS.iter().find(|(words, _)| said.contains(words)).map(|(_, setting)| *setting);
        let advice = match limit {
            Some(setting) if setting.starts_with(CLUSTER) => format!(
                "the limit is the cluster's `{setting}`: delete indices that nobody needs, or raise it \
                 (`PUT /_cluster/settings {{\"persistent\": {{\"{setting}\": 2000}}}}`)"
            ),
            limit => self.of_templates(name, limit).await,
        };
        StoreError::Altered(format!(
            "the index `{name}` cannot be made: the server says: {said}. {advice}; then run again"
        ))
    }

    /// What to do about templates, which have a say in each new index.
    async fn of_templates(&self, name: &str, limit: Option<&str>) -> String {
        let what = limit.map_or_else(|| "what the server names".to_owned(), |setting| format!("`{setting}`"));
        let Some(templates) = self.templates(name).await else {
            return format!(
                "If an index template sets {what} (`GET /_index_template`), take it out there, or leave `{name}` \
                 out of its `index_patterns`"
            );
        };
        let named: Vec<String> = templates.iter().map(super::origin::Template::named).collect();
        if named.is_empty() {
            return format!("No index template is for it: {what} is a setting of the cluster or its nodes");
        }
        format!(
            "A new index of that name gets what stands in {}: take {what} out there, or leave `{name}` out of its \
             `index_patterns`",
            named.join(" and ")
        )
    }

    /// An index that was made, and whose shard no node takes.
    pub(in super::super) fn placeless(&self, name: &str) -> StoreError {
        StoreError::Unavailable(format!(
            "the index `{name}` was made, and no node has taken its shard yet. `GET /_cluster/allocation/explain` there says \
             why; usually `cluster.routing.allocation.enable` is not `all`, or a template asks for nodes that are not there \
             (`index.routing.allocation`)"
        ))
    }
}
