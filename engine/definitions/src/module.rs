//! Files that are run: each once, whoever imports it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::Mode;

use super::generator::Given;
use super::scope::{Reading, Scope, SourceFile};
use super::search::{ModuleFile, ModulePath, Search};
use super::{DefinitionError, Evaluated, ReadColumns};

/// Files outside of the repository that one reading runs at most, the steps that all of them may take, and the size of one.
const MAX_OUTSIDE_FILES: usize = 300;
const MAX_OUTSIDE_WORK: u64 = 5_000_000;
const MAX_FILE_BYTES: u64 = 16 << 20;

/// How deep expressions and calls of helper functions may be nested: a definition that goes deeper does not end.
const MAX_DEPTH: usize = 200;

/// Runs definition files.
pub(super) struct Evaluator {
    pub(super) search: Search,
    modules: HashMap<PathBuf, Result<Rc<Scope>, DefinitionError>>,
    running: Vec<(PathBuf, Rc<Scope>)>,
    reading: Rc<Reading>,
    depth: usize,
    /// How many statements around this one run although they perhaps would not.
    pub(super) uncertain: usize,
    /// How many `try` statements around this one expect imports to fail.
    pub(super) expecting_import_errors: usize,
    /// What the running functions with `yield` have given, the innermost last.
    pub(super) generators: Vec<Given>,
    outside: Outside,
}

/// Files outside of the repository, which have a share of the work of their own.
struct Outside {
    files: usize,
    work: u64,
    is_running: bool,
}

impl Evaluator {
    pub(super) fn new(place: ModulePath, read_columns: ReadColumns) -> Self {
        Self {
            reading: Reading::new(&place.repository, read_columns),
            search: Search::new(place),
            modules: HashMap::new(),
            running: Vec::new(),
            depth: 0,
            uncertain: 0,
            expecting_import_errors: 0,
            generators: Vec::new(),
            outside: Outside {
                files: 0,
                work: MAX_OUTSIDE_WORK,
                is_running: false,
            },
        }
    }

    /// Runs a file, or gives what its first run gave.
    pub(super) fn module(&mut self, file: &ModuleFile) -> Evaluated<Rc<Scope>> {
        if let Some(known) = self.modules.get(&file.path) {
            return known.clone();
        }
        // Files that import each other see what is bound so far, as in Python.
        if let Some((_, scope)) = self.running.iter().find(|(running, _)| *running == file.path) {
            return Ok(Rc::clone(scope));
        }
        // A file runs for sure, wherever it is imported.
        let uncertain = std::mem::take(&mut self.uncertain);
        let generators = std::mem::take(&mut self.generators);
        let outcome = if file.is_outside() {
            self.run_outside(file)
        } else {
            self.run_file(file)
        };
        self.uncertain = uncertain;
        self.generators = generators;
        self.modules.insert(file.path.clone(), outcome.clone());
        outcome
    }

    /// Runs a file with so many steps of its own instead of those that are left.
    pub(super) fn module_within(&mut self, file: &ModuleFile, steps: u64) -> Evaluated<Rc<Scope>> {
        let left = self.reading.replace_work(steps);
        let outcome = self.module(file);
        self.reading.replace_work(left);
        outcome
    }

    /// The files of the repository that have been run.
    pub(super) fn files_run(&self) -> HashSet<PathBuf> {
        self.modules.keys().cloned().collect()
    }

    fn run_outside(&mut self, file: &ModuleFile) -> Evaluated<Rc<Scope>> {
        self.outside.files += 1;
        if self.outside.files > MAX_OUTSIDE_FILES {
            return Err(problem(file, "too many files outside of the repository are imported"));
        }
        if self.outside.is_running {
            return self.run_file(file);
        }
        self.outside.is_running = true;
        let left = self.reading.replace_work(self.outside.work);
        let outcome = self.run_file(file);
        self.outside.work = self.reading.replace_work(left);
        self.outside.is_running = false;
        outcome
    }

    fn run_file(&mut self, file: &ModuleFile) -> Evaluated<Rc<Scope>> {
        let absolute = self.search.absolute(file);
        let text = text_of(&absolute).map_err(|message| problem(file, &message))?;
        let source = SourceFile::new(file.clone(), absolute, text);
        let scope = Rc::new(Scope::of_file(source, &self.reading));
        nesting_is_bearable(scope.source()).map_err(|message| problem(file, message))?;
        let parsed = ruff_python_parser::parse_module(scope.source())
            .map_err(|problem| scope.raise(problem.location, "SyntaxError", problem.error.to_string()))?;
        self.running.push((file.path.clone(), Rc::clone(&scope)));
        let outcome = self.run(&parsed.syntax().body, &scope);
        self.running.pop();
        outcome.map(|_| scope)
    }

    /// Runs `call` one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        too_deep: impl FnOnce() -> DefinitionError,
        call: impl FnOnce(&mut Self) -> Evaluated<T>,
    ) -> Evaluated<T> {
        if self.depth >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        let outcome = call(self);
        self.depth -= 1;
        outcome
    }
}

/// The text of a definition file as Python reads it: without a byte order mark, and with one character at each line's end.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn text_of(file: &Path) -> Result<String, String> {
    let unreadable = |source: std::io::Error| format!("cannot be read: {source}");
    let metadata = std::fs::metadata(file).map_err(unreadable)?;
    // A device or a pipe might never end.
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err("is no file, or too large to be a definition file".to_owned());
    }
    let bytes = std::fs::read(file).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn problem(file: &ModuleFile, message: &str) -> DefinitionError {
    DefinitionError {
        file: file.path.clone(),
        line: 1,
        message: message.to_owned(),
        exception: None,
    }
}

/// The parser calls itself for each bracket, sign and indentation; a file that nests too many of them would end the process.
/// The stack of the reading thread is made for these limits.
pub(super) fn nesting_is_bearable(source: &str) -> Result<(), &'static str> {
    const MOST_BRACKETS: usize = 200;
    const MOST_SIGNS: usize = 20_000;
    const MOST_INDENTS: usize = 100;
    let (mut brackets, mut signs, mut indents): (usize, usize, usize) = (0, 0, 0);
    let mut tokens = ruff_python_parser::lexer::lex(source, Mode::Module);
    loop {
        match tokens.next_token() {
            TokenKind::EndOfFile => return Ok(()),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => brackets += 1,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => brackets = brackets.saturating_sub(1),
            TokenKind::Indent => indents += 1,
            TokenKind::Dedent => indents = indents.saturating_sub(1),
            TokenKind::Newline => signs = 0,
            TokenKind::Minus
            | TokenKind::Plus
            | TokenKind::Tilde
            | TokenKind::Star
            | TokenKind::DoubleStar
            | TokenKind::Colon
            | TokenKind::Not
            | TokenKind::Lambda
            | TokenKind::Await
            | TokenKind::Else
            | TokenKind::If
            | TokenKind::For => signs += 1,
            _ => {}
        }
        if brackets > MOST_BRACKETS {
            return Err("brackets are nested too deeply to be read");
        }
        if signs > MOST_SIGNS {
            return Err("an expression is too long to be read");
        }
        if indents > MOST_INDENTS {
            return Err("a line is indented too deeply to be read");
        }
    }
}
