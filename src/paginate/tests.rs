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

/// A slice while its pages come in; the hash of a page counts up unless it is given.
struct Slice {
    rule: Pagination,
    at: Position,
    progress: Progress,
}

impl Slice {
    fn of(yaml: &str) -> Self {
        let rule = rule(yaml);
        Slice { at: rule.rule().start(), rule, progress: Progress::default() }
    }

    /// The next page comes in: where the slice goes.
    fn page(&mut self, records: u64, body: &str) -> Next {
        self.hashed(records, self.progress.pages + 1000, body)
    }

    fn hashed(&mut self, records: u64, hash: u64, body: &str) -> Next {
        let page = page("https://a.b/jobs?p=1", Some("<https://a.b/jobs?p=2>; rel=\"next\", </x>; rel=prev"));
        let body: Tree<'_> = serde_json::from_str(body).unwrap();
        let announced = Announced::read(self.rule.rule(), &page, &body);
        let total = self.rule.total().map_or("", |total| total.at.as_str());
        self.progress.page(&PageSeen { records, keyless: 0, hash, announced: &announced }, total);
        let next = self.rule.rule().next(&self.at, &Seen { records, announced: &announced, progress: &self.progress });
        if let Next::Page(at) = &next {
            self.at = at.clone();
        }
        next
    }

    /// All pages come in: records, and the rest of the answer. Where it ends, and where it went.
    fn pages(&mut self, pages: &[(u64, &str)]) -> (Vec<String>, End) {
        let mut places = vec![self.at.to_string()];
        for (records, body) in pages {
            match self.page(*records, body) {
                Next::Page(at) => places.push(at.to_string()),
                Next::End(end) => return (places, end),
            }
        }
        panic!("it goes on: {places:?}")
    }

    fn judge(&self, keys: u64) -> Completeness {
        judge(&self.rule, &self.progress, keys)
    }

    fn unknown(&self, keys: u64) -> String {
        match self.judge(keys) {
            Completeness::Unknown(why) => why,
            other => panic!("{other:?}"),
        }
    }
}

fn check(yaml: &str, pages: &[(u64, &str)], places: &[&str], end: End) -> Slice {
    let mut slice = Slice::of(yaml);
    assert_eq!(slice.pages(pages), (places.iter().map(|place| (*place).to_owned()).collect(), end), "{yaml}");
    slice
}

