//! Python's own names: which the evaluator knows, which stay opaque, and what calling them gives.

mod files;
mod functions;
mod paths;
mod times;

use std::rc::Rc;

use ruff_text_size::TextRange;

use super::Evaluated;
use super::scope::Scope;
use super::value::{CallArguments, Value};

pub(super) use files::read_text;
pub(super) use functions::by_keys;
pub(super) use paths::absolute;

/// Names that are there without an import, and that are computed.
const BUILTINS: &str = "\
    abs all any bool dict dir getattr globals hasattr open repr enumerate filter float frozenset int len list \
    map max min object print range reversed round set sorted staticmethod str sum tuple zip";

/// Names of Python that stay opaque.
const OPAQUE_BUILTINS: &str = "\
    ArithmeticError AssertionError AttributeError BaseException Exception FileNotFoundError IOError \
    ImportError IndexError KeyError LookupError ModuleNotFoundError NameError NotImplemented \
    NotImplementedError OSError RuntimeError StopIteration TypeError ValueError __builtins__ __doc__ \
    __loader__ __package__ __spec__ bytearray bytes callable chr classmethod complex delattr divmod eval exec \
    format hash id input isinstance issubclass iter locals memoryview next oct ord pow property setattr slice \
    super type vars hex bin";

/// Functions and classes of modules that are computed or known.
const KNOWN: &str = "\
    collections.OrderedDict copy.copy copy.deepcopy dataclasses.dataclass dataclasses.field datetime.date \
    datetime.datetime datetime.timedelta datetime.timezone enum.Enum enum.IntEnum enum.StrEnum enum.auto \
    enum.unique functools.cache functools.lru_cache functools.partial functools.reduce functools.wraps \
    importlib.import_module itertools.chain itertools.product json.load json.loads os.fspath os.getcwd \
    os.getenv os.path.abspath os.path.basename os.path.dirname os.path.exists os.path.expanduser \
    os.path.isdir os.path.isfile os.path.join os.path.normpath os.path.realpath os.path.relpath \
    os.path.splitext pathlib.Path pathlib.Path.cwd pathlib.PosixPath pathlib.PurePath pathlib.PurePosixPath \
    typing.cast yaml.safe_load";

/// Modules that are there wherever Feast is.
const INSTALLED: &str = "\
    __future__ abc argparse ast asyncio base64 collections contextlib copy csv dataclasses datetime decimal \
    enum feast functools glob hashlib importlib inspect io itertools json logging math numbers operator os \
    pathlib pickle platform random re shutil socket sqlite3 string subprocess sys tempfile textwrap threading \
    time types typing urllib uuid warnings zoneinfo dask dateutil dill fastapi google jinja2 numpy pandas \
    pyarrow pydantic requests typing_extensions yaml";

/// The name as it stands in a list.
fn listed(list: &'static str, name: &str) -> Option<&'static str> {
    list.split(' ').find(|known| *known == name)
}

pub(super) fn is_installed(module: &str) -> bool {
    module.is_empty() || listed(INSTALLED, module.split('.').next().unwrap_or(module)).is_some()
}

/// A name that Python has without an import.
pub(super) fn builtin(name: &str) -> Option<Value> {
    if let Some(known) = listed(BUILTINS, name) {
        return Some(Value::Library(known));
    }
    listed(OPAQUE_BUILTINS, name).map(|known| Value::opaque(format!("Python's {known}")))
}

/// `module.name` of Python's library.
pub(super) fn attribute(module: &str, name: &str) -> Value {
    let full_name = format!("{module}.{name}");
    if let Some(known) = listed(KNOWN, &full_name) {
        return Value::Library(known);
    }
    match full_name.as_str() {
        "os.environ" => {
            let variables = std::env::vars_os()
                .filter_map(|(name, value)| Some((Value::text(name.to_str()?), Value::text(value.to_str()?))));
            Value::dict(variables.collect())
        }
        "os.sep" | "os.path.sep" => Value::text("/"),
        "os.path" => Value::Module(Rc::from("os.path")),
        "typing.TYPE_CHECKING" => Value::Bool(false),
        "datetime.timezone.utc" | "datetime.UTC" => Value::opaque("the time zone UTC"),
        "math.pi" => Value::Float(std::f64::consts::PI),
        _ if is_submodule(&full_name) => Value::Module(Rc::from(full_name)),
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
        return files::call(name, arguments, range, scope);
    }
    if name.starts_with("os.") || name.starts_with("pathlib.") {
        return Ok(paths::call(name, arguments, scope));
    }
    if name.starts_with("datetime.") {
        return times::call(name, arguments, range, scope);
    }
    functions::call(name, arguments, range, scope)
}
