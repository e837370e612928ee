"""`dacl-edu bench`: pairs are measured by turns, what is slower shows as slower, and every command prints its table."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from dacl_edu.bench import cli, loss, trainer
from dacl_edu.bench.cli import app
from dacl_edu.bench.noise import register_noise
from dacl_edu.bench.pair import Pair, by_turns, peak_bytes, table
from dacl_edu.data import registry
from dacl_edu.losses import sparse_center_loss
from dacl_edu.runs.config import TrainConfig


@pytest.fixture(autouse=True)
def own_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_READERS", dict(registry._READERS))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    return TrainConfig.from_preset(
        "smoke", data=register_noise(56, 20), load_size=20, image_size=16, limit=None, epochs=1, batch_size=14,
        device="cpu",
        attention_widths=(8, 4), precision="32-true",
    )  # fmt: skip


def test_calls_take_turns_and_the_slower_one_is_slower() -> None:
    order: list[str] = []

    def call(name: str, seconds: float) -> Any:
        return lambda: (order.append(name), time.sleep(seconds))

    quick, slow = by_turns([call("quick", 0.001), call("slow", 0.01)], 3, seconds=0.01)
    assert len(quick) == len(slow) == 3 and min(slow) > 2 * max(quick)
    assert order[-1] == "slow" and "quick" in order[-5:] and "quick" in order[: len(order) // 2]


def test_time_computed_is_not_time_slept() -> None:
    asleep, busy = by_turns([lambda: time.sleep(0.05), lambda: sum(range(10**6))], 1, seconds=0.001, cpu_time=True)
    assert asleep[0] < busy[0]


def test_a_ratio_above_one_says_that_ours_is_better_whatever_the_unit() -> None:
    assert Pair("w", "p", "ms", [1.0, 2.0, 4.0], [2.0, 2.0, 2.0]).ratio == (1.0, 0.5, 2.0)
    assert Pair("w", "p", "images/s", [200.0], [100.0], more_is_better=True).ratio[0] == 2.0


def test_peak_memory_is_that_of_the_moment_when_most_is_held() -> None:
    def call() -> None:
        kept = torch.empty(1000, dtype=torch.uint8)
        for _ in range(3):
            torch.empty(5000, dtype=torch.uint8)  # freed at once
        del kept

    assert 6000 <= peak_bytes(call) < 6500


def test_the_hand_written_backward_holds_less_memory_than_autograd() -> None:
    pairs = [pair for pair in loss.loss_pairs(1, 1, sizes={(64, 128, 7): 1.0}) if pair.unit == "MiB"]
    assert len(pairs) == 1 and pairs[0].ratio[0] >= 1.25


def test_the_peer_computes_the_same() -> None:
    x, a, y, c = loss._batch(8, 4, 3)
    torch.testing.assert_close(loss.plain_sparse_center_loss(x, a, y, c), sparse_center_loss(x, a, y, c))


def test_the_bare_step_trains_what_the_trainer_trains(small: TrainConfig, tmp_path: Any) -> None:
    run = trainer._built(small, tmp_path / "run")
    before = [parameter.detach().clone() for parameter in run.network.parameters()], run.centers().clone()
    trainer.bare_step(run)()
    assert all(not torch.equal(old, new) for old, new in zip(before[0], run.network.parameters(), strict=True))
    assert not torch.equal(before[1], run.centers())


def test_trainer_input_and_step_are_measured(small: TrainConfig) -> None:
    pair, said = trainer.train_pair(small, 2)
    assert len(pair.ours) == len(pair.theirs) == len(said) == 2 and pair.more_is_better
    assert [len(pair.ours) for pair in trainer.input_pair(small, 1)] == [1, 1]
    assert trainer.step_pair(small, 1).ratio[0] > 0


def test_tables_fit_80_columns_and_json_holds_every_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "SIZES", {(8, 4, 3): 1.2})
    monkeypatch.setattr(loss.loss_pairs, "__defaults__", (False, loss.SIZES))
    shown = CliRunner().invoke(app, ["loss", "--threads", "1", "-r", "2"])
    assert shown.exit_code == 0 and "Eq. 4 (8, 4, 3), ms" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    said = json.loads(CliRunner().invoke(app, ["loss", "--threads", "1", "-r", "2", "--json"]).stdout)
    row = said["rows"][0]
    assert len(row["ours"]) == 2 and row["ratio"]["low"] <= row["ratio"]["median"] <= row["ratio"]["high"]
    assert said["machine"]["processors"]


def test_the_longest_row_fits_80_columns() -> None:
    pair = Pair("Eq. 4 (4096, 2048, 8631) peak", "autograd", "MiB", [12345.678], [12345.678], 1.5)
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table("loss", [pair]))
    assert "…" not in console.export_text()


def test_every_command_has_an_example() -> None:
    for command in app.registered_commands:
        assert command.callback is not None and "Example: dacl-edu bench " in (command.callback.__doc__ or "")
    assert {c.name or c.callback.__name__ for c in app.registered_commands if c.callback} == {
        "loss", "input", "step", "train", "start", "growth", "gpu"
    }  # fmt: skip


def test_gpu_is_refused_in_one_line_where_there_is_none() -> None:
    if torch.cuda.is_available():
        pytest.skip("a CUDA device is there")
    done = subprocess.run([sys.executable, "-m", "dacl_edu", "bench", "gpu"], capture_output=True, text=True)
    assert done.returncode == 2 and "no CUDA device" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_gpu_measures_its_rows_on_any_device(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"backbone": "small_resnet", "attention_widths": (8, 4)}
    true_paper = cli._paper
    monkeypatch.setattr(
        cli, "_paper", lambda images, precision, device, batch, side: true_paper(images, precision, device, 64, side)
        .model_copy(update=small)
    )  # fmt: skip
    monkeypatch.setattr(cli, "_quick", lambda images, device: TrainConfig.from_preset("smoke", device=device, epochs=1))
    done = CliRunner().invoke(app, ["gpu", "--device", "cpu", "--images", "256", "--side", "24", "-r", "1", "--json"])
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["rows"]
    assert [row["wanted"] for row in rows] == [0.97, 0.97, 0.909, 0.93]
