"""Assignment 6: the form of a plan and of its results. What they are worth a person judges."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from dacl_edu import check
from dacl_edu.errors import UserError
from dacl_edu_course.questions.question import question

VARIED = ("method", "attention", "loss_parameters", "lam", "alpha", "eps", "center_init", "attention_widths")
"""Fields of TrainConfig that a variant may set; all others are the same for every run of a plan."""
SEEDS = 3
MOST_SEEDS, MOST_VARIANTS = 100, 50


@question("Question 2: the plan", look="the table of the plan above; dacl-edu train --help lists the fields")
def my_plan(answer: Any, seed: int = 0) -> None:
    """``my_plan()``: variants that differ and can be trained, enough seeds, nothing selected on the test part."""
    found = planned(answer)
    seeds, variants = found["seeds"], found["variants"]
    assert len(seeds) >= SEEDS, f"the plan names {len(seeds)} seeds: with fewer than {SEEDS} no spread can be told"
    assert len(set(seeds)) == len(seeds), "the plan names a seed twice: the second run would be the first again"
    assert found["select_by"] in ("last", "validation"), (
        f"select_by is {found['select_by']!r}, but must be 'last' or 'validation': whoever selects on the test part "
        "measures how well they searched"
    )
    assert len(variants) >= 2, "the plan has one variant: there is nothing to compare it with"
    seen: dict[str, str] = {}
    for name, fields in variants.items():
        trained = json.dumps(_what_is_trained(name, fields), sort_keys=True)
        twin = seen.setdefault(trained, name)
        assert twin == name, f"variants {twin!r} and {name!r} would be the same runs: what is varied?"


def planned(answer: Any) -> dict[str, Any]:
    """Call ``my_plan`` and check the kinds of what it returns.

    Raises
    ------
    AssertionError
        Something is missing or of another kind.

    Examples
    --------
    >>> made = {"seeds": [0, 1, 2], "select_by": "last", "variants": {"plain": {"method": "center"}}}
    >>> sorted(planned(lambda: made))
    ['seeds', 'select_by', 'variants']
    """
    found = check.call(answer)
    assert isinstance(found, Mapping), f"the plan is a {type(found).__name__}, but must be a dictionary"
    for name in ("variants", "seeds", "select_by"):
        assert name in found, f"{name} is missing from the plan"
    seeds, variants = found["seeds"], found["variants"]
    assert isinstance(seeds, Sequence) and not isinstance(seeds, str), "seeds must be a list of whole numbers"
    assert all(type(seed) is int and seed >= 0 for seed in seeds), "seeds must be whole numbers, 0 or more"
    assert len(seeds) <= MOST_SEEDS, f"the plan names {len(seeds)} seeds: at most {MOST_SEEDS} are looked at"
    assert isinstance(variants, Mapping), "variants must be a dictionary: a name, and the fields that it sets"
    assert len(variants) <= MOST_VARIANTS, f"the plan has {len(variants)} variants: at most {MOST_VARIANTS} are read"
    for name, fields in variants.items():
        assert isinstance(name, str) and isinstance(fields, Mapping), "a variant is a name and a dictionary of fields"
    return dict(found)


def _what_is_trained(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check that a variant can be trained, and return the settings that its runs feel: whatever it is called."""
    from dacl_edu.runs.config import TrainConfig
    from dacl_edu.runs.methods import available_methods, build_method, require_method, unused_settings

    others = [field for field in fields if field not in VARIED]
    assert not others, (
        f"variant {name!r} sets {others[0]!r}, which must be the same for all: a variant may set {', '.join(VARIED)}"
    )
    method = fields.get("method", "")
    assert isinstance(method, str) and method, f"variant {name!r} names no method"
    known = method in available_methods() or ":" in method  # a class of the student's own is not imported here
    assert known, f"variant {name!r} has an unknown method {method!r}: see docs/losses.md"
    try:
        config = TrainConfig.from_preset("smoke", **fields)
        felt = {field: value for field, value in config.model_dump(mode="json").items() if field in VARIED}
        if ":" in method:
            return felt
        _, attention = build_method(config)
    except UserError as error:
        raise AssertionError(f"variant {name!r} cannot be trained: {error}") from error
    unused = set(unused_settings(config))
    felt |= {"method": require_method(method), "attention": attention}
    if attention == "ones":  # no attention network; with all weights 1 Eq. 4 is Eq. 3
        unused |= {"attention", "attention_widths"}
        felt["method"] = {"sparse_center": "center"}.get(felt["method"], felt["method"])
    return {field: value for field, value in felt.items() if field not in unused}


@question("Question 4: the results", look="the table that the run cell printed: one row a variant and seed")
def my_results(answers: tuple[Any, Any], seed: int = 0) -> None:
    """``(my_plan, my_results)``: a row for each variant and seed of the plan, and no other; accuracies are shares."""
    made, answer = planned(answers[0]), answers[1]
    rows = check.call(answer)
    assert isinstance(rows, Sequence) and not isinstance(rows, str), (
        f"the results are a {type(rows).__name__}, but must be a list of rows"
    )
    wanted = [(variant, number) for variant in made["variants"] for number in made["seeds"]]
    assert len(rows) <= 2 * len(wanted), f"the results have {len(rows)} rows for {len(wanted)} runs of the plan"
    seen = set()
    for row in rows:
        whole = isinstance(row, Sequence) and not isinstance(row, str) and len(row) == 3
        assert whole, "a row must be (variant, seed, accuracy)"
        variant, number, accuracy = row
        assert isinstance(accuracy, Real) and math.isfinite(accuracy), (
            f"the accuracy of {variant!r}, seed {number!r}, is no number: is that run finished?"
        )
        assert 0 <= float(accuracy) <= 1, f"the accuracy of {variant!r}, seed {number!r}, is no share between 0 and 1"
        assert (variant, number) not in seen, f"{variant!r}, seed {number!r}, has two rows"
        seen.add((variant, number))
    missing = [pair for pair in wanted if pair not in seen]
    assert not missing, f"a run of the plan has no row: {missing[0][0]!r}, seed {missing[0][1]}"
    unplanned = [(row[0], row[1]) for row in rows if (row[0], row[1]) not in wanted]
    assert not unplanned, f"a row is not of the plan: {unplanned[0][0]!r}, seed {unplanned[0][1]!r}"
    accuracies = {round(float(row[2]), 6) for row in rows}
    assert len(accuracies) > 1, "all accuracies are the same: copy them from the table of the runs"
