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
# # Center loss: pulling each sample to the middle of its class
#
# ![The network with features, centers and the loss between them marked.](drawings/network_centers.svg)
#
# **The question.** Softmax loss leaves classes wide. Pull each sample to the middle of its class: does the class become compact, or does everything just become *small*?
#
# **After this notebook you can** compute Eq. 3 with pencil and paper, derive its gradient, say which centers are best, train softmax loss and
# center loss together, measure how compact classes are, and recognise a λ that is too large.
#
# **Minutes:** 40. **Builds on:** [01_softmax_loss](01_softmax_loss.ipynb): softmax loss separates classes, but leaves them wide.
#
# **The equation.** Each class gets a **center** $c_k$, a point in the space of the features. A sample pays for the squared distance to the
# center of its own class:
#
# $$\mathcal{L}_C = \frac{1}{2m}\sum_{i=1}^{m}\sum_{j=1}^{d}(x_{ij}-c_{y_i j})^2 \tag{Eq. 3}$$
#
# | symbol | what it is | shape |
# |---|---|---|
# | $x$ | deep features, one row a sample | $(m, d)$ |
# | $y$ | the class of each sample, from 0 to $K-1$ | $(m)$ |
# | $c$ | the centers, one row a class | $(K, d)$ |
#
# The double sum is an old friend of statistics, the **within-cluster sum of squares** (WCSS): *k*-means makes the same sum small. The paper
# prints bars, $\lVert x_{ij}-c_{y_i j}\rVert_2^2$, the norm of a single number; that is simply its square (see
# [the list of misprints](../docs/errata.md)).

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
# Four samples, two dimensions, two classes.

# %%
x = torch.tensor([[1.0, 2.0],  # class 0
                  [3.0, 0.0],  # class 0
                  [-2.0, -1.0],  # class 1
                  [-3.0, 1.0]])  # class 1; x is (m, d) = (4, 2)
y = torch.tensor([0, 0, 1, 1])  # (m,)

# %%
c = torch.tensor([[1.0, 0.0],  # the center of class 0
                  [-2.0, 0.0]])  # the center of class 1; c is (K, d) = (2, 2)
m, d = x.shape
K = len(c)

# %% [markdown]
# **What to see:** each dashed line joins a sample to its own center. Square the lengths, add them up, divide by $2m = 8$: that is Eq. 3.

# %%
from dacl_edu.plots import points

show(
    points(
        {"": x},
        y,
        "Four samples and their centers",
        """Two samples of class 0 right of the middle and two of class 1 left of it,
each joined to the center of its class by a dashed line.""",
        centers={"": c},
    )
)

# %% [markdown]
# ## Eq. 3, three times
#
# Long-hand, as the formula is written:

# %% tags=["eq-3"]
L_loop = torch.tensor(0.0)
for i in range(m):
    for j in range(d):
        L_loop += (x[i, j] - c[y[i], j]) ** 2
L_loop = L_loop / (2 * m)
print(rounded(L_loop))

# %% [markdown]
# Then one line. The only trick is `c[y]`: indexing the $(K, d)$ centers with $m$ labels gives $m$ rows, to each sample its own center.
#
# ![Labels 0, 0, 1, 1 pick rows of the two centers: c[y] has four rows, one for each sample; x − c[y] is the difference.](drawings/gather.svg)

# %%
L_one_line = ((x - c[y]) ** 2).sum() / (2 * m)  # (K, d) indexed by (m,) -> (m, d)

# %% [markdown]
# And the function of the package. All three are the same number; shapes are compared first.

# %%
from dacl_edu.losses import center_loss

L_C = center_loss(x, y, c)
assert L_loop == L_one_line == L_C
print("(0+4) + (4+0) + (0+1) + (1+1) = 11, and 11 / 8 =", rounded(L_C))

