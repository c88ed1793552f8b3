//! One node of a server: the client that asks it, and its answers, read up to a bound.
use std::io::{self, Write};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use elasticsearch::http::{Method, Url};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};

use super::connect::wrong;
use super::trust::certificates;
use crate::bounds::ASKED;
use crate::fetch::{Unread, provider, whole};
use crate::plan::{Server, is_direct, is_loopback};
use crate::store::StoreError;

/// For a whole answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// For a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A node of a server.
pub(super) struct Node {
    client: reqwest::Client,
    /// Its path ends with `/`.
    pub url: Url,
    /// Scheme, host and port.
    pub address: String,
    credential: Option<HeaderValue>,
    compress: bool,
    /// Where a large answer lies while it is read.
    spool: PathBuf,
    /// Whether its chain was held against the fingerprint, where there is one.
    pub held: AtomicBool,
    /// Milliseconds after the start until which it is left alone.
    pub rests: AtomicU64,
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
    pub text: Text,
}

/// The text of an answer. A large one lies in a file.
pub(super) struct Text(Bytes);

impl Text {
    /// Bytes that are not UTF-8 become U+FFFD.
    fn new(body: Bytes) -> Self {
        match std::str::from_utf8(&body) {
            Ok(_) => Text(body),
            Err(_) => Text(String::from_utf8_lossy(&body).into_owned().into()),
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Why a node gave no answer.
pub(super) enum Silence {
    /// The network, or TLS.
    Network(reqwest::Error),
    /// The answer cannot be used, whoever asks again; or there is no place to read it to.
    Unusable(StoreError),
}

/// What is sent.
pub(super) struct NodeRequest<'a> {
    pub method: Method,
    pub path: &'a str,
    pub media: &'static str,
    pub body: Option<Bytes>,
    /// Bytes of the answer that are read at most.
    pub most: usize,
}

impl<'a> NodeRequest<'a> {
    /// JSON, or nothing; what is asked is no document.
    pub fn json(method: Method, path: &'a str, body: Option<String>) -> Self {
        NodeRequest { method, path, media: "application/json", body: body.map(Bytes::from), most: ASKED }
    }
}

impl Node {
    /// A client for this node. With `roots` only these authorities are trusted.
    pub fn new(
        mut url: Url,
        server: &Server,
        roots: &[Vec<u8>],
        credential: Option<HeaderValue>,
    ) -> Result<Self, StoreError> {
        provider();
        let address = url.origin().ascii_serialization();
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("jobmarket/", env!("CARGO_PKG_VERSION")))
            // What is sent on loses its body, or tells another server of it.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT);
        if is_direct(&url, true) || server.fingerprint.is_some() {
            // A proxy of the environment would read what is not encrypted, and the pin is held on the direct way.
            builder = builder.no_proxy();
        }
        if !roots.is_empty() {
            builder = builder.tls_certs_only(certificates(roots)?);
        }
        let client = builder.build().map_err(|error| wrong(format!("{address}: {error}")))?;
        let compress = server.compress.unwrap_or_else(|| !is_loopback(&url));
        let spool = std::env::temp_dir();
        let (held, rests) = (AtomicBool::new(false), AtomicU64::new(0));
        Ok(Node { client, url, address, credential, compress, spool, held, rests })
    }

    /// One request to this node. What the server says, of whichever status, is an answer; a redirect is none.
    pub async fn send(&self, sent: &NodeRequest<'_>) -> Result<Answer, Silence> {
        let answer = self.request(sent)?.send().await.map_err(Silence::Network)?;
        let status = answer.status().as_u16();
        let header = |name| answer.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if let Some(target) = header(LOCATION).filter(|_| matches!(status, 300..=399)) {
            return Err(Silence::Unusable(self.sent_on(target)));
        }
        let retry_after = header(RETRY_AFTER).and_then(|value| pause(value, Utc::now()));
        let product = answer.headers().get("x-elastic-product").is_some_and(|value| value == "Elasticsearch");
        let body = whole(answer, &self.spool, sent.most).await.map_err(|why| self.unread(why, sent.path))?;
        Ok(Answer { status, retry_after, product, text: Text::new(body) })
    }

    fn request(&self, sent: &NodeRequest<'_>) -> Result<reqwest::RequestBuilder, Silence> {
        let unusable = |error: &dyn std::fmt::Display| {
            Silence::Unusable(wrong(format!("{}: `{}` cannot be asked: {error}", self.address, sent.path)))
        };
        let url = self.url.join(sent.path.trim_start_matches('/')).map_err(|error| unusable(&error))?;
        let mut request = self.client.request(method(sent.method), url);
        request = request.header(CONTENT_TYPE, sent.media).header(ACCEPT, "application/json");
        if let Some(credential) = &self.credential {
            request = request.header(AUTHORIZATION, credential.clone());
        }
        Ok(match &sent.body {
            None => request,
            Some(body) if self.compress => {
                let packed = packed(body).map_err(|error| unusable(&error))?;
                request.header(CONTENT_ENCODING, "gzip").body(packed)
            }
            Some(body) => request.body(body.clone()),
        })
    }

    fn sent_on(&self, target: &str) -> StoreError {
        let target = self.url.join(target).ok().map(|url| url.origin()).filter(|origin| *origin != self.url.origin());
        wrong(match target {
            Some(origin) => format!(
                "{} sends requests on to {}; write that address into `url`",
                self.address,
                origin.ascii_serialization()
            ),
            None => format!(
                "{} sends requests on to another path of it: what answers there is not Elasticsearch; a path before those \
                 of the server is written into `url`",
                self.address
            ),
        })
    }

    fn unread(&self, why: Unread, path: &str) -> Silence {
        match why {
            Unread::Network(error) => Silence::Network(error),
            Unread::TooLarge(most) => Silence::Unusable(StoreError::TooLong(format!(
                "{} answers {path} with more than {most} bytes, and no more are read: ask for fewer offers at a time \
                 (`--limit`); where few were asked for, is it Elasticsearch, and what stands before it?",
                self.address
            ))),
            Unread::Disk(error) => Silence::Unusable(StoreError::Unavailable(format!(
                "an answer of {} cannot be kept in {} while it is read: {error}",
                self.address,
                self.spool.display()
            ))),
        }
    }
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Put => reqwest::Method::PUT,
        Method::Post => reqwest::Method::POST,
        Method::Delete => reqwest::Method::DELETE,
        Method::Head => reqwest::Method::HEAD,
    }
}

