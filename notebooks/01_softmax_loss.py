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
# # Softmax loss: scores, probabilities, and what they do not ask for
#
# ![The network with the classifier and its loss marked.](drawings/network_scores.svg)
#
# **The question.** A classifier that makes no mistake on its training faces: is it finished? This loss never asks that the faces of a class
# lie together, and it never stops asking for larger scores. All that follows in the paper starts from that gap.
#
# **After this notebook you can** compute Eq. 1 and Eq. 2 with pencil and paper, keep them from overflowing, derive their gradient
# and prove it right, and say why a classifier that makes no mistake may still have loose classes.
#
# **Minutes:** 40. **Builds on:** [00_start_here](00_start_here.ipynb), derivatives of $e^x$ and $\log x$ (the natural logarithm),
# a matrix product.
#
# **The equations.** A network turns face $i$ into a deep feature $x_i$, a vector of $d$ numbers. Eq. 1 turns it into one score for
# each of the $K$ classes, Eq. 2 says how bad these scores are (the paper writes $w_j^T x_i + b_j$ for $z_{ij}$ there):
#
# $$z_i = W^T x_i + B \tag{Eq. 1}$$
#
# $$\mathcal{L}_S = -\frac{1}{m}\sum_{i=1}^{m}\log\frac{e^{z_{i y_i}}}{\sum_{j=1}^{K}e^{z_{ij}}} \tag{Eq. 2}$$
#
# | symbol | what it is | shape |
# |---|---|---|
# | $m$, $d$, $K$ | samples in the batch, dimensions of a feature, classes | – |
# | $x$ | deep features, one row a sample | $(m, d)$ |
# | $y$ | the right class of each sample; code counts from 0, the paper from 1 | $(m)$ |
# | $W$, $B$ | a weight vector $w_j$ (a column) and a bias $b_j$ for each class | $(d, K)$, $(K)$ |
# | $z$ | scores | $(m, K)$ |

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
# Three samples, two dimensions, three classes. The paper has 512 dimensions and seven classes; nothing else changes.

# %%
x = torch.tensor([[2.0, 1.0],  # sample 0
                  [0.0, 1.0],  # sample 1
                  [-1.0, 2.0]])  # sample 2; x is (m, d) = (3, 2)
y = torch.tensor([0, 2, 2])  # their classes: (m,)
m, d = x.shape

# %%
W = torch.tensor([[1.0, 0.0, -1.0],
                  [0.0, 1.0, 1.0]])  # (d, K) = (2, 3): column j is w_j
B = torch.tensor([0.0, 0.5, 0.0])  # (K,)
K = len(B)

# %% [markdown]
# ## Eq. 1: linear scores
#
# First long-hand: the score of class $j$ is $b_j$ plus the products of $w_j$ and $x_i$, dimension by dimension.

# %% tags=["eq-1"]
z_loop = torch.zeros(m, K)
for i in range(m):
    for j in range(K):
        z_loop[i, j] = B[j]
        for k in range(d):
            z_loop[i, j] += W[k, j] * x[i, k]
print(rounded(z_loop))

# %% [markdown]
# Then one line. The paper writes $W^T x_i$ for one sample that stands upright as a column. In a batch each sample lies down as a
# row, and the same products are `x @ W`. PyTorch keeps $W^T$, so the function of the library gets `W.T`.

# %%
z = x @ W + B  # (m, d) @ (d, K) + (K,) -> (m, K)
z_library = torch.nn.functional.linear(x, W.T, B)  # what torch.nn.Linear computes
assert z.shape == z_loop.shape == z_library.shape == (m, K)
assert torch.equal(z, z_loop) and torch.equal(z, z_library)

# %% [markdown]
# ## Softmax: from scores to probabilities
#
# Scores can be any numbers. Softmax makes them positive (by $e^z$) and lets each row sum to one (by dividing):
#
# $$p_{ij} = p(y = j \mid x_i) = \frac{e^{z_{ij}}}{\sum_{k=1}^{K} e^{z_{ik}}}$$

# %%
p_loop = torch.zeros(m, K)
for i in range(m):
    total = sum(z[i, k].exp() for k in range(K))
    for j in range(K):
        p_loop[i, j] = z[i, j].exp() / total
print(rounded(p_loop, 3))

