//! `feast online-store get` and `feast online-store delete`: rows of single entities.

use feast_engine::{ForgottenRows, RowsToForget};

use crate::args::{DeleteRowArguments, GetRowArguments};
use crate::commands::online_features;
use crate::output::{Failure, Output};
use crate::running_server::RunningServer;
use crate::settings::Repository;
use crate::table::Table;

/// Shows the row of one entity, also beside a server that has the store open.
pub(crate) fn get(repository: &Repository, arguments: &GetRowArguments, output: &Output) -> Result<(), Failure> {
    let store = online_features::open(repository, output)?;
    let Some(row) = feast_server::stored_row(&store, &arguments.view, &arguments.keys)? else {
        return Err(Failure::new(format!(
            "feature view {} has no row of that key in the online store",
            arguments.view
        )));
    };
    if arguments.json {
        output.json(&row);
        return Ok(());
    }
    let mut table = Table::new(&["NAME", "VALUE"]);
    let features = row["features"].as_object().into_iter().flatten();
    let times = ["event_time", "created_time"].map(|name| (name, &row[name]));
    for (name, value) in features.map(|(name, value)| (name.as_str(), value)).chain(times) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        table.add(vec![name.to_owned(), text]);
    }
    output.table(&table);
    Ok(())
}

/// Removes rows of one entity, here or in the server that has the store open.
pub(crate) fn delete(repository: &Repository, arguments: &DeleteRowArguments, output: &Output) -> Result<(), Failure> {
    let wanted = RowsToForget {
        view: arguments.view.clone(),
        keys: arguments.keys.clone(),
    };
    let store = repository.open(output)?;
    let forgotten = match store.open_online_store() {
        Ok(()) => {
            // A push that is done later would bring its row back.
            store.complete_pushes()?;
            store.forget_rows(&wanted)?
        }
        Err(error) => {
            let server = RunningServer::instead_of(&store, error, output)?;
            server.forget_rows(&wanted)?
        }
    };
    print(&forgotten, output);
    Ok(())
}

fn print(forgotten: &ForgottenRows, output: &Output) {
    let views = forgotten.views.join(", ");
    output.line(&format!(
        "{} rows removed from the online store, of {views}",
        forgotten.rows
    ));
    for (name, place) in &forgotten.sources {
        output.note(&format!("data source {name} may still hold rows of this key: {place}"));
    }
    if !forgotten.sources.is_empty() {
        output.note("A materialization of a window with such a row brings it back. Backups hold what they held.");
    }
}
