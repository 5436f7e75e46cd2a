//! Questions to a value whose answers need no code of the file to run: is it true, of which type is it, what are its items, how
//! large is it. `None` where the result is not known.

use std::rc::Rc;

use super::data::{DictKind, Value};
use super::taint::Taint;

impl Value {
    /// Python's truth of a value; `None` when it is not known.
    pub(crate) fn truth(&self) -> Option<bool> {
        Some(match self {
            Self::None => false,
            Self::Bool(flag) => *flag,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Str(string) => !string.is_empty(),
            Self::List(items) | Self::Set(items) => !items.borrow().is_empty(),
            Self::Tuple(items) => !items.is_empty(),
            Self::View(view) if view.type_name != "Index" => !view.items.is_empty(),
            Self::NamedTuple(record) => !record.values.is_empty(),
            Self::Dict(members) => !members.borrow().is_empty(),
            Self::TimeDelta(delta) => delta.micros() != 0,
            Self::EnumMember(member) if member.is_its_value() => member.value.truth()?,
            Self::Opaque(_) | Self::Globals | Self::Builtin(_) => return None,
            // pandas refuses to say.
            Self::DataFrame(_) | Self::Dtypes(_) | Self::Column(..) | Self::View(_) => return None,
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
    pub(crate) fn type_name(&self) -> &str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
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
            Self::DataFrame(_) => "DataFrame",
            Self::Dtypes(_) | Self::Column(..) => "Series",
            Self::Dtype(_) => "dtype",
            Self::Iterator(_) => "generator",
            Self::NamedTuple(record) => &record.class.name,
            Self::TimeDelta(delta) if delta.is_pandas() => "Timedelta",
            Self::TimeDelta(_) => "timedelta",
            Self::DateTime(_) => "datetime",
            Self::Path(_) => "PosixPath",
            Self::Type(_) => "feature type",
            Self::EnumMember(member) => &member.enumeration,
            Self::Module(_) => "module",
            Self::FeastClass(_) | Self::FeastEnum(_) | Self::Class(_) => "type",
            Self::File(_) => "TextIOWrapper",
            Self::Globals => "dict",
            Self::Builtin(_) | Self::Method(..) | Self::Function(_) | Self::Decorator(_) | Self::Partial(_) => {
                "function"
            }
            Self::Object(object) => object.class_name(),
            Self::Opaque(_) => "unknown value",
        }
    }

    /// The string that Feast takes an argument for: a string, or the value of an enumeration's member that is a string too.
    pub(crate) fn as_str(&self) -> Option<Rc<str>> {
        match self {
            Self::Str(string) => Some(Rc::clone(string)),
            Self::EnumMember(member) if member.is_its_value() => member.value.as_str(),
            _ => None,
        }
    }

    /// The integer that Python takes it for: a bool is one too.
    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bool(flag) => Some(i64::from(*flag)),
            _ => None,
        }
    }

    /// Whether a loop over the value sees items that are known.
    pub(crate) fn has_items(&self) -> bool {
        match self {
            Self::List(_) | Self::Set(_) | Self::Tuple(_) | Self::View(_) | Self::NamedTuple(_) | Self::Dict(_) => true,
            Self::Str(_) | Self::Iterator(_) => true,
            Self::Class(class) => class.enumeration.is_some(),
            _ => false,
        }
    }

    /// The items that a loop over the value sees; an iterator has none left afterwards. `None` when they are not known.
    pub(crate) fn items(&self) -> Option<Vec<Value>> {
        match self {
            Self::List(items) | Self::Set(items) => Some(items.borrow().clone()),
            Self::Tuple(items) => Some(items.to_vec()),
            Self::Dict(members) => Some(members.borrow().iter().map(|(key, _)| key.clone()).collect()),
            Self::Str(string) => Some(
                string
                    .chars()
                    .map(|character| Self::str(character.to_string()))
                    .collect(),
            ),
            Self::View(view) => Some(view.items.clone()),
            Self::DataFrame(table) => table.names(),
            Self::Dtypes(table) => Some(table.dtypes()?.into_iter().map(|(_, dtype)| dtype).collect()),
            Self::NamedTuple(record) => Some(record.values.clone()),
            Self::Iterator(items) => Some(items.take().into()),
            Self::Class(class) if class.enumeration.is_some() => Some(class.members()),
            _ => None,
        }
    }

    /// How many plain values it holds, counted up to `limit`.
    pub(crate) fn size(&self, limit: usize) -> usize {
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
            Self::Str(string) | Self::Path(string) => string.len(),
            Self::List(items) | Self::Set(items) => sum(&items.borrow()),
            Self::Tuple(items) => sum(items),
            Self::View(view) => sum(&view.items),
            Self::NamedTuple(record) => sum(&record.values),
            Self::Iterator(items) => sum(items.borrow_mut().make_contiguous()),
            // Its members are compared with each other.
            Self::Class(class) if class.enumeration.is_some() => class.fields.len().saturating_mul(class.fields.len()),
            Self::DataFrame(table) | Self::Dtypes(table) => table.len(),
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

    /// See [`Taint`].
    pub(crate) fn taint(&self) -> Taint {
        match self {
            Self::Opaque(unknown) => unknown.taint,
            Self::Object(object) if object.object().is_registered() => Taint::Object,
            Self::List(items) | Self::Set(items) => max_taint(items.borrow().iter()),
            Self::Tuple(items) => max_taint(items.iter()),
            Self::View(view) => max_taint(&view.items),
            Self::NamedTuple(tuple) => max_taint(&tuple.values),
            Self::Iterator(items) => max_taint(items.borrow().iter()),
            Self::Dict(members) => max_taint(members.borrow().iter().map(|(_, value)| value)),
            _ => Taint::Clean,
        }
    }
}

/// The greatest taint of the values.
pub(crate) fn max_taint<'a>(values: impl IntoIterator<Item = &'a Value>) -> Taint {
    values.into_iter().map(Value::taint).max().unwrap_or(Taint::Clean)
}
