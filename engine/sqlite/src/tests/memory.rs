//! Rows in memory, between commits of others.

use proptest::prelude::*;

use super::*;

/// A look-up of one entity in `v`, which may wait between its steps.
struct Waiting {
    tables: [Vec<u32>; 1],
    entities: [PackedBytes; 1],
    lookup: RowLookup,
    fetched: Option<feast_rows::RowBatch>,
}

impl Waiting {
    fn begin(opened: &Opened, id: i64) -> Self {
        let tables = [vec![opened.store.tables().get("v").unwrap().id]];
        let mut packed = PackedBytes::default();
        packed.push_with(|out| out.extend_from_slice(&entity(id)));
        let entities = [packed];
        opened.store.forget_changed_rows().unwrap();
        let queries = RowQueries {
            tables: &tables,
            entities: &entities,
            features: None,
        };
        let lookup = RowLookup::prepare(opened.store.row_cache(), queries).unwrap();
        Self {
            lookup,
            tables,
            entities,
            fetched: None,
        }
    }

    fn is_in_memory(&self) -> bool {
        self.lookup.missing(self.queries()).is_none()
    }

    fn queries(&self) -> RowQueries<'_> {
        RowQueries {
            tables: &self.tables,
            entities: &self.entities,
            features: None,
        }
    }

    fn fetch(&mut self, opened: &Opened) {
        let missing = self.lookup.missing(self.queries());
        self.fetched = missing.map(|missing| opened.store.fetch(missing).unwrap());
    }

    fn complete(mut self, opened: &Opened) {
        let Some(rows) = self.fetched.take() else { return };
        let queries = RowQueries {
            tables: &self.tables,
            entities: &self.entities,
            features: None,
        };
        let completed = self
            .lookup
            .complete(opened.store.row_cache(), queries, |position| rows.get(position));
        completed.unwrap();
    }
}

/// A commit of another connection.
fn commit_elsewhere(connection: &Connection, id: i64, second: i64) {
    let sql = "INSERT INTO p_v (entity_key, feature_name, value, event_ts) VALUES (?1, 'a', x'2001', ?2) \
               ON CONFLICT DO UPDATE SET event_ts = ?2";
    connection.execute(sql, (entity(id), second)).unwrap();
}

#[test]
fn a_row_is_in_memory_until_anybody_commits() {
    let opened = Opened::new();
    opened.write(&[(1, 1_000_000, None, Some(1), None), (2, 1_000_000, None, Some(2), None)]);
    opened.read(1);
    assert!(Waiting::begin(&opened, 1).is_in_memory());
    assert!(!Waiting::begin(&opened, 2).is_in_memory());
    assert_eq!(opened.read(1), "a=1 b=null at 1");
    // By this process.
    opened.write(&[(2, 2_000_000, None, Some(3), None)]);
    assert!(!Waiting::begin(&opened, 1).is_in_memory());
    opened.read(1);
    // By another connection, as if by another process.
    let other = Connection::open(opened.path()).unwrap();
    commit_elsewhere(&other, 1, 9);
    assert!(!Waiting::begin(&opened, 1).is_in_memory());
    assert_eq!(opened.read(1), "a=1 b=null at 9");
    // A removed file has no rows.
    assert!(Waiting::begin(&opened, 1).is_in_memory());
    std::fs::remove_file(opened.path()).unwrap();
    assert_eq!(opened.read(1), "nothing");
}

#[derive(Debug, Clone)]
enum Step {
    Begin(i64),
    Fetch(usize),
    Complete(usize),
    Write(i64),
    CommitElsewhere(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_i64..3).prop_map(Step::Begin),
        3 => (0_usize..3).prop_map(Step::Fetch),
        3 => (0_usize..3).prop_map(Step::Complete),
        1 => (0_i64..3).prop_map(Step::Write),
        1 => (0_i64..3).prop_map(Step::CommitElsewhere),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Look-ups may wait between their steps for as long as they like: none leaves a row in memory that is not the stored one.
    #[test]
    fn rows_in_memory_are_those_of_the_file_whatever_lookups_wait_for(steps in proptest::collection::vec(step(), 1..30)) {
        let opened = Opened::new();
        opened.write(&[(0, 0, None, Some(1), None)]);
        let other = Connection::open(opened.path()).unwrap();
        let mut waiting: Vec<Waiting> = Vec::new();
        let mut seconds = [Some(0), None, None];
        for (second, step) in (1_i64..).zip(steps) {
            match step {
                Step::Begin(id) => waiting.push(Waiting::begin(&opened, id)),
                Step::Fetch(position) if position < waiting.len() => waiting[position].fetch(&opened),
                Step::Complete(position) if position < waiting.len() => waiting.swap_remove(position).complete(&opened),
                Step::Write(id) => {
                    opened.write(&[(id, second * 1_000_000, None, Some(second), None)]);
                    seconds[usize::try_from(id).unwrap()] = Some(second);
                }
                Step::CommitElsewhere(id) => {
                    commit_elsewhere(&other, id, second);
                    seconds[usize::try_from(id).unwrap()] = Some(second);
                }
                Step::Fetch(_) | Step::Complete(_) => {}
            }
            for (id, second) in (0..).zip(seconds) {
                let read = opened.read(id);
                let time = read.rsplit_once("at ").map(|(_, time)| time.parse::<i64>().unwrap());
                prop_assert_eq!(time, second, "entity {}: {}", id, read);
            }
        }
    }
}
