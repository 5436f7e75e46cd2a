//! Python's own names: which the evaluator knows, which stay opaque, and what calling them gives.

mod files;
mod functions;
mod kinds;
mod numbers;
mod pandas_times;
mod paths;
mod tables;
mod times;

use std::rc::Rc;

use ruff_text_size::TextRange;

use super::Evaluated;
use super::duration::Duration;
use super::scope::Scope;
use super::unknown::Hides;
use super::value::{CallArguments, Value};

pub(super) use files::read_text;
pub(super) use functions::{by_keys, pairs_of};
pub(super) use kinds::{is_callable, is_instance, type_of};
pub(super) use paths::absolute;
pub(super) use times::moment_of_micros;

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

/// Modules that are there wherever Feast is.
const INSTALLED: &str = "\
    __future__ abc argparse ast asyncio base64 collections contextlib copy csv dataclasses datetime decimal \
    enum feast functools glob hashlib importlib inspect io itertools json logging math numbers operator os \
    pathlib pickle platform random re shutil socket sqlite3 string subprocess sys tempfile textwrap threading \
    time types typing urllib uuid warnings zoneinfo dask dateutil dill fastapi google jinja2 numpy pandas \
    pyarrow pydantic requests typing_extensions yaml array atexit bisect binascii calendar cmath codecs \
    concurrent configparser contextvars ctypes difflib email errno fnmatch fractions gc getpass gettext graphlib \
    gzip heapq hmac html http ipaddress keyword linecache locale lzma mimetypes multiprocessing optparse pdb \
    pkgutil pprint queue secrets select selectors shlex signal site smtplib ssl stat statistics struct sysconfig \
    tarfile timeit tomllib trace traceback tracemalloc unicodedata unittest weakref xml zipfile zlib attr attrs \
    click colorama dotenv gunicorn mmh3 mypy prometheus_client psutil pydantic_settings pygments sqlalchemy tabulate tenacity toml \
    tqdm typeguard urllib3 uvicorn";

/// Of those, the ones that Feast has loaded before it reads definition files: a file of the same name does not hide them.
const LOADED: &str = "\
    __future__ abc argparse ast asyncio base64 collections contextlib copy csv dataclasses datetime decimal \
    enum feast functools glob hashlib importlib inspect io itertools json logging math numbers operator os \
    pathlib pickle platform random re shutil socket string subprocess sys tempfile textwrap threading time types \
    typing urllib uuid warnings dateutil dill numpy pandas pyarrow pydantic typing_extensions yaml";

/// Packages that are known to define no objects of Feast: those of scripts for data and training.
const UNRELATED: &str = "\
    IPython PIL aiohttp altair awswrangler bokeh boto3 botocore catboost confluent_kafka cv2 datasets dotenv duckdb evidently \
    faker fsspec gcsfs great_expectations h5py httpx huggingface_hub hydra hypothesis imblearn joblib keras lightgbm loguru \
    matplotlib mlflow networkx nltk numba omegaconf onnx onnxruntime openai openpyxl optuna plotly polars psycopg psycopg2 \
    pymongo pyodbc pyspark pytest rich s3fs scipy seaborn sentence_transformers setuptools shap sklearn snowflake spacy \
    statsmodels streamlit tensorflow tokenizers torch torchaudio torchvision transformers typer wandb xgboost";

/// Arguments that functions take by name; with another one the answer is not known.
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

pub(super) fn is_installed(module: &str) -> bool {
    module.is_empty() || listed(INSTALLED, module.split('.').next().unwrap_or(module)).is_some()
}

pub(super) fn is_unrelated(module: &str) -> bool {
    listed(UNRELATED, module.split('.').next().unwrap_or(module)).is_some()
}

pub(super) fn is_loaded(module: &str) -> bool {
    listed(LOADED, module.split('.').next().unwrap_or(module)).is_some()
}

/// A name that Python has without an import.
pub(super) fn builtin(name: &str) -> Option<Value> {
    if let Some(known) = listed(BUILTINS, name) {
        return Some(Value::Library(known));
    }
    let hides = if GIVE_ANYTHING.contains(&name) {
        Hides::Perhaps
    } else {
        Hides::Nothing
    };
    listed(OPAQUE_BUILTINS, name).map(|known| Value::opaque_hiding(format!("Python's {known}"), hides))
}

/// `module.name` of Python's library.
pub(super) fn attribute(module: &str, name: &str, scope: &Scope) -> Value {
    let full_name = format!("{module}.{name}");
    let full_name = match full_name.as_str() {
        "typing_extensions.NamedTuple" => "typing.NamedTuple".to_owned(),
        _ => full_name,
    };
    if let Some(known) = listed(KNOWN, &full_name) {
        return Value::Library(known);
    }
    match full_name.as_str() {
        "os.environ" => scope.environment(),
        _ if name == "__name__" => Value::text(module.rsplit('.').next().unwrap_or(module)),
        "os.sep" | "os.path.sep" => Value::text("/"),
        "os.path" => Value::Module(Rc::from("os.path")),
        "typing.TYPE_CHECKING" => Value::Bool(false),
        "datetime.timezone.utc" | "datetime.UTC" => Value::opaque("the time zone UTC"),
        "datetime.timedelta.max" => Value::Duration(Duration::MAX),
        "datetime.timedelta.min" => Value::Duration(Duration::MIN),
        "datetime.timedelta.resolution" => Value::Duration(Duration::RESOLUTION),
        "math.pi" => Value::Float(std::f64::consts::PI),
        _ if is_submodule(&full_name) => Value::Module(Rc::from(full_name)),
        _ => {
            // What does not come with Python or Feast may define objects of its own.
            let is_known = is_installed(module);
            let hides = if is_known { Hides::Nothing } else { Hides::Perhaps };
            Value::opaque_hiding(format!("{name} of the module {module}"), hides)
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

/// `None` when the answer is not known.
pub(super) fn call(name: &str, arguments: &CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    let positional = arguments.positional.as_slice();
    if name == "dotenv.load_dotenv" {
        return Ok(Some(functions::open_environment(scope)));
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
        return files::call(name, arguments, range, scope);
    }
    if name.starts_with("os.") || name.starts_with("pathlib.") {
        return Ok(paths::call(name, arguments, scope));
    }
    if name == "pandas.read_parquet" {
        return tables::read_parquet(arguments, range, scope);
    }
    if name.starts_with("pandas.") {
        return pandas_times::call(name, arguments, range, scope);
    }
    if name.starts_with("datetime.") {
        return times::call(name, arguments, range, scope);
    }
    functions::call(name, arguments, range, scope)
}
