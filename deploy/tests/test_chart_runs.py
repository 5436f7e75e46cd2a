"""The containers of `deploy/helm/feast-server` as they are rendered, run on this machine without a cluster.

What stands for the cluster: a directory for the volume, the values of Secrets in the environment and in files, another port, and a
client that asks as the probes say.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

from artefacts import FEAST, ask, free_port, needs, run
from charts import Case, Manifest, needs_helm, of_kind, template

TOKEN = "feast_a-key-that-only-the-tests-have"
REPOSITORY = {
    "project": "feature_repo",
    "provider": "local",
    "registry": "data/registry.db",
    "online_store": {"type": "rocksdb"},
    "entity_key_serialization_version": 3,
}
SERVING = {
    "api_keys": [{"name": "job", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}],
    "metrics_host": "127.0.0.1",
}
PLAIN: dict[str, Any] = {"metrics": {"enabled": True}, "materialize": {"enabled": True, "tokenSecretName": "key"}}
TLS: dict[str, Any] = {
    "tls": {"secretName": "server", "minVersion": "1.3"},
    "materialize": {"enabled": True, "tokenSecretName": "key", "caSecretName": "server"},
}
CLIENT_CERTIFICATES: dict[str, Any] = {
    "tls": {"secretName": "server", "clientCaSecretName": "ca"},
    "materialize": TLS["materialize"] | {"clientCertSecretName": "client", "featureViews": ["driver_hourly_stats"]},
}
READ = {"features": ["driver_hourly_stats:avg_daily_trips"], "entities": {"driver_id": [1001]}}


def setUpModule() -> None:
    needs_helm()


class Runs(unittest.TestCase):
    def test_plain(self) -> None:
        self.check(PLAIN)

    def test_tls(self) -> None:
        self.check(TLS)

    def test_client_certificates(self) -> None:
        self.check(CLIENT_CERTIFICATES)

    def check(self, values: dict[str, Any]) -> None:
        """The probes pass, the job loads rows, metrics are where they are said to be, and the server ends in the time that it is given."""
        needs("curl", "openssl", "sh")
        with tempfile.TemporaryDirectory(prefix="feast-chart-") as name:
            cluster = Cluster(Path(name), values)
            server = cluster.start_server()
            try:
                self.assertTrue(cluster.starts())
                self.assertTrue(cluster.probe("livenessProbe"))
                self.assertTrue(cluster.probe("readinessProbe"))
                self.assertEqual(cluster.statuses(), ["PRESENT", "NOT_FOUND"])
                job = cluster.run_job()
                self.assertEqual((job.returncode, job.stderr), (0, ""), job.stdout)
                self.assertEqual(cluster.statuses(), ["PRESENT", "PRESENT"])
                self.assertTrue(cluster.probe("readinessProbe"))
                for port in cluster.pod["containers"][0]["ports"][1:]:
                    self.assertIn("feast_ready 1", ask(f"http://127.0.0.1:{port['containerPort']}/metrics")[1])
                cluster.forget_token()
                self.assertEqual(cluster.run_job().returncode, 22)
                server.send_signal(signal.SIGTERM)
                self.assertEqual(server.wait(cluster.pod["terminationGracePeriodSeconds"]), 0)
            finally:
                server.kill()
                server.wait()


class Cluster:
    """What a cluster would do with the manifests, in a directory."""

    def __init__(self, directory: Path, values: dict[str, Any]) -> None:
        self.directory = directory
        self.port = free_port()
        repository = REPOSITORY | {"serving": SERVING | {"metrics_port": free_port()}}
        text = template(Case(values | {"logLevel": "ERROR"}, repository))
        self.secret = of_kind(text, "Secret")["stringData"]
        self.pod = of_kind(text, "Deployment")["spec"]["template"]["spec"]
        self.job = of_kind(text, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        self.make_volume()
        self.make_secrets()

    def make_volume(self) -> None:
        """The registry and the parquet files, without the definitions and the yaml."""
        run(FEAST, "init", "feature_repo", directory=self.directory)
        volume = self.directory / "feature_repo"
        run(FEAST, "-c", volume, "apply")
        for file in ("feature_store.yaml", "feature_definitions.py"):
            (volume / file).unlink()
        volume.rename(self.directory / "data")

    def make_secrets(self) -> None:
        """Files as they are in the directories of mounted Secrets."""
        self.secrets = self.directory / "secrets"
        self.secrets.mkdir()
        make_certificates(self.secrets, "features-feast-server.shop.svc")
        (self.secrets / "key").mkdir()
        (self.secrets / "key/token").write_text(TOKEN)

    def forget_token(self) -> None:
        (self.secrets / "key/token").write_text("another")

    def path(self, pod: Manifest, path: str) -> str:
        """Where a path of the first container is in this directory, if a volume is mounted there."""
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        for mount in pod["containers"][0].get("volumeMounts", []):
            place = mount["mountPath"]
            if path == place or path.startswith(f"{place}/"):
                secret = volumes[mount["name"]].get("secret")
                source = self.secrets / secret["secretName"] if secret else self.directory / "data"
                return str(source) + path.removeprefix(place)
        return path

    def environment(self, container: Manifest) -> dict[str, str]:
        """Only what the container has, and where programs are."""
        variables = {"PATH": os.environ["PATH"], "no_proxy": "*"}
        for variable in container.get("env", []):
            if "valueFrom" in variable:
                variables[variable["name"]] = self.secret[variable["valueFrom"]["secretKeyRef"]["key"]]
            else:
                variables[variable["name"]] = variable["value"]
        return variables

    def start_server(self) -> subprocess.Popen[bytes]:
        (container,) = self.pod["containers"]
        program, *arguments = container["command"]
        assert program == "feast"
        command = [self.path(self.pod, argument).replace("0.0.0.0", "127.0.0.1") for argument in arguments]
        directory = self.path(self.pod, container["workingDir"])
        return subprocess.Popen([FEAST, *command, "--port", str(self.port)], cwd=directory, env=self.environment(container))

    def probe(self, name: str) -> bool:
        """Whether a probe passes. Kubernetes looks at no certificate, and has none."""
        probe = self.pod["containers"][0][name]
        if "tcpSocket" in probe:
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", self.port)) == 0
        request = probe["httpGet"]
        url = f"{request['scheme'].lower()}://127.0.0.1:{self.port}{request['path']}"
        return run("curl", "--silent", "--fail", "--insecure", "--noproxy", "*", "--max-time", "5", url, code=None).returncode == 0

    def starts(self) -> bool:
        """Whether it does, before it would be given up."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self.probe("startupProbe"):
                return True
            time.sleep(0.05)
        return False

    def run_job(self) -> subprocess.CompletedProcess[str]:
        (container,) = self.job["containers"]
        *shell, script = container["command"]
        for mount in container.get("volumeMounts", []):
            script = script.replace(mount["mountPath"], self.path(self.job, mount["mountPath"]))
        environment = self.environment(container) | {"CONNECT_TO": f"127.0.0.1:{self.port}"}
        return subprocess.run(
            [*shell, script], env=environment, cwd=self.directory, capture_output=True, text=True, timeout=60, check=False
        )

    def statuses(self) -> list[str]:
        """Of the key and the feature that are read."""
        scheme = self.pod["containers"][0]["startupProbe"].get("httpGet", {"scheme": "HTTPS"})["scheme"].lower()
        certificate: list[str | Path] = ["--cert", self.secrets / "client/tls.crt", "--key", self.secrets / "client/tls.key"]
        header = f"Authorization: Bearer {TOKEN}"
        url = f"{scheme}://127.0.0.1:{self.port}/get-online-features"
        curl = ["curl", "--silent", "--insecure", "--noproxy", "*", "--header", header, "--data", json.dumps(READ)]
        statuses: list[str] = json.loads(run(*curl, *certificate, url).stdout)["results"][0]["statuses"]
        return statuses


def make_certificates(directory: Path, server: str) -> None:
    """An authority, and certificates of a server and a client in the files that cert-manager makes."""
    authority: list[str | Path] = ["-CA", directory / "ca/ca.crt", "-CAkey", directory / "ca/tls.key"]
    no_authority: list[str | Path] = ["-addext", "basicConstraints=critical,CA:false"]
    kinds: list[tuple[str, str, list[str | Path]]] = [
        ("ca", "basicConstraints=critical,CA:true", []),
        ("server", f"subjectAltName=DNS:{server}", authority + no_authority),
        ("client", "extendedKeyUsage=clientAuth", authority + no_authority),
    ]
    for name, extension, signed_by in kinds:
        (directory / name).mkdir()
        certificate = directory / name / ("ca.crt" if name == "ca" else "tls.crt")
        key: list[str | Path] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", directory / name / "tls.key"]
        run("openssl", "req", "-x509", "-days", "1", "-subj", f"/CN={name}", "-addext", extension, *key, *signed_by, "-out", certificate)
        if name != "ca":
            shutil.copy(directory / "ca/ca.crt", directory / name / "ca.crt")
