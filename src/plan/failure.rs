//! What is told of a request that failed: how it was asked, the status, and the first words of what the site said.
use url::Url;

use super::Call;
use crate::decode;
use crate::exchange::Page;
use crate::printable::{excerpt, printable};
use crate::redact::{redact, redact_start};
use crate::tree::Tree;

/// Most characters of what a site said.
const WORDS: usize = 200;
/// Most characters of an address.
const ADDRESS: usize = 300;
/// Characters of a body in which its first words are looked for.
const READ: usize = 64 << 10;
/// Members of an answer that hold the site's own words.
const MEMBERS: [&str; 8] = ["error_description", "message", "detail", "title", "error", "errors", "info", "reason"];
/// Most names of members that are told.
const NAMES: usize = 8;

impl Call {
    /// A request of this call that failed, on one line, without its secrets.
    pub fn failure(&self, page: &Page) -> String {
        failure(page)
    }

    /// An answer of this call that cannot be used, on one line, without its secrets: it may repeat them.
    pub fn unusable(&self, page: &Page, why: &dyn std::fmt::Display) -> String {
        format!("{}: {}", asked(&page.method, &page.url), printable(&redact(&why.to_string())))
    }

    /// What an answer holds, for whoever looks for something else in it: the site's own words, else its members.
    pub fn outline(&self, body: &Tree<'_>) -> String {
        match words(body) {
            Some(words) => format!("it says: {}", excerpt(&words, WORDS)),
            None => excerpt(&members(body), WORDS),
        }
    }
}

fn members(body: &Tree<'_>) -> String {
    match body {
        Tree::Object(members) if members.is_empty() => "it is `{}`".into(),
        Tree::Object(members) => {
            let names: Vec<String> = members.iter().take(NAMES).map(|(name, _)| format!("`{name}`")).collect();
            let more = if members.len() > NAMES { ", …" } else { "" };
            format!("it has {}{more}", names.join(", "))
        }
        Tree::List(list) => format!("it is a list of {}", list.len()),
        other => format!("it is a {}", other.kind()),
    }
}

/// A request that failed, on one line, without secrets.
pub fn failure(page: &Page) -> String {
    let said = redirect(page).unwrap_or_else(|| excerpt(&said(page), WORDS));
    let colon = if said.is_empty() { "" } else { ": " };
    format!("{} answers {}{colon}{said}", asked(&page.method, &page.url), page.status)
}

/// Method and address of a request, without secrets.
pub fn asked(method: &str, url: &str) -> String {
    format!("{method} {}", excerpt(url, ADDRESS))
}

/// Where an answer that was not followed points to, and what to do about it.
fn redirect(page: &Page) -> Option<String> {
    if !matches!(page.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let Some(location) = page.header("location") else {
        return Some("it redirects, and does not say where".to_owned());
    };
    let shown = excerpt(location, ADDRESS);
    let from = Url::parse(&page.url).ok()?;
    Some(match from.join(location) {
        Err(_) => format!("it redirects to `{shown}`, which is no address"),
        Ok(to) if to.origin() == from.origin() => format!("it redirects to {shown}"),
        Ok(_) => format!(
            "it redirects to {shown}, another origin, which is not followed; if that is where the site is now, write \
             this address in the source"
        ),
    })
}

/// The site's own words: a member of its answer that holds them, the title of a page, or how the answer begins.
fn said(page: &Page) -> String {
    let Ok(text) = decode::text(page) else { return String::new() };
    if let Ok(read) = decode::json(&text, None)
        && let Some(words) = words(&read.body)
    {
        return words;
    }
    let start = redact_start(&text, READ);
    title(&start).unwrap_or(start)
}

/// The words in an answer: of its known members, or of the first that holds such a member. `error` stands before its
/// description.
fn words(body: &Tree<'_>) -> Option<String> {
    let text = |member: &Tree<'_>| match member {
        Tree::Text(text) if !text.trim().is_empty() => Some(text.to_string()),
        Tree::List(list) => list.first().and_then(|first| first.as_str().map(str::to_owned).or_else(|| words(first))),
        Tree::Object(_) => words(member),
        _ => None,
    };
    let found = MEMBERS.iter().find_map(|name| Some((name, text(body.get(name)?)?)));
    let (name, found) = found?;
    let code = body.get("error").and_then(Tree::as_str).filter(|_| *name != "error" && *name != "errors");
    Some(code.map_or(found.clone(), |code| format!("{code}: {found}")))
}

