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
# # What attention looks like
#
# ![The network with the way from the feature map by encoder and heads to attention marked.](drawings/network_attention.svg)
#
# **A question about a figure.** The paper's Fig. 5 draws the attention of five faces and says: "the learned attention weights from the
# same classes follow very similar patterns, and the attention weights from different classes are not similar". Is that so, how much, and is it *learnt*? And lesson 05 left a riddle half
# open: what becomes of attention in a whole training, does it fall?
#
# **After this notebook you can** look at learned attention as Fig. 5 does and put a number on it, compare it with a network that learnt nothing, and say what a training lowers and what it
# only moves elsewhere.
#
# **Minutes:** 40. **Builds on:** [04_attention_network](04_attention_network.ipynb), [05_gradients](05_gradients.ipynb) (what Eq. 10
# does to free weights, and to a network's), [10_results](10_results.ipynb) (runs and seeds).
#
# **From the paper:** Sec. 4.4 and Fig. 5. The weight of dimension $j$ of
# sample $i$ is Eq. 7, and it enters the loss, Eq. 4, and nothing else:
#
# $$a_{ij} = \sigma(p_{ij,in} - p_{ij,ex}) \qquad\qquad \mathcal{L}_{SC} = \frac{1}{2m}\sum_{i=1}^m\sum_{j=1}^d a_{ij}\,(x_{ij} - c_{y_i j})^2$$
#
# Keep this in mind on the whole page: **the prediction never sees $a$**. The classifier gets $x$, not $a \cdot x$. Attention says how strictly each
# feature is pulled to its center.
#
# The next cell says which runs to look at. Left empty, `runs` takes those that come with the project, or trains small ones in seconds. To look at your own:
# `dacl-edu run-notebook 12_attention -p runs runs/a -p runs runs/b`.

# %% tags=["parameters"]
runs: str | list[str] = ""  # folder of finished runs, or a list; empty: the project's
profile: str = ""  # where no runs are given: smoke (seconds), quick (minutes each)
seed: int = 0  # which seed to train then
device: str = "auto"  # auto, cpu, cuda, mps
out: str = ""  # folder for runs that are trained here; empty: runs/12_attention

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
from dacl_edu.lessons.display import check_parameters, rounded, setup, show

settings = check_parameters()  # an unknown name or a wrong type stops here
setup(seed=0)

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
from dacl_edu.evaluation.attention_statistics import class_means

mean_a = torch.zeros(K, d)  # (K, d)
for k in range(K):
    members = [i for i in range(m) if y[i] == k]
    for i in members:
        mean_a[k] += a[i] / len(members)
print(rounded(mean_a, 2))
assert torch.allclose(mean_a, torch.from_numpy(class_means(a, y)).float())

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
#
# ![Four attention vectors minus their common mean; samples 0 and 2 have a plain cosine of 0.87, of what is left −0.94.](drawings/centred_cosine.svg)

# %%
shared = a.mean(dim=0)  # (d,)
left = a - shared  # (m, d)
unit = left / left.norm(dim=1, keepdim=True)  # (m, d), each of length 1
centred = unit @ unit.T  # (m, m): every pair at once
print("the centred cosine of samples 0 and 2:", rounded(centred[0, 2], 3))

# %%
from dacl_edu.evaluation.attention_statistics import similarity, within_between

assert torch.allclose(torch.from_numpy(similarity(a)).float(), centred, atol=1e-6)
print("within and between classes, centred:", rounded(within_between(a, y), 3))
print("the same, plain:", rounded(within_between(a, y, centred=False), 3))

