"""Which systems the binary starts on."""

import sys
import unittest

from artefacts import FEAST, REPOSITORY, needs, run

NEEDS = REPOSITORY / "deploy/release/needs.py"
#: What the image's base has: glibc and the libraries of GCC of Debian 12.
OF_THE_IMAGE = ("GLIBC_2.36", "GLIBCXX_3.4.30", "CXXABI_1.3.13", "GCC_12.0.0")


class NeedsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        needs("objdump")

    def test_it_starts_on_the_base_of_the_image(self) -> None:
        run(sys.executable, NEEDS, FEAST, *options(OF_THE_IMAGE))

    def test_what_is_too_new_is_named(self) -> None:
        refused = run(sys.executable, NEEDS, FEAST, *options(["GLIBC_2.2.4"]), code=1)
        self.assertRegex(refused.stderr, r"(?m)^\w+ of GLIBC_2\.\d+, which is newer than 2\.2\.4$")

    def test_a_library_that_is_not_everywhere_is_named(self) -> None:
        refused = run(sys.executable, NEEDS, "/usr/bin/openssl", *options(["GLIBC_2.99"]), code=1)
        self.assertIn("the library libssl.so.3", refused.stderr)


def options(versions: tuple[str, ...] | list[str]) -> list[str]:
    return [word for version in versions for word in ("--at-most", version)]


if __name__ == "__main__":
    unittest.main()
