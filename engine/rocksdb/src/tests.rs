//! The store against a model in memory, and its files on disk.

use std::collections::BTreeMap;

use feast_codec::entity_key::names_prefix;
use feast_codec::record::{SchemaRecord, TableDirectory, ViewShape};
use feast_codec::row::{RowLayout, RowVersion};
use feast_codec::storage_key::row_key;
use feast_config::MaterializationLimits;
use feast_model::Timestamp;
use feast_model::error::ErrorKind;
use feast_rows::{EncodedRows, RowLookup, RowQueries, Table, TableChange, TableView};
use proptest::prelude::*;

use super::*;

fn view(name: &str, features: &[&str]) -> TableView {
    let typed = |names: &[&str]| {
        names
            .iter()
            .map(|name| ((*name).to_owned(), "Int64".to_owned()))
            .collect()
    };
    TableView {
        name: name.to_owned(),
        shape: ViewShape::new(typed(&["id"]), typed(features)),
    }
}

/// The table of a view with one join key and these features.
pub(crate) fn ensure(storage: &RocksDbStore, name: &str, features: &[&str]) -> (Arc<Table>, u32) {
    storage.ensure_table(&view(name, features), &schema(features)).unwrap()
}

/// Runs a test of this crate that is ignored otherwise in another process, with these variables. Says whether it came to its end.
pub(crate) fn child_ends(test: &str, variables: [(&str, &std::ffi::OsStr); 2]) -> bool {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .envs(variables)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    child.unwrap().success()
}

