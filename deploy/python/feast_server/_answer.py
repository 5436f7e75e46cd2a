"""What the server answers to a read: a table with a column for each join key, and three for each feature."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow
from feast.feature_view import DUMMY_ENTITY_ID
from feast.online_response import TIMESTAMP_POSTFIX, OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import (
    FieldStatus,
    GetOnlineFeaturesResponse,
    GetOnlineFeaturesResponseMetadata,
)
from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from feast.value_type import ValueType
from google.protobuf.timestamp_pb2 import Timestamp

from feast_server._values import proto_values, python_values, type_of_column

STATUS_SUFFIX = "__status"
VIEW_METADATA = b"feature_view_metadata"
MICROS = 1_000_000


@dataclass(frozen=True)
class Column:
    """A join key, which is always there, or a feature."""

    name: str
    value_type: ValueType
    values: pyarrow.Array
    statuses: list[int] | None
    micros: list[int] | None


def columns_of(table: pyarrow.RecordBatch, types: Mapping[str, ValueType]) -> list[Column]:
    """The columns of an answer in its order."""
    names = table.schema.names
    columns, next_ = [], 0
    while next_ < len(names):
        name = names[next_]
        values = table.column(next_)
        is_feature = names[next_ + 1 : next_ + 3] == [name + STATUS_SUFFIX, name + TIMESTAMP_POSTFIX]
        statuses = table.column(next_ + 1).to_pylist() if is_feature else None
        micros = table.column(next_ + 2).cast(pyarrow.int64()).to_pylist() if is_feature else None
        if name != DUMMY_ENTITY_ID:
            columns.append(Column(name, type_of_column(values, types.get(name)), values, statuses, micros))
        next_ += 3 if is_feature else 1
    return columns


class ColumnsResponse(OnlineResponse):
    """An answer that stays columns, unless somebody asks for Feast's protobuf."""

    def __init__(self, table: pyarrow.RecordBatch, types: Mapping[str, ValueType]) -> None:
        self._columns = columns_of(table, types)
        self._rows = table.num_rows
        self._metadata = table.schema.metadata or {}
        self._feature_types = {column.name: column.value_type for column in self._columns}

    def to_dict(self, include_event_timestamps: bool = False) -> dict[str, Any]:
        """Values by name; with their event times, in seconds, under NAME__ts."""
        answer: dict[str, list[Any]] = {}
        for column in self._columns:
            answer[column.name] = python_values(column.values, column.value_type)
            if include_event_timestamps:
                micros = column.micros or [0] * self._rows
                answer[column.name + TIMESTAMP_POSTFIX] = [time // MICROS for time in micros]
        return answer

    @cached_property
    def proto(self) -> GetOnlineFeaturesResponse:  # type: ignore[override]
        """The answer as Feast's other online stores give it."""
        metadata = GetOnlineFeaturesResponseMetadata()
        metadata.feature_names.val.extend(column.name for column in self._columns)
        for view in json.loads(self._metadata.get(VIEW_METADATA, b"[]")):
            metadata.feature_view_metadata.add(name=view["name"], version=view.get("version", 0))
        results = [
            GetOnlineFeaturesResponse.FeatureVector(
                values=proto_values(column.values, column.value_type),
                statuses=column.statuses or [FieldStatus.PRESENT] * self._rows,
                event_timestamps=[_timestamp(time) for time in column.micros or [0] * self._rows],
            )
            for column in self._columns
        ]
        return GetOnlineFeaturesResponse(metadata=metadata, results=results, status=True)


def rows_of_view(
    table: pyarrow.RecordBatch, names: Sequence[str], types: Mapping[str, ValueType]
) -> list[tuple[datetime | None, dict[str, ValueProto] | None]]:
    """An answer about one view, row by row. All features of a row have one event time."""
    columns = {column.name: column for column in columns_of(table, types)}
    features = {name: proto_values(columns[name].values, columns[name].value_type) for name in names}
    if not features:
        return [(None, None)] * table.num_rows
    statuses = columns[names[0]].statuses or []
    times = table.column(names[0] + TIMESTAMP_POSTFIX).to_pylist()
    return [
        (None, None) if status == FieldStatus.NOT_FOUND else (time, {name: features[name][row] for name in names})
        for row, (status, time) in enumerate(zip(statuses, times, strict=True))
    ]


def _timestamp(micros: int) -> Timestamp:
    return Timestamp(seconds=micros // MICROS, nanos=micros % MICROS * 1000)
