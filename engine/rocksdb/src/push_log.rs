//! Numbered records beside the rows, which the module `push` uses as its log: bytes and batches only. What a record says is not known
//! here.

use std::ops::RangeInclusive;

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::record;
use feast_codec::storage_key::{KeyTag, push_key, push_number};
use feast_model::error::Result;
use feast_rows::{Replace, WriteCount};
use rocksdb::{Direction, IteratorMode, WriteBatch};

use super::RocksDbStore;

impl RocksDbStore {
    /// The identity of this database, made with it.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// This opening of the database. Numbers of pushes mean something within it: a copy of the database, or an older one that
    /// was restored, gives the same numbers again.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Adds a record, and writes rows together with it: both or neither are there after a crash. They are durable after the
    /// next [`RocksDbStore::sync`].
    pub fn log_push(
        &self,
        push: &[u8],
        keys: &PackedBytes,
        rows: &PackedBytes,
        replace: Replace,
    ) -> Result<(u64, WriteCount)> {
        let mut number = 0;
        let count = self.write(keys, rows, replace, |storage, batch| {
            number = storage.read_record::<u64>(KeyTag::PushCounter)?.unwrap_or_default() + 1;
            let counter = record::encode(&number).map_err(|source| storage.corrupt(source))?;
            batch.put(KeyTag::PushCounter.single(), counter);
            batch.put(push_key(number), push);
            Ok(())
        })?;
        Ok((number, count))
    }

    /// Removes a record, and writes rows together with it.
    pub fn finish_push(
        &self,
        number: u64,
        keys: &PackedBytes,
        rows: &PackedBytes,
        replace: Replace,
    ) -> Result<WriteCount> {
        self.write(keys, rows, replace, |_, batch: &mut WriteBatch| {
            batch.delete(push_key(number));
            Ok(())
        })
    }

    /// Puts another record in the place of one.
    pub fn replace_push(&self, number: u64, push: &[u8]) -> Result<()> {
        let none = PackedBytes::default();
        let replaced = self.write(&none, &none, Replace::AllRows, |_, batch: &mut WriteBatch| {
            batch.put(push_key(number), push);
            Ok(())
        });
        replaced.map(|_| ())
    }

    /// The number of the record that was added last; 0 when there was none.
    pub fn last_push(&self) -> Result<u64> {
        let last = self.read_record::<u64>(KeyTag::PushCounter)?;
        Ok(last.unwrap_or_default())
    }

    /// The records with numbers in a range that are there, in the order of their numbers: as many as have so many bytes, but one at
    /// least.
    pub fn logged_pushes(&self, numbers: RangeInclusive<u64>, bytes: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        let first = push_key(*numbers.start());
        let (mut pushes, mut taken) = (Vec::new(), 0);
        for entry in self.db().iterator(IteratorMode::From(&first, Direction::Forward)) {
            let (key, value) = entry.map_err(|source| self.error(source))?;
            let Some(number) = push_number(&key).filter(|number| numbers.contains(number)) else {
                break;
            };
            taken += value.len();
            if taken > bytes && !pushes.is_empty() {
                break;
            }
            pushes.push((number, value.into_vec()));
        }
        Ok(pushes)
    }
}
