//! The plans of the sources that a command asks for.
use std::sync::Arc;

use anyhow::{Context, bail};
use jobmarket::definition::Definitions;
use jobmarket::finding::{Finding, any_error};
use jobmarket::plan::{Ask, Origins, Plan, compile, known};
use jobmarket::state::Reader;

use crate::out::counted;
use crate::project::Project;

/// What is asked for on the command line.
#[derive(Default)]
pub struct Wanted<'w> {
    /// Sources; all of all pipelines when none is named.
    pub sources: &'w [String],
    /// `A=B`: requests for A go to B.
    pub origins: &'w [String],
    /// Sources that are asked though they are switched off.
    pub enable: &'w [String],
}

/// Where requests go instead: what `pipelines.yaml` says, then what the command line says.
pub fn origins(flags: &[String], definitions: &Definitions) -> anyhow::Result<Origins> {
    let mut origins = Origins::default();
    for (from, target) in definitions.pipelines.origins.iter() {
        origins.add(from, &target.to, target.limits.rate).map_err(anyhow::Error::msg)?;
    }
    for flag in flags {
        let (from, to) = flag.split_once('=').with_context(|| format!("`{flag}` is not A=B"))?;
        origins.add(from, to, None).map_err(anyhow::Error::msg)?;
    }
    Ok(origins)
}

/// An origin of the command line that stands in no source, and in no variable, is a slip of the pen.
pub fn no_stray(flags: &[String], project: &Project, plans: &[Plan]) -> anyhow::Result<()> {
    // A host that is a template may be any.
    let open = |text: &str| text.contains("://${") || text.contains(": ${for");
    if plans.iter().flat_map(|plan| &plan.texts).any(|(_, text)| open(text)) {
        return Ok(());
    }
    for flag in flags {
        let from = flag.split_once('=').map_or("", |(from, _)| from);
        let mut only = Origins::default();
        only.add(from, from, None).map_err(anyhow::Error::msg)?;
        let named = |origin: &str| project.definitions.files.values().any(|file| file.text.contains(origin));
        let asked = |origin: &str| plans.iter().any(|plan| plan.call.may_ask(origin));
        if let Some(origin) = only.names().find(|origin| !named(origin) && !asked(origin)) {
            bail!(
                "--origin {flag}: no source asks `{origin}`; write it as it stands in the source, such as `https://host`"
            );
        }
    }
    Ok(())
}

/// The name of a source, or of a second use of one, that the files or the state know.
pub fn known_source(project: &Project, reader: Option<&Reader>, name: &str) -> anyhow::Result<()> {
    let definitions = &project.definitions;
    let uses = definitions.pipelines.pipelines.iter().flat_map(|pipeline| &pipeline.sources);
    let mut names: Vec<String> = definitions.sources.keys().cloned().collect();
    names.extend(uses.filter_map(|used| used.name.as_ref()).map(ToString::to_string));
    names.extend(reader.map(Reader::source_names).transpose()?.unwrap_or_default());
    names.sort();
    names.dedup();
    if !names.iter().any(|known| known == name) {
        bail!("there is no source `{name}`; {}", known(name, names.iter().map(String::as_str)));
    }
    Ok(())
}

/// The sources with the number of the pipeline that uses them; each once.
fn uses(project: &Project, sources: &[String]) -> Vec<(String, Option<usize>)> {
    let pipelines = || project.definitions.pipelines.pipelines.iter().enumerate();
    if sources.is_empty() {
        let each = pipelines().flat_map(|(index, pipeline)| pipeline.sources.iter().map(move |used| (index, used)));
        return each.map(|(index, used)| (used.source.to_string(), Some(index))).collect();
    }
    let mut found: Vec<(String, Option<usize>)> = Vec::new();
    for name in sources {
        if found.iter().any(|(known, _)| known == name) {
            continue;
        }
        let index = pipelines()
            .find(|(_, pipeline)| pipeline.sources.iter().any(|used| used.source.as_str() == name))
            .map(|(index, _)| index);
        found.push((name.clone(), index));
    }
    found
}

