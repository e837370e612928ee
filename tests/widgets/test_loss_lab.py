"""The loss lab without a browser: its states against Eq. 8, 9 and 11 written out, its picture against its state."""

from __future__ import annotations

import pytest
import torch

from dacl_edu.losses import MetricLoss, build_loss, register_loss, registry
from dacl_edu.widgets.loss_lab import (
    STEP_SIZE,
    LabSettings,
    _Lab,
    attention_step,
    losses_in_the_plane,
    measure,
    start,
    step,
)
from dacl_edu.widgets.loss_lab_figure import ARROWS, MOST_CLASSES

SETTINGS = LabSettings(lam=0.7, alpha=0.4, classes=3, attention=(0.9, 0.2), softmax=False)


def trace(figure, name: str):
    (found,) = [t for t in figure.data if t.name == name]
    return found


def test_one_step_is_eq_9_for_features_and_eq_11_for_centers() -> None:
    before = start(SETTINGS)
    after = step(before, SETTINGS, build_loss("sparse_center"))
    a = torch.tensor(SETTINGS.attention, dtype=torch.float64)
    centers, m = before.centers.clone(), len(before.labels)
    for i, (x, y) in enumerate(zip(before.features, before.labels, strict=True)):
        eq_9 = SETTINGS.lam * a * (x - before.centers[y]) / m
        torch.testing.assert_close(after.features[i], x - STEP_SIZE * m * eq_9)
    for k in range(3):
        own = before.features[before.labels == k]
        delta = sum(a * (before.centers[k] - x) for x in own) / (1 + len(own))
        centers[k] -= SETTINGS.alpha * delta
    torch.testing.assert_close(after.centers, centers)
    torch.testing.assert_close(after.center_path, torch.stack([before.centers, centers]))


def test_the_total_is_eq_8_and_falls() -> None:
    settings = LabSettings(lam=0.5)
    metric, state = build_loss("sparse_center"), start(settings)
    for _ in range(15):
        state = step(state, settings, metric)
    assert all(total == pytest.approx(s + 0.5 * m) for total, s, m in state.history)
    assert state.history[-1][0] < state.history[0][0]


def test_a_dimension_without_attention_does_not_move() -> None:
    settings = LabSettings(attention=(1.0, 0.0), softmax=False)
    before = start(settings)
    after = step(before, settings, build_loss("sparse_center"))
    assert torch.equal(after.features[:, 1], before.features[:, 1])
    assert torch.equal(after.centers[:, 1], before.centers[:, 1])
    assert not torch.equal(after.features[:, 0], before.features[:, 0])
    blind = step(before, settings, build_loss("center"))  # it reads no attention: both dimensions move
    assert not torch.equal(blind.centers[:, 1], before.centers[:, 1])


def test_attention_that_learns_moves_by_eq_10_and_only_down() -> None:
    settings, metric = LabSettings(attention=(0.9, 0.03), learns=True), build_loss("sparse_center")
    state = start(settings)
    distances = state.features - state.centers[state.labels]
    eq_10 = (settings.lam * distances**2 / (2 * len(state.labels))).sum(dim=0).tolist()
    moved = attention_step(state, settings, metric)
    assert moved == pytest.approx([max(0.9 - STEP_SIZE * eq_10[0], 0), max(0.03 - STEP_SIZE * eq_10[1], 0)])
    assert attention_step(state, LabSettings(attention=(0.9, 0.03)), metric) == (0.9, 0.03)


def test_the_bars_show_attention_and_its_gradient_and_the_sliders_follow() -> None:
    lab = _Lab(["sparse_center"])
    gradient = trace(lab.figure, "∂L/∂a, Eq. 10").y
    assert trace(lab.figure, "a").y == (1, 1)
    assert gradient == pytest.approx(
        measure(lab.state, lab.settings, build_loss("sparse_center")).of_attention.tolist()
    )
    lab.controls["learns"].value = True
    lab.step()
    assert lab.settings.attention == pytest.approx([1 - STEP_SIZE * g for g in gradient])
    assert trace(lab.figure, "a").y == lab.settings.attention
    lab.reset()
    assert lab.settings.attention == (1, 1)


def test_attention_is_only_pushed_down() -> None:
    for seed in range(5):
        settings = LabSettings(seed=seed, lam=1.0)
        assert (measure(start(settings), settings, build_loss("sparse_center")).of_attention > 0).all()


