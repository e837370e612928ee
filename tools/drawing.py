"""Small drawings as SVG: boxes, arrows, and tables of numbers with an operator between them.

What is drawn stands in :mod:`tools.drawings`. A drawing has a background of its own, follows the reader's choice of
light or dark, and has no letter below 13 pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

LETTER = 14
_CELL, _ROW, _GAP = 46, 28, 16

_STYLE = """
svg { font: 14px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
.paper { fill: #ffffff; stroke: #d0d0d0; } text { fill: #1b1b1b; } .quiet { fill: #5c5c5c; font-size: 13px; }
.box { fill: #f2f2f2; stroke: #8a8a8a; } .cell { fill: #ffffff; stroke: #9a9a9a; }
.lit { fill: #fbe0c3; stroke: #b35900; } .cool { fill: #d3e6f5; stroke: #0062a3; }
.line { stroke: #555555; stroke-width: 1.6; fill: none; } .head { fill: #555555; }
.hotline { stroke: #b35900; stroke-width: 2.4; fill: none; } .hothead { fill: #b35900; }
.strong { font-weight: 600; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #1f1f1f; stroke: #4a4a4a; } text { fill: #ececec; } .quiet { fill: #b5b5b5; }
  .box { fill: #333333; stroke: #8a8a8a; } .cell { fill: #262626; stroke: #7a7a7a; }
  .lit { fill: #6b3d0c; stroke: #f0a04b; } .cool { fill: #123f5f; stroke: #66b4ea; }
  .line { stroke: #b0b0b0; } .head { fill: #b0b0b0; } .hotline { stroke: #f0a04b; } .hothead { fill: #f0a04b; }
}
"""


@dataclass
class Sheet:
    """A drawing in the making.

    Attributes
    ----------
    width, height : float
        Pixels.
    alt : str
        What one sees, for those who cannot see it.
    marks : list of str
        SVG elements, the lowest first.

    Examples
    --------
    >>> sheet = Sheet(100, 40, "The letter x.")
    >>> sheet.text(50, 20, "x")
    >>> "<text" in sheet.svg()
    True
    """

    width: float
    height: float
    alt: str
    marks: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> None:
        """Write words whose middle line is at y."""
        named = f' class="{kind}"' if kind else ""
        self.marks.append(f'<text x="{x:g}" y="{y + 5:g}" text-anchor="{anchor}"{named}>{escape(words)}</text>')

    def box(
        self, x: float, y: float, width: float, height: float, words: Sequence[str] = (), kind: str = "box"
    ) -> None:
        """Draw a box with lines of words in its middle."""
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
        self.marks.append(f'<rect {place} rx="4" class="{kind}" stroke-width="1.4"/>')
        for number, line in enumerate(words):
            offset = (number - (len(words) - 1) / 2) * 18
            self.text(x + width / 2, y + height / 2 + offset, line, "strong" if kind == "lit" and number == 0 else "")

    def arrow(self, *points: tuple[float, float], hot: bool = False) -> None:
        """Draw an arrow along points; the last piece runs along one axis."""
        (x0, y0), (x1, y1) = points[-2:]
        length = max(abs(x1 - x0), abs(y1 - y0)) or 1
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        kind = "hot" if hot else ""
        path = " ".join(f"{x:g},{y:g}" for x, y in [*points[:-1], (x1 - 6 * dx, y1 - 6 * dy)])
        back_x, back_y, side_x, side_y = x1 - 9 * dx, y1 - 9 * dy, -4.5 * dy, 4.5 * dx
        wings = f"{back_x + side_x:g},{back_y + side_y:g} {back_x - side_x:g},{back_y - side_y:g}"
        self.marks.append(f'<polyline points="{path}" class="{kind}line"/>')
        self.marks.append(f'<polygon points="{x1:g},{y1:g} {wings}" class="{kind}head"/>')

    def svg(self) -> str:
        """Return the file."""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:g}" height="{self.height:g}" '
        head += f'viewBox="0 0 {self.width:g} {self.height:g}" role="img">'
        paper = f'<rect x="0.5" y="0.5" width="{self.width - 1:g}" height="{self.height - 1:g}" rx="8" class="paper"/>'
        words = f"<title>{escape(self.alt)}</title>"
        return "\n".join([head, words, f"<style>{_STYLE}</style>", paper, *self.marks, "</svg>", ""])


@dataclass(frozen=True)
class Table:
    """Rows of numbers or words with a name above and a shape below.

    Attributes
    ----------
    name : str
    rows : array or sequence of sequences
        Numbers are written with at most two digits after the point.
    shape : str
    lit, cool : collection of (row, column)
        Cells in the first and in the second colour.
    labels : sequence of str
        One word before each row.
    """

    name: str
    rows: Any
    shape: str = ""
    lit: Collection[tuple[int, ...]] = ()
    cool: Collection[tuple[int, ...]] = ()
    labels: Sequence[str] = ()

    @property
    def cell(self) -> float:
        """Width of a cell."""
        longest = max(len(written(value)) for row in self.rows for value in row)
        return max(_CELL, 8.4 * longest + 14)

    @property
    def margin(self) -> float:
        """Width of the row labels."""
        return 8.0 * max(map(len, self.labels)) + 8 if self.labels else 0

    @property
    def width(self) -> float:
        """Width with labels; never less than the name and the shape need."""
        cells = self.cell * max(map(len, self.rows))
        return self.margin + max(cells, 8.2 * len(self.name), 7.6 * len(self.shape))


def written(value: object) -> str:
    """Return a cell's text.

    Examples
    --------
    >>> written(0.5), written(-2.0), written(1 / 3), written("a")
    ('0.5', '−2', '0.33', 'a')
    """
    if isinstance(value, str):
        return value
    return f"{round(float(value), 2) + 0.0:g}".replace("-", "−")  # type: ignore[arg-type]


def equation(alt: str, lines: Sequence[Sequence[object]]) -> Sheet:
    """Draw tables in a line with operators between them, line below line.

    Examples
    --------
    >>> sheet = equation("Two and two are four.", [[Table("x", [[2]]), "+", Table("y", [[2]]), "=", Table("z", [[4]])]])
    >>> sheet.width
    760
    """
    heights = [max(len(part.rows) for part in line if isinstance(part, Table)) * _ROW + 62 for line in lines]
    sheet, top = Sheet(760, sum(heights) + 14 * len(heights) + 6, alt), 12.0
    for line, height in zip(lines, heights, strict=True):
        widths = [part.width if isinstance(part, Table) else 9.0 * len(str(part)) for part in line]
        x = (sheet.width - sum(widths) - _GAP * (len(line) - 1)) / 2
        if x < 4:
            raise ValueError(f"too wide by {8 - 2 * x:.0f} pixels: {alt}")
        for part, width in zip(line, widths, strict=True):
            if isinstance(part, Table):
                _table(sheet, part, x, top, height, width)
            else:
                sheet.text(x + width / 2, top + height / 2 - 2, str(part), "strong")
            x += width + _GAP
        top += height + 14
    return sheet


def _table(sheet: Sheet, table: Table, x: float, top: float, height: float, width: float) -> None:
    tall = len(table.rows) * _ROW
    y = top + (height - tall) / 2
    inner, cells = width - table.margin, table.cell * max(map(len, table.rows))
    left, middle = x + table.margin + (inner - cells) / 2, x + table.margin + inner / 2
    sheet.text(middle, y - 13, table.name, "strong")
    if table.shape:
        sheet.text(middle, y + tall + 14, table.shape, "quiet")
    for r, row in enumerate(table.rows):
        if table.labels:
            sheet.text(left - 7, y + (r + 0.5) * _ROW, table.labels[r], "quiet", "end")
        for c, value in enumerate(row):
            kind = "lit" if (r, c) in table.lit else "cool" if (r, c) in table.cool else "cell"
            sheet.box(left + c * table.cell, y + r * _ROW, table.cell, _ROW, kind=kind)
            sheet.text(left + (c + 0.5) * table.cell, y + (r + 0.5) * _ROW, written(value))
