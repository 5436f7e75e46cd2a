use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::codec::row::RowLayout;
use crate::codec::storage_key::row_prefix;
use crate::error::ErrorKind;
use crate::model::Timestamp;

fn schema(names: &[&str]) -> SchemaRecord {
    SchemaRecord {
        features: names
            .iter()
            .map(|name| ((*name).to_owned(), "i64".to_owned()))
            .collect(),
    }
}

/// A row without features: its schema id tells rows of one age apart, and so do bytes behind it.
fn row(event_time: i64, created_time: Option<i64>, mark: u32) -> Vec<u8> {
    let age = RowAge {
        event_time: Timestamp::from_micros(event_time),
        created_time: created_time.map(Timestamp::from_micros),
    };
    let mut bytes = Vec::new();
    RowLayout::new(&[]).encode(RowHeader { schema_id: mark, age }, &[], 0, &mut bytes);
    bytes.resize(bytes.len() + mark as usize % 3, 0);
    bytes
}

fn key(table: u32, id: u8) -> Vec<u8> {
    [row_prefix(table).as_slice(), &[id]].concat()
}

fn block(strings: &[Vec<u8>]) -> ByteBlock {
    let mut block = ByteBlock::default();
    strings
        .iter()
        .for_each(|string| block.push_with(|out| out.extend_from_slice(string)));
    block
}

/// What the database holds, which must be what readers get, be it in memory already or not.
fn stored(storage: &Storage, key: &[u8]) -> Option<Vec<u8>> {
    let (table, entity) = split_row_key(key).unwrap();
    let read = || read_rows(storage, &[table], &[entity]).remove(0);
    let stored = storage.get_many([key].into_iter()).unwrap().remove(0);
    let stored = stored.map(|value| value.to_vec());
    assert_eq!([&read(), &read()], [&stored, &stored]);
    stored
}

fn admit_all(_: usize) -> Result<()> {
    Ok(())
}

/// The rows of each entity in each table.
fn read_rows(storage: &Storage, tables: &[u32], entities: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
    let keys = block(&entities.iter().map(|entity| entity.to_vec()).collect::<Vec<_>>());
    let query = RowQuery {
        tables,
        entities: &keys,
    };
    let found = storage.read_rows(&[query], admit_all).unwrap().remove(0);
    let rows = 0..tables.len() * entities.len();
    rows.map(|position| found.get(position).map(<[u8]>::to_vec)).collect()
}

/// Event time and created time.
type Age = (i64, Option<i64>);

/// One written row of the model test: key, event time, created time.
type Arrival = (u8, i64, Option<i64>);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the order and batching of arrivals, each key holds the greatest age, the later arrival when equal,
    /// also after the store was closed and opened.
    #[test]
    fn keeps_the_newest_row_of_each_key(
        batches in proptest::collection::vec(
            proptest::collection::vec((0_u8..4, 0_i64..4, proptest::option::of(0_i64..3)), 1..6), 1..8)
    ) {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
        let mut model: BTreeMap<u8, (Age, Vec<u8>)> = BTreeMap::new();
        let mut mark = 0;
        for batch in &batches {
            let batch: &Vec<Arrival> = batch;
            let mut keys = Vec::new();
            let mut rows = Vec::new();
            for (id, event_time, created_time) in batch {
                mark += 1;
                let bytes = row(*event_time, *created_time, mark);
                let age = (*event_time, *created_time);
                if model.get(id).is_none_or(|(known, _)| *known <= age) {
                    model.insert(*id, (age, bytes.clone()));
                }
                keys.push(key(1, *id));
                rows.push(bytes);
            }
            let count = storage.write_rows(&block(&keys), &block(&rows), Replace::OlderRows).unwrap();
            prop_assert_eq!(count.written + count.stale, batch.len());
        }
        storage.sync().unwrap();
        drop(storage);
        let storage = Storage::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
        for id in 0..4 {
            prop_assert_eq!(stored(&storage, &key(1, id)), model.get(&id).map(|(_, bytes)| bytes.clone()));
        }
    }
}

/// Something that happens to a store of two views.
#[derive(Debug, Clone)]
enum Event {
    /// Rows arrive together: key, event time, created time.
    Write(u8, Vec<Arrival>),
    /// A push is logged with its rows, or its log record goes with them.
    LogAndFinish(u8, Vec<Arrival>),
    /// A push is logged and nothing more.
    Log,
    /// The view gets another feature.
    Widen(u8),
    /// The view is gone, and comes back without its rows.
    Drop(u8),
    /// The process ends and another one starts.
    Reopen,
}

