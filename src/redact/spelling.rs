//! How a secret may be spelt by whoever repeats it.
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A secret as it may stand anywhere in an address.
pub(super) fn encoded(secret: &str) -> String {
    utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string()
}

/// A pattern of all spellings. Each sign may be spelt in its own way: encoders differ in what they leave as it is.
pub(super) fn pattern(secret: &str) -> String {
    let mut pattern = String::new();
    for sign in secret.chars() {
        if sign.is_ascii_alphanumeric() {
            pattern.push(sign);
        } else {
            pattern += &format!("(?:{})", ways(sign).join("|"));
        }
    }
    pattern
}

/// In an address however often it was encoded, in a form, in JSON, in HTML, and plain.
fn ways(sign: char) -> Vec<String> {
    let utf16 =
        sign.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("{}+u{unit:04x}", once('\\'))).collect::<String>();
    let (code, [and, number, end]) = (u32::from(sign), ['&', '#', ';'].map(once));
    let mut ways = vec![format!("(?i:{utf16})"), format!("(?i:{and}{number}(?:0*{code}|x0*{code:x}){end})")];
    let entity = |name: &str| format!("{and}{name}{end}");
    // JSON in JSON escapes again.
    let escaped = |sign: char| format!("{}+{}", once('\\'), once(sign));
    match sign {
        ' ' => ways.push(once('+')),
        '"' => ways.extend([escaped('"'), entity("quot")]),
        '\\' | '/' => ways.push(escaped(sign)),
        '&' => ways.push(entity("amp")),
        '<' => ways.push(entity("lt")),
        '>' => ways.push(entity("gt")),
        '\'' => ways.push(entity("apos")),
        '\n' => ways.push(escaped('n')),
        '\r' => ways.push(escaped('r')),
        '\t' => ways.push(escaped('t')),
        _ => {}
    }
    ways.push(once(sign));
    ways
}

/// A sign, or its bytes as an address has them.
fn once(sign: char) -> String {
    let plain = regex::escape(&sign.to_string());
    if sign.is_ascii_alphanumeric() {
        return plain;
    }
    format!("(?:(?i:{})|{plain})", encoded(&sign.to_string()).replace('%', "%(?:25)*"))
}
