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
# **After this notebook you can** compute Eq. 4 with pencil and paper, say exactly when it is Eq. 3 and when only a multiple of it, draw what weights do to
# distances in two and three dimensions, and name the flaw that lesson 05 takes up.
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
# Where does $a$ come from? A second network looks at the face and says it, Eq. 5 to 7. That is lesson 04. Here we type it by hand, to learn what it does.
# The paper prints $a_{ij} \odot \lVert\cdot\rVert_2^2$; for single numbers $\odot$ is a plain product and the norm a square
# ([the list of misprints](../docs/errata.md)).

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
import torch

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
assert a.shape == x.shape == c[y].shape == (m, d)
assert L_loop.shape == L_one_line.shape == L_SC.shape == ()
assert L_loop == L_one_line == L_SC

# %% [markdown]
# On paper: the squares are (1, 0, 16) and (0, 4, 4). Center loss adds them up, 25 / 4. Attention takes a quarter of the 16 and of the last 4:

# %%
print("squares     ", rounded((x - c[y]) ** 2))
print("weighted    ", rounded(a * (x - c[y]) ** 2))
print("center loss ", rounded(center_loss(x, y, c)), " sparse center loss", rounded(L_SC))

# %% [markdown]
# ### Exercise 1: sparse center loss
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
from dacl_edu import check

check.shape(my_sparse_center_loss(x, a, y, c), (), "the loss")
check.value(my_sparse_center_loss(x, a, y, c), torch.tensor(2.5), "the loss")
other = torch.randn(5, 4), torch.rand(5, 4), torch.tensor([2, 0, 2, 1, 2]), torch.randn(3, 4)  # another batch
check.value(my_sparse_center_loss(*other), sparse_center_loss(*other), "the loss of another batch")
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
    assert torch.allclose(L_equal, w * center_loss(x, y, c))
    print("all weights", w, " loss", rounded(L_equal), " =", w, "times", rounded(center_loss(x, y, c)))

# %% [markdown]
# And if the weights are equal within each sample, but differ between samples? Then it is no multiple of Eq. 3 at all: some samples count more than others.

# %%
by_sample = torch.tensor([[1.0], [0.1]]).expand(m, d)  # (m, 1) -> (m, d): equal along each row, as the paper asks
L_by_sample, L_C = sparse_center_loss(x, by_sample, y, c), center_loss(x, y, c)
print(rounded(L_by_sample), "is not the mean weight", rounded(by_sample.mean()), "times", rounded(L_C))
assert not torch.isclose(L_by_sample, by_sample.mean() * L_C)

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
check.shape(my_half_axes(torch.tensor([1.0, 0.25]), 3.0), (2,), "your answer")
check.value(my_half_axes(torch.tensor([1.0, 0.25]), 3.0), torch.tensor([3.0, 6.0]), "your answer")
judged(my_half_axes, "the half-axes are right")
try:
    check.value(3.0 / torch.tensor([1.0, 0.25]), torch.tensor([3.0, 6.0]), "r / a")
    raise RuntimeError("the check missed it")
except AssertionError as message:
    print("A wrong answer:", message)

# %% [markdown]
# A quarter of the weight makes the ellipse twice as long. `level_set` walks around it; the assertion says that the *package's* loss is the same at every
# point of the walk.

# %%
angle = torch.linspace(0, 2 * torch.pi, 121)  # (121,)
circle = torch.stack([angle.cos(), angle.sin()], dim=1)  # (121, 2)


def level_set(a, r):
    return circle * my_half_axes(a, r)  # (121, 2) * (2,) -> (121, 2)


a_2d, origin, label = torch.tensor([[1.0, 0.25]]), torch.zeros(1, 2), torch.tensor([0])
costs = torch.stack([sparse_center_loss(point[None], a_2d, label, origin) for point in level_set(a_2d[0], 1.0)])
assert torch.allclose(costs, torch.full((121,), 0.5)), "r² / 2 everywhere"

# %% [markdown]
# **What to see:** all three curves cost the same. The less dimension 2 counts, the farther a sample may stray along it for the same price.

