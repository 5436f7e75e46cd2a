//! From a function to all that it uses, and from there to one text.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use feast_model::{MissingName, ModuleNames};
use ruff_python_ast::ModModule;

use super::binding::{Binding, Bindings, parts_of};
use super::item::{Item, MAX_BYTES, Need, Rank, Told, needs, too_large, used_by, used_by_text};
use crate::evaluate::Evaluator;
use crate::stdlib;
use crate::value::{Function, Scope, Value, address};

/// The names under which Feast gives functions pandas and numpy, and those modules.
const GIVEN: [(&str, &str); 4] = [
    ("pd", "pandas"),
    ("pandas", "pandas"),
    ("np", "numpy"),
    ("numpy", "numpy"),
];
/// How many names one function may use.
const MAX_NAMES: usize = 1000;
/// How many files a name may be passed on by.
const MAX_HOPS: usize = 20;

/// Tells the names that functions use, once all files have run.
pub(crate) struct Names<'a> {
    evaluator: &'a Evaluator<'a>,
    /// The files that were looked into.
    parsed: RefCell<HashMap<PathBuf, Rc<ModModule>>>,
}

/// What a name is for the function.
enum Entry {
    /// What Python has without the module: a builtin, or nothing.
    Nothing,
    /// pandas or numpy.
    Given,
    /// The function itself.
    Itself,
    Item(Item),
    Missing(String),
}

/// Where a name comes from, through the files that pass it on.
struct Origin {
    scope: Rc<Scope>,
    binding: Binding,
    /// Whether it may have had another value before.
    is_bound_again: bool,
}

impl<'a> Names<'a> {
    pub(crate) fn new(evaluator: &'a Evaluator<'a>) -> Self {
        Self {
            evaluator,
            parsed: RefCell::default(),
        }
    }

    /// What a function uses of its module. `text` is what Feast keeps of it, which may be another function.
    pub(crate) fn of(&self, function: &Rc<Function>, text: &str) -> ModuleNames {
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        entries.insert(function.name.clone(), Entry::Itself);
        let mut order = Vec::new();
        let mut pending: VecDeque<Need> = needs(used_by(function), &function.scope).into();
        if text != function.source {
            pending.extend(needs(used_by_text(text), &function.scope));
        }
        let mut bytes = 0;
        while let Some(need) = pending.pop_front() {
            let mut entry = self.entry(&need, function);
            if let (None, Entry::Item(item)) = (entries.get(&need.name), &entry) {
                match bytes + item.text.len() {
                    sum if sum <= MAX_BYTES && entries.len() <= MAX_NAMES => bytes = sum,
                    _ => entry = Entry::Missing(too_large()),
                }
            }
            match entries.get_mut(&need.name) {
                Some(known) => known.merge(entry),
                None => {
                    order.push(need.name.clone());
                    if let Entry::Item(item) = &mut entry {
                        pending.extend(item.uses.iter().map(Need::again));
                    }
                    entries.insert(need.name, entry);
                }
            }
        }
        leave_out_dependents(&mut entries);
        written(&entries, &order)
    }

    fn entry(&self, need: &Need, root: &Rc<Function>) -> Entry {
        let name = need.name.as_str();
        let module_of = |name: &str| {
            GIVEN
                .iter()
                .find(|(given, _)| *given == name)
                .map(|(_, module)| *module)
        };
        let value = need.value.clone().or_else(|| need.scope.lookup(name));
        match (&value, module_of(name)) {
            (None, Some(_)) => Entry::Given,
            (None, None) => Entry::Nothing,
            (Some(Value::Module(module)), Some(given)) if **module == *given => Entry::Given,
            (Some(Value::Function(function)), _) if Rc::ptr_eq(function, root) => match function.name == name {
                true => Entry::Itself,
                false => Entry::Missing("which is another name of the function itself".to_owned()),
            },
            (Some(value), _) => match self.item(need, value) {
                Ok(item) => Entry::Item(item),
                Err(reason) => Entry::Missing(reason),
            },
        }
    }

    fn item(&self, need: &Need, value: &Value) -> Told<Item> {
        let name = need.name.as_str();
        if need.value.is_some() {
            // By another name: how it is bound has been looked up.
            return self.value(name, value, &self.origin(name, &need.scope)?);
        }
        let origin = self.origin(name, &need.scope)?;
        if need.is_early && origin.is_bound_again {
            return Err("which is bound more than once, and used where a function or class is defined".to_owned());
        }
        self.value(name, value, &origin)
    }

