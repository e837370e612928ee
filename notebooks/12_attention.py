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
# # Attention: what it looks like, and what it can be said to do
#
# **After this notebook you can** look at learned attention as the paper's Fig. 5 does and put a number on it, say what a training lowers and what it
# only moves elsewhere,
# test whether it marks the features that the classifier needs, find out what in a face it goes along with, and say which experiment would
# show that it helps.
#
# **Minutes:** 60. **Builds on:** [04_attention_network](04_attention_network.ipynb), [05_gradients](05_gradients.ipynb) (what Eq. 10
# does to free weights, and to a network's), [10_results](10_results.ipynb) (runs and seeds).
#
# **From the paper:** Sec. 4.4 and Fig. 5. Five samples' attention weights are drawn, and the paper says: "the learned attention weights from the
# same classes follow very similar patterns, and the attention weights from different classes are not similar". The weight of dimension $j$ of
# sample $i$ is Eq. 7, and it enters the loss, Eq. 4, and nothing else:
#
# $$a_{ij} = \sigma(p_{ij,in} - p_{ij,ex}) \qquad\qquad \mathcal{L}_{SC} = \frac{1}{2m}\sum_{i=1}^m\sum_{j=1}^d a_{ij}\,(x_{ij} - c_{y_i j})^2$$
#
# Keep this in mind on the whole page: **the prediction never sees $a$**. The classifier gets $x$, not $a \cdot x$. Attention says how strictly each
# feature is pulled to its center.

# %% [markdown]
# Which runs to look at. Left empty, `runs` takes those that come with the project, or trains small ones in seconds. To look at your own:
# `dacl-edu run-notebook 12_attention -p runs runs/a -p runs runs/b`.

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

# %% tags=["parameters"]
runs: str | list[str] = ""  # folder of finished runs, or a list; empty: the project's, or new ones
profile: str = ""  # where no runs are given: smoke (seconds), quick (minutes each)
seed: int = 0  # which seed to train then
device: str = "auto"  # auto, cpu, cuda, mps
out: str = ""  # folder for runs that are trained here; empty: runs/12_attention

# %%
import torch

from dacl_edu.check.exercise import attempt, judged
from dacl_edu.lessons.display import check_parameters, rounded, setup, show

settings = check_parameters()  # an unknown name or a wrong type stops here
setup(seed=0)
assert settings["seed"] >= 0

# %% [markdown]
# ## Four samples, three dimensions
#
# Small enough to see everything: the attention of two surprised faces (class 0) and two neutral ones (class 1).

# %%
a = torch.tensor([[0.6, 0.3, 0.5], [0.7, 0.4, 0.5],
                  [0.3, 0.6, 0.5], [0.2, 0.7, 0.5]])  # (m, d)
y = torch.tensor([0, 0, 1, 1])  # (m,)
m, d, K = 4, 3, 2

# %% [markdown]
# The mean of each class, long-hand: add up the vectors of a class, divide by their number. Then in one line, then by the package.

# %%
mean_a = torch.zeros(K, d)  # (K, d)
for k in range(K):
    members = [i for i in range(m) if y[i] == k]
    for i in members:
        mean_a[k] += a[i] / len(members)
print(rounded(mean_a, 2))

# %%
from dacl_edu.evaluation.attention_statistics import class_means

member = torch.eye(K)[y]  # (m, K): 1 where sample i is of class k
vectorised = (member.T @ a) / member.sum(dim=0)[:, None]  # (K, d)
package = torch.from_numpy(class_means(a, y)).float()
assert package.shape == (K, d)
assert torch.allclose(mean_a, vectorised) and torch.allclose(mean_a, package)

# %% [markdown]
# ### How alike are two attention vectors?
#
# The usual measure is the cosine of the angle between them: 1 for the same direction, 0 for a right angle. Long-hand for samples 0 and 2, which
# are of different classes and have opposite likings:

# %%
dot = sum(float(a[0, j] * a[2, j]) for j in range(d))
length_0 = sum(float(a[0, j]) ** 2 for j in range(d)) ** 0.5
length_2 = sum(float(a[2, j]) ** 2 for j in range(d)) ** 0.5
plain = dot / (length_0 * length_2)
print("plain cosine of samples 0 and 2:", rounded(plain, 3))
assert plain > 0.8

# %% [markdown]
# A high 0.87, for two samples that disagree wherever they can. Attention weights are all positive, so the vectors all point into the same corner
# of space, and the plain cosine is near 1 *whatever* they are. So first take away what all samples share, the mean of each dimension, and
# compare what is left. Call that the **centred** cosine.

# %%
shared = a.mean(dim=0)  # (d,)
left = a - shared  # (m, d)
unit = left / left.norm(dim=1, keepdim=True)  # (m, d), each of length 1
centred = unit @ unit.T  # (m, m): every pair at once
print("what is left of samples 0 and 2:", rounded(left[0], 2), rounded(left[2], 2))
print("their centred cosine:", rounded(centred[0, 2], 3))

# %%
from dacl_edu.evaluation.attention_statistics import similarity, within_between

assert torch.allclose(torch.from_numpy(similarity(a)).float(), centred, atol=1e-6)
assert abs(similarity(a, centred=False)[0, 2] - plain) < 1e-6
print("within classes and between them, centred:", rounded(within_between(a, y), 3))
print("the same, plain:", rounded(within_between(a, y, centred=False), 3))

