//! Feast's tables: their names, how they are made and dropped, and the columns that a file has, which differ with the version of
//! Feast that made it.

use feast_model::error::Result;
use feast_rows::{NameCollision, StoredView, version_collisions};
use rusqlite::{Connection, params};

use crate::SqliteStore;

/// The name of the table of a view.
pub(super) fn table_name(project: &str, stored_name: &str) -> String {
    format!("{project}_{stored_name}")
}

/// What of these views, which are all of a project, would have one table. SQLite compares names of tables without regard to the case of
/// letters in ASCII.
pub fn name_collisions(views: &[StoredView]) -> Vec<NameCollision> {
    version_collisions(views, str::to_ascii_lowercase, |_, _| true)
}

/// An identifier in the form in which it may hold anything.
pub(super) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// The columns of a table beside those that it always has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OptionalColumns {
    /// The value as a string, since Feast 0.64.
    pub(super) value_text: bool,
    /// The value as a number, with `enable_openai_compatible_store`.
    pub(super) value_num: bool,
    /// The value for vector search, since Feast 0.40.
    pub(super) vector_value: bool,
}

impl OptionalColumns {
    /// Those of tables that are made here.
    pub(super) const OF_NEW_TABLES: Self = Self {
        value_text: true,
        value_num: false,
        vector_value: true,
    };
}

impl SqliteStore {
    /// Brings the tables to the views of an applied registry as Python's `apply` does: makes tables and columns that are not there,
    /// and drops the tables of removed views.
    ///
    /// # Errors
    /// `Unavailable` when the file is locked for too long or cannot be written.
    pub fn apply(&self, present: &[StoredView], removed: &[StoredView]) -> Result<()> {
        let mut turn = self.writer.wait_for_turn();
        turn.transaction(|connection| {
            let changed = present
                .iter()
                .try_for_each(|view| ensure_table(connection, &self.table_of(view)))
                .and_then(|()| self.drop_tables(connection, removed));
            changed.map_err(|source| self.error(source))
        })
    }

    /// Drops the tables of views, and removes the file if nothing is left in it.
    ///
    /// # Errors
    /// As [`SqliteStore::apply`].
    pub fn tear_down(&self, views: &[StoredView]) -> Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let mut turn = self.writer.wait_for_turn();
        let left: i64 = turn.transaction(|connection| {
            let dropped = self.drop_tables(connection, views);
            let left =
                dropped.and_then(|()| connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)));
            left.map_err(|source| self.error(source))
        })?;
        if left == 0 { turn.remove_file() } else { Ok(()) }
    }

    fn table_of(&self, view: &StoredView) -> String {
        table_name(&self.project, &view.stored_name)
    }

    fn drop_tables(&self, connection: &Connection, views: &[StoredView]) -> rusqlite::Result<()> {
        views.iter().try_for_each(|view| {
            let table = quoted(&self.table_of(view));
            connection.execute_batch(&format!("DROP TABLE IF EXISTS {table}"))
        })
    }
}

/// Makes a table as Python's `apply` makes it, and adds the column that older versions of Feast did not have.
fn ensure_table(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    match columns(connection, name)? {
        None => create_table(connection, name),
        Some(columns) if !columns.value_text => {
            let table = quoted(name);
            connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN value_text TEXT"))
        }
        Some(_) => Ok(()),
    }
}

/// Makes a table that is not there.
pub(super) fn create_table(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    let (table, index) = (quoted(name), quoted(&format!("{name}_ek")));
    connection.execute_batch(&format!(
        "CREATE TABLE {table} (entity_key BLOB, feature_name TEXT, value BLOB, value_text TEXT,  vector_value BLOB, \
         event_ts timestamp, created_ts timestamp,  PRIMARY KEY(entity_key, feature_name));
         CREATE INDEX IF NOT EXISTS {index} ON {table} (entity_key)"
    ))
}

/// The columns of a table; `None` when there is no such table.
pub(super) fn columns(connection: &Connection, name: &str) -> rusqlite::Result<Option<OptionalColumns>> {
    let mut statement = connection.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map(params![name], |row| row.get(0))?;
    let names: Vec<String> = names.collect::<rusqlite::Result<_>>()?;
    let has = |column: &str| names.iter().any(|name| name == column);
    Ok((!names.is_empty()).then(|| OptionalColumns {
        value_text: has("value_text"),
        value_num: has("value_num"),
        vector_value: has("vector_value"),
    }))
}
