//! `feast materialize` and `feast materialize-incremental`: here, or in the server that has the online store open; or one
//! shard of the keys, whose receipts end in the recorded run.

use std::io::Read;

use feast_engine::{FeatureStore, MaterializeRange, MaterializeRequest, Shard, ShardReceipt, now};

use crate::interrupt::Interrupt;
use crate::output::{Failure, Output};
use crate::running_server::RunningServer;
use crate::settings::{FinishSettings, MaterializeSettings, Repository};

/// A receipt has some 400 bytes a view.
const MAX_RECEIPT_BYTES: u64 = 64 << 20;

/// Loads the newest rows of each view into the online store.
pub(crate) fn run(repository: &Repository, settings: &MaterializeSettings, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    if let Some(shard) = settings.shard {
        return run_shard(&store, &settings.request, shard, output);
    }
    let windows = store.materialization_windows(&settings.request)?;
    if settings.dry_run {
        for window in windows.iter().filter(|window| window.is_empty()) {
            output.nothing_to_do(window);
        }
        output.plan(&store.plan_materialization(&windows)?);
        return Ok(());
    }
    let views = output.strong(windows.len());
    let end = output.strong(settings.request.range.end().to_python());
    let (span, incremental) = match settings.request.range {
        MaterializeRange::Between { start, .. } => {
            (format!("from {} to {end}", output.strong(start.to_python())), false)
        }
        MaterializeRange::Until { .. } | MaterializeRange::Anew { .. } => (format!("to {end}"), true),
    };
    let target = output.strong(store.config().online_store.type_name());
    let announce = || {
        output.line(&format!(
            "Materializing {views} feature views {span} into the {target} online store.\n"
        ));
    };
    // The store is opened first: a run that cannot begin is not announced.
    if let Err(error) = store.open_online_store() {
        let server = RunningServer::instead_of(&store, error, output)?;
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
    let interrupt = Interrupt::listen()?;
    let mut progress = output.materialization(incremental, windows.len(), &interrupt);
    match store.materialize(&windows, &mut progress) {
        Ok(_) => {
            progress.summary();
            Ok(())
        }
        Err(error) => {
            progress.what_is_recorded(&windows);
            Err(error.into())
        }
    }
}

/// Loads one part of the keys, and prints what the run that records the interval has to know. It is never handed to a server,
/// which would record it.
fn run_shard(store: &FeatureStore, request: &MaterializeRequest, shard: Shard, output: &Output) -> Result<(), Failure> {
    let windows = store.shard_windows(request)?;
    store.open_online_store()?;
    if let Err(error) = store.complete_pushes() {
        output.warning(&format!("pushes stay in the log: {error}"));
    }
    for warning in store.materialization_warnings(request)? {
        output.warning(&warning);
    }
    let (views, end) = (windows.len(), request.range.end().to_python());
    output.note(&format!(
        "Materializing shard {shard} of {views} feature views to {end}"
    ));
    let interrupt = Interrupt::listen()?;
    let mut progress = output.shard(windows.len(), &interrupt);
    let receipt = store.materialize_shard(&windows, shard, &mut progress)?;
    progress.summary();
    output.line(&receipt.to_json().to_string());
    Ok(())
}

/// Records a run whose shards are all done.
pub(crate) fn finish(repository: &Repository, settings: &FinishSettings, output: &Output) -> Result<(), Failure> {
    let mut receipts = Vec::new();
    for place in &settings.receipts {
        let (name, bytes) = match place.to_str() {
            Some("-") => ("stdin".to_owned(), bounded(std::io::stdin().lock())),
            _ => (
                place.display().to_string(),
                std::fs::File::open(place).and_then(bounded),
            ),
        };
        let bytes = bytes.map_err(|problem| Failure::new(format!("{name} cannot be read: {problem}")))?;
        receipts.extend(ShardReceipt::parse_all(&bytes, &name)?);
    }
    let store = repository.open(output)?;
    for view in store.finish_materialization(&receipts)? {
        let rows: u64 = receipts
            .iter()
            .flat_map(|receipt| &receipt.views)
            .filter(|other| other.view == view.view)
            .map(|view| view.rows)
            .sum();
        let (name, start, end) = (output.strong(&view.view), view.start.to_python(), view.end.to_python());
        let (start, end) = (output.strong(start), output.strong(end));
        output.line(&format!(
            "{name} from {start} to {end}: {rows} rows in {} shards",
            receipts.len()
        ));
    }
    Ok(())
}

/// All of an input that is not larger than receipts are.
fn bounded(input: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if input.take(MAX_RECEIPT_BYTES + 1).read_to_end(&mut bytes)? as u64 > MAX_RECEIPT_BYTES {
        let message = format!("it has more than {} MiB", MAX_RECEIPT_BYTES >> 20);
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, message));
    }
    Ok(bytes)
}
