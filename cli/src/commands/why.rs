//! `why`: the chain from a request to a stored offer.
use std::process::ExitCode;

use anyhow::bail;
use jobmarket::archive;
use jobmarket::decode;
use jobmarket::definition::pipelines::Step;
use jobmarket::offer::OfferId;
use jobmarket::state::{OfferRow, PageRow, Reader};
use jobmarket::store::{Purpose, Store};
use serde::Serialize;
use serde_json::Value;

use crate::Place;
use crate::commands::search::store;
use crate::out::{self, shown};
use crate::project::Project;

/// All that is known of an offer; what could not be read is said in its place.
#[derive(Serialize)]
struct Known {
    offer: OfferRow,
    /// The page that it came from; of one that was never stored, the last that it was on.
    page: Option<PageRow>,
    /// Why it is not stored, when it never was.
    kept_aside: Option<String>,
    /// What is said of its detail, where it has none though its source asks for one.
    detail: Option<&'static str>,
    raw: Option<String>,
    /// What could not be read, and why.
    faults: Vec<String>,
    /// Whether the store could not be asked for the document.
    #[serde(skip)]
    unasked: bool,
}

/// Prints request, page, raw record, mapping and document; exit 1 when a part of that could not be read.
pub async fn why(place: &Place, name: &str) -> anyhow::Result<ExitCode> {
    let project = Project::despite_faults(place)?;
    let reader = project.reader()?;
    let Some(offer) = reader.offer(name)? else {
        bail!("no offer has the id or key `{}`; `jobmarket search` shows ids", shown(name))
    };
    let mut known = known(&project, &reader, offer)?;
    match outside(&project, &known.offer).await {
        Ok(document) => {
            if document.is_none() && known.offer.stored {
                let source = &known.offer.source;
                known.faults.push(format!("known, and not in the store: `jobmarket sweep {source}` brings it back"));
            }
            known.offer.document = document;
        }
        Err(error) => {
            known.offer.document = None;
            known.faults.push(format!("the store cannot be asked: {error:#}"));
            known.unasked = true;
        }
    }
    match place.json {
        true => {
            let mut said = serde_json::to_value(&known)?;
            NESTED.iter().for_each(|name| said.pointer_mut(name).into_iter().for_each(nest));
            out::data(said);
        }
        false => print(&project, &known),
    }
    Ok(if known.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn known(project: &Project, reader: &Reader, offer: OfferRow) -> anyhow::Result<Known> {
    let page = match &offer.page {
        Some(version) => reader.page(&offer.source, version)?,
        None => reader.last_page_of(&offer.source, offer.row)?,
    };
    let kept_aside = if offer.stored { None } else { Some(kept_aside(project, reader, &offer)?) };
    let mut faults = Vec::new();
    let at = page.as_ref().and_then(|page| page.archived.first());
    let raw = at.and_then(|at| {
        raw(project, &offer.source, &offer.key, at).unwrap_or_else(|error| {
            faults.push(format!("the raw record cannot be read: {error:#}"));
            None
        })
    });
    let detail = lacks_detail(project, &offer, page.as_ref()).then_some(NO_DETAIL);
    Ok(Known { offer, page, kept_aside, detail, raw, faults, unasked: false })
}

/// What is said of an offer that was mapped without its detail.
const NO_DETAIL: &str =
    "the last call brought nothing that could be used; it is asked again when a run lists the record";

/// Whether an open offer has no detail though its source asks for one.
fn lacks_detail(project: &Project, offer: &OfferRow, page: Option<&PageRow>) -> bool {
    let asked = project.definitions.sources.get(&offer.source).is_some_and(|source| source.detail.is_some());
    let kept = |page: &PageRow| page.archived.iter().any(|at| at.of.as_ref() == Some(&offer.id));
    asked && offer.stored && offer.closed_at.is_none() && !offer.listed && !page.is_some_and(kept)
}

/// Why a record that was read has no document: it is in the quarantine, was dropped from there, or a filter keeps it aside.
fn kept_aside(project: &Project, reader: &Reader, offer: &OfferRow) -> anyhow::Result<String> {
    if let Some((entry, state)) = reader.entry_of(&offer.source, &offer.key)? {
        let (number, reason, message) = (entry.q, entry.reason, entry.message);
        return Ok(match state.as_str() {
            "open" => format!("rejected ({reason}: {message}); `jobmarket quarantine show {number}`"),
            _ => format!("rejected ({reason}: {message}), and its entry {number} of the quarantine is {state}"),
        });
    }
    let mut filters = Vec::new();
    if project.definitions.sources.get(&offer.source).is_some_and(|source| source.only.is_some()) {
        filters.push(format!("`only` of sources/{}.yaml", offer.source));
    }
    for pipeline in &project.definitions.pipelines.pipelines {
        let feeds = pipeline.sources.iter().any(|used| used.source.as_str() == offer.source);
        if feeds && pipeline.steps.iter().any(|step| matches!(step, Step::Keep(_))) {
            filters.push(format!("`keep` of pipeline {}", pipeline.name));
        }
    }
    Ok(match filters.is_empty() {
        true => "a filter that the files had then kept it aside; `jobmarket replay` maps it without".to_owned(),
        false => format!("a filter keeps it aside: {}", filters.join(", ")),
    })
}

/// The document as the store has it: on a server, or in the state.
async fn outside(project: &Project, offer: &OfferRow) -> anyhow::Result<Option<String>> {
    let Some(id) = OfferId::parse(&offer.id) else { return Ok(offer.document.clone()) };
    let found = store(project, Purpose::List).await?.get(id).await?;
    Ok(found.map(|text| text.get().to_owned()))
}

fn print(project: &Project, known: &Known) {
    let Known { offer, page, kept_aside, detail, raw, faults, unasked } = known;
    println!("offer     {} · {} · key {} · first read {}", offer.id, offer.source, shown(&offer.key), offer.first_seen);
    if let Some(at) = &offer.closed_at {
        println!("closed    {at} · {}", offer.reason.as_deref().unwrap_or_default());
    }
    if let Some(why) = kept_aside {
        println!("aside     {}", shown(why));
    }
    if let Some(why) = detail {
        println!("detail    {why}");
    }
    match page {
        None => println!("page      its row is gone from the journal"),
        Some(page) => print_page(page),
    }
    if let Some(source) = project.definitions.sources.get(&offer.source) {
        let mapping = source
            .mapping
            .as_ref()
            .map_or(format!("sources/{}.yaml, map", offer.source), |name| format!("mappings/{name}.yaml"));
        println!("mapping   {mapping}");
    }
    out::data(format_args!("raw       {}", raw.as_deref().unwrap_or("(not in the archive)")));
    let missing = match (unasked, offer.stored) {
        (true, _) => "(the store cannot be asked)",
        (false, true) => "(known, and not in the store)",
        (false, false) => "(not in the store)",
    };
    out::data(format_args!("document  {}", offer.document.as_deref().unwrap_or(missing)));
    faults.iter().for_each(|fault| eprintln!("{}", shown(fault)));
}

fn print_page(page: &PageRow) {
    println!("request   {} → {} at {}", page.request, page.status, page.at);
    println!(
        "run       {} slice {} {} at {}",
        page.run,
        page.slice,
        page.partition.as_deref().unwrap_or(""),
        page.position
    );
    if let Some((start, end)) = &page.window {
        println!("window    {start} to {end}");
    }
    page.archived
        .iter()
        .for_each(|at| println!("archive   {} at byte {} ({} bytes)", at.segment, at.offset, at.length));
}

/// What is text in the state, and JSON in it.
const NESTED: [&str; 4] = ["/offer/document", "/page/position", "/page/partition", "/raw"];

/// Text that is JSON becomes what it says.
fn nest(value: &mut Value) {
    if let Some(said) = value.as_str().and_then(|text| serde_json::from_str(text).ok()) {
        *value = said;
    }
}

/// The raw record in the archived page: the one that holds the key.
fn raw(
    project: &Project,
    source: &str,
    key: &str,
    at: &jobmarket::state::words::Archived,
) -> anyhow::Result<Option<String>> {
    let page = archive::read(&project.archive()?, at)?;
    let text = decode::text(&page)?;
    let body = decode::json(&text, None)?.body;
    let Some(source) = project.definitions.sources.get(source) else { return Ok(None) };
    let records = source.records.read(&body).unwrap_or_default();
    let holds = |record: &jobmarket::tree::Tree<'_>| match record {
        jobmarket::tree::Tree::Object(members) => {
            members.iter().any(|(_, value)| value.scalar_text().is_some_and(|text| text == key))
        }
        _ => false,
    };
    Ok(records.into_iter().find(|record| holds(record)).map(ToString::to_string))
}
