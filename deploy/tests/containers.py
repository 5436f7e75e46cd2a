"""Images that are built and run on this machine alone: buildah and podman over a store of their own, and stand-ins for base images.

What an image is built from lies in registries that a test does not reach. The stand-in has the same name and the packages of the same
Debian, so that a Dockerfile is built as it is shipped.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from artefacts import CACHE, FEAST, REPOSITORY, cannot_be_tested, needs, run

#: Of these tests: the one that podman makes by itself may collide with one that another version of it has left.
NETWORK = "feast-test"
IMAGE = "localhost/feast-server:test"
DEBIAN = "docker.io/library/debian:bookworm-slim"
#: As the official image has none of them.
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
PROGRAMS = ("/usr/lib/podman/aardvark-dns", "/usr/lib/podman/netavark", "buildah", "mmdebstrap", "podman", "runc", "strip")
#: Neither systemd nor a user's session is here to make control groups, and the limits of the usual settings may be above ours.
SETTINGS = """\
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "{place}/networks"
[containers]
default_ulimits = ["nofile=10000:10000", "nproc=10000:10000"]
"""
STORAGE = """\
[storage]
driver = "{driver}"
graphroot = "{place}/images"
runroot = "{place}/run"
"""
#: Where the programs find their settings, and how buildah runs what a Dockerfile says.
ENVIRONMENT = {
    "CONTAINERS_CONF": str(CACHE / "containers.conf"),
    "CONTAINERS_STORAGE_CONF": str(CACHE / "storage.conf"),
    "BUILDAH_ISOLATION": "chroot",
}


def needs_containers() -> None:
    """For `setUpClass`: skips the tests, or fails with CI, where no image can be built and run."""
    needs(*PROGRAMS)
    if os.geteuid() != 0:
        cannot_be_tested("only root can build and run images here")
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "containers.conf").write_text(SETTINGS.format(place=CACHE))
    # Images and containers share files where the kernel lets them, else each layer is a copy.
    for driver in ["overlay", "vfs"]:
        (CACHE / "storage.conf").write_text(STORAGE.format(driver=driver, place=CACHE))
        if podman("network", "exists", NETWORK, code=None).returncode in (0, 1):
            break
    if podman("network", "exists", NETWORK, code=None).returncode != 0:
        podman("network", "create", NETWORK)


def buildah(*arguments: str | Path, timeout: float = 60, code: int | None = 0) -> str:
    return run("buildah", *arguments, timeout=timeout, code=code, environment=ENVIRONMENT).stdout.strip()


def podman(*arguments: str | Path, timeout: float = 60, code: int | None = 0) -> subprocess.CompletedProcess[str]:
    return run("podman", *arguments, timeout=timeout, code=code, environment=ENVIRONMENT)


def debian(name: str, *packages: str) -> None:
    """Makes the stand-in of an image of that name: the packages of Debian that every installation has, and these."""
    if has_image(name):
        return
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        files = Path(directory) / "files.tar"
        options = [f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT]
        # Empties the cache of downloaded packages after each command, as in the official image.
        clean = 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };'
        options += ["--variant=minbase", f"--aptopt={clean}", *(f"--include={package}" for package in packages)]
        run("mmdebstrap", *options, "bookworm", files, timeout=400)
        container = buildah("from", "scratch")
        try:
            buildah("add", "-q", container, files, "/", timeout=200)
            buildah("commit", "-q", container, name, timeout=200)
        finally:
            buildah("rm", container)


def has_image(name: str) -> bool:
    return bool(image_number(name))


def image_number(name: str) -> str:
    """The number of the image of that name, or nothing."""
    return buildah("images", "-q", "--no-trunc", name, code=None)


def build(name: str, dockerfile: Path, context: Path, *options: str | Path) -> None:
    """Builds an image, from layers of the last build where they are the same. That of the last build is removed."""
    former = image_number(name)
    # Docker's format, as that of OCI has no health check.
    given = ["bud", "--pull-never", "--layers", "--format=docker", "-f", dockerfile, "-t", name, *options, context]
    buildah(*given, timeout=400)
    if former and image_number(name) != former:
        buildah("rmi", former, code=None)


def server_image(name: str = IMAGE, *options: str) -> str:
    """Builds the image of the server around the binary that is tested, and gives its name."""
    debian(DEBIAN)
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        # A context with nothing else in it. The file's time would make another layer of the same file.
        binary = Path(directory) / "feast"
        shutil.copy(FEAST, binary)
        run("strip", binary)
        os.utime(binary, (0, 0))
        build(name, REPOSITORY / "deploy/Dockerfile", REPOSITORY, f"--build-context=binary={directory}", *options)
    return name


@contextlib.contextmanager
def volume() -> Iterator[str]:
    """A volume that goes away with all that is in it."""
    name = f"feast-test-{uuid.uuid4().hex[:12]}"
    podman("volume", "create", name)
    try:
        yield name
    finally:
        podman("volume", "rm", "--force", name)


@contextlib.contextmanager
def container(image: str, *command: str, options: tuple[str, ...] = ()) -> Iterator[str]:
    """A container that runs beside the test."""
    name = f"feast-test-{uuid.uuid4().hex[:12]}"
    podman("run", "--detach", "--name", name, "--network", NETWORK, *options, image, *command)
    try:
        yield name
    finally:
        podman("rm", "--force", "--time", "5", name)


def inspected(kind: str, name: str) -> dict[str, object]:
    return json.loads(podman("inspect", "--type", kind, name).stdout)[0]
