"""A file is replaced as a whole, or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dacl_edu import files
from dacl_edu.files import replace_text, replacing, require_place, write_json


def test_json_is_replaced_in_one_step(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"λ": 0.01})
    write_json(tmp_path / "a.json", {"λ": 0.02})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"λ": 0.02}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_an_error_while_writing_leaves_the_old_file_alone(tmp_path: Path) -> None:
    replace_text(tmp_path / "a.npz", "old")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.npz") as beside:
        assert beside.parent == tmp_path and beside.suffix == ".npz" and beside.name != "a.npz"
        beside.write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "a.npz").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_the_content_is_on_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda number: (done.append("content"), fsync(number)))
    monkeypatch.setattr(files.os, "replace", lambda one, other: (done.append("name"), replace(one, other)))
    replace_text(tmp_path / "a.txt", "new")
    assert done == ["content", "name"] and (tmp_path / "a.txt").read_text() == "new"


def test_who_may_read_it_is_what_the_user_set(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("as every file")
    replace_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain.txt").stat().st_mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "link.txt").symlink_to("below/a.txt")
    for text in ("new", "newer"):
        replace_text(tmp_path / "link.txt", text)
        assert (tmp_path / "link.txt").is_symlink() and (tmp_path / "below" / "a.txt").read_text() == text


@pytest.mark.parametrize(("make", "said"), [(os.mkdir, "Is a directory"), (os.mkfifo, "no file")])
def test_what_is_no_file_is_never_replaced(make: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    make(tmp_path / "a")
    before = (tmp_path / "a").stat()
    with pytest.raises(OSError, match=f"{said}.*/a'"):
        replace_text(tmp_path / "a", "new")
    assert (tmp_path / "a").stat().st_ino == before.st_ino and len(list(tmp_path.iterdir())) == 1


def test_a_place_that_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    require_place(tmp_path / "new" / "a.txt")
    (tmp_path / "new" / "a.txt").write_text("old")
    require_place(tmp_path / "new" / "a.txt")
    assert (tmp_path / "new" / "a.txt").read_text() == "old" and len(list((tmp_path / "new").iterdir())) == 1
    os.mkfifo(tmp_path / "pipe")
    for place, name in ((tmp_path, tmp_path.name), (tmp_path / "pipe", "pipe"), (Path("/proc/no/a.txt"), "proc/no")):
        with pytest.raises(OSError, match=name):
            require_place(place)
