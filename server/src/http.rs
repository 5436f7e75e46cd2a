//! A request and a response as layers and endpoints see them, without the framework around them.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use feast_engine::{Error, Principal};
use warp::http::request::Parts;
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};

use crate::audit::Trail;
use crate::connections::Purpose;
use crate::context::Context;
use crate::layers::request_id::RequestId;
use crate::timeline::Stopwatch;

/// Who is at the other end of a connection: a client, or a proxy in front of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Address(SocketAddr),
    /// A process of this machine, by a Unix socket.
    Process {
        id: Option<i32>,
        user: u32,
    },
    /// Whoever has sent a request to somebody else, who hands it over here with the address, if that is known.
    Elsewhere(Option<IpAddr>),
}

impl Client {
    /// The address on the network, as far as there is one and it is known.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address.ip()),
            Self::Elsewhere(address) => *address,
            Self::Process { .. } => None,
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(formatter),
            Self::Elsewhere(Some(address)) => address.fmt(formatter),
            Self::Elsewhere(None) => formatter.write_str("an unknown client"),
            Self::Process { id: Some(id), user } => write!(formatter, "process {id} of user {user}"),
            Self::Process { id: None, user } => write!(formatter, "a process of user {user}"),
        }
    }
}

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) client: Client,
    /// The address of this server that the client connected to.
    pub(crate) local: Option<IpAddr>,
    pub(crate) purpose: Purpose,
}

/// The client, as it has signed in, and the notes for the audit log about its request.
#[derive(Clone, Default)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    /// `None` for what is not recorded.
    pub(crate) trail: Option<Arc<Trail>>,
}

/// Who asks, once the layer `sign_in` has found it out.
#[derive(Debug, Clone, Default)]
pub(crate) enum Who {
    /// It is not known, and may do nothing that is not for everybody.
    #[default]
    Unknown,
    /// Anybody: nobody has to sign in.
    Anybody,
    /// A command of who owns the store.
    StoreOwner,
    SignedIn(Arc<Principal>),
}

/// What the answer to an event is bound by.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// When it must be there.
    pub deadline: Option<Instant>,
    /// Refuses an answer that cannot be given.
    pub check: fn(&Response) -> Result<(), Error>,
}

/// All of a request but its body.
pub(crate) struct Head {
    pub(crate) peer: Peer,
    /// `None` for what came over a connection.
    pub(crate) bounds: Option<Bounds>,
    pub(crate) caller: Caller,
    pub(crate) version: Version,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) request_id: RequestId,
    pub(crate) stopwatch: Stopwatch,
}

impl Head {
    /// The head of a request that has come from `peer` just now.
    pub(crate) fn of_request(context: &Context, peer: Peer, parts: Parts) -> Box<Self> {
        Box::new(Self {
            peer,
            bounds: None,
            caller: Caller::default(),
            version: parts.version,
            method: parts.method,
            uri: parts.uri,
            request_id: RequestId::of(&parts.headers),
            stopwatch: context.stopwatch(&parts.headers),
            headers: parts.headers,
        })
    }

    /// The query as it was sent, empty if there is none.
    pub(crate) fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// Whether the media type of the body, in lower case and without parameters, is accepted by `matches`.
    pub(crate) fn has_content_type(&self, matches: impl Fn(&str) -> bool) -> bool {
        let media_type = self.header("content-type").split(';').next().unwrap_or_default().trim();
        if media_type.bytes().any(|byte| byte.is_ascii_uppercase()) {
            matches(&media_type.to_ascii_lowercase())
        } else {
            matches(media_type)
        }
    }

    /// The weight that the client gives a media type by name, 0 to 1; 0 if it does not name it.
    pub(crate) fn weight_of(&self, media_type: &str) -> f32 {
        let weights = self.header("accept").split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_it = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(media_type));
            let mut weight = parts.filter_map(|parameter| {
                let (name, value) = parameter.split_once('=')?;
                let value = value.trim().parse().ok()?;
                name.trim().eq_ignore_ascii_case("q").then_some(value)
            });
            is_it.then(|| weight.next().unwrap_or(1.0))
        });
        weights.fold(0.0, f32::max)
    }

    /// The first value of a header, empty if there is none.
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

/// A request as endpoints see it.
pub(crate) struct Request {
    pub(crate) head: Box<Head>,
    /// The value of the parameter in the route's path; empty if it has none.
    pub(crate) parameter: String,
    pub(crate) body: Bytes,
}

/// The response to a request, whatever its status.
pub type Response = warp::http::Response<Bytes>;

/// A response with a JSON body.
pub(crate) fn json_response(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
impl Head {
    /// A request of a client on this machine.
    pub(crate) fn from_parts(method: Method, uri: &str, headers: HeaderMap) -> Self {
        Self {
            peer: Peer {
                client: Client::Address(SocketAddr::from(([127, 0, 0, 1], 50_000))),
                local: None,
                purpose: Purpose::Requests,
            },
            bounds: None,
            stopwatch: Stopwatch::default(),
            caller: Caller::default(),
            version: Version::HTTP_11,
            request_id: RequestId::of(&headers),
            method,
            uri: uri.parse().unwrap(),
            headers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &'static str, value: &'static str) -> Head {
        let headers = [(name.parse().unwrap(), HeaderValue::from_static(value))];
        Head::from_parts(Method::POST, "/", headers.into_iter().collect())
    }

    #[test]
    fn accepted_types_are_found_among_others() {
        let check = |value, weight| assert_eq!(request("accept", value).weight_of("application/x"), weight, "{value}");
        check("application/x", 1.0);
        check("application/json;q=0.5, Application/X; q=0.7", 0.7);
        check("application/x;q=0", 0.0);
        check("application/x;Q=0.3", 0.3);
        check("application/x; q = 0.2", 0.2);
        check("*/*", 0.0);
        check("application/xml", 0.0);
    }

    #[test]
    fn parameters_of_a_content_type_do_not_matter() {
        let is = |value| request("content-type", value).has_content_type(|kind| kind == "application/x");
        assert!(is("Application/X; charset=utf-8"));
        assert!(!is("application/xml"));
        assert!(!request("accept", "application/x").has_content_type(|kind| kind == "application/x"));
    }
}
