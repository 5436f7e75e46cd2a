//! Removing the rows of views that are gone.
//!
//! Nothing in Redis says which hashes have a view, so all keys of the database are looked through, as Python Feast does. Keys are
//! parsed: Python's pattern also matches those of another project whose name ends with the name of this one. Only a process that
//! applies definitions, or tears a project down, deletes: others may have an older registry.

use std::collections::HashSet;
use std::time::Duration;

use feast_codec::feast_value::{field_name, time_field};
use feast_model::error::Result;
use feast_rows::StoredView;
use redis::{Cmd, Value};

use crate::RedisStore;
use crate::connection::Access;
use crate::scan::prefix_of;

/// Keys that are looked at in one step.
const KEYS_A_STEP: usize = 1000;
/// Between two steps Redis has time for others.
const PAUSE: Duration = Duration::from_millis(1);
/// Below what Lua takes as arguments of one call.
const MAX_FIELDS_A_CALL: usize = 4000;
/// Removes fields, and the whole hash when no view has a time in it any more: what is left then are features that were dropped
/// earlier. One step, so that a row that is written meanwhile is not lost. Names of features are four bytes long, those of times longer.
const SCRIPT: &str = "\
redis.call('HDEL', KEYS[1], unpack(ARGV))
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  if #name > 4 and string.sub(name, 1, 4) == '_ts:' then return 0 end
end
return redis.call('UNLINK', KEYS[1])";

impl RedisStore {
    /// Removes the rows of views; of those that are `present` nothing is removed. It may be repeated. Gives the number of hashes that
    /// were looked at; none where the settings forbid the search.
    ///
    /// # Errors
    /// `Unavailable` when Redis cannot answer; some rows may be removed then.
    pub fn delete_views(&self, removed: &[StoredView], present: &[StoredView]) -> Result<usize> {
        if !self.config.scans_for_deletion {
            return Ok(0);
        }
        let mut hashes = 0;
        let mut done = HashSet::new();
        for view in removed {
            let prefix = prefix_of(view);
            if done.insert(prefix.clone()) {
                let of_hash = |views: &[StoredView]| -> HashSet<Vec<u8>> {
                    let views = views.iter().filter(|view| prefix_of(view) == prefix);
                    views.flat_map(fields).collect()
                };
                let kept = of_hash(present);
                let fields: Vec<Vec<u8>> = of_hash(removed).difference(&kept).cloned().collect();
                hashes += self.delete_fields(&prefix, &fields)?;
            }
        }
        Ok(hashes)
    }

    /// Removes all hashes of the project that views have, with whatever is in them. Gives their number.
    ///
    /// # Errors
    /// As [`RedisStore::delete_views`].
    pub fn tear_down(&self, views: &[StoredView]) -> Result<usize> {
        let prefixes: HashSet<Vec<u8>> = views.iter().map(prefix_of).collect();
        let hashes = prefixes.iter().map(|prefix| {
            self.change_hashes(prefix, |key, commands| {
                let mut command = Cmd::new();
                command.arg("UNLINK").arg(key);
                commands.push(command);
            })
        });
        hashes.sum()
    }

    /// Removes fields from all hashes of the project whose keys begin like this.
    fn delete_fields(&self, prefix: &[u8], fields: &[Vec<u8>]) -> Result<usize> {
        self.change_hashes(prefix, |key, commands| {
            let parts = fields.chunks(MAX_FIELDS_A_CALL);
            commands.extend(parts.map(|part| deletion(key, part)));
        })
    }

    /// Sends the commands that `change` makes for the key of each hash of the project that begins like this. Gives the number of
    /// hashes.
    fn change_hashes(&self, prefix: &[u8], change: impl Fn(&[u8], &mut Vec<Cmd>)) -> Result<usize> {
        let (mut hashes, mut after) = (0, None);
        loop {
            let page = self.scan(prefix, after.as_deref(), KEYS_A_STEP)?;
            let mut commands = Vec::with_capacity(page.keys.len());
            for entity in page.keys.iter() {
                change(&[entity, self.project.as_bytes()].concat(), &mut commands);
            }
            for reply in self.connection.run_blocking(commands, Access::Write)? {
                if let Value::ServerError(error) = &reply {
                    return Err(self.connection.refused(error));
                }
            }
            page.keys.iter().for_each(|entity| self.tracking.forget(entity));
            hashes += page.keys.len();
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(hashes),
            }
            std::thread::sleep(PAUSE);
        }
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
    command.arg("EVAL").arg(SCRIPT).arg(1).arg(key);
    for field in fields {
        command.arg(&field[..]);
    }
    command
}

#[cfg(test)]
mod tests;
