//! The address of a request: each inserted value is encoded for its place, and none of them moves the path elsewhere.
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::convert::render::{Program, RenderError, Scope};
use crate::definition::address::{At, origin};
use crate::scalar::{Piece, Template};
use crate::tree::Tree;

/// An address, its templates compiled.
#[derive(Debug)]
pub(super) struct Address {
    text: String,
    pieces: Vec<Part>,
    /// How many pieces make its origin, and how much of the last of them.
    origin: (usize, usize),
}

#[derive(Debug)]
enum Part {
    Text(String),
    Value(Program, Spot),
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spot {
    /// It is the whole address.
    Whole,
    /// It is the user's own beginning of the address.
    Base,
    /// Left of the path: it may name a host and nothing else.
    Host,
    /// In the path, out of a record, an answer, a partition or a credential: `/` is no separator in it.
    Segment,
    /// In the path, right behind another value: where it begins with `/` it is a path itself.
    Behind,
    /// In the path, the user's own: `/` stays.
    Path,
    /// Behind `?`.
    Query,
}

/// Why there is no address.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AddressError {
    /// A template has no value.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A value would move the path.
    #[error("`{0}` makes `{1}` of `{2}`, which stands for another place of the site: it is not asked")]
    Dots(String, String, String),
}

/// Marks that RFC 3986 leaves as they are.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The same with `/`.
const PATH: &AsciiSet = &SEGMENT.remove(b'/');
/// The same with what separates a port, and what stands around an IPv6 address.
const HOST: &AsciiSet = &SEGMENT.remove(b':').remove(b'[').remove(b']');

impl Address {
    pub(super) fn compile(template: &Template) -> Result<Self, RenderError> {
        let mut pieces = Vec::new();
        let (mut at, alone) = (At::Start, template.only().is_some());
        for piece in &template.pieces {
            match piece {
                Piece::Text(text) => {
                    at.text(text);
                    pieces.push(Part::Text(text.clone()));
                }
                Piece::Code(code) => {
                    let written = format!("${{{}}}", code.source);
                    let again = written.parse::<Template>();
                    let again = again.map_err(|fault| RenderError::Failed(written.clone(), fault.message))?;
                    let program = Program::compile(&again)?;
                    let behind = matches!(pieces.last(), Some(Part::Value(..)));
                    let spot = if alone { Spot::Whole } else { spot(at, &program, behind) };
                    at.value();
                    pieces.push(Part::Value(program, spot));
                }
            }
        }
        Ok(Address { text: template.as_str().to_owned(), pieces, origin: origin(template) })
    }

    fn programs(&self) -> impl Iterator<Item = &Program> {
        self.pieces.iter().filter_map(|piece| match piece {
            Part::Value(program, _) => Some(program),
            Part::Text(_) => None,
        })
    }

    /// Whether it reads a name under this root.
    pub(super) fn reads(&self, root: &str) -> bool {
        self.programs().any(|program| program.reads(root))
    }

    /// Whether it holds a credential.
    pub(super) fn is_secret(&self) -> bool {
        self.programs().any(Program::is_secret)
    }

    /// The address.
    pub(super) fn render(&self, scope: &Scope<'_>) -> Result<String, AddressError> {
        let mut url = String::new();
        let mut segment = Segment::default();
        for piece in &self.pieces {
            match piece {
                Part::Text(text) => {
                    url += text;
                    segment.written(text, self)?;
                }
                Part::Value(program, spot) => {
                    let value = spot.encode(&self.value(program, scope)?);
                    url += &value;
                    match spot {
                        Spot::Whole | Spot::Base | Spot::Host | Spot::Query => {}
                        Spot::Segment | Spot::Behind | Spot::Path => segment.inserted(&value, program, self)?,
                    }
                }
            }
        }
        segment.close(self)?;
        Ok(url)
    }

