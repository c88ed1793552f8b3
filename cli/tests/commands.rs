//! `docs/reference/commands.md` is what the binary says of itself. `JOBMARKET_BLESS=1` writes it again.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

fn help(path: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_jobmarket")).args(path).arg("--help").output().unwrap();
    assert!(output.status.success(), "{path:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned() + "\n"
}

/// The commands that a help text lists.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_commands_page_is_fresh() {
    let mut page = String::from(
        "<!-- Generated; `JOBMARKET_BLESS=1 cargo test -p jobmarket-cli --test commands` writes it again. -->\n# Commands\n",
    );
    let root = help(&[]);
    page += &format!("\n```text\n{root}```\n");
    for name in commands(&root) {
        let text = help(&[&name]);
        page += &format!("\n## {name}\n\n```text\n{text}```\n");
        for below in commands(&text) {
            page += &format!("\n### {name} {below}\n\n```text\n{}```\n", help(&[&name, &below]));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/commands.md");
    if std::env::var_os("JOBMARKET_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/reference/commands.md is stale");
}

#[test]
fn explain_knows_keys_findings_conversions_fields_and_sources() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let explain = |name: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_jobmarket"))
            .args(["--project", &project.display().to_string(), "explain", name])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let check = |name: &str, expect: &str| assert!(explain(name).contains(expect), "{name}: {}", explain(name));
    check("pages.offset", "How many records were passed");
    check("on_error", "key detail.on_error of sources/NAME.yaml");
    check("split.above", "halves the window");
    check("unknown-key", "finding unknown-key");
    check("salary", "gives");
    check("salary.min", "field salary.min");
    check("francetravail", "source francetravail");
    check("pages.ofset", "did you mean `pages.offset`");
}

/// The shipped project.
fn shipped() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").display().to_string()
}

#[test]
fn check_names_what_runs_with_a_later_version_and_the_readme_counts_it() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_jobmarket")).args(["--project", &shipped(), "check"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let later = "6 sources are only checked, and run with a later version: hellowork, indeed-feed, linkedin, ";
    assert!(said.contains("25 sources, ") && said.contains(later), "{said}");
    assert!(said.contains("schedules wait for the daemon of a later version"), "{said}");
    let readme = std::fs::read_to_string(Path::new(&shipped()).join("README.md")).unwrap();
    assert!(readme.contains("holds 25 of them; six need a decoder of a later version"));
}

#[test]
fn the_demo_says_commands_that_work_as_it_was_called() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo").display().to_string();
    let binary = Path::new(env!("CARGO_BIN_EXE_jobmarket"));
    let told = |path: &str, name: &OsStr| {
        let mut command = Command::new(binary);
        command.arg0(name);
        command.args(["--project", &shipped(), "--data", &data, "demo", "--offers", "60"]).env("PATH", path);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        let next = said.lines().skip_while(|line| !line.starts_with("Three commands")).skip(1);
        next.map(|line| line.trim().to_owned()).collect::<Vec<String>>()
    };
    let next = told("/usr/bin:/bin", binary.as_os_str());
    assert!(next.len() == 3 && next[0].starts_with(&binary.display().to_string()), "{next:?}");
    for line in &next {
        let output = Command::new("/bin/sh").args(["-c", line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let deep = format!("{} --after 10000", next[0]);
    let output = Command::new("/bin/sh").args(["-c", &deep]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("`after` reaches 10000 hits deep at most"), "{said}");
    let folder = binary.parent().unwrap().display().to_string();
    assert!(told(&format!("/usr/bin:{folder}"), binary.as_os_str())[0].starts_with("jobmarket --project "));
    let next = told("/usr/bin:/bin", OsStr::from_bytes(b"./caf\xe9"));
    assert!(next[0].starts_with("./caf"), "a name that is no text is shown as well as it can be: {next:?}");
}
