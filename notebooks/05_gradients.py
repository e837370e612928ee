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
# # The gradients: five roads to the same numbers
#
# **After this notebook you can** derive the gradients of the sparse center loss on paper, confirm them in four more ways,
# write a backward pass for PyTorch, find out which of its factors is wrong, and say which attention weights this loss
# lowers, which it raises, and why.
#
# **Minutes:** 90. **Builds on:** [03_sparse_center_loss](03_sparse_center_loss.ipynb) (Eq. 4),
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
#
# **The plan.** A gradient is easy to get wrong and hard to see wrong: a network with a broken gradient often still
# trains. So we obtain the same numbers by five roads – on paper, by algebra software, by nudging numbers, by autograd,
# by a hand-written backward pass – and then break them on purpose.

# %% tags=["setup"]
# On Colab or Kaggle this fetches the project. Elsewhere, and on a second run, it does nothing.
import importlib.util, os, subprocess, sys

if importlib.util.find_spec("dacl_edu") is None and not os.path.isdir("dacl-edu/notebooks"):
    repository = os.environ.get("DACL_EDU_REPOSITORY", "")  # where you found this notebook
    assert repository, "write the address of the project's repository between the quotes above"
    subprocess.run(["git", "clone", "--depth", "1", repository, "dacl-edu"], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-e", "./dacl-edu[notebooks]"], check=True)
if os.path.isdir("dacl-edu/notebooks"):  # fetched just now, or before the kernel was restarted
    os.chdir("dacl-edu/notebooks")
    sys.path.insert(0, os.path.dirname(os.getcwd()))

# %%
import math

import torch

from dacl_edu.check.exercise import attempt, judged
from dacl_edu.lessons.display import rounded, setup, show

setup(seed=5)  # fixes the random numbers

# %% [markdown]
# ## The example that fits on the page
#
# Three samples, two dimensions, two classes. All numbers are typed by hand; keep them in mind.

# %%
x = torch.tensor([[1.0, 2.0],
                  [3.0, 0.0],
                  [2.0, 2.0]])  # deep features: (m, d) = (3, 2)
a = torch.tensor([[1.0, 0.5],
                  [1.0, 0.25],
                  [0.5, 1.0]])  # attention: (m, d)
y = torch.tensor([0, 1, 0])  # labels: (m,)

# %%
c = torch.tensor([[0.0, 0.0],
                  [3.0, 4.0]])  # class centers: (K, d) = (2, 2)
m, d = x.shape

# %%
D = x - c[y]  # difference to the center of its own class: (m, d)
print(rounded(D))
assert D.shape == (m, d)
assert D[1, 0] == 0, "sample 1 sits on its center in dimension 0: nothing should pull it there"

# %% [markdown]
# ## Eq. 8: the whole loss
#
# The softmax loss needs scores $z$ (Eq. 1), which we type by hand too; the sparse center loss is Eq. 4. First both as
# loops:

# %%
z = torch.tensor([[2.0, 0.0],
                  [0.0, 1.0],
                  [1.0, 1.0]])  # scores: (m, K)
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
L = L_S + lam * L_SC
terms = Objective(build_loss("sparse_center"), lam=lam)(z, x, a, y, c)
assert terms.total.shape == L.shape == ()
assert torch.allclose(terms.total, L) and abs(L.item() - L_loop) < 1e-6
print("L_S", rounded(terms.softmax), " L_SC", rounded(terms.metric), " L", rounded(terms.total))

# %% [markdown]
# ## What a gradient says
#
# Take one number out of the batch: sample 0, dimension 1, $x = 2$, $c = 0$, $a = 0.5$. Its share of the loss is
# $\frac{1}{2m} a (x-c)^2$. The gradient says how that share changes when you move a number a little and leave all
# others alone.
#
# **What to see in the figure:** on the left $x$ moves and $a$ is fixed: a parabola, whose slope at the dot is what Eq.
# 9 must give, here $1/3$. On the right $a$ moves and $x$ is fixed: a straight line, *rising for every $x$*. Keep that
# right picture: the end of this notebook is about it.

# %%
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dacl_edu.plots import BLUE, GREEN, ORANGE, PURPLE


def share_of_loss(a_ij, x_ij, c_ij=0.0):
    return a_ij * (x_ij - c_ij) ** 2 / (2 * m)


positions = torch.linspace(-3, 3, 61)  # (61,)
at_the_dot = share_of_loss(0.5, 2.0)
tangent = [at_the_dot + (1 / 3) * (position - 2.0) for position in (1.0, 3.0)]  # slope 1/3 through the dot

# %%
figure = make_subplots(cols=2, subplot_titles=("x moves: a parabola", "a moves: a line"))
left, right = {"row": 1, "col": 1}, {"row": 1, "col": 2}
figure.add_scatter(x=positions.tolist(), y=share_of_loss(0.5, positions).tolist(), line_color=BLUE, **left)
figure.add_scatter(x=[1, 3], y=tangent, mode="lines", line={"color": ORANGE, "dash": "dash"}, **left)
figure.add_scatter(x=[2], y=[at_the_dot], mode="markers", marker={"color": ORANGE, "size": 11}, **left)
for distance, colour in ((2, BLUE), (1, GREEN), (0, PURPLE)):
    end = share_of_loss(1.0, distance)
    figure.add_scatter(x=[0, 1], y=[0, end], mode="lines", line_color=colour, **right)
    figure.add_annotation(x=1, y=end, text=f"|x − c| = {distance}", showarrow=False, yshift=9, xanchor="right", **right)

# %%
figure.update_xaxes(title="x", **left).update_xaxes(title="a", **right)
figure.update_yaxes(title="share of the loss", **left)
figure.update_layout(width=760, height=360, showlegend=False, title="The share of one number in the loss")
show(figure, alt="""Left: a parabola in x with its lowest point at the center, and a dashed tangent of slope one
third at x = 2. Right: three lines in a, the steeper the farther x is from the center, flat for distance 0, none
falling.""")

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

x_leaf, a_leaf = x.clone().requires_grad_(), a.clone().requires_grad_()  # copies that autograd watches
dx_package, da_package = torch.autograd.grad(sparse_center_loss(x_leaf, a_leaf, y, c), (x_leaf, a_leaf))
print(rounded(dx))
assert dx.shape == dx_loop.shape == dx_package.shape == x.shape
assert torch.allclose(dx, dx_loop) and torch.allclose(dx, dx_package)
assert dx[1, 0] == 0, "on its center nothing pulls"

# %% [markdown]
# ### Eq. 10: loop, vectorised, package

# %% tags=["eq-10"]
da_loop = torch.zeros(m, d)
for i in range(m):
    for j in range(d):
        da_loop[i, j] = (x[i, j] - c[y[i], j]) ** 2 / (2 * m)

da = (x - c[y]) ** 2 / (2 * m)  # Eq. 10, elementwise: (m, d)

# %%
print(rounded(da))
assert da.shape == da_loop.shape == da_package.shape == a.shape
assert torch.allclose(da, da_loop) and torch.allclose(da, da_package)
assert (da >= 0).all(), "a square is never negative"

# %% [markdown]
# And Eq. 10 to the letter, with the norm. The check looks at the shape first:

# %%
from dacl_edu import check

da_as_printed = (x - c[y]).norm(dim=1) ** 2 / (2 * m)  # (m,): one number a sample
try:
    check.value(da_as_printed, da_package, "Eq. 10 as printed")
    raise RuntimeError("the check missed it")
except AssertionError as message:
    print(message)

# %% [markdown]
# ## Road 2: algebra software
#
# sympy differentiates symbols, not numbers: what it finds holds for all values at once. First one term, with a general
# $m$:

# %%
import sympy as sp

x_s, a_s, c_s, m_s = sp.symbols("x a c m", positive=True)
term = a_s * (x_s - c_s) ** 2 / (2 * m_s)
print("d/dx:", sp.factor(sp.diff(term, x_s)))
print("d/da:", sp.diff(term, a_s))
assert sp.simplify(sp.diff(term, x_s) - a_s * (x_s - c_s) / m_s) == 0  # Eq. 9
assert sp.simplify(sp.diff(term, a_s) - (x_s - c_s) ** 2 / (2 * m_s)) == 0  # Eq. 10

# %% [markdown]
# Then the whole sum for our three samples with their labels: 6 symbols $x_{ij}$, 6 symbols $a_{ij}$, 4 symbols
# $c_{kj}$.

# %%
X = sp.Matrix(m, d, lambda i, j: sp.Symbol(f"x{i}{j}"))
A = sp.Matrix(m, d, lambda i, j: sp.Symbol(f"a{i}{j}"))
C = sp.Matrix(2, d, lambda k, j: sp.Symbol(f"c{k}{j}"))
pairs = [(i, j) for i in range(m) for j in range(d)]
L_sym = sum(A[i, j] * (X[i, j] - C[int(y[i]), j]) ** 2 for i, j in pairs) / (2 * m)
print(L_sym)

# %%
for i, j in pairs:
    difference = X[i, j] - C[int(y[i]), j]
    assert sp.expand(sp.diff(L_sym, X[i, j]) - A[i, j] * difference / m) == 0, (i, j)  # Eq. 9
    assert sp.expand(sp.diff(L_sym, A[i, j]) - difference**2 / (2 * m)) == 0, (i, j)  # Eq. 10
print("sympy agrees with Eq. 9 and with the elementwise Eq. 10 in all", len(pairs), "places")

# %% [markdown]
# Last, put our numbers into sympy's derivative, and compare with the package:

# %%
symbols = [*X, *A, *C]
numbers = [*x.flatten().tolist(), *a.flatten().tolist(), *c.flatten().tolist()]
values = dict(zip(symbols, numbers, strict=True))


def slopes_by_sympy(M):  # a matrix of symbols -> the slope of L_sym by each of them: (m, d)
    return torch.tensor([[float(sp.diff(L_sym, M[i, j]).subs(values)) for j in range(d)] for i in range(m)])


dx_sympy, da_sympy = slopes_by_sympy(X), slopes_by_sympy(A)
assert dx_sympy.shape == dx.shape and torch.allclose(dx_sympy, dx_package)
assert da_sympy.shape == da.shape and torch.allclose(da_sympy, da_package)

# %% [markdown]
# ## Road 3: finite differences
#
# No calculus at all. Move one number by a small step $h$ up and down, and see what the loss does:
#
# $$\frac{\partial \mathcal{L}}{\partial x_{ij}} \approx \frac{\mathcal{L}(x_{ij} + h) - \mathcal{L}(x_{ij} - h)}{2h} \qquad\text{(central)}$$
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
assert abs(central - dx[0, 1].item()) < 1e-7

# %% [markdown]
# How small should $h$ be? Smaller is better, until it is worse. We also look at the one-sided (forward) difference,
# which saves one evaluation.

# %%
sizes = [10.0**-k for k in range(1, 13)]  # 0.1 down to a millionth of a millionth
exact = 0.5 * 2.0 / 3
forward_error = [abs((nudged(h) - nudged(0.0)) / h - exact) for h in sizes]
central_error = [abs((nudged(h) - nudged(-h)) / (2 * h) - exact) for h in sizes]
best = sizes[forward_error.index(min(forward_error))]
print("forward: best step", best, " central, h = 1e-6: error below 1e-8:", central_error[5] < 1e-8)
assert 1e-9 <= best <= 1e-7 and central_error[5] < 1e-8

# %% [markdown]
# **What to see in the figure** (read it from right to left, both axes logarithmic): the forward error first falls with
# $h$, because the parabola bends less over a short step. Then it *rises*: the two losses agree in nearly all digits,
# their difference keeps only the last few, and dividing by a tiny $h$ magnifies the rounding. The central difference
# has no falling part at all: on a parabola the bends on both sides cancel exactly, so for this loss only rounding is
# left, and a *large* step is the best one. For other losses its error falls as $h^2$.

# %%
figure = go.Figure()
looks = [("forward", forward_error, ORANGE, "square"), ("central", central_error, BLUE, "circle")]
for name, errors, colour, symbol in looks:
    drawn = [max(error, 1e-17) for error in errors]  # an error of exactly 0 has no logarithm
    figure.add_scatter(x=sizes, y=drawn, name=name, mode="lines+markers", line_color=colour, marker_symbol=symbol)
figure.update_xaxes(type="log", title="step h", exponentformat="power", dtick=2)
figure.update_yaxes(type="log", title="error", exponentformat="power", dtick=3)
figure.update_layout(width=640, height=380, title="Error of a finite difference against its step")
show(figure, alt="""Two lines on logarithmic axes. The forward error is a V with its lowest point near a step of
ten to the minus seven. The central error is lowest for the largest steps and rises as the step shrinks.""")

# %% [markdown]
# `compare_gradients` uses central differences with $h = 10^{-6}$ **in float64**, for every number of every input. In
# float32 the same step would drown in rounding: a loss near 2 is stored in units of $2.4 \cdot 10^{-7}$, so the
# quotient comes in units of 0.12.

# %%
def quotient(dtype, h=1e-6):
    nudge = torch.zeros(m, d, dtype=dtype)
    nudge[0, 1] = h
    up = sparse_center_loss(x.to(dtype) + nudge, a.to(dtype), y, c.to(dtype))
    down = sparse_center_loss(x.to(dtype) - nudge, a.to(dtype), y, c.to(dtype))
    return (up - down) / (2 * h)


assert abs(quotient(torch.float64) - exact) < 1e-8
assert abs(quotient(torch.float32) - exact) > 1e-2, "float32: wrong in the second digit"


# %% [markdown]
# ## Road 4: autograd on the long-hand formula
#
# Write Eq. 4 with plain tensor operations and let PyTorch differentiate. It knows the derivative of each operation
# (`-`, `**2`, `*`, `sum`, `/`) and applies the chain rule backwards.

# %%
def long_hand(features, attention, labels, centers):
    return (attention * (features - centers[labels]) ** 2).sum() / (2 * len(features))


dx_auto, da_auto = torch.autograd.grad(long_hand(x_leaf, a_leaf, y, c), (x_leaf, a_leaf))
assert dx_auto.shape == dx.shape and torch.allclose(dx_auto, dx)
assert da_auto.shape == da.shape and torch.allclose(da_auto, da)

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
for size, g in ((3, 1.0), (3, lam), (2, 1.0)):  # all three samples, then with λ, then only the first two
    dx_mine, da_mine = my_backward(D[:size], a[:size], size, g)
    check.shape(dx_mine, (size, d), f"dx for m = {size}, g = {g}")
    check.shape(da_mine, (size, d), f"da for m = {size}, g = {g}")
    check.value(dx_mine, g * dx[:size] * m / size, f"dx for m = {size}, g = {g}")
    check.value(da_mine, g * da[:size] * m / size, f"da for m = {size}, g = {g}")
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
# `compare_gradients` is the table of this course: each gradient of the loss beside finite differences, the shape first.
# "autograd" in it now means your backward.

# %%
from dacl_edu.check.gradients import compare_gradients, gradient_table


def my_loss(features, attention, labels, centers):
    return MySparseCenterLoss.apply(features, attention, labels, centers)


inputs = {"features": x, "attention": a, "labels": y, "centers": c}
assert torch.allclose(my_loss(**inputs), sparse_center_loss(**inputs)), "forward"
verdicts = compare_gradients(my_loss, inputs)
print(gradient_table(verdicts))
assert all(verdict.ok for verdict in verdicts)


# %% [markdown]
# ### All roads in one table
#
# `hand-written` are the formulas of Road 1, `autograd` the package's backward, `long-hand autograd` Road 4. Each is
# compared with finite differences (Road 3) – the shape first. If the shapes differ, no error is computed at all; a
# later section shows why.

# %%
def on_paper(features, attention, labels, centers):
    D, m = features - centers[labels], len(features)
    return {"features": attention * D / m, "attention": D**2 / (2 * m)}


table = compare_gradients(sparse_center_loss, inputs, hand_written=on_paper, reference=long_hand)
print(gradient_table(table))
assert len(table) == 6 and all(row.shape == row.expected_shape and row.ok for row in table)

# %% [markdown]
# The course's check is the same comparison with words. It is what grades assignments:

# %%
both = ("features", "attention")
check.gradient(sparse_center_loss, on_paper, inputs, wrt=both)
print("shape and value of both gradients are right")

# %% [markdown]
# ### A larger random batch
#
# A hand-typed example may hide a mistake by luck. So once more, with numbers that nobody chose:

# %%
large = {
    "features": torch.randn(7, 5),
    "attention": torch.rand(7, 5),
    "labels": torch.randint(0, 4, (7,)),
    "centers": torch.randn(4, 5),
}
table = compare_gradients(sparse_center_loss, large, hand_written=on_paper, reference=long_hand)
print(gradient_table(table))
assert all(row.ok for row in table)

# %% [markdown]
# ## The incoming gradient is λ
#
# Eq. 9 and 10 are gradients of $\mathcal{L}_{SC}$ alone. Training differentiates
# $\mathcal{L} = \mathcal{L}_S + \lambda \mathcal{L}_{SC}$. In mixed precision the loss is multiplied by a large number
# first, so that small gradients survive float16, and that number arrives as well. A backward that ignores $g$ is right
# in every test of the loss alone, and wrong in every training.

# %%
for factor in (1.0, lam, 1024.0 * lam):
    x_leaf, a_leaf = x.clone().requires_grad_(), a.clone().requires_grad_()
    (factor * sparse_center_loss(x_leaf, a_leaf, y, c)).backward()
    assert torch.allclose(x_leaf.grad, factor * dx) and torch.allclose(a_leaf.grad, factor * da)
    print("incoming", factor, " gradient of x[0]", rounded(x_leaf.grad[0]))

# %% [markdown]
# And through the whole of Eq. 8. Here the scores depend on the features too, $z = W^T x$, so $x$ receives a gradient by
# two ways, and they add up. Attention receives one by one way only:

# %%
W = torch.tensor([[1.0, -1.0],
                  [0.5, 0.5]])  # Eq. 1 without the bias: (d, K)
x_leaf, a_leaf = x.clone().requires_grad_(), a.clone().requires_grad_()
terms = Objective(build_loss("sparse_center"), lam=lam)(x_leaf @ W, x_leaf, a_leaf, y, c)
(from_softmax,) = torch.autograd.grad(terms.softmax, x_leaf, retain_graph=True)  # (m, d); the graph is needed again
terms.total.backward()
assert torch.allclose(x_leaf.grad, from_softmax + lam * dx, atol=1e-6)
assert torch.allclose(a_leaf.grad, lam * da)

# %% [markdown]
# One more thing that "hold $a$ fixed" hides. In the network $x$ and $a$ both come from the same map $x^*$: the feature
# by pooling, the attention by Eq. 5-7. The gradient that reaches $x^*$ is the sum of both ways,
# $\frac{\partial \mathcal{L}}{\partial x}\frac{\partial x}{\partial x^*} + \frac{\partial \mathcal{L}}{\partial a}\frac{\partial a}{\partial x^*}$.
# So Eq. 10 does not only train the attention network; it also asks the backbone for maps that yield less attention.

# %%
x_star = torch.rand(3, 2, 4, requires_grad=True)  # a toy context: (m, channels, places)
V = torch.randn(8, 2)  # a toy attention network: flatten, one linear layer, sigmoid
pooled, attended = x_star.mean(dim=2), torch.sigmoid(x_star.flatten(1) @ V)  # (m, 2), (m, 2)


def reaching_x_star(pooled, attended):
    return torch.autograd.grad(sparse_center_loss(pooled, attended, y, c), x_star, retain_graph=True)[0]


through_x = reaching_x_star(pooled, attended.detach())  # (m, channels, places); a cut off
through_a = reaching_x_star(pooled.detach(), attended)  # x cut off
assert torch.allclose(reaching_x_star(pooled, attended), through_x + through_a, atol=1e-6)

# %% [markdown]
# ## Break it
#
# Seven backward passes; the first is right. Each gets the difference $D$, the attention $a$, the batch size $m$ and the
# incoming gradient $g$, and returns the gradients of $x$ and $a$.
#
# Before you run the cell after it: which mistakes will show in `features`, which in `attention`, which in both? Which
# are wrong in *shape*?

# %%
def copied_norm(D):  # (m, d) -> (m, d), the same number all along a row
    return (D**2).sum(dim=1, keepdim=True).expand_as(D)


backwards = {
    "right": lambda D, a, m, g: (g * a * D / m, g * D**2 / (2 * m)),
    "wrong sign": lambda D, a, m, g: (-g * a * D / m, g * D**2 / (2 * m)),
    "missing 1/2": lambda D, a, m, g: (g * a * D / m, g * D**2 / m),
    "missing 1/m": lambda D, a, m, g: (g * a * D, g * D**2 / 2),
    "norm, one number a sample": lambda D, a, m, g: (g * a * D / m, g * (D**2).sum(dim=1) / (2 * m)),
    "norm, copied to each dimension": lambda D, a, m, g: (g * a * D / m, g * copied_norm(D) / (2 * m)),
    "incoming gradient ignored": lambda D, a, m, g: (a * D / m, D**2 / (2 * m)),
}


# %% [markdown]
# The loss that we check is the second term of Eq. 8, $\lambda \mathcal{L}_{SC}$, so that an ignored $g$ shows:

# %%
def weighted_loss(features, attention, labels, centers):
    return lam * sparse_center_loss(features, attention, labels, centers)


def verdicts_of(name):
    """Return (check of features, check of attention) for one of the backward passes."""

    def formula(features, attention, labels, centers):
        dx, da = backwards[name](features - centers[labels], attention, len(features), lam)
        return {"features": dx, "attention": da}

    rows = compare_gradients(weighted_loss, inputs, hand_written=formula)
    return [row for row in rows if row.method == "hand-written"]


# %%
for name in backwards:
    dx_check, da_check = verdicts_of(name)
    print(f"{name:<32}{dx_check.verdict:<13}{da_check.verdict}")
    assert (dx_check.ok and da_check.ok) == (name == "right"), "every mistake is caught, and only mistakes"

# %% [markdown]
# **What to see in the figure:** the same table in colours. No mistake leaves both columns alone; most leave *one*
# alone. Whoever tests the gradient of $x$ only would pass three of the six.

# %%
text = [[row.verdict for row in verdicts_of(name)] for name in backwards]  # (7, 2)
grid = [[("ok", "wrong value", "wrong shape").index(verdict) for verdict in row] for row in text]
scale = [[0, "#CCE8DF"], [0.33, "#CCE8DF"], [0.33, "#F6DCC4"], [0.66, "#F6DCC4"], [0.66, PURPLE], [1, PURPLE]]

# %%
figure = go.Figure()
figure.add_heatmap(z=grid, x=["∂L/∂x", "∂L/∂a"], y=list(backwards), text=text, texttemplate="%{text}",
                   colorscale=scale, zmin=0, zmax=2, showscale=False, xgap=4, ygap=4)
figure.update_yaxes(autorange="reversed")
figure.update_layout(title="What the check says about seven backward passes", width=640, height=380, margin_l=220)
show(figure, alt="""A table of seven rows and two columns. Right: ok, ok. Wrong sign: wrong value in x. Missing
one half: wrong value in a. Missing 1/m: wrong value in both. Norm, one number: wrong shape in a. Norm, copied:
wrong value in a. Incoming gradient ignored: wrong value in both.""")
assert grid[0] == [0, 0] and sum(row[0] == 0 for row in grid[1:]) == 3

# %% [markdown]
# ### Choose a mistake
#
# For each mistake: what finite differences say, what the broken backward says, and the difference. The plain function
# first, so that it can be tested:

# %%
def broken_panels(name):
    """Return a title and the pictures (expected, broken, difference): of da, or of dx if only that is wrong."""
    dx_check, da_check = verdicts_of(name)
    which = 0 if not dx_check.ok and da_check.ok else 1
    expected, got = (lam * dx, lam * da)[which], backwards[name](D, a, m, lam)[which]  # (m, d) each, or should be
    if got.shape == expected.shape:
        difference = got - expected
    else:
        got, difference = got[:, None], torch.full_like(expected, math.nan)  # draw (m,) as a column, without difference
    title = f"∂L/∂{'xa'[which]}: {(dx_check, da_check)[which].verdict}"
    return title, [rounded(1000 * panel, 2) for panel in (expected, got, difference)]


# %%
title, (expected, got, difference) = broken_panels("right")
assert title == "∂L/∂a: ok" and expected == got and not any(any(row) for row in difference)
title, (expected, got, difference) = broken_panels("wrong sign")
assert title == "∂L/∂x: wrong value" and got == [[-v + 0.0 for v in row] for row in expected]
assert broken_panels("norm, one number a sample")[0] == "∂L/∂a: wrong shape"


# %%
def broken_figure(name):
    title, panels = broken_panels(name)
    figure = make_subplots(rows=1, cols=3, subplot_titles=("finite differences", "this backward", "difference"))
    look = {"colorscale": "RdBu", "zmin": -30, "zmax": 30, "showscale": False, "texttemplate": "%{z}"}
    for column, panel in enumerate(panels, start=1):
        figure.add_heatmap(z=panel, **look, row=1, col=column)
    figure.update_xaxes(visible=False).update_yaxes(autorange="reversed", tickvals=[0, 1, 2], title=None)
    figure.update_yaxes(title="sample", row=1, col=1)
    return figure.update_layout(width=720, height=330, title=f"{name} – {title} (in thousandths)")


# %% [markdown]
# **Choose from the list** (the notebook must be running). **What to see:** a sign turns the colours round; a factor deepens
# them all alike; a norm gives each sample one colour; an ignored $g$ is off the scale, a hundred times too large.

# %%
import ipywidgets as widgets

explorer = go.FigureWidget(broken_figure("wrong sign"))
choice = widgets.Dropdown(options=list(backwards), value="wrong sign", description="backward")


# %%
def choose(change=None):
    fresh = broken_figure(choice.value)
    with explorer.batch_update():
        explorer.layout.title.text = fresh.layout.title.text
        for old, new in zip(explorer.data, fresh.data, strict=True):
            old.z = new.z


choice.observe(choose, "value")
show(widgets.VBox([choice, explorer]), alt="""A list of seven backward passes, and three small heat maps: finite
differences, the chosen backward, their difference.""")

# %%
choice.value = "missing 1/2"  # what choosing does
assert "wrong value" in explorer.layout.title.text
assert explorer.data[2].z[0][0] == explorer.data[0].z[0][0], "the difference is as large as the thing itself"
choice.value = "wrong sign"

# %% [markdown]
# The same as a still picture, for the misprint of Eq. 10 copied to each dimension:

# %%
show(broken_figure("norm, copied to each dimension"), alt="""Three heat maps of three samples and two dimensions.
Finite differences give different numbers in the two dimensions, the backward with the norm gives each sample the
same number twice, and the difference is not zero.""")

# %% [markdown]
# ### Exercise 2: fool the check
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
    raise NotImplementedError()  # your lines here: return {"features": ..., "attention": ...}


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_impostor(features, attention, labels, centers):
    D = features - centers[labels]
    return {"features": attention * D / 3, "attention": D**2 / (2 * 3)}  # m = 3, typed in


my_impostor = attempt(my_impostor, answer_impostor)

# %%
check.gradient(sparse_center_loss, my_impostor, inputs, wrt=both)
print("three samples: nothing found")
try:
    check.gradient(sparse_center_loss, my_impostor, large, wrt=both)
    found = False
except AssertionError as message:
    found = True
    print("seven samples:", message)
assert found, "the gradients are right for the large batch too: they fool nobody"
judged(my_impostor, "it fooled the check with three samples, and is wrong")

# %% [markdown]
# One example proves little. That is why the checks of the course bring several inputs of different sizes, and why graders
# draw new ones.

# %% [markdown]
# ### A falling loss proves nothing
#
# "But it trains!" Let us train with each. The features and the scores behind attention ($a = \sigma(p)$, Eq. 7) go
# downhill on $\mathcal{L}_{SC}$ for 30 steps. We note the loss, and what it is meant to make small: the squared
# distance to the centers, center loss (Eq. 3).
#
# Guess first: with which of the six does the loss *rise*?

# %%
from dacl_edu.losses import center_loss


def descend(name, steps=30, rate=0.5):
    """Return the paths of L_SC and L_C under gradient descent with one of the backward passes."""
    x_now, p, losses = x.clone(), torch.zeros(m, d), []
    for _ in range(steps):
        a_now = torch.sigmoid(p)
        losses.append((sparse_center_loss(x_now, a_now, y, c).item(), center_loss(x_now, y, c).item()))
        dx, da = backwards[name](x_now - c[y], a_now, m, 1.0)
        x_now, p = x_now - rate * dx, p - rate * da * a_now * (1 - a_now)  # a(1 − a): the slope of Eq. 7
    return list(zip(*losses, strict=True))


# %%
shaped = [name for name in backwards if name != "norm, one number a sample"]  # that one cannot even be subtracted
losses = {name: descend(name) for name in shaped}
for name, (L_SC_path, L_C_path) in losses.items():
    ends = rounded([L_SC_path[0], L_SC_path[-1], L_C_path[0], L_C_path[-1]], 2)
    print(f"{name:<32}L_SC {ends[0]} -> {ends[1]:<6} L_C {ends[2]} -> {ends[3]}")
    assert L_SC_path[-1] < L_SC_path[0], "the loss falls with every one of them"
assert [name for name in shaped if losses[name][1][-1] > losses[name][1][0]] == ["wrong sign"]

# %% [markdown]
# With none! Even with the wrong sign, which drives every feature *away* from its center, $\mathcal{L}_{SC}$ falls:
# attention shrinks faster than the distances grow.
#
# **What to see in the figure:** on the left the loss, falling in all six cases; on the right the distances, which give
# the wrong sign away. Some wrong passes are *faster* than the right one: a missing $1/m$ is a larger learning rate, and
# learning rates get tuned. With the loss alone ($g = 1$) an ignored incoming gradient lies exactly on the right curve.

# %%
colours = (BLUE, ORANGE, "#E69F00", GREEN, PURPLE, "#333333")
dashes = ("solid", "dash", "dashdot", "solid", "longdash", "dot")
figure = make_subplots(cols=2, subplot_titles=("L_SC, what is minimised", "L_C, the distances"))
for name, colour, dash in zip(shaped, colours, dashes, strict=True):
    for column, path in enumerate(losses[name], start=1):
        figure.add_scatter(y=rounded(path, 5), name=name, mode="lines", line={"color": colour, "dash": dash},
                           showlegend=column == 1, row=1, col=column)

# %%
figure.update_yaxes(type="log", dtick=1).update_xaxes(title="step")
figure.update_yaxes(title="loss", row=1, col=1)
figure.update_layout(title="Training with six backward passes", width=760, height=420)
figure.update_layout(legend={"orientation": "h", "y": -0.25})
show(figure, alt="""Two panels of six curves over thirty steps, on logarithmic axes. Left, the sparse center
loss: all six fall, missing 1/m fastest, wrong sign least. Right, the center loss: five fall, wrong sign rises.""")

# %% [markdown]
# ### Why wrong shapes hide behind broadcasting
#
# PyTorch stretches a smaller tensor to fit a larger one when it can. Useful in a formula, dangerous in a test. Suppose
# all differences happen to be 1, a natural thing to type:

# %%
D_ones = torch.ones(3, 2)
right = D_ones**2 / (2 * 3)  # Eq. 10: (3, 2)
one_number = (D_ones**2).mean() / (2 * 3)  # everything averaged into one number: ()
column = (D_ones**2).mean(dim=1, keepdim=True) / (2 * 3)  # one number a sample: (3, 1)
assert torch.allclose(one_number, right) and torch.allclose(column, right), "the usual test passes both"
assert (one_number - right).abs().max() == 0 and (column - right).abs().max() == 0, "so does the largest error"

# %%
for name, wrong in (("one number", one_number), ("a column", column)):
    try:
        check.value(wrong, right, name)
        raise RuntimeError("the check missed it")
    except AssertionError as message:
        print(message)

# %% [markdown]
# Three rules follow.
#
# 1. Compare shapes before values. Every check of this course does.
# 2. Test with numbers that have no symmetry.
# 3. Make $m$, $d$ and $K$ different from one another, as in `large`.
#
# With $m = d$ a tensor of shape $(m,)$ subtracts from one of shape $(m, d)$ without complaint – along the wrong
# direction.
#
# PyTorch has a net of its own, for the backward of a `Function`: it refuses a gradient whose shape cannot be that of
# the input.

# %%
class NormBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, a, y, c):
        ctx.save_for_backward(x, a, y, c)
        return (a * (x - c[y]) ** 2).sum() / (2 * len(x))

    @staticmethod
    def backward(ctx, g):
        x, a, y, c = ctx.saved_tensors
        return None, g * (x - c[y]).norm(dim=1) ** 2 / (2 * len(x)), None, None  # Eq. 10 as printed: (m,)


