//! Packages by their names: those that come with Python and Feast, and those that have nothing to do with definitions.

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

/// Whether a module comes with Python or Feast.
pub(crate) fn is_installed(module: &str) -> bool {
    module.is_empty() || has_package(INSTALLED, module)
}

/// Whether a module is known to define no objects of Feast.
pub(crate) fn is_unrelated(module: &str) -> bool {
    has_package(UNRELATED, module)
}

/// Whether Feast has loaded a module before it reads definition files.
pub(crate) fn is_loaded(module: &str) -> bool {
    has_package(LOADED, module)
}

/// Whether a list has the package that a module belongs to.
fn has_package(list: &str, module: &str) -> bool {
    let package = module.split('.').next().unwrap_or(module);
    list.split(' ').any(|known| known == package)
}
