//! One name of a file: what it is, with the Python that binds it, or why it cannot be told.

use std::collections::BTreeSet;
use std::rc::Rc;

use ruff_python_ast::{Expr, ModModule, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::binding::Binding;
use super::free::{Body, Free};
use super::literal::literal;
use crate::source::check_nesting;
use crate::value::{Binding as Bound, Class, Function, FunctionBody, Scope, Value};

/// More text than this is not stored with a function.
pub(super) const MAX_BYTES: usize = 64 << 10;

/// A name that is looked up somewhere.
pub(super) struct Need {
    pub(super) name: String,
    pub(super) scope: Rc<Scope>,
    /// What it is, where it is not what the scope has.
    pub(super) value: Option<Value>,
    /// Whether it is looked up where code is defined, not where it is called.
    pub(super) is_early: bool,
}

/// A name that can be told.
pub(super) struct Item {
    /// Of two items with one name, whether they are the same.
    pub(super) identity: String,
    pub(super) text: String,
    pub(super) uses: Vec<Need>,
    pub(super) rank: Rank,
}

/// Imports and constants need nothing else, so they come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Import,
    Constant,
    Code,
}

/// Why a name cannot be told: completes the sentence "the function uses it, ...".
pub(super) type Told<T> = Result<T, String>;

impl Item {
    /// `name` as an alias of `other`, which is told too.
    fn alias(name: &str, other: &str, value: &Value, scope: &Rc<Scope>) -> Self {
        let need = Need {
            name: other.to_owned(),
            scope: Rc::clone(scope),
            value: Some(value.clone()),
            is_early: true,
        };
        Self {
            identity: format!("{name} = {other} at {}", identity_of(value)),
            text: format!("{name} = {other}\n"),
            uses: vec![need],
            rank: Rank::Code,
        }
    }

    pub(super) fn import(text: String) -> Self {
        Self {
            identity: text.clone(),
            text,
            uses: Vec::new(),
            rank: Rank::Import,
        }
    }

    /// `name = value`.
    pub(super) fn constant(name: &str, value: &Value) -> Told<Self> {
        if value.size(MAX_BYTES) >= MAX_BYTES {
            return Err(too_large());
        }
        if let Value::Opaque(unknown) = value {
            return Err(format!("whose value depends on {}, which is not known", unknown.reason));
        }
        let kind = match value {
            Value::Class(class) => &class.name,
            other => other.type_name(),
        };
        let literal = literal(value).ok_or_else(|| format!("whose value ({kind}) is not plain data"))?;
        Ok(Self::written(name, &literal))
    }

    /// `name = text`.
    pub(super) fn written(name: &str, text: &str) -> Self {
        let text = format!("{name} = {text}\n");
        Self {
            identity: text.clone(),
            text,
            uses: Vec::new(),
            rank: Rank::Constant,
        }
    }

    /// `name = expression`, where the expression gives the same value whenever it is computed.
    pub(super) fn expression(name: &str, expression: &str, value: &Value, scope: &Rc<Scope>) -> Option<Self> {
        // In brackets it may go over several lines.
        let module = parsed(&format!("({expression})"))?;
        let [statement @ Stmt::Expr(parsed)] = module.body.as_slice() else {
            return None;
        };
        let is_same = match value {
            Value::TimeDelta(_) | Value::DateTime(_) | Value::EnumMember(_) => true,
            Value::Opaque(_) | Value::Builtin(_) => {
                matches!(&*parsed.value, Expr::Attribute(_)) && is_path(&parsed.value)
            }
            _ => false,
        };
        let text = format!("{name} = ({expression})\n");
        is_same.then(|| Self {
            identity: text.clone(),
            text,
            uses: needs(Free::of_definition(statement), scope),
            rank: Rank::Code,
        })
    }

    pub(super) fn function(name: &str, function: &Rc<Function>) -> Told<Self> {
        let value = Value::Function(Rc::clone(function));
        if !function.scope.is_module() {
            return Err("which is defined inside of another function".to_owned());
        }
        if function.binding.get() != Bound::Instance {
            return Err("which is not called as a plain function".to_owned());
        }
        let FunctionBody::Statements(_) = &function.body else {
            return Ok(Self::code(
                &value,
                format!("{name} = ({})\n", function.source),
                used_by(function),
                &function.scope,
            ));
        };
        if function.source.starts_with([' ', '\t']) {
            return Err("which is not defined at the margin of its file".to_owned());
        }
        if function.name != name {
            return Ok(Self::alias(name, &function.name, &value, &function.scope));
        }
        // Decorators have left the function as it is, else the name would have another value.
        let text = without_decorators(&function.source).ok_or("whose source cannot be read alone")?;
        Ok(Self::code(&value, text, used_by(function), &function.scope))
    }

