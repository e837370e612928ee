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
# # The attention network: where the weights come from
#
# ![The network with the way from the feature map by encoder and heads to attention marked.](drawings/network_attention.svg)
#
# **The question.** Lesson 03 typed the weights by hand, and knew which dimension was noise. Who knows that for a face? The paper lets a second network look at the face and propose the weights. What can that network see
# that the classifier cannot, and what does it cost?
#
# **After this notebook you can** compute every layer of the attention network by hand, say why it flattens where the
# classifier pools, turn two scores into one weight without overflow, count its parameters and multiply-adds on paper,
# and name the experiment that shows what attention adds.
#
# **Minutes:** 60. **Builds on:** [03_sparse_center_loss](03_sparse_center_loss.ipynb) (Eq. 4), matrix products, mean and
# variance.
#
# **The equations.** Eq. 4 needs one weight $a_{ij}$ for each dimension $j$ of each sample $i$. Where do the weights come
# from? A second network looks at the last feature map $x_i^*$ of the first one and proposes them (Fig. 2 of the paper).
# It has two parts:
#
# $$e_i = \tanh(\mathrm{BN}(W_3^T\,\mathrm{relu}(\mathrm{BN}(W_2^T\,\mathrm{relu}(\mathrm{BN}(W_1^T\,\flat(x_i^*) + b_1)) + b_2)) + b_3)) \tag{Eq. 5}$$
#
# $$p_{ij_{in}} = A_{j_{in}}^T e_i + b_{j_{in}} \qquad p_{ij_{ex}} = A_{j_{ex}}^T e_i + b_{j_{ex}} \tag{Eq. 6}$$
#
# $$a_{ij} = \frac{\exp(p_{ij_{in}})}{\exp(p_{ij_{in}}) + \exp(p_{ij_{ex}})} \tag{Eq. 7}$$
#
# Eq. 5 is the **context encoder**: it squeezes the feature map into a short vector $e_i$. Eq. 6 and 7 are the
# **heads**: for each dimension, one tiny classifier that votes "include" or "exclude". We build them piece by piece, from
# the inside out. Each piece gets its own section, so do not worry about Eq. 5 yet.
#
# | symbol | what it is | shape |
# |---|---|---|
# | $x^*$ | the **context**: the last feature map, channels × rows × columns | $(m, N_C, N_H, N_W)$ |
# | $\flat$ | flattens a map into one row | $(m, N_C N_H N_W)$ |
# | $W_l$, $b_l$ | weights and biases of the linear layers $l = 1, 2, 3$ | (inputs, outputs), (outputs) |
# | BN | batch normalisation | – |
# | $e$ | the latent vectors, short: $d'$ is much smaller than $d$ | $(m, d')$ |
# | $A_{in}$, $A_{ex}$ | weights of the heads; column $j$ belongs to dimension $j$ | $(d', d)$ |
# | $p_{in}$, $p_{ex}$ | scores for including and for excluding a dimension | $(m, d)$ |
# | $a$ | attention, the weights of Eq. 4 | $(m, d)$ |

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
import math

import torch
from torch import nn

from dacl_edu import check
from dacl_edu.check.exercise import attempt, judged
from dacl_edu.lessons.display import rounded, setup, show

setup(seed=4)  # fixes the random numbers

# %% [markdown]
# ## Flatten, not pool: *where* matters
#
# Two toy faces. Each has $N_C = 2$ channels of $N_H \times N_W = 2 \times 2$ places. Say channel 0 fires where a mouth
# corner is lifted, and channel 1 where a brow is. Face 0 lifts the *left* corner of its mouth, face 1 the *right* one:
# all else is equal.

# %%
face_0 = [[[0.0, 0.0],  # channel 0: the mouth, lifted at the lower left
           [4.0, 0.0]],
          [[8.0, 8.0],  # channel 1: the brows
           [0.0, 0.0]]]
face_1 = [[[0.0, 0.0],  # the mouth, lifted at the lower right
           [0.0, 4.0]],
          [[8.0, 8.0],
           [0.0, 0.0]]]
# the context x*: (m, N_C, N_H, N_W) = (2, 2, 2, 2)
x_star = torch.tensor([face_0, face_1])
m, N_C, N_H, N_W = x_star.shape

# %% [markdown]
# The classifier looks at the **average** over the places. That is the deep feature $x_i$, one number a channel:

# %%
x = x_star.mean(dim=(2, 3))  # (m, N_C): the places are gone
print(rounded(x))
assert torch.equal(x[0], x[1]), "the two faces have the same deep feature"

# %% [markdown]
# After pooling nobody can tell the two faces apart. The context encoder **flattens** instead: it writes all places of
# all channels into one long row and keeps them apart. The operator $\flat$ of Eq. 5 as a loop, channel by channel, row
# by row:

