//! Ways to authenticate × ways in which a site repeats a credential × sinks.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::echo::{Answer, serve};
use crate::play::Project;

/// The secret. Its first letters are never encoded: where they are, the secret is.
const SECRET: &str = "CaNaRy+/x-9~Zz==";
const SIGN: &str = "CaNaRy";
/// What the token call gives.
const TOKEN: &str = "WoNtOkEn/1+2";
const TOKEN_SIGN: &str = "WoNtOkEn";

/// All that must not be seen: the secret, the token that it wins, and the pair of which `Basic` is made.
fn signs(way: &str) -> Vec<String> {
    let pair = |user: &str| STANDARD.encode(format!("{user}:{SECRET}"))[8..].to_owned();
    let own = match way {
        "basic" => vec![pair("user")],
        "oauth2" => vec![TOKEN_SIGN.to_owned(), pair("identity")],
        "oauth2 in the body" | "a header of the token call" => vec![TOKEN_SIGN.to_owned()],
        _ => Vec::new(),
    };
    own.into_iter().chain([SIGN.to_owned()]).collect()
}

/// Every spelling that a site may send back.
fn spelt() -> Vec<String> {
    let mut all = Vec::new();
    for secret in [SECRET, TOKEN] {
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        all.extend([secret.to_owned(), secret.replace('+', "%2B").replace('=', "%3D"), encoded.clone()]);
        all.extend([encoded.replace("%2B", "%2b").replace("%3D", "%3d"), encoded.replace('%', "%25")]);
        all.push(secret.replace('/', "\\/").replace('+', "&#43;"));
    }
    all.extend(["user", "identity"].map(|user| STANDARD.encode(format!("{user}:{SECRET}"))));
    all
}

