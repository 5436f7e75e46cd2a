//! What the columns of a file are in Feast's types.

use arrow::datatypes::{DataType, TimeUnit};
use feast_model::{StructField, ValueType};

/// The value type of a file column without a declared one.
///
/// Where Feast can infer a type it is Feast's; besides, lists of strings, dates, decimals, dictionaries and large or view
/// strings have one here, for which Feast fails.
pub(super) fn inferred_type(data_type: &DataType) -> Option<ValueType> {
    Some(match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => ValueType::Int32,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => ValueType::Int64,
        DataType::Float16 | DataType::Float32 => ValueType::Float32,
        DataType::Float64 => ValueType::Float64,
        DataType::Boolean => ValueType::Bool,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ValueType::String,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ValueType::Bytes
        }
        DataType::Timestamp(
            TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond,
            _,
        )
        | DataType::Date32
        | DataType::Date64 => ValueType::UnixTimestamp,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            ValueType::Decimal
        }
        // Feast does not look at the fields. Extra fields of a struct are kept, so nothing is lost.
        DataType::Struct(_) => ValueType::Struct(vec![StructField {
            name: "_value".to_owned(),
            value_type: ValueType::String,
        }]),
        DataType::Map(..) => ValueType::Map,
        DataType::Dictionary(_, values) => return inferred_type(values),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            ValueType::Array(Box::new(inferred_type(item.data_type())?))
        }
        _ => return None,
    })
}
