//! Times, kinds of values, iterators, and objects that are changed after they are made.

/// Files that give an entity a name, and the name; where Python's is not known, reading is refused.
pub(super) const NAMES: &[(&str, Option<&str>)] = &[
    (
        "from datetime import timedelta\nn = str(timedelta(days=0.1, seconds=1e-7))",
        Some("2:24:00"),
    ),
    (
        "from datetime import timedelta\nn = str(timedelta(microseconds=2.5)) + str(timedelta(microseconds=3.5))",
        Some("0:00:00.0000020:00:00.000004"),
    ),
    (
        "from datetime import timedelta\nn = str(timedelta(days=999999999) + timedelta(hours=23))",
        Some("999999999 days, 23:00:00"),
    ),
    (
        "from datetime import timedelta\ntry:\n    n = str(timedelta(days=1e300))\nexcept OverflowError:\n    n = 'long'",
        Some("long"),
    ),
    (
        "from datetime import timedelta\ntry:\n    n = str(timedelta(days=float('nan')))\nexcept ValueError:\n    n = 'nan'",
        Some("nan"),
    ),
    (
        "from datetime import datetime, timedelta\ntry:\n    n = str(datetime(9999, 12, 31) + timedelta(days=1))\nexcept OverflowError:\n    n = 'late'",
        Some("late"),
    ),
    (
        "from datetime import datetime\nn = str(datetime.strptime('2026-1-05', '%Y-%m-%d').day)",
        Some("5"),
    ),
    (
        "from datetime import datetime\nn = str(datetime.strptime('1112', '%m%d%H'))",
        None,
    ),
    (
        "from datetime import datetime\nn = str(datetime.strptime('5 May 2026', '%d %b %Y'))",
        None,
    ),
    (
        "from datetime import datetime\ntry:\n    n = str(datetime.strptime('2026', '%Y-%m'))\nexcept ValueError:\n    n = 'other'",
        Some("other"),
    ),
    ("import pandas as pd\nn = str(pd.Timedelta('1 day'))", None),
    (
        "import pandas as pd\nn = str(pd.Timedelta('-1 days +02:03:04').days)",
        None,
    ),
    ("import pandas as pd\nn = str(pd.Timedelta(1).seconds)", None),
    (
        "import pandas as pd\nn = str(pd.Timedelta('1.5 hours').seconds)",
        Some("5400"),
    ),
    (
        "import pandas as pd\ntry:\n    n = str(pd.Timedelta(days=200000).days)\nexcept ValueError:\n    n = 'bounds'",
        Some("bounds"),
    ),
    ("import pandas as pd\nn = str((pd.Timedelta(days=1) / 7).days)", None),
    ("from collections import OrderedDict\nn = str(OrderedDict(a=1))", None),
    (
        "from collections import defaultdict\nd = defaultdict(list)\nd['a'].append('b')\nn = str(d)",
        None,
    ),
    (
        "from collections import defaultdict\nd = defaultdict()\ntry:\n    n = d['a']\nexcept KeyError:\n    n = 'none'",
        Some("none"),
    ),
    (
        "from collections import Counter\nc = Counter('aab')\nc.update('a')\nn = str(c['a'])",
        None,
    ),
    (
        "from enum import Enum\nclass E(str, Enum):\n    A = 'a'\nn = f'{E.A}'",
        None,
    ),
    (
        "from enum import Enum\nclass E(str, Enum):\n    A = 'a'\nn = str(E.A)",
        Some("E.A"),
    ),
    (
        "from enum import IntEnum\nclass E(IntEnum):\n    A = 1\nn = str(E.A)",
        None,
    ),
    (
        "from enum import StrEnum, auto\nclass E(StrEnum):\n    A = auto()\nn = f'{E.A}{E.A!s}{E.A!r}'",
        Some("aa<E.A: 'a'>"),
    ),
    (
        "from enum import Enum\nclass E(Enum):\n    A = 'a'\n    def __format__(self, spec):\n        return 'f'\nn = f'{E.A}'",
        None,
    ),
    ("g = (c for c in 'ab')\nn = ''.join(g) + ''.join(g)", Some("ab")),
    ("g = map(len, ['a'])\nn = str(list(g)) + str(list(g))", Some("[1][]")),
    (
        "def f():\n    yield 'a'\ng = f()\nn = next(g) + next(g, 'b')",
        Some("ab"),
    ),
    ("def f():\n    yield 'a'\ng = f()\nn = str('a' in g)", None),
    (
        "import random\ndef f():\n    if random.random() > 2:\n        yield 'a'\n    yield 'b'\nn = ''.join(f())",
        None,
    ),
    (
        "import random\ndef f():\n    yield 'a'\n    if random.random() > 2:\n        return\n    yield 'b'\nn = ''.join(f())",
        None,
    ),
    ("i = iter('abcd')\nn = str(list(zip(i, i)))", None),
    ("n = str(range(2))", None),
    ("n = str({'a': 1}.keys())", None),
    (
        "n = str(isinstance(range(2), list)) + str(isinstance(True, int)) + str(isinstance({'a': 1}.items(), list))",
        Some("FalseTrueFalse"),
    ),
    ("import acme\nn = str(isinstance(acme.x, str))", None),
    ("import acme\nn = str(isinstance(1, acme.X))", None),
    (
        "class A(__import__('acme').B):\n    pass\nclass C:\n    pass\nn = str(isinstance(A(), C))",
        None,
    ),
    (
        "from typing import NamedTuple\nclass P(NamedTuple):\n    a: str\n    b: str = 'y'\nn = '%s%s' % P('x')",
        Some("xy"),
    ),
    (
        "from collections import namedtuple\nP = namedtuple('P', 'a b')\ntry:\n    n = P('x').a\nexcept TypeError:\n    n = 'missing'",
        Some("missing"),
    ),
    (
        "from collections import namedtuple\ntry:\n    n = namedtuple('P', 'a a')('x', 'y').a\nexcept ValueError:\n    n = 'twice'",
        Some("twice"),
    ),
    (
        "from collections import namedtuple\nn = namedtuple('P', 'class', rename=True)('x')[0]",
        None,
    ),
    (
        "from dataclasses import dataclass\n@dataclass\nclass D:\n    k = 'attribute'\n    a: str\nn = D('x').a",
        Some("x"),
    ),
    (
        "x = Entity(name='x')\nx.description = 'd'\nn = x.description",
        Some("d"),
    ),
    (
        "x = Entity(name='x')\nx.tags.update({'a': 'b'}, c='d')\nn = ''.join(x.tags.values())",
        Some("bd"),
    ),
    (
        "t = {'a': 'b'}\nx = Entity(name='x', tags=t)\nx.tags['c'] = 'd'\nn = 'a'",
        None,
    ),
    (
        "import random\nx = Entity(name='x')\nif random.random() > 2:\n    x.owner = 'o'\nn = 'a'",
        None,
    ),
    (
        "import random\nx = Entity(name='x')\nx.owner = str(random.random())\nn = 'a'",
        None,
    ),
    (
        "from feast import FeatureView, FileSource\ns = FileSource(name='s', path='p')\nv = FeatureView(name='v', source=s)\ns.owner = 'o'\nn = 'a'",
        None,
    ),
    (
        "from feast import FeatureView, FileSource\nv = FeatureView(name='v', source=FileSource(name='s', path='p'))\nv.batch_source.owner = 'o'\nn = 'a'",
        None,
    ),
    (
        "import pandas as pd\ntry:\n    n = pd.read_parquet('no.parquet').columns[0]\nexcept FileNotFoundError:\n    n = 'missing'",
        Some("missing"),
    ),
    (
        "import pandas as pd\nn = pd.read_parquet('definitions.py').columns[0]",
        None,
    ),
    (
        "n = str(1 << 62) + str(-5 >> 1) + str(round(0.125, 2) if False else round(2.675, 2)) + hex(255) + str(int('-ff', 16))",
        Some("4611686018427387904-32.670xff-255"),
    ),
    ("n = str(1 << 64)", None),
];
