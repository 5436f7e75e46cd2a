//! The registry's messages as data: the one place that knows the numbers of their fields, with names and types, so that objects
//! can be shown, compared and changed without a struct for each. The numbers are those of `feast.core` in Feast 0.67.
//!
//! What this crate understands is read and written by the structs of `messages` besides; a test holds the two together. Structs
//! alone would lose what is only shown or carried, descriptors alone would make every conversion a search by name.

mod enumerations;
mod feature;
mod messages;
mod sources;
#[cfg(test)]
mod tests;

pub(super) use enumerations::{CONFLICT_POLICIES, SOURCE_TYPES};
pub(super) use messages::{
    ENTITY, FEATURE_SERVICE, FEATURE_VIEW, INFRA, INFRA_OBJECT, LABEL_VIEW, ON_DEMAND_FEATURE_VIEW, PERMISSION,
    PROJECT, PROJECT_METADATA, REGISTRY, SAVED_DATASET, SQLITE_TABLE, STREAM_FEATURE_VIEW, VALIDATION_REFERENCE,
    VERSION_RECORD,
};
pub(super) use sources::DATA_SOURCE;

/// A message: its fields, by ascending number.
#[derive(Debug)]
pub(crate) struct MessageDescriptor {
    pub(crate) fields: &'static [FieldDescriptor],
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct FieldDescriptor {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) field_type: FieldType,
}

/// What a field holds.
#[derive(Debug)]
pub(crate) enum FieldType {
    String,
    Bytes,
    Bool,
    Int32,
    /// Which JSON gives as a string.
    Int64,
    Float,
    Timestamp,
    Duration,
    /// Names by number; a number without a name stays one.
    Enum(&'static [(i32, &'static str)]),
    Message(&'static MessageDescriptor),
    List(&'static FieldType),
    /// By strings.
    Map(&'static FieldType),
    /// A scalar that is shown even where it has its default value.
    Present(&'static FieldType),
}

pub(crate) const fn field(number: u32, name: &'static str, field_type: FieldType) -> FieldDescriptor {
    FieldDescriptor {
        number,
        name,
        field_type,
    }
}

impl MessageDescriptor {
    /// The field of that name, if the message has it.
    pub(crate) const fn find(&self, name: &str) -> Option<&FieldDescriptor> {
        let mut position = 0;
        while position < self.fields.len() {
            if is_same(self.fields[position].name, name) {
                return Some(&self.fields[position]);
            }
            position += 1;
        }
        None
    }

    /// The number of the field of that name. For constants: there a name that the message does not have is an error of the
    /// compiler.
    pub(crate) const fn number_of(&self, name: &str) -> u32 {
        match self.find(name) {
            Some(field) => field.number,
            None => panic!("the message has no field of that name"),
        }
    }

    /// As [`MessageDescriptor::number_of`], for a field that only some messages have.
    pub(crate) const fn optional_number_of(&self, name: &str) -> Option<u32> {
        match self.find(name) {
            Some(field) => Some(field.number),
            None => None,
        }
    }

    /// The message that the field of that name holds.
    pub(crate) const fn message(&self, name: &str) -> Option<&'static MessageDescriptor> {
        match self.find(name) {
            Some(FieldDescriptor {
                field_type: FieldType::Message(message),
                ..
            }) => Some(message),
            _ => None,
        }
    }

    /// Whether it has a field of that number.
    pub(crate) fn knows(&self, number: u32) -> bool {
        self.fields.iter().any(|field| field.number == number)
    }
}

/// The number of a name of an enumeration. For constants, as [`MessageDescriptor::number_of`].
pub(crate) const fn value_of(names: &[(i32, &str)], name: &str) -> i32 {
    let mut position = 0;
    while position < names.len() {
        if is_same(names[position].1, name) {
            return names[position].0;
        }
        position += 1;
    }
    panic!("the enumeration has no such name")
}

/// As `==`, which constants cannot use yet.
const fn is_same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut position = 0;
    while position < left.len() {
        if left[position] != right[position] {
            return false;
        }
        position += 1;
    }
    true
}
