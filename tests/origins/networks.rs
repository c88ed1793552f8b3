//! Addresses that are not public, in every spelling, by every way on which a site could lead there. A trap listens at all
//! addresses of this machine, and nothing here is sent beyond it: what lies outside is judged in `fetch/clients.rs`.
use std::collections::HashMap;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobmarket::auth::Credential;
use jobmarket::exchange::{Chosen, Reach, Request};
use jobmarket::fetch::{Ask, Fetch, FetchError, Lookup, Verdict};
use jobmarket::plan::{Limits, Origins};

use super::play;
use super::site::Site;

/// This machine.
const LOOPBACK: &str = "127.0.0.1 127.1 127.0.1 127.0.0.1. 2130706433 0x7f000001 0x7F.1 0x7f.0.0.1 0177.0.0.1 0177.1 017700000001 \
    127.0.0.2 127.255.255.254 127.0.0.0x1 [::1] [0:0:0:0:0:0:0:1] [::0001] [::ffff:127.0.0.1] [::FFFF:7f00:1] [::ffff:127.0.0.2] \
    １２７.0.0.1 127。0。0。1 ①②⑦.0.0.1 127%2e0%2e0%2e1 %31%32%37.0.0.1 127.0.0.%31";
fn request(url: &str, private: bool, chosen: Chosen) -> Request {
    let reach = Reach { private, chosen };
    Request { method: "GET".into(), url: url.into(), headers: Vec::new(), body: None, trusted: false, reach }
}

async fn ask(fetch: &Fetch, request: &Request) -> Result<u16, FetchError> {
    let limits = Limits {
        rate: "10000/s".parse().unwrap(),
        quota: Vec::new(),
        parallel: 1,
        timeout: Duration::from_secs(5),
        attempts: 3,
        wait: Duration::from_millis(1),
        at_most: Duration::from_millis(1),
        learn: None,
    };
    let ask = Ask {
        request,
        credential: &Credential::default(),
        origins: &Origins::default(),
        limits: &limits,
        judge: &|_| Verdict::Take,
        note: &|_| {},
    };
    fetch.fetch(&ask).await.map(|page| page.status)
}

fn by_file() -> Chosen {
    Chosen::Files("sources/s.yaml:3".into())
}

fn by_answer() -> Chosen {
    Chosen::Answer("`record.at` at sources/s.yaml:7".into())
}

