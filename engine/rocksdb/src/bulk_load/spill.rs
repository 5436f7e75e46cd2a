//! Runs of sorted rows on disk: all in one file without a name, which is gone with the process, however that ends.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use feast_config::MaterializationLimits;
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use feast_rows::{EncodedRows, Replace};

use super::merge::MergedRuns;
use super::sorted::SortedRows;
use super::{StaleRows, add};

const WRITE_BUFFER_BYTES: usize = 1 << 20;
/// What is read of a run at once.
const MIN_READ_BYTES: usize = 16 << 10;
const MAX_READ_BYTES: usize = 256 << 10;
/// A row begins with how many bytes its key has in common with the one before, how many follow, and how many the row has.
const HEAD_BYTES: usize = 12;

/// A thread that sorts rows and writes them as runs, while the next rows are gathered.
pub(super) struct Spiller {
    sender: SyncSender<Vec<EncodedRows>>,
    thread: JoinHandle<Result<Spilled>>,
}

/// Runs that are on disk.
pub(super) struct Spilled {
    file: SpillFile,
    /// Where each run lies.
    runs: Vec<(u64, u64)>,
    stale: StaleRows,
}

impl Spiller {
    /// Starts with an empty file in a directory.
    ///
    /// # Errors
    /// `Unavailable` when there can be no file or thread.
    pub(super) fn start(directory: &Path, limits: MaterializationLimits, replace: Replace) -> Result<Self> {
        let file = SpillFile::new(directory, limits)?;
        // Without a buffer: while one run is sorted and another gathered, there is no third in memory.
        let (sender, receiver) = sync_channel::<Vec<EncodedRows>>(0);
        let spill = move || {
            feast_background::give_way();
            let mut spilled = Spilled {
                file,
                runs: Vec::new(),
                stale: StaleRows::default(),
            };
            for rows in receiver {
                spilled.add(&SortedRows::sort(rows, replace)?)?;
                fail_point::reached(Step::RunSpilled);
            }
            Ok(spilled)
        };
        let thread = thread::Builder::new().name("feast-sort".to_owned()).spawn(spill);
        let thread = thread.map_err(|problem| {
            let message = format!("no thread can be started to sort rows: {problem}");
            Error::new(ErrorKind::Unavailable, message)
        })?;
        Ok(Self { sender, thread })
    }

    /// Takes the rows of a run, and waits while an earlier one is sorted. `false` when the thread has ended, for an error that
    /// [`Spiller::finish`] gives.
    pub(super) fn add(&self, rows: Vec<EncodedRows>) -> bool {
        self.sender.send(rows).is_ok()
    }

    /// Waits until all runs are on disk.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full or the rows are more than they may be.
    pub(super) fn finish(self) -> Result<Spilled> {
        drop(self.sender);
        let outcome = self.thread.join();
        outcome.unwrap_or_else(|_| Err(Error::internal("a thread that sorts rows ended early")))
    }
}

impl Spilled {
    fn add(&mut self, rows: &SortedRows) -> Result<()> {
        add(&mut self.stale, rows.stale());
        let start = self.file.length;
        self.file.append(rows)?;
        self.runs.push((start, self.file.length));
        Ok(())
    }

    /// The runs, read through buffers of so many bytes in whole.
    pub(super) fn runs(self, buffers: usize) -> Result<MergedRuns> {
        let buffer = buffers / self.runs.len().max(1);
        let buffer = buffer.clamp(MIN_READ_BYTES, MAX_READ_BYTES);
        let file = Arc::new(self.file);
        let runs = self.runs.into_iter().map(|(start, end)| RunReader {
            file: Arc::clone(&file),
            next: start,
            end,
            buffer: Vec::with_capacity(buffer),
            read_bytes: buffer,
            start: 0,
            key: Vec::new(),
            row: 0..0,
        });
        MergedRuns::on_disk(runs.collect(), self.stale)
    }
}

struct SpillFile {
    file: File,
    directory: PathBuf,
    length: u64,
    limits: MaterializationLimits,
}

