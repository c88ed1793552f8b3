//! What messages about keys say: the nearest valid key, where a key would be valid, what shape was wanted.
use super::node::{Kind, Node};
use crate::finding::{Finding, Place};
use crate::scalar::nearest;

/// Keys that are often written at the wrong level, and where they are valid.
const HOMES: [(&str, &str); 46] = [
    ("get", "request"),
    ("post", "request"),
    ("query", "request"),
    ("headers", "request"),
    ("body", "request"),
    ("json", "request.body"),
    ("form", "request.body"),
    ("graphql", "request.body"),
    ("token_url", "auth.oauth2"),
    ("client_id", "auth.oauth2"),
    ("client_secret", "auth.oauth2"),
    ("scope", "auth.oauth2"),
    ("credentials", "auth.oauth2"),
    ("header", "auth.key"),
    ("cookie", "auth.key"),
    ("size", "pages.PAGINATION"),
    ("total", "pages.PAGINATION"),
    ("max", "pages.PAGINATION"),
    ("stop", "pages.PAGINATION"),
    ("next", "pages.cursor"),
    ("count", "pages.number"),
    ("first", "windows"),
    ("lookback", "windows"),
    ("step", "windows"),
    ("split", "windows"),
    ("above", "windows.split"),
    ("until", "windows.split"),
    ("every", "sweep"),
    ("rate", "limits"),
    ("quota", "limits"),
    ("parallel", "limits"),
    ("timeout", "limits"),
    ("retry", "limits"),
    ("attempts", "limits.retry"),
    ("merge", "detail"),
    ("gone", "detail"),
    ("on_error", "detail"),
    ("not_seen", "expire"),
    ("at_most", "expire"),
    ("records", "the top of a source"),
    ("cron", "pipelines[].schedule"),
    ("tz", "pipelines[].schedule"),
    ("overlap", "pipelines[].schedule"),
    ("steps", "pipelines[]"),
    ("sinks", "pipelines[]"),
    ("schedule", "pipelines[]"),
];

/// All codes of findings, with what `explain` says of them.
pub const CODES: [(&str, &str); 41] = [
    ("bad-argument", "A conversion was given an argument that it does not take."),
    ("bad-cron", "A schedule is not a cron pattern of five or six fields."),
    ("bad-duration", "A duration is a whole number and a unit: `60s 5m 2h 30d 1w`."),
    ("bad-expression", "A mapping says `PATH ?? PATH | conversion`."),
    ("bad-name", "A name is made of a-z, 0-9 and -, and begins with a letter."),
    ("bad-path", "A path is an RFC 9535 JSONPath that begins with `$`."),
    ("bad-rate", "A rate is a count over a period: `10/s`, `250/d`, `50/30s`."),
    ("bad-reader", "A reader is a path, `header NAME` or `status`, optionally with ` ~ \"regex\"`."),
    ("bad-regex", "A regular expression cannot be compiled."),
    ("bad-share", "A share is a percentage from 0% to 100%."),
    ("bad-template", "A `${…}` holds something that is not an expression."),
    ("bad-value", "A value cannot be used here."),
    ("bad-zone", "A time zone is an IANA name such as Europe/Paris."),
    ("closing", "When offers of a source are closed is not as safe as it could be: a note, nothing is wrong."),
    ("constant", "A plain word is only a constant where the field's `values` allow it."),
    ("disabled", "A pipeline names a source that is switched off, and does not say `enable`."),
    ("duplicate-key", "A key is given twice in one map."),
    ("empty-file", "A file says nothing."),
    ("engine-field", "A field that the program itself sets cannot be mapped."),
    ("field-shape", "A list, an object or several matches were given to a field of another kind."),
    ("literal-secret", "A secret stands in the file itself; write `${secret.NAME}`, and set `NAME` outside of it."),
    ("missing-file", "A file that everything needs is not there."),
    ("missing-key", "A key that is required is missing."),
    ("mode", "A file with secrets, or the data directory, is open to other users of the machine."),
    ("more", "A file has more findings than are told at once."),
    ("needs", "A construct takes effect only beside another one, which is missing."),
    ("one-choice", "A choice is a map with exactly one key, or a bare word."),
    ("refused", "A value is understood and refused, because it would lose data or never work."),
    ("source-shared", "Two pipelines feed the store from one source: the second must say `as: NAME`."),
    ("secret", "A secret that the source needs is not set."),
    ("unbuilt", "A construct is understood and checked, and does not run yet."),
    ("unknown-choice", "A choice names something that is not there."),
    ("unknown-conversion", "A conversion of this name does not exist."),
    ("unknown-field", "A field of this name is not declared in mappings/offer.yaml."),
    ("unknown-key", "A key of this name does not exist here."),
    ("unknown-name", "A name in a template is not valid there, or a file of this name is not there."),
    ("unknown-table", "A lookup table of this name does not exist."),
    ("unreadable", "A file cannot be read, or is not UTF-8."),
    ("unset", "A variable of the environment that is needed is not set."),
    ("wrong-kind", "A map, a list, text or a number stands where another kind is wanted."),
    ("yaml", "The file is not YAML."),
];

/// The code as the static word it is.
pub fn code(word: &str) -> &'static str {
    CODES.iter().find(|(code, _)| *code == word).map_or("bad-value", |(code, _)| code)
}

/// The keys on the way to an entry.
pub fn path(root: &Node, trail: &[usize]) -> Vec<String> {
    let mut at = root;
    let mut path = Vec::new();
    for step in trail {
        match &at.kind {
            Kind::Map(entries) => match entries.get(*step) {
                Some((key, node)) => {
                    path.push(key.text.clone());
                    at = node;
                }
                None => break,
            },
            Kind::List(list) => match list.get(*step) {
                Some(node) => at = node,
                None => break,
            },
            _ => break,
        }
    }
    path
}

/// A key that is not valid where it stands.
pub fn unknown(name: &str, valid: &[&'static str], place: Place, above: &[String]) -> Finding {
    let at = above.split_last().map_or(String::new(), |(_, above)| above.join("."));
    let message = match at.as_str() {
        "" => format!("there is no key `{name}` here"),
        at => format!("there is no key `{name}` in `{at}`"),
    };
    let finding = Finding::error("unknown-key", place, message);
    let home = HOMES.iter().find(|(key, _)| *key == name).map(|(_, home)| format!("`{name}` is valid in `{home}`"));
    match (nearest(name, valid.iter().copied()), home) {
        (Some(near), None) => finding.hint(format!("did you mean `{near}`?")).replace(near),
        (_, Some(home)) => finding.hint(home),
        (None, None) => {
            let valid = valid.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            finding.hint(format!("valid here: {valid}"))
        }
    }
}

/// Serde's words for a wanted kind, in ours.
pub fn wanted(expected: &str) -> String {
    match expected {
        "a string" => "text".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list".into(),
        expected if expected.starts_with("struct ") || expected == "a map" => "a map".into(),
        expected if matches!(expected.as_bytes(), [b'u' | b'i', b'0'..=b'9', ..]) => "a whole number".into(),
        expected => expected.to_owned(),
    }
}

/// What to look up about an entry of the wrong kind.
pub fn shape(above: &[String]) -> String {
    match above.last() {
        Some(key) => format!("`explain {key}` shows its shape"),
        None => "`explain source` shows the shape of a file".to_owned(),
    }
}
