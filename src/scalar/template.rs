//! TEMPLATE: text with `${EXPR}`, parsed while the file is read; names and conversions are listed with their bytes.
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use minijinja::machinery::{parse_expr, tokenize};

use super::call::{Arg, Call};
use super::extent;
use super::fault::{Carried, Fault};
use super::visit::visit;

/// Filters of minijinja that a template may use besides the conversions, which win over those of the same name.
pub const FILTERS: [&str; 27] = [
    "abs",
    "attr",
    "batch",
    "bool",
    "chain",
    "count",
    "dictsort",
    "float",
    "groupby",
    "int",
    "items",
    "length",
    "lines",
    "list",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "sum",
    "zip",
];

/// Tests of minijinja, as in `${param.x is none}`.
pub(super) const TESTS: [&str; 24] = [
    "defined",
    "undefined",
    "none",
    "boolean",
    "odd",
    "even",
    "divisibleby",
    "number",
    "integer",
    "float",
    "string",
    "sequence",
    "iterable",
    "mapping",
    "startingwith",
    "endingwith",
    "lower",
    "upper",
    "eq",
    "ne",
    "in",
    "true",
    "false",
    "sameas",
];

/// Text with expressions in it.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    text: String,
    /// Text and expressions in order.
    pub pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// `${…}`.
    Code(Code),
}

/// One expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// What stands between `${` and `}`.
    pub source: String,
    /// Its first byte in the template.
    pub start: usize,
    /// Names it reads.
    pub names: Vec<Mention>,
    /// Conversions it uses.
    pub calls: Vec<Call>,
    /// Operands of `~`, as bytes of the template: a null there would be text without meaning.
    pub joined: Vec<Range<usize>>,
}

/// A name that a template reads, such as `record.organization.slug`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mention {
    /// Its parts.
    pub parts: Vec<String>,
    /// Its bytes in the template.
    pub at: Range<usize>,
}

impl Mention {
    /// With dots between the parts.
    pub fn dotted(&self) -> String {
        self.parts.join(".")
    }
}

impl Template {
    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its expressions.
    pub fn codes(&self) -> impl Iterator<Item = &Code> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Code(code) => Some(code),
            Piece::Text(_) => None,
        })
    }

    /// The expression, when the template is nothing else: its value keeps its type.
    pub fn only(&self) -> Option<&Code> {
        match &self.pieces[..] {
            [Piece::Code(code)] => Some(code),
            _ => None,
        }
    }

    /// All names it reads.
    pub fn names(&self) -> impl Iterator<Item = &Mention> {
        self.codes().flat_map(|code| &code.names)
    }

    /// Names read under a root: `param` of `param.x`.
    pub fn names_of<'t>(&'t self, root: &'t str) -> impl Iterator<Item = &'t str> {
        self.names()
            .filter(move |mention| mention.parts[0] == root)
            .filter_map(|mention| Some(mention.parts.get(1)?.as_str()))
    }

    /// Whether it reads a name under this root.
    pub fn reads(&self, root: &str) -> bool {
        self.names().any(|mention| mention.parts[0] == root)
    }
}

/// Bytes of the source from here to the `}` that closes it: quotes and inner braces are respected.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0u32, None, false);
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if sign == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(sign),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Most words and signs of an expression: each may be a step deeper for the parser, which ends with the stack.
const MOST: usize = 1_000;

fn parse_code(source: &str, at: usize) -> Result<Code, Fault> {
    let signs = tokenize(source, true, Default::default()).take_while(Result::is_ok);
    if signs.take(MOST + 1).count() > MOST {
        let fault = Fault::new("bad-template", 0..1, format!("an expression of more than {MOST} words and signs"));
        return Err(fault.hint("tables belong into `mappings/lookups/`: `${record.x | lookup(FILE.TABLE)}`").shift(at));
    }
    let expr = parse_expr(source).map_err(|error| {
        let range = error.range().unwrap_or(0..source.len());
        let message = error.detail().unwrap_or("this expression cannot be read").to_owned();
        Fault::new("bad-template", range, message).shift(at)
    })?;
    let code = visit(
        Code { source: source.to_owned(), start: at, names: Vec::new(), calls: Vec::new(), joined: Vec::new() },
        &expr,
    )?;
    if let Some(call) = code.calls.iter().find(|call| holds_control(call)) {
        let fault = Fault::new(
            "bad-template",
            call.at.clone(),
            format!("an escape in `{}` makes a control character", call.name),
        );
        return Err(fault.hint("in a template a backslash is an escape: write `\\\\b` for the regex `\\b`"));
    }
    Ok(code)
}

/// A line end or a tab means the same in a regex as its escape.
fn is_control(sign: char) -> bool {
    sign.is_control() && !matches!(sign, '\n' | '\r' | '\t')
}

/// `"\b"` in a template is a backspace: the user meant the regex.
fn holds_control(call: &Call) -> bool {
    matches!(call.name.as_str(), "regex" | "matches" | "replace")
        && call.args.iter().any(|given| matches!(&given.arg, Arg::Text(text) if text.chars().any(is_control)))
}

