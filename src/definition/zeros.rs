//! Numbers and durations of which 0 makes no sense: found when a file is read, and when a parameter gives one.
use super::node::{Kind, Node};

/// Ends of the way to a key, `*` for any one step, and what 0 would mean there.
const NEVER_ZERO: &[(&[&str], &str)] = &[
    (&["windows", "first"], "nothing would be read; write how far back the first run goes, such as `365d`"),
    (&["windows", "step"], "the windows would never end; write their length, such as `1d`, or leave `step` out"),
    (&["windows", "split", "until"], "a window would be halved for ever; write the shortest one, such as `1m`"),
    (&["windows", "split", "above"], "every window would be halved; write the most records that the site gives of one"),
    (&["sweep", "every"], "each run would be a sweep; write how often one is due, such as `1d`"),
    (&["limits", "timeout"], "no request would ever be answered in time; write for example `30s`"),
    (&["limits", "parallel"], "nothing would be asked; write how many pages may be in flight"),
    (&["limits", "retry", "attempts"], "nothing would be asked; `attempts: 1` asks once"),
    (&["pages", "*", "size"], "a page of 0 records never ends; write how many records a page has"),
    (&["pages", "*", "max"], "no page would be read; write the most pages, or leave `max` out"),
    (&["call", "batch"], "a list of 0 values asks for nothing; write how many values one request takes"),
    (&["range", "step"], "the numbers would never end; write the distance between two, such as `1`"),
    (&["expect", "max"], "every record would be one too many; leave `max` out, or write the most that is right"),
    (&["expect", "fresh"], "no offer is that new; write the greatest age of the newest one, such as `7d`"),
    (&["expire", "not_seen"], "every offer would be closed at once; write for example `2 sweeps` or `30d`"),
    (&["duplicates", "within"], "nothing would be compared; write for example `90d`"),
];

/// Why 0 makes no sense at the end of this way, where it makes none.
pub fn why(trail: &[&str]) -> Option<&'static str> {
    let fits = |pattern: &[&str]| {
        trail.len() >= pattern.len()
            && pattern.iter().rev().zip(trail.iter().rev()).all(|(wanted, step)| *wanted == "*" || wanted == step)
    };
    // A page's own list and the parts under it are no keys of a source.
    let free = trail.iter().any(|step| matches!(*step, "map" | "query" | "headers" | "body" | "params"));
    NEVER_ZERO.iter().find(|(pattern, _)| !free && fits(pattern)).map(|(_, why)| *why)
}

/// Whether a text is a 0, with or without a unit of time.
pub fn is_zero(text: &str) -> bool {
    let digits = text.trim().trim_end_matches(|sign: char| sign.is_ascii_lowercase());
    !digits.is_empty() && digits.chars().all(|sign| sign == '0')
}

/// All zeros of a tree that make no sense: the way there, what is written, and why.
pub(super) fn all(root: &Node) -> Vec<(Vec<String>, String, &'static str)> {
    let mut found = Vec::new();
    walk(root, &mut Vec::new(), &mut found);
    found
}

fn walk(node: &Node, trail: &mut Vec<String>, found: &mut Vec<(Vec<String>, String, &'static str)>) {
    let zero = match &node.kind {
        Kind::Int(0) => Some("0".to_owned()),
        Kind::Text(text) if is_zero(text) => Some(text.clone()),
        Kind::List(list) => {
            for (index, node) in list.iter().enumerate() {
                trail.push(index.to_string());
                walk(node, trail, found);
                trail.pop();
            }
            None
        }
        Kind::Map(entries) => {
            for (key, node) in entries {
                trail.push(key.text.clone());
                walk(node, trail, found);
                trail.pop();
            }
            None
        }
        _ => None,
    };
    if let Some(zero) = zero {
        let steps: Vec<&str> = trail.iter().map(String::as_str).collect();
        found.extend(why(&steps).map(|why| (trail.clone(), zero, why)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::node::File;

    fn check(text: &str, expect: &[&str]) {
        let (file, findings) = File::read("sources/x.yaml", text);
        assert_eq!(findings, []);
        let found: Vec<String> = all(&file.root).into_iter().map(|(trail, ..)| trail.join(".")).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn a_zero_that_makes_no_sense_is_found() {
        check("windows: {first: 0d, step: 0s, lookback: 0s}", &["windows.first", "windows.step"]);
        check("windows: {first: 1d, split: {above: 0, until: 0m}}", &["windows.split.above", "windows.split.until"]);
        check("sweep: {every: 0s}", &["sweep.every"]);
        check(
            "limits: {timeout: 0s, parallel: 0, retry: {attempts: 0, wait: 0s}}",
            &["limits.timeout", "limits.parallel", "limits.retry.attempts"],
        );
        check("detail: {limits: {timeout: 000s}}", &["detail.limits.timeout"]);
        check("pages: {number: {first: 0, size: 0, max: 0}}", &["pages.number.size", "pages.number.max"]);
        check(
            "for: {a: {call: {batch: 0, pages: {offset: {size: 0, first: 0}}}}, b: {range: {from: 0, to: 9, step: 0}}}",
            &["for.a.call.batch", "for.a.call.pages.offset.size", "for.b.range.step"],
        );
        check(
            "expect: {min: 0, max: 0, fresh: 0d}\nexpire: {not_seen: 0d}",
            &["expect.max", "expect.fresh", "expire.not_seen"],
        );
        check(
            "pipelines: [{steps: [{duplicates: {within: 0d}}], schedule: {jitter: 0s}}]\narchive: {keep: 0d}",
            &["pipelines.0.steps.0.duplicates.within"],
        );
        check("request: {query: {pages: {a: {size: 0}}}, body: {json: {limits: {timeout: 0}}}}", &[]);
    }
}
