//! A small project, the program run on it, and all that it left behind.
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A project in a folder of its own.
pub struct Project {
    pub dir: tempfile::TempDir,
}

impl Project {
    /// Sources by name, each with the text behind its name; `own` are lines of `pipelines.yaml`.
    pub fn new(sources: &[(&str, String)], own: &str) -> Self {
        let project = Project { dir: tempfile::tempdir().unwrap() };
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mappings/offer.yaml");
        project.write("mappings/offer.yaml", std::fs::read(schema).unwrap());
        let names: Vec<&str> = sources.iter().map(|(name, _)| *name).collect();
        let pipelines = format!(
            "pipelines:\n  - {{name: p, sources: [{}], sinks: [store, {{files: {{dir: log}}}}]}}\n",
            names.join(", ")
        );
        let pipelines = if own.is_empty() { pipelines } else { pipelines.replace(", {files: {dir: log}}]", "]") };
        project.write("pipelines.yaml", format!("{own}{pipelines}"));
        for (name, text) in sources {
            project.write(&format!("sources/{name}.yaml"), format!("source: {name}\n{text}"));
        }
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The program on this project, with little memory.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("sh");
        let script = "ulimit -v 4000000; exec \"$0\" \"$@\"";
        let program = std::env::var("JOBMARKET").unwrap_or_else(|_| env!("CARGO_BIN_EXE_jobmarket").to_owned());
        command.args(["-c", script, &program, "--project"]).arg(self.dir.path()).args(words);
        command.env_remove("CREDENTIALS_DIRECTORY");
        command
    }

    pub fn say(&self, words: &[&str]) -> Said {
        Said::of(self.command(words).output().unwrap())
    }

    /// What is under a folder of the project: name and content; pages of the archive unpacked, as far as `archive` shows.
    pub fn files(&self, folder: &str, archive: fn(&str) -> String) -> Vec<(String, String)> {
        let (mut found, mut folders) = (Vec::new(), vec![self.path(folder)]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
                let (path, name) = (entry.path(), entry.path().display().to_string());
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = std::fs::read(&path).unwrap();
                let text = match name.ends_with(".zst") {
                    true => archive(&String::from_utf8_lossy(&zstd::decode_all(&bytes[..]).unwrap())),
                    false => String::from_utf8_lossy(&bytes).into_owned(),
                };
                found.push((name, text));
            }
        }
        found
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    pub fn all(&self) -> String {
        format!("{}\n{}", self.out, self.err)
    }
}
