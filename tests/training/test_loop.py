"""Algorithm 1: the loop against a plain re-implementation, and what must not change its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training.tiny import STEPS, StillDACL, tiny_config

from dacl_edu.centers import ClassCenters
from dacl_edu.data import AugmentParameters, BatchAugment, load_dataset
from dacl_edu.errors import UserError
from dacl_edu.evaluation import Predictions
from dacl_edu.losses import MetricLoss, register_loss
from dacl_edu.model import DACL
from dacl_edu.runs.checkpoint import load_checkpoint
from dacl_edu.runs.naming import run_name
from dacl_edu.runs.trained import evaluate_run
from dacl_edu.training import RunFolder, TrainConfig, build, train
from dacl_edu.training.data import EpochSampler, channel_statistics, epoch_generator

Config = Callable[..., TrainConfig]


def final(folder: Path) -> tuple[dict[str, Tensor], Tensor]:
    state = load_checkpoint(RunFolder(folder).checkpoint_last)
    return state["model"], state["centers"]["centers"]


def distance(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    """Largest difference of any weight or statistic; zero means the same bits."""
    assert ours.keys() == theirs.keys()
    return max((ours[name].double() - theirs[name].double()).abs().max().item() for name in ours)


def batches(config: TrainConfig) -> Iterator[tuple[Tensor, Tensor]]:
    """The augmented batches of a run, in its order."""
    data = load_dataset("folder", "train", config.root)
    parameters = AugmentParameters(config.image_size, config.augment, *channel_statistics(data.images))
    order = EpochSampler(len(data), config.seed)
    for order.epoch in range(config.epochs):
        augment = BatchAugment(parameters, epoch_generator(config.seed, order.epoch, stream=2))
        for rows in torch.tensor(list(order)).split(config.batch_size):
            yield augment(data.images[rows]), data.labels[rows]


def algorithm_1(
    config: TrainConfig, fault: str = "", dtype: torch.dtype = torch.float32
) -> tuple[dict[str, Tensor], Tensor]:
    """Algorithm 1 by the letter: plain PyTorch, every formula written out, gradients by autograd."""
    torch.manual_seed(config.seed)
    network = DACL(config.backbone, 7, config.image_size, "learned", config.attention_widths).to(dtype)
    c = ClassCenters(7, network.feature_dim, generator=epoch_generator(config.seed, 0, stream=1)).centers.to(dtype)
    velocity = [torch.zeros_like(weight) for weight in network.parameters()]
    for images, y in batches(config):
        m = len(y)
        z, x, a, _ = network(images.to(dtype))
        softmax = -(z.exp() / z.exp().sum(dim=1, keepdim=True)).log()[range(m), y].mean()  # Eq. 2
        if fault == "norm in place of elementwise":
            metric = (a.mean(dim=1) * (x - c[y]).square().sum(dim=1)).sum() / (2 * m)
        else:
            metric = (a * (x - c[y]).square()).sum() / (m if fault == "missing 1/2" else 2 * m)  # Eq. 4
        network.zero_grad()
        (softmax + (1.0 if fault == "missing λ" else config.lam) * metric).backward()  # Eq. 8
        with torch.no_grad():
            for k in range(7):  # Eq. 11
                of_class = y == k
                delta = (a * (c[y] - x))[of_class].sum(dim=0) / (1 + of_class.sum())
                c[k] -= (0.0 if fault == "centers stay" else config.alpha) * delta
            for weight, v in zip(network.parameters(), velocity, strict=True):
                g = weight.grad + (0.0 if fault == "missing weight decay" else config.weight_decay) * weight
                v.mul_(config.momentum).add_(g)
                weight -= config.lr * v
    return network.state_dict(), c


PLAIN = {"epochs": 1, "lam": 0.3, "schedule": "constant", "nesterov": False, "weight_decay": 0.01, "lr": 0.02}
TOLERANCE = 5e-6


def assert_is_algorithm_1(run: Path, config: TrainConfig, fault: str = "") -> None:
    """Compare the weights, statistics and centers that a run ended with, in float64."""
    weights, centers = final(run)
    expected, expected_centers = algorithm_1(config, fault, torch.float64)
    assert int(weights["backbone.stem.1.num_batches_tracked"]) == config.epochs * STEPS
    assert weights["classifier.weight"].dtype == centers.dtype == torch.float64
    assert distance(weights, expected) <= 1e-6
    assert centers.shape == expected_centers.shape and (centers - expected_centers).abs().max() <= 1e-6


@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_loop_is_algorithm_1(seed: int, epochs: int, config: Config, tmp_path: Path) -> None:
    own = config(**{**PLAIN, "epochs": epochs}, seed=seed, precision="64-true")
    train(own, tmp_path / "run", progress=False)
    assert_is_algorithm_1(tmp_path / "run", own)


@pytest.fixture(scope="module")
def of_one_epoch(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainConfig]:
    own, folder = tiny_config(faces, **PLAIN, precision="64-true"), tmp_path_factory.mktemp("of_one_epoch") / "run"
    train(own, folder, progress=False)
    return folder, own


@pytest.mark.parametrize(
    "fault", ["norm in place of elementwise", "missing 1/2", "missing λ", "centers stay", "missing weight decay"]
)
def test_the_comparison_catches_a_wrong_formula(fault: str, of_one_epoch: tuple[Path, TrainConfig]) -> None:
    with pytest.raises(AssertionError):
        assert_is_algorithm_1(*of_one_epoch, fault)
    assert_is_algorithm_1(*of_one_epoch)


def test_micro_batches_give_the_step_of_the_joined_batch(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The last batch of 10 is cut into 3 + 3 + 2 + 2: parts must weigh as many samples as they have.
    monkeypatch.setattr(build, "DACL", StillDACL)
    for accumulate in (1, 4):
        train(config(**PLAIN, accumulate=accumulate), tmp_path / str(accumulate), progress=False)
    (joined, centers), (cut, cut_centers) = final(tmp_path / "1"), final(tmp_path / "4")
    assert distance(joined, cut) < TOLERANCE
    assert (centers - cut_centers).abs().max() < TOLERANCE
    metrics = [json.loads(RunFolder(tmp_path / name).metrics_file.read_text()) for name in ("1", "4")]
    assert metrics[0]["train"] == pytest.approx(metrics[1]["train"], rel=1e-5)
    assert metrics[0]["attention"] == pytest.approx(metrics[1]["attention"], rel=1e-4)


def test_with_batchnorm_micro_batches_are_something_else(config: Config, tmp_path: Path) -> None:
    """Why the test above holds the statistics still: BatchNorm sees the part, not the batch."""
    for accumulate in (1, 4):
        train(config(**PLAIN, accumulate=accumulate), tmp_path / str(accumulate), progress=False)
    assert distance(final(tmp_path / "1")[0], final(tmp_path / "4")[0]) > 20 * TOLERANCE


def test_the_same_seed_gives_the_same_bits_and_another_does_not(config: Config, tmp_path: Path) -> None:
    changes = {"augment": "random_crop", "attention": "permuted"}
    results = []
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        torch.rand(5)  # what happened before must not matter
        results.append(train(config(seed=seed, **changes), tmp_path / name, progress=False))
    first, again, other = (final(tmp_path / name) for name in ("first", "again", "other"))
    assert distance(first[0], again[0]) == 0 and torch.equal(first[1], again[1])
    assert results[0]["confusion"] == results[1]["confusion"]
    assert distance(first[0], other[0]) > 0.01 and not torch.equal(first[1], other[1])


def test_clipping_bounds_the_step_but_not_the_centers(config: Config, tmp_path: Path) -> None:
    # Without momentum and weight decay three steps move the weights by at most 3 · lr · norm.
    plain = {**PLAIN, "momentum": 0.0, "weight_decay": 0.0, "lr": 0.1}
    torch.manual_seed(0)
    start = DACL("small_resnet", 7, 16, "learned", (16, 8)).state_dict()
    moved = {}
    for name, clip in (("clipped", 0.01), ("free", None)):
        train(config(**plain, clip_norm=clip), tmp_path / name, progress=False)
        weights, _ = final(tmp_path / name)
        steps = [
            (weights[key] - start[key]).flatten() for key in start if not key.endswith(("_mean", "_var", "_tracked"))
        ]
        moved[name] = torch.cat(steps).norm().item()
    assert moved["clipped"] <= STEPS * 0.1 * 0.01 * 1.001 < moved["free"]
    starting = ClassCenters(7, 128, generator=epoch_generator(0, 0, stream=1)).centers
    assert (final(tmp_path / "clipped")[1] - starting).norm() > 1


# The rate is small, since rounding decides which side of a ReLU a value falls on, and large steps make much of it.
def test_bfloat16_is_the_same_algorithm_with_float32_centers(config: Config, tmp_path: Path) -> None:
    own = config(**{**PLAIN, "lr": 1e-4}, precision="bf16-mixed")
    result = train(own, tmp_path / "run", progress=False)
    weights, centers = final(tmp_path / "run")
    expected, expected_centers = algorithm_1(own)
    assert result["precision"] == "bf16-mixed"
    assert centers.dtype == weights["classifier.weight"].dtype == torch.float32
    assert (weights["classifier.weight"] - expected["classifier.weight"]).abs().max() < 0.02
    assert (centers - expected_centers).norm() < 0.02 * expected_centers.norm()


def test_64_true_is_float64_up_to_the_loss_and_agrees_to_its_last_digits(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[torch.dtype] = set()

    class Watched(build.Objective):
        def forward(self, *inputs: Tensor) -> Any:
            terms = super().forward(*inputs)
            seen.update(tensor.dtype for tensor in (*inputs, *terms) if tensor.is_floating_point())
            return terms

    monkeypatch.setattr(build, "Objective", Watched)
    own = config(**PLAIN, precision="64-true", snapshots=1)
    result = train(own, tmp_path / "run", progress=False)
    weights, centers = final(tmp_path / "run")
    expected, expected_centers = algorithm_1(own, "", torch.float64)
    assert result["precision"] == "64-true" and seen == {torch.float64}
    assert distance(weights, expected) < 1e-12
    assert centers.dtype == torch.float64 and (centers - expected_centers).abs().max() < 1e-12


def test_a_run_starts_from_the_weights_it_is_given(
    config: Config, tmp_path: Path, finished: tuple[dict[str, Any], RunFolder]
) -> None:
    given = load_checkpoint(finished[1].checkpoint_last)["model"]
    own = config(pretrained=str(finished[1].checkpoint_last), lr=1e-9, epochs=1, seed=5)
    train(own, tmp_path / "run", progress=False)
    weights, _ = final(tmp_path / "run")
    for name in ("backbone.stem.0.weight", "classifier.weight", "attention.heads.linear.weight"):
        torch.testing.assert_close(weights[name], given[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("select_by", "expected"),
    [
        ("last", ["train", "val", "epoch 1", "epoch 2", "test"]),
        ("validation", ["train", "val", "epoch 1", "epoch 2", "test"]),
        ("test", ["train", "test", "epoch 1", "epoch 2", "test"]),
    ],
)
def test_the_test_split_is_read_once_and_last(
    select_by: str, expected: list[str], config: Config, reads: list[str], tmp_path: Path
) -> None:
    own = config(data="watched", select_by=select_by, epochs=2)
    train(own, tmp_path / "run", progress=False, on_epoch=lambda line: reads.append(f"epoch {line['epoch']}"))
    assert reads == expected


def test_a_result_that_was_selected_on_test_says_so(config: Config, tmp_path: Path) -> None:
    honest, selected = config(epochs=1, select_by="validation"), config(epochs=1, select_by="test")
    assert run_name(selected).endswith("-selected-on-test")
    assert "test" not in run_name(honest)
    said = train(selected, tmp_path / "test", progress=False)["selected_by"]
    assert "on the test part" in said and "optimistic" in said
    said = train(honest, tmp_path / "val", progress=False)["selected_by"]
    assert said == "accuracy on validation (val)"
    said = train(config(epochs=1, select_by="validation", eval_split="val"), tmp_path / "same", progress=False)
    assert "optimistic" in said["selected_by"]  # selected and measured on the same images
    assert train(config(epochs=1), tmp_path / "last", progress=False)["selected_by"] == "last epoch"


def test_the_first_of_the_best_epochs_on_validation_is_measured(
    config: Config, tmp_path: Path, validation_accuracy: list[float]
) -> None:
    validation_accuracy += [0.2, 0.5, 0.5, 0.4]
    folder = RunFolder(tmp_path / "run")
    result = train(config(epochs=4, select_by="validation"), folder.path, progress=False)
    assert result["selected_epoch"] == 2 == load_checkpoint(folder.checkpoint_best)["epoch"]
    assert len(folder.metrics_file.read_text().splitlines()) == 4
    last = evaluate_run(folder.path)[1]
    torch.testing.assert_close(Predictions.load(folder.predictions_file).logits, last.logits, rtol=1e-4, atol=1e-5)
    assert result["confusion"] == last.scores()["confusion"]


def test_the_last_epoch_is_measured_where_none_is_selected(
    config: Config, tmp_path: Path, validation_accuracy: list[float]
) -> None:
    validation_accuracy += [0.5, 0.4]
    assert train(config(select_by="last"), tmp_path / "run", progress=False)["selected_epoch"] == 2
    assert not RunFolder(tmp_path / "run").checkpoint_best.exists()


def test_the_logged_rate_is_the_one_that_the_epoch_was_trained_with(config: Config, tmp_path: Path) -> None:
    own = config(epochs=4, schedule="step", step_epochs=2, step_factor=0.1, lr=0.01)
    lines: list[dict[str, Any]] = []
    train(own, tmp_path / "run", progress=False, on_epoch=lines.append)
    assert [line["lr"] for line in lines] == pytest.approx([0.01, 0.01, 0.001, 0.001])


def test_fewer_images_than_a_batch_train_as_one_batch(config: Config, tmp_path: Path) -> None:
    result = train(config(limit=7, epochs=1, batch_size=64), tmp_path / "run", progress=False)
    assert int(final(tmp_path / "run")[0]["backbone.stem.1.num_batches_tracked"]) == 1
    assert result["images"] == 7


def test_a_lone_last_image_is_left_out(config: Config, tmp_path: Path) -> None:
    train(config(limit=21, epochs=1, batch_size=20), tmp_path / "run", progress=False)  # 20 + 1
    assert int(final(tmp_path / "run")[0]["backbone.stem.1.num_batches_tracked"]) == 1
    train(config(limit=22, epochs=1, batch_size=20), tmp_path / "two", progress=False)  # 20 + 2
    assert int(final(tmp_path / "two")[0]["backbone.stem.1.num_batches_tracked"]) == 2


def test_too_few_images_for_the_micro_batches_are_refused(config: Config, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"7 training images over accumulate 4.*BatchNorm"):
        train(config(limit=7, batch_size=64, accumulate=4), tmp_path / "run", progress=False)


def a_loss_that_breaks(at_call: int, how: str) -> None:
    calls = [0]

    @register_loss("breaks")
    class Breaks(MetricLoss):
        uses_attention = False

        def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
            calls[0] += 1
            good = (features - centers[labels]).square().mean()
            if calls[0] != at_call:
                return good
            # The root at zero is finite, its gradient is not.
            return good * float("nan") if how == "value" else good + (features * 0).square().sum().sqrt()


@pytest.mark.usefixtures("own_losses")
def test_a_nan_stops_the_run_and_names_term_epoch_and_step(config: Config, tmp_path: Path) -> None:
    a_loss_that_breaks(at_call=STEPS + 2, how="value")
    with pytest.raises(UserError) as caught:
        train(config(method="breaks", epochs=3), tmp_path / "run", progress=False)
    assert "breaks epoch 2/3, step 2: the metric loss is nan" in str(caught.value)
    assert "softmax" not in str(caught.value)
    assert "checkpoint_last.pt" in caught.value.problem and "--lr" in caught.value.hint
    state = load_checkpoint(RunFolder(tmp_path / "run").checkpoint_last)
    assert state["epoch"] == 1
    assert all(value.isfinite().all() for value in state["model"].values())
    assert not RunFolder(tmp_path / "run").result_file.exists()


@pytest.mark.usefixtures("own_losses")
def test_a_gradient_that_is_nan_in_the_last_step_never_reaches_the_checkpoint(config: Config, tmp_path: Path) -> None:
    # The losses of that epoch are finite, only the weights are not any more: the gradient of a root at zero.
    a_loss_that_breaks(at_call=2 * STEPS, how="gradient")
    with pytest.raises(UserError, match=r"breaks epoch 2/3: .*gradient made .* infinite or nan.*checkpoint_last"):
        train(config(method="breaks", epochs=3), tmp_path / "run", progress=False)
    state = load_checkpoint(RunFolder(tmp_path / "run").checkpoint_last)
    assert state["epoch"] == 1
    assert all(value.isfinite().all() for value in state["model"].values())


def test_a_softmax_loss_that_overflows_is_named(config: Config, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"softmax epoch 1/2, step \d: the softmax loss is (nan|inf)") as caught:
        train(config(method="softmax", lr=1e30, schedule="constant"), tmp_path / "run", progress=False)
    assert "checkpoint" not in str(caught.value)  # there is none yet
