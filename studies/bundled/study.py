# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: dacl_edu,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   dacl_edu:
#     budget_seconds: 60
#     mode: lax
# ---

# %% [markdown]
# # The study of the bundled faces, in figures
#
# 176 small runs (preset `minute`: 32 pixels, 12 epochs, a small network) ask what attention changes that a smaller λ does not. Nothing is trained here: the runs' settings and
# answers come with the project. The hypotheses, H1 to H15, were written before the runs ([plan.toml](plan.toml), [conditions.toml](conditions.toml),
# [tools/what_stops.py](../../tools/what_stops.py)); what became of each: [studies](../README.md). Two arms came later, when the others were known: center loss at λ = 0.35, and `pull cut`.
# All tables, with their commands: [findings](findings.md). What they mean, step by step: lessons 10 and 13.
#
# Every interval is of 95 %, over seeds, or over seeds and images where arms are compared, and of that pair alone; p is corrected within a table. A sentence with numbers is written by the
# cell that computed them.

# %% jupyter={"source_hidden": true} tags=["setup"]
# On Colab or Kaggle this fetches the project. Elsewhere, or run again, it does nothing.
import importlib.util, os, subprocess, sys

found = importlib.util.find_spec("dacl_edu") or os.path.isdir("dacl-edu/notebooks")
if not found:
    address = ""  # where you found this notebook
    address = os.environ.get("DACL_EDU_REPOSITORY", address)
    assert address, "write the address of the project's repository between the quotes"
    subprocess.run(["git", "clone", "--depth", "1", address, "dacl-edu"], check=True)
    pip = [sys.executable, "-m", "pip", "install", "-q", "-e", "./dacl-edu[notebooks]"]
    subprocess.run(pip, check=True)
if os.path.isdir("dacl-edu/notebooks"):  # fetched just now, or before a restart
    os.chdir("dacl-edu/notebooks")
    sys.path.insert(0, os.path.dirname(os.getcwd()))

# What this page uses:
from IPython.display import Markdown
import pandas as pd

from dacl_edu import paths
from dacl_edu.evaluation.significance import p_text, seeds_interval, seeds_ratio
from dacl_edu.lessons.display import setup, show
from dacl_edu.plots import interval_plot, paired_seeds, strength_curves
from dacl_edu.runs.comparison import compare_configurations
from dacl_edu.runs.matching import matching
from dacl_edu.runs.study import load_study

here = paths.HOME / "studies" / "bundled"
setup()

# %%
runs = load_study()
same = matching(runs, ["folder=none", "weight_decay=0.0005"])  # the faces as shipped
print(f"{len(runs)} runs, {len(same)} of them on the faces as they are shipped")
assert len(runs) == 176


def points(found, digits=1):  # shares → "+1.2 points (−0.3 to +2.7)"
    low, middle, high = (f"{100 * each:+.{digits}f}" for each in found[:3])
    return f"{middle} points ({low} to {high})".replace("-", "−")


def by(chosen, setting, value):  # → setting: interval of the value over seeds
    found = {}
    for run in chosen:
        found.setdefault(setting(run.config), []).append(value(run.result))
    return {key: seeds_interval(values) for key, values in found.items()}

# %% [markdown]
# ## Does the loss matter, and at which λ?

# %%
arms = by(
    same,
    lambda c: (c.method, c.attention, c.lam),
    lambda result: 100 * result["accuracy"],
)
softmax = arms.pop(("softmax", None, 0.01))  # its λ is not used
curves = {}
for (method, attention, lam), found in arms.items():
    curves.setdefault(attention or method, {})[lam] = found
chosen = {name: curves[name] for name in ("center", "dacl")}
reference = "softmax", softmax
title = "Accuracy against λ"
show(strength_curves(chosen, title, "accuracy, %", reference=reference))
assert len(curves) == 6 and len(curves["dacl"]) == 7

# %%
losses = matching(same, ["attention=none"])
each = compare_configurations(losses, "softmax").rows[1:]
against = {row.name: row for row in each}
small = compare_configurations(matching(losses, ["lam=0.01"]), "softmax").rows[1:]
open_at = {row.name: row for row in small}
worse = [row.name for row in each if row.p_value < 0.05]
assert all(row.difference.high < 0 for row in each if row.name in worse)
assert all(row.p_value > 0.05 for row in small), "none is shown at λ = 0.01"
told = {
    f"{name}, λ = {lam}": points(row.difference)
    for name in ("dacl", "center")
    for lam, row in ((0.01, open_at[name]), (1, against[f"{name}, lam 1.0"]))
}
Markdown(
    "Minus softmax loss, paired:\n\n"
    + "\n".join(f"- {name}: {found}" for name, found in told.items())
    + "\n\nNo difference is shown at the paper's λ = 0.01. Below softmax loss, after "
    f"correction: {'; '.join(worse)}. None is shown to be above it."
)

