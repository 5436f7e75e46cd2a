//! Classes of definition files, and what is made of them: members of enumerations, and named tuples.

use std::rc::Rc;

use super::container::insert_distinct;
use super::data::{Class, EnumKind, EnumMember, NamedTuple, Value};

impl Class {
    /// The member of an enumeration, or a constant. Of two names for one value the first names the member.
    pub(crate) fn attribute(self: &Rc<Self>, name: &str) -> Option<Value> {
        let value = self.scope.own(name)?;
        let Some(kind) = self.enumeration.filter(|_| self.is_member(name)) else {
            return Some(value);
        };
        let equal = |other: &&String| {
            self.names_member(other)
                && self
                    .scope
                    .own(other)
                    .is_some_and(|other| other.equals(&value) == Some(true))
        };
        let first = self.fields.iter().find(equal).map_or(name, String::as_str);
        Some(Value::EnumMember(Rc::new(EnumMember {
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

    pub(crate) fn members(self: &Rc<Self>) -> Vec<Value> {
        let mut members = Vec::new();
        for name in self.fields.iter().filter(|name| self.names_member(name)) {
            if let Some(member) = self.attribute(name) {
                insert_distinct(&mut members, member);
            }
        }
        members
    }

    /// Whether it is `other` or made from it; `None` where a base is not known.
    pub(crate) fn descends_from(self: &Rc<Self>, other: &Rc<Self>) -> Option<bool> {
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
    pub(crate) fn has_method(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.scope.own(name).is_some())
    }
}

impl EnumMember {
    /// Whether it is its value too.
    pub(crate) fn is_its_value(&self) -> bool {
        self.kind != EnumKind::Plain
    }

    fn has_method(&self, names: &[&str]) -> bool {
        self.class.as_ref().is_some_and(|class| class.has_method(names))
    }

    /// `str(member)`; `None` where versions of Python differ, or the class decides.
    pub(crate) fn to_str(&self) -> Option<String> {
        if self.has_method(&["__str__", "__repr__"]) || self.class.is_none() {
            return None;
        }
        match self.kind {
            EnumKind::Plain | EnumKind::Mixed => Some(format!("{}.{}", self.enumeration, self.name)),
            // Before Python 3.11 its name.
            EnumKind::Int => None,
            EnumKind::Str => self.value.to_str(),
        }
    }

    /// `format(member)`; `None` where versions of Python differ, or the class decides.
    pub(crate) fn formatted(&self) -> Option<String> {
        if self.has_method(&["__str__", "__repr__", "__format__"]) || self.class.is_none() {
            return None;
        }
        match self.kind {
            EnumKind::Plain => self.to_str(),
            // Before Python 3.11 its value.
            EnumKind::Mixed => None,
            EnumKind::Int | EnumKind::Str => self.value.to_str(),
        }
    }

    /// `repr(member)`; `None` where the class decides.
    pub(crate) fn repr(&self) -> Option<String> {
        if self.has_method(&["__repr__"]) || self.class.is_none() {
            return None;
        }
        Some(format!("<{}.{}: {}>", self.enumeration, self.name, self.value.repr()?))
    }
}

impl NamedTuple {
    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        let position = self.class.fields.iter().position(|field| field == name)?;
        self.values.get(position)
    }

    /// `repr(tuple)`; `None` where it is not known.
    pub(crate) fn repr(&self) -> Option<String> {
        if self.class.has_method(&["__str__", "__repr__"]) {
            return None;
        }
        let fields = self.class.fields.iter().zip(&self.values);
        let fields = fields.map(|(name, value)| Some(format!("{name}={}", value.repr()?)));
        let fields = fields.collect::<Option<Vec<_>>>()?;
        Some(format!("{}({})", self.class.name, fields.join(", ")))
    }
}
