//! Functions of python mode: a dict of lists, gone through row by row.
//!
//! Kinds of the grammar: `I` an integer, `F` a float, `B` a bool, `S` a text, `T` a point in time, `D` a span, `L` a list of integers,
//! `M` a list of texts, `A` anything; `E` and `C` an integer `e` and a letter `c` inside comprehensions; `Z` a list for all rows.

use std::collections::BTreeMap;

use feast_fixtures::Random;
use feast_functions::Mode;

use crate::case::Case;
use crate::columns::{MAX_ROWS, columns};
use crate::grammar::{Grammar, Node, Rules, one_of};

const RULES: Rules = &[
    (
        'i',
        &["0", "1", "2", "3", "-1", "-2", "7", "10", "100", "9007199254740993"],
    ),
    ('d', &["0", "1", "2", "-1"]),
    ('e', &["0", "1", "2", "3", "0.5", "-1"]),
    (
        'n',
        &["0", "1", "-1", "2", "0.5", "2.5", "-0.1", "10", "1e308", "3.0", "1e16"],
    ),
    (
        's',
        &["''", "'a'", "'b'", "' '", "'x'", "'12'", "'A'", "'ab'", "'ß'", "','"],
    ),
    ('o', &["==", "!=", "<", "<=", ">", ">="]),
    ('j', &["+", "-", "*", "/", "//", "%"]),
    ('h', &["+", "-", "*", "//", "%", "&", "|", "^"]),
    (
        'f',
        &[
            "", ":.2f", ":>8", ":<6", ":^7", ":,", ":.3e", ":+", ":05", ":g", ":.1%", ":d", ":x", ":s", "!r", ":.4",
            ":_", ":08.3f", ":*^9", ":b",
        ],
    ),
    ('v', &["a", "b", "x", "y", "p", "s", "u", "a", "x"]),
    (
        't',
        &["'%Y-%m-%d'", "'%H:%M:%S'", "'%j %a %b'", "'%y %p %I'", "'%A %d. %B'"],
    ),
    (
        'k',
        &[
            "days=1",
            "hours=-3",
            "minutes=90",
            "days=1, seconds=30",
            "weeks=2",
            "seconds=0.5",
        ],
    ),
    (
        'I',
        &[
            "@I @h @I",
            "@I @h @i",
            "@i @h @I",
            "-@I",
            "~@I",
            "abs(@I)",
            "@I ** 2",
            "@I ** 3",
            "int(@F)",
            "int(@S)",
            "int(@B)",
            "round(@F)",
            "round(@I, @d)",
            "len(@S)",
            "len(@L)",
            "len(@M)",
            "sum(@L)",
            "max(@L)",
            "min(@L)",
            "max(@L, default=@i)",
            "max(@I, @i)",
            "min(@I, @I)",
            "@L[@d]",
            "@L.index(@i)",
            "@L.count(@i)",
            "@S.count(@s)",
            "@S.find(@s)",
            "@S.rfind(@s)",
            "ord(@S)",
            "@I if @B else @I",
            "@I or @i",
            "@I and @I",
            "sum(1 for e in @L if e > @i)",
            "sum(e * k for k, e in enumerate(@L))",
            "sum(@E for e in @L)",
            "sum(c in 'aeiou' for c in @S)",
            "len(set(@L))",
            "{1: 10, 2: 20}.get(@I, @i)",
            "{'a': 1, 'b': 2}.get(@S, 0)",
            "{1: 10, 7: 70}[@I]",
            "math.floor(@F)",
            "math.ceil(@F)",
            "math.trunc(@F)",
            "math.gcd(@I, @i)",
            "@T.hour",
            "@T.minute",
            "@T.year",
            "@T.weekday()",
            "@T.isoweekday()",
            "@T.isocalendar()[1]",
            "@D.days",
            "@D.seconds",
            "int(@T.timestamp())",
            "divmod(@I, @i)[1]",
            "divmod(@I, @I)[0]",
            "@I >> @d",
            "@I << @d",
            "(lambda v: v @h @i)(@I)",
            "len(str(@A))",
            "int(str(@I))",
            "sorted(@L)[0]",
            "next((e for e in @L if e > 1), @i)",
            "bool(@A) + @i",
            "sum(@L, @i)",
            "min(@L or [@i])",
            "@I if @I is not None else @i",
            "math.factorial(@i)",
            "round(@I)",
            "len({@A, @A})",
            "len(f'{@v@f}')",
        ],
    ),
    (
        'F',
        &[
            "@F @j @F",
            "@I / @I",
            "@F @j @n",
            "@n @j @F",
            "@I @j @F",
            "@F ** @e",
            "-@F",
            "abs(@F)",
            "float(@I)",
            "float(@S)",
            "round(@F, @d)",
            "round(@F, 2)",
            "math.sqrt(@F)",
            "math.log(@F)",
            "math.log1p(@F)",
            "math.exp(@F)",
            "math.fabs(@F)",
            "math.pow(@F, @e)",
            "math.hypot(@F, @F)",
            "math.fmod(@F, @n)",
            "math.copysign(@F, @F)",
            "math.degrees(@F)",
            "math.atan2(@F, @F)",
            "math.fsum([@F, @F, @n])",
            "max(@F, @n)",
            "min(@F, @F)",
            "sum([@F, @F])",
            "sum([@F, @I, @n])",
            "@F if @B else @n",
            "@F or @n",
            "sum(@L) / len(@L)",
            "@F % @n",
            "@F // @n",
            "@D.total_seconds()",
            "@D / datetime.timedelta(hours=1)",
            "@T.timestamp()",
            "math.nan",
            "math.inf",
            "float('inf')",
            "float('nan')",
            "0.0 if @F is None else @F",
            "max(@F, @F, key=lambda v: -v)",
            "float(str(@F))",
            "math.log10(@F)",
            "math.log2(@F)",
            "math.sin(@F)",
            "math.tanh(@F)",
            "math.log(@F, @n)",
            "divmod(@F, @n)[0]",
            "math.prod(@L) * 1.0",
        ],
    ),
    (
        'B',
        &[
            "@I @o @I",
            "@F @o @n",
            "@I @o @i",
            "@I @o @F",
            "@S @o @s",
            "@S @o @S",
            "@T @o @T",
            "@L @o @L",
            "@B and @B",
            "@B or @B",
            "not @B",
            "@B @o @B",
            "@i <= @I < @i",
            "@n < @F <= @n",
            "@I in @L",
            "@i in @L",
            "@s in @S",
            "@S not in [@s, @s]",
            "@I in (1, 2, 3)",
            "@A is None",
            "@A is not None",
            "@A == @A",
            "@A != @A",
            "bool(@A)",
            "@S.startswith(@s)",
            "@S.endswith(@s)",
            "@S.isdigit()",
            "@S.isalpha()",
            "@S.isspace()",
            "any(e > @i for e in @L)",
            "all(@E for e in @L)",
            "all(@L)",
            "any(@L)",
            "any([@B, @B])",
            "isinstance(@A, int)",
            "isinstance(@A, (int, float))",
            "isinstance(@A, str)",
            "math.isnan(@F)",
            "math.isinf(@F)",
            "math.isfinite(@F)",
            "math.isclose(@F, @F)",
            "@B if @B else @B",
            "@A in {1, 2.5, 'a'}",
            "@I @o @I @o @I",
            "@D @o datetime.timedelta(days=1)",
            "@B & @B",
            "@B | @B",
            "@B ^ @B",
            "@L == sorted(@L)",
            "@S in {'a': 1, 'b': 2}",
            "len(@L) > @i",
            "type(@A) == int",
            "@F == @I",
            "set(@L) @o {1, 2, 3}",
            "(@I, @S) < (@I, @S)",
        ],
    ),
    (
        'S',
        &[
            "@S + @S",
            "@S + @s",
            "@S * @d",
            "str(@I)",
            "str(@F)",
            "str(@B)",
            "str(@A)",
            "repr(@A)",
            "str(@L)",
            "str(@T)",
            "f'{@v@f}'",
            "f'{@v@f}-{@v@f}'",
            "f'<{@v@f}>'",
            "'{@f}'.format(@A)",
            "'{} {}'.format(@A, @A)",
            "'{1} {0}'.format(@A, @A)",
            "'%s' % @A",
            "'%d' % @I",
            "'%.2f' % @F",
            "'%5d|' % @I",
            "'%s/%s' % (@A, @A)",
            "'%g' % @F",
            "'%r' % @S",
            "'%05.1f' % @F",
            "'%-6s|' % @S",
            "'%x' % @I",
            "'%e' % @F",
            "@S.upper()",
            "@S.lower()",
            "@S.title()",
            "@S.capitalize()",
            "@S.strip()",
            "@S.strip(@s)",
            "@S.lstrip()",
            "@S.rstrip(@s)",
            "@S.replace(@s, @s)",
            "@S.zfill(5)",
            "@S.center(7, '*')",
            "@S.ljust(4)",
            "@S.rjust(6, '0')",
            "@S.casefold()",
            "@S[@d]",
            "@S[:2]",
            "@S[-2:]",
            "@S[::-1]",
            "@S[1:-1]",
            "@S[@d:@d]",
            "@S[::2]",
            "@s.join(@M)",
            "','.join(str(e) for e in @L)",
            "''.join(sorted(@S))",
            "''.join(c for c in @S if @C)",
            "''.join(reversed(@S))",
            "','.join(map(str, @L))",
            "@S.split(@s)[0]",
            "@S.split()[@d]",
            "@S.partition(@s)[2]",
            "@S.removeprefix(@s)",
            "@S.removesuffix(@s)",
            "@S if @B else @s",
            "@S or @s",
            "@T.isoformat()",
            "@T.strftime(@t)",
            "str(@D)",
            "chr(@I)",
            "hex(@I)",
            "max(@S, @s)",
            "min(@M)",
            "@M[@d]",
            "{1: 'one', 2: 'two'}.get(@I, @s)",
            "{True: 'y', False: 'n'}[@B]",
            "@S.title() if isinstance(@A, str) else @s",
            "str(@T.date())",
            "str(sorted(@M))",
            "str(dict(zip(@M, @L)))",
            "str({@A: @A})",
            "str({k: e for k, e in enumerate(@L)})",
            "str(list(zip(@L, @M)))",
            "str(list(enumerate(@M)))",
            "str(tuple(@L))",
            "str([@A, @A])",
            "str((@A,))",
            "str(divmod(@F, @n))",
            "str(round(@F, 1))",
            "@S.swapcase()",
            "@S.expandtabs()",
            "json.dumps(@A)",
            "json.dumps({'v': @A, 'l': @L})",
            "json.dumps([@A, @A])",
            "re.sub(r'\\d+', @s, @S)",
            "'|'.join(re.findall(r'\\w', @S))",
            "@S.translate({97: 'A'})",
            "str(sorted(set(@L)))",
            "str(@L[::-1])",
            "str(sorted([@F, @I, @n]))",
            "str([@A, @B] + @L)",
            "type(@A).__name__",
            "str(max([@F, @I, @n]))",
            "'%s' % (@A,)",
            "str(not @A)",
            "str(@A and @A)",
            "str(@A or @A)",
            "str({1: @A, 2: @A}.items())",
            "str(sum([@A, @A]))",
        ],
    ),
    (
        'C',
        &[
            "c.isalpha()",
            "c.isdigit()",
            "c.isupper()",
            "c not in 'aeiou'",
            "c != @s",
            "ord(c) < 100",
            "c.isalnum()",
            "not c.isspace()",
        ],
    ),
    (
        'E',
        &[
            "e",
            "e + @i",
            "e * 2",
            "-e",
            "e % 3",
            "e // 2",
            "e ** 2",
            "e if e > 1 else @i",
            "abs(e)",
            "e - @I",
        ],
    ),
    (
        'T',
        &[
            "@T + @D",
            "@T - @D",
            "@T.replace(hour=0, minute=0, second=0)",
            "@T.replace(day=1)",
            "@T if @B else @T",
            "max(@T, @T)",
            "min(@T, @T)",
            "datetime.datetime(2026, 1, 31, tzinfo=datetime.timezone.utc)",
            "datetime.datetime.fromtimestamp(@I, tz=datetime.timezone.utc)",
            "@T.replace(month=2)",
            "@T.replace(microsecond=5)",
        ],
    ),
    (
        'D',
        &[
            "@T - @T",
            "datetime.timedelta(@k)",
            "@D * @i",
            "@D / 2",
            "@D + @D",
            "-@D",
            "datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc) - @T",
            "abs(@D)",
            "@D // 2",
            "@D % datetime.timedelta(hours=1)",
            "datetime.timedelta(days=@I)",
            "datetime.timedelta(seconds=@F)",
        ],
    ),
    (
        'L',
        &[
            "sorted(@L)",
            "sorted(@L, reverse=True)",
            "@L[::-1]",
            "@L[:1]",
            "@L[1:]",
            "@L + [@i]",
            "@L + @L",
            "@L or [@i]",
            "[@E for e in @L]",
            "[e for e in @L if e > @i]",
            "list(set(@L))",
            "[@I, @i]",
            "list(map(lambda e: @E, @L))",
            "[len(c) for c in @M]",
            "list(range(@d))",
            "[*@L, @i]",
            "sorted(@L, key=lambda e: -e)",
            "list(reversed(@L))",
            "[e for e in @L for k in range(2)]",
            "@L * 2",
            "[max(e, @i) for e in @L]",
            "list(filter(lambda e: e > 1, @L))",
            "[int(c) for c in @M]",
            "@L if @B else []",
            "list({e: 1 for e in @L})",
            "[e + k for e, k in zip(@L, @L)]",
        ],
    ),
    (
        'M',
        &[
            "@S.split(@s)",
            "@S.split()",
            "list(@S)",
            "[c for c in @S]",
            "[c.upper() for c in @S if @C]",
            "[str(e) for e in @L]",
            "[@S, @s]",
            "sorted(@M)",
            "@M[::-1]",
            "@M + [@s]",
            "re.findall(r'[a-z]', @S)",
            "re.split(r'[ ,]', @S)",
            "[c * 2 for c in @M]",
            "@S.splitlines()",
            "@S.split(@s, 1)",
        ],
    ),
    (
        'A',
        &["@I", "@F", "@S", "@B", "@I", "@S", "@F", "@L", "None", "@i", "@n", "@s"],
    ),
    (
        'Z',
        &[
            "i['@y']",
            "[v for v in i['@y']]",
            "[v if v is not None else @i for v in i['@y']]",
            "[k for k, v in enumerate(i['@y'])]",
            "sorted(i['@y'])",
            "i['@y'][::-1]",
            "[v is None for v in i['@y']]",
            "[max(i['@y'])] * len(i['@y'])",
            "[sum(i['@y'])] * len(i['@y'])",
            "[sum(i['@y'][:k + 1]) for k in range(len(i['@y']))]",
            "[k @j v for k, v in zip(i['@y'], i['@y'])]",
            "list(map(lambda v: v @j @n, i['@y']))",
            "[v for v in i['@y'] if v]",
            "[str(v) for v in i['@y']]",
            "[(v or @i) @j @n for v in i['@y']]",
            "[sorted(i['@y']).index(v) for v in i['@y']]",
            "[round(v, 1) for v in i['@y']]",
            "[i['@y'].count(v) for v in i['@y']]",
            "[v @o @n for v in i['@y']]",
            "list(zip(i['@y'], i['@y']))",
            "[repr(v) for v in i['@y']]",
            "[f'{v}' for v in i['@y']]",
            "[min(k, v) for k, v in zip(i['@y'], i['@y'])]",
            "[len(v) for v in i['@y']]",
            "[float(v) for v in i['@y']]",
            "[int(v) for v in i['@y']]",
            "[bool(v) for v in i['@y']]",
        ],
    ),
    ('y', &["a", "b", "x", "y", "p", "s", "t", "l", "a", "x"]),
    (
        'x',
        &[
            "TypeError",
            "ValueError",
            "ZeroDivisionError",
            "(TypeError, ValueError)",
            "Exception",
            "KeyError",
            "IndexError",
            "AttributeError",
            "OverflowError",
            "ArithmeticError",
            "LookupError",
        ],
    ),
];

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
        'S' => &["String", "String", "String", "Int64"],
        'T' => &["UnixTimestamp", "UnixTimestamp", "String"],
        'L' => &["Array(Int64)", "Array(Int64)", "String", "Array(Float64)"],
        'M' => &["Array(String)", "Array(String)", "String"],
        _ => &["String", "Int64", "Float64", "Array(Int64)", "UnixTimestamp", "Bool"],
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

pub(crate) fn case(random: &mut Random) -> Case {
    let grammar = grammar();
    let (columns, rows) = (columns(random), random.below(MAX_ROWS + 1));
    let kind = one_of(
        random,
        &['I', 'I', 'F', 'F', 'B', 'S', 'S', 'S', 'T', 'D', 'L', 'M', 'A'],
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
    let (head, foot, indent) = match style {
        0..3 => (IMPORTS, "", "    "),
        _ => (ROWS, CALL, "        "),
    };
    Case {
        mode: Mode::Python,
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
