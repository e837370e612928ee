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
# # The center update: a rule, not a gradient
#
# **After this notebook you can** move class centers by hand, say what α and ε do to a common and to a rare class, show
# that the update is a rule and not a gradient, and predict what happens to centers that are handed to an optimizer.
#
# **Minutes:** 60. **Builds on:** [03_sparse_center_loss](03_sparse_center_loss.ipynb) (Eq. 4),
# [05_gradients](05_gradients.ipynb).
#
# **The equation.** The loss pulls features to the centers of their classes. Where are the centers? They follow the
# features. After each batch, every class looks at its own samples and asks its center to take a step:
#
# $$\Delta_{c_k} = \frac{\sum_{i=1}^m \delta_{y_i k}\; a_i \odot (c_k - x_i)}{\epsilon + \sum_{i=1}^m \delta_{y_i k}} \tag{Eq. 11}$$
#
# and line 15 of Algorithm 1 takes a share α of it: $c_k \leftarrow c_k - \alpha\,\Delta_{c_k}$.
#
# **How to read it.** $\delta_{y_i k}$ (Kronecker's delta) is 1 if sample $i$ belongs to class $k$ and 0 otherwise: it
# selects the samples of class $k$. So the numerator is the attention-weighted sum of what separates the center from its
# samples, and the sum below is the number of those samples, $n_k$. The paper prints an index $j$ where $k$ is meant
# ([the list of misprints](../docs/errata.md)), and gives no value for ε; the authors' code has 1.
#
# | symbol | what it is | shape |
# |---|---|---|
# | $x$, $a$, $y$ | deep features, attention and labels of a batch | $(m, d)$, $(m, d)$, $(m)$ |
# | $c$, $\Delta_c$ | centers and the steps that they are asked to take | $(K, d)$ |
# | $n$ | samples of each class in the batch | $(K)$ |
# | $\epsilon$ | a constant beside the count; a whole section below | – |
# | $\alpha$ | the share of the step that is taken; 0.5 in the paper | – |

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

setup(seed=6)  # fixes the random numbers

# %% [markdown]
# ## Five samples, three classes
#
# Three samples of class 0, two of class 1, none of class 2. Two dimensions, so that we can draw it.

# %%
x = torch.tensor([[1.0, 1.0],
                  [2.0, 0.0],
                  [3.0, 2.0],
                  [-1.0, 2.0],
                  [-2.0, 3.0]])  # features: (m, d) = (5, 2)
y = torch.tensor([0, 0, 0, 1, 1])  # labels: (m,)
m, d = x.shape

# %%
a = torch.tensor([[1.0, 0.5],
                  [1.0, 0.5],
                  [1.0, 1.0],
                  [0.5, 1.0],
                  [0.5, 1.0]])  # attention: (m, d)

# %%
c = torch.tensor([[0.0, 0.0],
                  [0.0, 1.0],
                  [2.0, -2.0]])  # centers: (K, d) = (3, 2)
K = len(c)
eps, alpha = 1.0, 0.5

# %% [markdown]
# On paper, class 1: the samples are $(-1, 2)$ and $(-2, 3)$, the center is $(0, 1)$, attention is $(0.5, 1)$ for both.
#
# | sample | $c_1 - x_i$ | $a_i \odot (c_1 - x_i)$ |
# |---|---|---|
# | 3 | $(1, -1)$ | $(0.5, -1)$ |
# | 4 | $(2, -2)$ | $(1, -2)$ |
# | sum | | $(1.5, -3)$ |
# | divided by $\epsilon + n_1 = 1 + 2$ | | $(0.5, -1)$ |
#
# With α = ½ the center moves by $-\tfrac12 (0.5, -1)$, from $(0, 1)$ to $(-0.25, 1.5)$: towards its samples, since the
# step is *subtracted*. Do class 0 yourself before you run the loop.

# %% tags=["eq-11"]
delta_loop = torch.zeros(K, d)
for k in range(K):
    numerator, n_k = torch.zeros(d), 0
    for i in range(m):
        if y[i] == k:  # the Kronecker delta
            numerator += a[i] * (c[k] - x[i])
            n_k += 1
    delta_loop[k] = numerator / (eps + n_k)
    print("class", k, " numerator", rounded(numerator), " n", n_k, " delta", rounded(delta_loop[k]))

# %% [markdown]
# The vectorised form writes the Kronecker delta as a matrix of zeros and ones. One product selects *and* sums:

# %%
selects = torch.nn.functional.one_hot(y, K).float()  # δ: (m, K), one 1 in each row
print(selects.T.int().tolist())
n = selects.sum(dim=0)  # samples of each class: (K,)
delta = selects.T @ (a * (c[y] - x)) / (eps + n)[:, None]  # (K, m) @ (m, d) -> (K, d); (K, 1) below