fn event() -> impl Strategy<Value = Event> {
    let rows = || proptest::collection::vec((0_u8..4, 0_i64..5, proptest::option::of(0_i64..3)), 1..6);
    prop_oneof![
        6 => (0_u8..2, rows()).prop_map(|(view, rows)| Event::Write(view, rows)),
        2 => (0_u8..2, rows()).prop_map(|(view, rows)| Event::LogAndFinish(view, rows)),
        1 => Just(Event::Log),
        1 => (0_u8..2).prop_map(Event::Widen),
        1 => (0_u8..2).prop_map(Event::Drop),
        2 => Just(Event::Reopen),
    ]
}

/// What a store should hold.
#[derive(Default)]
struct Model {
    rows: BTreeMap<(u8, u8), (Age, Vec<u8>)>,
    features: [usize; 2],
    logged: Vec<u64>,
    last_push: u64,
    marks: u32,
}

impl Model {
    fn arrive(&mut self, view: u8, table: u32, rows: &[Arrival]) -> (ByteBlock, ByteBlock) {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (id, event_time, created_time) in rows {
            self.marks += 1;
            let bytes = row(*event_time, *created_time, self.marks);
            let age = (*event_time, *created_time);
            if self.rows.get(&(view, *id)).is_none_or(|(known, _)| *known <= age) {
                self.rows.insert((view, *id), (age, bytes.clone()));
            }
            keys.push(key(table, *id));
            values.push(bytes);
        }
        (block(&keys), block(&values))
    }

    fn table(&self, storage: &Storage, view: u8) -> Arc<Table> {
        let names: Vec<String> = (0..=self.features[usize::from(view)])
            .map(|index| format!("f{index}"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        storage.ensure_table(&format!("v{view}"), &schema(&names)).unwrap().0
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to a store, it holds what the model holds.
    #[test]
    fn holds_what_the_model_holds(
        events in proptest::collection::vec(event(), 1..24),
        row_cache in prop_oneof![Just(0), Just(16 << 10), Just(1 << 20)],
    ) {
        let directory = tempfile::tempdir().unwrap();
        let memory = OnlineStoreMemory { row_cache, ..OnlineStoreMemory::default() };
        let mut storage = Storage::open(directory.path(), "p", memory).unwrap();
        let identity = storage.identity().to_owned();
        let mut model = Model::default();
        for event in &events {
            match event {
                Event::Write(view, rows) => {
                    let table = model.table(&storage, *view);
                    let (keys, values) = model.arrive(*view, table.id, rows);
                    let count = storage.write_rows(&keys, &values, Replace::OlderRows).unwrap();
                    prop_assert_eq!(count.written + count.stale, rows.len());
                }
                Event::LogAndFinish(view, rows) => {
                    let table = model.table(&storage, *view);
                    let none = ByteBlock::default();
                    let (number, _) = storage.log_push(b"push", &none, &none, Replace::OlderRows).unwrap();
                    prop_assert_eq!(number, model.last_push + 1);
                    model.last_push = number;
                    let (keys, values) = model.arrive(*view, table.id, rows);
                    storage.finish_push(number, &keys, &values, Replace::OlderRows).unwrap();
                }
                Event::Log => {
                    let none = ByteBlock::default();
                    let (number, _) = storage.log_push(b"push", &none, &none, Replace::OlderRows).unwrap();
                    model.last_push = number;
                    model.logged.push(number);
                }
                Event::Widen(view) => {
                    model.features[usize::from(*view)] += 1;
                    model.table(&storage, *view);
                }
                Event::Drop(view) => {
                    let gone = format!("v{view}");
                    storage.drop_tables(|name| name != gone).unwrap();
                    model.rows.retain(|(known, _), _| known != view);
                }
                Event::Reopen => {
                    storage.sync().unwrap();
                    drop(storage);
                    storage = Storage::open(directory.path(), "p", memory).unwrap();
                    prop_assert_eq!(storage.identity(), &identity);
                }
            }
            let ids = [0, 1].map(|view| storage.tables().get(&format!("v{view}")).map(|table| table.id));
            for view in 0..2 {
                let table = ids[usize::from(view)];
                for id in 0..4 {
                    let expected = model.rows.get(&(view, id)).map(|(_, bytes)| bytes.clone());
                    prop_assert_eq!(table.and_then(|table| stored(&storage, &key(table, id))), expected);
                }
            }
            if let [Some(first), Some(second)] = ids {
                let mut tables = [first, second];
                tables.sort_unstable();
                let together = read_rows(&storage, &tables, &[&[1], &[0], &[], &[1]]);
                let row = |table, id| stored(&storage, &key(table, id));
                let [low, high] = tables;
                let apart = [row(low, 1), row(high, 1), row(low, 0), row(high, 0), None, None, row(low, 1), row(high, 1)];
                prop_assert_eq!(together, apart);
            }
            let logged: Vec<u64> = storage.logged_pushes().unwrap().into_iter().map(|(number, _)| number).collect();
            prop_assert_eq!(&logged, &model.logged);
        }
    }
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let newer = record::encode(&(STORE_FORMAT + 1)).unwrap();
    storage.db.put(KeyTag::Format.single(), newer).unwrap();
    drop(storage);
    let error = Storage::open(directory.path(), "p", OnlineStoreMemory::default())
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(
        error.to_string().contains("has format 2; this version knows format 1"),
        "{error}"
    );
}

#[test]
fn replacing_all_rows_lets_the_last_arrival_win() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let keys = block(&[key(1, 0), key(1, 0)]);
    let rows = [row(9, None, 1), row(5, None, 2)];
    storage.write_rows(&keys, &block(&rows), Replace::OlderRows).unwrap();
    assert_eq!(stored(&storage, &key(1, 0)).as_ref(), Some(&rows[0]));
    let count = storage.write_rows(&keys, &block(&rows), Replace::AllRows).unwrap();
    assert_eq!(count, WriteCount { written: 1, stale: 1 });
    assert_eq!(stored(&storage, &key(1, 0)).as_ref(), Some(&rows[1]));
}

#[test]
fn a_second_opener_is_told_who_is_in_the_way() {
    let directory = tempfile::tempdir().unwrap();
    let _storage = Storage::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let error = Storage::open(directory.path(), "p", OnlineStoreMemory::default())
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&directory.path().display().to_string()));
}