# %%
flat_loop = torch.zeros(m, N_C * N_H * N_W)  # (2, 8)
for n in range(N_C):
    for h in range(N_H):
        for w in range(N_W):
            flat_loop[:, (n * N_H + h) * N_W + w] = x_star[:, n, h, w]

# %%
flat = x_star.flatten(1)  # (m, N_C, N_H, N_W) -> (m, N_C*N_H*N_W); keeps samples apart
print(rounded(flat))
assert torch.equal(flat, flat_loop) and not torch.equal(flat[0], flat[1])

# %% [markdown]
# ![Two maps with their 4 at the lower left and lower right. The mean of both is 1; flattened they are 0 0 4 0 and 0 0 0 4.](drawings/flatten_or_pool.svg)
#
# ### Exercise 1: where does a place land?
#
# *easy · 5 minutes*
#
# In the paper's network the map is $512 \times 7 \times 7$. Write `my_position(n, h, w, N_H, N_W)`: the position, from 0
# on, at which channel $n$, row $h$, column $w$ lands in the flattened row.
#
# <details><summary>Hint 1</summary>The column counts fastest, the channel slowest.</details>
# <details><summary>Hint 2</summary>How many numbers does one whole channel have, and how many one row of it?</details>
# <details><summary>Hint 3</summary>Every channel before n takes N_H·N_W places, every row before h takes N_W. Compare with the
# index in the loop above.</details>
#
# Until your function is written, the page goes on with the folded answer below it, and the check says so.

# %%
def my_position(n, h, w, N_H, N_W):
    raise NotImplementedError()  # your line here

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_position(n, h, w, N_H, N_W):
    return n * N_H * N_W + h * N_W + w


my_position = attempt(my_position, answer_position)

# %% [markdown]
# The check puts a single 1 into an empty map, flattens it, and looks where the 1 went. The second map is not square.

# %%
def positions(N_C, N_H, N_W, places):
    """Return your positions and those found in a flattened map, both (places,)."""
    found = []
    for place in places:
        one_hot = torch.zeros(N_C, N_H, N_W)
        one_hot[place] = 1
        found.append(one_hot.flatten().argmax())
    mine = [my_position(*place, N_H, N_W) for place in places]
    return torch.tensor(mine), torch.stack(found)

# %%
paper, oblong = [(0, 0, 0), (3, 2, 5), (511, 6, 6)], [(0, 1, 0), (1, 0, 2), (3, 1, 1)]
check.value(*positions(512, 7, 7, paper), "your list for a 7 by 7 map")
check.value(*positions(4, 2, 3, oblong), "your list for a 2 by 3 map")
judged(my_position, "right. The last position is", my_position(511, 6, 6, 7, 7))

# %% [markdown]
# ## Batch normalisation in numbers
#
# Each layer of Eq. 5 is *linear → BN → nonlinearity*. The linear part is a matrix product. BN needs a closer look,
# because it is the one place where **samples of a batch see one another**.
#
# Four samples, two channels, typed by hand. The first channel is small, the second ten times larger:

# %%
h = torch.tensor([[1.0, 10.0],
                  [3.0, 10.0],
                  [5.0, 30.0],
                  [7.0, 30.0]])  # output of a linear layer: (m, channels) = (4, 2)

# %% [markdown]
# For each channel: subtract the mean *over the batch*, divide by the standard deviation *over the batch*. Channel 0 has
# the mean $(1+3+5+7)/4 = 4$ and the variance $(9+1+1+9)/4 = 5$. Note the division by $m$, not $m-1$. A small
# $\epsilon = 10^{-5}$ protects against dividing by zero. The long-hand loop:
#
# ![Each column minus its mean over the batch, divided by its standard deviation over the batch: both columns get one spread.](drawings/batch_norm.svg)

# %%
bn_loop = torch.zeros_like(h)
for channel in range(2):
    column = h[:, channel].tolist()
    mean = sum(column) / 4
    variance = sum((value - mean) ** 2 for value in column) / 4
    print("channel", channel, "mean", mean, "variance", variance)
    for i in range(4):
        bn_loop[i, channel] = (column[i] - mean) / math.sqrt(variance + 1e-5)

# %% [markdown]
# ### Exercise 2: BN without a loop
#
# *medium · 10 minutes*
#
# Write the same as `BN(h)` for any $(m, \text{channels})$, in a line or two. Everything below uses *your* BN.
#
# <details><summary>Hint 1</summary>Which dimension is the batch? Means and variances run over that one.</details>
# <details><summary>Hint 2</summary><code>h.mean(dim=0)</code> has the shape (channels,), and subtracting it from (m,
# channels) broadcasts as you want.</details>
# <details><summary>Hint 3</summary><code>h.var(dim=0)</code> divides by m − 1 unless you say
# <code>unbiased=False</code>. And the ϵ stands under the root.</details>