@pytest.mark.parametrize("name", losses_in_the_plane())
def test_every_offered_loss_takes_steps(name: str) -> None:
    settings = LabSettings(loss=name, lam=0.1)
    metric, state = build_loss(name), start(settings)
    for _ in range(3):
        state = step(state, settings, metric)
    assert state.features.isfinite().all() and state.centers.isfinite().all()


def test_a_loss_of_ones_own_is_offered_and_one_that_fails_is_not() -> None:
    kept = dict(registry._REGISTRY)
    try:

        @register_loss("lab_absolute")
        class Absolute(MetricLoss):
            def formula(self, features, attention, labels, centers):
                return (features - centers[labels]).abs().sum() / len(features)

        @register_loss("lab_broken")
        class Broken(MetricLoss):
            def formula(self, features, attention, labels, centers):
                raise RuntimeError("needs 512 dimensions")

        names = losses_in_the_plane()
    finally:
        registry._REGISTRY.clear()
        registry._REGISTRY.update(kept)
    assert "lab_absolute" in names and "lab_broken" not in names


def test_a_loss_that_is_not_finite_moves_nothing_and_says_so() -> None:
    class Nothing(MetricLoss):
        def formula(self, features, attention, labels, centers):
            return (features * float("nan")).sum()

    with pytest.raises(ValueError, match="press reset"):
        step(start(LabSettings()), LabSettings(), Nothing())


def test_the_picture_follows_the_controls() -> None:
    lab = _Lab(["center", "sparse_center"])
    figure, controls = lab.figure, lab.controls
    assert [t.name for t in figure.data][:MOST_CLASSES] == [f"class {k}" for k in range(MOST_CLASSES)]
    assert [len(t.x) for t in figure.data[:MOST_CLASSES]] == [12, 12, 12, 0, 0, 0, 0]
    # with a = 1 and λ = 1 an arrow of Eq. 9 ends in the center
    arrow = trace(figure, "−m ∂L/∂x")
    assert (arrow.x[1], arrow.y[1]) == pytest.approx(tuple(lab.state.centers[0].tolist()))
    controls["lam"].value = 0.1
    shorter = trace(figure, "−m ∂L/∂x")
    assert shorter.x[1] - shorter.x[0] == pytest.approx(0.1 * (lab.state.centers[0, 0] - lab.state.features[0, 0]))
    controls["arrows"].value = ARROWS[-1]
    assert not trace(figure, "−m ∂L/∂x").x
    controls["classes"].value = 5
    assert [len(t.x) for t in figure.data[:MOST_CLASSES]] == [12] * 5 + [0, 0]
    assert len(trace(figure, "centers").x) == 5
    assert [t.showlegend for t in figure.data[:MOST_CLASSES]] == [True] * 5 + [False] * 2


def test_the_buttons_step_run_and_reset() -> None:
    lab = _Lab(["sparse_center"])
    first = tuple(lab.figure.data[0].x)
    begin, step_button, run, reset = lab.words.value, *lab.widget.children[1].children
    step_button.click()
    assert tuple(lab.figure.data[0].x) != first and len(trace(lab.figure, "L").y) == 2
    run.click()
    assert len(trace(lab.figure, "L").y) == 22 and "Step 21:" in lab.words.value
    reset.click()
    assert tuple(lab.figure.data[0].x) == first and lab.words.value == begin
    lab.controls["seed"].value = 1
    assert tuple(lab.figure.data[0].x) != first


def test_attention_sliders_rest_where_the_loss_does_not_read_it() -> None:
    lab = _Lab(["center", "sparse_center"])
    assert not lab.controls["a1"].disabled
    lab.controls["loss"].value = "center"
    assert lab.controls["a1"].disabled and "does not read attention" in lab.words.value


def test_every_control_has_a_label_and_says_what_it_is() -> None:
    lab = _Lab(["sparse_center"])
    for control in [*lab.controls.values(), *lab.widget.children[1].children]:
        assert control.description and len(control.tooltip) > 8


def test_lambda_changes_the_figure_that_is_there() -> None:
    lab = _Lab(["sparse_center"])
    lab.controls["classes"].value = 7
    figure, seen = lab.figure, set()
    for value in (0.1, 0.3, 3.0):
        lab.controls["lam"].value = value
        seen.add(figure.to_json())
    assert lab.figure is figure and len(seen) == 3
