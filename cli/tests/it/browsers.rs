//! Requests that a browser makes for pages of other sites, byte by byte as browsers send them.

use crate::support::{Repository, Server};

const PUSH: &str = r#"{"push_source_name":"driver_stats_push_source","to":"online","df":{"driver_id":[1001],"event_timestamp":["2026-05-13T10:59:42Z"],"created":["2026-05-13"],"conv_rate":[1.0],"acc_rate":[1.0],"avg_daily_trips":[777]}}"#;
const READ: &str = r#"{"features":["driver_hourly_stats:avg_daily_trips"],"entities":{"driver_id":[1001]}}"#;

fn repository() -> Repository {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository
}

/// The response to a POST whose header lines are exactly these.
fn post(server: &Server, path: &str, lines: &[&str], body: &str) -> (u16, String) {
    let lines = lines.join("\r\n");
    let length = body.len();
    let answer = server.send_raw(&format!(
        "POST {path} HTTP/1.1\r\n{lines}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    ));
    (answer.status, answer.body)
}

fn is_written(server: &Server) -> bool {
    let answer = server.post("/get-online-features", READ);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body.contains("777")
}

#[test]
fn a_page_of_another_site_cannot_write() {
    let repository = repository();
    let server = repository.serve();
    let host = format!("host: {}", server.address());
    let page = ["content-type: text/plain", "origin: http://evil.example"];
    let (status, body) = post(&server, "/push", &[&[host.as_str()], page.as_slice()].concat(), PUSH);
    assert_eq!(status, 403, "{body}");
    assert!(
        body.starts_with("{\"detail\":\"Pages of \\\"http://evil.example\\\" may not use this server.")
            && body.contains("serving.allowed_hosts"),
        "{body}"
    );
    let (status, _) = post(&server, "/push", &[&host, "origin: null"], PUSH);
    assert_eq!(status, 403);
    let (status, _) = post(&server, "/push", &[&host, "sec-fetch-site: cross-site"], PUSH);
    assert_eq!(status, 403);
    assert!(!is_written(&server), "nothing may be written");
    let (status, body) = post(&server, "/push", &[&host, "content-type: text/plain"], PUSH);
    assert_eq!(status, 200, "a client that is not a browser goes on as before: {body}");
    assert!(is_written(&server));
}

#[test]
fn a_foreign_name_that_points_at_the_server_reads_nothing() {
    let repository = repository();
    let server = repository.serve();
    for lines in [
        ["host: evil.example:6566", "origin: http://evil.example:6566"],
        ["host: evil.example:6566", "sec-fetch-site: same-origin"],
        ["host: 10.1.2.3:6566", "sec-fetch-mode: cors"],
    ] {
        let (status, body) = post(&server, "/get-online-features", &lines, READ);
        assert_eq!(status, 403, "{lines:?}: {body}");
        assert!(body.contains("serving.allowed_hosts"), "{body}");
    }
    // Proxies and clients name it as they like.
    let (status, body) = post(&server, "/get-online-features", &["host: evil.example"], READ);
    assert_eq!(status, 200, "{body}");
    let get = |lines: &str| {
        let request = format!("GET /health HTTP/1.1\r\n{lines}connection: close\r\n\r\n");
        server.send_raw(&request).status
    };
    assert_eq!(get("host: evil.example\r\nsec-fetch-dest: empty\r\n"), 403);
    assert_eq!(get("host: evil.example\r\n"), 200);
}

#[test]
fn a_request_names_one_host() {
    let repository = repository();
    let server = repository.serve();
    let status = |request: &str| {
        server
            .send_raw(&format!("{request}\r\nconnection: close\r\n\r\n"))
            .status
    };
    assert_eq!(status("GET /health HTTP/1.1"), 400);
    assert_eq!(
        status("GET /health HTTP/1.1\r\nhost: localhost\r\nhost: localhost"),
        400
    );
    assert_eq!(
        status("GET /health HTTP/1.1\r\nHost: localhost\r\nhOST: evil.example"),
        400
    );
    assert_eq!(
        status("GET http://evil.example/health HTTP/1.1\r\nhost: localhost"),
        400
    );
    assert_eq!(status("GET http://localhost/health HTTP/1.1\r\nhost: localhost"), 200);
    assert_eq!(status("GET /health HTTP/1.0"), 200);
    assert_eq!(status("GET /health HTTP/1.1\r\nhost: localhost"), 200);
}

#[test]
fn the_documentation_works_in_a_browser_and_cannot_be_framed() {
    let repository = repository();
    let server = repository.serve();
    let page = server.send(
        "GET",
        "/docs",
        &[
            ("sec-fetch-site", "none"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ],
        "",
    );
    assert_eq!(page.status, 200, "{}", page.body);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    let nonce = page
        .body
        .split_once("<script nonce=\"")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0;
    assert!(policy.contains(&format!("script-src 'nonce-{nonce}'")), "{policy}");
    assert!(nonce.len() >= 22 && !server.send("GET", "/docs", &[], "").body.contains(nonce));
    // What its script asks for.
    let own = format!("http://{}", server.address());
    let document = server.send("GET", "/openapi.json", &[("sec-fetch-site", "same-origin")], "");
    assert_eq!(document.status, 200);
    let tried = [
        ("origin", own.as_str()),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
    ];
    assert_eq!(server.send("POST", "/get-online-features", &tried, READ).status, 200);
}

#[test]
fn hosts_of_the_settings_are_the_servers_own() {
    let repository = repository();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write(
        "feature_store.yaml",
        &format!("{settings}serving:\n    allowed_hosts: [features.example.com]\n"),
    );
    let server = repository.serve();
    let check = |lines: &[&str], expected: u16| {
        let (status, body) = post(&server, "/get-online-features", lines, READ);
        assert_eq!(status, expected, "{lines:?}: {body}");
    };
    let origin = "origin: https://features.example.com";
    check(
        &["host: Features.Example.com", origin, "sec-fetch-site: same-origin"],
        200,
    );
    // A proxy has put in its own name for the server.
    check(&["host: localhost:6566", origin, "sec-fetch-site: same-origin"], 200);
    check(&["host: features.example.com", "origin: https://example.com"], 403);
    check(&["host: evil.features.example.com", origin], 403);
}

#[test]
fn a_server_beyond_loopback_warns_that_there_is_no_sign_in() {
    let repository = repository();
    let server = Server::start(repository.command(&["serve", "--host", "0.0.0.0", "--port", "0"]));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("Warning: nobody has to sign in: who reaches 0.0.0.0:"),
        "{log}"
    );
    let (_, log) = repository.serve().stop();
    assert!(!log.contains("sign in"), "{log}");
}