    /// Its origin; `None` where that cannot be told with what the scope knows.
    pub(super) fn origin(&self, scope: &Scope<'_>) -> Option<url::Origin> {
        let mut text = String::new();
        for (index, piece) in self.pieces.iter().take(self.origin.0).enumerate() {
            match piece {
                Part::Text(piece) if index + 1 == self.origin.0 => text += &piece[..self.origin.1.min(piece.len())],
                Part::Text(piece) => text += piece,
                Part::Value(program, spot) => text += &spot.encode(&self.value(program, scope).ok()?),
            }
        }
        url::Url::parse(&text).ok().map(|url| url.origin())
    }

    fn value(&self, program: &Program, scope: &Scope<'_>) -> Result<String, RenderError> {
        match program.value(scope)? {
            Tree::Null => Err(RenderError::Null(self.text.clone())),
            value => Ok(value.scalar_text().map_or_else(|| value.to_string(), |text| text.into_owned())),
        }
    }
}

fn spot(at: At, program: &Program, behind: bool) -> Spot {
    let own = program.reads_only(&["param", "env", "window"]);
    match at {
        At::Start if own => Spot::Base,
        At::Start | At::Host => Spot::Host,
        At::Path if own => Spot::Path,
        At::Path if behind => Spot::Behind,
        At::Path => Spot::Segment,
        At::Query => Spot::Query,
    }
}

impl Spot {
    fn encode(self, value: &str) -> String {
        let set = match self {
            Spot::Whole | Spot::Base => return value.to_owned(),
            Spot::Host => HOST,
            Spot::Behind if value.starts_with('/') => PATH,
            Spot::Segment | Spot::Behind => SEGMENT,
            Spot::Path | Spot::Query => PATH,
        };
        utf8_percent_encode(value, set).to_string()
    }
}

/// The segment of a path that is being written.
#[derive(Default)]
struct Segment<'p> {
    text: String,
    /// The template whose value stands in it.
    by: Option<&'p Program>,
}

impl<'p> Segment<'p> {
    fn written(&mut self, text: &str, address: &Address) -> Result<(), AddressError> {
        for (index, part) in text.split(['/', '?', '#']).enumerate() {
            if index > 0 {
                self.close(address)?;
            }
            self.text += part;
        }
        Ok(())
    }

    fn inserted(&mut self, value: &str, by: &'p Program, address: &Address) -> Result<(), AddressError> {
        for (index, part) in value.split('/').enumerate() {
            if index > 0 {
                self.close(address)?;
            }
            self.text += part;
            self.by = Some(by);
        }
        Ok(())
    }

