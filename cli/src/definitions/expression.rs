//! Expressions: literals, names, attributes, items, comprehensions.

use std::cell::Cell;
use std::rc::Rc;

use ruff_python_ast::{
    BoolOp, ConversionFlag, Expr, ExprAttribute, ExprBoolOp, ExprDict, ExprFString, ExprSlice, ExprSubscript,
    FStringPart, InterpolatedStringElement, Number, UnaryOp,
};
use ruff_text_size::{Ranged, TextRange};

use super::assignment::position_of;
use super::equality::member;
use super::generator::gives;
use super::module::Evaluator;
use super::object::Thing;
use super::operators::raised;
use super::scope::Scope;
use super::unknown::{Hides, most, reason_of, unknown, unknown_hiding};
use super::value::{Binding, CallArguments, DictKind, Function, FunctionBody, Value};
use super::{Evaluated, feast, library, methods, table};

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
                match (operation.op, operand) {
                    (UnaryOp::USub, Value::Duration(duration)) => {
                        raised(duration.negated(), expression.range(), scope).map(Value::Duration)?
                    }
                    (operator, operand) => {
                        sign(operator, operand).unwrap_or_else(|| unknown(expression.range(), scope))
                    }
                }
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
            Expr::Yield(given) => {
                let value = given.value.as_ref();
                let value = value.map_or(Ok(Value::None), |value| self.evaluate(value, scope))?;
                self.give(value, given.range, scope)?;
                Value::None
            }
            Expr::YieldFrom(given) => {
                let iterated = self.evaluate(&given.value, scope)?;
                match iterated.items() {
                    Some(items) => items
                        .into_iter()
                        .try_for_each(|item| self.give(item, given.range, scope))?,
                    None => self.give_unknown(iterated.hides()),
                }
                unknown(given.range, scope)
            }
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

    fn attribute(&mut self, attribute: &ExprAttribute, scope: &Rc<Scope>) -> Evaluated<Value> {
        let value = self.evaluate(&attribute.value, scope)?;
        if let Value::Table(_) | Value::Dtypes(_) = &value {
            scope.spend(attribute.range, value.size(LARGEST))?;
        }
        self.attribute_of(&value, attribute.attr.as_str(), attribute.range, scope)
    }

    /// `value.name`.
    pub(super) fn attribute_of(
        &mut self,
        value: &Value,
        name: &str,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        let missing = || {
            let text = format!("'{}' object has no attribute '{name}'", value.type_name());
            scope.raise(range, "AttributeError", text)
        };
        let method = || Value::Method(Rc::new(value.clone()), Rc::from(name));
        Ok(match value {
            Value::Opaque(_) => value.clone(),
            Value::Module(module) => self.attribute_of_module(module, name, range, scope)?,
            Value::FeastEnumeration(enumeration) => feast::member(enumeration, name).ok_or_else(missing)?,
            Value::Class(class) if name == "__name__" && !class.is_instance => Value::text(&class.name),
            Value::Class(class) if class.is_named_tuple => match (name, class.fields.iter().any(|field| field == name))
            {
                ("_fields", _) => Value::tuple(class.fields.iter().map(Value::text).collect()),
                ("_make", _) => method(),
                (_, true) => unknown(range, scope),
                (_, false) => match class.scope.own(name) {
                    Some(known) => known,
                    None => unknown(range, scope),
                },
            },
            Value::Class(class) => match class.attribute(name) {
                Some(Value::Function(function)) => match function.binding.get() {
                    Binding::Nothing => Value::Function(function),
                    Binding::Class => method(),
                    Binding::Property if class.is_instance => {
                        let arguments = CallArguments::positional([value.clone()]);
                        self.call_function(&function, arguments, range, scope)?
                    }
                    Binding::Instance if class.is_instance => method(),
                    Binding::Instance | Binding::Property => Value::Function(function),
                },
                Some(known) => known,
                // `__getattr__` may answer, or a base that is not known.
                None if class.scope.own("__getattr__").is_some() => unknown_hiding(Hides::Perhaps, range, scope),
                None if name.starts_with("__") => unknown(range, scope),
                None if class.is_plain || class.enumeration.is_some() => return Err(missing()),
                None => unknown_hiding(class.hides, range, scope),
            },
            Value::Library(class) => library::attribute(class, name, scope),
            Value::Member(member) if name == "value" && member.enumeration == "ValueType" => unknown(range, scope),
            Value::Member(member) => match (name, member.class.as_ref().and_then(|class| class.scope.own(name))) {
                ("value" | "_value_", None) => member.value.clone(),
                ("name" | "_name_", None) => Value::text(&member.name),
                (_, Some(Value::Function(function))) => self.function_of(value, function, name, range, scope)?,
                (_, Some(known)) => known,
                (_, None) if member.is_its_value() => return self.attribute_of(&member.value, name, range, scope),
                (_, None) => unknown(range, scope),
            },
            Value::Record(record) => match (record.field(name), record.class.scope.own(name)) {
                (Some(known), _) => known.clone(),
                (None, Some(Value::Function(function))) => self.function_of(value, function, name, range, scope)?,
                (None, Some(known)) => known,
                (None, None) if name == "_fields" => {
                    Value::tuple(record.class.fields.iter().map(Value::text).collect())
                }
                (None, None) if ["_asdict", "_replace", "_make", "count", "index"].contains(&name) => method(),
                (None, None) if name.starts_with("__") => unknown(range, scope),
                (None, None) => return Err(missing()),
            },
            Value::Object(object) => match object.attribute(name) {
                Some(known) => {
                    // It stands for the object's own: a change of it would change the object.
                    scope.keep(&known);
                    known
                }
                None if name.starts_with("with_") && object.projection().is_some() => method(),
                None => match (name, object.projection()) {
                    ("projection", Some(projection)) => feast::object(Thing::Projection(projection), range, scope),
                    _ => unknown(range, scope),
                },
            },
            Value::Table(table) => match (name, table.names()) {
                ("columns", Some(names)) => Value::view("Index", names),
                ("dtypes", Some(_)) => Value::Dtypes(Rc::clone(table)),
                // What is set by them may be a new column.
                ("loc" | "iloc" | "at" | "iat", _) => {
                    table.forget();
                    unknown(range, scope)
                }
                (_, Some(_)) if table.dtype(name).is_none_or(|column| column.is_none()) => method(),
                _ => unknown(range, scope),
            },
            Value::Dtypes(table) => match (name, table.names()) {
                ("index", Some(names)) => Value::view("Index", names),
                _ => method(),
            },
            Value::Column(table, column) => match (name, table.dtype(column)) {
                ("dtype", Some(Some(dtype))) => dtype,
                ("name", _) => Value::Text(Rc::clone(column)),
                _ => unknown(range, scope),
            },
            Value::Dtype(dtype) => match name {
                "name" if !table::is_time(dtype) => Value::Text(Rc::clone(dtype)),
                _ => unknown(range, scope),
            },
            Value::View(view) if view.type_name == "Index" && name == "values" => value.clone(),
            Value::Path(path) => methods::path_attribute(path, name).unwrap_or_else(method),
            Value::Duration(duration) => methods::duration_attribute(*duration, name).unwrap_or_else(method),
            Value::Moment(micros) => methods::moment_attribute(*micros, name).unwrap_or_else(method),
            Value::Function(function) if name == "__name__" => Value::text(&function.name),
            Value::FeastClass(class) if name == "__name__" => Value::text(class.name),
            _ => method(),
        })
    }

    /// A function of a class as an attribute of what is made of it.
    fn function_of(
        &mut self,
        value: &Value,
        function: Rc<Function>,
        name: &str,
        range: TextRange,
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        match function.binding.get() {
            Binding::Nothing => Ok(Value::Function(function)),
            Binding::Property => {
                let arguments = CallArguments::positional([value.clone()]);
                self.call_function(&function, arguments, range, scope)
            }
            Binding::Instance | Binding::Class => Ok(Value::Method(Rc::new(value.clone()), Rc::from(name))),
        }
    }

    fn subscript(&mut self, subscript: &ExprSubscript, scope: &Rc<Scope>) -> Evaluated<Value> {
        let value = self.evaluate(&subscript.value, scope)?;
        if let Expr::Slice(slice) = &*subscript.slice {
            return self.slice(&value, slice, subscript.range, scope);
        }
        let index = self.evaluate(&subscript.slice, scope)?;
        if let Value::Table(table) | Value::Dtypes(table) = &value {
            scope.spend(subscript.range, table.len().saturating_mul(index.size(LARGEST)))?;
        }
        let raise = |exception: &str, text: &str| scope.raise(subscript.range, exception, text);
        Ok(match (&value, &index) {
            (Value::Object(object), _) => {
                let Some(projection) = object.projection() else {
                    return Ok(unknown(subscript.range, scope));
                };
                let Value::List(names) = &index else {
                    return Err(raise(
                        "AssertionError",
                        "features of a view are chosen by a list of their names",
                    ));
                };
                let names = names.borrow();
                let names = names.iter().map(|name| name.as_text().map(|name| name.to_string()));
                let Some(names) = names.collect::<Option<Vec<_>>>() else {
                    return Ok(unknown_hiding(Hides::Object, subscript.slice.range(), scope));
                };
                let chosen = projection.choose(names).map_err(|name| {
                    raise(
                        "ValueError",
                        &format!("Feature {name} does not exist in this feature view."),
                    )
                })?;
                feast::object(Thing::Projection(chosen), subscript.range, scope)
            }
            (Value::Dict(members), key) => {
                scope.spend(subscript.range, members.borrow().len() / 16)?;
                let found = member(&members.borrow(), key);
                match (found, &members.kind) {
                    (Some(Some(position)), _) => members.borrow()[position].1.clone(),
                    (Some(None), DictKind::Counter) => Value::Integer(0),
                    (Some(None), DictKind::Default(factory)) if !matches!(factory, Value::None) => {
                        let made = self.call_value(factory, CallArguments::default(), subscript.range, scope)?;
                        self.set_item(&value, index, made.clone(), subscript.range, scope)?;
                        made
                    }
                    (Some(None), _) => return Err(raise("KeyError", &missing_key(key, subscript, scope))),
                    (None, _) => unknown_hiding(value.hides(), subscript.range, scope),
                }
            }
            (Value::Table(table), Value::Text(name)) => match table.dtype(name) {
                Some(Some(_)) => Value::Column(Rc::clone(table), Rc::clone(name)),
                Some(None) => return Err(raise("KeyError", &format!("'{name}'"))),
                None => unknown(subscript.range, scope),
            },
            (Value::Table(table), Value::List(_)) => {
                table.choose(&index).unwrap_or_else(|| unknown(subscript.range, scope))
            }
            (Value::Dtypes(table), Value::Text(name)) => match table.dtype(name) {
                Some(Some(dtype)) => dtype,
                Some(None) => return Err(raise("KeyError", &format!("'{name}'"))),
                None => unknown(subscript.range, scope),
            },
            (Value::Globals, Value::Text(name)) => scope
                .of_module()
                .own(name)
                .ok_or_else(|| raise("KeyError", &format!("'{name}'")))?,
            (Value::View(view), Value::Integer(_)) if !view.has_positions() => unknown(subscript.range, scope),
            (
                Value::List(_) | Value::Tuple(_) | Value::Text(_) | Value::Record(_) | Value::View(_),
                Value::Integer(index),
            ) => {
                let items = value.items().unwrap_or_default();
                scope.spend(subscript.range, items.len() / 16)?;
                let position = position_of(*index, items.len());
                let position = position.ok_or_else(|| raise("IndexError", "list index out of range"))?;
                items[position].clone()
            }
            (Value::FeastEnumeration(enumeration), Value::Text(name)) => {
                feast::member(enumeration, name).ok_or_else(|| raise("KeyError", &format!("'{name}'")))?
            }
            (Value::Class(class), Value::Text(name)) if class.enumeration.is_some() => class
                .attribute(name)
                .ok_or_else(|| raise("KeyError", &format!("'{name}'")))?,
            _ => unknown_hiding(value.hides(), subscript.range, scope),
        })
    }

    fn slice(&mut self, value: &Value, slice: &ExprSlice, range: TextRange, scope: &Rc<Scope>) -> Evaluated<Value> {
        let mut bound = |expression: &Option<Box<Expr>>| match expression {
            None => Ok(Value::None),
            Some(expression) => self.evaluate(expression, scope),
        };
        let (lower, upper, step) = (bound(&slice.lower)?, bound(&slice.upper)?, bound(&slice.step)?);
        let has_positions = match value {
            Value::Dict(_) | Value::Set(_) | Value::Iterator(_) | Value::Table(_) | Value::Dtypes(_) => false,
            Value::View(view) => view.has_positions(),
            _ => true,
        };
        let Some(items) = has_positions.then(|| value.items()).flatten() else {
            return Ok(unknown_hiding(value.hides(), range, scope));
        };
        scope.spend(range, items.len())?;
        let Some(positions) = slice_positions(&lower, &upper, &step, items.len()) else {
            return Ok(unknown_hiding(value.hides(), range, scope));
        };
        let chosen: Vec<Value> = positions
            .into_iter()
            .filter_map(|position| items.get(position).cloned())
            .collect();
        Ok(match value {
            Value::Tuple(_) | Value::Record(_) => Value::tuple(chosen),
            Value::View(view) => Value::view(view.type_name, chosen),
            Value::Text(_) => Value::text(chosen.iter().filter_map(Value::to_text).collect::<String>()),
            _ => Value::list(chosen),
        })
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

/// The positions that a slice of so many items has; `None` when a bound is not known or the step is nothing.
fn slice_positions(lower: &Value, upper: &Value, step: &Value, count: usize) -> Option<Vec<usize>> {
    let length = i64::try_from(count).unwrap_or(i64::MAX);
    let step = match step {
        Value::None => 1,
        Value::Integer(step) if *step != 0 => *step,
        _ => return None,
    };
    // A slice that goes backwards ends before the first item, and starts at the last.
    let (least, most) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |bound: &Value, default: i64| match bound {
        Value::None => Some(default),
        Value::Integer(index) if *index < 0 => Some(index.saturating_add(length).max(least)),
        Value::Integer(index) => Some((*index).min(most)),
        _ => None,
    };
    let (start, end) = if step > 0 { (least, most) } else { (most, least) };
    let (mut position, end) = (bound(lower, start)?, bound(upper, end)?);
    let mut positions = Vec::new();
    while if step > 0 { position < end } else { position > end } {
        positions.extend(usize::try_from(position));
        position = position.saturating_add(step);
    }
    Some(positions)
}

fn missing_key(key: &Value, subscript: &ExprSubscript, scope: &Scope) -> String {
    let key = match key.to_text() {
        Some(text) => format!("'{text}'"),
        None => scope.text(subscript.slice.range()),
    };
    if scope.text(subscript.value.range()).ends_with("environ") {
        format!("{key}, an environment variable that is not set")
    } else {
        key
    }
}