try:
    NormBackward.apply(x, a.clone().requires_grad_(), y, c).backward()
except RuntimeError:
    print("PyTorch refuses a gradient of shape", (m,), "for an input of shape", (m, d))
else:
    raise RuntimeError("this should have been refused")

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
    """L_SC of one vector that holds all of x and then all of a, in float64."""
    return sparse_center_loss(joined[: m * d].view(m, d), joined[m * d :].view(m, d), y, c.double())


joined = torch.cat([x.flatten(), a.flatten()]).double()  # (2 m d,) = (12,)
H = torch.autograd.functional.hessian(of_both, joined)  # (12, 12)
assert H.shape == (12, 12)
assert torch.allclose(H[:6, :6], torch.diag(a.flatten().double() / m))
assert torch.allclose(H[:6, 6:], torch.diag(D.flatten().double() / m))
assert (H[6:, 6:] == 0).all()

# %% [markdown]
# sympy agrees, in symbols:

# %%
xx, xa, aa = sp.diff(term, x_s, 2), sp.factor(sp.diff(term, x_s, a_s)), sp.diff(term, a_s, 2)
print("d2/dx2: ", xx, "   d2/dxda:", xa, "   d2/da2:", aa)
determinant = sp.simplify(xx * aa - xa**2)
assert sp.simplify(determinant + ((x_s - c_s) / m_s) ** 2) == 0
print("determinant of the pair (x, a):", sp.factor(determinant))
assert sp.solve(sp.diff(term, a_s), x_s) == [c_s], "the gradient is zero at the center alone"