#[test]
fn tables_keep_their_ids_and_gain_schemas() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let (first, id) = storage.ensure_table("a", &schema(&["x"])).unwrap();
    assert_eq!((first.id, id), (0, 0));
    let (same, id) = storage.ensure_table("a", &schema(&["x", "y"])).unwrap();
    assert_eq!((same.id, id, same.schemas().len()), (0, 1, 2));
    storage.ensure_table("b", &schema(&["x"])).unwrap();
    drop(storage);
    let storage = Storage::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let (again, id) = storage.ensure_table("a", &schema(&["x"])).unwrap();
    assert_eq!((again.id, id), (0, 0));
    assert_eq!(storage.tables().get("b").map(|table| table.id), Some(1));
}

#[test]
fn a_dropped_table_loses_its_rows_and_its_id() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let (dropped, _) = storage.ensure_table("a", &schema(&["x"])).unwrap();
    let (kept, _) = storage.ensure_table("b", &schema(&["x"])).unwrap();
    let keys = block(&[key(dropped.id, 1), key(kept.id, 1)]);
    storage
        .write_rows(&keys, &block(&[row(1, None, 0), row(1, None, 0)]), Replace::OlderRows)
        .unwrap();
    assert_eq!(storage.drop_tables(|view| view == "b").unwrap(), ["a"]);
    assert_eq!(stored(&storage, &key(dropped.id, 1)), None);
    assert!(stored(&storage, &key(kept.id, 1)).is_some());
    let (new, _) = storage.ensure_table("a", &schema(&["x"])).unwrap();
    assert_eq!(new.id, 2);
}

#[test]
fn tables_of_another_project_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    storage.ensure_table("a", &schema(&["x"])).unwrap();
    drop(storage);
    let other = Storage::open(directory.path(), "q", OnlineStoreMemory::default()).unwrap();
    assert!(other.tables().get("a").is_none());
    assert!(other.drop_tables(|_| false).unwrap().is_empty());
    let (table, _) = other.ensure_table("a", &schema(&["x"])).unwrap();
    assert_eq!(table.id, 1);
}