# %%
p = z.exp() / z.exp().sum(dim=1, keepdim=True)  # (m, K) / (m, 1) -> (m, K)
p_library = torch.softmax(z, dim=1)
assert torch.allclose(p, p_loop) and torch.allclose(p, p_library)

# %% [markdown]
# The second row, step by step (and, below it, what training will do to its scores; that comes later on this page):
#
# ![Scores −1, 1.5, 1 become exponentials, divided by their sum they become probabilities; minus one-hot is the push.](drawings/softmax_row.svg)
#
# The figure shows the three rows. **What to see:** the highest score gets the highest probability, and a score of −1 beside a
# score of 3 gets almost nothing. Sample 1 belongs to class 2, but class 1 is ahead: the classifier is wrong there.

# %%
from dacl_edu.plots import bars

samples = [f"sample {i} (class {y[i]})" for i in range(m)]
of_class = {f"class {j}": p[:, j] for j in range(K)}
show(
    bars(
        of_class,
        samples,
        "Probabilities of three samples",
        """Three samples. Sample 0: class 0 at 0.60, class 1 at 0.37. Sample 1:
class 1 at 0.55, class 2 at 0.33. Sample 2: class 2 at 0.62, class 1 at
0.37.""",
        y="p",
    )
)

# %% [markdown]
# ## Keeping it stable: log-sum-exp
#
# On paper the formula is finished. In a computer it breaks: $e^{1000}$ is larger than any float.

# %%
# harmless: the classes differ by 1 and 2
large = torch.tensor([[1000.0, 1001.0, 1002.0]])
print("naive:", (large.exp() / large.exp().sum()).tolist())
print("library:", rounded(torch.softmax(large, dim=1), 3))

# %% [markdown]
# `inf / inf` is `nan`, "not a number". The remedy: adding the same number to all scores of a row changes no probability, since
# $e^{z+s} = e^z e^s$ and $e^s$ cancels. So subtract the largest score first; the largest exponent is then $e^0 = 1$.

# %%
shifted = large - large.max(dim=1, keepdim=True).values  # (1, K): now -2, -1, 0
stable = shifted.exp() / shifted.exp().sum(dim=1, keepdim=True)
assert torch.allclose(stable, torch.softmax(large, dim=1))

# %% [markdown]
# Eq. 2 needs the *logarithm* of $p$. Taking it last loses small probabilities: they become 0, and $\log 0 = -\infty$. Taking it on
# paper first keeps them:
#
# $$\log p_{ij} = z_{ij} - \log\sum_{k} e^{z_{ik}} \qquad\text{("log-sum-exp")}$$

# %%
sure = torch.tensor([[0.0, -200.0]])  # the second class is very unlikely
print("log of softmax:", torch.softmax(sure, dim=1).log().tolist())
print("z - logsumexp: ", (sure - torch.logsumexp(sure, dim=1, keepdim=True)).tolist())

# %% [markdown]
# ### Exercise 1: log-softmax that cannot overflow
#
# *medium · 10 minutes*
#
# Write `my_log_softmax(z)`: it takes scores $(m, K)$ and returns $\log p$, also $(m, K)$. It must survive scores of 1000. Use `exp`, `log`,
# `sum` and `max`, not `logsumexp`.
#
# <details><summary>Hint 1</summary>Subtract the largest score of each row before anything else. Is the answer still right?</details>
# <details><summary>Hint 2</summary>Then log p is the shifted score minus the logarithm of the sum of the exponentials.</details>
# <details><summary>Hint 3</summary><code>keepdim=True</code> keeps the row's maximum and sum as (m, 1), so that they are subtracted row by row.</details>
#
# Until your function is written, the page goes on with the folded answer below it, and the check says so.

# %%
def my_log_softmax(z):  # (m, K) -> (m, K)
    raise NotImplementedError()  # your lines here

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_log_softmax(z):
    shifted = z - z.max(dim=1, keepdim=True).values
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()


my_log_softmax = attempt(my_log_softmax, answer_log_softmax)

# %%
check.shape(my_log_softmax(z), (m, K), "log p")
check.value(my_log_softmax(z), torch.log_softmax(z, dim=1), "log p")
# Near 1000 float32 knows steps of 0.00006 only: a right answer may pass through them.
check.value(
    my_log_softmax(large),
    torch.log_softmax(large, dim=1),
    "log p of large scores",
    tolerance=1e-3,
)
judged(my_log_softmax, "log-softmax is right, also for scores of 1000")

