//! Commands that are typed wrong: usage, message and exit code as Feast's command line was recorded to give them.

use crate::support::Repository;

/// What is typed, the usage that is printed, and the error.
const TYPED_WRONG: &[(&[&str], &str, &str)] = &[
    (
        &["materialize"],
        "feast materialize [OPTIONS] [START_TS] [END_TS]",
        "START_TS and END_TS are required unless --disable-event-timestamp is used",
    ),
    (
        &["materialize", "2026-01-01"],
        "feast materialize [OPTIONS] [START_TS] [END_TS]",
        "START_TS and END_TS are required unless --disable-event-timestamp is used",
    ),
    (
        &["materialize", "", "2026-01-01"],
        "feast materialize [OPTIONS] [START_TS] [END_TS]",
        "START_TS and END_TS are required unless --disable-event-timestamp is used",
    ),
    (
        &["materialize", "--disable-event-timestamp", "2026-01-01"],
        "feast materialize [OPTIONS] [START_TS] [END_TS]",
        "Cannot specify START_TS or END_TS when --disable-event-timestamp is used",
    ),
    (
        &["materialize", "2026-01-01", "2026-02-01", "--disable-event-timestamp"],
        "feast materialize [OPTIONS] [START_TS] [END_TS]",
        "Cannot specify START_TS or END_TS when --disable-event-timestamp is used",
    ),
    (
        &["materialize", "2026-01-01", "2026-02-01", "extra"],
        "feast materialize [OPTIONS] [START_TS] [END_TS]",
        "Got unexpected extra argument (extra)",
    ),
    (
        &["materialize", "--nope"],
        "feast materialize [OPTIONS] [START_TS] [END_TS]",
        "No such option '--nope'.",
    ),
    (
        &["materialize", "--shard", "9/8", "2026-01-01", "2026-02-01"],
        "feast materialize [OPTIONS] [START_TS] [END_TS]",
        "Invalid value for '--shard': '9/8': a shard is written as 2/8: its number, from 1, and how many there are, 1024 at most",
    ),
    (
        &["materialize", "--shard", "1/8", "--disable-event-timestamp"],
        "feast materialize [OPTIONS] [START_TS] [END_TS]",
        "Cannot use --disable-event-timestamp with --shard: each shard would end at another time",
    ),
    (
        &["materialize", "2026-01-01", "2026-02-01", "--finish", "1.json"],
        "feast materialize [OPTIONS] [START_TS] [END_TS]",
        "Cannot specify START_TS or END_TS when --finish is used: they are in the receipts",
    ),
    (
        &["materialize-incremental"],
        "feast materialize-incremental [OPTIONS] END_TS",
        "Missing argument 'END_TS'.",
    ),
    (
        &["materialize-incremental", "2026-11-25", "x"],
        "feast materialize-incremental [OPTIONS] END_TS",
        "Got unexpected extra argument (x)",
    ),
    (
        &["materialize-incremental", "--disable-event-timestamp"],
        "feast materialize-incremental [OPTIONS] END_TS",
        "No such option '--disable-event-timestamp'.",
    ),
    (
        &["-c", ".", "materialize-incremental"],
        "feast materialize-incremental [OPTIONS] END_TS",
        "Missing argument 'END_TS'.",
    ),
    (
        &["nonsense"],
        "feast [OPTIONS] COMMAND [ARGS]...",
        "No such command 'nonsense'.",
    ),
    (
        &["no'such"],
        "feast [OPTIONS] COMMAND [ARGS]...",
        "No such command \"no'such\".",
    ),
    (
        &["serve", "--no'such"],
        "feast serve [OPTIONS]",
        "No such option \"--no'such\".",
    ),
    (
        &["serve", "--port", "a'b\\c"],
        "feast serve [OPTIONS]",
        "Invalid value for '--port' / '-p': \"a'b\\\\c\" is not a valid integer.",
    ),
    (&["-c", "."], "feast [OPTIONS] COMMAND [ARGS]...", "Missing command."),
    (
        &["--nope"],
        "feast [OPTIONS] COMMAND [ARGS]...",
        "No such option '--nope'.",
    ),
    (
        &["apply", "x"],
        "feast apply [OPTIONS]",
        "Got unexpected extra argument (x)",
    ),
    (&["apply", "-x"], "feast apply [OPTIONS]", "No such option '-x'."),
    (
        &["version", "x"],
        "feast version [OPTIONS]",
        "Got unexpected extra argument (x)",
    ),
    (
        &["entities", "nope"],
        "feast entities [OPTIONS] COMMAND [ARGS]...",
        "No such command 'nope'.",
    ),
    (
        &["entities", "describe"],
        "feast entities describe [OPTIONS] NAME",
        "Missing argument 'NAME'.",
    ),
    (
        &["delete"],
        "feast delete [OPTIONS] OBJECT_ID",
        "Missing argument 'OBJECT_ID'.",
    ),
    (
        &["projects", "delete"],
        "feast projects delete [OPTIONS] NAME",
        "Missing argument 'NAME'.",
    ),
    (
        &["get-online-features"],
        "feast get-online-features [OPTIONS]",
        "Missing option '--entities' / '-e'.",
    ),
    (
        &["get-online-features", "-e", "k=1"],
        "feast get-online-features [OPTIONS]",
        "Missing option '--features' / '-f'.",
    ),
    (
        &["get-online-features", "-f", "fv:v"],
        "feast get-online-features [OPTIONS]",
        "Missing option '--entities' / '-e'.",
    ),
    (
        &["serve", "--port", "x"],
        "feast serve [OPTIONS]",
        "Invalid value for '--port' / '-p': 'x' is not a valid integer.",
    ),
    (
        &["serve", "--workers", "x"],
        "feast serve [OPTIONS]",
        "Invalid value for '--workers' / '-w': 'x' is not a valid integer.",
    ),
    (
        &["feature-views", "set-stat"],
        "feast feature-views [OPTIONS] COMMAND [ARGS]...",
        "No such command 'set-stat'. Did you mean 'set-state'?",
    ),
    (
        &["init", "a", "b"],
        "feast init [OPTIONS] [PROJECT_DIRECTORY]",
        "Got unexpected extra argument (b)",
    ),
];

