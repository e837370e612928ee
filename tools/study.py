"""Keep what the study of the bundled faces found, small enough for the repository.

    python -m tools.study runs/study

writes ``notebooks/shipped/study`` (settings, results and answers of every run: what lessons and ``compare`` read), and
into ``studies/bundled`` ``findings.md`` (each question with its table and command) and ``probes.csv``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from dacl_edu import paths
from dacl_edu.data import load_dataset
from dacl_edu.errors import UserError
from dacl_edu.evaluation.probes import NUISANCES, kept_and_let_go, linear_probes
from dacl_edu.runs.comparison import compare_configurations
from dacl_edu.runs.comparison_table import written
from dacl_edu.runs.matching import matching
from dacl_edu.runs.run import Run, find_runs
from dacl_edu.runs.study import write_study
from dacl_edu.sweep.plan import read_plan
from tools.tables import interval, markdown
from tools.what_stops_table import section

TARGET = paths.HOME / "studies" / "bundled"
PLANS = ("plan.toml", "conditions.toml")


class Question(NamedTuple):
    """What is asked, the row that the others are compared with, and the settings of the runs that answer it."""

    words: str
    baseline: str
    where: tuple[str, ...]


AS_SHIPPED = ("folder=none", "weight_decay=0.0005")
QUESTIONS = (
    Question("Does any arm differ from softmax loss, at λ = 0.01?", "softmax", ("lam=0.01", *AS_SHIPPED)),
    Question("Does the loss matter at any λ?", "softmax", ("attention=none", *AS_SHIPPED)),
    Question(
        "Is learned attention better than its controls, at λ = 0.01?", "dacl, attention learned",
        ("method=dacl", "lam=0.01", *AS_SHIPPED),
    ),
    Question("The same at λ = 1", "dacl, attention learned", ("method=dacl", "lam=1", *AS_SHIPPED)),
    Question(
        "Does DACL differ from center loss at λ and at λ/2, λ = 0.01?", "dacl",
        ("method=center,dacl", "attention=none", "lam=0.005,0.01", *AS_SHIPPED),
    ),
    Question(
        "Does DACL at λ = 1 differ from center loss at λ, λ/2, and λ times the mean attention that it found (0.35)?",
        "dacl", ("method=center,dacl", "attention=none", "lam=0.35,0.5,1", *AS_SHIPPED),
    ),
    Question(
        "How much of center loss's harm at λ = 1 does each win back?", "center, lam 1.0",
        ("method=center,dacl", "lam=0.35,0.5,1", *AS_SHIPPED),
    ),
    Question("Every training label right", "softmax", ("folder=noise000",)),
    Question("Three labels in ten wrong", "softmax", ("folder=noise030",)),
    Question("Tame pictures (wildness 0)", "softmax", ("folder=wild000",)),
    Question("Wild pictures (wildness 1)", "softmax", ("folder=wild100",)),
    Question("A tenth of the training images", "softmax", ("folder=share010",)),
    Question("A hundredth of the training images", "softmax", ("folder=share001",)),
)  # fmt: skip


def main() -> int:
    """Write the files; return the exit status."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    runs = find_runs(sys.argv[1])
    write_study(runs, paths.shipped_study())
    probes = probe_table(runs)
    probes.round(4).to_csv(TARGET / "probes.csv", index=False)
    planned = {cell.name for plan in PLANS for cell in read_plan(TARGET / plan)}
    missing = sorted(planned - {run.folder.name for run in runs})
    (TARGET / "findings.md").write_text(findings(runs, probes, missing), encoding="utf-8")
    return 0


