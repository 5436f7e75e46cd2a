//! Rows into hashes, so that the newest event stays whoever writes.
//!
//! Other servers and other programs write at the same time, so comparing and writing is one step in Redis: a script, called once a
//! row, since the rows of one call would have to lie on one node of a cluster. It costs Redis some 10 us a row of 12 features, so
//! several pipelines are in flight at once: Redis has the next one when it is done with one, and rows are encoded meanwhile.
//!
//! A write that fails may have been carried out in part. To send it again does no harm: what is there already is written over by
//! itself.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

use feast_codec::packed_bytes::PackedBytes;
use feast_model::error::{Error, Result};
use feast_rows::{EncodedRows, Replace, WriteCount, newest_of_each_key};
use redis::{Cmd, Script};

use crate::RedisStore;
use crate::connection::{Access, Reply, Started};
use crate::row_encoder::{EncodedRow, RowKey};

const NEWEST_WINS: &str = include_str!("newest_wins.lua");

/// Each is answered within the response timeout, which Redis needs some 3 ms of.
const MAX_ROWS_A_PIPELINE: usize = 256;
/// One row that is larger goes alone.
const MAX_BYTES_A_PIPELINE: usize = 256 << 10;
/// Rows in flight are in memory twice, and the last of them waits for Redis to do all before it: some 20 ms.
const MAX_PIPELINES: usize = 8;

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(NEWEST_WINS));

/// Writes rows while the next ones are made. It waits when too many are in flight.
pub struct RowWriter<'store> {
    store: &'store RedisStore,
    replace: Replace,
    in_flight: VecDeque<Part>,
    /// What is known of the rows of each group.
    counts: Vec<WriteCount>,
    /// Rows that were given to it, and those of them whose fate is known.
    rows: usize,
    settled: usize,
}

/// Rows of one pipeline.
struct Part {
    group: usize,
    batch: Arc<EncodedRows>,
    positions: Vec<usize>,
    started: Started,
}

/// How the script is named in commands.
#[derive(Clone, Copy)]
enum ScriptForm {
    /// By its hash: Redis answers `NOSCRIPT` when it does not know it (any more).
    Hash,
    /// As a whole, after which Redis knows it.
    Source,
}

impl RedisStore {
    /// Writes rows, each a key and a row of [`RowEncoder`](crate::RowEncoder), in order of arrival. As many replicas as the settings
    /// demand have them when this returns.
    ///
    /// # Errors
    /// `Unavailable` when Redis cannot take them, or too few replicas have them in time; some may be written then.
    pub fn write_rows(&self, keys: &PackedBytes, rows: &PackedBytes, replace: Replace) -> Result<WriteCount> {
        let mut writer = self.row_writer(replace);
        let rows = EncodedRows {
            keys: keys.clone(),
            rows: rows.clone(),
        };
        writer.write(0, rows)?;
        Ok(writer.finish()?.pop().unwrap_or_default())
    }

    /// Writes batches of rows one after the other.
    pub fn row_writer(&self, replace: Replace) -> RowWriter<'_> {
        RowWriter {
            store: self,
            replace,
            in_flight: VecDeque::new(),
            counts: Vec::new(),
            rows: 0,
            settled: 0,
        }
    }

    /// The row cache forgets what is written, before the write is acknowledged: the next read fetches it.
    fn forget(&self, batch: &EncodedRows, positions: &[usize]) {
        for position in positions {
            let hash = RowKey::decode(batch.keys.get(*position)).map(|key| key.hash);
            if let Some(entity) = hash.ok().and_then(|hash| hash.strip_suffix(self.project.as_bytes())) {
                self.tracking.forget(entity);
            }
        }
    }

    /// The commands that write some rows: for each of them as many as [`RedisStore::commands_a_row`] says.
    fn write_commands(
        &self,
        batch: &EncodedRows,
        positions: &[usize],
        replace: Replace,
        form: ScriptForm,
    ) -> Result<Vec<Cmd>> {
        let mut commands = Vec::with_capacity(positions.len() * self.commands_a_row(replace));
        for position in positions {
            let hash = RowKey::decode(batch.keys.get(*position))?.hash;
            let bytes = batch.rows.get(*position);
            let row = EncodedRow::decode(bytes)?;
            // A value and its field take some 16 bytes and more; what is missing grows.
            let mut command = Cmd::with_capacity(9 + bytes.len() / 8, 128 + hash.len() + 3 * bytes.len());
            match replace {
                Replace::OlderRows => self.push_script_call(&mut command, hash, &row, form),
                Replace::AllRows => {
                    command.arg("HSET").arg(hash).arg(row.time.0).arg(row.time.1);
                }
            }
            for pair in row.features() {
                let (field, value) = pair?;
                command.arg(field).arg(value);
            }
            commands.push(command);
            if let (Replace::AllRows, Some(seconds)) = (replace, self.config.key_ttl_seconds) {
                let mut expire = Cmd::new();
                expire.arg("EXPIRE").arg(hash).arg(seconds);
                commands.push(expire);
            }
        }
        Ok(commands)
    }

    fn push_script_call(&self, command: &mut Cmd, hash: &[u8], row: &EncodedRow<'_>, form: ScriptForm) {
        match form {
            ScriptForm::Hash => command.arg("EVALSHA").arg(SCRIPT.get_hash()),
            ScriptForm::Source => command.arg("EVAL").arg(NEWEST_WINS),
        };
        let micros = row.version.event_time.micros();
        command
            .arg(1)
            .arg(hash)
            .arg(row.time.0)
            .arg(row.time.1)
            .arg(micros.div_euclid(1_000_000))
            .arg(micros.rem_euclid(1_000_000) * 1_000)
            .arg(self.config.key_ttl_seconds.unwrap_or(0));
    }

    fn commands_a_row(&self, replace: Replace) -> usize {
        match replace {
            Replace::AllRows if self.config.key_ttl_seconds.is_some() => 2,
            _ => 1,
        }
    }
}

