//! Every route on one screen, and which of them a request means.

use std::sync::Arc;

use futures::future::BoxFuture;
use percent_encoding::percent_decode_str;
use warp::http::Method;

use crate::admission::MemoryPermit;
use crate::context::Context;
use crate::endpoints::get_online_features::PendingRead;
use crate::endpoints::{
    backup, documentation, forget_rows, get_online_features, health, materialize, push, vector_search,
    write_to_online_store,
};
use crate::error::ApiError;
use crate::http::{Request, Response};
use crate::metrics;

/// What answers a request, and where it runs.
pub(crate) enum Endpoint {
    /// On the thread that read the request: it waits for nothing.
    Inline(fn(&Context, &Request) -> Result<Response, ApiError>),
    /// On the thread that read the request as far as that takes neither a disk nor much time; the rest on one that may wait, or
    /// awaited, as the online store is on this machine or on the network.
    Read(ReadEndpoint),
    /// As `Blocking`, for what may be large: it lets the body go once it is parsed, and the permit counts what it holds instead.
    Write(fn(&Context, Request, &mut MemoryPermit) -> Result<Response, ApiError>),
    /// On a thread that may wait for disks.
    Blocking(fn(&Context, &Request) -> Result<Response, ApiError>),
    /// Awaited: it waits for its turn, then runs for as long as it takes.
    Run(fn(Arc<Context>, Request) -> FutureResponse),
}

/// The two parts of a read. The permit counts the memory of the request's body, then that of the response.
#[derive(Clone, Copy)]
pub(crate) struct ReadEndpoint {
    /// Answers, or hands over what it knows by then. It waits for nothing.
    pub(crate) try_inline: fn(&Context, Request, &mut MemoryPermit) -> Result<InlineOutcome, ApiError>,
    /// Answers what was handed over, however long it takes.
    pub(crate) complete: fn(&Context, PendingRead, MemoryPermit) -> Result<Response, ApiError>,
    /// As `complete`, awaiting rows that come over the network.
    pub(crate) complete_remote: fn(Arc<Context>, PendingRead, MemoryPermit) -> FutureResponse,
}

/// A response that is awaited.
pub(crate) type FutureResponse = BoxFuture<'static, Result<Response, ApiError>>;

/// What came of a read on a thread that must not wait.
pub(crate) enum InlineOutcome {
    Response(Response),
    /// Some of its rows must come from the store, or are large.
    NeedsIo(PendingRead),
    /// It would keep other requests of this thread waiting.
    TooLarge(PendingRead),
}

/// One method of one path.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// As in OpenAPI: a segment in braces stands for any string.
    pub(crate) path: &'static str,
    pub(crate) endpoint: Endpoint,
}

/// The page of numbers on the serving port.
const METRICS: &str = "/metrics";

impl Route {
    /// Whether it only says how the server is.
    pub(crate) fn is_probe(&self) -> bool {
        matches!(self.path, "/health" | "/ready")
    }

    /// Whether it changes what is stored, or writes elsewhere.
    pub(crate) fn is_write(&self) -> bool {
        match self.endpoint {
            Endpoint::Write(_) => true,
            Endpoint::Inline(_) | Endpoint::Read(_) => false,
            // The page of numbers is awaited too.
            Endpoint::Run(_) => self.path != METRICS,
            // The others only look.
            Endpoint::Blocking(_) => self.path == FORGET_ROWS,
        }
    }

    /// Whether machines ask for it again and again, whatever clients do.
    pub(crate) fn is_for_monitoring(&self) -> bool {
        self.is_probe() || self.path == METRICS
    }

    /// Whether it is for everybody, also where people have to sign in.
    pub(crate) fn is_open(&self) -> bool {
        self.is_probe() || matches!(self.path, "/openapi.json" | "/docs")
    }
}

/// All routes. In one place of memory, as they are told apart by that.
pub(crate) static ROUTES: &[Route] = &[
    post(
        "/get-online-features",
        Endpoint::Read(ReadEndpoint {
            try_inline: get_online_features::try_inline,
            complete: get_online_features::complete,
            complete_remote: get_online_features::complete_remote,
        }),
    ),
    post("/push", Endpoint::Write(push::answer)),
    post("/write-to-online-store", Endpoint::Write(write_to_online_store::answer)),
    post("/materialize", Endpoint::Run(materialize::answer)),
    post(
        "/materialize-incremental",
        Endpoint::Run(materialize::answer_incremental),
    ),
    get("/health", health::answer),
    get("/ready", health::answer_ready),
    Route {
        method: Method::GET,
        path: METRICS,
        endpoint: Endpoint::Run(metrics::answer_route),
    },
    post("/search", Endpoint::Blocking(vector_search::search)),
    post("/retrieve-online-documents", Endpoint::Blocking(vector_search::search)),
    get("/v1/vector_stores", vector_search::list),
    get("/v1/vector_stores/{vector_store_id}", vector_search::show),
    post(
        "/v1/vector_stores/{vector_store_id}/search",
        Endpoint::Blocking(vector_search::search_store),
    ),
    get("/openapi.json", documentation::openapi),
    get("/docs", documentation::page),
];

