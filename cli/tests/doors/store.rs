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
            let all = format!("{} {}", repeated[0], repeated[1]);
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
                for sign in ["CaNaRy", &repeated[0][4..]] {
                    assert!(!said.all().contains(sign), "{way}, {status}: {words:?}: {said:?}");
                }
            }
            for (name, text) in project.files("data", str::to_owned) {
                assert!(!text.contains("CaNaRy") && !text.contains(&repeated[0]), "{way}, {status}: {name}");
            }
            assert!(!asked.lock().unwrap().is_empty(), "the server was asked");
        }
    }
}