# %%
def BN(h):  # (m, channels) -> (m, channels)
    raise NotImplementedError()  # your line here

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_BN(h):
    return (h - h.mean(dim=0)) / torch.sqrt(h.var(dim=0, unbiased=False) + 1e-5)


BN = attempt(BN, answer_BN)

# %% [markdown]
# The check compares with the loop, and then with PyTorch's layer on a larger batch. `BatchNorm1d` also multiplies by a
# learnt γ and adds a learnt β; they start at 1 and 0, so they change nothing yet.

# %%
check.shape(BN(h), (4, 2), "BN(h)")
check.value(BN(h), bn_loop, "BN(h)", tolerance=1e-5)
layer = nn.BatchNorm1d(2)
normalised = layer(h)  # (4, 2)
h_big = 5 * torch.randn(30, 3) + 2
check.value(BN(h_big), nn.BatchNorm1d(3)(h_big), "BN of a larger batch", tolerance=1e-5)
judged(BN, "the normalised values are right")
print(rounded(normalised))

# %% [markdown]
# A wrong one, and how the check puts it. The message does not give the answer away, but it names the symptom.

# %%
def divides_by_m_minus_1(h):
    # var() divides by m - 1
    return (h - h.mean(dim=0)) / torch.sqrt(h.var(dim=0) + 1e-5)


try:
    check.value(divides_by_m_minus_1(h), bn_loop, "BN(h)", tolerance=1e-5)
    raise RuntimeError("the check missed it")
except AssertionError as message:
    print(message)

# %% [markdown]
# The factor is $\sqrt{3/4} = 0.866$: that is $\sqrt{(m-1)/m}$ for $m = 4$. With $m = 128$ it would be 0.996, and nobody
# would notice by eye.
#
# ### Three surprises
#
# Look at the normalised numbers above: both channels have the same spread, although one was ten times larger. Three
# consequences surprise people:
#
# **1. The bias before BN does nothing while training.** The mean takes it away again. (Eq. 5 writes $b_1, b_2, b_3$ all
# the same, and so does the package: it follows the paper.)

# %%
assert torch.allclose(BN(h + 8.0), BN(h)), "a constant added to a channel vanishes"
# and so does a factor
print("3h:", rounded(BN(3.0 * h)[0], 3), " h:", rounded(BN(h)[0], 3))

# %% [markdown]
# **2. A batch of one cannot be normalised**: it is its own mean, and every output would be 0. PyTorch refuses.

# %%
try:
    layer(h[:1])
except ValueError:
    print("refused: one sample has no spread")
else:
    raise RuntimeError("a batch of one should have been refused")

# %% [markdown]
# **3. Training and testing differ.** A single test image must not depend on its neighbours, so the layer keeps a
# running average of mean and variance, a tenth of each batch at a time, and uses *that* after `.eval()`. One batch in,
# the average still sits near its start (mean 0, variance 1); training takes many batches to bring it to where it
# belongs.

# %%
print("running mean", rounded(layer.running_mean))  # 0.9 · 0 + 0.1 · mean
print("running variance", rounded(layer.running_var))  # 0.9 · 1 + 0.1 · variance
print("the same batch after .eval():", rounded(layer.eval()(h)))

# %% [markdown]
# ## relu inside, tanh at the end
#
# After the first two layers comes relu, which drops what is negative. After the last comes tanh. The paper says why: it
# "preserves both positive and negative activation values for a smoother gradient flow". Let us look.

# %%
u = torch.linspace(-3, 3, 601, requires_grad=True)  # (601,)
drawn = {}
for name, curve in (("relu", torch.relu(u)), ("tanh", torch.tanh(u))):
    (slope,) = torch.autograd.grad(curve.sum(), u)
    drawn |= {name: (u, curve), f"slope of {name}": (u, slope)}

# %% [markdown]
# **What to see in the figure:** for negative inputs
# relu is 0 and so is its slope: such a number is lost, and no gradient comes back. tanh keeps the sign, and its slope
# is nowhere exactly 0 – but it is close to 0 beyond ±3.

# %%
from dacl_edu.plots import lines

show(
    lines(
        drawn,
        "relu and tanh with their slopes",
        """relu is zero up to u = 0 and then rises with slope 1. tanh rises in an S
from -1 to 1. Its slope is a bell with the top 1 at u = 0 that falls to
nearly zero at plus and minus 3.""",
        x="input u",
    )
)

