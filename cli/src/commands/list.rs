//! Looks up what the registry holds, and prints it: tables, JSON on request, YAML for a single object.

mod rows;

use feast_engine::model::{Definitions, FeatureView, Field, ObjectKind};
use feast_engine::{Execution, FeatureStore, RegistryContents};
use serde_json::{Value, json};

use crate::args::{ListArguments, ListFormat};
use crate::output::{Failure, Output};
use crate::settings::Repository;
use crate::table::Table;

use rows::{Catalog, listing, table};

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

/// Prints where each on-demand view is computed, or why it is not.
pub(crate) fn execution(repository: &Repository, arguments: &ListArguments, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    let registry = store.registry()?;
    let mut definitions = store.definitions();
    keep_tagged(&mut definitions, &arguments.tags);
    let mut views: Vec<_> = definitions.on_demand_feature_views.iter().collect();
    views.sort_by_key(|view| view.name());
    if arguments.output == ListFormat::Json {
        let mut objects = Vec::with_capacity(views.len());
        for view in views {
            let object = registry.to_json(ObjectKind::OnDemandFeatureView, view.name())?;
            objects.extend(object.map(|object| with_execution(object, store.execution(view.name()))));
        }
        output.json(&Value::Array(objects));
        return Ok(());
    }
    let mut table = Table::new(&["NAME", "MODE", "EXECUTION", "REASON"]);
    for view in views {
        let (place, reason) = match store.execution(view.name()) {
            Some(Execution::Native) => ("native", String::new()),
            Some(Execution::Python(reason)) => ("python", reason.to_string()),
            Some(Execution::Refused(reason)) => ("refused", reason.to_string()),
            None => continue,
        };
        table.add(vec![
            view.name().to_owned(),
            view.mode.clone(),
            place.to_owned(),
            reason,
        ]);
    }
    output.table(&table);
    Ok(())
}

/// Adds to a printed on-demand view where it is computed.
fn with_execution(mut object: Value, execution: Option<Execution>) -> Value {
    match execution {
        Some(Execution::Native) => object["execution"] = json!("native"),
        Some(Execution::Python(reason)) => {
            object["execution"] = json!("python");
            object["reason"] = json!(reason.to_string());
        }
        Some(Execution::Refused(reason)) => {
            object["execution"] = json!("refused");
            object["reason"] = json!(reason.to_string());
        }
        None => {}
    }
    object
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

/// The views whose columns are features; those of label views are labels.
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
    describe_in(&repository.open(output)?, kind, name, output)
}

/// Prints one object of a store that is open as YAML.
pub(crate) fn describe_in(store: &FeatureStore, kind: ObjectKind, name: &str, output: &Output) -> Result<(), Failure> {
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
        if known == ObjectKind::OnDemandFeatureView {
            object = with_execution(object, store.execution(name));
        }
        output.yaml(&object);
        return Ok(());
    }
    let called = listing(kind).called;
    let message = match kind {
        ObjectKind::Project => format!("{called} {name} does not exist"),
        _ => format!("{called} {name} does not exist in project {}", store.config().project),
    };
    // As in Feast, this goes to standard output.
    output.line(&message);
    Err(Failure::silent())
}
