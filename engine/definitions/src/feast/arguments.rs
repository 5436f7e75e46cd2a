//! The arguments of a constructor: taken by name, with the type that Feast expects, and an error that names the file,
//! the line and the argument.

use std::collections::BTreeMap;
use std::rc::Rc;

use feast_model::{DataSource, Entity, Field, Metadata};

use crate::context::Site;
use crate::error::{DefinitionError, Evaluated};
use crate::value::{CallArguments, DefinedObject, FeastClass, FeastObject, Function, Value};

/// Evaluated arguments of one call.
pub(super) struct Arguments<'a> {
    class: &'static FeastClass,
    named: Vec<(String, Value)>,
    /// What a decorator is applied to.
    pub(super) function: Option<Rc<Function>>,
    /// What the object is made of: that function, or one that is given.
    made_of: Option<Rc<Function>>,
    site: Site<'a>,
    /// The object's name, once known: messages say it.
    object_name: String,
    /// Whether its tags are a dict that something else holds too.
    shares_tags: bool,
}

impl<'a> Arguments<'a> {
    /// Gives positional arguments their names, and refuses arguments that the class does not have.
    pub(super) fn bind(
        class: &'static FeastClass,
        arguments: CallArguments,
        function: Option<Rc<Function>>,
        site: Site<'a>,
    ) -> Evaluated<Self> {
        let CallArguments { positional, named } = arguments;
        let called = if class.is_decorator {
            class.name.to_owned()
        } else {
            format!("{}.__init__", class.name)
        };
        let parameters: Vec<&str> = class.parameters.split(' ').filter(|name| !name.is_empty()).collect();
        let max_positional = if class.takes_positional { parameters.len() } else { 0 };
        if positional.len() > max_positional {
            let own = usize::from(!class.is_decorator);
            let count = max_positional + own;
            let message = format!(
                "{called}() takes {count} positional argument{} but {} were given",
                if count == 1 { "" } else { "s" },
                positional.len() + own
            );
            return Err(site.raise("TypeError", message));
        }
        let unexpected = named.iter().find(|(name, _)| !parameters.contains(&name.as_str()));
        if let Some((name, _)) = unexpected {
            let message = format!("{called}() got an unexpected keyword argument '{name}'");
            return Err(site.raise("TypeError", message));
        }
        let by_position = parameters.iter().map(|name| (*name).to_owned()).zip(positional);
        let mut all: Vec<(String, Value)> = by_position.collect();
        for (name, value) in named {
            if all.iter().any(|(known, _)| *known == name) {
                let message = format!("{called}() got multiple values for argument '{name}'");
                return Err(site.raise("TypeError", message));
            }
            all.push((name, value));
        }
        let object_name = all
            .iter()
            .find(|(name, _)| name == "name")
            .and_then(|(_, value)| value.as_str());
        Ok(Self {
            class,
            named: all,
            made_of: function.clone(),
            function,
            site,
            object_name: object_name.map(|name| name.to_string()).unwrap_or_default(),
            shares_tags: false,
        })
    }

    /// An object made by this call.
    pub(super) fn object(&self, object: FeastObject) -> Value {
        let object = DefinedObject::new(object, self.site.scope.path().to_path_buf(), self.site.line())
            .with_function(self.made_of.clone());
        Value::Object(Rc::new(if self.shares_tags {
            object.with_shared_tags()
        } else {
            object
        }))
    }

    /// Notes the function that is given as `name`, or what is given was made of.
    pub(super) fn note_function(&mut self, name: &str) {
        match self.named.iter().find(|(known, _)| known == name) {
            Some((_, Value::Function(function))) => self.made_of = Some(Rc::clone(function)),
            Some((_, Value::Object(object))) => self.made_of = object.function().cloned(),
            _ => {}
        }
    }

    /// Whether the object is stored with the names of its module that its function uses.
    pub(super) fn keeps_names(&self) -> bool {
        matches!(self.class.name, "OnDemandFeatureView" | "on_demand_feature_view")
    }

    /// What Feast raises for these arguments.
    pub(super) fn raise(&self, exception: &str, message: impl AsRef<str>) -> DefinitionError {
        self.site.raise(exception, message)
    }

    /// What this binary cannot do with these arguments.
    pub(super) fn limit(&self, message: impl Into<String>) -> DefinitionError {
        self.site.limit(message)
    }

    /// `feature view "stats"`, for messages.
    fn called(&self) -> String {
        if self.object_name.is_empty() {
            self.class.name.to_owned()
        } else {
            format!("{} \"{}\"", self.class.name, self.object_name)
        }
    }

