//! `store: elasticsearch`: where the server is and who asks, with every secret resolved.
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::compile::Values;
use crate::definition::pipelines::{Elasticsearch, Store};
use crate::definition::request::Part;
use crate::finding::Finding;
use crate::redact::hide;

/// Where the server is, and who asks.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// Addresses of its nodes, asked in turn.
    pub urls: Vec<String>,
    /// An API key as the server gives it, base64 of id and secret.
    pub api_key: Option<SecretString>,
    /// User and password.
    pub basic: Option<(String, SecretString)>,
    /// A file of certificates in PEM that are trusted besides the public authorities.
    pub ca: Option<String>,
    /// The certificate that each node must show in its chain, as the authority for it.
    pub fingerprint: Option<Fingerprint>,
    /// Whether credentials may go over plain HTTP.
    pub allow_http: bool,
    /// Whether requests are packed; `None`: to another machine only.
    pub compress: Option<bool>,
    /// Name of the alias that is searched; indices are named after it.
    pub name: String,
}

/// SHA-256 of a certificate in DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, certificate).as_ref());
        Fingerprint(bytes)
    }

    /// 64 hexadecimal digits, with or without colons between the bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.trim().chars().filter(|sign| *sign != ':').collect();
        if digits.len() != 64 || !digits.bytes().all(|sign| sign.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
        }
        Some(Fingerprint(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The alias of offers.
const NAME: &str = "jobmarket-offers";

const NO_FINGERPRINT: &str = "`fingerprint` is not a SHA-256 of a certificate: 64 hexadecimal digits, with or without \
    colons, as the server prints it for its authority at its first start";
const BOTH: &str = "`fingerprint` and `ca` each say whom to trust; give one of them";

/// The server of a project's store; `None` for the embedded one. A credential that is null means none.
pub(super) fn server(store: &Store, values: &mut Values<'_>) -> Result<Option<Server>, Finding> {
    let Store::Elasticsearch(written) = store else { return Ok(None) };
    let trail = ["store", "elasticsearch"];
    // An address that is missing is told beside secrets that are.
    let urls = urls(&written.url, values);
    let api_key = optional(written, "api_key", values)?;
    let basic = match &written.basic {
        None => None,
        Some(basic) => {
            let user = values.text(&basic.user, &["store", "elasticsearch", "basic", "user"])?;
            let password = values.text(&basic.password, &["store", "elasticsearch", "basic", "password"])?;
            Some((user, SecretString::from(password)))
        }
    };
    let mut urls = urls?;
    urls.retain(|url| !url.trim().is_empty());
    if urls.is_empty() {
        return Err(values.finding(&trail, "`url` gives no address".into()));
    }
    let wrong = |values: &Values<'_>, message: &str| {
        values.finding(&["store", "elasticsearch", "fingerprint"], message.to_owned())
    };
    let fingerprint = match written.fingerprint.as_deref().map(Fingerprint::parse) {
        Some(None) => return Err(wrong(values, NO_FINGERPRINT)),
        Some(Some(_)) if written.ca.is_some() => return Err(wrong(values, BOTH)),
        fingerprint => fingerprint.flatten(),
    };
    if values.missing.is_empty() {
        hide(secrets(api_key.as_ref(), basic.as_ref()));
    }
    let (ca, allow_http) = (written.ca.clone(), written.allow_http);
    Ok(Some(Server { urls, api_key, basic, ca, fingerprint, allow_http, compress: None, name: NAME.into() }))
}

/// The credential of the server in the forms in which somebody may repeat it, with their names.
fn secrets(api_key: Option<&SecretString>, basic: Option<&(String, SecretString)>) -> Vec<(String, SecretString)> {
    let mut secrets = Vec::new();
    if let Some(key) = api_key.map(|key| key.expose_secret().trim()) {
        // It is the base64 of its id and its secret: a server may tell them plainly.
        let pair = STANDARD.decode(key).ok().and_then(|pair| String::from_utf8(pair).ok());
        let own = pair.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, own)| own.to_owned());
        let forms = [("api_key", Some(key.to_owned())), ("api_key.pair", pair.clone()), ("api_key.secret", own)];
        secrets.extend(forms.into_iter().filter_map(|(name, value)| Some((format!("store.{name}"), value?.into()))));
    }
    if let Some((user, password)) = basic {
        let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        secrets.push(("store.password".to_owned(), password.clone()));
        secrets.push(("store.basic".to_owned(), pair.into()));
    }
    secrets
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
    match server_as_written(definitions, surroundings) {
        (server, findings) if findings.is_empty() => Ok(server),
        (_, findings) => Err(findings),
    }
}

/// The server as far as it can be told without the secrets that are not set, and what was found on the way. Only to be
/// looked at: something stands in for those secrets.
pub fn server_as_written(
    definitions: &crate::definition::Definitions,
    surroundings: &super::Surroundings,
) -> (Option<Server>, Vec<Finding>) {
    let mut values = Values::of(definitions, "pipelines.yaml".into(), surroundings);
    let server = server(&definitions.pipelines.store, &mut values);
    let mut findings = std::mem::take(&mut values.missing);
    match server {
        Ok(server) => (server, findings),
        Err(finding) => {
            findings.push(finding);
            (None, findings)
        }
    }
}

/// The data directory as `pipelines.yaml` names it; `None` where it does not.
pub fn data_of(
    definitions: &crate::definition::Definitions,
    surroundings: &super::Surroundings,
) -> Result<Option<String>, Vec<Finding>> {
    let Some(template) = &definitions.pipelines.data else { return Ok(None) };
    let mut values = Values::of(definitions, "pipelines.yaml".into(), surroundings);
    let text = values.text(template, &["data"]);
    match text {
        Ok(text) if values.missing.is_empty() => Ok(Some(text)),
        Ok(_) => Err(values.missing),
        Err(finding) => Err(values.missing.into_iter().chain([finding]).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_in_both_forms() {
        let plain = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let colons = plain.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase());
        let colons: Vec<String> = colons.collect();
        let read = Fingerprint::parse(&colons.join(":")).unwrap();
        assert_eq!((read.to_string().as_str(), &read), (plain, &Fingerprint::of(b"")));
        assert_eq!(Fingerprint::parse(plain), Some(read));
        assert_eq!(Fingerprint::parse(&plain[1..]), None);
        assert_eq!(Fingerprint::parse(&plain.replace('e', "ü")), None);
    }
}