/// For loads that need no more.
pub(crate) const LIMITS: MaterializationLimits = MaterializationLimits {
    memory: 1 << 20,
    disk: 1 << 20,
    shares: 1,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

/// What became of which tables.
fn changes(changes: Result<Vec<TableChange>>) -> Vec<String> {
    let texts = changes.unwrap().into_iter();
    texts
        .map(|TableChange { view, fate, rows }| format!("{fate:?} {view}: {rows}"))
        .collect()
}

fn schema(names: &[&str]) -> SchemaRecord {
    SchemaRecord {
        features: names
            .iter()
            .map(|name| ((*name).to_owned(), "i64".to_owned()))
            .collect(),
    }
}

/// A row without features: its schema id tells rows of one age apart, and so do bytes after it.
pub(crate) fn row(event_time: i64, created_time: Option<i64>, mark: u32) -> Vec<u8> {
    let version = RowVersion {
        event_time: Timestamp::from_micros(event_time),
        created_time: created_time.map(Timestamp::from_micros),
    };
    let mut bytes = Vec::new();
    RowLayout::new(&[]).encode(
        RowHeader {
            schema_id: mark,
            version,
        },
        &[],
        0,
        &mut bytes,
    );
    bytes.resize(bytes.len() + mark as usize % 3, 0);
    bytes
}

/// A key of the only join key of all views.
pub(crate) fn entity(id: &[u8]) -> Vec<u8> {
    [&names_prefix(["id"]), id].concat()
}

fn key(table: u32, id: u8) -> Vec<u8> {
    row_key(&entity(&[id]), table)
}

pub(crate) fn block(strings: &[Vec<u8>]) -> PackedBytes {
    let mut block = PackedBytes::default();
    strings
        .iter()
        .for_each(|string| block.push_with(|out| out.extend_from_slice(string)));
    block
}

/// What the database holds, which must be what readers get, be it in memory already or not.
fn stored(storage: &RocksDbStore, key: &[u8]) -> Option<Vec<u8>> {
    let (table, entity) = split_row_key(key).unwrap();
    let read = || read_rows(storage, &[table], &[entity]).remove(0);
    let stored = storage
        .reading()
        .get_many([key].into_iter())
        .unwrap()
        .remove(0)
        .map(|value| value.to_vec());
    assert_eq!([&read(), &read()], [&stored, &stored]);
    stored
}

/// The rows of each entity in each table.
pub(crate) fn read_rows(storage: &RocksDbStore, tables: &[u32], entities: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
    let keys = block(&entities.iter().map(|entity| entity.to_vec()).collect::<Vec<_>>());
    let queries = RowQueries {
        tables: &[tables.to_vec()],
        entities: &[keys],
        features: None,
    };
    let mut lookup = RowLookup::prepare(storage.row_cache(), queries).unwrap();
    while let Some(missing) = lookup.missing(queries) {
        let reading = storage.reading();
        let fetched = reading.fetch(missing).unwrap();
        lookup
            .complete(storage.row_cache(), queries, |position| fetched.get(position))
            .unwrap();
    }
    let found = lookup.into_batches().remove(0);
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
        let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
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
        let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
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
    /// Rows are loaded in bulk, some of them after others were gathered.
    Load(u8, Vec<Arrival>, Vec<Arrival>),
    /// A push is logged with its rows, or its log record goes with them.
    LogAndFinish(u8, Vec<Arrival>),
    /// A push is logged and nothing more.
    Log,
    /// The view gets another feature.
    Widen(u8),
    /// The registry does not have the view any more.
    Hide(u8),
    /// The registry has all views, as they are now.
    Restore,
    /// The time of hidden tables is over.
    Expire,
    /// The view is gone for good, and comes back without its rows.
    Drop(u8),
    /// The process ends and another one starts.
    Reopen,
}

fn event() -> impl Strategy<Value = Event> {
    let rows = || proptest::collection::vec((0_u8..4, 0_i64..5, proptest::option::of(0_i64..3)), 1..6);
    prop_oneof![
        6 => (0_u8..2, rows()).prop_map(|(view, rows)| Event::Write(view, rows)),
        3 => (0_u8..2, rows(), rows()).prop_map(|(view, rows, more)| Event::Load(view, rows, more)),
        2 => (0_u8..2, rows()).prop_map(|(view, rows)| Event::LogAndFinish(view, rows)),
        1 => Just(Event::Log),
        1 => (0_u8..2).prop_map(Event::Widen),
        2 => (0_u8..2).prop_map(Event::Hide),
        2 => Just(Event::Restore),
        1 => Just(Event::Expire),
        1 => (0_u8..2).prop_map(Event::Drop),
        2 => Just(Event::Reopen),
    ]
}

/// What a store should hold.
#[derive(Default)]
struct Model {
    rows: BTreeMap<(u8, u8), (Age, Vec<u8>)>,
    /// Views whose rows must not be visible now.
    hidden: [bool; 2],
    features: [usize; 2],
    logged: Vec<u64>,
    last_push: u64,
    marks: u32,
}

impl Model {
    fn forget(&mut self, view: u8) {
        self.rows.retain(|(known, _), _| *known != view);
        self.hidden[usize::from(view)] = false;
    }

    fn view(&self, index: u8) -> TableView {
        let names = self.feature_names(index);
        view(
            &format!("v{index}"),
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    }

    fn feature_names(&self, view: u8) -> Vec<String> {
        (0..=self.features[usize::from(view)])
            .map(|index| format!("f{index}"))
            .collect()
    }

    fn arrive(&mut self, view: u8, table: u32, rows: &[Arrival]) -> (PackedBytes, PackedBytes) {
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

    /// Of a hidden view, the hidden one.
    fn table(&self, storage: &RocksDbStore, view: u8) -> Arc<Table> {
        let names = self.feature_names(view);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        ensure(storage, &format!("v{view}"), &names).0
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
        let mut storage = RocksDbStore::open(directory.path(), "p", memory).unwrap();
        let identity = storage.identity().to_owned();
        let mut model = Model::default();
        for (step, event) in (0..).zip(&events) {
            match event {
                Event::Write(view, rows) => {
                    let table = model.table(&storage, *view);
                    let (keys, values) = model.arrive(*view, table.id, rows);
                    let count = storage.write_rows(&keys, &values, Replace::OlderRows).unwrap();
                    prop_assert_eq!(count.written + count.stale, rows.len());
                }
                Event::Load(view, rows, more) => {
                    let table = model.table(&storage, *view);
                    let mut load = storage.bulk_load(Replace::OlderRows, LIMITS);
                    for rows in [rows, more] {
                        let (keys, rows) = model.arrive(*view, table.id, rows);
                        load.add(EncodedRows { keys, rows }).unwrap();
                    }
                    let counts = load.finish(&mut |_| Ok(())).unwrap();
                    let WriteCount { written, stale } = counts[&table.id];
                    prop_assert_eq!((counts.len(), written + stale), (1, rows.len() + more.len()));
                }
                Event::LogAndFinish(view, rows) => {
                    let table = model.table(&storage, *view);
                    let none = PackedBytes::default();
                    let (number, _) = storage.log_push(b"push", &none, &none, Replace::OlderRows).unwrap();
                    prop_assert_eq!(number, model.last_push + 1);
                    model.last_push = number;
                    let (keys, values) = model.arrive(*view, table.id, rows);
                    storage.finish_push(number, &keys, &values, Replace::OlderRows).unwrap();
                }
                Event::Log => {
                    let none = PackedBytes::default();
                    let (number, _) = storage.log_push(b"push", &none, &none, Replace::OlderRows).unwrap();
                    model.last_push = number;
                    model.logged.push(number);
                }
                Event::Widen(view) => {
                    model.features[usize::from(*view)] += 1;
                    model.table(&storage, *view);
                }
                Event::Hide(view) => {
                    let gone = format!("v{view}");
                    let had_table = storage.tables().get(&gone).is_some();
                    let hidden = storage.hide_tables(|name| name != gone, at(step)).unwrap();
                    prop_assert_eq!(hidden.len(), usize::from(had_table));
                    model.hidden[usize::from(*view)] |= had_table;
                }
                Event::Restore => {
                    storage.restore_tables(&[model.view(0), model.view(1)]).unwrap();
                    model.hidden = [false, false];
                }
                Event::Expire => {
                    storage.drop_hidden_tables(at(step)).unwrap();
                    for view in (0..2).filter(|view| model.hidden[usize::from(*view)]).collect::<Vec<_>>() {
                        model.forget(view);
                    }
                }
                Event::Drop(view) => {
                    storage.drop_tables_of(&format!("v{view}")).unwrap();
                    model.forget(*view);
                }
                Event::Reopen => {
                    storage.sync().unwrap();
                    drop(storage);
                    storage = RocksDbStore::open(directory.path(), "p", memory).unwrap();
                    prop_assert_eq!(storage.identity(), &identity);
                }
            }
            let ids = [0, 1].map(|view| storage.tables().get(&format!("v{view}")).map(|table| table.id));
            for view in 0..2 {
                let (table, is_hidden) = (ids[usize::from(view)], model.hidden[usize::from(view)]);
                prop_assert!(!is_hidden || table.is_none());
                for id in 0..4 {
                    let expected = model.rows.get(&(view, id)).filter(|_| !is_hidden).map(|(_, bytes)| bytes.clone());
                    prop_assert_eq!(table.and_then(|table| stored(&storage, &key(table, id))), expected);
                }
            }
            if let [Some(first), Some(second)] = ids {
                let mut tables = [first, second];
                tables.sort_unstable();
                let together = read_rows(&storage, &tables, &[&entity(&[1]), &entity(&[0]), &[], &entity(&[1])]);
                let row = |table, id| stored(&storage, &key(table, id));
                let [low, high] = tables;
                let apart = [row(low, 1), row(high, 1), row(low, 0), row(high, 0), None, None, row(low, 1), row(high, 1)];
                prop_assert_eq!(together, apart);
            }
            let logged: Vec<u64> = storage.logged_pushes(0..=u64::MAX, usize::MAX).unwrap().into_iter().map(|(number, _)| number).collect();
            prop_assert_eq!(&logged, &model.logged);
        }
    }
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let newer = record::encode(&(record::STORE_FORMAT + 1)).unwrap();
    storage.db().put(KeyTag::Format.single(), newer).unwrap();
    drop(storage);
    let error = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default())
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(
        error
            .to_string()
            .contains("has format 3; this version knows formats up to 2"),
        "{error}"
    );
}

#[test]
fn replacing_all_rows_lets_the_last_arrival_win() {
    let directory = tempfile::tempdir().unwrap();
    let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
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
    let _storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let error = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default())
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&directory.path().display().to_string()));
}

