"""On-demand views: computed in our process, in a Python beside it, and by Python Feast's server.

Each round measures every kind of request in turn, so that a ratio compares neighbours.
"""

from __future__ import annotations

import argparse
import getpass
import json
import random
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import report
from load import closed_loops, throughput
from report import described_machine, number
from repository import Layout, value, write_repository, write_source
from servers import ENDLESS, Contender, Server, environment, feast, free_port, timed, wait_for_answer

ROWS = (1, 100)
READ = ["feature_0", "feature_1", "feature_2"]
OURS, PYTHON = "Rust feast", "Python, sqlite"
STORED, PANDAS, PYTHON_MODE = "stored features", "pandas mode", "python mode"
POOL_PANDAS, POOL_PYTHON = "pandas mode in the pool", "python mode in the pool"
MANY = 200

# The functions in the pool use what is not computed in our process.
DEFINITIONS = """
import pandas as pd

from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64

outputs = [Field(name="total", dtype=Float64), Field(name="share", dtype=Float64)]
read = [view_0[["feature_0", "feature_1", "feature_2"]]]


@on_demand_feature_view(sources=read, schema=outputs)
def pandas_mode(df):
    out = pd.DataFrame()
    out["total"] = df["feature_0"] + df["feature_1"] * 0.5
    out["share"] = df["feature_0"] / (df["feature_1"] + df["feature_2"] + 1.0)
    return out


@on_demand_feature_view(mode="python", sources=read, schema=outputs)
def python_mode(inputs):
    rows = list(zip(inputs["feature_0"], inputs["feature_1"], inputs["feature_2"]))
    return {"total": [a + b * 0.5 for a, b, c in rows], "share": [a / (b + c + 1.0) for a, b, c in rows]}


@on_demand_feature_view(sources=read, schema=outputs)
def pool_pandas_mode(df):
    import gc

    out = pd.DataFrame()
    out["total"] = df["feature_0"] + df["feature_1"] * 0.5
    out["share"] = df["feature_0"] / (df["feature_1"] + df["feature_2"] + 1.0)
    return out


@on_demand_feature_view(mode="python", sources=read, schema=outputs)
def pool_python_mode(inputs):
    import gc

    rows = list(zip(inputs["feature_0"], inputs["feature_1"], inputs["feature_2"]))
    return {"total": [a + b * 0.5 for a, b, c in rows], "share": [a / (b + c + 1.0) for a, b, c in rows]}
"""

ONE_MORE = """

@on_demand_feature_view(sources=read, schema=[Field(name="total_{number}", dtype=Float64)])
def pandas_mode_{number}(df):
    return pd.DataFrame({{"total_{number}": df["feature_0"] * {number} + df["feature_1"]}})
"""
VIEWS = {PANDAS: "pandas_mode", PYTHON_MODE: "python_mode", POOL_PANDAS: "pool_pandas_mode", POOL_PYTHON: "pool_python_mode"}


@dataclass(frozen=True)
class Target:
    """A bound of a ratio: it must be as large, or smaller where `is_upper`."""

    name: str
    rows: int
    over: tuple[str, str]
    under: tuple[str, str]
    bound: float
    is_upper: bool = False


TARGETS = [
    *(Target(f"{PANDAS}, times Python's requests/s", rows, (OURS, PANDAS), (PYTHON, PANDAS), 100) for rows in ROWS),
    *(Target(f"{PANDAS}, times the time of the stored features", rows, (OURS, STORED), (OURS, PANDAS), 1.4, True) for rows in ROWS),
    *(Target(f"{PYTHON_MODE}, times Python's requests/s", rows, (OURS, PYTHON_MODE), (PYTHON, PYTHON_MODE), 30) for rows in ROWS),
    Target(f"{POOL_PYTHON}, times Python's requests/s", 1, (OURS, POOL_PYTHON), (PYTHON, PYTHON_MODE), 5),
    Target(f"{POOL_PANDAS}, times Python's requests/s", 100, (OURS, POOL_PANDAS), (PYTHON, PANDAS), 1),
]


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("on-demand views")
    group.add_argument("--on-demand", action="store_true", help="compare on-demand views instead of the grid")


def compare(arguments: argparse.Namespace, place: Path) -> None:
    parquet = place / "features.parquet"
    layout = Layout(views=1, services=(), more=DEFINITIONS)
    write_source(parquet, arguments.entities, layout)
    rocksdb = {"online_store": {"type": "rocksdb", "path": "data/online_store"}}
    interpreter = arguments.python_feast.with_name("python") if arguments.python_feast else sys.executable
    pool = {"serving": {"python": {"command": str(interpreter), "workers": 1, "user": getpass.getuser()}}}
    contenders = [Contender(OURS, arguments.feast, rocksdb | pool)]
    if arguments.python_feast:
        sqlite = {"online_store": {"type": "sqlite", "path": "data/online.db"}}
        contenders.append(Contender(PYTHON, arguments.python_feast, sqlite, ENDLESS))
    with ExitStack() as stack:
        servers = [stack.enter_context(feast(contender, place / contender.name, parquet, layout)) for contender in contenders]
        cells = [compare_cell(arguments, servers, place, rows) for rows in ROWS]
    result = {
        "machine": report.machine(arguments.feast, arguments.python_feast),
        "entities": arguments.entities,
        "seconds": arguments.seconds,
        "rounds": arguments.rounds,
        "cells": cells,
        "targets": [measured for target in TARGETS if (measured := reached(target, cells))],
        "start": start_figures(arguments, place, parquet, rocksdb),
    }
    report.write(result, table(result), arguments.output / f"on-demand-{arguments.entities}")


