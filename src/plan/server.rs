//! `store: elasticsearch`: where the server is and who asks, with every secret resolved.
use secrecy::SecretString;

use super::compile::Values;
use crate::definition::pipelines::{Elasticsearch, Store};
use crate::definition::request::Part;
use crate::finding::Finding;

/// Where the server is, and who asks.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// Addresses of its nodes, asked in turn.
    pub urls: Vec<String>,
    /// An API key as the server gives it, base64 of id and secret.
    pub api_key: Option<SecretString>,
    /// User and password.
    pub basic: Option<(String, SecretString)>,
    /// A file of certificates in PEM that are trusted besides those of the system.
    pub ca: Option<String>,
    /// Whether credentials may go over plain HTTP.
    pub allow_http: bool,
    /// Name of the alias that is searched; indices are named after it.
    pub name: String,
}

/// The alias of offers.
const NAME: &str = "jobmarket-offers";

/// The server of a project's store; `None` for the embedded one. A credential that is null means none.
pub(super) fn server(store: &Store, values: &mut Values<'_>) -> Result<Option<Server>, Finding> {
    let Store::Elasticsearch(written) = store else { return Ok(None) };
    let trail = ["store", "elasticsearch"];
    let urls = urls(&written.url, values)?;
    let api_key = optional(written, "api_key", values)?;
    let basic = match &written.basic {
        None => None,
        Some(basic) => {
            let user = values.text(&basic.user, &["store", "elasticsearch", "basic", "user"])?;
            let password = values.text(&basic.password, &["store", "elasticsearch", "basic", "password"])?;
            Some((user, SecretString::from(password)))
        }
    };
    if urls.is_empty() {
        return Err(values.finding(&trail, "`url` gives no address".into()));
    }
    let (ca, allow_http) = (written.ca.clone(), written.allow_http);
    Ok(Some(Server { urls, api_key, basic, ca, allow_http, name: NAME.into() }))
}

fn urls(part: &Part, values: &mut Values<'_>) -> Result<Vec<String>, Finding> {
    match part {
        Part::Value(value) => Ok(value.as_str().map(str::to_owned).into_iter().collect()),
        Part::Template(template) => Ok(vec![values.text(template, &["store", "elasticsearch", "url"])?]),
        Part::List(list) => {
            let mut all = Vec::new();
            for part in list {
                all.extend(urls(part, values)?);
            }
            Ok(all)
        }
        Part::Map(_) => Ok(Vec::new()),
    }
}

fn optional(written: &Elasticsearch, name: &str, values: &mut Values<'_>) -> Result<Option<SecretString>, Finding> {
    let Some(template) = &written.api_key else { return Ok(None) };
    let value = values.value(template, &["store", "elasticsearch", name])?;
    Ok(value.scalar_text().filter(|text| !text.is_empty()).map(|text| text.into_owned().into()))
}

/// The server alone, for commands that need no source.
pub fn server_of(
    definitions: &crate::definition::Definitions,
    surroundings: &super::Surroundings,
) -> Result<Option<Server>, Vec<Finding>> {
    let mut values = Values::of(definitions, "pipelines.yaml".into(), surroundings);
    let server = server(&definitions.pipelines.store, &mut values);
    match server {
        Ok(server) if values.missing.is_empty() => Ok(server),
        Ok(_) => Err(values.missing),
        Err(finding) => Err(values.missing.into_iter().chain([finding]).collect()),
    }
}
