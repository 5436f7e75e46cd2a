//! Rows out of hashes: one command for each entity, all in flight at once, and their values decoded straight into rows.

use std::sync::Arc;

use feast_codec::feast_value::{CorruptValue, decode_timestamp};
use feast_codec::row::{Cell, RowHeader, RowVersion};
use feast_model::Timestamp;
use feast_model::error::{Error, Result};
use feast_rows::{MissingRows, RowBatch};
use redis::Cmd;

use crate::RedisStore;
use crate::connection::{Access, Reply};
use crate::hash_query::{HashQuery, HashValues, Reading, TableFields};

/// The schema of rows that have all features, and of those that lack some.
const COMPLETE: u32 = 0;
const WITH_GAPS: u32 = 1;

impl RedisStore {
    /// Fetches rows: table by table, and in each table entity by entity, in the order of [`MissingRows::by_query`].
    ///
    /// # Errors
    /// `Unavailable` when Redis does not answer in time, `Data` for a value that cannot be read.
    pub async fn fetch(&self, missing: MissingRows<'_>) -> Result<RowBatch> {
        self.tracking.start();
        loop {
            let (queries, commands) = self.commands(missing);
            match self.connection.exchange(commands, Access::Read).await {
                Ok(replies) => return self.read_replies(missing, &queries, &replies),
                Err(trouble) if trouble.is_too_large() && read_less(&queries) => {}
                Err(trouble) => return Err(trouble.into()),
            }
        }
    }

    /// As [`RedisStore::fetch`], on a thread that may wait.
    ///
    /// # Errors
    /// As [`RedisStore::fetch`].
    pub fn fetch_blocking(&self, missing: MissingRows<'_>) -> Result<RowBatch> {
        loop {
            let (queries, commands) = self.commands(missing);
            match self.connection.exchange_blocking(commands, Access::Read)? {
                Ok(replies) => return self.read_replies(missing, &queries, &replies),
                Err(trouble) if trouble.is_too_large() && read_less(&queries) => {}
                Err(trouble) => return Err(trouble.into()),
            }
        }
    }

    /// The replies to the commands of the queries come first, then those that tell how long the hashes live on.
    fn read_replies(&self, missing: MissingRows<'_>, queries: &[PendingQuery], replies: &[Reply]) -> Result<RowBatch> {
        let hashes: usize = queries.iter().map(|pending| pending.entities).sum();
        let (hashes, lifetimes) = replies.split_at(hashes.min(replies.len()));
        self.tracking.forget_expiring(missing, lifetimes);
        self.rows(missing, queries, hashes)
    }

    /// What to read for each query, of how many entities, and the commands of all; then those that ask how long the hashes live on.
    fn commands(&self, missing: MissingRows<'_>) -> (Vec<PendingQuery>, Vec<Cmd>) {
        let views = self.views.load();
        let mut queries = Vec::new();
        let mut commands = Vec::new();
        let mut key = Vec::new();
        for (tables, entities) in missing.by_query() {
            let query = views.query(tables);
            let reading = query.reading();
            let before = commands.len();
            for entity in entities {
                key.clear();
                key.extend_from_slice(entity);
                key.extend_from_slice(self.project.as_bytes());
                commands.push(query.command(reading, &key));
            }
            queries.push(PendingQuery {
                tables: tables.to_vec(),
                query,
                reading,
                entities: commands.len() - before,
            });
        }
        commands.extend(self.tracking.lifetime_commands(missing));
        (queries, commands)
    }

