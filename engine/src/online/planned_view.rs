//! What a plan says of each view: its features, and the keys of its entities. Plain data; `plan` makes it, and what reads or writes
//! by it need not know how a request is resolved.

use feast_codec::entity_key::EntityKeyEncoder;
use feast_model::ValueType;

/// The part of a plan that comes from one view.
#[derive(Debug)]
pub(super) struct PlannedView {
    pub(super) view: String,
    /// Name in the metadata of the response: the service's alias, or the view's own.
    pub(super) shown_name: String,
    pub(super) version: i32,
    /// How old a row may be, in microseconds. `None` for a view without a ttl.
    pub(super) max_age: Option<i64>,
    /// Position of its group in the plan.
    pub(super) group: usize,
    /// What is looked up of it.
    pub(super) features: Vec<PlannedFeature>,
}

/// Join keys that views share: their rows of an entity have the same entity key.
#[derive(Debug)]
pub(super) struct KeyGroup {
    /// In the order of the encoder.
    pub(super) keys: Vec<PlannedKey>,
    pub(super) encoder: EntityKeyEncoder,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct PlannedKey {
    /// Key in the request, after the projection's join key map.
    pub(super) request_key: String,
    /// Key of the view; also taken from the request when the mapped one is not there.
    pub(super) join_key: String,
    pub(super) value_type: ValueType,
}

#[derive(Debug)]
pub(super) struct PlannedFeature {
    /// Name in the response.
    pub(super) response_name: String,
    pub(super) name: String,
    pub(super) value_type: ValueType,
    pub(super) storage_type: String,
    /// Whether the request asks for it, or only a function reads it.
    pub(super) is_answered: bool,
}