    fn value(&self, name: &str, value: &Value, origin: &Origin) -> Told<Item> {
        match (value, &origin.binding) {
            (Value::Function(function), _) => Item::function(name, function),
            (Value::Class(class), binding) if !class.is_instance => Item::class(name, class, &origin.scope, binding),
            (Value::Module(module), _) if self.evaluator.is_of_files(module) => {
                Err("which is a module of the repository; import the names that are used from it".to_owned())
            }
            (Value::Module(module), binding) if !matches!(binding, Binding::Name { .. }) => {
                Ok(self.module(name, module, &origin.scope))
            }
            (
                _,
                Binding::Name {
                    module,
                    level,
                    name: imported,
                },
            ) => {
                if *level > 0 || module.is_empty() {
                    return Err("which is imported from a file that is not read".to_owned());
                }
                let alias = if imported == name {
                    String::new()
                } else {
                    format!(" as {name}")
                };
                Ok(Item::import(format!("from {module} import {imported}{alias}\n")))
            }
            (Value::Opaque(_), Binding::Fixed(range)) => {
                let text = origin.scope.file().slice(*range);
                match text.len() > MAX_BYTES {
                    true => Err(too_large()),
                    false => Ok(Item::written(name, text)),
                }
            }
            _ if address(value).is_some() && address(value) == address(self.evaluator.environment()) => {
                Err("which is the environment".to_owned())
            }
            (_, Binding::Assigned(range)) => {
                let expression = origin.scope.file().slice(*range);
                let expression = Item::expression(name, expression, value, &origin.scope);
                expression.map_or_else(|| Item::constant(name, value), Ok)
            }
            _ => Item::constant(name, value),
        }
    }

    fn module(&self, name: &str, module: &str, scope: &Rc<Scope>) -> Item {
        if module != name {
            return Item::import(format!("import {module} as {name}\n"));
        }
        let parts = self.parsed(scope).map(|file| parts_of(module, &file.body));
        let lines = std::iter::once(module.to_owned()).chain(parts.unwrap_or_default());
        Item::import(lines.map(|module| format!("import {module}\n")).collect())
    }

    /// Where the name of a scope comes from.
    fn origin(&self, name: &str, scope: &Rc<Scope>) -> Told<Origin> {
        let mut name = name.to_owned();
        let mut origin = Origin {
            scope: Rc::clone(scope),
            binding: Binding::Other,
            is_bound_again: false,
        };
        let Some(owner) = scope.owner(&name).filter(|owner| owner.is_module()) else {
            return Ok(origin);
        };
        origin.scope = owner;
        for _ in 0..MAX_HOPS {
            let Some(file) = self.parsed(&origin.scope) else { break };
            let bindings = Bindings::of(&name, &file.body);
            self.check_imports(&bindings, &origin.scope)?;
            let (passed_on, own): (Vec<_>, Vec<_>) = bindings
                .found
                .into_iter()
                .partition(|binding| matches!(binding, Binding::Any { .. }));
            let mut passed_on = passed_on.iter().rev().filter_map(|binding| match binding {
                Binding::Any { module, level } => self.imported(module, *level, &name, &origin.scope),
                _ => None,
            });
            let next = match (own.as_slice(), passed_on.next()) {
                ([], Some(next)) => Some((next, name.clone())),
                ([], None) => None,
                ([first, rest @ ..], None) if rest.iter().all(|binding| binding == first) => {
                    origin.binding = first.clone();
                    match first {
                        Binding::Name { module, level, name } => {
                            let next = self.imported(module, *level, name, &origin.scope);
                            next.map(|next| (next, name.clone()))
                        }
                        _ => {
                            origin.is_bound_again |= !rest.is_empty();
                            None
                        }
                    }
                }
                _ => {
                    origin.binding = Binding::Other;
                    origin.is_bound_again = true;
                    None
                }
            };
            let Some((scope, next_name)) = next else {
                return Ok(origin);
            };
            (origin.scope, name, origin.binding) = (scope, next_name, Binding::Other);
        }
        Ok(origin)
    }

    /// The file that a name is imported from, if it has run and has the name.
    fn imported(&self, module: &str, level: u32, name: &str, from: &Scope) -> Option<Rc<Scope>> {
        let scope = self.evaluator.scope_of_module(module, level, from)?;
        scope.own(name).is_some().then_some(scope)
    }

    /// Whether a `try` around the bindings goes as it did here wherever the file is run.
    fn check_imports(&self, bindings: &Bindings<'_>, scope: &Scope) -> Told<()> {
        let is_certain = |(module, level): &&(String, u32)| self.evaluator.is_there(module, *level, scope);
        match bindings.expected.iter().find(|import| !is_certain(import)) {
            Some((module, _)) => Err(format!("which depends on whether the module {module} is installed")),
            None => Ok(()),
        }
    }

