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
assert p.shape == p_loop.shape == p_library.shape == (m, K)
assert torch.allclose(p, p_loop) and torch.allclose(p, p_library)
assert torch.allclose(p.sum(dim=1), torch.ones(m))

# %% [markdown]
# The figure shows the three rows. **What to see:** the highest score gets the highest probability, and a score of −1 beside a
# score of 3 gets almost nothing. Sample 1 belongs to class 2, but class 1 is ahead: the classifier is wrong there.

# %%
import plotly.graph_objects as go

from dacl_edu.plots import BLUE, GREEN, ORANGE  # these three differ also for colour-blind eyes

SIZE = {"width": 640, "height": 320, "margin": {"l": 60, "r": 20, "t": 50, "b": 50}}
samples = [f"sample {i} (class {y[i]})" for i in range(m)]
figure = go.Figure()
for j, (colour, pattern) in enumerate([(BLUE, ""), (ORANGE, "/"), (GREEN, "x")]):
    figure.add_bar(name=f"class {j}", x=samples, y=p[:, j].tolist(),
                   marker_color=colour, marker_pattern_shape=pattern)
figure.update_layout(title="Probabilities of three samples", yaxis_title="p", yaxis_range=[0, 1], **SIZE)
show(figure,
     alt="Bars of the class probabilities of three samples. Sample 0: class 0 at 0.60, class 1 at 0.37. "
         "Sample 1: class 1 at 0.55, class 2 at 0.33. Sample 2: class 2 at 0.62, class 1 at 0.37.")

# %% [markdown]
# ## Keeping it stable: log-sum-exp
#
# On paper the formula is finished. In a computer it breaks: $e^{1000}$ is larger than any float.

# %%
large = torch.tensor([[1000.0, 1001.0, 1002.0]])  # harmless: the classes differ by 1 and 2
print("naive:", (large.exp() / large.exp().sum()).tolist())
print("library:", rounded(torch.softmax(large, dim=1), 3))

# %% [markdown]
# `inf / inf` is `nan`, "not a number". The mend: adding the same number to all scores of a row changes no probability, since
# $e^{z+s} = e^z e^s$ and $e^s$ cancels. So subtract the largest score first; the largest exponent is then $e^0 = 1$.

# %%
shifted = large - large.max(dim=1, keepdim=True).values  # (1, K): now -2, -1, 0
stable = shifted.exp() / shifted.exp().sum(dim=1, keepdim=True)
assert stable.shape == (1, 3)
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
from dacl_edu import check

check.shape(my_log_softmax(z), (m, K), "log p")
check.value(my_log_softmax(z), torch.log_softmax(z, dim=1), "log p")
# Near 1000 float32 knows steps of 0.00006 only, and a right answer may pass through such numbers.
check.value(my_log_softmax(large), torch.log_softmax(large, dim=1), "log p of large scores", tolerance=1e-3)
judged(my_log_softmax, "log-softmax is right, also for scores of 1000")

# %% [markdown]
# Does the check notice anything? Here are two wrong answers: the sum runs over the whole batch, and no maximum is subtracted.

# %%
wrong_answers = {
    "sum over the batch": (lambda z: z - z.exp().sum().log(), z),
    "no maximum": (lambda z: z - z.exp().sum(dim=1, keepdim=True).log(), large),
}
for mistake, (wrong, scores) in wrong_answers.items():
    try:
        check.value(wrong(scores), torch.log_softmax(scores, dim=1), "log p")
        raise RuntimeError("the check missed it")
    except AssertionError as message:
        print(f"{mistake}: {message}")

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
assert L_loop.shape == L_first_line.shape == L_second_line.shape == L_S.shape == ()
for other in (L_loop, L_first_line, L_second_line):
    assert torch.allclose(other, L_S)
print("losses of the samples", rounded(-log_p[torch.arange(m), y], 3), "and their mean", rounded(L_S))

# %% [markdown]
# Sample 1, the wrong one, pays most. A useful anchor: a classifier that knows nothing gives every class $1/K$ and pays $\log K$,
# which is 1.9459 for seven expressions. A loss above that is worse than guessing.

# %%
nothing = softmax_loss(torch.zeros(2, 7), torch.tensor([0, 3]))
print(rounded(nothing), rounded(torch.tensor(7.0).log()))
assert torch.allclose(nothing, torch.tensor(7.0).log())

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
assert dz.shape == dz_loop.shape == dz_autograd.shape == (m, K)
assert torch.allclose(dz, dz_loop) and torch.allclose(dz, dz_autograd)
assert torch.allclose(dz.sum(dim=1), torch.zeros(m), atol=1e-7), "what one class gains, the others lose"

# %% [markdown]
# Two derivations could share a mistake. A third way knows nothing of derivatives: move one score up a little and down a little, and see
# how the loss changes ("finite differences"). `compare_gradients` compares shapes first and then values:

# %%
from dacl_edu.check.gradients import compare_gradients, gradient_table


def by_hand(logits, labels):
    return {"logits": (torch.softmax(logits, dim=1) - torch.nn.functional.one_hot(labels, K)) / len(labels)}