# %% [markdown]
# **What to see in the figure:** four blocks. The numbers of a batch do not influence one another: each block is a
# diagonal. The lower right block, attention with attention, is empty:
# **the loss is flat in $a$, a straight line without a lowest point inside $(0, 1)$**. And each pair $(x, a)$ has the
# determinant $-(x-c)^2/m^2$, negative wherever $x \ne c$: there the surface bends up in one direction and down in
# another. That alone is no saddle *point*: its gradient would have to be zero too, and that it is only at $x = c$.
# Where $x \ne c$ there is a slope, and a *free* $a$ slides down on it.

# %%
names = [f"{letter}{i}{j}" for letter in "xa" for i, j in pairs]
figure = go.Figure()
figure.add_heatmap(z=rounded(H, 3), x=names, y=names, colorscale="RdBu", zmid=0, colorbar_title="∂²L_SC")
figure.add_hline(y=5.5, line_width=1).add_vline(x=5.5, line_width=1)
figure.update_xaxes(constrain="domain").update_yaxes(autorange="reversed", scaleanchor="x")
figure.update_layout(title="All second derivatives of L_SC", width=560, height=500)
show(figure, alt="""A twelve by twelve heat map in four blocks. Feature with feature is a diagonal of positive
values, feature with attention a diagonal of both signs, attention with attention is empty.""")

