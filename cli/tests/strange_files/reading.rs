//! Files of a project that are no files, too large, or others than was meant.
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::play::Project;

/// Puts something at a path.
type Put = fn(&Path);

/// What stands in the place of a file, and what is said of it.
const INSTEAD: [(&str, Put); 6] = [
    ("it is a folder", |path| std::fs::create_dir(path).unwrap()),
    ("it is no file, but a pipe or a device", |path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }),
    ("it is no file, but a pipe or a device", |path| symlink("/dev/zero", path).unwrap()),
    ("cannot be read: ", |path| {
        let _socket = std::os::unix::net::UnixListener::bind(path).unwrap();
    }),
    ("cannot be read: ", |path| symlink(path.file_name().unwrap(), path).unwrap()),
    ("it is larger than 1 MiB", |path| std::fs::write(path, vec![b'#'; (1 << 20) + 1]).unwrap()),
];

#[test]
fn what_is_no_file_of_a_mebibyte_is_told_with_its_path() {
    let project = Project::new();
    let files = [
        "sources/s.yaml",
        "sources/shared/x.yaml",
        "mappings/offer.yaml",
        "mappings/lookups/x.yaml",
        "pipelines.yaml",
        ".env",
    ];
    for name in files {
        let path = project.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let before = std::fs::read(&path).ok();
        for (expect, put) in INSTEAD {
            let _ = std::fs::remove_file(&path);
            put(&path);
            for words in [&["check"][..], &["run"], &["status"], &["explain", "s"]] {
                let said = project.say_within(words, 600_000);
                assert!(said.err.contains(expect) || words[0] == "explain", "{name} {words:?}: {expect}: {said:?}");
                assert!(said.err.contains(name) || words[0] == "explain", "{name} {words:?}: {said:?}");
            }
            if path.is_dir() { std::fs::remove_dir(&path).unwrap() } else { std::fs::remove_file(&path).unwrap() }
        }
        if let Some(before) = before {
            std::fs::write(&path, before).unwrap();
        }
    }
    project.says(&["check"], 0, "0 findings");
}

#[test]
fn folders_of_a_project_that_are_no_folders_are_told() {
    let project = Project::new();
    std::fs::remove_dir_all(project.path("sources")).unwrap();
    for (_, put) in INSTEAD.into_iter().skip(1) {
        put(&project.path("sources"));
        let said = project.say(&["check"]);
        assert!(said.code == Some(1) && said.err.contains("sources"), "{said:?}");
        std::fs::remove_file(project.path("sources")).unwrap();
    }
}

/// A source that asks for each value of a list.
fn listed(project: &Project, path: &str, column: &str) {
    let more = format!("for: {{n: {{file: {{path: \"{path}\", column: \"{column}\"}}}}}}");
    project.source_asking("http://127.0.0.1:9/${for.n}", &more);
}

#[test]
fn a_list_is_a_file_of_the_project() {
    let project = Project::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("x.csv"), "a\n1\n").unwrap();
    project.write(".env", "TOKEN=CANARY\n");
    project.write("lists/good.csv", "dept,name\n75,Paris\n");
    symlink(outside.path().join("x.csv"), project.path("lists/link.csv")).unwrap();
    symlink(outside.path(), project.path("elsewhere")).unwrap();
    symlink("../.env", project.path("lists/env.csv")).unwrap();
    let written = [
        "/proc/self/environ",
        "../x.csv",
        "lists/../../x.csv",
        "/dev/zero",
        ".env",
        "lists/.hidden.csv",
        "",
        ".",
        "lists/..",
        "./.env",
    ];
    for path in written {
        listed(&project, path, "a");
        project.says(&["check"], 1, "names no list of the project");
    }
    let linked = ["lists/link.csv", "elsewhere/x.csv", "lists/env.csv"];
    for path in linked {
        listed(&project, path, "a");
        project.says(&["run", "s"], 1, "outside of the project's lists");
    }
    for (name, (expect, put)) in ["a", "b", "c", "d", "e"].into_iter().zip(INSTEAD) {
        put(&project.path(&format!("lists/{name}.csv")));
        listed(&project, &format!("lists/{name}.csv"), "a");
        let said = project.say_within(&["run", "s"], 600_000);
        // A link is told by where it ends, a socket and a loop in the words of the system.
        let told = said.err.contains(expect) || said.err.contains("outside of") || expect.contains("cannot");
        let place = format!("`for.n`: {}", project.path(&format!("lists/{name}.csv")).display());
        assert!(said.code == Some(1) && told && said.err.contains(&place), "{name}: {said:?}");
    }
    project.write("lists/large.csv", "a\n".repeat(9 << 20));
    listed(&project, "lists/large.csv", "a");
    project.says(&["run", "s"], 1, "it is larger than 16 MiB");
    project.write("lists/many.csv", format!("a\n{}", "1\n".repeat(1_000_001)));
    listed(&project, "lists/many.csv", "a");
    project.says(&["run", "s"], 1, "more than 1000000 values");
    // A project may be named by a link, and its list lie behind one within it.
    symlink("good.csv", project.path("lists/also.csv")).unwrap();
    listed(&project, "lists/also.csv", "dept");
    let said = project.say(&["run", "s"]);
    assert!(!said.err.contains("for.n"), "{said:?}");
}

#[test]
fn what_a_list_holds_is_in_no_message() {
    let project = Project::new();
    let canaries = [
        "CANARY-token-without-a-name\n",
        "TOKEN=CANARY,x\n1,2\n",
        "CANARY\nCANARY,CANARY\n",
        "x\n\"CANARY\n",
        "CANARY\u{1b}[2J,b\n",
    ];
    for text in canaries {
        project.write("list.csv", text);
        listed(&project, "list.csv", "dept");
        for words in [&["run", "s"][..], &["try", "s"], &["status"]] {
            let said = project.say(words);
            assert!(!format!("{said:?}").contains("CANARY"), "{text:?} {words:?}: {said:?}");
        }
    }
    project.write("list.csv", b"d\xe9pt\n1\n");
    project.says(&["run", "s"], 1, "it is not UTF-8 text");
    project.write("list.csv", "x,dept\n1,2,3\n");
    project.says(&["run", "s"], 1, "3 columns where the first line has 2");
    // What is nearly what was written is said: it was known.
    project.write("list.csv", "region,depts\n");
    project.says(&["run", "s"], 1, "there is no column `dept` among the 2 of its first line; did you mean `depts`?");
}
