"""The confusion explorer: choose a cell of a confusion matrix, see its faces, the most confident first."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from dacl_edu.errors import UserError

if TYPE_CHECKING:
    import ipywidgets as widgets
    from plotly.graph_objects import Figure

    from dacl_edu.runs.run import Run

MOST = 16
COLUMNS, SIDE = 4, 112  # matrix and faces stand side by side
ORDERS = ("most confident first", "least confident first")


class Cell(NamedTuple):
    """One cell of a confusion matrix.

    Attributes
    ----------
    rows : Tensor, shape (n,)
        Positions in the predictions, sorted by probability.
    probability : Tensor, shape (n,)
        Of the predicted class.
    """

    rows: Tensor
    probability: Tensor


def cell_of(logits: Tensor, labels: Tensor, true: int, predicted: int, order: str = ORDERS[0]) -> Cell:
    """Return the images of class ``true`` that were taken for ``predicted``, sorted by probability.

    From logits (n, K) and labels (n,); ``order`` is one of :data:`ORDERS`.

    Examples
    --------
    >>> logits = torch.tensor([[0.0, 2.0], [0.0, 3.0], [1.0, 0.0]])
    >>> cell_of(logits, torch.tensor([0, 0, 0]), true=0, predicted=1).rows.tolist()
    [1, 0]
    """
    probability = logits.double().softmax(dim=1)  # (n, K)
    taken = (logits.argmax(dim=1) == predicted) & (labels == true) & probability[:, predicted].isfinite()
    rows = taken.nonzero()[:, 0]
    sure = probability[rows, predicted]
    sequence = sure.argsort(descending=order == ORDERS[0], stable=True)
    return Cell(rows[sequence], sure[sequence])


def counts_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Count the images of each cell, (K, K); rows are true classes. Images whose logits are not numbers are left out.

    Examples
    --------
    >>> counts_of(torch.tensor([[0.0, 2.0], [3.0, 0.0]]), torch.tensor([0, 0])).tolist()
    [[1, 1], [0, 0]]
    """
    good = logits.isfinite().all(dim=1)
    number = logits.shape[1]
    return torch.bincount(labels[good] * number + logits[good].argmax(dim=1), minlength=number**2).view(number, number)


def most_confused(counts: Tensor) -> tuple[int, int]:
    """Return the fullest cell off the diagonal, or (0, 0) where nothing is wrong.

    Examples
    --------
    >>> most_confused(torch.tensor([[5, 1], [3, 9]]))
    (1, 0)
    """
    wrong = counts - torch.diag(counts.diagonal())
    true, predicted = divmod(int(wrong.argmax()), len(counts))
    return true, predicted


def heading(cell: Cell, names: tuple[str, str], order: str) -> str:
    """Say what a cell holds, and how much of it is shown.

    Examples
    --------
    >>> heading(Cell(torch.arange(30), torch.ones(30)), ("fear", "surprise"), "most confident first")
    'fear taken for surprise: 16 of 30 images, most confident first'
    """
    true, predicted = names
    relation = f"{true}, recognised" if true == predicted else f"{true} taken for {predicted}"
    count = len(cell.rows)
    if not count:
        return f"{relation}: no image"
    return f"{relation}: {count if count <= MOST else f'{MOST} of {count}'} image{'s' * (count > 1)}, {order}"


def faces_of(images: Tensor, indices: Tensor, cell: Cell, names: tuple[str, str]) -> str:
    """Return the first 16 faces of a cell as HTML, each with probability, image number and a text alternative.

    ``images`` (N, 3, H, W) uint8 are the whole split, ``indices`` (n,) the row in it of each prediction, ``names`` the
    true and the predicted class. Empty for a cell without images.
    """
    from dacl_edu.plots.thumbnails import thumbnails

    few = indices[cell.rows[:MOST]]
    true, predicted = (html.escape(name) for name in names)
    made = []
    sources = thumbnails(images[few], side=96, quality=85) if len(few) else []
    for source, number, p in zip(sources, few.tolist(), cell.probability.tolist(), strict=False):
        made.append(
            f"<figure style='margin:0 4px 6px 0;width:{SIDE}px;text-align:center;font-size:11px;line-height:1.25'>"
            f"<img src='{source}' width='{SIDE}' height='{SIDE}' alt='image {number}: {true}, taken for {predicted}'>"
            f"<figcaption>{100 * p:.1f} %<br>image {number}</figcaption></figure>"
        )
    return f"<div style='display:flex;flex-wrap:wrap;max-width:{COLUMNS * (SIDE + 5)}px'>{''.join(made)}</div>"


