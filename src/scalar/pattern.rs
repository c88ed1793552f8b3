//! Patterns of `match` and `search` in filters of a path: I-Regexp, RFC 9485, compiled while the file is read.
use jsonpath_rust::parser::model::{FnArg, Literal};
use regex::Regex;

use super::reader::regex_message;

/// The patterns of a path.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug)]
struct Pattern {
    written: String,
    /// Whether the whole text has to match.
    whole: bool,
    regex: Regex,
}

impl Patterns {
    /// Adds one; what is wrong with it, if anything.
    pub(super) fn add(&mut self, arg: &FnArg, whole: bool) -> Option<String> {
        let FnArg::Literal(Literal::String(written)) = arg else {
            return Some("a pattern stands in quotes: it is not read out of an answer".to_owned());
        };
        let regex = match Regex::new(&translated(written, whole)) {
            Ok(regex) => regex,
            Err(error) => return Some(format!("`{written}` is not a pattern: {}", regex_message(&error))),
        };
        self.0.push(Pattern { written: written.clone(), whole, regex });
        None
    }

    /// The one of an argument.
    pub(super) fn of(&self, arg: &FnArg, whole: bool) -> Option<&Regex> {
        let FnArg::Literal(Literal::String(written)) = arg else { return None };
        let known = self.0.iter().find(|known| known.whole == whole && known.written == *written);
        known.map(|known| &known.regex)
    }
}

/// The pattern as the library writes it. A dot of I-Regexp is no line end of either kind.
fn translated(written: &str, whole: bool) -> String {
    let mut out = String::with_capacity(written.len() + 8);
    let (mut class, mut escaped) = (false, false);
    for sign in written.chars() {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '.' if !class => {
                out.push_str("[^\\n\\r]");
                continue;
            }
            _ => {}
        }
        out.push(sign);
    }
    if whole { format!("^(?:{out})$") } else { out }
}
