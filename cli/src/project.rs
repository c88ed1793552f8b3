//! The project at hand: its definitions, its surroundings, its data directory.
use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jobmarket::definition::pipelines::Store;
use jobmarket::definition::{self, Definitions, Text, render};
use jobmarket::files::{self, Unread};
use jobmarket::finding::{self, Finding, any_error};
use jobmarket::plan::{Surroundings, data_of};
use jobmarket::state::Reader;

use crate::Place;
use crate::out;

/// Stands in a data directory that the demo made.
pub const DEMO: &str = "made-by-jobmarket-demo";

/// What a command works on.
pub struct Project {
    /// All definitions that could be read.
    pub definitions: Definitions,
    /// What was found in them.
    pub findings: Vec<Finding>,
    /// Environment, `.env` and credentials.
    pub surroundings: Surroundings,
    /// The data directory.
    pub data: PathBuf,
}

impl Project {
    /// Reads what is there; its faults are kept. For commands that tell of the files and touch no data.
    pub fn read(place: &Place) -> anyhow::Result<Self> {
        let (mut texts, unread) = files::readable(&place.project);
        // Known by its name, so that nothing else is said to be missing because it cannot be read.
        texts.extend(unread.iter().map(|unread| Text { path: unread.path.clone(), text: String::new() }));
        let (mut definitions, mut findings) = definition::read(&texts);
        findings.retain(|found| unread.iter().all(|unread| unread.path != found.place.file));
        findings.extend(unread.iter().map(cannot_be_read));
        let surroundings = surroundings(place);
        let data = match (&place.data, data_of(&definitions, &surroundings)) {
            (Some(data), _) => data.clone(),
            (None, Ok(written)) => {
                let named = written.or_else(|| surroundings.get("INGEST_OUTPUT_DIR").map(str::to_owned));
                within(&place.project, Path::new(named.as_deref().unwrap_or("data")))
            }
            (None, Err(found)) => {
                findings.extend(found);
                within(&place.project, Path::new("data"))
            }
        };
        if let Store::Elasticsearch(written) = &mut definitions.pipelines.store {
            written.ca = written.ca.take().map(|ca| within(&place.project, Path::new(&ca)).display().to_string());
        }
        if data.join(DEMO).exists() {
            // Simulated offers are in the embedded store, whatever the project says of real ones.
            definitions.pipelines.store = Store::Local;
        }
        Ok(Project { definitions, findings, surroundings, data })
    }

    /// Reads the project; errors in its files end the command.
    pub fn sound(place: &Place) -> anyhow::Result<Self> {
        let project = Self::read(place)?;
        project.is_there(place)?;
        if any_error(&project.findings) {
            project.tell(&project.findings);
            bail!("the files above have faults; nothing was done");
        }
        Ok(project)
    }

    /// An error where there is no file of a project at all.
    pub fn is_there(&self, place: &Place) -> anyhow::Result<()> {
        if self.definitions.files.is_empty() {
            bail!(
                "there is no project in {}: no `pipelines.yaml`, no `sources/`, no `mappings/`; go to a project's folder, or name it with `--project DIR`",
                place.project.display()
            );
        }
        Ok(())
    }

    /// The state of the data directory; an error where nothing was run into it yet, and then nothing is made.
    pub fn reader(&self) -> anyhow::Result<Reader> {
        Reader::open(&self.data)?.with_context(|| {
            format!(
                "nothing was run into {} yet; `jobmarket run SOURCE` first, or `jobmarket demo`",
                self.data.display()
            )
        })
    }

    /// Prints findings for a person.
    pub fn tell(&self, findings: &[Finding]) {
        out::styled(&render::text(findings, &self.definitions, std::io::stderr().is_terminal()));
    }
}

fn cannot_be_read(unread: &Unread) -> Finding {
    let place = finding::Place { file: unread.path.clone(), line: 1, column: 1, bytes: 0..0 };
    match unread.error.kind() {
        ErrorKind::InvalidData => {
            Finding::error("unreadable", place, "the file is not UTF-8 text").hint("save it as UTF-8")
        }
        _ => Finding::error("unreadable", place, format!("it cannot be read: {}", unread.error))
            .hint("is it open to this user?"),
    }
}

/// A path that a file of the project names: relative ones are relative to the project's folder.
pub fn within(project: &Path, path: &Path) -> PathBuf {
    if project == Path::new(".") { path.to_owned() } else { project.join(path) }
}

/// `$CREDENTIALS_DIRECTORY/NAME`, then the environment, then `.env`.
fn surroundings(place: &Place) -> Surroundings {
    let mut values = Vec::new();
    if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if let Ok(value) = std::fs::read_to_string(entry.path()) {
                values.push((entry.file_name().to_string_lossy().into_owned(), value.trim_end().to_owned()));
            }
        }
    }
    values.extend(std::env::vars());
    values.extend(dotenvy::from_path_iter(place.project.join(".env")).into_iter().flatten().flatten());
    Surroundings::new(values)
}