# %% [markdown]
# And the function of the package:

# %%
from dacl_edu.centers import center_delta

delta_package = center_delta(x, a, y, c, eps=eps)
assert delta_package.shape == delta.shape == delta_loop.shape == (K, d)
assert torch.allclose(delta, delta_loop) and torch.allclose(delta, delta_package)
assert delta[1].tolist() == [0.5, -1.0], "as on paper"
assert (delta[2] == 0).all(), "no sample, no step"

# %% [markdown]
# The step itself is line 15 of Algorithm 1:

# %%
moved = c - alpha * delta  # (K, d)
print("before", rounded(c))
print("after ", rounded(moved))
assert moved[1].tolist() == [-0.25, 1.5] and torch.equal(moved[2], c[2])

# %% [markdown]
# **What to see in the figure:** circles and squares are samples, crosses the centers before, diamonds after. Each center moves
# towards its samples. It does not move straight to their mean, because attention weighs the two directions differently:
# class 0 is pulled right at full strength, and up at half by two of its samples. The lone center of class 2 stays.

# %%
import plotly.graph_objects as go

from dacl_edu.plots import BLUE, GREEN, ORANGE


COLOURS, SYMBOLS = (BLUE, ORANGE, GREEN), ("circle", "square", "star")  # one of each a class


def xy(points):  # (n, 2) -> the two lists that a figure wants
    return {"x": rounded(points[:, 0]), "y": rounded(points[:, 1])}


figure = go.Figure()
for k in range(K):
    step = torch.stack([c[k], moved[k]])  # (2, d): before and after
    look = {"color": COLOURS[k], "size": 13, "symbol": ["x", "diamond"]}
    figure.add_scatter(**xy(step), name=f"center {k}", mode="lines+markers", marker=look)

# %%
for k in (0, 1):  # class 2 has no samples
    look = {"color": COLOURS[k], "size": 9, "symbol": SYMBOLS[k]}
    figure.add_scatter(**xy(x[y == k]), name=f"samples {k}", mode="markers", marker=look)
figure.update_xaxes(title="x₁", constrain="domain")
figure.update_yaxes(title="x₂", scaleanchor="x", range=[-2.6, 3.6])
figure.update_layout(title="One step of Eq. 11 with α = ½, ε = 1", width=640, height=440)
show(figure, alt="""Three classes in the plane. Center 0 moves from the origin right and a little up towards its
three samples. Center 1 moves left and up towards its two samples. Center 2, without samples, stays at (2, -2).""")

# %% [markdown]
# ### Exercise 1: Eq. 11 without the matrix of zeros and ones
#
# With 10,000 classes nearly all of the matrix δ would be zeros. Write `my_center_delta(x, a, y, c, eps)` without it; it
# returns $(K, d)$. Use a loop over the classes, or the two functions of hint 3.
#
# <details><summary>Hint 1</summary>Start from the loop above and make it right before you make it short.</details>
# <details><summary>Hint 2</summary><code>c[y]</code> has the center of each sample's class: (m, d). What is then to be
# summed, over which samples?</details>
# <details><summary>Hint 3</summary><code>torch.zeros_like(c).index_add(0, y, rows)</code> adds row i to the class y[i];
# <code>torch.bincount(y, minlength=len(c))</code> counts.</details>
#
# Until your function is written, the page goes on with the folded answer below it, and the check says so.

# %%
def my_center_delta(x, a, y, c, eps):
    raise NotImplementedError()  # your lines here


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_center_delta(x, a, y, c, eps):
    sums = torch.zeros_like(c).index_add(0, y, a * (c[y] - x))  # (K, d)
    n = torch.bincount(y, minlength=len(c))  # (K,)
    return sums / (eps + n)[:, None]


my_center_delta = attempt(my_center_delta, answer_center_delta)

# %% [markdown]
# The check looks at our five samples, then at a larger random batch, in which class 6 is absent, and at another ε.

# %%
from dacl_edu import check

x_big, a_big, y_big = torch.randn(128, 8), torch.rand(128, 8), torch.randint(0, 6, (128,))
c_big = torch.randn(7, 8)  # (K, d) = (7, 8)
check.shape(my_center_delta(x, a, y, c, eps), (K, d), "Δ of the five samples")
check.value(my_center_delta(x, a, y, c, eps), delta_loop, "Δ of the five samples", tolerance=1e-5)
for e in (1.0, 0.25):
    big = my_center_delta(x_big, a_big, y_big, c_big, e)
    check.value(big, center_delta(x_big, a_big, y_big, c_big, e), f"Δ of 128 samples with ε = {e}", tolerance=1e-5)
judged(my_center_delta, "shape and values are right")

