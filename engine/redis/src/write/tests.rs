//! Against a real Redis.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, Int64Array, StringArray};
use feast_codec::entity_key::EntityKeyEncoder;
use feast_codec::feast_value::{encode_timestamp, field_name};
use feast_codec::record::ViewShape;
use feast_codec::row::{RowHeader, RowVersion};
use feast_config::{RedisConfig, RedisTopology};
use feast_fixtures::{Random, RedisServer};
use feast_model::error::ErrorKind;
use feast_model::{Field, Timestamp, ValueType};
use feast_rows::{RowLookup, RowQueries, StoredView};
use proptest::prelude::*;
use serde_json::Value as Json;

use redis::Value;

use super::*;

const PROJECT: &str = "types_repo";

fn config(server: &RedisServer) -> RedisConfig {
    RedisConfig {
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(20),
        ..crate::connection::tests::config(RedisTopology::Single, &[server.port()])
    }
}

fn field(name: &str, value_type: ValueType) -> Field {
    Field::new(name, value_type)
}

/// A view whose key is an int64 `driver_id`.
fn view(name: &str, features: Vec<Field>) -> StoredView {
    StoredView {
        name: name.to_owned(),
        stored_name: name.to_owned(),
        join_keys: vec![field("driver_id", ValueType::Int64)],
        features,
        shape: ViewShape::new(Vec::new(), Vec::new()),
    }
}

fn store(config: &RedisConfig, views: &[StoredView]) -> RedisStore {
    let store = RedisStore::open(config, PROJECT).unwrap();
    store.follow(views);
    store
}

/// The view `ordered` of the recorded histories.
fn ordered() -> StoredView {
    view(
        "ordered",
        vec![field("a", ValueType::Int64), field("b", ValueType::String)],
    )
}

fn time(string: &str) -> Timestamp {
    Timestamp::parse(string).unwrap()
}

fn version(event_time: Timestamp) -> RowVersion {
    RowVersion {
        event_time,
        created_time: None,
    }
}

fn entity(driver: i64) -> Vec<u8> {
    let mut key = Vec::new();
    let encoder = EntityKeyEncoder::new(&[("driver_id", &ValueType::Int64)]).unwrap();
    encoder.encode(&[Arc::new(Int64Array::from(vec![driver]))], 0, &mut key);
    key
}

fn encode(store: &RedisStore, view: &StoredView, rows: &[(i64, RowVersion, Vec<ArrayRef>)]) -> EncodedRows {
    let encoder = store.row_encoder(&view.name, &view.features).unwrap();
    let mut encoded = EncodedRows::default();
    for (driver, version, columns) in rows {
        encoder.check(columns).unwrap();
        encoded.keys.push_with(|out| {
            encoder.start_key(out);
            out.extend_from_slice(&entity(*driver));
            encoder.end_key(out);
        });
        encoded.rows.push_with(|out| encoder.encode(*version, columns, 0, out));
    }
    encoded
}

fn columns(a: Option<i64>, b: Option<&str>) -> Vec<ArrayRef> {
    vec![
        Arc::new(Int64Array::from(vec![a])) as ArrayRef,
        Arc::new(StringArray::from(vec![b])) as ArrayRef,
    ]
}

fn write(store: &RedisStore, rows: &EncodedRows, replace: Replace) -> Result<WriteCount> {
    store.write_rows(&rows.keys, &rows.rows, replace)
}

fn hash_key(driver: i64) -> Vec<u8> {
    [entity(driver), PROJECT.as_bytes().to_vec()].concat()
}

fn command<const N: usize>(arguments: [&[u8]; N]) -> Cmd {
    let mut command = Cmd::new();
    arguments.into_iter().for_each(|argument| {
        command.arg(argument);
    });
    command
}

fn run(store: &RedisStore, command: Cmd) -> Value {
    store
        .connection
        .run_blocking(vec![command], Access::Write)
        .unwrap()
        .remove(0)
}

