//! What waits for a person or a better run: closings that are held, and what the last runs found wrong.
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::column::{Column, json, read, to_column};
use super::core::Core;
use super::reader::Reader;
use super::rows::time;
use super::{State, StateError};
use crate::event::{Alert, AlertKind, HeldBack, RunId};

/// Something wrong that the last run which could judge it found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertRow {
    /// The first run that found it.
    pub run: RunId,
    /// When that one began.
    pub since: String,
    /// What is wrong.
    #[serde(flatten)]
    pub alert: Alert,
    /// The same in words.
    pub text: String,
}

impl State {
    /// Writes down what is held of a source; `None` when nothing is any more.
    pub async fn hold(&self, source: &str, held: Option<HeldBack>) -> Result<(), StateError> {
        let source = source.to_owned();
        self.ask(move |core| {
            core.connection.prepare_cached("DELETE FROM held WHERE source = ?1")?.execute(params![source])?;
            if let Some(HeldBack { offers, open, most, partitions }) = held {
                core.connection.prepare_cached("INSERT INTO held VALUES(?1, ?2, ?3, ?4, ?5)")?.execute(params![
                    source,
                    offers as i64,
                    open as i64,
                    most as i64,
                    to_column(&partitions)?
                ])?;
            }
            Ok(())
        })
        .await
    }

    /// Replaces what is wrong with a source, as far as a run can judge it; what was wrong before keeps the run that
    /// found it first.
    pub async fn alert(
        &self,
        source: &str,
        (run, now): (RunId, DateTime<Utc>),
        judged: Vec<AlertKind>,
        alerts: Vec<Alert>,
    ) -> Result<(), StateError> {
        let source = source.to_owned();
        self.ask(move |core| core.put_alerts(&source, (run, now), &judged, &alerts)).await
    }

    /// Partitions of which nothing was shown and of which no offer is open any more are not wrong: somebody closed them.
    pub async fn forget_dry(&self, source: &str) -> Result<(), StateError> {
        let source = source.to_owned();
        self.ask(move |core| {
            let sql = "DELETE FROM alerts WHERE source = ?1 AND kind = ?2 AND NOT EXISTS(
                         SELECT 1 FROM known WHERE source = ?1 AND version > 0 AND closed_at IS NULL
                           AND alerts.subject IN ('', partition))";
            core.connection.prepare_cached(sql)?.execute(params![source, to_column(&AlertKind::NoRecords)?])?;
            Ok(())
        })
        .await
    }

    /// What is wrong with a source.
    pub async fn alerts(&self, source: &str) -> Result<Vec<AlertRow>, StateError> {
        let source = source.to_owned();
        self.ask(move |core| alerts(&core.connection, &source)).await
    }
}

impl Core {
    fn put_alerts(
        &mut self,
        source: &str,
        (run, now): (RunId, DateTime<Utc>),
        judged: &[AlertKind],
        alerts: &[Alert],
    ) -> Result<(), StateError> {
        for kind in judged {
            let kept: Vec<&str> = alerts.iter().filter(|alert| alert.kind() == *kind).map(Alert::subject).collect();
            let kept = json(&kept)?;
            self.connection
                .prepare_cached(
                    "DELETE FROM alerts WHERE source = ?1 AND kind = ?2 AND subject NOT IN (SELECT value FROM json_each(?3))",
                )?
                .execute(params![source, to_column(kind)?, kept])?;
        }
        for alert in alerts {
            self.connection
                .prepare_cached(
                    "INSERT INTO alerts VALUES(?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT(source, kind, subject) DO UPDATE SET alert = ?6",
                )?
                .execute(params![
                    source,
                    to_column(&alert.kind())?,
                    alert.subject(),
                    run,
                    now.timestamp_millis(),
                    to_column(alert)?
                ])?;
        }
        Ok(())
    }
}

impl Reader {
    /// What is held of a source.
    pub fn held_back(&self, source: &str) -> Result<Option<HeldBack>, StateError> {
        let sql = "SELECT offers, open, most, partitions, source FROM held WHERE source = ?1";
        let held = |row: &Row<'_>| {
            let number = |column| row.get::<_, i64>(column).map(|number| number as u64);
            let Column(partitions) = row.get(3)?;
            Ok(HeldBack { offers: number(0)?, open: number(1)?, most: number(2)?, partitions })
        };
        Ok(self.connection.query_row(sql, params![source], |row| read(row, ("held", 4), held)).optional()?)
    }

    /// What is wrong with a source, the oldest first.
    pub fn alerts(&self, source: &str) -> Result<Vec<AlertRow>, StateError> {
        alerts(&self.connection, source)
    }
}

fn alerts(connection: &rusqlite::Connection, source: &str) -> Result<Vec<AlertRow>, StateError> {
    let mut statement = connection.prepare_cached(
        "SELECT run, since, alert, source FROM alerts WHERE source = ?1 ORDER BY since, kind, subject",
    )?;
    let alert = |row: &Row<'_>| {
        let Column(alert): Column<Alert> = row.get(2)?;
        let text = alert.text();
        Ok(AlertRow { run: row.get(0)?, since: time(row.get(1)?), alert, text })
    };
    let rows = statement.query_map(params![source], |row| read(row, ("alerts", 3), alert))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
