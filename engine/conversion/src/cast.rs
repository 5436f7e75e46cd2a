//! Arrow's own cast, without its habit of writing null for what does not fit.

use arrow::array::ArrayRef;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

/// Casts a column, row by row the same.
///
/// # Errors
/// When a value does not fit; nothing is replaced by null.
pub fn strict_cast(column: &ArrayRef, target: &DataType) -> Result<ArrayRef, ArrowError> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(column, target, &options)
}