# %% [markdown]
# ## Eq. 5, layer by layer
#
# Now a whole context encoder, with widths small enough to follow: a flattened map of 8 numbers → 4 → 3 → 2. The paper's
# has 25,088 → 3,584 → 512 → 64.
#
# A word on notation, as in lesson 01. The paper writes one sample as a *column*, hence $W^T x$. In code a batch holds one
# sample a *row*, hence `x @ W`. And `nn.Linear` stores its weight as (outputs, inputs), which is $W^T$; so `weight.T` is
# the paper's $W$. We take the weights from the package's encoder, so that both compute with the same numbers.

# %%
from dacl_edu.model.attention import ContextEncoder

encoder = ContextEncoder((2, 2, 2), widths=(4, 3, 2))
linears = [module for module in encoder.layers if isinstance(module, nn.Linear)]
(W1, b1), (W2, b2), (W3, b3) = [(linear.weight.T, linear.bias) for linear in linears]
print("W1", tuple(W1.shape), " W2", tuple(W2.shape), " W3", tuple(W3.shape))

# %% tags=["eq-5"]
x_star = torch.randn(6, 2, 2, 2)  # six random maps: (m, N_C, N_H, N_W)

h1 = torch.relu(BN(x_star.flatten(1) @ W1 + b1))  # (6, 8) @ (8, 4) -> (6, 4)
h2 = torch.relu(BN(h1 @ W2 + b2))  # (6, 4) @ (4, 3) -> (6, 3)
e = torch.tanh(BN(h2 @ W3 + b3))  # (6, 3) @ (3, 2) -> (6, 2)

# %%
e_package = encoder(x_star)  # (6, 2)
assert torch.allclose(e_package, e, atol=1e-5)
print("three lines and the package agree; e of the first map:", rounded(e[0], 3))

# %% [markdown]
# ## He initialisation: why $\sqrt{2/n}$
#
# The paper initialises the linear weights by He's rule: normal with mean 0 and variance $2/n$, where $n$ is the number
# of inputs of the layer ("fan-in"). Where does the 2 come from?
#
# One output is $u = \sum_{j=1}^n w_j h_j$. The weights are independent with mean 0, so the variances add up:
# $\mathrm{Var}(u) = n \, \mathrm{Var}(w)\, \mathbb{E}[h^2]$. After relu half of the $u$ are gone, and with them half of
# the mean square: $\mathbb{E}[\mathrm{relu}(u)^2] = \tfrac12 \mathrm{Var}(u)$. Together: each layer multiplies the mean
# square by $\tfrac12 n \mathrm{Var}(w)$. That is 1 exactly when $\mathrm{Var}(w) = 2/n$.
#
# Do not believe it, measure it. Ten layers of 256, with $\mathrm{Var}(w) = s/n$ for three choices of $s$:

# %%
def mean_squares(s, layers=10, n=256):
    source = torch.Generator().manual_seed(0)
    h = torch.randn(512, n, generator=source)  # (samples, n), mean square 1
    sizes = [1.0]
    for _ in range(layers):
        W = math.sqrt(s / n) * torch.randn(n, n, generator=source)
        h = torch.relu(h @ W)
        sizes.append(h.square().mean().item())
    return sizes

# %%
measured = {s: mean_squares(s) for s in (1, 2, 4)}
for s, sizes in measured.items():
    predicted = (s / 2) ** 10
    print(f"Var(w) = {s}/n: after 10 layers", rounded(sizes[-1], 3), end=" ")
    print("predicted", rounded(predicted, 3))

# %% [markdown]
# **What to see in the figure:** a logarithmic scale. With $2/n$ the signal keeps its size; with half of that each
# layer halves it, with twice that each layer doubles it. Thirty layers would make it a billion times too small or too large.

# %%
drawn = {f"Var(w) = {s}/n": sizes for s, sizes in measured.items()}
show(
    lines(
        drawn,
        "Mean square of the activations, layer by layer",
        """Three nearly straight lines on a logarithmic scale over ten layers. For
variance 2/n the line stays near 1, for 1/n it falls to a thousandth, for
4/n it rises to a thousand.""",
        x="layer",
        y="mean square",
        log="y",
    )
)

# %% [markdown]
# Does the package do this? A context encoder on a $128 \times 7 \times 7$ map has $n = 6272$ inputs. We also follow the
# mean square through its layers. BN makes it 1 whatever came in, so in this network He's rule is a second safety and
# not the only one.

# %%
encoder = ContextEncoder((128, 7, 7), widths=(896, 128, 16))
first = encoder.layers[0].weight  # (896, 6272)
print("std of W1", rounded(first.std(), 3), " He:", rounded(math.sqrt(2 / 6272), 3))

# %%
h = torch.randn(64, 6272)
for module in encoder.layers:
    h = module(h)
    name, size = type(module).__name__, rounded(h.square().mean(), 1)
    print(f"{name:<12}{h.shape[1]:>5} numbers, mean square {size}")

