//! Stored rows into Arrow columns: one builder per feature, typed once, fed straight from the stored bytes.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, ListArray, NullBufferBuilder, PrimitiveBuilder, StringBuilder,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, FieldRef, Float32Type, Float64Type, Int32Type, Int64Type, TimestampSecondType,
};

use super::row::{DamagedRow, fixed_width, read_u32};
use crate::model::ValueType;

/// The stored bytes of a value, or null.
pub(crate) type Payload<'row> = Result<Option<&'row [u8]>, DamagedRow>;

/// Builds the column of one feature.
pub(crate) enum FeatureBuilder {
    Bool(BooleanBuilder),
    Int32(PrimitiveBuilder<Int32Type>),
    Int64(PrimitiveBuilder<Int64Type>),
    Float32(PrimitiveBuilder<Float32Type>),
    Float64(PrimitiveBuilder<Float64Type>),
    Timestamp(PrimitiveBuilder<TimestampSecondType>),
    Text(StringBuilder),
    Binary(BinaryBuilder),
    List(Box<ListBuilder>),
}

/// Builds a list column around the builder of its items.
pub(crate) struct ListBuilder {
    field: FieldRef,
    items: FeatureBuilder,
    item_width: Option<usize>,
    offsets: Vec<i32>,
    length: i32,
    validity: NullBufferBuilder,
}

impl FeatureBuilder {
    /// For a feature of that type, with room for `rows` values.
    pub(crate) fn new(value_type: &ValueType, rows: usize) -> Self {
        Self::for_arrow_type(&value_type.arrow_type(), rows)
    }

    fn for_arrow_type(data_type: &DataType, rows: usize) -> Self {
        match data_type {
            DataType::Boolean => Self::Bool(BooleanBuilder::with_capacity(rows)),
            DataType::Int32 => Self::Int32(PrimitiveBuilder::with_capacity(rows)),
            DataType::Int64 => Self::Int64(PrimitiveBuilder::with_capacity(rows)),
            DataType::Float32 => Self::Float32(PrimitiveBuilder::with_capacity(rows)),
            DataType::Float64 => Self::Float64(PrimitiveBuilder::with_capacity(rows)),
            DataType::Timestamp(..) => Self::Timestamp(PrimitiveBuilder::with_capacity(rows)),
            DataType::Utf8 => Self::Text(StringBuilder::with_capacity(rows, rows * 16)),
            DataType::Binary => Self::Binary(BinaryBuilder::with_capacity(rows, rows * 16)),
            DataType::List(field) => Self::List(Box::new(ListBuilder {
                field: Arc::clone(field),
                items: Self::for_arrow_type(field.data_type(), rows),
                item_width: fixed_width(field.data_type()),
                offsets: vec![0],
                length: 0,
                validity: NullBufferBuilder::new(rows),
            })),
            other => unreachable!("{other} is no type of a feature column"),
        }
    }

    /// Appends values: the stored bytes of each, or `None` for null. The type is looked at once, not for each value.
    ///
    /// # Errors
    /// When bytes are no value of this type.
    pub(crate) fn extend<'row>(&mut self, payloads: impl Iterator<Item = Payload<'row>>) -> Result<(), DamagedRow> {
        match self {
            Self::Bool(builder) => {
                for payload in payloads {
                    builder.append_option(payload?.map(|bytes| bytes.first() == Some(&1)));
                }
            }
            Self::Int32(builder) => extend_fixed(builder, payloads, i32::from_le_bytes)?,
            Self::Int64(builder) => extend_fixed(builder, payloads, i64::from_le_bytes)?,
            Self::Float32(builder) => extend_fixed(builder, payloads, f32::from_le_bytes)?,
            Self::Float64(builder) => extend_fixed(builder, payloads, f64::from_le_bytes)?,
            Self::Timestamp(builder) => extend_fixed(builder, payloads, i64::from_le_bytes)?,
            Self::Text(builder) => {
                for payload in payloads {
                    let text = payload?.map(std::str::from_utf8).transpose();
                    builder.append_option(text.map_err(|_| DamagedRow("text is not UTF-8"))?);
                }
            }
            Self::Binary(builder) => {
                for payload in payloads {
                    builder.append_option(payload?);
                }
            }
            Self::List(builder) => {
                for payload in payloads {
                    builder.append(payload?)?;
                }
            }
        }
        Ok(())
    }

    /// The column, as long as the number of values appended.
    pub(crate) fn finish(self) -> ArrayRef {
        match self {
            Self::Bool(mut builder) => Arc::new(builder.finish()),
            Self::Int32(mut builder) => Arc::new(builder.finish()),
            Self::Int64(mut builder) => Arc::new(builder.finish()),
            Self::Float32(mut builder) => Arc::new(builder.finish()),
            Self::Float64(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Binary(mut builder) => Arc::new(builder.finish()),
            Self::List(builder) => builder.finish(),
        }
    }
}