    fn rows(&self, missing: MissingRows<'_>, queries: &[PendingQuery], replies: &[Reply]) -> Result<RowBatch> {
        let mut batch = RowBatch::with_capacity(missing.row_count());
        let mut row = Vec::new();
        let mut rest = replies;
        for (pending, (_, entities)) in queries.iter().zip(missing.by_query()) {
            let (of_query, later) = rest.split_at(pending.entities.min(rest.len()));
            rest = later;
            let values = of_query.iter().map(|reply| self.values(pending, reply));
            let mut values = values.collect::<Result<Vec<HashValues<'_>>>>()?;
            for table in &pending.tables {
                let fields = pending.query.table(*table);
                for (of_entity, entity) in values.iter_mut().zip(entities.clone()) {
                    row.clear();
                    let found = match fields {
                        Some(fields) => self.read_row(missing, entity, fields, of_entity, &mut row)?,
                        None => false,
                    };
                    batch.push(found.then_some(&row[..]));
                }
            }
        }
        Ok(batch)
    }

    fn values<'reply>(&self, pending: &PendingQuery, reply: &'reply Reply) -> Result<HashValues<'reply>> {
        if let Some(error) = reply.error() {
            return Err(self.connection.refused(&error));
        }
        let values = pending.query.values(pending.reading, reply);
        values.ok_or_else(|| self.damaged("a hash was answered in a form that is not known".to_owned()))
    }

    /// Appends a row of a table to `out`, if there is one. Values that cannot be read and that nobody asks for are taken out of it, and
    /// such a row is not held in memory.
    fn read_row(
        &self,
        missing: MissingRows<'_>,
        entity: &[u8],
        fields: &TableFields,
        values: &mut HashValues<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        loop {
            let (of_table, time) = HashQuery::of_table(fields, values);
            let event_time = match time {
                Some(time) => decode_timestamp(time).map_err(|problem| self.corrupt_time(fields, problem))?,
                None if self.config.python_statuses => Timestamp::EPOCH,
                None => return Ok(false),
            };
            let Err((position, problem)) = self.encode_row(fields, of_table, event_time, out) else {
                return Ok(true);
            };
            if missing.asks_for(fields.table.id, &fields.view.features[position].name) {
                return Err(self.corrupt_value(fields, position, problem));
            }
            self.tracking.forget(entity);
            values[fields.position(position)] = None;
            out.clear();
        }
    }

    /// Appends the row of these values. Fails at the position of a value that cannot be read.
    #[inline]
    fn encode_row(
        &self,
        fields: &TableFields,
        values: &[Option<&[u8]>],
        event_time: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<(), (usize, CorruptValue)> {
        let schema_id = match self.config.python_statuses || values.iter().all(Option::is_some) {
            true => COMPLETE,
            false => WITH_GAPS,
        };
        let version = RowVersion {
            event_time,
            created_time: None,
        };
        let layout = &fields.table.schemas()[schema_id as usize].layout;
        let read = |position: usize, out: &mut Vec<u8>| match values[position] {
            Some(value) => fields.decoders[position]
                .decode(value, out)
                .map_err(|problem| (position, problem)),
            None => Ok(Cell::NotStored),
        };
        layout.encode_cells(RowHeader { schema_id, version }, read, out)
    }

    fn corrupt_value(&self, fields: &TableFields, position: usize, problem: CorruptValue) -> Error {
        let (view, feature) = (&fields.view.name, &fields.view.features[position].name);
        self.damaged(format!("a value of {view}:{feature} cannot be read: {problem}"))
            .with_source(problem)
    }

    fn corrupt_time(&self, fields: &TableFields, problem: CorruptValue) -> Error {
        let view = &fields.view.name;
        self.damaged(format!("an event time of {view} cannot be read: {problem}"))
            .with_source(problem)
    }
}

/// Has less read of hashes than all that they have, where that is done and possible.
fn read_less(queries: &[PendingQuery]) -> bool {
    let mut is_possible = false;
    for pending in queries.iter().filter(|pending| pending.reading == Reading::All) {
        is_possible |= pending.query.read_fields();
    }
    is_possible
}

/// The commands of one query that were sent.
struct PendingQuery {
    tables: Vec<u32>,
    query: Arc<HashQuery>,
    reading: Reading,
    entities: usize,
}
