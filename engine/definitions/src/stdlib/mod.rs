//! Python's library: which names the evaluator knows, which stay opaque, and what calling them returns. One file for a module or a
//! family of functions.
//!
//! Functions that call other functions are the evaluator's own; these here get their arguments and a [`Site`].

mod builtins;
mod datetime;
mod files;
mod named_tuple;
mod numbers;
mod pandas_timedelta;
mod parquet;
mod paths;
mod types;

use std::rc::Rc;

use crate::context::Site;
use crate::error::Evaluated;
use crate::source::is_installed;
use crate::value::{CallArguments, Taint, TimeDelta, Value};

pub(crate) use builtins::by_keys;
pub(crate) use files::read_text;
pub(crate) use named_tuple::{bind_fields, make_named_tuple, missing_field, named_tuple_class, new_named_tuple};
pub(crate) use paths::absolute;
pub(crate) use types::{is_callable, is_instance, type_of};

/// Names that are there without an import, and that are computed.
const BUILTINS: &str = "\
    abs all any bin bool callable classmethod delattr dict dir divmod enumerate exec filter float frozenset getattr globals \
    hasattr hex int isinstance iter len list locals map max min next object oct open pow print property range repr \
    reversed round set setattr sorted staticmethod str sum super tuple type vars zip";

/// Names of Python that stay opaque.
const OPAQUE_BUILTINS: &str = "\
    ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError BrokenPipeError \
    BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError \
    ConnectionResetError DeprecationWarning EOFError Ellipsis EncodingWarning EnvironmentError Exception \
    ExceptionGroup FileExistsError FileNotFoundError FloatingPointError FutureWarning GeneratorExit IOError \
    ImportError ImportWarning IndentationError IndexError InterruptedError IsADirectoryError KeyError \
    KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplemented \
    NotImplementedError OSError OverflowError PendingDeprecationWarning PermissionError ProcessLookupError \
    RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration \
    SyntaxError SyntaxWarning SystemError SystemExit TabError TimeoutError TypeError UnboundLocalError \
    UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError UnicodeWarning UserWarning ValueError \
    Warning ZeroDivisionError __build_class__ __builtins__ __debug__ __doc__ __import__ __loader__ __package__ \
    __spec__ aiter anext ascii breakpoint bytearray bytes chr compile complex copyright credits eval exit format hash help id \
    input issubclass license memoryview ord quit slice";

/// Of those, the ones that may give an object of Feast.
const GIVE_ANYTHING: [&str; 2] = ["__import__", "eval"];

/// Functions and classes of modules that are computed or known.
const KNOWN: &str = "\
    collections.Counter collections.OrderedDict collections.defaultdict collections.namedtuple copy.copy copy.deepcopy dataclasses.dataclass dataclasses.field \
    datetime.datetime datetime.datetime.strptime datetime.timedelta datetime.timezone dotenv.load_dotenv enum.Enum enum.IntEnum enum.StrEnum enum.auto \
    enum.unique functools.cache functools.lru_cache functools.partial functools.reduce functools.wraps \
    importlib.import_module itertools.chain itertools.product json.load json.loads os.fspath os.getcwd \
    os.getenv os.path.abspath os.path.basename os.path.dirname os.path.exists os.path.expanduser \
    os.path.isdir os.path.isfile os.path.join os.path.normpath os.path.realpath os.path.relpath \
    os.path.splitext pathlib.Path pathlib.Path.cwd pathlib.PosixPath pathlib.PurePath pathlib.PurePosixPath \
    pandas.Timedelta pandas.read_parquet pandas.to_timedelta typing.NamedTuple typing.cast yaml.safe_load";

/// Arguments that functions take by name; with another one the result is not known.
const NAMED_ARGUMENTS: &[(&str, &str)] = &[
    ("sorted", "key reverse"),
    ("min", "key default"),
    ("max", "key default"),
    ("enumerate", "start"),
    ("zip", "strict"),
    ("os.getenv", "default"),
    ("open", "encoding"),
    (
        "dataclasses.dataclass",
        "frozen eq repr order slots kw_only unsafe_hash",
    ),
    ("functools.lru_cache", "maxsize typed"),
];

