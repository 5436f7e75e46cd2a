//! A request and an answer as endpoints see them, without the framework around them.

use bytes::Bytes;
use warp::http::{HeaderMap, HeaderValue, Response, StatusCode};

/// A request as endpoints see it.
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) query: String,
    /// The text in the place of the braces of the route's path; empty if it has none.
    pub(crate) parameter: String,
    pub(crate) body: Bytes,
}

impl Request {
    /// Whether the media type of the body, in small letters and without parameters, is one of those.
    pub(crate) fn has_content_type(&self, is_such: impl Fn(&str) -> bool) -> bool {
        has_content_type(&self.headers, is_such)
    }

    /// How much the client wants a media type that it names, 0 to 1; 0 if it does not.
    pub(crate) fn weight_of(&self, media_type: &str) -> f32 {
        let weights = text_of(&self.headers, "accept").split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_it = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(media_type));
            let mut weight = parts.filter_map(|parameter| parameter.strip_prefix("q=")?.parse().ok());
            is_it.then(|| weight.next().unwrap_or(1.0))
        });
        weights.fold(0.0, f32::max)
    }
}

/// As [`Request::has_content_type`], before there is a request.
pub(crate) fn has_content_type(headers: &HeaderMap, is_such: impl Fn(&str) -> bool) -> bool {
    let kind = text_of(headers, "content-type").split(';').next().unwrap_or_default();
    is_such(&kind.trim().to_ascii_lowercase())
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// An answer, whatever its status.
pub(crate) type Answer = Response<Bytes>;

/// An answer with a JSON body.
pub(crate) fn json_answer(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &'static str, value: &'static str) -> Request {
        Request {
            headers: [(name.parse().unwrap(), HeaderValue::from_static(value))]
                .into_iter()
                .collect(),
            query: String::new(),
            parameter: String::new(),
            body: Bytes::new(),
        }
    }

    #[test]
    fn accepted_types_are_found_among_others() {
        let check = |value, weight| assert_eq!(request("accept", value).weight_of("application/x"), weight, "{value}");
        check("application/x", 1.0);
        check("application/json;q=0.5, Application/X; q=0.7", 0.7);
        check("application/x;q=0", 0.0);
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