# %% [markdown]
# Two wrong ones and what the check says. The first has the sign of a pull *on the features* (Eq. 9); the second divides
# by the batch size, as a mean over the batch would.

# %%
def wrong_sign(x, a, y, c, eps):
    sums = torch.zeros_like(c).index_add(0, y, a * (x - c[y]))
    return sums / (eps + torch.bincount(y, minlength=len(c)))[:, None]


def wrong_count(x, a, y, c, eps):
    return torch.zeros_like(c).index_add(0, y, a * (c[y] - x)) / (eps + len(x))


# %%
for wrong in (wrong_sign, wrong_count):
    try:
        check.value(wrong(x, a, y, c, eps), delta_loop, wrong.__name__)
        raise RuntimeError("the check missed it")
    except AssertionError as message:
        print(message)

# %% [markdown]
# ## A rule, not a gradient
#
# The paper lists Eq. 11 right after Eq. 9 and 10, and it does look like a gradient. Is it? Differentiate Eq. 4 by
# $c_k$. All samples of class $k$ contain it; each gives $\frac{1}{2m} a_{ij} \cdot 2 (x_{ij} - c_{kj}) \cdot (-1)$:
#
# $$\frac{\partial \mathcal{L}_{SC}}{\partial c_k} = \frac{1}{m} \sum_{i:\,y_i = k} a_i \odot (c_k - x_i) = \frac{\epsilon + n_k}{m}\,\Delta_{c_k}$$
#
# The same *direction*, another *length*. The gradient divides by the whole batch $m$, the rule by the class's own
# count. Autograd confirms it:

# %%
from dacl_edu.losses import sparse_center_loss

c_leaf = c.clone().requires_grad_()
(gradient,) = torch.autograd.grad(sparse_center_loss(x, a, y, c_leaf), c_leaf)  # (K, d)
assert gradient.shape == delta.shape == (K, d)
assert torch.allclose(gradient, delta * (eps + n)[:, None] / m)
assert not torch.allclose(gradient, delta)
print("gradient / rule, class by class:", rounded((eps + n) / m))

# %% [markdown]
# Class 2 shows 0.2 there, but both are zero for it. For the others the ratio differs *between classes*: no learning
# rate can turn one into the other.
#
# What that means for a batch of 128 with one common and one rare class: how far does one step of rate 1 go, as a share of
# the way from the center to the mean of its samples? (Attention is 1.)

# %%
counts = torch.tensor([60.0, 2.0])  # n_k of the common and of the rare class
gradient_share = counts / 128  # n_k / m
rule_share = counts / (1 + counts)  # n_k / (ϵ + n_k)
for name, (common, rare) in (("gradient", gradient_share), ("rule    ", rule_share)):
    print(f"{name} common", rounded(common, 3), " rare", rounded(rare, 3), " ratio", rounded(common / rare, 1))
assert gradient_share[0] / gradient_share[1] == 30 and rule_share[0] / rule_share[1] < 1.5

# %% [markdown]
# With the gradient the center of the common class moves 30 times as fast as that of the rare one. With the rule, the
# two are nearly alike. In RAF-DB "happiness" has about 17 times as many training images as "fear": that is what the
# rule is for.
#
# ### Exercise 2: from the rule to the gradient
#
# Write `my_center_gradient(x, a, y, c)`: the gradient of Eq. 4 with respect to the centers, $(K, d)$, by way of Eq. 11.
# The check compares it with finite differences.
#
# <details><summary>Hint 1</summary>Look at the last formula of this section. Which of its parts has the shape (K,), and
# which (K, d)?</details>
# <details><summary>Hint 2</summary>Δ is <code>center_delta(x, a, y, c, eps=1.0)</code>; the count of each class is
# <code>torch.bincount(y, minlength=len(c))</code>.</details>
# <details><summary>Hint 3</summary>Any ε will do, if you use the same twice: it cancels. And (K,) needs
# <code>[:, None]</code> to multiply the rows of (K, d).</details>

# %%
def my_center_gradient(x, a, y, c):
    raise NotImplementedError()  # your lines here


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_center_gradient(x, a, y, c):
    n = torch.bincount(y, minlength=len(c))  # (K,)
    return center_delta(x, a, y, c, eps=1.0) * (1.0 + n)[:, None] / len(x)  # (K, d)


my_center_gradient = attempt(my_center_gradient, answer_center_gradient)

# %%
def by_name(features, attention, labels, centers):
    return {"centers": my_center_gradient(features, attention, labels, centers)}


inputs = {"features": x, "attention": a, "labels": y, "centers": c}
check.gradient(sparse_center_loss, by_name, inputs, wrt=("centers",))
judged(my_center_gradient, "shape and value of the gradient are right")

# %% [markdown]
# And somebody who takes Eq. 11 *for* the gradient:

# %%
def rule_as_gradient(features, attention, labels, centers):
    return {"centers": center_delta(features, attention, labels, centers)}


try:
    check.gradient(sparse_center_loss, rule_as_gradient, inputs, wrt=("centers",))
    raise RuntimeError("the check missed it")
except AssertionError as message:
    print(message)

# %% [markdown]
# ## ε: more than a guard against dividing by zero
#
# One usually writes $\epsilon = 10^{-6}$ to avoid 0/0 for an absent class. The released code has $\epsilon = 1$, and
# that is a different thing. With attention 1, the step is
#
# $$\Delta_{c_k} = \frac{n_k}{\epsilon + n_k} \left(c_k - \bar x_k\right), \qquad \bar x_k \text{ the mean of the class in this batch.}$$
#
# For a class with one sample, $\epsilon = 1$ halves the step; with 18 samples it takes 5 % away; $\epsilon = 10^{-6}$
# never takes anything.

# %%
print("samples in the batch     ", [1, 2, 5, 18])
for e in (1e-6, 1.0, 5.0):
    print(f"share of the way, ε = {e:<6g}", rounded([count / (e + count) for count in (1, 2, 5, 18)], 3))
ones = torch.ones_like(x)
mean_0 = x[y == 0].mean(dim=0)
assert torch.allclose(center_delta(x, ones, y, c, eps=1.0)[0], 3 / 4 * (c[0] - mean_0))

# %% [markdown]
# **What to see in the figure:** the share of the way to the batch mean, against the number of samples. With
# $\epsilon = 10^{-6}$ a single odd sample drags its center as far as a hundred good ones would. With $\epsilon = 1$ the
# rule trusts a class more, the more of it it has seen. Larger ε trusts less.

# %%
figure = go.Figure()
count = torch.arange(1, 31)  # (30,)
for e, colour, dash in ((1e-6, ORANGE, "dash"), (1.0, BLUE, "solid"), (5.0, GREEN, "dot")):
    share = rounded(count / (e + count))
    figure.add_scatter(x=count.tolist(), y=share, name=f"ε = {e:g}", line={"color": colour, "dash": dash})
figure.update_xaxes(title="samples of the class in the batch, n")
figure.update_yaxes(title="n / (ε + n)", range=[0, 1.05])
figure.update_layout(title="How far a class trusts its batch", width=640, height=360)
show(figure, alt="""Three curves. For epsilon one millionth the share is 1 for every count. For epsilon 1 it
starts at one half and approaches 1. For epsilon 5 it starts at one sixth and is still below 0.9 at thirty
samples.""")

# %% [markdown]
# How much does it matter? A rare class with **one** sample a batch, spread 1 around its true mean 0. The center should
# sit at 0; how far does it jitter, for both ε?

# %%
def jitter(eps, steps=2000):
    source = torch.Generator().manual_seed(0)
    center, path = torch.zeros(1, 1), []
    for _ in range(steps):
        sample = torch.randn(1, 1, generator=source)
        center = center - 0.5 * center_delta(sample, None, torch.tensor([0]), center, eps)
        path.append(center.item())
    return torch.tensor(path).std().item()


print("spread of the center: ε = 1e-6", rounded(jitter(1e-6), 2), "  ε = 1", rounded(jitter(1.0), 2))
assert jitter(1.0) < 0.8 * jitter(1e-6)

# %% [markdown]
# **And ε = 0?** Then an absent class is 0/0. The package treats it as "no step", so no center becomes not-a-number:

# %%
zero_eps = center_delta(x, a, y, c, eps=0.0)
assert zero_eps.isfinite().all() and (zero_eps[2] == 0).all()
assert torch.tensor(0.0).div(0.0).isnan(), "plain division would give nan"

# %% [markdown]
# ## α: a moving average
#
# Put the step into line 15, with attention 1 and $r = \alpha \frac{n}{\epsilon + n}$:
#
# $$c \leftarrow c - r\,(c - \bar x) = (1 - r)\,c + r\,\bar x$$
#
# The new center is a weighted average of the old center and the batch mean. Insert the formula into itself, and the
# batch of $t$ steps ago has the weight $r (1-r)^t$: recent batches count most, old ones fade. That is the "moving
# average strategy" of the paper. Why not take the plain mean of all features of the class? Because **features drift**:
# the network is learning, and the features of yesterday are wrong.
#
# Watch a center follow features whose mean moves at the speed $v = 0.05$ a step, with noise. One class, 4 samples a
# batch.