impl FromStr for Template {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        extent::long(text, "bad-template")?;
        let (mut pieces, mut at) = (Vec::new(), 0);
        while let Some(open) = text[at..].find("${") {
            if open > 0 {
                pieces.push(Piece::Text(text[at..at + open].to_owned()));
            }
            let start = at + open + 2;
            let Some(length) = closing(&text[start..]) else {
                return Err(
                    Fault::new("bad-template", start - 2..text.len(), "`${` is not closed").hint("close it with `}`")
                );
            };
            pieces.push(Piece::Code(parse_code(&text[start..start + length], start)?));
            at = start + length + 1;
        }
        if at < text.len() {
            pieces.push(Piece::Text(text[at..].to_owned()));
        }
        Ok(Template { text: text.to_owned(), pieces })
    }
}

impl TryFrom<String> for Template {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, names: &[&str], calls: &[&str]) {
        let template: Template = text.parse().unwrap_or_else(|fault: Fault| panic!("{text}: {fault}"));
        let found: Vec<String> = template.names().map(Mention::dotted).collect();
        assert_eq!(found, names, "{text}");
        let found: Vec<&str> = template.codes().flat_map(|code| &code.calls).map(|call| call.name.as_str()).collect();
        assert_eq!(found, calls, "{text}");
    }

    #[test]
    fn templates_list_their_names() {
        check("${page.first}-${page.last}", &["page.first", "page.last"], &[]);
        check("plain {# text #} {% x %}", &[], &[]);
        check(r#"${env.X or param.base_url ~ "/v2}"}"#, &["env.X", "param.base_url"], &[]);
        check("${for.at.host}", &["for.at.host"], &[]);
        check(r#"${offer.title | matches("(?i)data")}"#, &["offer.title"], &["matches"]);
        check(r#"${"full" if record.remote else "onsite"}"#, &["record.remote"], &[]);
        check("${record['a b'].c}", &["record.a b.c"], &[]);
        check("${record.a.b.c or record['a'].b}", &["record.a.b.c", "record.a.b"], &[]);
        check("${(record.a).b}", &["record.a"], &[]);
        check("${record.a[0].b}", &["record.a"], &[]);
        check("${[param.a, {'x}': param.b}]}", &["param.a", "param.b"], &[]);
        check("${param.a is none and param.b is not startingwith('x')}", &["param.a", "param.b"], &[]);
        check("${window.start | minus(\"2d\") | utc}", &["window.start"], &["minus", "utc"]);
    }

    #[test]
    fn names_and_filters_stand_at_their_bytes() {
        let text = r#"é ${record.a.b.c ~ record['x'].y | regex("(.)") | first}${ param.n|minus ("2d") }"#;
        let template: Template = text.parse().unwrap();
        let names: Vec<&str> = template.names().map(|mention| &text[mention.at.clone()]).collect();
        assert_eq!(names, ["record.a.b.c", "record['x'].y", "param.n"]);
        let calls: Vec<&Call> = template.codes().flat_map(|code| &code.calls).collect();
        assert_eq!(calls.iter().map(|call| &text[call.at.clone()]).collect::<Vec<_>>(), ["regex", "first", "minus"]);
        assert_eq!(&text[calls[2].args[0].at.clone()], r#""2d""#);
        assert!(template.codes().all(|code| text[code.start..].starts_with(&code.source)));
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_refused() {
        let check = |text: String, expect: &str| {
            let fault = text.parse::<Template>().unwrap_err();
            assert!(fault.message.contains(expect), "{}", fault.message);
        };
        let many = "more than 1000 words and signs";
        check(format!("${{param.a{}}}", " ~ param.a".repeat(100_000)), "65536 at most");
        check(format!("${{param.a{}}}", "~1".repeat(30_000)), many);
        check(format!("${{{}param.a}}", "not ".repeat(15_000)), many);
        check(format!("${{{}1}}", "-".repeat(60_000)), many);
        check(format!("${{param.a{}}}", ".a".repeat(30_000)), many);
        check(format!("${{param.a{}}}", "[0]".repeat(20_000)), many);
        check(format!("${{param.a{}}}", "|int".repeat(15_000)), many);
        check(format!("${{1{}}}", " if 1 else 1".repeat(5_000)), many);
        check(format!("${{1{}}}", " is odd".repeat(9_000)), many);
        check(format!("${{{}}}", "(".repeat(900)), "recursion");
        check(format!("${{{}}}", "{1:".repeat(900)), "not closed");
        check(format!("${{'{}", "x".repeat(60_000)), "not closed");
        assert!("${1}".repeat(16_000).parse::<Template>().is_ok());
    }

    #[test]
    fn a_bad_template_says_where() {
        let fault = |text: &str| text.parse::<Template>().unwrap_err();
        assert_eq!(fault("a ${page.first").at, 2..14);
        assert_eq!(fault("é ${a b}").at, 7..8);
        assert_eq!(fault("${a +}").at, 4..5);
        assert_eq!(fault("${range(3)}").at, 2..7);
        assert_eq!(fault("${param.x.strip()}").message, "a template calls no functions");
        assert_eq!(fault("${param.x is nune}").at, 13..17);
        assert_eq!(fault("x ${}").code, "bad-template");
        assert!(fault(r#"${record.x | regex("\bdata")}"#).message.contains("control character"));
        assert_eq!(fault(r#"${record.x | regex("\bdata")}"#).at, 13..18);
    }
}
