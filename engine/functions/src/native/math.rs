//! `math`: the functions of the C library, which Rust's standard library calls too on Linux, and those that are exact anyway.

use super::{Native, math_sums as sums};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, raised, type_error, unknown, value_error};
use crate::value::{ExceptionClass, Value};

pub(super) static FUNCTIONS: &[Native] = &[
    Native::function("math.acos", |_, arguments| {
        one(arguments, |number| within_one(number, f64::acos))
    }),
    Native::function("math.asin", |_, arguments| {
        one(arguments, |number| within_one(number, f64::asin))
    }),
    Native::function("math.atan", |_, arguments| one(arguments, |number| Ok(number.atan()))),
    Native::function("math.atan2", |_, arguments| two(arguments, f64::atan2)),
    Native::function("math.ceil", |_, arguments| whole(arguments, f64::ceil)),
    Native::function("math.copysign", |_, arguments| two(arguments, f64::copysign)),
    Native::function("math.cos", |_, arguments| of_finite(arguments, f64::cos)),
    Native::function("math.cosh", |_, arguments| {
        one(arguments, |number| in_range(number, f64::cosh))
    }),
    Native::function("math.degrees", |_, arguments| {
        one(arguments, |number| Ok(number * (180.0 / std::f64::consts::PI)))
    }),
    Native::function("math.exp", exp),
    Native::function("math.exp2", |_, arguments| {
        one(arguments, |number| in_range(number, f64::exp2))
    }),
    Native::function("math.expm1", |_, arguments| {
        one(arguments, |number| in_range(number, f64::exp_m1))
    }),
    Native::function("math.fabs", |_, arguments| one(arguments, |number| Ok(number.abs()))),
    Native::function("math.factorial", factorial),
    Native::function("math.floor", |_, arguments| whole(arguments, f64::floor)),
    Native::function("math.fmod", fmod),
    Native::function("math.fsum", sums::fsum),
    Native::function("math.gcd", gcd),
    Native::function("math.hypot", sums::hypot),
    Native::function("math.isclose", is_close),
    Native::function("math.isfinite", |_, arguments| test(arguments, f64::is_finite)),
    Native::function("math.isinf", |_, arguments| test(arguments, f64::is_infinite)),
    Native::function("math.isnan", |_, arguments| test(arguments, f64::is_nan)),
    Native::function("math.isqrt", isqrt),
    Native::function("math.log", log),
    Native::function("math.log10", |_, arguments| {
        one(arguments, |number| above(number, 0.0, f64::log10))
    }),
    Native::function("math.log1p", |_, arguments| {
        one(arguments, |number| above(number, -1.0, f64::ln_1p))
    }),
    Native::function("math.log2", |_, arguments| {
        one(arguments, |number| above(number, 0.0, f64::log2))
    }),
    Native::function("math.pow", pow),
    Native::function("math.prod", sums::prod),
    Native::function("math.radians", |_, arguments| {
        one(arguments, |number| Ok(number * (std::f64::consts::PI / 180.0)))
    }),
    Native::function("math.sin", |_, arguments| of_finite(arguments, f64::sin)),
    Native::function("math.sinh", |_, arguments| {
        one(arguments, |number| in_range(number, f64::sinh))
    }),
    Native::function("math.sqrt", |_, arguments| {
        one(arguments, |number| match number < 0.0 {
            true => Err(value_error("math domain error")),
            false => Ok(number.sqrt()),
        })
    }),
    Native::function("math.tan", |_, arguments| of_finite(arguments, f64::tan)),
    Native::function("math.tanh", |_, arguments| one(arguments, |number| Ok(number.tanh()))),
    Native::function("math.trunc", |_, arguments| match arguments.positional.as_slice() {
        [Value::Float(_) | Value::Int(_) | Value::Bool(_)] => whole(arguments, f64::trunc),
        _ => Err(unknown("math.trunc() of this is not known here")),
    }),
];

/// A number as these functions take it.
pub(super) fn real(value: &Value) -> Outcome<f64> {
    match (value, value.as_float()) {
        (_, Some(number)) => Ok(number),
        (Value::None | Value::Text(_) | Value::List(_) | Value::Dict(_) | Value::Tuple(_) | Value::Set(_), None) => {
            Err(type_error(format!("must be real number, not {}", value.type_name())))
        }
        _ => Err(unknown(format!("math of {} is not known here", value.type_name()))),
    }
}

fn one(arguments: Arguments, compute: impl Fn(f64) -> Outcome<f64>) -> Outcome {
    let [value] = arguments.exactly(["x"])?;
    compute(real(&value)?).map(Value::Float)
}

fn two(arguments: Arguments, compute: fn(f64, f64) -> f64) -> Outcome {
    let [left, right] = arguments.exactly(["x", "y"])?;
    Ok(Value::Float(compute(real(&left)?, real(&right)?)))
}

fn test(arguments: Arguments, holds: fn(f64) -> bool) -> Outcome {
    let [value] = arguments.exactly(["x"])?;
    Ok(Value::Bool(holds(real(&value)?)))
}

fn of_finite(arguments: Arguments, compute: fn(f64) -> f64) -> Outcome {
    one(arguments, |number| match number.is_infinite() {
        true => Err(value_error("math domain error")),
        false => Ok(compute(number)),
    })
}

/// An inverse, which has values of -1 to 1 only.
fn within_one(number: f64, compute: fn(f64) -> f64) -> Outcome<f64> {
    match number.abs() > 1.0 {
        true => Err(value_error("math domain error")),
        false => Ok(compute(number)),
    }
}

