//! `feast online-store get`, `scan`, `stats` and `delete`: rows as they are stored.

use feast_engine::{ForgottenRows, RowsToForget};
use serde_json::{Value, json};

use crate::args::{DeleteRowArguments, GetRowArguments, ListFormat, ScanArguments, StatsArguments};
use crate::commands::online_features;
use crate::output::{Failure, Output, one_line};
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
        table.add(vec![name.to_owned(), text(value)]);
    }
    output.table(&table);
    Ok(())
}

/// Rows that are read at once.
const PAGE: usize = 1000;
/// Rows of a table for a person, unless more are asked for.
const TABLE_ROWS: u64 = 100;

/// Prints the rows of a view, also beside a server that has the store open. Of all rows no more than a page is in memory.
pub(crate) fn scan(repository: &Repository, arguments: &ScanArguments, output: &Output) -> Result<(), Failure> {
    let store = online_features::open_to_scan(repository, output)?;
    let usual = match arguments.output {
        ListFormat::Table => TABLE_ROWS,
        ListFormat::Json => u64::MAX,
    };
    let limit = arguments.limit.unwrap_or(usual);
    let mut left = limit;
    let mut position: Option<Vec<u8>> = None;
    loop {
        // One more tells whether there are more.
        let rows = usize::try_from(left.saturating_add(1)).map_or(PAGE, |left| left.min(PAGE));
        let mut page = feast_server::stored_rows(&store, &arguments.view, position.as_deref(), rows)?;
        if page.starts_over {
            output.warning("Redis has moved keys meanwhile: rows that were printed come again");
        }
        let fits = usize::try_from(left).map_or(page.rows.len(), |left| left.min(page.rows.len()));
        let are_more = page.rows.len() > fits || (fits as u64 == left && page.next.is_some());
        page.rows.truncate(fits);
        left -= fits as u64;
        match arguments.output {
            ListFormat::Table if !page.rows.is_empty() => output.table(&table(&page.rows)),
            ListFormat::Table => {}
            ListFormat::Json => output.text(&page.rows.iter().map(|row| format!("{row}\n")).collect::<String>()),
        }
        position = page.next;
        if left == 0 && are_more && arguments.limit.is_none() {
            output.note(&format!(
                "These are {limit} rows, and there may be more: --limit N or --output json prints them"
            ));
        }
        if left == 0 || position.is_none() || output.is_of_no_use() {
            return Ok(());
        }
    }
}

/// A column for each join key and feature that a row has, and the times.
fn table(rows: &[Value]) -> Table {
    let mut columns: Vec<(&str, &str)> = Vec::new();
    for part in ["keys", "features"] {
        let names = rows.iter().flat_map(|row| row[part].as_object().into_iter().flatten());
        for (name, _) in names {
            if !columns.contains(&(part, name)) {
                columns.push((part, name));
            }
        }
    }
    let times = ["event_time", "created_time"];
    let headers: Vec<&str> = columns.iter().map(|(_, name)| *name).chain(times).collect();
    let mut table = Table::new(&headers);
    for row in rows {
        let values = columns.iter().map(|(part, name)| row[*part].get(*name));
        let values = values.chain(times.map(|name| row.get(name)));
        table.add(values.map(|value| value.map(text).unwrap_or_default()).collect());
    }
    table
}

/// A value as a cell shows it: on one line, and nothing in it moves the cursor.
fn text(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    one_line(&text)
}

/// Counts what is stored of each view.
pub(crate) fn stats(repository: &Repository, arguments: &StatsArguments, output: &Output) -> Result<(), Failure> {
    let store = online_features::open_to_scan(repository, output)?;
    let totals = store.online_store_totals()?;
    if arguments.output == ListFormat::Json {
        let views = totals.views.iter().map(|of_view| {
            json!({
                "feature_view": of_view.view,
                "rows": of_view.rows,
                "bytes": of_view.bytes,
                "newest_event": of_view.newest_event.map(|time| time.to_string()),
                "hidden": of_view.is_hidden,
            })
        });
        output.json(&json!({
            "type": store.config().online_store.type_name(),
            "file_bytes": totals.file_bytes,
            "views": views.collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    let mut table = Table::new(&["FEATURE VIEW", "ROWS", "BYTES", "NEWEST EVENT"]);
    for of_view in &totals.views {
        let hidden = if of_view.is_hidden {
            " (has left the registry)"
        } else {
            ""
        };
        table.add(vec![
            format!("{}{hidden}", of_view.view),
            of_view.rows.to_string(),
            of_view.bytes.to_string(),
            of_view.newest_event.map(|time| time.to_string()).unwrap_or_default(),
        ]);
    }
    output.table(&table);
    if let Some(bytes) = totals.file_bytes {
        output.note(&format!(
            "The files of the store have {bytes} bytes, with what was replaced and not yet removed"
        ));
    }
    Ok(())
}

/// Removes rows of one entity, here or in the server that has the store open.
pub(crate) fn delete(repository: &Repository, arguments: &DeleteRowArguments, output: &Output) -> Result<(), Failure> {
    let wanted = RowsToForget {
        view: arguments.view.clone(),
        keys: arguments.keys.clone(),
    };
    let store = repository.open(output)?;
    // No rows of a store that is in another place would be said to be removed.
    store.check_online_store_made()?;
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
