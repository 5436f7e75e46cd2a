//! `feature_store.yaml` as typed data. Reading rules are Feast's: environment variables are expanded in the text
//! before it is parsed, unknown top-level keys are ignored.
//!
//! Owns every key this binary understands and its default. Knows nothing of what the settings are used for.

mod duration;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use duration::duration_at;
pub(crate) use duration::duration_text;

/// File name looked for in the repository directory.
pub const CONFIG_FILE: &str = "feature_store.yaml";

/// The settings of one feature repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryConfig {
    /// The repository directory: relative paths start here.
    pub directory: PathBuf,
    /// Project name.
    pub project: String,
    /// Description of the project when no definition file gives one.
    pub project_description: String,
    /// The registry file.
    pub registry_path: PathBuf,
    /// The directory of the RocksDB online store.
    pub online_store_path: PathBuf,
    /// What the online store may hold in memory.
    pub memory: OnlineStoreMemory,
    /// Write rows whatever is stored, even older ones (`online_store.skip_dedup`).
    pub skip_dedup: bool,
    /// Let requests name versions of views (`registry.enable_online_feature_view_versioning`).
    pub online_versioning: bool,
    /// Answer pushes to the offline store before they reach it (`feature_server.offline_push_batching_*`).
    pub offline_batching: Option<OfflineBatching>,
    /// What a server takes on (`serving.max_requests`, `serving.max_memory_mib`, `serving.send_timeout_seconds`).
    pub limits: ServingLimits,
    /// Layout of `/get-online-features` answers (`serving.response_layout`).
    pub response_layout: ResponseLayout,
    /// How far ahead of the clock event times of pushed rows may be (`serving.max_event_time_skew`); any time when `None`.
    pub max_event_time_skew: Option<Duration>,
    /// How long the rows of a view that has left the registry are kept, should it come back (`serving.drop_after`).
    pub drop_after: Duration,
}

/// A day.
const DEFAULT_DROP_AFTER: Duration = Duration::from_secs(86_400);

/// What the online store holds in memory at most, in bytes. Both grow with use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlineStoreMemory {
    /// Rows that were read lately (`online_store.row_cache_mib`).
    pub row_cache: usize,
    /// Blocks of the database's files (`online_store.block_cache_mib`).
    pub block_cache: usize,
}

impl Default for OnlineStoreMemory {
    fn default() -> Self {
        Self {
            row_cache: 256 << 20,
            block_cache: 512 << 20,
        }
    }
}

/// What a server takes on at once; what is more, it refuses. And how long it waits for who does not take his answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServingLimits {
    /// Requests that are more than a small read from memory.
    pub requests: usize,
    /// Bytes of request bodies, of what they are parsed into, and of answers.
    pub memory: usize,
    /// How long a client may take nothing of its answer.
    pub send_timeout: Duration,
}

impl Default for ServingLimits {
    fn default() -> Self {
        Self {
            requests: 256,
            memory: 1 << 30,
            send_timeout: Duration::from_secs(60),
        }
    }
}

/// When logged pushes are appended to their parquet source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfflineBatching {
    /// As soon as that many rows wait for one source.
    pub rows: usize,
    /// As soon as a row has waited that long.
    pub interval: Duration,
}

/// How `/get-online-features` arranges its results when the request does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseLayout {
    /// Columns for requests with a JSON content type, rows for others.
    #[default]
    Auto,
    /// One result per entity row, as in Feast's documentation.
    Rows,
    /// One result per feature, as Feast's servers answer.
    Columns,
}

impl RepositoryConfig {
    /// Reads the settings of the repository in `directory`, from `file` if given, else from its `feature_store.yaml`.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `Invalid` when it cannot be understood; both say what to do.
    pub fn load(directory: &Path, file: Option<&Path>) -> Result<Self> {
        let default_file = directory.join(CONFIG_FILE);
        let file = file.unwrap_or(&default_file);
        let text = read_expanded(file)?;
        Self::parse(&text, directory).map_err(|error| in_file(file, &error))
    }