/// Whether a text is a page of HTML, or of another markup: a wall, or a notice that the site is under repair.
pub fn is_html(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<')
}

/// The title of a page of HTML.
fn title(text: &str) -> Option<String> {
    if !is_html(text) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    let title = text[start..end].trim();
    if title.is_empty() { None } else { Some(format!("a page of HTML, `{title}`")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(status: u16, headers: &[(&str, &str)], body: &str) -> Page {
        Page {
            url: "https://a.example/jobs?key=s3cret-key".into(),
            method: "GET".into(),
            status,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.to_owned().into(),
            unpacked: None,
            fetched: chrono::DateTime::UNIX_EPOCH,
            attempts: 1,
        }
    }

    #[test]
    fn an_answer_is_told_by_its_members() {
        for (body, expect) in [
            (r#"{"status":"ok","data":null}"#, "it has `status`, `data`"),
            ("{}", "it is `{}`"),
            ("[1,2]", "it is a list of 2"),
            ("null", "it is a null"),
        ] {
            assert_eq!(members(&serde_json::from_str(body).unwrap()), expect);
        }
        let body = serde_json::from_str(r#"{"success":false,"error":{"code":101,"info":"no such key"}}"#).unwrap();
        assert_eq!(words(&body).unwrap(), "no such key");
    }

    fn check(status: u16, headers: &[(&str, &str)], body: &str, expect: &str) {
        crate::redact::hide([("failure-test".to_owned(), "s3cret-key".into())]);
        let told = failure(&page(status, headers, body));
        assert_eq!(told, format!("GET https://a.example/jobs?key=*** answers {status}{expect}"));
    }

    #[test]
    fn a_site_is_quoted_in_its_own_words() {
        let words = |body: &str, expect: &str| check(400, &[], body, expect);
        words("", "");
        words("\n Bad \n\n request ", ": Bad request");
        words(r#"{"message": "no such page"}"#, ": no such page");
        words(r#"{"error": {"code": 7, "message": "no such page"}}"#, ": no such page");
        words(r#"{"errors": [{"detail": "range"}, {"detail": "x"}]}"#, ": range");
        words(r#"{"errors": ["first", "second"]}"#, ": first");
        words(r#"{"error": "invalid_client", "error_description": "who?"}"#, ": invalid_client: who?");
        words(r#"{"code": 7}"#, r#": {"code": 7}"#);
        words("<html><head><TITLE>\nDown for repair</TITLE>", ": a page of HTML, `Down for repair`");
        words("bad \u{1b}[2J\u{7} key s3cret-key", ": bad \\u{1b}[2J\\u{7} key ***");
        words(&"word ".repeat(90), &format!(": {}…", &"word ".repeat(40)));
    }

    #[test]
    fn a_redirect_says_where_it_points() {
        let to = |target: &str, expect: &str| check(302, &[("location", target)], "moved", expect);
        let other = ", another origin, which is not followed; if that is where the site is now, write this address in the source";
        to("https://b.example/jobs", &format!(": it redirects to https://b.example/jobs{other}"));
        to("http://a.example/jobs", &format!(": it redirects to http://a.example/jobs{other}"));
        to("//b.example/?k=s3cret-key", &format!(": it redirects to //b.example/?k=***{other}"));
        to("/login", ": it redirects to /login");
        to("http://[", ": it redirects to `http://[`, which is no address");
        let long = "a".repeat(ADDRESS - 8);
        to(&format!("/{long}?k=s3cret-key"), &format!(": it redirects to /{long}?k=***"));
        check(307, &[], "", ": it redirects, and does not say where");
        check(304, &[("location", "/x")], "", "");
    }
}
