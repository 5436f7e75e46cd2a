//! Settings of Redis: the connection strings of Python Feast, and which error names what.

use feast_fixtures::{REDIS_CONNECTION_STRINGS, REDIS_DIFFERENCES};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::connection_string::ConnectionString;
use super::*;
use crate::online_store::cache_share;
use crate::{OnlineStoreConfig, RepositoryConfig};

/// The settings of a file with these members beside the usual ones.
fn parse(online_store: Value, serving: Value) -> feast_model::error::Result<RepositoryConfig> {
    let mut file = json!({"project": "p", "registry": "r", "online_store": {"type": "redis"}, "serving": serving});
    let block = file["online_store"].as_object_mut().unwrap();
    block.extend(online_store.as_object().unwrap().clone());
    RepositoryConfig::parse(&file.to_string(), std::path::Path::new("/repo"))
}

fn redis_with(online_store: Value, serving: Value) -> RedisConfig {
    match parse(online_store, serving).unwrap().online_store {
        OnlineStoreConfig::Redis(config) => *config,
        other => panic!("{other:?}"),
    }
}

fn connect(connection_string: &str) -> RedisConfig {
    redis_with(json!({ "connection_string": connection_string }), Value::Null)
}

/// What is wrong, with the remedy.
fn problem(online_store: Value, serving: Value) -> String {
    match parse(online_store, serving) {
        Err(error) => format!("{error} | {}", error.hint().unwrap_or_default()),
        Ok(config) => panic!("{config:?}"),
    }
}

/// What is wrong with a connection string, without its place.
fn refusal(connection_string: &str) -> String {
    let problem = problem(json!({ "connection_string": connection_string }), Value::Null);
    let place = "online_store.connection_string: ";
    problem
        .strip_prefix(place)
        .unwrap_or_else(|| panic!("{problem}"))
        .to_owned()
}

#[test]
fn everything_has_a_default() {
    let expected = RedisConfig {
        topology: RedisTopology::Single,
        nodes: vec![RedisNode {
            host: "localhost".to_owned(),
            port: 6379,
        }],
        database: 0,
        login: RedisLogin::default(),
        sentinel_login: RedisLogin::default(),
        tls: None,
        client_name: None,
        reads_from_replicas: false,
        key_ttl_seconds: None,
        scans_for_deletion: true,
        connect_timeout: Duration::from_secs(1),
        response_timeout: Duration::from_secs(1),
        reply_memory: 1 << 30,
        row_cache: cache_share(),
        cache_staleness: Some(Duration::from_secs(2)),
        python_statuses: false,
        wait_replicas: 0,
    };
    assert_eq!(redis_with(json!({}), Value::Null), expected);
    assert_eq!(redis_with(json!({"client": "glide"}), Value::Null), expected);
    let text = "project: p\nregistry: r\nonline_store: redis";
    let config = RepositoryConfig::parse(text, std::path::Path::new("/repo")).unwrap();
    assert_eq!(config.online_store, OnlineStoreConfig::Redis(Box::new(expected)));
    assert_eq!(config.push_log_path, PathBuf::from("/repo/data/push_log"));
}

#[test]
fn every_key_is_read() {
    let online_store = json!({
        "redis_type": "redis_sentinel", "sentinel_master": "m", "key_ttl_seconds": 60, "full_scan_for_deletion": false,
        "skip_dedup": true, "client": "glide",
        "connection_string": "a:1,[::1]:2,db=3,username=u,password=p,client_name=n,socket_timeout=0.5,\
            socket_connect_timeout=2,socket_keepalive=true,protocol=3,sentinel_kwargs={\"password\":\"s\"},\
            ssl=true,ssl_ca_certs=ca.pem,ssl_certfile=/c.pem,ssl_keyfile=k.pem,ssl_check_hostname=False",
    });
    let serving = json!({
        "redis_row_cache_mib": 1, "redis_cache_staleness": "500ms", "redis_statuses": "python", "redis_wait_replicas": 1,
        "push_log_path": "log",
    });
    let node = |host: &str, port| RedisNode {
        host: host.to_owned(),
        port,
    };
    let login = |username: Option<&str>, password: &str| RedisLogin {
        username: username.map(str::to_owned),
        password: Some(password.to_owned()),
    };
    let expected = RedisConfig {
        topology: RedisTopology::Sentinel { master: "m".to_owned() },
        nodes: vec![node("a", 1), node("::1", 2)],
        database: 3,
        login: login(Some("u"), "p"),
        sentinel_login: login(None, "s"),
        tls: Some(RedisTls {
            ca: Some(PathBuf::from("/repo/ca.pem")),
            client: Some((PathBuf::from("/c.pem"), PathBuf::from("/repo/k.pem"))),
            checks_certificate: true,
            checks_hostname: false,
        }),
        client_name: Some("n".to_owned()),
        reads_from_replicas: false,
        key_ttl_seconds: Some(60),
        scans_for_deletion: false,
        connect_timeout: Duration::from_secs(2),
        response_timeout: Duration::from_millis(500),
        reply_memory: 1 << 30,
        row_cache: 1 << 20,
        cache_staleness: Some(Duration::from_millis(500)),
        python_statuses: true,
        wait_replicas: 1,
    };
    let config = parse(online_store.clone(), serving.clone()).unwrap();
    assert!(config.skip_dedup);
    assert_eq!(config.push_log_path, PathBuf::from("/repo/log"));
    assert_eq!(config.without_effect, Vec::<String>::new());
    assert_eq!(redis_with(online_store, serving), expected);
    let cluster = json!({"redis_type": "redis_cluster", "connection_string": "a:1,b:2,read_from_replicas=true"});
    let cluster = redis_with(cluster, Value::Null);
    assert_eq!(cluster.topology, RedisTopology::Cluster);
    assert_eq!((cluster.nodes.len(), cluster.reads_from_replicas), (2, true));
}

