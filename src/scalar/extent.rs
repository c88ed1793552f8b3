//! How long a text may be that is parsed, and how deep its brackets: a parser that calls itself ends with the stack.
use super::fault::Fault;

/// Most bytes of a path, a template or an expression.
const LONGEST: usize = 64 << 10;
/// Most brackets in each other.
const DEEPEST: usize = 50;

/// Refuses a text that is longer than anybody writes.
pub(super) fn long(text: &str, code: &'static str) -> Result<(), Fault> {
    if text.len() <= LONGEST {
        return Ok(());
    }
    Err(Fault::new(code, 0..1, format!("a text of {} bytes: {LONGEST} at most", text.len())))
}

/// Refuses brackets in each other deeper than anybody writes; those in quotes count, which are few.
pub(super) fn deep(text: &str, code: &'static str) -> Result<(), Fault> {
    let mut depth = 0;
    for (at, sign) in text.bytes().enumerate() {
        match sign {
            b'[' | b'(' | b'{' if depth == DEEPEST => {
                return Err(Fault::new(code, at..at + 1, format!("more than {DEEPEST} brackets in each other")));
            }
            b'[' | b'(' | b'{' => depth += 1,
            b']' | b')' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}
