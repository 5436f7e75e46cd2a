//! Against real servers: what a read through the row cache may see while others write, and while connections break.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use feast_codec::entity_key::names_prefix;
use feast_codec::packed_bytes::PackedBytes;
use feast_codec::record::ViewShape;
use feast_config::{RedisConfig, RedisTopology};
use feast_fixtures::{RedisCluster, RedisServer};
use feast_model::{Field, ValueType};
use feast_rows::{RowLookup, RowQueries, StoredView};

use super::Tracking;
use crate::connection::{Access, Connection, tests::config};

const PROJECT: &str = "repo";
/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

/// A process that reads through the row cache. The field `f` of each hash is its row in table 1.
struct Reader {
    connection: Connection,
    tracking: Tracking,
}

impl Reader {
    fn new(config: &RedisConfig) -> Self {
        let connection = Connection::new(config).unwrap();
        let tracking = Tracking::new(config, &connection, PROJECT);
        tracking.follow(&[view("users", &["user_id"])]);
        Self { connection, tracking }
    }

    /// One that has rows in memory by now.
    async fn started(config: &RedisConfig) -> Self {
        let reader = Self::new(config);
        reader.tracking.start();
        reader
            .wait_until("changes are tracked", |reader| reader.starts() == 1)
            .await;
        reader
    }

    /// The row of an entity, and whether it was in memory. As `OnlineStore` does it.
    async fn read(&self, entity: &[u8]) -> (Option<Vec<u8>>, bool) {
        let mut entities = PackedBytes::default();
        entities.push_with(|out| out.extend_from_slice(entity));
        let queries = RowQueries {
            tables: &[vec![1]],
            entities: &[entities],
            features: None,
        };
        let mut lookup = RowLookup::prepare(self.tracking.rows(), queries).unwrap();
        let mut in_memory = true;
        if let Some(missing) = lookup.missing(queries) {
            in_memory = false;
            let mut fetch = redis::cmd("HMGET");
            fetch.arg([entity, PROJECT.as_bytes()].concat()).arg("f");
            let mut commands = vec![fetch];
            commands.extend(self.tracking.lifetime_commands(missing));
            let replies = self.connection.exchange(commands, Access::Read).await.unwrap();
            self.tracking.forget_expiring(missing, &replies[1..]);
            let row = replies[0].strings().unwrap().next().unwrap();
            lookup.complete(self.tracking.rows(), queries, |_| row).unwrap();
        }
        let batches = lookup.into_batches();
        (batches[0].get(0).map(<[u8]>::to_vec), in_memory)
    }

