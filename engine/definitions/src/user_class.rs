//! Classes of definition files, and what is made of them: instances, members of enumerations, named tuples.

use std::rc::Rc;

use super::scope::Scope;
use super::unknown::Hides;
use super::value::{Value, add};

/// A class of a definition file, or an instance of one: names and what they are bound to.
pub(super) struct Class {
    pub(super) name: String,
    pub(super) scope: Rc<Scope>,
    /// The members of an enumeration, the fields of a dataclass or named tuple, in their order.
    pub(super) fields: Vec<String>,
    /// The classes of definition files that it is made from; of an instance, its class.
    pub(super) bases: Vec<Rc<Class>>,
    pub(super) is_instance: bool,
    /// Whether `__init__` is made of the fields.
    pub(super) is_dataclass: bool,
    /// Whether its instances are tuples of the fields.
    pub(super) is_named_tuple: bool,
    /// What its members are, if it is an enumeration.
    pub(super) enumeration: Option<Members>,
    /// Whether it has no base that the evaluator does not know.
    pub(super) is_plain: bool,
    /// What an instance of it may be, where a base is not known.
    pub(super) hides: Hides,
}

/// What the members of an enumeration are beside members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Members {
    /// Nothing.
    Plain,
    /// Their values too: `class Team(str, Enum)`.
    Mixed,
    /// `IntEnum`.
    Integers,
    /// `StrEnum`.
    Texts,
}

/// A member of an enumeration.
pub(super) struct Member {
    pub(super) enumeration: String,
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) kind: Members,
    /// The class, if it is one of a definition file.
    pub(super) class: Option<Rc<Class>>,
}

/// An instance of a named tuple.
pub(super) struct Record {
    pub(super) class: Rc<Class>,
    /// One for each field of the class.
    pub(super) values: Vec<Value>,
}

impl Class {
    /// The member of an enumeration, or a constant. Of two names for one value the first names the member.
    pub(super) fn attribute(self: &Rc<Self>, name: &str) -> Option<Value> {
        let value = self.scope.own(name)?;
        let Some(kind) = self.enumeration.filter(|_| self.is_member(name)) else {
            return Some(value);
        };
        let equal = |other: &&String| {
            self.names_member(other)
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
            kind,
            class: Some(Rc::clone(self)),
        })))
    }

    fn is_member(&self, name: &str) -> bool {
        self.enumeration.is_some() && self.names_member(name) && self.fields.iter().any(|field| field == name)
    }

    /// As [`Class::is_member`], of one of the fields.
    fn names_member(&self, field: &str) -> bool {
        !field.starts_with('_') && !matches!(self.scope.own(field), None | Some(Value::Function(_)))
    }

    pub(super) fn members(self: &Rc<Self>) -> Vec<Value> {
        let mut members = Vec::new();
        for name in self.fields.iter().filter(|name| self.names_member(name)) {
            if let Some(member) = self.attribute(name) {
                add(&mut members, member);
            }
        }
        members
    }

    /// Whether it is `other` or made from it; `None` where a base is not known.
    pub(super) fn descends_from(self: &Rc<Self>, other: &Rc<Self>) -> Option<bool> {
        if Rc::ptr_eq(self, other) {
            return Some(true);
        }
        let mut is_known = self.is_plain || self.enumeration.is_some();
        for base in &self.bases {
            match base.descends_from(other) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => is_known = false,
            }
        }
        is_known.then_some(false)
    }

    /// Whether it has a method of its own under one of the names.
    pub(super) fn has_method(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.scope.own(name).is_some())
    }
}

impl Member {
    /// Whether it is its value too.
    pub(super) fn is_its_value(&self) -> bool {
        self.kind != Members::Plain
    }

    fn has_method(&self, names: &[&str]) -> bool {
        self.class.as_ref().is_some_and(|class| class.has_method(names))
    }

    /// `str(member)`; `None` where versions of Python differ, or the class decides.
    pub(super) fn to_text(&self) -> Option<String> {
        if self.has_method(&["__str__", "__repr__"]) || self.class.is_none() {
            return None;
        }
        match self.kind {
            Members::Plain | Members::Mixed => Some(format!("{}.{}", self.enumeration, self.name)),
            // Before Python 3.11 its name.
            Members::Integers => None,
            Members::Texts => self.value.to_text(),
        }
    }

    /// `format(member)`; `None` where versions of Python differ, or the class decides.
    pub(super) fn formatted(&self) -> Option<String> {
        if self.has_method(&["__str__", "__repr__", "__format__"]) || self.class.is_none() {
            return None;
        }
        match self.kind {
            Members::Plain => self.to_text(),
            // Before Python 3.11 its value.
            Members::Mixed => None,
            Members::Integers | Members::Texts => self.value.to_text(),
        }
    }

    /// `repr(member)`; `None` where the class decides.
    pub(super) fn represented(&self) -> Option<String> {
        if self.has_method(&["__repr__"]) || self.class.is_none() {
            return None;
        }
        Some(format!(
            "<{}.{}: {}>",
            self.enumeration,
            self.name,
            self.value.represented()?
        ))
    }
}

impl Record {
    /// The value of a field.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        let position = self.class.fields.iter().position(|field| field == name)?;
        self.values.get(position)
    }

    /// `repr(record)`; `None` where it is not known.
    pub(super) fn represented(&self) -> Option<String> {
        if self.class.has_method(&["__str__", "__repr__"]) {
            return None;
        }
        let fields = self.class.fields.iter().zip(&self.values);
        let fields = fields.map(|(name, value)| Some(format!("{name}={}", value.represented()?)));
        let fields = fields.collect::<Option<Vec<_>>>()?;
        Some(format!("{}({})", self.class.name, fields.join(", ")))
    }
}
