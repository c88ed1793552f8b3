//! What each answer of a bulk request means for an offer: the table that decides between done, again, and never.
use serde_json::Value;

use super::index::guard;
use crate::bounds::MESSAGE;
use crate::offer::{OfferId, Reject, Version};
use crate::printable::excerpt;

/// What was sent of one offer, and to which index.
pub(super) struct Sent<'a> {
    pub index: &'a str,
    pub id: OfferId,
    pub version: Version,
}

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
    Again(String),
    /// The server's disk is full, or the index is read-only or closed: nothing is sent until that is over.
    Blocked(String),
    /// Who asks may not write: the server judges each index of a bulk by itself.
    Credentials(String),
    /// The index is gone: it is set up again.
    SetupLost,
    /// Too much for the server as it is now: less at a time, and a document that is alone a few times.
    Pressed(String),
    /// It is stored in another index or under another id: which.
    Elsewhere(String),
    /// Not known: sent again a few times, then refused.
    Unknown(String),
}

impl Outcome {
    /// Whether the server would not have it, and would not the next time.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Outcome::Rejected(_) | Outcome::Pressed(_) | Outcome::Unknown(_))
    }

    /// Whether it shows that the index takes offers.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self, Outcome::Done | Outcome::Superseded | Outcome::Fenced)
    }

    /// Whether it is for the size of the document.
    pub(super) fn is_size(&self) -> bool {
        match self {
            Outcome::Rejected(reject) => reject.reason == "store_too_large",
            outcome => matches!(outcome, Outcome::Pressed(_)),
        }
    }

    /// Whether it names a field of the document.
    pub(super) fn names_field(&self) -> bool {
        matches!(self, Outcome::Rejected(Reject { field: Some(_), .. }))
    }

    /// Whether the mapping lacks a field. Documents have no other fields than the schema: it was changed, or something on
    /// the way added one.
    pub(super) fn lacks_field(&self) -> bool {
        matches!(self, Outcome::Rejected(reject) if reject.message.contains("mapping set to strict"))
    }
}

/// What became of a whole request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Whole {
    /// Each item says for itself.
    Items,
    /// Larger than may be sent there: split in two.
    TooLarge(String),
    /// Too much for the server as it is now: split in two, and sent again after a while.
    Pressed(String),
    /// Refused for something in it that an item cannot say: split in two, until it is found.
    Refused(String),
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
const DOCUMENT: [&str; 5] = [
    "document_parsing_exception",
    "mapper_parsing_exception",
    "strict_dynamic_mapping_exception",
    "action_request_validation_exception",
    "max_bytes_length_exceeded_exception",
];

/// What a server that is short of memory says, of a request or of an item.
const PRESSED: &str = "circuit_breaking_exception";

/// The outcome of an item, as the server answers it.
pub(super) fn item(answer: &Value, sent: &Sent<'_>) -> Outcome {
    let (status, error) = (answer["status"].as_u64().unwrap_or(0) as u16, &answer["error"]);
    let kind = error["type"].as_str().unwrap_or_default();
    let reason = cause(error);
    if matches!(status, 200 | 201 | 409)
        && let Some(place) = elsewhere(answer, sent)
    {
        return Outcome::Elsewhere(place);
    }
    match status {
        200 | 201 if answer["result"] == "noop" => {
            Outcome::Unknown("the server answers that it did nothing (`noop`): an ingest pipeline drops it".into())
        }
        200 | 201 => Outcome::Done,
        409 => match stored(&reason) {
            Some(version) if version.fence() > sent.version.fence() => Outcome::Fenced,
            Some(_) => Outcome::Superseded,
            None => Outcome::Unknown(format!("status {status}: {reason}")),
        },
        _ if is_block(kind, &reason) => Outcome::Blocked(reason),
        401 | 403 => Outcome::Credentials(reason),
        // What was to be deleted is not there.
        404 if error.is_null() => Outcome::Done,
        404 if kind == "index_not_found_exception" && names(&reason, sent.index) => Outcome::SetupLost,
        413 => rejected("store_too_large", reason),
        400 if DOCUMENT.contains(&kind) => rejected("store_mapping", reason),
        // A word for whatever is wrong: with the document when it names a field of it.
        400 if kind == "illegal_argument_exception" && field(&reason).is_some() => rejected("store_mapping", reason),
        429 | 503 if kind == PRESSED => Outcome::Pressed(reason),
        408 | 429 | 501..=599 => Outcome::Again(format!("status {status}: {reason}")),
        _ => Outcome::Unknown(format!("status {status}: {reason}")),
    }
}

/// Whether a reason names the index that was written, or the alias that its writes go through.
fn names(reason: &str, index: &str) -> bool {
    [index, &guard(index)].iter().any(|name| reason.contains(&format!("[{name}]")))
}

/// Where an offer came to, if that is not where it was sent.
fn elsewhere(answer: &Value, sent: &Sent<'_>) -> Option<String> {
    let index = answer["_index"].as_str().unwrap_or(sent.index);
    let (id, own) = (answer["_id"].as_str(), sent.id.to_string());
    let here = index == sent.index || index == guard(sent.index);
    (!here || id.is_some_and(|id| id != own)).then(|| format!("`{index}` as `{}`", id.unwrap_or(&own)))
}