# %% [markdown]
# Two numbers sum up a matrix of pairs: the mean over pairs *within* a class, and over pairs *between* classes.
#
# One trap. What is left after centring adds up to zero. So if samples of one class agree, those of different classes *must* disagree: with $K$
# classes of one size, "between" is about $-\frac{1}{K-1}$ of "within". With seven classes a within of 0.45 comes with a between of −0.08. That
# is what "nothing in common" looks like, not "opposite".
#
# ### Exercise: the centred cosine
#
# *easy · 5 minutes*
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
other = torch.tensor([[0.9, 0.1, 0.2], [0.4, 0.4, 0.8], [0.5, 0.7, 0.2]])
check.shape(my_similarity(other), (3, 3), "your similarity")
expected = torch.from_numpy(similarity(other)).float()
check.value(my_similarity(other), expected, "your similarity", tolerance=1e-5)
judged(
    my_similarity, "right. On the diagonal", rounded(my_similarity(other).diagonal(), 3)
)

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
trained = run.result["accuracy"] > 0.6  # of one trained for seconds less is asserted
right = (head.logits(x).argmax(dim=1) == y).float().mean()
print(f"seed {run.config.seed}, preset {run.config.preset}, {d} dimensions")
print(f"{n} {deep.split} images, {100 * right:.1f} % right")
print(f"attention {a.mean():.3f} on average, from {a.min():.2f} to {a.max():.2f}")

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
print(
    "dimensions, classes, samples of a class:",
    rounded(100 * parts, 0),
    "% of the variance",
)
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
within, between = within_between(a, y)
print(f"centred: within {within:.2f}, between {between:.2f}", end=" ")
print(f"(nothing in common would be {-within / (K - 1):.2f})")
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
# (K, K): either class taken for the other
mixed = (mixed + mixed.T).fill_diagonal_(0).triu()
for place in mixed.flatten().argsort(descending=True, stable=True)[:3].tolist():
    one, two = divmod(place, K)
    print(
        f"{classes[one]} and {classes[two]}: {mixed[one, two]:.0f} images mixed up,",
        end=" ",
    )
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

# %% [markdown]
# **What to see in the figure:** at the left, bands: the same colour down a class, another one in the next. At the right there is no such order.
# $\eta^2$ (eta squared) is the share of a dimension's variance that lies between classes; lesson 13 computes one by hand.
#
# ## Is that learnt?
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
        # in training mode, so that BN uses these samples' statistics
        return network(maps)


# (n, d, 1, 1): the stored features are the map after pooling
pooled = x[:, :, None, None]
untrained_within = [within_between(untrained(pooled, s), y).within for s in range(3)]
print(
    "within classes, untrained:",
    rounded(untrained_within, 2),
    " learned:",
    rounded(within, 2),
)
assert len(untrained_within) == 3 and all(
    -1 <= value <= 1 for value in untrained_within
)

# %% [markdown]
# So 0.2 to 0.3 of similarity comes for free, from class-like *features*. The fair comparison takes the true map, $x^*$ of Eq. 5, which only a
# checkpoint can compute. The runs that come with the project have none (48 MB). Where there is one, the next cell does it.

# %%
from dacl_edu.runs.splits import load_split
from dacl_edu.runs.trained import load_run

if (run.folder / "checkpoint_last.pt").is_file():
    loaded = load_run(run.folder)
    images = load_split(run.config, deep.split).images[deep.indices]  # (n, 3, H, W)
    with torch.no_grad():
        maps = loaded.model(loaded.prepare.evaluate(images)).feature_map
    widths = loaded.model.attention.encoder.widths
    on_map = [within_between(untrained(maps, s, widths), y).within for s in range(3)]
    print("untrained on the true map:", rounded(on_map, 2))
else:
    print("no checkpoint here")

# %% [markdown]
# The trained attention network has 0.45. **So a good part of the class pattern came with its training**: how much exactly, only that cell can say, on a run
# of your own (`runs`). What it is good for is another question; there was no reward for being useful (lesson 05).
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
# ## Did attention fall?
#
# Eq. 10 asks every weight to fall. Lesson 05 took a few steps with an untrained network: half of the weights rose, and only the mean *weighted by* $D^2$,
# where $D = x - c_y$, had to fall. That was with the features held fixed. Here is a whole training, in which the features moved, too. **Guess
# first:** what share of the weights is higher after the last epoch than before the first? And which of the two means fell?

# %%
from dacl_edu.plots import change_animation

