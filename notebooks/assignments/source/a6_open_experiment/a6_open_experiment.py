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
#     parameters: true
# ---

# %% [markdown]
# # Assignment 6: an experiment of your own
#
# | | |
# |---|---|
# | **Difficulty** | 4 of 4 |
# | **Minutes** | 240, and the time in which the computer trains: about ten minutes a run of profile `quick` on two CPU cores, three to six with 9 epochs |
# | **Points** | 20 |
# | **Builds on** | [07_training](../../../07_training.ipynb), [10_results](../../../10_results.ipynb), [11_embedding](../../../11_embedding.ipynb), [12_attention](../../../12_attention.ipynb), [13_what_attention_does](../../../13_what_attention_does.ipynb) |
#
# **After this assignment you can** turn a question into a hypothesis that could be wrong, plan runs that test it, carry them out, and write what they show and what
# they do not.
#
# You choose one question and answer it with training runs. An answer "no", or "these runs cannot tell", earns as many points as "yes": what counts is whether it
# follows from the runs.
#
# | symbol | field of `TrainConfig` | what it is |
# |---|---|---|
# | $\lambda$ | `lam` | weight of the metric loss, Eq. 8; 0.01 |
# | $\alpha$ | `alpha` | how far centers move, Algorithm 1, line 15; 0.5 |
# | $\epsilon$ | `eps` | below the fraction of Eq. 11; 1 |
# | $a$ | `attention` | learned, or one of the controls: `ones`, `mean`, `permuted`, `frozen`, `normalized` |
# | $c$ at the start | `center_init` | `fan_in_classes`, `fan_in_features` or `zeros` |
#
# **How it is graded.** Most of it a person reads, with the tables below each question. Two cells are checked by machine, for their form only. "Before" means before:
# write Questions 1 to 3, then run.

# %% [markdown]
# The second of the next two cells, the one that begins with `profile`, holds the settings of the runs.

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

# %% tags=["parameters"]
profile: str = "quick"  # smoke (seconds, to see that all works), quick (minutes)
epochs: int | None = None  # of each run; None: what the profile says, 28 for quick
out: str = ""  # folder for the runs; empty: runs/a6_open_experiment of the project

# %% nbgrader={"grade": false, "grade_id": "tools", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
import pandas as pd
import torch

from dacl_edu.lessons.display import check_parameters, rounded, setup, show

settings = check_parameters()  # a wrong name or type stops here
setup(seed=0)
assert settings["profile"]

# %% [markdown]
# ## Choose a question
#
# | | question | where it comes from |
# |---|---|---|
# | 1 | Does a smaller λ do for center loss what attention does for DACL? Attention near ½ is half the λ. | lesson 05, "What this means"; lesson 13, "The controls: what would show that attention helps?" |
# | 2 | Does it matter *which* dimension gets which weight: is `learned` better than `permuted` or `mean`? | lesson 13, "The controls: what would show that attention helps?" |
# | 3 | Does the start of the centers matter: `fan_in_classes`, `fan_in_features`, `zeros`? | lesson 06 |
# | 4 | Does ε of Eq. 11 matter: 1 of the released code, or a small one? And α? | lesson 06 |
# | 5 | Does one of the related losses (island, separate, DDA, range-regularised center) do better than Eq. 4, each at a λ of its own? | [docs/losses.md](../../../../docs/losses.md) |
# | 6 | Does your term of Assignment 4 change the mean attention in training, and the accuracy? | lessons 05 and 12 |
# | 7 | A question of your own about these methods and these faces. | – |
#
# Nine runs come with the project (`notebooks/shipped`): softmax loss, center loss and DACL, profile `quick`, seeds 0 to 2. Where your plan names exactly such a run,
# it is taken and not trained again. So with seeds 0, 1, 2 and a baseline among the three you train only what is new.
#
# ## What 176 small runs say already
#
# Before you spend hours, spend a minute on what has been trained: the study of lesson 10 (profile `minute`: 32 pixels, 12 epochs). It has softmax loss, center loss and DACL at up to nine λ
# and all the controls, three to five seeds each. Put the arms that are nearest to your question into `nearest` and what they are compared with into `baseline`. Some choices:
#
# | question | `nearest` | `baseline` |
# |---|---|---|
# | 1, at the paper's λ (attention near ½) | `["method=center,dacl", "attention=none", "lam=0.005,0.01"]` | `"dacl"` |
# | 1, at λ = 1 (attention 0.35) | `["method=center,dacl", "attention=none", "lam=0.35,0.5,1"]` | `"dacl"` |
# | 2 | `["method=dacl", "lam=1"]` | `"dacl, attention learned"` |
# | 3 to 7 | `["attention=none", "lam=0.01"]`: not your question, but the luck of the seeds, which yours will meet too | `"softmax"` |

