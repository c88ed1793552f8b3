//! Credentials in unusual places, and answers that try to win one: what is made of a secret, variables that are credentials,
//! cuts, names between stars, long tokens, links to a file of secrets.
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::echo::{Answer, serve};
use crate::play::Project;

const SECRET: &str = "CaNaRy-key-of-12";
const MAP: &str = "records: $.rows[*]\nkey: $.id\nmap: {title: $.title, url: $.url}\n\
                   limits: {rate: 1000/s, retry: {attempts: 1}}\n";

/// The heads of archived pages.
fn heads(archive: &str) -> String {
    archive.split("WARC/1.1").flat_map(|page| page.split("\r\n\r\n").take(2)).collect()
}

fn rows(ids: std::ops::Range<usize>) -> serde_json::Value {
    ids.map(|id| json!({"id": id.to_string(), "title": "a", "url": "https://a.example/1"})).collect()
}

/// Runs a project with the secret as `K`; nothing that is said or kept holds it, in whatever letters, but what a site put
/// into its bodies.
fn hidden(project: &Project, code: i32) {
    let mut command = project.command(&["run", "--json"]);
    let said = crate::play::Said::of(command.env("K", SECRET).env("OTHER", "other-SECRET-777").output().unwrap());
    assert_eq!(said.code, Some(code), "{said:?}");
    let status = crate::play::Said::of(project.command(&["status", "--json"]).env("K", SECRET).output().unwrap());
    for (name, text) in [("run".to_owned(), said.all()), ("status".to_owned(), status.all())]
        .into_iter()
        .chain(project.files("data", heads))
    {
        assert!(!text.to_lowercase().contains("canary"), "{name}: {text}");
    }
}

#[test]
fn what_a_request_makes_of_a_secret_is_hidden_like_the_secret() {
    let (site, _) = serve(|_, _| Answer::json(403, json!({"message": "no"})));
    for query in [
        "q: \"${secret.K | lower}\"",
        "q: \"${secret.K | upper}\"",
        "q: \"x-${secret.K | replace('-', '_')}\"",
        "apikey: \"${env.K}\"",
        "q: \"${env.API_KEY}\"",
    ] {
        let text = format!("request: {{get: \"{site}/a\", query: {{{query}}}}}\n{MAP}");
        let project = Project::new(&[("s", text)], "");
        project.write(".env", format!("API_KEY={SECRET}\n"));
        hidden(&project, 1);
    }
    let text = format!(
        "params: {{k: {{type: text, default: \"${{env.K}}\"}}}}\nrequest: {{get: \"{site}/a\", query: {{apikey: \"${{param.k}}\"}}}}\n{MAP}"
    );
    hidden(&Project::new(&[("s", text)], ""), 1);
}

#[test]
fn a_cut_shows_no_part_of_a_secret() {
    for blanks in (65_500..65_540).step_by(3).chain([190, 195, 199]) {
        let (site, _) = serve(move |_, _| Answer {
            status: 403,
            headers: Vec::new(),
            body: format!("{}{SECRET}", " ".repeat(blanks)),
        });
        let text =
            format!("auth: {{key: {{header: {{X-Key: \"${{secret.K}}\"}}}}}}\nrequest: {{get: \"{site}/a\"}}\n{MAP}");
        hidden(&Project::new(&[("s", text)], ""), 1);
    }
    // A raw record is kept as far as it goes, and cut there.
    let (site, _) = serve(|_, _| {
        let text = format!("{}{SECRET}", "x".repeat((64 << 10) - 20));
        Answer::json(200, json!({"rows": [{"title": text}]}))
    });
    let text =
        format!("auth: {{key: {{header: {{X-Key: \"${{secret.K}}\"}}}}}}\nrequest: {{get: \"{site}/a\"}}\n{MAP}");
    let project = Project::new(&[("s", text)], "");
    let said = crate::play::Said::of(project.command(&["run"]).env("K", SECRET).output().unwrap());
    assert!(said.all().contains("1 rejected"), "{said:?}");
    for (name, text) in project.files("data", |_| String::new()) {
        assert!(!text.contains("CaNaRy"), "{name}");
    }
}

