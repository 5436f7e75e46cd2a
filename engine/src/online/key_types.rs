//! Which types join keys may have, and the error for one that entity keys cannot hold. Reading and writing share it, so that a
//! view that can be written can also be read.

use feast_codec::entity_key::{EntityKeyEncoder, UnsupportedKeyType};
use feast_model::error::{Error, Result};
use feast_model::{FeatureView, ValueType};

/// Writes entity keys from columns of these names and types.
pub(super) fn key_encoder(view: &str, keys: &[(&str, &ValueType)]) -> Result<EntityKeyEncoder> {
    EntityKeyEncoder::new(keys).map_err(|unsupported| unsupported_key(view, &unsupported))
}

fn unsupported_key(view: &str, unsupported: &UnsupportedKeyType) -> Error {
    Error::invalid(format!("feature view {view}: {unsupported}")).with_hint(UnsupportedKeyType::HINT)
}

/// # Errors
/// `Invalid`, naming view, key and type, when rows of the view can be neither written nor read.
pub(crate) fn check_key_types(view: &FeatureView) -> Result<()> {
    let keys = view
        .entity_columns
        .iter()
        .map(|key| (key.name.as_str(), &key.value_type));
    UnsupportedKeyType::find(keys).map_or(Ok(()), |unsupported| Err(unsupported_key(view.name(), &unsupported)))
}
