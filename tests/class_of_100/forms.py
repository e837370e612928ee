"""Right answers in unusual forms: each takes the answered notebook and writes one question's answer in another manner.

A form says nothing of what a question asks, so that it fits any; ``None`` where it does not.
"""

from __future__ import annotations

import ast
import copy
import re
import textwrap
from collections.abc import Callable

from nbformat.v4 import new_code_cell

from class_of_100.solved import Asked, Notebook, Solved, cell_of, place_of

Form = Callable[[Solved, Asked], Notebook | None]


def _wrapped(before: str = "", top: str = "", result: str = "plain_{q}(*given, **named)") -> Form:
    """The answer, called by a function of the same name that also does something of its own."""

    def form(of: Solved, asked: Asked) -> Notebook:
        made = copy.deepcopy(of.notebook)
        cell = cell_of(made, asked.name)
        body = textwrap.indent(textwrap.dedent(before).strip(), "    ")
        lines = [textwrap.dedent(top).strip(), cell.source, "", "plain_{q} = {q}\n\n\ndef {q}(*given, **named):"]
        code = "\n".join([*lines, *([body] if body.strip() else []), f"    return {result}"])
        cell.source = code.replace("{q}", asked.name).strip()
        return made

    return form


def _ends_in(code: str) -> Form:
    """The answer's cell, and these lines behind it."""

    def form(of: Solved, asked: Asked) -> Notebook:
        made = copy.deepcopy(of.notebook)
        cell_of(made, asked.name).source += "\n\n\n" + textwrap.dedent(code).strip().replace("{q}", asked.name)
        return made

    return form


def _own_cell(code: str) -> Form:
    """A cell of the student's own right above the answer."""

    def form(of: Solved, asked: Asked) -> Notebook:
        made = copy.deepcopy(of.notebook)
        cell = new_code_cell(textwrap.dedent(code).strip().replace("{q}", asked.name))
        made.cells.insert(place_of(made, asked.name), cell)
        return made

    return form


def _rewritten(change: Callable[[str], str | None]) -> Form:
    """The answer's text as another hand, or another editor, writes it."""

    def form(of: Solved, asked: Asked) -> Notebook | None:
        made = copy.deepcopy(of.notebook)
        text = change(asked.code)
        if text is None:
            return None
        cell_of(made, asked.name).source = text
        return made

    return form


def import_in_a_given_cell(of: Solved, asked: Asked) -> Notebook:
    made = _wrapped("np.float64(0)")(of, asked)
    cell_of(made, "imports").source += "\nimport numpy as np"
    return made


def answer_in_a_given_cell(of: Solved, asked: Asked) -> Notebook:
    made = copy.deepcopy(of.notebook)
    cell_of(made, asked.name).source = ""
    cell_of(made, "imports").source += f"\n\n\n{asked.code}"
    return made


def answer_below_the_stub(of: Solved, asked: Asked) -> Notebook:
    made = _stub_left(of, asked)
    made.cells.insert(place_of(made, asked.name) + 1, new_code_cell(asked.code))
    return made


def answer_cell_emptied(of: Solved, asked: Asked) -> Notebook:
    made = answer_below_the_stub(of, asked)
    cell_of(made, asked.name).source = ""
    return made


def answer_in_the_check_cell(of: Solved, asked: Asked) -> Notebook:
    made = _stub_left(of, asked)
    test = cell_of(made, f"test_{asked.name}")
    test.source = f"{asked.code}\n\n\n{test.source}"
    return made


def answer_in_the_try_cell(of: Solved, asked: Asked) -> Notebook | None:
    made = _stub_left(of, asked)
    between = made.cells[place_of(made, asked.name) + 1 : place_of(made, f"test_{asked.name}")]
    tries = [cell for cell in between if cell.cell_type == "code"]
    if not tries:
        return None
    tries[0].source = f"{asked.code}\n\n\n{tries[0].source}"
    cell_of(made, asked.name).source = ""
    return made