/// All fields of a hash.
fn fields(store: &RedisStore, key: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let Value::Array(items) = run(store, command([b"HGETALL", key])) else {
        panic!("not a hash");
    };
    let bytes = |item: &Value| match item {
        Value::BulkString(bytes) => bytes.clone(),
        other => panic!("{other:?}"),
    };
    items.chunks(2).map(|pair| (bytes(&pair[0]), bytes(&pair[1]))).collect()
}

fn ttl(store: &RedisStore, key: &[u8]) -> i64 {
    match run(store, command([b"TTL", key])) {
        Value::Int(seconds) => seconds,
        other => panic!("{other:?}"),
    }
}

fn hex(string: &str) -> Vec<u8> {
    let digits = string.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The names in the first column of the tables after a heading of the list of differences.
fn listed(heading: &str) -> BTreeSet<String> {
    let text = include_str!("../../../../fixtures/redis/DIFFERENCES.md");
    let (_, section) = text.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split('`').next().unwrap().to_owned()).collect()
}

#[test]
fn hashes_after_each_write_are_those_of_python() {
    let server = RedisServer::start(&[]);
    let plain = config(&server);
    let expiring = RedisConfig {
        key_ttl_seconds: Some(86_400),
        ..plain.clone()
    };
    let (mut histories, mut different) = (0, BTreeSet::new());
    for line in include_str!("../../../../fixtures/redis/steps.jsonl").lines() {
        let history: Json = serde_json::from_str(line).unwrap();
        histories += 1;
        let name = history["case"].as_str().unwrap();
        let Some(writes) = history["writes"].as_array() else {
            // By Python's SDK, in ways that none of our writers has.
            different.insert(name.to_owned());
            continue;
        };
        let options = &history["options"];
        let config = if options["key_ttl_seconds"].is_null() {
            &plain
        } else {
            &expiring
        };
        let store = store(config, &[ordered()]);
        let replace = match options["skip_dedup"].as_bool() {
            Some(true) => Replace::AllRows,
            _ => Replace::OlderRows,
        };
        let driver = history["driver_id"].as_i64().unwrap();
        if name == "ttl_is_not_renewed_by_a_dropped_row" {
            run(&store, command([b"EXPIRE", &hash_key(driver), b"100"]));
        }
        for step in writes {
            let rows = step["rows"].as_array().unwrap().iter();
            let rows = rows.map(|row| {
                let columns = columns(row[0].as_i64(), row[1].as_str());
                (driver, version(time(row[2].as_str().unwrap())), columns)
            });
            let rows: Vec<_> = rows.collect();
            // The engine drops a push without any value.
            if rows
                .iter()
                .any(|(_, _, columns)| columns.iter().any(|column| column.null_count() == 0))
            {
                write(&store, &encode(&store, &ordered(), &rows), replace).unwrap();
            }
            let after = &step["after"];
            let key = hex(after["key"].as_str().unwrap());
            assert_eq!(key, hash_key(driver));
            let pairs = after["fields"].as_array().unwrap().iter();
            let expected = pairs.map(|pair| (hex(pair[0].as_str().unwrap()), hex(pair[1].as_str().unwrap())));
            let expected: BTreeMap<_, _> = expected.collect();
            let seconds = after["ttl"].as_i64().unwrap();
            if fields(&store, &key) != expected || !(seconds - 5..=seconds).contains(&ttl(&store, &key)) {
                different.insert(name.to_owned());
            }
        }
    }
    assert_eq!(histories, 25);
    assert_eq!(different, listed("## Writes"));
}