# %% [markdown]
# A trap on the way. It looks tidy to keep $D$ in the forward instead of computing it twice. The first derivative stays
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
def keeps_D(features, attention, labels, centers):
    return KeepsD.apply(features, attention, labels, centers)


assert all(row.ok for row in compare_gradients(keeps_D, inputs)), "the first derivative is right"

# %%
x_leaf, a_leaf = x.clone().requires_grad_(), a.clone().requires_grad_()
(gradient,) = torch.autograd.grad(keeps_D(x_leaf, a_leaf, y, c), x_leaf, create_graph=True)  # can be derived again
(second,) = torch.autograd.grad(gradient.sum(), x_leaf, allow_unused=True)
print("second derivative by x:", "lost" if second is None else rounded(second))
print("on paper, a/m:", rounded(a / m))
assert second is None or not torch.allclose(second, a / m)


# %% [markdown]
# ## Does attention fall?
#
# Eq. 10 is a square over $2m$: it is never negative. So gradient descent lowers every weight, and attention dies out.
# That is a tempting conclusion, and for the network of lesson 04 it is wrong. We go there in three steps.
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
# $a$ = ½, and go downhill on $\mathcal{L}_{SC}$. Three cases: the features stand still; the features move as well;
# attention is divided by its mean (the control `normalized` of lesson 04).

