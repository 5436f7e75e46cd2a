//! Where the values of a YAML document are in its text.

use std::fmt;
use std::ops::Range;

use feast_model::error::Result;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::from_yaml;

/// A document as places.
pub(super) struct Places(Spanned<Node>);

enum Node {
    Null,
    Scalar,
    List(Vec<Places>),
    Mapping(Vec<(String, Places)>),
}

impl Places {
    /// The places of a document.
    ///
    /// # Errors
    /// `Invalid`, naming the place.
    pub(super) fn of(text: &str) -> Result<Self> {
        from_yaml(text)
    }

    /// The value at a path as `serving.api_keys[0].name`; `None` when the document does not have it.
    pub(super) fn find(&self, path: &str) -> Option<&Self> {
        path.split(['.', '['])
            .try_fold(self, |place, name| match (&place.0.value, name.strip_suffix(']')) {
                (Node::List(items), Some(index)) => items.get(index.parse::<usize>().ok()?),
                (Node::Mapping(members), None) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
                _ => None,
            })
    }

    /// Whether it is a value by itself: no list, no mapping, and not null.
    pub(super) fn is_scalar(&self) -> bool {
        matches!(self.0.value, Node::Scalar)
    }

    /// Where the value is in the text, or the alias that stands for it.
    pub(super) fn start(&self) -> usize {
        let start = self.0.referenced.span().byte_offset();
        start.and_then(|start| usize::try_from(start).ok()).unwrap_or_default()
    }

    /// The bytes of the text from the beginning of the value to the end of the last scalar in it.
    pub(super) fn bytes(&self) -> Option<Range<usize>> {
        let span = self.0.defined.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let own_end = start + usize::try_from(span.byte_len()?).ok()?;
        let inner = match &self.0.value {
            Node::Null | Node::Scalar => None,
            Node::List(items) => items.iter().filter_map(Self::bytes).map(|part| part.end).max(),
            Node::Mapping(members) => members
                .iter()
                .filter_map(|(_, item)| item.bytes())
                .map(|part| part.end)
                .max(),
        };
        Some(start..own_end.max(inner.unwrap_or_default()))
    }
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Node::Mapping(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Node::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Node, E> {
        Ok(Node::Scalar)
    }
}
