//! Files that other versions of Feast have made, and what is wrong with files.

use feast_model::error::ErrorKind;

use super::*;

/// The columns of Feast 0.40 to 0.63, of a table that was altered since, and with the number of the value.
const SHAPES: [&str; 3] = [
    "entity_key BLOB, feature_name TEXT, value BLOB, vector_value BLOB, event_ts timestamp, created_ts timestamp",
    "entity_key BLOB, feature_name TEXT, value BLOB, vector_value BLOB, event_ts timestamp, created_ts timestamp, value_text TEXT",
    "entity_key BLOB, feature_name TEXT, value BLOB, value_text TEXT, value_num REAL, vector_value BLOB, event_ts timestamp, \
     created_ts timestamp",
];

/// A table `p_v` with these columns.
fn table(columns: &str) -> Opened {
    let opened = Opened::new();
    opened.run(&format!(
        "CREATE TABLE p_v ({columns}, PRIMARY KEY(entity_key, feature_name))"
    ));
    opened
}

fn one<T: rusqlite::types::FromSql>(opened: &Opened, sql: &str) -> T {
    let connection = Connection::open(opened.path()).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn tables_of_any_version_are_read_and_written_as_they_are() {
    for columns in SHAPES {
        let opened = table(columns);
        let before: String = one(&opened, "SELECT sql FROM sqlite_schema WHERE name = 'p_v'");
        opened.write(&[(1, 5_000_000, None, Some(7), Some("x"))]);
        opened.write(&[(1, 6_000_000, Some(1_000_000), Some(8), Some("y"))]);
        assert_eq!(opened.read(1), "a=8 b=y at 6 created 1", "{columns}");
        assert_eq!(
            one::<String>(&opened, "SELECT sql FROM sqlite_schema WHERE name = 'p_v'"),
            before
        );
        if columns.contains("value_text") {
            assert_eq!(
                one::<String>(&opened, "SELECT value_text FROM p_v WHERE feature_name = 'a'"),
                "8"
            );
        }
        if columns.contains("value_num") {
            assert_eq!(
                one::<f64>(&opened, "SELECT value_num FROM p_v WHERE feature_name = 'a'"),
                8.0
            );
            assert_eq!(
                one::<Option<f64>>(&opened, "SELECT value_num FROM p_v WHERE feature_name = 'b'"),
                None
            );
        }
    }
}

/// Python searches in it, and would find a value that is not stored any more.
#[test]
fn a_vector_does_not_outlive_its_value() {
    let opened = table(SHAPES[1]);
    opened.write(&[(1, 5_000_000, None, Some(7), Some("x"))]);
    opened.run("UPDATE p_v SET vector_value = x'0000803f'");
    opened.write(&[(1, 6_000_000, None, Some(8), Some("x"))]);
    assert_eq!(one::<i64>(&opened, "SELECT count(vector_value) FROM p_v"), 0);
}

#[test]
fn what_is_not_stored_is_told_from_null() {
    let opened = Opened::new();
    assert_eq!(opened.read(1), "nothing");
    assert!(!opened.path().exists(), "a read makes no file");
    opened.run("CREATE TABLE other (x)");
    assert_eq!(opened.read(1), "nothing");
    opened.write(&[(1, 5_000_000, None, None, Some("x"))]);
    opened.run("DELETE FROM p_v WHERE feature_name = 'b'");
    assert_eq!(opened.read(1), "a=null at 5");
    // A feature that the view does not have any more is all that is left.
    opened.run("UPDATE p_v SET feature_name = 'gone'");
    assert_eq!(opened.read(1), "at 5");
}

#[test]
fn a_file_that_takes_the_place_of_another_is_read_and_written() {
    let opened = Opened::new();
    opened.write(&[(1, 5_000_000, None, Some(1), None)]);
    assert_eq!(opened.read(1), "a=1 b=null at 5");
    let aside = opened.directory.path().join("aside.db");
    std::fs::rename(opened.path(), &aside).unwrap();
    assert_eq!(opened.read(1), "nothing");
    opened.write(&[(1, 4_000_000, None, Some(2), None)]);
    assert_eq!(opened.read(1), "a=2 b=null at 4");
    std::fs::rename(&aside, opened.path()).unwrap();
    assert_eq!(opened.read(1), "a=1 b=null at 5");
    std::fs::remove_file(opened.path()).unwrap();
    assert_eq!(opened.read(1), "nothing");
}

#[test]
fn damage_is_an_error_of_the_rows_that_have_it() {
    let opened = Opened::new();
    opened.write(&[
        (1, 5_000_000, None, Some(1), Some("x")),
        (2, 5_000_000, None, Some(2), Some("y")),
    ]);
    let check = |sql: &str, expected: &str| {
        opened.run(&format!(
            "UPDATE p_v SET {sql} WHERE feature_name = 'a' AND entity_key = x'{}'",
            hex(&entity(1))
        ));
        let error = opened.try_read(1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.public_message().contains('/'), "{}", error.public_message());
        assert_eq!(opened.read(2), "a=2 b=y at 5");
    };
    check("value = x'20ff'", "feature a of view v: stored value is damaged");
    check("value = x'120178'", "feature a of view v: stored value is a string_val");
    check(
        "value = zeroblob(100000000)",
        "feature a of view v: stored value has 100000000 bytes",
    );
    check(
        "value = 'text'",
        "feature a of view v: its value is stored as Text, not as bytes",
    );
    check(
        "value = x'', event_ts = '2022-01-01 00:00:00'",
        "its event_ts is stored as Text, not as a number of seconds",
    );
    let error = opened
        .try_write(&[(1, 6_000_000, None, Some(1), None)], Replace::OlderRows)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    check(
        "event_ts = 9223372036854775807",
        "its event_ts is outside of what timestamps hold",
    );
    check("event_ts = NULL", "its event_ts is stored as Null");
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let opened = Opened::new();
    std::fs::create_dir_all(opened.path().parent().unwrap()).unwrap();
    std::fs::write(
        opened.path(),
        "no database, but long enough to have a header of a hundred bytes".repeat(4),
    )
    .unwrap();
    for error in [
        opened.try_read(1).unwrap_err(),
        opened
            .try_write(&[(1, 0, None, None, Some("x"))], Replace::OlderRows)
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
        assert!(
            error.to_string().contains("cannot be read: file is not a database"),
            "{error}"
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
