//! Secrets that stand in files are findings, with the line as it should be; what stands there is not printed.
use crate::play::Project;

const REST: &str = "records: $.rows[*]\nkey: $.id\nmap: {title: $.title, url: $.url}\n";

#[test]
fn a_secret_that_is_written_out_is_an_error_with_the_line_as_it_should_be() {
    let get = "request: {get: \"https://a.example/a\"";
    let plain = format!("{get}}}");
    for (text, key) in [
        (format!("{plain}\nauth: {{bearer: CaNaRy-1}}"), "bearer: \"${secret.S_BEARER}\""),
        (format!("{plain}\nauth: {{basic: {{user: u, password: CaNaRy-1}}}}"), "password: \"${secret.S_PASSWORD}\""),
        (
            format!("{plain}\nauth: {{key: {{header: {{x-api-key: CaNaRy-1}}}}}}"),
            "x-api-key: \"${secret.S_X_API_KEY}\"",
        ),
        (format!("{plain}\nauth: {{key: {{query: {{q: CaNaRy-1}}}}}}"), "q: \"${secret.S_Q}\""),
        (format!("{plain}\nauth: {{key: {{cookie: {{sid: CaNaRy-1}}}}}}"), "sid: \"${secret.S_SID}\""),
        (format!("{plain}\nauth: {{bearer: \"${{'CaNaRy-1'}}\"}}"), "bearer: \"${secret.S_BEARER}\""),
        (
            format!("{plain}\nauth: [{{when: \"${{env.A}}\", bearer: CaNaRy-1}}, {{none: {{}}}}]"),
            "bearer: \"${secret.S_BEARER}\"",
        ),
        (
            format!(
                "{plain}\nauth: {{oauth2: {{token_url: \"https://a.example/t\", client_id: me, client_secret: CaNaRy-1}}}}"
            ),
            "client_secret: \"${secret.S_CLIENT_SECRET}\"",
        ),
        (
            format!("{get}, headers: {{Authorization: Bearer CaNaRy-1}}}}"),
            "Authorization: \"${secret.S_AUTHORIZATION}\"",
        ),
        (format!("{get}, headers: {{X-Auth-Token: CaNaRy-1}}}}"), "X-Auth-Token: \"${secret.S_X_AUTH_TOKEN}\""),
        (format!("{get}, query: {{api_key: CaNaRy-1}}}}"), "api_key: \"${secret.S_API_KEY}\""),
        (
            format!("{plain}\ndetail: {{request: {{get: \"https://a.example/d\", headers: {{apikey: CaNaRy-1}}}}}}"),
            "apikey: \"${secret.S_APIKEY}\"",
        ),
    ] {
        let project = Project::new(&[("s", format!("{text}\n{REST}"))], "");
        for words in [&["check"][..], &["check", "--json"]] {
            let said = project.say(words);
            assert_eq!(said.code, Some(1), "{text}: {said:?}");
            let expect = if words.len() == 1 { key.to_owned() } else { key.replace('"', "\\\"") };
            assert!(said.all().contains("literal-secret") && said.all().contains(&expect), "{text}: {said:?}");
            assert!(!said.all().contains("CaNaRy"), "{text}: {said:?}");
        }
    }
    for (own, key) in [
        ("api_key: CaNaRy-1", "api_key: \"${secret.PIPELINES_API_KEY}\""),
        ("basic: {user: u, password: CaNaRy-1}", "password: \"${secret.PIPELINES_PASSWORD}\""),
    ] {
        let store = format!("store: {{elasticsearch: {{url: \"https://a.example\", {own}}}}}\n");
        let said = Project::new(&[("s", format!("{plain}\n{REST}"))], &store).say(&["check"]);
        assert!(said.code == Some(1) && said.err.contains(key) && !said.all().contains("CaNaRy"), "{own}: {said:?}");
    }
}