/// The rows of the first table of the differences: a connection string, and whether it is accepted.
fn listed_differences() -> Vec<(String, bool)> {
    let rows = REDIS_DIFFERENCES
        .lines()
        .skip_while(|line| !line.starts_with("| connection string"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[1].trim_matches('`').to_owned(), cells[2] == "accepted")
    })
    .collect()
}

#[test]
fn connection_strings_are_those_of_python_feast() {
    let mut differences = Vec::new();
    for line in REDIS_CONNECTION_STRINGS.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let string = case["connection_string"].as_str().unwrap();
        let is_accepted = parse(json!({ "connection_string": string }), Value::Null).is_ok();
        if is_accepted != (case["client"] == "ok") {
            differences.push((string.to_owned(), is_accepted));
            continue;
        }
        let Ok(parsed) = ConnectionString::parse(string, "") else {
            assert!(!is_accepted, "{string}");
            continue;
        };
        let nodes = parsed.nodes.iter();
        let nodes = nodes.map(|node| json!({"host": node.host, "port": node.port.to_string()}));
        assert_eq!(Value::Array(nodes.collect()), case["nodes"], "{string}");
        let parameters = case["params"].as_object().unwrap();
        for (name, value) in parameters {
            assert_eq!(&parsed.get(name).unwrap().json, value, "{string}");
        }
        let names = string.split(',').filter(|part| part.contains('='));
        assert!(names.count() >= parameters.len(), "{string}");
    }
    differences.sort();
    let mut listed = listed_differences();
    listed.sort();
    assert_eq!(differences, listed);
    assert_eq!(REDIS_CONNECTION_STRINGS.lines().count(), 35);
}

#[test]
fn passwords_are_sent_as_they_are_written() {
    let check = |written: &str, expected: Option<&str>| {
        let login = connect(&format!("h:1,password={written}")).login;
        assert_eq!(login.password.as_deref(), expected, "{written}");
    };
    check("abc", Some("abc"));
    check("1234", Some("1234"));
    check("\"1234\"", Some("1234"));
    check("007", Some("007"));
    check("1e3", Some("1e3"));
    check("1234.50", Some("1234.50"));
    check("true", Some("true"));
    check("a=b==", Some("a=b=="));
    check("p:w", Some("p:w"));
    check(" a ", Some(" a "));
    check("{\"a\": 1}", Some("{\"a\": 1}"));
    check("", None);
    check("null", None);
    let login = connect("h:1,username=me").login;
    assert_eq!(login.password.as_deref(), Some(""), "as redis-py");
}

#[test]
fn flags_mean_what_they_say() {
    let encrypted = |value: &str| connect(&format!("h:1,ssl={value}")).tls.is_some();
    for on in ["true", "True", "TRUE", "1", "\"true\""] {
        assert!(encrypted(on), "{on}");
    }
    for off in ["false", "False", "0", "null", ""] {
        assert!(!encrypted(off), "{off}");
    }
    assert!(refusal("h:1,ssl=yes").starts_with("ssl must be true or false, not \"yes\""));
    let checks = |value: &str| {
        let tls = connect(&format!("h:1,ssl=true,ssl_cert_reqs={value}")).tls.unwrap();
        (tls.checks_certificate, tls.checks_hostname)
    };
    assert_eq!(checks("none"), (false, false));
    assert_eq!(checks("null"), (false, false));
    assert_eq!(checks("optional"), (true, true));
    assert_eq!(checks("required"), (true, true));
    let both = connect("h:1,ssl=true,ssl_certfile=/c.pem").tls.unwrap().client.unwrap();
    assert_eq!(both, (PathBuf::from("/c.pem"), PathBuf::from("/c.pem")));
    assert_eq!(connect("h:1,ssl_ca_certs=/c.pem").tls, None, "as redis-py");
}

