//! The type that holds the values of one column in all parts of a source, where nothing declares another.
//!
//! The rules are those of pyarrow's permissive union of schemas. Knows nothing of files.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};

/// The narrowest type that holds the values of both; `None` when there is none.
pub(super) fn united_type(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    if a == b {
        return Some(a.clone());
    }
    Some(match (a, b) {
        (T::Null, other) | (other, T::Null) => other.clone(),
        (T::Dictionary(_, values), other) | (other, T::Dictionary(_, values)) => return united_type(values, other),
        _ if a.is_numeric() && b.is_numeric() => united_number(a, b)?,
        _ if is_string(a) && is_string(b) => T::LargeUtf8,
        _ if is_bytes(a) && is_bytes(b) => T::LargeBinary,
        (T::Timestamp(unit, zone), T::Timestamp(other_unit, other_zone)) => {
            let zone = if zone == other_zone {
                zone.clone()
            } else {
                Some("UTC".into())
            };
            T::Timestamp(finer(*unit, *other_unit), zone)
        }
        (T::Date32, T::Date64) | (T::Date64, T::Date32) => T::Date32,
        (T::Timestamp(unit, zone), T::Date32 | T::Date64) | (T::Date32 | T::Date64, T::Timestamp(unit, zone)) => {
            T::Timestamp(*unit, zone.clone())
        }
        (T::Time32(_), T::Time32(_)) => T::Time32(TimeUnit::Millisecond),
        (T::Time32(_) | T::Time64(_), T::Time32(_) | T::Time64(_)) => T::Time64(TimeUnit::Nanosecond),
        (T::Duration(unit), T::Duration(other)) => T::Duration(finer(*unit, *other)),
        (T::Struct(fields), T::Struct(other)) => T::Struct(united_fields(fields, other)?),
        (T::Map(entries, sorted), T::Map(other, _)) => T::Map(united_field(entries, other)?, *sorted),
        _ => T::List(united_field(list_item(a)?, list_item(b)?)?),
    })
}

/// Whether a united type keeps the numbers of one of its parts as they are: a float does not keep large integers.
pub(super) fn holds_exactly(united: &DataType, part: &DataType) -> bool {
    use DataType as T;
    match (united, part) {
        (_, T::Dictionary(_, values)) => holds_exactly(united, values),
        (T::List(united), part) => match list_item(part) {
            Some(item) => holds_exactly(united.data_type(), item.data_type()),
            None => true,
        },
        (T::Struct(united), T::Struct(part)) => part.iter().all(|field| {
            let united = united.find(field.name());
            united.is_none_or(|(_, united)| holds_exactly(united.data_type(), field.data_type()))
        }),
        (T::Map(united, _), T::Map(part, _)) => holds_exactly(united.data_type(), part.data_type()),
        (T::Float64, part) => !part.is_decimal() && integer_bits(part).is_none_or(|bits| bits <= 33),
        (T::Float32, part) => integer_bits(part).is_none_or(|bits| bits <= 17),
        (T::Int64, T::UInt64) => false,
        _ => true,
    }
}

fn is_string(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_bytes(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
    )
}

fn list_item(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item),
        _ => None,
    }
}

fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    // In the order of their definition units become finer.
    a.max(b)
}

/// Integers and floats of any width, and decimals. Unsigned numbers of 64 bits beside signed ones count as Feast counts them:
/// as Int64.
fn united_number(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    let either = |is_such: fn(&DataType) -> bool| is_such(a) || is_such(b);
    if either(|number| matches!(number, T::Float64)) {
        return Some(T::Float64);
    }
    if either(DataType::is_floating) {
        // A float of 32 bits holds integers up to 24 bits.
        let is_narrow = |number: &DataType| number.is_floating() || integer_bits(number).is_some_and(|bits| bits <= 17);
        return Some(if is_narrow(a) && is_narrow(b) {
            T::Float32
        } else {
            T::Float64
        });
    }
    if either(DataType::is_decimal) {
        return united_decimal(decimal_digits(a)?, decimal_digits(b)?);
    }
    let bits = integer_bits(a)?.max(integer_bits(b)?);
    let types = if a.is_unsigned_integer() && b.is_unsigned_integer() {
        [(9, T::UInt8), (17, T::UInt16), (33, T::UInt32), (u8::MAX, T::UInt64)]
    } else {
        [(8, T::Int8), (16, T::Int16), (32, T::Int32), (u8::MAX, T::Int64)]
    };
    let mut types = types.into_iter();
    types.find(|(most, _)| bits <= *most).map(|(_, data_type)| data_type)
}

/// Bits that a signed integer needs for all values of the type.
fn integer_bits(data_type: &DataType) -> Option<u8> {
    Some(match data_type {
        DataType::Int8 => 8,
        DataType::UInt8 => 9,
        DataType::Int16 => 16,
        DataType::UInt16 => 17,
        DataType::Int32 => 32,
        DataType::UInt32 => 33,
        DataType::Int64 => 64,
        DataType::UInt64 => 65,
        _ => return None,
    })
}

/// Digits before and after the point.
fn decimal_digits(data_type: &DataType) -> Option<(i16, i16)> {
    use DataType as T;
    Some(match data_type {
        T::Decimal32(precision, scale)
        | T::Decimal64(precision, scale)
        | T::Decimal128(precision, scale)
        | T::Decimal256(precision, scale) => (i16::from(*precision) - i16::from(*scale), i16::from(*scale)),
        integer => match integer_bits(integer)? {
            8 | 9 => (3, 0),
            16 | 17 => (5, 0),
            32 | 33 => (10, 0),
            _ => (20, 0),
        },
    })
}

