//! The tags of HTML, as far as it must be known how much work a text is, and how to read one that is too much: in one pass.

/// A piece of HTML.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Piece<'t> {
    /// Text, with its entities.
    Text(&'t str),
    /// A tag that opens: its name as written, and what stands behind the name.
    Open(&'t str, &'t str),
    /// A tag that closes.
    Close(&'t str),
}

/// The pieces of a text. Comments and declarations are left out; what begins as a tag and does not end is left out too.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let Some(behind) = rest.strip_prefix('<') else {
                let (piece, behind) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
                rest = behind;
                return Some(Piece::Text(piece));
            };
            if let Some(comment) = behind.strip_prefix("!--") {
                rest = comment.find("-->").map_or("", |at| &comment[at + 3..]);
            } else if behind.starts_with(['!', '?']) {
                rest = behind.find('>').map_or("", |at| &behind[at + 1..]);
            } else if behind.starts_with(|sign: char| sign == '/' || sign.is_ascii_alphabetic()) {
                let (tag, behind) = split(behind);
                rest = behind;
                return Some(piece(tag));
            } else {
                rest = behind;
                return Some(Piece::Text("<"));
            }
        }
    })
}

fn piece(tag: &str) -> Piece<'_> {
    let name = |tag: &str| tag.find(|sign: char| sign.is_whitespace() || sign == '/').unwrap_or(tag.len());
    match tag.strip_prefix('/') {
        Some(tag) => Piece::Close(&tag[..name(tag)]),
        None => {
            let (name, more) = tag.split_at(name(tag));
            Piece::Open(name, more)
        }
    }
}

/// A tag without its `>`, which may stand in quotes, and what is behind it.
fn split(text: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return (&text[..at], &text[at + 1..]),
            // Elsewhere than behind `=` a quote is part of a name.
            (None, b'"' | b'\'') if text[..at].trim_end().ends_with('=') => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            _ => {}
        }
    }
    (text, "")
}

/// Tags that have no inside.
const VOID: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];
/// Tags that another one of their name closes: they lie in each other only with another tag between them.
const CLOSED: [&str; 9] = ["p", "li", "dt", "dd", "tr", "td", "th", "option", "tbody"];
/// What a tag begins a line for.
const BLOCKS: [&str; 24] = [
    "p",
    "div",
    "br",
    "li",
    "ul",
    "ol",
    "tr",
    "table",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "section",
    "article",
    "dt",
    "dd",
    "dl",
    "blockquote",
    "pre",
    "hr",
    "header",
    "footer",
];

/// No fewer tags than lie in each other at most, and the most attributes of one.
pub(super) fn effort(text: &str) -> (usize, usize) {
    let (mut others, mut closed) = (0, [0; CLOSED.len()]);
    let mut open: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    let (mut depth, mut attributes) = (0, 0);
    for piece in pieces(text) {
        match piece {
            Piece::Text(_) => {}
            Piece::Open(name, more) => {
                let name = name.to_ascii_lowercase();
                attributes = attributes.max(more.split_ascii_whitespace().count());
                match CLOSED.iter().position(|known| *known == name) {
                    _ if VOID.contains(&&*name) => continue,
                    Some(at) => closed[at] += 1,
                    None => {
                        others += 1;
                        *open.entry(name).or_default() += 1;
                    }
                }
                let between = closed.iter().map(|count: &usize| (*count).min(others + 1)).sum::<usize>();
                depth = depth.max(others + between);
            }
            Piece::Close(name) => {
                let name = name.to_ascii_lowercase();
                match CLOSED.iter().position(|known| *known == name) {
                    Some(at) => closed[at] = closed[at].saturating_sub(1),
                    None => {
                        if let Some(count) = open.get_mut(&name).filter(|count| **count > 0) {
                            *count -= 1;
                            others -= 1;
                        }
                    }
                }
            }
        }
    }
    (depth, attributes)
}

/// The text between the tags, each block on a line of its own.
pub(super) fn without(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(1 << 16));
    let mut hidden = None;
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) if hidden.is_none() => out.push_str(&html_escape::decode_html_entities(text)),
            Piece::Text(_) => {}
            Piece::Open(name, _) | Piece::Close(name) if is_block(name) => {
                if !out.ends_with('\n') {
                    out.push('\n');
                }
            }
            Piece::Open(name, _) if ["script", "style"].iter().any(|known| name.eq_ignore_ascii_case(known)) => {
                hidden = hidden.or(Some(name));
            }
            Piece::Close(name) if hidden.is_some_and(|hidden: &str| hidden.eq_ignore_ascii_case(name)) => hidden = None,
            Piece::Open(..) | Piece::Close(_) => {}
        }
    }
    out
}

fn is_block(name: &str) -> bool {
    BLOCKS.iter().any(|block| name.eq_ignore_ascii_case(block))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_into_tags_and_texts() {
        let found: Vec<Piece<'_>> = pieces("a<b c='>'>d<!-- <i> -->< e</B ><br/>").collect();
        let expect = [
            Piece::Text("a"),
            Piece::Open("b", " c='>'"),
            Piece::Text("d"),
            Piece::Text("<"),
            Piece::Text(" e"),
            Piece::Close("B"),
            Piece::Open("br", "/"),
        ];
        assert_eq!(found, expect);
    }

    #[test]
    fn depth_is_never_told_too_low() {
        for (text, expect) in [
            ("<p>a<p>b<p>c", 1),
            ("<br><br><br>", 0),
            ("<div><div></div></div><div>", 2),
            ("<ul><li>a<li>b</ul>", 3),
            ("<ul><li><ul><li>", 4),
            ("<b>x</p><b>x</p><b>x</p>", 3),
            // What is closed in the wrong order stays in force.
            ("<b><i></b><b><i></b><b><i></b>", 4),
        ] {
            assert_eq!(effort(text).0, expect, "{text}");
        }
        assert_eq!(effort("<p a b=1 c='2 3'>").1, 4);
    }
}
