//! Clients that read and push all the time, and hold each answer against what was acknowledged before.
//!
//! Each push gives an entity the next number, which is its event time in seconds and its values. Nobody else writes the entity, so a
//! read that begins after a push was acknowledged must find that number or a greater one; a greater one may be of a push that was
//! refused, as nobody says that it was not carried out.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Response, Server, eventually};

/// Enough to lie on all nodes of a cluster, and in many slots.
pub(crate) const ENTITIES: i64 = 96;
/// Entities of a push.
const ENTITIES_A_PUSH: i64 = 8;
/// Between two requests of a client: the tests share their machine.
const PAUSE: Duration = Duration::from_millis(5);
/// Entities of the load begin here; those of the template lie before.
const FIRST: i64 = 10_000;

/// What a read may be behind.
#[derive(Clone, Copy)]
pub(crate) enum Promise {
    /// Nothing that was acknowledged before it began.
    EveryPush,
    /// Nothing that was acknowledged that long before it began.
    Within(Duration),
    /// Nothing that was acknowledged before [`Load::mark`].
    BeforeMark,
}

/// What clients have sent and were told.
#[derive(Default)]
pub(crate) struct Load {
    entities: Vec<Mutex<Entity>>,
    ends: AtomicBool,
    pub(crate) answers: AtomicUsize,
    pub(crate) pushes: AtomicUsize,
    pub(crate) refusals: AtomicUsize,
}

#[derive(Default)]
struct Entity {
    /// The number of the last push.
    sent: i64,
    /// Those that were acknowledged, and when.
    acknowledged: Vec<(Instant, i64)>,
    marked: i64,
}

impl Load {
    pub(crate) fn new() -> Self {
        Self {
            entities: (0..ENTITIES).map(|_| Mutex::default()).collect(),
            ..Self::default()
        }
    }

    /// Runs `trouble` while clients push through the first server and read through the second, and some more rounds after it. Then
    /// all that was promised must be there.
    pub(crate) fn during<T>(
        &self,
        promise: Promise,
        (writer, reader): (&Server, &Server),
        trouble: impl FnOnce() -> T,
    ) -> T {
        self.push_all(writer);
        self.ends.store(false, Ordering::Relaxed);
        let half = ENTITIES / 2;
        let outcome = std::thread::scope(|scope| {
            let ends = EndsOnPanic(&self.ends);
            for range in [0..half, half..ENTITIES] {
                let ends = EndsOnPanic(&self.ends);
                scope.spawn(move || {
                    self.write_on(writer, range);
                    drop(ends);
                });
            }
            for first in [0, half] {
                let ends = EndsOnPanic(&self.ends);
                scope.spawn(move || {
                    self.read_on(promise, reader, first);
                    drop(ends);
                });
            }
            let outcome = trouble();
            eventually("reads and pushes go well again", || {
                assert!(!self.ends.load(Ordering::Relaxed), "a client has failed");
                let (answers, pushes, refusals) = self.counts();
                sleep(Duration::from_millis(200));
                let now = self.counts();
                now.0 > answers && now.1 > pushes && now.2 == refusals
            });
            self.ends.store(true, Ordering::Relaxed);
            drop(ends);
            outcome
        });
        self.push_all(writer);
        assert!(self.check(promise, reader, 0..ENTITIES));
        outcome
    }

    /// What is acknowledged by now is what [`Promise::BeforeMark`] promises.
    pub(crate) fn mark(&self) {
        for entity in &self.entities {
            let mut entity = entity.lock().unwrap();
            entity.marked = entity.acknowledged.last().map_or(0, |(_, number)| *number);
        }
    }

