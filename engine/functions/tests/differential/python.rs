//! Functions of python mode: a dict of lists, gone through row by row, or a dict of the values of one row.
//!
//! Kinds of the grammar: `I` an integer, `F` a float, `B` a bool, `S` a text, `T` a point in time, `D` a span, `L` a list of integers,
//! `M` of texts, `G` of floats, `O` of bools, `H` a dict, `Y` bytes, `A` anything; `E` and `C` an integer `e` and a letter `c` inside comprehensions; `Z` a list for all rows.

use std::collections::BTreeMap;

use feast_fixtures::Random;
use feast_functions::Mode;

use crate::case::Case;
use crate::columns::{MAX_ROWS, columns};
use crate::grammar::{Grammar, Node, one_of};
use crate::python_rules::RULES;

fn declared(random: &mut Random, kind: char) -> &'static str {
    let types: &[&str] = match kind {
        'I' => &[
            "Int64",
            "Int64",
            "Int64",
            "Float64",
            "String",
            "Int32",
            "Bool",
            "UnixTimestamp",
        ],
        'F' => &["Float64", "Float64", "Float64", "Int64", "Float32", "String"],
        'B' => &["Bool", "Bool", "Int64", "String"],
        'S' => &["String", "String", "String", "Int64", "Decimal", "Uuid"],
        'T' => &["UnixTimestamp", "UnixTimestamp", "String"],
        'L' => &[
            "Array(Int64)",
            "Array(Int64)",
            "String",
            "Array(Float64)",
            "Array(Int32)",
            "Json",
        ],
        'M' => &["Array(String)", "Array(String)", "String", "Json"],
        'H' => &["Map", "Map", "Json", "String"],
        'G' => &["Array(Float64)", "Array(Float32)", "Array(Float32)"],
        'O' => &["Array(Bool)"],
        'Y' => &["Bytes", "Bytes", "String"],
        _ => &[
            "String",
            "Int64",
            "Float64",
            "Array(Int64)",
            "UnixTimestamp",
            "Bool",
            "Json",
            "Map",
        ],
    };
    one_of(random, types)
}

/// How the result of a row is given, and whether the result is a text in any case.
const RETURNS: [(&str, bool); 8] = [
    ("return @\n", false),
    ("return @\n", false),
    ("try:\n    return @\nexcept @x:\n    return None", false),
    ("try:\n    return @\nexcept Exception:\n    return None", false),
    (
        "try:\n    return repr(@)\nexcept Exception as error:\n    return str(error)",
        true,
    ),
    (
        "try:\n    return str(@)\nexcept Exception as error:\n    return f'{type(error).__name__}: {error}'",
        true,
    ),
    (
        "try:\n    v9 = @\n    return f'{v9}'\nexcept Exception as error:\n    return str(error)",
        true,
    ),
    (
        "try:\n    v9 = @\nexcept @x as error:\n    return str(error)\nelse:\n    return str(v9)\nfinally:\n    pass",
        true,
    ),
];

/// Statements that change a variable of this name, of integers or of anything.
const CHANGES: [&str; 10] = [
    "if @B:\n    NAME = @KIND",
    "if @B:\n    NAME = @KIND\nelse:\n    NAME = @KIND",
    "if @B:\n    NAME = @KIND\nelif @B:\n    NAME = @KIND",
    "try:\n    NAME = @KIND\nexcept @x:\n    NAME = @KIND",
    "for e in @L:\n    if @E == @i:\n        break\n    NAME = @KIND",
    "for k, e in enumerate(@L):\n    if e > @i:\n        continue\n    NAME = @KIND\nelse:\n    NAME = @KIND",
    "NAME @h= @I",
    "NAME += @KIND",
    "while NAME is None:\n    NAME = @i",
    "if NAME is None:\n    return @KIND",
];

