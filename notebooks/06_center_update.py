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
# ![The network with the centers, and what moves them, marked: features x and attention a.](drawings/network_rule.svg)
#
# **The question.** Everything in the network learns by gradients. Why not the centers? Hand them to the optimizer like all the rest, and after 60 epochs they have gone about a quarter of the way. And what does
# attention do to them?
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
    print(
        "class",
        k,
        " numerator",
        rounded(numerator),
        " n",
        n_k,
        " delta",
        rounded(delta_loop[k]),
    )

# %% [markdown]
# The vectorised form writes the Kronecker delta as a matrix of zeros and ones. One product selects *and* sums:
#
# ![A matrix of zeros and ones, a row for each class, times what each sample asks: row by row it adds the samples of one class. Divided by 1 + n that is Δ.](drawings/scatter_sum.svg)

# %%
selects = torch.nn.functional.one_hot(y, K).float()  # δ: (m, K), one 1 in each row
n = selects.sum(dim=0)  # samples of each class: (K,)
asked = a * (c[y] - x)  # (m, d)
delta = selects.T @ asked / (eps + n)[:, None]  # (K, m) @ (m, d) -> (K, d)

# %% [markdown]
# And the function of the package:

# %%
from dacl_edu.centers import center_delta

delta_package = center_delta(x, a, y, c, eps=eps)
assert torch.allclose(delta, delta_loop) and torch.allclose(delta, delta_package)

# %% [markdown]
# The step itself is line 15 of Algorithm 1:

# %%
moved = c - alpha * delta  # (K, d)
print("before", rounded(c))
print("after ", rounded(moved))

# %% [markdown]
# **What to see in the figure:** the crosses are the centers, before on the left and after on the right. Each center moves
# towards its samples. It does not move straight to their mean, because attention weighs the two directions differently:
# class 0 is pulled right at full strength, and up at half by two of its samples. The lone center of class 2, not drawn, stays.

# %%
from dacl_edu.plots import points

title = "One step of Eq. 11 with α = ½, ε = 1"
show(points({"before": x, "after": x}, y, title, """Center 0 moves from the origin right
and a little up towards its three samples. Center 1 moves left and up towards its two
samples. Center 2, without samples, stays at (2, -2) and is not drawn.""",
            centers={"before": c, "after": moved}))

# %% [markdown]
# ### Exercise 1: Eq. 11 without the matrix of zeros and ones
#
# *medium · 10 minutes*
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
x_big, a_big, c_big = torch.randn(128, 8), torch.rand(128, 8), torch.randn(7, 8)
y_big = torch.randint(0, 6, (128,))
check.shape(my_center_delta(x, a, y, c, eps), (K, d), "Δ")
check.value(my_center_delta(x, a, y, c, eps), delta_loop, "Δ of five samples", 1e-5)
for e in (1.0, 0.25):
    big, wanted = (
        f(x_big, a_big, y_big, c_big, e) for f in (my_center_delta, center_delta)
    )
    check.value(big, wanted, f"Δ of 128 samples with ε = {e}", tolerance=1e-5)
judged(my_center_delta, "shape and values are right")

# %% [markdown]
# ## A rule, not a gradient
#
# The paper lists Eq. 11 right after Eq. 9 and 10, and it does look like a gradient. Is it? Differentiate Eq. 4 with respect to
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
assert torch.allclose(gradient, delta * (eps + n)[:, None] / m)
print("gradient / rule, class by class:", rounded((eps + n) / m))

# %% [markdown]
# Class 2 shows 0.2 there, but both are zero for it. For the others the ratio differs *between classes*: no learning
# rate can turn one into the other.
#
# What that means for a batch of 128 with one common and one rare class: how far does one step of rate 1 go, as a share of
# the way from the center to the mean of its samples? (Attention is 1.)

