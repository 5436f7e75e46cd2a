//! `feast backup` and `feast restore`.

use std::path::Path;
use std::sync::Arc;

use feast_engine::{Backup, BackupReport, FeatureStore};

use crate::args::{BackupArguments, RestoreArguments};
use crate::output::{Failure, Output};
use crate::running_server::RunningServer;
use crate::settings::Repository;

/// Makes a backup, here or in the server that has the online store open, or checks one.
pub(crate) fn run(repository: &Repository, arguments: &BackupArguments, output: &Output) -> Result<(), Failure> {
    // Paths that are typed start at the current directory, whatever the repository is.
    let directory = std::path::absolute(&arguments.directory).unwrap_or_else(|_| arguments.directory.clone());
    if arguments.verify {
        return verify(&directory, output);
    }
    let store = repository.open(output)?;
    store.check_backup(&directory)?;
    let report = match store.open_online_store() {
        Ok(()) => store.back_up(&directory, arguments.keep, &Arc::default())?,
        Err(error) => {
            let server = RunningServer::instead_of(&store, error, output)?;
            server.back_up(&directory, arguments.keep)?
        }
    };
    print(&report, output);
    Ok(())
}

fn print(report: &BackupReport, output: &Output) {
    output.line(&report.path.display().to_string());
    output.note(&format!(
        "{} files with {} bytes, {} of which take no more room",
        report.files, report.bytes, report.shared_bytes
    ));
    for name in &report.removed {
        output.note(&format!("removed {name}"));
    }
    if report.of_other_stores > 0 {
        output.note(&format!(
            "{} backups there are of other online stores of this project, such as before a restore: they are not counted and not removed",
            report.of_other_stores
        ));
    }
}

fn verify(directory: &Path, output: &Output) -> Result<(), Failure> {
    let backup = Backup::open(directory)?;
    let bytes = backup.verify()?;
    let manifest = backup.manifest();
    output.line(&format!(
        "{} of project {} is as it was written at {}: {} files with {bytes} bytes",
        directory.display(),
        manifest.project,
        manifest.finished,
        manifest.files.len()
    ));
    Ok(())
}

/// Puts a backup into its place, and says what is to be done then.
pub(crate) fn restore(repository: &Repository, arguments: &RestoreArguments, output: &Output) -> Result<(), Failure> {
    let config = repository.settings(output)?;
    let backup = std::path::absolute(&arguments.backup).unwrap_or_else(|_| arguments.backup.clone());
    let report = feast_engine::restore(&config, &backup, arguments.force)?;
    let manifest = &report.manifest;
    output.line(&format!(
        "Restored project {} as it was at {}",
        manifest.project, manifest.finished
    ));
    for path in &report.moved_aside {
        output.note(&format!("what was there is now {}", path.display()));
    }
    // What is said here is read from the restored registry.
    FeatureStore::open(config)?;
    output.note(&format!(
        "Rows that came after {} may not be in the online store. To load those that are in parquet, run:\n  \
         feast apply                    # if the definitions have changed since\n  \
         feast materialize-incremental $(date -u +%Y-%m-%dT%H:%M:%S)\n\
         Rows that were pushed to the online store only are to be pushed again. Pushes that waited for their parquet source are \
         appended when the next server starts.",
        manifest.started
    ));
    Ok(())
}