/// The outcome of a request by its status and body; `sent` items must come back.
pub(super) fn request(status: u16, body: Option<&Value>, sent: usize) -> Whole {
    let none = Value::Null;
    let error = &body.unwrap_or(&none)["error"];
    let (kind, reason) = (error["type"].as_str().unwrap_or_default(), cause(error));
    let said = format!("status {status}: {reason}");
    match status {
        200 => match body.and_then(|body| body["items"].as_array()) {
            Some(items) if items.len() == sent => Whole::Items,
            Some(items) => Whole::Again(format!("{} items came back of {sent}", items.len())),
            None => Whole::Again("an answer without items".into()),
        },
        413 => Whole::TooLarge(said),
        400 if kind.starts_with("too_long_") || reason.contains("max_content_length") => Whole::TooLarge(said),
        _ if kind == PRESSED => Whole::Pressed(said),
        _ if is_block(kind, &reason) => Whole::Blocked(reason),
        401 | 403 => Whole::Credentials(reason),
        404 => Whole::SetupLost,
        408 | 429 => Whole::Again(said),
        400..=499 => Whole::Refused(said),
        _ => Whole::Again(said),
    }
}

fn rejected(code: &str, message: String) -> Outcome {
    let field = field(&message);
    Outcome::Rejected(Reject { reason: code.into(), stage: "store".into(), field, path: None, message })
}

/// The field that a reason names.
fn field(reason: &str) -> Option<String> {
    let marks = ["field [", "introduction of [", "field=[", "field=\""];
    let after = marks.iter().find_map(|mark| reason.split(mark).nth(1));
    after.and_then(|rest| rest.split([']', '"']).next()).map(str::to_owned)
}

/// The innermost reason: that is where the server says what was wrong with which value.
fn cause(error: &Value) -> String {
    let own = error.as_str().or(error["reason"].as_str()).unwrap_or_default();
    match error["caused_by"]["reason"].as_str() {
        Some(cause) => format!("{}: {}", excerpt(own, MESSAGE), excerpt(cause, MESSAGE)),
        None => excerpt(own, MESSAGE),
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

    fn judged(answer: &Value) -> Outcome {
        item(answer, &Sent { index: "x", id: OfferId([7; 16]), version: OURS })
    }

    fn told(status: u16, kind: &str, reason: &str) -> String {
        let answer = serde_json::json!({"status": status, "error": {"type": kind, "reason": reason}});
        let word = format!("{:?}", judged(&answer));
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
            (409, "version_conflict_engine_exception", "no number", "Unknown"),
            (400, "document_parsing_exception", "[1:20] failed to parse field [salary.min]", "Rejected"),
            (400, "mapper_parsing_exception", "failed to parse field [published_at]", "Rejected"),
            (400, "strict_dynamic_mapping_exception", "mapping set to strict, [x] is not allowed", "Rejected"),
            (400, "illegal_argument_exception", "Document contains at least one immense term in field=[x]", "Rejected"),
            (400, "illegal_argument_exception", "immense term in field=\"x\" (whose UTF8 encoding …)", "Rejected"),
            (400, "illegal_argument_exception", "pipeline with id [p] does not exist", "Unknown"),
            (400, "illegal_argument_exception", "number of documents in the index cannot exceed [3]", "Unknown"),
            (400, "routing_missing_exception", "routing is required for [x]/[1]", "Unknown"),
            (400, "script_exception", "runtime error", "Unknown"),
            (500, "fail_processor_exception", "no", "Unknown"),
            (400, "action_request_validation_exception", "id is too long", "Rejected"),
            (400, "max_bytes_length_exceeded_exception", "bytes can be at most 32766", "Rejected"),
            (400, "something_else", "new in a later version", "Unknown"),
            (413, "", "too large", "Rejected"),
            (429, "es_rejected_execution_exception", "rejected execution", "Again"),
            (429, "circuit_breaking_exception", "[parent] Data too large", "Pressed"),
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
            (404, "index_not_found_exception", "no such index [other] and it is not an alias", "Unknown"),
            (404, "document_missing_exception", "document missing", "Unknown"),
            (500, "internal", "x", "Unknown"),
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
        let answer = serde_json::json!({"status": 400, "error": error});
        let Outcome::Rejected(reject) = judged(&answer) else { panic!() };
        assert_eq!((reject.reason.as_str(), reject.field.as_deref()), ("store_mapping", Some("salary.min")));
        assert!(reject.message.ends_with("For input string: \"viel\""), "{}", reject.message);
    }

    #[test]
    fn what_is_not_where_it_was_sent_is_not_done() {
        let own = OfferId([7; 16]).to_string();
        let done = |index: &str, id: &str, result: &str| {
            judged(&serde_json::json!({"status": 200, "_index": index, "_id": id, "result": result}))
        };
        assert_eq!(done("x", &own, "updated"), Outcome::Done);
        assert_eq!(done("x-here", &own, "created"), Outcome::Done);
        assert!(matches!(done("x-here", &own, "noop"), Outcome::Unknown(why) if why.contains("drops")));
        let place = |outcome: Outcome| if let Outcome::Elsewhere(place) = outcome { place } else { String::new() };
        assert_eq!(place(done("other", &own, "created")), format!("`other` as `{own}`"));
        assert_eq!(place(done("x", "moved", "updated")), "`x` as `moved`");
        // A higher version of something else says nothing of it.
        let conflict = serde_json::json!({"status": 409, "_index": "x", "_id": "moved", "error": {"reason": "x"}});
        assert_eq!(place(judged(&conflict)), "`x` as `moved`");
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
            (400, r#"{"error":{"type":"too_long_http_content_exception","reason":"x"}}"#, "TooLarge"),
            (400, r#"{"error":"entity content is longer than http.max_content_length"}"#, "TooLarge"),
            (400, r#"{"error":"broken"}"#, "Refused"),
            (422, "<html>", "Refused"),
            (429, r#"{"error":{"type":"circuit_breaking_exception","reason":"[parent] Data too large"}}"#, "Pressed"),
            (503, r#"{"error":{"type":"circuit_breaking_exception","reason":"[parent] Data too large"}}"#, "Pressed"),
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
