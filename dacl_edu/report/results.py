"""Sections on what was asked and what came out: settings, results, training, confusion, samples, environment."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch

from dacl_edu.errors import UserError
from dacl_edu.report.blocks import Block, Drawing, Note, Section, attempt
from dacl_edu.report.faces import Pictures
from dacl_edu.report.gather import first_of_each
from dacl_edu.report.tables import (
    FULL,
    beside_table,
    beyond_accuracy_table,
    comparable,
    described,
    each_run_table,
    environment_tables,
    full_table,
    not_repeatable,
    of_expressions,
    pairs_table,
    paper_tables,
    seeds_table,
    settings_tables,
)
from dacl_edu.runs.run import Run
from dacl_edu.runs.standing import QUESTION, full_beside, over_seeds

Runs = Sequence[Run]


def settings_section(runs: Runs, notes: Sequence[str]) -> Section:
    """What was trained, and what is missing."""
    methods = list(dict.fromkeys(run.group for run in runs))
    intro = (
        f"{len(runs)} run{'s' if len(runs) > 1 else ''} of {len(methods)} method{'s' if len(methods) > 1 else ''}: "
        f"{'; '.join(methods)}. See whether the runs differ in anything but the method and the seed: "
        "only then does a difference in the results belong to the method."
    )
    return Section("settings", "What was trained", intro, [*settings_tables(runs), *map(Note, notes)])


def results_section(groups: Sequence[Runs]) -> Section:
    """Results beside the paper's tables."""
    section = Section(
        "results",
        "Results beside the paper",
        "Accuracy is the share of right answers; average accuracy is the mean over the classes, so a rare class counts "
        "as much as a frequent one. See whether the difference between methods is larger than the spread over seeds.",
    )
    if not groups:
        section.blocks.append(Note("No run has finished, so there is no result yet."))
    for group in groups:
        section.blocks += attempt("The full experiment beside these runs", _beside_full, group)
        section.blocks += attempt("The table of results", _tables, group)
        section.blocks += attempt("The accuracy of each method", _accuracy, group)
        section.blocks += attempt("The comparison of pairs", _pairs, group)
    if not groups or any(of_expressions(group) for group in groups):
        section.blocks += paper_tables()
    return section


def _beside_full(group: Runs) -> Iterator[Block]:
    full = full_beside(group)
    if not full:
        return
    yield full_table(group, full)
    yield Note(f"{over_seeds(full)} {QUESTION} Only the last column was trained to its end, with several seeds.")


def _tables(group: Runs) -> Iterator[Block]:
    yield beside_table(group)
    yield Note(comparable(group))
    yield each_run_table(group)


def _accuracy(group: Runs) -> Drawing:
    from dacl_edu.evaluation.significance import accuracy_interval, seeds_interval, within
    from dacl_edu.plots import LOOKS, interval_plot

    by_method: dict[str, list[float]] = {}
    for run in group:
        by_method.setdefault(run.group, []).append((run.result or {})["accuracy"])
    images = (group[0].result or {})["images"]
    intervals: dict[str, tuple[float, float, float]] = {}
    words, images_only = dict[str, None](), set[str]()
    full: dict[str, list[float]] = {}
    for run in full_beside(group):
        full.setdefault(f"{run.config.method}, full", []).append(run.result["accuracy"])
    for name, values in [*by_method.items(), *full.items()]:
        if len(values) > 1:
            interval, row = seeds_interval(values), f"{name}<br>{len(values)} seeds"
            words["In colour: 95 % intervals of the mean over seeds (Student's t)."] = None
        else:
            correct = round(values[0] * images)
            interval = accuracy_interval([True] * correct + [False] * (images - correct))
            row = f"{name}<br>one seed: images only"
            images_only.add(row)
            words[
                "In grey: a single seed each. The bar says what other test images might have given (Wilson, 95 %); "
                "what another seed would give is not in it, so bars that do not touch rank nothing."
            ] = None
        low, high = within(interval.low, interval.high, 0, 1) or (math.nan, math.nan)
        intervals[row] = (100 * low, 100 * interval.middle, 100 * high)
    if full:
        words[f"Rows named full: {FULL}."] = None
    figure = interval_plot(intervals, f"Accuracy on {described(group)}", "accuracy, %", images_only)
    figure.update_xaxes(autorangeoptions={"clipmin": -2, "clipmax": 102})
    order = list(dict.fromkeys([*by_method, *(name.removesuffix(", full") for name in full)]))
    for trace in figure.data:  # a method has one look, here and there
        if trace.y[0] not in images_only:
            place = order.index(trace.y[0].partition("<br>")[0].removesuffix(", full"))
            trace.marker.color, _, trace.marker.symbol = LOOKS[place % len(LOOKS)]
    return Drawing(figure, " ".join(words))