#[test]
fn tables_keep_their_ids_and_gain_schemas() {
    let directory = tempfile::tempdir().unwrap();
    let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let (first, id) = ensure(&storage, "a", &["x"]);
    assert_eq!((first.id, id), (0, 0));
    let (same, id) = ensure(&storage, "a", &["x", "y"]);
    assert_eq!((same.id, id, same.schemas().len()), (0, 1, 2));
    ensure(&storage, "b", &["x"]);
    drop(storage);
    let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let (again, id) = ensure(&storage, "a", &["x"]);
    assert_eq!((again.id, id), (0, 0));
    assert_eq!(storage.tables().get("b").map(|table| table.id), Some(1));
}

#[test]
fn a_dropped_table_loses_its_rows_and_its_id() {
    let directory = tempfile::tempdir().unwrap();
    let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let (dropped, _) = ensure(&storage, "a", &["x"]);
    let (kept, _) = ensure(&storage, "b", &["x"]);
    let keys = block(&[key(dropped.id, 1), key(kept.id, 1)]);
    storage
        .write_rows(&keys, &block(&[row(1, None, 0), row(1, None, 0)]), Replace::OlderRows)
        .unwrap();
    assert_eq!(changes(storage.drop_tables_of("a")), ["Dropped a: 1 row"]);
    assert!(stored(&storage, &key(kept.id, 1)).is_some());
    let (new, _) = ensure(&storage, "a", &["x"]);
    assert_eq!(new.id, 2);
    assert_eq!(
        changes(storage.hide_tables(|view| view != "a", at(0))),
        ["Hidden a: 0 rows"]
    );
}