    /// Reads entities, and gives whether they were answered.
    fn check(&self, promise: Promise, server: &Server, entities: Range<i64>) -> bool {
        let start = Instant::now();
        let at_least: Vec<i64> = entities
            .clone()
            .map(|entity| self.at_least(promise, entity, start))
            .collect();
        let response = read(server, entities.clone());
        if response.status != 200 {
            is_refusal(&response);
            self.refusals.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let values = values(&response, entities.end - entities.start);
        for (((entity, at_least), trips), rate) in entities.zip(at_least).zip(&values[0]).zip(&values[1]) {
            let number = trips
                .as_i64()
                .unwrap_or_else(|| panic!("entity {entity}: {}", response.body));
            let sent = self.entities[entity as usize].lock().unwrap().sent;
            assert!(
                at_least <= number && number <= sent,
                "entity {entity}: {number} was read, and {at_least} was acknowledged before, {sent} was sent last"
            );
            assert_eq!(rate.as_f64(), Some(number as f64), "entity {entity}: half a row");
        }
        self.answers.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn at_least(&self, promise: Promise, entity: i64, start: Instant) -> i64 {
        let entity = self.entities[entity as usize].lock().unwrap();
        let behind = match promise {
            Promise::EveryPush => Duration::ZERO,
            Promise::Within(behind) => behind,
            Promise::BeforeMark => return entity.marked,
        };
        let mut acknowledged = entity.acknowledged.iter().rev();
        acknowledged
            .find(|(when, _)| *when + behind <= start)
            .map_or(0, |(_, number)| *number)
    }

    /// Pushes the next numbers, and gives whether they were acknowledged.
    pub(crate) fn push(&self, server: &Server, entities: Range<i64>) -> bool {
        let number = {
            let mut last = 0;
            for entity in entities.clone() {
                let entity = self.entities[entity as usize].lock().unwrap();
                last = last.max(entity.sent);
            }
            for entity in entities.clone() {
                let mut entity = self.entities[entity as usize].lock().unwrap();
                // Another client may have pushed in between.
                entity.sent = entity.sent.max(last + 1);
            }
            last + 1
        };
        let response = write(server, entities.clone(), number);
        if response.status != 200 {
            is_refusal(&response);
            self.refusals.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let now = Instant::now();
        for entity in entities {
            let mut entity = self.entities[entity as usize].lock().unwrap();
            entity.acknowledged.push((now, number));
        }
        self.pushes.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn push_all(&self, server: &Server) {
        for entities in parts(0..ENTITIES) {
            eventually("a push is acknowledged", || self.push(server, entities.clone()));
        }
    }

    fn write_on(&self, server: &Server, entities: Range<i64>) {
        while !self.ends.load(Ordering::Relaxed) {
            for part in parts(entities.clone()) {
                self.push(server, part);
                sleep(PAUSE);
            }
        }
    }

    fn read_on(&self, promise: Promise, server: &Server, first: i64) {
        while !self.ends.load(Ordering::Relaxed) {
            // All at once, and a few.
            self.check(promise, server, 0..ENTITIES);
            sleep(PAUSE);
            self.check(promise, server, first..first + 3);
            sleep(PAUSE);
        }
    }

    fn counts(&self) -> (usize, usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (of(&self.answers), of(&self.pushes), of(&self.refusals))
    }
}

/// All clients end when one of them fails, or the trouble does.
struct EndsOnPanic<'a>(&'a AtomicBool);

impl Drop for EndsOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

fn parts(entities: Range<i64>) -> impl Iterator<Item = Range<i64>> {
    let end = entities.end;
    let starts = entities.step_by(ENTITIES_A_PUSH as usize);
    starts.map(move |start| start..end.min(start + ENTITIES_A_PUSH))
}

/// Two features of entities of the load.
pub(crate) fn read(server: &Server, entities: Range<i64>) -> Response {
    let keys: Vec<i64> = entities.map(|entity| FIRST + entity).collect();
    let features = ["driver_hourly_stats:avg_daily_trips", "driver_hourly_stats:conv_rate"];
    server.post_json(
        "/get-online-features",
        &json!({ "features": features, "entities": { "driver_id": keys } }),
    )
}

/// Writes a number to entities of the load, in one of the two ways that there are.
pub(crate) fn write(server: &Server, entities: Range<i64>, number: i64) -> Response {
    let keys: Vec<i64> = entities.map(|entity| FIRST + entity).collect();
    let of_each = |value: Value| vec![value; keys.len()];
    let time = format!(
        "2026-01-{:02}T{:02}:{:02}:{:02}",
        1 + number / 86_400,
        number / 3_600 % 24,
        number / 60 % 60,
        number % 60
    );
    let df = json!({ "driver_id": &keys, "event_timestamp": of_each(json!(time)), "created": of_each(json!(time)),
        "conv_rate": of_each(json!(number as f64)), "acc_rate": of_each(json!(0.5)),
        "avg_daily_trips": of_each(json!(number)) });
    if number % 2 == 0 {
        let body = json!({ "push_source_name": "driver_stats_push_source", "df": df, "to": "online" });
        server.post_json("/push", &body)
    } else {
        let body = json!({ "feature_view_name": "driver_hourly_stats", "df": df });
        server.post_json("/write-to-online-store", &body)
    }
}

/// The values of both features, all of them there.
fn values(response: &Response, count: i64) -> [Vec<Value>; 2] {
    let body = response.json();
    let of_feature = |position: usize| {
        let result = &body["results"][position];
        let (values, statuses) = (
            result["values"].as_array().unwrap(),
            result["statuses"].as_array().unwrap(),
        );
        assert_eq!(
            (values.len(), statuses.len()),
            (count as usize, count as usize),
            "{body}"
        );
        assert!(statuses.iter().all(|status| status == "PRESENT"), "{body}");
        values.clone()
    };
    [of_feature(1), of_feature(2)]
}

/// 503 with a time to come back, and Feast's body: a JSON string.
pub(crate) fn is_refusal(response: &Response) {
    assert_eq!(response.status, 503, "{}", response.body);
    assert_eq!(response.header("retry-after"), Some("1"), "{}", response.body);
    assert!(response.json().is_string(), "{}", response.body);
}
