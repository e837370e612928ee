"""The explainer: what the browser computes equals the package; keyboard, screen reader, notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from browser import BROWSER, chromium, jupyterlab
from ipywidgets.embed import embed_data
from torch import Tensor, nn
from widgets.explainer_pages import TIMED, head_of

from dacl_edu import cli, paths
from dacl_edu.centers import ClassCenters, center_delta
from dacl_edu.data import load_dataset
from dacl_edu.evaluation.deep_features import ClassifierHead
from dacl_edu.losses import Objective, build_loss, center_loss, softmax_loss, sparse_center_loss
from dacl_edu.model.attention import AttentionNetwork
from dacl_edu.widgets.explainer import FOLDER, explainer, shipped_payload
from dacl_edu.widgets.explainer.page import explainer_page
from dacl_edu.widgets.explainer.stages import ExplainedRun, Stage, choose_faces, packed

in_browser = pytest.mark.skipif(BROWSER is None, reason="no browser: tools/install_browser.sh")
CONTROLS = ("learned", "ones", "mean", "permuted", "frozen", "normalized")
ASK = """states => states.map(state => {
  const view = window.explainer;
  view.set({run: state.run});
  view.set({...state, stage: state.stage < 0 ? view.data.runs[state.run].stages.length - 1 : state.stage});
  const q = view.quantities(), plain = value => ArrayBuffer.isView(value) ? Array.from(value) : value;
  const found = Object.fromEntries(Object.entries(q).map(([name, value]) => [name, plain(value)]));
  found.attentions = q.batch.map(face => Array.from(view.attention(face)));
  found.printed = view.root.querySelector('.whole b').textContent;
  return found;
})"""


@pytest.fixture(scope="module")
def runs() -> list[ExplainedRun]:
    return [ExplainedRun.load(path) for path in sorted((paths.shipped_runs() / FOLDER).glob("*.npz"))]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    file = tmp_path_factory.mktemp("page") / "explainer.html"
    file.write_text(explainer_page(shipped_payload()), encoding="utf-8")
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(120_000)
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
    opened.goto(file.as_uri())
    opened.locator(".dacl-explainer .whole b").wait_for()
    opened.file = file
    yield opened
    assert said == []


def package_attention(stage: Stage, control: str) -> Tensor:
    """Eq. 7 and the controls by the package: its heads read the stored scores as they are."""
    n, d = stage.features.shape
    if not stage.scores.size:
        return torch.ones(n, d, dtype=torch.float64)
    if control == "frozen":
        return torch.from_numpy(stage.frozen).double()
    network = AttentionNetwork((2 * d, 1, 1), d, widths=(2 * d,), mode=control if control != "frozen" else "learned")  # type: ignore[arg-type]
    if network.encoder is not None and network.heads is not None:
        network.encoder.layers = nn.Sequential(nn.Identity())
        nn.init.eye_(network.heads.linear.weight)
    scores = torch.from_numpy(stage.scores).double()[:, :, None, None]
    return network.double().eval()(scores).detach()


def expected(
    stage: Stage, labels: Tensor, state: dict[str, Any], batch: list[int], attention: Tensor
) -> dict[str, Any]:
    """All that the page shows of a face, by the package, in float64."""
    face, lam, alpha, eps = (state[name] for name in ("face", "lam", "alpha", "eps"))
    wide = {name: torch.from_numpy(array).double() for name, array in stage._asdict().items()}
    head = ClassifierHead(wide["weight"], wide["bias"], wide["centers"])
    centers, y, at, k = head.centers, labels[batch], batch.index(face), int(labels[face])
    x, a = wide["features"][batch].requires_grad_(), attention.clone().requires_grad_()
    soft, sparse = softmax_loss(head.logits(x), y), sparse_center_loss(x, a, y, centers)
    by_x, by_a = torch.autograd.grad(sparse, (x, a))
    (soft_by_x,) = torch.autograd.grad(soft, x)
    x, a = x.detach(), a.detach()
    delta = center_delta(x, a, y, centers, eps)
    moving = ClassCenters(*centers.shape, alpha=alpha, eps=eps).double()
    moving.centers = centers.clone()
    moving.accumulate(x, a, y)
    moving.step()
    one, own_y, own_a = x[at : at + 1], y[at : at + 1], a[at : at + 1]
    difference = one - centers[own_y]
    order = (a[at] if state["silence"] == "least" else -a[at]).sort(stable=True).indices[: state["silenced"]]
    seen = one[0].index_fill(0, order, 0)
    objective = Objective(build_loss("sparse_center"), lam)
    return {
        "x": one[0], "c": centers[k], "a": a[at], "m": len(batch), "count": int((y == k).sum()),
        "difference": difference[0], "squared": difference[0] ** 2, "weighted": own_a[0] * difference[0] ** 2,
        "logits": head.logits(seen), "probabilities": head.logits(seen).softmax(dim=0),
        "whole": head.logits(one[0]).softmax(dim=0), "softmaxLoss": soft, "sparseLoss": sparse,
        "centerLoss": center_loss(x, y, centers), "faceSoftmax": softmax_loss(head.logits(one), own_y),
        "faceCenter": center_loss(one, own_y, centers), "faceSparse": sparse_center_loss(one, own_a, own_y, centers),
        "total": objective(head.logits(x), x, a, y, centers).total,
        "gradientX": by_x[at], "gradientA": by_a[at], "gradientSoftmax": soft_by_x[at],
        "delta": delta[k], "moved": moving.centers[k],
    }  # fmt: skip


def compare_with_the_package(page: Any, runs: list[ExplainedRun], faces: int) -> int:
    """Ask the page for every quantity in many states; return how many numbers were compared."""
    labels, compared = choose_faces(load_dataset("bundled", "test")).labels, 0
    listed = page.evaluate("() => window.explainer.data.runs.map(run => [run.method, run.seed])")
    by_name = {(run.config.method, run.config.seed): run for run in runs}
    whole = [place for place, (_, seed) in enumerate(listed) if seed == 0]
    assert [listed[place][0] for place in whole] == ["softmax", "center", "dacl"]
    for run, stage, control in product(whole, (1, -1), CONTROLS):
        states = [
            {
                "run": run, "stage": stage, "control": control, "face": (37 * i + run) % 84, "lot": i,
                "batch": ("face", "row", "all")[i % 3], "lam": (0.01, 0.3, 0)[i % 3], "alpha": (0.5, 0.05)[i % 2],
                "eps": (1, 0, 2.5)[i % 3], "silenced": 13 * i % 129, "silence": ("most", "least")[i % 2],
            }
            for i in range(faces)
        ]  # fmt: skip
        shown = by_name[tuple(listed[run])].stages[stage]
        ours = package_attention(shown, control)
        for state, found in zip(states, page.evaluate(ASK, states), strict=True):
            batch = found["batch"]
            assert state["face"] in batch and len(batch) == {"face": 1, "row": 7, "all": 84}[state["batch"]]
            attention = torch.tensor(found["attentions"], dtype=torch.float64)
            if control == "permuted":  # which permutation is the page's own affair
                torch.testing.assert_close(attention.sort().values, ours[batch].sort().values, atol=1e-5, rtol=0)
                assert not shown.scores.size or (attention - ours[batch]).abs().max() > 0.1
            else:
                torch.testing.assert_close(attention, ours[batch], atol=1e-5, rtol=0)
            for name, value in expected(shown, labels, state, batch, attention).items():
                value = torch.as_tensor(value, dtype=torch.float64).detach()
                mine = torch.tensor(found[name], dtype=torch.float64)
                assert mine.shape == value.shape, name
                off = float((mine - value).abs().max())
                assert off <= 1e-5 * max(1.0, float(value.abs().max())), f"{name} is off by {off} in {state}"
                compared += value.numel()
            assert float(found["printed"].replace("−", "-")) == pytest.approx(found["total"], rel=6e-3)
    return compared


@in_browser
def test_the_browser_computes_what_the_package_computes(page: Any, runs: list[ExplainedRun]) -> None:
    assert compare_with_the_package(page, runs, faces=3) > 100_000


@in_browser
@pytest.mark.browser
def test_the_browser_computes_what_the_package_computes_for_twenty_faces(page: Any, runs: list[ExplainedRun]) -> None:
    compared = compare_with_the_package(page, runs, faces=20)
    print(f"{compared} numbers compared")
    assert compared > 1_000_000


def test_the_page_is_small_and_asks_nobody(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with pytest.raises(SystemExit) as done:
        cli.main(["explain", "--out", str(page)])
    assert done.value.code == 0
    assert page.stat().st_size <= 6_000_000
    text = page.read_text("utf-8")
    assert "default-src 'none'" in text and "://" not in text


def test_the_widget_carries_the_module_and_the_data_of_the_page() -> None:
    widget = explainer()
    assert "export default" in widget._esm and widget.data == shipped_payload()
    head = head_of(widget.data)
    assert len(head["labels"]) == 84 and head["labels"][:8] == [0, 1, 2, 3, 4, 5, 6, 0]
    epochs = {(run["method"], run["seed"]): [stage["epoch"] for stage in run["stages"]] for run in head["runs"]}
    whole = epochs["dacl", 0]
    assert epochs["center", 0] == epochs["softmax", 0] == whole and whole[:5] == [0, 1, 2, 4, 8]
    assert {listed[-1] for listed in epochs.values()} == set(whole[-1:])


def test_a_page_that_ipywidgets_exports_has_the_module_in_it() -> None:
    widget = explainer()
    exported = embed_data(views=[widget], drop_defaults=True)["manager_state"]
    state = exported["state"][widget.model_id]["state"]
    assert state["_esm"] == widget._esm and state["_css"] == widget._css and state["_view_name"] == "AnyView"


def test_a_stored_notebook_keeps_the_still_picture_and_no_view(tmp_path: Path) -> None:
    from tools.notebook_pairs import execute, tidy

    source = "from dacl_edu.lessons.display import show\nfrom dacl_edu.widgets.explainer import explainer\n\n"
    source += "show(explainer(), alt='One face and what the equations make of it.')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    assert execute(notebook, tmp_path) is None
    (output,) = tidy(notebook).cells[0].outputs
    assert set(output.data) == {"image/png", "text/plain"} and "One face" in output.data["text/plain"]
    assert output.metadata["image/png"]["alt"].startswith("One face")


def test_tiles_survive_their_packing() -> None:
    tiles = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)[..., :3]
    bytes_ = packed(tiles)
    assert [int(byte) >> 4 for byte in bytes_] == tiles.reshape(-1)[0::2].tolist()
    assert [int(byte) & 15 for byte in bytes_] == tiles.reshape(-1)[1::2].tolist()


DRAWN = """() => {
  const root = document.querySelector('.dacl-explainer');
  return root.outerHTML + [...root.querySelectorAll('canvas')].map(canvas => canvas.toDataURL()).join();
}"""


@in_browser
def test_the_keyboard_reaches_every_quantity(page: Any) -> None:
    page.reload()
    page.locator(".whole b").wait_for()
    for name in ("tiles", "x", "p", "a", "s", "d"):
        plot = page.locator(f"[data-plot={name}]")
        plot.focus()
        plot.press("Home")
        before = plot.get_attribute("aria-valuetext")
        plot.press("ArrowRight")
        after = plot.get_attribute("aria-valuetext")
        assert before != after and plot.get_attribute("aria-valuenow") == "2"
        assert all(word in after for word in ("x ", "c ", "a ", "Eq. 9 ", "Eq. 10 ", "Δc ", "p_in "))
        assert after.split(":")[0] in page.locator(".status").inner_text()
    latent = page.locator("[data-plot=e]")
    latent.press("End")
    assert latent.get_attribute("aria-valuetext").startswith("e 15: ")
    sheet = page.locator(".sheet")
    sheet.press("Home")
    sheet.press("ArrowDown")
    sheet.press("ArrowRight")
    assert "Face 9 is labelled fear" in page.locator(".words").inner_text()
    page.locator(".numbers summary").press("Enter")
    page.locator(".numbers tbody tr").nth(127).wait_for()
    assert page.locator(".numbers tbody tr").count() == 128


@in_browser
def test_hovering_lights_the_equation_its_line_and_back(page: Any) -> None:
    page.locator("[data-panel=sparse] h2").hover()
    lit = "() => [...document.querySelectorAll('.lists .lit')].map(item => item.dataset.line ?? item.dataset.eq)"
    assert page.evaluate(lit) == ["3", "4", "7"]
    page.locator(".equations [data-eq='11']").hover()
    assert page.locator("[data-panel=center]").get_attribute("class") == "panel lit"
    assert page.evaluate(lit) == ["11", "13", "15"]
    page.locator(".algorithm [data-line='5']").hover()
    assert page.evaluate("() => [...document.querySelectorAll('.panel.lit')].map(panel => panel.dataset.panel)") == [
        "encoder",
        "attention",
    ]


STARTS = [
    {"face": 0},
    {"face": 40, "run": 0, "stage": 0, "other": 3, "silenced": 60},  # softmax loss, before training
    {"face": 83, "control": "permuted", "batch": "all", "lam": 1, "sort": "index"},
]


@in_browser
@pytest.mark.parametrize("start", STARTS)
def test_the_tour_is_walked_by_keys_and_answers_four_questions(page: Any, start: dict[str, Any]) -> None:
    page.locator("[data-do=reset]").click()
    page.evaluate("changes => window.explainer.set(changes)", start)
    page.locator("[data-do=tour]").press("Enter")
    assert page.evaluate("() => explainer.state.stage - explainer.data.runs[explainer.state.run].stages.length") == -1
    told = []
    for step in range(8):
        assert f"Step {step + 1} of 8" in page.locator(".tour .where").inner_text()
        assert page.locator(".panel.toured").count() >= 1
        told.append(page.locator(".tour").inner_text())
        page.keyboard.press("ArrowRight")
    assert page.locator(".tour").is_hidden() and page.evaluate("() => window.explainer.state.control") == "learned"
    told_in_all = " ".join(" ".join(told).split())
    for answer in (
        "a multiplies the squared distances", "the prediction never sees it", "does not move centers", "So: no.",
    ):  # fmt: skip
        assert answer in told_in_all
    rising = page.evaluate("() => window.explainer.set({run: window.explainer.state.run}).rising")
    assert 0 < rising < 128


@in_browser
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_a_step_of_the_tour_hides_nothing_of_what_it_speaks_of(
    browser: Any, page: Any, width: int, height: int
) -> None:
    other = browser.new_page(viewport={"width": width, "height": height}, has_touch=True, reduced_motion="reduce")
    other.set_default_timeout(120_000)
    other.goto(page.file.as_uri())
    other.locator("[data-do=tour]").press("Enter")
    other.keyboard.press("Tab")
    for name in ("maps", "x", "class", "sparse", "attention", "sparse", "step", "center"):
        for part in (":is(.plot, .tiles, .classes)", "h2") if name != "maps" else ("h2",):
            assert other.locator(f"[data-panel={name}] {part}").first.evaluate("""part => {
                const {left, top, bottom} = part.getBoundingClientRect();
                return [top + 2, bottom - 3].every(y => part.contains(document.elementFromPoint(left + 4, y)));
            }"""), f"{name} {part}"
        assert other.evaluate("() => document.activeElement.dataset.do") == "next"
        other.keyboard.press("Enter")
    assert other.evaluate("() => [document.activeElement.dataset.do, explainer.state.batch]") == ["tour", "face"]
    other.locator("[data-plot=x]").tap()
    assert "dimension" in other.locator(".status").inner_text()
    other.close()


@in_browser
def test_the_change_of_attention_is_drawn_for_a_learning_rate_of_one(page: Any, runs: list[ExplainedRun]) -> None:
    page.evaluate("() => { window.explainer.set({face: 3}); document.querySelector('[data-do=reset]').click(); }")
    shown = page.evaluate("() => [window.explainer.data.runs[window.explainer.state.run], window.explainer.state.face]")
    (stage,) = [run.stages[-1] for run in runs if (run.config.method, run.config.seed) == ("dacl", shown[0]["seed"])]
    largest = float(np.abs(stage.change[shown[1]].astype(float)).max() * stage.rate[0])
    text = page.locator("[data-axis=w] span").last.inner_text()
    assert float(text.split(" to ")[1]) == pytest.approx(largest, rel=5e-3)


@in_browser
def test_silencing_changes_the_prediction_and_attention_does_not(page: Any) -> None:
    read = "() => document.querySelector('.classes').innerText"
    page.evaluate("() => window.explainer.set({face: 3, other: null, control: 'learned', silenced: 0})")
    whole = page.evaluate(read)
    page.locator("[data-set=control]").select_option("ones")
    assert page.evaluate(read) == whole
    page.locator("[data-set=silenced]").press("End")
    assert page.evaluate(read) != whole
    page.locator("[data-do=reset]").click()
    assert page.evaluate("() => [window.explainer.state.silenced, window.explainer.state.control]") == [0, "learned"]


@in_browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing(browser: Any, page: Any, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    other = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=True)
    other.set_default_timeout(120_000)
    other.goto(page.file.as_uri())
    other.locator(".whole b").wait_for()
    other.locator("[data-do=tour]").click()
    other.locator(".numbers summary").click()
    found = Axe().run(other).response["violations"]
    assert [(v["id"], [node["html"][:120] for node in v["nodes"]]) for v in found] == []
    assert other.evaluate("() => document.documentElement.scrollWidth") <= width
    other.close()


@in_browser
def test_how_long_it_takes(page: Any) -> None:
    page.reload()
    page.locator(".whole b").wait_for()
    drawn = page.evaluate("() => performance.getEntriesByName('explainer-drawn')[0].startTime")
    print(f"drawn after {drawn:.0f} ms")
    pairs = {
        "face": (9, 10), "lam": (0.1, 0.01), "batch": ("all", "face"), "control": ("permuted", "learned"),
        "silenced": (40, 0), "step": (0.05, 0), "stage": (0, 5), "run": (0, 6), "other": (20, None),
    }  # fmt: skip
    for name, values in pairs.items():
        page.evaluate(TIMED, {name: values[1]})
        drawn_before = page.evaluate(DRAWN)
        took = [page.evaluate(TIMED, {name: values[0]})]
        assert page.evaluate(DRAWN) != drawn_before, f"when the call has returned, {name} is drawn"
        took += [page.evaluate(TIMED, {name: value}) for value in values * 4]
        print(f"{name}: {min(took):.0f} to {max(took):.0f} ms")


@in_browser
@pytest.mark.browser
def test_the_widget_answers_in_jupyterlab(browser: Any, tmp_path: Path) -> None:
    v4 = nbformat.v4
    cells = [v4.new_code_cell("from dacl_edu.widgets.explainer import explainer\n\nexplainer()")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "explainer.ipynb")
    with jupyterlab(tmp_path) as url:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(120_000)
        page.goto(f"{url}/lab/workspaces/w/tree/explainer.ipynb")
        page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.context?.path === 'explainer.ipynb'")
        page.evaluate("""async () => {
            const panel = window.jupyterapp.shell.currentWidget;
            await panel.context.ready; await panel.sessionContext.ready;
            await window.jupyterapp.commands.execute('notebook:run-all-cells'); }""")
        shown = page.locator(".jp-OutputArea .dacl-explainer")
        shown.locator(".whole b").wait_for()
        before = shown.locator(".whole").inner_text()
        shown.locator("[data-set=lam]").press("End")
        after = shown.locator(".whole").inner_text()
        assert after != before and "+ 1 × " in after
        shown.locator(".sheet").press("Home")
        shown.locator(".sheet").press("ArrowDown")
        assert "Face 8 is labelled" in shown.locator(".words").inner_text()
        assert shown.locator(".equations a.tag").count() == 13, "each equation leads to its lesson"
        assert shown.evaluate("panel => panel.scrollWidth <= panel.parentElement.clientWidth")
        page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")
