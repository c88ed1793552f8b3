//! What is to be written for offers that are closed: each keeps the content that is stored of it.
use rusqlite::{OptionalExtension, Row, params};

use super::StateError;
use super::column::{Millis, read};
use super::core::Core;
use super::fault::corrupt;
use super::words::Closing;
use crate::document::Document;
use crate::files::spool::Pieces;
use crate::offer::{Closed, OfferId, Version};

impl Core {
    /// What is to be written for offers that are closed; `None` for one that is closed already. Their contents lie in a
    /// file without a name where they are large together.
    pub(super) fn closings(&self, due: &[(u64, Closed)]) -> Result<Vec<Option<Closing>>, StateError> {
        let fault = |error| StateError::unusable(&self.folder, error);
        let mut contents = Pieces::new(&self.folder);
        let mut closings = Vec::with_capacity(due.len());
        for (row, reason) in due {
            let (closing, content) = self.closing(*row, *reason)?.unzip();
            contents.push(content.flatten().as_deref()).map_err(fault)?;
            closings.push(closing);
        }
        let contents = contents.done().map_err(fault)?;
        let whole = |(closing, content): (Option<Closing>, _)| closing.map(|closing| Closing { content, ..closing });
        Ok(closings.into_iter().zip(contents).map(whole).collect())
    }

    /// One of them, and its content beside it.
    fn closing(&self, row: u64, reason: Closed) -> Result<Option<(Closing, Option<String>)>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT k.id, k.first_seen, k.page, k.meaning, o.doc, k.key, k.n FROM known k LEFT JOIN offers o ON o.n = k.n
             WHERE k.n = ?1 AND k.version > 0 AND k.closed_at IS NULL",
        )?;
        let content = |text: String| match Document::read(&text) {
            Some(document) => Ok(document.content()),
            None => Err(corrupt("offers", row)),
        };
        let closing = |found: &Row<'_>| {
            let closing = Closing {
                row,
                id: OfferId(found.get(0)?),
                first_seen: found.get::<_, Millis>(1)?.0,
                // What was found in a store has none of both here.
                page: Version(found.get::<_, Option<i64>>(2)?.unwrap_or(0) as u64),
                mapping: found.get::<_, Option<String>>(3)?.unwrap_or_default(),
                key: found.get(5)?,
                content: None,
                reason,
            };
            Ok((closing, found.get::<_, Option<String>>(4)?.map(content).transpose()?))
        };
        let found = statement.query_row(params![row as i64], |found| read(found, ("known", 6), closing));
        Ok(found.optional()?)
    }
}
