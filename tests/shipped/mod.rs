//! What tests of the engine share: the shipped project with other pipelines, and plans against the simulated sites.
#![allow(dead_code)]
use std::path::Path;
use std::sync::Arc;

use jobmarket::definition::{self, Text};
use jobmarket::event::Event;
use jobmarket::files;
use jobmarket::plan::{Ask, Origins, Plan, Surroundings, compile};
use jobmarket::run::Engine;
use sandbox::Sandbox;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The files of the shipped project with these pipelines, no quota that a test would come to, and nothing expected that
/// small sites do not bring.
pub fn texts(pipelines: &str) -> Vec<Text> {
    let mut texts = files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    for text in &mut texts {
        let lines = text.text.split_inclusive('\n').filter(|line| !line.starts_with("expect:"));
        text.text = lines.collect::<String>().replace("quota: [4/d]", "quota: [400/d]");
    }
    texts.iter_mut().find(|text| text.path == "pipelines.yaml").unwrap().text = pipelines.to_owned();
    texts
}

/// The plan of a source in the first pipeline, its requests going to the simulated sites.
pub fn plan(texts: &[Text], sites: &Sandbox, source: &str) -> Plan {
    let (definitions, findings) = definition::read(texts);
    assert_eq!(findings, []);
    let mut origins = Origins::default();
    for (from, to) in sites.origins() {
        origins.add(from, &to, Some("10000/s".parse().unwrap())).unwrap();
    }
    let env = [("FT_API_CLIENT_ID", sandbox::CLIENT_ID), ("FT_API_CLIENT_SECRET", sandbox::CLIENT_SECRET)];
    let env = Surroundings::new(env.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let pipeline = Some((0, &definitions.pipelines.pipelines[0]));
    compile(&definitions, Ask { source, pipeline, origins }, &env).unwrap()
}

/// The engine on a data directory, with its archive in `raw`.
pub fn engine(data: &Path) -> (Arc<Engine>, UnboundedReceiver<Event>) {
    let (events, heard) = unbounded_channel();
    (Arc::new(Engine::start(data, data.join("raw"), Path::new("."), events).unwrap()), heard)
}