# %% [markdown]
# ## Which centers are best?
#
# Keep the features fixed and look for the centers that make Eq. 3 smallest. The slope with respect to $c_k$ is
# $-\frac1m\sum_{i:\,y_i=k}(x_i - c_k)$. It is 0 where $c_k$ is the **mean** of its class.
#
# ### Exercise 1: class means
#
# *easy · 5 minutes*
#
# Write `my_class_means(x, y, K)`, which returns the $(K, d)$ means of the classes.
#
# <details><summary>Hint 1</summary>For one class k, <code>y == k</code> is a row of m truth values. What does <code>x[y == k]</code> give?</details>
# <details><summary>Hint 2</summary>The mean over samples is <code>mean(dim=0)</code>; the shape goes from (n<sub>k</sub>, d) to (d).</details>
# <details><summary>Hint 3</summary><code>torch.stack</code> makes (K, d) of a list of K rows.</details>
#
# Until your function is written, the page goes on with the folded answer below it, and the check says so.

# %%
def my_class_means(x, y, K):
    raise NotImplementedError()  # your line here

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_class_means(x, y, K):
    return torch.stack([x[y == k].mean(dim=0) for k in range(K)])


my_class_means = attempt(my_class_means, answer_class_means)

# %%
means = torch.tensor([[2.0, 1.0], [-2.5, 0.0]])  # by hand
check.shape(my_class_means(x, y, K), (K, d), "the table of means")
check.value(my_class_means(x, y, K), means, "the table of means")
# another batch, its classes out of order
x_5, y_5 = torch.randn(5, 4), torch.tensor([2, 0, 2, 1, 2])
means_5 = torch.stack([x_5[1], x_5[3], (x_5[0] + x_5[2] + x_5[4]) / 3])
check.value(my_class_means(x_5, y_5, 3), means_5, "the table of means of another batch")
judged(my_class_means, "the means are right")

# %% [markdown]
# With the means as centers the loss is smaller, and moving any center away makes it larger again:

# %%
L_at_means = center_loss(x, y, means)
print("at c", rounded(L_C), " at the means", rounded(L_at_means))
assert L_at_means < L_C
assert center_loss(x, y, means + 0.1) > L_at_means

# %% [markdown]
# In training the features move at every step, so the means move too. Recomputing them from all images each time would be slow. The paper lets
# each center drift to the mean of its class in the current batch, by a rule of its own (Eq. 11, lesson 06).
#
# ## The gradient by hand
#
# Each term of Eq. 3 is a square. The derivative of $\frac{1}{2m}(x_{ij}-c)^2$ is $\frac1m(x_{ij}-c)$; the ½ is there to cancel the 2:
#
# $$\frac{\partial \mathcal{L}_C}{\partial x_i} = \frac{x_i - c_{y_i}}{m}$$
#
# It points from the center to the sample. Training goes *against* it, so each sample is pulled straight to its center, the farther the
# stronger. Compare lesson 01: there the pull faded once a sample was right.
#
# ### Exercise 2: the gradient
#
# *medium · 10 minutes*
#
# Write `my_center_gradient(x, y, c)`. It returns a dictionary with the gradients with respect to `x`, $(m, d)$, and to `c`, $(K, d)$. The check calls it with
# float64 numbers: a tensor of your own takes its type from `x` or `c`.
#
# <details><summary>Hint 1</summary>Compute D = x − c[y] first; both gradients are made of it.</details>
# <details><summary>Hint 2</summary>The gradient of c<sub>k</sub> collects −D/m from the samples of class k only.</details>
# <details><summary>Hint 3</summary>Begin with <code>torch.zeros_like(c)</code> and add rows at the places y: <code>.index_add(0, y, rows)</code>.</details>

# %%
def my_center_gradient(x, y, c):
    raise NotImplementedError()  # your lines here: return {"x": ..., "c": ...}

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_center_gradient(x, y, c):
    D = x - c[y]  # (m, d)
    return {"x": D / len(x), "c": torch.zeros_like(c).index_add(0, y, -D / len(x))}


my_center_gradient = attempt(my_center_gradient, answer_center_gradient)

# %%
def loss_of_all(x, y, c):
    return center_loss(x, y, c)


