//! The functions of on-demand views: where each is run, and why not here.
//!
//! A function is checked when it is first asked for, and kept as long as the registry does not change.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::ArrayRef;
use feast_codec::feast_value::ValueEncoder;
use feast_functions::{Budget, Failure, Function, Input, Mode, Output};
use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{Definitions, Field, OnDemandFeatureView, Transformation, ValueType};
use feast_python_workers::PoolFunction;

use super::python_tier::{PythonTier, key};

/// Those of one state of the registry.
#[derive(Debug, Default)]
pub(crate) struct ViewFunctions {
    /// By the names of their views.
    checked: HashMap<String, OnceLock<Checked>>,
    python: Option<Arc<PythonTier>>,
}

/// A function that can be run, or why it is not.
type Checked = std::result::Result<Arc<ViewFunction>, NotNative>;

/// Where the function of an on-demand view is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Execution {
    /// In this process.
    Native,
    /// In the Python of `serving.python`.
    Python(NotNative),
    /// Nowhere: requests for the view are answered with the reason.
    Refused(NotNative),
}

/// Why a function is not run in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotNative {
    /// The line of the function's text that is not known here, counted from 1; `None` when it is the view as a whole.
    pub line: Option<usize>,
    /// What is not known, with the expression.
    pub reason: String,
}

impl From<String> for NotNative {
    fn from(reason: String) -> Self {
        Self { line: None, reason }
    }
}

impl fmt::Display for NotNative {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(formatter, "line {line} of its function, ")?;
        }
        formatter.write_str(&self.reason)
    }
}

/// A function that can be run.
#[derive(Debug)]
pub(crate) struct ViewFunction {
    view: String,
    native: std::result::Result<Function, NotNative>,
    /// Its name in Python.
    key: String,
    python: Option<Arc<PythonTier>>,
}

/// For each wanted output that a function gives its number and its values, in the order in which the function gives them.
pub(super) type ComputedColumns = Vec<(usize, ArrayRef)>;

impl ViewFunctions {
    pub(crate) fn new(definitions: &Definitions, python: Option<Arc<PythonTier>>) -> Self {
        let views = definitions.on_demand_feature_views.iter();
        Self {
            checked: views.map(|view| (view.name().to_owned(), OnceLock::new())).collect(),
            python,
        }
    }

    /// The function of a view.
    ///
    /// # Errors
    /// `Unsupported`, with the reason, when it is not run.
    pub(crate) fn of(&self, view: &OnDemandFeatureView, definitions: &Definitions) -> Result<Arc<ViewFunction>> {
        self.checked(view, definitions)
            .map_err(|reason| not_computed(view.name(), &reason))
    }

    /// Where the function of a view is run.
    pub(crate) fn execution(&self, view: &OnDemandFeatureView, definitions: &Definitions) -> Execution {
        match self.checked(view, definitions) {
            Ok(function) => match &function.native {
                Ok(_) => Execution::Native,
                Err(reason) => Execution::Python(reason.clone()),
            },
            Err(reason) => Execution::Refused(reason),
        }
    }

    fn checked(&self, view: &OnDemandFeatureView, definitions: &Definitions) -> Checked {
        let Some(checked) = self.checked.get(view.name()) else {
            return Err(NotNative::from("the registry has changed".to_owned()));
        };
        let check = || check(view, definitions, self.python.as_ref()).map(Arc::new);
        checked.get_or_init(check).clone()
    }
}

