//! Python's own functions and modules, as far as definitions use them.

use std::path::{Component, Path, PathBuf};

use feast_engine::model::Timestamp;
use ruff_text_size::TextRange;

use super::Evaluated;
use super::methods;
use super::operators::order;
use super::scope::Scope;
use super::value::{CallArguments, Value};

/// Names that are there without an import, and that are computed.
const BUILTINS: [&str; 33] = [
    "abs",
    "all",
    "any",
    "bool",
    "dict",
    "dir",
    "getattr",
    "globals",
    "hasattr",
    "open",
    "repr",
    "enumerate",
    "filter",
    "float",
    "frozenset",
    "int",
    "len",
    "list",
    "map",
    "max",
    "min",
    "object",
    "print",
    "range",
    "reversed",
    "round",
    "set",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "tuple",
    "zip",
];

/// Names of Python that stay opaque.
const OPAQUE_BUILTINS: [&str; 44] = [
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "Exception",
    "FileNotFoundError",
    "IOError",
    "ImportError",
    "IndexError",
    "KeyError",
    "LookupError",
    "ModuleNotFoundError",
    "NameError",
    "NotImplemented",
    "NotImplementedError",
    "OSError",
    "RuntimeError",
    "StopIteration",
    "TypeError",
    "ValueError",
    "__builtins__",
    "__doc__",
    "__loader__",
    "__package__",
    "__spec__",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "complex",
    "delattr",
    "divmod",
    "eval",
    "exec",
    "format",
    "hash",
    "id",
    "input",
    "isinstance",
    "issubclass",
    "iter",
    "locals",
    "memoryview",
];
const MORE_OPAQUE_BUILTINS: [&str; 12] = [
    "next", "oct", "ord", "pow", "property", "setattr", "slice", "super", "type", "vars", "hex", "bin",
];

/// Functions and classes of modules that are computed or known.
const KNOWN: [&str; 46] = [
    "collections.OrderedDict",
    "copy.copy",
    "copy.deepcopy",
    "dataclasses.dataclass",
    "dataclasses.field",
    "datetime.date",
    "datetime.datetime",
    "datetime.timedelta",
    "datetime.timezone",
    "enum.Enum",
    "enum.IntEnum",
    "enum.StrEnum",
    "enum.auto",
    "enum.unique",
    "functools.cache",
    "functools.lru_cache",
    "functools.partial",
    "functools.reduce",
    "functools.wraps",
    "importlib.import_module",
    "itertools.chain",
    "itertools.product",
    "json.load",
    "json.loads",
    "os.fspath",
    "os.getcwd",
    "os.getenv",
    "os.path.abspath",
    "os.path.basename",
    "os.path.dirname",
    "os.path.exists",
    "os.path.expanduser",
    "os.path.isdir",
    "os.path.isfile",
    "os.path.join",
    "os.path.normpath",
    "os.path.realpath",
    "os.path.relpath",
    "os.path.splitext",
    "pathlib.Path",
    "pathlib.Path.cwd",
    "pathlib.PosixPath",
    "pathlib.PurePath",
    "pathlib.PurePosixPath",
    "typing.cast",
    "yaml.safe_load",
];

/// Modules that are there wherever Feast is.
const INSTALLED: [&str; 62] = [
    "__future__",
    "abc",
    "argparse",
    "ast",
    "asyncio",
    "base64",
    "collections",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "feast",
    "functools",
    "glob",
    "hashlib",
    "importlib",
    "inspect",
    "io",
    "itertools",
    "json",
    "logging",
    "math",
    "numbers",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "platform",
    "random",
    "re",
    "shutil",
    "socket",
    "sqlite3",
    "string",
    "subprocess",
    "sys",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "types",
    "typing",
    "urllib",
    "uuid",
    "warnings",
    "zoneinfo",
    "dask",
    "dateutil",
    "dill",
    "fastapi",
    "google",
    "jinja2",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "requests",
    "typing_extensions",
    "yaml",
];

pub(super) fn is_installed(module: &str) -> bool {
    module.is_empty() || INSTALLED.contains(&module.split('.').next().unwrap_or(module))
}

/// A name that Python has without an import.
pub(super) fn builtin(name: &str) -> Option<Value> {
    if let Some(known) = BUILTINS.iter().find(|known| **known == name) {
        return Some(Value::Library(known));
    }
    let is_opaque = OPAQUE_BUILTINS.contains(&name) || MORE_OPAQUE_BUILTINS.contains(&name);
    is_opaque.then(|| Value::opaque(format!("Python's {name}")))
}