#[test]
fn dropped_tables_are_told_in_the_order_of_their_names() {
    let directory = tempfile::tempdir().unwrap();
    let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    for view in ["g", "c", "f", "a", "e", "b", "d"] {
        ensure(&storage, view, &["x"]);
    }
    let expected = ["a", "b", "c", "d", "e", "f", "g"].map(|view| format!("Dropped {view}: 0 rows"));
    assert_eq!(changes(storage.drop_all_tables()), expected);
}

#[test]
fn tables_of_another_project_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    ensure(&storage, "a", &["x"]);
    drop(storage);
    let other = RocksDbStore::open(directory.path(), "q", OnlineStoreMemory::default()).unwrap();
    assert!(other.tables().get("a").is_none());
    assert_eq!(changes(other.hide_tables(|_| false, at(0))), [] as [&str; 0]);
    assert_eq!(changes(other.drop_all_tables()), [] as [&str; 0]);
    let (table, _) = ensure(&other, "a", &["x"]);
    assert_eq!(table.id, 1);
}

#[test]
fn a_hidden_table_is_there_again_with_its_view() {
    let directory = tempfile::tempdir().unwrap();
    let open = || RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let mut storage = open();
    let (table, _) = ensure(&storage, "a", &["x"]);
    let keys = block(&[key(table.id, 1), key(table.id, 2)]);
    let rows = [row(1, None, 0), row(1, None, 0)];
    storage.write_rows(&keys, &block(&rows), Replace::OlderRows).unwrap();
    assert_eq!(changes(storage.hide_tables(|_| false, at(100))), ["Hidden a: 2 rows"]);
    assert!(storage.tables().get("a").is_none());
    drop(storage);

    storage = open();
    assert!(storage.tables().get("a").is_none());
    assert_eq!(changes(storage.drop_hidden_tables(at(99))), [] as [&str; 0]);
    assert_eq!(changes(storage.restore_tables(&[view("b", &["x"])])), [] as [&str; 0]);
    // A feature more is not found in the rows, but they are rows of the view.
    let wider = [view("a", &["x", "y"])];
    assert_eq!(changes(storage.restore_tables(&wider)), ["Restored a: 2 rows"]);
    assert_eq!(storage.tables().get("a").map(|table| table.id), Some(table.id));
    assert_eq!(stored(&storage, &key(table.id, 1)), Some(rows[0].clone()));

    storage.hide_tables(|_| false, at(200)).unwrap();
    assert_eq!(changes(storage.drop_hidden_tables(at(200))), ["Dropped a: 2 rows"]);
    // What is still in memory of it is never requested: its number is not given again.
    let row = key(table.id, 1);
    while storage.reclaim().unwrap() {}
    assert!(storage.reading().get_many([row.as_slice()].into_iter()).unwrap()[0].is_none());
    drop(storage);
    storage = open();
    assert_eq!(changes(storage.restore_tables(&wider)), [] as [&str; 0]);
    assert_eq!(ensure(&storage, "a", &["x"]).0.id, table.id + 1);
}

