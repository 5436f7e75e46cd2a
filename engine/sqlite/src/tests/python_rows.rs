//! Every row of a file that Python Feast has written: read, and written again with the same bytes.

use std::collections::{BTreeMap, HashSet};

use feast_codec::record::ViewShape;
use feast_model::FeatureView;
use feast_registry::RegistryFile;
use serde_json::Value;

use super::*;

fn stored(view: &FeatureView) -> StoredView {
    StoredView {
        name: view.name().to_owned(),
        stored_name: view.name().to_owned(),
        join_keys: view.entity_columns.clone(),
        features: view.features.clone(),
        shape: ViewShape::new(Vec::new(), Vec::new()),
    }
}

fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// The recorded rows of a table, by entity and feature.
type Rows = BTreeMap<Vec<u8>, BTreeMap<String, Value>>;

fn recorded() -> BTreeMap<String, Rows> {
    let text = std::fs::read_to_string(Path::new(feast_fixtures::SQLITE_STORE).join("rows.jsonl")).unwrap();
    let mut tables: BTreeMap<String, Rows> = BTreeMap::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let rows = tables.entry(row["table"].as_str().unwrap().to_owned()).or_default();
        let features = rows.entry(hex(&row["entity_key"])).or_default();
        features.insert(row["feature_name"].as_str().unwrap().to_owned(), row);
    }
    tables
}

#[test]
fn all_rows_are_read_and_written_again_with_the_same_bytes() {
    let fixtures = Path::new(feast_fixtures::SQLITE_STORE);
    let registry = RegistryFile::new(&fixtures.join("registry.db"), "types_repo")
        .load()
        .unwrap();
    let (definitions, _) = registry.contents.definitions().unwrap();
    let views: Vec<StoredView> = definitions.feature_views.iter().map(stored).collect();
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("online.db");
    std::fs::copy(fixtures.join("online_store.db"), &copy).unwrap();
    let store = SqliteStore::open(&copy, "types_repo").unwrap();
    let written = SqliteStore::open(&directory.path().join("written.db"), "types_repo").unwrap();
    store.follow(&views);
    written.follow(&views);
    let mut values = 0;
    for (table, rows) in recorded() {
        let name = table.strip_prefix("types_repo_").unwrap();
        let view = views.iter().find(|view| view.name == name).unwrap();
        let entities: Vec<Vec<u8>> = rows.keys().cloned().collect();
        let fetched = fetch(&store, name, &entities).unwrap();
        for (entity, row) in entities.iter().zip(&fetched) {
            let row = row.as_deref().unwrap_or_else(|| panic!("{table} has no row"));
            let recorded = &rows[entity];
            let stored: HashSet<&str> = recorded.keys().map(String::as_str).collect();
            let columns: Vec<ArrayRef> = view
                .features
                .iter()
                .map(|feature| {
                    let cell = cell(&store, name, feature, row);
                    assert_eq!(
                        cell.is_some(),
                        stored.contains(feature.name.as_str()),
                        "{table} {}",
                        feature.name
                    );
                    cell.unwrap_or_else(|| arrow::array::new_null_array(&feature.value_type.arrow_type(), 1))
                })
                .collect();
            let version = RowHeader::decode(row).unwrap().version;
            let seconds: HashSet<i64> = recorded.values().map(|row| row["event_ts"].as_i64().unwrap()).collect();
            assert_eq!(
                seconds,
                HashSet::from([version.event_time.micros() / 1_000_000]),
                "{table}"
            );
            write_again(&written, view, entity, version, &columns);
            values += recorded.len();
        }
    }
    assert_eq!(values, 292);
    let (ours, pythons) = (dump(&directory.path().join("written.db")), dump(&copy));
    let only = |lines: &[String], others: &[String]| -> Vec<String> {
        lines.iter().filter(|line| !others.contains(line)).cloned().collect()
    };
    let null_time = |value: &str| {
        let key = "0100000002000000090000006472697665725F696404000000080000000200000000000000";
        let place = format!("types_repo_null_edges: e_ts_null | X'{key}'");
        format!("{place} | X'{value}' | NULL | NULL | 1769941800 | NULL | blobnullintegernull")
    };
    // A null time is null here. Python has made the smallest number of it.
    assert_eq!(only(&ours, &pythons), [null_time("")]);
    assert_eq!(only(&pythons, &ours), [null_time("4080808080808080808001")]);
}

fn write_again(store: &SqliteStore, view: &StoredView, entity: &[u8], version: RowVersion, columns: &[ArrayRef]) {
    let encoder = store.row_encoder(&view.name, &view.features).unwrap();
    encoder.check(columns).unwrap();
    let (mut keys, mut rows) = (PackedBytes::default(), PackedBytes::default());
    keys.push_with(|out| {
        encoder.start_key(out);
        out.extend_from_slice(entity);
    });
    rows.push_with(|out| encoder.encode(version, columns, 0, out));
    store.write_rows(&keys, &rows, Replace::OlderRows).unwrap();
}

/// Every row of every table, with the types of its columns.
fn dump(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap();
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut lines = Vec::new();
    for table in tables {
        let sql = format!(
            "SELECT feature_name, quote(entity_key), quote(value), quote(value_text), quote(vector_value), quote(event_ts), \
             quote(created_ts), typeof(value) || typeof(value_text) || typeof(event_ts) || typeof(created_ts) \
             FROM \"{table}\" ORDER BY entity_key, feature_name"
        );
        let mut statement = connection.prepare(&sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let cells = (0..columns).map(|column| row.get::<_, String>(column));
            Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join(" | "))
        });
        lines.extend(rows.unwrap().map(|row| format!("{table}: {}", row.unwrap())));
    }
    lines
}
