//! `math`: sums, products and norms, to the last digit as Python computes them.

use super::iterators::all_items;
use super::math::real;
use crate::program::Operator;
use crate::run::{Arguments, Run, scalar_binary};
use crate::stop::{Outcome, raised, unknown, value_error};
use crate::value::{ExceptionClass, Value};

/// `math.fsum(items)`: the sum, rounded once.
pub(super) fn fsum(run: &mut Run, arguments: Arguments) -> Outcome {
    let [values] = arguments.exactly(["seq"])?;
    let values = all_items(run, &values)?;
    run.step(values.len())?;
    let mut sum = Partials::default();
    for value in &values {
        run.step(sum.partials.len() / 8)?;
        sum.add(real(value)?)?;
    }
    sum.total().map(Value::Float)
}

/// Floats that do not overlap, the smallest first, of which the exact sum is the sum so far.
#[derive(Default)]
struct Partials {
    partials: Vec<f64>,
    /// Of what is not finite.
    special: f64,
    infinite: f64,
}

impl Partials {
    fn add(&mut self, number: f64) -> Outcome<()> {
        let mut sum = number;
        let mut rests = Vec::with_capacity(self.partials.len() + 1);
        for partial in &self.partials {
            let (larger, smaller) = if sum.abs() < partial.abs() {
                (*partial, sum)
            } else {
                (sum, *partial)
            };
            let high = larger + smaller;
            let low = smaller - (high - larger);
            if low != 0.0 {
                rests.push(low);
            }
            sum = high;
        }
        if sum != 0.0 {
            if sum.is_finite() {
                rests.push(sum);
            } else {
                if number.is_finite() {
                    return Err(raised(
                        ExceptionClass::of("OverflowError"),
                        "intermediate overflow in fsum",
                    ));
                }
                if number.is_infinite() {
                    self.infinite += number;
                }
                self.special += number;
                rests.clear();
            }
        }
        self.partials = rests;
        Ok(())
    }

    fn total(mut self) -> Outcome<f64> {
        if self.special != 0.0 {
            return match self.infinite.is_nan() {
                true => Err(value_error("-inf + inf in fsum")),
                false => Ok(self.special),
            };
        }
        let Some(mut high) = self.partials.pop() else {
            return Ok(0.0);
        };
        let mut low = 0.0;
        while let Some(next) = self.partials.pop() {
            let larger = high;
            high = larger + next;
            low = next - (high - larger);
            if low != 0.0 {
                break;
            }
        }
        // Half a unit is rounded by what comes after it.
        let goes_on = match self.partials.last() {
            Some(next) => (low < 0.0 && *next < 0.0) || (low > 0.0 && *next > 0.0),
            None => false,
        };
        let doubled = low * 2.0;
        let rounded = high + doubled;
        Ok(match goes_on && doubled == rounded - high {
            true => rounded,
            false => high,
        })
    }
}

/// `math.prod(items)`.
pub(super) fn prod(run: &mut Run, arguments: Arguments) -> Outcome {
    let [values] = arguments.exactly(["iterable"])?;
    let values = all_items(run, &values)?;
    run.step(values.len())?;
    values.iter().try_fold(Value::Int(1), |product, value| match value {
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => scalar_binary(&product, Operator::Mult, value),
        _ => Err(unknown("math.prod() of these is not known here")),
    })
}

/// `math.hypot(*coordinates)`.
pub(super) fn hypot(_: &mut Run, arguments: Arguments) -> Outcome {
    if !arguments.named.is_empty() {
        return Err(unknown("math.hypot() with names is not known here"));
    }
    let numbers = arguments.positional.iter().map(|value| Ok(real(value)?.abs()));
    let numbers: Vec<f64> = numbers.collect::<Outcome<_>>()?;
    let greatest = numbers.iter().copied().fold(0.0, f64::max);
    if greatest.is_infinite() {
        return Ok(Value::Float(f64::INFINITY));
    }
    if numbers.iter().any(|number| number.is_nan()) {
        return Ok(Value::Float(f64::NAN));
    }
    if greatest == 0.0 || numbers.len() <= 1 {
        return Ok(Value::Float(greatest));
    }
    if greatest < 1e-300 {
        return Err(unknown("math.hypot() of numbers so small is not known here"));
    }
    Ok(Value::Float(norm(&numbers, greatest)))
}

/// A sum of squares of which the rests are kept, and its root with one step of Newton's. The order of the operations is CPython's.
fn norm(numbers: &[f64], greatest: f64) -> f64 {
    let scale = scale_of(greatest);
    let mut sum = Rests {
        sum: 1.0,
        ..Rests::default()
    };
    for number in numbers {
        let (high, low) = halves(number * scale);
        sum.add_first(high * high);
        sum.add_second(2.0 * high * low);
        sum.third += low * low;
    }
    let root = sum.value().sqrt();
    let (high, low) = halves(root);
    sum.add_first(-high * high);
    sum.add_second(-2.0 * high * low);
    sum.add_third(-low * low);
    (root + sum.value() / (2.0 * root)) / scale
}

/// The power of two that brings a number between 0.5 and 1.
fn scale_of(number: f64) -> f64 {
    let exponent = (number.to_bits() >> 52) & 0x7ff;
    // 2 to the power of 1022 less the exponent's bits, which themselves are 1023 too many. Of the greatest numbers it is subnormal.
    match exponent {
        2046 => f64::from_bits(1 << 50),
        2045 => f64::from_bits(1 << 51),
        exponent => f64::from_bits((2045 - exponent) << 52),
    }
}

/// The upper and the lower half of a number's digits.
fn halves(number: f64) -> (f64, f64) {
    let spread = number * 134_217_729.0;
    let high = spread - (spread - number);
    (high, number - high)
}

#[derive(Default)]
struct Rests {
    sum: f64,
    first: f64,
    second: f64,
    third: f64,
}

impl Rests {
    fn add(&mut self, number: f64) -> f64 {
        let before = self.sum;
        self.sum += number;
        (before - self.sum) + number
    }

    fn add_first(&mut self, number: f64) {
        self.first += self.add(number);
    }

    fn add_second(&mut self, number: f64) {
        self.second += self.add(number);
    }

    fn add_third(&mut self, number: f64) {
        self.third += self.add(number);
    }

    fn value(&self) -> f64 {
        self.sum - 1.0 + (self.first + self.second + self.third)
    }
}
