//! `POST /get-online-features`: keys to key columns, one look-up, columns to JSON or to an Arrow stream.

use feast_engine::{Error, FeatureVectors, ReadPlan, ResponseLayout};
use warp::http::{HeaderValue, StatusCode};

use crate::context::Context;
use crate::endpoints::plan;
use crate::error::ApiError;
use crate::message::{Answer, Request, json_answer};
use crate::routes::Waiting;
use crate::wire::arrow_stream;
use crate::wire::entities::entity_rows;
use crate::wire::request::GetOnlineFeatures;
use crate::wire::response::{BYTES_PER_VALUE, Layout, write_feature_vectors};

/// Most values of one answer: about a gigabyte of JSON.
const MAX_VALUES: usize = 20_000_000;
/// Answers of more values are not made where the request was read: a third of a millisecond.
const MAX_VALUES_AT_ONCE: usize = 8192;
const LAYOUT_HEADER: &str = "x-feast-layout";

/// What an answer is written as.
#[derive(Clone, Copy)]
enum Form {
    Json(Layout),
    ArrowStream,
}

pub(crate) fn answer(context: &Context, request: &Request, waiting: Waiting) -> Result<Option<Answer>, ApiError> {
    let store = &context.store;
    let form = form(store.config().response_layout, request);
    let wanted = GetOnlineFeatures::of(request)?;
    let plan = plan(store, &wanted.selection, wanted.full_feature_names)?;
    let entities = entity_rows(&plan, &wanted.entities)?;
    let values = entities.rows().saturating_mul(plan.feature_count());
    if values > MAX_VALUES {
        return Err(too_many(entities.rows(), plan.feature_count()).into());
    }
    let mut reservation = context.admission.reservation();
    let vectors = match waiting {
        Waiting::Allowed => {
            reservation.grow_to(values * BYTES_PER_VALUE)?;
            Some(store.read(&plan, &entities)?)
        }
        Waiting::Never if values > MAX_VALUES_AT_ONCE => None,
        Waiting::Never => store.read_from_memory(&plan, &entities)?,
    };
    let Some(vectors) = vectors else { return Ok(None) };
    let body = write(&vectors, form, wanted.with_view_versions.then_some(&plan))?;
    drop(vectors);
    reservation.grow_to(body.len())?;
    Ok(Some(whole_answer(form, reservation.hold(body))))
}

fn too_many(entities: usize, features: usize) -> Error {
    let text = format!("{entities} entities x {features} features are more than {MAX_VALUES} values");
    Error::invalid(text).with_hint("ask for them in several requests")
}

/// `versions_of`: the plan whose versions of views the answer shall name.
fn write(
    vectors: &FeatureVectors<'_>,
    form: Form,
    versions_of: Option<&std::sync::Arc<ReadPlan>>,
) -> Result<Vec<u8>, Error> {
    match form {
        Form::ArrowStream => arrow_stream::write_feature_vectors(vectors),
        Form::Json(layout) => {
            let versions = versions_of.map(|plan| plan.view_versions());
            Ok(write_feature_vectors(vectors, layout, versions.as_deref()))
        }
    }
}

fn whole_answer(form: Form, body: bytes::Bytes) -> Answer {
    match form {
        Form::Json(layout) => {
            let mut answer = json_answer(StatusCode::OK, body);
            let name = HeaderValue::from_static(layout.name());
            answer.headers_mut().insert(LAYOUT_HEADER, name);
            answer
        }
        Form::ArrowStream => {
            let mut answer = Answer::new(body);
            let media_type = HeaderValue::from_static(arrow_stream::MEDIA_TYPE);
            answer.headers_mut().insert("content-type", media_type);
            answer
        }
    }
}

/// Arrow for who asks for it. Of JSON the query decides, then the repository's setting, then the content type: requests
/// with a JSON one come from clients of Feast's servers, which read columns; Feast refuses those without one, and its
/// documentation shows them with rows.
fn form(setting: ResponseLayout, request: &Request) -> Form {
    if request.accepts(arrow_stream::MEDIA_TYPE) {
        return Form::ArrowStream;
    }
    let asked = request
        .query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("layout="))
        .find_map(Layout::from_name);
    let is_json =
        |kind: &str| kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    Form::Json(asked.unwrap_or_else(|| match setting {
        ResponseLayout::Rows => Layout::Rows,
        ResponseLayout::Columns => Layout::Columns,
        ResponseLayout::Auto if request.has_content_type(is_json) => Layout::Columns,
        ResponseLayout::Auto => Layout::Rows,
    }))
}
