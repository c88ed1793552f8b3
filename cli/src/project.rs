//! The project at hand: its definitions, its surroundings, its data directory.
use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jobmarket::definition::pipelines::Store;
use jobmarket::definition::{self, Definitions, Text, render};
use jobmarket::files::{self, DataFile, Unread};
use jobmarket::finding::{self, Finding, Level, any_error};
use jobmarket::plan::{Surroundings, data_of};
use jobmarket::redact::hide;
use jobmarket::state::Reader;

use crate::out::counted;
use crate::{Place, environment, out};

/// The variable that names the data directory.
const DATA: &str = "INGEST_OUTPUT_DIR";

/// The file that declares the canonical offer.
const SCHEMA: &str = "mappings/offer.yaml";

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

/// Masks the secrets that files name, as far as they are set: a command that only shows what is there says none of them
/// either, and a site may have put one into what it published.
fn hide_secrets(texts: &[Text], surroundings: &Surroundings) {
    let is_name = |sign: &char| sign.is_ascii_alphanumeric() || *sign == '_';
    for text in texts {
        for behind in text.text.split("secret.").skip(1) {
            let name: String = behind.chars().take_while(is_name).collect();
            hide(surroundings.get(&name).map(|value| (name.clone(), value.to_owned().into())));
        }
    }
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
        let (surroundings, found) = environment::read(&place.project);
        hide_secrets(&texts, &surroundings);
        findings.extend(found);
        let data = match (&place.data, data_of(&definitions, &surroundings)) {
            (Some(data), _) => data.clone(),
            (None, Ok(written)) => {
                let named = written.or_else(|| surroundings.get(DATA).map(str::to_owned));
                if let Some(why) = surroundings.fault(DATA) {
                    let place = definitions.place("pipelines.yaml", &[]);
                    findings.push(Finding::error("unreadable", place, format!("`{DATA}` cannot be read: {why}")));
                }
                within(&place.project, Path::new(named.as_deref().unwrap_or("data")))
            }
            (None, Err(found)) => {
                findings.extend(found);
                within(&place.project, Path::new("data"))
            }
        };
        findings.extend(environment::mode(&data, 0o077));
        if let Store::Elasticsearch(written) = &mut definitions.pipelines.store {
            written.ca = written.ca.take().map(|ca| within(&place.project, Path::new(&ca)).display().to_string());
        }
        if data.join(DEMO).exists() {
            // Simulated offers are in the embedded store, whatever the project says of real ones.
            definitions.pipelines.store = Store::Local;
        }
        Ok(Project { definitions, findings, surroundings, data })
    }

    /// Reads the project for a command that works on sources. Errors in files that concern all of them end the command;
    /// of those that concern one, [`Project::faults_of`] tells when that source is wanted.
    pub fn sound(place: &Place) -> anyhow::Result<Self> {
        let project = Self::read(place)?;
        project.is_there(place)?;
        let shared = project.findings.iter().filter(|found| {
            !is_of_sources(&found.place.file) && project.definitions.source_used_at(&found.place).is_none()
        });
        let shared: Vec<Finding> = shared.cloned().collect();
        project.tell_modes();
        if any_error(&shared) {
            project.tell(&shared);
            bail!("the files above have faults; nothing was done");
        }
        Ok(project)
    }

    /// Says what is open to others, each in a line.
    fn tell_modes(&self) {
        for open in self.findings.iter().filter(|found| found.code == "mode") {
            let remedy = open.hint.as_deref().unwrap_or_default();
            eprintln!("warning: {}: {}", out::printable(&open.message), out::printable(remedy));
        }
    }

    /// Says in a line what is wrong besides what was told already.
    pub fn tell_others(&self, told: &[Finding]) {
        let others: Vec<Finding> = self.findings.iter().filter(|found| !told.contains(found)).cloned().collect();
        if let Some(line) = in_one_line(&others) {
            eprintln!("{line}; sources that do not need it are read, `jobmarket check` tells all");
        }
    }

    /// Reads the project for a command that looks at what is stored: it needs no source, and works whatever is broken.
    /// What is broken is told in a line.
    pub fn despite_faults(place: &Place) -> anyhow::Result<Self> {
        let mut project = Self::read(place)?;
        project.tell_modes();
        if let Some(line) = in_one_line(&project.findings) {
            eprintln!("{line}; what is stored is shown all the same, `jobmarket check` tells all");
        }
        let lacks = !project.definitions.files.contains_key(SCHEMA)
            || project.findings.iter().any(|found| found.level == Level::Error && found.place.file == SCHEMA);
        if lacks {
            // The schema that the offers were stored with.
            let Some(reader) = Reader::open(&project.data)? else {
                project.is_there(place)?;
                return Ok(project);
            };
            if let Some(text) = reader.applied(SCHEMA)? {
                let (stored, _) = definition::read(&[Text { path: SCHEMA.to_owned(), text }]);
                project.definitions.schema = stored.schema;
            }
        }
        Ok(project)
    }

    /// Errors in the files that a source is made of, and where a pipeline uses it.
    pub fn faults_of(&self, source: &str) -> Vec<Finding> {
        let files = self.definitions.files_of(source);
        let used = |found: &Finding| self.definitions.source_used_at(&found.place) == Some(source);
        let errors = self.findings.iter().filter(|found| found.level == Level::Error);
        errors.filter(|found| files.contains(&found.place.file) || used(found)).cloned().collect()
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

    /// The folder of the archive.
    pub fn archive(&self) -> anyhow::Result<PathBuf> {
        let dir = Path::new(&self.definitions.pipelines.archive.dir);
        if dir.is_relative() {
            DataFile::new(&self.data, dir).is_direct()?;
        }
        Ok(self.data.join(dir))
    }

    /// Prints findings for a person.
    pub fn tell(&self, findings: &[Finding]) {
        out::styled(&render::text(findings, &self.definitions, std::io::stderr().is_terminal()));
    }
}