    /// Whether an argument is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.named.iter().any(|(known, _)| known == name)
    }

    /// The value of an argument; `None` when it is not given. An opaque value is an error: it would be stored.
    pub(super) fn take(&mut self, name: &str) -> Evaluated<Option<Value>> {
        let Some(position) = self.named.iter().position(|(known, _)| known == name) else {
            return Ok(None);
        };
        let (_, value) = self.named.swap_remove(position);
        self.site.pay_for([&value])?;
        self.check_known(name, &value)?;
        share(name, &value);
        if let Value::Dict(tags) = &value
            && name == "tags"
        {
            self.shares_tags = Rc::strong_count(tags) > 1;
        }
        // Feast keeps dicts, and the list of a service, as they are.
        if matches!(value, Value::Dict(_)) || name == "features" {
            self.site.session.keep(&value);
        }
        Ok(Some(value))
    }

    /// As [`Arguments::take`], where Python's `None` means that the argument is not given.
    pub(super) fn given(&mut self, name: &str) -> Evaluated<Option<Value>> {
        Ok(self.take(name)?.filter(|value| !matches!(value, Value::None)))
    }

    /// Leaves out an argument that Feast does not store, whatever its value.
    pub(super) fn ignore(&mut self, name: &str) {
        self.named.retain(|(known, _)| known != name);
    }

    /// Takes an argument that is given under one name as if it were given under another.
    pub(super) fn rename(&mut self, name: &str, other: &str) {
        if let Some((known, _)) = self.named.iter_mut().find(|(known, _)| known == name) {
            other.clone_into(known);
        }
    }

    /// The string that an argument has when it is not given.
    pub(super) fn default_to(&mut self, name: &str, string: &str) {
        if !self.has(name) {
            self.named.push((name.to_owned(), Value::str(string)));
        }
    }

    fn check_known(&self, name: &str, value: &Value) -> Evaluated<()> {
        match value {
            Value::Opaque(unknown) => Err(self.limit(format!(
                "{name} of {} depends on {}, which cannot be read without running Python; write the value out, or let \
                 Python's `feast apply` write the registry and only serve with this binary",
                self.called(),
                unknown.reason
            ))),
            Value::List(items) | Value::Set(items) => {
                items.borrow().iter().try_for_each(|item| self.check_known(name, item))
            }
            Value::Tuple(items) => items.iter().try_for_each(|item| self.check_known(name, item)),
            Value::Dict(members) => members.borrow().iter().try_for_each(|(key, member)| {
                self.check_known(name, key)?;
                self.check_known(name, member)
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn wrong_type(&self, name: &str, value: &Value, expected: &str) -> DefinitionError {
        let message = format!(
            "argument \"{name}\" ({}) of {} is not {expected}",
            value.type_name(),
            self.called()
        );
        self.raise("TypeCheckError", message)
    }

    fn missing(&self, name: &str) -> DefinitionError {
        let message = format!("{}() missing 1 required argument: '{name}'", self.class.name);
        self.raise("TypeError", message)
    }

    pub(super) fn str(&mut self, name: &str) -> Evaluated<Option<String>> {
        match self.given(name)? {
            None => Ok(None),
            Some(value) => match value.as_str() {
                Some(string) => Ok(Some(string.to_string())),
                None => Err(self.wrong_type(name, &value, "an instance of str")),
            },
        }
    }

    pub(super) fn str_or_empty(&mut self, name: &str) -> Evaluated<String> {
        Ok(self.str(name)?.unwrap_or_default())
    }

    pub(super) fn required_str(&mut self, name: &str) -> Evaluated<String> {
        self.str(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn bool(&mut self, name: &str, default: bool) -> Evaluated<bool> {
        match self.given(name)? {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(value),
            Some(other) => Err(self.wrong_type(name, &other, "an instance of bool")),
        }
    }

    pub(super) fn integer(&mut self, name: &str) -> Evaluated<i64> {
        match self.given(name)? {
            None => Ok(0),
            Some(value) => match value.as_int() {
                Some(number) => Ok(number),
                None => Err(self.wrong_type(name, &value, "an instance of int")),
            },
        }
    }

    /// A `timedelta` in microseconds, which 64 bits hold.
    pub(super) fn duration(&mut self, name: &str) -> Evaluated<Option<i64>> {
        match self.given(name)? {
            None => Ok(None),
            Some(Value::TimeDelta(delta)) => match i64::try_from(delta.micros()) {
                Ok(micros) => Ok(Some(micros)),
                Err(_) => Err(self.limit(format!(
                    "{name} of {} is too long to be stored: {}",
                    self.called(),
                    delta.to_str().unwrap_or_default()
                ))),
            },
            Some(other) => Err(self.wrong_type(name, &other, "an instance of datetime.timedelta")),
        }
    }

    pub(super) fn str_dict(&mut self, name: &str) -> Evaluated<BTreeMap<String, String>> {
        let members = match self.given(name)? {
            None => return Ok(BTreeMap::new()),
            Some(Value::Dict(members)) => members,
            Some(other) => return Err(self.wrong_type(name, &other, "a dict")),
        };
        let str = |value: &Value| {
            let string = value.as_str().map(|string| string.to_string());
            string.ok_or_else(|| self.wrong_type(name, value, "a dict of str to str"))
        };
        let members = members.borrow();
        members
            .iter()
            .map(|(key, member)| Ok((str(key)?, str(member)?)))
            .collect()
    }

    /// The items of a list argument, each of which `pick` must take.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        expected: &str,
        pick: impl Fn(&Value) -> Option<T>,
    ) -> Evaluated<Option<Vec<T>>> {
        let items = match self.given(name)? {
            None => return Ok(None),
            Some(Value::List(items)) => items,
            Some(other) => return Err(self.wrong_type(name, &other, "a list")),
        };
        let items = items.borrow();
        let picked = items
            .iter()
            .map(|item| pick(item).ok_or_else(|| self.wrong_type(name, item, &format!("a list of {expected}"))));
        picked.collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn str_list(&mut self, name: &str) -> Evaluated<Vec<String>> {
        let str = |value: &Value| value.as_str().map(|string| string.to_string());
        Ok(self.list(name, "str", str)?.unwrap_or_default())
    }

    /// `metadata` with what most objects say of themselves.
    pub(super) fn metadata(&mut self, metadata: Metadata) -> Evaluated<Metadata> {
        Ok(Metadata {
            description: self.str_or_empty("description")?,
            tags: self.str_dict("tags")?,
            owner: self.str_or_empty("owner")?,
            ..metadata
        })
    }

    /// As [`Arguments::metadata`], with what only views say.
    pub(super) fn view_metadata(&mut self, name: String, version: String) -> Evaluated<Metadata> {
        let metadata = self.metadata(Metadata::new(name))?;
        Ok(Metadata {
            org: self.str_or_empty("org")?,
            version,
            ..metadata
        })
    }

    pub(super) fn fields(&mut self, name: &str) -> Evaluated<Option<Vec<Field>>> {
        self.list(name, "Field", |value| {
            with_object(value, |object| match object {
                FeastObject::Field(field) => Some(field.clone()),
                _ => None,
            })
        })
    }

    pub(super) fn entities(&mut self, name: &str) -> Evaluated<Vec<Entity>> {
        let entity = |value: &Value| {
            with_object(value, |object| match object {
                FeastObject::Entity(entity) => Some(entity.clone()),
                _ => None,
            })
        };
        Ok(self.list(name, "Entity", entity)?.unwrap_or_default())
    }

    /// An argument that must be an object that `pick` takes.
    pub(super) fn pick<T>(
        &mut self,
        name: &str,
        expected: &str,
        pick: impl Fn(&FeastObject) -> Option<T>,
    ) -> Evaluated<Option<T>> {
        match self.given(name)? {
            None => Ok(None),
            Some(value) => match with_object(&value, pick) {
                Some(picked) => Ok(Some(picked)),
                None => Err(self.wrong_type(name, &value, &format!("an instance of {expected}"))),
            },
        }
    }

    pub(super) fn source(&mut self, name: &str) -> Evaluated<Option<DataSource>> {
        self.pick(name, "DataSource", |object| match object {
            FeastObject::Source(source) => Some(source.clone()),
            _ => None,
        })
    }

    pub(super) fn known_as(&mut self, name: &str) {
        name.clone_into(&mut self.object_name);
    }
}

/// Notes that an object holds others whole: sources, and the views that another is derived from.
fn share(argument: &str, value: &Value) {
    match value {
        Value::Object(object) => {
            let is_held = match &*object.object() {
                FeastObject::Source(_) => true,
                FeastObject::View(_) => argument == "source",
                _ => false,
            };
            if is_held {
                object.share();
            }
        }
        Value::List(items) => items.borrow().iter().for_each(|item| share(argument, item)),
        _ => {}
    }
}

/// What `pick` makes of an object; `None` for what is not one.
pub(super) fn with_object<T>(value: &Value, pick: impl Fn(&FeastObject) -> Option<T>) -> Option<T> {
    match value {
        Value::Object(object) => {
            let object: &DefinedObject = object;
            pick(&object.object())
        }
        _ => None,
    }
}
