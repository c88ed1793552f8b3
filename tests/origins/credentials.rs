//! Ways by which a credential could come to another origin, each with every way to authenticate.
use std::sync::OnceLock;

use base64::Engine as _;

use super::site::{Said, Site};
use super::{CANARY, play};

/// How the source asks; each sends the canary, or what is made of it.
const AUTHS: [(&str, &str, &str); 9] = [
    ("header", "auth: {key: {header: {X-Key: \"${secret.K}\"}}}", ""),
    ("query", "auth: {key: {query: {key: \"${secret.K}\"}}}", ""),
    ("cookie", "auth: {key: {cookie: {sid: \"${secret.K}\"}}}", ""),
    ("basic", "auth: {basic: {user: me, password: \"${secret.K}\"}}", ""),
    ("bearer", "auth: {bearer: \"${secret.K}\"}", ""),
    (
        "oauth2",
        "auth: {oauth2: {token_url: \"http://127.0.0.1:{A}/token\", client_id: id, client_secret: \"${secret.K}\"}}",
        "",
    ),
    ("auth in a header", "auth: {key: {path: {tok: \"${secret.K}\"}}}", "headers: {X-Tok: \"${auth.tok}\"}"),
    ("auth in the query", "auth: {key: {path: {tok: \"${secret.K}\"}}}", "query: {tok: \"${auth.tok}\"}"),
    ("secret in a header", "", "headers: {X-Key: \"${secret.K}\"}"),
];

/// A way from A to B: the parts of a source. `{P}` is what is placed by hand in the request that would leave.
const DOORS: [(&str, &str); 24] = [
    (
        "a detail that a record names",
        "request: {get: \"http://127.0.0.1:{A}/list\", {P}}\ndetail: {request: {get: \"${record.at}\", {P}}, on_error: keep}",
    ),
    (
        "a detail at a host of a record",
        "request: {get: \"http://127.0.0.1:{A}/list\", {P}}\ndetail: {request: {get: \"http://${record.host}/x\", {P}}, on_error: keep}",
    ),
    (
        "a detail behind an `@` of a record",
        "request: {get: \"http://127.0.0.1:{A}/list\", {P}}\ndetail: {request: {get: \"http://127.0.0.1:{A}${record.tail}\", {P}}, on_error: keep}",
    ),
    (
        "a detail at a port of a record",
        "request: {get: \"http://127.0.0.1:{A}/list\", {P}}\ndetail: {request: {get: \"http://127.0.0.1:${record.port}/x\", {P}}, on_error: keep}",
    ),
    (
        "a detail before the domain",
        "request: {get: \"http://127.0.0.1:{A}/list\", {P}}\ndetail: {request: {get: \"http://${record.slash}.jobs.example/x\", {P}}, on_error: keep}",
    ),
    (
        "a detail that the file names",
        "request: {get: \"http://127.0.0.1:{A}/list\", {P}}\ndetail: {request: {get: \"http://127.0.0.1:{B}/x\", {P}}, on_error: keep}",
    ),
    (
        "a posted detail",
        "request: {get: \"http://127.0.0.1:{A}/list\", {P}}\ndetail: {request: {post: \"http://127.0.0.1:{B}/x\", {P}, body: {json: {a: 1}}}, on_error: keep}",
    ),
    (
        "a detail that is redirected",
        "request: {get: \"http://127.0.0.1:{A}/list\", {P}}\ndetail: {request: {get: \"http://127.0.0.1:{A}/to/307\", {P}}, on_error: keep}",
    ),
    (
        "an address of a parent",
        "request: {get: \"${for.at}\", {P}}\nfor: {at: {call: {request: {get: \"http://127.0.0.1:{A}/parents\"}, records: \"$.h[*]\", value: \"$.at\"}}}",
    ),
    (
        "a host of a parent",
        "request: {get: \"http://${for.at}/list\", {P}}\nfor: {at: {call: {request: {get: \"http://127.0.0.1:{A}/parents\"}, records: \"$.h[*]\", value: \"$.host\"}}}",
    ),
    (
        "a parent's word by a template",
        "request: {get: \"http://${for.b}/list\", {P}}\nfor: {a: {call: {request: {get: \"http://127.0.0.1:{A}/parents\"}, records: \"$.h[*]\", value: \"$.host\"}}, b: \"${[for.a]}\"}",
    ),
    (
        "a parent of a parent",
        "request: {get: \"http://127.0.0.1:{A}/list?b=${for.b}\", {P}}\nfor: {a: {call: {request: {get: \"http://127.0.0.1:{A}/parents\"}, records: \"$.h[*]\", value: \"$.host\"}}, b: {call: {request: {get: \"http://${for.a}/list\", {P}}, records: \"$.rows[*]\", value: \"$.id\"}}}",
    ),
    (
        "a parent that the file names",
        "request: {get: \"http://127.0.0.1:{A}/list?a=${for.a}\", {P}}\nfor: {a: {call: {request: {get: \"http://127.0.0.1:{B}/list\", {P}}, records: \"$.rows[*]\", value: \"$.id\"}}}",
    ),
    (
        "a cursor that is an address",
        "request: {get: \"${page.cursor or 'http://127.0.0.1:{A}/list'}\", {P}}\npages: {cursor: {size: 2, next: $.next}}",
    ),
    (
        "a cursor behind the host",
        "request: {get: \"http://127.0.0.1:{A}${page.cursor or '/list'}\", {P}}\npages: {cursor: {size: 2, next: $.tail}}",
    ),
    ("a next address", "request: {get: \"http://127.0.0.1:{A}/list\", {P}}\npages: {next_url: {next: $.next}}"),
    (
        "a next address without a scheme",
        "request: {get: \"http://127.0.0.1:{A}/list\", {P}}\npages: {next_url: {next: $.bare}}",
    ),
    ("a `Link`", "request: {get: \"http://127.0.0.1:{A}/linked\", {P}}\npages: link_header"),
    ("301", "request: {get: \"http://127.0.0.1:{A}/to/301\", {P}}"),
    ("302", "request: {get: \"http://127.0.0.1:{A}/to/302\", {P}}"),
    ("303", "request: {get: \"http://127.0.0.1:{A}/to/303\", {P}}"),
    ("307", "request: {post: \"http://127.0.0.1:{A}/to/307\", {P}}"),
    ("308", "request: {get: \"http://127.0.0.1:{A}/to/308\", {P}}"),
    (
        "a detail of nobody",
        "request: {get: \"http://127.0.0.1:{A}/list\", {P}}\ndetail: {auth: none, request: {get: \"http://127.0.0.1:{B}/x\"}, on_error: keep}",
    ),
];

