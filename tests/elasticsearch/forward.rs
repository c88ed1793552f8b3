//! A request as it goes on to the server, and the answer as it comes back.
use std::io;

use super::answers::Answer;
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