impl ViewFunction {
    /// Whether it is run by another process, for which a thread has to wait.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.native.is_err() || self.python.as_ref().is_some_and(|python| python.replaces(&self.key))
    }

    /// Runs it. `None` when it takes more than a brief budget, or waiting for another process.
    ///
    /// # Errors
    /// `Function`, with Python's text, when it raises; `Unsupported` when what it does with these values is not known here.
    pub(super) fn call(
        &self,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
        rows: usize,
        budget: Budget,
    ) -> Result<Option<ComputedColumns>> {
        let may_wait = budget != Budget::Brief;
        let in_python = |python: &PythonTier| match may_wait {
            true => {
                let columns = python.call(&self.key, &self.view, inputs, outputs, rows)?;
                self.check_documents(outputs, &columns)?;
                Ok(Some(columns))
            }
            false => Ok(None),
        };
        let native = match (&self.native, &self.python) {
            (Ok(_), Some(python)) if python.replaces(&self.key) => return in_python(python),
            (Ok(native), _) => native,
            (Err(_), Some(python)) => return in_python(python),
            (Err(reason), None) => return Err(not_computed(&self.view, reason)),
        };
        match (native.call(inputs, outputs, rows, budget), &self.python) {
            (Ok(columns), Some(python)) if python.is_compared(may_wait) => {
                if !may_wait {
                    return Ok(None);
                }
                python.compare((&self.key, &self.view), inputs, outputs, rows, &columns);
                Ok(Some(columns))
            }
            (Ok(columns), _) => Ok(Some(columns)),
            (Err(Failure::Exhausted(_)), _) if !may_wait => Ok(None),
            (Err(Failure::NotKnown(_)), Some(python)) => in_python(python),
            (Err(failure), _) => Err(self.failed(failure)),
        }
    }

    /// Feast has no form for some maps, as for one with a list of several kinds.
    fn check_documents(&self, outputs: &[Output<'_>], columns: &ComputedColumns) -> Result<()> {
        for (number, values) in columns {
            let output = &outputs[*number];
            if let Err(problem) = ValueEncoder::new(output.value_type).check(values) {
                let message = format!(
                    "On demand feature view '{}', output {}: {problem}",
                    self.view, output.name
                );
                return Err(Error::of_function(&self.view, message));
            }
        }
        Ok(())
    }

    fn failed(&self, failure: Failure) -> Error {
        let view = &self.view;
        match failure {
            Failure::NotKnown(refusal) => {
                let reason = NotNative::from(refusal);
                let message = format!(
                    "On demand feature view '{view}' is not computed by this server for these values: {reason}"
                );
                Error::new(ErrorKind::Unsupported, message).with_hint(PYTHON_HINT)
            }
            Failure::Raised { text, .. } => Error::of_function(view, text),
            Failure::Exhausted(problem) => {
                Error::of_function(view, format!("On demand feature view '{view}': {problem}"))
            }
            Failure::WrongOutput(problem) => {
                Error::of_function(view, format!("On demand feature view '{view}': {problem}"))
            }
        }
    }
}

impl From<feast_functions::Refusal> for NotNative {
    fn from(refusal: feast_functions::Refusal) -> Self {
        let feast_functions::Refusal {
            line,
            expression,
            reason,
        } = refusal;
        Self {
            line: Some(line),
            reason: format!("`{expression}`: {reason}"),
        }
    }
}

/// What the user should know of an on-demand view although it is not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDemandRemark {
    /// The view's name.
    pub view: String,
    /// The line of its function that it is about.
    pub line: Option<usize>,
    /// What it says of the view: it goes on after its name.
    pub text: String,
    /// What it is about.
    pub kind: OnDemandRemarkKind,
}

impl fmt::Display for OnDemandRemark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "on-demand feature view {} {}", self.view, self.text)?;
        match self.line {
            Some(line) => write!(formatter, " (line {line} of its function)"),
            None => Ok(()),
        }
    }
}

/// What an [`OnDemandRemark`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDemandRemarkKind {
    /// The view is computed, by the Python of `serving.python`.
    Python,
    /// Reads of it are refused.
    Refused,
    /// Its stored rows may not be what is expected.
    Stored,
}

