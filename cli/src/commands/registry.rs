//! Commands on the registry as a whole and on single objects of it.

use std::io::{BufRead, IsTerminal, Write};

use feast_engine::ErrorKind;
use feast_engine::model::{ObjectKind, ViewState};
use serde_json::{Value, json};

use crate::args::ListFormat;
use crate::commands::list;
use crate::output::{Failure, Output};
use crate::settings::Repository;
use crate::table::Table;

/// Prints everything in the registry as JSON.
pub(crate) fn dump(repository: &Repository, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    output.json_with_indent(&store.registry()?.dump()?, 2);
    Ok(())
}

/// Removes the project from the registry, and its online store.
pub(crate) fn teardown(repository: &Repository, yes: bool, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    let project = &store.config().project;
    let question = format!("Remove all objects of project {project} from the registry, and its online store?");
    if !yes && !confirmed(&question, output)? {
        return Err(Failure::new("nothing was removed"));
    }
    store.teardown(&mut output.removal())?;
    output.table_changes(&store);
    Ok(())
}

/// Removes a project. Only the configured one is known here.
pub(crate) fn delete_project(repository: &Repository, name: &str, yes: bool, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    if store.config().project != name || store.registry()?.names(ObjectKind::Project).is_empty() {
        output.line(&format!("Project {name} does not exist in registry"));
        return Err(Failure::silent());
    }
    let question = format!(
        "Are you sure you want to delete project '{name}'? This will remove all associated resources from the registry."
    );
    if !yes && !confirmed(&question, output)? {
        return Err(Failure::new("nothing was removed"));
    }
    store.teardown(&mut output.removal())?;
    output.table_changes(&store);
    output.line(&format!("Project '{name}' deleted successfully."));
    Ok(())
}

/// Prints the project of the repository.
pub(crate) fn current_project(repository: &Repository, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    list::describe_in(&store, ObjectKind::Project, &store.config().project, output)
}

/// Asks on a terminal. Without one there is nobody to ask, and the command goes on, as Feast's does.
fn confirmed(question: &str, output: &Output) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    output.prompt(&format!("{question} [y/N]: "));
    // A question that cannot be shown has not been answered.
    std::io::stderr()
        .flush()
        .map_err(|source| Failure::new(format!("cannot ask: {source}")))?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|source| Failure::new(format!("cannot read the answer: {source}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Removes one object by its name.
pub(crate) fn delete(repository: &Repository, name: &str, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    match store.delete(name)? {
        Some(kind) => output.line(&format!("Deleted {kind:?} {name} from {}.", store.config().project)),
        None => output.line("Object not found. Deletion skipped."),
    }
    output.table_changes(&store);
    Ok(())
}

/// Enables or disables a view.
pub(crate) fn set_enabled(repository: &Repository, view: &str, enabled: bool, output: &Output) -> Result<(), Failure> {
    let changed = known(repository.open(output)?.set_view_enabled(view, enabled), output)?;
    let state = if enabled { "enabled" } else { "disabled" };
    output.line(&if changed {
        format!("Feature view '{view}' has been {state}.")
    } else {
        format!("Feature view '{view}' is already {state}.")
    });
    Ok(())
}

/// Moves a view to another state.
pub(crate) fn set_state(repository: &Repository, view: &str, state: ViewState, output: &Output) -> Result<(), Failure> {
    let outcome = repository.open(output)?.set_view_state(view, state);
    match outcome {
        Ok(()) => output.line(&format!("Feature view '{view}' state set to {}.", state.name())),
        // Feast reports a step that is not allowed, and exits with 0.
        Err(error) if error.kind() == ErrorKind::Invalid => output.line(&error.to_string()),
        Err(error) => return known(Err(error), output),
    }
    Ok(())
}

/// As in Feast, that no object has the name is said on standard output.
fn known<T>(outcome: feast_engine::Result<T>, output: &Output) -> Result<T, Failure> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            output.line(&error.to_string());
            Err(Failure::silent())
        }
        outcome => Ok(outcome?),
    }
}

/// Prints the recorded versions of a view.
pub(crate) fn list_versions(
    repository: &Repository,
    view: &str,
    format: ListFormat,
    output: &Output,
) -> Result<(), Failure> {
    let versions = repository.open(output)?.registry()?.view_versions(view);
    if format == ListFormat::Json {
        let documents = versions.iter().map(|version| {
            json!({
                "version": format!("v{}", version.number),
                "type": version.view_type,
                "created": version.created.to_python(),
                "version_id": version.id,
            })
        });
        output.json(&Value::Array(documents.collect()));
        return Ok(());
    }
    if versions.is_empty() {
        output.line(&format!("No version history found for feature view '{view}'."));
        return Ok(());
    }
    let mut table = Table::new(&["VERSION", "TYPE", "CREATED", "VERSION_ID"]);
    for version in versions {
        // Feast prints them without a zone: they are in UTC.
        let seconds = version.created.to_python();
        let seconds = seconds.trim_end_matches("+00:00");
        let created = match version.created.micros().rem_euclid(1_000_000) {
            0 => seconds.to_owned(),
            micros => format!("{seconds}.{micros:06}"),
        };
        table.add(vec![
            format!("v{}", version.number),
            version.view_type,
            created,
            version.id,
        ]);
    }
    output.table(&table);
    Ok(())
}