# %% tags=["not-graded"]
from IPython.display import Markdown

from dacl_edu.runs.comparison import compare_configurations
from dacl_edu.runs.comparison_table import written
from dacl_edu.runs.matching import matching
from dacl_edu.runs.study import load_study

study = matching(load_study(), ["folder=none", "weight_decay=0.0005"])
print(len(study), "runs on these faces")
assert {run.config.method for run in study} == {"softmax", "center", "dacl"}

# %% tags=["not-graded"]
nearest = ["attention=none", "lam=0.01"]  # yours; "none": learned, where it is used
baseline = "softmax"
assert isinstance(nearest, list), "a list of conditions, as in the table above"

known = compare_configurations(matching(study, nearest), baseline)
assert len(known.rows) >= 2, "at least two arms"
Markdown(written(known, "markdown"))

# %% [markdown]
# **Which λ, which arm?** Where no interval of the table excludes 0, as at λ = 0.01, a difference is small or absent, and you would need many seeds to tell which. Where arms are far apart
# (λ = 1), three seeds may do; but your answer then is about that λ. (The study was read on the test part, and so are you reading it: a λ chosen by its *accuracy* here would be selected on test.
# Choose it by what your question asks.)
#
# **How many seeds?** With the spread between seeds and images that these pairs show, so many seeds would show a true difference of 1, 2 or 4 points (power 80 %: in four of five such
# experiments p is below 0.05, of one pair alone: corrected for several, as in the table above, it takes more); and so likely would your own number of seeds show 2 points. The nine runs of
# profile `quick`, which you will train, vary less: they are compared with softmax loss, whatever your baseline is. But a spread that is estimated from three seeds is itself uncertain:
# a power of 1.00 is that of this estimate.

# %% tags=["not-graded"]
from dacl_edu.evaluation.crossed import power, seeds_needed
from dacl_edu.runs import shipped_runs

my_seeds = 3  # yours
assert type(my_seeds) is int and my_seeds >= 2, "a whole number of seeds, 2 or more"


def seeds_for(found):  # one row an arm
    arms = {row.name: row.difference for row in found.rows[1:]}
    table = pd.DataFrame(index=arms, dtype=object)
    for points in (1, 2, 4):
        counts = [seeds_needed(d, points / 100) for d in arms.values()]
        table[f"{points} p."] = [k or "> 1,000" for k in counts]
    likely = [power(d, 0.02, my_seeds) for d in arms.values()]
    return table.assign(**{f"{my_seeds} seeds, 2 p.": rounded(likely, 2)})

# %% tags=["not-graded"]
quick = compare_configurations(shipped_runs(), "softmax")
needed = pd.concat({"study": seeds_for(known), "nine quick runs": seeds_for(quick)})
few, many = (needed[column].replace("> 1,000", 1001) for column in ("4 p.", "1 p."))
assert (few <= many).all()
needed

