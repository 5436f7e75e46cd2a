//! Reads that may not wait for the disk: what they find in memory, and that it is what is stored.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use feast_engine::FeatureStore;
use feast_engine::model::FeatureSelection;

use crate::push::push;
use crate::support::{Fixture, entities, online, open};

/// The values of these keys if they are in memory.
fn in_memory(store: &FeatureStore, ids: &[i64]) -> Option<Vec<Option<i64>>> {
    let selection = FeatureSelection::Features(vec!["stats:value".to_owned()]);
    let plan = store.plan(&selection, false).unwrap();
    let entities = entities(ids);
    let answer = store.read_from_memory(&plan, &entities).unwrap()?;
    Some(
        answer
            .columns()
            .nth(1)?
            .values()
            .as_primitive::<Int64Type>()
            .iter()
            .collect(),
    )
}

#[test]
fn rows_are_in_memory_once_they_were_read_and_stay_the_stored_ones() {
    let rows: Vec<_> = (1..=20).map(|id| (Some(id), Some(10), Some(0), Some(id * 7))).collect();
    let fixture = Fixture::new(&rows);
    fixture.materialize(0, 1000);
    let Fixture { directory, store } = fixture;
    drop(store);
    let store = open(directory.path());

    assert_eq!(in_memory(&store, &[1]), None);
    assert_eq!(online(&store, &[1, 99, 1]), "7@10 - 7@10");
    assert_eq!(in_memory(&store, &[99, 1, 1]), Some(vec![None, Some(7), Some(7)]));
    assert_eq!(in_memory(&store, &[1, 2]), None, "all of them or none");

    push(&store, (1, 20, 0, -1), false);
    push(&store, (99, 20, 0, -99), false);
    push(&store, (1, 15, 0, -2), false);
    assert_eq!(in_memory(&store, &[1, 99]), Some(vec![Some(-1), Some(-99)]));
    assert_eq!(online(&store, &[99, 2, 1]), "-99@20 14@10 -1@20");
}
