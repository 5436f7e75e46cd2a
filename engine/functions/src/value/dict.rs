//! Dicts: members in the order in which their keys came.
//!
//! Keys are found by comparing them one after the other up to a few, then by a hash of those that have one: text and numbers.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::sequence::release;
use super::{Value, equals};

/// More members than this are found by their hashes.
const MAX_COMPARED: usize = 8;

#[derive(Debug, Clone, Default)]
pub(crate) struct Dict {
    members: Vec<(Value, Value)>,
    /// Positions by hash, once there are many.
    index: HashMap<u64, Vec<usize>>,
}

impl Drop for Dict {
    fn drop(&mut self) {
        let members = std::mem::take(&mut self.members);
        release(members.into_iter().flat_map(|(key, value)| [key, value]).collect());
    }
}

impl Dict {
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn members(&self) -> &[(Value, Value)] {
        &self.members
    }

    pub(crate) fn get(&self, key: &Value) -> Option<&Value> {
        self.position(key).map(|position| &self.members[position].1)
    }

    pub(crate) fn insert(&mut self, key: Value, value: Value) {
        match self.position(&key) {
            Some(position) => self.members[position].1 = value,
            None => {
                if !self.index.is_empty() {
                    self.index.entry(hash_of(&key)).or_default().push(self.members.len());
                }
                self.members.push((key, value));
                if self.index.is_empty() && self.members.len() > MAX_COMPARED {
                    self.rebuild();
                }
            }
        }
    }

    /// Its keys and values, which it does not have afterwards.
    pub(super) fn take_values(mut self) -> impl Iterator<Item = Value> {
        std::mem::take(&mut self.members)
            .into_iter()
            .flat_map(|(key, value)| [key, value])
    }

    fn rebuild(&mut self) {
        for (position, (key, _)) in self.members.iter().enumerate() {
            self.index.entry(hash_of(key)).or_default().push(position);
        }
    }

    fn position(&self, key: &Value) -> Option<usize> {
        if self.index.is_empty() {
            return self
                .members
                .iter()
                .position(|(known, _)| equals(known, key) == Some(true));
        }
        let positions = self.index.get(&hash_of(key))?;
        let is_key = |position: &&usize| equals(&self.members[**position].0, key) == Some(true);
        positions.iter().find(is_key).copied()
    }
}

/// Equal keys have equal hashes: 1, 1.0 and True are one key.
fn hash_of(key: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match (key, key.as_float()) {
        (_, Some(number)) => (number + 0.0).to_bits().hash(&mut hasher),
        (Value::Text(text), _) => text.hash(&mut hasher),
        _ => {}
    }
    hasher.finish()
}
