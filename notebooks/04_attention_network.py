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
import math

import torch
from torch import nn

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
x_star = torch.tensor([face_0, face_1])  # the context x*: (m, N_C, N_H, N_W) = (2, 2, 2, 2)
m, N_C, N_H, N_W = x_star.shape

# %% [markdown]
# The classifier looks at the **average** over the places. That is the deep feature $x_i$, one number a channel:

# %%
x = x_star.mean(dim=(2, 3))  # (m, N_C): the places are gone
print(rounded(x))
assert x.shape == (m, N_C)
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
flat = x_star.flatten(1)  # (m, N_C, N_H, N_W) -> (m, N_C*N_H*N_W); the 1 keeps the samples apart
print(rounded(flat))
assert flat.shape == flat_loop.shape == (m, 8)
assert torch.equal(flat, flat_loop)
assert not torch.equal(flat[0], flat[1]), "flattened, the two faces differ"

# %% [markdown]
# **What to see in the figure:** on the left the mouth channel of both faces, in the middle what pooling leaves of it,
# on the right what flattening leaves. Pooling gives two equal pictures, flattening two different ones.

# %%
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dacl_edu.plots import BLUE, GREEN, ORANGE

titles = ("face 0: map", "pooled", "flattened", "face 1: map", "pooled", "flattened")
figure = make_subplots(rows=2, cols=3, subplot_titles=titles, column_widths=[0.25, 0.15, 0.6])
heat = {"zmin": 0, "zmax": 4, "colorscale": "Cividis", "showscale": False, "texttemplate": "%{z}"}
for face in range(m):
    mouth = x_star[face, 0]  # channel 0: (N_H, N_W)
    pictures = mouth, mouth.mean().reshape(1, 1), mouth.reshape(1, -1)
    for column, picture in enumerate(pictures, start=1):
        figure.add_heatmap(z=picture.tolist(), **heat, row=face + 1, col=column)

# %%
figure.update_xaxes(visible=False).update_yaxes(visible=False, autorange="reversed")
figure.update_layout(width=760, height=380, title="The mouth channel of two faces")
show(figure, alt="""Mouth channel of two faces. The two by two maps have their 4 at the lower left and at the
lower right. Pooled, both are a single 1. Flattened, the rows are 0, 0, 4, 0 and 0, 0, 0, 4.""")

# %% [markdown]
# ### Exercise 1: where does a place land?
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
from dacl_edu import check


def positions(N_C, N_H, N_W, places):
    """Return your positions and those found in a flattened map, both (places,)."""
    found = []
    for place in places:
        one_hot = torch.zeros(N_C, N_H, N_W)
        one_hot[place] = 1
        found.append(one_hot.flatten().argmax())
    return torch.tensor([my_position(*place, N_H, N_W) for place in places]), torch.stack(found)


# %%
check.value(*positions(512, 7, 7, [(0, 0, 0), (3, 2, 5), (511, 6, 6)]), "your list for a 7 by 7 map")
check.value(*positions(4, 2, 3, [(0, 1, 0), (1, 0, 2), (3, 1, 1)]), "your list for a 2 by 3 map")
judged(my_position, "right. The last of", 512 * 7 * 7, "positions is", my_position(511, 6, 6, 7, 7))

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
    return (h - h.mean(dim=0)) / torch.sqrt(h.var(dim=0) + 1e-5)  # var() divides by m - 1


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
assert torch.allclose(BN(3.0 * h), BN(h), atol=1e-5), "and so does a positive factor"

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
print("running mean", rounded(layer.running_mean), " running variance", rounded(layer.running_var))
assert torch.allclose(layer.running_mean, 0.9 * torch.zeros(2) + 0.1 * h.mean(dim=0))
unbiased = h.var(dim=0)  # this one does divide by m - 1
assert torch.allclose(layer.running_var, 0.9 * torch.ones(2) + 0.1 * unbiased)
print("the same batch after .eval():", rounded(layer.eval()(h)))

# %% [markdown]
# ## relu inside, tanh at the end
#
# After the first two layers comes relu, which drops what is negative. After the last comes tanh. The paper says why: it
# "preserves both positive and negative activation values for a smoother gradient flow". Let us look.

# %%
u = torch.linspace(-3, 3, 601, requires_grad=True)  # (601,)
curves = {"relu": torch.relu(u), "tanh": torch.tanh(u)}
slopes = {name: torch.autograd.grad(curve.sum(), u)[0] for name, curve in curves.items()}
assert torch.allclose(slopes["tanh"], 1 - torch.tanh(u) ** 2), "the slope of tanh is 1 - tanh²"
assert slopes["relu"][u < 0].abs().sum() == 0, "relu passes no gradient to what is negative"

