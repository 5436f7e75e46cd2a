//! Types of values as both sides name them: one character a type, `[` before it for a list.
//!
//! Owns which types functions may have and give. `worker.py` has the same characters.

use feast_model::ValueType;

/// The name of a type that functions may have as an input.
///
/// # Errors
/// What of it is not known.
pub(crate) fn of_input(value_type: &ValueType) -> Result<String, String> {
    match value_type {
        ValueType::Array(element) | ValueType::Set(element) => Ok(format!("[{}", of_input(element)?)),
        ValueType::Map | ValueType::Struct(_) => Ok("j".to_owned()),
        ValueType::ZonedTimestamp => Ok("z".to_owned()),
        ValueType::ScalarMap => Err("values of type SCALAR_MAP are not known".to_owned()),
        scalar => of_scalar(scalar).map(str::to_owned),
    }
}

/// Whether functions may have values of a type as an input.
pub fn is_taken(value_type: &ValueType) -> bool {
    of_input(value_type).is_ok()
}

/// Whether functions may give values of a type.
pub fn is_given(value_type: &ValueType) -> bool {
    of_output(value_type).is_ok()
}

/// The name of a type that functions may give.
///
/// # Errors
/// What of it is not known.
pub(crate) fn of_output(value_type: &ValueType) -> Result<String, String> {
    match value_type {
        ValueType::Array(element) if **element != ValueType::Json => Ok(format!("[{}", of_scalar(element)?)),
        ValueType::Map | ValueType::Struct(_) => Ok("m".to_owned()),
        scalar => of_scalar(scalar).map(str::to_owned),
    }
}

fn of_scalar(value_type: &ValueType) -> Result<&'static str, String> {
    Ok(match value_type {
        ValueType::Int64 => "q",
        ValueType::Int32 => "i",
        ValueType::Float64 => "d",
        ValueType::Float32 => "f",
        ValueType::Bool => "?",
        ValueType::String => "s",
        ValueType::Bytes | ValueType::PdfBytes | ValueType::ImageBytes => "b",
        ValueType::UnixTimestamp => "t",
        ValueType::Uuid | ValueType::TimeUuid => "u",
        ValueType::Decimal => "D",
        ValueType::Json => "j",
        other => return Err(format!("values of type {} are not known", other.feast_name())),
    })
}
