//! What is known of the module before anything runs: names and classes whose values never change.
//!
//! A class of constants is only read by its attributes, so each of these is a name of its own: `Limits.LOW`. Of an enumeration it is
//! the values of the members, `Color.RED.value`, and nothing that would need the member itself.

use ruff_python_ast::{Expr, Number, Stmt, StmtClassDef, UnaryOp};

use super::Compiled;
use super::scope::Scope;
use crate::native::Known;
use crate::program::{Constant, Kind, Text};

impl Scope<'_> {
    /// Takes a statement of the module that needs not be run; whether it is one.
    pub(super) fn take_constants(&mut self, statement: &Stmt) -> Compiled<bool> {
        match statement {
            Stmt::Assign(assign) => {
                let ([Expr::Name(name)], Some(constant)) = (assign.targets.as_slice(), self.fixed(&assign.value)?)
                else {
                    return Ok(false);
                };
                self.import(name.id.as_str(), Known::Constant(constant), statement)?;
                Ok(true)
            }
            Stmt::ClassDef(class) => self.take_class(class),
            // They are only needed for what is said of a class.
            Stmt::Import(import) => Ok(import.names.iter().all(|alias| alias.name.as_str() == "enum")),
            Stmt::ImportFrom(import) => Ok(import.module.as_ref().is_some_and(|module| module.as_str() == "enum")),
            _ => Ok(false),
        }
    }

    fn take_class(&mut self, class: &StmtClassDef) -> Compiled<bool> {
        let Some(kind) = kind_of(class) else {
            return Ok(false);
        };
        let mut constants = Vec::new();
        for statement in &class.body {
            match statement {
                Stmt::Assign(assign) => match (assign.targets.as_slice(), self.fixed(&assign.value)?) {
                    ([Expr::Name(name)], Some(constant)) => constants.push((name.id.as_str(), constant)),
                    _ => return Ok(false),
                },
                Stmt::Expr(comment) if matches!(*comment.value, Expr::StringLiteral(_)) => {}
                Stmt::Pass(_) => {}
                _ => return Ok(false),
            }
        }
        for (name, constant) in constants {
            let value = match (kind, &constant) {
                // Other names of a class in Python.
                _ if name.starts_with("__") => continue,
                (ClassKind::Plain, _) => "",
                _ if name.starts_with('_') => continue,
                (ClassKind::Enumeration, _)
                | (ClassKind::OfTexts, Constant::Text(_))
                | (ClassKind::OfNumbers, Constant::Int(_)) => ".value",
                // It is made of the constant, and another.
                _ => continue,
            };
            let path = format!("{}.{name}{value}", class.name);
            self.import(&path, Known::Constant(constant), class)?;
        }
        Ok(true)
    }

    /// The value of an expression that cannot be changed in place and is written out.
    fn fixed(&mut self, value: &Expr) -> Compiled<Option<Constant>> {
        Ok(match value {
            Expr::UnaryOp(unary) if unary.op == UnaryOp::USub && is_number(&unary.operand) => {
                match self.fixed(&unary.operand)? {
                    Some(Constant::Int(number)) => number.checked_neg().map(Constant::Int),
                    Some(Constant::Float(number)) => Some(Constant::Float(-number)),
                    _ => None,
                }
            }
            literal if literal.is_literal_expr() => match self.expression(literal)?.kind {
                Kind::Constant(constant) => Some(constant),
                _ => None,
            },
            _ => None,
        })
    }

    /// The constant that `Class.NAME` or `Class.NAME.value` is.
    pub(super) fn class_constant(&self, expression: &Expr) -> Option<Constant> {
        let Expr::Attribute(attribute) = expression else {
            return None;
        };
        let path = match &*attribute.value {
            Expr::Name(class) => format!("{}.{}", class.id, attribute.attr),
            Expr::Attribute(member) => match &*member.value {
                Expr::Name(class) => format!("{}.{}.{}", class.id, member.attr, attribute.attr),
                _ => return None,
            },
            _ => return None,
        };
        match self.known_path(&path)? {
            Known::Constant(constant) => Some(constant),
            _ => None,
        }
    }
}

fn is_number(expression: &Expr) -> bool {
    matches!(expression, Expr::NumberLiteral(literal) if !matches!(literal.value, Number::Complex { .. }))
}

/// What the constants of a class are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClassKind {
    Plain,
    /// Members of an enumeration.
    Enumeration,
    /// As well, and texts.
    OfTexts,
    /// As well, and integers.
    OfNumbers,
}

/// `None` where the bases or decorators do more than can be told from the text of the class.
fn kind_of(class: &StmtClassDef) -> Option<ClassKind> {
    let bases = class.bases();
    let has_more =
        !class.decorator_list.is_empty() || class.arguments.as_ref().is_some_and(|given| !given.keywords.is_empty());
    if has_more {
        return None;
    }
    let name_of = |base: &Expr| match base {
        Expr::Name(name) => Some(Text::from(name.id.as_str())),
        Expr::Attribute(attribute) => match &*attribute.value {
            Expr::Name(module) if module.id.as_str() == "enum" => Some(Text::from(attribute.attr.as_str())),
            _ => None,
        },
        _ => None,
    };
    let names = bases.iter().map(name_of).collect::<Option<Vec<_>>>()?;
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    match names.as_slice() {
        [] | ["object"] => Some(ClassKind::Plain),
        ["Enum"] => Some(ClassKind::Enumeration),
        ["StrEnum"] | ["str", "Enum"] => Some(ClassKind::OfTexts),
        ["IntEnum"] | ["int", "Enum"] => Some(ClassKind::OfNumbers),
        _ => None,
    }
}
