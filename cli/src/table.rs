//! Aligned columns, in the plain form that Feast prints.

/// How much wider than its header a column is at least.
const HEADER_PADDING: usize = 2;

/// Rows under headers. Every row has as many cells as there are headers.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(headers: &[&str]) -> Self {
        Self {
            rows: vec![headers.iter().map(|header| (*header).to_owned()).collect()],
        }
    }

    pub(crate) fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// The same with lines around each cell, as Feast prints some tables. For cells of one line.
    pub(crate) fn grid(&self) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let rule = |mark: &str| {
            let parts = widths.iter().map(|width| mark.repeat(width + 2));
            format!("+{}+\n", parts.collect::<Vec<_>>().join("+"))
        };
        let mut grid = rule("-");
        for (index, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} "));
            grid += &format!("|{}|\n", cells.collect::<Vec<_>>().join("|"));
            grid += &rule(if index == 0 { "=" } else { "-" });
        }
        grid
    }

    /// Left-aligned cells with two spaces between columns, whose minimum widths are Feast's. A row with a cell of several lines
    /// takes as many lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let lines = cells.flat_map(|cell| cell.lines());
            let longest = lines.map(|line| line.chars().count()).max().unwrap_or(0);
            let header = self.rows.first().and_then(|row| row.get(column));
            longest.max(header.map_or(0, |header| header.chars().count() + HEADER_PADDING))
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>, index: usize| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| {
                let part = cell.lines().nth(index).unwrap_or_default();
                format!("{part:<width$}")
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let lines_of = |row: &Vec<String>| row.iter().map(|cell| cell.lines().count()).max().unwrap_or(0).max(1);
        let rows = self.rows.iter();
        rows.flat_map(|row| (0..lines_of(row)).map(|index| line(row, index)).collect::<Vec<_>>())
            .collect()
    }
}
