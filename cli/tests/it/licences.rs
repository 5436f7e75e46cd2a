//! What `deny.toml` allows of dependencies, from `cargo metadata`: their licences, where they come from, and that none is there in a
//! second version which is not listed. The same as `cargo deny`, for machines that lack it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

/// Where crates of the registry come from. Those of the repository have no source.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The texts in quotation marks of an array in `deny.toml`, of each line the first.
fn array_of_deny_toml(key: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(repository().join("deny.toml")).unwrap();
    let start = format!("\n{key} = [\n");
    let (_, rest) = text.split_once(&start).unwrap();
    let (lines, _) = rest.split_once("\n]").unwrap();
    let found: BTreeSet<_> = lines
        .lines()
        .map(|line| line.split('"').nth(1).unwrap().to_owned())
        .collect();
    assert!(!found.is_empty(), "deny.toml: {key} is empty");
    found
}

/// All that is compiled for the platforms that are shipped, by the name of the crate.
fn packages() -> Vec<Value> {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(repository())
        .args(["metadata", "--format-version", "1"]);
    command.args(["--all-features", "--locked", "--offline"]);
    for platform in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
        command.args(["--filter-platform", platform]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(metadata["packages"].take()).unwrap()
}

fn named(package: &Value) -> String {
    let text = |key: &str| package[key].as_str().unwrap().to_owned();
    format!("{}@{}", text("name"), text("version"))
}

#[test]
fn licences_of_dependencies_are_allowed() {
    let allowed = array_of_deny_toml("allow");
    let licensees: Vec<_> = allowed
        .iter()
        .map(|licence| Licensee::parse(licence).unwrap())
        .collect();
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for package in packages() {
        let name = named(&package);
        let Some(licence) = package["license"].as_str() else {
            problems.push(format!("{name} says no licence"));
            continue;
        };
        // Older crates separate choices by a slash.
        let expression = match Expression::parse_mode(licence, ParseMode::LAX) {
            Ok(expression) => expression,
            Err(why) => {
                problems.push(format!("{name}: {why}"));
                continue;
            }
        };
        let is_allowed = expression.evaluate(|wanted| {
            let found = licensees.iter().position(|licensee| licensee.satisfies(wanted));
            used.extend(found);
            found.is_some()
        });
        if !is_allowed {
            problems.push(format!("{name} is under {licence}, which deny.toml does not allow"));
        }
    }
    let unused = (0..licensees.len()).filter(|index| !used.contains(index));
    problems.extend(unused.map(|index| format!("deny.toml allows {}, which nothing is under", licensees[index])));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn dependencies_come_from_the_registry() {
    let strangers: Vec<_> = packages()
        .iter()
        .filter(|package| package["source"].as_str().is_some_and(|source| source != REGISTRY))
        .map(named)
        .collect();
    assert!(strangers.is_empty(), "{}", strangers.join("\n"));
}

#[test]
fn versions_beside_the_newest_are_listed() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap().to_owned();
        versions.entry(name).or_default().push(named(&package));
    }
    let listed = array_of_deny_toml("skip");
    let several = versions.into_values().filter(|found| found.len() > 1);
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for found in several {
        let unlisted: Vec<_> = found.iter().filter(|name| !listed.contains(*name)).collect();
        if unlisted.len() > 1 {
            problems.push(format!(
                "{unlisted:?} are compiled: is one enough? If not, deny.toml lists the older ones"
            ));
        }
        seen.extend(found);
    }
    let gone = listed.iter().filter(|name| !seen.contains(*name));
    problems.extend(gone.map(|name| format!("deny.toml lists {name}, which is no second version any more")));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
