//! Python functions in the form in which Python Feast keeps a second copy of them: a pickle.
//!
//! Python runs a function's source text and falls back on the pickle, which it makes from the function's byte code. Here
//! there is no byte code, but a pickle may also be a call: this one has Feast itself make the function from its source.
//! It matters where Feast cannot use the text (its search for the end of the decorators stops at a quote in a comment), and
//! for stream views, of which it reads nothing but the pickle.
//!
//! A function that uses names of its module has them in its pickle too, as Python that binds them. Feast's text has no place for
//! them, and Feast compares texts.

use feast_model::{MissingName, ModuleNames, Transformation};

/// Protocol 2, and the function of Feast 0.67 that makes a function from its source, by its name.
const OF_FUNCTION: &[u8] = b"\x80\x02cfeast.transformation.udf_rehydrate\nrehydrate_udf_from_source\n";
/// A tuple of the text; the call; the end.
const CALL: &[u8] = b"\x85R.";
/// A lambda has no name by which Feast would find it: Python evaluates it, with the names that Feast gives functions.
const OF_LAMBDA: &[u8] = b"\x80\x02cbuiltins\neval\n";
/// The dict of those names; a tuple of text and dict; the call; the end.
const CALL_WITH_NAMES: &[u8] = b"cfeast.transformation.udf_rehydrate\n_exec_namespace\n)R\x86R.";

/// With names of the module: protocol 2, and a dict of those that Feast gives functions, noted as the first value of the pickle.
const OF_MODULE: &[u8] = b"\x80\x02cfeast.transformation.udf_rehydrate\n_exec_namespace\n)Rq\x000";
/// Python runs a text, which binds names in the dict.
const EXECUTE: &[u8] = b"cbuiltins\nexec\n";
/// A tuple of text and dict; the call; what it returns is let go.
const IN_NAMES: &[u8] = b"h\x00\x86R0";
/// The value of a text.
const EVALUATE: &[u8] = b"cbuiltins\neval\n";
/// A tuple of text and dict; the call; the end.
const AMONG_NAMES: &[u8] = b"h\x00\x86R.";
/// Feast does not evaluate annotations either.
const NO_ANNOTATIONS: &str = "from __future__ import annotations\n";
/// A line of the module's text that only this binary reads.
const MISSING: &str = "# missing ";

/// The pickle of a function.
pub(super) fn function(function: &Transformation) -> Vec<u8> {
    let source = if function.source.is_empty() {
        &function.text
    } else {
        &function.source
    };
    // In brackets a lambda may go over several lines.
    let lambda = source.starts_with("lambda").then(|| format!("({source})"));
    let names = function.module_names.as_ref().filter(|names| !names.is_empty());
    match (lambda, names) {
        (Some(lambda), None) => pickled(OF_LAMBDA, &lambda, CALL_WITH_NAMES),
        (None, None) => pickled(OF_FUNCTION, &without_decorators(source), CALL),
        (Some(lambda), Some(names)) => [of_module(names), pickled(EVALUATE, &lambda, AMONG_NAMES)].concat(),
        (None, Some(names)) => {
            let text = format!("{NO_ANNOTATIONS}{}", without_decorators(source));
            let defined = pickled(EXECUTE, &text, IN_NAMES);
            [
                of_module(names),
                defined,
                pickled(EVALUATE, &function.name, AMONG_NAMES),
            ]
            .concat()
        }
    }
}

/// The part of a pickle that binds names of the module.
fn of_module(names: &ModuleNames) -> Vec<u8> {
    let missing = names.missing.iter();
    let missing: String = missing
        .map(|missing| format!("{MISSING}{}: {}\n", missing.name, missing.reason.replace('\n', " ")))
        .collect();
    let text = format!("{NO_ANNOTATIONS}{missing}{}", names.text);
    [OF_MODULE.to_vec(), pickled(EXECUTE, &text, IN_NAMES)].concat()
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

/// Takes one text with what stands around it from the start of a pickle.
fn take_text<'a>(pickle: &mut &'a [u8], start: &[u8], end: &[u8]) -> Option<&'a str> {
    let rest = pickle.strip_prefix(start)?.strip_prefix(b"X")?;
    let (length, rest) = rest.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    *pickle = rest.strip_prefix(end)?;
    std::str::from_utf8(text).ok()
}

/// The text that binds names of the module, and the rest of the pickle.
fn split_module(pickle: &[u8]) -> Option<(&str, &[u8])> {
    let mut rest = pickle.strip_prefix(OF_MODULE)?;
    let text = take_text(&mut rest, EXECUTE, IN_NAMES)?;
    Some((text.strip_prefix(NO_ANNOTATIONS)?, rest))
}

