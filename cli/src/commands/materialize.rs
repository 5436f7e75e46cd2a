use feast_engine::MaterializeRange;

use crate::output::{Failure, Output};
use crate::settings::{MaterializeSettings, Repository};

/// Loads the newest rows of each view into the online store.
pub(crate) fn run(repository: &Repository, settings: &MaterializeSettings, output: &Output) -> Result<(), Failure> {
    let store = repository.open()?;
    let windows = store.materialization_windows(&settings.request)?;
    let views = output.strong(windows.len());
    let end = output.strong(settings.request.range.end().to_python());
    let (span, incremental) = match settings.request.range {
        MaterializeRange::Between { start, .. } => {
            (format!("from {} to {end}", output.strong(start.to_python())), false)
        }
        MaterializeRange::Until { .. } => (format!("to {end}"), true),
    };
    let target = output.strong("rocksdb");
    // The store is opened first: nothing is announced that cannot begin.
    store.open_online_store()?;
    // What they append may belong to the window.
    store.complete_pushes()?;
    output.line(&format!(
        "Materializing {views} feature views {span} into the {target} online store.\n"
    ));
    store.materialize(&windows, &mut output.materialization(incremental))?;
    Ok(())
}
