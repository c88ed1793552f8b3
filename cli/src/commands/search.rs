//! `search`: the store, by words and conditions.
use std::process::ExitCode;

use jobmarket::search::{Filter, Search as Query, check_field};
use jobmarket::store::local::{Local, StoreError};

use crate::Place;
use crate::project::Project;

/// Flags of `search`.
#[derive(clap::Args)]
pub struct Search {
    /// Words; all must be there, `"…"` is a phrase, `-word` must not be there.
    words: Vec<String>,
    /// A condition: `field=a,b`, `field>=1`, `field<2`, `field=none`, `field=any`.
    #[arg(short = 'f', long = "filter")]
    filters: Vec<String>,
    /// A field whose values are counted.
    #[arg(long = "facet")]
    facets: Vec<String>,
    /// Most hits.
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// Closed offers too.
    #[arg(long)]
    closed: bool,
}

/// Prints hits and facets.
pub fn search(place: &Place, asked: &Search) -> anyhow::Result<ExitCode> {
    let project = Project::read(place)?;
    let schema = &project.definitions.schema;
    let filters = asked.filters.iter().map(|filter| Filter::parse(filter, schema)).collect::<Result<_, _>>()?;
    asked.facets.iter().try_for_each(|field| check_field(field, schema))?;
    let Some(mut store) = Local::open(&project.data, schema)? else {
        anyhow::bail!(
            "nothing is stored in {} yet; `jobmarket run SOURCE`, or `jobmarket demo`",
            project.data.display()
        );
    };
    match store.catch_up() {
        Ok(_) => {}
        Err(StoreError::Busy) => eprintln!("another process indexes; {} changes are not found yet", store.behind()?),
        Err(error) => return Err(error.into()),
    }
    let text = (!asked.words.is_empty()).then(|| asked.words.join(" "));
    let query = Query { text, filters, facets: asked.facets.clone(), limit: asked.limit, closed: asked.closed };
    let found = store.search(&query)?;
    if place.json {
        println!("{}", serde_json::to_string(&found)?);
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{} offers", found.total);
    for hit in &found.hits {
        let offer: serde_json::Value = serde_json::from_str(hit.get())?;
        let text = |pointer: &str| offer.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("-").to_owned();
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
        values.iter().for_each(|(value, count)| println!("  {count:>8}  {value}"));
    }
    Ok(ExitCode::SUCCESS)
}