# %% [markdown]
# ## Eq. 6: two scores for each dimension
#
# Now the heads. Two samples, latent vectors of $d' = 2$ numbers, $d = 3$ dimensions to judge. Column $j$ of `A_in` and
# `A_ex` belongs to head $j$. (The paper puts the two columns of a head side by side and calls them $A_j$, $(d', 2)$.)

# %%
e = torch.tensor([[1.0, -0.5],
                  [0.0, 0.5]])  # latent vectors: (m, d') = (2, 2)
A_in = torch.tensor([[2.0, 0.0, 1.0],
                     [0.0, 2.0, -1.0]])  # (d', d) = (2, 3)
A_ex = torch.tensor([[0.0, 1.0, 1.0],
                     [1.0, 0.0, 1.0]])  # (d', d)
b_in = torch.tensor([0.0, 0.5, 0.0])  # (d,)
b_ex = torch.zeros(3)  # (d,)

# %% tags=["eq-6"]
p_in_loop = torch.zeros(2, 3)  # (m, d)
for i in range(2):
    for j in range(3):
        p_in_loop[i, j] = sum(A_in[n, j] * e[i, n] for n in range(2)) + b_in[j]

p_in = e @ A_in + b_in  # (m, d') @ (d', d) -> (m, d)
p_ex = e @ A_ex + b_ex  # (m, d)

# %%
print("p_in", rounded(p_in))
print("p_ex", rounded(p_ex))
assert torch.equal(p_in, p_in_loop)

# %% [markdown]
# The package stores all heads as **one** linear layer with $2d$ outputs. In which order? The paper does not say. The
# authors' released code does: head $j$ owns rows $2j$ and $2j+1$, and of the two, index 1 is inclusion. The package
# keeps that order, so that what was trained with that code can be loaded.
#
# ![Six rows of weights, alternating exclude and include, times e give for each head a score out and a score in; their difference through a sigmoid is a.](drawings/head_rows.svg)

# %%
from dacl_edu.model.attention import InclusionHeads

heads = InclusionHeads(latent_dim=2, feature_dim=3)
with torch.no_grad():  # even rows, odd rows: (d, d')
    heads.linear.weight[0::2], heads.linear.weight[1::2] = A_ex.T, A_in.T
    heads.linear.bias[0::2], heads.linear.bias[1::2] = b_ex, b_in
scores = heads.scores(e)  # (m, d, 2)
assert torch.equal(scores[..., 0], p_ex) and torch.equal(scores[..., 1], p_in)

# %% [markdown]
# ## Eq. 7: softmax of two = sigmoid of the difference
#
# Divide numerator and denominator of Eq. 7 by $\exp(p_{in})$:
#
# $$a = \frac{\exp(p_{in})}{\exp(p_{in}) + \exp(p_{ex})} = \frac{1}{1 + \exp(p_{ex} - p_{in})} = \sigma(p_{in} - p_{ex})$$
#
# The last step is the definition of the sigmoid, $\sigma(t) = 1/(1 + e^{-t})$, with $t = p_{in} - p_{ex}$. So **only the difference counts**: add 5
# to both scores, and nothing changes. A head with two outputs does the work of a head with one.

# %% tags=["eq-7"]
a_loop = torch.zeros(2, 3)  # (m, d)
for i in range(2):
    for j in range(3):
        yes, no = math.exp(p_in[i, j]), math.exp(p_ex[i, j])
        a_loop[i, j] = yes / (yes + no)

# (m, d, 2) -> (m, d)
a_softmax = torch.stack([p_ex, p_in], dim=-1).softmax(dim=-1)[..., 1]
a = torch.sigmoid(p_in - p_ex)  # (m, d)

# %%
print(rounded(a))
for other in (a_loop, a_softmax, heads(e)):
    assert torch.allclose(a, other)

# %% [markdown]
# ### An open interval, and what floating point makes of it
#
# The paper says $a$ lies in $(0, 1]$. By Eq. 7 it lies in the **open** interval $(0, 1)$: $e^{-t}$ is positive for
# every finite $t$, so the fraction never is 0 and never is 1. In float32 both ends can be reached, because numbers have
# only 24 bits. And Eq. 7 *as printed* breaks much earlier: $e^{89}$ is more than float32 can hold.

# %%
def eq7_as_printed(p_in, p_ex):
    return p_in.exp() / (p_in.exp() + p_ex.exp())


print("difference   as printed   sigmoid")
for t in (0.0, 2.0, 10.0, 20.0, 100.0, -100.0, -110.0):
    printed = eq7_as_printed(torch.tensor(t), torch.tensor(0.0))
    stable = torch.sigmoid(torch.tensor(t))
    print(f"{t:>10}   {rounded(printed, 5)!s:>10}   {rounded(stable, 5)!s:>7}")

