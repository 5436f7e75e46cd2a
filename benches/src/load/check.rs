//! Requests and what their answers must be.

use serde_json::{Map, Value};

use crate::Failure;
use crate::connection::Connection;
use crate::options::Options;

/// A request whose answer has been read and found right.
pub(crate) struct CheckedRequest {
    /// The whole request as it is sent.
    pub(crate) bytes: Vec<u8>,
    answer: Vec<u8>,
}

impl CheckedRequest {
    /// The answer under load must be, byte for byte, the one that was found right.
    pub(crate) fn check_again(&self, answer: &[u8]) -> Result<(), Failure> {
        if answer == self.answer {
            return Ok(());
        }
        Err(format!(
            "an answer under load differs from the checked one: {}",
            String::from_utf8_lossy(&answer[..answer.len().min(400)])
        )
        .into())
    }
}

/// Reads the file of requests, sends each once and checks its answer.
pub(crate) fn read_requests(options: &Options) -> Result<Vec<CheckedRequest>, Failure> {
    let mut connection = Connection::open(&options.address)?;
    let lines = std::fs::read_to_string(&options.requests)?;
    let requests = lines.lines().map(|line| {
        let request: Value = serde_json::from_str(line)?;
        let body = request["body"].to_string();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            options.path,
            options.address,
            body.len()
        );
        let bytes = [head.as_bytes(), body.as_bytes()].concat();
        let answer = connection.exchange(&bytes)?;
        if answer.status != 200 {
            return Err(format!("status {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into());
        }
        if let Some(expected) = request["values"].as_object() {
            check(answer.body, expected)?;
        }
        let answer = answer.body.to_vec();
        Ok(CheckedRequest { bytes, answer })
    });
    let requests: Vec<_> = requests.collect::<Result<_, Failure>>()?;
    if requests.is_empty() {
        return Err("the file of requests is empty".into());
    }
    Ok(requests)
}

/// `expected` holds the values of each feature, in the order of the entities.
fn check(answer: &[u8], expected: &Map<String, Value>) -> Result<(), Failure> {
    let answer: Value = serde_json::from_slice(answer)?;
    let names = answer["metadata"]["feature_names"]
        .as_array()
        .ok_or("no feature names in the answer")?;
    for (name, values) in expected {
        let position = names.iter().position(|known| known == name);
        let result = &answer["results"][position.ok_or_else(|| format!("{name} is not answered"))?];
        if result["values"] != *values {
            return Err(format!("{name} is {}, not {values}", result["values"]).into());
        }
        let statuses = result["statuses"].as_array().ok_or("no statuses in the answer")?;
        if statuses.iter().any(|status| status != "PRESENT") {
            return Err(format!("{name} has the statuses {}", result["statuses"]).into());
        }
    }
    Ok(())
}
