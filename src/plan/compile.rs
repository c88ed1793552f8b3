//! From definitions to a plan: parameters, secrets and sizes become values; what cannot be is a finding.
use std::sync::Arc;

use chrono::DateTime;
use secrecy::{ExposeSecret, SecretString};

use super::calls::{Parts, Who, call, detail};
use super::fingerprint::{Fingerprints, Legacy, Printed};
use super::partition::partitions;
use super::server::server_of;
use super::surroundings::Surroundings;
use super::unbuilt::unbuilt;
use super::windows::windows;
use super::{Call, Detail, Knobs, Origins, Plan};
use crate::convert::Moment;
use crate::convert::render::{Program, Scope};
use crate::definition::pipelines::{Pipeline, Sink, Step, Use};
use crate::definition::source::{Param, Source};
use crate::definition::{Definitions, zeros};
use crate::extract::Extract;
use crate::finding::Finding;
use crate::redact::hide;
use crate::scalar::{Given, Template};
use crate::tree::Tree;

/// Which source in which pipeline.
pub struct Ask<'a> {
    /// The source's name.
    pub source: &'a str,
    /// The pipeline with its number, when the source runs as it uses it.
    pub pipeline: Option<(usize, &'a Pipeline)>,
    /// Where requests go instead of their origins.
    pub origins: Origins,
}

/// Evaluates templates over `param`, `env` and `secret`. Each secret that is read is masked from then on.
pub(super) struct Values<'a> {
    definitions: &'a Definitions,
    path: String,
    surroundings: &'a Surroundings,
    pub(super) params: Vec<(String, Tree<'static>)>,
    pub(super) env: Vec<(String, Tree<'static>)>,
    moment: Moment,
    /// Secrets that are not set.
    pub(super) missing: Vec<Finding>,
}

impl<'a> Values<'a> {
    /// For the templates of a file.
    pub(super) fn of(definitions: &'a Definitions, path: String, surroundings: &'a Surroundings) -> Self {
        let moment = Moment { fetched: DateTime::UNIX_EPOCH, lookups: definitions.lookups.clone() };
        let (params, env, missing) = (Vec::new(), Vec::new(), Vec::new());
        Values { definitions, path, surroundings, params, env, moment, missing }
    }

    /// The value of a variable of the environment.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.surroundings.get(name)
    }

    /// The value of a secret. All that are missing are told at once; nothing is made of what stands in for them.
    pub(super) fn secret(&mut self, name: &str, trail: &[&str]) -> SecretString {
        match self.surroundings.get(name) {
            Some(value) => {
                let value = SecretString::from(value);
                hide([(name.to_owned(), value.clone())]);
                value
            }
            None => {
                let finding = self.missing_secret(name, trail);
                if !self.missing.contains(&finding) {
                    self.missing.push(finding);
                }
                "missing".into()
            }
        }
    }

    /// The value of a template.
    pub(super) fn value(&mut self, template: &Template, trail: &[&str]) -> Result<Tree<'static>, Finding> {
        let mut secrets = Vec::new();
        for name in template.names_of("secret") {
            let value = self.secret(name, trail);
            secrets.push((name.to_owned(), Tree::from(value.expose_secret())));
        }
        self.environment(template);
        let scope = Scope::new(&self.moment)
            .with("param", super::call::named(&self.params))
            .with("env", super::call::named(&self.env))
            .with("secret", super::call::named(&secrets));
        let program = Program::compile(template).map_err(|error| self.finding(trail, error.to_string()))?;
        program.value(&scope).map_err(|error| self.finding(trail, error.to_string()))
    }

    /// Its value as text; null is a finding.
    pub(super) fn text(&mut self, template: &Template, trail: &[&str]) -> Result<String, Finding> {
        let unset = template.names_of("env").find(|name| self.surroundings.get(name).is_none());
        let text = match (self.value(template, trail), unset) {
            (Ok(value), _) => value.scalar_text().map(|text| text.into_owned()),
            (Err(_), Some(_)) => None,
            (Err(finding), None) => return Err(finding),
        };
        text.ok_or_else(|| match unset {
            Some(name) => self.unset(name, template, trail),
            None => self.finding(trail, format!("`{template}` gives no text")),
        })
    }

    /// What was read so far, for a call to keep.
    pub(super) fn knobs(&self) -> Arc<Knobs> {
        let lookups = self.definitions.lookups.clone();
        Arc::new(Knobs { params: self.params.clone(), env: self.env.clone(), lookups })
    }

    /// Puts the variables that a template reads into its scope; null where they are unset.
    pub(super) fn environment(&mut self, template: &Template) {
        for name in template.names_of("env") {
            if let Some(why) = self.surroundings.fault(name) {
                let place = self.definitions.place(&self.path, &[]);
                let finding = Finding::error("unreadable", place, format!("`{name}` cannot be read: {why}"));
                if !self.missing.contains(&finding) {
                    self.missing.push(finding);
                }
            }
            if !self.env.iter().any(|(known, _)| known == name) {
                let value = self.surroundings.get(name).map_or(Tree::Null, Tree::from);
                self.env.push((name.to_owned(), value));
            }
        }
    }

    /// The variable of the environment that a parameter was given.
    pub(super) fn given_by(&self, param: &str) -> Option<&str> {
        let (_, value) = self.params.iter().find(|(name, _)| name == param)?;
        self.env.iter().find(|(_, variable)| variable == value && *value != Tree::Null).map(|(name, _)| name.as_str())
    }

    pub(super) fn given<T: Copy + std::str::FromStr>(
        &mut self,
        given: &Given<T>,
        trail: &[&str],
    ) -> Result<T, Finding> {
        match given {
            Given::Fixed(value) => Ok(*value),
            Given::Template(template) => {
                let text = self.text(template, trail)?;
                if let Some(why) = zeros::why(trail).filter(|_| zeros::is_zero(&text)) {
                    return Err(self.finding(trail, format!("`{template}` gives `{text}`: {why}")));
                }
                text.parse()
                    .map_err(|_| self.finding(trail, format!("`{template}` gives `{text}`, which cannot be used here")))
            }
        }
    }

    fn missing_secret(&self, name: &str, trail: &[&str]) -> Finding {
        let place = self.definitions.place(&self.path, trail);
        if let Some(why) = self.surroundings.fault(name) {
            return Finding::error("unreadable", place, format!("the secret `{name}` cannot be read: {why}"));
        }
        let message = format!("the secret `{name}` is not set");
        Finding::error("secret", place, message)
            .hint(format!("set `{name}` in the environment, in `.env`, or as a file in $CREDENTIALS_DIRECTORY"))
    }

    fn unset(&self, name: &str, template: &Template, trail: &[&str]) -> Finding {
        let place = self.definitions.place(&self.path, trail);
        Finding::error("unset", place, format!("`{template}` gives no text: `{name}` is not set"))
            .hint(format!("set `{name}` in the environment or in `.env`, or write `${{env.{name} or \"…\"}}`"))
    }

    /// File and line of what stands at this place.
    pub(super) fn place(&self, trail: &[&str]) -> String {
        let place = self.definitions.place(&self.path, trail);
        format!("{}:{}", place.file, place.line)
    }

    pub(super) fn finding(&self, trail: &[&str], message: String) -> Finding {
        Finding::error("bad-value", self.definitions.place(&self.path, trail), message)
    }
}

