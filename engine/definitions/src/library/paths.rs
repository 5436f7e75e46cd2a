//! `os`, `os.path` and the constructors of `pathlib`.

use std::path::{Component, Path, PathBuf};

use super::super::equality::member;
use super::super::methods;
use super::super::scope::Scope;
use super::super::value::{CallArguments, Value};

/// `None` when the answer is not known.
pub(super) fn call(name: &str, arguments: &CallArguments, scope: &Scope) -> Option<Value> {
    if name == "os.getenv" {
        return variable(arguments, scope);
    }
    let texts: Option<Vec<String>> = arguments.positional.iter().map(path_text).collect();
    let texts = texts?;
    let first = texts.first().map(String::as_str);
    let parts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Some(match (name, first) {
        ("pathlib.Path" | "pathlib.PurePath" | "pathlib.PosixPath" | "pathlib.PurePosixPath", _) => {
            Value::path(methods::joined_path(if parts.is_empty() { &["."] } else { &parts }))
        }
        ("os.path.join", Some(_)) => Value::text(os_joined(&parts)),
        ("os.path.dirname", Some(path)) => Value::text(match path.rfind('/') {
            None => "",
            Some(0) => "/",
            Some(position) => path[..position].trim_end_matches('/'),
        }),
        ("os.path.splitext", Some(path)) => {
            let name_start = path.rfind('/').map_or(0, |slash| slash + 1);
            let dot = path[name_start..]
                .rfind('.')
                .filter(|dot| *dot > 0)
                .map_or(path.len(), |dot| name_start + dot);
            Value::tuple(vec![Value::text(&path[..dot]), Value::text(&path[dot..])])
        }
        ("os.path.basename", Some(path)) => Value::text(path.rsplit('/').next().unwrap_or_default()),
        ("os.path.abspath" | "os.path.realpath", Some(path)) => Value::text(absolute(path, scope)),
        ("os.path.normpath", Some(path)) => Value::text(normalized(Path::new(path))),
        ("os.path.exists", Some(path)) => Value::Bool(Path::new(&absolute(path, scope)).exists()),
        ("os.path.isfile", Some(path)) => Value::Bool(Path::new(&absolute(path, scope)).is_file()),
        ("os.path.isdir", Some(path)) => Value::Bool(Path::new(&absolute(path, scope)).is_dir()),
        ("os.path.expanduser", Some(path)) => match (path.strip_prefix('~'), std::env::var("HOME")) {
            (Some(rest), Ok(home)) if rest.is_empty() || rest.starts_with('/') => Value::text(format!("{home}{rest}")),
            _ => Value::text(path),
        },
        ("os.path.relpath", Some(path)) => {
            let start = texts.get(1).map_or_else(
                || scope.repository().to_path_buf(),
                |start| PathBuf::from(absolute(start, scope)),
            );
            Value::text(relative(Path::new(&absolute(path, scope)), &start))
        }
        ("pathlib.Path.cwd", None) => Value::path(scope.repository().to_string_lossy()),
        ("os.getcwd", None) => Value::text(scope.repository().to_string_lossy()),
        ("os.fspath", Some(path)) => Value::text(path),
        _ => return None,
    })
}

/// An environment variable, or the default.
fn variable(arguments: &CallArguments, scope: &Scope) -> Option<Value> {
    let Value::Dict(variables) = scope.environment() else {
        return None;
    };
    let variables = variables.borrow();
    let named = arguments.named.first().map(|(_, value)| value);
    let default = arguments.positional.get(1).or(named);
    Some(match member(&variables, arguments.positional.first()?)? {
        Some(position) => variables[position].1.clone(),
        None => default.cloned().unwrap_or(Value::None),
    })
}

pub(super) fn path_text(value: &Value) -> Option<String> {
    match value {
        Value::Path(path) => Some(path.to_string()),
        other => other.as_text().map(|text| text.to_string()),
    }
}

fn os_joined(parts: &[&str]) -> String {
    let mut answer = String::new();
    for part in parts {
        if part.starts_with('/') {
            answer.clear();
        } else if !answer.is_empty() && !answer.ends_with('/') {
            answer.push('/');
        }
        answer.push_str(part);
    }
    answer
}

/// The path from the root on, without dots.
pub(crate) fn absolute(path: &str, scope: &Scope) -> String {
    normalized(&scope.repository().join(path))
}

fn normalized(path: &Path) -> String {
    let mut answer = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if answer.file_name().is_some_and(|name| name != "..") => {
                answer.pop();
            }
            Component::ParentDir if answer.has_root() => {}
            other => answer.push(other),
        }
    }
    if answer.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        answer.to_string_lossy().into_owned()
    }
}

fn relative(path: &Path, start: &Path) -> String {
    let (mut path_parts, mut start_parts) = (path.components().peekable(), start.components().peekable());
    while path_parts.peek().is_some() && path_parts.peek() == start_parts.peek() {
        path_parts.next();
        start_parts.next();
    }
    let mut answer: PathBuf = start_parts.map(|_| "..").collect();
    answer.extend(path_parts);
    if answer.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        answer.to_string_lossy().into_owned()
    }
}
