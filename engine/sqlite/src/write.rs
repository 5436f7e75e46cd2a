//! Writing rows: one transaction a batch, in which the newest row of each key is found and kept.

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::row::RowVersion;
use feast_model::Timestamp;
use feast_model::error::{Error, Result};
use feast_rows::{Replace, WriteCount, newest_of_each_key};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::SqliteStore;
use crate::encoded_row::{EncodedFeature, SecondsVersion, features, split_key, split_row};
use crate::schema::{OptionalColumns, columns, create_table, quoted};

/// The statements for the rows of one table.
struct TableWriter<'connection> {
    connection: &'connection Connection,
    versions: String,
    upsert: String,
    columns: OptionalColumns,
}

impl SqliteStore {
    /// Writes rows, each a key and a row of [`RowEncoder`](crate::RowEncoder), in order of arrival: all or none. They are durable
    /// when this returns.
    ///
    /// The row of a key is replaced as a whole unless what is stored of the key is newer, be it of one feature only. Features
    /// that a row does not have stay as they are.
    ///
    /// # Errors
    /// `Unavailable` when the file is locked for too long or cannot be written, `Data` when what is stored cannot be compared.
    pub fn write_rows(&self, keys: &PackedBytes, rows: &PackedBytes, replace: Replace) -> Result<WriteCount> {
        let version = |position| {
            let (version, _) = split_row(rows.get(position)).map_err(|source| self.corrupt(source))?;
            Ok(RowVersion {
                event_time: self.time(version.event_second)?,
                created_time: version.created_second.map(|second| self.time(second)).transpose()?,
            })
        };
        let winners = newest_of_each_key(keys, replace, version)?;
        if winners.is_empty() {
            return Ok(WriteCount::default());
        }
        let mut turn = self.writer.wait_for_turn();
        let written = turn.transaction(|connection| {
            let mut written = 0;
            let mut table: Option<(&str, TableWriter<'_>)> = None;
            for (position, version) in &winners {
                let (name, entity) = split_key(keys.get(*position)).map_err(|source| self.corrupt(source))?;
                let writer = match &mut table {
                    Some((known, writer)) if *known == name => writer,
                    other => {
                        let writer = TableWriter::new(connection, name).map_err(|source| self.error(source))?;
                        &mut other.insert((name, writer)).1
                    }
                };
                let version = SecondsVersion::new(*version);
                if replace == Replace::OlderRows && self.stored_version(writer, entity)? > Some(version) {
                    continue;
                }
                self.write_row(writer, entity, rows.get(*position))?;
                written += 1;
            }
            Ok(written)
        })?;
        Ok(WriteCount {
            written,
            stale: keys.len() - written,
        })
    }

    /// The version of the newest feature that is stored of an entity.
    fn stored_version(&self, writer: &TableWriter<'_>, entity: &[u8]) -> Result<Option<SecondsVersion>> {
        let read = || {
            let mut statement = writer.connection.prepare_cached(&writer.versions)?;
            let mut rows = statement.query([entity])?;
            let mut newest = Some(None);
            while let Some(row) = rows.next()? {
                let version = match (row.get_ref(0)?, row.get_ref(1)?) {
                    (ValueRef::Integer(event_second), ValueRef::Integer(created_second)) => Some(SecondsVersion {
                        event_second,
                        created_second: Some(created_second),
                    }),
                    (ValueRef::Integer(event_second), ValueRef::Null) => Some(SecondsVersion {
                        event_second,
                        created_second: None,
                    }),
                    _ => None,
                };
                newest = newest.zip(version).map(|(newest, version)| newest.max(Some(version)));
            }
            Ok(newest)
        };
        let newest = read().map_err(|source| self.error(source))?;
        newest.ok_or_else(|| {
            Error::data("online store: a stored event_ts or created_ts is not a number of seconds")
                .with_hint("a version of Feast before 0.36 wrote it: remove the table, apply and materialize again")
        })
    }

    fn write_row(&self, writer: &TableWriter<'_>, entity: &[u8], row: &[u8]) -> Result<()> {
        let (version, bytes) = split_row(row).map_err(|source| self.corrupt(source))?;
        for feature in features(bytes) {
            let feature = feature.map_err(|source| self.corrupt(source))?;
            let written = writer.write(entity, version, feature);
            written.map_err(|source| self.error(source))?;
        }
        Ok(())
    }

    fn time(&self, second: i64) -> Result<Timestamp> {
        Timestamp::from_seconds(second)
            .ok_or_else(|| Error::internal("an event time is outside of what timestamps hold"))
    }
}

impl<'connection> TableWriter<'connection> {
    /// The table is made if it is not there.
    fn new(connection: &'connection Connection, name: &str) -> rusqlite::Result<Self> {
        let columns = match columns(connection, name)? {
            Some(columns) => columns,
            None => {
                create_table(connection, name)?;
                OptionalColumns::OF_NEW_TABLES
            }
        };
        let table = quoted(name);
        Ok(Self {
            connection,
            versions: format!("SELECT event_ts, created_ts FROM {table} WHERE entity_key = ?1"),
            upsert: upsert(&table, columns),
            columns,
        })
    }

    fn write(&self, entity: &[u8], version: SecondsVersion, feature: EncodedFeature<'_>) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(&self.upsert)?;
        let SecondsVersion {
            event_second,
            created_second,
        } = version;
        let EncodedFeature { name, value, text } = feature;
        statement.raw_bind_parameter(1, entity)?;
        statement.raw_bind_parameter(2, name)?;
        statement.raw_bind_parameter(3, value)?;
        statement.raw_bind_parameter(4, event_second)?;
        statement.raw_bind_parameter(5, created_second)?;
        if self.columns.value_text {
            statement.raw_bind_parameter(6, text.text())?;
        }
        if self.columns.value_num {
            statement.raw_bind_parameter(7, text.number())?;
        }
        statement.raw_execute()?;
        Ok(())
    }
}

/// The statement that writes one feature. A vector that Python has stored beside the value does not outlive it.
fn upsert(table: &str, columns: OptionalColumns) -> String {
    let mut insert = String::from("entity_key, feature_name, value, event_ts, created_ts");
    let mut values = String::from("?1, ?2, ?3, ?4, ?5");
    let mut update =
        String::from("value = excluded.value, event_ts = excluded.event_ts, created_ts = excluded.created_ts");
    let mut add = |column: &str, value: &str| {
        insert += &format!(", {column}");
        values += &format!(", {value}");
        update += &format!(", {column} = excluded.{column}");
    };
    if columns.value_text {
        add("value_text", "?6");
    }
    if columns.value_num {
        add("value_num", "?7");
    }
    if columns.vector_value {
        add("vector_value", "NULL");
    }
    format!(
        "INSERT INTO {table} ({insert}) VALUES ({values}) ON CONFLICT(entity_key, feature_name) DO UPDATE SET {update}"
    )
}
