//! `pandas.read_parquet`, of which the columns are read.

use std::path::Path;
use std::rc::Rc;

use super::paths::absolute;
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{CallArguments, Column, DataFrame, Value};

/// `None` when the result is not known.
pub(super) fn read_parquet(arguments: &CallArguments, site: Site<'_>) -> Evaluated<Option<Value>> {
    let path = arguments.positional.first().or_else(|| arguments.named("path"));
    let known = ["path", "engine", "columns", "filters"];
    let is_plain =
        arguments.positional.len() <= 1 && arguments.named.iter().all(|(name, _)| known.contains(&name.as_str()));
    let Some(path) = path
        .and_then(Value::as_path)
        .filter(|path| is_plain && !path.contains("://"))
    else {
        return Ok(None);
    };
    let place = absolute(&path, site);
    let place = Path::new(&place);
    if !place.exists() {
        let message = format!("No such file or directory: '{path}'");
        return Err(site.raise("FileNotFoundError", message));
    }
    // A directory of parts has further columns, by the names of its folders.
    if !place.is_file() {
        return Ok(None);
    }
    let columns = match site.session.parquet_columns(place) {
        Ok(columns) => columns,
        Err(reason) => return Ok(Some(Value::opaque(format!("`{}` ({reason})", site.text())))),
    };
    site.use_fuel(columns.len())?;
    let column = |(name, dtype): (String, Option<String>)| -> Column {
        (Rc::from(name), dtype.map(|dtype| Rc::from(dtype.as_str())))
    };
    let table = DataFrame::new(columns.into_iter().map(column).collect());
    match arguments.named("columns") {
        None | Some(Value::None) => Ok(Some(Value::DataFrame(table))),
        Some(names) => Ok(table.choose(names)),
    }
}
