//! Requests by their endpoint: how many, how long, how they ended.

use std::time::Duration;

use feast_engine::MetricsConfig;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use warp::http::StatusCode;

use super::OTHER;
use crate::error::ApiError;
use crate::routes::{Matched, ROUTES, Route};

/// Feast's, for requests.
const FEAST_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Most requests take less than the first of Feast's.
const SECONDS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// The endpoints that Feast counts, and how it calls them.
const COUNTED_BY_FEAST: [&str; 7] = [
    "/get-online-features",
    "/search",
    "/retrieve-online-documents",
    "/v1/vector_stores/{vector_store_id}/search",
    "/push",
    "/materialize",
    "/materialize-incremental",
];
/// Feast counts its duration by what is asked for.
const READ: &str = "/get-online-features";

type Labels<const N: usize> = [(&'static str, String); N];
type StaticLabels<const N: usize> = [(&'static str, &'static str); N];

/// What is counted of requests.
pub(crate) struct RequestMetrics {
    is_on: bool,
    /// In the order of [`ROUTES`], and behind it requests of no route.
    routes: Vec<RouteMetrics>,
    requests: Family<Labels<2>, Counter>,
    feast_seconds: FeastSeconds,
}

/// Histograms of Feast's durations.
pub(super) type FeastSeconds = Family<Labels<3>, Histogram, fn() -> Histogram>;

struct RouteMetrics {
    endpoint: &'static str,
    ok: Counter,
    seconds: Histogram,
    /// Of Feast's: success and error.
    feast: Option<(Counter, Counter)>,
}

impl RequestMetrics {
    pub(super) fn new(config: &MetricsConfig, registry: &mut Registry) -> Self {
        let requests = Family::<Labels<2>, Counter>::default();
        let seconds =
            Family::<StaticLabels<1>, Histogram, _>::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> _);
        let feast_requests = Family::<StaticLabels<2>, Counter>::default();
        let feast_seconds: FeastSeconds = Family::new_with_constructor(|| Histogram::new(FEAST_SECONDS));
        if config.request {
            registry.register(
                "feast_http_requests",
                "Requests by endpoint and status code",
                requests.clone(),
            );
            registry.register(
                "feast_http_request_duration_seconds",
                "From the head of a request to its response, by endpoint",
                seconds.clone(),
            );
            registry.register(
                "feast_feature_server_request",
                "Total number of requests to the Feast feature server",
                feast_requests.clone(),
            );
            registry.register(
                "feast_feature_server_request_latency_seconds",
                "Latency of requests to the Feast feature server in seconds",
                feast_seconds.clone(),
            );
        }
        // An alert on their increase does not see a series that begins at 1.
        for route in ROUTES {
            for failure in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE] {
                drop(requests.get_or_create(&labels(route.path, failure)));
            }
        }
        let paths = ROUTES.iter().map(|route| route.path).chain([OTHER]);
        let routes = paths.map(|endpoint| RouteMetrics {
            endpoint,
            ok: requests.get_or_create_owned(&labels(endpoint, StatusCode::OK)),
            seconds: seconds.get_or_create_owned(&[("endpoint", endpoint)]),
            feast: COUNTED_BY_FEAST.contains(&endpoint).then(|| {
                let of = |status| feast_requests.get_or_create_owned(&[("endpoint", endpoint), ("status", status)]);
                (of("success"), of("error"))
            }),
        });
        Self {
            is_on: config.request,
            routes: routes.collect(),
            requests,
            feast_seconds,
        }
    }

    /// Counts a request that was answered.
    pub(crate) fn answered(&self, matched: Place, status: StatusCode, error: Option<&ApiError>, time: Duration) {
        if !self.is_on {
            return;
        }
        let Some(route) = self.routes.get(matched.0) else {
            return;
        };
        match status {
            StatusCode::OK => route.ok.inc(),
            _ => self.requests.get_or_create(&labels(route.endpoint, status)).inc(),
        };
        let seconds = time.as_secs_f64();
        route.seconds.observe(seconds);
        let Some((success, failure)) = &route.feast else { return };
        match error {
            None => success.inc(),
            // Feast refuses these before it begins to count.
            Some(error) if error.is_before_endpoint() => return,
            Some(_) => failure.inc(),
        };
        // That of a read which was answered is counted with what it has asked for.
        if error.is_some() || route.endpoint != READ {
            self.feast_seconds
                .get_or_create(&feast_labels(route.endpoint, String::new(), String::new()))
                .observe(seconds);
        }
    }

    /// That of answered reads, by what they ask for.
    pub(super) fn read_seconds(&self, features: String, views: usize) -> Option<Histogram> {
        let labels = feast_labels(READ, features, views.to_string());
        self.is_on.then(|| self.feast_seconds.get_or_create_owned(&labels))
    }
}

fn labels(endpoint: &str, status: StatusCode) -> Labels<2> {
    [("endpoint", endpoint.to_owned()), ("code", status.as_str().to_owned())]
}

fn feast_labels(endpoint: &str, features: String, views: String) -> Labels<3> {
    [
        ("endpoint", endpoint.to_owned()),
        ("feature_count", features),
        ("feature_view_count", views),
    ]
}

/// Where the numbers of a route are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(usize);

impl Place {
    pub(crate) fn of(matched: &Matched) -> Self {
        let position = match matched {
            Matched::Route(route, _) => ROUTES.iter().position(|known| std::ptr::eq::<Route>(known, *route)),
            Matched::WrongMethod(_) | Matched::Slashes | Matched::Nothing => None,
        };
        Self(position.unwrap_or(ROUTES.len()))
    }
}
