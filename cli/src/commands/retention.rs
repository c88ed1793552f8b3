//! `retention`: deletes raw pages and closed offers that may be deleted, and says what it did.
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use indicatif::ProgressBar;
use jobmarket::archive::{Hold, hold};
use jobmarket::retention::{OldIndex, Thinning, closed, delete_indices, delete_local, delete_outside, thin};
use jobmarket::scalar::Span;
use jobmarket::state::{Reader, State};
use jobmarket::store::elastic::Elastic;
use serde::Serialize;

use crate::Place;
use crate::commands::search::{local, server, to_read};
use crate::out::{self, counted};
use crate::project::Project;

/// Flags of `retention`.
#[derive(clap::Args)]
pub struct Retention {
    /// Sources; all that have state when none is named.
    sources: Vec<String>,
    /// Says what would be deleted, and deletes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Offers that were closed longer ago are deleted, such as `365d`; else `retention.closed` of pipelines.yaml.
    #[arg(long, value_name = "DURATION")]
    closed: Option<String>,
}

/// What became of a source.
#[derive(Serialize)]
struct Told {
    dry_run: bool,
    #[serde(flatten)]
    archive: Thinning,
    /// Closed offers that were deleted.
    offers: u64,
}

/// Deletes, or says what would be deleted; exit 1 when something had to be left as it is.
pub async fn retention(place: &Place, asked: &Retention) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    let written = &project.definitions.pipelines;
    let span = asked.closed.as_deref().map(str::parse::<Span>).transpose();
    let span = span.map_err(|_| anyhow::anyhow!("--closed wants a whole number and a unit, such as `365d`"))?;
    let now = Utc::now();
    let before = span.or(written.retention.closed).and_then(|span| now.checked_sub_signed(span.delta()));
    let Some(reader) = Reader::open(&project.data)? else {
        bail!("nothing was run into {} yet: there is nothing to delete", project.data.display());
    };
    let sources = sources(&reader, &asked.sources)?;
    // The server is asked before anything is deleted: what it cannot do now is done at another time, whole.
    let elastic = elastic(&project, asked.dry_run).await.context("nothing was deleted")?;
    // A run must not be resumed, nor a segment be read from end to end, while they change.
    let state = if asked.dry_run { None } else { Some(State::open(&project.data)?) };
    let _held = if asked.dry_run { None } else { hold(&project.data, Hold::Change)? };
    let root = project.archive()?;
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    let mut told = Vec::new();
    for source in sources {
        bar.set_message(format!("{source}: the archive"));
        let archive = Thinning::plan(&reader, &root, &source, written.archive.keep.delta(), now)?;
        if let Some(state) = &state {
            thin(state, &root, archive.clone()).await?;
        }
        let looked = before.filter(|_| asked.dry_run);
        let offers = looked.map_or(Ok(0), |before| closed(&reader, &source, before))?;
        told.push(Told { dry_run: asked.dry_run, archive, offers });
    }
    let store = Store { project: &project, reader: &reader, elastic, state: state.as_ref(), before, now };
    bar.set_message("the store");
    let offers = store.offers(&mut told).await;
    bar.finish_and_clear();
    let faults = told.iter().any(|told| !told.archive.faults.is_empty());
    told.iter().try_for_each(|told| print(told, place.json))?;
    // What the archive freed is told also when the store fails.
    let indices = match asked.dry_run {
        true => offers?,
        false => offers.context("what the archive freed is told above; of the store not all was deleted")?,
    };
    indices.iter().try_for_each(|index| tell_index(index, asked.dry_run, place.json))?;
    Ok(if faults { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The sources asked for, of those that have state.
fn sources(reader: &Reader, asked: &[String]) -> anyhow::Result<Vec<String>> {
    let known = reader.source_names()?;
    if let Some(other) = asked.iter().find(|name| !known.contains(name)) {
        bail!("`{other}` was never run into this data directory; it holds: {}", known.join(", "));
    }
    Ok(if asked.is_empty() { known } else { asked.to_vec() })
}

/// The server of the store, where it is one.
async fn elastic(project: &Project, dry_run: bool) -> anyhow::Result<Option<Elastic>> {
    let Some(server) = server(project)? else { return Ok(None) };
    if dry_run {
        return Ok(Some(to_read(project, &server).await?));
    }
    Ok(Some(Elastic::to_write(&server, project.definitions.schema.clone()).await?))
}

/// What is deleted of the store.
struct Store<'s> {
    project: &'s Project,
    reader: &'s Reader,
    /// Where it is a server.
    elastic: Option<Elastic>,
    /// `None` only looks.
    state: Option<&'s State>,
    /// Offers that were closed before this go.
    before: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

impl Store<'_> {
    /// Deletes closed offers; the indices of older schemas, on a server.
    async fn offers(&self, told: &mut [Told]) -> anyhow::Result<Vec<OldIndex>> {
        let Some(elastic) = &self.elastic else {
            let mut deleted = 0;
            if let (Some(state), Some(before)) = (self.state, self.before) {
                for told in told.iter_mut() {
                    told.offers = delete_local(state, self.reader, &told.archive.source, before).await?;
                    deleted += told.offers;
                }
            }
            if deleted > 0 {
                // The index takes the removals over.
                local(self.project)?;
            }
            return Ok(Vec::new());
        };
        if let Some(state) = self.state {
            for told in told.iter_mut() {
                let Some(before) = self.before else { break };
                let at = (before, self.now);
                told.offers = delete_outside(state, self.reader, elastic, &told.archive.source, at).await?;
            }
            if let Err(error) = elastic.refresh().await {
                eprintln!(
                    "warning: what was deleted is found by searches until the server refreshes its index: {error}"
                );
            }
        }
        Ok(delete_indices(elastic, self.now, self.state.is_none()).await?)
    }
}

fn print(told: &Told, json: bool) -> anyhow::Result<()> {
    if json {
        out::data(serde_json::to_string(told)?);
        return Ok(());
    }
    let (archive, would) = (&told.archive, if told.dry_run { "would be " } else { "" });
    println!(
        "{}: {} ({}) {would}deleted, {} kept ({}); {} {would}deleted",
        archive.source,
        counted(archive.records, "raw page"),
        size(archive.bytes),
        archive.kept_records,
        size(archive.kept_bytes),
        counted(told.offers, "closed offer")
    );
    archive.faults.iter().for_each(|fault| eprintln!("{}: {fault}; it is left as it is", archive.source));
    Ok(())
}

fn tell_index(index: &OldIndex, dry_run: bool, json: bool) -> anyhow::Result<()> {
    if json {
        out::data(serde_json::json!({"dry_run": dry_run, "index": index}));
        return Ok(());
    }
    let what = match (index.due, dry_run) {
        (true, true) => "would be deleted",
        (true, false) => "deleted",
        (false, _) => "kept until it is seven days old",
    };
    println!("index {} of an older schema, left {}: {what}", index.name, index.left.date_naive());
    Ok(())
}

/// Bytes for a person.
fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
