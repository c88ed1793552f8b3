//! What the server keeps closed: each block in one sentence with the call that lifts it, the same for runs and readers.
use serde_json::Value;

use super::indices::Index;
use crate::store::StoreError;

/// What is wanted of an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wanted {
    Read,
    Write,
}

/// What is blocked by a setting.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    Index,
    Cluster,
}

/// A block that a setting makes.
struct Block {
    /// How the server numbers it.
    number: u32,
    of: Of,
    setting: &'static str,
    /// What it does.
    does: &'static str,
    /// Who sets it, and what to do about that.
    cause: &'static str,
    /// Whether it hinders reading too.
    reading: bool,
}

const SOMEBODY: &str = "somebody set that; it is lifted by ";
const DISK: &str = "the disk is, or was, nearly full (flood stage): free space there, and the server lifts it by itself; if \
    it does not: ";

const fn block(number: u32, setting: &'static str, does: &'static str) -> Block {
    Block { number, of: Of::Index, setting, does, cause: SOMEBODY, reading: false }
}

const BLOCKS: [Block; 7] = [
    Block { cause: DISK, ..block(12, "index.blocks.read_only_allow_delete", "takes no documents") },
    Block { reading: true, ..block(9, "index.blocks.metadata", "does not show what it is") },
    Block { reading: true, ..block(7, "index.blocks.read", "cannot be read") },
    block(5, "index.blocks.read_only", "is read-only"),
    block(8, "index.blocks.write", "is read-only"),
    Block { of: Of::Cluster, ..block(6, "cluster.blocks.read_only", "is read-only") },
    Block { of: Of::Cluster, ..block(13, "cluster.blocks.read_only_allow_delete", "is read-only but for deletions") },
];

impl Block {
    /// The sentence about an index, or about the whole cluster.
    fn told(&self, index: &str) -> StoreError {
        let Block { setting, does, cause, .. } = self;
        StoreError::Blocked(match self.of {
            Of::Index => format!(
                "the index `{index}` {does} (`{setting}`): {cause}`PUT {index}/_settings {{\"{setting}\": null}}`"
            ),
            Of::Cluster => format!(
                "the whole cluster {does} (`{setting}`): {cause}`PUT _cluster/settings {{\"persistent\": \
                 {{\"{setting}\": null}}, \"transient\": {{\"{setting}\": null}}}}`"
            ),
        })
    }
}

/// What keeps readers, or documents, out of an index as it is.
pub(super) fn of_index(index: &Index, wanted: Wanted) -> Result<(), StoreError> {
    let set = |setting: &str| index.settings.get(setting).is_some_and(|value| value == "true" || value == true);
    if set("index.verified_before_close") {
        return Err(closed(&index.name));
    }
    let hinders = |block: &&Block| block.reading || wanted == Wanted::Write;
    match BLOCKS.iter().filter(hinders).find(|block| set(block.setting)) {
        Some(block) => Err(block.told(&index.name)),
        None => Ok(()),
    }
}

/// A refusal of the server as a sentence; `None` where it is none of these.
pub(super) fn refusal(error: &Value) -> Option<StoreError> {
    let cause = if error["root_cause"][0].is_object() { &error["root_cause"][0] } else { error };
    let reason = cause["reason"].as_str().unwrap_or_default();
    match cause["type"].as_str()? {
        "index_closed_exception" => Some(closed(cause["index"].as_str().unwrap_or("INDEX"))),
        "cluster_block_exception" => Some(worded(reason, "INDEX")),
        "master_not_discovered_exception" => Some(masterless("no master was found")),
        _ => None,
    }
}

/// A block in the server's words, `index [NAME] blocked by: [FORBIDDEN/8/index write (api)];`, where NAME may be missing.
pub(super) fn worded(reason: &str, index: &str) -> StoreError {
    let named = reason.split("index [").nth(1).and_then(|rest| rest.split(']').next());
    let index = named.unwrap_or(index);
    if reason.starts_with("closed") {
        return closed(index);
    }
    if reason.contains("SERVICE_UNAVAILABLE/") {
        return masterless(reason);
    }
    let numbers = || reason.split('/').filter_map(|part| part.parse::<u32>().ok());
    match BLOCKS.iter().find(|block| numbers().any(|number| number == block.number)) {
        Some(block) => block.told(index),
        None if numbers().any(|number| number == CLOSED) => closed(index),
        None => StoreError::Blocked(format!(
            "the server keeps requests from the index `{index}`: {reason}; `GET {index}/_settings` and \
             `GET _cluster/settings` show what is set"
        )),
    }
}

/// How the server numbers the block of a closed index.
const CLOSED: u32 = 4;

fn closed(index: &str) -> StoreError {
    StoreError::Blocked(format!("the index `{index}` is closed: somebody did that; `POST {index}/_open` opens it"))
}

/// It is over by itself: the server comes up, or chooses another master.
fn masterless(words: &str) -> StoreError {
    StoreError::Unavailable(format!(
        "its cluster has no master node now ({words}): it just starts, or too few of its nodes are there; their logs say why"
    ))
}

/// An index of which a shard is on no node, with what it asks of a node.
pub(super) fn red(index: &str, asks: &str) -> StoreError {
    StoreError::Unavailable(format!(
        "the index `{index}` is red: a shard of it is on no node, so it can be neither read nor written whole{asks}. \
         `GET _cluster/allocation/explain` there says why; usually a node or its disk is missing"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_is_told_with_the_call_that_lifts_it() {
        let check = |reason: &str, expect: &[&str]| {
            let said = worded(reason, "ours").to_string();
            assert!(expect.iter().all(|part| said.contains(part)), "{reason}: {said}");
        };
        check("index [a] blocked by: [FORBIDDEN/8/index write (api)];", &["`a` is read-only", "PUT a/_settings"]);
        check("blocked by: [FORBIDDEN/5/index read-only (api)];", &["`ours` is read-only", "blocks.read_only\": null"]);
        check("index [a] blocked by: [FORBIDDEN/7/index read (api)];", &["`a` cannot be read", "blocks.read\": null"]);
        check("index [a] blocked by: [FORBIDDEN/4/index closed];", &["`a` is closed", "POST a/_open"]);
        check("closed", &["`ours` is closed"]);
        let cluster =
            ["whole cluster", "PUT _cluster/settings", "persistent", "transient", "cluster.blocks.read_only\""];
        check("index [a] blocked by: [FORBIDDEN/6/cluster read-only (api)];", &cluster);
        check("blocked by: [FORBIDDEN/13/cluster read-only / allow delete (api)];", &["read_only_allow_delete"]);
        check("blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage];", &["flood stage", "free space"]);
        check("blocked by: [FORBIDDEN/99/something];", &["FORBIDDEN/99/something", "GET ours/_settings"]);
        let said = worded("blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];", "ours");
        assert!(matches!(&said, StoreError::Unavailable(why) if why.contains("no master")), "{said}");
    }
}
