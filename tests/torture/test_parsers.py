"""Whatever stands in a file that somebody wrote: it is read, or one sentence says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from torture.commands import outcome
from torture.parsers import PARSERS, prepare

SLOW = {"fer2013", "ferplus", "affectnet", "affectnet without header"}
"""Tables that pandas reads several times."""


@pytest.mark.parametrize("name", PARSERS)
def test_a_damaged_file_is_read_or_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    place, parser = prepare(name, tmp_path / "files"), PARSERS[name]

    @settings(
        max_examples=5 if name in SLOW else 12, deadline=None, database=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(random=st.randoms(use_true_random=False))
    def holds(random: Random) -> None:
        place.write_bytes(parser.damage(random))
        assert outcome(lambda: parser.read(tmp_path / "files")) == ""

    holds()


@pytest.mark.parametrize("name", sorted({*PARSERS} - {"options", "affectnet 2021", "predictions"}))
def test_the_sound_file_is_read(name: str, tmp_path: Path) -> None:
    """Else the test above would only see the same refusal each time."""

    class Still(Random):
        def randint(self, a: int, b: int) -> int:
            return 0

        def random(self) -> float:
            return 0.9999

        def choice(self, seq):  # type: ignore[no-untyped-def]
            return seq[0]

    place, parser = prepare(name, tmp_path / "files"), PARSERS[name]
    place.write_bytes(parser.damage(Still()))
    assert parser.read(tmp_path / "files") is not None


def test_what_is_wrong_is_noticed() -> None:
    def fails() -> None:
        raise KeyError("seed")

    assert outcome(fails) == "KeyError: 'seed'"
