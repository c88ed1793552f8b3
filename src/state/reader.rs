//! The state as commands read it, beside a process that writes.
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use super::StateError;
use super::column::{self, Millis, read};
use super::fault::corrupt;
use super::rows::{
    Held, KnownRow, OfferRow, PAGES, PageRow, RunRow, SourceRow, held_row, known_row, page_row, run_row, time,
};
use super::runs::{COUNTS, counts};
use super::tables::{self, Made};
use super::words::Waiting;
use crate::event::Counts;
use crate::files::DataFile;
use crate::offer::OfferId;

/// Reads a data directory.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
}

/// Opens the file. Links that lead to its folder are followed, since somebody named it; none is from there on.
pub(super) fn connection(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let real = path.parent().and_then(|folder| folder.canonicalize().ok());
    let real = real.zip(path.file_name()).map_or_else(|| path.to_owned(), |(folder, name)| folder.join(name));
    regular(&real)?;
    Connection::open_with_flags(real, flags | OpenFlags::SQLITE_OPEN_NOFOLLOW)
}

/// Whether the files of SQLite are files, as far as they are there: it would wait for ever at a pipe.
fn regular(path: &Path) -> rusqlite::Result<()> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        if std::fs::symlink_metadata(&name).is_ok_and(|about| !about.is_file()) {
            let why = format!("{} is no file: delete it, or name another data directory", name.display());
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
                Some(why),
            ));
        }
    }
    Ok(())
}

/// Whether the files of SQLite are no links: its own words for that say little.
pub(super) fn direct(dir: &Path) -> Result<(), StateError> {
    ["state.db", "state.db-wal", "state.db-shm"].into_iter().try_for_each(|name| {
        let looked = DataFile::new(dir, name).is_direct();
        looked.map_err(|error| StateError::Folder(dir.display().to_string(), error.to_string()))
    })
}

/// Opens the file to be read, beside a process that writes.
pub(crate) fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connection(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let read = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    let log = path.with_extension("db-wal");
    match read {
        // SQLite would make a log, and this user may not: without one nobody writes, and the file is all.
        Err(error) if is_denied(&error) && !log.exists() => {
            let name = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            Connection::open_with_flags(format!("file:{name}?immutable=1"), flags | OpenFlags::SQLITE_OPEN_URI)
        }
        read => read.map(|()| connection),
    }
}

fn is_denied(error: &rusqlite::Error) -> bool {
    let codes = [rusqlite::ErrorCode::CannotOpen, rusqlite::ErrorCode::ReadOnly, rusqlite::ErrorCode::PermissionDenied];
    error.sqlite_error_code().is_some_and(|code| codes.contains(&code))
}

impl Reader {
    /// The text of a file as the newest run was made of it.
    pub fn applied(&self, path: &str) -> Result<Option<String>, StateError> {
        let sql = "SELECT plans.texts FROM runs JOIN plans ON plans.fingerprint = runs.meaning || ':' || ?1
                   ORDER BY runs.run DESC LIMIT 1";
        Ok(self.connection.query_row(sql, [path], |row| row.get(0)).optional()?)
    }

    /// Opens a data directory; `None` when there is none yet.
    pub fn open(dir: &Path) -> Result<Option<Self>, StateError> {
        let path = dir.join("state.db");
        if !path.exists() {
            return Ok(None);
        }
        direct(dir)?;
        let mut connection = read_only(&path)?;
        match tables::made(&connection)? {
            Made::Not => return Ok(None),
            Made::Before => {
                tables::prepare(&self::connection(&path, OpenFlags::default())?)?;
                connection = read_only(&path)?;
            }
            Made::Now => {}
        }
        Ok(Some(Reader { connection }))
    }

