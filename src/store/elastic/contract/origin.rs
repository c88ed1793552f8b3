//! Where something of an index comes from: the template that gave it, where it can be asked; else somebody's hand.
use elasticsearch::http::Method;
use serde_json::{Map, Value};

use super::super::Elastic;

/// Where something stands in an index.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    /// A setting by its dotted name, or all below that name.
    Setting(String),
    /// A member of the mapping, by its path there.
    Mapping(String),
}

impl Place {
    pub(super) fn is_mapping(&self) -> bool {
        matches!(self, Place::Mapping(_))
    }

    /// Whether a template gives it: its `template` with flat settings.
    fn is_in(&self, template: &Value) -> bool {
        match self {
            Place::Setting(name) => {
                let given = template["settings"].as_object();
                given.into_iter().flatten().any(|(own, _)| own.strip_prefix(name.as_str()).is_some_and(below))
            }
            Place::Mapping(path) => template["mappings"].pointer(path).is_some_and(|value| !value.is_null()),
        }
    }
}

/// Whether what follows a name ends there, or goes on below it.
fn below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('.')
}

/// A template that the server applies to an index.
#[derive(Debug)]
pub(super) struct Template {
    pub name: String,
    /// The call that shows it.
    pub call: String,
    body: Value,
}

impl Elastic {
    /// Where these come from, in a sentence.
    pub(super) async fn origin(&self, index: &str, places: impl Iterator<Item = &Place> + Clone) -> String {
        let Some(templates) = self.templates(index).await else {
            return "Somebody set that, or an index template did (`GET /_index_template`, which this credential may not \
                    ask for): mend it there first."
                .into();
        };
        let gives = |template: &&Template| places.clone().any(|place| place.is_in(&template.body));
        let given: Vec<String> = templates.iter().filter(gives).map(Template::named).collect();
        if given.is_empty() {
            return "No index template has it: somebody changed the index, or made it by hand.".into();
        }
        format!(
            "It comes from {}: take it out there first, or leave `{index}` out of its `index_patterns`.",
            given.join(" and ")
        )
    }

    /// The templates that the server applies to an index of a name, with what they consist of. Nothing where they may not be
    /// asked for.
    pub(super) async fn templates(&self, index: &str) -> Option<Vec<Template>> {
        let answer = self.asked_for("/_index_template?flat_settings=true").await?;
        let all = answer["index_templates"].as_array().into_iter().flatten();
        let matching = all.filter(|entry| matches(&entry["index_template"]["index_patterns"], index));
        let Some(best) = matching.max_by_key(|entry| entry["index_template"]["priority"].as_u64().unwrap_or(0)) else {
            return self.older_templates(index).await;
        };
        let mut templates = Vec::new();
        for name in best["index_template"]["composed_of"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let path = format!("/_component_template/{name}?flat_settings=true");
            let Some(answer) = self.asked_for(&path).await else { continue };
            let body = answer["component_templates"][0]["component_template"]["template"].clone();
            templates.push(Template::new("component template", "_component_template", name, body));
        }
        let name = best["name"].as_str().unwrap_or_default();
        let body = best["index_template"]["template"].clone();
        templates.push(Template::new("index template", "_index_template", name, body));
        Some(templates)
    }

    /// Templates of the older kind: all that match are applied, where none of the newer does.
    async fn older_templates(&self, index: &str) -> Option<Vec<Template>> {
        let answer = self.asked_for("/_template?flat_settings=true").await?;
        let all: Map<String, Value> = answer.as_object().cloned().unwrap_or_default();
        let matching = all.into_iter().filter(|(_, body)| matches(&body["index_patterns"], index));
        Some(matching.map(|(name, body)| Template::new("template", "_template", &name, body)).collect())
    }

    /// What the server answers; nothing where it refuses. This is asked for a message, so no error is one.
    async fn asked_for(&self, path: &str) -> Option<Value> {
        let (status, answer) = self.ask(Method::Get, path, None).await.ok()?;
        (status == 200).then_some(answer)
    }
}

impl Template {
    fn new(kind: &str, api: &str, name: &str, body: Value) -> Self {
        Template { name: format!("the {kind} `{name}`"), call: format!("GET /{api}/{name}"), body }
    }

    /// It and the call that shows it.
    pub(super) fn named(&self) -> String {
        format!("{} (`{}`)", self.name, self.call)
    }
}

/// Whether an index has a name of one of these patterns, in which `*` stands for anything.
fn matches(patterns: &Value, index: &str) -> bool {
    let patterns = patterns.as_array().into_iter().flatten().filter_map(Value::as_str);
    patterns.into_iter().any(|pattern| is_like(pattern, index))
}

fn is_like(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(begin) else { return false };
    rest.is_empty() || text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| is_like(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pattern_matches_as_the_server_matches_it() {
        for (pattern, expect) in [
            ("jobmarket-*", true),
            ("*", true),
            ("*-offers-*", true),
            ("jobmarket-offers-1", true),
            ("jobmarket-offers", false),
            ("*-claims", false),
            ("*-1", true),
            ("*offers*x*", false),
        ] {
            assert_eq!(is_like(pattern, "jobmarket-offers-1"), expect, "{pattern}");
        }
        assert!(matches(&json!(["logs-*", "job*"]), "jobmarket-claims"));
    }

    #[test]
    fn a_template_gives_what_stands_in_it() {
        let body = json!({"settings": {"index.analysis.analyzer.x.type": "custom"}, "mappings": {"_source": {"enabled": false}}});
        assert!(Place::Setting("index.analysis.analyzer.x".into()).is_in(&body));
        assert!(!Place::Setting("index.analysis.analyzer.xy".into()).is_in(&body));
        assert!(Place::Mapping("/_source".into()).is_in(&body));
        assert!(!Place::Mapping("/_routing".into()).is_in(&body));
    }
}