/// Functions that look at the names of their arguments themselves.
const TAKE_ALL: [&str; 10] = [
    "dict",
    "collections.Counter",
    "collections.OrderedDict",
    "collections.defaultdict",
    "datetime.timedelta",
    "datetime.datetime",
    "pandas.Timedelta",
    "pandas.read_parquet",
    "pandas.to_timedelta",
    "print",
];

/// The name as it stands in a list.
fn listed(list: &'static str, name: &str) -> Option<&'static str> {
    list.split(' ').find(|known| *known == name)
}

/// A name that Python has without an import.
pub(crate) fn builtin(name: &str) -> Option<Value> {
    if let Some(known) = listed(BUILTINS, name) {
        return Some(Value::Builtin(known));
    }
    let taint = if GIVE_ANYTHING.contains(&name) {
        Taint::MaybeObject
    } else {
        Taint::Clean
    };
    listed(OPAQUE_BUILTINS, name).map(|known| Value::opaque_with(format!("Python's {known}"), taint))
}

/// `module.name` of Python's library.
pub(crate) fn attribute(module: &str, name: &str, site: Site<'_>) -> Value {
    let full_name = format!("{module}.{name}");
    let full_name = match full_name.as_str() {
        "typing_extensions.NamedTuple" => "typing.NamedTuple".to_owned(),
        _ => full_name,
    };
    if let Some(known) = listed(KNOWN, &full_name) {
        return Value::Builtin(known);
    }
    match full_name.as_str() {
        "os.environ" => site.session.environment().clone(),
        _ if name == "__name__" => Value::str(module.rsplit('.').next().unwrap_or(module)),
        "os.sep" | "os.path.sep" => Value::str("/"),
        "os.path" => Value::Module(Rc::from("os.path")),
        "typing.TYPE_CHECKING" => Value::Bool(false),
        "datetime.timezone.utc" | "datetime.UTC" => Value::opaque("the time zone UTC"),
        "datetime.timedelta.max" => Value::TimeDelta(TimeDelta::MAX),
        "datetime.timedelta.min" => Value::TimeDelta(TimeDelta::MIN),
        "datetime.timedelta.resolution" => Value::TimeDelta(TimeDelta::RESOLUTION),
        "math.pi" => Value::Float(std::f64::consts::PI),
        _ if is_submodule(&full_name) => Value::Module(Rc::from(full_name)),
        _ => {
            // What does not come with Python or Feast may define objects of its own.
            let is_known = is_installed(module);
            let taint = if is_known { Taint::Clean } else { Taint::MaybeObject };
            Value::opaque_with(format!("{name} of the module {module}"), taint)
        }
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

/// `None` when the result is not known.
pub(crate) fn call(name: &str, arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    let positional = arguments.positional.as_slice();
    if name == "dotenv.load_dotenv" {
        return Ok(Some(load_dotenv(site)));
    }
    let is_taken = |argument: &str| {
        NAMED_ARGUMENTS
            .iter()
            .any(|(function, names)| *function == name && names.split(' ').any(|known| known == argument))
    };
    if !TAKE_ALL.contains(&name) && !arguments.named.iter().all(|(argument, _)| is_taken(argument)) {
        return Ok(None);
    }
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
        return files::call(name, arguments, site);
    }
    if name.starts_with("os.") || name.starts_with("pathlib.") {
        site.pay_for(positional)?;
        return Ok(paths::call(name, arguments, site));
    }
    if name == "pandas.read_parquet" {
        return parquet::read_parquet(arguments, site);
    }
    if name.starts_with("pandas.") {
        return pandas_timedelta::call(name, arguments, site);
    }
    if name.starts_with("datetime.") {
        return datetime::call(name, arguments, site);
    }
    builtins::call(name, arguments, site)
}

/// `load_dotenv`: a variable that is not set may be set by a file, one that is set stays.
fn load_dotenv(site: Site<'_>) -> Value {
    if let Value::Dict(variables) = site.session.environment() {
        let unknown = || Value::opaque("the variables that load_dotenv() sets");
        variables.borrow_mut().push((unknown(), unknown()));
    }
    Value::Bool(true)
}
