"""Redis without a server in front of it: how fast it answers the commands that our server sends, by redis-benchmark.

redis-benchmark takes one command from its command line and repeats it, with random digits in place of `__rand_int__`. A NUL
byte cannot be on a command line, and keys of Feast have some. So for reads Redis copies each hash (`COPY`) to a key of the same
length that ends in digits, in another database, and redis-benchmark reads random ones of the copies: the same fields and
values, and the same encoding and bytes in memory, which is checked for each of them.

Writes are repeated in two ways. redis-benchmark repeats one call of the script. Its arguments are the same each time, for which
Lua makes no new strings, so Redis runs it faster than any calls with rows of their own. So all calls of a materialization are
recorded, too, and sent again as they were.
"""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

from redis import Redis

from servers import Server

Command = list[bytes]

# What redis-benchmark fills in.
DIGITS = 12
RANDOM_DIGITS = b"__rand_int__"
# So many different keys that hardly any comes twice.
ANY_KEY = 2_000_000_000
# Enough to know how many commands take as long as asked for.
TRIAL_COMMANDS = 2_000
# Databases of one Redis: what servers read and materialization writes, and what redis-benchmark does.
SERVED, COPIES = 0, 1
MONITOR_TIMEOUT = 30
REPLAY_TIMEOUT = 60
END_OF_MONITORING = b"end of monitoring"


@dataclass(frozen=True)
class Shape:
    """How redis-benchmark sends commands: so many connections, on each of which so many are sent before a reply is awaited."""

    clients: int = 1
    pipeline: int = 1


def client(redis: Server, database: int = SERVED) -> Redis:
    return Redis(port=redis.port, db=database)


@contextmanager
def monitored(redis: Server):
    """Collects what Redis is sent, in a list that is complete after the block. What scripts call is left out."""
    commands: list[Command] = []
    with socket.create_connection(("127.0.0.1", redis.port), timeout=MONITOR_TIMEOUT) as connection:
        lines = connection.makefile("rb")
        connection.sendall(b"MONITOR\r\n")
        lines.readline()
        yield commands
        client(redis).echo(END_OF_MONITORING)
        for line in lines:
            origin, arguments = line.split(b"] ", 1)
            command = [unescaped(argument) for argument in re.findall(rb'"((?:\\.|[^"\\])*)"', arguments)]
            if command[-1] == END_OF_MONITORING:
                return
            if not origin.endswith(b" lua"):
                commands.append(command)
    raise SystemExit("Redis no longer says what it is sent")


def unescaped(argument: bytes) -> bytes:
    return argument.decode("unicode_escape").encode("latin-1")


def copy_hashes(redis: Server, keys: list[bytes]) -> dict:
    """Copies hashes to keys that redis-benchmark can name, instead of earlier copies. Gives what they are like."""
    served, copies = client(redis, SERVED), client(redis, COPIES)
    copies.flushdb()
    targets = [named_copy(key, b"%0*d" % (DIGITS, number)) for number, key in enumerate(keys)]
    with served.pipeline(transaction=False) as pipeline:
        for key, target in zip(keys, targets):
            pipeline.copy(key, target, COPIES)
        if not all(pipeline.execute()):
            raise SystemExit("Redis has not copied all hashes")
    forms, copied = forms_of(served, keys), forms_of(copies, targets)
    if forms != copied:
        different = next(pair for pair in zip(forms, copied) if pair[0] != pair[1])
        raise SystemExit(f"a copied hash is not like the original: {different[0]}, {different[1]}")
    described = [dict(zip(("encoding", "fields", "bytes"), form)) for form in sorted(set(forms))]
    return {"count": len(keys), "forms": described}


def named_copy(key: bytes, digits: bytes) -> bytes:
    """A key as long as this one, that ends in digits."""
    return b"copy".ljust(len(key) - DIGITS, b"_") + digits


def forms_of(client: Redis, keys: list[bytes]) -> list[tuple[str, int, int]]:
    """Encoding, fields, and bytes in memory, the key and what Redis keeps beside it included."""
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.object("ENCODING", key).hlen(key).memory_usage(key)
        replies = pipeline.execute()
    return [(encoding.decode(), fields, size) for encoding, fields, size in zip(*[iter(replies)] * 3)]


def read_again(redis: Server, command: Command, seconds: float, shape: Shape) -> dict:
    """A command that our server reads a hash with, sent for the copies."""
    name, key, *fields = command
    copies = client(redis, COPIES)
    hashes = copies.dbsize()
    repeated = [name, named_copy(key, RANDOM_DIGITS), *fields]
    missed = copies.info("stats")["keyspace_misses"]
    trial = redis_benchmark(redis, repeated, TRIAL_COMMANDS, shape, hashes)
    measured = redis_benchmark(redis, repeated, int(trial["commands_per_second"] * seconds), shape, hashes)
    if copies.info("stats")["keyspace_misses"] != missed:
        raise SystemExit("redis-benchmark has asked for hashes that are not there")
    return measured