/// `module.name` of Python's library.
pub(super) fn attribute(module: &str, name: &str) -> Value {
    let full_name = format!("{module}.{name}");
    if let Some(known) = KNOWN.iter().find(|known| **known == full_name) {
        return Value::Library(known);
    }
    match full_name.as_str() {
        "os.environ" => {
            let variables = std::env::vars_os()
                .filter_map(|(name, value)| Some((Value::text(name.to_str()?), Value::text(value.to_str()?))));
            Value::dict(variables.collect())
        }
        "os.sep" | "os.path.sep" => Value::text("/"),
        "os.path" => Value::Module(std::rc::Rc::from("os.path")),
        "typing.TYPE_CHECKING" => Value::Bool(false),
        "datetime.timezone.utc" | "datetime.UTC" => Value::opaque("the time zone UTC"),
        "math.pi" => Value::Float(std::f64::consts::PI),
        _ if is_submodule(&full_name) => Value::Module(std::rc::Rc::from(full_name)),
        _ => Value::opaque(format!("{name} of the module {module}")),
    }
}

fn is_submodule(name: &str) -> bool {
    [
        "importlib.metadata",
        "collections.abc",
        "urllib.parse",
        "concurrent.futures",
    ]
    .contains(&name)
}

/// `None` when the answer is not known.
pub(super) fn call(name: &str, arguments: &CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    let positional = arguments.positional.as_slice();
    if let Some(opaque) = positional.iter().find(|value| matches!(value, Value::Opaque(_))) {
        // A container of unknown things is known as a container.
        if !matches!(
            name,
            "list" | "tuple" | "print" | "typing.cast" | "copy.copy" | "copy.deepcopy"
        ) {
            return Ok(Some(opaque.clone()));
        }
    }
    if name.starts_with("json.") || name.starts_with("yaml.") || name == "open" {
        return files(name, arguments, range, scope);
    }
    if name.starts_with("os.") || name.starts_with("pathlib.") {
        return Ok(paths(name, arguments, scope));
    }
    if name.starts_with("datetime.") {
        return moments(name, arguments, range, scope);
    }
    let size: usize = positional.iter().map(|value| value.size(1_000_000)).sum();
    scope.spend(range, size)?;
    Ok(match (name, positional) {
        ("str", [value]) => value.to_text().map(Value::text),
        ("repr", [value]) => value.represented().map(Value::text),
        ("dir", []) => Some(Value::list(
            scope.bindings().iter().map(|(name, _)| Value::text(name)).collect(),
        )),
        ("enum.auto", []) => Some(Value::Library("enum.auto")),
        ("functools.lru_cache" | "functools.wraps", _) => Some(Value::Library("functools.wraps")),
        ("dataclasses.dataclass", []) => Some(Value::Library("dataclasses.dataclass")),
        ("dataclasses.field", []) => dataclass_field(arguments),
        ("str", []) => Some(Value::text("")),
        ("int", [value]) => integer(value, range, scope)?,
        ("float", [value]) => float(value, range, scope)?,
        ("bool", [value]) => value.truth().map(Value::Bool),
        ("len", [value]) => value.items().map(|items| Value::count(items.len())),
        ("list", []) => Some(Value::list(Vec::new())),
        ("list", [value]) => value.items().map(Value::list),
        ("tuple", []) => Some(Value::tuple(Vec::new())),
        ("tuple", [value]) => value.items().map(Value::tuple),
        ("set" | "frozenset", []) => Some(Value::set(Vec::new())),
        ("set" | "frozenset", [value]) => value.items().map(Value::set),
        ("dict" | "collections.OrderedDict", []) => Some(Value::dict(named_members(arguments))),
        ("dict" | "collections.OrderedDict", [value]) => dict(value).map(|mut members| {
            members.extend(named_members(arguments));
            Value::dict(members)
        }),
        ("range", bounds) => range_items(bounds, range, scope)?,
        ("zip", lists) => {
            let lists = lists.iter().map(Value::items).collect::<Option<Vec<_>>>();
            lists.map(|lists| {
                let shortest = lists.iter().map(Vec::len).min().unwrap_or(0);
                let row = |index: usize| Value::tuple(lists.iter().map(|list| list[index].clone()).collect());
                Value::list((0..shortest).map(row).collect())
            })
        }
        ("enumerate", [value, ..]) => {
            let start = match positional
                .get(1)
                .or_else(|| arguments.named.first().map(|(_, value)| value))
            {
                Some(Value::Integer(start)) => *start,
                None => 0,
                Some(_) => return Ok(None),
            };
            value.items().map(|items| {
                let rows = (start..)
                    .zip(items)
                    .map(|(index, item)| Value::tuple(vec![Value::Integer(index), item]));
                Value::list(rows.collect())
            })
        }
        ("reversed", [value]) => value
            .items()
            .map(|items| Value::list(items.into_iter().rev().collect())),
        ("sorted", [value]) => value.items().and_then(|items| {
            let keys = items.clone();
            by_keys("sorted", items, &keys, arguments)
        }),
        ("min" | "max", [value]) => value.items().and_then(|items| {
            let keys = items.clone();
            by_keys(name, items, &keys, arguments)
        }),
        ("min" | "max", values) => by_keys(name, values.to_vec(), values, arguments),
        ("any", [value]) => value.items().and_then(|items| quantified(&items, true)),
        ("all", [value]) => value.items().and_then(|items| quantified(&items, false)),
        ("sum", [value]) => value.items().and_then(|items| sum(&items)),
        ("sum", [value, start]) => value.items().and_then(|mut items| {
            items.push(start.clone());
            sum(&items)
        }),
        ("abs", [Value::Integer(number)]) => number.checked_abs().map(Value::Integer),
        ("abs", [Value::Float(number)]) => Some(Value::Float(number.abs())),
        ("abs", [Value::Duration(micros)]) => micros.checked_abs().map(Value::Duration),
        ("round", [Value::Float(number)]) => Some(Value::Integer(number.round_ties_even() as i64)),
        ("round", [number @ Value::Integer(_)]) => Some(number.clone()),
        ("print", _) => Some(Value::None),
        ("typing.cast", [_, value]) => Some(value.clone()),
        ("copy.copy" | "copy.deepcopy", [value]) => copied(value),
        ("itertools.chain", lists) => {
            let lists = lists.iter().map(Value::items).collect::<Option<Vec<_>>>();
            lists.map(|lists| Value::list(lists.concat()))
        }
        ("itertools.product", [left, right]) => {
            let (Some(left), Some(right)) = (left.items(), right.items()) else {
                return Ok(None);
            };
            scope.spend(range, left.len().saturating_mul(right.len()))?;
            let pairs = left
                .iter()
                .flat_map(|left| right.iter().map(move |right| vec![left.clone(), right.clone()]));
            Some(Value::list(pairs.map(Value::tuple).collect()))
        }
        _ => None,
    })
}