def _pairs(group: Runs) -> Iterator[Block]:
    table = pairs_table(group)
    if table is None:
        why = "it takes two methods with predictions on the same images"
        yield Note(f"No pair of methods is compared image by image: {why}.")
        return
    yield table
    over = seeds_table(group)
    if over is not None:
        yield over
    yield Note(
        "All methods answered the same images, so only those count on which two disagree. p (McNemar) is the chance of "
        "a split at least as uneven if each disagreement were a fair coin. It compares two trained models, not two "
        "methods: another seed gives another model."
        + ("" if over is None else " p (paired t) does, over seeds alone; dacl-edu compare takes images as draws too, "
           "and corrects p for the number of comparisons, so its p differs.")
    )  # fmt: skip


def training_section(runs: Runs) -> Section:
    """Curves over the epochs."""
    section = Section(
        "training",
        "How training went",
        "The loss of Eq. 8 and its two terms on training images, right answers, and attention. See whether the curves "
        "have flattened at the end, and what the mean attention does: a step on L_SC lowers the mean "
        "weighted by D², the plain one need not fall.",
    )
    with_history = [run for run in runs if run.history]
    if not with_history:
        section.blocks.append(Note("No run has a metrics.jsonl with a finished epoch, so there is nothing to draw."))
    for data in dict.fromkeys(run.config.data for run in with_history):
        same = [run for run in with_history if run.config.data == data]
        section.blocks += attempt("The training curves", _curves, same)
    return section


def _curves(runs: Runs) -> Drawing:
    from dacl_edu.plots.curves import PANELS, training_curves

    panels = [p for p in PANELS if any(PANELS[p].value(line) is not None for run in runs for line in run.history)]
    figure = training_curves(
        {run.name: run.history for run in runs}, f"Training on {runs[0].config.data}", panels,
        {run.name: run.group for run in runs}, band=True,
    )  # fmt: skip
    repeated = len(runs) > len({run.group for run in runs})
    several = "Lines are means over the seeds, bands one standard deviation to each side. " if repeated else ""
    return Drawing(
        figure,
        several + "The metric loss stands with its λ, as it enters the total. Entropy is a share of its largest value: "
        "1 means that all dimensions weigh alike. A method without attention has no line there.",
    )


def confusion_section(groups: Sequence[Runs]) -> Section:
    """Which class is taken for which, as in the paper's Fig. 4."""
    section = Section(
        "confusion",
        "Which class is taken for which",
        "Rows are true classes, columns answers, as in the paper's Fig. 4. See which cells off the diagonal are dark, "
        "and whether they come in pairs.",
    )
    return _of_groups(section, groups, "The confusion matrices", _confusion)


def _confusion(group: Runs) -> Drawing:
    from dacl_edu.plots import confusion_matrices

    first = first_of_each(group)
    counts = {name: (run.result or {})["confusion"] for name, run in first.items()}
    figure = confusion_matrices(counts, (group[0].result or {})["classes"], cell=40 if len(counts) < 3 else 36)
    seeds = "" if len(group) == len(first) else " The lowest seed of each method."
    return Drawing(figure, f"On {described(group)}.{seeds} The pointer on a cell names it in words.")


def classes_section(groups: Sequence[Runs]) -> Section:
    """Methods class by class."""
    section = Section(
        "classes",
        "Class by class",
        "The diagonal of the matrices with its uncertainty. See for which classes the intervals of two methods hardly "
        "overlap: elsewhere the order of the methods may be luck.",
    )
    return _of_groups(section, groups, "The comparison by class", _per_class)


