//! The parts of an address that is a template: where its origin ends, and whether an answer decides it.
use super::partition::{Partition, PartitionChoice};
use super::source::Source;
use crate::scalar::template::Mention;
use crate::scalar::{Piece, Template};

/// Which part of an address a reading from left to right has come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// Nothing is read yet.
    Start,
    /// Left of the path.
    Host,
    /// In the path.
    Path,
    /// Behind `?` or `#`.
    Query,
}

impl At {
    /// Passes a text; the byte of it at which the path begins, where it does.
    pub fn text(&mut self, text: &str) -> Option<usize> {
        let tail = |text: &str| if text.contains(['?', '#']) { At::Query } else { At::Path };
        if let At::Path | At::Query = *self {
            if *self == At::Path {
                *self = tail(text);
            }
            return None;
        }
        let scheme = if *self == At::Start { text.find("://").map_or(0, |at| at + 3) } else { 0 };
        let path = text[scheme..].find(['/', '?', '#']).map(|at| at + scheme);
        *self = path.map_or(At::Host, |path| tail(&text[path..]));
        path
    }

    /// Passes a value.
    pub fn value(&mut self) {
        if *self == At::Start {
            *self = At::Host;
        }
    }
}

/// The pieces of a template that make its origin: how many, and how many bytes of the last one.
pub fn origin(template: &Template) -> (usize, usize) {
    let mut at = At::Start;
    for (index, piece) in template.pieces.iter().enumerate() {
        match piece {
            Piece::Text(text) => {
                if let Some(end) = at.text(text) {
                    return (index + 1, end);
                }
            }
            Piece::Code(_) => at.value(),
        }
    }
    (template.pieces.len(), usize::MAX)
}

/// The origin of an address where it is written out.
pub fn written_origin(template: &Template) -> Option<url::Url> {
    let (count, end) = origin(template);
    match &template.pieces[..count] {
        [Piece::Text(text)] => url::Url::parse(&text[..end.min(text.len())]).ok(),
        _ => None,
    }
}

/// The name by which an answer of a site decides where a request goes.
pub fn decided_by<'t>(template: &'t Template, source: &Source) -> Option<&'t Mention> {
    deciding(template, source).into_iter().next()
}

/// All names by which answers of a site decide where a request goes.
pub fn deciding<'t>(template: &'t Template, source: &Source) -> Vec<&'t Mention> {
    let answered = source.answered();
    let (count, _) = origin(template);
    let codes = template.pieces[..count].iter().filter_map(|piece| match piece {
        Piece::Code(code) => Some(code),
        Piece::Text(_) => None,
    });
    codes.flat_map(|code| &code.names).filter(|name| is_foreign(name, &answered)).collect()
}

fn is_foreign(name: &Mention, answered: &[&str]) -> bool {
    match name.parts[0].as_str() {
        "page" | "record" | "answer" => true,
        "for" => name.parts.get(1).map_or(!answered.is_empty(), |name| answered.contains(&name.as_str())),
        _ => false,
    }
}

impl Source {
    /// Names of `for` whose values come out of an answer.
    pub fn answered(&self) -> Vec<&str> {
        let mut answered = Vec::new();
        for (name, partition) in self.partitions.iter() {
            let foreign = match partition {
                Partition::List(_) => false,
                Partition::Template(template) => template.names().any(|mention| is_foreign(mention, &answered)),
                Partition::Choice(choice) => matches!(**choice, PartitionChoice::Call(_)),
            };
            if foreign {
                answered.push(name);
            }
        }
        answered
    }
}
