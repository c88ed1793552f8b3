//! Redaction by value: one set of secrets for the process. What leaves it shows none of them, however it was spelt; what
//! is kept for a later request holds their names instead.
mod known;
mod sealed;
mod spelling;

use std::borrow::Cow;

pub use self::known::hide;
use self::known::{Known, known};
pub use self::sealed::{put_back, seal};

/// What stands for a credential, and what stands around its name in what is kept.
pub const MASK: &str = "***";

/// Bytes of a text that are looked at in one go: what undoes escapes notes the place of each byte.
const WINDOW: usize = 64 << 10;

/// A text without any secret of the process.
pub fn redact(text: &str) -> Cow<'_, str> {
    masked(text, |_| true)
}

/// The same of JSON, which stays JSON: a secret that is `2026` is masked in texts, and in no number.
pub fn redact_json(text: &str) -> Cow<'_, str> {
    let (mut at, mut inside) = (0, false);
    masked(text, move |start| {
        while at < start {
            match text.as_bytes()[at] {
                b'\\' if inside => at += 1,
                b'"' => inside = !inside,
                _ => {}
            }
            at += 1;
        }
        inside
    })
}

/// A text without its secrets, as far as they are to be masked where they begin. It is asked of each in order.
fn masked(text: &str, mut wanted: impl FnMut(usize) -> bool) -> Cow<'_, str> {
    let known = known();
    let (mut out, mut shown, mut at) = (String::new(), 0, 0);
    while at < text.len() {
        let bound = text.floor_char_boundary(at + WINDOW);
        let found = known.find(text, at, bound);
        for secret in found.iter().filter(|secret| wanted(secret.start)) {
            out += &text[shown..secret.start];
            out += MASK;
            shown = secret.end;
        }
        at = bound.max(shown);
    }
    if shown == 0 { Cow::Borrowed(text) } else { Cow::Owned(out + &text[shown..]) }
}

/// The beginning of a text without any secret: at most so many characters of what is shown of it. Masked before it is
/// cut, as a part of a secret would not be known any more; what lies far behind the cut is not looked at.
pub fn redact_start(text: &str, most: usize) -> String {
    let known = known();
    let (mut out, mut left, mut rest) = (String::new(), most, text);
    while left > 0 && !rest.is_empty() {
        let bound = rest.char_indices().nth(left).map_or(rest.len(), |(at, _)| at);
        let (shown, read) = before(&known, rest, bound);
        let end = shown.char_indices().nth(left).map_or(shown.len(), |(at, _)| at);
        out += &shown[..end];
        left -= shown[..end].chars().count();
        rest = &rest[read..];
    }
    out
}

/// A text that was cut, without any secret: its end may be the beginning of one, and is left out.
pub fn redact_cut(text: &str) -> String {
    let known = known();
    // Half of it is kept at least, also where a long token in an unusual spelling would take it all.
    let left_out = known.reach().min(text.len() / 2);
    before(&known, text, text.floor_char_boundary(text.len() - left_out)).0
}

