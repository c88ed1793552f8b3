//! Bodies made at random, and bodies made to take long.
use std::time::{Duration, Instant};

use super::tests::{once, twice};
use super::*;

/// Texts of JSON: the same ones in each run.
struct Random(fastrand::Rng);

impl Random {
    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.usize(..choices.len())]
    }

    fn value(&mut self, depth: u32, out: &mut String) {
        *out += self.one_of(&["", "", "", " ", "\n", "\t ", "\r\n"]);
        match self.0.u32(..if depth == 0 { 6 } else { 9 }) {
            0 => *out += self.one_of(&["null", "true", "false"]),
            1 | 2 => self.number(out),
            3..=5 => self.text(out),
            kind => {
                let (open, close) = if kind == 6 { ('[', ']') } else { ('{', '}') };
                out.push(open);
                for index in 0..self.0.u32(..5) {
                    *out += if index > 0 { "," } else { "" };
                    if kind > 6 {
                        self.name(out);
                    }
                    self.value(depth - 1, out);
                }
                out.push(close);
            }
        }
        *out += self.one_of(&["", "", " ", "\n"]);
    }

    fn name(&mut self, out: &mut String) {
        match self.0.bool() {
            true => *out += self.one_of(&["\"r\"", "\"a\"", "\"r\" ", "\"\""]),
            false => self.text(out),
        }
        out.push(':');
    }

    fn number(&mut self, out: &mut String) {
        *out += self.one_of(&["0", "-0", "7", "9223372036854775807", "9223372036854775808", "12345678901234567890123"]);
        *out += self.one_of(&["", "", ".0", ".50", ".123456789012345678901"]);
        *out += self.one_of(&["", "", "", "e0", "E+5", "e-400", "e200"]);
    }

    fn text(&mut self, out: &mut String) {
        let pieces =
            ["a", "é", "😀", "},{", "]", "[{", ",", ":", "\\\"", "\\\\", "\\n", "\\u00e9", "\\ud83d\\ude00", "}]"];
        out.push('"');
        for _ in 0..self.0.u32(..5) {
            *out += self.one_of(&pieces);
        }
        out.push('"');
    }

    /// The same text with one or two faults.
    fn broken(&mut self, body: &str) -> String {
        let mut signs: Vec<char> = body.chars().collect();
        for _ in 0..self.0.usize(1..3) {
            let at = self.0.usize(..signs.len());
            let sign =
                self.one_of(&['"', '\\', '{', '}', '[', ']', ',', ':', '1', 'e', 'x', '\0', '\t', 'é', '-', '.']);
            match self.0.u32(..4) {
                0 => signs[at] = sign,
                1 => signs.insert(at, sign),
                2 if signs.len() > 1 => drop(signs.remove(at)),
                _ => signs.truncate(at.max(1)),
            }
        }
        signs.into_iter().collect()
    }
}

/// What another reader accepts is read as that one reads it, wherever the records are, and nothing is noted.
fn check(body: &str) {
    let text = Text::from(body);
    let other = serde_json::from_str::<Tree<'_>>(body);
    for names in [None, Some(&["r"][..]), Some(&[][..])] {
        let (read, Ok(other)) = (json(&text, names), &other) else { continue };
        let read = read.unwrap_or_else(|error| panic!("{body}: {error}"));
        assert!(read.unread.is_empty() && read.notes.is_empty(), "{body}: {:?} {:?}", read.unread, read.notes);
        assert!(are_alike(&read.body, other), "{body}: {} {other}", read.body);
    }
    for names in [&[][..], &["r"], &["r", "a"]] {
        assert_eq!(once(body, names), twice(body, names), "{body}");
    }
}

/// Equal, where the other one holds a number that was rounded.
fn are_alike(one: &Tree<'_>, other: &Tree<'_>) -> bool {
    match (one, other) {
        (Tree::Number(_), Tree::Float(other)) => {
            one.as_f64().is_some_and(|one| (one - other).abs() <= other.abs() * 1e-15)
        }
        (Tree::List(one), Tree::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| are_alike(one, other))
        }
        (Tree::Object(one), Tree::Object(other)) => {
            let alike =
                |(one, other): (&(_, Tree<'_>), &(_, Tree<'_>))| one.0 == other.0 && are_alike(&one.1, &other.1);
            one.len() == other.len() && one.iter().zip(other).all(alike)
        }
        _ => one == other,
    }
}

#[test]
fn what_another_reader_accepts_is_read_the_same() {
    let mut random = Random(fastrand::Rng::with_seed(11));
    for _ in 0..5_000 {
        let mut body = String::new();
        random.value(5, &mut body);
        check(&body);
        check(&random.broken(&body));
    }
}

/// Bodies of about `n` bytes, each of one thing again and again.
fn shapes(n: usize) -> Vec<String> {
    let list = |row: &str| format!("{{\"r\":[{}1]}}", row.repeat(n / row.len()));
    vec![
        "[".repeat(n),
        "{\"r\":".repeat(n / 5),
        // Quotes that are escaped behind one that ends nothing.
        format!("{{\"r\":[{{\"a\":\"{}", "}\\\"".repeat(n / 3)),
        format!("{{\"r\":[{}\"{}\"]}}", "[{".repeat(30_000), "}]\\\"".repeat(n / 4)),
        // Brackets that close nothing inside many that are open.
        format!("{{\"r\":[x{}{}]}}", "[".repeat(60_000), "}".repeat(n)),
        // What is noted of each text, under a name that is long.
        format!("{{\"r\":[{{\"{}\":[{}1]}}]}}", "n".repeat(n / 2), "\"\t\",".repeat(n / 8)),
        list("x,"),
        list("\"\t\","),
        list("{\"a\":\"5\" x\"},"),
        list("{\"a\":\"b},"),
        list("{'a':'b'},"),
        format!("{{\"r\":[{}]}}", "\"".repeat(n)),
        format!("{{\"r\":[x\"{}", "\\".repeat(n)),
        format!("{{\"r\":[{}]}}", "1".repeat(n)),
        format!("{}[{}1]{}", "{\"a\":".repeat(120), "{\"a\":x},".repeat(n / 8), "}".repeat(120)),
        format!("{{{}\"r\":[]}}", "\"r\":[],".repeat(n / 7)),
    ]
}

#[test]
#[allow(clippy::disallowed_methods)]
fn no_shape_takes_longer_than_its_length() {
    for body in shapes(1 << 19) {
        let (text, start) = (Text::from(&*body), Instant::now());
        let notes = |names| json(&text, names).map_or(0, |read| read.notes.iter().map(|note| note.path.len()).sum());
        let noted: usize = notes(None) + notes(Some(&["r"]));
        is_cut(body.as_bytes());
        // A reader that looks at each byte again for each byte takes minutes.
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}: {}", start.elapsed(), &body[..40]);
        assert!(noted <= 8 * body.len(), "{noted}: {}", &body[..40]);
    }
}
