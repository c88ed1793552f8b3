//! `why`: the chain from a request to a stored offer.
use std::process::ExitCode;

use anyhow::bail;
use jobmarket::archive;
use jobmarket::decode;
use serde_json::Value;

use jobmarket::offer::OfferId;
use jobmarket::store::Store;
use jobmarket::store::elastic::Elastic;

use crate::Place;
use crate::commands::search::server;
use crate::project::Project;

/// Prints request, page, raw record, mapping and document.
pub async fn why(place: &Place, name: &str) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    let reader = project.reader()?;
    let Some(offer) = reader.offer(name)? else {
        bail!("no offer has the id or key `{name}`; `jobmarket search` shows ids")
    };
    let page = match &offer.page {
        Some(version) => reader.page(&offer.source, version)?,
        None => None,
    };
    let raw = page
        .as_ref()
        .and_then(|page| page.archived.first())
        .map(|at| raw(&project, &offer.source, &offer.key, at))
        .transpose()?
        .flatten();
    if place.json {
        let mut said = serde_json::json!({"offer": offer, "page": page, "raw": raw});
        NESTED.iter().for_each(|name| said.pointer_mut(name).into_iter().for_each(nest));
        println!("{said}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("offer     {} · {} · key {} · first read {}", offer.id, offer.source, offer.key, offer.first_seen);
    match &page {
        None => println!("page      its row is gone from the journal"),
        Some(page) => {
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
    }
    if let Some(source) = project.definitions.sources.get(&offer.source) {
        let mapping = source
            .mapping
            .as_ref()
            .map_or(format!("sources/{}.yaml, map", offer.source), |name| format!("mappings/{name}.yaml"));
        println!("mapping   {mapping}");
    }
    println!("raw       {}", raw.as_deref().unwrap_or("(not in the archive)"));
    let outside = match (server(&project)?, OfferId::parse(&offer.id)) {
        (Some(server), Some(id)) => Elastic::open(&server, project.definitions.schema.clone()).await?.get(id).await?,
        _ => None,
    };
    let document = outside.as_ref().map(|text| text.get()).or(offer.document.as_deref());
    println!("document  {}", document.unwrap_or("(not in the store)"));
    Ok(ExitCode::SUCCESS)
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
    let page = archive::read(&project.data.join(&project.definitions.pipelines.archive.dir), at)?;
    let plain = decode::plain(&page)?;
    let body = decode::json(&plain)?;
    let Some(source) = project.definitions.sources.get(source) else { return Ok(None) };
    let records = source.records.paths().next().map(|path| path.read(&body)).unwrap_or_default();
    let holds = |record: &jobmarket::tree::Tree<'_>| match record {
        jobmarket::tree::Tree::Object(members) => {
            members.iter().any(|(_, value)| value.scalar_text().is_some_and(|text| text == key))
        }
        _ => false,
    };
    Ok(records.into_iter().find(|record| holds(record)).map(ToString::to_string))
}
