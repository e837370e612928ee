"""The torture in small: a few cases of each kind, and that a case which is lost is seen."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from torture import kinds
from torture.commands import Ended, command, complaint, unreadable
from torture.damage import damaged_bytes
from torture.kinds import KINDS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="cases run in forked processes")
FEW = {"kills": 2, "signals": 2, "disk": 2, "checkpoints": 8, "labels": 10, "run folders": 20, "options": 20}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("torture")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost(kind: str, folder: Path) -> None:
    cases = KINDS[kind](folder, **({"count": FEW[kind]} if kind in FEW else {}))
    few = list(islice(cases, 2 if kind == "disk" else None if kind in FEW else 6))
    assert few
    assert {name: words for name, case in few if (words := case())} == {}


def test_what_is_lost_is_seen(folder: Path) -> None:
    assert "exit 7" in complaint(Ended(7, "", "", 0))
    assert "unforeseen" in complaint(Ended(2, "", "error: KeyError: 'a' (dacl-edu --debug … shows where)\n", 0))
    assert "no sentence" in complaint(Ended(2, "", "", 0))
    assert "MB" in complaint(Ended(0, "", "", 50_000))
    assert unreadable("a\x1b[2J") and unreadable("a" * 5000) and not unreadable("error: x\n")
    assert complaint(command(["evaluate", "nowhere"], folder / "here")) == ""


def test_other_bits_are_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = kinds.trained(folder)
    assert kinds.same_bits(whole, whole) == ""
    (whole / ".config.1.json").touch()
    assert "left behind" in kinds.same_bits(whole, whole)
    (whole / ".config.1.json").unlink()


def test_a_child_is_killed_before_it_writes(folder: Path) -> None:
    kill: Callable[[], None] = kinds.at_write(1, lambda path: os.kill(os.getpid(), signal.SIGKILL))
    ended = command(kinds.train(folder), folder / "killed", kill)
    assert ended.code == -signal.SIGKILL and not (folder / "killed" / "run").exists()


def test_the_same_number_gives_the_same_damage() -> None:
    from random import Random

    assert damaged_bytes(Random("a"), b"abcdefgh") == damaged_bytes(Random("a"), b"abcdefgh")
    assert sys.getsizeof(damaged_bytes(Random("b"), b"")) < 100
