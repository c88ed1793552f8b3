//! Redaction by value: what leaves the program shows no credential, however it was spelt.
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

/// What stands for a credential.
pub const MASK: &str = "***";

/// A text without these values, plain or percent-encoded. Values of fewer than 4 characters hide nothing and are left.
pub fn redact(text: &str, secrets: &[SecretString]) -> String {
    let mut out = text.to_owned();
    for secret in secrets {
        let secret = secret.expose_secret();
        if secret.len() < 4 {
            continue;
        }
        out = out.replace(secret, MASK);
        let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        if encoded != secret {
            out = out.replace(&encoded, MASK);
        }
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        if form != secret {
            out = out.replace(&form, MASK);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_masked() {
        let secrets = [SecretString::from("p w/d?x")];
        assert_eq!(redact("a=p w/d?x&b=p%20w%2Fd%3Fx&c=p+w%2Fd%3Fx", &secrets), "a=***&b=***&c=***");
    }
}
