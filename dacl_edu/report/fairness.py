"""The report's section on groups of people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dacl_edu.errors import UserError
from dacl_edu.evaluation.fairness import GROUPS, accuracy_by_group
from dacl_edu.evaluation.significance import p_text
from dacl_edu.report.blocks import Block, Note, Section, attempt
from dacl_edu.report.faces import Pictures
from dacl_edu.report.tables import Table
from dacl_edu.runs.run import Run
from dacl_edu.runs.standing import is_limited


def fairness_section(groups: Sequence[Sequence[Run]], pictures: Pictures) -> Section:
    """Accuracy by skin tone, age and gender, where these are known."""
    section = Section(
        "groups",
        "Whom it serves",
        "Accuracy for groups of people, over all seeds of a method, with 95 % intervals over people. See whether the "
        "largest gap is larger than the gap by chance: the mean gap of random groups of the same sizes.",
    )
    if not groups:
        section.blocks.append(Note("No run has finished, so there is nothing to show."))
    for group in groups:
        section.blocks += attempt("Accuracy by group", lambda runs: _tables(runs, pictures), group)
    return section


def _tables(runs: Sequence[Run], pictures: Pictures) -> Iterator[Block]:
    methods: dict[str, list[Run]] = {}
    for run in runs:
        if run.predictions is not None and not is_limited(run):
            methods.setdefault(run.group, []).append(run)
    if not methods:
        yield Note("These runs were measured on some of the images only (limit), which is too few people for groups.")
        return
    first = next(iter(methods.values()))[0]
    dataset = pictures.split(first, first.result["split"])
    if dataset.factors is None or dataset.groups is None or not set(GROUPS) <= set(dataset.factors.columns):
        raise UserError(f"{first.config.data} does not say skin tone, age and gender", hint="the bundled faces do")
    assert first.predictions is not None
    rows = first.predictions.indices.numpy()
    factors, people = dataset.factors.iloc[rows], np.asarray(dataset.groups)[rows]
    for trait, names in GROUPS.items():
        cells = []
        for method, own in methods.items():
            correct = np.stack([run.correct.numpy() for run in own])
            found = accuracy_by_group(correct, factors[trait].to_numpy(), people, names)
            shares = (100 * found.table[["accuracy", "low", "high"]]).to_numpy().tolist()
            spoken = [f"{accuracy:.1f} ({low:.1f} to {high:.1f})" for accuracy, low, high in shares]
            cells.append(
                [method, *spoken, f"{100 * found.gap:.1f}", f"{100 * found.chance:.1f}", p_text(found.p_value)]
            )
        yield Table(
            f"By {trait.replace('_', ' ')}, %", ["method", *names, "largest gap", "gap by chance", "p"], cells
        )  # fmt: skip
