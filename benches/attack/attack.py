"""Attackers of every kind at once on one server, and what an honest client notices of them.

Usage: attack.py FEAST MINUTES

Starts its own server, with TLS, on a free port of this machine, and ends it. Prints latencies of the honest client, which asks a hundred
times a second on one connection, and the memory and open files of the server, every ten seconds and in the end.
"""

import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import resource
import signal
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time

FEATURES = ["conv_rate", "acc_rate", "avg_daily_trips"]
READ = json.dumps({"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001]}}).encode()
HONEST_INTERVAL = 0.01


def post(path, body):
    return b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (path, len(body)) + body


class Attackers:
    """Each method is one attacker, which begins again whenever the server ends its connection."""

    def __init__(self, port, context):
        self.port, self.context = port, context

    async def connect(self, tls=True, protocol=None):
        context = self.context
        if protocol:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols([protocol])
        # No more of an answer is taken than the attacker reads.
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context if tls else None, limit=1 << 12)

    async def hold(self, first, again=None, tls=True):
        """Sends something, then a little now and then, until the server has had enough."""
        reader, writer = await self.connect(tls)
        with contextlib.closing(writer):
            writer.write(first)
            while not reader.at_eof() and not writer.is_closing():
                if again:
                    writer.write(again)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1 << 12), 1)

    async def idle(self):
        await self.hold(b"")

    async def handshake(self):
        await self.hold(b"", tls=False)

    async def head(self):
        await self.hold(b"POST /push HTTP/1.1\r\nx: " + b"x" * 20_000, b"x")

    async def body(self):
        await self.hold(b"POST /push HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{", b" ")

    async def slow_reader(self):
        """Asks for some megabytes, and takes none of them."""
        reads = {"features": ["driver_hourly_stats:" + name for name in FEATURES], "entities": {"driver_id": [1001] * 30_000}}
        reader, writer = await self.connect()
        with contextlib.closing(writer):
            writer.transport.pause_reading()
            writer.write(post(b"/get-online-features", json.dumps(reads).encode()))
            await asyncio.sleep(90)

    async def no_credit(self):
        """HTTP/2 that gives the server no credit for its answer."""

        def frame(kind, flags, stream, payload):
            return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

        def header(name, value):
            return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value

        reader, writer = await self.connect(protocol="h2")
        with contextlib.closing(writer):
            reads = json.dumps({"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001] * 10_000}}).encode()
            fields = {b":method": b"POST", b":scheme": b"https", b":authority": b"x", b":path": b"/get-online-features"}
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, struct.pack(">HI", 4, 0)))
            writer.write(frame(1, 4, 1, b"".join(header(*field) for field in fields.items())))
            for start in range(0, len(reads), 16_000):
                piece = reads[start : start + 16_000]
                writer.write(frame(0, int(start + 16_000 >= len(reads)), 1, piece))
            while not reader.at_eof():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1 << 12), 1)

    async def plans(self):
        """Requests that have no plan in common."""
        reader, writer = await self.connect()
        with contextlib.closing(writer):
            while not reader.at_eof():
                features = [f"driver_hourly_stats:{random.choice(FEATURES)}" for _ in range(random.randint(1, 400))]
                writer.write(post(b"/get-online-features", json.dumps({"features": features, "entities": {"driver_id": [1001]}}).encode()))
                await reader.read(1 << 12)
                await asyncio.sleep(0.1)

    async def runs(self):
        """Materializations whose clients go away."""
        _, writer = await self.connect()
        with contextlib.closing(writer):
            writer.write(post(b"/materialize", b'{"start_ts":"2020-01-01","end_ts":"2030-01-01"}'))
            await asyncio.sleep(random.uniform(0, 2))

    async def churn(self):
        """Connections that are gone at once."""
        _, writer = await self.connect(tls=random.random() < 0.5)
        writer.transport.abort()
        await asyncio.sleep(0.2)

    KINDS = {
        "idle": 300, "handshake": 200, "head": 300, "body": 100, "slow_reader": 20, "no_credit": 10, "plans": 4, "runs": 12, "churn": 4,
    }  # fmt: skip

    async def forever(self, attack):
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await attack()
            await asyncio.sleep(random.uniform(0.1, 1))

    async def all(self):
        attacks = [getattr(self, kind) for kind, count in self.KINDS.items() for _ in range(count)]
        await asyncio.gather(*(self.forever(attack) for attack in attacks))


