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
# # Appendix to 05: all symbols, the second derivative, and a falling loss that proves nothing
#
# **Three questions that lesson 05 left open.** Does the algebra hold for the whole sum, not only for one term? What kind of surface is this loss? And if a gradient
# is wrong, would training not show it?
#
# **After this notebook you can** differentiate a whole batch symbolically, choose the step of a finite difference, say where the loss is curved and where it
# is flat, write a backward pass that can be differentiated again, and explain why a falling loss is weak evidence.
#
# **Minutes:** 40. **Builds on:** [05_gradients](05_gradients.ipynb). Nothing later needs this page.
#
# $$\frac{\partial \mathcal{L}_{SC}}{\partial x_i} = \frac{1}{m}\, a_i \odot (x_i - c_{y_i}) \qquad
# \frac{\partial \mathcal{L}_{SC}}{\partial a_i} = \frac{1}{2m} (x_i - c_{y_i})^2 \tag{Eq. 9, 10}$$

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
import torch

from dacl_edu import check
from dacl_edu.lessons.display import rounded, setup, show
from dacl_edu.losses import center_loss, sparse_center_loss

setup(seed=5)  # fixes the random numbers

# %% [markdown]
# ## The example of lesson 05

# %%
x = torch.tensor([[1.0, 2.0], [3.0, 0.0], [2.0, 2.0]])  # features: (m, d) = (3, 2)
a = torch.tensor([[1.0, 0.5], [1.0, 0.25], [0.5, 1.0]])  # attention: (m, d)
y = torch.tensor([0, 1, 0])  # labels: (m,)
c = torch.tensor([[0.0, 0.0], [3.0, 4.0]])  # class centers: (K, d) = (2, 2)
m, d = x.shape
D = x - c[y]  # (m, d)

# %% [markdown]
# ## Sixteen symbols
#
# The whole sum for three samples with their labels: 6 symbols $x_{ij}$, 6 symbols $a_{ij}$, 4 symbols $c_{kj}$.

# %%
import sympy as sp

X = sp.Matrix(m, d, lambda i, j: sp.Symbol(f"x{i}{j}"))
A = sp.Matrix(m, d, lambda i, j: sp.Symbol(f"a{i}{j}"))
C = sp.Matrix(2, d, lambda k, j: sp.Symbol(f"c{k}{j}"))

# %%
pairs = [(i, j) for i in range(m) for j in range(d)]
squares = {(i, j): (X[i, j] - C[int(y[i]), j]) ** 2 for i, j in pairs}
L_sym = sum(A[i, j] * squares[i, j] for i, j in pairs) / (2 * m)
print(L_sym)

# %%
for i, j in pairs:
    difference = X[i, j] - C[int(y[i]), j]
    Eq_9, Eq_10 = A[i, j] * difference / m, difference**2 / (2 * m)
    assert sp.expand(sp.diff(L_sym, X[i, j]) - Eq_9) == 0, (i, j)
    assert sp.expand(sp.diff(L_sym, A[i, j]) - Eq_10) == 0, (i, j)
print("sympy agrees with Eq. 9 and 10 in all", len(pairs), "places")

# %% [markdown]
# ## The step of a finite difference
#
# How small should $h$ be? Smaller is better, until it is worse. We also look at the one-sided (forward) difference,
# which saves one evaluation.

# %%
def nudged(step):
    """L_SC when sample 0, dimension 1 is moved by step, in float64."""
    moved = x.double()
    moved[0, 1] += step
    return sparse_center_loss(moved, a.double(), y, c.double()).item()

# %%
sizes = [10.0**-k for k in range(1, 13)]  # 0.1 down to a millionth of a millionth
exact = 0.5 * 2.0 / 3
forward = [abs((nudged(h) - nudged(0.0)) / h - exact) for h in sizes]
central = [abs((nudged(h) - nudged(-h)) / (2 * h) - exact) for h in sizes]

# %%
from dacl_edu.plots import lines

errors = {"forward": forward, "central": central}
curves = {
    name: (sizes, [max(e, 1e-17) for e in error]) for name, error in errors.items()
}
show(
    lines(
        curves,
        "Error of a finite difference against its step",
        """Two lines on logarithmic axes. The forward error is a V with its lowest point
near a step of ten to the minus seven or eight. The central error rises as the step
shrinks.""",
        x="step h",
        y="error",
        log="xy",
    )
)
assert min(forward) > 1e-11 and central[5] < 1e-8

