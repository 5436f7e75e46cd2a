//! Parquet sources of every form that Python writes.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, DictionaryArray, Float32Array, Float64Array,
    Int8Array, Int32Array, Int64Array, ListArray, NullArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use arrow::datatypes::{DataType, Float64Type, Int8Type, Int64Type};
use feast_engine::model::{Field, SourceKind, ValueType};
use feast_engine::{ApplyOptions, ErrorKind, FeatureStore, ViewReport, create_parquet};
use tempfile::TempDir;

use crate::support::{definitions, materialize, online, open};

/// A repository whose view `stats` has the feature `value` of a declared type and reads `data/parts`.
struct Sources {
    directory: TempDir,
    declared: Option<ValueType>,
    path: &'static str,
    event_time: &'static str,
}

impl Sources {
    fn declared(value_type: ValueType) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            declared: Some(value_type),
            path: "data/parts",
            event_time: "event_timestamp",
        }
    }

    /// Adds a part with the key 1 in its first row, 2 in its second..., all at this second.
    fn part(self, name: &str, second: i64, value: ArrayRef) -> Self {
        let times: ArrayRef = Arc::new(TimestampSecondArray::from(vec![second; value.len()]));
        self.part_of(name, vec![("event_timestamp", times), ("value", value)])
    }

    fn part_of(self, name: &str, columns: Vec<(&str, ArrayRef)>) -> Self {
        let rows = columns.first().unwrap().1.len();
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=rows as i64));
        let columns = [("id", ids)]
            .into_iter()
            .chain(columns)
            .map(|(name, column)| (name, column, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        create_parquet(&self.root().join(name), &batch).unwrap();
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        std::fs::write(self.root().join(name), content).unwrap();
        self
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("data/parts")
    }

    fn apply(&self) -> Result<FeatureStore, String> {
        let mut definitions = definitions();
        let view = &mut definitions.feature_views[0];
        view.stream_source = None;
        view.features = self
            .declared
            .iter()
            .map(|kind| Field::new("value", kind.clone()))
            .collect();
        let source = view.batch_source.as_mut().unwrap();
        source.kind = SourceKind::parquet(self.path);
        source.timestamp_field = self.event_time.to_owned();
        source.created_timestamp_column = String::new();
        definitions.sources.clear();
        let store = open(self.directory.path());
        store
            .apply(definitions, ApplyOptions::default(), &mut ())
            .map_err(|error| error.to_string())?;
        Ok(store)
    }

    fn run(&self) -> Result<(FeatureStore, ViewReport), String> {
        let store = self.apply()?;
        let report = materialize(&store, 0, 2_000_000_000).map_err(|error| {
            let root = format!("{}/", self.root().display());
            error.to_string().replace(&root, "")
        })?;
        Ok((store, report))
    }

    /// What is stored of the keys 1 to `keys`.
    fn check(&self, keys: i64, expected: &str) -> ViewReport {
        let (store, report) = self.run().unwrap();
        let ids: Vec<i64> = (1..=keys).collect();
        let stored = online(&store, &ids);
        assert_eq!(stored, expected);
        report
    }

    fn check_refused(&self, parts: &[&str]) {
        let error = self.run().err().unwrap();
        for part in parts {
            assert!(error.contains(part), "{error:?} does not contain {part:?}");
        }
    }
}

fn integers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn list_of(item: ValueType) -> ValueType {
    ValueType::Array(Box::new(item))
}

