//! The source of a function as Feast stores it: what Python's `inspect.getsource` returns.

use ruff_python_ast::StmtFunctionDef;
use ruff_text_size::Ranged;

/// From the line of the first decorator to the last line of the body, with comments that are indented as deep as the body
/// directly after it. Lines end with `\n`.
pub(crate) fn function_source(definition: &StmtFunctionDef, source: &str) -> String {
    let start = usize::from(definition.range().start());
    let end = usize::from(definition.range().end());
    let first_line = source[..start].rfind('\n').map_or(0, |position| position + 1);
    let body_indent = definition.body.first().map_or(0, |statement| {
        let position = usize::from(statement.range().start());
        position - source[..position].rfind('\n').map_or(0, |newline| newline + 1)
    });
    let is_one_line = !source[start..end].contains('\n');
    let after_body = source[end..]
        .find('\n')
        .map_or(source.len(), |position| end + position + 1);
    let mut last = after_body;
    let mut position = after_body;
    for line in source[after_body..].split_inclusive('\n') {
        position += line.len();
        let text = line.trim();
        if text.is_empty() {
            continue;
        }
        if !text.starts_with('#') || is_one_line {
            break;
        }
        // A comment at the margin counts only if one that is indented follows.
        if line.len() - line.trim_start().len() >= body_indent {
            last = position;
        }
    }
    let mut text = source[first_line..last].replace("\r\n", "\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