def attack(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    asyncio.run(Attackers(port, context).all())


def honest(port, seconds, results):
    """Asks again and again; a connection that the server closes is opened again, and what is not answered counts."""
    import http.client

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    latencies, failures, connection = [], [], None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.monotonic()
        try:
            if connection is None:
                connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
                connection.connect()
                started = time.monotonic()
            connection.request("POST", "/get-online-features", READ)
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                failures.append(response.status)
            if response.will_close:
                connection = None
        except (OSError, http.client.HTTPException) as error:
            failures.append(type(error).__name__)
            connection = None
        latencies.append(time.monotonic() - started)
        time.sleep(max(0, HONEST_INTERVAL - (time.monotonic() - started)))
    results.put((latencies, failures))


def start(feast, directory):
    run = lambda *command: subprocess.run(command, cwd=directory, check=True, capture_output=True)
    run(feast, "init", ".")
    run(feast, "apply")
    run(feast, "materialize-incremental", "2100-01-01T00:00:00")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem")  # fmt: skip
    command = [feast, "serve", "--port", "0", "--key", "key.pem", "--cert", "cert.pem", "--no-access-log", "--workers", "2"]
    log = open(os.path.join(directory, "log"), "w+")
    server = subprocess.Popen(command, cwd=directory, stderr=log)
    while True:
        log.seek(0)
        for line in log:
            if "listens on https://" in line:
                return server, int(line.rsplit(":", 1)[1])
        if server.poll() is not None:
            log.seek(0)
            sys.exit(log.read())
        time.sleep(0.1)


def usage(process):
    with open(f"/proc/{process}/status") as status:
        memory = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return memory / 1024, len(os.listdir(f"/proc/{process}/fd"))


def main(feast, minutes):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as directory:
        server, port = start(os.path.abspath(feast), directory)
        results = multiprocessing.Queue()
        attackers = multiprocessing.Process(target=attack, args=(port,), daemon=True)
        client = multiprocessing.Process(target=honest, args=(port, minutes * 60, results), daemon=True)
        try:
            alone = multiprocessing.Process(target=honest, args=(port, 10, results), daemon=True)
            alone.start()
            report("alone", *results.get())
            attackers.start()
            client.start()
            samples, end = [], time.monotonic() + minutes * 60
            while time.monotonic() < end:
                time.sleep(min(10, max(0.1, end - time.monotonic())))
                samples.append(usage(server.pid))
                print(f"{samples[-1][0]:.0f} MiB, {samples[-1][1]} open files", file=sys.stderr, flush=True)
            report("attacked", *results.get())
            settled = samples[len(samples) // 4 :]
            for name, values in zip(("MiB of memory", "open files"), zip(*settled)):
                print(f"{name}: {min(values):.0f} to {max(values):.0f}, in the end {values[-1]:.0f}")
            attackers.terminate()
            attackers.join()
            time.sleep(45)
            print("45 s later: %.0f MiB, %d open files" % usage(server.pid))
        finally:
            for process in (attackers, client):
                if process.is_alive():
                    process.terminate()
            server.send_signal(signal.SIGTERM)
            print("exit code", server.wait(60))
            with open(os.path.join(directory, "log")) as log:
                sys.stderr.writelines(log.readlines()[-20:])


def report(name, latencies, failures):
    milliseconds = sorted(latency * 1000 for latency in latencies)
    at = lambda share: milliseconds[min(len(milliseconds) - 1, int(len(milliseconds) * share))]
    print(
        f"{name}: {len(milliseconds)} requests, p50 {statistics.median(milliseconds):.2f} ms, p99 {at(0.99):.2f} ms, "
        f"p99.9 {at(0.999):.2f} ms, most {milliseconds[-1]:.2f} ms, not answered with 200: {len(failures)} {sorted(set(map(str, failures)))}",
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
