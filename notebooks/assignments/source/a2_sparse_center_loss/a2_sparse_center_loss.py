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
# # Assignment 2: a sparse center loss that a wrong label cannot pull apart
#
# | | |
# |---|---|
# | **Difficulty** | 2 of 4 |
# | **Minutes** | 90 |
# | **Points** | 12 |
# | **Builds on** | [03_sparse_center_loss](../../../03_sparse_center_loss.ipynb), [05_gradients](../../../05_gradients.ipynb), assignment 1 |
#
# **After this assignment you can** change the loss of the paper, derive the gradients of what came out, and write its
# backward pass, λ included.
#
# **The question.** One training label in ten is wrong (lesson 00). Such a face lies far from the center it is pulled to.
# In Eq. 4 a face ten times as far pulls ten times as hard, and counts a hundred times as much: the wrong labels get the
# loudest voice. Let us turn it down. Near its center a sample shall count as in Eq. 4; far away by its distance only,
# not by the square.
#
# **The equation.** It is not in the paper. One root for each sample:
#
# $$\mathcal{L}_{T} = \frac{1}{m}\sum_{i=1}^{m} (r_i - 1), \qquad
# r_i = \sqrt{1 + \sum_{j=1}^{d} a_{ij}\,(x_{ij}-c_{y_i j})^2}$$
#
# | symbol | name in code | what it is | shape |
# |---|---|---|---|
# | $x$ | `x` | features, one row a sample | $(m, d)$ |
# | $a$ | `a` | attention, a weight for each number of $x$ | $(m, d)$ |
# | $y$ | `y` | the class of each sample, from 0 to $K-1$ | $(m)$ |
# | $c$ | `c` | centers, one row a class | $(K, d)$ |
# | $r$ | – | the root of each sample, never below 1 | $(m)$ |
#
# *Near:* for a small $s$, $\sqrt{1+s} - 1 \approx s/2$, which is Eq. 4. *Far:* the 1 no longer matters, and $r_i$ is the
# distance, weighted by attention.
#
# **How the checks work.** Each question ends in a test cell. It calls your function with small made-up batches and says
# in red what is wrong and where to look, or in green that it is right. Here the batches come from seed 0; when your work
# is graded they come from other seeds, so numbers that were typed in do not help. A question earns all its points or none.
#
# You may add cells, and functions that help you. None of your functions may call the package `dacl_edu`, and those of the
# questions marked *by hand* must not ask autograd (`backward`, `torch.autograd.grad`, `torch.func.grad` and the like).
# Keep names and order of the arguments, and do not change a tensor that you are given.

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
# ## A batch that fits on the page
#
# Two samples, two dimensions, three classes; class 2 has no sample.
#
# | sample | $x_i - c_{y_i}$ | squares | $a_i$ | weighted | $r_i$ |
# |---|---|---|---|---|---|
# | 0 | $(1, 2)$ | $(1, 4)$ | $(1, ½)$ | $1 + 2 = 3$ | $\sqrt{1+3} = 2$ |
# | 1 | $(0, -4)$ | $(0, 16)$ | $(1, ½)$ | $0 + 8 = 8$ | $\sqrt{1+8} = 3$ |
#
# The loss is $((2 - 1) + (3 - 1)) / 2 = 1.5$. (Eq. 4 would be $(3 + 8) / (2 \cdot 2) = 2.75$.)

# %% nbgrader={"grade": false, "grade_id": "small_batch", "locked": true, "schema_version": 3, "solution": false, "task": false}
x = torch.tensor([[1.0, 2.0], [3.0, 0.0]])  # (m, d) = (2, 2)
a = torch.tensor([[1.0, 0.5], [1.0, 0.5]])  # (m, d)
y = torch.tensor([1, 0])  # (m,)
c = torch.tensor([[3.0, 4.0], [0.0, 0.0], [7.0, 7.0]])  # (K, d) = (3, 2)
print((x - c[y]).tolist())

# %% [markdown]
# And a second one, which is yours to try your functions on. The differences $x_i - c_{y_i}$ are $(0, 2)$, $(-1, 2)$,
# $(4, 2)$ and $(-4, 0)$, the roots $r_i$ are 2, 2, 4 and 3.

# %% nbgrader={"grade": false, "grade_id": "your_batch", "locked": true, "schema_version": 3, "solution": false, "task": false}
x4 = torch.tensor([[2.0, 1.0], [0.0, 3.0], [6.0, 1.0], [-2.0, -1.0]])  # (m, d) = (4, 2)
a4 = torch.tensor([[1.0, 0.75], [1.0, 0.5], [0.75, 0.75], [0.5, 1.0]])  # (m, d)
y4 = torch.tensor([0, 1, 0, 0])  # (m,)
c4 = torch.tensor([[2.0, -1.0], [1.0, 1.0], [5.0, 5.0]])  # (K, d) = (3, 2)