    /// The settings as they are understood: what the file gives, variables expanded, and Feast's defaults for blocks it
    /// does not have.
    ///
    /// # Errors
    /// As [`RepositoryConfig::load`].
    pub fn document(directory: &Path, file: Option<&Path>) -> Result<Value> {
        Self::load(directory, file)?;
        let default_file = directory.join(CONFIG_FILE);
        let given = parse_yaml(&read_expanded(file.unwrap_or(&default_file))?)?;
        let mut document = serde_json::Map::new();
        let defaults = [
            ("auth", "no_auth"),
            ("offline_store", "dask"),
            ("batch_engine", "local"),
        ];
        document.extend(
            given
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        for (key, kind) in defaults {
            document
                .entry(key)
                .or_insert_with(|| serde_json::json!({ "type": kind }));
        }
        Ok(Value::Object(document))
    }

    /// Understands the text of a `feature_store.yaml` whose variables are already expanded.
    ///
    /// # Errors
    /// `Invalid`, naming the key.
    pub fn parse(text: &str, directory: &Path) -> Result<Self> {
        let root = parse_yaml(text)?;
        if !root.is_object() {
            return Err(Error::invalid(
                "must be a mapping with at least the keys project and registry",
            ));
        }
        let project = text_at(&root, "project")?.ok_or_else(|| Error::invalid("the key project is missing"))?;
        check_project_name(project)?;
        Ok(Self {
            project: project.to_owned(),
            project_description: text_at(&root, "project_description")?.unwrap_or_default().to_owned(),
            registry_path: directory.join(registry_path(&root)?),
            online_store_path: directory.join(online_store_path(&root)?),
            memory: online_store_memory(&root)?,
            skip_dedup: flag_at(&root, "online_store", "skip_dedup")?,
            online_versioning: flag_at(&root, "registry", "enable_online_feature_view_versioning")?,
            offline_batching: offline_batching(&root)?,
            limits: serving_limits(&root)?,
            response_layout: response_layout(&root)?,
            max_event_time_skew: duration_at(&root, "serving", "max_event_time_skew")?,
            drop_after: duration_at(&root, "serving", "drop_after")?.unwrap_or(DEFAULT_DROP_AFTER),
            directory: directory.to_path_buf(),
        })
    }
}

/// A YAML document as JSON.
///
/// # Errors
/// `Invalid`, naming the place.
pub fn parse_yaml(text: &str) -> Result<Value> {
    serde_saphyr::from_str(text).map_err(|source| {
        // The lines after the first draw the place, which the first names.
        let text = source.to_string();
        Error::invalid(format!("not valid YAML: {}", text.lines().next().unwrap_or_default()))
    })
}

/// The text of the settings file with its variables expanded.
fn read_expanded(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::new(
            ErrorKind::NotFound,
            format!("Can't find feature repo configuration file at {}.", file.display()),
        )
        .with_hint("Make sure you're running feast from an initialized feast repository, or make one with: feast init"),
        _ => Error::io("read", file, source),
    })?;
    Ok(expand_variables(&text, &|name| std::env::var(name).ok()))
}

/// Puts the file's name before the message.
fn in_file(file: &Path, error: &Error) -> Error {
    let placed = Error::new(error.kind(), format!("{}: {error}", file.display()));
    error
        .hint()
        .map(str::to_owned)
        .into_iter()
        .fold(placed, Error::with_hint)
}

fn registry_path(root: &Value) -> Result<&str> {
    let missing = || {
        Error::invalid("the key registry is missing")
            .with_hint("Registry is not set, but is required: registry: data/registry.db")
    };
    let path = match root.get("registry") {
        Some(Value::String(path)) => path,
        Some(block @ Value::Object(_)) => {
            let kind = text_at(block, "registry_type")?.unwrap_or("file");
            if kind != "file" {
                return Err(Error::invalid(format!(
                    "registry.registry_type: {kind} is not supported yet, only file is"
                )));
            }
            text_at(block, "path")?.ok_or_else(|| Error::invalid("the key registry.path is missing"))?
        }
        None | Some(Value::Null) => return Err(missing()),
        Some(_) => return Err(Error::invalid("registry must be a path or a mapping")),
    };
    match path.split_once("://") {
        Some((scheme, _)) => Err(Error::invalid(format!(
            "registry: {scheme}:// paths are not supported yet, use a file path"
        ))),
        None => Ok(path),
    }
}

const ONLINE_STORE_KEYS: [&str; 5] = ["type", "path", "skip_dedup", "row_cache_mib", "block_cache_mib"];

