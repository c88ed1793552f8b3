//! `export`: all stored offers as a stream, in flat memory.
use std::io::{self, BufWriter};
use std::process::ExitCode;

use jobmarket::redact::{redact, redact_json};
use jobmarket::state::Reader;
use jobmarket::store::{Purpose, Store};

use crate::Place;
use crate::commands::plans::known_source;
use crate::commands::search::store;
use crate::out::{self, counted};
use crate::project::Project;

/// Flags of `export`.
#[derive(clap::Args)]
pub struct Export {
    /// Of one source only.
    source: Option<String>,
    /// Closed offers too.
    #[arg(long)]
    closed: bool,
    /// One JSON document a line, or comma-separated values with a header. A cell that begins with `=`, `+`, `-`, `@`, a tab
    /// or a carriage return gets a `'` in front: a spreadsheet would run it.
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
}

impl Export {
    /// Whether a table is asked for.
    pub fn is_table(&self) -> bool {
        self.format == Format::Csv
    }
}

/// How offers are written.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// One JSON document a line.
    Ndjson,
    /// RFC 4180, one column a field; lists are joined by ` | `; no cell is a formula.
    Csv,
}

/// Offers of one read.
const READ: usize = 500;

/// Writes offers to stdout, in the order of their ids.
pub async fn export(place: &Place, asked: &Export) -> anyhow::Result<ExitCode> {
    let project = Project::despite_faults(place)?;
    if let Some(source) = &asked.source {
        known_source(&project, Reader::open(&project.data)?.as_ref(), source)?;
    }
    let store = store(&project, Purpose::List).await?;
    // A listing of a server is a search.
    store.find_all().await?;
    stream(&store, &project, asked).await
}

async fn stream(store: &impl Store, project: &Project, asked: &Export) -> anyhow::Result<ExitCode> {
    let fields: Vec<String> = project.definitions.schema.fields().iter().map(|field| field.name.clone()).collect();
    let mut out = BufWriter::new(io::stdout().lock());
    let mut table = csv::WriterBuilder::new().from_writer(Vec::new());
    if asked.format == Format::Csv {
        table.write_record(&fields)?;
    }
    let (mut after, mut count) = (None, 0_u64);
    loop {
        let listed = store.list(asked.source.as_deref(), after, READ).await?;
        let Some((last, _)) = listed.last() else { break };
        after = Some(*last);
        for (_, text) in &listed {
            let offer: serde_json::Value = serde_json::from_str(text.get())?;
            if !asked.closed && !offer["closed_at"].is_null() {
                continue;
            }
            count += 1;
            match asked.format {
                Format::Ndjson => out::write(&mut out, |out| writeln!(out, "{}", redact_json(text.get()))),
                Format::Csv => {
                    table.write_record(fields.iter().map(|field| redact(&cell(&offer, field)).into_owned()))?
                }
            }
        }
        if asked.format == Format::Csv {
            let written = std::mem::replace(&mut table, csv::WriterBuilder::new().from_writer(Vec::new()));
            let rows = written.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
            out::write(&mut out, |out| out.write_all(&rows));
        }
    }
    out::write(&mut out, |out| out.flush());
    eprintln!("{}", counted(count, "offer"));
    Ok(ExitCode::SUCCESS)
}

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A field as one cell. Numbers are no text of a site: they stay numbers.
fn cell(offer: &serde_json::Value, field: &str) -> String {
    let one = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let cell = match offer.pointer(&format!("/{}", field.replace('.', "/"))) {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::Number(number)) => return number.to_string(),
        Some(serde_json::Value::Array(list)) => list.iter().map(one).collect::<Vec<_>>().join(" | "),
        Some(value) => one(value),
    };
    if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell }
}