# %%
import plotly.graph_objects as go

from dacl_edu.plots import BLUE, GREEN, ORANGE  # these three differ also for colour-blind eyes

SIZE = {"width": 640, "height": 420, "margin": {"l": 60, "r": 20, "t": 50, "b": 50}}


def xy(points):  # (n, 2) -> the two lists that a figure wants
    return {"x": points[:, 0].tolist(), "y": points[:, 1].tolist()}

# %%
figure = go.Figure()
for a_2, colour, dash in [(1.0, BLUE, "solid"), (0.25, ORANGE, "dash"), (0.04, GREEN, "dot")]:
    curve = level_set(torch.tensor([1.0, a_2]), 1.0)
    figure.add_scatter(**xy(curve), name=f"a = (1, {a_2:g})", line={"color": colour, "dash": dash, "width": 3})
CENTER = {"color": "black", "symbol": "x", "size": 12}
figure.add_scatter(x=[0], y=[0], mode="markers", name="center", marker=CENTER)
figure.update_layout(title="Positions of equal loss", yaxis_scaleanchor="x", **SIZE)
figure.update_layout(xaxis_title="x₁", yaxis_title="x₂")
show(figure,
     alt="Three closed curves around a center: a circle of radius 1 for weights (1, 1), an ellipse twice "
         "as high as wide for (1, 0.25), and one five times as high as wide for (1, 0.04).")

# %% [markdown]
# ## The pull no longer points to the center
#
# The gradient with respect to $x$ is $a \odot (x - c)/m$ (Eq. 9; lesson 05 derives it). Weights shorten its components one by one, so it changes its
# direction. `pull_at` is all that the explorer below does: the ellipse through the sample, and where a step against the gradient leads ($m = 1$,
# step size 1).

# %%
x_i = torch.tensor([2.0, 1.5])  # one sample; its center is at 0


def pull_at(a_1, a_2):
    a_i = torch.tensor([a_1, a_2])  # (d,)
    r = (a_i * x_i**2).sum().sqrt()  # the ellipse that passes through x_i
    return level_set(a_i, r), x_i - a_i * x_i  # (121, 2) and (2,)

# %% [markdown]
# Three cases to test it: with ones the step lands on the center; with equal weights it stops on the way there; with $a_2$ near 0 it moves only sideways.

# %%
assert torch.allclose(pull_at(1.0, 1.0)[1], torch.zeros(2))
assert torch.allclose(pull_at(0.5, 0.5)[1], 0.5 * x_i)
assert torch.allclose(pull_at(1.0, 1e-6)[1], torch.tensor([0.0, 1.5]))
leaf = x_i[None].clone().requires_grad_()
(slope,) = torch.autograd.grad(sparse_center_loss(leaf, torch.tensor([[0.5, 0.25]]), label, origin), leaf)
assert torch.allclose(x_i - slope[0], pull_at(0.5, 0.25)[1]), "Eq. 9 in the package leads to the same place"

# %% [markdown]
# The still picture first. **What to see:** each ellipse passes through the sample, and each arrow leaves it at a right angle, inwards: along the ellipse
# nothing changes, so the loss falls fastest straight across. Only for the circle does that mean "to the center".

# %%
figure = go.Figure()
for a_1, a_2, colour, dash in [(1.0, 1.0, BLUE, "solid"), (1.0, 0.25, ORANGE, "dash"), (0.1, 1.0, GREEN, "dot")]:
    curve, goal = pull_at(a_1, a_2)
    figure.add_scatter(**xy(curve), name=f"a = ({a_1:g}, {a_2:g})", line={"color": colour, "dash": dash})
    figure.add_annotation(x=goal[0].item(), y=goal[1].item(), ax=2.0, ay=1.5, axref="x", ayref="y",
                          arrowcolor=colour, arrowwidth=3, arrowhead=2, text="")

# %%
figure.add_scatter(x=[2.0, 0.0], y=[1.5, 0.0], mode="markers+text", text=["sample", "center"],
                   textposition=["top right", "bottom right"], showlegend=False,
                   marker={**CENTER, "symbol": ["circle", "x"]})
