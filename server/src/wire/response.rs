//! Feature vectors as the JSON of `/get-online-features`, in either layout.

use std::sync::Arc;

use feast_engine::model::Timestamp;
use feast_engine::{FeatureColumn, FeatureVectors, FieldStatus};

use super::json::{JsonColumn, write_integer, write_list, write_text, write_time};

/// What one item of `results` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// An entity: its value of each feature.
    Rows,
    /// A feature: its value for each entity.
    Columns,
}

impl Layout {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Columns => "columns",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Rows, Self::Columns]
            .into_iter()
            .find(|layout| layout.name() == name)
    }
}

/// A column with its event times, which all columns of a view share, already as JSON texts.
struct WireColumn<'a> {
    column: &'a FeatureColumn,
    values: JsonColumn<'a>,
    times: Arc<TimeTexts>,
}

/// JSON texts of event times, end to end.
struct TimeTexts {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl TimeTexts {
    fn new(times: &[Timestamp]) -> Self {
        let mut texts = Self {
            text: Vec::with_capacity(times.len() * 22),
            ends: Vec::with_capacity(times.len()),
        };
        for time in times {
            write_time(*time, &mut texts.text);
            texts.ends.push(texts.text.len());
        }
        texts
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        out.extend_from_slice(&self.text[start..self.ends[row]]);
    }
}

/// Buffers of larger answers grow as they are written.
const FIRST_CAPACITY: usize = 16 << 20;

/// The body of an answer: `results` in that layout, then `metadata` with the columns' names and, if they are given, the
/// views' names and versions.
pub(crate) fn write_feature_vectors(
    vectors: &FeatureVectors,
    layout: Layout,
    view_versions: Option<&[(&str, i32)]>,
) -> Vec<u8> {
    let columns = wire_columns(&vectors.columns);
    let mut out = Vec::with_capacity((64 + vectors.rows * columns.len() * 48).min(FIRST_CAPACITY));
    out.extend_from_slice(b"{\"results\":");
    match layout {
        Layout::Columns => write_list(columns.iter(), &mut out, |column, out| {
            let rows = || 0..vectors.rows;
            write_result(
                out,
                |out| write_list(rows(), out, |row, out| column.values.write(row, out)),
                |out| write_list(rows(), out, |row, out| write_status(column.column.statuses[row], out)),
                |out| write_list(rows(), out, |row, out| column.times.write(row, out)),
            );
        }),
        Layout::Rows => write_list(0..vectors.rows, &mut out, |row, out| {
            write_result(
                out,
                |out| write_list(columns.iter(), out, |column, out| column.values.write(row, out)),
                |out| {
                    write_list(columns.iter(), out, |column, out| {
                        write_status(column.column.statuses[row], out)
                    })
                },
                |out| write_list(columns.iter(), out, |column, out| column.times.write(row, out)),
            );
        }),
    }
    out.extend_from_slice(b",\"metadata\":{\"feature_names\":");
    write_list(vectors.columns.iter(), &mut out, |column, out| {
        write_text(&column.name, out)
    });
    if let Some(versions) = view_versions {
        out.extend_from_slice(b",\"feature_view_metadata\":");
        write_list(versions.iter(), &mut out, |(name, version), out| {
            out.extend_from_slice(b"{\"name\":");
            write_text(name, out);
            // As in protobuf's JSON, zero is left out.
            if *version != 0 {
                out.extend_from_slice(b",\"version\":");
                write_integer(*version, out);
            }
            out.push(b'}');
        });
    }
    out.extend_from_slice(b"}}");
    out
}

fn wire_columns(columns: &[FeatureColumn]) -> Vec<WireColumn<'_>> {
    let mut wired: Vec<WireColumn<'_>> = Vec::with_capacity(columns.len());
    for column in columns {
        let shared = wired
            .last()
            .filter(|last| Arc::ptr_eq(&last.column.event_times, &column.event_times));
        let times = shared.map_or_else(
            || Arc::new(TimeTexts::new(&column.event_times)),
            |last| Arc::clone(&last.times),
        );
        wired.push(WireColumn {
            column,
            values: JsonColumn::new(&column.values, &column.value_type),
            times,
        });
    }
    wired
}

fn write_result(
    out: &mut Vec<u8>,
    values: impl FnOnce(&mut Vec<u8>),
    statuses: impl FnOnce(&mut Vec<u8>),
    event_timestamps: impl FnOnce(&mut Vec<u8>),
) {
    out.extend_from_slice(b"{\"values\":");
    values(out);
    out.extend_from_slice(b",\"statuses\":");
    statuses(out);
    out.extend_from_slice(b",\"event_timestamps\":");
    event_timestamps(out);
    out.push(b'}');
}

fn write_status(status: FieldStatus, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(status.name().as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Float32Array, Int64Array};
    use feast_engine::model::ValueType;

    use super::*;

    fn vectors() -> FeatureVectors {
        let column =
            |name: &str, value_type, values: ArrayRef, statuses: [FieldStatus; 2], times: [i64; 2]| FeatureColumn {
                name: name.to_owned(),
                value_type,
                values,
                statuses: statuses.to_vec(),
                event_times: times.map(Timestamp::from_micros).into(),
            };
        let present = [FieldStatus::Present; 2];
        let key: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let rate: ArrayRef = Arc::new(Float32Array::from(vec![Some(0.1), None]));
        let columns = vec![
            column("id", ValueType::Int64, key, present, [0, 0]),
            column(
                "rate",
                ValueType::Float32,
                rate,
                [FieldStatus::Present, FieldStatus::NotFound],
                [1_000_000, 0],
            ),
        ];
        FeatureVectors { columns, rows: 2 }
    }

    fn check(layout: Layout, expected: &str) {
        assert_eq!(
            String::from_utf8(write_feature_vectors(&vectors(), layout, None)).unwrap(),
            expected
        );
    }

    #[test]
    fn versions_of_views_are_metadata() {
        let text = write_feature_vectors(&vectors(), Layout::Columns, Some(&[("first", 0), ("changed", 2)]));
        let answer: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(
            answer["metadata"]["feature_view_metadata"],
            serde_json::json!([{"name": "first"}, {"name": "changed", "version": 2}])
        );
    }

    #[test]
    fn one_result_a_feature() {
        check(
            Layout::Columns,
            concat!(
                r#"{"results":[{"values":[1,2],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},"#,
                r#"{"values":[0.10000000149011612,null],"statuses":["PRESENT","NOT_FOUND"],"event_timestamps":["1970-01-01T00:00:01Z","1970-01-01T00:00:00Z"]}],"#,
                r#""metadata":{"feature_names":["id","rate"]}}"#,
            ),
        );
    }

    #[test]
    fn one_result_an_entity() {
        check(
            Layout::Rows,
            concat!(
                r#"{"results":[{"values":[1,0.10000000149011612],"statuses":["PRESENT","PRESENT"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:01Z"]},"#,
                r#"{"values":[2,null],"statuses":["PRESENT","NOT_FOUND"],"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]}],"#,
                r#""metadata":{"feature_names":["id","rate"]}}"#,
            ),
        );
    }
}
