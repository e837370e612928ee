"""Two graders at once: the short form of ``python tests/course/two_graders.py --times 20``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import psutil
import pytest
from course.two_graders import disturbed, prepared

from dacl_edu_course.sandbox.home import clear_left_behind, scratch


@pytest.mark.slow
def test_no_mark_is_lost_or_changed(tmp_path: Path) -> None:
    count = disturbed(prepared(tmp_path, ("ada", "bo")), times=2)
    assert count["rounds"] == 2 and count["refused"] >= 1


def test_only_the_scratch_of_dead_graders_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    nobody = next(number for number in range(4_000_000, 4_200_000) if not psutil.pid_exists(number))
    for what in ("cells", "collect", "try"):
        (tmp_path / scratch(what).replace(str(os.getpid()), str(nobody))).mkdir()
    mine = Path(tempfile.mkdtemp(prefix=scratch("cells")))
    clear_left_behind()
    assert list(tmp_path.iterdir()) == [mine]