# %%
counts = torch.tensor([60.0, 2.0])  # n_k of the common and of the rare class
shares = {"gradient": counts / 128, "rule": counts / (1 + counts)}  # n/m, n/(ϵ + n)
for name, (common, rare) in shares.items():
    print(f"{name:<9} common {common:.3f}  rare {rare:.3f}  ratio {common / rare:.1f}")

# %% [markdown]
# With the gradient the center of the common class moves 30 times as fast as that of the rare one. With the rule, the
# two are nearly alike. In RAF-DB "happiness" has about 17 times as many training images as "fear": that is what the
# rule is for.
#
# ### Exercise 2: from the rule to the gradient
#
# *medium · 5 minutes*
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
    shares = [count / (e + count) for count in (1, 2, 5, 18)]
    print(f"share of the way, ε = {e:<6g}", rounded(shares, 3))
mean_0 = x[y == 0].mean(dim=0)
step = center_delta(x, torch.ones_like(x), y, c, eps=1.0)[0]
assert torch.allclose(step, 3 / 4 * (c[0] - mean_0))

# %% [markdown]
# **What to see in the figure:** the share of the way to the batch mean, against the number of samples. With
# $\epsilon = 10^{-6}$ a single odd sample drags its center as far as a hundred good ones would. With $\epsilon = 1$ the
# rule trusts the batch more, the more samples of the class are in it. A larger ε trusts it less.

# %%
from dacl_edu.plots import lines

count = torch.arange(1, 31)  # (30,)
drawn = {f"ε = {e:g}": (count, count / (e + count)) for e in (1e-6, 1.0, 5.0)}
show(lines(drawn, "How far a class trusts its batch", """Three curves. For epsilon one
millionth the share is 1 for every count. For epsilon 1 it starts at one half and
approaches 1. For epsilon 5 it starts at one sixth and is still below 0.9 at thirty.""",
           x="samples of the class in the batch, n", y="n / (ε + n)"))

# %% [markdown]
# How much does it matter? A rare class with **one** sample a batch, spread 1 around its true mean 0. The center should
# sit at 0; how far does it jitter, for both ε?

# %%
def jitter(eps, steps=2000):
    source = torch.Generator().manual_seed(0)
    center, path = torch.zeros(1, 1), []
    for _ in range(steps):
        sample = torch.randn(1, 1, generator=source)
        step = center_delta(sample, None, torch.tensor([0]), center, eps)
        center = center - 0.5 * step
        path.append(center.item())
    return torch.tensor(path).std().item()

# %%
for e in (1e-6, 1.0):
    print(f"spread of the center, ε = {e:g}: {jitter(e):.2f}")

# %% [markdown]
# **And ε = 0?** Then an absent class is 0/0. The package treats it as "no step", so no center becomes not-a-number:

# %%
print("ε = 0, absent class:", rounded(center_delta(x, a, y, c, eps=0.0)[2]))

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
        delta = center_delta(batch, weights, labels, center, eps)
        center = center - alpha * delta
        path.append(center.item())
    return means, torch.tensor(path)

# %% [markdown]
# Without noise the lag settles. Call it $\ell$. Each step the mean runs $v$ ahead, then the center closes the share $r$
# of the gap: $\ell = (1-r)(\ell + v)$, hence $\ell = v\,(1-r)/r$. Measured:

# %%
for rate in (0.1, 0.5, 1.0):
    means, path = follow(rate, noise=0.0)
    r = rate * 4 / (1 + 4)
    lag, predicted = (means[-1] - path[-1]).item(), 0.05 * (1 - r) / r
    print(f"alpha {rate}: lag {lag:.3f}, predicted {predicted:.3f}")
    assert abs(lag - predicted) < 2e-3

# %% [markdown]
# **What to see in the figure:** the first line is the true mean. With α = 1 the center is close behind but trembles
# with each batch; with α = 0.1 it is smooth and far behind; α = 0.5, the paper's choice, is between. The last line
# has α = 0.5 *and attention 0.1*: it is even slower than α = 0.1.