#[test]
fn members_go_on_and_end() {
    let pages = [(100, r#"{"pages":2}"#); 2];
    check("number: {first: 0, size: 100, count: $.pages}", &pages, &["number 0", "number 1"], End::Count);
    check(
        "range: {size: 150, total: $.n}",
        &[(150, r#"{"n":151}"#), (1, r#"{"n":151}"#)],
        &["offset 0", "offset 150"],
        End::Total,
    );
    check("offset: {size: 20, stop: short}", &[(19, "{}")], &["offset 0"], End::Short);
    let cursor = "cursor: {size: 10, next: $.next}";
    check(cursor, &[(10, r#"{"next":"b"}"#), (10, r#"{"next":"b"}"#)], &["first", "cursor b"], End::Repeated);
    check(cursor, &[(10, r#"{"next":""}"#)], &["first"], End::NoNext);
    let other = r#"{"links":{"next":"https://evil.example/jobs"}}"#;
    check(
        "next_url: {next: $.links.next}",
        &[(10, other)],
        &["first"],
        End::OtherOrigin("https://evil.example".into()),
    );
    check("link_header", &[(10, "{}"), (9, "{}")], &["first", "address https://a.b/jobs?p=2"], End::Repeated);
    check(
        "offset: {size: 20, more: $.more}",
        &[(0, r#"{"more":true}"#), (20, "{}")],
        &["offset 0", "offset 20"],
        End::Last,
    );
}

#[test]
fn the_pointer_decides_and_not_an_empty_page() {
    let cursor = "cursor: {size: 2, next: $.next}";
    let (a, b, c) = (r#"{"next":"a"}"#, r#"{"next":"b"}"#, r#"{"next":"c"}"#);
    check(cursor, &[(2, a), (0, b), (2, "{}")], &["first", "cursor a", "cursor b"], End::NoNext);
    check(cursor, &[(2, a), (0, a)], &["first", "cursor a"], End::Empty);
    check(cursor, &[(0, a), (0, b), (0, c)], &["first", "cursor a", "cursor b"], End::Barren);
    check(cursor, &[(2, a), (2, b), (2, a)], &["first", "cursor a", "cursor b"], End::Repeated);
}

#[test]
fn empty_or_equal_pages_end_a_slice_whatever_more_says() {
    let more = "offset: {size: 2, more: $.more}";
    let yes = r#"{"more":"yes"}"#;
    let places = ["offset 0", "offset 2", "offset 4", "offset 6"];
    check(more, &[(2, yes), (0, yes), (0, yes), (0, yes)], &places, End::Barren);
    let mut slice = Slice::of(more);
    let ends: Vec<Next> = (0..4).map(|_| slice.hashed(2, 7, yes)).collect();
    assert_eq!(ends[3], Next::End(End::Barren));
    let mut slice = Slice::of(more);
    let _ = (slice.hashed(2, 7, yes), slice.hashed(2, 7, yes));
    assert_eq!(slice.hashed(2, 8, r#"{"more":"NO"}"#), Next::End(End::Last));
    assert!(slice.unknown(4).starts_with("a page came again"), "what stood in its place was not read");
    let unreadable = End::Unreadable("`$.more`: \"perhaps\" where a yes or a no was expected".into());
    check(more, &[(2, r#"{"more":"perhaps"}"#)], &["offset 0"], unreadable);
}

#[test]
fn offsets_go_on_from_what_was_received() {
    let places = ["offset 0", "offset 10", "offset 20", "offset 25"];
    let slice = check("offset: {size: 25}", &[(10, "{}"), (10, "{}"), (5, "{}"), (0, "{}")], &places, End::Empty);
    assert_eq!(slice.judge(25), Completeness::Whole);
    check("range: {size: 2}", &[(3, "{}"), (1, "{}"), (0, "{}")], &["offset 0", "offset 3", "offset 4"], End::Empty);
    let last = Position::Offset(u64::MAX - 1);
    assert_eq!(rule("offset: {size: 10}").rule().behind(&last, 10), Some(Position::Offset(u64::MAX)));
}

#[test]
fn what_a_numbered_page_holds_is_the_sites_business() {
    let places = ["number 1", "number 2", "number 3", "number 4"];
    let number = "number: {size: 100}";
    let capped = check(number, &[(10, "{}"), (10, "{}"), (4, "{}"), (0, "{}")], &places, End::Empty);
    assert_eq!(capped.judge(24), Completeness::Whole, "a site that gives ten at most is read whole");
    let uneven = check(number, &[(10, "{}"), (4, "{}"), (10, "{}"), (0, "{}")], &places, End::Empty);
    assert_eq!(uneven.judge(24), Completeness::Whole, "its place is its number, whatever the page before held");
    let counted = "number: {size: 100, count: $.n}";
    let n = r#"{"n":3}"#;
    let said = check(counted, &[(10, n), (4, n), (10, n)], &places[..3], End::Count);
    assert_eq!(said.judge(24), Completeness::Whole, "the site itself says where the end is");
}

#[test]
fn a_repeated_page_may_be_the_end() {
    let stop = "number: {size: 2, stop: [repeated]}";
    let mut slice = Slice::of(stop);
    let _ = (slice.hashed(2, 1, "{}"), slice.hashed(2, 2, "{}"));
    assert_eq!(slice.hashed(2, 2, "{}"), Next::End(End::Again));
    assert_eq!(slice.judge(4), Completeness::Whole);
    let mut slice = Slice::of(stop);
    let _ = (slice.hashed(2, 1, "{}"), slice.hashed(2, 2, "{}"));
    assert_eq!(slice.hashed(2, 1, "{}"), Next::End(End::Repeated), "not the page before: a loop");
    let wanted = "number: {size: 2, max: 2, stop: max}";
    check(wanted, &[(2, "{}"), (2, "{}")], &["number 1", "number 2"], End::Wanted);
    check("number: {size: 2, max: 1}", &[(2, "{}")], &["number 1"], End::Max);
}

#[test]
fn announced_counts_of_pages() {
    let counted = "number: {size: 2, count: $.n}";
    let places = ["number 1", "number 2", "number 3", "number 4"];
    for none in [r#"{"n":null}"#, r#"{"n":0}"#, r#"{"n":"many"}"#] {
        check(counted, &[(2, none), (2, none), (0, none)], &places[..3], End::Empty);
    }
    let (one, three) = (r#"{"n":1}"#, r#"{"n":3}"#);
    check(counted, &[(2, three), (2, one), (0, "{}")], &places[..3], End::Empty);
    let huge = r#"{"n":18446744073709551615}"#;
    let (_, end) = Slice::of(counted).pages(&[(2, huge)]);
    assert!(matches!(&end, End::Unreadable(found) if found.ends_with("above 2^53")), "{end}");
    check(counted, &[(2, three), (0, three), (2, three)], &places[..3], End::Count);
    assert!(!End::Barren.is_honest());
}

#[test]
fn totals_that_are_no_totals() {
    let places = ["offset 0", "offset 2", "offset 4", "offset 6"];
    let offset = "offset: {size: 2, total: $.n}";
    for (none, found) in [
        (r#"{"n":null}"#, "`$.n` finds nothing"),
        (r#"{"n":"*"}"#, "`$.n` is \"*\""),
        (r#"{"n":0}"#, "`$.n` is 0 beside 2 records"),
        (r#"{"n":1}"#, "`$.n` is 1, and 2 records came"),
        (r#"{"n":-1}"#, "`$.n` is -1"),
        (r#"{"n":9007199254740993}"#, "`$.n` is 9007199254740993, above 2^53"),
        (r#"{"n":{"value":3}}"#, "`$.n` is {\"value\":3}"),
    ] {
        let slice =
            check(offset, &[(2, none), (1, none), (0, none)], &["offset 0", "offset 2", "offset 3"], End::Empty);
        assert!(slice.unknown(3).starts_with(&format!("total: {found}, and no page")), "{}", slice.unknown(3));
    }
    let (three, zero) = (r#"{"n":"3.0"}"#, r#"{"n":0}"#);
    let slice = check(offset, &[(2, three), (1, zero)], &places[..2], End::Total);
    assert_eq!(slice.judge(3), Completeness::Whole, "a total that one page announces counts");
    let slice = check(offset, &[(2, zero), (1, three)], &places[..2], End::Total);
    assert_eq!(slice.judge(3), Completeness::Whole);
    let slice = check(offset, &[(2, r#"{"n":7}"#), (2, zero), (0, zero)], &places[..3], End::Empty);
    assert_eq!(slice.judge(4), Completeness::Short { keys: 4, total: 7 });
    let slice = check(
        "offset: {size: 2, total: {at: $.n, approximate: true}}",
        &[(2, zero), (0, zero)],
        &places[..2],
        End::Empty,
    );
    assert_eq!(slice.judge(2), Completeness::Whole, "one that is rounded is compared with nothing");
    let rounded = "offset: {size: 2, total: {at: $.n, approximate: true}}";
    let two = r#"{"n":2}"#;
    check(rounded, &[(2, two), (1, two), (0, two)], &["offset 0", "offset 2", "offset 3"], End::Empty);
    assert_eq!(Slice::of(offset).judge(0), Completeness::Whole, "an answer that means `empty` needs no total");
}

#[test]
fn totals_that_differ_or_are_passed() {
    let offset = "offset: {size: 3, total: $.n}";
    let (five, six, nine) = (r#"{"n":5}"#, r#"{"n":6}"#, r#"{"n":9}"#);
    let places = ["offset 0", "offset 3", "offset 6", "offset 9"];
    let passed = check(offset, &[(3, five), (3, five), (3, five), (0, five)], &places, End::Total);
    assert!(passed.unknown(9).starts_with("total: the site announces 5 records, and 9 came"));
    let mut clamped = Slice::of(offset);
    let _ = (clamped.hashed(3, 1, five), clamped.hashed(3, 2, five));
    assert_eq!(clamped.hashed(3, 2, five), Next::End(End::Total), "a full last page that comes again shows the end");
    assert_eq!(clamped.judge(5), Completeness::Whole);
    let grown = check(offset, &[(3, five), (3, six), (0, six)], &places[..3], End::Total);
    assert_eq!(grown.judge(6), Completeness::Whole);
    assert_eq!(grown.judge(5), Completeness::Doubtful);
    assert_eq!(grown.judge(4), Completeness::Short { keys: 4, total: 5 });
    let fallen = check(offset, &[(3, nine), (3, nine), (3, five)], &places[..3], End::Total);
    assert_eq!(fallen.judge(9), Completeness::Whole, "all that the first page announced came");
    let mut keyless = Slice::of(offset);
    keyless.progress.keyless = 1;
    let _ = keyless.pages(&[(3, five), (2, five)]);
    assert_eq!(keyless.unknown(4), "short: 4 of 5 records, and 1 without a key");
}

#[test]
fn a_total_that_is_the_number_of_records_on_a_page() {
    let cursor = "cursor: {size: 2, next: $.next, total: $.n}";
    let (a, b, end) = (r#"{"next":"a","n":2}"#, r#"{"next":"b","n":2}"#, r#"{"n":2}"#);
    let slice = check(cursor, &[(2, a), (2, b), (2, end)], &["first", "cursor a", "cursor b"], End::NoNext);
    assert!(slice.unknown(6).starts_with("total: the site announces 2 records, and 6 came"));
    check(cursor, &[(2, a), (0, a)], &["first", "cursor a"], End::Total);
    check(cursor, &[(1, r#"{"next":"a","n":1}"#)], &["first"], End::Total);
}

#[test]
fn all_members_hold_the_family_s_rules() {
    let members = [
        "single: {total: $.n}",
        "number: {size: 10, total: $.n}",
        "offset: {size: 10, total: $.n}",
        "range: {size: 10, total: $.n}",
        "cursor: {size: 10, next: $.next, total: $.n}",
        "next_url: {next: $.next, total: $.n}",
        "link_header: {size: 11, total: $.n}",
    ];
    for yaml in members {
        let member = rule(yaml);
        let start = member.rule().start();
        let text = serde_json::to_string(&start).unwrap();
        assert_eq!(serde_json::from_str::<Position>(&text).unwrap(), start, "{yaml}: a position survives the state");
        if !yaml.starts_with("link_header") {
            let (_, end) = Slice::of(yaml).pages(&[(0, "{}")]);
            assert!(end.is_honest(), "{yaml}: an empty page ends it");
        }
        let (_, end) = Slice::of(yaml).pages(&[(10, r#"{"n":10}"#)]);
        assert!(end.is_honest(), "{yaml}: the total ends it");
        let names: Vec<&str> = member.rule().variables(&start).iter().map(|(name, _)| *name).collect();
        assert!(names.iter().all(|name| member.names().contains(name)), "{yaml}: its names are declared");
        if let Some(ahead) = member.rule().ahead(&start, 10, 100) {
            let mut slice = Slice::of(yaml);
            assert_eq!(slice.page(10, r#"{"n":100}"#), Next::Page(ahead), "{yaml}: ahead is where next goes");
            assert_eq!(member.rule().ahead(&start, 10, 10), None, "{yaml}: ahead ends with the total");
        }
    }
}
