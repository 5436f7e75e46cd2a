//! Python Feast, as a process that answers cases.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value as Json;

use crate::case::Case;

pub(crate) struct Reference {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reference {
    /// Starts it; none where there is no Python.
    #[expect(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
    pub(crate) fn start() -> Option<Self> {
        let Some(python) = std::env::var_os("FEAST_PYTHON") else {
            assert!(
                std::env::var_os("FEAST_REQUIRE_PYTHON").is_none(),
                "FEAST_REQUIRE_PYTHON is set, but FEAST_PYTHON is not: run ./run test"
            );
            eprintln!("skipped: FEAST_PYTHON is not set (./run test makes the environment and sets it)");
            return None;
        };
        let script = Path::new(feast_fixtures::INTEROP).join("on_demand_functions.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut reference = Self {
            child,
            questions,
            answers: BufReader::new(answers),
        };
        // Its libraries take seconds to load: the time of the search begins after that.
        reference.answers(&[]);
        Some(reference)
    }

    /// An answer for each case.
    pub(crate) fn answers(&mut self, cases: &[Case]) -> Vec<Json> {
        let question: Vec<Json> = cases.iter().map(Case::json).collect();
        writeln!(self.questions, "{}", Json::Array(question)).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let answers: Vec<Json> = serde_json::from_str(&answer).unwrap();
        assert_eq!(answers.len(), cases.len());
        answers
    }

    pub(crate) fn answer(&mut self, case: &Case) -> Json {
        self.answers(std::slice::from_ref(case)).remove(0)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // It ends by itself when nobody asks any more; nothing is lost if it ends at once.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
