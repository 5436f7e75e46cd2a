"""Our server on Redis beside Redis alone, which bounds it, our embedded store, and Python Feast's server on the same Redis.

Everything is measured several times in turn, so that a ratio compares neighbours: when the machine is slower for a while, it is
so for both sides of it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import redis_report
import report
from bare_redis import (
    Command,
    Shape,
    client,
    command_statistics,
    copy_hashes,
    monitored,
    read_again,
    recorded,
    send_again,
    write_again,
)
from load import SATURATING_CONNECTIONS, cell_requests, closed_loops, load
from redis_report import CACHE_OFF, CACHE_ON, EARLIER, EMBEDDED, PYTHON
from repository import FEATURES_PER_VIEW, PROJECT, Layout, write_requests, write_source
from servers import END, ENDLESS, Contender, Server, applied, feast, redis_server, redis_store, run_feast, served

# 55 fields a hash, with the times of the views.
READ = Layout(views=5, services=(50,))
WRITTEN = Layout(views=1, services=(FEATURES_PER_VIEW,))
ROWS = (1, 100)
# Before all event times of the sources; and an end that only some dozen rows are before.
START = "2026-09-01T00:00:00"
END_OF_FIRST_ROWS = "2026-09-21T14:13:22"
# As our materialization sends rows: in pipelines of 256, eight of them in flight.
WRITE_SHAPES = (Shape(1, 256), Shape(8, 256))
# Beside the databases of `bare_redis`.
WRITTEN_BY_PYTHON = 2


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("Redis")
    group.add_argument("--redis", action="store_true", help="compare on Redis instead of the grid")
    group.add_argument("--rounds", type=int, default=6, help="how often each figure is measured, in turn")
    group.add_argument("--rows", type=int, default=250_000, help="how many rows are materialized")
    group.add_argument("--python-rows", type=int, default=250_000, help="how many of them by Python")
    group.add_argument("--earlier-feast", type=Path, help="a feast command whose embedded store is measured too")


def compare(arguments: argparse.Namespace, place: Path) -> None:
    missing = [program for program in ("redis-server", "redis-benchmark") if not shutil.which(program)]
    if missing:
        raise SystemExit(f"there is no {' and no '.join(missing)}: install redis-server and redis-tools")
    machine = report.machine(arguments.feast, arguments.python_feast)
    machine["versions"]["redis-server"] = report.version(["redis-server", "--version"])
    result = {
        "machine": machine,
        "entities": arguments.entities,
        "seconds": arguments.seconds,
        "rounds": arguments.rounds,
        **compare_reads(arguments, place),
        "materialization": compare_writes(arguments, place),
    }
    result["targets"] = redis_report.targets(result)
    report.write(result, redis_report.tables(result), arguments.output / f"redis-{arguments.entities}")


def compare_reads(arguments: argparse.Namespace, place: Path) -> dict:
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        print(f"filling Redis and an embedded store with {arguments.entities} entities x {READ.features} features", flush=True)
        servers = stack.enter_context(readers(arguments, redis, place))
        cells = [compare_cell(arguments, servers, redis, place, rows) for rows in ROWS]
        return {"cells": cells, "servers": {name: server.figures for name, server in servers.items()}}


@contextmanager
def readers(arguments: argparse.Namespace, redis: Server, place: Path):
    """The servers by name. They run beside each other; only one has work."""
    on_redis, embedded = redis_store(redis), {"type": "rocksdb", "path": "data/online_store"}
    uncached = {"online_store": on_redis, "serving": {"redis_row_cache_mib": 0}}
    contenders = [
        Contender(CACHE_OFF, arguments.feast, uncached),
        Contender(CACHE_ON, arguments.feast, {"online_store": on_redis}, fills_store=False),
        Contender(EMBEDDED, arguments.feast, {"online_store": embedded}),
    ]
    if arguments.earlier_feast:
        contenders.append(Contender(EARLIER, arguments.earlier_feast.resolve(), {"online_store": embedded}))
    if arguments.python_feast:
        contenders.append(Contender(PYTHON, arguments.python_feast, {"online_store": on_redis}, ENDLESS, fills_store=False))
    parquet = place / "read.parquet"
    write_source(parquet, arguments.entities, READ)
    with ExitStack() as stack:
        yield {
            contender.name: stack.enter_context(feast(contender, place / contender.name, parquet, READ))
            for contender in contenders
        }


def compare_cell(
    arguments: argparse.Namespace, servers: dict[str, Server], redis: Server, place: Path, rows: int
) -> dict:
    requests = cell_requests(arguments, place, rows, READ.features)
    sent, commands_a_request = hash_reads(servers[CACHE_OFF], redis, requests)
    if len({(name, *fields) for name, _, *fields in sent}) != 1:
        raise SystemExit("our server reads the hashes of a request by different commands")
    hashes = copy_hashes(redis, sorted({key for _, key, *_ in sent}))
    rounds = []
    for number in range(arguments.rounds):
        print(f"{rows} x {READ.features}, round {number + 1} of {arguments.rounds}", flush=True)
        bare = bare_reads(arguments, redis, rows, sent[0])
        for figures in bare.values():
            figures["requests_per_second"] = figures["commands_per_second"] / commands_a_request
        print(redis_report.line("redis-benchmark", bare), flush=True)
        of_servers = {}
        for name, server in servers.items():
            of_servers[name] = closed_loops(arguments, server, requests, redis)
            print(redis_report.line(name, of_servers[name]), flush=True)
        rounds.append({"servers": of_servers, "redis-benchmark": bare})
    return {
        "rows": rows,
        "features": READ.features,
        "command": sent[0][0].decode(),
        "hashes": hashes,
        "commands_a_request": {name: hash_reads(server, redis, requests)[1] for name, server in servers.items()},
        "rounds": rounds,
    }


def hash_reads(server: Server, redis: Server, requests: Path) -> tuple[list[Command], float]:
    """The commands on hashes that Redis is sent when each request is made once, and how many a request takes."""
    bodies = [json.loads(line)["body"] for line in requests.read_text().splitlines()]
    with monitored(redis) as commands:
        for body in bodies:
            url = f"http://{server.address}/get-online-features"
            request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
            urllib.request.urlopen(request).read()
    sent = [command for command in commands if len(command) > 1 and command[1].endswith(PROJECT.encode())]
    return sent, len(sent) / len(bodies)


def bare_reads(arguments: argparse.Namespace, redis: Server, rows: int, command: Command) -> dict:
    """That command, as many at once as a request has rows: with one connection, and with as many as load our server."""
    shapes = {"single": Shape(1, rows), "saturated": Shape(SATURATING_CONNECTIONS, rows)}
    return {name: read_again(redis, command, arguments.seconds, shape) for name, shape in shapes.items()}


def compare_writes(arguments: argparse.Namespace, place: Path) -> dict:
    """Whole commands, their start included."""
    parquet, directory = place / "written.parquet", place / "written"
    write_source(parquet, arguments.rows, WRITTEN)
    with redis_server() as redis:
        ours = Contender(CACHE_OFF, arguments.feast, {"online_store": redis_store(redis)})
        applied(ours, directory, parquet, WRITTEN)
        script_call = typical_script_call(ours, directory, redis)
        script_calls = all_script_calls(ours, place / "recorded", parquet, redis, arguments.rows)
        rounds = []
        for _ in range(arguments.rounds):
            rounds.append(materialized(ours, directory, redis, arguments.rows))
            rounds[-1]["redis-benchmark"] = [bare_writes(arguments, redis, script_call, shape) for shape in WRITE_SHAPES]
            rounds[-1]["sent again"] = send_again(redis, script_calls, arguments.rows)
            print(redis_report.write_line(rounds[-1]), flush=True)
        check_rows(arguments, ours, directory, arguments.rows)
        measured = {"rows": arguments.rows, "features": WRITTEN.features, "rounds": rounds}
        measured["argument_bytes"] = [len(argument) for argument in script_call]
        if arguments.python_feast:
            measured["python"] = materialized_by_python(arguments, redis, place)
        return measured


def materialized(contender: Contender, directory: Path, redis: Server, rows: int, database: int = 0) -> dict:
    """Into an empty database."""
    target = client(redis, database)
    target.flushdb()
    before = command_statistics(target, "evalsha")
    seconds = run_feast(contender, directory, "materialize", START, END)
    after = command_statistics(target, "evalsha")
    if target.dbsize() != rows:
        raise SystemExit(f"{contender.name}: materialization has left {target.dbsize()} of {rows} rows")
    measured = {"rows": rows, "seconds": seconds, "rows_per_second": rows / seconds}
    if after["calls"] > before["calls"]:
        measured["redis_us_a_row"] = (after["usec"] - before["usec"]) / (after["calls"] - before["calls"])
    return measured


def typical_script_call(ours: Contender, directory: Path, redis: Server) -> Command:
    """The call of median size among those for the first rows."""
    # The first call ever loads the script.
    run_feast(ours, directory, "materialize", START, END_OF_FIRST_ROWS)
    with monitored(redis) as commands:
        run_feast(ours, directory, "materialize", START, END_OF_FIRST_ROWS)
    calls = [sent for sent in commands if sent[0] == b"EVALSHA"]
    return sorted(calls, key=lambda call: sum(map(len, call)))[len(calls) // 2]


def all_script_calls(ours: Contender, directory: Path, parquet: Path, redis: Server, rows: int) -> bytes:
    """The bytes of a materialization, without those that come before the first row."""
    with recorded(redis) as (port, sent):
        through = replace(ours, settings={"online_store": redis_store(port)})
        applied(through, directory, parquet, WRITTEN)
        materialized(through, directory, redis, rows)
    calls = max(sent, key=len)
    name = b"$7\r\nEVALSHA\r\n"
    if calls.count(name) != rows:
        raise SystemExit(f"materialization has called the script {calls.count(name)} times for {rows} rows")
    return bytes(calls[calls.rindex(b"*", 0, calls.index(name)) :])


def bare_writes(arguments: argparse.Namespace, redis: Server, script_call: Command, shape: Shape) -> dict:
    measured = write_again(redis, script_call, arguments.rows, shape)
    return {
        "clients": shape.clients,
        "pipeline": shape.pipeline,
        "rows_per_second": measured["commands_per_second"],
        "redis_us_a_row": measured["redis_us_a_command"],
    }


def materialized_by_python(arguments: argparse.Namespace, redis: Server, place: Path) -> dict:
    rows = min(arguments.rows, arguments.python_rows)
    parquet, directory = place / "written_by_python.parquet", place / "written by Python"
    write_source(parquet, rows, WRITTEN)
    store = redis_store(redis, WRITTEN_BY_PYTHON)
    python = Contender(PYTHON, arguments.python_feast, {"online_store": store})
    applied(python, directory, parquet, WRITTEN)
    measured = materialized(python, directory, redis, rows, WRITTEN_BY_PYTHON)
    print(redis_report.write_line(measured), flush=True)
    check_rows(arguments, replace(python, binary=arguments.feast), directory, rows)
    return measured


def check_rows(arguments: argparse.Namespace, contender: Contender, directory: Path, rows: int) -> None:
    """Reads random rows of a materialization, by our server, and checks their values."""
    requests = directory / "requests.jsonl"
    write_requests(requests, min(rows, 100), WRITTEN.features, rows, arguments.requests)
    with served(contender, directory) as server:
        load(arguments, server, requests, "--connections", "1")
