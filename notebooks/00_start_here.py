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
# ---

# %% [markdown]
# # Start here
#
# **After this notebook you can** say what the paper wants, name the parts of its network, find the function, the lesson and the test of each
# equation, and compute its loss on five hand-typed numbers.
#
# **Minutes:** 20. **Builds on:** nothing but a little Python and what a derivative is.
#
# **The paper:** Farzaneh & Qi, *Facial Expression Recognition in the Wild via Deep Attentive Center Loss*, WACV 2021. Keep it open beside
# this page. All of it serves one number, Eq. 8: the softmax loss $\mathcal{L}_S$ plus a little, $\lambda = 0.01$, of the sparse center loss
# $\mathcal{L}_{SC}$. What these are, you will see at the end of this page.
#
# $$\mathcal{L} = \mathcal{L}_S + \lambda\,\mathcal{L}_{SC} \tag{Eq. 8}$$

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
from dacl_edu.lessons.display import show
from dacl_edu.widgets.explainer import explainer

one_face = explainer()
assert len(one_face.data) > 1_000_000, "84 faces, and what the networks make of them"
show(one_face, alt="One face followed through the paper: its feature map, deep feature, "
     "prediction, attention, distance to the center, and the loss. The tour takes five minutes.")

# %%
import torch

from dacl_edu.check.exercise import attempt, judged
from dacl_edu.lessons.display import rounded, setup, show

setup(seed=0)  # fixes the random numbers

# %% [markdown]
# ## Is everything in place?
#
# Each line below should begin with `[OK]`. If one does not, it names the command that mends it.

# %%
from dacl_edu.doctor import run_checks

checks = run_checks()
for item in checks:
    what = item.what.split(":")[0]
    print(f"[OK] {what}" if item.ok else f"[FAIL] {item.what}: {item.hint}")
assert all(item.ok for item in checks), "mend the lines above, then run this cell again"

# %% [markdown]
# ## The task: seven expressions
#
# A network sees a face and names one of seven expressions. The faces of the data set `bundled` come with this project: they were made by a
# program, no person sat for them, and they need no licence. How each face was made is known: its pose, its light, how strong its expression
# is. We call these numbers its **factors**.

# %%
from dacl_edu.data import EXPRESSIONS, load_dataset

faces = load_dataset("bundled", split="val")
print(faces.name, "| size of an image:", tuple(faces.images.shape[1:]))  # channels, rows, columns
print(", ".join(EXPRESSIONS))
assert faces.images.dim() == 4, "(N, channels, rows, columns)"
assert faces.images.dtype == torch.uint8, "0 to 255"
assert (faces.class_counts() >= 7).all(), "each expression has faces to show"

# %% [markdown]
# The figure shows five faces of each expression, one expression a row. Look along a row: the expression is the same, and nearly everything
# else differs. Look down a column: the expression differs. Which difference is larger to the eye?

# %%
from dacl_edu.plots import face_sheet

of_class = [(faces.labels == k).nonzero()[:5, 0] for k in range(len(EXPRESSIONS))]  # 7 x (5,)
first_five = torch.cat(of_class)  # (35,)
figure = face_sheet(faces.images[first_five], columns=5, row_names=EXPRESSIONS, side=88,
                    title="Five faces of each expression")
show(figure,
     alt="A sheet of faces, seven rows of five. Within a row the expression is the same, "
         "while head, skin, hair, light and pose differ.")
assert faces.labels[first_five].view(7, 5).unique(dim=1).flatten().tolist() == list(range(7))

# %% [markdown]
# These labels are right: they are what was rendered. In the *training* part one label in ten is wrong on purpose, taken from an expression that
# people confuse with the true one. Labels of photographs are no better.

# %%
factors = {split: load_dataset("bundled", split=split).factors for split in ("train", "val", "test")}
for split, table in factors.items():
    wrong = (table["label_observed"] != table["label_true"]).mean()
    print(f"{split:<6}{len(table):>6} faces, {wrong:.1%} of the labels wrong")
    assert abs(wrong - 0.1) < 0.01 if split == "train" else wrong == 0

# %% [markdown]
# Back to the figure: which difference is larger? The answer can be computed. Take the mean squared difference of two faces, pixel by pixel: how far apart are two faces of *one* expression,
# and of *two*?

