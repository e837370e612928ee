"""The offline proof that nothing in the method knows faces: scikit-learn's digits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dacl_edu.cli import main
from dacl_edu.runs.plan import planned


def test_digits_have_a_preset_of_their_own() -> None:
    (config,) = planned(None, None, None, {"data": "digits"})
    assert (config.preset, config.augment) == ("digits", "none"), "a mirrored digit is another digit, or none"
    (config,) = planned("smoke", None, None, {"data": "digits"})
    assert config.preset == "smoke"


@pytest.mark.slow
def test_three_methods_know_97_of_100_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    methods = ["--method", "softmax", "--method", "center", "--method", "dacl"]
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--data", "digits", "--device", "cpu", *methods, "--out", str(tmp_path / "runs"), "--json"])
    assert not stopped.value.code
    captured = capsys.readouterr()
    results = json.loads(captured.out)
    print({r["method"]: (r["accuracy"], round(r["seconds"])) for r in results})
    assert [r["method"] for r in results] == ["softmax", "center", "dacl"]
    assert min(r["accuracy"] for r in results) >= 0.97
    assert "10 classes: 0, 1, 2" in captured.err
