//! How a file comes to have a name: by an import, or by something else. Looked up in the text of the file, as values do not say where
//! they come from.

use ruff_python_ast::{ExceptHandler, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::literal::is_fixed;

/// A statement of a file that binds a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binding {
    /// `import module`, or `import module as name`.
    Module(String),
    /// `from module import name`.
    Name { module: String, level: u32, name: String },
    /// `from module import *`, which may bind it or not.
    Any { module: String, level: u32 },
    /// An assignment of a value that is written out and cannot be changed in place.
    Fixed(TextRange),
    /// An assignment to the name alone, of anything else.
    Assigned(TextRange),
    /// A class.
    Class(TextRange),
    /// Anything else.
    Other,
}

/// The bindings of a name among the statements of a file.
pub(super) struct Bindings<'a> {
    name: &'a str,
    pub(super) found: Vec<Binding>,
    /// Modules whose import decides what the name is: where one is not found, other statements run.
    pub(super) expected: Vec<(String, u32)>,
}

impl<'a> Bindings<'a> {
    pub(super) fn of(name: &'a str, body: &[Stmt]) -> Self {
        let mut bindings = Self {
            name,
            found: Vec::new(),
            expected: Vec::new(),
        };
        bindings.body(body);
        bindings
    }

    fn body(&mut self, body: &[Stmt]) {
        body.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let first = alias.name.split('.').next().unwrap_or_default();
                    if alias.asname.as_ref().map_or(first, |name| name.as_str()) == self.name {
                        self.found.push(Binding::Module(alias.name.to_string()));
                    }
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map(ToString::to_string).unwrap_or_default();
                for alias in &import.names {
                    let (module, level) = (module.clone(), import.level);
                    if alias.name.as_str() == "*" {
                        self.found.push(Binding::Any { module, level });
                    } else if alias.asname.as_ref().unwrap_or(&alias.name).as_str() == self.name {
                        let name = alias.name.to_string();
                        self.found.push(Binding::Name { module, level, name });
                    }
                }
            }
            Stmt::Assign(assign) => {
                let range = assign.value.range();
                for target in &assign.targets {
                    match target {
                        Expr::Name(name) if name.id.as_str() == self.name => {
                            self.found.push(match (is_fixed(&assign.value), assign.targets.len()) {
                                (true, _) => Binding::Fixed(range),
                                (false, 1) => Binding::Assigned(range),
                                _ => Binding::Other,
                            });
                        }
                        target => self.target(target),
                    }
                }
            }
            Stmt::AnnAssign(assign) if assign.value.is_some() => self.target(&assign.target),
            Stmt::AugAssign(assign) => self.target(&assign.target),
            Stmt::FunctionDef(definition) if definition.name.as_str() == self.name => self.found.push(Binding::Other),
            Stmt::ClassDef(definition) if definition.name.as_str() == self.name => {
                self.found.push(Binding::Class(definition.range));
            }
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| self.target(target)),
            Stmt::For(each) => {
                self.target(&each.target);
                self.body(&each.body);
                self.body(&each.orelse);
            }
            Stmt::While(each) => {
                self.body(&each.body);
                self.body(&each.orelse);
            }
            Stmt::If(branch) => {
                self.body(&branch.body);
                branch
                    .elif_else_clauses
                    .iter()
                    .for_each(|clause| self.body(&clause.body));
            }
            Stmt::With(with) => {
                let targets = with.items.iter().filter_map(|item| item.optional_vars.as_deref());
                targets.for_each(|target| self.target(target));
                self.body(&with.body);
            }
            Stmt::Try(attempt) => {
                let before = self.found.len();
                self.body(&attempt.body);
                for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                    self.body(&handler.body);
                }
                self.body(&attempt.orelse);
                if self.found.len() > before {
                    self.expected.extend(attempt.body.iter().flat_map(imported));
                }
                self.body(&attempt.finalbody);
            }
            _ => {}
        }
    }

    fn target(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) if name.id.as_str() == self.name => self.found.push(Binding::Other),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.target(target)),
            Expr::List(list) => list.elts.iter().for_each(|target| self.target(target)),
            Expr::Starred(starred) => self.target(&starred.value),
            _ => {}
        }
    }
}

/// The modules that a statement imports, with the levels of relative ones.
fn imported(statement: &Stmt) -> Vec<(String, u32)> {
    match statement {
        Stmt::Import(import) => import.names.iter().map(|alias| (alias.name.to_string(), 0)).collect(),
        Stmt::ImportFrom(import) => {
            let module = import.module.as_ref().map(ToString::to_string).unwrap_or_default();
            vec![(module, import.level)]
        }
        _ => Vec::new(),
    }
}

/// Other modules of a package that a file imports with it: `import xml.etree` makes `xml` have `etree`.
pub(super) fn parts_of(package: &str, body: &[Stmt]) -> Vec<String> {
    let mut parts = Vec::new();
    for statement in body {
        let Stmt::Import(import) = statement else { continue };
        for alias in import.names.iter().filter(|alias| alias.asname.is_none()) {
            let is_part = alias
                .name
                .strip_prefix(package)
                .is_some_and(|rest| rest.starts_with('.'));
            if is_part && !parts.contains(&alias.name.to_string()) {
                parts.push(alias.name.to_string());
            }
        }
    }
    parts
}
