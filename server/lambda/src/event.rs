//! Events that are requests: payload 2.0 of function URLs and HTTP APIs, payload 1.0 of REST APIs, and those of application load balancers.
//!
//! A path is taken as it was sent, without the stage of the API. A query string is as it was sent where the event has that, else it
//! is made again from its decoded parts, in which nothing but their order by name is lost.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{COOKIE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;

use crate::answer::AnswerForm;

/// What cannot stand in a URI as it is. A percent sign is left alone: it stands for what was encoded by the client.
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
const PATH: &AsciiSet = &QUERY
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'^')
    .add(b'|')
    .add(b'\\');

const FORWARDED_FOR: &str = "x-forwarded-for";
const REQUEST_ID: &str = "x-request-id";

/// More than any gateway lets through, and fewer than a map of them can hold.
const MAX_HEADERS: usize = 1_000;
/// Of a path in messages.
const SHOWN_CHARACTERS: usize = 200;

/// A request, and how its answer is given.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) request: Request<Bytes>,
    /// Who has sent it to AWS.
    pub(crate) client: Option<IpAddr>,
    pub(crate) form: AnswerForm,
}

impl Event {
    /// Reads an event. A request without an id gets that of its invocation, so that the lines of both logs are found by it.
    ///
    /// # Errors
    /// Why it is not a request.
    pub(crate) fn parse(event: &[u8], invocation: &str, base_path: Option<&str>) -> Result<Self, String> {
        let payload: Payload = serde_json::from_slice(event).map_err(|error| {
            format!("the event is not one of a function URL, API Gateway or load balancer: {error}")
        })?;
        let (form, method) = form_and_method(&payload)?;
        let context = payload.request_context.unwrap_or_default();

        let mut headers = headers(payload.headers, payload.multi_value_headers)?;
        if let Some(cookies) = payload.cookies.filter(|cookies| !cookies.is_empty()) {
            headers.insert(COOKIE, header_value(COOKIE.as_str(), &cookies.join("; "))?);
        }
        if !headers.contains_key(HOST)
            && let Some(host) = &context.domain_name
        {
            headers.insert(HOST, header_value(HOST.as_str(), host)?);
        }
        if !headers.contains_key(REQUEST_ID) {
            headers.insert(REQUEST_ID, header_value(REQUEST_ID, invocation)?);
        }

        let (path, query) = match form {
            AnswerForm::Payload2 => {
                let path = payload.raw_path.unwrap_or_default();
                let path = without_prefix(&path, context.stage.as_deref().filter(|stage| *stage != "$default"));
                (path.to_owned(), payload.raw_query_string.unwrap_or_default())
            }
            AnswerForm::Payload1 => {
                let parts = pairs(
                    payload.query_string_parameters,
                    payload.multi_value_query_string_parameters,
                );
                let query = Serializer::new(String::new()).extend_pairs(parts).finish();
                let path = payload.path.unwrap_or_default();
                // An HTTP API names the version, and its stage is in the path; a REST API does neither.
                let stage = context.stage.as_deref().filter(|stage| *stage != "$default");
                let stage = stage.filter(|_| payload.version.is_some());
                (without_prefix(&path, stage).to_owned(), query)
            }
            // Here they are as they were sent.
            AnswerForm::LoadBalancer { .. } => {
                let parts = pairs(
                    payload.query_string_parameters,
                    payload.multi_value_query_string_parameters,
                );
                let parts: Vec<String> = parts
                    .into_iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                (payload.path.unwrap_or_default(), parts.join("&"))
            }
        };
        let client = match form {
            AnswerForm::Payload2 => context.http.and_then(|http| http.source_ip),
            AnswerForm::Payload1 => context.identity.and_then(|identity| identity.source_ip),
            // The balancer has added the last one. Those before it are what the client claims.
            AnswerForm::LoadBalancer { .. } => {
                let last = headers.get_all(FORWARDED_FOR).iter().next_back();
                let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next());
                last.map(|address| address.trim().to_owned())
            }
        };
        let body = body(payload.body, payload.is_base64_encoded)?;
        let path = base_path.map_or(&*path, |base| without_prefix(&path, Some(base.trim_matches('/'))));
        let mut request = Request::new(body);
        *request.method_mut() =
            Method::from_bytes(method.as_bytes()).map_err(|_| format!("{method:?} is not a method of HTTP"))?;
        *request.uri_mut() = uri(path, &query)?;
        // Only who names no host may be of an older version.
        *request.version_mut() = match headers.contains_key(HOST) {
            true => Version::HTTP_11,
            false => Version::HTTP_10,
        };
        *request.headers_mut() = headers;
        Ok(Self {
            request,
            client: client.as_deref().and_then(address),
            form,
        })
    }
}