fn online_store_path(root: &Value) -> Result<&str> {
    let keys = root
        .get("online_store")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str());
    let (kind, path) = match root.get("online_store") {
        None | Some(Value::Null) => ("sqlite", None),
        Some(Value::String(kind)) => (kind.as_str(), None),
        Some(block @ Value::Object(_)) => (text_at(block, "type")?.unwrap_or("sqlite"), text_at(block, "path")?),
        Some(_) => return Err(Error::invalid("online_store must be a mapping with the key type")),
    };
    match kind {
        "rocksdb" => match keys.into_iter().find(|key| !ONLINE_STORE_KEYS.contains(key)) {
            None => Ok(path.unwrap_or("data/online_store")),
            Some(key) => Err(Error::invalid(format!("online_store.{key} is not known"))
                .with_hint(format!("the keys of a rocksdb online store are {}", ONLINE_STORE_KEYS.join(", ")))),
        },
        "sqlite" => Err(Error::invalid("online_store.type is sqlite (Feast's default), which this binary does not serve")
            .with_hint("this binary's embedded store is rocksdb: set type: rocksdb and path: data/online_store, then materialize again")),
        other => Err(Error::invalid(format!("online_store.type {other:?} is not known")).with_hint("set online_store to type: rocksdb")),
    }
}

fn online_store_memory(root: &Value) -> Result<OnlineStoreMemory> {
    let default = OnlineStoreMemory::default();
    let bytes = |key: &str, least: u64| bytes_at(root, "online_store", key, least);
    Ok(OnlineStoreMemory {
        row_cache: bytes("row_cache_mib", 0)?.unwrap_or(default.row_cache),
        block_cache: bytes("block_cache_mib", 1)?.unwrap_or(default.block_cache),
    })
}

/// A day: the kernel does not take numbers of any size.
const LONGEST_SEND_TIMEOUT_SECONDS: u64 = 86_400;

fn serving_limits(root: &Value) -> Result<ServingLimits> {
    let default = ServingLimits::default();
    let requests = number_at(root, "serving", "max_requests", 1)?;
    Ok(ServingLimits {
        requests: requests.map_or(default.requests, |number| usize::try_from(number).unwrap_or(usize::MAX)),
        memory: bytes_at(root, "serving", "max_memory_mib", 1)?.unwrap_or(default.memory),
        send_timeout: number_at(root, "serving", "send_timeout_seconds", 1)?.map_or(default.send_timeout, |seconds| {
            Duration::from_secs(seconds.min(LONGEST_SEND_TIMEOUT_SECONDS))
        }),
    })
}

/// As in Feast, batching without both of its numbers is none.
fn offline_batching(root: &Value) -> Result<Option<OfflineBatching>> {
    const BLOCK: &str = "feature_server";
    let number = |key: &str| number_at(root, BLOCK, key, 1);
    let enabled = flag_at(root, BLOCK, "offline_push_batching_enabled")?;
    let rows = number("offline_push_batching_batch_size")?;
    let seconds = number("offline_push_batching_batch_interval_seconds")?;
    Ok(rows
        .zip(seconds)
        .filter(|_| enabled)
        .map(|(rows, seconds)| OfflineBatching {
            rows: usize::try_from(rows).unwrap_or(usize::MAX),
            interval: Duration::from_secs(seconds),
        }))
}

fn response_layout(root: &Value) -> Result<ResponseLayout> {
    let Some(block) = root.get("serving") else {
        return Ok(ResponseLayout::default());
    };
    match text_at(block, "response_layout")? {
        None | Some("auto") => Ok(ResponseLayout::Auto),
        Some("rows") => Ok(ResponseLayout::Rows),
        Some("columns") => Ok(ResponseLayout::Columns),
        Some(other) => Err(Error::invalid(format!(
            "serving.response_layout {other:?} is not one of auto, rows, columns"
        ))),
    }
}

/// Feast's rule: word characters only, and no hyphen because table names are made of it.
///
/// # Errors
/// `Invalid`, saying what a name may hold.
pub fn check_project_name(name: &str) -> Result<()> {
    let valid = !name.is_empty()
        && !name.starts_with('_')
        && name
            .chars()
            .all(|character| character.is_alphanumeric() || character == '_');
    if valid {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "project name {name:?} must consist of letters, digits and underscores and must not start with an underscore"
    )))
}

fn text_at<'a>(block: &'a Value, key: &str) -> Result<Option<&'a str>> {
    match block.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Error::invalid(format!("{key} must be a string, not {other}"))),
    }
}

fn flag_at(root: &Value, block: &str, key: &str) -> Result<bool> {
    match root.get(block).and_then(|block| block.get(key)) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(Error::invalid(format!(
            "{block}.{key} must be true or false, not {other}"
        ))),
    }
}

/// A number of MiB, in bytes.
fn bytes_at(root: &Value, block: &str, key: &str, least: u64) -> Result<Option<usize>> {
    // A pebibyte: more is a mistake.
    const MOST_MIB: u64 = 1 << 30;
    match number_at(root, block, key, least)? {
        Some(mib) if mib > MOST_MIB => Err(Error::invalid(format!(
            "{block}.{key} must be at most {MOST_MIB}, not {mib}"
        ))),
        mib => Ok(mib.map(|mib| (mib as usize) << 20)),
    }
}

