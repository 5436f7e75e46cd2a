//! Validation of requests as pydantic does it: members are read one after the other, lax about their forms, and all problems are
//! reported together.

use feast_conversion::Numbers;
use feast_engine::Error;
use serde_json::{Map, Value, json};

use super::encoding;
use super::python_json::{self, ParseError};
use crate::error::{ApiError, Problem};

/// The most problems that are reported of one request: a response should not be much larger than its request.
const MAX_PROBLEMS: usize = 100;
/// No value of a larger body is repeated in problems.
const MAX_REPEATED_BYTES: usize = 64 << 10;

/// Only the beginning of a longer name of a member is repeated.
const MAX_NAME_BYTES: usize = 1 << 10;

/// The members of a body or of a query. What is wrong with them is kept until [`Fields::finish`].
pub(crate) struct Fields<'a> {
    origin: &'static str,
    body: &'a [u8],
    members: Map<String, Value>,
    numbers: Numbers,
    /// Whether there can be members; if not, none is missing.
    is_object: bool,
    problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Parses a body. Its content type does not matter.
    ///
    /// # Errors
    /// When it is not JSON; that it is not an object is one of the problems.
    pub(crate) fn parse_body(body: &'a [u8]) -> Result<Self, ApiError> {
        let mut fields = Self {
            origin: "body",
            body,
            members: Map::new(),
            numbers: Numbers::Exact,
            is_object: false,
            problems: Vec::new(),
        };
        if body.is_empty() {
            fields.report("missing", Vec::new(), "Field required", Value::Null);
            return Ok(fields);
        }
        let (value, numbers) = parse_json(body)?;
        fields.numbers = numbers;
        match value {
            Value::Object(members) => {
                fields.members = members;
                fields.is_object = true;
            }
            other => {
                let message = "Input should be a valid dictionary or object to extract fields from";
                fields.report("model_attributes_type", Vec::new(), message, other);
            }
        }
        Ok(fields)
    }

    /// The parameters of a query; of one that is given twice, the last.
    pub(crate) fn parse_query(query: &str) -> Self {
        let members = form_urlencoded::parse(query.as_bytes());
        Self {
            origin: "query",
            body: &[],
            members: members
                .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
                .collect(),
            numbers: Numbers::Exact,
            is_object: true,
            problems: Vec::new(),
        }
    }

    /// What is known of the numbers in the members.
    pub(crate) fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// The problems of these fields and then those of others, as one response.
    pub(crate) fn and(mut self, others: Fields<'_>) -> Self {
        self.problems.extend(others.problems);
        self
    }

    /// Fails if anything was wrong.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(ApiError::Validation(self.problems))
        }
    }

    /// A string that must be there.
    pub(crate) fn required_string(&mut self, name: &'static str) -> String {
        self.required(name)
            .and_then(|value| self.string(vec![name.into()], value))
            .unwrap_or_default()
    }

    /// A string with a default; null is not a string.
    pub(crate) fn string_or(&mut self, name: &'static str, default: &str) -> String {
        match self.members.shift_remove(name) {
            None => default.to_owned(),
            Some(value) => self.string(vec![name.into()], value).unwrap_or_default(),
        }
    }

    /// A string that may be left out or null.
    pub(crate) fn nullable_string(&mut self, name: &'static str) -> Option<String> {
        self.not_null(name)
            .and_then(|value| self.string(vec![name.into()], value))
    }

    /// A list of strings, empty when it is left out.
    pub(crate) fn strings(&mut self, name: &'static str) -> Vec<String> {
        let value = self.members.shift_remove(name);
        value.map(|value| self.string_list(name, value)).unwrap_or_default()
    }

    /// A list of strings that may be left out or null.
    pub(crate) fn nullable_strings(&mut self, name: &'static str) -> Option<Vec<String>> {
        self.not_null(name).map(|value| self.string_list(name, value))
    }

    /// A boolean in any form that pydantic accepts.
    pub(crate) fn flag_or(&mut self, name: &'static str, default: bool) -> bool {
        let Some(value) = self.members.shift_remove(name) else {
            return default;
        };
        read_flag(&value).unwrap_or_else(|(kind, message)| {
            self.report(kind, vec![name.into()], message, value);
            default
        })
    }

    /// An object that must be there.
    pub(crate) fn required_object(&mut self, name: &'static str) -> Map<String, Value> {
        match self.required(name) {
            None => Map::new(),
            Some(Value::Object(members)) => members,
            Some(other) => {
                self.report(
                    "dict_type",
                    vec![name.into()],
                    "Input should be a valid dictionary",
                    other,
                );
                Map::new()
            }
        }
    }

    /// An object of lists that must be there.
    pub(crate) fn required_lists(&mut self, name: &'static str) -> Map<String, Value> {
        let members = self.required_object(name);
        for (member, value) in &members {
            if !value.is_array() {
                let place = vec![name.into(), member.as_str().into()];
                self.report("list_type", place, "Input should be a valid list", self.shown(value));
            }
        }
        members
    }

    /// A string or a list of strings that must be there. Anything else is a problem of each of the two.
    pub(crate) fn require_string_or_strings(&mut self, name: &'static str) {
        let Some(value) = self.required(name) else { return };
        let is_strings = |items: &Vec<Value>| items.iter().all(Value::is_string);
        if value.is_string() || value.as_array().is_some_and(is_strings) {
            return;
        }
        let place = vec![name.into(), "str".into()];
        self.report("string_type", place, NOT_A_STRING, self.shown(&value));
        match value {
            Value::Array(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    self.string(vec![name.into(), "list[str]".into(), index.into()], item);
                }
            }
            other => {
                let place = vec![name.into(), "list[str]".into()];
                self.report("list_type", place, "Input should be a valid list", other);
            }
        }
    }

    fn required(&mut self, name: &'static str) -> Option<Value> {
        let value = self.members.shift_remove(name);
        if value.is_none() && self.is_object {
            // Parsed again, as members have been taken out of it. It was parsed once, so that cannot fail.
            let whole = match self.repeats() {
                true => parse_json(self.body).unwrap_or_default().0,
                false => Value::Null,
            };
            self.report("missing", vec![name.into()], "Field required", whole);
        }
        value
    }

    fn not_null(&mut self, name: &str) -> Option<Value> {
        self.members.shift_remove(name).filter(|value| !value.is_null())
    }

    fn string(&mut self, place: Vec<Value>, value: Value) -> Option<String> {
        match value {
            Value::String(string) => Some(string),
            other => {
                self.report("string_type", place, NOT_A_STRING, other);
                None
            }
        }
    }

    fn string_list(&mut self, name: &'static str, value: Value) -> Vec<String> {
        let Value::Array(items) = value else {
            self.report("list_type", vec![name.into()], "Input should be a valid list", value);
            return Vec::new();
        };
        let items = items.into_iter().enumerate();
        items
            .filter_map(|(index, item)| self.string(vec![name.into(), index.into()], item))
            .collect()
    }

    /// Whether problems show what they are about.
    fn repeats(&self) -> bool {
        self.body.len() <= MAX_REPEATED_BYTES
    }

    /// A value as problems show it.
    fn shown(&self, value: &Value) -> Value {
        match self.repeats() {
            true => value.clone(),
            false => Value::Null,
        }
    }

    fn report(&mut self, kind: &'static str, mut place: Vec<Value>, message: &'static str, input: Value) {
        if self.problems.len() == MAX_PROBLEMS {
            return;
        }
        let input = if self.repeats() { input } else { Value::Null };
        for name in &mut place {
            if let Value::String(name) = name {
                name.truncate(name.floor_char_boundary(MAX_NAME_BYTES));
            }
        }
        place.insert(0, self.origin.into());
        self.problems.push(Problem {
            kind,
            place,
            message,
            input,
            cause: None,
        });
    }
}

