//! `POST /get-online-features`: keys to key columns, one lookup, columns to JSON or to an Arrow stream.

use std::sync::Arc;

use bytes::Bytes;
use feast_engine::{Error, FeatureVectors, ReadPlan, ResponseLayout};
use warp::http::{HeaderValue, StatusCode};

use crate::admission::Reservation;
use crate::context::Context;
use crate::endpoints::plan;
use crate::error::ApiError;
use crate::message::{Answer, Request, json_answer};
use crate::routes::AtOnce;
use crate::wire::arrow_stream;
use crate::wire::entities::entity_rows;
use crate::wire::request::GetOnlineFeatures;
use crate::wire::response::{BYTES_PER_VALUE, Layout, write_feature_vectors};

/// Most values of one answer, keys included: about a gigabyte of JSON.
const MAX_VALUES: usize = 20_000_000;
/// Answers of more values are not made where the request was read: a quarter of a millisecond.
const MAX_VALUES_AT_ONCE: usize = 8192;
/// What a byte of a row takes beside [`BYTES_PER_VALUE`]: in the row, in its array, and, if it is an item of a list or a
/// character that JSON must describe, as text.
const BYTES_PER_STORED_BYTE: usize = 8;
/// As columns, as entity keys, and in the answer.
const COPIES_OF_KEYS: usize = 3;
const LAYOUT_HEADER: &str = "x-feast-layout";

/// A read whose names are understood.
struct Read {
    form: Form,
    plan: Arc<ReadPlan>,
    wanted: GetOnlineFeatures,
}

/// What an answer is written as.
#[derive(Clone, Copy)]
enum Form {
    Json(Layout),
    ArrowStream,
}

/// Answers if that takes neither long nor the disk.
pub(crate) fn answer_at_once(
    context: &Context,
    request: &Request,
    reservation: &mut Reservation,
) -> Result<AtOnce, ApiError> {
    let read = Read::of(context, request)?;
    if read.values() > MAX_VALUES_AT_ONCE {
        return Ok(AtOnce::TakesLong);
    }
    let entities = entity_rows(&read.plan, &read.wanted.entities)?;
    match context.store.lookup_in_memory(&read.plan, &entities)? {
        None => Ok(AtOnce::Waits),
        Some(stored) => {
            let vectors = stored.feature_vectors()?;
            read.answer(vectors, std::mem::take(reservation)).map(AtOnce::Answer)
        }
    }
}

/// Answers, however long it takes.
pub(crate) fn answer(context: &Context, request: &Request, mut reservation: Reservation) -> Result<Answer, ApiError> {
    let mut read = Read::of(context, request)?;
    let entities = entity_rows(&read.plan, &read.wanted.entities)?;
    let least = request.body.len() + read.values() * BYTES_PER_VALUE + entities.bytes() * COPIES_OF_KEYS;
    // They are columns now.
    read.wanted.entities = Vec::new();
    let admit = |bytes| reservation.resize_to(least + bytes * BYTES_PER_STORED_BYTE);
    let stored = context.store.lookup(&read.plan, &entities, admit)?;
    let vectors = stored.feature_vectors()?;
    drop(stored);
    read.answer(vectors, reservation)
}

impl Read {
    fn of(context: &Context, request: &Request) -> Result<Self, ApiError> {
        let form = form(context.store.config().response_layout, request);
        let wanted = GetOnlineFeatures::of(request)?;
        let plan = plan(&context.store, &wanted.selection, wanted.full_feature_names)?;
        let read = Self { form, plan, wanted };
        if read.values() > MAX_VALUES {
            let (entities, columns) = (read.rows(), read.columns());
            let text = format!("{entities} entities x {columns} keys and features are more than {MAX_VALUES} values");
            return Err(Error::invalid(text)
                .with_hint("ask for them in several requests")
                .into());
        }
        Ok(read)
    }

    /// How many values the answer holds.
    fn values(&self) -> usize {
        self.rows().saturating_mul(self.columns())
    }

    /// Keys are answered too.
    fn columns(&self) -> usize {
        self.wanted.entities.len() + self.plan.feature_count()
    }

    /// All lists must be as long as the first.
    fn rows(&self) -> usize {
        self.wanted.entities.first().map_or(0, |(_, keys)| keys.len())
    }

    fn answer(&self, vectors: FeatureVectors<'_>, mut reservation: Reservation) -> Result<Answer, ApiError> {
        let versions = self.wanted.with_view_versions.then(|| self.plan.view_versions());
        let body = match self.form {
            Form::ArrowStream => arrow_stream::write_feature_vectors(&vectors, versions.as_deref())?,
            Form::Json(layout) => write_feature_vectors(&vectors, layout, versions.as_deref()),
        };
        drop(vectors);
        reservation.resize_to(body.len())?;
        Ok(self.form.whole_answer(reservation.hold(body)))
    }
}

impl Form {
    fn whole_answer(self, body: Bytes) -> Answer {
        match self {
            Self::Json(layout) => {
                let mut answer = json_answer(StatusCode::OK, body);
                let name = HeaderValue::from_static(layout.name());
                answer.headers_mut().insert(LAYOUT_HEADER, name);
                answer
            }
            Self::ArrowStream => {
                let mut answer = Answer::new(body);
                let media_type = HeaderValue::from_static(arrow_stream::MEDIA_TYPE);
                answer.headers_mut().insert("content-type", media_type);
                answer
            }
        }
    }
}

/// Arrow for who asks for it. Of JSON the query decides, then the repository's setting, then the content type: requests
/// with a JSON one come from clients of Feast's servers, which read columns; Feast refuses those without one, and its
/// documentation shows them with rows.
fn form(setting: ResponseLayout, request: &Request) -> Form {
    let wish = request.weight_of(arrow_stream::MEDIA_TYPE);
    if wish > 0.0 && wish >= request.weight_of("application/json") {
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
