//! The request models of Feast's server, one for each endpoint.
//!
//! Members are read in the order of Feast's models, which is the order in which problems are reported.

use bytes::Bytes;
use feast_engine::model::FeatureSelection;
use serde_json::Value;

use super::data_frame::DataFrame;
use super::entities::{Entities, KeyValues};
use super::validation::{Fields, query_strings};
use super::{arrow_stream, fast_path};
use crate::error::ApiError;
use crate::http::Request;

/// `POST /get-online-features`.
pub(crate) struct GetOnlineFeatures {
    pub(crate) selection: FeatureSelection,
    pub(crate) entities: Entities,
    pub(crate) full_feature_names: bool,
    /// Answer with the version of each view.
    pub(crate) with_view_versions: bool,
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
    /// Whether rows of an on-demand view are what its function gets, and not what it gives.
    pub(crate) transforms: bool,
    pub(crate) frame: DataFrame,
}

/// `POST /materialize` and `POST /materialize-incremental`.
pub(crate) struct Materialize {
    pub(crate) span: Span,
    pub(crate) views: Option<Vec<String>>,
    /// Of a view, to be materialized instead of the current one.
    pub(crate) version: Option<String>,
    /// Answer at once and run after that.
    pub(crate) in_background: bool,
    /// Start although another run may be under way.
    pub(crate) force: bool,
    /// An incremental run begins where the first one did.
    pub(crate) full: bool,
}

/// The event times to materialize, as they were written.
pub(crate) enum Span {
    /// From one to the other, both of which must be there in the end.
    Between { start: Option<String>, end: Option<String> },
    /// From 1970 until now.
    Everything,
    /// From where the last run ended.
    Until { end: String },
}

/// `POST /search` and `POST /retrieve-online-documents`, as far as it matters before the search itself.
pub(crate) struct Search {
    pub(crate) selection: FeatureSelection,
}

/// `POST /v1/vector_stores/{id}/search`, as far as it matters before the search itself.
pub(crate) struct VectorStoreSearch;

impl GetOnlineFeatures {
    pub(crate) fn parse(request: &Request) -> Result<Self, ApiError> {
        if request.head.has_content_type(|kind| kind == arrow_stream::MEDIA_TYPE) {
            Self::from_arrow_stream(&request.body, request.head.query())
        } else {
            Self::from_json(&request.body)
        }
    }

    /// Reads a body of JSON in any form.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, ApiError> {
        match fast_path::parse(body) {
            Some(read) => Ok(Self {
                selection: service_or_features(read.feature_service, read.features.unwrap_or_default()),
                entities: read.entities.unwrap_or_default(),
                full_feature_names: read.full_feature_names.unwrap_or(false),
                with_view_versions: read.with_view_versions.unwrap_or(false),
            }),
            None => Self::from_any_json(body),
        }
    }

    /// Keys in the body, everything else in the query.
    fn from_arrow_stream(body: &Bytes, query: &str) -> Result<Self, ApiError> {
        let entities = arrow_stream::read_entities(body)?;
        let mut fields = Fields::parse_query(query);
        let service = fields.nullable_string("feature_service");
        let request = Self {
            selection: service_or_features(service, query_strings(query, "features")),
            entities,
            full_feature_names: fields.flag_or("full_feature_names", false),
            with_view_versions: fields.flag_or("include_feature_view_version_metadata", false),
        };
        fields.finish().map(|()| request)
    }

    fn from_any_json(body: &[u8]) -> Result<Self, ApiError> {
        let mut fields = Fields::parse_body(body)?;
        let lists = fields.required_lists("entities").into_iter();
        let numbers = fields.numbers();
        let keys = |values| match values {
            Value::Array(keys) => KeyValues::Json(keys, numbers),
            // Reported as a problem already.
            _ => KeyValues::Json(Vec::new(), numbers),
        };
        let request = Self {
            entities: lists.map(|(name, values)| (name, keys(values))).collect(),
            selection: selection(&mut fields),
            full_feature_names: fields.flag_or("full_feature_names", false),
            with_view_versions: fields.flag_or("include_feature_view_version_metadata", false),
        };
        fields.finish().map(|()| request)
    }
}

impl Push {
    pub(crate) fn parse(request: &Request) -> Result<Self, ApiError> {
        let mut fields = Fields::parse_body(&request.body)?;
        let source = fields.required_string("push_source_name");
        let df = fields.required_object("df");
        ignore_flags(&mut fields, &["allow_registry_cache"]);
        let to = fields.string_or("to", "online");
        ignore_flags(&mut fields, &["transform_on_write"]);
        let numbers = fields.numbers();
        fields.finish()?;
        Ok(Self {
            source,
            frame: DataFrame::new(df, numbers)?,
            to,
        })
    }
}

impl WriteToOnlineStore {
    pub(crate) fn parse(request: &Request) -> Result<Self, ApiError> {
        let mut fields = Fields::parse_body(&request.body)?;
        let view = fields.required_string("feature_view_name");
        let df = fields.required_object("df");
        ignore_flags(&mut fields, &["allow_registry_cache"]);
        let transforms = fields.flag_or("transform_on_write", true);
        let numbers = fields.numbers();
        fields.finish()?;
        Ok(Self {
            view,
            transforms,
            frame: DataFrame::new(df, numbers)?,
        })
    }
}

