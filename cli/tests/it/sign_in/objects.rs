//! What is asked of which object, beside what is recorded: label views, changed permissions, and the commands about them.

use serde_json::json;

use super::provider::Provider;
use super::token::{of_provider, reader};
use super::{ask, library, status_of_read};
use crate::support::eventually;

#[test]
fn permissions_that_are_applied_count_at_once() {
    let provider = Provider::start();
    let repository = library(&provider.auth(""));
    let definitions = std::fs::read_to_string(repository.path.join("definitions.py")).unwrap();
    let server = repository.serve();
    let token = of_provider(&reader());
    assert_eq!(status_of_read(&server, &token), 200);
    let changed = definitions.replace(
        "RoleBasedPolicy(roles=[\"reader\"])",
        "RoleBasedPolicy(roles=[\"member\"])",
    );
    assert_ne!(changed, definitions);
    repository.write("definitions.py", &changed);
    repository.succeed(&["apply"]);
    eventually("the role is not enough any more", || {
        status_of_read(&server, &token) == 403
    });
    repository.write(
        "definitions.py",
        &definitions.replace("name_patterns=[\"member_.*\"]", "name_patterns=[\"(member_.*\"]"),
    );
    repository.succeed(&["apply"]);
    let refused = || ask(&server, "/get-online-features", &token, &super::read_of_members());
    eventually("the permission allows nothing", || {
        let refused = refused();
        refused.status == 403 && refused.body.contains("No permissions defined to manage")
    });
    // A permission that cannot be read harms no other.
    let books = json!({"features": ["book_stats:lent"], "entities": {"book_id": [10]}});
    assert_eq!(ask(&server, "/get-online-features", &token, &books).status, 200);
    let (_, log) = server.stop();
    for line in [
        "permission read_members allows nothing: its name pattern \"(member_.*\" cannot be read here as Python reads it",
        "permission by_tag does not allow the groups auditors to use",
    ] {
        assert!(log.contains(line), "{log}");
    }
}

/// Feast lets anybody who has signed in write labels.
#[test]
fn labels_are_asked_about_too() {
    let provider = Provider::start();
    let repository = library(&provider.auth(""));
    let definitions = std::fs::read_to_string(repository.path.join("definitions.py")).unwrap();
    let label_view = "
from feast.labeling.label_view import LabelView
from feast.types import String

ratings = LabelView(
    name=\"ratings\", entities=[member],
    schema=[Field(name=\"labeler\", dtype=String), Field(name=\"stars\", dtype=Int64)],
    source=PushSource(name=\"ratings_push\", batch_source=source(\"member_profile\")),
)
rate = Permission(name=\"rate\", types=[LabelView], actions=[A.WRITE_ONLINE], policy=RoleBasedPolicy(roles=[\"rater\"]))
";
    repository.write("definitions.py", &format!("{definitions}{label_view}"));
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let push = json!({
        "push_source_name": "ratings_push", "to": "online",
        "df": {"member_id": [1], "labeler": ["x"], "stars": [5], "event_timestamp": ["2026-02-01T00:00:00"], "created": ["2026-02-01T00:00:00"]},
    });
    let of = |role: &str| {
        let mut claims = reader();
        claims["roles"] = json!([role]);
        of_provider(&claims)
    };
    let refused = ask(&server, "/push", &of("reader"), &push);
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.body.contains("LabelView:ratings"), "{}", refused.body);
    let written = ask(&server, "/push", &of("rater"), &push);
    assert_eq!(written.status, 200, "{}", written.body);
}

#[test]
fn what_a_request_lacks_is_said_to_those_who_may_ask() {
    let provider = Provider::start();
    let (_repository, server) = library(&provider.auth("")).serve_and_keep();
    let token = of_provider(&reader());
    // What is not there is not there for anybody; what is wrong besides is for who may read.
    let check = |body: serde_json::Value, status: u16, part: &str| {
        let answer = ask(&server, "/get-online-features", &token, &body);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(part), "{}", answer.body);
    };
    let entities = json!({"branch_id": [1]});
    check(
        json!({"features": ["branch_live:nothing"], "entities": entities}),
        403,
        "branch_live",
    );
    check(
        json!({"features": ["member_profile:nothing"], "entities": entities}),
        404,
        "Feature nothing not found",
    );
    check(
        json!({"features": ["nothing:x"], "entities": entities}),
        404,
        "FeatureViewNotFoundException",
    );
    check(
        json!({"features": ["branch_live:visitors", "nothing:x"], "entities": entities}),
        404,
        "FeatureViewNotFoundException",
    );
    check(
        json!({"feature_service": "nothing", "entities": entities}),
        404,
        "FeatureServiceNotFoundException",
    );
    // Rows that are too large to be read at once are asked about too.
    let many: Vec<u32> = (0..20_000).collect();
    check(
        json!({"features": ["branch_live:visitors"], "entities": {"branch_id": many}}),
        403,
        "branch_live",
    );
    let answer = ask(
        &server,
        "/search",
        &token,
        &json!({"features": ["branch_live:visitors"], "query": [0.1], "top_k": 1}),
    );
    assert_eq!(answer.status, 403, "{}", answer.body);
}

#[test]
fn commands_say_what_permissions_allow() {
    let repository = library("");
    let roles = repository.succeed(&["permissions", "list-roles"]);
    assert!(
        roles.starts_with("+--------------+\n| ROLE NAME    |\n+==============+\n| bookworm     |\n+--------------+\n"),
        "{roles}"
    );
    let verbose = repository.succeed(&["permissions", "list-roles", "-v"]);
    let lines: Vec<&str> = verbose.lines().collect();
    assert_eq!(
        lines[0],
        "ROLE NAME     RESOURCE NAME              RESOURCE TYPE        PERMITTED ACTIONS"
    );
    let of_bookworm = "bookworm      book_stats                 FeatureView          READ_ONLINE";
    let at = lines.iter().position(|line| *line == of_bookworm).unwrap();
    assert_eq!(lines[at + 1].trim(), "READ_OFFLINE");
    let checked = repository.feast(&["permissions", "check"]);
    assert_eq!(checked.code, Some(0));
    let (resources, actions) = checked
        .stdout
        .split_once("The following actions are not secured")
        .unwrap();
    assert!(
        resources.contains("\nread_members            Permission\n") && !resources.contains("book_stats"),
        "{resources}"
    );
    assert!(
        actions.contains("\nmember_profile          FeatureView          READ_OFFLINE\n"),
        "{actions}"
    );
    assert!(
        checked
            .stderr
            .contains("Warning: permission by_tag does not allow the groups auditors to use book_stats, "),
        "{}",
        checked.stderr
    );
}