impl RowWriter<'_> {
    /// Sends rows, in order of arrival. Those of each group are counted by themselves.
    ///
    /// # Errors
    /// `Unavailable` when Redis cannot take these or earlier ones; some may be written then.
    pub fn write(&mut self, group: usize, rows: EncodedRows) -> Result<()> {
        if group >= self.counts.len() {
            self.counts.resize(group + 1, WriteCount::default());
        }
        let written = self.send(group, rows);
        written.map_err(|error| self.failed(error))
    }

    /// Waits for all rows, and gives the counts of each group.
    ///
    /// # Errors
    /// As [`RowWriter::write`].
    pub fn finish(mut self) -> Result<Vec<WriteCount>> {
        while !self.in_flight.is_empty() {
            self.settle_first().map_err(|error| self.failed(error))?;
        }
        Ok(std::mem::take(&mut self.counts))
    }

    fn send(&mut self, group: usize, rows: EncodedRows) -> Result<()> {
        let batch = Arc::new(rows);
        let version = |position| EncodedRow::decode(batch.rows.get(position)).map(|row| row.version);
        let winners = newest_of_each_key(&batch.keys, self.replace, version)?;
        self.rows += batch.keys.len();
        self.counts[group].stale += batch.keys.len() - winners.len();
        self.settled += batch.keys.len() - winners.len();
        let mut positions = winners.into_iter().map(|(position, _)| position).peekable();
        while positions.peek().is_some() {
            let mut part = Vec::with_capacity(MAX_ROWS_A_PIPELINE.min(batch.keys.len()));
            let mut bytes = 0;
            while let Some(position) = positions.next_if(|position| {
                bytes += batch.keys.get(*position).len() + batch.rows.get(*position).len();
                part.is_empty() || part.len() < MAX_ROWS_A_PIPELINE && bytes <= MAX_BYTES_A_PIPELINE
            }) {
                part.push(position);
            }
            if self.in_flight.len() >= MAX_PIPELINES {
                self.settle_first()?;
            }
            self.start(group, &batch, part)?;
        }
        Ok(())
    }

    fn start(&mut self, group: usize, batch: &Arc<EncodedRows>, positions: Vec<usize>) -> Result<()> {
        let store = self.store;
        let commands = store.write_commands(batch, &positions, self.replace, ScriptForm::Hash)?;
        self.in_flight.push_back(Part {
            group,
            started: store.connection.start(commands, Access::Write)?,
            batch: Arc::clone(batch),
            positions,
        });
        Ok(())
    }

    /// Waits for the pipeline that was sent first.
    fn settle_first(&mut self) -> Result<()> {
        let Some(part) = self.in_flight.pop_front() else {
            return Ok(());
        };
        let Part {
            group,
            batch,
            positions,
            started,
        } = part;
        let replies = self.store.connection.finish(started);
        let outcome = replies.and_then(|replies| {
            let unknown = self.take_replies(group, &positions, &replies)?;
            if unknown.is_empty() {
                return Ok(());
            }
            // Redis was started anew, or another node took over, or its scripts were flushed.
            let commands = self
                .store
                .write_commands(&batch, &unknown, self.replace, ScriptForm::Source)?;
            let replies = self.store.connection.exchange_blocking(commands, Access::Write)??;
            match self.take_replies(group, &unknown, &replies)?.len() {
                0 => Ok(()),
                rows => Err(Error::internal(format!(
                    "Redis does not know a script that came with {rows} rows"
                ))),
            }
        });
        self.store.forget(&batch, &positions);
        outcome
    }

    /// Counts what replies say. Gives the rows whose script Redis does not know.
    fn take_replies(&mut self, group: usize, positions: &[usize], replies: &[Reply]) -> Result<Vec<usize>> {
        let (mut unknown, mut refused) = (Vec::new(), None);
        for (position, of_row) in positions
            .iter()
            .zip(replies.chunks(self.store.commands_a_row(self.replace)))
        {
            let error = of_row.iter().find_map(Reply::error);
            match (error, self.replace, of_row.first().and_then(Reply::integer)) {
                (Some(error), ..) if error.code() == "NOSCRIPT" => unknown.push(*position),
                (Some(error), ..) => {
                    refused.get_or_insert_with(|| self.store.connection.refused(&error));
                }
                (None, Replace::OlderRows, Some(0)) => {
                    self.counts[group].stale += 1;
                    self.settled += 1;
                }
                _ => {
                    self.counts[group].written += 1;
                    self.settled += 1;
                }
            }
        }
        refused.map_or(Ok(unknown), Err)
    }

    /// Waits for what is in flight, and adds to an error what became of the rows.
    fn failed(&mut self, error: Error) -> Error {
        self.settle_all();
        let (settled, rows) = (self.settled, self.rows);
        if rows < 2 {
            return error;
        }
        error.within(|message| {
            format!("{message}; at least {settled} of {rows} rows had arrived, and all of them can be sent again")
        })
    }

    fn settle_all(&mut self) {
        while !self.in_flight.is_empty() {
            // The first failure is told.
            let _ = self.settle_first();
        }
    }
}

impl Drop for RowWriter<'_> {
    /// The row cache must forget rows that arrive after all.
    fn drop(&mut self) {
        self.settle_all();
    }
}

#[cfg(test)]
mod tests;
