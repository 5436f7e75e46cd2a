//! The names that a piece of code takes from around it.
//!
//! Annotations are left out: nothing evaluates those of stored functions. Knows nothing of values.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_except_handler, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, ExprContext, Parameters, Pattern, Stmt, StmtClassDef, StmtFunctionDef,
};

/// Names in the order of their first use.
#[derive(Debug, Default)]
pub(super) struct Free {
    pub(super) names: Vec<String>,
    /// Those of them that are looked up where the code is defined, not where it is called.
    pub(super) early: BTreeSet<String>,
    scopes: Vec<Bound>,
    /// How many functions are around what is looked at.
    functions: usize,
}

impl Free {
    /// Those of a statement: a function without its decorators, or a class.
    pub(super) fn of_definition(statement: &Stmt) -> Self {
        let mut free = Self::default();
        match statement {
            Stmt::FunctionDef(definition) => free.function(&definition.parameters, Body::Statements(&definition.body)),
            other => free.visit_stmt(other),
        }
        free
    }

    /// Those of a function or a lambda.
    pub(super) fn of_function(parameters: &Parameters, body: Body<'_>) -> Self {
        let mut free = Self::default();
        free.function(parameters, body);
        free
    }

    fn use_name(&mut self, name: &str) {
        let last = self.scopes.len().saturating_sub(1);
        for (index, scope) in self.scopes.iter().enumerate().rev() {
            if scope.globals.contains(name) {
                break;
            }
            // Functions in a class do not see its names.
            if scope.names.contains(name) && (!scope.is_class || index == last) {
                return;
            }
        }
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
        if self.functions == 0 {
            self.early.insert(name.to_owned());
        }
    }

    fn function(&mut self, parameters: &Parameters, body: Body<'_>) {
        for parameter in parameters.iter_non_variadic_params() {
            if let Some(default) = &parameter.default {
                self.visit_expr(default);
            }
        }
        let mut bound = Bound::default();
        match body {
            Body::Statements(statements) => bound.visit_body(statements),
            Body::Expression(expression) => bound.visit_expr(expression),
        }
        bound.names.retain(|name| !bound.nonlocals.contains(name));
        bound
            .names
            .extend(parameters.iter().map(|parameter| parameter.name().to_string()));
        self.scopes.push(bound);
        self.functions += 1;
        match body {
            Body::Statements(statements) => self.visit_body(statements),
            Body::Expression(expression) => self.visit_expr(expression),
        }
        self.functions -= 1;
        self.scopes.pop();
    }

    fn class(&mut self, definition: &StmtClassDef) {
        if let Some(arguments) = &definition.arguments {
            self.visit_arguments(arguments);
        }
        let mut bound = Bound {
            is_class: true,
            ..Bound::default()
        };
        bound.visit_body(&definition.body);
        // A name that the class binds may be looked up outside before: `LIMIT = LIMIT`.
        let outer: Vec<&Expr> = definition.body.iter().filter_map(same_name).collect();
        outer.into_iter().for_each(|value| self.visit_expr(value));
        self.scopes.push(bound);
        self.visit_body(&definition.body);
        self.scopes.pop();
    }

    /// The first iterable is computed around the comprehension.
    fn comprehension(&mut self, generators: &[Comprehension], gives: &[&Expr]) {
        let Some((first, rest)) = generators.split_first() else {
            return;
        };
        self.visit_expr(&first.iter);
        let mut bound = Bound::default();
        for generator in generators {
            bound.visit_expr(&generator.target);
        }
        self.scopes.push(bound);
        first.ifs.iter().for_each(|condition| self.visit_expr(condition));
        for generator in rest {
            self.visit_expr(&generator.iter);
            generator.ifs.iter().for_each(|condition| self.visit_expr(condition));
        }
        gives.iter().for_each(|expression| self.visit_expr(expression));
        self.scopes.pop();
    }
}

/// What a function does.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    Statements(&'a [Stmt]),
    Expression(&'a Expr),
}