# %% [markdown]
# ## Eq. 2: cross-entropy
#
# The loss of a sample is $-\log p$ of its *right* class: 0 if the classifier is sure and right, large if it is sure and wrong.
# Long-hand:

# %% tags=["eq-2"]
L_loop = 0.0
for i in range(m):
    total = sum(z[i, j].exp() for j in range(K))
    L_loop -= (z[i, y[i]].exp() / total).log() / m
print(rounded(L_loop))

# %% [markdown]
# The paper's first line of Eq. 2 sums over all classes, $-\frac1m\sum_i\sum_j y_i \log p(y=j|x_i)$. There $y_i$ cannot be a class
# number; it must be a row of zeros with a single 1 ("one-hot"). The second line picks the right class. (This is the first row of
# [the list of misprints](../docs/errata.md).) Both are one line:

# %%
log_p = my_log_softmax(z)  # (m, K)
onehot = torch.nn.functional.one_hot(y, K).float()  # (m, K)
L_first_line = -(onehot * log_p).sum() / m
L_second_line = -log_p[torch.arange(m), y].mean()

# %% [markdown]
# And the function of the package. All four are the same number:

# %%
from dacl_edu.losses import softmax_loss

L_S = softmax_loss(z, y)
for other in (L_loop, L_first_line, L_second_line):
    assert torch.allclose(other, L_S)
print(
    "losses of the samples",
    rounded(-log_p[torch.arange(m), y], 3),
    "and their mean",
    rounded(L_S),
)

# %% [markdown]
# Sample 1, the wrong one, pays most. A useful anchor: a classifier that knows nothing gives every class $1/K$ and pays $\log K$,
# which is 1.9459 for seven expressions. A loss above that is worse than guessing.

# %%
nothing = softmax_loss(torch.zeros(2, 7), torch.tensor([0, 3]))
print(rounded(nothing), rounded(torch.tensor(7.0).log()))

# %% [markdown]
# ## The gradient by hand
#
# Training moves $z$ against $\partial \mathcal{L}_S/\partial z$. With log-sum-exp the derivative is short. For one sample
#
# $$\mathcal{L}_i = -z_{i y_i} + \log\sum_k e^{z_{ik}}$$
#
# The first term has the slope $-1$ for $j = y_i$ and 0 for the others. The second has $e^{z_{ij}}/\sum_k e^{z_{ik}} = p_{ij}$. Together,
# with the mean over the batch:
#
# $$\frac{\partial \mathcal{L}_S}{\partial z_{ij}} = \frac{p_{ij} - [\,j = y_i\,]}{m}$$
#
# In words: *what you said minus what is true*. The bracket is 1 if the statement in it holds and 0 otherwise, so it is the one-hot row.

# %%
dz_loop = torch.zeros(m, K)
for i in range(m):
    for j in range(K):
        dz_loop[i, j] = (p[i, j] - (1.0 if j == y[i] else 0.0)) / m
print(rounded(dz_loop, 3))

# %% [markdown]
# Then one line, and PyTorch's own differentiation ("autograd") of the package function:

# %%
dz = (p - onehot) / m  # (m, K)
leaf = z.clone().requires_grad_()  # a copy that autograd watches
(dz_autograd,) = torch.autograd.grad(softmax_loss(leaf, y), leaf)
assert torch.allclose(dz, dz_loop) and torch.allclose(dz, dz_autograd)

# %% [markdown]
# Two derivations could share a mistake. A third way knows nothing of derivatives: move one score up a little and down a little, and see
# how the loss changes ("finite differences"). `compare_gradients` compares shapes first and then values:

# %%
from dacl_edu.check.gradients import compare_gradients, gradient_table


def by_hand(logits, labels):
    onehot = torch.nn.functional.one_hot(labels, K)  # (m, K)
    return {"logits": (torch.softmax(logits, dim=1) - onehot) / len(labels)}


inputs = {"logits": z, "labels": y}
rows = compare_gradients(softmax_loss, inputs, wrt=("logits",), hand_written=by_hand)
print(gradient_table(rows))

