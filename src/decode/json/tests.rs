//! What is read of good and bad bodies, in one pass and in two.
use super::*;

/// A body as it is read: the answer, then what is unread, then what is noted.
fn told(body: &str, names: Option<&[&str]>) -> String {
    let text = Text::from(body);
    match json(&text, names) {
        Err(error) => error.to_string(),
        Ok(read) => {
            let mut told = read.body.to_string();
            for unread in &read.unread {
                let item = unread.item.map_or("?".into(), |item| item.to_string());
                told += &format!(" | {item} {} {}", &text[unread.raw.clone()], unread.message);
            }
            for note in &read.notes {
                told += &format!(" | {}: {}", note.path, note.what);
            }
            told
        }
    }
}

fn check(body: &str, expect: &str) {
    assert_eq!(told(body, Some(&["r"])), expect, "{body}");
}

#[test]
fn what_is_json_is_read_as_it_is_written() {
    for body in [
        r#"{"a":[1,-2,true,false,null,""],"b":{"c":"é","d":{}},"r":[[],{}]}"#,
        r#"[9223372036854775807,9223372036854775808,3.10,1e3,-0,1E-7,123456789012345678901234567890,12.0]"#,
        "17",
        "\"a\"",
    ] {
        assert_eq!(told(body, None), body);
        check(body, body);
    }
    check(" {\n \"a\" :\t[ 1 , 2 ] }\r\n", r#"{"a":[1,2]}"#);
    check("  ", "null");
    check(r#"{"a":"\u00e9\n\"\\\/\ud83d\ude00\b"}"#, r#"{"a":"é\n\"\\/😀\b"}"#);
    assert!(matches!(
        json(&Text::from(r#"{"a":"b"}"#), None).unwrap().body.get("a"),
        Some(Tree::Text(std::borrow::Cow::Borrowed("b")))
    ));
}

#[test]
fn a_record_that_cannot_be_read_costs_itself() {
    for (bad, message) in [
        (r#"{"id":1e999}"#, "`1e999`, a number out of range, at byte 17"),
        (r#"{"id":"\x"}"#, "`\\x`, which is no escape, at byte 18"),
        (r#"{"id":"\u12"}"#, "`\\u`, which is no escape, at byte 18"),
        (r#"{"id":007}"#, "`007`, which is no number of JSON, at byte 17"),
        (r#"{"id":1.}"#, "`1.`, which is no number of JSON, at byte 17"),
        (r#"{"id":undefined}"#, "`undefined` where a value was expected, at byte 17"),
        (r#"{"id" "b"}"#, "`\"` where `:` was expected, at byte 17"),
        (r#"{id:1}"#, "`id` where the name of a member was expected, at byte 12"),
        (r#"{"id":1}}"#, "`}` where `,` or a closing bracket was expected, at byte 19"),
        (r#"{"id":1} x"#, "`x` where `,` or a closing bracket was expected, at byte 20"),
        (r#"{"t":"a "b" c"}"#, "`b` where `,` or `}` was expected, at byte 20"),
        (r#"{"t":["a"}"#, "`}` where `,` or `]` was expected, at byte 20"),
        (r#"{"t":"5" screen","u":"x"}"#, "`screen` where `,` or `}` was expected, at byte 20"),
        (r#"{"t":[{"a":"5" x"},{"a":"c"}],"u":"y"}"#, "`x` where `,` or `}` was expected, at byte 26"),
        (r#"{"t":"open}"#, "`id` where `,` or `}` was expected, at byte 25"),
        ("", "`,` where a value was expected, at byte 11"),
    ] {
        let body = format!(r#"{{"r":[{{}},  {bad},{{"id":2}}],"n":3}}"#);
        let expect = format!(r#"{{"r":[{{}},null,{{"id":2}}],"n":3}} | 1 {bad} {message}"#);
        assert_eq!(told(&body, Some(&["r"])), expect, "{bad}");
    }
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let body = format!(r#"{{"r":[{deep},{{"id":2}}]}}"#);
    assert!(told(&body, Some(&["r"])).ends_with("brackets inside more than 128 others, at byte 132"));
    check(r#"{"r":[1,2,]}"#, r#"{"r":[1,2]}"#);
}

#[test]
fn what_is_no_text_is_kept_and_noted() {
    let half = "half of a surrogate pair was read as U+FFFD";
    check(
        r#"{"r":[{"t":"Dev \ud83d"},{"t":"b"}]}"#,
        &format!("{{\"r\":[{{\"t\":\"Dev \u{fffd}\"}},{{\"t\":\"b\"}}]}} | $.t: {half}"),
    );
    check(
        r#"{"r":[{"a":[{"t":"\ude00x"}]}]}"#,
        &format!("{{\"r\":[{{\"a\":[{{\"t\":\"\u{fffd}x\"}}]}}]}} | $.a[0].t: {half}"),
    );
    check(r#"{"r":["\ud83d\u0041"]}"#, &format!("{{\"r\":[\"\u{fffd}A\"]}} | $: {half}"));
    check(r#"{"\udead":1,"r":[]}"#, &format!("{{\"\u{fffd}\":1,\"r\":[]}} | answer: {half}"));
    check(
        "{\"r\":[{\"t\":\"a\tb\nc\"}]}",
        "{\"r\":[{\"t\":\"a\\tb\\nc\"}]} | $.t: a control character that is not escaped",
    );
    check(
        r#"{"r":[{"p":NaN,"q":-Infinity,"s":Infinity}]}"#,
        "{\"r\":[{\"p\":null,\"q\":null,\"s\":null}]} | $.p: NaN was read as null | $.q: Infinity was read as null | $.s: Infinity was read as null",
    );
}

#[test]
fn what_stands_beside_the_records_costs_itself_too() {
    let lost = "answer: a value beside the records cannot be read";
    check(r#"{"took":1e999,"r":[1]}"#, &format!(r#"{{"took":null,"r":[1]}} | {lost}"#));
    check(r#"{"f":[{"a":1},{"a":\}],"r":[1]}"#, &format!(r#"{{"f":[{{"a":1}},null],"r":[1]}} | {lost}"#));
    check(r#"{"f":{"g":{"h":1e999}},"r":[1]}"#, &format!(r#"{{"f":{{"g":{{"h":null}}}},"r":[1]}} | {lost}"#));
    // Of a repeated member the last one counts, with what cannot be read in it.
    check(r#"{"r":[1e999],"r":[2]}"#, r#"{"r":[null],"r":[2]}"#);
    check(r#"{"r":{"a":1,"b":1e999}}"#, &format!(r#"{{"r":{{"a":1,"b":null}}}} | {lost}"#));
    let found = told(r#"{"a":[{"jobs":[{"id":1},{"id":1e999}]},{"jobs":[]}]}"#, None);
    assert_eq!(
        found,
        r#"{"a":[{"jobs":[]}]} | ? {"jobs":[{"id":1},{"id":1e999}]} `1e999`, a number out of range, at byte 30"#
    );
}

#[test]
fn a_body_that_cannot_be_read_says_why() {
    check("<html>", "HTML where JSON was expected: a wall against robots, or a login page; it begins `<html>`");
    check(r#"{"r":"#, "the answer ends too early, after 5 bytes; it begins `{\"r\":`");
    check(r#"{"r":[{"a":1},{"a""#, "the answer ends too early, after 18 bytes; it begins `{\"r\":[{\"a\":1},{\"a\"`");
    check(
        r#"{"r":[]}{"r":[]}"#,
        "not JSON: a second value behind the first, at byte 8; it begins `{\"r\":[]}{\"r\":[]}`",
    );
    check(")]}'\n{}", "not JSON: a guard against other pages stands before it; it begins `)]}'\\u{a}{}`");
    check("oops", "not JSON: `oops` where a value was expected, at byte 0; it begins `oops`");
    check(r#"{"r":[]} x"#, "not JSON: `x` where the end was expected, at byte 9; it begins `{\"r\":[]} x`");
}

/// Two passes over a body, told as one pass tells it.
pub(super) fn twice(body: &str, names: &[&str]) -> String {
    let text = Text::from(body);
    let read = match envelope(&text, names) {
        Err(error) => return error.to_string(),
        Ok(read) => read,
    };
    let mut told = read.body.to_string();
    let mut count = 0;
    if let Some(list) = read.list {
        records(&text, list, &mut |row| {
            count += 1;
            told += &match row {
                Row::Read(tree, _) => format!(" {tree}"),
                Row::Unread(unread) => format!(" {unread:?}"),
            };
            true
        })
        .unwrap();
        assert_eq!(count, list.count, "{body}");
    }
    told
}

/// One pass over a body, told in the same way.
pub(super) fn once(body: &str, names: &[&str]) -> String {
    let text = Text::from(body);
    let whole = match json(&text, Some(names)) {
        Err(error) => return error.to_string(),
        Ok(read) => read,
    };
    let around = envelope(&text, names).map(|read| read.body.to_string());
    let mut told = around.unwrap_or_else(|error| error.to_string());
    if whole.list.is_none() {
        return told;
    }
    let list = names.iter().try_fold(&whole.body, |at, name| at.get(name)).and_then(Tree::as_list).unwrap();
    for (index, tree) in list.iter().enumerate() {
        let unread = whole.unread.iter().find(|unread| unread.item == Some(index as u32));
        told += &unread.map_or_else(|| format!(" {tree}"), |unread| format!(" {unread:?}"));
    }
    told
}

#[test]
fn two_passes_see_what_one_sees_whatever_is_broken() {
    let body = r#"{"t":5,"p":{"rows":[{"a":"b\u00e9","c":[1,{"d":"e,]}"}]},{"a":2.50},{"a":{"b":null}},[],"x"],"n":"x"},"l":[{}]}"#;
    let names = ["p", "rows"];
    assert_eq!(once(body, &names), twice(body, &names));
    let signs = ['"', '\\', '{', '}', '[', ']', ',', ':', '1', 'x', ' '];
    for at in 0..body.len() {
        for sign in signs {
            for broken in [
                format!("{}{sign}{}", &body[..at], &body[at + 1..]),
                format!("{}{sign}{}", &body[..at], &body[at..]),
                format!("{}{}", &body[..at], &body[at + 1..]),
                body[..at].to_owned(),
            ] {
                assert_eq!(once(&broken, &names), twice(&broken, &names), "{broken}");
            }
        }
    }
}

/// Memory is counted before it is taken: in a record it costs the record, around them the page.
#[test]
fn values_take_no_more_memory_than_they_may() {
    let many =
        |element: &str, bytes: usize| format!("[{}1]", format!("{element},").repeat(bytes / (element.len() + 1)));
    for element in ["{}", "1", "[1]", "{\"a\":1}", "null", "\"\\n\""] {
        let body = format!(r#"{{"r":[{{"j":{}}},{{"id":2}}]}}"#, many(element, 2 << 20));
        let text = Text::from(&*body);
        assert!(matches!(json(&text, Some(&["r"])), Err(DecodeError::TooMany { .. })), "{element}");
        let list = envelope(&text, &["r"]).unwrap().list.unwrap();
        let mut told = Vec::new();
        records(&text, list, &mut |row| {
            told.push(match row {
                Row::Read(tree, _) => tree.to_string(),
                Row::Unread(unread) => unread.message.split(',').next().unwrap_or_default().to_owned(),
            });
            true
        })
        .unwrap();
        assert_eq!(told, ["its values take more than 8 MiB", r#"{"id":2}"#], "{element}");
        let beside = format!(r#"{{"r":[1],"j":{}}}"#, many(element, 2 << 20));
        let beside = Text::from(&*beside);
        assert!(matches!(envelope(&beside, &["r"]), Err(DecodeError::TooMany { .. })), "{element}");
    }
}

#[test]
fn a_text_is_cut_where_it_is_too_long() {
    let note = "$.t: a text of more than 1 MiB is cut";
    for (sign, length) in [("a", 1 << 20), ("é", 1 << 20), ("€", (1 << 20) - 1), ("\\n", 1 << 20)] {
        let body = format!(r#"{{"r":[{{"t":"{}","u":"x"}}]}}"#, sign.repeat(3 << 20));
        let text = Text::from(&*body);
        let read = json(&text, Some(&["r"])).unwrap();
        let record = &read.body.get("r").and_then(Tree::as_list).unwrap()[0];
        assert_eq!(record.get("t").and_then(Tree::as_str).map(str::len), Some(length), "{sign}");
        assert_eq!(record.get("u").and_then(Tree::as_str), Some("x"), "{sign}");
        let notes: Vec<String> = read.notes.iter().map(|note| format!("{}: {}", note.path, note.what)).collect();
        assert_eq!(notes, [note], "{sign}");
    }
    check(r#"{"r":["a\nb"]}"#, r#"{"r":["a\nb"]}"#);
}

#[test]
fn what_was_noted_before_a_list_that_is_broken_stays_noted() {
    let list = [r"[}", r#"["}"#, "[1}", "[,}", "[{\"x\":\"\\ud800\"}}", "[[1}"];
    for list in list {
        let body = format!(r#"{{"a":"\ud800","b":{list}}}"#);
        for names in [None, Some(&["b"][..]), Some(&["x", "b"])] {
            let text = Text::from(body.as_str());
            let notes = json(&text, names).map_or(1, |read| read.notes.len());
            assert!(notes > 0, "{body} {names:?}");
        }
    }
}