# %%
pixels = faces.images[:200].flatten(1).float() / 255  # (200, 3*64*64), from 0 to 1
distance = torch.cdist(pixels, pixels) ** 2 / pixels.shape[1]  # (200, 200)
same = faces.labels[:200, None] == faces.labels[None, :200]  # (200, 200)
other_face = ~torch.eye(200, dtype=torch.bool)
within, between = distance[same & other_face].mean(), distance[~same].mean()
print("one expression:", rounded(within, 3), " two expressions:", rounded(between, 3))
assert within > 0.8 * between, "one expression is nearly as far apart as any two"

# %% [markdown]
# Nearly the same. In pixels the classes are not separated at all: "intra-class variation and inter-class similarity", as the paper says. A
# network must find a space where they are.
#
# ### Look around
#
# Choose an expression and a factor. The faces of that expression are sorted by it, from the lowest on the left to the highest on the right.
# Which factors change the face more than the expression does? (You need not read the code of the next cells; move the boxes below them.)

# %%
FACTORS = {"strength of it": "intensity", "turn of the head": "yaw", "nod": "pitch", "age": "age",
           "side of the light": "key_azimuth", "brightness": "exposure", "skin tone": "skin_tone",
           "width of the mouth": "mouth_width", "hair": "hair_volume", "blur": "blur"}
# left: what the box says; right: a column of the table faces.factors


def sorted_faces(expression, factor, how_many=7):
    """Rows of faces of an expression, evenly spaced from a factor's lowest to its highest value."""
    rows = (faces.labels == EXPRESSIONS.index(expression)).nonzero()[:, 0].tolist()
    rows.sort(key=lambda row: faces.factors[FACTORS[factor]].iloc[row])
    return [rows[round(k * (len(rows) - 1) / (how_many - 1))] for k in range(how_many)]


chosen = sorted_faces("happiness", "turn of the head")
assert faces.factors["yaw"].iloc[chosen].is_monotonic_increasing and len(chosen) == 7

# %%
import ipywidgets as widgets
import plotly.graph_objects as go

expression_box = widgets.Dropdown(options=EXPRESSIONS, value="happiness", description="expression")
factor_box = widgets.Dropdown(options=list(FACTORS), value="turn of the head", description="factor")
layout = {"width": 760, "height": 170, "margin": {"l": 5, "r": 5, "t": 40, "b": 5},
          "xaxis_visible": False, "yaxis_visible": False}
strip = go.FigureWidget(go.Image(hoverinfo="skip"), layout=layout)


# %%
def redraw(change=None):
    rows = sorted_faces(expression_box.value, factor_box.value)
    sheet = face_sheet(faces.images[rows], columns=7)
    strip.data[0].source = sheet.layout.images[0].source
    strip.layout.title.text = f"{expression_box.value}, sorted by: {factor_box.value}"


expression_box.observe(redraw, names="value")
factor_box.observe(redraw, names="value")
redraw()
show(widgets.VBox([expression_box, factor_box, strip]),
     alt="Seven faces of one expression in a row, sorted by a factor; two boxes choose the expression "
         "and the factor.")

# %% [markdown]
# Each lesson tests its widgets. Here: another expression shows other faces.

# %%
before = strip.data[0].source
expression_box.value = "anger"
assert strip.data[0].source != before, "another expression, other faces"
expression_box.value = "happiness"

# %% [markdown]
# ## The network
#
# The paper's Fig. 1 in characters. The upper branch is what every classifier has: a convolutional network (CNN) turns the image into a
# **feature map**, the map is averaged into a vector of **features** $x$, and the classifier turns that into one **score** for each class. The
# lower branch is what the paper adds: an **attention** network, which looks at the same map and says how much each feature counts in the loss.
# It steers the loss, and nothing else: the scores never pass through it, so at prediction time the lower branch is thrown away.
#
# ```text
# image X
#   └─ CNN ─► feature map x*
#               ├─ pooling ──────────► features x ─► classifier ─► scores z ─► L_S
#               │                          └──────┐
#               └─ attention network ► weights a ─┴► distance to center c ─► L_SC
#
#                                                         L = L_S + λ L_SC
# ```

# %%
from dacl_edu.model import DACL

model = DACL("small_resnet", image_size=56).eval()
output = model(torch.zeros(4, 3, 56, 56))  # m = 4 black images: only the shapes matter here
print("x* feature map", tuple(output.feature_map.shape))  # (m, N_C, N_H, N_W)
print("x  features   ", tuple(output.features.shape))  # (m, d)
print("a  attention  ", tuple(output.attention.shape))  # (m, d)
print("z  scores     ", tuple(output.logits.shape))  # (m, K)
assert output.attention.shape == output.features.shape, "one weight for each dimension"

