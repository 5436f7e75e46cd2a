//! Expressions.

use std::rc::Rc;

use super::Arguments;
use super::{Activation, Run};
use crate::methods;
use crate::native;
use crate::program::{BoolOp, Comprehension, ConversionFlag, Element, Expression, FormatPart, Gives, Kind, Target};
use crate::stop::{Outcome, Stop, type_error, unknown};
use crate::value::{Dict, Value, equals, is_shallow};

impl Run {
    pub(super) fn evaluate(&mut self, expression: &Expression, around: &Rc<Activation>) -> Outcome {
        self.step(1)?;
        let outcome = match &expression.kind {
            Kind::Constant(constant) => return Ok(constant.into()),
            Kind::Variable { levels, slot } => match around.outward(*levels) {
                Some(activation) => activation.get(*slot, *levels == 0),
                None => Err(unknown("this variable of an outer function is not known")),
            },
            Kind::Native(native) => return Ok(Value::Native(native)),
            Kind::Unary(operator, operand) => {
                let operand = self.evaluate(operand, around)?;
                self.unary(*operator, &operand)
            }
            Kind::Binary(left, operator, right) => {
                let left = self.evaluate(left, around)?;
                let right = self.evaluate(right, around)?;
                self.binary(&left, *operator, &right)
            }
            Kind::Logical(operator, values) => return self.logical(*operator, values, around),
            Kind::Compare(first, rest) => self.comparison(first, rest, around),
            Kind::Conditional { test, then, otherwise } => {
                return match self.test(test, around)? {
                    true => self.evaluate(then, around),
                    false => self.evaluate(otherwise, around),
                };
            }
            Kind::Call { callee, arguments } => {
                let callee = self.evaluate(callee, around)?;
                let arguments = self.arguments(arguments, around)?;
                self.call(&callee, arguments)
            }
            Kind::CallMethod {
                object,
                name,
                arguments,
            } => {
                let object = self.evaluate(object, around)?;
                // Python looks for it before it computes the arguments.
                let arguments = match methods::has(&object, name) {
                    true => self.arguments(arguments, around)?,
                    false => Arguments::positional(Vec::new()),
                };
                methods::call(self, &object, name, arguments)
            }
            Kind::Attribute(object, name) => {
                let object = self.evaluate(object, around)?;
                methods::attribute(self, &object, name)
            }
            Kind::Subscript(object, key) => {
                let object = self.evaluate(object, around)?;
                let key = self.evaluate(key, around)?;
                self.item(&object, &key)
            }
            Kind::Slice(parts) => self.slice(parts, around),
            Kind::List(elements) => return Ok(Value::list(self.elements(elements, around)?)),
            Kind::Tuple(elements) => return Ok(Value::tuple(self.elements(elements, around)?)),
            Kind::Set(elements) => {
                let elements = self.elements(elements, around)?;
                self.set_of(elements)
            }
            Kind::Dict(members) => self.dict(members, around),
            Kind::Comprehension(comprehension) => self.comprehension(comprehension, around),
            Kind::Function(code) => self.function(code, around),
            Kind::Format(parts) => self.format_parts(parts, around).map(Value::text),
            Kind::Named(target, value) => {
                let value = self.evaluate(value, around)?;
                self.assign(target, value.clone(), around)?;
                return Ok(value);
            }
        };
        outcome.map_err(|stop| stop.at(expression.range))
    }

    /// Whether a condition holds.
    pub(super) fn test(&mut self, condition: &Expression, around: &Rc<Activation>) -> Outcome<bool> {
        let value = self.evaluate(condition, around)?;
        value.truth().map_err(|stop| stop.at(condition.range))
    }

    pub(super) fn elements(&mut self, elements: &[Element], around: &Rc<Activation>) -> Outcome<Vec<Value>> {
        let mut values = Vec::with_capacity(elements.len());
        self.make(elements.len())?;
        for element in elements {
            let value = self.evaluate(&element.value, around)?;
            if element.is_starred {
                // What Python says depends on where the star is.
                let items = value.items().map_err(|stop| match stop {
                    Stop::Raised(_) => unknown("a star before what has no items is not known here"),
                    other => other,
                })?;
                self.make(items.len())?;
                values.extend(items);
            } else {
                values.push(value);
            }
        }
        Ok(values)
    }

    /// A set of values, equal ones once.
    pub(crate) fn set_of(&mut self, values: Vec<Value>) -> Outcome {
        let mut distinct: Vec<Value> = Vec::new();
        for value in values {
            check_hashable(&value)?;
            self.step(distinct.len() / 8)?;
            if !distinct.iter().any(|known| equals(known, &value) == Some(true)) {
                distinct.push(value);
            }
        }
        Ok(Value::Set(Rc::new(distinct.into())))
    }

    fn dict(&mut self, members: &[(Option<Expression>, Expression)], around: &Rc<Activation>) -> Outcome {
        /// Python computes so many before it looks whether their keys can be keys.
        const COMPUTED_TOGETHER: usize = 16;
        let mut dict = Dict::default();
        self.make(members.len())?;
        let mut waiting: Vec<(Value, Value)> = Vec::new();
        for (key, value) in members {
            if key.is_none() || waiting.len() == COMPUTED_TOGETHER {
                insert_all(&mut dict, &mut waiting)?;
            }
            match key {
                Some(key) => waiting.push((self.evaluate(key, around)?, self.evaluate(value, around)?)),
                None => match self.evaluate(value, around)? {
                    Value::Dict(others) => {
                        self.make(others.borrow().len())?;
                        for (key, value) in others.borrow().members() {
                            dict.insert(key.clone(), value.clone());
                        }
                    }
                    other => return Err(type_error(format!("'{}' object is not a mapping", other.type_name()))),
                },
            }
        }
        insert_all(&mut dict, &mut waiting)?;
        Ok(Value::dict(dict))
    }

