"""Repositories in the form of Feast's own benchmark grid: one entity, views of ten Int64 features, feature services of some of
them.

Their values follow from entity and feature, so that every answer can be checked without reading the source again.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet

PROJECT = "grid"
FEATURES_PER_VIEW = 10


@dataclass(frozen=True)
class Layout:
    """How many views there are on the one join key, and how many features each feature service has."""

    views: int
    services: tuple[int, ...]
    # Definitions behind those of views and services.
    more: str = ""

    @property
    def features(self) -> int:
        return self.views * FEATURES_PER_VIEW


# The one of Feast's own benchmark.
GRID = Layout(views=25, services=(50, 250))

HEAD = """from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Int64

entity = Entity(name="entity", join_keys=["entity"], value_type=ValueType.INT64)
source = FileSource(name="features", path="{parquet}", timestamp_field="event_timestamp")


def ten_features(view):
    return FeatureView(
        name=f"view_{{view}}",
        entities=[entity],
        ttl=timedelta(days=0),
        schema=[Field(name=f"feature_{{10 * view + feature}}", dtype=Int64) for feature in range(10)],
        source=source,
    )

"""


def definitions(parquet: Path, layout: Layout) -> str:
    """Each object under a name of the module, where Feast looks for them."""
    views = [f"view_{view} = ten_features({view})" for view in range(layout.views)]
    services = [
        f'service_{features} = FeatureService(name="service_{features}", features=['
        + ", ".join(f"view_{view}" for view in range(features // FEATURES_PER_VIEW))
        + "])"
        for features in layout.services
    ]
    return HEAD.format(parquet=parquet) + "\n".join(views + services) + "\n" + layout.more


def value(entity, feature):
    """Between 0 and 49,999, for single numbers and for columns."""
    return (entity * 7919 + feature * 104729) % 50_000


def write_source(path: Path, entities: int, layout: Layout) -> None:
    """One row an entity, all of them with event times of their own within the same day."""
    ids = numpy.arange(entities, dtype=numpy.int64)
    columns = {
        "entity": ids,
        "event_timestamp": pyarrow.array(1_790_000_000_000_000 + ids * 61_001, pyarrow.timestamp("us", "UTC")),
    }
    for feature in range(layout.features):
        columns[f"feature_{feature}"] = value(ids, feature)
    pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=100_000)


def write_repository(directory: Path, parquet: Path, layout: Layout, settings: dict) -> None:
    """`settings` are those in which repositories differ: the online store, and how it is served."""
    directory.mkdir(parents=True)
    (directory / "definitions.py").write_text(definitions(parquet, layout))
    shared = {
        "project": PROJECT,
        "provider": "local",
        "registry": "data/registry.db",
        "offline_store": {"type": "file"},
        "entity_key_serialization_version": 3,
    }
    # JSON is YAML.
    (directory / "feature_store.yaml").write_text(json.dumps(shared | settings))
    (directory / "data").mkdir()


def write_requests(path: Path, rows: int, features: int, entities: int, count: int) -> None:
    """Requests for random entities, with the values that their answers must have."""
    choose = random.Random(rows * 1000 + features)
    with path.open("w") as file:
        for _ in range(count):
            requested = [choose.randrange(entities) for _ in range(rows)]
            body = {"feature_service": f"service_{features}", "entities": {"entity": requested}}
            values = {
                f"feature_{feature}": [value(entity, feature) for entity in requested] for feature in range(features)
            }
            print(json.dumps({"body": body, "values": values}), file=file)