# %% [markdown]
# **What to see in the figure:** the curve is Eq. 7 as a function of the difference of scores. The dots are the six
# weights we computed. The dashed line is the slope $a(1-a)$: largest in the middle, nearly 0 at both ends. A head that
# is very sure hardly learns any more.

# %%
t = torch.linspace(-6, 6, 121)  # (121,)
curve = torch.sigmoid(t)
ours = ((p_in - p_ex).flatten(), a.flatten())  # our (2, 3) weights
drawn = {"a = σ(p_in − p_ex)": (t, curve), "slope a(1 − a)": (t, curve * (1 - curve))}
figure = lines(
    drawn,
    "From two scores to one weight",
    """The sigmoid rises in an S from 0 to 1 and passes one half at difference
0. Six dots lie on it between -1.5 and 2.5. The slope is a low bell with the
top one quarter at 0.""",
    x="p_in − p_ex",
    y="a",
)
x_dots, y_dots = (values.tolist() for values in ours)
show(figure.add_scatter(x=x_dots, y=y_dots, mode="markers", name="our six weights"))

# %% [markdown]
# ### Exercise 3: the slope of attention
#
# *medium · 10 minutes*
#
# Derive $\partial a / \partial p_{in}$ and $\partial a / \partial p_{ex}$ from Eq. 7, and write them with $a$ alone.
# `my_attention_gradients(p_in, p_ex)` returns both by name, each $(m, d)$. The check compares with finite differences: it
# moves each score a little and measures how the sum of all $a$ changes.
#
# <details><summary>Hint 1</summary>Write a = 1/(1 + u) with u = exp(p_ex − p_in). What is da/du, what is
# du/dp_in?</details>
# <details><summary>Hint 2</summary>da/du = −1/(1 + u)² = −a². And du/dp_in = −u.</details>
# <details><summary>Hint 3</summary>u = 1/a − 1 = (1 − a)/a. Multiply, and one a cancels. For p_ex only the sign
# changes: why?</details>

# %%
def my_attention_gradients(p_in, p_ex):
    a = torch.sigmoid(p_in - p_ex)  # (m, d)
    raise NotImplementedError()  # your line here: return {"p_in": ..., "p_ex": ...}

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_attention_gradients(p_in, p_ex):
    a = torch.sigmoid(p_in - p_ex)  # (m, d)
    return {"p_in": a * (1 - a), "p_ex": -a * (1 - a)}


my_attention_gradients = attempt(my_attention_gradients, answer_attention_gradients)

# %%
def attention_sum(p_in, p_ex):
    return torch.sigmoid(p_in - p_ex).sum()  # a scalar, so that it has a gradient


scores = {"p_in": p_in, "p_ex": p_ex}
check.gradient(attention_sum, my_attention_gradients, scores, wrt=("p_in", "p_ex"))
judged(my_attention_gradients, "both gradients are right")

# %% [markdown]
# ## Move a bright spot
#
# All together: `AttentionNetwork` is the encoder and the heads. Feed it a $5 \times 5$ map with one bright cell, and
# move the cell. The pooled feature $x$ does not notice. Does the attention?

# %%
from dacl_edu.model.attention import AttentionNetwork


def spot_attention(row, column):
    """One bright cell: return its map (5, 5), the pooled feature x, and six
    attention weights (6,)."""
    torch.manual_seed(1)  # the same network each time
    # untrained
    network = AttentionNetwork((1, 5, 5), feature_dim=6, widths=(16, 8, 4)).eval()
    x_star = torch.zeros(1, 1, 5, 5)
    x_star[0, 0, row, column] = 25.0
    with torch.no_grad():
        return x_star[0, 0], x_star.mean().item(), network(x_star)[0]

# %% [markdown]
# **Task:** it opens with the spot in the corner (0, 0). Move it to the middle (2, 2). **What to see:** the bars jump, the pooled number in the title stays. The network
# is untrained, so the weights mean nothing yet; but they *can* depend on place, and the pooled feature cannot.

# %%
from dacl_edu.plots import bars
from dacl_edu.widgets.explore import explore


def spot_figure(row, column):
    spot, pooled, weights = spot_attention(row, column)
    title = f"spot at ({row}, {column}); pooled x = {pooled:g}; attention:"
    names = [f"a{j}" for j in range(1, 7)]
    return bars(
        {"a": weights}, names, title, "Six bars of attention.", yaxis_range=[0, 1]
    )


show(
    explore(spot_figure, row=(0, 0, 4, 1), column=(0, 0, 4, 1)),
    alt="""Two sliders move a bright cell of a five by five map; below, six bars of
attention, and pooled x, always 1.""",
)

