//! Where YAML itself bites: its errors, said with the line as it should be written.
use super::node::{File, LETTERS, LEVELS, NODES, REPEATED, bytes};
use crate::finding::{Finding, Place};

/// A tab in the indentation: YAML forbids it, and its own message points elsewhere.
pub(super) fn tab(file: &File) -> Option<Finding> {
    let mut start = 0;
    for line in file.text.split_inclusive('\n') {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..blank].find('\t')
            && !line.trim().is_empty()
        {
            let at = start + tab..start + tab + 1;
            let finding = Finding::error("yaml", file.place(&at), "a tab in the indentation");
            return Some(finding.hint("YAML is indented with spaces: two for each level").replace("  "));
        }
        start += line.len();
    }
    None
}

/// A syntax error, with a hint where the cause is a known trap.
pub(super) fn finding(file: &File, error: &serde_saphyr::Error) -> Finding {
    let at = error.location().map_or(0..0, |location| bytes(location, &file.text));
    let place = file.place(&at);
    if is_limit(error) {
        let message = format!(
            "this file holds too much: {NODES} values at most, {REPEATED} of them behind aliases, {LEVELS} levels, and {} MiB of text",
            LETTERS >> 20
        );
        return Finding::error("yaml", place, message)
            .hint("what is repeated belongs into a file of `sources/shared/`");
    }
    // A flow collection that is not closed is noticed at its end: the trap is on the line where it was written.
    let line = (0..=place.line.min(3)).find_map(|back| {
        let number = place.line.checked_sub(back + 1)?;
        let line = file.text.lines().nth(number)?;
        Some((number, line, trap(line)?))
    });
    if let Some((number, line, (column, message, mended))) = line {
        let start: usize = file.text.split_inclusive('\n').take(number).map(str::len).sum();
        let at = start + column..start + line.len();
        return Finding::error("yaml", file.place(&at), message).hint(format!("write it as: {}", mended.trim()));
    }
    if let serde_saphyr::Error::NonFiniteFloat { value, .. } = error {
        let message = format!("`{value}` is no number that can be computed with or sent");
        return Finding::error("yaml", place, message).hint(format!("write `\"{value}\"` where the text is meant"));
    }
    let text = error.to_string();
    if text.to_lowercase().starts_with("multiple yaml documents") {
        return two_documents(file, &place);
    }
    if let Some(finding) = unquoted_sign(file, &place) {
        return finding;
    }
    let message = text.split(" at line ").next().unwrap_or(&text).lines().next().unwrap_or_default().to_lowercase();
    Finding::error("yaml", place, format!("this is not YAML: {message}"))
        .hint("check the indentation, and quote text that holds `: `, ` #`, `{` or `[`")
}

/// Whether the reader stopped at one of its limits.
fn is_limit(error: &serde_saphyr::Error) -> bool {
    use serde_saphyr::Error;
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => is_limit(error),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => true,
        _ => false,
    }
}

/// A second document: it begins at the last `---` before the place where it is noticed.
fn two_documents(file: &File, place: &Place) -> Finding {
    let mut starts = Vec::new();
    let mut start = 0;
    for line in file.text.split_inclusive('\n') {
        if line.starts_with("---") && start <= place.bytes.start && start > 0 {
            starts.push(start..start + line.trim_end().len());
        }
        start += line.len();
    }
    let at = starts.pop().unwrap_or(place.bytes.clone());
    Finding::error("yaml", file.place(&at), "a second document begins here: one file is one source")
        .hint("remove the line `---`, and write what follows it into a file of its own")
}

/// A plain text that begins with a sign of YAML's own.
fn unquoted_sign(file: &File, place: &Place) -> Option<Finding> {
    let rest = file.text.get(place.bytes.start..)?;
    let sign = rest.chars().next().filter(|sign| "@`%*&!-".contains(*sign))?;
    let before = &file.text[..place.bytes.start];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let begins = before[line_start..].trim_end().ends_with([':', '-', ',', '[', '{']);
    if !begins {
        return None;
    }
    let in_flow = before[line_start..].contains(['{', '[']);
    let end = rest.find(|end| end == '\n' || in_flow && matches!(end, ',' | '}' | ']')).unwrap_or(rest.len());
    let text = rest[..end].trim_end();
    let at = place.bytes.start..place.bytes.start + text.len();
    let finding = Finding::error("yaml", file.place(&at), format!("`{sign}` cannot begin a text that is not quoted"));
    Some(finding.hint(format!("write it as: \"{}\"", text.replace('"', "\\\""))))
}

/// A known trap in a line: its column, what is wrong, and the line as it should be.
fn trap(line: &str) -> Option<(usize, &'static str, String)> {
    let code = line.split(" #").next().unwrap_or(line);
    if let Some(at) = unquoted_in_flow(code) {
        let end = code[at..].find('}').map_or(code.len(), |end| at + end + 1);
        let mended = format!("{}\"{}\"{}", &code[..at], &code[at..end], &code[end..]);
        return Some((at, "a template inside `{…}` or `[…]` is not quoted", mended));
    }
    let (head, value) = code.split_once(": ")?;
    let plain = !value.trim_start().starts_with(['"', '\'', '{', '[', '|', '>', '&', '*']);
    if plain && value.contains(": ") {
        let mended = format!("{head}: \"{}\"", value.trim().replace('"', "\\\""));
        return Some((head.len() + 2, "`: ` inside plain text", mended));
    }
    None
}

/// Where `${` stands in a flow collection outside quotes.
fn unquoted_in_flow(line: &str) -> Option<usize> {
    let (mut depth, mut quote, mut last) = (0, None, ' ');
    for (at, sign) in line.char_indices() {
        match (quote, sign) {
            (Some(open), _) if sign == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(sign),
            (None, '{') if last == '$' => return (depth > 0).then_some(at - 1),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth -= 1,
            _ => {}
        }
        last = sign;
    }
    None
}