variables = {"x": x, "y": y, "c": c}
others = {"x": x_5, "y": y_5, "c": torch.randn(4, 4)}  # no sample of class 3
check.gradient(loss_of_all, my_center_gradient, variables, wrt=("x", "c"))
check.gradient(loss_of_all, my_center_gradient, others, wrt=("x", "c"))
judged(my_center_gradient, "both gradients are right, also without a sample of class 3")
print(rounded(my_center_gradient(x, y, c)["x"]))

# %% [markdown]
# The same table as in the lessons to come: autograd and your formula, each compared with finite differences.

# %%
from dacl_edu.check.gradients import compare_gradients, gradient_table

rows = compare_gradients(
    loss_of_all, variables, wrt=("x", "c"), hand_written=my_center_gradient
)
print(gradient_table(rows))

# %% [markdown]
# Two wrong ones. The first sums over the dimensions, as one may do after reading the norm bars literally; its *shape* gives it away. The second
# forgets the mean.

# %%
def reads_the_norm(x, y, c):
    return {"x": (x - c[y]).norm(dim=1) / len(x)}


def forgets_the_mean(x, y, c):
    return {"x": x - c[y]}


for wrong in (reads_the_norm, forgets_the_mean):
    try:
        check.gradient(loss_of_all, wrong, variables, wrt=("x",))
        raise RuntimeError("the check missed it")
    except AssertionError as message:
        print(f"{wrong.__name__}: {message}")

# %% [markdown]
# ## What a step does
#
# Move the features themselves against the gradient, with step size $\eta$: $x_i \leftarrow x_i - \frac{\eta}{m}(x_i - c_{y_i})$. The distance to the
# center shrinks by the same factor $1 - \eta/m$ each time. Here $\eta = 1$ and $m = 4$, so the factor is 0.75.

# %%
eta, x_t = 1.0, x.clone()
for t in range(1, 6):
    x_t = x_t - eta * my_center_gradient(x_t, y, c)["x"]  # (m, d)
    expected = c[y] + (1 - eta / m) ** t * (x - c[y])
    assert torch.allclose(x_t, expected)
    print("step", t, " loss", rounded(center_loss(x_t, y, c)))

# %% [markdown]
# No sample ever arrives, and none is left alone. (A real network moves its weights, not its features: a step then moves all features together,
# and not always to where each would like to go.)
#
# ## Together with softmax loss
#
# Center loss alone knows only its own class. It must be joined with softmax loss, which keeps classes apart:
#
# $$\mathcal{L} = \mathcal{L}_S + \lambda \mathcal{L}_C$$
#
# λ says how much a unit of $\mathcal{L}_C$ counts. The paper uses 0.01. The toy is that of lesson 01: six noisy measurements, three classes, a small
# network with a feature of $d = 2$.

# %%
from torch import nn

generator = torch.Generator().manual_seed(0)
y_toy = torch.arange(3).repeat_interleave(60)  # (180,)
# (180, 6)
X_toy = (2 * torch.eye(3, 6)[y_toy] + torch.randn(180, 6, generator=generator)).double()

# %% [markdown]
# The loop is that of lesson 01 with two additions: the term $\lambda \mathcal{L}_C$, and one step of the centers. How should centers move? After each batch, let each go
# a part of the way to the mean of its samples in that batch:
#
# $$c_k \leftarrow c_k + \tfrac12 \cdot \tfrac{n_k}{1 + n_k}\,(\bar x_k - c_k), \qquad n_k \text{ samples of class } k \text{ with the mean } \bar x_k$$
#
# That is all that the package's `ClassCenters` does here, and a first sight of Eq. 11; lesson 06 explains the 1 and the ½. In code: `centers()` is the $(K, d)$ table,
# `accumulate` shows it a batch, `step` moves it. One step of it against the formula:

# %%
from dacl_edu.centers import ClassCenters

centers = ClassCenters(num_classes=2, feature_dim=2, init="zeros")
centers.accumulate(x, None, y)  # None: no attention, every dimension counts
centers.step()
print("from 0 to", rounded(centers()), " class means", rounded(means))
assert torch.allclose(centers(), 0.5 * (2 / 3) * means), "n = 2 in both classes"

# %%
from dacl_edu.losses import softmax_loss