#[test]
fn each_part_goes_from_its_own_type_to_the_declared_one() {
    Sources::declared(ValueType::Float64)
        .part("a.parquet", 10, integers(&[5]))
        .part("b.parquet", 20, floats(&[6.5]))
        .check(1, "6.5@20");
    Sources::declared(list_of(ValueType::Float64))
        .part(
            "a.parquet",
            10,
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)])])),
        )
        .part(
            "b.parquet",
            20,
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([Some([Some(0.5)])])),
        )
        .check(1, "[0.5]@20");
    Sources::declared(ValueType::String)
        .part("a.parquet", 10, Arc::new(BooleanArray::from(vec![true, true])))
        .part("b.parquet", 20, strings(&["no"]))
        .check(2, "no@20 True@10");
    Sources::declared(ValueType::Int64)
        .part("a.parquet", 10, floats(&[5.0, 7.0]))
        .part("b.parquet", 20, integers(&[9_007_199_254_740_993]))
        .check(2, "9007199254740993@20 7@10");
    Sources::declared(ValueType::Float64)
        .part("a.parquet", 10, Arc::new(Float32Array::from(vec![0.5])))
        .part("b.parquet", 20, floats(&[0.1]))
        .check(1, "0.1@20");
    Sources::declared(ValueType::Int64)
        .part("a.parquet", 10, Arc::new(Int32Array::from(vec![5])))
        .part("b.parquet", 20, integers(&[1 << 40]))
        .check(1, "1099511627776@20");
}

#[test]
fn parts_without_values_or_without_the_column_are_null_there() {
    Sources::declared(ValueType::Float64)
        .part("a.parquet", 10, Arc::new(NullArray::new(2)))
        .part("b.parquet", 20, floats(&[0.5]))
        .check(2, "0.5@20 null@10");
    let none = ListArray::from_iter_primitive::<Int8Type, _, _>([Some(Vec::<Option<i8>>::new())]);
    let none = arrow::compute::cast(&none, &DataType::new_list(DataType::Int8, true)).unwrap();
    Sources::declared(list_of(ValueType::String))
        .part("a.parquet", 10, none)
        .part(
            "b.parquet",
            20,
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(7)])])),
        )
        .check(1, "[7]@20");
    let times = |second| Arc::new(TimestampSecondArray::from(vec![second])) as ArrayRef;
    Sources::declared(ValueType::Int64)
        .part_of("a.parquet", vec![("event_timestamp", times(10))])
        .part("b.parquet", 20, integers(&[7]))
        .check(1, "7@20");
    Sources::declared(ValueType::Int64)
        .part_of("a.parquet", vec![("event_timestamp", times(30))])
        .part("b.parquet", 20, integers(&[7]))
        .check(1, "null@30");
}

#[test]
fn event_times_of_any_unit_are_compared_exactly() {
    let value = |value| ("value", integers(&[value]));
    Sources::declared(ValueType::Int64)
        .part_of(
            "a.parquet",
            vec![
                ("event_timestamp", Arc::new(TimestampMillisecondArray::from(vec![0]))),
                value(1),
            ],
        )
        .part_of(
            "b.parquet",
            vec![
                ("event_timestamp", Arc::new(TimestampMicrosecondArray::from(vec![100]))),
                value(2),
            ],
        )
        .part_of(
            "c.parquet",
            vec![
                ("event_timestamp", Arc::new(TimestampMicrosecondArray::from(vec![900]))),
                value(3),
            ],
        )
        .check(1, "3@0.0009");
    // Of the nanoseconds of one microsecond, the last is the newest.
    let nanos = |part: Sources, name: &str, nanos, number| {
        let times = Arc::new(TimestampNanosecondArray::from(vec![nanos]));
        part.part_of(name, vec![("event_timestamp", times), value(number)])
    };
    let source = nanos(Sources::declared(ValueType::Int64), "a.parquet", 1_001, 1);
    nanos(source, "b.parquet", 1_999, 2).check(1, "2@0.000001");
}

