//! Servers that hang, load, are full, or take no writes.

use std::time::Duration;

use feast_model::error::Error;

use super::*;

fn refusal(answer: Result<Vec<Value>, Error>) -> String {
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("Redis at 127.0.0.1:"), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_server_that_hangs_is_an_error_and_then_used_again() {
    let server = RedisServer::start(&[]);
    let mut config = config(RedisTopology::Single, &[server.port()]);
    config.response_timeout = Duration::from_millis(200);
    config.connect_timeout = Duration::from_millis(500);
    let connection = Connection::new(&config).unwrap();
    connection.run(vec![set("a", "1")], Access::Write).await.unwrap();
    server.hang();
    // Many at once, over the open connection and then while a new one is made.
    for _ in 0..3 {
        let requests = (0..50).map(|_| connection.run(vec![get("a")], Access::Read));
        let all = tokio::time::timeout(Duration::from_secs(20), futures::future::join_all(requests)).await;
        for answer in all.expect("every request has its bound") {
            let message = refusal(answer);
            assert!(message.contains("within"), "{message}");
        }
    }
    server.go_on();
    until_answered(&connection).await;
    assert_eq!(connection.run(vec![get("a")], Access::Read).await.unwrap(), [bulk("1")]);
    // No connection is left over from the attempts.
    let clients = server.cli(&["CLIENT", "LIST"]);
    assert!(clients.lines().count() <= 4, "{clients}");
}

#[tokio::test]
async fn a_server_that_is_down_is_not_asked_by_every_request() {
    let server = RedisServer::start(&[]);
    let config = config(RedisTopology::Single, &[server.port()]);
    drop(server);
    let listener = std::net::TcpListener::bind(("127.0.0.1", config.nodes[0].port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let connection = Connection::new(&config).unwrap();
    // Takes connections and ends them at once.
    let count = tokio::spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let mut count = 0;
        let counting = async {
            loop {
                drop(listener.accept().await.unwrap());
                count += 1;
            }
        };
        let _: Result<(), _> = tokio::time::timeout(Duration::from_millis(600), counting).await;
        count
    });
    let start = std::time::Instant::now();
    let mut requests = 0;
    while start.elapsed() < Duration::from_millis(500) {
        refusal(connection.run(vec![get("a")], Access::Read).await);
        requests += 1;
        tokio::task::yield_now().await;
    }
    let count = count.await.unwrap();
    assert!(requests > 100 && count < 10, "{requests} requests, {count} connections");
}

#[tokio::test]
async fn a_server_that_loads_is_unavailable_until_it_has_loaded() {
    let mut server = RedisServer::start(&[]);
    server.cli(&["DEBUG", "POPULATE", "2000", "key", "100"]);
    server.cli(&["SET", "a", "1"]);
    assert_eq!(server.cli(&["SAVE"]), "OK");
    server.kill();
    let config = config(RedisTopology::Single, &[server.port()]);
    // Two milliseconds a key: it loads for seconds, and looks at its clients meanwhile.
    server.start_again_with(&[
        "--key-load-delay",
        "2000",
        "--loading-process-events-interval-bytes",
        "1024",
    ]);
    let connection = Connection::new(&config).unwrap();
    let mut seen = Vec::new();
    for _ in 0..1_000 {
        match connection.run(vec![get("a")], Access::Read).await {
            Ok(replies) => {
                assert_eq!(replies, [bulk("1")]);
                assert!(
                    seen.iter()
                        .any(|message: &String| message.contains("is loading its data")),
                    "{seen:?}"
                );
                return;
            }
            Err(error) => seen.push(error.to_string()),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not finish: {:?}", seen.last());
}

#[tokio::test]
async fn a_server_that_takes_no_writes_says_why_and_is_read() {
    let server = RedisServer::start(&[]);
    let connection = Connection::new(&config(RedisTopology::Single, &[server.port()])).unwrap();
    connection.run(vec![set("a", "1")], Access::Write).await.unwrap();
    let script = || {
        let mut call = cmd("EVAL");
        call.arg("return redis.call('SET', KEYS[1], '2')").arg(1).arg("a");
        call
    };
    let cases: [(&[&str], &[&str], &str); 3] = [
        (
            &["CONFIG", "SET", "maxmemory", "1"],
            &["CONFIG", "SET", "maxmemory", "0"],
            "out of memory",
        ),
        (
            &["CONFIG", "SET", "min-replicas-to-write", "1"],
            &["CONFIG", "SET", "min-replicas-to-write", "0"],
            "too few replicas",
        ),
        (
            &["REPLICAOF", "127.0.0.1", "1"],
            &["REPLICAOF", "NO", "ONE"],
            "is a replica",
        ),
    ];
    for (breaks, mends, message) in cases {
        server.cli(breaks);
        for command in [set("a", "2"), script()] {
            let said = refusal(connection.run(vec![command], Access::Write).await);
            assert!(said.contains(message), "{said}");
        }
        assert_eq!(
            connection.run(vec![get("a")], Access::Read).await.unwrap(),
            [bulk("1")],
            "{message}"
        );
        server.cli(mends);
        connection.run(vec![set("a", "1")], Access::Write).await.unwrap();
    }
}

#[tokio::test]
async fn keys_are_in_no_message() {
    let server = RedisServer::start(&[]);
    let connection = Connection::new(&config(RedisTopology::Single, &[server.port()])).unwrap();
    let mut unknown = cmd("NOSUCH");
    unknown.arg("a key").arg("a value");
    let replies = connection.run(vec![unknown], Access::Read).await.unwrap();
    let Value::ServerError(error) = &replies[0] else {
        panic!("{replies:?}");
    };
    let message = connection.refused(error).to_string();
    assert!(
        message.contains("unknown command") && !message.contains("a key"),
        "{message}"
    );
}

#[tokio::test]
async fn an_address_where_nobody_is_has_its_error() {
    let mut config = config(RedisTopology::Single, &[1]);
    let connection = Connection::new(&config).unwrap();
    let message = refusal(connection.run(vec![get("a")], Access::Read).await);
    assert_eq!(message, "Redis at 127.0.0.1:1 refuses connections");
    config.nodes[0].host = "no-such-host.invalid".to_owned();
    let connection = Connection::new(&config).unwrap();
    let error = connection.run(vec![get("a")], Access::Read).await.unwrap_err();
    assert!(
        error.to_string().starts_with("Redis at no-such-host.invalid:1 "),
        "{error}"
    );
}
