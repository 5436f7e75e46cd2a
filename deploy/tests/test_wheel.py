"""The wheel: what is in it, and that it works where it is installed, alone and beside Python Feast."""

import hashlib
import json
import os
import re
import sys
import tempfile
import unittest
import venv
import zipfile
from pathlib import Path

from artefacts import CACHE, REPOSITORY, needs, run

REQUIREMENTS = REPOSITORY / "fixtures/interop/requirements.txt"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")).resolve()
VERSION = re.search(r'^version = "(.+)"', (REPOSITORY / "Cargo.toml").read_text(), re.MULTILINE)[1]

NAME = rf"feast_server-{re.escape(VERSION)}-py3-none-(manylinux_2_\d+_x86_64|linux_x86_64)\.whl"
CONTENTS = {
    "feast_server/__init__.py",
    "feast_server/__main__.py",
    "feast_server/_answer.py",
    "feast_server/_binary.py",
    "feast_server/_server.py",
    "feast_server/_values.py",
    "feast_server/online_store.py",
    "feast_server/py.typed",
    f"feast_server-{VERSION}.data/scripts/feast-server",
    f"feast_server-{VERSION}.dist-info/METADATA",
    f"feast_server-{VERSION}.dist-info/RECORD",
    f"feast_server-{VERSION}.dist-info/WHEEL",
    f"feast_server-{VERSION}.dist-info/licenses/LICENSE",
    f"feast_server-{VERSION}.dist-info/sboms/feast.cdx.json",
}
# Made by `./run release`.
ONLY_RELEASED = {f"feast_server-{VERSION}.dist-info/licenses/THIRD-PARTY-LICENSES"}