# %% [markdown]
# ### Exercise 2: one step further, to $W$, $B$ and $x$
#
# *hard · 15 minutes*
#
# Eq. 1 is linear, so the chain rule needs only `dz`. Write `my_gradients(x, W, B, y)`, which returns the three gradients by name. Each
# has the shape of its variable: $(m, d)$, $(d, K)$ and $(K)$.
#
# <details><summary>Hint 1</summary>Begin with dz, (m, K), as above. Everything else is dz times something.</details>
# <details><summary>Hint 2</summary>b<sub>j</sub> is added to every row of z: its gradient is the sum of column j of dz.</details>
# <details><summary>Hint 3</summary>z<sub>ij</sub> contains W<sub>kj</sub> x<sub>ik</sub>. So dW<sub>kj</sub> = Σ<sub>i</sub> x<sub>ik</sub> dz<sub>ij</sub>: a matrix product of (d, m) and (m, K). For
# dx the shapes (m, K) and (K, d) leave only one way.</details>

# %%
def my_gradients(x, W, B, y):
    # your lines here: return {"x": ..., "W": ..., "B": ...}
    raise NotImplementedError()

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_gradients(x, W, B, y):
    onehot = torch.nn.functional.one_hot(y, len(B))  # (m, K)
    dz = (torch.softmax(x @ W + B, dim=1) - onehot) / len(y)  # (m, K)
    return {"x": dz @ W.T, "W": x.T @ dz, "B": dz.sum(dim=0)}


my_gradients = attempt(my_gradients, answer_gradients)

# %%
def loss_of_all(x, W, B, y):
    return softmax_loss(x @ W + B, y)


variables = {"x": x, "W": W, "B": B, "y": y}
check.gradient(loss_of_all, my_gradients, variables, wrt=("x", "W", "B"))
judged(my_gradients, "all three gradients agree with finite differences")

# %% [markdown]
# A frequent slip is to forget the mean over the batch. Its shapes are right, so only the values give it away:

# %%
def forgot_the_mean(x, W, B, y):
    return {name: len(y) * one for name, one in my_gradients(x, W, B, y).items()}


try:
    check.gradient(loss_of_all, forgot_the_mean, variables, wrt=("x", "W", "B"))
    raise RuntimeError("the check missed it")
except AssertionError as message:
    print(message)

# %% [markdown]
# ## Margin: when does the pull stop?
#
# Take two classes. Only the difference of the scores counts, the **margin** $\mu = z_{y} - z_{\text{other}}$. Then $p = 1/(1+e^{-\mu})$,
# the loss is $\log(1+e^{-\mu})$, and the pull on the margin is $1-p$.

# %%
margin = torch.linspace(-5, 5, 101)  # (101,)
# (101, 2): right class, other class
scores = torch.stack([margin, torch.zeros_like(margin)], dim=1)
loss = -torch.log_softmax(scores, dim=1)[:, 0]
pull = 1 - torch.softmax(scores, dim=1)[:, 0]

# %% [markdown]
# **What to see:** left of 0 the sample is wrong and the pull is near 1. Right of 0 it is right and the pull dies away. It never becomes
# exactly 0: a larger margin is always a little better. Keep both halves of that sentence in mind; they return below.

# %%
from dacl_edu.plots import lines

curves = {"loss": (margin, loss), "pull 1 − p": (margin, pull)}
show(lines(curves, "Loss and pull against the margin (wrong | right)", """Two falling
curves over the margin from −5 to 5. The loss falls from 5 to almost 0. The pull falls
from 1 over 0.5 at margin 0 to almost 0.""", x="margin"))

# %% [markdown]
# ## Temperature, and an explorer
#
# Dividing all scores by a **temperature** $T$ scales every margin. Small $T$ makes the classifier sure of itself, large $T$ makes it doubt;
# the order of the classes stays.
#
# **Move the sliders.** It opens at $T = 1$ with the scores of sample 2 as they are. **Task:** lower *added*, which is added to the score of the right class, until the sample is
# wrong. Which way does each gradient bar point then, and what happens to them when you lower $T$?

# %%
from dacl_edu.widgets.explore import explore


def sample_2(T, added):
    """Add to the score of the right class, then divide all scores by T."""
    p = torch.softmax((z[2] + added * onehot[2]) / T, dim=0)  # (K,)
    return bars({"p": p, "gradient p − one-hot": p - onehot[2]},
                ["class 0", "class 1", "class 2 (right)"],
                f"Sample 2: loss {-p[2].log():.3f}", "Bars of p and of its gradient.",
                yaxis_range=[-1, 1])

