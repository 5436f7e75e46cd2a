//! From a function's text to a [`Program`], or the first thing in it that is not known.
//!
//! The whole function is checked, also what a run may never come to: whether a view is computed here does not depend on the rows of a
//! request. `scope` says what names mean, `statements` and `expressions` are one arm a construct of Python.
//!
//! The names of the function's module that it uses come as a text of their own: an outer function, so to speak, that has run before.

mod constants;
mod expressions;
mod scope;
mod statements;

use std::sync::Arc;

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::{Ranged, TextRange, TextSize};

use crate::error::Refusal;
use crate::program::{Code, Program};
use scope::Scope;

/// Nested deeper than this the parser might need more stack than a thread has.
const MAX_NESTING: usize = 60;
const MAX_EXCERPT: usize = 60;

/// What is not known, and where.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) range: TextRange,
    pub(crate) reason: String,
}

pub(crate) type Compiled<T> = Result<T, Refused>;

pub(crate) fn refused<T>(place: impl Ranged, reason: impl Into<String>) -> Compiled<T> {
    Err(Refused {
        range: place.range(),
        reason: reason.into(),
    })
}

/// The names of a function's module and its own text, one after the other, so that a place is in one of them.
#[derive(Debug)]
pub(crate) struct Source {
    text: String,
    /// How much of it is about names of the module.
    module: usize,
}

impl Source {
    fn new(module: &str, text: &str) -> Self {
        let end = if module.is_empty() || module.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        Self {
            text: format!("{module}{end}{text}"),
            module: module.len() + end.len(),
        }
    }

    /// The whole function.
    pub(crate) fn function(&self) -> TextRange {
        let size = |length: usize| TextSize::try_from(length).unwrap_or_default();
        TextRange::new(size(self.module), size(self.text.len()))
    }

    /// The place and the reason in terms of the text that it is in.
    pub(crate) fn refusal(&self, Refused { range, reason }: Refused) -> Refusal {
        let start = usize::from(range.start());
        let is_module = start < self.module;
        let text = self.text.get(if is_module { 0 } else { self.module }..start);
        Refusal {
            line: text.unwrap_or_default().matches('\n').count() + 1,
            expression: excerpt(self.text.get(range.to_std_range()).unwrap_or_default()),
            reason: match is_module {
                true => format!("{reason} (in the names of its module)"),
                false => reason,
            },
        }
    }
}

/// The function that a text defines, among names that another text binds.
///
/// # Errors
/// What of them is not known.
pub(crate) fn compile(module: &str, text: &str) -> Result<(Source, Program), Refusal> {
    let source = Source::new(module, text);
    match compile_all(&source) {
        Ok(program) => Ok((source, program)),
        Err(refused) => Err(source.refusal(refused)),
    }
}

fn compile_all(source: &Source) -> Compiled<Program> {
    if let Some(line) = too_deep(&source.text) {
        return refused(line, "it is nested too deeply");
    }
    let parsed = ruff_python_parser::parse_module(&source.text).map_err(|problem| Refused {
        range: problem.location,
        reason: format!("it cannot be parsed: {}", problem.error),
    })?;
    let body = parsed.syntax().body.as_slice();
    let start = source.function().start();
    let (module, function) = body.split_at(body.partition_point(|statement| statement.start() < start));
    let mut scope = Scope::module();
    let module = scope.names_of_module(module)?;
    let function = function_of(function, &mut scope, source)?;
    Ok(Program { module, function })
}

fn function_of(body: &[Stmt], scope: &mut Scope<'_>, source: &Source) -> Compiled<Arc<Code>> {
    match body {
        [Stmt::FunctionDef(function)] => scope.function(function),
        [Stmt::Expr(statement)] => match &*statement.value {
            Expr::Lambda(lambda) => scope.lambda(lambda),
            other => refused(other, "it is no function"),
        },
        [first, ..] => refused(first, "the text is not one function"),
        [] => refused(source.function(), "there is no function"),
    }
}

fn excerpt(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let shortened: String = line.chars().take(MAX_EXCERPT).collect();
    match shortened.len() == text.len() {
        true => shortened,
        false => shortened + "...",
    }
}

/// The first line at which too many brackets or indentations are open.
fn too_deep(text: &str) -> Option<TextRange> {
    let mut open = 0usize;
    let mut start = TextSize::default();
    for whole_line in text.split_inclusive('\n') {
        let line = whole_line.trim_end_matches('\n');
        let indentation = line.len() - line.trim_start().len();
        for character in line.chars() {
            match character {
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
        }
        if open + indentation / 4 > MAX_NESTING {
            return Some(TextRange::at(start, TextSize::of(line)));
        }
        start += TextSize::of(whole_line);
    }
    None
}
