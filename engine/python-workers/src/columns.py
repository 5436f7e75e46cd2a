"""Columns of a worker: from bytes to Python's values, and from what a function gives to the bytes of a column.

Owns the encoding of `columns.rs`, and Feast's rules for what becomes of a value in a column of its declared type, with the texts of
Feast's errors (`python_values_to_proto_values`). A missing time is null. Must not know views and calls. It is run before `worker.py`,
in the same module.
"""
import datetime
import itertools
import json
import operator
import sys
from array import array

UTC = datetime.timezone.utc


class Unconvertible(Exception):
    """A value cannot be brought to the type of its column."""

    def __init__(self, column, error):
        self.column, self.error = column, error


def read_column(data, at, rows, kind):
    """The values of a column of python mode, and where the next one begins."""
    present = None
    if data[at]:
        present = data[at + 1 : at + 1 + rows]
        at += rows
    values, at = READERS[kind[0]](data, at + 1, rows, kind)
    convert = CONVERSIONS.get(kind[0])
    if convert is None:
        return (values if present is None else [v if p else None for v, p in zip(values, present)]), at
    return [convert(v) if p else None for v, p in zip(values, present or itertools.repeat(True))], at


def numbers(code, width):
    def read(data, at, rows, _kind):
        end = at + width * rows
        if end == at:
            return [], at  # a view of nothing cannot be cast
        return data[at:end].cast(code).tolist(), end

    return read


def read_bytes(data, at, rows, _kind):
    lengths, at = numbers("I", 4)(data, at, rows, None)
    values = []
    for length in lengths:
        values.append(bytes(data[at : at + length]))
        at += length
    return values, at


def read_text(data, at, rows, kind):
    values, at = read_bytes(data, at, rows, kind)
    return [value.decode() for value in values], at


def read_lists(data, at, rows, kind):
    lengths, at = numbers("I", 4)(data, at, rows, None)
    items, at = read_column(data, at, sum(lengths), kind[1:])
    items = iter(items)
    return [list(itertools.islice(items, length)) for length in lengths], at


def uuid_of(text):
    import uuid

    return uuid.UUID(text)


def decimal_of(text):
    import decimal

    return decimal.Decimal(text)


READERS = {
    "q": numbers("q", 8), "i": numbers("i", 4), "d": numbers("d", 8), "f": numbers("f", 4), "?": numbers("?", 1),
    "t": numbers("q", 8), "s": read_text, "b": read_bytes, "u": read_text, "D": read_text, "j": read_text, "z": read_text,
    "[": read_lists,
}
CONVERSIONS = {
    "t": lambda seconds: datetime.datetime.fromtimestamp(seconds, UTC),
    "u": uuid_of, "D": decimal_of, "j": json.loads, "z": datetime.datetime.fromisoformat,
}


def write_column(values, present, kind):
    """The bytes of a column. What is missing is null in `values` already, that is 0 or empty."""
    flags = b"\0" if present is None else b"\1" + bytes(present)
    code = {"t": "q", "?": "b", "u": "s", "D": "s", "j": "s", "m": "s"}.get(kind[0], kind[0])
    if code in "qidfb" and kind != "b":
        return flags + array(code, values).tobytes()
    if code == "[":
        lengths = array("I", map(len, values)).tobytes()
        items = list(itertools.chain.from_iterable(values))
        missing = [item is not None for item in items] if None in items else None
        return flags + lengths + write_column([0 if i is None else i for i in items] if missing else items, missing, kind[1:])
    parts = values if kind == "b" else [value.encode() for value in values] if values else []
    return flags + array("I", map(len, parts)).tobytes() + b"".join(parts)


# The class of values that need no rule, by kind, and what stands for a missing one.
PLAIN = {"q": (int, 0), "i": (int, 0), "d": (float, 0.0), "f": (float, 0.0), "?": (bool, False), "s": (str, "")}


def plain_column(values, kind):
    """As `column_of` where there is nothing to convert, or None: the usual case, five times as fast."""
    plain, zero = PLAIN.get(kind, (None, None))
    types = set(map(type, values))
    has_none = type(None) in types
    types.discard(type(None))
    if types != {plain}:
        return None
    present = None
    if plain is float:
        present = [v is not None and v == v for v in values]
        present = None if all(present) else present
    elif has_none:
        present = [v is not None for v in values]
    if has_none:
        values = [zero if v is None else v for v in values]
    if plain is int and not in_range(values, 64 if kind == "q" else 32):
        return None
    return write_column(values, present, kind)


def column_of(name, values, kind):
    """The bytes of a column of the values that a function gave."""
    try:
        usual = plain_column(values, kind)
        if usual is not None:
            return usual
        if kind[0] == "[":
            values = list_values(values, kind)
        elif kind in DOCUMENTS:
            values = [None if value is None else DOCUMENTS[kind](value) for value in values]
        elif kind == "t":
            values = [None if is_array_like(v) or is_missing(v) else seconds_of(v) for v in values]
        else:
            values = scalar_values(values, kind)
        present = [value is not None for value in values]
        if all(present):
            return write_column(values, None, kind)
        zero = {"[": [], "b": b"", "s": "", "u": "", "D": "", "j": "", "m": ""}.get(kind[0], 0)
        return write_column([zero if value is None else value for value in values], present, kind)
    except Exception as error:
        raise Unconvertible(name, error) from error


def is_array_like(value):
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes))


