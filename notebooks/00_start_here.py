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
# this page. All of it serves one number, Eq. 8: the softmax loss plus a little of the sparse center loss.
#
# $$\mathcal{L} = \mathcal{L}_S + \lambda\,\mathcal{L}_{SC}$$

# %% tags=["setup"]
# On Colab or Kaggle this fetches the project. Elsewhere, and on a second run, it does nothing.
import importlib.util, os, subprocess, sys

if importlib.util.find_spec("dacl_edu") is None:
    repository = os.environ.get("DACL_EDU_REPOSITORY", "")  # where you found this notebook
    assert repository, "write the address of the project's repository between the quotes above"
    subprocess.run(["git", "clone", "--depth", "1", repository, "dacl-edu"], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "./dacl-edu[notebooks]"], check=True)
    os.chdir("dacl-edu/notebooks")
    sys.path.insert(0, os.path.dirname(os.getcwd()))

# %%
import torch

from dacl_edu.notebook import rounded, setup, show

setup(seed=0)

# %% [markdown]
# ## Is everything in place?
#
# Each line below should begin with `[OK]`. If one does not, it names the command that mends it.

# %%
from dacl_edu.doctor import run_checks

checks = run_checks()
for item in checks:
    what = item.what.split(":")[0].split(" ")[0]
    print("[OK]" if item.ok else "[FAIL]", what, "" if item.ok else item.mend)
assert all(item.ok for item in checks), "mend the lines above, then run this cell again"

# %% [markdown]
# ## The task: seven expressions
#
# A network sees a face and names one of seven expressions. The faces of the data set `bundled` come with this project: they were made by a
# program, no person sat for them, and they need no licence. For each face it is known how it was made.

# %%
from dacl_edu.data import EXPRESSIONS, load_dataset

faces = load_dataset("bundled", split="val")
print(faces.name, "| size of an image:", tuple(faces.images.shape[1:]))
print(", ".join(EXPRESSIONS))
assert (
    faces.images.dim() == 4 and faces.images.dtype == torch.uint8
)  # (N, channel, row, column), 0 to 255
assert (faces.class_counts() >= 7).all(), "each expression has faces to show"

# %% [markdown]
# The figure shows five faces of each expression, one expression a row. Look along a row: the expression is the same, and nearly everything
# else differs. Look down a column: the expression differs. Which difference is larger to the eye?

# %%
from dacl_edu.plots import face_sheet

of_class = [(faces.labels == k).nonzero()[:5, 0] for k in range(len(EXPRESSIONS))]  # 7 x (5,)
first_five = torch.cat(of_class)  # (35,)
figure = face_sheet(
    faces.images[first_five],
    columns=5,
    row_names=EXPRESSIONS,
    title="Five faces of each expression",
    side=88,
)
show(
    figure,
    alt="A sheet of faces, seven rows of five. Within a row the expression is the same, "
    "while head, skin, hair, light and pose differ.",
)
assert faces.labels[first_five].view(7, 5).unique(dim=1).flatten().tolist() == list(range(7))

# %% [markdown]
# The answer can be computed. Take the mean squared difference of two faces, pixel by pixel: how far apart are two faces of *one* expression,
# and of *two*?

# %%
pixels = faces.images[:200].flatten(1).float() / 255  # (200, 3*H*W)
distance = torch.cdist(pixels, pixels) ** 2 / pixels.shape[1]  # (200, 200)
same = faces.labels[:200, None] == faces.labels[None, :200]  # (200, 200)
other_face = ~torch.eye(200, dtype=torch.bool)
within, between = distance[same & other_face].mean(), distance[~same].mean()
print("same expression:", rounded(within, 3), " another expression:", rounded(between, 3))
assert within > 0.8 * between, "one expression is nearly as far apart as any two"

