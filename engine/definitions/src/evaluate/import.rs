//! Imports: which file one means, and what it binds.

use std::rc::Rc;

use ruff_python_ast::{Alias, StmtImport, StmtImportFrom};

use super::evaluator::Evaluator;
use crate::context::Site;
use crate::error::{DefinitionError, Evaluated};
use crate::source::{ModuleFile, is_installed};
use crate::value::{Scope, Taint, Value};
use crate::{feast, stdlib};

impl Evaluator<'_> {
    pub(super) fn import_stmt(&mut self, import: &StmtImport, scope: &Rc<Scope>) -> Evaluated<()> {
        for alias in &import.names {
            let module = alias.name.as_str();
            let first = module.split('.').next().unwrap_or(module);
            match self.search.module(module) {
                Some(file) => drop(self.loaded(&file)?),
                None if self.search.is_namespace(module) => {}
                None => self.check_installed(module, alias, scope)?,
            }
            match &alias.asname {
                Some(name) => scope.bind(name.as_str(), Value::Module(Rc::from(module))),
                None => scope.bind(first, Value::Module(Rc::from(first))),
            }
        }
        Ok(())
    }

    /// What `importlib.import_module` returns.
    pub(super) fn imported_module(&mut self, module: &str) -> Evaluated<Value> {
        if let Some(file) = self.search.module(module) {
            drop(self.loaded(&file)?);
        }
        Ok(Value::Module(Rc::from(module)))
    }

    pub(super) fn import_from_stmt(&mut self, import: &StmtImportFrom, scope: &Rc<Scope>) -> Evaluated<()> {
        let module = import.module.as_ref().map(|module| module.as_str()).unwrap_or_default();
        if let Some(file) = self.file_of(module, import.level, scope) {
            return match self.loaded(&file)? {
                Ok(imported) => self.import_names(import, &file, &imported, scope),
                Err(problem) => self.import_unread(import, &file, &problem, scope),
            };
        }
        for alias in &import.names {
            let name = alias.name.as_str();
            let full_name = if module.is_empty() {
                name.to_owned()
            } else {
                format!("{module}.{name}")
            };
            if let Some(file) = self.file_of(&full_name, import.level, scope) {
                drop(self.loaded(&file)?);
                scope.bind(bound_name(alias), Value::Module(Rc::from(file.name())));
                continue;
            }
            self.check_installed(module, alias, scope)?;
            if name != "*" {
                scope.bind(bound_name(alias), module_attribute(module, name, self.at(alias, scope)));
            } else if module == "feast" || module.starts_with("feast.") {
                feast::exported_names().for_each(|(name, value)| scope.bind(name, value));
            } else {
                return Err(unclear_names(module, self.at(alias, scope)));
            }
        }
        Ok(())
    }

    /// The names of the module that a file imports, if it is a file that has run.
    pub(crate) fn scope_of_module(&self, module: &str, level: u32, from: &Scope) -> Option<Rc<Scope>> {
        let file = self.file_of(module, level, from)?;
        self.modules.outcomes.get(&file.path)?.as_ref().ok().cloned()
    }

    /// Whether the import of a module succeeds wherever the file that imports it is run.
    pub(crate) fn is_there(&self, module: &str, level: u32, from: &Scope) -> bool {
        (level == 0 && is_installed(module)) || self.file_of(module, level, from).is_some()
    }

    /// Whether a module is one of files that are read, or a folder of them.
    pub(crate) fn is_of_files(&self, module: &str) -> bool {
        self.is_read(module) || (!is_installed(module) && self.search.is_namespace(module))
    }

    /// `os.environ`.
    pub(crate) fn environment(&self) -> &Value {
        self.session.environment()
    }

    fn file_of(&self, module: &str, level: u32, scope: &Scope) -> Option<ModuleFile> {
        match level {
            0 => self.search.module(module),
            level => self.search.relative(module, level, &scope.file().module),
        }
    }

    /// Runs the file of a module. One outside of the repository that cannot be read is not an error yet: the inner `Err` says why.
    fn loaded(&mut self, file: &ModuleFile) -> Evaluated<Result<Rc<Scope>, DefinitionError>> {
        match self.module(file) {
            Err(problem) if file.is_outside() => Ok(Err(problem)),
            outcome => outcome.map(Ok),
        }
    }

    fn import_names(
        &mut self,
        import: &StmtImportFrom,
        file: &ModuleFile,
        imported: &Scope,
        scope: &Rc<Scope>,
    ) -> Evaluated<()> {
        for alias in &import.names {
            let name = alias.name.as_str();
            if name == "*" {
                public_names(imported)
                    .into_iter()
                    .for_each(|(name, value)| scope.bind(&name, value));
                continue;
            }
            // A name that a package does not bind may be one of its files.
            let value = match (imported.own(name), self.search.submodule(file, name)) {
                (Some(value), _) => value,
                (None, Some(submodule)) => {
                    drop(self.loaded(&submodule)?);
                    Value::Module(Rc::from(submodule.name()))
                }
                // What is not written in Python may be there all the same.
                (None, None) if file.is_outside() || imported.own("__getattr__").is_some() => {
                    unread(name, &file.name(), Taint::MaybeObject)
                }
                (None, None) => {
                    let message = format!("cannot import name '{name}' from '{}'", file.name());
                    return Err(self.at(alias, scope).raise("ImportError", message));
                }
            };
            scope.bind(bound_name(alias), value);
        }
        Ok(())
    }

    /// An import that is expected to fail does, unless the module comes with Python or Feast.
    fn check_installed(&self, module: &str, alias: &Alias, scope: &Rc<Scope>) -> Evaluated<()> {
        if self.expecting_import_errors == 0 || is_installed(module) {
            return Ok(());
        }
        Err(self
            .at(alias, scope)
            .raise("ModuleNotFoundError", format!("No module named '{module}'")))
    }

    /// Binds the names of a module that cannot be read.
    fn import_unread(
        &self,
        import: &StmtImportFrom,
        file: &ModuleFile,
        problem: &DefinitionError,
        scope: &Rc<Scope>,
    ) -> Evaluated<()> {
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                return Err(unclear_names(&file.name(), self.at(alias, scope)));
            }
            let value = unread_because(alias.name.as_str(), &file.name(), problem);
            scope.bind(bound_name(alias), value);
        }
        Ok(())
    }

    /// The value of `module.name`.
    pub(super) fn attribute_of_module(&mut self, module: &str, name: &str, site: Site<'_>) -> Evaluated<Value> {
        let submodule = format!("{module}.{name}");
        if let Some(file) = self.search.module(module) {
            let imported = match self.loaded(&file)? {
                Ok(imported) => imported,
                Err(problem) => return Ok(unread_because(name, module, &problem)),
            };
            if let Some(value) = imported.own(name) {
                return Ok(value);
            }
            return match (self.search.module(&submodule), file.is_outside()) {
                (Some(_), _) => Ok(Value::Module(Rc::from(submodule))),
                (None, true) => Ok(unread(name, module, Taint::MaybeObject)),
                (None, false) => {
                    let message = format!("module '{module}' has no attribute '{name}'");
                    Err(site.raise("AttributeError", message))
                }
            };
        }
        if self.search.module(&submodule).is_some() || self.search.is_namespace(module) {
            return Ok(Value::Module(Rc::from(submodule)));
        }
        Ok(module_attribute(module, name, site))
    }

    /// Whether a module is a file that is read.
    pub(super) fn is_read(&self, module: &str) -> bool {
        self.search.module(module).is_some()
    }
}

