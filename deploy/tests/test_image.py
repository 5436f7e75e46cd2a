"""`deploy/Dockerfile`: built as it is shipped, over a stand-in of its base image, and run as strictly as a cluster may run it."""

import base64
import contextlib
import json
import shutil
import tempfile
import time
import unittest
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import containers
from artefacts import CACHE, DEPLOY, ask, free_port, needs, run, wait_until_served
from containers import container, needs_containers, podman, server_image, volume

#: Nothing can be written but the volume, not even /tmp, and nothing is allowed that root may do.
STRICT = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges")
#: What a repository needs before it is served.
PREPARE = 'feast init feature_repo && cd feature_repo && feast apply && feast materialize-incremental "$(date -u +%Y-%m-%d)"'
#: What the containers of Feast's operator run for a project that comes from Git.
OPERATOR = """
set -e
mkdir -p /data/credit && cd /data/credit
git init -q origin && cd origin && feast init feature_repo >/dev/null
git add . && git -c user.name=a -c user.email=a@b commit -qm first
cd .. && git clone -q origin clone && cd clone/feature_repo
echo "$TMP_FEATURE_STORE_YAML_BASE64" | base64 -d > feature_store.yaml
feast apply
"""


class Dockerfile(unittest.TestCase):
    def test_hadolint_has_no_remark(self) -> None:
        needs("hadolint")
        self.assertEqual(run("hadolint", DEPLOY / "Dockerfile").stdout, "")


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        needs_containers()
        cls.image = server_image()

    def test_its_settings_are_those_that_feast_s_charts_expect(self) -> None:
        config = containers.inspected("image", self.image)["Config"]
        expected = {
            "User": "1001:0",
            "WorkingDir": "/data",
            "Cmd": ["feast", "serve", "-h", "0.0.0.0"],
            "ExposedPorts": {"6566/tcp": {}, "8000/tcp": {}},
            "Volumes": {"/data": {}},
        }
        self.assertEqual({name: config[name] for name in expected}, expected)
        self.assertNotIn("Entrypoint", config)
        health = containers.inspected("image", self.image)["Healthcheck"]
        self.assertEqual(health["Test"], ["CMD", "feast", "health"])

    def test_it_serves_as_any_user_of_group_0(self) -> None:
        for user in ["", "1000680000:0", "65534:0"]:
            with self.subTest(user=user), volume() as data:
                self.walk(f"{data}:/data", user)

    def test_it_serves_as_any_user_who_may_write_the_directory(self) -> None:
        with tempfile.TemporaryDirectory(dir=CACHE) as directory:
            shutil.chown(directory, 65534, 65534)
            self.walk(f"{directory}:/data", "65534:65534")

    def walk(self, data: str, user: str) -> None:
        """From an empty volume to served and pushed features, which the next container has too."""
        options = (*STRICT, "--volume", data, *(("--user", user) if user else ()))
        podman("run", "--rm", *options, self.image, "sh", "-c", PREPARE)
        with served(self.image, options) as (name, url):
            self.assertEqual(ask(f"{url}/get-online-features", READ)[0], 200)
            self.assertEqual(ask(f"{url}/push", pushed(1000)), (200, ""))
            self.assertEqual(trips(url), 1000)
            podman("healthcheck", "run", name)
            podman("exec", name, "feast", "health", "http://127.0.0.1:8000/metrics")
            podman("stop", "--time", "20", name)
            state = containers.inspected("container", name)["State"]
            # Not 137: that it was killed.
            self.assertEqual((state["ExitCode"], state["OOMKilled"]), (0, False))
        with served(self.image, options) as (name, url):
            self.assertEqual(trips(url), 1000)

    def test_what_was_acknowledged_outlives_a_container_that_is_killed(self) -> None:
        with volume() as data:
            options = (*STRICT, "--volume", f"{data}:/data")
            podman("run", "--rm", *options, self.image, "sh", "-c", PREPARE)
            for killed in range(1, 4):
                with served(self.image, options) as (name, url):
                    for last in range(20):
                        self.assertEqual(ask(f"{url}/push", pushed(100 * killed + last)), (200, ""))
                    podman("kill", "--signal", "KILL", name)
                with served(self.image, options) as (_, url):
                    self.assertEqual(trips(url), 100 * killed + 19)

    def test_without_a_repository_it_says_so_and_ends(self) -> None:
        ended = podman("run", "--rm", *STRICT, self.image, code=1)
        self.assertIn("feature_store.yaml", ended.stderr)

    def test_feast_s_own_commands_run_as_they_are_written(self) -> None:
        # What Feast's chart, its operator and its example for compose start: the whole command, without an entry point.
        with volume() as data:
            options = (*STRICT, "--volume", f"{data}:/data")
            podman("run", "--rm", *options, self.image, "sh", "-c", PREPARE)
            for command in [
                ["feast", "-c", "/data/feature_repo", "serve", "-h", "0.0.0.0"],
                ["feast", "--log-level", "WARNING", "-c", "/data/feature_repo", "serve", "--metrics", "-h", "0.0.0.0"],
            ]:
                with self.subTest(command), served(self.image, options, command) as (_, url):
                    self.assertEqual(ask(f"{url}/get-online-features", READ)[0], 200)

    def test_settings_come_from_the_environment_and_their_paths_outlive_the_container(self) -> None:
        settings = (
            "project: feature_repo\nprovider: local\nregistry: feature_repo/data/registry.db\n"
            "online_store: {type: rocksdb, path: feature_repo/data/online_store}\n"
        )
        encoded = base64.b64encode(settings.encode()).decode()
        with volume() as data:
            options = (*STRICT, "--volume", f"{data}:/data")
            podman("run", "--rm", *options, self.image, "sh", "-c", PREPARE)
            options += ("--env", f"FEATURE_STORE_YAML_BASE64={encoded}")
            with served(self.image, options, []) as (_, url):
                self.assertEqual(ask(f"{url}/push", pushed(1000)), (200, ""))
            with served(self.image, options, []) as (_, url):
                self.assertEqual(trips(url), 1000)

    def test_the_documented_image_has_the_repository_in_it(self) -> None:
        example = (DEPLOY.parent / "docs/docker.md").read_text().split("```dockerfile\n")[1].split("```")[0]
        with tempfile.TemporaryDirectory(dir=CACHE) as directory:
            context = Path(directory)
            run(containers.FEAST, "init", "feature_repo", directory=context)
            settings = context / "feature_repo/feature_store.yaml"
            settings.write_text(
                "project: feature_repo\nprovider: local\nregistry: /data/registry.db\n"
                "online_store: {type: rocksdb, path: /data/online_store}\n"
            )
            (context / "Dockerfile").write_text(example.replace("FROM feast-server", f"FROM {self.image}"))
            containers.build("localhost/feast-baked:test", context / "Dockerfile", context)
            with volume() as data, served("localhost/feast-baked:test", (*STRICT, "--volume", f"{data}:/data"), []) as (_, url):
                now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
                self.assertEqual(ask(f"{url}/materialize-incremental", {"end_ts": now})[0], 200)
                self.assertIsInstance(trips(url), int)

    def test_with_git_it_does_what_feast_s_operator_asks_for(self) -> None:
        image = server_image("localhost/feast-server:operator", "--build-arg=PACKAGES=git")
        settings = "project: credit\nprovider: local\nregistry: data/registry.db\nonline_store: {type: sqlite, path: data/online_store.db}\n"
        encoded = base64.b64encode(settings.encode()).decode()
        # Git wants a home to look for settings in.
        options = (*STRICT, "--user", "1000680000:0", "--env", f"TMP_FEATURE_STORE_YAML_BASE64={encoded}", "--env", "HOME=/data")
        with volume() as data:
            applied = podman("run", "--rm", *options, "--volume", f"{data}:/data", image, "bash", "-c", OPERATOR)
        self.assertIn("Created feature view driver_hourly_stats", applied.stdout)


