//! A Python file: where it lies, what it says, and what may be parsed of it.

use std::path::{Path, PathBuf};

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::Mode;
use ruff_text_size::TextRange;

use super::module_path::ModuleFile;

/// A Python file: where it lies and what it says.
pub(crate) struct SourceFile {
    pub(crate) module: ModuleFile,
    /// Its path, absolute: what `__file__` is.
    pub(crate) absolute: PathBuf,
    pub(crate) text: String,
    /// Where each line but the first begins. Every object remembers its line, so lines are not counted again.
    line_starts: Vec<usize>,
}

impl SourceFile {
    pub(crate) fn new(module: ModuleFile, absolute: PathBuf, text: String) -> Self {
        let line_starts = text.match_indices('\n').map(|(position, _)| position + 1).collect();
        Self {
            module,
            absolute,
            text,
            line_starts,
        }
    }

    /// Line of a place, counted from 1.
    pub(crate) fn line(&self, range: TextRange) -> usize {
        let position = usize::from(range.start());
        self.line_starts.partition_point(|start| *start <= position) + 1
    }

    /// The first line that begins with a name, counted from 1: where a name of the file is bound.
    pub(crate) fn line_of_name(&self, name: &str) -> usize {
        let binds = |line: &str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
        };
        self.text.lines().position(binds).map_or(1, |index| index + 1)
    }

    /// The source of a place.
    pub(crate) fn slice(&self, range: TextRange) -> &str {
        let place = usize::from(range.start())..usize::from(range.end());
        self.text.get(place).unwrap_or_default()
    }

    /// The source of a place, shortened for messages.
    pub(crate) fn excerpt(&self, range: TextRange) -> String {
        const MAX_CHARACTERS: usize = 60;
        let text = self.slice(range);
        let first_line = text.lines().next().unwrap_or_default();
        let shortened: String = first_line.chars().take(MAX_CHARACTERS).collect();
        if shortened.len() == text.len() {
            shortened
        } else {
            format!("{shortened}...")
        }
    }
}

/// The text of a definition file as Python reads it: without a byte order mark, and with one character at each line's end.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read_source(file: &Path, max_bytes: u64) -> Result<String, String> {
    let bytes = read_bytes(file, max_bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    Ok(plain_lines(&text))
}

/// As [`read_source`], to look through a file that may be of another encoding.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read_source_lossy(file: &Path, max_bytes: u64) -> Result<String, String> {
    let bytes = read_bytes(file, max_bytes)?;
    Ok(plain_lines(&String::from_utf8_lossy(&bytes)))
}

fn read_bytes(file: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let unreadable = |source: std::io::Error| format!("cannot be read: {source}");
    if !is_readable(file, max_bytes).map_err(unreadable)? {
        return Err("is not a file, or too large to be a definition file".to_owned());
    }
    std::fs::read(file).map_err(unreadable)
}

fn plain_lines(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Whether a path is a plain file that is not too large. Reading a device or a pipe might never end.
///
/// # Errors
/// Those of the file system.
pub(crate) fn is_readable(file: &Path, max_bytes: u64) -> std::io::Result<bool> {
    let metadata = std::fs::metadata(file)?;
    Ok(metadata.is_file() && metadata.len() <= max_bytes)
}

/// The parser calls itself for each bracket, operator and indentation; a file that nests too many of them would end the process.
/// The stack of the reading thread is made for these limits.
///
/// # Errors
/// What is nested too deeply.
pub(crate) fn check_nesting(source: &str) -> Result<(), &'static str> {
    const MAX_BRACKETS: usize = 200;
    const MAX_OPERATORS: usize = 20_000;
    const MAX_INDENTS: usize = 100;
    let (mut brackets, mut operators, mut indents): (usize, usize, usize) = (0, 0, 0);
    let mut tokens = ruff_python_parser::lexer::lex(source, Mode::Module);
    loop {
        match tokens.next_token() {
            TokenKind::EndOfFile => return Ok(()),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => brackets += 1,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => brackets = brackets.saturating_sub(1),
            TokenKind::Indent => indents += 1,
            TokenKind::Dedent => indents = indents.saturating_sub(1),
            TokenKind::Newline => operators = 0,
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
            | TokenKind::For => operators += 1,
            _ => {}
        }
        if brackets > MAX_BRACKETS {
            return Err("brackets are nested too deeply to be read");
        }
        if operators > MAX_OPERATORS {
            return Err("an expression is too long to be read");
        }
        if indents > MAX_INDENTS {
            return Err("a line is indented too deeply to be read");
        }
    }
}
