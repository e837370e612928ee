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
#     mode: strict
# ---

# %% [markdown]
# # Assignment 4: a term against the collapse of attention
#
# | | |
# |---|---|
# | **Difficulty** | 3 of 4 |
# | **Minutes** | 120 |
# | **Points** | 14 |
# | **Builds on** | [03_sparse_center_loss](../../../03_sparse_center_loss.ipynb), [05_gradients](../../../05_gradients.ipynb) |
#
# **After this assignment you can** add a term of your own to a loss, derive its gradient with pencil and paper, test both, and say what the term does to
# attention and what it cannot do.
#
# Lesson 05 ended with a warning. Under the sparse center loss
#
# $$\mathcal{L}_{SC} = \frac{1}{2m}\sum_{i=1}^{m}\sum_{j=1}^{d} a_{ij}\,(x_{ij}-c_{y_i j})^2 \tag{Eq. 4}$$
#
# a weight that is free can only fall: its slope $\partial\mathcal{L}_{SC}/\partial a_{ij}$ (Eq. 10) is a square, so it is never negative. In the attention
# network the weights are not free: they share parameters, and what one loses another may gain. But nothing in the loss *asks* for attention, and that is what
# you change here. To see a term at work, we let each weight move freely.
#
# | symbol | what it is | shape |
# |---|---|---|
# | $a$ | attention, $0 < a_{ij} \le 1$ | $(m, d)$ |
# | $m$, $d$ | samples in the batch, dimensions of a feature | – |
# | $\bar a$ | mean of all $m\,d$ weights | – |
# | $b$ | the budget: what the mean should be | – |
# | $p_{ij}$ | share of weight $j$ in the sum of sample $i$ | $(m, d)$ |
# | $\beta$ | how much the new term counts | – |
#
# **How the checks work.** Below each answer stands a cell that checks it. Here it asks about one batch; while grading the same check asks about other batches,
# of other sizes, so numbers that were typed in do not help. A question earns all its points or none. You may add cells, and functions that help you. None of
# your functions may call `dacl_edu`; those marked *by hand* must not ask autograd either. Keep names and order of the arguments.

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

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

# %% nbgrader={"grade": false, "grade_id": "tools", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
from dacl_edu.lessons.display import rounded, setup, show

setup(seed=0)

# %% [markdown]
# ## Attention left alone
#
# Features stand still, only attention learns, and each weight by itself, without a network. $D_{ij} = x_{ij} - c_{y_i j}$ comes from a random generator, $a = \sigma(s)$ starts at ½, and Adam walks
# downhill on $\mathcal{L}_{SC} + \beta\,\text{term}(a)$. Without a term:

# %% nbgrader={"grade": false, "grade_id": "attention_learns", "locked": true, "schema_version": 3, "solution": false, "task": false} tags=["not-graded"]
D = torch.randn(8, 5, dtype=torch.float64)  # (m, d): features minus their centers


def attention_learns(term=None, β=1.0, steps=150):
    """Mean attention and its deviation within a sample at each step: (steps, 2)."""
    s, path = torch.zeros_like(D, requires_grad=True), []
    adam = torch.optim.Adam([s], lr=0.1)
    for _ in range(steps):
        a = torch.sigmoid(s)  # (m, d)
        path.append([a.mean().item(), a.std(dim=1, correction=0).mean().item()])
        L = (a * D**2).sum() / (2 * len(D))  # Eq. 4
        L = L if term is None else L + β * term(a)
        adam.zero_grad()
        L.backward()
        adam.step()
    return torch.tensor(path)

# %% tags=["not-graded"]
alone = attention_learns()
print("mean attention", rounded(alone[0, 0], 3), "->", rounded(alone[-1, 0], 3))
assert alone[-1, 0] < 0.05

