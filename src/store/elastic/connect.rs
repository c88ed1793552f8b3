//! The way to the server: its nodes asked in turn, who asks, whom is trusted; no credential goes out unencrypted.
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use elasticsearch::auth::Credentials;
use elasticsearch::cert::CertificateValidation;
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use elasticsearch::http::{Method, Url};
use secrecy::ExposeSecret;

use super::pin;
use super::trust::{file, innermost, refusal, trusted, untrusted};
use crate::bounds::BODY;
use crate::plan::{Fingerprint, Server, is_direct, is_loopback};
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
    fingerprint: Option<Fingerprint>,
}

struct Node {
    transport: Transport,
    url: Url,
    /// Scheme, host and port.
    address: String,
    /// Whether its chain was held against the fingerprint, where there is one.
    held: AtomicBool,
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
    /// The address that answered, where it is not the one that was asked: such a request may have lost its body.
    sent_on: Option<String>,
    /// How long the body would be, where that is more than is read: it is left there.
    too_long: Option<u64>,
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
        let mut held = vec![server.fingerprint.is_none(); urls.len()];
        if let Some(fingerprint) = &server.fingerprint {
            roots.push(pinned(&urls, fingerprint, &mut held).await?);
        }
        let credentials = credentials(server)?;
        let nodes = urls.into_iter().zip(held).map(|(url, held)| {
            let compress = server.compress.unwrap_or_else(|| !is_loopback(&url));
            let address = url.origin().ascii_serialization();
            let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url.clone()))
                .timeout(TIMEOUT)
                .request_body_compression(compress);
            if is_direct(&url, true) || server.fingerprint.is_some() {
                // A proxy of the environment would read what is not encrypted, and the pin is held on the direct way.
                builder = builder.disable_proxy();
            }
            if let Some(credentials) = &credentials {
                builder = builder.auth(credentials.clone());
            }
            if !roots.is_empty() {
                builder = builder.cert_validation(CertificateValidation::Full(trusted(&roots)?));
            }
            let transport = builder.build().map_err(|error| wrong(format!("{address}: {error}")))?;
            Ok(Node { transport, url, address, held: AtomicBool::new(held), rests: AtomicU64::new(0) })
        });
        Ok(Nodes {
            nodes: nodes.collect::<Result<_, StoreError>>()?,
            turn: AtomicUsize::new(0),
            start: Instant::now(),
            told: !roots.is_empty(),
            fingerprint: server.fingerprint.clone(),
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
        let (mut unreached, mut refused) = (Vec::new(), None);
        for node in self.in_turn() {
            match self.ask(node, method, path, media, body.clone()).await {
                Ok(answer) => {
                    node.rests.store(0, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(StoreError::Unreached(why)) => {
                    unreached.push(why);
                    if path.contains("if_seq_no=") || path.contains("op_type=create") {
                        break;
                    }
                }
                Err(error) => refused = Some(error),
            }
            let rest = (self.start.elapsed() + REST).as_millis() as u64;
            node.rests.store(rest, Ordering::Relaxed);
        }
        match refused {
            // One that cannot be trusted is told, but another may be back soon.
            Some(error) if unreached.is_empty() => Err(error),
            Some(error) => Err(StoreError::Unreached(format!("{}; {error}", unreached.join(", ")))),
            None => Err(StoreError::Unreached(unreached.join(", "))),
        }
    }

    /// One request to one node; nothing goes out before its chain was held against the fingerprint.
    async fn ask(
        &self,
        node: &Node,
        method: Method,
        path: &str,
        media: &'static str,
        body: Option<Bytes>,
    ) -> Result<Answer, StoreError> {
        if let Some(fingerprint) = self.fingerprint.as_ref().filter(|_| !node.held.load(Ordering::Relaxed)) {
            pin::certificate(&node.url, fingerprint).await?;
            node.held.store(true, Ordering::Relaxed);
        }
        let answer = node.send(method, path, media, body).await.map_err(|error| match refusal(&error) {
            Some(why) => wrong(untrusted(&node.address, why, self.told)),
            None => unreached(&node.address, &innermost(&error)),
        })?;
        if let Some(other) = &answer.sent_on {
            return Err(wrong(format!("{} sends requests on to {other}; write that address into `url`", node.address)));
        }
        if let Some(length) = answer.too_long {
            return Err(wrong(format!(
                "{} answers {path} with {length} bytes, and at most {BODY} are read; is it Elasticsearch, and what stands before it?",
                node.address
            )));
        }
        Ok(answer)
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
        let other = answer.url().origin();
        let sent_on = (other != self.url.origin()).then(|| other.ascii_serialization());
        let too_long = answer.content_length().filter(|length| *length > BODY as u64);
        // The client gives no pieces: what is not announced is read whole.
        let text = if too_long.is_some() { String::new() } else { answer.text().await? };
        Ok(Answer { status, retry_after, product, sent_on, too_long, text })
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

/// Why a node could not be asked. What nodes say to each other is no HTTP.
fn unreached(address: &str, why: &str) -> StoreError {
    match why.contains("invalid HTTP version") {
        true => wrong(format!(
            "{address} does not speak HTTP: the HTTP port is usually 9200; 9300 is for nodes among themselves"
        )),
        false => StoreError::Unreached(format!("{address}: {why}")),
    }
}

pub(super) fn wrong(message: String) -> StoreError {
    StoreError::Server(message)
}

/// The certificate that has the fingerprint, out of the chains of the nodes that answer; which of them showed it.
async fn pinned(urls: &[Url], fingerprint: &Fingerprint, held: &mut [bool]) -> Result<Vec<u8>, StoreError> {
    let (mut found, mut unreached) = (None, Vec::new());
    for (url, held) in urls.iter().zip(held) {
        match pin::certificate(url, fingerprint).await {
            Ok(certificate) => (found, *held) = (Some(certificate), true),
            Err(StoreError::Unreached(why)) => unreached.push(why),
            Err(error) => return Err(error),
        }
    }
    found.ok_or_else(|| StoreError::Unreached(unreached.join(", ")))
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
    if secret && url.scheme() == "http" && !is_loopback(&url) && !server.allow_http {
        return Err(wrong(format!(
            "credentials would go to {text} unencrypted; use https, or say `allow_http: true` when the network is yours"
        )));
    }
    Ok(url)
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
    async fn an_answer_that_is_announced_too_long_is_not_read() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4_096]).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{{", BODY + 1);
            tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
            // The rest never comes: whoever waits for it waits for ever.
            std::future::pending::<()>().await;
        });
        let nodes = Nodes::open(&Server { urls: vec![url], ..Server::default() }).await.unwrap();
        let said = nodes.send(Method::Get, "/_search", "application/json", None).await.err().unwrap().to_string();
        assert!(said.contains("/_search with 134217729 bytes") && said.contains("134217728 are read"), "{said}");
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