def compare_cell(arguments: argparse.Namespace, servers: list[Server], place: Path, rows: int) -> dict:
    rounds = []
    for number_of_round in range(arguments.rounds):
        print(f"{rows} rows, round {number_of_round + 1} of {arguments.rounds}", flush=True)
        of_round = {}
        for server in servers:
            kinds = [STORED, PANDAS, PYTHON_MODE]
            kinds += [POOL_PANDAS, POOL_PYTHON] if server.name == OURS else []
            for kind in kinds:
                requests = write_requests(arguments, place, rows, kind)
                measured = closed_loops(arguments, server, requests)
                of_round[f"{server.name}: {kind}"] = measured
                print(f"  {server.name}, {kind}: {number(throughput(measured))} requests/s", flush=True)
        rounds.append(of_round)
    return {"rows": rows, "rounds": rounds}


def write_requests(arguments: argparse.Namespace, place: Path, rows: int, kind: str) -> Path:
    """Requests for random entities, with the values that their answers must have."""
    path = place / f"requests-{rows}-{kind}.jsonl"
    choose = random.Random(rows)
    with path.open("w") as file:
        for _ in range(max(3, arguments.requests // rows)):
            entities = [choose.randrange(arguments.entities) for _ in range(rows)]
            columns = [[value(entity, feature) for entity in entities] for feature in range(3)]
            if kind == STORED:
                names, values = [f"view_0:{name}" for name in READ], dict(zip(READ, columns))
            else:
                names = [f"{VIEWS[kind]}:total", f"{VIEWS[kind]}:share"]
                values = {
                    "total": [a + b * 0.5 for a, b, _ in zip(*columns)],
                    "share": [a / (b + c + 1.0) for a, b, c in zip(*columns)],
                }
            body = {"features": names, "entities": {"entity": entities}}
            print(json.dumps({"body": body, "values": values}), file=file)
    return path


def reached(target: Target, cells: list[dict]) -> dict | None:
    rounds = next(cell["rounds"] for cell in cells if cell["rows"] == target.rows)
    over, under = (": ".join(side) for side in (target.over, target.under))
    if over not in rounds[0] or under not in rounds[0]:
        return None
    ratios = sorted(throughput(of_round[over]) / throughput(of_round[under]) for of_round in rounds)
    median = statistics.median(ratios)
    is_reached = median < target.bound if target.is_upper else median >= target.bound
    return {"name": f"{target.rows} x 2, {target.name}", "bound": target.bound, "is_upper": target.is_upper, "median": median,
            "rounds": ratios, "reached": is_reached}


def start_figures(arguments: argparse.Namespace, place: Path, parquet: Path, settings: dict) -> dict:
    """From the start of the process until it answers, with many such views in the registry."""
    directory = place / "many views"
    more = DEFINITIONS + "".join(ONE_MORE.format(number=number) for number in range(MANY))
    write_repository(directory, parquet, Layout(views=1, services=(), more=more), settings)
    timed([arguments.feast, "apply"], directory, environment())
    times = []
    for _ in range(10):
        port = free_port()
        started = time.monotonic()
        command = [arguments.feast, "serve", "--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
        process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_answer(port, process)
        times.append(1000 * (time.monotonic() - started))
        process.terminate()
        process.wait(30)
    return {"views": MANY, "median_ms": statistics.median(times), "ms": sorted(times)}


def table(result: dict) -> str:
    lines = [described_machine(result), f"{result['entities']:,} entities, three Int64 features read and two outputs; one worker a server, "
             f"{result['rounds']} rounds of {number(result['seconds'])} s a figure.", ""]
    lines += ["| rows | server | request | requests/s | p50 alone, ms |", "|---|---|---|---|---|"]
    for cell in result["cells"]:
        for name in cell["rounds"][0]:
            server, kind = name.split(": ")
            rate = statistics.median(throughput(of_round[name]) for of_round in cell["rounds"])
            p50 = statistics.median(of_round[name]["single"]["p50_ms"] for of_round in cell["rounds"])
            lines.append(f"| {cell['rows']} | {server} | {kind} | {number(rate)} | {number(p50)} |")
    lines += ["", "| target | bound | median | of the rounds | reached |", "|---|---|---|---|---|"]
    for target in result["targets"]:
        sign = "<" if target["is_upper"] else ">="
        spread = f"{number(target['rounds'][0])} to {number(target['rounds'][-1])}"
        reached_or_not = "yes" if target["reached"] else "no"
        lines.append(f"| {target['name']} | {sign} {number(target['bound'])} | {number(target['median'])} | {spread} | {reached_or_not} |")
    start = result["start"]
    lines += ["", f"Start to first answer with {start['views']} on-demand views: {number(start['median_ms'])} ms (median of {len(start['ms'])})."]
    return "\n".join(lines) + "\n"
