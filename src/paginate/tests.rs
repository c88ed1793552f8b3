//! What every member must hold, and the places each goes to.
use super::*;

fn page(url: &str, link: Option<&str>) -> Page {
    Page {
        url: url.into(),
        method: "GET".into(),
        status: 200,
        headers: link.map(|link| ("link".to_owned(), link.to_owned())).into_iter().collect(),
        body: bytes::Bytes::new(),
        fetched: chrono::DateTime::UNIX_EPOCH,
        attempts: 1,
        unpacked: None,
    }
}

fn rule(yaml: &str) -> Pagination {
    // A bare word is a choice with all its defaults; our own reader of YAML makes it so, see `definition/reader.rs`.
    let yaml = if yaml.contains(':') { yaml.to_owned() } else { format!("{yaml}: {{}}") };
    serde_saphyr::from_str(&yaml).unwrap()
}

fn next(rule: &Pagination, at: &Position, body: &str, records: u64, received: u64, total: Option<u64>) -> Next {
    let page = page("https://a.b/jobs?p=1", Some("<https://a.b/jobs?p=2>; rel=\"next\", </x>; rel=prev"));
    let body: Tree<'_> = serde_json::from_str(body).unwrap();
    rule.rule().next(at, &Seen { records, received, body: &body, page: &page, total })
}

#[test]
fn members_go_on_and_end() {
    let number = rule("number: {first: 0, size: 100, count: $.pages}");
    assert_eq!(next(&number, &Position::Number(0), r#"{"pages":2}"#, 100, 100, None), Next::Page(Position::Number(1)));
    assert_eq!(next(&number, &Position::Number(1), r#"{"pages":2}"#, 100, 200, None), Next::End(End::Count));
    assert_eq!(next(&number, &Position::Number(1), "{}", 100, 200, None), Next::End(End::Unreadable("$.pages".into())));
    let range = rule("range: {size: 150, total: $.n}");
    assert_eq!(next(&range, &Position::Offset(0), "{}", 150, 150, Some(151)), Next::Page(Position::Offset(150)));
    assert_eq!(next(&range, &Position::Offset(150), "{}", 1, 151, Some(151)), Next::End(End::Total));
    let short = rule("offset: {size: 20, stop: short}");
    assert_eq!(next(&short, &Position::Offset(0), "{}", 19, 19, None), Next::End(End::Short));
    let cursor = rule("cursor: {size: 10, next: $.next}");
    assert_eq!(
        next(&cursor, &Position::Cursor(None), r#"{"next":"b"}"#, 10, 10, None),
        Next::Page(Position::Cursor(Some("b".into())))
    );
    assert_eq!(
        next(&cursor, &Position::Cursor(Some("b".into())), r#"{"next":"b"}"#, 10, 20, None),
        Next::End(End::Repeated)
    );
    assert_eq!(next(&cursor, &Position::Cursor(None), r#"{"next":""}"#, 10, 10, None), Next::End(End::NoNext));
    let url = rule("next_url: {next: $.links.next}");
    let other = r#"{"links":{"next":"https://evil.example/jobs"}}"#;
    assert_eq!(
        next(&url, &Position::Address(None), other, 10, 10, None),
        Next::End(End::OtherOrigin("https://evil.example".into()))
    );
    let link = rule("link_header");
    assert_eq!(
        next(&link, &Position::Address(None), "{}", 10, 10, None),
        Next::Page(Position::Address(Some("https://a.b/jobs?p=2".into())))
    );
    let more = rule("offset: {size: 20, more: $.more}");
    assert_eq!(next(&more, &Position::Offset(0), r#"{"more":true}"#, 0, 0, None), Next::Page(Position::Offset(20)));
    assert_eq!(next(&more, &Position::Offset(0), "{}", 20, 20, None), Next::End(End::Last));
}

#[test]
fn all_members_hold_the_family_s_rules() {
    let members = [
        "single",
        "number: {size: 10}",
        "offset: {size: 10}",
        "range: {size: 10}",
        "cursor: {size: 10, next: $.next}",
        "next_url: {next: $.next}",
        "link_header",
    ];
    for yaml in members {
        let member = rule(yaml);
        let start = member.rule().start();
        let text = serde_json::to_string(&start).unwrap();
        assert_eq!(serde_json::from_str::<Position>(&text).unwrap(), start, "{yaml}: a position survives the state");
        assert!(
            matches!(next(&member, &start, "{}", 0, 0, None), Next::End(end) if end.is_honest()),
            "{yaml}: an empty page ends it"
        );
        assert!(matches!(next(&member, &start, "{}", 10, 10, Some(10)), Next::End(_)), "{yaml}: the total ends it");
        let names: Vec<&str> = member.rule().variables(&start).iter().map(|(name, _)| *name).collect();
        assert!(names.iter().all(|name| member.names().contains(name)), "{yaml}: its names are declared");
        if let (Some(ahead), Next::Page(after)) =
            (member.rule().ahead(&start, 100), next(&member, &start, "{}", 10, 10, Some(100)))
        {
            assert_eq!(ahead, after, "{yaml}: ahead is where next goes");
            assert_eq!(member.rule().ahead(&start, 10), None, "{yaml}: ahead ends with the total");
        }
    }
}
