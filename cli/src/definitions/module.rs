//! Files: which of them an import means, and what their names are bound to after they have run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Alias, StmtImport, StmtImportFrom};
use ruff_python_parser::Mode;
use ruff_text_size::{Ranged, TextRange};

use super::scope::{Reading, Scope, SourceFile};
use super::value::Value;
use super::{DefinitionError, Evaluated, feast, library};

/// How deep expressions and calls of helper functions may be nested: a definition that goes deeper does not end.
const MAX_DEPTH: usize = 200;

/// Runs definition files. Each file is run once, whoever imports it.
pub(super) struct Evaluator {
    repository: PathBuf,
    modules: HashMap<PathBuf, Result<Rc<Scope>, DefinitionError>>,
    running: Vec<(PathBuf, Rc<Scope>)>,
    reading: Rc<Reading>,
    depth: usize,
    /// How many statements around this one run although they perhaps would not.
    pub(super) uncertain: usize,
    /// How many `try` statements around this one expect imports to fail.
    pub(super) expecting_import_errors: usize,
}

impl Evaluator {
    pub(super) fn new(repository: &Path) -> Self {
        Self {
            repository: repository.to_path_buf(),
            modules: HashMap::new(),
            running: Vec::new(),
            reading: Reading::new(),
            depth: 0,
            uncertain: 0,
            expecting_import_errors: 0,
        }
    }

    /// Runs a file, or gives what its first run gave. `file` is relative to the repository.
    pub(super) fn module(&mut self, file: &Path) -> Evaluated<Rc<Scope>> {
        if let Some(known) = self.modules.get(file) {
            return known.clone();
        }
        // Files that import each other see what is bound so far, as in Python.
        if let Some((_, scope)) = self.running.iter().find(|(running, _)| running == file) {
            return Ok(Rc::clone(scope));
        }
        // A file runs for sure, wherever it is imported.
        let uncertain = std::mem::take(&mut self.uncertain);
        let outcome = self.run_file(file);
        self.uncertain = uncertain;
        self.modules.insert(file.to_path_buf(), outcome.clone());
        outcome
    }

    fn run_file(&mut self, file: &Path) -> Evaluated<Rc<Scope>> {
        let absolute = self.repository.join(file);
        let bytes = std::fs::read(&absolute).map_err(|source| problem(file, &format!("cannot be read: {source}")))?;
        let text = String::from_utf8(bytes).map_err(|_| problem(file, "is not UTF-8 text"))?;
        // A byte order mark is no part of the text, and Python reads every line end as one character.
        let text = text
            .strip_prefix('\u{feff}')
            .unwrap_or(&text)
            .replace("\r\n", "\n")
            .replace('\r', "\n");
        let source = SourceFile::new(file.to_path_buf(), absolute, text);
        let scope = Rc::new(Scope::of_file(source, &self.reading));
        nesting_is_bearable(scope.source()).map_err(|message| problem(file, message))?;
        let parsed = ruff_python_parser::parse_module(scope.source())
            .map_err(|problem| scope.raise(problem.location, "SyntaxError", problem.error.to_string()))?;
        self.running.push((file.to_path_buf(), Rc::clone(&scope)));
        let outcome = self.run(&parsed.syntax().body, &scope);
        self.running.pop();
        outcome.map(|_| scope)
    }

    pub(super) fn import(&mut self, import: &StmtImport, scope: &Rc<Scope>) -> Evaluated<()> {
        for alias in &import.names {
            let module = alias.name.as_str();
            let first = module.split('.').next().unwrap_or(module);
            let file = sibling(&self.repository, module, 0, scope);
            match (&file, &alias.asname) {
                (Some(file), _) => {
                    self.module(file)?;
                }
                (None, _) => self.check_installed(module, alias, scope)?,
            }
            match &alias.asname {
                Some(name) => scope.bind(name.as_str(), Value::Module(Rc::from(module))),
                None => scope.bind(first, Value::Module(Rc::from(first))),
            }
        }
        Ok(())
    }

