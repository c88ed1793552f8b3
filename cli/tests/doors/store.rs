//! A store that repeats our credential in what it refuses.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::echo::{Answer, serve};
use crate::play::{Project, Said};

const PASSWORD: &str = "CaNaRy/9+x";

#[test]
fn a_store_that_repeats_its_credential_brings_it_to_no_sink() {
    let api_key = STANDARD.encode("id-1:CaNaRy-of-the-key");
    let pair = STANDARD.encode(format!("user:{PASSWORD}"));
    let ways = [
        (r#"api_key: "${secret.SEC}""#, api_key.as_str(), [api_key.clone(), "id-1:CaNaRy-of-the-key".into()]),
        (r#"basic: {user: user, password: "${secret.SEC}"}"#, PASSWORD, [pair, PASSWORD.to_owned()]),
    ];
    let source = "request: {get: \"http://127.0.0.1:9/a\"}\nlimits: {retry: {attempts: 1}}\nrecords: $.rows[*]\nkey: $.id\n\
                  map: {title: $.title, url: $.url}\n";
    for (way, secret, repeated) in ways {
        for status in [400, 401, 403, 404, 500] {
            let bare = repeated[0].trim_end_matches('=');
            let all = format!("{} {} {bare}\nFORGED {}", repeated[0], repeated[1], "x y ".repeat(20_000));
            let (server, asked) = serve(move |_, _| {
                let error = json!({"type": "security_exception", "reason": format!("no {all}")});
                Answer::json(status, json!({"error": {"root_cause": [error.clone()], "type": "x", "reason": error["reason"]}, "status": status}))
                    .with("x-elastic-product", "Elasticsearch".to_owned())
            });
            let own = format!("store: {{elasticsearch: {{url: \"{server}\", {way}}}}}\n");
            let project = Project::new(&[("s", source.to_owned())], &own);
            for words in [&["search", "x"][..], &["export"], &["run"], &["status"], &["verify"], &["check"]] {
                // A run waits for a server that is ill.
                if words[0] == "run" && status > 403 {
                    continue;
                }
                let said = Said::of(project.command(words).env("SEC", secret).output().unwrap());
                assert!(said.all().lines().all(|line| !line.starts_with("FORGED")), "{words:?}: {said:?}");
                assert!(said.all().len() < 10_000, "{words:?}: {said:?}");
                for sign in ["CaNaRy", repeated[0][4..].trim_end_matches('=')] {
                    assert!(!said.all().contains(sign), "{way}, {status}: {words:?}: {said:?}");
                }
            }
            for (name, text) in project.files("data", str::to_owned) {
                assert!(!text.contains("CaNaRy") && !text.contains(&repeated[0][4..20]), "{way}, {status}: {name}");
            }
            assert!(!asked.lock().unwrap().is_empty(), "the server was asked");
        }
    }
}

#[test]
fn a_store_that_lists_the_same_for_ever_is_told_and_its_words_stay_on_their_line() {
    let (server, _) = serve(|target, _| {
        let words = "8.19.0\nFORGED";
        let offer = json!({"_id": "a".repeat(32), "sort": ["a".repeat(32), 1], "_source": {"id": "a".repeat(32), "title": "t"}});
        let body = match target.split('?').next().unwrap() {
            "/" => json!({"version": {"number": words}, "tagline": "You Know, for Search"}),
            path if path.ends_with("/_search") => {
                json!({"took": 1, "timed_out": false, "_shards": {"total": 1, "successful": 1, "failed": 0},
                    "hits": {"total": {"value": 1, "relation": "eq"}, "hits": [offer]}})
            }
            path if path.starts_with("/_cluster/health") => {
                json!({"status": "green", "timed_out": false, "indices": {}})
            }
            path if path.starts_with("/_") => json!({}),
            _ => {
                let settings =
                    json!({"index.uuid": "u", "index.number_of_shards": "1", "index.number_of_replicas": "0"});
                let mappings = json!({"_meta": {"layout": 1}});
                json!({"jobmarket-offers-0123456789abcdef":
                    {"aliases": {"jobmarket-offers": {}}, "mappings": mappings, "settings": settings}})
            }
        };
        Answer::json(200, body).with("x-elastic-product", "Elasticsearch".to_owned())
    });
    let source =
        "request: {get: \"http://127.0.0.1:9/a\"}\nrecords: $.rows[*]\nkey: $.id\nmap: {title: $.title, url: $.url}\n";
    let project =
        Project::new(&[("s", source.to_owned())], &format!("store: {{elasticsearch: {{url: \"{server}\"}}}}\n"));
    for words in [&["export"][..], &["search", "t"], &["status"], &["verify"]] {
        let program = std::env::var("JOBMARKET").unwrap_or_else(|_| env!("CARGO_BIN_EXE_jobmarket").to_owned());
        let mut command = std::process::Command::new("timeout");
        command.arg("30").arg(program).arg("--project").arg(project.dir.path()).args(words);
        let said = Said::of(command.output().unwrap());
        assert_ne!(said.code, Some(124), "{words:?} has no end");
        assert!(said.all().lines().all(|line| !line.starts_with("FORGED")), "{words:?}: {said:?}");
        if words[0] == "export" {
            assert!(said.code == Some(1) && said.err.contains("would have no end"), "{said:?}");
        }
    }
}