#[test]
fn timeouts_come_from_the_nearest_place() {
    let timeouts = |string: &str, serving: Value| {
        let config = redis_with(json!({ "connection_string": string }), serving);
        [config.connect_timeout, config.response_timeout].map(|timeout| timeout.as_millis())
    };
    assert_eq!(timeouts("h:1", Value::Null), [1000, 1000]);
    assert_eq!(timeouts("h:1,socket_timeout=3", Value::Null), [3000, 3000]);
    assert_eq!(timeouts("h:1,socket_connect_timeout=0.25", Value::Null), [250, 1000]);
    let serving = json!({"redis_response_timeout": "200ms"});
    assert_eq!(timeouts("h:1,socket_timeout=3", serving.clone()), [3000, 200]);
    assert_eq!(timeouts("h:1", serving), [1000, 200]);
    assert_eq!(timeouts("h:1,socket_timeout=null", Value::Null), [1000, 1000]);
}

#[test]
fn rows_in_memory_need_both_a_size_and_a_bound() {
    let cache = |string: &str, serving: Value| {
        let config = redis_with(json!({ "connection_string": string }), serving);
        (
            config.row_cache >> 20,
            config.cache_staleness.map(|staleness| staleness.as_millis()),
        )
    };
    assert_eq!(cache("h:1", Value::Null), (cache_share() >> 20, Some(2000)));
    assert_eq!(cache("h:1", json!({"redis_cache_staleness": "off"})), (0, None));
    assert_eq!(cache("h:1", json!({"redis_cache_staleness": false})), (0, None));
    assert_eq!(cache("h:1", json!({"redis_row_cache_mib": 0})), (0, None));
    assert_eq!(cache("h:1,protocol=2", Value::Null), (0, None));
    let conflict = problem(
        json!({"connection_string": "h:1,protocol=2"}),
        json!({"redis_cache_staleness": "2s"}),
    );
    assert!(conflict.contains("has protocol=2 | remove protocol=2"), "{conflict}");
}

fn check(string: &str, expected: &str) {
    let refusal = refusal(string);
    assert!(refusal.starts_with(expected), "{string}: {refusal}");
}

#[test]
fn wrong_parts_are_refused_with_place_and_remedy() {
    check("h", "part 1 (h) has no port | a server is written host:port");
    check("h:", "part 1 (h) has a port that is not a number from 1 to 65535");
    check("h:0", "part 1 (h) has a port that is not a number");
    check("h:+1", "part 1 (h) has a port that is not a number");
    check("h:65536", "part 1 (h) has a port that is not a number");
    check("h:1:2", "part 1 (h) has more than one colon");
    check("::1:6379", "part 1 has more than one colon");
    check("[::1]", "part 1 ([::1]) has no port");
    check(
        "[::g]:1",
        "part 1 ([::g]) has a host that is neither a name nor an address",
    );
    check(
        "redis://u:p@h:6379/0",
        "part 1 is a URL | write host:port, and the rest of the URL as parameters",
    );
    check(",h:1", "part 1 is empty | remove the extra comma");
    check("h:1,", "part 2 is empty");
    for socket in ["unix:///run/redis.sock", "/run/redis.sock", "./redis.sock"] {
        check(
            socket,
            "part 1 is a Unix socket, which Feast cannot use | a server is written host:port",
        );
    }
    check(
        "h:1, db=1",
        "part 2 has the parameter \" db\", which is not known: did you mean db?",
    );
    check(
        "h:1,timeout=1",
        "part 2 has the parameter \"timeout\", which is not known: did you mean socket_timeout?",
    );
    check(
        "h:1,zzz=1",
        "part 2 has the parameter \"zzz\", which is not known | the parameters are db, username, password",
    );
    check(
        "h:1,unix_socket_path=/s",
        "part 2 is unix_socket_path: Unix sockets are not supported",
    );
}

