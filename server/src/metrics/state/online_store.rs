//! The online store: rows in memory, the embedded database, pushes that wait.

use feast_engine::StoreStatistics;
use prometheus_client::registry::Registry;

use super::{Number, Numbers, Total, gauge, gauges, set, total};

/// Rows in memory, the embedded database, pushes that wait.
pub(super) struct OnlineStoreMetrics {
    cache_hits: Total,
    cache_misses: Total,
    cache_entities: Number,
    cache_bytes: Number,
    cache_limit_bytes: Number,
    files: Numbers<1>,
    table_bytes: Number,
    memtable_bytes: Number,
    block_cache_bytes: Number,
    estimated_rows: Number,
    pending_compaction_bytes: Number,
    running_compactions: Number,
    running_flushes: Number,
    background_errors: Total,
    write_stopped: Number,
    delayed_write_rate: Number,
    disk_free_bytes: Number,
    disk_bytes: Number,
    waiting_rows: Number,
    waiting_bytes: Number,
    waiting_seconds: Number,
}

impl OnlineStoreMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let totals = [
            ("feast_row_cache_hits", "Entities that were found in memory"),
            ("feast_row_cache_misses", "Entities that were not found in memory"),
            (
                "feast_online_store_background_errors",
                "Failures in the background since the store was opened",
            ),
        ];
        let [cache_hits, cache_misses, background_errors] = totals.map(|(name, help)| total(registry, name, help));
        let mut gauge = |name: &str, help: &str| gauge(registry, name, help);
        Self {
            cache_hits,
            cache_misses,
            background_errors,
            cache_entities: gauge("feast_row_cache_entities", "Entities whose rows are in memory"),
            cache_bytes: gauge("feast_row_cache_bytes", "Bytes of rows in memory"),
            cache_limit_bytes: gauge("feast_row_cache_limit_bytes", "Bytes that rows in memory may take"),
            table_bytes: gauge("feast_online_store_table_bytes", "Bytes of the table files"),
            memtable_bytes: gauge(
                "feast_online_store_memtable_bytes",
                "Bytes that are in the log of writes and in memory only",
            ),
            block_cache_bytes: gauge("feast_online_store_block_cache_bytes", "Bytes of blocks in memory"),
            estimated_rows: gauge(
                "feast_online_store_estimated_rows",
                "Rows and records, those that were replaced counted until they are compacted",
            ),
            pending_compaction_bytes: gauge(
                "feast_online_store_pending_compaction_bytes",
                "Bytes that compactions have to rewrite",
            ),
            running_compactions: gauge("feast_online_store_running_compactions", "Compactions under way"),
            running_flushes: gauge("feast_online_store_running_flushes", "Memtables that are being written"),
            write_stopped: gauge("feast_online_store_write_stopped", "1 when writes wait for compactions"),
            delayed_write_rate: gauge(
                "feast_online_store_delayed_write_bytes_per_second",
                "Rate to which writes are slowed down; 0 when they are not",
            ),
            disk_free_bytes: gauge(
                "feast_online_store_disk_free_bytes",
                "Bytes that are free on the disk of the store",
            ),
            disk_bytes: gauge("feast_online_store_disk_bytes", "Bytes of the disk of the store"),
            waiting_rows: gauge(
                "feast_push_waiting_rows",
                "Rows of pushes that were answered and are not in their parquet source yet",
            ),
            waiting_bytes: gauge("feast_push_waiting_bytes", "Bytes of these pushes in the log"),
            waiting_seconds: gauge("feast_push_waiting_oldest_seconds", "How long the oldest of them waits"),
            files: gauges(registry, "feast_online_store_files", "Table files by level"),
        }
    }

    pub(super) fn show(&self, statistics: &StoreStatistics) {
        if let Some(cache) = &statistics.row_cache {
            set(&self.cache_hits, cache.hits);
            set(&self.cache_misses, cache.misses);
            self.cache_entities.set(cache.entities as f64);
            self.cache_bytes.set(cache.bytes as f64);
            self.cache_limit_bytes.set(cache.capacity as f64);
        }
        if let Some(rocksdb) = &statistics.rocksdb {
            for (level, files) in rocksdb.files.iter().enumerate() {
                self.files
                    .get_or_create(&[("level", level.to_string())])
                    .set(*files as f64);
            }
            self.table_bytes.set(rocksdb.table_bytes as f64);
            self.memtable_bytes.set(rocksdb.memtable_bytes as f64);
            self.block_cache_bytes.set(rocksdb.block_cache_bytes as f64);
            self.estimated_rows.set(rocksdb.estimated_rows as f64);
            self.pending_compaction_bytes
                .set(rocksdb.pending_compaction_bytes as f64);
            self.running_compactions.set(rocksdb.running_compactions as f64);
            self.running_flushes.set(rocksdb.running_flushes as f64);
            set(&self.background_errors, rocksdb.background_errors);
            self.write_stopped.set(f64::from(u8::from(rocksdb.is_write_stopped)));
            self.delayed_write_rate.set(rocksdb.delayed_write_rate as f64);
            self.disk_free_bytes.set(rocksdb.disk_free_bytes as f64);
            self.disk_bytes.set(rocksdb.disk_bytes as f64);
        }
        let waiting = &statistics.waiting_pushes;
        self.waiting_rows.set(waiting.rows as f64);
        self.waiting_bytes.set(waiting.bytes as f64);
        self.waiting_seconds
            .set(waiting.oldest.unwrap_or_default().as_secs_f64());
    }
}
