//! The project, its node and a proxy before it; what commands print in a situation is held against the row for it.
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sandbox::Site;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;

use crate::hand::{behind, hand};
use crate::node::Node;
use crate::project::Project;
use crate::proxy::Proxy;
use crate::rows::Row;

/// Offers of the site.
const OFFERS: usize = 30;
/// A command that has not said by then what is expected is interrupted.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long one that has said it may take to end by itself.
const REST: Duration = Duration::from_millis(500);
/// A key as the server gives them.
pub const KEY: &str = "anVzdDphdGVzdA==";

pub struct Stage {
    pub node: Node,
    pub proxy: Proxy,
    pub project: Project,
    /// Each row, and whether a command showed it.
    rows: Vec<(Row, bool)>,
    faults: usize,
}

impl Stage {
    pub async fn new() -> Self {
        let node = Node::start();
        let proxy = Proxy::start(&node.url).await;
        let project = Project::new(0, OFFERS).await;
        let rows = Row::all().into_iter().map(|row| (row, false)).collect();
        let stage = Stage { node, proxy, project, rows, faults: 0 };
        stage.at_node();
        stage
    }

    /// Where the project finds its store.
    pub fn store(&self, written: &str) {
        self.project.pipelines("1000/s", &format!("store: {{elasticsearch: {written}}}\n"), "sinks: [store]");
    }

    pub fn at(&self, url: &str) {
        self.store(&format!("{{url: \"{url}\"}}"));
    }

    pub fn at_node(&self) {
        self.at(&self.node.url);
    }

    pub fn at_proxy(&self) {
        self.at(&self.proxy.url);
    }

    /// Somebody does something at the server.
    pub async fn hand(&self, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        hand(&self.node, method, path, &body).await
    }

    /// The index that is written.
    pub async fn index(&self) -> String {
        behind(&self.node, "jobmarket-offers-write").await
    }

    /// An empty server, and a project that ran never.
    pub async fn empty(&self) {
        for index in self.hand("GET", "_settings", Value::Null).await.as_object().unwrap().keys() {
            self.hand("DELETE", index, Value::Null).await;
        }
        let _ = std::fs::remove_dir_all(self.project.data());
        self.project.sites.world(|world| world.show(Site::Remotive, OFFERS, true));
        self.at_node();
    }

    /// The same with all offers of the site stored.
    pub async fn filled(&self) {
        self.empty().await;
        let (_, said) = self.project.done(&["run", "remotive"]).await;
        assert!(said.contains(&format!("({OFFERS} new)")), "{said}");
        self.hand("POST", "jobmarket-offers/_refresh", Value::Null).await;
    }

    /// The key of an offer at the site.
    pub fn offer(&self) -> String {
        self.project.sites.world(|world| world.truth(Site::Remotive)[0].id.clone())
    }

    /// Begins a command.
    pub fn begin(&self, command: &str) -> Running {
        let words: Vec<&str> = command.split_whitespace().collect();
        let mut child = self.project.command(&words);
        child.env("ES_API_KEY", KEY).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::of(child.spawn().unwrap())
    }

    /// Each of these commands shows the message of a row, and what to do. One that waits is interrupted.
    pub async fn shows(&mut self, message: &str, commands: &[&str]) {
        for command in commands {
            let mut running = self.begin(command);
            let row = &self.rows.iter().find(|(row, _)| row.message == message);
            running.until(|said| row.is_none_or(|(row, _)| row.is_in(said))).await;
            let said = running.end().await;
            self.holds(message, command, &said);
        }
    }

    /// What a command printed holds the message of a row, and what to do.
    pub fn holds(&mut self, message: &str, command: &str, said: &str) {
        let Some((row, shown)) = self.rows.iter_mut().find(|(row, _)| row.message == message) else {
            return self.fault(format!("`{message}` has no row; `{command}` prints:\n{said}"));
        };
        *shown = true;
        let faults = row.faults(said);
        if !faults.is_empty() {
            self.fault(format!("`{message}`: `{command}` {}:\n{said}", faults.join(", ")));
        }
    }

    /// Printed at once: what is wrong with one message hides nothing of the others.
    fn fault(&mut self, fault: String) {
        eprintln!("{fault}");
        self.faults += 1;
    }

    /// Every row was shown as it is written.
    pub fn judge(self) {
        let unshown = self.rows.iter().filter(|(_, shown)| !shown).map(|(row, _)| row.message.as_str());
        let unshown: Vec<&str> = unshown.collect();
        assert!(unshown.is_empty(), "no command here shows {unshown:?}");
        assert_eq!(self.faults, 0, "of the messages that are printed above");
    }
}

/// A command that runs, and what it has printed.
pub struct Running {
    child: Child,
    said: Arc<Mutex<String>>,
    listening: [tokio::task::JoinHandle<()>; 2],
}

impl Running {
    fn of(mut child: Child) -> Self {
        let said = Arc::new(Mutex::new(String::new()));
        let listening = [
            tokio::spawn(listen(child.stdout.take().unwrap(), said.clone())),
            tokio::spawn(listen(child.stderr.take().unwrap(), said.clone())),
        ];
        Running { child, said, listening }
    }

    /// Waits until it has printed something, or has ended.
    pub async fn until(&mut self, is_said: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && !is_said(&self.said.lock().unwrap()) && !self.has_ended() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What it printed until its end, to which it is brought by Ctrl-C if it must be.
    pub async fn end(self) -> String {
        self.end_within(REST).await
    }

    /// The same, with so much time to end by itself.
    pub async fn end_within(mut self, rest: Duration) -> String {
        if tokio::time::timeout(rest, self.child.wait()).await.is_err() {
            let process = self.child.id().unwrap().to_string();
            // One that has just ended needs no signal.
            let _ = std::process::Command::new("kill").args(["-INT", &process]).status();
            tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        }
        for listening in self.listening {
            listening.await.unwrap();
        }
        std::mem::take(&mut self.said.lock().unwrap())
    }
}

async fn listen(mut from: impl AsyncRead + Unpin, said: Arc<Mutex<String>>) {
    let mut bytes = [0; 4096];
    while let Ok(count) = from.read(&mut bytes).await
        && count > 0
    {
        said.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}