# %%
settings = {
    "α = 1": (1.0, 1.0),
    "α = 0.5": (0.5, 1.0),
    "α = 0.1": (0.1, 1.0),
    "α = 0.5, attention 0.1": (0.5, 0.1),
}
drawn = {"true mean": follow(0.5, steps=60)[0]}
for name, (rate, attention) in settings.items():
    drawn[name] = follow(rate, attention, steps=60, noise=1.0)[1]
show(
    lines(
        drawn,
        "A center follows drifting features",
        """A rising line, the true mean, and four centers that follow it. Alpha 1 is
close and jagged, alpha one half close and smoother, alpha one tenth clearly
below, with attention one tenth farthest below.""",
        x="step",
        y="position",
    )
)

# %% [markdown]
# ### Low attention makes slow centers
#
# Look at the denominator again: it counts samples and does **not** add up attention. So attention 0.1 makes the step
# ten times shorter, just as a ten times smaller α would:

# %%
slow, small = follow(0.5, attention=0.1)[1], follow(0.05, attention=1.0)[1]
assert torch.allclose(slow, small, atol=1e-5)

# %% [markdown]
# (Dividing by the sum of the attention instead would take that brake away: lesson 09 (a) trains it.) In lesson 05 a step lowers attention where features are far from their center. There the center becomes slow as well,
# dimension by dimension.
#
# And *where* does a center come to rest, if the same batch comes again and again? Where the numerator is 0:
# $\sum_i a_i \odot (c - x_i) = 0$, that is, at the mean **weighted by attention**:

# %%
resting = c.clone()
for _ in range(300):
    resting = resting - 0.5 * center_delta(x, a, y, resting)
a_0, x_0 = a[y == 0], x[y == 0]  # attention and features of class 0
weighted_mean = (a_0 * x_0).sum(dim=0) / a_0.sum(dim=0)  # (d,)
print("class 0 at rest", rounded(resting[0], 3), " weighted", rounded(weighted_mean, 3))
print("plain mean", rounded(mean_0, 3))

# %% [markdown]
# ## Move α and ε
#
# The same five samples, over and over, for six steps. It opens at α = ½, ε = 1. **Task:** set ε to 10: which class is held back more? Then α = 1 with ε = 0: one step, and the
# center is there, in the dimension where attention is 1; where attention is ½ it takes half the way.

# %%
from dacl_edu.widgets.explore import explore


def trail(α, ε):
    """Draw the way of centers 0 and 1 when the same batch comes six times."""
    path = [c]
    for _ in range(6):
        path.append(path[-1] - α * center_delta(x, a, y, path[-1], ε))
    ways = torch.stack(path)  # (7, K, d)
    drawn = {f"center {k}": (ways[:, k, 0], ways[:, k, 1]) for k in (0, 1)}
    samples = {f"sample {i}": tuple(x[i].tolist()) for i in range(m)}
    figure = lines(drawn, f"α = {α:g}, ε = {ε:g}", "The ways.", "x₁", "x₂", samples)
    return figure.update_traces(mode="lines+markers", selector={"mode": "lines"})

# %%
show(
    explore(trail, α=(0.5, 0.0, 1.0, 0.05), ε=(1.0, 0.0, 10.0, 0.5)),
    alt="""Five samples and the ways of two centers over six steps, with sliders for
alpha and epsilon. With one half and 1 both centers get near their samples.""",
)

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
for table in (by_classes, by_features):
    print("standard deviation", rounded(table.centers.std(), 2))
left = (1 - 0.5 * 18 / 19) ** 10
print("left of the start after 10 steps with 18 samples each:", rounded(left, 4))

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
#
# ![Sums and counts of two parts are added first and divided once; dividing each part and averaging gives another number.](drawings/micro_batches.svg)

# %%
parts = list(zip(*(t.split(32) for t in (x_big, a_big, y_big)), strict=True))  # four
keeper = ClassCenters(7, 8)
keeper.centers.copy_(c_big)
for x_part, a_part, y_part in parts:
    keeper.accumulate(x_part, a_part, y_part)
