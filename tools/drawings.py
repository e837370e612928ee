"""Make the drawings of the lessons: ``notebooks/drawings/*.svg``.

    python -m tools.drawings

The toy numbers are those of the lesson that shows the drawing; everything else in a drawing is computed from them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.drawing import Sheet, Table, equation  # noqa: E402
from tools.drawing_network import NETWORK, network  # noqa: E402

FOLDER = ROOT / "notebooks" / "drawings"

# ---------------------------------------------------------------- one step each, with the numbers of its lesson


def softmax_row() -> Sheet:
    """Lesson 01: from scores to probabilities to what is pushed."""
    z = np.array([[1.0, 3.5, 3.0]]) - 2.0
    shown = np.round(np.exp(z), 2)
    p = np.exp(z) / np.exp(z).sum()
    onehot = np.array([[0, 0, 1]])
    alt = (
        "Scores −1, 1.5, 1 become exponentials, divided by their sum they become probabilities; minus one-hot"
        " is the push."
    )
    first = [Table("scores z", z, "(1, K)"), "exp →", Table("e^z", shown, f"sum {shown.sum():g}"), "÷ sum →"]
    first.append(Table("p", p, "sums to 1"))
    second = [
        Table("p", p),
        "−",
        Table("one-hot of y = 2", onehot),
        "=",
        Table("push on z", p - onehot, "sums to 0", {(0, 2)}),
    ]
    return equation(alt, [first, second])


def gather() -> Sheet:
    """Lesson 02: c[y]."""
    x = np.array([[1, 2], [3, 0], [-2, -1], [-3, 1]])
    c, y = np.array([[1, 0], [-2, 0]]), np.array([0, 0, 1, 1])
    cool = [(row, column) for row in (2, 3) for column in (0, 1)]
    lit = [(row, column) for row in (0, 1) for column in (0, 1)]
    alt = (
        "Labels 0, 0, 1, 1 pick rows of the two centers: c[y] has four rows, one for each sample; x − c[y] is"
        " the difference."
    )
    centers = Table("centers c", c, "(K, d) = (2, 2)", [(0, 0), (0, 1)], [(1, 0), (1, 1)], ("0", "1"))
    picked = Table("c[y]", c[y], "(m, d) = (4, 2)", lit, cool)
    line = [centers, "[", Table("labels y", y[:, None], "(m,)", [(0, 0), (1, 0)], [(2, 0), (3, 0)]), "]  →", picked]
    return equation(alt, [[*line], [Table("x", x, "(m, d)"), "−", picked, "=", Table("x − c[y]", x - c[y], "(m, d)")]])


def product() -> Sheet:
    """Lesson 03: attention times squares."""
    x, a = np.array([[2, 1, 4], [0, 3, -2.0]]), np.array([[1, 0.5, 0.25], [0.5, 1, 0.25]])
    c, y = np.array([[0, 1, 0], [1, 1, 0.0]]), np.array([1, 0])
    square = (x - c[y]) ** 2
    total = (a * square).sum()
    alt = (
        f"Number by number: attention times squared difference; all six add up to {total:g}, and divided by 2m"
        " = 4 that is Eq. 4."
    )
    weighted = Table("a ⊙ (x − c[y])²", a * square, f"sum {total:g};  ÷ 2m  →  {total / 4:g}", {(0, 2)})
    return equation(
        alt, [[Table("a", a, "(m, d)", {(0, 2)}), "⊙", Table("(x − c[y])²", square, "(m, d)", {(0, 2)}), "=", weighted]]
    )


def flatten_or_pool() -> Sheet:
    """Lesson 04: what pooling forgets."""
    maps = [np.array([[0, 0], [4, 0]]), np.array([[0, 0], [0, 4]])]
    alt = (
        "Two maps with their 4 at the lower left and lower right. The mean of both is 1; flattened they are 0"
        " 0 4 0 and 0 0 0 4."
    )
    lines = []
    for face, grid in enumerate(maps):
        four = [tuple(map(int, np.argwhere(grid == 4)[0]))]
        flat = [(0, int(grid.argmax()))]
        lines.append([
            Table(f"face {face}: mouth", grid, "(2, 2)", four), "pool →", Table("mean", [[grid.mean()]], "place lost"),
            "   flatten →", Table("row", grid.reshape(1, -1), "place kept", flat),
        ])  # fmt: skip
    return equation(alt, lines)


def batch_norm() -> Sheet:
    """Lesson 04: one column at a time."""
    h = np.array([[1, 10], [3, 10], [5, 30], [7, 30.0]])
    mean, spread = h.mean(axis=0, keepdims=True), h.std(axis=0, keepdims=True)
    column = [(row, 0) for row in range(4)]
    alt = (
        "Each column minus its mean over the batch, divided by its standard deviation over the batch: both "
        "columns get one spread."
    )
    parts = ["(", Table("h", h, "(m, 2)", column), "−", Table("mean", mean, "of a column", {(0, 0)}), ")  ÷"]
    parts += [Table("std", spread, "of a column", {(0, 0)}), "=", Table("BN(h)", (h - mean) / spread, "(m, 2)", column)]
    return equation(alt, [parts])


def head_rows() -> Sheet:
    """Lesson 04: pairs of rows."""
    inside, outside = np.array([[2, 0], [0, 2], [1, -1.0]]), np.array([[0, 1], [1, 0], [1, 1.0]])
    b_in, e = np.array([0, 0.5, 0]), np.array([1, -0.5])
    rows = np.stack([outside, inside], axis=1).reshape(6, 2)
    scores = np.stack([outside @ e, inside @ e + b_in], axis=1)
    odd = [(row, column) for row in (1, 3, 5) for column in (0, 1)]
    even = [(row, column) for row in (0, 2, 4) for column in (0, 1)]
    names = tuple(f"head {row // 2} {('exclude', 'include')[row % 2]}" for row in range(6))
    alt = (
        "Six rows of weights, alternating exclude and include, times e give for each head a score out and a "
        "score in; their difference through a sigmoid is a."
    )
    a = 1 / (1 + np.exp(scores[:, :1] - scores[:, 1:]))
    both = Table("scores", scores, "out, in", [(row, 1) for row in range(3)], [(row, 0) for row in range(3)])
    weights = Table("weights", rows, "(2d, d')", odd, even, names)
    return equation(alt, [[weights, "· e + b →", both, "σ(in − out) →", Table("a", a, "(d,)")]])


def two_ways() -> Sheet:
    """Lesson 05: the two ways that a gradient takes into x*."""
    alt = (
        "From L_SC one arrow goes back by x and the pooling into the map x*, another by a, heads and encoder;"
        " in x* the two are added."
    )
    sheet = Sheet(760, 236, alt)
    boxes = {"map": (24, 92, ("x*", "both are added")), "pool": (230, 30, ("pooling", "")), "x": (400, 30, ("x", ""))}
    boxes |= {"net": (230, 152, ("encoder, heads", "")), "a": (400, 152, ("a", "")), "loss": (600, 92, ("L_SC", ""))}
    for name, (x, y, lines) in boxes.items():
        sheet.box(x, y, 136, 50, [line for line in lines if line], "lit" if name in ("map", "loss") else "box")
    sheet.arrow((668, 92), (668, 55), (536, 55), hot=True)
    sheet.arrow((668, 142), (668, 177), (536, 177), hot=True)
    for y in (55, 177):
        sheet.arrow((400, y), (366, y), hot=True)
    sheet.arrow((230, 55), (92, 55), (92, 92), hot=True)
    sheet.arrow((230, 177), (92, 177), (92, 142), hot=True)
    sheet.text(540, 36, "Eq. 9:  a ⊙ (x − c) / m", "", "start")
    sheet.text(540, 202, "Eq. 10:  (x − c)² / 2m", "", "start")
    sheet.text(24, 222, "gradients run from right to left", "quiet", "start")
    return sheet


def seesaw() -> Sheet:
    """Lesson 05: two weights on one latent number."""
    slopes, reads = np.array([0.4, 0.1]), np.array([1, -1.0])
    pull = float((slopes * 0.25 * reads).sum())
    after = 1 / (1 + np.exp(reads * pull))
    alt = (
        f"Both slopes are positive, but both weights hang on one number e; e falls by {pull:g}, so the first "
        "weight falls and the second rises."
    )
    return equation(alt, [[
        Table("slopes, Eq. 10", slopes[None], "both ask: fall", {(0, 0)}, {(0, 1)}), "→",
        Table("how a reads e", [["+e", "−e"]]), "→", Table("e moves", [[-pull]], "one number"), "→",
        Table("a before", [[0.5, 0.5]]), "→", Table("a after", after[None], "falls, rises", {(0, 0)}, {(0, 1)}),
    ]])  # fmt: skip


def scatter_sum() -> Sheet:
    """Lesson 06: the one-hot matrix of Eq. 11 selects and adds."""
    x, y = np.array([[1, 1], [2, 0], [3, 2], [-1, 2], [-2, 3.0]]), np.array([0, 0, 0, 1, 1])
    a = np.array([[1, 0.5], [1, 0.5], [1, 1], [0.5, 1], [0.5, 1]])
    c = np.array([[0, 0], [0, 1], [2, -2.0]])
    selects = np.eye(3)[y].T
    asked, count = a * (c[y] - x), selects.sum(axis=1, keepdims=True)
    ones = [(1, 3), (1, 4)]
    rows = [(row, column) for row in (3, 4) for column in (0, 1)]
    alt = (
        "A matrix of zeros and ones, a row for each class, times what each sample asks: row by row it adds "
        "the samples of one class. Divided by 1 + n that is Δ."
    )
    parts = [Table("δ, one row a class", selects, "(K, m)", ones), "·", Table("a ⊙ (c[y] − x)", asked, "(m, d)", rows)]
    parts += [
        "÷",
        Table("1 + n", 1 + count, "(K, 1)", {(1, 0)}),
        "=",
        Table("Δ", selects @ asked / (1 + count), "(K, d)", {(1, 0), (1, 1)}),
    ]
    return equation(alt, [parts])


def micro_batches() -> Sheet:
    """Lesson 06: what may be added up over parts of a batch."""
    sums, counts = np.array([[-3.0], [1.0]]), np.array([[3.0], [1.0]])
    alt = (
        "Sums and counts of two parts are added first and divided once; dividing each part and averaging "
        "gives another number."
    )
    line = [
        Table("part 1", [[sums[0, 0], counts[0, 0]]], "sum, count"),
        "+",
        Table("part 2", [[sums[1, 0], counts[1, 0]]], "sum, count"),
    ]
    right = sums.sum() / (1 + counts.sum())
    wrong = (sums / (1 + counts)).mean()
    first = [
        *line,
        "=",
        Table("joined", [[sums.sum(), counts.sum()]], "sum, count"),
        "→",
        Table("Δ", [[right]], "sum ÷ (1 + n)", (), {(0, 0)}),
    ]
    second = [
        Table("Δ of part 1", [[sums[0, 0] / (1 + counts[0, 0])]]),
        "and",
        Table("Δ of part 2", [[sums[1, 0] / (1 + counts[1, 0])]]),
    ]
    return equation(alt, [first, [*second, "→", Table("their mean: wrong", [[wrong]], "", {(0, 0)})]])


def who_moves() -> Sheet:
    """Lesson 07: which line of Algorithm 1 changes what."""
    alt = (
        "Weights move by gradients, lines 9 to 12 and 16, with λ and the learning rate; centers move by a "
        "rule, lines 13 and 15, with α."
    )
    sheet = Sheet(760, 190, alt)
    sheet.box(24, 60, 150, 66, ("one batch", "lines 2 to 8"))
    sheet.box(270, 22, 190, 56, ("gradients", "lines 9 to 12, λ inside"), "cool")
    sheet.box(270, 108, 190, 56, ("Eq. 11", "line 13, no λ"), "lit")
    sheet.box(560, 22, 176, 56, ("weights θ move", "line 16, rate μ"), "cool")
    sheet.box(560, 108, 176, 56, ("centers c move", "line 15, rate α"), "lit")
    for y, start in ((50, 80), (136, 106)):
        sheet.arrow((174, start), (222, start), (222, y), (270, y), hot=y > 100)
        sheet.arrow((460, y), (560, y), hot=y > 100)
    return sheet


def counting() -> Sheet:
    """Lesson 10: from answers to a confusion matrix."""
    y, said = np.array([0] * 8 + [1] * 2), np.array([0] * 7 + [1, 1, 0])
    matrix = np.zeros((2, 2), int)
    np.add.at(matrix, (y, said), 1)
    wrong = [(row, place) for place in range(10) for row in (0, 1) if y[place] != said[place]]
    alt = (
        "Ten true classes over ten answers; each column is one mark in a two by two matrix: seven and one "
        "right on the diagonal, one and one wrong beside it."
    )
    answers = Table("ten faces", np.stack([y, said]), "", wrong, (), ("true", "answer"))
    counts = Table("confusion", matrix, "rows true", {(0, 1), (1, 0)}, {(0, 0), (1, 1)})
    return equation(alt, [[answers, "→", counts]])


def disagreement() -> Sheet:
    """Lesson 10: McNemar looks at two cells."""
    a, b = np.array([1, 1, 1, 1, 1, 1, 1, 0, 0, 1]), np.array([1, 1, 1, 0, 0, 1, 1, 1, 0, 0])
    apart = [(row, place) for place in np.flatnonzero(a != b).tolist() for row in (0, 1)]
    both, neither = int((a & b).sum()), int(((1 - a) & (1 - b)).sum())
    only_a, only_b = int((a & (1 - b)).sum()), int(((1 - a) & b).sum())
    alt = (
        f"Ten images, right or wrong by A and by B. Both right {both}, none {neither}: they say nothing. Only "
        f"A {only_a}, only B {only_b}: these decide."
    )
    answers = Table("right = 1", np.stack([a, b]), "", apart, (), ("A", "B"))
    return equation(
        alt,
        [
            [
                answers,
                "→",
                Table("counts", [[both, only_a], [only_b, neither]], "both, only A / only B, none", {(0, 1), (1, 0)}),
            ]
        ],
    )


def own_rulers() -> Sheet:
    """Lesson 11: UMAP's graph forgets the scale."""
    alt = (
        "Six points: 0, 1, 3 and, far away, 100, 110, 130. Each names its two nearest with weights 1 and one "
        "half: both groups get the same graph."
    )
    points, sheet = (0, 1, 3, 100, 110, 130), Sheet(760, 170, alt)
    spots = [40 + 30 * p for p in (0, 1, 3)] + [330 + 3 * (p - 100) * 4 for p in (100, 110, 130)]
    sheet.text(40, 24, "the points (the gap is drawn shorter)", "quiet", "start")
    for place, (point, spot) in enumerate(zip(points, spots, strict=True)):
        sheet.box(spot - 5, 52, 10, 10, kind="lit" if place < 3 else "cool")
        sheet.text(spot, 82, str(point))
    sheet.text(40, 118, "left group: 0 to 1 has weight 1; 0 to 3 and 1 to 3 come second, with ½", "", "start")
    sheet.text(
        40, 144, "right group: 100 to 110 has weight 1; 100 to 130 and 110 to 130 have ½: the same graph", "", "start"
    )
    return sheet


