//! `timedelta`: exact, and within Python's bounds.

use std::cmp::Ordering;

use crate::error::Raised;

/// Microseconds of the units.
pub(crate) const SECOND: i128 = 1_000_000;
pub(crate) const MINUTE: i128 = 60 * SECOND;
pub(crate) const HOUR: i128 = 60 * MINUTE;
pub(crate) const DAY: i128 = 24 * HOUR;
const MAX_DAYS: i128 = 999_999_999;

/// A `datetime.timedelta`, or a `pandas.Timedelta` of whole microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeDelta {
    micros: i128,
    /// Whether it is one of pandas, which rounds differently and is written differently.
    is_pandas: bool,
}

impl PartialEq for TimeDelta {
    fn eq(&self, other: &Self) -> bool {
        self.micros == other.micros
    }
}

impl Eq for TimeDelta {}

impl PartialOrd for TimeDelta {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TimeDelta {
    fn cmp(&self, other: &Self) -> Ordering {
        self.micros.cmp(&other.micros)
    }
}

impl TimeDelta {
    pub(crate) const MAX: Self = Self::python((MAX_DAYS + 1) * DAY - 1);
    pub(crate) const MIN: Self = Self::python(-MAX_DAYS * DAY);
    pub(crate) const RESOLUTION: Self = Self::python(1);

    const fn python(micros: i128) -> Self {
        Self {
            micros,
            is_pandas: false,
        }
    }

    /// A `timedelta` of microseconds.
    ///
    /// # Errors
    /// `OverflowError` beyond 999,999,999 days.
    pub(crate) fn new(micros: i128) -> Result<Self, Raised> {
        let days = micros.div_euclid(DAY);
        if days.abs() > MAX_DAYS {
            let message = format!("days={days}; must have magnitude <= {MAX_DAYS}");
            return Err(("OverflowError", message));
        }
        Ok(Self::python(micros))
    }

    /// A `timedelta` that a model object holds.
    pub(crate) fn from_micros(micros: i64) -> Self {
        Self::python(i128::from(micros))
    }

    /// A `Timedelta` of nanoseconds; `None` where they are not whole microseconds.
    ///
    /// # Errors
    /// `OutOfBoundsTimedelta` beyond 64 bits.
    pub(crate) fn pandas(nanos: i128) -> Result<Option<Self>, Raised> {
        if i64::try_from(nanos).is_err() || nanos == i128::from(i64::MIN) {
            return Err((
                "OutOfBoundsTimedelta",
                "a Timedelta is at most some 292 years".to_owned(),
            ));
        }
        Ok((nanos % 1_000 == 0).then_some(Self {
            micros: nanos / 1_000,
            is_pandas: true,
        }))
    }

    pub(crate) fn micros(self) -> i128 {
        self.micros
    }

    pub(crate) fn is_pandas(self) -> bool {
        self.is_pandas
    }

    /// The `timedelta` of a `Timedelta`.
    pub(crate) fn to_python(self) -> Self {
        Self::python(self.micros)
    }

    /// A result in the class of the operands.
    fn result(micros: i128, is_pandas: bool) -> Result<Self, Raised> {
        if !is_pandas {
            return Self::new(micros);
        }
        let nanos = micros.saturating_mul(1_000);
        Self::pandas(nanos).map(|known| known.unwrap_or(Self { micros, is_pandas }))
    }

    pub(crate) fn plus(self, other: Self) -> Result<Self, Raised> {
        Self::result(self.micros + other.micros, self.is_pandas || other.is_pandas)
    }

    pub(crate) fn minus(self, other: Self) -> Result<Self, Raised> {
        Self::result(self.micros - other.micros, self.is_pandas || other.is_pandas)
    }

    pub(crate) fn negated(self) -> Result<Self, Raised> {
        Self::result(-self.micros, self.is_pandas)
    }

    pub(crate) fn absolute(self) -> Result<Self, Raised> {
        Self::result(self.micros.abs(), self.is_pandas)
    }

