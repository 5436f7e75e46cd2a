//! Python values, as far as definitions need them.

use std::cell::RefCell;
use std::rc::Rc;

use feast_engine::model::{Timestamp, ValueType};
use ruff_python_ast::{Expr, Parameters, Stmt};

use super::feast::FeastClass;
use super::object::Object;
use super::scope::Scope;

/// A Python value.
#[derive(Clone)]
pub(super) enum Value {
    None,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(Rc<str>),
    List(Rc<RefCell<Vec<Value>>>),
    Tuple(Rc<Vec<Value>>),
    Set(Rc<Vec<Value>>),
    Dict(Rc<RefCell<Vec<(Value, Value)>>>),
    /// `timedelta`, in microseconds.
    Duration(i64),
    /// `datetime`, in microseconds since 1970 in UTC.
    Moment(i64),
    /// `pathlib.Path`.
    Path(Rc<str>),
    /// A feature type.
    Type(ValueType),
    /// A member of an enumeration.
    Member(Rc<Member>),
    /// A module, by its full name.
    Module(Rc<str>),
    /// A function or class of Python's library that the evaluator knows, by its full name.
    Library(&'static str),
    /// A class or decorator of Feast.
    FeastClass(&'static FeastClass),
    /// An enumeration of Feast, by its name.
    FeastEnumeration(&'static str),
    /// A class of a definition file.
    Class(Rc<Class>),
    /// A function with some arguments given already.
    Partial(Rc<(Value, CallArguments)>),
    /// An opened file of text, by its path.
    File(Rc<str>),
    /// What `globals()` gives: the names of the file.
    Globals,
    /// A method of a value, not called yet.
    Method(Rc<Value>, Rc<str>),
    Function(Rc<Function>),
    /// A called decorator of Feast, not applied to its function yet.
    Decorator(Rc<PendingDecorator>),
    Object(Rc<Object>),
    /// Something the evaluator cannot know, and why.
    Opaque(Rc<str>),
}

/// Positional and named arguments of a call, evaluated.
#[derive(Clone, Default)]
pub(super) struct CallArguments {
    pub(super) positional: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
}

/// A function or lambda of a definition file.
pub(super) struct Function {
    /// `<lambda>` for a lambda.
    pub(super) name: String,
    pub(super) parameters: Parameters,
    pub(super) body: FunctionBody,
    /// The names around it.
    pub(super) scope: Rc<Scope>,
    /// Its source text from the first decorator to the last line, as `inspect.getsource` gives it.
    pub(super) text: String,
}

/// What a function does.
pub(super) enum FunctionBody {
    Statements(Vec<Stmt>),
    Expression(Box<Expr>),
}

/// A class of a definition file, or an instance of one: names and what they are bound to.
pub(super) struct Class {
    pub(super) name: String,
    pub(super) scope: Rc<Scope>,
    /// Names that the class body binds or annotates, in its order: the members of an enumeration, the fields of a dataclass.
    pub(super) fields: Vec<String>,
    pub(super) is_instance: bool,
    /// Whether `__init__` is made of the fields.
    pub(super) is_dataclass: bool,
    pub(super) is_enumeration: bool,
    /// Whether members of the enumeration are texts too: `class Team(str, Enum)`.
    pub(super) is_text: bool,
    /// Whether it has no base that the evaluator does not know.
    pub(super) is_plain: bool,
}

/// A member of an enumeration.
pub(super) struct Member {
    pub(super) enumeration: String,
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) is_text: bool,
}

/// See [`Value::Decorator`].
pub(super) struct PendingDecorator {
    pub(super) class: &'static FeastClass,
    pub(super) arguments: CallArguments,
}

impl Value {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Rc::from(text.as_ref()))
    }

    pub(super) fn path(text: impl AsRef<str>) -> Self {
        Self::Path(Rc::from(text.as_ref()))
    }

    pub(super) fn list(items: Vec<Value>) -> Self {
        Self::List(Rc::new(RefCell::new(items)))
    }

    pub(super) fn tuple(items: Vec<Value>) -> Self {
        Self::Tuple(Rc::new(items))
    }

    /// A set of the distinct items.
    pub(super) fn set(items: Vec<Value>) -> Self {
        let mut distinct: Vec<Value> = Vec::with_capacity(items.len());
        for item in items {
            if !distinct.contains(&item) {
                distinct.push(item);
            }
        }
        Self::Set(Rc::new(distinct))
    }

