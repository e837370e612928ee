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
#     mode: lax
#     parameters: true
# ---

# %% [markdown]
# # Embedding: what a picture of features shows, and what it makes up
#
# ![The network with the features x marked.](drawings/network_features.svg)
#
# **The question.** The moving picture of lesson 00 showed three clouds that look much alike. Are they? What may one read from such a picture: that classes are *compact*? that they are *far apart*? Both
# are what the paper claims for its loss, without a picture and without a number. We make both.
#
# **After this notebook you can** measure how compact and how separated the classes are, with numbers that a method cannot improve merely by
# shrinking its features; project features to two dimensions by PCA with your own hands; say what UMAP keeps and what it throws away; and check a picture
# by a number before you believe it.
#
# **Minutes:** 45. **Builds on:** [02_center_loss](02_center_loss.ipynb) (the within-cluster sum of squares),
# [07_training](07_training.ipynb), [10_results](10_results.ipynb).
#
# **From the paper.** Its claim (Sec. 1 and 3) is that the sparse center loss makes features of one class *compact* and of different classes
# *separated*. With $x_i$ the deep
# feature of sample $i$, $y_i$ its class and $c_k$ the mean of class $k$, compactness is what Eq. 3 pulls at:
#
# $$\text{WCSS} = \sum_{i=1}^{n} \lVert x_i - c_{y_i} \rVert_2^2$$
#
# the **w**ithin-**c**luster **s**um of **s**quares.
#
# The next cell says which runs to look at. Left empty, `runs` takes those that come with the project, or trains small ones in seconds. To look at your own:
# `dacl-edu run-notebook 11_embedding -p runs runs/a -p runs runs/b`.

# %% tags=["parameters"]
runs: str | list[str] = ""  # folder of finished runs, or a list; empty: the project's
profile: str = ""  # where no runs are given: smoke (seconds), quick (minutes each)
seed: int = 0  # of the runs that are looked at, and of UMAP
per_class: int = 30  # images of each class
device: str = "auto"  # auto, cpu, cuda, mps
out: str = ""  # folder for runs that are trained here; empty: runs/11_embedding

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
import numpy as np
import torch

from dacl_edu import check
from dacl_edu.check.exercise import attempt, judged
from dacl_edu.lessons.display import check_parameters, rounded, setup, show

settings = check_parameters()  # an unknown name or a wrong type stops here
setup(seed=0)

# %% [markdown]
# ## Compact and separated, measured on six points
#
# Two classes, three samples each, $d = 2$. Draw them on paper first: two triangles, the second one larger and to the right.

# %%
x = torch.tensor(
    [[0.0, 0.0], [2.0, 0.0], [1.0, 3.0], [6.0, 0.0], [10.0, 0.0], [8.0, 6.0]]
)  # (n, d)
y = torch.tensor([0, 0, 0, 1, 1, 1])  # (n,)
n, d, K = 6, 2, 2
assert x.shape == (n, d) and y.shape == (n,)

# %% [markdown]
# ### Compact: WCSS
#
# Long-hand: the mean of each class, then one squared distance after the other.

# %%
c = torch.zeros(K, d)
for k in range(K):
    for i in range(n):
        if y[i] == k:
            c[k] += x[i] / (y == k).sum()

# %%
by_loop = 0.0
for i in range(n):
    for j in range(d):
        by_loop += float((x[i, j] - c[y[i], j]) ** 2)
print("class means", rounded(c), " WCSS", rounded(by_loop))

# %% [markdown]
# In one line, then by the package.

# %%
from dacl_edu.evaluation import geometry

vectorised = ((x - c[y]) ** 2).sum()  # ()
package = geometry.wcss(x, y)
assert abs(by_loop - vectorised) < 1e-4 and abs(by_loop - package) < 1e-4
print("WCSS", rounded(package))

# %% [markdown]
# ### Why WCSS alone deceives
#
# Multiply every feature by one half. The drawing is the same drawing, on smaller paper. Nothing became easier to tell apart.

# %%
half = 0.5 * x
print(
    "WCSS before",
    rounded(geometry.wcss(x, y)),
    " after",
    rounded(geometry.wcss(half, y)),
)
assert abs(geometry.wcss(half, y) - 0.25 * geometry.wcss(x, y)) < 1e-6

