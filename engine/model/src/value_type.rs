//! The types of features and join keys, their names in Feast, and the Arrow types in which columns of them are held.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, TimeUnit};

/// The type of a feature or of a join key, as written in a definition file (`feast.types`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// Bytes without meaning.
    Bytes,
    /// The bytes of a PDF document.
    PdfBytes,
    /// The bytes of an image.
    ImageBytes,
    /// A UTF-8 string.
    String,
    /// Signed 32-bit integer.
    Int32,
    /// Signed 64-bit integer.
    Int64,
    /// IEEE single precision.
    Float32,
    /// IEEE double precision.
    Float64,
    /// True or false.
    Bool,
    /// A point in time, whole seconds since 1970 in UTC.
    UnixTimestamp,
    /// A UUID as a string, unchecked.
    Uuid,
    /// A time-based UUID as a string, unchecked.
    TimeUuid,
    /// A decimal number as a string; its trailing zeros count.
    Decimal,
    /// A JSON document as a string, answered as a string.
    Json,
    /// An object with string keys and values of any type.
    Map,
    /// A map whose keys are scalars. Feast can define it but neither fill nor answer it.
    ScalarMap,
    /// A point in time together with its zone: an ISO 8601 string in whole seconds, with the offset.
    ZonedTimestamp,
    /// An object with named fields; extra fields are kept.
    Struct(Vec<StructField>),
    /// A list.
    Array(Box<ValueType>),
    /// A list without duplicates.
    Set(Box<ValueType>),
}

/// One field of a [`ValueType::Struct`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StructField {
    /// Field name.
    pub name: String,
    /// Field type.
    pub value_type: ValueType,
}

/// Names of `feast.ValueType`.
const SIMPLE_NAMES: &[(ValueType, &str)] = &[
    (ValueType::Bytes, "BYTES"),
    (ValueType::String, "STRING"),
    (ValueType::Int32, "INT32"),
    (ValueType::Int64, "INT64"),
    (ValueType::Float64, "DOUBLE"),
    (ValueType::Float32, "FLOAT"),
    (ValueType::Bool, "BOOL"),
    (ValueType::UnixTimestamp, "UNIX_TIMESTAMP"),
    (ValueType::Map, "MAP"),
    (ValueType::Json, "JSON"),
    (ValueType::Uuid, "UUID"),
    (ValueType::TimeUuid, "TIME_UUID"),
    (ValueType::Decimal, "DECIMAL"),
    (ValueType::PdfBytes, "PDF_BYTES"),
    (ValueType::ImageBytes, "IMAGE_BYTES"),
    (ValueType::ScalarMap, "SCALAR_MAP"),
    (ValueType::ZonedTimestamp, "ZONED_TIMESTAMP"),
];

impl ValueType {
    /// The Arrow type in which the engine holds a column of this type.
    ///
    /// Maps and structs are held as their JSON text: Feast gives their values no fixed type.
    pub fn arrow_type(&self) -> DataType {
        match self {
            Self::Bytes | Self::PdfBytes | Self::ImageBytes => DataType::Binary,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::UnixTimestamp => DataType::Timestamp(TimeUnit::Second, None),
            Self::String | Self::Uuid | Self::TimeUuid | Self::Decimal | Self::Json => DataType::Utf8,
            Self::Map | Self::ScalarMap | Self::Struct(_) | Self::ZonedTimestamp => DataType::Utf8,
            Self::Array(element) | Self::Set(element) => {
                DataType::List(Arc::new(ArrowField::new("item", element.arrow_type(), true)))
            }
        }
    }

    /// The name of its member of `feast.ValueType`, such as `INT64_LIST`.
    pub fn feast_name(&self) -> String {
        let simple = |value_type: &Self| {
            SIMPLE_NAMES
                .iter()
                .find(|(known, _)| known == value_type)
                .map(|(_, name)| *name)
        };
        match self {
            Self::Struct(_) => "STRUCT".to_owned(),
            Self::Array(element) => match (simple(element), &**element) {
                (Some(name), _) => format!("{name}_LIST"),
                (None, Self::Struct(_)) => "STRUCT_LIST".to_owned(),
                (None, _) => "VALUE_LIST".to_owned(),
            },
            Self::Set(element) => simple(element).map_or_else(|| "VALUE_SET".to_owned(), |name| format!("{name}_SET")),
            value_type => simple(value_type).unwrap_or("UNKNOWN").to_owned(),
        }
    }

    /// The type of that name; `None` for names that do not say a whole type.
    pub fn by_feast_name(name: &str) -> Option<Self> {
        let simple = |name: &str| {
            SIMPLE_NAMES
                .iter()
                .find(|(_, known)| *known == name)
                .map(|(found, _)| found.clone())
        };
        let element = |suffix: &str| simple(name.strip_suffix(suffix)?).map(Box::new);
        simple(name)
            .or_else(|| element("_LIST").map(Self::Array))
            .or_else(|| element("_SET").map(Self::Set))
    }

    /// Whether a join key may have this type (Feast's entity key format knows no other).
    pub fn is_key_type(&self) -> bool {
        matches!(
            self.as_key(),
            Self::Bytes | Self::String | Self::Int32 | Self::Int64 | Self::UnixTimestamp
        )
    }

    /// The type as which a join key of this type is stored: documents and images are bytes.
    pub fn as_key(&self) -> Self {
        match self {
            Self::PdfBytes | Self::ImageBytes => Self::Bytes,
            other => other.clone(),
        }
    }

    /// Whether values are held as JSON text and answered as JSON, not as a string.
    pub fn is_document(&self) -> bool {
        matches!(self, Self::Map | Self::ScalarMap | Self::Struct(_))
    }
}

impl fmt::Display for ValueType {
    /// The notation of definition files: `Int64`, `Array(String)`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Array(element) => write!(formatter, "Array({element})"),
            Self::Set(element) => write!(formatter, "Set({element})"),
            Self::Struct(fields) => {
                formatter.write_str("Struct({")?;
                for (index, field) in fields.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(formatter, "{separator}{:?}: {}", field.name, field.value_type)?;
                }
                formatter.write_str("})")
            }
            simple => write!(formatter, "{simple:?}"),
        }
    }
}
