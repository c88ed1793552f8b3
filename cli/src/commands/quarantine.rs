//! `quarantine`: records that could not be mapped or stored.
use std::collections::BTreeMap;
use std::process::ExitCode;

use jobmarket::run::Again;
use jobmarket::state::{Reader, State};

use crate::Place;
use crate::commands::run::replay_one;
use crate::project::Project;

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
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Shows one whole, with its raw record.
    ///
    /// Example: jobmarket quarantine show 12
    #[command(verbatim_doc_comment)]
    Show {
        /// Its number.
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
        numbers: Vec<i64>,
        /// Of one source only.
        #[arg(long)]
        source: Option<String>,
    },
    /// Takes entries out.
    ///
    /// Example: jobmarket quarantine drop 12 13
    #[command(verbatim_doc_comment)]
    Drop {
        /// Their numbers.
        #[arg(required = true)]
        numbers: Vec<i64>,
    },
}

/// Lists, shows or drops entries.
pub async fn quarantine(place: &Place, asked: &Quarantine) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    if let Quarantine::Drop { numbers } = asked {
        let dropped = State::open(&project.data)?.drop_held(numbers.clone()).await?;
        eprintln!("{dropped} entries dropped");
        return Ok(ExitCode::SUCCESS);
    }
    let Some(reader) = Reader::open(&project.data)? else {
        anyhow::bail!("nothing was run into {} yet", project.data.display())
    };
    let held = match asked {
        Quarantine::List { source, limit } => reader.held(source.as_deref(), None, *limit)?,
        Quarantine::Show { number } => reader.held(None, Some(*number), 1)?,
        Quarantine::Retry { numbers, source } => return retry(place, &reader, numbers, source.as_deref()).await,
        Quarantine::Drop { .. } => Vec::new(),
    };
    if held.is_empty() {
        eprintln!("no such entry is in the quarantine");
    }
    for entry in held {
        if place.json {
            println!("{}", serde_json::to_string(&entry)?);
            continue;
        }
        println!("{:>6} {:<14} {:<12} {} {}", entry.q, entry.source, entry.reason, entry.place, entry.message);
        if matches!(asked, Quarantine::Show { .. }) {
            println!(
                "  stage {}, field {}, read as {}",
                entry.stage,
                entry.field.as_deref().unwrap_or("-"),
                entry.path.as_deref().unwrap_or("-")
            );
            println!("  page {}, record {}, first {}, {} times", entry.page, entry.item, entry.first_at, entry.times);
            println!("{}", entry.raw.as_deref().unwrap_or("(the raw record is in the archive only)"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn retry(place: &Place, reader: &Reader, numbers: &[i64], source: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut chosen: BTreeMap<String, Vec<(String, u32)>> = BTreeMap::new();
    for entry in reader.held(source, None, usize::MAX >> 1)? {
        if numbers.is_empty() || numbers.contains(&entry.q) {
            chosen.entry(entry.source).or_default().push((entry.page, entry.item as u32));
        }
    }
    if chosen.is_empty() {
        eprintln!("no such entry is in the quarantine");
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    for (source, records) in chosen {
        let again = replay_one(place, &source, Again::Records(records), None).await?;
        if again != ExitCode::SUCCESS {
            code = again;
        }
    }
    Ok(code)
}
