//! A function of a view: compiled once, called for each request.

use arrow::array::ArrayRef;
use feast_model::ValueType;

use crate::compile::{Refused, Source, compile};
use crate::error::{Failure, Refusal};
use crate::input::{column_of, is_known, list_of, value_of};
use crate::output::{from_frame, from_lists, from_single};
use crate::program::{Program, Text};
use crate::reads::{Place, Reads};
use crate::run::{Budget, Run};
use crate::stop::{Outcome, Stop, unknown};
use crate::value::{Dict, Frame, Value};

/// What a function gets and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A frame.
    Pandas,
    /// A dict of lists.
    Python,
    /// A dict of single values, once for each row.
    Singleton,
}

/// A function that can be run here. Any number of threads may call it at once.
#[derive(Debug)]
pub struct Function {
    source: Source,
    program: Program,
    reads: Reads,
    mode: Mode,
}

/// A column that a function gets.
#[derive(Debug)]
pub struct Input<'a> {
    /// Its name.
    pub name: &'a str,
    /// A second name of the same values: `view__feature`.
    pub twin: Option<&'a str>,
    /// What the values are.
    pub value_type: &'a ValueType,
    /// A value for each row, in the Arrow type of `value_type`.
    pub values: ArrayRef,
}

/// A column that is wanted of a function.
#[derive(Debug)]
pub struct Output<'a> {
    /// Its name.
    pub name: &'a str,
    /// What its values are brought to.
    pub value_type: &'a ValueType,
}

impl Function {
    /// Checks a function.
    ///
    /// `text` is what Feast keeps of it: from its first decorator to its last line. `module` binds the names of its module that it
    /// uses: imports, assignments and helper functions, all of which are checked too.
    ///
    /// # Errors
    /// The first thing in them that is not known here.
    pub fn compile(module: &str, text: &str, mode: Mode) -> Result<Self, Refusal> {
        let (source, program) = compile(module, text)?;
        let reads = Reads::of(&program, source.function());
        Ok(Self {
            source,
            program,
            reads,
            mode,
        })
    }

    /// Checks a column that it is to get: by its names and its type, and the names of all outputs of the view.
    ///
    /// # Errors
    /// Where the function may look at it, if the values of such a column are not known here. A column that it never looks at may be
    /// of any type.
    pub fn check_input<'a>(
        &self,
        name: &str,
        twin: Option<&str>,
        value_type: &ValueType,
        outputs: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Result<(), Refusal> {
        if is_known(value_type, self.mode) {
            return Ok(());
        }
        let is_output = |name: &str| outputs.clone().into_iter().any(|output| output == name);
        let Some(place) = self.place_of([Some(name), twin], is_output) else {
            return Ok(());
        };
        let (range, what) = match place {
            Place::Named(range) => (range, ""),
            Place::Whole(range) => (range, "this may look at "),
        };
        let mode = match self.mode {
            Mode::Pandas => "pandas",
            Mode::Python | Mode::Singleton => "python",
        };
        let reason = format!("{what}{name}, a column of type {value_type}, which is not known here in {mode} mode");
        Err(self.source.refusal(Refused { range, reason }))
    }

    /// Runs it over `rows` rows: for each wanted output its number and an array of so many values, in the order in which the function
    /// gives them.
    ///
    /// # Errors
    /// What it raises, what is not known here about these values, and that the budget is used up.
    pub fn call(
        &self,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
        rows: usize,
        budget: Budget,
    ) -> Result<Vec<(usize, ArrayRef)>, Failure> {
        let mut run = Run::new(budget, self.mode == Mode::Pandas);
        let given = match self.mode {
            Mode::Pandas => self.call_pandas(&mut run, inputs, outputs, rows),
            Mode::Python => self.call_python(&mut run, inputs, outputs, rows),
            Mode::Singleton => self.call_singleton(&mut run, inputs, outputs, rows),
        };
        given.map_err(|stop| self.failure(stop))
    }

    /// Where it may look at a column that has these names.
    fn place_of(&self, names: [Option<&str>; 2], is_output: impl Fn(&str) -> bool) -> Option<Place> {
        let mut names = names.into_iter().flatten();
        names.find_map(|name| self.reads.place(name, is_output(name)))
    }

    /// Whether a run may look at the values of a column. Those of the types that are known are given in any case.
    fn is_read(&self, input: &Input<'_>, outputs: &[Output<'_>]) -> bool {
        let is_output = |name: &str| outputs.iter().any(|output| output.name == name);
        is_known(input.value_type, self.mode) || self.place_of([Some(input.name), input.twin], is_output).is_some()
    }

    fn call_pandas(
        &self,
        run: &mut Run,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
        rows: usize,
    ) -> Outcome<Vec<(usize, ArrayRef)>> {
        let mut frame = Frame::with_rows(rows);
        for input in inputs {
            let column = column_of(run, input, self.is_read(input, outputs))?;
            frame.set(Text::from(input.name), column.into());
        }
        for (input, twin) in inputs.iter().filter_map(|input| Some((input, input.twin?))) {
            // A column of its own: changing one of the two in place does not change the other.
            let column = column_of(run, input, self.is_read(input, outputs))?;
            frame.set(Text::from(twin), column.into());
        }
        let result = run.start(&self.program, vec![Value::frame(frame)])?;
        from_frame(&result, outputs, rows)
    }

    fn call_python(
        &self,
        run: &mut Run,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
        rows: usize,
    ) -> Outcome<Vec<(usize, ArrayRef)>> {
        let mut dict = Dict::default();
        for (name, input) in names(inputs) {
            let values = list_of(run, input, self.is_read(input, outputs))?;
            dict.insert(Value::text(name), Value::list(values));
        }
        let result = run.start(&self.program, vec![Value::dict(dict)])?;
        from_lists(&result, outputs, rows)
    }

    fn call_singleton(
        &self,
        run: &mut Run,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
        rows: usize,
    ) -> Outcome<Vec<(usize, ArrayRef)>> {
        let mut results = Vec::with_capacity(rows);
        for row in 0..rows {
            let mut dict = Dict::default();
            for (name, input) in names(inputs) {
                let value = value_of(run, input, row, self.is_read(input, outputs))?;
                dict.insert(Value::text(name), value);
            }
            results.push(run.start(&self.program, vec![Value::dict(dict)])?);
        }
        from_single(&results, outputs)
    }

    fn failure(&self, stop: Stop) -> Failure {
        match stop {
            // In pandas mode it may be a class of pandas that Python names.
            Stop::Raised(exception) if self.mode == Mode::Pandas && exception.text.contains("'datetime.") => {
                self.failure(unknown("what Python says of a time here is not known"))
            }
            Stop::Raised(exception) => Failure::Raised {
                class: exception.class.name(),
                text: exception.text,
            },
            Stop::Unknown(unknown) => {
                let source = &self.source;
                Failure::NotKnown(source.refusal(Refused {
                    range: unknown.range.unwrap_or_else(|| source.function()),
                    reason: unknown.reason,
                }))
            }
            Stop::Exhausted(bound) => Failure::Exhausted(bound),
            Stop::WrongOutput(problem) => Failure::WrongOutput(problem),
        }
    }
}

/// All names under which inputs are given: first their own, then the second ones.
fn names<'a, 'input>(inputs: &'a [Input<'input>]) -> impl Iterator<Item = (&'a str, &'a Input<'input>)> {
    let own = inputs.iter().map(|input| (input.name, input));
    own.chain(inputs.iter().filter_map(|input| Some((input.twin?, input))))
}
