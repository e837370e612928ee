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
# # Assignment 2: sparse center loss and its two gradients
#
# | | |
# |---|---|
# | **Difficulty** | 2 of 4 |
# | **Minutes** | 90 |
# | **Points** | 12 |
# | **Builds on** | [03_sparse_center_loss](../../../03_sparse_center_loss.ipynb), [05_gradients](../../../05_gradients.ipynb), assignment 1 |
#
# **After this assignment you can** derive Eq. 9 and Eq. 10, find a misprint by looking at shapes alone, and write the
# backward pass of the paper's loss, λ included.
#
# **The equation.** Center loss in which every dimension of every sample has a weight of its own:
#
# $$\mathcal{L}_{SC} = \frac{1}{2m}\sum_{i=1}^{m}\sum_{j=1}^{d} a_{ij}\,(x_{ij}-c_{y_i j})^2 \tag{Eq. 4}$$
#
# | symbol | name in code | what it is | shape |
# |---|---|---|---|
# | $x$ | `x` | features, one row a sample | $(m, d)$ |
# | $a$ | `a` | attention, a weight for each number of $x$ | $(m, d)$ |
# | $y$ | `y` | the class of each sample, from 0 to $K-1$ | $(m)$ |
# | $c$ | `c` | centers, one row a class | $(K, d)$ |
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
# | sample | $x_i - c_{y_i}$ | squares | $a_i$ | weighted |
# |---|---|---|---|---|
# | 0 | $(1, 2)$ | $(1, 4)$ | $(1, ½)$ | $1 + 2$ |
# | 1 | $(0, -4)$ | $(0, 16)$ | $(1, ¼)$ | $0 + 4$ |
#
# The sum is 7, and $7 / (2 \cdot 2) = 1.75$.

# %% nbgrader={"grade": false, "grade_id": "small_batch", "locked": true, "schema_version": 3, "solution": false, "task": false}
x = torch.tensor([[1.0, 2.0], [3.0, 0.0]])  # (m, d) = (2, 2)
a = torch.tensor([[1.0, 0.5], [1.0, 0.25]])  # (m, d)
y = torch.tensor([1, 0])  # (m,)
c = torch.tensor([[3.0, 4.0], [0.0, 0.0], [7.0, 7.0]])  # (K, d) = (3, 2)
print((x - c[y]).tolist())

# %% [markdown]
# And a second one, which is yours to try your functions on. The differences $x_i - c_{y_i}$ are $(0, 2)$, $(-1, 2)$,
# $(2, 2)$ and $(-1, 0)$.

# %% nbgrader={"grade": false, "grade_id": "your_batch", "locked": true, "schema_version": 3, "solution": false, "task": false}
x4 = torch.tensor([[2.0, 1.0], [0.0, 3.0], [4.0, 1.0], [1.0, -1.0]])  # (m, d) = (4, 2)
a4 = torch.tensor([[1.0, 0.5], [1.0, 0.25], [0.5, 0.5], [1.0, 1.0]])  # (m, d)
y4 = torch.tensor([0, 1, 0, 0])  # (m,)
c4 = torch.tensor([[2.0, -1.0], [1.0, 1.0], [5.0, 5.0]])  # (K, d) = (3, 2)

# %% [markdown]
# ## Question 1: sparse center loss (2 points)
#
# Write Eq. 4. The result is one number, a tensor of shape `()`. Autograd is allowed here, and must be able to
# differentiate your result by $x$ *and* by $a$: in the paper both come from networks that learn. With $a = 1$ everywhere
# it is the center loss of Eq. 3.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Compare Eq. 4 with Eq. 3, symbol by symbol. What is new, and does it stand inside of the square or outside?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# `a` has the shape of the differences: multiply number by number, and sum only after that.
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# Neither the weights nor the distances are averaged: the only division is the one before the sums, and it does not know $a$.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "sparse_center_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sparse_center_loss(x, a, y, c):
    """Eq. 4.

    x: features (m, d); a: attention (m, d); y: labels (m,); c: centers (K, d).
    Returns one number, a tensor of shape ().
    """
    ### BEGIN SOLUTION
    apart = x - c[y]  # (m, d)
    return (a * apart.square()).sum() / (2 * len(x))
    ### END SOLUTION

