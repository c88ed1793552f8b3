//! What a site repeats of a secret, and names that it puts between stars.
use jobmarket::redact::{hide, put_back, redact, redact_cut, redact_json, redact_start, seal};

use super::mutate::fuzz;

/// The secret that a site knows.
const OWN: &str = "aB3+/x9 q\"é&Zz==";
/// One that it knows the name of, and nothing else.
const OTHER: &str = "other-SECRET-777";

const GOOD: [&str; 5] = [
    "GET https://a.example/a?apikey=aB3%2B%2Fx9%20q%22%C3%A9%26Zz%3D%3D&page=2",
    r#"{"message":"bad key aB3+\/x9 q\"\u00e9&Zz==","next":"*aB3+/x9 q\"é&Zz==OTHER***","n":2026}"#,
    "<p>aB3+/x9 q&quot;&#233;&amp;Zz==</p>",
    "***OTHER*** ** *** %25252541 \\\\\\\"\\\\ud83d\\\\ude00",
    "YUIzKy94OSBxIsOpJlp6PT0",
];
const PIECES: [&str; 20] = [
    "*", "**", "***", "***%***", "%", "%25", "%41", "\\", "\\u", "\\u0041", "\\ud83d", "&", "&#65;", "&#x", ";", "+",
    "\"", "OTHER", OWN, "aB3+/x9",
];

#[test]
fn texts_that_hold_secrets() {
    hide([("OWN".to_owned(), OWN.into()), ("OTHER".to_owned(), OTHER.into())]);
    fuzz(400, &GOOD, &PIECES, |input| {
        let text = String::from_utf8_lossy(input).into_owned();
        let shown = redact(&text);
        assert!(!shown.contains(OWN));
        for most in [0, 1, 40] {
            let start = redact_start(&text, most);
            assert!(start.chars().count() <= most && !start.contains(OWN));
        }
        assert!(!redact_cut(&text).contains(OWN));
        if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
            assert!(serde_json::from_str::<serde_json::Value>(&redact_json(&text)).is_ok());
        }
        let sealed = seal(&text);
        assert!(!sealed.contains(OWN));
        let back = put_back(&sealed);
        if shown == text {
            assert_eq!(back.as_deref(), Some(&*text), "it comes back as it was");
        }
        assert!(!put_back(&text).unwrap_or_default().contains(OTHER) || text.contains("***OTHER"));
        assert!(!back.unwrap_or_default().contains(OTHER), "a name wins no secret");
    });
}