# %%
def follow(alpha, attention=1.0, eps=1.0, steps=120, v=0.05, noise=0.6):
    """Return the class mean (steps,) and the center (steps,) after each step."""
    source = torch.Generator().manual_seed(1)
    center, path = torch.zeros(1, 1), []  # K = 1, d = 1
    means, labels = v * torch.arange(1, steps + 1), torch.tensor([0, 0, 0, 0])
    for mean in means:
        batch = mean + noise * torch.randn(4, 1, generator=source)  # (m, d) = (4, 1)
        weights = torch.full_like(batch, attention)
        center = center - alpha * center_delta(batch, weights, labels, center, eps)
        path.append(center.item())
    return means, torch.tensor(path)


# %% [markdown]
# Without noise the lag settles. Call it $\ell$. Each step the mean runs $v$ ahead, then the center closes the share $r$
# of the gap: $\ell = (1-r)(\ell + v)$, hence $\ell = v\,(1-r)/r$. Measured:

# %%
for rate in (0.1, 0.5, 1.0):
    means, path = follow(rate, noise=0.0)
    r = rate * 4 / (1 + 4)
    lag = (means[-1] - path[-1]).item()
    print("alpha", rate, " lag", rounded(lag, 3), " predicted", rounded(0.05 * (1 - r) / r, 3))
    assert abs(lag - 0.05 * (1 - r) / r) < 2e-3

# %% [markdown]
# **What to see in the figure:** the black dashed line is the true mean. With α = 1 the center is close behind but trembles
# with each batch; with α = 0.1 it is smooth and far behind; α = 0.5, the paper's choice, is between. The dotted line
# has α = 0.5 *and attention 0.1*: it is even slower than α = 0.1.

# %%
from dacl_edu.plots import PURPLE

settings = [("α = 1", 1.0, 1.0, ORANGE, "solid"), ("α = 0.5", 0.5, 1.0, BLUE, "solid"),
            ("α = 0.1", 0.1, 1.0, GREEN, "solid"), ("α = 0.5, attention 0.1", 0.5, 0.1, PURPLE, "dot")]
figure = go.Figure()
for name, rate, attention, colour, dash in settings:
    means, path = follow(rate, attention, steps=60, noise=1.0)
    figure.add_scatter(y=rounded(path), name=name, line={"color": colour, "dash": dash})

# %%
figure.add_scatter(y=rounded(means), name="true mean", line={"color": "#333333", "dash": "dash"})
figure.update_layout(title="A center follows drifting features", xaxis_title="step", yaxis_title="position")
figure.update_layout(width=720, height=440)
show(figure, alt="""A rising dashed line, the true mean, and four centers that follow it. Alpha 1 is close and
jagged, alpha one half close and smoother, alpha one tenth smooth and clearly below, alpha one half with
attention one tenth farthest below.""")

# %% [markdown]
# ### Low attention makes slow centers
#
# Look at the denominator again: it counts samples and does **not** add up attention. So attention 0.1 makes the step
# ten times shorter, just as a ten times smaller α would:

# %%
assert torch.allclose(follow(0.5, attention=0.1)[1], follow(0.05, attention=1.0)[1], atol=1e-5)

# %% [markdown]
# In lesson 05 a step lowers attention where features are far from their center. There the center becomes slow as well,
# dimension by dimension.
#
# And *where* does a center come to rest, if the same batch comes again and again? Where the numerator is 0:
# $\sum_i a_i \odot (c - x_i) = 0$, that is, at the mean **weighted by attention**:

# %%
resting = c.clone()
for _ in range(300):
    resting = resting - 0.5 * center_delta(x, a, y, resting)
own = [(a[y == k], x[y == k]) for k in (0, 1)]  # attention and features of each class
weighted_mean = torch.stack([(a_k * x_k).sum(dim=0) / a_k.sum(dim=0) for a_k, x_k in own])  # (2, d)
print("at rest", rounded(resting[:2], 3), " plain mean of class 0", rounded(mean_0, 3))
assert torch.allclose(resting[:2], weighted_mean, atol=1e-4)

# %% [markdown]
# ## Move α and ε
#
# The same five samples, over and over, for six steps. First the plain function:

# %%
def trail(alpha, eps, steps=6):
    """Return the centers (steps + 1, K, d) when the same batch comes again and again."""
    path = [c]
    for _ in range(steps):
        path.append(path[-1] - alpha * center_delta(x, a, y, path[-1], eps))
    return torch.stack(path)


# %%
path = trail(0.5, 1.0)
assert path.shape == (7, K, d)
assert torch.allclose(path[1], moved), "the first step is the one we did by hand"
assert torch.equal(trail(0.0, 1.0)[-1], c), "alpha 0: nothing moves"
assert (path[:, 2] == c[2]).all(), "the absent class never moves"


