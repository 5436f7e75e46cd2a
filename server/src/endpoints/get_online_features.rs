//! `POST /get-online-features`: keys to key columns, one lookup, columns to JSON or to an Arrow stream.
//!
//! Three steps: the request is parsed and planned, its keys become columns, and the rows are looked up and written. [`try_inline`]
//! goes as far as it can without waiting; what it knows by then is a [`PendingRead`], which [`complete`] goes on with.

use std::sync::Arc;

use bytes::Bytes;
use feast_engine::{EntityRows, Error, FeatureVectors, ReadPlan, ResponseLayout, StoredEntities};
use tokio::task::block_in_place;
use uuid::Uuid;
use warp::http::{HeaderValue, StatusCode};

use crate::admission::MemoryPermit;
use crate::audit::AskedFeatures;
use crate::context::Context;
use crate::endpoints::plan;
use crate::error::ApiError;
use crate::feature_log;
use crate::http::{Head, Request, Response, json_response};
use crate::metrics::AnsweredRead;
use crate::routes::{FutureResponse, InlineOutcome};
use crate::timeline::{Step, Stopwatch, Subject};
use crate::wire::arrow_stream;
use crate::wire::entities::{Entities, entity_rows};
use crate::wire::request::GetOnlineFeatures;
use crate::wire::response::{BYTES_PER_VALUE, Layout, write_feature_vectors};

/// The most values of one response, keys included: about a gigabyte of JSON.
const MAX_VALUES: usize = 20_000_000;
/// Responses of more values are not made on the thread that read the request: a quarter of a millisecond.
const MAX_INLINE_VALUES: usize = 8192;
/// What a byte of a row takes in addition to [`BYTES_PER_VALUE`]: in the row, in its array, and, if it is an item of a list or a
/// character that JSON must describe, as text.
const BYTES_PER_STORED_BYTE: usize = 8;
/// As columns, as entity keys, and in the response.
const COPIES_OF_KEYS: usize = 3;
const LAYOUT_HEADER: &str = "x-feast-layout";

/// A read that was handed over, with what is known of it.
pub(crate) enum PendingRead {
    /// Its body is too large to be parsed on the thread that read it.
    Unparsed(Box<Request>),
    /// It has too many values to be answered there.
    Planned(PlannedRead),
    /// Its rows must come from the disk.
    Keyed(KeyedRead),
}

/// A read whose names are resolved. Its keys are as they were given.
pub(crate) struct PlannedRead {
    settings: ReadSettings,
    plan: Arc<ReadPlan>,
    entities: Entities,
}

/// A read whose keys are columns.
pub(crate) struct KeyedRead {
    settings: ReadSettings,
    plan: Arc<ReadPlan>,
    entities: EntityRows,
    /// How many values are made for the response.
    values: usize,
}

/// What a request says in addition to names and keys.
struct ReadSettings {
    form: ResponseForm,
    with_view_versions: bool,
    /// Length of its body.
    body_bytes: usize,
    /// As what its answer is logged, if it is.
    logged: Option<Uuid>,
    stopwatch: Stopwatch,
}

/// What a response is written as.
#[derive(Clone, Copy)]
enum ResponseForm {
    Json(Layout),
    ArrowStream,
}

/// Answers if that takes neither long nor the disk.
pub(crate) fn try_inline(
    context: &Context,
    request: Request,
    permit: &mut MemoryPermit,
) -> Result<InlineOutcome, ApiError> {
    let read = PlannedRead::new(context, &request)?;
    if read.values() > MAX_INLINE_VALUES {
        return Ok(InlineOutcome::TooLarge(PendingRead::Planned(read)));
    }
    let read = KeyedRead::new(read)?;
    let stored = context.store.lookup_in_memory(&read.plan, &read.entities)?;
    if stored.is_some() {
        read.settings.looked_up(context);
    }
    let vectors = stored.map(|stored| stored.feature_vectors_briefly()).transpose()?;
    match vectors.flatten() {
        Some(vectors) => {
            let permit = std::mem::take(permit);
            let response = read.respond(context, vectors, permit);
            response.map(InlineOutcome::Response)
        }
        None => Ok(InlineOutcome::NeedsIo(PendingRead::Keyed(read))),
    }
}