def is_missing(value):
    """As `pandas.isnull`, of values that are no arrays."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    try:
        return bool(value != value)
    except Exception:
        return False


def scalar_values(values, kind):
    sample = next((v for v in values if v is not None and not is_array_like(v)), None)
    if sample is None:
        return [None] * len(values)
    check_sample(sample, kind)
    convert = SCALARS[kind]
    return [None if is_array_like(v) or is_missing(v) else convert(v) for v in values]


def check_sample(sample, kind):
    """Feast looks at the first value of these types only."""
    numpy = sys.modules.get("numpy")
    integers = {int} | ({numpy.int64} if numpy else set())
    floats = {float} | ({numpy.float64} if numpy else set())
    if kind == "d":
        import decimal

        valid = integers | floats | {decimal.Decimal}
    elif kind == "?":
        valid = integers | {bool} | ({numpy.bool_} if numpy else set())
    elif kind == "b":
        valid = {bytes}
    elif kind == "u":
        import uuid

        valid = {str, uuid.UUID}
    elif kind == "D":
        import decimal

        valid = {str, decimal.Decimal}
    else:
        return
    assert type(sample) in valid, f"Type `{type(sample)}` not in {valid}"


def in_range(values, bits):
    limit = 1 << (bits - 1)
    return -limit <= min(values) and max(values) < limit


def integer(bits):
    limit = 1 << (bits - 1)

    def convert(value):
        number = int(value.timestamp()) if type(value).__name__ == "Timestamp" else int(value)
        if not -limit <= number < limit:
            raise ValueError(f"Value out of range: {number}")
        return number

    return convert


def json_text(value):
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        json.loads(value)
    except ValueError as error:
        raise ValueError(f"Invalid JSON string for JSON type: {error}") from error
    return value


def map_text(value):
    if isinstance(value, str):
        value = json.loads(value)
    if not isinstance(value, dict):
        raise TypeError(f"Expected dict for MAP type, got {type(value).__name__}: {value!r}")
    return json.dumps(map_value(value), allow_nan=False)


def map_value(value):
    """A value in a map. Which kinds a list in it may have is checked by who gets it."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"a key of a map is a {type(key).__name__}")
        return {key: map_value(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [map_value(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return None if is_missing(value) else value
    raise TypeError(f"a value of a map is a {type(value).__name__}")


DOCUMENTS = {"j": json_text, "m": map_text}

SCALARS = {
    "q": integer(64), "i": integer(32), "f": lambda value: array("f", [float(value)])[0], "d": lambda value: array("d", [value])[0],
    "?": lambda value: bool(value) if type(value).__name__ in ("bool", "bool_") else operator.index(value) != 0,
    "s": str, "b": bytes, "u": str, "D": str,
}


def seconds_of(value):
    if isinstance(value, datetime.datetime):
        return int((value.replace(tzinfo=UTC) if value.utcoffset() is None else value).timestamp())
    if type(value).__name__ == "datetime64":
        return int(value.astype("datetime64[s]").astype("int64"))
    return integer(64)(value)


ITEMS = {
    # Names of classes that an item may have, and what an item that is None becomes.
    "q": (("int64", "int32", "int"), 0), "i": (("int64", "int32", "int"), 0), "d": (("float64", "float32", "float"), 0.0),
    "f": (("float32", "float64", "float"), 0.0), "?": (("bool_", "bool"), False),
    "s": (("str_", "str"), ""), "b": (("bytes_", "bytes"), b""),
    "t": (("datetime64", "int64", "int32", "int", "datetime", "Timestamp"), None),
    "u": (("str_", "str", "UUID"), ""), "D": (("str_", "str", "Decimal"), ""),
}


def list_values(values, kind):
    valid, nothing = ITEMS[kind[1]]
    rows = [None if not is_array_like(v) and not isinstance(v, (str, bytes)) and is_missing(v) else items_of(v, nothing) for v in values]
    sample = next((row for row in rows if row), ())
    for item in sample:
        if item is not None and type(item).__name__ not in valid:
            expected = getattr(sys.modules.get("numpy"), valid[0], f"<class 'numpy.{valid[0]}'>")
            raise TypeError(f'Value "{item}" is of type {type(item)} not of type {expected}')
    convert = ITEM_CONVERSIONS.get(kind[1]) or SCALARS[kind[1]]
    return [None if row is None else [None if item is None else convert(item) for item in row] for row in rows]


def items_of(value, nothing):
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [nothing if item is None else item for item in value]


def ranged(bits):
    convert = integer(bits)
    return lambda item: convert(operator.index(item))


def text_item(item):
    if isinstance(item, str):
        return str(item)
    raise TypeError(f"an item of a list of texts is a {type(item).__name__}")


ITEM_CONVERSIONS = {"t": seconds_of, "q": ranged(64), "i": ranged(32), "s": text_item, "?": bool}


def frame_column(name, frame, kind):
    series = frame[name]
    dtype = str(getattr(series, "dtype", ""))
    if (kind, dtype) in (("q", "int64"), ("?", "bool")):
        return b"\0" + series.to_numpy().tobytes()
    if (kind, dtype) in (("d", "int64"), ("d", "float64")):
        numbers = series.to_numpy().astype("float64")
        missing = numbers != numbers
        return (b"\1" + (~missing).tobytes() if missing.any() else b"\0") + numbers.tobytes()
    import pyarrow

    # What Feast makes of a frame goes through Arrow, which has rules and errors of its own.
    try:
        values = list(pyarrow.Table.from_pandas(frame[[name]], preserve_index=False)[name].to_numpy())
    except Exception as error:
        raise Unconvertible(name, error) from error
    return column_of(name, values, kind)
