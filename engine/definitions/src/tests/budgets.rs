//! Budgets: each bound has its error, and readings on several threads do not touch each other.

use std::ffi::OsString;

use super::*;

/// Reads a repository of these files within a budget, with `WHO` in the environment, and returns the names of its entities, or the
/// errors.
fn read_within(budget: Budget, who: &str, files: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let repository = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(repository.path().join(name), text).unwrap();
    }
    let mut reader = reader(repository.path());
    reader.budget = budget;
    reader.environment.variables = vec![(OsString::from("WHO"), OsString::from(who))];
    let read = reader.read();
    let names = read.map(|read| {
        read.definitions
            .entities
            .into_iter()
            .map(|entity| entity.name().to_owned())
            .collect()
    });
    names.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn each_bound_of_a_budget_has_its_error() {
    let check = |budget: Budget, source: &str, expected: &str| {
        let text = format!("from feast import Entity\n{source}\n");
        let allowed = read_within(Budget::default(), "", &[("views.py", &text)]);
        assert!(allowed.is_ok(), "{source}: {allowed:?}");
        let refused = read_within(budget, "", &[("views.py", &text)]);
        assert!(
            matches!(&refused, Err(text) if text.contains(expected)),
            "{source}: {refused:?}"
        );
    };
    let default = Budget::default;
    check(
        Budget {
            steps: 100,
            ..default()
        },
        "for i in range(50):\n    x = i",
        "views.py:2: reading this takes too long",
    );
    check(
        Budget { depth: 10, ..default() },
        "x = ((((((1 + 1) + 1) + 1) + 1) + 1) + 1) + 1 + 1 + 1 + 1",
        "views.py:2: this expression is nested too deeply to be read",
    );
    check(
        Budget {
            value_size: 10,
            ..default()
        },
        "x = []\nx.append('a' * 20)",
        "views.py:3: this value is too large for a definition",
    );
    check(
        Budget {
            file_bytes: 100,
            ..default()
        },
        &"# a long comment\n".repeat(10),
        "views.py:1: is not a file, or too large to be a definition file",
    );
}

/// Whatever copies, compares or writes many values costs as much: otherwise a short file could fill the memory, or never end.
#[test]
fn work_inside_of_one_expression_is_paid_for() {
    let budget = Budget {
        steps: 100_000,
        ..Budget::default()
    };
    let long_list = "l = ['a'] * 5000\nfor i in range(100):\n    ";
    let dict = "d = dict(zip(range(300), range(300)))\nfor i in range(6):\n    ";
    let doubled = |start: &str, twice: &str| format!("x = {start}\nfor i in range(12):\n    x = {twice}");
    let keys = "','.join(['\"k%d\":1' % i for i in range(1500)])";
    for source in [
        doubled("['a'] * 100", "x + x"),
        doubled("('a',) + ('b',) * 1 if False else tuple(['a'] * 100)", "x + x"),
        doubled("['a'] * 100", "list(itertools.chain(x, x))"),
        doubled("['a'] * 100", "[*x, *x]"),
        doubled("'a' * 100", "os.path.join(x, x)"),
        format!("def f(*a):\n    return 1\n{long_list}x = f(*l)"),
        format!("{long_list}x = iter(l)"),
        format!("{long_list}x = str(l)"),
        format!("{long_list}x = f'{{l}}'"),
        format!("{long_list}x = '%s' % l"),
        format!("{long_list}x = '{{}}'.format(l)"),
        format!("{long_list}x = ''.join(l)"),
        format!("{long_list}try:\n        a, b = l\n    except ValueError:\n        pass"),
        format!("{dict}d.update(dict(d))"),
        format!("{dict}x = d | d"),
        "def f(**k):\n    return 1\nd = dict(zip(['a%d' % i for i in range(300)], range(300)))\nfor i in range(20):\n    f(**d)"
            .to_owned(),
        "s = set()\ns.update(range(2000))".to_owned(),
        "s = set().union(range(2000))".to_owned(),
        "s = 'a' * 1000\nfor i in range(10):\n    x = s.replace('a', s)".to_owned(),
        format!("x = json.loads('{{' + {keys} + '}}')"),
        "p = print\nfor i in range(600):\n    p = functools.partial(p, i)\np()".to_owned(),
    ] {
        let text = format!("import functools, itertools, json, os\nfrom feast import Entity\n{source}\n");
        let allowed = read_within(Budget::default(), "", &[("views.py", &text)]);
        assert!(allowed.is_ok(), "{source}: {allowed:?}");
        let refused = read_within(budget.clone(), "", &[("views.py", &text)]);
        assert!(
            matches!(&refused, Err(text) if text.contains("reading this takes too long")),
            "{source}: {refused:?}"
        );
    }
}

/// One value may stand in a string many times.
#[test]
fn a_string_that_is_written_from_others_has_a_longest() {
    for written in [
        "('{a}' * 100).format(a=a)",
        "('{0:1000}' * 10).format(1)",
        "('%s' * 100) % tuple([a] * 100)",
    ] {
        let text = format!("from feast import Entity\na = 'b' * 100\nEntity(name={written})\n");
        let read = |value_size| {
            let budget = Budget {
                value_size,
                ..Budget::default()
            };
            read_within(budget, "", &[("views.py", &text)])
        };
        assert!(read(10_000).is_ok(), "{written}: {:?}", read(10_000));
        let refused = read(1_000).unwrap_err();
        assert!(
            refused.contains("cannot be read without running Python"),
            "{written}: {refused}"
        );
    }
}

/// A depth that the stack is not made for would end the process.
#[test]
fn a_greater_depth_than_the_stack_holds_is_not_given() {
    let budget = Budget {
        depth: usize::MAX,
        ..Budget::default()
    };
    let source = "from feast import Entity\ndef f(x):\n    return f(x)\nf(1)\n";
    let refused = read_within(budget, "", &[("views.py", source)]).unwrap_err();
    assert!(refused.contains("nested too deeply"), "{refused}");
}

#[test]
fn readings_on_several_threads_do_not_touch_each_other() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 20;
    let budget = Budget {
        steps: 2_000,
        script_steps: 500,
        outside_steps: 500,
        depth: 50,
        value_size: 1_000,
        ..Budget::default()
    };
    // Each changes its environment and its lists, and loops as often as its number says.
    let ends = "import os\nfrom feast import Entity\nfrom shared import NAMES\n\
                os.environ['WHO'] += '!'\nNAMES.append(os.environ['WHO'])\n\
                for i in range(int(NAMES[0].rstrip('!'))):\n    NAMES.append(str(i))\n\
                e = Entity(name='-'.join(NAMES))\n";
    let endless = "from feast import Entity\nwhile True:\n    pass\n";
    std::thread::scope(|scope| {
        let run = |number: usize| {
            let budget = budget.clone();
            move || {
                for _ in 0..ROUNDS {
                    let who = number.to_string();
                    let read = read_within(
                        budget.clone(),
                        &who,
                        &[("views.py", ends), ("shared.py", "NAMES = []\n")],
                    );
                    let loops = (0..number).map(|index| format!("-{index}"));
                    let expected = std::iter::once(format!("{number}!")).chain(loops).collect::<String>();
                    assert_eq!(read, Ok(vec![expected]));
                    let refused = read_within(budget.clone(), &who, &[("views.py", endless)]).unwrap_err();
                    assert!(refused.contains("reading this takes too long"), "{refused}");
                }
            }
        };
        for number in 0..THREADS {
            scope.spawn(run(number));
        }
    });
}
