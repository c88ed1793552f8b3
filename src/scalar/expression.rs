//! EXPRESSION: paths and constants, `??` for the first that is there, `|` for conversions.
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::call::{Arg, Call, Given};
use super::extent;
use super::fault::{Carried, Fault};
use super::path::{self, Path};
use crate::tree::Tree;

/// `operand (?? operand)* (| conversion[(args)])*`.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Expression {
    text: String,
    /// Tried in order; the first that is not missing, null or `[]` counts.
    pub operands: Vec<Operand>,
    /// Applied to it in order.
    pub calls: Vec<Call>,
}

/// One operand.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A path.
    Path(Path),
    /// A constant.
    Constant(Tree<'static>),
    /// A conversion of several paths: `geo($.lat, $.lon)`.
    Call(Call),
}

impl Expression {
    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// All paths it reads.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.operands.iter().flat_map(|operand| match operand {
            Operand::Path(path) => vec![path],
            Operand::Constant(_) => Vec::new(),
            Operand::Call(call) => call
                .args
                .iter()
                .filter_map(|given| match &given.arg {
                    Arg::Path(path) => Some(path),
                    _ => None,
                })
                .collect(),
        })
    }

    /// Whether it may give several values before any conversion.
    pub fn is_plural(&self) -> bool {
        self.operands.iter().any(|operand| matches!(operand, Operand::Path(path) if !path.is_singular()))
    }
}

/// Reads an expression from left to right.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        self.blanks();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        let end = self.rest().chars().next().map_or(self.at, |next| self.at + next.len_utf8());
        Fault::new("bad-expression", self.at..end, message)
    }

    fn path(&mut self) -> Result<Path, Fault> {
        let start = self.at;
        self.at += path::end(self.rest());
        self.text[start..self.at].parse::<Path>().map_err(|fault| fault.shift(start))
    }

    /// Text between double quotes, raw: a backslash is a backslash.
    fn quoted(&mut self) -> Result<String, Fault> {
        let start = self.at;
        let inner = &self.rest()[1..];
        let Some(end) = inner.find('"') else {
            return Err(Fault::new("bad-expression", start..self.text.len(), "the text that opens here is not closed")
                .hint("close it with `\"`"));
        };
        self.at += end + 2;
        Ok(inner[..end].to_owned())
    }

    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest
            .find(|sign: char| !(sign.is_alphanumeric() || matches!(sign, '_' | '.' | '-' | '+')))
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn call(&mut self) -> Result<Call, Fault> {
        self.blanks();
        let start = self.at;
        let name = self.word();
        if name.is_empty() {
            return Err(self
                .fault("a conversion is missing here")
                .hint("for example `| date` or `| lookup(FILE.TABLE)`"));
        }
        let at = start..self.at;
        let args = if self.rest().starts_with('(') { self.args()? } else { Vec::new() };
        Ok(Call { name: name.to_owned(), at, args, template: false })
    }

    fn args(&mut self) -> Result<Vec<Given>, Fault> {
        self.take("(");
        let mut args = Vec::new();
        while !self.take(")") {
            if !args.is_empty() && !self.take(",") {
                return Err(self.fault("`,` or `)` is missing here"));
            }
            self.blanks();
            let start = self.at;
            let (name, arg) = self.arg()?;
            args.push(Given { name, arg, at: start..self.at });
        }
        Ok(args)
    }

    fn arg(&mut self) -> Result<(Option<String>, Arg), Fault> {
        match self.rest().chars().next() {
            Some('$') => return Ok((None, Arg::Path(self.path()?))),
            Some('"') => return Ok((None, Arg::Text(self.quoted()?))),
            _ => {}
        }
        let word = self.word();
        if word.is_empty() {
            return Err(self.fault("an argument is missing here"));
        }
        if self.rest().starts_with('=') {
            self.at += 1;
            return Ok((Some(word.to_owned()), self.arg()?.1));
        }
        Ok((None, constant(word)))
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        self.blanks();
        match self.rest().chars().next() {
            Some('$') => Ok(Operand::Path(self.path()?)),
            Some('"') => Ok(Operand::Constant(Tree::Text(self.quoted()?.into()))),
            Some('[') => {
                self.take("[");
                match self.take("]") {
                    true => Ok(Operand::Constant(Tree::List(Vec::new()))),
                    false => Err(self.fault("`]` is missing here").hint("`[]`, the empty list, is the only list here")),
                }
            }
            _ => {
                let start = self.at;
                let word = self.word();
                if self.rest().starts_with('(') {
                    self.at = start;
                    return Ok(Operand::Call(self.call()?));
                }
                match constant(word) {
                    Arg::Int(number) => Ok(Operand::Constant(Tree::Int(number))),
                    Arg::Number(number) => Ok(Operand::Constant(Tree::Float(number))),
                    Arg::Bool(truth) => Ok(Operand::Constant(Tree::Bool(truth))),
                    Arg::Null => Ok(Operand::Constant(Tree::Null)),
                    _ => Err(not_an_operand(word, start..self.at)),
                }
            }
        }
    }
}

