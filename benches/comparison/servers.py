"""The servers that are compared, each over a repository of its own: filled, started, watched and stopped."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from repository import GRID, Layout, write_repository

END = "2026-11-22T00:00:00"
START_TIMEOUT = 120
# By default Python's worker ends after a thousand requests, in the middle of a measurement.
ENDLESS = ("--max-requests", "0")


@dataclass(frozen=True)
class Contender:
    """What is compared: a feast command, ours or Python's, over a repository with these settings."""

    name: str
    binary: Path
    settings: dict
    # Of `serve`.
    options: tuple[str, ...] = ()
    # Whether its own materialization fills the store, or another's has.
    fills_store: bool = True


@dataclass
class Server:
    """A server that answers on `port`."""

    name: str
    port: int
    process: subprocess.Popen
    # What it took to get here, in seconds and MB.
    figures: dict = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def pids(self) -> list[int]:
        """The process and its children: Python's server is a master and its worker."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def cpu_seconds(self) -> float:
        ticks = 0
        for pid in self.pids():
            behind_name = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(behind_name[11]) + int(behind_name[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_megabytes(self) -> float:
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def timed(command: list, directory: Path, environment: dict) -> float:
    started = time.monotonic()
    ran = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {ran.stdout}{ran.stderr}")
    return time.monotonic() - started


def wait_for_answer(port: int, process: subprocess.Popen) -> None:
    until = time.monotonic() + START_TIMEOUT
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"a server ended with {process.returncode} before it answered")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
            return
        except OSError:
            time.sleep(0.002)
    raise SystemExit(f"a server does not answer after {START_TIMEOUT} s")


def ended(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()


def applied(contender: Contender, directory: Path, parquet: Path, layout: Layout) -> float:
    """Writes its repository and applies it. Gives the seconds that the latter took."""
    write_repository(directory, parquet, layout, contender.settings)
    return run_feast(contender, directory, "apply")


def run_feast(contender: Contender, directory: Path, *arguments: str) -> float:
    """Runs its feast command. Gives the seconds that it took."""
    return timed([contender.binary, *arguments], directory, environment())


def environment() -> dict:
    return {**os.environ, "FEAST_USAGE": "False", "PYTHONWARNINGS": "ignore"}


@contextmanager
def feast(contender: Contender, directory: Path, parquet: Path, layout: Layout):
    """Our binary and Python's take the same commands: apply, materialize, serve with one worker."""
    figures = {"apply_seconds": applied(contender, directory, parquet, layout)}
    if contender.fills_store:
        figures["materialize_seconds"] = run_feast(contender, directory, "materialize-incremental", END)
    with served(contender, directory) as server:
        server.figures = figures | server.figures
        yield server


@contextmanager
def served(contender: Contender, directory: Path):
    """A server with one worker over a repository that is there."""
    port = free_port()
    options = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--no-access-log", *contender.options)
    started = time.monotonic()
    process = subprocess.Popen(
        [contender.binary, "serve", *options],
        cwd=directory,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_answer(port, process)
        server = Server(contender.name, port, process, {"start_seconds": time.monotonic() - started})
        server.figures["idle_megabytes"] = server.resident_megabytes()
        yield server
    finally:
        ended(process)


def redis_store(redis: Server, database: int = 0) -> dict:
    """The block `online_store`, the same for our binary and Python's."""
    return {"type": "redis", "connection_string": f"{redis.address},db={database}"}


@contextmanager
def redis_server():
    """A Redis that keeps nothing on disk."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            cwd=directory,
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_for_connection(port, process)
            yield Server("Redis", port, process)
        finally:
            ended(process)


def wait_for_connection(port: int, process: subprocess.Popen) -> None:
    until = time.monotonic() + START_TIMEOUT
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            time.sleep(0.002)
    raise SystemExit("redis-server does not take connections")


@contextmanager
def bare_route(binary: Path, answer: Path):
    """The route of warp that parses a body and answers the bytes of a file."""
    process = subprocess.Popen([binary, answer], stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        yield Server("bare warp route", port, process)
    finally:
        ended(process)


@contextmanager
def all_servers(ours: Path, pythons: Path | None, place: Path, parquet: Path):
    """Ours, and Python's on sqlite and, where there is one, on Redis. They run beside each other; only one has work.

    Without Python's, ours is compared with itself when it holds no rows in memory.
    """
    rocksdb = {"type": "rocksdb", "path": "data/online_store"}
    with ExitStack() as stack:

        def start(name: str, binary: Path, online_store: dict, options: tuple[str, ...] = ()) -> Server:
            contender = Contender(name, binary, {"online_store": online_store}, options)
            return stack.enter_context(feast(contender, place / name, parquet, GRID))

        ready = [start("Rust feast", ours, rocksdb)]
        if pythons is None:
            ready.append(start("without row cache", ours, {**rocksdb, "row_cache_mib": 0}))
        else:
            ready.append(start("Python, sqlite", pythons, {"type": "sqlite", "path": "data/online.db"}, ENDLESS))
            if shutil.which("redis-server"):
                store = stack.enter_context(redis_server())
                ready.append(start("Python, Redis", pythons, redis_store(store), ENDLESS))
        yield ready
