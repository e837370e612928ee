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
#     budget_seconds: 90
#     mode: strict
# ---

# %% [markdown]
# # The gradients: does attention fall?
#
# ![The network with the ways of the gradient of L_SC marked: from L by L_SC to attention a, the heads, the encoder and the map x*, and from L_SC to the features x.](drawings/network_gradients.svg)
#
# **A riddle first.** The loss has a gradient for attention (Eq. 10), and that gradient is a square: never negative. So each step of training lowers *every* weight, and
# attention dies out. That sounds like a proof. In the real network half of the weights *rise*. Where is the mistake? You will derive the gradients, check them, break
# them, and then find it.
#
# **After this notebook you can** derive the gradients of the sparse center loss on paper, confirm them in four more ways,
# write a backward pass for PyTorch, find out which of its factors is wrong, and say which attention weights this loss
# lowers, which it raises, and why.
#
# **Minutes:** 60. **Builds on:** [03_sparse_center_loss](03_sparse_center_loss.ipynb) (Eq. 4),
# [04_attention_network](04_attention_network.ipynb) (Eq. 7), the derivative of a square.
#
# **The equations.** The whole loss of the paper, and the two gradients that it prints:
#
# $$\mathcal{L} = \mathcal{L}_S + \lambda \mathcal{L}_{SC} \tag{Eq. 8}$$
#
# $$\frac{\partial \mathcal{L}_{SC}}{\partial x_i} = \frac{1}{m}\, a_i \odot (x_i - c_{y_i}) \tag{Eq. 9}$$
#
# $$\frac{\partial \mathcal{L}_{SC}}{\partial a_i} = \frac{1}{2m} \left\| x_i - c_{y_i} \right\|_2^2 \tag{Eq. 10}$$
#
# | symbol | what it is | shape |
# |---|---|---|
# | $x$, $a$ | deep features and their attention, row $i$ for sample $i$ | $(m, d)$ |
# | $y$, $c$ | labels and centers; $c_{y_i}$ is the center of sample $i$'s class | $(m)$, $(K, d)$ |
# | $\lambda$ | how much the sparse center loss counts; 0.01 in the paper | – |
# | $\odot$ | product number by number | – |
# | $\lVert v \rVert_2^2$ | sum of the squares of all numbers of $v$ | – |
#
# One of the three equations cannot be right as it is printed. You can see which from its shape alone; if you cannot yet,
# you will.

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
import math

import torch

from dacl_edu import check
from dacl_edu.check.exercise import attempt, judged
from dacl_edu.lessons.display import rounded, setup, show

setup(seed=5)  # fixes the random numbers

# %% [markdown]
# ## The example that fits on the page
#
# Three samples, two dimensions, two classes. All numbers are typed by hand; keep them in mind.

# %%
x = torch.tensor([[1.0, 2.0], [3.0, 0.0], [2.0, 2.0]])  # features: (m, d) = (3, 2)
a = torch.tensor([[1.0, 0.5], [1.0, 0.25], [0.5, 1.0]])  # attention: (m, d)
y = torch.tensor([0, 1, 0])  # labels: (m,)
c = torch.tensor([[0.0, 0.0], [3.0, 4.0]])  # class centers: (K, d) = (2, 2)
m, d = x.shape
D = x - c[y]  # difference to the center of its own class: (m, d)
print(rounded(D))

# %% [markdown]
# Sample 1 sits on its center in dimension 0. Nothing should pull it there: a first test for any gradient.
#
# ## Eq. 8: the whole loss
#
# The softmax loss needs scores $z$ (Eq. 1), which we type by hand too; the sparse center loss is Eq. 4. First both as
# loops:

# %%
z = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])  # scores: (m, K)
lam = 0.01  # λ; the paper's value

# %% tags=["eq-8"]
L_S_loop, L_SC_loop = 0.0, 0.0
for i in range(m):
    exps = [math.exp(z[i, k]) for k in range(2)]
    L_S_loop -= math.log(exps[y[i]] / sum(exps)) / m
    for j in range(d):
        L_SC_loop += a[i, j].item() * D[i, j].item() ** 2 / (2 * m)
L_loop = L_S_loop + lam * L_SC_loop

# %% [markdown]
# Then vectorised, then the package. `Objective` adds the two terms of Eq. 8; `build_loss` makes the second of them from its
# name.

# %%
from dacl_edu.losses import Objective, build_loss

L_S = -z.log_softmax(dim=1)[torch.arange(m), y].mean()
L_SC = (a * D**2).sum() / (2 * m)
terms = Objective(build_loss("sparse_center"), lam=lam)(z, x, a, y, c)
print("L_S", rounded(terms.softmax), " L_SC", rounded(terms.metric), end="  ")
print("L", rounded(terms.total))
assert (
    torch.allclose(terms.total, L_S + lam * L_SC) and abs(terms.total - L_loop) < 1e-6
)

# %% [markdown]
# ## What a gradient says
#
# Take one number out of the batch: sample 0, dimension 1, $x = 2$, $c = 0$, $a = 0.5$. Its share of the loss is
# $\frac{1}{2m} a (x-c)^2$. The gradient says how that share changes when you move a number a little and leave all
# others alone.
#
# **What to see in the figures.** When $x$ moves and $a$ is fixed: a parabola, whose slope at the dot is what Eq.
# 9 must give, here $1/3$. When $a$ moves and $x$ is fixed: a straight line, *rising for every $x$*. Keep that
# second picture: the riddle is about it.

