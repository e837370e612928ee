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
#     budget_seconds: 150
#     mode: lax
# ---

# %% [markdown]
# # Change it
#
# ![Eq. 4, Eq. 11 and Eq. 1 with five places ringed: b and c at the attention weight, d at the square, a at the
# denominator of Eq. 11, e at the features that the classifier sees.](../docs/pictures/change_it.svg)
#
# **What would you have done differently?** A method is a series of decisions. The authors squared the distance, divided by the
# count, let attention shrink, kept it away from the scores. Each ring in the picture is one such decision. You will turn
# each of them around, in your own program, and see what follows.
#
# **After this notebook you can** change a loss, say beforehand what the change will do and why, derive its gradient, test
# your prediction over several seeds, and train your loss with the package by its name.
#
# **Minutes:** 90, of which the computer trains about two. **Builds on:** [08_from_scratch](08_from_scratch.ipynb),
# whose program it uses, [05_gradients](05_gradients.ipynb), [06_center_update](06_center_update.ipynb).
#
# **How each change goes.** *Predict*, in one word, before you look. *Derive* the gradient, and hold it against autograd.
# *Train*, three seeds. *Compare* with the unchanged method on the same seeds, by a difference with its interval. A wrong
# prediction is no failure: it is the most that an experiment can teach you.

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

# %% [markdown]
# ## Your program
#
# The next cell takes the program out of *your* lesson 08, as you saved it, and writes it to the file `mydacl.py` beside this
# page: a module of your own. An exercise that you left out comes with the folded answer. If you change 08, save it, restart
# the kernel here, and run all again.

# %%
import torch

from dacl_edu import check
from dacl_edu.check.exercise import attempt, judged
from dacl_edu.lessons.display import rounded, setup, show

setup(seed=0)  # fixes the random numbers

# %%
from pathlib import Path

from dacl_edu.lessons.scratch import own_code

program = own_code("08_from_scratch.ipynb")
Path("mydacl.py").write_text(program, encoding="utf-8")

# %%
import mydacl
from mydacl import center_step, sparse_center_loss

print("mydacl.py holds:", *(name for name in vars(mydacl) if name[0] != "_"))
assert mydacl.step and mydacl.train and mydacl.DACL

# %% [markdown]
# Faces of 24×24 pixels, as in lesson 08. To be quick, 4,200 of the 6,300 to learn from. Results are measured on the validation
# faces; the test faces stay untouched, since we will look at many results, and who looks often finds something.

# %%
from dacl_edu.data import load_dataset

K, SIDE, WIDTHS = 7, 24, (8, 16, 32, 64)
learn, measure = (
    load_dataset("bundled", split, image_size=SIDE) for split in ("train", "val")
)
faces = mydacl.standardised(learn.images, learn.images)[:4200]
seen = mydacl.standardised(measure.images, learn.images)
labels, truth = learn.labels[:4200].long(), measure.labels.long()
assert len(faces) == 4200 and len(seen) == 1050

# %% [markdown]
# ## How to tell a change from luck
#
# Change the seed, and the accuracy changes too. So each method is trained with seeds 0, 1 and 2. Seed by seed it starts from the
# same weights and sees the same batches as the unchanged method, so we look at the three **differences**. Their mean has
# an interval (95 %, Student's t). With three seeds it is wide: the mean ± 2.5 standard deviations of the differences. If 0 lies in it, we say: *three seeds
# cannot tell*. That is not "no effect", and it does not prove a
# prediction of "stays" either.
#
# λ is 0.05 here, five times the paper's: in a training this short, the loss that we study would hardly be heard otherwise.

# %%
LAM, EPOCHS, SEEDS = 0.05, 3, (0, 1, 2)


def measured(net, c, ways):
    """What is written down about a trained network: one number a name."""
    z, x, a = mydacl.look(net, seen)
    means = torch.stack([x[truth == k].mean(dim=0) for k in range(K)])  # (K, d)
    within = ((x - means[truth]) ** 2).sum(dim=1).mean()
    between = ((means - means.mean(dim=0)) ** 2).sum(dim=1).mean()
    found = {
        "accuracy": (z.argmax(dim=1) == truth).float().mean(),
        "mean attention": a.mean(),
        "distance": (x - c[truth]).abs().mean(),
        "spread": within / between,
        "way of the centers": sum(ways) / len(ways),
    }
    return {name: float(number) for name, number in found.items()}


