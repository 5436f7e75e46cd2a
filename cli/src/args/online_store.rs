//! Commands about what an online store holds.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ListFormat;

#[derive(Debug, Subcommand)]
pub(crate) enum OnlineStoreCommand {
    /// Copy the rows of one online store into another, where the newest event wins. An interrupted copy goes on where it was.
    Copy(CopyArguments),
    /// Show the row of one entity as it is stored.
    Get(GetRowArguments),
    /// Print the rows of a feature view as they are stored, in the order of their keys where the store has one.
    Scan(ScanArguments),
    /// Count the rows of each feature view, their bytes, and tell the newest event. All rows are read.
    Stats(StatsArguments),
    /// Remove the rows of one entity for good: from reads and memory at once, then their bytes from the store's files. What is pushed
    /// later is new data; a later materialization of a window with the row brings it back, unless it is gone from parquet.
    Delete(DeleteRowArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast online-store get driver_hourly_stats driver_id=1001")]
pub(crate) struct GetRowArguments {
    /// The feature view.
    #[arg(value_name = "VIEW")]
    pub(crate) view: String,

    /// Each join key of the view with its value.
    #[arg(value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) keys: Vec<(String, String)>,

    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast online-store scan driver_hourly_stats --output json | jq .keys.driver_id")]
pub(crate) struct ScanArguments {
    /// The feature view.
    #[arg(value_name = "VIEW")]
    pub(crate) view: String,

    /// Print that many rows at most [default: 100 as a table, all as JSON].
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,

    /// How to print them; as JSON one object a line.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: ListFormat,
}

#[derive(Debug, Args)]
pub(crate) struct StatsArguments {
    /// How to print them.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: ListFormat,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast online-store delete --entity driver_id=1001")]
#[command(group = clap::ArgGroup::new("rows").required(true))]
pub(crate) struct DeleteRowArguments {
    /// Only the row in this feature view.
    #[arg(long, value_name = "VIEW", group = "rows")]
    pub(crate) view: Option<String>,

    /// The rows in all feature views with these join keys, also in those that have left the registry.
    #[arg(long, group = "rows")]
    pub(crate) entity: bool,

    /// Each join key with its value.
    #[arg(value_name = "KEY=VALUE", required_unless_present = "view", value_parser = key_and_value)]
    pub(crate) keys: Vec<(String, String)>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast online-store copy --from old.yaml --to feature_store.yaml")]
pub(crate) struct CopyArguments {
    /// Settings file with the online store to read. Relative paths in it start at its directory.
    #[arg(long, value_name = "OLD.yaml")]
    pub(crate) from: PathBuf,

    /// Settings file with the online store to write.
    #[arg(long, value_name = "NEW.yaml")]
    pub(crate) to: PathBuf,

    /// Only these feature views, separated by commas. Default: all.
    #[arg(short, long, value_name = "VIEW", value_delimiter = ',')]
    pub(crate) views: Vec<String>,
}

fn key_and_value(pair: &str) -> Result<(String, String), String> {
    let (key, value) = pair.split_once('=').ok_or("it is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
