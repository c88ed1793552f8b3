//! Faults of the machine: a disk that is full and freed again, a data directory that cannot be written, a killed start in
//! the middle of both. A small disk of its own lives in one shell script, as it goes with its namespace.
use std::process::Stdio;

use crate::project::{Project, secrets};
use crate::schedule::Schedule;
use crate::tally::Tally;
use crate::verdict::Verdict;

/// Runs on a disk of 6 MiB: as it is, with no room left, without the right to write, and as it is again. What is left is
/// copied to the data directory. Each start tells how it ended.
const DISK: &str = r#"
set -u
mkdir -p "$DATA" && mount -t tmpfs -o size=6m tmpfs "$DATA" || exit 77
start() { name=$1; shift; "$BINARY" --project "$PROJECT" --data "$DATA" "$@" --log text > /dev/null 2> "$PROJECT/said"; echo "$name $?"; cat "$PROJECT/said" >&2; }
fill() { dd if=/dev/zero of="$DATA/filler" bs=4096 2> /dev/null; truncate -s -"$1" "$DATA/filler" || true; }
for room in 0 16384 131072 524288; do
    fill $room; start full sweep francetravail; start full sweep arbeitnow; rm -f "$DATA/filler"
done
start room run francetravail
mount -o remount,ro "$DATA" && start readonly sweep arbeitnow; mount -o remount,rw "$DATA"
start room run smartrecruiters
cp -a "$DATA" "$LEFT"
"#;

/// Where no disk can be mounted: files may not grow above a limit, which is what a full disk is to whoever writes.
const LIMIT: &str = r#"
set -u
trap '' XFSZ
start() { name=$1; shift; "$BINARY" --project "$PROJECT" --data "$DATA" "$@" --log text > /dev/null 2> "$PROJECT/said"; echo "$name $?"; cat "$PROJECT/said" >&2; }
for blocks in 64 256 600; do
    (ulimit -f $blocks; start full sweep francetravail; start full sweep arbeitnow)
done
start room run francetravail
start room run smartrecruiters
"#;

/// What a script said of each start.
struct Told {
    starts: Vec<(String, i32)>,
    said: String,
}

async fn script(project: &Project, text: &str, own_disk: bool) -> Option<Told> {
    let mut command = tokio::process::Command::new(if own_disk { "unshare" } else { "sh" });
    if own_disk {
        command.args(["-Urm", "sh"]);
    }
    command.args(["-c", text]);
    let data = if own_disk { project.dir.path().join("disk") } else { project.data.clone() };
    command
        .env("BINARY", env!("CARGO_BIN_EXE_jobmarket"))
        .env("PROJECT", project.dir.path())
        .env("DATA", data)
        .env("LEFT", &project.data)
        .envs(secrets())
        .stdin(Stdio::null());
    let output = command.output().await.ok()?;
    if own_disk && !output.status.success() {
        return None;
    }
    let starts = String::from_utf8_lossy(&output.stdout).into_owned();
    let starts = starts.lines().filter_map(|line| line.split_once(' '));
    let starts = starts.map(|(name, code)| (name.to_owned(), code.parse().unwrap())).collect();
    Some(Told { starts, said: String::from_utf8_lossy(&output.stderr).into_owned() })
}

/// A full disk and a data directory that cannot be written: each start says so, and nothing is lost or wrong afterwards.
pub async fn machine(seed: u64, tally: &mut Tally) -> Verdict {
    let mut schedule = Schedule::new(seed, None, tally).await;
    let told = match script(&schedule.project, DISK, true).await {
        Some(told) => {
            eprintln!("machine: a disk of its own, mounted in a namespace");
            let read_only = told.starts.iter().filter(|(name, code)| name == "readonly" && *code != 0).count();
            assert_eq!(read_only, 1, "a data directory that cannot be written ends the start: {}", told.said);
            schedule.tally.seen.meet("read-only data directory", 1);
            told
        }
        None => {
            eprintln!(
                "machine: no disk can be mounted here; a limit of file sizes stands for it, nothing for read-only"
            );
            script(&schedule.project, LIMIT, false).await.unwrap()
        }
    };
    let full = told.starts.iter().filter(|(name, code)| name == "full" && *code != 0).count();
    assert!(full >= 3, "{full} starts met the full disk: {:?}: {}", told.starts, told.said);
    schedule.tally.seen.meet("full disk", full as u64);
    let room = told.starts.iter().filter(|(name, code)| name == "room" && *code == 0).count();
    assert_eq!(room, 2, "with room again a run is complete: {:?}: {}", told.starts, told.said);
    schedule.overhear(told.said);
    schedule.close().await
}
