//! Python values, as far as definitions need them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use feast_engine::model::ValueType;
use ruff_python_ast::{Expr, Parameters, Stmt};

use super::feast::FeastClass;
use super::object::Object;
use super::scope::Scope;
use super::unknown::{Hides, Unknown};

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
    Set(Rc<RefCell<Vec<Value>>>),
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
    /// Something the evaluator cannot know.
    Opaque(Rc<Unknown>),
}

/// Positional and named arguments of a call, evaluated.
#[derive(Clone, Default)]
pub(super) struct CallArguments {
    pub(super) positional: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
}

impl CallArguments {
    pub(super) fn positional<const COUNT: usize>(values: [Value; COUNT]) -> Self {
        Self {
            positional: values.to_vec(),
            named: Vec::new(),
        }
    }

    /// The argument given under a name.
    pub(super) fn named(&self, wanted: &str) -> Option<&Value> {
        let mut named = self.named.iter();
        named.find(|(name, _)| name == wanted).map(|(_, value)| value)
    }

    /// The values of all arguments.
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.positional.iter().chain(self.named.iter().map(|(_, value)| value))
    }
}

/// A function or lambda of a definition file.
pub(super) struct Function {
    /// `<lambda>` for a lambda.
    pub(super) name: String,
    pub(super) parameters: Parameters,
    /// The defaults of its parameters, by name: they are computed once, where it is defined.
    pub(super) defaults: Vec<(String, Value)>,
    pub(super) binding: Cell<Binding>,
    pub(super) body: FunctionBody,
    /// The names around it.
    pub(super) scope: Rc<Scope>,
    /// Its source text from the first decorator to the last line, as `inspect.getsource` gives it.
    pub(super) text: String,
}

/// What a function of a class takes for its first argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// The instance.
    Instance,
    /// `classmethod`: the class.
    Class,
    /// `staticmethod`: nothing.
    Nothing,
    /// `property`: the instance, and it is called where it is read.
    Property,
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
    /// Whether members of the enumeration are their values too: `class Team(str, Enum)`.
    pub(super) is_its_value: bool,
    /// Whether it has no base that the evaluator does not know.
    pub(super) is_plain: bool,
    /// What an instance of it may be, where a base is not known.
    pub(super) hides: Hides,
}

/// A member of an enumeration.
pub(super) struct Member {
    pub(super) enumeration: String,
    pub(super) name: String,
    pub(super) value: Value,
    /// Whether it is its value too, as members of `StrEnum` and `IntEnum` are.
    pub(super) is_its_value: bool,
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
            add(&mut distinct, item);
        }
        Self::Set(Rc::new(RefCell::new(distinct)))
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
        Self::opaque_hiding(reason, Hides::Nothing)
    }

    pub(super) fn opaque_hiding(reason: impl AsRef<str>, hides: Hides) -> Self {
        Self::Opaque(Rc::new(Unknown {
            reason: reason.as_ref().to_owned(),
            hides,
        }))
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
            Self::List(items) | Self::Set(items) => !items.borrow().is_empty(),
            Self::Tuple(items) => !items.is_empty(),
            Self::Dict(members) => !members.borrow().is_empty(),
            Self::Duration(micros) => *micros != 0,
            Self::Member(member) if member.is_its_value => member.value.truth()?,
            Self::Opaque(_) | Self::Globals | Self::Library(_) => return None,
            // `__bool__` and `__len__` decide, or a base that is not known.
            Self::Class(class) if class.is_instance => {
                let decides = |name| class.scope.own(name).is_some();
                if decides("__bool__") || decides("__len__") || !class.is_plain {
                    return None;
                }
                true
            }
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

    /// The text that Feast takes an argument for: a text, or the value of a member that is a text too.
    pub(super) fn as_text(&self) -> Option<Rc<str>> {
        match self {
            Self::Text(text) => Some(Rc::clone(text)),
            Self::Member(member) if member.is_its_value => member.value.as_text(),
            _ => None,
        }
    }

    /// The items that a loop over the value sees; `None` when it is not known.
    pub(super) fn items(&self) -> Option<Vec<Value>> {
        match self {
            Self::List(items) | Self::Set(items) => Some(items.borrow().clone()),
            Self::Tuple(items) => Some(items.to_vec()),
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
            Self::List(items) | Self::Set(items) => sum(&items.borrow()),
            Self::Tuple(items) => sum(items),
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

/// Sets a member of a dict.
pub(super) fn put(members: &mut Vec<(Value, Value)>, key: Value, value: Value) {
    match members.iter_mut().find(|(known, _)| known.same(&key) == Some(true)) {
        Some((_, old)) => *old = value,
        None => members.push((key, value)),
    }
}

/// Adds an item to a set.
pub(super) fn add(items: &mut Vec<Value>, item: Value) {
    if items.iter().all(|known| known.same(&item) != Some(true)) {
        items.push(item);
    }
}

impl Class {
    /// The member of an enumeration, or a constant. Of two names for one value the first names the member.
    pub(super) fn attribute(&self, name: &str) -> Option<Value> {
        let value = self.scope.own(name)?;
        if !self.is_member(name) {
            return Some(value);
        }
        let equal = |other: &&String| {
            self.is_member(other)
                && self
                    .scope
                    .own(other)
                    .is_some_and(|other| other.same(&value) == Some(true))
        };
        let first = self.fields.iter().find(equal).map_or(name, String::as_str);
        Some(Value::Member(Rc::new(Member {
            enumeration: self.name.clone(),
            name: first.to_owned(),
            value,
            is_its_value: self.is_its_value,
        })))
    }

    fn is_member(&self, name: &str) -> bool {
        self.is_enumeration
            && !name.starts_with('_')
            && self.fields.iter().any(|field| field == name)
            && !matches!(self.scope.own(name), None | Some(Value::Function(_)))
    }

    fn members(&self) -> Vec<Value> {
        let mut members = Vec::new();
        for name in self.fields.iter().filter(|name| self.is_member(name)) {
            if let Some(member) = self.attribute(name) {
                add(&mut members, member);
            }
        }
        members
    }
}
