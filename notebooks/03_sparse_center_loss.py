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
# # Sparse center loss: a weight for each dimension
#
# ![The network with features, attention, centers and their loss marked.](drawings/network_weights.svg)
#
# **The question.** Center loss presses hardest where faces of a class differ most: pose, light, who it is. Could a *weight for each dimension* let these alone? And if all weights
# are small, has anything been selected?
#
# **After this notebook you can** compute Eq. 4 with pencil and paper, say exactly when it is Eq. 3 and when only a multiple of it, draw what weights do to
# distances in two dimensions, and name the flaw that lesson 05 takes up.
#
# **Minutes:** 40. **Builds on:** [02_center_loss](02_center_loss.ipynb): center loss pulls every dimension alike.
#
# **The equation.** Not every dimension of a feature has to do with the expression. The paper gives each dimension $j$ of each sample $i$ a weight
# $a_{ij}$, its **attention**:
#
# $$\mathcal{L}_{SC} = \frac{1}{2m}\sum_{i=1}^{m}\sum_{j=1}^{d} a_{ij}\,(x_{ij}-c_{y_i j})^2, \qquad 0 < a_{ij} \le 1 \tag{Eq. 4}$$
#
# | symbol | what it is | shape |
# |---|---|---|
# | $x$ | deep features, one row a sample | $(m, d)$ |
# | $a$ | attention: one weight for each number of $x$ | $(m, d)$ |
# | $y$ | the class of each sample, from 0 to $K-1$ | $(m)$ |
# | $c$ | the centers, one row a class | $(K, d)$ |
#
# Where does $a$ come from? A second network looks at the face and computes it, Eq. 5 to 7. That is lesson 04. Here we type it by hand, to learn what it does.
# The paper prints $a_{ij} \odot \lVert\cdot\rVert_2^2$; for single numbers $\odot$ is a plain product and the norm a square
# ([the list of misprints](../docs/errata.md)).

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
from dacl_edu.check.exercise import attempt, judged
from dacl_edu.lessons.display import rounded, setup, show

setup(seed=0)  # fixes the random numbers

# %% [markdown]
# ## A batch that fits on the page
#
# Two samples, three dimensions, two classes.

# %%
x = torch.tensor([[2.0, 1.0, 4.0],  # class 1
                  [0.0, 3.0, -2.0]])  # class 0; x is (m, d) = (2, 3)
a = torch.tensor([[1.0, 0.5, 0.25],  # sample 0: the third dimension hardly counts
                  [0.5, 1.0, 0.25]])  # a is (m, d), like x
y = torch.tensor([1, 0])  # (m,)

# %%
c = torch.tensor([[0.0, 1.0, 0.0],  # the center of class 0
                  [1.0, 1.0, 0.0]])  # the center of class 1; c is (K, d) = (2, 3)
m, d = x.shape

# %% [markdown]
# ## Eq. 4, three times
#
# Long-hand: Eq. 3 with one factor more.

# %% tags=["eq-4"]
L_loop = torch.tensor(0.0)
for i in range(m):
    for j in range(d):
        L_loop += a[i, j] * (x[i, j] - c[y[i], j]) ** 2
L_loop = L_loop / (2 * m)
print(rounded(L_loop))

# %% [markdown]
# One line, and the function of the package:

# %%
from dacl_edu.losses import center_loss, sparse_center_loss

L_one_line = (a * (x - c[y]) ** 2).sum() / (2 * m)  # every factor is (m, d)
L_SC = sparse_center_loss(x, a, y, c)
assert L_loop == L_one_line == L_SC

# %% [markdown]
# On paper: the squares are (1, 0, 16) and (0, 4, 4). Center loss adds them up, 25 / 4. Attention takes a quarter of the 16 and of the last 4:
#
# ![Number by number: attention times squared difference; all six add up to 10, and divided by 2m = 4 that is Eq. 4.](drawings/product.svg)

# %%
L_C = center_loss(x, y, c)
print("center loss", rounded(L_C), " sparse center loss", rounded(L_SC))

# %% [markdown]
# ### Exercise 1: sparse center loss
#
# *easy · 5 minutes*
#
# Write `my_sparse_center_loss(x, a, y, c)` from memory.
#
# <details><summary>Hint 1</summary>Which three factors does each term of the sum have? All are (m, d).</details>
# <details><summary>Hint 2</summary><code>c[y]</code> gives each sample its own center.</details>
# <details><summary>Hint 3</summary>The weight multiplies the square of one dimension, before anything is summed.</details>
#
# Until your function is written, the page goes on with the folded answer below it, and the check says so.