#[test]
fn another_view_of_the_name_does_not_get_the_rows() {
    let directory = tempfile::tempdir().unwrap();
    let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let (first, _) = ensure(&storage, "a", &["x"]);
    let keys = block(&[key(first.id, 1)]);
    storage
        .write_rows(&keys, &block(&[row(1, None, 0)]), Replace::OlderRows)
        .unwrap();
    storage.hide_tables(|_| false, at(100)).unwrap();

    let mut other = view("a", &["x"]);
    other.shape.join_keys[0].1 = "String".to_owned();
    assert_eq!(changes(storage.restore_tables(&[other.clone()])), [] as [&str; 0]);
    let (second, _) = storage.ensure_table(&other, &schema(&["x"])).unwrap();
    assert_ne!(second.id, first.id);
    let mut retyped = view("a", &["x"]);
    retyped.shape.features[0].1 = "Float64".to_owned();
    // While it is there, its own table is the one of the name.
    assert_eq!(changes(storage.restore_tables(&[view("a", &["x"])])), [] as [&str; 0]);
    storage.hide_tables(|_| false, at(101)).unwrap();
    assert_eq!(changes(storage.restore_tables(&[retyped])), [] as [&str; 0]);
    // Each comes back to its own rows.
    assert_eq!(
        changes(storage.restore_tables(&[view("a", &["x"])])),
        ["Restored a: 1 row"]
    );
    assert_eq!(storage.tables().get("a").map(|table| table.id), Some(first.id));
    assert_eq!(changes(storage.drop_hidden_tables_of("a")), ["Dropped a: 0 rows"]);
    assert_eq!(changes(storage.drop_all_tables()), ["Dropped a: 1 row"]);
}

#[test]
fn an_older_version_finds_the_tables_in_use_and_no_hidden_one() {
    let directory = tempfile::tempdir().unwrap();
    let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let (kept, _) = ensure(&storage, "a", &["x"]);
    ensure(&storage, "b", &["x"]);
    storage.hide_tables(|view| view == "a", at(100)).unwrap();
    // What it reads.
    let directory: TableDirectory = storage.read_record(KeyTag::Directory).unwrap().unwrap();
    assert_eq!(directory.next_table_id, 2);
    let tables: Vec<u32> = directory.tables.iter().map(|table| table.table_id).collect();
    assert_eq!(tables, [kept.id]);

    // It knows nothing of the details, and makes a table of the name of a hidden one.
    storage.db().delete(KeyTag::TableDetails.single()).unwrap();
    storage.publish(&storage.read_directory().unwrap());
    assert!(storage.tables().get("a").is_some_and(|table| table.is_materialized()));
    assert_eq!(changes(storage.restore_tables(&[view("a", &["x"])])), [] as [&str; 0]);
    assert_eq!(
        storage.tables().get("a").and_then(|table| table.shape().cloned()),
        Some(view("a", &["x"]).shape)
    );
}

