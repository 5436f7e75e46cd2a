//! Numbers in strings, wide formats, messages of missing keys, and the home directory.

/// Files that give an entity a name, and the name; where Python's is not known, reading is refused.
pub(super) const NAMES: &[(&str, Option<&str>)] = &[
    ("n = str(int(' -1_000 ') + int('+7'))", Some("-993")),
    ("n = str(int('0x_ff', 16) + int('F_f', 16))", Some("510")),
    ("n = str(float('1_0.5') + float(' 1e3 '))", Some("1010.5")),
    ("n = str(float('-inf') < 0)", Some("True")),
    (
        "n = ''\nfor text in ['1__0', '_1', '1_', '', '0x1', '1.0', '- 1', '1 0']:\n    try:\n        int(text)\n    except ValueError:\n        n += 'x'",
        Some("xxxxxxxx"),
    ),
    (
        "n = ''\nfor text in ['1__0.5', '_1.5', '1_.5', '', '1,5', '0x1']:\n    try:\n        float(text)\n    except ValueError:\n        n += 'x'",
        Some("xxxxxx"),
    ),
    // Python's integers have no bound, and its digits may be of any script.
    ("n = str(int('99999999999999999999'))", None),
    (
        "try:\n    n = str(int('99999999999999999999'))\nexcept ValueError:\n    n = 'no number'",
        None,
    ),
    ("n = str(int('\u{661}\u{662}'))", None),
    ("n = f'{1:>3}{1.5:.2f}{\"a\":<3}b'", Some("  11.50a  b")),
    ("n = f'{1:2000}'", None),
    ("n = f'{1.5:.200f}'", None),
    ("n = '1'.zfill(2000)", None),
    ("n = 'a'.ljust(2000)", None),
    (
        "import os\nos.environ['HOME'] = '/home/me'\nn = os.path.expanduser('~/a') + os.path.expanduser('~you/a')",
        Some("/home/me/a~you/a"),
    ),
    (
        "from dotenv import load_dotenv\nimport os\nload_dotenv()\nn = os.path.expanduser('~/a')",
        None,
    ),
    (
        "from datetime import datetime\nd = datetime(2024, 2, 29, 23, 59, 58)\nn = d.strftime('%F %T %Y%m%d%H%M%S%%') + d.isoformat() + str(d)",
        Some("2024-02-29 23:59:58 20240229235958%2024-02-29T23:59:582024-02-29 23:59:58"),
    ),
    (
        "from datetime import datetime\nn = datetime(999, 1, 1).strftime('%Y')",
        None,
    ),
    (
        "from datetime import datetime\nn = datetime(999, 1, 1).isoformat()",
        Some("0999-01-01T00:00:00"),
    ),
    (
        "from datetime import datetime\nn = ''\nfor parts in [(2023, 2, 29), (2024, 13, 1), (0, 1, 1), (2024, 1, 1, 24), (2024, 1, 1, 0, 0, 60), (2024, 1, -1)]:\n    try:\n        datetime(*parts)\n    except ValueError:\n        n += 'x'",
        Some("xxxxxx"),
    ),
];