#[test]
fn days_and_strings_are_event_times() {
    let value = |value| ("value", integers(&[value]));
    Sources::declared(ValueType::Int64)
        .part_of(
            "a.parquet",
            vec![("event_timestamp", Arc::new(Date32Array::from(vec![2]))), value(1)],
        )
        .part_of(
            "b.parquet",
            vec![
                ("event_timestamp", Arc::new(Date64Array::from(vec![86_400_000]))),
                value(2),
            ],
        )
        .check(1, "1@172800");
    Sources::declared(ValueType::Int64)
        .part_of(
            "a.parquet",
            vec![("event_timestamp", strings(&["1970-01-02T00:00:01Z"])), value(1)],
        )
        .part("b.parquet", 86_400, integers(&[2]))
        .check(1, "1@86401");
    Sources::declared(ValueType::Int64)
        .part_of("a.parquet", vec![("event_timestamp", strings(&["soon"])), value(1)])
        .check_refused(&[
            "column event_timestamp of a.parquet, row 0 is Utf8",
            "\"soon\" is not a date or time that begins with its year",
        ]);
}

#[test]
fn what_cannot_be_brought_together_is_named() {
    Sources::declared(ValueType::Int32)
        .part("a.parquet", 10, integers(&[5]))
        .part("b.parquet", 20, integers(&[6, 1 << 40]))
        .check_refused(&["column value of b.parquet, row 1 is Int64 and does not fit Int32"]);
    Sources::declared(ValueType::Int64)
        .part("a.parquet", 10, floats(&[1.0, f64::INFINITY]))
        .check_refused(&[
            "column value of a.parquet, row 1 is Float64 and does not fit Int64",
            "inf",
        ]);
    Sources::declared(ValueType::Int64)
        .part("a.parquet", 10, Arc::new(TimestampMillisecondArray::from(vec![5])))
        .check_refused(&["column value of a.parquet is Timestamp(ms) and does not fit Int64"]);
    let mut undeclared = Sources::declared(ValueType::Int64)
        .part("a.parquet", 10, integers(&[5]))
        .part("b.parquet", 10, strings(&["x"]));
    undeclared.declared = None;
    let error = undeclared.apply().err().unwrap();
    assert!(
        error.contains("column value is Int64 in") && error.contains("and Utf8 in"),
        "{error}"
    );
    // Declared as something that holds both, it is read.
    undeclared.declared = Some(ValueType::String);
    undeclared.check(1, "5@10");
}

#[test]
fn a_key_with_a_fraction_is_not_that_of_another_entity() {
    let times: ArrayRef = Arc::new(TimestampSecondArray::from(vec![10]));
    let source = Sources::declared(ValueType::Int64);
    let rows = [
        ("id", floats(&[1.5])),
        ("event_timestamp", times),
        ("value", integers(&[5])),
    ];
    create_parquet(
        &source.root().join("a.parquet"),
        &RecordBatch::try_from_iter(rows).unwrap(),
    )
    .unwrap();
    source
        .check_refused(&["column id of a.parquet, row 0 is Float64 and does not fit Int64: 1.5 is not a whole number"]);
}

#[test]
fn of_two_columns_with_one_name_none_is_guessed() {
    let twice = vec![("value", integers(&[5])), ("value", integers(&[6]))];
    let times: ArrayRef = Arc::new(TimestampSecondArray::from(vec![10]));
    let columns = [("event_timestamp", times)].into_iter().chain(twice).collect();
    Sources::declared(ValueType::Int64)
        .part_of("a.parquet", columns)
        .check_refused(&["a.parquet has two columns value"]);
}

#[test]
fn undeclared_columns_have_the_widest_type_of_all_parts() {
    let mut source = Sources::declared(ValueType::Int64)
        .part("a.parquet", 10, integers(&[5]))
        .part("b.parquet", 20, floats(&[6.5]));
    source.declared = None;
    source.check(1, "6.5@20");
}

