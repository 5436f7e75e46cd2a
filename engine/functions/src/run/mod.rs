//! The interpreter: runs a checked function over the values of one request.
//!
//! `expressions`, `statements` and `operators` are one arm a construct; what a library's function or a method does is in `native` and
//! `methods`. It never guesses: an operation on values for which Python's rule is not written down here ends the run as unknown.
//!
//! A run is bounded in steps, in bytes that it makes, and in depth.

mod big;
mod call;
mod expressions;
mod numbers;
mod operators;
mod scalar;
mod statements;
mod subscript;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

pub(crate) use call::Arguments;
pub(crate) use numbers::{divmod, floor_quotient, floor_rest, integer, quotient, small};
pub(crate) use operators::{scalar_binary, scalar_compare};

use crate::pattern::Patterns;
use crate::program::{Body, Code, Program};
use crate::stop::{Outcome, Stop, raised};
use crate::value::{Exception, ExceptionClass, Value, take_owed_steps};

/// Calls within calls. The stack of a thread must hold them.
const MAX_DEPTH: usize = 40;

/// How much a run may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// What takes a quarter of a millisecond at most, for threads on which others wait.
    Brief,
    /// What takes half a second at most.
    Full,
}

/// One run of a function.
#[derive(Debug)]
pub(crate) struct Run {
    steps: u64,
    bytes: usize,
    depth: usize,
    /// The exceptions that are being handled, the innermost last.
    handled: Vec<Rc<Exception>>,
    /// The functions that have been defined. Variables hold functions, and functions the variables around them, in circles and in long
    /// chains, so they are let go all at once.
    functions: Vec<Rc<Function>>,
    /// The names of the function's module.
    module: Option<Rc<Activation>>,
    /// Whether points in time are Timestamps of pandas, and not Python's own.
    is_pandas: bool,
    pub(crate) patterns: Patterns,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.module = None;
        self.let_go(0);
    }
}

/// The variables of a running function.
#[derive(Debug)]
pub(crate) struct Activation {
    variables: RefCell<Vec<Option<Value>>>,
    outer: Option<Rc<Activation>>,
    code: Arc<Code>,
}

/// A function as a value: its code, and the variables around it.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) code: Arc<Code>,
    /// One for each parameter.
    defaults: RefCell<Vec<Option<Value>>>,
    outer: Option<Rc<Activation>>,
}

impl Budget {
    /// Expressions, statements and items of loops: some 50 ns each.
    fn steps(self) -> u64 {
        match self {
            Self::Brief => 5_000,
            Self::Full => 10_000_000,
        }
    }

    /// What is made in one run, all together.
    fn bytes(self) -> usize {
        match self {
            Self::Brief => 4 << 20,
            Self::Full => 256 << 20,
        }
    }
}

impl Run {
    /// `is_pandas` says whether the function gets a frame.
    pub(crate) fn new(budget: Budget, is_pandas: bool) -> Self {
        // What the run before on this thread has left.
        take_owed_steps();
        Self {
            steps: budget.steps(),
            bytes: budget.bytes(),
            depth: 0,
            handled: Vec::new(),
            functions: Vec::new(),
            module: None,
            is_pandas,
            patterns: Patterns::default(),
        }
    }

    /// Whether points in time are Timestamps of pandas, and not Python's own, which behave alike in most and not in all.
    pub(crate) fn is_pandas(&self) -> bool {
        self.is_pandas
    }

    /// Runs the function that a text defines. The names of its module are bound when it is first run: a run is of one program.
    ///
    /// # Errors
    /// Whatever ends it.
    pub(crate) fn start(&mut self, program: &Program, arguments: Vec<Value>) -> Outcome {
        if let (Some(module), None) = (&program.module, &self.module) {
            self.module = Some(self.module(module)?);
        }
        let of_module = self.functions.len();
        let module = self.module.clone();
        let function = Function {
            code: Arc::clone(&program.function),
            defaults: self.defaults(&program.function, module.as_ref())?.into(),
            outer: module,
        };
        let outcome = self.call_function(&function, Arguments::positional(arguments));
        self.let_go(of_module);
        outcome
    }

