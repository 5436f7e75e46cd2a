//! What each endpoint is asked: the request models of Feast's server.
//!
//! Members are read in the order of Feast's models, which is the order in which problems are answered.

use feast_engine::model::FeatureSelection;
use serde_json::Value;

use super::data_frame::DataFrame;
use super::entities::{Entities, KeyValues};
use super::fields::{Fields, query_texts};
use super::{arrow_stream, plain_read};
use crate::error::ApiError;
use crate::message::Request;

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
    pub(crate) frame: DataFrame,
}

/// `POST /materialize` and `POST /materialize-incremental`.
pub(crate) struct Materialize {
    pub(crate) span: Span,
    pub(crate) views: Option<Vec<String>>,
    /// Of a view, to be materialized instead of the current one.
    pub(crate) version: Option<String>,
    /// Answer at once and go on behind it.
    pub(crate) in_background: bool,
    /// Start although another run may be under way.
    pub(crate) force: bool,
}

/// The event times to materialize, as texts.
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
    pub(crate) fn of(request: &Request) -> Result<Self, ApiError> {
        if request.has_content_type(|kind| kind == arrow_stream::MEDIA_TYPE) {
            return Self::of_arrow_stream(request);
        }
        match plain_read::parse(&request.body) {
            Some(read) => Ok(Self {
                selection: service_or_features(read.feature_service, read.features.unwrap_or_default()),
                entities: read.entities.unwrap_or_default(),
                full_feature_names: read.full_feature_names.unwrap_or(false),
                with_view_versions: read.with_view_versions.unwrap_or(false),
            }),
            None => Self::of_any_json(request),
        }
    }

    /// Keys in the body, everything else in the query.
    fn of_arrow_stream(request: &Request) -> Result<Self, ApiError> {
        let entities = arrow_stream::read_entities(&request.body)?;
        let mut query = Fields::of_query(&request.query);
        let service = query.nullable_text("feature_service");
        let asked = Self {
            selection: service_or_features(service, query_texts(&request.query, "features")),
            entities,
            full_feature_names: query.flag_or("full_feature_names", false),
            with_view_versions: query.flag_or("include_feature_view_version_metadata", false),
        };
        query.finish().map(|()| asked)
    }

    fn of_any_json(request: &Request) -> Result<Self, ApiError> {
        let mut fields = Fields::of_body(&request.body)?;
        let lists = fields.required_lists("entities").into_iter();
        let numbers = fields.numbers();
        let keys = |values| match values {
            Value::Array(keys) => KeyValues::Json(keys, numbers),
            // One of the problems by now.
            _ => KeyValues::Json(Vec::new(), numbers),
        };
        let asked = Self {
            entities: lists.map(|(name, values)| (name, keys(values))).collect(),
            selection: selection(&mut fields),
            full_feature_names: fields.flag_or("full_feature_names", false),
            with_view_versions: fields.flag_or("include_feature_view_version_metadata", false),
        };
        fields.finish().map(|()| asked)
    }
}

impl Push {
    pub(crate) fn of(request: &Request) -> Result<Self, ApiError> {
        let mut fields = Fields::of_body(&request.body)?;
        let source = fields.required_text("push_source_name");
        let df = fields.required_object("df");
        ignore_flags(&mut fields, &["allow_registry_cache"]);
        let to = fields.text_or("to", "online");
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
    pub(crate) fn of(request: &Request) -> Result<Self, ApiError> {
        let mut fields = Fields::of_body(&request.body)?;
        let view = fields.required_text("feature_view_name");
        let df = fields.required_object("df");
        ignore_flags(&mut fields, &["allow_registry_cache", "transform_on_write"]);
        let numbers = fields.numbers();
        fields.finish()?;
        Ok(Self {
            view,
            frame: DataFrame::new(df, numbers)?,
        })
    }
}

impl Materialize {
    pub(crate) fn of(request: &Request) -> Result<Self, ApiError> {
        Self::read(request, |fields| {
            let (start, end) = (fields.nullable_text("start_ts"), fields.nullable_text("end_ts"));
            let views = fields.nullable_texts("feature_views");
            let span = match fields.flag_or("disable_event_timestamp", false) {
                true => Span::Everything,
                false => Span::Between { start, end },
            };
            (span, views)
        })
    }

    pub(crate) fn incremental(request: &Request) -> Result<Self, ApiError> {
        Self::read(request, |fields| {
            let end = fields.required_text("end_ts");
            (Span::Until { end }, fields.nullable_texts("feature_views"))
        })
    }

    fn read(
        request: &Request,
        span_and_views: impl FnOnce(&mut Fields<'_>) -> (Span, Option<Vec<String>>),
    ) -> Result<Self, ApiError> {
        let mut query = Fields::of_query(&request.query);
        let (in_background, force) = (query.flag_or("async", false), query.flag_or("force", false));
        let mut fields = Fields::of_body(&request.body)?;
        let (span, views) = span_and_views(&mut fields);
        ignore_flags(&mut fields, &["full_feature_names"]);
        let version = fields.nullable_text("version");
        query.and(fields).finish()?;
        Ok(Self {
            span,
            views,
            version,
            in_background,
            force,
        })
    }
}

impl Search {
    pub(crate) fn of(request: &Request) -> Result<Self, ApiError> {
        let mut fields = Fields::of_body(&request.body)?;
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
        let mut fields = Fields::of_body(&request.body)?;
        fields.require_text_or_texts("query");
        fields.finish()
    }
}

/// A service counts before single features; an empty name is none.
fn selection(fields: &mut Fields<'_>) -> FeatureSelection {
    let service = fields.nullable_text("feature_service");
    service_or_features(service, fields.texts("features"))
}

fn service_or_features(service: Option<String>, features: Vec<String>) -> FeatureSelection {
    let service = service.filter(|name| !name.is_empty());
    service.map_or(FeatureSelection::Features(features), FeatureSelection::Service)
}

/// Flags that change nothing here, but must be flags.
fn ignore_flags(fields: &mut Fields<'_>, names: &[&'static str]) {
    for name in names {
        fields.flag_or(name, false);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use warp::http::HeaderMap;

    use super::*;

    fn request(query: &str, body: &str) -> Request {
        Request {
            headers: HeaderMap::new(),
            query: query.to_owned(),
            parameter: String::new(),
            body: body.as_bytes().to_vec().into(),
        }
    }

    fn parse(body: &str) -> String {
        match GetOnlineFeatures::of(&request("", body)) {
            Ok(asked) => format!("{:?} {}", asked.selection, asked.full_feature_names),
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
            places(GetOnlineFeatures::of(&read).err().unwrap()),
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
            places(Materialize::incremental(&run).err().unwrap()),
            ["bool_parsing [query,async]", "string_type [body,end_ts]"]
        );
    }

    #[test]
    fn an_answer_is_not_much_larger_than_a_wrong_request() {
        let problems = |count: usize| {
            let body = json!({ "entities": {}, "features": vec![1; count] }).to_string();
            let answer: Value = serde_json::from_str(&parse(&body)).unwrap();
            let problems = answer["detail"].as_array().unwrap();
            (problems.len(), problems[0]["input"].clone())
        };
        assert_eq!(problems(99), (99, json!(1)));
        assert_eq!(problems(101), (100, json!(1)));
        assert_eq!(problems(100_000), (100, Value::Null));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let request = Request {
            body: vec![b'"', 0xff, b'"'].into(),
            ..request("", "")
        };
        let error = GetOnlineFeatures::of(&request).err().unwrap();
        assert_eq!(error.body(), br#"{"detail":"There was an error parsing the body"}"#);
    }
}