#[test]
fn nan_is_null_whatever_is_declared() {
    let nan = floats(&[1.0, f64::NAN]);
    for (declared, one) in [
        (ValueType::Bool, "true"),
        (ValueType::Int64, "1"),
        (ValueType::Int32, "1"),
        (ValueType::Float64, "1.0"),
        (ValueType::Float32, "1.0"),
        (ValueType::String, "1.0"),
        (ValueType::UnixTimestamp, "1970-01-01T00:00:01"),
    ] {
        Sources::declared(declared)
            .part("a.parquet", 10, Arc::clone(&nan))
            .check(2, &format!("{one}@10 null@10"));
    }
    let list = |values: [f64; 2]| {
        Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([Some(
            values.map(Some),
        )])) as ArrayRef
    };
    Sources::declared(list_of(ValueType::Float64))
        .part("a.parquet", 10, list([1.0, f64::NAN]))
        .check(1, "[1.0, NaN]@10");
    Sources::declared(list_of(ValueType::Int64))
        .part("a.parquet", 10, list([1.0, f64::NAN]))
        .check(1, "[1, ]@10");
}

#[test]
fn categories_of_any_type_are_read_as_their_values() {
    let keys = Int8Array::from(vec![Some(1), None, Some(0)]);
    let category = |values: ArrayRef| Arc::new(DictionaryArray::new(keys.clone(), values)) as ArrayRef;
    let days: ArrayRef = Arc::new(Date32Array::from(vec![0, 1]));
    for (values, declared, expected) in [
        (
            Arc::new(BooleanArray::from(vec![false, true])) as ArrayRef,
            ValueType::Bool,
            "true@5 null@5 false@5",
        ),
        (floats(&[0.5, 1.5]), ValueType::Float64, "1.5@5 null@5 0.5@5"),
        (
            integers(&[1 << 60, -1]),
            ValueType::Int64,
            "-1@5 null@5 1152921504606846976@5",
        ),
        (strings(&["x", "y"]), ValueType::String, "y@5 null@5 x@5"),
        (Arc::clone(&days), ValueType::String, "1970-01-02@5 null@5 1970-01-01@5"),
        (
            days,
            ValueType::UnixTimestamp,
            "1970-01-02T00:00:00@5 null@5 1970-01-01T00:00:00@5",
        ),
        (
            arrow::compute::cast(&floats(&[0.5, 1.5]), &DataType::Float16).unwrap(),
            ValueType::Float32,
            "1.5@5 null@5 0.5@5",
        ),
        (
            arrow::compute::cast(&floats(&[0.5, 1.5]), &DataType::Decimal128(5, 2)).unwrap(),
            ValueType::Decimal,
            "1.50@5 null@5 0.50@5",
        ),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![1_000_000, 2_000_000])),
            ValueType::UnixTimestamp,
            "1970-01-01T00:00:02@5 null@5 1970-01-01T00:00:01@5",
        ),
        (
            Arc::new(BinaryArray::from_iter_values([b"ab", b"cd"])),
            ValueType::Bytes,
            "6364@5 null@5 6162@5",
        ),
    ] {
        Sources::declared(declared.clone())
            .part("a.parquet", 5, category(values))
            .check(3, expected);
    }
}

#[test]
fn parts_are_found_whatever_they_are_called_and_what_is_not_data_is_said() {
    let report = Sources::declared(ValueType::Int64)
        .part("a.parquet", 10, integers(&[1]))
        .part("b.parq", 20, integers(&[2]))
        .part("c.pq", 30, integers(&[3]))
        .part("deep/down/part-0", 40, integers(&[4]))
        .part("_hidden.parquet", 50, integers(&[5]))
        .file("_SUCCESS", "")
        .file("notes.txt", "not data")
        .check(1, "4@40");
    assert_eq!(report.left_out_files.len(), 1);
    assert!(report.left_out_files[0].ends_with("notes.txt is left out: it is not parquet"));
}

