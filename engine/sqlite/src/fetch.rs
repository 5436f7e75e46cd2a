//! Rows by entity: the values of all features of a view into one row of ours.
//!
//! A look-up is one read transaction: all its rows are of one state of the file, and the lock is taken once. Entities are asked for
//! one by one with a prepared statement, 4.9 us for ten features. `IN (...)` over a hundred of them takes 3.8 us each, and would
//! need the rows sorted into place.

use feast_codec::feast_value::{CorruptValue, MAX_VALUE_BYTES};
use feast_codec::row::{Cell, RowHeader, RowVersion};
use feast_model::Timestamp;
use feast_model::error::{Error, Result};
use feast_rows::{MissingRows, RowBatch};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{CachedStatement, Connection, Row};

use crate::SqliteStore;
use crate::error::{is_missing_table, needs_rollback};
use crate::views::{ViewReader, Views};

/// The maximum size of fetched rows: more cannot be answered in one request.
const MAX_BYTES: usize = 1 << 30;
/// Schemas of a table that was made by [`feast_rows::Table::of_view`].
const ALL_STORED: u32 = 0;
const WITH_STORED_BITS: u32 = 1;

/// The stored values of one entity, and the row that is made of them. Reused from one entity to the next.
#[derive(Default)]
struct EntityValues {
    bytes: Vec<u8>,
    /// Of each feature of the view, where its value lies in `bytes`; `None` if it is not stored.
    spans: Vec<Option<(usize, usize)>>,
    /// Seconds of the newest feature, also of one that the view does not have any more; `None` when nothing is stored.
    version: Option<(i64, Option<i64>)>,
    /// A feature that cannot be read was left out, as nobody asks for it.
    is_damaged: bool,
    row: Vec<u8>,
}

/// Why a look-up ended early.
enum Stop {
    Sqlite(rusqlite::Error),
    Corrupt(CorruptFeature),
    TooLarge,
}

/// What is stored of a feature cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("feature {feature} of view {view}: {problem}")]
pub(super) struct CorruptFeature {
    view: String,
    feature: String,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{0}")]
    Value(CorruptValue),
    #[error("its {column} is stored as {found}, not as {expected}")]
    Column {
        column: &'static str,
        found: Type,
        expected: &'static str,
    },
    #[error("its {0} is outside of what timestamps hold")]
    Time(&'static str),
}

impl From<rusqlite::Error> for Stop {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

impl SqliteStore {
    /// Fetches rows: table by table, and in each table entity by entity, in the order of [`MissingRows::by_query`].
    ///
    /// # Errors
    /// `Unavailable` when the file is locked for too long, `Data` for a value that cannot be read.
    pub fn fetch(&self, missing: MissingRows<'_>) -> Result<RowBatch> {
        let views = self.views.load();
        let read = || {
            self.writer
                .between_commits(|| self.readers.with(|connection| self.read(connection, &views, missing)))
        };
        let mut outcome = read()?;
        if matches!(&outcome, Some(Err(Stop::Sqlite(source))) if needs_rollback(source)) {
            self.recover()?;
            outcome = read()?;
        }
        match outcome {
            Some(Ok(batch)) => Ok(batch),
            Some(Err(Stop::Sqlite(source))) => Err(self.error(source)),
            Some(Err(Stop::Corrupt(feature))) => Err(self.corrupt(feature)),
            Some(Err(Stop::TooLarge)) => {
                let message = format!("the rows asked for take more than {} MiB", MAX_BYTES >> 20);
                Err(Error::invalid(message).with_hint("ask for them in several requests"))
            }
            None => {
                let mut batch = RowBatch::with_capacity(0);
                batch.push_missing(missing.row_count());
                Ok(batch)
            }
        }
    }

    /// All rows of a look-up. On failure the transaction is left open: the connection is not used again.
    fn read(&self, connection: &Connection, views: &Views, missing: MissingRows<'_>) -> Result<RowBatch, Stop> {
        let mut batch = RowBatch::with_capacity(missing.row_count());
        let mut values = EntityValues::default();
        connection.prepare_cached("BEGIN")?.execute([])?;
        for (tables, entities) in missing.by_query() {
            for table in tables {
                // A table without a view: the registry has changed since the look-up began, which is then begun again.
                let view = views.reader(*table);
                let found = view.map(|view| statement_of(connection, view)).transpose()?.flatten();
                let Some((view, mut statement)) = view.zip(found) else {
                    batch.push_missing(entities.clone().count());
                    continue;
                };
                for entity in entities.clone() {
                    values.read(&mut statement, view, entity, missing)?;
                    batch.push(values.encode(view, missing).map_err(Stop::Corrupt)?);
                    if values.is_damaged {
                        // Another request may ask for what was left out.
                        self.row_cache.forget(entity);
                    }
                    if batch.bytes() > MAX_BYTES {
                        return Err(Stop::TooLarge);
                    }
                }
            }
        }
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(batch)
    }
}

/// The statement for the rows of a view; `None` when the view has no table yet.
fn statement_of<'connection>(
    connection: &'connection Connection,
    view: &ViewReader,
) -> rusqlite::Result<Option<CachedStatement<'connection>>> {
    match connection.prepare_cached(&view.query) {
        Ok(statement) => Ok(Some(statement)),
        Err(source) if is_missing_table(&source) => Ok(None),
        Err(source) => Err(source),
    }
}

