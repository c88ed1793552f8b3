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
    /// The value: group 1 of the pattern, else its match; null when there is none. Of a header that comes several times
    /// the first value that matches.
    pub fn read(&self, page: &Page, body: &Tree<'_>) -> Tree<'static> {
        match &self.from {
            From::Path(path) => self.matched(path.value(body).into_owned()),
            From::Status => self.matched(Tree::Int(page.status.into())),
            From::Header(name) => {
                let values = page.header_values(name).map(|value| self.matched(Tree::from(value)));
                values.into_iter().find(|value| !value.is_null()).unwrap_or_default()
            }
        }
    }

    /// What the pattern reads of a value; the value itself without one.
    fn matched(&self, value: Tree<'static>) -> Tree<'static> {
        let Some(pattern) = &self.pattern else { return value };
        let Some(text) = value.scalar_text() else { return Tree::Null };
        let Some(found) = pattern.captures(&text) else { return Tree::Null };
        found.get(1).or_else(|| found.get(0)).map_or(Tree::Null, |part| Tree::from(part.as_str()))
    }

    /// The value that the pattern was tried on, for messages; `None` without a pattern.
    pub fn unmatched(&self, page: &Page, body: &Tree<'_>) -> Option<Tree<'static>> {
        self.pattern.as_ref()?;
        Some(match &self.from {
            From::Path(path) => path.value(body).into_owned(),
            From::Status => Tree::Int(page.status.into()),
            From::Header(name) => page.header_values(name).next().map_or(Tree::Null, Tree::from),
        })
    }

    /// The value as a yes or a no, as a person reads it; an error is the value that is neither. Null, missing and `[]`
    /// are a no, and so is 0; a text that a pattern found and that is no word for no is a yes.
    pub fn truth(&self, page: &Page, body: &Tree<'_>) -> Result<bool, Tree<'static>> {
        let value = self.read(page, body);
        let Tree::Text(text) = &value else { return Ok(value.is_true()) };
        match text.trim().to_lowercase().as_str() {
            "" | "false" | "no" | "off" | "n" | "f" => Ok(false),
            "true" | "yes" | "on" | "y" | "t" => Ok(true),
            text => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(number != 0.0),
                _ if self.pattern.is_some() => Ok(true),
                _ => Err(value),
            },
        }
    }

    /// The header that it reads.
    pub fn header(&self) -> Option<&str> {
        match &self.from {
            From::Header(name) => Some(name),
            From::Path(_) | From::Status => None,
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

    fn page() -> Page {
        let headers = [("content-range", "offres 0-149/9848"), ("x-page", "a"), ("x-page", "b=2")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Page {
            url: String::new(),
            method: "GET".into(),
            status: 206,
            headers,
            body: bytes::Bytes::new(),
            fetched: chrono::DateTime::UNIX_EPOCH,
            attempts: 1,
            unpacked: None,
        }
    }

    fn check(reader: &str, expect: &str) {
        let page = page();
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
        check("header X-Page", r#""a""#);
        check(r#"header X-Page ~ "b=(.)""#, r#""2""#);
    }

    #[test]
    fn a_yes_or_a_no_as_a_person_reads_it() {
        let truth = |reader: &str, value: &str| {
            let text = format!("{{\"v\": {value}}}");
            let body: Tree<'_> = serde_json::from_str(&text).unwrap();
            reader.parse::<Reader>().unwrap().truth(&page(), &body).ok()
        };
        for yes in ["true", "1", "37", r#""true""#, r#"" YES ""#, r#""on""#, r#""1""#, "{}", "[0]"] {
            assert_eq!(truth("$.v", yes), Some(true), "{yes}");
        }
        for no in
            ["false", "0", "null", "[]", r#""""#, r#"" ""#, r#""False""#, r#""No""#, r#""0""#, r#""off""#, r#""0.0""#]
        {
            assert_eq!(truth("$.v", no), Some(false), "{no}");
        }
        for neither in [r#""maybe""#, r#""https://a.b/2""#, r#""null""#, r#""nan""#] {
            assert_eq!(truth("$.v", neither), None, "{neither}");
        }
        assert_eq!(truth(r#"$.v ~ "^http""#, r#""https://a.b/2""#), Some(true), "what a pattern finds is a yes");
        assert_eq!(truth(r#"$.v ~ "^(true|false)$""#, r#""false""#), Some(false));
        assert_eq!(truth(r#"$.v ~ "^3$""#, "3"), Some(true));
        assert_eq!(truth("$.w", "1"), Some(false), "what is missing is a no");
    }

    #[test]
    fn a_bad_reader_says_where() {
        assert_eq!(r#"header X ~ "(""#.parse::<Reader>().unwrap_err().at, 11..14);
        assert_eq!("header A B".parse::<Reader>().unwrap_err().at, 7..10);
        assert_eq!("$.a[ ~ \"x\"".parse::<Reader>().unwrap_err().code, "bad-path");
        assert_eq!("body.x".parse::<Reader>().unwrap_err().code, "bad-reader");
    }
}