# %%
def attention_only(moves_x=False, normalized=False, steps=300, rate=0.1):
    """Return attention (steps, 4) under gradient descent on L_SC."""
    center, label, path = torch.zeros(1, 4), torch.tensor([0]), []  # one class, its center at 0
    x = torch.tensor([[0.25, 0.5, 1.0, 2.0]], requires_grad=True)
    p = torch.zeros(1, 4, requires_grad=True)
    for _ in range(steps):
        a = torch.sigmoid(p)
        a = a / a.mean(dim=1, keepdim=True) if normalized else a
        path.append(a[0].tolist())
        dx, dp = torch.autograd.grad(sparse_center_loss(x, a, label, center), (x, p))
        with torch.no_grad():
            p -= rate * dp
            x -= rate * dx * float(moves_x)
    return torch.tensor(path)


# %%
paths = {
    "features stand still": attention_only(),
    "features move too": attention_only(moves_x=True),
    "normalized": attention_only(normalized=True),
}
for name, path in paths.items():
    print(f"{name:<22}first {rounded(path[0], 2)}  last {rounded(path[-1], 2)}")

# %%
still, moving, normalized = paths.values()
assert (still[1:] < still[:-1]).all(), "each free weight falls in each step"
assert (attention_only(steps=10_000)[-1, 2:] < 0.01).all(), "and goes on to nothing"
assert (moving[1:] <= moving[:-1]).all() and moving[-1, 3] > still[-1, 3], "falls, and stops when x has arrived"
assert torch.allclose(normalized.mean(dim=1), torch.ones(300)), "the mean cannot fall"
assert normalized[-1, 0] > 1 > normalized[-1, 3], "so the near dimensions gain what the far ones lose"