# %% [markdown]
# Nearly the same. In pixels the classes are not separated at all: "intra-class variation and inter-class similarity", as the paper says. A
# network must find a space where they are.
#
# ### Look around
#
# Choose an expression and a factor. The faces of that expression are sorted by it, from the lowest on the left to the highest on the right.
# Which factors change the face more than the expression does?

# %%
numbers = faces.factors.select_dtypes("number")
factor_names = [name for name in numbers.columns if numbers[name].nunique() > 20]


def sorted_faces(expression, factor, how_many=7):
    """Rows of faces of an expression, evenly spaced from a factor's lowest to its highest value."""
    rows = (faces.labels == EXPRESSIONS.index(expression)).nonzero()[:, 0].tolist()
    rows.sort(key=lambda row: numbers[factor].iloc[row])
    return [rows[round(k * (len(rows) - 1) / (how_many - 1))] for k in range(how_many)]


chosen = sorted_faces("happiness", factor_names[0])
assert numbers[factor_names[0]].iloc[chosen].is_monotonic_increasing and len(chosen) == 7

# %%
import ipywidgets as widgets
import plotly.graph_objects as go

expression_box = widgets.Dropdown(options=EXPRESSIONS, description="expression", value="happiness")
factor_box = widgets.Dropdown(options=factor_names, description="factor")
strip = go.FigureWidget(go.Image(hoverinfo="skip"))
strip.update_xaxes(visible=False)
strip.update_yaxes(visible=False)
strip.update_layout(width=760, height=170, margin={"l": 5, "r": 5, "t": 40, "b": 5})


# %%
def redraw(change=None):
    rows = sorted_faces(expression_box.value, factor_box.value)
    sheet = face_sheet(faces.images[rows], columns=7)
    low, high = numbers[factor_box.value].iloc[[rows[0], rows[-1]]]
    strip.data[0].source = sheet.layout.images[0].source
    title = f"{expression_box.value}, sorted by {factor_box.value}: {low:.2f} to {high:.2f}"
    strip.layout.title.text = title


expression_box.observe(redraw, names="value")
factor_box.observe(redraw, names="value")
redraw()
show(
    widgets.VBox([expression_box, factor_box, strip]),
    alt="Seven faces of one expression in a row, "
    "sorted by a factor; two boxes choose the expression and the factor.",
)

# %%
before = strip.data[0].source
expression_box.value = "anger"
assert strip.data[0].source != before, "another expression, other faces"
expression_box.value = "happiness"

# %% [markdown]
# ## The network
#
# The paper's Fig. 1 in characters. Above, what every classifier has; below, what the paper adds. Attention steers the loss, and nothing
# else: the scores never pass through it, so at prediction time the lower half is thrown away.
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
output = model(torch.zeros(4, 3, 56, 56))  # m = 4 grey images
print("x* feature map", tuple(output.feature_map.shape))  # (m, N_C, N_H, N_W)
print("x  features   ", tuple(output.features.shape))  # (m, d)
print("a  attention  ", tuple(output.attention.shape))  # (m, d)
print("z  scores     ", tuple(output.logits.shape))  # (m, K)
assert output.attention.shape == output.features.shape, "one weight for each dimension"

# %% [markdown]
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
# The lessons, in order. The first six need no training and run in seconds.
#
# | lesson | teaches | from the paper |
# |---|---|---|
# | [01](01_softmax_loss.ipynb) | scores, softmax, cross-entropy | Eq. 1, 2 |
# | [02](02_center_loss.ipynb) | pulling features to centers | Eq. 3 |
# | [03](03_sparse_center_loss.ipynb) | weighting the dimensions | Eq. 4 |
# | [04](04_attention_network.ipynb) | where the weights come from | Eq. 5-7, Fig. 2 |
# | [05](05_gradients.ipynb) | the gradients, in four ways | Eq. 8-10 |
# | [06](06_center_update.ipynb) | how centers move | Eq. 11 |
# | [07](07_training.ipynb) | training, line by line | Algorithm 1 |
# | [08](08_results.ipynb) | results, and how much of them is luck | Tables 1-2, Fig. 3-4 |
# | 09_embedding | looking at deep features | – |
# | 10_attention | what attention follows | Fig. 5 |

