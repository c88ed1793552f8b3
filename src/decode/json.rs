//! `json`: one borrowed tree in one pass.
use super::DecodeError;
use crate::tree::Tree;

/// The tree of a body; an empty body is null.
pub fn json(body: &[u8]) -> Result<Tree<'_>, DecodeError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Tree::Null);
    }
    serde_json::from_slice(body).map_err(|error| fault(&error, body))
}

/// What is wrong with a body, and how it begins.
pub(super) fn fault(error: &serde_json::Error, body: &[u8]) -> DecodeError {
    let begin: String = String::from_utf8_lossy(&body[..body.len().min(240)]).chars().take(80).collect();
    if body.trim_ascii_start().starts_with(b"<") {
        return DecodeError::Wall(begin);
    }
    DecodeError::Json(error.to_string(), begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_says_so() {
        assert!(matches!(json(b" "), Ok(Tree::Null)));
        assert!(matches!(json(b"<html>"), Err(DecodeError::Wall(_))));
        assert_eq!(
            json(b"{\"a\":").unwrap_err().to_string(),
            "not JSON: EOF while parsing a value at line 1 column 5; it begins `{\"a\":`"
        );
    }
}