# %%
from dacl_edu.plots import lines


def share_of_loss(a_ij, x_ij, c_ij=0.0):
    return a_ij * (x_ij - c_ij) ** 2 / (2 * m)

# %%
at = torch.linspace(-3, 3, 61)
tangent = ([1, 3], [share_of_loss(0.5, 2.0) + (1 / 3) * step for step in (-1, 1)])
curves = {"share of the loss": (at, share_of_loss(0.5, at)), "slope 1/3": tangent}
dot = {"x = 2": (2.0, share_of_loss(0.5, 2.0))}
show(
    lines(
        curves,
        "x moves: a parabola",
        """A parabola in x with its lowest point at the center, and a dashed tangent of
slope one third at x = 2.""",
        x="x",
        dots=dot,
    )
)

# %%
rising = {
    f"|x − c| = {far}": ([0, 1], [0, share_of_loss(1.0, far)]) for far in (2, 1, 0)
}
show(
    lines(
        rising,
        "a moves: a line",
        """Three lines in a, the steeper the farther x is from the center, flat for
distance 0, none falling.""",
        x="a",
        height=300,
    )
)

# %% [markdown]
# ## Road 1: on paper
#
# $$\mathcal{L}_{SC} = \frac{1}{2m}\sum_{i=1}^{m}\sum_{j=1}^{d} a_{ij}\,(x_{ij} - c_{y_i j})^2 \tag{Eq. 4}$$
#
# **With respect to one number $x_{ij}$.** Hold $a$ and $c$ fixed.
#
# 1. The double sum has $m \cdot d$ terms. Only *one* of them contains $x_{ij}$. The others are constants, and their
#    derivative is 0.
# 2. In that term, $\frac{\partial}{\partial x}(x - c)^2 = 2(x - c)$.
# 3. So
#    $\dfrac{\partial \mathcal{L}_{SC}}{\partial x_{ij}} = \dfrac{1}{2m}\, a_{ij} \cdot 2 (x_{ij} - c_{y_i j}) = \dfrac{1}{m}\, a_{ij}(x_{ij} - c_{y_i j})$.
#    The 2 cancels the ½: that is what the ½ is there for.
# 4. Write the $d$ numbers of sample $i$ as a vector, and products of vectors element by element as $\odot$: Eq. 9.
#
# **With respect to one number $a_{ij}$.** Hold $x$ and $c$ fixed.
#
# 1. Again only one term contains it.
# 2. The term is *linear* in $a_{ij}$, so its derivative is what stands beside it: $(x_{ij} - c_{y_i j})^2$.
# 3. So $\dfrac{\partial \mathcal{L}_{SC}}{\partial a_{ij}} = \dfrac{1}{2m}(x_{ij} - c_{y_i j})^2$. There is no 2 to
#    cancel the ½.
#
# Compare with Eq. 10. It prints a norm, $\|x_i - c_{y_i}\|_2^2$, which is **one number** for the whole sample: the sum
# of the squares over all $j$. But $\partial \mathcal{L}_{SC}/\partial a_i$ needs **$d$ numbers**, one for each
# $a_{ij}$. It is a misprint ([the list of misprints](../docs/errata.md)); read the norm as "square each dimension".
#
# A gradient always has the shape of what you differentiate by. That one rule finds the misprint without any calculus.
#
# ### Eq. 9: loop, vectorised, package

# %% tags=["eq-9"]
dx_loop = torch.zeros(m, d)
for i in range(m):
    for j in range(d):
        dx_loop[i, j] = a[i, j] * (x[i, j] - c[y[i], j]) / m

dx = a * (x - c[y]) / m  # Eq. 9: (m, d)

# %% [markdown]
# For the package's own gradient we ask PyTorch: `torch.autograd.grad(loss, input)` calls the backward pass of
# `sparse_center_loss`, which is written by hand.

# %%
from dacl_edu.losses import sparse_center_loss


def watched():  # copies of x and a that autograd watches
    return x.clone().requires_grad_(), a.clone().requires_grad_()


x_leaf, a_leaf = watched()
L_SC = sparse_center_loss(x_leaf, a_leaf, y, c)
dx_package, da_package = torch.autograd.grad(L_SC, (x_leaf, a_leaf))
print(rounded(dx))
assert torch.allclose(dx, dx_loop) and torch.allclose(dx, dx_package)

# %% [markdown]
# ### Eq. 10: loop, vectorised, package

# %% tags=["eq-10"]
da_loop = torch.zeros(m, d)
for i in range(m):
    for j in range(d):
        da_loop[i, j] = (x[i, j] - c[y[i], j]) ** 2 / (2 * m)

da = (x - c[y]) ** 2 / (2 * m)  # Eq. 10, elementwise: (m, d)
print(rounded(da))
assert da.shape == a.shape and torch.allclose(da, da_loop)
assert torch.allclose(da, da_package)

# %% [markdown]
# And Eq. 10 to the letter, with the norm. The check looks at the shape first:

# %%
da_as_printed = (x - c[y]).norm(dim=1) ** 2 / (2 * m)  # (m,): one number a sample
try:
    check.value(da_as_printed, da_package, "Eq. 10 as printed")
    raise RuntimeError("the check missed it")
except AssertionError as message:
    print(message)

