//! `os`, `os.path` and the constructors of `pathlib`.

use std::path::{Component, Path, PathBuf};

use crate::context::Site;
use crate::value::{CallArguments, Value, find_key, joined_path};

/// `None` when the result is not known.
pub(super) fn call(name: &str, arguments: &CallArguments, site: Site<'_>) -> Option<Value> {
    if name == "os.getenv" {
        return getenv(arguments, site);
    }
    let paths: Option<Vec<String>> = arguments.positional.iter().map(Value::as_path).collect();
    let paths = paths?;
    let first = paths.first().map(String::as_str);
    let parts: Vec<&str> = paths.iter().map(String::as_str).collect();
    Some(match (name, first) {
        ("pathlib.Path" | "pathlib.PurePath" | "pathlib.PosixPath" | "pathlib.PurePosixPath", _) => {
            Value::path(joined_path(if parts.is_empty() { &["."] } else { &parts }))
        }
        ("os.path.join", Some(_)) => Value::str(os_joined(&parts)),
        ("os.path.dirname", Some(path)) => Value::str(match path.rfind('/') {
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
            Value::tuple(vec![Value::str(&path[..dot]), Value::str(&path[dot..])])
        }
        ("os.path.basename", Some(path)) => Value::str(path.rsplit('/').next().unwrap_or_default()),
        ("os.path.abspath" | "os.path.realpath", Some(path)) => Value::str(absolute(path, site)),
        ("os.path.normpath", Some(path)) => Value::str(normalized(Path::new(path))),
        ("os.path.exists", Some(path)) => Value::Bool(Path::new(&absolute(path, site)).exists()),
        ("os.path.isfile", Some(path)) => Value::Bool(Path::new(&absolute(path, site)).is_file()),
        ("os.path.isdir", Some(path)) => Value::Bool(Path::new(&absolute(path, site)).is_dir()),
        ("os.path.expanduser", Some(path)) => Value::str(expanded(path, site)?),
        ("os.path.relpath", Some(path)) => {
            let start = paths.get(1).map_or_else(
                || site.session.directory().to_path_buf(),
                |start| PathBuf::from(absolute(start, site)),
            );
            Value::str(relative(Path::new(&absolute(path, site)), &start))
        }
        ("pathlib.Path.cwd", None) => Value::path(site.session.directory().to_string_lossy()),
        ("os.getcwd", None) => Value::str(site.session.directory().to_string_lossy()),
        ("os.fspath", Some(path)) => Value::str(path),
        _ => return None,
    })
}

/// `os.getenv`: an environment variable, or the default.
fn getenv(arguments: &CallArguments, site: Site<'_>) -> Option<Value> {
    let named = arguments.named.first().map(|(_, value)| value);
    let default = arguments.positional.get(1).or(named);
    let found = variable(arguments.positional.first()?, site)?;
    Some(found.unwrap_or_else(|| default.cloned().unwrap_or(Value::None)))
}

/// An environment variable. The outer `None` means that it is not known, the inner one that it is not set.
fn variable(name: &Value, site: Site<'_>) -> Option<Option<Value>> {
    let Value::Dict(variables) = site.session.environment() else {
        return None;
    };
    let variables = variables.borrow();
    let position = find_key(&variables, name)?;
    Some(position.map(|position| variables[position].1.clone()))
}

/// `os.path.expanduser`: the home directory for a `~` that stands alone; `None` when it is not known.
fn expanded(path: &str, site: Site<'_>) -> Option<String> {
    let Some(rest) = path
        .strip_prefix('~')
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
    else {
        return Some(path.to_owned());
    };
    match variable(&Value::str("HOME"), site)? {
        Some(home) => Some(format!("{}{rest}", home.as_str()?)),
        None => Some(path.to_owned()),
    }
}

fn os_joined(parts: &[&str]) -> String {
    let mut result = String::new();
    for part in parts {
        if part.starts_with('/') {
            result.clear();
        } else if !result.is_empty() && !result.ends_with('/') {
            result.push('/');
        }
        result.push_str(part);
    }
    result
}

/// The path from the root on, without dots.
pub(crate) fn absolute(path: &str, site: Site<'_>) -> String {
    normalized(&site.session.directory().join(path))
}

fn normalized(path: &Path) -> String {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if result.file_name().is_some_and(|name| name != "..") => {
                result.pop();
            }
            Component::ParentDir if result.has_root() => {}
            other => result.push(other),
        }
    }
    if result.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        result.to_string_lossy().into_owned()
    }
}

fn relative(path: &Path, start: &Path) -> String {
    let (mut path_parts, mut start_parts) = (path.components().peekable(), start.components().peekable());
    while path_parts.peek().is_some() && path_parts.peek() == start_parts.peek() {
        path_parts.next();
        start_parts.next();
    }
    let mut result: PathBuf = start_parts.map(|_| "..").collect();
    result.extend(path_parts);
    if result.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        result.to_string_lossy().into_owned()
    }
}
