//! `quarantine`: records that could not be mapped or stored.
use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::bail;
use jobmarket::run::Again;
use jobmarket::state::{Held, Reader, State};

use crate::commands::one::replay_one;
use crate::commands::plans::known_source;
use crate::commands::run::Log;
use crate::out::{self, counted, shown};
use crate::project::Project;
use crate::{Place, numbers};

/// What to do with them.
#[derive(clap::Subcommand)]
pub enum Quarantine {
    /// Lists them, newest first.
    ///
    /// Example: jobmarket quarantine list francetravail --limit 5
    #[command(verbatim_doc_comment)]
    List {
        /// Of one source only.
        source: Option<String>,
        /// Most entries.
        #[arg(long, default_value_t = 50, allow_negative_numbers = true, value_parser = numbers::whole::<usize>(1, numbers::SHOWN))]
        limit: usize,
    },
    /// Shows one whole, with its raw record.
    ///
    /// Example: jobmarket quarantine show 12
    #[command(verbatim_doc_comment)]
    Show {
        /// Its number.
        #[arg(allow_negative_numbers = true, value_parser = numbers::whole::<i64>(1, numbers::NUMBERED))]
        number: i64,
    },
    /// Maps entries again out of the archive, with the mapping as it is now.
    ///
    /// Examples:
    ///   jobmarket quarantine retry 12 13
    ///   jobmarket quarantine retry --source francetravail
    #[command(verbatim_doc_comment)]
    Retry {
        /// Their numbers; all when none is given.
        #[arg(allow_negative_numbers = true, value_parser = numbers::whole::<i64>(1, numbers::NUMBERED))]
        numbers: Vec<i64>,
        /// Of one source only.
        #[arg(long)]
        source: Option<String>,
        /// Log lines instead of progress: text, or json with one event a line.
        #[arg(long, value_name = "KIND")]
        log: Option<Log>,
    },
    /// Takes entries out.
    ///
    /// Example: jobmarket quarantine drop 12 13
    #[command(verbatim_doc_comment)]
    Drop {
        /// Their numbers.
        #[arg(required = true, allow_negative_numbers = true, value_parser = numbers::whole::<i64>(1, numbers::NUMBERED))]
        numbers: Vec<i64>,
    },
}

/// Lists, shows, maps again or drops entries.
pub async fn quarantine(place: &Place, asked: &Quarantine) -> anyhow::Result<ExitCode> {
    let project = match asked {
        Quarantine::Retry { .. } => Project::sound(place)?,
        Quarantine::List { .. } | Quarantine::Show { .. } | Quarantine::Drop { .. } => Project::despite_faults(place)?,
    };
    let reader = project.reader()?;
    match asked {
        Quarantine::List { source, limit } => {
            known(&project, &reader, source.as_deref())?;
            let held = reader.held(source.as_deref(), None, *limit)?;
            if held.is_empty() {
                eprintln!("nothing is in the quarantine");
            }
            held.iter().try_for_each(|entry| print(entry, place.json, false))?;
        }
        Quarantine::Show { number } => {
            are_held(&reader, &[*number])?;
            reader.held(None, Some(*number), 1)?.iter().try_for_each(|entry| print(entry, place.json, true))?;
        }
        Quarantine::Retry { numbers, source, log } => {
            known(&project, &reader, source.as_deref())?;
            are_held(&reader, numbers)?;
            return retry(place, &project, &reader, (numbers, source.as_deref()), *log).await;
        }
        Quarantine::Drop { numbers } => {
            are_held(&reader, numbers)?;
            let dropped = State::open(&project.data)?.drop_held(numbers.clone()).await?;
            match place.json {
                true => out::data(serde_json::json!({"dropped": dropped})),
                false => eprintln!("{} dropped", counted(dropped as u64, "entry")),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn known(project: &Project, reader: &Reader, source: Option<&str>) -> anyhow::Result<()> {
    source.map_or(Ok(()), |source| known_source(project, Some(reader), source))
}

/// An error that names the numbers under which nothing is held.
fn are_held(reader: &Reader, numbers: &[i64]) -> anyhow::Result<()> {
    let mut none = Vec::new();
    for number in numbers {
        if reader.held(None, Some(*number), 1)?.is_empty() {
            none.push(number.to_string());
        }
    }
    if !none.is_empty() {
        bail!("the quarantine has no entry {}; `jobmarket quarantine list` shows the numbers", none.join(", "));
    }
    Ok(())
}

fn print(entry: &Held, json: bool, whole: bool) -> anyhow::Result<()> {
    if json {
        out::data(serde_json::to_string(entry)?);
        return Ok(());
    }
    println!(
        "{:>6} {:<14} {:<12} {} {}",
        entry.q,
        entry.source,
        entry.reason,
        shown(&entry.place),
        shown(&entry.message)
    );
    if whole {
        println!(
            "  stage {}, field {}, read as {}",
            entry.stage,
            entry.field.as_deref().unwrap_or("-"),
            entry.path.as_deref().unwrap_or("-")
        );
        println!("  page {}, record {}, first {}, {} times", entry.page, entry.item, entry.first_at, entry.times);
        out::data(entry.raw.as_deref().unwrap_or("(the raw record is in the archive only)"));
        eprintln!("once its cause is mended, `jobmarket quarantine retry {}` maps it again", entry.q);
    }
    Ok(())
}

/// Maps entries again: those of these numbers, of a source, or all.
async fn retry(
    place: &Place,
    project: &Project,
    reader: &Reader,
    (numbers, source): (&[i64], Option<&str>),
    log: Option<Log>,
) -> anyhow::Result<ExitCode> {
    let mut chosen: BTreeMap<String, Vec<(String, u32)>> = BTreeMap::new();
    for entry in reader.held(source, None, usize::MAX >> 1)? {
        if numbers.is_empty() || numbers.contains(&entry.q) {
            chosen.entry(entry.source).or_default().push((entry.page, entry.item as u32));
        }
    }
    if chosen.is_empty() {
        eprintln!("nothing is in the quarantine");
    }
    let mut code = ExitCode::SUCCESS;
    for (source, records) in chosen {
        let again = replay_one(place, project, &source, Again::Records(records), log).await?;
        if again != ExitCode::SUCCESS {
            code = again;
        }
    }
    Ok(code)
}