#[test]
fn a_site_wins_no_secret_by_a_name_between_stars() {
    let asked = AtomicUsize::new(0);
    let (site, heads) = serve(move |target, _| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::json(200, json!({"rows": rows(0..2), "next": format!("*{SECRET}OTHER***")})),
        1 => Answer::json(500, json!({})),
        _ => Answer::json(200, json!({"rows": rows(2..3), "at": target})),
    });
    let text = format!(
        "auth: {{key: {{query: {{apikey: \"${{secret.K}}\"}}}}}}\n\
         request: {{get: \"{site}/a\", query: {{c: \"${{page.cursor}}\"}}}}\npages: {{cursor: {{size: 2, next: $.next}}}}\n{MAP}"
    );
    let other = format!("auth: {{bearer: \"${{secret.OTHER}}\"}}\nrequest: {{get: \"{site}/b\"}}\n{MAP}");
    let project = Project::new(&[("s", text), ("t", other)], "");
    for run in 0..2 {
        let mut command = project.command(&["run", "s", "t"]);
        command.env("K", SECRET).env("OTHER", "other-SECRET-777");
        if run == 0 {
            command.env("JOBMARKET_CRASH", "committed:1");
        }
        command.output().unwrap();
    }
    let heads = heads.lock().unwrap();
    let to_a = heads.iter().filter(|head| head.starts_with("GET /a"));
    assert!(to_a.clone().count() >= 2, "{heads:?}");
    to_a.for_each(|head| assert!(!head.to_lowercase().contains("other-secret"), "{head}"));
}

#[test]
fn tokens_of_any_number_and_length_cost_little_and_are_hidden() {
    let count = AtomicUsize::new(0);
    let (site, _) = serve(move |target, head| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let ready = head.to_lowercase().contains("authorization: bearer canary");
        match target {
            "/token" => Answer::json(200, json!({"access_token": format!("CaNaRy{number:04}{}", "~".repeat(2_000))})),
            "/long" => Answer::json(200, json!({"access_token": format!("CaNaRy{}", "~".repeat(20_000))})),
            _ if number.is_multiple_of(2) || !ready => Answer::json(401, json!({"message": head})),
            _ => Answer::json(200, json!({"rows": rows(number..number + 2)})),
        }
    });
    for (token, code) in [("token", 0), ("long", 1)] {
        let text = format!(
            "auth: {{oauth2: {{token_url: \"{site}/{token}\", client_id: \"${{secret.K}}\", client_secret: \"${{secret.OTHER}}\"}}}}\n\
             request: {{get: \"{site}/a\", query: {{p: \"${{page.number}}\"}}}}\npages: {{number: {{size: 2, max: 60}}}}\n{MAP}"
        );
        let project = Project::new(&[("s", text)], "");
        let mut command = project.command(&["run", "--json"]);
        let said = crate::play::Said::of(command.env("K", SECRET).env("OTHER", "other-SECRET-777").output().unwrap());
        assert!(said.code.is_some(), "{said:?}");
        if code == 1 {
            assert!(said.all().contains("a token of more than 16384 bytes"), "{said:?}");
        }
        assert!(!said.all().contains("CaNaRy"), "{said:?}");
    }
}

#[test]
fn a_link_to_a_file_of_secrets_shows_none_of_it() {
    for (name, to) in [
        ("sources/x.yaml", "../.env"),
        ("sources/shared/x.yaml", "../../.env"),
        ("mappings/lookups/l.yaml", "../../.env"),
        ("sources/x.yaml", "/proc/self/environ"),
        ("sources/x.yaml", "/etc/passwd"),
    ] {
        let text = format!("request: {{get: \"https://a.example/a\"}}\n{MAP}");
        let project = Project::new(&[("s", text)], "");
        project.write(".env", "K=a\nOTHER=\"CaNaRy : {\"\n");
        std::fs::create_dir_all(project.path(name).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, project.path(name)).unwrap();
        for words in [&["check"][..], &["check", "--json"], &["run", "x"], &["try", "x"]] {
            let said = crate::play::Said::of(project.command(words).env("OUTSIDE", "CaNaRy : {").output().unwrap());
            assert_eq!(said.code, Some(1), "{name}: {said:?}");
            let told = words[0] != "check" || said.all().contains("no YAML file of this project");
            assert!(told && !said.all().contains("CaNaRy") && !said.all().contains("root:"), "{name}: {said:?}");
        }
    }
    // Within the project a file may stand under two names.
    let text = format!("request: {{get: \"https://a.example/a\"}}\n{MAP}");
    let project = Project::new(&[("s", text)], "");
    project.write("kept/offer.yaml", std::fs::read(project.path("mappings/offer.yaml")).unwrap());
    std::fs::remove_file(project.path("mappings/offer.yaml")).unwrap();
    std::os::unix::fs::symlink("../kept/offer.yaml", project.path("mappings/offer.yaml")).unwrap();
    assert_eq!(project.say(&["check"]).code, Some(0));
}

