//! What surrounds the project: `$CREDENTIALS_DIRECTORY`, the variables of the environment, and `.env`.
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use jobmarket::definition::dotenv;
use jobmarket::files;
use jobmarket::finding::{Finding, Place};
use jobmarket::plan::Surroundings;

/// A name and its value, or why that cannot be read.
type Given = (String, Result<String, String>);

/// `$CREDENTIALS_DIRECTORY/NAME`, then the environment, then `.env`, and what is wrong with them. What stands in the first
/// and cannot be read is not looked for in the others.
pub fn read(project: &Path) -> (Surroundings, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut values = match std::env::var_os("CREDENTIALS_DIRECTORY") {
        Some(folder) if !folder.is_empty() => credentials(Path::new(&folder), &mut findings),
        _ => Vec::new(),
    };
    values.extend(std::env::vars_os().filter_map(variable));
    values.extend(env_file(&project.join(dotenv::PATH), &mut findings));
    (Surroundings::read(values), findings)
}

fn variable((name, value): (OsString, OsString)) -> Option<Given> {
    let value = value.into_string().map_err(|_| "the variable of the environment is not UTF-8 text".to_owned());
    Some((name.into_string().ok()?, value))
}

/// The files of a folder whose names are those of variables; one line end behind a value does not belong to it.
fn credentials(folder: &Path, findings: &mut Vec<Finding>) -> Vec<Given> {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = entries.unwrap_or_else(|error| {
        let message = format!("the folder $CREDENTIALS_DIRECTORY cannot be read: {error}");
        findings.push(unreadable(&folder.display().to_string(), message, "is it open to this user?"));
        Vec::new()
    });
    // A credential may be open to a group: systemd and others hand them out so.
    findings.extend(entries.iter().find_map(|entry| mode(&entry.path(), 0o037)));
    let named = entries.into_iter().filter_map(|entry| {
        let name = entry.file_name().into_string().ok().filter(|name| is_name(name))?;
        let text = files::contents(&entry.path(), files::TEXT).map_err(|error| error.to_string());
        let text = text.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned()));
        let value = text.map(|text| text.strip_suffix('\n').map_or(text.as_str(), trim_return).to_owned());
        Some((name, value.map_err(|why| format!("{}: {why}", entry.path().display()))))
    });
    named.collect()
}

fn trim_return(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|sign| sign.is_ascii_alphanumeric() || sign == b'_')
}

fn env_file(path: &Path, findings: &mut Vec<Finding>) -> Vec<Given> {
    match files::contents(path, files::TEXT) {
        Ok(bytes) => {
            let (values, found) = dotenv::read(&bytes);
            findings.extend(found);
            findings.extend(mode(path, 0o077));
            values.into_iter().map(|(name, value)| (name, Ok(value))).collect()
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let hint = "it is a file with a `NAME=VALUE` on each line, open to this user";
            findings.push(unreadable(dotenv::PATH, format!("it cannot be read: {error}"), hint));
            Vec::new()
        }
    }
}

/// A warning where others may read or write a file or folder, of the rights that matter.
pub fn mode(path: &Path, matter: u32) -> Option<Finding> {
    let mode = files::open_to_others(path, matter)?;
    let place = Place { file: path.display().to_string(), line: 1, column: 1, bytes: 0..0 };
    let finding = Finding::warning("mode", place, format!("{} is open to other users (mode {mode})", path.display()));
    // A link is followed by `chmod`: what it would change is named.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let shown = if path.is_symlink() { real.display() } else { path.display() };
    Some(finding.hint(format!("chmod -R go= {shown}")))
}

fn unreadable(path: &str, message: String, hint: &str) -> Finding {
    let place = Place { file: path.to_owned(), line: 1, column: 1, bytes: 0..0 };
    Finding::error("unreadable", place, message).hint(hint)
}
