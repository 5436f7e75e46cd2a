//! Files for what a query cannot keep in memory. They have no names, so that they are gone with the process, however that ends; the
//! library's own have, and would be left by a process that is killed.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use datafusion::error::DataFusionError;
use datafusion::execution::{SpillFile, SpillWriter, TempFileFactory};
use futures::Stream;

/// What is read of a file at once.
const READ_BYTES: u64 = 256 << 10;

/// Makes the files of one query, in a directory.
pub(super) struct SpillFiles {
    directory: PathBuf,
    quota: Arc<Quota>,
}

/// Bytes in all files of a query, and how many there may be.
struct Quota {
    used: AtomicU64,
    limit: u64,
}

/// A file, whose room is given back when it is let go.
struct UnnamedFile {
    file: File,
    length: AtomicU64,
    quota: Arc<Quota>,
}

struct Writer(Arc<UnnamedFile>);

/// The files would take more room than they may.
#[derive(Debug)]
pub(super) struct OverQuota {
    pub(super) limit: u64,
}

impl std::fmt::Display for OverQuota {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "more than {} MiB on disk are needed", self.limit >> 20)
    }
}

impl std::error::Error for OverQuota {}

impl SpillFiles {
    pub(super) fn new(directory: PathBuf, limit: u64) -> Self {
        let used = AtomicU64::new(0);
        Self {
            directory,
            quota: Arc::new(Quota { used, limit }),
        }
    }
}

impl TempFileFactory for SpillFiles {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>, DataFusionError> {
        let file = tempfile::tempfile_in(&self.directory).map_err(DataFusionError::IoError)?;
        Ok(Arc::new(Shared(Arc::new(UnnamedFile {
            file,
            length: AtomicU64::new(0),
            quota: Arc::clone(&self.quota),
        }))))
    }
}

impl Drop for UnnamedFile {
    fn drop(&mut self) {
        self.quota.used.fetch_sub(*self.length.get_mut(), Ordering::Relaxed);
    }
}

struct Shared(Arc<UnnamedFile>);

impl SpillFile for Shared {
    fn size(&self) -> Option<u64> {
        Some(self.0.length.load(Ordering::Relaxed))
    }

    fn read_stream(
        &self,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes, DataFusionError>> + Send>>, DataFusionError> {
        let (file, mut next) = (Arc::clone(&self.0), 0);
        let parts = std::iter::from_fn(move || {
            let left = file.length.load(Ordering::Relaxed) - next;
            if left == 0 {
                return None;
            }
            let mut part = vec![0; usize::try_from(left.min(READ_BYTES)).unwrap_or_default()];
            let read = file.file.read_exact_at(&mut part, next);
            next += part.len() as u64;
            Some(read.map(|()| Bytes::from(part)).map_err(DataFusionError::IoError))
        });
        Ok(Box::pin(futures::stream::iter(parts)))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>, DataFusionError> {
        Ok(Box::new(Writer(Arc::clone(&self.0))))
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self(file) = self;
        let Quota { used, limit } = &*file.quota;
        if used.load(Ordering::Relaxed) + bytes.len() as u64 > *limit {
            return Err(io::Error::other(OverQuota { limit: *limit }));
        }
        let written = file.file.write_at(bytes, file.length.load(Ordering::Relaxed))?;
        file.length.fetch_add(written as u64, Ordering::Relaxed);
        used.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<(), DataFusionError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    fn read(file: &dyn SpillFile) -> Vec<u8> {
        let parts: Vec<_> = block_on(file.read_stream().unwrap().collect());
        parts.into_iter().flat_map(|part| part.unwrap()).collect()
    }

    #[test]
    fn what_is_written_is_read_and_files_have_no_names() {
        let directory = tempfile::tempdir().unwrap();
        let files = SpillFiles::new(directory.path().to_owned(), 10 << 20);
        let written: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
        let file = files.create_temp_file("a test").unwrap();
        let mut writer = file.open_writer().unwrap();
        written.chunks(77_777).for_each(|part| writer.write_all(part).unwrap());
        writer.finish().unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert_eq!(file.size(), Some(1_000_000));
        assert!(read(&*file) == written);
        assert!(read(&*file) == written);
    }

    #[test]
    fn all_files_together_are_bounded_until_they_are_let_go() {
        let directory = tempfile::tempdir().unwrap();
        let files = SpillFiles::new(directory.path().to_owned(), 1 << 20);
        for _ in 0..3 {
            let (first, second) = (files.create_temp_file("").unwrap(), files.create_temp_file("").unwrap());
            first.open_writer().unwrap().write_all(&[1; 600_000]).unwrap();
            let problem = second.open_writer().unwrap().write_all(&[1; 600_000]).unwrap_err();
            assert_eq!(problem.to_string(), "more than 1 MiB on disk are needed");
        }
    }
}
