//! The registry's messages as data: names, numbers and types of their fields, so that objects can be shown and compared
//! without a struct for each. The numbers are those of `feast.core` in Feast 0.67.

mod enumerations;
mod messages;

pub(super) use messages::{
    DATA_SOURCE, ENTITY, FEATURE_SERVICE, FEATURE_VIEW, LABEL_VIEW, ON_DEMAND_FEATURE_VIEW, PERMISSION, PROJECT,
    SAVED_DATASET, SQLITE_TABLE, STREAM_FEATURE_VIEW, VALIDATION_REFERENCE,
};

/// A message: its fields, by ascending number.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) fields: &'static [Field],
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
}

/// What a field holds.
#[derive(Debug)]
pub(crate) enum Shape {
    Text,
    Bytes,
    Boolean,
    Integer,
    /// 64 bits, which JSON gives as text.
    LongInteger,
    Float,
    Time,
    Duration,
    /// Names by number; a number without a name stays one.
    Enumeration(&'static [(i32, &'static str)]),
    Message(&'static Schema),
    List(&'static Shape),
    /// By text keys.
    Map(&'static Shape),
    /// A scalar that is shown even where it has its default value.
    Present(&'static Shape),
}

pub(crate) const fn field(number: u32, name: &'static str, shape: Shape) -> Field {
    Field { number, name, shape }
}
