//! Passwords, users, databases, and encrypted connections.

use std::path::PathBuf;

use feast_config::RedisTls;
use feast_fixtures::RedisCertificates;
use feast_model::error::Error;

use super::*;

async fn ask(config: &RedisConfig) -> Result<Vec<Value>, Error> {
    Connection::new(config)?.run(vec![get("a")], Access::Read).await
}

fn login(username: Option<&str>, password: &str) -> RedisLogin {
    RedisLogin {
        username: username.map(str::to_owned),
        password: Some(password.to_owned()),
    }
}

#[track_caller]
fn assert_refused(answer: Result<Vec<Value>, Error>, message: &str) {
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains(message), "{error}");
    assert!(error.public_message().contains(message), "{}", error.public_message());
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    assert!(error.hint().is_some(), "{error}");
}

#[tokio::test]
async fn a_password_is_given_or_asked_for() {
    let server = RedisServer::start(&["--requirepass", "s3cret"]);
    let mut config = config(RedisTopology::Single, &[server.port()]);
    assert_refused(ask(&config).await, "asks for a password");
    config.login = login(None, "not s3cret");
    assert_refused(ask(&config).await, "does not accept the user name and password");
    config.login = login(None, "s3cret");
    assert_eq!(ask(&config).await.unwrap(), [Value::Nil]);
}

#[tokio::test]
async fn a_user_of_the_access_control_list_has_its_rights() {
    let server = RedisServer::start(&[]);
    server.cli(&["ACL", "SETUSER", "reader", "on", ">s3cret", "~*", "+get", "+ping"]);
    let mut config = config(RedisTopology::Single, &[server.port()]);
    config.login = login(Some("reader"), "s3cret");
    config.client_name = Some("feast".to_owned());
    assert_eq!(ask(&config).await.unwrap(), [Value::Nil]);
    let connection = Connection::new(&config).unwrap();
    let written = connection.run(vec![set("a", "1")], Access::Write).await;
    assert_refused(written, "does not let this user run a command");
    config.login = login(Some("nobody"), "s3cret");
    assert_refused(ask(&config).await, "does not accept the user name");
}

#[tokio::test]
async fn the_database_and_the_name_of_the_connection_are_set() {
    let server = RedisServer::start(&[]);
    server.cli(&["-n", "3", "SET", "a", "third"]);
    let mut config = config(RedisTopology::Single, &[server.port()]);
    config.database = 3;
    config.client_name = Some("features".to_owned());
    let connection = Connection::new(&config).unwrap();
    assert_eq!(
        connection.run(vec![get("a")], Access::Read).await.unwrap(),
        [bulk("third")]
    );
    assert!(server.cli(&["CLIENT", "LIST"]).contains("name=features"));
    config.database = 99;
    let error = ask(&config).await.unwrap_err();
    assert!(error.to_string().contains("has no database of that number"), "{error}");
}

fn tls(ca: Option<PathBuf>) -> RedisTls {
    RedisTls {
        ca,
        client: None,
        checks_certificate: true,
        checks_hostname: true,
    }
}

fn start_with(certificates: &RedisCertificates, asks_clients: bool) -> (RedisServer, RedisConfig) {
    let arguments = certificates.arguments(asks_clients);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let server = RedisServer::start(&arguments);
    let config = config(RedisTopology::Single, &[server.port()]);
    (server, config)
}

