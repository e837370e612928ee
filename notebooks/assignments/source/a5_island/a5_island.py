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
# # Assignment 5: island loss with attention, on faces, over seeds
#
# | | |
# |---|---|
# | **Difficulty** | 3 of 4 |
# | **Minutes** | 120, and 20 to 40 in which the computer trains (profile `quick`, two CPU cores; `smoke` takes half a minute) |
# | **Points** | 16 |
# | **Builds on** | [05_gradients](../../../05_gradients.ipynb), [07_training](../../../07_training.ipynb), [10_results](../../../10_results.ipynb) |
#
# **After this assignment you can** add a published term to the loss of the paper, move the centers by it, train with it, and say what a few seeds allow you to
# say about a difference, and what they do not.
#
# Center loss pulls samples to the center of their class. Nothing keeps the *centers* apart. The **island loss** (Cai et al., FG 2018) adds a term of the
# cosines between them. In its attentive form the first part is Eq. 4:
#
# $$\mathcal{L} = \frac{1}{2m}\sum_{i=1}^{m}\sum_{j=1}^{d} a_{ij}\,(x_{ij}-c_{y_i j})^2 \;+\; \lambda_1\, P(c),
# \qquad P(c) = \sum_{j=1}^{K}\sum_{k \ne j}\left(\cos(c_j, c_k) + 1\right)$$
#
# | symbol | in code | what it is | shape |
# |---|---|---|---|
# | $x$, $a$ | `x`, `a` | features and their attention | $(m, d)$ |
# | $y$ | `y` | the class of each sample | $(m)$ |
# | $c$ | `c` | centers, one row a class; $\lVert c_j\rVert$ is the length of a row | $(K, d)$ |
# | $\lambda_1$ | `lam1` | weight of the term of the centers | – |
#
# **How the checks work.** Below each answer stands a cell that checks it. Here it asks about one batch; while grading the same check asks about other batches,
# of other sizes, so numbers that were typed in do not help. A question earns all its points or none. You may add cells, and functions that help you. None of
# your functions may call `dacl_edu` (it has an island loss); those marked *by hand* must not ask autograd either. Keep names and order of the arguments.

# %% [markdown]
# The second of the next two cells, the one that begins with `profile`, holds the settings of the training at the end. Until you are there, leave both as they are.

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
profile: str = "quick"  # smoke (seconds), quick (minutes)
epochs: int | None = None  # of each run; None: 9 for quick, else what the profile says
seeds: int = 3  # how many for each method
first_seed: int = 0  # of both
lam1: float = 10.0  # λ₁
out: str = ""  # folder for the runs; empty: runs/a5_island of the project

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math

import torch

# %% nbgrader={"grade": false, "grade_id": "tools", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
from dacl_edu.lessons.display import check_parameters, rounded, setup, show

settings = check_parameters()  # a wrong name or type stops here
setup(seed=0)
assert settings["seeds"] >= 1

# %% [markdown]
# ## The term of the centers
#
# $$P(c) = \sum_{j=1}^{K}\sum_{k \ne j}\left(\cos(c_j, c_k) + 1\right), \qquad \cos(u, v) = \frac{u \cdot v}{\lVert u\rVert\,\lVert v\rVert}$$
#
# The sum runs over *ordered* pairs of *different* centers: $(1, 2)$ and $(2, 1)$ both count, $(1, 1)$ does not. So $P$ lies between 0 and $2K(K-1)$. A center of
# length 0 has no direction: its cosines count as 0.
#
# ### Question 1 (3 points)
#
# Write `island_term(c)`, one number. It must be differentiable by `c`.
#
# <details><summary>Hint 1</summary>Make every center one unit long first. What is the product of this matrix with its transpose?</details>
# <details><summary>Hint 2</summary>A K × K table of cosines. Its diagonal is a center with itself. It must add nothing: neither its cosine nor its 1.</details>
# <details><summary>Hint 3</summary>Add 1 before you take out the diagonal, not after. For the lengths: <code>clamp_min</code> of a tiny number keeps a division by 0
# away, and 0 over something tiny is 0.</details>

# %% nbgrader={"grade": false, "grade_id": "island_term", "locked": false, "schema_version": 3, "solution": true, "task": false}
def island_term(c):
    """P(c): centers c (K, d); returns one number, shape ()."""
    ### BEGIN SOLUTION
    unit = c / c.norm(dim=1, keepdim=True).clamp_min(1e-12)  # (K, d)
    cosines = unit @ unit.T  # (K, K)
    different = 1 - torch.eye(len(c), dtype=c.dtype, device=c.device)
    return ((cosines + 1) * different).sum()
    ### END SOLUTION

