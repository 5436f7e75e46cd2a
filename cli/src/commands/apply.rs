use feast_engine::ErrorKind;

use crate::definitions::read_definitions;
use crate::output::{Failure, Output};
use crate::settings::Repository;

/// Reads the definition files and makes the registry hold what they define.
pub(crate) fn run(repository: &Repository, output: &Output) -> Result<(), Failure> {
    let store = repository.open()?;
    let project = store.config().project.clone();
    let definitions = read_definitions(&store.config().directory).map_err(|errors| Failure::all(&errors))?;
    match &definitions.project {
        None => output.line(&format!(
            "No project found in the repository. Using project name {project} defined in feature_store.yaml"
        )),
        Some(defined) if defined.name != project => {
            return Err(Failure::new(
                "Project object name should match with the project name defined in feature_store.yaml",
            )
            .with_hint(format!(
                "the definitions say {}, feature_store.yaml says {project}",
                defined.name
            )));
        }
        Some(_) => {}
    }
    output.line(&format!("Applying changes for project {project}"));
    let report = store.apply(definitions).map_err(|error| {
        let busy = error.kind() == ErrorKind::Unavailable;
        let failure = Failure::from(error);
        if busy {
            failure.with_hint("nothing was changed; try again")
        } else {
            failure
        }
    })?;
    for warning in &report.warnings {
        output.warning(warning);
    }
    if report.changes.is_empty() {
        output.line("No changes to registry");
    }
    for change in &report.changes {
        output.line(&format!("{} {} {}", change.verb, change.kind, change.name));
    }
    if report.tables.is_empty() {
        output.line("No changes to infrastructure");
        return Ok(());
    }
    output.line("");
    for (verb, table) in &report.tables {
        output.line(&format!("{verb} rocksdb table {table}"));
    }
    output.line("");
    Ok(())
}