/// Compiles a source. Every fault is a finding; a plan is given only without errors.
pub fn compile(definitions: &Definitions, ask: Ask<'_>, surroundings: &Surroundings) -> Result<Plan, Vec<Finding>> {
    let path = Definitions::source_path(ask.source);
    let Some(source) = definitions.sources.get(ask.source) else {
        let place = definitions.place(&path, &[]);
        let hint = known(ask.source, definitions.sources.keys().map(String::as_str));
        return Err(vec![
            Finding::error("unknown-name", place, format!("there is no source `{}`", ask.source)).hint(hint),
        ]);
    };
    let source = definitions.whole(source);
    let refused = unbuilt(definitions, &source, ask.pipeline);
    if !refused.is_empty() {
        return Err(refused);
    }
    let used =
        ask.pipeline.and_then(|(_, pipeline)| pipeline.sources.iter().find(|used| used.source.as_str() == ask.source));
    let mut values = Values::of(definitions, path, surroundings);
    let server = server_of(definitions, surroundings);
    let plan = build(definitions, &source, used, ask, &mut values);
    let mut findings = values.missing;
    match (plan, server) {
        (Ok(plan), Ok(server)) if findings.is_empty() => {
            return Ok(Plan { server: server.filter(|_| plan.stores), ..plan });
        }
        (plan, server) => {
            findings.extend(plan.err());
            findings.extend(server.err().into_iter().flatten());
        }
    }
    Err(findings)
}

/// What to say of a name that is none of these: the nearest, and all.
pub fn known<'n>(name: &str, names: impl Iterator<Item = &'n str> + Clone) -> String {
    let near = crate::scalar::nearest(name, names.clone());
    let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    format!("{near}the sources are {}", names.collect::<Vec<_>>().join(", "))
}

