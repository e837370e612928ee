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
# # Assignment 3: the center update
#
# | | |
# |---|---|
# | **Difficulty** | 2 of 4 |
# | **Minutes** | 75 |
# | **Points** | 10 |
# | **Builds on** | [06_center_update](../../../06_center_update.ipynb), assignment 2 |
#
# **After this assignment you can** move class centers by the paper's rule, with classes that are absent from a batch and
# with any ε, keep the rule out of autograd's reach, and get the same step from micro-batches as from the whole batch.
#
# **The equation.** After each batch every class looks at its own samples and asks its center to take a step:
#
# $$\Delta_{c_k} = \frac{\sum_{i:\,y_i = k} a_i \odot (c_k - x_i)}{\epsilon + n_k} \tag{Eq. 11}$$
#
# and line 15 of Algorithm 1 takes a share α of it: $c_k \leftarrow c_k - \alpha\,\Delta_{c_k}$.
#
# | symbol | name in code | what it is | shape |
# |---|---|---|---|
# | $x$, $a$ | `x`, `a` | features and attention of a batch | $(m, d)$ |
# | $y$ | `y` | the class of each sample, from 0 to $K-1$ | $(m)$ |
# | $c$ | `c` | centers, one row a class | $(K, d)$ |
# | $n_k$ | – | samples of class $k$ in this batch; may be 0 | $(K)$ |
# | ε, α | `eps`, `alpha` | two numbers; the paper has α = 0.5, its released code ε = 1 | – |
#
# **How the checks work.** Each question ends in a test cell. It calls your function with small made-up batches and says
# in red what is wrong and where to look, or in green that it is right. Here the batches come from seed 0; when your work
# is graded they come from other seeds, so numbers that were typed in do not help. A question earns all its points or none.
#
# You may add cells, and functions that help you. None of your functions may call the package `dacl_edu`, and those of the
# questions marked *by hand* must not ask autograd (`backward`, `torch.autograd.grad`, `torch.func.grad` and the like).
# Keep names and order of the arguments, and do not change a tensor that you are given. In this assignment all three are by hand.

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

# %% [markdown]
# ## A class that fits on a line
#
# One dimension, one class with its center at 0, two samples at 1 and 3 with attention 1 and ½, ε = ½:
#
# $$\Delta = \frac{1 \cdot (0 - 1) + ½ \cdot (0 - 3)}{½ + 2} = \frac{-2.5}{2.5} = -1$$
#
# With α = ½ the center moves from 0 to $0 - ½ \cdot (-1) = 0.5$: towards its samples. Attention stands above the line,
# and *not* below it: there, samples are counted.
#
# %% nbgrader={"grade": false, "grade_id": "one_class", "locked": true, "schema_version": 3, "solution": false, "task": false}
above, below = 1 * (0 - 1) + 0.5 * (0 - 3), 0.5 + 2
print(above / below, 0 - 0.5 * above / below)

# %% [markdown]
# Here is a batch which is yours to try your functions on: three samples of class 0, one of class 1, none of class 2.

# %% nbgrader={"grade": false, "grade_id": "your_batch", "locked": true, "schema_version": 3, "solution": false, "task": false}
x4 = torch.tensor([[2.0, 1.0], [4.0, 1.0], [1.0, -1.0], [0.0, 3.0]])  # (m, d) = (4, 2)
a4 = torch.tensor([[1.0, 0.5], [0.5, 0.5], [1.0, 1.0], [1.0, 0.25]])  # (m, d)
y4 = torch.tensor([0, 0, 0, 1])  # (m,)
c4 = torch.tensor([[2.0, -1.0], [1.0, 1.0], [5.0, 5.0]])  # (K, d) = (3, 2)
print((c4[y4] - x4).tolist())  # from each sample to its center: (m, d)

# %% [markdown]
# ## Question 1: the step, by hand (4 points)
#
# Write Eq. 11 for all classes at once; the result has the shape of $c$, $(K, d)$. The rows of classes that are absent
# from the batch are exactly 0, **also for ε = 0**, where Eq. 11 itself would say 0/0. For classes that are present, ε
# changes the length of the step, whatever its value is.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Make it right with a loop over the classes before you make it short: which samples belong to class k, what is their sum, how many are they?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Without a loop: the numerator is a sum of rows, each of which goes to the row of its label; the denominator counts labels. `index_add` and `torch.bincount(..., minlength=...)` do these two things.
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# A count of shape (K,) needs `[:, None]` to divide the rows of (K, d). For absent classes the numerator is 0 anyway: what may their denominator be replaced by, so that the quotient exists and nobody else notices?
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "center_delta", "locked": false, "schema_version": 3, "solution": true, "task": false}
def center_delta(x, a, y, c, eps):
    """Eq. 11.

    x, a: (m, d); y: (m,); c: (K, d); eps: a number, 0 or more.
    Returns (K, d), 0 for absent classes.
    """
    ### BEGIN SOLUTION
    sums = torch.zeros_like(c).index_add(0, y, a * (c[y] - x))  # (K, d)
    n = torch.bincount(y, minlength=len(c))  # (K,)
    return sums / (eps + n.clamp(min=1))[:, None]  # an absent class: 0 / (eps + 1)
    ### END SOLUTION

