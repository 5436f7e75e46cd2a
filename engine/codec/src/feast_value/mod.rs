//! Feast's own forms of a value: the message `feast.types.Value`, its event times, and the names under which Redis keeps them.
//!
//! Read and written by hand, from bytes into the values of [`crate::row`] and from Arrow columns into bytes, because a message of
//! objects for each cell would cost more than the cell. Bytes are untrusted: other programs write to the same stores, so what is not
//! a value is a [`CorruptValue`], never a panic, and depth and memory have bounds. Knows nothing of stores.
//!
//! Where the bytes differ from those of Python Feast on purpose:
//!
//! * An empty list in a list is a typed empty list. Python writes a value without a member, which it reads back as null.
//! * The members of a document are written in the order of its text. Python's are in no order.
//! * A list in a document that Python refuses (empty, of several types, with nulls or lists in it) is a `list_val`, which Python
//!   reads back as that list.

mod decode;
mod document_reader;
mod document_writer;
mod encode;
mod event_time;
mod field_name;
mod shape;
mod wire;
mod zone;

pub use decode::ValueDecoder;
pub use encode::{UnstorableValue, ValueEncoder};
pub use event_time::{decode_timestamp, encode_timestamp};
pub use field_name::{field_name, time_field};

/// The longest value that is read. A list may need eight times as much in a row.
pub const MAX_VALUE_BYTES: usize = 32 << 20;

/// Messages within messages that are read and written: as many as Python's protobuf.
const MAX_DEPTH: u32 = 100;

/// A stored value cannot be read, or is not of the type that the registry says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorruptValue {
    /// The bytes are not what any version of Feast writes.
    #[error("stored value is damaged: {0}")]
    Damaged(&'static str),
    /// It is of another type.
    #[error("stored value is a {found}, and the registry expects a {expected}")]
    OtherMember {
        /// The member of `feast.types.Value` that is there.
        found: &'static str,
        /// The one that values of the registered type have.
        expected: &'static str,
    },
    /// A newer version of Feast wrote it.
    #[error("stored value has the member {0}, which Feast 0.67 does not have")]
    UnknownMember(u32),
    /// It is longer than [`MAX_VALUE_BYTES`].
    #[error("stored value has {0} bytes, and at most {MAX_VALUE_BYTES} are read")]
    TooLong(usize),
}

#[cfg(test)]
mod tests;