/// Ways to authenticate; `{site}` is the origin.
const WAYS: [(&str, &str); 10] = [
    ("header", r#"auth: {key: {header: {X-Key: "${secret.SEC}"}}}"#),
    ("query", r#"auth: {key: {query: {k: "${secret.SEC}"}}}"#),
    ("cookie", r#"auth: {key: {cookie: {session: "${secret.SEC}"}}}"#),
    ("path", r#"auth: {key: {path: {tok: "${secret.SEC}"}}}"#),
    ("bearer", r#"auth: {bearer: "${secret.SEC}"}"#),
    ("basic", r#"auth: {basic: {user: user, password: "${secret.SEC}"}}"#),
    ("oauth2", r#"auth: {oauth2: {token_url: "{site}/token", client_id: identity, client_secret: "${secret.SEC}"}}"#),
    (
        "oauth2 in the body",
        r#"auth: {oauth2: {token_url: "{site}/token", credentials: body, client_id: identity, client_secret: "${secret.SEC}"}}"#,
    ),
    (
        "a header of the token call",
        r#"auth: {oauth2: {token_url: "{site}/token", client_id: identity, client_secret: "${env.NONE or 'none-7'}", headers: {Authorization: "Key ${secret.SEC}"}}}"#,
    ),
    ("placed by hand", r#"auth: {bearer: "${env.SEC}"}"#),
];

/// How a source reads the site, by what the site does to it.
const DEEDS: [(&str, &str); 10] = [
    ("next", "pages: {next_url: {next: $.next}}"),
    ("link", "pages: {link_header: {}}"),
    ("cursor", "pages: {cursor: {size: 2, next: $.next}}"),
    ("refused", ""),
    ("broken", ""),
    ("away", ""),
    ("moved", ""),
    ("skipped", "responses: {404: {skip: {reason: '${answer.message}', at_most: 100%}}}"),
    ("parent", "for: {b: {call: {request: {get: '{site}/boards'}, records: '$.boards[*]', value: $.id}}}"),
    ("total", "pages: {single: {total: $.total}}"),
];

fn source(deed: &str, keys: &str, auth: &str, site: &str) -> String {
    let query = match deed {
        "cursor" => r#", query: {c: "${page.cursor}"}"#,
        "parent" => r#", query: {b: "${for.b}"}"#,
        _ => "",
    };
    let path = if auth.contains("path:") { "/${auth.tok}" } else { "" };
    format!(
        "{auth}\nrequest: {{get: \"{{site}}/{deed}{path}\"{query}}}\n{keys}\nlimits: {{rate: 1000/s, retry: {{attempts: 1}}}}\n\
         records: $.rows[*]\nkey: $.id\nmap: {{title: $.title, url: $.url}}\n"
    )
    .replace("{site}", site)
}

fn answer(target: &str) -> Answer {
    let spelt = spelt();
    let all = spelt.join(" ");
    let rows = json!([{"id": "1", "title": "a", "url": "https://a.example/1"}]);
    let query: String =
        spelt[..2].iter().chain(&spelt[2..3]).enumerate().map(|(n, one)| format!("&k{n}={one}")).collect();
    let second = target.contains("page=2") || target.contains("second");
    let deed = target.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    match deed {
        "token" => Answer::json(200, json!({"access_token": TOKEN, "expires_in": 3600})),
        "boards" => Answer::json(200, json!({"boards": [{"id": format!("b {all}")}]})),
        "next" if !second => Answer::json(200, json!({"rows": rows, "next": format!("/next?page=2{query}")})),
        "link" if !second => Answer::json(200, json!({"rows": rows}))
            .with("Link", format!("</link?page=2{query}>; rel=\"next\""))
            .with("Location", all),
        "cursor" if !second => Answer::json(200, json!({"rows": rows, "next": format!("second {all}")})),
        "refused" => Answer::json(403, json!({"message": format!("bad key {all}")})),
        "away" => Answer { status: 503, headers: Vec::new(), body: format!("<title>{all}</title>") },
        "broken" => Answer { status: 200, headers: Vec::new(), body: format!("[1, {all}") },
        "moved" => Answer::json(302, json!({})).with("Location", format!("https://other.example/?{query}")),
        "skipped" => Answer::json(404, json!({"message": format!("no {all}")})),
        "total" => Answer::json(200, json!({"rows": rows, "total": format!("of {all}")})),
        _ => Answer::json(200, json!({"rows": rows})),
    }
}

/// Of each record of the archive what stands before its body: bodies hold what the site put there.
fn heads(archive: &str) -> String {
    let records = archive.split("WARC/1.1\r\n").skip(1);
    records.flat_map(|record| record.splitn(3, "\r\n\r\n").take(2)).collect::<Vec<_>>().join("\n")
}

/// Commands, each a sink on stdout and one on stderr.
const COMMANDS: [&[&str]; 18] = [
    &["check"],
    &["run", "--log", "json"],
    &["run", "--log", "text"],
    &["run"],
    &["sweep", "next", "--log", "json"],
    &["status"],
    &["status", "--json"],
    &["quarantine", "list"],
    &["quarantine", "list", "--json"],
    &["quarantine", "show", "1"],
    &["why", "1"],
    &["why", "1", "--json"],
    &["replay", "next", "--log", "json"],
    &["search", "--json"],
    &["export"],
    &["verify"],
    &["verify", "--json"],
    &["backup", "copy"],
];

#[test]
fn a_site_that_repeats_a_credential_in_every_way_brings_it_to_no_sink() {
    let (site, asked) = serve(|target, _| answer(target));
    let mut leaks = Vec::new();
    for (way, auth) in WAYS {
        let sources: Vec<(&str, String)> =
            DEEDS.iter().map(|(deed, keys)| (*deed, source(deed, keys, auth, &site))).collect();
        let project = Project::new(&sources, "");
        let mut look = |sink: String, text: &str| {
            for sign in signs(way) {
                if let Some(at) = text.find(&sign) {
                    let near: String =
                        text[..at].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
                    leaks.push(format!("{way}: {sink}: …{near}{sign}"));
                }
            }
        };
        for words in COMMANDS.iter().copied().chain(DEEDS.map(|(deed, _)| -> &[&str] { try_of(deed) })) {
            let words: Vec<String> =
                words.iter().map(|word| word.replace("copy", &project.path("copy").display().to_string())).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let said = crate::play::Said::of(project.command(&words).env("SEC", SECRET).output().unwrap());
            look(format!("stdout of {words:?}"), &said.out);
            look(format!("stderr of {words:?}"), &said.err);
        }
        let (data, copy) = (project.files("data", heads), project.files("copy", heads));
        assert!(data.iter().any(|(name, _)| name.ends_with(".warc.zst")) && !copy.is_empty(), "{way}: {data:?}");
        data.iter().chain(&copy).for_each(|(name, text)| look(name.rsplit('/').next().unwrap().to_owned(), text));
    }
    assert!(asked.lock().unwrap().iter().any(|head| head.contains(SIGN)), "the credential was sent");
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

/// `try` of a source prints raw records, which are what the site put there: the deeds that repeat it elsewhere.
fn try_of(deed: &str) -> &'static [&'static str] {
    match deed {
        "next" => &["try", "next"],
        "link" => &["try", "link"],
        "cursor" => &["try", "cursor"],
        "refused" => &["try", "refused"],
        "broken" => &["try", "broken"],
        "away" => &["try", "away"],
        "moved" => &["try", "moved"],
        "skipped" => &["try", "skipped"],
        "parent" => &["try", "parent"],
        _ => &["try", "total"],
    }
}