# %% [markdown]
# ## Road 2: algebra software
#
# sympy differentiates symbols, not numbers: what it finds holds for all values at once. One term of Eq. 4, with a general
# $m$. (The [appendix](05a_second_derivatives.ipynb) does it for all 16 symbols of our example.)

# %%
import sympy as sp

x_s, a_s, c_s, m_s = sp.symbols("x a c m", positive=True)
term = a_s * (x_s - c_s) ** 2 / (2 * m_s)
print("d/dx:", sp.factor(sp.diff(term, x_s)))  # Eq. 9
print("d/da:", sp.diff(term, a_s))  # Eq. 10

# %% [markdown]
# ## Road 3: finite differences
#
# No calculus at all. Move one number by a small step $h$ up and down, and see what the loss does:
#
# $$\frac{\partial \mathcal{L}}{\partial x_{ij}} \approx \frac{\mathcal{L}(x_{ij} + h) - \mathcal{L}(x_{ij} - h)}{2h}$$
#
# We write the loss in plain Python, so that nothing of PyTorch is involved:

# %%
def L_SC_python(x, a, y, c):
    total = 0.0
    for x_i, a_i, y_i in zip(x, a, y, strict=True):
        for j in range(len(x_i)):
            difference = x_i[j] - c[y_i][j]
            total += a_i[j] * difference * difference
    return total / (2 * len(x))

# %%
def nudged(step):
    """The loss when sample 0, dimension 1 is moved by step."""
    moved = x.tolist()
    moved[0][1] += step
    return L_SC_python(moved, a.tolist(), y.tolist(), c.tolist())


h = 1e-4
central = (nudged(h) - nudged(-h)) / (2 * h)
print("central difference", rounded(central), " Eq. 9", rounded(dx[0, 1]))

# %% [markdown]
# How small should $h$ be? Not as small as possible: with a tiny $h$ the two losses agree in nearly all digits, and their difference is rounding. `compare_gradients`,
# the table of this course, uses $h = 10^{-6}$ in float64. (The appendix draws the error against $h$.)
#
# ## Road 4: autograd on the long-hand formula
#
# Write Eq. 4 with plain tensor operations and let PyTorch differentiate. It knows the derivative of each operation
# (`-`, `**2`, `*`, `sum`, `/`) and applies the chain rule backwards.

# %%
def long_hand(features, attention, labels, centers):
    D = features - centers[labels]
    return (attention * D**2).sum() / (2 * len(features))


x_leaf, a_leaf = watched()
dx_auto, da_auto = torch.autograd.grad(
    long_hand(x_leaf, a_leaf, y, c), (x_leaf, a_leaf)
)
assert torch.allclose(dx_auto, dx) and torch.allclose(da_auto, da)

# %% [markdown]
# ## Road 5: a backward pass by hand
#
# If autograd can do it, why write it by hand? To know what happens; to keep fewer intermediate tensors; and because the
# paper prints the gradients, so that somebody should check them.
#
# PyTorch's form is a class with two functions. `forward` computes the loss and keeps in `ctx` what the backward needs.
# `backward` receives the **incoming gradient** $g = \partial \mathcal{L} / \partial \mathcal{L}_{SC}$ and returns one
# gradient for each input, in the order of the inputs, `None` where there is none.
#
# By the chain rule,
# $\dfrac{\partial \mathcal{L}}{\partial x} = \dfrac{\partial \mathcal{L}}{\partial \mathcal{L}_{SC}} \cdot \dfrac{\partial \mathcal{L}_{SC}}{\partial x} = g \cdot \text{Eq. 9}$.
# And what is $g$ in Eq. 8? The factor before $\mathcal{L}_{SC}$: $g = \lambda$.
#
# ### Exercise 1: the backward pass
#
# *medium · 10 minutes*
#
# Write `my_backward(D, a, m, g)`: from the differences $D = x - c_y$ and the attention, both $(m, d)$, the batch size $m$
# and the incoming gradient $g$, a number, it returns the two gradients `dx, da`.
#
# <details><summary>Hint 1</summary>Cover Eq. 9 and 10 and derive them again: Road 1 has both.</details>
# <details><summary>Hint 2</summary>Each gradient has the shape (m, d). If a sum appears, something went
# wrong.</details>
# <details><summary>Hint 3</summary>Then the chain rule: what has g to do with the two results?</details>
#
# Until your function is written, the page goes on with the folded answer below it, and the check says so.

# %%
def my_backward(D, a, m, g):
    raise NotImplementedError()  # your lines here: return dx, da

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_backward(D, a, m, g):
    dx = g * a * D / m  # Eq. 9, times the incoming gradient
    da = g * D**2 / (2 * m)  # Eq. 10, times the incoming gradient
    return dx, da


my_backward = attempt(my_backward, answer_backward, returns=("dx", "da"))

# %%
for size, g in ((3, 1.0), (3, lam), (2, 1.0)):  # all three, with λ, only the first two
    dx_mine, da_mine = my_backward(D[:size], a[:size], size, g)
    when = f"for m = {size}, g = {g}"
    check.shape(dx_mine, (size, d), f"dx {when}")
    check.shape(da_mine, (size, d), f"da {when}")
    check.value(dx_mine, g * dx[:size] * m / size, f"dx {when}")
    check.value(da_mine, g * da[:size] * m / size, f"da {when}")
