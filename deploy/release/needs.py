"""Says which systems a binary starts on: the libraries it loads, and the newest version of their symbols it asks for.

    needs.py BINARY [--at-most GLIBC_2.28]...

With `--at-most` it fails, naming the symbols, if a binary asks for a newer version, or loads a library that is neither glibc's nor of the
versions given. Reads what `objdump` of the binutils prints, and runs nothing of the binary.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

# Where there is a glibc, there are these.
OF_GLIBC = {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1"}
# Versions of symbols, and the libraries that have them.
LIBRARIES = {"GLIBCXX": "libstdc++.so.6", "CXXABI": "libstdc++.so.6", "GCC": "libgcc_s.so.1"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=Path)
    parser.add_argument("--at-most", action="append", default=[], metavar="VERSION", help="such as GLIBC_2.28 or GLIBCXX_3.4.30")
    arguments = parser.parse_args()
    libraries, symbols = needs(arguments.binary)
    print(f"{arguments.binary} loads {', '.join(sorted(libraries))}")
    for family, versions in sorted(families(symbols).items()):
        newest = max(versions, key=number)
        print(f"{family}_{newest} for {', '.join(sorted(versions[newest]))}")
    if arguments.at_most and (excess := beyond(arguments.at_most, libraries, symbols)):
        sys.exit("This is more than it may ask for:\n" + "\n".join(excess))


def needs(binary: Path) -> tuple[set[str], list[tuple[str, str]]]:
    """The libraries, and the symbols with their versions (`GLIBC_2.35`)."""
    libraries = set(re.findall(r"^\s+NEEDED\s+(\S+)", objdump("-p", binary), re.MULTILINE))
    lines = re.findall(r"\*UND\*\s+[0-9a-f]+\s+\(?([A-Za-z]+_[0-9.]+)\)?\s+(\S+)", objdump("-T", binary))
    return libraries, [(symbol, version) for version, symbol in lines]


def objdump(option: str, binary: Path) -> str:
    return subprocess.run(["objdump", option, str(binary)], stdout=subprocess.PIPE, check=True, timeout=300, text=True).stdout


def families(symbols: list[tuple[str, str]]) -> dict[str, dict[str, set[str]]]:
    """The symbols of each version, in each family of versions."""
    found: dict[str, dict[str, set[str]]] = {}
    for symbol, version in symbols:
        family, numbers = version.split("_", 1)
        found.setdefault(family, {}).setdefault(numbers, set()).add(symbol)
    return found


def number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def beyond(at_most: list[str], libraries: set[str], symbols: list[tuple[str, str]]) -> list[str]:
    """What is more than those versions, a line each."""
    allowed = dict(version.split("_", 1) for version in at_most)
    known = OF_GLIBC | {LIBRARIES[family] for family in allowed if family in LIBRARIES}
    excess = [f"the library {library}" for library in sorted(libraries - known)]
    for symbol, version in sorted(symbols):
        family, numbers = version.split("_", 1)
        if family in allowed and number(numbers) > number(allowed[family]):
            excess.append(f"{symbol} of {version}, which is newer than {allowed[family]}")
    return excess


if __name__ == "__main__":
    main()
