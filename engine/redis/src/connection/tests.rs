//! Against real servers.

use std::time::Duration;

use feast_config::{RedisConfig, RedisLogin, RedisNode, RedisTopology};
use feast_fixtures::RedisServer;
use feast_model::error::ErrorKind;
use redis::{Cmd, Value, cmd};

use super::{Access, Connection};

pub(crate) fn config(topology: RedisTopology, ports: &[u16]) -> RedisConfig {
    RedisConfig {
        topology,
        nodes: ports
            .iter()
            .map(|port| RedisNode {
                host: "127.0.0.1".to_owned(),
                port: *port,
            })
            .collect(),
        database: 0,
        login: RedisLogin::default(),
        sentinel_login: RedisLogin::default(),
        tls: None,
        client_name: None,
        reads_from_replicas: false,
        key_ttl_seconds: None,
        scans_for_deletion: true,
        connect_timeout: Duration::from_secs(1),
        response_timeout: Duration::from_secs(2),
        reply_memory: 1 << 30,
        row_cache: 0,
        cache_staleness: None,
        python_statuses: false,
        wait_replicas: 0,
    }
}

fn get(key: &str) -> Cmd {
    let mut command = cmd("GET");
    command.arg(key);
    command
}

fn set(key: &str, value: &str) -> Cmd {
    let mut command = cmd("SET");
    command.arg(key).arg(value);
    command
}

fn bulk(value: &str) -> Value {
    Value::BulkString(value.as_bytes().to_vec())
}

#[tokio::test]
async fn commands_are_answered_in_order() {
    let server = RedisServer::start(&[]);
    let connection = Connection::new(&config(RedisTopology::Single, &[server.port()])).unwrap();
    let written = connection
        .run(vec![set("a", "1"), set("b", "2")], Access::Write)
        .await
        .unwrap();
    assert_eq!(written, [Value::Okay, Value::Okay]);
    let read = connection
        .run(vec![get("b"), get("none"), get("a")], Access::Read)
        .await
        .unwrap();
    assert_eq!(read, [bulk("2"), Value::Nil, bulk("1")]);
    assert_eq!(connection.run(Vec::new(), Access::Read).await.unwrap(), []);
}

#[test]
fn threads_may_wait_without_a_runtime() {
    let server = RedisServer::start(&[]);
    let connection = Connection::new(&config(RedisTopology::Single, &[server.port()])).unwrap();
    connection.run_blocking(vec![set("a", "1")], Access::Write).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(
                    connection.run_blocking(vec![get("a")], Access::Read).unwrap(),
                    [bulk("1")]
                )
            });
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let elsewhere = connection.clone();
        let read = tokio::task::spawn_blocking(move || elsewhere.run_blocking(vec![get("a")], Access::Read));
        assert_eq!(read.await.unwrap().unwrap(), [bulk("1")]);
        // Its last clone ends within asynchronous code.
        drop(connection);
    });
}

#[tokio::test]
async fn a_key_of_another_type_is_an_error_of_its_command_alone() {
    let server = RedisServer::start(&[]);
    let connection = Connection::new(&config(RedisTopology::Single, &[server.port()])).unwrap();
    let mut hash = cmd("HGETALL");
    hash.arg("a");
    let replies = connection
        .run(vec![set("a", "1"), hash, get("a")], Access::Write)
        .await
        .unwrap();
    let Value::ServerError(error) = &replies[1] else {
        panic!("{replies:?}");
    };
    assert_eq!(replies[2], bulk("1"));
    assert_eq!(connection.refused(error).kind(), ErrorKind::Data);
}

#[tokio::test]
async fn a_server_that_is_killed_and_started_again_is_used_again() {
    let mut server = RedisServer::start(&[]);
    let connection = Connection::new(&config(RedisTopology::Single, &[server.port()])).unwrap();
    connection.run(vec![get("a")], Access::Read).await.unwrap();
    server.kill();
    let error = connection.run(vec![get("a")], Access::Read).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error
            .to_string()
            .contains(&format!("Redis at 127.0.0.1:{}", server.port())),
        "{error}"
    );
    server.start_again();
    until_answered(&connection).await;
}

/// Reads until Redis answers: a pause after failures may have to pass.
async fn until_answered(connection: &Connection) {
    let mut last = None;
    for _ in 0..200 {
        match connection.run(vec![get("a")], Access::Read).await {
            Ok(_) => return,
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("Redis does not come back: {last:?}");
}

mod clusters;
mod failures;
mod logins;
mod sentinels;