judged(my_backward, "both gradients are right, with and without λ")

# %% [markdown]
# Now PyTorch gets it. Labels and centers have no gradient here: the centers follow a rule of their own (lesson 06).

# %%
class MySparseCenterLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, a, y, c):
        ctx.save_for_backward(x, a, y, c)
        return (a * (x - c[y]) ** 2).sum() / (2 * len(x))

    @staticmethod
    def backward(ctx, g):
        x, a, y, c = ctx.saved_tensors
        dx, da = my_backward(x - c[y], a, len(x), g)
        return dx, da, None, None

# %% [markdown]
# `compare_gradients` shows each gradient of the loss beside finite differences; the shape is compared first.
# "autograd" in it now means your backward.

# %%
from dacl_edu.check.gradients import compare_gradients, gradient_table


def my_loss(features, attention, labels, centers):
    return MySparseCenterLoss.apply(features, attention, labels, centers)


inputs = {"features": x, "attention": a, "labels": y, "centers": c}
print(gradient_table(compare_gradients(my_loss, inputs)))

# %% [markdown]
# ### All roads in one table
#
# `hand-written` are the formulas of Road 1, `autograd` the package's backward, `long-hand autograd` Road 4. Each is
# compared with finite differences, on a batch that nobody chose: a hand-typed example may hide a mistake by luck.

# %%
def on_paper(features, attention, labels, centers):
    D, m = features - centers[labels], len(features)
    return {"features": attention * D / m, "attention": D**2 / (2 * m)}


large = {"features": torch.randn(7, 5), "attention": torch.rand(7, 5),
         "labels": torch.randint(0, 4, (7,)), "centers": torch.randn(4, 5)}
table = compare_gradients(sparse_center_loss, large,
                          hand_written=on_paper, reference=long_hand)
print(gradient_table(table))
assert len(table) == 6 and all(row.ok for row in table)

# %% [markdown]
# ### What does it cost?
#
# A backward by hand is also a chance to be frugal. The package's keeps $D$ and $a \odot D$ from the forward, and all that is left for the backward is to multiply
# each of them once more. Autograd goes back through every step of the formula: it takes longer, and half as much memory again at its peak. Here is the time,
# measured by turns: forward and backward on a batch of 128 with $d = 512$. Your milliseconds will be others; the ratio hardly.

# %% tags=["nbval-ignore-output"]
from statistics import median

from dacl_edu.bench.loss import loss_pairs

measured = loss_pairs(threads=1, repetitions=9, sizes={(128, 512, 7): 1.2})
pair = next(measured)  # the next one would be memory
by_hand, automatic = median(pair.ours), median(pair.theirs)
print(f"{pair.what}: by hand {by_hand:.2f} {pair.unit},", end=" ")
print(f"autograd {automatic:.2f}, ratio {automatic / by_hand:.2f}")

# %% [markdown]
# ## The incoming gradient is λ
#
# Eq. 9 and 10 are gradients of $\mathcal{L}_{SC}$ alone. Training differentiates
# $\mathcal{L} = \mathcal{L}_S + \lambda \mathcal{L}_{SC}$. In mixed precision the loss is multiplied by a large number
# first, so that small gradients survive float16, and that number arrives as well. A backward that ignores $g$ is right
# in every test of the loss alone, and wrong in every training.

# %%
for factor in (1.0, lam, 1024.0 * lam):
    x_leaf, a_leaf = watched()
    (factor * sparse_center_loss(x_leaf, a_leaf, y, c)).backward()
    assert torch.allclose(x_leaf.grad, factor * dx)
    print("incoming", factor, " gradient of x[0]", rounded(x_leaf.grad[0]))

# %% [markdown]
# One more thing that "hold $a$ fixed" hides. In the network $x$ and $a$ both come from the same map $x^*$: the feature
# by pooling, the attention by Eq. 5-7. The gradient that reaches $x^*$ is the sum of both ways:
#
# ![From L_SC one arrow goes back by x and the pooling into the map x*, another by a, heads and encoder; in x* the two are added.](drawings/two_ways.svg)
#
# So Eq. 10 does not only train the attention network; it also asks the backbone for maps that yield less attention. In a toy:

# %%
x_star = torch.rand(3, 2, 4, requires_grad=True)  # a toy map: (m, channels, places)
V = torch.randn(8, 2)  # a toy attention network: flatten, one layer, sigmoid
# (m, 2) each
pooled, attended = x_star.mean(dim=2), torch.sigmoid(x_star.flatten(1) @ V)


def reaching_x_star(pooled, attended):
    loss = sparse_center_loss(pooled, attended, y, c)
    return torch.autograd.grad(loss, x_star, retain_graph=True)[0]


through_x = reaching_x_star(pooled, attended.detach())  # a cut off
through_a = reaching_x_star(pooled.detach(), attended)  # x cut off
both = reaching_x_star(pooled, attended)  # (m, channels, places)
assert torch.allclose(both, through_x + through_a, atol=1e-6)

# %% [markdown]
# ## Break it
#
# Seven backward passes; the first is right. Each gets the difference $D$, the attention $a$, the batch size $m$ and the
# incoming gradient $g$, and returns the gradients of $x$ and $a$.
#
# Before you run the cells below: which mistakes will show in `features`, which in `attention`, which in both? Which
# are wrong in *shape*?

