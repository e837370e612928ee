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
# ---

# %% [markdown]
# # Start here
#
# **After this notebook you can** say what the paper wants, name the parts of its network, load the embedded faces, and compute
# its loss on five hand-typed numbers.
#
# **Minutes:** 15. **Builds on:** nothing but a little Python and what a derivative is.
#
# **The paper:** Farzaneh & Qi, *Facial Expression Recognition in the Wild via Deep Attentive Center Loss*, WACV 2021. Keep
# it open beside this page. Every equation of it is one function here:
#
# | equation | what it is | function |
# |---|---|---|
# | Eq. 2 | softmax loss | `dacl_edu.losses.softmax_loss` |
# | Eq. 3 | center loss | `dacl_edu.losses.center_loss` |
# | Eq. 4 | sparse center loss | `dacl_edu.losses.sparse_center_loss` |
# | Eq. 5 | context encoder | `dacl_edu.attention.ContextEncoder` |
# | Eq. 6, 7 | inclusion and exclusion heads | `dacl_edu.attention.InclusionHeads` |
# | Eq. 8 | the whole loss | `dacl_edu.losses.Objective` |
# | Eq. 9, 10 | its gradients, by hand | `dacl_edu.losses.functional.SparseCenterLossFunction` |
# | Eq. 11 | the center update | `dacl_edu.centers.center_delta` |
# | Algorithm 1 | training | `dacl_edu.training.loop.train` |

# %% [markdown]
# ## Is everything in place?
#
# Each line below should begin with `[OK]`. If one does not, it names the command that mends it.

# %%
from dacl_edu.doctor import run_checks

checks = run_checks()
for check in checks:
    what = check.what.split(":")[0].split(" ")[0]
    print("[OK]" if check.ok else "[FAIL]", what, "" if check.ok else check.mend)
assert all(check.ok for check in checks), "mend the lines above, then run this cell again"

# %% [markdown]
# ## The task: seven expressions
#
# A network sees a face and names one of seven expressions. The embedded faces are *drawn* by this project: no person
# sat for them, and they need no licence.

# %%
from dacl_edu.data import EXPRESSIONS, load_dataset

faces = load_dataset("bundled", split="val")
counts = dict(zip(EXPRESSIONS, faces.class_counts().tolist(), strict=True))
print(counts)
assert faces.images.shape == (len(faces), 3, 64, 64)  # (N, channel, row, column), 0 to 255
assert len(set(counts.values())) == 1, "the validation part has as many of each"

# %% [markdown]
# The figure shows five faces of each expression, one expression a row. Look along a row: the expression is the same, and
# nearly everything else differs. That is what makes the task hard.

# %%
import numpy as np
import plotly.express as px

rows = [faces.images[faces.labels == k][:5] for k in range(len(EXPRESSIONS))]  # 7 x (5, 3, 64, 64)
sheet = np.concatenate([np.concatenate(list(row.numpy()), axis=2) for row in rows], axis=1)  # (3, 448, 320)
assert sheet.shape == (3, 7 * 64, 5 * 64)

figure = px.imshow(sheet.transpose(1, 2, 0), title="Five drawn faces of each expression", binary_format="jpg")
figure.update_yaxes(tickvals=[32 + 64 * k for k in range(7)], ticktext=list(EXPRESSIONS))
figure.update_xaxes(visible=False)
figure.update_layout(width=520, height=640, margin={"l": 90, "r": 10, "t": 50, "b": 10})
figure.show()

# %% [markdown]
# ## The idea in five numbers
#
# The network turns a face into a vector $x$. **Center loss** (Eq. 3) pulls $x$ to the center $c$ of its class:
#
# $$L_C = \frac{1}{2m}\sum_{i=1}^{m}\sum_{j=1}^{d}(x_{ij}-c_{y_i j})^2$$
#
# **Sparse center loss** (Eq. 4) weighs each dimension with an attention $a_{ij}$, so that a dimension that does not matter is left
# alone. Here is one face ($m = 1$) with five dimensions ($d = 5$), small enough to do on paper.

# %%
import torch

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
assert by_hand == one_line.item() == package.item() == 1.25
print("sparse center loss", package.item(), " center loss", center_loss(x, y, c).item())

# %% [markdown]
# **Question.** Where does the difference of the two losses come from? Work it out before you open the answer.
#
# <details><summary>Hint 1</summary>Only dimensions with <i>x</i> ≠ <i>c</i> cost anything. Which are they?</details>
# <details><summary>Hint 2</summary>The squared differences are 1, 0, 1, 4, 0.</details>
# <details><summary>Hint 3</summary>Center loss adds them up and halves: 3. Attention takes a half of the third and a quarter of the fourth.</details>
# <details><summary>Answer</summary>(1 + 0.5·1 + 0.25·4) / 2 = 1.25 instead of 3: nearly all of it from the fourth dimension, which attention
# filters out.</details>
#
# Now change `a` above to ones and run the cells again: the two losses become the same number. That is the sentence below Eq. 4 in the
# paper.

# %% [markdown]
# ## The gradients are right
#
# The package computes the slopes of Eq. 4 by hand (Eq. 9 and 10). Anyone can claim that; here it is compared with moving each
# number a little and looking what happens. Shapes are compared first, since wrong shapes can hide behind broadcasting.

# %%
from dacl_edu.gradients import compare_gradients, gradient_table

checks = compare_gradients(sparse_center_loss, {"features": x, "attention": a, "labels": y, "centers": c})
print(gradient_table(checks))
assert all(check.ok for check in checks)

# %% [markdown]
# ## What was shown, and what is next
#
# - The task has seven classes, and faces of one class differ in nearly everything else.
# - Sparse center loss is center loss with a weight for each dimension; with all weights 1 it is the same.
# - Its hand-written gradients agree with finite differences.
#
# **Try next:** in a terminal, `dacl-edu train --preset smoke --method dacl` trains for a few seconds, and `dacl-edu demo`
# trains softmax loss, center loss and DACL in minutes and compares them.
#
# <details><summary>Three questions</summary>
#
# 1. What would happen to the loss if attention were 0 everywhere? <i>It would vanish, and features would no longer be pulled
# anywhere. Eq. 10 pushes that way; watch the attention mean while training.</i>
# 2. Which numbers does training change by gradient, and which by a rule? <i>The network's weights by gradient; the centers by
# Eq. 11.</i>
# 3. Why is there a 1/2 in Eq. 3? <i>So that the derivative of the square has no 2 in front.</i>
#
# </details>