# %%
corner, middle = spot_attention(0, 0), spot_attention(2, 2)
assert corner[1] == middle[1] == 1.0, "pooled: the same number wherever the spot is"
assert (corner[2] - middle[2]).abs().max() > 0.1, "attended: different weights"

# %% [markdown]
# ## What it costs
#
# Flattening has a price. Count the paper's configuration (Sec. 4.2) on paper: a map of
# $512 \times 7 \times 7 = 25{,}088$ numbers, widths 3584, 512, 64, then 512 heads with two outputs each.

# %%
weights_1 = 25_088 * 3_584  # W1: one weight for each pair (input, output)
weights_2 = 3_584 * 512
weights_3 = 512 * 64
weights_heads = 64 * (2 * 512)
biases = 3_584 + 512 + 64 + 2 * 512
batch_norms = 2 * (3_584 + 512 + 64)  # a γ and a β for each channel
total = weights_1 + weights_2 + weights_3 + weights_heads + biases + batch_norms
print(f"W1 alone {weights_1:,} of {total:,}: {rounded(100 * weights_1 / total, 1)} %")

# %% [markdown]
# The package counts the real modules. (This builds the full-size network once: a second or two.) One *MAC* is a
# multiplication and an addition; "FLOPs" are usually twice as many.

# %%
from dacl_edu.model.summary import summarize


def print_summary(rows):
    print(f"{'part':<30}{'output':<14}{'parameters':>12}{'MACs an image':>16}")
    for part in rows:
        print(
            f"{part.part:<30}{part.output!s:<14}{part.parameters:>12,}{part.macs:>16,}"
        )


paper = summarize("resnet18", image_size=224)
print_summary(paper)

# %%
backbone, pooling, classifier, context_encoder, head_rows, everything = paper
attention_parameters = context_encoder.parameters + head_rows.parameters
assert attention_parameters == total == 91_862_208  # as counted by hand
times = attention_parameters / backbone.parameters
print("attention network / backbone, parameters:", rounded(times, 1))
attention_macs = context_encoder.macs + head_rows.macs
print(
    "attention network / backbone, MACs:      ",
    rounded(attention_macs / backbone.macs, 3),
)

# %% [markdown]
# **What to see in the figure:** nearly all *parameters* sit in the context encoder, nearly all
# *work* in the backbone. A weight of a convolution is used at every place of the image, a weight of a linear layer
# once. So the attention network costs memory – for 92 million weights, their gradients and their momentum, about 1.1 GB
# – but only 5 % more multiply-adds.

# %%
parts = (backbone, context_encoder, head_rows)
shares = {
    part.part: [
        100 * part.parameters / everything.parameters,
        100 * part.macs / everything.macs,
    ]
    for part in parts
}
title = "The paper's network: where parameters and work are, in percent"
show(
    bars(
        shares,
        ["parameters", "MACs"],
        title,
        """Of the parameters, 11 percent are the backbone and 89 percent the context
encoder. Of the multiply-adds, 95 percent are the backbone and 5 percent the
context encoder. The heads are too small to see.""",
    )
)

# %% [markdown]
# This course trains a smaller network, on images of 56 pixels. It has the same parts:

# %%
small = summarize("small_resnet", image_size=56)
print_summary(small)

# %% [markdown]
# ### Exercise 4: count
#
# *medium · 10 minutes*
#
# How many parameters would the paper's attention network have, had it pooled the map to 512 numbers first? Write
# `my_parameter_count(fan_in, widths, d)`, with `widths` the outputs of the three layers; the check tries it on both
# configurations above.
#
# <details><summary>Hint 1</summary>Go through the widths; each layer's outputs are the next layer's inputs.</details>
# <details><summary>Hint 2</summary>A layer has fan_in · fan_out weights, fan_out biases, and its BN 2 · fan_out
# more.</details>
# <details><summary>Hint 3</summary>Do not forget the heads: last width · 2d weights and 2d biases, without
# BN.</details>

# %%
def my_parameter_count(fan_in, widths, d):
    raise NotImplementedError()  # your lines here

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_parameter_count(fan_in, widths, d):
    count = 0
    for fan_out in widths:
        count += fan_in * fan_out + 3 * fan_out  # weights; bias, γ and β
        fan_in = fan_out
    return count + fan_in * 2 * d + 2 * d  # the heads


my_parameter_count = attempt(my_parameter_count, answer_parameter_count)

# %%
small_total = small[3].parameters + small[4].parameters
of_the_paper = my_parameter_count(25_088, (3_584, 512, 64), 512)
of_the_course = my_parameter_count(6_272, (896, 128, 16), 128)
counts = torch.tensor([of_the_paper, of_the_course])
wanted = torch.tensor([total, small_total])
check.value(counts, wanted, "the count for the paper's and for the course's network")
judged(my_parameter_count, "both counts are right")
pooled = my_parameter_count(512, (3_584, 512, 64), 512)
print(f"pooled first: {pooled:,} instead of {total:,}")