# %% [markdown]
# ## Warm-up 1: a budget
#
# The simplest idea: say what the mean of attention should be, and punish any other.
#
# $$B(a) = (\bar a - b)^2, \qquad \bar a = \frac{1}{m\,d}\sum_{i=1}^{m}\sum_{j=1}^{d} a_{ij}$$
#
# The mean goes over *all* $m\,d$ weights of the batch, and the square comes after it.
#
# ### Question 1 (1 point)
#
# Write `budget_term(a, budget)`: `a` has the shape $(m, d)$, `budget` is a number $b$, the answer is one number.
#
# <details><summary>Hint 1</summary>Two steps: first one number from the whole of a, then its distance from the budget.</details>
# <details><summary>Hint 2</summary>Is the mean taken before or after the square? The equation says it.</details>
# <details><summary>Hint 3</summary>A tensor's <code>mean()</code> without an argument goes over all its numbers. What remains is a difference and a power.</details>

# %% nbgrader={"grade": false, "grade_id": "budget_term", "locked": false, "schema_version": 3, "solution": true, "task": false}
def budget_term(a, budget):
    """The budget term: a (m, d), budget a number; returns one number, shape ()."""
    ### BEGIN SOLUTION
    return (a.mean() - budget) ** 2
    ### END SOLUTION

# %% [markdown]
# Try it. On paper: the mean of the four weights is ½, the budget ¾, so the answer is $(-\tfrac14)^2 = 0.0625$.

# %% tags=["not-graded"]
a_small = torch.tensor([[0.5, 0.25],
                        [0.75, 0.5]])  # (m, d) = (2, 2)
print(rounded(budget_term(a_small, 0.75)))

# %% nbgrader={"grade": true, "grade_id": "test_budget_term", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a4_attention_term as questions

questions.budget_term(budget_term)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.budget_term(budget_term, seed)
### END HIDDEN TESTS

# %% [markdown]
# ### Question 2 (2 points): its gradient by hand
#
# Derive $\partial B/\partial a_{ij}$ on paper, then write `budget_gradient(a, budget)`: one number for each weight, so the shape is $(m, d)$.
#
# <details><summary>Hint 1</summary>A square outside, a mean inside: the chain rule. How fast does the mean change when a single weight does?</details>
# <details><summary>Hint 2</summary>By one m·d-th of it, whichever weight it is. So all m·d numbers of the gradient are the same.</details>
# <details><summary>Hint 3</summary>The outer derivative is twice the difference, the inner one 1/(m d). <code>torch.full_like(a, …)</code> fills a whole
# tensor with a number; <code>a.numel()</code> is m·d.</details>

# %% nbgrader={"grade": false, "grade_id": "budget_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def budget_gradient(a, budget):
    """Gradient of the budget term by a: a (m, d), budget a number; returns (m, d)."""
    ### BEGIN SOLUTION
    return torch.full_like(a, 2 * (a.mean() - budget) / a.numel())
    ### END SOLUTION

# %% [markdown]
# Try it. For the four weights above and the budget ¾ each of the four numbers is $-\tfrac18$.

# %% tags=["not-graded"]
print(rounded(budget_gradient(a_small, 0.75)))

# %% nbgrader={"grade": true, "grade_id": "test_budget_gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a4_attention_term as questions

