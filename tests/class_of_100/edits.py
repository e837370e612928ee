"""Near-right answers: the source's own solution with one thing wrong.

``KINDS`` fit many questions, ``LINES`` are edits of a question's text.

An edit whose text is no longer in the solution is left out, so that the class follows the assignments.
"""

from __future__ import annotations

import ast
import copy
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from class_of_100.solved import Asked, Notebook, Solved, cell_of

LOSSES = ("loss", "term", "island", "by_hand")
SLOPES = ("gradient", "push", "delta", "centers", "of_parts")
_EACH = """
def changed(value, change):
    if isinstance(value, dict):
        return {name: changed(part, change) for name, part in value.items()}
    return change(value)
"""


@dataclass(frozen=True)
class Edit:
    """What is wrong.

    Attributes
    ----------
    fits : callable
        ``fits(asked)``: whether it makes this question's answer wrong.
    write : callable
        ``write(asked)``: the cell's text with the mistake in it; "" where it cannot be made.
    """

    fits: Callable[[Asked], bool]
    write: Callable[[Asked], str]

    def notebook(self, of: Solved, asked: Asked) -> Notebook | None:
        """Hand in the answered notebook with this one mistake."""
        text = self.write(asked) if self.fits(asked) else ""
        if not text:
            return None
        made = copy.deepcopy(of.notebook)
        cell_of(made, asked.name).source = text
        return made


def _any(asked: Asked) -> bool:
    # Of a term of one's own another factor makes another right one; `compare` returns numbers.
    return not asked.name.startswith("my_") and asked.name != "compare"


def _loss(asked: Asked) -> bool:
    return _any(asked) and any(word in asked.name for word in LOSSES) and not _slope(asked)


def _slope(asked: Asked) -> bool:
    return any(word in asked.name for word in SLOPES)


def _has(*names: str) -> Callable[[Asked], bool]:
    return lambda asked: _any(asked) and set(names) <= set(asked.arguments)


def _result(change: str, fits: Callable[[Asked], bool] = _any) -> Edit:
    """The right result, spoiled by ``change``, an expression in ``v``."""
    code = "{_EACH}\nplain_{q} = {q}\n\n\ndef {q}({args}):\n    return changed(plain_{q}({args}), lambda v: {change})"
    return Edit(fits, lambda asked: _put(code, asked, change))


def _inputs(before: str = "", after: str = "", fits: Callable[[Asked], bool] = _any, top: str = _EACH) -> Edit:
    """Lines before the right answer is called, and after it."""

    def indented(text: str) -> str:
        return textwrap.indent(f"{text}\n", "    ") if text else ""

    call = "    result = plain_{q}({args})\n"
    code = "{top}\nplain_{q} = {q}\n\n\ndef {q}({args}):\n{before}{call}{after}    return result"
    parts = {"{top}": top, "{before}": indented(before), "{call}": call, "{after}": indented(after)}
    for mark, text in parts.items():
        code = code.replace(mark, text)
    return Edit(fits, lambda asked: _put(code, asked))


def _put(code: str, asked: Asked, change: str = "") -> str:
    for mark, text in (("{_EACH}", _EACH), ("{change}", change), ("{args}", ", ".join(asked.arguments))):
        code = code.replace(mark, text)
    return f"{asked.code}\n\n{code.replace('{q}', asked.name)}"


def _method(name: str, line: str, before: str = "") -> Edit:
    """A line at the beginning of a method of the autograd function, ``{0}``, ``{1}`` … being its arguments."""

    def write(asked: Asked) -> str:
        tree = ast.parse(asked.code)
        methods = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
        if not methods:
            return ""
        arguments = [argument.arg for argument in methods[0].args.args]
        methods[0].body[:0] = ast.parse(line.format(*arguments)).body
        return f"{before}\n\n\n{ast.unparse(tree)}".strip()

    return Edit(lambda asked: "autograd.Function" in asked.code, write)


