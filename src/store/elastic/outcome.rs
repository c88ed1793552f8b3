//! What each answer of a bulk request means for an offer: the table that decides between done, again, and never.
use serde_json::Value;

use crate::offer::{Reject, Version};

/// What became of one offer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// It is stored.
    Done,
    /// A higher version of the same claim is stored.
    Superseded,
    /// A higher fence wrote it: another owner has the source.
    Fenced,
    /// The store refuses it for good.
    Rejected(Reject),
    /// Sent again, less at a time.
    Again,
    /// The server's disk is full, or the index is read-only or closed: nothing is sent until that is over.
    Blocked(String),
    /// Who asks may not write: the server judges each index of a bulk by itself.
    Credentials(String),
    /// The index is gone: it is set up again.
    SetupLost,
    /// Not known: sent again a few times, then refused.
    Unknown(String),
}

/// What became of a whole request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Whole {
    /// Each item says for itself.
    Items,
    /// Split in two.
    TooLarge,
    /// All are sent again with the same ids and versions.
    Again(String),
    /// The credential is refused.
    Credentials(String),
    /// The server's disk is full, or the index is read-only.
    Blocked(String),
    /// The index is gone.
    SetupLost,
}

/// Errors of a document that will be the same the next time.
const DOCUMENT: [&str; 6] = [
    "document_parsing_exception",
    "mapper_parsing_exception",
    "strict_dynamic_mapping_exception",
    "illegal_argument_exception",
    "action_request_validation_exception",
    "max_bytes_length_exceeded_exception",
];

/// The outcome of an item by its status and error.
pub(super) fn item(status: u16, error: &Value, ours: Version) -> Outcome {
    let kind = error["type"].as_str().unwrap_or_default();
    let reason = cause(error);
    match status {
        200 | 201 => Outcome::Done,
        409 => match stored(&reason) {
            Some(version) if version.fence() > ours.fence() => Outcome::Fenced,
            _ => Outcome::Superseded,
        },
        _ if is_block(kind, &reason) => Outcome::Blocked(reason),
        401 | 403 => Outcome::Credentials(reason),
        // What was to be deleted is not there.
        404 if error.is_null() => Outcome::Done,
        404 if kind == "index_not_found_exception" => Outcome::SetupLost,
        413 => rejected("store_too_large", reason),
        400 if DOCUMENT.contains(&kind) => rejected("store_mapping", reason),
        408 | 429 | 500..=599 => Outcome::Again,
        _ => Outcome::Unknown(format!("status {status}: {reason}")),
    }
}

/// The outcome of a request by its status and body; `sent` items must come back.
pub(super) fn request(status: u16, body: Option<&Value>, sent: usize) -> Whole {
    let none = Value::Null;
    let error = &body.unwrap_or(&none)["error"];
    let (kind, reason) = (error["type"].as_str().unwrap_or_default(), cause(error));
    match status {
        200 => match body.and_then(|body| body["items"].as_array()) {
            Some(items) if items.len() == sent => Whole::Items,
            Some(items) => Whole::Again(format!("{} items came back of {sent}", items.len())),
            None => Whole::Again("an answer without items".into()),
        },
        413 => Whole::TooLarge,
        _ if is_block(kind, &reason) => Whole::Blocked(reason),
        401 | 403 => Whole::Credentials(reason),
        404 => Whole::SetupLost,
        status => Whole::Again(format!("status {status}: {reason}")),
    }
}

fn rejected(code: &str, message: String) -> Outcome {
    let after = ["field [", "introduction of [", "field=["].iter().find_map(|mark| message.split(mark).nth(1));
    let field = after.and_then(|rest| rest.split([']', '"']).next()).map(str::to_owned);
    Outcome::Rejected(Reject { reason: code.into(), stage: "store".into(), field, path: None, message })
}

/// The innermost reason: that is where the server says what was wrong with which value.
fn cause(error: &Value) -> String {
    let own = error.as_str().or(error["reason"].as_str()).unwrap_or_default();
    match error["caused_by"]["reason"].as_str() {
        Some(cause) => format!("{own}: {cause}"),
        None => own.to_owned(),
    }
}

/// Flood stage (block 12), an index or a whole cluster that is read-only, a closed index: the server says so in words.
/// Blocks of a cluster that only comes up (`SERVICE_UNAVAILABLE`) are over by themselves.
fn is_block(kind: &str, reason: &str) -> bool {
    let forbidden = reason.contains("FORBIDDEN/") || reason.contains("TOO_MANY_REQUESTS/12");
    kind == "index_closed_exception" || (kind == "cluster_block_exception" && forbidden)
}

