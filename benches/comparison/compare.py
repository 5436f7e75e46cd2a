"""Compares our server with Python Feast's over Feast's own grid, in one run on one machine, and writes what came out.

Every answer is checked by the load driver: values and statuses once, then the same bytes under load. Each server has one
worker; the load driver has the rest of the machine.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import urllib.request
from pathlib import Path

import large_comparison
import on_demand_comparison
import redis_comparison
import report
from load import SATURATING_CONNECTIONS, cell_requests, closed_loops, load
from repository import GRID, write_source
from servers import Server, all_servers, bare_route

ROWS = (1, 10, 100, 500)
# Fewer answers have no p99.
LEAST_ANSWERS = 200


def main() -> None:
    # A signal stops the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as directory:
        compare = compare_grid
        if arguments.redis:
            compare = redis_comparison.compare
        elif arguments.on_demand:
            compare = on_demand_comparison.compare
        elif arguments.large:
            compare = large_comparison.compare
        compare(arguments, Path(directory))


def compare_grid(arguments: argparse.Namespace, place: Path) -> None:
    parquet = place / "features.parquet"
    print(f"writing {arguments.entities} entities x {GRID.features} features")
    write_source(parquet, arguments.entities, GRID)
    print("filling the online stores")
    with all_servers(arguments.feast, arguments.python_feast, place, parquet) as servers:
        result = {
            "machine": report.machine(arguments.feast, arguments.python_feast),
            "entities": arguments.entities,
            "seconds": arguments.seconds,
            "cells": measure_grid(arguments, servers, place),
            "bare_route": measure_bare_route(arguments, servers[0], place),
            "servers": {server.name: server.figures for server in servers},
        }
        for server in servers:
            server.figures["loaded_megabytes"] = server.resident_megabytes()
    name = f"grid-{arguments.entities}"
    report.write(result, report.table(result), arguments.output / name)
    report.plot(result, arguments.output / f"{name}.png")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=Path, required=True, help="the folder of feast, feast-load and feast-bare-route")
    parser.add_argument("--python-feast", type=Path, help="the feast command of Python; without it only ours is measured")
    parser.add_argument("--entities", type=int, default=10_000)
    parser.add_argument(
        "--requests",
        type=int,
        default=300,
        help="different requests of one entity; there are fewer of more",
    )
    parser.add_argument("--seconds", type=float, help="how long each load goes on; 5 by default, else 1.5")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    redis_comparison.add_options(parser)
    on_demand_comparison.add_options(parser)
    large_comparison.add_options(parser)
    arguments = parser.parse_args()
    arguments.seconds = arguments.seconds or (1.5 if arguments.redis or arguments.on_demand else 5.0)
    arguments.binaries = arguments.binaries.resolve()
    arguments.feast = arguments.binaries / "feast"
    if arguments.python_feast is not None:
        # Not resolved: a virtual environment is found by where its command is.
        arguments.python_feast = arguments.python_feast.absolute()
    return arguments


def measure_grid(arguments: argparse.Namespace, servers: list[Server], place: Path) -> list[dict]:
    cells = []
    for features in GRID.services:
        for rows in ROWS:
            requests = cell_requests(arguments, place, rows, features)
            for server in servers:
                cell = {"rows": rows, "features": features, "server": server.name}
                cell |= measure(arguments, server, requests)
                cells.append(cell)
                print(report.line(cell), flush=True)
    return cells


def measure(arguments: argparse.Namespace, server: Server, requests: Path) -> dict:
    """Closed loops, and requests that are due at half of the rate that keeps the worker busy."""
    measured = closed_loops(arguments, server, requests)
    rate = measured["saturated"]["requests_per_second"] / 2
    if rate * arguments.seconds >= LEAST_ANSWERS:
        connections = str(4 * SATURATING_CONNECTIONS)
        measured["paced"] = load(arguments, server, requests, "--connections", connections, "--rate", str(rate))
    return measured


def measure_bare_route(arguments: argparse.Namespace, ours: Server, place: Path) -> dict:
    """What warp does with the bodies and answers of 1 x 50 when nothing has to be looked up."""
    requests = place / "requests-1x50.jsonl"
    first = requests.read_text().splitlines()[0]
    body = json.loads(first)["body"]
    request = urllib.request.Request(
        f"http://{ours.address}/get-online-features", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    answer = place / "answer.json"
    answer.write_bytes(urllib.request.urlopen(request).read())
    only_first = place / "requests-bare.jsonl"
    only_first.write_text(first + "\n")
    with bare_route(arguments.binaries / "feast-bare-route", answer) as server:
        return load(arguments, server, only_first, "--connections", str(SATURATING_CONNECTIONS))


if __name__ == "__main__":
    main()
