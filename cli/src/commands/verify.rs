//! `verify`: journal, archive and store compared; what differs is said, with what mends it; nothing is changed.
use std::collections::BTreeMap;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use jobmarket::archive::{Hold, hold};
use jobmarket::store::local::Local;
use jobmarket::store::{AnyStore, Purpose, StoreError};
use jobmarket::verify::{self, Difference, Kind};
use serde::Serialize;

use crate::Place;
use crate::commands::search::{server, store};
use crate::out::{self, counted};
use crate::project::Project;

/// Differences that are printed for a person.
const SHOWN: u64 = 50;

/// What was compared.
#[derive(Default, Serialize)]
struct Compared {
    runs: u64,
    records: u64,
    offers: u64,
    differences: u64,
}

/// A difference as a line of JSON.
#[derive(Serialize)]
struct Line<'d> {
    #[serde(flatten)]
    difference: &'d Difference,
    mend: &'static str,
}

/// Tells differences as they are found.
struct Teller {
    json: bool,
    outside: bool,
    bar: ProgressBar,
    counted: BTreeMap<Kind, u64>,
}

impl Teller {
    fn tell(&mut self, difference: Difference) {
        let count: u64 = self.counted.values().sum();
        *self.counted.entry(difference.kind).or_default() += 1;
        if self.json {
            let line = Line { difference: &difference, mend: difference.kind.mend(self.outside) };
            out::data(serde_json::to_string(&line).unwrap_or_default());
        } else if count < SHOWN {
            self.bar.suspend(|| println!("{difference}"));
        }
    }

    /// What is left to say: how many there are, and what mends each kind.
    fn end(self, mut compared: Compared) -> anyhow::Result<ExitCode> {
        self.bar.finish_and_clear();
        compared.differences = self.counted.values().sum();
        if self.json {
            out::data(serde_json::to_string(&compared)?);
        } else {
            if compared.differences > SHOWN {
                println!("and {} more", compared.differences - SHOWN);
            }
            for (kind, count) in &self.counted {
                println!("{}", mend(*kind, *count, self.outside));
            }
            eprintln!(
                "{}, {} and {} compared: {}",
                counted(compared.runs, "run"),
                counted(compared.records, "raw page"),
                counted(compared.offers, "offer"),
                counted(compared.differences, "difference")
            );
        }
        Ok(if compared.differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn mend(kind: Kind, count: u64, outside: bool) -> String {
    let name = match kind {
        Kind::Totals => "in the numbers of runs",
        Kind::Archive => "in the archive",
        Kind::Quarantine => "in the quarantine",
        Kind::Store => "in the store",
        Kind::Index => "in the search index",
        Kind::Foreign => "in the store that nobody here wrote",
    };
    format!("{count} {name}: {}", kind.mend(outside))
}

/// Compares everything; exit 1 when something differs.
pub async fn verify(place: &Place) -> anyhow::Result<ExitCode> {
    let project = Project::despite_faults(place)?;
    let reader = project.reader()?;
    let server = server(&project)?;
    let root = project.archive()?;
    let names = reader.source_names()?;
    let pages = names.iter().map(|source| reader.page_count(source)).sum::<Result<u64, _>>()?;
    let bar = if place.json { ProgressBar::hidden() } else { ProgressBar::new(pages) };
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos} of {len} pages {msg}")?);
    let mut teller = Teller { json: place.json, outside: server.is_some(), bar: bar.clone(), counted: BTreeMap::new() };
    let mut compared = Compared::default();
    let held = hold(&project.data, Hold::Read)?;
    for source in &names {
        bar.set_message(source.clone());
        let mut tell = |difference| teller.tell(difference);
        compared.runs += verify::totals(&reader, source, &mut tell)?;
        compared.records += verify::records(&reader, &root, source, &|| bar.inc(1), &mut tell)?;
        verify::held(&reader, &root, source, &mut tell)?;
    }
    drop(held);
    bar.set_message("the store");
    let store = store(&project, Purpose::List).await?;
    store.find_all().await?;
    for source in &names {
        let mut tell = |difference| teller.tell(difference);
        compared.offers += verify::offers(&reader, &store, source, &mut tell).await?;
    }
    let files = project.definitions.sources.keys().map(ToString::to_string);
    let all: Vec<String> = names.iter().cloned().chain(files).collect();
    verify::others(&reader, &store, &all, &mut |difference| teller.tell(difference)).await?;
    if let AnyStore::Local(local) = store {
        index(local, &project, &mut |message| {
            teller.tell(Difference { kind: Kind::Index, source: String::new(), message })
        })?;
    }
    teller.end(compared)
}

/// Compares the search index, as it lies there, with the truth. One that is not there yet, or is behind, is no difference.
fn index(mut store: Local, project: &Project, tell: &mut dyn FnMut(String)) -> anyhow::Result<()> {
    let looked = store.look(&project.data, &project.definitions.schema);
    match looked.and_then(|()| store.differences()) {
        Ok(differences) => differences.into_iter().for_each(tell),
        Err(error @ (StoreError::Broken(_) | StoreError::Index(_))) => tell(error.to_string()),
        Err(error) => return Err(error.into()),
    }
    match store.behind()? {
        Some(0) => {}
        Some(changes) => eprintln!("the search index is {changes} changes behind: the next search takes them over"),
        None => eprintln!("there is no search index yet: the next search builds it"),
    }
    Ok(())
}
