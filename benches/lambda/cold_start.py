"""How long a function of AWS Lambda takes from the start of its process to its first answer, without AWS.

    python benches/lambda/cold_start.py target/release/feast REPOSITORY [--runs 20] [OPTION OF feast lambda ...]

Stands in for the runtime API: gives one event, `GET /health` as a function URL sends it, takes the answer, and ends the process. Prints the
times until the process asks for an event, which is what AWS counts as the start, and until the answer.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EVENT = {
    "version": "2.0",
    "rawPath": "/health",
    "rawQueryString": "",
    "headers": {"host": "localhost"},
    "requestContext": {
        "http": {"method": "GET", "sourceIp": "127.0.0.1"},
        "stage": "$default",
    },
    "isBase64Encoded": False,
}


class Api(BaseHTTPRequestHandler):
    """Notes when it is asked for an event and when it gets the answer."""

    protocol_version = "HTTP/1.1"
    asked_at = answered_at = 0.0
    answered = threading.Event()

    def do_GET(self) -> None:
        if Api.asked_at:
            Api.answered.wait()
            time.sleep(60)
            return
        Api.asked_at = time.perf_counter()
        self.reply(200, json.dumps(EVENT).encode())

    def do_POST(self) -> None:
        answer = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Api.answered_at = time.perf_counter()
        self.reply(202, b"{}")
        if answer.get("statusCode") != 200:
            raise SystemExit(f"not an answer: {answer}")
        Api.answered.set()

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("Lambda-Runtime-Aws-Request-Id", "1")
        self.send_header(
            "Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 60_000)
        )
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def run(feast: str, repository: str, options: list[str]) -> tuple[float, float]:
    """Milliseconds until the process asks for an event, and until its answer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Api.asked_at, Api.answered = 0.0, threading.Event()
    with tempfile.TemporaryDirectory() as temporary:
        environment = os.environ | {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
            "TMPDIR": temporary,
        }
        started = time.perf_counter()
        process = subprocess.Popen(
            [feast, "-c", repository, "lambda", "--no-access-log", *options],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        answered = Api.answered.wait(timeout=60)
        process.kill()
        process.wait()
    server.shutdown()
    if not answered:
        raise SystemExit("the function does not answer")
    return (Api.asked_at - started) * 1e3, (Api.answered_at - started) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("feast")
    parser.add_argument("repository")
    parser.add_argument("--runs", type=int, default=20)
    arguments, options = parser.parse_known_args()
    times = [
        run(arguments.feast, arguments.repository, options)
        for _ in range(arguments.runs)
    ]
    for name, values in zip(("asks for an event", "has answered"), zip(*times)):
        print(
            f"{name}: median {statistics.median(values):.0f} ms, {min(values):.0f} to {max(values):.0f} ms over {len(values)} starts"
        )


if __name__ == "__main__":
    main()
