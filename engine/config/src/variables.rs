//! Environment variables in the text of the settings file, and what they have given of it.

use std::ops::Range;

use serde_json::Value;

/// A text with its variables expanded.
#[derive(Debug)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// Those that were set, in the order of the text.
    variables: Vec<Variable>,
}

/// A variable that was expanded.
#[derive(Debug)]
struct Variable {
    name: String,
    /// Where its value is in the expanded text.
    value: Range<usize>,
    /// Where it was in the text before.
    written: Range<usize>,
}

impl Expanded {
    /// The variables that have given something of a part of the expanded text.
    pub(super) fn variables_in(&self, part: &Range<usize>) -> Vec<&str> {
        let is_in = |value: &Range<usize>| value.start < part.end && part.start < value.end;
        let found = self.variables.iter().filter(|variable| is_in(&variable.value));
        found.map(|variable| variable.name.as_str()).collect()
    }

    /// Where in the text before a place in the expanded text was.
    fn before(&self, place: usize) -> usize {
        let last = self
            .variables
            .iter()
            .take_while(|variable| variable.value.start <= place)
            .last();
        match last {
            None => place,
            Some(variable) if variable.value.contains(&place) => variable.written.start,
            Some(variable) => place - variable.value.end + variable.written.end,
        }
    }

    /// The line, counted from 1, of the file that a place in the expanded text was on. `text` is that of the file.
    pub(super) fn line(&self, place: usize, text: &str) -> usize {
        let before = text.as_bytes().get(..self.before(place)).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

/// `$NAME` and `${NAME}` as Python's `os.path.expandvars`: unset variables stay as they are.
pub(super) fn expand_variables(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Expanded {
    let mut expanded = String::with_capacity(text.len());
    let mut variables = Vec::new();
    let mut rest = text;
    while let Some(position) = rest.find('$') {
        expanded.push_str(&rest[..position]);
        let after = &rest[position + 1..];
        let (name, consumed) = match after.strip_prefix('{') {
            Some(braced) => braced.find('}').map_or(("", 0), |end| (&braced[..end], end + 2)),
            None => {
                let end = after.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
                let name = &after[..end.unwrap_or(after.len())];
                (name, name.len())
            }
        };
        match lookup(name).filter(|_| !name.is_empty()) {
            Some(value) => {
                let (from, at) = (text.len() - rest.len() + position, expanded.len());
                expanded.push_str(&value);
                variables.push(Variable {
                    name: name.to_owned(),
                    value: at..expanded.len(),
                    written: from..from + 1 + consumed,
                });
            }
            None => expanded.push_str(&rest[position..=position + consumed]),
        }
        rest = &after[consumed..];
    }
    expanded.push_str(rest);
    Expanded {
        text: expanded,
        variables,
    }
}

/// Which values still name a variable as `${NAME}`, since it is not set: a line for the operator each.
pub(super) fn unset(root: &Value) -> Vec<String> {
    let (mut found, mut pending) = (Vec::new(), vec![(String::new(), root)]);
    while let Some((path, value)) = pending.pop() {
        match value {
            Value::Object(members) => pending.extend(members.iter().rev().map(|(key, value)| match path.as_str() {
                "" => (key.clone(), value),
                path => (format!("{path}.{key}"), value),
            })),
            Value::Array(items) => {
                let items = items.iter().enumerate().rev();
                pending.extend(items.map(|(index, value)| (format!("{path}[{index}]"), value)));
            }
            Value::String(text) => {
                let names = unset_names(text).into_iter();
                found.extend(names.map(|name| format!("{path} names the variable {name}, which is not set")));
            }
            _ => {}
        }
    }
    found
}

fn unset_names(text: &str) -> Vec<&str> {
    let is_name = |name: &&str| {
        let mut characters = name.chars();
        let first = characters.next();
        first.is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
    };
    let after = text.split("${").skip(1);
    let names = after.filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    names.filter(is_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_are_not_set_are_named_with_their_places() {
        let root = serde_json::json!({
            "registry": "${BUCKET}/registry.db",
            "serving": {"api_keys": [{"name": "a"}, {"hash": "${KEY_1}"}], "max_requests": 7},
            "note": "$5, ${}, ${a b}, ${1st} and ${open",
        });
        let mut lines = unset(&root);
        lines.sort();
        assert_eq!(
            lines,
            [
                "registry names the variable BUCKET, which is not set",
                "serving.api_keys[1].hash names the variable KEY_1, which is not set",
            ]
        );
    }

    #[test]
    fn expands_variables_as_python_does() {
        let lookup = |name: &str| (name == "SET").then(|| "value".to_owned());
        let expand = |text| expand_variables(text, &lookup).text;
        assert_eq!(expand("a $SET b ${SET}/x"), "a value b value/x");
        assert_eq!(
            expand("$UNSET ${UNSET} ${A:-b} $ ${SET"),
            "$UNSET ${UNSET} ${A:-b} $ ${SET"
        );
    }

    #[test]
    fn places_are_those_of_the_file() {
        let text = "a: $LINES\nb: x$EMPTY y\nc: ${SHORT}$SHORT d";
        let lookup = |name: &str| match name {
            "LINES" => Some("[1,\n 2]".to_owned()),
            "EMPTY" => Some(String::new()),
            "SHORT" => Some("s".to_owned()),
            _ => None,
        };
        let expanded = expand_variables(text, &lookup);
        assert_eq!(expanded.text, "a: [1,\n 2]\nb: x y\nc: ss d");
        let check = |part: &str, line: usize, variables: &[&str]| {
            let start = expanded.text.find(part).unwrap();
            assert_eq!(expanded.line(start, text), line, "{part}");
            assert_eq!(expanded.variables_in(&(start..start + part.len())), variables, "{part}");
        };
        check("a:", 1, &[]);
        check("[1", 1, &["LINES"]);
        check("2]", 1, &["LINES"]);
        check("b", 2, &[]);
        check("x y", 2, &["EMPTY"]);
        check("y", 2, &[]);
        check("ss", 3, &["SHORT", "SHORT"]);
        check("d", 3, &[]);
    }
}