# %% [markdown]
# *Distance* is the mean of $|x_{ij} - c_{y_i j}|$. *Spread* is the squared distance within a class over that between the class
# means: below 1 the classes stand apart. *Way of the centers* is how far they move in a step, all together.
#
# `run` trains one method with all seeds. Whatever we change goes in by name: the loss (`metric`), the rule of the centers
# (`move`), or the network.

# %%
results = {}


def run(name, network=mydacl.DACL, move=center_step, **parts):
    results[name] = []
    for seed in SEEDS:
        ways = []

        def watched(x, a, y, c):
            new = move(x, a, y, c)
            ways.append((new - c).norm().item())
            return new

        torch.manual_seed(seed)
        net = network(WIDTHS, SIDE)
        _, c = mydacl.train(net, faces, labels, EPOCHS, LAM, move=watched, **parts)
        results[name].append(measured(net, c, ways))
    return net


# %%
unchanged = run("unchanged")
for seed, one in zip(SEEDS, results["unchanged"]):
    print("seed", seed, rounded(one, 3))
worst = min(one["accuracy"] for one in results["unchanged"])
assert worst > 1 / 7, "better than guessing"

# %% [markdown]
# Look at the column of accuracies: that is how much luck alone does. Now the comparison. The last words of its line are
# computed from the interval, by the same rule for every change.

# %%
from dacl_edu.evaluation.significance import seeds_difference


def compare(name, what, predicted=None):
    """Print the difference to the unchanged method; return its interval."""
    new, old = ([one[what] for one in results[n]] for n in (name, "unchanged"))
    low, middle, high, _ = seeds_difference(new, old)
    said = "rises" if low > 0 else "falls" if high < 0 else "three seeds cannot tell"
    print(f"{what}: {sum(old) / len(old):.3f} → {sum(new) / len(new):.3f}", end=", ")
    print(f"by {middle:+.3f} ({low:+.3f} to {high:+.3f}): {said}")
    if predicted:
        print("   you had predicted:", predicted)
    return low, middle, high


# %%
difference = compare("unchanged", "accuracy")
assert difference == (0, 0, 0), "a method does not differ from itself"

# %% [markdown]
# A batch to hold derivations against: five samples near their centers, three dimensions, in float64. `by_autograd` returns
# autograd's gradients of a loss with respect to $x$ and $a$.

# %%
torch.manual_seed(1)
y = torch.tensor([0, 1, 0, 2, 0])  # (m,); class 3 has no sample
c = torch.randn(4, 3, dtype=torch.float64)  # (K, d)
x = c[y] + 0.4 * torch.randn(5, 3, dtype=torch.float64)  # (m, d)
a = torch.rand(5, 3, dtype=torch.float64)  # (m, d)


def by_autograd(loss):
    leaves = x.clone().requires_grad_(), a.clone().requires_grad_()
    return torch.autograd.grad(loss(*leaves, y, c), leaves)


of_x, of_a = by_autograd(sparse_center_loss)
assert torch.allclose(of_a, (x - c[y]) ** 2 / 10), "Eq. 10, with m = 5"

# %% [markdown]
# ## (a) Count with attention in Eq. 11
#
# Eq. 11 weighs each sample by $a_i$ in the numerator and counts it as 1 in the denominator. A mean *weighted* by attention
# would divide by the sum of the weights, dimension by dimension:
#
# $$\Delta_{c_k} = \frac{\sum_{i: y_i = k} a_i \odot (c_k - x_i)}{\epsilon + \sum_{i: y_i = k} a_i}$$
#
# **Predict.** Attention is about ½. Will the *way of the centers* in a step rise, fall or stay? And the accuracy?

# %%
prediction_a = None  # "rises", "falls" or "stays"
assert prediction_a in (None, "rises", "falls", "stays")