# %%
def trail_traces(alpha, eps):
    """Return the traces of a figure: the path of each center, then the samples of classes 0 and 1."""
    path, traces = trail(alpha, eps), []
    for k in range(K):
        look = {"color": COLOURS[k], "symbol": "x", "size": 8}
        traces.append(go.Scatter(**xy(path[:, k]), name=f"center {k}", mode="lines+markers", marker=look))
    for k in (0, 1):
        look = {"color": COLOURS[k], "symbol": SYMBOLS[k], "size": 9}
        traces.append(go.Scatter(**xy(x[y == k]), name=f"samples {k}", mode="markers", marker=look))
    return traces


# %% [markdown]
# **Move the sliders** (the notebook must be running). **What to see:** α scales all steps alike, ε hits the class with
# fewer samples harder. α = 1 with ε = 0 jumps to the batch in one step – in the dimension where attention is 1; where
# attention is ½ it takes half the way.

# %%
import ipywidgets as widgets

axis = {"range": [-2.6, 3.6]}
explorer = go.FigureWidget(trail_traces(0.5, 1.0))
explorer.update_layout(title="α = 0.5, ε = 1", width=640, height=440)
explorer.update_xaxes(title="x₁", **axis).update_yaxes(title="x₂", **axis)
alpha_slider = widgets.FloatSlider(0.5, min=0, max=1, step=0.05, description="α")
eps_slider = widgets.FloatSlider(1.0, min=0, max=10, step=0.5, description="ε")


# %%
def redraw(change=None):
    fresh = trail_traces(alpha_slider.value, eps_slider.value)
    with explorer.batch_update():
        explorer.layout.title.text = f"α = {alpha_slider.value:g}, ε = {eps_slider.value:g}"
        for old, new in zip(explorer.data, fresh, strict=True):
            old.x, old.y = new.x, new.y


alpha_slider.observe(redraw, "value")
eps_slider.observe(redraw, "value")
show(widgets.VBox([alpha_slider, eps_slider, explorer]), alt="""Five samples and the paths of three centers over
six steps, with sliders for alpha and epsilon.""")

# %%
alpha_slider.value, eps_slider.value = 1.0, 0.0  # what dragging does
assert explorer.layout.title.text == "α = 1, ε = 0"
assert explorer.data[0].x[1] == rounded(mean_0[0]), "attention 1, one jump to the mean of the batch"
alpha_slider.value, eps_slider.value = 0.5, 1.0

# %% [markdown]
# The same as a still picture, for three values of ε:

# %%
from plotly.subplots import make_subplots

figure = make_subplots(cols=3, subplot_titles=("ε = 0", "ε = 1", "ε = 10"), shared_yaxes=True)
for column, e in enumerate((0.0, 1.0, 10.0), start=1):
    for trace in trail_traces(0.5, e):
        figure.add_trace(trace.update(showlegend=column == 1), row=1, col=column)
figure.update_xaxes(title="x₁").update_yaxes(title="x₂", col=1)
figure.update_layout(title="Six steps with α = ½", width=760, height=380)
figure.update_layout(legend={"orientation": "h", "y": -0.3})
show(figure, alt="""Three panels. With epsilon 0 the centers of classes 0 and 1 reach their samples in a few steps; with 1 they get
nearly as far; with 10 they are still on the way, class 1 with two samples more so. Center 2 never moves.""")

# %% [markdown]
# ## Where the centers start
#
# The paper says "He initialization" (lesson 04): normal with variance 2 / fan-in. Fan-in of what? A table of centers
# has no inputs. The released code's function takes $K$ for it, a standard deviation of $\sqrt{2/7} = 0.53$; the feature
# dimension would give $\sqrt{2/512} = 0.06$. Both are offered. The start is soon forgotten: it fades as $(1-r)^t$.

# %%
from dacl_edu.centers import ClassCenters

by_classes = ClassCenters(7, 512)
by_features = ClassCenters(7, 512, init="fan_in_features")
print("std", rounded(by_classes.centers.std(), 2), "and", rounded(by_features.centers.std(), 2), "in this draw")
print("left of the start after 10 steps with 18 samples each:", rounded((1 - 0.5 * 18 / 19) ** 10, 4))

# %% [markdown]
# ## `ClassCenters`: the only place where centers change
#
# The package keeps the centers in a module, as a **buffer**: it is saved with a checkpoint and moves to the GPU with
# the model, but it is no parameter, so an optimizer cannot see it.

# %%
keeper = ClassCenters(num_classes=K, feature_dim=d, alpha=0.5, eps=1.0, init="zeros")
keeper.centers.copy_(c)
assert list(keeper.parameters()) == [] and "centers" in keeper.state_dict()
keeper.accumulate(x, a, y)  # adds to the sums of Eq. 11
assert torch.equal(keeper.centers, c), "not moved yet"
keeper.step()  # line 15
assert torch.allclose(keeper.centers, moved)