def write_again(redis: Server, command: Command, rows: int, shape: Shape) -> dict:
    """A call of the script that our server writes a row with, for as many new keys, in an empty database.

    Names of fields are hashes, and some have a NUL byte: another byte in its place writes as much.
    """
    name, script, keys, key, *arguments = command
    copies = client(redis, COPIES)
    copies.flushdb()
    arguments = [argument.replace(b"\0", b"\1") for argument in arguments]
    repeated = [name, script, keys, named_copy(key, RANDOM_DIGITS), *arguments]
    measured = redis_benchmark(redis, repeated, rows, shape, ANY_KEY)
    if not 0.999 * rows < copies.dbsize() <= rows + shape.clients * shape.pipeline:
        raise SystemExit(f"redis-benchmark has written {copies.dbsize()} of {rows} hashes")
    copies.flushdb()
    return measured


@contextmanager
def recorded(redis: Server):
    """Another port of Redis, and what is sent to it: the bytes of each connection, complete when the clients have ended."""
    sent: list[bytearray] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=take_connections, args=(listener, redis, sent), daemon=True).start()
        yield Server("recorded Redis", listener.getsockname()[1], redis.process), sent


def take_connections(listener: socket.socket, redis: Server, sent: list[bytearray]) -> None:
    while True:
        try:
            incoming, _ = listener.accept()
        except OSError:
            return
        outgoing = socket.create_connection(("127.0.0.1", redis.port))
        sent.append(bytearray())
        for ends in ((incoming, outgoing, sent[-1]), (outgoing, incoming, bytearray())):
            threading.Thread(target=forward, args=ends, daemon=True).start()


def forward(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
    try:
        while data := source.recv(1 << 16):
            kept += data
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # The other end is gone, and so is the need.
        pass


def send_again(redis: Server, calls: bytes, count: int) -> dict:
    """Recorded calls of the script, by a client that does nothing else, into an empty database."""
    copies = client(redis, COPIES)
    copies.flushdb()
    before = command_statistics(copies, "evalsha")
    with socket.create_connection(("127.0.0.1", redis.port), timeout=REPLAY_TIMEOUT) as connection:
        connection.sendall(b"SELECT %d\r\n" % COPIES)
        connection.recv(1 << 16)
        started = time.monotonic()
        sender = threading.Thread(target=connection.sendall, args=(calls,))
        sender.start()
        replies = 0
        while replies < count:
            received = connection.recv(1 << 16)
            if not received or b"-" in received:
                raise SystemExit(f"Redis has refused calls that are sent again: {received[:200]!r}")
            replies += received.count(b"\n")
        seconds = time.monotonic() - started
        sender.join()
    after = command_statistics(copies, "evalsha")
    if copies.dbsize() != count:
        raise SystemExit(f"calls that are sent again have written {copies.dbsize()} of {count} hashes")
    copies.flushdb()
    return {"rows_per_second": count / seconds, "redis_us_a_row": (after["usec"] - before["usec"]) / count}


def redis_benchmark(redis: Server, command: Command, count: int, shape: Shape, keys: int) -> dict:
    """Times in milliseconds, and the microseconds of Redis that a command took."""
    if any(b"\0" in argument for argument in command):
        raise SystemExit(f"redis-benchmark cannot send an argument with a NUL byte: {command}")
    admin, name = client(redis), command[0].decode()
    before = command_statistics(admin, name)
    options = ["--csv", "-p", redis.port, "--dbnum", COPIES, "-c", shape.clients, "-P", shape.pipeline, "-n", count, "-r", keys]
    ran = subprocess.run(["redis-benchmark", *map(str, options), *command], capture_output=True)
    after = command_statistics(admin, name)
    failed = after["failed_calls"] - before["failed_calls"] + after["rejected_calls"] - before["rejected_calls"]
    if ran.returncode != 0 or failed:
        raise SystemExit(f"redis-benchmark: {failed} commands failed. {ran.stderr.decode(errors='replace')}")
    # The first column is the command.
    columns = ran.stdout.rstrip().rsplit(b",", 7)[1:]
    rate, _, _, p50, _, p99, _ = (float(column.strip(b'"')) for column in columns)
    micros = (after["usec"] - before["usec"]) / (after["calls"] - before["calls"])
    return {"commands_per_second": rate, "p50_ms": p50, "p99_ms": p99, "redis_us_a_command": micros}


def command_statistics(client: Redis, name: str) -> dict:
    empty = {"calls": 0, "usec": 0, "failed_calls": 0, "rejected_calls": 0}
    return client.info("commandstats").get(f"cmdstat_{name.lower()}", empty)