/// The default of a dataclass's field.
fn dataclass_field(arguments: &CallArguments) -> Option<Value> {
    let named = |wanted: &str| {
        arguments
            .named
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.clone())
    };
    match (named("default"), named("default_factory")) {
        (Some(default), _) => Some(default),
        (None, Some(Value::Library("list"))) => Some(Value::list(Vec::new())),
        (None, Some(Value::Library("dict"))) => Some(Value::dict(Vec::new())),
        _ => None,
    }
}

/// `open`, `json.load`, `json.loads`, `yaml.safe_load`: settings that lie beside the definitions.
fn files(name: &str, arguments: &CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    let first = arguments.positional.first();
    if name == "open" {
        let mode = arguments.positional.get(1).and_then(Value::as_text);
        let reads = mode.is_none_or(|mode| &*mode == "r" || &*mode == "rt");
        let path = first.and_then(path_text).filter(|_| reads);
        return Ok(path.map(|path| Value::File(std::rc::Rc::from(absolute(&path, scope)))));
    }
    let text = match first {
        Some(Value::File(path)) => read_text(path, range, scope)?,
        Some(Value::Text(text)) => text.to_string(),
        _ => return Ok(None),
    };
    let parsed = if name.starts_with("yaml.") {
        feast_engine::parse_yaml(&text).map_err(|error| error.to_string())
    } else {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    };
    let exception = if name.starts_with("yaml.") {
        "YAMLError"
    } else {
        "JSONDecodeError"
    };
    let value = parsed.map_err(|message| scope.raise(range, exception, message))?;
    scope.spend(range, text.len())?;
    Ok(Some(of_json(&value)))
}

/// The text of a file.
pub(super) fn read_text(path: &str, range: TextRange, scope: &Scope) -> Evaluated<String> {
    std::fs::read_to_string(path).map_err(|source| {
        let exception = match source.kind() {
            std::io::ErrorKind::NotFound => "FileNotFoundError",
            _ => "OSError",
        };
        scope.raise(range, exception, format!("{path}: {source}"))
    })
}

fn of_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::None,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            (None, Some(float)) => Value::Float(float),
            (None, None) => Value::opaque("a number beyond 64 bits"),
        },
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(items) => Value::list(items.iter().map(of_json).collect()),
        serde_json::Value::Object(members) => Value::dict(
            members
                .iter()
                .map(|(name, member)| (Value::text(name), of_json(member)))
                .collect(),
        ),
    }
}