#[test]
fn rows_of_several_writers_end_with_the_newest() {
    const WRITERS: i64 = 4;
    const ROWS: i64 = 24_000;
    const KEYS: i64 = 200;
    let server = RedisServer::start(&[]);
    let config = config(&server);
    let view = ordered();
    // Every row has a time of its own, and its value says which.
    let mut numbers: Vec<i64> = (1..=ROWS).collect();
    let mut random = Random::seeded();
    for last in (1..numbers.len()).rev() {
        numbers.swap(last, random.below(last + 1));
    }
    let share = numbers.len() / WRITERS as usize;
    let counts: Vec<WriteCount> = std::thread::scope(|scope| {
        let writers = numbers.chunks(share).map(|numbers| {
            let (config, view) = (&config, &view);
            scope.spawn(move || {
                let store = store(config, std::slice::from_ref(view));
                let mut total = WriteCount::default();
                for (batch, numbers) in numbers.chunks(300).enumerate() {
                    let rows = numbers.iter().map(|number| {
                        let at = Timestamp::from_micros(1_700_000_000_000_000 + number);
                        (number % KEYS, version(at), columns(Some(*number), Some("x")))
                    });
                    let rows: Vec<_> = rows.collect();
                    let count = write(&store, &encode(&store, view, &rows), Replace::OlderRows).unwrap();
                    total.written += count.written;
                    total.stale += count.stale;
                    if batch == 10 {
                        run(&store, command([b"SCRIPT", b"FLUSH"]));
                    }
                }
                total
            })
        });
        let writers: Vec<_> = writers.collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let rows: usize = counts.iter().map(|count| count.written + count.stale).sum();
    assert_eq!(rows, ROWS as usize);
    let store = store(&config, &[]);
    for key in 0..KEYS {
        let newest = (1..=ROWS).filter(|number| number % KEYS == key).max().unwrap();
        let mut at = Vec::new();
        encode_timestamp(Timestamp::from_micros(1_700_000_000_000_000 + newest), &mut at);
        assert_eq!(
            fields(&store, &hash_key(key))[b"_ts:ordered".as_slice()],
            at,
            "key {key}"
        );
    }
}

#[test]
fn created_times_decide_within_a_batch_and_then_the_later_arrival() {
    let server = RedisServer::start(&[]);
    let view = ordered();
    let store = store(&config(&server), std::slice::from_ref(&view));
    let at = time("2026-03-01T00:00:00Z");
    let row = |value: i64, created: Option<i64>| {
        let version = RowVersion {
            event_time: at,
            created_time: created.map(Timestamp::from_micros),
        };
        (1, version, columns(Some(value), None))
    };
    let value = |store: &RedisStore| fields(store, &hash_key(1))[field_name("ordered", "a").as_slice()].clone();
    let rows = [row(1, Some(5)), row(2, Some(9)), row(3, Some(7)), row(4, None)];
    let count = write(&store, &encode(&store, &view, &rows), Replace::OlderRows).unwrap();
    assert_eq!((count.written, count.stale, value(&store)), (1, 3, vec![0x20, 2]));
    let rows = [row(5, Some(9)), row(6, Some(9))];
    let count = write(&store, &encode(&store, &view, &rows), Replace::OlderRows).unwrap();
    assert_eq!((count.written, count.stale, value(&store)), (1, 1, vec![0x20, 6]));
}

#[test]
fn views_of_one_hash_are_written_for_themselves() {
    let server = RedisServer::start(&[]);
    let other = view("other", vec![field("c", ValueType::Int64)]);
    let views = [ordered(), other.clone()];
    let store = store(&config(&server), &views);
    let (new, old) = (time("2026-03-02T00:00:00Z"), time("2026-03-01T00:00:00Z"));
    let mut both = encode(&store, &ordered(), &[(1, version(new), columns(Some(1), Some("x")))]);
    let of_other = encode(
        &store,
        &other,
        &[(1, version(old), columns(Some(2), None)[..1].to_vec())],
    );
    both.keys.push_with(|out| out.extend_from_slice(of_other.keys.get(0)));
    both.rows.push_with(|out| out.extend_from_slice(of_other.rows.get(0)));
    let count = write(&store, &both, Replace::OlderRows).unwrap();
    assert_eq!((count.written, count.stale), (2, 0));
    assert_eq!(fields(&store, &hash_key(1)).len(), 5);
}

#[test]
fn a_wide_view_is_written_as_a_whole_or_not_at_all() {
    let server = RedisServer::start(&[]);
    for features in [3_999, 4_000, 4_001, 5_000, 9_000] {
        let names = (0..features).map(|number| field(&format!("feature_{number}"), ValueType::Int64));
        let wide = view(&format!("wide_{features}"), names.collect());
        let store = store(&config(&server), std::slice::from_ref(&wide));
        let row = |value: i64, at: &str| {
            let columns = (0..features).map(|feature| Arc::new(Int64Array::from(vec![value + feature])) as ArrayRef);
            (features, version(time(at)), columns.collect::<Vec<_>>())
        };
        let writes = [
            (1, "2026-03-02T00:00:00Z", 1, 1),
            (2, "2026-03-01T00:00:00Z", 0, 1),
            (3, "2026-03-03T00:00:00Z", 1, 3),
        ];
        for (value, at, written, stored) in writes {
            let count = write(&store, &encode(&store, &wide, &[row(value, at)]), Replace::OlderRows).unwrap();
            assert_eq!(count.written, written, "{features} features, {at}");
            let fields = fields(&store, &hash_key(features));
            let names: BTreeSet<[u8; 4]> = wide
                .features
                .iter()
                .map(|field| field_name(&wide.name, &field.name))
                .collect();
            assert_eq!(fields.len(), names.len() + 1);
            assert_eq!(fields[field_name(&wide.name, "feature_0").as_slice()], [0x20, stored]);
        }
    }
}

#[test]
fn what_redis_refuses_is_told_and_can_be_sent_again() {
    let server = RedisServer::start(&[]);
    let view = ordered();
    let store = store(&config(&server), std::slice::from_ref(&view));
    let at = version(time("2026-03-02T00:00:00Z"));
    let rows: Vec<_> = (0..1000)
        .map(|driver| (driver, at, columns(Some(driver), Some("x"))))
        .collect();
    let rows = encode(&store, &view, &rows);
    let refused = |what: &str, told: &str| {
        let error = write(&store, &rows, Replace::OlderRows).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}: {error}");
        assert!(error.to_string().contains(told), "{what}: {error}");
        assert!(
            error.to_string().contains(" of 1000 rows had arrived"),
            "{what}: {error}"
        );
        let error = write(&store, &rows, Replace::AllRows).unwrap_err();
        assert!(error.to_string().contains(told), "{what}: {error}");
    };
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    refused("maxmemory", "is out of memory");
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    refused("min-replicas-to-write", "has too few replicas");
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    refused("a replica", "is a replica");
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    let count = write(&store, &rows, Replace::OlderRows).unwrap();
    assert_eq!((count.written, count.stale), (1000, 0));
    // A key that another program has made something else of: the other rows arrive.
    run(&store, command([b"SET", &hash_key(5), b"text"]));
    let error = write(&store, &rows, Replace::OlderRows).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(error.to_string().contains("at least 999 of 1000 rows"), "{error}");
}

#[test]
fn a_read_after_a_write_sees_it_although_the_row_is_in_memory() {
    let server = RedisServer::start(&[]);
    let view = ordered();
    let config = RedisConfig {
        row_cache: 64 << 20,
        cache_staleness: Some(Duration::from_secs(2)),
        ..config(&server)
    };
    let store = store(&config, std::slice::from_ref(&view));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { store.tracking.start() });
    let table = store.views.load().tables().view("ordered").unwrap().0.id;
    let mut entities = PackedBytes::default();
    entities.push_with(|out| out.extend_from_slice(&entity(1)));
    let (tables, entities) = ([vec![table]], [entities]);
    let queries = RowQueries {
        tables: &tables,
        entities: &entities,
        features: None,
    };
    let read = || {
        let mut lookup = RowLookup::prepare(store.row_cache(), queries).unwrap();
        let is_fetched = lookup.missing(queries).is_some();
        while let Some(missing) = lookup.missing(queries) {
            let rows = store.fetch_blocking(missing).unwrap();
            lookup
                .complete(store.row_cache(), queries, |position| rows.get(position))
                .unwrap();
        }
        let row = lookup.into_batches()[0].get(0).map(<[u8]>::to_vec);
        (
            row.map(|row| RowHeader::decode(&row).unwrap().version.event_time),
            is_fetched,
        )
    };
    // Held as soon as changes are tracked, and again after the message of each write.
    let held = || {
        let start = std::time::Instant::now();
        loop {
            match read() {
                (time, false) => return time,
                _ => assert!(start.elapsed() < Duration::from_secs(30), "the row is never held"),
            }
        }
    };
    assert_eq!(held(), None);
    for (replace, at) in [
        (Replace::OlderRows, "2026-03-02T00:00:00Z"),
        (Replace::OlderRows, "2026-03-03T00:00:00Z"),
        (Replace::AllRows, "2026-03-01T00:00:00Z"),
    ] {
        let rows = encode(&store, &view, &[(1, version(time(at)), columns(Some(1), None))]);
        write(&store, &rows, replace).unwrap();
        assert_eq!(read(), (Some(time(at)), true));
        assert_eq!(held(), Some(time(at)));
    }
}