    fn logical(&mut self, operator: BoolOp, values: &[Expression], around: &Rc<Activation>) -> Outcome {
        let mut last = Value::None;
        for (number, value) in values.iter().enumerate() {
            last = self.evaluate(value, around)?;
            if number + 1 == values.len() {
                break;
            }
            let is_true = last.truth().map_err(|stop| stop.at(value.range))?;
            if is_true == (operator == BoolOp::Or) {
                break;
            }
        }
        Ok(last)
    }

    fn comprehension(&mut self, comprehension: &Comprehension, around: &Rc<Activation>) -> Outcome {
        let (mut items, mut dict) = (Vec::new(), Dict::default());
        let is_generator = matches!(comprehension.gives, Gives::Generator(_));
        let made = self.comprehend(comprehension, 0, around, &mut |run| {
            run.make(1)?;
            match &comprehension.gives {
                Gives::List(item) | Gives::Set(item) | Gives::Generator(item) => {
                    items.push(run.evaluate(item, around)?)
                }
                Gives::Dict(key, value) => {
                    let key = run.evaluate(key, around)?;
                    check_hashable(&key)?;
                    dict.insert(key, run.evaluate(value, around)?);
                }
            }
            Ok(())
        });
        match made {
            // Whoever reads it may stop before the item that raises.
            Err(stop @ crate::stop::Stop::Raised(_)) if is_generator => {
                return Ok(Value::failing(items, stop));
            }
            made => made?,
        }
        match &comprehension.gives {
            Gives::List(_) => Ok(Value::list(items)),
            Gives::Set(_) => self.set_of(items),
            Gives::Generator(_) => Ok(Value::iterator(items)),
            Gives::Dict(..) => Ok(Value::dict(dict)),
        }
    }

    fn comprehend(
        &mut self,
        comprehension: &Comprehension,
        level: usize,
        around: &Rc<Activation>,
        give: &mut dyn FnMut(&mut Self) -> Outcome<()>,
    ) -> Outcome<()> {
        let Some(this) = comprehension.loops.get(level) else {
            return give(self);
        };
        let iterated = self.evaluate(&this.items, around)?;
        let items = iterated.items().map_err(|stop| stop.at(this.items.range))?;
        'items: for item in items {
            self.step(1)?;
            match &this.target {
                Target::Variable(slot) => around.set(*slot, item),
                target => self.assign(target, item, around)?,
            }
            for condition in &this.conditions {
                if !self.test(condition, around)? {
                    continue 'items;
                }
            }
            self.comprehend(comprehension, level + 1, around, give)?;
        }
        Ok(())
    }

    fn format_parts(&mut self, parts: &[FormatPart], around: &Rc<Activation>) -> Outcome<String> {
        let mut text = String::new();
        for part in parts {
            match part {
                FormatPart::Text(part) => text.push_str(part),
                FormatPart::Value {
                    value,
                    conversion,
                    specification,
                } => {
                    let range = value.range;
                    let value = self.evaluate(value, around)?;
                    let specification = self.format_parts(specification, around)?;
                    let value = match conversion {
                        ConversionFlag::None => value,
                        ConversionFlag::Str => Value::text(value.to_text()?),
                        ConversionFlag::Repr => Value::text(value.to_repr()?),
                        ConversionFlag::Ascii => return Err(unknown("`!a` is not known here")),
                    };
                    let formatted = native::format(&value, &specification).map_err(|stop| stop.at(range))?;
                    text.push_str(&formatted);
                }
            }
        }
        self.hold(text.len())?;
        Ok(text)
    }

    fn slice(&mut self, parts: &[Option<Box<Expression>>; 3], around: &Rc<Activation>) -> Outcome {
        let mut bounds = [None; 3];
        for (bound, part) in bounds.iter_mut().zip(parts) {
            let Some(part) = part else { continue };
            *bound = match self.evaluate(part, around)? {
                Value::None => None,
                Value::Scalar(_) => return Err(unknown("a number of numpy in a slice is not known here")),
                Value::Big(_) => return Err(unknown("a bound beyond 64 bits is not known here")),
                value => match value.as_int() {
                    Some(number) => Some(number),
                    None => {
                        return Err(type_error(
                            "slice indices must be integers or None or have an __index__ method",
                        ));
                    }
                },
            };
        }
        Ok(Value::Slice(Rc::new(bounds)))
    }
}

fn insert_all(dict: &mut Dict, members: &mut Vec<(Value, Value)>) -> Outcome<()> {
    for (key, value) in members.drain(..) {
        check_hashable(&key)?;
        dict.insert(key, value);
    }
    Ok(())
}

/// Whether a value may be a key.
pub(crate) fn check_hashable(value: &Value) -> Outcome<()> {
    match value {
        Value::List(_) | Value::Dict(_) | Value::Set(_) | Value::Series(_) | Value::Frame(_) | Value::Array(_) => {
            Err(type_error(format!("unhashable type: '{}'", value.type_name())))
        }
        Value::Categories(_) | Value::Scalar(_) | Value::Row(..) | Value::NoTime | Value::Big(_) => {
            Err(unknown("this as a key is not known here"))
        }
        Value::Tuple(items) if is_shallow(value) => items.iter().try_for_each(check_hashable),
        Value::Tuple(_) => Err(unknown("a key that is so deep or so large is not known here")),
        _ => Ok(()),
    }
}
