//! Expressions: literals, names, operators, comprehensions.

use std::rc::Rc;

use feast_engine::model::ValueType;
use ruff_python_ast::{
    BoolOp, CmpOp, Comprehension, Expr, ExprAttribute, ExprBinOp, ExprBoolOp, ExprCompare, ExprDict, ExprFString,
    ExprSubscript, FStringPart, InterpolatedStringElement, Number, Operator, UnaryOp,
};
use ruff_text_size::Ranged;

use super::module::{Evaluated, Evaluator, bind};
use super::value::{Builtin, Object, Scope, Value, ViewProjection};

impl Evaluator {
    /// The value of an expression; opaque where it cannot be known.
    pub(super) fn evaluate(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<Value> {
        let too_deep = || scope.error(expression.range(), "this expression is nested too deeply to be read");
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
            Expr::Name(name) => match scope.lookup(name.id.as_str()) {
                Some(value) => value,
                None => match Builtin::of_python(name.id.as_str()) {
                    Some(builtin) => Value::Builtin(builtin),
                    None if PYTHON_BUILTINS.contains(&name.id.as_str()) => {
                        Value::opaque(format!("Python's {}", name.id))
                    }
                    None => {
                        return Err(scope.error(name.range, format!("NameError: name '{}' is not defined", name.id)));
                    }
                },
            },
            Expr::List(list) => Value::list(self.items(&list.elts, scope)?),
            Expr::Tuple(tuple) => Value::Tuple(Rc::new(self.items(&tuple.elts, scope)?)),
            Expr::Dict(dict) => self.dict(dict, scope)?,
            Expr::FString(text) => self.interpolated(text, scope)?,
            Expr::Attribute(attribute) => self.attribute(attribute, scope)?,
            Expr::Subscript(subscript) => self.subscript(subscript, scope)?,
            Expr::Call(call) => self.call(call, scope)?,
            Expr::BinOp(operation) => self.binary(operation, scope)?,
            Expr::BoolOp(operation) => self.boolean(operation, scope)?,
            Expr::Compare(comparison) => self.compare(comparison, scope)?,
            Expr::UnaryOp(operation) => match (operation.op, self.evaluate(&operation.operand, scope)?) {
                (UnaryOp::USub, Value::Integer(number)) => Value::Integer(number.wrapping_neg()),
                (UnaryOp::USub, Value::Float(number)) => Value::Float(-number),
                (UnaryOp::USub, Value::Duration(micros)) => Value::Duration(micros.wrapping_neg()),
                (UnaryOp::Not, value) => value.truth().map_or_else(|| value.clone(), |truth| Value::Bool(!truth)),
                _ => unknown(expression, scope),
            },
            Expr::If(choice) => match self.evaluate(&choice.test, scope)?.truth() {
                Some(true) => self.evaluate(&choice.body, scope)?,
                Some(false) => self.evaluate(&choice.orelse, scope)?,
                None => unknown(expression, scope),
            },
            Expr::ListComp(comprehension) => {
                let mut items = Vec::new();
                let inner = Rc::new(Scope::of_function(scope));
                let known = self.comprehend(&comprehension.generators, &inner, &mut |evaluator, inner| {
                    items.push(evaluator.evaluate(&comprehension.elt, inner)?);
                    Ok(())
                })?;
                if known {
                    Value::list(items)
                } else {
                    unknown(expression, scope)
                }
            }
            other => unknown(other, scope),
        })
    }

    fn items(&mut self, elements: &[Expr], scope: &Rc<Scope>) -> Evaluated<Vec<Value>> {
        let mut items = Vec::with_capacity(elements.len());
        for element in elements {
            if let Expr::Starred(starred) = element {
                let value = self.evaluate(&starred.value, scope)?;
                items.extend(value.items().unwrap_or_else(|| vec![unknown(element, scope)]));
            } else {
                items.push(self.evaluate(element, scope)?);
            }
        }
        Ok(items)
    }

    fn dict(&mut self, dict: &ExprDict, scope: &Rc<Scope>) -> Evaluated<Value> {
        let mut members = Vec::with_capacity(dict.items.len());
        for item in &dict.items {
            let value = self.evaluate(&item.value, scope)?;
            match (&item.key, value) {
                (Some(key), value) => members.push((self.evaluate(key, scope)?, value)),
                (None, Value::Dict(inner)) => members.extend(inner.iter().cloned()),
                (None, _) => return Ok(Value::opaque("a dict of unknown members")),
            }
        }
        Ok(Value::Dict(Rc::new(members)))
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
                        match value
                            .to_text()
                            .filter(|_| hole.format_spec.is_none() && hole.conversion.is_none())
                        {
                            Some(text) => answer.push_str(&text),
                            None => return Ok(Value::opaque(scope.text(text.range))),
                        }
                    }
                }
            }
        }
        Ok(Value::text(answer))
    }

    fn attribute(&mut self, attribute: &ExprAttribute, scope: &Rc<Scope>) -> Evaluated<Value> {
        let name = attribute.attr.as_str();
        Ok(match self.evaluate(&attribute.value, scope)? {
            Value::Builtin(Builtin::ValueTypeClass) => value_type_member(name).map(Value::Type).ok_or_else(|| {
                scope.error(
                    attribute.range,
                    format!("AttributeError: ValueType has no member {name}"),
                )
            })?,
            Value::Opaque(reason) => Value::Opaque(reason),
            value => Value::Method(Rc::new(value), Rc::from(name)),
        })
    }

    fn subscript(&mut self, subscript: &ExprSubscript, scope: &Rc<Scope>) -> Evaluated<Value> {
        let value = self.evaluate(&subscript.value, scope)?;
        let index = self.evaluate(&subscript.slice, scope)?;
        Ok(match (&value, &index) {
            (Value::Object(object), Value::List(names)) => {
                let projection = match &**object {
                    Object::View(view) => ViewProjection::of(view),
                    Object::Projection(projection) => projection.clone(),
                    _ => return Ok(unknown(&Expr::Subscript(subscript.clone()), scope)),
                };
                let wanted = names.iter().map(|name| match name {
                    Value::Text(name) => Ok(name.to_string()),
                    other => Err(scope.error(
                        subscript.range,
                        format!("a feature name must be a str, not {}", other.type_name()),
                    )),
                });
                let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
                let view = &projection.view;
                if view.features.is_empty() || wanted.is_empty() {
                    let text = format!(
                        "features can be chosen only by name and from a view with a schema, which {} has not",
                        view.name
                    );
                    return Err(scope.error(subscript.range, text));
                }
                if let Some(name) = wanted.iter().find(|name| view.feature(name).is_none()) {
                    return Err(scope.error(
                        subscript.range,
                        format!("Feature {name} does not exist in this feature view."),
                    ));
                }
                Value::object(Object::Projection(ViewProjection {
                    features: Some(wanted),
                    ..projection
                }))
            }
            (Value::Dict(members), key) => {
                let found = members
                    .iter()
                    .rev()
                    .find(|(known, _)| known == key)
                    .map(|(_, value)| value.clone());
                found.ok_or_else(|| {
                    scope.error(
                        subscript.range,
                        format!("KeyError: `{}`", scope.text(subscript.slice.range())),
                    )
                })?
            }
            (Value::List(items) | Value::Tuple(items), Value::Integer(index)) => {
                let position = if *index < 0 {
                    index + i64::try_from(items.len()).unwrap_or(i64::MAX)
                } else {
                    *index
                };
                let item = usize::try_from(position)
                    .ok()
                    .and_then(|position| items.get(position))
                    .cloned();
                item.ok_or_else(|| scope.error(subscript.range, "IndexError: list index out of range"))?
            }
            _ => unknown(&Expr::Subscript(subscript.clone()), scope),
        })
    }

    fn binary(&mut self, operation: &ExprBinOp, scope: &Rc<Scope>) -> Evaluated<Value> {
        let left = self.evaluate(&operation.left, scope)?;
        let right = self.evaluate(&operation.right, scope)?;
        let overflow = || scope.error(operation.range, "a number beyond 64 bits");
        Ok(match (operation.op, &left, &right) {
            (Operator::Add, Value::Text(left), Value::Text(right)) => Value::text(format!("{left}{right}")),
            (Operator::Add, Value::List(left), Value::List(right)) => Value::list([left.as_slice(), right].concat()),
            (Operator::Add, Value::Duration(left), Value::Duration(right)) => {
                Value::Duration(left.checked_add(*right).ok_or_else(overflow)?)
            }
            (Operator::Mult, Value::Duration(duration), Value::Integer(factor))
            | (Operator::Mult, Value::Integer(factor), Value::Duration(duration)) => {
                Value::Duration(duration.checked_mul(*factor).ok_or_else(overflow)?)
            }
            (operator, Value::Integer(left), Value::Integer(right)) => {
                let number = match operator {
                    Operator::Add => left.checked_add(*right),
                    Operator::Sub => left.checked_sub(*right),
                    Operator::Mult => left.checked_mul(*right),
                    _ => return Ok(unknown(&Expr::BinOp(operation.clone()), scope)),
                };
                Value::Integer(number.ok_or_else(overflow)?)
            }
            _ => unknown(&Expr::BinOp(operation.clone()), scope),
        })
    }

    fn boolean(&mut self, operation: &ExprBoolOp, scope: &Rc<Scope>) -> Evaluated<Value> {
        let mut last = Value::None;
        for operand in &operation.values {
            last = self.evaluate(operand, scope)?;
            match (operation.op, last.truth()) {
                (BoolOp::Or, Some(false)) | (BoolOp::And, Some(true)) => {}
                (_, Some(_)) => break,
                (_, None) => return Ok(last),
            }
        }
        Ok(last)
    }

    fn compare(&mut self, comparison: &ExprCompare, scope: &Rc<Scope>) -> Evaluated<Value> {
        let expression = || Expr::Compare(comparison.clone());
        let ([operator], [right]) = (&*comparison.ops, &*comparison.comparators) else {
            return Ok(unknown(&expression(), scope));
        };
        let left = self.evaluate(&comparison.left, scope)?;
        let right = self.evaluate(right, scope)?;
        if matches!(left, Value::Opaque(_)) || matches!(right, Value::Opaque(_)) {
            return Ok(unknown(&expression(), scope));
        }
        let contains = || right.items().map(|items| items.contains(&left));
        let truth = match operator {
            CmpOp::Eq | CmpOp::Is => Some(left == right),
            CmpOp::NotEq | CmpOp::IsNot => Some(left != right),
            CmpOp::In => contains(),
            CmpOp::NotIn => contains().map(|found| !found),
            _ => None,
        };
        Ok(truth.map_or_else(|| unknown(&expression(), scope), Value::Bool))
    }

    /// Runs `each` for every combination of a comprehension; `false` when its items are not known.
    fn comprehend(
        &mut self,
        generators: &[Comprehension],
        scope: &Rc<Scope>,
        each: &mut dyn FnMut(&mut Self, &Rc<Scope>) -> Evaluated<()>,
    ) -> Evaluated<bool> {
        let Some((generator, inner)) = generators.split_first() else {
            return each(self, scope).map(|()| true);
        };
        let Some(items) = self.evaluate(&generator.iter, scope)?.items() else {
            return Ok(false);
        };
        'items: for item in items {
            bind(&generator.target, &item, scope);
            for condition in &generator.ifs {
                match self.evaluate(condition, scope)?.truth() {
                    Some(true) => {}
                    Some(false) => continue 'items,
                    None => return Ok(false),
                }
            }
            if !self.comprehend(inner, scope, each)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Names that Python itself defines and the evaluator does not compute.
const PYTHON_BUILTINS: [&str; 42] = [
    "__file__",
    "__name__",
    "abs",
    "all",
    "any",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "filter",
    "format",
    "frozenset",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "id",
    "input",
    "isinstance",
    "iter",
    "map",
    "max",
    "min",
    "next",
    "object",
    "open",
    "ord",
    "print",
    "property",
    "repr",
    "reversed",
    "round",
    "set",
    "sorted",
    "sum",
    "tuple",
    "zip",
];

/// An opaque value that names the expression it comes from.
pub(super) fn unknown(expression: &Expr, scope: &Scope) -> Value {
    Value::opaque(format!("`{}`", scope.text(expression.range())))
}

/// Members of `feast.ValueType`.
fn value_type_member(name: &str) -> Option<ValueType> {
    let simple = |name: &str| {
        Some(match name {
            "BYTES" => ValueType::Bytes,
            "STRING" => ValueType::String,
            "INT32" => ValueType::Int32,
            "INT64" => ValueType::Int64,
            "DOUBLE" => ValueType::Float64,
            "FLOAT" => ValueType::Float32,
            "BOOL" => ValueType::Bool,
            "UNIX_TIMESTAMP" => ValueType::UnixTimestamp,
            "MAP" => ValueType::Map,
            "JSON" => ValueType::Json,
            "UUID" => ValueType::Uuid,
            "TIME_UUID" => ValueType::TimeUuid,
            "DECIMAL" => ValueType::Decimal,
            "PDF_BYTES" => ValueType::PdfBytes,
            "IMAGE_BYTES" => ValueType::ImageBytes,
            _ => return None,
        })
    };
    let element = |suffix: &str| simple(name.strip_suffix(suffix)?).map(Box::new);
    simple(name)
        .or_else(|| element("_LIST").map(ValueType::Array))
        .or_else(|| element("_SET").map(ValueType::Set))
}
