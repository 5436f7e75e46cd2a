//! Requests and what their responses must be.

use serde_json::{Map, Value};

use crate::Failure;
use crate::connection::{Connection, Target};
use crate::options::Options;

/// A request whose response has been read and found right.
pub(crate) struct CheckedRequest {
    /// The whole request as it is sent.
    pub(crate) bytes: Vec<u8>,
    response: Vec<u8>,
}

impl CheckedRequest {
    /// The response under load must be, byte for byte, the one that was found right.
    pub(crate) fn check_again(&self, response: &[u8]) -> Result<(), Failure> {
        if response == self.response {
            return Ok(());
        }
        Err(format!(
            "a response under load differs from the checked one: {}",
            String::from_utf8_lossy(&response[..response.len().min(400)])
        )
        .into())
    }
}

/// Reads the file of requests, sends each once and checks its response.
pub(crate) fn read_requests(options: &Options, target: &Target) -> Result<Vec<CheckedRequest>, Failure> {
    let mut connection = Connection::open(target)?;
    let token = options.token.as_ref();
    let token = token.map_or(String::new(), |token| format!("authorization: Bearer {token}\r\n"));
    let lines = std::fs::read_to_string(&options.requests)?;
    let requests = lines.lines().map(|line| {
        let request: Value = serde_json::from_str(line)?;
        let body = request["body"].to_string();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\n{token}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            options.path,
            options.address,
            body.len()
        );
        let bytes = [head.as_bytes(), body.as_bytes()].concat();
        let response = connection.exchange(&bytes)?;
        if response.status != 200 {
            return Err(format!("status {}: {}", response.status, String::from_utf8_lossy(response.body)).into());
        }
        if let Some(expected) = request["values"].as_object() {
            check(response.body, expected)?;
        }
        let response = response.body.to_vec();
        Ok(CheckedRequest { bytes, response })
    });
    let requests: Vec<_> = requests.collect::<Result<_, Failure>>()?;
    if requests.is_empty() {
        return Err("the file of requests is empty".into());
    }
    Ok(requests)
}

/// `expected` holds the values of each feature, in the order of the entities.
fn check(response: &[u8], expected: &Map<String, Value>) -> Result<(), Failure> {
    let response: Value = serde_json::from_slice(response)?;
    let names = response["metadata"]["feature_names"]
        .as_array()
        .ok_or("no feature names in the response")?;
    for (name, values) in expected {
        let position = names.iter().position(|known| known == name);
        let result = &response["results"][position.ok_or_else(|| format!("{name} is not in the response"))?];
        if result["values"] != *values {
            return Err(format!("{name} is {}, not {values}", result["values"]).into());
        }
        let statuses = result["statuses"].as_array().ok_or("no statuses in the response")?;
        if statuses.iter().any(|status| status != "PRESENT") {
            return Err(format!("{name} has the statuses {}", result["statuses"]).into());
        }
    }
    Ok(())
}
