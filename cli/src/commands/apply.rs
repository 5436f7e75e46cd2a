//! `feast apply` and `feast plan`: read the definition files and put their objects into the registry, or show what that would
//! change.

use std::path::Path;

use feast_definitions::{
    Budget, DefinitionError, DefinitionReader, Environment, ModulePath, Place, RepositoryDefinitions, TableColumn,
};
use feast_engine::model::{Definitions, ObjectKind};
use feast_engine::{
    ApplyOptions, ApplyReport, Error, ErrorKind, FeatureStore, FieldChange, InvalidDefinition, OnDemandRemark,
    PandasColumn, RepositoryConfig,
};

use crate::args::ApplyArguments;
use crate::output::{Failure, Output};
use crate::settings::Repository;

/// Updates the registry to what the definition files define.
pub(crate) fn run(repository: &Repository, arguments: &ApplyArguments, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    let defined = read(&store, output)?;
    output.line(&format!("Applying changes for project {}", store.config().project));
    let report = store.apply(
        defined.definitions.clone(),
        options(arguments, &defined),
        &mut output.removal(),
    );
    show(
        &store,
        &report.map_err(|error| failure(error, &defined))?,
        &defined,
        output,
    );
    output.table_changes(&store);
    Ok(())
}

/// Shows what an apply would change.
pub(crate) fn plan(repository: &Repository, arguments: &ApplyArguments, output: &Output) -> Result<(), Failure> {
    let store = repository.open(output)?;
    let defined = read(&store, output)?;
    let report = store.plan_apply(defined.definitions.clone(), options(arguments, &defined));
    show(
        &store,
        &report.map_err(|error| failure(error, &defined))?,
        &defined,
        output,
    );
    Ok(())
}

fn options(arguments: &ApplyArguments, defined: &RepositoryDefinitions) -> ApplyOptions {
    ApplyOptions {
        skip_source_validation: arguments.skip_source_validation || arguments.skip_feature_view_validation,
        refuse_deletions: if !defined.unread.is_empty() {
            Some("not all definitions can be read")
        } else if defined.files == 0 {
            Some("the repository has no definition file")
        } else {
            None
        },
        drop_now: arguments.now,
    }
}

/// `driver in views.py, rides in views.py`: the names that only Python can read.
fn unread_names(defined: &RepositoryDefinitions) -> String {
    let names = defined.unread.iter();
    shortened(names.map(|unread| format!("{} in {}", unread.name, unread.file.display())))
}

/// The first of many names, and how many more there are.
fn shortened(names: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 4;
    let count = names.len();
    let shown: Vec<String> = names.take(SHOWN).collect();
    match count {
        ..=SHOWN => shown.join(", "),
        count => format!("{} and {} more", shown.join(", "), count - SHOWN),
    }
}

/// The columns of a parquet file, for definitions that are made from them.
fn parquet_columns(path: &Path) -> Result<Vec<TableColumn>, String> {
    let columns = feast_engine::pandas_columns(path).map_err(|error| error.to_string())?;
    let column = |column: PandasColumn| (column.name, column.dtype.map(str::to_owned));
    Ok(columns.into_iter().map(column).collect())
}

/// What reads the definition files of a repository.
fn reader(config: &RepositoryConfig) -> DefinitionReader {
    let environment = Environment {
        variables: std::env::vars_os().collect(),
        directory: std::env::current_dir().unwrap_or_default(),
    };
    DefinitionReader {
        modules: ModulePath::from_environment(&config.directory, &environment),
        environment,
        read_columns: parquet_columns,
        budget: Budget::default(),
    }
}

/// What the definition files of a repository define, without a word about it.
///
/// # Errors
/// `Invalid`, with what is wrong first.
pub(crate) fn definitions(config: &RepositoryConfig) -> Result<Definitions, Error> {
    let defined = reader(config).read();
    let first = |errors: Vec<DefinitionError>| errors.first().map(ToString::to_string).unwrap_or_default();
    let defined = defined.map_err(|errors| Error::invalid(first(errors)))?;
    Ok(defined.definitions)
}

