//! Python's builtin functions and types.

use std::rc::Rc;

use super::Native;
use super::iterators::{all_items, items, items_and_failure, items_in_any_order};
use crate::methods;
use crate::program::Operator;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, type_error, unknown, value_error};
use crate::value::{Dict, Value};

pub(super) static FUNCTIONS: &[Native] = &[
    Native::function("abs", abs),
    Native::function("all", super::iterators::all),
    Native::function("any", super::iterators::any),
    Native::class("bool", bool_of),
    Native::function("chr", chr),
    Native::class("dict", dict_of),
    Native::function("divmod", divmod),
    Native::class("enumerate", super::iterators::enumerate),
    Native::class("filter", super::iterators::filter),
    Native::class("float", super::conversion::float_of),
    Native::function("hex", hex),
    Native::class("int", super::conversion::int_of),
    Native::function("isinstance", isinstance),
    Native::function("len", len),
    Native::class("list", list_of),
    Native::class("map", super::iterators::map),
    Native::function("max", super::extremes::max),
    Native::function("min", super::extremes::min),
    Native::function("ord", ord),
    Native::class("range", range),
    Native::function("repr", repr),
    Native::class("reversed", super::iterators::reversed),
    Native::function("round", round),
    Native::class("set", set_of),
    Native::function("sorted", super::sorting::sorted_of),
    Native::class("str", str_of),
    Native::function("sum", sum),
    Native::class("tuple", tuple_of),
    Native::class("type", type_of),
    Native::class("zip", super::iterators::zip),
];

fn abs(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["x"])?;
    match &value {
        Value::Float(number) => Ok(Value::Float(number.abs())),
        Value::Big(number) => match number.checked_abs() {
            Some(number) => Ok(crate::run::integer(number)),
            None => Err(unknown("abs() of this is not known here")),
        },
        Value::Series(_) | Value::Array(_) => methods::call(run, &value, "abs", Arguments::default()),
        Value::None | Value::Text(_) => Err(type_error(format!(
            "bad operand type for abs(): '{}'",
            value.type_name()
        ))),
        other => match other.as_int() {
            Some(number) => crate::run::small(number.checked_abs()),
            None => Err(unknown("abs() of this is not known here")),
        },
    }
}

fn chr(_: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["i"])?;
    let code = value.as_int().and_then(|code| u32::try_from(code).ok());
    match code.and_then(char::from_u32) {
        Some(character) => Ok(Value::text(character.to_string())),
        None => Err(unknown("chr() of this is not known here")),
    }
}

fn ord(_: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["c"])?;
    let Value::Text(text) = &value else {
        return Err(unknown("ord() of this is not known here"));
    };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(Value::Int(i64::from(u32::from(character)))),
        _ => Err(type_error(format!(
            "ord() expected a character, but string of length {} found",
            text.chars().count()
        ))),
    }
}

fn dict_of(run: &mut Run, arguments: Arguments) -> Outcome {
    let mut dict = Dict::default();
    run.make(arguments.named.len())?;
    match arguments.positional.as_slice() {
        [] => {}
        [Value::Dict(other)] => {
            run.make(other.borrow().len())?;
            dict = other.borrow().clone();
        }
        [pairs @ (Value::Items(_) | Value::Iterator(_) | Value::List(_) | Value::Tuple(_))] => {
            for pair in items(run, pairs)? {
                let Value::Tuple(pair) = &pair else {
                    return Err(unknown("dict() of this is not known here"));
                };
                let [key, value] = &***pair else {
                    return Err(unknown("dict() of this is not known here"));
                };
                methods::check_key(key)?;
                dict.insert(key.clone(), value.clone());
            }
        }
        _ => return Err(unknown("dict() of this is not known here")),
    }
    for (name, value) in arguments.named {
        dict.insert(Value::Text(name), value);
    }
    Ok(Value::dict(dict))
}

fn divmod(_: &mut Run, arguments: Arguments) -> Outcome {
    let [left, right] = arguments.exactly(["x", "y"])?;
    let are_ints = left.as_int().is_some() && right.as_int().is_some();
    let (Some(_), Some(_)) = (left.as_float(), right.as_float()) else {
        let is_simple = |value: &Value| value.as_float().is_some() || matches!(value, Value::None | Value::Text(_));
        return Err(match is_simple(&left) && is_simple(&right) {
            true => type_error(format!(
                "unsupported operand type(s) for divmod(): '{}' and '{}'",
                left.type_name(),
                right.type_name()
            )),
            false => unknown("divmod() of this is not known here"),
        });
    };
    if !are_ints && right.as_float() == Some(0.0) {
        return Err(crate::stop::raised(
            crate::value::ExceptionClass::of("ZeroDivisionError"),
            "float divmod()",
        ));
    }
    let quotient = crate::run::scalar_binary(&left, Operator::FloorDiv, &right)?;
    let rest = crate::run::scalar_binary(&left, Operator::Mod, &right)?;
    Ok(Value::tuple(vec![quotient, rest]))
}

fn hex(_: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["x"])?;
    match (&value, value.as_int()) {
        (Value::Big(number), _) => {
            let sign = if **number < 0 { "-" } else { "" };
            Ok(Value::text(format!("{sign}0x{:x}", number.unsigned_abs())))
        }
        (_, Some(number)) => {
            let sign = if number < 0 { "-" } else { "" };
            Ok(Value::text(format!("{sign}0x{:x}", number.unsigned_abs())))
        }
        (Value::Float(_) | Value::None | Value::Text(_), _) => Err(type_error(format!(
            "'{}' object cannot be interpreted as an integer",
            value.type_name()
        ))),
        _ => Err(unknown("hex() of this is not known here")),
    }
}