    /// What `importlib.import_module` gives.
    pub(super) fn imported_module(&mut self, module: &str, scope: &Scope) -> Evaluated<Value> {
        if let Some(file) = sibling(&self.repository, module, 0, scope) {
            self.module(&file)?;
        }
        Ok(Value::Module(Rc::from(module)))
    }

    pub(super) fn import_from(&mut self, import: &StmtImportFrom, scope: &Rc<Scope>) -> Evaluated<()> {
        let module = import.module.as_ref().map(|module| module.as_str()).unwrap_or_default();
        if let Some(file) = sibling(&self.repository, module, import.level, scope) {
            let imported = self.module(&file)?;
            return self.import_names(import, &file, &imported, scope);
        }
        for alias in &import.names {
            let name = alias.name.as_str();
            let full_name = if module.is_empty() {
                name.to_owned()
            } else {
                format!("{module}.{name}")
            };
            if let Some(file) = sibling(&self.repository, &full_name, import.level, scope) {
                self.module(&file)?;
                let path = file.with_extension("").to_string_lossy().replace('/', ".");
                scope.bind(bound_name(alias), Value::Module(Rc::from(path)));
                continue;
            }
            self.check_installed(module, alias, scope)?;
            if name != "*" {
                scope.bind(bound_name(alias), module_attribute(module, name, scope));
            } else if module == "feast" || module.starts_with("feast.") {
                feast::exported_names().for_each(|(name, value)| scope.bind(name, value));
            } else {
                return Err(scope.limit(
                    alias.range,
                    format!("which names {module} has cannot be known; import them by name"),
                ));
            }
        }
        Ok(())
    }

    fn import_names(
        &mut self,
        import: &StmtImportFrom,
        file: &Path,
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
            let package = file.parent().filter(|_| file.ends_with("__init__.py"));
            let submodule = package.map(|package| package.join(name));
            let submodule = submodule.and_then(|path| module_file(&self.repository, &path).map(|file| (path, file)));
            let value = match (imported.own(name), submodule) {
                (Some(value), _) => value,
                (None, Some((path, file))) => {
                    self.module(&file)?;
                    Value::Module(Rc::from(path.to_string_lossy().replace('/', ".")))
                }
                (None, None) => {
                    let module = file.with_extension("").to_string_lossy().replace('/', ".");
                    let text = format!("cannot import name '{name}' from '{module}'");
                    return Err(scope.raise(alias.range, "ImportError", text));
                }
            };
            scope.bind(bound_name(alias), value);
        }
        Ok(())
    }

    /// An import that is expected to fail does, unless the module comes with Python or Feast.
    fn check_installed(&self, module: &str, alias: &Alias, scope: &Scope) -> Evaluated<()> {
        if self.expecting_import_errors == 0 || library::is_installed(module) {
            return Ok(());
        }
        Err(scope.raise(
            alias.range(),
            "ModuleNotFoundError",
            format!("No module named '{module}'"),
        ))
    }

    /// The value of `module.name`.
    pub(super) fn attribute_of_module(
        &mut self,
        module: &str,
        name: &str,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        let submodule = format!("{module}.{name}");
        if let Some(file) = sibling(&self.repository, module, 0, scope) {
            let imported = self.module(&file)?;
            if let Some(value) = imported.own(name) {
                return Ok(value);
            }
            if module_file(&self.repository, Path::new(&submodule.replace('.', "/"))).is_none() {
                let text = format!("module '{module}' has no attribute '{name}'");
                return Err(scope.raise(range, "AttributeError", text));
            }
        }
        if self
            .repository
            .join(submodule.replace('.', "/"))
            .with_extension("py")
            .is_file()
            || self.repository.join(module.replace('.', "/")).is_dir()
        {
            return Ok(Value::Module(Rc::from(submodule)));
        }
        Ok(module_attribute(module, name, scope))
    }

    /// Whether a module is a file of the repository.
    pub(super) fn is_of_repository(&self, module: &str) -> bool {
        module_file(&self.repository, Path::new(&module.replace('.', "/"))).is_some()
    }

    /// Runs `call` one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        too_deep: impl FnOnce() -> DefinitionError,
        call: impl FnOnce(&mut Self) -> Evaluated<T>,
    ) -> Evaluated<T> {
        if self.depth >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        let outcome = call(self);
        self.depth -= 1;
        outcome
    }
}

