//! The bound of kept plans, against what the process really takes for them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use feast_fixtures::Random;
use feast_model::{FeatureSelection, FeatureView, Field, ValueType};

use super::*;
use crate::store::FeatureStore;
use crate::store::crash_tests::support;
use crate::{ApplyOptions, create_parquet};

const FEATURES: usize = 300;
/// Set for the process that measures itself: other tests would take memory at the same time.
const ALONE: &str = "FEAST_PLANS_ALONE";

fn feature(number: usize) -> String {
    format!("feature_number_{number}")
}

/// A store with a view of many features, in an open online store that has its table.
fn store(directory: &Path) -> FeatureStore {
    let numbers = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let times = TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC");
    let times = Arc::new(times) as ArrayRef;
    let columns = ["id".to_owned(), "value".to_owned()].into_iter();
    let columns = columns.chain((0..FEATURES).map(feature)).map(|name| (name, numbers()));
    let columns = columns.chain(["event_timestamp", "created"].map(|name| (name.to_owned(), Arc::clone(&times))));
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    create_parquet(&directory.join("data/stats.parquet"), &rows).unwrap();
    let store = support::open(directory);
    let mut definitions = support::definitions();
    let mut wide = FeatureView::new("wide", definitions.sources[0].clone());
    wide.entities = vec!["thing".to_owned()];
    wide.features = (0..FEATURES)
        .map(|number| Field::new(feature(number), ValueType::Int64))
        .collect();
    definitions.feature_views.push(wide);
    store.apply(definitions, ApplyOptions::default(), &mut ()).unwrap();
    let view = store.state().definitions.feature_view("wide").unwrap().clone();
    store.online_store().unwrap().row_encoder(&view).unwrap();
    store
}

/// Some of the features of the view, never the same ones.
fn selection(random: &mut Random, features: usize) -> FeatureSelection {
    let first = random.below(FEATURES);
    let step = 1 + 2 * random.below(FEATURES / 10);
    let mut numbers: Vec<usize> = (0..features).map(|number| (first + number * step) % FEATURES).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let start = random.below(numbers.len());
    numbers.rotate_left(start);
    let references = numbers.iter().map(|number| format!("wide:{}", feature(*number)));
    FeatureSelection::Features(references.collect())
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn kept(store: &FeatureStore) -> (u64, usize) {
    let state = store.state();
    (state.plans.bytes(), state.plans.len())
}

#[test]
fn plans_are_weighed_as_they_are_and_many_different_ones_stay_within_the_bound() {
    let name = "store::plans::tests::plans_are_weighed_as_they_are_and_many_different_ones_stay_within_the_bound";
    if std::env::var_os(ALONE).is_none() {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let child = child.args(["--exact", name, "--nocapture"]).env(ALONE, "1");
        let output = child.output().unwrap();
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    let mut random = Random::seeded();
    for features in [10, 100, 290] {
        let (before, (bytes_before, plans_before)) = (resident_bytes(), kept(&store));
        // So many that what the process takes beside them does not count.
        while kept(&store).0 < bytes_before + (4 << 20) {
            store.plan(&selection(&mut random, features), features == 100).unwrap();
        }
        let (taken, (bytes, plans)) = (resident_bytes() - before, kept(&store));
        let weighed = bytes - bytes_before;
        assert!(
            weighed < 2 * taken && taken < 2 * weighed,
            "{} plans of {features} features weigh {weighed} and take {taken} bytes",
            plans - plans_before
        );
    }

    let (before, bound) = (resident_bytes(), default_bytes());
    for _ in 0..6000 {
        store.plan(&selection(&mut random, 200), false).unwrap();
    }
    let (bytes, plans) = kept(&store);
    assert!(bytes <= bound, "{plans} plans weigh {bytes} bytes");
    let taken = resident_bytes() - before;
    assert!(taken < 2 * bound, "{taken} bytes are taken for {plans} plans");

    // What is asked for again finds a place among them, however many come once.
    let honest: Vec<_> = (0..50).map(|_| selection(&mut random, 50)).collect();
    let plan_of = |selection| store.plan(selection, false).unwrap();
    let mut found = 0;
    for round in 0..10 {
        let plans: Vec<_> = honest.iter().map(plan_of).collect();
        for _ in 0..20 {
            store.plan(&selection(&mut random, 200), false).unwrap();
        }
        let again: Vec<_> = honest.iter().map(plan_of).collect();
        found = plans
            .iter()
            .zip(&again)
            .filter(|(plan, again)| Arc::ptr_eq(plan, again))
            .count();
        if found == honest.len() && round > 1 {
            break;
        }
    }
    assert_eq!(found, honest.len());
}

#[test]
fn a_plan_that_is_larger_than_its_part_is_used_and_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    let mut random = Random::seeded();
    let large = selection(&mut random, 250);
    let plan = store.plan(&large, false).unwrap();
    let cache = PlanCache::new(PARTS as u64 * (8 << 10)).unwrap();
    cache.keep(&large, false, &plan);
    assert!(cache.get(&large, false).is_none());
    assert_eq!(cache.bytes(), 0);
    let small = selection(&mut random, 2);
    cache.keep(&small, true, &store.plan(&small, true).unwrap());
    assert!(cache.get(&small, true).is_some());
    assert!(cache.get(&small, false).is_none(), "its names are others");
}
