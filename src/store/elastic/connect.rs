//! The way to the server: its nodes asked in turn, who asks, whom is trusted; no credential goes out unencrypted.
use std::error::Error;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fmt, io};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use elasticsearch::auth::Credentials;
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use elasticsearch::http::{Method, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, RootCertStore};
use secrecy::ExposeSecret;
use url::Host;

use super::pin;
use crate::plan::Server;
use crate::store::StoreError;

/// For a whole answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a node that did not answer is asked only when no other is left.
const REST: Duration = Duration::from_secs(30);

/// The nodes of a server, asked in turn.
pub(super) struct Nodes {
    nodes: Vec<Node>,
    turn: AtomicUsize,
    start: Instant,
    /// Whether a file of certificates or a fingerprint was given: what is said of one that is not trusted.
    told: bool,
}

struct Node {
    transport: Transport,
    /// Scheme, host and port.
    address: String,
    /// Milliseconds after the start until which it is left alone.
    rests: AtomicU64,
}

/// What a server said.
pub(super) struct Answer {
    /// HTTP status.
    pub status: u16,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether it says that it is Elasticsearch.
    pub product: bool,
    /// The body.
    pub text: String,
}

/// Credentials are inside, so only the addresses are printed.
impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.nodes.iter().map(|node| &node.address)).finish()
    }
}

impl Nodes {
    /// Checks what is given. Only a fingerprint needs the server to be there.
    pub async fn open(server: &Server) -> Result<Self, StoreError> {
        let urls = server.urls.iter().map(|text| address(text, server)).collect::<Result<Vec<Url>, _>>()?;
        if urls.is_empty() {
            return Err(wrong("no address of a server is given".into()));
        }
        let mut roots = Vec::new();
        if let Some(path) = &server.ca {
            roots.extend(file(path)?);
        }
        if let Some(fingerprint) = &server.fingerprint {
            roots.push(pin::certificate(&urls, fingerprint).await?);
        }
        let credentials = credentials(server)?;
        let nodes = urls.into_iter().map(|url| {
            let compress = server.compress.unwrap_or_else(|| !loopback(&url));
            let address = url.origin().ascii_serialization();
            let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url))
                .timeout(TIMEOUT)
                .request_body_compression(compress);
            if let Some(credentials) = &credentials {
                builder = builder.auth(credentials.clone());
            }
            if !roots.is_empty() {
                builder = builder.cert_validation(CertificateValidation::Full(trusted(&roots)?));
            }
            let transport = builder.build().map_err(|error| wrong(format!("{address}: {error}")))?;
            Ok(Node { transport, address, rests: AtomicU64::new(0) })
        });
        Ok(Nodes {
            nodes: nodes.collect::<Result<_, StoreError>>()?,
            turn: AtomicUsize::new(0),
            start: Instant::now(),
            told: !roots.is_empty(),
        })
    }

    /// One request; what the network says is an error, what the server says is an answer. A node that does not answer is
    /// passed over: all that we write may be written twice, but for what holds only once (`if_seq_no`).
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        media: &'static str,
        body: Option<Bytes>,
    ) -> Result<Answer, StoreError> {
        let mut unreached = Vec::new();
        for node in self.in_turn() {
            match node.send(method, path, media, body.clone()).await {
                Ok(answer) => {
                    node.rests.store(0, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error) => {
                    let rest = (self.start.elapsed() + REST).as_millis() as u64;
                    node.rests.store(rest, Ordering::Relaxed);
                    if let Some(why) = refusal(&error) {
                        return Err(StoreError::Server(untrusted(&node.address, why, self.told)));
                    }
                    unreached.push(format!("{}: {}", node.address, innermost(&error)));
                    if path.contains("if_seq_no=") || path.contains("op_type=create") {
                        break;
                    }
                }
            }
        }
        Err(StoreError::Unreached(unreached.join(", ")))
    }

    /// Every node once: those that answered first, each request beginning with another.
    fn in_turn(&self) -> Vec<&Node> {
        let now = self.start.elapsed().as_millis() as u64;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.nodes.len();
        let mut nodes: Vec<&Node> = self.nodes[turn..].iter().chain(&self.nodes[..turn]).collect();
        nodes.sort_by_key(|node| node.rests.load(Ordering::Relaxed) > now);
        nodes
    }
}

