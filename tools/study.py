"""Keep what a study found, small enough for the repository: a table of its runs, and which images each got right.

    python -m tools.study runs/study studies/bundled

writes ``runs.csv`` (a line a run), ``correct.npz`` (a bit an image) and ``findings.md`` (comparisons, what is missing).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dacl_edu.errors import UserError
from dacl_edu.runs.comparison import compare_configurations
from dacl_edu.runs.comparison_table import written
from dacl_edu.runs.naming import full_name
from dacl_edu.runs.run import Run, find_runs
from dacl_edu.sweep.plan import read_plan

QUESTIONS: tuple[tuple[str, str, Callable[[Run], bool]], ...] = (
    ("Does any arm differ from softmax loss, at λ = 0.01?", "softmax", lambda run: run.config.lam in (0.01, 0.005)),
    ("Is learned attention better than its controls, at λ = 0.01?", "dacl, attention default",
     lambda run: run.config.method == "dacl" and run.config.lam == 0.01),
    ("The same at λ = 1", "dacl, attention default", lambda run: run.config.method == "dacl" and run.config.lam == 1),
    ("DACL at λ beside center loss at λ/2 and λ, λ = 0.01", "center, lam 0.005",
     lambda run: run.config.method != "softmax" and run.config.attention is None and run.config.lam in (0.01, 0.005)),
    ("The same at λ = 1", "center, lam 0.5",
     lambda run: run.config.method != "softmax" and run.config.attention is None and run.config.lam in (1, 0.5)),
)  # fmt: skip
"""Question, baseline, and which runs answer it."""


def main() -> int:
    """Write the three files; return the exit status."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    runs = find_runs(source)
    runs_table(runs).to_csv(target / "runs.csv", index=False)
    bits = {full_name(run.config): np.packbits(run.correct) for run in runs}
    np.savez_compressed(target / "correct.npz", **bits)  # type: ignore[arg-type]  # numpy's stub takes them for allow_pickle
    missing = [
        cell.name for cell in read_plan(target / "plan.toml") if not (source / cell.name / "result.json").exists()
    ]
    (target / "findings.md").write_text(findings(runs, missing), encoding="utf-8")
    return 0


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return one line a run: settings, accuracy, and mean attention after the first and the last epoch."""
    lines = []
    for run in runs:
        attention = [line["attention"]["mean"] for line in run.history]
        lines.append(
            {
                "method": run.config.method, "attention": run.config.attention or "", "lam": run.config.lam,
                "seed": run.config.seed, "accuracy": run.result["accuracy"],
                "mean_attention": run.result["attention"]["mean"],
                "mean_attention_first": attention[0] if attention else float("nan"),
            }
        )  # fmt: skip
    return pd.DataFrame(lines).sort_values(["method", "attention", "lam", "seed"])


def findings(runs: Sequence[Run], missing: Sequence[str]) -> str:
    """Return the comparisons as Markdown; a question whose runs are not there is named."""
    parts = [f"{len(runs)} runs; {len(missing)} of the plan are missing."]
    for question, baseline, chosen in QUESTIONS:
        own = [run for run in runs if chosen(run)]
        try:
            parts.append(f"## {question}\n\n{written(compare_configurations(own, baseline), 'markdown')}")
        except UserError as error:
            parts.append(f"## {question}\n\nNot answered: {error.problem}.")
    if missing:
        parts.append("## Missing\n\n" + "\n".join(f"- `{name}`" for name in missing))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
