//! Elasticsearch as the store of a schedule: a real node, a proxy in front of it, and faults of both.
use std::time::Duration;

use jobmarket::offer::OfferId;
use sandbox::{Class, Sandbox, Site};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::node::Node;
use crate::proxy::{Fault, Proxy};
use crate::tally::Tally;

/// A node and its proxy.
pub struct Outside {
    node: Option<Node>,
    /// The node's own address.
    pub url: String,
    pub proxy: Proxy,
    /// What the proxy had injected when it was last asked.
    told: Vec<(Fault, u64)>,
    /// The node on its way down and up again.
    outage: Option<tokio::task::JoinHandle<Node>>,
}

/// What the proxy injects. The last ones are not over by themselves: they end the start, not the promise.
const FAULTS: [(Fault, &str); 10] = [
    (Fault::Status(429), "429"),
    (Fault::Status(503), "503"),
    (Fault::Block, "flood stage"),
    (Fault::Reset, "reset"),
    (Fault::ResetAfter, "unknown outcome"),
    (Fault::Half, "half an answer"),
    (Fault::Slow(300), "slow"),
    (Fault::Items(429, 30), "partial bulk 429"),
    (Fault::Items(503, 30), "partial bulk 503"),
    (Fault::Status(401), "wrong credentials"),
];
const TOO_LARGE: &str = "413";
const NODE_KILLED: &str = "node killed";

/// Documents of a source that are deleted before the last sweeps.
const LOST: usize = 12;

/// Names of all faults of the server.
pub fn names() -> Vec<String> {
    FAULTS.iter().map(|(_, name)| *name).chain([TOO_LARGE, NODE_KILLED]).map(str::to_owned).collect()
}

/// A proxy before a node: it refuses the documents that the sites spoil for that.
pub async fn before(node: &str) -> Proxy {
    let proxy = Proxy::start(node).await;
    proxy.refuse(sandbox::REFUSED);
    proxy
}

impl Outside {
    pub async fn start() -> Self {
        let node = Node::start();
        let (url, proxy) = (node.url.clone(), before(&node.url).await);
        Outside { node: Some(node), url, proxy, told: Vec::new(), outage: None }
    }

    /// An empty server, and what a project says of it.
    pub async fn fresh(&mut self) -> String {
        let (status, aliases) = http(&self.url, "GET", "/_alias/jobmarket-offers").await;
        if status == 200 {
            let aliases: serde_json::Value = serde_json::from_str(&aliases).unwrap();
            for index in aliases.as_object().unwrap().keys() {
                assert_eq!(http(&self.url, "DELETE", &format!("/{index}")).await.0, 200);
            }
        }
        self.proxy = before(&self.url).await;
        self.told.clear();
        self.written(&self.proxy.url)
    }

    /// What a project says of a server at an address.
    pub fn written(&self, url: &str) -> String {
        format!("{{elasticsearch: {{url: \"{url}\", api_key: \"${{secret.ES_API_KEY}}\"}}}}")
    }

    /// Orders a fault for the next start.
    pub async fn disturb(&mut self, random: &mut fastrand::Rng, tally: &mut Tally, wanted: &dyn Fn(&str) -> bool) {
        if random.u32(0..3) == 0 {
            return;
        }
        let due = is_due(tally);
        let Some(name) = tally.server.draw(random, |name| wanted(name) && (name != NODE_KILLED || due)) else {
            return;
        };
        match name.as_str() {
            // No document alone is as large.
            TOO_LARGE => self.proxy.order(Fault::TooLarge(random.usize(50_000..90_000)), 1),
            NODE_KILLED => {
                let (mut node, after) = (self.node.take().unwrap(), random.u64(50..600));
                self.outage = Some(tokio::task::spawn_blocking(move || {
                    std::thread::sleep(Duration::from_millis(after));
                    node.kill();
                    node.up();
                    node
                }));
            }
            name => {
                let fault = FAULTS.iter().find(|(_, own)| *own == name).unwrap().0;
                self.proxy.order(fault, random.usize(1..4));
            }
        }
    }

    /// Behind the program's back some documents of offers that a site shows are deleted; how many were there.
    pub async fn lose(&self, source: &str, site: Site, sites: &Sandbox) -> u64 {
        let truths = sites.world(|world| world.truth(site));
        let shown = truths.iter().filter(|truth| truth.present && truth.class == Class::Valid);
        let mut lost = 0;
        for truth in shown.take(LOST) {
            let id = OfferId::new(source, &truth.id);
            let (status, _) = http(&self.url, "DELETE", &format!("/jobmarket-offers/_doc/{id}")).await;
            lost += u64::from(status == 200);
        }
        lost
    }

    /// Takes faults back, and counts those that were met.
    pub async fn calm(&mut self, tally: &mut Tally) {
        self.proxy.clear();
        if let Some(outage) = self.outage.take() {
            self.node = Some(outage.await.unwrap());
            tally.server.meet(NODE_KILLED, 1);
        }
        for (fault, seen) in self.proxy.seen() {
            let before = self.told.iter().find(|(own, _)| *own == fault).map_or(0, |(_, seen)| *seen);
            let name = FAULTS.iter().find(|(own, _)| *own == fault).map_or(TOO_LARGE, |(_, name)| *name);
            tally.server.meet(name, seen - before);
        }
        self.told = self.proxy.seen();
    }
}

/// The node is killed less often than the rest, as it takes ten seconds to come back.
fn is_due(tally: &Tally) -> bool {
    tally.server.count(NODE_KILLED) * 60 <= tally.cycles
}

/// One request to a server on loopback; status and body.
pub async fn http(url: &str, method: &str, path: &str) -> (u16, String) {
    let address = url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
