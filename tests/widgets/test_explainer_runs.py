"""The explainer of a reader's own runs: their losses, settings, epochs and faces, and many dimensions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browser import BROWSER, chromium
from PIL import Image
from torch import Tensor
from widgets.explainer_pages import TIMED, head_of, open_page

from dacl_edu import cli
from dacl_edu.data import load_dataset
from dacl_edu.evaluation.attention_step import attention_step
from dacl_edu.losses import MetricLoss, build_loss
from dacl_edu.losses.registry import register_loss
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.trained import LoadedRun, load_run
from dacl_edu.training import train
from dacl_edu.widgets.explainer.payload import payload
from dacl_edu.widgets.explainer.runs import runs_payload
from dacl_edu.widgets.explainer.stages import ExplainedRun, Stage, choose_faces, explain_run

in_browser = pytest.mark.skipif(BROWSER is None, reason="no browser: tools/install_browser.sh")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def own_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "mine"
    config = TrainConfig.from_preset("smoke", method="dacl", limit=28, batch_size=14, epochs=1, seed=3)
    train(config, folder, progress=False)
    return folder


def test_the_frozen_attention_of_a_frozen_run_is_the_one_that_it_used(tmp_path: Path) -> None:
    options: dict[str, Any] = {"limit": 28, "batch_size": 14, "epochs": 1, "attention": "frozen"}
    train(TrainConfig.from_preset("smoke", method="dacl", **options), tmp_path / "run", progress=False)
    run, faces = load_run(tmp_path / "run"), choose_faces(load_dataset("bundled", "test")).subset(torch.arange(14))
    (stage,) = explain_run([run], [1], faces.images, faces.labels).stages
    with torch.no_grad():
        used = load_run(tmp_path / "run").model(run.prepare.evaluate(faces.images)).attention
    assert (torch.from_numpy(stage.frozen).float() - used).abs().max() < 2e-3


def test_a_stage_is_what_the_network_says(own_run: Path) -> None:
    run, faces = load_run(own_run), choose_faces(load_dataset("bundled", "test")).subset(torch.arange(14))
    (stage,) = explain_run([run], [1], faces.images, faces.labels).stages
    with torch.no_grad():
        output = load_run(own_run).model(run.prepare.evaluate(faces.images))
    assert np.abs(stage.features - output.features.numpy()).max() < 2e-3
    attention = torch.from_numpy(stage.scores).float().unflatten(1, (-1, 2)).softmax(dim=2)[..., 1]  # Eq. 7
    assert (attention - output.attention).abs().max() < 5e-3
    network = load_run(own_run).model.attention.double().train()
    slope = (output.features - run.centers()[faces.labels]).double().square() / (2 * len(faces))
    step = attention_step(network, output.feature_map.double(), slope)
    torch.testing.assert_close(
        torch.from_numpy(stage.change).double() * float(stage.rate[0]),
        step.change,
        atol=1e-3 * float(stage.rate[0]),
        rtol=1e-2,
    )
    weighted = (torch.from_numpy(stage.change).double() * slope).sum()
    assert weighted < 0 < (stage.change > 0).mean() < 1, "some rise, some fall; the weighted mean falls"
    order = explain_run([run], [1], faces.images, faces.labels).order
    exact = output.feature_map[:, order[:64]].flatten(2)
    steps = torch.from_numpy(stage.tiles).flatten(2) / 15 * exact.amax(2, keepdim=True)
    assert (steps - exact).abs().max() <= exact.max() / 29, "half a step of a channel's own range"


class NeedsTwo(MetricLoss):
    """A reader's own loss that is not defined for one face."""

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        if len(features) < 2:
            raise RuntimeError("one face is no pair")
        return (attention * features.var(dim=0)).mean()


@pytest.fixture(scope="module")
def island_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "island"
    changes = {"method": "island", "loss_parameters": {"lam1": 2.0}, "select_by": "validation", "snapshots": 2}
    config = TrainConfig.from_preset("smoke", limit=28, batch_size=14, epochs=1, seed=3, **changes)
    train(config, folder, progress=False)
    return folder


@pytest.fixture(scope="module")
def several(own_run: Path, island_run: Path) -> tuple[list[ExplainedRun], bytes]:
    """Runs of several losses and settings, of 14 faces; the later ones are the first with another name."""
    register_loss("needs_two")(NeedsTwo)
    dacl, faces = load_run(own_run), choose_faces(load_dataset("bundled", "test")).subset(torch.arange(14))

    def as_if(**changes: Any) -> LoadedRun:
        return replace(dacl, config=dacl.config.model_copy(update=changes))

    states = [load_run(island_run), dacl, as_if(lam=0.3), as_if(lam=0.3, seed=4)]
    states += [as_if(method="attentive_island"), as_if(method="needs_two"), as_if(lam=0.3, seed=4)]
    made = [explain_run([state], [1], faces.images, faces.labels) for state in states]
    return made, payload(made, faces.images, faces.labels.tolist(), faces.classes, "14 faces")


