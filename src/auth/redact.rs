//! Redaction by value: what leaves the program shows no credential, however it was spelt.
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

/// What stands for a credential.
pub const MASK: &str = "***";

/// As a segment of an address is encoded, with and without `/`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &SEGMENT.remove(b'/');

/// A text without these values, however they are spelt. Values of fewer than 4 characters hide nothing and are left.
pub fn redact(text: &str, secrets: &[SecretString]) -> String {
    let secrets = secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| secret.len() >= 4);
    let mut spellings: Vec<String> = secrets.flat_map(spellings).collect();
    // A secret that is the beginning of another one would leave the rest of it.
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    spellings.dedup();
    spellings.iter().fold(text.to_owned(), |out, spelling| out.replace(spelling, MASK))
}

/// Plain, in an address, in a form, in JSON.
fn spellings(secret: &str) -> Vec<String> {
    let json = crate::tree::Tree::from(secret).to_string();
    let encoded = [NON_ALPHANUMERIC, SEGMENT, PATH].map(|set| utf8_percent_encode(secret, set).to_string());
    let form = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [secret.to_owned(), form, json.trim_matches('"').to_owned()].into_iter().chain(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_masked() {
        let secrets = [SecretString::from("p w/d?x")];
        assert_eq!(redact("a=p w/d?x&b=p%20w%2Fd%3Fx&c=p+w%2Fd%3Fx", &secrets), "a=***&b=***&c=***");
        let secrets = [SecretString::from("aB3+/x-9/Zz==")];
        assert_eq!(redact("/aB3%2B/x-9/Zz%3D%3D /aB3%2B%2Fx-9%2FZz%3D%3D", &secrets), "/*** /***");
        assert_eq!(redact(r#"{"k":"a\"b\\c"}"#, &[SecretString::from("a\"b\\c")]), r#"{"k":"***"}"#);
    }

    #[test]
    fn a_secret_that_begins_another_leaves_nothing_of_it() {
        let secrets = ["abcd1234", "abcd1234LONGTAIL"].map(SecretString::from);
        assert_eq!(redact("x=abcd1234LONGTAIL y=abcd1234", &secrets), "x=*** y=***");
    }
}