# %% [markdown]
# **What to see in the figure** (read it from right to left): the forward error first falls with
# $h$, because the parabola bends less over a short step. Then it *rises*: the two losses agree in nearly all digits,
# their difference keeps only the last few, and dividing by a tiny $h$ magnifies the rounding. The central difference
# has no falling part at all: on a parabola the bends on both sides cancel exactly, so for this loss only rounding is
# left, and a *large* step is the best one. For other losses its error falls as $h^2$.
#
# ## A falling loss proves nothing
#
# "But it trains!" Let us train with four of the six broken backward passes of lesson 05 (of the other two, *norm* has a shape that does not fit, and
# *g ignored* is no mistake where $g = 1$, as here). The features and the scores behind attention ($a = \sigma(p)$, Eq. 7) go
# downhill on $\mathcal{L}_{SC}$ for 30 steps. We note the loss, and what it is meant to make small: the squared
# distance to the centers, center loss (Eq. 3).
#
# Guess first: with which of the four does the loss *rise*?

# %%
def copied_norm(D):  # (m, d) -> (m, d), the same number all along a row
    return (D**2).sum(dim=1, keepdim=True).expand_as(D)

# %%
backwards = {
    "right": lambda D, a: (a * D / m, D**2 / (2 * m)),
    "wrong sign": lambda D, a: (-a * D / m, D**2 / (2 * m)),
    "missing 1/2": lambda D, a: (a * D / m, D**2 / m),
    "missing 1/m": lambda D, a: (a * D, D**2 / 2),
    "norm, copied": lambda D, a: (a * D / m, copied_norm(D) / (2 * m)),
}

# %%
def descend(name, steps=30, rate=0.5):
    """Return the paths of L_SC and L_C under descent with one of the backward
    passes."""
    x_now, p, losses = x.clone(), torch.zeros(m, d), []
    for _ in range(steps):
        a_now = torch.sigmoid(p)
        L_SC = sparse_center_loss(x_now, a_now, y, c).item()
        losses.append((L_SC, center_loss(x_now, y, c).item()))
        dx, da = backwards[name](x_now - c[y], a_now)
        slope = da * a_now * (1 - a_now)  # a(1 − a): the slope of Eq. 7
        x_now, p = x_now - rate * dx, p - rate * slope
    return list(zip(*losses, strict=True))

# %%
losses = {name: descend(name) for name in backwards}
for name, (L_SC, L_C) in losses.items():
    ends = rounded([L_SC[0], L_SC[-1], L_C[0], L_C[-1]], 2)
    print(f"{name:<14}L_SC {ends[0]} -> {ends[1]:<6} L_C {ends[2]} -> {ends[3]}")
    assert L_SC[-1] < L_SC[0], "the loss falls with every one of them"

# %% [markdown]
# With none! Even with the wrong sign, which drives every feature *away* from its center, $\mathcal{L}_{SC}$ falls:
# attention shrinks faster than the distances grow. Some wrong passes are *faster* than the right one: a missing $1/m$ is a larger learning rate, and
# learning rates get tuned.

# %%
distances = {name: path[1] for name, path in losses.items()}
show(
    lines(
        distances,
        "L_C, the distances, under five backward passes",
        """Five curves over thirty steps on a logarithmic axis: four fall, missing 1/m
fastest; wrong sign rises.""",
        x="step",
        y="center loss",
        log="y",
    )
)

# %% [markdown]
# ## Why wrong shapes hide behind broadcasting
#
# PyTorch stretches a smaller tensor to fit a larger one when it can. Useful in a formula, dangerous in a test. Suppose
# all differences happen to be 1, a natural thing to type:

# %%
D_ones = torch.ones(3, 2)
right = D_ones**2 / (2 * 3)  # Eq. 10: (3, 2)
column = (D_ones**2).mean(dim=1, keepdim=True) / (2 * 3)  # one number a sample: (3, 1)
assert torch.allclose(column, right), "the usual test passes it"

# %%
try:
    check.value(column, right, "a column")
    raise RuntimeError("the check missed it")
except AssertionError as message:
    print(message)

# %% [markdown]
# Three rules follow.
#
# 1. Compare shapes before values. Every check of this course does.
# 2. Test with numbers that have no symmetry.
# 3. Make $m$, $d$ and $K$ different from one another, as in the `large` batch of lesson 05.
#
# With $m = d$ a tensor of shape $(m,)$ subtracts from one of shape $(m, d)$ without complaint – along the wrong
# direction.

