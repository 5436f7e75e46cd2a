//! Refuses requests that a browser makes for a page of another site.
//!
//! Where nobody has to sign in, every client that can reach the server may use it, and a browser on the same machine or network lets
//! every page that is open in it send requests. Such a page is recognized by `Origin` and `Sec-Fetch-Site`, which no page can leave out or
//! forge. One that has made a name server say that its own name is the server's address (DNS rebinding) is recognized by `Host`.
//! Clients that are not browsers send neither `Origin` nor `Sec-Fetch-*` and pass under any name, as proxies and Kubernetes name
//! hosts as they like. An IP address in `Host` is accepted from a browser only if its connection came to that address.

use std::net::IpAddr;

use feast_engine::Host;
use warp::http::header::{HOST, HeaderName, ORIGIN};
use warp::http::{HeaderValue, Method, Version};

use super::Call;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Head, Response};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// Of a longer header only the beginning is repeated in a response.
const MAX_REPEATED_BYTES: usize = 200;

/// Refuses a request that a browser makes for a page that may not use this server.
pub(super) async fn refuse_foreign_pages<F>(
    context: &Context,
    call: Call,
    next: impl FnOnce(Call) -> F,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    context.trusted_hosts.check(&call.head)?;
    next(call).await
}

/// The hosts whose pages may use the server, and under whose names browsers may reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrustedHosts {
    /// The one that the server listens on as it was configured.
    listened_on: Option<Host>,
    /// Those of the settings.
    allowed: Vec<Host>,
}

impl TrustedHosts {
    pub(crate) fn new(listened_on: Option<Host>, allowed: Vec<Host>) -> Self {
        Self { listened_on, allowed }
    }

    /// Lets a request pass, or says why not.
    ///
    /// # Errors
    /// `AmbiguousHost` when it does not name one host, `ForeignPage` when a browser makes it for a page of another site.
    fn check(&self, head: &Head) -> Result<(), ApiError> {
        let authority = authority(head)?;
        let is_from_browser = |name: &HeaderName| *name == ORIGIN || name.as_str().starts_with("sec-fetch-");
        if head.headers.keys().any(is_from_browser) {
            self.check_browser(head, authority)
        } else {
            Ok(())
        }
    }

    fn check_browser(&self, head: &Head, authority: Option<&str>) -> Result<(), ApiError> {
        let host = authority.and_then(Host::from_authority);
        let Some(host) = host.filter(|host| self.is_own(host, head.peer.local)) else {
            return Err(foreign(format!(
                "Browsers may not reach this server as {:?}. If that is a name of yours, add its host to serving.allowed_hosts in \
                 feature_store.yaml",
                truncated(authority.unwrap_or_default())
            )));
        };
        let is_trusted = |origin: &HeaderValue| {
            let origin = origin.to_str().ok().and_then(host_of_origin);
            origin.is_some_and(|origin| origin == host || origin.is_loopback() || self.allowed.contains(&origin))
        };
        let origins = head.headers.get_all(ORIGIN);
        if let Some(origin) = origins.iter().find(|origin| !is_trusted(origin)) {
            return Err(foreign(format!(
                "Pages of {:?} may not use this server. If they are yours, or a proxy that you run rewrites the header Host, add their \
                 host to serving.allowed_hosts in feature_store.yaml",
                truncated(&String::from_utf8_lossy(origin.as_bytes()))
            )));
        }
        let is = |name: &HeaderName, value: &str| {
            let mut values = head.headers.get_all(name).iter();
            values.any(|found| found.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
        };
        // A link to the documentation may be on any page: a person who follows it leaves that page.
        let follows_link = head.method == Method::GET
            && head.uri.path() == "/docs"
            && is(&FETCH_MODE, "navigate")
            && is(&FETCH_DESTINATION, "document");
        if is(&FETCH_SITE, "cross-site") && !follows_link {
            let why = "Pages of other sites may not use this server. Send the request from a page of this server, or with a client \
                       that is not a browser";
            return Err(foreign(why.to_owned()));
        }
        Ok(())
    }

    fn is_own(&self, host: &Host, local: Option<IpAddr>) -> bool {
        host.is_loopback()
            || self.listened_on.as_ref() == Some(host)
            || local.is_some_and(|local| *host == Host::from(local))
            || self.allowed.contains(host)
    }
}

fn foreign(why: String) -> ApiError {
    ApiError::ForeignPage(why)
}

fn truncated(header: &str) -> &str {
    &header[..header.floor_char_boundary(MAX_REPEATED_BYTES)]
}

/// The host and port that a request names, once. HTTP/1.1 requires `Host`, also next to a target that names a host.
fn authority(head: &Head) -> Result<Option<&str>, ApiError> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(ApiError::AmbiguousHost("The request has more than one header Host"));
    }
    match (head.uri.authority(), host) {
        (_, None) if head.version == Version::HTTP_11 => Err(ApiError::AmbiguousHost(
            "The request has no header Host, which HTTP/1.1 requires",
        )),
        (Some(target), Some(host)) if !target.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes()) => Err(
            ApiError::AmbiguousHost("The target of the request and its header Host name different hosts"),
        ),
        (Some(target), _) => Ok(Some(target.as_str())),
        (None, host) => Ok(host.and_then(|host| host.to_str().ok())),
    }
}

