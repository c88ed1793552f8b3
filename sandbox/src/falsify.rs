//! What a fault does to an answer that the site has made.
use serde_json::{Value, json};

use crate::faults::{Announced, Fault, Spoilt};
use crate::ledger::{Class, digest};
use crate::serve::Asked;
use crate::wire::Answer;

/// The path at another origin to which a fault redirects.
pub(crate) const ELSEWHERE: &str = "/elsewhere";

/// Members under which the sites list their records.
const LISTS: [&str; 4] = ["resultats", "data", "jobs", "content"];

/// A page for people.
const WALL: &[u8] = b"<!DOCTYPE html><html><body>Are you a robot?</body></html>";

/// Does to an answer what a fault says; whether there was something to do it to. `before` is the last page of a list.
pub(crate) fn falsify(fault: Fault, answer: &mut Answer, before: Option<(String, Answer)>, asked: &Asked) -> bool {
    let good = answer.status < 300 && answer.status != 204 && answer.lines.is_some();
    let has_records = good && answer.is_list && answer.lines.as_ref().is_some_and(|lines| !lines.is_empty());
    match fault {
        Fault::Status(_) | Fault::Wait(..) | Fault::Reset | Fault::ResetInHead | Fault::Slow(_) => true,
        Fault::WaitUntil | Fault::WaitUnclear | Fault::Elsewhere => true,
        Fault::RevokeTokens => asked.header("authorization").is_some(),
        Fault::TokenError | Fault::TokenWall => falsify_token(fault, answer, asked),
        Fault::Duplicated => match before {
            Some((path, before)) if good && path == asked.path && before.body != answer.body => {
                *answer = before;
                true
            }
            _ => false,
        },
        Fault::LyingTotal(by) => {
            let total = answer.range().and_then(|(_, total)| total.parse::<i64>().ok());
            total.is_some_and(|total| announce(answer, &json!(total + by)))
        }
        Fault::Total(announced) if has_records => announce(
            answer,
            &match announced {
                Announced::Zero => json!(0),
                Announced::Null => Value::Null,
                Announced::Word => json!("many"),
            },
        ),
        Fault::Record(spoilt) if has_records => spoil(spoilt, answer),
        Fault::EmptyPage if has_records => empty(answer, asked),
        Fault::ShortPage if has_records => shorten(answer),
        Fault::ResetAfterHead | Fault::Truncated | Fault::WrongLength | Fault::Bom | Fault::TruncatedGzip => good,
        Fault::BrokenJson | Fault::CutUnsaid if good => {
            answer.body.truncate(answer.body.len() / 2);
            true
        }
        Fault::Empty if good => {
            answer.body.clear();
            true
        }
        Fault::HtmlWall if good => wall(answer),
        Fault::Windows1252 if good => windows_1252(answer),
        Fault::BrokenJson | Fault::CutUnsaid | Fault::Empty | Fault::HtmlWall | Fault::Windows1252 => false,
        Fault::Total(_) | Fault::Record(_) | Fault::EmptyPage | Fault::ShortPage => false,
    }
}

fn wall(answer: &mut Answer) -> bool {
    answer.headers = vec![("Content-Type".into(), "text/html".into())];
    answer.body = WALL.to_vec();
    true
}

fn falsify_token(fault: Fault, answer: &mut Answer, asked: &Asked) -> bool {
    if answer.status >= 300 || !asked.path.starts_with("/connexion/") {
        return false;
    }
    if fault == Fault::TokenWall {
        return wall(answer);
    }
    let error = json!({"error": "temporarily_unavailable", "error_description": "Maintenance of the directory"});
    answer.body = error.to_string().into_bytes();
    true
}

/// Puts something in place of the total; whether there is one.
fn announce(answer: &mut Answer, total: &Value) -> bool {
    if let Some((range, _)) = answer.range() {
        let total = if total.is_null() { "*".to_owned() } else { total.to_string().replace('"', "") };
        let value = format!("{range}/{total}");
        answer.set("Content-Range", &value);
        return true;
    }
    change(answer, |page| match page.get_mut("totalFound") {
        Some(announced) => {
            *announced = total.clone();
            true
        }
        None => false,
    })
}

/// Changes an answer's JSON; whether there was something to change.
fn change(answer: &mut Answer, change: impl FnOnce(&mut Value) -> bool) -> bool {
    let Ok(mut page) = serde_json::from_slice::<Value>(&answer.body) else { return false };
    let changed = change(&mut page);
    if changed {
        answer.body = page.to_string().into_bytes();
    }
    changed
}

