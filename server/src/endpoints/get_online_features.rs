//! `POST /get-online-features`: JSON to key columns, one look-up, columns to JSON.

use feast_engine::{Error, ResponseLayout};
use warp::http::{HeaderValue, StatusCode};

use crate::context::Context;
use crate::endpoints::plan;
use crate::error::ApiError;
use crate::message::{Answer, Request, json_answer};
use crate::wire::entities::entity_rows;
use crate::wire::request::GetOnlineFeatures;
use crate::wire::response::{Layout, write_feature_vectors};

/// Most values of one answer: about a gigabyte of JSON.
const MAX_VALUES: usize = 20_000_000;
const LAYOUT_HEADER: &str = "x-feast-layout";

pub(crate) fn answer(context: &Context, request: &Request) -> Result<Answer, ApiError> {
    let store = &context.store;
    let layout = layout(store.config().response_layout, request);
    let wanted = GetOnlineFeatures::of(request)?;
    let plan = plan(store, &wanted.selection, wanted.full_feature_names)?;
    let entities = entity_rows(&plan, &wanted.entities)?;
    if entities.rows().saturating_mul(plan.feature_count()) > MAX_VALUES {
        let text = format!(
            "{} entities x {} features are more than {MAX_VALUES} values",
            entities.rows(),
            plan.feature_count()
        );
        return Err(Error::invalid(text)
            .with_hint("ask for them in several requests")
            .into());
    }
    let vectors = store.read(&plan, &entities)?;
    let versions = wanted.with_view_versions.then(|| plan.view_versions());
    let body = write_feature_vectors(&vectors, layout, versions.as_deref());
    let mut answer = json_answer(StatusCode::OK, body);
    answer
        .headers_mut()
        .insert(LAYOUT_HEADER, HeaderValue::from_static(layout.name()));
    Ok(answer)
}

/// The query decides, then the repository's setting, then the content type: requests with a JSON one come from clients
/// of Feast's servers, which read columns; Feast refuses those without one, and its documentation shows them with rows.
fn layout(setting: ResponseLayout, request: &Request) -> Layout {
    let asked = request
        .query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("layout="))
        .find_map(Layout::from_name);
    asked.unwrap_or_else(|| match setting {
        ResponseLayout::Rows => Layout::Rows,
        ResponseLayout::Columns => Layout::Columns,
        ResponseLayout::Auto if has_json_content_type(request) => Layout::Columns,
        ResponseLayout::Auto => Layout::Rows,
    })
}

fn has_json_content_type(request: &Request) -> bool {
    let value = request
        .headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}