def findings(runs: Sequence[Run], probes: pd.DataFrame, missing: Sequence[str]) -> str:
    """Return the answers as Markdown; a question whose runs are not there is named."""
    parts = [
        "# What the runs say",
        f"{len(runs)} of {len(runs) + len(missing)} runs. Written by `python -m tools.study runs/study`. A difference "
        "is taken over the seeds that both rows have, so it need not be that of the two means; n is what a row has.",
    ]
    for words, baseline, where in QUESTIONS:
        chosen = " ".join(f'--where "{condition}"' for condition in where)
        command = f'dacl-edu compare notebooks/shipped/study -b "{baseline}" {chosen}'
        try:
            answer = written(compare_configurations(matching(runs, where), baseline), "markdown")
        except UserError as error:
            answer = f"Not answered: {error.problem}."
        parts.append(f"## {words}\n\n    {command}\n\n{answer}")
    parts.append(
        "## How far attention goes\n\nMean attention of DACL over the test faces, and how it changed from the first "
        "epoch to the last (training faces); 95 % intervals over seeds.\n\n" + markdown(attention_table(runs))
    )
    parts.append(section())
    parts.append(
        "## What the kept dimensions carry\n\nLinear probes (`dacl_edu.evaluation.probes`) on the half of the features "
        "that is attended more, minus the other half, in points: share of right answers for the class, R² for the "
        "factors (pose, light, identity: means of several). 95 % intervals over seeds; scores in `probes.csv`.\n\n"
        + markdown(probe_differences(probes))
    )
    if missing:
        parts.append("## Missing\n\n" + "\n".join(f"- `{name}`" for name in missing))
    return "\n\n".join(parts) + "\n"


def learned(runs: Sequence[Run]) -> list[Run]:
    """Return DACL's runs with learned attention on the faces as they are shipped."""
    return [
        run for run in runs
        if run.config.method == "dacl" and run.config.attention is None and run.config.root is None
    ]  # fmt: skip


def attention_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return mean attention of DACL's arms, one line a λ and weight decay."""
    found: dict[tuple[float, float], list[Run]] = {}
    for run in learned(runs):
        found.setdefault((run.config.lam, run.config.weight_decay), []).append(run)
    lines = []
    for (lam, decay), own in sorted(found.items()):
        change = [run.history[-1]["attention"]["mean"] - run.history[0]["attention"]["mean"] for run in own]
        mean = [run.result["attention"]["mean"] for run in own]
        lines.append(
            {"λ": f"{lam:g}", "weight decay": f"{decay:g}", "seeds": len(own), "mean attention": interval(mean),
             "change": interval(change)}
        )  # fmt: skip
    return pd.DataFrame(lines)


def probe_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return what linear probes read off the kept half of the features, the other half, and halves at random."""
    factors = [name for names in NUISANCES.values() for name in names]
    faces = load_dataset("bundled", "test")
    assert faces.factors is not None and faces.groups is not None  # of the bundled faces all is known
    lines = []
    for run in learned(runs):
        if run.config.lam not in (0.01, 0.1, 1):
            continue
        seen = run.predictions
        assert seen is not None
        for part, halves in kept_and_let_go(seen.attention).items():
            scores = pd.DataFrame(
                linear_probes(seen.features[:, half], seen.labels, faces.groups, faces.factors[factors])
                for half in halves
            ).mean()
            told = {kind: scores[list(names)].mean() for kind, names in NUISANCES.items()}
            lines.append({"lam": run.config.lam, "weight_decay": run.config.weight_decay, "seed": run.config.seed,
                          "half": part, "class": scores["class"], **told})  # fmt: skip
    columns = ["lam", "weight_decay", "seed", "half", "class", *NUISANCES]
    return pd.DataFrame(lines, columns=columns).sort_values(columns[:4])


def probe_differences(probes: pd.DataFrame) -> pd.DataFrame:
    """Return the kept half's scores minus the other half's, one line a λ, in points with intervals over seeds."""
    lines = []
    for (lam, decay), own in probes.groupby(["lam", "weight_decay"]):
        halves = {part: rows.set_index("seed") for part, rows in own.groupby("half")}
        line = {"λ": f"{lam:g}", "weight decay": f"{decay:g}", "seeds": str(len(halves["kept"]))}
        for what in ("class", *NUISANCES):
            difference = 100 * (halves["kept"][what] - halves["let go"][what])
            line[what] = interval(difference.tolist(), digits=1)
        lines.append(line)
    return pd.DataFrame(lines)


if __name__ == "__main__":
    sys.exit(main())