# %% [markdown]
# ## The idea in five numbers
#
# The network turns a face into a vector $x$. **Center loss** (Eq. 3) pulls $x$ to the center $c$ of its class:
#
# $$L_C = \frac{1}{2m}\sum_{i=1}^{m}\sum_{j=1}^{d}(x_{ij}-c_{y_i j})^2$$
#
# **Sparse center loss** (Eq. 4) weighs each dimension with an attention $a_{ij}$, so that a dimension that does not matter is left alone. Here
# is one face ($m = 1$) with five dimensions ($d = 5$), small enough to do on paper.

# %%
x = torch.tensor([[1.0, 2.0, 0.0, 3.0, 1.0]])  # one face: (m, d) = (1, 5)
c = torch.tensor([[0.0, 2.0, 1.0, 1.0, 1.0]])  # the center of its class: (K, d) = (1, 5)
a = torch.tensor([[1.0, 1.0, 0.5, 0.25, 1.0]])  # attention: the fourth dimension hardly counts
y = torch.tensor([0])  # its class: (m,)

# %% [markdown]
# First a loop, as the formula is written:

# %%
total = 0.0
for j in range(5):
    total += a[0, j].item() * (x[0, j].item() - c[0, j].item()) ** 2
by_hand = total / (2 * 1)
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
# ### Question
#
# Where does the difference of the two losses come from? Name the dimension (0 to 4) that accounts for most of it, and check it below. As long
# as your answer is `None`, the page goes on with the answer in the folded cell.
#
# <details><summary>Hint 1</summary>Only dimensions with <i>x</i> ≠ <i>c</i> cost anything. Which are they?</details>
# <details><summary>Hint 2</summary>The squared differences are 1, 0, 1, 4, 0.</details>
# <details><summary>Hint 3</summary>Center loss adds them up and halves: 3. Attention takes a half of the third and a quarter of the fourth.</details>

# %%
my_dimension = None  # 0, 1, 2, 3 or 4

# %% jupyter={"source_hidden": true}
# The answer: 3. Attention leaves 1 of its 4: 3 of the 3.5 that are missing before halving.
if my_dimension is None:
    my_dimension = 3

# %%
from dacl_edu.course import check

missing = (1 - a) * (x - c[y]) ** 2 / 2  # (1, 5): what attention takes away from each dimension
check.value(missing[0, my_dimension], missing.max(), "what attention takes from your dimension")
assert torch.allclose(missing.sum(), center_loss(x, y, c) - package)
share = missing[0, my_dimension] / missing.sum()
print(f"right: dimension {my_dimension} accounts for {share:.0%} of it")

# %% [markdown]
# Now change `a` above to ones and run the cells again: the two losses become the same number.
#
# ## The gradients are right
#
# The package computes the slopes of Eq. 4 by hand (Eq. 9 and 10). Anyone can claim that; here it is compared with moving each number a little
# and looking what happens. Shapes are compared first, since wrong shapes can hide behind broadcasting.

# %%
from dacl_edu.gradients import compare_gradients, gradient_table

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
# seconds, `dacl-edu demo` trains softmax loss, center loss and DACL in minutes and compares them.
#
# ### Three questions
#
# <details><summary>Question 1. What would happen to the loss if attention were 0 everywhere?</summary>
# The sparse center loss would vanish, and features would no longer be pulled anywhere. Eq. 10 pushes that way; watch the attention's mean
# while training.
# </details>
#
# <details><summary>Question 2. Which numbers does training change by gradient, and which by a rule?</summary>
# The network's weights by gradient; the centers by Eq. 11.
# </details>
#
# <details><summary>Question 3. Why is there a 1/2 in Eq. 3?</summary>
# So that the derivative of the square has no 2 in front.
# </details>
