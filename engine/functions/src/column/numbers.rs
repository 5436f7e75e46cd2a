//! The numbers of an operator's side, brought to one type.

use super::{Data, Operand, Side};
use crate::value::Value;

/// A side of an operator that holds numbers of 64 bits or bools.
pub(super) enum Numbers<'a> {
    Bool(Side<'a, bool>),
    Int(Side<'a, i64>),
    Float(Side<'a, f64>),
}

/// Numbers that are those of a column, or were made of them.
pub(crate) enum Lent<'a, T> {
    Side(Side<'a, T>),
    Made(Vec<T>),
}

impl<T: Copy> Lent<'_, T> {
    pub(crate) fn side(&self) -> Side<'_, T> {
        match self {
            Self::Side(Side::All(values)) => Side::All(values),
            Self::Side(Side::One(value)) => Side::One(*value),
            Self::Made(values) => Side::All(values),
        }
    }
}

/// Numbers as floats, bools among them. Floats of 32 bits are not.
pub(crate) fn numbers_as_floats<'a>(operand: &Operand<'a>) -> Option<Lent<'a, f64>> {
    match operand {
        Operand::Column(Data::Int32(values)) => {
            Some(Lent::Made(values.iter().map(|number| f64::from(*number)).collect()))
        }
        _ => Some(Numbers::of(operand)?.floats()),
    }
}

/// Integers and bools as integers.
pub(crate) fn numbers_as_ints<'a>(operand: &Operand<'a>) -> Option<Lent<'a, i64>> {
    match operand {
        Operand::Column(Data::Int32(values)) => {
            Some(Lent::Made(values.iter().map(|number| i64::from(*number)).collect()))
        }
        _ => Numbers::of(operand)?.ints(),
    }
}

impl<'a> Numbers<'a> {
    pub(super) fn of(operand: &Operand<'a>) -> Option<Self> {
        Some(match operand {
            Operand::Column(Data::Bool(values)) => Self::Bool(Side::All(values)),
            Operand::Column(Data::Int(values)) => Self::Int(Side::All(values)),
            Operand::Column(Data::Float(values)) => Self::Float(Side::All(values)),
            Operand::Value(Value::Bool(flag)) => Self::Bool(Side::One(*flag)),
            Operand::Value(Value::Int(number)) => Self::Int(Side::One(*number)),
            Operand::Value(Value::Float(number)) => Self::Float(Side::One(*number)),
            _ => return None,
        })
    }

    pub(super) fn is_float(&self) -> bool {
        matches!(self, Self::Float(_))
    }

    fn ints(self) -> Option<Lent<'a, i64>> {
        Some(match self {
            Self::Int(side) => Lent::Side(side),
            Self::Bool(Side::One(flag)) => Lent::Side(Side::One(i64::from(flag))),
            Self::Bool(Side::All(flags)) => Lent::Made(flags.iter().map(|flag| i64::from(*flag)).collect()),
            Self::Float(_) => return None,
        })
    }

    fn floats(self) -> Lent<'a, f64> {
        match self {
            Self::Float(side) => Lent::Side(side),
            Self::Int(Side::One(number)) => Lent::Side(Side::One(number as f64)),
            Self::Int(Side::All(numbers)) => Lent::Made(numbers.iter().map(|number| *number as f64).collect()),
            Self::Bool(Side::One(flag)) => Lent::Side(Side::One(f64::from(u8::from(flag)))),
            Self::Bool(Side::All(flags)) => Lent::Made(flags.iter().map(|flag| f64::from(u8::from(*flag))).collect()),
        }
    }
}
