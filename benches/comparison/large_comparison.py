"""More rows than the other comparisons have: materializations of millions of rows, reads of rows that are not in memory, and reads
while rows are loaded. Beside an earlier binary if there is one, in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet

import report
from load import SATURATING_CONNECTIONS, cell_requests, load
from report import described_machine
from repository import GRID, Layout, write_repository, write_requests, write_source
from servers import Contender, environment, run_feast, served

PARTS = ("loads", "sources", "reads", "cold", "while-loading")
START, END = "2026-01-01T00:00:00", "2026-11-22T00:00:00"
EARLIER, NOW = "earlier", "now"
# Rows, features, and how many requests: of so many entities that their blocks are more than a tenth of all.
CELLS = ((1, 50, 20_000), (100, 50, 400), (100, 250, 200))
MIB = 1 << 20


@dataclass(frozen=True)
class History:
    """Rows of one view with three features, whose keys come again."""

    rows: int
    keys: int
    settings: dict


# How many sources, and how many rows each has.
SOURCES = ((10, 500_000), (25, 10_000))

HISTORIES = (
    History(10_000_000, 1_000_000, {}),
    History(50_000_000, 20_000_000, {"serving": {"materialization_memory_mib": 512}}),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--large", action="store_true", help="millions of rows, which may be more than memory holds")
    parser.add_argument("--parts", default=",".join(PARTS), help="of --large: " + ", ".join(PARTS))
    parser.add_argument("--scale", type=float, default=1.0, help="of --large: a part of the rows")


def compare(arguments: argparse.Namespace, place: Path) -> None:
    binaries = {NOW: arguments.feast}
    if arguments.earlier_feast:
        binaries = {EARLIER: arguments.earlier_feast.resolve(), **binaries}
    parts = arguments.parts.split(",")
    arguments.entities = int(1_000_000 * arguments.scale)
    source = place / "features.parquet"
    if set(parts) - {"sources", "while-loading"}:
        write_source(source, arguments.entities, GRID)
    figures = []
    if "loads" in parts:
        for history in HISTORIES:
            figures += compare_loads(arguments, place, binaries, *history_repository(place, history, arguments.scale))
        rows = arguments.entities * GRID.views
        settings = {"online_store": rocksdb()}
        figures += compare_loads(arguments, place, binaries, f"25 views of {arguments.entities:,} rows", rows, source, GRID, settings)
    if "sources" in parts:
        for count, rows in SOURCES:
            repository = sources_repository(place, count, int(rows * arguments.scale))
            figures += compare_loads(arguments, place, binaries, *repository)
    for part, cold in (("reads", False), ("cold", True)):
        if part in parts:
            figures += compare_reads(arguments, place, binaries, source, cold)
    if "while-loading" in parts:
        figures += reads_while_loading(arguments, place, binaries)
    result = {"machine": report.machine(arguments.feast, None), "figures": figures}
    table = ["| what | figure | earlier | now | now / earlier |", "|---|---|---|---|---|"]
    for figure in figures:
        values = [figure.get(EARLIER), figure[NOW]]
        ratio = f"{values[1] / values[0]:.2f}" if values[0] else "-"
        shown = [f"{value:,.3g}" if value is not None and value < 1000 else f"{value:,.0f}" if value else "-" for value in values]
        table.append(f"| {figure['what']} | {figure['figure']} | {shown[0]} | {shown[1]} | {ratio} |")
    text = "\n".join([described_machine(result), "", *table])
    report.write(result, text, arguments.output / "large")


def rocksdb(**settings) -> dict:
    return {"type": "rocksdb", "path": "data/online_store", **settings}


def history_repository(place: Path, history: History, scale: float) -> tuple:
    """Random keys in the order of time, a million rows a row group."""
    rows, keys = int(history.rows * scale), int(history.keys * scale)
    source = place / f"history-{rows}.parquet"
    random = numpy.random.default_rng(1)
    part = 1_000_000
    writer = None
    for start in range(0, rows, part):
        count = min(part, rows - start)
        columns = {
            "entity": random.integers(0, keys, count),
            "event_timestamp": pyarrow.array(
                1_790_000_000_000_000 + numpy.arange(start, start + count) * 1000, pyarrow.timestamp("us", "UTC")
            ),
            "feature_0": random.random(count),
            "feature_1": random.integers(0, 1000, count),
            "feature_2": random.random(count).astype("float32"),
        }
        table = pyarrow.table(columns)
        writer = writer or pyarrow.parquet.ParquetWriter(source, table.schema)
        writer.write_table(table)
    writer.close()
    more = """
from feast.types import Float32, Float64