fn packed(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

/// `Retry-After` in seconds or as a date.
fn pause(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at: DateTime<Utc> = httpdate::parse_http_date(value).ok()?.into();
    Some((at - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::connect::Nodes;
    use super::*;

    /// A server that says the same to everybody, as often as it is asked; how often that was.
    async fn server<F>(say: impl Fn(TcpStream) -> F + Send + 'static) -> (String, Arc<AtomicUsize>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.read(&mut [0; 4_096]).await;
                tokio::spawn(say(stream));
            }
        });
        (url, asked)
    }

    async fn ask(url: &str, method: Method, body: Option<Bytes>) -> Result<Answer, StoreError> {
        let nodes = Nodes::open(&Server { urls: vec![url.to_owned()], ..Server::default() }).await.unwrap();
        nodes.send(&NodeRequest { body, ..NodeRequest::json(method, "/_search", None) }).await
    }

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
        let (url, _) = server(async |mut stream: TcpStream| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{{", ASKED + 1);
            stream.write_all(head.as_bytes()).await.unwrap();
            // The rest never comes: whoever waits for it waits for ever.
            std::future::pending::<()>().await;
        })
        .await;
        let error = ask(&url, Method::Get, None).await.err().unwrap();
        assert!(matches!(&error, StoreError::TooLong(said) if said.contains("/_search with more than 2097152 bytes")));
    }

    #[tokio::test]
    async fn an_answer_without_end_is_read_up_to_the_bound() {
        let (url, _) = server(async |mut stream: TcpStream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
            let chunk = [b"10000\r\n".as_slice(), &[b' '; 65_536], b"\r\n"].concat();
            while stream.write_all(&chunk).await.is_ok() {}
        })
        .await;
        let error = ask(&url, Method::Get, None).await.err().unwrap();
        assert!(matches!(&error, StoreError::TooLong(said) if said.contains("`--limit`")), "{error}");
    }

    #[tokio::test]
    async fn nothing_is_sent_on_to_another_server() {
        let (other, asked) = server(async |_| ()).await;
        for status in [301, 302, 303, 305, 307, 308] {
            for method in [Method::Get, Method::Post] {
                let to = format!("HTTP/1.1 {status} Moved\r\nLocation: {other}/_search\r\nContent-Length: 0\r\n\r\n");
                let (url, _) = server(move |mut stream: TcpStream| {
                    let to = to.clone();
                    async move { stream.write_all(to.as_bytes()).await.unwrap() }
                })
                .await;
                let error = ask(&url, method, Some("{}".into())).await.err().unwrap().to_string();
                assert!(error.contains(&format!("sends requests on to {other}; write that")), "{error}");
            }
        }
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_path_of_its_own_is_no_server_either() {
        let (url, asked) = server(async |mut stream: TcpStream| {
            let to = b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(to).await.unwrap();
        })
        .await;
        let error = ask(&url, Method::Get, None).await.err().unwrap().to_string();
        assert!(error.contains("not Elasticsearch"), "{error}");
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_is_sent_has_who_asks_and_is_packed_on_request() {
        let node = |compress| {
            let server = Server { urls: vec![], compress: Some(compress), ..Server::default() };
            Node::new(
                "http://127.0.0.1:9200/es".parse().unwrap(),
                &server,
                &[],
                Some(HeaderValue::from_static("ApiKey x")),
            )
        };
        let body = Bytes::from(json!({"a": "b".repeat(100)}).to_string());
        let sent = NodeRequest { body: Some(body.clone()), ..NodeRequest::json(Method::Put, "/i/_doc/1?x=y", None) };
        for compress in [false, true] {
            let Ok(request) = node(compress).unwrap().request(&sent) else { panic!("no request") };
            let request = request.build().unwrap();
            assert_eq!(
                (request.method().as_str(), request.url().as_str()),
                ("PUT", "http://127.0.0.1:9200/es/i/_doc/1?x=y")
            );
            assert_eq!(request.headers()["authorization"], "ApiKey x");
            assert_eq!(request.headers().get("content-encoding").is_some(), compress);
            assert_eq!(request.body().unwrap().as_bytes().unwrap().len() < body.len(), compress);
        }
    }

    #[test]
    fn text_that_is_none_is_read_all_the_same() {
        assert_eq!(&*Text::new(Bytes::from_static(b"a\xffb")), "a\u{fffd}b");
    }
}
