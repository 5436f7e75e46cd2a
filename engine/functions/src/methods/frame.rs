//! `pandas.DataFrame`.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Table, frame_of};
use crate::column::{Column, Data, Operand};
use crate::program::Text;
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::{Frame, Value};

pub(super) const METHODS: Table = &[
    ("apply", super::apply_of::of_rows),
    ("assign", assign),
    ("copy", copy),
    ("drop", drop_columns),
    ("fillna", fillna),
    ("rename", rename),
];

/// `frame.drop(columns=names)`.
fn drop_columns(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [labels, axis, columns] = bind_named(arguments, ["labels", "axis", "columns"])?;
    let names = match (labels, axis, columns) {
        (None, None, Some(names)) => names,
        (Some(names), Some(axis), None) if is_columns(&axis) => names,
        _ => return Err(unknown("drop() of this is not known here")),
    };
    let names = match &names {
        Value::Text(_) => vec![names],
        Value::List(items) => items.borrow().clone(),
        _ => return Err(unknown("drop() of this is not known here")),
    };
    let mut frame = frame_of(object)?.borrow().clone();
    run.make(frame.columns().len())?;
    for name in &names {
        run.step(frame.columns().len() / 8)?;
        let Value::Text(name) = name else {
            return Err(unknown("drop() of this is not known here"));
        };
        if frame.remove(name).is_none() {
            return Err(unknown("drop() of a column that is not there is not known here"));
        }
    }
    Ok(Value::frame(frame))
}

/// `labels` may stand first; the others are named.
fn bind_named<const COUNT: usize>(arguments: Arguments, names: [&str; COUNT]) -> Outcome<[Option<Value>; COUNT]> {
    match arguments.positional.len() {
        0 | 1 => arguments.bind(names),
        _ => Err(unknown("so many positional arguments are not known here")),
    }
}

fn is_columns(axis: &Value) -> bool {
    match axis {
        Value::Int(axis) => *axis == 1,
        Value::Text(name) => &**name == "columns",
        _ => false,
    }
}

/// `frame.rename(columns={old: new})`.
fn rename(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    if !arguments.positional.is_empty() {
        return Err(unknown("rename() of rows is not known here"));
    }
    let [columns] = arguments.exactly(["columns"])?;
    let Value::Dict(names) = &columns else {
        return Err(unknown("rename() by this is not known here"));
    };
    let names = names.borrow();
    let frame = frame_of(object)?.borrow().clone();
    run.make(frame.columns().len().saturating_add(names.len()))?;
    if frame.has_no_rows_yet() {
        return Err(unknown("rename() of a frame without rows is not known here"));
    }
    let mut renamed = Frame::with_rows(frame.rows());
    for (name, column) in frame.columns() {
        run.step(frame.columns().len() / 8)?;
        let new = match names.get(&Value::Text(Text::clone(name))) {
            Some(Value::Text(new)) => Text::clone(new),
            Some(_) => return Err(unknown("a column's name that is no text is not known here")),
            None => Text::clone(name),
        };
        if renamed.get(&new).is_some() {
            return Err(unknown("two columns of one name are not known here"));
        }
        renamed.set(new, Rc::clone(column));
    }
    Ok(Value::frame(renamed))
}

/// `frame.fillna(value)`, of columns of numbers.
fn fillna(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [value] = arguments.exactly(["value"])?;
    let (Value::Int(_) | Value::Float(_)) = &value else {
        return Err(unknown("fillna() of a frame with this is not known here"));
    };
    let mut frame = frame_of(object)?.borrow().clone();
    run.make(frame.rows().saturating_mul(frame.columns().len()))?;
    for (name, column) in frame.clone().columns() {
        match &column.data {
            Data::Int(_) | Data::Float(_) => {}
            _ => return Err(unknown("fillna() of a frame with such columns is not known here")),
        }
        frame.set(Text::clone(name), Rc::new(crate::column::fill(column, &value)?));
    }
    Ok(Value::frame(frame))
}

fn copy(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [_deep] = arguments.bind(["deep"])?;
    let frame = frame_of(object)?.borrow().clone();
    run.make(frame.columns().len())?;
    Ok(Value::frame(frame))
}

/// `frame.assign(name=column)`: a copy with further columns, each of which sees those before.
fn assign(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    if !arguments.positional.is_empty() {
        return Err(crate::stop::type_error(
            "DataFrame.assign() takes 1 positional argument but 2 were given",
        ));
    }
    let mut frame = frame_of(object)?.borrow().clone();
    for (name, value) in arguments.named {
        let value = match value {
            Value::Function(_) => run.call(&value, Arguments::positional(vec![Value::frame(frame.clone())]))?,
            value => value,
        };
        run.set_column(&mut frame, &name, &value)?;
    }
    Ok(Value::frame(frame))
}

/// `frame.loc[mask, name] = value`.
pub(crate) fn set_where(
    run: &mut Run,
    frame: &Rc<RefCell<Frame>>,
    mask: &Rc<Column>,
    name: &Text,
    value: &Value,
) -> Outcome<()> {
    let mut frame = frame.borrow_mut();
    let rows = frame.rows();
    let (Data::Bool(flags), true) = (&mask.data, mask.len() == rows) else {
        return Err(unknown("these places of a frame are not known here"));
    };
    let Some(column) = frame.get(name).cloned() else {
        return Err(unknown("a new column at some places of a frame is not known here"));
    };
    run.make(rows)?;
    let value = Operand::of(value, rows)?;
    let data = match (&column.data, &value) {
        (Data::Float(values), _) => {
            let replaced = values
                .iter()
                .zip(flags)
                .enumerate()
                .map(|(row, (number, flag))| match flag {
                    true => value.get(row).as_float(),
                    false => Some(*number),
                });
            match replaced.collect::<Option<Vec<_>>>() {
                Some(values) => Data::Float(values),
                None => return Err(unknown("putting this into a column of floats is not known here")),
            }
        }
        _ => return Err(unknown("assigning to places of such a column is not known here")),
    };
    frame.set(Text::clone(name), Rc::new(Column::from(data)));
    Ok(())
}
