//! Reads that may not wait for the disk: what they find in memory, and that it is what is stored.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use feast_engine::model::FeatureSelection;
use feast_engine::{Error, FeatureStore};

use crate::push::push;
use crate::support::{Fixture, entities, online, open};

/// The values of these keys as far as they are in memory.
fn in_memory(store: &FeatureStore, ids: &[i64]) -> Option<String> {
    let selection = FeatureSelection::Features(vec!["stats:value".to_owned()]);
    let plan = store.plan(&selection, false).unwrap();
    let entities = entities(ids);
    let stored = store.lookup_in_memory(&plan, &entities).unwrap()?;
    let vectors = stored.feature_vectors().unwrap();
    let values = vectors.columns().nth(1)?.values();
    let values = values.as_primitive::<Int64Type>().iter();
    let strings: Vec<_> = values
        .map(|value| value.map_or_else(|| "-".to_owned(), |value| value.to_string()))
        .collect();
    Some(strings.join(" "))
}

fn found(values: &str) -> Option<String> {
    Some(values.to_owned())
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
    assert_eq!(in_memory(&store, &[99, 1, 1]), found("- 7 7"));
    assert_eq!(in_memory(&store, &[1, 2]), None, "all of them or none");

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
    assert_eq!(in_memory(&fixture.store, &[1; 20_000]), None);

    let selection = FeatureSelection::Features(vec!["stats:value".to_owned()]);
    let plan = fixture.store.plan(&selection, false).unwrap();
    let bytes = |ids: &[i64]| {
        let mut bytes = 0;
        let entities = entities(ids);
        let admit = |by_now| {
            bytes = by_now;
            Ok::<_, Error>(())
        };
        fixture.store.lookup(&plan, &entities, admit).unwrap();
        bytes
    };
    let one = bytes(&[1]);
    assert!(one > 0);
    assert_eq!(bytes(&[1; 20_000]), 20_000 * one);
}

#[test]
fn many_rows_are_read_in_parts() {
    const IDS: i64 = 10_000;
    let rows: Vec<_> = (0..IDS).map(|id| (Some(id), Some(10), Some(0), Some(id * 7))).collect();
    let fixture = Fixture::new(&rows);
    fixture.materialize(0, 1000);
    let Fixture { directory, store } = fixture;
    drop(store);
    let store = open(directory.path());
    // In no order, each twice, and some that are not there.
    let ids: Vec<i64> = (0..3 * IDS).map(|number| number * 7919 % (IDS + 100)).collect();
    let expected = ids.iter().map(|id| match *id < IDS {
        true => format!("{}@10", id * 7),
        false => "-".to_owned(),
    });
    let expected = expected.collect::<Vec<_>>().join(" ");
    for again in [false, true] {
        assert!(online(&store, &ids) == expected, "again: {again}");
    }

    let selection = FeatureSelection::Features(vec!["stats:value".to_owned()]);
    let plan = store.plan(&selection, false).unwrap();
    drop(store);
    let store = open(directory.path());
    let entities = entities(&ids);
    let mut questions = 0;
    let refused = store.lookup(&plan, &entities, |bytes| {
        questions += 1;
        match bytes {
            0 => Ok(()),
            _ => Err(Error::invalid("enough")),
        }
    });
    assert_eq!(refused.err().map(|error| error.to_string()).as_deref(), Some("enough"));
    assert_eq!(questions, 2, "the first part is not followed by another");
}