def confusion_explorer(
    runs: str | Path | Sequence[str | Path | Run] = "",
) -> widgets.VBox:  # fmt: skip
    """Return the explorer: a list of runs, their confusion matrix, and the faces of the cell that is clicked.

    Parameters
    ----------
    runs : path, or sequence of paths or of runs
        As for :func:`dacl_edu.runs.find_runs`; those that come with the project if left out.

    Returns
    -------
    ipywidgets.VBox
        A sentence that says what is missing, where something is.
    """
    from dacl_edu.widgets import layout

    try:
        found = layout.runs_of(runs)
        return _Confusion(found).widget
    except UserError as error:
        return layout.rows(layout.text(f"The confusion explorer has nothing to show: {error}."))


class _Confusion:
    """Controls and figures, held together."""

    def __init__(self, runs: Sequence[Run]) -> None:
        from dacl_edu.widgets import layout

        self._layout = layout
        named: dict[str, Run] = {}
        for run in runs:
            name = layout.run_name(run)
            named[name if name not in named else f"{name} ({run.folder.name})"] = run
        self._images: dict[tuple[Any, ...], Tensor] = {}
        self.run = layout.choice("run", list(named.items()), next(iter(named.values())), "Whose mistakes are shown.")
        classes = self._classes()
        first = most_confused(self._counts())
        numbered = [(name, place) for place, name in enumerate(classes)]
        self.true = layout.choice("true class", numbered, first[0], "Row of the matrix: what the face shows.")
        self.predicted = layout.choice("predicted", numbered, first[1], "Column: what the network said.")
        self.order = layout.choice("order", ORDERS, ORDERS[0], "By the probability of the predicted class.")
        self.help = layout.text("Click a cell, or choose true class and prediction in the lists.")
        self.words, self.faces = layout.text(), layout.text()
        self.matrix = layout.live(self._matrix_figure())
        self.matrix.data[0].on_click(self._clicked)
        layout.watch([self.run], self._other_run)
        layout.watch([self.true, self.predicted, self.order], self._other_cell)
        controls = [self.run, self.true, self.predicted, self.order]
        self.widget = layout.rows(controls, self.help, [self.matrix, layout.rows(self.words, self.faces)])
        self._tell()

    def _classes(self) -> list[str]:
        return list(self.run.value.result["classes"])

    def _counts(self) -> Tensor:
        predictions = self.run.value.predictions
        return counts_of(predictions.logits, predictions.labels)

    def _matrix_figure(self) -> Figure:
        from dacl_edu.plots import confusion_matrices

        counts, classes = self._counts(), self._classes()
        figure = confusion_matrices({self._layout.run_name(self.run.value): counts.numpy()}, classes, cell=43)
        figure.update_traces(hovertemplate="%{customdata} images of %{y}<br>taken for %{x}, %{z} %<extra></extra>")
        title = {"text": "Percent of the true class, images below", "font": {"size": 13}, "x": 0.03}
        return figure.update_layout(shapes=[self._frame()], clickmode="event", title=title)

    def _frame(self) -> dict[str, Any]:
        x, y = self.predicted.value, self.true.value
        return {
            "type": "rect", "x0": x - 0.48, "x1": x + 0.48, "y0": y - 0.48, "y1": y + 0.48,
            "line": {"color": "#D55E00", "width": 4},
        }  # fmt: skip

    def _tell(self) -> None:
        run, classes = self.run.value, self._classes()
        p = run.predictions
        cell = cell_of(p.logits, p.labels, self.true.value, self.predicted.value, self.order.value)
        names = classes[self.true.value], classes[self.predicted.value]
        self.faces.value = faces_of(self._split(), p.indices, cell, names)
        self._layout.say(self.words, f"{heading(cell, names, self.order.value)}.")

    def _split(self) -> Tensor:
        from dacl_edu.runs.splits import load_split

        run = self.run.value
        key = (run.config.data, run.config.root, run.config.load_size, run.config.limit, run.result["split"])
        if key not in self._images:
            self._images[key] = load_split(run.config, run.result["split"]).images
        return self._images[key]

    def _other_run(self) -> None:
        self._layout.follow(self.matrix, self._matrix_figure(), ("meta", "annotations", "shapes"))
        self._other_cell()

    def _other_cell(self) -> None:
        self.matrix.layout.shapes = [self._frame()]
        try:
            self._tell()
        except UserError as error:
            self.faces.value = ""
            self._layout.say(self.words, f"The faces cannot be shown: {error}.")

    def _clicked(self, trace: Any, points: Any, state: Any) -> None:
        if not points.point_inds:
            return
        row, column = points.point_inds[0]
        with self.true.hold_trait_notifications(), self.predicted.hold_trait_notifications():
            self.true.value, self.predicted.value = int(row), int(column)
