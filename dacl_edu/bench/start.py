"""How long the project needs before it does something: its commands, its imports, its images."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from dacl_edu.bench.pair import Pair

STATEMENTS = {
    "dacl-edu --help": ("from dacl_edu.cli import main; main(['--help'])", "python", "pass"),
    "import the trainer": ("from dacl_edu.training import train", "import torch", "import torch"),
}
"""What → (our statement, the peer's name, its statement)."""

LOAD = "from dacl_edu.data import load_dataset; load_dataset('bundled', 'train')"


def start_pairs(repetitions: int) -> Iterator[Pair]:
    """Yield whole processes in seconds, and the bundled faces read again beside the first time."""
    for what, (ours, name, peer) in STATEMENTS.items():
        rounds = [(_process(ours), _process(peer)) for _ in range(repetitions)]
        yield Pair(what, name, "s", [each[0] for each in rounds], [each[1] for each in rounds])
    again, first = [], []
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as cache:
            first.append(_process(LOAD, cache))
            again.append(_process(LOAD, cache))
    yield Pair("read the faces again", "first time", "s", again, first)


def _process(statement: str, cache: str | None = None) -> float:
    surroundings = os.environ | ({"XDG_CACHE_HOME": cache} if cache else {})
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], env=surroundings, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start
