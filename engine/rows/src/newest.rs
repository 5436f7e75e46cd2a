//! Which of the rows of one write are kept.

use std::cmp::Ordering;

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::row::RowVersion;
use feast_model::error::Result;

use super::Replace;

/// The position and version of the row that wins for each distinct key, in ascending key order. `version` gives the version of the
/// row at a position.
///
/// # Errors
/// Those of `version`.
pub fn newest_of_each_key(
    keys: &PackedBytes,
    replace: Replace,
    version: impl Fn(usize) -> Result<RowVersion>,
) -> Result<Vec<(usize, RowVersion)>> {
    let versioned = (0..keys.len()).map(|position| Ok((position, version(position)?)));
    let mut all = versioned.collect::<Result<Vec<_>>>()?;
    // Of one key the winner comes first; positions are distinct, so the order is total.
    all.sort_unstable_by(|(left, left_version), (right, right_version)| {
        let by_version = match replace {
            Replace::OlderRows => right_version.cmp(left_version),
            Replace::AllRows => Ordering::Equal,
        };
        keys.get(*left)
            .cmp(keys.get(*right))
            .then(by_version)
            .then(right.cmp(left))
    });
    all.dedup_by(|(later, _), (first, _)| keys.get(*later) == keys.get(*first));
    Ok(all)
}
