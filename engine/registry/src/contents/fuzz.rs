//! Registries with random damage: whatever is in the file, reading and applying end, with a result or an error.
//!
//! `FEAST_FUZZ_SECONDS` sets how long it goes on, `FEAST_FUZZ_SEED` where it starts.

use std::path::Path;

use feast_fixtures::{Random, fuzz};
use feast_model::{Definitions, ObjectKind, Timestamp};

use super::RegistryContents;

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
    let Ok(mut contents) = RegistryContents::parse(bytes, "registry.db".to_owned(), PROJECT) else {
        return;
    };
    let definitions = contents.definitions();
    let _ = (
        contents.statuses(),
        contents.dump(),
        contents.view_versions("versioned"),
        contents.version_features("versioned", 0),
    );
    for kind in [ObjectKind::FeatureView, ObjectKind::DataSource, ObjectKind::Permission] {
        for name in contents.names(kind) {
            let _ = (contents.to_json(kind, &name), contents.resume_point(&name));
            let _ = contents.start_anew_where_keys_changed(&name);
        }
    }
    let now = Timestamp::EPOCH;
    let _ = (
        contents.record_materialization("versioned", now, now, now),
        contents.set_enabled("versioned", false),
    );
    if let Ok((definitions, _)) = definitions {
        let _ = contents.apply(&definitions, now);
    }
    let _ = (
        contents.apply(&Definitions::default(), now),
        contents.delete("versioned"),
        contents.clear(),
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
