//! Lines for stderr, written without making anything wait.
//!
//! A server must go on when its stderr is a pipe that is not read, a pipe whose reader is gone, or a file on a full disk.
//! One thread writes what all others leave in a buffer. Lines that do not fit, or cannot be written, are counted, and the count is
//! logged as soon as lines can be written again.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// The most bytes that wait, in addition to as many that are being written: some 10,000 lines.
const MAX_PENDING_BYTES: usize = 1 << 20;
/// From here on the buffer is emptied at once.
const WAKE_BYTES: usize = MAX_PENDING_BYTES / 4;
/// Lines that come within this time are written together: waking the thread for each cost a busy server 5 us a request.
const BATCH_INTERVAL: Duration = Duration::from_millis(2);
/// How long the end of the process waits for a slow reader.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two attempts on a pipe that another process has set not to block.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// Takes lines for stderr without ever blocking.
#[derive(Clone)]
pub(crate) struct StderrQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is something to write, or enough to write at once.
    filled: Condvar,
    /// What was taken is written, or lost.
    done: Condvar,
    /// All lines that were lost so far.
    all_lost: Arc<AtomicU64>,
}

#[derive(Default)]
struct State {
    pending: Vec<u8>,
    /// Those that are not reported yet.
    lost_lines: usize,
    is_writing: bool,
}

impl StderrQueue {
    /// Starts the thread that writes to stderr.
    ///
    /// # Errors
    /// When no thread can be started or no file descriptor is left.
    pub(crate) fn start() -> std::io::Result<Self> {
        // A descriptor of its own: Rust holds a lock while it writes to the standard one.
        Self::start_on(File::from(std::io::stderr().as_fd().try_clone_to_owned()?))
    }

    fn start_on(file: File) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            done: Condvar::new(),
            all_lost: Arc::default(),
        });
        let writer = Writer {
            shared: Arc::clone(&shared),
            file,
            in_line: false,
        };
        std::thread::Builder::new()
            .name("feast-log".to_owned())
            .spawn(move || writer.run())?;
        Ok(Self(shared))
    }

    /// Queues whole lines.
    pub(crate) fn push(&self, lines: &[u8]) {
        let mut state = self.0.state.lock();
        if state.pending.len() + lines.len() > MAX_PENDING_BYTES {
            let lost = count_lines(lines);
            state.lost_lines += lost;
            self.0.all_lost.fetch_add(lost as u64, Ordering::Relaxed);
            return;
        }
        let before = state.pending.len();
        state.pending.extend_from_slice(lines);
        let after = state.pending.len();
        drop(state);
        if before == 0 || (before < WAKE_BYTES && after >= WAKE_BYTES) {
            self.0.filled.notify_one();
        }
    }

    /// How many lines were lost so far: it goes on counting.
    pub(crate) fn lost_lines(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.0.all_lost)
    }

    /// Waits until everything is written, or [`FLUSH_TIMEOUT`].
    pub(crate) fn flush(&self) {
        let is_busy = |state: &mut State| state.is_writing || !state.pending.is_empty();
        let mut state = self.0.state.lock();
        self.0.done.wait_while_for(&mut state, is_busy, FLUSH_TIMEOUT);
    }
}

impl<'queue> MakeWriter<'queue> for StderrQueue {
    type Writer = &'queue Self;

    fn make_writer(&'queue self) -> Self::Writer {
        self
    }
}

/// Each write is one event of the log.
impl Write for &StderrQueue {
    fn write(&mut self, lines: &[u8]) -> std::io::Result<usize> {
        self.push(lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The state of the thread that writes.
struct Writer {
    shared: Arc<Shared>,
    file: File,
    /// A line was cut off: the next must not go on with it.
    in_line: bool,
}

impl Writer {
    fn run(mut self) {
        let mut lines = Vec::new();
        loop {
            let already_lost = self.take(&mut lines);
            if already_lost > 0 {
                let notice = format!("{already_lost} lines of the log were lost: stderr did not take them\n");
                lines.extend_from_slice(notice.as_bytes());
            }
            let written = self.write(&lines);
            let rest = count_lines(&lines[written..]);
            let mut state = self.shared.state.lock();
            if rest > 0 {
                // The notice itself is the last line, and says nothing now.
                let new = rest - usize::from(already_lost > 0);
                state.lost_lines += new + already_lost;
                self.shared.all_lost.fetch_add(new as u64, Ordering::Relaxed);
            }
            state.is_writing = false;
            drop(state);
            self.shared.done.notify_all();
            lines.clear();
        }
    }

    /// Waits for lines, and returns the number of those that were lost before.
    fn take(&self, lines: &mut Vec<u8>) -> usize {
        let mut state = self.shared.state.lock();
        let filled = &self.shared.filled;
        filled.wait_while(&mut state, |state| state.pending.is_empty());
        filled.wait_while_for(&mut state, |state| state.pending.len() < WAKE_BYTES, BATCH_INTERVAL);
        std::mem::swap(&mut state.pending, lines);
        state.is_writing = true;
        std::mem::take(&mut state.lost_lines)
    }

    /// Writes what can be written, and returns how many of the bytes that is.
    fn write(&mut self, lines: &[u8]) -> usize {
        if self.in_line && self.write_all(b"\n") == 1 {
            self.in_line = false;
        }
        let written = self.write_all(lines);
        if let Some(last) = written.checked_sub(1) {
            self.in_line = lines[last] != b'\n';
        }
        written
    }

    fn write_all(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() {
            match self.file.write(&bytes[written..]) {
                Ok(0) => break,
                Ok(count) => written += count,
                Err(source) if source.kind() == ErrorKind::Interrupted => {}
                Err(source) if source.kind() == ErrorKind::WouldBlock => std::thread::sleep(RETRY_INTERVAL),
                Err(_) => break,
            }
        }
        written
    }
}

fn count_lines(lines: &[u8]) -> usize {
    lines.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::fd::OwnedFd;

    use super::*;

    const LINES: usize = 4096;

    fn on(end: impl Into<OwnedFd>) -> StderrQueue {
        StderrQueue::start_on(File::from(end.into())).unwrap()
    }

    #[test]
    fn lines_come_in_their_order() {
        let (reader, writer) = std::io::pipe().unwrap();
        let queue = on(writer);
        for number in 0..1000 {
            queue.push(format!("line {number}\n").as_bytes());
        }
        queue.flush();
        let lines: Vec<String> = BufReader::new(reader).lines().take(1000).map(Result::unwrap).collect();
        let expected: Vec<String> = (0..1000).map(|number| format!("line {number}")).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn unread_lines_are_counted_until_they_are_read() {
        let (reader, writer) = std::io::pipe().unwrap();
        let queue = on(writer);
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        // More than the pipe and both buffers hold together.
        (0..LINES).for_each(|_| queue.push(&line));
        let (mut read, mut lost) = (0, 0);
        let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
        while read + lost < LINES {
            let line = lines.next().unwrap();
            match line.split_once(" lines of the log were lost") {
                Some((number, _)) => lost += number.parse::<usize>().unwrap(),
                None => read += 1,
            }
        }
        assert_eq!(read + lost, LINES);
        assert!(lost > 0 && read >= MAX_PENDING_BYTES / line.len());
    }

    #[test]
    fn neither_a_reader_that_is_gone_nor_a_full_disk_stops_anything() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        for queue in [on(writer), on(full)] {
            queue.push(b"one\n");
            queue.flush();
            queue.push(b"two\nthree\n");
            queue.flush();
            assert_eq!(queue.0.state.lock().lost_lines, 3);
        }
    }
}