def two_answers_in_one_cell(of: Solved, asked: Asked) -> Notebook | None:
    names = list(of.questions)
    if names[-1] == asked.name:
        return None
    after = names[names.index(asked.name) + 1]
    made = copy.deepcopy(of.notebook)
    cell_of(made, asked.name).source += f"\n\n\n{of.questions[after].code}"
    del made.cells[place_of(made, after)]
    return made


def answer_in_two_cells(of: Solved, asked: Asked) -> Notebook:
    made = copy.deepcopy(of.notebook)
    cell_of(made, asked.name).source = f"def {asked.name}(*given, **named):\n    return first_part(*given, **named)"
    code = f"{asked.code}\n\n\nfirst_part = {asked.name}"
    made.cells.insert(place_of(made, asked.name), new_code_cell(code))
    return made


def cell_moved_to_the_end(of: Solved, asked: Asked) -> Notebook:
    made = copy.deepcopy(of.notebook)
    made.cells.append(made.cells.pop(place_of(made, asked.name)))
    return made


def metadata_lost(of: Solved, asked: Asked) -> Notebook:
    made = copy.deepcopy(of.notebook)
    for number, cell in enumerate(made.cells):
        cell.metadata, cell.id = {}, f"c{number}"
    return made


def saved_in_an_old_format(of: Solved, asked: Asked) -> Notebook:
    made = copy.deepcopy(of.notebook)
    made.nbformat_minor = 2
    for cell in made.cells:
        cell.pop("id", None)
    return made


def alias_of_apply(of: Solved, asked: Asked) -> Notebook | None:
    found = re.search(r"^    return (\w+)\.apply\(", asked.code, re.MULTILINE)
    if not found:
        return None
    made = copy.deepcopy(of.notebook)
    code = asked.code.replace(found.group(), "    return differentiated(")
    cell_of(made, asked.name).source = f"{code}\n\n\ndifferentiated = {found.group(1)}.apply"
    return made


def imported_from_a_written_file(of: Solved, asked: Asked) -> Notebook | None:
    if any(re.search(rf"\b{other}\b", asked.code) for other in of.questions if other != asked.name):
        return None  # another module does not see the notebook's functions
    made = copy.deepcopy(of.notebook)
    file = new_code_cell(f"%%writefile mine_{asked.name}.py\nimport math\n\nimport torch\n\n\n{asked.code}")
    cell_of(made, asked.name).source = f"from mine_{asked.name} import {asked.name}"
    made.cells.insert(place_of(made, asked.name), file)
    return made


def _stub_left(of: Solved, asked: Asked) -> Notebook:
    made = copy.deepcopy(of.notebook)
    cell_of(made, asked.name).source = cell_of(of.empty, asked.name).source
    return made


