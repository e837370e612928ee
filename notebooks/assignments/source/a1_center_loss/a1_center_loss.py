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
# # Assignment 1: center loss by hand
#
# | | |
# |---|---|
# | **Difficulty** | 1 of 4 |
# | **Minutes** | 90 |
# | **Points** | 10 |
# | **Builds on** | [02_center_loss](../../../02_center_loss.ipynb); for question 3 also [05_gradients](../../../05_gradients.ipynb) |
#
# **After this assignment you can** write a loss from its equation, derive both of its gradients with pencil and paper,
# give PyTorch a backward pass of your own, and say why two formulas that are equal on paper are not equal in a computer.
#
# **The equation.** Half the mean squared distance of each sample to the center of its own class:
#
# $$\mathcal{L}_C = \frac{1}{2m}\sum_{i=1}^{m}\sum_{j=1}^{d}(x_{ij}-c_{y_i j})^2 \tag{Eq. 3}$$
#
# | symbol | name in code | what it is | shape |
# |---|---|---|---|
# | $x$ | `x` | features, one row a sample | $(m, d)$ |
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
# Two samples, two dimensions, three classes; class 2 has no sample. Note the order of the labels: the first sample belongs
# to class 1.
#
# | sample | $x_i$ | its class | its center | $x_i - c_{y_i}$ | squares |
# |---|---|---|---|---|---|
# | 0 | $(1, 2)$ | 1 | $(0, 0)$ | $(1, 2)$ | $1 + 4$ |
# | 1 | $(3, 0)$ | 0 | $(3, 4)$ | $(0, -4)$ | $0 + 16$ |
#
# The sum is 21, and $21 / (2 \cdot 2) = 5.25$.

# %% nbgrader={"grade": false, "grade_id": "small_batch", "locked": true, "schema_version": 3, "solution": false, "task": false}
x = torch.tensor([[1.0, 2.0], [3.0, 0.0]])  # (m, d) = (2, 2)
y = torch.tensor([1, 0])  # (m,)
c = torch.tensor([[3.0, 4.0], [0.0, 0.0], [7.0, 7.0]])  # (K, d) = (3, 2)
print(c[y].tolist())  # to each sample its own center: (m, d)

# %% [markdown]
# And a second one, which is yours to try your functions on: four samples, of which three belong to class 0. The
# differences $x_i - c_{y_i}$ are $(0, 2)$, $(-1, 2)$, $(2, 2)$ and $(-1, 0)$; check one of them on paper.

# %% nbgrader={"grade": false, "grade_id": "your_batch", "locked": true, "schema_version": 3, "solution": false, "task": false}
x4 = torch.tensor([[2.0, 1.0], [0.0, 3.0], [4.0, 1.0], [1.0, -1.0]])  # (m, d) = (4, 2)
y4 = torch.tensor([0, 1, 0, 0])  # (m,)
c4 = torch.tensor([[2.0, -1.0], [1.0, 1.0], [5.0, 5.0]])  # (K, d) = (3, 2)

# %% [markdown]
# ## Question 1: center loss (2 points)
#
# Write Eq. 3. The result is one number: a tensor of shape `()`, which autograd can differentiate by $x$, so that a network
# can be trained with it. Autograd is allowed here.
#
# <details><summary>Hint 1: a nudge</summary>
#
# What shape has `c[y]`? Which two tensors of the same shape stand in the bracket of Eq. 3?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# Three steps: a difference for each number, its square, one sum over everything. Only then comes the fraction before the sums.
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# Look at what you divide by: $m$ is the number of rows of `x`, and the 2 stands below the line, too. Stay with tensors: as soon as a number leaves them with `.item()`, autograd loses it.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "center_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def center_loss(x, y, c):
    """Eq. 3.

    x: features (m, d); y: labels (m,); c: centers (K, d).
    Returns one number, a tensor of shape ().
    """
    ### BEGIN SOLUTION
    apart = x - c[y]  # (m, d)
    return apart.square().sum() / (2 * len(x))
    ### END SOLUTION

# %% [markdown]
# **Try it.** On paper: $(4 + 5 + 8 + 1) / (2 \cdot 4) = 18/8 = 2.25$.

# %% tags=["not-graded"]
print(center_loss(x4, y4, c4).item())

# %% nbgrader={"grade": true, "grade_id": "test_center_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a1_center_loss as questions