/// What to say of the on-demand views of some definitions.
pub(crate) fn on_demand_remarks(functions: &ViewFunctions, definitions: &Definitions) -> Vec<OnDemandRemark> {
    let mut remarks = Vec::new();
    for view in &definitions.on_demand_feature_views {
        let mut remark = |kind, line, text| {
            remarks.push(OnDemandRemark {
                view: view.name().to_owned(),
                line,
                text,
                kind,
            });
        };
        match functions.execution(view, definitions) {
            Execution::Native => {}
            Execution::Python(NotNative { line, reason }) => {
                let text = format!("is computed by the Python of serving.python: {reason}");
                remark(OnDemandRemarkKind::Python, line, text);
            }
            Execution::Refused(NotNative { line, reason }) => {
                let text = format!("is not computed by this binary, and reads of it are refused: {reason}");
                remark(OnDemandRemarkKind::Refused, line, text);
            }
        }
        if !view.write_to_online_store {
            continue;
        }
        if let Some(field) = view.request_data().next() {
            let text = "from requests, so rows of its other sources do not update it: write it by its own name";
            remark(OnDemandRemarkKind::Stored, None, format!("takes {} {text}", field.name));
        }
        if view.stored_view().is_some_and(|stored| stored.is_entityless()) {
            remark(
                OnDemandRemarkKind::Stored,
                None,
                "is written to the online store without entities: each row replaces the one before".to_owned(),
            );
        }
    }
    remarks
}

/// How a function that is not known here can be run all the same.
const PYTHON_HINT: &str = "serving.python in feature_store.yaml runs such functions in a Python of yours";

/// An on-demand view that cannot be read.
fn not_computed(view: &str, reason: &NotNative) -> Error {
    let message = format!("On demand feature view '{view}' is not computed by this server: {reason}");
    Error::new(ErrorKind::Unsupported, message).with_hint(PYTHON_HINT)
}

fn check(
    view: &OnDemandFeatureView,
    definitions: &Definitions,
    python: Option<&Arc<PythonTier>>,
) -> std::result::Result<ViewFunction, NotNative> {
    let (transformation, mode) = servable(view, definitions)?;
    let (names, text) = texts(transformation);
    let compile = |()| {
        Function::compile(names, text, mode).map_err(|refusal| {
            let mut reason = NotNative::from(refusal);
            for missing in transformation.module_names.iter().flat_map(|names| &names.missing) {
                reason.reason += &format!("; the function {missing}");
            }
            reason
        })
    };
    let columns = input_columns(view, definitions);
    let with_its_input = |function| check_inputs(view, &columns, &function).map(|()| function);
    let native = check_outputs(view, feast_functions::is_given).and_then(compile);
    let native = native.and_then(with_its_input);
    if let Err(reason) = &native {
        match python {
            Some(_) => check_inputs_of_python(&columns, reason)?,
            None => return Err(reason.clone()),
        }
    }
    Ok(ViewFunction {
        view: view.name().to_owned(),
        native,
        key: key(view.name(), text, names),
        python: python.cloned(),
    })
}

/// Whether the values of all columns that a function may look at are known here.
fn check_inputs(
    view: &OnDemandFeatureView,
    columns: &[InputColumn],
    function: &Function,
) -> std::result::Result<(), NotNative> {
    let outputs = view.features.iter().map(|field| field.name.as_str());
    for InputColumn { field, twin } in columns {
        function.check_input(&field.name, twin.as_deref(), &field.value_type, outputs.clone())?;
    }
    Ok(())
}

/// Whether a function that is not native can be given all of its columns in Python.
fn check_inputs_of_python(columns: &[InputColumn], not_native: &NotNative) -> std::result::Result<(), NotNative> {
    let is_refused = |column: &&InputColumn| !feast_python_workers::is_taken(&column.field.value_type);
    match columns.iter().find(is_refused) {
        None => Ok(()),
        Some(InputColumn { field, .. }) => Err(NotNative {
            line: not_native.line,
            reason: format!(
                "{}; and Python cannot be given {}, a column of type {}",
                not_native.reason, field.name, field.value_type
            ),
        }),
    }
}

/// A column that a function gets in every read of its view.
struct InputColumn {
    field: Field,
    /// `view__feature`.
    twin: Option<String>,
}

