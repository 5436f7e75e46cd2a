use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use feast_files::{FileLock, remove_leftovers, replace_bytes};
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use feast_model::{DUMMY_ENTITY, Definitions, ObjectKind, Project, Timestamp};
use prost::Message;

use super::apply::kinds::{self, Kind};
use super::convert;
use super::messages::Registry;
use super::wire;

/// Fields of the message `Registry`; the ninth was never given.
const KNOWN_FIELDS: [u32; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];
const SCHEMA_VERSION: &str = "1";
/// How often and how long apart a file that looks cut is read again before it is taken as it is.
const CUT_FILE_LOOKS: u32 = 5;
const CUT_FILE_PAUSE: Duration = Duration::from_millis(100);

/// The registry file of one project, read into memory.
pub struct RegistryFile {
    pub(super) path: PathBuf,
    pub(super) project: String,
    pub(super) message: Registry,
    /// Fields of a newer Feast, written back as they were.
    unknown: Vec<u8>,
}

/// Tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    modified: Option<SystemTime>,
    bytes: u64,
    /// A replaced file has another one, even within the tick of the file system's clock.
    inode: u64,
}

impl FileStamp {
    /// `None` when there is no file.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            bytes: metadata.len(),
            inode: metadata.ino(),
        })
    }
}

impl RegistryFile {
    /// Reads the file; a missing one is an empty registry.
    ///
    /// # Errors
    /// `Data` when it is no registry.
    pub fn load(path: &Path, project: &str) -> Result<Self> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(Error::io("read the registry", path, source)),
        };
        Self::parse(&bytes, path, project)
    }

    /// Understands the bytes of a registry file.
    ///
    /// # Errors
    /// `Data` when they are no registry.
    pub(super) fn parse(bytes: &[u8], path: &Path, project: &str) -> Result<Self> {
        let no_registry = |source: prost::DecodeError| {
            Error::data(format!("{} is not a Feast registry: {source}", error_path(path)))
                .with_hint("restore the file, or remove it and run: feast apply")
                .with_source(source)
        };
        let mut message = Registry::decode(bytes).map_err(no_registry)?;
        let fields = wire::fields(bytes).map_err(no_registry)?;
        let unknown = fields.iter().filter(|field| !KNOWN_FIELDS.contains(&field.number));
        let unknown = unknown.flat_map(|field| field.bytes).copied().collect();
        if bytes.is_empty() {
            SCHEMA_VERSION.clone_into(&mut message.registry_schema_version);
        }
        Ok(Self {
            path: path.to_path_buf(),
            project: project.to_owned(),
            message,
            unknown,
        })
    }

    /// As [`RegistryFile::load`], but waits while the file looks cut: Python writes it in place and honours no lock, and what
    /// is loaded here is written back.
    fn load_whole(path: &Path, project: &str) -> Result<Self> {
        let mut loaded = Self::load(path, project);
        for _ in 0..CUT_FILE_LOOKS {
            let whole = loaded.as_ref().is_ok_and(|file| !file.looks_cut());
            if whole || !path.exists() {
                break;
            }
            std::thread::sleep(CUT_FILE_PAUSE);
            loaded = Self::load(path, project);
        }
        loaded
    }

    /// Empty, or with objects but without any project, which comes behind them in the file.
    fn looks_cut(&self) -> bool {
        let message = &self.message;
        let has_objects = !message.entities.is_empty() || !message.feature_views.is_empty();
        message.projects.is_empty() && (has_objects || message.version_id.is_empty())
    }

    /// Reads, changes and replaces the file under its lock. `change` says whether there is something to write.
    ///
    /// # Errors
    /// Those of `change` and of the file operations; the file is then as before.
    pub fn update<T>(
        path: &Path,
        project: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Self) -> Result<(T, bool)>,
    ) -> Result<T> {
        let _lock = FileLock::acquire(path)?;
        let own_name = path.file_name().unwrap_or_default().to_string_lossy();
        let directory = path.parent().unwrap_or(path);
        remove_leftovers(directory, |name| name == own_name);
        let mut file = Self::load_whole(path, project)?;
        let (answer, changed) = change(&mut file)?;
        if changed {
            // Python keys its caches by this id, so it must be new with every change.
            file.message.version_id = uuid::Uuid::new_v4().to_string();
            file.message.last_updated = Some(convert::timestamp_message(now));
            let mut bytes = file.message.encode_to_vec();
            bytes.extend(&file.unknown);
            replace_bytes(path, &bytes)?;
        }
        Ok(answer)
    }

    /// The project's objects, and those that hold what this binary does not know.
    ///
    /// # Errors
    /// `Data`, naming the object.
    pub fn definitions(&self) -> Result<(Definitions, Vec<UnreadObject>)> {
        let mut unread = Vec::new();
        let mut entities = self.objects(&kinds::ENTITY, &mut unread)?;
        entities.retain(|entity| entity.name() != DUMMY_ENTITY);
        let mut feature_views = self.objects(&kinds::FEATURE_VIEW, &mut unread)?;
        feature_views.extend(self.objects(&kinds::STREAM_FEATURE_VIEW, &mut unread)?);
        feature_views.extend(self.objects(&kinds::LABEL_VIEW, &mut unread)?);
        let definitions = Definitions {
            project: self.objects(&kinds::PROJECT, &mut unread)?.pop(),
            entities,
            sources: self.objects(&kinds::DATA_SOURCE, &mut unread)?,
            feature_views,
            on_demand_feature_views: self.objects(&kinds::ON_DEMAND_FEATURE_VIEW, &mut unread)?,
            services: self.objects(&kinds::FEATURE_SERVICE, &mut unread)?,
            permissions: self.objects(&kinds::PERMISSION, &mut unread)?,
        };
        Ok((definitions, unread))
    }

    fn objects<T>(&self, kind: &Kind<T>, unread: &mut Vec<UnreadObject>) -> Result<Vec<T>> {
        let mut objects = Vec::new();
        for bytes in (kind.list)(&self.message) {
            match (kind.decode)(self, kind.spec_of(bytes)) {
                Ok(object) => objects.extend(object),
                Err(error) if error.kind() == ErrorKind::Unsupported => unread.push(UnreadObject {
                    kind: kind.kind,
                    name: kind.name_in(bytes),
                    // Clients are told too.
                    reason: error.public_message(),
                }),
                Err(error) => return Err(error),
            }
        }
        Ok(objects)
    }

    /// The project itself.
    ///
    /// # Errors
    /// `Data` when it cannot be read.
    pub(super) fn project(&self) -> Result<Option<Project>> {
        Ok(self.objects(&kinds::PROJECT, &mut Vec::new())?.pop())
    }

    pub(super) fn decode<M: Message + Default>(&self, kind: &str, bytes: &[u8]) -> Result<M> {
        M::decode(bytes).map_err(|source| self.broken(&format!("a {kind}"), source))
    }

    pub(super) fn broken(&self, object: &str, source: impl std::error::Error) -> Error {
        Error::data(format!(
            "registry {}: {object} cannot be read: {source}",
            error_path(&self.path)
        ))
        .with_hint("restore the file, or remove it and run: feast apply")
    }

    /// An object that is whole, but holds what only a newer Feast knows.
    pub(super) fn not_understood(&self, object: &str, source: impl std::error::Error) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!("registry {}: {object} cannot be used: {source}", error_path(&self.path)),
        )
        .with_hint("a newer Feast has written it; it is kept as it is")
    }
}

/// An object of the registry that holds what this binary does not know. It is kept as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// What is not known.
    pub reason: String,
}