/// The value of `NAME = NAME`.
fn same_name(statement: &Stmt) -> Option<&Expr> {
    let Stmt::Assign(assign) = statement else {
        return None;
    };
    match (assign.targets.as_slice(), &*assign.value) {
        ([Expr::Name(target)], Expr::Name(value)) if target.id == value.id => Some(&assign.value),
        _ => None,
    }
}

impl<'a> Visitor<'a> for Free {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(StmtFunctionDef {
                decorator_list,
                parameters,
                body,
                ..
            }) => {
                decorator_list
                    .iter()
                    .for_each(|decorator| self.visit_expr(&decorator.expression));
                self.function(parameters, Body::Statements(body));
            }
            Stmt::ClassDef(definition) => {
                let decorators = definition.decorator_list.iter();
                decorators.for_each(|decorator| self.visit_expr(&decorator.expression));
                self.class(definition);
            }
            Stmt::AnnAssign(assign) => {
                self.visit_expr(&assign.target);
                if let Some(value) = &assign.value {
                    self.visit_expr(value);
                }
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            // One that is bound here is not found around, unless `global` says so.
            Expr::Name(name) => self.use_name(name.id.as_str()),
            Expr::Lambda(lambda) => {
                let none = Parameters::default();
                let parameters = lambda.parameters.as_deref().unwrap_or(&none);
                self.function(parameters, Body::Expression(&lambda.body));
            }
            Expr::ListComp(list) => self.comprehension(&list.generators, &[&list.elt]),
            Expr::SetComp(set) => self.comprehension(&set.generators, &[&set.elt]),
            Expr::Generator(generator) => self.comprehension(&generator.generators, &[&generator.elt]),
            Expr::DictComp(dict) => {
                let gives: Vec<&Expr> = dict.key.iter().map(|key| &**key).chain([&*dict.value]).collect();
                self.comprehension(&dict.generators, &gives);
            }
            _ => walk_expr(self, expression),
        }
    }
}

/// The names that statements bind in their own function or class.
#[derive(Debug, Default)]
struct Bound {
    names: BTreeSet<String>,
    globals: BTreeSet<String>,
    nonlocals: BTreeSet<String>,
    is_class: bool,
    /// How many comprehensions are around what is looked at: their targets are their own.
    comprehensions: usize,
}

impl Bound {
    fn insert(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }
}

impl<'a> Visitor<'a> for Bound {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(definition) => self.insert(definition.name.as_str()),
            Stmt::ClassDef(definition) => self.insert(definition.name.as_str()),
            Stmt::Import(import) => {
                for alias in &import.names {
                    let first = alias.name.split('.').next().unwrap_or_default();
                    self.insert(alias.asname.as_ref().map_or(first, |name| name.as_str()));
                }
            }
            Stmt::ImportFrom(import) => {
                for alias in &import.names {
                    self.insert(alias.asname.as_ref().unwrap_or(&alias.name).as_str());
                }
            }
            Stmt::Global(global) => self.globals.extend(global.names.iter().map(ToString::to_string)),
            Stmt::Nonlocal(names) => self.nonlocals.extend(names.names.iter().map(ToString::to_string)),
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) if name.ctx != ExprContext::Load && self.comprehensions == 0 => {
                self.insert(name.id.as_str());
            }
            Expr::Named(named) => {
                if let Expr::Name(name) = &*named.target {
                    self.insert(name.id.as_str());
                }
                self.visit_expr(&named.value);
            }
            Expr::Lambda(_) => {}
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => {
                self.comprehensions += 1;
                walk_expr(self, expression);
                self.comprehensions -= 1;
            }
            _ => walk_expr(self, expression),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(caught) = handler;
        if let Some(name) = &caught.name {
            self.insert(name.as_str());
        }
        walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(pattern) => pattern.name.as_ref(),
            Pattern::MatchStar(pattern) => pattern.name.as_ref(),
            Pattern::MatchMapping(pattern) => pattern.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.insert(name.as_str());
        }
        walk_pattern(self, pattern);
    }
}
