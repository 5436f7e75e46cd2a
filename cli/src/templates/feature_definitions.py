"""Hourly statistics of drivers. An example: change it, then run `feast apply`."""

from datetime import timedelta

import pandas as pd
from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, RequestSource, ValueType
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float32, Float64, Int64

# What the features describe, and the column that identifies it.
driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64, description="a driver")

# History: one row per driver and hour. Of two rows for the same hour the one created later is valid.
driver_stats_source = FileSource(
    name="driver_stats_source",
    path="data/driver_stats.parquet",
    timestamp_field="event_timestamp",
    created_timestamp_column="created",
)

# Fresh rows: POST /push writes them to the online store, to the file above, or to both.
driver_stats_push_source = PushSource(name="driver_stats_push_source", batch_source=driver_stats_source)

driver_hourly_stats = FeatureView(
    name="driver_hourly_stats",
    entities=[driver],
    ttl=timedelta(days=1),
    schema=[
        Field(name="conv_rate", dtype=Float32),
        Field(name="acc_rate", dtype=Float32),
        Field(name="avg_daily_trips", dtype=Int64, description="average number of trips a day"),
    ],
    source=driver_stats_push_source,
    tags={"team": "driver_performance"},
)

# What only a request knows.
offer = RequestSource(
    name="offer",
    schema=[Field(name="fare", dtype=Float64), Field(name="distance_km", dtype=Float64)],
)


# Computed for each request, from stored features and from what the request says.
@on_demand_feature_view(
    sources=[driver_hourly_stats, offer],
    schema=[Field(name="fare_per_km", dtype=Float64), Field(name="expected_fare", dtype=Float64)],
)
def offer_value(df: pd.DataFrame) -> pd.DataFrame:
    values = pd.DataFrame()
    values["fare_per_km"] = df["fare"] / df["distance_km"]
    values["expected_fare"] = df["fare"] * df["acc_rate"]
    return values


# What a model asks for by one name.
driver_activity = FeatureService(name="driver_activity", features=[driver_hourly_stats])
