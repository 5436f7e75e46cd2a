//! Which member of `feast.types.Value` holds values of a type, and in which form.

use feast_model::ValueType;

/// Values of a type as a Value holds them.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// Number of the member.
    pub(super) member: u32,
    pub(super) form: Form,
    /// Whether the values lie within lists of lists. Python infers the members there from the items, whatever the registry says.
    pub(super) is_nested: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Form {
    Number(Number),
    Bytes,
    String,
    /// A map with string keys: JSON in our rows.
    Document,
    /// A map with scalar keys: JSON in our rows.
    ScalarMap,
    /// A time with its zone: ISO 8601 in our rows.
    ZonedTime,
    Numbers(Number),
    ListOfBytes,
    Strings,
    Documents,
    /// A list of Values.
    Values(Box<Shape>),
}

/// Values of fixed width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Bool,
    Int32,
    Int64,
    Float32,
    Float64,
    Seconds,
}

pub(super) const STRING: u32 = 2;
pub(super) const INT64: u32 = 4;
pub(super) const DOUBLE: u32 = 5;
pub(super) const BOOL: u32 = 7;
const BYTES_LIST: u32 = 11;
pub(super) const STRING_LIST: u32 = 12;
pub(super) const INT64_LIST: u32 = 14;
pub(super) const DOUBLE_LIST: u32 = 15;
pub(super) const BOOL_LIST: u32 = 17;
pub(super) const NULL: u32 = 19;
pub(super) const MAP: u32 = 20;
pub(super) const MAP_LIST: u32 = 21;
pub(super) const LIST: u32 = 42;
const SET: u32 = 43;

/// Names of the members, by their numbers from 1 on.
const MEMBER_NAMES: &[&str] = &[
    "bytes_val",
    "string_val",
    "int32_val",
    "int64_val",
    "double_val",
    "float_val",
    "bool_val",
    "unix_timestamp_val",
    "",
    "",
    "bytes_list_val",
    "string_list_val",
    "int32_list_val",
    "int64_list_val",
    "double_list_val",
    "float_list_val",
    "bool_list_val",
    "unix_timestamp_list_val",
    "null_val",
    "map_val",
    "map_list_val",
    "bytes_set_val",
    "string_set_val",
    "int32_set_val",
    "int64_set_val",
    "double_set_val",
    "float_set_val",
    "bool_set_val",
    "unix_timestamp_set_val",
    "",
    "",
    "json_val",
    "json_list_val",
    "struct_val",
    "struct_list_val",
    "uuid_val",
    "time_uuid_val",
    "uuid_list_val",
    "time_uuid_list_val",
    "uuid_set_val",
    "time_uuid_set_val",
    "list_val",
    "set_val",
    "decimal_val",
    "decimal_list_val",
    "decimal_set_val",
    "scalar_map_val",
    "zoned_timestamp_val",
];

/// The name of a member; `None` for a number that Feast 0.67 does not have.
pub(super) fn member_name(member: u32) -> Option<&'static str> {
    let name = MEMBER_NAMES.get(usize::try_from(member).ok()?.checked_sub(1)?)?;
    (!name.is_empty()).then_some(*name)
}

/// Whether a member is a list of Values.
pub(super) fn is_list_of_values(member: u32) -> bool {
    matches!(member, LIST | SET)
}

/// The form of each member but lists of Values, which the type of the items belongs to.
pub(super) fn form_of_member(member: u32) -> Option<Form> {
    Some(match member {
        1 => Form::Bytes,
        2 | 32 | 36 | 37 | 44 => Form::String,
        3 => Form::Number(Number::Int32),
        4 => Form::Number(Number::Int64),
        5 => Form::Number(Number::Float64),
        6 => Form::Number(Number::Float32),
        7 => Form::Number(Number::Bool),
        8 => Form::Number(Number::Seconds),
        11 | 22 => Form::ListOfBytes,
        12 | 23 | 33 | 38..=41 | 45 | 46 => Form::Strings,
        13 | 24 => Form::Numbers(Number::Int32),
        14 | 25 => Form::Numbers(Number::Int64),
        15 | 26 => Form::Numbers(Number::Float64),
        16 | 27 => Form::Numbers(Number::Float32),
        17 | 28 => Form::Numbers(Number::Bool),
        18 | 29 => Form::Numbers(Number::Seconds),
        20 | 34 => Form::Document,
        21 | 35 => Form::Documents,
        47 => Form::ScalarMap,
        48 => Form::ZonedTime,
        _ => return None,
    })
}

