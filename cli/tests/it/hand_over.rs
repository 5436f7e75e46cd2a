//! Reads that are not answered on the thread that received them, because their rows are on disk, their values many or their body
//! large: they are handed over with what is known of them, and must be answered like all others.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::ipc::writer::StreamWriter;
use serde_json::{Value, json};

use crate::support::{Repository, Response, Server};

const FEATURES: [&str; 3] = [
    "driver_hourly_stats:conv_rate",
    "driver_hourly_stats:acc_rate",
    "driver_hourly_stats:avg_daily_trips",
];

/// Rows that make more values than are answered inline, of a body that is still small enough to be parsed there.
const MANY_ROWS: usize = 4000;
/// A body of so many bytes is not parsed inline.
const LARGE_BODY_BYTES: usize = 40 << 10;

/// A way to write the same read.
type Form = fn(&Server, &[i64]) -> Response;

fn body(drivers: &[i64], more: &str) -> String {
    let read = json!({ "features": FEATURES, "entities": { "driver_id": drivers } });
    read.to_string().replacen('{', &format!("{{{more}"), 1)
}

fn plain(server: &Server, drivers: &[i64]) -> Response {
    server.post("/get-online-features?layout=columns", &body(drivers, ""))
}

/// As clients seldom write it: with a member that the server does not know.
fn unusual(server: &Server, drivers: &[i64]) -> Response {
    server.post("/get-online-features?layout=columns", &body(drivers, "\"more\": [],"))
}

fn with_large_body(server: &Server, drivers: &[i64]) -> Response {
    let body = body(drivers, &" ".repeat(LARGE_BODY_BYTES));
    server.post("/get-online-features?layout=columns", &body)
}

fn arrow_stream(server: &Server, drivers: &[i64]) -> Response {
    let keys: ArrayRef = Arc::new(Int64Array::from(drivers.to_vec()));
    let batch = RecordBatch::try_from_iter([("driver_id", keys)]).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    let features = FEATURES.map(|feature| format!("features={feature}")).join("&");
    server.send_bytes(
        "POST",
        &format!("/get-online-features?layout=columns&{features}"),
        &[("content-type", "application/vnd.apache.arrow.stream")],
        &writer.into_inner().unwrap(),
    )
}

fn results(answer: &Response) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["results"].clone()
}

#[test]
fn a_read_is_answered_alike_wherever_it_is_done() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize-incremental", "2100-01-01T00:00:00"]);
    let mut seen = Vec::new();
    let forms: [Form; 4] = [plain, unusual, with_large_body, arrow_stream];
    for form in forms {
        // Nothing is in memory yet.
        let server = repository.serve();
        let from_disk = results(&form(&server, &[1001, 7, 1002]));
        assert_eq!(from_disk[1]["statuses"], json!(["PRESENT", "NOT_FOUND", "PRESENT"]));
        assert_eq!(results(&form(&server, &[1001, 7, 1002])), from_disk, "from memory");
        let many: Vec<i64> = [1001, 7].into_iter().cycle().take(MANY_ROWS).collect();
        let many = results(&form(&server, &many));
        for (column, few) in many.as_array().unwrap().iter().zip(from_disk.as_array().unwrap()) {
            for member in ["values", "statuses", "event_timestamps"] {
                let expected: Vec<&Value> = [&few[member][0], &few[member][1]]
                    .into_iter()
                    .cycle()
                    .take(MANY_ROWS)
                    .collect();
                assert_eq!(column[member], json!(expected), "{member}");
            }
        }
        seen.push(from_disk);
        server.stop();
    }
    assert!(seen.iter().all(|results| *results == seen[0]));
}

#[test]
fn what_is_wrong_with_a_read_is_said_wherever_it_is_noticed() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    for padding in ["".to_owned(), " ".repeat(LARGE_BODY_BYTES)] {
        let read = |features: Value, entities: Value| {
            let body = json!({ "features": features, "entities": entities }).to_string() + &padding;
            let answer = server.post("/get-online-features", &body);
            (answer.status, answer.body)
        };
        let (status, body) = read(json!(["driver_hourly_stats:nothing"]), json!({ "driver_id": [1] }));
        assert!(status == 400 || status == 404, "{status} {body}");
        let (status, body) = read(json!(FEATURES[..1]), json!({ "driver_id": ["x"] }));
        assert_eq!(status, 400, "{body}");
        let (status, body) = read(
            json!(FEATURES[..1]),
            json!({ "driver_id": vec![json!("x"); MANY_ROWS] }),
        );
        assert_eq!(status, 400, "{body}");
        let (status, body) = read(json!(FEATURES[..1]), json!({ "driver_id": 1 }));
        assert_eq!(status, 422, "{body}");
    }
}