# %% [markdown]
# Two numbers sum up a matrix of pairs: the mean over pairs *within* a class, and over pairs *between* classes.
#
# One trap. What is left after centring adds up to zero. So if samples of one class agree, those of different classes *must* disagree: with $K$
# classes of one size, "between" is about $-\frac{1}{K-1}$ of "within". With seven classes a within of 0.45 comes with a between of −0.08. That
# is what "nothing in common" looks like, not "opposite".
#
# ### Exercise 1: the centred cosine
#
# Write `my_similarity(a)`: from `(m, d)` to `(m, m)`, without looking up.
#
# <details><summary>Hint 1</summary>Three steps: take away the mean of each dimension; make each row as long as 1; multiply all pairs.</details>
# <details><summary>Hint 2</summary>The mean over samples is <code>a.mean(dim=0)</code>; the length of a row is <code>norm(dim=1, keepdim=True)</code>.</details>
# <details><summary>Hint 3</summary>All pairs of rows: <code>u @ u.T</code>.</details>
#
# Until your function is written, the page goes on with the folded answer below it, and the check says so.


# %%
def my_similarity(a):  # (m, d) -> (m, m)
    raise NotImplementedError()  # your lines here


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_similarity(a):
    rest = a - a.mean(dim=0)
    u = rest / rest.norm(dim=1, keepdim=True)
    return u @ u.T


my_similarity = attempt(my_similarity, answer_similarity)

# %%
from dacl_edu import check

other = torch.tensor([[0.9, 0.1, 0.2], [0.4, 0.4, 0.8], [0.5, 0.7, 0.2]])
check.shape(my_similarity(other), (3, 3), "your similarity")
expected = torch.from_numpy(similarity(other)).float()
check.value(my_similarity(other), expected, "your similarity", tolerance=1e-5)
judged(my_similarity, "right. On the diagonal", rounded(my_similarity(other).diagonal(), 3))

# %% [markdown]
# ## The run
#
# One network, trained with DACL on the bundled faces (preset `quick`, seed 0). Its features $x$ and attention $a$ of 50 test images a class are stored,
# and its classifier, so nothing is trained here. **All numbers in the text are of this run.** With another run, read your own numbers and see
# whether the text still holds.

# %%
from dacl_edu.lessons.runs import lesson_runs

finished = lesson_runs(runs, profile, 1, seed, out or "../runs/12_attention", device)
with_attention = [run for run in finished if run.config.method == "dacl"]
assert with_attention, "none of these runs has attention: give a run of dacl"
run = max(with_attention, key=lambda one: len(one.snapshots()))
deep = run.deep_features(run.result["split"], per_class=50)
head, classes, K = run.head(), run.result["classes"], len(run.result["classes"])

# %%
x, a, y = deep.features, deep.attention, deep.labels  # (n, d), (n, d), (n,)
n, d = x.shape
trained = run.result["accuracy"] > 0.6  # of one trained for seconds the page asserts less
right = (head.logits(x).argmax(dim=1) == y).float().mean()
print(f"seed {run.config.seed}, preset {run.config.preset}: {n} {deep.split} images, {d} dimensions")
print(f"{100 * right:.1f} % right; mean attention {a.mean():.3f}, from {a.min():.2f} to {a.max():.2f}")
assert a.shape == x.shape and (a >= 0).all() and (a <= 1).all()

# %% [markdown]
# In the run that comes with the project, $a$ is 0.49 on average, close to the ½ where it begins. But it is not ½ everywhere: it goes from nearly 0
# to nearly 1. Does it differ between *dimensions* (the same for everyone), between *classes*, or between *samples*? Its variance can be divided:

# %%
total = (a - a.mean()).square().mean()
between_dimensions = (a.mean(dim=0) - a.mean()).square().mean()
mean_a = torch.from_numpy(class_means(a, y, K)).float()  # (K, d)
between_classes = (mean_a[y] - a.mean(dim=0)).square().mean()
within_classes = (a - mean_a[y]).square().mean()
parts = torch.stack([between_dimensions, between_classes, within_classes]) / total
print("dimensions, classes, samples of a class:", rounded(100 * parts, 0), "% of the variance")
assert abs(parts.sum() - 1) < 1e-4, "the three parts are all there is"

# %% [markdown]
# Half of it is a matter of single samples, nearly half a matter of the class, and very little is a fixed liking for certain dimensions. So in this
# run it is *not* true that some features are simply "relevant" and others not; it depends on the class.
#
# ## Fig. 5: five samples
#
# The paper draws two samples of *neutral* and three of *surprise*. Here are the first of each in our test images, in colour, each over the mean of
# its class in grey. On the right is what the paper leaves to the eye: the mean centred cosine of two samples, for every two classes.

# %%
from dacl_edu.evaluation.attention_statistics import class_similarity
from dacl_edu.plots import attention_profiles

chosen = (y == K - 1).nonzero()[:2, 0].tolist() + (y == 0).nonzero()[:3, 0].tolist()
pairs = class_similarity(a, y, K)  # (K, K)
figure = attention_profiles(a[chosen], y[chosen].tolist(), classes, mean_a, pairs)
show(figure)

# %%
lines = [trace for trace in figure.data if trace.name not in ("class mean", "similarity")]
assert len(lines) == len(chosen)
for line, i in zip(lines, chosen, strict=True):
    assert (torch.tensor(line.y) - a[i]).abs().max() < 1e-3, "that sample's attention is drawn"

# %%
within, between = within_between(a, y)
print(f"centred: within {within:.2f}, between {between:.2f}; −within/(K−1) is {-within / (K - 1):.2f}")
print("plain: within, between", rounded(within_between(a, y, centred=False), 2))
if trained:
    assert within > 0.3 and abs(between + within / (K - 1)) < 0.05

# %% [markdown]
# **What to see in the figure:** *Left:* with effort one sees that lines of one class have dips in common; a single sample strays far from its class mean.
# *Right:* the diagonal is red, so two samples of one class are alike (0.45 on average, where 0 is chance and 1 is the same). Look off the diagonal,
# too: surprise and fear, disgust and anger, sadness and neutral are alike. Are those the classes that the classifier mixes up
# ([10_results](10_results.ipynb))?