figure.update_xaxes(range=[-7, 7], title="x₁")
figure.update_layout(title="One step against the gradient", yaxis_title="x₂", yaxis_scaleanchor="x", **SIZE)
show(figure,
     alt="A sample at (2, 1.5) and a center at the origin. For weights (1, 1) the arrow goes to the "
         "center, for (1, 0.25) mostly left, for (0.1, 1) mostly down.")

# %% [markdown]
# **Move the sliders.** Begin at (1, 1), where the arrow ends in the center. Lower $a_2$: the ellipse grows upwards and the arrow turns flat. Then lower
# $a_1$ to the same value: the curve is a circle again and the arrow points to the center again, but it is *short*. That is the smaller λ.

# %%
import ipywidgets as widgets

a1_slider = widgets.FloatSlider(value=1.0, min=0.02, max=1.0, step=0.02, description="a₁")
a2_slider = widgets.FloatSlider(value=0.5, min=0.02, max=1.0, step=0.02, description="a₂")
ARROW = {"symbol": "arrow", "size": [0, 16], "angleref": "previous"}
explorer = go.FigureWidget([
    go.Scatter(name="equal loss", line={"color": BLUE, "width": 3}),
    go.Scatter(name="one step", line={"color": ORANGE, "width": 4}, marker=ARROW),
    go.Scatter(x=[0], y=[0], name="center", mode="markers", marker=CENTER),
], layout={"xaxis_range": [-6, 6], "yaxis_range": [-4, 4], "yaxis_scaleanchor": "x",
           "xaxis_title": "x₁", "yaxis_title": "x₂", **SIZE})

# %%
def redraw(change=None):
    curve, goal = pull_at(a1_slider.value, a2_slider.value)
    with explorer.batch_update():
        explorer.data[0].update(**xy(curve))
        explorer.data[1].update(**xy(torch.stack([x_i, goal])))
        explorer.layout.title = f"a = ({a1_slider.value:.2f}, {a2_slider.value:.2f})"


redraw()
a1_slider.observe(redraw, "value")
a2_slider.observe(redraw, "value")
show(widgets.VBox([a1_slider, a2_slider, explorer]),
     alt="Two sliders for the weights above the curve of equal loss through a sample and the step that the"
         " gradient asks for.")

# %% [markdown]
# A test of the explorer:

# %%
before = tuple(explorer.data[1].y)
a2_slider.value = 1.0
assert explorer.data[1].x[1] == explorer.data[1].y[1] == 0, "with ones the step ends in the center"
a2_slider.value = 0.5
assert tuple(explorer.data[1].y) == before

# %% [markdown]
# ## Three dimensions: a ball becomes a cigar
#
# The same with $d = 3$. A ball of radius 1 is stretched by $1/\sqrt{a_j}$ along axis $j$.

# %%
across = torch.linspace(0, 2 * torch.pi, 25)  # longitude
along = torch.linspace(0, torch.pi, 13)[:, None]  # latitude: (13, 1)
sides = along.sin() * across.cos(), along.sin() * across.sin(), along.cos() * torch.ones(25)
ball = torch.stack(sides, dim=-1)  # (13, 25, 3)
assert torch.allclose(ball.square().sum(dim=-1), torch.ones(13, 25))

# %%
shapes = {}
for a_3d in ((1.0, 1.0, 1.0), (1.0, 0.25, 0.25), (1.0, 1.0, 0.04)):
    points = ball * my_half_axes(torch.tensor(a_3d), 1.0)  # (13, 25, 3) * (3,) -> (13, 25, 3)
    flat = points.reshape(-1, 3)  # (325, 3)
    cost = (torch.tensor(a_3d) * flat**2).sum(dim=1) / 2  # Eq. 4 of each point alone, center at 0
    assert torch.allclose(cost, torch.full((325,), 0.5), atol=1e-5)
    shapes[a_3d] = points