    /// A dict; of two members with one key the later counts, at the place of the first.
    pub(super) fn dict(members: Vec<(Value, Value)>) -> Self {
        let mut distinct: Vec<(Value, Value)> = Vec::with_capacity(members.len());
        for (key, value) in members {
            put(&mut distinct, key, value);
        }
        Self::Dict(Rc::new(RefCell::new(distinct)))
    }

    pub(super) fn opaque(reason: impl AsRef<str>) -> Self {
        Self::Opaque(Rc::from(reason.as_ref()))
    }

    pub(super) fn count(number: usize) -> Self {
        i64::try_from(number).map_or_else(|_| Self::opaque("a number beyond 64 bits"), Self::Integer)
    }

    /// Python's truth of a value; `None` when it is not known.
    pub(super) fn truth(&self) -> Option<bool> {
        Some(match self {
            Self::None => false,
            Self::Bool(flag) => *flag,
            Self::Integer(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.borrow().is_empty(),
            Self::Tuple(items) | Self::Set(items) => !items.is_empty(),
            Self::Dict(members) => !members.borrow().is_empty(),
            Self::Duration(micros) => *micros != 0,
            Self::Member(member) if member.is_text => member.value.truth()?,
            Self::Opaque(_) => return None,
            _ => true,
        })
    }

    /// Python's name of the value's type, for messages.
    pub(super) fn type_name(&self) -> &str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Integer(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Set(_) => "set",
            Self::Dict(_) => "dict",
            Self::Duration(_) => "timedelta",
            Self::Moment(_) => "datetime",
            Self::Path(_) => "PosixPath",
            Self::Type(_) => "feature type",
            Self::Member(member) => &member.enumeration,
            Self::Module(_) => "module",
            Self::FeastClass(_) | Self::FeastEnumeration(_) | Self::Class(_) => "type",
            Self::File(_) => "TextIOWrapper",
            Self::Globals => "dict",
            Self::Library(_) | Self::Method(..) | Self::Function(_) | Self::Decorator(_) | Self::Partial(_) => {
                "function"
            }
            Self::Object(object) => object.class_name(),
            Self::Opaque(_) => "unknown value",
        }
    }

    /// `str(value)`; `None` when it is not known.
    pub(super) fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::None => "None".to_owned(),
            Self::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => float_text(*number),
            Self::Text(text) | Self::Path(text) => text.to_string(),
            Self::List(_) | Self::Tuple(_) | Self::Dict(_) => return self.represented(),
            Self::Type(value_type) => value_type.to_string(),
            Self::Moment(micros) if micros % 1_000_000 == 0 => {
                let text = Timestamp::from_micros(*micros).to_python();
                text.trim_end_matches("+00:00").to_owned()
            }
            _ => return None,
        })
    }

    /// `repr(value)`; `None` when it is not known.
    pub(super) fn represented(&self) -> Option<String> {
        let all = |items: &[Value]| {
            let items = items.iter().map(Self::represented).collect::<Option<Vec<_>>>()?;
            Some(items.join(", "))
        };
        match self {
            Self::Text(text) => Some(quoted(text)),
            Self::Path(path) => Some(format!("PosixPath({})", quoted(path))),
            Self::List(items) => Some(format!("[{}]", all(&items.borrow())?)),
            Self::Tuple(items) if items.len() == 1 => Some(format!("({},)", all(items)?)),
            Self::Tuple(items) => Some(format!("({})", all(items)?)),
            Self::Dict(members) => {
                let members = members.borrow();
                let members = members
                    .iter()
                    .map(|(key, value)| Some(format!("{}: {}", key.represented()?, value.represented()?)));
                Some(format!("{{{}}}", members.collect::<Option<Vec<_>>>()?.join(", ")))
            }
            plain => plain.to_text(),
        }
    }

    /// The text that Feast takes an argument for: a text, or the value of a member that is a text too.
    pub(super) fn as_text(&self) -> Option<Rc<str>> {
        match self {
            Self::Text(text) => Some(Rc::clone(text)),
            Self::Member(member) if member.is_text => member.value.as_text(),
            _ => None,
        }
    }

    /// The items that a loop over the value sees; `None` when it is not known.
    pub(super) fn items(&self) -> Option<Vec<Value>> {
        match self {
            Self::List(items) => Some(items.borrow().clone()),
            Self::Tuple(items) | Self::Set(items) => Some(items.to_vec()),
            Self::Dict(members) => Some(members.borrow().iter().map(|(key, _)| key.clone()).collect()),
            Self::Text(text) => Some(
                text.chars()
                    .map(|character| Self::text(character.to_string()))
                    .collect(),
            ),
            Self::Class(class) if class.is_enumeration => Some(class.members()),
            _ => None,
        }
    }

    /// How many plain values it holds, counted up to `limit`.
    pub(super) fn size(&self, limit: usize) -> usize {
        let sum = |items: &[Value]| {
            items.iter().fold(0, |sum: usize, item| {
                if sum >= limit {
                    sum
                } else {
                    sum + item.size(limit - sum)
                }
            })
        };
        1 + match self {
            Self::Text(text) | Self::Path(text) => text.len(),
            Self::List(items) => sum(&items.borrow()),
            Self::Tuple(items) | Self::Set(items) => sum(items),
            Self::Dict(members) => members.borrow().iter().fold(0, |sum: usize, (key, value)| {
                if sum >= limit {
                    sum
                } else {
                    sum + key.size(limit - sum) + value.size(limit - sum)
                }
            }),
            _ => 0,
        }
    }
}

