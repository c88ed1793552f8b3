//! A project whose offers are in a server that somebody is about to change.
use std::process::Stdio;
use std::time::Duration;

use sandbox::Site;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::hand::{behind, hand};
use crate::node::Node;
use crate::project::{Project, error, out};

/// Offers of the site: a page of `export` is full, and there is another one.
pub const OFFERS: usize = 600;

/// Commands that read the store, and whether each ends with an error when that cannot be read.
pub const READERS: [(&str, bool); 6] = [
    ("search", true),
    ("export", true),
    ("verify", true),
    ("why KEY", true),
    ("retention --dry-run", true),
    ("status", false),
];

pub struct Bench {
    pub node: Node,
    pub project: Project,
}

impl Bench {
    pub async fn new() -> Self {
        let bench = Bench { node: Node::start(), project: Project::new(0, OFFERS).await };
        bench.at(&bench.node.url);
        bench.project.done(&["run", "remotive"]).await;
        bench.hand("POST", "jobmarket-offers/_refresh", Value::Null).await;
        bench
    }

    /// Where the store is.
    pub fn at(&self, url: &str) {
        let store = format!("store: {{elasticsearch: {{url: \"{url}\"}}}}\n");
        self.project.pipelines("1000/s", &store, "sinks: [store]");
    }

    pub async fn hand(&self, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        hand(&self.node, method, path, &body).await
    }

    pub async fn index(&self) -> String {
        behind(&self.node, "jobmarket-offers-write").await
    }

    pub async fn set(&self, index: &str, setting: &str, value: Value) {
        self.hand("PUT", &format!("{index}/_settings"), json!({setting: value})).await;
    }

    pub async fn aliases(&self, actions: Value) {
        self.hand("POST", "_aliases", json!({"actions": actions})).await;
    }

    pub fn key(&self, number: usize) -> String {
        self.project.sites.world(|world| world.truth(Site::Remotive)[number].id.clone())
    }

    /// What a command prints, and whether it succeeds.
    pub async fn says(&self, command: &str) -> (String, bool) {
        let key = self.key(7);
        let words: Vec<&str> = command.split(' ').map(|word| if word == "KEY" { &key } else { word }).collect();
        let output = self.project.told(&words).await;
        (out(&output) + &error(&output), output.status.success())
    }

    /// Every command that reads says this, and not the words of the server alone.
    pub async fn readers_say(&self, expect: &[&str]) {
        for (command, fails) in READERS {
            let (said, well) = self.says(command).await;
            assert!(expect.iter().all(|part| said.contains(part)), "{command} {expect:?}: {said}");
            assert!(!said.contains("status 4") && !said.contains("(not in the store)"), "{command}: {said}");
            assert_eq!(well, !fails, "{command}: {said}");
        }
    }

    /// A run waits with this message, until it is interrupted.
    pub async fn run_says(&self, expect: &[&str]) {
        let mut command = self.project.command(&["run", "remotive", "--log", "text"]);
        let mut running = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut told = running.stderr.take().unwrap();
        let mut said = String::new();
        let heard = async {
            let mut bytes = [0; 4_096];
            while !expect.iter().all(|part| said.contains(part)) {
                match told.read(&mut bytes).await.unwrap() {
                    0 => break,
                    count => said.push_str(&String::from_utf8_lossy(&bytes[..count])),
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(30), heard).await;
        running.kill().await.unwrap();
        assert!(expect.iter().all(|part| said.contains(part)), "{expect:?}: {said}");
        assert!(!said.contains("free disk space") && !said.contains("run again when"), "{said}");
    }
}