#[test]
fn folders_give_columns() {
    let times = |seconds: &[i64]| {
        (
            "event_timestamp",
            Arc::new(TimestampSecondArray::from(seconds.to_vec())) as ArrayRef,
        )
    };
    let hive = |declared| {
        Sources::declared(declared)
            .part_of("value=7/a.parquet", vec![times(&[10])])
            .part_of("value=8/a.parquet", vec![times(&[20, 20])])
            .part_of("value=__HIVE_DEFAULT_PARTITION__/a.parquet", vec![times(&[5, 5, 5])])
    };
    hive(ValueType::Int64).check(3, "8@20 8@20 null@5");
    hive(ValueType::String).check(3, "8@20 8@20 null@5");
    let mut undeclared = hive(ValueType::Int64);
    undeclared.declared = None;
    undeclared.check(3, "8@20 8@20 null@5");
    Sources::declared(ValueType::String)
        .part_of("value=a%2Fb%20c/x=1/p.parquet", vec![times(&[10])])
        .check(1, "a/b c@10");
}

#[test]
fn a_folder_that_is_the_event_date_is_not_opened_out_of_the_window() {
    let value = |value| ("value", integers(&[value]));
    let mut source = Sources::declared(ValueType::Int64)
        .part_of("dt=1970-01-02/a.parquet", vec![value(1)])
        .part_of("dt=1970-01-03/a.parquet", vec![value(2)])
        .part_of("dt=2060-01-01/a.parquet", vec![value(3)]);
    source.event_time = "dt";
    source.check(1, "2@172800");
}

#[test]
fn a_pattern_reads_what_it_matches() {
    let mut source = Sources::declared(ValueType::Int64)
        .part("2025/a.parquet", 10, integers(&[1]))
        .part("2026/a.parquet", 20, integers(&[2]))
        .part("1999/a.parquet", 30, integers(&[3]));
    source.path = "data/parts/202?/*.parquet";
    source.check(1, "2@20");
    source.path = "data/parts/203?/*.parquet";
    let store = source.apply();
    let error = store.and_then(|store| materialize(&store, 0, 100).map_err(|error| error.to_string()));
    assert!(error.unwrap_err().contains("no parquet file matches the pattern"));
}

#[test]
fn rows_beyond_the_years_that_are_kept_are_left_out_and_counted() {
    let micros = vec![5, 253_402_214_400_000_000, -30_610_224_000_000_000];
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(micros));
    let source = Sources::declared(ValueType::Int64).part_of(
        "a.parquet",
        vec![("event_timestamp", times), ("value", integers(&[1, 2, 3]))],
    );
    let report = source.check(3, "1@0.000005 - -");
    assert_eq!((report.rows, report.rows_beyond_range), (1, 2));
    assert!(report.remarks()[0].starts_with("stats: 2 rows were left out because an event or created time"));
}

#[test]
fn links_in_a_circle_end() {
    let source = Sources::declared(ValueType::Int64).part("a.parquet", 10, integers(&[1]));
    std::os::unix::fs::symlink("..", source.root().join("up")).unwrap();
    std::os::unix::fs::symlink(".", source.root().join("here")).unwrap();
    source.check(1, "1@10");
}

#[test]
fn a_part_that_is_damaged_is_named() {
    Sources::declared(ValueType::Int64)
        .part("a.parquet", 10, integers(&[1]))
        .file("b.parquet", "PAR1 this is not parquet PAR1")
        .check_refused(&["b.parquet is not readable as parquet"]);
}

#[test]
fn more_parts_than_a_process_may_have_open() {
    let mut source = Sources::declared(ValueType::Int64);
    for part in 0..1_500 {
        source = source.part(&format!("p-{part:05}.parquet"), part, integers(&[part]));
    }
    source.check(1, "1499@1499");
}

#[test]
fn a_missing_directory_is_not_found() {
    let source = Sources::declared(ValueType::Int64).part("a.parquet", 10, integers(&[1]));
    let store = source.apply().unwrap();
    std::fs::remove_dir_all(source.root()).unwrap();
    let missing = materialize(&store, 0, 100).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}