impl Node {
    async fn send(
        &self,
        method: Method,
        path: &str,
        media: &'static str,
        body: Option<Bytes>,
    ) -> Result<Answer, elasticsearch::Error> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        let answer = self.transport.send(method, path, headers, None::<&()>, body, Some(TIMEOUT)).await?;
        let status = answer.status_code().as_u16();
        let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = asked.and_then(|value| pause(value, Utc::now()));
        let product = answer.headers().get("x-elastic-product").is_some_and(|value| value == "Elasticsearch");
        Ok(Answer { status, retry_after, product, text: answer.text().await? })
    }
}

/// What is wrong with what is given, by its key, as far as no server need be asked for it.
pub fn faults(server: &Server) -> Vec<(&'static str, String)> {
    let given = server.urls.iter().map(|url| ("url", address(url, server).err()));
    let given = given.chain(server.ca.iter().map(|path| ("ca", file(path).err())));
    let given = given.chain([("api_key", credentials(server).err())]);
    given
        .filter_map(|(key, error)| match error? {
            StoreError::Server(message) => Some((key, message)),
            other => Some((key, other.to_string())),
        })
        .collect()
}

fn wrong(message: String) -> StoreError {
    StoreError::Server(message)
}

/// `Retry-After` in seconds or as a date.
fn pause(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at: DateTime<Utc> = httpdate::parse_http_date(value).ok()?.into();
    Some((at - now).to_std().unwrap_or_default())
}

/// An address that may be asked with the credential that is given.
fn address(text: &str, server: &Server) -> Result<Url, StoreError> {
    // What stands before an `@` is a password: it is never repeated.
    if text.contains('@') {
        return Err(wrong("`url` holds a user or a password; write them as `basic: {user, password}`".into()));
    }
    let url = Url::parse(text).map_err(|error| {
        wrong(format!("`{text}` is no address: {error}; write `https://` or `http://` before its name"))
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong(format!(
            "`{text}` is no address of a server; write `https://` or `http://` before its name"
        )));
    }
    let secret = server.api_key.is_some() || server.basic.is_some();
    if secret && url.scheme() == "http" && !loopback(&url) && !server.allow_http {
        return Err(wrong(format!(
            "credentials would go to {text} unencrypted; use https, or say `allow_http: true` when the network is yours"
        )));
    }
    Ok(url)
}

/// Whether it is this machine: nothing leaves it, and packing would only cost time.
fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Who asks.
fn credentials(server: &Server) -> Result<Option<Credentials>, StoreError> {
    if let Some(key) = &server.api_key {
        let key = key.expose_secret().trim();
        let sign = |sign: u8| sign.is_ascii_alphanumeric() || b"+/=-_".contains(&sign);
        if !key.bytes().all(sign) {
            let message = "`api_key` is not one: it is the value `encoded` that the server gave with the key, \
                letters and digits without a colon";
            return Err(wrong(message.into()));
        }
        return Ok(Some(Credentials::EncodedApiKey(key.to_owned())));
    }
    let basic = server.basic.as_ref();
    Ok(basic.map(|(user, password)| Credentials::Basic(user.clone(), password.expose_secret().to_owned())))
}

/// The certificates of a file, in PEM.
fn file(path: &str) -> Result<Vec<Vec<u8>>, StoreError> {
    let pem = std::fs::read(path).map_err(|error| wrong(format!("`ca`: {path}: {error}")))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = read.map_err(|error| wrong(format!("`ca`: {path} cannot be read: {error}")))?;
    let unusable = |error| wrong(format!("`ca`: a certificate of {path} cannot be used: {error}"));
    certificates.iter().try_for_each(|one| RootCertStore::empty().add(one.clone())).map_err(unusable)?;
    if certificates.is_empty() {
        return Err(wrong(format!(
            "`ca`: {path} holds no certificate; it takes PEM, from `-----BEGIN CERTIFICATE-----` on"
        )));
    }
    Ok(certificates.iter().map(|certificate| certificate.to_vec()).collect())
}