fn build(
    definitions: &Definitions,
    source: &Source,
    used: Option<&Use>,
    ask: Ask<'_>,
    values: &mut Values<'_>,
) -> Result<Plan, Finding> {
    params(source, used, values)?;
    let parts = Parts {
        request: &source.request,
        who: Who::Itself(source.auth()),
        pages: &source.pages,
        responses: &source.responses,
        limits: &source.limits,
        decode: &source.decode,
    };
    let call = call(&parts, source, &[], values)?;
    let detail = detail(source, &call, values)?;
    let extract = Extract::compile(definitions, source).map_err(|error| values.finding(&["mapping"], error))?;
    let windows = source.windows.as_ref().map(|written| windows(written, values)).transpose()?;
    let partitions = partitions(source, &call, values)?;
    let (stores, files, keeps) = sinks(ask.pipeline.map(|(_, pipeline)| pipeline), values)?;
    let sweep = source.sweep.as_ref().map(|sweep| values.given(&sweep.every, &["sweep", "every"])).transpose()?;
    let legacy = Printed { definitions, source, pages: &call.pages, keeps: &keeps, origins: &ask.origins };
    Ok(Plan {
        source: used.and_then(|used| used.name.as_ref()).unwrap_or(&source.source).to_string(),
        pipeline: ask.pipeline.map(|(_, pipeline)| pipeline.name.to_string()),
        fingerprints: Fingerprints::of(definitions, source, &ask, values),
        legacy: Legacy::of(&legacy, values),
        call: Call { knobs: values.knobs(), ..call },
        detail: detail.map(|detail| Detail { call: Call { knobs: values.knobs(), ..detail.call }, ..detail }),
        partitions,
        windows,
        sweep,
        extract,
        keeps,
        stores,
        server: None,
        files,
        expire: source.expire.clone(),
        expect: source.expect.clone(),
        schema: definitions.schema.clone(),
        texts: texts(definitions, source),
        home: Addresses::of(definitions, source, values).home(&ask.origins),
        origins: ask.origins,
    })
}

/// What may hold an address that a source asks: its file, and the values of its parameters and variables.
pub(super) struct Addresses {
    said: String,
    /// The host of an address is a template, and may be any.
    any: bool,
}

impl Addresses {
    pub(super) fn of(definitions: &Definitions, source: &Source, values: &Values<'_>) -> Self {
        let path = Definitions::source_path(source.source.as_str());
        let mut said = definitions.files.get(&path).map(|file| file.text.clone()).unwrap_or_default();
        for (_, value) in values.params.iter().chain(&values.env) {
            said += &value.to_string();
        }
        let any = said.contains("https://${for") || source.request.url.as_str().starts_with("${for");
        Addresses { said, any }
    }

    /// Whether the source may ask this origin.
    pub(super) fn may_be(&self, origin: &str) -> bool {
        self.any || self.said.contains(origin)
    }

    /// What stands for the origins that the source asks.
    fn home(&self, origins: &Origins) -> String {
        origins.describe(|origin| self.may_be(origin))
    }
}

fn texts(definitions: &Definitions, source: &Source) -> Vec<(String, String)> {
    let mut paths = vec![Definitions::source_path(source.source.as_str()), "mappings/offer.yaml".to_owned()];
    paths.extend(source.mapping.as_ref().map(|name| format!("mappings/{name}.yaml")));
    let files = paths.into_iter().filter_map(|path| definitions.files.get(&path));
    files.map(|file| (file.path.clone(), file.text.clone())).collect()
}

fn params(source: &Source, used: Option<&Use>, values: &mut Values<'_>) -> Result<(), Finding> {
    for (name, default) in source.params.iter() {
        let given = used.and_then(|used| used.params.get(name)).map(|value| value.0.clone());
        let value = match (given, default) {
            (Some(value), _) => value,
            (None, Param::Value(value)) => value.clone(),
            (None, Param::Template(template)) => values.value(template, &["params", name])?,
        };
        values.params.push((name.to_owned(), value));
    }
    Ok(())
}

type Sinks = (bool, Option<String>, Vec<Program>);

fn sinks(pipeline: Option<&Pipeline>, values: &Values<'_>) -> Result<Sinks, Finding> {
    let Some(pipeline) = pipeline else { return Ok((true, None, Vec::new())) };
    let mut keeps = Vec::new();
    for step in &pipeline.steps {
        if let Step::Keep(template) = step {
            keeps.push(Program::compile(template).map_err(|error| values.finding(&[], error.to_string()))?);
        }
    }
    let files = pipeline.sinks.iter().find_map(|sink| match sink {
        Sink::Files(files) => Some(files.dir.clone()),
        Sink::Store => None,
    });
    Ok((pipeline.sinks.iter().any(|sink| matches!(sink, Sink::Store)), files, keeps))
}
