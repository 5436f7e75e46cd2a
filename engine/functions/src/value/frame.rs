//! `pandas.DataFrame`: columns of one length, numbered from 0.

use std::rc::Rc;

use crate::column::{Column, Data};
use crate::program::Text;

#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    columns: Vec<(Text, Rc<Column>)>,
    /// `None` for a frame that nothing with a length was put into.
    rows: Option<usize>,
}

impl Frame {
    pub(crate) fn with_rows(rows: usize) -> Self {
        Self {
            columns: Vec::new(),
            rows: Some(rows),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows.unwrap_or(0)
    }

    /// Whether a column of any length may be put into it.
    pub(crate) fn has_no_rows_yet(&self) -> bool {
        self.rows.is_none()
    }

    pub(crate) fn columns(&self) -> &[(Text, Rc<Column>)] {
        &self.columns
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Rc<Column>> {
        self.columns
            .iter()
            .find(|(known, _)| &**known == name)
            .map(|(_, column)| column)
    }

    /// Puts a column in the place of the one with its name, or behind the others. The first column with a length gives the frame its
    /// rows; columns that were put into it before have missing values then.
    pub(crate) fn set(&mut self, name: Text, column: Rc<Column>) {
        if self.rows.is_none() {
            self.rows = Some(column.len());
            for (_, earlier) in &mut self.columns {
                *earlier = Rc::new(Column::from(Data::Object(vec![
                    super::Value::Float(f64::NAN);
                    column.len()
                ])));
            }
        }
        self.put(name, column);
    }

    /// As [`Frame::set`], of a single value, of which a frame without rows has none.
    pub(crate) fn set_without_rows(&mut self, name: Text) {
        self.put(name, Rc::new(Column::from(Data::Object(Vec::new()))));
    }

    fn put(&mut self, name: Text, column: Rc<Column>) {
        match self.columns.iter_mut().find(|(known, _)| *known == name) {
            Some((_, place)) => *place = column,
            None => self.columns.push((name, column)),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Rc<Column>> {
        let position = self.columns.iter().position(|(known, _)| &**known == name)?;
        Some(self.columns.remove(position).1)
    }
}