fn grammar() -> Grammar {
    let mut grammar = Grammar {
        rules: RULES,
        mixed: &['I', 'F', 'B', 'S', 'T', 'L'],
        names: BTreeMap::new(),
    };
    for (kind, names) in [
        ('I', "ab"),
        ('F', "xy"),
        ('B', "pq"),
        ('S', "su"),
        ('T', "tw"),
        ('L', "lm"),
    ] {
        names.chars().for_each(|name| grammar.name(kind, &name.to_string()));
    }
    grammar
}

const IMPORTS: &str = "def f(i):\n    import math, re, json, datetime\n";
const ROWS: &str = "def f(i):\n    import math, re, json, datetime\n    def g(ROW):\n";

const CALL: &str = "    return {'o': [g(ROW) for ROW in ZIP]}\n";

/// In singleton mode.
const CALL_ONCE: &str = "    return {'o': g(VALUES)}\n";

pub(crate) fn case(random: &mut Random) -> Case {
    let grammar = grammar();
    let (columns, rows) = (columns(random), random.below(MAX_ROWS + 1));
    let kind = one_of(
        random,
        &[
            'I', 'I', 'F', 'F', 'B', 'S', 'S', 'S', 'T', 'D', 'L', 'M', 'A', 'H', 'H', 'G', 'O', 'Y',
        ],
    );
    let style = random.below(8);
    let (statements, end, of) = match style {
        0 => {
            let end = grammar.fill(random, "return {'o': @Z}", 2);
            let kind = one_of(random, &['I', 'F', 'S', 'B', 'T', 'L']);
            let of = declared(random, kind);
            (Vec::new(), end, of)
        }
        1 => {
            let text = format!("return {{'o': [@{kind} for ROW in ZIP]}}");
            (Vec::new(), grammar.fill(random, &text, 3), declared(random, kind))
        }
        2 => {
            let text = format!("o = []\nfor ROW in ZIP:\n    o.append(@{kind})\nreturn {{'o': o}}");
            (Vec::new(), grammar.fill(random, &text, 3), declared(random, kind))
        }
        _ => {
            let (statements, end, of) = body(random, grammar, kind);
            (statements, end, of)
        }
    };
    // A row at a time is for functions that need nothing of the others.
    let is_single = style > 2 && random.below(6) == 0;
    let (head, foot, indent) = match style {
        0..3 => (IMPORTS, "", "    "),
        _ if is_single => (ROWS, CALL_ONCE, "        "),
        _ => (ROWS, CALL, "        "),
    };
    Case {
        mode: if is_single { Mode::Singleton } else { Mode::Python },
        columns,
        rows,
        head,
        foot,
        indent,
        statements,
        end,
        outputs: vec![("o".to_owned(), of)],
    }
}

/// The statements of a function for one row, and what calls it.
fn body(random: &mut Random, mut grammar: Grammar, kind: char) -> (Vec<Node>, Node, &'static str) {
    let mut statements = Vec::new();
    for number in 0..random.below(4).saturating_sub(1) {
        let kind = one_of(random, &['I', 'F', 'S', 'L', 'B', 'M']);
        let name = format!("v{number}");
        let text = match random.below(6) {
            0 => format!("def h{number}(e):\n    return @E\n{name} = h{number}(@I)"),
            _ => format!("{name} = @{kind}"),
        };
        statements.push(grammar.fill(random, &text, 2));
        grammar.name(kind, &name);
        if random.below(2) == 0 {
            let change = one_of(random, &CHANGES)
                .replace("NAME", &name)
                .replace("KIND", &kind.to_string());
            statements.push(grammar.fill(random, &change, 1));
        }
    }
    let (returned, is_text) = one_of(random, &RETURNS);
    let returned = match returned.contains("@x") {
        true => returned.replace("@\n", &format!("@{kind}\n")),
        false => returned.replace('@', &format!("@{kind}")),
    };
    let of = if is_text { "String" } else { declared(random, kind) };
    (statements, grammar.fill(random, &returned, 3), of)
}