def centred_cosine() -> Sheet:
    """Lesson 12: take away what all share."""
    a = np.array([[0.6, 0.3, 0.5], [0.7, 0.4, 0.5], [0.3, 0.6, 0.5], [0.2, 0.7, 0.5]])
    mean = a.mean(axis=0, keepdims=True)
    left = a - mean
    plain = a[0] @ a[2] / np.linalg.norm(a[0]) / np.linalg.norm(a[2])
    centred = left[0] @ left[2] / np.linalg.norm(left[0]) / np.linalg.norm(left[2])
    alt = (
        f"Four attention vectors minus their common mean; samples 0 and 2 have a plain cosine of {plain:.2f}, "
        f"of what is left {centred:.2f}."
    )
    rows = [(row, column) for row in (0, 2) for column in range(3)]
    parts = [Table("a", a, f"plain cosine {plain:.2f}", rows), "−", Table("mean", mean, "of all samples"), "="]
    return equation(alt, [[*parts, Table("what is left", left, f"cosine {centred:.2f}".replace("-", "−"), rows)]])


def controls() -> Sheet:
    """Lessons 04 and 13: what each control takes away."""
    a = np.array([0.2, 0.6, 0.7])
    rows = {
        "learned": a, "ones": np.ones(3), "mean": np.full(3, a.mean()), "permuted": a[[2, 0, 1]],
        "normalized": a / a.mean(),
    }  # fmt: skip
    takes = ("nothing", "attention", "the selection", "the right places", "the smaller λ")
    alt = (
        "Attention 0.2, 0.6, 0.7 of one sample under four controls: all ones; their mean three times; the "
        "same on other places; divided by the mean."
    )
    lit = [(1, column) for column in range(3)] + [(2, column) for column in range(3)]
    table = Table("one sample, d = 3", np.stack(list(rows.values())), "", lit, [(3, 0), (3, 1), (3, 2)], tuple(rows))
    return equation(alt, [[table, "takes away:", Table("", [[words] for words in takes])]])


