//! The objects that a repository registers: the values of module-level names, each object once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;

use feast_engine::model::{DataSource, Definitions};

use super::DefinitionError;
use super::value::{Object, Scope, Value};

/// Collects from modules in path order, and in each from its names in alphabetical order, as Feast does.
pub(super) fn definitions(modules: &[(PathBuf, Rc<Scope>)]) -> Result<Definitions, Vec<DefinitionError>> {
    let mut definitions = Definitions::default();
    let mut seen = BTreeSet::new();
    let mut errors = Vec::new();
    for (file, module) in modules {
        for (name, value) in module.bindings() {
            let Value::Object(object) = value else { continue };
            if !seen.insert(Rc::as_ptr(&object)) {
                continue;
            }
            if let Err(message) = add(&mut definitions, &name, &object) {
                errors.push(DefinitionError {
                    file: file.clone(),
                    line: 1,
                    message,
                });
            }
        }
    }
    if errors.is_empty() {
        Ok(definitions)
    } else {
        Err(errors)
    }
}

fn add(definitions: &mut Definitions, name: &str, object: &Object) -> Result<(), String> {
    match object {
        Object::Project(project) => {
            if definitions.project.replace(project.clone()).is_some() {
                return Err(
                    "Multiple projects found in the repository. Currently no support for multiple projects".to_owned(),
                );
            }
        }
        Object::Entity(entity) => definitions.entities.push(entity.clone()),
        Object::Source(source) => add_source(definitions, source),
        Object::View(view) => {
            for source in view.batch_source.iter().chain(&view.stream_source) {
                add_source(definitions, source);
            }
            definitions.feature_views.push(view.clone());
        }
        Object::Projection(projection) => {
            return Err(format!(
                "{name} is bound to a choice of features or a renaming of {}; Feast would take it for a second view of that name. \
                 Write it where it is used",
                projection.view.name
            ));
        }
        Object::Service(service) => definitions.services.push(service.clone()),
        Object::Field(_) | Object::ParquetFormat => {}
    }
    Ok(())
}

/// A source may be reached by its name and through views; it counts once.
fn add_source(definitions: &mut Definitions, source: &DataSource) {
    if !definitions.sources.contains(source) {
        definitions.sources.push(source.clone());
    }
    if let Some(inner) = source
        .batch_source()
        .filter(|inner| !definitions.sources.contains(inner))
    {
        definitions.sources.push(inner.clone());
    }
}