fn read(store: &FeatureStore, output: &Output) -> Result<RepositoryDefinitions, Failure> {
    let project = &store.config().project;
    let defined = reader(store.config()).read().map_err(|errors| Failure::all(&errors))?;
    match &defined.definitions.project {
        None => output.line(&format!(
            "No project found in the repository. Using project name {project} defined in feature_store.yaml"
        )),
        Some(defined) if defined.name() != *project => {
            return Err(Failure::new(
                "Project object name should match with the project name defined in feature_store.yaml",
            )
            .with_hint(format!(
                "the definitions say {}, feature_store.yaml says {project}",
                defined.name()
            )));
        }
        Some(_) => {}
    }
    for object in store.unsupported_objects() {
        output.warning(&format!(
            "{} {} is kept as it is: {}",
            object.kind, object.name, object.reason
        ));
    }
    if !defined.passed_over.is_empty() {
        output.note(&format!(
            "Not read, because they import neither feast nor a file that does: {}",
            shortened(defined.passed_over.iter().map(|file| file.display().to_string()))
        ));
    }
    if !defined.unread.is_empty() {
        output.warning(&format!(
            "names from code outside of the repository are not applied, should they be objects of Feast: {}",
            unread_names(&defined)
        ));
    }
    Ok(defined)
}

/// Adds file and line to what is wrong with each object.
fn failure(error: feast_engine::Error, defined: &RepositoryDefinitions) -> Failure {
    if error.definitions().is_empty() {
        if error.kind() == ErrorKind::Invalid && !defined.unread.is_empty() {
            return Failure::from(error).with_hint(format!(
                "these names come from code outside of the repository and may be objects of Feast: {}; delete by name with \
                 `feast delete`, or let Python's `feast apply` write the registry",
                unread_names(defined)
            ));
        }
        if error.kind() == ErrorKind::Invalid && defined.files == 0 {
            return Failure::from(error).with_hint(
                "is this the directory of the definitions? `feast teardown` removes all that was applied, and `feast delete` one object",
            );
        }
        let busy = error.kind() == ErrorKind::Unavailable && error.hint().is_none();
        let failure = Failure::from(error);
        return if busy {
            failure.with_hint("nothing was changed; try again")
        } else {
            failure
        };
    }
    let mut placed: Vec<_> = error
        .definitions()
        .iter()
        .map(|problem| (defined.places.get(&(problem.kind, problem.name.clone())), problem))
        .collect();
    // Problems for which no file had to be read come first.
    placed.sort_by_key(|(place, problem)| (problem.of_file, *place));
    let message = |(place, problem): &(Option<&Place>, &InvalidDefinition)| match place {
        Some((file, line)) => format!("{}:{line}: {problem}", file.display()),
        None => problem.to_string(),
    };
    if let [only] = placed.as_slice() {
        let failure = Failure::new(message(only));
        return only
            .1
            .hint
            .iter()
            .fold(failure, |failure, hint| failure.with_hint(hint));
    }
    let with_hint = |problem: &(_, &InvalidDefinition)| match &problem.1.hint {
        Some(hint) => format!("{} ({hint})", message(problem)),
        None => message(problem),
    };
    Failure::all(&placed.iter().map(with_hint).collect::<Vec<_>>())
}

fn show(store: &FeatureStore, report: &ApplyReport, defined: &RepositoryDefinitions, output: &Output) {
    for warning in &report.warnings {
        output.warning(warning);
    }
    for remark in &report.on_demand {
        output.warning(&placed(remark, defined));
    }
    if report.changes.is_empty() {
        output.line("No changes to registry");
    }
    for change in &report.changes {
        output.line(&format!(
            "{} {} {}",
            change.verb,
            change.kind,
            output.strong(&change.name)
        ));
        for FieldChange { name, old, new } in &change.fields {
            output.line(&format!("\t{name}: {} -> {}", shown(old), shown(new)));
        }
    }
    if report.tables.is_empty() {
        output.line("No changes to infrastructure");
        return;
    }
    output.line("");
    let online_store = store.config().online_store.type_name();
    for (verb, table) in &report.tables {
        output.line(&format!("{verb} {online_store} table {}", output.strong(table)));
    }
    output.line("");
}

/// A remark with the place in the definitions. Where the text of the function is that of the file, the line is that of the expression,
/// else that of the view.
fn placed(remark: &OnDemandRemark, defined: &RepositoryDefinitions) -> String {
    let OnDemandRemark { view, line, text, .. } = remark;
    let transformation = defined.definitions.on_demand_feature_view(view);
    let transformation = transformation.and_then(|view| view.transformation.as_ref());
    let is_of_file = transformation.is_some_and(|transformation| transformation.text.starts_with('@'));
    let Some((file, first)) = defined.places.get(&(ObjectKind::OnDemandFeatureView, view.clone())) else {
        return format!("on-demand feature view {view} {text}");
    };
    let line = match line {
        Some(line) if is_of_file => first + line - 1,
        _ => *first,
    };
    format!("{}:{line}: on-demand feature view {view} {text}", file.display())
}

/// Strings as they are, null as nothing, everything else as JSON.
fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(string) => string.clone(),
        other => other.to_string(),
    }
}