# %% [markdown]
# **Try it.** On paper: $(2 + 2 + 4 + 1) / (2 \cdot 4) = 9/8 = 1.125$; and with attention 1 it is Eq. 3, $18/8 = 2.25$.

# %% tags=["not-graded"]
print(sparse_center_loss(x4, a4, y4, c4).item())
print(sparse_center_loss(x4, torch.ones_like(a4), y4, c4).item())

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
# Derive $\partial \mathcal{L}_{SC} / \partial x_{ij}$, Eq. 9, on paper, and write it for all $i$ and $j$ at once. The
# result has the shape of $x$, $(m, d)$.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Only one term of the double sum contains $x_{ij}$. Which?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# What does the derivative of a square bring along, and what does it cancel with? What happens to the factor $a_{ij}$?
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# Look at the powers: if all distances are tripled, the loss becomes 9 times as large, its slope only 3 times. And no sum is left over.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "gradient_x", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_x(x, a, y, c):
    """Eq. 9, without autograd.

    x, a: (m, d); y: (m,); c: (K, d). Returns (m, d).
    """
    ### BEGIN SOLUTION
    return a * (x - c[y]) / len(x)
    ### END SOLUTION

# %% [markdown]
# **Try it.** On paper: the second sample has $(1 \cdot (-1), ¼ \cdot 2) / 4 = (-0.25, 0.125)$.

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
# Derive $\partial \mathcal{L}_{SC} / \partial a_{ij}$. The paper prints, as Eq. 10,
#
# $$\frac{\partial \mathcal{L}_{SC}}{\partial a_i} = \frac{\lVert x_i - c_{y_i} \rVert_2^2}{2m}$$
#
# with a norm, which is *one number* for the whole sample. Is that possible? Compare the shapes of both sides, derive what
# must stand there, and write that. (The misprint is in [the list](../../../../docs/errata.md), so do this before you look.)
# The result has the shape of $a$, $(m, d)$. The function gets `a` like the others, whether it needs it or not.
#
# <details><summary>Hint 1: a nudge</summary>
#
# As a function of one $a_{ij}$, with all else held fixed: is the loss a parabola, or something simpler?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# The slope of a straight line is what stands beside the variable. Is there anything left that could cancel the ½?
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# A gradient has the shape of what you differentiate by. So of the norm keep the squares, and leave out what a norm does with them.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "gradient_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_a(x, a, y, c):
    """Eq. 10, read elementwise, without autograd.

    x, a: (m, d); y: (m,); c: (K, d). Returns (m, d).
    """
    ### BEGIN SOLUTION
    return (x - c[y]).square() / (2 * len(x))
    ### END SOLUTION

# %% [markdown]
# **Try it.** On paper: the second sample has $((-1)^2, 2^2) / (2 \cdot 4) = (0.125, 0.5)$.

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
# In training the loss is $\mathcal{L} = \mathcal{L}_S + \lambda \mathcal{L}_{SC}$ (Eq. 8). Autograd hands
# $g = \partial \mathcal{L} / \partial \mathcal{L}_{SC} = \lambda$ to the backward pass of $\mathcal{L}_{SC}$, and expects
# the gradients of $\mathcal{L}$, not of $\mathcal{L}_{SC}$.
#
# Write a `torch.autograd.Function` with Eq. 4 in `forward`, and Eq. 9 and Eq. 10 in `backward`; wrap it in
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
    """Eq. 4 forward; Eq. 9 and Eq. 10, times g, backward."""

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
# **Try it.** With $\lambda = 0.5$ the second sample has half of the numbers above: $(-0.125, 0.0625)$ for $x$ and
# $(0.0625, 0.25)$ for $a$.

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
# - Attention multiplies the square, it does not stand inside of it: the loss is linear in $a$.
# - Eq. 9 keeps $a$ and loses the ½; Eq. 10 keeps the ½ and loses $a$. The shape alone tells that its norm is a misprint.
# - The backward pass hands on λ: with a λ ten times as large, features and attention are pushed ten times as hard.
# - Eq. 10 is never negative: by this loss alone, a weight that is free can only fall. (In a network the weights share their parameters, and some rise: lesson
#   05.) Assignment 4 does something about it.
#
# **Try next, without points.** Fill in the gradient with respect to $c$, too. Then compare it with Eq. 11 of the
# paper: same direction, another length. What is the factor between the two, class by class?