# %%
def my_sparse_center_loss(x, a, y, c):
    raise NotImplementedError()  # your line here

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_sparse_center_loss(x, a, y, c):
    return (a * (x - c[y]).square()).sum() / (2 * len(x))


my_sparse_center_loss = attempt(my_sparse_center_loss, answer_sparse_center_loss)

# %%
check.shape(my_sparse_center_loss(x, a, y, c), (), "the loss")
check.value(my_sparse_center_loss(x, a, y, c), torch.tensor(2.5), "the loss")
y_5 = torch.tensor([2, 0, 2, 1, 2])
other = torch.randn(5, 4), torch.rand(5, 4), y_5, torch.randn(3, 4)  # another batch
check.value(
    my_sparse_center_loss(*other),
    sparse_center_loss(*other),
    "the loss of another batch",
)
judged(my_sparse_center_loss, "the loss is right")

# %% [markdown]
# Two wrong ones. The first reads the bars as the norm of the whole vector, so every weight multiplies the same number. The second weighs before it
# squares.

# %%
def reads_the_norm(x, a, y, c):
    return (a * (x - c[y]).square().sum(dim=1, keepdim=True)).sum() / (2 * len(x))


def weighs_too_early(x, a, y, c):
    return (a * (x - c[y])).square().sum() / (2 * len(x))


for wrong in (reads_the_norm, weighs_too_early):
    try:
        check.value(wrong(x, a, y, c), L_SC, "the loss")
        raise RuntimeError("the check missed it")
    except AssertionError as message:
        print(f"{wrong.__name__}: {message}")

# %% [markdown]
# The check can only say how far off they are. It names a factor where that is a usual one, a forgotten ½ or $m$; but *any* wrong number is
# some factor of the right one. A loss is a single number and a poor witness; its gradient has $m \cdot d$ numbers and says more (lesson 05).
#
# ## When is it Eq. 3?
#
# Below Eq. 4 the paper says that it "reduces to the standard center loss in Eq. 3 if $a_{i1} = \dots = a_{id}$". With ones that is exact, bit by bit:

# %%
ones = torch.ones(m, d)
assert sparse_center_loss(x, ones, y, c) == center_loss(x, y, c)

# %% [markdown]
# With any other equal weight $w$ it is $w$ times Eq. 3. In the whole loss $\mathcal{L}_S + \lambda \mathcal{L}_{SC}$ (Eq. 8) a factor $w$ cannot be told from a smaller
# λ: $\lambda \cdot w \mathcal{L}_C = (\lambda w) \cdot \mathcal{L}_C$. So the sentence of the paper needs "all equal *to one*":

# %%
for w in (1.0, 0.5, 0.1):
    L_equal = sparse_center_loss(x, w * ones, y, c)
    assert torch.allclose(L_equal, w * L_C)
    print("all weights", w, " loss", rounded(L_equal), " =", w, "times", rounded(L_C))

# %% [markdown]
# And if the weights are equal within each sample, but differ between samples? Then it is no multiple of Eq. 3 at all: some samples count more than others.

# %%
by_sample = torch.tensor([[1.0], [0.1]]).expand(m, d)  # equal along each row
L_by_sample, mean = sparse_center_loss(x, by_sample, y, c), by_sample.mean()
print(rounded(L_by_sample), "is not", rounded(mean), "times", rounded(L_C))

# %% [markdown]
# Keep this in mind for lesson 12: an attention of 0.5 everywhere is *not* attention. It is half the λ.
#
# ## Two dimensions: circles become ellipses
#
# Take one sample ($m = 1$) and ask: which positions of $x$ cost the same? For center loss $(x_1-c_1)^2 + (x_2-c_2)^2 = r^2$, a circle. With weights
#
# $$a_1(x_1-c_1)^2 + a_2(x_2-c_2)^2 = r^2,$$
#
# an ellipse around the center. How far does it reach along each axis?
#
# ### Exercise 2: the half-axes
#
# *medium · 5 minutes*
#
# Write `my_half_axes(a, r)`: for weights $a$ of shape $(d)$ it returns the $d$ distances from the center to the ellipse along each axis.
#
# <details><summary>Hint 1</summary>On axis 1, x<sub>2</sub> = c<sub>2</sub>: the second term is 0.</details>
# <details><summary>Hint 2</summary>What remains is a<sub>1</sub> (x<sub>1</sub> − c<sub>1</sub>)² = r². Solve for the distance.</details>
# <details><summary>Hint 3</summary>The weight stands under a square root.</details>

# %%
def my_half_axes(a, r):
    raise NotImplementedError()  # your line here

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_half_axes(a, r):
    return r / a.sqrt()


