//! One part of the keys of a view, by a hash that is the same on every machine and for every store.
//!
//! Owns which part a key belongs to. Programs of different versions may fill one store together, so the rule never changes: the hash
//! is XXH64 with seed 0 of the entity key (version 3, as Feast serializes it), and a key is in part `hash mod count + 1`.

use std::fmt;
use std::str::FromStr;

use twox_hash::XxHash64;

/// More parts than these are not asked for: each reads the whole source.
pub const MAX_SHARDS: u32 = 1024;

/// One of `count` parts that together hold each key exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard {
    number: u32,
    count: u32,
}

/// Why a string does not name a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a shard is written as 2/8: its number, from 1, and how many there are, {MAX_SHARDS} at most")]
pub struct ShardError;

impl Shard {
    /// The part `number`, from 1, of `count`. `None` where there is no such part.
    pub fn new(number: u32, count: u32) -> Option<Self> {
        (count <= MAX_SHARDS && (1..=count).contains(&number)).then_some(Self { number, count })
    }

    /// Which part it is, from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// How many parts there are.
    pub fn count(self) -> u32 {
        self.count
    }

    /// All parts that it is one of, in their order.
    pub fn all(self) -> impl Iterator<Item = Self> {
        let count = self.count;
        (1..=count).map(move |number| Self { number, count })
    }

    /// Whether an entity key belongs to it.
    #[inline]
    pub fn holds(self, entity_key: &[u8]) -> bool {
        stable_hash(entity_key) % u64::from(self.count) + 1 == u64::from(self.number)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    /// Reads `2/8`.
    fn from_str(string: &str) -> Result<Self, ShardError> {
        let number = |digits: &str| {
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| is_plain)
        };
        let parts = string.split_once('/');
        let parts = parts.and_then(|(part, count)| Self::new(number(part)?, number(count)?));
        parts.ok_or(ShardError)
    }
}

/// `2/8`.
impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.count)
    }
}

/// XXH64 with seed 0: the same on every machine and in every version of this program.
#[inline]
pub fn stable_hash(bytes: &[u8]) -> u64 {
    XxHash64::oneshot(0, bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_key_is_in_exactly_one_of_any_number_of_shards(
            keys in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..50),
            count in 1..=MAX_SHARDS,
        ) {
            let shards: Vec<Shard> = Shard::new(1, count).unwrap().all().collect();
            prop_assert_eq!(shards.len(), count as usize);
            for key in keys {
                prop_assert_eq!(shards.iter().filter(|shard| shard.holds(&key)).count(), 1, "{:?}", key);
            }
        }

        #[test]
        fn shards_are_read_as_they_are_written(count in 1..=MAX_SHARDS, number in 1..=MAX_SHARDS) {
            prop_assume!(number <= count);
            let shard = Shard::new(number, count).unwrap();
            prop_assert_eq!(shard.to_string().parse(), Ok(shard));
        }
    }

    /// Parts that other versions and machines compute as well: these numbers never change.
    #[test]
    fn the_hash_is_xxh64() {
        assert_eq!(stable_hash(b""), 0xef46_db37_51d8_e999);
        assert_eq!(stable_hash(b"abc"), 0x44bc_2cf5_ad77_0999);
    }

    #[test]
    fn keys_that_are_alike_are_spread_evenly() {
        let shards: Vec<Shard> = Shard::new(1, 8).unwrap().all().collect();
        for shard in shards {
            let held = (0..8000_u64).filter(|id| shard.holds(&id.to_le_bytes())).count();
            assert!((800..1200).contains(&held), "{shard} has {held} of 8000");
        }
    }

    #[test]
    fn what_is_not_a_shard_is_refused() {
        for wrong in [
            "",
            "2",
            "/",
            "0/8",
            "9/8",
            "2/0",
            "-1/8",
            "+2/8",
            "2/8/1",
            " 2/8",
            "2/1025",
            "a/b",
            "2/99999999999",
        ] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