/// Answers, however long it takes.
pub(crate) fn complete(context: &Context, read: PendingRead, mut permit: MemoryPermit) -> Result<Response, ApiError> {
    let read = read.into_keyed(context)?;
    let stored = context
        .store
        .lookup(&read.plan, &read.entities, |bytes| read.admit(&mut permit, bytes))?;
    read.settings.looked_up(context);
    read.respond_with_stored(context, stored, permit)
}

/// Answers with rows that come over the network. They are awaited; only work that takes long is done where it keeps no other
/// request waiting.
pub(crate) fn complete_remote(context: Arc<Context>, read: PendingRead, mut permit: MemoryPermit) -> FutureResponse {
    let answer = async move {
        let read = match read {
            PendingRead::Keyed(read) => read,
            large => block_in_place(|| large.into_keyed(&context))?,
        };
        let admit = |bytes| read.admit(&mut permit, bytes);
        let stored = context.store.lookup_async(&read.plan, &read.entities, admit).await?;
        read.settings.looked_up(&context);
        if read.values <= MAX_INLINE_VALUES
            && let Some(vectors) = stored.feature_vectors_briefly()?
        {
            return read.respond(&context, vectors, permit);
        }
        block_in_place(|| read.respond_with_stored(&context, stored, permit))
    };
    Box::pin(answer)
}

impl PendingRead {
    /// Goes on until its keys are columns.
    fn into_keyed(self, context: &Context) -> Result<KeyedRead, ApiError> {
        let planned = match self {
            Self::Unparsed(request) => PlannedRead::new(context, &request)?,
            Self::Planned(planned) => planned,
            Self::Keyed(keyed) => return Ok(keyed),
        };
        Ok(KeyedRead::new(planned)?)
    }

    pub(crate) fn stopwatch(&self) -> &Stopwatch {
        match self {
            Self::Unparsed(request) => &request.head.stopwatch,
            Self::Planned(read) => &read.settings.stopwatch,
            Self::Keyed(read) => &read.settings.stopwatch,
        }
    }

    /// Whether it holds what its body is parsed into.
    pub(crate) fn is_parsed(&self) -> bool {
        !matches!(self, Self::Unparsed(_))
    }
}

impl ReadSettings {
    /// Notes that the rows are there.
    fn looked_up(&self, context: &Context) {
        self.stopwatch.end(Step::LookUp);
        if let (Some(metrics), Some(timeline)) = (&context.metrics, self.stopwatch.timeline()) {
            metrics.reads.looked_up(timeline.look_up());
        }
    }
}

impl PlannedRead {
    fn new(context: &Context, request: &Request) -> Result<Self, ApiError> {
        let form = ResponseForm::requested_by(&request.head, context.store.config().response_layout);
        let stopwatch = request.head.stopwatch.clone();
        let parsed = GetOnlineFeatures::parse(request)?;
        stopwatch.end(Step::Parse);
        let caller = &request.head.caller;
        let plan = plan(&context.store, caller, &parsed.selection, parsed.full_feature_names)?;
        if let Some(trail) = &caller.trail {
            trail.asked_features(|| asked_features(&plan, &parsed.entities));
        }
        stopwatch.end(Step::Plan);
        let settings = ReadSettings {
            form,
            with_view_versions: parsed.with_view_versions,
            body_bytes: request.body.len(),
            logged: context
                .feature_log
                .as_ref()
                .and_then(|_| feature_log::choose(&plan, &request.head.request_id)),
            stopwatch,
        };
        let read = Self {
            settings,
            plan,
            entities: parsed.entities,
        };
        read.settings.stopwatch.is_about(|| Subject {
            name: read.plan.service().map(str::to_owned),
            rows: read.rows(),
        });
        if read.values() > MAX_VALUES {
            let (entities, columns) = (read.rows(), read.columns());
            let message =
                format!("{entities} entities x {columns} keys and features are more than {MAX_VALUES} values");
            return Err(Error::invalid(message)
                .with_hint("ask for them in several requests")
                .into());
        }
        Ok(read)
    }

    /// How many values are made for the response.
    fn values(&self) -> usize {
        self.rows().saturating_mul(self.columns())
    }

    /// Keys are answered too.
    fn columns(&self) -> usize {
        self.entities.len() + self.plan.column_count()
    }

    /// All lists must be as long as the first.
    fn rows(&self) -> usize {
        self.entities.first().map_or(0, |(_, keys)| keys.len())
    }
}

