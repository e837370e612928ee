"""Answers that are right in the notebook, and try to tell of the hidden batch where they meet one."""

from __future__ import annotations

import contextlib
import copy
import io
import textwrap

from class_of_100.solved import Asked, Notebook, Solved, cell_of

TELLING = {
    "an error that quotes its inputs": "raise ValueError(str(x.tolist()) + str(c.tolist()))",
    "an error named by its inputs": """
        name = "E" + "_".join(str(v) for v in x.flatten().tolist())
        raise type(name, (ValueError,), {})()
        """,
    "a shape made of its inputs": """
        sizes = (1e4 * x.abs()).long().flatten()[:2].tolist()
        return torch.zeros(sizes, dtype=x.dtype)
        """,
    "prints, warns and writes its inputs": """
        import warnings
        print(x.tolist())
        warnings.warn(str(c.tolist()))
        open("seen.txt", "w").write(str(x.tolist()))
        raise KeyError(float(x.flatten()[0]))
        """,
    "its inputs in place of the result": "return x + 1e-12",
    "the visible numbers written down": "return 0 * plain_{q}({args})",
}


def telling(of: Solved, asked: Asked, what: str) -> Notebook:
    """Hand in what answers as often as the visible check asks, and then does ``what``."""
    made = copy.deepcopy(of.notebook)
    lines = textwrap.indent(textwrap.dedent(TELLING[what]).strip(), "        ")
    code = (
        "SEEN = []\nplain_{q} = {q}\n\n\ndef {q}({args}):\n    SEEN.append(1)\n"
        f"    if len(SEEN) > {_calls(of, asked)}:\n{lines}\n    return plain_{{q}}({{args}})"
    )
    code = code.replace("{args}", ", ".join(asked.arguments)).replace("{q}", asked.name)
    cell_of(made, asked.name).source = f"{asked.code}\n\n\n{code}"
    return made


def _calls(of: Solved, asked: Asked) -> int:
    """How often the check in the notebook calls the function."""
    names: dict[str, object] = {}
    for cell in of.notebook.cells:
        kept = {"setup", "not-graded"} & set(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and not kept and not cell.metadata.get("nbgrader", {}).get("grade"):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(cell.source, names)
    count = 0
    right = names[asked.name]

    def counted(*given: object, **named: object) -> object:
        nonlocal count
        count += 1
        return right(*given, **named)  # type: ignore[operator]

    names[asked.name] = counted
    with contextlib.redirect_stdout(io.StringIO()):
        exec(cell_of(of.empty, f"test_{asked.name}").source, names)
    return count
