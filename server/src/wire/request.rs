//! Request bodies, checked as pydantic checks them in Feast's server: lax about forms, 422 for the wrong shape.

use feast_engine::model::FeatureSelection;
use serde_json::{Map, Value, json};

use super::data_frame::DataFrame;
use crate::error::{ApiError, Problem};

/// The members of a body that is a JSON object.
pub(crate) struct Fields(Map<String, Value>);

/// `POST /get-online-features`.
pub(crate) struct GetOnlineFeatures {
    pub(crate) selection: FeatureSelection,
    pub(crate) entities: Map<String, Value>,
    pub(crate) full_feature_names: bool,
}

/// `POST /push`.
pub(crate) struct Push {
    pub(crate) source: String,
    pub(crate) frame: DataFrame,
    pub(crate) to: String,
}

/// `POST /write-to-online-store`.
pub(crate) struct WriteToOnlineStore {
    pub(crate) view: String,
    pub(crate) frame: DataFrame,
}

/// `POST /materialize` and `/materialize-incremental`.
pub(crate) struct Materialize {
    pub(crate) start: Option<String>,
    pub(crate) end: Option<String>,
    pub(crate) views: Option<Vec<String>>,
    pub(crate) disable_event_timestamp: bool,
}

impl GetOnlineFeatures {
    pub(crate) fn from_fields(mut fields: Fields) -> Result<Self, ApiError> {
        fields.require("entities")?;
        let entities = fields.take_object("entities")?;
        for (name, values) in &entities {
            if !values.is_array() {
                return Err(problem(
                    "list_type",
                    &["entities", name],
                    "Input should be a valid list",
                    values.clone(),
                ));
            }
        }
        let service = fields.take_text("feature_service")?.filter(|name| !name.is_empty());
        let features = fields.take_texts("features", false)?.unwrap_or_default();
        let full_feature_names = fields.take_flag("full_feature_names")?;
        let selection = service.map_or(FeatureSelection::Features(features), FeatureSelection::Service);
        Ok(Self {
            selection,
            entities,
            full_feature_names,
        })
    }
}

impl Push {
    pub(crate) fn from_fields(mut fields: Fields) -> Result<Self, ApiError> {
        fields.require("push_source_name")?;
        fields.require("df")?;
        let source = fields.take_text("push_source_name")?.unwrap_or_default();
        let to = fields.take_text("to")?.unwrap_or_else(|| "online".to_owned());
        Ok(Self {
            source,
            frame: DataFrame::new(fields.take_object("df")?)?,
            to,
        })
    }
}

impl WriteToOnlineStore {
    pub(crate) fn from_fields(mut fields: Fields) -> Result<Self, ApiError> {
        fields.require("feature_view_name")?;
        fields.require("df")?;
        let view = fields.take_text("feature_view_name")?.unwrap_or_default();
        Ok(Self {
            view,
            frame: DataFrame::new(fields.take_object("df")?)?,
        })
    }
}

impl Materialize {
    pub(crate) fn from_fields(mut fields: Fields) -> Result<Self, ApiError> {
        Ok(Self {
            start: fields.take_text("start_ts")?,
            end: fields.take_text("end_ts")?,
            views: fields.take_texts("feature_views", true)?,
            disable_event_timestamp: fields.take_flag("disable_event_timestamp")?,
        })
    }
}