/// Which of the forms an event has, and the method of its request. The members of one may be there, and null, in another.
fn form_and_method(payload: &Payload) -> Result<(AnswerForm, String), String> {
    let context = payload.request_context.as_ref();
    if payload.version.as_deref() == Some("2.0") {
        let http = context.and_then(|context| context.http.as_ref());
        let method = http.map(|http| http.method.clone());
        return method
            .map(|method| (AnswerForm::Payload2, method))
            .ok_or_else(|| "the event has version 2.0 and no requestContext.http".to_owned());
    }
    let form = match context {
        Some(context) if context.elb.is_some() => AnswerForm::LoadBalancer {
            has_lists: payload.multi_value_headers.is_some(),
        },
        _ => AnswerForm::Payload1,
    };
    let method = payload.http_method.clone();
    method.map(|method| (form, method)).ok_or_else(|| {
        "the event is not one of a function URL, API Gateway or load balancer: it has neither version 2.0 nor httpMethod"
            .to_owned()
    })
}

/// Without a first segment. What has no path is at its root.
fn without_prefix<'path>(path: &'path str, prefix: Option<&str>) -> &'path str {
    let rest = prefix.and_then(|prefix| path.strip_prefix('/')?.strip_prefix(prefix));
    match rest {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

fn uri(path: &str, query: &str) -> Result<Uri, String> {
    let path = if path.is_empty() { "/" } else { path };
    let mut target = utf8_percent_encode(path, PATH).to_string();
    if !query.is_empty() {
        target.push('?');
        target.extend(utf8_percent_encode(query, QUERY));
    }
    // Messages are without what clients send in queries and headers: keys and tokens may be among it.
    let target = target.parse().map_err(|error| {
        let path: String = path.chars().take(SHOWN_CHARACTERS).collect();
        format!("path {path:?} with its query is not the target of a request: {error}")
    })?;
    let mut parts = http::uri::Parts::default();
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).map_err(|error| error.to_string())
}

/// The headers with all their values, from where those are.
fn headers(single: Option<Single>, lists: Option<Lists>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(single, lists) {
        let name: HeaderName = name
            .parse()
            .map_err(|_| format!("{name:?} is not the name of a header"))?;
        if headers.len() >= MAX_HEADERS {
            return Err(format!("the event has more than {MAX_HEADERS} headers"));
        }
        let value = header_value(name.as_str(), &value)?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(value.as_bytes()).map_err(|_| format!("what {name} has is not the value of a header"))
}

/// One value each, or the last of several.
type Single = BTreeMap<String, Option<String>>;
/// All values.
type Lists = BTreeMap<String, Option<Vec<String>>>;

fn pairs(single: Option<Single>, lists: Option<Lists>) -> Vec<(String, String)> {
    match lists {
        Some(lists) => {
            let named = lists
                .into_iter()
                .map(|(name, values)| (name, values.unwrap_or_default()));
            named
                .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)))
                .collect()
        }
        None => {
            let single = single.unwrap_or_default().into_iter();
            single.filter_map(|(name, value)| Some((name, value?))).collect()
        }
    }
}

fn body(text: Option<String>, is_base64: Option<bool>) -> Result<Bytes, String> {
    let text = text.unwrap_or_default();
    if is_base64 == Some(true) {
        let bytes = BASE64.decode(&text);
        return bytes
            .map(Bytes::from)
            .map_err(|error| format!("the body is not base64: {error}"));
    }
    Ok(Bytes::from(text))
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port)
}

/// The members that any of the forms has, as far as they are used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    version: Option<String>,
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    cookies: Option<Vec<String>>,
    path: Option<String>,
    http_method: Option<String>,
    headers: Option<Single>,
    multi_value_headers: Option<Lists>,
    query_string_parameters: Option<Single>,
    multi_value_query_string_parameters: Option<Lists>,
    request_context: Option<RequestContext>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    http: Option<HttpContext>,
    identity: Option<Identity>,
    elb: Option<serde::de::IgnoredAny>,
    stage: Option<String>,
    domain_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpContext {
    method: String,
    source_ip: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    source_ip: Option<String>,
}

#[cfg(test)]
mod tests;
