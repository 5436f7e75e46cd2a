//! Regular expressions: what Python may read in another way is refused, and what takes too much ends with an error.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use feast_functions::{Budget, Failure, Function, Input, Mode, Output};
use feast_model::ValueType;

/// Runs statements in python mode over a text `x`, whose last one sets `o`.
fn run(text: &str, statements: &str) -> Result<Vec<(usize, ArrayRef)>, Failure> {
    let body: String = statements.lines().map(|line| format!("    {line}\n")).collect();
    let function = format!("def f(i):\n    import re, json\n    x = i['x'][0]\n{body}    return {{'o': [str(o)]}}\n");
    let function = Function::compile("", &function, Mode::Python).unwrap_or_else(|refusal| panic!("{refusal}"));
    let inputs = [Input {
        name: "x",
        twin: None,
        value_type: &ValueType::String,
        values: Arc::new(StringArray::from(vec![text])),
    }];
    let outputs = [Output {
        name: "o",
        value_type: &ValueType::String,
    }];
    function.call(&inputs, &outputs, 1, Budget::Full)
}

#[test]
fn what_python_reads_differently_is_refused() {
    for (text, statement) in [
        ("ab", r"o = re.findall('x*', x)"),
        ("ab", r"o = re.sub('a|', '-', x)"),
        ("ab", r"o = re.search('(a)\\1', x)"),
        ("ab", r"o = re.search('a(?=b)', x)"),
        ("ab", r"o = re.search('(?:(a)|b)*', x)"),
        ("ab", r"o = re.search('(a*)*', x)"),
        ("ab", r"o = re.search('a++', x)"),
        ("a\n", r"o = re.search('a$', x)"),
        ("²", r"o = re.search(r'\b', x)"),
        ("\u{301}", r"o = re.search(r'\w', x)"),
        ("\u{212a}", r"o = re.search('k', x, re.I)"),
        ("ab", r"o = re.search('(?m)^a', x)"),
        ("ab", r"o = re.sub('a', r'\q', x)"),
    ] {
        let outcome = run(text, statement);
        assert!(
            matches!(outcome, Err(Failure::NotKnown(_))),
            "{statement} of {text:?}: {outcome:?}"
        );
    }
}

#[test]
fn matches_are_those_of_python() {
    for (text, statement, expected) in [
        ("x²y", r"o = re.findall(r'\w+', x)", "['x²y']"),
        ("a\u{1c}b", r"o = re.split(r'\s', x)", "['a', 'b']"),
        ("ab12", r"o = re.sub(r'([a-z])(\d)', r'\2\g<1>', x)", "a1b2"),
        ("žluť 42", r"o = re.search(r'\d+$', x).span()", "(5, 7)"),
        ("aab", r"o = re.findall('(a)(b)?', x)", "[('a', ''), ('a', 'b')]"),
    ] {
        let outcome = run(text, statement).unwrap();
        assert_eq!(outcome[0].1.as_string::<i32>().value(0), expected, "{statement}");
    }
}

#[test]
fn work_is_bounded() {
    let text = "a".repeat(50_000);
    for statement in [
        "while True:\n    o = re.search('(?:a?){200}a{200}b', x)",
        "while True:\n    o = re.findall('a', x)",
        "while True:\n    o = re.sub('a', 'bbbbbbbb', x)",
        "while True:\n    o = re.findall('a[^b]*b|a', x)",
        "k = 0\nwhile True:\n    k = k + 1\n    o = re.search('[a-z]b' + str(k), 'x')",
        "while True:\n    o = json.loads('[' + x.replace('a', '1,') + '1]')",
    ] {
        let outcome = run(&text, statement);
        assert!(
            matches!(outcome, Err(Failure::Exhausted(_) | Failure::NotKnown(_))),
            "{statement}: {outcome:?}"
        );
    }
}