#[test]
fn a_parent_call_wins_no_secret_by_a_name_between_stars_and_leaves_none() {
    let (site, heads) = serve(|target, _| match target.split('?').next() {
        Some("/p") => Answer::json(200, json!({"h": [{"v": "a", SECRET: "x"}, {"v": format!("*{SECRET}OTHER***")}]})),
        _ => Answer::json(200, json!({"rows": rows(0..1)})),
    });
    let text = format!(
        "auth: {{key: {{query: {{apikey: \"${{secret.K}}\"}}}}}}\nrequest: {{get: \"{site}/a\", query: {{x: \"${{for.at.v}}\"}}}}\n\
         for: {{at: {{call: {{request: {{get: \"{site}/p\"}}, records: \"$.h[*]\", value: \"$\"}}}}}}\n{MAP}"
    );
    let other = format!("auth: {{bearer: \"${{secret.OTHER}}\"}}\nrequest: {{get: \"{site}/b\"}}\n{MAP}");
    let project = Project::new(&[("s", text), ("t", other)], "");
    hidden(&project, 0);
    let heads = heads.lock().unwrap();
    let to_a: Vec<&String> = heads.iter().filter(|head| head.starts_with("GET /a")).collect();
    assert_eq!(to_a.len(), 2, "{heads:?}");
    assert!(to_a.iter().any(|head| head.contains(&format!("x=*{SECRET}OTHER***"))), "as the site wrote it: {to_a:?}");
    to_a.iter().for_each(|head| assert!(!head.to_lowercase().contains("other-secret"), "{head}"));
}

#[test]
fn commands_that_only_show_what_is_there_say_no_secret() {
    let (site, _) = serve(|_, _| {
        let bad = json!({"id": "k0", "title": {SECRET: 1}, "url": "u"});
        let good = json!({"id": "k1", "title": format!("engineer {SECRET}"), "url": "https://a.example/1"});
        Answer::json(200, json!({"rows": [bad, good]}))
    });
    let text =
        format!("auth: {{key: {{header: {{X-Key: \"${{secret.K}}\"}}}}}}\nrequest: {{get: \"{site}/a\"}}\n{MAP}");
    let project = Project::new(&[("s", text)], "");
    project.write(".env", format!("K={SECRET}\n"));
    assert_eq!(project.say(&["run"]).code, Some(0));
    for words in [
        &["why", "k0"][..],
        &["why", "k0", "--json"],
        &["why", "k1"],
        &["quarantine", "list"],
        &["quarantine", "show", "1"],
        &["search", "engineer"],
        &["search", "engineer", "--json"],
        &["export"],
        &["export", "--format", "csv"],
        &["status"],
        &["verify"],
    ] {
        let said = project.say(words);
        assert!(said.code == Some(0) && !said.all().contains("CaNaRy"), "{words:?}: {said:?}");
    }
}

#[test]
fn a_token_is_for_those_who_won_it_in_the_same_way() {
    let (site, heads) = serve(|target, head| match target {
        "/token" => {
            let tenant =
                head.to_lowercase().lines().find_map(|line| line.strip_prefix("x-tenant: ").map(str::to_owned));
            let tenant = tenant.unwrap_or_default();
            Answer::json(200, json!({"access_token": format!("access-{tenant}"), "id_token": format!("id-{tenant}")}))
        }
        _ => Answer::json(200, json!({"rows": rows(0..1)})),
    });
    let source = |path: &str, more: &str| {
        format!(
            "auth: {{oauth2: {{token_url: \"{site}/token\", client_id: me, client_secret: \"${{secret.K}}\", {more}}}}}\n\
             request: {{get: \"{site}/{path}\"}}\n{MAP}"
        )
    };
    let sources = [
        ("s", source("a", "headers: {X-Tenant: one}")),
        ("t", source("b", "headers: {X-Tenant: two}")),
        ("u", source("c", "headers: {X-Tenant: one}, names: {token: id_token}")),
    ];
    let project = Project::new(&sources, "");
    let said = crate::play::Said::of(project.command(&["run"]).env("K", SECRET).output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
    let heads = heads.lock().unwrap();
    for (path, token) in [("a", "access-one"), ("b", "access-two"), ("c", "id-one")] {
        let head = heads.iter().find(|head| head.starts_with(&format!("GET /{path} "))).unwrap();
        assert!(head.to_lowercase().contains(&format!("authorization: bearer {token}")), "{head}");
    }
}