# %% [markdown]
# The letters in brackets are the same in all lessons: a batch has $m$ images, a feature vector $d$ numbers, the task $K$ classes, and the
# feature map $N_C$ channels of $N_H$ rows and $N_W$ columns.
#
# ## The map
#
# Each equation of the paper is one function, one lesson and one test. The links lead there. A star marks a misprint of the paper:
# [docs/errata.md](../docs/errata.md) says what is meant and how we know.

# %%
from IPython.display import Markdown, display

from dacl_edu.lessons.ledger import ledger_table, load_ledger

display(Markdown(ledger_table()))
equations = [entry for entry in load_ledger() if entry.id.startswith("eq")]
assert len(equations) == 11

# %% [markdown]
# Algorithm 1 of the paper, line by line. All of it is one visible loop, `dacl_edu.training.loop.train`, whose comments carry the numbers.

# %%
display(Markdown(ledger_table(equations=False)))
lines = [entry for entry in load_ledger() if entry.id.startswith("alg")]
assert len(lines) == 17 and {entry.function for entry in lines} == {"dacl_edu.training.loop.train"}

# %% [markdown]
# The lessons, in order. Lessons 01 to 06 need no faces and run in less than a minute each. Lesson 07 trains the real network, which takes
# minutes. Lessons 10 to 12 look at trained networks; you need not train one first.
#
# | lesson | teaches | from the paper |
# |---|---|---|
# | [01](01_softmax_loss.ipynb) | scores, softmax, cross-entropy | Eq. 1, 2 |
# | [02](02_center_loss.ipynb) | pulling features to centers | Eq. 3 |
# | [03](03_sparse_center_loss.ipynb) | weighting the dimensions | Eq. 4 |
# | [04](04_attention_network.ipynb) | where the weights come from | Eq. 5-7, Fig. 2 |
# | [05](05_gradients.ipynb) | the gradients, in five ways | Eq. 8-10 |
# | [06](06_center_update.ipynb) | how centers move | Eq. 11 |
# | [07](07_training.ipynb) | training, line by line | Algorithm 1 |
# | [10](10_results.ipynb) | results, and how much of them is luck | Tables 1-2, Fig. 3-4 |
# | [11](11_embedding.ipynb) | pictures of deep features, and what may be read from them | – |
# | [12](12_attention.ipynb) | what attention looks like, what it follows, whether it helps | Fig. 5 |

# %% [markdown]
# ## The idea in five numbers
#
# The softmax loss asks that the scores be right (lesson 01). It does not ask that the faces of a class lie close together. For that each class
# $k$ gets a **center** $c_k$, a point among the features. **Center loss** (Eq. 3) pulls the features $x_i$ of face $i$ to the center of its
# class $y_i$:
#
# $$\mathcal{L}_C = \frac{1}{2m}\sum_{i=1}^{m}\sum_{j=1}^{d}(x_{ij}-c_{y_i j})^2 \tag{Eq. 3}$$
#
# **Sparse center loss** (Eq. 4) weighs each dimension $j$ with an attention $a_{ij}$, so that a dimension that does not matter is left alone:
#
# $$\mathcal{L}_{SC} = \frac{1}{2m}\sum_{i=1}^{m}\sum_{j=1}^{d}a_{ij}\,(x_{ij}-c_{y_i j})^2 \tag{Eq. 4}$$
#
# Here is one face ($m = 1$) with five dimensions ($d = 5$), small enough to do on paper.

# %%
x = torch.tensor([[1.0, 2.0, 0.0, 3.0, 1.0]])  # one face: (m, d) = (1, 5)
c = torch.tensor([[0.0, 2.0, 1.0, 1.0, 1.0]])  # the center of its class: (K, d) = (1, 5)
a = torch.tensor([[1.0, 1.0, 0.5, 0.25, 1.0]])  # attention: the fourth dimension hardly counts
y = torch.tensor([0])  # its class: (m,)

# %% [markdown]
# First Eq. 4 as a loop, as the formula is written:

# %%
total = 0.0
for j in range(5):
    total += a[0, j].item() * (x[0, j].item() - c[0, j].item()) ** 2
by_hand = total / (2 * 1)  # m = 1
print(by_hand)