    /// Ends the segment: one that is `.` or `..` because of a value is refused.
    fn close(&mut self, address: &Address) -> Result<(), AddressError> {
        let text = std::mem::take(&mut self.text);
        let by = self.by.take();
        let plain = text.to_lowercase().replace("%2e", ".");
        match by {
            Some(by) if plain == "." || plain == ".." => {
                Err(AddressError::Dots(by.as_str().to_owned(), text, address.text.clone()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::Moment;

    fn render(template: &str, record: &str) -> Result<String, AddressError> {
        let moment = Moment { fetched: chrono::DateTime::UNIX_EPOCH, lookups: Default::default() };
        let record: Tree<'_> = serde_json::from_str(record).unwrap();
        let own: Tree<'_> =
            serde_json::from_str(r#"{"base":"https://h.example:81/v2","dir":"a/b","up":"../admin"}"#).unwrap();
        let Tree::Object(members) = &own else { panic!() };
        let scope = Scope::new(&moment)
            .with("param", members.iter().map(|(name, value)| (name.as_ref(), value)))
            .tree("record", &record);
        Address::compile(&template.parse().unwrap())?.render(&scope)
    }

    fn check(template: &str, record: &str, expect: &str) {
        assert_eq!(render(template, record).as_deref(), Ok(expect), "{template} {record}");
    }

    #[test]
    fn a_value_stays_in_its_segment() {
        check("https://h/jobs/${record.id}", r#"{"id":"a/b"}"#, "https://h/jobs/a%2Fb");
        check("https://h/jobs/${record.id}/x", r#"{"id":"../../etc"}"#, "https://h/jobs/..%2F..%2Fetc/x");
        check("https://h/jobs/${record.id}", r#"{"id":"a\\b é?#%2F"}"#, "https://h/jobs/a%5Cb%20%C3%A9%3F%23%252F");
        check("https://h/${record.a}-${record.b}", r#"{"a":1,"b":"x/y"}"#, "https://h/1-x%2Fy");
        check("https://h/jobs?id=${record.id}", r#"{"id":"a&b=c"}"#, "https://h/jobs?id=a%26b%3Dc");
    }

    #[test]
    fn what_would_move_the_path_is_refused() {
        for (template, record) in [
            ("https://h/jobs/${record.id}", r#"{"id":".."}"#),
            ("https://h/jobs/${record.id}/x", r#"{"id":"."}"#),
            ("https://h/jobs/.${record.id}", r#"{"id":"."}"#),
            ("https://h/jobs/%2e${record.id}?x", r#"{"id":"."}"#),
            ("https://h/${record.a}${record.b}", r#"{"a":"x","b":"/../y"}"#),
            ("https://h/boards/${param.up}/jobs", "{}"),
        ] {
            assert!(matches!(render(template, record), Err(AddressError::Dots(..))), "{template} {record}");
        }
        check("https://h/jobs/${record.id}", r#"{"id":"..."}"#, "https://h/jobs/...");
        check("https://h/v1.${record.id}", r#"{"id":"."}"#, "https://h/v1..");
    }

    #[test]
    fn what_the_user_writes_keeps_its_slashes() {
        check("${param.base}/jobs/${record.id}", r#"{"id":"a/b"}"#, "https://h.example:81/v2/jobs/a%2Fb");
        check("https://h/${param.dir}/x", "{}", "https://h/a/b/x");
        check("https://h/${record.site}${record.path}", r#"{"site":"s","path":"/job/1"}"#, "https://h/s/job/1");
        check("${record.url}", r#"{"url":"https://x/../y?z=/"}"#, "https://x/../y?z=/");
    }

    #[test]
    fn a_value_left_of_the_path_is_a_host() {
        let host = |value: &str| render("http://${record.h}.jobs.example/x", &format!(r#"{{"h":"{value}"}}"#)).unwrap();
        assert_eq!(host("a-b.c"), "http://a-b.c.jobs.example/x");
        assert!(url::Url::parse(&host("[::1]")).is_err());
        assert_eq!(render("http://${record.h}:81/x", r#"{"h":"[::1]"}"#).as_deref(), Ok("http://[::1]:81/x"));
        for value in ["127.0.0.1/y", "a@evil", "a?", "a#", "127.0.0.1:80\\\\"] {
            let url = host(value);
            let url = url::Url::parse(&url);
            assert!(url.is_err() || url.unwrap().host_str().unwrap().ends_with(".jobs.example"), "{value}");
        }
    }

    #[test]
    fn the_origin_is_known_without_the_rest() {
        let origin = |template: &str| {
            let moment = Moment { fetched: chrono::DateTime::UNIX_EPOCH, lookups: Default::default() };
            let base = Tree::from("https://h.example:81/v2");
            let scope = Scope::new(&moment).with("param", [("base", &base)]);
            let address = Address::compile(&template.parse().unwrap()).unwrap();
            address.origin(&scope).map(|origin| origin.ascii_serialization())
        };
        assert_eq!(origin("https://h/${record.id}").as_deref(), Some("https://h"));
        assert_eq!(origin("${param.base}/x/${page.number}").as_deref(), Some("https://h.example:81"));
        assert_eq!(origin("${param.base}").as_deref(), Some("https://h.example:81"));
        assert_eq!(origin("http://h:8${for.port}/x"), None);
        assert_eq!(origin("https://h?x=${for.y}").as_deref(), Some("https://h"));
    }
}