@contextlib.contextmanager
def served(image: str, options: tuple[str, ...], command: list[str] | None = None) -> Iterator[tuple[str, str]]:
    """A container that serves, and where: on a free port of this machine. Without a command, the repository of `PREPARE`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    if command is None:
        command = ["feast", "-c", "feature_repo", "serve", "-h", "0.0.0.0", "--metrics"]
    with container(image, *command, options=(*options, "--publish", f"127.0.0.1:{port}:6566")) as name:
        try:
            wait_until_served(f"{url}/health")
        except AssertionError as error:
            log = podman("logs", name, code=None)
            raise AssertionError(f"{error}\n{log.stdout}\n{log.stderr}") from None
        yield name, url


READ = {"features": ["driver_hourly_stats:avg_daily_trips"], "entities": {"driver_id": [1001]}}


def trips(url: str) -> object:
    """The value of the driver that is pushed."""
    status, text = ask(f"{url}/get-online-features", READ)
    if status != 200:
        raise AssertionError(f"{status} {text}")
    return json.loads(text)["results"][1]["values"][0]


def pushed(value: int) -> dict[str, object]:
    """A row with that value, newer than every one before it."""
    now = datetime.fromtimestamp(time.time(), UTC)
    row = {"driver_id": [1001], "event_timestamp": [f"{now:%Y-%m-%dT%H:%M:%S.%fZ}"], "created": [f"{now:%Y-%m-%dT%H:%M:%S.%f}"]}
    values = {"conv_rate": [1.0], "acc_rate": [1.0], "avg_daily_trips": [value]}
    return {"push_source_name": "driver_stats_push_source", "df": row | values, "to": "online"}
