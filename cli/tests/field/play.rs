//! Plays a case: its site on loopback, its project in a folder of its own, the program on it.
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use libtest_mimic::Failed;
use sandbox::scripted::Scripted;
use tokio::process::Command;

use crate::case::Case;
use crate::transcript::{Normal, offers, requests};

/// A command that has not ended by then is a failure.
const LIMIT: Duration = Duration::from_secs(120);

/// The transcript of a case.
pub async fn play(case: &Case) -> Result<String, Failed> {
    let site = Scripted::start(case.site.clone()).await?;
    let folder = tempfile::tempdir()?;
    write_project(case, &site, folder.path())?;
    let normal = Normal::new(&site, folder.path(), &case.replace)?;
    let mut out = String::new();
    for line in &case.play {
        if let Some(day) = line.strip_prefix("day ") {
            site.set_day(day.parse().map_err(|_| format!("`{line}`: a number was expected"))?);
            out += &format!("-- day {day}\n");
            continue;
        }
        if let Some((path, text)) = line.strip_prefix("write ").and_then(|step| step.split_once(" = ")) {
            std::fs::write(folder.path().join(path), text)?;
            out += &format!("-- {path}: {text}\n");
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let (code, text, said) = run(case, folder.path(), &words).await?;
        out += &format!("$ jobmarket {line}\n{}", normal.lines("", &text));
        out += &normal.lines("! ", &said);
        out += &format!("[exit {code}]\n{}", normal.lines("", &requests(&site.take_exchanges(), &case.requests)));
    }
    if let Some(fault) = site.faults().first() {
        return Err(format!("the site's rules: {fault}").into());
    }
    let (_, exported, _) = run(case, folder.path(), &["export", "--closed"]).await?;
    Ok(out + &normal.lines("", &offers(&exported, &case.fields)))
}

async fn run(case: &Case, folder: &Path, words: &[&str]) -> Result<(i32, String, String), Failed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobmarket"));
    command.current_dir(folder).args(words).stdin(Stdio::null()).kill_on_drop(true);
    for name in
        ["INGEST_OUTPUT_DIR", "CREDENTIALS_DIRECTORY", "FT_API_CLIENT_ID", "FT_API_CLIENT_SECRET", "ELASTICSEARCH_URL"]
    {
        command.env_remove(name);
    }
    command.envs(&case.env);
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    let output = output.map_err(|_| format!("`{}` has not ended after {} s", words.join(" "), LIMIT.as_secs()))??;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr)))
}

/// The shipped schema and lookups, and the files of the case.
fn write_project(case: &Case, site: &Scripted, folder: &Path) -> Result<(), Failed> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mappings");
    std::fs::create_dir_all(folder.join("sources"))?;
    std::fs::create_dir_all(folder.join("mappings/lookups"))?;
    std::fs::copy(shipped.join("offer.yaml"), folder.join("mappings/offer.yaml"))?;
    for entry in std::fs::read_dir(shipped.join("lookups"))? {
        let path = entry?.path();
        std::fs::copy(&path, folder.join("mappings/lookups").join(path.file_name().unwrap_or_default()))?;
    }
    let usual = "store: local\npipelines:\n  - {name: all, sources: [x]}\n";
    let mut files = vec![("pipelines.yaml", case.pipelines.clone().unwrap_or_else(|| usual.to_owned()))];
    files.extend(case.source.iter().map(|text| ("sources/x.yaml", format!("source: x\n{text}"))));
    files.extend(case.files.iter().map(|(path, text)| (path.as_str(), text.clone())));
    for (path, text) in files {
        let text = text.replace("{site}", &format!("http://{}", site.site));
        let text = text.replace("{other}", &format!("http://{}", site.other));
        let bytes = match text.strip_prefix("latin1:") {
            Some(text) => text.chars().map(|sign| u8::try_from(u32::from(sign))).collect::<Result<_, _>>()?,
            None => text.into_bytes(),
        };
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(path, bytes)?;
    }
    Ok(())
}
