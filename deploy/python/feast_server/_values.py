"""Values on their way to the server and back: Python's and Feast's as JSON, and columns of an answer as Feast's and Python's.

Nothing is guessed: what JSON cannot hold is refused, naming its type.
"""

from __future__ import annotations

import base64
import json
import math
import uuid
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import numpy
import pandas
import pyarrow
from feast.protos.feast.types import Value_pb2
from feast.protos.feast.types.Value_pb2 import RepeatedValue
from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from feast.type_map import feast_value_type_to_python_type, python_values_to_proto_values
from feast.value_type import ValueType

NO_TIME = -(2**63)
"""What Feast has in the place of a null time."""

SCALARS = {
    ValueType.BYTES: "bytes_val",
    ValueType.PDF_BYTES: "bytes_val",
    ValueType.IMAGE_BYTES: "bytes_val",
    ValueType.STRING: "string_val",
    ValueType.INT32: "int32_val",
    ValueType.INT64: "int64_val",
    ValueType.DOUBLE: "double_val",
    ValueType.FLOAT: "float_val",
    ValueType.BOOL: "bool_val",
}
"""Types whose values are the same in Arrow, in Python and in Feast's protobuf, and where they are in the latter."""
LISTS = {
    ValueType.BYTES_LIST: ("bytes_list_val", Value_pb2.BytesList),
    ValueType.STRING_LIST: ("string_list_val", Value_pb2.StringList),
    ValueType.INT32_LIST: ("int32_list_val", Value_pb2.Int32List),
    ValueType.INT64_LIST: ("int64_list_val", Value_pb2.Int64List),
    ValueType.DOUBLE_LIST: ("double_list_val", Value_pb2.DoubleList),
    ValueType.FLOAT_LIST: ("float_list_val", Value_pb2.FloatList),
    ValueType.BOOL_LIST: ("bool_list_val", Value_pb2.BoolList),
}
TIMES = {
    ValueType.UNIX_TIMESTAMP_LIST: "unix_timestamp_list_val",
    ValueType.UNIX_TIMESTAMP_SET: "unix_timestamp_set_val",
}
DOCUMENT_LISTS = (ValueType.MAP_LIST, ValueType.STRUCT_LIST)
NESTED = {ValueType.VALUE_LIST: "list_val", ValueType.VALUE_SET: "set_val"}
OF_ARROW = {
    pyarrow.binary(): ValueType.BYTES,
    pyarrow.string(): ValueType.STRING,
    pyarrow.int32(): ValueType.INT32,
    pyarrow.int64(): ValueType.INT64,
    pyarrow.float64(): ValueType.DOUBLE,
    pyarrow.float32(): ValueType.FLOAT,
    pyarrow.bool_(): ValueType.BOOL,
    pyarrow.timestamp("s"): ValueType.UNIX_TIMESTAMP,
}
"""Types of columns that the registry does not know, such as data of the request."""


def json_of_key(value: Any) -> Any:
    """A key, or data of a request, as Feast's users give them."""
    if isinstance(value, (str, bool, int)) and not isinstance(value, numpy.generic) or value is None:
        return value
    if isinstance(value, ValueProto):
        return json_of_value(value)
    if isinstance(value, (list, tuple, set, frozenset, numpy.ndarray)):
        return [json_of_key(item) for item in value]
    if value is pandas.NA or value != value:
        return None
    if isinstance(value, float):
        return _json_of_float(float(value))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, numpy.datetime64):
        value = pandas.Timestamp(value)
    if isinstance(value, datetime):
        # Feast takes times without a zone for times in UTC.
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, Decimal)):
        return str(value)
    if isinstance(value, numpy.generic):
        return json_of_key(value.item())
    if isinstance(value, dict):
        return {str(name): json_of_key(member) for name, member in value.items()}
    raise TypeError(f"a {type(value).__name__} can be neither a key nor data of a request: {value!r}")


