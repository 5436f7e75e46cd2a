//! The online store: whether it can be opened, who has it open, and whether it may hold features.

use std::sync::Arc;

use feast_engine::{
    Access, DatabaseFound, FeatureStore, OnlineStoreConfig, OnlineStoreFound, RedisServerFound, RepositoryConfig,
    StoreHolder, examine_online_store,
};

use super::context::{Context, in_words, size};
use super::finding::Findings;
use crate::output::count;
use crate::running_server::RunningServer;

/// Of its limit, data of a Redis that are more than this are said.
const FULL_PERCENT: u64 = 90;

/// Looks at the store; `None` when it cannot be opened.
pub(super) fn check(config: &Arc<RepositoryConfig>, access: Access, findings: &Findings) -> Option<OnlineStoreFound> {
    findings.begin("opening it to look at it");
    let found = match examine_online_store(config, access) {
        Ok(found) => found,
        Err(error) => {
            findings.failed(&error);
            return None;
        }
    };
    match (&config.online_store, &found) {
        (OnlineStoreConfig::RocksDb { path, .. }, OnlineStoreFound::RocksDb { database, holder }) => {
            let place = format!("rocksdb {}", path.display());
            match database {
                Some(database) => check_database(&place, database, access, findings),
                None if access == Access::ReadWrite => findings.ok(format!("{place}: made by the first start")),
                None => findings.error(
                    format!("{place}: there is none yet, and a server that only reads makes none"),
                    "start a server that may write, or materialize, first",
                ),
            }
            if let Some(holder) = holder {
                check_holder(*holder, config, access, findings);
            }
        }
        (OnlineStoreConfig::Redis(redis), OnlineStoreFound::Redis(servers)) => {
            let expires = redis.key_ttl_seconds.is_some();
            servers.iter().for_each(|server| check_redis(server, expires, findings));
        }
        (OnlineStoreConfig::Sqlite { path }, OnlineStoreFound::Sqlite(file)) => {
            let place = format!("sqlite {}", path.display());
            match file {
                None => findings.ok(format!("{place}: made by the first write")),
                Some(file) if !file.is_mended_first => findings.ok(format!("{place}: can be read")),
                Some(_) => findings.warning(
                    format!("{place}: a killed process has left something in it"),
                    "the first process that may write it rolls that back when it reads it",
                ),
            }
        }
        _ => {}
    }
    Some(found)
}

fn check_database(place: &str, found: &DatabaseFound, access: Access, findings: &Findings) {
    let DatabaseFound {
        format,
        is_moved_first,
        statistics,
        file_bytes,
    } = found;
    let files = count(statistics.files.iter().sum::<u64>(), "table file");
    let entries = statistics.estimated_rows;
    let contents = format!(
        "{place}: format {format}, {} in {files} and the log of writes, about {entries} entries (rows, records of its own, what was \
         replaced or removed)",
        size(*file_bytes),
    );
    match (is_moved_first, access) {
        (false, _) => findings.ok(contents),
        (true, Access::ReadWrite) => findings.warning(
            format!("{contents}; the first start moves it to this version's format, some seconds for each million rows"),
            "older versions cannot open it afterwards: back it up with the older version before, and leave as much room on the disk as it has",
        ),
        (true, Access::ReadOnly) => findings.error(
            format!("{contents}, and cannot be read before it is moved to this version's format"),
            "open it once with a process that may write it: feast serve without --read-only",
        ),
    }
}

fn check_holder(holder: StoreHolder, config: &RepositoryConfig, access: Access, findings: &Findings) {
    findings.begin("asking the server that has it open");
    let process = in_words(holder);
    let server = RunningServer::find(config).filter(RunningServer::answers);
    match (server, access) {
        (_, Access::ReadOnly) => findings.ok(format!(
            "{process} has it open, which a server that only reads can be beside"
        )),
        (Some(server), Access::ReadWrite) => findings.ok(format!(
            "{process} has it open, the server at {}: it must be stopped before another one starts",
            server.name()
        )),
        (None, Access::ReadWrite) => findings.warning(
            format!("{process} has it open, and is no server that answers"),
            "wait until it is done, or end it, before a server is started",
        ),
    }
}

