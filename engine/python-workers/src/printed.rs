//! What functions print: it goes to the server's log, within bounds.
//!
//! Owns the bounds. A function that prints faster is not slowed down, what is too much is read and left out. Must not know calls.

use std::io::{PipeReader, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

const MAX_LINE: usize = 2048;
const MAX_LINES_A_SECOND: usize = 50;

/// A thread that reads all that one worker prints.
#[derive(Debug)]
pub(crate) struct Printed {
    last_line: Arc<Mutex<String>>,
    /// Nothing is sent. It is disconnected when all has been read.
    end: Receiver<()>,
}

impl Printed {
    /// Reads until no process has the other end, then calls `ended`.
    ///
    /// # Errors
    /// There can be no further thread.
    pub(crate) fn read(
        pipe: PipeReader,
        worker: usize,
        ended: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let last_line = Arc::new(Mutex::new(String::new()));
        let (guard, end) = sync_channel(0);
        let mut lines = Lines::new(worker, Arc::clone(&last_line));
        thread::Builder::new()
            .name(format!("python-{worker}-log"))
            .spawn(move || {
                lines.read_all(pipe);
                drop(guard);
                ended();
            })?;
        Ok(Self { last_line, end })
    }

    /// The last line that is not empty. Waits a moment for what an ended worker has left in the pipe.
    pub(crate) fn last_line(&self, wait: Duration) -> String {
        // Disconnected is what is hoped for; a process that outlives the worker may keep it from that.
        let (Ok(()) | Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout)) = self.end.recv_timeout(wait);
        self.last_line.lock().clone()
    }
}

struct Lines {
    worker: usize,
    last_line: Arc<Mutex<String>>,
    line: Vec<u8>,
    second: Instant,
    logged: usize,
    left_out: usize,
}

impl Lines {
    fn new(worker: usize, last_line: Arc<Mutex<String>>) -> Self {
        Self {
            worker,
            last_line,
            line: Vec::new(),
            second: Instant::now(),
            logged: 0,
            left_out: 0,
        }
    }

    fn read_all(&mut self, mut pipe: PipeReader) {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => self.add(buffer.get(..count).unwrap_or_default()),
                Err(problem) if problem.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.end_line();
        self.tell_left_out();
    }

    fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(text.get(..room).unwrap_or(text));
            if ends {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
        self.line.clear();
        if line.is_empty() {
            return;
        }
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.tell_left_out();
            self.second = Instant::now();
            self.logged = 0;
        }
        match self.logged < MAX_LINES_A_SECOND {
            true => {
                self.logged += 1;
                tracing::info!(worker = self.worker, "Python: {line}");
            }
            false => self.left_out += 1,
        }
        *self.last_line.lock() = line;
    }

    fn tell_left_out(&mut self) {
        if self.left_out > 0 {
            tracing::info!(
                worker = self.worker,
                "Python: {} further lines are left out",
                self.left_out
            );
            self.left_out = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_bounded_by_line_and_by_second() {
        let last_line = Arc::new(Mutex::new(String::new()));
        let mut lines = Lines::new(0, Arc::clone(&last_line));
        // No second passes while the test runs.
        lines.second = Instant::now() + Duration::from_secs(3600);
        for _ in 0..3 {
            lines.add(&vec![b'x'; MAX_LINE]);
        }
        assert_eq!(lines.line.len(), MAX_LINE);
        lines.add(b"\n\n \n");
        assert_eq!(last_line.lock().len(), MAX_LINE);
        lines.add(&b"y\n".repeat(2 * MAX_LINES_A_SECOND));
        assert_eq!(
            (lines.logged, lines.left_out),
            (MAX_LINES_A_SECOND, MAX_LINES_A_SECOND + 1)
        );
        assert_eq!(*last_line.lock(), "y");
    }
}