/// What stands before a bound, without secrets, and where that ends: one that begins before the bound may end behind it.
fn before(known: &Known, text: &str, bound: usize) -> (String, usize) {
    let (mut out, mut end) = (String::new(), 0);
    for secret in known.find(text, 0, bound) {
        out += &text[end..secret.start];
        out += MASK;
        end = secret.end;
    }
    if end < bound {
        out += &text[end..bound];
        end = bound;
    }
    (out, end)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn knowing(name: &str, secret: &str) {
        hide([(name.to_owned(), SecretString::from(secret))]);
    }

    #[test]
    fn every_spelling_is_masked() {
        knowing("SPELT", "p w/d?x");
        assert_eq!(redact("a=p w/d?x&b=p%20w%2Fd%3Fx&c=p+w%2fd%3fx&d=p%2520w/d%253Fx"), "a=***&b=***&c=***&d=***");
        knowing("BASE64", "aB3+/x-9/Zz==");
        assert_eq!(redact("/aB3%2B/x-9/Zz%3D%3D /aB3%2B%2Fx-9%2FZz%3D%3D"), "/*** /***");
        knowing("QUOTED", "ca\"na\\ry/é&7");
        assert_eq!(redact(r#"{"k":"ca\"na\\ry\/\u00e9\u00267"}"#), r#"{"k":"***"}"#);
        assert_eq!(redact(r"%63%61%22\u006ea\\\\ry/&#233;%2526&#x37; \u{63}a\x22na\\ry%2f%e9&7"), "*** ***");
        assert_eq!(redact("CA\"NA\\RY/é&7 Y2EibmFccnkvw6kmNw=="), "*** ***==");
        assert_eq!(redact("<p>ca&quot;na\\ry/&#233;&amp;7 ca%22na%5cry%2F%C3%A9%267</p>"), "<p>*** ***</p>");
    }

    #[test]
    fn a_secret_that_begins_another_leaves_nothing_of_it() {
        knowing("SHORT", "begin-1234");
        knowing("LONG", "begin-1234LONGTAIL");
        assert_eq!(redact("x=begin-1234LONGTAIL y=begin-1234"), "x=*** y=***");
    }

    #[test]
    fn json_stays_json() {
        knowing("YEAR", "2031");
        let json = r#"{"year":2031,"a\"2031":"in 2031","b":[2031,"\\"],"c":"2031"}"#;
        assert_eq!(redact_json(json), r#"{"year":2031,"a\"***":"in ***","b":[2031,"\\"],"c":"***"}"#);
    }

    #[test]
    fn values_of_three_characters_are_no_secrets() {
        knowing("TINY", "qzx");
        assert_eq!(redact("qzx"), "qzx");
    }

    #[test]
    fn what_is_kept_holds_names_and_comes_back_as_it_was() {
        knowing("KEPT_KEY", "kept-key/9 8");
        let check = |text: &str, sealed: &str, back: &str| {
            assert_eq!(seal(text), sealed);
            assert_eq!(put_back(sealed).as_deref(), Some(back));
        };
        check("?key=kept-key/9 8&p=2", "?key=***KEPT_KEY***&p=2", "?key=kept-key/9 8&p=2");
        check("?key=kept-key/9+8&p=2", "?key=***KEPT_KEY%***&p=2", "?key=kept%2Dkey%2F9%208&p=2");
        for stars in ["***KEPT_KEY***", "***", "*****", "a*b**c", "*** a ***", "******"] {
            assert_eq!(put_back(&seal(stars)).as_deref(), Some(stars), "a site cannot ask for a secret by its name");
        }
        // A site may know its own key, and the name of another one.
        for star in ["*", "**", "***", "****"] {
            for text in
                ["Skept-key/9 8S", "SK2Skept-key/9 8", "kept-key/9 8KEPT_KEYSS", "Skept-key/9 8KEPT_KEYSSS", "S%S"]
            {
                let text = text.replace('S', star);
                assert_eq!(put_back(&seal(&text)).as_deref(), Some(text.as_str()), "{}", seal(&text));
            }
        }
        assert_eq!(put_back(&seal("a2VwdC1rZXkvOSA4")), None, "base64 of it is not made again");
        assert_eq!(put_back("a*b**c ******").as_deref(), Some("a*b**c ***"), "what an earlier version kept");
        assert_eq!(put_back("***NOBODY***"), None);
    }

    #[test]
    fn many_long_tokens_of_one_name_are_known_one_after_the_other() {
        for number in 0..9 {
            knowing("long", &format!("{number:02}{}", "~".repeat(4 << 10)));
        }
        let text = format!("a {}{} b", "08", "%7E".repeat(4 << 10));
        assert_eq!(redact(&text), "a *** b");
        assert!(redact(&format!("00{}", "~".repeat(4 << 10))).starts_with("00~"), "the oldest are forgotten");
        let far = format!("{}{}", "x".repeat(WINDOW - 3), &text[2..]);
        assert_eq!(redact(&far), format!("{}*** b", "x".repeat(WINDOW - 3)));
    }

    #[test]
    fn a_cut_leaves_nothing_of_a_secret_wherever_it_falls() {
        knowing("CUT_KEY", "cut-key-of-a-site");
        for before in 0..60 {
            let text = format!("{}cut-key-of-a-site, cut%2dkey%2dof%2da%2dsite.", " ".repeat(before));
            let cut = format!("{}{}", "x".repeat(600), &text[..text.len().min(before + 30)]);
            for shown in [redact_start(&text, 40), redact_cut(&cut)] {
                assert!(!shown.contains("cut"), "{shown}");
            }
        }
        let many = "cut-key-of-a-site ".repeat(9);
        assert_eq!(redact_start(&many, 9), "*** *** *");
        assert_eq!(redact_start("é".repeat(9).as_str(), 4), "éééé");
    }

    #[test]
    fn a_name_means_the_latest_value_and_hides_the_earlier_one() {
        knowing("renewed", "token-before-1");
        knowing("renewed", "token-after-2");
        assert_eq!(redact("token-before-1 token-after-2"), "*** ***");
        assert_eq!(put_back(&seal("t=token-before-1")).as_deref(), Some("t=token-after-2"));
    }
}