# %% [markdown]
# **Derive.** If all weights are $w$, the share of the way to the class mean that a center goes is $\alpha w n / (\epsilon + n)$
# before and $\alpha w n / (\epsilon + w n)$ after. It is a rule and no gradient, so autograd has no say; a loop has.
#
# ### Exercise a: the rule
#
# *medium · 8 minutes*
#
# Write `move_by_attention(x, a, y, c, alpha, eps)`: the new centers, $(K, d)$, by the changed rule.
#
# <details><summary>Hint 1</summary>Start from your center_step of lesson 08. Only the counts change.</details>
# <details><summary>Hint 2</summary>The sum of the weights has the shape (K, d): one count for each dimension.</details>
# <details><summary>Hint 3</summary>index_add once more, with the rows a in place of a * (c[y] - x).</details>


# %%
def move_by_attention(x, a, y, c, alpha=0.5, eps=1.0):
    raise NotImplementedError()  # your lines here: the new centers, (K, d)


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_move(x, a, y, c, alpha=0.5, eps=1.0):
    total = torch.zeros_like(c).index_add(0, y, a * (c[y] - x))  # (K, d)
    weights = torch.zeros_like(c).index_add(0, y, a)  # (K, d)
    return c - alpha * total / (eps + weights)


move_by_attention = attempt(move_by_attention, answer_move)

# %%
by_loop = c.clone()
for k in y.unique():
    own = y == k
    by_loop[k] -= 0.5 * (a[own] * (c[k] - x[own])).sum(0) / (1 + a[own].sum(0))
check.value(move_by_attention(x, a, y, c), by_loop, "the new centers")
for w in (0.1, 0.5, 1.0):
    before, after = 0.5 * w * 9 / (1 + 9), 0.5 * w * 9 / (1 + w * 9)
    print(f"attention {w}: share of the way {before:.2f} by Eq. 11, {after:.2f} now")
judged(move_by_attention, "the rule is the loop's")

# %% [markdown]
# With 9 samples of a class in a batch of 64, Eq. 11 goes half as far when attention is ½ as when it is 1: attention is a
# brake. In the changed rule it hardly is. **Train and compare:**

# %%
run("a", move=move_by_attention)
way_a = compare("a", "way of the centers", prediction_a)
accuracy_a = compare("a", "accuracy")
assert way_a[1] != 0 and len(results["a"]) == 3

# %% [markdown]
# **What it means.** Centers that hurry follow the features more closely, and jump more with each batch (lesson 06). Whether
# that matters is what the accuracy says, or does not say.
#
# ## (b) Attention that cannot shrink
#
# Divide each sample's weights by their mean, so that they always have the mean 1:
# $\;\tilde a_{ij} = a_{ij} / \bar a_i$, with $\bar a_i = \frac1d \sum_k a_{ik}$, and $\tilde a$ in place of $a$ in Eq. 4.
#
# **Predict.** What happens to the *mean attention* (that of $a$, before dividing), compared with the unchanged loss? And to
# the *distance*?

# %%
prediction_b = None  # "rises", "falls" or "stays"
assert prediction_b in (None, "rises", "falls", "stays")

# %% [markdown]
# **Derive.** Now $a_{ij}$ stands in the numerator of its own term and in the denominator of all terms of its sample.
#
# ### Exercise b: the slope of normalised attention
#
# *hard · 15 minutes*
#
# Write `slope_b(x, a, y, c)`, the gradient of `normalised` with respect to $a$, $(m, d)$.
#
# <details><summary>Hint 1</summary>For one sample the loss is a quotient: (Σ a D²) / (Σ a) times a constant. The quotient rule.</details>
# <details><summary>Hint 2</summary>Write M for the mean of D² weighted by a, one number a sample. What is left is a difference.</details>
# <details><summary>Hint 3</summary>(D² − M) / (2 m ā).</details>


# %%
def normalised(x, a, y, c):
    return sparse_center_loss(x, a / a.mean(dim=1, keepdim=True), y, c)


def slope_b(x, a, y, c):
    raise NotImplementedError()  # your lines here


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_b(x, a, y, c):
    squares = (x - c[y]) ** 2  # (m, d)
    M = (a * squares).sum(dim=1) / a.sum(dim=1)  # (m,)
    return (squares - M[:, None]) / (2 * len(x) * a.mean(dim=1)[:, None])


