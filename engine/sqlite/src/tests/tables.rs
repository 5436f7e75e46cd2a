//! What `apply` and `teardown` do.

use super::*;

/// Names and definitions of everything in a file.
fn schema(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT name || ': ' || coalesce(sql, '') FROM sqlite_schema ORDER BY name")
        .unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|row| row.unwrap().split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn tables_are_made_as_pythons_apply_makes_them() {
    let python = Path::new(feast_fixtures::SQLITE_STORE).join("online_store.db");
    let of_python: Vec<String> = schema(&python)
        .into_iter()
        .filter(|line| line.contains("types_repo_by_blob"))
        .collect();
    assert_eq!(of_python.len(), 3);
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("data/online.db"), "types_repo").unwrap();
    store.apply(&[view("by_blob", &[])], &[]).unwrap();
    // Python quotes names or not as it makes a table here or there.
    let plain = |lines: Vec<String>| -> Vec<String> { lines.iter().map(|line| line.replace(['"', ' '], "")).collect() };
    assert_eq!(plain(schema(&store.path)), plain(of_python));
}

#[test]
fn applying_adds_what_is_missing_and_drops_what_was_removed() {
    let opened = Opened::new();
    opened.run(
        "CREATE TABLE p_v (entity_key BLOB, feature_name TEXT, value BLOB, vector_value BLOB, event_ts timestamp, created_ts timestamp,
         PRIMARY KEY(entity_key, feature_name)); CREATE TABLE p_gone (x); CREATE TABLE p_other (x)",
    );
    opened.write(&[(1, 5_000_000, None, Some(1), None)]);
    opened
        .store
        .apply(&[view_v(), view("w \"quoted\"", &[])], &[view("gone", &[])])
        .unwrap();
    let names: Vec<String> = schema(opened.path())
        .iter()
        .map(|line| line.split(": ").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| !name.starts_with("sqlite_"))
            .collect::<Vec<_>>(),
        ["p_other", "p_v", "p_w \"quoted\"", "p_w \"quoted\"_ek"]
    );
    assert!(
        schema(opened.path())
            .iter()
            .any(|line| line.starts_with("p_v:") && line.contains("value_text TEXT"))
    );
    assert_eq!(opened.read(1), "a=1 b=null at 5");
}

#[test]
fn a_torn_down_project_leaves_the_tables_of_others() {
    let opened = Opened::new();
    opened.write(&[(1, 5_000_000, None, Some(1), None)]);
    opened.run("CREATE TABLE q_v (x)");
    opened.store.tear_down(&[view_v()]).unwrap();
    assert_eq!(schema(opened.path()), ["q_v: CREATE TABLE q_v (x)"]);
    opened.run("DROP TABLE q_v");
    opened.store.tear_down(&[view_v()]).unwrap();
    assert!(!opened.path().exists());
    opened.store.tear_down(&[view_v()]).unwrap();
}

#[test]
fn versions_of_a_view_have_tables_of_their_own() {
    let opened = Opened::new();
    opened.write(&[(1, 5_000_000, None, Some(1), None)]);
    let second = StoredView {
        stored_name: "v_v2".to_owned(),
        ..view_v()
    };
    opened.store.follow(&[second]);
    assert_eq!(opened.read(1), "nothing");
    opened.write(&[(1, 3_000_000, None, Some(2), None)]);
    assert_eq!(opened.read(1), "a=2 b=null at 3");
    opened.store.follow(&[view_v()]);
    assert_eq!(opened.read(1), "a=1 b=null at 5");
}

#[test]
fn the_settings_of_the_file_stay_and_commits_are_durable() {
    for mode in ["delete", "wal"] {
        let opened = Opened::new();
        opened.run(&format!("PRAGMA journal_mode = {mode}"));
        opened.write(&[(1, 5_000_000, None, Some(1), None)]);
        assert_eq!(opened.read(1), "a=1 b=null at 5");
        let connection = Connection::open(opened.path()).unwrap();
        let found: String = connection
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(found, mode);
        let mut turn = opened.store.writer.wait_for_turn();
        let synchronous: i64 = turn
            .transaction(|connection| {
                Ok(connection
                    .query_row("PRAGMA synchronous", [], |row| row.get(0))
                    .unwrap())
            })
            .unwrap();
        assert_eq!(synchronous, 3);
    }
}

#[test]
fn what_is_not_a_database_is_refused_when_it_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let open = |name: &str| SqliteStore::open(&directory.path().join(name), "p").map(|_| ());
    let problem = |name: &str| {
        let error = open(name).unwrap_err();
        format!("{error} | {}", error.hint().unwrap_or_default())
    };
    let refusal = problem("");
    assert!(
        refusal.starts_with("the path of the online store is a directory")
            && refusal.ends_with("| name a file, which is made if it is not there"),
        "{refusal}"
    );
    std::fs::write(directory.path().join("notes"), "not a database, ".repeat(100)).unwrap();
    let refusal = problem("notes");
    assert!(refusal.contains("file is not a database | restore it"), "{refusal}");
    open("not there").unwrap();
    // A file may be locked for now, or empty because it was just made.
    std::fs::write(directory.path().join("empty"), "").unwrap();
    open("empty").unwrap();
    let locked = rusqlite::Connection::open(directory.path().join("locked")).unwrap();
    locked.execute_batch("CREATE TABLE t (a); BEGIN EXCLUSIVE").unwrap();
    open("locked").unwrap();
}
