//! `tests/run` on machines that lack something: what is installed, what is said, and which tests are left out.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// A machine: the programs that it has besides the shell's own.
struct Machine {
    bin: tempfile::TempDir,
}

/// What a run came to.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Machine {
    /// One with these tools, and `cargo` that prints how it is called.
    fn with(tools: &[&str]) -> Self {
        let machine = Machine { bin: tempfile::tempdir().unwrap() };
        for own in ["bash", "env", "dirname", "basename", "grep", "sed", "cat", "chmod"] {
            let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(own));
            let found = found.iter().find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(found, machine.bin.path().join(own)).unwrap();
        }
        machine.tool("cargo", "echo cargo \"$@\"");
        machine.tool("id", "echo 1000");
        tools.iter().for_each(|tool| machine.tool(tool, "true"));
        machine
    }

    fn tool(&self, name: &str, script: &str) {
        let path = self.bin.path().join(name);
        std::fs::write(&path, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// `apt-get` that installs what these packages hold.
    fn apt(&self, holds: &[(&str, &str)]) {
        let bin = self.bin.path().display();
        let mut script = "echo apt-get \"$@\"\n".to_owned();
        for (package, tool) in holds {
            let make = format!("echo '#!/usr/bin/env bash' > {bin}/{tool}; chmod +x {bin}/{tool}");
            script += &format!("case \" $* \" in *\" install \"*\" {package} \"*) {make};; esac\n");
        }
        self.tool("apt-get", &script);
    }

    fn run(&self, env: &[(&str, &str)]) -> Said {
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run");
        let mut command = Command::new(run);
        command.env_clear().env("PATH", self.bin.path()).envs(env.iter().copied()).arg("--quiet");
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

const JAVA: [(&str, &str); 3] = [("default-jdk-headless", "java"), ("maven", "mvn"), ("curl", "curl")];

#[test]
fn where_nothing_is_missing_nothing_is_said() {
    let machine = Machine::with(&["cc", "java", "mvn", "curl"]);
    machine.apt(&[]);
    let said = machine.run(&[]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "cargo test --workspace --quiet\n", ""));
}

#[test]
fn root_installs_what_is_missing() {
    let machine = Machine::with(&[]);
    machine.tool("id", "echo 0");
    machine.apt(&[JAVA[0], JAVA[1], JAVA[2], ("gcc", "cc")]);
    let said = machine.run(&[("JOBMARKET_ALL_TESTS", "1")]);
    assert_eq!((said.code, said.out.as_str()), (0, "cargo test --workspace --quiet\n"), "{}", said.err);
    assert!(said.err.contains("apt-get install -y -qq gcc libc6-dev ca-certificates"), "{}", said.err);
    assert!(said.err.contains("apt-get install -y -qq default-jdk-headless maven curl"), "{}", said.err);
}

#[test]
fn sudo_is_used_where_it_asks_for_no_password() {
    let machine = Machine::with(&["cc", "java", "mvn"]);
    machine.tool("sudo", "echo sudo; [ \"$1\" = -n ] && shift && exec \"$@\"");
    machine.apt(&JAVA);
    let said = machine.run(&[]);
    assert_eq!((said.code, said.out.as_str()), (0, "cargo test --workspace --quiet\n"), "{}", said.err);
    assert!(said.err.contains("apt-get install -y -qq curl"), "{}", said.err);
}

#[test]
fn what_cannot_be_installed_is_said_once_with_what_is_left_out() {
    let machine = Machine::with(&["cc", "curl"]);
    // `sudo` wants a password, and nobody is there to type it.
    machine.tool("sudo", "exit 1");
    machine.apt(&JAVA);
    let said = machine.run(&[]);
    let told = "missing, and not to be installed from here:\n  java (default-jdk-headless)\n  mvn (maven)\nleft out: ";
    assert!(said.code == 0 && said.err.contains(told), "{}: {}", said.code, said.err);
    assert!(said.out.starts_with("cargo test --workspace --lib --bins --test "), "{}", said.out);
    assert!(said.out.contains("--test engine ") && said.out.contains("--test field "), "{}", said.out);
    assert!(!said.out.contains("--test elastic ") && !said.out.contains("--test faults "), "{}", said.out);
    assert_eq!(machine.run(&[("JOBMARKET_ALL_TESTS", "1")]).code, 1);
    let own = machine.run(&[("JOBMARKET_TEST_ELASTICSEARCH", "http://127.0.0.1:1")]);
    assert_eq!((own.code, own.out.as_str(), own.err.as_str()), (0, "cargo test --workspace --quiet\n", ""));
}

#[test]
fn without_a_compiler_all_that_is_missing_is_said_in_one_message() {
    let machine = Machine::with(&["java"]);
    std::fs::remove_file(machine.bin.path().join("cargo")).unwrap();
    let said = machine.run(&[]);
    let told = "missing, and not to be installed from here:\n  cargo (Rust 1.95 or later, from rustup.rs)\n  cc (gcc,libc6-dev,ca-certificates)\n  mvn (maven)\n  curl (curl)\nno test can be run";
    assert!(said.code == 1 && said.err.starts_with(told) && said.out.is_empty(), "{}: {}", said.code, said.err);
}