impl SpillFile {
    fn new(directory: &Path, limits: MaterializationLimits) -> Result<Self> {
        let file = tempfile::tempfile_in(directory).map_err(|problem| {
            Error::io(
                "make a file for rows that do not fit into memory in",
                directory,
                problem,
            )
        })?;
        Ok(Self {
            file,
            directory: directory.to_path_buf(),
            length: 0,
            limits,
        })
    }

    fn append(&mut self, rows: &SortedRows) -> Result<()> {
        let mut out = BufWriter::with_capacity(WRITE_BUFFER_BYTES, &self.file);
        let mut last: &[u8] = &[];
        for (key, row) in rows.iter() {
            let in_common = common_prefix(last, key);
            last = key;
            let head = Head::new(in_common, key, row);
            self.length += head.bytes() as u64;
            if self.length > self.limits.disk {
                return Err(self.is_full());
            }
            let mut write = || {
                out.write_all(&head.to_bytes())?;
                out.write_all(&key[in_common..])?;
                out.write_all(row)
            };
            write().map_err(|problem| self.cannot_write(problem))?;
        }
        out.flush().map_err(|problem| self.cannot_write(problem))
    }

    fn is_full(&self) -> Error {
        let (directory, limit) = (error_path(&self.directory), self.limits.disk_in_words());
        let message = format!("rows that do not fit into memory need more than {limit} in {directory}");
        Error::new(ErrorKind::Unavailable, message).with_hint(
            "raise serving.materialization_disk_mib or serving.materialization_memory_mib, or materialize fewer views or a shorter span \
             of time at once",
        )
    }

    fn cannot_write(&self, problem: io::Error) -> Error {
        Error::io(
            "write rows that do not fit into memory to a file in",
            &self.directory,
            problem,
        )
    }
}

/// What a row begins with.
#[derive(Clone, Copy)]
struct Head {
    in_common: usize,
    rest_of_key: usize,
    row: usize,
}

impl Head {
    const fn new(in_common: usize, key: &[u8], row: &[u8]) -> Self {
        Self {
            in_common,
            rest_of_key: key.len() - in_common,
            row: row.len(),
        }
    }

    /// Keys and rows are far below 4 GiB: they come from batches.
    fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        let numbers = [self.in_common, self.rest_of_key, self.row];
        for (place, number) in bytes.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&(number as u32).to_le_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
        Some(Self {
            in_common: number(0)?,
            rest_of_key: number(4)?,
            row: number(8)?,
        })
    }

    const fn bytes(self) -> usize {
        HEAD_BYTES + self.rest_of_key + self.row
    }
}

/// How many bytes both begin with.
fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}

/// Reads the rows of a run, one after the other.
pub(super) struct RunReader {
    file: Arc<SpillFile>,
    /// What of the file is not read yet.
    next: u64,
    end: u64,
    buffer: Vec<u8>,
    read_bytes: usize,
    /// Where the next row begins in the buffer.
    start: usize,
    key: Vec<u8>,
    /// Where the current row is in the buffer.
    row: Range<usize>,
}

impl RunReader {
    /// Goes on to the next row. `false` at the end.
    pub(super) fn advance(&mut self) -> Result<bool> {
        loop {
            let rest = &self.buffer[self.start..];
            match Head::read(rest) {
                Some(head) if rest.len() >= head.bytes() => {
                    let key = HEAD_BYTES..HEAD_BYTES + head.rest_of_key;
                    self.key.truncate(head.in_common);
                    self.key.extend_from_slice(&rest[key.clone()]);
                    self.row = self.start + key.end..self.start + head.bytes();
                    self.start = self.row.end;
                    return Ok(true);
                }
                _ if self.next == self.end && rest.is_empty() => return Ok(false),
                _ => self.read_more()?,
            }
        }
    }

    fn read_more(&mut self) -> Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let kept = self.buffer.len();
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        let more = left.min(self.read_bytes.max(kept));
        self.buffer.resize(kept + more, 0);
        let outcome = match more {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => self.file.file.read_exact_at(&mut self.buffer[kept..], self.next),
        };
        outcome.map_err(|problem| Error::io("read rows back from a file in", &self.file.directory, problem))?;
        self.next += more as u64;
        Ok(())
    }

    /// The key of the current row.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The current row.
    pub(super) fn row(&self) -> &[u8] {
        &self.buffer[self.row.clone()]
    }
}