#[test]
fn a_row_with_some_features_leaves_the_others_as_they_are() {
    let server = RedisServer::start(&[]);
    let view = ordered();
    let store = store(&config(&server), std::slice::from_ref(&view));
    let first = encode(
        &store,
        &view,
        &[(1, version(time("2026-03-01T00:00:00Z")), columns(Some(1), Some("kept")))],
    );
    write(&store, &first, Replace::OlderRows).unwrap();
    let encoder = store.partial_row_encoder("ordered", &view.features[..1]).unwrap();
    let mut rows = EncodedRows::default();
    rows.keys.push_with(|out| {
        encoder.start_key(out);
        out.extend_from_slice(&entity(1));
        encoder.end_key(out);
    });
    let later = version(time("2026-03-02T00:00:00Z"));
    rows.rows
        .push_with(|out| encoder.encode(later, &columns(Some(2), None)[..1], 0, out));
    write(&store, &rows, Replace::OlderRows).unwrap();
    let value = |feature: &str| {
        run(
            &store,
            command([b"HGET", &hash_key(1), &field_name("ordered", feature)]),
        )
    };
    assert_eq!(value("a"), Value::BulkString(vec![0x20, 2]));
    assert_eq!(value("b"), Value::BulkString(b"\x12\x04kept".to_vec()));
    // What the view does not have is not written, and a complete row has all.
    let unknown = [field("z", ValueType::Int64)];
    assert!(store.partial_row_encoder("ordered", &unknown).is_err());
    assert!(store.row_encoder("ordered", &view.features[..1]).is_err());
}

