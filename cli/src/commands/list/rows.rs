//! The table of each kind of object: its headers, and the row of one object, in the words of Feast's commands.

use std::collections::BTreeMap;

use feast_engine::FeatureStore;
use feast_engine::model::{
    Action, ConflictPolicy, DataSource, Definitions, Entity, FeatureService, FeatureView, Metadata, ObjectKind,
    OnDemandFeatureView, OnDemandSource, Permission, Policy, Project, ValueType, ViewKind, ViewState,
};
use feast_python_notation::python_repr;

use crate::table::Table;

/// How the objects of a kind are listed.
pub(super) struct Listing {
    /// What Feast calls such an object when it says that there is none of a name.
    pub(super) called: &'static str,
    headers: &'static [&'static str],
    /// The row of the object of that name.
    row: fn(&Catalog<'_>, &str) -> Option<Vec<String>>,
}

/// What rows are made from.
pub(super) struct Catalog<'a> {
    pub(super) store: &'a FeatureStore,
    pub(super) definitions: &'a Definitions,
}

/// How each kind is listed.
pub(super) fn listing(kind: ObjectKind) -> Listing {
    match kind {
        ObjectKind::Project => Listing {
            called: "Project",
            headers: &["NAME", "DESCRIPTION", "TAGS", "OWNER"],
            row: |catalog, _| catalog.definitions.project.as_ref().map(project_row),
        },
        ObjectKind::Entity => Listing {
            called: "Entity",
            headers: &["NAME", "DESCRIPTION", "TYPE"],
            row: |catalog, name| catalog.definitions.entity(name).map(entity_row),
        },
        ObjectKind::FeatureView => Listing {
            called: "Feature view",
            headers: &["NAME", "ENTITIES", "TYPE", "ENABLED", "STATE"],
            row: |catalog, name| {
                let view = catalog.definitions.feature_view(name)?;
                Some(view_row(view, catalog.store.view_state(name)))
            },
        },
        ObjectKind::FeatureService => Listing {
            called: "Feature service",
            headers: &["NAME", "FEATURES"],
            row: |catalog, name| catalog.definitions.service(name).map(service_row),
        },
        ObjectKind::DataSource => Listing {
            called: "Data source",
            headers: &["NAME", "CLASS"],
            row: |catalog, name| {
                let mut sources = catalog.definitions.sources.iter();
                sources.find(|source| source.name() == name).map(source_row)
            },
        },
        ObjectKind::LabelView => Listing {
            called: "Feature view",
            headers: &["NAME", "ENTITIES", "CONFLICT_POLICY"],
            row: |catalog, name| catalog.definitions.feature_view(name).map(label_row),
        },
        ObjectKind::Permission => Listing {
            called: "Permission",
            headers: &["NAME", "TYPES", "NAME_PATTERNS", "ACTIONS", "ROLES", "REQUIRED_TAGS"],
            row: |catalog, name| {
                let mut permissions = catalog.definitions.permissions.iter();
                permissions
                    .find(|permission| permission.name() == name)
                    .map(permission_row)
            },
        },
        ObjectKind::OnDemandFeatureView | ObjectKind::StreamFeatureView => only_names("Feature view"),
        ObjectKind::SavedDataset => only_names("Saved dataset"),
        ObjectKind::ValidationReference => only_names("Validation reference"),
    }
}

fn only_names(called: &'static str) -> Listing {
    Listing {
        called,
        headers: &["NAME"],
        row: |_, name| Some(vec![name.to_owned()]),
    }
}

/// The table of the objects of these names.
pub(super) fn table(catalog: &Catalog<'_>, kind: ObjectKind, names: &[String]) -> Table {
    let listing = listing(kind);
    let mut table = Table::new(listing.headers);
    for row in names.iter().filter_map(|name| (listing.row)(catalog, name)) {
        table.add(row);
    }
    if kind == ObjectKind::FeatureView {
        // Feast lists on-demand views among the others.
        for view in &catalog.definitions.on_demand_feature_views {
            table.add(on_demand_row(view, catalog.definitions));
        }
    }
    table
}

fn project_row(project: &Project) -> Vec<String> {
    let Metadata {
        name,
        description,
        tags,
        owner,
        ..
    } = &project.metadata;
    vec![name.clone(), description.clone(), tag_dict(tags), owner.clone()]
}