impl Materialize {
    pub(crate) fn parse(request: &Request) -> Result<Self, ApiError> {
        Self::read(request, |fields| {
            let (start, end) = (fields.nullable_string("start_ts"), fields.nullable_string("end_ts"));
            let views = fields.nullable_strings("feature_views");
            let span = match fields.flag_or("disable_event_timestamp", false) {
                true => Span::Everything,
                false => Span::Between { start, end },
            };
            (span, views)
        })
    }

    pub(crate) fn parse_incremental(request: &Request) -> Result<Self, ApiError> {
        Self::read(request, |fields| {
            let end = fields.required_string("end_ts");
            (Span::Until { end }, fields.nullable_strings("feature_views"))
        })
    }

    fn read(
        request: &Request,
        span_and_views: impl FnOnce(&mut Fields<'_>) -> (Span, Option<Vec<String>>),
    ) -> Result<Self, ApiError> {
        let mut query = Fields::parse_query(request.head.query());
        let (in_background, force) = (query.flag_or("async", false), query.flag_or("force", false));
        let full = query.flag_or("full", false);
        let mut fields = Fields::parse_body(&request.body)?;
        let (span, views) = span_and_views(&mut fields);
        ignore_flags(&mut fields, &["full_feature_names"]);
        let version = fields.nullable_string("version");
        query.and(fields).finish()?;
        Ok(Self {
            span,
            views,
            version,
            in_background,
            force,
            full,
        })
    }
}

impl Search {
    pub(crate) fn parse(request: &Request) -> Result<Self, ApiError> {
        let mut fields = Fields::parse_body(&request.body)?;
        let selection = selection(&mut fields);
        ignore_flags(
            &mut fields,
            &["full_feature_names", "include_feature_view_version_metadata"],
        );
        fields.finish().map(|()| Self { selection })
    }
}

impl VectorStoreSearch {
    pub(crate) fn check(request: &Request) -> Result<(), ApiError> {
        let mut fields = Fields::parse_body(&request.body)?;
        fields.require_string_or_strings("query");
        fields.finish()
    }
}

/// A service is preferred to single features; an empty name is none.
fn selection(fields: &mut Fields<'_>) -> FeatureSelection {
    let service = fields.nullable_string("feature_service");
    service_or_features(service, fields.strings("features"))
}

fn service_or_features(service: Option<String>, features: Vec<String>) -> FeatureSelection {
    let service = service.filter(|name| !name.is_empty());
    service.map_or(FeatureSelection::Features(features), FeatureSelection::Service)
}

/// Reads flags that change nothing here, but must be flags.
fn ignore_flags(fields: &mut Fields<'_>, names: &[&'static str]) {
    for name in names {
        fields.flag_or(name, false);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use warp::http::{HeaderMap, Method};

    use super::*;
    use crate::http::Head;

    fn request(query: &str, body: &str) -> Request {
        Request {
            head: Box::new(Head::from_parts(Method::POST, &format!("/?{query}"), HeaderMap::new())),
            parameter: String::new(),
            body: body.as_bytes().to_vec().into(),
        }
    }

    fn parse(body: &str) -> String {
        match GetOnlineFeatures::parse(&request("", body)) {
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
            r#"{"entities":[]}"#,
            r#"{"type":"dict_type","loc":["body","entities"],"msg":"Input should be a valid dictionary","input":[]}"#,
        );
        check(
            "",
            r#"{"type":"missing","loc":["body"],"msg":"Field required","input":null}"#,
        );
        check(
            "5",
            r#"{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":5}"#,
        );
        check(
            r#"{"features": [}"#,
            r#"{"type":"json_invalid","loc":["body",14],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting value"}}"#,
        );
    }

    #[test]
    fn all_problems_are_named() {
        let places = |error: ApiError| {
            let body: Value = serde_json::from_slice(&error.body()).unwrap();
            let places = body["detail"].as_array().unwrap().iter();
            places
                .map(|problem| format!("{} {}", problem["type"], problem["loc"]).replace('"', ""))
                .collect::<Vec<_>>()
        };
        let read = request(
            "",
            r#"{"entities":{"id":1,"b":2},"features":[1,"a:b",null],"full_feature_names":null}"#,
        );
        assert_eq!(
            places(GetOnlineFeatures::parse(&read).err().unwrap()),
            [
                "list_type [body,entities,id]",
                "list_type [body,entities,b]",
                "string_type [body,features,0]",
                "string_type [body,features,2]",
                "bool_type [body,full_feature_names]",
            ]
        );
        let run = request("async=maybe&force=1", r#"{"end_ts":null}"#);
        assert_eq!(
            places(Materialize::parse_incremental(&run).err().unwrap()),
            ["bool_parsing [query,async]", "string_type [body,end_ts]"]
        );
    }

    #[test]
    fn a_response_is_not_much_larger_than_a_wrong_request() {
        let problems = |count: usize| {
            let body = json!({ "entities": {}, "features": vec![1; count] }).to_string();
            let response: Value = serde_json::from_str(&parse(&body)).unwrap();
            let problems = response["detail"].as_array().unwrap();
            (problems.len(), problems[0]["input"].clone())
        };
        assert_eq!(problems(99), (99, json!(1)));
        assert_eq!(problems(101), (100, json!(1)));
        assert_eq!(problems(100_000), (100, Value::Null));
    }

    #[test]
    fn what_is_not_text_is_refused() {
        let request = Request {
            body: vec![b'"', 0xff, b'"'].into(),
            ..request("", "")
        };
        let error = GetOnlineFeatures::parse(&request).err().unwrap();
        assert_eq!(error.body(), br#"{"detail":"There was an error parsing the body"}"#);
    }
}