# %% [markdown]
# Then one line, then the function of the package. All three agree:

# %%
from dacl_edu.losses import center_loss, sparse_center_loss

one_line = (a * (x - c[y]) ** 2).sum() / (2 * len(x))
package = sparse_center_loss(x, a, y, c)
assert package.shape == one_line.shape == ()
assert by_hand == one_line.item() == package.item()
print("sparse center loss", package.item(), " center loss", center_loss(x, y, c).item())

# %% [markdown]
# ### Exercise: who pays less?
#
# Attention made the loss smaller, from 3 to 1.25. Where did the 1.75 come from? Write five numbers, one a dimension: how much less does each
# pay in Eq. 4 than in Eq. 3? Take a pencil. As long as your answer is `None`, the page goes on with the one in the folded
# cell, and the check says so.
#
# <details><summary>Hint 1</summary>Only dimensions with <i>x</i> ≠ <i>c</i> pay anything, and those with <i>a</i> = 1 pay the same in both.</details>
# <details><summary>Hint 2</summary>The squared differences are 1, 0, 1, 4, 0. A dimension pays half of that in Eq. 3, and <i>a</i> times as much in
# Eq. 4.</details>
# <details><summary>Hint 3</summary>So each pays (1 − <i>a</i>) · (<i>x</i> − <i>c</i>)² / 2 less. Your five numbers must add up to 1.75.</details>

# %%
my_savings = None  # five numbers: [..., ..., ..., ..., ...]

# %% jupyter={"source_hidden": true}
# The answer. It is used as long as yours is None.
my_savings = attempt(my_savings, [0.0, 0.0, 0.25, 1.5, 0.0], name="my_savings")

# %%
from dacl_edu import check

answer = torch.as_tensor(my_savings, dtype=torch.float32)
savings = ((1 - a) * (x - c[y]) ** 2 / 2)[0]  # (5,)
check.shape(answer, (5,), "your answer")
check.value(answer, savings, "your answer")
assert torch.allclose(savings.sum(), center_loss(x, y, c) - package)
share = savings[3] / savings.sum()
judged(my_savings, f"right. Dimension 3 alone accounts for {share:.0%} of the difference")

# %% [markdown]
# Now change `a` above to ones and run the cells again: the two losses become the same number.
#
# ## The gradients are right
#
# A network learns by the **gradient**: how much the loss changes when a number changes. The package has its own formulas for the gradients of
# Eq. 4, the paper's Eq. 9 and 10. Anyone can claim that they are right; here they are compared with moving each number a little and looking
# what happens to the loss ("finite differences"). In the table, `autograd` is PyTorch when it asks the package for its formulas. Shapes are
# compared first, since PyTorch stretches small tensors to fit large ones, and a wrong shape can hide behind that.

# %%
from dacl_edu.check.gradients import compare_gradients, gradient_table

inputs = {"features": x, "attention": a, "labels": y, "centers": c}
rows = compare_gradients(sparse_center_loss, inputs)
print(gradient_table(rows))
assert all(row.ok for row in rows)

# %% [markdown]
# ## What was shown, and what is next
#
# - The task has seven classes, and in pixels two faces of one class are as far apart as any two.
# - Each equation has a function, a lesson and a test; the map says where.
# - Sparse center loss is center loss with a weight for each dimension; with all weights 1 it is the same.
# - Its hand-written gradients agree with finite differences.
#
# **Try next:** [01_softmax_loss](01_softmax_loss.ipynb). Or, in a terminal: `dacl-edu train --preset smoke --method dacl` trains for a few
# seconds. `dacl-edu demo` (the same as `make run`) executes lessons 07 and 10 in minutes: it trains softmax loss, center loss and DACL on the
# bundled faces, compares them, and leaves the executed notebooks and a table of results in `runs/demo`.
#
# **Three questions**
#
# <details><summary>Question 1. What would happen to the loss if attention were 0 everywhere?</summary>
# The sparse center loss would vanish, and features would no longer be pulled anywhere. Eq. 10 asks each weight for that; lesson 05 shows
# why the network does not do it, lesson 12 watches a whole training.
# </details>
#
# <details><summary>Question 2. Which numbers does training change by gradient, and which by a rule?</summary>
# The network's weights by gradient; the centers by a rule, Eq. 11.
# </details>
#
# <details><summary>Question 3. Why is there a 1/2 in Eq. 3?</summary>
# So that the derivative of the square has no 2 in front.
# </details>
