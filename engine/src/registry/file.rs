use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use prost::Message;

use super::convert;
use super::messages::{
    DataSource, EntitySpec, FeatureServiceSpec, FeatureView, FeatureViewSpec, Object, ProjectSpec, Registry,
};
use crate::durable_file::{FileLock, remove_leftovers, replace_bytes};
use crate::error::{Error, Result};
use crate::model::{DUMMY_ENTITY, Definitions, Timestamp};

const SCHEMA_VERSION: &str = "1";
/// How often and how long apart a file that looks cut is read again before it is taken as it is.
const CUT_FILE_LOOKS: u32 = 5;
const CUT_FILE_PAUSE: Duration = Duration::from_millis(100);

/// The registry file of one project, read into memory.
pub(crate) struct RegistryFile {
    pub(super) path: PathBuf,
    pub(super) project: String,
    pub(super) message: Registry,
}

/// Tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStamp {
    modified: Option<SystemTime>,
    bytes: u64,
    /// A replaced file has another one, even within the tick of the file system's clock.
    inode: u64,
}

impl FileStamp {
    /// `None` when there is no file.
    pub(crate) fn of(path: &Path) -> Option<Self> {
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
    pub(crate) fn load(path: &Path, project: &str) -> Result<Self> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(Error::io("read the registry", path, source)),
        };
        let mut message = Registry::decode(bytes.as_slice()).map_err(|source| {
            Error::data(format!("{} is not a Feast registry: {source}", path.display()))
                .with_hint("restore the file, or remove it and run: feast apply")
                .with_source(source)
        })?;
        if bytes.is_empty() {
            SCHEMA_VERSION.clone_into(&mut message.registry_schema_version);
        }
        Ok(Self {
            path: path.to_path_buf(),
            project: project.to_owned(),
            message,
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
    pub(crate) fn update<T>(
        path: &Path,
        project: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Self) -> Result<(T, bool)>,
    ) -> Result<T> {
        let _lock = FileLock::acquire(path)?;
        let own_name = path.file_name().unwrap_or_default().to_string_lossy();
        remove_leftovers(path.parent().unwrap_or(path), |name| name == own_name);
        let mut file = Self::load_whole(path, project)?;
        let (answer, changed) = change(&mut file)?;
        if changed {
            // Python keys its caches by this id, so it must be new with every change.
            file.message.version_id = uuid::Uuid::new_v4().to_string();
            file.message.last_updated = Some(convert::timestamp_message(now));
            replace_bytes(path, &file.message.encode_to_vec())?;
        }
        Ok(answer)
    }

    /// The project's objects. Kinds this binary does not evaluate yet are not in it.
    ///
    /// # Errors
    /// `Data`, naming the object.
    pub(crate) fn definitions(&self) -> Result<Definitions> {
        let mut definitions = Definitions::default();
        for bytes in &self.message.projects {
            let spec: ProjectSpec = self.spec("project", bytes)?;
            if spec.name == self.project {
                definitions.project = Some(convert::project(&spec));
            }
        }
        for bytes in &self.message.entities {
            let spec: EntitySpec = self.spec("entity", bytes)?;
            if spec.project == self.project && spec.name != DUMMY_ENTITY {
                definitions.entities.push(convert::entity(&spec));
            }
        }
        for bytes in &self.message.data_sources {
            let source: DataSource = self.decode("data source", bytes)?;
            if source.project == self.project {
                definitions.sources.push(convert::source(&source));
            }
        }
        for bytes in &self.message.feature_views {
            if let Some((_, spec)) = self.view_of_project(bytes)? {
                definitions
                    .feature_views
                    .push(convert::view(&spec).map_err(|source| self.broken(&spec.name, source))?);
            }
        }
        for bytes in &self.message.feature_services {
            let spec: FeatureServiceSpec = self.spec("feature service", bytes)?;
            if spec.project == self.project {
                definitions
                    .services
                    .push(convert::service(&spec).map_err(|source| self.broken(&spec.name, source))?);
            }
        }
        Ok(definitions)
    }

    /// A feature view of this project, or `None` for one of another project.
    pub(super) fn view_of_project(&self, bytes: &[u8]) -> Result<Option<(FeatureView, FeatureViewSpec)>> {
        let view: FeatureView = self.decode("feature view", bytes)?;
        let spec: FeatureViewSpec = self.decode("feature view", &view.spec)?;
        Ok((spec.project == self.project).then_some((view, spec)))
    }

    /// The spec of a project, an entity or a feature service.
    pub(super) fn spec<Spec: Message + Default>(&self, kind: &str, bytes: &[u8]) -> Result<Spec> {
        let object: Object = self.decode(kind, bytes)?;
        self.decode(kind, &object.spec)
    }

    pub(super) fn decode<M: Message + Default>(&self, kind: &str, bytes: &[u8]) -> Result<M> {
        M::decode(bytes).map_err(|source| self.broken(&format!("a {kind}"), source))
    }

    pub(super) fn broken(&self, object: &str, source: impl std::error::Error) -> Error {
        Error::data(format!(
            "registry {}: {object} cannot be read: {source}",
            self.path.display()
        ))
        .with_hint("restore the file, or remove it and run: feast apply")
    }
}