slope_b = attempt(slope_b, answer_b)

# %%
slope = slope_b(x, a, y, c)
check.value(slope, by_autograd(normalised)[1], "the slope by a", tolerance=1e-9)
print("first sample:", rounded(slope[0]), " weighted by a:", rounded((a * slope)[0]))
row_sums = (a * slope).sum(dim=1)  # (m,)
assert row_sums.abs().max() < 1e-12, "weighted by a, each row adds up to 0"
judged(slope_b, "the slope is autograd's")

# %% [markdown]
# Read the slope: a weight falls where $D^2$ is above the sample's weighted mean and rises where it is below. And the row, weighted by $a$, adds up to 0: to make *all* weights of a
# sample smaller by the same factor changes nothing. So nothing pushes the mean attention down any more. Something else
# changed on the side: the weights now have the mean 1 and not ½, so all features are pulled about twice as hard.

# %%
run("b", metric=normalised)
attention_b = compare("b", "mean attention", prediction_b)
distance_b = compare("b", "distance")
spread_b = compare("b", "spread")
accuracy_b = compare("b", "accuracy")
assert len(results["b"]) == 3

# %% [markdown]
# **What it means.** Two changes in one: attention cannot shrink, and the pull is twice as strong. To know which of them did
# something you need a third method: the unchanged loss with $2\lambda$. (It is the control `normalized` of lesson 04, and
# part of the question of lesson 13.)
#
# ## (c) A reward against collapse
#
# Lesson 05, exercise 3, derived it: subtract $\frac{\beta}{m}\sum_{ij} a_{ij}$ from the loss. Here it is trained.
#
# **Predict.** Lesson 05 found a border: a free weight rises where $D^2 < 2\beta$. With $\beta = 0.05$, does the mean attention rise,
# fall or stay?

# %%
prediction_c = None  # "rises", "falls" or "stays"
beta = 0.05
assert prediction_c in (None, "rises", "falls", "stays")

# %% [markdown]
# ### Exercise c: the slope with a reward
#
# *easy · 4 minutes*
#
# Write `slope_c(x, a, y, c)`, the gradient of `rewarded` with respect to $a$, $(m, d)$.
#
# <details><summary>Hint 1</summary>A sum of two terms has the sum of two slopes.</details>
# <details><summary>Hint 2</summary>The first is Eq. 10. The second term is a straight line in each a.</details>
# <details><summary>Hint 3</summary>D²/2m − β/m: negative, so that a rises, where D² is below 2β.</details>


# %%
def rewarded(x, a, y, c):
    return sparse_center_loss(x, a, y, c) - beta * a.sum() / len(x)


def slope_c(x, a, y, c):
    raise NotImplementedError()  # your line here


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_c(x, a, y, c):
    return (x - c[y]) ** 2 / (2 * len(x)) - beta / len(x)


slope_c = attempt(slope_c, answer_c)

# %%
slope = slope_c(x, a, y, c)
check.value(slope, by_autograd(rewarded)[1], "the slope by a", tolerance=1e-9)
print(f"pushed up: {(slope < 0).sum()} of {slope.numel()}, those with D² < {2 * beta}")
assert torch.equal(slope < 0, (x - c[y]) ** 2 < 2 * beta)
judged(slope_c, "the slope is autograd's")

# %% [markdown]
# Which side of the border are the faces on? In the unchanged network, measured from the class means:

# %%
_, features, _ = mydacl.look(unchanged, seen)
means = torch.stack([features[truth == k].mean(dim=0) for k in range(K)])  # (K, d)
below = ((features - means[truth]) ** 2 < 2 * beta).float().mean()
print(f"{below:.0%} of all D² lie below 2β = {2 * beta}")

# %%
run("c", metric=rewarded)
attention_c = compare("c", "mean attention", prediction_c)
accuracy_c = compare("c", "accuracy")
assert len(results["c"]) == 3