# %% [markdown]
# WCSS fell to a quarter. Any loss that pulls features to centers also shrinks features, so it wins at WCSS without separating anything.
# We need numbers that stay the same when the paper gets smaller. The simplest divides by the same sum around the mean of *all* samples,
# $\bar x$:
#
# $$\text{within share} = \frac{\sum_i \lVert x_i - c_{y_i}\rVert^2}{\sum_i \lVert x_i - \bar x\rVert^2}$$
#
# It is 0 when each class is one point, and 1 when all class means are equal.
#
# ### Exercise 1: the within share
#
# *easy · 5 minutes*
#
# Write `within_share(x, y)` for any number of classes.
#
# <details><summary>Hint 1</summary>The numerator is the WCSS from above. You need the class means first.</details>
# <details><summary>Hint 2</summary>The denominator is the same sum with one mean for all: <code>x.mean(dim=0)</code>.</details>
# <details><summary>Hint 3</summary><code>c = torch.stack([x[y == k].mean(dim=0) for k in y.unique()])</code>, if the labels are 0 … K−1.</details>
#
# Until your function is written, the page goes on with the folded answer below it, and the check says so.

# %%
def within_share(x, y):  # (n, d), (n,) -> ()
    raise NotImplementedError()  # your lines here

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_within_share(x, y):
    c = torch.stack([x[y == k].mean(dim=0) for k in range(int(y.max()) + 1)])  # (K, d)
    return ((x - c[y]) ** 2).sum() / ((x - x.mean(dim=0)) ** 2).sum()


within_share = attempt(within_share, answer_within_share)

# %%
check.shape(within_share(x, y), (), "the within share")
expected = torch.tensor(geometry.geometry(x, y)["within share"], dtype=torch.float32)
check.value(within_share(x, y), expected, "the within share")
check.value(within_share(0.01 * x, y), expected, "the within share of smaller features")
judged(within_share, "right.", rounded(within_share(x, y)), "at any scale")

# %% [markdown]
# ### Separated: the silhouette
#
# For one sample: $a$ is its mean distance to the *others of its class*, $b$ its mean distance to the *nearest other class*. The silhouette is
# $(b-a)/\max(a,b)$: near 1 deep inside its class, 0 on the border, below 0 nearer to strangers. (This $a$ has nothing to do with attention.)
# The mean over all samples is one number for the picture.

# %%
scores = []
for i in range(n):
    distances = [float((x[i] - x[j]).norm()) for j in range(n)]
    own = [distances[j] for j in range(n) if y[j] == y[i] and j != i]
    other = [distances[j] for j in range(n) if y[j] != y[i]]  # K = 2: one other class
    inside, outside = sum(own) / len(own), sum(other) / len(other)
    scores.append((outside - inside) / max(inside, outside))
print("each sample", rounded(scores, 3), " mean", rounded(sum(scores) / n))

# %%
D = torch.cdist(x, x)  # (n, n), all distances at once
same = y[:, None] == y[None, :]  # (n, n)
inside = (D * same).sum(dim=1) / (same.sum(dim=1) - 1)  # (n,), one less: not itself
outside = (D * ~same).sum(dim=1) / (~same).sum(dim=1)  # (n,)
vectorised = ((outside - inside) / torch.maximum(inside, outside)).mean()
assert abs(vectorised - geometry.geometry(half, y)["silhouette"]) < 1e-5, "at any scale"

# %% [markdown]
# Which sample has the lowest score, and why that one? Look at your drawing before you read on. (It is the left corner of the large triangle:
# its own class is far from it, and the small triangle is near.)
#
# ## From three numbers to two, by hand: PCA
#
# A deep feature has 128 numbers; paper has two directions. **Principal component analysis** looks along the directions in which the samples
# differ most. Five samples with $d = 3$; the third number hardly changes, so little is lost without it.

# %%
v = torch.tensor([[2.0, 1.0, 0.1], [4.0, 2.0, 0.0], [6.0, 2.0, 0.1],
                  [8.0, 4.0, 0.0], [5.0, 6.0, 0.2]])  # (n, d) = (5, 3)
centred = v - v.mean(dim=0)  # (n, d)
U, S, Vh = torch.linalg.svd(centred, full_matrices=False)  # centred = U diag(S) Vh
share = S**2 / (S**2).sum()
print("share of the squared differences along each direction:", rounded(share, 3))

# %% [markdown]
# The rows of `Vh` are the directions, the most telling first. To project is to multiply by them, one sample and one direction at a time:

# %%
flat = torch.zeros(5, 2)
for i in range(5):
    for j in range(2):
        for l in range(3):
            flat[i, j] += centred[i, l] * Vh[j, l]

