//! Names: unique within their kind, and fit for feature references.

use std::collections::HashMap;

use feast_model::{Definitions, ObjectKind};

use super::Diagnostics;

pub(super) fn check(definitions: &mut Definitions, diagnostics: &mut Diagnostics) {
    let twice = |kind, what: &str, name: &str, diagnostics: &mut Diagnostics| {
        diagnostics.problem(kind, name, format!("{what} {name} is defined twice, in different ways"));
    };
    for name in deduplicate(&mut definitions.entities, |entity| entity.name()) {
        twice(ObjectKind::Entity, "entity", &name, diagnostics);
    }
    for name in deduplicate(&mut definitions.services, |service| service.name()) {
        twice(ObjectKind::FeatureService, "feature service", &name, diagnostics);
    }
    for name in deduplicate(&mut definitions.permissions, |permission| permission.name()) {
        twice(ObjectKind::Permission, "permission", &name, diagnostics);
    }
    check_views(definitions, diagnostics);
    let mut sources: HashMap<String, &str> = HashMap::new();
    for source in &definitions.sources {
        if sources.insert(source.name().to_lowercase(), source.name()).is_some() {
            let message = format!(
                "Multiple data sources share the same case-insensitive name {}.",
                source.name()
            );
            diagnostics.problem(ObjectKind::DataSource, source.name(), message);
        }
    }
}

/// Views of all sorts share one space of names, whatever their case.
fn check_views(definitions: &Definitions, diagnostics: &mut Diagnostics) {
    let regular = definitions
        .feature_views
        .iter()
        .map(|view| (view.object_kind(), view.name()));
    let on_demand = definitions.on_demand_feature_views.iter();
    let on_demand = on_demand.map(|view| (ObjectKind::OnDemandFeatureView, view.name()));
    let mut known: HashMap<String, ObjectKind> = HashMap::new();
    for (kind, name) in regular.chain(on_demand) {
        if name.is_empty() {
            diagnostics.problem(kind, name, "Feature view needs a name.");
        }
        for (character, reason) in [
            (
                '@',
                "The '@' character is reserved for version-qualified references (e.g., 'fv@v2:feature').",
            ),
            (
                ':',
                "The ':' character is the separator in feature references (e.g., 'feature_view:feature_name').",
            ),
        ] {
            if name.contains(character) {
                let message = format!("Feature view name '{name}' must not contain '{character}'. {reason}");
                diagnostics.problem(kind, name, message);
            }
        }
        match known.insert(name.to_lowercase(), kind) {
            None => {}
            Some(other) if other == kind => {
                let message = format!(
                    "Multiple FeatureViews with name '{name}' found. Feature view names must be case-insensitively unique. \
                     It may be necessary to ignore certain files in your feature repository by using a .feastignore file."
                );
                diagnostics.problem(kind, name, message);
            }
            Some(other) => {
                let message = format!(
                    "Feature view name '{name}' is already used by a {}. Cannot register a {} with the same name.",
                    class_name(other),
                    class_name(kind)
                );
                diagnostics.problem(kind, name, message);
            }
        }
    }
}

fn class_name(kind: ObjectKind) -> String {
    format!("{kind:?}")
}

/// Keeps the first of equal objects, as where two files define the same entity; gives the names of unequal ones.
fn deduplicate<T: PartialEq>(objects: &mut Vec<T>, name: impl Fn(&T) -> &str) -> Vec<String> {
    let mut kept: Vec<T> = Vec::with_capacity(objects.len());
    let mut positions: HashMap<String, usize> = HashMap::new();
    let mut conflicts = Vec::new();
    for object in objects.drain(..) {
        match positions.get(name(&object)) {
            None => {
                positions.insert(name(&object).to_owned(), kept.len());
                kept.push(object);
            }
            Some(position) if kept[*position] == object => {}
            Some(_) => conflicts.push(name(&object).to_owned()),
        }
    }
    *objects = kept;
    conflicts
}