def _shared_context(asked: Asked) -> str:
    """Keep what backward needs in a global: two forward passes before a backward one mix it up."""
    return _method("backward", "{0} = KEPT[-1]").write(
        Asked(
            asked.name, asked.points, _method("forward", "KEPT.append({0})", "KEPT = []").write(asked), asked.arguments
        )
    )


def _without_own_backward(asked: Asked) -> str:
    base, end = asked.name.removesuffix("_by_hand"), ", ".join(asked.arguments)
    return f"def {asked.name}({end}):\n    return {base}({end})" if asked.name.endswith("_by_hand") else ""


KINDS: dict[str, Edit] = {
    "twice the value": _result("2 * v"),
    "the wrong sign": _result("-v"),
    "a constant rounded to three digits": _result("1.0004 * v"),
    "computed in half precision": _result("v.half().to(v.dtype)"),
    "a dimension too many": _result("v.unsqueeze(0)"),
    "a list or a Python number": _result("v.tolist()"),
    "an array of NumPy": _result("v.detach().numpy()"),
    "a small number added": _result("v + 1e-4"),
    "detached": _result("v.detach()", _loss),
    "through a number of Python's": _result("torch.tensor(v.item(), dtype=v.dtype)", _loss),
    "the first result for ever": _inputs(after="KEPT.append(result)\nresult = KEPT[0]", top="KEPT = []\n"),
    "right for up to 8 classes": _inputs(
        after="if len(c) > 8:\n    result = changed(result, lambda v: 0 * v)", fits=_has("c")
    ),
    "features changed in place": _inputs("with torch.no_grad():\n    x.mul_(0.5)", fits=_has("x")),
    "centers changed in place": _inputs("with torch.no_grad():\n    c.add_(0.1)", fits=_has("c")),
    "attention changed in place": _inputs("with torch.no_grad():\n    a.clamp_(max=0.5)", fits=_has("a")),
    "labels sorted alone": _inputs("y = y.sort().values", fits=_has("y")),
    "labels taken for row numbers": _inputs("y = torch.arange(len(y)) % len(c)", fits=_has("y", "c")),
    "centers moved a little": _inputs("c = c + 0.01", fits=_has("c", "x")),
    "a single sample squeezed away": _inputs("x = x.squeeze()", fits=_has("x", "y")),
    "tensors taken as they lie in memory": _inputs(
        "c = c if c.is_contiguous() else c.t().contiguous().view(c.shape)", fits=_has("c", "x")
    ),
    "refuses float32": _inputs(
        "assert x.dtype == torch.float64, 'float64 only'", fits=lambda q: _has("x", "c")(q) and "careful" not in q.name
    ),
    "ignores the incoming gradient": _method("backward", "{1} = torch.ones_like({1})"),
    "right for positive incoming gradients": _method("backward", "{1} = {1}.abs()"),
    "the sign of the incoming gradient": _method("backward", "{1} = {1}.sign()"),
    "right for incoming gradients up to 1": _method("backward", "{1} = {1}.clamp(max=1.0)"),
    "right for incoming gradients 1 and 0.25": _method(
        "backward", "{1} = {1} if float({1}) in (1.0, 0.25) else 0 * {1}"
    ),
    "keeps what backward needs in a global": Edit(lambda asked: "autograd.Function" in asked.code, _shared_context),
    "no function of one's own": Edit(lambda asked: asked.name.endswith("_by_hand"), _without_own_backward),
}