# %% [markdown]
# **What to see in the figure:** the solid lines are the functions, the dashed ones their slopes. For negative inputs
# relu is 0 and so is its slope: such a number is lost, and no gradient comes back. tanh keeps the sign, and its slope
# is nowhere exactly 0 – but it is close to 0 beyond ±3.

# %%
figure = go.Figure()
for (name, curve), colour in zip(curves.items(), (ORANGE, BLUE), strict=True):
    slope = slopes[name].tolist()
    figure.add_scatter(x=u.tolist(), y=curve.tolist(), name=name, line={"color": colour})
    figure.add_scatter(x=u.tolist(), y=slope, name=f"slope of {name}", line={"color": colour, "dash": "dash"})
figure.update_layout(title="relu and tanh with their slopes", xaxis_title="input u", yaxis_range=[-1.2, 3.1])
figure.update_layout(width=640, height=380, yaxis_title="output, slope")
show(figure, alt="""relu is zero up to u = 0 and then rises with slope 1. tanh rises in an S from -1 to 1. Its
slope is a bell with the top 1 at z = 0 that falls to nearly zero at plus and minus 3.""")

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
assert e_package.shape == e.shape == (6, 2)
assert torch.allclose(e_package, e, atol=1e-5)
assert (e.abs() < 1).all() and (e < 0).any() and (e > 0).any(), "tanh: between -1 and 1, of both signs"
print("three lines and the package agree; e of the first map:", rounded(e[0], 3))

# %% [markdown]
# The matrix products hide a loop. Here is the first number of the first layer, the long way:

# %%
total = b1[0].item()
for j in range(8):
    total += x_star[0].flatten()[j].item() * W1[j, 0].item()
assert abs(total - (x_star.flatten(1) @ W1 + b1)[0, 0].item()) < 1e-5
print("one number of h is a sum of 8 products")

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
    print(f"Var(w) = {s}/n: after 10 layers", rounded(sizes[-1], 3), " predicted", rounded(predicted, 3))
    assert 0.6 < sizes[-1] / predicted < 1.6

# %% [markdown]
# **What to see in the figure:** a logarithmic scale. With $2/n$ the signal keeps its size; with half of that it fades
# by half a layer, with twice that it doubles. Thirty layers would make it a billion times too small or too large. The
# dotted lines are the prediction.

# %%
figure = go.Figure()
for (s, sizes), colour in zip(measured.items(), (ORANGE, BLUE, GREEN), strict=True):
    depth = list(range(len(sizes)))
    predicted = [(s / 2) ** i for i in depth]
    figure.add_scatter(x=depth, y=rounded(sizes), name=f"Var(w) = {s}/n", mode="lines+markers", line_color=colour)
    figure.add_scatter(x=depth, y=predicted, showlegend=False, line={"color": colour, "dash": "dot"})
figure.update_yaxes(type="log", dtick=1, title="mean square")
figure.update_layout(title="Mean square of the activations, layer by layer", xaxis_title="layer")
figure.update_layout(width=640, height=380)
show(figure, alt="""Three nearly straight lines on a logarithmic scale over ten layers. For variance 2/n the
line stays near 1, for 1/n it falls to a thousandth, for 4/n it rises to a thousand. Each lies on its dotted
prediction.""")

# %% [markdown]
# Does the package do this? A context encoder on a $128 \times 7 \times 7$ map has $n = 6272$ inputs. We also follow the
# mean square through its layers. BN makes it 1 whatever came in, so in this network He's rule is a second safety and
# not the only one.

# %%
encoder = ContextEncoder((128, 7, 7), widths=(896, 128, 16))
first = encoder.layers[0].weight  # (896, 6272)
print("std of W1", rounded(first.std(), 3), " He:", rounded(math.sqrt(2 / 6272), 3))
assert abs(first.std() / math.sqrt(2 / 6272) - 1) < 0.01 and encoder.layers[0].bias.abs().sum() == 0

# %%
h = torch.randn(64, 6272)
for module in encoder.layers:
    h = module(h)
    print(f"{type(module).__name__:<12}{h.shape[1]:>5} numbers, mean square {rounded(h.square().mean(), 1)}")
assert h.shape == (64, 16) and h.abs().max() < 1

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
assert p_in.shape == p_in_loop.shape == (2, 3)
assert torch.equal(p_in, p_in_loop)

