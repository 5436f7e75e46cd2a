"""Prints what the binary is made of: the licences of all packages that are linked into it, or a list of them (SBOM, CycloneDX 1.6).

    contents.py licences|sbom Cargo.toml

Owns which packages those are, and where their texts lie, also those of the C and C++ sources in them. Whether the licences are allowed is
checked elsewhere, by `deny.toml`. The same for the same Cargo.lock, on whatever machine; the SBOM has the time SOURCE_DATE_EPOCH, if that is set.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

PLATFORM = "x86_64-unknown-linux-gnu"
NAMES = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")
SUFFIXES = ("", ".txt", ".md", ".html")
OF_ONE_LICENCE = (".APACHE", ".MIT", ".BSD", ".LEVELDB")
# Folders of packages that are not compiled, so that their texts are none of the binary's.
NOT_LINKED = {
    "build_tools", "contrib", "docs", "examples", "java", "programs", "snappy", "sqlcipher", "tests", "third-party", "tools"
}  # fmt: skip
ROOT = "feast"


@dataclass
class Package:
    """A package that is linked, from the registry."""

    name: str
    version: str
    licence: str
    authors: str
    directory: Path
    checksum: str

    @property
    def purl(self) -> str:
        """Its name in lists of packages of all kinds."""
        return f"pkg:cargo/{self.name}@{self.version.replace('+', '%2B')}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("licences", "sbom"))
    parser.add_argument("manifest", type=Path)
    arguments = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")
    edges, packages = linked(arguments.manifest)
    if arguments.what == "licences":
        print_licences(packages)
    else:
        print_sbom(version_of(arguments.manifest), packages, edges)


def linked(manifest: Path) -> tuple[dict[str, set[str]], list[Package]]:
    """Who needs whom, and the packages, by their names. Those of this repository are one: the root."""
    # Only this command knows which optional dependencies the binary has.
    selection = ("--package", "feast-cli", "--edges", "normal,no-proc-macro", "--target", PLATFORM)
    tree = cargo(manifest, "tree", *selection, "--prefix", "depth")
    edges: dict[str, set[str]] = defaultdict(set)
    path: list[str] = []
    for line in tree.splitlines():
        depth, name, version, more = re.fullmatch(r"(\d+)(\S+) v(\S+)(.*)", line).groups()
        found = ROOT if "(/" in more else f"{name}@{version}"
        path[int(depth) :] = [found]
        if len(path) > 1 and found not in (ROOT, path[-2]):
            edges[path[-2]].add(found)
    lock = (manifest.parent / "Cargo.lock").read_text()
    checksums = re.findall(r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"', lock)
    checksum_of = {f"{name}@{version}": checksum for name, version, checksum in checksums}
    metadata = json.loads(cargo(manifest, "metadata", "--format-version", "1", "--filter-platform", PLATFORM))
    wanted = set().union(*edges.values())
    packages = [
        Package(
            name=found["name"],
            version=found["version"],
            licence=found["license"].replace("/", " OR ").replace("  ", " "),
            authors=", ".join(found["authors"]) or found["repository"],
            directory=Path(found["manifest_path"]).parent,
            checksum=checksum_of[f"{found['name']}@{found['version']}"],
        )
        for found in metadata["packages"]
        if f"{found['name']}@{found['version']}" in wanted
    ]
    return edges, sorted(packages, key=lambda package: (package.name, package.version))


def cargo(manifest: Path, command: str, *arguments: str) -> str:
    words = [os.environ.get("CARGO", "cargo"), command, "--locked", "--manifest-path", str(manifest), *arguments]
    return subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=300, text=True).stdout


def version_of(manifest: Path) -> str:
    return re.search(r'^version = "(.+)"', manifest.read_text(), re.MULTILINE)[1]


def print_licences(packages: list[Package]) -> None:
    users: dict[str, list[str]] = defaultdict(list)
    without = []
    print(f"The binary contains the following {len(packages)} packages. Their licences:\n")
    for package in packages:
        print(f"  {package.name} {package.version}: {package.licence}")
        found = list(texts(package.directory))
        for path, text in found:
            users[text].append(f"{package.name} {package.version} ({path})")
        if not found:
            without.append(package)
    if without:
        print("\nThese have no text of their own in their packages; those below with the same names apply:\n")
    for package in without:
        print(f"  {package.name} {package.version}: {package.licence}, {package.authors}")
    for text, names in sorted(users.items(), key=lambda entry: entry[1]):
        print("\n" + "=" * 100, *names, "=" * 100 + "\n", text, sep="\n")


def texts(directory: Path) -> Iterator[tuple[str, str]]:
    """The licence files of a package, without what differs in blanks alone."""
    for folder, folders, files in os.walk(directory):
        folders[:] = sorted(set(folders) - NOT_LINKED)
        for name in sorted(files):
            suffix = Path(name).suffix
            is_text = suffix.lower() in SUFFIXES or suffix.upper().startswith(OF_ONE_LICENCE)
            if not name.upper().startswith(NAMES) or not is_text:
                continue
            path = Path(folder, name)
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            text = "\n".join(line.rstrip() for line in lines).strip()
            # Of several licences the permissive one is taken, so this is never the one.
            if text and "GNU GENERAL PUBLIC LICENSE" not in text[:200]:
                yield str(path.relative_to(directory)), text


def print_sbom(version: str, packages: list[Package], edges: dict[str, set[str]]) -> None:
    root = {"type": "application", "bom-ref": ROOT, "name": ROOT, "version": version}
    root["licenses"] = [{"license": {"id": "Apache-2.0"}}]
    refs = {ROOT: ROOT} | {f"{package.name}@{package.version}": package.purl for package in packages}
    components = [
        {
            "type": "library",
            "bom-ref": package.purl,
            "name": package.name,
            "version": package.version,
            "scope": "required",
            "hashes": [{"alg": "SHA-256", "content": package.checksum}],
            "licenses": [{"expression": package.licence}],
            "purl": package.purl,
        }
        for package in packages
    ]
    dependencies = [
        {"ref": ref, "dependsOn": sorted(refs[needed] for needed in edges.get(name, ()))} for name, ref in refs.items()
    ]
    sbom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": root}}
    sbom |= {"components": components, "dependencies": dependencies}
    sbom["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(sbom)).urn
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        sbom["metadata"]["timestamp"] = datetime.fromtimestamp(int(epoch), timezone.utc).isoformat()
    print(json.dumps(sbom, indent=1))


if __name__ == "__main__":
    main()
