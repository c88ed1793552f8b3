//! Findings for a person, as rustc prints them, and for a script, as JSON lines.
use annotate_snippets::{AnnotationKind, Group, Level as Mark, Renderer, Snippet};

use super::Definitions;
use crate::finding::{Finding, Level};
use crate::printable::printable;

/// All findings with the lines that they are about.
pub fn text(findings: &[Finding], definitions: &Definitions, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for finding in findings {
        let (message, path) = (printable(&finding.message), printable(&finding.place.file));
        out += &renderer.render(&[group(finding, &message, &path, definitions)]).to_string();
        if let Some(hint) = &finding.hint {
            out += &format!("\n  = help: {}", printable(hint));
        }
        out += "\n\n";
    }
    out
}

fn group<'f>(finding: &'f Finding, message: &'f str, path: &'f str, definitions: &'f Definitions) -> Group<'f> {
    let level = match finding.level {
        Level::Error => Mark::ERROR,
        Level::Warning => Mark::WARNING,
        Level::Note => Mark::NOTE,
    };
    let title = level.primary_title(message).id(finding.code);
    let Some(file) = definitions.files.get(&finding.place.file).filter(|file| !file.text.is_empty()) else {
        let origin = annotate_snippets::Origin::path(path).line(finding.place.line);
        let column = finding.place.column;
        return title.element(if column > 1 { origin.char_column(column) } else { origin });
    };
    let bytes = finding.place.bytes.clone();
    // A finding about a whole block marks the line where it begins.
    let first = file.text[bytes.clone()].split('\n').next().map_or(0, |line| line.trim_end().len());
    let end = bytes.start + first.max(usize::from(bytes.start < file.text.len()));
    let span = bytes.start..file.text.ceil_char_boundary(end);
    let snippet = Snippet::source(&file.text).path(path);
    title.element(snippet.annotation(AnnotationKind::Primary.span(span)))
}

/// One finding as a line of JSON.
pub fn json(finding: &Finding) -> String {
    serde_json::to_string(finding).unwrap_or_default()
}