# %% [markdown]
# The package stores all heads as **one** linear layer with $2d$ outputs. In which order? The paper does not say. The
# authors' released code does: head $j$ owns rows $2j$ and $2j+1$, and of the two, index 1 is inclusion. The package
# keeps that order, so that what was trained with that code can be loaded.

# %%
for row in range(6):
    vote = ("exclude", "include")[row % 2]
    print(f"row {row}: head {row // 2}, {vote}")

# %%
from dacl_edu.model.attention import InclusionHeads

heads = InclusionHeads(latent_dim=2, feature_dim=3)
with torch.no_grad():
    heads.linear.weight[0::2], heads.linear.weight[1::2] = A_ex.T, A_in.T  # even rows, odd rows: (d, d')
    heads.linear.bias[0::2], heads.linear.bias[1::2] = b_ex, b_in
scores = heads.scores(e)  # (m, d, 2)
assert scores.shape == (2, 3, 2)
assert torch.allclose(scores[..., 0], p_ex) and torch.allclose(scores[..., 1], p_in)

# %% [markdown]
# Somebody who does not know the order will guess: "the first $d$ rows exclude, the last $d$ include". The shape fits
# perfectly. Only the values are wrong:

# %%
exclude, include = heads.linear(e).chunk(2, dim=1)  # a guess: two blocks instead of alternating rows
check.shape(include, (2, 3), "include")  # passes!
try:
    check.value(include, p_in, "include")
    raise RuntimeError("the check missed it")
except AssertionError as message:
    print(message)

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

a_softmax = torch.stack([p_ex, p_in], dim=-1).softmax(dim=-1)[..., 1]  # (m, d, 2) -> (m, d)
a = torch.sigmoid(p_in - p_ex)  # (m, d)

# %%
print(rounded(a))
assert a.shape == a_loop.shape == a_softmax.shape == heads(e).shape == (2, 3)
assert torch.allclose(a, a_loop) and torch.allclose(a, a_softmax) and torch.allclose(a, heads(e))
assert torch.allclose(a, torch.sigmoid((p_in + 5) - (p_ex + 5))), "only the difference counts"

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

# %%
end = torch.sigmoid(torch.tensor(20.0)), torch.sigmoid(torch.tensor(-110.0))
assert end[0] == 1.0 and end[1] == 0.0, "float32 reaches both ends"
assert torch.sigmoid(torch.tensor(20.0, dtype=torch.float64)) < 1, "float64 does not, here"
assert eq7_as_printed(torch.tensor(100.0), torch.tensor(0.0)).isnan(), "inf / inf is not a number"

# %% [markdown]
# **What to see in the figure:** the curve is Eq. 7 as a function of the difference of scores. The dots are the six
# weights we computed. The dashed line is the slope $a(1-a)$: largest in the middle, nearly 0 at both ends. A head that
# is very sure hardly learns any more.

# %%
t = torch.linspace(-6, 6, 121)  # (121,)
curve = torch.sigmoid(t)
slope = curve * (1 - curve)
dots = {"x": (p_in - p_ex).flatten().tolist(), "y": a.flatten().tolist()}  # our (2, 3) weights

# %%
figure = go.Figure()
figure.add_scatter(x=t.tolist(), y=curve.tolist(), name="a = σ(p_in − p_ex)", line_color=BLUE)
figure.add_scatter(x=t.tolist(), y=slope.tolist(), name="slope a(1 − a)", line={"color": BLUE, "dash": "dash"})
figure.add_scatter(**dots, name="our six weights", mode="markers", marker={"color": ORANGE, "size": 10})
figure.update_layout(title="From two scores to one weight", xaxis_title="p_in − p_ex", yaxis_title="a")
figure.update_layout(width=640, height=360, yaxis_range=[-0.03, 1.03])
show(figure, alt="""The sigmoid rises in an S from 0 to 1 and passes one half at difference 0. Six dots lie on
it between -1.5 and 2.5. The dashed slope is a low bell with the top one quarter at 0.""")

# %% [markdown]
# ### Exercise 3: the slope of attention
#
# Derive $\partial a / \partial p_{in}$ and $\partial a / \partial p_{ex}$ from Eq. 7, and write them with $a$ alone.
# `my_attention_gradients(p_in, p_ex)` returns both by name, each $(m, d)$. The check compares with finite differences: it
# moves each score a little and looks what the sum of all $a$ does.
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
# A wrong one: it forgot that a higher score for excluding *lowers* $a$.

# %%
def both_upwards(p_in, p_ex):
    a = torch.sigmoid(p_in - p_ex)
    return {"p_in": a * (1 - a), "p_ex": a * (1 - a)}


