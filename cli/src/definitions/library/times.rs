//! `datetime` and `timedelta`.

use feast_engine::model::Timestamp;
use ruff_text_size::TextRange;

use super::super::Evaluated;
use super::super::scope::Scope;
use super::super::value::{CallArguments, Value};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// `None` when the answer is not known.
pub(super) fn call(name: &str, arguments: &CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    match name {
        "datetime.timedelta" => timedelta(arguments, range, scope),
        "datetime.datetime" => {
            let names = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
            // A time zone is not kept.
            let is_unknown = |(name, _): &(String, Value)| !names.contains(&name.as_str());
            if arguments.positional.len() > names.len() || arguments.named.iter().any(is_unknown) {
                return Ok(None);
            }
            let mut parts = [0; 7];
            for (index, part) in parts.iter_mut().enumerate() {
                let named = arguments.named(names[index]);
                match arguments.positional.get(index).or(named) {
                    Some(Value::Integer(number)) => *part = *number,
                    None => {}
                    Some(_) => return Ok(None),
                }
            }
            let [year, month, day, hour, minute, second, micros] = parts;
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}");
            let moment = Timestamp::parse(&text);
            let moment = moment.map_err(|_| scope.raise(range, "ValueError", format!("{text} is no date and time")))?;
            Ok(Some(Value::Moment(moment.micros())))
        }
        _ => Ok(None),
    }
}

fn timedelta(arguments: &CallArguments, range: TextRange, scope: &Scope) -> Evaluated<Option<Value>> {
    // In the order of Python's parameters, with the microseconds of each unit.
    let units = [
        ("days", 86_400 * MICROS_PER_SECOND),
        ("seconds", MICROS_PER_SECOND),
        ("microseconds", 1),
        ("milliseconds", 1_000),
        ("minutes", 60 * MICROS_PER_SECOND),
        ("hours", 3_600 * MICROS_PER_SECOND),
        ("weeks", 604_800 * MICROS_PER_SECOND),
    ];
    let unknown = arguments
        .named
        .iter()
        .find(|(name, _)| units.iter().all(|(unit, _)| unit != name));
    if let Some((name, _)) = unknown {
        let text = format!("'{name}' is an invalid keyword argument for timedelta");
        return Err(scope.raise(range, "TypeError", text));
    }
    let mut total: i64 = 0;
    for (index, (unit, micros)) in units.iter().enumerate() {
        let named = arguments.named(unit);
        let amount = match arguments.positional.get(index).or(named) {
            None => Some(0),
            Some(Value::Integer(number)) => number.checked_mul(*micros),
            Some(Value::Float(number)) => Some((number * *micros as f64).round_ties_even() as i64),
            Some(opaque @ Value::Opaque(_)) => return Ok(Some(opaque.clone())),
            Some(other) => {
                let text = format!("unsupported type for timedelta {unit} component: {}", other.type_name());
                return Err(scope.raise(range, "TypeError", text));
            }
        };
        let sum = amount.and_then(|amount| total.checked_add(amount));
        total = sum.ok_or_else(|| scope.raise(range, "OverflowError", "timedelta is too long"))?;
    }
    Ok(Some(Value::Duration(total)))
}
