//! Requests to a worker, and its answers, as bytes.
//!
//! Owns their layout. A frame is a length (4 bytes, of what follows) and so many bytes: a number that the answer repeats (4), and the
//! kind of a request or the status of an answer (1).
//!
//! | request | what follows |
//! |---|---|
//! | `s`, the first one | JSON: the limits and paths |
//! | `l`, load | JSON: view, mode, text, names |
//! | `c`, call | view, rows, length of the shape (4 each); the shape, as JSON; the columns |
//!
//! The shape names and types the columns. It is the same for calls that are alike, so Python parses it once. An answer to a call is,
//! for each output, its number (4) and a column; all others are JSON. Must not know sockets.

use arrow::array::ArrayRef;
use feast_functions::{Input, Mode, Output};
use serde_json::{Value as Json, json};

use crate::columns::{self, take_u32};
use crate::error::CallError;
use crate::settings::{PoolFunction, Settings};
use crate::{frame_input, kinds};

/// Length, number and kind.
const VIEW_AT: usize = 9;

const OK: u8 = 0;
const RAISED: u8 = 1;
const WRONG_OUTPUT: u8 = 2;
const UNCONVERTIBLE: u8 = 3;
const NOT_LOADED: u8 = 4;

/// A request, ready to be sent but for its number.
#[derive(Debug)]
pub(crate) struct Request(Vec<u8>);

impl Request {
    /// The first of a worker.
    pub(crate) fn setup(settings: &Settings) -> Result<Self, CallError> {
        let members = json!({
            "memory_bytes": settings.memory_bytes,
            "user": settings.user,
            "server": std::process::id(),
            "paths": [settings.directory],
            "max_frame": settings.max_frame,
        });
        Self::json(b's', &members, settings.max_frame)
    }

    /// To load a function under a number.
    pub(crate) fn load(number: usize, function: &PoolFunction, max_frame: usize) -> Result<Self, CallError> {
        let members = json!({
            "number": number,
            "view": function.view,
            "mode": mode_name(function.mode),
            "text": function.text,
            "names": function.names,
        });
        Self::json(b'l', &members, max_frame)
    }

    /// To call a function. Which one is set later.
    ///
    /// # Errors
    /// Which column cannot be given to a function, or that they are too many bytes.
    pub(crate) fn call(
        mode: Mode,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
        rows: usize,
        max_frame: usize,
    ) -> Result<Self, CallError> {
        let shape = shape(inputs, outputs)?;
        let mut bytes = start(b'c');
        for number in [0, rows, shape.len()] {
            let number =
                u32::try_from(number).map_err(|_| CallError::WrongInput(format!("{number} rows are too many")))?;
            bytes.extend_from_slice(&number.to_ne_bytes());
        }
        bytes.extend_from_slice(shape.as_bytes());
        match mode {
            Mode::Pandas => frame_input::write(inputs, rows, &mut bytes).map_err(CallError::WrongInput)?,
            Mode::Python | Mode::Singleton => {
                for input in inputs {
                    let named = |problem| CallError::WrongInput(format!("column {}: {problem}", input.name));
                    columns::write(input.values.as_ref(), &mut bytes).map_err(named)?;
                }
            }
        }
        Self::finish(bytes, max_frame)
    }

    /// Says which function is called.
    pub(crate) fn set_view(&mut self, view: u32) {
        if let Some(bytes) = self.0.get_mut(VIEW_AT..VIEW_AT + 4) {
            bytes.copy_from_slice(&view.to_ne_bytes());
        }
    }

    /// The bytes to send, under a number.
    pub(crate) fn numbered(&mut self, number: u32) -> &[u8] {
        if let Some(bytes) = self.0.get_mut(4..8) {
            bytes.copy_from_slice(&number.to_ne_bytes());
        }
        &self.0
    }

    fn json(kind: u8, members: &Json, max_frame: usize) -> Result<Self, CallError> {
        let mut bytes = start(kind);
        bytes.extend_from_slice(members.to_string().as_bytes());
        Self::finish(bytes, max_frame)
    }

