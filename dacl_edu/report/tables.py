"""The report's tables: settings, results beside the paper's, pairs of methods, environment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from statistics import mean, stdev
from typing import Any

from dacl_edu.data import available_datasets
from dacl_edu.evaluation.compare import compare_runs
from dacl_edu.evaluation.metrics import mean_attention
from dacl_edu.evaluation.paper import ATTEMPTS, TABLE_1, TABLE_2, TEST_IMAGES, TEST_PARTS, published_results
from dacl_edu.evaluation.significance import difference_interval, mcnemar, p_text, spread_text, within
from dacl_edu.expressions import EXPRESSIONS
from dacl_edu.report.gather import equivalent_command, first_of_each
from dacl_edu.runs.config import PLACE, PRESETS, TrainConfig
from dacl_edu.runs.methods import SCRIPT, available_methods, loss_module
from dacl_edu.runs.paper_settings import deviations
from dacl_edu.runs.run import Run
from dacl_edu.runs.standing import how_far, is_limited, pairs_over_seeds


@dataclass(frozen=True)
class Table:
    """A table of words; the first column heads its rows.

    Attributes
    ----------
    caption : str
    columns : list of str
    rows : list of list of str
    folded : bool
        Whether the page shows it only when asked.
    code : bool
        Whether cells are commands.
    """

    caption: str
    columns: list[str]
    rows: list[list[str]]
    folded: bool = False
    code: bool = False


def settings_tables(runs: Sequence[Run]) -> list[Table]:
    """What all runs have in common, and what tells them apart."""
    values = {run.name: run.config.model_dump(mode="json") for run in runs}
    fields = list(next(iter(values.values())))
    different = [key for key in fields if len({str(own[key]) for own in values.values()}) > 1]
    tables = []
    if different:
        rows = [[name, *(_said(own[key]) for key in different)] for name, own in values.items()]
        tables.append(Table("Settings in which the runs differ", ["run", *map(_spoken, different)], rows))
    first = next(iter(values.values()))
    common = [[_spoken(key), _said(first[key])] for key in fields if key not in different]
    tables += preset_table(runs)
    whose = "Settings of the run" if len(runs) == 1 else f"Settings that all {len(runs)} runs share"
    tables.append(Table(whose, ["setting", "value"], common, folded=True))
    return tables


def preset_table(runs: Sequence[Run]) -> list[Table]:
    """Settings in which runs differ from the preset that they started from, method and seed aside."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for run in runs:
        if run.config.preset in PRESETS:
            own = run.config.model_dump(mode="json")
            base = TrainConfig.from_preset(run.config.preset).model_dump(mode="json")
            for key in own:
                if key not in ("method", "seed", *PLACE) and own[key] != base[key]:
                    change = (_spoken(key), f"{_said(base[key])} ({run.config.preset})", _said(own[key]))
                    rows.setdefault(change, []).append(run.name)
    cells = [[*change, "all" if len(whose) == len(runs) else "; ".join(whose)] for change, whose in rows.items()]
    return [Table("Changed against the preset", ["setting", "preset", "here", "runs"], cells)] if cells else []


def each_run_table(runs: Sequence[Run]) -> Table:
    """One row a run."""
    rows = []
    for run in runs:
        r = run.result or {}
        rows.append(
            [
                run.name,
                f"{100 * r['accuracy']:.2f}",
                f"{100 * r['average_accuracy']:.2f}",
                mean_attention(r),
                f"{r['seconds'] / 60:.1f}" if r.get("seconds") else "–",
                f"{r.get('selected_by', 'not stored')} ({r.get('selected_epoch', '–')})",
            ]
        )
    columns = ["run", "accuracy, %", "average accuracy, %", "mean attention", "training, minutes", "epoch chosen by"]
    return Table("Each run", columns, rows, folded=len(runs) > 1)


def described(runs: Sequence[Run]) -> str:
    """Say on which images runs were measured."""
    result = runs[0].result or {}
    return f"{result['dataset']} {result['split']}, {result['images']:,} images"


