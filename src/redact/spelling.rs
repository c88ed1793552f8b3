//! How a secret may be spelt by whoever repeats it: escapes of addresses, forms, JSON and HTML, in each other too.
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Escapes that are undone in each other.
pub(super) const DEEP: usize = 4;
/// Characters of the longest escape in HTML that is read: `&#x0000010ffff;`.
const ENTITY: usize = 16;

/// A secret as it may stand anywhere in an address.
pub(super) fn encoded(secret: &str) -> String {
    utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string()
}

/// A text with some of its escapes undone, and where each of its bytes stands in the text. Blanks of forms (`+`) are blanks,
/// and backslashes that escape nothing are left out, as each layer of JSON doubles them.
pub(super) struct Plain {
    pub bytes: Vec<u8>,
    /// Where the escape of each byte begins and ends.
    places: Vec<(usize, usize)>,
}

impl Plain {
    /// A text as it is.
    pub(super) fn new(text: &[u8]) -> Self {
        Plain { bytes: text.to_vec(), places: (0..text.len()).map(|at| (at, at + 1)).collect() }
    }

    /// With one layer of escapes undone; `None` where there is none.
    pub(super) fn undone(&self) -> Option<Self> {
        let mut next = Plain { bytes: Vec::with_capacity(self.bytes.len()), places: Vec::new() };
        is_escaped(&self.bytes).then(|| {
            layer(&self.bytes, &mut |bytes, start, end| {
                next.bytes.extend_from_slice(bytes);
                let place = (self.places[start].0, self.places[end - 1].1);
                next.places.extend(bytes.iter().map(|_| place));
            });
            next
        })
    }

    /// Where some of its bytes stand in the text.
    pub(super) fn place(&self, start: usize, end: usize) -> (usize, usize) {
        (self.places[start].0, self.places[end - 1].1)
    }
}

/// A text with one layer of escapes undone; `None` where there is none.
pub(super) fn undone(text: &[u8]) -> Option<Vec<u8>> {
    let mut next = Vec::with_capacity(text.len());
    is_escaped(text).then(|| {
        layer(text, &mut |bytes, _, _| next.extend_from_slice(bytes));
        next
    })
}

/// A text with all its escapes undone.
pub(super) fn plain(text: &[u8]) -> Vec<u8> {
    let mut plain = text.to_vec();
    for _ in 0..DEEP {
        let Some(next) = undone(&plain) else { break };
        plain = next;
    }
    plain
}

fn is_escaped(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'%' | b'\\' | b'&' | b'+'))
}

/// Undoes one layer: what comes out, and where it began and ended.
fn layer(text: &[u8], each: &mut dyn FnMut(&[u8], usize, usize)) {
    // Where a run of backslashes began that belongs to what stands behind it.
    let (mut at, mut begin) = (0, None);
    while let Some(byte) = text.get(at) {
        let rest = &text[at..];
        let found = match byte {
            b'%' => percent(rest),
            b'\\' => backslash(rest),
            b'&' => entity(rest),
            b'+' => Some((Sign::Byte(b' '), 1)),
            _ => None,
        };
        let (sign, length) = found.unwrap_or((Sign::Byte(*byte), 1));
        let start = begin.take().unwrap_or(at);
        match sign {
            Sign::Byte(byte) => each(&[byte], start, at + length),
            Sign::Char(sign) => each(sign.encode_utf8(&mut [0; 4]).as_bytes(), start, at + length),
            Sign::Nothing => begin = Some(start),
        }
        at += length;
    }
}

/// What an escape stands for.
#[derive(Clone, Copy)]
enum Sign {
    Byte(u8),
    Char(char),
    Nothing,
}

/// `%41`.
fn percent(text: &[u8]) -> Option<(Sign, usize)> {
    Some((Sign::Byte(hex(text.get(1..3)?)? as u8), 3))
}

/// `\u0041`, in JSON that is in JSON behind several backslashes; `\u{41}` and `\x41` as programs write them; else the
/// backslashes alone.
fn backslash(text: &[u8]) -> Option<(Sign, usize)> {
    let run = text.iter().take_while(|byte| **byte == b'\\').count();
    let escape = match text.get(run) {
        Some(b'u') if text.get(run + 1) == Some(&b'{') => {
            let end = text[run..].iter().take(ENTITY).position(|byte| *byte == b'}').map(|end| run + end);
            end.and_then(|end| Some((char::from_u32(hex(&text[run + 2..end])?)?, end + 1)))
        }
        Some(b'u') => unit(text, run).and_then(|(unit, end)| match unit {
            0xd800..0xdc00 => {
                let more = text[end..].iter().take_while(|byte| **byte == b'\\').count();
                let (low, end) = unit_behind(&text[end..], more).map(|(low, length)| (low, end + length))?;
                let code = 0x10000 + ((unit - 0xd800) << 10) + low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                Some((char::from_u32(code)?, end))
            }
            unit => Some((char::from_u32(unit)?, end)),
        }),
        Some(b'x') => text.get(run + 1..run + 3).and_then(hex).and_then(char::from_u32).map(|sign| (sign, run + 3)),
        _ => None,
    };
    Some(escape.map_or((Sign::Nothing, run), |(sign, length)| (Sign::Char(sign), length)))
}

/// The number behind `u`, and where it ends.
fn unit(text: &[u8], at: usize) -> Option<(u32, usize)> {
    Some((hex(text.get(at + 1..at + 5)?)?, at + 5))
}

/// The second half of a character that has two, behind so many backslashes.
fn unit_behind(text: &[u8], run: usize) -> Option<(u32, usize)> {
    (run > 0 && text.get(run) == Some(&b'u')).then(|| unit(text, run)).flatten()
}

/// `&#65;`, `&#x41;`, and those with names that stand for a sign of the markup.
fn entity(text: &[u8]) -> Option<(Sign, usize)> {
    let end = text.iter().take(ENTITY).position(|byte| *byte == b';')?;
    let sign = match &text[1..end] {
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(hex(digits)?)?,
        [b'#', digits @ ..] => char::from_u32(str::from_utf8(digits).ok()?.parse().ok()?)?,
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        _ => return None,
    };
    Some((Sign::Char(sign), end + 1))
}

fn hex(digits: &[u8]) -> Option<u32> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    if all { u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_in_each_other_and_keep_their_place() {
        for (text, plain) in [
            ("plain", "plain"),
            ("a+b", "a b"),
            ("%41%2f%C3%a9", "A/é"),
            ("%2541 %252525", "A %"),
            (r"\u0041\u00e9\ud83d\ude00", "Aé😀"),
            (r#"\\\"a\\/b\n"#, "\"a/bn"),
            (r"%5Cu0041 \\u0041 \u{41} \x41", "A A A A"),
            ("&#65;&#x41;&amp;lt;", "AA<"),
            (r"100% &c; \ud800 &#; %zz", "100% &c; ud800 &#; %zz"),
        ] {
            assert_eq!(String::from_utf8_lossy(&super::plain(text.as_bytes())), plain, "{text}");
        }
        let text = br"x=\\u0041%2542;";
        let plain = Plain::new(text).undone().unwrap().undone().unwrap();
        assert_eq!(plain.bytes, b"x=AB;");
        let (start, end) = plain.place(2, 4);
        assert_eq!(&text[start..end], br"\\u0041%2542");
    }
}
