//! What is removed of a real Redis, and what stays.

use std::collections::BTreeSet;

use feast_codec::entity_key::names_prefix;
use feast_codec::record::ViewShape;
use feast_config::RedisTopology;
use feast_fixtures::RedisServer;
use feast_model::{Field, ValueType};
use redis::cmd;

use super::*;
use crate::connection::tests::config;

fn view(name: &str, join_key: &str, feature: &str) -> StoredView {
    StoredView {
        name: name.to_owned(),
        stored_name: name.to_owned(),
        join_keys: vec![Field::new(join_key, ValueType::String)],
        features: vec![Field::new(feature, ValueType::Int64)],
        shape: ViewShape::default(),
    }
}

/// The key of the entity `e`.
fn key(join_key: &str, project: &str) -> Vec<u8> {
    let value = [&2_u32.to_le_bytes()[..], &1_u32.to_le_bytes(), b"e"].concat();
    [&names_prefix([join_key])[..], &value, project.as_bytes()].concat()
}

fn run(store: &RedisStore, command: Cmd) -> Value {
    let replies = store.connection.run_blocking(vec![command], Access::Write);
    replies.unwrap().remove(0)
}

fn write(store: &RedisStore, key: &[u8], fields: &[Vec<u8>]) {
    let mut command = cmd("HSET");
    command.arg(key);
    for field in fields {
        command.arg(&field[..]).arg("value");
    }
    run(store, command);
}

fn present(store: &RedisStore, key: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut command = cmd("HKEYS");
    command.arg(key);
    let Value::Array(fields) = run(store, command) else {
        panic!("HKEYS");
    };
    let bytes = |field| match field {
        Value::BulkString(bytes) => bytes,
        other => panic!("{other:?}"),
    };
    fields.into_iter().map(bytes).collect()
}

fn delete(store: &RedisStore, removed: &[StoredView], present: &[StoredView]) -> u64 {
    store.delete_views(removed, present, &mut |_| {}).unwrap().hashes
}

#[test]
fn the_fields_of_a_view_go_and_others_stay() {
    let server = RedisServer::start(&[]);
    let store = RedisStore::open(&config(RedisTopology::Single, &[server.port()]), "repo").unwrap();
    let (gone, kept) = (view("gone", "user", "x"), view("kept", "user", "x"));
    let both: Vec<Vec<u8>> = fields(&gone).chain(fields(&kept)).collect();
    let garbage = field_name("gone", "dropped").to_vec();
    // Python's pattern for this project matches the keys of that one too.
    let (own, other) = (key("user", "repo"), key("user", "my_repo"));
    write(&store, &own, &both);
    write(&store, &own, std::slice::from_ref(&garbage));
    write(&store, &other, &both);
    // Their lengths are characters of patterns.
    let strange: Vec<String> = [42, 63, 91, 92].map(|length| "k".repeat(length)).to_vec();
    for join_key in &strange {
        write(&store, &key(join_key, "repo"), &fields(&gone).collect::<Vec<_>>());
    }

    assert_eq!(
        delete(&store, std::slice::from_ref(&gone), std::slice::from_ref(&kept)),
        1
    );
    let expected: BTreeSet<Vec<u8>> = fields(&kept).chain([garbage]).collect();
    assert_eq!(present(&store, &own), expected);
    assert_eq!(present(&store, &other).len(), both.len());
    // Again, and with the last view what is left of dropped features.
    assert_eq!(delete(&store, &[gone, kept], &[]), 1);
    assert_eq!(present(&store, &own), BTreeSet::new());
    assert_eq!(present(&store, &other).len(), both.len());
    let removed: Vec<StoredView> = strange.iter().map(|join_key| view("gone", join_key, "x")).collect();
    assert_eq!(delete(&store, &removed, &[]), strange.len() as u64);
    for join_key in &strange {
        assert_eq!(present(&store, &key(join_key, "repo")), BTreeSet::new(), "{join_key}");
    }
}

#[test]
fn nothing_is_searched_for_where_the_settings_forbid_it() {
    let server = RedisServer::start(&[]);
    let mut config = config(RedisTopology::Single, &[server.port()]);
    config.scans_for_deletion = false;
    let store = RedisStore::open(&config, "repo").unwrap();
    let gone = view("gone", "user", "x");
    write(&store, &key("user", "repo"), &fields(&gone).collect::<Vec<_>>());
    assert_eq!(delete(&store, &[gone], &[]), 0);
    assert_eq!(present(&store, &key("user", "repo")).len(), 2);
}

#[test]
fn a_project_that_is_torn_down_leaves_nothing_of_its_own() {
    let server = RedisServer::start(&[]);
    let store = RedisStore::open(&config(RedisTopology::Single, &[server.port()]), "repo").unwrap();
    let view = view("stats", "user", "x");
    let (own, other) = (key("user", "repo"), key("user", "my_repo"));
    let former: Vec<Vec<u8>> = fields(&view).chain([time_field("stats_v1")]).collect();
    write(&store, &own, &former);
    write(&store, &other, &former);
    assert_eq!(store.tear_down(&[view], &mut |_| {}).unwrap().hashes, 1);
    assert_eq!(present(&store, &own), BTreeSet::new());
    assert_eq!(present(&store, &other).len(), former.len());
}

#[test]
fn a_view_whose_fields_take_many_pipelines_goes_as_a_whole() {
    let server = RedisServer::start(&[]);
    let store = RedisStore::open(&config(RedisTopology::Single, &[server.port()]), "repo").unwrap();
    let mut wide = view("wide", "user", "x");
    let names = (0..2 * MAX_FIELDS_A_CALL + 1).map(|number| Field::new(format!("f{number}"), ValueType::Int64));
    wide.features = names.collect();
    let kept: Vec<Vec<u8>> = fields(&view("kept", "user", "x")).collect();
    // Three calls a hash, and some a pipeline: hashes are cut by the end of a pipeline.
    let keys: Vec<Vec<u8>> = (0..20_u32)
        .map(|entity| {
            let value = [&2_u32.to_le_bytes()[..], &4_u32.to_le_bytes(), &entity.to_be_bytes()].concat();
            [&names_prefix(["user"])[..], &value, b"repo"].concat()
        })
        .collect();
    for key in &keys {
        write(&store, key, &fields(&wide).chain(kept.clone()).collect::<Vec<_>>());
    }
    assert_eq!(delete(&store, &[wide], &[view("kept", "user", "x")]), keys.len() as u64);
    let expected: BTreeSet<Vec<u8>> = kept.into_iter().collect();
    for key in &keys {
        assert_eq!(present(&store, key), expected);
    }
}
