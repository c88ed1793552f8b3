//! The data directory: who may read it, and what another user may have put there.
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::play::{Project, Said, ended};
use crate::site;

/// A project whose site brings two offers, with a change log besides the store.
fn project(site: &str) -> Project {
    let project = Project::new();
    project.write("pipelines.yaml", "pipelines:\n  - {name: p, sources: [s], sinks: [store, files: {dir: log}]}\n");
    project.source_asking(site, "");
    project
}

/// The program under a mask of rights.
fn masked(project: &Project, umask: &str, words: &[&str]) -> Said {
    let mut command = Command::new("sh");
    let script = format!("umask {umask}; exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_jobmarket"), "--project"]).arg(project.dir.path()).args(words);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    ended(command, &format!("{words:?}"))
}

/// All files and folders below a folder, that one among them.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(below(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

fn rights(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn nobody_else_reads_what_is_written() {
    let site = site::offers();
    for umask in ["000", "022", "077"] {
        let project = project(&site);
        let copy = project.path("copy").display().to_string();
        for words in [&["run", "s"][..], &["search", "t"], &["backup", &copy]] {
            let said = masked(&project, umask, words);
            assert_eq!(said.code, Some(0), "{words:?}: {said:?}");
            assert!(!said.err.contains("open to other users"), "{said:?}");
        }
        for path in [below(&project.path("data")), below(&project.path("copy"))].concat() {
            let mode = std::fs::metadata(&path).unwrap().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "umask {umask}: {}: {mode:o}", path.display());
        }
        assert!(project.path("data/raw/s").is_dir() && project.path("data/log/s").is_dir());
    }
}

#[test]
fn what_is_open_to_others_is_told_with_the_call_that_mends_it() {
    let site = site::offers();
    let project = project(&site);
    project.write(".env", "TOKEN=x\n");
    project.write("creds/TOKEN", "x");
    std::fs::create_dir(project.path("data")).unwrap();
    for (name, mode) in
        [("data", 0o777), ("data", 0o755), ("data", 0o750), (".env", 0o666), (".env", 0o640), ("creds/TOKEN", 0o644)]
    {
        for (private, mode) in [("data", 0o700), (".env", 0o600), ("creds/TOKEN", 0o440)] {
            rights(&project.path(private), mode);
        }
        rights(&project.path(name), mode);
        for words in [&["check"][..], &["run", "s"], &["status"]] {
            let mut command = project.command(words, 3_000_000);
            command.env("CREDENTIALS_DIRECTORY", project.path("creds"));
            let said = ended(command, name);
            let (open, remedy) = (format!("is open to other users (mode {mode:o})"), "chmod -R go= ");
            assert!(said.err.contains(&open) && said.err.contains(remedy), "{name} {mode:o} {words:?}: {said:?}");
            assert_eq!(said.err.matches("is open to other users").count(), 1, "{name} {mode:o} {words:?}: {said:?}");
            assert_eq!(said.code, Some(0), "{name} {mode:o} {words:?}: {said:?}");
        }
    }
    for name in [".env", "data"] {
        assert!(Command::new("chmod").args(["-R", "go="]).arg(project.path(name)).status().unwrap().success());
    }
    let said = project.say(&["run", "s"]);
    assert!(!said.err.contains("open to other users"), "{said:?}");
}

#[test]
fn no_link_in_a_data_directory_is_followed() {
    let site = site::offers();
    let names = [
        "lock",
        "state.db",
        "state.db-wal",
        "state.db-shm",
        "archive.lock",
        "raw",
        "raw/s",
        "raw/s/000000.warc.zst",
        "log",
        "log/s",
        "log/s/1.ndjson",
        "index",
    ];
    for name in names {
        let project = project(&site);
        let outside = tempfile::tempdir().unwrap();
        let foreign = outside.path().join("foreign");
        let is_folder = matches!(name, "raw" | "raw/s" | "log" | "log/s" | "index");
        match is_folder {
            true => std::fs::create_dir(&foreign).unwrap(),
            false => std::fs::write(&foreign, "the text of somebody else\n").unwrap(),
        }
        let path = project.path("data").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(&foreign, &path).unwrap();
        let copy = project.path("copy").display().to_string();
        let mut told = false;
        for words in [&["run", "s"][..], &["search", "t"], &["retention"], &["verify"], &["backup", &copy]] {
            let said = project.say(words);
            told |= said.code == Some(1) && said.err.contains("no link is followed");
        }
        assert!(told, "{name}: a link is told");
        match is_folder {
            true => assert_eq!(below(&foreign).len(), 1, "{name}"),
            false => assert_eq!(std::fs::read(&foreign).unwrap(), b"the text of somebody else\n", "{name}"),
        }
    }
}

#[test]
fn a_data_directory_and_an_archive_elsewhere_may_be_named_by_links() {
    let site = site::offers();
    let project = project(&site);
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir(outside.path().join("data")).unwrap();
    std::fs::create_dir(outside.path().join("disk")).unwrap();
    rights(&outside.path().join("data"), 0o700);
    symlink(outside.path().join("data"), project.path("data")).unwrap();
    symlink(outside.path().join("disk"), outside.path().join("mnt")).unwrap();
    let mnt = outside.path().join("mnt").display().to_string();
    project.write(
        "pipelines.yaml",
        format!(
            "archive: {{dir: {mnt}/raw}}\npipelines:\n  - {{name: p, sources: [s], sinks: [store, files: {{dir: {mnt}/log}}]}}\n"
        ),
    );
    let copy = project.path("copy").display().to_string();
    for words in
        [&["run", "s"][..], &["search", "t"], &["verify"], &["replay", "s"], &["backup", "--without-archive", &copy]]
    {
        let said = project.say(words);
        assert_eq!(said.code, Some(0), "{words:?}: {said:?}");
    }
    assert!(outside.path().join("disk/raw/s/000000.warc.zst").is_file());
    assert!(outside.path().join("disk/log/s/1.ndjson").is_file());
    // A pipe in the place of a file is no file, and nobody waits for its other end.
    let project = self::project(&site);
    std::fs::create_dir_all(project.path("data")).unwrap();
    assert!(Command::new("mkfifo").arg(project.path("data/lock")).status().unwrap().success());
    project.says(&["run", "s"], 1, "lock");
}

#[test]
fn a_pipe_in_the_place_of_a_database_is_told_by_every_command() {
    let site = site::offers();
    for name in ["state.db", "state.db-wal", "state.db-shm", "state.db-journal"] {
        let project = self::project(&site);
        if name != "state.db" {
            project.says(&["run", "s"], 0, "");
        }
        std::fs::create_dir_all(project.path("data")).unwrap();
        // What SQLite left there when it ended takes no part.
        let _ = std::fs::remove_file(project.path("data").join(name));
        assert!(Command::new("mkfifo").arg(project.path("data").join(name)).status().unwrap().success());
        for words in [
            &["run", "s"][..],
            &["status"],
            &["search", "x"],
            &["verify"],
            &["why", "1"],
            &["export"],
            &["replay", "s"],
            &["retention"],
            &["quarantine", "list"],
            &["backup", "elsewhere"],
        ] {
            let said = project.say(words);
            assert!(said.code == Some(1) && said.err.contains(name), "{name} {words:?}: {said:?}");
        }
    }
}