# %%
def copied_norm(D):  # (m, d) -> (m, d), the same number all along a row
    return (D**2).sum(dim=1, keepdim=True).expand_as(D)

# %%
backwards = {
    "right": lambda D, a, m, g: (g * a * D / m, g * D**2 / (2 * m)),
    "wrong sign": lambda D, a, m, g: (-g * a * D / m, g * D**2 / (2 * m)),
    "missing 1/2": lambda D, a, m, g: (g * a * D / m, g * D**2 / m),
    "missing 1/m": lambda D, a, m, g: (g * a * D, g * D**2 / 2),
    "norm": lambda D, a, m, g: (g * a * D / m, g * (D**2).sum(dim=1) / (2 * m)),
    "norm, copied": lambda D, a, m, g: (g * a * D / m, g * copied_norm(D) / (2 * m)),
    "g ignored": lambda D, a, m, g: (a * D / m, D**2 / (2 * m)),
}

# %% [markdown]
# The loss that we check is the second term of Eq. 8, $\lambda \mathcal{L}_{SC}$, so that an ignored $g$ shows:

# %%
def weighted_loss(features, attention, labels, centers):
    return lam * sparse_center_loss(features, attention, labels, centers)

# %%
def verdicts_of(name):
    """Return (check of features, check of attention) for one of the backward passes."""

    def formula(features, attention, labels, centers):
        D = features - centers[labels]
        dx, da = backwards[name](D, attention, len(features), lam)
        return {"features": dx, "attention": da}

    rows = compare_gradients(weighted_loss, inputs, hand_written=formula)
    return [row for row in rows if row.method == "hand-written"]

# %%
for name in backwards:
    dx_check, da_check = verdicts_of(name)
    print(f"{name:<14}{dx_check.verdict:<13}{da_check.verdict}")
    assert (dx_check.ok and da_check.ok) == (name == "right"), (
        "only mistakes are caught"
    )

# %% [markdown]
# No mistake leaves both columns alone; most leave *one* alone. Whoever tests the gradient of $x$ only would pass three of the six.
#
# **Task:** choose each mistake from the list and say, before you look at the right panel, what it will show. It opens at *wrong sign*: the colours of the two
# left panels are swapped. (An ignored $g$ is off the scale, a hundred times too large.)

# %%
from dacl_edu.plots import tables
from dacl_edu.widgets.explore import explore


def broken(backward):
    dx_check, da_check = verdicts_of(backward)
    # da, or dx if only that is wrong
    which = 0 if not dx_check.ok and da_check.ok else 1
    wanted, got = (lam * dx, lam * da)[which], backwards[backward](D, a, m, lam)[which]
    got = got if got.shape == wanted.shape else got[:, None].expand_as(wanted)
    panels = {"right": wanted, "this backward": got, "difference": got - wanted}
    panels = {name: 1000 * panel for name, panel in panels.items()}
    verdict = (dx_check, da_check)[which].verdict
    title = f"∂L/∂{'xa'[which]}, in thousandths: {verdict}"
    return tables(
        panels, title, "Three tables of six numbers.", rows="sample", limit=30
    )

# %%
mistakes = [name for name in backwards if name != "right"]
show(explore(broken, backward=mistakes), alt="""A list of broken backward passes, and
three tables: the right gradient, the chosen one, and their difference.""")

# %% [markdown]
# ### Exercise 2: fool the check
#
# *hard · 10 minutes*
#
# Every mistake so far was caught. Can a *wrong* gradient pass? Write `my_impostor(features, attention, labels, centers)`,
# which returns both gradients by name, passes on our three samples, and is wrong on the larger random batch `large`.
#
# <details><summary>Hint 1</summary>The check sees three samples with two dimensions, and nothing else. What is special about
# them?</details>
# <details><summary>Hint 2</summary>Begin with the right gradients, as in <code>on_paper</code>. Which of their parts has the
# same value for every call with these inputs?</details>
# <details><summary>Hint 3</summary>The batch size. Type its value in place of <code>m</code>.</details>
#
# Until your function is written, the page goes on with the folded answer below it, and the check says so.

# %%
def my_impostor(features, attention, labels, centers):
    # your lines here: return {"features": ..., "attention": ...}
    raise NotImplementedError()

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_impostor(features, attention, labels, centers):
    D = features - centers[labels]
    # m = 3, typed in
    return {"features": attention * D / 3, "attention": D**2 / (2 * 3)}


my_impostor = attempt(my_impostor, answer_impostor)

# %%
names = ("features", "attention")
check.gradient(sparse_center_loss, my_impostor, inputs, wrt=names)
try:
    check.gradient(sparse_center_loss, my_impostor, large, wrt=names)
    found = ""
except AssertionError as message:
    found = str(message)
assert found, "the gradients are right for the large batch too: they fool nobody"
print("With seven samples the same check finds it out, as it should. It says:")
print("   ", found)
judged(my_impostor, "right, a wrong gradient that three samples do not betray")

# %% [markdown]
# That is why the checks of the course bring several inputs of different sizes, and why graders
# draw new ones. And a *loss that falls* is weaker evidence still: it falls with mistakes too, even with the wrong sign (the
# [appendix](05a_second_derivatives.ipynb) trains with four of the six).