def ablation() -> Sheet:
    """Lesson 13: silence the most attended."""
    x, a = np.array([2, 1, 0.5, 1.5]), np.array([0.2, 0.9, 0.6, 0.4])
    w = np.array([[1, 0.2, 0.1, 0.3], [0.3, 0.8, 0.6, 0.4]])
    most, least = x.copy(), x.copy()
    most[a.argmax()], least[a.argmin()] = 0, 0
    alt = (
        "One face with four features. Without the most attended one class 0 still wins; without the least "
        "attended one class 1 wins."
    )
    lines = []
    for name, values, place in (
        ("most attended silenced", most, int(a.argmax())),
        ("least attended silenced", least, int(a.argmin())),
    ):
        scores = w @ values
        lines.append([
            Table("x", x[None], "", {(0, place)}), "→", Table(name, values[None], "", {(0, place)}), "→",
            Table("scores", scores[None], f"class {scores.argmax()}", (), {(0, int(scores.argmax()))}),
        ])  # fmt: skip
    return equation(alt, [[Table("attention a", a[None], "", {(0, 1)}, {(0, 0)})], *lines])


STEPS: Mapping[str, Callable[[], Sheet]] = {
    step.__name__: step
    for step in (
        softmax_row, gather, product, flatten_or_pool, batch_norm, head_rows, two_ways, seesaw, scatter_sum,
        micro_batches, who_moves, counting, disagreement, own_rulers, centred_cosine, controls, ablation,
    )
}  # fmt: skip


def drawings() -> dict[str, Sheet]:
    """Return every drawing by the name of its file, without those that are made from runs.

    Examples
    --------
    >>> len(drawings()) > 20
    True
    """
    return {name: network(*what) for name, what in NETWORK.items()} | {name: make() for name, make in STEPS.items()}


def main() -> None:
    """Write them all."""
    from tools.moving_picture import three_methods

    FOLDER.mkdir(exist_ok=True)
    for name, sheet in (drawings() | {"three_methods": three_methods()}).items():
        (FOLDER / f"{name}.svg").write_text(sheet.svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
