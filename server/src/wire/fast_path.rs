//! The fast path for reads as almost all clients send them, parsed straight into columns: lists of whole numbers or of strings,
//! and members of their plain types.
//!
//! Whatever differs, be it wrong or only unusual, is left without an error to [`validation`](super::validation), which knows all
//! forms and says what is wrong.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Int64Array, StringBuilder};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::entities::{Entities, KeyValues};

/// Each name is compared with every other, so there may not be more lists.
const MAX_LISTS: usize = 64;

/// The members of a read, as far as they were given.
#[derive(Default)]
pub(super) struct FastRead {
    pub(super) entities: Option<Entities>,
    pub(super) feature_service: Option<String>,
    pub(super) features: Option<Vec<String>>,
    pub(super) full_feature_names: Option<bool>,
    pub(super) with_view_versions: Option<bool>,
}

/// `None` when the fast path does not apply.
pub(super) fn parse(body: &[u8]) -> Option<FastRead> {
    let read: FastRead = serde_json::from_slice(body).ok()?;
    read.entities.is_some().then_some(read)
}

/// Ends the fast path. The message is never shown.
fn not_fast<E: Error>() -> E {
    E::custom("not in the form of the fast path")
}

impl<'de> Deserialize<'de> for FastRead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadVisitor)
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = FastRead;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a read")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<FastRead, A::Error> {
        let mut read = FastRead::default();
        // If a member is there twice, the last one counts: not on the fast path.
        fn once<T, E: Error>(member: &mut Option<T>, value: T) -> Result<(), E> {
            match member.replace(value) {
                None => Ok(()),
                Some(_) => Err(not_fast()),
            }
        }
        while let Some(name) = members.next_key()? {
            match name {
                "entities" => once(&mut read.entities, members.next_value_seed(EntitiesVisitor)?)?,
                "feature_service" => once(&mut read.feature_service, members.next_value()?)?,
                "features" => once(&mut read.features, members.next_value()?)?,
                "full_feature_names" => once(&mut read.full_feature_names, members.next_value()?)?,
                "include_feature_view_version_metadata" => {
                    once(&mut read.with_view_versions, members.next_value()?)?;
                }
                _ => return Err(not_fast()),
            }
        }
        Ok(read)
    }
}

struct EntitiesVisitor;

impl<'de> DeserializeSeed<'de> for EntitiesVisitor {
    type Value = Entities;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Entities, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntitiesVisitor {
    type Value = Entities;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("lists of keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut lists: A) -> Result<Entities, A::Error> {
        let mut entities = Entities::new();
        while let Some(name) = lists.next_key::<String>()? {
            if entities.len() == MAX_LISTS || entities.iter().any(|(known, _)| *known == name) {
                return Err(not_fast());
            }
            entities.push((name, lists.next_value_seed(KeysVisitor)?));
        }
        Ok(entities)
    }
}

/// The keys of a list so far; the first decides what they are.
enum Keys {
    None,
    Integers(Vec<i64>),
    Strings(StringBuilder),
}

struct KeysVisitor;

impl<'de> DeserializeSeed<'de> for KeysVisitor {
    type Value = KeyValues;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<KeyValues, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = KeyValues;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of keys")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<KeyValues, A::Error> {
        let mut keys = Keys::None;
        while list.next_element_seed(KeyVisitor(&mut keys))?.is_some() {}
        match keys {
            Keys::None => Err(not_fast()),
            Keys::Integers(values) => Ok(KeyValues::Integers(Arc::new(Int64Array::from(values)))),
            Keys::Strings(mut values) => Ok(KeyValues::Strings(Arc::new(values.finish()))),
        }
    }
}

struct KeyVisitor<'a>(&'a mut Keys);

impl<'de> DeserializeSeed<'de> for KeyVisitor<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for KeyVisitor<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number or a string")
    }

    fn visit_i64<E: Error>(self, key: i64) -> Result<(), E> {
        match self.0 {
            Keys::Integers(keys) => keys.push(key),
            Keys::None => *self.0 = Keys::Integers(vec![key]),
            Keys::Strings(_) => return Err(not_fast()),
        }
        Ok(())
    }

    fn visit_u64<E: Error>(self, key: u64) -> Result<(), E> {
        self.visit_i64(i64::try_from(key).map_err(|_| not_fast())?)
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<(), E> {
        if matches!(self.0, Keys::None) {
            *self.0 = Keys::Strings(StringBuilder::new());
        }
        match self.0 {
            Keys::Strings(keys) => keys.append_value(key),
            _ => return Err(not_fast()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Option<&str>) {
        let shown = parse(body.as_bytes()).map(|read| {
            let entities = read.entities.unwrap_or_default().into_iter();
            let entities: Vec<_> = entities
                .map(|(name, keys)| format!("{name}={}", keys.to_json()))
                .collect();
            let selection = read
                .feature_service
                .unwrap_or_else(|| read.features.unwrap_or_default().join(" "));
            format!("{} {selection} {:?}", entities.join(" "), read.full_feature_names)
        });
        assert_eq!(shown.as_deref(), expected, "{body}");
    }

    #[test]
    fn plain_reads_take_the_fast_path() {
        check(
            r#"{"feature_service":"s","entities":{"id":[1,-2,9223372036854775807],"name":["a","\u00e9"]}}"#,
            Some(r#"id=[1,-2,9223372036854775807] name=["a","é"] s None"#),
        );
        check(
            r#"{"entities":{"id":["1"]},"features":["v:f","v:g"],"full_feature_names":true}"#,
            Some(r#"id=["1"] v:f v:g Some(true)"#),
        );
    }

    #[test]
    fn what_differs_is_left_to_others() {
        for body in [
            r#"{"entities":{"id":[1,null]},"features":["v:f"]}"#,
            r#"{"entities":{"id":[1,"a"]},"features":["v:f"]}"#,
            r#"{"entities":{"id":[1.0]},"features":["v:f"]}"#,
            r#"{"entities":{"id":[9223372036854775808]},"features":["v:f"]}"#,
            r#"{"entities":{"id":[]},"features":["v:f"]}"#,
            r#"{"entities":{"id":[1],"id":[2]},"features":["v:f"]}"#,
            r#"{"entities":{"id":[1]},"features":["v:f"],"features":["v:g"]}"#,
            r#"{"entities":{"id":[1]},"features":null}"#,
            r#"{"entities":{"id":[1]},"features":["v:f"],"full_feature_names":"yes"}"#,
            r#"{"entities":{"id":[1]},"features":["v:f"],"more":[]}"#,
            r#"{"entities":{"id":[NaN]},"features":["v:f"]}"#,
            r#"{"features":["v:f"]}"#,
            "[]",
            "",
        ] {
            check(body, None);
        }
    }
}
