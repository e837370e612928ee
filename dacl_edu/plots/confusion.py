"""Which class is taken for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from dacl_edu.errors import UserError
from dacl_edu.plots.style import BLACK, SKY, finish

_COLUMNS = 3
_WRITTEN = 20  # classes up to which percent and counts are written into the cells
_LARGEST, _LINE = 780, 11  # pixels: side of a matrix without numbers, height of a line of text
_DARK = [[0.0, "#ffffff"], [0.1, SKY], [1.0, BLACK]]  # few percent off the diagonal must be seen
_LIGHT = [[0.0, "#f6fafd"], [1.0, SKY]]  # light all along, so that the numbers in the cells can be read


def confusion_matrices(counts: Mapping[str, ArrayLike], classes: Sequence[str], cell: int = 31) -> Figure:
    """Draw confusion matrices side by side, as in Fig. 4 of the paper, with percent and counts in the cells.

    Parameters
    ----------
    counts : mapping of str to (K, K) counts
        Name of a method → rows are true classes, columns predicted ones.
    classes : sequence of str
    cell : int, default 31
        Pixels of a cell.

    Returns
    -------
    Figure
        One heat map a method, three in a row; ``z`` holds percent of the true class, None where a class does not occur,
        ``customdata`` the counts.

    Examples
    --------
    >>> figure = confusion_matrices({"toy": [[3, 1], [0, 2]]}, ["a", "b"])
    >>> figure.data[0].z
    ([75, 25], [0, 100])
    >>> figure.data[0].text[0]
    ['75 %<br>3', '25 %<br>1']
    """
    number = len(classes)
    matrices = {name: np.asarray(matrix, dtype=float) for name, matrix in counts.items()}
    for name, matrix in matrices.items():
        if matrix.shape != (number, number):
            raise UserError(f"{name}: counts of shape {matrix.shape}", hint=f"{number} classes need {(number, number)}")
    if not matrices:
        raise UserError("no confusion matrix to draw", hint="name at least one method")
    columns = min(len(matrices), _COLUMNS if number <= _WRITTEN else 1)
    rows = -(-len(matrices) // columns)
    written = number <= _WRITTEN
    if not written:  # the colour says it, the pointer gives the number
        cell = max(_LARGEST // number, 6)
    side = max(cell * number, 150)
    room = 6 * max(0, max(map(len, classes)) - 12) if len(classes) else 0  # for longer names
    left, right, top, bottom, across, down = 90 + room, 20, 80, 95 + room, 24, 135 + room  # pixels
    wide, high = columns * side + (columns - 1) * across, rows * side + (rows - 1) * down
    figure = make_subplots(
        rows=rows, cols=columns, subplot_titles=list(matrices), shared_yaxes=True,
        horizontal_spacing=across / wide, vertical_spacing=down / high,
    )  # fmt: skip
    for index, (name, matrix) in enumerate(matrices.items()):
        place = {"row": index // columns + 1, "col": index % columns + 1}
        support = matrix.sum(axis=1)  # (K,)
        percent = [
            [round(100 * value / total) if total else None for value in row]
            for row, total in zip(matrix.tolist(), support.tolist(), strict=True)
        ]
        figure.add_heatmap(
            z=percent,
            x=list(classes),
            y=list(classes),
            zmin=0,
            zmax=100,
            colorscale=_LIGHT if written else _DARK,
            text=[
                ["" if p is None or not written else f"{p} %<br>{n:.0f}" for p, n in zip(*row, strict=True)]
                for row in zip(percent, matrix, strict=True)
            ],
            texttemplate="%{text}",
            textfont={"size": 9 if cell < 40 else 11, "color": "#111111"},
            customdata=matrix.astype(int).tolist(),
            showscale=not written and index == 0,  # else the numbers are written in the cells
            xgap=int(written),
            ygap=int(written),
            hovertemplate=f"{name}: %{{customdata}} images of %{{y}} taken for %{{x}}, %{{z}} %<extra></extra>",
            **place,
        )
        for label in np.flatnonzero(support == 0).tolist():
            figure.add_annotation(
                x=classes[number // 2], y=classes[label], text="no image of this class", showarrow=False,
                font={"size": 10 if cell > 12 else 8}, **place,
            )  # fmt: skip
    step = -(-_LINE // cell)  # every so many names have room
    ticks = {"tickvals": list(classes)[::step]} if step > 1 else {}
    figure.update_xaxes(tickangle=-45 if written else -90, showgrid=False, **ticks)
    figure.update_yaxes(autorange="reversed", showgrid=False, **ticks)
    figure.update_xaxes(title={"text": "predicted class", "standoff": 4})
    figure.update_yaxes(title="true class", col=1)
    return finish(
        figure,
        "Confusion matrices: percent of the true class" + (", images below" if written else ""),
        _words(matrices, classes),
        width=wide + left + right,
        height=high + top + bottom,
        margin={"l": left, "r": right, "t": top, "b": bottom},
        font={"size": 11},
    )


def _words(matrices: Mapping[str, np.ndarray], classes: Sequence[str]) -> str:
    said = []
    for name, matrix in matrices.items():
        total = matrix.sum()
        if not total:
            said.append(f"{name}: no images")
            continue
        wrong = matrix - np.diag(matrix.diagonal())
        true, taken = divmod(int(wrong.argmax()), len(classes))
        worst = f", most often {classes[true]} is taken for {classes[taken]} ({wrong.max():.0f} images)"
        said.append(f"{name}: {matrix.trace() / total:.1%} on the diagonal{worst if wrong.any() else ''}")
    return f"Confusion matrices, rows are true classes. {'; '.join(said)}."