fn trap() -> Site {
    Site::start(|_| (200, Vec::new(), r#"{"rows": []}"#.into()))
}

/// Each name with the addresses that are found for it, one after the other: the last one stays.
fn names(known: &[(String, Vec<Vec<&str>>)]) -> (Lookup, Arc<AtomicUsize>) {
    let read = |all: &Vec<&str>| all.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
    let known: HashMap<String, (AtomicUsize, Vec<Vec<IpAddr>>)> = known
        .iter()
        .map(|(name, rounds)| (name.clone(), (AtomicUsize::new(0), rounds.iter().map(read).collect())))
        .collect();
    let (known, asked) = (Arc::new(known), Arc::new(AtomicUsize::new(0)));
    let counted = asked.clone();
    let lookup: Lookup = Arc::new(move |name| {
        counted.fetch_add(1, Ordering::Relaxed);
        let (round, all) = &known[&name];
        let found = all[round.fetch_add(1, Ordering::Relaxed).min(all.len() - 1)].clone();
        Box::pin(async move { Ok(found) })
    });
    (lookup, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_an_answer_gives_is_not_asked_in_any_spelling() {
    let (trap, fetch) = (trap(), Fetch::new(None).unwrap());
    for host in LOOPBACK.split_whitespace() {
        let url = format!("http://{host}:{}/x", trap.port);
        let said = ask(&fetch, &request(&url, false, by_answer())).await;
        assert!(matches!(&said, Err(FetchError::Closed(why)) if why.contains("record.at")), "{host}: {said:?}");
        assert_eq!(trap.seen().0, 0, "{host}");
    }
    // The trap would have told: the same spellings come to it where the source says so, or the file writes them.
    for host in LOOPBACK.split_whitespace() {
        let url = format!("http://{host}:{}/x", trap.port);
        for open in [request(&url, true, by_answer()), request(&url, false, by_file())] {
            let said = ask(&fetch, &open).await;
            assert!(matches!(said, Ok(200)), "{host}: {said:?}");
            assert_eq!(trap.seen().0, 1, "{host}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_leads_to_public_addresses_only() {
    let trap = trap();
    let private = "127.0.0.1 127.8.8.8 ::1 ::ffff:127.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1 100.64.0.1 fc00::1 fd00::1 fec0::1 \
        64:ff9b::7f00:1 2002:7f00:1:: 64:ff9b:1::1 198.18.0.1";
    let never = "169.254.169.254 fe80::1 fd00:ec2::254 100.100.100.200 168.63.129.16 192.0.0.192 ::ffff:169.254.169.254 \
        64:ff9b::a9fe:a9fe 2002:a9fe:a9fe:: 0.0.0.0 :: ::ffff:0.0.0.0 224.0.0.1 ff02::1 255.255.255.255 240.0.0.1";
    let named: Vec<(String, Vec<Vec<&str>>)> = private
        .split_whitespace()
        .chain(never.split_whitespace())
        .enumerate()
        .map(|(index, address)| (format!("h{index}.example"), vec![vec![address]]))
        .collect();
    let (lookup, _) = names(&named);
    let fetch = Fetch::resolving(None, &lookup).unwrap();
    let closed = private.split_whitespace().count();
    for (index, (name, rounds)) in named.iter().enumerate() {
        let url = format!("http://{name}:{}/x", trap.port);
        for (private, chosen) in [(false, by_file()), (false, by_answer()), (true, by_answer())] {
            if private && index < closed {
                continue;
            }
            let said = ask(&fetch, &request(&url, private, chosen)).await;
            assert!(
                matches!(&said, Err(FetchError::Closed(why)) if why.contains(name.as_str())),
                "{rounds:?}: {said:?}"
            );
        }
        assert_eq!(trap.seen().0, 0, "{rounds:?}");
    }
    // `private: true` opens the first of them.
    for name in ["h0.example", "h2.example"] {
        let said = ask(&fetch, &request(&format!("http://{name}:{}/x", trap.port), true, by_answer())).await;
        assert!(matches!(said, Ok(200)), "{name}: {said:?}");
        assert_eq!(trap.seen().0, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_changes_its_address_leads_nowhere_else() {
    let trap = trap();
    // A public address that nothing answers at, and this machine: beside each other, and one after the other.
    let rebound = [
        ("beside.example".to_owned(), vec![vec!["127.0.0.1", "0.0.0.0", "::1"]]),
        ("later.example".to_owned(), vec![vec!["127.0.0.1"], vec!["::1"], vec!["127.0.0.2"]]),
        ("open.example".to_owned(), vec![vec!["127.0.0.1"], vec!["169.254.169.254"]]),
    ];
    let (lookup, asked) = names(&rebound);
    let fetch = Fetch::resolving(None, &lookup).unwrap();
    for name in ["beside.example", "later.example", "later.example", "later.example"] {
        let said = ask(&fetch, &request(&format!("http://{name}:{}/", trap.port), false, by_file())).await;
        assert!(matches!(&said, Err(FetchError::Closed(_))), "{name}: {said:?}");
    }
    assert_eq!(
        (trap.seen().0, asked.load(Ordering::Relaxed)),
        (0, 4),
        "one look-up each, and it is the one that counts"
    );
    let open = request(&format!("http://open.example:{}/", trap.port), true, by_file());
    assert!(matches!(ask(&fetch, &open).await, Ok(200)));
    assert_eq!((trap.seen().0, asked.load(Ordering::Relaxed)), (1, 5), "connected to what was looked up, not again");
    assert!(matches!(ask(&fetch, &open).await, Err(FetchError::Closed(_))), "the next connection is judged anew");
}

/// A source whose answers name `{T}`, where the trap is; `{A}` is the site.
const WAYS: [(&str, &str); 9] = [
    (
        "a detail",
        "request: {get: \"http://127.0.0.1:{A}/list\"}\ndetail: {request: {get: \"http://${record.host}/x\"}, on_error: keep}",
    ),
    (
        "a whole detail",
        "request: {get: \"http://127.0.0.1:{A}/list\"}\ndetail: {request: {get: \"${record.at}\"}, on_error: keep}",
    ),
    (
        "a parent's address",
        "request: {get: \"${for.at}\"}\nfor: {at: {call: {request: {get: \"http://127.0.0.1:{A}/list\"}, records: \"$.rows[*]\", value: \"$.at\"}}}",
    ),
    (
        "a parent's host",
        "request: {get: \"http://${for.at}/list\"}\nfor: {at: {call: {request: {get: \"http://127.0.0.1:{A}/list\"}, records: \"$.rows[*]\", value: \"$.host\"}}}",
    ),
    (
        "a second parent",
        "request: {get: \"http://127.0.0.1:{A}/list?b=${for.b}\"}\nfor: {at: {call: {request: {get: \"http://127.0.0.1:{A}/list\"}, records: \"$.rows[*]\", value: \"$.at\"}}, b: {call: {request: {get: \"${for.at}\"}, records: \"$.rows[*]\", value: \"$.id\"}}}",
    ),
    (
        "a cursor",
        "request: {get: \"${page.cursor or 'http://127.0.0.1:{A}/list'}\"}\npages: {cursor: {size: 1, next: $.at}}",
    ),
    ("a next address", "request: {get: \"http://127.0.0.1:{A}/list\"}\npages: {next_url: {next: $.at}}"),
    ("a redirect", "request: {get: \"http://127.0.0.1:{A}/to\"}"),
    (
        "a redirected detail",
        "request: {get: \"http://127.0.0.1:{A}/list\"}\ndetail: {request: {get: \"http://127.0.0.1:{A}/to\"}, on_error: keep}",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_of_a_site_leads_into_a_private_network() {
    let trap = trap();
    let port = trap.port;
    for host in "127.0.0.1 127.1 0x7f.1 [::1] [::ffff:127.0.0.1] localhost 0.0.0.0".split(' ') {
        let at = format!("http://{host}:{port}/x");
        let site = Site::bound(TcpListener::bind("127.0.0.1:0").unwrap(), move |path| match path {
            "/to" => (302, vec![("Location", at.clone())], String::new()),
            _ => (
                200,
                Vec::new(),
                format!(
                    r#"{{"rows": [{{"id": "1", "title": "t", "url": "u", "at": "{at}", "host": "{host}:{port}"}}], "at": "{at}"}}"#
                ),
            ),
        });
        for (way, parts) in WAYS {
            let said = play(&parts.replace("{A}", &site.port.to_string()), &[]).await;
            assert_eq!(trap.seen().0, 0, "{way} to {host}: {said}");
            assert!(!site.seen().1.is_empty(), "{way}: the site itself is asked: {said}");
            if !matches!(way, "a next address" | "a redirect" | "a redirected detail" | "a detail") {
                assert!(said.contains("`private: true`") || host == "0.0.0.0", "{way} to {host}: {said}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_files_write_is_asked_and_what_it_resolves_to_is_not() {
    let site = Site::start(|path| match path {
        "/token" => (200, Vec::new(), r#"{"access_token": "T"}"#.into()),
        _ => (200, Vec::new(), r#"{"rows": [{"id": "1", "title": "t", "url": "u"}]}"#.into()),
    });
    let port = site.port;
    let auth = |host: &str| {
        format!(
            "auth: {{oauth2: {{token_url: \"http://{host}:{port}/token\", client_id: i, client_secret: \"${{secret.K}}\"}}}}\n"
        )
    };
    let list = |host: &str| format!("request: {{get: \"http://{host}:{port}/list\"}}");
    let elsewhere = ("https://api.example".to_owned(), format!("http://127.0.0.1:{port}"));
    let by_name = ("https://api.example".to_owned(), format!("http://localhost:{port}"));
    let far = "request: {get: \"https://api.example/list\"}".to_owned();
    let detail = format!("\ndetail: {{request: {{get: \"http://127.0.0.2:{port}/x\"}}, on_error: keep}}");
    let base = format!("params: {{base: \"http://127.0.0.1:{port}\"}}\nrequest: {{get: \"${{param.base}}/list\"}}");
    let hosts = format!("for: {{h: [127.0.0.1, \"[::1]\"]}}\nrequest: {{get: \"http://${{for.h}}:{port}/list\"}}");
    for (parts, origins, asked) in [
        (list("127.0.0.1"), vec![], 1),
        (list("[::1]"), vec![], 1),
        (list("127.0.0.1") + &detail, vec![], 2),
        (base, vec![], 1),
        (far.clone(), vec![elsewhere], 1),
        (auth("127.0.0.1") + &list("127.0.0.1"), vec![], 2),
        (list("localhost") + "\nprivate: true", vec![], 1),
        (list("localhost"), vec![], 0),
        (far, vec![by_name], 0),
        (auth("localhost") + &list("127.0.0.1"), vec![], 0),
        (hosts, vec![], 2),
    ] {
        let said = play(&parts, &origins).await;
        assert_eq!(site.seen().0, asked, "{parts}: {said}");
        let told = said.contains("localhost is ") && said.contains("`private: true`");
        assert_eq!(told, asked == 0, "{parts}: {said}");
    }
}
