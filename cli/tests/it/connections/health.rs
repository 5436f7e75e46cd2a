//! `feast health`, as a container's health check runs it.

use super::places::{make_certificate, text};
use super::repository;
use crate::support::{Repository, eventually};

/// What the command printed, and how it ended.
fn health(repository: &Repository, arguments: &[&str]) -> (String, Option<i32>) {
    let outcome = repository.feast(&[&["health"], arguments].concat());
    assert_eq!(outcome.stdout, "");
    (outcome.stderr, outcome.code)
}

#[test]
fn a_server_that_answers_is_well_and_one_that_drains_says_why_not() {
    let repository = repository("");
    let server = repository.serve_with(&["--drain-seconds", "3"]);
    let url = |path: &str| format!("http://{}{path}", server.address());
    let (ready, well) = (url("/ready"), url("/health"));
    for url in [&well, &ready] {
        assert_eq!(health(&repository, &[url]), (String::new(), Some(0)));
    }
    let (message, code) = health(&repository, &[&url("/nothing")]);
    assert_eq!(code, Some(1));
    assert!(message.contains("/nothing answers 404: "), "{message}");
    server.signal("TERM");
    eventually("it is not ready", || health(&repository, &[&ready]).1 == Some(1));
    let (message, _) = health(&repository, &[&ready]);
    assert!(message.contains("/ready answers 503: "), "{message}");
    assert!(message.contains("the server is about to stop"), "{message}");
    assert_eq!(health(&repository, &[&well]).1, Some(0));
    assert_eq!(server.wait().0, Some(0));
    let (message, code) = health(&repository, &[&well]);
    assert_eq!(code, Some(1));
    assert!(message.contains("/health does not answer: "), "{message}");
}

#[test]
fn a_server_with_tls_answers_whatever_its_certificate_is_for() {
    let repository = repository("");
    let (key, certificate) = make_certificate(&repository.path, "server");
    let server = repository.serve_with(&["--key", text(&key), "--cert", text(&certificate)]);
    let port = server.address().rsplit(':').next().unwrap();
    let url = format!("https://127.0.0.1:{port}/health");
    assert_eq!(health(&repository, &[&url]), (String::new(), Some(0)));
}

#[test]
fn what_cannot_be_asked_is_said() {
    let repository = Repository::empty();
    for url in ["localhost", "ftp://localhost/health", "http://", "http://no such host/"] {
        let (message, code) = health(&repository, &[url]);
        assert_eq!(code, Some(1), "{message}");
        assert!(message.contains(&format!("{url} does not answer: ")), "{message}");
    }
}