#[test]
fn wrong_values_are_refused_with_place_and_remedy() {
    check("h:1,db=x", "db must be the number of a database, not \"x\"");
    check("h:1,db=-1", "db must be the number of a database, not \"-1\"");
    check(
        "h:1,socket_timeout=0",
        "socket_timeout must be a number of seconds from 0.001 to 3600, not \"0\"",
    );
    check("h:1,socket_timeout=NaN", "socket_timeout must be a number of seconds");
    check("h:1,protocol=4", "protocol must be 2 or 3");
    check("h:1,client_name=a b", "client_name must be printable ASCII");
    check("h:1,read_from_replicas=true", "read_from_replicas is for clusters only");
    check(
        "h:1,ssl=true,ssl_password=x",
        "ssl_password: encrypted keys are not supported | decrypt the key",
    );
    check(
        "h:1,ssl=true,ssl_keyfile=k",
        "ssl_keyfile is given without ssl_certfile",
    );
    check(
        "h:1,ssl=true,ssl_ca_certs=a,ssl_ca_path=b",
        "both ssl_ca_certs and ssl_ca_path are given",
    );
    check(
        "h:1,ssl=true,ssl_cert_reqs=maybe",
        "ssl_cert_reqs must be none, optional or required",
    );
    check(
        "h:1,sentinel_kwargs=x",
        "sentinel_kwargs must be a JSON object | write sentinel_kwargs={",
    );
    check(
        "h:1,sentinel_kwargs={\"db\":1}",
        "sentinel_kwargs may have the keys username and password",
    );
    check(
        "h:1,password=a,b",
        "part 3 has no port | a server is written host:port, such as localhost:6379; an IPv6 address goes in brackets. If this is a piece of a password: a comma ends a value",
    );
    let no_server = problem(json!({"connection_string": "db=1"}), Value::Null);
    assert!(
        no_server.starts_with("online_store.connection_string names no server | write host:port"),
        "{no_server}"
    );
    let cluster = problem(
        json!({"redis_type": "redis_cluster", "connection_string": "h:1,db=1"}),
        Value::Null,
    );
    assert!(
        cluster.contains("db must be 0, as a cluster has one database"),
        "{cluster}"
    );
}

fn check_keys(online_store: Value, serving: Value, expected: &str) {
    let problem = problem(online_store, serving);
    assert!(problem.starts_with(expected), "{problem}");
}

#[test]
fn wrong_keys_are_refused_with_place_and_remedy() {
    let check = check_keys;
    let none = || json!({});
    check(
        json!({"sentinel_mastr": "x"}),
        none(),
        "online_store.sentinel_mastr is not known: did you mean sentinel_master? | the keys of online_store are type, redis_type",
    );
    check(json!({"path": "x"}), none(), "online_store.path is not known | ");
    check(
        json!({"redis_type": "cluster"}),
        none(),
        "online_store.redis_type \"cluster\" is not one of redis, redis_cluster, redis_sentinel",
    );
    check(
        json!({"client": "x"}),
        none(),
        "online_store.client \"x\" is not one of redis, glide",
    );
    check(
        json!({"redis_type": 1}),
        none(),
        "online_store.redis_type must be a string, not 1",
    );
    check(
        json!({"redis_type": "redis_sentinel", "sentinel_master": ""}),
        none(),
        "online_store.sentinel_master is empty | it is the name after `sentinel monitor`",
    );
    check(
        json!({"connection_string": ""}),
        none(),
        "online_store.connection_string is empty | write host:port",
    );
    check(
        json!({}),
        json!({"push_log_path": ""}),
        "serving.push_log_path is empty | name a path",
    );
    check(
        json!({"connection_string": ["password=x"]}),
        none(),
        "online_store.connection_string must be a string | write it in quotes",
    );
    check(
        json!({"key_ttl_seconds": -1}),
        none(),
        "online_store.key_ttl_seconds must be a whole number of at least 0, not -1",
    );
    check(
        json!({"key_ttl_seconds": 1e10 as u64}),
        none(),
        "online_store.key_ttl_seconds must be at most",
    );
    check(
        json!({"full_scan_for_deletion": 1}),
        none(),
        "online_store.full_scan_for_deletion must be true or false, not 1",
    );
    check(
        json!({"skip_dedup": 1}),
        none(),
        "online_store.skip_dedup must be true or false, not 1",
    );
}

