"""Faces that a network classified rightly and wrongly, as in Fig. 3 of the paper."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike
from plotly.graph_objects import Figure
from torch import Tensor

from dacl_edu.errors import UserError
from dacl_edu.plots.faces import face_sheet
from dacl_edu.plots.style import finish

MOST_COLUMNS = 12
"""Classes that one sheet of samples shows."""


def most_confident(labels: Tensor, probability: Tensor, correct: bool, per_class: int = 1) -> list[list[int]]:
    """Return for each true class the images whose answer is most confident, among the correct or the wrong ones.

    From labels (n,) and probabilities (n, K), K lists of at most ``per_class`` positions; an image whose probabilities
    are not numbers is in none.

    Examples
    --------
    >>> p = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]])
    >>> y = torch.tensor([0, 0, 1])
    >>> most_confident(y, p, correct=True), most_confident(y, p, correct=False)
    ([[0], []], [[], [2]])
    """
    sure, answer = probability.max(dim=1)
    order = sure.argsort(descending=True, stable=True)
    kept = order[((answer == labels) == correct)[order] & sure[order].isfinite()]
    return [kept[labels[kept] == label][:per_class].tolist() for label in range(probability.shape[1])]


def correct_and_wrong(
    images: ArrayLike,
    labels: ArrayLike,
    probability: ArrayLike,
    classes: Sequence[str],
    per_class: int = 1,
    name: str = "",
    side: int = 108,
) -> Figure:
    """Draw the most confident correct answers of each class above the most confident wrong ones.

    Of more than 12 classes, the 12 whose wrong answer is the most confident are drawn.

    Below each face, "p" is the prediction and "t" the truth.

    Parameters
    ----------
    images : array or Tensor, shape (n, 3, H, W), uint8
    labels : array or Tensor, shape (n,)
    probability : array or Tensor, shape (n, K)
    classes : sequence of str, length K
        One column each.
    per_class : int, default 1
        Rows of correct answers, and of wrong ones.
    name : str, optional
        The method, for the title.
    side : int, default 108
        Pixels of a face on the screen.

    Returns
    -------
    Figure
        ``data[0].text`` are the captions and ``data[0].customdata`` the positions of the images, -1 for an empty place.

    Examples
    --------
    >>> images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    >>> figure = correct_and_wrong(images, [0, 1], [[0.9, 0.1], [0.8, 0.2]], ["fear", "anger"])
    >>> figure.data[0].text
    ('p: fear 90 %<br>t: fear', 'none', 'none', 'p: fear 80 %<br>t: anger')
    """
    faces, truth, p = torch.as_tensor(images), torch.as_tensor(labels), torch.as_tensor(probability)
    if p.dim() != 2 or not (len(faces) == len(truth) == len(p) > 0) or p.shape[1] != len(classes):
        raise UserError(
            f"images {tuple(faces.shape)}, labels {tuple(truth.shape)} and probabilities {tuple(p.shape)}",
            hint=f"one row an image and one column for each of the {len(classes)} classes",
        )
    if len(truth) and not 0 <= int(truth.min()) <= int(truth.max()) < len(classes):
        raise UserError(
            f"labels from {int(truth.min())} to {int(truth.max())}", hint=f"the {len(classes)} classes are 0, 1, …"
        )
    sure, answer = p.max(dim=1)
    shown = list(range(len(classes)))
    if len(classes) > MOST_COLUMNS:
        worst = [max((float(sure[i]) for i in of_class), default=0.0) for of_class in most_confident(truth, p, False)]
        shown = sorted(sorted(shown, key=lambda k: -worst[k])[:MOST_COLUMNS])
    places: list[int] = []
    for correct in (True, False):
        found = most_confident(truth, p, correct, per_class)
        for row in range(per_class):
            places += [found[k][row] if row < len(found[k]) else -1 for k in shown]
    predicted, true = ([classes[k] for k in labels_of.tolist()] for labels_of in (answer, truth))
    captions = [f"p: {predicted[i]} {100 * sure[i]:.0f} %<br>t: {true[i]}" if i >= 0 else "none" for i in places]
    blank = torch.full_like(faces[:1], 255)
    sheet = torch.cat([faces[i : i + 1] if i >= 0 else blank for i in places])
    hover = [
        f"image {i}: true class {true[i]}, predicted {predicted[i]}, probability {sure[i]:.3f}"
        if i >= 0
        else "no such image"
        for i in places
    ]
    rows = ["correct"] * per_class + ["wrong"] * per_class
    title = f"{name}: confident and correct (above), confident and wrong (below)".removeprefix(": ")
    figure = face_sheet(sheet, len(shown), captions, rows, title, side, hover)
    figure.data[0].customdata = places
    half = per_class * len(shown)
    wrong = [captions[at].replace("<br>", ", ") for at in range(half, 2 * half) if places[at] >= 0]
    return finish(
        figure,
        title,
        f"Faces in {len(rows)} rows, one column a true class: answers that are correct above, wrong below. "
        f"The wrong ones, prediction and truth: {'; '.join(wrong) or 'none'}.",
    )