fn problem(file: &Path, message: &str) -> DefinitionError {
    DefinitionError {
        file: file.to_path_buf(),
        line: 1,
        message: message.to_owned(),
        exception: None,
    }
}

/// The parser calls itself for each bracket, sign and indentation; a file that nests too many of them would end the process.
/// The stack of the reading thread is made for these limits.
fn nesting_is_bearable(source: &str) -> Result<(), &'static str> {
    const MOST_BRACKETS: usize = 200;
    const MOST_SIGNS: usize = 20_000;
    const MOST_INDENTS: usize = 100;
    let (mut brackets, mut signs, mut indents): (usize, usize, usize) = (0, 0, 0);
    let mut tokens = ruff_python_parser::lexer::lex(source, Mode::Module);
    loop {
        match tokens.next_token() {
            TokenKind::EndOfFile => return Ok(()),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => brackets += 1,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => brackets = brackets.saturating_sub(1),
            TokenKind::Indent => indents += 1,
            TokenKind::Dedent => indents = indents.saturating_sub(1),
            TokenKind::Newline => signs = 0,
            TokenKind::Minus
            | TokenKind::Plus
            | TokenKind::Tilde
            | TokenKind::Star
            | TokenKind::DoubleStar
            | TokenKind::Colon
            | TokenKind::Not
            | TokenKind::Lambda
            | TokenKind::Await
            | TokenKind::Else
            | TokenKind::If
            | TokenKind::For => signs += 1,
            _ => {}
        }
        if brackets > MOST_BRACKETS {
            return Err("brackets are nested too deeply to be read");
        }
        if signs > MOST_SIGNS {
            return Err("an expression is too long to be read");
        }
        if indents > MOST_INDENTS {
            return Err("a line is indented too deeply to be read");
        }
    }
}

/// The file of the repository that an import means, if it means one. Modules that Feast has loaded before come first.
fn sibling(repository: &Path, module: &str, level: u32, scope: &Scope) -> Option<PathBuf> {
    let mut start = PathBuf::new();
    if level == 0 && !module.is_empty() && library::is_loaded(module) {
        return None;
    }
    if level > 0 {
        start = scope.path().parent()?.to_path_buf();
        for _ in 1..level {
            start = start.parent()?.to_path_buf();
        }
    }
    let parts = module.split('.').filter(|part| !part.is_empty());
    module_file(repository, &parts.fold(start, |path, part| path.join(part)))
}

/// The file of a module or package by its path without an ending.
fn module_file(repository: &Path, path: &Path) -> Option<PathBuf> {
    let file = path
        .file_name()
        .map(|name| path.with_file_name(format!("{}.py", name.to_string_lossy())));
    // A package hides a file of its name.
    let mut candidates = std::iter::once(path.join("__init__.py")).chain(file);
    candidates.find(|file| repository.join(file).is_file())
}

/// What `from module import *` binds: the names in `__all__`, or all without an underscore before them.
fn public_names(module: &Scope) -> Vec<(String, Value)> {
    let listed = module.own("__all__").and_then(|names| names.items());
    match listed {
        Some(names) => {
            let names = names.iter().filter_map(Value::as_text);
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

/// What a name of Python's or Feast's library means.
fn module_attribute(module: &str, name: &str, scope: &Scope) -> Value {
    if module == "feast" || module.starts_with("feast.") {
        return feast::attribute(module, name);
    }
    library::attribute(module, name, scope)
}
