//! Python values, as far as definitions need them, and the names they are bound to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use feast_engine::model::{DataSource, Entity, FeatureService, FeatureView, Field, Project, ValueType};
use ruff_python_ast::StmtFunctionDef;
use ruff_text_size::TextRange;

use super::DefinitionError;

/// A Python value.
#[derive(Clone)]
pub(super) enum Value {
    None,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(Rc<str>),
    List(Rc<Vec<Value>>),
    Tuple(Rc<Vec<Value>>),
    Dict(Rc<Vec<(Value, Value)>>),
    /// `timedelta`, in microseconds.
    Duration(i64),
    /// A feature type, or a member of `ValueType`.
    Type(ValueType),
    /// A class or function that the evaluator knows.
    Builtin(Builtin),
    /// A method of a value, not called yet.
    Method(Rc<Value>, Rc<str>),
    Function(Rc<Function>),
    Object(Rc<Object>),
    /// Something the evaluator cannot know, and why.
    Opaque(Rc<str>),
}

/// A function of a definition file.
pub(super) struct Function {
    pub(super) definition: StmtFunctionDef,
    /// The file it stands in.
    pub(super) scope: Rc<Scope>,
}

/// The names of a file, or of a running function with those of its file behind them.
pub(super) struct Scope {
    file: PathBuf,
    source: Rc<str>,
    names: RefCell<BTreeMap<String, Value>>,
    outer: Option<Rc<Scope>>,
}

impl Scope {
    /// A file before it has run.
    pub(super) fn of_file(file: &Path, source: &str) -> Self {
        Self {
            file: file.to_path_buf(),
            source: Rc::from(source),
            names: RefCell::default(),
            outer: None,
        }
    }

    /// The file, relative to the repository.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn of_function(outer: &Rc<Scope>) -> Self {
        let (file, source) = (outer.file.clone(), Rc::clone(&outer.source));
        Self {
            file,
            source,
            names: RefCell::default(),
            outer: Some(Rc::clone(outer)),
        }
    }

    pub(super) fn bind(&self, name: &str, value: Value) {
        self.names.borrow_mut().insert(name.to_owned(), value);
    }

    pub(super) fn lookup(&self, name: &str) -> Option<Value> {
        let own = self.names.borrow().get(name).cloned();
        own.or_else(|| self.outer.as_ref()?.lookup(name))
    }

    /// All names in alphabetical order, as Feast looks through them.
    pub(super) fn bindings(&self) -> Vec<(String, Value)> {
        self.names
            .borrow()
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// An error at a place of this file.
    pub(super) fn error(&self, range: TextRange, message: impl Into<String>) -> DefinitionError {
        let before = &self.source[..usize::from(range.start()).min(self.source.len())];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        DefinitionError {
            file: self.file.clone(),
            line,
            message: message.into(),
        }
    }

    /// The source text of a place, shortened for messages.
    pub(super) fn text(&self, range: TextRange) -> String {
        let text = self
            .source
            .get(usize::from(range.start())..usize::from(range.end()))
            .unwrap_or_default();
        let first_line = text.lines().next().unwrap_or_default();
        if first_line.len() == text.len() {
            text.to_owned()
        } else {
            format!("{first_line}...")
        }
    }
}

/// An object of Feast.
pub(super) enum Object {
    Project(Project),
    Entity(Entity),
    Field(Field),
    Source(DataSource),
    View(FeatureView),
    Projection(ViewProjection),
    Service(FeatureService),
    ParquetFormat,
}

/// `view[["a"]].with_name("n").with_join_key_map({...})`.
#[derive(Clone)]
pub(super) struct ViewProjection {
    pub(super) view: FeatureView,
    /// All features of the view when `None`.
    pub(super) features: Option<Vec<String>>,
    pub(super) alias: Option<String>,
    pub(super) join_key_map: BTreeMap<String, String>,
}

/// Classes and functions by the name under which definition files import them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builtin {
    Project,
    Entity,
    Field,
    FileSource,
    PushSource,
    FeatureView,
    FeatureService,
    ParquetFormat,
    Array,
    Set,
    Struct,
    /// The class whose members are the value types.
    ValueTypeClass,
    Timedelta,
    Str,
    Int,
    Float,
    Bool,
    Len,
    List,
    Dict,
    Range,
}

