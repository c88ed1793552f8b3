//! The generated files of `docs/reference/` are those that the declarations give. `JOBMARKET_BLESS=1` writes them again.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::Path;

use jobmarket::definition::{self, reference};
use jobmarket::files;

#[test]
fn generated_files_are_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (definitions, _) = definition::read(&files::project(root).unwrap());
    let folder = root.join("docs/reference");
    let bless = std::env::var_os("JOBMARKET_BLESS").is_some();
    if bless {
        fs::create_dir_all(&folder).unwrap();
    }
    for (name, text) in reference::files(&definitions.schema) {
        let path = folder.join(&name);
        if bless {
            fs::write(&path, &text).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "docs/reference/{name} is stale: JOBMARKET_BLESS=1 cargo test --test reference");
    }
}

#[test]
fn every_key_has_a_meaning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (definitions, _) = definition::read(&files::project(root).unwrap());
    let keys = reference::keys(&definitions.schema);
    let silent: Vec<&str> = keys.iter().filter(|key| key.doc.is_empty()).map(|key| key.path.as_str()).collect();
    assert_eq!(silent, Vec::<&str>::new());
    let found = |path: &str| keys.iter().any(|key| key.path == path);
    for path in [
        "pages.offset.size",
        "auth.oauth2.token_url",
        "windows.split.above",
        "detail.on_error",
        "request.get",
        "pipelines[].schedule.cron",
        "for.NAME.call.batch",
        "limits.learn.as",
    ] {
        assert!(found(path), "{path}: {:#?}", keys.iter().map(|key| &key.path).collect::<Vec<_>>());
    }
}