    fn finish(mut bytes: Vec<u8>, max_frame: usize) -> Result<Self, CallError> {
        let length = bytes.len() - 4;
        match u32::try_from(length) {
            Ok(fits) if length <= max_frame => {
                if let Some(prefix) = bytes.first_chunk_mut::<4>() {
                    *prefix = fits.to_ne_bytes();
                }
                Ok(Self(bytes))
            }
            _ => Err(CallError::WrongInput(format!(
                "they have {length} bytes, and {max_frame} are the most: ask for fewer rows at once"
            ))),
        }
    }
}

fn start(kind: u8) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    bytes.push(kind);
    bytes
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Pandas => "pandas",
        Mode::Python => "python",
        Mode::Singleton => "singleton",
    }
}

fn shape(inputs: &[Input<'_>], outputs: &[Output<'_>]) -> Result<String, CallError> {
    let input = |input: &Input<'_>| {
        let named = |problem| CallError::WrongInput(format!("column {}: {problem}", input.name));
        Ok(json!([
            input.name,
            input.twin,
            kinds::of_input(input.value_type).map_err(named)?
        ]))
    };
    let output = |output: &Output<'_>| {
        let named = |problem| CallError::WrongOutput(format!("column {}: {problem}", output.name));
        Ok(json!([
            output.name,
            kinds::of_output(output.value_type).map_err(named)?
        ]))
    };
    let inputs = inputs.iter().map(input).collect::<Result<Vec<_>, CallError>>()?;
    let outputs = outputs.iter().map(output).collect::<Result<Vec<_>, CallError>>()?;
    Ok(json!({"inputs": inputs, "outputs": outputs}).to_string())
}

/// The status of an answer, and what follows it.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u8,
    body: Vec<u8>,
}

impl Answer {
    /// Of a frame without its length, if it is the answer to the request of that number.
    pub(crate) fn of_frame(mut frame: Vec<u8>, number: u32) -> Option<Self> {
        let (repeated, rest) = frame.split_first_chunk::<4>()?;
        let status = *rest.first()?;
        if u32::from_ne_bytes(*repeated) != number || status > NOT_LOADED {
            return None;
        }
        frame.drain(..5);
        Some(Self { status, body: frame })
    }

    /// Whether it is done, or why not.
    pub(crate) fn done(&self) -> Result<(), String> {
        match self.status {
            OK => Ok(()),
            _ => Err(self.member("text")),
        }
    }

    /// The columns of a call.
    pub(crate) fn columns(&self, outputs: &[Output<'_>], rows: usize) -> Result<Vec<(usize, ArrayRef)>, CallError> {
        match self.status {
            OK => self.read_columns(outputs, rows).map_err(|problem| CallError::Died {
                status: format!("it has answered what is no answer: {problem}"),
                last_line: String::new(),
            }),
            RAISED => Err(CallError::Raised {
                class: self.member("class"),
                text: self.member("text"),
            }),
            WRONG_OUTPUT => Err(CallError::WrongOutput(self.member("text"))),
            UNCONVERTIBLE => Err(CallError::Unconvertible {
                column: self.member("column"),
                class: self.member("class"),
                text: self.member("text"),
            }),
            _ => Err(CallError::NotLoaded(self.member("text"))),
        }
    }

    fn read_columns(&self, outputs: &[Output<'_>], rows: usize) -> Result<Vec<(usize, ArrayRef)>, String> {
        let mut bytes = self.body.as_slice();
        let count = take_u32(&mut bytes)?;
        let mut columns = Vec::with_capacity(outputs.len());
        for _ in 0..count {
            let number = usize::try_from(take_u32(&mut bytes)?).map_err(|problem| problem.to_string())?;
            let output = outputs.get(number).ok_or("a column that was not asked for")?;
            columns.push((
                number,
                columns::read(&mut bytes, &output.value_type.arrow_type(), rows)?,
            ));
        }
        let is_given = |number| columns.iter().any(|(given, _)| *given == number);
        match bytes.is_empty() && columns.len() == outputs.len() && (0..outputs.len()).all(is_given) {
            true => Ok(columns),
            false => Err("not one column for each output".to_owned()),
        }
    }

    fn member(&self, name: &str) -> String {
        let members: Json = serde_json::from_slice(&self.body).unwrap_or_default();
        members.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
    }
}
