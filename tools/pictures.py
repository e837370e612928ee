"""Pictures for the README and the site's front page: ``python -m tools.pictures``; a name makes one of them alone.

Each is made from what the project holds: a stored lesson, the loss lab's figure after some steps, the report on the
runs that come with the project. Chromium draws them; they are stored small.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dacl_edu import paths

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 900, 600  # pixels as drawn
STORED = 720  # pixels as stored


@contextmanager
def page() -> Iterator[Any]:
    """Open an empty page of a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        yield browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        browser.close()


def lesson(opened: Any, folder: Path) -> bytes:
    """The third lesson, where Eq. 4 stands beside its code."""
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.read(ROOT / "notebooks" / "03_sparse_center_loss.ipynb", as_version=4)
    at = next(i for i, cell in enumerate(notebook.cells) if "eq-4" in cell.metadata.get("tags", []))
    notebook.cells = notebook.cells[max(0, at - 1) : at + 4]
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.plotly.v1+json", None)  # the stored PNG is drawn
    text, _ = HTMLExporter(mathjax_url="").from_notebook_node(notebook)
    file = folder / "lesson.html"
    file.write_text(text, encoding="utf-8")
    opened.goto(file.as_uri())
    return opened.screenshot()


def loss_lab(opened: Any, folder: Path) -> bytes:
    """Features and centers after thirty steps of Eq. 8 and Eq. 11."""
    from dacl_edu.losses import build_loss
    from dacl_edu.widgets.loss_lab import LabSettings, center_step, measure, start, step
    from dacl_edu.widgets.loss_lab_figure import lab_figure

    settings = LabSettings(attention=(1.0, 0.2))
    state, metric = start(settings), build_loss(settings.loss)
    for _ in range(30):
        state = step(state, settings, metric)
    pulls = measure(state, settings, metric)
    losses = (*state.history, (pulls.total, pulls.softmax, pulls.metric))
    figure = lab_figure(
        state.features, state.labels, state.centers, state.center_path, pulls.of_softmax, pulls.of_metric,
        center_step(state, settings, metric), losses, settings.attention, pulls.of_attention.tolist(),
    )  # fmt: skip
    file = folder / "lab.html"
    figure.write_html(file, include_plotlyjs=True, default_width=WIDTH - 20)
    opened.goto(file.as_uri())
    opened.wait_for_selector(".js-plotly-plot .main-svg")
    opened.wait_for_timeout(1000)
    return opened.screenshot()


def report(opened: Any, folder: Path) -> bytes:
    """The training curves of the runs that come with the project, with their bands."""
    from dacl_edu.report.gather import comparable_groups, gather
    from dacl_edu.report.page import render
    from dacl_edu.report.results import results_section, training_section
    from dacl_edu.runs.standing import first_lines

    runs, _ = gather([paths.shipped_runs()])
    sections = [training_section(runs), results_section(comparable_groups(runs))]
    file = folder / "report.html"
    file.write_text(render(sections, "softmax, center, dacl on bundled", first_lines(runs)), encoding="utf-8")
    opened.set_viewport_size({"width": WIDTH * 4 // 3, "height": HEIGHT * 4 // 3})  # more of it, smaller
    opened.goto(file.as_uri())
    opened.wait_for_selector("body[data-drawn]", timeout=120_000)
    return opened.screenshot()


def explainer(opened: Any, folder: Path) -> bytes:
    """The explainer as it opens, its upper part."""
    _open_explainer(opened, folder)
    return opened.screenshot()


def explainer_moves(opened: Any, folder: Path) -> list[bytes]:
    """The explainer in motion: faces, epochs, controls of attention, one gradient step."""
    _open_explainer(opened, folder)
    last = opened.evaluate("() => window.explainer.state.stage")
    moves: list[dict[str, Any]] = [{"face": face} for face in (0, 3, 4, 5)]
    moves += [{"stage": stage} for stage in range(last + 1)]
    moves += [{"control": control} for control in ("ones", "mean", "permuted", "learned")]
    moves += [{"step": step} for step in (0.04, 0.1, 0)]
    frames = []
    for changes in moves:
        opened.evaluate("changes => window.explainer.set(changes)", changes)
        frames.append(opened.screenshot())
    return frames


def _open_explainer(opened: Any, folder: Path) -> None:
    from dacl_edu.widgets.explainer import shipped_payload
    from dacl_edu.widgets.explainer.page import explainer_page

    (folder / "explainer.html").write_text(explainer_page(shipped_payload(), heading=""), encoding="utf-8")
    opened.set_viewport_size({"width": 1180, "height": 960})
    opened.goto((folder / "explainer.html").as_uri())
    opened.locator(".dacl-explainer .whole b").wait_for(timeout=60_000)
    opened.add_style_tag(content=".dacl-explainer .status { display: none }")


PICTURES: dict[str, Callable[[Any, Path], bytes]] = {
    "lesson": lesson, "loss-lab": loss_lab, "report": report, "explainer": explainer,
}  # fmt: skip
MOVING: dict[str, Callable[[Any, Path], list[bytes]]] = {"explainer": explainer_moves}


def _save_moving(pictures: list[bytes], target: Path) -> None:
    """Store frames of one palette as a GIF, 0.8 s each."""
    from PIL import Image

    drawn = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    size = STORED, round(STORED * drawn[0].height / drawn[0].width)
    small = [frame.resize(size, Image.Resampling.LANCZOS) for frame in drawn]
    palette = small[0].quantize(128)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in small]
    frames[0].save(target, save_all=True, append_images=frames[1:], duration=800, loop=0, optimize=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KB")


def main(names: list[str]) -> None:
    """Make the pictures that are named; all of them where none is."""
    from PIL import Image

    FOLDER.mkdir(exist_ok=True)
    with page() as opened, tempfile.TemporaryDirectory() as folder:
        for name in names or PICTURES:
            drawn = Image.open(io.BytesIO(PICTURES[name](opened, Path(folder)))).convert("RGB")
            small = drawn.resize((STORED, round(STORED * drawn.height / drawn.width)), Image.Resampling.LANCZOS)
            target = FOLDER / f"{name}.png"
            small.quantize(256).save(target, optimize=True)
            print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KB")
            if name in MOVING:
                _save_moving(MOVING[name](opened, Path(folder)), target.with_suffix(".gif"))


if __name__ == "__main__":
    main(sys.argv[1:])