/// The crate adds these to the public authorities, it cannot take those away: a certificate that one of them signed for
/// the same name is taken as well. With a fingerprint the first connection is held against the pinned one alone (`pin.rs`).
fn trusted(roots: &[Vec<u8>]) -> Result<Certificate, StoreError> {
    let unread = |error: elasticsearch::Error| wrong(format!("a certificate cannot be read: {error}"));
    let mut all: Option<Certificate> = None;
    for root in roots {
        let certificate = Certificate::from_der(root).map_err(unread)?;
        match &mut all {
            Some(all) => all.append(certificate),
            None => all = Some(certificate),
        }
    }
    all.ok_or_else(|| wrong("no certificate is given".into()))
}

/// An error and its causes, outermost first. An I/O error does not name what it wraps as its cause.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

/// The innermost cause says what happened; the outer ones repeat the address.
fn innermost(error: &elasticsearch::Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// What TLS says against the server.
fn refusal(error: &elasticsearch::Error) -> Option<&rustls::Error> {
    causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>())
}

/// What TLS says against a server, and what to do about it.
pub(super) fn untrusted(address: &str, why: &rustls::Error, told: bool) -> String {
    let what = match why {
        rustls::Error::InvalidMessage(_) => {
            return format!("{address} does not speak TLS there; is it `http://`, or another port?");
        }
        rustls::Error::InvalidCertificate(why) => why,
        other => return format!("{address}: no secure connection: {other}"),
    };
    let hint = match what {
        CertificateError::UnknownIssuer | CertificateError::BadSignature if told => {
            "its authority is not the one that `ca` or `fingerprint` names; take them from this server again"
        }
        CertificateError::UnknownIssuer => {
            "its authority is not known here; give the authority's certificate with `ca: FILE`, or its `fingerprint`"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; renew it at the server, and check the clock here"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "check the clock here",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name; write the name of the certificate into `url`"
        }
        _ => "give the certificate of its authority with `ca: FILE`, or its `fingerprint`",
    };
    format!("the certificate of {address} is not trusted: {what}: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_read_in_both_forms() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        assert_eq!(pause("120", now), Some(Duration::from_secs(120)));
        assert_eq!(pause("Tue, 14 Nov 2023 22:13:30 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(pause("Tue, 14 Nov 2023 22:13:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(pause("soon", now), None);
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_said_without_its_secrets() {
        let open = async |url: &str, more: Server| {
            Nodes::open(&Server { urls: vec![url.to_owned()], ..more }).await.unwrap_err().to_string()
        };
        let key = |key: &str| Server { api_key: Some(key.to_owned().into()), ..Server::default() };
        let said = open("https://me:secret@host:9200", Server::default()).await;
        assert!(said.contains("`basic: {user, password}`") && !said.contains("secret"), "{said}");
        assert!(open("localhost:9200", Server::default()).await.contains("write `https://`"));
        let said = open("https://host", key("id:secret")).await;
        assert!(said.contains("without a colon") && !said.contains("secret"), "{said}");
        assert!(open("https://host", key("a\nb")).await.contains("is not one"));
        assert!(open("http://10.0.0.1", key("abc")).await.contains("unencrypted"));
        assert!(Nodes::open(&Server { urls: vec!["http://127.0.0.2:1".into()], ..key("abc") }).await.is_ok());
        let allowed = Server { urls: vec!["http://10.0.0.1".into()], allow_http: true, ..key("abc") };
        let printed = format!("{:?}", Nodes::open(&allowed).await.unwrap());
        assert!(printed.contains("10.0.0.1") && !printed.contains("abc"), "{printed}");
    }
}