    /// The statements of the file of a scope.
    fn parsed(&self, scope: &Scope) -> Option<Rc<ModModule>> {
        let path: &Path = scope.path();
        if let Some(known) = self.parsed.borrow().get(path) {
            return Some(Rc::clone(known));
        }
        // It has been parsed before it ran.
        let parsed = ruff_python_parser::parse_module(&scope.file().text).ok()?;
        let parsed = Rc::new(parsed.into_syntax());
        self.parsed.borrow_mut().insert(path.to_path_buf(), Rc::clone(&parsed));
        Some(parsed)
    }
}

impl Need {
    fn again(&self) -> Self {
        Self {
            name: self.name.clone(),
            scope: Rc::clone(&self.scope),
            value: self.value.clone(),
            is_early: self.is_early,
        }
    }
}

impl Entry {
    /// One text has one namespace: what means different things in different files cannot be told.
    fn merge(&mut self, other: Self) {
        let is_same = match (&*self, &other) {
            (Self::Nothing, Self::Nothing)
            | (Self::Given, Self::Given)
            | (Self::Itself, Self::Itself)
            | (Self::Missing(_), _) => true,
            (Self::Item(known), Self::Item(other)) => known.identity == other.identity,
            _ => false,
        };
        if !is_same {
            *self = match other {
                Self::Missing(reason) => Self::Missing(reason),
                _ => Self::Missing("which is one thing in one place and another in another".to_owned()),
            };
        }
    }
}

/// Without a name that a definition needs, running it would fail, and all that comes after it would be lost.
fn leave_out_dependents(entries: &mut BTreeMap<String, Entry>) {
    let lacks = |entries: &BTreeMap<String, Entry>, item: &Item| {
        let early = item.early().into_iter().map(str::to_owned);
        early.into_iter().find(|name| match entries.get(name) {
            Some(Entry::Missing(_) | Entry::Itself) => true,
            Some(Entry::Nothing) => stdlib::builtin(name).is_none(),
            _ => false,
        })
    };
    loop {
        let lacking = entries.iter().find_map(|(name, entry)| match entry {
            Entry::Item(item) => Some((name.clone(), lacks(entries, item)?)),
            _ => None,
        });
        let Some((name, lacked)) = lacking else { return };
        entries.insert(
            name,
            Entry::Missing(format!("which needs `{lacked}` where it is defined")),
        );
    }
}

/// The text of the entries, in an order in which it can be run, and what is not in it.
fn written(entries: &BTreeMap<String, Entry>, order: &[String]) -> ModuleNames {
    let item = |name: &str| match entries.get(name) {
        Some(Entry::Item(item)) => Some(item),
        _ => None,
    };
    let mut sorted: Vec<&str> = order.iter().map(String::as_str).collect();
    sorted.sort_by_key(|name| item(name).map(|item| item.rank));
    let mut placed = BTreeSet::new();
    let mut ordered = Vec::new();
    for name in sorted {
        place(name, false, &item, &mut placed, &mut ordered);
    }
    let mut names = ModuleNames::default();
    let mut rank = Rank::Import;
    for item in ordered.into_iter().filter_map(item) {
        if item.rank == Rank::Code || (item.rank != rank && !names.text.is_empty()) {
            names.text.push_str(if names.text.is_empty() { "" } else { "\n" });
        }
        rank = item.rank;
        names.text.push_str(&item.text);
    }
    for (name, entry) in entries {
        let Entry::Missing(reason) = entry else { continue };
        // Where it is left out, it would mean something else. This says that it does not, and does nothing in Python.
        if stdlib::builtin(name).is_some() || GIVEN.iter().any(|(given, _)| given == name) {
            names.text.push_str(&format!("global {name}\n"));
        }
        names.missing.push(MissingName {
            name: name.clone(),
            reason: reason.clone(),
        });
    }
    names
}

/// Puts a name after those that it needs: to be defined, or with `is_called` to be called, those that it uses then.
fn place<'n, 'i>(
    name: &'n str,
    is_called: bool,
    item: &impl Fn(&str) -> Option<&'i Item>,
    placed: &mut BTreeSet<&'n str>,
    ordered: &mut Vec<&'n str>,
) where
    'i: 'n,
{
    let Some(found) = item(name) else { return };
    if !placed.insert(name) {
        return;
    }
    let early = found.early();
    for need in &found.uses {
        if is_called || early.contains(need.name.as_str()) {
            place(&need.name, true, item, placed, ordered);
        }
    }
    ordered.push(name);
}
