//! The entity keys of a view, in their order.

use feast_model::error::Result;
use feast_rows::KeyPage;
use rusqlite::params;
use rusqlite::types::ValueRef;

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
}