fn named_members(arguments: &CallArguments) -> Vec<(Value, Value)> {
    arguments
        .named
        .iter()
        .map(|(name, value)| (Value::text(name), value.clone()))
        .collect()
}

fn dict(value: &Value) -> Option<Vec<(Value, Value)>> {
    if let Value::Dict(members) = value {
        return Some(members.borrow().clone());
    }
    let pairs = value.items()?.into_iter().map(|pair| match pair.items()?.as_slice() {
        [key, value] => Some((key.clone(), value.clone())),
        _ => None,
    });
    pairs.collect()
}

fn copied(value: &Value) -> Option<Value> {
    Some(match value {
        Value::List(items) => Value::list(items.borrow().clone()),
        Value::Dict(members) => Value::dict(members.borrow().clone()),
        // A copy of an object would be another object, which Feast registers again.
        Value::Object(_) => return None,
        other => other.clone(),
    })
}

fn integer(value: &Value, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    Ok(match value {
        Value::Integer(number) => Some(Value::Integer(*number)),
        Value::Bool(flag) => Some(Value::Integer(i64::from(*flag))),
        Value::Float(number) if number.abs() < 9e18 => Some(Value::Integer(number.trunc() as i64)),
        Value::Text(text) => Some(Value::Integer(text.trim().replace('_', "").parse().map_err(|_| {
            scope.raise(
                range,
                "ValueError",
                format!("invalid literal for int() with base 10: '{text}'"),
            )
        })?)),
        _ => None,
    })
}

fn float(value: &Value, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    Ok(match value {
        Value::Integer(number) => Some(Value::Float(*number as f64)),
        Value::Float(number) => Some(Value::Float(*number)),
        Value::Text(text) => Some(Value::Float(text.trim().parse().map_err(|_| {
            scope.raise(
                range,
                "ValueError",
                format!("could not convert string to float: '{text}'"),
            )
        })?)),
        _ => None,
    })
}

fn range_items(bounds: &[Value], range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    let (start, end, step) = match bounds {
        [Value::Integer(end)] => (0, *end, 1),
        [Value::Integer(start), Value::Integer(end)] => (*start, *end, 1),
        [Value::Integer(start), Value::Integer(end), Value::Integer(step)] if *step != 0 => (*start, *end, *step),
        _ => return Ok(None),
    };
    let (low, high) = if step > 0 { (start, end) } else { (end, start) };
    let count = u64::try_from(high.saturating_sub(low))
        .unwrap_or(0)
        .div_ceil(step.unsigned_abs());
    scope.spend(range, usize::try_from(count).unwrap_or(usize::MAX))?;
    let numbers = (0..count).map(|index| {
        let offset = i64::try_from(index).unwrap_or(i64::MAX).saturating_mul(step);
        Value::Integer(start.saturating_add(offset))
    });
    Ok(Some(Value::list(numbers.collect())))
}

/// `sorted`, `min` or `max` of items by their keys; `None` when the keys have no known order.
pub(super) fn by_keys(name: &str, items: Vec<Value>, keys: &[Value], arguments: &CallArguments) -> Option<Value> {
    if keys.windows(2).any(|pair| order(&pair[0], &pair[1]).is_none()) {
        return None;
    }
    let mut rows: Vec<(Value, Value)> = keys.iter().cloned().zip(items).collect();
    rows.sort_by(|left, right| order(&left.0, &right.0).unwrap_or(std::cmp::Ordering::Equal));
    let mut sorted: Vec<Value> = rows.into_iter().map(|(_, item)| item).collect();
    match name {
        "min" | "max" if sorted.is_empty() => {
            let default = arguments.named.iter().find(|(name, _)| name == "default");
            default.map(|(_, value)| value.clone())
        }
        "min" => sorted.into_iter().next(),
        "max" => sorted.pop(),
        _ => {
            let reverse = arguments.named.iter().find(|(name, _)| name == "reverse");
            if reverse.is_some_and(|(_, value)| value.truth() == Some(true)) {
                sorted.reverse();
            }
            Some(Value::list(sorted))
        }
    }
}

fn quantified(items: &[Value], wanted: bool) -> Option<Value> {
    let truths = items.iter().map(Value::truth).collect::<Option<Vec<_>>>()?;
    Some(Value::Bool(truths.contains(&wanted) == wanted))
}

fn sum(items: &[Value]) -> Option<Value> {
    let mut total: i64 = 0;
    let mut fraction = 0.0;
    let mut is_float = false;
    for item in items {
        match item {
            Value::Integer(number) => total = total.checked_add(*number)?,
            Value::Float(number) => {
                fraction += number;
                is_float = true;
            }
            _ => return None,
        }
    }
    Some(if is_float {
        Value::Float(total as f64 + fraction)
    } else {
        Value::Integer(total)
    })
}

