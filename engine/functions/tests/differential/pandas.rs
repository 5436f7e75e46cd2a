//! Functions of pandas mode: columns are values.
//!
//! Kinds of the grammar: `N` a column of numbers, `B` of bools, `S` of texts, `T` of points in time, `D` of spans, `L` of lists, `X` of
//! floats that numpy computes to the last digit or so, `R` one number of a column, and `V`, `W` what lambdas over numbers and texts give.

use std::collections::BTreeMap;

use feast_fixtures::Random;
use feast_functions::Mode;

use crate::case::Case;
use crate::columns::{MAX_ROWS, columns};
use crate::grammar::{Grammar, Node, one_of};
use crate::pandas_rules::RULES;

/// The types that a column of a kind may be declared as, the usual ones first and more than once.
fn declared(random: &mut Random, kind: char) -> &'static str {
    let types: &[&str] = match kind {
        'N' | 'R' => &[
            "Float64", "Float64", "Float64", "Int64", "Int64", "Float32", "Int32", "String", "String", "Bool",
        ],
        'X' => &["Float64"],
        'B' => &["Bool", "Bool", "Bool", "Int64", "String", "Float64"],
        'S' => &["String", "String", "String", "String", "Int64"],
        'T' => &["UnixTimestamp", "UnixTimestamp", "String", "Int64"],
        'D' => &["Int64", "String"],
        _ => &[
            "Array(Int64)",
            "Array(Int64)",
            "Array(Float64)",
            "Array(String)",
            "String",
            "Int64",
        ],
    };
    one_of(random, types)
}

const OUTPUT_KINDS: [char; 14] = ['N', 'N', 'N', 'N', 'N', 'B', 'B', 'S', 'S', 'T', 'D', 'L', 'X', 'N'];

fn grammar() -> Grammar {
    let mut grammar = Grammar {
        rules: RULES,
        mixed: &['N', 'B', 'S', 'T'],
        names: BTreeMap::new(),
    };
    for (kind, names) in [('N', "abxy"), ('B', "pq"), ('S', "su"), ('T', "tw"), ('L', "lm")] {
        names
            .chars()
            .for_each(|name| grammar.name(kind, &format!("df['{name}']")));
    }
    grammar.name('N', "df.a");
    grammar
}

pub(crate) fn case(random: &mut Random) -> Case {
    let mut grammar = grammar();
    let mut statements = Vec::new();
    if random.below(3) == 0 {
        statements.push(Node::leaf("df = df.copy()"));
    }
    if random.below(6) == 0 {
        let text = one_of(random, &FRAMES);
        statements.push(grammar.fill(random, text, 1));
    }
    for number in 0..random.below(4).saturating_sub(1) {
        let kind = one_of(random, &['N', 'N', 'B', 'S', 'T', 'D']);
        let name = match random.below(2) {
            0 => format!("v{number}"),
            _ => format!("df['v{number}']"),
        };
        statements.push(grammar.fill(random, &format!("{name} = @{kind}"), 2));
        grammar.name(kind, &name);
        if name.starts_with("df") && random.below(2) == 0 {
            statements.push(change(random, &grammar, &name, kind));
        }
    }
    let (outputs, kinds) = outputs(random);
    let end = end(random, &grammar, &mut statements, &outputs, &kinds);
    Case {
        mode: Mode::Pandas,
        columns: columns(random),
        rows: random.below(MAX_ROWS + 1),
        head: "def f(df):\n",
        foot: "",
        indent: "    ",
        statements,
        end,
        outputs,
    }
}

/// Statements that change the frame or a column `NAME` of it, by the kind of the column.
const CHANGES: [(&str, char); 22] = [
    ("NAME += @N", 'N'),
    ("NAME @j= @n", 'N'),
    ("df.loc[@B, INNER] = @n", 'N'),
    ("df.loc[@B, INNER] = @N", 'N'),
    ("df.loc[NAME > @n, INNER] = @n", 'N'),
    ("df.loc[NAME.isna(), INNER] = @n", 'N'),
    ("if len(df) > 2:\n    NAME = @N", 'N'),
    ("if @R > @n:\n    NAME = @N\nelse:\n    NAME = @n", 'N'),
    ("if 'a' in df.columns:\n    NAME = @N", 'N'),
    ("df.loc[@B, INNER] = @s", 'S'),
    ("df.loc[@S == @s, INNER] = @s", 'S'),
    ("NAME += @s", 'S'),
    ("df.loc[@B, INNER] = True", 'B'),
    ("NAME = NAME.where(@B)", 'N'),
    ("NAME = NAME.fillna(@n)", 'N'),
    ("NAME = NAME.astype(@c)", 'N'),
    ("NAME &= @B", 'B'),
    ("NAME = ~NAME", 'B'),
    ("NAME = NAME.where(@B)", 'S'),
    ("df.loc[df.index[0], INNER] = @n", 'N'),
    ("df = df.assign(NEXT=lambda d: d[INNER] @j @n)\nNAME = df['NEXT']", 'N'),
    (
        "def h(v):\n    if v is None:\n        return @n\n    return @V\nNAME = NAME.apply(h)",
        'N',
    ),
];