history = FeatureView(
    name="history",
    entities=[entity],
    ttl=timedelta(days=0),
    schema=[Field(name="feature_0", dtype=Float64), Field(name="feature_1", dtype=Int64), Field(name="feature_2", dtype=Float32)],
    source=source,
)
"""
    limit = history.settings.get("serving", {}).get("materialization_memory_mib")
    name = f"{rows:,} rows, {keys:,} keys" + (f", limit {limit} MiB" if limit else "")
    return name, rows, source, Layout(views=0, services=(), more=more), {"online_store": rocksdb(), **history.settings}


def sources_repository(place: Path, count: int, rows: int) -> tuple:
    """A view of ten features for each source, all of the same keys, each of which comes twice or so in each source."""
    random = numpy.random.default_rng(1)
    times = pyarrow.array(1_790_000_000_000_000 + numpy.arange(rows) * 1000, pyarrow.timestamp("us", "UTC"))
    more = []
    for number in range(count):
        path = place / f"source-{rows}-{number}.parquet"
        columns = {"entity": random.integers(0, rows // 2, rows), "event_timestamp": times}
        for feature in range(10):
            columns[f"feature_{feature}"] = random.integers(0, 50_000, rows)
        pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=100_000)
        more.append(
            f'''
source_{number} = FileSource(name="source_{number}", path="{path}", timestamp_field="event_timestamp")
view_{number} = FeatureView(
    name="view_{number}",
    entities=[entity],
    ttl=timedelta(days=0),
    schema=[Field(name=f"feature_{{feature}}", dtype=Int64) for feature in range(10)],
    source=source_{number},
)
'''
        )
    layout = Layout(views=0, services=(), more="".join(more))
    return f"{count} sources of {rows:,} rows", count * rows, path, layout, {"online_store": rocksdb()}


def compare_loads(
    arguments: argparse.Namespace,
    place: Path,
    binaries: dict,
    name: str,
    rows: int,
    source: Path,
    layout: Layout,
    settings: dict,
) -> list[dict]:
    measured = {contender: [] for contender in binaries}
    for number in range(arguments.rounds):
        for contender, binary in binaries.items():
            directory = place / f"load-{contender}-{number}"
            # An earlier version does not know settings that came later.
            own = settings if contender == NOW else {key: value for key, value in settings.items() if key != "serving"}
            write_repository(directory, source, layout, own)
            run_feast(Contender(contender, binary, own), directory, "apply")
            measured[contender].append(materialized(binary, directory))
            shutil.rmtree(directory)
            print(name, contender, measured[contender][-1], flush=True)
    figures = []
    for figure, value in (
        ("million rows/s", lambda run: rows / run["seconds"] / 1e6),
        ("seconds", lambda run: run["seconds"]),
        ("MB resident at most", lambda run: run["resident_bytes"] / 1e6),
        ("MB on disk", lambda run: run["disk_bytes"] / 1e6),
    ):
        row = {"what": f"materialize {name}", "figure": figure}
        figures.append(row | {contender: statistics.median(map(value, runs)) for contender, runs in measured.items()})
    return figures


def materialized(binary: Path, directory: Path) -> dict:
    """The whole command counts."""
    started = time.monotonic()
    process = subprocess.Popen(
        [binary, "materialize", START, END],
        cwd=directory,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # What the system says of a process that has ended includes what this one had when it started it.
    resident_bytes = 0
    while process.poll() is None:
        resident_bytes = peak_memory(process.pid) or resident_bytes
        time.sleep(0.02)
    if process.returncode != 0:
        raise SystemExit(f"{binary} materialize ended with {process.returncode}")
    store = directory / "data" / "online_store"
    return {
        "seconds": time.monotonic() - started,
        "resident_bytes": resident_bytes,
        "disk_bytes": sum(file.stat().st_size for file in store.iterdir()),
    }


def peak_memory(pid: int) -> int | None:
    status = Path(f"/proc/{pid}/status").read_text()
    peak = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peak[0]) * 1024 if peak else None


def compare_reads(
    arguments: argparse.Namespace, place: Path, binaries: dict, source: Path, cold: bool
) -> list[dict]:
    """Without rows in memory: random entities of all. Cold: a tenth of the files' bytes as blocks in memory, the rest on disk."""
    stores = {}
    for contender, binary in binaries.items():
        directory = place / f"reads-{contender}"
        settings = {"online_store": rocksdb(row_cache_mib=0)}
        if not directory.exists():
            write_repository(directory, source, GRID, settings)
            run_feast(Contender(contender, binary, settings), directory, "apply")
            materialized(binary, directory)
        stores[contender] = directory
    measured = {}
    for rows, features, count in CELLS:
        requests = place / f"requests-{rows}x{features}.jsonl"
        if not requests.exists():
            write_requests(requests, rows, features, arguments.entities, count)
        for number in range(arguments.rounds):
            for contender, directory in stores.items():
                bytes_on_disk = sum(file.stat().st_size for file in (directory / "data" / "online_store").iterdir())
                cache = {"block_cache_mib": max(1, bytes_on_disk // 10 // MIB)} if cold else {}
                configuration = json.loads((directory / "feature_store.yaml").read_text())
                configuration["online_store"] = rocksdb(row_cache_mib=0, **cache)
                (directory / "feature_store.yaml").write_text(json.dumps(configuration))
                with served(Contender(contender, binaries[contender], {}), directory) as server, page_cache(directory, cold):
                    # Blocks come into memory, as far as there is room.
                    load(arguments, server, requests, "--connections", str(SATURATING_CONNECTIONS))
                    saturated = load(arguments, server, requests, "--connections", str(SATURATING_CONNECTIONS))
                    alone = load(arguments, server, requests, "--connections", "1")
                measured.setdefault((rows, features), {}).setdefault(contender, []).append((saturated, alone))
                print(rows, features, contender, "cold" if cold else "warm", saturated["requests_per_second"], flush=True)
    figures = []
    kind = "blocks for a tenth, page cache cold" if cold else "no rows in memory"
    for (rows, features), runs in measured.items():
        for figure, value in (
            ("requests/s", lambda run: run[0]["requests_per_second"]),
            ("p50 alone, ms", lambda run: run[1]["p50_ms"]),
            ("p99 alone, ms", lambda run: run[1]["p99_ms"]),
        ):
            row = {"what": f"{rows} x {features}, {kind}", "figure": figure}
            figures.append(row | {contender: statistics.median(map(value, of)) for contender, of in runs.items()})
    return figures


@contextmanager
def page_cache(directory: Path, cold: bool):
    """Keeps the files of a store out of the cache of the operating system, if it is to be cold."""
    stopped = threading.Event()

    def drop() -> None:
        while not stopped.wait(0.02):
            for file in (directory / "data" / "online_store").glob("*.sst"):
                try:
                    with file.open("rb") as opened:
                        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                except FileNotFoundError:
                    pass

    thread = threading.Thread(target=drop)
    if cold:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        if cold:
            thread.join()


def reads_while_loading(arguments: argparse.Namespace, place: Path, binaries: dict) -> list[dict]:
    """Reads of one entity at half load, without and with a materialization of another view in the same server."""
    history = History(int(HISTORIES[0].rows * arguments.scale), int(HISTORIES[0].keys * arguments.scale), {})
    name, rows, history_source, layout, _ = history_repository(place, history, 1.0)
    grid = place / "small.parquet"
    write_source(grid, 10_000, GRID)
    arguments.entities, entities = 10_000, arguments.entities
    requests = cell_requests(arguments, place, 1, 50)
    arguments.entities = entities
    more = f"""
history_source = FileSource(name="history", path="{history_source}", timestamp_field="event_timestamp")
""" + layout.more.replace("source=source", "source=history_source")
    measured = {}
    for number in range(arguments.rounds):
        for contender, binary in binaries.items():
            directory = place / f"busy-{contender}-{number}"
            write_repository(directory, grid, Layout(GRID.views, GRID.services, more), {"online_store": rocksdb()})
            start = Contender(contender, binary, {})
            run_feast(start, directory, "apply")
            views = [argument for view in range(GRID.views) for argument in ("-v", f"view_{view}")]
            run_feast(start, directory, "materialize", START, END, *views)
            with served(start, directory) as server:
                rate = ["--connections", "8", "--rate", "2000"]
                load(arguments, server, requests, "--connections", "4")
                quiet = load(arguments, server, requests, *rate)
                body = {"feature_views": ["history"], "start_ts": START, "end_ts": END}
                request = urllib.request.Request(
                    f"http://{server.address}/materialize", json.dumps(body).encode(), {"content-type": "application/json"}
                )
                finished = []
                started = time.monotonic()
                run = threading.Thread(target=lambda: finished.append((urllib.request.urlopen(request).read(), time.monotonic())))
                run.start()
                busy = load(arguments, server, requests, *rate)
                still_runs = run.is_alive()
                run.join()
                if not finished:
                    raise SystemExit("the materialization beside the reads failed")
                measured.setdefault(contender, []).append((quiet, busy, finished[0][1] - started))
                print("while loading", contender, quiet["p99_ms"], busy["p99_ms"], still_runs, flush=True)
            shutil.rmtree(directory)
    figures = []
    for figure, value in (
        ("p99 without, ms", lambda run: run[0]["p99_ms"]),
        ("p99 while loading, ms", lambda run: run[1]["p99_ms"]),
        ("p99 while loading / without", lambda run: run[1]["p99_ms"] / run[0]["p99_ms"]),
        ("seconds of the materialization", lambda run: run[2]),
    ):
        row = {"what": f"1 x 50 at 2,000 requests/s beside {name}", "figure": figure}
        figures.append(row | {contender: statistics.median(map(value, runs)) for contender, runs in measured.items()})
    return figures