def _per_class(group: Runs) -> Drawing:
    from dacl_edu.plots import per_class_comparison

    counts: dict[str, list[list[list[int]]]] = {}
    for run in group:
        counts.setdefault(run.group, []).append((run.result or {})["confusion"])
    figure = per_class_comparison(counts, (group[0].result or {})["classes"])
    return Drawing(figure, "With one seed the interval is Wilson's, over other images; with several it is over seeds.")


def calibration_section(groups: Sequence[Runs]) -> Section:
    """Whether confidence means something."""
    section = Section(
        "calibration",
        "How sure, how right",
        "The probability of the chosen class is a model's confidence. See whether the line lies below the diagonal, "
        "where the model is surer than it is right, and whether a loss that pulls features together changes that.",
    )
    return _of_groups(section, groups, "The reliability diagram", _reliability)


def _reliability(group: Runs) -> Iterator[Block]:
    from dacl_edu.evaluation.calibration import calibration_error, reliability
    from dacl_edu.plots import reliability_diagram

    first = first_of_each(run for run in group if run.predictions is not None)
    if not first:
        raise UserError("no run has predictions", hint="train it again, or measure it with dacl-edu evaluate")
    answers = {name: (run.predictions.logits, run.predictions.labels) for name, run in first.items()}  # type: ignore[union-attr]
    errors = {name: calibration_error(*one) for name, one in answers.items()}
    yield Drawing(
        reliability_diagram({name: reliability(*one) for name, one in answers.items()}, errors),
        f"On {described(group)}, the lowest seed of each method. Below, how many images each part of the confidence "
        "holds: where there are few, the line above jumps by chance.",
    )
    yield beyond_accuracy_table(group)


def samples_section(groups: Sequence[Runs], pictures: Pictures) -> Section:
    """Faces, as in the paper's Fig. 3."""
    section = Section(
        "samples",
        "Right and wrong, image by image",
        "The most confident correct and the most confident wrong answers for each true class, as in the paper's "
        "Fig. 3: p is the answer with its probability, t the truth. See which of the wrong ones you would have known.",
    )
    return _of_groups(section, groups, "The sample faces", lambda group: _samples(group, pictures))


def _samples(group: Runs, pictures: Pictures) -> Iterator[Drawing]:
    from dacl_edu.plots import correct_and_wrong

    first = first_of_each(run for run in group if run.predictions is not None)
    if not first:
        raise UserError("no run has predictions", hint="train it again, or measure it with dacl-edu evaluate")
    for name, run in list(first.items())[-3:]:
        assert run.predictions is not None and run.result is not None
        p = run.predictions
        images = pictures.of(run, run.result["split"], p.indices, p.labels)
        figure = correct_and_wrong(images, p.labels, torch.softmax(p.logits, dim=1), run.result["classes"], name=name)
        accuracy = run.correct.double().mean().item()
        caption = f"{run.name}: {accuracy:.1%} of {len(p.labels):,} images are correct."
        yield Drawing(figure, caption, _cells(figure, images))


def _cells(figure: Any, images: torch.Tensor) -> list[tuple[str, str, str]]:
    from dacl_edu.plots.thumbnails import thumbnails

    captions, places = list(figure.data[0].text), list(figure.data[0].customdata)
    shown = [place for place in places if place >= 0]
    faces = dict(zip(shown, thumbnails(images[shown], 96, 85), strict=True)) if shown else {}
    half = len(places) // 2
    return [
        (
            "confident and correct" if at < half else "confident and wrong",
            faces.get(place, ""),
            words.replace("<br>", ", "),
        )
        for at, (place, words) in enumerate(zip(places, captions, strict=True))
    ]


def _of_groups(
    section: Section, groups: Sequence[Runs], what: str, make: Callable[[Runs], Block | Iterable[Block]]
) -> Section:
    """Fill a section with what ``make`` makes of each group of comparable runs."""
    if not groups:
        section.blocks.append(Note("No run has finished, so there is nothing to draw."))
    for group in groups:
        section.blocks += attempt(what, make, group)
    return section


def environment_section(runs: Runs, command: str) -> Section:
    """Where and how; ``command`` is what made the page."""
    section = Section(
        "environment",
        "Where and how it was made",
        "What someone else needs to repeat it. See whether all runs come from one commit and one set of versions.",
        [*environment_tables(runs)],
    )
    section.blocks += map(Note, not_repeatable(runs))
    section.blocks.append(Note(f"This page was made by: {command}"))
    return section
