//! Admission: what each record of a page counts as, against what is known and what is in flight.
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, params};

use super::StateError;
use super::core::{Core, Flying};
use super::words::{Admit, Admitted, Fate, Record, Verdict};
use crate::offer::{OfferId, Version};

/// What `known` holds of an id.
pub(super) struct Known {
    pub row: u64,
    pub version: Version,
    pub content: Option<u64>,
    pub first_seen: i64,
    pub open: bool,
}

impl Core {
    pub(super) fn known(&self, id: &OfferId) -> Result<Option<Known>, StateError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT n, version, content, first_seen, closed_at IS NULL FROM known WHERE id = ?1")?;
        let known = statement.query_row(params![id.0], |row| {
            Ok(Known {
                row: row.get::<_, i64>(0)? as u64,
                version: Version(row.get::<_, i64>(1)? as u64),
                content: row.get::<_, Option<i64>>(2)?.map(|content| content as u64),
                first_seen: row.get(3)?,
                open: row.get(4)?,
            })
        });
        Ok(known.optional()?)
    }

    /// One verdict a record, the first that holds of: rejected, filtered, superseded, duplicate, unchanged, written.
    pub(super) fn admit(&mut self, admit: &Admit) -> Result<Admitted, StateError> {
        let mut admitted = Admitted { verdicts: Vec::new(), rows: Vec::new(), all_known: true };
        for record in &admit.page.records {
            let (verdict, row, known) = self.judge(record, admit)?;
            admitted.all_known &= known && !matches!(verdict, Verdict::Write { .. });
            admitted.verdicts.push(verdict);
            admitted.rows.push(row);
        }
        admitted.all_known &= !admit.page.records.is_empty();
        Ok(admitted)
    }

    fn judge(&mut self, record: &Record, admit: &Admit) -> Result<(Verdict, Option<u64>, bool), StateError> {
        let Some(id) = &record.id else { return Ok((Verdict::Rejected, None, false)) };
        let known = self.known(id)?;
        let row = match &known {
            Some(known) => known.row,
            None => *self.rows.entry(*id).or_insert_with(|| {
                self.next_row += 1;
                self.next_row - 1
            }),
        };
        let was_known = known.is_some();
        let verdict = match &record.fate {
            Fate::Rejected(_) => Verdict::Rejected,
            Fate::Filtered | Fate::Gone => Verdict::Filtered,
            Fate::Repeated => Verdict::Duplicate,
            Fate::Listed => Verdict::Unchanged,
            Fate::Offer { content, .. } => self.weigh(*id, row, *content, known, admit),
        };
        Ok((verdict, Some(row), was_known))
    }

    fn weigh(&mut self, id: OfferId, row: u64, content: u64, known: Option<Known>, admit: &Admit) -> Verdict {
        let flying = self.flying.get(&id).copied();
        let version = flying.map(|flying| flying.version).max(known.as_ref().map(|known| known.version));
        if version.is_some_and(|version| version > admit.version) {
            return Verdict::Superseded;
        }
        let told = match (&flying, &known) {
            (Some(flying), _) => Some(flying.content),
            (None, Some(known)) => known.content.filter(|_| known.open),
            (None, None) => None,
        };
        let seen = flying.is_some_and(|flying| flying.run == admit.run)
            || self.seen.get(&admit.run).is_some_and(|seen| seen.contains(row as u32));
        if told == Some(content) {
            return if seen { Verdict::Duplicate } else { Verdict::Unchanged };
        }
        let written = known.as_ref().is_some_and(|known| known.version.0 > 0) || flying.is_some();
        let first_seen = known.map(|known| known.first_seen).or(flying.map(|flying| flying.first_seen));
        let first_seen = first_seen.unwrap_or(admit.at.timestamp_millis());
        self.flying.insert(id, Flying { run: admit.run, version: admit.version, content, first_seen });
        Verdict::Write { row, new: !written, first_seen: instant(first_seen) }
    }
}

/// Milliseconds since 1970 as an instant.
pub(super) fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}
