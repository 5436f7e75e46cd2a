//! `feast configuration --effective`: every setting with its value and where that comes from, and what a server says of a changed file.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Repository;

const SETTINGS: &str = "\
project: shop
registry: data/registry.db
online_store:
  type: redis
  connection_string: ${FEAST_TEST_REDIS},password=hidden
serving:
  max_requests: 7
";

/// What `--output json` has of a key.
fn of_key<'all>(all: &'all Value, key: &str) -> &'all Value {
    let found = all.as_array().unwrap().iter().find(|setting| setting["key"] == key);
    found.unwrap_or_else(|| panic!("{key} is not in {all}"))
}

#[test]
fn what_is_in_force_is_shown_with_its_origin() {
    let repository = Repository::empty();
    repository.write("feature_store.yaml", SETTINGS);
    let feast = |arguments: &[&str]| {
        let mut command = repository.command(arguments);
        let output = command.env("FEAST_TEST_REDIS", "redis.example:6379").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!text.contains("hidden"), "{text}");
        text
    };
    let table = feast(&["configuration", "--effective"]);
    let cells = |key: &str| {
        let line = table.lines().find(|line| line.split_whitespace().next() == Some(key));
        let line = line.unwrap_or_else(|| panic!("{key} is not in {table}"));
        line.split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect::<Vec<_>>()
    };
    let check = |key: &str, value: &str, from: &str| assert_eq!(cells(key), [key, value, from]);
    assert_eq!(cells("KEY"), ["KEY", "VALUE", "FROM"]);
    check("project", "shop", "feature_store.yaml:1");
    check("online_store.type", "redis", "feature_store.yaml:4");
    check(
        "online_store.connection_string",
        "redis.example:6379,password=***",
        "feature_store.yaml:5, $FEAST_TEST_REDIS",
    );
    check("serving.max_requests", "7", "feature_store.yaml:7");
    check("serving.send_timeout_seconds", "60", "default");
    assert_eq!(
        cells("serving.max_memory_mib")[2],
        "computed: a quarter of the memory, from 64 to 1024"
    );
    assert!(
        !table.contains("online_store.row_cache_mib"),
        "that is a key of another store: {table}"
    );

    let all: Value = serde_json::from_str(&feast(&["configuration", "--effective", "--output", "json"])).unwrap();
    let shown = of_key(&all, "online_store.connection_string");
    assert_eq!(
        (&shown["source"], &shown["line"], &shown["variables"]),
        (&json!("file"), &json!(5), &json!(["FEAST_TEST_REDIS"]))
    );
    let level = of_key(&all, "serving.log_level");
    assert_eq!(
        (&level["value"], &level["source"], &level["needs_restart"]),
        (&Value::Null, &json!("default"), &json!(false))
    );
    let memory = of_key(&all, "serving.redis_row_cache_mib");
    assert_eq!(
        (&memory["source"], &memory["needs_restart"]),
        (&json!("computed"), &json!(true))
    );
    assert!(memory["value"].as_u64().is_some_and(|mib| mib >= 16), "{memory}");
}

#[test]
fn what_has_no_effect_is_told() {
    let repository = Repository::empty();
    let settings = format!("{SETTINGS}ofline_store: dask\nregistry_cache: 5\nprovider: gcp\n");
    repository.write("feature_store.yaml", &settings.replace("${FEAST_TEST_REDIS}", "h:1"));
    let outcome = repository.feast(&["configuration", "--effective"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    for expected in [
        "Warning: ofline_store is not known and is ignored: did you mean offline_store?",
        "Warning: provider has no effect here: files are local",
    ] {
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    }
    let refused = repository.feast(&["configuration", "--output", "json"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
}

#[test]
fn settings_that_need_a_restart_are_named_on_a_signal() {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    repository.write(
        "feature_store.yaml",
        &format!("{settings}serving: {{max_requests: 7, log_level: info}}\n"),
    );
    server.signal("HUP");
    // Nothing else shows that it was read.
    std::thread::sleep(Duration::from_millis(500));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(
        log.contains("these settings have changed, and count after a restart: serving.max_requests\n"),
        "{log}"
    );
}
