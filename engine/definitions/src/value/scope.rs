//! The names of a file, a class or a running function: binding and looking up.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use super::data::{Scope, Value};
use crate::source::SourceFile;

impl Scope {
    /// A file before it has run.
    pub(crate) fn for_file(file: SourceFile) -> Self {
        Self {
            file: Rc::new(file),
            names: RefCell::default(),
            globals: RefCell::default(),
            nonlocals: RefCell::default(),
            outer: None,
            is_class: false,
        }
    }

    /// A function or a comprehension inside of `outer`.
    pub(crate) fn inside(outer: &Rc<Scope>) -> Self {
        Self {
            file: Rc::clone(&outer.file),
            names: RefCell::default(),
            globals: RefCell::default(),
            nonlocals: RefCell::default(),
            outer: Some(Rc::clone(outer)),
            is_class: false,
        }
    }

    /// The body of a class inside of `outer`.
    pub(crate) fn for_class(outer: &Rc<Scope>) -> Self {
        Self {
            is_class: true,
            ..Self::inside(outer)
        }
    }

    /// Where statements run of which it is not known whether they do: what they bind does not reach `outer`.
    pub(crate) fn trial(outer: &Rc<Scope>) -> Self {
        Self {
            is_class: outer.is_class,
            ..Self::inside(outer)
        }
    }

    /// The names that a function defined here sees.
    pub(crate) fn around_functions(self: &Rc<Self>) -> Rc<Self> {
        match &self.outer {
            Some(outer) if self.is_class => outer.around_functions(),
            _ => Rc::clone(self),
        }
    }

    pub(crate) fn is_module(&self) -> bool {
        self.outer.is_none()
    }

    /// The file, relative to the repository if it lies there.
    pub(crate) fn path(&self) -> &Path {
        &self.file.module.path
    }

    pub(crate) fn file(&self) -> &Rc<SourceFile> {
        &self.file
    }

    pub(crate) fn bind(&self, name: &str, value: Value) {
        let of_function = self.nonlocals.borrow().contains(name);
        match &self.outer {
            _ if self.globals.borrow().contains(name) => self.module().insert(name, value),
            Some(outer) if of_function => outer.bind_where_bound(name, value),
            _ => self.insert(name, value),
        }
    }

    fn insert(&self, name: &str, value: Value) {
        self.names.borrow_mut().insert(name.to_owned(), value);
    }

    /// Binds a name in the nearest scope that has it.
    fn bind_where_bound(&self, name: &str, value: Value) {
        match &self.outer {
            Some(outer) if self.own(name).is_none() => outer.bind_where_bound(name, value),
            _ => self.insert(name, value),
        }
    }

    /// From now on the name means that of the enclosing function.
    pub(crate) fn declare_nonlocal(&self, name: &str) {
        self.nonlocals.borrow_mut().insert(name.to_owned());
    }

    pub(crate) fn module(&self) -> &Self {
        self.outer.as_ref().map_or(self, |outer| outer.module())
    }

    /// From now on the name means that of the file.
    pub(crate) fn declare_global(&self, name: &str) {
        self.globals.borrow_mut().insert(name.to_owned());
    }

    pub(crate) fn unbind(&self, name: &str) {
        self.names.borrow_mut().remove(name);
    }

    pub(crate) fn lookup(&self, name: &str) -> Option<Value> {
        let own = self.names.borrow().get(name).cloned();
        own.or_else(|| self.outer.as_ref()?.lookup(name))
    }

    /// As [`Scope::lookup`], without the names of what is around it.
    pub(crate) fn own(&self, name: &str) -> Option<Value> {
        self.names.borrow().get(name).cloned()
    }

    /// The scope that a name is looked up in.
    pub(crate) fn owner(self: &Rc<Self>, name: &str) -> Option<Rc<Self>> {
        match (self.own(name), &self.outer) {
            (Some(_), _) => Some(Rc::clone(self)),
            (None, outer) => outer.as_ref()?.owner(name),
        }
    }

    /// Own names in alphabetical order, as Feast looks through them.
    pub(crate) fn bindings(&self) -> Vec<(String, Value)> {
        self.names
            .borrow()
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}