/// The members of a simple type alone, in a list and in a set.
fn members(value_type: &ValueType) -> (u32, Option<u32>, Option<u32>) {
    match value_type {
        ValueType::Bytes => (1, Some(11), Some(22)),
        ValueType::PdfBytes | ValueType::ImageBytes => (1, None, None),
        ValueType::String => (2, Some(12), Some(23)),
        ValueType::Int32 => (3, Some(13), Some(24)),
        ValueType::Int64 => (4, Some(14), Some(25)),
        ValueType::Float64 => (5, Some(15), Some(26)),
        ValueType::Float32 => (6, Some(16), Some(27)),
        ValueType::Bool => (7, Some(17), Some(28)),
        ValueType::UnixTimestamp => (8, Some(18), Some(29)),
        ValueType::Map => (20, Some(21), None),
        ValueType::Json => (32, Some(33), None),
        ValueType::Struct(_) => (34, Some(35), None),
        ValueType::Uuid => (36, Some(38), Some(40)),
        ValueType::TimeUuid => (37, Some(39), Some(41)),
        ValueType::Decimal => (44, Some(45), Some(46)),
        ValueType::ScalarMap => (47, None, None),
        ValueType::ZonedTimestamp => (48, None, None),
        ValueType::Array(_) => (LIST, None, None),
        ValueType::Set(_) => (SET, None, None),
    }
}

impl Shape {
    pub(super) fn of(value_type: &ValueType) -> Self {
        Self::in_list(value_type, false)
    }

    fn in_list(value_type: &ValueType, is_nested: bool) -> Self {
        let (alone, ..) = members(value_type);
        let member = match value_type {
            ValueType::Array(element) => members(element).1,
            ValueType::Set(element) => members(element).2,
            _ => None,
        };
        let (member, form) = match (value_type, member.unwrap_or(alone)) {
            (ValueType::Array(element) | ValueType::Set(element), member @ (LIST | SET)) => {
                (member, Form::Values(Box::new(Self::in_list(element, true))))
            }
            // Each member of `members` has a form.
            (_, member) => (member, form_of_member(member).unwrap_or(Form::Bytes)),
        };
        Self {
            member: if is_nested { inferred(member) } else { member },
            form,
            is_nested,
        }
    }

    /// The name of the member.
    pub(super) fn name(&self) -> &'static str {
        member_name(self.member).unwrap_or_default()
    }
}

/// The member that Python finds for items of lists within lists: strings are strings, and sets are lists.
fn inferred(member: u32) -> u32 {
    match member {
        12 | 23 | 33 | 38..=41 | 45 | 46 => STRING_LIST,
        22 => BYTES_LIST,
        24..=29 => member - 11,
        35 => MAP_LIST,
        SET => LIST,
        member => member,
    }
}

/// Whether a value of one member is exactly one of another: wider numbers, and forms that Feast itself wrote before or writes on
/// some of its paths.
pub(super) fn is_wider(found: u32, expected: u32) -> bool {
    matches!(
        (found, expected),
        // Integers of 32 bits and floats, alone, in lists and in sets.
        (3, 4) | (13, 14) | (24, 25) | (6, 5) | (16, 15) | (27, 26)
        // UUIDs, which older versions kept as strings.
        | (2, 36 | 37) | (12, 38 | 39) | (23, 40 | 41)
        // Lists of times, if they came as JSON.
        | (14, 18) | (25, 29)
    )
}
