//! The objects that a repository registers: the values of module-level names, each object once.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use feast_model::{DataSource, Definitions, FeatureView, ObjectKind, OnDemandFeatureView, ViewKind};

use crate::error::DefinitionError;
use crate::names::Names;
use crate::value::{DefinedObject, FeastObject, Scope, Taint, Value};

/// A file relative to the repository, and a line in it.
pub type Place = (PathBuf, usize);

/// What a repository defines, and where.
#[derive(Debug, Default)]
pub struct RepositoryDefinitions {
    /// The objects.
    pub definitions: Definitions,
    /// Where each object is made.
    pub places: HashMap<(ObjectKind, String), Place>,
    /// Names of modules that come from code outside of the repository, and so may be objects of Feast or not.
    pub unread: Vec<UnreadName>,
    /// Files that were not read, because they cannot define anything: they import neither Feast nor a file that does.
    pub passed_over: Vec<PathBuf>,
    /// How many Python files the repository has, read or passed over.
    pub files: usize,
}

/// A name of a definition file of which only Python knows what it is.
#[derive(Debug)]
pub struct UnreadName {
    /// Relative to the repository.
    pub file: PathBuf,
    /// The name it is bound to.
    pub name: String,
    /// What it depends on.
    reason: String,
}

/// Collects from modules in path order, and in each from its names in alphabetical order, as Feast does.
pub(super) fn definitions(
    modules: &[Rc<Scope>],
    names: &Names<'_>,
) -> Result<RepositoryDefinitions, Vec<DefinitionError>> {
    let mut collected = RepositoryDefinitions::default();
    let mut seen = BTreeSet::new();
    let mut errors = Vec::new();
    for module in modules {
        for (name, value) in module.bindings() {
            let object = match value {
                Value::Object(object) => object,
                Value::Opaque(unknown) => {
                    let name = UnreadName {
                        file: module.path().to_path_buf(),
                        name,
                        reason: unknown.reason.clone(),
                    };
                    match unknown.taint {
                        Taint::Clean => {}
                        Taint::MaybeObject => collected.unread.push(name),
                        Taint::Object => errors.push(name.into_error(module)),
                    }
                    continue;
                }
                _ => continue,
            };
            if !seen.insert(Rc::as_ptr(&object)) {
                continue;
            }
            if let Err(message) = add(&mut collected, &name, &object, names) {
                errors.push(DefinitionError {
                    file: object.file.clone(),
                    line: object.line,
                    message,
                    exception: None,
                });
            }
        }
    }
    if errors.is_empty() { Ok(collected) } else { Err(errors) }
}

impl UnreadName {
    /// A name of a script that was not read to its end.
    pub(super) fn in_script(file: &Path, name: &str, problem: &DefinitionError) -> Self {
        Self {
            file: file.to_path_buf(),
            name: name.to_owned(),
            reason: problem.message.clone(),
        }
    }

    fn into_error(self, module: &Scope) -> DefinitionError {
        DefinitionError {
            line: module.file().line_of_name(&self.name),
            message: format!(
                "whether {} is an object of Feast, and which, depends on {}, which cannot be read without running Python; \
                 write it out, or let Python's `feast apply` write the registry and only serve with this binary",
                self.name, self.reason
            ),
            file: self.file,
            exception: None,
        }
    }
}

fn add(
    collected: &mut RepositoryDefinitions,
    name: &str,
    object: &DefinedObject,
    names: &Names<'_>,
) -> Result<(), String> {
    let definitions = &mut collected.definitions;
    let place = (object.file.clone(), object.line);
    let inner = object.object();
    let kind_and_name = match &*inner {
        FeastObject::Project(project) => {
            if definitions.project.replace(project.clone()).is_some() {
                return Err(
                    "Multiple projects found in the repository. Currently no support for multiple projects".to_owned(),
                );
            }
            (ObjectKind::Project, project.name())
        }
        FeastObject::Entity(entity) => {
            definitions.entities.push(entity.clone());
            (ObjectKind::Entity, entity.name())
        }
        FeastObject::Source(source) => {
            add_source(definitions, &mut collected.places, &place, source);
            (ObjectKind::DataSource, source.name())
        }
        FeastObject::View(view) => {
            for source in view.batch_source.iter().chain(&view.stream_source) {
                add_source(definitions, &mut collected.places, &place, source);
            }
            definitions.feature_views.push(view.clone());
            (kind_of(view), view.name())
        }
        FeastObject::OnDemandView(view) => {
            definitions
                .on_demand_feature_views
                .push(with_names(view, object, names)?);
            (ObjectKind::OnDemandFeatureView, view.name())
        }
        FeastObject::Projection(projection) => {
            return Err(format!(
                "{name} is bound to a choice of features or a renaming of {}; Feast would take it for a second view of that name. \
                 Write it where it is used",
                projection.projection.view
            ));
        }
        FeastObject::Service(service) => {
            definitions.services.push(service.clone());
            (ObjectKind::FeatureService, service.name())
        }
        FeastObject::Permission(permission) => {
            definitions.permissions.push(permission.clone());
            (ObjectKind::Permission, permission.name())
        }
        _ => return Ok(()),
    };
    collected
        .places
        .insert((kind_and_name.0, kind_and_name.1.to_owned()), place);
    Ok(())
}

/// The view with the names of its module that its function uses.
fn with_names(
    view: &OnDemandFeatureView,
    object: &DefinedObject,
    names: &Names<'_>,
) -> Result<OnDemandFeatureView, String> {
    let mut view = view.clone();
    if let (Some(transformation), Some(function)) = (&mut view.transformation, object.function()) {
        let used = names.of(function, &transformation.text);
        // Of a lambda there is nothing else, and Python would fail on it too.
        let is_lambda = function.name == "<lambda>" && transformation.text == function.source;
        if let Some(missing) = used.missing.first().filter(|_| is_lambda) {
            return Err(format!(
                "the lambda {missing}, and so cannot be stored with it; use a function that imports or defines {} itself",
                missing.name
            ));
        }
        transformation.module_names = Some(used);
    }
    Ok(view)
}

fn kind_of(view: &FeatureView) -> ObjectKind {
    match view.kind {
        ViewKind::Regular => ObjectKind::FeatureView,
        ViewKind::Stream(_) => ObjectKind::StreamFeatureView,
        ViewKind::Label(_) => ObjectKind::LabelView,
    }
}

/// A source may be reached by its name and through views; it counts once.
fn add_source(
    definitions: &mut Definitions,
    places: &mut HashMap<(ObjectKind, String), Place>,
    place: &(PathBuf, usize),
    source: &DataSource,
) {
    for source in std::iter::once(source).chain(source.batch_source()) {
        if !definitions.sources.contains(source) {
            definitions.sources.push(source.clone());
            let key = (ObjectKind::DataSource, source.name().to_owned());
            places.entry(key).or_insert_with(|| place.clone());
        }
    }
}
