//! Restoring a backup: the online store and the registry of a repository, both of which must not be there, or are moved aside.
//!
//! All is checked and complete beside its place before anything changes there. The rows come first, as in a backup: a process that is
//! killed before it puts the registry in its place has left no registry that claims rows which are not there.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use feast_backup::{Backup, Manifest};
use feast_config::{OnlineStoreConfig, RepositoryConfig};
use feast_files::fail_point::{self, Step};
use feast_files::{COMMAND_PATIENCE, FileLock, give_to};
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use feast_registry::RegistryFile;

use super::backup::{ONLINE_STORE, REGISTRY};
use crate::clock;
use crate::online_store::{Access, OnlineStore, adopt_checkpoint};

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreReport {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// What was in the way, where it is now.
    pub moved_aside: Vec<PathBuf>,
}

/// Puts the online store and the registry of a backup into their places. What is there is moved aside if `replaces`, else it is an
/// error. The store gets a new identity.
///
/// # Errors
/// `Conflict` when the backup is of another project, or a store or registry is there, or a process has the store open. `Data` when the
/// backup is damaged. Nothing has changed then.
pub fn restore(config: &RepositoryConfig, backup: &Path, replaces: bool) -> Result<RestoreReport> {
    let backup = Backup::open(backup)?;
    let OnlineStoreConfig::RocksDb { path, .. } = &config.online_store else {
        let kind = config.online_store.type_name();
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("backups are not restored to an online store in {kind}"),
        )
        .with_hint("restore with online_store.type: rocksdb, then copy the rows with: feast online-store copy"));
    };
    check_fits(config, &backup)?;
    let parent = parent(path);
    std::fs::create_dir_all(&parent).map_err(|source| Error::io("create the directory", &parent, source))?;
    // Two restores to the same place would take each other's files for leftovers.
    let _lock = FileLock::acquire(
        &path.with_file_name(format!("{}.restore", name(path))),
        COMMAND_PATIENCE,
    )?;
    check_place(config, path, replaces)?;

    backup.check_names()?;
    let registry = backup.read(REGISTRY)?;
    let staged = Staged::beside(path)?;
    backup.copy_directory(ONLINE_STORE, &staged.path)?;
    adopt_checkpoint(&staged.path, &config.project)?;
    fail_point::reached(Step::RestoreWritten);

    let mut report = RestoreReport {
        manifest: backup.manifest().clone(),
        moved_aside: Vec::new(),
    };
    let time = clock::now().to_string().replace(':', "-");
    let aside = |path: &Path| path.with_file_name(format!("{}.before-{time}", name(path)));
    let former = is_there(path).then(|| aside(path));
    if let Some(former) = &former {
        std::fs::rename(path, former).map_err(|source| Error::io("move away", path, source))?;
        report.moved_aside.push(former.clone());
    }
    if let Err(source) = std::fs::rename(&staged.path, path) {
        // As it was, if that can be.
        let _ = former.map(|former| std::fs::rename(former, path));
        return Err(Error::io("write", path, source));
    }
    let synced = File::open(&parent).and_then(|directory| directory.sync_all());
    synced.map_err(|source| Error::io("sync", &parent, source))?;
    fail_point::reached(Step::StoreRestored);
    let former = config.registry_path.exists().then(|| aside(&config.registry_path));
    if let Some(registry) = registry {
        let place = RegistryFile::new(&config.registry_path, &config.project);
        place.restore(&registry, former.as_deref()).map_err(|error| {
            error.within(|message| format!("the online store is restored, but not the registry: {message}"))
        })?;
    } else if let Some(former) = &former {
        // It tells of rows that were never in this store.
        let path = &config.registry_path;
        std::fs::rename(path, former).map_err(|source| Error::io("move away", path, source))?;
    }
    report.moved_aside.extend(former);
    Ok(report)
}

fn check_fits(config: &RepositoryConfig, backup: &Backup) -> Result<()> {
    let manifest = backup.manifest();
    if manifest.project != config.project {
        let message = format!(
            "backup {} is of project {}, and the settings are of project {}",
            error_path(backup.path()),
            manifest.project,
            config.project
        );
        return Err(
            Error::new(ErrorKind::Conflict, message).with_hint("restore it with the settings of its own project")
        );
    }
    Ok(())
}

/// What is in the way may be moved aside only if nobody uses it.
fn check_place(config: &RepositoryConfig, path: &Path, replaces: bool) -> Result<()> {
    if !replaces {
        let registry = &config.registry_path;
        let found = [("an online store", path), ("a registry", registry.as_path())];
        if let Some((what, path)) = found.into_iter().find(|(_, path)| is_there(path)) {
            let message = format!("there is {what} already: {}", error_path(path));
            return Err(Error::new(ErrorKind::Conflict, message)
                .with_hint("with --force what is there is moved aside, and nothing of it is removed"));
        }
    }
    if is_there(path) {
        // One that is damaged is what backups are for.
        match OnlineStore::open(&config.online_store, &config.project, Access::ReadWrite) {
            Err(error) if error.kind() == ErrorKind::Conflict => {
                return Err(error.with_hint("stop the server that has it open, then restore again"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// An empty directory is as good as none: a volume may have been made for the store.
fn is_there(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir()) || path.exists(),
    }
}

/// A directory beside the store's place, of the same file system. It goes with the value, unless it was renamed.
struct Staged {
    path: PathBuf,
}

impl Staged {
    /// For those who may use the store that is there, or its directory's owner alone.
    fn beside(path: &Path) -> Result<Self> {
        let staged = path.with_file_name(format!(".{}.restore.tmp", name(path)));
        // Of a restore that was killed.
        match std::fs::remove_dir_all(&staged) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &staged, source));
            }
            _ => {}
        }
        let made = DirBuilder::new().mode(0o700).create(&staged).and_then(|()| {
            let directory = File::open(&staged)?;
            match std::fs::metadata(path) {
                Ok(former) => {
                    give_to(&directory, former.uid(), former.gid());
                    directory.set_permissions(former.permissions())
                }
                Err(_) => {
                    let around = std::fs::metadata(parent(path))?;
                    give_to(&directory, around.uid(), around.gid());
                    Ok(())
                }
            }
        });
        made.map_err(|source| Error::io("create the directory", &staged, source))?;
        Ok(Self { path: staged })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After the renaming there is nothing of that name.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn parent(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