    /// The last runs, newest first.
    pub fn runs(&self, source: Option<&str>, limit: usize) -> Result<Vec<RunRow>, StateError> {
        let sql = format!(
            "SELECT run, source, pipeline, kind, now, ended, outcome, cause, {COUNTS} FROM runs
             WHERE ?1 IS NULL OR source = ?1 ORDER BY run DESC LIMIT ?2"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map(params![source, limit as i64], run_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All sources that have state.
    pub fn sources(&self) -> Result<Vec<SourceRow>, StateError> {
        let count = |sql: &str, source: &str| self.connection.query_row(sql, params![source], |row| row.get(0));
        let mut sources = Vec::new();
        for source in self.source_names()? {
            sources.push(SourceRow {
                open: count(
                    "SELECT count(*) FROM known WHERE source = ?1 AND version > 0 AND closed_at IS NULL",
                    &source,
                )?,
                closed: count("SELECT count(*) FROM known WHERE source = ?1 AND closed_at IS NOT NULL", &source)?,
                quarantine: count("SELECT count(*) FROM quarantine WHERE source = ?1 AND state = 'open'", &source)?,
                held: self.held_back(&source)?,
                alerts: self.alerts(&source)?,
                older: count(
                    "SELECT count(*) FROM known WHERE source = ?1 AND version > 0 AND closed_at IS NULL AND ask IS NOT
                     (SELECT ask FROM runs WHERE source = ?1 AND kind IN ('sweep', 'ordinary') ORDER BY run DESC LIMIT 1)
                     AND EXISTS(SELECT 1 FROM runs WHERE source = ?1 AND kind IN ('sweep', 'ordinary'))",
                    &source,
                )?,
                waiting: self.waiting(&source)?,
                reasons: self.reasons(&source, None)?.into_iter().collect(),
                last: self.runs(Some(&source), 1)?.pop(),
                reading: self.last_reading(&source)?,
                source,
            });
        }
        Ok(sources)
    }

    /// The last run of a source that asked its site.
    fn last_reading(&self, source: &str) -> Result<Option<RunRow>, StateError> {
        let sql = format!(
            "SELECT run, source, pipeline, kind, now, ended, outcome, cause, {COUNTS} FROM runs
             WHERE source = ?1 AND kind IN ('ordinary', 'sweep', 'backfill') ORDER BY run DESC LIMIT 1"
        );
        Ok(self.connection.query_row(&sql, params![source], run_row).optional()?)
    }

    fn waiting(&self, source: &str) -> Result<Option<Waiting>, StateError> {
        let sql = "SELECT since, offers, why, source FROM waiting WHERE source = ?1";
        let waiting = |row: &Row<'_>| {
            let (Millis(since), offers) = (row.get(0)?, row.get::<_, i64>(1)? as u64);
            Ok(Waiting { since, offers, why: row.get(2)? })
        };
        Ok(self.connection.query_row(sql, params![source], |row| read(row, ("waiting", 3), waiting)).optional()?)
    }

    /// Open entries of the quarantine, newest first; one of them by its number.
    pub fn held(&self, source: Option<&str>, number: Option<i64>, limit: usize) -> Result<Vec<Held>, StateError> {
        let mut statement = self.connection.prepare(
            "SELECT q, source, place, stage, reason, field, path, message, page, item, first_at, times, raw FROM quarantine
             WHERE state = 'open' AND (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR q = ?2) ORDER BY q DESC LIMIT ?3",
        )?;
        let rows = statement.query_map(params![source, number, limit as i64], held_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Open entries of the quarantine by reason, the most frequent first; those that a run brought or brought again.
    pub fn reasons(&self, source: &str, run: Option<i64>) -> Result<Vec<(String, u64)>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT reason, count(*) AS entries FROM quarantine WHERE source = ?1 AND state = 'open' AND (?2 IS NULL OR run = ?2)
             GROUP BY reason ORDER BY entries DESC, reason",
        )?;
        let rows = statement.query_map(params![source, run], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// An offer by its id, or by its key at the site.
    pub fn offer(&self, name: &str) -> Result<Option<OfferRow>, StateError> {
        let id = OfferId::parse(name).map(|id| id.0);
        let sql =
            "SELECT k.id, k.source, k.key, k.page, k.first_seen, k.closed_at, o.doc, k.reason, k.version > 0, k.n,
                   k.listed IS NOT NULL
                   FROM known k LEFT JOIN offers o ON o.n = k.n
                   WHERE k.id = ?1 OR (?1 IS NULL AND k.key = ?2) ORDER BY k.version DESC LIMIT 1";
        let offer = |row: &Row<'_>| {
            let id: [u8; 16] = row.get(0)?;
            Ok(OfferRow {
                id: OfferId(id).to_string(),
                source: row.get(1)?,
                key: row.get(2)?,
                page: row.get::<_, Option<i64>>(3)?.map(|page| page.to_string()),
                first_seen: time(row.get(4)?),
                closed_at: row.get::<_, Option<Millis>>(5)?.map(time),
                document: row.get(6)?,
                reason: row.get(7)?,
                stored: row.get(8)?,
                row: row.get::<_, i64>(9)? as u64,
                listed: row.get(10)?,
            })
        };
        Ok(self.connection.query_row(sql, params![id, name], |row| read(row, ("known", 9), offer)).optional()?)
    }

    /// The last page of a list that an offer's row was on, also when the offer was kept aside or rejected there.
    pub fn last_page_of(&self, source: &str, row: u64) -> Result<Option<PageRow>, StateError> {
        let mut statement = self
            .connection
            .prepare("SELECT seen, version FROM pages WHERE source = ?1 AND kind = 'list' ORDER BY version DESC")?;
        let mut rows = statement.query(params![source])?;
        while let Some(page) = rows.next()? {
            if column::seen(page, "pages")?.contains(row as u32) {
                return self.page(source, &page.get::<_, i64>(1)?.to_string());
            }
        }
        Ok(None)
    }

    /// The last entry of the quarantine for a key, in whatever state, and that state.
    pub fn entry_of(&self, source: &str, key: &str) -> Result<Option<(Held, String)>, StateError> {
        let sql =
            "SELECT q, source, place, stage, reason, field, path, message, page, item, first_at, times, raw, state
                   FROM quarantine WHERE source = ?1 AND place = ?2 ORDER BY q DESC LIMIT 1";
        let read = |row: &Row<'_>| Ok((held_row(row)?, row.get(13)?));
        Ok(self.connection.query_row(sql, params![source, key], read).optional()?)
    }

    /// A page by its version.
    pub fn page(&self, source: &str, version: &str) -> Result<Option<PageRow>, StateError> {
        let Ok(version) = version.parse::<i64>() else { return Ok(None) };
        let sql = format!("{PAGES} WHERE p.source = ?1 AND p.version = ?2");
        Ok(self.connection.query_row(&sql, params![source, version], page_row).optional()?)
    }

    /// Pages of a source that hold records, behind a version, in the order of their versions; at most `limit`.
    pub fn pages_after(&self, source: &str, after: u64, limit: usize) -> Result<Vec<PageRow>, StateError> {
        let sql =
            format!("{PAGES} WHERE p.source = ?1 AND p.kind = 'list' AND p.version > ?2 ORDER BY p.version LIMIT ?3");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![source, after as i64, limit as i64], page_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The page that what is known of an offer came from.
    pub fn page_of(&self, id: &OfferId) -> Result<Option<u64>, StateError> {
        let mut statement =
            self.connection.prepare_cached("SELECT page FROM known WHERE id = ?1 AND page IS NOT NULL")?;
        Ok(statement.query_row(params![id.0], |row| row.get::<_, i64>(0)).optional()?.map(|page| page as u64))
    }

    /// Each offer that was stored (of a source), with its document in the local store.
    pub fn each_known(
        &self,
        source: Option<&str>,
        each: &mut dyn FnMut(&KnownRow, Option<&str>),
    ) -> Result<(), StateError> {
        let mut statement = self.connection.prepare(
            "SELECT k.n, k.id, k.key, k.content, k.closed_at IS NOT NULL, k.version, o.doc FROM known k LEFT JOIN offers o ON o.n = k.n
             WHERE k.version > 0 AND (?1 IS NULL OR k.source = ?1) ORDER BY k.n",
        )?;
        let mut rows = statement.query(params![source])?;
        while let Some(row) = rows.next()? {
            let document: Option<String> = read(row, ("offers", 0), |row| row.get(6))?;
            each(&known_row(row)?, document.as_deref());
        }
        Ok(())
    }

    /// What is known of a source's stored offers, behind an id, in the order of their ids; at most `limit`.
    pub fn known_after(&self, source: &str, after: Option<OfferId>, limit: usize) -> Result<Vec<KnownRow>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT n, id, key, content, closed_at IS NOT NULL, version FROM known
             WHERE id > ?2 AND source = ?1 AND version > 0 ORDER BY id LIMIT ?3",
        )?;
        let after: &[u8] = after.as_ref().map_or(&[], |id| &id.0);
        Ok(statement.query_map(params![source, after, limit as i64], known_row)?.collect::<Result<_, _>>()?)
    }

    /// The numbers of a run.
    pub fn run(&self, run: i64) -> Result<Option<Counts>, StateError> {
        let sql = format!("SELECT {COUNTS} FROM runs WHERE run = ?1");
        Ok(self.connection.query_row(&sql, params![run], |row| counts(row, 0)).optional()?)
    }

    /// Each stored document of a source's open offers.
    pub fn each_open(&self, source: &str, each: &mut dyn FnMut(serde_json::Value)) -> Result<(), StateError> {
        self.documents("WHERE k.source = ?1 AND k.closed_at IS NULL", source, each)
    }

    /// Each stored document of a source, closed offers among them.
    pub fn each(&self, source: &str, each: &mut dyn FnMut(serde_json::Value)) -> Result<(), StateError> {
        self.documents("WHERE k.source = ?1", source, each)
    }

    fn documents(&self, filter: &str, source: &str, each: &mut dyn FnMut(serde_json::Value)) -> Result<(), StateError> {
        let sql = format!("SELECT o.doc, o.n FROM offers o JOIN known k ON k.n = o.n {filter}");
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(params![source])?;
        while let Some(row) = rows.next()? {
            let text = read(row, ("offers", 1), |row| row.get::<_, String>(0))?;
            each(serde_json::from_str(&text).or_else(|_| Err(corrupt("offers", row.get::<_, i64>(1)?)))?);
        }
        Ok(())
    }

    /// Changes that the store has, and offers in it.
    pub fn store(&self) -> Result<(i64, i64), StateError> {
        let sql = "SELECT max(coalesce(max(change), 0), coalesce((SELECT max(change) FROM removed), 0)), count(*) FROM offers";
        Ok(self.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }
}
