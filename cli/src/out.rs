//! What is printed: a reader that has gone ends a command quietly, and never the work of a run. Text for people shows
//! control characters instead of sending them; data is the same value, whoever reads it. No secret of ours goes out.
use std::fmt::{Arguments, Display};
use std::io::{self, ErrorKind, Write};

use jobmarket::printable::{cut_words, printable_json, printable_lines};
use jobmarket::redact::{redact, redact_json, redact_start};

pub use jobmarket::printable::printable;

/// Most characters that are shown of a word, or of a value of a site.
const SHOWN: usize = 500;

/// `println!` for every command: who reads no more, as `head` does, has what was asked for.
macro_rules! println {
    ($($said:tt)*) => { $crate::out::line(format_args!($($said)*)) };
}

/// `eprintln!`, whether somebody reads it or not.
macro_rules! eprintln {
    ($($said:tt)*) => { $crate::out::aside(format_args!("{}\n", format_args!($($said)*))) };
}

/// `eprint!`, whether somebody reads it or not.
macro_rules! eprint {
    ($($said:tt)*) => { $crate::out::aside(format_args!($($said)*)) };
}

/// Prints a line for people on stdout. A line end inside a value of a site is for [`printable`].
pub fn line(said: Arguments<'_>) {
    let said = said.to_string();
    write(&mut io::stdout().lock(), |out| writeln!(out, "{}", for_people(&said)));
}

/// Prints JSON, or what may be JSON, on stdout: all of it.
pub fn data(said: impl Display) {
    let said = said.to_string();
    write(&mut io::stdout().lock(), |out| writeln!(out, "{}", printable_json(&redact_json(&said))));
}

/// Writes to stdout. Ends the program when nobody reads it any more, or it cannot be written.
pub fn write(out: &mut impl Write, what: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    let Err(error) = what(out) else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    aside(format_args!("error: stdout cannot be written: {error}\n"));
    std::process::exit(1);
}

/// Prints on stderr, for people.
pub fn aside(said: Arguments<'_>) {
    styled(&for_people(&said.to_string()));
}

/// Prints on stderr what may hold colours of ours, and no text that was not made printable.
pub fn styled(said: &str) {
    // What nobody reads is no reason to end.
    let _ = io::stderr().lock().write_all(redact(said).as_bytes());
}

/// A fact of a run as a line on stdout, which was masked when it was made; the run goes on when nobody reads it.
pub fn event(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{}", printable_json(text));
}

/// Text for people: masked before it is cut, as a part of a secret would not be found.
pub fn for_people(said: &str) -> String {
    printable_lines(&cut_words(&redact(said), SHOWN)).into_owned()
}

/// The same on one line: an error may hold words of a stranger.
pub fn on_a_line(said: &str) -> String {
    printable(&cut_words(&redact(said), SHOWN)).into_owned()
}

/// A value of a site on one line, as much of it as a person reads.
pub fn shown(value: &str) -> String {
    let mut begin = redact_start(value, SHOWN);
    if begin.chars().count() == SHOWN && value.chars().count() > SHOWN {
        begin.push('…');
    }
    printable(&begin).into_owned()
}

/// A number with its word: `1 offer`, `2 offers`.
pub fn counted(number: impl Into<u64>, one: &str) -> String {
    let number = number.into();
    match (number, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {one}s"),
    }
}

/// An error and its causes; a cause that is in what was said already is not said twice.
pub fn causes(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said += &format!(": {cause}");
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_word() {
        let check = |number: u64, one: &str, expect: &str| assert_eq!(counted(number, one), expect);
        check(1, "finding", "1 finding");
        check(0, "finding", "0 findings");
        check(2, "entry", "2 entries");
    }

    #[test]
    fn a_cause_is_said_once() {
        let inner = io::Error::other("no room");
        let error = anyhow::Error::new(inner).context("a: no room").context("b");
        assert_eq!(causes(&error), "b: a: no room");
    }
}