    pub(super) fn class(name: &str, class: &Rc<Class>, scope: &Rc<Scope>, binding: &Binding) -> Told<Self> {
        let value = Value::Class(Rc::clone(class));
        let (Binding::Class(range), false) = (binding, class.is_changed.get()) else {
            return Err("which is a class that is not defined once and for all".to_owned());
        };
        if class.name != name {
            return Ok(Self::alias(name, &class.name, &value, scope));
        }
        let text = format!("{}\n", scope.file().slice(*range));
        let module = parsed(&text).ok_or("whose source cannot be read alone")?;
        match module.body.as_slice() {
            [statement @ Stmt::ClassDef(definition)] if is_at_margin(scope, *range) && is_simple(&definition.body) => {
                Ok(Self::code(&value, text, Free::of_definition(statement), scope))
            }
            _ => Err("which is a class that does more than to hold constants and functions".to_owned()),
        }
    }

    fn code(value: &Value, text: String, free: Free, scope: &Rc<Scope>) -> Self {
        Self {
            identity: identity_of(value),
            text,
            uses: needs(free, scope),
            rank: Rank::Code,
        }
    }

    /// The names that must be bound before.
    pub(super) fn early(&self) -> BTreeSet<&str> {
        let early = self.uses.iter().filter(|need| need.is_early);
        early.map(|need| need.name.as_str()).collect()
    }
}

pub(super) fn too_large() -> String {
    format!(
        "which is too large: no more than {} KiB are stored with a function",
        MAX_BYTES >> 10
    )
}

/// The names that a function uses.
pub(super) fn used_by(function: &Function) -> Free {
    match &function.body {
        FunctionBody::Statements(body) => Free::of_function(&function.parameters, Body::Statements(body)),
        FunctionBody::Expression(body) => Free::of_function(&function.parameters, Body::Expression(body)),
    }
}

/// The names that the function uses that a text defines; none if it defines no single function.
pub(super) fn used_by_text(text: &str) -> Free {
    let module = parsed(text);
    match module.as_ref().map(|module| module.body.as_slice()) {
        Some([statement @ Stmt::FunctionDef(_)]) => Free::of_definition(statement),
        Some([statement @ Stmt::Expr(expression)]) if matches!(*expression.value, Expr::Lambda(_)) => {
            Free::of_definition(statement)
        }
        _ => Free::default(),
    }
}

pub(super) fn needs(free: Free, scope: &Rc<Scope>) -> Vec<Need> {
    let Free { names, early, .. } = free;
    names
        .into_iter()
        .map(|name| Need {
            is_early: early.contains(&name),
            name,
            scope: Rc::clone(scope),
            value: None,
        })
        .collect()
}

fn identity_of(value: &Value) -> String {
    match value {
        Value::Function(function) => format!("the function at {}", Rc::as_ptr(function).addr()),
        Value::Class(class) => format!("the class at {}", Rc::as_ptr(class).addr()),
        _ => String::new(),
    }
}

fn parsed(text: &str) -> Option<ModModule> {
    check_nesting(text).ok()?;
    Some(ruff_python_parser::parse_module(text).ok()?.into_syntax())
}

/// A function at the margin, from its `def` on.
fn without_decorators(source: &str) -> Option<String> {
    let module = parsed(source)?;
    let [Stmt::FunctionDef(definition)] = module.body.as_slice() else {
        return None;
    };
    let before = source.get(..usize::from(definition.name.start()))?;
    Some(source.get(before.rfind("def")?..)?.to_owned())
}

/// Whether an expression is a name, or an attribute of one: `math.floor`.
fn is_path(expression: &Expr) -> bool {
    match expression {
        Expr::Name(_) => true,
        Expr::Attribute(attribute) => is_path(&attribute.value),
        _ => false,
    }
}

fn is_at_margin(scope: &Scope, range: TextRange) -> bool {
    let before = scope.file().text.get(..usize::from(range.start()));
    before.is_some_and(|before| before.is_empty() || before.ends_with('\n'))
}

fn is_simple(body: &[Stmt]) -> bool {
    body.iter().all(|statement| match statement {
        Stmt::Assign(_) | Stmt::AnnAssign(_) | Stmt::FunctionDef(_) | Stmt::Pass(_) => true,
        Stmt::Expr(expression) => expression.value.is_literal_expr(),
        _ => false,
    })
}
