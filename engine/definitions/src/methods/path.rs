//! Methods and attributes of paths.

use std::ffi::OsStr;
use std::path::Path;
use std::rc::Rc;

use crate::context::Site;
use crate::stdlib::absolute;
use crate::value::{CallArguments, Value, joined_path};

/// `None` when the result is not known.
pub(super) fn call(path: &str, name: &str, arguments: &CallArguments, site: Site<'_>) -> Option<Value> {
    let str_at = |index: usize| match arguments.positional.get(index)? {
        Value::Path(path) => Some(Rc::clone(path)),
        other => other.as_str(),
    };
    let absolute = || absolute(path, site);
    Some(match (name, arguments.positional.len()) {
        ("resolve" | "absolute", 0) => Value::path(absolute()),
        ("as_posix" | "__str__", 0) => Value::str(path),
        ("joinpath", count) => {
            let parts: Option<Vec<_>> = (0..count).map(str_at).collect();
            let parts = parts?;
            let all: Vec<&str> = std::iter::once(path).chain(parts.iter().map(|part| &**part)).collect();
            Value::path(joined_path(&all))
        }
        ("exists", 0) => Value::Bool(Path::new(&absolute()).exists()),
        ("is_file", 0) => Value::Bool(Path::new(&absolute()).is_file()),
        ("is_dir", 0) => Value::Bool(Path::new(&absolute()).is_dir()),
        ("with_suffix", 1) => {
            let suffix = str_at(0)?;
            let path = Path::new(path);
            let name = path.file_stem()?.to_string_lossy().into_owned() + &suffix;
            Value::path(path.with_file_name(name).to_string_lossy())
        }
        ("with_name", 1) => Value::path(Path::new(path).with_file_name(&*str_at(0)?).to_string_lossy()),
        ("relative_to", 1) => {
            let start = str_at(0)?;
            Value::path(Path::new(path).strip_prefix(&*start).ok()?.to_string_lossy())
        }
        // Effects on the file system reach no definition.
        ("mkdir" | "touch", _) => Value::None,
        _ => return None,
    })
}

/// Attributes of a path that are not methods.
pub(crate) fn path_attribute(path: &str, name: &str) -> Option<Value> {
    let parsed = Path::new(path);
    let str = |part: Option<&OsStr>| Value::str(part.map(|part| part.to_string_lossy()).unwrap_or_default());
    Some(match name {
        "parent" => Value::path(match parsed.parent() {
            None => path.to_owned(),
            Some(parent) if parent.as_os_str().is_empty() => ".".to_owned(),
            Some(parent) => parent.to_string_lossy().into_owned(),
        }),
        "parents" => {
            let parents = parsed.ancestors().skip(1).map(|parent| match parent.to_string_lossy() {
                parent if parent.is_empty() => Value::path("."),
                parent => Value::path(parent),
            });
            Value::tuple(parents.collect())
        }
        "name" => str(parsed.file_name()),
        "stem" => str(parsed.file_stem()),
        "suffix" => match parsed.extension() {
            Some(extension) => Value::str(format!(".{}", extension.to_string_lossy())),
            None => Value::str(""),
        },
        "parts" => Value::tuple(
            parsed
                .components()
                .map(|part| Value::str(part.as_os_str().to_string_lossy()))
                .collect(),
        ),
        _ => return None,
    })
}
