//! Receipts that belong together, and all the ways in which they do not.

use super::*;

fn at(time: &str) -> Timestamp {
    Timestamp::parse(time).unwrap()
}

fn receipt(shard: &str) -> ShardReceipt {
    let view = |name: &str| ShardedView {
        view: name.to_owned(),
        start: at("2026-01-01T00:00:00.000001"),
        end: at("2026-02-01"),
        join_keys: "driver_id (Int64)".to_owned(),
        rows: 12,
        written: 10,
        stale: 2,
        source: hexadecimal(1),
        definition: hexadecimal(2),
    };
    ShardReceipt {
        project: "p".to_owned(),
        project_uuid: "u".to_owned(),
        shard: shard.parse().unwrap(),
        views: vec![view("hourly"), view("daily")],
    }
}

fn checked(receipts: &[ShardReceipt]) -> String {
    check_shards(receipts, "p", "u").map_or_else(|error| error.to_string(), |()| "complete".to_owned())
}

/// The receipts of three shards, the second one changed.
fn changed(change: impl FnOnce(&mut ShardReceipt)) -> String {
    let mut second = receipt("2/3");
    change(&mut second);
    checked(&[receipt("1/3"), second, receipt("3/3")])
}

#[test]
fn all_shards_once_are_complete_in_any_order() {
    assert_eq!(checked(&[receipt("3/3"), receipt("1/3"), receipt("2/3")]), "complete");
    assert_eq!(checked(&[receipt("1/1")]), "complete");
    // How many rows a shard has is its own.
    assert_eq!(changed(|receipt| receipt.views[1].rows = 99), "complete");
}

#[test]
fn shards_that_are_missing_or_there_twice_are_named() {
    assert_eq!(
        checked(&[receipt("2/4"), receipt("4/4")]),
        "receipts are missing: 1/4, 3/4"
    );
    assert_eq!(
        checked(&[receipt("1/2"), receipt("2/2"), receipt("2/2")]),
        "receipts are there more than once: 2/2"
    );
    assert_eq!(
        checked(&[receipt("1/2"), receipt("2/3")]),
        "the receipts of shards 1/2 and 2/3 are of different numbers of shards"
    );
    assert_eq!(checked(&[]), "there is no receipt");
}

#[test]
fn shards_that_do_not_agree_are_refused() {
    let apart = "shards 1/3 and 2/3 do not belong together";
    assert_eq!(
        changed(|receipt| receipt.views[1].end = at("2026-02-02")),
        format!(
            "feature view daily was filled from 2026-01-01T00:00:00.000001Z to 2026-02-01T00:00:00Z there and from \
             2026-01-01T00:00:00.000001Z to 2026-02-02T00:00:00Z here: {apart}"
        )
    );
    assert_eq!(
        changed(|receipt| receipt.views[0].source = hexadecimal(9)),
        format!("feature view hourly was read from other files: {apart}")
    );
    assert_eq!(
        changed(|receipt| receipt.views[0].definition = hexadecimal(9)),
        format!("feature view hourly was defined differently: {apart}")
    );
    assert_eq!(
        changed(|receipt| receipt.views[0].join_keys = "none".to_owned()),
        format!("feature view hourly had the join keys driver_id (Int64) there and none here: {apart}")
    );
    assert_eq!(
        changed(|receipt| drop(receipt.views.pop())),
        "the receipts of shards 1/3 and 2/3 are of different views: hourly, daily and hourly"
    );
    assert_eq!(
        changed(|receipt| receipt.project_uuid.push('x')),
        "the receipts of shards 1/3 and 2/3 are of different projects"
    );
}

#[test]
fn receipts_of_other_projects_are_refused() {
    let checked = |project, uuid| check_shards(&[receipt("1/1")], project, uuid).unwrap_err().to_string();
    assert_eq!(checked("q", "u"), "the receipts are of project p, and this is q");
    assert_eq!(checked("p", "v"), "the receipts are of a project p in another registry");
}

#[test]
fn receipts_are_read_as_they_were_printed() {
    let receipts = [receipt("1/2"), receipt("2/2")];
    let printed = receipts
        .each_ref()
        .map(|receipt| receipt.to_json().to_string())
        .join("\n");
    assert_eq!(ShardReceipt::parse_all(printed.as_bytes(), "x").unwrap(), receipts);
    // Printed over several lines by another program.
    let pretty = format!("{:#}", receipts[0].to_json());
    assert_eq!(ShardReceipt::parse_all(pretty.as_bytes(), "x").unwrap(), receipts[..1]);
}

/// Whatever is changed in a receipt, it is not taken.
#[test]
fn edited_and_cut_receipts_are_refused() {
    let printed = receipt("2/3").to_json().to_string();
    for end in 0..printed.len() {
        assert!(
            ShardReceipt::parse_all(&printed.as_bytes()[..end], "x").is_err(),
            "cut at {end}"
        );
    }
    for position in 0..printed.len() {
        for byte in *b"0a \"}" {
            let mut edited = printed.clone().into_bytes();
            if std::mem::replace(&mut edited[position], byte) == byte {
                continue;
            }
            assert!(
                ShardReceipt::parse_all(&edited, "x").is_err(),
                "{}",
                String::from_utf8_lossy(&edited)
            );
        }
    }
    let mut more = receipt("2/3").to_json();
    more["note"] = "x".into();
    let refusal = ShardReceipt::parse_all(more.to_string().as_bytes(), "a.json").unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "a.json is a receipt that was changed after it was printed"
    );
    let mut newer = receipt("2/3").to_json();
    newer["receipt_version"] = 2.into();
    let refusal = ShardReceipt::parse_all(newer.to_string().as_bytes(), "a.json").unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "a.json is a receipt of another version of this program"
    );
    for nothing in ["[]", "null", "{}", "7"] {
        let refusal = ShardReceipt::parse_all(nothing.as_bytes(), "a.json").unwrap_err();
        assert_eq!(refusal.to_string(), "a.json is not a receipt");
    }
}
