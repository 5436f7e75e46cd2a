//! Damaged stores and parquet files: an error or no difference, never a panic or a wrong value.

use std::path::{Path, PathBuf};

use feast_engine::model::{FeatureSelection, Timestamp};
use feast_engine::{FeatureStore, MaterializeRange, MaterializeRequest, NoProgress};
use feast_fixtures::{Random, copy_directory};

use crate::support::{Fixture, entities, online, open};

const IDS: [i64; 5] = [0, 1, 77, 199, 1000];

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// Reads through a store that may be damaged: the values, or the error.
fn read(directory: &Path) -> Result<String, String> {
    let store: FeatureStore = open(directory);
    let selection = FeatureSelection::Features(vec!["stats:value".to_owned()]);
    let plan = store.plan(&selection, false).map_err(|error| error.to_string())?;
    let entities = entities(&IDS);
    let opened = store.open_online_store().and_then(|()| store.read(&plan, &entities));
    opened.map(|_| online(&store, &IDS)).map_err(|error| error.to_string())
}

#[test]
fn a_changed_byte_in_the_store_is_an_error_or_changes_nothing() {
    let rows: Vec<_> = (0..200)
        .map(|id| (Some(id), Some(10 + id), Some(0), Some(id * 7)))
        .collect();
    let fixture = Fixture::new(&rows);
    fixture.materialize(0, 1000);
    let Fixture { directory, store } = fixture;
    drop(store);
    // Opened again, the log of the first becomes a table file; the rows of the next are in the log.
    let store = open(directory.path());
    crate::push::push(&store, (1, 500, 0, -1), false);
    drop(store);
    let sound = read(directory.path()).unwrap();
    assert_eq!(sound, "0@10 -1@500 539@87 1393@209 -");

    let mut random = Random::from_seed(5);
    let mut noticed = 0;
    for file in files(&directory.path().join("data/online")) {
        let bytes = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        // The log for people, and settings that the program gives itself.
        if bytes.is_empty() || name.starts_with("LOG") || name.starts_with("OPTIONS") || name == "IDENTITY" {
            continue;
        }
        for _ in 0..24 {
            let place = tempfile::tempdir().unwrap();
            copy_directory(directory.path(), place.path());
            let mut changed = bytes.clone();
            let position = random.below(changed.len());
            changed[position] ^= 1 << random.below(8);
            std::fs::write(place.path().join("data/online").join(&name), changed).unwrap();
            match read(place.path()) {
                Ok(answer) => assert_eq!(answer, sound, "byte {position} of {name}"),
                Err(problem) => {
                    assert!(problem.contains("online"), "byte {position} of {name}: {problem}");
                    noticed += 1;
                }
            }
        }
    }
    assert!(noticed > 40, "{noticed}");
}

#[test]
fn a_changed_byte_in_a_parquet_file_ends_nothing() {
    let rows: Vec<_> = (0..300)
        .map(|id| (Some(id), Some(10 + id), Some(0), Some(id * 7)))
        .collect();
    let fixture = Fixture::new(&rows);
    let path = fixture.directory.path().join("data/stats.parquet");
    let sound = std::fs::read(&path).unwrap();
    let mut random = Random::from_seed(9);
    let mut noticed = 0;
    let windows = fixture
        .store
        .materialization_windows(&MaterializeRequest {
            range: MaterializeRange::Between {
                start: Timestamp::EPOCH,
                end: Timestamp::from_seconds(1000).unwrap(),
            },
            views: None,
        })
        .unwrap();
    for round in 0..120 {
        let mut changed = sound.clone();
        // The numbers at the end say where everything is: every other time there.
        let position = if round % 2 == 0 {
            random.below(changed.len())
        } else {
            changed.len() - 1 - random.below(600)
        };
        changed[position] ^= 1 << random.below(8);
        std::fs::write(&path, changed).unwrap();
        let materialized = fixture.store.materialize(&windows, &mut NoProgress);
        let pushed = fixture.store.push_target("push", true, true).map(|_| ());
        for problem in [materialized.map(|_| ()), pushed].into_iter().filter_map(Result::err) {
            let text = problem.to_string();
            assert!(text.contains("stats"), "byte {position}: {text}");
            noticed += 1;
        }
    }
    assert!(noticed > 40, "{noticed}");
}
