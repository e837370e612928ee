"""Print what is installed here as a constraints file: run ``make lock`` after the tests pass with new versions.

A constraints file serves pip and uv alike, on every platform: it pins what is installed and installs nothing.
The CUDA libraries of a torch build are left out, since torch itself names the versions that it fits.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

OF_A_TORCH_BUILD = re.compile(r"^(nvidia|cuda|triton)")
OF_THE_ENVIRONMENT = {"pip", "setuptools", "wheel", "dacl-edu"}


def installed() -> dict[str, str]:
    """Return name and version of what is installed, sorted."""
    pinned = {}
    for distribution in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        if not OF_A_TORCH_BUILD.match(name) and name not in OF_THE_ENVIRONMENT:
            pinned[name] = distribution.version.partition("+")[0]  # +cu130 names a build, not a version
    return dict(sorted(pinned.items()))


def main() -> int:
    """Print one pinned requirement a line; with ``--check``, say which versions are not those of the lock."""
    found = installed()
    if sys.argv[1:] == ["--check"]:
        lines = (Path(__file__).parents[1] / "requirements.lock").read_text(encoding="utf-8").splitlines()
        locked = dict(line.split("==") for line in lines if "==" in line)
        other = [
            f"{name} {version}, tested with {locked[name]}"
            for name, version in found.items()
            if name in locked and locked[name] != version
        ]
        print("\n".join(other) or f"{len(found)} packages, those that were tested")
        return int(bool(other))
    print("# What the tests were run with (Python 3.11). Written by: make lock")
    for name, version in found.items():
        print(f"{name}=={version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
