//! What surrounds a project: variables, credentials and `.env` that are no text, no files, or have no end.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::process::Command;

const SOURCE: &str = "source: x\nauth: {bearer: '${secret.TOKEN}'}\nrequest: {get: 'http://127.0.0.1:9/', headers: {A: '${env.PLAIN}'}}\nrecords: $.jobs[*]\nkey: $.id\nmap: {title: $.title, url: $.url}\n";
const PROXIES: [&str; 8] =
    ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];
const NOT_TEXT: &[u8] = b"caf\xe9";

/// A project with one source that needs a secret, and reads a variable.
fn project() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mappings/offer.yaml");
    for folder in ["sources", "mappings", "creds"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
    }
    std::fs::copy(shipped, dir.path().join("mappings/offer.yaml")).unwrap();
    std::fs::write(dir.path().join("sources/x.yaml"), SOURCE).unwrap();
    std::fs::write(dir.path().join("pipelines.yaml"), "pipelines: [{name: all, sources: [x]}]\n").unwrap();
    dir
}

/// Exit code and stderr of a command, which must end.
async fn say(dir: &Path, words: &[&str], env: &[(&str, &[u8])]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobmarket"));
    for name in ["INGEST_OUTPUT_DIR", "CREDENTIALS_DIRECTORY", "TOKEN", "PLAIN"].into_iter().chain(PROXIES) {
        command.env_remove(name);
    }
    command.envs(env.iter().map(|(name, value)| (name, OsStr::from_bytes(value))));
    command.current_dir(dir).args(words).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{words:?} has not ended")).unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn fifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[tokio::test]
async fn a_variable_that_is_no_text_is_named_where_it_is_needed_and_nowhere_else() {
    let dir = project();
    std::fs::write(dir.path().join(".env"), "TOKEN=another-value\n").unwrap();
    let (code, err) = say(dir.path(), &["run"], &[("TOKEN", NOT_TEXT)]).await;
    let why = "the secret `TOKEN` cannot be read: the variable of the environment is not UTF-8 text";
    assert!(code == 1 && err.contains(why), "{code}: {err}");
    let (code, err) = say(dir.path(), &["check"], &[("PLAIN", NOT_TEXT)]).await;
    assert!(code == 1 && err.contains("`PLAIN` cannot be read"), "{code}: {err}");
    let (code, err) = say(dir.path(), &["run"], &[("INGEST_OUTPUT_DIR", NOT_TEXT)]).await;
    assert!(code == 1 && err.contains("`INGEST_OUTPUT_DIR` cannot be read"), "{code}: {err}");
    assert!(!dir.path().join("data").exists());
    let (code, err) = say(dir.path(), &["check"], &[("OTHER", NOT_TEXT)]).await;
    assert!(code == 0, "{code}: {err}");
}

#[tokio::test]
async fn a_file_without_an_end_ends_no_command() {
    let dir = project();
    fifo(&dir.path().join(".env"));
    for words in [&["check"][..], &["run"], &["status"]] {
        let (_, err) = say(dir.path(), words, &[]).await;
        assert!(err.contains("it is no file, but a pipe or a device"), "{words:?}: {err}");
    }
    std::fs::remove_file(dir.path().join(".env")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", dir.path().join(".env")).unwrap();
    let (code, err) = say(dir.path(), &["check"], &[]).await;
    assert!(code == 1 && err.contains("it is no file, but a pipe or a device"), "{code}: {err}");
}

#[tokio::test]
async fn a_credential_that_cannot_be_read_is_no_other_value() {
    let dir = project();
    let creds: (&str, &[u8]) = ("CREDENTIALS_DIRECTORY", b"creds");
    let token: (&str, &[u8]) = ("TOKEN", b"another-value");
    fifo(&dir.path().join("creds/TOKEN"));
    let (code, err) = say(dir.path(), &["run"], &[creds, token]).await;
    assert!(code == 1 && err.contains("creds/TOKEN: it is no file"), "{code}: {err}");
    std::fs::remove_file(dir.path().join("creds/TOKEN")).unwrap();
    std::fs::write(dir.path().join("creds/TOKEN"), NOT_TEXT).unwrap();
    let (code, err) = say(dir.path(), &["try", "x"], &[creds, token]).await;
    assert!(code == 1 && err.contains("creds/TOKEN: it is not UTF-8 text"), "{code}: {err}");
    // What no source needs is nobody's fault.
    std::fs::write(dir.path().join("creds/TOKEN"), "t0ken\n").unwrap();
    std::fs::write(dir.path().join("creds/OTHER"), NOT_TEXT).unwrap();
    let (code, err) = say(dir.path(), &["check"], &[creds]).await;
    assert!(code == 0, "{code}: {err}");
    let (code, err) = say(dir.path(), &["run"], &[("CREDENTIALS_DIRECTORY", b"gone"), token]).await;
    assert!(code == 1 && err.contains("$CREDENTIALS_DIRECTORY cannot be read"), "{code}: {err}");
}

/// A proxy that refuses everything, and counts who comes.
fn proxy() -> (String, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, count) = (format!("http://{}", listener.local_addr().unwrap()), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(b"HTTP/1.1 502 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (url, count)
}

#[tokio::test]
async fn a_proxy_never_sees_a_credential_that_is_not_encrypted() {
    let dir = project();
    let oauth2 =
        "auth: {oauth2: {token_url: 'http://id.example/token', client_id: i, client_secret: '${secret.TOKEN}'}}";
    let key = |place: &str| format!("auth: {{key: {{{place}: {{sid: '${{secret.TOKEN}}'}}}}}}");
    for variable in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        let (url, count) = proxy();
        let asked = async |auth: &str, site: &str| {
            let more =
                "limits: {retry: {attempts: 1}}\nrecords: $.jobs[*]\nkey: $.id\nmap: {title: $.title, url: $.url}\n";
            let text = format!("source: x\n{auth}\nrequest: {{get: '{site}'}}\n{more}");
            std::fs::write(dir.path().join("sources/x.yaml"), text).unwrap();
            let (_, err) = say(dir.path(), &["run"], &[("TOKEN", b"CANARY12345"), (variable, url.as_bytes())]).await;
            (count.swap(0, Ordering::SeqCst), err)
        };
        let auths = ["auth: {bearer: '${secret.TOKEN}'}".to_owned(), oauth2.to_owned(), key("header"), key("query")];
        for auth in auths {
            let (count, err) = asked(&auth, "http://jobs.example/list").await;
            assert_eq!(count, 0, "{variable} {auth}: {err}");
        }
        let (count, err) = asked("", "http://jobs.example/list").await;
        assert!(count > 0, "who shows nothing goes through {variable}: {err}");
        let (count, err) = asked("", "http://127.0.0.1:9/list").await;
        assert_eq!(count, 0, "{variable} for this machine: {err}");
    }
}
