//! A real Elasticsearch for tests, started from Maven artifacts, or the one that `JOBMARKET_TEST_ELASTICSEARCH` names.
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace, from any of its crates.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.join("tests/elasticsearch").is_dir() { here.to_owned() } else { here.join("..") }
}

/// The version that is tested by default.
const VERSION: &str = "8.19.5";

/// A node on loopback, until it is dropped.
pub struct Node {
    pub url: String,
    port: u16,
    version: String,
    java: Option<PathBuf>,
    process: Option<String>,
}

impl Node {
    /// Starts a node on a free port, with data of its own.
    pub fn start() -> Self {
        if let Ok(url) = std::env::var("JOBMARKET_TEST_ELASTICSEARCH") {
            return Node { url, port: 0, version: String::new(), java: None, process: None };
        }
        Self::of(VERSION, None)
    }

    /// A node of another version, on a Java that is new enough for it. Where it cannot be tested that is printed, past
    /// the capture of tests.
    #[allow(dead_code, reason = "not every test is run on each version")]
    pub fn start_version(version: &str) -> Option<Self> {
        let why = match (std::env::var("JOBMARKET_TEST_ELASTICSEARCH"), java(21)) {
            (Ok(_), _) => "JOBMARKET_TEST_ELASTICSEARCH names the server that is tested",
            (Err(_), None) => "it needs a Java of 21 or later, in JAVA_HOME, in /usr/lib/jvm or on PATH",
            (Err(_), Some(home)) => return Some(Self::of(version, Some(home))),
        };
        let _ = writeln!(std::io::stderr(), "Elasticsearch {version} was NOT run: {why}");
        None
    }

    fn of(version: &str, java: Option<PathBuf>) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let mut node = Node { url, port, version: version.to_owned(), java, process: None };
        node.up();
        node
    }

    /// Starts it again on its own data.
    pub fn up(&mut self) {
        let root = root();
        let mut start = Command::new(root.join("tests/elasticsearch/start"));
        start.arg(root.join("target/elasticsearch")).args([&self.port.to_string(), &self.version]);
        start.envs(self.java.iter().map(|home| ("JAVA_HOME", home)));
        let started = start.output().unwrap();
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

/// The home of a Java with a compiler, of at least this version.
fn java(least: u32) -> Option<PathBuf> {
    let own = std::env::var_os("JAVA_HOME").map(PathBuf::from);
    let system = std::fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten().map(|entry| entry.path());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bins: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.join("javac").exists()).collect();
    // A link on PATH stands for the folder that it leads to.
    let homes =
        bins.iter().filter_map(|bin| Some(bin.join("javac").canonicalize().ok()?.parent()?.parent()?.to_owned()));
    own.into_iter().chain(system).chain(homes).find(|home| {
        let release = std::fs::read_to_string(home.join("release")).unwrap_or_default();
        let version = release.split("JAVA_VERSION=\"").nth(1).unwrap_or_default();
        let major = version.split(['.', '"', '-', '+']).next().and_then(|number| number.parse::<u32>().ok());
        major.is_some_and(|major| major >= least) && home.join("bin/javac").exists()
    })
}