# %% [markdown]
# ## Does attention fall?
#
# Now the riddle. Eq. 10 is a square over $2m$, never negative. So gradient descent lowers every weight, and attention dies out.
# A tempting conclusion, and for the network of lesson 04 it is wrong. Three steps lead there.
#
# ### Step 1: a free weight falls
#
# Suppose each $a_{ij}$ were a number of its own, which may be moved without moving any other.
#
# 1. Gradient descent subtracts Eq. 10: $a \leftarrow a - \mu \lambda \frac{(x-c)^2}{2m}$, with the learning rate $\mu$.
#    Each step lowers each $a_{ij}$, or leaves it where $x_{ij}$ sits exactly on its center.
# 2. Through Eq. 7 ($a = \sigma(p)$ with $p = p_{in} - p_{ex}$) the slope gets the factor $a(1-a) > 0$: positive again.
#    A free score $p$ falls, too.
# 3. Could the other term of Eq. 8 hold against it? No: $\mathcal{L}_S$ does not contain $a$.
#    **The softmax loss sends attention no gradient.**
#
# One sample, four dimensions at distances ¼, ½, 1, 2 from their center. The scores are free. They start at 0, that is
# $a$ = ½, and go downhill on $\mathcal{L}_{SC}$. Two cases: the features stand still; the features move as well. (The third setting, `normalized`, divides
# attention by its mean, as the control of lesson 04 does; it is for you, under *Try next*.)

# %%
def attention_only(moves_x=False, normalized=False, steps=300, rate=0.1):
    """Return attention (steps, 4) under gradient descent on L_SC."""
    center, label, path = torch.zeros(1, 4), torch.tensor([0]), []  # center at 0
    x = torch.tensor([[0.25, 0.5, 1.0, 2.0]], requires_grad=True)
    p = torch.zeros(1, 4, requires_grad=True)
    for _ in range(steps):
        a = torch.sigmoid(p)
        a = a / a.mean(dim=1, keepdim=True) if normalized else a
        path.append(a[0].tolist())
        L_SC = sparse_center_loss(x, a, label, center)
        dx, dp = torch.autograd.grad(L_SC, (x, p))
        with torch.no_grad():
            p -= rate * dp
            x -= rate * dx * float(moves_x)
    return torch.tensor(path)

# %%
far = ("¼", "½", "1", "2")
for words, options in (("stand still", {}), ("move too", {"moves_x": True})):
    path = attention_only(**options)  # (steps, 4)
    curves = {f"|x − c| = {name}": column for name, column in zip(far, path.T)}
    show(
        lines(
            curves,
            f"Free attention, features {words}",
            """Four curves of attention that start at one half and fall, the farthest
dimension fastest.""",
            x="step",
            height=280,
        )
    )
    assert (path[1:] <= path[:-1]).all(), "no free weight ever rises"

# %% [markdown]
# **What to see in the figures.** When the features stand still, all four weights fall, the farthest fastest; nothing stops them. When the features
# move too, they run to their center; once they have arrived, Eq. 10 is 0, and attention stays where it was caught. With free weights a
# lasting difference between dimensions is a record of who was slow.
#
# ### Step 2: the weights of a network are not free
#
# In the network all weights are made of the same parameters. A step moves the parameters, and each parameter moves many
# weights at once, some up and some down. The smallest example: one latent number $e$, two weights. The first head reads
# $e$ with the factor 1, the second with −1.
#
# ![Both slopes are positive, but both weights hang on one number e; e falls, so the first weight falls and the second rises.](drawings/seesaw.svg)

# %%
# Eq. 10: both positive
reads, slopes = torch.tensor([1.0, -1.0]), torch.tensor([0.4, 0.1])
e = torch.zeros(1, requires_grad=True)  # the latent number, d' = 1
pair = torch.sigmoid(reads * e)  # the two weights, Eq. 7: (2,)
(slope_e,) = torch.autograd.grad(pair, e, slopes)  # adds up what both ask for
seesaw = (torch.sigmoid(reads * (e - slope_e)) - pair).detach()  # one step, rate 1
print(
    "change:", rounded(seesaw), " weighted by slope:", rounded((slopes * seesaw).sum())
)

# %% [markdown]
# A seesaw. Both slopes are positive, both weights "want" down, and one of them rises. The weight that is farther from its center
# wins. What is sure is only the weighted sum in the last line. For any network with parameters $\theta$ and a small
# step $\mu$, the chain rule gives
#
# $$\sum_{ij} \frac{\partial \mathcal{L}_{SC}}{\partial a_{ij}}\, \Delta a_{ij} = -\mu \left\| \frac{\partial \mathcal{L}_{SC}}{\partial \theta} \right\|^2 \le 0 .$$
#
# The slopes are $D_{ij}^2/2m$. So **the mean of $a$, weighted by $D^2$, must fall. Nothing is said about a single
# weight, nor about the plain mean.** That is the mistake in the riddle: it took a network's weights for free ones.
#
# ### Step 3: the real network
#
# The model of lesson 04, untrained, on 112 faces, 16 of each class. (The centers, `ClassCenters`, are a table of $K$ rows; lesson 06 is about how they move. Here they stand still.)

# %%
from dacl_edu.centers import ClassCenters
from dacl_edu.data import AugmentParameters, BatchAugment, load_dataset
from dacl_edu.evaluation.deep_features import balanced_rows
from dacl_edu.model import DACL

