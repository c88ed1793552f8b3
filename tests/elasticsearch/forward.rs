//! A request as it goes on to the server, and the answer as it comes back.
use std::io;

use super::answers::{Answer, Error, merged};
use super::asked::Asked;

/// Headers of a hop, and what a changed body makes wrong.
const OWN: [&str; 6] =
    ["host", "content-length", "connection", "accept-encoding", "content-encoding", "transfer-encoding"];

pub(super) async fn forward(client: &reqwest::Client, target: &str, asked: &Asked, body: &[u8]) -> io::Result<Answer> {
    let method = asked.method.parse().map_err(io::Error::other)?;
    let mut request = client.request(method, format!("{target}{}", asked.path)).body(body.to_vec());
    for (name, value) in &asked.headers {
        let packed = name == "content-encoding" && body == asked.body;
        if packed || !OWN.contains(&name.as_str()) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.map_err(io::Error::other)?;
    let status = answer.status().as_u16();
    let headers = answer.headers().iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
    let headers = headers.collect();
    let body = answer.bytes().await.map_err(io::Error::other)?.to_vec();
    Ok(Answer { status, headers, body })
}

/// The documents of a bulk: two lines each.
pub(super) fn documents(text: &[u8]) -> Vec<Vec<&[u8]>> {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    lines.chunks(2).map(<[&[u8]]>::to_vec).collect()
}

/// A bulk of which the items with a status of their own are not forwarded.
pub(super) async fn items(
    client: &reqwest::Client,
    target: &str,
    asked: &Asked,
    errors: &[Option<Error>],
) -> io::Result<Answer> {
    if errors.iter().all(Option::is_none) {
        return forward(client, target, asked, &asked.body).await;
    }
    let text = asked.text();
    let documents = documents(&text);
    let documents: Vec<&[&[u8]]> = documents.iter().map(Vec::as_slice).collect();
    let kept = documents.iter().zip(errors).filter(|(_, error)| error.is_none());
    let body: Vec<u8> = kept.flat_map(|(document, _)| *document).flat_map(|line| [line, &b"\n"[..]].concat()).collect();
    let answer = match body.is_empty() {
        true => Answer::json(200, r#"{"took":1,"errors":false,"items":[]}"#.to_owned()),
        false => forward(client, target, asked, &body).await?,
    };
    Ok(merged(answer, &documents, errors))
}