impl ListBuilder {
    fn append(&mut self, payload: Option<&[u8]>) -> Result<(), DamagedRow> {
        if let Some(bytes) = payload {
            let count = read_u32(bytes, 0)?;
            let values_at = 4 + count.div_ceil(8);
            let bits = bytes.get(4..values_at).ok_or(DamagedRow("a list is cut"))?;
            let variable_at = values_at + count * 4;
            let item_width = self.item_width;
            let mut start = 0;
            self.items.extend((0..count).map(|item| {
                let range = match item_width {
                    Some(width) => values_at + item * width..values_at + (item + 1) * width,
                    None => {
                        let end = read_u32(bytes, values_at + item * 4)?;
                        let range = variable_at + start..variable_at + end;
                        start = end;
                        range
                    }
                };
                let value = bytes.get(range).ok_or(DamagedRow("a list is cut"))?;
                let present = bits[item / 8] & (1 << (item % 8)) != 0;
                Ok(present.then_some(value))
            }))?;
            self.length = i32::try_from(count)
                .ok()
                .and_then(|count| self.length.checked_add(count))
                .ok_or(DamagedRow("lists of one answer exceed 2^31 items"))?;
        }
        self.offsets.push(self.length);
        self.validity.append(payload.is_some());
        Ok(())
    }

    fn finish(mut self) -> ArrayRef {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        Arc::new(ListArray::new(
            self.field,
            offsets,
            self.items.finish(),
            self.validity.finish(),
        ))
    }
}

fn extend_fixed<'row, T: ArrowPrimitiveType, const WIDTH: usize>(
    builder: &mut PrimitiveBuilder<T>,
    payloads: impl Iterator<Item = Payload<'row>>,
    decode: impl Fn([u8; WIDTH]) -> T::Native,
) -> Result<(), DamagedRow> {
    for payload in payloads {
        match payload? {
            None => builder.append_null(),
            Some(bytes) => {
                let bytes = bytes
                    .try_into()
                    .map_err(|_| DamagedRow("a number has the wrong width"))?;
                builder.append_value(decode(bytes));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, BooleanArray, Float64Array, Int64Array, StringArray, new_null_array};
    use arrow::compute::concat;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::row::{RowAge, RowHeader, RowLayout, storage_type};
    use crate::model::Timestamp;

    fn header() -> RowHeader {
        RowHeader {
            schema_id: 7,
            age: RowAge {
                event_time: Timestamp::from_micros(-5),
                created_time: None,
            },
        }
    }

    /// Writes every row of the columns and reads them back into columns.
    fn round_trip(types: &[ValueType], columns: &[ArrayRef]) -> Vec<ArrayRef> {
        let layout = RowLayout::new(&types.iter().map(storage_type).collect::<Vec<_>>());
        let mut builders: Vec<_> = types
            .iter()
            .map(|value_type| FeatureBuilder::new(value_type, 1))
            .collect();
        for row in 0..columns[0].len() {
            let mut bytes = Vec::new();
            layout.encode(header(), columns, row, &mut bytes);
            assert_eq!(RowHeader::decode(&bytes), Ok(header()));
            for (index, builder) in builders.iter_mut().enumerate() {
                builder.extend(std::iter::once(layout.payload(&bytes, index))).unwrap();
            }
        }
        builders.into_iter().map(FeatureBuilder::finish).collect()
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
            let texts: ArrayRef = Arc::new(rows.iter().map(|row| row.2.clone()).collect::<StringArray>());
            let floats: ArrayRef = Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>());
            let items: ArrayRef = Arc::new(rows.iter().flat_map(|row| row.4.clone().unwrap_or_default()).collect::<StringArray>());
            let lengths: Vec<_> = rows.iter().map(|row| row.4.as_ref().map(Vec::len)).collect();
            let lists = list_of(items, &lengths);
            let types = [
                ValueType::Int64, ValueType::Bool, ValueType::String, ValueType::Float64,
                ValueType::Array(Box::new(ValueType::String)),
            ];
            let columns = [integers, flags, texts, floats, lists];
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
                let _ = FeatureBuilder::new(value_type, 1).extend(std::iter::once(layout.payload(&bytes, index)));
            }
        }
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
        let at = |created| RowAge {
            event_time: Timestamp::EPOCH,
            created_time: created,
        };
        assert!(at(None) < at(Some(Timestamp::from_micros(i64::MIN + 1))));
        assert!(
            at(Some(Timestamp::EPOCH))
                < RowAge {
                    event_time: Timestamp::from_micros(1),
                    created_time: None
                }
        );
    }
}
