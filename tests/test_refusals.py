"""Cases that once ended in a traceback, an endless message, the wrong result or no word: one of each kind."""

from __future__ import annotations

import errno
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from data.conftest import fer_pixels

from dacl_edu.cli import main
from dacl_edu.data import available_splits, list_dataset
from dacl_edu.data.prepare import prepare
from dacl_edu.errors import UserError
from dacl_edu.files import read_object, replacing
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.folder import RunFolder
from dacl_edu.runs.plan import parsed_seeds, planned
from dacl_edu_course.submissions.submission import Submission, parse_submission


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("eps", "inf"), ("lr", "1e400"), ("lam", "nan"), ("weight_decay", "inf"), ("clip_norm", "inf"),
        ("seed", "0_3"), ("seed", "３"), ("seed", 2**32), ("epochs", "1_0"), ("lr", "0.0_1"), ("workers", 5000),
        ("attention_widths", ("1_0", "2", "2")), ("pretrained", ""), ("root", ""), ("root", "a\0b"),
        ("loss_parameters", {"margin": float("inf")}),
    ],
)  # fmt: skip
def test_numbers_that_are_none_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"^{field}"):
        TrainConfig.from_preset("smoke", **{field: value})


def test_text_may_look_like_a_number() -> None:
    config = TrainConfig.from_preset("smoke", root="0_3", pretrained="1_0")
    assert (str(config.root), config.pretrained) == ("0_3", "1_0")


@pytest.mark.parametrize("text", ["0-99999999999", "0-10000", "０-１", "0_1", "9" * 40])
def test_endless_lists_of_seeds_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="--seeds"):
        parsed_seeds(text)


def test_a_message_is_one_line_without_commands_to_the_terminal() -> None:
    error = UserError("row 3: \x1b[2J\nis\u202e no label", hint="x" * 20_000)
    assert "\\x1b[2J is\\u202e no label" in str(error)
    assert len(str(error)) < 2000 and str(error).isprintable()


@pytest.mark.parametrize("content", [b"null", b"[]", b"3", b"{", b"[" * 100_000, b"\xff\xfe{", b'{"a":' + b"9" * 5000])
@pytest.mark.parametrize("name", ["config.json", "result.json"])
def test_what_is_no_object_is_named(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: (not JSON|JSON, but no object)"):
        RunFolder(tmp_path).config() if name == "config.json" else RunFolder(tmp_path).result()


def test_a_result_without_its_fields_is_named(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"method": "dacl", "accuracy": "0.8"}')
    with pytest.raises(UserError, match=r"result\.json: \w+: Field required"):
        RunFolder(tmp_path).result()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_configuration_that_windows_wrote_is_read(encoding: str, tmp_path: Path) -> None:
    config = TrainConfig.from_preset("smoke", data="folder", root="/data/王")
    text = json.dumps(config.model_dump(mode="json"), ensure_ascii=False)
    (tmp_path / "config.json").write_bytes(text.encode(encoding))
    assert RunFolder(tmp_path).config() == config == planned(None, tmp_path / "config.json", None, {})[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ValueError, match="no regular file"):
        read_object(tmp_path / "config.json")
    with pytest.raises(UserError, match="no regular file"):
        planned(None, tmp_path / "config.json", None, {})


def rows(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_fer2013_with_spaces_after_a_name_is_read(tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_text(rows("emotion , pixels,Usage   ", f"0,{fer_pixels('anger')},Training"))
    assert available_splits("fer2013", tmp_path) == ("train",)
    assert len(list_dataset("fer2013", "train", tmp_path)) == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["emotion,pixels,Usage"], "lists no images"),
        ([f"0,{fer_pixels('anger')},Training"], "its first line is no header, but a row"),
        (["emotion,pixels,Usage", f"0,{fer_pixels('anger')},Training", "1,2,3,4,5,6"], "cannot be read as CSV"),
        (["emotion,pixels,Usage", f"0,{fer_pixels('anger')},Training,", "1,2,3,"], "cannot be read as CSV"),
        (["emotion,pixels,Usage", f"0,{'7' * 2_000_000},Training"], "pixel"),
    ],
)
def test_fer2013_is_refused_in_one_short_line(lines: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_text(rows(*lines))
    with pytest.raises(UserError, match=said) as caught:
        [list_dataset("fer2013", split, tmp_path) for split in available_splits("fer2013", tmp_path)]
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_disk_that_fills_up_names_the_file_and_keeps_the_old_one(number: int, tmp_path: Path) -> None:
    """What fails while it is written carries no name of its own."""
    path = tmp_path / "page.html"
    path.write_text("good")
    with pytest.raises(OSError, match=r"page\.html"), replacing(path) as beside:
        beside.write_text("half")
        raise OSError(number, os.strerror(number))
    assert path.read_text() == "good" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no such call here")
def test_space_is_taken_before_it_is_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, start: int, size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match=r"train\.npy: cannot be written \(No space left.*--out"):
        prepare("digits", None, 24, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.npy"))


@pytest.mark.parametrize(("error", "said"), [
    (OSError(errno.ENOSPC, "No space left on device"), "error: no space left on device — free some space"),
    (MemoryError(), "error: there is not enough memory for this"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: 51199 bytes"), "error: there is not enough memory"),
    (KeyboardInterrupt(), "interrupted"),
])  # fmt: skip
def test_what_any_command_may_meet_is_a_sentence(
    error: BaseException, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("dacl_edu.model.summary.summarize", fail)
    with pytest.raises(SystemExit) as left:
        main(["info"])
    assert left.value.code == (130 if isinstance(error, KeyboardInterrupt) else 2)
    words = capsys.readouterr().err
    assert words.startswith(said) and "--debug" not in words and len(words.splitlines()) == 1


NOTEBOOK = {
    "cells": [{"cell_type": "code", "metadata": {}, "source": ["# WORDS\n", "x = 1\n", "y = 2"]}],
    "nbformat": 4,
}


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("gb18030", "类中心 密度"), ("gb18030", "誠 乗"), ("cp1252", "l'été, café"), ("cp1252", "naïveté é"),
        ("utf-16-le", "类中心"), ("utf-16-be", "café"), ("big5", "功"), ("shift_jis", "表"), ("cp1251", "привет мир"),
        ("cp949", "중심"), ("utf-32", "é"),
    ],
)  # fmt: skip
def test_a_submission_in_an_older_encoding_keeps_its_code(encoding: str, words: str) -> None:
    text = json.dumps(NOTEBOOK, ensure_ascii=False).replace("WORDS", words)
    read = parse_submission(text.encode(encoding))
    assert isinstance(read, Submission)
    assert read.cells[0].source.split("\n")[1:] == ["x = 1", "y = 2"]
    wide = encoding.startswith("utf")
    assert bool(read.notes) != wide, "who saved in an older encoding is told"
    if wide or encoding in ("gb18030", "cp1252"):
        assert words in read.cells[0].source


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no such signal here")
def test_who_ignores_the_end_of_a_terminal_is_left_so(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with pytest.raises(SystemExit):
            main(["--version"])
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "whoever calls it goes on as before"
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
