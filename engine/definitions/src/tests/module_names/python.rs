//! The same texts, run by Python beside the modules that they are of.

use super::TOLD;

/// What Python makes of the text is what the module has.
#[expect(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
#[test]
fn python_binds_the_same_values() {
    let Some(python) = std::env::var_os("FEAST_PYTHON") else {
        eprintln!("skipped: FEAST_PYTHON is not set");
        return;
    };
    const SCRIPT: &str = r"
import re, sys
import numpy as np, pandas as pd, pandas, numpy
future = 'from __future__ import annotations\n'

def shown(text, function, names):
    exec(future + text + function, names)
    try:
        answer = repr(names['f'](3))
    except Exception as error:
        answer = str(error)
    return re.sub(' at 0x\w+|<lambda>', '', answer)

cases = sys.argv[1:]
for module, expression, text in zip(cases[::3], cases[1::3], cases[2::3]):
    function = '\ndef f(df):\n    return ' + expression + '\n'
    given = dict(pd=pd, np=np, pandas=pandas, numpy=numpy)
    answers = shown(text, function, given), shown(module, function, {})
    assert answers[0] == answers[1], (module, answers)
";
    let is_installed = |(module, ..): &&(&str, &str, &str)| !module.contains("sklearn") && !module.contains("jax");
    let cases = TOLD.iter().filter(is_installed);
    let output = std::process::Command::new(&python)
        .args(["-c", SCRIPT])
        .args(cases.flat_map(|(module, expression, text)| [module, expression, text]))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
