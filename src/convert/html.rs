//! `html` and `unescape`: text out of HTML, and entities once.
mod tags;

use std::borrow::Cow;

use html2text::render::TrivialDecorator;

use super::{ConvertError, Converted};
use crate::bounds::{HTML, HTML_ATTRIBUTES, HTML_DEPTH};
use crate::tree::Tree;

/// Wide enough that no line is ever wrapped, and no more than html2text can count.
const WIDTH: usize = 1_000_000;

pub(super) fn unescape<'p>(value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
    let Tree::Text(text) = value else {
        return Err(ConvertError::new("unescape", "text was expected", &value));
    };
    if !text.contains('&') {
        return Ok(Tree::Text(text));
    }
    Ok(Tree::Text(Cow::Owned(html_escape::decode_html_entities(&text).into_owned())))
}

/// Text as a browser would show it. What takes a parser of HTML longer than its length is read without its tags, and told:
/// deep nesting, many attributes, or more of it than any page has.
pub(super) fn html<'p>(value: Tree<'p>) -> Result<Converted<'p>, ConvertError> {
    let Tree::Text(text) = value else {
        return Err(ConvertError::new("html", "text was expected", &value));
    };
    if !text.contains(['<', '&', '\u{a0}', '\u{202f}']) {
        return Ok(Tree::Text(text).into());
    }
    let (depth, attributes) = tags::effort(&text);
    if depth > HTML_DEPTH || attributes > HTML_ATTRIBUTES || text.len() > HTML {
        let why = format!(
            "{} bytes of HTML, {depth} tags in each other, at most {attributes} attributes: read without its tags",
            text.len()
        );
        let flaw = Some(ConvertError::new("html", why, &Tree::Null));
        return Ok(Converted { value: Tree::from(tidy(&tags::without(&text))), flaw });
    }
    let plain = html2text::config::with_decorator(TrivialDecorator::new())
        .raw_mode(true)
        .no_table_borders()
        .string_from_read(text.as_bytes(), WIDTH)
        .map_err(|error| ConvertError::new("html", error.to_string(), &Tree::Null))?;
    Ok(Tree::from(tidy(&plain)).into())
}

/// No-break spaces to spaces, no blanks at line ends, one empty line at most between blocks.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines() {
        let line = line.replace(['\u{a0}', '\u{202f}'], " ");
        let line = line.trim();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty > 1 || (empty == 1 && out.is_empty()) {
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}