    /// Binds the names of the module.
    fn module(&mut self, module: &Arc<Code>) -> Outcome<Rc<Activation>> {
        let activation = Rc::new(Activation::new(Arc::clone(module), None));
        if let Body::Statements(statements) = &module.body {
            self.run_body(statements, &activation)?;
        }
        Ok(activation)
    }

    /// Lets all functions go but the first `count`, with the variables around them, if those are not the module's.
    fn let_go(&mut self, count: usize) {
        let is_module = |outer: &Rc<Activation>| self.module.as_ref().is_some_and(|module| Rc::ptr_eq(module, outer));
        for function in self.functions.iter().skip(count) {
            function.defaults.take();
            if let Some(outer) = function.outer.as_ref().filter(|outer| !is_module(outer)) {
                outer.variables.take();
            }
        }
        self.functions.truncate(count);
    }

    /// A function among these variables.
    fn function(&mut self, code: &Arc<Code>, around: &Rc<Activation>) -> Outcome {
        self.hold(size_of::<Function>() + size_of::<Activation>())?;
        let function = Rc::new(Function {
            code: Arc::clone(code),
            defaults: self.defaults(code, Some(around))?.into(),
            outer: Some(Rc::clone(around)),
        });
        self.functions.push(Rc::clone(&function));
        Ok(Value::Function(function))
    }

    /// Pays for work.
    ///
    /// # Errors
    /// When it has done too much.
    #[inline]
    pub(crate) fn step(&mut self, steps: usize) -> Outcome<()> {
        match self.steps.checked_sub((steps + take_owed_steps()) as u64) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(Stop::Exhausted("the function takes too many steps")),
        }
    }

    /// Pays for bytes that a value takes.
    ///
    /// # Errors
    /// When it has made too many.
    pub(crate) fn hold(&mut self, bytes: usize) -> Outcome<()> {
        match self.bytes.checked_sub(bytes) {
            Some(left) => {
                self.bytes = left;
                Ok(())
            }
            None => Err(Stop::Exhausted("the function makes too much data")),
        }
    }

    /// Pays for so many values of a list or column.
    ///
    /// # Errors
    /// As [`Run::step`] and [`Run::hold`].
    pub(crate) fn make(&mut self, values: usize) -> Outcome<()> {
        self.step(values / 8)?;
        self.hold(values.saturating_mul(size_of::<Value>()))
    }

    /// The defaults of parameters, computed where the function is defined.
    fn defaults(&mut self, code: &Code, around: Option<&Rc<Activation>>) -> Outcome<Vec<Option<Value>>> {
        let default = |parameter: &crate::program::Parameter| match (&parameter.default, around) {
            (Some(default), Some(around)) => self.evaluate(default, around).map(Some),
            (Some(default), None) => {
                let nothing = Activation::new(code_without_variables(), None);
                self.evaluate(default, &Rc::new(nothing)).map(Some)
            }
            (None, _) => Ok(None),
        };
        code.parameters.iter().map(default).collect()
    }
}

impl Activation {
    fn new(code: Arc<Code>, outer: Option<Rc<Activation>>) -> Self {
        Self {
            variables: RefCell::new(vec![None; code.variables.len()]),
            outer,
            code,
        }
    }

    /// The activation so many levels further out.
    fn outward(self: &Rc<Self>, levels: usize) -> Option<&Rc<Self>> {
        (0..levels).try_fold(self, |activation, _| activation.outer.as_ref())
    }

    fn set(&self, slot: usize, value: Value) {
        self.variables.borrow_mut()[slot] = Some(value);
    }

    fn get(&self, slot: usize, is_own: bool) -> Outcome {
        let value = self.variables.borrow()[slot].clone();
        value.ok_or_else(|| {
            let name = &self.code.variables[slot];
            match is_own {
                true => raised(
                    ExceptionClass::of("UnboundLocalError"),
                    format!("cannot access local variable '{name}' where it is not associated with a value"),
                ),
                false => raised(
                    ExceptionClass::of("NameError"),
                    format!("cannot access free variable '{name}' where it is not associated with a value in enclosing scope"),
                ),
            }
        })
    }
}

/// What a text without functions has around it.
fn code_without_variables() -> Arc<Code> {
    Arc::new(Code {
        name: crate::program::Text::from("<module>"),
        parameters: Vec::new(),
        variables: Vec::new(),
        body: Body::Statements(Vec::new()),
    })
}
