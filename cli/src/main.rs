//! The binary `jobmarket`: parses the command line and calls one command.
#![allow(clippy::disallowed_methods)]

#[macro_use]
mod out;
mod absent;
mod commands;
mod environment;
mod numbers;
mod project;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use jobmarket::files::keep_private;

/// A declarative dataflow engine for job sites: YAML in, searchable offers out.
///
/// Examples:
///   jobmarket demo                                simulated sites, no account anywhere
///   jobmarket check                               all faults of all files, without network
///   jobmarket run francetravail                   reads a source into the store
///   jobmarket search développeur -f contract.type=permanent
#[derive(Parser)]
#[command(name = "jobmarket", version, verbatim_doc_comment)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where things are.
#[derive(clap::Args, Clone)]
pub struct Place {
    /// Folder with `pipelines.yaml`, `sources/` and `mappings/`.
    #[arg(long, global = true, default_value = ".")]
    project: PathBuf,
    /// The data directory; else `data:` of pipelines.yaml, INGEST_OUTPUT_DIR, `data`, each in the project's folder.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    /// Data for a script, one JSON value a line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Reads all files and tells all faults, without network.
    ///
    /// Example: jobmarket check --json
    #[command(verbatim_doc_comment)]
    Check,
    /// Says what a key, a finding, a conversion, a field or a source is.
    ///
    /// Examples: jobmarket explain pages.offset · jobmarket explain unknown-key · jobmarket explain date
    #[command(verbatim_doc_comment)]
    Explain {
        /// A key of a file, a code, a conversion, a field of the offer, or a source.
        name: String,
    },
    /// Prints the JSON Schema of a kind of file, for editors: source, shared, mapping, offer, lookups, pipelines.
    ///
    /// Example: jobmarket schema source > source.schema.json
    #[command(verbatim_doc_comment)]
    Schema {
        /// The kind of file.
        #[arg(default_value = "source")]
        kind: String,
    },
    /// Reads one live page of a source and shows the raw record beside the offer; nothing is written.
    ///
    /// Examples:
    ///   jobmarket try arbeitnow
    ///   jobmarket try francetravail --limit 1 --json
    #[command(verbatim_doc_comment)]
    Try(commands::look::Try),
    /// Reads sources into the store. Without a name: all sources of all pipelines.
    ///
    /// Exit code 0 when all were read, 1 when one was not or in part only, 130 after Ctrl-C; the next run goes on there.
    ///
    /// Examples:
    ///   jobmarket run francetravail
    ///   jobmarket run francetravail --from 2026-01-01 --to 2026-02-01
    ///   jobmarket run arbeitnow --origin https://www.arbeitnow.com=http://127.0.0.1:8181
    #[command(verbatim_doc_comment)]
    Run(commands::run::Run),
    /// Reads a source whole, so that offers that are gone can be closed; or closes what a sweep held back.
    ///
    /// Exit code 0 when it was read, 1 when it was not or in part only, 130 after Ctrl-C; the next run goes on there.
    ///
    /// Examples:
    ///   jobmarket sweep francetravail
    ///   jobmarket sweep francetravail --accept
    #[command(verbatim_doc_comment)]
    Sweep(commands::one::Sweep),
    /// Closes offers of a source without asking its site.
    ///
    /// Exit code 0 when they are closed, 1 when not all are, 130 after Ctrl-C.
    ///
    /// Example: jobmarket close francetravail --older-ask
    #[command(verbatim_doc_comment)]
    Close(commands::one::Close),
    /// Sources, their last runs, what is stored and what waits.
    ///
    /// Example: jobmarket status --json
    #[command(verbatim_doc_comment)]
    Status,
    /// Searches the store.
    ///
    /// Examples:
    ///   jobmarket search "ingénieur data" --limit 5
    ///   jobmarket search rust -f 'salary.yearly_min>=45000' --facet contract.type
    ///   jobmarket search 'python -java'
    #[command(verbatim_doc_comment)]
    Search(commands::search::Search),
    /// Writes the stored offers that are open (with --closed, all) to stdout, as NDJSON or CSV, in flat memory.
    ///
    /// Examples:
    ///   jobmarket export > offers.ndjson
    ///   jobmarket export francetravail --closed --format csv > offers.csv
    #[command(verbatim_doc_comment)]
    Export(commands::export::Export),
    /// Compares journal, archive and store, and says what differs and what mends it; changes nothing.
    ///
    /// Exit code 1 when something differs. With --json one line a difference, then one with the numbers. While a run
    /// writes, what it is writing may be told as a difference.
    ///
    /// Example: jobmarket verify --json
    #[command(verbatim_doc_comment)]
    Verify,
    /// Deletes raw pages that are older than `archive.keep`, and offers that were closed long ago.
    ///
    /// Raw pages of open offers, of open entries of the quarantine and of runs that may go on are kept all the same.
    /// Offers are deleted only with --closed, or `retention: {closed: DURATION}` in pipelines.yaml.
    ///
    /// Examples:
    ///   jobmarket retention --dry-run
    ///   jobmarket retention francetravail --closed 365d
    #[command(verbatim_doc_comment)]
    Retention(commands::retention::Retention),
    /// Copies the data directory to an empty folder; runs may go on meanwhile.
    ///
    /// To restore, move the data directory away first, then copy the folder to its place, while nothing runs: what is left
    /// of the old one does not belong to the copy. The search index is not copied: the first search builds it again.
    ///
    /// Examples:
    ///   jobmarket backup /mnt/backups/jobmarket-2026-11-24
    ///   mv data data.old && cp -r /mnt/backups/jobmarket-2026-11-24 data
    #[command(verbatim_doc_comment)]
    Backup(commands::backup::Asked),
    /// Maps the archived pages of a source again: after a mapping was mended or the store lost offers, without asking the site.
    ///
    /// Exit code 0 when all were mapped, 1 when the archive has lost some, 130 after Ctrl-C.
    ///
    /// Example: jobmarket replay arbeitnow
    #[command(verbatim_doc_comment)]
    Replay(commands::one::Replay),
    /// Records that could not be mapped or stored.
    ///
    /// Examples:
    ///   jobmarket quarantine list francetravail
    ///   jobmarket quarantine retry 12 13
    #[command(subcommand, verbatim_doc_comment)]
    Quarantine(commands::quarantine::Quarantine),
    /// The chain from a request to a stored offer: its id, or its key at the site.
    ///
    /// Examples:
    ///   jobmarket why 204XKZL
    ///   jobmarket why 204XKZL --json
    #[command(verbatim_doc_comment)]
    Why {
        /// Id or key of the offer.
        offer: String,
    },
    /// Simulated sites, real HTTP: a few thousand offers into a data directory and an embedded store of its own.
    ///
    /// Examples:
    ///   jobmarket demo
    ///   jobmarket demo --clean
    #[command(verbatim_doc_comment)]
    Demo(commands::demo::Demo),
    /// Completions for a shell, on stdout.
    ///
    /// Example: jobmarket completions bash > ~/.local/share/bash-completion/completions/jobmarket
    #[command(verbatim_doc_comment)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    keep_private();
    let cli = Cli::try_parse().unwrap_or_else(|error| usage(&error));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let place = cli.place.clone();
    match runtime.block_on(command(cli)) {
        Ok(code) => code,
        Err(error) => {
            let error = absent::explained(&place, error);
            let mark = if std::io::stderr().is_terminal() { "\x1b[1;31merror\x1b[0m" } else { "error" };
            out::styled(&format!("{mark}: {}\n", out::on_a_line(&out::causes(&error))));
            ExitCode::FAILURE
        }
    }
}