# %% [markdown]
# ## Is learned attention better than its controls?
#
# `mean`: each face's weights replaced by their mean. `permuted`: dealt to other dimensions. `frozen`: of a network that is never trained. `normalized`: with mean 1. Each was trained at two λ:

# %%
for lam in (0.01, 1.0):
    marks = {name: curve[lam] for name, curve in curves.items() if lam in curve}
    title = f"λ = {lam:g}: accuracy of each arm"
    show(interval_plot({"softmax": softmax, **marks}, title, "accuracy, %"))
    assert len(marks) == 6

# %%
learned, said = "dacl, attention learned", []
for lam in ("0.01", "1"):
    table = compare_configurations(
        matching(same, ["method=dacl", f"lam={lam}"]), learned
    )
    rows = {row.name.removeprefix("dacl, attention "): row for row in table.rows[1:]}
    marks = {name: [100 * v for v in row.difference[:3]] for name, row in rows.items()}
    title = f"λ = {lam}: control − learned attention, paired"
    show(interval_plot(marks, title, "points of accuracy"))
    for name, row in rows.items():
        told = f"`{name}` {points(row.difference)}, p {p_text(row.p_value)}"
        said.append(f"- λ = {lam}: {told}")
assert len(said) == 8
Markdown("Control − learned, p corrected within a λ:\n\n" + "\n".join(said))

# %%
pair = matching(same, ["method=dacl", "lam=1", "attention=none,frozen"])
accuracy = {
    (run.config.attention, run.config.seed): run.result["accuracy"] for run in pair
}
seeds = sorted({seed for _, seed in accuracy})
pairs = {
    k: (100 * accuracy[None, k], 100 * accuracy["frozen", k]) for k in seeds
}
change = seeds_interval([frozen - own for own, frozen in pairs.values()])
title = "λ = 1: learned attention beside a random network's (over seeds alone)"
show(paired_seeds(pairs, ("learned", "frozen"), change, title))
assert change.high < 0

# %% [markdown]
# ## How much of it is a smaller λ?

# %%
rivals = matching(same, ["method=center,dacl", "lam=0.35,0.5,1"])
back = compare_configurations(rivals, "center, lam 1.0").rows[1:]
marks = {
    row.name.replace(", ", "<br>"): [100 * v for v in row.difference[:3]]
    for row in back
}
title = "Won back of the harm of center loss at λ = 1"
show(interval_plot(marks, title, "points of accuracy"))
won = {row.name: row.difference for row in back}
assert won["center, lam 0.35"].low > 0 and won[learned].low > 0
Markdown(
    f"DACL wins back {points(won[learned])}, center loss at 0.35 λ (DACL's mean "
    f"attention there) {points(won['center, lam 0.35'])}, `mean` "
    f"{points(won['dacl, attention mean'])}, `normalized` "
    f"{points(won['dacl, attention normalized'])}."
)

# %%
def gains(*where):  # over center loss at λ = 1, one a seed
    own = sorted(matching(same, where), key=lambda run: run.config.seed)
    harmed = matching(same, ["method=center", "lam=1"])
    before = {run.config.seed: run.result["accuracy"] for run in harmed}
    return [run.result["accuracy"] - before[run.config.seed] for run in own]


whole = gains("method=dacl", "attention=none", "lam=1")
parts = {"center, 0.35 λ": gains("method=center", "lam=0.35")}
for name in ("mean", "permuted"):
    parts[name] = gains(f"attention={name}", "lam=1")
parts = {name: [100 * v for v in seeds_ratio(g, whole)] for name, g in parts.items()}
title = "Share of what DACL wins back (Fieller, over seeds)"
show(interval_plot(parts, title, "%"))
words = [f"{name} {m:.0f} % ({a:.0f} to {b:.0f})" for name, (a, m, b) in parts.items()]
assert all(a > 0 for a, _, _ in parts.values())
Markdown(f"Of what DACL wins back: {'; '.join(words)}.")

# %% [markdown]
# ## How far does attention go, and what stops it?

# %%
free = matching(runs, ["method=dacl", "attention=none", "folder=none"])
mean = by(
    free,
    lambda c: (f"weight decay {c.weight_decay:g}", c.lam),
    lambda result: result["attention"]["mean"],
)
curves = {}
for (name, lam), found in mean.items():
    curves.setdefault(name, {})[lam] = found
show(strength_curves(curves, "Mean attention after training", "mean attention"))
assert all(found.low > 0.2 for found in mean.values()), "never near 0"

