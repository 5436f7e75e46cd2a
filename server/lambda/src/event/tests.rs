//! Events as AWS documents them, and the requests that they are.

use serde_json::{Value, json};

use super::*;

/// `method target version, client, form`, then a header a line, then the body.
fn shown(event: &Value) -> String {
    shown_below(event, None)
}

fn shown_below(event: &Value, base_path: Option<&str>) -> String {
    let event = match Event::parse(event.to_string().as_bytes(), "id-1", base_path) {
        Ok(event) => event,
        Err(problem) => return problem,
    };
    let request = event.request;
    let client = event
        .client
        .map_or_else(|| "nobody".to_owned(), |client| client.to_string());
    let mut lines = vec![format!(
        "{} {} {:?}, {client}, {:?}",
        request.method(),
        request.uri(),
        request.version(),
        event.form
    )];
    let headers = request.headers().iter();
    lines.extend(headers.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))));
    lines.push(format!("{:?}", request.body()));
    lines.join("\n")
}

/// The target of a request with these members.
fn target(event: &Value) -> String {
    let shown = shown(event);
    shown.split(' ').nth(1).unwrap().to_owned()
}

fn payload_2() -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/push", "rawQueryString": "a=1%202&a=%26&b",
        "cookies": ["c=1", "d=2"],
        "headers": {"host": "x.lambda-url.eu-west-1.on.aws", "accept": "a,b", "x-request-id": "r"},
        "queryStringParameters": {"a": "1 2,&", "b": ""},
        "requestContext": {
            "accountId": "1", "apiId": "x", "domainName": "x.lambda-url.eu-west-1.on.aws", "domainPrefix": "x",
            "http": {"method": "POST", "path": "/push", "protocol": "HTTP/1.1", "sourceIp": "198.51.100.7", "userAgent": "a"},
            "requestId": "1", "routeKey": "$default", "stage": "$default", "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1,
        },
        "body": "{\"a\": 1}", "isBase64Encoded": false,
    })
}

fn payload_1() -> Value {
    json!({
        "resource": "/{proxy+}", "path": "/push", "httpMethod": "POST",
        "headers": {"Host": "x.execute-api.eu-west-1.amazonaws.com", "Authorization": "b"},
        "multiValueHeaders": {"Host": ["x.execute-api.eu-west-1.amazonaws.com"], "Authorization": ["a", "b"]},
        "queryStringParameters": {"a": "&"},
        "multiValueQueryStringParameters": {"a": ["1 2", "&"], "b": [""]},
        "requestContext": {"stage": "prod", "httpMethod": "POST", "identity": {"sourceIp": "2001:db8::7"}, "elb": null},
        "body": "e30=", "isBase64Encoded": true,
    })
}

fn load_balancer() -> Value {
    json!({
        "requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "GET", "path": "/v1/vector_stores/a%20b",
        "queryStringParameters": {"a": "1%26"},
        "headers": {"host": "lb.example.com", "x-forwarded-for": "10.0.0.1, 203.0.113.9"},
        "body": "", "isBase64Encoded": false,
    })
}

#[test]
fn events_are_requests() {
    assert_eq!(
        shown(&payload_2()),
        "POST /push?a=1%202&a=%26&b HTTP/1.1, 198.51.100.7, Payload2\naccept: a,b\nhost: x.lambda-url.eu-west-1.on.aws\n\
         x-request-id: r\ncookie: c=1; d=2\nb\"{\\\"a\\\": 1}\""
    );
    assert_eq!(
        shown(&payload_1()),
        "POST /push?a=1+2&a=%26&b= HTTP/1.1, 2001:db8::7, Payload1\nauthorization: a\nauthorization: b\n\
         host: x.execute-api.eu-west-1.amazonaws.com\nx-request-id: id-1\nb\"{}\""
    );
    assert_eq!(
        shown(&load_balancer()),
        "GET /v1/vector_stores/a%20b?a=1%26 HTTP/1.1, 203.0.113.9, LoadBalancer { has_lists: false }\nhost: lb.example.com\n\
         x-forwarded-for: 10.0.0.1, 203.0.113.9\nx-request-id: id-1\nb\"\""
    );
}

#[test]
fn a_load_balancer_that_gives_all_values_takes_them_too() {
    let mut event = load_balancer();
    event["headers"] = Value::Null;
    event["multiValueHeaders"] = json!({"host": ["a"], "x-forwarded-for": ["1.1.1.1", "2.2.2.2:80"], "x": ["1", "2"]});
    event["multiValueQueryStringParameters"] = json!({"a": ["1", "%20"], "b": null});
    assert_eq!(
        shown(&event),
        "GET /v1/vector_stores/a%20b?a=1&a=%20 HTTP/1.1, 2.2.2.2, LoadBalancer { has_lists: true }\nhost: a\nx: 1\nx: 2\n\
         x-forwarded-for: 1.1.1.1\nx-forwarded-for: 2.2.2.2:80\nx-request-id: id-1\nb\"\""
    );
}