    pub(crate) fn times(self, factor: i64) -> Result<Self, Raised> {
        Self::result(self.micros * i128::from(factor), self.is_pandas)
    }

    /// `self * factor`, rounded to the nearest microsecond, halves to even; `None` when the result is not known.
    pub(crate) fn times_float(self, factor: f64) -> Result<Option<Self>, Raised> {
        let (mantissa, exponent) = integer_ratio(factor)?;
        let product = self.micros * mantissa;
        if let Ok(exponent) = u32::try_from(exponent) {
            let scale = 1_i128.checked_shl(exponent).filter(|scale| *scale > 0);
            let micros = if product == 0 {
                Some(0)
            } else {
                scale.and_then(|scale| product.checked_mul(scale))
            };
            return Self::result(micros.unwrap_or(i128::MAX), self.is_pandas).map(Some);
        }
        // The product has at most 121 bits: divided by more it is 0.
        let divisor = 1_i128 << exponent.unsigned_abs().min(125);
        if self.is_pandas && (product % divisor != 0 || exponent < -125) {
            return Ok(None);
        }
        Self::result(nearest_quotient(product, divisor), self.is_pandas).map(|known| known.if_pandas_is_exact())
    }

    /// `self / divisor` for an integer that is not 0; `None` when the result is not known.
    pub(crate) fn divided_by(self, divisor: i64) -> Result<Option<Self>, Raised> {
        let divisor = i128::from(divisor);
        if self.is_pandas && self.micros % divisor != 0 {
            return Ok(None);
        }
        Self::result(nearest_quotient(self.micros, divisor), self.is_pandas).map(|known| known.if_pandas_is_exact())
    }

    /// `self // divisor` for an integer that is not 0; `None` when the result is not known.
    pub(crate) fn floor_divided_by(self, divisor: i64) -> Result<Option<Self>, Raised> {
        let quotient = floor_quotient(self.micros, i128::from(divisor));
        if self.is_pandas && quotient * i128::from(divisor) != self.micros {
            return Ok(None);
        }
        Self::result(quotient, self.is_pandas).map(Some)
    }

    /// `self / divisor` for a number that is not 0; `None` when the result is not known.
    pub(crate) fn divided_by_float(self, divisor: f64) -> Result<Option<Self>, Raised> {
        let (mantissa, exponent) = integer_ratio(divisor)?;
        if self.is_pandas {
            return Ok(None);
        }
        let shift = exponent.unsigned_abs();
        let scale = 1_i128.checked_shl(shift).filter(|scale| *scale > 0);
        let (dividend, divisor) = if exponent < 0 {
            (scale.and_then(|scale| self.micros.checked_mul(scale)), Some(mantissa))
        } else {
            (Some(self.micros), scale.and_then(|scale| mantissa.checked_mul(scale)))
        };
        match (dividend, divisor) {
            (Some(dividend), Some(divisor)) => Self::new(nearest_quotient(dividend, divisor)).map(Some),
            _ => Ok(None),
        }
    }

    /// pandas computes in floats of nanoseconds: what they hold exactly is known.
    fn if_pandas_is_exact(self) -> Option<Self> {
        let nanos = self.micros.saturating_mul(1_000);
        (!self.is_pandas || (nanos as f64) as i128 == nanos).then_some(self)
    }

    /// `self // other` where `other` is not 0.
    pub(crate) fn count_of(self, other: Self) -> i128 {
        floor_quotient(self.micros, other.micros)
    }

    /// `self % other` where `other` is not 0.
    pub(crate) fn remainder(self, other: Self) -> Result<Self, Raised> {
        let rest = self.micros - floor_quotient(self.micros, other.micros) * other.micros;
        Self::result(rest, self.is_pandas || other.is_pandas)
    }

