//! Environment variables in the text of the settings file.

/// `$NAME` and `${NAME}` as Python's `os.path.expandvars`: unset variables stay as they are.
pub(super) fn expand_variables(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
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
            Some(value) => expanded.push_str(&value),
            None => expanded.push_str(&rest[position..=position + consumed]),
        }
        rest = &after[consumed..];
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_variables_as_python_does() {
        let lookup = |name: &str| (name == "SET").then(|| "value".to_owned());
        let expand = |text| expand_variables(text, &lookup);
        assert_eq!(expand("a $SET b ${SET}/x"), "a value b value/x");
        assert_eq!(
            expand("$UNSET ${UNSET} ${A:-b} $ ${SET"),
            "$UNSET ${UNSET} ${A:-b} $ ${SET"
        );
    }
}
