//! The text of a transcript: what differs from run to run is replaced, what the site saw and the store holds is listed.
use std::path::Path;

use libtest_mimic::Failed;
use regex::{Captures, Regex};
use sandbox::scripted::{Exchange, Scripted};
use serde_json::Value;

/// Lines of a list that are shown.
const SHOWN: usize = 24;

/// Replaces what differs from run to run.
pub struct Normal {
    rules: Vec<(Regex, String)>,
    words: Vec<(String, String)>,
    now: Regex,
}

impl Normal {
    pub fn new(site: &Scripted, folder: &Path, own: &[(String, String)]) -> Result<Self, Failed> {
        let usual = [
            (r"\b\d{18}(:\d+ )", "<page>$1"),
            (r"\b\d+\.\d s\b", "<time>"),
            (r"\b\d+ records/s", "<rate> records/s"),
            (r"\d+\.\d MB\b", "<size> MB"),
        ];
        let usual = usual.map(|(pattern, text)| (pattern.to_owned(), text.to_owned()));
        let rule = |(pattern, text): &(String, String)| Regex::new(pattern).map(|regex| (regex, text.clone()));
        let rules = usual.iter().chain(own).map(rule).collect::<Result<_, _>>()?;
        let words = vec![
            (format!("http://{}", site.site), "{site}".to_owned()),
            (format!("http://{}", site.other), "{other}".to_owned()),
            (site.site.to_string(), "{site address}".to_owned()),
            (site.other.to_string(), "{other address}".to_owned()),
            (folder.display().to_string(), "{project}".to_owned()),
        ];
        // Instants of the last and the next days come from the clock; those of a case are older.
        let now = Regex::new(r"(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z| UTC|\+00:00)?")?;
        Ok(Normal { rules, words, now })
    }

    /// Text line by line, each behind a mark.
    pub fn lines(&self, mark: &str, text: &str) -> String {
        let mut text = text.to_owned();
        for (word, stands) in &self.words {
            text = text.replace(word, stands);
        }
        let today = chrono::Utc::now().date_naive();
        let clock = |found: &Captures<'_>| match found[1].parse::<chrono::NaiveDate>() {
            Ok(date) if (date - today).num_days().abs() <= 2 => "<now>".to_owned(),
            _ => found[0].to_owned(),
        };
        text = self.now.replace_all(&text, clock).into_owned();
        for (regex, stands) in &self.rules {
            text = regex.replace_all(&text, stands.as_str()).into_owned();
        }
        text.lines().map(|line| format!("{mark}{line}").trim_end().to_owned() + "\n").collect()
    }
}

/// The requests that the site answered, one a line.
pub fn requests(exchanges: &[Exchange], show: &[String]) -> String {
    let lines: Vec<String> = exchanges.iter().map(|exchange| request(exchange, show)).collect();
    listed("requests", &lines)
}

fn request(exchange: &Exchange, show: &[String]) -> String {
    let host = if exchange.host == "site" { "" } else { " at {other}" };
    let mut line = format!("{} {}{host} -> {}", exchange.method, exchange.target, exchange.status);
    for name in show {
        match name.as_str() {
            "body" if exchange.body.is_empty() => {}
            "body" => line += &format!(" | {}", exchange.body),
            name => line += &exchange.headers.get(name).map_or(String::new(), |value| format!(" | {name}: {value}")),
        }
    }
    line
}

/// The stored offers, one a line: key, title, whether it is closed, and fields.
pub fn offers(exported: &str, fields: &[String]) -> String {
    let mut documents: Vec<Value> = exported.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    documents.sort_by_cached_key(|document| {
        let key = document["source_id"].as_str().unwrap_or_default().to_owned();
        (key.len(), key)
    });
    let lines: Vec<String> = documents.iter().map(|document| offer(document, fields)).collect();
    let closed = documents.iter().filter(|document| !document["closed_at"].is_null()).count();
    listed(&format!("stored ({closed} closed)"), &lines)
}

fn offer(document: &Value, fields: &[String]) -> String {
    let mut line = format!("{} | {}", text(&document["source_id"]), text(&document["title"]));
    if !document["closed_at"].is_null() {
        line += &format!(" | closed: {}", text(&document["closed_reason"]));
    }
    for field in fields {
        let value = field.split('.').fold(document, |value, name| &value[name]);
        line += &format!(" | {field}: {}", text(value));
    }
    line
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn listed(what: &str, lines: &[String]) -> String {
    let mut out = format!("{what}: {}\n", lines.len());
    lines.iter().take(SHOWN).for_each(|line| out += &format!("  {line}\n"));
    if lines.len() > SHOWN {
        out += &format!("  … and {} more\n", lines.len() - SHOWN);
    }
    out
}

/// Both texts, line by line: `-` expected, `+` found.
pub fn difference(expected: &str, found: &str) -> String {
    let mut out = String::from("the transcript differs (- expected, + found)\n");
    for change in similar::TextDiff::from_lines(expected, found).iter_all_changes() {
        out += &format!("{}{change}", change.tag());
    }
    out
}
