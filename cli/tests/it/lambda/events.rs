//! Requests as events of AWS, and answers to events as responses, as AWS makes the one of the other.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use super::emulator::{Function, Outcome};
use crate::golden::Recorded;
use crate::support::Response;

/// Who hands requests over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gateway {
    /// A function URL, payload 2.0.
    Url,
    /// An HTTP API with a named stage, payload 2.0.
    HttpApi,
    /// A REST API that takes all media types as binary, payload 1.0.
    RestApi,
    /// An application load balancer that gives one value a header.
    LoadBalancer,
    /// One that gives all of them.
    LoadBalancerWithLists,
}

pub(super) const GATEWAYS: [Gateway; 5] = [
    Gateway::Url,
    Gateway::HttpApi,
    Gateway::RestApi,
    Gateway::LoadBalancer,
    Gateway::LoadBalancerWithLists,
];

/// The address that the gateways give of all clients.
pub(super) const CLIENT: &str = "198.51.100.7";
pub(super) const HOST: &str = "features.example.com";

/// A request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// With the query.
    pub(super) target: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

impl<'a> Asked<'a> {
    pub(super) fn of(recorded: &'a Recorded<'a>) -> Self {
        Self {
            method: recorded.method,
            target: recorded.path,
            headers: &recorded.headers,
            body: &recorded.body,
        }
    }

    pub(super) fn get(target: &'a str) -> Self {
        Self {
            method: "GET",
            target,
            ..Self::default()
        }
    }

    pub(super) fn post(target: &'a str, body: &'a str) -> Self {
        Self {
            method: "POST",
            target,
            headers: &[("content-type", "application/json")],
            body: body.as_bytes(),
        }
    }
}

impl Gateway {
    /// The event of a request.
    pub(super) fn event(self, asked: &Asked<'_>) -> Value {
        let (path, query) = asked.target.split_once('?').unwrap_or((asked.target, ""));
        let (body, is_base64) = self.body(asked);
        let headers: Vec<(&str, &str)> = [&[("host", HOST), ("x-forwarded-for", CLIENT)], asked.headers].concat();
        let mut event = match self {
            Self::Url | Self::HttpApi => {
                let (stage, prefix) = match self {
                    Self::HttpApi => ("prod", "/prod"),
                    _ => ("$default", ""),
                };
                json!({
                    "version": "2.0", "routeKey": "$default", "rawPath": format!("{prefix}{path}"), "rawQueryString": query,
                    "headers": joined(&headers, ","),
                    "requestContext": {
                        "accountId": "123456789012", "apiId": "api", "domainName": HOST, "domainPrefix": "api",
                        "http": {
                            "method": asked.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": CLIENT, "userAgent": "test",
                        },
                        "requestId": "id", "routeKey": "$default", "stage": stage, "time": "12/Mar/2020:19:03:58 +0000",
                        "timeEpoch": 1_583_348_638_390_u64,
                    },
                })
            }
            Self::RestApi => json!({
                "resource": "/{proxy+}", "path": path, "httpMethod": asked.method,
                "headers": joined(&headers, ","), "multiValueHeaders": lists(&headers),
                "queryStringParameters": null, "multiValueQueryStringParameters": lists(&decoded(query)),
                "requestContext": {
                    "stage": "prod", "httpMethod": asked.method, "identity": {"sourceIp": CLIENT}, "domainName": HOST,
                    "protocol": "HTTP/1.1",
                },
            }),
            Self::LoadBalancer => json!({
                "requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": asked.method, "path": path,
                "headers": joined(&headers, ", "), "queryStringParameters": joined(&split(query), ","),
            }),
            Self::LoadBalancerWithLists => json!({
                "requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": asked.method, "path": path,
                "multiValueHeaders": lists(&headers), "multiValueQueryStringParameters": lists(&split(query)),
            }),
        };
        event["body"] = body;
        event["isBase64Encoded"] = json!(is_base64);
        event
    }

    /// Text for what is said to be text, and else base64.
    fn body(self, asked: &Asked<'_>) -> (Value, bool) {
        let kind = asked
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let is_text = kind.is_some_and(|(_, kind)| kind.starts_with("text/") || kind.starts_with("application/json"));
        match std::str::from_utf8(asked.body) {
            _ if asked.body.is_empty() => (Value::Null, false),
            Ok(text) if is_text && self != Self::RestApi => (json!(text), false),
            _ => (json!(BASE64.encode(asked.body)), true),
        }
    }

    /// The response of an answer. It must be one that the gateway takes.
    pub(super) fn response(self, answer: &[u8]) -> Response {
        let answer: Value = serde_json::from_slice(answer).unwrap();
        let status = answer["statusCode"].as_u64().unwrap();
        let mut headers = Vec::new();
        let takes_lists = matches!(self, Self::RestApi | Self::LoadBalancerWithLists);
        if takes_lists {
            for (name, values) in answer["multiValueHeaders"].as_object().unwrap() {
                let values = values.as_array().unwrap().iter();
                headers.extend(values.map(|value| (name.clone(), value.as_str().unwrap().to_owned())));
            }
        } else {
            let single = answer["headers"].as_object().unwrap().iter();
            headers.extend(single.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())));
        }
        if matches!(self, Self::LoadBalancer | Self::LoadBalancerWithLists) {
            let description = answer["statusDescription"].as_str().unwrap();
            assert!(description.starts_with(&status.to_string()), "{description}");
        }
        let body = answer["body"].as_str().unwrap();
        let body = match answer["isBase64Encoded"].as_bool().unwrap() {
            true => BASE64.decode(body).unwrap(),
            false => body.as_bytes().to_vec(),
        };
        Response::new(u16::try_from(status).unwrap(), headers, body)
    }
}

impl Function {
    /// Asks through a gateway, and gives the response.
    pub(super) fn ask(&mut self, gateway: Gateway, asked: &Asked<'_>) -> Response {
        match self.invoke(&gateway.event(asked)) {
            Outcome::Answer(answer) => gateway.response(&answer),
            other => panic!("{asked:?}: {other:?}"),
        }
    }

    /// Asks through a function URL.
    pub(super) fn post(&mut self, target: &str, body: &str) -> Response {
        self.ask(Gateway::Url, &Asked::post(target, body))
    }

    /// Asks through a function URL.
    pub(super) fn get(&mut self, target: &str) -> Response {
        self.ask(Gateway::Url, &Asked::get(target))
    }
}

fn split(query: &str) -> Vec<(&str, &str)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, ""))).collect()
}

/// The parts of a query as a REST API has them. The tests have no encoded ones but colons and spaces.
fn decoded(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| text.replace("%3A", ":").replace("%20", " ").replace('+', " ");
    let parts = split(query).into_iter();
    parts.map(|(name, value)| (decode(name), decode(value))).collect()
}

fn joined<T: AsRef<str>>(pairs: &[(T, T)], separator: &str) -> Value {
    let mut members = Map::new();
    for (name, value) in pairs {
        let (name, value) = (name.as_ref(), value.as_ref());
        let former = members
            .get(name)
            .and_then(Value::as_str)
            .map(|former| format!("{former}{separator}"));
        members.insert(name.to_owned(), json!(former.unwrap_or_default() + value));
    }
    members.into()
}

fn lists<T: AsRef<str>>(pairs: &[(T, T)]) -> Value {
    let mut members = Map::new();
    for (name, value) in pairs {
        let list = members.entry(name.as_ref()).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(json!(value.as_ref()));
    }
    members.into()
}