/// The version that a conflict names: `current version [n] is higher …`.
fn stored(reason: &str) -> Option<Version> {
    let rest = reason.split("current version [").nth(1)?;
    rest.split(']').next()?.parse().ok().map(Version)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Version = Version(7 << Version::TICKET_BITS | 5);

    fn told(status: u16, kind: &str, reason: &str) -> String {
        let error = serde_json::json!({"type": kind, "reason": reason});
        let word = format!("{:?}", item(status, &error, OURS));
        word.split(['(', ' ']).next().unwrap().to_owned()
    }

    #[test]
    fn items_are_judged_by_status_and_error() {
        let (lower, higher) = (Version(7 << Version::TICKET_BITS | 9), Version(8 << Version::TICKET_BITS | 1));
        let conflict = |version: Version| {
            format!("[x]: version conflict, current version [{version}] is higher than the one provided [1]")
        };
        let cases = [
            (200, "", "", "Done"),
            (201, "", "", "Done"),
            (409, "version_conflict_engine_exception", &*conflict(lower), "Superseded"),
            (409, "version_conflict_engine_exception", &conflict(higher), "Fenced"),
            (409, "version_conflict_engine_exception", "no number", "Superseded"),
            (400, "document_parsing_exception", "[1:20] failed to parse field [salary.min]", "Rejected"),
            (400, "mapper_parsing_exception", "failed to parse field [published_at]", "Rejected"),
            (400, "strict_dynamic_mapping_exception", "mapping set to strict, [x] is not allowed", "Rejected"),
            (400, "illegal_argument_exception", "Document contains at least one immense term in field=[x]", "Rejected"),
            (400, "action_request_validation_exception", "id is too long", "Rejected"),
            (400, "max_bytes_length_exceeded_exception", "bytes can be at most 32766", "Rejected"),
            (400, "something_else", "new in a later version", "Unknown"),
            (413, "", "too large", "Rejected"),
            (429, "es_rejected_execution_exception", "rejected execution", "Again"),
            (429, "circuit_breaking_exception", "[parent] Data too large", "Again"),
            (
                429,
                "cluster_block_exception",
                "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage]",
                "Blocked",
            ),
            (
                403,
                "cluster_block_exception",
                "index [x] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)]",
                "Blocked",
            ),
            (403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/5/index read-only (api)]", "Blocked"),
            (403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)]", "Blocked"),
            (403, "cluster_block_exception", "blocked by: [FORBIDDEN/6/cluster read-only (api)]", "Blocked"),
            (400, "index_closed_exception", "closed", "Blocked"),
            (403, "security_exception", "action is unauthorized", "Credentials"),
            (401, "security_exception", "missing authentication credentials", "Credentials"),
            (404, "index_not_found_exception", "no such index [x]", "SetupLost"),
            (404, "document_missing_exception", "document missing", "Unknown"),
            (500, "internal", "x", "Again"),
            (502, "", "", "Again"),
            (503, "unavailable_shards_exception", "primary shard is not active", "Again"),
            (503, "no_shard_available_action_exception", "", "Again"),
            (504, "", "", "Again"),
            (408, "", "", "Again"),
            (418, "", "teapot", "Unknown"),
        ];
        for (status, kind, reason, expect) in cases {
            assert_eq!(told(status, kind, reason), expect, "{status} {kind}: {reason}");
        }
        let error = serde_json::json!({"type": "document_parsing_exception", "reason": "failed to parse field [salary.min] of type [double]",
            "caused_by": {"reason": "For input string: \"viel\""}});
        let Outcome::Rejected(reject) = item(400, &error, OURS) else { panic!() };
        assert_eq!((reject.reason.as_str(), reject.field.as_deref()), ("store_mapping", Some("salary.min")));
        assert!(reject.message.ends_with("For input string: \"viel\""), "{}", reject.message);
    }

    #[test]
    fn requests_are_judged_as_a_whole() {
        let told = |status: u16, body: &str| {
            let body: Option<Value> = serde_json::from_str(body).ok();
            let word = format!("{:?}", request(status, body.as_ref(), 2));
            word.split(['(', ' ']).next().unwrap().to_owned()
        };
        let cases = [
            (200, r#"{"items":[{},{}]}"#, "Items"),
            (200, r#"{"items":[{}]}"#, "Again"),
            (200, r#"{"took":1}"#, "Again"),
            (200, r#"{"items":[{},"#, "Again"),
            (401, r#"{"error":{"type":"security_exception","reason":"missing credentials"}}"#, "Credentials"),
            (403, r#"{"error":{"type":"security_exception","reason":"unauthorized"}}"#, "Credentials"),
            (403, r#"{"error":{"type":"cluster_block_exception","reason":"blocked by: [FORBIDDEN/12/x]"}}"#, "Blocked"),
            (403, r#"{"error":{"type":"cluster_block_exception","reason":"blocked by: [FORBIDDEN/6/x]"}}"#, "Blocked"),
            (503, r#"{"error":{"type":"cluster_block_exception","reason":"[SERVICE_UNAVAILABLE/1/x]"}}"#, "Again"),
            (413, "", "TooLarge"),
            (404, r#"{"error":{"type":"index_not_found_exception","reason":"no such index"}}"#, "SetupLost"),
            (400, r#"{"error":"broken"}"#, "Again"),
            (429, "", "Again"),
            (500, "", "Again"),
            (502, "<html>", "Again"),
            (503, "", "Again"),
            (504, "", "Again"),
        ];
        for (status, body, expect) in cases {
            assert_eq!(told(status, body), expect, "{status} {body}");
        }
    }
}