/// What a function gets: the join keys of its source views, the features that it takes of them, and the data of requests.
fn input_columns(view: &OnDemandFeatureView, definitions: &Definitions) -> Vec<InputColumn> {
    let own = |field: &Field| InputColumn {
        field: field.clone(),
        twin: None,
    };
    let mut columns: Vec<InputColumn> = view.request_data().map(own).collect();
    for source in view.source_views() {
        let stored = definitions.view_with_rows(&source.view);
        let keys = stored.iter().flat_map(|stored| &stored.entity_columns);
        columns.extend(keys.map(own));
        columns.extend(source.features.iter().map(|taken| {
            let field = stored.as_ref().and_then(|stored| stored.feature(&taken.name));
            InputColumn {
                field: field.map_or(taken, |(_, field)| field).clone(),
                twin: Some(format!("{}__{}", source.view, taken.name)),
            }
        }));
    }
    columns
}

/// The functions of all views that can be served, for a pool of Python.
pub(crate) fn pool_functions(definitions: &Definitions) -> Vec<PoolFunction> {
    let function = |view: &OnDemandFeatureView| {
        let (transformation, mode) = servable(view, definitions).ok()?;
        let (names, text) = texts(transformation);
        let outputs = view.features.iter();
        Some(PoolFunction {
            view: key(view.name(), text, names),
            mode,
            text: text.to_owned(),
            names: names.to_owned(),
            outputs: outputs
                .map(|field| (field.name.clone(), field.value_type.clone()))
                .collect(),
        })
    };
    definitions
        .on_demand_feature_views
        .iter()
        .filter_map(function)
        .collect()
}

/// The names of its module that a function uses, and the function, as Python.
fn texts(transformation: &Transformation) -> (&str, &str) {
    let names = transformation.module_names.as_ref();
    let text = match transformation.text.as_str() {
        // As of a lambda.
        "" => &transformation.source,
        text => text,
    };
    (names.map_or("", |names| names.text.as_str()), text)
}

/// The function of a view that can be served at all, and its mode.
fn servable<'a>(
    view: &'a OnDemandFeatureView,
    definitions: &Definitions,
) -> std::result::Result<(&'a Transformation, Mode), NotNative> {
    if let Some(reason) = unservable(view, definitions) {
        return Err(NotNative::from(reason));
    }
    let transformation = view.transformation.as_ref();
    let transformation = transformation.ok_or_else(|| NotNative::from("it has no function".to_owned()))?;
    let is_given =
        |value_type: &ValueType| feast_functions::is_given(value_type) || feast_python_workers::is_given(value_type);
    check_outputs(view, is_given)?;
    Ok((transformation, mode(view, transformation)?))
}

/// Whether all outputs are of types that functions can give somewhere.
fn check_outputs(
    view: &OnDemandFeatureView,
    is_given: impl Fn(&ValueType) -> bool,
) -> std::result::Result<(), NotNative> {
    match view.features.iter().find(|field| !is_given(&field.value_type)) {
        None => Ok(()),
        Some(field) => Err(NotNative::from(format!(
            "its output {} is of type {}, which functions cannot give here",
            field.name, field.value_type
        ))),
    }
}

fn mode(view: &OnDemandFeatureView, transformation: &Transformation) -> std::result::Result<Mode, NotNative> {
    match (transformation.mode.to_lowercase().as_str(), view.singleton) {
        ("pandas", _) => Ok(Mode::Pandas),
        ("python", false) => Ok(Mode::Python),
        ("python", true) => Ok(Mode::Singleton),
        (mode, _) => Err(NotNative::from(format!("functions of mode {mode} are not run"))),
    }
}

/// Why nothing can serve a view, whatever its function does.
fn unservable(view: &OnDemandFeatureView, definitions: &Definitions) -> Option<String> {
    if !view.aggregations.is_empty() {
        return Some("it has aggregations, which Feast itself cannot serve".to_owned());
    }
    for source in view.source_views() {
        let name = &source.view;
        if definitions.on_demand_feature_view(name).is_some() {
            return Some(format!(
                "its source {name} is an on-demand view, which Feast itself cannot serve"
            ));
        }
        if source.alias.is_some() {
            return Some(format!(
                "its source {name} has another name (with_name), which Feast itself cannot serve"
            ));
        }
    }
    None
}
