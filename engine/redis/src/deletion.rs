//! Removing the rows of views that are gone.
//!
//! Nothing in Redis says which hashes have a view, so all keys of the database are looked through, as Python Feast does. Keys are
//! parsed: Python's pattern also matches those of another project whose name ends with the name of this one. Only a process that
//! applies definitions, or tears a project down, deletes: others may have an older registry.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use feast_codec::feast_value::{field_name, time_field};
use feast_model::error::Result;
use feast_rows::StoredView;
use redis::{Arg, Cmd, Script, Value};

use crate::RedisStore;
use crate::connection::{Access, Reply};
use crate::scan::prefix_of;

/// Keys that are looked at in one step, each of which may be changed: some milliseconds of Redis' time.
const KEYS_A_STEP: usize = 250;
/// Between two steps Redis has time for others.
const PAUSE: Duration = Duration::from_micros(250);
/// Below what Lua takes as arguments of one call.
const MAX_FIELDS_A_CALL: usize = 4000;
/// A view may have thousands of features, which each of its hashes is sent the names of.
const MAX_BYTES_A_PIPELINE: usize = 256 << 10;
/// Removes fields, and the whole hash when no view has a time in it any more: what is left then are features that were dropped
/// earlier. One step, so that a row that is written meanwhile is not lost. Names of features are four bytes long, those of times longer.
const SOURCE: &str = "\
redis.call('HDEL', KEYS[1], unpack(ARGV))
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  if #name > 4 and string.sub(name, 1, 4) == '_ts:' then return 0 end
end
return redis.call('UNLINK', KEYS[1])";

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(SOURCE));

/// How far a search through all keys has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeySearch {
    /// Keys to look at: those of the database, also of other projects, once for each list of join keys.
    pub keys: u64,
    /// Keys that were looked at, about.
    pub looked_at: u64,
    /// Hashes from which rows were removed.
    pub hashes: u64,
}

impl RedisStore {
    /// Removes the rows of views; of those that are `present` nothing is removed. It may be repeated, also after it has failed. No search
    /// is made where the settings forbid it.
    ///
    /// # Errors
    /// `Unavailable` when Redis cannot answer; some rows may be removed then.
    pub fn delete_views(
        &self,
        removed: &[StoredView],
        present: &[StoredView],
        progress: &mut dyn FnMut(KeySearch),
    ) -> Result<KeySearch> {
        if !self.config.scans_for_deletion {
            return Ok(KeySearch::default());
        }
        let prefixes: BTreeSet<Vec<u8>> = removed.iter().map(prefix_of).collect();
        let mut search = self.search(prefixes.len())?;
        for prefix in &prefixes {
            let of_hash = |views: &[StoredView]| -> BTreeSet<Vec<u8>> {
                let views = views.iter().filter(|view| prefix_of(view) == *prefix);
                views.flat_map(fields).collect()
            };
            let kept = of_hash(present);
            let fields: Vec<Vec<u8>> = of_hash(removed).difference(&kept).cloned().collect();
            self.change_hashes(prefix, &mut search, progress, |key, commands| {
                commands.extend(fields.chunks(MAX_FIELDS_A_CALL).map(|part| deletion(key, part)));
            })?;
        }
        Ok(search)
    }

    /// Removes all hashes of the project that views have, with whatever is in them.
    ///
    /// # Errors
    /// As [`RedisStore::delete_views`].
    pub fn tear_down(&self, views: &[StoredView], progress: &mut dyn FnMut(KeySearch)) -> Result<KeySearch> {
        let prefixes: BTreeSet<Vec<u8>> = views.iter().map(prefix_of).collect();
        let mut search = self.search(prefixes.len())?;
        for prefix in &prefixes {
            self.change_hashes(prefix, &mut search, progress, |key, commands| {
                let mut command = Cmd::new();
                command.arg("UNLINK").arg(key);
                commands.push(command);
            })?;
        }
        Ok(search)
    }

