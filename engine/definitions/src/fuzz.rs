//! Definition files with random changes: whatever is in a file, reading it ends, with objects or an error.
//!
//! `FEAST_FUZZ_SECONDS` sets how long it goes on, `FEAST_FUZZ_SEED` where it starts.

use std::path::{Path, PathBuf};

use feast_fixtures::{Random, fuzz};

use super::tests::reader;

/// The files of the corpus.
fn corpus() -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(Path::new(feast_fixtures::DEFINITIONS))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

const PIECES: [&str; 32] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "    ",
    " * ",
    " ** 9 ",
    "9999999999",
    "[0]",
    "[-1]",
    "[::-1]",
    "lambda x: x",
    "while True:\n    x = 1\n",
    "for i in range(10 ** 9):\n    pass\n",
    "* 10 ** 9",
    ".append(",
    "None",
    "-",
    "not ",
    "def f(x):\n    return f(x)\nf(1)\n",
    "x = [x, x]\n",
    "yield ",
    "yield from ",
    " * 1e300",
    " / 0.1",
    "timedelta(days=999999999)",
    "defaultdict(lambda: x)",
    "namedtuple('A', 'a b')",
    ".tags['a'] = ",
];

fn changed(text: &[u8], others: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=random.below(6) {
        let position = random.below(text.len() + 1);
        let length = random.below(60).min(text.len() - position);
        match random.below(6) {
            0 => drop(text.drain(position..position + length)),
            1 => {
                let other = &others[random.below(others.len())];
                let start = random.below(other.len());
                let piece = &other[start..(start + random.below(200)).min(other.len())];
                text.splice(position..position, piece.iter().copied());
            }
            2 => {
                let copy = text[position..position + length].to_vec();
                text.splice(position..position, copy);
            }
            3 => text.insert(position, random.byte()),
            4 => {
                let piece = PIECES[random.below(PIECES.len())].as_bytes();
                let times = if random.below(20) == 0 { 1_000 } else { 1 };
                text.splice(position..position, piece.repeat(times));
            }
            _ => text.truncate(position),
        }
    }
    text
}

#[test]
fn a_changed_file_is_an_error_or_an_answer() {
    let corpus = corpus();
    assert!(corpus.len() > 40);
    let repository = tempfile::tempdir().unwrap();
    let file = repository.path().join("definitions.py");
    let reader = reader(repository.path());
    let mut random = Random::seeded();
    let cases = fuzz(|| {
        let text = changed(&corpus[random.below(corpus.len())], &corpus, &mut random);
        std::fs::write(&file, &text).unwrap();
        if let Err(errors) = reader.read() {
            assert!(!errors.is_empty());
            let failed = errors.iter().any(|error| error.message.contains("the reader failed"));
            assert!(!failed, "{}", String::from_utf8_lossy(&text));
        }
    });
    assert!(cases > 0);
}