# %% [markdown]
# ## Question 1: the tempered loss (2 points)
#
# Write $\mathcal{L}_T$. The result is one number, a tensor of shape `()`. Autograd is allowed here, and must be able to
# differentiate your result by $x$ *and* by $a$: in the paper both come from networks that learn. (The function keeps the
# name `sparse_center_loss`: it is one, with another distance.)
#
# <details><summary>Hint 1: a nudge</summary>
#
# How many roots are there: one for each number, for each sample, or for the batch?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Sum over the dimensions before the root, and over the samples after it. Where does the 1 go, and where is it taken off?
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# The roots have the shape (m,). The only division is by m: of the ½ of Eq. 4 the root takes care.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "sparse_center_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sparse_center_loss(x, a, y, c):
    """The tempered sparse center loss.

    x: features (m, d); a: attention (m, d); y: labels (m,); c: centers (K, d).
    Returns one number, a tensor of shape ().
    """
    ### BEGIN SOLUTION
    roots = (1 + (a * (x - c[y]).square()).sum(dim=1)).sqrt()  # (m,)
    return (roots - 1).mean()
    ### END SOLUTION

# %% [markdown]
# **Try it.** On paper: $(1 + 1 + 3 + 2) / 4 = 1.75$. With all distances a hundred times smaller it is nearly Eq. 4, which
# is $29 / 8 \cdot 10^{-4} = 0.0003625$.

# %% tags=["not-graded"]
print(sparse_center_loss(x4, a4, y4, c4).item())
print(sparse_center_loss(x4.double() / 100, a4.double(), y4, c4.double() / 100).item())

# %% nbgrader={"grade": true, "grade_id": "test_sparse_center_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a2_sparse_center_loss as questions

