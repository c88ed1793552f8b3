//! Secrets that stand in a file as they are: which values may be some.
use crate::scalar::{Piece, Template};

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

/// Characters of a constant from which on it may be a secret.
const LONG: usize = 12;

/// Whether a word looks like a key: long, of letters and digits.
pub fn looks_secret(word: &str) -> bool {
    let letters = word.chars().any(|sign| sign.is_ascii_alphabetic());
    word.len() >= LONG
        && letters
        && word.chars().any(|sign| sign.is_ascii_digit())
        && !word.contains(['$', '{', '/', ' '])
}

/// Whether a value under a name that may be a secret's is one: a key of another kind, as in `sort_key: date`, is a word.
pub fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let certain = ["password", "passwd", "secret", "authorization"].iter().any(|part| name.contains(part));
    !value.trim().is_empty() && !value.contains("${") && (certain || looks_secret(value))
}

/// What an address says of secrets as it is written: its password, and parameters that are named as secrets are.
pub fn in_address(text: &str) -> Vec<(&str, &str)> {
    let (before, query) = text.split_once('?').unwrap_or((text, ""));
    let host = before.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    let user = host.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
    let password = user.map(|(_, password)| ("password", password)).filter(|(name, value)| is_secret(name, value));
    password.into_iter().chain(in_form(query)).collect()
}

/// The same of the text of a form.
pub fn in_form(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = text.split(['&', ';', '\n']).filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.trim(), value.trim()))
        .filter(|(name, value)| names_a_secret(name) && is_secret(name, value))
}

/// A constant of a template that looks like a key: beside its expressions, or in quotes within one.
pub fn in_template(text: &str) -> Option<String> {
    let template: Template = text.parse().ok()?;
    let words = template.pieces.iter().flat_map(|piece| match piece {
        Piece::Text(text) => text.split([' ', '=']).map(str::to_owned).collect::<Vec<_>>(),
        Piece::Code(code) => code.source.split(['\'', '"']).skip(1).step_by(2).map(str::to_owned).collect(),
    });
    words.into_iter().find(|word| looks_secret(word))
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
