//! Python functions in the form in which Python Feast keeps a second copy of them: a pickle.
//!
//! Python runs a function's source text and falls back on the pickle, which it makes from the function's byte code. Here
//! there is no byte code, but a pickle may also be a call: this one has Feast itself make the function from its source.
//! It matters where Feast cannot use the text (its search for the end of the decorators stops at a quote in a comment), and
//! for stream views, of which it reads nothing but the pickle.

use feast_model::Transformation;

/// Protocol 2, and the function of Feast 0.67 that makes a function from its source, by its name.
const OF_FUNCTION: &[u8] = b"\x80\x02cfeast.transformation.udf_rehydrate\nrehydrate_udf_from_source\n";
/// A tuple of the text; the call; the end.
const CALL: &[u8] = b"\x85R.";
/// A lambda has no name by which Feast would find it: Python evaluates it, with the names that Feast gives functions.
const OF_LAMBDA: &[u8] = b"\x80\x02cbuiltins\neval\n";
/// The dict of those names; a tuple of text and dict; the call; the end.
const CALL_WITH_NAMES: &[u8] = b"cfeast.transformation.udf_rehydrate\n_exec_namespace\n)R\x86R.";

/// The pickle of a function.
pub(super) fn function(function: &Transformation) -> Vec<u8> {
    let source = if function.source.is_empty() {
        &function.text
    } else {
        &function.source
    };
    if source.starts_with("lambda") {
        // In brackets it may go over several lines.
        return pickled(OF_LAMBDA, &format!("({source})"), CALL_WITH_NAMES);
    }
    pickled(OF_FUNCTION, &without_decorators(source), CALL)
}

fn pickled(start: &[u8], text: &str, end: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mut pickle = start.to_vec();
    pickle.push(b'X');
    pickle.extend(length.to_le_bytes());
    pickle.extend(text.bytes());
    pickle.extend(end);
    pickle
}

/// The source in a pickle that [`function`] has made; `None` for one of Python's.
pub(super) fn source(pickle: &[u8]) -> Option<String> {
    let text = |start: &[u8], end: &[u8]| {
        let text = pickle.strip_prefix(start)?.strip_suffix(end)?;
        // `X` and the length.
        let text = text.strip_prefix(b"X")?.get(4..)?;
        String::from_utf8(text.to_vec()).ok()
    };
    let lambda = text(OF_LAMBDA, CALL_WITH_NAMES);
    let lambda = lambda.and_then(|lambda| Some(lambda.strip_prefix('(')?.strip_suffix(')')?.to_owned()));
    lambda.or_else(|| text(OF_FUNCTION, CALL))
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

    fn transformation(text: &str, source: &str) -> Transformation {
        Transformation {
            name: "f".to_owned(),
            text: text.to_owned(),
            source: source.to_owned(),
            mode: String::new(),
        }
    }

    #[test]
    fn the_pickle_calls_feast_with_the_source() {
        let pickle = function(&transformation("@d\ndef f(): pass\n", ""));
        let source = b"def f(): pass\n";
        let mut expected = b"\x80\x02cfeast.transformation.udf_rehydrate\nrehydrate_udf_from_source\nX".to_vec();
        expected.extend([14, 0, 0, 0]);
        expected.extend(source);
        expected.extend(b"\x85R.");
        assert_eq!(pickle, expected);
    }

    #[test]
    fn the_source_of_a_pickle_is_what_it_was_made_of() {
        for text in ["def f(): pass\n", "lambda x: x", "lambda df:\n    df * (2)"] {
            assert_eq!(source(&function(&transformation("", text))).as_deref(), Some(text));
        }
        assert_eq!(source(b"\x80\x04\x95\x0e\x00"), None);
        assert_eq!(source(b""), None);
    }
}
