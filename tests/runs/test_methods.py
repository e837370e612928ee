"""From the name of a method to a loss and an attention mode; a loss of one's own trains without any other change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from training.tiny import STEPS, tiny_options
from typer.testing import CliRunner

from dacl_edu.centers import ClassCenters
from dacl_edu.cli import app
from dacl_edu.errors import UserError
from dacl_edu.losses import AttentivePmlLoss, CenterLoss, MetricLoss, SparseCenterLoss, register_loss
from dacl_edu.losses.cosines import pairwise_push
from dacl_edu.runs.methods import build_method
from dacl_edu.runs.trained import load_run
from dacl_edu.training import TrainConfig, available_methods, train

Config = Callable[..., TrainConfig]


def test_the_three_methods_of_the_paper() -> None:
    assert available_methods()[:3] == ("softmax", "center", "dacl")
    assert build_method(TrainConfig.from_preset("smoke", method="softmax")) == (None, "ones")
    loss, mode = build_method(TrainConfig.from_preset("smoke", method="center"))
    assert isinstance(loss, CenterLoss) and mode == "ones"
    loss, mode = build_method(TrainConfig.from_preset("smoke", method="dacl"))
    assert isinstance(loss, SparseCenterLoss) and mode == "learned"


@pytest.mark.parametrize("mode", ["ones", "mean", "permuted", "frozen", "normalized"])
def test_dacl_takes_every_control(mode: str) -> None:
    assert build_method(TrainConfig.from_preset("smoke", method="dacl", attention=mode))[1] == mode


@pytest.mark.parametrize("method", ["softmax", "center"])
def test_attention_is_refused_where_it_would_do_nothing(method: str) -> None:
    assert build_method(TrainConfig.from_preset("smoke", method=method, attention="ones"))[1] == "ones"
    with pytest.raises(UserError, match=f"'{method}' does not use attention.*leave attention out"):
        build_method(TrainConfig.from_preset("smoke", method=method, attention="mean"))


@pytest.mark.parametrize(
    ("method", "said"), [("dcal", "did you mean 'dacl'"), ("zzz", "there are softmax, center, dacl")]
)
def test_an_unknown_method_names_the_nearest_or_all(method: str, said: str) -> None:
    with pytest.raises(UserError, match=f"unknown method '{method}' — {said}"):
        build_method(TrainConfig.from_preset("smoke", method=method))


def test_parameters_that_a_loss_does_not_take_are_refused() -> None:
    with pytest.raises(UserError, match="margin"):
        build_method(TrainConfig.from_preset("smoke", method="center", loss_parameters={"margin": 1}))


def test_softmax_trains_no_attention_network_and_no_metric_loss(config: Config, tmp_path: Path) -> None:
    lines: list[dict] = []
    results = {
        method: train(config(method=method, epochs=1), tmp_path / method, progress=False, on_epoch=lines.append)
        for method in ("softmax", "center", "dacl")
    }
    metric = [line["train"]["metric_loss"] for line in lines]
    assert metric[0] == 0 and metric[1] > 0 and metric[2] > 0
    assert results["softmax"]["parameters"] == results["center"]["parameters"] < results["dacl"]["parameters"]
    assert load_run(tmp_path / "softmax").model.attention.encoder is None
    assert load_run(tmp_path / "center").model.attention.encoder is None
    assert load_run(tmp_path / "dacl").model.attention.encoder is not None
    assert [results[m]["attention"]["mean"] == 1 for m in ("softmax", "center", "dacl")] == [True, True, False]


@pytest.mark.usefixtures("own_losses")
def test_a_registered_loss_trains_by_its_name(config: Config, tmp_path: Path) -> None:
    seen: list[tuple[tuple[int, ...], ...]] = []

    @register_loss("absolute")
    class AbsoluteLoss(MetricLoss):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor

        def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
            seen.append((tuple(features.shape), tuple(attention.shape), tuple(labels.shape), tuple(centers.shape)))
            return self.factor * (attention * (features - centers[labels]).abs()).mean()

    assert "absolute" in available_methods()
    changes = {"method": "absolute", "loss_parameters": {"factor": 3.0}, "epochs": 1, "lam": 1.0}
    result = train(config(**changes), tmp_path / "own", progress=False)
    assert result["method"] == "absolute"
    assert seen[0] == ((16, 128), (16, 128), (16,), (7, 128))
    assert load_run(tmp_path / "own").model.attention.encoder is not None  # it uses attention, so it gets it


def test_a_loss_in_a_module_of_ones_own_trains_by_its_path(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "homework_for_test.py").write_text(
        "from dacl_edu.losses import MetricLoss\n"
        "class Mine(MetricLoss):\n"
        "    uses_attention = False\n"
        "    def formula(self, features, attention, labels, centers):\n"
        "        return (features - centers[labels]).square().sum() / (2 * len(features))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    mine = train(config(method="homework_for_test:Mine", epochs=1, lam=0.5), tmp_path / "mine", progress=False)
    center = train(config(method="center", epochs=1, lam=0.5), tmp_path / "center", progress=False)
    assert mine["method"] == "homework_for_test:Mine"
    # It is Eq. 3 written by hand, so it trains the same network.
    ours, theirs = (load_run(tmp_path / name).model.state_dict() for name in ("mine", "center"))
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in theirs)
    assert mine["confusion"] == center["confusion"]


FAMILY = ("island", "separate", "dda", "locality_preserving", "range_center")
PAIRS = ("pml:TripletMarginLoss", "pml:ContrastiveLoss", "pml:NPairsLoss")


@pytest.mark.parametrize("name", [*FAMILY, *PAIRS])
@pytest.mark.parametrize("form", ["", "attentive_"])
def test_every_loss_of_the_family_trains_in_both_forms(name: str, form: str, config: Config, tmp_path: Path) -> None:
    if name.startswith("pml:"):
        pytest.importorskip("pytorch_metric_learning")
    method, lines = form + name, []
    result = train(config(method=method, lam=0.1), tmp_path / "run", progress=False, on_epoch=lines.append)
    assert result["method"] == method
    assert len(lines) == 2
    assert all(line["train"]["metric_loss"] > 0 for line in lines)  # and finite: json has no nan
    run = load_run(tmp_path / "run")
    assert all(tensor.isfinite().all() for tensor in [*run.model.state_dict().values(), run.centers()])
    assert (run.model.attention.encoder is not None) == (form == "attentive_")
    assert (result["attention"]["mean"] == 1) == (form == "")
    if ":" not in name:
        assert method in available_methods()


def test_island_loss_pushes_the_centers_in_line_15_and_the_papers_losses_do_not(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[Tensor, Tensor | None]] = []
    real = ClassCenters.step

    def step(self: ClassCenters, push: Tensor | None = None) -> None:
        steps.append((self.centers.clone(), push))
        real(self, push)

    monkeypatch.setattr(ClassCenters, "step", step)
    for method in ("softmax", "center", "dacl"):
        train(config(method=method, epochs=1), tmp_path / method, progress=False)
    assert len(steps) == 3 * STEPS
    assert all(push is None for _, push in steps)
    steps.clear()
    # λ = 0: the network learns nothing of the loss, and the centers move all the same.
    island = config(method="island", epochs=1, lam=0.0, loss_parameters={"lam1": 2.0})
    train(island, tmp_path / "island", progress=False)
    assert len(steps) == STEPS
    for centers, push in steps:
        assert push is not None
        torch.testing.assert_close(push, 2.0 * pairwise_push(centers))
    train(config(method="center", epochs=1, lam=0.0), tmp_path / "plain", progress=False)
    ours, theirs = load_run(tmp_path / "island"), load_run(tmp_path / "plain")
    assert not torch.equal(ours.centers(), theirs.centers())
    weights = theirs.model.state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in ours.model.state_dict().items())


@pytest.mark.parametrize(
    ("method", "form"),
    [("center", "dacl"), ("island", "attentive_island"), ("pml:NPairsLoss", "attentive_pml:NPairsLoss")],
)
def test_a_plain_form_that_is_given_attention_names_the_attentive_form(method: str, form: str) -> None:
    with pytest.raises(UserError, match=f"does not use attention.*use --method {form}$"):
        build_method(TrainConfig.from_preset("smoke", method=method, attention="mean"))
    assert build_method(TrainConfig.from_preset("smoke", method=form, attention="mean"))[1] == "mean"


def test_the_command_line_takes_a_loss_of_the_library_and_its_parameters(faces: Path, tmp_path: Path) -> None:
    pytest.importorskip("pytorch_metric_learning")
    words = ["train", *tiny_options(faces, epochs=1, method="attentive_pml:TripletMarginLoss"), "--out"]
    words += [str(tmp_path / "run"), "--loss-parameters", '{"margin": 0.5, "distance": {"name": "LpDistance"}}']
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 0, answer.output
    loss, mode = build_method(load_run(tmp_path / "run").config)
    assert isinstance(loss, AttentivePmlLoss) and mode == "learned"
    assert loss.loss.margin == 0.5


def test_the_methods_start_from_the_same_backbone(config: Config, tmp_path: Path, stop_at_first_step: list) -> None:
    for method in ("softmax", "center", "dacl"):
        with pytest.raises(InterruptedError):
            train(config(method=method), tmp_path / method, progress=False)
    with pytest.raises(InterruptedError):
        train(config(method="dacl", seed=1), tmp_path / "other", progress=False)
    softmax, center, dacl, other = stop_at_first_step
    shared = [name for name in softmax if name.startswith(("backbone", "classifier"))]
    assert len(shared) > 20
    assert all(torch.equal(softmax[name], center[name]) and torch.equal(softmax[name], dacl[name]) for name in shared)
    assert not torch.equal(dacl["classifier.weight"], other["classifier.weight"])


@pytest.fixture
def stop_at_first_step(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Tensor]]:
    """The networks of runs as they were before their first step; each run stops there."""
    from dacl_edu.training import build

    kept: list[dict[str, Tensor]] = []
    networks: list[torch.nn.Module] = []

    class Watched(build.DACL):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            networks.append(self)

    def stop(*_: object) -> None:
        kept.append({name: value.clone() for name, value in networks[-1].named_parameters()})
        raise InterruptedError

    monkeypatch.setattr(build, "DACL", Watched)
    monkeypatch.setattr(build.Objective, "forward", stop)
    return kept