LINES: dict[str, dict[str, tuple[str, str]]] = {
    "center_loss": {
        "forgot ½": ("(2 * len(x))", "len(x)"),
        "forgot the mean": ("(2 * len(x))", "2"),
        "divides by the classes": ("(2 * len(x))", "(2 * len(c))"),
        "no square": ("apart.square()", "apart.abs()"),
    },
    "center_loss_gradients": {
        "forgot the mean": (" / len(x)", ""),
        "the last sample of a class": ("index_add(0, y, -pull)", "index_copy(0, y, -pull)"),
        "the same sign for both": ("-pull)", "pull)"),
    },
    "careful_center_loss": {
        "not widened": ("x.float(), y, c.float()", "x, y, c"),
        "widened too late": ("center_loss(x.float(), y, c.float())", "center_loss(x, y, c).float()"),
    },
    "sparse_center_loss": {
        "forgot ½": ("(2 * len(x))", "len(x)"),
        "attention squared too": ("a * apart.square()", "(a * apart).square()"),
    },
    "gradient_x": {"forgot the mean": (" / len(x)", "")},
    "gradient_a": {"forgot ½": ("(2 * len(x))", "len(x)")},
    "center_delta": {
        "0/0 for absent classes": ("eps + n.clamp(min=1)", "eps + n"),
        "ε multiplied": ("eps + n.clamp(min=1)", "eps * n.clamp(min=1)"),
        "the wrong direction": ("c[y] - x", "x - c[y]"),
        "without attention": ("a * (c[y] - x)", "(c[y] - x)"),
    },
    "updated_centers": {
        "away from the samples": ("c - alpha", "c + alpha"),
        "with a gradient": ("with torch.no_grad():", "if True:"),
        "in place": ("return c - alpha *", "return c.sub_(alpha *"),
    },
    "delta_of_parts": {
        "the last part counts": ("n = n + torch.bincount", "n = torch.bincount"),
        "the sum of the last part": ("sums = sums.index_add", "sums = torch.zeros_like(c).index_add"),
    },
    "budget_term": {
        "no square": ("** 2", "** 1"),
        "a mean of squares": ("(a.mean() - budget) ** 2", "((a - budget) ** 2).mean()"),
    },
    "budget_gradient": {
        "divides by the samples": ("/ a.numel()", "/ len(a)"),
        "forgot 2": ("2 * (a.mean()", "(a.mean()"),
    },
    "entropy_term": {
        "a sum": (" / len(a)", ""),
        "shares of the batch": ("a.sum(dim=1, keepdim=True)", "a.sum()"),
        "0 ln 0 is nan": ("torch.xlogy(p, p)", "(p * p.log())"),
    },
    "entropy_gradient": {
        "the shares taken as constant": ("- mean_log", "+ 1"),
        "forgot the length": ("(len(a) * total)", "len(a)"),
    },
    "my_term": {
        "the budget term again": ("((a.mean(dim=1) - 0.5) ** 2).mean()", "(a.mean() - 0.5) ** 2"),
        "rounded to half precision": (
            "((a.mean(dim=1) - 0.5) ** 2).mean()",
            "((a.mean(dim=1) - 0.5) ** 2).mean().half().to(a.dtype)",
        ),
        "a sum over the samples": ("** 2).mean()", "** 2).sum()"),
    },
    "my_term_gradient": {"forgot 2": ("2 * (a.mean", "(a.mean"), "of another budget": ("- 0.5", "- 0.25")},
    "island_term": {"cosines alone": ("(cosines + 1)", "cosines"), "each center with itself": (" * different", "")},
    "attentive_island": {
        "half of λ₁": ("lam1 *", "lam1 / 2 *"),
        "without attention": ("(a * (x - c[y]) ** 2)", "((x - c[y]) ** 2)"),
    },
    "island_push": {
        "a mean over all": ("(len(c) - 1)", "len(c)"),
        "along the center too": (" - (others * unit)", " - 0 * (others * unit)"),
    },
    "compare": {
        "the spread of a population": ("d.std()", "d.std(unbiased=False)"),
        "divides by n": ("len(d) ** 0.5 if", "len(d) if"),
        "unpaired": ("d.std()", "(first.var() + second.var()).sqrt()"),
    },
}


def line_edit(asked: Asked, what: str) -> Edit:
    """The edit of a line of this question's solution."""
    old, new = LINES[asked.name][what]

    def write(of: Asked) -> str:
        text = of.code.replace(old, new)
        if new.endswith("c.sub_(alpha *"):  # its parenthesis is closed at the line's end
            text = "\n".join(line + ")" if "c.sub_(" in line else line for line in text.splitlines())
        return text if old in of.code else ""

    return Edit(lambda _: True, write)
