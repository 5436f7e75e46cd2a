//! This machine: open files, memory, disks, the clock, the directory of backups.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use feast_engine::{
    DiskRoom, OnlineStoreConfig, check_clock as clock_is_readable, check_writable_directory, format_duration,
    machine_memory, now, room_on_disk_of,
};
use feast_server::is_disk_low;

use super::context::{Context, size};
use super::finding::Findings;
use crate::commands::serve::lack_of_files;
use crate::open_files;
use crate::output::count;

/// Clocks of machines that share files differ by less.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// Connections and the files of the store against what the process may have open.
pub(super) fn check_open_files(context: &Context, findings: &Findings) {
    const HINT: &str = "raise the limit: LimitNOFILE= in a systemd unit, --ulimit nofile= of a container, ulimit -n in a shell; 65536 is usual";
    // As the server does first.
    let limit = open_files::raise_limit();
    let (files, _) = context.files_and_bytes();
    let connections = context.serve.connections;
    let lack = lack_of_files(&context.serve, limit);
    // RocksDB keeps each of its files open.
    let left = limit.saturating_sub(open_files::for_connections(limit) as u64);
    if lack.is_none() && files <= left {
        findings.ok(format!(
            "{limit} may be open: for {connections} connections, and {files} of the store"
        ));
    }
    if let Some(lack) = lack {
        findings.warning(lack, HINT);
    }
    if files > left {
        let files = count(files, "file");
        let text = format!("the store has {files}, and {left} of the {limit} that may be open are kept for it");
        findings.warning(text, HINT);
    }
}

/// What is held in memory at most against what there is.
pub(super) fn check_memory(context: &Context, findings: &Findings) {
    let config = &context.config;
    let caches = match &config.online_store {
        OnlineStoreConfig::RocksDb { memory, .. } => memory.row_cache.saturating_add(memory.block_cache),
        OnlineStoreConfig::Redis(redis) => redis.row_cache,
        OnlineStoreConfig::Sqlite { .. } => 0,
    };
    let parts = [
        (caches, "caches of the online store"),
        (config.limits.memory, "requests"),
        (config.materialization.memory, "a materialization"),
    ];
    let sum: u64 = parts.iter().map(|(bytes, _)| *bytes as u64).sum();
    let shown = parts.map(|(bytes, name)| format!("{} for {name}", size(bytes as u64)));
    let (memory, shown) = (machine_memory(), shown.join(", "));
    match sum > memory {
        false => findings.ok(format!("{} for this process: {shown} at most", size(memory))),
        true => findings.warning(
            format!("the settings let it hold {}, and there are {}: {shown}", size(sum), size(memory)),
            "lower the caches of the online store, serving.max_memory_mib or serving.materialization_memory_mib, or give it more memory",
        ),
    }
}

/// Room on the disks that are written.
pub(super) fn check_disk(context: &Context, findings: &Findings) {
    let config = &context.config;
    let (_, bytes) = context.files_and_bytes();
    let store = match &config.online_store {
        OnlineStoreConfig::RocksDb { path, .. } => Some((path.clone(), bytes)),
        OnlineStoreConfig::Sqlite { path } => Some((path.clone(), file_bytes(path))),
        OnlineStoreConfig::Redis(_) => None,
    };
    if let Some((path, bytes)) = store {
        findings.begin(format!("asking the disk of {}", path.display()));
        tell_room(&path, bytes, findings);
    }
    if let Some(store) = &context.registry
        && config.online_store.directory().is_none()
    {
        let directory = store.spill_directory();
        findings.begin(format!("asking the disk of {}", directory.display()));
        if let Err(error) = check_writable_directory(&directory) {
            findings.warning(
                format!("{error}: a materialization whose keys do not fit into memory fails"),
                "set TMPDIR to a directory that can be written",
            );
        }
    }
    if config.feature_logging.is_enabled {
        let (path, wanted) = (&config.feature_logging.spool_path, config.feature_logging.spool_bytes);
        let room = room_on_disk_of(path);
        if let Some(room) = room.filter(|room| room.free < wanted) {
            let text = format!(
                "{} are free on the disk of {}, where up to {} of logged features may wait",
                size(room.free),
                path.display(),
                size(wanted)
            );
            findings.warning(text, "make room, or lower serving.feature_log_spool_mib");
        }
    }
}

fn tell_room(path: &Path, bytes: u64, findings: &Findings) {
    let place = path.display();
    let Some(room) = room_on_disk_of(path) else {
        return findings.remark(format!("the disk of {place} does not say how much room it has"));
    };
    let DiskRoom { free, size: whole } = room;
    let text = format!(
        "{} of {} are free on the disk of {place}, whose files have {}",
        size(free),
        size(whole),
        size(bytes)
    );
    if is_disk_low(room) {
        findings.warning(text, "make room: when the disk is full, writes are refused");
    } else if free < bytes {
        findings.warning(
            text,
            "make as much room as the store has: compactions and backups may need it",
        );
    } else {
        findings.ok(text);
    }
}

fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// Whether the clock can be read, and is not behind files that are there.
pub(super) fn check_clock(context: &Context, findings: &Findings) {
    if let Err(error) = clock_is_readable() {
        return findings.failed(&error);
    }
    let config = &context.config;
    let mut files = vec![config.registry_path.clone()];
    files.extend(config.online_store.directory().map(Path::to_path_buf));
    if let OnlineStoreConfig::Sqlite { path } = &config.online_store {
        files.push(path.clone());
    }
    match newest(&files) {
        Some((path, ahead)) if ahead > CLOCK_TOLERANCE => {
            let ahead = format_duration(Duration::from_secs(ahead.as_secs()));
            findings.warning(
                format!(
                    "the clock says {}, and {} was changed {ahead} later",
                    now(),
                    path.display()
                ),
                "set the clock, best by NTP: times of rows, intervals and certificates follow it",
            );
        }
        _ => findings.ok(format!("it is {}", now())),
    }
}

/// The file that was changed last, with how long after now that was.
fn newest(files: &[PathBuf]) -> Option<(&PathBuf, Duration)> {
    let now: SystemTime = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(now().micros()).ok()?);
    let ahead = files.iter().filter_map(|path| {
        let changed = std::fs::metadata(path).and_then(|file| file.modified()).ok()?;
        Some((path, changed.duration_since(now).unwrap_or_default()))
    });
    ahead.max_by_key(|(_, ahead)| *ahead)
}

/// The directory of a schedule of backups.
pub(super) fn check_backups(context: &Context, findings: &Findings) {
    let (Some(schedule), Some(store)) = (&context.config.backups, &context.registry) else {
        return;
    };
    let directory = schedule.directory.display();
    findings.begin(format!("looking at {directory}"));
    let checked = store
        .check_schedule(schedule)
        .and_then(|is_known| check_writable_directory(&schedule.directory).map(|()| is_known));
    let is_known = match checked {
        Ok(is_known) => is_known,
        Err(error) => return findings.failed(&error),
    };
    let (_, bytes) = context.files_and_bytes();
    let free = room_on_disk_of(&schedule.directory).map_or(0, |room| room.free);
    let before = if is_known {
        "has backups of this store"
    } else {
        "has none of this store yet"
    };
    let text = format!("{directory} {before}; {} are free there", size(free));
    match free < bytes {
        false => findings.ok(text),
        true => findings.warning(
            format!("{text}, and the files of the store have {}", size(bytes)),
            "make room, unless it is on the disk of the store, where backups share its files",
        ),
    }
}