#[test]
fn the_stage_is_no_part_of_the_path() {
    for (stage, path, expected) in [
        ("$default", "/push", "/push"),
        ("$default", "/$default/push", "/$default/push"),
        ("prod", "/prod/push", "/push"),
        ("prod", "/prod", "/"),
        ("prod", "/production/push", "/production/push"),
        ("prod", "/push", "/push"),
        ("prod", "", "/"),
    ] {
        let mut event = payload_2();
        (event["rawPath"], event["requestContext"]["stage"]) = (json!(path), json!(stage));
        event["rawQueryString"] = json!("");
        assert_eq!(target(&event), expected, "{stage} {path}");
    }
    // Events of payload 1.0 have no stage in their paths.
    let mut event = payload_1();
    event["path"] = json!("/prod/push");
    assert_eq!(target(&event), "/prod/push?a=1+2&a=%26&b=");
}

#[test]
fn a_base_path_is_taken_off() {
    for base in ["features", "/features", "/features/"] {
        for (path, expected) in [
            ("/features/push", "/push"),
            ("/features", "/"),
            ("/push", "/push"),
            ("/featuresx", "/featuresx"),
        ] {
            let mut event = load_balancer();
            (event["path"], event["queryStringParameters"]) = (json!(path), Value::Null);
            let shown = shown_below(&event, Some(base));
            assert_eq!(shown.split(' ').nth(1), Some(expected), "{base} {path}");
        }
    }
}

#[test]
fn what_cannot_stand_in_a_target_is_encoded() {
    for (path, query, expected) in [
        ("/a b", "", "/a%20b"),
        ("/a%20b", "", "/a%20b"),
        ("/é?#", "", "/%C3%A9%3F%23"),
        ("//push", "", "//push"),
        ("/", "a=b c&d=\"<>\"é", "/?a=b%20c&d=%22%3C%3E%22%C3%A9"),
        ("/", "a?b/c", "/?a?b/c"),
    ] {
        let mut event = payload_2();
        (event["rawPath"], event["rawQueryString"]) = (json!(path), json!(query));
        assert_eq!(target(&event), expected);
    }
}

#[test]
fn hosts_and_members_may_be_missing() {
    let mut event = payload_2();
    event["headers"] = json!({});
    assert!(shown(&event).contains("host: x.lambda-url.eu-west-1.on.aws"));
    let bare = json!({"version": "2.0", "rawPath": "/health", "requestContext": {"http": {"method": "GET"}}});
    assert_eq!(
        shown(&bare),
        "GET /health HTTP/1.0, nobody, Payload2\nx-request-id: id-1\nb\"\""
    );
    // An emulator has the members of payload 1.0 beside those of 2.0.
    event["httpMethod"] = json!("GET");
    event["multiValueHeaders"] = Value::Null;
    assert!(shown(&event).starts_with("POST /push?a=1%202&a=%26&b HTTP/1.1, 198.51.100.7, Payload2"));
}

#[test]
fn stages_are_in_the_paths_of_http_apis() {
    let event = |version: Option<&str>, path: &str| json!({"version": version, "httpMethod": "GET", "path": path, "requestContext": {"stage": "dev"}});
    assert_eq!(target(&event(Some("1.0"), "/dev/health")), "/health");
    assert_eq!(target(&event(Some("1.0"), "/health")), "/health");
    assert_eq!(target(&event(None, "/dev/health")), "/dev/health");
}

#[test]
fn headers_are_bounded() {
    let event = |count: usize| {
        let headers: serde_json::Map<String, Value> =
            (0..count).map(|number| (format!("h{number}"), json!("1"))).collect();
        json!({"httpMethod": "GET", "headers": headers})
    };
    assert!(shown(&event(MAX_HEADERS)).starts_with("GET "));
    assert!(shown(&event(MAX_HEADERS + 1)).contains("more than"));
    assert!(shown(&event(30_000)).contains("more than"));
}

#[test]
fn what_clients_send_is_not_in_messages() {
    for event in [
        json!({"httpMethod": "GET", "headers": {"authorization": "Bearer secret\n"}}),
        json!({"version": "2.0", "cookies": ["sid=secret\u{1}"], "requestContext": {"http": {"method": "GET"}}}),
        json!({"httpMethod": "GET", "path": "/push", "queryStringParameters": {"key": "secret".repeat(20_000)}}),
    ] {
        let problem = shown(&event);
        assert!(
            problem.contains("is not the") && !problem.contains("secret"),
            "{problem}"
        );
    }
}

#[test]
fn other_events_are_refused() {
    for (event, expected) in [
        (json!({"key1": "value1"}), "it has neither version 2.0 nor httpMethod"),
        (json!([1]), "the event is not one of a function URL"),
        (json!({"version": "0", "source": "aws.events"}), "neither version 2.0"),
        (json!({"version": "2.0"}), "no requestContext.http"),
        (json!({"httpMethod": "A B"}), "is not a method"),
        (
            json!({"httpMethod": "GET", "headers": {"a b": "c"}}),
            "is not the name of a header",
        ),
        (
            json!({"httpMethod": "GET", "headers": {"a": "b\nc"}}),
            "what a has is not the value of a header",
        ),
        (
            json!({"httpMethod": "GET", "body": "?", "isBase64Encoded": true}),
            "the body is not base64",
        ),
    ] {
        let problem = shown(&event);
        assert!(problem.contains(expected), "{event}: {problem}");
    }
}