# %%
mixed = torch.tensor(run.result["confusion"]).float()
mixed = (mixed + mixed.T).fill_diagonal_(0).triu()  # (K, K): either class taken for the other
for place in mixed.flatten().argsort(descending=True, stable=True)[:3].tolist():
    one, two = divmod(place, K)
    print(f"{classes[one]} and {classes[two]}: {mixed[one, two]:.0f} images mixed up,", end=" ")
    print(f"similarity {pairs[one, two]:.2f}")
if trained:
    one, two = divmod(int(mixed.argmax()), K)
    assert pairs[one, two] > between, "classes that are mixed up have similar attention"

# %% [markdown]
# The two worst pairs are. "Attention weights from different classes are not similar" is a little too strong, then. For the rest the
# paper's observation holds here, with a number: about half. All samples at once, the dimensions ordered by how much of their variance lies
# between classes:

# %%
from dacl_edu.evaluation.attention_statistics import class_contrast
from dacl_edu.evaluation.deep_features import balanced_rows
from dacl_edu.plots import attention_heatmap

contrast = class_contrast(a, y)  # one row a dimension
few = balanced_rows(y, 7)  # the first seven of each class
figure = attention_heatmap(a[few], y[few], classes, contrast)
show(figure)

# %%
bars, colours = figure.data
assert list(bars.x) == [str(j) for j in contrast["dimension"]]
assert (contrast["eta2"].diff().dropna() <= 0).all(), "the largest contrast first"
first, last = (int(contrast["dimension"].iloc[place]) for place in (0, -1))
for name, j in (("largest", first), ("smallest", last)):
    low, high = mean_a[:, j].min(), mean_a[:, j].max()
    print(f"{name} contrast: dimension {j}, class means from {low:.2f} to {high:.2f}")
spread = mean_a.max(dim=0).values - mean_a.min(dim=0).values  # (d,) of the class means
assert spread[first] > spread[last]

# %% [markdown]
# **What to see in the figure:** at the left, bands: the same colour down a class, another one in the next. At the right each sample does as it likes.
# $\eta^2$ (eta squared) is the share of a dimension's variance that lies between classes; further down you compute one by hand.
#
# ### Is that learnt?
#
# A pattern that belongs to a class proves little as long as one does not know what *no learning* looks like. The attention network reads a feature
# map of a trained network, and that map has a class pattern already. So give the same features to an attention network with random weights:

# %%
from dacl_edu.model.attention import AttentionNetwork


def untrained(maps, seed, widths=None):  # (n, C, H, W) -> (n, d)
    """Attention by a network that was never trained."""
    torch.manual_seed(seed)
    network = AttentionNetwork(tuple(maps.shape[1:]), d, widths or (2 * d, d, 16))
    with torch.no_grad():
        return network(maps)  # in training mode, so that BN uses these samples' statistics


pooled = x[:, :, None, None]  # (n, d, 1, 1): the stored features are the map after pooling
untrained_within = [within_between(untrained(pooled, s), y).within for s in range(3)]
print("within classes, untrained:", rounded(untrained_within, 2), " learned:", rounded(within, 2))
assert len(untrained_within) == 3 and all(-1 <= value <= 1 for value in untrained_within)

# %% [markdown]
# So 0.2 to 0.3 of similarity comes for nothing, from class-like *features*. The fair comparison takes the true map, $x^*$ of Eq. 5, which only a
# checkpoint can compute. The runs that come with the project have none (48 MB). Where there is one, the second cell does it; the first one fetches
# the images.

# %%
from dacl_edu.runs.splits import load_split
from dacl_edu.runs.trained import load_run

faces = load_split(run.config, deep.split)
images = faces.images[deep.indices]  # (n, 3, H, W) uint8, in the order of the features
assert torch.equal(faces.labels[deep.indices], y), "the data changed since the run: train it again"

# %%
if (run.folder / "checkpoint_last.pt").is_file():
    loaded = load_run(run.folder)
    with torch.no_grad():
        maps = loaded.model(loaded.prepare.evaluate(images)).feature_map  # (n, N_C, N_H, N_W)
    widths = loaded.model.attention.encoder.widths
    on_map = [within_between(untrained(maps, s, widths), y).within for s in range(3)]
    print("untrained on the true map:", rounded(on_map, 2))
else:
    print("no checkpoint here")

# %% [markdown]
# The trained attention network has 0.45. **So a good part of the class pattern came with its training**: how much exactly, only the second cell can say, on a run
# of your own (`runs`). What for is another question; there was no reward for being useful (lesson 05).
#
# ## How it came to be
#
# The run kept features and attention of 105 validation images after some epochs; epoch 0 is before training. For each: mean, standard deviation and
# entropy of $a$ (the entropy of $a_i$ as shares, divided by $\log d$: 1 if all dimensions get the same, less if few get most), and how alike the
# samples of a class are, in attention and in features.

# %%
from dacl_edu.evaluation.attention_statistics import attention_drift

drift = attention_drift(run.snapshots()) if run.snapshots() else None
if drift is None:  # a run of your own without snapshots
    print("no snapshots: train with --snapshots 15")
else:
    shown = drift[["epoch", "mean", "std", "entropy", "within", "features_within"]]
    print(shown.round(3).to_string(index=False))

# %%
from dacl_edu.plots import drift_curves

if drift is not None:
    figure = drift_curves({"dacl": drift})
    show(figure)
    drawn = {trace.meta: trace.y for trace in figure.data}
    assert list(drawn["mean"]) == drift["mean"].tolist()
    assert list(drawn["within"]) == drift["within"].tolist()
    if trained:
        assert drift["within"].iloc[-1] > 0.3 > abs(drift["within"].iloc[0])