# %%
from dacl_edu.evaluation.embedding import embed

package = embed(v, method="pca")
# a direction may point either way
turned = torch.tensor(package.points, dtype=torch.float32)
assert torch.allclose(turned.abs(), flat.abs(), atol=1e-4)
lost = torch.cdist(v, v) - torch.cdist(flat, flat)  # (n, n)
assert (lost > -1e-5).all() and lost.max() < 0.05
print("the largest error in any distance:", rounded(lost.max(), 3))

# %% [markdown]
# PCA is honest in one way: it is a shadow. Distances in a shadow can only be too short, never too long. But with 128 numbers the shadow
# hides a lot, and classes fall on top of each other that are far apart.
#
# ## Neighbours instead of distances
#
# **UMAP** gives up distances and keeps *neighbours*. First it draws a graph in feature space: each sample points to its $k$ nearest ones.
# Then it lays the graph out in the plane: edges pull, everything else pushes. The first half can be done by hand. Take six points on a line:
# three close together, three ten times as far apart.

# %%
line = torch.tensor([[0.0], [1.0], [3.0], [100.0], [110.0], [130.0]])  # (n, 1)
neighbours = []
for i in range(6):
    far = [(abs(float(line[i] - line[j])), j) for j in range(6) if j != i]
    neighbours.append([j for _, j in sorted(far)[:2]])  # k = 2
print(neighbours)

# %%
D = torch.cdist(line, line)  # (n, n)
D.fill_diagonal_(torch.inf)  # nobody is its own neighbour
vectorised = D.topk(2, dim=1, largest=False).indices  # (n, k)
assert geometry.nearest(line, 2).tolist() == neighbours

# %% [markdown]
# An edge has a weight. UMAP measures it with a ruler of each sample's own: $\rho_i$ is the distance to its nearest neighbour, $\sigma_i$ is
# chosen so that the weights of its $k$ edges sum to $\log_2 k$:
#
# $$w_{ij} = \exp\left(-\frac{\lVert x_i - x_j\rVert - \rho_i}{\sigma_i}\right)$$
#
# With $k = 2$ the first weight is always $\exp(0) = 1 = \log_2 2$, so the second must vanish. We take a sum of 1.5 instead, to see
# something: the second weight is then 0.5.

# %%
weights = torch.zeros(6, 2)  # (n, k)
for i in range(6):
    first, second = (float(D[i, j]) for j in neighbours[i])
    σ = (second - first) / np.log(2)  # so that exp(-(second - first) / σ) is 0.5
    weights[i] = torch.tensor([1.0, np.exp(-(second - first) / σ)])
print(rounded(weights))
assert torch.allclose(weights[:3], weights[3:]), (
    "ten times as far apart, the same weights"
)

# %% [markdown]
# ![Six points: 0, 1, 3 and, far away, 100, 110, 130. Each names its two nearest with weights 1 and one half: both groups get the same graph.](drawings/own_rulers.svg)
#
# Look at the two halves: the tight group and the wide group have **the same graph with the same weights**. They must, since each $\sigma_i$
# was chosen so; that is the point. Nothing that comes later can know
# that one was ten times wider, or that a gap of 97 lies between them (no edge crosses it); only the layout's start, here PCA, still hints
# at it. So in a UMAP picture
#
# - the **size** of a cluster says nothing about its spread,
# - the **gap** between clusters says nothing about their distance,
# - the **axes** have no meaning and no unit.
#
# What may be read: who is near whom, and whether a class is in one piece.
#
# ## What UMAP makes up
#
# See it happen. Three round clouds in ten dimensions. A and B are small and stand close together. C is ten times wider and ten times
# farther away.

# %%
generator = np.random.default_rng(0)
spreads, places = (0.3, 0.3, 3.0), (0.0, 4.0, 40.0)
clouds = [generator.normal(size=(40, 10)) * s for s in spreads]  # three of (40, 10)
for cloud, place in zip(clouds, places, strict=True):
    cloud[:, 0] += place
clouds, of = np.vstack(clouds), np.repeat([0, 1, 2], 40)  # (120, 10), (120,)

# %%
def radii_and_gaps(points):  # (n, any), -> radius of A, B, C; distances A-B and B-C
    radii = [geometry.radius(points[of == k], np.zeros(40, int)) for k in range(3)]
    gaps = geometry.center_distances(geometry.class_means(points, of, 3))
    return radii, [gaps[0, 1], gaps[1, 2]]