questions.center_loss(center_loss)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.center_loss(center_loss, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: its two gradients, by hand (3 points)
#
# Derive, on paper, the slope of Eq. 3 with respect to one number $x_{ij}$ and with respect to one number $c_{kj}$. Then
# write a function that returns both gradients in a dictionary: `"x"` with shape $(m, d)$ and `"c"` with shape $(K, d)$.
#
# How many terms of the double sum contain $x_{ij}$? How many contain $c_{kj}$? For a class that is absent from the batch?
#
# <details><summary>Hint 1: a nudge</summary>
#
# Differentiate one term, $(x_{ij} - c_{y_i j})^2$, once by $x_{ij}$ and once by $c_{y_i j}$. What becomes of the ½?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# The two slopes of one term are equal up to the sign. The one for $x$ belongs to one sample. Those for $c$ meet in the row of the class: all samples of a class add theirs.
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# `torch.zeros_like(c).index_add(0, y, rows)` adds row i of `rows` to row `y[i]`. (An assignment with `[y]` would keep only one sample of each class.) Both gradients are divided by the same number.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "center_loss_gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def center_loss_gradients(x, y, c):
    """The slopes of Eq. 3, without autograd.

    x: (m, d); y: (m,); c: (K, d). Returns {"x": (m, d), "c": (K, d)}.
    """
    ### BEGIN SOLUTION
    pull = (x - c[y]) / len(x)  # (m, d)
    return {"x": pull, "c": torch.zeros_like(c).index_add(0, y, -pull)}
    ### END SOLUTION

# %% [markdown]
# **Try it.** On paper: the gradient of the second sample is $(-1, 2)/4 = (-0.25, 0.5)$. The three samples of class 0 have
# differences that add up to $(1, 4)$, so that its center has the gradient $(-0.25, -1)$. The center of class 2 has none:
# zeros.

# %% tags=["not-graded"]
for name, gradient in center_loss_gradients(x4, y4, c4).items():
    print(name, gradient.tolist())

# %% nbgrader={"grade": true, "grade_id": "test_center_loss_gradients", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a1_center_loss as questions

questions.center_loss_gradients(center_loss_gradients)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.center_loss_gradients(center_loss_gradients, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: a backward pass of your own, by hand (3 points)
#
# PyTorch can be given the formulas of question 2 in place of its own. That takes a class with two functions: `forward`
# computes the loss and keeps in `ctx` what the other one needs; `backward` receives the **incoming gradient** $g$ and
# returns one gradient for each input of `forward`, in the same order, `None` where there is none.
#
# If the loss is used as $\mathcal{L} = \dots + \lambda \mathcal{L}_C$, then $g = \partial \mathcal{L} / \partial \mathcal{L}_C = \lambda$. By the chain rule
#
# $$\frac{\partial \mathcal{L}}{\partial x} = g \cdot \frac{\partial \mathcal{L}_C}{\partial x} \qquad\text{and}\qquad \frac{\partial \mathcal{L}}{\partial c} = g \cdot \frac{\partial \mathcal{L}_C}{\partial c}$$
#
# Write a `torch.autograd.Function` and wrap it in `center_loss_by_hand(x, y, c)`. It returns the same number as
# question 1. You may use your functions of questions 1 and 2.
#
# <details><summary>Hint 1: a nudge</summary>
#
# [05_gradients](../../../05_gradients.ipynb), section “Road 5”, shows the form of such a class for another loss.
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# `forward(ctx, x, y, c)` has three inputs behind `ctx`, so `backward` returns three things. Which of the inputs has no gradient?
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# `ctx.save_for_backward(...)` keeps tensors, `ctx.saved_tensors` gives them back. Every gradient carries the factor $g$. Call the class through its `apply`, with positional arguments.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "center_loss_by_hand", "locked": false, "schema_version": 3, "solution": true, "task": false}
class CenterLoss(torch.autograd.Function):
    """Eq. 3 forward; its two gradients, times g, backward."""

    @staticmethod
    def forward(ctx, x, y, c):
        """x: (m, d); y: (m,); c: (K, d). Returns one number, shape ()."""
        ### BEGIN SOLUTION
        ctx.save_for_backward(x, y, c)
        return center_loss(x, y, c)
        ### END SOLUTION

    @staticmethod
    def backward(ctx, g):
        """g: one number, shape (). Returns a gradient for each of x, y, c."""
        ### BEGIN SOLUTION
        slopes = center_loss_gradients(*ctx.saved_tensors)
        return g * slopes["x"], None, g * slopes["c"]
        ### END SOLUTION


def center_loss_by_hand(x, y, c):
    """The number of question 1, differentiated by CenterLoss."""
    ### BEGIN SOLUTION
    return CenterLoss.apply(x, y, c)
    ### END SOLUTION

# %% [markdown]
# **Try it.** With $\lambda = 0.5$ every gradient is half of that of question 2: $(-0.125, 0.25)$ for the second sample.

# %% tags=["not-graded"]
x_leaf = x4.clone().requires_grad_()
(0.5 * center_loss_by_hand(x_leaf, y4, c4)).backward()
print(x_leaf.grad.tolist())

# %% nbgrader={"grade": true, "grade_id": "test_center_loss_by_hand", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a1_center_loss as questions

questions.center_loss_by_hand(center_loss_by_hand)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.center_loss_by_hand(center_loss_by_hand, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: few digits (2 points)
#
# On paper $(x - c)^2$ and $x^2 + c^2 - 2xc$ are the same. The second form is popular: it turns all distances into one
# matrix product. In a computer, float32 keeps about seven decimal digits and float16 three, and float16 ends at 65,504.

# %% nbgrader={"grade": false, "grade_id": "lost_digits", "locked": true, "schema_version": 3, "solution": false, "task": false}
far, center = torch.tensor(20001.0), torch.tensor(20000.0)  # one apart
print("float32, direct  ", ((far - center) ** 2).item())
print("float32, expanded", (far**2 + center**2 - 2 * far * center).item())
wide = torch.tensor(300.0).half() - torch.tensor(-20.0).half()  # 320 apart
print("float16", (wide**2).item())

# %% [markdown]
# Write `careful_center_loss(x, y, c)`: Eq. 3 that is right to five digits
#
# - for float32 features and centers far from the origin,
# - for **float16** features and centers, as mixed precision delivers them. The result is then float32 (or float64).
#
# Autograd is allowed here, and must be able to differentiate your result by $x$.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Look at the second line that was printed. Which intermediate number has more digits than its type keeps? And in the third: which one lies beyond the end of its type?
#
# </details>
# <details><summary>Hint 2: the idea</summary>
#
# A number that was rounded stays rounded. So *when* must a float16 number become a wider one?
#
# </details>
# <details><summary>Hint 3: almost there</summary>
#
# `tensor.float()` makes float32. Count the operations of question 1 in their order, and look before which of them it has to stand so that none of them is done in float16.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "careful_center_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def careful_center_loss(x, y, c):
    """Eq. 3 for float16 and float32 inputs, computed in float32 or wider.

    x: (m, d); y: (m,); c: (K, d).
    Returns one number, float32 or float64.
    """
    ### BEGIN SOLUTION
    # widened first: no step is done in float16
    return center_loss(x.float(), y, c.float())
    ### END SOLUTION

# %% [markdown]
# **Try it.** On paper: $320^2 / 2 = 51200$ for the float16 pair, and $1^2/2 = 0.5$ for the float32 pair.

# %% tags=["not-graded"]
one, wide = torch.tensor([0]), torch.tensor([[300.0], [-20.0]]).half()
print(careful_center_loss(wide[:1], one, wide[1:]).item())
print(careful_center_loss(far.reshape(1, 1), one, center.reshape(1, 1)).item())

# %% nbgrader={"grade": true, "grade_id": "test_careful_center_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
from dacl_edu_course.questions import a1_center_loss as questions

questions.careful_center_loss(careful_center_loss)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.careful_center_loss(careful_center_loss, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## What was shown
#
# - Eq. 3 in one line: `c[y]` gives each sample its own center.
# - $x_{ij}$ stands in one term of the sum, $c_{kj}$ in one for each sample of its class: that is why the one gradient is
#   a difference and the other a sum of differences.
# - A backward pass multiplies its formulas with the gradient that arrives; in Eq. 8 that is λ.
# - Direct differences in a wide type: equal on paper is not equal in a computer.
#
# **Try next, without points.** Let the centers be the means of the classes *in this batch*, so that $c$ depends on
# $x$. What is the gradient with respect to $x$ now? Derive it, and compare it with that of question 2. You may be
# surprised.