keeper.step()

joined = c_big - 0.5 * center_delta(x_big, a_big, y_big, c_big)  # (7, 8)
assert torch.equal(keeper.centers, joined), "the same to the last bit"

# %% [markdown]
# ### Exercise 3: accumulate
#
# *medium · 10 minutes*
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
mine = my_accumulated_delta(parts, c_big, 1.0)
check.shape(mine, (7, 8), "the accumulated Δ")
check.value(mine, whole, "the accumulated Δ", tolerance=1e-5)
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

for name, share in (("SGD", share_sgd), ("rule", share_rule)):
    steps = math.ceil(math.log(0.5) / math.log(1 - share))
    print(f"steps until half way, {name}: {steps:,}")

# %% [markdown]
# About 49,000 steps for half the way; RAF-DB with batches of 128 has 96 steps an epoch, 5,760 in all 60. Momentum 0.9
# makes it ten times faster; the learning rate, divided by ten after 20 and after 40 epochs, makes it slower again. Together that is about a quarter of the way
# in 60 epochs. Such centers stay near their random start, and the
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
def batch_at(t):  # class 0 for ten steps, then class 1
    return torch.full((4, 1), 3.0), torch.full((4,), 0 if t < 10 else 1)


def as_parameter(steps=60, **settings):
    """Return the center (steps + 1,) of class 0 when it is a parameter of SGD."""
    centers, path = torch.nn.Parameter(torch.ones(2, 1)), [1.0]
    optimizer = torch.optim.SGD([centers], **settings)
    for t in range(steps):
        samples, labels = batch_at(t)
        optimizer.zero_grad()
        sparse_center_loss(samples, torch.ones(4, 1), labels, centers).backward()
        optimizer.step()
        path.append(centers[0].item())
    return torch.tensor(path)

# %%
def as_rule(steps=60):
    keeper, path = ClassCenters(2, 1, alpha=0.1, init="zeros"), [1.0]
    keeper.centers.fill_(1.0)
    for t in range(steps):
        samples, labels = batch_at(t)
        keeper.accumulate(samples, None, labels)
        keeper.step()
        path.append(keeper.centers[0].item())
    return torch.tensor(path)

# %%
paths = {"Eq. 11": as_rule(), "momentum 0.9": as_parameter(lr=0.02, momentum=0.9),
         "weight decay 0.1": as_parameter(lr=0.1, weight_decay=0.1)}
for name, path in paths.items():
    print(f"{name:<17} when the class leaves {path[10]:.2f}, later {path[-1]:.2f}")

# %% [markdown]
# **What to see in the figure:** from step 10 on the class is absent. The center of the rule stands still. With
# momentum it coasts on, past its samples. With weight decay it sinks towards 0.

# %%
show(
    lines(
        paths,
        "A class leaves the batch after ten steps",
        """Three curves rise from 1 towards the samples at 3 for ten steps. Then the
class is absent: the center of the rule stays level, with momentum it rises
past the samples to 4, with weight decay it sinks.""",
        x="step",
        y="its center",
    )
)

# %% [markdown]
# **4. Everything else that touches parameters or gradients**: the loss scaler of mixed precision, gradient clipping
# (whose norm then counts the centers too), a change of the schedule. With `ClassCenters` none of them can.
#
# That is also why α and λ can be tuned apart: λ says how hard features are pulled to centers, α how fast centers follow
# features.

# %% [markdown]
# ## The three suspects
#
# | suspect | evidence of this lesson |
# |---|---|
# | selection of dimensions | none for or against; but note that attention also says how fast a center moves, dimension by dimension, so "selection" reaches the centers too |
# | a smaller λ | not quite the same thing any more: equal weights $w$ are a smaller λ in the loss, but in Eq. 11 they also slow the centers, as a smaller α would |
# | luck | not asked: these are toys, and the only chance in them is the noise we added |

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