fn unclear_names(module: &str, site: Site<'_>) -> DefinitionError {
    site.limit(format!("which names {module} has cannot be known; import them by name"))
}

/// A name of a module that is not there as far as it can be read.
fn unread(name: &str, module: &str, taint: Taint) -> Value {
    Value::opaque_with(format!("{name} of the module {module}"), taint)
}

/// A name of a module that cannot be read.
fn unread_because(name: &str, module: &str, problem: &DefinitionError) -> Value {
    Value::opaque_with(format!("{name} of the module {module} ({problem})"), Taint::MaybeObject)
}

/// What `from module import *` binds: the names in `__all__`, or all without an underscore before them.
fn public_names(module: &Scope) -> Vec<(String, Value)> {
    let listed = module.own("__all__").and_then(|names| names.items());
    match listed {
        Some(names) => {
            let names = names.iter().filter_map(Value::as_str);
            names
                .filter_map(|name| Some((name.to_string(), module.own(&name)?)))
                .collect()
        }
        None => {
            let names = module.bindings().into_iter();
            names.filter(|(name, _)| !name.starts_with('_')).collect()
        }
    }
}

fn bound_name(alias: &Alias) -> &str {
    alias.asname.as_ref().unwrap_or(&alias.name).as_str()
}

/// What a name of Python's or Feast's own modules means.
fn module_attribute(module: &str, name: &str, site: Site<'_>) -> Value {
    if module == "feast" || module.starts_with("feast.") {
        return feast::attribute(module, name);
    }
    stdlib::attribute(module, name, site)
}
