//! `backup`: a consistent copy of the data directory, also while a run writes.
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::{HumanBytes, ProgressBar};
use jobmarket::backup::Backup;

use crate::Place;
use crate::out;
use crate::project::Project;

/// Flags of `backup`.
#[derive(clap::Args)]
pub struct Asked {
    /// Where the copy goes: a folder that is empty, or not there.
    dir: PathBuf,
    /// Leaves the raw pages out: what is in the copy cannot be mapped again then, and unfinished runs begin anew.
    #[arg(long)]
    without_archive: bool,
}

/// Copies the data directory.
pub async fn backup(place: &Place, asked: &Asked) -> anyhow::Result<ExitCode> {
    let project = Project::despite_faults(place)?;
    let archive = (!asked.without_archive).then(|| project.definitions.pipelines.archive.dir.clone());
    let backup = Backup { data: project.data.clone(), archive, to: asked.dir.clone() };
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar.set_message("state.db");
    let watched = bar.clone();
    let made = move || backup.make(&|bytes| watched.set_message(format!("{} copied", HumanBytes(bytes))));
    let copied = tokio::task::spawn_blocking(made).await?;
    bar.finish_and_clear();
    let copied = copied?;
    match place.json {
        true => out::data(serde_json::to_string(&copied)?),
        false => println!(
            "{} files, {}, in {copy}; to restore, move the data directory away first: mv {data} {data}.old && cp -r {copy} {data}",
            copied.files,
            HumanBytes(copied.bytes),
            copy = asked.dir.display(),
            data = project.data.display()
        ),
    }
    Ok(ExitCode::SUCCESS)
}