const FORGET_ROWS: &str = "/forget-rows";

/// Routes that commands have beside the others: they may have the server write files, which a client may not.
const COMMAND_ROUTES: &[Route] = &[
    post("/backup", Endpoint::Run(backup::answer)),
    post(FORGET_ROWS, Endpoint::Blocking(forget_rows::answer)),
];

const fn get(path: &'static str, answer: fn(&Context, &Request) -> Result<Response, ApiError>) -> Route {
    Route {
        method: Method::GET,
        path,
        endpoint: Endpoint::Inline(answer),
    }
}

const fn post(path: &'static str, endpoint: Endpoint) -> Route {
    Route {
        method: Method::POST,
        path,
        endpoint,
    }
}

/// What a method and a path mean.
pub(crate) enum Matched {
    /// A route, with the value of the parameter in its path.
    Route(&'static Route, String),
    /// The path exists, for these methods.
    WrongMethod(Vec<&'static str>),
    /// The path exists without the slashes at its end.
    Slashes,
    /// No route has the path.
    Nothing,
}

impl Matched {
    /// Whether the endpoint finishes its work even if the client hangs up.
    pub(crate) fn outlives_client(&self) -> bool {
        matches!(self, Self::Route(route, _) if matches!(route.endpoint, Endpoint::Write(_) | Endpoint::Blocking(_)))
    }
}

/// Finds the route of a request, of a command or not, by its path as it was sent. A request line that names a host only has an empty one.
pub(crate) fn find(method: &Method, path: &str, is_command: bool) -> Matched {
    let path = &*percent_decode_str(path).decode_utf8_lossy();
    let mut methods = Vec::new();
    let others = if is_command { COMMAND_ROUTES } else { &[] };
    for route in ROUTES.iter().chain(others) {
        if let Some(parameter) = parameter(route.path, path) {
            if route.method == *method {
                return Matched::Route(route, parameter.to_owned());
            }
            methods.push(route.method.as_str());
        }
    }
    if !methods.is_empty() {
        return Matched::WrongMethod(methods);
    }
    let bare = path.trim_end_matches('/');
    if bare != path && ROUTES.iter().any(|route| parameter(route.path, bare).is_some()) {
        return Matched::Slashes;
    }
    Matched::Nothing
}

/// The value of the parameter of a pattern, empty if it has none. `None` when the path does not match.
fn parameter<'path>(pattern: &str, path: &'path str) -> Option<&'path str> {
    let Some((before, after)) = pattern.split_once('{') else {
        return (pattern == path).then_some("");
    };
    let after = after.split_once('}').map_or("", |(_, after)| after);
    let value = path.strip_prefix(before)?.strip_suffix(after)?;
    (!value.is_empty() && !value.contains('/')).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: Method, path: &str) -> String {
        match find(&method, path, false) {
            Matched::Route(route, parameter) => format!("{} {parameter}", route.path),
            Matched::WrongMethod(methods) => format!("not {method}, but {}", methods.join(", ")),
            Matched::Slashes => "redirected".to_owned(),
            Matched::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn requests_find_their_routes() {
        let check = |method, path, expected: &str| assert_eq!(found(method, path), expected);
        check(Method::POST, "/push", "/push ");
        check(Method::GET, "/push", "not GET, but POST");
        check(Method::HEAD, "/health", "not HEAD, but GET");
        check(Method::GET, "/push/", "redirected");
        check(Method::POST, "/health//", "redirected");
        check(Method::GET, "/v1/vector_stores/", "redirected");
        check(
            Method::GET,
            "/v1/vector_stores/a",
            "/v1/vector_stores/{vector_store_id} a",
        );
        check(
            Method::POST,
            "/v1/vector_stores/a/search",
            "/v1/vector_stores/{vector_store_id}/search a",
        );
        check(Method::POST, "/v1/vector_stores/a/b/search", "nothing");
        check(
            Method::GET,
            "/v1/vector_stores/a%20%62",
            "/v1/vector_stores/{vector_store_id} a b",
        );
        check(Method::GET, "", "nothing");
        check(Method::GET, "/", "nothing");
        check(Method::GET, "//", "nothing");
        check(Method::POST, "//push", "nothing");
        check(Method::POST, "/backup", "nothing");
    }
}
