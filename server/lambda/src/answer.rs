//! What answers to events look like, and how large they may be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use feast_engine::Error;
use feast_server::Response;
use http::HeaderMap;
use http::header::SET_COOKIE;
use serde_json::{Map, Value, json};

/// The most that a function may give.
const MAX_BYTES: usize = 6 << 20;
/// The most that a load balancer takes of one.
const MAX_BYTES_FOR_LOAD_BALANCER: usize = 1_000_000;
/// The most that headers take, and all that is around them and the body.
const HEAD_BYTES: usize = 64 << 10;

/// How an answer is given: as its event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerForm {
    /// Of function URLs and HTTP APIs.
    Payload2,
    /// Of REST APIs.
    Payload1,
    /// Of application load balancers, which may be told to give and to take all values of a header.
    LoadBalancer { has_lists: bool },
}

impl AnswerForm {
    /// What refuses an answer that is too large. A caller is told by AWS that the function has failed, and not why.
    pub(crate) fn check(self) -> fn(&Response) -> Result<(), Error> {
        match self {
            Self::Payload2 => |response| Self::Payload2.check_size(response),
            Self::Payload1 => |response| Self::Payload1.check_size(response),
            Self::LoadBalancer { has_lists: true } => {
                |response| Self::LoadBalancer { has_lists: true }.check_size(response)
            }
            Self::LoadBalancer { has_lists: false } => {
                |response| Self::LoadBalancer { has_lists: false }.check_size(response)
            }
        }
    }

    fn check_size(self, response: &Response) -> Result<(), Error> {
        let most = match self {
            Self::Payload1 | Self::Payload2 => MAX_BYTES,
            Self::LoadBalancer { .. } => MAX_BYTES_FOR_LOAD_BALANCER,
        };
        // Nothing that is written as text takes more than twice its length.
        if 2 * response.body().len() + HEAD_BYTES <= most {
            return Ok(());
        }
        let length = self.write(response).len();
        if length <= most {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "the answer would have {length} bytes, and a function may give {most} here: ask for fewer rows or features at once, or for \
             an Arrow stream, which is smaller (accept: application/vnd.apache.arrow.stream)"
        )))
    }

    /// Writes an answer.
    pub(crate) fn write(self, response: &Response) -> Vec<u8> {
        let (body, is_base64) = match text(response.body()) {
            Some(text) => (text.to_owned(), false),
            None => (BASE64.encode(response.body()), true),
        };
        let mut answer = json!({
            "statusCode": response.status().as_u16(),
            "isBase64Encoded": is_base64,
        });
        let none = Value::Object(Map::new());
        let headers = response.headers();
        match self {
            Self::Payload2 => {
                let cookies = headers.get_all(SET_COOKIE).iter();
                let cookies = cookies.map(|cookie| String::from_utf8_lossy(cookie.as_bytes()).into_owned());
                answer["cookies"] = cookies.collect();
                answer["headers"] = joined(headers);
                // AWS does not look at them, and an emulator wants them there.
                answer["multiValueHeaders"] = none;
            }
            // What is in both would be given twice.
            Self::Payload1 => {
                answer["headers"] = none;
                answer["multiValueHeaders"] = lists(headers);
            }
            Self::LoadBalancer { has_lists } => {
                answer["statusDescription"] = Value::from(response.status().to_string());
                match has_lists {
                    true => answer["multiValueHeaders"] = lists(headers),
                    false => answer["headers"] = joined(headers),
                }
            }
        }
        answer["body"] = Value::from(body);
        answer.to_string().into_bytes()
    }
}

/// A body that is text. What has bytes of control in it takes less as base64.
fn text(body: &[u8]) -> Option<&str> {
    let is_text = |byte: &u8| *byte >= b' ' || matches!(byte, b'\n' | b'\r' | b'\t');
    std::str::from_utf8(body).ok().filter(|_| body.iter().all(is_text))
}

/// Each header with all its values in one, but cookies.
fn joined(headers: &HeaderMap) -> Value {
    let names = headers.keys().filter(|name| **name != SET_COOKIE);
    let joined = names.map(|name| (name.to_string(), Value::from(values(headers, name).join(", "))));
    joined.collect::<Map<_, _>>().into()
}

