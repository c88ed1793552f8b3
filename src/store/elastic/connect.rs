//! The way to the server: its nodes asked in turn, who asks, whom is trusted; no credential goes out unencrypted.
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use elasticsearch::http::Url;
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;

use super::node::{Answer, Node, NodeRequest, Silence};
use super::pin;
use super::trust::{file, innermost, refusal, untrusted};
use crate::plan::{Fingerprint, Server, is_loopback};
use crate::store::StoreError;

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
        let credential = credential(server)?;
        let nodes = urls.into_iter().zip(held).map(|(url, held)| {
            let node = Node::new(url, server, &roots, credential.clone())?;
            node.held.store(held, Ordering::Relaxed);
            Ok(node)
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
    pub async fn send(&self, sent: &NodeRequest<'_>) -> Result<Answer, StoreError> {
        let (mut unreached, mut refused) = (Vec::new(), None);
        for node in self.in_turn() {
            match self.ask(node, sent).await {
                Ok(answer) => {
                    node.rests.store(0, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(StoreError::Unreached(why)) => {
                    unreached.push(why);
                    if sent.path.contains("if_seq_no=") || sent.path.contains("op_type=create") {
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
    async fn ask(&self, node: &Node, sent: &NodeRequest<'_>) -> Result<Answer, StoreError> {
        if let Some(fingerprint) = self.fingerprint.as_ref().filter(|_| !node.held.load(Ordering::Relaxed)) {
            pin::certificate(&node.url, fingerprint).await?;
            node.held.store(true, Ordering::Relaxed);
        }
        node.send(sent).await.map_err(|silence| match silence {
            Silence::Unusable(error) => error,
            Silence::Network(error) => match refusal(&error) {
                Some(why) => wrong(untrusted(&node.address, why, self.told)),
                None => unreached(&node.address, &innermost(&error)),
            },
        })
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

/// What is wrong with what is given, by its key, as far as no server need be asked for it.
pub fn faults(server: &Server) -> Vec<(&'static str, String)> {
    let given = server.urls.iter().map(|url| ("url", address(url, server).err()));
    let given = given.chain(server.ca.iter().map(|path| ("ca", file(path).err())));
    let given = given.chain([("api_key", credential(server).err())]);
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

/// Who asks, as the header `Authorization` says it.
fn credential(server: &Server) -> Result<Option<HeaderValue>, StoreError> {
    let text = match (&server.api_key, &server.basic) {
        (Some(key), _) => {
            let key = key.expose_secret().trim();
            let sign = |sign: u8| sign.is_ascii_alphanumeric() || b"+/=-_".contains(&sign);
            if !key.bytes().all(sign) {
                let message = "`api_key` is not one: it is the value `encoded` that the server gave with the key, \
                    letters and digits without a colon";
                return Err(wrong(message.into()));
            }
            format!("ApiKey {key}")
        }
        (None, Some((user, password))) => {
            format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose_secret())))
        }
        (None, None) => return Ok(None),
    };
    let mut value = HeaderValue::try_from(text).map_err(|_| wrong("the credential cannot stand in a header".into()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

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
