//! By what one state of a source is known again on another machine, where its files may be copies.
//!
//! Owns what counts: the files in their order, each with what its folders say, its length and its footer, which holds where every
//! column lies and, from most writers, its least and greatest values. Neither paths nor times of changes count, as copies have
//! others. The values themselves are not read: that would take as long as the run.

use std::hash::Hasher;

use datafusion::parquet::file::reader::Length;
use feast_model::error::Result;
use twox_hash::XxHash64;

use super::footer::footer_bytes;
use super::partition::PartitionValue;
use super::snapshot::{Part, Snapshot};

impl Snapshot {
    /// XXH64 over what counts. `source` is the name for messages.
    ///
    /// # Errors
    /// `Unavailable` when a file has been replaced or cannot be read.
    pub(super) fn fingerprint(&self, source: &str) -> Result<u64> {
        let mut hasher = XxHash64::with_seed(0);
        self.parts
            .iter()
            .try_for_each(|part| part.hash_into(source, &mut hasher))?;
        Ok(hasher.finish())
    }
}

impl Part {
    fn hash_into(&self, source: &str, hasher: &mut XxHash64) -> Result<()> {
        write_number(hasher, self.partition.len());
        for PartitionValue { column, value } in &self.partition {
            write_string(hasher, column.as_bytes());
            write_number(hasher, usize::from(value.is_some()));
            write_string(hasher, value.as_deref().unwrap_or_default().as_bytes());
        }
        let file = self.file()?;
        hasher.write(&file.len().to_le_bytes());
        write_string(hasher, &footer_bytes(source, &self.path, &file)?);
        self.check_unchanged(&file)
    }
}

fn write_string(hasher: &mut XxHash64, bytes: &[u8]) {
    write_number(hasher, bytes.len());
    hasher.write(bytes);
}

/// The trait's own methods for numbers write them as the machine has them.
fn write_number(hasher: &mut XxHash64, number: usize) {
    hasher.write(&(number as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};

    use crate::create_parquet;
    use crate::source::ParquetSource;

    fn write(path: &Path, values: &[i64]) {
        let values = Arc::new(Int64Array::from(values.to_vec()));
        create_parquet(path, &RecordBatch::try_from_iter([("value", values as _)]).unwrap()).unwrap();
    }

    fn fingerprint(path: &Path) -> u64 {
        let source = ParquetSource::local(path.to_path_buf(), "s".to_owned());
        source.snapshot().unwrap().fingerprint("s").unwrap()
    }

    #[test]
    fn copies_are_alike_and_other_rows_files_and_folders_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        write(&at("a/1.parquet"), &[1, 2, 3]);
        write(&at("a/2.parquet"), &[4, 5]);
        let original = fingerprint(&at("a"));
        let copy = |to: &str, files: &[(&str, &str)]| {
            for (from, name) in files {
                let name = at(to).join(name);
                std::fs::create_dir_all(name.parent().unwrap()).unwrap();
                std::fs::copy(at(from), name).unwrap();
            }
            fingerprint(&at(to))
        };
        assert_eq!(
            copy("b", &[("a/1.parquet", "1.parquet"), ("a/2.parquet", "2.parquet")]),
            original
        );
        let others = [
            copy("fewer", &[("a/1.parquet", "1.parquet")]),
            copy("order", &[("a/1.parquet", "2.parquet"), ("a/2.parquet", "1.parquet")]),
            copy(
                "folders",
                &[("a/1.parquet", "r=x/1.parquet"), ("a/2.parquet", "r=x/2.parquet")],
            ),
            copy(
                "folder",
                &[("a/1.parquet", "r=x/1.parquet"), ("a/2.parquet", "r=y/2.parquet")],
            ),
        ];
        for other in others {
            assert_ne!(other, original);
        }
        write(&at("b/1.parquet"), &[1, 2, 9]);
        assert_ne!(fingerprint(&at("b")), original);
    }
}
