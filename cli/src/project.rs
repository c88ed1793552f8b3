//! The project at hand: its definitions, its surroundings, its data directory.
use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, bail};
use jobmarket::definition::{self, Definitions, render};
use jobmarket::files;
use jobmarket::finding::{Finding, any_error};
use jobmarket::plan::Surroundings;

use crate::Place;

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
    /// Reads the project; its faults are kept.
    pub fn read(place: &Place) -> anyhow::Result<Self> {
        let texts = files::project(&place.project).context("the project cannot be read")?;
        let (definitions, findings) = definition::read(&texts);
        let surroundings = surroundings(place);
        let written = definitions.pipelines.data.as_ref().map(|template| template.as_str().to_owned());
        let data = place.data.clone().or(written.filter(|text| !text.contains("${")).map(PathBuf::from));
        let data = data.or_else(|| surroundings.get("INGEST_OUTPUT_DIR").map(PathBuf::from));
        Ok(Project { definitions, findings, surroundings, data: data.unwrap_or_else(|| "data".into()) })
    }

    /// Reads the project; errors in its files end the command.
    pub fn sound(place: &Place) -> anyhow::Result<Self> {
        let project = Self::read(place)?;
        if any_error(&project.findings) {
            project.tell(&project.findings);
            bail!("the files above have faults; nothing was fetched");
        }
        Ok(project)
    }

    /// Prints findings for a person.
    pub fn tell(&self, findings: &[Finding]) {
        eprint!("{}", render::text(findings, &self.definitions, std::io::stderr().is_terminal()));
    }
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