def train_toy(lam, steps=200, with_softmax=True):
    torch.manual_seed(0)
    # X (m, 6) -> x (m, 2)
    net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2)).double()
    classifier = nn.Linear(2, 3).double()  # Eq. 1: x (m, 2) -> z (m, 3)
    centers = ClassCenters(num_classes=3, feature_dim=2, init="zeros").double()
    optimizer = torch.optim.Adam([*net.parameters(), *classifier.parameters()], lr=0.02)
    history = []
    for _ in range(steps + 1):
        x = net(X_toy)
        z = classifier(x)
        history.append((x.detach(), z.detach(), centers.centers.clone()))
        loss = lam * center_loss(x, y_toy, centers())
        if with_softmax:
            loss = loss + softmax_loss(z, y_toy)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        # None: no attention, every dimension counts
        centers.accumulate(x.detach(), None, y_toy)
        centers.step()
    return history, net, classifier

# %%
LAMBDAS = (0.0, 0.01, 0.1, 1.0, 10.0, 100.0)
trained = {lam: train_toy(lam) for lam in LAMBDAS}
x_end, z_end, c_end = trained[1.0][0][-1]

# %% [markdown]
# ## Compactness and separation, as numbers
#
# As in lesson 01: **within** is the mean distance to the class mean, **between** the smallest distance of two class means. Look at their *ratio*,
# not at within alone: dividing all features by ten makes every class ten times tighter and nothing better.

# %%
def describe(x, z):
    means = my_class_means(x, y_toy, 3)  # (3, 2)
    accuracy = (z.argmax(dim=1) == y_toy).double().mean().item()
    within = (x - means[y_toy]).norm(dim=1).mean().item()
    between = torch.pdist(means).min().item()
    return {
        "accuracy": accuracy,
        "within": within,
        "between": between,
        "ratio": within / between,
    }


smaller = describe(x_end / 10, z_end)
assert abs(smaller["ratio"] - describe(x_end, z_end)["ratio"]) < 1e-9

# %%
summary = {}
for lam, (history, net, classifier) in trained.items():
    x_end, z_end, _ = history[-1]
    summary[lam] = {
        **describe(x_end, z_end),
        "size of W": classifier.weight.norm().item(),
    }
    print(f"λ = {lam:<6}", rounded(summary[lam], 2))
assert (
    summary[1.0]["accuracy"]
    > 0.98
    > summary[10.0]["accuracy"]
    > summary[100.0]["accuracy"]
)

# %% [markdown]
# **What to see** in the figure, all panels on the same axes: the larger λ, the smaller everything. With λ = 0 there are three wide wedges, with
# λ = 100 a single dot.

# %%
clouds = {lam: trained[lam][0][-1][0] for lam in (0.0, 0.1, 1.0, 100.0)}
panels = {f"λ = {lam:g}": cloud for lam, cloud in clouds.items()}
show(
    points(
        panels,
        y_toy,
        "The feature x after 200 steps",
        """Four scatter plots of the feature for λ = 0, 0.1, 1 and 100 on the same
axes. Three wide wedges, then three smaller clusters, then three much
smaller ones, then a single dot.""",
    )
)

# %% [markdown]
# Smaller is not yet more compact. So here is each cloud again, moved to the middle and magnified until the two nearest class means are 1 apart. **What to see:** from λ = 0 to
# λ = 1 the classes draw together, and the middle empties: that is the falling ratio. With λ = 100 two of them
# run into each other.

# %%
def magnified(lam):
    cloud = clouds[lam] - clouds[lam].mean(dim=0)
    return cloud / summary[lam]["between"]


panels = {f"λ = {lam:g}": magnified(lam) for lam in clouds}
title = "The same, magnified: the nearest class means are 1 apart"
show(points(panels, y_toy, title, """For λ = 0 wide wedges that touch, for 0.1 and 1
tighter clusters, for 100 a long band in which two classes run into each other."""))

# %% [markdown]
# ## An explorer: λ and time
#
# It opens at λ = 1 after 200 steps. **Task:** hold λ at 0 and drag *step* from 0 to 200: the wedges grow. Do the same with λ = 1: the clusters form and stay small. Then
# λ = 100 with *zoom*: from which step on is there anything to classify?