/// What is recorded of a read.
fn asked_features(plan: &ReadPlan, entities: &Entities) -> AskedFeatures {
    let keys = entities.iter().map(|(name, _)| name.as_str());
    let count = entities.first().map_or(0, |(_, keys)| keys.len());
    let views = plan.view_versions();
    let views = views.iter().map(|(view, _)| *view);
    AskedFeatures::new(keys, count, views, plan.feature_count())
}

impl KeyedRead {
    fn new(read: PlannedRead) -> Result<Self, Error> {
        let entities = entity_rows(&read.plan, &read.entities)?;
        read.settings.stopwatch.end(Step::Convert);
        Ok(Self {
            entities,
            values: read.values(),
            settings: read.settings,
            plan: read.plan,
        })
    }

    /// Counts the memory that it takes with so many bytes of stored rows.
    fn admit(&self, permit: &mut MemoryPermit, row_bytes: usize) -> Result<(), ApiError> {
        let without_rows =
            self.settings.body_bytes + self.values * BYTES_PER_VALUE + self.entities.bytes() * COPIES_OF_KEYS;
        permit.resize_to(without_rows + row_bytes * BYTES_PER_STORED_BYTE)
    }

    /// The response. The stored rows are let go as soon as they are decoded.
    fn respond_with_stored(
        &self,
        context: &Context,
        stored: StoredEntities<'_>,
        permit: MemoryPermit,
    ) -> Result<Response, ApiError> {
        let vectors = stored.feature_vectors()?;
        drop(stored);
        self.respond(context, vectors, permit)
    }

    fn respond(
        &self,
        context: &Context,
        vectors: FeatureVectors<'_>,
        mut permit: MemoryPermit,
    ) -> Result<Response, ApiError> {
        let (plan, settings) = (&self.plan, &self.settings);
        settings.stopwatch.end_decode(vectors.function_time());
        let versions = settings.with_view_versions.then(|| plan.view_versions());
        let body = match settings.form {
            ResponseForm::ArrowStream => arrow_stream::write_feature_vectors(&vectors, versions.as_deref())?,
            ResponseForm::Json(layout) => write_feature_vectors(&vectors, layout, versions.as_deref()),
        };
        settings.stopwatch.end(Step::Respond);
        if let (Some(metrics), Some(timeline)) = (&context.metrics, settings.stopwatch.timeline()) {
            let read = AnsweredRead {
                plan,
                vectors: &vectors,
                bytes: body.len(),
                time: timeline.elapsed(),
            };
            metrics.reads.answered(&metrics.requests, &read);
        }
        // Without a log they are let go here.
        let vectors = context.feature_log.as_ref().map(move |log| (log, vectors));
        permit.resize_to(body.len())?;
        if let Some((log, vectors)) = vectors {
            feature_log::take(log, plan, vectors, &self.entities, settings.logged);
        }
        Ok(settings.form.response(permit.hold(body)))
    }
}

impl ResponseForm {
    /// Arrow for a client that asks for it. For JSON the query decides, then the repository's setting, then the content type:
    /// requests with a JSON one come from clients of Feast's servers, which read columns; Feast refuses those without one, and
    /// its documentation shows them with rows.
    fn requested_by(head: &Head, setting: ResponseLayout) -> Self {
        let weight = head.weight_of(arrow_stream::MEDIA_TYPE);
        if weight > 0.0 && weight >= head.weight_of("application/json") {
            return Self::ArrowStream;
        }
        let requested = form_urlencoded::parse(head.query().as_bytes())
            .filter(|(name, _)| name == "layout")
            .find_map(|(_, value)| Layout::from_name(&value));
        let is_json =
            |kind: &str| kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
        Self::Json(requested.unwrap_or_else(|| match setting {
            ResponseLayout::Rows => Layout::Rows,
            ResponseLayout::Columns => Layout::Columns,
            ResponseLayout::Auto if head.has_content_type(is_json) => Layout::Columns,
            ResponseLayout::Auto => Layout::Rows,
        }))
    }

    fn response(self, body: Bytes) -> Response {
        match self {
            Self::Json(layout) => {
                let mut response = json_response(StatusCode::OK, body);
                let name = HeaderValue::from_static(layout.name());
                response.headers_mut().insert(LAYOUT_HEADER, name);
                response
            }
            Self::ArrowStream => {
                let mut response = Response::new(body);
                let media_type = HeaderValue::from_static(arrow_stream::MEDIA_TYPE);
                response.headers_mut().insert("content-type", media_type);
                response
            }
        }
    }
}
