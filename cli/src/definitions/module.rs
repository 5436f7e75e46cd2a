//! Files and statements: what a module's names are bound to after it has run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use feast_engine::model::ValueType;
use ruff_python_ast::{Alias, Expr, Stmt, StmtFor, StmtIf, StmtImport, StmtImportFrom, StmtTry};
use ruff_text_size::Ranged;

use super::DefinitionError;
use super::value::{Builtin, Function, Scope, Value};

/// How deep expressions and calls of helper functions may be nested: a definition that goes deeper does not end.
const MAX_DEPTH: usize = 400;

/// Result of evaluating a piece of a file.
pub(super) type Evaluated<T> = Result<T, DefinitionError>;

/// Runs definition files. Each file is run once, whoever imports it.
pub(super) struct Evaluator {
    repository: PathBuf,
    modules: HashMap<PathBuf, Result<Rc<Scope>, DefinitionError>>,
    running: Vec<PathBuf>,
    pub(super) depth: usize,
}

/// How a list of statements ended.
pub(super) enum Flow {
    /// At its end.
    Done,
    /// By `return`.
    Returned(Value),
}

impl Evaluator {
    pub(super) fn new(repository: &Path) -> Self {
        Self {
            repository: repository.to_path_buf(),
            modules: HashMap::new(),
            running: Vec::new(),
            depth: 0,
        }
    }

    /// Runs a file, or gives what its first run gave. `file` is relative to the repository.
    pub(super) fn module(&mut self, file: &Path) -> Evaluated<Rc<Scope>> {
        if let Some(known) = self.modules.get(file) {
            return known.clone();
        }
        if self.running.iter().any(|running| running == file) {
            let message = "is imported while it is being imported".to_owned();
            return Err(DefinitionError {
                file: file.to_path_buf(),
                line: 1,
                message,
            });
        }
        self.running.push(file.to_path_buf());
        let outcome = self.run_file(file);
        self.running.pop();
        self.modules.insert(file.to_path_buf(), outcome.clone());
        outcome
    }

    fn run_file(&mut self, file: &Path) -> Evaluated<Rc<Scope>> {
        let source = std::fs::read_to_string(self.repository.join(file)).map_err(|source| DefinitionError {
            file: file.to_path_buf(),
            line: 1,
            message: format!("cannot be read: {source}"),
        })?;
        let scope = Rc::new(Scope::of_file(file, &source));
        let parsed = ruff_python_parser::parse_module(scope.source())
            .map_err(|problem| scope.error(problem.location, format!("SyntaxError: {}", problem.error)))?;
        self.run(&parsed.syntax().body, &scope)?;
        Ok(scope)
    }

    /// Runs statements in order.
    pub(super) fn run(&mut self, body: &[Stmt], scope: &Rc<Scope>) -> Evaluated<Flow> {
        for statement in body {
            if let Flow::Returned(value) = self.statement(statement, scope)? {
                return Ok(Flow::Returned(value));
            }
        }
        Ok(Flow::Done)
    }

    fn statement(&mut self, statement: &Stmt, scope: &Rc<Scope>) -> Evaluated<Flow> {
        match statement {
            Stmt::Assign(assign) => {
                let value = self.evaluate(&assign.value, scope)?;
                for target in &assign.targets {
                    self.check_target(target, scope)?;
                    bind(target, &value, scope);
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    let value = self.evaluate(value, scope)?;
                    bind(&assign.target, &value, scope);
                }
            }
            Stmt::Import(import) => import_modules(import, scope),
            Stmt::ImportFrom(import) => self.import_from(import, scope)?,
            Stmt::FunctionDef(definition) => {
                let name = definition.name.as_str();
                let value = if definition.decorator_list.is_empty() {
                    Value::Function(Rc::new(Function {
                        definition: definition.clone(),
                        scope: Rc::clone(scope),
                    }))
                } else {
                    return Err(scope.error(
                        definition.range,
                        format!("decorated functions such as {name} cannot be read yet"),
                    ));
                };
                scope.bind(name, value);
            }
            Stmt::ClassDef(class) => {
                scope.bind(class.name.as_str(), Value::opaque(format!("the class {}", class.name)))
            }
            Stmt::Return(returned) => {
                let value = returned
                    .value
                    .as_ref()
                    .map_or(Ok(Value::None), |value| self.evaluate(value, scope))?;
                return Ok(Flow::Returned(value));
            }
            Stmt::If(branch) => return self.branch(branch, scope),
            Stmt::For(each) => return self.repeat(each, scope),
            Stmt::Try(attempt) => return self.attempt(attempt, scope),
            Stmt::Expr(effect) => self.effect(&effect.value, scope)?,
            Stmt::Pass(_) | Stmt::Assert(_) | Stmt::Global(_) => {}
            other => {
                return Err(scope.error(
                    other.range(),
                    "this kind of statement cannot be read without running Python",
                ));
            }
        }
        Ok(Flow::Done)
    }

