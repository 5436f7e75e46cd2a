//! `feast online-store copy`: rows from one online store into another.

use std::path::{Path, PathBuf};

use feast_engine::{ErrorKind, FeatureStore, RepositoryConfig, SettingsSource};

use crate::args::CopyArguments;
use crate::output::{Failure, Output};
use crate::running_server::RunningServer;

/// Copies the rows of views, after everything that can be checked beforehand.
pub(crate) fn run(arguments: &CopyArguments, output: &Output) -> Result<(), Failure> {
    let views = Some(arguments.views.as_slice()).filter(|views| !views.is_empty());
    let from = open(&arguments.from, output)?;
    let to = open(&arguments.to, output)?;
    from.check_copy(&to, views)?;
    for (store, file) in [(&from, &arguments.from), (&to, &arguments.to)] {
        prepare(store, file)?;
    }
    for loss in from.lost_in_copy(&to) {
        output.warning(&loss);
    }
    let (source, target) = (
        from.config().online_store.type_name(),
        to.config().online_store.type_name(),
    );
    output.line(&format!(
        "Copying from a {} online store into a {} one.\n",
        output.strong(source),
        output.strong(target)
    ));
    from.copy_online_store(&to, views, &directory(&arguments.to), &mut output.copy())?;
    Ok(())
}

/// Relative paths in a file start at its directory.
fn directory(file: &Path) -> PathBuf {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
    file.parent().unwrap_or_else(|| Path::new(".")).to_path_buf()
}

fn open(file: &Path, output: &Output) -> Result<FeatureStore, Failure> {
    let config = RepositoryConfig::load(&directory(file), &SettingsSource::File(file.to_path_buf()))?;
    config.unknown_keys.iter().for_each(|line| output.warning(line));
    Ok(FeatureStore::open_to_copy(config)?)
}

/// Opens the online store, which a server may have open.
fn prepare(store: &FeatureStore, file: &Path) -> Result<(), Failure> {
    let Err(error) = store.prepare_copy() else {
        return Ok(());
    };
    let server = RunningServer::find(store).filter(|_| error.kind() == ErrorKind::Conflict);
    match server.filter(RunningServer::answers) {
        None => Err(error.into()),
        Some(server) => Err(Failure::new(format!(
            "the server at {} has the online store of {} open",
            server.name(),
            file.display()
        ))
        .with_hint("stop that server, then copy again")),
    }
}