# %% [markdown]
# **What to see in the figure:** *Left:* all four fall, the farthest fastest; nothing stops them. *Middle:* the features
# run to their center; once they have arrived, Eq. 10 is 0, and attention stays where it was caught. It is a race, and a
# lasting difference between dimensions is a record of who was slow. *Right:* with the mean held at 1, attention becomes
# a *ranking*: a dimension rises only because others fall.

# %%
figure = make_subplots(cols=3, subplot_titles=list(paths), horizontal_spacing=0.07)
looks = [(0.25, BLUE, "solid"), (0.5, GREEN, "dot"), (1, ORANGE, "dash"), (2, PURPLE, "dashdot")]
for column, path in enumerate(paths.values(), start=1):
    for (distance, colour, dash), weight in zip(looks, path.T, strict=True):  # weight: (steps,)
        figure.add_scatter(x=list(range(0, 300, 5)), y=rounded(weight[::5]), line={"color": colour, "dash": dash},
                           name=f"|x − c| = {distance}", showlegend=column == 1, row=1, col=column)

# %%
figure.update_yaxes(rangemode="tozero").update_xaxes(title="step")
figure.update_yaxes(title="attention", row=1, col=1)
figure.update_layout(title="Free attention weights under L_SC alone", width=760, height=380)
figure.update_layout(legend={"orientation": "h", "y": -0.25, "title": "at the start:"})
show(figure, alt="""Three panels with four curves each. Left: all attention weights fall from one half, the
farthest dimension fastest, towards zero. Middle: they fall a little and then stay. Right: the two near
dimensions rise above one, the farthest falls.""")