my_half_axes = attempt(my_half_axes, answer_half_axes)

# %%
a_two, wanted = torch.tensor([1.0, 0.25]), torch.tensor([3.0, 6.0])
check.shape(my_half_axes(a_two, 3.0), (2,), "your answer")
check.value(my_half_axes(a_two, 3.0), wanted, "your answer")
judged(my_half_axes, "the half-axes are right")

# %% [markdown]
# A quarter of the weight makes the ellipse twice as long. `level_set` walks around it.

# %%
angle = torch.linspace(0, 2 * torch.pi, 121)  # (121,)
circle = torch.stack([angle.cos(), angle.sin()], dim=1)  # (121, 2)


def level_set(a, r):
    return circle * my_half_axes(a, r)  # (121, 2) * (2,) -> (121, 2)

# %%
a_2d, origin, label = torch.tensor([[1.0, 0.25]]), torch.zeros(1, 2), torch.tensor([0])
walk = level_set(a_2d[0], 1.0)  # (121, 2)
costs = [sparse_center_loss(point[None], a_2d, label, origin) for point in walk]
assert torch.allclose(torch.stack(costs), torch.full((121,), 0.5)), "r² / 2 everywhere"

# %% [markdown]
# **What to see:** all three curves cost the same. The less dimension 2 counts, the farther a sample may stray along it for the same price.

# %%
from dacl_edu.plots import lines

curves = {}
for a_2 in (1.0, 0.25, 0.04):
    walk = level_set(torch.tensor([1.0, a_2]), 1.0)
    curves[f"a = (1, {a_2:g})"] = (walk[:, 0], walk[:, 1])
show(
    lines(
        curves,
        "Positions of equal loss",
        """Three closed curves around a center: a circle of radius 1 for weights (1,
1), an ellipse twice as high as wide for (1, 0.25), and one five times as
high as wide for (1, 0.04).""",
        x="x₁",
        y="x₂",
        dots={"c": (0.0, 0.0)},
        yaxis_scaleanchor="x",
        height=460,
    )
)

# %% [markdown]
# ## The pull no longer points to the center
#
# Which way does Eq. 4 pull a sample? Each term $\frac{1}{2m} a_{ij}(x_{ij}-c)^2$ has the slope $\frac1m a_{ij}(x_{ij}-c)$ in $x_{ij}$, as in lesson 02 with one factor more:
#
# $$\frac{\partial \mathcal{L}_{SC}}{\partial x_i} = \frac1m\, a_i \odot (x_i - c_{y_i})$$
#
# This is Eq. 9 of the paper; lesson 05 checks it in five ways. Weights shorten the components of the pull one by one, so it changes its
# direction. `pull_at` is all that the explorer below does: the ellipse through the sample, and where one step against the gradient leads ($m = 1$,
# step size 1).

# %%
x_i = torch.tensor([2.0, 1.5])  # one sample; its center is at 0


def pull_at(a_1, a_2):
    a_i = torch.tensor([a_1, a_2])  # (d,)
    r = (a_i * x_i**2).sum().sqrt()  # the ellipse that passes through x_i
    return level_set(a_i, r), x_i - a_i * x_i  # (121, 2) and (2,)

# %%
leaf = x_i[None].clone().requires_grad_()
loss = sparse_center_loss(leaf, torch.tensor([[0.5, 0.25]]), label, origin)
(slope,) = torch.autograd.grad(loss, leaf)
assert torch.allclose(x_i - slope[0], pull_at(0.5, 0.25)[1]), "the package agrees"

# %% [markdown]
# **Move the sliders.** It opens at $a = (1, 0.25)$: the ellipse passes through the sample at (2, 1.5), and the step leaves it at a right angle, inwards. Along the ellipse
# nothing changes, so the loss falls fastest straight across. **Task:** set both weights to 1, where the step ends in the center. Lower $a_2$: the arrow turns flat. Then lower
# $a_1$ to the same value: the curve is a circle again and the step points to the center again, but it is *short*. That is the smaller λ.

# %%
from dacl_edu.widgets.explore import explore


def pull(a_1, a_2):
    curve, goal = pull_at(a_1, a_2)
    step = torch.stack([x_i, goal])  # (2, 2)
    drawn = {
        "equal loss": (curve[:, 0], curve[:, 1]),
        "one step": (step[:, 0], step[:, 1]),
    }
    figure = lines(
        drawn,
        f"a = ({a_1:g}, {a_2:g})",
        "An ellipse, a step, two points.",
        x="x₁",
        y="x₂",
        dots={"sample": (2.0, 1.5), "center": (0.0, 0.0)},
    )
    return figure.update_xaxes(range=[-6, 6]).update_yaxes(range=[-4, 4])

