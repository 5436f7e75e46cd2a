//! Look-ups of what the registry holds: tables, or JSON on request.

use std::collections::BTreeMap;

use feast_engine::FeatureStore;
use feast_engine::model::{
    Action, ConflictPolicy, Definitions, Entity, FeatureService, FeatureView, Field, ObjectKind, OnDemandFeatureView,
    OnDemandSource, Permission, Policy, ValueType, ViewKind, ViewState,
};
use serde_json::{Value, json};

use crate::args::{ListArguments, ListFormat};
use crate::output::{Failure, Output};
use crate::settings::Repository;
use crate::table::Table;

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    Projects,
    Entities,
    FeatureViews,
    FeatureServices,
    DataSources,
    OnDemandFeatureViews,
    StreamFeatureViews,
    LabelViews,
    SavedDatasets,
    ValidationReferences,
    Permissions,
}

impl Listed {
    /// The kind of registry object it is a list of.
    pub(crate) fn kind(self) -> ObjectKind {
        match self {
            Self::Projects => ObjectKind::Project,
            Self::Entities => ObjectKind::Entity,
            Self::FeatureViews => ObjectKind::FeatureView,
            Self::FeatureServices => ObjectKind::FeatureService,
            Self::DataSources => ObjectKind::DataSource,
            Self::OnDemandFeatureViews => ObjectKind::OnDemandFeatureView,
            Self::StreamFeatureViews => ObjectKind::StreamFeatureView,
            Self::LabelViews => ObjectKind::LabelView,
            Self::SavedDatasets => ObjectKind::SavedDataset,
            Self::ValidationReferences => ObjectKind::ValidationReference,
            Self::Permissions => ObjectKind::Permission,
        }
    }

    /// What Feast calls one of them when there is none of a name.
    pub(crate) fn called(self) -> &'static str {
        match self {
            Self::Projects => "Project",
            Self::Entities => "Entity",
            Self::FeatureViews | Self::OnDemandFeatureViews | Self::StreamFeatureViews | Self::LabelViews => {
                "Feature view"
            }
            Self::FeatureServices => "Feature service",
            Self::DataSources => "Data source",
            Self::SavedDatasets => "Saved dataset",
            Self::ValidationReferences => "Validation reference",
            Self::Permissions => "Permission",
        }
    }
}

/// Prints one line for each object, by name.
pub(crate) fn run(
    repository: &Repository,
    listed: Listed,
    arguments: &ListArguments,
    output: &Output,
) -> Result<(), Failure> {
    let store = repository.open(output)?;
    let mut definitions = store.definitions();
    keep_tagged(&mut definitions, &arguments.tags);
    if arguments.output == ListFormat::Json {
        output.json(&documents(&store, listed, &definitions)?);
    } else {
        output.table(&table(&store, listed, &definitions)?);
    }
    Ok(())
}