/// Whether a file is one that some sources are made of, and others are not.
fn is_of_sources(path: &str) -> bool {
    let file = path.ends_with(".yaml") && path != SCHEMA;
    file && ["sources/", "mappings/"].iter().any(|folder| path.starts_with(folder))
}

/// The errors among findings in one line: the first, and how many there are.
fn in_one_line(findings: &[Finding]) -> Option<String> {
    let mut errors = findings.iter().filter(|found| found.level == Level::Error);
    let first = errors.next()?;
    let (place, more) = (&first.place, errors.count() as u64);
    let more = if more == 0 { String::new() } else { format!(" (and {})", counted(more, "more fault")) };
    let message = out::printable(&first.message).into_owned();
    Some(format!("{}:{}:{}: {message}{more}", place.file, place.line, place.column))
}

fn cannot_be_read(unread: &Unread) -> Finding {
    let place = finding::Place { file: unread.path.clone(), line: 1, column: 1, bytes: 0..0 };
    match unread.error.kind() {
        ErrorKind::InvalidData => {
            Finding::error("unreadable", place, "the file is not UTF-8 text").hint("save it as UTF-8")
        }
        kind => {
            let finding = Finding::error("unreadable", place, format!("it cannot be read: {}", unread.error));
            match kind {
                ErrorKind::PermissionDenied => finding.hint("is it open to this user?"),
                ErrorKind::FileTooLarge => {
                    finding.hint("what is repeated belongs into files of `sources/shared/` and `mappings/`")
                }
                _ => finding.hint("a text file is expected here"),
            }
        }
    }
}

/// A path that a file of the project names: relative ones are relative to the project's folder.
pub fn within(project: &Path, path: &Path) -> PathBuf {
    if project == Path::new(".") { path.to_owned() } else { project.join(path) }
}
