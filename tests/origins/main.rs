//! Where requests go, and who asks: no credential leaves the origins that the files name, and no answer leads into a
//! network that is not public.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod credentials;
mod networks;
mod site;

use std::path::Path;
use std::sync::Arc;

use jobmarket::definition::{self, Text};
use jobmarket::event::Event;
use jobmarket::finding::any_error;
use jobmarket::plan::{Ask, Origins, Surroundings, compile};
use jobmarket::run::{Engine, run};
use tokio::sync::mpsc::unbounded_channel;

/// What the secret `K` is.
const CANARY: &str = "CANARYkey12345";

/// A source, as one text of the parts that a case gives.
fn source(parts: &str) -> String {
    format!(
        "source: s\n{parts}\nlimits: {{rate: 1000/s, parallel: 1, timeout: 5s, retry: {{attempts: 1}}}}\n\
         records: $.rows[*]\nkey: $.id\nmap: {{title: $.title, url: $.url}}\n"
    )
}

/// Runs a source; what was said of it: findings, or the words of the run.
async fn play(parts: &str, origins: &[(String, String)]) -> String {
    let offer = include_str!("../../mappings/offer.yaml").to_owned();
    let texts = [
        Text { path: "sources/s.yaml".into(), text: source(parts) },
        Text { path: "mappings/offer.yaml".into(), text: offer },
    ];
    let (definitions, findings) = definition::read(&texts);
    if any_error(&findings) {
        return format!("refused by check: {findings:?}");
    }
    let mut given = Origins::default();
    origins.iter().for_each(|(from, to)| given.add(from, to, None).unwrap());
    let surroundings = Surroundings::new([("K".to_owned(), CANARY.to_owned())]);
    let plan = match compile(&definitions, Ask { source: "s", pipeline: None, origins: given }, &surroundings) {
        Ok(plan) => plan,
        Err(findings) => return format!("refused by the plan: {findings:?}"),
    };
    let (dir, (events, mut heard)) = (tempfile::tempdir().unwrap(), unbounded_channel());
    let engine = Engine::start(dir.path(), dir.path().join("raw"), Path::new("."), events).unwrap();
    let summary = run(Arc::new(plan), Arc::new(engine), chrono::Utc::now(), None).await;
    let told: Vec<Event> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
    match summary {
        Ok(summary) => format!("{:?} {:?} {told:?}", summary.outcome, summary.cause),
        Err(error) => format!("{error} {told:?}"),
    }
}
