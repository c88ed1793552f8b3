//! The way to the server: addresses, credentials, certificates, and what else may answer there.
use std::io::{Read, Write};
use std::net::TcpListener;

use jobmarket::plan::Fingerprint;

use crate::certificates::Authority;
use crate::proxy::Proxy;
use crate::stage::{KEY, Stage};

/// What asks the server, and says what it does.
const ASK: [&str; 4] = ["run remotive", "search", "export", "verify"];

/// What is wrong as it is written.
const WRITTEN: [(&str, &str); 8] = [
    ("{url: \"\"}", "`url` gives no address"),
    ("{url: \"https://me:s3cr3t@es.example\"}", "`url` holds a user or a password"),
    ("{url: \"localhost:9200\"}", "`…` is no address"),
    ("{url: \"es.example\"}", "`…` is no address"),
    ("{url: \"https://es.example\", ca: nowhere.pem}", "`ca`: …"),
    ("{url: \"https://es.example\", ca: pipelines.yaml}", "`ca`: …"),
    ("{url: \"https://es.example\", fingerprint: \"ab:cd\"}", "`fingerprint` is not a SHA-256 of a certificate"),
    (
        "{url: \"https://es.example\", ca: a.pem, fingerprint: \"PRINT\"}",
        "`fingerprint` and `ca` each say whom to trust",
    ),
];
/// The same, as it is found when the server is asked.
const ASKED: [(&str, &str); 2] = [
    ("{url: \"http://127.0.0.1:9\", fingerprint: \"PRINT\"}", "… has no certificate to hold `fingerprint` against"),
    ("{url: \"https://-es.example\", fingerprint: \"PRINT\"}", "… is not a name that a certificate could have"),
];

/// Nobody is asked, or nobody answers.
pub async fn without_a_server(stage: &mut Stage) {
    stage.store("{url: \"http://es.example:9200\", api_key: \"${secret.ES_API_KEY}\"}");
    stage.shows("credentials would go to … unencrypted", &["check", "run remotive", "search"]).await;
    stage.store("{url: \"https://es.example:9200\", api_key: \"${env.UNSET or 'id:secret'}\"}");
    stage.shows("`api_key` is not one", &["check", "run remotive", "search"]).await;
    for (written, message) in WRITTEN {
        stage.store(&written.replace("PRINT", &"ab".repeat(32)));
        stage.shows(message, &["check", "run remotive", "search"]).await;
    }
    for (written, message) in ASKED {
        stage.store(&written.replace("PRINT", &"ab".repeat(32)));
        stage.shows(message, &["run remotive", "search"]).await;
    }
    stage.filled().await;
    let why = format!("why {}", stage.offer());
    stage.at("http://127.0.0.1:1");
    let commands = [&ASK[..], &["status", &why]].concat();
    stage.shows("the server cannot be reached", &commands).await;
    stage.empty().await;
}

/// Something answers that is not a server of ours.
pub async fn what_answers(stage: &mut Stage) {
    let commands = [&ASK[..], &["status"]].concat();
    stage.at(&stage.project.sites.origins()[0].1);
    stage.shows("what answers is not Elasticsearch", &commands).await;

    stage.at_proxy();
    let mut info = stage.hand("GET", "", serde_json::Value::Null).await;
    info["version"]["number"] = "7.17.29".into();
    stage.proxy.answer("/", 200, &info.to_string());
    stage.shows("Elasticsearch … is too old", &commands).await;
    stage.proxy.clear();

    stage.proxy.send_on("/", &stage.node.url);
    stage.shows("… sends requests on to …", &commands).await;
    stage.proxy.clear();

    stage.at(&a_server_of_long_answers());
    stage.shows("… answers … with more than … bytes", &ASK).await;

    stage.at(&stage.node.url.replace("http:", "https:"));
    stage.shows("… does not speak TLS there", &commands).await;
    stage.at_node();
}

/// The address of a server that announces a gigabyte to whoever asks, and sends nothing of it.
fn a_server_of_long_answers() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let _asked = stream.read(&mut [0; 4_096]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n").unwrap();
            open.push(stream);
        }
    });
    url
}

/// The credential is not the one.
pub async fn who_asks(stage: &mut Stage) {
    let proxy = Proxy::start(&stage.node.url).await;
    proxy.demand("authorization", &format!("ApiKey {KEY}"));
    let why = format!("why {}", stage.offer());
    stage.at(&proxy.url);
    stage.shows("the server refuses the credential", &[&ASK[..], &["status", &why]].concat()).await;
    stage.at_node();
}

/// The certificate is not one that is trusted.
pub async fn whom_to_trust(stage: &mut Stage) {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let folder = stage.project.dir.path();
    std::fs::write(folder.join("ours.pem"), ours.pem()).unwrap();
    let of = |name: &str, until: i32| ours.server(name, until, &ours).1;
    let unknown = Proxy::start_tls(&stage.node.url, of("localhost", 2200)).await;
    let expired = Proxy::start_tls(&stage.node.url, of("localhost", 2020)).await;
    let elsewhere = Proxy::start_tls(&stage.node.url, of("elsewhere.example", 2200)).await;
    let commands = [&ASK[..], &["status"]].concat();
    for (proxy, ca) in [(&unknown, ""), (&expired, ", ca: ours.pem"), (&elsewhere, ", ca: ours.pem")] {
        stage.store(&format!("{{url: \"{}\"{ca}}}", proxy.url));
        stage.shows("the certificate of … is not trusted", &commands).await;
    }
    stage.store(&format!("{{url: \"{}\", fingerprint: \"{}\"}}", unknown.url, Fingerprint::of(&other.der())));
    stage.shows("no certificate of … has the `fingerprint`", &commands).await;

    let (own, tls) = ours.server("localhost", 2200, &ours);
    let signed = Proxy::start_tls(&stage.node.url, tls).await;
    stage.store(&format!("{{url: \"{}\", fingerprint: \"{}\"}}", signed.url, Fingerprint::of(&own)));
    stage.shows("`fingerprint` is that of the own certificate of …", &commands).await;
    // One that speaks another protocol than HTTP behind its TLS.
    let mut tls = of("localhost", 2200);
    tls.alpn_protocols = vec![b"other".to_vec()];
    let other = Proxy::start_tls(&stage.node.url, tls).await;
    stage.store(&format!("{{url: \"{}\", ca: ours.pem}}", other.url));
    stage.shows("… no secure connection: …", &commands).await;
    stage.at_node();
}
