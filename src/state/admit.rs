//! Admission: what each record of a page counts as, against what is known and what is in flight.
use chrono::{DateTime, SubsecRound, Utc};
use rusqlite::{OptionalExtension, Row, params};

use super::StateError;
use super::column::{Column, Millis, read};
use super::core::{Core, Flying};
use super::rows::archives;
use super::words::{Admit, Admitted, Archived, Fate, ListedRow, Record, Verdict, part};
use crate::event::RunId;
use crate::offer::{Closed, OfferId, Version};

/// What `known` holds of an id.
pub(super) struct Known {
    pub row: u64,
    pub version: Version,
    pub content: Option<u64>,
    pub first_seen: DateTime<Utc>,
    pub open: bool,
    pub reason: Option<Closed>,
}

impl Core {
    pub(super) fn known(&self, id: &OfferId) -> Result<Option<Known>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT n, version, content, first_seen, closed_at IS NULL, reason FROM known WHERE id = ?1",
        )?;
        let known = |row: &Row<'_>| {
            Ok(Known {
                row: row.get::<_, i64>(0)? as u64,
                version: Version(row.get::<_, i64>(1)? as u64),
                content: row.get::<_, Option<i64>>(2)?.map(|content| content as u64),
                first_seen: row.get::<_, Millis>(3)?.0,
                open: row.get(4)?,
                reason: row.get::<_, Option<Column<Closed>>>(5)?.map(|reason| reason.0),
            })
        };
        Ok(statement.query_row(params![id.0], |row| read(row, ("known", 0), known)).optional()?)
    }

    /// What is known of the listed form of an offer.
    pub(super) fn listed(&self, id: &OfferId) -> Result<Option<ListedRow>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT k.listed, k.meaning, k.closed_at IS NULL AND k.content IS NOT NULL, p.archived, p.version, k.n FROM known k
             LEFT JOIN pages p ON p.source = k.source AND p.version = k.page WHERE k.id = ?1 AND k.meaning IS NOT NULL",
        )?;
        let name = id.to_string();
        let listed = |row: &Row<'_>| {
            let archived = read(row, ("pages", 4), |row| row.get(3))?;
            Ok(ListedRow {
                listed: row.get::<_, Option<i64>>(0)?.map(|listed| listed as u64),
                meaning: row.get(1)?,
                open: row.get(2)?,
                detail: archives(archived).into_iter().find(|at| at.of.as_ref() == Some(&name)),
            })
        };
        Ok(statement.query_row(params![id.0], |row| read(row, ("known", 5), listed)).optional()?)
    }

    /// Where a page of which a part is committed is archived. A slice that is read again has another body of the same page.
    pub(super) fn archived(
        &self,
        run: RunId,
        slice: &str,
        position: &str,
        again: bool,
    ) -> Result<Vec<Archived>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT archived, version FROM pages WHERE run = ?1 AND slice = ?2 AND position = ?3 AND part >= ?4 ORDER BY part LIMIT 1",
        )?;
        let found = statement.query_row(params![run, slice, position, part(0, again)], |row| {
            Ok(archives(read(row, ("pages", 1), |row| row.get(0))?))
        });
        Ok(found.optional()?.unwrap_or_default())
    }

    /// One verdict a record, the first that holds of: rejected, filtered, superseded, duplicate, unchanged, written.
    pub(super) fn admit(&mut self, admit: &Admit) -> Result<Admitted, StateError> {
        let mut admitted = Admitted {
            verdicts: Vec::new(),
            rows: Vec::new(),
            all_known: true,
            closings: Vec::new(),
            closed: Vec::new(),
        };
        let mut closes = Vec::new();
        // What this run brought itself says nothing of how far the run before it came.
        let first = self.first.get(&admit.run).copied().unwrap_or(0);
        for record in &admit.page.records {
            let (verdict, row, known) = self.judge(record, admit)?;
            let before = known && row.is_some_and(|row| row < first);
            admitted.all_known &= before && !matches!(verdict, Verdict::Write { .. });
            let reason = match record.fate {
                Fate::Gone => Some(Closed::Gone),
                Fate::Filtered => Some(Closed::Filtered),
                _ => None,
            };
            if let (Some(reason), Some(row), true) = (reason, row, known && !admit.again) {
                closes.push((admitted.verdicts.len(), (row, reason)));
            }
            if let (true, Verdict::Write { row, .. }) = (admit.again, verdict) {
                let index = admitted.verdicts.len();
                admitted.closed.extend(self.closed(row)?.map(|closed| (index, closed)));
            }
            admitted.verdicts.push(verdict);
            admitted.rows.push(row);
        }
        let (indices, due): (Vec<_>, Vec<_>) = closes.into_iter().unzip();
        let closings = indices.into_iter().zip(self.closings(&due)?);
        admitted.closings = closings.filter_map(|(index, closing)| Some((index, closing?))).collect();
        admitted.all_known &= !admit.page.records.is_empty();
        Ok(admitted)
    }

    fn judge(&mut self, record: &Record, admit: &Admit) -> Result<(Verdict, Option<u64>, bool), StateError> {
        let Some(id) = &record.id else { return Ok((Verdict::Rejected, None, false)) };
        let known = self.known(id)?;
        let row = match &known {
            Some(known) => known.row,
            None => {
                let (_, row) = *self.rows.entry(*id).or_insert_with(|| {
                    self.next_row += 1;
                    (admit.run, self.next_row - 1)
                });
                row
            }
        };
        let was_known = known.is_some();
        let verdict = match &record.fate {
            Fate::Rejected(_) => Verdict::Rejected,
            Fate::Filtered | Fate::Gone => Verdict::Filtered,
            Fate::Repeated => Verdict::Duplicate,
            Fate::Listed => Verdict::Unchanged,
            Fate::Stale => Verdict::Superseded,
            Fate::Offer { content, .. } => {
                let expired = record.expires.is_some_and(|at| at <= admit.at);
                self.weigh(*id, row, (*content, expired), known, admit)
            }
        };
        Ok((verdict, Some(row), was_known))
    }

    /// Equal content is told again only when the offer was closed meanwhile, or its end has come since.
    fn weigh(
        &mut self,
        id: OfferId,
        row: u64,
        (content, expired): (u64, bool),
        known: Option<Known>,
        admit: &Admit,
    ) -> Verdict {
        let flying = self.flying.get(&id).copied();
        let version = flying.map(|flying| flying.version).max(known.as_ref().map(|known| known.version));
        if version.is_some_and(|version| version > admit.version) {
            return Verdict::Superseded;
        }
        let told = match (&flying, &known) {
            (Some(flying), _) => Some(flying.content),
            (None, Some(known)) => {
                let as_told = if expired { known.reason == Some(Closed::Expired) } else { known.open };
                known.content.filter(|_| as_told || admit.again)
            }
            (None, None) => None,
        };
        let seen = flying.is_some_and(|flying| flying.run == admit.run)
            || self.seen.get(&admit.run).is_some_and(|seen| seen.contains(row as u32));
        if told == Some(content) {
            return if seen { Verdict::Duplicate } else { Verdict::Unchanged };
        }
        let written = known.as_ref().is_some_and(|known| known.version.0 > 0) || flying.is_some();
        let first_seen = known.map(|known| known.first_seen).or(flying.map(|flying| flying.first_seen));
        // As precise as the column is.
        let first_seen = first_seen.unwrap_or(admit.at.trunc_subsecs(3));
        self.flying.insert(id, Flying { run: admit.run, version: admit.version, content, first_seen });
        Verdict::Write { row, new: !written, first_seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_a_second_reading_goes_on_with_its_own_body() {
        let dir = tempfile::tempdir().unwrap();
        let core = Core::open(&dir.path().join("state.db")).unwrap();
        // The first reading's page has two parts; of the second one's, read later, one is committed.
        for (version, part, segment) in
            [(1, part(0, false), "first"), (2, part(1, false), "first"), (3, part(0, true), "second")]
        {
            let archived = Archived { segment: segment.into(), offset: 0, length: 1, of: None };
            core.connection
                .execute(
                    "INSERT INTO pages VALUES('a', ?1, 7, '0', 'only', ?2, 'list', '', 0, '', 200, 0, ?3, '{}', x'')",
                    params![version, part, serde_json::to_string(&[archived]).unwrap()],
                )
                .unwrap();
        }
        for (again, segment) in [(false, "first"), (true, "second")] {
            assert_eq!(core.archived(7, "0", "only", again).unwrap()[0].segment, segment);
        }
    }
}