def test_a_loss_of_another_kind_is_computed_for_each_face_each_row_and_all(
    several: tuple[list[ExplainedRun], bytes],
) -> None:
    made, data = several
    stage = made[0].stages[0]
    x, c = (torch.from_numpy(part).double() for part in (stage.features, stage.centers))
    y = choose_faces(load_dataset("bundled", "test")).labels[:14]
    angles = torch.nn.functional.cosine_similarity(c[:, None], c[None], dim=2)
    apart = 2 * float(sum(angles[j, k] + 1 for j, k in product(range(7), range(7)) if j != k))
    batches = [*([i] for i in range(14)), range(7), range(7, 14), range(14)]
    near = [float(sum((x[i] - c[y[i]]).square().sum() for i in batch)) / (2 * len(batch)) for batch in batches]
    np.testing.assert_allclose(stage.own, np.array(near) + apart, rtol=1e-4)
    np.testing.assert_allclose(stage.push, build_loss("island", lam1=2.0).center_push(c).numpy(), rtol=1e-4, atol=1e-6)
    own = made[5].stages[0].own
    assert np.isnan(own[:14]).all() and (own[14:] > 0).all(), "not defined for one face"
    assert made[1].stages[0].own.size == 0 == made[1].stages[0].push.size, "the page computes Eq. 4 itself"
    head = head_of(data)["runs"]
    assert [run["loss"] for run in head] == ["island (lam1 = 2.0)", *[""] * 3, "attentive_island", "needs_two", ""]
    named = ["island", "dacl, lam 0.01", *["dacl, lam 0.3"] * 2, "attentive_island", "needs_two", "dacl, lam 0.3"]
    assert [run["group"] for run in head] == named
    assert len({run["name"] for run in head}) == len(head)


@in_browser
def test_a_run_of_another_loss_says_so_and_no_total_that_is_not_its_own(
    browser: Any, several: tuple[list[ExplainedRun], bytes], tmp_path: Path
) -> None:
    made, data = several
    page = open_page(browser, data, tmp_path)
    stage, words, whole = made[0].stages[0], page.locator(".words"), page.locator(".whole")
    q = page.evaluate("() => explainer.set({run: 0, face: 8})")
    assert q["total"] == pytest.approx(q["softmaxLoss"] + 0.01 * stage.own[8])
    x, c = stage.features[8].astype(float), stage.centers[q["y"]].astype(float)
    np.testing.assert_allclose(q["moved"], c - 0.5 * ((c - x) / 2 + stage.push[q["y"]]), atol=1e-6)
    printed = float(page.locator(".whole b").inner_text())
    assert printed == pytest.approx(q["total"], rel=1e-3) and f"= {printed:g}" in words.inner_text()
    assert "island (lam1 = 2.0), this run’s own loss. Eq. 4, for comparison" in words.inner_text()
    assert "the push of its loss included" in words.inner_text()
    assert "the push that island" in page.locator("[data-panel=center]").inner_text()
    assert page.locator(".own").is_visible() and page.locator(".aside:visible").count() == 4
    assert "the one whose network" in page.locator(".only").inner_text()
    for batch, at in (("row", 15), ("all", 16)):
        q = page.evaluate("batch => explainer.set({batch})", batch)
        assert q["total"] == pytest.approx(q["softmaxLoss"] + 0.01 * stage.own[at])
    for begin, walked in ((0, "dacl"), (4, "attentive_island")):  # without attention a tour would have little to show
        page.evaluate("run => explainer.set({run})", begin)
        page.locator("[data-do=tour]").click()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        assert page.evaluate("() => explainer.data.runs[explainer.state.run].method") == walked
        said = page.locator(".tour").inner_text()
        assert ("For comparison: this run was trained with attentive_island" in said) == (begin == 4)
        page.keyboard.press("Escape")

    page.evaluate("() => explainer.set({run: 4, face: 8, batch: 'face'})")  # attentive: its attention can be replaced
    assert "this run’s own loss" in words.inner_text() and "= L" in whole.inner_text()
    page.locator("[data-set=control]").select_option("ones")
    assert "alone the softmax loss is" in words.inner_text() and "= L" not in whole.inner_text()
    page.evaluate("() => explainer.set({run: 5})")
    assert "where it is defined" in whole.inner_text() and "NaN" not in page.locator(".dacl-explainer").inner_text()
    page.locator("[data-set=batch]").select_option("all")
    assert "= L" in whole.inner_text()
    page.close()


