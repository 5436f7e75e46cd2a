//! Expressions: literals, names, attributes, items, comprehensions.

use std::cell::Cell;
use std::rc::Rc;

use ruff_python_ast::{
    BoolOp, ConversionFlag, Expr, ExprBoolOp, ExprDict, ExprFString, FStringPart, InterpolatedStringElement, Number,
    UnaryOp,
};
use ruff_text_size::{Ranged, TextRange};

use super::generator::gives;
use super::module::Evaluator;
use super::operators::raised;
use super::scope::Scope;
use super::unknown::{Hides, most, reason_of, unknown, unknown_hiding};
use super::value::{Binding, Function, FunctionBody, Value};
use super::{Evaluated, library, methods};

/// Sizes of values are counted up to this.
pub(super) const LARGEST: usize = 1_000_000;

impl Evaluator {
    /// The value of an expression; opaque where it cannot be known.
    pub(super) fn evaluate(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<Value> {
        scope.spend(expression.range(), 1)?;
        let too_deep = || scope.limit(expression.range(), "this expression is nested too deeply to be read");
        self.deeper(too_deep, |evaluator| evaluator.evaluate_here(expression, scope))
    }

    fn evaluate_here(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<Value> {
        Ok(match expression {
            Expr::NoneLiteral(_) => Value::None,
            Expr::BooleanLiteral(literal) => Value::Bool(literal.value),
            Expr::StringLiteral(literal) => Value::text(literal.value.to_str()),
            Expr::NumberLiteral(literal) => match &literal.value {
                Number::Int(integer) => integer
                    .as_i64()
                    .map_or_else(|| Value::opaque("an integer beyond 64 bits"), Value::Integer),
                Number::Float(float) => Value::Float(*float),
                Number::Complex { .. } => Value::opaque("a complex number"),
            },
            Expr::Name(name) => self.name(name.id.as_str(), name.range, scope)?,
            Expr::List(list) => Value::list(self.items(&list.elts, list.range, scope)?),
            Expr::Tuple(tuple) => Value::tuple(self.items(&tuple.elts, tuple.range, scope)?),
            Expr::Set(set) => {
                let items = self.items(&set.elts, set.range, scope)?;
                scope.spend(set.range, pairs(items.len()))?;
                Value::set(items)
            }
            Expr::Dict(dict) => self.dict(dict, scope)?,
            Expr::FString(text) => self.interpolated(text, scope)?,
            Expr::Attribute(attribute) => self.attribute(attribute, scope)?,
            Expr::Subscript(subscript) => self.subscript(subscript, scope)?,
            Expr::Call(call) => self.call(call, scope)?,
            Expr::BinOp(operation) => {
                let left = self.evaluate(&operation.left, scope)?;
                let right = self.evaluate(&operation.right, scope)?;
                self.operate(operation.op, &left, &right, operation.range, scope)?
            }
            Expr::BoolOp(operation) => self.boolean(operation, scope)?,
            Expr::Compare(comparison) => self.compare(comparison, scope)?,
            Expr::UnaryOp(operation) => {
                let operand = self.evaluate(&operation.operand, scope)?;
                signed(operation.op, operand, expression.range(), scope)?
            }
            Expr::If(choice) => match self.evaluate(&choice.test, scope)?.truth() {
                Some(true) => self.evaluate(&choice.body, scope)?,
                Some(false) => self.evaluate(&choice.orelse, scope)?,
                None => {
                    let chosen = self.evaluate_perhaps(&choice.body, scope)?;
                    let other = self.evaluate_perhaps(&choice.orelse, scope)?;
                    unknown_hiding(most([&chosen, &other]), expression.range(), scope)
                }
            },
            Expr::Named(named) => {
                let value = self.evaluate(&named.value, scope)?;
                self.assign(&named.target, value.clone(), scope)?;
                value
            }
            Expr::Lambda(lambda) => Value::Function(Rc::new(Function {
                name: "<lambda>".to_owned(),
                parameters: lambda.parameters.as_deref().cloned().unwrap_or_default(),
                defaults: self.defaults(lambda.parameters.as_deref(), scope)?,
                binding: Cell::new(Binding::Instance),
                body: FunctionBody::Expression(lambda.body.clone()),
                scope: scope.around_functions(),
                is_generator: gives(&lambda.body),
                text: scope.source_of(lambda.range).to_owned(),
            })),
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::Generator(_) | Expr::DictComp(_) => {
                self.comprehension(expression, scope)?
            }
            Expr::Yield(given) => self.give_one(given, scope)?,
            Expr::YieldFrom(given) => self.give_all(given, scope)?,
            Expr::Await(_) => unknown_hiding(Hides::Perhaps, expression.range(), scope),
            other => unknown(other.range(), scope),
        })
    }

    fn name(&mut self, name: &str, range: TextRange, scope: &Rc<Scope>) -> Evaluated<Value> {
        if let Some(value) = scope.lookup(name) {
            return Ok(value);
        }
        match name {
            "__file__" => return Ok(Value::text(scope.file().absolute.to_string_lossy())),
            "__name__" => {
                return Ok(Value::text(scope.file().module.name()));
            }
            _ => {}
        }
        library::builtin(name).ok_or_else(|| scope.raise(range, "NameError", format!("name '{name}' is not defined")))
    }

    fn items(&mut self, elements: &[Expr], range: TextRange, scope: &Rc<Scope>) -> Evaluated<Vec<Value>> {
        let mut items = Vec::with_capacity(elements.len());
        let mut size = 0;
        for element in elements {
            if let Expr::Starred(starred) = element {
                let value = self.evaluate(&starred.value, scope)?;
                size += value.size(LARGEST);
                items.extend(
                    value
                        .items()
                        .unwrap_or_else(|| vec![reason_of(&value, element.range(), scope)]),
                );
            } else {
                let value = self.evaluate(element, scope)?;
                size += value.size(LARGEST);
                items.push(value);
            }
        }
        // A container of containers costs what it holds: looking through it must not take longer than making it.
        scope.spend(range, size)?;
        Ok(items)
    }

    fn dict(&mut self, dict: &ExprDict, scope: &Rc<Scope>) -> Evaluated<Value> {
        let mut members = Vec::with_capacity(dict.items.len());
        for item in &dict.items {
            match (&item.key, self.evaluate(&item.value, scope)?) {
                (Some(key), value) => members.push((self.evaluate(key, scope)?, value)),
                (None, Value::Dict(inner)) => members.extend(inner.borrow().iter().cloned()),
                (None, other) => return Ok(reason_of(&other, item.value.range(), scope)),
            }
        }
        let size: usize = members
            .iter()
            .map(|(key, value)| key.size(LARGEST) + value.size(LARGEST))
            .sum();
        scope.spend(dict.range, size + pairs(members.len()))?;
        Ok(Value::dict(members))
    }

    fn interpolated(&mut self, text: &ExprFString, scope: &Rc<Scope>) -> Evaluated<Value> {
        let mut answer = String::new();
        for part in &text.value {
            let elements = match part {
                FStringPart::Literal(literal) => {
                    answer.push_str(literal.as_str());
                    continue;
                }
                FStringPart::FString(inner) => &inner.elements,
            };
            for element in elements {
                match element {
                    InterpolatedStringElement::Literal(literal) => answer.push_str(&literal.value),
                    InterpolatedStringElement::Interpolation(hole) => {
                        let value = self.evaluate(&hole.expression, scope)?;
                        let spec = hole.format_spec.as_ref().map(|spec| scope.text(spec.range()));
                        if let Some(debug) = &hole.debug_text {
                            let expression = scope.source_of(hole.expression.range());
                            answer.push_str(&format!("{}{expression}{}", debug.leading(), debug.trailing()));
                        }
                        let represent = matches!(hole.conversion, ConversionFlag::Repr)
                            || (hole.debug_text.is_some() && hole.conversion.is_none() && spec.is_none());
                        let value = match hole.conversion {
                            _ if represent => value
                                .represented()
                                .map_or_else(|| reason_of(&value, text.range, scope), Value::text),
                            ConversionFlag::Str => {
                                let written = self.written(&value, text.range, scope)?;
                                written.map_or_else(|| reason_of(&value, text.range, scope), Value::text)
                            }
                            _ => self.own_text(&value, text.range, scope)?.unwrap_or(value),
                        };
                        match methods::formatted(&value, spec.as_deref().unwrap_or_default()) {
                            Some(text) => answer.push_str(&text),
                            None => return Ok(reason_of(&value, text.range, scope)),
                        }
                    }
                }
            }
        }
        scope.spend(text.range, answer.len())?;
        Ok(Value::text(answer))
    }

    fn boolean(&mut self, operation: &ExprBoolOp, scope: &Rc<Scope>) -> Evaluated<Value> {
        let mut last = Value::None;
        for (index, operand) in operation.values.iter().enumerate() {
            last = self.evaluate(operand, scope)?;
            match (operation.op, last.truth()) {
                (BoolOp::Or, Some(false)) | (BoolOp::And, Some(true)) => {}
                (_, Some(_)) => break,
                (_, None) => {
                    let mut hides = last.hides();
                    for operand in &operation.values[index + 1..] {
                        hides = hides.max(self.evaluate_perhaps(operand, scope)?.hides());
                    }
                    return Ok(unknown_hiding(hides, operation.range, scope));
                }
            }
        }
        Ok(last)
    }
}

fn signed(operator: UnaryOp, operand: Value, range: TextRange, scope: &Scope) -> Evaluated<Value> {
    match (operator, operand) {
        (UnaryOp::USub, Value::Duration(duration)) => raised(duration.negated(), range, scope).map(Value::Duration),
        (operator, operand) => Ok(sign(operator, operand).unwrap_or_else(|| unknown(range, scope))),
    }
}

/// `-value`, `+value`, `~value` and `not value`; `None` where it is not known.
fn sign(operator: UnaryOp, operand: Value) -> Option<Value> {
    Some(match (operator, operand) {
        (UnaryOp::USub, Value::Integer(number)) => Value::Integer(number.checked_neg()?),
        (UnaryOp::USub, Value::Float(number)) => Value::Float(-number),
        (UnaryOp::Invert, Value::Integer(number)) => Value::Integer(!number),
        (UnaryOp::UAdd, value @ (Value::Integer(_) | Value::Float(_) | Value::Duration(_))) => value,
        (UnaryOp::Not, value) => Value::Bool(!value.truth()?),
        _ => return None,
    })
}

/// Comparisons that making a set or dict of so many members takes, in steps.
pub(super) fn pairs(count: usize) -> usize {
    count.saturating_mul(count) / 8
}
