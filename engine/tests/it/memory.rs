//! Reads that may not wait for the disk: what they find in memory, and that it is what is stored.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use feast_engine::model::FeatureSelection;
use feast_engine::{FeatureStore, FromMemory};

use crate::push::push;
use crate::support::{Fixture, entities, online, open};

/// The values of these keys as far as they are in memory.
fn in_memory(store: &FeatureStore, ids: &[i64]) -> FromMemory<String> {
    let selection = FeatureSelection::Features(vec!["stats:value".to_owned()]);
    let plan = store.plan(&selection, false).unwrap();
    let entities = entities(ids);
    match store.look_up_in_memory(&plan, &entities).unwrap() {
        FromMemory::Found(stored) => {
            let vectors = stored.feature_vectors().unwrap();
            let values = vectors.columns().nth(1).unwrap().values();
            let values = values.as_primitive::<Int64Type>().iter();
            let texts: Vec<_> = values
                .map(|value| value.map_or_else(|| "-".to_owned(), |value| value.to_string()))
                .collect();
            FromMemory::Found(texts.join(" "))
        }
        FromMemory::NeedsDisk => FromMemory::NeedsDisk,
        FromMemory::TakesLong => FromMemory::TakesLong,
    }
}

fn found(values: &str) -> FromMemory<String> {
    FromMemory::Found(values.to_owned())
}

#[test]
fn rows_are_in_memory_once_they_were_read_and_stay_the_stored_ones() {
    let rows: Vec<_> = (1..=20).map(|id| (Some(id), Some(10), Some(0), Some(id * 7))).collect();
    let fixture = Fixture::new(&rows);
    fixture.materialize(0, 1000);
    let Fixture { directory, store } = fixture;
    drop(store);
    let store = open(directory.path());

    assert_eq!(in_memory(&store, &[1]), FromMemory::NeedsDisk);
    assert_eq!(online(&store, &[1, 99, 1]), "7@10 - 7@10");
    assert_eq!(in_memory(&store, &[99, 1, 1]), found("- 7 7"));
    assert_eq!(in_memory(&store, &[1, 2]), FromMemory::NeedsDisk, "all of them or none");

    push(&store, (1, 20, 0, -1), false);
    push(&store, (99, 20, 0, -99), false);
    push(&store, (1, 15, 0, -2), false);
    assert_eq!(in_memory(&store, &[1, 99]), found("-1 -99"));
    assert_eq!(online(&store, &[99, 2, 1]), "-99@20 14@10 -1@20");
}

#[test]
fn a_row_that_is_asked_for_often_is_much() {
    let fixture = Fixture::new(&[(Some(1), Some(10), Some(0), Some(7))]);
    fixture.materialize(0, 1000);
    assert_eq!(online(&fixture.store, &[1]), "7@10");
    assert_eq!(in_memory(&fixture.store, &[1; 100]), found(&["7"; 100].join(" ")));
    assert_eq!(in_memory(&fixture.store, &[1; 20_000]), FromMemory::TakesLong);

    let selection = FeatureSelection::Features(vec!["stats:value".to_owned()]);
    let plan = fixture.store.plan(&selection, false).unwrap();
    let bytes = |count| {
        fixture
            .store
            .look_up(&plan, &entities(&vec![1; count]))
            .unwrap()
            .bytes()
    };
    assert!(bytes(1) > 0);
    assert_eq!(bytes(20_000), 20_000 * bytes(1));
}
