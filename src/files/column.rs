//! `for.file`: a column of a list that belongs to the project. What the file holds is in no message: it may be another one
//! than was meant.
use std::fs;
use std::io;
use std::path::Path;

use super::read::contents;
use super::{FileError, fault};
use crate::definition::partition::is_of_project;
use crate::scalar::nearest;

/// Most bytes of a list.
const LARGEST: u64 = 16 << 20;
/// Most values of a list: each is asked for by itself.
const MOST: usize = 1_000_000;

/// The values of a column of a CSV file with a header line, RFC 4180; empty ones are left out. The path is relative to the
/// project's folder.
pub fn column(project: &Path, path: &str, name: &str) -> Result<Vec<String>, FileError> {
    let shown = project.join(path);
    read(project, Path::new(path), name).map_err(fault(&shown))
}

fn read(project: &Path, path: &Path, name: &str) -> io::Result<Vec<String>> {
    let bad = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
    if !is_of_project(path) {
        return Err(io::Error::other("a list is a file of the project, named by its way from the project's folder"));
    }
    let real = fs::canonicalize(project.join(path))?;
    if real.strip_prefix(fs::canonicalize(project)?).map_or(true, is_hidden) {
        return Err(io::Error::other("a link leads to it that ends outside of the project's lists"));
    }
    let bytes = contents(&real, LARGEST)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(&bytes[..]);
    let headers = reader.headers().map_err(|error| bad(told(&error)))?.clone();
    let Some(index) = headers.iter().position(|header| header == name) else {
        let near = nearest(name, headers.iter());
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(bad(format!("there is no column `{name}` among the {} of its first line{near}", headers.len())));
    };
    let mut values = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| bad(told(&error)))?;
        values.extend(row.get(index).filter(|value| !value.is_empty()).map(str::to_owned));
        if values.len() > MOST {
            return Err(bad(format!("it has more than {MOST} values")));
        }
    }
    Ok(values)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// What is wrong with the file, without what it holds.
fn told(error: &csv::Error) -> String {
    let line = error.position().map_or_else(String::new, |at| format!("line {}: ", at.line()));
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => format!("{line}it is not UTF-8 text"),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{line}{len} columns where the first line has {expected_len}")
        }
        _ => format!("{line}it cannot be read as CSV"),
    }
}