# %%
true_radii, true_gaps = radii_and_gaps(clouds)
picture = embed(clouds, seed=seed)
drawn_radii, drawn_gaps = radii_and_gaps(picture.points)
both = (("in truth", true_radii, true_gaps), ("drawn", drawn_radii, drawn_gaps))
for where, radii, gaps in both:
    print(f"{where}: C is {radii[2] / radii[0]:.1f} times as wide as A,", end=" ")
    print(f"and B to C is {gaps[1] / gaps[0]:.1f} times as far as A to B")
assert true_radii[2] > 8 * true_radii[0] and true_gaps[1] > 8 * true_gaps[0]

# %%
from dacl_edu.plots import embedding_comparison

pictures = {"PCA": embed(clouds, method="pca").points, "UMAP": picture.points}
figure = embedding_comparison(
    pictures, of, ["A", "B", "C"], axis="direction", title="Three clouds, two pictures"
)
show(
    figure.update_layout(legend_title_text="cloud"),
    alt="""Left, PCA: A and B are two dots close together, C is a wide cloud far
away. Right, UMAP: three blobs of one size.""",
)

# %% [markdown]
# On the left, the shadow: A and B nearly dots, C wide and far. On the right, UMAP: three blobs alike. Both are right about *who is near whom*. The right one
# is the better map of neighbours, and useless for sizes and gaps.
#
# ## Deep features before and after training
#
# Now the real ones. Three networks, trained with softmax loss, center loss and DACL on the same faces from the same seed.

# %%
from dacl_edu.lessons.runs import lesson_runs
from dacl_edu.runs import shipped_runs

found = lesson_runs(runs, profile, 1, seed, out or "../runs/11_embedding", device)
first = {}
for run in sorted(found, key=lambda one: one.config.seed != seed):  # this seed first
    first.setdefault(run.config.method, run)
classes = found[0].result["classes"]
print({method: f"seed {run.config.seed}" for method, run in first.items()})

# %% [markdown]
# A run can keep *snapshots* while it trains: the features of the same few validation images after an epoch. Epoch 0 is before training, with
# random weights. (Runs of your own keep them with the setting `snapshots = 15`. Where none are kept, the project's runs are shown.)

# %%
watched = {method: run for method, run in first.items() if run.snapshots()}
if not watched:
    watched = {run.config.method: run for run in shipped_runs() if run.snapshots()}

# %%
import pandas as pd

rows = []
for method, run in watched.items():
    for moment in (run.snapshots()[0], run.snapshots()[-1]):
        measured = geometry.geometry(moment.deep.features, moment.deep.labels)
        rows.append({"method": method, "epoch": moment.epoch} | measured)
before_after = pd.DataFrame(rows).set_index(["method", "epoch"])
columns = ["mean length", "WCSS", "within share", "silhouette", "kNN accuracy"]
before_after[columns].round(3)

# %%
again = within_share(moment.deep.features, moment.deep.labels)  # your own function
assert abs(float(again) - measured["within share"]) < 1e-3

# %% [markdown]
# *kNN accuracy*: each image is given the class that most of its five nearest neighbours have. Chance is one in seven, 0.14.
#
# At epoch 0 all methods have the same numbers: the same seed gives the same random weights. After training, in the project's runs, the
# classes are clearer: *within share* is down, *silhouette* and *kNN accuracy* are up. And *WCSS*? It went **up**, to more than twice its
# value, since the features became longer (first column). Here you see on real features why it must not be read alone.

# %% [markdown]
# ### The last run, epoch by epoch
#
# One projection for all epochs: PCA, fitted on the *last* epoch and applied to the earlier ones. So the axes stay, and only the features
# move. The large crosses are the centers. Press *play*, or drag the slider.

# %%
method, run = list(watched.items())[-1]
every = run.snapshots()
last = every[-1]
snapshots = [s for s in every if s.epoch in (0, 1, 2, 4, 8, 16) or s is last]
epochs = [s.epoch for s in snapshots]
moving = [s.deep.features for s in snapshots] + [s.centers for s in snapshots]
# fitted on the last epoch
moved = embed(last.deep.features, *moving, method="pca").others
drawn = dict(zip(epochs, moved[: len(epochs)], strict=True))

# %%
from dacl_edu.plots import embedding_animation

title = f"{method}: features of {len(last.deep)} validation images while it learns"
note = "PCA of the last epoch; large crosses are the centers"
crosses = dict(zip(epochs, moved[len(epochs) :], strict=True))
figure = embedding_animation(drawn, last.deep.labels, classes, crosses, title, note)
show(figure)
assert [frame.name for frame in figure.frames] == [str(epoch) for epoch in epochs]