# %%
show(
    explore(pull, a_1=(1.0, 0.02, 1.0, 0.02), a_2=(0.25, 0.02, 1.0, 0.02)),
    alt="""Two sliders for the weights above the ellipse of equal loss through the
sample at (2, 1.5) and the step of the gradient, which leads mostly left and
not to the center.""",
)

# %% [markdown]
# With $d = 3$ a ball becomes a cigar, with 512 something that nobody can picture; the formula is the same. And if all samples share one row of weights, Eq. 4 is simply Eq. 3 in a space
# whose axes are stretched by $\sqrt{a_j}$:

# %%
shared = torch.tensor([1.0, 0.25, 0.04])  # (d,)
L_stretched = center_loss(shared.sqrt() * x, y, shared.sqrt() * c)
assert torch.allclose(L_stretched, sparse_center_loss(x, shared.expand(m, d), y, c))

# %% [markdown]
# ## A dimension that is only noise
#
# Now a feature with one dimension that tells two classes apart and one that has nothing to do with them, like the turn of the head. The second varies
# four times as much.

# %%
generator = torch.Generator().manual_seed(0)
y_toy = torch.arange(2).repeat_interleave(80)  # (160,)
# (K, d): the classes differ in dimension 1 only
c_toy = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
x_toy = c_toy[y_toy] + torch.randn(160, 2, generator=generator) * torch.tensor(
    [0.7, 2.8]
)  # (160, 2)
a_good = torch.tensor([1.0, 0.01]).expand(160, 2)  # we know which one is noise

# %% [markdown]
# Which dimension does each loss complain about?

# %%
square = (x_toy - c_toy[y_toy]) ** 2  # (160, 2)
share_plain = square.sum(dim=0) / square.sum()
share_sparse = (a_good * square).sum(dim=0) / (a_good * square).sum()
print("share of dimension 1 and of dimension 2 (noise)")
print("center loss       ", rounded(share_plain, 2))
print("sparse center loss", rounded(share_sparse, 2))

# %% [markdown]
# Nearly all of center loss is about noise. To see what follows, let both losses move the samples, with the *same allowance*: each step moves them by 0.02
# on average (root mean square), 25 steps, so neither can win just by pulling harder. (In training the learning rate limits a step in a similar way.)

# %%
def move(a, steps=25, allowance=0.02):
    x_t = x_toy.clone()
    for _ in range(steps):
        direction = a * (x_t - c_toy[y_toy])  # (160, 2): Eq. 9 without its 1/m
        x_t = x_t - allowance * direction / direction.square().sum(dim=1).mean().sqrt()
    return x_t


moved = {"at first": x_toy, "center loss": move(torch.ones(160, 2))}
moved["sparse center loss"] = move(a_good)

# %%
for name, x_t in moved.items():
    spread = (x_t - c_toy[y_toy]).square().mean(dim=0).sqrt()  # (2,)
    wrong_side = ((x_t[:, 0] > 0).long() != y_toy).double().mean()
    print(f"{name:<19} spread {rounded(spread, 2)}, on the wrong side {wrong_side:.3f}")

# %% [markdown]
# **What to see:** center loss spends its allowance on the vertical direction, where most of the distance is, and the classes still overlap. Sparse center
# loss leaves the noise alone and draws each class to an upright band.

# %%
from dacl_edu.plots import points

show(
    points(
        moved,
        y_toy,
        "The same allowance, spent by two losses",
        """Three scatter plots of two classes. At first the classes overlap. After
center loss they are a little less high and still overlap. After sparse
center loss they are two upright bands with a gap.""",
        axes=("x₁ (class)", "x₂ (noise)"),
    )
)

# %% [markdown]
# What this shows: *if* attention knows which dimension is noise, Eq. 4 spends its force where it helps. What it does not show: that a network finds such an
# attention. We typed it by hand. Whether the learnt one does better than ones, or than a smaller λ, is the question of lessons 07 to 13.
#
# ## Attention 0
#
# With $a_{ij} = 0$ dimension $j$ of sample $i$ costs nothing and feels nothing: it may be anywhere.

# %%
a_zero = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
leaf = torch.tensor([[0.5, 3.0], [2.0, -7.0]], requires_grad=True)
loss = sparse_center_loss(leaf, a_zero, torch.tensor([0, 0]), torch.zeros(1, 2))
print("the pull:", rounded(torch.autograd.grad(loss, leaf)[0]))