/// Statements over the frame.
const FRAMES: [&str; 20] = [
    "df = df.fillna(0)",
    "df = df.fillna({'a': 0, 'x': 2.5, 's': ''})",
    "df[['a', 'b']] = df[['a', 'b']].fillna(0)",
    "df['a'] = df['a'].fillna(@n)",
    "df['x'] = @N",
    "df['s'] = @S",
    "df['p'] = @B",
    "for c in ['a', 'x']:\n    df[c] = df[c].fillna(@n)",
    "for c in ['a', 'b', 'y']:\n    df[c] = df[c] @j @n",
    "df = df.rename(columns={'a': 'b', 'b': 'a'})",
    "df = df.drop(columns=['m'])",
    "df['a'], df['b'] = df['b'], df['a']",
    "k = len(df)",
    "df = df[['a', 'b', 'x', 'y', 'p', 'q', 's', 'u', 't', 'w', 'l', 'm']].copy()",
    "if df['a'].isna().all():\n    df['a'] = @n",
    "if df['a'].isna().any():\n    df['a'] = df['a'].fillna(@n)\nelse:\n    df['b'] = @N",
    "def h(v, k=@n):\n    if pd.isna(v):\n        return @n\n    return @V\ndf['a'] = df['a'].apply(h)\ndf['x'] = df['x'].map(h)",
    "def h(v, k):\n    try:\n        return v @j k\n    except @E:\n        return @n\ndf['a'] = [h(v, k) for v, k in zip(@N, @N)]",
    "def h(r):\n    if r['@g'] is None:\n        return @n\n    return r['@g'] @j @n\ndf['x'] = df.apply(h, axis=1)",
    "df['s'] = [f'{v}-{k}' for v, k in zip(@N, @S)]",
];

/// A statement that changes a column of the frame.
fn change(random: &mut Random, grammar: &Grammar, name: &str, kind: char) -> Node {
    let inner = name.trim_start_matches("df[").trim_end_matches(']');
    let fitting: Vec<&str> = CHANGES
        .iter()
        .filter(|(_, of)| *of == kind)
        .map(|(text, _)| *text)
        .collect();
    let text = match fitting.is_empty() {
        true => "NAME = NAME.shift(1)",
        false => one_of(random, &fitting),
    };
    let next = format!("n{}", inner.trim_matches('\''));
    grammar.fill(
        random,
        &text
            .replace("NAME", name)
            .replace("INNER", inner)
            .replace("NEXT", &next),
        1,
    )
}

/// Names and types of one or two outputs, and the kinds of what is in them.
fn outputs(random: &mut Random) -> (Vec<(String, &'static str)>, Vec<char>) {
    let names = if random.below(4) == 0 { &["o", "z"][..] } else { &["o"] };
    let kinds: Vec<char> = names.iter().map(|_| one_of(random, &OUTPUT_KINDS)).collect();
    let outputs = names.iter().zip(&kinds);
    let outputs = outputs
        .map(|(name, kind)| ((*name).to_owned(), declared(random, *kind)))
        .collect();
    (outputs, kinds)
}

/// What gives the outputs: in the frame itself, in a new one, in a dict, or by `assign()`.
fn end(
    random: &mut Random,
    grammar: &Grammar,
    statements: &mut Vec<Node>,
    outputs: &[(String, &'static str)],
    kinds: &[char],
) -> Node {
    let pairs: Vec<(&str, char)> = outputs
        .iter()
        .map(|(name, _)| name.as_str())
        .zip(kinds.iter().copied())
        .collect();
    let style = random.below(4);
    let frame = match style {
        0 => "df",
        1 => {
            statements.push(Node::leaf("out = pd.DataFrame()"));
            "out"
        }
        _ => {
            let member = |(name, kind): &(&str, char)| match style {
                2 => format!("'{name}': @{kind}"),
                _ => format!("{name}=@{kind}"),
            };
            let members = pairs.iter().map(member).collect::<Vec<_>>().join(", ");
            let text = match style {
                2 => format!("return pd.DataFrame({{{members}}})"),
                _ => format!("return df.assign({members})"),
            };
            return grammar.fill(random, &text, 3);
        }
    };
    for (name, kind) in pairs {
        statements.push(grammar.fill(random, &format!("{frame}['{name}'] = @{kind}"), 3));
    }
    Node::leaf(&format!("return {frame}"))
}