# %% [markdown]
# What to see, in the project's runs: before training the points lie in one heap, without order, and the centers stand anywhere, since they are
# drawn at random. After one epoch the centers have found the heap. Then the classes move out, each in a direction of its own, and each
# center goes with its class. At the end neighbouring classes still touch. (The shadow shows two of 128 directions; some classes that
# overlap here are apart in others.)
#
# ## Method beside method
#
# Now images that no network trained on, the first of each class in the *test* part, the same ones for each method.

# %%
deep = {method: run.deep_features("test", per_class) for method, run in first.items()}
X = {method: one.features.numpy() for method, one in deep.items()}  # (n, d) each
predicted = {method: one.predicted.numpy() for method, one in deep.items()}  # (n,) each
method = list(deep)[-1]  # where one method is enough below, it is the last
labels = deep[method].labels.numpy()  # (n,)
print(len(labels), "images, features of", X[method].shape[1], "dimensions")

# %% [markdown]
# Numbers first, then pictures: once you have seen a picture, it is hard to read a number without it. The rows that are new: *unit length*, measured after each
# feature was divided by its length; *radius*, the root mean square distance of a sample to its class mean; *gap*, the mean distance between two class means;
# *Davies-Bouldin*, for each class the widths of it and of its worst neighbour, added, over the distance of
# their means, then averaged (low is separated).

# %%
table = geometry.compare_geometry(X, labels)
for name, features in X.items():
    by_hand = within_share(torch.tensor(features), torch.tensor(labels))
    assert abs(float(by_hand) - table.loc[name, "within share"]) < 1e-3
table.T.round(3)

# %%
from dacl_edu.plots import geometry_comparison

figure = geometry_comparison(table, title=f"The same {len(labels)} test images")
show(figure)

# %% [markdown]
# Read the first two rows of the table before the bars: methods with shorter features have a lower WCSS, as they must. The bars show
# measures that do not depend on the scale. The small differences between them need the question of lesson 10: is it luck?
#
# ### Are the differences luck?
#
# Pick as many test images at random, with repetition, the same ones for both methods, and see how the difference moves (the bootstrap of lesson
# 10). If the interval contains 0, these images cannot order the two methods.

# %%
draws = [np.random.default_rng(i).choice(len(labels), len(labels)) for i in range(200)]
share = {name: [] for name in X}
for name, features in X.items():
    x_all, y_all = torch.tensor(features), torch.tensor(labels)
    share[name] = [float(within_share(x_all[rows], y_all[rows])) for rows in draws]

# %%
from itertools import combinations

for one, two in combinations(X, 2):
    low, high = np.quantile(np.subtract(share[two], share[one]), [0.025, 0.975])
    verdict = f"{two if high < 0 else one} is more compact"
    verdict = "no order" if low <= 0 <= high else verdict
    print(f"within share, {two} − {one}: {low:+.3f} to {high:+.3f}: {verdict}")
    assert low < high

# %% [markdown]
# In the runs that come with the project, **center loss is the most compact** by every one of the bars that is about distances; DACL lies
# between it and softmax loss, and on these few images it cannot be told from softmax loss. One reason is in the equations: Eq. 4 weighs
# each squared distance by an attention below one (0.49 on average here), so at the same $\lambda$ it pulls about half as hard as Eq. 3.
# Nor does compactness order the accuracies: softmax loss is the least compact, and its neighbours vote no worse. All this is one seed of a
# small network on rendered faces; the interval knows about other images, not about other seeds. Your runs may say otherwise, so trust the
# numbers above, not this paragraph.
#
# ### A fairer question for DACL
#
# The paper's claim is narrower: compact and separated "for the relevant information", that is, in the dimensions that attention selects. So
# weigh each squared difference by its attention, as Eq. 4 does, above and below the line, around means that are weighted alike. If attention
# picks the dimensions in which classes are clear, the weighted share is lower than the plain one. As a control, shuffle the 128 columns of
# the attention, in the same way for all images.

# %%
def weighted_share(x, a, y):  # (n, d), (n, d), (n,) -> ()
    sums = [((a * x)[y == k].sum(dim=0), a[y == k].sum(dim=0)) for k in range(K)]
    c = torch.stack([weighted / total for weighted, total in sums])  # (K, d)
    middle = (a * x).sum(dim=0) / a.sum(dim=0)  # (d,)
    return (a * (x - c[y]) ** 2).sum() / (a * (x - middle) ** 2).sum()