rows = compare_gradients(softmax_loss, {"logits": z, "labels": y}, wrt=("logits",), hand_written=by_hand)
print(gradient_table(rows))
assert len(rows) == 2 and all(row.ok for row in rows)

# %% [markdown]
# ### Exercise 2: one step further, to $W$, $B$ and $x$
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
    raise NotImplementedError()  # your lines here: return {"x": ..., "W": ..., "B": ...}

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_gradients(x, W, B, y):
    dz = (torch.softmax(x @ W + B, dim=1) - torch.nn.functional.one_hot(y, len(B))) / len(y)  # (m, K)
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
    return {name: len(y) * gradient for name, gradient in my_gradients(x, W, B, y).items()}


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
scores = torch.stack([margin, torch.zeros_like(margin)], dim=1)  # (101, 2): right class, other class
loss = -torch.log_softmax(scores, dim=1)[:, 0]
pull = 1 - torch.softmax(scores, dim=1)[:, 0]
slope = torch.gradient(loss, spacing=(margin,))[0]  # (101,)
assert torch.allclose(pull, -slope, atol=0.01), "the pull is minus the slope of the loss"

# %% [markdown]
# **What to see:** left of 0 the sample is wrong and the pull is near 1. Right of 0 it is right and the pull dies away. It never becomes
# exactly 0: a larger margin is always a little better. Keep both halves of that sentence in mind; they return below.

# %%
figure = go.Figure()
figure.add_scatter(x=margin.tolist(), y=loss.tolist(), name="loss", line_color=BLUE)
figure.add_scatter(x=margin.tolist(), y=pull.tolist(), name="pull 1 − p", line_color=ORANGE, line_dash="dash")
figure.add_vline(x=0, line_dash="dot", annotation_text="wrong | right")
figure.update_layout(title="Loss and pull against the margin", xaxis_title="margin", **SIZE)
show(figure,
     alt="Two falling curves over the margin from −5 to 5. The loss falls from 5 to almost 0. The pull "
         "falls from 1 over 0.5 at margin 0 to almost 0.")

# %% [markdown]
# ## Temperature, and an explorer
#
# Dividing all scores by a **temperature** $T$ scales every margin. Small $T$ makes the classifier sure of itself, large $T$ makes it doubt;
# the order of the classes stays. The function below is all that the explorer does. It also returns the gradient with respect to the
# scores that enter the softmax, $p$ − one-hot, for sample 2.

# %%
def probabilities_at(T, added):
    """Sample 2: `added` is added to the score of its right class, then all scores are divided by T."""
    scores = (z[2] + added * onehot[2]) / T  # (K,)
    p = torch.softmax(scores, dim=0)
    return p, p - onehot[2]


for T in (0.25, 1.0, 4.0):
    print("T =", T, " p =", rounded(probabilities_at(T, 0.0)[0], 3))

# %% [markdown]
# The same as a still picture. **What to see:** the order of the bars is the same at each temperature; only the sureness differs.

# %%
classes = ["class 0", "class 1", "class 2 (right)"]
figure = go.Figure()
for T, colour, pattern in [(0.25, BLUE, ""), (1.0, ORANGE, "/"), (4.0, GREEN, "x")]:
    p_at_T = probabilities_at(T, 0.0)[0].tolist()
    figure.add_bar(name=f"T = {T}", x=classes, y=p_at_T, marker_color=colour, marker_pattern_shape=pattern)
figure.update_layout(title="Sample 2 at three temperatures", yaxis_title="p", yaxis_range=[0, 1], **SIZE)
show(figure,
     alt="Bars of the probabilities of sample 2 at temperatures 0.25, 1 and 4. Class 2 has 0.88, 0.62 and "
         "0.45: the highest each time, but less and less so.")

# %% [markdown]
# **Move the sliders.** Raise *added*: $p$ of the right class grows, and all three gradient bars shrink. Lower it until the sample is
# wrong: the bar of the right class points down ("raise this score"), that of the winner points up. Then lower $T$.

# %%
import ipywidgets as widgets

T_slider = widgets.FloatLogSlider(value=1.0, base=10, min=-1, max=1, step=0.05, description="T")
added_slider = widgets.FloatSlider(value=0.0, min=-4, max=4, step=0.1, description="added")
explorer = go.FigureWidget([
    go.Bar(name="p", x=classes, marker_color=BLUE),
    go.Bar(name="gradient p − one-hot", x=classes, marker_color=ORANGE, marker_pattern_shape="/"),
], layout={"yaxis_range": [-1, 1], **SIZE})

# %%
def redraw(change=None):
    p, gradient = probabilities_at(T_slider.value, added_slider.value)
    with explorer.batch_update():
        explorer.data[0].y, explorer.data[1].y = p.tolist(), gradient.tolist()
        explorer.layout.title = f"Sample 2: loss {-p[2].log().item():.3f}"


redraw()
T_slider.observe(redraw, "value")
added_slider.observe(redraw, "value")
show(widgets.VBox([T_slider, added_slider, explorer]),
     alt="Two sliders, T and added, above bars of the probabilities of sample 2 and of the gradient.")