    /// A search that looks at all keys so many times.
    fn search(&self, times: usize) -> Result<KeySearch> {
        let mut keys = 0;
        if times > 0 {
            for primary in self.connection.primaries_blocking()? {
                let mut size = Cmd::new();
                size.arg("DBSIZE");
                match self
                    .connection
                    .run_on_blocking(&primary, vec![size], Access::Read)?
                    .first()
                {
                    Some(Value::Int(size)) => keys += u64::try_from(*size).unwrap_or_default(),
                    Some(Value::ServerError(error)) => return Err(self.connection.refused(error)),
                    _ => return Err(self.damaged("DBSIZE was answered in a form that is not known".to_owned())),
                }
            }
        }
        Ok(KeySearch {
            keys: keys * times as u64,
            ..KeySearch::default()
        })
    }

    /// Sends the commands that `change` makes for the key of each hash of the project that begins like this.
    fn change_hashes(
        &self,
        prefix: &[u8],
        search: &mut KeySearch,
        progress: &mut dyn FnMut(KeySearch),
        change: impl Fn(&[u8], &mut Vec<Cmd>),
    ) -> Result<()> {
        let mut after = None;
        loop {
            progress(*search);
            let page = self.scan(prefix, after.as_deref(), KEYS_A_STEP)?;
            let mut commands = Vec::with_capacity(page.keys.len());
            for entity in page.keys.iter() {
                change(&[entity, self.project.as_bytes()].concat(), &mut commands);
            }
            self.carry_out(commands)?;
            page.keys.iter().for_each(|entity| self.tracking.forget(entity));
            search.hashes += page.keys.len() as u64;
            search.looked_at = (search.looked_at + KEYS_A_STEP as u64).min(search.keys);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Runs commands in pipelines of some size, since each is answered within the response timeout.
    fn carry_out(&self, commands: Vec<Cmd>) -> Result<()> {
        let (mut pipeline, mut bytes) = (Vec::new(), 0);
        for command in commands {
            bytes += command.get_packed_command().len();
            pipeline.push(command);
            if bytes > MAX_BYTES_A_PIPELINE {
                self.run_scripts(std::mem::take(&mut pipeline))?;
                bytes = 0;
            }
        }
        self.run_scripts(pipeline)
    }

    /// Runs commands, those that call a script which Redis does not know a second time with its source.
    fn run_scripts(&self, commands: Vec<Cmd>) -> Result<()> {
        let replies = self.connection.exchange_blocking(commands.clone(), Access::Write)??;
        let mut unknown = Vec::new();
        for (command, reply) in commands.iter().zip(replies.iter()) {
            match reply.error() {
                Some(error) if error.code() == "NOSCRIPT" => unknown.push(with_source(command)),
                Some(error) => return Err(self.connection.refused(&error)),
                None => {}
            }
        }
        let replies = self.connection.exchange_blocking(unknown, Access::Write)??;
        let refused = replies.iter().find_map(Reply::error);
        refused.map_or(Ok(()), |error| Err(self.connection.refused(&error)))
    }
}

/// The names of a view's fields.
fn fields(view: &StoredView) -> impl Iterator<Item = Vec<u8>> {
    let features = view.features.iter();
    let features = features.map(|feature| field_name(&view.stored_name, &feature.name).to_vec());
    features.chain([time_field(&view.stored_name)])
}

fn deletion(key: &[u8], fields: &[Vec<u8>]) -> Cmd {
    let mut command = Cmd::new();
    command.arg("EVALSHA").arg(SCRIPT.get_hash()).arg(1).arg(key);
    for field in fields {
        command.arg(&field[..]);
    }
    command
}

/// The same call of the script with its source, after which Redis knows it.
fn with_source(call: &Cmd) -> Cmd {
    let mut command = Cmd::new();
    command.arg("EVAL").arg(SOURCE);
    for argument in call.args_iter().skip(2) {
        if let Arg::Simple(bytes) = argument {
            command.arg(bytes);
        }
    }
    command
}

#[cfg(test)]
mod tests;
