//! What a name means in a function: a variable of it, one of a function around it, something imported, or a builtin.

use std::collections::HashMap;
use std::sync::Arc;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{ExceptHandler, Expr, ExprLambda, Parameters, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged;

use super::{Compiled, refused};
use crate::native::{self, Known};
use crate::program::{Body, Code, Expression, Kind, Parameter, Text};

/// The names of a function, with those around it.
pub(super) struct Scope<'outer> {
    outer: Option<&'outer Scope<'outer>>,
    variables: Vec<Text>,
    by_name: HashMap<String, usize>,
    /// Names that an import has bound, which nothing else binds.
    imported: HashMap<String, Known>,
    /// Names that `nonlocal` has made those of an outer function.
    nonlocal: Vec<String>,
    /// Names of comprehensions that are being compiled, the innermost last.
    inner: Vec<(String, usize)>,
}

impl<'outer> Scope<'outer> {
    /// What Feast's server gives a function: pandas and numpy.
    pub(super) fn module() -> Self {
        let names = ["pd", "pandas", "np", "numpy"].map(|name| {
            let module = if name.starts_with('p') { "pandas" } else { "numpy" };
            (name.to_owned(), Known::Module(module))
        });
        Self {
            imported: names.into(),
            ..Self::inside(None)
        }
    }

    /// Binds the names of the function's module. What never changes is known from now on, the rest is run for each call: what a
    /// call changes in place, the next one does not see.
    pub(super) fn names_of_module(&mut self, statements: &[Stmt]) -> Compiled<Option<Arc<Code>>> {
        let mut bound = Bound::default();
        bound.visit_body(statements);
        let mut run = Vec::new();
        for statement in statements {
            if !self.take_constants(statement)? {
                run.push(statement);
            }
        }
        for name in &bound.names {
            if !self.imported.contains_key(name) {
                self.variable(name);
            }
        }
        let statements = self.each_statement(run)?;
        Ok((!statements.is_empty()).then(|| {
            Arc::new(Code {
                name: Text::from("<module>"),
                parameters: Vec::new(),
                variables: self.variables.clone(),
                body: Body::Statements(statements),
            })
        }))
    }

    /// What a name with attributes means, if its first part is not something else here.
    pub(super) fn known_path(&self, path: &str) -> Option<Known> {
        let first = path.split('.').next()?;
        let mut scope = Some(self);
        while let Some(names) = scope {
            if names.by_name.contains_key(first) || names.inner.iter().any(|(open, _)| open == first) {
                return None;
            }
            if let Some(known) = names.imported.get(path) {
                return Some(known.clone());
            }
            scope = names.outer;
        }
        None
    }

    pub(super) fn is_module(&self) -> bool {
        self.outer.is_none()
    }

    fn inside(outer: Option<&'outer Scope<'outer>>) -> Self {
        Self {
            outer,
            variables: Vec::new(),
            by_name: HashMap::new(),
            imported: HashMap::new(),
            nonlocal: Vec::new(),
            inner: Vec::new(),
        }
    }

    pub(super) fn function(&mut self, function: &StmtFunctionDef) -> Compiled<Arc<Code>> {
        if function.is_async {
            return refused(function, "asynchronous functions are not known");
        }
        let mut bound = Bound::default();
        bound.visit_body(&function.body);
        if bound.yields {
            return refused(function, "functions with `yield` are not known");
        }
        let mut scope = Scope::inside(Some(self));
        let parameters = scope.parameters(&function.parameters)?;
        scope.nonlocal = bound.nonlocal;
        for name in bound.names {
            if !scope.nonlocal.contains(&name) {
                scope.variable(&name);
            }
        }
        let statements = scope.statements(&function.body)?;
        Ok(Arc::new(Code {
            name: Text::from(function.name.as_str()),
            parameters,
            variables: scope.variables,
            body: Body::Statements(statements),
        }))
    }

    pub(super) fn lambda(&mut self, lambda: &ExprLambda) -> Compiled<Arc<Code>> {
        let mut scope = Scope::inside(Some(self));
        let parameters = match &lambda.parameters {
            Some(parameters) => scope.parameters(parameters)?,
            None => Vec::new(),
        };
        let body = scope.expression(&lambda.body)?;
        Ok(Arc::new(Code {
            name: Text::from("<lambda>"),
            parameters,
            variables: scope.variables,
            body: Body::Expression(body),
        }))
    }

    /// Gives parameters the first slots. Their defaults are computed around the function.
    fn parameters(&mut self, parameters: &Parameters) -> Compiled<Vec<Parameter>> {
        if let Some(rest) = parameters.vararg.as_ref().or(parameters.kwarg.as_ref()) {
            return refused(&**rest, "`*args` and `**kwargs` of a function are not known");
        }
        let by_position = parameters.posonlyargs.iter().chain(&parameters.args);
        let by_position = by_position.map(|parameter| (parameter, true));
        let by_name = parameters.kwonlyargs.iter().map(|parameter| (parameter, false));
        let mut compiled = Vec::new();
        for (parameter, may_be_positional) in by_position.chain(by_name) {
            let name = parameter.parameter.name.as_str();
            let default = match (&parameter.default, self.outer) {
                // A name in it is that of the function around.
                (Some(default), Some(outer)) => Some(outer.default(default)?),
                _ => None,
            };
            self.variable(name);
            compiled.push(Parameter {
                name: Text::from(name),
                default,
                may_be_positional,
            });
        }
        Ok(compiled)
    }