@in_browser
def test_runs_of_other_settings_are_told_apart_and_start_at_their_own_weight(
    browser: Any, several: tuple[list[ExplainedRun], bytes], tmp_path: Path
) -> None:
    page = open_page(browser, several[1], tmp_path)
    groups, seeds, weight = (page.locator(f"[data-set={name}]") for name in ("group", "run", "lam"))
    names = [text.strip() for text in groups.locator("option").all_inner_texts()]
    assert names[:3] == ["island", "DACL, λ 0.01", "DACL, λ 0.3"]
    for group, seed, lam in ((1, ["3"], "0.01"), (2, ["3", "4", "4 (again, 2)"], "0.3")):
        groups.select_option(index=group)
        assert [text.strip() for text in seeds.locator("option").all_inner_texts()] == seed
        assert weight.get_attribute("aria-valuetext") == lam and not page.locator(".own").is_visible()
        weight.press("End")
    seeds.select_option(index=2)
    assert page.evaluate("() => explainer.state.run") == 6 and weight.get_attribute("aria-valuetext") == "0.3"
    assert "DACL, λ 0.3, seed 4 (again, 2), after 1 epoch" in page.locator(".words").inner_text()
    page.close()


def test_the_epoch_is_that_of_the_network_that_was_kept(own_run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(own_run, tmp_path / "best")
    result = json.loads((folder / "result.json").read_text("utf-8"))
    (folder / "result.json").write_text(json.dumps({**result, "selected_epoch": 5}), encoding="utf-8")
    assert [stage["epoch"] for stage in head_of(runs_payload([folder]))["runs"][0]["stages"]] == [5]


def test_own_faces_without_and_with_known_classes(
    own_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = load_dataset("bundled", "val").images[:3].permute(0, 2, 3, 1).numpy()
    for folder in ("loose", "classed/anger"):
        (tmp_path / folder).mkdir(parents=True)
        for place, face in enumerate(faces):
            Image.fromarray(face).resize((90, 70)).save(tmp_path / folder / f"{place}.png")
    loose, classed = (head_of(runs_payload([own_run], tmp_path / name)) for name in ("loose", "classed"))
    assert len(loose["labels"]) == 3 and "not known" in loose["says"]
    assert classed["labels"] == [5, 5, 5] and "not known" not in classed["says"]
    assert [stage["epoch"] for stage in loose["runs"][0]["stages"]] == [1]
    for words, said in [
        (["explain", str(tmp_path / "loose")], "no run in"),
        (["explain", "--images", str(tmp_path)], "--images needs a run"),
        (["explain", str(own_run), "--images", str(own_run / "tensorboard")], "no image there"),
    ]:
        with pytest.raises(SystemExit) as failed:
            cli.main([*words, "--out", str(tmp_path / "page.html")])
        error = capsys.readouterr().err
        assert failed.value.code == 2 and said in error and error.count("\n") == 1


def wide_payload() -> bytes:
    """A made-up run of 2048 dimensions and three classes, as a large backbone has them."""
    draw, n, d, classes = np.random.default_rng(0), 21, 2048, 3
    half = {
        name: draw.normal(size=(n, width)).astype(np.float16)
        for name, width in [("latent", 256), ("scores", 2 * d), ("frozen", d), ("change", d)]
    }
    stage = Stage(
        features=np.abs(draw.normal(size=(n, d))).astype(np.float16),
        tiles=draw.integers(0, 16, (n, 64, 7, 7)).astype(np.uint8),
        rate=np.ones(1, np.float32), weight=draw.normal(size=(classes, d)).astype(np.float32) / 30,
        bias=np.zeros(classes, np.float32), centers=np.abs(draw.normal(size=(classes, d))).astype(np.float32), **half,
    )  # fmt: skip
    config = TrainConfig.from_preset("quick", method="dacl")
    run = ExplainedRun(config, "learned", (60,), (stage,), draw.permutation(d).astype(np.int32))
    images = torch.randint(0, 256, (n, 3, 64, 64), dtype=torch.uint8)
    return payload([run], images, [i % classes for i in range(n)], ["cat", "<dog>", "hen"], "21 faces")


@in_browser
def test_many_dimensions_fold_into_the_most_telling_ones(browser: Any, tmp_path: Path) -> None:
    page = open_page(browser, wide_payload(), tmp_path)
    assert page.evaluate("() => document.querySelector('[data-plot=x] path').getAttribute('d').split('M').length") == 65
    assert page.evaluate("() => document.querySelector('[data-strip=x]').width") == 2048
    assert page.locator(".classes tbody tr").count() == 3 and "<dog>" in page.locator(".classes").inner_text()
    taken = page.evaluate(TIMED, {"batch": "all"})
    print(f"2048 dimensions, batch of 21: {taken:.0f} ms")
