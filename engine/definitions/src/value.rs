//! Python values, as far as definitions need them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Deref;
use std::rc::Rc;

use feast_model::ValueType;
use ruff_python_ast::{Expr, Parameters, Stmt};

use super::duration::Duration;
use super::feast::FeastClass;
use super::object::Object;
use super::scope::Scope;
use super::table::Table;
use super::unknown::{Hides, Unknown};
use super::user_class::{Class, Member, Record};

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
    Dict(Rc<Dict>),
    /// `range`, the keys, values and items of a dict.
    View(Rc<View>),
    /// `pandas.DataFrame`.
    Table(Rc<Table>),
    /// `frame.dtypes`.
    Dtypes(Rc<Table>),
    /// A column of a frame, by its name.
    Column(Rc<Table>, Rc<str>),
    /// `numpy.dtype`, by its name.
    Dtype(Rc<str>),
    /// A generator or another iterator: its items can be taken once.
    Iterator(Rc<RefCell<VecDeque<Value>>>),
    /// `timedelta`.
    Duration(Duration),
    /// `datetime`, in microseconds since 1970 in UTC, of the years 1 to 9999.
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
    /// A class of a definition file, or an instance of one.
    Class(Rc<Class>),
    /// An instance of a named tuple.
    Record(Rc<Record>),
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
    /// Whether it has `yield`.
    pub(super) is_generator: bool,
    pub(super) body: FunctionBody,
    /// The names around it.
    pub(super) scope: Rc<Scope>,
    /// Its source text: from the first decorator to the last line, as `inspect.getsource` gives it; of a lambda the expression.
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

/// A dict, and what kind of one it is.
pub(super) struct Dict {
    members: RefCell<Vec<(Value, Value)>>,
    pub(super) kind: DictKind,
}

/// What a dict gives for a key that it does not have, and how it is written.
pub(super) enum DictKind {
    Plain,
    /// `OrderedDict`.
    Ordered,
    /// `Counter`.
    Counter,
    /// `defaultdict`, with what makes the missing values.
    Default(Value),
}

impl Deref for Dict {
    type Target = RefCell<Vec<(Value, Value)>>;

    fn deref(&self) -> &Self::Target {
        &self.members
    }
}

impl Dict {
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.kind, DictKind::Plain)
    }

    pub(super) fn is_ordered(&self) -> bool {
        matches!(self.kind, DictKind::Ordered)
    }
}

/// A sequence that is computed from something else: a range, the columns of a table.
pub(super) struct View {
    /// Python's name of its type.
    pub(super) type_name: &'static str,
    pub(super) items: Vec<Value>,
}

impl View {
    /// Whether `view[0]` is an item, as in a range, and unlike the keys of a dict.
    pub(super) fn has_positions(&self) -> bool {
        matches!(self.type_name, "range" | "Index")
    }
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
        Self::dict_of_kind(members, DictKind::Plain)
    }

    /// As [`Value::dict`], of another kind.
    pub(super) fn dict_of_kind(members: Vec<(Value, Value)>, kind: DictKind) -> Self {
        let mut distinct: Vec<(Value, Value)> = Vec::with_capacity(members.len());
        for (key, value) in members {
            put(&mut distinct, key, value);
        }
        Self::Dict(Rc::new(Dict {
            members: RefCell::new(distinct),
            kind,
        }))
    }

    pub(super) fn view(type_name: &'static str, items: Vec<Value>) -> Self {
        Self::View(Rc::new(View { type_name, items }))
    }

    pub(super) fn iterator(items: Vec<Value>) -> Self {
        Self::Iterator(Rc::new(RefCell::new(VecDeque::from(items))))
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
            Self::View(view) if view.type_name != "Index" => !view.items.is_empty(),
            Self::Record(record) => !record.values.is_empty(),
            Self::Dict(members) => !members.borrow().is_empty(),
            Self::Duration(duration) => duration.micros() != 0,
            Self::Member(member) if member.is_its_value() => member.value.truth()?,
            Self::Opaque(_) | Self::Globals | Self::Library(_) => return None,
            // pandas refuses to say.
            Self::Table(_) | Self::Dtypes(_) | Self::Column(..) | Self::View(_) => return None,
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
            Self::Dict(dict) => match dict.kind {
                DictKind::Plain => "dict",
                DictKind::Ordered => "OrderedDict",
                DictKind::Counter => "Counter",
                DictKind::Default(_) => "defaultdict",
            },
            Self::View(view) => view.type_name,
            Self::Table(_) => "DataFrame",
            Self::Dtypes(_) | Self::Column(..) => "Series",
            Self::Dtype(_) => "dtype",
            Self::Iterator(_) => "generator",
            Self::Record(record) => &record.class.name,
            Self::Duration(duration) if duration.is_pandas() => "Timedelta",
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
            Self::Member(member) if member.is_its_value() => member.value.as_text(),
            _ => None,
        }
    }

    /// Whether a loop over the value sees items that are known.
    pub(super) fn has_items(&self) -> bool {
        match self {
            Self::List(_) | Self::Set(_) | Self::Tuple(_) | Self::View(_) | Self::Record(_) | Self::Dict(_) => true,
            Self::Text(_) | Self::Iterator(_) => true,
            Self::Class(class) => class.enumeration.is_some(),
            _ => false,
        }
    }

    /// The items that a loop over the value sees, which an iterator has no longer then; `None` when it is not known.
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
            Self::View(view) => Some(view.items.clone()),
            Self::Table(table) => table.names(),
            Self::Dtypes(table) => Some(table.dtypes()?.into_iter().map(|(_, dtype)| dtype).collect()),
            Self::Record(record) => Some(record.values.clone()),
            Self::Iterator(items) => Some(items.take().into()),
            Self::Class(class) if class.enumeration.is_some() => Some(class.members()),
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
            Self::View(view) => sum(&view.items),
            Self::Record(record) => sum(&record.values),
            Self::Iterator(items) => sum(items.borrow_mut().make_contiguous()),
            // Its members are compared with each other.
            Self::Class(class) if class.enumeration.is_some() => class.fields.len().saturating_mul(class.fields.len()),
            Self::Table(table) | Self::Dtypes(table) => table.len(),
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