questions.sparse_center_loss(sparse_center_loss)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.sparse_center_loss(sparse_center_loss, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: the pull on the features, by hand (3 points)
#
# Derive $\partial \mathcal{L}_{T} / \partial x_{ij}$ on paper, and write it for all $i$ and $j$ at once. The
# result has the shape of $x$, $(m, d)$. Then look at what you found: how hard can a single sample pull at most?
#
# <details><summary>Hint 1: a nudge</summary>
#
# Only one of the $m$ roots contains $x_{ij}$. Which? And which terms below that root?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Two steps of the chain rule: the slope of a root, times the slope of what stands below it. Each brings a factor of 2 along.
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# Compare with Eq. 9: what the root adds is one number a sample. To combine $(m)$ with $(m, d)$ it needs a second
# dimension of length 1.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "gradient_x", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_x(x, a, y, c):
    """Gradient by x, (m, d), without autograd. x, a: (m, d); y: (m,); c: (K, d)."""
    ### BEGIN SOLUTION
    apart = x - c[y]  # (m, d)
    roots = (1 + (a * apart.square()).sum(dim=1, keepdim=True)).sqrt()  # (m, 1)
    return a * apart / (len(x) * roots)
    ### END SOLUTION

# %% [markdown]
# **Try it.** On paper: the second sample has $(1 \cdot (-1), ½ \cdot 2) / (4 \cdot 2) = (-0.125, 0.125)$.

# %% tags=["not-graded"]
print(gradient_x(x4, a4, y4, c4).tolist())

# %% nbgrader={"grade": true, "grade_id": "test_gradient_x", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a2_sparse_center_loss as questions

questions.gradient_x(gradient_x)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.gradient_x(gradient_x, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: the pull on attention, by hand (3 points)
#
# Derive $\partial \mathcal{L}_{T} / \partial a_{ij}$, and write it for all $i$ and $j$ at once. The result has the shape of
# $a$, $(m, d)$.
#
# Eq. 4 is a straight line in each $a_{ij}$, so that its slope, Eq. 10, does not know $a$ at all. Is that still so? Before
# you go on, answer for yourself: as a free weight falls, does the push on it grow or fade?
#
# <details><summary>Hint 1: a nudge</summary>
#
# $a_{ij}$ stands below the same root as $x_{ij}$. Only the last step of the chain rule is another.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# What stands below the root is a straight line in $a_{ij}$, and its slope is what stands beside $a_{ij}$. The ½ of the root
# meets nothing that cancels it.
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# A gradient has the shape of what you differentiate by: keep the squares of the single dimensions, and divide each row by
# one number.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "gradient_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_a(x, a, y, c):
    """Gradient by a, (m, d), without autograd. x, a: (m, d); y: (m,); c: (K, d)."""
    ### BEGIN SOLUTION
    apart = x - c[y]  # (m, d)
    roots = (1 + (a * apart.square()).sum(dim=1, keepdim=True)).sqrt()  # (m, 1)
    return apart.square() / (2 * len(x) * roots)
    ### END SOLUTION

# %% [markdown]
# **Try it.** On paper: the second sample has $((-1)^2, 2^2) / (2 \cdot 4 \cdot 2) = (0.0625, 0.25)$.

# %% tags=["not-graded"]
print(gradient_a(x4, a4, y4, c4).tolist())

# %% nbgrader={"grade": true, "grade_id": "test_gradient_a", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a2_sparse_center_loss as questions

questions.gradient_a(gradient_a)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.gradient_a(gradient_a, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: both in a backward pass, by hand (4 points)
#
# In training the loss is $\mathcal{L} = \mathcal{L}_S + \lambda \mathcal{L}_{T}$ (Eq. 8). Autograd hands
# $g = \partial \mathcal{L} / \partial \mathcal{L}_{T} = \lambda$ to the backward pass of $\mathcal{L}_{T}$, and expects
# the gradients of $\mathcal{L}$, not of $\mathcal{L}_{T}$.
#
# Write a `torch.autograd.Function` with the loss in `forward` and both gradients in `backward`; wrap it in
# `sparse_center_loss_by_hand(x, a, y, c)`. Labels have no gradient, and the paper moves centers by a rule of their own
# (assignment 3), so that for $y$ and $c$ you return `None`. You may use your functions of questions 1 to 3.
#
# <details><summary>Hint 1: a nudge</summary>
#
# What is the chain rule for a number that is multiplied by λ?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# `backward` returns as many things as `forward` has inputs behind `ctx`, in the same order.
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# Both gradients carry the factor $g$, and it appears once in each. Call the class through its `apply`, with positional arguments.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "sparse_center_loss_by_hand", "locked": false, "schema_version": 3, "solution": true, "task": false}
class SparseCenterLoss(torch.autograd.Function):
    """The tempered loss forward; its two gradients, times g, backward."""

    @staticmethod
    def forward(ctx, x, a, y, c):
        """x, a: (m, d); y: (m,); c: (K, d). Returns one number, shape ()."""
        ### BEGIN SOLUTION
        ctx.save_for_backward(x, a, y, c)
        return sparse_center_loss(x, a, y, c)
        ### END SOLUTION

    @staticmethod
    def backward(ctx, g):
        """g: one number, shape (). Returns a gradient for each of x, a, y, c."""
        ### BEGIN SOLUTION
        inputs = ctx.saved_tensors
        return g * gradient_x(*inputs), g * gradient_a(*inputs), None, None
        ### END SOLUTION


def sparse_center_loss_by_hand(x, a, y, c):
    """The number of question 1, differentiated by SparseCenterLoss."""
    ### BEGIN SOLUTION
    return SparseCenterLoss.apply(x, a, y, c)
    ### END SOLUTION

# %% [markdown]
# **Try it.** With $\lambda = 0.5$ the second sample has half of the numbers above: $(-0.0625, 0.0625)$ for $x$ and
# $(0.03125, 0.125)$ for $a$.

# %% tags=["not-graded"]
x_leaf, a_leaf = x4.clone().requires_grad_(), a4.clone().requires_grad_()
(0.5 * sparse_center_loss_by_hand(x_leaf, a_leaf, y4, c4)).backward()
print(x_leaf.grad[1].tolist(), a_leaf.grad[1].tolist())

# %% nbgrader={"grade": true, "grade_id": "test_sparse_center_loss_by_hand", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a2_sparse_center_loss as questions

questions.sparse_center_loss_by_hand(sparse_center_loss_by_hand)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.sparse_center_loss_by_hand(sparse_center_loss_by_hand, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## What was shown
#
# - A loss of your own: Eq. 4 near the center, a distance far from it, in one formula.
# - Its gradients are Eq. 9 and Eq. 10, each sample divided by its $r_i$. So a face that is far pulls hardly harder than one
#   that is half as far, and a wrong label has no louder voice than others.
# - Attention no longer meets a constant slope: a weight that falls makes its root smaller, and the push on it *grows*. Nothing
#   in this loss holds a free weight up, less than in Eq. 4. (In a network the weights share their parameters, and some rise:
#   lesson 05.) Assignment 4 does something about it.
#
# **Try next, without points.** Does it help with wrong labels? Make it a `MetricLoss` (lesson 09 shows how), train it, and
# look at the training faces whose label is wrong: column `label_true` of `faces.factors`.
