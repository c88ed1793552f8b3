//! `verify`: journal, archive and store compared; what differs is said, nothing is changed.
use std::process::ExitCode;

use anyhow::Context;
use jobmarket::archive;
use jobmarket::offer::{content_hash, content_of};
use jobmarket::state::{KnownRow, Reader};
use jobmarket::store::elastic::Elastic;

use crate::Place;
use crate::commands::search::{local, server};
use crate::project::Project;

/// Offers of one comparison.
const LISTED: usize = 1_000;
/// Differences that are printed.
const SHOWN: usize = 50;

/// Compares everything; exit 1 when something differs.
pub async fn verify(place: &Place) -> anyhow::Result<ExitCode> {
    let project = Project::read(place)?;
    let reader =
        Reader::open(&project.data)?.with_context(|| format!("nothing was run into {} yet", project.data.display()))?;
    let mut found = Vec::new();
    let root = project.data.join(&project.definitions.pipelines.archive.dir);
    let (mut pages, mut offers) = (0_u64, 0_u64);
    for source in reader.sources()? {
        for page in reader.pages(&source.source)? {
            pages += 1;
            for at in &page.archived {
                if let Err(error) = archive::read(&root, at) {
                    found.push(format!("page {} of {}: {error}", page.version, source.source));
                }
            }
        }
    }
    match server(&project)? {
        Some(server) => {
            let store = Elastic::open(&server, project.definitions.schema.clone()).await?;
            store.refresh().await?;
            for source in reader.sources()? {
                offers += outside(&reader, &store, &source.source, &mut found).await?;
            }
        }
        None => {
            reader.each_known(&mut |known, document| {
                offers += 1;
                found.extend(differs(known, document));
            })?;
            found.extend(local(&project)?.differences()?.into_iter().map(|text| format!("search index: {text}")));
        }
    }
    found.iter().take(SHOWN).for_each(|text| println!("{text}"));
    if found.len() > SHOWN {
        println!("and {} more", found.len() - SHOWN);
    }
    eprintln!("{pages} pages and {offers} offers compared: {} differences", found.len());
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An offer of the local store against what is known of it.
fn differs(known: &KnownRow, document: Option<&str>) -> Option<String> {
    let Some(document) = document else { return Some(format!("{}: known, and not stored", known.key)) };
    let content = content_of(document).map(|content| content_hash(content.as_bytes()));
    if known.content.is_some() && content != known.content {
        return Some(format!("{}: its stored content is not what is known of it", known.key));
    }
    let closed = document.contains("\"closed_at\":\"");
    (closed != known.closed)
        .then(|| format!("{}: known as {}", known.key, if known.closed { "closed" } else { "open" }))
}

/// A source's offers in a store outside against what is known of them.
async fn outside(reader: &Reader, store: &Elastic, source: &str, found: &mut Vec<String>) -> anyhow::Result<u64> {
    let mut known = reader.known_of(source)?;
    let (mut after, mut offers) = (None, 0);
    loop {
        let told = store.told(source, after, LISTED).await?;
        let Some(last) = told.last() else { break };
        after = Some(last.id);
        for told in told {
            offers += 1;
            match known.remove(&told.id) {
                None => found.push(format!("{}: stored, and not known", told.key)),
                Some(row)
                    if row.content.is_some() && (row.content, row.closed) != (told.content, told.closed.is_some()) =>
                {
                    found.push(format!("{}: what is stored is not what is known of it", row.key));
                }
                Some(_) => {}
            }
        }
    }
    found.extend(
        known.values().filter(|row| row.content.is_some()).map(|row| format!("{}: known, and not stored", row.key)),
    );
    Ok(offers)
}
