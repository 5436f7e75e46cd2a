//! Look-ups of what the registry holds: tables, or JSON on request.

use std::collections::BTreeMap;

use feast_engine::model::{
    Action, ConflictPolicy, DataSource, Definitions, Entity, FeatureService, FeatureView, Field, Metadata, ObjectKind,
    OnDemandFeatureView, OnDemandSource, Permission, Policy, Project, ValueType, ViewKind, ViewState,
};
use feast_engine::{FeatureStore, RegistryContents};
use serde_json::{Value, json};

use crate::args::{ListArguments, ListFormat};
use crate::output::{Failure, Output};
use crate::settings::Repository;
use crate::table::Table;

/// How the objects of a kind are listed.
struct Listing {
    /// What Feast calls one of them when there is none of a name.
    called: &'static str,
    headers: &'static [&'static str],
    /// The row of the object of that name.
    row: fn(&Catalog<'_>, &str) -> Option<Vec<String>>,
}

/// What rows are made from.
struct Catalog<'a> {
    store: &'a FeatureStore,
    definitions: &'a Definitions,
}

/// The table of all kinds.
fn listing(kind: ObjectKind) -> Listing {
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

/// Prints one line for each object, by name.
pub(crate) fn run(
    repository: &Repository,
    kind: ObjectKind,
    arguments: &ListArguments,
    output: &Output,
) -> Result<(), Failure> {
    let store = repository.open(output)?;
    let registry = store.registry()?;
    let mut definitions = store.definitions();
    keep_tagged(&mut definitions, &arguments.tags);
    let names = names(&registry, kind, &definitions);
    if arguments.output == ListFormat::Json {
        let mut objects = Vec::with_capacity(names.len());
        for name in &names {
            objects.extend(registry.to_json(kind, name)?);
        }
        output.json(&Value::Array(objects));
    } else {
        let catalog = Catalog {
            store: &store,
            definitions: &definitions,
        };
        output.table(&table(&catalog, kind, &names));
    }
    Ok(())
}

/// Leaves the objects that have all of these tags, each `name:value`. As in Feast a tag without a colon is ignored.
fn keep_tagged(definitions: &mut Definitions, tags: &[String]) {
    let required: Vec<(&str, &str)> = tags
        .iter()
        .flat_map(|tag| tag.split(','))
        .filter_map(|tag| tag.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    definitions.retain(|metadata| {
        let has = |(name, value): &(&str, &str)| metadata.tags.get(*name).is_some_and(|known| known == value);
        required.iter().all(has)
    });
}

/// The names of the objects to list, sorted. Objects that definitions cannot express have no tags to be chosen by.
fn names(registry: &RegistryContents, kind: ObjectKind, definitions: &Definitions) -> Vec<String> {
    let mut names = match kind {
        ObjectKind::SavedDataset | ObjectKind::ValidationReference => registry.names(kind),
        _ => {
            let objects = definitions.metadata_of(kind);
            objects.into_iter().map(|metadata| metadata.name.clone()).collect()
        }
    };
    names.sort();
    names
}

fn table(catalog: &Catalog<'_>, kind: ObjectKind, names: &[String]) -> Table {
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
        .map(|name| format!("'{name}'"))
        .collect();
    if known.is_empty() {
        "n/a".to_owned()
    } else {
        format!("{{{}}}", known.join(", "))
    }
}

/// Python's notation of a dict of texts.
fn tag_dict(tags: &BTreeMap<String, String>) -> String {
    let members = tags.iter().map(|(name, value)| format!("'{name}': '{value}'"));
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
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    vec![
        permission.name().to_owned(),
        or_dash(types.join("\n")),
        or_dash(permission.name_patterns.join("\n")),
        or_dash(actions.join("\n")),
        or_dash(roles),
        or_dash(tags.join("\n")),
    ]
}

/// The views whose columns are features: those of label views are labels.
fn with_features(definitions: &Definitions) -> impl Iterator<Item = &FeatureView> {
    let views = definitions.feature_views.iter();
    views.filter(|view| !view.is_label_view())
}

/// Prints every feature of every view.
pub(crate) fn features(repository: &Repository, arguments: &ListArguments, output: &Output) -> Result<(), Failure> {
    let definitions = repository.open(output)?.definitions();
    let mut rows: Vec<(&Field, &str)> = Vec::new();
    for view in with_features(&definitions) {
        rows.extend(view.features.iter().map(|field| (field, view.name())));
    }
    for view in &definitions.on_demand_feature_views {
        rows.extend(view.features.iter().map(|field| (field, view.name())));
    }
    // The features of a view stay in the order of its schema.
    rows.sort_by(|left, right| left.1.cmp(right.1));
    if arguments.output == ListFormat::Json {
        let documents = rows.iter().map(|(field, view)| {
            json!({"feature_name": field.name, "feature_view": view, "dtype": field.value_type.to_string()})
        });
        output.json_with_indent(&Value::Array(documents.collect()), 4);
        return Ok(());
    }
    let mut table = Table::new(&["Feature", "Feature View", "Data Type"]);
    for (field, view) in rows {
        table.add(vec![field.name.clone(), view.to_owned(), field.value_type.to_string()]);
    }
    output.table(&table);
    Ok(())
}

/// Prints what is known of a feature, in each view that has one of that name.
pub(crate) fn describe_feature(repository: &Repository, name: &str, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    let (registry, definitions) = (store.registry()?, store.definitions());
    let mut found = Vec::new();
    for view in with_features(&definitions) {
        let Some((_, field)) = view.feature(name) else { continue };
        let source = match &view.batch_source {
            Some(source) => registry.to_json(ObjectKind::DataSource, source.name())?,
            None => None,
        };
        found.push(json!({
            "Feature Name": field.name,
            "Feature View": view.name(),
            "Data Type": field.value_type.to_string(),
            "Description": field.description,
            "Online Store": view.online,
            "Source": source,
        }));
    }
    if found.is_empty() {
        output.line(&format!("Feature '{name}' not found in any feature view."));
    } else {
        output.json_with_indent(&Value::Array(found), 4);
    }
    Ok(())
}

/// Prints one object as YAML.
pub(crate) fn describe(repository: &Repository, kind: ObjectKind, name: &str, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    let registry = store.registry()?;
    let mut kinds = vec![kind];
    if kind == ObjectKind::FeatureView {
        kinds.extend([
            ObjectKind::OnDemandFeatureView,
            ObjectKind::StreamFeatureView,
            ObjectKind::LabelView,
        ]);
    }
    for known in kinds {
        let Some(mut object) = registry.to_json(known, name)? else {
            continue;
        };
        if kind == ObjectKind::FeatureView {
            let enabled = object.pointer("/spec/disabled") != Some(&Value::Bool(true));
            object["enabled"] = Value::Bool(enabled);
            object["state"] = Value::from(store.view_state(name).name());
        }
        output.yaml(&object);
        return Ok(());
    }
    let called = listing(kind).called;
    let text = match kind {
        ObjectKind::Project => format!("{called} {name} does not exist"),
        _ => format!("{called} {name} does not exist in project {}", store.config().project),
    };
    // As in Feast the answer to "which one" is on standard output, also when there is none.
    output.line(&text);
    Err(Failure::silent())
}
