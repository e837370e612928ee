"""What stops attention from falling, in words and tables, from ``studies/bundled/what_stops.csv``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from dacl_edu import paths
from dacl_edu.evaluation.significance import Interval, seeds_interval
from tools.tables import interval, markdown

TABLE = paths.HOME / "studies" / "bundled" / "what_stops.csv"
COMMAND = "python -m tools.what_stops runs/study runs/what-stops"
AS_STUDIED, USUAL_DECAY = "as in the study", 0.0005


class Claim(NamedTuple):
    """One part of a hypothesis: what was found lies between two bounds."""

    hypothesis: str
    words: str
    found: Interval
    lowest: float
    highest: float

    @property
    def verdict(self) -> str:
        """Return ``wrong``, ``open`` or ``holds``, by where the whole interval lies.

        Examples
        --------
        >>> [Claim("H", "", Interval(low, 0.5, high), 0.4, 1).verdict for low, high in ((0.45, 0.6), (0.3, 0.6))]
        ['holds', 'open']
        """
        low, _, high = self.found
        if self.lowest <= low and high <= self.highest:
            return "holds"
        return "wrong" if high < self.lowest or low > self.highest else "open"


def section(table: pd.DataFrame | None = None) -> str:
    """Return the section of the page of findings: verdicts, those that did not turn out first, and two tables."""
    runs = pd.read_csv(TABLE) if table is None else table
    order = ["wrong", "open", "holds"]
    told = sorted(claims(runs), key=lambda claim: order.index(claim.verdict))
    lines = []
    for claim in told:
        low, middle, high = (f"{value:.3g}" for value in claim.found)
        said = f"- **{claim.hypothesis} {claim.verdict}**: {claim.words}: {middle} ({low} to {high})."
        lines.append(said.replace(" -", " −").replace("(-", "(−"))
    return "\n\n".join(
        [
            f"## What stops attention from falling to zero\n\n    {COMMAND}",
            "DACL at λ = 1, mean attention over the test faces. Hypotheses H11 to H15 and what the arms are stand in "
            "`tools/what_stops.py`, committed before they were trained (but `pull cut`, which came later); a line a "
            "run in `what_stops.csv`. Differences are taken seed by seed (0 to 2); 95 % intervals over seeds.",
            "\n".join(lines),
            "One thing changed at a time. D² is the mean squared distance of a dimension to its center (Eq. 10), in "
            "per cent of what it is under softmax loss with the same seed.",
            markdown(arm_table(runs)),
            "The same runs of the study, taken apart: mean attention with the heads' biases alone (W e left out), with "
            "W e alone (biases left out), and with one vector for all faces (W e replaced by its mean). The last "
            "column is how much of the fall from the first epoch to the last comes after half of the epochs.",
            markdown(parts_table(runs)),
            "Seen afterwards, so no test of anything written down: the dimensions of the study's runs at λ = 1 in "
            "quarters, by their mean attention. D² is again in per cent of that under softmax loss (all dimensions).",
            markdown(quarter_table(runs)),
        ]
    )


def claims(runs: pd.DataFrame) -> list[Claim]:
    """Return what was written down, beside what was found."""
    usual, silent, still = (_arm(runs, arm) for arm in (AS_STUDIED, "no softmax loss", "still features"))
    unbiased, steady = _arm(runs, "no biases"), _arm(runs, "constant rate")
    return [
        Claim("H11", "mean attention with the biases alone is above 0.43", _of(usual.bias_alone), 0.43, 1),
        Claim("H11", "without biases in training it ends within 0.05 of where it ends with them, difference",
              _of(unbiased.attention - usual.attention), -0.05, 0.05),
        Claim("H12", "D² ends below a tenth of that under softmax loss, share",
              _of(usual.distance / softmax_distance(runs)), 0, 0.1),
        Claim("H13", "without the softmax loss attention ends above 0.45", _of(silent.attention), 0.45, 1),
        Claim("H13", "without it L_SC after half of the epochs is smaller, ratio",
              _of(silent.loss_half / usual.loss_half), 0, 1),
        Claim("H14", "where features do not follow L_SC attention falls below 0.1", _of(still.attention), 0, 0.1),
        Claim("H15", "at a constant rate it ends lower by 0.05 or more, difference",
              _of(steady.attention - usual.attention), -1, -0.05),
    ]  # fmt: skip


def softmax_distance(runs: pd.DataFrame) -> pd.Series[float]:
    """Return D² of the runs with softmax loss, by seed."""
    return runs[runs.method == "softmax"].set_index("seed").distance


def arm_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return mean attention and D² of the arms at λ = 1."""
    usual, lines = _arm(runs, AS_STUDIED), []
    for arm in (AS_STUDIED, *runs.arm[runs.arm != AS_STUDIED].unique()):
        own = _arm(runs, arm)
        change = "–" if arm == AS_STUDIED else _words(own.attention - usual.attention)
        lines.append({"arm": arm, "seeds": len(own), "mean attention": _words(own.attention), "difference": change,
                      "D², %": _words(100 * own.distance / softmax_distance(runs), 1),
                      "weighted by a, %": _words(100 * own.distance_attended / softmax_distance(runs), 1)})  # fmt: skip
    return pd.DataFrame(lines)


def quarter_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return attention and D² of the quarters of the dimensions, from the one that is attended least, at λ = 1."""
    own, alone = _arm(runs, AS_STUDIED), softmax_distance(runs)
    return pd.DataFrame(
        {"quarter": name, "seeds": len(own), "mean attention": _words(own[f"attention_{k}"]),
         "D², %": _words(100 * own[f"distance_{k}"] / alone, 1)}
        for k, name in enumerate(("attended least", "second", "third", "attended most"), start=1)
    )  # fmt: skip


def parts_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what carries the fall in the study's own runs, one line a λ and weight decay."""
    lines = []
    studied = runs[(runs.arm == AS_STUDIED) & (runs.method == "dacl")]
    for (lam, decay), rows in studied.groupby(["lam", "weight_decay"]):
        own = rows.set_index("seed")
        late = 100 * (own["half"] - own["last"]) / (own["first"] - own["last"])
        lines.append({"λ": f"{lam:g}", "weight decay": f"{decay:g}", "seeds": len(own),
                      **{name.replace("_", " "): _words(own[name]) for name in
                         ("attention", "bias_alone", "latent_alone", "one_vector")},
                      "D², %": _words(100 * own.distance / softmax_distance(runs), 1),
                      "late, %": _words(late, 0)})  # fmt: skip
    return pd.DataFrame(lines).rename(columns={"bias alone": "biases alone", "latent alone": "W e alone"})


def _arm(runs: pd.DataFrame, arm: str) -> pd.DataFrame:
    own = runs[(runs.arm == arm) & (runs.lam == 1) & (runs.weight_decay == USUAL_DECAY)]
    return own.set_index("seed").sort_index()


def _of(values: pd.Series[float]) -> Interval:
    return seeds_interval(values.dropna().tolist())


def _words(values: pd.Series[float], digits: int = 3) -> str:
    known: Sequence[float] = values.dropna().tolist()
    return interval(known, digits)
