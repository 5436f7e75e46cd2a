//! A strict emulator of the runtime API of AWS Lambda, and the function that it runs: one process of the binary.
//!
//! As AWS: one event at a time, deadlines in milliseconds since 1970 after which the process is killed, 202 for what was taken, 413 for
//! answers over 6 MB, 400 for answers to nothing. What the process does against the rules fails the test.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::Repository;

/// The most that an answer may have, in bytes.
const MAX_ANSWER: usize = 6_291_456;
/// How long a process may take to ask for its first event, and to end after it has said why it does not start.
const INIT_PATIENCE: Duration = Duration::from_secs(60);
/// How long an event may take unless a test says otherwise: tests share the machine with others.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

/// A process that answers events. It is killed with the value.
pub(super) struct Function {
    process: Child,
    api: Arc<Api>,
    log: Option<JoinHandle<String>>,
    _temporary: Option<TempDir>,
}

/// What became of an event.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// The answer, byte by byte.
    Answer(Vec<u8>),
    /// The function has said that there is none: its type and message.
    Error(String, String),
    /// The process was killed at the deadline.
    TimedOut,
    /// The process has ended.
    Ended(Option<i32>),
}

/// Why a process did not start.
#[derive(Debug)]
pub(super) struct NotStarted {
    pub(super) code: Option<i32>,
    pub(super) stderr: String,
    /// What it has told the API, if it has.
    pub(super) told: Option<Value>,
}

/// How a process is started.
#[derive(Default)]
pub(super) struct Start<'a> {
    pub(super) options: &'a [&'a str],
    pub(super) variables: &'a [(&'a str, &'a str)],
    /// The temporary directory; one of its own if there is none.
    pub(super) temporary: Option<&'a std::path::Path>,
    /// A path at which the API is.
    pub(super) base: &'a str,
}

impl Function {
    /// Starts `feast lambda` in a repository, which must ask for an event.
    pub(super) fn of(repository: &Repository, options: &[&str]) -> Self {
        let start = Start {
            options,
            ..Start::default()
        };
        Self::start(repository, &start).unwrap_or_else(|failed| panic!("{failed:?}"))
    }