    /// The default of a parameter, which may name variables but bind none.
    fn default(&self, default: &Expr) -> Compiled<Expression> {
        let mut scope = Scope::inside(Some(self));
        let mut compiled = scope.expression(default)?;
        if !scope.variables.is_empty() {
            return refused(default, "a comprehension in a default is not known");
        }
        lower(&mut compiled, default)?;
        Ok(compiled)
    }

    /// The slot of a name that the function binds.
    pub(super) fn variable(&mut self, name: &str) -> usize {
        if let Some(slot) = self.by_name.get(name) {
            return *slot;
        }
        let slot = self.fresh(name);
        self.by_name.insert(name.to_owned(), slot);
        slot
    }

    fn fresh(&mut self, name: &str) -> usize {
        self.variables.push(Text::from(name));
        self.variables.len() - 1
    }

    /// Opens a name that only a comprehension sees.
    pub(super) fn open(&mut self, name: &str) -> usize {
        let slot = self.fresh(name);
        self.inner.push((name.to_owned(), slot));
        slot
    }

    /// How many such names are open.
    pub(super) fn opened(&self) -> usize {
        self.inner.len()
    }

    /// Closes those after the first `count`.
    pub(super) fn close(&mut self, count: usize) {
        self.inner.truncate(count);
    }

    /// Binds a name to what an import gives.
    pub(super) fn import(&mut self, name: &str, known: Known, place: impl Ranged) -> Compiled<()> {
        if self.by_name.contains_key(name) {
            return refused(place, format!("`{name}` is imported and assigned, which is not known"));
        }
        match self.imported.get(name) {
            Some(other) if *other != known => refused(place, format!("`{name}` is imported twice, which is not known")),
            _ => {
                self.imported.insert(name.to_owned(), known);
                Ok(())
            }
        }
    }

    /// Where a name of an enclosing function is, for `nonlocal`.
    pub(super) fn outer_variable(&self, name: &str) -> Option<(usize, usize)> {
        if !self.nonlocal.iter().any(|known| known == name) {
            return None;
        }
        let mut scope = self.outer?;
        for levels in 1.. {
            if let Some(slot) = scope.by_name.get(name) {
                return Some((levels, *slot));
            }
            scope = scope.outer?;
        }
        None
    }

    /// What a name means where it is read.
    pub(super) fn meaning(&self, name: &str, place: impl Ranged) -> Compiled<Meaning> {
        let mut scope = Some(self);
        let mut levels = 0;
        while let Some(names) = scope {
            let inner = names
                .inner
                .iter()
                .rev()
                .find(|(open, _)| open == name)
                .map(|(_, slot)| *slot);
            if let Some(slot) = inner.or_else(|| names.by_name.get(name).copied()) {
                return Ok(Meaning::Variable { levels, slot });
            }
            if let Some(known) = names.imported.get(name) {
                return Ok(Meaning::Known(known.clone()));
            }
            scope = names.outer;
            levels += 1;
        }
        match native::builtin(name) {
            Some(known) => Ok(Meaning::Known(known)),
            None => refused(
                place,
                format!("`{name}` is not defined in the function, and is no builtin that is known here"),
            ),
        }
    }
}

/// What a name means.
pub(super) enum Meaning {
    Variable { levels: usize, slot: usize },
    Known(Known),
}

/// A default is compiled in a scope of its own, one level too far in.
fn lower(expression: &mut Expression, place: &Expr) -> Compiled<()> {
    match &mut expression.kind {
        Kind::Constant(_) | Kind::Native(_) => Ok(()),
        Kind::Variable { levels, .. } if *levels > 0 => {
            *levels -= 1;
            Ok(())
        }
        Kind::Unary(_, operand) => lower(operand, place),
        Kind::Binary(left, _, right) => {
            lower(left, place)?;
            lower(right, place)
        }
        _ => refused(place, "this default of a parameter is not known"),
    }
}

/// The names that statements bind, in their order.
#[derive(Default)]
struct Bound {
    names: Vec<String>,
    nonlocal: Vec<String>,
    yields: bool,
}

impl Bound {
    fn name(&mut self, name: &str) {
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }

    fn target(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => self.name(name.id.as_str()),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|item| self.target(item)),
            Expr::List(list) => list.elts.iter().for_each(|item| self.target(item)),
            Expr::Starred(starred) => self.target(&starred.value),
            _ => {}
        }
    }
}

impl<'a> Visitor<'a> for Bound {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.target(target)),
            Stmt::AugAssign(augment) => self.target(&augment.target),
            Stmt::AnnAssign(annotated) => self.target(&annotated.target),
            Stmt::For(each) => self.target(&each.target),
            Stmt::Try(attempt) => {
                for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                    if let Some(name) = &handler.name {
                        self.name(name.as_str());
                    }
                }
            }
            Stmt::Nonlocal(names) => self.nonlocal.extend(names.names.iter().map(|name| name.to_string())),
            // What is in it belongs to it.
            Stmt::FunctionDef(function) => return self.name(function.name.as_str()),
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Named(named) => self.target(&named.target),
            Expr::Yield(_) | Expr::YieldFrom(_) => self.yields = true,
            Expr::Lambda(_) => return,
            _ => {}
        }
        walk_expr(self, expression);
    }
}
