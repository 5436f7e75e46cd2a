//! Scans of real servers, whose keys move meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use feast_fixtures::{RedisCluster, RedisServer};
use feast_model::error::ErrorKind;
use redis::cmd;

use super::*;
use crate::connection::tests::config;
use feast_config::RedisTopology;

const KEYS: u32 = 200;
/// Small, so that a scan has many pages.
const PAGE: usize = 10;

fn entity(number: u32) -> Vec<u8> {
    let value = number.to_string();
    let length = u32::try_from(value.len()).unwrap();
    let parts = [&2_u32.to_le_bytes()[..], &length.to_le_bytes(), value.as_bytes()];
    [names_prefix(["user"]), parts.concat()].concat()
}

fn all() -> BTreeSet<Vec<u8>> {
    (0..KEYS).map(entity).collect()
}

fn filled(topology: RedisTopology, port: u16) -> RedisStore {
    let store = RedisStore::open(&config(topology, &[port]), "repo").unwrap();
    let commands = (0..KEYS).map(|number| {
        let mut command = cmd("HSET");
        command.arg([&entity(number)[..], b"repo"].concat()).arg("f").arg("v");
        command
    });
    store
        .connection
        .run_blocking(commands.collect(), Access::Write)
        .unwrap();
    store
}

/// A scan, and what it has found since it has last started over.
struct Scan<'a> {
    store: &'a RedisStore,
    found: BTreeSet<Vec<u8>>,
    next: Option<Vec<u8>>,
    restarts: usize,
}

impl<'a> Scan<'a> {
    fn new(store: &'a RedisStore) -> Self {
        Self {
            store,
            found: BTreeSet::new(),
            next: None,
            restarts: 0,
        }
    }

    /// `false` after the last page.
    fn page(&mut self) -> Result<bool> {
        let page = self.store.scan(&names_prefix(["user"]), self.next.as_deref(), PAGE)?;
        self.found.extend(page.keys.iter().map(<[u8]>::to_vec));
        if page.starts_over {
            self.found.clear();
            self.restarts += 1;
        }
        self.next = page.next;
        Ok(self.next.is_some())
    }

    fn rest(&mut self) -> &BTreeSet<Vec<u8>> {
        while self.page().unwrap() {}
        &self.found
    }

    /// The port of the server of the next page.
    fn port(&self) -> u16 {
        let position = Position::parse(self.next.as_deref().unwrap()).unwrap();
        position.address.rsplit_once(':').unwrap().1.parse().unwrap()
    }
}

#[test]
fn keys_that_move_to_a_node_that_was_scanned_are_found() {
    let cluster = RedisCluster::start(3, 0, &[]);
    let store = filled(RedisTopology::Cluster, cluster.nodes()[0].port());
    let mut scan = Scan::new(&store);
    assert_eq!((scan.rest().clone(), scan.restarts), (all(), 0));
    let index = |port: u16| cluster.nodes().iter().position(|node| node.port() == port).unwrap();

    let mut scan = Scan::new(&store);
    assert!(scan.page().unwrap());
    let first = scan.port();
    while scan.port() == first {
        assert!(scan.page().unwrap());
    }
    // To the first from the one that is not begun yet.
    let (to, second) = (index(first), index(scan.port()));
    let from = 3 - to - second;
    let slot = *cluster.keys_by_slot(from).keys().next().unwrap();
    cluster.move_slot(slot, from, to, Duration::ZERO);
    assert_eq!(*scan.rest(), all());
    assert!(scan.restarts > 0);
}

#[test]
fn nothing_is_scanned_while_a_slot_is_being_moved() {
    let cluster = RedisCluster::start(3, 0, &[]);
    let store = filled(RedisTopology::Cluster, cluster.nodes()[0].port());
    let refused = |scan: &mut Scan<'_>| {
        let error = loop {
            match scan.page() {
                Ok(is_more) => assert!(is_more, "keys may be missed"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("slots are being moved"), "{error}");
    };
    let slot = *cluster.keys_by_slot(2).keys().next().unwrap();
    let mut begun = Scan::new(&store);
    assert!(begun.page().unwrap());
    cluster.open_move(slot, 2, 0);
    refused(&mut Scan::new(&store));
    refused(&mut begun);
    cluster.move_slot(slot, 2, 0, Duration::ZERO);
    assert_eq!(*begun.rest(), all());
    assert!(begun.restarts > 0);
}

#[test]
fn a_server_that_is_started_anew_is_scanned_again() {
    let mut server = RedisServer::start(&[]);
    let store = filled(RedisTopology::Single, server.port());
    let mut scan = Scan::new(&store);
    assert!(scan.page().unwrap());
    assert_eq!(server.cli(&["SAVE"]), "OK");
    server.kill();
    server.start_again();
    while scan.page().is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(*scan.rest(), all());
    assert_eq!(scan.restarts, 1);
}

#[test]
fn positions_of_other_servers_and_versions_start_over() {
    let server = RedisServer::start(&[]);
    let store = filled(RedisTopology::Single, server.port());
    for position in [&b"\xff"[..], b"127.0.0.1:1 17", b"00000000000000ff 127.0.0.1:1 17"] {
        let mut scan = Scan::new(&store);
        scan.next = Some(position.to_vec());
        assert_eq!(*scan.rest(), all());
        assert_eq!(scan.restarts, 1);
    }
}

#[test]
fn bytes_of_a_prefix_mean_themselves() {
    assert_eq!(pattern(b"a*[\\"), b"a\\*\\[\\\\*");
}