# %%
K, here = len(classes), deep[method]
a = here.attention  # (n, d)
shuffled = a[:, torch.randperm(a.shape[1])]
cases = {"plain": torch.ones_like(a), "by attention": a, "by shuffled": shuffled}
for name, weights in cases.items():
    found = weighted_share(here.features, weights, here.labels)
    print(f"{method}, within share {name}: {found:.3f}")
assert 0 < found < 1

# %% [markdown]
# In the project's DACL run the share is *higher* by attention than without it, and higher than by shuffled attention. So there attention does
# not point to the dimensions in which the classes are clear. What it follows instead is the question of lesson 13.
#
# ### Which classes are close?
#
# Distances between class means, divided by the typical radius of a class, so that methods can be compared. Below 1: two classes whose means
# are nearer than a typical sample is to its own.

# %%
from dacl_edu.plots import center_distance_heatmap

distances = {}
for name, features in X.items():
    means, radius = (
        geometry.class_means(features, labels, K),
        geometry.radius(features, labels),
    )
    distances[name] = geometry.center_distances(means, scale=radius)
show(
    center_distance_heatmap(
        distances, classes, unit="in units of the radius of a class"
    )
)

# %%
for name, matrix in distances.items():
    apart = matrix + np.diag(np.full(K, np.inf))  # (K, K)
    one, two = divmod(int(apart.argmin()), K)
    counts = np.array(first[name].result["confusion"])  # (K, K), of all test images
    print(f"{name}: nearest are {classes[one]} and {classes[two]}", end=" ")
    print(f"at {apart.min():.2f}; {counts[one, two] + counts[two, one]} mixed up")
    assert (apart > 0).all()

# %% [markdown]
# ## UMAP, side by side
#
# Each method gets its own UMAP. All start from one common layout, and each is then turned and mirrored as a whole onto the first, so that an
# image stands in about the same place everywhere. No picture is bent to resemble another.

# %%
from dacl_edu.evaluation.embedding import CAUTION, embed_aligned

aligned = embed_aligned(X, seed=seed)
points = {name: embedding.points for name, embedding in aligned.items()}  # (n, 2) each
used = next(iter(aligned.values()))

# %%
figure = embedding_comparison(
    points, labels, classes, predicted, note=used.notice, axis=used.method.upper()
)
show(figure)
print(CAUTION)

# %%
for array in points.values():
    assert array.shape == (len(labels), 2) and np.isfinite(array).all()
assert sum(len(trace.x) for trace in figure.data) == len(points) * len(labels)

# %% [markdown]
# What to see: which classes touch (compare with the two classes that the distances above name); where the ringed points lie, mostly between
# classes or deep inside a wrong one; which class is in several pieces. What *not* to see: which method has the smaller blobs.
#
# ### How good is the map?
#
# Two numbers. **Neighbour overlap**: of each image's ten nearest neighbours in feature space, how many are among its ten nearest in the
# picture? **Trustworthiness** (scikit-learn) asks the other way round: are neighbours in the picture neighbours in truth? It punishes a false
# neighbour by how far away it really is; 1 is perfect.
#
# ### Exercise 2: neighbour overlap
#
# *medium · 10 minutes*
#
# Given two lists of neighbours, (n, k) each, row by row for the same samples, write the mean share that occurs in both.
#
# <details><summary>Hint 1</summary>For one sample: how many of the k numbers in its first row are also in its second row?</details>
# <details><summary>Hint 2</summary>The order within a row does not matter: compare every number with every number.</details>
# <details><summary>Hint 3</summary><code>first[:, :, None] == second[:, None, :]</code> is (n, k, k) and holds one True for each common
# neighbour.</details>

# %%
def overlap(first, second):  # (n, k), (n, k) -> ()
    raise NotImplementedError()  # your lines here

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_overlap(first, second):
    common = first[:, :, None] == second[:, None, :]  # (n, k, k)
    return common.sum() / first.numel()


overlap = attempt(overlap, answer_overlap)

# %%
one = torch.tensor([[1, 2], [0, 2], [1, 3]])
two = torch.tensor([[2, 1], [0, 3], [0, 4]])
check.shape(overlap(one, two), (), "the overlap")
check.value(overlap(one, two), torch.tensor(0.5), "the overlap")  # 2 + 1 + 0 of 6

