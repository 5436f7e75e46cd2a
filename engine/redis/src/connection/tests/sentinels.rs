//! A master that sentinels name, and its failovers.

use feast_fixtures::RedisSentinels;

use super::*;

fn settings(set: &RedisSentinels, master: &str) -> RedisConfig {
    let topology = RedisTopology::Sentinel {
        master: master.to_owned(),
    };
    let mut config = config(topology, &set.sentinel_ports());
    config.response_timeout = Duration::from_millis(500);
    config
}

fn password(password: &str) -> RedisLogin {
    RedisLogin {
        username: None,
        password: Some(password.to_owned()),
    }
}

#[tokio::test]
async fn sentinels_have_a_login_of_their_own() {
    let set = RedisSentinels::start(1, &["--requirepass", "data"], Some("watch"));
    let mut config = settings(&set, "mymaster");
    config.login = password("data");
    let ask = |config: &RedisConfig| {
        let connection = Connection::new(config).unwrap();
        async move { connection.run(vec![get("a")], Access::Read).await }
    };
    let error = ask(&config).await.unwrap_err();
    assert!(
        error.to_string().contains("sentinel at") && error.to_string().contains("asks for a password"),
        "{error}"
    );
    config.sentinel_login = password("watch");
    assert_eq!(ask(&config).await.unwrap(), [Value::Nil]);
    config.topology = RedisTopology::Sentinel {
        master: "nope".to_owned(),
    };
    let error = ask(&config).await.unwrap_err();
    assert!(error.to_string().contains("know no master \"nope\""), "{error}");
}

/// Writes and reads until the failover is over, and gives the number of the last write that was acknowledged before it.
async fn work_through(connection: &Connection, until: impl Fn() -> bool) -> usize {
    let mut errors = 0;
    let mut answered_again = 0;
    for round in 0..2_000 {
        let written = connection.run(vec![set("a", &round.to_string())], Access::Write).await;
        let read = connection.run(vec![get("a")], Access::Read).await;
        for answer in [&written, &read] {
            if let Err(error) = answer {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                errors += 1;
            }
        }
        if written.is_ok() && read.is_ok() && until() {
            answered_again += 1;
            if answered_again == 20 {
                return errors;
            }
        } else {
            answered_again = 0;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the failover is not followed: {errors} errors");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_on_demand_is_followed() {
    let set = RedisSentinels::start(2, &[], None);
    let connection = Connection::new(&settings(&set, "mymaster")).unwrap();
    connection.run(vec![set_a()], Access::Write).await.unwrap();
    let (before, old) = (set.master(), connection.primaries().await.unwrap());
    let (over, set) = std::thread::scope(|scope| {
        let failover = scope.spawn(|| {
            set.fail_over();
            set.master()
        });
        (failover.join().unwrap(), &set)
    });
    assert_ne!(over, before);
    let port = set.servers()[over].port();
    // The old master takes writes for a while, so no request fails that would lead to the new one.
    let mut now = old.clone();
    for _ in 0..200 {
        work_through(&connection, || true).await;
        now = connection.primaries().await.unwrap();
        if now != old {
            break;
        }
    }
    assert_ne!(now, old);
    assert_eq!(now[0].port, port);
    assert_eq!(
        connection.run(vec![set_a()], Access::Write).await.unwrap(),
        [Value::Okay]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loss_of_the_master_is_followed_under_load() {
    for hangs in [false, true] {
        let mut set = RedisSentinels::start(2, &[], None);
        let connection = Connection::new(&settings(&set, "mymaster")).unwrap();
        connection.run(vec![set_a()], Access::Write).await.unwrap();
        let before = set.master();
        if hangs {
            set.servers()[before].hang();
        } else {
            set.server_mut(before).kill();
        }
        let errors = work_through(&connection, || true).await;
        assert!(errors > 0, "the master was lost, and nobody noticed");
        assert_ne!(set.master(), before);
        let port = set.servers()[set.master()].port();
        assert_eq!(connection.primaries().await.unwrap()[0].port, port);
    }
}

#[test]
fn reads_follow_the_writes_of_their_process_to_another_master() {
    let sentinels = RedisSentinels::start(1, &[], None);
    let connection = Connection::new(&settings(&sentinels, "mymaster")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let read = || runtime.block_on(connection.run(vec![get("a")], Access::Read));
    connection.run_blocking(vec![set_a()], Access::Write).unwrap();
    assert_eq!(read().unwrap(), [bulk("first")]);
    let before = connection.primaries_blocking().unwrap();
    // The old master goes on for some seconds as if nothing had happened.
    sentinels.fail_over();
    for round in 0..2_000 {
        let value = round.to_string();
        let written = connection.run_blocking(vec![set("a", &value)], Access::Write);
        if written.is_ok() && connection.primaries_blocking().is_ok_and(|now| now != before) {
            connection.run_blocking(vec![set("a", "last")], Access::Write).unwrap();
            assert_eq!(read().unwrap(), [bulk("last")]);
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the failover is not followed");
}

fn set_a() -> Cmd {
    set("a", "first")
}
