"""Print what is installed here as a constraints file: run ``make lock`` after the tests pass with new versions.

A constraints file serves pip and uv alike, on every platform: it pins what is installed and installs nothing.
The CUDA libraries of a torch build are left out, since torch itself names the versions that it fits.
"""

from __future__ import annotations

import re
from importlib import metadata

OF_A_TORCH_BUILD = re.compile(r"^(nvidia|cuda|triton)")
OF_THE_ENVIRONMENT = {"pip", "setuptools", "wheel", "dacl-edu"}


def main() -> None:
    """Print one pinned requirement a line, sorted."""
    print("# What the tests were run with (Python 3.11). Written by: make lock")
    pinned = {}
    for distribution in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        if not OF_A_TORCH_BUILD.match(name) and name not in OF_THE_ENVIRONMENT:
            pinned[name] = distribution.version.partition("+")[0]  # +cu130 names a build, not a version
    for name in sorted(pinned):
        print(f"{name}=={pinned[name]}")


if __name__ == "__main__":
    main()