fn check_redis(server: &RedisServerFound, expires: bool, findings: &Findings) {
    let place = format!("redis {}", server.address);
    let version = server.version.as_deref().unwrap_or("it does not say its version");
    let used = server.used_memory.map(|used| format!(", {} used", size(used)));
    let limit = match (server.used_memory, server.max_memory) {
        (Some(_), Some(limit)) => format!(" of {}", size(limit)),
        _ => String::new(),
    };
    findings.ok(format!("{place}: {version}{}{limit}", used.unwrap_or_default()));
    if let Some(policy) = &server.eviction
        && (policy.starts_with("allkeys") || policy.starts_with("volatile") && expires)
    {
        findings.warning(
            format!("{place} evicts rows when its memory is full: maxmemory-policy is {policy}"),
            "set maxmemory-policy to noeviction, unless lost rows are made anew; writes are then refused when it is full",
        );
    }
    if let (Some(used), Some(limit)) = (server.used_memory, server.max_memory)
        && used / 100 >= limit / 10_000 * FULL_PERCENT
    {
        let text = format!("{place} is nearly full: {} of {} are used", size(used), size(limit));
        findings.warning(text, "raise its maxmemory");
    }
    if server.has_log == Some(false) && server.snapshots.as_deref() == Some("") {
        findings.warning(
            format!("{place} keeps nothing on disk: all rows are lost when it restarts"),
            "set appendonly yes or save in it, or materialize from the beginning after each restart",
        );
    }
    if let Some(field) = server.failed_write {
        findings.error(
            format!("{place} could not write to its disk ({field}), and may refuse writes for that"),
            "look at its log, and at the room on its disk",
        );
    }
}

/// Rows that the registry tells of and the store does not have, and keys that no read finds.
pub(super) fn check_rows(context: &Context, findings: &Findings) {
    let (Some(store), Some(found)) = (&context.registry, &context.online_store) else {
        return;
    };
    let is_readable = match found {
        OnlineStoreFound::RocksDb { database, .. } => database.as_ref().is_some_and(|found| !found.is_moved_first),
        OnlineStoreFound::Redis(_) => true,
        // It does not remember what has filled it.
        OnlineStoreFound::Sqlite(_) => false,
    };
    if !is_readable {
        let is_made = !matches!(
            found,
            OnlineStoreFound::RocksDb { database: None, .. } | OnlineStoreFound::Sqlite(None)
        );
        return not_loaded(store, is_made, findings);
    }
    findings.begin("opening the store to read it");
    let missing = store.open_online_store().and_then(|()| store.missing_rows(None));
    match missing {
        Ok(missing) if missing.is_empty() => findings.ok("the views that were materialized have their rows"),
        Ok(missing) => missing
            .iter()
            .for_each(|line| findings.error(line, "GET /ready says 503 until that is done")),
        Err(error) => findings.failed(&error),
    }
    if let Some(warning) = store.former_keys_warning() {
        findings.remark(warning);
    }
}

/// For a store that does not exist yet, or whose format is upgraded at the next start.
fn not_loaded(store: &FeatureStore, is_made: bool, findings: &Findings) {
    let loaded = store.materialized_until().unwrap_or_default();
    let views: Vec<&str> = loaded
        .iter()
        .filter_map(|(view, until)| until.map(|_| view.as_str()))
        .collect();
    if !is_made && !views.is_empty() {
        findings.error(
            format!(
                "the registry says that rows of {} were materialized, and there is no online store",
                views.join(", ")
            ),
            "correct online_store in feature_store.yaml, mount its disk, or run: feast materialize-incremental --full END_TS",
        );
    }
}
