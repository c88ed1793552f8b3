//! Connecting safely to a real Elasticsearch behind TLS: whom we trust, who we are, and which node answers.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/certificates.rs"]
mod certificates;
#[path = "elasticsearch/node.rs"]
mod node;
#[path = "elasticsearch/proxy.rs"]
mod proxy;

use std::path::Path;
use std::sync::Arc;

use certificates::{Authority, alone};
use jobmarket::definition::{self, Text};
use jobmarket::files;
use jobmarket::plan::{Fingerprint, Server, Surroundings, server_of};
use jobmarket::schema::Schema;
use jobmarket::store::elastic::Elastic;
use node::Node;
use proxy::Proxy;

fn schema() -> Arc<Schema> {
    let texts = files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    definition::read(&texts).0.schema
}

/// What is said when the server is opened so; nothing when it is.
async fn said(server: Server) -> String {
    let server = Server { name: "trust".into(), ..server };
    Elastic::to_write(&server, schema()).await.map_or_else(|error| error.to_string(), |_| String::new())
}

fn at(proxy: &Proxy) -> Server {
    Server { urls: vec![proxy.url.clone()], ..Server::default() }
}

fn pinned(proxy: &Proxy, certificate: &[u8]) -> Server {
    Server { fingerprint: Some(Fingerprint::of(certificate)), ..at(proxy) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_by_its_authority() {
    let node = Node::start();
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path.display().to_string())
    };
    let proxy = Proxy::start_tls(&node.url, ours.server("localhost", 2200, &ours).1).await;
    let right = file("right.pem", &format!("{}{}", other.pem(), ours.pem()));
    assert_eq!(said(Server { ca: right.clone(), ..at(&proxy) }).await, "");
    let unknown = said(at(&proxy)).await;
    assert!(unknown.contains("is not known here") && unknown.contains("`ca: FILE`"), "{unknown}");
    let wrong = said(Server { ca: file("wrong.pem", &other.pem()), ..at(&proxy) }).await;
    assert!(wrong.contains("is not the one that `ca`"), "{wrong}");
    let empty = said(Server { ca: file("empty.pem", "nothing"), ..at(&proxy) }).await;
    assert!(empty.contains("holds no certificate") && empty.contains("empty.pem"), "{empty}");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let broken = said(Server { ca: file("broken.pem", broken), ..at(&proxy) }).await;
    assert!(broken.contains("broken.pem"), "{broken}");

    let expired = Proxy::start_tls(&node.url, ours.server("localhost", 2020, &ours).1).await;
    let elsewhere = Proxy::start_tls(&node.url, ours.server("elsewhere.example", 2200, &ours).1).await;
    for (proxy, expect) in [(&expired, "it has expired"), (&elsewhere, "it is for another name")] {
        let by_file = said(Server { ca: right.clone(), ..at(proxy) }).await;
        let by_print = said(pinned(proxy, &ours.der())).await;
        assert!(by_file.contains(expect) && by_print.contains(expect), "{by_file}\n{by_print}");
    }
    let plain = Server { urls: vec![node.url.replace("http:", "https:")], ..Server::default() };
    assert!(said(plain.clone()).await.contains("does not speak TLS"), "{}", said(plain.clone()).await);
    let plain = said(Server { fingerprint: Some(Fingerprint::of(b"")), ..plain }).await;
    assert!(plain.contains("does not speak TLS"), "{plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_by_a_fingerprint() {
    let node = Node::start();
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let (own, tls) = ours.server("localhost", 2200, &ours);
    let proxy = Proxy::start_tls(&node.url, tls).await;
    assert_eq!(said(pinned(&proxy, &ours.der())).await, "");
    let asked = proxy.asked().len();
    let wrong = said(pinned(&proxy, &other.der())).await;
    for print in [Fingerprint::of(&own), Fingerprint::of(&ours.der()), Fingerprint::of(&other.der())] {
        assert!(wrong.contains(&print.to_string()), "{wrong}");
    }
    assert!(wrong.contains("needs `ca: FILE`") && wrong.contains("somebody else answers"), "{wrong}");
    assert_eq!(proxy.asked().len(), asked, "nothing is asked of a server that is not trusted");

    // The server's own certificate: one that signed itself can be pinned, one that others signed cannot.
    let leaf = said(pinned(&proxy, &own)).await;
    assert!(leaf.contains(&Fingerprint::of(&ours.der()).to_string()) && leaf.contains("own certificate"), "{leaf}");
    let (own, tls) = alone("localhost");
    let proxy = Proxy::start_tls(&node.url, tls).await;
    assert_eq!(said(pinned(&proxy, &own)).await, "");

    // Somebody shows the pinned authority behind a certificate that another authority signed.
    let proxy = Proxy::start_tls(&node.url, other.server("localhost", 2200, &ours).1).await;
    let forged = said(pinned(&proxy, &ours.der())).await;
    assert!(forged.contains("is not trusted"), "{forged}");
    assert_eq!(proxy.asked().len(), 0);
    let plain =
        said(Server { fingerprint: Some(Fingerprint::of(b"")), urls: vec![node.url.clone()], ..Server::default() })
            .await;
    assert!(plain.contains("use https"), "{plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_must_be_who_is_demanded() {
    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    let key = |key: &str| Server { api_key: Some(key.to_owned().into()), ..at(&proxy) };
    let basic = |password: &str| Server { basic: Some(("elastic".into(), password.to_owned().into())), ..at(&proxy) };
    proxy.demand("authorization", "ApiKey bXlpZDpteWtleQ==");
    assert_eq!(said(key("bXlpZDpteWtleQ==")).await, "");
    // A key that was read from a file has a line end.
    assert_eq!(said(key("bXlpZDpteWtleQ==\n")).await, "");
    for server in [at(&proxy), key("d3Jvbmc="), basic("secret")] {
        let refused = said(server).await;
        assert!(refused.contains("refuses the credential") && refused.contains("check `api_key`"), "{refused}");
        assert!(!refused.contains("d3Jvbmc") && !refused.contains("secret"), "{refused}");
    }
    proxy.demand("authorization", "Basic ZWxhc3RpYzpzZWNyZXQ=");
    assert_eq!(said(basic("secret")).await, "");
    assert!(said(basic("wrong")).await.contains("refuses the credential"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_dead_is_passed_over() {
    let node = Node::start();
    let (first, second) = (Proxy::start(&node.url).await, Proxy::start(&node.url).await);
    let urls = vec![first.url.clone(), second.url.clone()];
    let server = Server { urls, name: "nodes".into(), ..Server::default() };
    let store = Elastic::to_write(&server, schema()).await.unwrap();
    for _ in 0..10 {
        store.refresh().await.unwrap();
    }
    // In turn while both are there.
    let counts = (first.asked().len(), second.asked().len());
    assert!(counts.0.abs_diff(counts.1) <= 1 && counts.0 > 4, "{counts:?}");
    drop(first);
    for _ in 0..10 {
        store.refresh().await.unwrap();
    }
    // Each asks for the health first.
    assert_eq!(second.asked().len(), counts.1 + 20);
    drop(Elastic::to_write(&server, schema()).await.unwrap());
    // When none is left both are named.
    drop(second);
    let gone = store.refresh().await.unwrap_err().to_string();
    assert!(server.urls.iter().all(|url| gone.contains(url)) && gone.contains("cannot be reached"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_late_is_held_against_the_fingerprint_too() {
    let node = Node::start();
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let right = Proxy::start_tls(&node.url, ours.server("localhost", 2200, &ours).1).await;
    let port = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let late = [port(), port()];
    let urls = late.iter().map(|port| format!("https://localhost:{port}")).chain([right.url.clone()]).collect();
    let server = Server { urls, fingerprint: Some(Fingerprint::of(&ours.der())), ..at(&right) };
    let server = Server { name: "late".into(), ..server };
    let store = Elastic::to_write(&server, schema()).await.unwrap();
    // One comes, and is another: nothing is asked of it.
    let tls = other.server("localhost", 2200, &other).1;
    let wrong = Proxy::start_tls_at(&node.url, late[0], tls).await;
    drop(right);
    let error = store.refresh().await.unwrap_err().to_string();
    assert!(error.contains("has the `fingerprint`") && error.contains("cannot be reached"), "{error}");
    assert_eq!(wrong.asked().len(), 0);
    let right = Proxy::start_tls_at(&node.url, late[1], ours.server("localhost", 2200, &ours).1).await;
    store.refresh().await.unwrap();
    assert_eq!(right.asked().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_whose_certificate_expired_is_passed_over() {
    let node = Node::start();
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new("ours");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, ours.pem()).unwrap();
    let expired = Proxy::start_tls(&node.url, ours.server("localhost", 2020, &ours).1).await;
    let right = Proxy::start_tls(&node.url, ours.server("localhost", 2200, &ours).1).await;
    let urls = vec![expired.url.clone(), right.url.clone()];
    let server = Server { urls, ca: Some(ca.display().to_string()), name: "expired".into(), ..Server::default() };
    let store = Elastic::to_write(&server, schema()).await.unwrap();
    for _ in 0..4 {
        store.refresh().await.unwrap();
    }
    assert_eq!(expired.asked().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_sends_requests_on_is_not_followed_blindly() {
    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    proxy.send_on("/", &node.url);
    let said = said(at(&proxy)).await;
    assert!(said.contains(&format!("on to {}", node.url)) && said.contains("into `url`"), "{said}");
}

#[test]
fn a_fingerprint_is_judged_where_it_is_written() {
    let read = |more: &str| {
        let text = format!("store:\n  elasticsearch:\n    url: https://localhost:9200\n{more}pipelines: []\n");
        let mut texts = files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        texts.retain(|text| text.path.starts_with("mappings/"));
        texts.push(Text { path: "pipelines.yaml".into(), text });
        let (definitions, findings) = definition::read(&texts);
        assert_eq!(findings, []);
        server_of(&definitions, &Surroundings::new([]))
    };
    let print = Fingerprint::of(b"x").to_string();
    let server = read(&format!("    fingerprint: \"{}\"\n", print.to_uppercase())).unwrap().unwrap();
    assert_eq!(server.fingerprint, Some(Fingerprint::of(b"x")));
    for (more, expect) in [
        (format!("    fingerprint: \"{}\"\n", &print[2..]), "64 hexadecimal digits"),
        (format!("    fingerprint: \"{print}\"\n    ca: ca.pem\n"), "give one of them"),
    ] {
        let findings = read(&more).unwrap_err();
        assert!(findings.len() == 1 && findings[0].message.contains(expect), "{findings:?}");
        assert_eq!((findings[0].place.file.as_str(), findings[0].place.line), ("pipelines.yaml", 4), "{findings:?}");
    }
}
