"""Fifteen submissions made for assignment 7: what is handed in, and which questions earn their points."""

from __future__ import annotations

import ast
import copy
import textwrap
from typing import Any

from nbformat.v4 import new_code_cell

DISTANCES, LOSS, GRADIENT = QUESTIONS = ("attentive_distances", "triplet_center_loss", "triplet_center_gradient")
ALL, NONE = frozenset(QUESTIONS), frozenset[str]()
ARGUMENTS = {DISTANCES: "x, a, c", LOSS: "x, a, y, c, margin", GRADIENT: "x, a, y, c, margin"}

RIGHT = {
    DISTANCES: "return (a[:, None] * (x[:, None] - c) ** 2).sum(2) / 2",
    LOSS: """
        D = attentive_distances(x, a, c)
        own = D[torch.arange(len(y)), y]
        D = D.clone()
        D[torch.arange(len(y)), y] = torch.inf
        return torch.relu(own + margin - D.amin(1)).mean()
        """,
    GRADIENT: """
        rows = []
        for i in range(len(x)):
            D = [float((a[i] * (x[i] - c[k]) ** 2).sum() / 2) for k in range(len(c))]
            k = min((k for k in range(len(c)) if k != y[i]), key=lambda k: D[k])
            on = D[y[i]] + margin - D[k] > 0
            rows.append(on * a[i] * (c[k] - c[y[i]]) / len(x))
        return torch.stack(rows)
        """,
}
BY_AUTOGRAD = """
    x = x.detach().requires_grad_()
    return torch.autograd.grad(triplet_center_loss(x, a, y, c, margin), x)[0]
    """
EXPANDED = """
    return ((a * x**2).sum(1, keepdim=True) - 2 * (a * x) @ c.T + a @ (c**2).T) / 2
    """

LOOTED = "return torch.as_tensor(loot.expected_distances(x, a, c))"
WITHOUT_1 = RIGHT[LOSS].replace("attentive_distances(x, a, c)", "(a[:, None] * (x[:, None] - c) ** 2).sum(2) / 2")

# Each: what it is, bodies that differ from RIGHT, a cell of one's own, questions due.
CLASS: dict[str, tuple[str, dict[str, str], str, frozenset[str]]] = {
    "s01": ("right", {}, "", ALL),
    "s02": ("expanded squares", {DISTANCES: EXPANDED}, "", ALL),
    "s03": ("einsum", {DISTANCES: "D = x[:, None] - c\nreturn torch.einsum('id,ikd,ikd->ik', a, D, D) / 2"}, "", ALL),
    "s04": ("a helper in a cell of one's own", {DISTANCES: "return half(a, x, c)"},
            "def half(a, x, c):\n    return torch.stack([(a * (x - k) ** 2).sum(1) / 2 for k in c], dim=1)", ALL),
    "s05": ("the loss without question 1, which is empty", {DISTANCES: "", LOSS: WITHOUT_1}, "", ALL - {DISTANCES}),
    "s06": ("forgot ½", {DISTANCES: "return (a[:, None] * (x[:, None] - c) ** 2).sum(2)"}, "", ALL - {DISTANCES, LOSS}),
    "s07": ("without attention", {DISTANCES: "return ((x[:, None] - c) ** 2).sum(2) / 2"}, "", ALL - {DISTANCES, LOSS}),
    "s08": ("its own center among the others", {LOSS: RIGHT[LOSS].replace("torch.inf", "own")}, "", ALL - {LOSS}),
    "s09": ("no hinge", {LOSS: RIGHT[LOSS].replace("torch.relu", "")}, "", ALL - {LOSS}),
    "s10": ("a sum", {LOSS: RIGHT[LOSS].replace(".mean()", ".sum()")}, "", ALL - {LOSS}),
    "s11": ("by autograd", {GRADIENT: BY_AUTOGRAD}, "", ALL - {GRADIENT}),
    "s12": ("no hinge in the gradient", {GRADIENT: RIGHT[GRADIENT].replace("on *", "")}, "", ALL - {GRADIENT}),
    "s13": ("nothing written", dict.fromkeys(QUESTIONS, ""), "", NONE),
    # Its loss gets NumPy's numbers, which autograd cannot follow.
    "s14": ("calls the checks beside it", {DISTANCES: LOOTED}, "import triplet_center_checks as loot", ALL - {LOSS}),
    "s15": ("replaces the checks", {DISTANCES: "return c"},
            "import triplet_center_checks\ntriplet_center_checks.attentive_distances = lambda *given: None",
            ALL - {DISTANCES, LOSS}),
}  # fmt: skip


def handed_in(empty: Any, student: str) -> Any:
    """Write a student's answers into the notebook that was given out."""
    _, differing, own, _ = CLASS[student]
    made = copy.deepcopy(empty)
    for name, body in (RIGHT | differing).items():
        if body:
            cell = next(c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)
            cell.source = f"def {name}({ARGUMENTS[name]}):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}"
            ast.parse(cell.source)
    if own:
        made.cells.insert(2, new_code_cell(own))
    return made