#[test]
fn wrong_keys_of_serving_are_refused_with_place_and_remedy() {
    let check = check_keys;
    let none = || json!({});
    check(
        none(),
        json!({"redis_response_timeout": 0}),
        "serving.redis_response_timeout must be from 1ms to 1h, not 0",
    );
    check(
        none(),
        json!({"redis_response_timeout": "2h"}),
        "serving.redis_response_timeout must be from 1ms to 1h, not \"2h\"",
    );
    check(
        none(),
        json!({"redis_cache_staleness": "10ms"}),
        "serving.redis_cache_staleness must be at least 100ms, not \"10ms\" | off",
    );
    check(
        none(),
        json!({"redis_cache_staleness": true}),
        "serving.redis_cache_staleness must be a whole number of seconds",
    );
    check(
        none(),
        json!({"redis_statuses": "x"}),
        "serving.redis_statuses \"x\" is not one of default, python",
    );
    check(
        none(),
        json!({"redis_wait_replicas": 1001}),
        "serving.redis_wait_replicas must be at most 1000, not 1001",
    );
    check(
        none(),
        json!({"redis_row_cache": 1}),
        "serving.redis_row_cache is not known: did you mean redis_row_cache_mib?",
    );
}

#[test]
fn old_entity_keys_are_refused() {
    let verdict = |store: &str, version: &str| {
        let text =
            format!("project: p\nregistry: r\nonline_store: {store}\nentity_key_serialization_version: {version}");
        RepositoryConfig::parse(&text, std::path::Path::new("/repo"))
            .map_err(|error| format!("{error} | {}", error.hint().unwrap()))
    };
    for (version, remedy) in [
        ("1", "entity-reserialization"),
        ("2", "entity-reserialization"),
        ("4", "set it to 3"),
        ("\"3\"", "set it to 3"),
    ] {
        let refusal = verdict("redis", version).unwrap_err();
        let expected = format!(
            "entity_key_serialization_version is {version}, and this binary finds only entity keys of version 3"
        );
        assert!(refusal.starts_with(&expected) && refusal.contains(remedy), "{refusal}");
    }
    assert!(verdict("redis", "3").is_ok() && verdict("redis", "null").is_ok());
    assert!(verdict("rocksdb", "2").is_ok(), "its keys are its own");
}

#[test]
fn keys_of_another_store_have_no_effect() {
    let text = "project: p\nregistry: r\nonline_store: rocksdb\nserving: {redis_statuses: python, push_log_path: x}";
    let config = RepositoryConfig::parse(text, std::path::Path::new("/repo")).unwrap();
    assert_eq!(
        config.without_effect,
        [
            "serving.redis_statuses has no effect here: the online store is rocksdb",
            "serving.push_log_path has no effect here: the online store is rocksdb"
        ]
    );
}

/// Pieces of connection strings, and arbitrary ones.
fn connection_string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => ".{0,12}",
        1 => "[a-z]{1,5}:[0-9]{1,6}",
        1 => r"\[[0-9a-f:]{0,8}\](:[0-9]{0,5})?",
        2 => (proptest::sample::select(&super::parameters::WITH_EFFECT[..]), ".{0,8}").prop_map(|(name, value)| format!("{name}={value}")),
        1 => "[a-z]{1,5}://[a-z:@]{0,9}",
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.join(","))
}

proptest! {
    /// Any string is read or refused, and is the same when it is read again as it is shown.
    #[test]
    fn any_connection_string_is_read_or_refused(string in connection_string()) {
        for redis_type in ["redis", "redis_cluster", "redis_sentinel"] {
            if let Ok(config) = parse(json!({"redis_type": redis_type, "connection_string": string}), Value::Null) {
                let OnlineStoreConfig::Redis(config) = config.online_store else { panic!("not Redis") };
                prop_assert!(!config.nodes.is_empty());
                prop_assert!(config.nodes.iter().all(|node| node.port > 0 && !node.host.is_empty()));
            }
        }
    }

    /// A password is in no message and in nothing that is shown, whatever it consists of.
    #[test]
    fn passwords_are_never_shown(
        before in prop_oneof![Just("h:1"), Just("h"), Just("db=x"), Just("h:1,ssl=maybe")],
        password in "[:=,{}\"]{0,2}(S3CRET[:=,/@ ]{0,2}){1,3}",
        after in prop_oneof![Just(""), Just(",db=1"), Just(",x=1"), Just(",,")],
    ) {
        let string = format!("{before},password={password}{after}");
        prop_assert!(!redact(&string).contains("S3CRET"), "{}", redact(&string));
        let outcome = match parse(json!({ "connection_string": string }), Value::Null) {
            Ok(config) => format!("{config:?}"),
            Err(error) => format!("{error:?} {error} {:?}", error.hint()),
        };
        prop_assert!(!outcome.contains("S3CRET"), "{outcome}");
    }
}