fn source_row(source: &DataSource) -> Vec<String> {
    let class = format!("<class '{}'>", source.python_class());
    vec![source.name().to_owned(), class]
}

fn entity_row(entity: &Entity) -> Vec<String> {
    let value_type = entity
        .value_type
        .as_ref()
        .map_or_else(|| "UNKNOWN".to_owned(), ValueType::feast_name);
    vec![
        entity.name().to_owned(),
        entity.metadata.description.clone(),
        format!("ValueType.{value_type}"),
    ]
}

/// Python's notation of a set of names.
fn name_set(names: &[String]) -> String {
    let known: Vec<String> = names
        .iter()
        .filter(|name| *name != "__dummy")
        .map(|name| python_repr(name))
        .collect();
    if known.is_empty() {
        "n/a".to_owned()
    } else {
        format!("{{{}}}", known.join(", "))
    }
}

/// Python's notation of a dict of strings.
fn tag_dict(tags: &BTreeMap<String, String>) -> String {
    let members = tags
        .iter()
        .map(|(name, value)| format!("{}: {}", python_repr(name), python_repr(value)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

fn yes_or_no(flag: bool) -> String {
    if flag { "Yes" } else { "No" }.to_owned()
}

fn view_row(view: &FeatureView, state: ViewState) -> Vec<String> {
    let class = if view.transformation.is_some() {
        "BatchFeatureView"
    } else {
        "FeatureView"
    };
    vec![
        view.name().to_owned(),
        name_set(&view.entities),
        class.to_owned(),
        yes_or_no(view.enabled),
        state.name().to_owned(),
    ]
}

/// Feast shows the entities of the views that it computes from.
fn on_demand_row(view: &OnDemandFeatureView, definitions: &Definitions) -> Vec<String> {
    let sources = view.sources.values().filter_map(|source| match source {
        OnDemandSource::View(projection) => definitions.feature_view(&projection.view),
        OnDemandSource::Request(_) => None,
    });
    let mut entities: Vec<String> = sources.flat_map(|source| source.entities.clone()).collect();
    entities.sort();
    entities.dedup();
    vec![
        view.name().to_owned(),
        name_set(&entities),
        "OnDemandFeatureView".to_owned(),
        yes_or_no(view.enabled),
        ViewState::Unspecified.name().to_owned(),
    ]
}

fn service_row(service: &FeatureService) -> Vec<String> {
    let features = service.projections.iter().flat_map(|projection| {
        let view = &projection.view;
        projection
            .features
            .iter()
            .map(move |field| format!("{view}:{}", field.name))
    });
    vec![service.name().to_owned(), features.collect::<Vec<_>>().join(", ")]
}

fn label_row(view: &FeatureView) -> Vec<String> {
    let policy = match &view.kind {
        ViewKind::Label(settings) => match settings.conflict_policy {
            ConflictPolicy::LastWriteWins => "last_write_wins",
            ConflictPolicy::LabelerPriority => "labeler_priority",
            ConflictPolicy::MajorityVote => "majority_vote",
        },
        _ => "",
    };
    let entities = if view.entities.is_empty() {
        "n/a".to_owned()
    } else {
        view.entities.join(", ")
    };
    vec![view.name().to_owned(), entities, policy.to_owned()]
}

fn permission_row(permission: &Permission) -> Vec<String> {
    let actions: Vec<&str> = permission
        .actions
        .iter()
        .map(|action: &Action| action.feast_name())
        .collect();
    let types: Vec<String> = permission.types.iter().map(|kind| format!("{kind:?}")).collect();
    let roles = match &permission.policy {
        Policy::Roles(roles) => {
            let mut roles = roles.clone();
            roles.sort_unstable();
            roles.join("\n")
        }
        _ => String::new(),
    };
    let tags = permission.required_tags.iter();
    let tags: Vec<String> = tags.map(|(name, value)| format!("{name} : {value}")).collect();
    let or_dash = |cell: String| if cell.is_empty() { "-".to_owned() } else { cell };
    vec![
        permission.name().to_owned(),
        or_dash(types.join("\n")),
        or_dash(permission.name_patterns.join("\n")),
        or_dash(actions.join("\n")),
        or_dash(roles),
        or_dash(tags.join("\n")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_tags_are_written_as_python_writes_them() {
        let tags = [("team", "it's"), ("plain", "a")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(tag_dict(&tags.into()), "{'plain': 'a', 'team': \"it's\"}");
    }
}