/// The names of the module in a pickle that [`function`] has made; `None` for one of Python's.
pub(super) fn module_names(pickle: &[u8]) -> Option<ModuleNames> {
    let Some((mut text, _)) = split_module(pickle) else {
        return source(pickle).map(|_| ModuleNames::default());
    };
    let mut missing = Vec::new();
    while let Some((line, rest)) = text.strip_prefix(MISSING).and_then(|text| text.split_once('\n')) {
        let (name, reason) = line.split_once(": ")?;
        missing.push(MissingName {
            name: name.to_owned(),
            reason: reason.to_owned(),
        });
        text = rest;
    }
    Some(ModuleNames {
        text: text.to_owned(),
        missing,
    })
}

/// The source in a pickle that [`function`] has made; `None` for one of Python's.
pub(super) fn source(pickle: &[u8]) -> Option<String> {
    let whole = |start: &[u8], end: &[u8], mut pickle: &[u8]| {
        let text = take_text(&mut pickle, start, end)?.to_owned();
        pickle.is_empty().then_some(text)
    };
    let lambda = |start, end, pickle| {
        let lambda = whole(start, end, pickle)?;
        Some(lambda.strip_prefix('(')?.strip_suffix(')')?.to_owned())
    };
    if let Some((_, mut rest)) = split_module(pickle) {
        return lambda(EVALUATE, AMONG_NAMES, rest).or_else(|| {
            let text = take_text(&mut rest, EXECUTE, IN_NAMES)?;
            Some(text.strip_prefix(NO_ANNOTATIONS)?.to_owned())
        });
    }
    lambda(OF_LAMBDA, CALL_WITH_NAMES, pickle).or_else(|| whole(OF_FUNCTION, CALL, pickle))
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
            module_names: None,
        }
    }

    fn with_names(text: &str, source: &str, module: &str) -> Transformation {
        let missing = MissingName {
            name: "model".to_owned(),
            reason: "whose value is not plain data".to_owned(),
        };
        Transformation {
            module_names: Some(ModuleNames {
                text: module.to_owned(),
                missing: vec![missing],
            }),
            ..transformation(text, source)
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

    #[test]
    fn names_of_the_module_are_read_back() {
        let module = "import math\nRATES = {'é': 0.5}\n\ndef g(x):\n    return x\n";
        for text in ["def f(x):\n    return g(x)\n", "lambda x: g(x)"] {
            let stored = with_names("", text, module);
            let pickle = function(&stored);
            assert_eq!(source(&pickle).as_deref(), Some(text));
            assert_eq!(module_names(&pickle), stored.module_names);
        }
    }

    #[test]
    fn a_function_without_names_has_none_and_one_of_python_says_nothing() {
        let pickle = function(&transformation("def f(): pass\n", ""));
        assert_eq!(module_names(&pickle), Some(ModuleNames::default()));
        assert_eq!(module_names(b"\x80\x04\x95\x0e\x00"), None);
        assert_eq!(module_names(b""), None);
        let whole = function(&with_names("lambda x: A", "", "A = 1\n"));
        assert!((0..whole.len()).all(|length| source(&whole[..length]).is_none()));
    }

    /// What Python makes of pickles: `dill.loads` as Feast calls it, then a call with an argument.
    fn called_by_python(calls: &[(Vec<u8>, &str)]) -> Option<Vec<String>> {
        let python = std::env::var_os("FEAST_PYTHON")?;
        let script = "import sys, dill\nfor pickle, argument in zip(sys.argv[1::2], sys.argv[2::2]):\n    \
                      print(repr(dill.loads(bytes.fromhex(pickle))(eval(argument))))\n";
        let hex = |pickle: &[u8]| pickle.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let output = std::process::Command::new(python)
            .args(["-c", script])
            .args(
                calls
                    .iter()
                    .flat_map(|(pickle, argument)| [hex(pickle), (*argument).to_owned()]),
            )
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answers = String::from_utf8(output.stdout).unwrap();
        Some(answers.lines().map(str::to_owned).collect())
    }

    #[expect(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
    #[test]
    fn python_calls_the_function_with_its_helpers() {
        let module = "import math\nfrom datetime import timedelta as td\nRATES = {'é': 0.5}\nLIMIT = 2\n\
                      def twice(x: Unknown) -> Unknown:\n    return helper(x) * 2\n\
                      def helper(x, limit=LIMIT):\n    return max(math.floor(x), limit) + RATES['é']\n";
        let decorated = "@on_demand_feature_view(\n    a=1,  # doesn't end\n)\n\
                         def f(df: DataFrame, k=LIMIT) -> DataFrame:\n    return [twice(df), k, td(days=1).days]\n";
        let cases = [
            (with_names(decorated, "", module), "3.7", "[7.0, 2, 1]"),
            (with_names("", "lambda x:\n    twice(x)", module), "1", "5.0"),
            (with_names("def f(x):\n    return x + 1\n", "", ""), "1", "2"),
        ];
        let calls: Vec<_> = cases
            .iter()
            .map(|(stored, argument, _)| (function(stored), *argument))
            .collect();
        match called_by_python(&calls) {
            Some(answers) => assert_eq!(answers, cases.map(|(_, _, expected)| expected)),
            None => eprintln!("skipped: FEAST_PYTHON is not set"),
        }
    }
}
