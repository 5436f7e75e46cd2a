//! Lists of actions and classes that Feast names, for permissions.

use feast_model::{Action, ResourceType};

use super::classes::CLASSES;
use super::enumerations::member;
use crate::value::Value;

const VIEW_TYPES: [&str; 5] = [
    "FeatureView",
    "OnDemandFeatureView",
    "BatchFeatureView",
    "StreamFeatureView",
    "LabelView",
];

/// Names of lists of actions and types.
pub(super) const CONSTANTS: [&str; 6] = [
    "READ",
    "WRITE",
    "CRUD",
    "ALL_ACTIONS",
    "ALL_FEATURE_VIEW_TYPES",
    "ALL_RESOURCE_TYPES",
];

/// `READ`, `ALL_ACTIONS`, `ALL_RESOURCE_TYPES`, ...
pub(super) fn constant(name: &str) -> Option<Value> {
    let actions = |names: &[&str]| {
        names
            .iter()
            .map(|name| member("AuthzedAction", name))
            .collect::<Option<Vec<_>>>()
    };
    let classes = |names: &[&str]| {
        let found = names.iter().map(|name| {
            CLASSES
                .iter()
                .map(|known| &known.class)
                .find(|class| class.name == *name)
        });
        found
            .map(|class| class.map(Value::FeastClass))
            .collect::<Option<Vec<_>>>()
    };
    let items = match name {
        "READ" => actions(&["READ_OFFLINE", "READ_ONLINE"])?,
        "WRITE" => actions(&["WRITE_OFFLINE", "WRITE_ONLINE"])?,
        "CRUD" => actions(&["CREATE", "DESCRIBE", "UPDATE", "DELETE"])?,
        "ALL_ACTIONS" => actions(&Action::ALL.map(Action::feast_name))?,
        "ALL_FEATURE_VIEW_TYPES" => classes(&VIEW_TYPES)?,
        "ALL_RESOURCE_TYPES" => {
            let names = ResourceType::ALL.map(|kind| format!("{kind:?}"));
            classes(&names.iter().map(String::as_str).collect::<Vec<_>>())?
        }
        _ => return None,
    };
    Some(Value::list(items))
}