questions.budget_gradient(budget_gradient)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.budget_gradient(budget_gradient, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Warm-up 2: entropy
#
# Another idea: nothing against a small mean, but no dimension shall have it all. Take each weight's share of its sample, and the entropy of the shares.
#
# $$E(a) = \frac{1}{m}\sum_{i=1}^{m}\sum_{j=1}^{d} p_{ij} \ln p_{ij}, \qquad p_{ij} = \frac{a_{ij}}{\sum_{l=1}^{d} a_{il}}$$
#
# This is the *negative* entropy, so that a small value is good: it lies between $-\ln d$ (all weights of each sample equal) and $0$ (one weight has
# everything). The logarithm is the natural one. A weight of exactly 0 adds 0, the limit of $p \ln p$; a computer's $0 \cdot \ln 0$ is `nan`.
#
# ### Question 3 (1 point)
#
# Write `entropy_term(a)`, one number.
#
# <details><summary>Hint 1</summary>Which sum stands below the fraction, that of a row or that of a column? It must have one number for each sample.</details>
# <details><summary>Hint 2</summary>With <code>keepdim=True</code> a sum over a row has the shape (m, 1) and divides each weight of that row.</details>
# <details><summary>Hint 3</summary><code>torch.xlogy(p, q)</code> is p · ln q, and 0 where p is 0. Then a sum over all, and the mean over samples.</details>

# %% nbgrader={"grade": false, "grade_id": "entropy_term", "locked": false, "schema_version": 3, "solution": true, "task": false}
def entropy_term(a):
    """Mean negative entropy of the shares: a (m, d); returns one number, shape ()."""
    ### BEGIN SOLUTION
    p = a / a.sum(dim=1, keepdim=True)  # (m, d)
    return torch.xlogy(p, p).sum() / len(a)
    ### END SOLUTION

# %% [markdown]
# Try it. The shares are ½, ¼, ¼, so the answer is $-\tfrac12\ln 2 - 2\cdot\tfrac14 \ln 4 = -\tfrac32 \ln 2 = -1.0397$. For the second line it is the same: why?

# %% tags=["not-graded"]
a_row = torch.tensor([[0.5, 0.25, 0.25]])  # (m, d) = (1, 3)
print(rounded(entropy_term(a_row)))
print(rounded(entropy_term(0.1 * a_row)))

# %% nbgrader={"grade": true, "grade_id": "test_entropy_term", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a4_attention_term as questions

questions.entropy_term(entropy_term)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.entropy_term(entropy_term, seed)
### END HIDDEN TESTS

# %% [markdown]
# ### Question 4 (3 points): its gradient by hand
#
# Derive $\partial E/\partial a_{ij}$ on paper, then write `entropy_gradient(a)`, shape $(m, d)$. Here all weights are above 0.
#
# A weight stands in *every* share of its sample: above the fraction in its own, below it in all.
#
# <details><summary>Hint 1</summary>Two derivatives: that of p ln p, and that of a share. The first is ln p + 1. For the second take the quotient rule, once for
# the weight's own share, once for another one of the sample.</details>
# <details><summary>Hint 2</summary>With S<sub>i</sub> for the sum of a row: ∂p<sub>il</sub>/∂a<sub>ij</sub> is (1 − p<sub>ij</sub>)/S<sub>i</sub> for l = j and
# −p<sub>il</sub>/S<sub>i</sub> for l ≠ j. Multiply each with its ln p + 1 and add over l. What becomes of the ones?</details>
# <details><summary>Hint 3</summary>The ones cancel, since the shares of a sample add up to 1. What remains for each weight: the logarithm of its own share, minus the
# share-weighted mean of the logarithms of its row, over S<sub>i</sub>; and the 1/m of the mean.</details>

# %% nbgrader={"grade": false, "grade_id": "entropy_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def entropy_gradient(a):
    """Gradient of the entropy term by a, all above 0: a (m, d); returns (m, d)."""
    ### BEGIN SOLUTION
    total = a.sum(dim=1, keepdim=True)  # (m, 1)
    p = a / total  # (m, d)
    mean_log = (p * p.log()).sum(dim=1, keepdim=True)  # (m, 1)
    return (p.log() - mean_log) / (len(a) * total)
    ### END SOLUTION

# %% [markdown]
# Try it. For the row above: $\ln\tfrac12 + \tfrac32\ln 2 = \tfrac12 \ln 2 = 0.3466$ for the first weight, and $-0.3466$ for the two others.

# %% tags=["not-graded"]
print(rounded(entropy_gradient(a_row)))

# %% nbgrader={"grade": true, "grade_id": "test_entropy_gradient", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a4_attention_term as questions

questions.entropy_gradient(entropy_gradient)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.entropy_gradient(entropy_gradient, seed)
### END HIDDEN TESTS

# %% [markdown]
# ### What the two terms do

# %% tags=["not-graded"]
for name, term in {
    "budget ½": lambda a: budget_term(a, 0.5),
    "entropy": entropy_term,
}.items():
    for β in (1.0, 10.0, 100.0):
        mean, spread = attention_learns(term, β)[-1]
        print(
            f"{name:<9} β = {β:>5g}: mean attention {rounded(mean, 3):.3f}, "
            f"spread within a sample {rounded(spread, 3):.3f}"
        )

# %% [markdown]
# The budget holds the mean, if β is large enough. The entropy does not: look at its gradient. Multiplied by $a_{ij}$ and summed over a sample it is 0, so it
# only moves weight from one dimension to another, and all of them fall together. Keep it in mind for your own term.
#
# ## Your own term
#
# ### Question 5 (3 points)
#
# Write `my_term(a)`: a term of your own, another one than the two above. What is asked of it:
#
# 1. It is **one number**, and finite for every $a$ with $0 < a_{ij} \le 1$: also where all of it is exactly 1, very small, or a single sample.
# 2. It is **a mean over the batch**: the order of the samples does not matter, and a batch in which each sample comes twice has the same value.
# 3. **Autograd reaches `a`**, and its gradient is the slope that one measures: nothing is detached or rounded on the way. It is finite, also where all weights
#    of a sample are equal, as they are at the start.
# 4. **It keeps attention.** Attention learns as above on $\mathcal{L}_{SC} + \beta\,\text{my\_term}(a)$, on a batch that the check makes. Without a term its mean
#    falls below 0.05. With yours it must end above 0.25. How strong your term is does not matter: the check tries β = 0.1, 1, 10, 100 and 1000, and one of
#    them must do.
# 5. **It leaves a choice.** With that same β the standard deviation of $a$ within a sample, averaged over the samples, must end above 0.05. A term whose lowest
#    point is at 1 everywhere is allowed, as long as $\mathcal{L}_{SC}$ can still lower single dimensions against it. A term so stiff that all weights of a
#    sample end up equal is not: equal weights are a smaller λ and no attention.
#
# There are many right answers.
#
# <details><summary>Hint 1</summary>What must be large when attention is small? Draw a curve over a single weight from 0 to 1 that is high on the left.</details>
# <details><summary>Hint 2</summary>You may look at each weight, at the mean of each sample, or at its two or three largest ones. What would a sample lose that switches all off?
# What would one lose that switches off a single dimension?</details>
# <details><summary>Hint 3</summary>Families that work: a budget for each sample by itself; a barrier that grows without limit towards 0; a price for each weight that is
# missing to 1; the entropy of including or excluding a dimension, a against 1 − a. Mind requirement 1 at the ends of the interval.</details>

# %% nbgrader={"grade": false, "grade_id": "my_term", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_term(a):
    """A term that keeps attention from collapsing: a (m, d); returns one number ()."""
    ### BEGIN SOLUTION
    # a budget of ½ for each sample by itself
    return ((a.mean(dim=1) - 0.5) ** 2).mean()
    ### END SOLUTION

# %% [markdown]
# Try it. Both numbers of the last lines must be large enough for one β.

# %% tags=["not-graded"]
for β in (0.1, 1.0, 10.0, 100.0, 1000.0):
    mean, spread = attention_learns(my_term, β)[-1]
    print(
        f"β = {β:>6g}: mean attention {rounded(mean, 3):.3f}, "
        f"spread within a sample {rounded(spread, 3):.3f}"
    )

# %% nbgrader={"grade": true, "grade_id": "test_my_term", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a4_attention_term as questions

questions.my_term(my_term)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.my_term(my_term, seed)
### END HIDDEN TESTS

# %% [markdown]
# **What to see in the figure:** without a term the mean of these free weights falls to nothing. Each β is another compromise between your term and
# $\mathcal{L}_{SC}$.

# %% tags=["not-graded"]
import plotly.graph_objects as go

from dacl_edu.plots import LOOKS

figure = go.Figure()
for (colour, dash, _), β in zip(LOOKS, (0.0, 1.0, 10.0, 100.0), strict=False):
    path = attention_learns(my_term, β)  # (steps, 2)
    figure.add_scatter(
        y=rounded(path[:, 0]),
        name=f"β = {β:g}",
        line={"color": colour, "dash": dash, "width": 3},
    )

# %% tags=["not-graded"]
figure.update_yaxes(range=[0, 1], title="mean attention").update_xaxes(title="step")
figure.update_layout(title="Attention under L_SC + β · my_term", width=640, height=380)
show(
    figure,
    alt="""Mean attention over 150 steps, starting at one half. Without a term it falls
to nearly zero; with a larger weight of
the own term it ends higher.""",
)

# %% [markdown]
# ### Question 6 (2 points): its gradient by hand
#
# Write `my_term_gradient(a)`: $\partial\,\text{my\_term}/\partial a_{ij}$, shape $(m, d)$. It is compared with finite differences of *your* term, on attention
# around ½ and around 0.05.
#
# <details><summary>Hint 1</summary>Write your term as a sum over i and j. In which of its summands does a single a<sub>ij</sub> stand?</details>
# <details><summary>Hint 2</summary>Differentiate from the outside inwards, one factor at a time, and keep each 1/m and 1/d where it stands.</details>
# <details><summary>Hint 3</summary>Does your formula agree with finite differences for a single weight? Change one number by 10⁻⁶ up and down, in float64, as in lesson
# 05. If a factor is missing, it is usually 1/m, 1/d or the 2 of a square.</details>

# %% nbgrader={"grade": false, "grade_id": "my_term_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_term_gradient(a):
    """The gradient of my own term by a: a (m, d); returns (m, d)."""
    ### BEGIN SOLUTION
    of_sample = 2 * (a.mean(dim=1, keepdim=True) - 0.5) / a.numel()  # (m, 1)
    return of_sample.expand_as(a)
    ### END SOLUTION

# %% [markdown]
# Try it: the slope of a single weight, measured, beside your formula.

# %% tags=["not-graded"]
h, at = 1e-6, torch.zeros(2, 2, dtype=torch.float64)
at[1, 0] = h
a_wide = a_small.double()
measured = (my_term(a_wide + at) - my_term(a_wide - at)) / (2 * h)
print(
    "measured", rounded(measured), " by hand", rounded(my_term_gradient(a_wide)[1, 0])
)

# %% nbgrader={"grade": true, "grade_id": "test_my_term_gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a4_attention_term as questions

questions.my_term_gradient((my_term, my_term_gradient))
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.my_term_gradient((my_term, my_term_gradient), seed)
### END HIDDEN TESTS

# %% [markdown]
# ### Question 7 (2 points, read by a person)
#
# Write the derivation of your gradient, from the sum over $i$ and $j$ to the formula that your function computes, in at most ten lines. Then say in one
# sentence for which $a$ your term stops pushing.
#
# | points | derivation |
# |---|---|
# | 2 | each step follows from the one before; it says in which summands a single weight stands; the end is the formula of Question 6; the last sentence is right |
# | 1 | the end is right, but a step is missing, or the last sentence is |
# | 0 | no derivation, one of another formula, or the term of Question 1 again |

# %% [markdown] nbgrader={"grade": true, "grade_id": "derivation", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# $\text{my\_term}(a) = \frac{1}{m}\sum_{i} (\bar a_i - \tfrac12)^2$ with $\bar a_i = \frac1d\sum_j a_{ij}$.
#
# 1. The weight $a_{ij}$ stands in the summand of its own sample $i$ alone, inside $\bar a_i$.
# 2. The outer derivative is $2(\bar a_i - \tfrac12)$, the inner one $\partial \bar a_i/\partial a_{ij} = \tfrac1d$.
# 3. With the $\tfrac1m$ in front: $\dfrac{\partial\,\text{my\_term}}{\partial a_{ij}} = \dfrac{2}{m\,d}(\bar a_i - \tfrac12)$, the same for all $j$ of a
#    sample.
#
# It stops pushing where each sample's mean is ½; below it pushes all weights of that sample up, above it down.

# %% [markdown]
# ## What was shown
#
# - A budget holds the mean of attention; the entropy of shares cannot, since it does not see the mean at all.
# - A gradient by hand is tested by finite differences, whatever the term is.
# - A term must hold attention up *and* leave the loss a choice. A very large β takes the choice away.
#
# None of this says that attention has become *useful*. That needs training and controls, lessons 07 to 12.
#
# **Try next, without points.** Train with your term: make it a `MetricLoss` whose formula is Eq. 4 plus β times your term ([docs/losses.md](../../../../docs/losses.md), "A loss of your own"), and
# look at the mean attention over the epochs beside that of `dacl`. Or start attention at 0.05 in `attention_learns`: does your term bring it back?