/// What grows beyond all floats.
fn in_range(number: f64, compute: fn(f64) -> f64) -> Outcome<f64> {
    let result = compute(number);
    match result.is_infinite() && number.is_finite() {
        true => Err(raised(ExceptionClass::of("OverflowError"), "math range error")),
        false => Ok(result),
    }
}

fn pow(_: &mut Run, arguments: Arguments) -> Outcome {
    let [base, exponent] = arguments.exactly(["x", "y"])?;
    let (base, exponent) = (real(&base)?, real(&exponent)?);
    let power = base.powf(exponent);
    match base.is_finite() && exponent.is_finite() {
        true if power.is_nan() || (base == 0.0 && power.is_infinite()) => Err(value_error("math domain error")),
        true if power.is_infinite() => Err(raised(ExceptionClass::of("OverflowError"), "math range error")),
        _ => Ok(Value::Float(power)),
    }
}

fn fmod(_: &mut Run, arguments: Arguments) -> Outcome {
    let [left, right] = arguments.exactly(["x", "y"])?;
    let (left, right) = (real(&left)?, real(&right)?);
    let rest = left % right;
    match rest.is_nan() && !left.is_nan() && !right.is_nan() {
        true => Err(value_error("math domain error")),
        false => Ok(Value::Float(rest)),
    }
}

/// An integer as these functions take it.
fn whole_number(value: &Value) -> Outcome<i64> {
    match (value, value.as_int()) {
        (_, Some(number)) => Ok(number),
        (Value::Float(_) | Value::Text(_) | Value::None, None) => Err(type_error(format!(
            "'{}' object cannot be interpreted as an integer",
            value.type_name()
        ))),
        _ => Err(unknown("math of this is not known here")),
    }
}

fn gcd(run: &mut Run, arguments: Arguments) -> Outcome {
    if !arguments.named.is_empty() {
        return Err(unknown("math.gcd() with names is not known here"));
    }
    run.step(arguments.positional.len())?;
    let mut divisor = 0u64;
    for value in &arguments.positional {
        let (mut left, mut right) = (divisor, whole_number(value)?.unsigned_abs());
        while right != 0 {
            (left, right) = (right, left % right);
        }
        divisor = left;
    }
    crate::run::small(i64::try_from(divisor).ok())
}

fn isqrt(_: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["n"])?;
    match whole_number(&value)?.checked_isqrt() {
        Some(root) => Ok(Value::Int(root)),
        None => Err(value_error("isqrt() argument must be nonnegative")),
    }
}

fn factorial(_: &mut Run, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["x"])?;
    match whole_number(&value)? {
        number if number < 0 => Err(value_error("factorial() not defined for negative values")),
        number if number > 20 => crate::run::small(None),
        number => Ok(Value::Int((1..=number).product())),
    }
}

/// A logarithm, which has values above a bound only.
fn above(number: f64, bound: f64, compute: fn(f64) -> f64) -> Outcome<f64> {
    match number <= bound {
        true => Err(value_error("math domain error")),
        false => Ok(compute(number)),
    }
}

fn whole(arguments: Arguments, rounded: fn(f64) -> f64) -> Outcome {
    let [value] = arguments.exactly(["x"])?;
    match value.as_int() {
        Some(number) => Ok(Value::Int(number)),
        None => to_int(rounded(real(&value)?)),
    }
}

/// A float without a fraction as an integer.
pub(super) fn to_int(number: f64) -> Outcome {
    if number.is_nan() {
        return Err(value_error("cannot convert float NaN to integer"));
    }
    if number.is_infinite() {
        return Err(raised(
            ExceptionClass::of("OverflowError"),
            "cannot convert float infinity to integer",
        ));
    }
    match (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
        true => Ok(Value::Int(number as i64)),
        // A float below 2^127 has no fraction there, and fits.
        false if number.abs() < 1.7e38 => Ok(crate::run::integer(number as i128)),
        false => Err(unknown("integers beyond 128 bits are not known here")),
    }
}

fn exp(_: &mut Run, arguments: Arguments) -> Outcome {
    one(arguments, |number| {
        let power = number.exp();
        match power.is_infinite() && number.is_finite() {
            true => Err(raised(ExceptionClass::of("OverflowError"), "math range error")),
            false => Ok(power),
        }
    })
}

fn log(_: &mut Run, arguments: Arguments) -> Outcome {
    let [value, base] = arguments.bind(["x", "base"])?;
    let value = value.ok_or_else(|| unknown("math.log() without a number is not known here"))?;
    let number = above(real(&value)?, 0.0, f64::ln)?;
    let Some(base) = base else {
        return Ok(Value::Float(number));
    };
    let divisor = above(real(&base)?, 0.0, f64::ln)?;
    match divisor == 0.0 {
        true => Err(raised(
            ExceptionClass::of("ZeroDivisionError"),
            "float division by zero",
        )),
        false => Ok(Value::Float(number / divisor)),
    }
}

fn is_close(_: &mut Run, arguments: Arguments) -> Outcome {
    let [left, right] = arguments.exactly(["a", "b"])?;
    let (left, right) = (real(&left)?, real(&right)?);
    if left == right {
        return Ok(Value::Bool(true));
    }
    if left.is_infinite() || right.is_infinite() {
        return Ok(Value::Bool(false));
    }
    let difference = (right - left).abs();
    let is_close = difference <= (1e-9 * right).abs() || difference <= (1e-9 * left).abs();
    Ok(Value::Bool(is_close))
}
