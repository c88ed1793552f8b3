//! One start of the binary, disturbed as ordered: killed, ended at a named point, interrupted, held, its clock moved.
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::clock::Jump;
use crate::project::Project;

/// What happens to the process.
#[derive(Clone, Debug)]
pub enum Disturb {
    /// Nothing.
    Nothing,
    /// A signal, after so long.
    Signal(&'static str, Duration),
    /// It is stopped after so long, and goes on after so long again.
    Hold(Duration, Duration),
    /// It ends by itself when it comes to a named point for the n-th time.
    Crash(&'static str, u32),
    /// Its clock is another one, or jumps.
    Clock(Jump),
}

/// How a start ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Its events, in order.
    pub events: Vec<Value>,
    /// Everything that it printed.
    pub said: String,
    /// Whether it was ended or held before it had ended by itself.
    pub met: bool,
}

/// SIGKILL and SIGABRT, as they end a process.
pub const KILLED: [i32; 2] = [9, 6];

/// No start takes longer; one that does hangs.
const LONGEST: Duration = Duration::from_secs(180);

impl Ended {
    /// The last event of a kind.
    pub fn last(&self, kind: &str) -> Option<&Value> {
        self.events.iter().rev().find(|event| event["event"] == kind)
    }
}

/// Starts the binary, disturbs it, waits until it has ended, and takes in what it said.
pub async fn drive(project: &Project, args: &[&str], disturb: &Disturb) -> Ended {
    let mut command = project.command(args);
    match disturb {
        Disturb::Crash(point, times) => {
            command.env("JOBMARKET_CRASH", format!("{point}:{times}"));
        }
        Disturb::Clock(jump) => jump.apply(&mut command),
        _ => {}
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let said = tokio::spawn(async move {
        let (mut text, mut more) = (Vec::new(), Vec::new());
        let (first, second) = tokio::join!(out.read_to_end(&mut text), err.read_to_end(&mut more));
        first.and(second).unwrap();
        (String::from_utf8_lossy(&text).into_owned(), String::from_utf8_lossy(&more).into_owned())
    });
    let mut met = false;
    if let Disturb::Signal(_, after) | Disturb::Hold(after, _) = disturb
        && tokio::time::timeout(*after, child.wait()).await.is_err()
    {
        met = true;
        match disturb {
            Disturb::Hold(_, held) => {
                signal(pid, "STOP").await;
                tokio::time::sleep(*held).await;
                signal(pid, "CONT").await;
            }
            Disturb::Signal(name, _) => signal(pid, name).await,
            _ => {}
        }
    }
    let ended = tokio::time::timeout(LONGEST, child.wait()).await;
    let status = ended.unwrap_or_else(|_| panic!("{args:?} under {disturb:?} does not end")).unwrap();
    let (out, err) = said.await.unwrap();
    let events = out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    met |= matches!(disturb, Disturb::Crash(..)) && status.signal() == Some(6) || matches!(disturb, Disturb::Clock(_));
    Ended { code: status.code(), signal: status.signal(), events, said: out + &err, met }
}

/// Sends a signal; a process that is gone already needs none.
pub async fn signal(pid: u32, name: &str) {
    tokio::process::Command::new("kill").args([format!("-{name}"), pid.to_string()]).output().await.unwrap();
}
