//! The table of messages in `docs/elasticsearch.md`: what each row says that is printed, and what it says to do.
use std::path::Path;

use regex::Regex;

/// Advice that fits some cases alone: it is printed only where the row gives it.
const ADVICE: [&str; 4] = ["is it running", "what its role may do", "free space", "lift the block"];

/// A row.
pub struct Row {
    /// The message as it is written in the table.
    pub message: String,
    /// What is printed of it, in order: `…` stands for anything.
    words: Vec<String>,
    /// What the last column says.
    remedy: String,
    /// The calls that it names; a word in capitals stands for a name.
    calls: Vec<Regex>,
}

impl Row {
    /// All rows of the table.
    pub fn all() -> Vec<Row> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/elasticsearch.md");
        let text = std::fs::read_to_string(path).unwrap();
        let table = text.split("## Messages, and what to do\n").nth(1).unwrap();
        // A title and a line under it stand before the rows.
        table.lines().filter(|line| line.starts_with('|')).skip(2).map(Self::parse).collect()
    }

    fn parse(line: &str) -> Row {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [message, _, remedy] = cells[..] else { panic!("a row has three columns: {line}") };
        let spans = spans(message);
        assert!(!spans.is_empty(), "what is printed stands between backticks: {line}");
        let words = spans.iter().flat_map(|span| span.split('…')).map(|part| part.trim().to_owned());
        let words = words.filter(|part| !part.is_empty()).collect();
        let calls = spans_that_call(remedy).map(|call| pattern(&call)).collect();
        Row { message: spans.join(" "), words, remedy: remedy.to_owned(), calls }
    }

    /// Whether a text holds the message.
    pub fn is_in(&self, said: &str) -> bool {
        self.words.iter().try_fold(said, |rest, part| rest.split_once(part.as_str()).map(|(_, rest)| rest)).is_some()
    }

    /// What is wrong with a text that should show the message and what to do.
    pub fn faults(&self, said: &str) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.is_in(said) {
            return vec!["does not say it".to_owned()];
        }
        faults.extend(self.calls.iter().filter(|call| !call.is_match(said)).map(|call| format!("lacks `{call}`")));
        let foreign = ADVICE.iter().filter(|advice| said.contains(**advice) && !self.remedy.contains(**advice));
        faults.extend(foreign.map(|advice| format!("gives advice of another case: {advice}")));
        let calls = spans_that_call(said).filter(|call| !call.starts_with("jobmarket"));
        let foreign = calls.filter(|call| !self.calls.iter().any(|own| own.is_match(call)));
        faults.extend(foreign.map(|call| format!("gives a call that the row does not name: {call}")));
        faults
    }
}

/// What stands between backticks: as many at its end as at its beginning.
fn spans(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        let (fence, inner) = rest[start..].split_at(ticks);
        let Some(end) = inner.find(fence) else { break };
        found.push(inner[..end].trim().to_owned());
        rest = &inner[end + ticks..];
    }
    found
}

/// The calls of a text: commands of the program, and requests to the server.
fn spans_that_call(text: &str) -> impl Iterator<Item = String> {
    let is_call = |span: &String| {
        let first = span.split(' ').next().unwrap_or_default();
        span.contains(' ') && ["jobmarket", "GET", "PUT", "POST", "DELETE"].contains(&first)
    };
    spans(text).into_iter().filter(is_call)
}

/// A call as it is printed, with names for its words in capitals.
fn pattern(call: &str) -> Regex {
    let mut parts = call.split(' ');
    let verb = regex::escape(parts.next().unwrap_or_default());
    let capitals = Regex::new("[A-Z]{3,}").unwrap();
    let rest = parts.map(|part| capitals.replace_all(&regex::escape(part), r"\S+").into_owned());
    Regex::new(&[vec![verb], rest.collect()].concat().join(" ")).unwrap()
}

#[test]
fn a_row_is_read_with_its_words_and_its_calls() {
    let row = Row::parse(
        "| `` the `x` of … is `` and `wrong` | it is | `POST INDEX/_open`, `other`, then `jobmarket run SOURCE` |",
    );
    assert_eq!(row.words, ["the `x` of", "is", "wrong"]);
    assert!(row.is_in("the `x` of a is wrong") && !row.is_in("wrong is the `x` of a"));
    assert_eq!(row.faults("the `x` of a is wrong: `POST a-1/_open`, `jobmarket run b`"), Vec::<String>::new());
    let faults = row.faults("the `x` of a is wrong: `POST a/_open`, `DELETE a`; is it running?").join(", ");
    assert_eq!(
        faults,
        "lacks `jobmarket run \\S+`, gives advice of another case: is it running, gives a call that the row does not \
         name: DELETE a"
    );
}