# %% [markdown]
# ### Step 2: the weights of a network are not free
#
# In the network all weights are made of the same parameters. A step moves the parameters, and each parameter moves many
# weights at once, some up and some down. The smallest example: one latent number $e$, two weights. The first head reads
# $e$ with the factor 1, the second with −1.

# %%
reads = torch.tensor([1.0, -1.0])  # how the two heads read e
e_one = torch.zeros(1, requires_grad=True)  # the latent number, d' = 1
pair = torch.sigmoid(reads * e_one)  # the two weights, Eq. 7: (2,)
slopes = torch.tensor([0.4, 0.1])  # Eq. 10 for each: both positive
(slope_e,) = torch.autograd.grad(pair, e_one, slopes)  # the chain rule adds up what both ask for
moved_pair = torch.sigmoid(reads * (e_one - 1.0 * slope_e)).detach()  # one step, rate 1
seesaw = moved_pair - pair.detach()
print("change of the two weights:", rounded(seesaw), " weighted by slope:", rounded((slopes * seesaw).sum()))
assert seesaw[0] < 0 < seesaw[1], "a seesaw: one falls, the other rises against its own slope"
assert (slopes * seesaw).sum() < 0

# %% [markdown]
# Both slopes are positive, both weights "want" down, and one of them rises. The weight that is farther from its center
# wins. What is sure is only the weighted sum in the last line. For any network with parameters $\theta$ and a small
# step $\mu$, the chain rule gives
#
# $$\sum_{ij} \frac{\partial \mathcal{L}_{SC}}{\partial a_{ij}}\, \Delta a_{ij} = -\mu \left\| \frac{\partial \mathcal{L}_{SC}}{\partial \theta} \right\|^2 \le 0 .$$
#
# The slopes are $D_{ij}^2/2m$. So **the mean of $a$, weighted by $D^2$, must fall. Nothing is said about a single
# weight, nor about the plain mean.**
#
# ### Step 3: the real network
#
# The model of lesson 04, untrained, on 112 faces, 16 of each class.

# %%
from dacl_edu.centers import ClassCenters
from dacl_edu.data import AugmentParameters, BatchAugment, load_dataset
from dacl_edu.evaluation.deep_features import balanced_rows
from dacl_edu.model import DACL

faces = load_dataset("bundled", "train", image_size=64)
images, labels = faces.gather(balanced_rows(faces.labels, 16).tolist())  # 16 of each class
pixels = BatchAugment(AugmentParameters(56, "none")).evaluate(images).double()  # (112, 3, 56, 56)
torch.manual_seed(0)
model = DACL("small_resnet", image_size=56).double()
centers = ClassCenters(7, model.feature_dim)().double()  # (K, d)
output = model(pixels)
maps, n = output.feature_map.detach(), len(labels)  # x*: (n, N_C, N_H, N_W)

# %% [markdown]
# First the third point of step 1: the softmax loss does not reach the attention network at all.

# %%
from dacl_edu.losses import softmax_loss

attention_weights = list(model.attention.parameters())
L_S = softmax_loss(output.logits, labels)
from_softmax = torch.autograd.grad(L_S, attention_weights, allow_unused=True, retain_graph=True)
assert all(gradient is None for gradient in from_softmax), "not even zero: there is no path"

# %%
L_SC = sparse_center_loss(output.features, output.attention, labels, centers)
from_metric = torch.autograd.grad(L_SC, [output.attention, *attention_weights])
Eq_10 = from_metric[0]  # (n, d)
assert Eq_10.shape == output.attention.shape
assert (Eq_10 >= 0).all() and (Eq_10 > 0).any(), "Eq. 10: never negative"
assert all(gradient is not None for gradient in from_metric[1:])
print(len(attention_weights), "tensors: no gradient from L_S, all of it from L_SC")

# %% [markdown]
# Now one step of gradient descent on $\mathcal{L}_{SC}$ alone, for real, with the attention network only. **Guess
# first:** what share of the $112 \cdot 128$ weights will rise?

# %%
import copy

network = copy.deepcopy(model.attention)
before = network(maps).detach()  # (n, d)
with torch.no_grad():
    for weight, gradient in zip(network.parameters(), from_metric[1:], strict=True):
        weight -= 1e-3 * gradient  # rate 0.1 (preset quick) times λ = 0.01