const NOT_A_STRING: &str = "Input should be a valid string";

/// The values of a parameter that may be given more than once.
pub(super) fn query_strings(query: &str, name: &str) -> Vec<String> {
    let parameters = form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
    parameters.map(|(_, value)| value.into_owned()).collect()
}

fn read_flag(value: &Value) -> Result<bool, (&'static str, &'static str)> {
    const WRONG_TYPE: (&str, &str) = ("bool_type", "Input should be a valid boolean");
    const WRONG_VALUE: (&str, &str) = (
        "bool_parsing",
        "Input should be a valid boolean, unable to interpret input",
    );
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Ok(false),
            Some(1.0) => Ok(true),
            // What fits into an integer of 64 bits is read as one.
            Some(whole) if whole.fract() == 0.0 && whole.abs() < 9.2e18 => Err(WRONG_VALUE),
            _ => Err(WRONG_TYPE),
        },
        Value::String(string) => match string.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
            _ => Err(WRONG_VALUE),
        },
        _ => Err(WRONG_TYPE),
    }
}

/// Standard JSON at full speed; what is not is read again as Python reads it.
fn parse_json(body: &[u8]) -> Result<(Value, Numbers), ApiError> {
    let body = encoding::to_utf8(body)?;
    let numbers = Numbers::scan(&body);
    if let Ok(value) = serde_json::from_slice(&body) {
        return Ok((value, numbers));
    }
    let text = std::str::from_utf8(&body).map_err(|_| ApiError::Unreadable)?;
    let value = python_json::parse(text).map_err(|error| match error {
        ParseError::TooDeep => ApiError::Unreadable,
        ParseError::TooLarge { digits } => {
            let message = format!("an integer of {digits} digits is beyond 64 bits");
            ApiError::Engine(Error::invalid(message))
        }
        ParseError::Syntax { message, offset } => ApiError::Validation(vec![Problem {
            kind: "json_invalid",
            place: vec!["body".into(), offset.into()],
            message: "JSON decode error",
            input: json!({}),
            cause: Some(message),
        }]),
    })?;
    Ok((value, numbers))
}