#[tokio::test]
async fn the_certificate_of_the_server_is_checked_as_the_settings_say() {
    let (ours, theirs) = (RedisCertificates::new(), RedisCertificates::new());
    let (_server, plain) = start_with(&ours, false);
    let with = |tls| RedisConfig {
        tls: Some(tls),
        ..plain.clone()
    };
    assert_eq!(ask(&with(tls(Some(ours.path("ca.crt"))))).await.unwrap(), [Value::Nil]);
    // A directory of certificates, among other files.
    assert_eq!(
        ask(&with(tls(Some(ours.directory().to_owned())))).await.unwrap(),
        [Value::Nil]
    );
    assert_refused(
        ask(&with(tls(Some(theirs.path("ca.crt"))))).await,
        "no encrypted connection",
    );
    // The system does not know the authority.
    assert!(ask(&with(tls(None))).await.is_err());
    let unchecked = RedisTls {
        checks_certificate: false,
        ..tls(None)
    };
    assert_eq!(ask(&with(unchecked)).await.unwrap(), [Value::Nil]);
    // The other end speaks TLS and this one does not.
    let error = ask(&plain).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = ask(&with(tls(Some(ours.path("none.crt"))))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = ask(&with(tls(Some(ours.path("ca.key"))))).await.unwrap_err();
    assert!(error.to_string().contains("there are none in it"), "{error}");
}

#[tokio::test]
async fn the_name_of_the_host_is_checked_unless_it_must_not_be() {
    let certificates = RedisCertificates::for_names("DNS:redis.test");
    let (_server, plain) = start_with(&certificates, false);
    let mut settings = tls(Some(certificates.path("ca.crt")));
    let with = |tls: &RedisTls| RedisConfig {
        tls: Some(tls.clone()),
        ..plain.clone()
    };
    assert_refused(ask(&with(&settings)).await, "no encrypted connection");
    settings.checks_hostname = false;
    assert_eq!(ask(&with(&settings)).await.unwrap(), [Value::Nil]);
    // Its authority is checked all the same.
    let other = RedisCertificates::new();
    settings.ca = Some(other.path("ca.crt"));
    assert_refused(ask(&with(&settings)).await, "no encrypted connection");
}

#[tokio::test]
async fn a_certificate_of_the_client_is_shown() {
    let certificates = RedisCertificates::new();
    let (_server, plain) = start_with(&certificates, true);
    let mut settings = tls(Some(certificates.path("ca.crt")));
    let with = |tls: &RedisTls| RedisConfig {
        tls: Some(tls.clone()),
        ..plain.clone()
    };
    assert_eq!(ask(&with(&settings)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    settings.client = Some((certificates.path("client.crt"), certificates.path("client.key")));
    assert_eq!(ask(&with(&settings)).await.unwrap(), [Value::Nil]);
    settings.client = Some((certificates.path("client.crt"), certificates.path("ca.crt")));
    assert_eq!(ask(&with(&settings)).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn extra_connections_have_the_same_login_and_are_told_of_changes() {
    let server = RedisServer::start(&["--requirepass", "s3cret"]);
    let mut config = config(RedisTopology::Single, &[server.port()]);
    config.login = login(None, "s3cret");
    let connection = Connection::new(&config).unwrap();
    let primaries = connection.primaries().await.unwrap();
    let (sender, mut messages) = tokio::sync::mpsc::unbounded_channel();
    let extra = connection
        .open_extra(&primaries[0], std::sync::Arc::new(sender))
        .await
        .unwrap();
    let mut tracking = redis::Pipeline::new();
    tracking.cmd("CLIENT").arg(&["TRACKING", "ON", "BCAST"]);
    assert_eq!(extra.send(&tracking).await.ok().unwrap(), [Value::Okay]);
    connection.run(vec![set("a", "1")], Access::Write).await.unwrap();
    assert_eq!(messages.recv().await.unwrap().kind, redis::PushKind::Invalidate);
    drop(server);
    assert_eq!(messages.recv().await.unwrap().kind, redis::PushKind::Disconnection);
    config.login = login(None, "not s3cret");
    let server = RedisServer::start(&["--requirepass", "s3cret"]);
    config.nodes[0].port = server.port();
    let (sender, _messages) = tokio::sync::mpsc::unbounded_channel::<redis::PushInfo>();
    let connection = Connection::new(&config).unwrap();
    let error = connection
        .open_extra(&config.nodes[0], std::sync::Arc::new(sender))
        .await
        .err()
        .unwrap();
    let error = Error::from(error);
    assert!(error.to_string().contains("does not accept the user name"), "{error}");
}