#[test]
fn typing_mistakes_are_reported_in_the_words_of_feast() {
    let repository = Repository::from_template();
    for (typed, usage, message) in TYPED_WRONG {
        let outcome = repository.feast(typed);
        let command = usage.split(" [").next().unwrap().trim_end_matches(" END_TS");
        let expected = format!("Usage: {usage}\nTry '{command} --help' for help.\n\nError: {message}\n");
        assert_eq!(
            (outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()),
            (Some(2), "", expected.as_str()),
            "{typed:?}"
        );
    }
    assert!(!repository.exists("data/registry.db"), "nothing may be written");
}

/// What Feast does not have, or says otherwise, in the same form.
#[test]
fn other_words_in_the_same_form() {
    let repository = Repository::from_template();
    for (typed, message) in [
        (
            &["feature-views", "set-state", "fv", "nope"] as &[_],
            "Invalid value for 'STATE': 'nope' is not one of 'created', 'generated', 'materializing', 'available_online'.",
        ),
        (
            &["serve", "--port", "70000"],
            "Invalid value for '--port' / '-p': '70000': 70000 is not in 0..=65535",
        ),
        (
            &["materialize-incremental", "2026-11-25", "-v"],
            "Option '--views' requires an argument.",
        ),
        (
            &["init", "_bad"],
            "Invalid value for PROJECT_DIRECTORY: Name should be alphanumeric values, underscores, and hyphens but not start \
             with an underscore or hyphen",
        ),
    ] {
        let outcome = repository.feast(typed);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{typed:?}");
        let mut lines = outcome.stderr.lines();
        assert!(lines.next().unwrap().starts_with("Usage: feast "), "{}", outcome.stderr);
        assert_eq!(lines.nth(2), Some(format!("Error: {message}").as_str()), "{typed:?}");
    }
    for (typed, message) in [
        (
            &["serve", "--type", "grpc"] as &[_],
            "Error: this server only supports 'http'. Got 'grpc' instead.\n",
        ),
        (
            &["materialize", "2026-01-01", "2026-02-01", "--version", "v2"],
            "Error: version v2: materializing a former version of a view is not supported\n",
        ),
    ] {
        let outcome = repository.feast(typed);
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        assert!(outcome.stderr.starts_with(message), "{}", outcome.stderr);
    }
}

#[test]
fn everything_up_to_now_whatever_its_event_time() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let printed = repository.succeed(&["materialize", "--disable-event-timestamp"]);
    assert!(
        printed.starts_with("Materializing 1 feature views from 1970-01-01 00:00:00+00:00 to "),
        "{printed}"
    );
    let read = repository.succeed(&[
        "get-online-features",
        "-e",
        "driver_id=1001",
        "-f",
        "driver_hourly_stats:conv_rate",
    ]);
    assert!(!read.contains("null"), "{read}");
}