# %%
from dacl_edu.widgets.explore import explore


def embedding(λ, step, zoom):
    x, z, c = trained[λ][0][step]
    reach = 1.1 * x.abs().max().item() if zoom == "on the samples" else 11.0
    title = "  ".join(f"{name} {number:.2f}" for name, number in describe(x, z).items())
    figure = points({"": x}, y_toy, title, "The feature and its centers.", {"": c})
    return figure.update_xaxes(range=[-reach, reach]).update_yaxes(
        range=[-reach, reach]
    )

# %%
zooms = ["the same for all", "on the samples"]
show(
    explore(embedding, λ=(list(LAMBDAS), 1.0), step=(200, 0, 200, 5), zoom=zooms),
    alt="Controls for λ, step and zoom above the feature of 180 samples and 3 centers.",
)

# %% [markdown]
# ## When λ is too large: collapse
#
# Eq. 3 has a minimum that is easy to reach: put *all* features and *all* centers on one point. The loss is then 0, and nothing can be told apart.
# Center loss alone goes straight there:

# %%
history, _, _ = train_toy(1.0, with_softmax=False)
x_end, z_end, c_end = history[-1]
L_C, accuracy = center_loss(x_end, y_toy, c_end), describe(x_end, z_end)["accuracy"]
print("center loss", rounded(L_C), " accuracy", rounded(accuracy, 2))
assert L_C < 1e-4 and accuracy < 0.4, "no better than guessing one of three"

# %% [markdown]
# Joined with softmax loss, a λ of 100 does nearly the same in the first steps. Then the classifier finds a way out: its weights $W$ grow, so that tiny
# differences of $x$ still give different scores. The table above shows this for λ from 0 to 10, where the size of $W$ rises while the features shrink. At
# λ = 100 it takes longer, and after 200 steps $W$ had only begun to grow. So here is the same training, stopped at four moments, the last of
# them later:

# %%
sizes = []
for steps in (25, 100, 200, 400):
    history, _, classifier = train_toy(100.0, steps)
    accuracy = describe(*history[-1][:2])["accuracy"]
    sizes.append(classifier.weight.norm().item())
    print(f"step {steps:3}  size of W {sizes[-1]:5.1f}  accuracy {accuracy:.2f}")
assert sizes == sorted(sizes) and sizes[-1] > summary[10.0]["size of W"]

# %% [markdown]
# Eq. 3 asks for *small* distances, and shrinking everything is one way to get them. A loss that is small because everything is small has made no class more compact.

# %% [markdown]
# ## Does it help on new samples?
#
# Compact classes of *training* samples are not yet a better classifier. Here are 3,000 new samples of the same toy:

# %%
generator = torch.Generator().manual_seed(1)
y_new = torch.arange(3).repeat_interleave(1000)  # (3000,)
X_new = (
    2 * torch.eye(3, 6)[y_new] + torch.randn(3000, 6, generator=generator)
).double()  # (3000, 6)
for lam, (_, net, classifier) in trained.items():
    right = (classifier(net(X_new)).argmax(dim=1) == y_new).double().mean().item()
    old = summary[lam]["accuracy"]
    print(f"λ = {lam:<6} right: training samples {old:.2f}, new ones {right:.2f}")

# %% [markdown]
# On this toy a λ from 0.01 to 1 makes the training samples compact and the new ones no easier. The 180 noisy samples are learnt by heart, and pulling a
# sample with misleading noise to its center does not take the noise away. With λ = 10 the network learns the training samples less well and the new
# ones a little better, as if it had stopped early. One toy and one seed decide nothing. Whether center loss helps on faces is not a matter of argument
# but of an experiment with several seeds: lessons 07 and 10.
#
# ## Why the package subtracts first
#
# Some code computes the squared distance by its expanded form, $\lVert x\rVert^2 + \lVert c\rVert^2 - 2x^Tc$, because that is one matrix product for all
# pairs. On paper it is the same. A float32 has about seven digits, and here is one number of $d$, with a center at 1000:

# %%
c_far = torch.tensor(1000.0)
for distance in (1.0, 0.1, 0.01):
    x_near = c_far + distance
    direct = (x_near - c_far) ** 2
    expanded = x_near**2 + c_far**2 - 2 * x_near * c_far
    print(
        "distance",
        distance,
        " direct",
        rounded(direct, 6),
        " expanded",
        rounded(expanded, 6),
    )

# %% [markdown]
# The expanded form subtracts two millions from two millions; what differs is past the seventh digit and gone. A center at 1000 is far-fetched, so here
# is one at 10, where features of a real network can lie. The true value is computed in float64 (16 digits).

# %%
c_ten = torch.tensor(10.0)
# (16,): 0.56 to 0.0001
distances = torch.tensor([10 ** (-k / 4) for k in range(1, 17)])
x_near = c_ten + distances
true = (x_near.double() - c_ten.double()) ** 2
error_direct = (((x_near - c_ten) ** 2).double() / true - 1).abs()
error_expanded = ((x_near**2 + c_ten**2 - 2 * x_near * c_ten).double() / true - 1).abs()

# %% [markdown]
# **What to see:** both axes are logarithmic; errors below $10^{-8}$ are drawn at $10^{-8}$. The direct form is right to seven digits everywhere. Read it from right to left: the error of the expanded form grows a
# hundredfold when the distance shrinks tenfold; below 0.003 it is as large as the value itself. And small distances are what center loss works for.

# %%
from dacl_edu.plots import lines

errors = {"direct": error_direct, "expanded": error_expanded}
curves = {name: (distances, error.clamp_min(1e-8)) for name, error in errors.items()}
show(
    lines(
        curves,
        "Squared distance in float32",
        """Relative error against distance, both logarithmic. The direct form stays
below 1e-7. The expanded form rises from about 3e-5 at distance 0.56 to 1
and more at distances below 0.003.""",
        x="distance of x to a center at 10",
        y="relative error",
        log="xy",
    )
)

# %% [markdown]
# So the package writes `features - centers[labels]` first and squares then, in float32 even where the network computes in half precision.

# %% [markdown]
# ## The three suspects
#
# | suspect | evidence of this lesson |
# |---|---|
# | selection of dimensions | none: Eq. 3 treats all dimensions alike |
# | a smaller λ | important: λ decides everything here. From 0.01 to 1 the classes draw together, at 100 all collapses. A method that only *changes λ* can look better or worse by that alone |
# | luck | asked for the first time: training samples are no test, and one toy with one seed decides nothing |

# %% [markdown]
# ## What was shown
#
# - Eq. 3 is the mean squared distance of a sample to the center of its class, halved. Loop, one line and package agree to the last digit.
# - For given features the best centers are the class means.
# - The gradient is $(x - c_y)/m$: a pull straight to the center that never stops.
# - Joined with softmax loss it makes classes compact. Too large a λ makes everything compact, also what should be apart.
# - The difference is taken before squaring, for the sake of the digits.
#
# **Try next:** start the centers apart, e.g. `centers.centers.copy_(torch.tensor([[3, 0], [0, 3], [-3, 0]]))` after the line that makes them: does
# λ = 100 still collapse? Add `1e-2 * classifier.weight.square().sum()` to the loss, so that $W$ cannot grow: is there still a way out? Then go on to
# [03_sparse_center_loss](03_sparse_center_loss.ipynb).
#
# **Three questions**
#
# <details><summary>Question 1. A batch holds no sample of class 5. What is the gradient of Eq. 3 with respect to c<sub>5</sub>?</summary>
# Zero. No term of the sum contains it.
# </details>
#
# <details><summary>Question 2. You double the batch, with samples of the same kind. What happens to the loss, and to the gradient of one sample?</summary>
# The loss stays about the same, since it is a mean. The gradient of one sample halves: it is one of twice as many.
# </details>
#
# <details><summary>Question 3. Center loss treats all d dimensions alike. When is that a disadvantage?</summary>
# When some dimensions have nothing to do with the expression: head pose, light, who it is. Faces of a class must differ there, yet the loss presses
# hardest where they differ most. That is where lesson 03 begins.
# </details>