#[test]
fn a_view_that_has_left_the_registry_since_has_no_rows() {
    let server = RedisServer::start(&[]);
    let store = store(&config(&server), &[ordered()]);
    let mut entities = PackedBytes::default();
    entities.push_with(|out| out.extend_from_slice(&entity(1)));
    let (tables, entities) = ([vec![999]], [entities]);
    let queries = RowQueries {
        tables: &tables,
        entities: &entities,
        features: None,
    };
    let lookup = RowLookup::prepare(store.row_cache(), queries).unwrap();
    let rows = store.fetch_blocking(lookup.missing(queries).unwrap()).unwrap();
    assert_eq!(rows.get(0), None);
}

#[test]
fn replicas_are_waited_for() {
    let server = RedisServer::start(&[]);
    let one = RedisConfig {
        wait_replicas: 1,
        response_timeout: Duration::from_millis(800),
        ..config(&server)
    };
    let view = ordered();
    let store = store(&one, std::slice::from_ref(&view));
    let rows = encode(
        &store,
        &view,
        &[(1, version(time("2026-03-02T00:00:00Z")), columns(Some(1), None))],
    );
    let error = write(&store, &rows, Replace::OlderRows).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("only 0 of 1 replicas"), "{error}");
    let port = server.port().to_string();
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &port]);
    // A primary begins a replica's first copy 5 s after it asks for one, so this write waits long.
    let patient = self::store(
        &RedisConfig {
            response_timeout: Duration::from_secs(60),
            ..one
        },
        std::slice::from_ref(&view),
    );
    write(&patient, &rows, Replace::OlderRows).unwrap();
    replica.hang();
    let error = write(&store, &rows, Replace::OlderRows).unwrap_err();
    assert!(error.to_string().contains("only 0 of 1 replicas"), "{error}");
    drop(replica);
}

