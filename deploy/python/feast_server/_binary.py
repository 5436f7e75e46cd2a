"""Where the binary of this wheel was installed to."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

NAME = "feast-server" + (sysconfig.get_config_var("EXE") or "")


def find_feast_server() -> str:
    """The path of the binary.

    Raises FileNotFoundError, which names all places that were looked at, if it is in none of them.
    """
    looked_at: list[Path] = []
    for directory in _directories():
        binary = directory / NAME
        if binary.is_file():
            return str(binary)
        if binary not in looked_at:
            looked_at.append(binary)
    places = "".join(f"\n  {place}" for place in looked_at)
    raise FileNotFoundError(
        f"the binary {NAME} is not where installers put it:{places}\n"
        "Install the package again: pip install --force-reinstall feast-server"
    )


def _directories() -> Iterator[Path]:
    """The directories of scripts, those of this interpreter first: a virtual environment has its own."""
    yield Path(sysconfig.get_path("scripts"))
    # A virtual environment that sees the packages of the interpreter it was made with.
    yield Path(sysconfig.get_path("scripts", vars={"base": sys.base_prefix}))
    package = Path(__file__).resolve().parent
    # pip install --prefix: PREFIX/lib/pythonX.Y/site-packages/feast_server beside PREFIX/bin.
    if len(package.parents) > 3:
        yield package.parents[3] / "bin"
    # pip install --target: TARGET/feast_server beside TARGET/bin.
    yield package.parent / "bin"
    # pip install --user.
    yield Path(sysconfig.get_path("scripts", scheme=sysconfig.get_preferred_scheme("user")))


def run() -> None:
    """Becomes the binary, with the arguments of this process."""
    binary = find_feast_server()
    if os.name == "posix":
        os.execv(binary, [binary, *sys.argv[1:]])
    import subprocess

    raise SystemExit(subprocess.run([binary, *sys.argv[1:]], check=False).returncode)