# %% [markdown]
# **What to see in the figure:** *Mean:* from 0.491 to 0.485, up and down on the way. *Spread and entropy:* the
# weights first spread out (0.15 to 0.25), then come most of the way back (0.17). *Alike:* before training two samples of a class are as alike as any two. The
# features get their class pattern first; attention follows a few epochs later and stays below.
#
# ### Did attention fall?
#
# Eq. 10 asks every weight to fall. Lesson 05 took one step with an untrained network: half of the weights rose, and only the mean *weighted by* $D^2$,
# where $D = x - c_y$, had to fall. That was one step, with the features held fixed. Here is a whole training, in which the features moved, too. **Guess
# first:** what share of the weights is higher after the last epoch than before the first? And which of the two means fell?

# %%
from dacl_edu.evaluation.attention_step import weighted_mean
from dacl_edu.plots import change_histograms

shots = run.snapshots()
means = []  # one row a snapshot: epoch, mean of a, mean of a weighted by D²
for shot in shots:
    D = shot.deep.features - shot.centers[shot.deep.labels]  # (n, d)
    plain_mean = float(shot.deep.attention.mean())
    means.append([shot.epoch, plain_mean, weighted_mean(shot.deep.attention, D**2)])
    print("epoch", shot.epoch, " mean and weighted mean:", rounded(means[-1][1:], 3))

# %%
if len(shots) > 1:
    Δa = shots[-1].deep.attention - shots[0].deep.attention  # (n, d)
    print(f"epoch {shots[0].epoch} to {shots[-1].epoch}: {(Δa > 0).float().mean():.1%} of the weights rose")
    case = f"epoch {shots[0].epoch} to {shots[-1].epoch}"
    show(change_histograms({case: Δa}, "A whole training: what each attention weight did"))
    if trained:
        assert 0.4 < (Δa > 0).float().mean() < 0.6, "attention did not just fall"

# %%
import plotly.graph_objects as go

from dacl_edu.plots import BLUE, ORANGE

if len(shots) > 1:
    epochs, plain_means, weighted_means = zip(*means, strict=True)
    figure = go.Figure()
    figure.add_scatter(x=epochs, y=plain_means, name="mean of a", line_color=BLUE)
    line = {"color": ORANGE, "dash": "dash"}
    figure.add_scatter(x=epochs, y=weighted_means, name="mean, weighted by D²", line=line)
    figure.update_xaxes(title="epoch").update_yaxes(title="attention")
    figure.update_layout(title="The plain mean stays, the weighted one falls", width=640, height=360)
    show(figure, alt="""Two lines over the epochs, both starting near one half. The plain mean stays there;
    the mean weighted by squared distance falls to about 0.42 and stays there.""")
    if trained:
        fell = [values[0] - values[-1] for values in (plain_means, weighted_means)]
        assert abs(fell[0]) < 0.02 < 0.05 < fell[1], "it redistributes"

# %% [markdown]
# **What to see in the figures:** 47.9 % of the weights rose, 52.1 % fell, and the plain mean is where it was. The mean weighted by $D^2$ went from 0.493
# to 0.417. So this attention did not shrink: it **moved**, away from where samples are far from their center and towards where they are near. That is what lesson
# 05 leads one to expect, and the reason is the same: the 128 weights share 16 latent numbers and batch normalisation, and cannot all go down together. (The
# inequality of lesson 05 holds for one step with fixed features; over a training it is an observation, here of one network.)
#
# How hard does the loss push at all? One sample's share of Eq. 10, with λ, is $\lambda D_{ij}^2 / 2$:

# %%
train_part = run.deep_features("train", per_class=30)  # the loss works on training images
D = train_part.features - head.centers[train_part.labels]  # (n, d)
push = run.config.lam * D.square() / 2  # (n, d)
print("mean D²:", rounded(D.square().mean(), 3), " mean push:", rounded(push.mean(), 5))
print("weight decay:", run.config.weight_decay)
assert (push >= 0).all(), "Eq. 10: never negative"

# %% [markdown]
# With the features near their centers, $D^2$ is about 0.02 and the push 0.0001, on a weight of about ½. It fades as the features arrive. Weight
# decay draws the heads' weights to 0, and so $a$ to ½. (Its 0.0005 multiplies those weights, so the two numbers are of
# different kinds; only that both are small can be read from them.) Is attention a *smaller λ*, then? In part: from the first epoch to the last it halves
# the pull, $0.01 \cdot 0.49$.
#
# ## Ablation: are the attended features those that matter?
#
# To *ablate* a feature is to silence it, here by zero, and to see what the classifier then says.
#
# The paper calls attention "correlated with feature importance". That can be tested: set some features to zero before the classifier and see how
# much accuracy is lost. By hand first: one sample, four features, two classes.

# %%
x_one = torch.tensor([2.0, 1.0, 0.5, 1.5])  # (d,)
a_one = torch.tensor([0.2, 0.9, 0.6, 0.4])  # (d,)
w = torch.tensor([[1.0, 0.2, 0.1, 0.3], [0.3, 0.8, 0.6, 0.4]])  # (K, d), no bias
print("scores:", rounded(w @ x_one, 2), "→ class", int((w @ x_one).argmax()))

# %%
for k in (1, 2):
    silenced = x_one.clone()
    for _ in range(k):  # take the most attended of those that are still there
        best = max((j for j in range(4) if silenced[j] != 0), key=lambda j: float(a_one[j]))
        silenced[best] = 0.0
    print(f"without the {k} most attended:", rounded(silenced, 1), "scores", rounded(w @ silenced, 2))