# %% [markdown]
# The paper demands $0 < a_{ij}$, and its attention (Eq. 7) is never exactly 0 on paper. So, strictly, "sparse" is a hope: weights may become small, none is
# asked to be zero. The ellipse then becomes a very long one; with 0 it would be a pair of parallel lines.
#
# ## A flaw, to be continued
#
# Attention will be learnt, by the same loss. Look at Eq. 4 once more, now with $x$ and $c$ fixed and each $a_{ij}$ free. Each term is a weight times something that
# is never negative. What would you do with the weights to make the sum small?

# %%
s = torch.zeros(160, 2, requires_grad=True)  # raw scores of attention
curve = []
for step in range(201):
    a_learnt = torch.sigmoid(s)  # in (0, 1), like Eq. 7
    L_learnt = sparse_center_loss(x_toy, a_learnt, y_toy, c_toy)
    curve.append((a_learnt.mean().item(), L_learnt.item()))
    (slope,) = torch.autograd.grad(L_learnt, s)
    assert (slope >= 0).all(), "a free weight can only fall"
    s = (s - 100.0 * slope).detach().requires_grad_()

# %%
L_plain = center_loss(x_toy, y_toy, c_toy)
print("mean attention", rounded(curve[0][0], 3), "->", rounded(curve[-1][0], 3))
print("sparse center loss", rounded(curve[0][1], 3), "->", rounded(curve[-1][1], 3))
print("center loss, all the while", rounded(L_plain, 3))

# %% [markdown]
# **What to see:** the loss goes down beautifully, and *no sample has moved*. Attention has simply been switched off.

# %%
attention, losses = zip(*curve, strict=True)
drawn = {
    "mean attention": attention,
    "sparse center loss": losses,
    "center loss": [L_plain.item()] * len(curve),
}
show(
    lines(
        drawn,
        "Only attention learns",
        """Over 200 steps the sparse center loss falls steeply and the mean
attention steadily, while center loss is a horizontal line.""",
        x="step",
    )
)

# %% [markdown]
# The softmax loss cannot help: it does not contain $a$, so it gives attention no slope. Does the whole method then switch itself off? Here each weight was
# free to move by itself. In the network of the next lesson all weights are made of the same parameters, and that changes the answer. Lesson 05 derives the
# slope that you just saw (Eq. 10) and follows it into the network; lesson 12 watches a whole training.

# %% [markdown]
# ## The three suspects
#
# | suspect | evidence of this lesson |
# |---|---|
# | selection of dimensions | possible: *if* attention knows which dimension is noise, Eq. 4 spends its force where it helps. We typed that attention by hand; nothing on this page finds one |
# | a smaller λ | possible, and exact: equal weights $w$ are a λ of $\lambda w$. And a *free* attention goes that way by itself |
# | luck | not asked: no network was trained |

# %% [markdown]
# ## What was shown
#
# - Eq. 4 weighs the squared difference of each dimension of each sample. Loop, one line and package agree to the last digit.
# - With ones it is Eq. 3; with equal weights $w$ it is $w$ times Eq. 3, a smaller λ; equal only within samples, neither.
# - Weights turn circles into ellipses with half-axes $r/\sqrt{a_j}$, and the pull no longer points to the center (Eq. 9).
# - A good attention spends the force on dimensions that matter. Nothing so far says how to get one.
# - As far as Eq. 4 is concerned, the best attention is none, and free weights go there.
#
# **Try next:** give `a_good` the wrong dimension, `[0.01, 1.0]`, and run the section on noise again: is a bad attention worse than none? In the last
# section start `s` at 4 (attention near 1): does it still fall? Then go on to [04_attention_network](04_attention_network.ipynb).
#
# **Three questions**
#
# <details><summary>Question 1. All weights are 0.3 and λ = 0.01. Which λ gives the same training with plain center loss?</summary>
# 0.003. (The rule of the centers, Eq. 11, contains a as well: centers would move at 0.3 of their speed. See lesson 06.)
# </details>
#
# <details><summary>Question 2. Can a sample far from its center cost less than one close to it?</summary>
# Yes, if it is far along dimensions with small weights. And each sample brings its own weights, so two samples are not even measured with the same ruler.
# </details>
#
# <details><summary>Question 3. You divide each row of a by its mean, so that the mean is always 1. Does the flaw of the last section remain?</summary>
# Attention cannot fall everywhere any more: what one dimension loses, others gain. It would still move to the dimensions in which the sample is already close
# to its center. Lesson 09 (b) trains such an attention; in lessons 04 and 13 it is the control <code>normalized</code>.
# </details>
