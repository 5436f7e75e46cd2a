//! `GET /openapi.json` and `GET /docs`: the endpoints, for programs and for people. Both are files inside the binary, and load
//! nothing from elsewhere.
//!
//! `/openapi.json` is not made from the code: a test holds its paths against the routes, and a fuzzer its schemas against the
//! responses. `/docs` is a page of our own, as Swagger's would load its scripts from elsewhere. Its script and style carry a nonce
//! and not their hashes, because nothing in the build computes SHA-256.

use bytes::Bytes;
use warp::http::{HeaderValue, StatusCode};

use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Request, Response, json_response};

/// The endpoints as OpenAPI 3.1. A test holds it against the routes.
const OPENAPI: &str = include_str!("documentation/openapi.json");
const PAGE: &str = include_str!("documentation/docs.html");

pub(crate) fn openapi(_: &Context, _: &Request) -> Result<Response, ApiError> {
    Ok(json_response(StatusCode::OK, OPENAPI.as_bytes()))
}

pub(crate) fn page(_: &Context, _: &Request) -> Result<Response, ApiError> {
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let mut response = Response::new(Bytes::from(page_with(&nonce)));
    let headers = response.headers_mut();
    let fixed = [
        ("content-type", "text/html; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        // The nonce is for one response.
        ("cache-control", "no-store"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Hexadecimal digits can stand in a header.
    if let Ok(policy) = HeaderValue::from_str(&policy(&nonce)) {
        headers.insert("content-security-policy", policy);
    }
    Ok(response)
}

/// Only the two pieces inside the page that carry the nonce run, and they may only ask this server.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
}

fn page_with(nonce: &str) -> String {
    let page = PAGE.replacen("<script>", &format!("<script nonce=\"{nonce}\">"), 1);
    page.replacen("<style>", &format!("<style nonce=\"{nonce}\">"), 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::routes::ROUTES;

    fn document() -> Value {
        serde_json::from_str(OPENAPI).unwrap()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = document();
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(move |method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        let routes = ROUTES
            .iter()
            .map(|route| (route.path.to_owned(), route.method.to_string()))
            .collect();
        assert_eq!(described, routes);
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }

    /// All values of `$ref`.
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn what_is_referred_to_is_there() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let target = reference
                .strip_prefix('#')
                .and_then(|pointer| document.pointer(pointer));
            assert!(target.is_some(), "{reference}");
        }
    }

    #[test]
    fn the_policy_lets_run_what_the_page_has() {
        let (page, policy) = (page_with("abc"), policy("abc"));
        for element in ["script", "style"] {
            assert_eq!(page.matches(&format!("<{element}")).count(), 1, "{element}");
            assert!(page.contains(&format!("<{element} nonce=\"abc\">")), "{element}");
            assert!(policy.contains(&format!("{element}-src 'nonce-abc'")), "{element}");
        }
        // Attributes have no nonce.
        assert!(!page.contains(" style=") && !page.contains(" onclick=") && !page.contains("javascript:"));
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        assert!(!PAGE.contains("http://") && !PAGE.contains("https://") && !PAGE.contains("src="));
    }
}
