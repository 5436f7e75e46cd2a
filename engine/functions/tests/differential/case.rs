//! One function with its columns, and what is wanted of it.

use feast_functions::Mode;
use serde_json::{Value as Json, json};

use crate::columns::Column;
use crate::grammar::Node;
use crate::name_of;

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) mode: Mode,
    /// All that a function may use. Given to it are those of which it has the name.
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: usize,
    /// What comes before the statements, with `ROW` for the names of the columns and `ZIP` for their values together.
    pub(crate) head: &'static str,
    /// What comes after them, likewise, and with `VALUES` for them one after the other.
    pub(crate) foot: &'static str,
    /// How far the statements are indented.
    pub(crate) indent: &'static str,
    pub(crate) statements: Vec<Node>,
    /// The last statement.
    pub(crate) end: Node,
    /// Names and types.
    pub(crate) outputs: Vec<(String, &'static str)>,
}

impl Case {
    /// The text of the function.
    pub(crate) fn text(&self) -> String {
        let indented = |node: &Node| {
            let text = node.render();
            let lines = text.lines().map(|line| format!("{}{line}\n", self.indent));
            lines.collect::<String>()
        };
        let statements: String = self.statements.iter().chain([&self.end]).map(indented).collect();
        let used: Vec<&str> = self.used().iter().map(|column| column.name).collect();
        let zipped: Vec<String> = used.iter().map(|name| format!("i['{name}']")).collect();
        format!("{}{statements}{}", self.head, self.foot)
            .replace("ROW", &format!("{},", used.join(", ")))
            .replace("VALUES", &zipped.join(", "))
            .replace("ZIP", &format!("zip({})", zipped.join(", ")))
    }

    /// The columns whose name is in the text, and at least one.
    pub(crate) fn used(&self) -> Vec<&Column> {
        let statements = self.statements.iter().chain([&self.end]).map(Node::render);
        let text = statements.collect::<Vec<_>>().join("\n");
        let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
        let words: Vec<&str> = text.split(|letter| !is_letter(letter)).collect();
        let used: Vec<&Column> = self
            .columns
            .iter()
            .filter(|column| words.contains(&column.name))
            .collect();
        match used.is_empty() {
            true => self.columns.iter().take(1).collect(),
            false => used,
        }
    }

    /// As Python's side reads it.
    pub(crate) fn json(&self) -> Json {
        let columns = self.used().into_iter().map(|column| {
            let values = json!({"type": column.type_name, "values": column.values[..self.rows]});
            (column.name.to_owned(), values)
        });
        let outputs = self.outputs.iter().map(|(name, of)| (name.clone(), json!(of)));
        json!({
            "columns": columns.collect::<serde_json::Map<_, _>>(),
            "text": self.text(),
            "mode": name_of(self.mode),
            "outputs": outputs.collect::<serde_json::Map<_, _>>(),
        })
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        let columns = self.used().into_iter().map(|column| {
            let values = Json::Array(column.values[..self.rows].to_vec());
            format!("{} {} = {values}\n", column.type_name, column.name)
        });
        let outputs: Vec<String> = self
            .outputs
            .iter()
            .map(|(name, of)| format!("{name} as {of}"))
            .collect();
        format!(
            "{}{}wanted: {}",
            columns.collect::<String>(),
            self.text(),
            outputs.join(", ")
        )
    }

    /// What two cases have in common that differ in names and constants only.
    pub(crate) fn shape(&self) -> String {
        fn shape(node: &Node, shown: &mut String) {
            if node.operands.is_empty() && node.shape().len() < 12 {
                return;
            }
            shown.push_str(node.shape());
            node.operands.iter().for_each(|operand| shape(operand, shown));
        }
        let mut shown = String::new();
        self.statements
            .iter()
            .chain([&self.end])
            .for_each(|node| shape(node, &mut shown));
        shown
    }
}
