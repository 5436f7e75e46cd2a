//! Python functions in the form in which Python Feast keeps a second copy of them: a pickle.
//!
//! Python runs a function's source text and falls back on the pickle, which it makes from the function's byte code. Here
//! there is no byte code, but a pickle may also be a call: this one has Feast itself make the function from its source.
//! It matters where Feast cannot use the text (its search for the end of the decorators stops at a quote in a comment), and
//! for stream views, of which it reads nothing but the pickle.

/// Function of Feast 0.67 that makes a function from its source.
const MODULE: &str = "feast.transformation.udf_rehydrate";
const FUNCTION: &str = "rehydrate_udf_from_source";

/// The pickle of a function with that source text.
pub(super) fn function(text: &str) -> Vec<u8> {
    let source = without_decorators(text);
    let length = u32::try_from(source.len()).unwrap_or(u32::MAX);
    // Protocol 2; the function by its name; one text; a tuple of it; the call; the end.
    let mut pickle = vec![0x80, 2, b'c'];
    pickle.extend(format!("{MODULE}\n{FUNCTION}\n").bytes());
    pickle.push(b'X');
    pickle.extend(length.to_le_bytes());
    pickle.extend(source.bytes());
    pickle.extend([0x85, b'R', b'.']);
    pickle
}

/// The function from its `def` on, at the margin.
fn without_decorators(text: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_start = |line: &&str| line.trim_start().starts_with("def ") || line.trim_start().starts_with("async def ");
    let start = lines.iter().position(is_start).unwrap_or(0);
    let lines = &lines[start..];
    let indent = lines.first().map_or(0, |line| line.len() - line.trim_start().len());
    let at_margin = lines.iter().map(|line| {
        let margin = line.len() - line.trim_start_matches([' ', '\t']).len();
        &line[margin.min(indent)..]
    });
    at_margin.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decorators_and_indentation_are_left_out() {
        let text = "    @view(\n        a=1,  # doesn't end\n    )\n    def f(x):\n        if x:\n            return 1\n\n        return 2\n";
        assert_eq!(
            without_decorators(text),
            "def f(x):\n    if x:\n        return 1\n\n    return 2\n"
        );
    }

    #[test]
    fn the_pickle_calls_feast_with_the_source() {
        let pickle = function("@d\ndef f(): pass\n");
        let source = b"def f(): pass\n";
        let mut expected = b"\x80\x02cfeast.transformation.udf_rehydrate\nrehydrate_udf_from_source\nX".to_vec();
        expected.extend([14, 0, 0, 0]);
        expected.extend(source);
        expected.extend(b"\x85R.");
        assert_eq!(pickle, expected);
    }
}