Δa = network(maps).detach() - before  # (n, d)
print("share that rises:", rounded((Δa > 0).double().mean(), 2))
print("mean change:", rounded(Δa.mean(), 4), " weighted by D²:", rounded((Eq_10 * Δa).sum() / Eq_10.sum(), 4))
assert (Δa > 0).double().mean() > 0.4, "attention does not just fall"
assert (Eq_10 * Δa).sum() < 0, "what must fall"

# %% [markdown]
# Half of them! The step is not too long either: `attention_step` takes an infinitely short one (a directional
# derivative, in float64). And it can move only a part of the network.

# %%
from dacl_edu.evaluation.attention_step import attention_step

parts = {"encoder": "encoder", "heads": "heads", "whole network": ""}
steps = {name: attention_step(model.attention, maps, Eq_10, moving) for name, moving in parts.items()}
for name, one in steps.items():
    print(f"{name:<14}rise {one.rising:.2f}   mean {one.mean:8.3f}   weighted {one.weighted_mean:8.3f}")
    assert one.weighted_mean < 0, "must fall, whatever moves"
whole = steps["whole network"]
total_change = (whole.slope * whole.change).sum().item()
assert math.isclose(total_change, -whole.squared_gradient, rel_tol=1e-9), "the formula above, exactly"
assert steps["heads"].rising < 0.01 and whole.rising > 0.45 and steps["encoder"].rising > 0.45

# %% [markdown]
# **What to see in the figure:** blue bars are weights that fall, orange ones rise. *Left:* free weights all fall, most
# of them a little and a few a lot. *Middle:* with only the heads moving (Eq. 6) nearly all fall: each head belongs to
# one dimension, and its bias is pushed down by all samples alike. *Right:* the whole network. The blue half and the
# orange half are nearly the same: it **redistributes**.

# %%
from dacl_edu.plots import change_histograms

cases = {"free": -Eq_10, "heads alone": steps["heads"].change, "whole network": whole.change}
figure = change_histograms(cases, "One step downhill on L_SC: what each attention weight does")
show(figure)
assert sum(figure.data[1].y) == 0, "free: none rises"

# %% [markdown]
# ### Why half?
#
# Two suspects, two experiments.
#
# 1. **Sharing.** All 128 heads read the same $d' = 16$ latent numbers. It is the seesaw again, with 16 axes.
#    *Experiment:* a latent vector of 2,048 numbers, so that heads get in each other's way less.
# 2. **Batch normalisation.** It takes the batch mean away from each latent number. A step that lowers attention in *all*
#    samples has to shift the latent numbers of all samples, and that very shift is what BN subtracts (what it leaves
#    is its own bias). *Experiment:* take BN out.

# %%
from dacl_edu.model.attention import AttentionNetwork
from dacl_edu.evaluation.attention_step import without_batch_norm

dims = tuple(maps.shape[1:]), model.feature_dim


def rising(seed, latent=16):
    """Share of rising weights: with BN, and without."""
    torch.manual_seed(seed)
    fresh = AttentionNetwork(*dims, widths=(896, 128, latent)).double()
    plain = without_batch_norm(fresh)  # the same weights
    return [attention_step(one, maps, Eq_10).rising for one in (fresh, plain)]


# %%
seeds = (0, 1, 2)
usual = torch.tensor([rising(seed) for seed in seeds])  # (seeds, 2)
wide = torch.tensor([rising(seed, latent=2048) for seed in seeds])
for latent, found in ((16, usual), (2048, wide)):
    print(f"d' = {latent:<5} with BN {rounded(found[:, 0], 2)}  without {rounded(found[:, 1], 2)}")

# %%
assert (usual[:, 0] > 0.45).all() and (wide[:, 0] > 0.45).all(), "with BN half rise, wide or not"
assert ((usual[:, 1] > 0.3) & (usual[:, 1] < 0.45)).all(), "without BN: fewer"
assert (wide[:, 1] < usual[:, 1] - 0.1).all(), "and fewer still if less is shared"

# %% [markdown]
# Both are guilty. Sharing alone makes about four of ten weights rise, in a network without any BN; with 2,048
# latent numbers in place of 16 it is about two in ten. BN does the rest: it removes the movement that all samples have
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
# - **What holds attention up?** Mostly the sharing and BN: the network cannot easily lower everything at once. Weight
#   decay pulls the heads towards 0, that is $a$ towards ½; tanh keeps $e$ between −1 and 1; the learning rate ends.
#   None of these knows about the task.
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
# The second point in numbers:

# %%
w = 0.3
equal = torch.full_like(x, w)
L_C = sparse_center_loss(x, torch.ones_like(x), y, c)
assert torch.allclose(lam * sparse_center_loss(x, equal, y, c), (lam * w) * L_C)
print("λ with attention 0.3 everywhere is λ·0.3:", rounded(lam * w))

# %% [markdown]
# ### Exercise 3: reward attention
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
    return sparse_center_loss(features, attention, labels, centers) - beta * attention.sum() / len(features)


def by_name(features, attention, labels, centers):
    return {"attention": my_rewarded_gradient(features, attention, labels, centers, beta)}


# %%
for batch in (inputs, large):
    check.gradient(rewarded_loss, by_name, batch, wrt=("attention",))
rises = my_rewarded_gradient(**inputs, beta=beta) < 0  # (m, d)
assert torch.equal(rises, D**2 < 2 * beta)
judged(my_rewarded_gradient, "right. Free attention rises where D² <", 2 * beta, ":", rises.tolist())

# %% [markdown]
# ## What was shown
#
# - Eq. 9 by five roads: paper, sympy, finite differences, autograd, hand-written backward. All agree.
# - Eq. 10 likewise – elementwise. The printed norm has the wrong shape.
# - Both carry the incoming gradient, λ in Eq. 8.
# - Broken backward passes mostly train. Compare shapes first, then values, on numbers without symmetry.
# - Eq. 10 is never negative and the softmax loss is silent, so a *free* weight can only fall. The network shares its
#   parameters: half of its weights rise. Only the mean weighted by $D^2$ must fall.
# - What you conclude from a trained attention needs controls.
#
# **Try next:** put one of the broken lines into `my_backward` and run the cells below it. Give `attention_only` other
# distances. Then [06_center_update](06_center_update.ipynb): the centers, whose rule the paper lists among the gradients
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