impl Builtin {
    /// What `from feast... import NAME` or a name of Python itself means.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "Project" => Self::Project,
            "Entity" => Self::Entity,
            "Field" => Self::Field,
            "FileSource" => Self::FileSource,
            "PushSource" => Self::PushSource,
            "FeatureView" => Self::FeatureView,
            "FeatureService" => Self::FeatureService,
            "ParquetFormat" => Self::ParquetFormat,
            "Array" => Self::Array,
            "Set" => Self::Set,
            "Struct" => Self::Struct,
            "ValueType" => Self::ValueTypeClass,
            _ => return None,
        })
    }

    /// What `from feast import *` binds beside the types.
    pub(super) const NAMES: [&str; 12] = [
        "Array",
        "Entity",
        "FeatureService",
        "FeatureView",
        "Field",
        "FileSource",
        "ParquetFormat",
        "Project",
        "PushSource",
        "Set",
        "Struct",
        "ValueType",
    ];

    /// Names that are there without an import.
    pub(super) fn of_python(name: &str) -> Option<Self> {
        Some(match name {
            "str" => Self::Str,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "len" => Self::Len,
            "list" => Self::List,
            "dict" => Self::Dict,
            "range" => Self::Range,
            _ => return None,
        })
    }
}

impl Value {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Rc::from(text.as_ref()))
    }

    pub(super) fn list(items: Vec<Value>) -> Self {
        Self::List(Rc::new(items))
    }

    pub(super) fn object(object: Object) -> Self {
        Self::Object(Rc::new(object))
    }

    pub(super) fn opaque(reason: impl AsRef<str>) -> Self {
        Self::Opaque(Rc::from(reason.as_ref()))
    }

    /// Python's truth of a value; `None` when it is not known.
    pub(super) fn truth(&self) -> Option<bool> {
        Some(match self {
            Self::None => false,
            Self::Bool(flag) => *flag,
            Self::Integer(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) | Self::Tuple(items) => !items.is_empty(),
            Self::Dict(items) => !items.is_empty(),
            Self::Duration(micros) => *micros != 0,
            Self::Opaque(_) => return None,
            _ => true,
        })
    }

    /// Python's name of the value's type, for messages.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "bool",
            Self::Integer(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Duration(_) => "timedelta",
            Self::Type(_) => "feature type",
            Self::Builtin(_) => "type",
            Self::Method(..) | Self::Function(_) => "function",
            Self::Object(object) => match &**object {
                Object::Project(_) => "Project",
                Object::Entity(_) => "Entity",
                Object::Field(_) => "Field",
                Object::Source(_) => "DataSource",
                Object::View(_) | Object::Projection(_) => "FeatureView",
                Object::Service(_) => "FeatureService",
                Object::ParquetFormat => "ParquetFormat",
            },
            Self::Opaque(_) => "unknown value",
        }
    }

    /// `str(value)`; `None` when it is not known.
    pub(super) fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::None => "None".to_owned(),
            Self::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => format!("{number:?}"),
            Self::Text(text) => text.to_string(),
            _ => return None,
        })
    }

    /// The items that a loop over the value sees; `None` when it is not known.
    pub(super) fn items(&self) -> Option<Vec<Value>> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items.to_vec()),
            Self::Dict(items) => Some(items.iter().map(|(key, _)| key.clone()).collect()),
            _ => None,
        }
    }
}

/// Python's `==` of plain values. Objects equal only themselves, opaque values nothing.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Integer(left), Self::Integer(right)) => left == right,
            (Self::Float(left), Self::Float(right)) => left == right,
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::List(left), Self::List(right)) | (Self::Tuple(left), Self::Tuple(right)) => left == right,
            (Self::Dict(left), Self::Dict(right)) => left == right,
            (Self::Duration(left), Self::Duration(right)) => left == right,
            (Self::Type(left), Self::Type(right)) => left == right,
            (Self::Object(left), Self::Object(right)) => Rc::ptr_eq(left, right),
            _ => false,
        }
    }
}
