"""Freed memory stays with the process that trains: the next step starts without clearing pages."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from dacl_edu.runs.config import TrainConfig
from dacl_edu.training import build, train
from dacl_edu.training.allocator import keep_freed_memory

FAULTS = """
import resource
import torch
from dacl_edu.training.allocator import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(6_000_000)  # 24 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults()
kept = keep_freed_memory()
faults()
print(first, kept, faults())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
def test_the_next_array_finds_its_pages_there() -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    first, kept, after = done.stdout.split()
    assert kept == "True"
    assert int(first) > 8 * 1000, "this system does not clear pages anew: nothing would be shown"
    assert int(after) < 100


def test_a_c_library_without_mallopt_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert keep_freed_memory() is False


def test_training_on_a_cpu_asks_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(build, "keep_freed_memory", lambda: asked.append(True))
    train(
        TrainConfig.from_preset("smoke", limit=28, batch_size=14, epochs=1, device="cpu"),
        tmp_path / "run",
        progress=False,
    )
    assert asked == [True]
