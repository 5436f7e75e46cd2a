//! `feast materialize` and `feast materialize-incremental`: here, or in the server that has the online store open.

use feast_engine::{ErrorKind, MaterializeRange, now};

use crate::output::{Failure, Output};
use crate::running_server::RunningServer;
use crate::settings::{MaterializeSettings, Repository};

/// Loads the newest rows of each view into the online store.
pub(crate) fn run(repository: &Repository, settings: &MaterializeSettings, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    let windows = store.materialization_windows(&settings.request)?;
    let views = output.strong(windows.len());
    let end = output.strong(settings.request.range.end().to_python());
    let (span, incremental) = match settings.request.range {
        MaterializeRange::Between { start, .. } => {
            (format!("from {} to {end}", output.strong(start.to_python())), false)
        }
        MaterializeRange::Until { .. } => (format!("to {end}"), true),
    };
    let target = output.strong(store.config().online_store.type_name());
    let announce = || {
        output.line(&format!(
            "Materializing {views} feature views {span} into the {target} online store.\n"
        ));
    };
    // The store is opened first: a run that cannot begin is not announced.
    if let Err(error) = store.open_online_store() {
        let server = RunningServer::find(&store).filter(|_| error.kind() == ErrorKind::Conflict);
        let Some(server) = server.filter(RunningServer::answers) else {
            return Err(error.into());
        };
        output.note(&format!(
            "The server at http://{} has the online store open and does it",
            server.address()
        ));
        windows.iter().for_each(|window| output.former_keys(window));
        // The server warns in its log of what is missing in the store.
        let end = settings.request.range.warning_of_end(now());
        end.iter().for_each(|warning| output.warning(warning));
        server.materialize(&settings.request)?;
        announce();
        return Ok(());
    }
    // The rows that they append may be in the window.
    if let Err(error) = store.complete_pushes() {
        output.warning(&format!("pushes stay in the log: {error}"));
    }
    output.table_changes(&store);
    for warning in store.materialization_warnings(&settings.request)? {
        output.warning(&warning);
    }
    announce();
    store.materialize(&windows, &mut output.materialization(incremental))?;
    Ok(())
}
