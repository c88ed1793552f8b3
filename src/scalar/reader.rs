//! READER: one way to read a value out of an answer, from its body, a header or its status.
use std::fmt;
use std::str::FromStr;

use regex::Regex;

use super::fault::{Carried, Fault};
use super::path::{self, Path};
use crate::exchange::Page;
use crate::tree::Tree;

/// `PATH`, `header NAME` or `status`, optionally `~ "regex"`.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Reader {
    text: String,
    from: From,
    pattern: Option<Regex>,
}

#[derive(Clone, Debug)]
enum From {
    Path(Path),
    Header(String),
    Status,
}

/// What a number that stands for a time counts.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// Seconds from now.
    Seconds,
    /// Seconds since 1970.
    Instant,
}

impl Reader {
    /// The value: group 1 of the pattern, else its match; null when there is none.
    pub fn read(&self, page: &Page, body: &Tree<'_>) -> Tree<'static> {
        let value = match &self.from {
            From::Path(path) => path.value(body).into_owned(),
            From::Header(name) => page.header(name).map_or(Tree::Null, Tree::from),
            From::Status => Tree::Int(page.status.into()),
        };
        let Some(pattern) = &self.pattern else { return value };
        let Some(text) = value.scalar_text() else { return Tree::Null };
        let Some(found) = pattern.captures(&text) else { return Tree::Null };
        found.get(1).or_else(|| found.get(0)).map_or(Tree::Null, |part| Tree::from(part.as_str()))
    }

    /// The value as a whole number, also when it is text; `None` when it is neither.
    pub fn number(&self, page: &Page, body: &Tree<'_>) -> Option<u64> {
        match self.read(page, body) {
            Tree::Int(number) => u64::try_from(number).ok(),
            Tree::Float(number) if number >= 0.0 && number.fract() == 0.0 => Some(number as u64),
            Tree::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Whether it reads the decoded body.
    pub fn needs_body(&self) -> bool {
        matches!(self.from, From::Path(_))
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Reader {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        // A path may hold ` ~ ` in its quotes, so it is passed over first.
        let skip = if text.starts_with('$') { path::end(text) } else { 0 };
        let (head, pattern) = match text[skip..].find(" ~ ").map(|at| skip + at) {
            Some(at) => (text[..at].trim_end(), Some((&text[at + 3..], at + 3))),
            None => (text.trim_end(), None),
        };
        let from = if let Some(name) = head.strip_prefix("header ") {
            let name = name.trim();
            if !name.bytes().all(is_token) {
                let at = head.len() - name.len()..head.len();
                let fault = Fault::new("bad-reader", at, format!("`{name}` is not the name of a header"));
                return Err(fault.hint("write `header NAME`, optionally followed by ` ~ \"regex\"`"));
            }
            From::Header(name.to_owned())
        } else if head == "status" {
            From::Status
        } else if head.starts_with('$') {
            From::Path(head.parse()?)
        } else {
            let fault = Fault::new("bad-reader", 0..head.len(), format!("`{head}` reads nothing of an answer"));
            return Err(
                fault.hint("write a path `$.a.b`, `header NAME`, `status`, each optionally with ` ~ \"regex\"`")
            );
        };
        let pattern = pattern.map(|(pattern, at)| parse_pattern(pattern, at)).transpose()?;
        Ok(Reader { text: text.to_owned(), from, pattern })
    }
}

/// Whether a header's name may hold it, RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn parse_pattern(text: &str, at: usize) -> Result<Regex, Fault> {
    let whole = at..at + text.len();
    let inner = text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"')).ok_or_else(|| {
        Fault::new("bad-reader", whole.clone(), "the pattern is not in double quotes").hint("write `~ \"regex\"`")
    })?;
    Regex::new(inner).map_err(|error| Fault::new("bad-regex", whole, regex_message(&error)))
}

/// The last line of a regex error, which says what is wrong.
pub fn regex_message(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("this regular expression is wrong: {}", last.trim_start_matches("error: "))
}

impl TryFrom<String> for Reader {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

impl PartialEq for Reader {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reader: &str, expect: &str) {
        let headers = vec![("content-range".to_owned(), "offres 0-149/9848".to_owned())];
        let page = Page {
            url: String::new(),
            method: "GET".into(),
            status: 206,
            headers,
            body: bytes::Bytes::new(),
            fetched: chrono::DateTime::UNIX_EPOCH,
            attempts: 1,
            unpacked: None,
        };
        let body: Tree<'_> = serde_json::from_str(r#"{"n":"17","m":"plage de résultats"}"#).unwrap();
        assert_eq!(reader.parse::<Reader>().unwrap().read(&page, &body).to_string(), expect, "{reader}");
    }

    #[test]
    fn readers_read() {
        check(r#"header Content-Range ~ "/([0-9]+)$""#, r#""9848""#);
        check("status", "206");
        check("$.n", r#""17""#);
        check(r#"$.m ~ "plage|position""#, r#""plage""#);
        check(r#"header X ~ "a""#, "null");
        check(r#"$.m[?@ == ' ~ '] ~ "a""#, "null");
        check(r#"status ~ "^20.$""#, r#""206""#);
    }

    #[test]
    fn a_bad_reader_says_where() {
        assert_eq!(r#"header X ~ "(""#.parse::<Reader>().unwrap_err().at, 11..14);
        assert_eq!("header A B".parse::<Reader>().unwrap_err().at, 7..10);
        assert_eq!("$.a[ ~ \"x\"".parse::<Reader>().unwrap_err().code, "bad-path");
        assert_eq!("body.x".parse::<Reader>().unwrap_err().code, "bad-reader");
    }
}
