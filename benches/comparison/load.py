"""Load on a server, by the load driver. It checks every answer: values and statuses once, then the same bytes under load."""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path

from repository import write_requests
from servers import Server

# Enough to keep one worker busy.
SATURATING_CONNECTIONS = 4


def cell_requests(arguments: argparse.Namespace, place: Path, rows: int, features: int) -> Path:
    """Fewer requests of more values, so that the slowest server can answer each of them once."""
    requests = place / f"requests-{rows}x{features}.jsonl"
    count = max(3, min(arguments.requests, arguments.requests * 70 // (rows * features)))
    write_requests(requests, rows, features, arguments.entities, count)
    return requests


def load(arguments: argparse.Namespace, server: Server, requests: Path, *options: str) -> dict:
    command = [arguments.binaries / "feast-load", server.address, "--requests", requests, "--json"]
    command += ["--seconds", str(arguments.seconds), *options]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"{server.name}: {ran.stderr}")
    return json.loads(ran.stdout)


def closed_loops(arguments: argparse.Namespace, server: Server, requests: Path, store: Server | None = None) -> dict:
    """One connection, and as many as keep the worker busy, with the cores that the server then uses, and its store."""
    single = load(arguments, server, requests, "--connections", "1")
    watched = [process for process in (server, store) if process]
    started, before = time.monotonic(), [process.cpu_seconds() for process in watched]
    saturated = load(arguments, server, requests, "--connections", str(SATURATING_CONNECTIONS))
    elapsed = time.monotonic() - started
    cores = [(process.cpu_seconds() - cpu) / elapsed for process, cpu in zip(watched, before)]
    measured = {"single": single, "saturated": saturated, "cores_used": cores[0]}
    if store:
        measured["cores_of_store"] = cores[1]
    return measured


def throughput(cell: dict) -> float:
    """Python's server answers fewer large requests when they come together than one after the other: the better counts."""
    return max(cell[loop]["requests_per_second"] for loop in ("single", "saturated"))