def beside_table(runs: Sequence[Run]) -> Table:
    """The three methods of the paper, here and there; and what else was run."""
    results = [{**run.result, "method": run.group} for run in runs if run.result]
    own = {str(row["method"]): row for row in compare_runs(results).to_dict("records")}
    there = {
        a.method: [f"{a.accuracy:.2f}", f"{a.average_accuracy:.2f}", f"{b.accuracy:.2f}"]
        for a, b in product(TABLE_1, TABLE_2)
        if a.method == b.method and a.method in PAPER_NAMES.values()
    }
    methods = {run.group: run.config.method for run in runs if run.result}
    rows = []
    for group in [*methods, *(name for name in PAPER_NAMES if name not in methods.values())]:
        name = PAPER_NAMES.get(methods.get(group, group), "")
        here = own.get(group)
        rows.append(
            [
                group if here else name,
                str(here["seeds"]) if here else "–",
                spread_text(here["accuracy_mean"], here["accuracy_std"]) if here else "–",
                spread_text(here["average_accuracy_mean"], here["average_accuracy_std"]) if here else "–",
                name or "–",
                *there.get(name, ["–"] * 3),
            ]
        )
    columns = ["method", "seeds", "here: accuracy, %", "here: average, %", "in the paper", "Table 1: accuracy, %"]
    columns += ["Table 1: average, %", "Table 2: accuracy, %"]
    caption = f"Here: {described(runs)}, mean ± standard deviation over seeds"
    if not of_expressions(runs):
        return Table(caption, columns[:4], [row[:4] for row in rows if row[1] != "–"])
    return Table(f"{caption}. Table 1: RAF-DB. Table 2: AffectNet", columns, rows)


def of_expressions(runs: Sequence[Run]) -> bool:
    """Whether the classes of runs are among the paper's, so that its tables belong beside them."""
    return set((runs[0].result or {})["classes"]) <= set(EXPRESSIONS)


PAPER_NAMES = {"softmax": "softmax loss", "center": "center loss", "dacl": "DACL"}
"""Name of a method → its name in the paper's tables."""


def paper_tables() -> list[Table]:
    """Tables 1 and 2 of the paper."""
    tables = []
    for dataset, words in (
        ("rafdb", "Table 1 of the paper in full: RAF-DB test"),
        ("affectnet", "Table 2 of the paper in full: AffectNet validation"),
    ):
        published = published_results(dataset)
        rows = [
            [str(method), *(f"{value:.2f}" if math.isfinite(value) else "–" for value in row)]
            for method, row in zip(published.index, published.to_numpy().tolist(), strict=True)
        ]
        columns = ["method", "accuracy, %", "average accuracy, %"]
        if dataset == "affectnet":  # balanced: the two are the same number
            columns, rows = columns[:2], [row[:2] for row in rows]
        tables.append(Table(f"{words}, {TEST_IMAGES[dataset]:,} images", columns, rows, folded=True))
    return tables


def comparable(runs: Sequence[Run]) -> str:
    """Say what of these results may be compared with the paper's tables."""
    result = runs[0].result or {}
    dataset, split, images = result["dataset"], result["split"], result["images"]
    if TEST_PARTS.get(dataset) != split or TEST_IMAGES[dataset] != images:
        said = (
            f"The paper measured on photographs of RAF-DB and AffectNet; these runs were measured on {described(runs)}."
            " So a number here must not be set against a number there. What may be compared is the question: does the "
            "order of the methods repeat, and is the difference larger than its interval?"
        )
    else:
        table = "Table 1" if dataset == "rafdb" else "Table 2"
        said = f"These are the images of {table}, and the paper gives one run each."
        found = {d.setting: d for run in runs for d in deviations(run.config)}
        chosen_otherwise = [d for d in found.values() if d.avoidable and d.setting != "reported epoch"]
        if chosen_otherwise:
            words = "; ".join(f"{d.setting} {d.here}, not {d.paper}" for d in chosen_otherwise)
            said += f" It is another experiment than the paper's: {words}."
        else:
            said += " What the paper says of its settings is kept, so the numbers may be set side by side."
        words = "; ".join(f"{d.setting}: {d.here} (paper: {d.paper})" for d in found.values() if not d.avoidable)
        said += f" Nobody outside can tell or repeat: {words}."
        said += _attempts(dataset)
    chosen = [run for run in runs if run.config.select_by == "test"]
    if chosen:
        said += f" {len(chosen)} run(s) chose their epoch on the test part: their numbers are too high."
    if limits := sorted({run.config.limit for run in runs if run.config.limit and is_limited(run)}):
        most = " or ".join(f"{limit:,}" for limit in limits)
        said += (
            f" At most {most} images of each split were used (limit): that shows that everything works, not how well."
        )
    return said


