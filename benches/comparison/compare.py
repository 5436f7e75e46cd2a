"""Compares our server with Python Feast's over Feast's own grid, in one run on one machine, and writes what came out.

Every answer is checked by the load driver: values and statuses once, then the same bytes under load. Each server has one
worker; the load driver has the rest of the machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import report
import repository
from servers import Server, all_servers, bare_route

ROWS = (1, 10, 100, 500)
# Enough to keep one worker busy.
SATURATING_CONNECTIONS = 4
# Fewer answers have no p99.
LEAST_ANSWERS = 200


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        parquet = place / "features.parquet"
        print(f"writing {arguments.entities} entities x {repository.VIEWS * repository.FEATURES_PER_VIEW} features")
        repository.write_source(parquet, arguments.entities)
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
    arguments.output.mkdir(parents=True, exist_ok=True)
    name = f"grid-{arguments.entities}"
    (arguments.output / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    table = report.table(result)
    (arguments.output / f"{name}.md").write_text(table)
    report.plot(result, arguments.output / f"{name}.png")
    print(f"\n{table}\nwritten to {arguments.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=Path, required=True, help="the folder of feast, feast-load and feast-bare-route")
    parser.add_argument("--python-feast", type=Path, help="the feast command of Python; without it only ours is measured")
    parser.add_argument("--entities", type=int, default=10_000)
    parser.add_argument(
        "--requests",
        type=int,
        default=300,
        help="different requests of one entity; fewer of more, so that the slowest server can answer each of them once",
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each load goes on")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    arguments.binaries = arguments.binaries.resolve()
    arguments.feast = arguments.binaries / "feast"
    if arguments.python_feast is not None:
        # Not resolved: a virtual environment is found by where its command is.
        arguments.python_feast = arguments.python_feast.absolute()
    return arguments


def measure_grid(arguments: argparse.Namespace, servers: list[Server], place: Path) -> list[dict]:
    cells = []
    for features in repository.SERVICES:
        for rows in ROWS:
            requests = place / f"requests-{rows}x{features}.jsonl"
            count = max(3, min(arguments.requests, arguments.requests * 70 // (rows * features)))
            repository.write_requests(requests, rows, features, arguments.entities, count)
            for server in servers:
                cell = {"rows": rows, "features": features, "server": server.name}
                cell |= measure(arguments, server, requests)
                cells.append(cell)
                print(report.line(cell), flush=True)
    return cells


def measure(arguments: argparse.Namespace, server: Server, requests: Path) -> dict:
    """One connection; as many as keep the worker busy; and requests that are due at half of that rate."""
    single = load(arguments, server, requests, "--connections", "1")
    started, cpu = time.monotonic(), server.cpu_seconds()
    saturated = load(arguments, server, requests, "--connections", str(SATURATING_CONNECTIONS))
    cores = (server.cpu_seconds() - cpu) / (time.monotonic() - started)
    rate = saturated["requests_per_second"] / 2
    measured = {"single": single, "saturated": saturated, "cores_used": cores}
    if rate * arguments.seconds >= LEAST_ANSWERS:
        connections = str(4 * SATURATING_CONNECTIONS)
        measured["paced"] = load(arguments, server, requests, "--connections", connections, "--rate", str(rate))
    return measured


def load(arguments: argparse.Namespace, server: Server, requests: Path, *options: str) -> dict:
    command = [arguments.binaries / "feast-load", server.address, "--requests", requests, "--json"]
    command += ["--seconds", str(arguments.seconds), *options]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"{server.name}: {ran.stderr}")
    return json.loads(ran.stdout)


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
