//! `bytes`.

use super::Method;
use crate::stop::{Outcome, unknown};
use crate::value::Value;

pub(super) const METHODS: &[(&str, Method)] = &[("hex", |run, object, arguments| {
    let [] = arguments.exactly([])?;
    let bytes = bytes_of(object)?;
    run.hold(bytes.len() * 2)?;
    run.step(bytes.len() / 8)?;
    Ok(Value::text(
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    ))
})];

fn bytes_of(object: &Value) -> Outcome<&[u8]> {
    match object {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(unknown("these are no bytes")),
    }
}