    /// `days`, `seconds` and `microseconds`, which are normalized as in Python.
    pub(crate) fn parts(self) -> (i128, i128, i128) {
        let rest = self.micros.rem_euclid(DAY);
        (self.micros.div_euclid(DAY), rest / SECOND, rest % SECOND)
    }

    /// `str(self)`; `None` for one of pandas.
    pub(crate) fn to_str(self) -> Option<String> {
        if self.is_pandas {
            return None;
        }
        let (days, seconds, micros) = self.parts();
        let mut string = match days {
            0 => String::new(),
            1 | -1 => format!("{days} day, "),
            days => format!("{days} days, "),
        };
        string += &format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        if micros != 0 {
            string += &format!(".{micros:06}");
        }
        Some(string)
    }

    /// `repr(self)`; `None` for one of pandas.
    pub(crate) fn repr(self) -> Option<String> {
        if self.is_pandas {
            return None;
        }
        let (days, seconds, micros) = self.parts();
        let parts = [("days", days), ("seconds", seconds), ("microseconds", micros)];
        let parts = parts.iter().filter(|(_, count)| *count != 0);
        let parts: Vec<String> = parts.map(|(unit, count)| format!("{unit}={count}")).collect();
        let arguments = if parts.is_empty() {
            "0".to_owned()
        } else {
            parts.join(", ")
        };
        Some(format!("datetime.timedelta({arguments})"))
    }
}

/// A number as an odd mantissa and a power of two.
///
/// # Errors
/// As Python's `as_integer_ratio`, for what is not a number.
fn integer_ratio(number: f64) -> Result<(i128, i32), Raised> {
    if number.is_nan() {
        return Err(("ValueError", "cannot convert NaN to integer ratio".to_owned()));
    }
    if number.is_infinite() {
        return Err(("OverflowError", "cannot convert Infinity to integer ratio".to_owned()));
    }
    let bits = number.to_bits();
    let fraction = i128::from(bits & ((1 << 52) - 1));
    let power = i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default();
    let (mantissa, exponent) = if power == 0 {
        (fraction, -1_074)
    } else {
        (fraction | 1 << 52, power - 1_075)
    };
    if mantissa == 0 {
        return Ok((0, 0));
    }
    let zeros = mantissa.trailing_zeros();
    let mantissa = mantissa >> zeros;
    let exponent = exponent + i32::try_from(zeros).unwrap_or_default();
    Ok((if number < 0.0 { -mantissa } else { mantissa }, exponent))
}

/// Python's `//` of integers. The divisor is not 0.
fn floor_quotient(dividend: i128, divisor: i128) -> i128 {
    let quotient = dividend / divisor;
    let rounds_down = dividend % divisor != 0 && (dividend < 0) != (divisor < 0);
    quotient - i128::from(rounds_down)
}

/// A quotient rounded to the nearest integer, halves to even. The divisor is not 0.
fn nearest_quotient(dividend: i128, divisor: i128) -> i128 {
    let (dividend, divisor) = if divisor < 0 {
        (-dividend, -divisor)
    } else {
        (dividend, divisor)
    };
    let (quotient, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    let rounds_up = match rest.cmp(&(divisor - rest)) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => quotient % 2 != 0,
    };
    quotient + i128::from(rounds_up)
}

/// Python's `/` of integers, correctly rounded; `None` where floats cannot hold them. The divisor is not 0.
pub(crate) fn true_quotient(dividend: i128, divisor: i128) -> Option<f64> {
    const EXACT: u128 = 1 << 53;
    let (mut left, mut right) = (dividend.unsigned_abs(), divisor.unsigned_abs());
    while right != 0 {
        (left, right) = (right, left % right);
    }
    let common = i128::try_from(left).unwrap_or(1).max(1);
    let (dividend, divisor) = (dividend / common, divisor / common);
    let is_exact = dividend.unsigned_abs() <= EXACT && divisor.unsigned_abs() <= EXACT;
    is_exact.then(|| dividend as f64 / divisor as f64)
}
