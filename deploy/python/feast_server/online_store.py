"""The online store of Python Feast that is a feature server.

    online_store:
        type: feast_server.RustOnlineStore
        path: http://localhost:6566

Owns what is asked of the server and in which order. How the server is reached is `_server`'s, what values become on the way is
`_values`'. Feast finds the configuration by the store's name, so both are in this module.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Literal

from feast import FeatureService, FeatureView, RepoConfig, utils
from feast.infra.online_stores.remote import RemoteOnlineStore, RemoteOnlineStoreConfig
from feast.infra.registry.base_registry import BaseRegistry
from feast.infra.supported_async_methods import SupportedAsyncMethods
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.online_response import OnlineResponse
from feast.protos.feast.types.EntityKey_pb2 import EntityKey as EntityKeyProto
from feast.protos.feast.types.Value_pb2 import RepeatedValue
from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from feast.value_type import ValueType
from pydantic import Field

from feast_server._answer import ColumnsResponse, rows_of_view
from feast_server._server import Server, ServerError
from feast_server._values import json_of_key, json_of_value

__all__ = ["RustOnlineStore", "RustOnlineStoreConfig", "ServerError"]

EntityRows = list[dict[str, Any]] | Mapping[str, Sequence[Any] | RepeatedValue]
"""What Feast takes for the keys of a read."""
Row = tuple[EntityKeyProto, dict[str, ValueProto], datetime, datetime | None]
"""A row that Feast writes: its key, its features, and its event and created time."""

MAX_ROWS = 10_000
"""Rows of one request of a write. More are written in several, each as a whole."""
MAX_BYTES = 64 << 20
"""The body of one, beyond which it is cut in two: the server takes 256 MiB."""


class RustOnlineStoreConfig(RemoteOnlineStoreConfig):
    """The block `online_store`. `path` is the address of the server, `cert` the certificates that its own is checked with."""

    type: Literal["feast_server.RustOnlineStore"] = "feast_server.RustOnlineStore"  # type: ignore[assignment]
    """Chooses this online store."""

    timeout_seconds: float = Field(default=60, gt=0)
    """The longest that the server may be silent before a request is given up."""


class RustOnlineStore(RemoteOnlineStore):
    """Reads and writes through a feature server: a read is one request, whatever its views are, and comes back as columns."""

    def __init__(self) -> None:
        self._server = Server()

    @property
    def async_supported(self) -> SupportedAsyncMethods:
        """Both: a thread waits for the server."""
        return SupportedAsyncMethods(read=True, write=True)

    def get_online_features(
        self,
        config: RepoConfig,
        features: list[str] | FeatureService,
        entity_rows: EntityRows,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        include_feature_view_version_metadata: bool = False,
    ) -> OnlineResponse:
        """Features of several views, and what on-demand views compute from them: the server runs their functions."""
        types = _types_of_answer(registry, project, features, full_feature_names)
        body = {
            "entities": _columns_of(entity_rows),
            "full_feature_names": full_feature_names,
            "include_feature_view_version_metadata": include_feature_view_version_metadata,
        }
        if isinstance(features, FeatureService):
            body["feature_service"] = features.name
        else:
            body["features"] = list(features)
        return ColumnsResponse(self._server.read(config, body), types)

    async def get_online_features_async(
        self,
        config: RepoConfig,
        features: list[str] | FeatureService,
        entity_rows: EntityRows,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        include_feature_view_version_metadata: bool = False,
    ) -> OnlineResponse:
        """`get_online_features` without holding up the event loop."""
        return await asyncio.to_thread(
            self.get_online_features,
            config,
            features,
            entity_rows,
            registry,
            project,
            full_feature_names,
            include_feature_view_version_metadata,
        )

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKeyProto],
        requested_features: list[str] | None = None,
    ) -> list[tuple[datetime | None, dict[str, ValueProto] | None]]:
        """Rows of one view, each with its own event time; (None, None) for keys that have none."""
        if not entity_keys:
            return []
        types = {field.name: field.dtype.to_value_type() for field in table.features}
        names = list(types) if requested_features is None else requested_features
        body = {
            "entities": _key_columns(entity_keys),
            "features": [f"{table.name}:{name}" for name in names],
        }
        return rows_of_view(self._server.read(config, body), names, types)

    async def online_read_async(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKeyProto],
        requested_features: list[str] | None = None,
    ) -> list[tuple[datetime | None, dict[str, ValueProto] | None]]:
        """`online_read` without holding up the event loop."""
        return await asyncio.to_thread(self.online_read, config, table, entity_keys, requested_features)

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[Row],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Writes rows of one view. What was reported to `progress` is on the server's disk."""
        for start in range(0, len(data), MAX_ROWS):
            self._write(config, table, data[start : start + MAX_ROWS], progress)

    async def online_write_batch_async(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[Row],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """`online_write_batch` without holding up the event loop."""
        await asyncio.to_thread(self.online_write_batch, config, table, data, progress)

    def retrieve_online_documents(self, config: RepoConfig, table: FeatureView, *_: Any, **__: Any) -> Any:
        """Refused: the server offers no vector search."""
        raise NotImplementedError(f"vector search in {table.name} is not supported by the feature server")

    def retrieve_online_documents_v2(self, config: RepoConfig, table: FeatureView, *_: Any, **__: Any) -> Any:
        """Refused: the server offers no vector search."""
        raise NotImplementedError(f"vector search in {table.name} is not supported by the feature server")

    async def close(self) -> None:
        """Closes the connections to the server."""
        self._server.close()

    def _write(
        self, config: RepoConfig, table: FeatureView, rows: list[Row], progress: Callable[[int], Any] | None
    ) -> None:
        body = json.dumps(_written(table, rows), allow_nan=False).encode()
        if len(body) > MAX_BYTES and len(rows) > 1:
            half = len(rows) // 2
            self._write(config, table, rows[:half], progress)
            self._write(config, table, rows[half:], progress)
            return
        self._server.write(config, body)
        if progress:
            progress(len(rows))


def _types_of_answer(
    registry: BaseRegistry, project: str, features: list[str] | FeatureService, full_feature_names: bool
) -> dict[str, ValueType]:
    """The types of the columns of an answer, as the registry has them. Feast remembers what it found there."""
    _, on_demand_views, _, key_types, _, grouped, *_ = utils._get_cached_request_context(
        registry, project, features, full_feature_names
    )
    types = dict(key_types)
    views = [view for view, _ in grouped] + list(on_demand_views)
    for view in views:
        prefix = f"{view.projection.name_to_use()}__" if full_feature_names else ""
        for field in view.features:
            types[prefix + field.name] = field.dtype.to_value_type()
    return types


def _columns_of(entity_rows: EntityRows) -> dict[str, list[Any]]:
    """Keys by their names, as JSON. Rows must have the same names."""
    if isinstance(entity_rows, list):
        names = list(entity_rows[0]) if entity_rows else []
        for row, keys in enumerate(entity_rows):
            if len(keys) != len(names) or any(name not in keys for name in names):
                raise ValueError(
                    f"All entity_rows must have the same keys: row {row} has {sorted(keys)}, row 0 {sorted(names)}."
                )
        columns: Mapping[str, Any] = {name: [keys[name] for keys in entity_rows] for name in names}
    else:
        columns = entity_rows
    if not columns:
        raise ValueError("entity_rows has no keys, so it is not known how many rows are asked for")
    return {
        name: [json_of_key(value) for value in (values.val if isinstance(values, RepeatedValue) else values)]
        for name, values in columns.items()
    }


def _key_columns(entity_keys: Sequence[EntityKeyProto]) -> dict[str, list[Any]]:
    """The parts of keys of one view, by the names of the join keys."""
    names = list(entity_keys[0].join_keys)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for key in entity_keys:
        if list(key.join_keys) != names:
            raise ValueError(f"keys of one view have different join keys: {list(key.join_keys)} and {names}")
        for name, value in zip(names, key.entity_values, strict=True):
            columns[name].append(json_of_value(value))
    return columns


def _written(table: FeatureView, rows: Sequence[Row]) -> dict[str, Any]:
    """The request that writes rows, whose columns have the names that the server knows from the view's source."""
    columns = _key_columns([key for key, *_ in rows])
    for field in table.features:
        values = (features.get(field.name) for _, features, _, _ in rows)
        columns[field.name] = [None if value is None else json_of_value(value) for value in values]
    body: dict[str, Any] = {"feature_view_name": table.name, "df": columns, "allow_registry_cache": False}
    if isinstance(table, OnDemandFeatureView):
        # What Feast writes of one is what its function has given. Its rows are of now, as in Feast.
        return body | {"transform_on_write": False}
    source = table.batch_source
    if source is None:
        raise ValueError(f"feature view {table.name} has no batch source, which names the columns of its times")
    columns[source.timestamp_field] = [_utc(event_time) for _, _, event_time, _ in rows]
    if source.created_timestamp_column:
        columns[source.created_timestamp_column] = [created and _utc(created) for _, _, _, created in rows]
    return body


def _utc(time: datetime) -> str:
    """Feast's times without a zone are in UTC."""
    return time.replace(tzinfo=timezone.utc).isoformat() if time.tzinfo is None else time.isoformat()
