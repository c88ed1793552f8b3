//! Planted secrets are looked for in everything that was written: files, unpacked archives, outputs.
use std::path::Path;

use crate::project::API_KEY;
use crate::verdict::{Verdict, Wrong};

/// Looks into a data directory and an output; `tokens` are those that the site gave.
pub fn look(data: &Path, said: &[String], tokens: &[String], verdict: &mut Verdict) {
    let fixed = [sandbox::CLIENT_SECRET, API_KEY];
    let secrets: Vec<&str> = fixed.into_iter().chain(tokens.iter().map(String::as_str)).collect();
    for text in said {
        in_bytes("an output", text.as_bytes(), &secrets, verdict);
    }
    folder(data, &secrets, verdict);
}

fn folder(path: &Path, secrets: &[&str], verdict: &mut Verdict) {
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            folder(&path, secrets, verdict);
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let name = path.display().to_string();
        in_bytes(&name, &bytes, secrets, verdict);
        if name.ends_with(".zst") {
            // A frame that a crash tore ends what can be read.
            let mut plain = Vec::new();
            let _ = zstd::stream::copy_decode(&bytes[..], &mut plain);
            in_bytes(&name, &plain, secrets, verdict);
        }
    }
}

fn in_bytes(name: &str, bytes: &[u8], secrets: &[&str], verdict: &mut Verdict) {
    let text = String::from_utf8_lossy(bytes);
    for secret in secrets.iter().filter(|secret| text.contains(**secret)) {
        verdict.add(Wrong::Leak, format!("{}… is in {name}", &secret[..6.min(secret.len())]));
    }
}