# %% [markdown]
# ## The second derivative
#
# The derivative of Eq. 9 and 10 once more, on paper, for one number:
#
# $$\frac{\partial^2 \mathcal{L}_{SC}}{\partial x^2} = \frac{a}{m} \qquad \frac{\partial^2 \mathcal{L}_{SC}}{\partial x\,\partial a} = \frac{x - c}{m} \qquad \frac{\partial^2 \mathcal{L}_{SC}}{\partial a^2} = 0$$
#
# Who needs it? Gradient penalties, influence functions, any method that differentiates a gradient. And it says what
# kind of surface this is.

# %%
def of_both(joined):
    """L_SC of one vector that holds all of x and then all of a."""
    features, attention = joined[: m * d].view(m, d), joined[m * d :].view(m, d)
    return sparse_center_loss(features, attention, y, c.double())

# %%
joined = torch.cat([x.flatten(), a.flatten()]).double()  # (2 m d,) = (12,)
H = torch.autograd.functional.hessian(of_both, joined)  # (12, 12)
assert torch.allclose(H[:6, :6], torch.diag(a.flatten().double() / m))
assert torch.allclose(H[:6, 6:], torch.diag(D.flatten().double() / m))
assert (H[6:, 6:] == 0).all()

# %%
from dacl_edu.plots import tables

show(
    tables(
        {"x0 … x5, then a0 … a5": H},
        "All second derivatives of L_SC",
        """A twelve by twelve table in four blocks. Feature with feature is a
diagonal of positive values, feature with attention a diagonal of both
signs, attention with attention is empty.""",
        height=520,
    )
)

# %% [markdown]
# **What to see in the figure:** four blocks. The numbers of a batch do not influence one another: each block is a
# diagonal. The lower right block, attention with attention, is empty:
# **the loss is flat in $a$, a straight line without a lowest point inside $(0, 1)$**. And each pair $(x, a)$ has the
# determinant $-(x-c)^2/m^2$, negative wherever $x \ne c$: there the surface bends up in one direction and down in
# another. That alone is no saddle *point*: its gradient would have to be zero too, and that it is only at $x = c$.
#
# ## A backward that forgets where D came from
#
# It looks tidy to keep $D$ in the forward instead of computing it twice. The first derivative stays
# right; the second is silently wrong, because the backward then does not know that $D$ depends on $x$. The package
# keeps its *inputs*; now you know why.

# %%
class KeepsD(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, a, y, c):
        D = x - c[y]
        ctx.save_for_backward(D, a)
        return (a * D**2).sum() / (2 * len(x))

    @staticmethod
    def backward(ctx, g):
        D, a = ctx.saved_tensors
        return g * a * D / len(D), g * D**2 / (2 * len(D)), None, None

# %%
x_leaf = x.clone().requires_grad_()
loss = KeepsD.apply(x_leaf, a.clone().requires_grad_(), y, c)
(first,) = torch.autograd.grad(loss, x_leaf, create_graph=True)  # can be derived again
(second,) = torch.autograd.grad(first.sum(), x_leaf, allow_unused=True)

# %%
print("first derivative right:", torch.allclose(first, a * D / m))
print("second derivative:", "lost" if second is None else rounded(second))
print("on paper, a/m:", rounded(a / m))
assert second is None or not torch.allclose(second, a / m)

# %% [markdown]
# ## The three suspects
#
# | suspect | evidence of this page |
# |---|---|
# | selection of dimensions | none: mathematics of the loss only |
# | a smaller λ | none for a network; a *free* attention slides down a straight line, there is no lowest point inside (0, 1) |
# | luck | none; but a loss that falls, in one run or in ten, is no evidence for a right gradient |
#
# ## What was shown
#
# - Eq. 9 and 10 hold for all 16 symbols, and Eq. 10 elementwise.
# - A finite difference has a best step; in float64 $10^{-6}$ is safe.
# - Broken backward passes mostly train. A wrong shape can pass a test of values.
# - In $a$ the loss is a straight line; a backward that saves $D$ loses the second derivative.
#
# **Try next:** write a `KeepsX` that saves $x$ and $c_y$ instead of $D$: is the second derivative right? Then back to [06_center_update](06_center_update.ipynb).
#
# **Three questions**
#
# <details><summary>Question 1. Why does the central difference make no error on this loss but rounding?</summary>
# The loss is a parabola in each x and a line in each a: the bends on both sides cancel.
# </details>
#
# <details><summary>Question 2. Who needs a second derivative?</summary>
# Gradient penalties, influence functions, any method that differentiates a gradient.
# </details>
#
# <details><summary>Question 3. The Hessian has an empty block for attention. What does that say about Newton's method?</summary>
# It would divide by zero curvature: there is no lowest point in a to step to.
# </details>
