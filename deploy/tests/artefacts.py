"""What the tests of this directory have in common: where things are, and programs that are run and ended within a time.

Only loopback addresses are used, and what a test starts is ended by the test. Run them with `./run deploy`.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
#: The binary that is tested, as `./run deploy` says.
FEAST = Path(os.environ["FEAST_BINARY"]).resolve() if "FEAST_BINARY" in os.environ else REPOSITORY / "target/release/feast"
#: For what is slow to make and the same in the next run. A test keeps what is there whole, or not there.
CACHE = Path(os.environ.get("FEAST_DEPLOY_CACHE", REPOSITORY / "target/feast-deploy"))

#: Without the proxy that the environment may name: everything that is asked is on this machine.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def needs(*programs: str) -> None:
    """For `setUpClass`: skips the tests if a program is missing, or fails as `cannot_be_tested` does."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        cannot_be_tested(f"not installed: {', '.join(missing)}")


def cannot_be_tested(reason: str) -> NoReturn:
    """Skips the tests, where a developer may not have what they need. In CI (`CI`, `FEAST_REQUIRE_DEPLOY`) they fail instead."""
    if os.environ.get("CI") or os.environ.get("FEAST_REQUIRE_DEPLOY"):
        raise AssertionError(reason)
    raise unittest.SkipTest(reason)


def run(
    *command: str | Path,
    timeout: float = 60,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    code: int | None = 0,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """What a command printed. Fails, showing it, unless the command ends with `code` (`None`: with any) within `timeout` seconds.

    `environment` is added to that of the tests.
    """
    arguments = [str(argument) for argument in command]
    done = subprocess.run(
        arguments,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=directory,
        env={**os.environ, **(environment or {})},
        input=stdin,
        check=False,
    )
    if code is not None and done.returncode != code:
        raise AssertionError(f"`{' '.join(arguments)}` ended with {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
    return done


@contextlib.contextmanager
def started(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None, directory: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A program that runs beside the test, and is ended after it. Its output goes to that of the tests."""
    process = subprocess.Popen(
        [str(argument) for argument in command], text=True, cwd=directory, env={**os.environ, **(environment or {})}
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on. Another process may take it before it is used."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(url: str, body: object = None, timeout: float = 10) -> tuple[int, str]:
    """The status and text of an answer: to a GET, or to a POST of `body` as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with _DIRECT.open(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode()


def wait_until_served(url: str, timeout: float = 30) -> None:
    """Waits for an answer with status 200. Fails, with the last answer, after `timeout` seconds."""
    last: object = None
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        try:
            last = ask(url, timeout=2)
            if last[0] == 200:
                return
        except (OSError, ValueError) as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"no answer from {url} in {timeout} s: {last}")