#[test]
fn a_view_that_the_registry_has_no_longer_is_not_written() {
    let server = RedisServer::start(&[]);
    let store = store(&config(&server), &[]);
    let error = store.row_encoder("ordered", &ordered().features).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn times_that_are_none_do_not_keep_rows_out() {
    let server = RedisServer::start(&[]);
    let view = ordered();
    let store = store(&config(&server), std::slice::from_ref(&view));
    let rows = encode(
        &store,
        &view,
        &[(1, version(time("2026-03-02T00:00:00Z")), columns(Some(1), None))],
    );
    let long = [0xff; 4000];
    for damaged in [
        b"".as_slice(),
        b"\x08",
        b"\x08\xff",
        b"\xff\xff\xff\xff\xff",
        b"\x12\x03abc",
        &long,
    ] {
        run(&store, command([b"HSET", &hash_key(1), b"_ts:ordered", damaged]));
        let count = write(&store, &rows, Replace::OlderRows).unwrap();
        assert_eq!(count.written, 1, "{damaged:?}");
    }
}

/// All event times that there may be, many of them near each other.
fn micros() -> impl Strategy<Value = i64> {
    const FIRST: i64 = -9_223_372_036_854_775;
    let near = prop::sample::select(vec![
        0,
        -1,
        1,
        999_999,
        1_000_000,
        -1_000_000,
        -1_500_000,
        1 << 50,
        FIRST,
        -FIRST,
    ]);
    let near = near.prop_flat_map(|micros| (micros - 2).max(FIRST)..=(micros + 2).min(-FIRST));
    prop_oneof![near, FIRST..=-FIRST]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1, ..ProptestConfig::default() })]

    #[test]
    fn of_two_event_times_the_later_one_stays(pairs in prop::collection::vec((micros(), micros()), 2_000)) {
        let server = RedisServer::start(&[]);
        let view = ordered();
        let store = store(&config(&server), std::slice::from_ref(&view));
        let rows = |of: &dyn Fn(&(i64, i64)) -> i64| {
            let rows = (0..).zip(&pairs).map(|(driver, pair)| {
                (driver, version(Timestamp::from_micros(of(pair))), columns(Some(driver), None))
            });
            encode(&store, &view, &rows.collect::<Vec<_>>())
        };
        let first = write(&store, &rows(&|pair| pair.0), Replace::OlderRows).unwrap();
        prop_assert_eq!(first.written, pairs.len());
        let second = write(&store, &rows(&|pair| pair.1), Replace::OlderRows).unwrap();
        prop_assert_eq!(second.written, pairs.iter().filter(|(old, new)| new >= old).count());
        for (driver, (old, new)) in (0..).zip(&pairs) {
            let mut expected = Vec::new();
            encode_timestamp(Timestamp::from_micros(*old.max(new)), &mut expected);
            let stored = fields(&store, &hash_key(driver));
            prop_assert_eq!(&stored[b"_ts:ordered".as_slice()], &expected, "{} and {}", old, new);
        }
    }
}

proptest! {
    #[test]
    fn damaged_rows_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60), position in 0..60_usize, byte in any::<u8>()) {
        let mut damaged = bytes;
        if let Some(first) = damaged.get_mut(position) {
            *first = byte;
        }
        let _ = RowKey::decode(&damaged);
        if let Some(first) = damaged.first_mut() {
            *first = 1;
        }
        if let Ok(row) = EncodedRow::decode(&damaged) {
            prop_assert!(row.features().count() <= damaged.len());
        }
    }
}