/// Leaves the objects that have all of these tags, each `name:value`. As in Feast a tag without a colon is ignored.
fn keep_tagged(definitions: &mut Definitions, tags: &[String]) {
    let wanted: Vec<(&str, &str)> = tags
        .iter()
        .flat_map(|tag| tag.split(','))
        .filter_map(|tag| tag.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let has_all = |tags: &BTreeMap<String, String>| {
        wanted
            .iter()
            .all(|(name, value)| tags.get(*name).is_some_and(|known| known == value))
    };
    definitions.project = definitions
        .project
        .take()
        .filter(|project| has_all(&project.metadata.tags));
    definitions.entities.retain(|entity| has_all(&entity.metadata.tags));
    definitions.sources.retain(|source| has_all(&source.metadata.tags));
    definitions.feature_views.retain(|view| has_all(&view.metadata.tags));
    definitions
        .on_demand_feature_views
        .retain(|view| has_all(&view.metadata.tags));
    definitions.services.retain(|service| has_all(&service.metadata.tags));
    definitions
        .permissions
        .retain(|permission| has_all(&permission.metadata.tags));
}

fn names(store: &FeatureStore, listed: Listed, definitions: &Definitions) -> Result<Vec<String>, Failure> {
    let views = |belongs: fn(&ViewKind) -> bool| -> Vec<String> {
        let views = definitions.feature_views.iter().filter(|view| belongs(&view.kind));
        views.map(|view| view.name().to_owned()).collect()
    };
    let mut names: Vec<String> = match listed {
        Listed::Projects => definitions
            .project
            .iter()
            .map(|project| project.name().to_owned())
            .collect(),
        Listed::Entities => definitions
            .entities
            .iter()
            .map(|entity| entity.name().to_owned())
            .collect(),
        Listed::FeatureViews => views(|kind| matches!(kind, ViewKind::Regular)),
        Listed::StreamFeatureViews => views(|kind| matches!(kind, ViewKind::Stream(_))),
        Listed::LabelViews => views(|kind| matches!(kind, ViewKind::Label(_))),
        Listed::FeatureServices => definitions
            .services
            .iter()
            .map(|service| service.name().to_owned())
            .collect(),
        Listed::DataSources => definitions
            .sources
            .iter()
            .map(|source| source.name().to_owned())
            .collect(),
        Listed::OnDemandFeatureViews => {
            let views = definitions.on_demand_feature_views.iter();
            views.map(|view| view.name().to_owned()).collect()
        }
        Listed::SavedDatasets | Listed::ValidationReferences => store.object_names(listed.kind())?,
        Listed::Permissions => definitions
            .permissions
            .iter()
            .map(|permission| permission.name().to_owned())
            .collect(),
    };
    names.sort();
    Ok(names)
}

fn documents(store: &FeatureStore, listed: Listed, definitions: &Definitions) -> Result<Value, Failure> {
    let mut documents = Vec::new();
    for name in names(store, listed, definitions)? {
        documents.extend(store.describe(listed.kind(), &name)?);
    }
    Ok(Value::Array(documents))
}

fn table(store: &FeatureStore, listed: Listed, definitions: &Definitions) -> Result<Table, Failure> {
    let names = names(store, listed, definitions)?;
    let headers: &[&str] = match listed {
        Listed::Projects => &["NAME", "DESCRIPTION", "TAGS", "OWNER"],
        Listed::Entities => &["NAME", "DESCRIPTION", "TYPE"],
        Listed::FeatureViews => &["NAME", "ENTITIES", "TYPE", "ENABLED", "STATE"],
        Listed::FeatureServices => &["NAME", "FEATURES"],
        Listed::DataSources => &["NAME", "CLASS"],
        Listed::LabelViews => &["NAME", "ENTITIES", "CONFLICT_POLICY"],
        Listed::Permissions => &["NAME", "TYPES", "NAME_PATTERNS", "ACTIONS", "ROLES", "REQUIRED_TAGS"],
        Listed::OnDemandFeatureViews
        | Listed::StreamFeatureViews
        | Listed::SavedDatasets
        | Listed::ValidationReferences => &["NAME"],
    };
    let mut table = Table::new(headers);
    for name in &names {
        let row = match listed {
            Listed::Projects => definitions.project.as_ref().map(|project| {
                let tags = tag_dict(&project.metadata.tags);
                vec![
                    project.name().to_owned(),
                    project.metadata.description.clone(),
                    tags,
                    project.metadata.owner.clone(),
                ]
            }),
            Listed::Entities => definitions.entity(name).map(entity_row),
            Listed::FeatureViews => definitions.feature_view(name).map(|view| view_row(store, view)),
            Listed::FeatureServices => definitions.service(name).map(service_row),
            Listed::DataSources => {
                let source = definitions.sources.iter().find(|source| source.name() == *name);
                source.map(|source| vec![name.clone(), format!("<class '{}'>", source.python_class())])
            }
            Listed::LabelViews => definitions.feature_view(name).map(label_row),
            Listed::Permissions => {
                let permission = definitions
                    .permissions
                    .iter()
                    .find(|permission| permission.name() == *name);
                permission.map(permission_row)
            }
            Listed::OnDemandFeatureViews
            | Listed::StreamFeatureViews
            | Listed::SavedDatasets
            | Listed::ValidationReferences => Some(vec![name.clone()]),
        };
        row.into_iter().for_each(|row| table.add(row));
    }
    if listed == Listed::FeatureViews {
        // Feast lists on-demand views among the others.
        for view in &definitions.on_demand_feature_views {
            table.add(on_demand_row(view, definitions));
        }
    }
    Ok(table)
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

fn view_row(store: &FeatureStore, view: &FeatureView) -> Vec<String> {
    let class = if view.transformation.is_some() {
        "BatchFeatureView"
    } else {
        "FeatureView"
    };
    let state = store.view_state(view.name());
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
    views.filter(|view| !matches!(view.kind, ViewKind::Label(_)))
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
    let definitions = store.definitions();
    let mut found = Vec::new();
    for view in with_features(&definitions) {
        let Some((_, field)) = view.feature(name) else { continue };
        let source = match &view.batch_source {
            Some(source) => store.describe(ObjectKind::DataSource, source.name())?,
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
pub(crate) fn describe(repository: &Repository, listed: Listed, name: &str, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    let mut kinds = vec![listed.kind()];
    if listed == Listed::FeatureViews {
        kinds.extend([
            ObjectKind::OnDemandFeatureView,
            ObjectKind::StreamFeatureView,
            ObjectKind::LabelView,
        ]);
    }
    for kind in kinds {
        let Some(mut document) = store.describe(kind, name)? else {
            continue;
        };
        if listed == Listed::FeatureViews {
            let enabled = document.pointer("/spec/disabled") != Some(&Value::Bool(true));
            document["enabled"] = Value::Bool(enabled);
            document["state"] = Value::from(store.view_state(name).name());
        }
        output.yaml(&document);
        return Ok(());
    }
    let called = listed.called();
    let text = match listed {
        Listed::Projects => format!("{called} {name} does not exist"),
        _ => format!("{called} {name} does not exist in project {}", store.config().project),
    };
    // As in Feast the answer to "which one" is on standard output, also when there is none.
    output.line(&text);
    Err(Failure::silent())
}