fn a(b: u16) -> impl Fn(&str) -> Said {
    move |path| {
        let at = format!("http://127.0.0.1:{b}/list");
        let list = format!(
            r#"{{"rows": [{{"id": "1", "title": "t", "url": "u", "at": "{at}", "host": "127.0.0.1:{b}", "port": "{b}",
               "tail": "@127.0.0.1:{b}/list", "slash": "127.0.0.1:{b}/y"}}, {{"id": "2", "title": "t", "url": "u"}}],
               "next": "{at}", "bare": "//127.0.0.1:{b}/list", "tail": "@127.0.0.1:{b}/list"}}"#
        );
        let parents = format!(r#"{{"h": [{{"at": "{at}", "host": "127.0.0.1:{b}"}}]}}"#);
        let path = path.split('?').next().unwrap_or_default();
        match (path, path.strip_prefix("/to/")) {
            (_, Some(status)) => (status.parse().unwrap(), vec![("Location", at)], String::new()),
            ("/parents", _) => (200, Vec::new(), parents),
            ("/linked", _) => (200, vec![("Link", format!("<{at}>; rel=\"next\""))], list),
            ("/token", _) => (200, Vec::new(), r#"{"access_token": "CANARYtoken", "expires_in": 3600}"#.into()),
            _ => (200, Vec::new(), list),
        }
    }
}

/// Whether a request holds a credential, in any form in which one is sent.
fn holds(request: &str) -> bool {
    static PAIR: OnceLock<String> = OnceLock::new();
    let pair = PAIR.get_or_init(|| base64::engine::general_purpose::STANDARD.encode(format!("me:{CANARY}")));
    request.contains("CANARY") || request.contains(pair.as_str())
}

/// `to` is what a case says of other origins.
async fn leaks(door: &str, auth: (&str, &str), to: &str, (a, b): (&Site, &Site)) -> (bool, bool, String) {
    let (auth, placed) = auth;
    let parts = format!("{auth}\nprivate: true\n{to}\n{door}");
    let parts = parts.replace(", {P}", if placed.is_empty() { "" } else { ", {P}" }).replace("{P}", placed);
    let parts = parts.replace("{A}", &a.port.to_string()).replace("{B}", &b.port.to_string());
    let said = play(&parts, &[]).await;
    let sent = |site: &Site| site.seen().1.iter().any(|request| holds(request));
    (sent(a), sent(b), format!("{said}\n{parts}"))
}

/// A site that leads to the other one.
fn sites() -> (Site, Site) {
    let b = Site::start(|_| (200, Vec::new(), r#"{"rows": [{"id": "9", "title": "t", "url": "u"}]}"#.into()));
    (Site::start(a(b.port)), b)
}

/// How many requests of these cases held the credential at home; none does elsewhere.
async fn at_home(auth: usize) -> usize {
    let (name, auth, placed) = AUTHS[auth];
    let ((a, b), mut at_home) = (sites(), 0);
    for (door, parts) in DOORS {
        let (home, away, said) = leaks(parts, (auth, placed), "", (&a, &b)).await;
        assert!(!away, "{door}, {name}: {said}");
        assert!(
            !said.starts_with("refused") || said.contains("decides where the credentials go"),
            "{door}, {name}: {said}"
        );
        at_home += usize::from(home);
    }
    at_home
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_comes_to_an_origin_that_an_answer_names() {
    let tasks: Vec<_> = (0..AUTHS.len()).map(|auth| tokio::spawn(at_home(auth))).collect();
    let mut sent = 0;
    for task in tasks {
        sent += task.await.unwrap();
    }
    // A source that shows its credential to nobody would leak nothing: most of them do send it where it belongs.
    let cases = DOORS.len() * AUTHS.len();
    assert!(cases >= 60 && sent * 2 > cases, "{sent} of {cases}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_is_trusted_gets_the_credential() {
    let (a, b) = sites();
    for door in ["a detail that a record names", "a detail that the file names", "an address of a parent"] {
        let (_, parts) = DOORS.iter().find(|(name, _)| *name == door).unwrap();
        for (name, auth, placed) in AUTHS {
            let (_, away, said) = leaks(parts, (auth, placed), "trust: [\"http://127.0.0.1:{B}\"]", (&a, &b)).await;
            assert!(away, "{door}, {name}: {said}");
        }
    }
}
