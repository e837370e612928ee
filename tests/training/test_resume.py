"""A run that was interrupted ends in the very bits of one that was not."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training.tiny import STEPS

from dacl_edu.centers import ClassCenters
from dacl_edu.errors import UserError
from dacl_edu.runs.checkpoint import load_checkpoint, rng_state, save_checkpoint, set_rng_state
from dacl_edu.training import RunFolder, TrainConfig, train

Config = Callable[..., TrainConfig]
# Of a checkpoint, "images" is part of the speed.
TIMING = ("images_per_second", "data_wait", "seconds", "waiting", "images")


def without_timing(value: dict[str, Any]) -> dict[str, Any]:
    return {key: part for key, part in value.items() if key not in TIMING}


def history(folder: Path) -> list[dict[str, Any]]:
    return [without_timing(json.loads(line)) for line in RunFolder(folder).metrics_file.read_text().splitlines()]


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """Paths of all that differs by a bit."""
    if isinstance(ours, torch.Tensor):
        return [] if torch.equal(ours, theirs) else [where]
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        return [path for key in ours for path in differences(ours[key], theirs[key], f"{where}.{key}")]
    if isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), where
        return [p for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) for p in differences(a, b, f"{where}.{i}")]
    return [] if ours == theirs else [where]


def another_process() -> None:
    """A new process has other random numbers; here they are made other."""
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    random.seed(99)


def after_epoch_2(line: dict[str, Any]) -> None:
    if line["epoch"] == 2:
        raise KeyboardInterrupt


def interrupt_in_step(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    steps = [0]
    original = ClassCenters.step

    def step(self: ClassCenters, push: torch.Tensor | None = None) -> None:
        steps[0] += 1
        if steps[0] == number:
            raise KeyboardInterrupt
        original(self, push)

    monkeypatch.setattr(ClassCenters, "step", step)


CASES = {
    "learned": {},
    # Draws from the global generator in every step, and workers draw their seed.
    "permuted with a worker": {"attention": "permuted", "workers": 1},
    "best on validation": {"select_by": "validation"},
}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_resuming_is_exact(
    changes: dict[str, Any], config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = config(epochs=4, augment="random_crop", **changes)
    expected = train(own, tmp_path / "straight", progress=False)

    with pytest.raises(KeyboardInterrupt):
        train(own, tmp_path / "between", progress=False, on_epoch=after_epoch_2)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_in_step(patch, number=2 * STEPS + 2)  # in the middle of epoch 3
        train(own, tmp_path / "within", progress=False)

    for name in ("between", "within"):
        folder = RunFolder(tmp_path / name)
        assert load_checkpoint(folder.checkpoint_last)["epoch"] == 2 and not folder.result_file.exists()
        another_process()
        lines: list[dict[str, Any]] = []
        result = train(own, folder.path, resume=True, progress=False, on_epoch=lines.append)
        assert [line["epoch"] for line in lines] == [3, 4]
        assert differences(without_timing(result), without_timing(expected)) == []
        assert history(folder.path) == history(tmp_path / "straight")
        for file in ("checkpoint_last", "checkpoint_best") if own.select_by != "last" else ("checkpoint_last",):
            ours, theirs = (load_checkpoint(getattr(RunFolder(tmp_path / n), file)) for n in (name, "straight"))
            ours["history"], theirs["history"] = (list(map(without_timing, s["history"])) for s in (ours, theirs))
            assert differences(without_timing(ours), without_timing(theirs)) == []
        with np.load(folder.predictions_file) as ours, np.load(tmp_path / "straight" / "predictions.npz") as theirs:
            assert all(np.array_equal(ours[key], theirs[key]) for key in theirs)


def test_an_interruption_before_the_first_checkpoint_starts_over(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_in_step(patch, number=2)
        train(config(), tmp_path / "run", progress=False)
    result = train(config(), tmp_path / "run", resume=True, progress=False)
    assert differences(without_timing(result), without_timing(train(config(), tmp_path / "x", progress=False))) == []


def test_an_interruption_while_the_test_part_is_measured_loses_no_epoch(config: Config, tmp_path: Path) -> None:
    expected = train(config(select_by="validation"), tmp_path / "run", progress=False)
    (tmp_path / "run" / "result.json").unlink()
    epochs: list[Any] = []
    again = train(config(select_by="validation"), tmp_path / "run", True, progress=False, on_epoch=epochs.append)
    assert epochs == []
    assert differences(without_timing(again), without_timing(expected)) == []


def test_the_best_epoch_before_the_interruption_stays_the_best(
    config: Config, tmp_path: Path, validation_accuracy: list[float]
) -> None:
    own = config(epochs=4, select_by="validation")
    validation_accuracy += [0.5, 0.4]
    with pytest.raises(KeyboardInterrupt):
        train(own, tmp_path / "run", progress=False, on_epoch=after_epoch_2)
    validation_accuracy += [0.3, 0.45]
    assert train(own, tmp_path / "run", resume=True, progress=False)["selected_epoch"] == 1


def test_speed_counts_both_sittings(config: Config, tmp_path: Path) -> None:
    def stop(line: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config(epochs=2), tmp_path / "run", progress=False, on_epoch=stop)
    before = load_checkpoint(RunFolder(tmp_path / "run").checkpoint_last)
    result = train(config(epochs=2), tmp_path / "run", resume=True, progress=False)
    after = load_checkpoint(RunFolder(tmp_path / "run").checkpoint_last)
    assert (before["images"], after["images"]) == (42, 84)
    assert result["seconds"] > before["seconds"] > 0
    assert result["images_per_second"] == pytest.approx(84 / result["seconds"])


def test_a_finished_run_is_returned_as_it_is(config: Config, reads: list[str], tmp_path: Path) -> None:
    own = config(data="watched", epochs=1)
    first = train(own, tmp_path / "run", progress=False)
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "run").iterdir()}
    reads.clear()
    assert train(own, tmp_path / "run", resume=True, progress=False) == first
    assert reads == [] and {file: file.stat().st_mtime_ns for file in (tmp_path / "run").iterdir()} == times


def test_resuming_with_other_settings_is_refused_by_name(
    finished: tuple[dict[str, Any], RunFolder], config: Config, tmp_path: Path
) -> None:
    _, folder = finished
    with pytest.raises(UserError, match=r"other settings: lr 0\.05 → 0\.5, seed|other settings: seed .*lr 0.05 → 0.5"):
        train(config(epochs=3, select_by="validation", lr=0.5, seed=2), folder.path, resume=True, progress=False)
    unfinished = RunFolder(tmp_path / "unfinished")
    unfinished.start(config(), resume=False)
    with pytest.raises(UserError, match="other settings: method 'dacl' → 'center'"):
        train(config(method="center"), unfinished.path, resume=True, progress=False)


def test_where_a_run_happens_may_change(config: Config, tmp_path: Path, faces: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(config(epochs=3), tmp_path / "run", progress=False, on_epoch=after_epoch_2)
    elsewhere = {"root": shutil.copytree(faces, tmp_path / "moved"), "workers": 1}
    result = train(config(epochs=3).model_copy(update=elsewhere), tmp_path / "run", resume=True, progress=False)
    assert result["epochs"] == 3


def test_a_folder_that_holds_a_run_is_refused(config: Config, finished: tuple[dict[str, Any], RunFolder]) -> None:
    folder = finished[1]
    before = folder.result_file.read_bytes()
    with pytest.raises(UserError, match="already holds a run — --resume continues it; or choose another --out"):
        train(config(), folder.path, progress=False)
    assert folder.result_file.read_bytes() == before


def test_a_folder_with_other_files_is_refused(config: Config, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for resume in (False, True):
        with pytest.raises(UserError, match="is not empty and holds no run"):
            train(config(), tmp_path, resume=resume, progress=False)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_place_of_the_folder_is_refused(config: Config, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match="cannot make this folder"):
        train(config(), tmp_path / "run", progress=False)


@pytest.mark.parametrize(
    "changes",
    [{"backbone": "resnt18"}, {"pretrained": "absent.pt"}, {"attention_widths": (8, 0)}, {"method": "dcal"}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_mistyped_setting_leaves_no_folder_behind(changes: dict[str, Any], config: Config, tmp_path: Path) -> None:
    """Else the corrected command would be told that the folder already holds a run."""
    with pytest.raises((UserError, ValueError)):
        train(config(**changes), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "checkpoint.pt"
    save_checkpoint(file, {"epoch": 1})
    before = file.read_bytes()

    def half(state: dict[str, Any], target: Any) -> None:
        target.write(b"half a checkpoint")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(UserError, match=r"cannot be written.*free some space"):
        save_checkpoint(file, {"epoch": 2})
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]
    assert load_checkpoint(file)["epoch"] == 1


def test_a_checkpoint_replaces_the_one_before(tmp_path: Path) -> None:
    for epoch in (1, 2):
        save_checkpoint(tmp_path / "c.pt", {"epoch": epoch, "weights": torch.ones(3)})
    assert load_checkpoint(tmp_path / "c.pt")["epoch"] == 2 and len(list(tmp_path.iterdir())) == 1


def test_a_missing_damaged_or_foreign_checkpoint_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.pt"
    with pytest.raises(UserError, match=r"c\.pt: no checkpoint there"):
        load_checkpoint(file)
    save_checkpoint(file, {"weights": torch.ones(1000)})
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_checkpoint(file)
    torch.save({"weights": torch.ones(3)}, file)
    with pytest.raises(UserError, match="not a checkpoint of this version"):
        load_checkpoint(file)
    torch.save({"format": 1, "surprise": Path("code")}, file)  # an object: reading it could run code
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_checkpoint(file)


def draws() -> list[float]:
    return [torch.rand(1).item(), np.random.rand(), np.random.standard_normal(), random.random(), random.gauss(0, 1)]  # noqa: NPY002


def test_every_generator_continues_where_it_was(tmp_path: Path) -> None:
    another_process()
    draws()  # leaves half a pair of normal numbers behind, in NumPy and in Python
    save_checkpoint(tmp_path / "c.pt", {"rng": rng_state()})
    expected = [draws() for _ in range(2)]
    another_process()
    assert draws() != expected[0]
    set_rng_state(load_checkpoint(tmp_path / "c.pt")["rng"])
    assert [draws() for _ in range(2)] == expected
