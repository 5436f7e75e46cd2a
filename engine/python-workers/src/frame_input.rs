//! Columns of a frame, as an Arrow stream.
//!
//! Owns which Arrow types make pandas give the columns the dtypes that they have in Feast, which makes Arrow of Python values: numbers
//! are of 64 bits, times in microseconds of UTC, and a column without any value has no type. Must not know requests.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, NullArray, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::ipc::writer::StreamWriter;
use feast_functions::Input;

/// Appends a stream with one batch of all columns, without their second names.
///
/// # Errors
/// What of a column does not fit.
pub(crate) fn write(inputs: &[Input<'_>], rows: usize, into: &mut Vec<u8>) -> Result<(), String> {
    let columns: Vec<ArrayRef> = inputs
        .iter()
        .map(|input| widened(&input.values).map_err(|problem| format!("column {}: {problem}", input.name)))
        .collect::<Result<_, _>>()?;
    let field = |(input, column): (&Input<'_>, &ArrayRef)| Field::new(input.name, column.data_type().clone(), true);
    let fields: Vec<Field> = inputs.iter().zip(&columns).map(field).collect();
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options);
    let written = batch.and_then(|batch| {
        let mut writer = StreamWriter::try_new(into, &schema)?;
        writer.write(&batch)?;
        writer.finish()
    });
    written.map_err(|problem| problem.to_string())
}

fn widened(values: &ArrayRef) -> Result<ArrayRef, String> {
    if values.null_count() == values.len() {
        return Ok(Arc::new(NullArray::new(values.len())));
    }
    let wide = match values.data_type() {
        DataType::Int32 => DataType::Int64,
        DataType::Float32 => DataType::Float64,
        DataType::Timestamp(TimeUnit::Second, _) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::List(_) => return widened_list(values.as_list::<i32>()),
        _ => return Ok(Arc::clone(values)),
    };
    let cast = cast(values, &wide).map_err(|problem| problem.to_string())?;
    match cast.null_count() == values.null_count() {
        true => Ok(cast),
        false => Err("a time is too far away".to_owned()),
    }
}

fn widened_list(lists: &ListArray) -> Result<ArrayRef, String> {
    let items = widened(lists.values())?;
    let item = Arc::new(Field::new("item", items.data_type().clone(), true));
    let lists = ListArray::try_new(item, lists.offsets().clone(), items, lists.nulls().cloned());
    Ok(Arc::new(lists.map_err(|problem| problem.to_string())?))
}