shots = run.snapshots()
epochs = [shot.epoch for shot in shots]
since = [shot.deep.attention - shots[0].deep.attention for shot in shots[1:]]  # (n, d)
if since:
    show(change_animation({"the trained network": since}, epochs[1:],
                          "A whole training: what each weight did", unit="epoch"))

# %%
from dacl_edu.evaluation.attention_step import weighted_mean
from dacl_edu.plots import lines

plain, weighted = [], []  # one number a snapshot
for shot in shots:
    D = shot.deep.features - shot.centers[shot.deep.labels]  # (n, d)
    plain.append(float(shot.deep.attention.mean()))
    weighted.append(weighted_mean(shot.deep.attention, D**2))

# %%
curves = {"mean of a": (epochs, plain), "mean, weighted by D²": (epochs, weighted)}
if since:
    show(
        lines(
            curves,
            "The plain mean stays, the weighted one falls",
            """Two lines over the epochs, both starting near one half. The plain mean
stays there; the mean weighted by squared distance falls to about 0.42.""",
            x="epoch",
            y="attention",
        )
    )
if since and trained:
    assert 0.4 < (since[-1] > 0).float().mean() < 0.6, "attention did not just fall"
    fell = plain[0] - plain[-1], weighted[0] - weighted[-1]
    assert abs(fell[0]) < 0.02 < 0.05 < fell[1], "it redistributes"

# %% [markdown]
# **What to see in the figures:** 47.9 % of the weights rose, 52.1 % fell, and the plain mean is where it was. The mean weighted by $D^2$ went from 0.493
# to 0.417. So this attention hardly shrank, it **moved**: away from where samples are far from their center and towards where they are near. That is what lesson
# 05 leads one to expect of one small step with fixed features; over a training it is an observation, here of one network. In others, more of it falls: in the study's
# five networks of λ = 0.01 the mean ends 0.011 lower (0.009 to 0.012), little but surely; at λ = 1 it ends at 0.35 (0.31 to 0.38); and in [lesson 14](14_beyond_faces.ipynb),
# with two features, nearly to 0. What stops it, where it stops, is asked in [lesson 13](13_what_attention_does.ipynb).

# %% [markdown]
# ## The three suspects
#
# | suspect | evidence of this lesson (one network, seed 0) |
# |---|---|
# | selection of dimensions | for: attention differs between classes (0.45 within, −0.08 between), more than untrained networks on the pooled features (0.2 to 0.3). Against: very little of it is a fixed liking for some dimensions |
# | a smaller λ | for, in part: the mean is 0.49 from the first epoch to the last, so DACL pulls half as hard as center loss |
# | luck | open: one network on rendered faces. No interval of this page covers another training |
#
# ## What was shown
#
# - Plain cosines of positive vectors are near 1 and say nothing; centred ones do. Within classes 0.45, between them −0.08; a network with random weights on the
#   pooled features has 0.2 to 0.3.
# - Classes that are mixed up have similar attention.
# - Attention hardly fell (0.491 to 0.485), it moved: over the training 48 % of the weights rose, while the mean weighted by $D^2$ fell from
#   0.49 to 0.42. The class pattern comes after that of the features.
#
# **Try next:** look at a run of your own (`-p runs runs/x`) with another λ. Then ask what attention *does*:
# [13_what_attention_does](13_what_attention_does.ipynb).
#
# ### Three questions
#
# <details><summary>Question 1. A blog post draws two attention vectors of one class, finds a cosine of 0.94, and concludes that attention is
# consistent within classes. What do you ask?</summary>
# What is it between classes? Here the plain cosine is 0.94 within and 0.88 between. Positive vectors are always alike; take away the common mean
# first, and say what an untrained network gives.
# </details>
#
# <details><summary>Question 2. In a run half of the attention weights rose. Does that refute Eq. 10?</summary>
# No. Eq. 10 is the slope of the loss for one weight with all others held fixed. The parameters move many weights at once, and only the mean weighted by D² must fall in a small step.
# </details>
#
# <details><summary>Question 3. With K classes of one size the mean centred cosine within classes is 0.3. What is it between classes, if there is nothing in common?</summary>
# About −0.3/(K − 1): what is left after centring adds up to zero.
# </details>