fn list(page: &mut Value) -> Option<&mut Vec<Value>> {
    let members = page.as_object_mut()?;
    members.iter_mut().find(|(name, _)| LISTS.contains(&name.as_str()))?.1.as_array_mut()
}

/// Spoils the record in the middle of a page.
fn spoil(spoilt: Spoilt, answer: &mut Answer) -> bool {
    const MARK: &str = "\"the spoilt record\"";
    let middle = answer.lines.as_ref().map_or(0, Vec::len) / 2;
    let mut record = Vec::new();
    let taken = change(answer, |page| {
        let Some(place) = list(page).and_then(|list| list.get_mut(middle)) else { return false };
        record = std::mem::replace(place, json!(MARK.trim_matches('"'))).to_string().into_bytes();
        true
    });
    let member: &[u8] = match spoilt {
        Spoilt::Null => b"",
        Spoilt::HalfSurrogate => b",\"spoilt\":\"half \\ud83d\"}",
        Spoilt::InvalidByte => b",\"spoilt\":\"no \xff text\"}",
        Spoilt::HugeNumber => b",\"spoilt\":1e999}",
    };
    record.pop();
    record.extend_from_slice(member);
    if let Some(line) = answer.lines.as_mut().and_then(|lines| lines.get_mut(middle)) {
        match spoilt {
            Spoilt::Null => (line.class, line.digest) = (Class::Keyless, digest(&Value::Null)),
            Spoilt::HugeNumber => (line.class, line.digest) = (Class::Keyless, 0),
            // What is refused is kept as it is read: what is no text is a replacement character.
            Spoilt::HalfSurrogate | Spoilt::InvalidByte if line.class != Class::Valid => {
                let text = String::from_utf8_lossy(&record).replace("\\ud83d", "\u{fffd}");
                line.digest = serde_json::from_str(&text).map_or(line.digest, |read: Value| digest(&read));
            }
            Spoilt::HalfSurrogate | Spoilt::InvalidByte => {}
        }
    }
    if spoilt == Spoilt::Null {
        record = b"null".to_vec();
    }
    let place = answer.body.windows(MARK.len()).position(|window| window == MARK.as_bytes());
    if let Some(at) = place {
        answer.body.splice(at..at + MARK.len(), record);
    }
    taken && place.is_some()
}

/// Takes the records out of a page. Where the site says where to go on, that is this page once more.
fn empty(answer: &mut Answer, asked: &Asked) -> bool {
    let done = change(answer, |page| {
        if page.pointer("/links/next").is_some() {
            let number = |name: &str| asked.query(name).and_then(|text| text.parse::<u64>().ok());
            let (page_number, again) = (number("page").unwrap_or(1), number("again").unwrap_or(0) + 1);
            let address = "https://www.arbeitnow.com/api/job-board-api";
            page["links"]["next"] = json!(format!("{address}?page={page_number}&again={again}"));
        }
        list(page).map(Vec::clear).is_some()
    });
    if done {
        answer.lines = Some(Vec::new());
    }
    done
}

/// Leaves the first half of a page; whether the list can be read from there.
fn shorten(answer: &mut Answer) -> bool {
    let Some(lines) = answer.lines.as_mut().filter(|lines| lines.len() > 1) else { return false };
    let kept = lines.len() / 2;
    let done = change(answer, |page| {
        let is_counted = page.pointer("/links/next").is_none();
        is_counted && list(page).map(|list| list.truncate(kept)).is_some()
    });
    if !done {
        return false;
    }
    if let Some(lines) = answer.lines.as_mut() {
        lines.truncate(kept);
    }
    let range = answer.range().and_then(|(range, total)| {
        let first: usize = range.trim_start_matches("offres ").split_once('-')?.0.parse().ok()?;
        Some(format!("offres {first}-{}/{total}", first + kept - 1))
    });
    if let Some(range) = range {
        answer.set("Content-Range", &range);
    }
    true
}

/// Writes a body in windows-1252, where that makes a difference: other characters as escapes of JSON.
fn windows_1252(answer: &mut Answer) -> bool {
    let Ok(text) = std::str::from_utf8(&answer.body) else { return false };
    if text.is_ascii() {
        return false;
    }
    let mut body = Vec::with_capacity(text.len());
    for sign in text.chars() {
        match u8::try_from(u32::from(sign)) {
            Ok(byte) if byte.is_ascii() || byte >= 0xa0 => body.push(byte),
            _ => {
                let mut units = [0; 2];
                for unit in sign.encode_utf16(&mut units) {
                    body.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
        }
    }
    answer.body = body;
    answer.set("Content-Type", "application/json; charset=windows-1252");
    true
}