# %%
show(
    explore(sample_2, T=(1.0, 0.1, 10.0, 0.1), added=(0.0, -4.0, 4.0, 0.1)),
    alt="""Two sliders, T and added, above bars of the probabilities of sample 2 and
of the gradient.""",
)

# %% [markdown]
# ## Unequal classes
#
# Eq. 2 is a mean over *samples*, not over classes. RAF-DB, the paper's first data set, has these numbers of training faces:

# %%
from dacl_edu.data import EXPRESSIONS

counts = torch.tensor([1290, 281, 717, 4772, 1982, 705, 2524])
share = counts / counts.sum()  # (7,)
print(dict(zip(EXPRESSIONS, rounded(share, 3), strict=True)))
print("happy faces for each fearful one:", rounded(counts[3] / counts[1], 1))

# %% [markdown]
# Now a classifier that never looks at the face: its scores are the logarithms of the shares, so its probabilities *are* the shares.

# %%
lazy = share.log()  # (7,): softmax(lazy) = share
labels = torch.arange(7).repeat_interleave(counts)  # (12271,)
L_lazy = softmax_loss(lazy.expand(len(labels), 7), labels)
print(
    "loss",
    rounded(L_lazy, 3),
    "instead of log 7 =",
    rounded(torch.tensor(7.0).log(), 3),
)
print("accuracy", rounded(share.max(), 3), " average accuracy", rounded(1 / 7, 3))
print(
    "loss of a fearful face",
    rounded(-lazy[1], 3),
    " of a happy one",
    rounded(-lazy[3], 3),
)

# %% [markdown]
# It beats guessing in Eq. 2 and is right on 38.9 % of the faces, by always saying "happy". Fearful faces pay dearly, but they are 2.3 % of
# the mean. That is why the paper reports the **average accuracy** as well: the mean of the accuracies of the seven classes, where the lazy
# classifier has 1/7. The losses of lessons 02 and 03 are means over samples as well.
#
# ## Right, but not compact
#
# The last section is the reason for the rest of the course. Here is a toy: six measurements of a "face", three classes, much noise. A small
# network squeezes the six numbers into a feature $x$ with $d = 2$, so that we can look at it.

# %%
from torch import nn

generator = torch.Generator().manual_seed(0)
y_toy = torch.arange(3).repeat_interleave(60)  # 60 samples of each class: (180,)
signal = 2 * torch.eye(3, 6)[y_toy]  # class k has a 2 in place k: (180, 6)
X_toy = (signal + torch.randn(180, 6, generator=generator)).double()  # (180, 6)

# %% [markdown]
# Training is a loop of five steps: features, scores, loss, slopes, a small move of all weights. (Adam chooses the size of the moves; any
# optimiser would do.) The features and scores of every step are kept for the pictures.

# %%
def train_with_softmax_loss(steps):
    torch.manual_seed(0)
    # X (m, 6) -> x (m, 2)
    net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2)).double()
    classifier = nn.Linear(2, 3).double()  # Eq. 1: x (m, 2) -> z (m, 3)
    optimizer = torch.optim.Adam([*net.parameters(), *classifier.parameters()], lr=0.02)
    history = []
    for _ in range(steps + 1):
        x = net(X_toy)
        z = classifier(x)
        history.append((x.detach(), z.detach()))
        optimizer.zero_grad()
        softmax_loss(z, y_toy).backward()
        optimizer.step()
    return history


history = train_with_softmax_loss(200)

# %% [markdown]
# Two numbers describe how a class lies in the plane. **Within**: the mean distance of a sample to the mean of its class. **Between**: the
# smallest distance of two class means. Compact classes have a small ratio within / between.

# %%
def within_and_between(x, y):
    means = torch.stack([x[y == k].mean(dim=0) for k in range(3)])  # (K, d)
    within = (x - means[y]).norm(dim=1).mean()
    between = torch.pdist(means).min()
    return within, between

# %%
rows = {}
for step in (25, 50, 100, 200):
    x_now, z_now = history[step]
    accuracy = (z_now.argmax(dim=1) == y_toy).double().mean()
    within, between = within_and_between(x_now, y_toy)
    rows[step] = (
        softmax_loss(z_now, y_toy),
        accuracy,
        within,
        between,
        within / between,
    )
    print(
        f"step {step:3}  loss, accuracy, within, between, ratio:",
        rounded(rows[step], 2),
    )
