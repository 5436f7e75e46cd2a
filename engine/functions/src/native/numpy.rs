//! numpy: its functions by name. What they do is in files of their own: of one column, of two, of conditions, and making columns.
//!
//! Of single values they give numbers of numpy's own, which behave otherwise than Python's, so that is not known.

use super::numpy_choice::{select, where_};
use super::numpy_elementwise::{self as elementwise, Parts};
use super::numpy_making as making;
use super::numpy_pairs::{self as pairs, Extreme, Logic};
use super::{Native, numpy_dispatch as dispatch};
use crate::program::{CmpOp, Operator};
use crate::stop::unknown;

pub(super) static FUNCTIONS: &[Native] = &[
    Native::function("numpy.abs", elementwise::absolute),
    Native::function("numpy.absolute", elementwise::absolute),
    Native::function("numpy.add", |run, it| dispatch::operator(run, it, Operator::Add)),
    Native::function("numpy.arange", making::arange),
    Native::function("numpy.arctan2", |run, it| {
        pairs::of_floats(run, it, "arctan2", f64::atan2)
    }),
    Native::function("numpy.around", dispatch::round),
    Native::function("numpy.array", making::array),
    Native::class("numpy.bool_", |_, _| Err(unknown("numpy.bool_() is not known here"))),
    Native::function("numpy.ceil", |run, it| {
        elementwise::whole(run, it, Parts::Ceil, f64::ceil)
    }),
    Native::function("numpy.clip", dispatch::clip),
    Native::function("numpy.cos", |run, it| elementwise::of_float(run, it, "cos", f64::cos)),
    Native::function("numpy.deg2rad", |run, it| {
        elementwise::of_float(run, it, "deg2rad", radians)
    }),
    Native::function("numpy.degrees", |run, it| {
        elementwise::of_float(run, it, "degrees", degrees)
    }),
    Native::function("numpy.divide", |run, it| dispatch::operator(run, it, Operator::Div)),
    Native::function("numpy.equal", |run, it| dispatch::comparison(run, it, CmpOp::Eq)),
    Native::function("numpy.exp", |run, it| elementwise::of_float(run, it, "exp", f64::exp)),
    Native::function("numpy.expm1", |run, it| {
        elementwise::of_float(run, it, "expm1", f64::exp_m1)
    }),
    Native::class("numpy.float32", |_, _| {
        Err(unknown("numpy.float32() is not known here"))
    }),
    Native::class("numpy.float64", |_, _| {
        Err(unknown("numpy.float64() is not known here"))
    }),
    Native::function("numpy.floor", |run, it| {
        elementwise::whole(run, it, Parts::Floor, f64::floor)
    }),
    Native::function("numpy.floor_divide", |run, it| {
        dispatch::operator(run, it, Operator::FloorDiv)
    }),
    Native::function("numpy.fmax", |run, it| {
        pairs::extreme(run, it, Extreme::Greatest, false)
    }),
    Native::function("numpy.fmin", |run, it| pairs::extreme(run, it, Extreme::Least, false)),
    Native::function("numpy.full", making::full),
    Native::function("numpy.greater", |run, it| dispatch::comparison(run, it, CmpOp::Gt)),
    Native::function("numpy.greater_equal", |run, it| {
        dispatch::comparison(run, it, CmpOp::GtE)
    }),
    Native::function("numpy.hypot", |run, it| pairs::of_floats(run, it, "hypot", f64::hypot)),
    Native::class("numpy.int32", |_, _| Err(unknown("numpy.int32() is not known here"))),
    Native::class("numpy.int64", |_, _| Err(unknown("numpy.int64() is not known here"))),
    Native::function("numpy.isfinite", |run, it| {
        elementwise::test(run, it, "isfinite", f64::is_finite)
    }),
    Native::function("numpy.isinf", |run, it| {
        elementwise::test(run, it, "isinf", f64::is_infinite)
    }),
    Native::function("numpy.isnan", |run, it| {
        elementwise::test(run, it, "isnan", f64::is_nan)
    }),
    Native::function("numpy.less", |run, it| dispatch::comparison(run, it, CmpOp::Lt)),
    Native::function("numpy.less_equal", |run, it| dispatch::comparison(run, it, CmpOp::LtE)),
    Native::function("numpy.log", |run, it| elementwise::of_float(run, it, "log", f64::ln)),
    Native::function("numpy.log10", |run, it| {
        elementwise::of_float(run, it, "log10", f64::log10)
    }),
    Native::function("numpy.log1p", |run, it| {
        elementwise::of_float(run, it, "log1p", f64::ln_1p)
    }),
    Native::function("numpy.log2", |run, it| {
        elementwise::of_float(run, it, "log2", f64::log2)
    }),
    Native::function("numpy.logical_and", |run, it| pairs::logical(run, it, Logic::And)),
    Native::function("numpy.logical_not", elementwise::logical_not),
    Native::function("numpy.logical_or", |run, it| pairs::logical(run, it, Logic::Or)),
    Native::function("numpy.logical_xor", |run, it| pairs::logical(run, it, Logic::Xor)),
    Native::function("numpy.maximum", |run, it| {
        pairs::extreme(run, it, Extreme::Greatest, true)
    }),
    Native::function("numpy.minimum", |run, it| pairs::extreme(run, it, Extreme::Least, true)),
    Native::function("numpy.mod", |run, it| dispatch::operator(run, it, Operator::Mod)),
    Native::function("numpy.multiply", |run, it| dispatch::operator(run, it, Operator::Mult)),
    Native::function("numpy.nan_to_num", elementwise::nan_to_num),
    Native::function("numpy.negative", elementwise::negative),
    Native::function("numpy.not_equal", |run, it| dispatch::comparison(run, it, CmpOp::NotEq)),
    Native::function("numpy.ones", making::ones),
    Native::function("numpy.power", |run, it| dispatch::operator(run, it, Operator::Pow)),
    Native::function("numpy.rad2deg", |run, it| {
        elementwise::of_float(run, it, "rad2deg", degrees)
    }),
    Native::function("numpy.radians", |run, it| {
        elementwise::of_float(run, it, "radians", radians)
    }),
    Native::function("numpy.remainder", |run, it| dispatch::operator(run, it, Operator::Mod)),
    Native::function("numpy.round", dispatch::round),
    Native::function("numpy.select", select),
    Native::function("numpy.sign", elementwise::sign),
    Native::function("numpy.sin", |run, it| elementwise::of_float(run, it, "sin", f64::sin)),
    Native::function("numpy.sqrt", |run, it| {
        elementwise::of_float(run, it, "sqrt", f64::sqrt)
    }),
    Native::function("numpy.square", elementwise::square),
    Native::function("numpy.subtract", |run, it| dispatch::operator(run, it, Operator::Sub)),
    Native::function("numpy.tan", |run, it| elementwise::of_float(run, it, "tan", f64::tan)),
    Native::function("numpy.tanh", |run, it| {
        elementwise::of_float(run, it, "tanh", f64::tanh)
    }),
    Native::function("numpy.true_divide", |run, it| {
        dispatch::operator(run, it, Operator::Div)
    }),
    Native::function("numpy.trunc", |run, it| {
        elementwise::whole(run, it, Parts::Trunc, f64::trunc)
    }),
    Native::function("numpy.where", where_),
    Native::function("numpy.zeros", making::zeros),
];

fn radians(number: f64) -> f64 {
    number * (std::f64::consts::PI / 180.0)
}

fn degrees(number: f64) -> f64 {
    number * (180.0 / std::f64::consts::PI)
}
