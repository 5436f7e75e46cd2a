//! Rows of a view in the form in which [`SqliteStore::write_rows`] takes them.

use arrow::array::ArrayRef;
use feast_codec::feast_value::ValueEncoder;
use feast_codec::row::RowVersion;
use feast_model::error::{Error, FeastException, Result};
use feast_model::{Field, ValueType};

use crate::SqliteStore;
use crate::encoded_row::{SecondsVersion, ValueText, key_prefix, push_header, push_name, push_text, push_value};
use crate::schema::table_name;

/// Writes the keys and rows of one view.
pub struct RowEncoder {
    key_prefix: Vec<u8>,
    features: Vec<FeatureEncoder>,
}

struct FeatureEncoder {
    name: String,
    encoder: ValueEncoder,
    value_type: ValueType,
}

impl SqliteStore {
    /// An encoder for rows of a view, in the order of these features.
    ///
    /// # Errors
    /// `NotFound` when the registry does not have the view any more.
    pub fn row_encoder(&self, view: &str, features: &[Field]) -> Result<RowEncoder> {
        let views = self.views.load();
        let stored = views.view(view).ok_or_else(|| {
            let message = format!(
                "Feature view {view} does not exist in project {} any more",
                self.project
            );
            Error::not_found(FeastException::FeatureViewNotFound, message)
        })?;
        let features = features.iter().map(|feature| FeatureEncoder {
            name: feature.name.clone(),
            encoder: ValueEncoder::new(&feature.value_type),
            value_type: feature.value_type.clone(),
        });
        Ok(RowEncoder {
            key_prefix: key_prefix(&table_name(&self.project, &stored.stored_name)),
            features: features.collect(),
        })
    }
}

impl RowEncoder {
    /// Checks that Feast has a form for every value of `columns`, which are in the order of the view's features. To be called before
    /// the first row of them is encoded.
    ///
    /// # Errors
    /// `Invalid`, naming feature and row.
    pub fn check(&self, columns: &[ArrayRef]) -> Result<()> {
        for (feature, column) in self.features.iter().zip(columns) {
            let checked = feature.encoder.check(column);
            checked.map_err(|problem| Error::invalid(format!("feature {}: {problem}", feature.name)))?;
        }
        Ok(())
    }

    /// Appends what stands before the entity key in a key.
    pub fn start_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key_prefix);
    }

    /// Appends the row `row` of `columns`, which are in the order of the view's features.
    pub fn encode(&self, version: RowVersion, columns: &[ArrayRef], row: usize, out: &mut Vec<u8>) {
        push_header(SecondsVersion::new(version), out);
        for (feature, column) in self.features.iter().zip(columns) {
            push_name(&feature.name, out);
            push_value(|out| feature.encoder.encode(column, row, out), out);
            let text = feature.encoder.text_of(column, row);
            push_text(value_text(&feature.value_type, text.as_deref()), out);
        }
    }
}

fn value_text<'a>(value_type: &ValueType, text: Option<&'a str>) -> ValueText<'a> {
    match (text, value_type) {
        (None, _) => ValueText::None,
        (Some(text), ValueType::Bool) => ValueText::Bool(text),
        (Some(text), ValueType::Int32 | ValueType::Int64 | ValueType::Float32 | ValueType::Float64) => {
            ValueText::Number(text)
        }
        (Some(text), _) => ValueText::String(text),
    }
}
