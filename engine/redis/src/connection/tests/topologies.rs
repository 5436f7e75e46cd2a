//! Clusters whose slots move, masters that fail over, logins and TLS.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use feast_config::{RedisConfig, RedisLogin, RedisTls, RedisTopology};
use feast_fixtures::{RedisCertificates, RedisCluster, RedisSentinels, RedisServer};
use feast_model::error::ErrorKind;
use redis::Cmd;

use super::{bulk, config, get, set};
use crate::connection::{Access, Connection};

const KEYS: usize = 200;

fn ports(servers: &[RedisServer]) -> Vec<u16> {
    servers.iter().map(RedisServer::port).collect()
}

/// Writes a number to all keys and reads it back, until `is_over`. Gives how many rounds were answered, and the longest time in
/// which none was. What was answered must be right.
async fn rounds_until(connection: &Connection, is_over: &AtomicBool) -> (usize, Duration) {
    let (mut rounds, mut longest, mut last) = (0, Duration::ZERO, Instant::now());
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        number += 1;
        let value = number.to_string();
        let keys = || (0..KEYS).map(|key| format!("key{key}"));
        let writes: Vec<Cmd> = keys().map(|key| set(&key, &value)).collect();
        let reads: Vec<Cmd> = keys().map(|key| get(&key)).collect();
        let written = connection.run(writes, Access::Write).await;
        let outcome = match written {
            Ok(_) => connection.run(reads, Access::Read).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(replies) => {
                assert_eq!(replies, vec![bulk(&value); KEYS]);
                rounds += 1;
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    (rounds, longest.max(last.elapsed()))
}

/// Runs `change` while requests go on, on a thread of its own.
fn under_load(connection: &Connection, change: impl FnOnce() + Send) -> (usize, Duration) {
    let is_over = AtomicBool::new(false);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            change();
            std::thread::sleep(Duration::from_millis(500));
            is_over.store(true, Ordering::Relaxed);
        });
        runtime.block_on(rounds_until(connection, &is_over))
    })
}

#[test]
fn slots_of_a_cluster_may_move_under_load() {
    let cluster = RedisCluster::start(3, 0, &[]);
    let connection = Connection::new(&config(RedisTopology::Cluster, &ports(cluster.nodes())[..1])).unwrap();
    let (rounds, _) = under_load(&connection, || {
        cluster.reshard(0, 1, 2000);
        cluster.reshard(1, 2, 1000);
    });
    assert!(rounds > 2, "{rounds} rounds");
    assert_eq!(connection.primaries_blocking().unwrap().len(), 3);
}

#[test]
fn commands_follow_the_master_that_sentinels_name() {
    let sentinels = RedisSentinels::start(1, &[], Some("guard"));
    let config = RedisConfig {
        sentinel_login: RedisLogin {
            username: None,
            password: Some("guard".to_owned()),
        },
        ..config(
            RedisTopology::Sentinel {
                master: "mymaster".to_owned(),
            },
            &sentinels.sentinel_ports(),
        )
    };
    let connection = Connection::new(&config).unwrap();
    let before = sentinels.master();
    let (rounds, longest) = under_load(&connection, || {
        sentinels.fail_over();
        sentinels.wait_for_another_master(before);
        // The old one is told what it is now.
        std::thread::sleep(Duration::from_secs(2));
    });
    assert!(rounds > 2, "{rounds} rounds, the longest pause took {longest:?}");
    let known = connection.primaries_blocking().unwrap();
    assert_eq!(known[0].port, sentinels.servers()[sentinels.master()].port());
}

#[test]
fn a_master_that_nobody_knows_is_named() {
    let sentinels = RedisSentinels::start(0, &[], None);
    let topology = RedisTopology::Sentinel {
        master: "other".to_owned(),
    };
    let connection = Connection::new(&config(topology, &sentinels.sentinel_ports())).unwrap();
    let error = connection.run_blocking(vec![get("a")], Access::Read).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("other"), "{error}");
}

#[test]
fn logins_are_checked_and_never_told() {
    let server = RedisServer::start(&["--requirepass", "open-sesame"]);
    server.cli(&["AUTH", "open-sesame"]);
    let with = |username: Option<&str>, password: Option<&str>| {
        let login = RedisLogin {
            username: username.map(str::to_owned),
            password: password.map(str::to_owned),
        };
        let config = RedisConfig {
            login,
            database: 3,
            ..config(RedisTopology::Single, &[server.port()])
        };
        let connection = Connection::new(&config).unwrap();
        connection.run_blocking(vec![set("a", "1"), get("a")], Access::Write)
    };
    assert_eq!(with(None, Some("open-sesame")).unwrap()[1], bulk("1"));
    assert_eq!(with(Some("default"), Some("open-sesame")).unwrap()[1], bulk("1"));
    for (username, password) in [
        (None, None),
        (None, Some("se-same")),
        (Some("nobody"), Some("open-sesame")),
    ] {
        let error = with(username, password).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(!format!("{error:?}{error}").contains("sesame"), "{error:?}");
    }
}

#[test]
fn certificates_are_checked() {
    let (certificates, others) = (RedisCertificates::new(), RedisCertificates::new());
    let arguments = certificates.arguments(true);
    let server = RedisServer::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let with = |ca: Option<&RedisCertificates>, is_known: bool, checks: bool| {
        let tls = RedisTls {
            ca: ca.map(|authority| authority.path("ca.crt")),
            client: is_known.then(|| (certificates.path("client.crt"), certificates.path("client.key"))),
            checks_certificate: checks,
            checks_hostname: checks,
        };
        let config = RedisConfig {
            tls: Some(tls),
            ..config(RedisTopology::Single, &[server.port()])
        };
        let connection = Connection::new(&config).unwrap();
        connection.run_blocking(vec![set("a", "1"), get("a")], Access::Write)
    };
    assert_eq!(with(Some(&certificates), true, true).unwrap()[1], bulk("1"));
    assert_eq!(with(None, true, false).unwrap()[1], bulk("1"));
    for (ca, is_known) in [(Some(&others), true), (None, true), (Some(&certificates), false)] {
        let error = with(ca, is_known, true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
}
