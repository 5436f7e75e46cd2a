//! The entity keys of a view, in their order, and what lies in its table.

use std::collections::HashMap;

use feast_model::Timestamp;
use feast_model::error::{Error, Result};
use feast_rows::{KeyPage, RowTotals};
use rusqlite::params;
use rusqlite::types::{Value as SqlValue, ValueRef};

use crate::SqliteStore;
use crate::error::is_missing_table;

impl SqliteStore {
    /// At most `limit` entity keys of a view's table that follow the last page. The primary key begins with the entity, so a page
    /// is a range of its index.
    ///
    /// # Errors
    /// `Unavailable` when the file is locked for too long.
    pub fn entity_keys(&self, table: u32, after: Option<&[u8]>, limit: usize) -> Result<KeyPage> {
        let views = self.views.load();
        let Some(view) = views.reader(table) else {
            return Ok(KeyPage::default());
        };
        let count = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = self.readers.with(|connection| {
            let mut page = KeyPage::default();
            let mut statement = match connection.prepare_cached(&view.keys_query) {
                Err(source) if is_missing_table(&source) => return Ok(page),
                statement => statement?,
            };
            let mut rows = statement.query(params![after.unwrap_or_default(), count])?;
            while let Some(row) = rows.next()? {
                if let ValueRef::Blob(key) = row.get_ref(0)? {
                    page.keys.push_with(|out| out.extend_from_slice(key));
                }
            }
            if page.keys.len() == limit && limit > 0 {
                page.next = Some(page.keys.get(limit - 1).to_vec());
            }
            Ok::<_, rusqlite::Error>(page)
        })?;
        read.unwrap_or_else(|| Ok(KeyPage::default()))
            .map_err(|source| self.error(source))
    }

    /// What lies in the table of each view, by its id, each at one moment. All rows are read. A row is what is stored of an entity.
    ///
    /// # Errors
    /// `Unavailable` when the file is locked for too long, `Data` when a time is none.
    pub fn row_totals(&self) -> Result<HashMap<u32, RowTotals>> {
        let views = self.views.load();
        let mut totals = HashMap::new();
        for view in views.readers() {
            let read = self.readers.with(|connection| {
                let mut statement = match connection.prepare(&view.totals_query) {
                    Err(source) if is_missing_table(&source) => return Ok(None),
                    statement => statement?,
                };
                let row = statement.query_row([], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, SqlValue>(2)?))
                });
                row.map(Some)
            })?;
            let Some((rows, bytes, newest)) = read.transpose().map_err(|source| self.error(source))?.flatten() else {
                continue;
            };
            let newest_event = match newest {
                SqlValue::Integer(second) => Timestamp::from_seconds(second),
                _ => None,
            };
            if newest_event.is_none() && rows > 0 {
                return Err(Error::data(format!(
                    "online store: an event_ts of feature view {} is not a number of seconds",
                    view.view
                )));
            }
            let of_view = RowTotals {
                rows: rows.unsigned_abs(),
                bytes: bytes.unsigned_abs(),
                newest_event,
            };
            totals.insert(view.table.id, of_view);
        }
        Ok(totals)
    }

    /// Bytes of the file, without its log; `None` when there is none.
    pub fn file_bytes(&self) -> Option<u64> {
        std::fs::metadata(&self.path).ok().map(|file| file.len())
    }
}