# %% [markdown]
# **What to see** (drag to turn; x₃ points up, each box reaches from −5 to 5): every point of all three bodies costs the same. Colour is the plain distance to the center, from 1 (dark) to 5 (bright):
# center loss would find the tips of the cigar 25 times as expensive as its waist.

# %%
from plotly.subplots import make_subplots

names = [f"a = ({a_1:g}, {a_2:g}, {a_3:g})" for a_1, a_2, a_3 in shapes]
figure = make_subplots(cols=3, specs=[[{"type": "scene"}] * 3], subplot_titles=names)
for column, points in enumerate(shapes.values(), start=1):
    u, v, w = (points[..., j].tolist() for j in range(3))
    distance = points.norm(dim=-1).tolist()
    figure.add_surface(x=u, y=v, z=w, surfacecolor=distance, coloraxis="coloraxis", row=1, col=column)

# %%
cube = {"range": [-5, 5], "showticklabels": False}
figure.update_scenes(xaxis=cube, yaxis=cube, zaxis=cube, aspectmode="cube",
                     xaxis_title="x₁", yaxis_title="x₂", zaxis_title="x₃")
figure.update_scenes(camera={"eye": {"x": 1.5, "y": 1.5, "z": 0.8}, "center": {"x": 0, "y": 0, "z": -0.15}})
figure.update_layout(coloraxis={"colorscale": "Cividis", "cmin": 1, "cmax": 5, "colorbar_title": "distance"})
figure.update_layout(title="Positions of equal loss, d = 3", width=760, height=380, margin={"l": 0, "r": 0, "b": 20})
show(figure,
     alt="Three bodies around the origin: a small ball for weights (1, 1, 1), a disc twice as wide for (1,"
         " 0.25, 0.25), and an upright cigar five times as long as wide for (1, 1, 0.04).")

# %% [markdown]
# If all samples share one row of weights, Eq. 4 is simply Eq. 3 in a space whose axes are stretched by $\sqrt{a_j}$:

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
c_toy = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])  # (K, d): the classes differ in dimension 1 only
x_toy = c_toy[y_toy] + torch.randn(160, 2, generator=generator) * torch.tensor([0.7, 2.8])  # (160, 2)
a_good = torch.tensor([1.0, 0.01]).expand(160, 2)  # chosen by us, who know which dimension is noise

# %% [markdown]
# Which dimension does each loss complain about?

# %%
square = (x_toy - c_toy[y_toy]) ** 2  # (160, 2)
share_plain = square.sum(dim=0) / square.sum()
share_sparse = (a_good * square).sum(dim=0) / (a_good * square).sum()
print("share of dimension 1 and of dimension 2 (noise)")
print("center loss       ", rounded(share_plain, 2))
print("sparse center loss", rounded(share_sparse, 2))
assert share_plain[0] < 0.1 and share_sparse[0] > 0.8

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


moved = {"at first": x_toy, "center loss": move(torch.ones(160, 2)), "sparse center loss": move(a_good)}

# %%
for name, x_t in moved.items():
    spread = (x_t - c_toy[y_toy]).square().mean(dim=0).sqrt()  # (2,)
    wrong_side = ((x_t[:, 0] > 0).long() != y_toy).double().mean()
    print(f"{name:<19} spread in both dimensions {rounded(spread, 2)}  on the wrong side {wrong_side.item():.3f}")

# %% [markdown]
# **What to see:** center loss spends its allowance on the vertical direction, where most of the distance is, and the classes still overlap. Sparse center
# loss leaves the noise alone and draws each class to an upright band.

# %%
import pandas as pd
import plotly.express as px

parts = []
for name, x_t in moved.items():
    part = pd.DataFrame(x_t.numpy(), columns=["x₁ (class)", "x₂ (noise)"])
    parts.append(part.assign(label=[f"class {k}" for k in y_toy.tolist()], panel=name))
figure = px.scatter(pd.concat(parts), x="x₁ (class)", y="x₂ (noise)", color="label", symbol="label",
                    facet_col="panel", color_discrete_sequence=[BLUE, ORANGE])

