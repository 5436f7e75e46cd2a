//! The fields of a hash on Redis: one for each feature, and one for the event time of each view.

/// What stands before the name of a view in the field of its event time.
const TIME_PREFIX: &str = "_ts:";

/// The field of a feature: MurmurHash3 (x86, 32 bits, seed 0) of `VIEW:FEATURE`, little-endian.
pub fn field_name(view: &str, feature: &str) -> [u8; 4] {
    murmur3(format!("{view}:{feature}").as_bytes()).to_le_bytes()
}

/// The field of a view's event time, `_ts:VIEW`.
pub fn time_field(view: &str) -> Vec<u8> {
    [TIME_PREFIX, view].concat().into_bytes()
}

fn murmur3(bytes: &[u8]) -> u32 {
    let scramble = |block: u32| {
        block
            .wrapping_mul(0xcc9e_2d51)
            .rotate_left(15)
            .wrapping_mul(0x1b87_3593)
    };
    let (blocks, rest) = bytes.as_chunks::<4>();
    let mut hash = blocks.iter().fold(0_u32, |hash, block| {
        let mixed = hash ^ scramble(u32::from_le_bytes(*block));
        mixed.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    hash ^= scramble(u32::from_le_bytes(last));
    // As in the reference, a length beyond 32 bits is cut.
    hash ^= bytes.len() as u32;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}