    /// Starts a process, and waits until it asks for an event or has ended.
    pub(super) fn start(repository: &Repository, start: &Start<'_>) -> Result<Self, NotStarted> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let api = Arc::new(Api {
            base: start.base.to_owned(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let served = Arc::clone(&api);
        // It ends with the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let api = Arc::clone(&served);
                std::thread::spawn(move || api.converse(&stream));
            }
        });
        let temporary = start.temporary.is_none().then(|| tempfile::tempdir().unwrap());
        let directory = start.temporary.or_else(|| temporary.as_ref().map(TempDir::path));
        let mut process = repository
            .command(&[&["lambda"], start.options].concat())
            .env("AWS_LAMBDA_RUNTIME_API", format!("{address}{}", start.base))
            .env("AWS_LAMBDA_FUNCTION_NAME", "features")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
            .env("_HANDLER", "bootstrap")
            .env("TMPDIR", directory.unwrap())
            .envs(start.variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = process.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let end = Instant::now() + INIT_PATIENCE;
        loop {
            if api.state().is_waiting {
                return Ok(Self {
                    process,
                    api,
                    log: Some(log),
                    _temporary: temporary,
                });
            }
            if let Some(status) = process.try_wait().unwrap() {
                let state = api.state();
                assert_eq!(state.violations, [""; 0]);
                return Err(NotStarted {
                    code: status.code(),
                    stderr: log.join().unwrap(),
                    told: state.init_error.clone(),
                });
            }
            if Instant::now() > end {
                process.kill().unwrap();
                panic!("the function neither starts nor ends: {}", log.join().unwrap());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Gives the function an event, and waits for what comes of it.
    pub(super) fn invoke(&mut self, event: &Value) -> Outcome {
        self.invoke_within(event, PATIENCE)
    }

    /// As [`Function::invoke`], for so long at most.
    pub(super) fn invoke_within(&mut self, event: &Value, patience: Duration) -> Outcome {
        let deadline = SystemTime::now() + patience;
        let mut state = self.api.state();
        state.number += 1;
        let event = Event {
            id: format!("8476a536-e9f4-11e8-9739-{:012}", state.number),
            deadline: deadline.duration_since(UNIX_EPOCH).unwrap().as_millis(),
            body: event.to_string().into_bytes(),
        };
        state.waiting.push_back(event);
        self.api.changed.notify_all();
        loop {
            if let Some(outcome) = state.outcome.take() {
                return outcome;
            }
            if let Some(status) = self.process.try_wait().unwrap() {
                return Outcome::Ended(status.code());
            }
            if SystemTime::now() > deadline {
                self.process.kill().unwrap();
                return Outcome::TimedOut;
            }
            state = self.api.changed.wait_timeout(state, PAUSE).unwrap().0;
        }
    }

    /// Ends the process at once, as AWS does when there are no more events, and gives its log.
    pub(super) fn kill(mut self) -> String {
        self.process.kill().unwrap();
        self.log.take().unwrap().join().unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if !std::thread::panicking() {
            assert_eq!(self.api.state().violations, [""; 0]);
        }
    }
}

struct Api {
    base: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    number: u64,
    waiting: VecDeque<Event>,
    /// The id of the event that the function has.
    under_way: Option<String>,
    /// The function asks for an event.
    is_waiting: bool,
    outcome: Option<Outcome>,
    init_error: Option<Value>,
    violations: Vec<String>,
}

struct Event {
    id: String,
    deadline: u128,
    body: Vec<u8>,
}

impl Api {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers the requests of a connection.
    fn converse(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(request) = Request::read(&mut reader) {
            let response = self.answer(&request);
            let mut stream = stream;
            if stream.write_all(&response).is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &Request) -> Vec<u8> {
        let path = request.path.strip_prefix(&self.base).unwrap_or_default();
        let path = path.strip_prefix("/2018-06-01/runtime/").unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["invocation", "next"]) => self.next(),
            ("POST", ["init", "error"]) => {
                let error = request.error();
                let mut state = self.state();
                state.violations.extend(error.as_ref().err().cloned());
                state.init_error = error.ok();
                confirmed()
            }
            ("POST", ["invocation", id, what @ ("response" | "error")]) => self.told(id, what, request),
            _ => {
                let violation = format!("{} {} is not in the API", request.method, request.path);
                self.state().violations.push(violation);
                response("404 Not Found", &[], b"{}")
            }
        }
    }

    fn next(&self) -> Vec<u8> {
        let mut state = self.state();
        if state.under_way.is_some() {
            let violation = "asks for an event before it has told of the last one";
            state.violations.push(violation.to_owned());
        }
        state.is_waiting = true;
        let event = loop {
            match state.waiting.pop_front() {
                Some(event) => break event,
                // As long as it takes.
                None => state = self.changed.wait(state).unwrap(),
            }
        };
        state.is_waiting = false;
        state.under_way = Some(event.id.clone());
        let headers = [
            ("Lambda-Runtime-Aws-Request-Id", event.id.as_str()),
            ("Lambda-Runtime-Invocation-Id", "invocation-1"),
            ("Lambda-Runtime-Deadline-Ms", &event.deadline.to_string()),
            (
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:eu-west-1:123456789012:function:features",
            ),
            (
                "Lambda-Runtime-Trace-Id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
            ),
            ("Content-Type", "application/json"),
        ];
        response("200 OK", &headers, &event.body)
    }

    fn told(&self, id: &str, what: &str, request: &Request) -> Vec<u8> {
        let mut state = self.state();
        if state.under_way.as_deref() != Some(id) {
            state.violations.push(format!("tells of {id}, which is not under way"));
            return error("400 Bad Request", "InvalidRequestID");
        }
        if request.header("lambda-runtime-invocation-id") != Some("invocation-1") {
            state
                .violations
                .push("does not say of which invocation it tells".to_owned());
        }
        state.under_way = None;
        let (outcome, answer) = match what {
            "error" => match request.error() {
                Ok(error) => (
                    Outcome::Error(text(&error["errorType"]), text(&error["errorMessage"])),
                    confirmed(),
                ),
                Err(violation) => {
                    state.violations.push(violation);
                    (Outcome::Ended(None), error("400 Bad Request", "InvalidErrorShape"))
                }
            },
            _ if request.body.len() > MAX_ANSWER => {
                let refused = Outcome::Error("Function.ResponseSizeTooLarge".to_owned(), String::new());
                (refused, error("413 Payload Too Large", "RequestEntityTooLarge"))
            }
            _ => (Outcome::Answer(request.body.clone()), confirmed()),
        };
        state.outcome = Some(outcome);
        self.changed.notify_all();
        answer
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn confirmed() -> Vec<u8> {
    response("202 Accepted", &[], br#"{"status":"OK"}"#)
}

fn error(status: &str, kind: &str) -> Vec<u8> {
    let body = json!({ "errorMessage": "refused", "errorType": kind });
    response(status, &[], body.to_string().as_bytes())
}

fn response(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    headers
        .iter()
        .for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    [head.as_bytes(), b"\r\n", body].concat()
}

/// A request of the function.
struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// `None` when the connection has ended.
    fn read(reader: &mut BufReader<&TcpStream>) -> Option<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut words = lines.first()?.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let headers = lines.iter().filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
        reader.read_exact(&mut body).ok()?;
        Some(Self {
            method,
            path,
            headers,
            body,
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// What it says of an error, in the shape that AWS asks for.
    fn error(&self) -> Result<Value, String> {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let is_whole = body["errorMessage"].is_string() && body["stackTrace"].is_array();
        let kind = self.header("lambda-runtime-function-error-type");
        if is_whole && kind.is_some_and(|kind| body["errorType"] == kind && kind.contains('.')) {
            Ok(body)
        } else {
            Err(format!("an error of type {kind:?} is told as {body}"))
        }
    }
}
