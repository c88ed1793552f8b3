//! Secrets that stand in a file as they are: which values may be some.
use crate::scalar::Template;

/// What names of secrets have in them, letters and digits alone.
const PARTS: [&str; 9] =
    ["authorization", "apikey", "accesskey", "secret", "password", "passwd", "token", "credential", "cookie"];

/// Whether a header, or a member of a form, is named as secrets are: `Authorization`, `x-api-key`, `Subscription-Key`.
pub fn names_a_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|sign| sign.to_ascii_lowercase()).collect();
    plain.ends_with("key") || PARTS.iter().any(|part| plain.contains(part))
}

/// Whether a template says the same wherever it is read.
pub fn is_literal(template: &Template) -> bool {
    !template.as_str().trim().is_empty() && template.names().next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in
            ["Authorization", "x-api-key", "X_Api_Key", "Ocp-Apim-Subscription-Key", "key", "X-Auth-Token", "Cookie"]
        {
            assert!(names_a_secret(name), "{name}");
        }
        for name in ["Accept", "User-Agent", "Keywords", "X-Keyboard", "Content-Type", "q"] {
            assert!(!names_a_secret(name), "{name}");
        }
    }
}