impl EntityValues {
    /// Takes what is stored of an entity. The statement is reset when this returns.
    fn read(
        &mut self,
        statement: &mut CachedStatement<'_>,
        view: &ViewReader,
        entity: &[u8],
        missing: MissingRows<'_>,
    ) -> Result<(), Stop> {
        self.bytes.clear();
        self.spans.clear();
        self.spans.resize(view.features.len(), None);
        self.version = None;
        self.is_damaged = false;
        let mut rows = statement.query([entity])?;
        while let Some(row) = rows.next()? {
            let name = match row.get_ref(0)? {
                ValueRef::Text(name) => name,
                // A row of nobody: a feature has a name.
                _ => continue,
            };
            match self.read_feature(row, view, name) {
                Err(Stop::Corrupt(corrupt)) if !missing.asks_for(view.table.id, &corrupt.feature) => {
                    self.is_damaged = true;
                }
                read => read?,
            }
        }
        Ok(())
    }

    fn read_feature(&mut self, row: &Row<'_>, view: &ViewReader, name: &[u8]) -> Result<(), Stop> {
        let corrupt = |problem| {
            Stop::Corrupt(CorruptFeature {
                view: view.view.clone(),
                feature: String::from_utf8_lossy(name).into_owned(),
                problem,
            })
        };
        let event_second = match row.get_ref(2)? {
            ValueRef::Integer(second) => second,
            other => return Err(corrupt(Problem::column("event_ts", &other, "a number of seconds"))),
        };
        let created_second = match row.get_ref(3)? {
            ValueRef::Integer(second) => Some(second),
            ValueRef::Null => None,
            other => return Err(corrupt(Problem::column("created_ts", &other, "a number of seconds"))),
        };
        let version = self.version.max(Some((event_second, created_second)));
        let position = str::from_utf8(name).ok().and_then(|name| view.positions.get(name));
        let Some(position) = position else {
            self.version = version;
            return Ok(());
        };
        let value = match row.get_ref(1)? {
            ValueRef::Blob(value) => value,
            ValueRef::Null => &[],
            other => return Err(corrupt(Problem::column("value", &other, "bytes"))),
        };
        if value.len() > MAX_VALUE_BYTES {
            return Err(corrupt(Problem::Value(CorruptValue::TooLong(value.len()))));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        if self.bytes.len() > MAX_BYTES {
            return Err(Stop::TooLarge);
        }
        self.version = version;
        self.spans[*position] = Some((start, self.bytes.len()));
        Ok(())
    }

    /// Writes what was read as a row of ours; `None` when nothing is stored of the entity. The event time of a row is that of its newest
    /// feature. Python's is that of the feature whose place in the file comes last, which says nothing where they differ.
    fn encode(&mut self, view: &ViewReader, missing: MissingRows<'_>) -> Result<Option<&[u8]>, CorruptFeature> {
        let Some((event_second, created_second)) = self.version else {
            return Ok(None);
        };
        let corrupt = |feature: &str, problem| CorruptFeature {
            view: view.view.clone(),
            feature: feature.to_owned(),
            problem,
        };
        let time = |second, column| Timestamp::from_seconds(second).ok_or_else(|| corrupt("*", Problem::Time(column)));
        let version = RowVersion {
            event_time: time(event_second, "event_ts")?,
            created_time: created_second.map(|second| time(second, "created_ts")).transpose()?,
        };
        loop {
            let schema_id = match self.spans.iter().all(Option::is_some) {
                true => ALL_STORED,
                false => WITH_STORED_BITS,
            };
            let layout = &view.table.schemas()[schema_id as usize].layout;
            self.row.clear();
            let (bytes, spans) = (&self.bytes, &self.spans);
            let read = |feature: usize, out: &mut Vec<u8>| match spans[feature] {
                None => Ok(Cell::NotStored),
                Some((start, end)) => view.decoders[feature]
                    .decode(&bytes[start..end], out)
                    .map_err(|problem| (feature, problem)),
            };
            match layout.encode_cells(RowHeader { schema_id, version }, read, &mut self.row) {
                Ok(_) => return Ok(Some(&self.row)),
                Err((feature, problem)) if missing.asks_for(view.table.id, &view.features[feature]) => {
                    return Err(corrupt(&view.features[feature], Problem::Value(problem)));
                }
                Err((feature, _)) => {
                    self.is_damaged = true;
                    self.spans[feature] = None;
                }
            }
        }
    }
}

impl Problem {
    fn column(column: &'static str, found: &ValueRef<'_>, expected: &'static str) -> Self {
        Self::Column {
            column,
            found: found.data_type(),
            expected,
        }
    }
}
