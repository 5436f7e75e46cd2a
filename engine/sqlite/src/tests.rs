//! The store against files of Python Feast and beside writers in other processes.

mod all_types;
mod histories;
mod memory;
mod older_files;
mod other_processes;
mod python_rows;
mod tables;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use feast_codec::entity_key::EntityKeyEncoder;
use feast_codec::packed_bytes::PackedBytes;
use feast_codec::record::ViewShape;
use feast_codec::row::{RowHeader, RowVersion};
use feast_codec::row_reader::{SchemaRow, TypedColumns};
use feast_model::error::Result;
use feast_model::{Field, Timestamp, ValueType};
use feast_rows::{Replace, RowLookup, RowQueries, StoredView, WriteCount};
use rusqlite::Connection;
use tempfile::TempDir;

use super::SqliteStore;

/// A store in a directory of its own, which follows one view `v` of project `p` with the features `a` and `b`.
struct Opened {
    directory: TempDir,
    store: SqliteStore,
}

/// A row of the view `v`: entity, event time, created time, both in microseconds, `a`, `b`.
type Row<'a> = (i64, i64, Option<i64>, Option<i64>, Option<&'a str>);

impl Opened {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("data/online.db"), "p").unwrap();
        store.follow(&[view_v()]);
        Self { directory, store }
    }

    fn path(&self) -> &Path {
        &self.store.path
    }

    /// Makes the file by SQL.
    fn run(&self, sql: &str) {
        std::fs::create_dir_all(self.path().parent().unwrap()).unwrap();
        Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }

    fn write(&self, rows: &[Row<'_>]) -> WriteCount {
        self.try_write(rows, Replace::OlderRows).unwrap()
    }

    fn try_write(&self, rows: &[Row<'_>], replace: Replace) -> Result<WriteCount> {
        let a: ArrayRef = Arc::new(rows.iter().map(|row| row.3).collect::<Int64Array>());
        let b: ArrayRef = Arc::new(rows.iter().map(|row| row.4).collect::<StringArray>());
        let (columns, encoder) = ([a, b], self.store.row_encoder("v", &view_v().features)?);
        encoder.check(&columns)?;
        let (mut keys, mut encoded) = (PackedBytes::default(), PackedBytes::default());
        for (position, (id, event, created, ..)) in rows.iter().enumerate() {
            keys.push_with(|out| {
                encoder.start_key(out);
                out.extend_from_slice(&entity(*id));
            });
            encoded.push_with(|out| encoder.encode(version(*event, *created), &columns, position, out));
        }
        self.store.write_rows(&keys, &encoded, replace)
    }

    /// What is read of an entity, such as `a=1 b=null at 5.000000`; a feature that is not stored is left out.
    fn read(&self, id: i64) -> String {
        self.try_read(id).unwrap()
    }

    fn try_read(&self, id: i64) -> Result<String> {
        let rows = fetch(&self.store, "v", &[entity(id)])?;
        let Some(row) = rows[0].as_deref() else {
            return Ok("nothing".to_owned());
        };
        let header = RowHeader::decode(row).unwrap();
        let features = view_v().features;
        let cells = features.iter().filter_map(|feature| {
            let array = cell(&self.store, "v", feature, row)?;
            Some(match (array.is_null(0), &feature.value_type) {
                (true, _) => format!("{}=null", feature.name),
                (_, ValueType::Int64) => format!("{}={}", feature.name, array.as_primitive::<Int64Type>().value(0)),
                _ => format!("{}={}", feature.name, array.as_string::<i32>().value(0)),
            })
        });
        let mut words: Vec<String> = cells.collect();
        let seconds = |time: Timestamp| time.micros() as f64 / 1e6;
        words.push(format!("at {}", seconds(header.version.event_time)));
        words.extend(
            header
                .version
                .created_time
                .map(|time| format!("created {}", seconds(time))),
        );
        Ok(words.join(" "))
    }
}

fn view_v() -> StoredView {
    view("v", &[("a", ValueType::Int64), ("b", ValueType::String)])
}

fn view(name: &str, features: &[(&str, ValueType)]) -> StoredView {
    let fields = features
        .iter()
        .map(|(name, value_type)| field(name, value_type.clone()));
    StoredView {
        name: name.to_owned(),
        stored_name: name.to_owned(),
        join_keys: vec![field("id", ValueType::Int64)],
        features: fields.collect(),
        shape: ViewShape::new(Vec::new(), Vec::new()),
    }
}

fn field(name: &str, value_type: ValueType) -> Field {
    Field::new(name, value_type)
}

fn entity(id: i64) -> Vec<u8> {
    let mut key = Vec::new();
    let columns = [Arc::new(Int64Array::from(vec![id])) as ArrayRef];
    let encoder = EntityKeyEncoder::new(&[("id", &ValueType::Int64)]).unwrap();
    assert!(encoder.encode(&columns, 0, &mut key));
    key
}

fn version(event: i64, created: Option<i64>) -> RowVersion {
    RowVersion {
        event_time: Timestamp::from_micros(event),
        created_time: created.map(Timestamp::from_micros),
    }
}

/// The rows of a view for distinct entities.
fn fetch(store: &SqliteStore, view: &str, entities: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
    let tables = [vec![store.tables().get(view).unwrap().id]];
    let mut packed = PackedBytes::default();
    entities
        .iter()
        .for_each(|entity| packed.push_with(|out| out.extend_from_slice(entity)));
    let entities = [packed];
    let queries = RowQueries {
        tables: &tables,
        entities: &entities,
        features: None,
    };
    store.forget_changed_rows()?;
    let mut lookup = RowLookup::prepare(store.row_cache(), queries)?;
    while let Some(missing) = lookup.missing(queries) {
        let rows = store.fetch(missing)?;
        lookup.complete(store.row_cache(), queries, |position| rows.get(position))?;
    }
    let batch = lookup.into_batches().remove(0);
    Ok((0..entities[0].len())
        .map(|position| batch.get(position).map(<[u8]>::to_vec))
        .collect())
}

/// One value of a row as an array; `None` when it is not stored.
fn cell(store: &SqliteStore, view: &str, feature: &Field, row: &[u8]) -> Option<ArrayRef> {
    let tables = store.tables();
    let table = tables.get(view).unwrap();
    let data_type: DataType = feature.value_type.arrow_type();
    let mut columns = TypedColumns::new(data_type, table.schemas().len());
    let storage_type = feast_codec::row::storage_type(&feature.value_type);
    let slots = table.schemas().iter().map(|schema| {
        let position = schema.position(&feature.name, &storage_type)?;
        schema.layout.feature(position)
    });
    let number = columns.push(slots);
    let schema = RowHeader::decode(row).unwrap().schema_id as usize;
    let row = SchemaRow { bytes: row, schema };
    columns
        .is_stored(number, &row)
        .then(|| columns.read(&[Some(row)]).unwrap())
}
