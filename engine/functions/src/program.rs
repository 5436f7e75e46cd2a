//! A function after it was checked: what the interpreter runs.
//!
//! Names are resolved to slots, imports and builtins to what they mean, so that a run looks nothing up by name. A program is plain
//! data that threads share; the values of a run are not.

use std::sync::Arc;

pub(crate) use ruff_python_ast::{BoolOp, CmpOp, ConversionFlag, Operator, UnaryOp};
use ruff_text_size::TextRange;

use crate::native::Native;

/// A name or text of the program.
pub(crate) type Text = Arc<str>;

/// The function of a view, with the names of its module that it uses.
#[derive(Debug)]
pub(crate) struct Program {
    /// What binds those names, if anything is to be run for that.
    pub(crate) module: Option<Arc<Code>>,
    pub(crate) function: Arc<Code>,
}

/// A function, a nested function or a lambda.
#[derive(Debug)]
pub(crate) struct Code {
    /// `<lambda>` for a lambda.
    pub(crate) name: Text,
    /// They have the first slots.
    pub(crate) parameters: Vec<Parameter>,
    /// The names of all slots. Those of comprehensions come last.
    pub(crate) variables: Vec<Text>,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: Text,
    /// Computed where the function is defined.
    pub(crate) default: Option<Expression>,
    pub(crate) may_be_positional: bool,
}

#[derive(Debug)]
pub(crate) enum Body {
    Statements(Vec<Statement>),
    /// Of a lambda.
    Expression(Expression),
}

#[derive(Debug)]
pub(crate) enum Statement {
    Assign {
        targets: Vec<Target>,
        value: Expression,
    },
    /// `target += value`.
    Augment {
        target: Target,
        operator: Operator,
        value: Expression,
        range: TextRange,
    },
    Evaluate(Expression),
    Return(Option<Expression>),
    If {
        branches: Vec<(Expression, Vec<Statement>)>,
        otherwise: Vec<Statement>,
    },
    For {
        target: Target,
        items: Expression,
        body: Vec<Statement>,
        otherwise: Vec<Statement>,
    },
    While {
        test: Expression,
        body: Vec<Statement>,
        otherwise: Vec<Statement>,
    },
    Break,
    Continue,
    /// `raise` alone raises what is being handled.
    Raise(Option<Expression>),
    Try {
        body: Vec<Statement>,
        handlers: Vec<Handler>,
        otherwise: Vec<Statement>,
        finally: Vec<Statement>,
    },
    Assert {
        test: Expression,
        message: Option<Expression>,
    },
    /// A nested function.
    Define {
        slot: usize,
        code: Arc<Code>,
    },
}

#[derive(Debug)]
pub(crate) struct Handler {
    /// A class or a tuple of classes; all without it.
    pub(crate) classes: Option<Expression>,
    pub(crate) slot: Option<usize>,
    pub(crate) body: Vec<Statement>,
}

/// What is assigned to.
#[derive(Debug)]
pub(crate) enum Target {
    /// A variable of the function itself.
    Variable(usize),
    /// A variable of an enclosing function: `nonlocal`.
    Outer {
        levels: usize,
        slot: usize,
    },
    Items(Vec<Target>),
    Subscript {
        object: Expression,
        key: Expression,
    },
}

#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) kind: Kind,
    pub(crate) range: TextRange,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Constant(Constant),
    /// `levels` functions further out.
    Variable {
        levels: usize,
        slot: usize,
    },
    /// A function or type that is known by its name.
    Native(&'static Native),
    Unary(UnaryOp, Box<Expression>),
    Binary(Box<Expression>, Operator, Box<Expression>),
    Logical(BoolOp, Vec<Expression>),
    Compare(Box<Expression>, Vec<(CmpOp, Expression)>),
    Conditional {
        test: Box<Expression>,
        then: Box<Expression>,
        otherwise: Box<Expression>,
    },
    Call {
        callee: Box<Expression>,
        arguments: CallSite,
    },
    CallMethod {
        object: Box<Expression>,
        name: &'static str,
        arguments: CallSite,
    },
    Attribute(Box<Expression>, Text),
    Subscript(Box<Expression>, Box<Expression>),
    Slice([Option<Box<Expression>>; 3]),
    List(Vec<Element>),
    Tuple(Vec<Element>),
    Set(Vec<Element>),
    /// A member without key is `**mapping`.
    Dict(Vec<(Option<Expression>, Expression)>),
    Comprehension(Box<Comprehension>),
    Function(Arc<Code>),
    Format(Vec<FormatPart>),
    /// `(target := value)`.
    Named(Box<Target>, Box<Expression>),
}

/// An item of a list, or `*items`.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) value: Expression,
    pub(crate) is_starred: bool,
}

#[derive(Debug, Default)]
pub(crate) struct CallSite {
    pub(crate) positional: Vec<Element>,
    /// An argument without name is `**mapping`.
    pub(crate) named: Vec<(Option<Text>, Expression)>,
}

#[derive(Debug)]
pub(crate) struct Comprehension {
    pub(crate) gives: Gives,
    pub(crate) loops: Vec<ComprehensionLoop>,
}

#[derive(Debug)]
pub(crate) enum Gives {
    List(Expression),
    Set(Expression),
    /// Its items are computed at once: nothing a function may do shows the difference, but the order of errors within one line.
    Generator(Expression),
    Dict(Expression, Expression),
}

#[derive(Debug)]
pub(crate) struct ComprehensionLoop {
    pub(crate) target: Target,
    pub(crate) items: Expression,
    pub(crate) conditions: Vec<Expression>,
}

/// A part of an f-string.
#[derive(Debug)]
pub(crate) enum FormatPart {
    Text(Text),
    Value {
        value: Expression,
        conversion: ConversionFlag,
        specification: Vec<FormatPart>,
    },
}

/// A value that is known before the function runs.
#[derive(Debug, Clone)]
pub(crate) enum Constant {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Text),
    Bytes(Arc<[u8]>),
    /// A class of exceptions, by its name.
    ExceptionClass(Text),
}