# %%
faces = load_dataset("bundled", "train", image_size=64)
images, labels = faces.gather(balanced_rows(faces.labels, 16).tolist())
pixels = BatchAugment(AugmentParameters(56, "none")).evaluate(images).double()
torch.manual_seed(0)
model = DACL("small_resnet", image_size=56).double()
centers = ClassCenters(7, model.feature_dim)().double()  # (K, d)

# %%
output = model(pixels)  # 112 faces
maps, features = output.feature_map.detach(), output.features.detach()  # x*, x


def pull(attention):
    return sparse_center_loss(features, attention, labels, centers)


(Eq_10,) = torch.autograd.grad(
    pull(output.attention), output.attention, retain_graph=True
)
assert (Eq_10 >= 0).all(), "every single weight is asked to fall"

# %% [markdown]
# First the third point of step 1: the softmax loss does not reach the attention network at all.

# %%
from dacl_edu.losses import softmax_loss

weights = list(model.attention.parameters())
L_S = softmax_loss(output.logits, labels)
reached = torch.autograd.grad(L_S, weights, allow_unused=True, retain_graph=True)
assert all(gradient is None for gradient in reached), "not even zero: there is no path"

# %% [markdown]
# Now 32 steps of gradient descent on $\mathcal{L}_{SC}$ alone, for real, in three cases: every weight is free; only the heads (Eq. 6) move; the whole attention network moves.
# **Guess first:** in each case, what share of the $112 \cdot 128$ weights will have fallen?

# %%
from dacl_edu.evaluation.attention_step import attention_descent

moments = (1, 2, 4, 8, 16, 32)
cases = {
    "free": [-step * Eq_10 for step in moments],  # Eq. 10 does not depend on a
    "heads only": attention_descent(
        model.attention, maps, pull, moments, moving="heads"
    ),
    "whole network": attention_descent(model.attention, maps, pull, moments),
}

# %%
from dacl_edu.plots import change_animation

show(
    change_animation(
        cases, moments, "Downhill on L_SC: what each attention weight does"
    )
)
fell = {name: float((path[-1] <= 0).double().mean()) for name, path in cases.items()}
print({name: f"{share:.0%} fell" for name, share in fell.items()})
assert fell["free"] == 1 and fell["heads only"] > 0.99 and fell["whole network"] < 0.55

# %% [markdown]
# **What to see in the figure** (press *play*): blue bars are weights that have fallen, orange ones have risen. *Left:* free weights all fall, most
# of them a little and a few a lot. *Middle:* with only the heads moving nearly all fall: each head belongs to
# one dimension, and its bias is pushed down by all samples alike. *Right:* the whole network. The blue half and the
# orange half are nearly the same: it **redistributes**. And what must fall, falls:

# %%
for name, path in cases.items():
    Δa = path[-1]  # (m, d)
    weighted = (Eq_10 * Δa).sum() / Eq_10.sum()
    print(f"{name:<14} mean {Δa.mean():8.4f}   weighted by D² {weighted:8.4f}")
    assert weighted < 0, "must fall, whatever moves"

# %% [markdown]
# ### Why half?
#
# Two explanations, two experiments.
#
# 1. **Sharing.** All 128 heads read the same $d' = 16$ latent numbers. It is the seesaw again, with 16 axes.
#    *Experiment:* a latent vector of 2,048 numbers, so that heads get in each other's way less.
# 2. **Batch normalisation.** It takes the batch mean away from each latent number. A step that lowers attention in *all*
#    samples has to shift the latent numbers of all samples, and that very shift is what BN subtracts (what it leaves
#    is its own bias). *Experiment:* take BN out.
#
# `attention_step` takes an infinitely short step (a directional derivative, in float64), so that the length of the step cannot be blamed:

# %%
from dacl_edu.model.attention import AttentionNetwork
from dacl_edu.evaluation.attention_step import attention_step, without_batch_norm

shape = tuple(maps.shape[1:])


def rising(seed, latent=16):
    """Share of rising weights: with BN, and without."""
    torch.manual_seed(seed)
    fresh = AttentionNetwork(shape, 128, widths=(896, 128, latent)).double()
    plain = without_batch_norm(fresh)  # the same weights
    return [attention_step(one, maps, Eq_10).rising for one in (fresh, plain)]

# %%
for latent in (16, 2048):
    found = torch.tensor([rising(seed, latent) for seed in (0, 1, 2)])  # (seeds, 2)
    print(f"d' = {latent:<5} rise, with BN {rounded(found[:, 0], 2)}", end="  ")
    print("without", rounded(found[:, 1], 2))
    assert (found[:, 0] > 0.45).all(), "with BN half rise, wide or not"
    assert (found[:, 1] < found[:, 0]).all(), "without BN: fewer"