# %% [markdown]
# **What it means.** Read the share above. Where nearly all $D^2$ lie below $2\beta$, nearly all weights are pushed up, those of near
# dimensions and of far ones. A reward that chooses between dimensions needs a $\beta$ near half the usual $D^2$, and $D^2$ changes
# during training. Assignment 4 asks for a term that does better.
#
# ## (d) The distance, not its square
#
# $$\mathcal{L}_{abs} = \frac1m \sum_{i=1}^m \sum_{j=1}^d a_{ij}\,|x_{ij} - c_{y_i j}|$$
#
# **Predict.** A tenth of the training labels is wrong. The square cares most about what is farthest; the absolute value pulls
# all alike. Does the mean *distance* rise, fall or stay?

# %%
prediction_d = None  # "rises", "falls" or "stays"
assert prediction_d in (None, "rises", "falls", "stays")

# %% [markdown]
# ### Exercise d: both slopes
#
# *medium · 8 minutes*
#
# Write `slopes_d(x, a, y, c)`: the gradients of `absolute` with respect to $x$ and to $a$.
#
# <details><summary>Hint 1</summary>The slope of |D| is 1 right of 0 and −1 left of it: torch.sign.</details>
# <details><summary>Hint 2</summary>There is no ½ in front, and no square that would bring a 2.</details>
# <details><summary>Hint 3</summary>a sign(D)/m and |D|/m.</details>


# %%
def absolute(x, a, y, c):
    return (a * (x - c[y]).abs()).sum() / len(x)


def slopes_d(x, a, y, c):
    raise NotImplementedError()  # your lines here; return dx, da


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_d(x, a, y, c):
    D = x - c[y]
    return a * D.sign() / len(x), D.abs() / len(x)


slopes_d = attempt(slopes_d, answer_d, returns=("dx", "da"))

# %%
for name, one, other in zip(("x", "a"), slopes_d(x, a, y, c), by_autograd(absolute)):
    check.value(one, other, f"the slope by {name}", tolerance=1e-9)
for far in (1.0, 0.1, 0.01):
    print(f"|D| = {far}: the square pulls with {far} a/m, the absolute value with a/m")
judged(slopes_d, "both slopes are autograd's")

# %% [markdown]
# The pull no longer fades near the center: at $|D| = 0.1$ it is ten times that of the square. So with the same λ you change
# the *shape* of the pull and its *strength*.

# %%
run("d", metric=absolute)
distance_d = compare("d", "distance", prediction_d)
spread_d = compare("d", "spread")
accuracy_d = compare("d", "accuracy")
assert len(results["d"]) == 3

# %% [markdown]
# **What it means.** A smaller distance alone is no gain: features that all shrink towards one point are near their centers
# too. That is why *spread* stands beside it: it compares with the distance between the classes. Read both,
# and then the accuracy.
#
# ## (e) Attention that gates the scores
#
# In DACL the scores do not see attention, so the softmax loss sends it no gradient (lesson 05). Let them see it: the
# classifier gets $a \odot x$. One line of `forward` changes.
#
# **Predict.** Does the mean attention rise, fall or stay? Think first of where its gradient now comes from.

# %%
prediction_e = None  # "rises", "falls" or "stays"
assert prediction_e in (None, "rises", "falls", "stays")


class Gated(mydacl.DACL):
    def forward(self, images):
        x_star = self.backbone(images)
        x, a = x_star.mean(dim=(2, 3)), self.attention(x_star)
        return self.classifier(a * x), x, a  # the line that changed


# %% [markdown]
# ### Exercise e: the softmax loss reaches attention
#
# *hard · 15 minutes*
#
# $z_i = W (a_i \odot x_i) + b$. Write `slope_e(x, a, y, W, p)`, the gradient of $\mathcal{L}_S$ with respect to $a$, $(m, d)$. $W$ has the
# shape $(K, d)$; $p$ is the softmax of the scores, $(m, K)$.
#
# <details><summary>Hint 1</summary>Lesson 01: the gradient with respect to the scores is (p − one-hot)/m, (m, K).</details>
# <details><summary>Hint 2</summary>From the scores to a ⊙ x it goes through W: (m, K) @ (K, d).</details>
# <details><summary>Hint 3</summary>From a ⊙ x to a: the slope is what stands beside a, that is x.</details>