# %% [markdown]
# Why two calls? Because a batch of 128 may not fit into memory. Then it comes in four *micro-batches* of 32, and the
# optimizer steps once after all four. Eq. 11 must give the same as for the joined batch. The sums and the counts of the
# micro-batches add up to those of the whole. The quotients do not:

# %%
parts = list(zip(x_big.split(32), a_big.split(32), y_big.split(32), strict=True))  # four micro-batches of 32
keeper = ClassCenters(7, 8)
keeper.centers.copy_(c_big)
for x_part, a_part, y_part in parts:
    keeper.accumulate(x_part, a_part, y_part)
keeper.step()

joined = c_big - 0.5 * center_delta(x_big, a_big, y_big, c_big)  # (7, 8)
assert torch.equal(keeper.centers, joined), "the same to the last bit"

# %%
averaged = sum(center_delta(*part, c_big) for part in parts) / 4  # the tempting shortcut
try:
    check.value(c_big - 0.5 * averaged, joined, "the step by the mean of four deltas")
    raise RuntimeError("the check missed it")
except AssertionError as message:
    print(message)

# %% [markdown]
# ### Exercise 3: accumulate
#
# Write `my_accumulated_delta(parts, c, eps)`: the Δ of the whole batch, $(K, d)$, from a list of micro-batches
# `(x, a, y)`.
#
# <details><summary>Hint 1</summary>Which two things may be added up over micro-batches?</details>
# <details><summary>Hint 2</summary>Keep a (K, d) tensor of sums and a (K,) tensor of counts; all micro-batches see the
# same centers.</details>
# <details><summary>Hint 3</summary>Divide once, at the end. ε is added once a step, not once a micro-batch.</details>

# %%
def my_accumulated_delta(parts, c, eps):
    raise NotImplementedError()  # your lines here


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_accumulated_delta(parts, c, eps):
    sums, counts = torch.zeros_like(c), torch.zeros(len(c))  # (K, d), (K,)
    for x, a, y in parts:
        sums = sums.index_add(0, y, a * (c[y] - x))
        counts = counts + torch.bincount(y, minlength=len(c))
    return sums / (eps + counts)[:, None]


my_accumulated_delta = attempt(my_accumulated_delta, answer_accumulated_delta)

# %%
whole = center_delta(x_big, a_big, y_big, c_big, eps=1.0)  # (7, 8)
check.shape(my_accumulated_delta(parts, c_big, 1.0), (7, 8), "the accumulated Δ")
check.value(my_accumulated_delta(parts, c_big, 1.0), whole, "the accumulated Δ", tolerance=1e-5)
judged(my_accumulated_delta, "four micro-batches give the step of the whole batch")

# %% [markdown]
# ## What goes wrong in an optimizer
#
# It is tempting: make the centers a parameter, hand them to SGD with all the rest, done. Eq. 4 has a gradient for them,
# after all. Four things then reach the centers that should not.
#
# **1. λ and the learning rate.** The gradient arrives multiplied by λ = 0.01, and SGD multiplies it by $\mu = 0.01$,
# which the schedule lowers further. For a class with 18 of 128 samples:

# %%
share_sgd = 0.01 * 0.01 * 18 / 128  # μ λ n/m
share_rule = 0.5 * 18 / (1 + 18)  # α n/(ε + n)
print(f"share of the way in one step: SGD {share_sgd:.1e}, rule {share_rule:.2f}")
print(f"the rule goes {share_rule / share_sgd:,.0f} times as far")

# %% [markdown]
# How many steps until half of the way is done? After $t$ steps with the share $s$, the part $(1-s)^t$ of the way is left.

# %%
import math

steps = [math.ceil(math.log(0.5) / math.log(1 - share)) for share in (share_sgd, share_rule)]
print("steps until half way: SGD", steps[0], " rule", steps[1])

# %% [markdown]
# About 49,000 steps for half the way; RAF-DB with batches of 128 has 96 steps an epoch, 5,760 in all 60. Momentum 0.9
# makes it ten times faster, the falling learning rate slower again. Such centers stay near their random start, and the
# loss pulls the features of each class to a random point. (Some implementations do keep centers in an optimizer: one of
# its own, without momentum and decay, with its own large rate, and they divide the gradient by λ. That rebuilds part of
# the rule by hand.)
#
# **2. Momentum.** The optimizer remembers. A class that leaves the batch goes on moving.
#
# **3. Weight decay.** It pulls every parameter towards 0, in each step, also for classes that are absent.
#
# Let us watch 2 and 3. One center at 1 in one dimension, its samples at 3. The class is in the batch for 10 steps, and
# then absent for 50. To make the effects visible we drop λ and take large rates:

# %%
def as_parameter(steps=60, present=10, **settings):
    """Return the center (steps + 1,) of class 0 when it is a parameter of SGD; class 1 fills the batch later."""
    centers = torch.nn.Parameter(torch.tensor([[1.0], [1.0]]))
    optimizer = torch.optim.SGD([centers], **settings)
    path = [1.0]
    for t in range(steps):
        labels = torch.full((4,), 0 if t < present else 1)
        optimizer.zero_grad()
        sparse_center_loss(torch.full((4, 1), 3.0), torch.ones(4, 1), labels, centers).backward()
        optimizer.step()
        path.append(centers[0].item())
    return torch.tensor(path)


# %%
def as_rule(steps=60, present=10, alpha=0.1):
    keeper = ClassCenters(2, 1, alpha=alpha, init="zeros")
    keeper.centers.fill_(1.0)
    path = [1.0]
    for t in range(steps):
        keeper.accumulate(torch.full((4, 1), 3.0), None, torch.full((4,), 0 if t < present else 1))
        keeper.step()
        path.append(keeper.centers[0].item())
    return torch.tensor(path)


# %%
paths = {
    "Eq. 11": as_rule(),
    "SGD with momentum 0.9": as_parameter(lr=0.02, momentum=0.9),
    "SGD with weight decay 0.1": as_parameter(lr=0.1, weight_decay=0.1),
}
for name, path in paths.items():
    print(f"{name:<27}when the class leaves {rounded(path[10], 2)}   50 steps later {rounded(path[-1], 2)}")

# %%
rule, momentum, decay = paths.values()
assert (rule[11:] == rule[10]).all(), "absent classes do not move, to the last bit"
assert momentum[-1] > momentum[10] + 0.3, "momentum goes on"
sunk = decay[10] * (1 - 0.1 * 0.1) ** 50  # decay shrinks it by the share μ·wd in each step
assert torch.allclose(decay[-1], sunk, rtol=1e-4)

# %% [markdown]
# **What to see in the figure:** from step 10 on the class is absent (grey). The center of the rule stands still. With
# momentum it coasts on, past its samples. With weight decay it sinks towards 0.

# %%
figure = go.Figure()
looks = [(BLUE, "solid"), (ORANGE, "dash"), (PURPLE, "dashdot")]
for (name, path), (colour, dash) in zip(paths.items(), looks, strict=True):
    figure.add_scatter(y=rounded(path), name=name, line={"color": colour, "dash": dash})
figure.add_hline(y=3, line_dash="dot", annotation_text="its samples")
figure.add_vrect(x0=10, x1=60, fillcolor="#999999", opacity=0.15, line_width=0)
figure.update_layout(title="A class leaves the batch after ten steps", xaxis_title="step", yaxis_title="its center")
figure.update_layout(width=760, height=380)
show(figure, alt="""Three curves rise from 1 towards the samples at 3 for ten steps. Then the class is absent:
the rule's center stays level, the one with momentum rises past the samples to 4, the one with weight decay
sinks.""")

# %% [markdown]
# **4. Everything else that touches parameters or gradients**: the loss scaler of mixed precision, gradient clipping
# (whose norm then counts the centers too), a change of the schedule. With `ClassCenters` none of them can.
#
# That is also why α and λ can be tuned apart: λ says how hard features are pulled to centers, α how fast centers follow
# features.

# %% [markdown]
# ## What was shown
#
# - Eq. 11 by hand, as a loop, as a matrix product, as `center_delta`: all equal.
# - It has the direction of the gradient, but divides by $\epsilon + n_k$ and not by $m$: rare classes keep up.
# - ε = 1 halves the step of a class with one sample; ε = $10^{-6}$ trusts a single sample fully.
# - α makes a moving average: lag against jitter, $\ell = v(1-r)/r$.
# - Low attention slows its dimension; at rest a center is the attention-weighted mean.
# - Absent classes do not move, which no optimizer with momentum or decay grants; micro-batches add up to the same bits.
#
# **Try next:** give `follow` a jump instead of a drift, and count the steps until the center has caught up. Then
# [07_training](07_training.ipynb): Algorithm 1, line by line, and a real training.
#
# **Three questions**
#
# <details><summary>Question 1. Is the loss of a batch computed with the centers before or after the update?</summary>
# Before: lines 7 and 13 of Algorithm 1 both use the centers of step t; line 15 makes those of step t + 1.
# </details>
#
# <details><summary>Question 2. Two GPUs each see half of a batch. What must they exchange so that their centers stay
# equal?</summary>
# The sums and the counts, K·(d + 1) numbers, once a step; then both divide and step alike. Exchanging deltas would be
# wrong.
# </details>
#
# <details><summary>Question 3. Could the sparse center loss be made zero without learning anything?</summary>
# Yes: all features and all centers in one point. Neither Eq. 4 nor Eq. 11 forbids it; the softmax loss does, since equal
# features cannot be told apart.
# </details>