# %% [markdown]
# The true class is 0, and silencing the most attended features does not hurt: they spoke for class 1. Silence the *least* attended one
# (feature 0) instead, and the answer turns. In one go for every $k$, and by the package:

# %%
from dacl_edu.evaluation.deep_features import ClassifierHead
from dacl_edu.evaluation.ablation import ablation_curve

order = a_one.argsort(descending=True)  # (d,): the most attended first
kept = torch.stack([x_one.index_fill(0, order[:k], 0.0) for k in range(5)])  # (d + 1, d)
by_hand = ((kept @ w.T).argmax(dim=1) == 0).double()  # (d + 1,): right or wrong for k = 0 .. d
toy = ClassifierHead(w, torch.zeros(2), torch.zeros(2, 4))  # weights, bias, centers (not needed here)
package = ablation_curve(x_one[None], torch.tensor([0]), toy, score=a_one[None])
least = ablation_curve(x_one[None], torch.tensor([0]), toy, score=-a_one[None])
assert package.shape == (5,) and package.tolist() == by_hand.tolist()
assert least[0] == 1 and least[1] == 0
print("right with k = 0 .. 4 silenced, most attended first:", package.tolist())
print("least attended first:", least.tolist())

# %% [markdown]
# At $k = 4$ nothing is left; two equal scores count as class 0.
#
# ### Exercise 2: silence a batch
#
# Write `my_silence(x, score, k)`: a copy of `x` where in each *row* the `k` features with the highest score are zero.
#
# <details><summary>Hint 1</summary>Which columns? They differ from row to row: <code>argsort</code> along dimension 1.</details>
# <details><summary>Hint 2</summary><code>score.argsort(dim=1, descending=True)[:, :k]</code> has the shape (n, k).</details>
# <details><summary>Hint 3</summary><code>x.scatter(1, columns, 0.0)</code> writes zeros there and returns a copy.</details>


# %%
def my_silence(x, score, k):  # (n, d), (n, d) -> (n, d)
    raise NotImplementedError()  # your lines here


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_silence(x, score, k):
    columns = score.argsort(dim=1, descending=True)[:, :k]
    return x.scatter(1, columns, 0.0)


my_silence = attempt(my_silence, answer_silence)

# %%
small = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
ranks = torch.tensor([[0.1, 0.9, 0.5], [0.7, 0.2, 0.6]])
check.shape(my_silence(small, ranks, 2), (2, 3), "your silenced features")
expected = torch.tensor([[1.0, 0.0, 0.0], [0.0, 5.0, 0.0]])
check.value(my_silence(small, ranks, 2), expected, "your silenced features")
check.value(my_silence(small, ranks, 0), small, "your silenced features at k = 0")
judged(my_silence, "right")

# %% [markdown]
# ### The real features
#
# Accuracy must fall when features are taken away, whichever they are. So a curve alone says nothing; it needs company:
#
# - **random**: k features drawn by lot for each sample, 20 times. If attention marks what matters, "most attended" must lie *below* that band.
# - **largest contribution**: first those with the largest $|w_{kj} x_j|$ for the winning class $k$. These are the features that matter, by
#   the classifier's own arithmetic: as steep as it gets.

# %%
from dacl_edu.evaluation.ablation import ablation_curves
from dacl_edu.plots import ablation_plot

silencing = ablation_curves(deep, head)
marked = (5 * d) // 16  # 40 of 128
figure = ablation_plot(silencing, chosen=marked)
show(figure)

# %%
most, least, lots = silencing.top[marked], silencing.bottom[marked], silencing.random[:, marked]
print(f"{marked} of {d} silenced: most attended {100 * most:.1f} % right, least {100 * least:.1f} %,")
print(f"by lot {100 * lots.mean():.1f} %, from {100 * lots.min():.1f} to {100 * lots.max():.1f}")
assert abs(silencing.top[0] - right) < 1e-6, "nothing silenced: the accuracy of above"
assert list(figure.data[2].y) == [round(100 * value, 3) for value in silencing.top.tolist()]
if trained:
    assert most > lots.mean() and least < lots.min(), "the least attended hurt most"

# %% [markdown]
# **What to see in the figure:** the opposite of what one may have expected. Silencing the *most* attended features (thick and solid) hurts less than silencing by lot;
# silencing the *least* attended (dashed) hurts far more: 66 % right instead of 78 %. In this run attention is **not** high where the classifier
# needs a feature; it is rather lower there.
#
# Is that so because zero is a strange value? Pooled features are hardly ever zero. So let a silenced feature become its mean over all images instead:

# %%
gentle = ablation_curves(deep, head, fill="mean")
for name, kind in (("zero", silencing), ("mean", gentle)):
    values = [kind.top[marked], kind.bottom[marked], kind.random[:, marked].mean()]
    print(f"silenced to {name}: most, least attended, random", rounded(100 * torch.tensor(values), 1))
assert gentle.top.shape == silencing.top.shape

# %% [markdown]
# With the mean, all losses are small and the three are nearly one. The order stays, but the gap that was 15 points is now 2. So a good part
# of the first picture was the size of the features that were removed: whoever zeroes large ones does more damage. Which features are
# attended less, then?

# %%
contribution = (x * head.weight[head.logits(x).argmax(dim=1)]).abs()  # (n, d)
shares = {}
for name, score in (("most", a), ("least", -a)):
    columns = score.argsort(dim=1, descending=True)[:, :marked]  # (n, k)
    parts = [v.gather(1, columns).sum(dim=1) / v.sum(dim=1) for v in (x, contribution)]  # (n,) each
    shares[name] = [float(part.mean()) for part in parts]
    print(f"{marked} {name} attended: {100 * shares[name][0]:.0f} % of Σx, {100 * shares[name][1]:.0f} % of Σ|wx|")
