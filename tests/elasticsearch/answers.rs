//! What an Elasticsearch says when something is wrong, word for word where a real one was heard.
use serde_json::{Value, json};

use super::asked::Asked;

/// An answer that the proxy gives, its own or a forwarded one.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(status: u16, body: String) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Answer { status, headers, body: body.into_bytes() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Answer\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", self.body.len());
        [head.as_bytes(), &self.body].concat()
    }
}

fn error(status: u16, kind: &str, reason: &str) -> Answer {
    let cause = json!({"type": kind, "reason": reason});
    let mut error = cause.clone();
    error["root_cause"] = json!([cause]);
    Answer::json(status, json!({"error": error, "status": status}).to_string())
}

/// The first segment of a path.
fn index(path: &str) -> &str {
    path.trim_start_matches('/').split(['/', '?']).next().unwrap()
}

/// The answer of a server, or of what stands before it, with this status.
pub(super) fn status(status: u16, path: &str) -> Answer {
    match status {
        401 => unauthenticated(path),
        403 => error(403, "security_exception", &unauthorized()),
        404 => error(404, "index_not_found_exception", &format!("no such index [{}]", index(path))),
        413 => Answer::json(413, String::new()),
        429 => later(1),
        503 => error(503, "cluster_block_exception", UNRECOVERED).with("retry-after", "1"),
        502 | 504 => {
            let body = format!("<html><head><title>{status} Bad Gateway</title></head><body>nginx</body></html>");
            Answer { status, headers: vec![("content-type".into(), "text/html".into())], body: body.into_bytes() }
        }
        status => error(status, "exception", "injected"),
    }
}

/// Too much to do, and how long it wants to be left alone.
pub(super) fn later(seconds: u64) -> Answer {
    error(429, "es_rejected_execution_exception", &rejected()).with("retry-after", &seconds.to_string())
}

const UNRECOVERED: &str = "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];";

fn unauthorized() -> String {
    "action [indices:data/write/bulk[s]] is unauthorized for user [reader] with effective roles [reader] on indices \
     [jobmarket-offers], this action is granted by the index privileges [create_doc,create,delete,index,write,all]"
        .to_owned()
}

fn rejected() -> String {
    "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, all_bytes=0, \
     coordinating_operation_bytes=5242880, max_coordinating_and_primary_bytes=53687091]"
        .to_owned()
}

/// 401 without or with a wrong credential.
pub(super) fn unauthenticated(path: &str) -> Answer {
    let reason = format!("missing authentication credentials for REST request [{path}]");
    error(401, "security_exception", &reason).with("www-authenticate", "Basic realm=\"security\" charset=\"UTF-8\"")
}

/// 403 for what a role does not grant.
pub(super) fn forbidden(why: &str) -> Answer {
    error(403, "security_exception", why)
}

/// The disk is above its flood stage: the index is read-only but for deletions.
pub(super) fn flooded(path: &str) -> Answer {
    error(429, "cluster_block_exception", &flood(index(path)))
}

fn flood(index: &str) -> String {
    format!(
        "index [{index}] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has \
         read-only-allow-delete block; for more information, see the documentation];"
    )
}

/// How a request that is too large is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Large {
    /// 413 without a word, as Elasticsearch does.
    Empty,
    /// 413 with a page, as a proxy does.
    Page,
    /// 400 `too_long_http_content_exception`.
    TooLong,
    /// 429 `circuit_breaking_exception`.
    Breaker,
    /// The connection is closed.
    Closed,
}

/// The answer to a request of so many bytes, more than `most`; `None` where the connection is closed.
pub(super) fn too_large(large: Large, bytes: usize, most: usize) -> Option<Answer> {
    let breaker = format!(
        "[inflight_requests] Data too large, data for [<http_request>] would be [{bytes}/{bytes}b], which is larger than \
         the limit of [{most}/{most}b]"
    );
    Some(match large {
        Large::Empty => Answer::json(413, String::new()),
        Large::Page => {
            let body =
                b"<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>".to_vec();
            Answer { status: 413, headers: vec![("content-type".into(), "text/html".into())], body }
        }
        Large::TooLong => error(400, "too_long_http_content_exception", "HTTP content length exceeded"),
        Large::Breaker => error(429, "circuit_breaking_exception", &breaker),
        Large::Closed => return None,
    })
}

/// Requests that are answered by the proxy, and how.
pub(super) struct Fixed {
    /// A path, or a method and a path.
    pub call: String,
    /// What the body holds.
    pub holds: String,
    pub answer: Answer,
}

impl Fixed {
    pub fn meets(&self, asked: &Asked) -> bool {
        let path = asked.path.split('?').next().unwrap();
        let called = self.call == path || self.call == format!("{} {path}", asked.method);
        called && String::from_utf8_lossy(&asked.text()).contains(&self.holds)
    }
}

/// The error of one item.
pub(super) struct Error {
    status: u16,
    kind: String,
    reason: String,
}

impl Error {
    /// In the words that were ordered for this status, or those of a server.
    pub fn new(status: u16, words: Option<&(u16, String, String)>) -> Self {
        let index = "jobmarket-offers";
        let (kind, reason) = match (words, status) {
            (Some((own, kind, reason)), _) if *own == status => (kind.as_str(), reason.clone()),
            (_, 400) => {
                ("document_parsing_exception", "[1:30] failed to parse field [published_at] of type [date]".to_owned())
            }
            (_, 403) => ("security_exception", unauthorized()),
            (_, 404) => ("index_not_found_exception", format!("no such index [{index}]")),
            (_, 429) => ("es_rejected_execution_exception", rejected()),
            (_, 503) => {
                ("unavailable_shards_exception", format!("[{index}][0] primary shard is not active Timeout: [1m]"))
            }
            _ => ("exception", "injected".to_owned()),
        };
        Error { status, kind: kind.to_owned(), reason }
    }
}

/// The answer for the items that were forwarded, with those between that were not and have an error of their own.
pub(super) fn merged(answer: Answer, documents: &[&[&[u8]]], errors: &[Option<Error>]) -> Answer {
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else { return answer };
    let Some(applied) = body["items"].as_array().cloned() else { return answer };
    let mut applied = applied.into_iter();
    let mut items = Vec::new();
    for (document, error) in documents.iter().zip(errors) {
        let Some(Error { status, kind, reason }) = error else {
            items.extend(applied.next());
            continue;
        };
        let action: Value = serde_json::from_slice(document[0]).unwrap();
        let (name, meta) = action.as_object().unwrap().iter().next().unwrap();
        let error = json!({"type": kind, "reason": reason});
        items.push(json!({name: {"_index": "jobmarket-offers", "_id": meta["_id"], "status": status, "error": error}}));
    }
    body["items"] = items.into();
    body["errors"] = true.into();
    Answer { body: body.to_string().into_bytes(), ..answer }
}