    /// An expression that stands alone is there for its effect. Effects on unknown things (`path.mkdir()`, `print()`) reach no
    /// definition; one on a known list, dict or object would be lost.
    fn effect(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<()> {
        let Expr::Call(call) = expression else { return Ok(()) };
        let Expr::Attribute(method) = &*call.func else {
            return Ok(());
        };
        self.check_changeable(&method.value, scope)
    }

    /// Assigning to an item or attribute of a known thing would be lost too.
    fn check_target(&mut self, target: &Expr, scope: &Rc<Scope>) -> Evaluated<()> {
        match target {
            Expr::Subscript(subscript) => self.check_changeable(&subscript.value, scope),
            Expr::Attribute(attribute) => self.check_changeable(&attribute.value, scope),
            _ => Ok(()),
        }
    }

    fn check_changeable(&mut self, receiver: &Expr, scope: &Rc<Scope>) -> Evaluated<()> {
        if matches!(receiver, Expr::Name(name) if scope.lookup(name.id.as_str()).is_none()) {
            return Ok(());
        }
        match self.evaluate(receiver, scope)? {
            Value::Opaque(_) => Ok(()),
            known => Err(scope.error(
                receiver.range(),
                format!(
                    "changing a {} in place cannot be read without running Python; write it as one expression",
                    known.type_name()
                ),
            )),
        }
    }

    fn branch(&mut self, branch: &StmtIf, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let clauses = branch
            .elif_else_clauses
            .iter()
            .map(|clause| (clause.test.as_ref(), &clause.body));
        for (test, body) in std::iter::once((Some(&*branch.test), &branch.body)).chain(clauses) {
            let holds = match test {
                None => true,
                Some(test) if is_main_guard(test) => false,
                Some(test) => self.evaluate(test, scope)?.truth().ok_or_else(|| {
                    let text = scope.text(test.range());
                    scope.error(
                        test.range(),
                        format!("whether `{text}` holds cannot be known without running Python"),
                    )
                })?,
            };
            if holds {
                return self.run(body, scope);
            }
        }
        Ok(Flow::Done)
    }

    fn repeat(&mut self, each: &StmtFor, scope: &Rc<Scope>) -> Evaluated<Flow> {
        let items = self.evaluate(&each.iter, scope)?.items().ok_or_else(|| {
            let text = scope.text(each.iter.range());
            scope.error(
                each.iter.range(),
                format!("the items of `{text}` cannot be known without running Python"),
            )
        })?;
        for item in items {
            bind(&each.target, &item, scope);
            if let Flow::Returned(value) = self.run(&each.body, scope)? {
                return Ok(Flow::Returned(value));
            }
        }
        self.run(&each.orelse, scope)
    }

    /// An import that fails in Python is not known to fail here, so the first branch is taken.
    fn attempt(&mut self, attempt: &StmtTry, scope: &Rc<Scope>) -> Evaluated<Flow> {
        match self.run(&attempt.body, scope)? {
            Flow::Done => self.run(&attempt.finalbody, scope),
            returned => Ok(returned),
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom, scope: &Rc<Scope>) -> Evaluated<()> {
        let module = import.module.as_ref().map(|module| module.as_str()).unwrap_or_default();
        if let Some(file) = self.sibling(module, import.level, scope) {
            let imported = self.module(&file)?;
            for alias in &import.names {
                let name = alias.name.as_str();
                if name == "*" {
                    imported
                        .bindings()
                        .into_iter()
                        .for_each(|(name, value)| scope.bind(&name, value));
                    continue;
                }
                let value = imported
                    .lookup(name)
                    .ok_or_else(|| scope.error(alias.range, format!("ImportError: {module} has no name {name}")))?;
                scope.bind(bound_name(alias), value);
            }
            return Ok(());
        }
        for alias in &import.names {
            let name = alias.name.as_str();
            match (name, module.split('.').next()) {
                ("*", Some("feast")) => {
                    TYPE_NAMES
                        .iter()
                        .chain(&Builtin::NAMES)
                        .for_each(|name| scope.bind(name, imported(module, name)));
                }
                ("*", _) => {
                    return Err(scope.error(
                        alias.range,
                        format!("which names {module} has cannot be known; import them by name"),
                    ));
                }
                _ => scope.bind(bound_name(alias), imported(module, name)),
            }
        }
        Ok(())
    }

    /// The file of the repository that an import means, if it means one.
    fn sibling(&self, module: &str, level: u32, scope: &Scope) -> Option<PathBuf> {
        let mut start = PathBuf::new();
        if level > 0 {
            start = scope.file().parent()?.to_path_buf();
            for _ in 1..level {
                start = start.parent()?.to_path_buf();
            }
        }
        let file = module
            .split('.')
            .fold(start, |path, part| path.join(part))
            .with_extension("py");
        self.repository.join(&file).is_file().then_some(file)
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

/// Binds a name, or the names of a tuple. Other targets (attributes, items) hold nothing that is stored.
pub(super) fn bind(target: &Expr, value: &Value, scope: &Scope) {
    match target {
        Expr::Name(name) => scope.bind(name.id.as_str(), value.clone()),
        Expr::Tuple(tuple) => {
            let items = value.items().unwrap_or_default();
            for (index, target) in tuple.elts.iter().enumerate() {
                let item = items
                    .get(index)
                    .cloned()
                    .unwrap_or_else(|| Value::opaque("an unpacked value"));
                bind(target, &item, scope);
            }
        }
        _ => {}
    }
}

fn bound_name(alias: &Alias) -> &str {
    alias.asname.as_ref().unwrap_or(&alias.name).as_str()
}

fn import_modules(import: &StmtImport, scope: &Scope) {
    for alias in &import.names {
        let name = bound_name(alias);
        scope.bind(
            name.split('.').next().unwrap_or(name),
            Value::opaque(format!("the module {}", alias.name)),
        );
    }
}

/// What a name imported from Python's or Feast's library means.
fn imported(module: &str, name: &str) -> Value {
    let unknown = || Value::opaque(format!("{name} of the module {module}"));
    match module.split('.').next() {
        Some("feast") => type_by_name(name)
            .map(Value::Type)
            .or_else(|| Builtin::by_name(name).map(Value::Builtin))
            .unwrap_or_else(unknown),
        Some("datetime") if name == "timedelta" => Value::Builtin(Builtin::Timedelta),
        _ => unknown(),
    }
}

const TYPE_NAMES: [&str; 17] = [
    "Bytes",
    "PdfBytes",
    "ImageBytes",
    "String",
    "Bool",
    "Int32",
    "Int64",
    "Float32",
    "Float64",
    "UnixTimestamp",
    "Map",
    "Json",
    "Uuid",
    "TimeUuid",
    "Decimal",
    "ScalarMap",
    "ZonedTimestamp",
];

/// The simple types of `feast.types`.
fn type_by_name(name: &str) -> Option<ValueType> {
    Some(match name {
        "Bytes" => ValueType::Bytes,
        "PdfBytes" => ValueType::PdfBytes,
        "ImageBytes" => ValueType::ImageBytes,
        "String" => ValueType::String,
        "Bool" => ValueType::Bool,
        "Int32" => ValueType::Int32,
        "Int64" => ValueType::Int64,
        "Float32" => ValueType::Float32,
        "Float64" => ValueType::Float64,
        "UnixTimestamp" => ValueType::UnixTimestamp,
        "Map" => ValueType::Map,
        "Json" => ValueType::Json,
        "Uuid" => ValueType::Uuid,
        "TimeUuid" => ValueType::TimeUuid,
        "Decimal" => ValueType::Decimal,
        "ScalarMap" => ValueType::ScalarMap,
        "ZonedTimestamp" => ValueType::ZonedTimestamp,
        _ => return None,
    })
}

/// `__name__ == "__main__"`: definition files are imported, never run.
fn is_main_guard(test: &Expr) -> bool {
    matches!(test, Expr::Compare(compare) if matches!(&*compare.left, Expr::Name(name) if name.id.as_str() == "__name__"))
}