fn lists(headers: &HeaderMap) -> Value {
    let lists = headers
        .keys()
        .map(|name| (name.to_string(), Value::from(values(headers, name))));
    lists.collect::<Map<_, _>>().into()
}

fn values(headers: &HeaderMap, name: &http::HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter();
    values
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;

    use super::*;

    fn answer(form: AnswerForm, body: &'static [u8], headers: &[(&'static str, &'static str)]) -> Value {
        let mut response = Response::new(Bytes::from_static(body));
        *response.status_mut() = StatusCode::CREATED;
        for (name, value) in headers {
            response.headers_mut().append(*name, value.parse().unwrap());
        }
        serde_json::from_slice(&form.write(&response)).unwrap()
    }

    const HEADERS: &[(&str, &str)] = &[("x", "1"), ("x", "2"), ("set-cookie", "a=1"), ("set-cookie", "b=2")];

    #[test]
    fn answers_are_in_the_form_of_their_events() {
        let check = |form, expected| assert_eq!(answer(form, b"\xc3\xa9 \"1\"\n", HEADERS), expected);
        check(
            AnswerForm::Payload2,
            json!({
                "statusCode": 201, "isBase64Encoded": false, "body": "é \"1\"\n", "cookies": ["a=1", "b=2"], "headers": {"x": "1, 2"},
                "multiValueHeaders": {},
            }),
        );
        let lists = json!({"x": ["1", "2"], "set-cookie": ["a=1", "b=2"]});
        check(
            AnswerForm::Payload1,
            json!({
                "statusCode": 201, "isBase64Encoded": false, "body": "é \"1\"\n", "headers": {}, "multiValueHeaders": lists,
            }),
        );
        check(
            AnswerForm::LoadBalancer { has_lists: true },
            json!({
                "statusCode": 201, "statusDescription": "201 Created", "isBase64Encoded": false, "body": "é \"1\"\n",
                "multiValueHeaders": lists,
            }),
        );
        check(
            AnswerForm::LoadBalancer { has_lists: false },
            json!({
                "statusCode": 201, "statusDescription": "201 Created", "isBase64Encoded": false, "body": "é \"1\"\n",
                "headers": {"x": "1, 2"},
            }),
        );
    }

    #[test]
    fn what_is_not_text_is_base64() {
        for (body, expected) in [
            (&b""[..], json!(["", false])),
            (b"{}", json!(["{}", false])),
            (b"\xff\xfe", json!(["//4=", true])),
            (b"ARROW\0\x01", json!(["QVJST1cAAQ==", true])),
        ] {
            let answer = answer(AnswerForm::Payload2, body, &[]);
            assert_eq!(json!([answer["body"], answer["isBase64Encoded"]]), expected);
        }
    }

    #[test]
    fn answers_are_as_large_as_may_be_and_not_larger() {
        let check = |form: AnswerForm, byte: u8, length: usize| {
            let response = Response::new(Bytes::from(vec![byte; length]));
            let fits = (form.check())(&response);
            assert_eq!(fits.is_ok(), form.write(&response).len() <= 6 << 20);
            fits.map_err(|error| error.public_message())
        };
        let around = AnswerForm::Payload2.write(&Response::default()).len();
        assert!(check(AnswerForm::Payload2, b'a', (6 << 20) - around).is_ok());
        let refused = check(AnswerForm::Payload2, b'a', (6 << 20) - around + 1).unwrap_err();
        assert!(
            refused.contains("6291457 bytes") && refused.contains("fewer rows"),
            "{refused}"
        );
        // As it is written: quotes take two bytes, and of base64 four stand for three.
        assert!(check(AnswerForm::Payload1, b'"', 3 << 20).is_err());
        assert!(check(AnswerForm::Payload1, b'"', (3 << 20) - 100).is_ok());
        assert!(check(AnswerForm::Payload2, 0, 5 << 20).is_err());
        assert!(check(AnswerForm::Payload2, 0, 4 << 20).is_ok());
    }

    #[test]
    fn a_load_balancer_takes_less() {
        for has_lists in [true, false] {
            let form = AnswerForm::LoadBalancer { has_lists };
            let check = |length| (form.check())(&Response::new(Bytes::from(vec![b'a'; length])));
            assert!(check(999_000).is_ok());
            assert!(check(1_000_000).is_err());
        }
    }
}
