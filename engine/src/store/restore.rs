//! Restoring a backup: the online store and the registry of a repository, both of which must not be there, or are moved aside.
//!
//! All is checked, and complete beside its place, before anything changes there. The rows come first, as in a backup, and the registry then:
//! a process that is killed before both are in their places leaves a store that nobody opens, until a restore is complete. So no process
//! can take the rows of a backup for those of the registry that was there, nor load into them what that one says is missing.

use std::path::{Path, PathBuf};

use feast_backup::{Backup, Manifest};
use feast_config::{OnlineStoreConfig, RepositoryConfig};
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use feast_registry::RegistryFile;

use super::backup::{ONLINE_STORE, REGISTRY};
use crate::clock;
use crate::online_store::{Replacement, adopt_checkpoint, is_occupied};

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
/// backup is damaged. Nothing has changed then. Where a file of the store or the registry cannot be moved or written, no process opens the
/// store until a restore is complete.
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
    backup.check_names()?;
    let place = RegistryFile::new(&config.registry_path, &config.project);
    let registry = backup.read(REGISTRY)?;
    registry.as_deref().map_or(Ok(()), |registry| place.check(registry))?;
    if !replaces {
        check_free(config, path)?;
    }
    let mut replacement = Replacement::begin(path).map_err(|error| match error.kind() {
        ErrorKind::Conflict => error.with_hint("stop the server that has it open, then restore again"),
        _ => error,
    })?;
    if !replaces {
        // Nobody makes one from here on.
        check_free(config, path)?;
    }

    let staged = replacement.stage()?;
    backup.copy_directory(ONLINE_STORE, &staged)?;
    adopt_checkpoint(&staged, &config.project)?;
    fail_point::reached(Step::RestoreWritten);

    let time = clock::now().to_string().replace(':', "-");
    let half_done = |what: &'static str| {
        move |error: Error| {
            error
                .within(|message| {
                    format!("{what}, and nobody opens the online store until a restore is complete: {message}")
                })
                .with_hint("restore again with --force")
        }
    };
    replacement.mark(&time)?;
    let former = replacement.put().map_err(half_done("the restore is not complete"))?;
    fail_point::reached(Step::StoreRestored);
    let mut moved_aside: Vec<PathBuf> = former.into_iter().collect();
    let registry = put_registry(&place, registry.as_deref(), &time);
    moved_aside.extend(registry.map_err(half_done("the registry is not restored"))?);
    fail_point::reached(Step::RegistryRestored);
    replacement.finish().map_err(half_done("the restore is not complete"))?;
    Ok(RestoreReport {
        manifest: backup.manifest().clone(),
        moved_aside,
    })
}

/// Puts a registry, or none, into its place. Gives the name of the one that was there.
fn put_registry(place: &RegistryFile, registry: Option<&[u8]>, time: &str) -> Result<Option<PathBuf>> {
    let path = place.path();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let former = path
        .exists()
        .then(|| path.with_file_name(format!("{name}.before-{time}")));
    match (registry, &former) {
        (Some(registry), _) => place.restore(registry, former.as_deref())?,
        // It tells of rows that were never in this store.
        (None, Some(former)) => {
            std::fs::rename(path, former).map_err(|source| Error::io("move away", path, source))?;
        }
        (None, None) => {}
    }
    Ok(former)
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

/// What is there is moved aside only when that is asked for.
fn check_free(config: &RepositoryConfig, store: &Path) -> Result<()> {
    let registry = &config.registry_path;
    let found = match is_occupied(store)? {
        true => ("an online store", store),
        false if registry.exists() || registry.is_symlink() => ("a registry", registry.as_path()),
        false => return Ok(()),
    };
    let message = format!("there is {} already: {}", found.0, error_path(found.1));
    Err(Error::new(ErrorKind::Conflict, message)
        .with_hint("with --force what is there is moved aside, and nothing of it is removed"))
}
