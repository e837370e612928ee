"""Faces in rows and columns, as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from plotly.graph_objects import Figure
from torch import Tensor

from dacl_edu.errors import UserError
from dacl_edu.plots.style import finish
from dacl_edu.plots.thumbnails import jpeg


def face_sheet(
    images: Tensor,
    columns: int,
    captions: Sequence[str] = (),
    row_names: Sequence[str] = (),
    title: str = "",
    side: int = 84,
    hover: Sequence[str] = (),
) -> Figure:
    """Draw images (n, 3, H, W) uint8 in rows of ``columns``, from the top left.

    Parameters
    ----------
    images : Tensor
        (n, 3, H, W) uint8.
    columns : int
    captions : sequence of str, optional
        (n,) a line below each image.
    row_names : sequence of str, optional
        One a row, at its left.
    title : str, optional
    side : int, default 84
        Pixels that an image takes on the screen.
    hover : sequence of str, optional
        (n,) what is said when the pointer is on an image; by default its caption.

    Returns
    -------
    Figure
        The faces are a picture in the layout; the captions are its first trace, so that they can be read and tested.
        A second trace, unseen, answers the pointer where there is something to say.

    Examples
    --------
    >>> figure = face_sheet(torch.zeros(3, 3, 8, 8, dtype=torch.uint8), columns=2, captions=["a", "b", "c"])
    >>> figure.data[0].text
    ('a', 'b', 'c')
    """
    if images.dim() != 4 or not len(images) or images.dtype != torch.uint8:
        raise UserError(
            f"images {tuple(images.shape)} of {images.dtype}", hint="a sheet needs (n, 3, H, W) uint8, n > 0"
        )
    count, _, height, width = images.shape
    rows = -(-count // columns)
    sheet = torch.full((rows * columns, 3, height, width), 255, dtype=torch.uint8)
    sheet[:count] = images
    picture = sheet.view(rows, columns, 3, height, width).permute(0, 3, 1, 4, 2)  # (rows, H, columns, W, 3)
    gap = 0.28 if captions else 0.04  # of an image's height, below each row
    figure = Figure()
    for row in range(rows):
        strip = picture[row].reshape(height, columns * width, 3).numpy()
        figure.add_layout_image(
            source=jpeg(Image.fromarray(strip), 88), x=0, y=row * (1 + gap), sizex=columns, sizey=1, xref="x", yref="y",
            sizing="stretch", yanchor="top",
        )  # fmt: skip
    places = np.arange(count)
    figure.add_scatter(
        x=places % columns + 0.5,
        y=(places // columns) * (1 + gap) + 1 + gap / 2,
        text=list(captions) or None,
        mode="text" if captions else "none",
        textfont={"size": 10},
        hoverinfo="skip",
        showlegend=False,
    )
    said = [text.replace("<br>", ", ") for text in (hover or captions)]
    if said:
        figure.add_scatter(
            x=places % columns + 0.5,
            y=(places // columns) * (1 + gap) + 0.5,
            hovertext=said,
            hoverinfo="text",
            mode="markers",
            marker={"size": side * 0.9, "opacity": 0, "symbol": "square"},
            showlegend=False,
        )
    left = 14 + 8 * max((len(name) for name in row_names), default=0)
    top = 44 if title else 8
    figure.update_xaxes(range=[0, columns], visible=False)
    figure.update_yaxes(
        range=[rows * (1 + gap), 0],
        tickvals=[row * (1 + gap) + 0.5 for row in range(len(row_names))],
        ticktext=list(row_names),
        visible=bool(row_names),
        showgrid=False,
        zeroline=False,
    )
    return finish(
        figure,
        title,
        _words(count, rows, columns, captions, row_names),
        width=columns * side + left + 12,
        height=int(rows * (1 + gap) * side) + top + 8,
        margin={"l": left, "r": 12, "t": top, "b": 8},
        plot_bgcolor="white",
        hovermode="closest",
    )


def _words(count: int, rows: int, columns: int, captions: Sequence[str], row_names: Sequence[str]) -> str:
    words = f"{count} faces in {rows} rows of {columns}."
    if row_names:
        words += f" Rows: {', '.join(row_names)}."
    if captions:
        words += f" Captions: {'; '.join(text.replace('<br>', ', ') for text in captions)}."
    return words
