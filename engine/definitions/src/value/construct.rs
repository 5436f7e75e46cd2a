//! How values are made.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::container::{insert_distinct, set_member};
use super::data::{CallArguments, Dict, DictKind, Value, View};
use super::taint::{Taint, Unknown};

impl Value {
    pub(crate) fn str(string: impl AsRef<str>) -> Self {
        Self::Str(Rc::from(string.as_ref()))
    }

    pub(crate) fn path(string: impl AsRef<str>) -> Self {
        Self::Path(Rc::from(string.as_ref()))
    }

    pub(crate) fn list(items: Vec<Value>) -> Self {
        Self::List(Rc::new(RefCell::new(items)))
    }

    pub(crate) fn tuple(items: Vec<Value>) -> Self {
        Self::Tuple(Rc::new(items))
    }

    /// A set of the distinct items.
    pub(crate) fn set(items: Vec<Value>) -> Self {
        let mut distinct: Vec<Value> = Vec::with_capacity(items.len());
        for item in items {
            insert_distinct(&mut distinct, item);
        }
        Self::Set(Rc::new(RefCell::new(distinct)))
    }

    /// A dict; of two members with one key the later counts, at the place of the first.
    pub(crate) fn dict(members: Vec<(Value, Value)>) -> Self {
        Self::dict_of_kind(members, DictKind::Plain)
    }

    /// As [`Value::dict`], of another class.
    pub(crate) fn dict_of_kind(members: Vec<(Value, Value)>, kind: DictKind) -> Self {
        let mut distinct: Vec<(Value, Value)> = Vec::with_capacity(members.len());
        for (key, value) in members {
            set_member(&mut distinct, key, value);
        }
        Self::Dict(Rc::new(Dict {
            members: RefCell::new(distinct),
            kind,
        }))
    }

    pub(crate) fn view(type_name: &'static str, items: Vec<Value>) -> Self {
        Self::View(Rc::new(View { type_name, items }))
    }

    pub(crate) fn iterator(items: Vec<Value>) -> Self {
        Self::Iterator(Rc::new(RefCell::new(VecDeque::from(items))))
    }

    /// An unknown value that cannot be an object of Feast.
    pub(crate) fn opaque(reason: impl AsRef<str>) -> Self {
        Self::opaque_with(reason, Taint::Clean)
    }

    /// An unknown value; the reason completes the sentence "this depends on ...".
    pub(crate) fn opaque_with(reason: impl AsRef<str>, taint: Taint) -> Self {
        Self::Opaque(Rc::new(Unknown {
            reason: reason.as_ref().to_owned(),
            taint,
        }))
    }

    pub(crate) fn count(number: usize) -> Self {
        i64::try_from(number).map_or_else(|_| Self::opaque("a number beyond 64 bits"), Self::Int)
    }

    /// `value.name`, a method that is not called yet.
    pub(crate) fn method(&self, name: &str) -> Self {
        Self::Method(Rc::new(self.clone()), Rc::from(name))
    }
}

impl CallArguments {
    pub(crate) fn positional<const COUNT: usize>(values: [Value; COUNT]) -> Self {
        Self {
            positional: values.to_vec(),
            named: Vec::new(),
        }
    }

    /// The argument given under a name.
    pub(crate) fn named(&self, parameter: &str) -> Option<&Value> {
        let mut named = self.named.iter();
        named.find(|(name, _)| name == parameter).map(|(_, value)| value)
    }

    /// The values of all arguments.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.positional.iter().chain(self.named.iter().map(|(_, value)| value))
    }

    /// The named arguments as members of a dict.
    pub(crate) fn named_members(&self) -> Vec<(Value, Value)> {
        let named = self.named.iter();
        named.map(|(name, value)| (Value::str(name), value.clone())).collect()
    }
}
