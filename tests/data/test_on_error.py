"""Files that do not decode: an error that names them, or left out, counted and listed."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from dacl_edu.data import load_dataset
from dacl_edu.data.cli import app
from dacl_edu.data.prepare import prepare
from dacl_edu.errors import UserError


@pytest.fixture
def root(tmp_path, save_image):
    for split in ("train", "test"):
        for number, name in enumerate(("happy", "sad")):
            for at in range(3):
                save_image(tmp_path / "data" / split / name / f"{at}.png", size=(12 + at, 12 + number))
    (tmp_path / "data" / "train" / "sad" / "1.png").write_bytes(b"<html>")
    return tmp_path / "data"


def test_prepare_stops_or_leaves_the_file_out_and_lists_it(root, tmp_path, pictures_match_labels):
    with pytest.raises(UserError, match=r"1\.png: cannot be decoded .*--on-error skip leaves them out"):
        prepare("folder", root, 8, tmp_path / "stopped")
    manifest = prepare("folder", root, 8, tmp_path / "out", on_error="skip")
    [(file, problem)] = manifest["splits"]["train"]["left_out"].items()
    assert file == str(root / "train" / "sad" / "1.png") and "none of JPEG" in problem
    assert manifest["splits"]["train"]["counts"] == {"happiness": 3, "sadness": 2}
    assert manifest["splits"]["test"]["left_out"] == {}
    kept = load_dataset("folder", "train", tmp_path / "out")
    assert [name for name in kept.ids if "sad" in name] == ["train/sad/0.png", "train/sad/2.png"]
    assert "1 images left out: they cannot be decoded" in kept.notes
    assert prepare("folder", root, 8, tmp_path / "out", on_error="skip") == json.loads(json.dumps(manifest))


def test_the_commands_count_and_list(root, tmp_path):
    run = CliRunner().invoke
    skipped = run(app, ["check", "-d", "folder", "--root", str(root), "--on-error", "skip", "--allow-leak"])
    assert skipped.exit_code == 0 and f"cannot be decoded: {root / 'train/sad/1.png'}" in skipped.stdout
    assert "1 images do not decode" in skipped.stdout
    assert run(app, ["check", "-d", "folder", "--root", str(root), "--allow-leak"]).exit_code == 1
    out = ["--size", "8", "--out", str(tmp_path / "out")]
    skipped = run(app, ["prepare", "-d", "folder", "--root", str(root), "--on-error", "skip", *out])
    assert skipped.exit_code == 0 and f"left out: {root / 'train/sad/1.png'}: cannot be decoded" in skipped.stdout


def test_nothing_that_decodes_is_an_error(root, tmp_path):
    for path in (root / "test").rglob("*.png"):
        path.write_bytes(b"GIF89a")
    with pytest.raises(UserError, match="folder test: no image decodes"):
        prepare("folder", root, 8, tmp_path / "out", on_error="skip")