/// Ends the program with what is wrong with its arguments: they may be text of a stranger too.
fn usage(error: &clap::Error) -> ! {
    let plain = error.render().to_string();
    let shown = out::for_people(&plain);
    if !error.use_stderr() || shown == plain {
        error.exit();
    }
    out::styled(&shown);
    std::process::exit(error.exit_code());
}

/// Ends the program with the usage where `--json` is asked for and there is none.
fn has_json(cli: &Cli) {
    let none = match &cli.command {
        Command::Explain { .. } => "`explain` prints text for a person; `schema` prints JSON",
        Command::Completions { .. } => "`completions` prints a script",
        Command::Export(asked) if asked.is_table() => "`--format csv` prints a table; leave it out for JSON",
        _ => return,
    };
    if cli.place.json {
        Cli::command().error(ErrorKind::ArgumentConflict, format!("there is no --json here: {none}")).exit();
    }
}

async fn command(cli: Cli) -> anyhow::Result<ExitCode> {
    has_json(&cli);
    let place = cli.place;
    match cli.command {
        Command::Check => commands::check::check(&place),
        Command::Explain { name } => commands::explain::explain(&place, &name),
        Command::Schema { kind } => commands::explain::schema(&place, &kind),
        Command::Try(asked) => commands::look::try_one(&place, &asked).await,
        Command::Run(asked) => commands::run::run(&place, &asked).await,
        Command::Sweep(asked) => commands::one::sweep(&place, &asked).await,
        Command::Close(asked) => commands::one::close_offers(&place, &asked).await,
        Command::Status => commands::status::status(&place).await,
        Command::Search(asked) => commands::search::search(&place, &asked).await,
        Command::Export(asked) => commands::export::export(&place, &asked).await,
        Command::Verify => commands::verify::verify(&place).await,
        Command::Retention(asked) => commands::retention::retention(&place, &asked).await,
        Command::Backup(asked) => commands::backup::backup(&place, &asked).await,
        Command::Replay(asked) => commands::one::replay(&place, &asked).await,
        Command::Quarantine(asked) => commands::quarantine::quarantine(&place, &asked).await,
        Command::Why { offer } => commands::why::why(&place, &offer).await,
        Command::Demo(asked) => commands::demo::demo(&place, &asked).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "jobmarket", &mut script);
            out::write(&mut std::io::stdout(), |out| out.write_all(&script));
            Ok(ExitCode::SUCCESS)
        }
    }
}
