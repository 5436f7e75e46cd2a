//! One state of a source, which a run holds on to however the files are replaced meanwhile.
//!
//! Owns which files stay open. A push may replace a file while it is read: the first files are kept open, others are opened again,
//! and one that is another than its footer was read from ends the run with an error, as does one that another program writes into.
//! Knows nothing of windows or values.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::parquet::arrow::arrow_reader::ArrowReaderMetadata;
use feast_model::error::{Error, Result};

use super::footer::{self, in_parallel};
use super::location::{FileIdentity, ListedFile, Listing, SourceFile};
use super::partition::PartitionValue;

/// Files whose handle is kept between the passes over a source. A process may have some thousand files open, or only 256.
const MAX_OPEN_FILES: usize = 64;

/// The files of a source as they were when their footers were read.
pub(super) struct Snapshot {
    pub(super) parts: Vec<Arc<Part>>,
    /// Files that were passed over, with the reasons.
    pub(super) left_out: Vec<String>,
}

/// One file of a source: where it is, and what its footer says.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) partition: Vec<PartitionValue>,
    pub(super) footer: ArrowReaderMetadata,
    identity: FileIdentity,
    /// The file may be replaced while it is being read; its handle goes on with the old state.
    open: Option<SourceFile>,
}

impl Snapshot {
    /// Reads the footers of the files, in their order.
    ///
    /// # Errors
    /// The first in the order of files: `NotFound` when it is missing, `Data` when it is not parquet, `Unavailable` when it cannot
    /// be read now.
    pub(super) fn read(source: &str, listing: Listing) -> Result<Self> {
        let parts = in_parallel(listing.files, |index, file| {
            Part::read(source, file, index < MAX_OPEN_FILES)
        })?;
        Ok(Self {
            parts: parts.into_iter().map(Arc::new).collect(),
            left_out: listing.left_out,
        })
    }

    /// The first of these columns that no file has and no folder names, if there is one; a column that some files have is null in
    /// the others.
    ///
    /// # Errors
    /// `Data` when a file has two columns with one name: either could be meant.
    pub(super) fn missing_column<'a>(&self, source: &str, names: &BTreeSet<&'a str>) -> Result<Option<&'a str>> {
        let mut missing = names.clone();
        for part in &self.parts {
            let mut of_part = BTreeSet::new();
            for field in part.footer.schema().fields() {
                let name = field.name().as_str();
                if names.contains(name) && !of_part.insert(name) {
                    let path = part.path.display();
                    return Err(Error::data(format!(
                        "data source {source}: {path} has two columns {name}"
                    )));
                }
            }
            missing.retain(|name| !of_part.contains(name) && part.partition_value(name).is_none());
        }
        Ok(missing.first().copied())
    }
}

impl Part {
    fn read(source: &str, listed: &ListedFile, keep_open: bool) -> Result<Self> {
        let (file, footer) = footer::open(source, listed)?;
        Ok(Self {
            path: listed.path.clone(),
            partition: listed.partition.clone(),
            footer,
            identity: file.identity(),
            open: keep_open.then_some(file),
        })
    }

    /// The file, for one more reader.
    ///
    /// # Errors
    /// `Unavailable` when the file has been replaced or removed since its footer was read.
    pub(super) fn file(&self) -> Result<SourceFile> {
        match &self.open {
            Some(file) => {
                self.check_unchanged(file)?;
                Ok(file.clone())
            }
            None => SourceFile::open_again(&self.path, self.identity),
        }
    }

    /// Makes sure that what was read through a handle is of the state that the footer describes.
    ///
    /// # Errors
    /// `Unavailable` when the file is another one now.
    pub(super) fn check_unchanged(&self, file: &SourceFile) -> Result<()> {
        file.check_unchanged(&self.path)
    }

    /// The value that the file's folders give for a column.
    pub(super) fn partition_value(&self, column: &str) -> Option<&PartitionValue> {
        // The innermost folder counts.
        self.partition.iter().rev().find(|value| value.column == column)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow::array::{Int64Array, RecordBatch};
    use feast_model::error::ErrorKind;

    use super::*;
    use crate::create_parquet;

    fn rows(count: i64) -> RecordBatch {
        let values = Arc::new(Int64Array::from_iter_values(0..count));
        RecordBatch::try_from_iter([("value", values as _)]).unwrap()
    }

    fn read(path: &Path) -> Result<Snapshot> {
        let listed = ListedFile {
            path: path.to_path_buf(),
            identity: None,
            partition: Vec::new(),
        };
        let listing = Listing {
            files: vec![listed],
            ..Listing::default()
        };
        Snapshot::read("s", listing)
    }

    fn part(path: &Path) -> Arc<Part> {
        read(path).unwrap().parts.remove(0)
    }

    #[test]
    fn a_file_that_is_replaced_is_read_to_its_end_and_one_that_is_written_into_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.parquet");
        create_parquet(&path, &rows(5)).unwrap();
        let replaced = part(&path);
        create_parquet(&path, &rows(6)).unwrap();
        assert!(replaced.file().is_ok());

        let written_into = part(&path);
        let other = directory.path().join("b.parquet");
        create_parquet(&other, &rows(7)).unwrap();
        std::fs::write(&path, std::fs::read(&other).unwrap()).unwrap();
        let changed = written_into.file().unwrap_err();
        assert_eq!(changed.kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn what_is_not_a_file_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let refusal = read(directory.path()).err().unwrap();
        assert!(refusal.to_string().ends_with("is not a file"), "{refusal}");
    }
}