def _attempts(dataset: str) -> str:
    """Say what users of the released code report."""
    own = [attempt for attempt in ATTEMPTS if attempt.dataset == dataset]
    numbers = ", ".join(f"{attempt.accuracy:.2f}" for attempt in own)
    places = ", ".join(sorted({attempt.source for attempt in own}))
    return f" Users of the authors' code report {numbers} % ({places})."


def pairs_table(runs: Sequence[Run]) -> Table | None:
    """McNemar's test of each pair of methods, first seeds; None where there is no pair with the same images."""
    first = first_of_each(run for run in runs if run.predictions is not None)
    rows = []
    for (one, a), (two, b) in combinations(first.items(), 2):
        assert a.predictions is not None and b.predictions is not None
        if a.predictions.labels.tolist() != b.predictions.labels.tolist():
            continue
        both = a.correct.numpy(), b.correct.numpy()
        test, interval = mcnemar(*both), difference_interval(*both)
        rows.append(
            [
                f"{one} − {two}",
                signed(100 * test.difference),
                _span(100 * interval.low, 100 * interval.high),
                str(test.only_first),
                str(test.only_second),
                p_text(test.p_value),
            ]
        )
    columns = ["pair", "difference, points", "95 % interval", "only first right", "only second right", "p (McNemar)"]
    caption = "Pairs of trained models on the same images, lowest seed each"
    return Table(caption, columns, rows) if rows else None


def full_table(runs: Sequence[Run], full: Sequence[Run]) -> Table:
    """Put the accuracies of these runs beside those of the full experiment that comes with the project."""
    here, there = (
        {row["method"]: row for row in compare_runs(results).to_dict("records")}
        for results in ([{**r.result, "method": r.group} for r in runs if r.result], [r.result for r in full])
    )
    rows = [
        [
            str(method),
            *(
                spread_text(found[method]["accuracy_mean"], found[method]["accuracy_std"]) if method in found else "–"
                for found in (here, there)
            ),
        ]
        for method in dict.fromkeys([*there, *here])
    ]
    columns = ["method", *(how_far(some).rpartition(":")[0] + ", accuracy, %" for some in (runs, full))]
    return Table(f"These runs, and {FULL}", columns, rows)


def beyond_accuracy_table(runs: Sequence[Run]) -> Table:
    """Accuracy, average accuracy, macro-F1 and calibration error of each method: mean ± deviation over its seeds."""
    from dacl_edu.evaluation.calibration import calibration_error, macro_f1

    found: dict[str, list[list[float]]] = {}
    for run in runs:
        if run.predictions is not None and run.result:
            answers = (run.predictions.logits, run.predictions.labels)
            numbers = [run.result["accuracy"], run.result["average_accuracy"], macro_f1(*answers)]
            found.setdefault(run.group, []).append([*numbers, calibration_error(*answers)])
    rows = []
    for group, values in found.items():
        columns = list(zip(*values, strict=True))
        spread = [stdev(column) if len(column) > 1 else math.nan for column in columns]
        cells = [spread_text(mean(c), s) for c, s in zip(columns, spread, strict=True)]
        rows.append([group, str(len(values)), *cells])
    heads = ["method", "seeds", "accuracy, %", "average accuracy, %", "macro-F1, %", "calibration error, points"]
    return Table("Beyond accuracy: mean ± standard deviation over seeds", heads, rows)


FULL = "the full experiment that comes with the project (its runs are in notebooks/shipped)"


