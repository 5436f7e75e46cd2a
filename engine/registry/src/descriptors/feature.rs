//! The fields of a feature, which views, sources and projections hold.

use super::enumerations::VALUE_TYPES;
use super::{FieldType, MessageDescriptor, field};

pub(super) static FEATURE: MessageDescriptor = MessageDescriptor {
    fields: &[
        field(1, "name", FieldType::String),
        field(2, "value_type", FieldType::Enum(VALUE_TYPES)),
        field(3, "tags", FieldType::Map(&FieldType::String)),
        field(4, "description", FieldType::String),
        field(5, "vector_index", FieldType::Bool),
        field(6, "vector_search_metric", FieldType::String),
        field(7, "vector_length", FieldType::Int32),
    ],
};