#[test]
fn a_secret_is_found_in_constants_addresses_bodies_lists_and_parameters() {
    const S: &str = "CaNaRy7secret13dE9xyZ";
    let get = "request: {get: \"https://a.example/a\"";
    let post = |body: &str| format!("request: {{post: \"https://a.example/a\", body: {body}}}");
    for text in [
        format!("{get}}}\nauth: {{bearer: \"${{env.X or '{S}'}}\"}}"),
        format!("{get}}}\nauth: {{bearer: \"{S}${{env.X or ''}}\"}}"),
        format!("{get}, headers: {{Authorization: \"Bearer ${{env.X or '{S}'}}\"}}}}"),
        format!("params: {{api_key: {S}}}\n{get}}}\nauth: {{bearer: \"${{param.api_key}}\"}}"),
        format!("params: {{x: \"${{env.X or '{S}'}}\"}}\n{get}}}\nauth: {{bearer: \"${{param.x}}\"}}"),
        format!("request: {{get: \"https://user:{S}@a.example/a\"}}"),
        format!("request: {{get: \"https://a.example/a?q=1&api_key={S}\"}}"),
        format!(
            "{get}}}\nauth: {{oauth2: {{token_url: \"https://a.example/t?client_secret={S}\", client_id: me, client_secret: \"${{secret.A}}\"}}}}"
        ),
        format!("{get}, query: {{api_key: [{S}]}}}}"),
        post(&format!("{{json: {{auth: {{password: {S}}}}}}}")),
        post(&format!("{{form: {{client_secret: {S}}}}}")),
        post(&format!("{{text: 'user=a&password={S}'}}")),
        post(&format!("{{graphql: {{query: \"{{a}}\", variables: {{apiKey: {S}}}}}}}")),
    ] {
        let said = Project::new(&[("s", format!("{text}\n{REST}"))], "").say(&["check"]);
        assert!(said.code == Some(1) && said.all().contains("literal-secret"), "{text}: {said:?}");
        assert!(!said.all().contains("CaNaRy"), "{text}: {said:?}");
    }
    // What is no credential at all is masked where its line is shown.
    for text in [
        format!("{get}}}\nauth: {S}"),
        format!("{get}}}\nauth: {{{S}: 1}}"),
        format!("{get}}}\nauth: {{bearer: [{S}]}}"),
        format!("{get}}}\nauth: {{bearer: {{token: {S}}}}}"),
    ] {
        let said = Project::new(&[("s", format!("{text}\n{REST}"))], "").say(&["check"]);
        assert!(said.code == Some(1) && !said.all().contains("CaNaRy"), "{text}: {said:?}");
    }
    for store in [
        format!("url: \"http://u:{S}@a.example\""),
        format!("url: \"https://a.example\", api_key: \"${{env.X or '{S}'}}\""),
    ] {
        let store = format!("store: {{elasticsearch: {{{store}}}}}\n");
        let said = Project::new(&[("s", format!("{get}}}\n{REST}"))], &store).say(&["check"]);
        assert!(said.code == Some(1) && !said.all().contains("CaNaRy"), "{store}: {said:?}");
    }
    // Words that only sound like it.
    for text in [
        "request: {get: \"https://a.example/a?sort_key=date&token=\"}".to_owned(),
        post("{json: {sortKey: date, token: next, key: id}}"),
        format!("{get}}}\nauth: {{bearer: \"${{secret.A | replace('-', '_')}}\"}}"),
        format!("{get}, headers: {{Authorization: \"Bearer ${{secret.A}}\"}}}}"),
        format!("params: {{api_key: {S}}}\n{get}, query: {{api_key: \"${{param.api_key}}\"}}}}"),
    ] {
        let said = Project::new(&[("s", format!("{text}\n{REST}"))], "").say(&["check"]);
        assert!(said.code == Some(0), "{text}: {said:?}");
    }
}

#[test]
fn what_is_read_from_elsewhere_and_what_is_no_secret_is_left_alone() {
    let text = "request: {get: \"https://a.example/a\", headers: {Accept: text/csv, X-Key: \"${param.public}\"}}\n\
                params: {public: abcdef}\nauth: {bearer: \"${secret.T}\"}\n";
    let said = Project::new(&[("s", format!("{text}{REST}"))], "").say(&["check"]);
    assert_eq!(said.code, Some(0), "{said:?}");
}
