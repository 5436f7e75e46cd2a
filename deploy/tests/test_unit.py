"""`deploy/systemd/feast.service`: systemd reads it without a remark, and the server needs nothing that it takes away.

No systemd runs the unit here. Instead the system calls of a server are recorded and held against the unit.
"""

import os
import re
import signal
import subprocess
import tempfile
import unittest
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from artefacts import DEPLOY, FEAST, ask, free_port, needs, run, wait_until_served

UNIT = DEPLOY / "systemd/feast.service"
#: Of ten; less is better. What is left is the network, which a server needs.
GREATEST_EXPOSURE = 1.6


class Unit(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        needs("systemd-analyze")

    def test_systemd_reads_it_without_a_remark(self) -> None:
        self.assertEqual(remarks(), "")

    def test_systemd_reads_the_documented_changes_without_a_remark(self) -> None:
        changes = (DEPLOY.parent / "docs/systemd.md").read_text().split("```ini\n")[1].split("```")[0]
        self.assertEqual(remarks(changes), "")
        # It says what it cannot read.
        self.assertIn("Unknown key", remarks(changes.replace("MemoryMax", "Memory")))

    def test_little_is_exposed(self) -> None:
        report = run("systemd-analyze", "security", "--offline=true", UNIT).stdout
        exposure = re.search(r"Overall exposure level for feast.service: ([\d.]+)", report)
        assert exposure, report
        self.assertLessEqual(float(exposure[1]), GREATEST_EXPOSURE, report)


def remarks(changes: str = "") -> str:
    """What systemd says of the unit with changes that an administrator makes."""
    with tempfile.TemporaryDirectory() as directory:
        unit = Path(directory) / UNIT.name
        unit.write_text(UNIT.read_text().replace("/usr/local/bin/feast", str(FEAST)))
        changed = Path(directory) / "feast.service.d/override.conf"
        changed.parent.mkdir()
        changed.write_text(changes)
        # It also ends with 0 after most remarks.
        verified = run("systemd-analyze", "verify", "--man=no", unit)
        return verified.stdout + verified.stderr


class Server(unittest.TestCase):
    """The system calls of a server that is read from, pushed to and stopped, and of what is run before it."""

    calls: list[str]
    state: Path

    @classmethod
    def setUpClass(cls) -> None:
        needs("systemd-analyze", "strace")
        directory = tempfile.TemporaryDirectory(prefix="feast-unit-")
        cls.addClassCleanup(directory.cleanup)
        cls.state = Path(directory.name).resolve() / "state"
        cls.state.mkdir()
        log = Path(directory.name) / "calls"
        walk(cls.state, log)
        calls = (re.sub(r"^\d+ +", "", line) for line in log.read_text().splitlines())
        cls.calls = [call for call in calls if re.match(r"\w+\(", call)]

    def test_every_system_call_is_allowed(self) -> None:
        used = {call.split("(")[0] for call in self.calls}
        self.assertLessEqual({"accept4", "fdatasync", "openat"}, used)
        self.assertEqual(used - allowed_calls(), set())

    def test_no_memory_is_both_written_and_executed(self) -> None:
        # MemoryDenyWriteExecute
        self.assertEqual([call for call in self.calls if "PROT_WRITE|PROT_EXEC" in call], [])

    def test_files_are_written_in_the_state_directory_alone(self) -> None:
        # ProtectSystem=strict. /dev/null and the like stay, PrivateTmp is a directory of its own, and threads write their names to /proc.
        opened = [re.match(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]+)", [^)]*(?:O_WRONLY|O_RDWR|O_CREAT)', call) for call in self.calls]
        written = {Path(call[1]) for call in opened if call}
        relative = [path for path in written if not path.is_absolute()]
        elsewhere = [path for path in written if path.is_absolute() and not path.is_relative_to(self.state)]
        self.assertTrue(written)
        self.assertEqual(relative, [])
        self.assertEqual([path for path in elsewhere if path.parts[1] not in ("dev", "proc", "tmp")], [])

    def test_sockets_are_of_allowed_families(self) -> None:
        # RestrictAddressFamilies
        families = {match[1] for call in self.calls if (match := re.match(r"socket(?:pair)?\((AF_\w+)", call))}
        self.assertLessEqual({"AF_INET6"}, families)
        self.assertLessEqual(families, set(settings()["RestrictAddressFamilies"][-1].split()))


def walk(state: Path, log: Path) -> None:
    """Records the calls of `feast serve`, asked and stopped, as the unit would start it."""
    repository = state / "feature_repo"
    run(FEAST, "init", "feature_repo", directory=state)
    run(FEAST, "-c", repository, "apply")
    run(FEAST, "-c", repository, "materialize-incremental", f"{datetime.now(UTC):%Y-%m-%d}")
    port = free_port()
    settings = repository / "feature_store.yaml"
    settings.write_text(f"{settings.read_text()}\nserving:\n    metrics_port: {free_port()}\n")
    command = ["strace", "-f", "-o", log, FEAST, "-c", repository, "serve", "--port", port, "--metrics"]
    server = subprocess.Popen([str(argument) for argument in command], start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_served(f"{url}/health")
        read = {"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001]}}
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        row = {"driver_id": [1001], "event_timestamp": [now], "created": [now[:-1]]}
        values = {"conv_rate": [1.0], "acc_rate": [1.0], "avg_daily_trips": [1000]}
        push = {"push_source_name": "driver_stats_push_source", "df": row | values, "to": "online_and_offline"}
        for path, body in [("get-online-features", read), ("push", push), ("materialize-incremental", {"end_ts": now})]:
            status, text = ask(f"{url}/{path}", body)
            if status != 200:
                raise AssertionError(f"{path}: {status} {text}")
        # To the server, whose end is that of strace.
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        server.wait(30)
    finally:
        server.kill()
        server.wait()


def settings() -> dict[str, list[str]]:
    """The settings of the unit, each with all its values."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        name, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def allowed_calls() -> set[str]:
    """What SystemCallFilter lets through."""
    allowed: set[str] = set()
    for value in settings()["SystemCallFilter"]:
        names = {name for word in value.removeprefix("~").split() for name in calls_of(word)}
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed


def calls_of(word: str) -> Iterator[str]:
    """The calls of a set, which may name others."""
    if not word.startswith("@"):
        yield word
        return
    for line in run("systemd-analyze", "syscall-filter", word).stdout.splitlines()[1:]:
        if (name := line.strip()) and not name.startswith("#"):
            yield from calls_of(name)