# %%
figure.for_each_annotation(lambda note: note.update(text=note.text.split("=")[-1]))
figure.update_layout(title="The same allowance, spent by two losses", **{**SIZE, "width": 760, "margin_t": 80})
figure.update_layout(legend={"orientation": "h", "y": -0.2, "title": None})
show(figure,
     alt="Three scatter plots of two classes. At first the classes overlap. After center loss they are a "
         "little less high and still overlap. After sparse center loss they are two upright bands with a "
         "gap.")

# %%
spreads = {name: (x_t - c_toy[y_toy]).square().mean(dim=0).sqrt() for name, x_t in moved.items()}
assert spreads["sparse center loss"][0] < 0.6 * spreads["center loss"][0]
assert spreads["center loss"][1] < spreads["sparse center loss"][1]

# %% [markdown]
# What this shows: *if* attention knows which dimension is noise, Eq. 4 spends its force where it helps. What it does not show: that a network finds such an
# attention. We typed it by hand. Whether the learnt one does better than ones, or than a smaller λ, is the question of lessons 07 to 12.
#
# ## Attention 0
#
# With $a_{ij} = 0$ dimension $j$ of sample $i$ costs nothing and feels nothing: it may be anywhere.

# %%
a_zero = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
x_two = torch.tensor([[0.5, 3.0], [2.0, -7.0]])
far_away = x_two + torch.tensor([0.0, 1000.0])
c_two, y_two = torch.zeros(1, 2), torch.tensor([0, 0])
assert sparse_center_loss(x_two, a_zero, y_two, c_two) == sparse_center_loss(far_away, a_zero, y_two, c_two)

# %%
leaf = x_two.clone().requires_grad_()
(slope,) = torch.autograd.grad(sparse_center_loss(leaf, a_zero, y_two, c_two), leaf)
assert slope.shape == (2, 2)
print(rounded(slope))
assert (slope[:, 1] == 0).all()

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
    assert (slope >= 0).all(), "the slope is never negative: a free weight can only fall"
    s = (s - 100.0 * slope).detach().requires_grad_()

# %%
L_plain = center_loss(x_toy, y_toy, c_toy)
print("mean attention", rounded(curve[0][0], 3), "->", rounded(curve[-1][0], 3))
print("sparse center loss", rounded(curve[0][1], 3), "->", rounded(curve[-1][1], 3))
print("center loss, all the while", rounded(L_plain, 3))
assert curve[-1][0] < 0.3 * curve[0][0] and curve[-1][1] < 0.05 * curve[0][1]

# %% [markdown]
# **What to see:** the loss goes down beautifully, and *no sample has moved*. Attention has simply been switched off.

# %%
figure = go.Figure()
figure.add_scatter(y=[row[0] for row in curve], name="mean attention", line={"color": BLUE, "width": 3})
figure.add_scatter(y=[row[1] for row in curve], name="sparse center loss", line_color=ORANGE, line_dash="dash")
figure.add_hline(y=L_plain.item(), line_dash="dot", annotation_text="center loss")
figure.update_layout(title="Only attention learns", xaxis_title="step", **{**SIZE, "height": 340})
show(figure,
     alt="Over 200 steps the sparse center loss falls steeply and the mean attention falls steadily, while"
         " the center loss is a horizontal line.")

# %% [markdown]
# The softmax loss cannot help: it does not contain $a$, so it gives attention no slope. Does the whole method then switch itself off? Here each weight was
# free to move by itself. In the network of the next lesson all weights are made of the same parameters, and that changes the answer. Lesson 05 derives the
# slope that you just saw (Eq. 10) and follows it into the network; lesson 12 watches a whole training.
#
# ## What was shown
#
# - Eq. 4 weighs the squared difference of each dimension of each sample. Loop, one line and package agree to the last digit.
# - With ones it is Eq. 3; with equal weights $w$ it is $w$ times Eq. 3, a smaller λ; equal only within samples, neither.
# - Weights turn circles into ellipses with half-axes $r/\sqrt{a_j}$, and the pull no longer points to the center.
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
# to its center. Lesson 12 has such a control.
# </details>