fn united_decimal((whole, scale): (i16, i16), (other_whole, other_scale): (i16, i16)) -> Option<DataType> {
    let scale = scale.max(other_scale);
    let precision = u8::try_from(whole.max(other_whole) + scale).ok()?;
    let scale = i8::try_from(scale).ok()?;
    match precision {
        0..=38 => Some(DataType::Decimal128(precision, scale)),
        39..=76 => Some(DataType::Decimal256(precision, scale)),
        _ => None,
    }
}

fn united_field(a: &FieldRef, b: &FieldRef) -> Option<FieldRef> {
    let united = united_type(a.data_type(), b.data_type())?;
    Some(Arc::new(Field::new(
        a.name(),
        united,
        a.is_nullable() || b.is_nullable(),
    )))
}

fn united_fields(a: &Fields, b: &Fields) -> Option<Fields> {
    let mut fields = Vec::with_capacity(a.len());
    for field in a {
        fields.push(match b.find(field.name()) {
            Some((_, other)) => united_field(field, other)?,
            None => Arc::new(field.as_ref().clone().with_nullable(true)),
        });
    }
    let added = b.iter().filter(|field| a.find(field.name()).is_none());
    fields.extend(added.map(|field| Arc::new(field.as_ref().clone().with_nullable(true))));
    Some(fields.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &DataType, b: &DataType, expected: Option<DataType>) {
        assert_eq!(united_type(a, b), expected, "{a} and {b}");
        assert_eq!(united_type(b, a), expected, "{b} and {a}");
    }

    #[test]
    fn numbers_widen() {
        use DataType as T;
        check(&T::Int32, &T::Int64, Some(T::Int64));
        check(&T::UInt8, &T::UInt16, Some(T::UInt16));
        check(&T::UInt8, &T::Int8, Some(T::Int16));
        check(&T::UInt32, &T::Int32, Some(T::Int64));
        check(&T::UInt64, &T::Int8, Some(T::Int64));
        check(&T::Int64, &T::Float64, Some(T::Float64));
        check(&T::Int64, &T::Float32, Some(T::Float64));
        check(&T::Int16, &T::Float32, Some(T::Float32));
        check(&T::Float16, &T::Float32, Some(T::Float32));
        check(&T::Decimal128(5, 2), &T::Int64, Some(T::Decimal128(22, 2)));
        check(
            &T::Decimal128(38, 0),
            &T::Decimal128(38, 30),
            Some(T::Decimal256(68, 30)),
        );
        check(&T::Null, &T::Int8, Some(T::Int8));
    }

    #[test]
    fn floats_do_not_keep_large_integers() {
        use DataType as T;
        let list = |item| T::List(Arc::new(Field::new("item", item, true)));
        assert!(!holds_exactly(&T::Float64, &T::Int64));
        assert!(!holds_exactly(&list(T::Float64), &list(T::Int64)));
        assert!(!holds_exactly(&T::Float64, &T::Decimal128(5, 2)));
        assert!(holds_exactly(&T::Float64, &T::Int32) && holds_exactly(&T::Float64, &T::Float32));
        assert!(holds_exactly(&T::Int64, &T::Int8) && holds_exactly(&list(T::Int64), &list(T::Int64)));
    }

    #[test]
    fn times_become_finer() {
        use DataType as T;
        let timestamp = |unit, zone: Option<&str>| T::Timestamp(unit, zone.map(Into::into));
        check(
            &timestamp(TimeUnit::Millisecond, None),
            &timestamp(TimeUnit::Microsecond, None),
            Some(timestamp(TimeUnit::Microsecond, None)),
        );
        check(
            &timestamp(TimeUnit::Second, Some("Europe/Paris")),
            &timestamp(TimeUnit::Nanosecond, None),
            Some(timestamp(TimeUnit::Nanosecond, Some("UTC"))),
        );
        check(
            &T::Date32,
            &timestamp(TimeUnit::Second, None),
            Some(timestamp(TimeUnit::Second, None)),
        );
    }

    #[test]
    fn nested_types_are_united_inside() {
        use DataType as T;
        let list = |item| T::List(Arc::new(Field::new("item", item, true)));
        check(&list(T::Int64), &list(T::Float64), Some(list(T::Float64)));
        check(&list(T::Null), &list(T::Utf8), Some(list(T::Utf8)));
        let record = |name: &str, kind| T::Struct(vec![Field::new(name, kind, true)].into());
        assert_eq!(
            united_type(&record("a", T::Int8), &record("b", T::Utf8)),
            Some(T::Struct(
                vec![Field::new("a", T::Int8, true), Field::new("b", T::Utf8, true)].into()
            ))
        );
    }

    #[test]
    fn what_has_nothing_in_common_is_refused() {
        use DataType as T;
        check(&T::Utf8, &T::Int64, None);
        check(&T::Boolean, &T::Int64, None);
        check(&T::List(Arc::new(Field::new("item", T::Int8, true))), &T::Int8, None);
        check(&T::Timestamp(TimeUnit::Second, None), &T::Int64, None);
    }
}