# %% [markdown]
# And when the network is *used*, attention costs nothing at all: it only steers the loss. Scores never pass through it,
# so prediction drops it.

# %%
from dacl_edu.model import DACL

model = DACL("small_resnet", image_size=56).eval()
images = torch.randn(2, 3, 56, 56)
predictor = model.inference_model()
assert torch.equal(predictor(images), model(images).logits)
sizes = [sum(p.numel() for p in network.parameters()) for network in (model, predictor)]
print(f"parameters in training {sizes[0]:,}, in use {sizes[1]:,}")

# %% [markdown]
# ## Controls: what would convince you that attention helps?
#
# Suppose DACL beats center loss by half a percent. Is that because the network *selects* dimensions? Or only because
# weights below 1 make the loss smaller, which a smaller λ would have done as well? To tell, change **one** property of
# attention at a time. `AttentionNetwork(mode=…)` does:
#
# | mode | the weights are | what it isolates |
# |---|---|---|
# | `learned` | Eq. 7 | the paper |
# | `ones` | all 1 | plain center loss: what is there without attention |
# | `mean` | each sample's mean, in every dimension | a smaller λ (each sample has its own), but no selection of dimensions |
# | `permuted` | each sample's values on shuffled dimensions (in training) | the right values on the wrong dimensions: does *which* dimension matter? |
# | `frozen` | from the untrained network | a fixed random selection: does *learning* it matter? |
# | `normalized` | divided by each sample's mean | selection alone: the mean stays 1, so λ cannot shrink |

# %% [markdown]
# On one sample with three dimensions (`frozen` looks like `learned`, but never changes):
#
# ![Attention 0.2, 0.6, 0.7 of one sample under four controls: all ones; their mean three times; the same on other places; divided by the mean.](drawings/controls.svg)

# %%
from dacl_edu.model.attention import ATTENTION_MODES

x_star = torch.randn(4, 1, 5, 5)
for mode in ATTENTION_MODES:
    torch.manual_seed(1)  # the same network each time
    shape = {"feature_dim": 8, "widths": (16, 8, 4)}
    weights = AttentionNetwork((1, 5, 5), **shape, mode=mode)(x_star)  # (4, 8)
    print(
        f"{mode:<11}",
        rounded(weights[0, :4], 2),
        "can be trained:",
        weights.requires_grad,
    )
assert mode == "normalized" and torch.allclose(weights.mean(dim=1), torch.ones(4))

# %% [markdown]
# ## The three suspects
#
# | suspect | evidence of this lesson |
# |---|---|
# | selection of dimensions | possible: the network can see *where* something is, and gives each dimension of each face a weight of its own |
# | a smaller λ | possible: untrained weights lie around ½, so a network that learns nothing already halves λ. The modes `mean` and `normalized` will tell the two apart |
# | luck | not asked: nothing was trained |

# %% [markdown]
# ## What was shown
#
# - Pooling forgets where, flattening does not; that is why the attention network reads $x^*$ and not $x$.
# - Each layer of Eq. 5 is linear → BN → relu, the last one ends in tanh. Three lines by hand gave what `ContextEncoder`
#   gives.
# - BN makes the bias before it useless, ties the samples of a batch together, and behaves differently after `.eval()`.
# - He's 2 makes up for the half that relu removes: measured, layer by layer.
# - Eq. 6 and 7 are one logistic regression for each dimension: $a = \sigma(p_{in} - p_{ex})$. Rows alternate: exclude,
#   include.
# - 91.86 million parameters against the backbone's 11.18, but only 5 % of the work, and none when predicting.
# - Six modes separate what attention adds from what a smaller λ would do.
#
# **Try next:** give `spot_attention` other `widths` and see how much the weights depend on place. Type
# `dacl-edu info --backbone resnet18` in a terminal. Then go on to [05_gradients](05_gradients.ipynb): how does this
# network learn – and which way does the loss push it?
#
# **Three questions**
#
# <details><summary>Question 1. The heads have no BN. What decides how far apart the weights are at the start?</summary>
# The size of e and of the heads' weights: e has 64 numbers between −1 and 1, each head weight has the variance 2/64, and
# a score difference has twice the variance of a score.
# </details>
#
# <details><summary>Question 2. A head has two outputs although only their difference counts. Does that change anything
# while training?</summary>
# Not what can be expressed, but the speed: a gradient step moves both scores, in opposite directions, so the difference
# moves twice as far.
# </details>
#
# <details><summary>Question 3. You see that <code>learned</code> beats <code>ones</code>, and <code>mean</code> does just
# as well. What do you conclude?</summary>
# That attention worked as a smaller λ; selection is not shown to matter.
# </details>