print("by lot it would be", rounded(100 * marked / d, 0), "%")
if trained:
    assert shares["least"][1] > marked / d > shares["most"][1]

# %% [markdown]
# The least attended features are large, and they contribute most. Lesson 05 gives a reason: training on Eq. 4 moves attention away from
# where $D_{ij}^2 = (x_{ij} - c_{y_i j})^2$ is large. And are large features far from their center? Rank correlations over the dimensions of each class,
# averaged (1: the same order, 0: no relation, −1: the opposite order):

# %%
from scipy.stats import spearmanr

size = class_means(x, y, K)  # (K, d)
far = class_means((x - head.centers[y]).square(), y, K)  # (K, d), mean D²
large_far = sum(spearmanr(size[k], far[k])[0] for k in range(K)) / K
attended_far = sum(spearmanr(mean_a[k], far[k])[0] for k in range(K)) / K
print("size with D²:", rounded(large_far, 2), " attention with D²:", rounded(attended_far, 2))

# %% [markdown]
# How sure is the second number? Draw the dimensions anew, with replacement, 500 times (the bootstrap of lesson 10):

# %%
generator, drawn = torch.Generator().manual_seed(0), []
for _ in range(500):
    j = torch.randint(d, (d,), generator=generator)  # (d,) with repetitions
    drawn.append(sum(spearmanr(mean_a[k, j], far[k, j])[0] for k in range(K)) / K)
low, high = torch.tensor(drawn).quantile(torch.tensor([0.025, 0.975]).double()).tolist()
print(f"attention with D²: {attended_far:.2f}, 95 % interval {low:.2f} to {high:.2f}")
assert low < attended_far < high
if trained:
    assert large_far > 0.5 and high < 0

# %% [markdown]
# Size and distance go together clearly. Attention goes against distance, as lesson 05 has it, but weakly (−0.14, interval −0.22 to −0.08), over all dimensions; what counts in the
# loss are the few large ones (the last section shows that they are enough to lower it by a sixth). So in this run attention is somewhat higher on
# the quiet features of a class and *lets go* of the loud ones. That need not be bad: features that the classifier needs are pulled less. But
# "attention = importance" is not a reading that these numbers allow. They are of *one* network: the interval says what other dimensions would have
# given, not what another training would.
#
# ### Try it
#
# Choose a face, and another to compare (its attention is the black line). Above are the attention weights, below what each feature adds to the
# winning class's score. Move *ablate k*, and switch *which* between most and least attended: the silenced features turn grey. Do the grey bars
# below stand where the tall ones are? Order by *attention of the face* to see it at a glance. How far can you go until the face changes its class?

# %%
import ipywidgets  # the explorer is made of it

from dacl_edu.widgets.attention_explorer import attention_explorer

explorer = attention_explorer(deep, head, images, classes)
show(
    explorer,
    alt="A face with its attention weights and contributions as bars; a slider silences k "
    "dimensions, which turn grey, and a point moves along the accuracy curve.",
)

# %%
by_name = {trace.name: trace for trace in explorer.figure.data}
assert by_name["chosen"].x[0] == 0 and len(set(by_name["attention"].marker.color)) == 1
explorer.controls["k"].value = marked
explorer.controls["which"].value = "largest contribution"
assert by_name["chosen"].x[0] == marked, "the point moved along the curve"
assert by_name["chosen"].y[0] == by_name["largest contribution"].y[marked]
assert len(set(by_name["attention"].marker.color)) == 2, "kept and silenced differ in colour"
explorer.controls["k"].value = 0
explorer.controls["which"].value = "most attended"

# %% [markdown]
# ## Which generating factors does it follow?
#
# The bundled faces are rendered, so everything about each is known: 23 action units (muscles, in the language of the *Facial Action Coding System*;
# AU 12 draws up the corners of the mouth), head pose, age, glasses, light, background. Which of them does attention go along with?
#
# The measure is $\eta^2$: of all variance, the share that lies between groups. On six numbers, attention to one dimension for three faces with and
# three without glasses:

# %%
v = torch.tensor([0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
glasses = torch.tensor([0, 0, 0, 1, 1, 1])
mean, inside, total = float(v.mean()), 0.0, 0.0
for value, group in zip(v.tolist(), glasses.tolist(), strict=True):
    of_group = [u for u, g in zip(v.tolist(), glasses.tolist(), strict=True) if g == group]
    inside += (value - sum(of_group) / len(of_group)) ** 2
    total += (value - mean) ** 2
eta2 = 1 - inside / total
print("within groups", rounded(inside, 3), "of", rounded(total, 3), "→ η² =", rounded(eta2, 3))

# %%
group_mean = torch.stack([v[glasses == g].mean() for g in (0, 1)])  # (2,)
vectorised = 1 - (v - group_mean[glasses]).square().sum() / (v - v.mean()).square().sum()
package = class_contrast(v[:, None], glasses)["eta2"][0]
assert abs(vectorised - eta2) < 1e-5 and abs(package - eta2) < 1e-5

# %% [markdown]
# Three things can deceive here, and each has a remedy:
#
# 1. **The class.** Happy faces have AU 12, and attention differs between classes. So AU 12 explains attention even if attention knows only the class.
#    *Remedy:* take away the class mean from attention and from the factor, and compare what is left *within* classes.
# 2. **Chance.** A factor with 14 hair styles explains something by luck. *Remedy:* deal the factor's values anew among the faces of a class, 999
#    times, and see what luck explains. The share of deals that do as well is the p-value.
# 3. **Many questions.** Of 95 useless factors five come out below $p = 0.05$. *Remedy:* correct the p-values (Benjamini and Hochberg); the corrected
#    one is called $q$. Of all factors with $q < 0.05$ at most about one in twenty is expected to be a false find.
#
# ### Exercise 3: within classes
#
# Write `my_adjusted(v, y)`: each value minus the mean of its class. `v` is `(n,)`, `y` holds classes `0 .. K-1`.
#
# <details><summary>Hint 1</summary>First a table of K means, then look up each sample's own.</details>
# <details><summary>Hint 2</summary>The means: <code>torch.stack([v[y == k].mean() for k in range(K)])</code>.</details>
# <details><summary>Hint 3</summary>Looking up is indexing: <code>means[y]</code> has the shape (n,).</details>


# %%
def my_adjusted(v, y):  # (n,), (n,) -> (n,)
    raise NotImplementedError()  # your lines here


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_adjusted(v, y):
    means = torch.stack([v[y == k].mean() for k in range(int(y.max()) + 1)])
    return v - means[y]


my_adjusted = attempt(my_adjusted, answer_adjusted)

# %% [markdown]
# A made-up factor that *is* the class, and one that knows the class and something more:

# %%
smile = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
noise = torch.tensor([0.1, 0.0, 0.2, 1.0, 0.8, 1.2])
check.shape(my_adjusted(smile, glasses), (6,), "your adjusted values")
check.value(my_adjusted(smile, glasses), torch.zeros(6), "your adjusted values")
expected = torch.tensor([0.0, -0.1, 0.1, 0.0, -0.2, 0.2])
check.value(my_adjusted(noise, glasses), expected, "your adjusted values")
judged(my_adjusted, "right. Of a factor that is the class, nothing is left")

# %% [markdown]
# ### The real factors
#
# Attention is a vector, so its variance is summed over the dimensions. Numbers enter by their rank within the class, so that any steady relation
# counts and no far-out value rules.

# %%
import pandas as pd

from dacl_edu.evaluation.factors import factor_association, factor_name

if faces.factors is None:  # of other images we know what can be measured
    grey = images.float().mean(dim=1).flatten(1)
    factors = pd.DataFrame({"brightness": grey.mean(dim=1), "contrast": grey.std(dim=1)})
else:
    factors = faces.factors.iloc[deep.indices.numpy()]  # (n, factors)
found = factor_association(a, factors, y)
unadjusted = factor_association(a, factors, permutations=19)  # without taking the class away
print(len(found), "factors asked;", int((found["q"] < 0.05).sum()), "with q < 0.05")

# %%
from dacl_edu.plots import factor_bars

figure = factor_bars(found, {name: factor_name(name) for name in found["factor"]})
show(figure)
assert list(figure.data[0].x) == [round(100 * share, 2) for share in found["share"].head(16)]
assert found["share"].between(0, 1).all() and (found["q"] >= found["p"] - 1e-12).all()

# %%
table, whole = found.set_index("factor"), unadjusted.set_index("factor")["share"]
for name in found["factor"].head(3):
    within_share = table.loc[name, "share"]
    print(f"{factor_name(name)}: {100 * whole[name]:.1f} % in all, {100 * within_share:.1f} % within classes")
scene = ["background", "background_hue", "cloth_hue", "key_azimuth", "noise", "jpeg_quality"]
scene = [name for name in scene if name in table.index]
print("of", scene, "with q < 0.05:", int((table.loc[scene, "q"] < 0.05).sum()))
if trained:
    assert found["factor"].head(5).str.startswith("au").sum() >= 3

# %% [markdown]
# **What to see in the figure:** on top are action units: lips that part (AU 25), an open mouth (26, 27), lowered brows (4). Then what covers the
# face: occlusion and glasses. Background, clothes and the side from which the light comes are not told from chance.
# (A few weak ones are, like the age; the table `found` has them all.) So within a class, attention goes along with how *strongly*
# the face moves, and where it is hidden. The shares are small: the largest is 6 %, and most of what differs between samples of a class is none of
# these factors alone.
#
# "Goes along with" is all it says. Do the *features* follow the same factors? If so, attention may just echo them:

# %%
of_features = factor_association(x, factors, y).set_index("factor")["share"]
shared_order = table["share"].corr(of_features.reindex(table.index), method="spearman")
print("the first five for features:", ", ".join(of_features.index[:5]))
print("rank correlation of the shares, attention with features:", rounded(shared_order, 2))
assert -1 <= shared_order <= 1

# %% [markdown]
# They do, in nearly the same order. Attention and features are made from the same map $x^*$; what is visible in one is visible in the other.
#
# ## The controls: what would show that attention helps?
#
# DACL against center loss is one comparison with several differences at once. `TrainConfig.attention` has five controls, each of which takes away
# one explanation:
#
# | `attention =` | what the weights become | if `learned` is no better than that, then … |
# |---|---|---|
# | `ones` | all 1: the plain center loss | attention did nothing |
# | `mean` | each sample's own mean, in every dimension | it was a smaller λ |
# | `permuted` | the same values on other dimensions, dealt anew each step | it did not matter which dimension gets which weight |
# | `frozen` | a random network's, never trained | attention did not need to *learn* |
# | `normalized` | divided by each sample's mean, so that the mean is 1 | nothing was gained by being able to shrink |
#
# By hand on one sample:

# %%
a_one = torch.tensor([[0.2, 0.6, 0.7]])  # (1, d)
average = a_one.mean(dim=1, keepdim=True)  # (1, 1)
by_hand = {"mean": average.expand(1, 3), "normalized": a_one / average, "ones": torch.ones(1, 3)}
print({name: rounded(value[0], 2) for name, value in by_hand.items()})

# %%
from dacl_edu.evaluation.attention_statistics import controls

for name, value in by_hand.items():
    assert torch.allclose(controls(a_one)[name], value)
dealt = controls(a_one, seed=0)["permuted"]
assert sorted(dealt[0].tolist()) == sorted(a_one[0].tolist()), "the same values, dealt anew"

# %% [markdown]
# And the network of the trainer does the same. Here is one network in three modes, with the same random weights:

# %%
maps = torch.randn(4, 8, 3, 3)  # (m, N_C, N_H, N_W)
weights = {}
for mode in ("learned", "mean", "normalized"):
    torch.manual_seed(0)
    network = AttentionNetwork((8, 3, 3), feature_dim=5, widths=(16, 8, 4), mode=mode)
    weights[mode] = network(maps).detach()  # (m, 5)
for mode in ("mean", "normalized"):
    assert torch.allclose(weights[mode], controls(weights["learned"])[mode], atol=1e-6)
print("learned", rounded(weights["learned"][0], 2), " normalized", rounded(weights["normalized"][0], 2))

# %% [markdown]
# ### What can be said without training
#
# Take the finished features of training images, put each control in the place of $a$, and compute what would change *in one step*: the loss (Eq. 4), and
# its gradient by the features (Eq. 9, $a_{ij} D_{ij} / m$): the cosine of its angle to that of learned attention, and its length.
# Long-hand for `mean`:

# %%
a_train, m = train_part.attention, len(train_part)  # (m, d)
g_learned = a_train * D / m  # Eq. 9, (m, d)
g_mean = a_train.mean(dim=1, keepdim=True) * D / m  # (m, d)
cosine = (g_learned * g_mean).sum() / (g_learned.norm() * g_mean.norm())
print("cosine of the two gradients:", rounded(cosine, 3), " its square:", rounded(cosine**2, 2))

# %%
from dacl_edu.evaluation.attention_statistics import control_effects

effects = control_effects(train_part, head.centers)
assert abs(effects.loc["mean", "cosine"] - float(cosine)) < 1e-4
assert abs(effects.loc["learned", "cosine"] - 1) < 1e-6
effects.round(3)

# %%
ratio = effects["loss"] / effects["loss"]["learned"]
print("loss, times that of learned attention:", rounded(ratio.to_dict(), 2))
if trained:
    assert ratio["mean"] > 1.05 and 0.8 < effects.loc["mean", "cosine"] < 1
    assert effects.loc["normalized", "cosine"] > 0.98

# %% [markdown]
# Read it line by line (numbers of the project's run):
#
# - **`mean`**: the loss is 19 % higher. Attention has learnt to put its lower weights where a sample is far from its center. That is all
#   that it was asked. The cosine is 0.89; squared, 0.79: four fifths of the pull of learned attention is what plain
#   center loss with half the λ would do.
# - **`permuted`**: about the same loss as `mean` (values on the wrong dimensions are worth their average), a cosine of 0.83. That is the pull
#   of attention with the selection destroyed and noise put in its place.
# - **`ones`**: the direction of `mean`, but twice as long. Whoever compares DACL with center loss at the same λ compares λ with half of λ, too.
# - **`normalized`**: the direction of `learned`, twice as long: the same selection at a larger λ.
#
# **This does not say what a control does to a trained network.** Features, centers and attention would have developed together in another way, and
# accuracy is not the loss. Only training with the controls settles it, over several seeds, with the tests of lesson 10. It was not done for this page.
# A run takes about ten minutes on two cores:
#
#     dacl-edu train --preset quick --method dacl --attention permuted --seed 0
#
# and the same with `mean`, `ones`, `frozen`, `normalized`, and with seeds 0 to 4. The paper has no such table; without one, nobody can say what attention
# contributed beyond a smaller λ.

# %% [markdown]
# ## What was shown
#
# - Plain cosines of positive vectors are near 1 and say nothing; centred ones do. Within classes 0.45, between them −0.08; a network with random weights on the
#   pooled features has 0.2 to 0.3.
# - Attention did not fall, it moved: over the training 48 % of the weights rose and the mean stayed near ½, while the mean weighted by $D^2$ fell from
#   0.49 to 0.42. The class pattern comes after that of the features.
# - In this one network attention is not importance: silencing the most attended features costs less than silencing by lot, and the least attended are the
#   ones that contribute most. Whether that is so in others, only other runs can say.
# - Within a class it goes along with open mouths, brows and occlusion, as the features do.
# - What it adds to the result is open until the controls are trained. All this is one network on rendered faces; another seed or data set may differ.
#
# **Try next:** train `permuted` and `mean` with seed 0 (the command above), then look at them here with `runs`. Does the class pattern come up under
# `permuted`, where it is of no use? Or silence in each sample what is least attended in *another* sample: of the same class,
# of another class (`ablation_curve` takes any score). Does it matter whose attention it is?
#
# ### Three questions
#
# <details><summary>Question 1. A blog post draws two attention vectors of one class, finds a cosine of 0.94, and concludes that attention is
# consistent within classes. What do you ask?</summary>
# What is it between classes? Here the plain cosine is 0.94 within and 0.88 between. Positive vectors are always alike; take away the common mean
# first, and say what an untrained network gives.
# </details>
#
# <details><summary>Question 2. "We removed the half of the features with the highest attention, and accuracy fell from 84 % to 76 %. So attention
# finds the important features." What is missing?</summary>
# A half drawn by lot: here that falls to about 72 %, so the attended ones mattered less than average. Also the other half (it falls to 54 %), and
# a filling other than zero.
# </details>
#
# <details><summary>Question 3. DACL beats center loss at λ = 0.01 by one point, in five seeds out of five. Did attention select features?</summary>
# Perhaps, or λ was too large for center loss: with attention near ½ DACL works at half of it. Compare with `mean` and `permuted`, or tune λ for
# center loss on validation images.
# </details>