# %% [markdown]
# A test of the explorer: moving a slider changes the bars, and a sample that is right by a wide margin feels no pull.

# %%
before = tuple(explorer.data[0].y)
added_slider.value = 4.0
assert tuple(explorer.data[0].y) != before
assert max(abs(g) for g in explorer.data[1].y) < 0.02
added_slider.value = 0.0
assert tuple(explorer.data[0].y) == before

# %% [markdown]
# ## Unequal classes
#
# Eq. 2 is a mean over *samples*, not over classes. RAF-DB, the paper's first data set, has these numbers of training faces:

# %%
from dacl_edu.data import EXPRESSIONS

counts = torch.tensor([1290, 281, 717, 4772, 1982, 705, 2524])
share = counts / counts.sum()  # (7,)
print(dict(zip(EXPRESSIONS, rounded(share, 3), strict=True)))
assert counts.sum() == 12271

# %% [markdown]
# **What to see:** there are 17 happy faces for each fearful one.

# %%
figure = go.Figure(go.Bar(x=list(EXPRESSIONS), y=counts.tolist(), text=counts.tolist(), marker_color=BLUE))
figure.update_layout(title="RAF-DB: training faces of each expression", yaxis_title="faces", **SIZE)
show(figure,
     alt="Bars of the number of RAF-DB training faces: surprise 1290, fear 281, disgust 717, happiness "
         "4772, sadness 1982, anger 705, neutral 2524.")

# %% [markdown]
# Now a classifier that never looks at the face: its scores are the logarithms of the shares, so its probabilities *are* the shares.

# %%
lazy = share.log()  # (7,): softmax(lazy) = share
labels = torch.arange(7).repeat_interleave(counts)  # (12271,)
L_lazy = softmax_loss(lazy.expand(len(labels), 7), labels)
print("loss", rounded(L_lazy, 3), "instead of log 7 =", rounded(torch.tensor(7.0).log(), 3))
print("accuracy", rounded(share.max(), 3), " average accuracy", rounded(1 / 7, 3))
print("loss of a fearful face", rounded(-lazy[1], 3), " of a happy one", rounded(-lazy[3], 3))
assert L_lazy < torch.tensor(7.0).log()

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
    net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2)).double()  # X (m, 6) -> x (m, 2)
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


four = torch.tensor([[0.0, 1.0], [0.0, -1.0], [4.0, 0.0], [8.0, 0.0]])
within, between = within_and_between(four, torch.tensor([0, 0, 1, 2]))
assert within == 0.5, "two samples at distance 1 from their class mean, two at 0"
assert between == 4.0, "the two nearest means are 4 apart"

# %%
rows = {}
for step in (25, 50, 100, 200):
    x_now, z_now = history[step]
    accuracy = (z_now.argmax(dim=1) == y_toy).double().mean()
    within, between = within_and_between(x_now, y_toy)
    rows[step] = (softmax_loss(z_now, y_toy), accuracy, within, between, within / between)
    print(f"step {step:3}  loss, accuracy, within, between, ratio:", rounded(rows[step], 2))
assert rows[200][1] > 0.99, "every sample, or nearly, is right at the end"
assert rows[200][2] > 1.5 * rows[25][2], "and the classes are wider than before"

# %% [markdown]
# **What to see:** from left to right the classes become easier to tell apart, and each becomes *wider*. Look at the numbers on the axes.
# They end as three wide wedges that point away from the middle and touch there.

# %%
import pandas as pd
import plotly.express as px

panels = []
for step in (25, 50, 200):
    panel = pd.DataFrame(history[step][0].numpy(), columns=["x₁", "x₂"])  # (180, 2)
    panels.append(panel.assign(label=[f"class {k}" for k in y_toy.tolist()], step=f"after {step} steps"))
table = pd.concat(panels)

# %%
figure = px.scatter(table, x="x₁", y="x₂", color="label", symbol="label", facet_col="step",
                    color_discrete_sequence=[BLUE, ORANGE, GREEN])
figure.for_each_annotation(lambda note: note.update(text=note.text.split("=")[-1]))
figure.update_layout(title="Softmax loss alone: the feature x during training", legend_title=None)
figure.update_layout(**{**SIZE, "width": 760, "height": 380, "margin_t": 80})
show(figure,
     alt="Three scatter plots of the two-dimensional feature after 25, 50 and 200 steps. Three classes "
         "separate into wedges that point away from the middle and grow wider and longer with training.")

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
print("share of samples that feel less than a hundredth of the full pull:", rounded(asleep, 2))
assert asleep > 0.5 and (gradient.abs().max(dim=1).values > 0).all(), "small, but not zero"

# %%
doubled = softmax_loss(2 * z_end, y_toy)  # the scores of 2x, if B is doubled too
print("loss", rounded(softmax_loss(z_end, y_toy), 4), " after doubling all scores", rounded(doubled, 4))
assert doubled < softmax_loss(z_end, y_toy)

# %% [markdown]
# A new face of a class lands somewhere in its wedge, perhaps close to where another wedge begins. Nothing in Eq. 2 asks a class to stay
# together. The next lesson adds a term that does.
#
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