# %% [markdown]
# Fifteen more runs (three seeds each), one thing changed: `constant rate` of learning; `no biases` in the heads of Eq. 6; `no softmax loss`, so that features follow $L_{SC}$ alone;
# `pull cut`, without Eq. 9, $L_{SC}$'s pull on the features; `still features`, which get nothing of $L_{SC}$, not through the attention network either.

# %%
stops = pd.read_csv(here / "what_stops.csv")
at_one = stops[(stops.lam == 1) & (stops.weight_decay == 0.0005)]
ends = {
    arm: seeds_interval(own.attention.tolist()) for arm, own in at_one.groupby("arm")
}
title = "λ = 1: where attention ends when one thing is changed"
show(interval_plot(ends, title, "mean attention"))
assert ends["still features"].high < 0.1 < ends["as in the study"].low
words = [f"{arm} {m:.3f} ({a:.3f} to {b:.3f})" for arm, (a, m, b) in ends.items()]
Markdown(
    f"Mean attention at λ = 1: {'; '.join(words)}. It goes to zero where the features "
    "do not follow L_SC. So what stops it is that they do."
)

# %% [markdown]
# What they leave of $D^2$, whose half is the slope of Eq. 10, in the study's runs at λ = 1, in per cent of that under softmax loss with the same seed: in the mean over the dimensions, weighted by
# attention, and in the quarter of the dimensions that is attended least or most (the quarters were looked at afterwards).

# %%
plain = stops.query("method == 'softmax'").set_index("seed")["distance"]
dacl = at_one[at_one.arm == "as in the study"].set_index("seed")
left = {
    "all dimensions": "distance",
    "weighted by a": "distance_attended",
    "attended least": "distance_1",
    "attended most": "distance_4",
}
left = {
    name: seeds_interval((100 * dacl[column] / plain).dropna().tolist())
    for name, column in left.items()
}
show(interval_plot(left, "λ = 1: what is left of D²", "% of that under softmax loss"))
assert left["weighted by a"].high < 10 < left["all dimensions"].low
words = [f"{name} {m:.1f} % ({a:.1f} to {b:.1f})" for name, (a, m, b) in left.items()]
Markdown(f"D² is gone where attention is left: {'; '.join(words)}.")

# %% [markdown]
# ## Noisy labels, other pictures, few images

# %%
WHERE = {
    "noise000": "all labels right",
    "noise030": "three labels in ten wrong",
    "wild000": "tame pictures",
    "wild100": "wild pictures",
    "share010": "a tenth of the images",
    "share001": "a hundredth of them",
}
marks, said = {}, []
for folder, name in WHERE.items():
    found = compare_configurations(matching(runs, [f"folder={folder}"]), "softmax")
    for row in found.rows[1:]:
        marks[f"{name}<br>{row.name}"] = [100 * v for v in row.difference[:3]]
        said.append(f"- {name}: {row.name} − softmax {points(row.difference)}")
        assert row.p_value > 0.05, "nothing is shown"
title = "Metric loss − softmax loss, λ = 0.01"
show(interval_plot(marks, title, "points of accuracy"))
Markdown("No difference is shown in any. What is left open:\n\n" + "\n".join(said))

# %% [markdown]
# ## What do the attended dimensions carry?
#
# Linear probes on the half of the features that is attended more, minus the other half ([probes.csv](probes.csv)): right answers in % for the class, R² in % for the others.

# %%
probes = pd.read_csv(here / "probes.csv").query("weight_decay == 0.0005")
marks = {}
for lam, own in probes.groupby("lam"):
    kept, gone = (
        own[own.half == half].set_index("seed") for half in ("kept", "let go")
    )
    for what in ("class", "pose", "light", "identity"):
        found = seeds_interval((100 * (kept[what] - gone[what])).tolist())
        marks[f"λ = {lam:g}, {what}"] = found
show(interval_plot(marks, "Attended half − other half", "points of the probe"))
told = {n: found for n, found in marks.items() if not found.low <= 0 <= found.high}
assert marks["λ = 1, class"].high < 0
words = [f"{name} {m:+.1f} ({a:+.1f} to {b:+.1f})" for name, (a, m, b) in told.items()]
Markdown(
    f"Of {len(marks)} intervals, not corrected for their number, {len(told)} exclude "
    f"0: {'; '.join(words)}.".replace("-", "−")
)

# %% [markdown]
# ## Is average accuracy different from accuracy?

# %%
gaps = [abs(r.result["accuracy"] - r.result["average_accuracy"]) for r in runs]
print(f"the largest gap in {len(runs)} runs: {max(gaps):.1e}")
assert max(gaps) < 1e-6

# %% [markdown]
# Not here: every class has 300 test faces. On RAF-DB the two differ.
#
# **What this does not show.** The faces are rendered, the network is small, the training short; seeds are three to five an arm, and λ is varied by looking at the test part. Intervals that do not
# exclude zero are no proof of no effect.
