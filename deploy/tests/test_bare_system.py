"""The binary on a Debian that has nothing but what every Debian has: what somebody meets who unpacks an archive."""

import tarfile
import tempfile
import unittest
from pathlib import Path

from artefacts import CACHE, FEAST
from containers import DEBIAN, debian, needs_containers, podman

#: The way from nothing to served features, with no other program than the binary.
WALK = """
set -eu
cd "$(mktemp -d)"
feast init feature_repo
cd feature_repo
feast apply
feast materialize-incremental "$(date -u +%Y-%m-%d)"
feast serve &
server=$!
for _ in $(seq 100); do
    if feast health 2>/dev/null; then break; fi
    sleep 0.1
done
feast health
kill $server
wait $server
feast get-online-features -f driver_hourly_stats:conv_rate -e driver_id=1001
"""


class BareSystem(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        needs_containers()
        debian(DEBIAN)

    def test_it_goes_from_nothing_to_served_features(self) -> None:
        with tempfile.TemporaryDirectory(dir=CACHE) as directory:
            archive = Path(directory) / "feast.tar.gz"
            with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
                packed.add(FEAST, "feast")
            Path(directory).chmod(0o755)
            unpack = f"tar -C /usr/local/bin -xzf /archive/{archive.name}"
            options = ["--network=none", f"--volume={directory}:/archive:ro"]
            walked = podman("run", "--rm", *options, DEBIAN, "bash", "-c", f"{unpack}\n{WALK}")
        self.assertIn("Created feature view driver_hourly_stats", walked.stdout)
        self.assertIn("Feature server stopped", walked.stderr)
        self.assertIn("conv_rate", walked.stdout)