#[test]
fn new_join_keys_make_materialized_rows_unfindable() {
    let directory = tempfile::tempdir().unwrap();
    let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let is_materialized = || storage.tables().get("a").map(|table| table.is_materialized());
    ensure(&storage, "a", &["x"]);
    assert_eq!(is_materialized(), Some(false));
    storage.mark_materialized("a").unwrap();
    ensure(&storage, "a", &["x", "y"]);
    assert_eq!(is_materialized(), Some(true));
    let mut other = view("a", &["x"]);
    other.shape.join_keys[0].0 = "other".to_owned();
    storage.ensure_table(&other, &schema(&["x"])).unwrap();
    assert_eq!(is_materialized(), Some(false));
}

#[test]
fn many_rows_are_counted_about() {
    let directory = tempfile::tempdir().unwrap();
    let storage = RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let table = ensure(&storage, "a", &["x"]).0.id;
    for start in (0..120_000_u32).step_by(20_000) {
        let (mut keys, mut rows) = (PackedBytes::default(), PackedBytes::default());
        for id in start..start + 20_000 {
            keys.push_with(|out| {
                out.extend_from_slice(&row_key(&entity(&id.to_be_bytes()), table));
            });
            rows.push_with(|out| out.extend_from_slice(&row(1, None, 0)));
        }
        storage.write_rows(&keys, &rows, Replace::OlderRows).unwrap();
    }
    storage.db().flush().unwrap();
    let texts = changes(storage.hide_tables(|_| false, at(0)));
    let number = texts[0]
        .strip_prefix("Hidden a: about ")
        .and_then(|text| text.strip_suffix(" rows"));
    let number: u64 = number.unwrap().parse().unwrap();
    assert!((100_000..200_000).contains(&number), "{texts:?}");
}

#[test]
fn the_files_of_a_new_store_are_for_its_owner_alone() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
    let parent = tempfile::tempdir().unwrap();
    let files_of = |path: &Path| {
        let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        let mut modes: Vec<u32> = entries.map(|path| mode(&path)).collect();
        modes.sort_unstable();
        modes.dedup();
        modes
    };
    let check = |path: &Path, directory_mode, file_mode| {
        let storage = RocksDbStore::open(path, "p", OnlineStoreMemory::default()).unwrap();
        let table = ensure(&storage, "a", &["x"]).0.id;
        storage
            .write_rows(&block(&[key(table, 1)]), &block(&[row(1, None, 0)]), Replace::OlderRows)
            .unwrap();
        storage.write_file("SERVER", b"address").unwrap();
        // A new table file and a new log.
        storage.db().flush().unwrap();
        storage.tend();
        assert_eq!(
            (mode(path), files_of(path)),
            (directory_mode, vec![file_mode]),
            "{}",
            path.display()
        );
    };
    let new = parent.path().join("made/new");
    check(&new, 0o700, 0o600);
    // Opened again, and with a directory that its owner has opened to others since.
    check(&new, 0o700, 0o600);
    for (name, directory_mode, file_mode) in [
        ("group", 0o2770, 0o660),
        ("readers", 0o750, 0o640),
        ("all", 0o755, 0o640),
    ] {
        let path = parent.path().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(directory_mode)).unwrap();
        check(&path, directory_mode, file_mode);
    }
}
