//! A real Elasticsearch for tests, started from Maven artifacts, or the one that `JOBMARKET_TEST_ELASTICSEARCH` names.
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace, from any of its crates.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.join("tests/elasticsearch").is_dir() { here.to_owned() } else { here.join("..") }
}

/// A node on loopback, until it is dropped.
pub struct Node {
    pub url: String,
    port: u16,
    process: Option<String>,
}

impl Node {
    /// Starts a node on a free port, with data of its own.
    pub fn start() -> Self {
        if let Ok(url) = std::env::var("JOBMARKET_TEST_ELASTICSEARCH") {
            return Node { url, port: 0, process: None };
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut node = Node { url: format!("http://127.0.0.1:{port}"), port, process: None };
        node.up();
        node
    }

    /// Starts it again on its own data.
    pub fn up(&mut self) {
        let root = root();
        let started = Command::new(root.join("tests/elasticsearch/start"))
            .arg(root.join("target/elasticsearch"))
            .arg(self.port.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "Elasticsearch needs Java 17 or later, Maven and curl: {said}");
        self.process = Some(String::from_utf8_lossy(&started.stdout).trim().to_owned());
    }

    /// Kills it with `SIGKILL`.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            // One that is gone already is as dead.
            let _ = Command::new("kill").args(["-9", &process]).status();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        if self.port > 0 {
            let _ = std::fs::remove_dir_all(root().join(format!("target/elasticsearch/home-{}", self.port)));
        }
    }
}
