//! Registries with random damage: whatever is in the file, reading and applying end, with an answer or an error.
//!
//! `FEAST_FUZZ_SECONDS` sets how long it goes on, `FEAST_FUZZ_SEED` where it starts.

use std::path::Path;

use feast_fixtures::{Random, fuzz};
use feast_model::{Definitions, ObjectKind, Timestamp};

use super::RegistryFile;

const PROJECT: &str = "vec_types";

fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(8) {
        let position = random.below(bytes.len());
        let length = random.below(40).min(bytes.len() - position);
        match random.below(6) {
            0 => bytes[position] ^= 1 << random.below(8),
            1 => bytes[position] = random.byte(),
            2 => drop(bytes.drain(position..position + length)),
            3 => {
                let copy = bytes[position..position + length].to_vec();
                let target = random.below(bytes.len());
                bytes.splice(target..target, copy);
            }
            4 => bytes.truncate(position.max(1)),
            _ => bytes.insert(position, 0xff),
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}

/// Everything that commands do with a registry.
fn use_all(bytes: &[u8]) {
    let Ok(mut file) = RegistryFile::parse(bytes, Path::new("registry.db"), PROJECT) else {
        return;
    };
    let definitions = file.definitions();
    let _ = (
        file.statuses(),
        file.dump(),
        file.view_versions("versioned"),
        file.version_features("versioned", 0),
    );
    for kind in [ObjectKind::FeatureView, ObjectKind::DataSource, ObjectKind::Permission] {
        for name in file.names(kind) {
            let _ = (file.document(kind, &name), file.resume_point(&name));
            let _ = file.start_anew_where_keys_changed(&name);
        }
    }
    let now = Timestamp::EPOCH;
    let _ = (
        file.record_materialization("versioned", now, now, now),
        file.set_enabled("versioned", false),
    );
    if let Ok((definitions, _)) = definitions {
        let _ = file.apply(&definitions, now);
    }
    let _ = (
        file.apply(&Definitions::default(), now),
        file.delete("versioned"),
        file.clear(),
    );
}

#[test]
fn a_damaged_registry_is_an_error_or_an_answer() {
    let registries = Path::new(feast_fixtures::REGISTRIES);
    let registries =
        ["types", "basic", "odfv"].map(|name| std::fs::read(registries.join(name).join("data/python.db")).unwrap());
    let mut random = Random::seeded();
    let cases = fuzz(|| {
        let registry = &registries[random.below(registries.len())];
        let bytes = if random.below(8) == 0 {
            (0..random.below(300)).map(|_| random.byte()).collect()
        } else {
            damaged(registry, &mut random)
        };
        use_all(&bytes);
    });
    assert!(cases > 0);
}
