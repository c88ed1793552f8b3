//! A place in a list that repeats the credential: kept without it, and asked for with it.
use serde_json::json;

use crate::echo::{Answer, serve};
use crate::play::{Project, Said};

const SECRET: &str = "CaNaRy+/x-9~Zz==";

fn row(id: &str) -> serde_json::Value {
    json!([{"id": id, "title": "a", "url": "https://a.example/1"}])
}

fn key(target: &str) -> Option<String> {
    let query = target.split_once('?')?.1;
    url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "at").map(|(_, value)| value.into_owned())
}

/// Pages 1 to 3, each of which points to the next with the key in it.
fn answer(target: &str) -> Answer {
    let at = key(target).filter(|at| !at.is_empty());
    let place = |page: u32| format!("{page}-{SECRET}");
    let next = match at.as_deref() {
        None => Some(2),
        Some(at) if at == place(2) => Some(3),
        Some(at) if at == place(3) => None,
        Some(other) => return Answer::json(400, json!({"message": format!("no page {other}")})),
    };
    let encoded = |page| url::form_urlencoded::byte_serialize(place(page).as_bytes()).collect::<String>();
    let rows = row(&next.map_or("last".to_owned(), |page| page.to_string()));
    match (target.split('?').next(), next) {
        (_, None) => Answer::json(200, json!({"rows": rows})),
        (Some("/next"), Some(page)) => {
            Answer::json(200, json!({"rows": rows, "next": format!("?at={}", encoded(page))}))
        }
        (Some("/link"), Some(page)) => {
            Answer::json(200, json!({"rows": rows})).with("Link", format!("<?at={}>; rel=next", encoded(page)))
        }
        (_, Some(page)) => Answer::json(200, json!({"rows": rows, "next": place(page)})),
    }
}

#[test]
fn a_run_goes_on_at_a_place_that_repeats_the_key_and_keeps_none_of_it() {
    let (site, _) = serve(|target, _| answer(target));
    let ways = [
        ("next", "pages: {next_url: {next: $.next}}", ""),
        ("link", "pages: {link_header: {}}", ""),
        ("cursor", "pages: {cursor: {size: 1, next: $.next}}", ", query: {at: \"${page.cursor}\"}"),
    ];
    for (name, pages, query) in ways {
        let text = format!(
            "auth: {{key: {{header: {{X-Key: \"${{secret.SEC}}\"}}}}}}\nrequest: {{get: \"{site}/{name}\"{query}}}\n{pages}\n\
             limits: {{rate: 1000/s, retry: {{attempts: 1}}}}\nrecords: $.rows[*]\nkey: $.id\n\
             map: {{title: $.title, url: $.url}}\n"
        );
        let project = Project::new(&[(name, text)], "");
        let run = |crash: &str| {
            let mut command = project.command(&["run"]);
            if !crash.is_empty() {
                command.env("JOBMARKET_CRASH", crash);
            }
            Said::of(command.env("SEC", SECRET).output().unwrap())
        };
        assert_ne!(run("committed:2").code, Some(0), "{name}");
        let kept = project.files("data", str::to_owned);
        let state: String = kept
            .iter()
            .filter(|(name, _)| name.contains("state.db"))
            .map(|(_, text)| text.replace(|sign: char| !sign.is_ascii(), ""))
            .collect();
        let near = state.split("CaNaRy").next().map(|before| before[before.len().saturating_sub(300)..].to_owned());
        assert!(!state.contains("CaNaRy"), "{name}: the state holds the key behind {near:?}");
        let said = run("");
        assert_eq!(said.code, Some(0), "{name}: {said:?}");
        assert_eq!(project.say(&["export"]).out.lines().count(), 3, "{name}: each page once");
    }
}