try:
    check.gradient(attention_sum, both_upwards, scores, wrt=("p_in", "p_ex"))
    raise RuntimeError("the check missed it")
except AssertionError as message:
    print(message)

# %% [markdown]
# ## Move a bright spot
#
# All together: `AttentionNetwork` is the encoder and the heads. Feed it a $5 \times 5$ map with one bright cell, and
# move the cell. The pooled feature $x$ does not notice. Does the attention?

# %%
from dacl_edu.model.attention import AttentionNetwork


def spot_attention(row, column):
    """One bright cell: return its map (5, 5), the pooled feature x, and six attention weights (6,)."""
    torch.manual_seed(1)  # the same network each time
    network = AttentionNetwork((1, 5, 5), feature_dim=6, widths=(16, 8, 4)).eval()  # untrained
    x_star = torch.zeros(1, 1, 5, 5)
    x_star[0, 0, row, column] = 25.0
    with torch.no_grad():
        return x_star[0, 0], x_star.mean().item(), network(x_star)[0]


# %%
corner, middle = spot_attention(0, 0), spot_attention(2, 2)
assert corner[1] == middle[1] == 1.0, "pooled: the same number wherever the spot is"
assert corner[2].shape == (6,) and (corner[2] - middle[2]).abs().max() > 0.1, "attended: different weights"
print("corner", rounded(corner[2], 2))
print("middle", rounded(middle[2], 2))


# %%
def spot_figure(row, column):
    spot, pooled, weights = spot_attention(row, column)
    figure = make_subplots(rows=1, cols=2, subplot_titles=("the map x*", f"pooled x = {pooled:g}; attention a"))
    figure.add_heatmap(z=spot.tolist(), colorscale="Cividis", showscale=False, row=1, col=1)
    figure.add_bar(x=[f"a{j}" for j in range(1, 7)], y=rounded(weights), marker_color=BLUE, row=1, col=2)
    figure.update_yaxes(autorange="reversed", row=1, col=1).update_yaxes(range=[0, 1], row=1, col=2)
    return figure.update_layout(width=680, height=330, showlegend=False)


# %% [markdown]
# **Move the sliders** (the notebook must be running). **What to see:** the bars jump, the pooled number stays. The network
# is untrained, so the weights mean nothing yet; but they *can* depend on place, and the pooled feature cannot.

# %%
import ipywidgets as widgets

explorer = go.FigureWidget(spot_figure(0, 0))
row_slider = widgets.IntSlider(0, 0, 4, description="row")
column_slider = widgets.IntSlider(0, 0, 4, description="column")


# %%
def move_spot(change=None):
    fresh = spot_figure(row_slider.value, column_slider.value)
    with explorer.batch_update():
        explorer.data[0].z, explorer.data[1].y = fresh.data[0].z, fresh.data[1].y


row_slider.observe(move_spot, "value")
column_slider.observe(move_spot, "value")
show(widgets.VBox([row_slider, column_slider, explorer]), alt="""A five by five map with one bright cell, moved
by two sliders, and six bars of attention.""")

# %%
row_slider.value, column_slider.value = 2, 2  # what dragging does
assert tuple(explorer.data[1].y) == tuple(rounded(middle[2])), "the bars followed the slider"
row_slider.value, column_slider.value = 0, 0
assert tuple(explorer.data[1].y) == tuple(rounded(corner[2]))

# %% [markdown]
# The same as a still picture, three places one below the other:

# %%
places = {"top left": (0, 0), "middle": (2, 2), "bottom right": (4, 4)}
figure = go.Figure()
names = [f"a{j}" for j in range(1, 7)]
looks = [(ORANGE, ""), (BLUE, "/"), (GREEN, "x")]
for (name, place), (colour, pattern) in zip(places.items(), looks, strict=True):
    bars = rounded(spot_attention(*place)[2])  # (6,)
    figure.add_bar(x=names, y=bars, name=name, marker_color=colour, marker_pattern_shape=pattern)
figure.update_layout(title="Attention for a spot at three places (pooled x is 1 for each)")
figure.update_layout(width=680, height=320, yaxis_title="attention", yaxis_range=[0, 1])
show(figure, alt="""Six groups of three bars, the attention weights for a spot at the top left, in the middle
and at the bottom right. In most groups the three bars differ clearly.""")

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
        print(f"{part.part:<30}{part.output!s:<14}{part.parameters:>12,}{part.macs:>16,}")


paper = summarize("resnet18", image_size=224)
print_summary(paper)

