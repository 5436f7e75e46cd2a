//! Expressions: literals, names, containers and conditions, and which file has the rest.

use std::rc::Rc;

use ruff_python_ast::{BoolOp, Expr, ExprBoolOp, ExprCompare, ExprDict, Number};
use ruff_text_size::Ranged;

use super::evaluator::Evaluator;
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{Scope, Taint, Value, max_taint};
use crate::{operators, stdlib};

impl Evaluator<'_> {
    /// The value of an expression; opaque where it cannot be known.
    pub(super) fn evaluate(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<Value> {
        let site = self.at(expression, scope);
        site.use_fuel(1)?;
        let too_deep = || site.limit("this expression is nested too deeply to be read");
        self.with_depth(too_deep, |evaluator| evaluator.dispatch_expression(expression, scope))
    }

    fn dispatch_expression(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<Value> {
        Ok(match expression {
            Expr::NoneLiteral(_) => Value::None,
            Expr::BooleanLiteral(literal) => Value::Bool(literal.value),
            Expr::StringLiteral(literal) => Value::str(literal.value.to_str()),
            Expr::NumberLiteral(literal) => match &literal.value {
                Number::Int(integer) => integer
                    .as_i64()
                    .map_or_else(|| Value::opaque("an integer beyond 64 bits"), Value::Int),
                Number::Float(float) => Value::Float(*float),
                Number::Complex { .. } => Value::opaque("a complex number"),
            },
            Expr::Name(name) => self.name(name.id.as_str(), self.at(name.range, scope))?,
            Expr::List(list) => Value::list(self.items(&list.elts, self.at(list.range, scope))?),
            Expr::Tuple(tuple) => Value::tuple(self.items(&tuple.elts, self.at(tuple.range, scope))?),
            Expr::Set(set) => {
                let items = self.items(&set.elts, self.at(set.range, scope))?;
                self.at(set, scope).pay_for_distinct(items.len())?;
                Value::set(items)
            }
            Expr::Dict(dict) => self.dict(dict, scope)?,
            Expr::FString(text) => self.f_string(text, scope)?,
            Expr::Attribute(attribute) => self.attribute(attribute, scope)?,
            Expr::Subscript(subscript) => self.subscript(subscript, scope)?,
            Expr::Call(call) => self.call(call, scope)?,
            Expr::BinOp(operation) => {
                let left = self.evaluate(&operation.left, scope)?;
                let right = self.evaluate(&operation.right, scope)?;
                operators::binary(operation.op, &left, &right, self.at(operation, scope))?
            }
            Expr::BoolOp(operation) => self.bool_op(operation, scope)?,
            Expr::Compare(comparison) => self.compare(comparison, scope)?,
            Expr::UnaryOp(operation) => {
                let operand = self.evaluate(&operation.operand, scope)?;
                operators::unary(operation.op, operand, self.at(expression, scope))?
            }
            Expr::If(choice) => match self.evaluate(&choice.test, scope)?.truth() {
                Some(true) => self.evaluate(&choice.body, scope)?,
                Some(false) => self.evaluate(&choice.orelse, scope)?,
                None => {
                    let chosen = self.evaluate_perhaps(&choice.body, scope)?;
                    let other = self.evaluate_perhaps(&choice.orelse, scope)?;
                    self.at(expression, scope).unknown_with(max_taint([&chosen, &other]))
                }
            },
            Expr::Named(named) => {
                let value = self.evaluate(&named.value, scope)?;
                self.assign(&named.target, value.clone(), scope)?;
                value
            }
            Expr::Lambda(lambda) => self.lambda(lambda, scope)?,
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::Generator(_) | Expr::DictComp(_) => {
                self.comprehension(expression, scope)?
            }
            Expr::Yield(given) => self.yield_expr(given, scope)?,
            Expr::YieldFrom(given) => self.yield_from(given, scope)?,
            Expr::Await(_) => self.at(expression.range(), scope).unknown_with(Taint::MaybeObject),
            other => self.at(other.range(), scope).unknown(),
        })
    }

    fn name(&mut self, name: &str, site: Site<'_>) -> Evaluated<Value> {
        let scope = site.scope;
        if let Some(value) = scope.lookup(name) {
            return Ok(value);
        }
        match name {
            "__file__" => return Ok(Value::str(scope.file().absolute.to_string_lossy())),
            "__name__" => {
                return Ok(Value::str(scope.file().module.name()));
            }
            _ => {}
        }
        stdlib::builtin(name).ok_or_else(|| site.raise("NameError", format!("name '{name}' is not defined")))
    }

    fn items(&mut self, elements: &[Expr], site: Site<'_>) -> Evaluated<Vec<Value>> {
        let scope = site.scope;
        let mut items = Vec::with_capacity(elements.len());
        // A container of containers costs what it holds: looking through it must not take longer than making it.
        for element in elements {
            if let Expr::Starred(starred) = element {
                let value = self.evaluate(&starred.value, scope)?;
                site.pay_for([&value])?;
                items.extend(
                    value
                        .items()
                        .unwrap_or_else(|| vec![self.at(element.range(), scope).reason_of(&value)]),
                );
            } else {
                let value = self.evaluate(element, scope)?;
                site.pay_for([&value])?;
                items.push(value);
            }
        }
        Ok(items)
    }

    fn dict(&mut self, dict: &ExprDict, scope: &Rc<Scope>) -> Evaluated<Value> {
        let mut members = Vec::with_capacity(dict.items.len());
        for item in &dict.items {
            match (&item.key, self.evaluate(&item.value, scope)?) {
                (Some(key), value) => members.push((self.evaluate(key, scope)?, value)),
                (None, Value::Dict(inner)) => members.extend(inner.borrow().iter().cloned()),
                (None, other) => return Ok(self.at(item.value.range(), scope).reason_of(&other)),
            }
        }
        let site = self.at(dict, scope);
        site.pay_for(members.iter().flat_map(|(key, value)| [key, value]))?;
        site.pay_for_distinct(members.len())?;
        Ok(Value::dict(members))
    }

    fn bool_op(&mut self, operation: &ExprBoolOp, scope: &Rc<Scope>) -> Evaluated<Value> {
        let mut last = Value::None;
        for (index, operand) in operation.values.iter().enumerate() {
            last = self.evaluate(operand, scope)?;
            match (operation.op, last.truth()) {
                (BoolOp::Or, Some(false)) | (BoolOp::And, Some(true)) => {}
                (_, Some(_)) => break,
                (_, None) => {
                    let mut taint = last.taint();
                    for operand in &operation.values[index + 1..] {
                        taint = taint.max(self.evaluate_perhaps(operand, scope)?.taint());
                    }
                    return Ok(self.at(operation.range, scope).unknown_with(taint));
                }
            }
        }
        Ok(last)
    }

    /// `a < b <= c`: all comparisons, each operand evaluated once.
    fn compare(&mut self, comparison: &ExprCompare, scope: &Rc<Scope>) -> Evaluated<Value> {
        let site = self.at(comparison, scope);
        let mut left = self.evaluate(&comparison.left, scope)?;
        for (operator, right) in comparison.ops.iter().zip(&comparison.comparators) {
            let right = self.evaluate(right, scope)?;
            site.pay_for([&left, &right])?;
            match operators::compare(*operator, &left, &right) {
                Some(true) => {}
                Some(false) => return Ok(Value::Bool(false)),
                None => {
                    let opaque = if matches!(left, Value::Opaque(_)) {
                        &left
                    } else {
                        &right
                    };
                    return Ok(site.reason_of(opaque));
                }
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }
}
