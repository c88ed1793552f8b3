//! `try`: one page of a source looked at, and nothing written.
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use chrono::Utc;
use jobmarket::fetch::{Fetch, Note};
use jobmarket::paginate::Next;
use jobmarket::plan::{Ask, compile};
use jobmarket::run::preview;
use serde_json::Value;

use crate::commands::plans::{no_stray, origins};
use crate::out::{self, counted};
use crate::project::Project;
use crate::{Place, numbers};

/// Flags of `try`.
#[derive(clap::Args)]
pub struct Try {
    /// The source; also one that is switched off.
    source: String,
    /// Records shown.
    #[arg(long, default_value_t = 3, allow_negative_numbers = true, value_parser = numbers::whole::<usize>(0, numbers::SHOWN))]
    limit: usize,
    /// Requests for A go to B.
    #[arg(long, value_name = "A=B")]
    origin: Vec<String>,
}

/// Looks at one page.
pub async fn try_one(place: &Place, asked: &Try) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    let faults = project.faults_of(&asked.source);
    if !faults.is_empty() {
        project.tell(&faults);
        bail!("the files of `{}` have faults; nothing was fetched", asked.source);
    }
    let ask = Ask { source: &asked.source, pipeline: None, origins: origins(&asked.origin, &project.definitions)? };
    let plan = match compile(&project.definitions, ask, &project.surroundings) {
        Ok(plan) => plan,
        Err(findings) => {
            project.tell(&findings);
            bail!("nothing was fetched");
        }
    };
    no_stray(&asked.origin, &project, std::slice::from_ref(&plan))?;
    let told = |note: Note| eprintln!("{}: {}", asked.source, said(&note));
    let seen = preview(&Arc::new(plan), &Fetch::new(None)?, &place.project, Utc::now(), &told).await?;
    for (raw, made) in seen.records.iter().take(asked.limit) {
        if place.json {
            // An offer, or a word for what became of the record.
            let made = serde_json::from_str::<Value>(made).unwrap_or_else(|_| made.as_str().into());
            // The raw record as it came: read as a value, its numbers would lose digits.
            out::data(format!("{{\"raw\":{raw},\"made\":{made}}}"));
        } else {
            out::data(format_args!("--- raw\n{raw}\n--- offer\n{made}"));
        }
    }
    eprintln!(
        "{}, {} announced",
        counted(seen.records.len() as u64, "record"),
        seen.total.map_or("none".to_owned(), |total| total.to_string())
    );
    if let Some(found) = &seen.no_total {
        eprintln!("no total: {}", out::printable(&found.to_string()));
    }
    match &seen.next {
        Next::Page(position) => eprintln!("next page: {}", out::printable(&position.to_string())),
        Next::End(end) => eprintln!("no next page: {}", out::printable(&end.to_string())),
    }
    seen.flaws.iter().take(20).for_each(|flaw| eprintln!("flaw {}: {}", flaw.field, out::printable(&flaw.message)));
    for (field, share) in &seen.coverage {
        eprintln!("{:>5.1} %  {field}", share * 100.0);
    }
    Ok(ExitCode::SUCCESS)
}

/// What happens on the way to the page.
fn said(note: &Note) -> String {
    match note {
        Note::Retry { attempt, wait, why } => format!("{why}: attempt {attempt} in {:.1} s", wait.as_secs_f64()),
        Note::Renewed => "token renewed".to_owned(),
        Note::Wait { wait, why } => format!("waits {:.0} s for its {why}", wait.as_secs_f64()),
    }
}
