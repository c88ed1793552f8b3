//! An offer as the stores keep it: its content, and behind it what the program says of the offer.
use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};

use crate::offer::{Closed, Item, Lifecycle, Version, content_hash, instant};

/// A stored document, split where the content of the offer ends. A member of the content may have a name that the program
/// writes too, as `extra.closed_at`: it says nothing of the offer.
#[derive(Debug)]
pub struct Document<'t> {
    /// The content without its last brace.
    content: &'t str,
    closed: bool,
}

/// The members behind the content, as [`crate::schema::ENGINE`] names them, in the order in which they are written.
#[derive(Serialize)]
struct Tail<'t> {
    first_seen_at: At,
    changed_at: At,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_reason: Option<Closed>,
    provenance: Provenance<'t>,
}

#[derive(Serialize)]
struct Provenance<'t> {
    page: Version,
    mapping: &'t str,
}

/// Of the same members what is read: another hand may have changed the others at a server.
#[derive(Deserialize)]
struct Closing {
    closed_at: Option<IgnoredAny>,
}

/// An instant as documents spell it.
struct At(DateTime<Utc>);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&instant(self.0))
    }
}

/// Where the content ends. What stands in a text has its quotes escaped, and what stands in the content comes before.
const BEHIND: &str = r#","first_seen_at":"#;

impl<'t> Document<'t> {
    /// Joins the serialised content of an offer (an object) and its lifecycle, appended to `out`.
    pub fn write(content: &[u8], lifecycle: &Lifecycle, out: &mut Vec<u8>) {
        out.extend_from_slice(content.strip_suffix(b"}").unwrap_or(content));
        let brace = out.len();
        let tail = Tail {
            first_seen_at: At(lifecycle.first_seen_at),
            changed_at: At(lifecycle.changed_at),
            closed_at: lifecycle.closed.map(|(at, _)| At(at)),
            closed_reason: lifecycle.closed.map(|(_, reason)| reason),
            provenance: Provenance { page: lifecycle.page, mapping: &lifecycle.mapping },
        };
        // Writing texts and numbers to memory cannot fail.
        let _ = serde_json::to_writer(&mut *out, &tail);
        out[brace] = b',';
    }

    /// Splits a stored document; `None` for a text that is none, or is not whole. Members that a store adds at the end are
    /// left out.
    pub fn read(text: &'t str) -> Option<Self> {
        let end = text.rfind(BEHIND)?;
        let closing: Closing = serde_json::from_str(&format!("{{{}", &text[end + 1..])).ok()?;
        Some(Document { content: &text[..end], closed: closing.closed_at.is_some() })
    }

    /// The content that it was written with.
    pub fn content(&self) -> String {
        format!("{}}}", self.content)
    }

    /// The hash of its content, which `known` holds too.
    pub fn content_hash(&self) -> u64 {
        content_hash(self.content().as_bytes())
    }

    /// Whether the offer is closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}

impl Item {
    /// Its document, appended to `out`.
    pub fn document(&self, out: &mut Vec<u8>) {
        Document::write(&self.text, &self.lifecycle, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifecycle(closed: Option<Closed>) -> Lifecycle {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        Lifecycle {
            first_seen_at: at,
            changed_at: at,
            closed: closed.map(|reason| (at, reason)),
            page: Version::new(2, 1),
            mapping: "m".into(),
        }
    }

    fn written(content: &str, closed: Option<Closed>) -> String {
        let mut out = Vec::new();
        Document::write(content.as_bytes(), &lifecycle(closed), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_the_program_says_stands_behind_the_content() {
        assert_eq!(
            written(r#"{"title":"x"}"#, Some(Closed::NotSeen)),
            r#"{"title":"x","first_seen_at":"2023-11-14T22:13:20Z","changed_at":"2023-11-14T22:13:20Z","closed_at":"2023-11-14T22:13:20Z","closed_reason":"not_seen","provenance":{"page":"1073741825","mapping":"m"}}"#
        );
    }

    #[test]
    fn a_document_is_split_where_it_was_joined_whatever_its_content_holds() {
        for content in [
            r#"{"title":"x"}"#,
            r#"{"extra":{"closed_at":"2026-01-01","closed_reason":"gone"}}"#,
            r#"{"a":1,"extra":{"b":1,"first_seen_at":"2026-01-01","changed_at":"x","closed_at":"y"}}"#,
            r#"{"title":",\"first_seen_at\":\"\",\"closed_at\":\"","closed":true}"#,
            r#"{"extra":[{"a":1,"first_seen_at":"2026-01-01"}]}"#,
        ] {
            for closed in [None, Some(Closed::Gone)] {
                let text = written(content, closed);
                // A store adds the hash behind it.
                for text in [text.clone(), text.replacen("\"}}", "\"},\"content\":\"0f\"}", 1)] {
                    let document = Document::read(&text).unwrap();
                    assert_eq!((document.content().as_str(), document.is_closed()), (content, closed.is_some()));
                    assert_eq!(document.content_hash(), content_hash(content.as_bytes()));
                }
            }
        }
    }

    #[test]
    fn what_is_not_whole_is_no_document_and_what_another_hand_changed_is_one() {
        let whole = written(r#"{"title":"x"}"#, Some(Closed::Gone));
        for text in [
            "",
            r#"{"title":"x"}"#,
            r#"{"extra":{"a":1,"first_seen_at":"2026-01-01T00:00:00Z"}}"#,
            &whole[..whole.len() - 1],
            &whole[..whole.len() / 2],
        ] {
            assert!(Document::read(text).is_none(), "{text}");
        }
        for (from, to, closed) in [
            (r#""gone""#, r#""went""#, true),
            (r#","closed_reason":"gone""#, "", true),
            (r#""closed_at":"2023-11-14T22:13:20Z""#, r#""closed_at":"2023-11-14""#, true),
            (r#""closed_at":"2023-11-14T22:13:20Z""#, r#""closed_at":null"#, false),
        ] {
            let changed = whole.replacen(from, to, 1);
            assert_ne!(changed, whole);
            assert_eq!(Document::read(&changed).map(|document| document.is_closed()), Some(closed), "{changed}");
        }
    }
}
