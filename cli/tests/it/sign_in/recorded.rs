//! The decisions of Python Feast's server, as they were recorded, given again.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::library;
use super::provider::Provider;
use super::token::{in_seconds, of_provider};
use crate::golden::{difference, intended_differences};

#[test]
fn recorded_decisions_are_given_again() {
    let (provider, cluster) = (Provider::start(), Cluster::start());
    let records: Vec<Value> = feast_fixtures::PERMISSION_ANSWERS
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records.len(), 123);
    let mut found = BTreeMap::new();
    for (name, auth) in [
        ("oidc", provider.auth(", client_id: feast")),
        (
            "oidc-strict",
            provider
                .auth(", client_id: feast, audience: feast-server, issuer: \"http://127.0.0.1:18085/realms/golden\""),
        ),
        ("oidc-no-client", provider.auth("")),
        ("kubernetes", "auth: {type: kubernetes}".to_owned()),
    ] {
        let repository = library(&format!("{auth}\n{}", cluster.serving()));
        let server = cluster.serve(&repository);
        let records = records.iter().filter(|record| record["server"] == name);
        found.extend(records.filter_map(|record| {
            let different = difference(&server, &minted(record))?;
            let parts = different["differs"].as_str().unwrap().to_owned();
            Some((record["name"].as_str().unwrap().to_owned(), (parts, different)))
        }));
    }
    let expected = intended_differences(feast_fixtures::PERMISSION_DIFFERENCES);
    let parts: BTreeMap<String, String> = found
        .iter()
        .map(|(name, (parts, _))| (name.clone(), parts.clone()))
        .collect();
    assert_eq!(parts, expected, "{:#?}", found.values().collect::<Vec<_>>());
}

/// With a token that ends some seconds from now, if it is such a case.
fn minted(record: &Value) -> Value {
    let mut record = record.clone();
    let Some(mut claims) = record.get("mint").map(|mint| mint["claims"].clone()) else {
        return record;
    };
    let ends = claims.as_object_mut().unwrap().remove("exp_in").unwrap();
    claims["exp"] = json!(in_seconds(ends.as_i64().unwrap()));
    record["request"]["headers"]["authorization"] = json!(format!("Bearer {}", of_provider(&claims)));
    record
}