fn not_an_operand(word: &str, at: Range<usize>) -> Fault {
    if word.is_empty() {
        return Fault::new("bad-expression", at, "a path, a text or a number is missing here");
    }
    Fault::new("bad-expression", at, format!("`{word}` is neither a path nor a text"))
        .hint(format!("a path is written `$.{word}`, a text `\"{word}\"`"))
}

/// A bare word as the constant it is.
fn constant(word: &str) -> Arg {
    match word {
        "true" => Arg::Bool(true),
        "false" => Arg::Bool(false),
        "null" => Arg::Null,
        _ => match (word.parse::<i64>(), word.parse::<f64>()) {
            (Ok(number), _) => Arg::Int(number),
            // `inf` and `nan` are numbers to the standard library.
            (_, Ok(number)) if number.is_finite() && word.contains(|sign: char| sign.is_ascii_digit()) => {
                Arg::Number(number)
            }
            _ => Arg::Word(word.to_owned()),
        },
    }
}

impl FromStr for Expression {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        extent::long(text, "bad-expression")?;
        let mut reader = Reader { text, at: 0 };
        let mut operands = vec![reader.operand()?];
        while reader.take("??") {
            operands.push(reader.operand()?);
        }
        let mut calls = Vec::new();
        while reader.take("|") {
            calls.push(reader.call()?);
        }
        reader.blanks();
        if !reader.rest().is_empty() {
            return Err(reader
                .fault(format!("`{}` was not expected here", reader.rest()))
                .hint("an expression is `PATH ?? PATH | conversion | conversion(…)`"));
        }
        Ok(Expression { text: text.to_owned(), operands, calls })
    }
}

impl TryFrom<String> for Expression {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, operands: usize, calls: &[&str]) {
        let expression: Expression = text.parse().unwrap_or_else(|fault: Fault| panic!("{text}: {fault}"));
        assert_eq!(expression.operands.len(), operands, "{text}");
        let names: Vec<&str> = expression.calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, calls, "{text}");
    }

    #[test]
    fn expressions_parse() {
        check("$.a", 1, &[]);
        check("$", 1, &[]);
        check("$.a ?? $.b | date", 2, &["date"]);
        check("$.list[?@.t == 'a | b'].v ?? \"x\" | first | lookup(a.b)", 2, &["first", "lookup"]);
        check("geo($.lat, $.lon)", 1, &[]);
        check(r#"$.x | regex("^([0-9]+) - \|")"#, 1, &["regex"]);
        check(r#"$.x | date(iso, relative, tz="Europe/Paris")"#, 1, &["date"]);
        check("$.isListed ?? true", 2, &[]);
        check(r"$.a[?@.k == 'it\'s'] | first", 1, &["first"]);
        check("$['a b', 'c|d'] ?? -1.5 | number", 2, &["number"]);
        check("$.jobs[*] ?? []", 2, &[]);
        check("$.tags[*] ?? [ ] | first", 2, &["first"]);
    }

    #[test]
    fn a_bad_expression_says_where() {
        let at = |text: &str| text.parse::<Expression>().unwrap_err().at;
        assert_eq!(at("$.a | "), 6..6);
        assert_eq!(at("$.a ?? b"), 7..8);
        assert_eq!(at("$.a | regex(\"x"), 12..14);
        assert_eq!(at("$.a $.b"), 4..5);
        assert_eq!(at("$.x ?? $.a["), 11..11);
        assert_eq!(at("$.x ?? -inf"), 7..11);
        assert_eq!(at("$.x ?? [1]"), 8..9);
        assert_eq!(at("geo($.a $.b)"), 8..9);
        assert_eq!(at("geo($.a[, $.b)"), 8..9);
    }
}