class Installation:
    """A virtual environment."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.python = directory / "bin/python"
        venv.create(directory, with_pip=True)

    def pip(self, *arguments: str | Path) -> None:
        run(self.python, "-m", "pip", "--disable-pip-version-check", *arguments, timeout=600)

    def says(self, *command: str | Path, code: int = 0) -> str:
        """What a command prints to both, without the variables of the environment that the tests run in."""
        done = run(*command, code=code, environment={"PYTHONPATH": ""})
        return done.stdout + done.stderr


class WheelTest(unittest.TestCase):
    wheel: Path
    directory: Path

    @classmethod
    def setUpClass(cls) -> None:
        needs("cargo", "maturin")
        cls.directory = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        contents = run(sys.executable, REPOSITORY / "deploy/release/contents.py", "sbom", REPOSITORY / "Cargo.toml")
        sbom = cls.directory / "feast.cdx.json"
        sbom.write_text(contents.stdout)
        # The profile and the features of the binary of all tests: only the command itself is compiled again.
        command = ["maturin", "build", "--profile", "release", "--offline", "--out", cls.directory, "--sbom-include", sbom]
        run(*command, directory=REPOSITORY / "deploy/python", environment={"CARGO_TARGET_DIR": str(TARGET)}, timeout=1800)
        [cls.wheel] = cls.directory.glob("*.whl")

    def installed(self, name: str) -> Installation:
        installation = Installation(self.directory / name)
        installation.pip("install", "--no-index", self.wheel)
        return installation

    def test_holds_one_command_that_is_not_feast(self) -> None:
        self.assertRegex(self.wheel.name, NAME)
        with zipfile.ZipFile(self.wheel) as wheel:
            self.assertEqual(set(wheel.namelist()) - ONLY_RELEASED, CONTENTS)
            metadata = wheel.read(f"feast_server-{VERSION}.dist-info/METADATA").decode()
            sbom = json.loads(wheel.read(f"feast_server-{VERSION}.dist-info/sboms/feast.cdx.json"))
        required = re.findall(r"^Requires-Dist: (.*)", metadata, re.MULTILINE)
        self.assertEqual(required, ["feast==0.67.* ; extra == 'feast'"])
        self.assertEqual((sbom["bomFormat"], sbom["metadata"]["component"]["name"]), ("CycloneDX", "feast"))
        linked = {component["name"] for component in sbom["components"]}
        self.assertLessEqual({"librocksdb-sys", "datafusion", "warp"}, linked)
        # Only of tests, of benches, or of the compiler.
        self.assertTrue(linked.isdisjoint({"proptest", "criterion", "feast-engine", "bindgen"}))

    def test_texts_of_all_licences_are_found(self) -> None:
        contents = REPOSITORY / "deploy/release/contents.py"
        texts = run(sys.executable, contents, "licences", REPOSITORY / "Cargo.toml").stdout
        for part in ("librocksdb-sys", "zstd-sys", "lz4-sys", "libmimalloc-sys", "ring", "datafusion"):
            with self.subTest(part):
                self.assertRegex(texts, rf"\n{part} \S+ \(\S*LICENSE\S*\)\n")
        self.assertNotIn("GNU GENERAL PUBLIC LICENSE\n", texts)

    def test_runs_without_any_other_package(self) -> None:
        alone = self.installed("alone")
        binary = alone.directory / "bin/feast-server"
        self.assertEqual(alone.says(binary, "--version"), f"feast-server {VERSION}\n")
        self.assertEqual(alone.says(alone.python, "-m", "feast_server", "--version"), f"feast-server {VERSION}\n")
        self.assertIn("Usage: feast-server [OPTIONS] <COMMAND>", alone.says(binary, "--help"))
        self.assertIn("Usage: feast-server ", alone.says(binary, "no-such-command", code=2))
        find = "import feast_server; print(feast_server.find_feast_server())"
        self.assertEqual(alone.says(alone.python, "-c", find), f"{binary}\n")
        store = "import feast_server; feast_server.RustOnlineStore"
        self.assertIn("No module named 'feast'", alone.says(alone.python, "-c", store, code=1))
        self.assertFalse((alone.directory / "bin/feast").exists())
        repository = alone.directory / "feature_repo"
        alone.says(binary, "init", repository)
        self.assertIn("driver_hourly_stats", alone.says(binary, "-c", repository, "apply"))
        binary.unlink()
        lost = alone.says(alone.python, "-c", find, code=1)
        self.assertIn(f"\n  {binary}\n", lost)
        self.assertIn("pip install --force-reinstall feast-server", lost)

    def test_is_found_where_pip_was_told_to_put_it(self) -> None:
        pip = Installation(self.directory / "elsewhere")
        find = "import feast_server; print(feast_server.find_feast_server())"
        for option in ("--target", "--prefix"):
            with self.subTest(option):
                place = self.directory / option.strip("-")
                pip.pip("install", "--no-index", option, place, self.wheel)
                [package] = place.rglob("feast_server/__init__.py")
                found = run(pip.python, "-c", find, environment={"PYTHONPATH": str(package.parents[1])}).stdout
                self.assertEqual(found, f"{place}/bin/feast-server\n")

    def test_shares_a_store_with_python_feast_and_leaves_its_command(self) -> None:
        beside = with_python_feast()
        command = beside.directory / "bin/feast"
        before = command.read_bytes()
        beside.pip("install", "--no-index", "--no-deps", "--force-reinstall", self.wheel)
        try:
            self.assertEqual(command.read_bytes(), before)
            script = REPOSITORY / "fixtures/interop/rust_online_store.py"
            binary = beside.directory / "bin/feast-server"
            run(beside.python, script, "--feast", binary, timeout=300, environment={"PYTHONPATH": ""})
        finally:
            beside.pip("uninstall", "--yes", "feast-server")
        self.assertEqual(command.read_bytes(), before)
        self.assertEqual(list(beside.directory.rglob("*feast_server*")) + list(beside.directory.glob("bin/feast-s*")), [])


def with_python_feast() -> Installation:
    """Python Feast in an environment of its own, which the next run finds again."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    directory = CACHE / f"python-feast-{wanted}"
    complete = directory / "complete"
    installation = Installation(directory)
    if not complete.exists():
        installation.pip("install", "--quiet", "-r", REQUIREMENTS)
        complete.touch()
    return installation


if __name__ == "__main__":
    unittest.main()