/// A whole number that is at least `least`.
fn number_at(root: &Value, block: &str, key: &str, least: u64) -> Result<Option<u64>> {
    match root.get(block).and_then(|block| block.get(key)) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().filter(|number| *number >= least) {
            Some(number) => Ok(Some(number)),
            None => Err(Error::invalid(format!(
                "{block}.{key} must be a whole number of at least {least}, not {value}"
            ))),
        },
    }
}

/// `$NAME` and `${NAME}` as Python's `os.path.expandvars`: unset variables stay as they are.
fn expand_variables(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('$') {
        expanded.push_str(&rest[..position]);
        let after = &rest[position + 1..];
        let (name, consumed) = match after.strip_prefix('{') {
            Some(braced) => braced.find('}').map_or(("", 0), |end| (&braced[..end], end + 2)),
            None => {
                let end = after.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
                let name = &after[..end.unwrap_or(after.len())];
                (name, name.len())
            }
        };
        match lookup(name).filter(|_| !name.is_empty()) {
            Some(value) => expanded.push_str(&value),
            None => expanded.push_str(&rest[position..=position + consumed]),
        }
        rest = &after[consumed..];
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALK: &str =
        "project: shop\nregistry: data/registry.db\nonline_store:\n  type: rocksdb\n  path: data/online\n";

    fn problem(text: &str) -> String {
        RepositoryConfig::parse(text, Path::new("/repo"))
            .map_or_else(|error| error.to_string(), |config| format!("{config:?}"))
    }

    #[test]
    fn reads_the_usual_file() {
        let config = RepositoryConfig::parse(WALK, Path::new("/repo")).unwrap();
        assert_eq!(config.project, "shop");
        assert_eq!(config.registry_path, Path::new("/repo/data/registry.db"));
        assert_eq!(config.online_store_path, Path::new("/repo/data/online"));
        assert_eq!(config.response_layout, ResponseLayout::Auto);
        assert_eq!(config.memory, OnlineStoreMemory::default());
    }

    #[test]
    fn reads_the_block_form_of_the_registry_and_ignores_unknown_keys() {
        let text = "project: shop\nregistry: {path: /abs/r.db, cache_ttl_seconds: 5}\nonline_store: {type: rocksdb}\nfoo: [1]\nserving: {response_layout: rows}";
        let config = RepositoryConfig::parse(text, Path::new("/repo")).unwrap();
        assert_eq!(config.registry_path, Path::new("/abs/r.db"));
        assert_eq!(config.online_store_path, Path::new("/repo/data/online_store"));
        assert_eq!(config.response_layout, ResponseLayout::Rows);
    }

    #[test]
    fn names_the_wrong_key() {
        assert!(problem("project: a-b\nregistry: r\nonline_store: rocksdb").contains("project name \"a-b\""));
        assert!(problem("registry: r\nonline_store: rocksdb").contains("the key project is missing"));
        assert!(problem("project: p\nonline_store: rocksdb").contains("the key registry is missing"));
        assert!(problem("project: p\nregistry: r").contains("online_store.type is sqlite"));
        assert!(
            problem("project: p\nregistry: s3://b/r\nonline_store: rocksdb")
                .contains("s3:// paths are not supported yet")
        );
        assert!(problem("project: p\nregistry: r\nonline_store: {type: nope}").contains("\"nope\" is not known"));
        assert!(
            problem("project: p\nregistry: r\nonline_store: {type: rocksdb, pth: x}")
                .contains("online_store.pth is not known")
        );
        assert!(
            problem("project: p\nregistry: r\nonline_store: {type: rocksdb, block_cache_mib: 0}")
                .contains("online_store.block_cache_mib must be a whole number of at least 1, not 0")
        );
        assert!(problem("project: 5\nregistry: r\nonline_store: rocksdb").contains("project must be a string"));
        assert!(problem("a: [").contains("not valid YAML"));
        assert!(problem("").contains("must be a mapping"));
    }

    #[test]
    fn expands_variables_as_python_does() {
        let lookup = |name: &str| (name == "SET").then(|| "value".to_owned());
        let expand = |text| expand_variables(text, &lookup);
        assert_eq!(expand("a $SET b ${SET}/x"), "a value b value/x");
        assert_eq!(
            expand("$UNSET ${UNSET} ${A:-b} $ ${SET"),
            "$UNSET ${UNSET} ${A:-b} $ ${SET"
        );
    }
}
