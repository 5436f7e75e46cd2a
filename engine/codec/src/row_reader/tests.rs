//! Rows that are written and read back, and bytes that are not rows.

use arrow::array::{Array, BooleanArray, Float64Array, Int64Array, StringArray, new_null_array};
use arrow::compute::concat;
use proptest::prelude::*;

use super::*;
use crate::row::{RowHeader, RowLayout, RowVersion, storage_type};
use feast_model::{Timestamp, ValueType};

fn header() -> RowHeader {
    RowHeader {
        schema_id: 7,
        version: RowVersion {
            event_time: Timestamp::from_micros(-5),
            created_time: None,
        },
    }
}

/// One feature in one schema.
fn block(value_type: &ValueType, slot: Option<FeatureSlot>) -> TypedColumns {
    let mut block = TypedColumns::new(value_type.arrow_type(), 1);
    block.push([slot].into_iter());
    block
}

/// Writes every row of the columns and reads them back into columns.
fn round_trip(types: &[ValueType], columns: &[ArrayRef]) -> Vec<ArrayRef> {
    let layout = RowLayout::new(&types.iter().map(storage_type).collect::<Vec<_>>());
    let encode = |row| {
        let mut bytes = Vec::new();
        layout.encode(header(), columns, row, &mut bytes);
        assert_eq!(RowHeader::decode(&bytes), Ok(header()));
        bytes
    };
    let rows: Vec<Vec<u8>> = (0..columns[0].len()).map(encode).collect();
    let rows: Vec<_> = rows.iter().map(|bytes| Some(SchemaRow { bytes, schema: 0 })).collect();
    let read = types
        .iter()
        .enumerate()
        .map(|(index, value_type)| block(value_type, layout.feature(index)).read(&rows).unwrap());
    read.collect()
}

fn list_of(items: ArrayRef, lengths: &[Option<usize>]) -> ArrayRef {
    let field = Arc::new(arrow::datatypes::Field::new("item", items.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lengths.iter().map(|length| length.unwrap_or(0)));
    let validity = lengths.iter().map(Option::is_some).collect::<Vec<_>>().into();
    Arc::new(ListArray::new(field, offsets, items, Some(validity)))
}

proptest! {
    #[test]
    fn rows_read_back_as_they_were_written(
        rows in proptest::collection::vec(
            (any::<Option<i64>>(), any::<Option<bool>>(), any::<Option<String>>(), any::<Option<f64>>(),
             proptest::option::of(proptest::collection::vec(any::<Option<String>>(), 0..5))),
            1..20)
    ) {
        let integers: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>());
        let flags: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<BooleanArray>());
        let strings: ArrayRef = Arc::new(rows.iter().map(|row| row.2.clone()).collect::<StringArray>());
        let floats: ArrayRef = Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>());
        let items: ArrayRef = Arc::new(rows.iter().flat_map(|row| row.4.clone().unwrap_or_default()).collect::<StringArray>());
        let lengths: Vec<_> = rows.iter().map(|row| row.4.as_ref().map(Vec::len)).collect();
        let lists = list_of(items, &lengths);
        let types = [
            ValueType::Int64, ValueType::Bool, ValueType::String, ValueType::Float64,
            ValueType::Array(Box::new(ValueType::String)),
        ];
        let columns = [integers, flags, strings, floats, lists];
        // Bytes are compared, so that NaN equals itself.
        for (written, read) in columns.iter().zip(round_trip(&types, &columns)) {
            prop_assert_eq!(format!("{:?}", written), format!("{:?}", read));
        }
    }

    #[test]
    fn damaged_rows_are_errors_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let types = [ValueType::Int64, ValueType::Array(Box::new(ValueType::Array(Box::new(ValueType::String)))), ValueType::String];
        let layout = RowLayout::new(&types.iter().map(storage_type).collect::<Vec<_>>());
        let _ = RowHeader::decode(&bytes);
        for (index, value_type) in types.iter().enumerate() {
            let row = Some(SchemaRow { bytes: &bytes, schema: 0 });
            let _ = block(value_type, layout.feature(index)).read(&[row]);
        }
    }
}

#[test]
fn features_of_one_type_lie_one_after_the_other() {
    let (old, new) = (
        RowLayout::new(&["i64".to_owned()]),
        RowLayout::new(&["i64".to_owned(), "i64".to_owned()]),
    );
    let row = |layout: &RowLayout, values: &[Option<i64>]| {
        let columns = values
            .iter()
            .map(|value| Arc::new(Int64Array::from(vec![*value])) as ArrayRef);
        let mut bytes = Vec::new();
        layout.encode(header(), &columns.collect::<Vec<_>>(), 0, &mut bytes);
        bytes
    };
    let stored = [
        row(&old, &[Some(1)]),
        row(&new, &[Some(20), Some(10)]),
        row(&new, &[None, Some(11)]),
    ];
    let at = |position: usize, schema| {
        let bytes: &[u8] = &stored[position];
        Some(SchemaRow { bytes, schema })
    };
    let rows = [at(0, 0), None, at(1, 1), at(2, 1)];
    let mut block = TypedColumns::new(DataType::Int64, 2);
    // The first is in both schemas, the second was added in front of it.
    assert_eq!(block.push([old.feature(0), new.feature(1)].into_iter()), 0);
    assert_eq!(block.push([None, new.feature(0)].into_iter()), 1);
    assert!(block.is_in_all_schemas(0) && !block.is_in_all_schemas(1));
    let has_second = |position: usize| rows[position].as_ref().map(|row| block.is_stored(1, row));
    assert_eq!([0, 1, 2].map(has_second), [Some(false), None, Some(true)]);
    let first = [Some(1), None, Some(10), Some(11)];
    let second = [None, None, Some(20), None];
    let expected: ArrayRef = Arc::new(Int64Array::from([first, second].concat()));
    assert_eq!(&block.read(&rows).unwrap(), &expected);
}

#[test]
fn nested_lists_keep_empty_and_null_apart() {
    let inner = list_of(
        Arc::new(Int64Array::from(vec![1, 2, 3])),
        &[Some(2), Some(0), None, Some(1)],
    );
    let outer = list_of(inner, &[Some(3), Some(0), None, Some(1)]);
    let nested = ValueType::Array(Box::new(ValueType::Array(Box::new(ValueType::Int64))));
    let read = round_trip(std::slice::from_ref(&nested), std::slice::from_ref(&outer));
    assert_eq!(&read[0], &outer);
    let nulls = new_null_array(outer.data_type(), 2);
    let read = round_trip(&[nested], &[concat(&[&nulls, &outer]).unwrap()]);
    assert_eq!(read[0].null_count(), 3);
}

#[test]
fn a_missing_created_time_is_older_than_any() {
    let at = |created| RowVersion {
        event_time: Timestamp::EPOCH,
        created_time: created,
    };
    assert!(at(None) < at(Some(Timestamp::from_micros(i64::MIN + 1))));
    assert!(
        at(Some(Timestamp::EPOCH))
            < RowVersion {
                event_time: Timestamp::from_micros(1),
                created_time: None
            }
    );
}
