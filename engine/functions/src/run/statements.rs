//! Statements.

use std::rc::Rc;

use super::{Activation, Run};
use crate::program::{Expression, Handler, Statement, Target};
use crate::stop::{Outcome, Stop, raised, type_error, unknown, value_error};
use crate::value::{Exception, ExceptionClass, Value, check_acyclic};

/// How statements have ended.
enum Flow {
    Done,
    Broken,
    Continued,
    Returned(Value),
}

impl Run {
    /// The body of a function, which gives None where it does not return.
    pub(super) fn run_body(&mut self, statements: &[Statement], around: &Rc<Activation>) -> Outcome {
        match self.run(statements, around)? {
            Flow::Returned(value) => Ok(value),
            Flow::Done | Flow::Broken | Flow::Continued => Ok(Value::None),
        }
    }

    fn run(&mut self, statements: &[Statement], around: &Rc<Activation>) -> Outcome<Flow> {
        for statement in statements {
            match self.statement(statement, around)? {
                Flow::Done => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Done)
    }

    fn statement(&mut self, statement: &Statement, around: &Rc<Activation>) -> Outcome<Flow> {
        self.step(1)?;
        match statement {
            Statement::Assign { targets, value } => {
                let value = self.evaluate(value, around)?;
                for target in targets {
                    self.assign(target, value.clone(), around)?;
                }
            }
            Statement::Augment {
                target,
                operator,
                value,
                range,
            } => {
                let augmented = self.augment(target, *operator, value, around);
                augmented.map_err(|stop| stop.at(*range))?;
            }
            Statement::Evaluate(expression) => {
                self.evaluate(expression, around)?;
            }
            Statement::Return(None) => return Ok(Flow::Returned(Value::None)),
            Statement::Return(Some(value)) => return Ok(Flow::Returned(self.evaluate(value, around)?)),
            Statement::If { branches, otherwise } => {
                for (test, body) in branches {
                    if self.test(test, around)? {
                        return self.run(body, around);
                    }
                }
                return self.run(otherwise, around);
            }
            Statement::For {
                target,
                items,
                body,
                otherwise,
            } => return self.repeat_for(target, items, body, otherwise, around),
            Statement::While { test, body, otherwise } => {
                while self.test(test, around)? {
                    match self.run(body, around)? {
                        Flow::Broken => return Ok(Flow::Done),
                        Flow::Done | Flow::Continued => {}
                        returned @ Flow::Returned(_) => return Ok(returned),
                    }
                }
                return self.run(otherwise, around);
            }
            Statement::Break => return Ok(Flow::Broken),
            Statement::Continue => return Ok(Flow::Continued),
            Statement::Raise(raise) => return Err(self.raise(raise.as_ref(), around)?),
            Statement::Try {
                body,
                handlers,
                otherwise,
                finally,
            } => {
                let flow = self.attempt(body, handlers, otherwise, around);
                if let Err(Stop::Unknown(_) | Stop::Exhausted(_)) = flow {
                    return flow;
                }
                return match self.run(finally, around)? {
                    Flow::Done => flow,
                    instead => Ok(instead),
                };
            }
            Statement::Assert { test, message } => {
                if !self.test(test, around)? {
                    let text = match message {
                        Some(message) => self.evaluate(message, around)?.to_text()?,
                        None => String::new(),
                    };
                    return Err(raised(ExceptionClass::of("AssertionError"), text));
                }
            }
            Statement::Define { slot, code } => {
                let function = self.function(code, around)?;
                around.set(*slot, function);
            }
        }
        Ok(Flow::Done)
    }

    fn repeat_for(
        &mut self,
        target: &Target,
        items: &Expression,
        body: &[Statement],
        otherwise: &[Statement],
        around: &Rc<Activation>,
    ) -> Outcome<Flow> {
        let iterated = self.evaluate(items, around)?;
        let items = iterated.items().map_err(|stop| stop.at(items.range))?;
        let count = items.len();
        self.make(count)?;
        for item in items {
            self.step(1)?;
            self.assign(target, item, around)?;
            match self.run(body, around)? {
                Flow::Broken => return Ok(Flow::Done),
                Flow::Done | Flow::Continued => {}
                returned @ Flow::Returned(_) => return Ok(returned),
            }
            // Python goes on with what is in a list by now, and this goes on with what was.
            if let Value::List(now) = &iterated
                && now.borrow().len() != count
            {
                return Err(unknown("changing a list in a loop over it is not known here"));
            }
        }
        self.run(otherwise, around)
    }

    pub(super) fn assign(&mut self, target: &Target, value: Value, around: &Rc<Activation>) -> Outcome<()> {
        if let Value::Iterator(_) | Value::Failing(_) = value {
            return Err(unknown("an iterator that is kept is not known here"));
        }
        match target {
            Target::Variable(slot) => around.set(*slot, value),
            Target::Outer { levels, slot } => match around.outward(*levels) {
                Some(outer) => outer.set(*slot, value),
                None => return Err(unknown("this variable of an outer function is not known")),
            },
            Target::Items(targets) => {
                let items = value.items().map_err(|stop| match stop {
                    Stop::Raised(_) => type_error(format!("cannot unpack non-iterable {} object", value.type_name())),
                    other => other,
                })?;
                let (expected, got) = (targets.len(), items.len());
                if got > expected {
                    return Err(value_error(format!("too many values to unpack (expected {expected})")));
                }
                if got < expected {
                    return Err(value_error(format!(
                        "not enough values to unpack (expected {expected}, got {got})"
                    )));
                }
                for (target, item) in targets.iter().zip(items) {
                    self.assign(target, item, around)?;
                }
            }
            Target::Subscript { object, key } => {
                let range = object.range.cover(key.range);
                let object = self.evaluate(object, around)?;
                let key = self.evaluate(key, around)?;
                self.set_item(&object, &key, value).map_err(|stop| stop.at(range))?;
            }
        }
        Ok(())
    }

    fn augment(
        &mut self,
        target: &Target,
        operator: crate::program::Operator,
        value: &Expression,
        around: &Rc<Activation>,
    ) -> Outcome<()> {
        let before = match target {
            Target::Variable(slot) => around.get(*slot, true)?,
            Target::Outer { levels, slot } => match around.outward(*levels) {
                Some(outer) => outer.get(*slot, false)?,
                None => return Err(unknown("this variable of an outer function is not known")),
            },
            Target::Subscript { object, key } => {
                let object = self.evaluate(object, around)?;
                let key = self.evaluate(key, around)?;
                let before = self.item(&object, &key)?;
                let value = self.evaluate(value, around)?;
                let after = self.augmented(&before, operator, &value)?;
                return self.set_item(&object, &key, after);
            }
            Target::Items(_) => return Err(unknown("this augmented assignment is not known here")),
        };
        let value = self.evaluate(value, around)?;
        let after = self.augmented(&before, operator, &value)?;
        self.assign(target, after, around)
    }

    /// What `+=` gives: lists and sets are changed where they are, and so are columns, which others may hold.
    fn augmented(&mut self, before: &Value, operator: crate::program::Operator, value: &Value) -> Outcome {
        use crate::program::Operator;
        match (before, operator) {
            (Value::List(items), Operator::Add) => {
                let added = value.items()?;
                self.make(added.len())?;
                added.iter().try_for_each(|item| check_acyclic(before, item))?;
                items.borrow_mut().extend(added);
                Ok(before.clone())
            }
            (Value::List(items), Operator::Mult) if value.as_int().is_some() => {
                let Value::List(repeated) = self.binary(before, operator, value)? else {
                    return Err(unknown("this repetition is not known here"));
                };
                let repeated = repeated.borrow().clone();
                *items.borrow_mut() = repeated;
                Ok(before.clone())
            }
            (Value::Set(_) | Value::Dict(_), _) => Err(unknown("changing this in place is not known here")),
            (Value::Series(column) | Value::Array(column), _) if Rc::strong_count(column) > 2 => Err(unknown(
                "changing a column in place that is also held elsewhere is not known here",
            )),
            (Value::Array(_), _) => Err(unknown("changing an array in place is not known here")),
            (Value::Series(_) | Value::Frame(_) | Value::Scalar(_), _) => self.binary(before, operator, value),
            _ => self
                .binary(before, operator, value)
                .map_err(|stop| in_place(stop, operator)),
        }
    }

    fn attempt(
        &mut self,
        body: &[Statement],
        handlers: &[Handler],
        otherwise: &[Statement],
        around: &Rc<Activation>,
    ) -> Outcome<Flow> {
        let exception = match self.run(body, around) {
            Ok(Flow::Done) => return self.run(otherwise, around),
            Err(Stop::Raised(exception)) => Rc::new(*exception),
            ended => return ended,
        };
        for handler in handlers {
            let is_caught = match &handler.classes {
                None => true,
                Some(classes) => {
                    let classes = self.evaluate(classes, around)?;
                    catches(&classes, exception.class)?
                }
            };
            if !is_caught {
                continue;
            }
            if let Some(slot) = handler.slot {
                around.set(slot, Value::Exception(Rc::clone(&exception)));
            }
            self.handled.push(exception);
            let flow = self.run(&handler.body, around);
            self.handled.pop();
            return flow;
        }
        Err(Stop::Raised(Box::new((*exception).clone())))
    }

    /// What `raise` raises.
    fn raise(&mut self, raise: Option<&Expression>, around: &Rc<Activation>) -> Outcome<Stop> {
        let Some(raise) = raise else {
            return Ok(match self.handled.last() {
                Some(exception) => Stop::Raised(Box::new(Exception::clone(exception))),
                None => raised(ExceptionClass::of("RuntimeError"), "No active exception to reraise"),
            });
        };
        let value = self.evaluate(raise, around)?;
        let exception = match &value {
            Value::ExceptionClass(_) => self.call(&value, super::Arguments::default())?,
            other => other.clone(),
        };
        Ok(match exception {
            Value::Exception(exception) => Stop::Raised(Box::new((*exception).clone())),
            _ => type_error("exceptions must derive from BaseException"),
        })
    }
}

fn catches(classes: &Value, class: ExceptionClass) -> Outcome<bool> {
    match classes {
        Value::ExceptionClass(caught) => Ok(class.is_a(*caught)),
        Value::Tuple(classes) => {
            for caught in classes.iter() {
                if catches(caught, class)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Err(type_error(
            "catching classes that do not inherit from BaseException is not allowed",
        )),
    }
}

/// What Python says of an operand that `+=` and the like do not take: it names the whole sign.
fn in_place(stop: Stop, operator: crate::program::Operator) -> Stop {
    match stop {
        Stop::Raised(mut exception) => {
            if let Some(rest) = exception.text.strip_prefix("unsupported operand type(s) for ") {
                let (_, operands) = rest.split_once(": ").unwrap_or(("", rest));
                exception.text = format!("unsupported operand type(s) for {}=: {operands}", operator.as_str());
            }
            Stop::Raised(exception)
        }
        other => other,
    }
}
