//! Where a server can be reached: TLS, and Unix sockets.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{READ, connect, repository, rest};
use crate::support::{Server, eventually};

pub(crate) fn openssl(arguments: &[&str]) {
    let made = Command::new("openssl").args(arguments).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A new key, and its certificate with what else `openssl` is told of it.
pub(crate) fn certificate(directory: &Path, name: &str, more: &[&str]) -> (PathBuf, PathBuf) {
    let key = directory.join(format!("{name}.key"));
    let certificate = directory.join(format!("{name}.pem"));
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    let subject = format!("/CN={name}");
    let files = ["-subj", &subject, "-keyout", text(&key), "-out", text(&certificate)];
    let new: Vec<&str> = new.split(' ').collect();
    openssl(&[&new, files.as_slice(), more].concat());
    (key, certificate)
}

/// A key and a certificate for `localhost` that is signed by itself.
pub(super) fn make_certificate(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    certificate(
        directory,
        name,
        &["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    )
}

/// A key and a certificate that is signed by another one.
fn sign_certificate(directory: &Path, name: &str, by: &(PathBuf, PathBuf)) -> (PathBuf, PathBuf) {
    let signed = ["-CA", text(&by.1), "-CAkey", text(&by.0)];
    let more = [["-addext", "basicConstraints=critical,CA:FALSE"].as_slice(), &signed].concat();
    certificate(directory, name, &more)
}

/// What `curl` prints: the status and the version of HTTP, or why there is none.
fn curl(url: &str, options: &[&str]) -> String {
    let output = Command::new("curl")
        .args([
            "-sS",
            "-m",
            "20",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{http_version}",
            "-d",
            READ,
        ])
        .args(options)
        .arg(url)
        .output()
        .unwrap();
    match output.status.success() {
        true => String::from_utf8(output.stdout).unwrap(),
        false => String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn tls_is_spoken_with_the_certificate_as_it_is_now() {
    let repository = repository("header_timeout_seconds: 1");
    let (key, certificate) = make_certificate(&repository.path, "first");
    let options = ["--key", text(&key), "--cert", text(&certificate)];
    let server = repository.serve_with(&options);
    let url = format!("https://{}/get-online-features", server.address());
    let first = repository.path.join("trusted.pem");
    std::fs::copy(&certificate, &first).unwrap();
    assert_eq!(curl(&url, &["--cacert", text(&first)]), "200 2");
    assert_eq!(curl(&url, &["--cacert", text(&first), "--http1.1"]), "200 1.1");
    assert_eq!(curl(&url, &["--cacert", text(&first), "--tls-max", "1.2"]), "200 2");

    // A client that does not speak TLS is disconnected soon.
    assert_eq!(rest(&mut connect(&server)), "");

    let (new_key, new_certificate) = make_certificate(&repository.path, "second");
    std::fs::write(&certificate, "no certificate").unwrap();
    std::fs::rename(&new_key, &key).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(
        curl(&url, &["--cacert", text(&first)]),
        "200 2",
        "the former one stays in use"
    );
    let second = repository.path.join("trusted2.pem");
    std::fs::copy(&new_certificate, &second).unwrap();
    std::fs::rename(&new_certificate, &certificate).unwrap();
    eventually("the new certificate is in use", || {
        curl(&url, &["--cacert", text(&second)]) == "200 2"
    });
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("as they were stay in use: --cert "), "{log}");
    assert!(log.contains("without a TLS handshake within 1 s"), "{log}");
}

#[test]
fn tls_can_be_had_with_client_certificates_and_with_1_3_alone() {
    let repository = repository("");
    let (key, certificate) = make_certificate(&repository.path, "server");
    let authority = make_certificate(&repository.path, "authority");
    let (client_key, client) = sign_certificate(&repository.path, "client", &authority);
    let server = repository.serve_with(&[
        "--key",
        text(&key),
        "--cert",
        text(&certificate),
        "--client-ca",
        text(&authority.1),
        "--tls-min-version",
        "1.3",
    ]);
    let url = format!("https://{}/get-online-features", server.address());
    let trusted = ["--cacert", text(&certificate)];
    let own = ["--cert", text(&client), "--key", text(&client_key)];
    assert_eq!(curl(&url, &[trusted.as_slice(), &own].concat()), "200 2");
    // How a client sees that it was refused depends on when it looks.
    assert!(curl(&url, &trusted).starts_with("curl: "), "without a certificate");
    let old = [trusted.as_slice(), &own, &["--tls-max", "1.2"]].concat();
    assert!(curl(&url, &old).contains("protocol version"), "{}", curl(&url, &old));
}

#[test]
fn wrong_files_of_tls_are_named() {
    let repository = repository("");
    let (key, certificate) = make_certificate(&repository.path, "a");
    let (other, _) = make_certificate(&repository.path, "b");
    let refused = |options: &[&str], code: i32, expected: &str| {
        let outcome = repository.feast(&[&["serve", "--port", "0"], options].concat());
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    };
    let (key, certificate, other) = (text(&key), text(&certificate), text(&other));
    refused(&["--key", key], 2, "--cert");
    refused(&["--cert", certificate], 2, "--key");
    refused(&["--client-ca", certificate], 2, "Missing option");
    refused(
        &["--key", "none.pem", "--cert", certificate],
        1,
        "--key none.pem cannot be used",
    );
    refused(&["--key", key, "--cert", key], 1, "there is no certificate in it");
    refused(
        &["--key", other, "--cert", certificate],
        1,
        "give the certificate of the key that --key names",
    );
}

fn over_socket(socket: &Path, path: &str) -> String {
    curl(&format!("http://localhost{path}"), &["--unix-socket", text(socket)])
}

#[test]
fn a_unix_socket_takes_the_place_of_the_port() {
    let repository = repository("");
    let socket = repository.path.join("feast.sock");
    let serve = |more: &[&str]| {
        let options = [&["serve", "--socket", text(&socket), "--socket-mode", "600"], more].concat();
        Server::start(repository.command(&options))
    };
    let server = serve(&[]);
    assert_eq!(server.address(), format!("unix:{}", socket.display()));
    assert_eq!(over_socket(&socket, "/get-online-features"), "200 1.1");
    let file = std::fs::metadata(&socket).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    // Another one does not take it away.
    let other = super::repository("");
    let outcome = other.feast(&["serve", "--socket", text(&socket)]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("another server listens on it"),
        "{}",
        outcome.stderr
    );
    // The socket that a killed server leaves is replaced.
    server.kill();
    let server = serve(&["--port", "0"]);
    assert_eq!(
        server.send("GET", "/health", &[], "").status,
        200,
        "and a port beside it"
    );
    assert_eq!(over_socket(&socket, "/get-online-features"), "200 1.1");
    assert_eq!(server.stop().0, Some(0));
    assert!(!socket.exists());
}

#[test]
fn a_file_in_the_place_of_a_socket_stays() {
    let repository = repository("");
    repository.write("notes.txt", "mine");
    let outcome = repository.feast(&["serve", "--socket", "notes.txt"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("it is a file"), "{}", outcome.stderr);
    assert_eq!(
        std::fs::read_to_string(repository.path.join("notes.txt")).unwrap(),
        "mine"
    );
}

/// Commands beside a server hand their work over, whatever it speaks on its ports.
#[test]
fn commands_reach_a_server_that_has_no_plain_port() {
    let repository = repository("");
    let (key, certificate) = make_certificate(&repository.path, "server");
    let server = repository.serve_with(&["--key", text(&key), "--cert", text(&certificate)]);
    let outcome = repository.feast(&["materialize-incremental", "2100-01-01T00:00:00"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(
        outcome
            .stderr
            .contains(&format!("The server at https://{} has", server.address())),
        "{}",
        outcome.stderr
    );
    server.stop();
    // Nothing is left of it.
    assert!(!repository.exists("data/online_store/SERVER"));
    assert!(!repository.exists("data/online_store/SERVER.sock"));
}

/// A key and its certificate, from one time to another (`20200101000000Z`).
fn make_certificate_of(directory: &Path, from: &str, until: &str) -> (PathBuf, PathBuf) {
    let at = |name: &str| directory.join(name);
    let authority = format!(
        "[ca]\ndefault_ca = all\n[all]\ndatabase = {0}/index\nnew_certs_dir = {0}\nrand_serial = yes\ndefault_md = sha256\npolicy = any\n\
         [any]\ncommonName = supplied\n[names]\nsubjectAltName = DNS:localhost\n",
        text(directory)
    );
    std::fs::write(at("index"), "").unwrap();
    std::fs::write(at("authority"), authority).unwrap();
    let (key, request, certificate) = (at("timed.key"), at("timed.csr"), at("timed.pem"));
    let new = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost";
    let new: Vec<&str> = new.split(' ').collect();
    openssl(&[&new, ["-keyout", text(&key), "-out", text(&request)].as_slice()].concat());
    let authority = at("authority");
    let sign = [
        "ca",
        "-batch",
        "-notext",
        "-selfsign",
        "-config",
        text(&authority),
        "-extensions",
        "names",
        "-keyfile",
        text(&key),
    ];
    let times = ["-startdate", from, "-enddate", until];
    openssl(
        &[
            sign.as_slice(),
            &["-in", text(&request), "-out", text(&certificate)],
            &times,
        ]
        .concat(),
    );
    (key, certificate)
}

#[test]
fn the_end_of_a_certificate_is_said_in_time() {
    let repository = repository("metrics_route: true");
    let (key, certificate) = make_certificate_of(&repository.path, "20200101000000Z", "20200201000000Z");
    let server = repository.serve_with(&["--key", text(&key), "--cert", text(&certificate)]);
    let get = |path: &str| {
        let url = format!("https://{}{path}", server.address());
        let output = Command::new("curl").args(["-sSk", "-m", "20", &url]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let ready: serde_json::Value = serde_json::from_str(&get("/ready")).unwrap();
    let warning = ready["warnings"][0].as_str().unwrap();
    assert!(
        warning.starts_with("the TLS certificate has ended at 2020-02-01"),
        "{warning}"
    );
    assert!(get("/metrics").contains("\nfeast_tls_certificate_end_seconds 1580515200.0\n"));
    // It ends in two days, but was made a moment ago.
    let (new_key, new_certificate) = make_certificate(&repository.path, "second");
    std::fs::rename(&new_key, &key).unwrap();
    std::fs::rename(&new_certificate, &certificate).unwrap();
    eventually("the new certificate is in use", || {
        !get("/ready").contains("certificate")
    });
    let (_, log) = server.stop();
    assert!(log.contains("the TLS certificate has ended at"), "{log}");
    assert!(log.contains("condition tls_ends is over"), "{log}");
}