def seeds_table(runs: Sequence[Run]) -> Table | None:
    """Student's paired test of each pair of methods over the seeds that both have; None where no pair has two."""
    rows = [
        [f"{one} − {two}", signed(t.middle), _span(t.low, t.high), str(seeds), p_text(t.p_value)]
        for one, two, seeds, t in pairs_over_seeds([run for run in runs if run.result], scale=100)
    ]
    columns = ["pair", "difference, points", "95 % interval", "seeds", "p (paired t)"]
    return Table("Pairs of methods over seeds: the comparison of methods", columns, rows) if rows else None


def _span(low: float, high: float) -> str:
    """Write the interval of a difference of accuracies, in points."""
    found = within(low, high, -100, 100)
    return f"{signed(found[0])} to {signed(found[1])}" if found else "not known"


def signed(value: float, digits: int = 2) -> str:
    """Write a number with its sign; the minus is the typographic one, as wide as the plus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def environment_tables(runs: Sequence[Run]) -> list[Table]:
    """Where each run was made, and by which command."""
    places: dict[str, dict[str, str]] = {}
    commands = []
    for run in runs:
        found, result = run.environment or {}, run.result or {}
        versions = found.get("versions") or result.get("versions") or {}
        sha = str(found.get("git_sha") or result.get("git_sha") or "not stored")
        places[run.name] = {
            "versions": ", ".join(f"{name} {number}" for name, number in versions.items()) or "not stored",
            "platform": str(found.get("platform", "not stored")),
            "device": str(found.get("cuda") or result.get("device") or "not stored"),
            "precision": str(result.get("precision", run.config.precision)),
            "threads": str(found.get("threads", "not stored")),
            "commit": f"{sha[:10]} with changes" if sha.endswith("+changes") else sha[:10],
        }
        commands.append([run.name, equivalent_command(run.config, _module(run))])  # what was typed may be a kernel
    first = next(iter(places.values()))
    different = [key for key in first if len({place[key] for place in places.values()}) > 1]
    tables = [Table("Commands that make these runs", ["run", "command"], commands, code=True)]
    if different:
        rows = [[name, *(place[key] for key in different)] for name, place in places.items()]
        tables.append(Table("In which the places differ", ["run", *different], rows))
    same = [[key, value] for key, value in first.items() if key not in different]
    if same:
        tables.append(Table("Where the runs were made", ["what", "value"], same))
    return tables


def not_repeatable(runs: Sequence[Run]) -> list[str]:
    """Say of which runs the command alone is not enough: their loss or data are a program's own, and not named here."""
    said = dict[str, None]()
    for run in runs:
        method, data, module = run.config.method, run.config.data, _module(run)
        if module == SCRIPT:
            said[f"{method} was registered in a notebook or script: write its loss into a file, as my_losses.py, and "
                 "add --import my_losses."] = None  # fmt: skip
        elif not module and ":" not in method and method not in available_methods():
            said[f"{method} is a loss of someone's own, and its run does not say which module registers it: add "
                 "--import and its name."] = None  # fmt: skip
        if data.partition(":")[0] not in available_datasets():
            said[f"{data} is a data set of someone's own, which only the program that made it knows."] = None
    return list(said)


def _module(run: Run) -> str:
    """Return the module that registers the loss of a run: as it says, or as is known here."""
    return str((run.environment or {}).get("loss_module") or loss_module(run.config))


def frame_table(caption: str, frame: Any, digits: int = 3, head: str = "", folded: bool = False) -> Table:
    """Turn a pandas table into words."""
    columns = [head or str(frame.index.name or ""), *map(str, frame.columns)]
    rows = [
        [str(index), *(_number(value, digits) for value in row)]
        for index, row in zip(frame.index, frame.itertuples(index=False, name=None), strict=True)
    ]
    return Table(caption, columns, rows, folded)


def _number(value: Any, digits: int) -> str:
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return "–"
    return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}f}").replace("-", "−")


def _spoken(name: str) -> str:
    return {"lam": "λ", "alpha": "α", "eps": "ε"}.get(name, name.replace("_", " "))


def _said(value: Any) -> str:
    if value is None:
        return "default"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value)) or "none"
    return str(value)
