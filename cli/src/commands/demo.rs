//! `demo`: simulated sites in this process, read over real HTTP by the same path as `run`.
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;
use jobmarket::definition::pipelines::Store as Chosen;
use jobmarket::plan::{Ask, Origins, Surroundings, compile};
use jobmarket::search::{Filter, Search, names};
use jobmarket::store::Store;
use jobmarket::store::local::Local;
use sandbox::{CLIENT_ID, CLIENT_SECRET, Fault, Options, Sandbox, Site};

use crate::commands::run::{Log, carry_out, tell};
use crate::project::{DEMO, Project, within};
use crate::{Place, numbers};

/// Flags of `demo`.
#[derive(clap::Args)]
pub struct Demo {
    /// Offers of the simulated France Travail.
    #[arg(long, default_value_t = 6_000, allow_negative_numbers = true, value_parser = numbers::whole::<usize>(1, numbers::SIMULATED))]
    offers: usize,
    /// Removes the demo's data directory, and does nothing else.
    #[arg(long)]
    clean: bool,
}

/// The demo's own data directory.
const DATA: &str = "data-demo";
/// The program's own name.
const NAME: &str = "jobmarket";

/// Runs the demo.
pub async fn demo(place: &Place, asked: &Demo) -> anyhow::Result<ExitCode> {
    let mut project = Project::sound(place)?;
    // Simulated offers never go where the project's own go.
    project.definitions.pipelines.store = Chosen::Local;
    let data = place.data.clone().unwrap_or_else(|| within(&place.project, Path::new(DATA)));
    if data.exists() {
        if !data.join(DEMO).exists() {
            anyhow::bail!("{} was not made by the demo; name another folder with --data DIR", data.display());
        }
        fs::remove_dir_all(&data).with_context(|| format!("{} cannot be removed", data.display()))?;
    }
    if asked.clean {
        return Ok(ExitCode::SUCCESS);
    }
    let made = fs::create_dir_all(&data).and_then(|()| fs::write(data.join(DEMO), ""));
    made.with_context(|| format!("{} cannot be made; name another folder with --data DIR", data.display()))?;
    let options =
        Options { offers: asked.offers, span: TimeDelta::days(20), partners: 35, rate: 10_000, ..Options::default() };
    let sites = Sandbox::start(options).await?;
    for fault in [Fault::Status(500), Fault::Truncated, Fault::RevokeTokens] {
        sites.fault(Site::FranceTravail, fault, 1);
    }
    let mut origins = Origins::default();
    for (from, to) in sites.origins() {
        origins.add(from, &to, "200/s".parse().ok()).map_err(anyhow::Error::msg)?;
    }
    let secrets = [("FT_API_CLIENT_ID", CLIENT_ID), ("FT_API_CLIENT_SECRET", CLIENT_SECRET)];
    let surroundings = Surroundings::new(secrets.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut plans = Vec::new();
    for source in ["francetravail", "arbeitnow", "remotive"] {
        let ask = Ask { source, pipeline: None, origins: origins.clone() };
        match compile(&project.definitions, ask, &surroundings) {
            Ok(mut plan) => {
                plan.call.limits.wait = Duration::from_millis(100);
                // The simulated sites are smaller than what the files expect of the real ones.
                plan.expect = None;
                plans.push(plan);
            }
            Err(findings) => {
                project.tell(&findings);
                anyhow::bail!("the shipped sources do not compile");
            }
        }
    }
    eprintln!("simulated sites answer on loopback, with a few faults on the way; reading {} offers", asked.offers);
    let log = Log::of(None, place);
    let done = carry_out(plans, &place.project, &data, data.join("raw"), None, log).await?;
    let code = tell(&done, log);
    coverage(&data, &project).await?;
    let called = called(place, &data);
    eprintln!(
        "\nThree commands to type next:\n  {called} search développeur\n  {called} search data --facet contract.type --facet location.department\n  {called} status"
    );
    Ok(code)
}

/// The program as it can be called again, with the place of its data: by its name where the shell finds it, else as it
/// was called this time.
fn called(place: &Place, data: &Path) -> String {
    let own = std::env::current_exe().and_then(std::fs::canonicalize).ok();
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).find_map(|folder| std::fs::canonicalize(folder.join(NAME)).ok());
    let name = match found.is_some() && found == own {
        true => NAME.to_owned(),
        false => std::env::args_os().next().map_or_else(|| NAME.to_owned(), |name| name.display().to_string()),
    };
    let project = match place.project.as_os_str() == "." {
        true => String::new(),
        false => format!(" --project {}", place.project.display()),
    };
    format!("{name}{project} --data {}", data.display())
}

/// Share of stored offers that have each field.
async fn coverage(data: &Path, project: &Project) -> anyhow::Result<()> {
    let Some(store) = Local::open(data, &project.definitions.schema)? else { return Ok(()) };
    let count = async |filters: Vec<Filter>| {
        store.search(&Search { filters, limit: 0, ..Search::default() }).await.map(|found| found.total)
    };
    let all = count(Vec::new()).await?;
    eprintln!("coverage of {all} offers:");
    let mut line = String::new();
    for (name, _) in names(&project.definitions.schema) {
        let with = count(vec![Filter::Exists(name.clone(), true)]).await?;
        if with > 0 {
            let entry = format!("  {name} {:.0} %", 100.0 * with as f64 / all.max(1) as f64);
            if line.chars().count() + entry.chars().count() > 110 {
                eprintln!("{}", std::mem::take(&mut line));
            }
            line += &entry;
        }
    }
    eprintln!("{line}");
    Ok(())
}