    /// Reads an entity until its row is in memory.
    async fn hold(&self, entity: &[u8]) {
        let start = Instant::now();
        while !self.read(entity).await.1 {
            assert!(start.elapsed() < PATIENCE, "the row is never held");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn wait_until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !condition(self) {
            assert!(start.elapsed() < PATIENCE, "not after {PATIENCE:?}: {what}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn starts(&self) -> u64 {
        self.tracking.counts().started.load(Ordering::Relaxed)
    }

    fn losses(&self) -> u64 {
        self.tracking.counts().lost.load(Ordering::Relaxed)
    }

    fn changed_entities(&self) -> u64 {
        self.tracking.counts().changed_entities.load(Ordering::Relaxed)
    }
}

fn view(name: &str, join_keys: &[&str]) -> StoredView {
    let field = |name: &&str| Field::new(*name, ValueType::Int64);
    StoredView {
        name: name.to_owned(),
        stored_name: name.to_owned(),
        join_keys: join_keys.iter().map(field).collect(),
        features: Vec::new(),
        shape: ViewShape::new(Vec::new(), Vec::new()),
    }
}

/// The entity key of a number. It is full of zero bytes, the number of names for one.
fn entity_of(join_key: &str, number: i64) -> Vec<u8> {
    let mut entity = names_prefix([join_key]);
    entity.extend_from_slice(&4_u32.to_le_bytes());
    entity.extend_from_slice(&8_u32.to_le_bytes());
    entity.extend_from_slice(&number.to_le_bytes());
    entity
}

fn entity(number: i64) -> Vec<u8> {
    entity_of("user_id", number)
}

fn cached(topology: RedisTopology, port: u16, bound: Duration) -> RedisConfig {
    RedisConfig {
        row_cache: 8 << 20,
        cache_staleness: Some(bound),
        ..config(topology, &[port])
    }
}

fn single(server: &RedisServer) -> RedisConfig {
    cached(RedisTopology::Single, server.port(), Duration::from_secs(2))
}

/// Another program, which knows nothing of the reader.
struct Writer(redis::Connection);

impl Writer {
    fn new(port: u16) -> Self {
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
        Self(client.get_connection().unwrap())
    }

    fn write(&mut self, entity: &[u8], row: &str) {
        self.write_in(PROJECT, entity, row);
    }

    fn write_in(&mut self, project: &str, entity: &[u8], row: &str) {
        let key = [entity, project.as_bytes()].concat();
        redis::cmd("HSET").arg(key).arg("f").arg(row).exec(&mut self.0).unwrap();
    }

    fn run(&mut self, command: &str, entity: &[u8], argument: u64) {
        let key = [entity, PROJECT.as_bytes()].concat();
        redis::cmd(command).arg(key).arg(argument).exec(&mut self.0).unwrap();
    }
}

/// A program that writes ascending numbers to an entity, and when each was acknowledged.
struct Counting {
    stop: Arc<AtomicBool>,
    /// The number of which a read must be at least that was written more than the bound before it began.
    acknowledged: Arc<parking_lot::Mutex<Vec<(Instant, u64)>>>,
    thread: Option<JoinHandle<()>>,
}

impl Counting {
    fn start(port: u16, entity: Vec<u8>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let (stopped, list) = (Arc::clone(&stop), Arc::clone(&acknowledged));
        let thread = thread::spawn(move || {
            let mut writer = Writer::new(port);
            for number in 1_u64.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                writer.write(&entity, &number.to_string());
                list.lock().push((Instant::now(), number));
                // So that reads between two writes find the row in memory.
                thread::sleep(Duration::from_millis(number % 5));
            }
        });
        Self {
            stop,
            acknowledged,
            thread: Some(thread),
        }
    }

    /// Holds a read that began at `began` against what was acknowledged by then, and gives how far it is behind.
    fn check(&self, began: Instant, row: Option<&[u8]>, bound: Duration) -> Duration {
        let read: u64 = row.map_or(0, |row| std::str::from_utf8(row).unwrap().parse().unwrap());
        let acknowledged = self.acknowledged.lock();
        // The first write that the read should have seen.
        let missed = acknowledged
            .iter()
            .rev()
            .take_while(|(_, number)| *number > read)
            .last();
        let behind = missed.map_or(Duration::ZERO, |(at, _)| began.saturating_duration_since(*at));
        assert!(behind <= bound, "{read} is {behind:?} behind");
        behind
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_is_behind_another_client_by_less_than_the_bound() {
    let server = RedisServer::start(&[]);
    let bound = Duration::from_secs(2);
    let reader = Reader::started(&cached(RedisTopology::Single, server.port(), bound)).await;
    let counting = Counting::start(server.port(), entity(1));
    let (mut hits, mut reads, mut behind) = (0_u64, 0_u64, Vec::new());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        let began = Instant::now();
        let (row, in_memory) = reader.read(&entity(1)).await;
        reads += 1;
        hits += u64::from(in_memory);
        behind.push(counting.check(began, row.as_deref(), bound));
        if reads % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let most = behind.iter().max();
    assert!(
        hits > 0 && hits < reads,
        "{hits} of {reads} rows in memory, at most {most:?} behind"
    );
    assert_eq!(reader.losses(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_row_is_held_over_a_broken_connection() {
    let server = RedisServer::start(&[]);
    let bound = Duration::from_secs(2);
    let reader = Reader::started(&cached(RedisTopology::Single, server.port(), bound)).await;
    let counting = Counting::start(server.port(), entity(1));
    for breaks in 1..=3_u64 {
        reader.hold(&entity(2)).await;
        let clients = server.cli(&["CLIENT", "LIST"]);
        let tracked = clients.lines().find(|line| line.contains("flags=tB"));
        let id = tracked.and_then(|line| line.split(['=', ' ']).nth(1));
        assert_eq!(server.cli(&["CLIENT", "KILL", "ID", id.unwrap()]), "1");
        while reader.starts() < 1 + breaks {
            let began = Instant::now();
            let (row, _) = reader.read(&entity(1)).await;
            counting.check(began, row.as_deref(), bound);
            tokio::task::yield_now().await;
        }
        assert_eq!(reader.losses(), breaks);
        assert!(!reader.read(&entity(2)).await.1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_in_memory_are_not_used_longer_than_redis_may_be_silent() {
    let server = RedisServer::start(&[]);
    let bound = Duration::from_millis(600);
    let mut config = cached(RedisTopology::Single, server.port(), bound);
    config.response_timeout = PATIENCE;
    let reader = Reader::started(&config).await;
    Writer::new(server.port()).write(&entity(1), "old");
    reader.hold(&entity(1)).await;
    server.hang();
    let hung = Instant::now();
    // Rows in memory only: another read would wait for Redis.
    let mut entities = PackedBytes::default();
    entities.push_with(|out| out.extend_from_slice(&entity(1)));
    let tables = [vec![1]];
    let entities = [entities];
    let queries = RowQueries {
        tables: &tables,
        entities: &entities,
        features: None,
    };
    let mut used = 0;
    loop {
        let began = Instant::now();
        if feast_rows::rows_in_memory(reader.tracking.rows(), queries).is_none() {
            break;
        }
        assert!(began < hung + bound, "used {:?} after Redis hung", hung.elapsed());
        used += 1;
        tokio::time::sleep(PAUSE).await;
    }
    assert!(used > 0);
    reader
        .wait_until("that it hangs is noticed", |reader| reader.losses() == 1)
        .await;
    server.go_on();
    reader
        .wait_until("changes are tracked again", |reader| reader.starts() == 2)
        .await;
    assert_eq!(reader.read(&entity(1)).await, (Some(b"old".to_vec()), false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_database_and_an_expired_key_are_seen() {
    let server = RedisServer::start(&[]);
    let reader = Reader::started(&single(&server)).await;
    let mut writer = Writer::new(server.port());
    writer.write(&entity(1), "row");
    reader.hold(&entity(1)).await;
    server.cli(&["FLUSHALL"]);
    reader
        .wait_until("that it was emptied is told", |reader| {
            reader.tracking.counts().flushed.load(Ordering::Relaxed) == 1
        })
        .await;
    assert_eq!(reader.read(&entity(1)).await.0, None);
    let before = reader.changed_entities();
    writer.write(&entity(2), "row");
    writer.run("PEXPIRE", &entity(2), 300);
    reader
        .wait_until("the writes are told", |reader| reader.changed_entities() >= before + 2)
        .await;
    reader.hold(&entity(2)).await;
    reader
        .wait_until("the expiry is told", |reader| reader.changed_entities() >= before + 3)
        .await;
    assert_eq!(reader.read(&entity(2)).await.0, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_write_is_seen_at_once() {
    let server = RedisServer::start(&[]);
    let reader = Reader::started(&single(&server)).await;
    for number in 0..500 {
        reader.read(&entity(1)).await;
        let mut write = redis::cmd("HSET");
        let key = [&entity(1)[..], PROJECT.as_bytes()].concat();
        write.arg(key).arg("f").arg(number);
        reader.connection.run(vec![write], Access::Write).await.unwrap();
        reader.tracking.forget(&entity(1));
        let (row, _) = reader.read(&entity(1)).await;
        assert_eq!(row, Some(number.to_string().into_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_other_projects_do_not_matter() {
    let server = RedisServer::start(&[]);
    let reader = Reader::started(&single(&server)).await;
    let mut writer = Writer::new(server.port());
    reader.hold(&entity(1)).await;
    for project in ["my_repo", "repo2", "", "r"] {
        writer.write_in(project, &entity(1), "theirs");
    }
    writer.write(&entity_of("driver_id", 1), "of a view that nobody reads");
    writer.write(&entity(2), "ours");
    reader
        .wait_until("the last one is told", |reader| reader.changed_entities() > 0)
        .await;
    assert_eq!(reader.changed_entities(), 1);
    assert_eq!(reader.read(&entity(1)).await, (None, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_new_views_are_tracked_too() {
    let server = RedisServer::start(&[]);
    let reader = Reader::started(&single(&server)).await;
    let views = [view("users", &["user_id"]), view("drivers", &["driver_id"])];
    reader.tracking.follow(&views);
    reader
        .wait_until("changes are tracked again", |reader| reader.starts() == 2)
        .await;
    // Nothing new, so nothing is lost.
    reader.tracking.follow(&views[1..]);
    let driver = entity_of("driver_id", 1);
    for entity in [driver, entity(1)] {
        let before = reader.changed_entities();
        reader.hold(&entity).await;
        Writer::new(server.port()).write(&entity, "new");
        reader
            .wait_until("the change is told", |reader| reader.changed_entities() > before)
            .await;
        assert_eq!(reader.read(&entity).await.0, Some(b"new".to_vec()));
    }
    assert_eq!((reader.starts(), reader.losses()), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_hashes_expire_rows_are_not_held_for_long() {
    let server = RedisServer::start(&[]);
    let mut config = single(&server);
    config.key_ttl_seconds = Some(8);
    let reader = Reader::started(&config).await;
    let mut writer = Writer::new(server.port());
    let written = Instant::now();
    for (number, milliseconds) in [(1, 1900), (2, 100_000)] {
        writer.write(&entity(number), "row");
        writer.run("PEXPIRE", &entity(number), milliseconds);
    }
    writer.write(&entity(3), "row");
    reader
        .wait_until("the writes are told", |reader| reader.changed_entities() >= 5)
        .await;
    // It would expire before it is forgotten. When it has expired, that there is nothing is held.
    for _ in 0..20 {
        let (row, in_memory) = reader.read(&entity(1)).await;
        assert!(row.is_none() || !in_memory, "{:?} after the write", written.elapsed());
    }
    reader.hold(&entity(2)).await;
    reader.hold(&entity(3)).await;
    // Nothing has changed, and yet it is read anew.
    let start = Instant::now();
    while reader.read(&entity(3)).await.1 {
        assert!(start.elapsed() < PATIENCE, "held for ever");
        tokio::time::sleep(PAUSE).await;
    }
    assert_eq!(reader.losses(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tracking_nothing_is_held_and_nothing_is_asked_again_and_again() {
    let server = RedisServer::start(&[]);
    server.cli(&[
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">secret",
        "~*",
        "+@all",
        "-client|tracking",
    ]);
    let mut config = single(&server);
    config.login.username = Some("reader".to_owned());
    config.login.password = Some("secret".to_owned());
    let reader = Reader::new(&config);
    reader.tracking.start();
    reader
        .wait_until("it is refused", |_| {
            server.cli(&["ACL", "LOG"]).contains("client|tracking")
        })
        .await;
    for _ in 0..100 {
        assert_eq!(reader.read(&entity(1)).await, (None, false));
        tokio::time::sleep(PAUSE).await;
    }
    let log = server.cli(&["ACL", "LOG"]);
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(
        lines.iter().position(|line| *line == "count").map(|at| lines[at + 1]),
        Some("1"),
        "{log}"
    );
    assert_eq!((reader.starts(), reader.losses()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_tracked_when_nothing_may_be_held() {
    let server = RedisServer::start(&[]);
    let cases: [fn(&mut RedisConfig); 3] = [
        |config| config.cache_staleness = None,
        |config| config.row_cache = 0,
        |config| config.reads_from_replicas = true,
    ];
    for change in cases {
        let mut config = single(&server);
        change(&mut config);
        let reader = Reader::new(&config);
        reader.tracking.start();
        for _ in 0..20 {
            assert!(!reader.read(&entity(1)).await.1);
        }
        assert!(!server.cli(&["CLIENT", "LIST"]).contains("resp=3"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_primaries_of_a_cluster_are_tracked_through_a_failover() {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let cluster = RedisCluster::start(3, 1, &[]);
    let port = cluster.nodes()[0].port();
    let config = cached(RedisTopology::Cluster, port, Duration::from_secs(2));
    let reader = Reader::started(&config).await;
    let write_everywhere = || {
        // Each node takes its own keys and refuses the others.
        for node in cluster.nodes() {
            let mut writer = Writer::new(node.port());
            for number in 0..100 {
                let key = [&entity(number)[..], PROJECT.as_bytes()].concat();
                let value = NUMBER.fetch_add(1, Ordering::Relaxed);
                let _ = redis::cmd("HSET").arg(key).arg("f").arg(value).exec(&mut writer.0);
            }
        }
    };
    write_everywhere();
    reader
        .wait_until("all changes are told", |reader| reader.changed_entities() == 100)
        .await;
    move_and_write(&cluster, &entity(1));
    // The key is removed from one node, arrives at the other, and is written there, which has no such slot yet.
    reader
        .wait_until("a move is told", |reader| reader.changed_entities() == 103)
        .await;
    assert_eq!((reader.starts(), reader.losses()), (1, 0));
    let mut nodes = cluster.nodes().iter();
    let replica = nodes.find(|node| node.cli(&["ROLE"]).contains("slave")).unwrap();
    while replica.cli(&["ROLE"]).contains("slave") {
        replica.cli(&["CLUSTER", "FAILOVER"]);
        tokio::time::sleep(PAUSE * 20).await;
    }
    reader
        .wait_until("the other primaries are tracked", |reader| reader.starts() >= 2)
        .await;
    // Until all nodes know of it, there may be further changes.
    let start = Instant::now();
    loop {
        let before = reader.changed_entities();
        write_everywhere();
        tokio::time::sleep(PAUSE * 40).await;
        if reader.changed_entities() == before + 100 {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "not all changes are told");
    }
}

/// Moves a key to another node of a cluster and writes it there while the slot is still on its way.
fn move_and_write(cluster: &RedisCluster, entity: &[u8]) {
    let key = [entity, PROJECT.as_bytes()].concat();
    let mut any = Writer::new(cluster.nodes()[0].port());
    let slot: u16 = redis::cmd("CLUSTER")
        .arg("KEYSLOT")
        .arg(&key)
        .query(&mut any.0)
        .unwrap();
    let from = cluster.owner(slot);
    let to = (from + 1) % 3;
    cluster.open_move(slot, from, to);
    let mut source = Writer::new(cluster.nodes()[from].port());
    let mut migrate = redis::cmd("MIGRATE");
    migrate.arg("127.0.0.1").arg(cluster.nodes()[to].port());
    migrate.arg(&key).arg(0).arg(5000).exec(&mut source.0).unwrap();
    let mut target = Writer::new(cluster.nodes()[to].port());
    redis::cmd("ASKING").exec(&mut target.0).unwrap();
    target.write(entity, "moved");
    cluster.close_move(slot, from, to);
}
