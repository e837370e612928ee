"""Make notebooks from their text: NN_name.py → NN_name.ipynb, executed in a fresh kernel, outputs stored.

    python -m tools.notebooks            every notebook
    python -m tools.notebooks 05 06      those whose name begins so
    python -m tools.notebooks studies/bundled/study.py    one that is no lesson
    python -m tools.notebooks --no-run   only bring the text into the .ipynb; unchanged code keeps its output

Edit the .py file, run this, look at the .ipynb, commit both. A notebook that fails leaves its old .ipynb in place.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.notebook_pairs import execute, find_texts, keep_outputs, store, with_setup_cell  # noqa: E402
from tools.notebook_rules import OF_LESSONS, complaints  # noqa: E402


def main() -> int:
    """Convert, execute, store; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="beginnings of names, e.g. 05 or assignments/; all if left out")
    parser.add_argument(
        "--no-run", action="store_true", help="convert without executing; unchanged code keeps its outputs"
    )
    parser.add_argument("--profile", default="", help="train with another profile, e.g. smoke")
    parser.add_argument("--timeout", type=int, default=600, help="seconds that one cell may take [600]")
    arguments = parser.parse_args()

    given = [Path(name).resolve() for name in arguments.names if Path(name).is_file()]
    texts = given or find_texts(ROOT / "notebooks", arguments.names)
    if not texts:
        print(f"no notebook begins with {' or '.join(arguments.names)}", file=sys.stderr)
        return 2
    os.environ["DACL_EDU_PNG"] = "1"
    made = tempfile.TemporaryDirectory()  # removed at the end
    rows, failed = [], False
    for text in texts:
        notebook = with_setup_cell(text)
        # What is stored was computed now, not read from old runs. Assignments train for seconds here.
        profile = arguments.profile or ("smoke" if "assignments" in text.parts else "")
        values = {"out": made.name, **({"profile": profile} if profile else {})}
        os.environ["DACL_EDU_PARAMETERS"] = json.dumps(values)
        budget = notebook.metadata.get("dacl_edu", {}).get("budget_seconds")
        start = time.perf_counter()
        if arguments.no_run:
            for first_line in keep_outputs(notebook, text.with_suffix(".ipynb")):
                print(f"  {text.name}: no output for the changed cell {first_line!r}", file=sys.stderr)
        error = None if arguments.no_run else execute(notebook, text.parent, arguments.timeout)
        seconds = time.perf_counter() - start
        if error is None:
            store(notebook, text.with_suffix(".ipynb"))
            of_lessons = () if text.parent == ROOT / "notebooks" else OF_LESSONS
            for line in complaints(notebook, text):
                if line.partition(":")[0] in of_lessons:
                    continue
                print(f"  {line}", file=sys.stderr)
        else:
            failed = True
            print(f"\n{text.name}:\n{error}\n", file=sys.stderr)
        rows.append((text.stem, seconds, budget, "FAILED" if error else ""))
        print(_line(*rows[-1]), file=sys.stderr, flush=True)
    print(f"{'notebook':<28}{'seconds':>8}{'budget':>8}")
    for row in rows:
        print(_line(*row))
    return int(failed)


def _line(name: str, seconds: float, budget: int | None, verdict: str) -> str:
    over = "over budget" if budget and seconds > budget else ""
    return f"{name:<28}{seconds:>8.1f}{budget or '-':>8}  {verdict or over}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
