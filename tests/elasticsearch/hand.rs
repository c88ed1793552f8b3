//! Somebody does something at the server by hand, past the program.
#![allow(dead_code, reason = "each test uses a part of it")]

use serde_json::Value;
use tokio::process::Command;

use super::node::Node;

/// One request to the node, which must succeed; its answer. An empty body is none.
pub async fn hand(node: &Node, method: &str, path: &str, body: &str) -> Value {
    let address = format!("{}/{path}", node.url);
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--globoff", "--fail-with-body", "-X", method, &address]);
    if !body.is_empty() {
        curl.args(["-H", "Content-Type: application/json", "-d", body]);
    }
    let output = curl.output().await.unwrap();
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{method} {path}: {answer}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&answer).unwrap()
}

/// The index behind an alias.
pub async fn behind(node: &Node, alias: &str) -> String {
    let found = hand(node, "GET", &format!("_alias/{alias}"), "").await;
    found.as_object().unwrap().keys().next().unwrap().clone()
}