# %%
def slope_e(x, a, y, W, p):
    raise NotImplementedError()  # your lines here


# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is not written.
def answer_e(x, a, y, W, p):
    to_scores = (p - torch.nn.functional.one_hot(y, len(W))) / len(x)  # (m, K)
    return to_scores @ W * x  # (m, d)


slope_e = attempt(slope_e, answer_e)

# %%
W = torch.randn(4, 3, dtype=torch.float64)  # (K, d)
leaf = a.clone().requires_grad_()
scores = (leaf * x) @ W.T  # (m, K)
(of_autograd,) = torch.autograd.grad(torch.nn.functional.cross_entropy(scores, y), leaf)
found = slope_e(x, a, y, W, scores.detach().softmax(dim=1))
check.value(found, of_autograd, "the slope of L_S by a", tolerance=1e-9)
print(f"{(found > 0).sum()} slopes push down, {(found < 0).sum()} push up")
judged(slope_e, "the slope is autograd's")

# %% [markdown]
# Eq. 10 is never negative. This slope has both signs: it raises a weight whose dimension speaks for the right class, and
# lowers one that speaks for a wrong one. For the first time attention is told what is *useful*. How loud is that beside $\lambda$ times Eq. 10?
# Ask both losses for their gradient with respect to the heads, in a new network:


# %%
def length_by_heads(network):
    """Length of the gradient by the heads: that of L_S, and that of λ L_SC."""
    torch.manual_seed(0)
    net, own = network(WIDTHS, SIDE), labels[:64]
    z, x, a = net(faces[:64])
    L_S = torch.nn.functional.cross_entropy(z, own)
    L_SC = sparse_center_loss(x, a, own, torch.zeros(K, WIDTHS[-1]))
    how = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
    losses = (L_S, LAM * L_SC)
    return [torch.autograd.grad(L, net.heads.weight, **how)[0].norm() for L in losses]


# %%
for name, network in (("DACL", mydacl.DACL), ("gated", Gated)):
    print(f"{name:<6} L_S, λ L_SC:", rounded(length_by_heads(network)))
assert length_by_heads(mydacl.DACL)[0] == 0 < length_by_heads(Gated)[0]

# %%
run("e", network=Gated)
attention_e = compare("e", "mean attention", prediction_e)
spread_e = compare("e", "spread")
accuracy_e = compare("e", "accuracy")
assert len(results["e"]) == 3

# %% [markdown]
# **What it means.** Attention now has two masters. Whatever it selects it selects for the scores as well, and a network that
# gates its features can also grow them to make up for the gate. It is another method, no longer DACL.
#
# ## All five together
#
# **What to see in the figure:** the difference in accuracy to the unchanged method, one row a change, with its 95 %
# interval over three seeds. A bar that touches the line at 0 cannot tell.

# %%
from dacl_edu.plots import interval_plot

intervals = {
    "(a) Σa in Eq. 11": accuracy_a,
    "(b) normalised": accuracy_b,
    "(c) reward": accuracy_c,
    "(d) absolute": accuracy_d,
    "(e) gated": accuracy_e,
}

# %%
title = "Change in accuracy on validation faces, three seeds"
figure = interval_plot(intervals, title, "difference in accuracy")
figure.add_vline(x=0, line_dash="dot", line_color="#333333")
show(figure)


# %%
def told(interval):
    low, _, high = interval
    return low > 0 or high < 0


own = [way_a, attention_b, attention_c, distance_d, attention_e]
print(f"told from luck: {sum(map(told, own))} of 5 changes of their own quantity,")
print(f"                {sum(map(told, intervals.values()))} of 5 changes of accuracy")
print(
    f"chance that one of five such intervals misses 0 by luck alone: {1 - 0.95**5:.0%}"
)
assert len(intervals) == 5

# %% [markdown]
# Keep the last line in mind (it takes the five for independent, which they are only roughly). Five comparisons, each with
# its own 5 % of being fooled. A change that stands out here deserves
# a second experiment with new seeds and a longer training, and only then a claim.

# %% [markdown]
# ## The same in the package
#
# Your program is for understanding. For real experiments (larger images, other data sets, logs, reports) hand your loss to the package: a class
# with one method. (d), with an attention network:

# %%
# %%writefile my_losses.py
from dacl_edu.losses import MetricLoss, register_loss


@register_loss("my_absolute")
class MyLoss(MetricLoss):
    """The weighted absolute distance to the center."""

    def formula(self, features, attention, labels, centers):
        return (attention * (features - centers[labels]).abs()).sum() / len(features)


# %% [markdown]
# Shapes and labels are checked for you; the gradient is autograd's. Is it the loss that you derived?

# %%
import my_losses

from dacl_edu.losses import build_loss

mine = build_loss("my_losses:MyLoss")  # by module and class
assert torch.equal(mine(x, a, y, c), absolute(x, a, y, c))
assert type(build_loss("my_absolute")) is type(mine), "by its registered name: the same"
for one, other in zip(by_autograd(mine), slopes_d(x, a, y, c)):
    assert torch.allclose(one, other)
print("the same number and the same slopes:", rounded(mine(x, a, y, c)))

# %% [markdown]
# (b) and (c) go the same way. (a) is no loss but a rule: a loss may add a push to Eq. 11 (`center_push`), not replace it. (e)
# is another network. For these two your own program is the right place.
#
# Now the line that you would type in a terminal, in the folder of this page. With `--preset smoke` it takes seconds and
# shows only that everything runs; leave that out, and it trains for minutes (preset `quick`). Here Python
# types it for you.

# %%
import os, shlex, shutil, subprocess, sys

shutil.rmtree("../runs/09", ignore_errors=True)  # a run wants a new folder
line = "dacl-edu train --preset smoke --method my_losses:MyLoss --out ../runs/09"
words = [sys.executable, "-m", "dacl_edu", *shlex.split(line)[1:]]
plain = {**os.environ, "FORCE_COLOR": ""}  # no colours: this is no terminal
done = subprocess.run(words, capture_output=True, text=True, env=plain)
print(line, done.stdout, sep="\n")
assert done.returncode == 0, done.stderr

# %% [markdown]
# ## What was shown
#
# - A change to a method is a sentence about a gradient before it is code. Each of the five was derived and held against autograd.
# - *Σa in Eq. 11* takes the brake from the centers; *normalised* attention cannot shrink; a *reward* lifts weights below a border; the
#   *absolute* value pulls without fading; a *gate* lets the softmax loss speak to attention.
# - What a change does to its own quantity is one question, what it does to accuracy another. The two counts above say how often three
#   seeds could answer each.
# - Your loss trains in the package by its name.

# %% [markdown]
# ## The three suspects
#
# *Selection:* (e) is the only change in which something tells attention what is useful; in DACL nothing does. *A smaller λ:* (b)
# takes away the possibility to shrink, and that is the same as a stronger pull; so the size of attention is a λ in disguise.
# *Luck:* look at the accuracies of one and the same method, and at the bars in the figure. Lesson 10 has the verdict.

# %% [markdown]
# ### Go on
#
# **Try next:** the third method of (b), the unchanged loss with $2\lambda$: `run` with another `LAM`. A reward of your own in (c). Then
# `dacl-edu train --seeds 0-2 --method dacl --method my_losses:MyLoss`, and read its report with
# [10_results](10_results.ipynb) in hand. The assignments (`assignments/release`)
# go on from here.
#
# **Three questions**
#
# <details><summary>Question 1. Change (b) lowers the distance. A friend concludes: "normalised attention makes better
# features". What is missing?</summary>
# A method with the same strength of pull: twice the λ without normalising. And spread or accuracy: a smaller distance can mean that all
# features shrank.
# </details>
#
# <details><summary>Question 2. Why compare seed by seed, and not the mean of three runs with the mean of three others?</summary>
# Runs of one seed share first weights and batches, so part of their luck is the same and leaves the difference. If it is a
# large part, the interval is narrower.
# </details>
#
# <details><summary>Question 3. Why is the last line of each comparison computed, and not written?</summary>
# On another machine the numbers differ (lesson 07). A written verdict would be wrong there, and would tempt us to keep it
# after a change of the code.
# </details>