def _with_tabs(code: str) -> str:
    return re.sub(r"^(?: {4})+", lambda found: "\t" * (len(found.group()) // 4), code, flags=re.MULTILINE)


def _by_exec(code: str) -> str | None:
    return None if "'''" in code else f"exec(r'''{code}''')"


RIGHT: dict[str, Form] = {
    "an import added to a locked cell": import_in_a_given_cell,
    "the answer typed into a locked cell": answer_in_a_given_cell,
    "the stub left, the answer in a cell below": answer_below_the_stub,
    "the answer cell emptied, the answer below": answer_cell_emptied,
    "the answer typed into the check cell": answer_in_the_check_cell,
    "the answer typed into the cell that tries it": answer_in_the_try_cell,
    "two answers in one cell, the other cell deleted": two_answers_in_one_cell,
    "the answer in two cells": answer_in_two_cells,
    "the answer cell at the end of the notebook": cell_moved_to_the_end,
    "all metadata lost": metadata_lost,
    "saved in an old format, without ids": saved_in_an_old_format,
    "an alias of apply": alias_of_apply,
    "written to a file and imported": imported_from_a_written_file,
    "a helper named grad": _wrapped(
        top="def grad(value):\n    return value", result="grad(plain_{q}(*given, **named))"
    ),
    "words about autograd and the package": _wrapped(
        """
        # not torch.autograd.grad(loss, x), not dacl_edu.losses.center_loss
        if not given and not named:
            raise TypeError("{q}: dacl_edu.losses.sparse_center_loss is something else, and so is x.grad")
        """
    ),
    "a layer with forward and backward": _ends_in(
        """
        class Layer:
            def forward(self, *given, answer={q}, **named):
                return answer(*given, **named)

            def backward(self, g):
                return g


        def {q}(*given, **named):
            return Layer().forward(*given, **named)
        """
    ),
    "a torch module": _ends_in(
        """
        class Module(torch.nn.Module):
            def forward(self, *given, answer={q}, **named):
                return answer(*given, **named)


        {q} = Module()
        """
    ),
    "shell lines among the answer": _wrapped(top="!echo checking\n%pip --version\nimport torch"),
    "a slow cell of one's own": _own_cell("import time\nprint('a long look')\ntime.sleep(7)"),
    "an endless try of one's own, interrupted": _own_cell(
        "import time\nfor _ in range(3):\n    time.sleep(3)\nkept = 1"
    ),
    "torch.compile": _ends_in("{q} = torch.compile({q})"),
    "functools.partial": _ends_in("import functools\n\n{q} = functools.partial({q})"),
    "an object that can be called": _ends_in(
        """
        class Called:
            def __init__(self, answer):
                self.answer = answer

            def __call__(self, *given, **named):
                return self.answer(*given, **named)


        {q} = Called({q})
        """
    ),
    "a static method": _ends_in("class Mine:\n    answer = staticmethod({q})\n\n\n{q} = Mine.answer"),
    "a lambda around it": _ends_in("{q} = (lambda answer: lambda *given, **named: answer(*given, **named))({q})"),
    "a decorator": _ends_in(
        """
        import functools


        def remembered(function):
            calls = []

            @functools.wraps(function)
            def inner(*given, **named):
                calls.append(len(given))
                return function(*given, **named)

            return inner


        {q} = remembered({q})
        """
    ),
    "without comments, by another formatter": _rewritten(lambda code: ast.unparse(ast.parse(code))),
    "indented by tabs": _rewritten(_with_tabs),
    "line ends of Windows": _rewritten(lambda code: code.replace("\n", "\r\n")),
    "timed by %%time": _rewritten(lambda code: f"%%time\n{code}"),
    "defined under a condition": _rewritten(lambda code: f"if torch.__version__:\n{textwrap.indent(code, '    ')}"),
    "defined by exec": _rewritten(_by_exec),
    "names in Greek": _wrapped("Δ, λ = given, named", result="plain_{q}(*Δ, **λ)"),
    "draws while it computes": _wrapped(
        "plt.plot([1, 2])\nplt.title('so far')\nplt.show()\nplt.close('all')", "import matplotlib.pyplot as plt"
    ),
    "prints while it computes": _wrapped("print('called with', len(given), 'and', sorted(named))"),
    "warns while it computes": _wrapped("warnings.warn('is this right?')", "import warnings"),
    "sets a seed in it": _wrapped("torch.manual_seed(0)"),
    "asserts what it is given": _wrapped(
        "for value in (*given, *named.values()):\n    assert not torch.is_tensor(value) or value.dim() in (0, 1, 2)"
    ),
    "a star import above": _own_cell("from torch import *\nfrom math import *"),
    "float64 by default": _own_cell("torch.set_default_dtype(torch.float64)"),
    "names of the given cells used again": _own_cell("x = y = a = c = None\nx4 = y4 = 7"),
    "a cell that fails above": _own_cell("print('try', undefined_name)"),
    "data frames and SciPy of one's own": _own_cell(
        "import numpy as np, pandas as pd, scipy.special, sklearn, tqdm, sympy\npd.DataFrame({'a': [1]}).describe()"
    ),
    "tensors made contiguous first": _wrapped(
        """
        given = [v.contiguous() if torch.is_tensor(v) else v for v in given]
        named = {k: v.contiguous() if torch.is_tensor(v) else v for k, v in named.items()}
        """
    ),
}