impl Fields {
    /// Parses a body. Its content type does not matter.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if body.is_empty() {
            return Err(problem("missing", &[], "Field required", Value::Null));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(other) => {
                let message = "Input should be a valid dictionary or object to extract fields from";
                Err(problem("model_attributes_type", &[], message, other))
            }
            Err(source) => Err(ApiError::Validation(vec![Problem {
                kind: "json_invalid",
                place: vec![
                    Value::from("body"),
                    Value::from(offset(body, source.line(), source.column())),
                ],
                message: "JSON decode error",
                input: json!({}),
                cause: Some(source.to_string()),
            }])),
        }
    }

    /// The field must be there.
    pub(crate) fn require(&self, name: &str) -> Result<(), ApiError> {
        if self.0.contains_key(name) {
            return Ok(());
        }
        Err(problem(
            "missing",
            &[name],
            "Field required",
            Value::Object(self.0.clone()),
        ))
    }

    fn take_object(&mut self, name: &str) -> Result<Map<String, Value>, ApiError> {
        match self.0.shift_remove(name) {
            Some(Value::Object(members)) => Ok(members),
            other => Err(problem(
                "dict_type",
                &[name],
                "Input should be a valid dictionary",
                other.unwrap_or_default(),
            )),
        }
    }

    fn take_text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.0.shift_remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(problem("string_type", &[name], "Input should be a valid string", other)),
        }
    }

    fn take_texts(&mut self, name: &str, nullable: bool) -> Result<Option<Vec<String>>, ApiError> {
        let items = match self.0.shift_remove(name) {
            None => return Ok(None),
            Some(Value::Null) if nullable => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(problem("list_type", &[name], "Input should be a valid list", other)),
        };
        let texts = items.into_iter().enumerate().map(|(index, item)| match item {
            Value::String(text) => Ok(text),
            other => {
                let mut problem = Problem {
                    kind: "string_type",
                    place: vec![Value::from("body"), Value::from(name)],
                    message: "Input should be a valid string",
                    input: other,
                    cause: None,
                };
                problem.place.push(Value::from(index));
                Err(ApiError::Validation(vec![problem]))
            }
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// A boolean in any of the forms that pydantic takes for one; false when it is not there.
    fn take_flag(&mut self, name: &str) -> Result<bool, ApiError> {
        let Some(value) = self.0.shift_remove(name) else {
            return Ok(false);
        };
        let flag = match &value {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => match number.as_f64() {
                Some(0.0) => Some(false),
                Some(1.0) => Some(true),
                _ => None,
            },
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
                "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        };
        flag.ok_or_else(|| {
            problem(
                "bool_parsing",
                &[name],
                "Input should be a valid boolean, unable to interpret input",
                value,
            )
        })
    }
}

fn problem(kind: &'static str, place: &[&str], message: &'static str, input: Value) -> ApiError {
    let place = std::iter::once("body")
        .chain(place.iter().copied())
        .map(Value::from)
        .collect();
    ApiError::Validation(vec![Problem {
        kind,
        place,
        message,
        input,
        cause: None,
    }])
}

/// The byte offset of a line and column, both counted from 1.
fn offset(body: &[u8], line: usize, column: usize) -> usize {
    let before: usize = body
        .split_inclusive(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    before + column.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> String {
        match Fields::parse(body.as_bytes()).and_then(GetOnlineFeatures::from_fields) {
            Ok(request) => format!("{:?} {}", request.selection, request.full_feature_names),
            Err(error) => String::from_utf8(error.body()).unwrap(),
        }
    }

    #[test]
    fn lax_forms_are_understood() {
        assert_eq!(
            parse(r#"{"entities":{},"features":["a:b"],"zzz":1}"#),
            r#"Features(["a:b"]) false"#
        );
        assert_eq!(
            parse(r#"{"entities":{},"feature_service":"s","features":["a:b"],"full_feature_names":"Yes"}"#),
            r#"Service("s") true"#
        );
        assert_eq!(
            parse(r#"{"entities":{},"feature_service":"","full_feature_names":1.0}"#),
            "Features([]) true"
        );
    }

    #[test]
    fn wrong_shapes_are_named_as_pydantic_does() {
        let check = |body: &str, expected: &str| assert_eq!(parse(body), format!("{{\"detail\":[{expected}]}}"));
        check(
            r#"{"features":[]}"#,
            r#"{"type":"missing","loc":["body","entities"],"msg":"Field required","input":{"features":[]}}"#,
        );
        check(
            r#"{"entities":{"id":1}}"#,
            r#"{"type":"list_type","loc":["body","entities","id"],"msg":"Input should be a valid list","input":1}"#,
        );
        check(
            r#"{"entities":[]}"#,
            r#"{"type":"dict_type","loc":["body","entities"],"msg":"Input should be a valid dictionary","input":[]}"#,
        );
        check(
            r#"{"entities":{},"features":[1]}"#,
            r#"{"type":"string_type","loc":["body","features",0],"msg":"Input should be a valid string","input":1}"#,
        );
        check(
            "",
            r#"{"type":"missing","loc":["body"],"msg":"Field required","input":null}"#,
        );
        check(
            "5",
            r#"{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":5}"#,
        );
    }

    #[test]
    fn broken_json_is_located() {
        let answer: Value = serde_json::from_str(&parse("{\"features\": [}")).unwrap();
        assert_eq!(answer["detail"][0]["type"], "json_invalid");
        assert_eq!(answer["detail"][0]["loc"], json!(["body", 14]));
    }
}