/// The plans of what is asked for, and the sources that have none.
#[derive(Default)]
pub struct Planned {
    /// Plans that can be run.
    pub plans: Vec<Plan>,
    /// Sources that cannot, each with the reason.
    pub refused: Vec<(String, String)>,
}

/// Plans of what is asked for. A source that has none is no reason against the others; its findings are told here.
pub fn plans(project: &Project, wanted: &Wanted<'_>) -> anyhow::Result<Planned> {
    let definitions = &project.definitions;
    wanted.enable.iter().try_for_each(|name| known_source(project, None, name))?;
    for name in wanted.sources.iter().filter(|name| !definitions.files.contains_key(&Definitions::source_path(name))) {
        known_source(project, None, name)?;
    }
    let origins = origins(wanted.origins, definitions)?;
    let (mut planned, mut told) = (Planned::default(), Vec::new());
    for (name, index) in uses(project, wanted.sources) {
        let pipeline = index.map(|index| (index, &definitions.pipelines.pipelines[index]));
        let faults = project.faults_of(&name);
        if any_error(&faults) {
            planned.refuse(project, &name, faults, &mut told);
            continue;
        }
        if let Some(source) = definitions.sources.get(&name) {
            let enabled = source.enabled
                || wanted.enable.contains(&name)
                || pipeline.is_some_and(|(_, pipeline)| pipeline.enable.contains(&source.source));
            if !enabled {
                let terms = source.terms.as_deref().unwrap_or("no reason given");
                let why = format!("`{name}` is switched off: {terms}; with the site's consent: --enable {name}");
                planned.refused.push((name, why));
                continue;
            }
        }
        let ask = Ask { source: &name, pipeline, origins: origins.clone() };
        match compile(definitions, ask, &project.surroundings) {
            Ok(plan) => planned.plans.push(plan),
            Err(found) => planned.refuse(project, &name, found, &mut told),
        }
    }
    project.tell_others(&told);
    if planned.refused.is_empty() {
        no_stray(wanted.origins, project, &planned.plans)?;
    }
    Ok(planned)
}

impl Planned {
    /// Takes down why a source has no plan. A finding that several sources share is shown once.
    fn refuse(&mut self, project: &Project, name: &str, findings: Vec<Finding>, told: &mut Vec<Finding>) {
        let why = match findings.as_slice() {
            [only] => only.message.clone(),
            [first, more @ ..] => format!("{} (and {})", first.message, counted(more.len() as u64, "more fault")),
            [] => "it has no plan".to_owned(),
        };
        let new: Vec<Finding> = findings.into_iter().filter(|found| !told.contains(found)).collect();
        project.tell(&new);
        told.extend(new);
        self.refused.push((name.to_owned(), why));
    }
}

/// The plan of one source, whose site is asked: of one that is switched off only where `enable` says so.
pub fn asking(project: &Project, source: &str, origin: &[String], enable: &[String]) -> anyhow::Result<Plan> {
    let wanted = Wanted { sources: &[source.to_owned()], origins: origin, enable };
    let planned = plans(project, &wanted)?;
    if let Some((_, why)) = planned.refused.first() {
        bail!("{why}; nothing was done");
    }
    planned.plans.into_iter().next().with_context(|| format!("there is no source `{source}`"))
}

/// The plan of one source, whose site is not asked: also of one that is switched off.
pub fn silent(project: &Project, source: &str, origin: &[String]) -> anyhow::Result<Plan> {
    if project.definitions.sources.contains_key(source) {
        return asking(project, source, origin, &[source.to_owned()]);
    }
    asking(project, source, origin, &[])
}

/// The plan of one source to map its archive again. It asks no site, so it goes by what the state says of the site that
/// was asked: a data directory of simulated offers needs no word of where they came from.
pub fn again(project: &Project, source: &str, reader: &Reader) -> anyhow::Result<Arc<Plan>> {
    let mut plan = silent(project, source, &[])?;
    let Some((home, ask)) = reader.asked(&plan.source)? else {
        let held = reader.source_names()?.join(", ");
        bail!("`{}` was never run into {}; it holds: {held}", plan.source, project.data.display());
    };
    if home != plan.home {
        (plan.home, plan.fingerprints.request) = (home, ask);
    }
    Ok(Arc::new(plan))
}
