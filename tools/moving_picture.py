"""The first picture of the course: deep features of three methods while they learn, side by side."""

from __future__ import annotations

import numpy as np

from dacl_edu.data import EXPRESSIONS
from dacl_edu.plots.style import class_look
from dacl_edu.runs import Run, shipped_runs
from tools.drawing import Sheet

_PANEL, _TOP, _SECONDS = 240, 64, 8
_SHAPES = (
    '<circle r="3.6"/>', '<rect x="-3.2" y="-3.2" width="6.4" height="6.4"/>', '<path d="M0-4.6 4.6 0 0 4.6-4.6 0z"/>',
    '<path d="M0-4.4 4.4 3.4H-4.4z"/>', '<path d="M0 4.4 4.4-3.4H-4.4z"/>',
    '<path d="M-1.4-4.4h2.8v3h3v2.8h-3v3h-2.8v-3h-3v-2.8h3z"/>',
    '<path d="M-4-2.4-2.4-4 0-1.6 2.4-4 4-2.4 1.6 0 4 2.4 2.4 4 0 1.6-2.4 4-4 2.4-1.6 0z"/>',
)  # fmt: skip


def three_methods(per_class: int = 10) -> Sheet:
    """Draw the snapshots of the shipped runs of seed 0, in the plane of each method's last epoch.

    It plays three times and stays at the last epoch, which is also what a viewer without animation shows.

    Parameters
    ----------
    per_class : int, default 10
        Images of each class.
    """
    runs = {run.config.method: run for run in shipped_runs() if run.snapshots()}
    alt = (
        "Moving picture. Three clouds of points, softmax loss, center loss and DACL, from epoch 0 to 28. Each point "
        "is a face. At first all are one heap; in each panel the seven expressions move apart, and at the end the "
        "three look much alike."
    )
    sheet = Sheet(760, 386, alt)
    rule = "".join(f".k{k} {{ fill: {class_look(k).colour}; }} " for k in range(len(EXPRESSIONS)))
    bright = "@media (prefers-color-scheme: dark) { .k5 { fill: #dddddd; } }"  # the black one
    sheet.marks.append(f"<style>{rule}{bright}</style>")
    sheet.marks += [f'<defs><g id="s{k}">{shape}</g></defs>' for k, shape in enumerate(_SHAPES)]
    target: np.ndarray | None = None
    for column, method in enumerate(("softmax", "center", "dacl")):
        paths, labels, epochs, means = _paths(runs[method], per_class, target)
        target = means if target is None else target
        left = 14 + column * (_PANEL + 6)
        name = {"softmax": "softmax loss", "center": "center loss", "dacl": "DACL"}[method]
        sheet.text(left + _PANEL / 2, 26, name, "strong")
        sheet.box(left, _TOP - 22, _PANEL, _PANEL + 22, kind="cell")
        for path, label in zip(paths, labels, strict=True):
            places = [f"{left + _PANEL / 2 + x:.0f} {_TOP + _PANEL / 2 - 11 + y:.0f}" for x, y in path]
            sheet.marks.append(
                f'<use href="#s{label}" class="k{label}" transform="translate({places[-1]})"><animateTransform '
                f'attributeName="transform" type="translate" dur="{_SECONDS}s" repeatCount="3" fill="freeze" '
                f'values="{";".join([*places, places[-1]])}"/></use>'
            )
    _clock(sheet, epochs)
    for k, words in enumerate(EXPRESSIONS):
        x = 40 + k * 102
        sheet.marks.append(f'<use href="#s{k}" class="k{k}" transform="translate({x} 356)"/>')
        sheet.text(x + 9, 356, words, "quiet", "start")
    return sheet


def _paths(run: Run, per_class: int, target: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, list[int], np.ndarray]:
    """Return (points, epochs, 2) in pixels, labels, epochs, and the class means at last, turned onto ``target``."""
    shots = run.snapshots()
    labels = shots[-1].deep.labels.numpy()
    last = shots[-1].deep.features.double().numpy()
    middle = last.mean(axis=0)
    _, _, directions = np.linalg.svd(last - middle, full_matrices=False)
    flat = np.stack([(s.deep.features.double().numpy() - middle) @ directions[:2].T for s in shots], axis=1)
    means = np.stack([flat[labels == k, -1].mean(axis=0) for k in range(labels.max() + 1)])
    if target is None:
        turn = np.diag(np.sign(means[0]))  # the first class to the lower right, whatever the signs of the directions
    else:
        left, _, right = np.linalg.svd(means.T @ target)
        turn = left @ right
    rows = np.concatenate([np.flatnonzero(labels == k)[:per_class] for k in range(labels.max() + 1)])
    drawn = flat[rows] @ turn
    low, high = drawn.min(axis=(0, 1)), drawn.max(axis=(0, 1))  # of all epochs: a point stays in its panel
    scale = 0.92 * _PANEL / (high - low).max()
    return scale * (drawn - (low + high) / 2), labels[rows], [s.epoch for s in shots], means @ turn


def _clock(sheet: Sheet, epochs: list[int]) -> None:
    """Write the epoch, one after the other."""
    for place, epoch in enumerate(epochs):
        shown = ["visible" if moment == min(place, len(epochs) - 1) else "hidden" for moment in range(len(epochs))]
        last = "visible" if place == len(epochs) - 1 else "hidden"
        sheet.marks.append(
            f'<text x="380" y="333" text-anchor="middle" class="strong" visibility="{last}">epoch {epoch}'
            f'<animate attributeName="visibility" dur="{_SECONDS}s" repeatCount="3" fill="freeze" calcMode="discrete" '
            f'values="{";".join([*shown, last])}"/></text>'
        )
