//! Redaction by value: one set of secrets for the process. What leaves it shows none of them, however it was spelt; what
//! is kept for a later request holds their names instead.
mod spelling;

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use regex::{Regex, RegexBuilder};
use secrecy::{ExposeSecret, SecretString};

use self::spelling::{encoded, pattern};

/// What stands for a credential, and what stands around its name in what is kept.
pub const MASK: &str = "***";

/// Shorter values are not masked: they hide nothing, and text would be full of holes.
const SHORTEST: usize = 4;
/// Most bytes of the compiled set.
const COMPILED: usize = 256 << 20;
/// Behind a name: the secret was spelt as in an address, and is put back so.
const ENCODED: char = '%';

static KNOWN: RwLock<Option<Arc<Known>>> = RwLock::new(None);

/// The secrets that are known so far, in the order in which they came.
#[derive(Clone, Default)]
struct Known {
    named: Vec<(String, SecretString)>,
    /// Which of them each group of `spellings` is, the longest first: one that begins another would leave the rest of it.
    order: Vec<usize>,
    /// `None` when it could not be compiled: then nothing is shown at all.
    spellings: Option<Regex>,
}

/// Masks secrets from now on. The name stands for one in what is kept, so it must be the same in each process.
pub fn hide(secrets: impl IntoIterator<Item = (String, SecretString)>) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let mut next = known.as_deref().cloned().unwrap_or_default();
    let before = next.named.len();
    for (name, secret) in secrets {
        let value = secret.expose_secret();
        if value.len() >= SHORTEST && !next.named.iter().any(|(_, other)| other.expose_secret() == value) {
            let name = name.replace(|sign: char| !is_named(sign), "_");
            next.named.push((name, secret));
        }
    }
    if next.named.len() > before {
        next.compile();
        *known = Some(Arc::new(next));
    }
}

/// A text without any secret of the process.
pub fn redact(text: &str) -> Cow<'_, str> {
    let Some(known) = known() else { return Cow::Borrowed(text) };
    match &known.spellings {
        Some(spellings) => spellings.replace_all(text, MASK),
        None => Cow::Borrowed(MASK),
    }
}

/// A text that is kept for a later request: the name of each secret stands in its place, such as `***API_KEY***`.
pub fn seal(text: &str) -> String {
    let known = known().unwrap_or_default();
    // Three stars that were there before are doubled: nothing but a name of ours is taken for one.
    let gap = |text: &str| text.replace(MASK, "******");
    let Some(spellings) = &known.spellings else { return gap(text) };
    let (mut out, mut end) = (String::new(), 0);
    for found in spellings.captures_iter(text) {
        let groups = known.order.iter().enumerate();
        let matched =
            groups.filter_map(|(group, index)| Some((found.get(group + 1)?, known.named.get(*index)?))).next();
        let Some((matched, (name, secret))) = matched else { continue };
        out += &gap(&text[end..matched.start()]);
        out += &[MASK, name, MASK].concat();
        if matched.as_str() != secret.expose_secret() {
            out.insert(out.len() - MASK.len(), ENCODED);
        }
        end = matched.end();
    }
    out + &gap(&text[end..])
}

/// What [`seal`] was given. `None` where a secret is not known to this process: a token that an earlier one won.
pub fn put_back(text: &str) -> Option<String> {
    let known = known().unwrap_or_default();
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once(MASK) {
        out += before;
        let Some((name, behind)) = behind.split_once(MASK).filter(|(name, _)| is_name(name)) else {
            out += MASK;
            rest = behind;
            continue;
        };
        rest = behind;
        if name.is_empty() {
            out += MASK;
            continue;
        }
        let plain = name.trim_end_matches(ENCODED);
        let secret = known.named.iter().rev().find(|(known, _)| known == plain)?.1.expose_secret();
        out += &if plain == name { secret.to_owned() } else { encoded(secret) };
    }
    Some(out + rest)
}

fn is_named(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.' | '-')
}

fn is_name(text: &str) -> bool {
    text.strip_suffix(ENCODED).unwrap_or(text).chars().all(is_named)
}

fn known() -> Option<Arc<Known>> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Known {
    fn compile(&mut self) {
        self.order = (0..self.named.len()).collect();
        self.order.sort_by_key(|index| std::cmp::Reverse(self.named[*index].1.expose_secret().len()));
        let groups = self.order.iter().map(|index| format!("({})", pattern(self.named[*index].1.expose_secret())));
        let all = groups.collect::<Vec<_>>().join("|");
        self.spellings = RegexBuilder::new(&all).size_limit(COMPILED).build().ok();
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(redact("<p>ca&quot;na\\ry/&#233;&amp;7 ca%22na%5cry%2F%C3%A9%267</p>"), "<p>*** ***</p>");
    }

    #[test]
    fn a_secret_that_begins_another_leaves_nothing_of_it() {
        knowing("SHORT", "begin-1234");
        knowing("LONG", "begin-1234LONGTAIL");
        assert_eq!(redact("x=begin-1234LONGTAIL y=begin-1234"), "x=*** y=***");
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
        assert_eq!(put_back("***NOBODY***"), None);
    }

    #[test]
    fn a_name_means_the_latest_value_and_hides_the_earlier_one() {
        knowing("renewed", "token-before-1");
        knowing("renewed", "token-after-2");
        assert_eq!(redact("token-before-1 token-after-2"), "*** ***");
        assert_eq!(put_back(&seal("t=token-before-1")).as_deref(), Some("t=token-after-2"));
    }
}