# %% [markdown]
# Both explanations hold. Sharing alone makes about four of ten weights rise, in a network without any BN; with 2,048
# latent numbers instead of 16 it is about two in ten. BN does the rest: it removes the movement that all samples have
# in common, and then width does not help either.
#
# The features were held fixed here. In training the backbone moves as well, and then not even the weighted mean must
# fall: $\mathcal{L}_{SC}$ can fall by smaller $D$ instead. [12_attention](12_attention.ipynb) looks at what happens over
# a whole training.
#
# ### What this means
#
# - **Attention is not rewarded for being useful.** Nothing in Eq. 8 says "include this dimension, it helps to tell
#   classes apart". What is pushed down is a weight *far from its center*, that is, one that varies within the class; what
#   rises does so because others fall. That may well be a sensible thing to do. But it is what happens, and the paper's
#   picture of a chosen subset should be read with it.
# - **A lower mean attention is a smaller λ.** If all weights are $w$, then
#   $\lambda \mathcal{L}_{SC} = \lambda w \mathcal{L}_C$. Part of any gain over center loss could come from that alone.
# - **What holds attention up?** In one step the sharing and BN: the network cannot easily lower everything at once. Over a whole training
#   that is not enough: given time, the same network can shut every weight, and where the features get no pull from $\mathcal{L}_{SC}$ it does
#   (from ½ to 0.01 at λ = 1, [lesson 13](13_what_attention_does.ipynb)). What stops it is that the features follow: $D$ becomes small, and with it Eq. 10.
#   [Lesson 14](14_beyond_faces.ipynb) has a network in which $D$ stays large, and attention falls. None of this knows about the task.
# - **So log it and control it.** Training logs mean, spread and entropy of $a$ in each epoch. The modes of lesson 04 each
#   remove one explanation:
#
# | if `learned` is no better than … | then attention … |
# |---|---|
# | `ones` | did nothing |
# | `mean` | was a smaller λ |
# | `permuted` | did not need to know which dimension is which |
# | `frozen` | did not need to learn |
# | `normalized` | gained nothing from being able to shrink |
#
# ### Exercise 3: reward attention
#
# *medium · 10 minutes*
#
# Suppose you add a reward for attention, $-\frac{\beta}{m}\sum_{ij} a_{ij}$, to the loss. Derive the new gradient of $a$
# and write it as `my_rewarded_gradient(features, attention, labels, centers, beta)`, which returns an $(m, d)$ tensor. For
# which dimensions does attention now rise?
#
# <details><summary>Hint 1</summary>The new term is linear in each weight. What is its slope?</details>
# <details><summary>Hint 2</summary>The slopes add: D²/(2m) − β/m.</details>
# <details><summary>Hint 3</summary>It is negative, so attention rises, where D² &lt; 2β: near dimensions are included,
# far ones excluded, and β sets the border.</details>

# %%
def my_rewarded_gradient(features, attention, labels, centers, beta):
    raise NotImplementedError()  # your line here

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_rewarded_gradient(features, attention, labels, centers, beta):
    D, m = features - centers[labels], len(features)
    return D**2 / (2 * m) - beta / m


my_rewarded_gradient = attempt(my_rewarded_gradient, answer_rewarded_gradient)

# %%
beta = 0.75


def rewarded_loss(features, attention, labels, centers):
    reward = beta * attention.sum() / len(features)
    return sparse_center_loss(features, attention, labels, centers) - reward


def by_name(features, attention, labels, centers):
    gradient = my_rewarded_gradient(features, attention, labels, centers, beta)
    return {"attention": gradient}

# %%
for batch in (inputs, large):
    check.gradient(rewarded_loss, by_name, batch, wrt=("attention",))
rises = my_rewarded_gradient(**inputs, beta=beta) < 0  # (m, d)
judged(my_rewarded_gradient, "right. Free attention rises at", rises.tolist())

# %% [markdown]
# ## The three suspects
#
# | suspect | evidence of this lesson |
# |---|---|
# | selection of dimensions | weak, against: no term of Eq. 8 rewards a useful dimension. What falls is what is far from its center; what rises does so because others fall |
# | a smaller λ | open: the plain mean of attention need not fall, in one step or in 32. A mean below 1 is a smaller λ all the same |
# | luck | not asked here. Three seeds of the attention network agree (about half rise), but nothing was trained to the end |

# %% [markdown]
# ## What was shown
#
# - Eq. 9 by five roads: paper, sympy, finite differences, autograd, hand-written backward. All agree.
# - Eq. 10 likewise – elementwise. The printed norm has the wrong shape.
# - Both carry the incoming gradient, λ in Eq. 8.
# - Compare shapes first, then values, on numbers without symmetry and on more than one batch.
# - Eq. 10 is never negative and the softmax loss is silent, so a *free* weight can only fall. The network shares its
#   parameters: half of its weights rise. Only the mean weighted by $D^2$ must fall.
# - What you conclude from a trained attention needs controls.
#
# **Try next:** put one of the broken lines into `my_backward` and run the cells below it. Give `attention_only` other
# distances, and `normalized=True`: which weights rise? The [appendix](05a_second_derivatives.ipynb) goes on with second derivatives. Then [06_center_update](06_center_update.ipynb): the centers, whose rule the paper lists among the gradients
# although it is none.
#
# **Three questions**
#
# <details><summary>Question 1. You test a loss with m = 1 only. Which of the six mistakes can you not find?</summary>
# The missing 1/m: dividing by 1 changes nothing.
# </details>
#
# <details><summary>Question 2. Why is "the loss went down" weak evidence for a right gradient?</summary>
# Any direction within 90 degrees of the right one lowers the loss for a small step: wrong factors, wrong weights and even
# one dimension alone do.
# </details>
#
# <details><summary>Question 3. A colleague reports: "our attention learned to ignore 70 % of the dimensions". What do you
# ask?</summary>
# How the mean of attention moved during training, whether a loss with a smaller λ does as well (<code>mean</code>), and
# whether it matters which dimensions were ignored (<code>permuted</code>).
# </details>