assert rows[200][1] > 0.99, "every sample, or nearly, is right at the end"
assert rows[200][2] > 1.5 * rows[25][2], "and the classes are wider than before"

# %% [markdown]
# **What to see:** from left to right the classes become easier to tell apart, and each becomes *wider*. They end as three wide wedges that point away from the middle and touch there.

# %%
from dacl_edu.plots import points

panels = {f"after {step} steps": history[step][0] for step in (25, 50, 200)}
show(
    points(
        panels,
        y_toy,
        "Softmax loss alone: the feature x during training",
        """Three scatter plots of the feature after 25, 50 and 200 steps. Three
classes separate into wedges that point away from the middle and grow wider
and longer with training.""",
    )
)

# %% [markdown]
# Nothing went wrong here. Eq. 2 got what it asks for. Two facts, each checked on the trained toy:
#
# 1. **The pull fades once a sample is right** ($p$ − one-hot goes towards 0, and never gets there). Near its class mean or far from it,
# such a sample hardly moves by its own loss, and never *towards* the mean for the mean's sake.
# 2. **Farther is always better.** When all samples are right, doubling all scores doubles all margins and lowers the loss. Longer
# features and longer weights do that, and training finds them.

# %%
x_end, z_end = history[-1]
gradient = torch.softmax(z_end, dim=1) - nn.functional.one_hot(y_toy, 3)  # (180, 3)
asleep = (gradient.abs().max(dim=1).values < 0.01).double().mean()
print(
    "share of samples that feel less than a hundredth of the full pull:",
    rounded(asleep, 2),
)
assert asleep > 0.5 and (gradient.abs().max(dim=1).values > 0).all(), (
    "small, but not zero"
)

# %%
doubled = softmax_loss(2 * z_end, y_toy)  # the scores of 2x, if B is doubled too
print(
    "loss",
    rounded(softmax_loss(z_end, y_toy), 4),
    " after doubling all scores",
    rounded(doubled, 4),
)
assert doubled < softmax_loss(z_end, y_toy)

# %% [markdown]
# A new face of a class lands somewhere in its wedge, perhaps close to where another wedge begins. Nothing in Eq. 2 asks a class to stay
# together. The next lesson adds a term that does.

# %% [markdown]
# ## The three suspects
#
# | suspect | evidence of this lesson |
# |---|---|
# | selection of dimensions | none: attention does not occur in softmax loss |
# | a smaller λ | none yet. But note what λ = 0 is: this loss alone, and it is right on nearly every training sample of the toy |
# | luck | one toy, one seed: nothing on this page says which loss is *better* |

# %% [markdown]
# ## What was shown
#
# - Eq. 1 is a matrix product, Eq. 2 the mean of $-\log p$ of the right class. Loop, one line and package agree.
# - Subtracting the largest score, and taking the logarithm on paper, keeps it finite.
# - The gradient is $(p - \text{one-hot})/m$: by hand, by autograd and by finite differences.
# - The mean runs over samples, so rare classes count little.
# - Softmax loss separates; it does not make classes compact.
#
# **Try next:** give the toy less noise (`0.5 * torch.randn(...)`) and see whether the ratio of within to between changes. Divide `z` by
# $T = 0.25$ inside the training loop: do the classes become tighter or wider? Then go on to [02_center_loss](02_center_loss.ipynb).
#
# **Three questions**
#
# <details><summary>Question 1. Adding 7 to all scores of a sample: what happens to p, to the loss, to the gradient?</summary>
# Nothing to any of them. The factor e<sup>7</sup> cancels in p, and loss and gradient depend on the scores only through p.
# </details>
#
# <details><summary>Question 2. Can Eq. 2 ever be exactly 0?</summary>
# On paper no: p of the right class is below 1 for finite scores. In float32 yes: with a margin of 20 the small terms are lost beside 1.
# </details>
#
# <details><summary>Question 3. Why do the rows of the gradient sum to 0, and what does that mean for the bias B?</summary>
# p and the one-hot row both sum to 1. So the sum of all biases never changes under plain gradient descent: only their differences are learnt.
# </details>
