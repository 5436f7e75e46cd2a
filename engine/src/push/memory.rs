//! What a push takes in memory once its columns are there, so that it can be counted before it begins.
//!
//! The steps of a push each hold what the next one needs: columns, encoded rows, the record, the batch of the log and its copy in the
//! database's memtable, which goes to disk later. With what a server counts for the body, peaks of pushes of some 40 MB are within a
//! third of the counts.

use arrow::array::{ArrayRef, RecordBatch};

use super::target::PushTarget;

/// Of an encoded row: its key, what stands before its features, and where both end.
const ROW_BYTES: usize = 64;
/// Of a row in a batch: its place among those of its key, what was stored of it, and its head in the batch.
const BATCH_ROW_BYTES: usize = 64;
/// Of a feature of a view that is computed from written rows.
const COMPUTED_FEATURE_BYTES: usize = 16;

impl PushTarget {
    /// The most that writing these columns takes, them included.
    pub(crate) fn write_bytes(
        &self,
        online: &[Vec<ArrayRef>],
        offline: Option<&RecordBatch>,
        is_batching: bool,
    ) -> usize {
        let (mut columns, mut encoded, mut rows) = (0, 0, 0);
        for (view, of_view) in self.views.iter().zip(online) {
            let count = of_view.first().map_or(0, |column| column.len());
            let bytes: usize = of_view.iter().map(|column| column.get_array_memory_size()).sum();
            let computed = view.derived.views.iter();
            let computed = computed.map(|derived| ROW_BYTES + COMPUTED_FEATURE_BYTES * derived.view.features.len());
            let computed = count * computed.sum::<usize>();
            columns += bytes + computed;
            encoded += count * ROW_BYTES + bytes + computed;
            rows += count * (1 + view.derived.views.len());
        }
        let offline = offline.map_or(0, RecordBatch::get_array_memory_size);
        // The columns, and the rows of the source in the order of the file.
        let checked = columns + 2 * offline;
        // It grows by doubling.
        let batch = rows * BATCH_ROW_BYTES + 3 * encoded;
        let written = match (offline, is_batching) {
            (0, _) => encoded + batch,
            // The record, its batch and the memtable.
            (_, true) => encoded + batch + 3 * offline,
            // Beside them the rows themselves, and in the record the encoded ones.
            (_, false) => 2 * encoded + batch + 4 * offline,
        };
        checked.max(written)
    }
}