fn paths(name: &str, arguments: &CallArguments, scope: &Scope) -> Option<Value> {
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
            let start = texts
                .get(1)
                .map_or_else(|| repository(scope), |start| PathBuf::from(absolute(start, scope)));
            Value::text(relative(Path::new(&absolute(path, scope)), &start))
        }
        ("pathlib.Path.cwd", None) => Value::path(repository(scope).to_string_lossy()),
        ("os.getcwd", None) => Value::text(repository(scope).to_string_lossy()),
        ("os.fspath", Some(path)) => Value::text(path),
        ("os.getenv", Some(variable)) => match std::env::var(variable) {
            Ok(value) => Value::text(value),
            Err(_) => {
                let named = arguments
                    .named
                    .iter()
                    .find(|(name, _)| name == "default")
                    .map(|(_, value)| value);
                arguments.positional.get(1).or(named).cloned().unwrap_or(Value::None)
            }
        },
        _ => return None,
    })
}

/// Where Feast changes into before it imports definition files.
fn repository(scope: &Scope) -> PathBuf {
    let file = &scope.file().absolute;
    let depth = scope.path().components().count();
    file.ancestors().nth(depth).map_or_else(PathBuf::new, Path::to_path_buf)
}

fn path_text(value: &Value) -> Option<String> {
    match value {
        Value::Path(path) => Some(path.to_string()),
        // The default of `getenv`.
        Value::None | Value::Integer(_) | Value::Bool(_) => Some(String::new()),
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

pub(super) fn absolute(path: &str, scope: &Scope) -> String {
    normalized(&repository(scope).join(path))
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

const MICROS_PER_SECOND: i64 = 1_000_000;

fn moments(name: &str, arguments: &CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    match name {
        "datetime.timedelta" => timedelta(arguments, range, scope),
        "datetime.datetime" | "datetime.date" => {
            let names = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
            let mut parts = [0; 7];
            for (index, part) in parts.iter_mut().enumerate() {
                let named = arguments
                    .named
                    .iter()
                    .find(|(name, _)| name == names[index])
                    .map(|(_, value)| value);
                match arguments.positional.get(index).or(named) {
                    Some(Value::Integer(number)) => *part = *number,
                    None => {}
                    Some(_) => return Ok(None),
                }
            }
            let [year, month, day, hour, minute, second, micros] = parts;
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}");
            let moment = Timestamp::parse(&text);
            let moment = moment.map_err(|_| scope.raise(range, "ValueError", format!("{text} is no date and time")))?;
            Ok(Some(Value::Moment(moment.micros())))
        }
        _ => Ok(None),
    }
}

fn timedelta(arguments: &CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    // In the order of Python's parameters, with the microseconds of each unit.
    let units = [
        ("days", 86_400 * MICROS_PER_SECOND),
        ("seconds", MICROS_PER_SECOND),
        ("microseconds", 1),
        ("milliseconds", 1_000),
        ("minutes", 60 * MICROS_PER_SECOND),
        ("hours", 3_600 * MICROS_PER_SECOND),
        ("weeks", 604_800 * MICROS_PER_SECOND),
    ];
    let unknown = arguments
        .named
        .iter()
        .find(|(name, _)| units.iter().all(|(unit, _)| unit != name));
    if let Some((name, _)) = unknown {
        let text = format!("'{name}' is an invalid keyword argument for timedelta");
        return Err(scope.raise(range, "TypeError", text));
    }
    let mut total: i64 = 0;
    for (index, (unit, micros)) in units.iter().enumerate() {
        let named = arguments
            .named
            .iter()
            .find(|(name, _)| name == unit)
            .map(|(_, value)| value);
        let amount = match arguments.positional.get(index).or(named) {
            None => Some(0),
            Some(Value::Integer(number)) => number.checked_mul(*micros),
            Some(Value::Float(number)) => Some((number * *micros as f64).round_ties_even() as i64),
            Some(opaque @ Value::Opaque(_)) => return Ok(Some(opaque.clone())),
            Some(other) => {
                let text = format!("unsupported type for timedelta {unit} component: {}", other.type_name());
                return Err(scope.raise(range, "TypeError", text));
            }
        };
        let sum = amount.and_then(|amount| total.checked_add(amount));
        total = sum.ok_or_else(|| scope.raise(range, "OverflowError", "timedelta is too long"))?;
    }
    Ok(Some(Value::Duration(total)))
}