fn isinstance(_: &mut Run, arguments: Arguments) -> Outcome {
    let [value, class] = arguments.exactly(["object", "class"])?;
    let classes = match &class {
        Value::Tuple(classes) => classes.to_vec(),
        one => vec![one.clone()],
    };
    let mut is_one = false;
    for class in classes {
        let Value::Native(class) = class else {
            return Err(unknown("isinstance() of this class is not known here"));
        };
        is_one |= match (class.name, &value) {
            ("int", Value::Bool(_)) => true,
            (
                "bool" | "dict" | "float" | "int" | "list" | "set" | "str" | "tuple",
                Value::None
                | Value::Bool(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::Text(_)
                | Value::List(_)
                | Value::Dict(_)
                | Value::Set(_)
                | Value::Tuple(_)
                | Value::Bytes(_),
            ) => class.name == value.type_name(),
            _ => return Err(unknown("isinstance() of this is not known here")),
        };
    }
    Ok(Value::Bool(is_one))
}

fn repr(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["object"])?;
    let text = value.to_repr()?;
    run.hold(text.len())?;
    Ok(Value::text(text))
}

fn set_of(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.bind(["iterable"])?;
    let items = match value {
        Some(Value::Set(members)) => members.borrow().clone(),
        Some(value) => items(run, &value)?,
        None => Vec::new(),
    };
    run.make(items.len())?;
    if items
        .iter()
        .any(|item| matches!(item, Value::Float(number) if number.is_nan()))
    {
        return Err(unknown("NaN in a set is not known here"));
    }
    run.set_of(items)
}

/// From left to right, as Python 3.11 adds.
/// The class of a value of Python's own.
///
/// # Errors
/// Unknown for other values, and for what is a class itself.
pub(crate) fn class_of(value: &Value) -> Outcome {
    let is_own = matches!(
        value,
        Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Dict(_)
            | Value::Tuple(_)
            | Value::Set(_)
    );
    let class = FUNCTIONS.iter().find(|class| is_own && class.name == value.type_name());
    class
        .map(Value::Native)
        .ok_or_else(|| unknown("the class of this is not known here"))
}

fn type_of(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["object"])?;
    // A value of a column is one of numpy's, with another class.
    match run.is_pandas() {
        true => Err(unknown("the class of this is not known here")),
        false => class_of(&value),
    }
}

fn sum(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value, start] = arguments.bind(["iterable", "start"])?;
    let value = value.ok_or_else(|| unknown("sum() of nothing is not known here"))?;
    let mut total = match start {
        None => Value::Int(0),
        Some(start) if start.as_float().is_some() => start,
        Some(_) => return Err(unknown("this start of sum() is not known here")),
    };
    let (items, end) = match &value {
        Value::Failing(_) => items_and_failure(run, &value)?,
        value => (items_in_any_order(run, value)?, Ok(())),
    };
    for item in items {
        run.step(1)?;
        total = crate::run::scalar_binary(&total, Operator::Add, &item)?;
    }
    end.map(|()| total)
}

fn tuple_of(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.bind(["iterable"])?;
    match value {
        Some(value) => all_items(run, &value).map(Value::tuple),
        None => Ok(Value::tuple(Vec::new())),
    }
}

fn bool_of(_: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.bind(["x"])?;
    value.map_or(Ok(false), |value| value.truth()).map(Value::Bool)
}

fn len(_: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["x"])?;
    value.length().map(Value::count)
}

fn list_of(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.bind(["x"])?;
    let items = match value {
        Some(value) => all_items(run, &value)?,
        None => Vec::new(),
    };
    Ok(Value::list(items))
}

fn range(run: &mut Run, arguments: Arguments) -> Outcome {
    let numbers: Option<Vec<i64>> = arguments.positional.iter().map(Value::as_int).collect();
    let (start, end, step) = match numbers.as_deref() {
        Some([end]) => (0, *end, 1),
        Some([start, end]) => (*start, *end, 1),
        Some([_, _, 0]) => return Err(value_error("range() arg 3 must not be zero")),
        Some([start, end, step]) => (*start, *end, *step),
        _ => return Err(unknown("this range() is not known here")),
    };
    let span = if step > 0 {
        i128::from(end) - i128::from(start)
    } else {
        i128::from(start) - i128::from(end)
    };
    let count = usize::try_from((span.max(0) + i128::from(step.unsigned_abs()) - 1) / i128::from(step.unsigned_abs()));
    let count = count.unwrap_or(usize::MAX);
    run.make(count)?;
    let numbers = std::iter::successors(Some(start), |number| number.checked_add(step));
    Ok(Value::Items(Rc::new(numbers.take(count).map(Value::Int).collect())))
}

fn round(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value, places] = arguments.bind(["number", "ndigits"])?;
    let value = value.ok_or_else(|| unknown("round() without a number"))?;
    match &value {
        Value::Series(_) | Value::Array(_) => {
            let places = Arguments::positional(places.into_iter().collect());
            methods::call(run, &value, "round", places)
        }
        _ => super::rounding::round(&value, places.as_ref()),
    }
}

fn str_of(run: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.bind(["x"])?;
    check_items(run, value.as_ref())?;
    let text = value.map_or(Ok(String::new()), |value| value.to_text())?;
    run.hold(text.len())?;
    Ok(Value::text(text))
}

/// The items of lists that come from columns are numbers of numpy, which show their type in the text of a list.
fn check_items(run: &Run, value: Option<&Value>) -> Outcome<()> {
    match value {
        Some(Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_) | Value::Array(_))
            if run.is_pandas() =>
        {
            Err(unknown("the text of a list in pandas mode is not known here"))
        }
        _ => Ok(()),
    }
}