def json_of_value(value: ValueProto) -> Any:
    """A value of Feast's in a form that the server reads as the same value."""
    kind = value.WhichOneof("val")
    if kind is None or kind == "null_val":
        return None
    held = getattr(value, kind)
    match kind:
        case "bytes_val":
            return base64.b64encode(held).decode()
        case "float_val" | "double_val":
            return _json_of_float(held)
        case "unix_timestamp_val":
            return None if held == NO_TIME else held
        case "zoned_timestamp_val":
            zoned = feast_value_type_to_python_type(value)
            return zoned and zoned.isoformat()
        case "bytes_list_val" | "bytes_set_val":
            return [base64.b64encode(item).decode() for item in held.val]
        case "float_list_val" | "double_list_val" | "float_set_val" | "double_set_val":
            return [_json_of_float(item) for item in held.val]
        case "unix_timestamp_list_val" | "unix_timestamp_set_val":
            return [None if item == NO_TIME else item for item in held.val]
        case "list_val" | "set_val":
            return [json_of_value(item) for item in held.val]
        case "map_val" | "struct_val" | "map_list_val" | "struct_list_val":
            document = feast_value_type_to_python_type(value)
            _check_document(document)
            return document
        case "scalar_map_val":
            raise TypeError("maps whose keys are no texts are not kept by the feature server")
        case _ if kind.endswith(("_list_val", "_set_val")):
            return list(held.val)
        case _:
            return held


def _json_of_float(value: float) -> float | str:
    """JSON has no words for these. As a value of its own the word NaN would be null."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _check_document(value: Any) -> None:
    """Refuses what would be something else after a way through JSON."""
    if isinstance(value, dict):
        for member in value.values():
            _check_document(member)
    elif isinstance(value, list):
        for item in value:
            _check_document(item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} in a map or struct: the feature server keeps them as JSON, which has no such number")
    elif not isinstance(value, (str, bool, int, float, type(None))):
        kind = type(value).__name__
        raise TypeError(f"a {kind} in a map or struct: the feature server keeps them as JSON, which has no {kind}")


def type_of_column(column: pyarrow.Array, declared: ValueType | None) -> ValueType:
    """As it is declared, or else as it is held."""
    if declared is None and column.type not in OF_ARROW:
        raise TypeError(f"the registry does not say what a column of {column.type} holds")
    return declared or OF_ARROW[column.type]


def python_values(column: pyarrow.Array, value_type: ValueType) -> list[Any]:
    """What Feast's users get."""
    if value_type in SCALARS or value_type in LISTS:
        return column.to_pylist()
    return [feast_value_type_to_python_type(value, value_type) for value in proto_values(column, value_type)]


def proto_values(column: pyarrow.Array, value_type: ValueType) -> list[ValueProto]:
    """As Feast's other online stores hold them."""
    if (field := SCALARS.get(value_type)) is not None:
        return [ValueProto() if value is None else ValueProto(**{field: value}) for value in column.to_pylist()]
    if value_type == ValueType.UNIX_TIMESTAMP:
        seconds = column.cast(pyarrow.int64()).to_pylist()
        return [ValueProto() if value is None else ValueProto(unix_timestamp_val=value) for value in seconds]
    if (field := TIMES.get(value_type)) is not None:
        seconds = column.cast(pyarrow.list_(pyarrow.int64())).to_pylist()
        return [ValueProto() if value is None else _times(field, value) for value in seconds]
    values = column.to_pylist()
    # A null in a list has no place in Feast's protobuf: Feast itself chooses what stands there instead.
    if (of_list := LISTS.get(value_type)) is not None and not any(value and None in value for value in values):
        field, items = of_list
        return [ValueProto() if value is None else ValueProto(**{field: items(val=value)}) for value in values]
    if (field := NESTED.get(value_type)) is not None:
        return [ValueProto() if value is None else _nested(field, value, column.type.value_type) for value in values]
    if value_type in DOCUMENT_LISTS:
        values = [value and [json.loads(item) for item in value] for value in values]
    elif value_type == ValueType.ZONED_TIMESTAMP:
        values = [value and datetime.fromisoformat(value) for value in values]
    elif value_type.name.endswith("_SET"):
        values = [value if value is None else set(value) for value in values]
    return python_values_to_proto_values(values, value_type)


def _nested(field: str, lists: list[list[Any] | None], of_type: pyarrow.ListType) -> ValueProto:
    """A list of lists. Feast has nothing in the place of one that is empty or null."""
    items = of_type.value_type

    def inner(value: list[Any]) -> ValueProto:
        if pyarrow.types.is_list(items):
            return _nested("list_val", value, items)
        [proto] = proto_values(pyarrow.array([value], of_type), ValueType[f"{OF_ARROW[items].name}_LIST"])
        return proto

    return ValueProto(**{field: RepeatedValue(val=[inner(value) if value else ValueProto() for value in lists])})


def _times(field: str, seconds: list[int | None]) -> ValueProto:
    times = [NO_TIME if time is None else time for time in seconds]
    kind = Value_pb2.Int64Set if field.endswith("_set_val") else Value_pb2.Int64List
    return ValueProto(**{field: kind(val=times)})
