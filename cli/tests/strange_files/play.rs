//! A small project, and the program run on it with little memory and little time.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Address space of the program, in KiB: what is read without bound ends here.
const SPACE: u32 = 3_000_000;
/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A project in a folder of its own.
pub struct Project {
    pub dir: tempfile::TempDir,
}

/// What a command said.
#[derive(Debug)]
#[allow(dead_code, reason = "what was printed is shown when a test fails")]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Project {
    /// One source on an address where nobody listens.
    pub fn new() -> Self {
        let project = Project { dir: tempfile::tempdir().unwrap() };
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mappings/offer.yaml");
        project.write("mappings/offer.yaml", std::fs::read(schema).unwrap());
        project.write("pipelines.yaml", "pipelines:\n  - {name: p, sources: [s]}\n");
        project.source("");
        project
    }

    /// Writes the source, with more keys.
    pub fn source(&self, more: &str) {
        self.source_asking("http://127.0.0.1:9/a", more);
    }

    /// The same, which asks this address.
    pub fn source_asking(&self, address: &str, more: &str) {
        self.write("sources/s.yaml", self.text(address, more));
    }

    /// The text of the source.
    pub fn text(&self, address: &str, more: &str) -> String {
        format!(
            "source: s\nrequest: {{get: \"{address}\"}}\n{more}\nlimits: {{retry: {{attempts: 1}}}}\n\
             records: $.rows[*]\nkey: $.id\nmap:\n  title: $.title\n  url: $.url\n"
        )
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The program on this project, with so much address space, in KiB.
    pub fn command(&self, words: &[&str], space: u32) -> Command {
        let mut command = Command::new("sh");
        let script = format!("ulimit -v {space}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_jobmarket"), "--project"]).arg(self.dir.path()).args(words);
        command.env_remove("CREDENTIALS_DIRECTORY").env_remove("INGEST_OUTPUT_DIR");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What it says; it has to end.
    pub fn say(&self, words: &[&str]) -> Said {
        self.say_within(words, SPACE)
    }

    /// The same with so much address space, in KiB.
    pub fn say_within(&self, words: &[&str], space: u32) -> Said {
        ended(self.command(words, space), &format!("{words:?}"))
    }

    /// A command that ends with a code, and says these words on stderr.
    pub fn says(&self, words: &[&str], code: i32, expect: &str) -> Said {
        let said = self.say(words);
        assert!(said.code == Some(code) && said.err.contains(expect), "{words:?}: expected {expect:?}: {said:?}");
        said
    }
}

/// Runs a command to its end.
pub fn ended(mut command: Command, name: &str) -> Said {
    let mut child = command.spawn().unwrap();
    let read = |mut from: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = read(Box::new(child.stdout.take().unwrap()));
    let err = read(Box::new(child.stderr.take().unwrap()));
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() > PATIENCE => {
                child.kill().unwrap();
                panic!("{name} does not end");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    Said { code: status.code(), out: out.join().unwrap(), err: err.join().unwrap() }
}