# %%
backbone, pooling, classifier, context_encoder, head_rows, everything = paper
attention_parameters = context_encoder.parameters + head_rows.parameters
assert attention_parameters == total == 91_862_208  # 91.86 million, as counted by hand
assert backbone.parameters == 11_176_512  # 11.18 million
print("attention network / backbone, parameters:", rounded(attention_parameters / backbone.parameters, 1))
attention_macs = context_encoder.macs + head_rows.macs
print("attention network / backbone, MACs:      ", rounded(attention_macs / backbone.macs, 3))

# %% [markdown]
# **What to see in the figure:** two bars of 100 % each. Nearly all *parameters* sit in the context encoder, nearly all
# *work* in the backbone. A weight of a convolution is used at every place of the image, a weight of a linear layer
# once. So the attention network costs memory – for 92 million weights, their gradients and their momentum, about 1.1 GB
# – but only 5 % more multiply-adds.

# %%
figure = go.Figure()
for part, colour in ((backbone, BLUE), (context_encoder, ORANGE), (head_rows, GREEN)):
    share = [100 * part.parameters / everything.parameters, 100 * part.macs / everything.macs]
    bars = {"x": rounded(share, 2), "y": ["parameters", "MACs"], "orientation": "h"}
    figure.add_bar(**bars, name=part.part, marker_color=colour)
figure.update_layout(title="The paper's network: where parameters and work are", xaxis_title="percent")
figure.update_layout(barmode="stack", width=720, height=260)
show(figure, alt="""Two stacked bars. Of the parameters, 11 percent are the backbone and 89 percent the context encoder. Of the
multiply-adds, 95 percent are the backbone and 5 percent the context encoder. The heads are too small to see.""")

# %% [markdown]
# This course trains a smaller network, on images of 56 pixels. It has the same parts:

# %%
small = summarize("small_resnet", image_size=56)
print_summary(small)

# %% [markdown]
# ### Exercise 4: count
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
check.value(counts, torch.tensor([total, small_total]), "the count for the paper's and for the course's network")
judged(my_parameter_count, "both counts are right")
print(f"pooled first: {my_parameter_count(512, (3_584, 512, 64), 512):,} instead of {total:,}")

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
# | `mean` | each sample's mean, in every dimension | a smaller λ, but no selection |
# | `permuted` | each sample's values on shuffled dimensions (in training) | the right values on the wrong dimensions: does *which* dimension matter? |
# | `frozen` | from the untrained network | a fixed random selection: does *learning* it matter? |
# | `normalized` | divided by each sample's mean | selection alone: the mean stays 1, so λ cannot shrink |

# %%
from dacl_edu.model.attention import ATTENTION_MODES

x_star = torch.randn(4, 1, 5, 5)
weights = {}
for mode in ATTENTION_MODES:
    torch.manual_seed(1)  # the same network each time
    weights[mode] = AttentionNetwork((1, 5, 5), feature_dim=8, widths=(16, 8, 4), mode=mode)(x_star)  # (4, 8)

# %% [markdown]
# Each claim of the table as an assertion:

# %%
learned = weights["learned"]
assert (weights["ones"] == 1).all()
assert torch.allclose(weights["mean"], learned.mean(dim=1, keepdim=True).expand(4, 8))
assert torch.equal(weights["permuted"].sort(dim=1).values, learned.sort(dim=1).values), "the same values"
assert not torch.equal(weights["permuted"], learned), "in other places"
assert torch.equal(weights["frozen"], learned), "the same"
assert not weights["frozen"].requires_grad, "but never trained"
assert torch.allclose(weights["normalized"].mean(dim=1), torch.ones(4)) and weights["normalized"].max() > 1

# %% [markdown]
# **What to see in the figure:** one sample, one row a mode. `permuted` has the colours of `learned` in another order;
# `mean` is flat; `normalized` has the pattern of `learned`, but brighter, and some of its weights exceed 1, which the
# paper's condition $0 < a \le 1$ forbids.

# %%
rows = [rounded(weights[mode][0], 2) for mode in ATTENTION_MODES]  # one sample: (6 modes, 8)
figure = go.Figure()
figure.add_heatmap(z=rows, y=list(ATTENTION_MODES), x=[f"a{j}" for j in range(1, 9)], colorscale="Cividis",
                   zmin=0, zmax=2, texttemplate="%{z:.2f}", colorbar_title="weight")
figure.update_yaxes(autorange="reversed")
figure.update_layout(title="Eight weights of one sample, in six modes", width=720, height=360)
show(figure, alt="""Heat map of six rows, one a mode, and eight attention weights. Ones and mean are flat rows,
permuted holds the values of learned in another order, frozen equals learned, normalized is learned scaled to
mean one.""")

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
