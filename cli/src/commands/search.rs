//! `search`: the store, by words and conditions.
use std::process::ExitCode;

use anyhow::Context;
use jobmarket::plan::{Server, server_of};
use jobmarket::search::{Facet, Filter, Found, Search as Query, Sort};
use jobmarket::store::local::Local;
use jobmarket::store::{AnyStore, Purpose, Store, StoreError};

use crate::out::{self, counted, shown};
use crate::project::Project;
use crate::{Place, numbers};

/// Flags of `search`.
#[derive(clap::Args)]
pub struct Search {
    /// Words; all must be there, `"…"` is a phrase, `-word` must not be there: in quotes, as in `'"data engineer" -java'`.
    /// `C++`, `.NET`, `CI/CD` and `R&D` are words; other signs mean nothing.
    words: Vec<String>,
    /// A condition, in quotes: `field=a,b`, `'field>=1'`, `'field<2'`, `field=none`, `field=any`; of a point
    /// `field=48.85,2.35,30km`.
    #[arg(short = 'f', long = "filter")]
    filters: Vec<String>,
    /// What is counted: `field`, `field:20`, `date:month`, `number:5000`, `number:percentiles`, `point:6`.
    #[arg(long = "facet")]
    facets: Vec<String>,
    /// Most hits.
    #[arg(long, default_value_t = 10, allow_negative_numbers = true, value_parser = numbers::any::<usize>)]
    limit: usize,
    /// Order: `field`, or `-field` for the greatest first; by relevance without.
    #[arg(long, allow_hyphen_values = true)]
    sort: Option<String>,
    /// Where the last page ended.
    #[arg(long)]
    after: Option<String>,
    /// Closed offers too.
    #[arg(long)]
    closed: bool,
}

/// Prints hits and facets.
pub async fn search(place: &Place, asked: &Search) -> anyhow::Result<ExitCode> {
    let project = Project::despite_faults(place)?;
    let schema = &project.definitions.schema;
    let filters = asked.filters.iter().map(|filter| Filter::parse(filter, schema)).collect::<Result<_, _>>()?;
    let facets = asked.facets.iter().map(|facet| Facet::parse(facet, schema)).collect::<Result<_, _>>()?;
    let sort = asked.sort.as_ref().map(|sort| Sort::parse(sort, schema)).transpose()?;
    let text = (!asked.words.is_empty()).then(|| asked.words.join(" "));
    let (after, limit) = (asked.after.clone(), asked.limit);
    let query = Query { text, filters, facets, sort, after, limit, closed: asked.closed };
    query.check(schema)?;
    if query.words()?.is_some_and(|words| words.is_empty()) {
        eprintln!(
            "nothing is left of the words to search for: signs alone, and words that every text has (`de`, `la`, `et`), are \
             not searched; add another word"
        );
    }
    let found = found(&project, &query).await?;
    if place.json {
        out::data(serde_json::to_string(&found)?);
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{}", counted(found.total as u64, "offer"));
    for hit in &found.hits {
        let offer: serde_json::Value = serde_json::from_str(hit.get())?;
        let text = |pointer: &str| shown(offer.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("-"));
        println!(
            "{}  {}\n  {} · {} · {} · {}",
            text("/id"),
            text("/title"),
            text("/company/name"),
            text("/location/label"),
            text("/contract/type"),
            text("/salary/raw")
        );
        println!("  {}", text("/url"));
    }
    for (field, values) in &found.facets {
        println!("{field}");
        values.iter().for_each(|(value, count)| println!("  {:>8}  {}", count.to_string(), shown(value)));
    }
    if let Some(after) = &found.after {
        eprintln!("more: --after {after}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The server of the project's store; `None` for the embedded one.
pub fn server(project: &Project) -> anyhow::Result<Option<Server>> {
    server_of(&project.definitions, &project.surroundings).map_err(|findings| {
        project.tell(&findings);
        anyhow::anyhow!("the store cannot be asked")
    })
}

/// The store of the project; what hinders only runs, and what is not found yet, is told aside.
pub async fn store(project: &Project, purpose: Purpose) -> anyhow::Result<AnyStore> {
    let server = server(project)?;
    let schema = &project.definitions.schema;
    let store = AnyStore::open(server.as_ref(), &project.data, schema, purpose).await?;
    let store = store.with_context(|| {
        format!("nothing is stored in {} yet; `jobmarket run SOURCE`, or `jobmarket demo`", project.data.display())
    })?;
    store.notices().iter().for_each(|notice| eprintln!("{notice}"));
    let changes = if purpose == Purpose::Search { store.behind()? } else { 0 };
    if changes > 0 {
        eprintln!("{changes} changes are not found yet: another process indexes them, or the next search that may");
    }
    Ok(store)
}

/// Searches. An index of the embedded store that turns out to be broken is built again.
async fn found(project: &Project, query: &Query) -> anyhow::Result<Found> {
    match store(project, Purpose::Search).await?.search(query).await {
        Err(StoreError::Broken(why)) => {
            eprintln!("the search index is broken ({why}): it is built again");
            Local::discard(&project.data, &project.definitions.schema)?;
            Ok(store(project, Purpose::Search).await?.search(query).await?)
        }
        found => Ok(found?),
    }
}