/// The shortest text that reads back as the number, in Python's form: an exponent below 0.0001 and from 1e16 on.
fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = number.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A text in Python's quotes: single ones, unless it holds some and no double ones.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut answer = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => answer.push_str("\\\\"),
            '\n' => answer.push_str("\\n"),
            '\r' => answer.push_str("\\r"),
            '\t' => answer.push_str("\\t"),
            _ if character == quote => answer.extend(['\\', quote]),
            _ => answer.push(character),
        }
    }
    answer.push(quote);
    answer
}

/// Sets a member of a dict.
pub(super) fn put(members: &mut Vec<(Value, Value)>, key: Value, value: Value) {
    match members.iter_mut().find(|(known, _)| *known == key) {
        Some((_, old)) => *old = value,
        None => members.push((key, value)),
    }
}

impl Class {
    /// The member of an enumeration, or a constant.
    pub(super) fn attribute(&self, name: &str) -> Option<Value> {
        let value = self.scope.own(name)?;
        if !self.is_enumeration || !self.fields.iter().any(|field| field == name) || matches!(value, Value::Function(_))
        {
            return Some(value);
        }
        Some(Value::Member(Rc::new(Member {
            enumeration: self.name.clone(),
            name: name.to_owned(),
            value,
            is_text: self.is_text,
        })))
    }

    fn members(&self) -> Vec<Value> {
        let members = self.fields.iter().filter(|name| !name.starts_with('_'));
        members.filter_map(|name| self.attribute(name)).collect()
    }
}

/// Python's `==` of plain values. Objects equal only themselves, opaque values nothing.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Integer(left), Self::Integer(right))
            | (Self::Duration(left), Self::Duration(right))
            | (Self::Moment(left), Self::Moment(right)) => left == right,
            (Self::Float(left), Self::Float(right)) => left == right,
            (Self::Integer(integer), Self::Float(float)) | (Self::Float(float), Self::Integer(integer)) => {
                *integer as f64 == *float
            }
            (Self::Text(left), Self::Text(right)) | (Self::Path(left), Self::Path(right)) => left == right,
            (Self::Text(text), Self::Member(member)) | (Self::Member(member), Self::Text(text)) => {
                member.is_text && member.value.as_text().as_ref() == Some(text)
            }
            (Self::List(left), Self::List(right)) => Rc::ptr_eq(left, right) || *left.borrow() == *right.borrow(),
            (Self::Tuple(left), Self::Tuple(right)) => left == right,
            (Self::Set(left), Self::Set(right)) => {
                left.len() == right.len() && left.iter().all(|item| right.contains(item))
            }
            (Self::Dict(left), Self::Dict(right)) => {
                let (left, right) = (left.borrow(), right.borrow());
                left.len() == right.len() && left.iter().all(|member| right.contains(member))
            }
            (Self::Type(left), Self::Type(right)) => left == right,
            (Self::Member(left), Self::Member(right)) => {
                left.enumeration == right.enumeration && left.name == right.name
            }
            (Self::FeastClass(left), Self::FeastClass(right)) => left.name == right.name,
            (Self::Object(left), Self::Object(right)) => Rc::ptr_eq(left, right),
            _ => false,
        }
    }
}
