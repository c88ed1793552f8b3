//! Texts that are kept for a later request: names stand in them where secrets were.
use secrecy::ExposeSecret;

use super::MASK;
use super::known::{Known, is_named, known};
use super::spelling::{encoded, plain};

/// Behind a name: the secret was spelt as in an address, and is put back so.
const ENCODED: char = '%';
/// Behind a name: it was spelt in a way that cannot be made again, as in base64.
const LOST: char = '~';
/// A star that is no mark of ours, in what is kept.
const STAR: &str = "***%***";

/// A text that is kept for a later request: the name of each secret stands in its place, such as `***API_KEY***`.
pub fn seal(text: &str) -> String {
    let known = known();
    // Stars that were there before are written out: all others are around names of ours, whatever stands beside them.
    let gap = |text: &str| text.replace('*', STAR);
    let (mut out, mut end) = (String::new(), 0);
    for found in known.find(text, 0, text.len()) {
        out += &gap(&text[end..found.start]);
        out += MASK;
        out += found.name;
        out.extend(spelt(&text[found.start..found.end], found.secret.expose_secret()));
        out += MASK;
        end = found.end;
    }
    out + &gap(&text[end..])
}

/// What stands behind the name of a secret that is not spelt as it is.
fn spelt(text: &str, secret: &str) -> Option<char> {
    match text == secret {
        true => None,
        false if plain(text.as_bytes()) == plain(secret.as_bytes()) => Some(ENCODED),
        false => Some(LOST),
    }
}

/// What [`seal`] was given. `None` where a secret is not known to this process, such as a token that an earlier one won, or
/// where it was spelt in a way that cannot be made again.
pub fn put_back(text: &str) -> Option<String> {
    let known = known();
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once(MASK) {
        out += before;
        let Some((name, behind)) = behind.split_once(MASK).filter(|(name, _)| is_name(name)) else {
            out += MASK;
            rest = behind;
            continue;
        };
        rest = behind;
        match name {
            // An earlier version doubled three stars, and no others.
            "" => out += MASK,
            "%" => out.push('*'),
            name => out += &value(&known, name)?,
        }
    }
    Some(out + rest)
}

fn is_name(text: &str) -> bool {
    text.strip_suffix([ENCODED, LOST]).unwrap_or(text).chars().all(is_named)
}

/// The secret of a name, as it was spelt.
fn value(known: &Known, name: &str) -> Option<String> {
    if name.ends_with(LOST) {
        return None;
    }
    let plain = name.trim_end_matches(ENCODED);
    let secret = known.value(plain)?;
    Some(if plain == name { secret.to_owned() } else { encoded(secret) })
}
