//! Values of every type, written and read again.

use arrow::array::{
    Array, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, ListArray, TimestampSecondArray,
    new_null_array,
};
use arrow::datatypes::Int64Type as I64;
use arrow::datatypes::TimestampSecondType;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;

/// A feature with one value, or null.
fn feature() -> impl Strategy<Value = (ValueType, ArrayRef)> {
    fn one<T, A: Array + 'static>(make: impl Fn(Option<T>) -> A) -> impl Fn(Option<T>) -> ArrayRef {
        move |value| Arc::new(make(value))
    }
    let bytes = |value: Option<Vec<u8>>| -> ArrayRef { Arc::new(BinaryArray::from_opt_vec(vec![value.as_deref()])) };
    let string = |value: Option<String>| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let not_nan = any::<f64>().prop_filter("Feast takes it for null", |value| !value.is_nan());
    let not_nan_32 = any::<f32>().prop_filter("Feast takes it for null", |value| !value.is_nan());
    // The smallest number is Python's null.
    let seconds = any::<i64>().prop_filter("Feast takes it for null", |value| *value != i64::MIN);
    let list = |items: Option<Vec<i64>>| -> ArrayRef {
        let items = items.map(|items| items.into_iter().map(Some).collect::<Vec<_>>());
        Arc::new(ListArray::from_iter_primitive::<I64, _, _>([items]))
    };
    let times = |items: Option<Vec<i64>>| -> ArrayRef {
        let items = items.map(|items| items.into_iter().map(Some).collect::<Vec<_>>());
        Arc::new(ListArray::from_iter_primitive::<TimestampSecondType, _, _>([items]))
    };
    let array = |item: ValueType| ValueType::Array(Box::new(item));
    prop_oneof![
        of(any::<i32>())
            .prop_map(one(|value| Int32Array::from(vec![value])))
            .prop_map(|column| (ValueType::Int32, column)),
        of(any::<i64>())
            .prop_map(one(|value| Int64Array::from(vec![value])))
            .prop_map(|column| (ValueType::Int64, column)),
        of(not_nan_32)
            .prop_map(one(|value| Float32Array::from(vec![value])))
            .prop_map(|column| (ValueType::Float32, column)),
        of(not_nan)
            .prop_map(one(|value| Float64Array::from(vec![value])))
            .prop_map(|column| (ValueType::Float64, column)),
        of(any::<bool>())
            .prop_map(one(|value| BooleanArray::from(vec![value])))
            .prop_map(|column| (ValueType::Bool, column)),
        of(seconds.clone())
            .prop_map(one(|value| TimestampSecondArray::from(vec![value])))
            .prop_map(|column| (ValueType::UnixTimestamp, column)),
        (of(vec(any::<u8>(), 0..40)), 0_usize..3).prop_map(move |(value, which)| {
            let types = [ValueType::Bytes, ValueType::PdfBytes, ValueType::ImageBytes];
            (types[which].clone(), bytes(value))
        }),
        (of(".{0,12}"), 0_usize..5).prop_map(move |(value, which)| {
            let types = [
                ValueType::String,
                ValueType::Uuid,
                ValueType::TimeUuid,
                ValueType::Decimal,
                ValueType::Json,
            ];
            (types[which].clone(), string(value))
        }),
        of(vec(any::<i64>(), 0..9)).prop_map(move |items| (array(ValueType::Int64), list(items))),
        of(vec(seconds, 0..9)).prop_map(move |items| (array(ValueType::UnixTimestamp), times(items))),
        of(Just(r#"{"a":{"b":[1,2.5,"x",null]}}"#.to_owned())).prop_map(move |value| (ValueType::Map, string(value))),
        Just(ValueType::ZonedTimestamp).prop_map(|kind| (kind.clone(), new_null_array(&kind.arrow_type(), 1))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_is_read(
        features in vec(feature(), 1..12),
        event in -62_000_000_000_i64..200_000_000_000,
        created in of(-62_000_000_000_i64..200_000_000_000),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("online.db"), "p").unwrap();
        let named: Vec<(String, ValueType)> =
            features.iter().enumerate().map(|(number, (kind, _))| (format!("f{number}"), kind.clone())).collect();
        let named: Vec<(&str, ValueType)> = named.iter().map(|(name, kind)| (name.as_str(), kind.clone())).collect();
        let view = view("v", &named);
        store.follow(std::slice::from_ref(&view));
        let columns: Vec<ArrayRef> = features.iter().map(|(_, column)| Arc::clone(column)).collect();
        let version = version(event * 1_000_000, created.map(|created| created * 1_000_000));
        let encoder = store.row_encoder("v", &view.features).unwrap();
        encoder.check(&columns).unwrap();
        let (mut keys, mut rows) = (PackedBytes::default(), PackedBytes::default());
        keys.push_with(|out| {
            encoder.start_key(out);
            out.extend_from_slice(&entity(1));
        });
        rows.push_with(|out| encoder.encode(version, &columns, 0, out));
        store.write_rows(&keys, &rows, Replace::OlderRows).unwrap();
        let read = fetch(&store, "v", &[entity(1)]).unwrap().remove(0).unwrap();
        prop_assert_eq!(RowHeader::decode(&read).unwrap().version, version);
        for (feature, column) in view.features.iter().zip(&columns) {
            prop_assert_eq!(&cell(&store, "v", feature, &read).unwrap(), column, "{:?}", feature.value_type);
        }
    }
}