# %% [markdown]
# Try it. Three centers: the first and the second at a right angle, the third opposite to the first. Cosines 0, −1 and 0, each twice: $2 \cdot (1 + 0 + 1) = 4$.

# %% tags=["not-graded"]
c_small = torch.tensor([[1.0, 0.0],
                        [0.0, 3.0],
                        [-2.0, 0.0]])  # (K, d) = (3, 2)
P = island_term(c_small)
assert P.shape == ()
print(rounded(P))

# %% nbgrader={"grade": true, "grade_id": "test_island_term", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a5_island as questions

questions.island_term(island_term)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.island_term(island_term, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## The whole loss
#
# ### Question 2 (3 points)
#
# Write `attentive_island(x, a, y, c, lam1)`: Eq. 4 plus $\lambda_1$ times your term.
#
# <details><summary>Hint 1</summary>Two parts that know nothing of each other. The first is that of lesson 03.</details>
# <details><summary>Hint 2</summary>Which part is a mean over the samples? The other one has no samples.</details>
# <details><summary>Hint 3</summary>Only the first part is divided by 2m. Attention weighs the square of one dimension, before anything is summed.</details>

# %% nbgrader={"grade": false, "grade_id": "attentive_island", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attentive_island(x, a, y, c, lam1):
    """Eq. 4 and lam1 times the term of the centers.

    x, a (m, d), y (m,), c (K, d), lam1 a number; returns one number, shape ().
    """
    ### BEGIN SOLUTION
    pull = (a * (x - c[y]) ** 2).sum() / (2 * len(x))  # Eq. 4
    return pull + lam1 * island_term(c)
    ### END SOLUTION

# %% [markdown]
# Try it. One sample at $(2, 0)$ of class 0, attention ½: $\tfrac12 \cdot 1^2 / 2 = \tfrac14$, and $\lambda_1 P = 0.25 \cdot 4 = 1$. Together 1.25.

# %% tags=["not-graded"]
x_small, y_small = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
a_small = torch.full((1, 2), 0.5)
L = attentive_island(x_small, a_small, y_small, c_small, 0.25)
assert L.shape == ()
print(rounded(L))

# %% nbgrader={"grade": true, "grade_id": "test_attentive_island", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a5_island as questions

questions.attentive_island(attentive_island)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.attentive_island(attentive_island, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## The push
#
# Within a step the centers are numbers, not functions of the network: $P(c)$ sends the network no gradient. It acts only if it *moves the centers*. They move
# by Eq. 11, a rule; the island loss adds a step of its own to it:
#
# $$c_j \leftarrow c_j - \alpha\,(\Delta c_j + \lambda_1\, p_j), \qquad
# p_j = \frac{1}{K-1}\sum_{k \ne j}\left(\frac{c_k}{\lVert c_k\rVert\,\lVert c_j\rVert} - \frac{c_k \cdot c_j}{\lVert c_k\rVert\,\lVert c_j\rVert^3}\,c_j\right)$$
#
# Each summand is the gradient of $\cos(c_j, c_k)$ by $c_j$. So $p_j$ stands at a right angle to $c_j$: it turns a center and does not lengthen it.
#
# ### Question 3 (4 points): by hand
#
# Write `island_push(c)`, shape $(K, d)$: row $j$ is $p_j$. A center of length 0 is not pushed, and does not push the others. There are at least two centers.
#
# <details><summary>Hint 1</summary>Write both fractions with unit vectors u = c/‖c‖. What remains of the lengths?</details>
# <details><summary>Hint 2</summary>Each summand is (u<sub>k</sub> − (u<sub>k</sub> · u<sub>j</sub>) u<sub>j</sub>)/‖c<sub>j</sub>‖: the part of u<sub>k</sub> that is not along
# u<sub>j</sub>. The sum over k can be drawn into the bracket.</details>
# <details><summary>Hint 3</summary>The sum over the others is the sum over all minus the own one. For a center of length 0 divide by something tiny in place of 0, and set its
# row to 0 with <code>torch.where</code>. Two nested loops over j and k are right, too.</details>

# %% nbgrader={"grade": false, "grade_id": "island_push", "locked": false, "schema_version": 3, "solution": true, "task": false}
def island_push(c):
    """The push p of each center: c (K, d); returns (K, d)."""
    ### BEGIN SOLUTION
    length = c.norm(dim=1, keepdim=True)  # (K, 1)
    safe = length.clamp_min(1e-12)
    unit = c / safe  # (K, d)
    others = unit.sum(dim=0) - unit  # (K, d): of each center, the sum over the others
    across = others - (others * unit).sum(dim=1, keepdim=True) * unit
    return torch.where(length > 0, across / safe, torch.zeros_like(c)) / (len(c) - 1)
    ### END SOLUTION

# %% [markdown]
# Try it. Two centers at a right angle, $(1, 0)$ and $(0, 2)$. The scalar product is 0, so only the first fraction counts: $p_1 = (0, 2)/(2 \cdot 1) = (0, 1)$ and
# $p_2 = (1, 0)/(1 \cdot 2) = (\tfrac12, 0)$. Minus the push turns each away from the other.

# %% tags=["not-graded"]
push = island_push(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
assert push.shape == (2, 2)
print(rounded(push))

# %% nbgrader={"grade": true, "grade_id": "test_island_push", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a5_island as questions

questions.island_push(island_push)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.island_push(island_push, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Two methods over the same seeds
#
# A seed decides the initial weights, the order of the images and the crops. Two runs of the same seed share all that. So results come in **pairs**, and the
# difference is taken pair by pair. With $p_s$ and $q_s$ for the accuracies of the first and the second method with seed $s$, over $n$ seeds:
#
# $$d_s = p_s - q_s, \qquad \bar d = \frac{1}{n}\sum_{s=1}^{n} d_s, \qquad
# \mathrm{SE} = \frac{1}{\sqrt n}\,\sqrt{\frac{1}{n-1}\sum_{s=1}^{n}(d_s - \bar d)^2}$$
#
# ### Question 4 (3 points)
#
# Write `compare(first, second)`: both are tensors of shape $(n)$, in the same order of seeds. It returns a dictionary with two numbers, `"difference"`
# ($\bar d$) and `"standard_error"`. With a single seed the difference is known and its spread is not: then the standard error is `nan`.
#
# <details><summary>Hint 1</summary>What is computed first: a number for each method, or a number for each seed?</details>
# <details><summary>Hint 2</summary>The second root is the sample standard deviation of the differences. Does the one that you use divide by n or by n − 1?</details>
# <details><summary>Hint 3</summary>A tensor's <code>std()</code> divides by n − 1. It is <code>nan</code> for a single number, with a warning; <code>math.nan</code> is
# <code>nan</code>, too.</details>

# %% nbgrader={"grade": false, "grade_id": "compare", "locked": false, "schema_version": 3, "solution": true, "task": false}
def compare(first, second):
    """Paired results of two methods: first, second (n,).

    Returns {"difference": number, "standard_error": number}.
    """
    ### BEGIN SOLUTION
    d = first - second  # (n,)
    error = d.std() / len(d) ** 0.5 if len(d) > 1 else math.nan
    return {"difference": d.mean(), "standard_error": error}
    ### END SOLUTION

# %% [markdown]
# Try it. The differences are 0.1, 0.2 and 0; their mean is 0.1, their standard deviation $\sqrt{(0 + 0.01 + 0.01)/2} = 0.1$, and $0.1/\sqrt3 = 0.0577$.

# %% tags=["not-graded"]
found = compare(torch.tensor([0.8, 0.9, 0.7]), torch.tensor([0.7, 0.7, 0.7]))
assert isinstance(found, dict), "compare must return a dictionary with two entries"
print(rounded(found))

# %% nbgrader={"grade": true, "grade_id": "test_compare", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a5_island as questions

questions.compare(compare)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.compare(compare, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Train
#
# Your functions become a method of the trainer: `formula` is the loss, `center_push` is added to the rule of the centers. `register_loss` gives it a name.

# %% nbgrader={"grade": false, "grade_id": "method", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
from dacl_edu_course.questions import a5_island as questions
from dacl_edu.losses import MetricLoss, register_loss


@register_loss("my_attentive_island")
class MyAttentiveIsland(MetricLoss):
    def __init__(self, lam1=10.0):
        super().__init__()
        self.lam1 = lam1

    def formula(self, features, attention, labels, centers):
        return attentive_island(features, attention, labels, centers, self.lam1)

    def center_push(self, centers):
        return self.lam1 * island_push(centers)

# %% [markdown]
# The next cells train `dacl` and your method with the same seeds. A run of `quick` with 9 epochs takes three to six minutes on two cores, so six runs 20 to 40;
# `profile = "smoke"` trains two epochs on 140 faces, only to see that all works. A finished run is kept and an interrupted one is continued: you may stop the kernel
# and run the cells again. Only right functions are trained: the next cell asks their checks once more.

# %% nbgrader={"grade": false, "grade_id": "asked_again", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
for name in ("attentive_island", "island_push"):
    getattr(questions, name)(globals()[name])

# %% nbgrader={"grade": false, "grade_id": "methods", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
from dacl_edu.lessons.runs import train_each
from dacl_edu.training import TrainConfig

length = epochs or (9 if profile == "quick" else None)
shared = {"epochs": length} if length else {}
mine = {"loss_parameters": {"lam1": lam1}}
methods = {"dacl": {}, "my_attentive_island": mine}

# %% nbgrader={"grade": false, "grade_id": "configs", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
numbers = range(first_seed, first_seed + seeds)
configs = {
    (method, k): TrainConfig.from_preset(
        profile, method=method, seed=k, **fields, **shared
    )
    for k in numbers
    for method, fields in methods.items()
}

# %% nbgrader={"grade": false, "grade_id": "train", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
# in the project's folder, unless another is given
results = train_each(configs, out or "../../../../runs/a5_island")
accuracy = {key: result["accuracy"] for key, result in results.items()}
assert len(accuracy) == 2 * seeds
assert all(0 <= share <= 1 for share in accuracy.values())

# %% [markdown]
# ## What came out
#
# The test part was read once, after the last epoch of each run. One row a seed:

# %% nbgrader={"grade": false, "grade_id": "table", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
import pandas as pd

columns = {method: [accuracy[method, k] for k in numbers] for method in methods}
table = pd.DataFrame(columns, index=pd.Index(numbers, name="seed"))
table["difference"] = table["my_attentive_island"] - table["dacl"]
assert table.shape == (seeds, 3)
table.round(4)

# %% [markdown]
# Your `compare` makes one number and its error of it. An interval that holds the true mean difference in 95 % of such experiments reaches $t\,\mathrm{SE}$ to both
# sides, where $t$ is Student's: 4.3 for three seeds, 2.8 for five, 2.3 for ten. (It assumes that differences are spread like a bell.)

# %% nbgrader={"grade": false, "grade_id": "interval", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
from scipy import stats

mine, dacl = (torch.tensor(columns[name]) for name in ("my_attentive_island", "dacl"))
found = {name: float(value) for name, value in compare(mine, dacl).items()}
middle, error = found["difference"], found["standard_error"]
t = stats.t.ppf(0.975, seeds - 1) if seeds > 1 else math.nan
low, high = middle - t * error, middle + t * error
print("mean difference", rounded(middle), " standard error", rounded(error))
print("95 % interval from", rounded(low), "to", rounded(high))
assert seeds == 1 or low <= middle <= high

# %% [markdown]
# **What to see in the figure:** left, each line is one seed. Do all lines go the same way? How long is the way between two seeds of one method, compared with the way
# between the methods? Right, the mean difference with its interval: does it hold 0?

# %% nbgrader={"grade": false, "grade_id": "figure", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
from dacl_edu.plots import paired_seeds

pairs = {k: (accuracy["dacl", k], accuracy["my_attentive_island", k]) for k in numbers}
title = "Island loss with attention, beside DACL"
figure = paired_seeds(pairs, ("dacl", "island"), (low, middle, high), title)
show(figure)
assert list(figure.data[0].y) == list(pairs[first_seed])

# %% [markdown]
# ## Your conclusion
#
# ### Question 5 (3 points, read by a person)
#
# Write at most 150 words: what do these seeds allow you to say about the two methods, and what not? Name your profile, epochs and number of seeds.
#
# | points | numbers | what they allow | limits |
# |---|---|---|---|
# | 1 each | mean difference with its interval, and the spread over seeds of one method | a statement that the interval allows: whether it holds 0, and what could still be true | two things that would have to be done before one says "better" (more seeds, λ₁ chosen on validation images, full training, another data set, …) |
# | 0 each | a mean alone, or the best seed | "better" where the interval holds 0; "no effect" for the same reason | none, or "more data" without a reason |

# %% [markdown] nbgrader={"grade": true, "grade_id": "conclusion", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# The stored runs are of the profile `smoke`: two epochs on 140 faces, three seeds. They show that the method trains; they cannot rank it. The table gives the mean
# difference of the paired accuracies, the interval the range that is compatible with it. Both methods stay near the one in seven of guessing, two seeds of one method
# differ as much as the two methods do, and the interval holds 0. So I cannot say that the term of the centers helps, nor that it does nothing: with three seeds $t$
# is 4.3, and only a difference of about two and a half standard deviations of the paired differences would have been seen.
#
# Before I said "better", I would train to the end with at least five seeds, since an untrained network has no classes to keep apart; and I would choose λ₁ for the island
# loss, and λ for DACL, on validation images with the same effort. The faces are rendered: another data set may answer otherwise.

# %% [markdown]
# ## What was shown
#
# - A term of the centers alone acts only through the rule that moves them.
# - The diagonal, ordered pairs and a center of length 0 are where implementations go wrong; each shows in a number that can be checked by hand.
# - Results over the same seeds are pairs. Few seeds give wide intervals, and a wide interval is an answer.
#
# **Try next, without points.** Set `lam1 = 0` and train again: the difference should now be luck alone. How large is it? Or write the *separate loss* ([docs/losses.md](../../../../docs/losses.md)) in the
# same way.
