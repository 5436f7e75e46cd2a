"""`deploy/compose.yaml`: all its services together, over stand-ins of the images of Redis and Prometheus."""

import contextlib
import json
import tempfile
import time
import unittest
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import containers
from artefacts import CACHE, DEPLOY, FEAST, ask, free_port, needs, run, wait_until_served
from containers import buildah, debian, has_image, needs_containers, podman, server_image

COMPOSE = DEPLOY / "compose.yaml"
#: Whatever is in an image of that name that compose.yaml counts on.
STAND_INS = {
    "docker.io/library/redis:7-bookworm": (
        "redis-server",
        # The official one is compiled to listen to others than itself.
        ["--workingdir=/data", '--entrypoint=["sh", "-c", "exec \\"$@\\" --protected-mode no", "sh"]', "--cmd=redis-server"],
    ),
    "docker.io/prom/prometheus:v3.5.0": (
        "prometheus",
        [
            '--entrypoint=["prometheus"]',
            "--cmd=--config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/prometheus",
        ],
    ),
}


class Files(unittest.TestCase):
    def test_yamllint_has_no_remark(self) -> None:
        needs("yamllint")
        rules = "{extends: default, rules: {line-length: disable, document-start: disable, indentation: {spaces: consistent}}}"
        self.assertEqual(run("yamllint", "-s", "-d", rules, COMPOSE, DEPLOY / "compose").stdout, "")

    def test_prometheus_reads_its_file(self) -> None:
        needs("promtool")
        run("promtool", "check", "config", "--syntax-only", DEPLOY / "compose/prometheus.yml")


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        needs_containers()
        needs("podman-compose")
        for name, (package, settings) in STAND_INS.items():
            if not has_image(name):
                debian(f"localhost/{package}", package)
                container = buildah("from", f"localhost/{package}")
                buildah("config", *settings, container)
                buildah("commit", "-q", container, name, timeout=200)
                buildah("rm", container)

    def test_features_come_from_redis_and_numbers_go_to_prometheus(self) -> None:
        with tempfile.TemporaryDirectory(dir=CACHE) as directory:
            run(FEAST, "init", "feature_repo", directory=Path(directory))
            Path(directory).chmod(0o755)
            with up(Path(directory) / "feature_repo") as (compose, features, prometheus):
                wait_until_served(f"{features}/ready")
                now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
                self.assertEqual(ask(f"{features}/materialize-incremental", {"end_ts": now}), (200, "null"))
                read = {"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001]}}
                first = ask(f"{features}/get-online-features", read)
                self.assertEqual(json.loads(first[1])["results"][1]["statuses"], ["PRESENT"])
                keys = compose("exec", "-T", "redis", "redis-cli", "dbsize").stdout
                self.assertEqual(keys.strip(), "5")
                self.assertEqual(self.scraped(prometheus), "1")
                rules = json.loads(ask(f"{prometheus}/api/v1/rules")[1])["data"]["groups"][0]
                self.assertEqual({rule["health"] for rule in rules["rules"]} - {"ok", "unknown"}, set())
                compose("exec", "-T", "feast", "feast", "health")
                # The volumes outlive the containers.
                compose("down")
                compose("up", "-d")
                wait_until_served(f"{features}/ready")
                self.assertEqual(ask(f"{features}/get-online-features", read), first)

    def scraped(self, prometheus: str) -> str:
        """What Prometheus says of whether it could read the metrics. It may have to read them a second time."""
        end = time.monotonic() + 60
        value = ""
        while time.monotonic() < end and value != "1":
            with contextlib.suppress(OSError):
                found = json.loads(ask(f"{prometheus}/api/v1/query?query=feast_ready")[1])["data"]["result"]
                value = found[0]["value"][1] if found else ""
            time.sleep(0.5)
        return value


@contextlib.contextmanager
def up(repository: Path) -> Iterator[tuple]:
    """Everything in compose.yaml around a repository: what runs a command of it, and where features and Prometheus are."""
    features, prometheus = free_port(), free_port()
    environment = {
        **containers.ENVIRONMENT,
        "FEAST_IMAGE": server_image(),
        "FEAST_REPOSITORY": str(repository),
        "FEAST_PORT": str(features),
        "PROMETHEUS_PORT": str(prometheus),
    }
    arguments = ["podman-compose", "-p", f"feast-test-{uuid.uuid4().hex[:8]}", "-f", COMPOSE]

    def compose(*command: str, timeout: float = 120):
        return run(*arguments, *command, timeout=timeout, environment=environment)

    try:
        compose("up", "-d")
        yield compose, f"http://127.0.0.1:{features}", f"http://127.0.0.1:{prometheus}"
    finally:
        compose("down", "--volumes")
