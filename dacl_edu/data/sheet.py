"""A contact sheet: some images of every class, to be looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from dacl_edu.data.listing import Listing
from dacl_edu.errors import UserError
from dacl_edu.files import replacing

_GAP = 2
_MARGIN = 84


def contact_sheet(listing: Listing, columns: int = 12, size: int = 64) -> Image.Image:
    """One row a class, of at most `columns` images of `size` pixels, spread evenly over the split.

    A class without images has an empty row; an image that cannot be decoded is crossed out.
    """
    labels = np.asarray(listing.labels)
    step = size + _GAP
    sheet = Image.new("RGB", (_MARGIN + columns * step, len(listing.classes) * step + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for label, name in enumerate(listing.classes):
        rows = np.flatnonzero(labels == label)
        top = _GAP + label * step
        draw.text((4, top + size // 2 - 10), f"{name}\n{len(rows):,}", fill="black")
        for at, row in enumerate(rows[np.linspace(0, len(rows) - 1, min(columns, len(rows)), dtype=int)]):
            left = _MARGIN + at * step
            try:
                sheet.paste(Image.fromarray(listing.decode(int(row), size).transpose(1, 2, 0)), (left, top))
            except UserError:
                draw.line((left, top, left + size, top + size), fill="red", width=2)
                draw.line((left, top + size, left + size, top), fill="red", width=2)
    return sheet


def save_sheet(listing: Listing, path: Path) -> None:
    """Write the contact sheet of a split as a PNG file.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            contact_sheet(listing).save(beside, "PNG")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error})", hint="give another file (--sheet)") from error