# %% [markdown]
# If a plan would need more hours than you have, change it now: another measure (mean attention, say: at λ = 0.01 its five seeds span 0.487 to 0.494), a larger λ, fewer epochs and more seeds. Or
# keep it, and say in Question 3 what it will not be able to tell.
#
# ## Question 1 (3 points, read by a person): the hypothesis
#
# Write, before you run anything: your question; what you expect, as a statement that a result could contradict; and why you expect it, with a number or an equation
# from the lessons. At most 100 words.
#
# | points | hypothesis |
# |---|---|
# | 3 | a result can be named that would contradict it; the reason is drawn from an equation or a number of the lessons |
# | 2 | it can be contradicted, but the reason is only "I think", or is not about these equations |
# | 1 | a question without an expectation, or an expectation that any result fits |
# | 0 | missing, or written from the result |
#
# <details><summary>Hint 1</summary>Which number do you want to compare, and between which two kinds of runs?</details>
# <details><summary>Hint 2</summary>Complete: "If I am right, … is larger than …, by about …". What would you see if you were wrong?</details>
# <details><summary>Hint 3</summary>How many seeds would your expected difference need, by the table above? If far more than you can train: choose
# another measure (mean attention, say), more seeds, or a larger change.</details>

# %% [markdown] nbgrader={"grade": true, "grade_id": "hypothesis", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# Does a metric loss help at all on these faces? I expect no: with λ = 0.01, softmax loss, center loss and DACL differ in accuracy by less than one point. Reason: the faces
# are rendered and clean, softmax loss alone reaches above 80 %, and in Eq. 8 the metric loss enters with a hundredth of its value; the features are already near their
# centers when it begins to count. A mean difference of a point or more to softmax loss, with an interval that leaves out 0, would contradict me.

# %% [markdown]
# ## Question 2 (2 points): the plan
#
# Write `my_plan()`. It returns a dictionary:
#
# | entry | what it holds |
# |---|---|
# | `"variants"` | a dictionary: a name for each variant, and the fields of `TrainConfig` that it sets: `method`, and as needed `attention`, `lam`, `alpha`, `eps`, `center_init`, `loss_parameters`, `attention_widths` |
# | `"seeds"` | a list of at least three different whole numbers; every variant is trained with each of them |
# | `"select_by"` | `"last"` (the last epoch counts) or `"validation"` (the best epoch on images held out of the training part). Never the test part |
#
# All other settings are the same for all runs. The check looks at the form; whether the plan answers your question, Question 3 asks.
#
# <details><summary>Hint 1</summary>How many variants does your question need at least? Which one is the baseline?</details>
# <details><summary>Hint 2</summary>Does one thing differ between two variants, or do two? If two, you will not know which did it.</details>
# <details><summary>Hint 3</summary>The form of one variant is a name, a colon, and a dictionary with at least the entry <code>"method"</code>. Count the runs: variants times seeds,
# times ten minutes.</details>

# %% nbgrader={"grade": false, "grade_id": "my_plan", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_plan():
    """What is trained.

    Returns {"variants": {name: {field: value}}, "seeds": [numbers],
    "select_by": "last" or "validation"}.
    """
    ### BEGIN SOLUTION
    return {
        "variants": {name: {"method": name} for name in ("softmax", "center", "dacl")},
        "seeds": [0, 1, 2],
        "select_by": "last",
    }
    ### END SOLUTION

# %% [markdown]
# Try it: the runs that your plan means.

# %% tags=["not-graded"]
plan = my_plan()
runs = [(name, number) for name in plan["variants"] for number in plan["seeds"]]
assert len(runs) == len(set(runs))
print(len(runs), "runs, the first:", runs[0])

# %% nbgrader={"grade": true, "grade_id": "test_my_plan", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a6_open_experiment as questions