# %%
k = min(10, len(labels) // 3)
near = torch.tensor(geometry.nearest(X[method], k))  # in feature space
drawn = torch.tensor(geometry.nearest(points[method], k))  # in the picture
kept = geometry.neighbour_overlap(X[method], points[method], k)
check.value(
    overlap(near, drawn).double(), torch.tensor(kept).double(), "the overlap", 1e-5
)
judged(overlap, f"right. Of ten neighbours {10 * kept:.1f} are kept in the picture")

# %%
flat = {
    "PCA, 2-D": embed(X[method], method="pca").points,
    "UMAP, 2-D": points[method],
    "PCA, 3-D": embed(X[method], method="pca", dimensions=3).points,
    "UMAP, 3-D": embed(X[method], dimensions=3, seed=seed).points,
}

# %%
from sklearn.manifold import trustworthiness

quality = pd.DataFrame(index=list(flat))
near = [geometry.neighbour_overlap(X[method], p, k) for p in flat.values()]
quality["neighbour overlap"] = near
trust = [trustworthiness(X[method], p, n_neighbors=k) for p in flat.values()]
quality["trustworthiness"] = trust
assert quality.stack().between(0, 1).all()
quality.round(3)

# %% [markdown]
# In the project's runs even the best of these pictures loses more than a third of the neighbours, and PCA in 2-D loses more than half. That is the price of two dimensions, and the reason for the rule of
# this page: *use the picture to find a question, and feature space to answer it.* One more dimension brings some back. Turn this one with
# the mouse:

# %%
from dacl_edu.plots import embedding_plot

show(embedding_plot(flat["UMAP, 3-D"], labels, classes, predicted[method],
                    title=f"{method} in 3-D", axis="UMAP"))

# %% [markdown]
# ## Change the settings, change the story
#
# The same features, the same method; only UMAP's own settings differ: `n_neighbors` (the $k$ of the graph), `min_dist` (how tightly points
# may be packed), and the seed.

# %%
tried = {
    "k = 5, min_dist 0": {"n_neighbors": 5, "min_dist": 0.0, "seed": seed},
    "k = 15, min_dist 0.1": {"n_neighbors": 15, "min_dist": 0.1, "seed": seed},
    "k = 50, min_dist 0.8": {"n_neighbors": 50, "min_dist": 0.8, "seed": seed},
    "k = 50, another seed": {"n_neighbors": 50, "min_dist": 0.8, "seed": seed + 1},
}
views = {name: embed(X[method], **options).points for name, options in tried.items()}

# %%
show(
    embedding_comparison(
        dict(list(views.items())[:3]),
        labels,
        classes,
        title=f"{method}: one set of features, three settings of UMAP",
    )
)

# %% [markdown]
# Left: tight crumbs. Right: loose clouds. Nothing about the network changed. Now ask each picture a question that looks innocent: *which is
# farther from surprise, happiness or anger?* A ratio above 1 says happiness.

# %%
ask = ("surprise", "happiness", "anger")
if "surprise" not in classes:  # of other data, the first
    ask = (*classes, *classes)[:3]
surprise, happiness, anger = (classes.index(name) for name in ask)


def asked(points):  # (n, any) -> distance to happiness divided by distance to anger
    means = geometry.class_means(points, labels, K)
    far = geometry.center_distances(means)[surprise]
    return far[happiness] / far[anger] if K > 2 else 1.0

# %%
print(f"feature space:        {asked(X[method]):.2f}")
for name, p in views.items():
    kept = geometry.neighbour_overlap(X[method], p, k)
    print(f"{name:<21} {asked(p):.2f}   neighbour overlap {kept:.2f}")
assert asked(X[method]) > 0

# %% [markdown]
# The answers change with the settings, in the project's run once across 1, while the neighbour overlap hardly moves. So the pictures agree about
# neighbours, and contradict each other about distances. Whoever writes "happiness is farther from surprise than anger is" under a UMAP
# picture has read tea leaves.
#
# ## Fit on train, look at test
#
# Until now UMAP saw the test images while it made the map. One can also fit it on *training* images and lay the test images onto the
# finished map, as one would with new photographs. Then the map is not made to flatter them.

# %%
train = first[method].deep_features("train", per_class)
mapped = embed(train.features, X[method], seed=seed)
train_points, test_points = mapped.points, mapped.others[0]  # (n_train, 2), (n, 2)
print(
    f"{mapped.method} of {len(train)} training images, then {len(labels)} test images"
)

# %%
from sklearn.neighbors import KNeighborsClassifier


def vote(fit_on, answers, ask):  # five nearest training images vote
    return KNeighborsClassifier(min(5, len(answers))).fit(fit_on, answers).predict(ask)

# %%
in_space = vote(train.features.numpy(), train.labels.numpy(), X[method])  # (n,)
in_map = vote(train_points, train.labels.numpy(), test_points)  # (n,)
votes = {"feature space": in_space, "map": in_map, "network": predicted[method]}
for where, given in votes.items():
    print(f"test images right by {where:<14} {(given == labels).mean():.2f}")
assert in_space.shape == in_map.shape == labels.shape

# %% [markdown]
# If the map's votes are nearly as good as those of feature space, the map kept what matters for the classes. Remember that one training label
# in ten of the bundled faces is wrong on purpose (see the data card): some training points stand in the cluster of another class because their *label*
# is wrong, not their place. That is a thing to look for in a training picture.
#
# ## The embedding explorer
#
# Choose a method and a colouring. Drag *image*, or click a point: the panel shows its face and its six nearest neighbours **in feature
# space**, and lines lead to them. A long line is a pair that the picture tore apart. Draw a loop around several points to see all their
# faces. **Task:** it opens with the true classes. Find a point that lies among strangers, and look at its neighbours. More to try:
#
# - Colour by *right or wrong*, and loop the wrong ones between two classes. Would you have known?
# - Colour by *intensity* (neutral faces have 0): where are the weak expressions of the other classes?
# - Colour by *yaw* (the head's turn): does the network group faces by pose, which it should ignore?

# %%
from dacl_edu.widgets.embedding_explorer import EmbeddingExplorer, explorer_data

found = explorer_data(list(first.values()), "test", per_class, seed=seed)
explorer = EmbeddingExplorer(found)
show(explorer.widget, alt="""An embedding with controls for method, colouring and image;
beside it the chosen face and its nearest neighbours in feature space.""")
assert list(explorer.data.points) == list(first)

# %% [markdown]
# ## The three suspects
#
# | suspect | evidence of this lesson (seed 0, test images) |
# |---|---|
# | selection of dimensions | against: weighted by attention the within share is *higher* than without, and higher than by shuffled attention. Attention does not point to the dimensions in which the classes are clear |
# | a smaller λ | fits: in WCSS, within share, radius and silhouette DACL lies between softmax loss (no pull) and center loss (full pull), as center loss with a smaller λ would |
# | luck | the intervals above are over images only; three clouds that look alike are no evidence for a difference |

# %% [markdown]
# ## What was shown
#
# - WCSS and silhouette by loop, by one line, by the package; why WCSS alone rewards small features, and the within share that does not.
# - PCA by hand: a shadow, in which distances are too short but never too long.
# - UMAP's graph by hand: each sample has a ruler of its own, so sizes and gaps are lost before the drawing starts.
# - Softmax loss, center loss and DACL before and after training, by numbers with an interval, and in aligned pictures.
# - A picture's faithfulness, measured: neighbour overlap and trustworthiness.
#
# **Try next:** look at another seed (`-p seed 1` with runs of your own), or at the training images with `explorer_data(..., "train")`: find
# faces with a wrong label by their neighbours. Then ask which of the 128 dimensions matter, in [12_attention](12_attention.ipynb) and [13_what_attention_does](13_what_attention_does.ipynb).
#
# ### Three questions
#
# <details><summary>Question 1. A paper shows two UMAP pictures. In the one of the new loss the clusters are small and far apart, and the text
# says "our loss gives more compact and better separated features". What would you ask for?</summary>
# Numbers measured in feature space that do not depend on scale (silhouette, within share), on test images, with an interval and several
# seeds. And the settings: a smaller <code>min_dist</code> makes any cluster small.
# </details>
#
# <details><summary>Question 2. With center loss WCSS falls from 660 to 417, but kNN accuracy stays. Give two explanations.</summary>
# The features may simply be shorter: check the mean length and the within share. Or the classes really are more compact, but where two
# classes overlap both shrank towards centers that are still too near; then the same images are confused as before.
# </details>
#
# <details><summary>Question 3. In a UMAP picture one class falls into two pieces. Does the network see two kinds of this class?</summary>
# Perhaps. First try other seeds and a larger <code>n_neighbors</code>: a small one tears clusters apart. If the pieces stay, look at faces
# of both: what differs (pose, glasses, intensity)? Then test it in feature space, for example by the distance between the two means.
# </details>
