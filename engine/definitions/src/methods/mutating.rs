//! Which methods change the value that they are called on: such calls are refused where it is not known whether they run.

use crate::context::Site;
use crate::error::DefinitionError;
use crate::value::Value;

/// Whether a method changes the value it is called on.
pub(super) fn changes(object: &Value, name: &str) -> bool {
    match object {
        Value::List(_) => {
            matches!(
                name,
                "append" | "extend" | "insert" | "pop" | "remove" | "sort" | "reverse" | "clear"
            )
        }
        Value::Dict(_) => {
            matches!(
                name,
                "update" | "setdefault" | "pop" | "clear" | "popitem" | "move_to_end" | "subtract"
            )
        }
        Value::Set(_) => matches!(
            name,
            "add"
                | "update"
                | "discard"
                | "remove"
                | "pop"
                | "clear"
                | "difference_update"
                | "intersection_update"
                | "symmetric_difference_update"
        ),
        Value::Globals => matches!(name, "update" | "setdefault" | "pop" | "clear" | "popitem"),
        _ => false,
    }
}

/// The error for a change whose effect cannot be known.
pub(super) fn unclear(container: &str, site: Site<'_>) -> DefinitionError {
    let text = site.text();
    site.limit(format!(
        "what `{text}` does to the {container} cannot be known without running Python"
    ))
}