questions.my_plan(my_plan)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.my_plan(my_plan, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3 (3 points, read by a person): the design
#
# Write: what is varied; what is held; what you measure; how many seeds, and what difference they can show; which images select, and which are looked at only at the end.
# What else differs between your variants, besides what you wanted to vary? At most 150 words.
#
# | points | design |
# |---|---|
# | 3 | all five are there and fit the plan; at least one unwanted difference is named, or it is shown that there is none; the number of seeds is weighed against the expected difference, with a number from the study or the nine runs |
# | 2 | one of them is missing or does not fit the plan |
# | 1 | only what the plan says, in words |
# | 0 | missing |

# %% [markdown] nbgrader={"grade": true, "grade_id": "design", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# Varied: the method. Held: data, network, 28 epochs, learning rate, augmentation, λ = 0.01, α, ε. Measured: accuracy on the 2,100 test faces, looked at once, after the last
# epoch; nothing is selected. Seeds 0, 1, 2 for each method; a seed fixes initial weights and order, so differences are taken seed by seed. By the nine runs
# six seeds would show one point (power 80 %), by the study 25; three show two points with a chance of 74 or 22 %. So these runs can contradict my hypothesis only if it is badly wrong.
#
# Unwanted: DACL has an attention network besides, and with it another sequence of random numbers; its effective λ is about half of that of center loss, since attention is
# near ½. So DACL against center loss does not isolate attention; each against softmax loss is clean.

# %% [markdown]
# ## Run
#
# The next cells carry out your plan. Finished runs are kept, an interrupted one is continued: you may stop the kernel and run the cells again.

# %% nbgrader={"grade": false, "grade_id": "trainer", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
from dacl_edu.lessons.runs import train_each
from dacl_edu.runs import shipped_runs
from dacl_edu.training import TrainConfig

# %% nbgrader={"grade": false, "grade_id": "configs", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
shared = {"select_by": plan["select_by"], **({"epochs": epochs} if epochs else {})}
configs = {
    (name, k): TrainConfig.from_preset(profile, seed=k, **fields, **shared)
    for name, fields in plan["variants"].items()
    for k in plan["seeds"]
}
assert set(configs) == set(runs)

# %% nbgrader={"grade": false, "grade_id": "train", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
# in the project's folder, unless another is given
place = out or "../../../../runs/a6_open_experiment"
# what comes with the project is not trained again
results = train_each(configs, place, done=shipped_runs())
assert set(results) == set(runs)

# %% nbgrader={"grade": false, "grade_id": "table", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
columns = ["accuracy", "average_accuracy"]
table = pd.DataFrame(
    {"variant": name, "seed": k, **{column: result[column] for column in columns}}
    for (name, k), result in results.items()
)
table["attention"] = [result["attention"]["mean"] for result in results.values()]
assert table["accuracy"].between(0, 1).all() and len(table) == len(runs)
table.round(4)

# %% [markdown]
# ## Question 4 (2 points): the results
#
# Hand in the numbers: `my_results()` returns a list with one row for each run of your plan, `(variant, seed, accuracy)`. Copy what this cell prints. (Numbers, and not a look into `table`: while grading
# nothing is trained, and there is no table.)

# %% nbgrader={"grade": false, "grade_id": "rows", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
for row in table.itertuples():
    print(f"        ({row.variant!r}, {row.seed}, {row.accuracy:.4f}),")
assert len(table) == len(runs)

# %% [markdown]
# <details><summary>Hint 1</summary>A row for each variant and each seed, also where the result is a disappointment.</details>
# <details><summary>Hint 2</summary>The check compares the rows with your plan: the same names, the same seeds, each once. Accuracies are shares between 0 and 1.</details>
# <details><summary>Hint 3</summary>The lines above fit between the brackets of a list as they are.</details>

# %% nbgrader={"grade": false, "grade_id": "my_results", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_results():
    """The runs of my plan: a list of (variant, seed, accuracy)."""
    ### BEGIN SOLUTION
    return [  # profile quick, 28 epochs
        ("softmax", 0, 0.8276),
        ("softmax", 1, 0.8314),
        ("softmax", 2, 0.8252),
        ("center", 0, 0.8171),
        ("center", 1, 0.8157),
        ("center", 2, 0.8186),
        ("dacl", 0, 0.8190),
        ("dacl", 1, 0.8262),
        ("dacl", 2, 0.8238),
    ]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test_my_results", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a6_open_experiment as questions

questions.my_results((my_plan, my_results))
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.my_results((my_plan, my_results), seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 5 (3 points, read by a person): a figure
#
# Show your answer as one figure. Say in a sentence below it what to see.
#
# | points | figure |
# |---|---|
# | 3 | shows each run or an interval over seeds, not means alone; axes and units are named; the alt text says what one sees; the sentence below is right |
# | 2 | one of these is missing |
# | 1 | a figure from which the question cannot be answered |
# | 0 | none |
#
# <details><summary>Hint 1</summary>What do you compare? Put it side by side, and let the seeds be seen.</details>
# <details><summary>Hint 2</summary>Pairs of one seed belong together: a line joins them, or you draw their differences.</details>
# <details><summary>Hint 3</summary><code>dacl_edu.plots.interval_plot</code> takes a dictionary of (low, middle, high), and <code>seeds_interval</code> of
# <code>dacl_edu.evaluation.significance</code> makes them, of differences too. <code>show(figure, alt=…)</code> shows it.</details>

# %% nbgrader={"grade": true, "grade_id": "figure", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false} tags=["not-graded"]
### BEGIN SOLUTION
from dacl_edu.evaluation.significance import seeds_interval
from dacl_edu.plots import interval_plot

table = pd.DataFrame(my_results(), columns=["variant", "seed", "accuracy"])
wide = table.pivot(index="seed", columns="variant", values="accuracy")
pairs = [("center", "softmax"), ("dacl", "softmax"), ("dacl", "center")]
intervals = {f"{a} − {b}": seeds_interval(wide[a] - wide[b]) for a, b in pairs}
title = "Differences of one seed, mean of three with 95 % interval"
figure = interval_plot(intervals, title, "accuracy, difference")
figure.add_vline(x=0, line_dash="dot")
show(figure)
assert len(figure.data) == 3
# What to see: all three intervals hold 0; those of the two metric losses lie mostly
# below softmax loss.
### END SOLUTION

# %% [markdown]
# ## Question 6 (7 points, read by a person): the conclusion
#
# Write 200 to 300 words. Begin with the answer to your question. Then: the numbers behind it; whether your hypothesis of Question 1 stands; one explanation, and what run would test
# it; and what these runs do not show.
#
# | criterion | 2 points | 1 point | 0 points |
# |---|---|---|---|
# | the numbers | mean differences with their interval over paired seeds, and the mean of each variant | means with a spread, but not paired or without an interval | a single run, or the best one |
# | what they allow | says what the interval allows; does not call a difference that may be 0 an effect, nor its absence a proof; goes back to the hypothesis | right, but without the hypothesis | claims more than the runs show |
# | limits | at least two, each with what it could change: other differences between variants, seeds, length of training, data, choices made after seeing results | limits by name only | none |
#
# One point more: an explanation that follows from an equation or a lesson, together with a run that would contradict it.

# %% [markdown] nbgrader={"grade": true, "grade_id": "conclusion", "locked": false, "points": 7, "schema_version": 3, "solution": true, "task": false}
# On these faces no metric loss was shown to help. Over seeds 0 to 2 softmax loss reached 82.8 % on average, DACL 82.3 %, center loss 81.7 %. Seed by seed DACL is 0.5 points below
# softmax loss (95 % interval −1.4 to 0.4), center loss 1.1 below (−2.2 to 0.0), and DACL 0.6 above center loss (−0.5 to 1.7). Every interval holds 0, if only just for center loss.
#
# My hypothesis was that no difference reaches a point. For DACL nothing contradicts it. For center loss the mean difference is a little more than a point, downwards, and the interval just
# holds 0: that is the other side of what I had in mind, and three seeds do not settle it. In no case is "no effect" shown: a gain of 0.4 points by DACL fits these runs.
#
# An explanation: both losses pull features to their centers, and the pull costs the classifier some room; DACL pulls half as hard, since its attention is near ½ (lesson 12), and
# loses half as much. If so, center loss with λ = 0.005 should do as DACL does; if center loss at 0.005 stays a point below, I am wrong, and attention does something else.
#
# Limits. Three seeds: with six the intervals would be less than half as wide. λ was not chosen for each method; at another one the order may change. DACL differs from center loss in a second network
# and its random numbers, too. And these faces are rendered, with one clean expression each: on photographs, where classes spread wider, a pull to centers may do more.

# %% [markdown]
# ## What was shown
#
# - A hypothesis is a statement that a result could contradict, written before the result.
# - Runs of one seed are pairs; seeds, and not images, say what a *method* does.
# - What a plan cannot tell is part of its answer.
#
# **Try next, without points.** Give your plan and your numbers to somebody who has chosen the same question, without your conclusion. Do they write the same?