# %% [markdown]
# **Try it**, with ε = 1. On paper: class 0 has $(0, -1) + (-1, -1) + (1, 0) = (0, -2)$ above the line and $1 + 3$ below:
# $(0, -0.5)$. Class 1 has $(1, -0.5)$ above and $1 + 1$ below: $(0.5, -0.25)$. Class 2 has zeros.

# %% tags=["not-graded"]
print(center_delta(x4, a4, y4, c4, eps=1.0).tolist())

# %% nbgrader={"grade": true, "grade_id": "test_center_delta", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a3_center_update as questions

questions.center_delta(center_delta)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.center_delta(center_delta, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: the new centers, by hand (3 points)
#
# Line 15 of Algorithm 1. Return the centers after the step, $(K, d)$, as a **new tensor**: the old ones are still needed,
# by the loss of this batch. Three things must hold:
#
# - `c` is not changed in place;
# - the centers of absent classes stay what they were, to the last bit;
# - no gradient flows through the result, even if `x`, `a` or `c` ask for gradients: Eq. 11 is a rule and no part of the
#   loss.
#
# You may use your `center_delta`.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Line 15 has a minus. What does a step of Eq. 11 point away from?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Write the line as it is printed, with its result in a new tensor. Then ask: which of x, a and c could hand a gradient on to it?
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# Absent classes: subtracting exactly 0 changes no bit, multiplying and dividing again does. Gradients: `.detach()` at the end, or the whole function under `torch.no_grad()`; detaching only one of the inputs leaves ways open.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "updated_centers", "locked": false, "schema_version": 3, "solution": true, "task": false}
def updated_centers(x, a, y, c, alpha, eps):
    """Algorithm 1, line 15.

    x, a: (m, d); y: (m,); c: (K, d); alpha, eps: numbers.
    Returns a new (K, d) tensor without gradient.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        return c - alpha * center_delta(x, a, y, c, eps)
    ### END SOLUTION

# %% [markdown]
# **Try it**, with α = ½ and ε = 1. On paper: $(2, -1) - ½ (0, -0.5) = (2, -0.75)$ and
# $(1, 1) - ½ (0.5, -0.25) = (0.75, 1.125)$; the third center stays at $(5, 5)$.

# %% tags=["not-graded"]
print(updated_centers(x4, a4, y4, c4, alpha=0.5, eps=1.0).tolist())

# %% nbgrader={"grade": true, "grade_id": "test_updated_centers", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a3_center_update as questions

questions.updated_centers(updated_centers)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.updated_centers(updated_centers, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: micro-batches, by hand (3 points)
#
# A batch that does not fit into memory comes in parts. The centers move once, after the last part, and the step must be
# that of the whole batch. `parts` is a list of `(x, a, y)`, of any number and of any sizes; a class may be in several
# parts, in one, or in none. Return Δ of the joined batch, $(K, d)$.
#
# Memory is why the batch was cut, so think of a way that looks at one part at a time (though joining them is right, too).
#
# <details><summary>Hint 1: a nudge</summary>
#
# Cut the batch above into two halves and compute Δ of each by hand. Is their sum the Δ of the whole? Is their mean?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Eq. 11 is a quotient. Quotients of parts do not add up. What does?
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# Carry two things from part to part, of the shapes (K, d) and (K,). ε and the division come once, after the last part.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "delta_of_parts", "locked": false, "schema_version": 3, "solution": true, "task": false}
def delta_of_parts(parts, c, eps):
    """Eq. 11 of the batch that the parts make up together.

    parts: a list of (x, a, y), with x, a: (m_p, d) and y: (m_p,);
    c: (K, d); eps: a number. Returns (K, d).
    """
    ### BEGIN SOLUTION
    sums = torch.zeros_like(c)  # (K, d)
    n = torch.zeros(len(c), dtype=torch.long)  # (K,)
    for x, a, y in parts:
        sums = sums.index_add(0, y, a * (c[y] - x))
        n = n + torch.bincount(y, minlength=len(c))
    return sums / (eps + n.clamp(min=1))[:, None]
    ### END SOLUTION

# %% [markdown]
# **Try it.** Two parts of two samples give what the whole batch gave in question 1: $(0, -0.5)$, $(0.5, -0.25)$ and
# zeros.

# %% tags=["not-graded"]
halves = [(x4[:2], a4[:2], y4[:2]), (x4[2:], a4[2:], y4[2:])]
print(delta_of_parts(halves, c4, eps=1.0).tolist())

# %% nbgrader={"grade": true, "grade_id": "test_delta_of_parts", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a3_center_update as questions

questions.delta_of_parts(delta_of_parts)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.delta_of_parts(delta_of_parts, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## What was shown
#
# - Above the line of Eq. 11 samples are weighted by attention, below it they are counted, and ε is added to the count.
# - No sample, no step: exactly 0, for every ε.
# - The rule lives outside of autograd: a new tensor, no gradient, nothing for an optimizer to find.
# - Sums and counts add up over micro-batches, quotients do not. (Several GPUs exchange the same two things.)
#
# **Try next, without points.** Let attention be 1. Show on paper that the new center lies on the line from the old one
# to the mean of its class in this batch, and that it goes the share $\alpha\, n_k / (\epsilon + n_k)$ of the way. What
# does ε = 1 then do to a class with one sample, and what to one with fifty?
