//! Functions of pandas mode: columns are values.
//!
//! Kinds of the grammar: `N` a column of numbers, `B` of bools, `S` of texts, `T` of points in time, `D` of spans, `L` of lists, `X` of
//! floats that numpy computes to the last digit or so, `R` one number of a column, and `V`, `W` what lambdas over numbers and texts give.

use std::collections::BTreeMap;

use feast_fixtures::Random;
use feast_functions::Mode;

use crate::case::Case;
use crate::columns::{MAX_ROWS, columns};
use crate::grammar::{Grammar, Node, Rules, one_of};

const RULES: Rules = &[
    (
        'n',
        &[
            "0",
            "1",
            "-1",
            "2",
            "3",
            "0.5",
            "2.5",
            "-0.1",
            "10",
            "7",
            "100",
            "1.0",
            "0.0",
            "-3",
            "1e308",
            "9007199254740993",
        ],
    ),
    ('i', &["0", "1", "2", "3", "-1", "-2", "7", "5", "12"]),
    ('d', &["0", "1", "2", "3", "-1"]),
    ('e', &["0", "1", "2", "3", "0.5", "-1"]),
    (
        's',
        &["''", "'a'", "'b'", "' '", "'x'", "'12'", "'A'", "'ab'", "'ß'", "','"],
    ),
    (
        'r',
        &[
            "'a'", "r'\\d'", "r'\\d+'", "'[a-c]'", "r'\\s'", "'^a'", "'b$'", "'.'", "r'\\w+'",
        ],
    ),
    (
        'c',
        &[
            "'int64'",
            "float",
            "int",
            "'float64'",
            "'float32'",
            "'int32'",
            "bool",
            "str",
        ],
    ),
    ('f', &["'h'", "'D'", "'min'", "'15min'", "'s'"]),
    ('o', &["==", "!=", "<", "<=", ">", ">="]),
    ('j', &["+", "-", "*", "/", "//", "%"]),
    (
        'm',
        &[
            "{0: 1, 1: 2}",
            "{1: 10.5, 2: 20.0}",
            "{7: 'a', 1: 'b'}",
            "{1: None, 2: 3}",
            "{2.5: 1}",
        ],
    ),
    (
        'N',
        &[
            "@N @j @N",
            "@N @j @n",
            "@n @j @N",
            "@N @j @B",
            "@B @j @n",
            "@N @j @R",
            "@N ** @e",
            "-@N",
            "abs(@N)",
            "@N.abs()",
            "@N.fillna(@n)",
            "@N.fillna(@N)",
            "@N.fillna(@R)",
            "@N.clip(@n, @n)",
            "@N.clip(lower=@n)",
            "@N.clip(upper=@n)",
            "@N.where(@B, @n)",
            "@N.where(@B)",
            "@N.where(@B, @N)",
            "@N.mask(@B, @n)",
            "@N.mask(@B)",
            "@N.mask(@B, @N)",
            "np.where(@B, @N, @n)",
            "np.where(@B, @n, @n)",
            "np.where(@B, @N, @N)",
            "np.select([@B, @B], [@N, @n], default=@n)",
            "np.select([@B, @B], [@n, @n], default=@n)",
            "np.minimum(@N, @N)",
            "np.maximum(@N, @n)",
            "np.fmax(@N, @N)",
            "np.fmin(@N, @n)",
            "@B.astype(int)",
            "@B.astype(float)",
            "@N.astype(@c)",
            "@N.round()",
            "@N.round(@d)",
            "round(@N, @d)",
            "np.round(@N, @d)",
            "@N.shift(1)",
            "@N.shift(@d)",
            "@N.shift(1, fill_value=@n)",
            "@N.diff()",
            "@N.cumsum()",
            "@N.cummax()",
            "@N.cummin()",
            "@N.rank()",
            "@N.rank(method='min')",
            "@N.rank(pct=True)",
            "@N.rank(ascending=False)",
            "@N.ffill()",
            "@N.bfill()",
            "@N.map(@m)",
            "@N.replace(@n, @n)",
            "@N.map(lambda v: @V)",
            "@N.apply(lambda v: @V)",
            "@S.apply(lambda v: @W)",
            "@S.str.len()",
            "@S.str.count(@r)",
            "@S.str.find(@s)",
            "np.abs(@N)",
            "np.sign(@N)",
            "np.floor(@N)",
            "np.ceil(@N)",
            "np.trunc(@N)",
            "np.sqrt(@N)",
            "np.square(@N)",
            "np.nan_to_num(@N)",
            "np.power(@N, @e)",
            "np.clip(@N, @n, @n)",
            "np.mod(@N, @n)",
            "np.negative(@N)",
            "np.add(@N, @N)",
            "np.divide(@N, @N)",
            "@N.add(@n)",
            "@N.sub(@N)",
            "@N.mul(@N)",
            "@N.div(@N)",
            "@N.floordiv(@n)",
            "@N.mod(@N)",
            "@N.pow(@e)",
            "@N.rsub(@n)",
            "@N.add(@N, fill_value=0)",
            "@N & @i",
            "@N | @i",
            "@B + @B",
            "@B - @B",
            "@N.combine_first(@N)",
            "pd.to_numeric(@S, errors='coerce')",
            "pd.to_numeric(@N, errors='coerce')",
            "@T.dt.hour",
            "@T.dt.minute",
            "@T.dt.day",
            "@T.dt.month",
            "@T.dt.year",
            "@T.dt.dayofweek",
            "@T.dt.dayofyear",
            "@T.dt.quarter",
            "@T.dt.second",
            "@T.dt.isocalendar().week",
            "@T.dt.days_in_month",
            "@T.astype('int64')",
            "@D.dt.days",
            "@D.dt.seconds",
            "@D.dt.total_seconds()",
            "@D / np.timedelta64(1, 'h')",
            "@D / pd.Timedelta(days=1)",
            "@D // pd.Timedelta(hours=1)",
            "@L.apply(len)",
            "@L.apply(sum)",
            "@L.apply(max)",
            "@L.str.len()",
            "@L.str[0]",
            "@L.str[-1]",
            "@L.apply(lambda v: len(v) if v is not None else 0)",
            "@F.sum(axis=1)",
            "@F.max(axis=1)",
            "@F.min(axis=1)",
            "@F.mean(axis=1)",
            "df.apply(lambda r: r['@g'] @j r['@g'], axis=1)",
            "@S.astype('category').cat.codes",
            "@S.astype(int)",
            "@S.astype(float)",
            "np.where(@B, @R, @n)",
            "np.where(@N, @n, @N)",
            "@N.isin([1, 2]).astype(int)",
            "@N.replace({0: 1, 1: 5})",
            "np.hypot(@N, @N)",
            "(@B).astype('int32')",
            "@N.astype('float32') @j @N",
            "@N.astype('int32') @j @N",
            "@N.astype('float32') @j @n",
            "[v @j @n for v in @N]",
            "[@V for v in @N]",
            "@N.values @j @n",
            "np.array([@V for v in @N])",
            "@N.quantile(0.5) + @N",
            "np.full(len(df), @n)",
            "np.zeros(len(df))",
            "np.arange(len(df))",
            "[@V for v in @N.values]",
            "[v @j k for v, k in zip(@N, @N)]",
            "[v if k else @n for v, k in zip(@N, @B)]",
            "@N.tolist()",
            "[@n] * len(df)",
            "df.apply(lambda r: r['@g'] if r['@g'] else @n, axis=1)",
            "df.apply(lambda r: max(r['@g'], r['@g']), axis=1)",
            "df.apply(lambda r: r.@g @j @n, axis=1)",
            "@N.apply(lambda v, k=@n: v @j k)",
            "@n",
            "(@B).sum() @j @N",
            "np.where(@B, @N @j @N, @N)",
            "np.where(@N @o @n, @N, np.nan)",
            "np.where(@N @o @n, np.where(@B, @n, @n), @n)",
            "@N.fillna(0).astype(int)",
            "@N.astype(int) // @N.astype(int)",
            "@N / @N.replace(0, np.nan)",
            "@N.clip(lower=0).astype('int64')",
            "(@N - @N.mean()) / @N.std()",
            "@N.map({1: 1, 2: 4}).fillna(@n)",
            "@S.map({'a': 1, 'b': 2})",
            "@S.map({'a': 1.5}).fillna(@n)",
            "@S.fillna('').str.len()",
            "@S.str.len().fillna(0).astype(int)",
            "@B.map({True: 1, False: 0})",
            "@B.fillna(False).astype(int)",
            "@S.str.contains(@r, na=False).astype(int)",
            "@T.dt.hour.between(9, 17).astype(int)",
            "@T.dt.hour + @T.dt.minute / 60",
            "np.where(@T.dt.dayofweek >= 5, @n, @n)",
            "np.maximum(@N, 0) @j @N",
            "np.sqrt(np.abs(@N))",
            "@F.fillna(0).sum(axis=1)",
            "@N.where(@N > 0, other=@n)",
            "@N.isna().sum() + @N",
            "@S.str.extract(r'(\\d+)', expand=False).astype(float)",
        ],
    ),
    (
        'F',
        &[
            "df[['a', 'b']]",
            "df[['x', 'y']]",
            "df[['a', 'x']]",
            "df[['p', 'a']]",
            "df[['p', 'q']]",
        ],
    ),
    ('g', &["a", "b", "x", "y", "p", "s"]),
    (
        'R',
        &[
            "@N.sum()",
            "@N.mean()",
            "@N.min()",
            "@N.max()",
            "@N.std()",
            "@N.median()",
            "@N.var()",
            "@N.nunique()",
            "@N.count()",
            "len(df)",
            "@B.sum()",
            "@B.mean()",
            "@B.any()",
            "@B.all()",
            "@N.std(ddof=0)",
        ],
    ),
    (
        'X',
        &[
            "np.log(@N)",
            "np.log1p(@N)",
            "np.exp(@N)",
            "np.expm1(@N)",
            "np.log10(@N)",
            "np.log2(@N)",
            "np.sin(@N)",
            "np.cos(@N)",
            "np.tanh(@N)",
            "np.arctan2(@N, @N)",
            "np.hypot(@N, @N)",
        ],
    ),
    (
        'B',
        &[
            "@N @o @N",
            "@N @o @n",
            "@N @o @n",
            "@n @o @N",
            "@S @o @s",
            "@S @o @S",
            "@T @o @T",
            "@T @o pd.Timestamp('2025-01-01', tz='UTC')",
            "@N @o @R",
            "@B @o @B",
            "@B & @B",
            "@B | @B",
            "@B ^ @B",
            "~@B",
            "@B & True",
            "@B | False",
            "@N.isna()",
            "@S.isna()",
            "@B.isna()",
            "@T.isna()",
            "@L.isna()",
            "@N.notna()",
            "@S.notnull()",
            "@N.between(@n, @n)",
            "@N.between(@n, @n, inclusive='left')",
            "@N.isin([0, 1, 2.5])",
            "@S.isin(['a', '12'])",
            "@B.fillna(False)",
            "@N.astype(bool)",
            "@S.astype(bool)",
            "@B.astype(bool)",
            "@S.str.contains(@r)",
            "@S.str.contains(@r, na=False)",
            "@S.str.contains(@s, regex=False, na=False)",
            "@S.str.startswith(@s)",
            "@S.str.endswith(@s, na=False)",
            "@S.str.isdigit()",
            "@S.str.isalpha()",
            "@S.str.isupper()",
            "@S.str.isnumeric()",
            "@S.str.isalnum()",
            "@S.str.isspace()",
            "@S.str.match(@r)",
            "@S.str.fullmatch(@r)",
            "np.isnan(@N)",
            "np.isfinite(@N)",
            "np.isinf(@N)",
            "np.logical_and(@B, @B)",
            "np.logical_or(@B, @N)",
            "np.logical_not(@B)",
            "np.where(@B, @B, @B)",
            "@B == True",
            "@B != False",
            "@N.gt(@n)",
            "@N.eq(@N)",
            "@N.lt(@N)",
            "@N.ne(@n)",
            "@B.shift(1)",
            "@B.shift(1, fill_value=False)",
            "@B.where(@B, False)",
            "@B.mask(@B, True)",
            "@N.duplicated()",
            "@S.duplicated()",
            "@T.dt.is_month_start",
            "@T.dt.is_month_end",
            "@T.dt.is_leap_year",
            "@D @o pd.Timedelta(days=1)",
            "@T.dt.hour.isin([0, 3, 23])",
            "@F.any(axis=1)",
            "@N.apply(lambda v: v @o @n)",
            "@S.apply(lambda v: v == @s)",
            "@B.apply(lambda v: not v)",
            "@B.map({True: False, False: True})",
            "pd.isna(@N)",
            "pd.notnull(@S)",
            "@L.apply(lambda v: 3 in v)",
            "np.greater(@N, @n)",
            "@N.round() @o @N",
            "@T.notna()",
            "@T.duplicated()",
        ],
    ),
    (
        'S',
        &[
            "@S + @s",
            "@s + @S",
            "@S + @S",
            "@S * @i",
            "@S.fillna(@s)",
            "@S.fillna(@S)",
            "@S.str.upper()",
            "@S.str.lower()",
            "@S.str.strip()",
            "@S.str.lstrip()",
            "@S.str.rstrip(@s)",
            "@S.str.title()",
            "@S.str.capitalize()",
            "@S.str.swapcase()",
            "@S.str.casefold()",
            "@S.str[0]",
            "@S.str[@i]",
            "@S.str[-2:]",
            "@S.str[1:3]",
            "@S.str[::-1]",
            "@S.str.slice(0, 2)",
            "@S.str.get(@i)",
            "@S.str.replace(@s, @s)",
            "@S.str.replace(@r, @s, regex=True)",
            "@S.str.split(@s).str[0]",
            "@S.str.split().str[@i]",
            "@S.str.zfill(5)",
            "@S.str.pad(8)",
            "@S.str.ljust(6, '.')",
            "@S.str.center(7, '*')",
            "@S.str.rjust(4)",
            "@S.str.repeat(2)",
            "@S.str.extract(r'(\\d+)', expand=False)",
            "@S.str.cat(@S, sep='-')",
            "@S.where(@B, @s)",
            "@S.where(@B)",
            "@S.mask(@B, @S)",
            "@S.shift(1)",
            "@S.ffill()",
            "np.where(@B, @s, @s)",
            "np.where(@B, @S, @s)",
            "np.where(@B, @S, @S)",
            "np.select([@B, @B], [@s, @s], default=@s)",
            "@N.astype(str)",
            "@B.astype(str)",
            "@S.astype(str)",
            "@T.astype(str)",
            "@N.apply(str)",
            "@S.apply(lambda v: f'{v}!')",
            "@N.map({1: 'one', 2.5: 'x'})",
            "@S.map({'a': 'A', '12': 'B'})",
            "@S.map({'a': 'A'}).fillna(@s)",
            "@S.replace('a', 'b')",
            "@S.replace({'a': 'z', '': 'y'})",
            "@B.map({True: 'y', False: 'n'})",
            "@T.dt.strftime('%Y-%m-%d %H:%M:%S')",
            "@T.dt.strftime('%j %a %b')",
            "@T.dt.day_name()",
            "@T.dt.month_name()",
            "@N.apply(lambda v: 'p' if v > 0 else 'n')",
            "@N.map(lambda v: f'{v}')",
            "@N.map(lambda v: f'{v:.2f}')",
            "@N.map(lambda v: str(@V))",
            "[str(v) for v in @N]",
            "[f'{v}' for v in @S]",
            "@S.combine_first(@S)",
            "@S.apply(lambda v: v[::-1])",
            "@S.apply(lambda v: v.upper() if v else @s)",
            "pd.cut(@N, bins=[-np.inf, 0, 5, np.inf], labels=['a', 'b', 'c']).astype(str)",
            "@L.astype(str)",
            "@L.apply(str)",
            "@S.astype(str).str.len().astype(str)",
            "@N.round(1).astype(str)",
            "@S.str.removeprefix(@s)",
            "@T.map(lambda v: v.isoformat())",
            "@N.astype('float32').astype(str)",
            "(@N.astype(str) + '_') + @S",
            "@N.fillna(0).astype(int).astype(str)",
        ],
    ),
    (
        'T',
        &[
            "@T + pd.Timedelta(days=1, hours=2)",
            "@T - pd.Timedelta('90min')",
            "@T.fillna(pd.Timestamp('2000-01-01', tz='UTC'))",
            "@T.dt.floor(@f)",
            "@T.dt.ceil(@f)",
            "@T.dt.round(@f)",
            "@T.dt.normalize()",
            "@T.shift(1)",
            "@T.where(@B)",
            "@T.mask(@B, @T)",
            "@T + @D",
            "@T.ffill()",
            "@T.dt.tz_localize(None)",
            "@T.combine_first(@T)",
            "pd.to_datetime(@N, unit='s', utc=True)",
            "pd.to_datetime(@S, errors='coerce', utc=True)",
            "@T.cummax()",
        ],
    ),
    (
        'D',
        &[
            "@T - @T",
            "@T - pd.Timestamp('2026-01-01', tz='UTC')",
            "pd.Timestamp('2026-01-01', tz='UTC') - @T",
            "@T.max() - @T",
            "@T.diff()",
            "@D * 2",
            "@D / 2",
            "-@D",
            "@D + pd.Timedelta(hours=1)",
            "@D.abs()",
            "df['t'] - df['w']",
        ],
    ),
    (
        'L',
        &[
            "@L.apply(lambda v: list(v)[::-1])",
            "@L.apply(lambda v: sorted(v))",
            "@L.apply(lambda v: [e * 2 for e in v])",
            "@L.apply(lambda v: [float(e) for e in v])",
            "@L.apply(lambda v: [str(e) for e in v])",
            "@S.str.split(@s)",
            "@L + @i",
            "@L.shift(1)",
            "@L.where(@B)",
        ],
    ),
    (
        'V',
        &[
            "v",
            "v @j @n",
            "v ** @e",
            "-v",
            "abs(v)",
            "@V @j @V",
            "@n if v @o @n else @V",
            "@V if v @o @n else @n",
            "round(v)",
            "round(v, @d)",
            "int(v)",
            "float(v)",
            "min(v, @n)",
            "max(@V, @n)",
            "v if pd.notna(v) else @n",
            "None if v @o @n else v",
            "0 if pd.isna(v) else @V",
            "str(v)",
            "v and @n",
            "v or @n",
            "not v",
            "bool(v)",
            "int(v) % 3",
            "v is None",
            "len(str(v))",
            "v @o @n",
        ],
    ),
    (
        'W',
        &[
            "len(v)",
            "v.count(@s)",
            "v.find(@s)",
            "int(v)",
            "float(v)",
            "len(v.split())",
            "ord(v[0])",
            "0 if v is None else len(v)",
            "len(v) @j @n",
            "v.isdigit()",
            "v == @s",
            "v.strip()",
        ],
    ),
];

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
const FRAMES: [&str; 12] = [
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
