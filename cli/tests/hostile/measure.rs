//! Runs the program on a hostile site and looks at its memory.
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::site::Site;
use crate::table::Case;

/// What a run needed and said.
pub struct Measured {
    /// Most anonymous memory, in KiB.
    pub anonymous: u64,
    pub seconds: f64,
    /// The beginning of what it printed.
    pub said: String,
    /// Its exit code; none where it was killed.
    pub code: Option<i32>,
}

/// A run that has not ended by then does work that is not linear.
const LIMIT: Duration = Duration::from_secs(120);
/// How often the memory is looked at.
const LOOK: Duration = Duration::from_millis(2);
/// Bytes of the output that are kept.
const SAID: usize = 4_000;

/// Runs a case.
pub fn run(case: &Case) -> Measured {
    let site = Site::start(case.answer.clone());
    let folder = tempfile::tempdir().unwrap();
    write_project(folder.path(), &case.source.replace("{site}", &site.origin), &site.origin, case.pipelines);
    let log = folder.path().join("said");
    let mut last = watched(case, folder.path(), &log);
    for _ in 1..case.runs {
        last = watched(case, folder.path(), &log);
    }
    last
}

fn watched(case: &Case, folder: &Path, log: &Path) -> Measured {
    let file = File::create(log).unwrap();
    let began = Instant::now();
    // The limit of address space is the last guard: a test that fails must not take the machine down.
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -v 4000000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_jobmarket")])
        .args(case.command)
        .current_dir(folder)
        .env("K", "key-for-the-site")
        .env("P", "secret-for-the-site")
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (mut anonymous, mut ended) = (0, false);
    while !ended && began.elapsed() < LIMIT {
        anonymous = anonymous.max(anonymous_of(&status).unwrap_or(0));
        std::thread::sleep(LOOK);
        ended = child.try_wait().unwrap().is_some();
    }
    if !ended {
        child.kill().unwrap();
    }
    let code = child.wait().unwrap().code();
    let said = fs::read(log).unwrap();
    let said = String::from_utf8_lossy(&said[..said.len().min(SAID)]).into_owned();
    let code = code.filter(|code| *code < 128);
    Measured { anonymous, seconds: began.elapsed().as_secs_f64(), said, code }
}

fn anonymous_of(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("RssAnon"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn write_project(folder: &Path, source: &str, site: &str, pipelines: &str) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mappings/offer.yaml");
    fs::create_dir_all(folder.join("sources")).unwrap();
    fs::create_dir_all(folder.join("mappings")).unwrap();
    fs::copy(shipped, folder.join("mappings/offer.yaml")).unwrap();
    fs::write(folder.join("sources/x.yaml"), source).unwrap();
    fs::write(folder.join("pipelines.yaml"), pipelines.replace("{site}", site)).unwrap();
}
