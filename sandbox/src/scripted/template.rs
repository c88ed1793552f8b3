//! The templates of rules: what they read of a request, and the functions that make records.
use std::collections::HashMap;
use std::net::SocketAddr;

use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{AutoEscape, Environment, Error};
use serde::Serialize;

use crate::serve::Asked;

/// What a template reads of a request.
#[derive(Serialize)]
pub(super) struct Request {
    /// `site` or `other`.
    pub host: &'static str,
    pub method: String,
    pub path: String,
    /// Parts of the path between slashes, decoded.
    pub segments: Vec<String>,
    /// Path and query, as they came.
    pub target: String,
    pub query: HashMap<String, String>,
    /// By their names in small letters, `-` written as `_`.
    pub headers: HashMap<String, String>,
    pub body: String,
    /// The body as JSON, where it is JSON.
    pub sent: Option<serde_json::Value>,
    /// The body as a form.
    pub form: HashMap<String, String>,
    /// How often this path was asked, this time included.
    pub nth: u64,
    pub day: u64,
    /// Seconds since 1970.
    pub now: i64,
}

impl Request {
    pub(super) fn new(host: &'static str, asked: &Asked, nth: u64, day: u64) -> Self {
        let headers = asked.headers.iter().map(|(name, value)| (name.replace('-', "_"), value.clone())).collect();
        Request {
            host,
            method: asked.method.clone(),
            path: asked.path.clone(),
            segments: asked.path.split('/').filter(|part| !part.is_empty()).map(crate::serve::decoded).collect(),
            target: asked.target.clone(),
            query: asked.query.clone(),
            headers,
            body: String::from_utf8_lossy(&asked.body).into_owned(),
            sent: serde_json::from_slice(&asked.body).ok(),
            form: asked.form(),
            nth,
            day,
            now: chrono::Utc::now().timestamp(),
        }
    }
}

/// Renders what rules say.
pub(super) struct Templates {
    text: Environment<'static>,
    json: Environment<'static>,
}

impl Templates {
    pub(super) fn new(site: SocketAddr, other: SocketAddr) -> Self {
        let environment = |escape: AutoEscape| {
            let mut environment = Environment::new();
            environment.set_auto_escape_callback(move |_| escape.clone());
            environment.add_global("site", format!("http://{site}"));
            environment.add_global("other", format!("http://{other}"));
            environment.add_function("job", move |index: i64, more: Kwargs| job(site, index, &more));
            environment.add_function("jobs", move |from: i64, end: i64, most: Option<i64>, more: Kwargs| {
                let end = end.min(from.saturating_add(most.unwrap_or(i64::MAX)));
                (from..end.max(from)).map(|index| job(site, index, &more)).collect::<Result<Vec<_>, _>>()
            });
            environment
        };
        Templates { text: environment(AutoEscape::None), json: environment(AutoEscape::Json) }
    }

    /// A template as text.
    pub(super) fn text(&self, template: &str, request: &Request) -> Result<String, Error> {
        self.text.render_str(template, Value::from(Serde(request)))
    }

    /// A template whose expressions print JSON.
    pub(super) fn json(&self, template: &str, request: &Request) -> Result<String, Error> {
        self.json.render_str(template, Value::from(Serde(request)))
    }

    /// Whether an expression holds.
    pub(super) fn holds(&self, expression: &str, request: &Request) -> Result<bool, Error> {
        Ok(self.text.compile_expression(expression)?.eval(Value::from(Serde(request)))?.is_true())
    }
}

/// A record; members by name replace or complete it.
fn job(site: SocketAddr, index: i64, more: &Kwargs) -> Result<Value, Error> {
    let mut members = vec![
        ("id".to_owned(), Value::from(index.to_string())),
        ("title".to_owned(), Value::from(format!("Job {index}"))),
        ("url".to_owned(), Value::from(format!("http://{site}/job/{index}"))),
        ("date".to_owned(), Value::from("2026-11-20T10:00:00Z")),
    ];
    for name in more.args() {
        let value: Value = more.get(name)?;
        match members.iter_mut().find(|(known, _)| known == name) {
            Some(member) => member.1 = value,
            None => members.push((name.to_owned(), value)),
        }
    }
    Ok(Value::from(members.into_iter().collect::<std::collections::BTreeMap<_, _>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_json_objects_whose_members_can_be_replaced() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let templates = Templates::new(address, address);
        let text = templates.json.render_str("{{ jobs(3, 9, 1, title='x', pay=2) }}", ()).expect("renders");
        let found: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
        let job = serde_json::json!({"id": "3", "title": "x", "url": "http://127.0.0.1:80/job/3", "date": "2026-11-20T10:00:00Z", "pay": 2});
        assert_eq!(found, serde_json::json!([job]));
    }
}