/// The host of an origin of the web. `null` has none, nor have the schemes of files and extensions.
fn host_of_origin(origin: &str) -> Option<Host> {
    let (scheme, authority) = origin.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    is_web.then(|| Host::from_authority(authority))?
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderMap;

    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7));

    /// The status of a request with these header lines, 200 if it passes.
    fn status(request_line: &str, lines: &[&str]) -> u16 {
        let hosts = TrustedHosts::new(
            Host::parse("features.internal"),
            vec![Host::parse("features.example.com").unwrap()],
        );
        let parts: Vec<&str> = request_line.split(' ').collect();
        let version = match parts[2] {
            "1.0" => Version::HTTP_10,
            "1.1" => Version::HTTP_11,
            _ => Version::HTTP_2,
        };
        let headers: HeaderMap = lines
            .iter()
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                (name.parse::<HeaderName>().unwrap(), value)
            })
            .fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            });
        let mut head = Head::from_parts(parts[0].parse().unwrap(), parts[1], headers);
        head.version = version;
        head.peer.local = Some(LOCAL);
        hosts
            .check(&head)
            .map_or_else(|error| error.status().as_u16(), |()| 200)
    }

    fn post(lines: &[&str]) -> u16 {
        status("POST /push 1.1", lines)
    }

    #[test]
    fn clients_that_are_not_browsers_pass_under_any_name() {
        assert_eq!(post(&["host: anything.example:6566"]), 200);
        assert_eq!(post(&["host: ???"]), 200);
        assert_eq!(post(&["host: "]), 200);
        assert_eq!(status("POST /push 1.0", &[]), 200);
        assert_eq!(status("POST http://a.example/push 2", &[]), 200);
    }

    #[test]
    fn a_request_names_one_host() {
        assert_eq!(post(&[]), 400);
        assert_eq!(post(&["host: localhost", "host: localhost"]), 400);
        assert_eq!(status("POST /push 1.0", &["host: a", "host: b"]), 400);
        assert_eq!(status("POST http://a.example/push 1.1", &[]), 400);
        assert_eq!(status("POST http://a.example/push 1.1", &["host: localhost"]), 400);
        assert_eq!(status("POST http://A.example/push 1.1", &["host: a.example"]), 200);
        assert_eq!(status("POST http://a.example/push 2", &["host: localhost"]), 400);
    }

    #[test]
    fn pages_of_the_server_pass() {
        for (host, origin) in [
            ("localhost:6566", "http://localhost:6566"),
            ("127.0.0.1:6566", "http://localhost:3000"),
            ("[::1]:6566", "http://[::1]:6566"),
            ("LOCALHOST.:6566", "HTTP://localhost"),
            ("features.internal:6566", "http://Features.Internal:6566"),
            ("10.0.0.7:6566", "http://10.0.0.7:6566"),
            ("features.example.com", "https://features.example.com"),
            ("127.0.0.1:6566", "https://features.example.com."),
        ] {
            assert_eq!(
                post(&[&format!("host: {host}"), &format!("origin: {origin}")]),
                200,
                "{host} {origin}"
            );
        }
    }

    #[test]
    fn pages_of_others_are_refused() {
        for origin in [
            "http://evil.example",
            "null",
            "",
            "http://localhost.evil.example",
            "http://evil.example@localhost",
            "http://localhost@evil.example",
            "http://localhost/",
            "http://localhost:6566, http://evil.example",
            "file://localhost",
            "chrome-extension://localhost",
            "localhost",
            "http://",
            "http://127.0.0.1.evil.example",
            "http://b\u{fc}cher.example",
            "http://10.0.0.8",
        ] {
            assert_eq!(
                post(&["host: localhost", &format!("origin: {origin}")]),
                403,
                "{origin}"
            );
        }
        let both = [
            "host: localhost",
            "origin: http://localhost",
            "origin: http://evil.example",
        ];
        assert_eq!(post(&both), 403);
    }

    #[test]
    fn names_of_others_are_refused_to_browsers() {
        for host in [
            "evil.example:6566",
            "10.0.0.8",
            "evil.example",
            "",
            "localhost:x",
            "a, localhost",
        ] {
            let host = format!("host: {host}");
            assert_eq!(post(&[&host, "origin: http://evil.example:6566"]), 403, "{host}");
            assert_eq!(post(&[&host, "sec-fetch-site: same-origin"]), 403, "{host}");
            assert_eq!(
                status("GET /health 1.1", &[&host, "sec-fetch-mode: cors"]),
                403,
                "{host}"
            );
        }
        assert_eq!(status("GET http://evil.example/ 2", &["sec-fetch-site: none"]), 403);
        assert_eq!(status("GET / 1.0", &["sec-fetch-site: none"]), 403);
    }

    #[test]
    fn only_a_link_to_the_documentation_may_stand_elsewhere() {
        let get = |path: &str, lines: &[&str]| {
            let lines = [&["host: localhost", "sec-fetch-site: cross-site"], lines].concat();
            status(&format!("GET {path} 1.1"), &lines)
        };
        let link = ["sec-fetch-mode: navigate", "sec-fetch-dest: document"];
        assert_eq!(get("/docs", &link), 200);
        assert_eq!(
            get("/docs", &["sec-fetch-mode: navigate", "sec-fetch-dest: iframe"]),
            403
        );
        assert_eq!(get("/docs", &[]), 403);
        assert_eq!(get("/openapi.json", &link), 403);
        assert_eq!(get("/health", &[]), 403);
        assert_eq!(post(&["host: localhost", "sec-fetch-site: Cross-Site"]), 403);
        assert_eq!(post(&["host: localhost", "sec-fetch-site: same-origin"]), 200);
        assert_eq!(post(&["host: localhost", "sec-fetch-site: none"]), 200);
    }
}
