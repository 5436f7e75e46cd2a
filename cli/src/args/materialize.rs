//! Which rows go from offline stores to the online store.

use std::path::PathBuf;

use clap::Args;
use feast_engine::Shard;

#[derive(Debug, Args)]
pub(crate) struct MaterializeArguments {
    /// First event time, such as 2026-01-31 or 2026-01-31T12:00:00 (UTC unless it carries an offset).
    // Which of these go together is checked afterwards, to report it in Feast's words.
    pub(crate) start_ts: Option<String>,

    /// Last event time, included.
    pub(crate) end_ts: Option<String>,

    /// Only this feature view; can be repeated. Default: all online views.
    #[arg(short, long, value_name = "VIEW")]
    pub(crate) views: Vec<String>,

    /// Take all rows up to now, whatever their event time.
    #[arg(long)]
    pub(crate) disable_event_timestamp: bool,

    /// Load only one part of the keys, such as 2/8, and print a receipt instead of recording the run. For an online store that
    /// several machines fill together; give all of them the same START_TS and END_TS. Then run: feast materialize --finish RECEIPT...
    #[arg(long, value_name = "K/N", value_parser = str::parse::<Shard>)]
    pub(crate) shard: Option<Shard>,

    /// Say what would be read of which files, and read and write nothing.
    #[arg(long, conflicts_with = "shard")]
    pub(crate) dry_run: bool,

    /// Record a run whose parts are all done, from the receipts that --shard printed: files, or - for stdin.
    #[arg(long, value_name = "RECEIPT", num_args = 1.., conflicts_with_all = ["views", "disable_event_timestamp", "shard", "former_version", "dry_run"])]
    pub(crate) finish: Vec<PathBuf>,

    /// Not offered yet: a former version of the view.
    #[arg(long = "version", value_name = "VERSION")]
    pub(crate) former_version: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct IncrementalArguments {
    /// Last event time, included, such as 2026-01-31 or 2026-01-31T12:00:00 (UTC unless it carries an offset).
    pub(crate) end_ts: String,

    /// Only this feature view; can be repeated. Default: all online views.
    #[arg(short, long, value_name = "VIEW")]
    pub(crate) views: Vec<String>,

    /// Read everything again from where the first recorded run of each view started: for an online store that has lost rows, or is new.
    #[arg(long, conflicts_with = "shard")]
    pub(crate) full: bool,

    /// Load only one part of the keys, such as 2/8, and print a receipt instead of recording the run. For an online store that
    /// several machines fill together; give all of them the same END_TS. Then run: feast materialize --finish RECEIPT...
    #[arg(long, value_name = "K/N", value_parser = str::parse::<Shard>)]
    pub(crate) shard: Option<Shard>,

    /// Say what would be read of which files, and read and write nothing.
    #[arg(long, conflicts_with = "shard")]
    pub(crate) dry_run: bool,

    /// Not offered yet: a former version of the view.
    #[arg(long = "version", value_name = "VERSION")]
    pub(crate) former_version: Option<String>,
}
