//! The types of values. They hold each other, so they stand in one file; what is done with them is in the files beside it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use feast_model::ValueType;
use ruff_python_ast::{Expr, Parameters, Stmt};

use super::data_frame::DataFrame;
use super::feast_class::FeastClass;
use super::feast_object::DefinedObject;
use super::taint::{Taint, Unknown};
use super::time_delta::TimeDelta;
use crate::source::SourceFile;

/// A Python value.
#[derive(Clone)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Rc<str>),
    List(Rc<RefCell<Vec<Value>>>),
    Tuple(Rc<Vec<Value>>),
    Set(Rc<RefCell<Vec<Value>>>),
    Dict(Rc<Dict>),
    /// `range`, and the keys, values and items of a dict.
    View(Rc<View>),
    /// `pandas.DataFrame`.
    DataFrame(Rc<DataFrame>),
    /// `frame.dtypes`.
    Dtypes(Rc<DataFrame>),
    /// A column of a frame, by its name.
    Column(Rc<DataFrame>, Rc<str>),
    /// `numpy.dtype`, by its name.
    Dtype(Rc<str>),
    /// A generator or another iterator: its items can be taken once.
    Iterator(Rc<RefCell<VecDeque<Value>>>),
    /// `timedelta`.
    TimeDelta(TimeDelta),
    /// `datetime` without a time zone: microseconds since 1970, of the years 1 to 9999.
    DateTime(i64),
    /// `pathlib.Path`.
    Path(Rc<str>),
    /// A feature type of Feast.
    Type(ValueType),
    /// A member of an enumeration.
    EnumMember(Rc<EnumMember>),
    /// A module, by its full name.
    Module(Rc<str>),
    /// A function or class of Python's library, or of a library that comes with Feast, by its full name.
    Builtin(&'static str),
    /// A class or decorator of Feast.
    FeastClass(&'static FeastClass),
    /// An enumeration of Feast, by its name.
    FeastEnum(&'static str),
    /// A class of a definition file, or an instance of one.
    Class(Rc<Class>),
    /// An instance of a named tuple.
    NamedTuple(Rc<NamedTuple>),
    /// A function with some arguments given already.
    Partial(Rc<(Value, CallArguments)>),
    /// A text file that is open for reading, by its path.
    File(Rc<str>),
    /// What `globals()` returns: the names of the file.
    Globals,
    /// A method of a value, not called yet.
    Method(Rc<Value>, Rc<str>),
    Function(Rc<Function>),
    /// A called decorator of Feast, not applied to its function yet.
    Decorator(Rc<PendingDecorator>),
    /// An object of Feast.
    Object(Rc<DefinedObject>),
    /// A value that the evaluator cannot know.
    Opaque(Rc<Unknown>),
}

/// Positional and named arguments of a call, evaluated.
#[derive(Clone, Default)]
pub(crate) struct CallArguments {
    pub(crate) positional: Vec<Value>,
    pub(crate) named: Vec<(String, Value)>,
}

/// A function or lambda of a definition file.
pub(crate) struct Function {
    /// `<lambda>` for a lambda.
    pub(crate) name: String,
    pub(crate) parameters: Parameters,
    /// The defaults of its parameters, by name: they are computed once, where it is defined.
    pub(crate) defaults: Vec<(String, Value)>,
    pub(crate) binding: Cell<Binding>,
    /// Whether it has `yield`.
    pub(crate) is_generator: bool,
    pub(crate) body: FunctionBody,
    /// The names around it.
    pub(crate) scope: Rc<Scope>,
    /// Its source: from the first decorator to the last line, as `inspect.getsource` returns it; of a lambda the expression.
    pub(crate) source: String,
}

/// What a function of a class takes for its first argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// The instance.
    Instance,
    /// `classmethod`: the class.
    Class,
    /// `staticmethod`: nothing.
    Static,
    /// `property`: the instance, and it is called where it is read.
    Property,
}

/// What a function does.
pub(crate) enum FunctionBody {
    Statements(Vec<Stmt>),
    Expression(Box<Expr>),
}

/// A called decorator of Feast, not applied to its function yet.
pub(crate) struct PendingDecorator {
    pub(crate) class: &'static FeastClass,
    pub(crate) arguments: CallArguments,
}

/// A dict, and of which class it is.
pub(crate) struct Dict {
    pub(super) members: RefCell<Vec<(Value, Value)>>,
    pub(crate) kind: DictKind,
}

/// The class of a dict: what it returns for a key that it does not have, and how it is written.
pub(crate) enum DictKind {
    Plain,
    /// `OrderedDict`.
    Ordered,
    /// `Counter`.
    Counter,
    /// `defaultdict`, with the factory of missing values.
    Default(Value),
}

/// A sequence that is computed from something else: a range, the keys of a dict, the columns of a frame.
pub(crate) struct View {
    /// Python's name of its type.
    pub(crate) type_name: &'static str,
    pub(crate) items: Vec<Value>,
}

/// A class of a definition file, or an instance of one: names and what they are bound to.
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) scope: Rc<Scope>,
    /// The members of an enumeration, the fields of a dataclass or named tuple, in their order.
    pub(crate) fields: Vec<String>,
    /// Its base classes, as far as they are of definition files; of an instance, its class.
    pub(crate) bases: Vec<Rc<Class>>,
    pub(crate) is_instance: bool,
    /// Whether `__init__` is made of the fields.
    pub(crate) is_dataclass: bool,
    /// Whether its instances are tuples of the fields.
    pub(crate) is_named_tuple: bool,
    /// What its members are, if it is an enumeration.
    pub(crate) enumeration: Option<EnumKind>,
    /// Whether the evaluator knows all of its bases.
    pub(crate) is_plain: bool,
    /// What an instance of it may be, where a base is not known.
    pub(crate) taint: Taint,
    /// Whether an attribute was set after it was made.
    pub(crate) is_changed: Cell<bool>,
}

/// What the members of an enumeration are, apart from being members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EnumKind {
    /// Nothing.
    Plain,
    /// Their values too: `class Team(str, Enum)`.
    Mixed,
    /// `IntEnum`.
    Int,
    /// `StrEnum`.
    Str,
}

/// A member of an enumeration.
pub(crate) struct EnumMember {
    pub(crate) enumeration: String,
    pub(crate) name: String,
    pub(crate) value: Value,
    pub(crate) kind: EnumKind,
    /// The class, if it is one of a definition file.
    pub(crate) class: Option<Rc<Class>>,
}

/// An instance of a named tuple.
pub(crate) struct NamedTuple {
    pub(crate) class: Rc<Class>,
    /// One for each field of the class.
    pub(crate) values: Vec<Value>,
}

/// The names of a file, of a class or of a running function, with the scope around it.
pub(crate) struct Scope {
    pub(super) file: Rc<SourceFile>,
    pub(super) names: RefCell<BTreeMap<String, Value>>,
    /// Names that `global` has made those of the file.
    pub(super) globals: RefCell<BTreeSet<String>>,
    /// Names that `nonlocal` has made those of the enclosing function.
    pub(super) nonlocals: RefCell<BTreeSet<String>>,
    pub(super) outer: Option<Rc<Scope>>,
    /// The names of a class body are not seen by the functions in it.
    pub(super) is_class: bool,
}
