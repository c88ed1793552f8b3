//! `retention`: deletes raw pages and closed offers that may be deleted, and says what it did.
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use indicatif::ProgressBar;
use jobmarket::archive::{Hold, hold};
use jobmarket::retention::{OldIndex, Thinning, closed, delete, delete_indices, thin};
use jobmarket::scalar::Span;
use jobmarket::state::{Reader, State};
use jobmarket::store::{AnyStore, Purpose};
use serde::Serialize;

use crate::Place;
use crate::commands::search::store;
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
    let purpose = if asked.dry_run { Purpose::List } else { Purpose::Write };
    let store = store(&project, purpose).await.context("nothing was deleted")?;
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
    bar.set_message("the store");
    let due = before.map(|before| (before, now));
    let offers = match &state {
        Some(state) => offers((state, &reader), &store, &mut told, due).await,
        None => Ok(()),
    };
    let indices = match offers {
        Ok(()) => delete_indices(&store, now, asked.dry_run).await.map_err(Into::into),
        Err(error) => Err(error),
    };
    bar.finish_and_clear();
    let faults = told.iter().any(|told| !told.archive.faults.is_empty());
    told.iter().try_for_each(|told| print(told, place.json))?;
    // What the archive freed is told also when the store fails.
    let indices = match asked.dry_run {
        true => indices?,
        false => indices.context("what the archive freed is told above; of the store not all was deleted")?,
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

/// Deletes the offers that were closed before the first of these instants.
async fn offers(
    (state, reader): (&State, &Reader),
    store: &AnyStore,
    told: &mut [Told],
    due: Option<(DateTime<Utc>, DateTime<Utc>)>,
) -> anyhow::Result<()> {
    let Some(due) = due else { return Ok(()) };
    for told in told.iter_mut() {
        told.offers = delete((state, reader), store, &told.archive.source, due).await?;
    }
    if told.iter().any(|told| told.offers > 0)
        && let Err(error) = store.refresh().await
    {
        eprintln!("warning: what was deleted is found by searches until the index takes it over: {error}");
    }
    Ok(())
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
