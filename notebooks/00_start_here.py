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
# # Start here: does attention select?
#
# ![Moving picture of three clouds of points, for softmax loss, center loss and DACL, from epoch 0 to epoch 28. Each point is a face, its colour and shape the expression. All begin as one heap; in each cloud the seven expressions move apart, and at the end the three look much alike.](drawings/three_methods.svg)
#
# **What to see.** Each point is a face. The same faces, the same network, the same start, three times; only the **loss** differs, the number that
# training makes small. Left: *softmax loss*, the usual one. Middle: *center loss*, which pulls each face to the center of its class. Right: *DACL*, which pulls
# each face too, but along some directions more than along others. A small network, the **attention**, decides along which. (Each panel is drawn in its own
# plane and at its own size: compare shapes, not lengths.)
#
# **The question of this course.** The paper reports that DACL beats center loss: 87.78 against 87.06 % of the test faces right, once, on one data set. Suppose
# it does. *Who did it?* There are three suspects:
#
# | suspect | what it says | how to find out |
# |---|---|---|
# | **selection of dimensions** | attention finds the numbers that tell expressions apart, and leaves the others alone | give each weight to a wrong dimension: the gain must vanish |
# | **a smaller λ** | λ is the strength of the pull. Attention is below 1, so the pull is weaker, and that is all | give every dimension the same weight: the gain must stay |
# | **luck** | another seed (the number that fixes all random choices), other test faces, another order of adding numbers | train again, several times |
#
# Each lesson ends with its evidence for or against each of the three.
#
# **After this notebook you can** say what the paper wants, name the parts of its network, find the lesson that answers your question, and compute the paper's loss
# on five numbers with a pencil.
#
# **Minutes:** 25. **Builds on:** a little Python, and what a derivative is. No GPU, no download, no data-set licence.
#
# **The paper:** Farzaneh & Qi, *Facial Expression Recognition in the Wild via Deep Attentive Center Loss*, WACV 2021. Keep it open beside this page.

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
# ## One face through the whole paper
#
# Every number of one face's way through the network and the loss. Choose a face, walk through the epochs (one epoch is one pass over all training
# faces), or take the tour: eight steps, five minutes. Words that are new now come back, one a lesson.

# %%
from dacl_edu.widgets.explainer import explainer

one_face = explainer()
assert len(one_face.data) > 1_000_000, "84 faces, and what the networks make of them"
show(
    one_face,
    alt="One face followed through the paper: its feature map, deep feature, "
    "prediction, attention, distance to the center, and the loss.",
)

# %% [markdown]
# ## Is everything in place?
#
# Each line below should begin with `[OK]`. If one does not, it names the command that repairs it.

# %%
from dacl_edu.doctor import run_checks

checks = run_checks()
for item in checks:
    what = item.what.split(":")[0]
    print(f"[OK] {what}" if item.ok else f"[FAIL] {item.what}: {item.hint}")
assert all(item.ok for item in checks), (
    "follow the hints above, then run this cell again"
)

# %% [markdown]
# ## The task: seven expressions
#
# A network sees a face and names one of seven expressions. The faces of the data set `bundled` come with this project. A program made them; no
# person sat for them. So it is known how each face was made: its pose, its light, how strong its expression is. We call these numbers its **factors**.

# %%
from dacl_edu.data import EXPRESSIONS, load_dataset

faces = load_dataset("bundled", split="val")
# channels, rows, columns
print(len(faces), "faces, each", tuple(faces.images.shape[1:]))
print(", ".join(EXPRESSIONS))

# %% [markdown]
# The figure shows four faces of each expression, one expression a row. Look along a row: the expression is the same, and nearly everything
# else differs. Look down a column: the expression differs. Which difference is larger to the eye?

# %%
from dacl_edu.plots import face_sheet

of_class = [(faces.labels == k).nonzero()[:4, 0] for k in range(7)]  # 7 x (4,)
figure = face_sheet(faces.images[torch.cat(of_class)], columns=4,
                    row_names=EXPRESSIONS, side=120,
                    title="Four faces of each expression")
show(figure, alt="""A sheet of faces, seven rows of four. Within a row the expression is
the same, while head, skin, hair, light and pose differ.""")

# %% [markdown]
# The answer can be computed. Take two faces and compute the mean squared difference of their pixels. How far apart are two faces of *one* expression, and of *two*?

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
# network must find a space where they are. Its numbers, one list a face, are the **features**; the moving picture showed them.
#
# One more thing to know about the data. The labels above are right: they are what was rendered. In the *training* part one label in ten is wrong on purpose, taken from an
# expression that people confuse with the true one. Labels of photographs are no better.

# %%
for split in ("train", "val", "test"):
    table = load_dataset("bundled", split=split).factors
    wrong = (table["label_observed"] != table["label_true"]).mean()
    print(f"{split:<6}{len(table):>6} faces, {wrong:.1%} of the labels wrong")
    assert abs(wrong - 0.1) < 0.01 if split == "train" else wrong == 0

# %% [markdown]
# ### Look around
#
# Choose an expression and a factor. The faces of that expression are sorted by it, the lowest on the left. **Task:** it opens with happy faces,
# sorted by the turn of the head. Find a factor that changes the face *more* than the expression does, and one that hardly shows.

# %%
from dacl_edu.widgets.face_browser import face_browser

show(face_browser(faces), alt="""Seven happy faces in a row, sorted by the turn of the
head; two boxes choose the expression and the factor.""")

# %% [markdown]
# ## The network
#
# ![The network: faces X, a CNN, the feature map x*; above, pooling, features x, a classifier and the loss L_S; below, encoder, heads, attention a and, with the centers c, the loss L_SC; both make L. Nothing is marked.](drawings/network.svg)
#
# The paper's Fig. 2, redrawn. Each lesson shows it again with its own part lit. The upper row is what every classifier has: a convolutional network (CNN) turns the
# image into a **feature map**, the map is averaged into a vector of **features** $x$, and the classifier turns that into one **score** for each class. The
# lower row is what the paper adds. The **attention** network looks at the same map and says how much each feature counts in the loss.
# It steers the loss, and nothing else: no score ever passes through it.

# %%
from dacl_edu.model import DACL

model = DACL("small_resnet", image_size=56).eval()
output = model(torch.zeros(4, 3, 56, 56))  # m = 4 black images: only shapes matter here
print("x* feature map", tuple(output.feature_map.shape))  # (m, N_C, N_H, N_W)
print("x  features   ", tuple(output.features.shape))  # (m, d)
print("a  attention  ", tuple(output.attention.shape))  # (m, d): one for each feature
print("z  scores     ", tuple(output.logits.shape))  # (m, K)
assert output.attention.shape == output.features.shape

# %% [markdown]
# The letters in brackets are the same in all lessons: a batch has $m$ images, a feature vector $d$ numbers, the task $K$ classes, and the
# feature map $N_C$ channels of $N_H$ rows and $N_W$ columns.
#
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
# DACL adds a little of it to the softmax loss, $\lambda = 0.01$:
#
# $$\mathcal{L} = \mathcal{L}_S + \lambda\,\mathcal{L}_{SC} \tag{Eq. 8}$$
#
# Here is one face ($m = 1$) with five dimensions ($d = 5$), small enough to do on paper.

# %%
x = torch.tensor([[1.0, 2.0, 0.0, 3.0, 1.0]])  # one face: (m, d) = (1, 5)
c = torch.tensor([[0.0, 2.0, 1.0, 1.0, 1.0]])  # center of its class: (K, d) = (1, 5)
a = torch.tensor([[1.0, 1.0, 0.5, 0.25, 1.0]])  # the fourth dimension hardly counts
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
print("sparse center loss", package.item(), " center loss", center_loss(x, y, c).item())
assert by_hand == one_line.item() == package.item()

# %% [markdown]
# ### Exercise: who pays less?
#
# *easy · 5 minutes*
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
savings = ((1 - a) * (x - c[y]) ** 2 / 2)[0]  # (5,)
answer = torch.as_tensor(my_savings, dtype=torch.float32)
check.shape(answer, (5,), "your answer")
check.value(answer, savings, "your answer")
share = savings[3] / savings.sum()
judged(my_savings, f"right. Dimension 3 accounts for {share:.0%} of the difference")

# %% [markdown]
# Now set all of `a` to 0.5, up where it is typed, and run the three cells from there to the line `sparse center loss` again. The loss is exactly half of
# center loss. Nothing was selected, and yet the loss fell: this is the second suspect, **a smaller λ**, in one line.
#
# ## The lessons
#
# **Two hours**, for the question, the mechanism and the verdict:
#
# | lesson | what to read | minutes |
# |---|---|---|
# | 00 | all of it | 25 |
# | 03 | to the end of *Two dimensions: circles become ellipses* | 20 |
# | 05 | from *Does attention fall?* | 25 |
# | 10 | from *What the course's own runs say* | 25 |
# | 13 | from *The controls: what would show that attention helps?* | 25 |
#
# A lesson that you enter in the middle needs what stands above: click on the heading, choose *Run → Run All Above Selected Cell*, and wait until it is done.
#
# **One week**, an hour or two a day: 01-02, 03-04, 05-06, 07-08, 09-10, 11-14, then assignment 6 (`assignments/release/a6_open_experiment`),
# an experiment of your own. Lessons 01 to 06 train nothing larger than a toy (05 looks at 112 faces with an untrained network). From 07 on real networks are trained or looked at; none has to be trained first.
#
# **[01 · Softmax loss](01_softmax_loss.ipynb)** (40 minutes, Eq. 1, 2). *Afterwards you can* compute scores, probabilities, loss and gradient by hand, and
# say why a classifier without mistakes may have loose classes.
#
# **[02 · Center loss](02_center_loss.ipynb)** (40 minutes, Eq. 3). *Afterwards you can* pull samples to centers, measure how compact a class is, and recognise a λ that is
# too large.
#
# **[03 · Sparse center loss](03_sparse_center_loss.ipynb)** (40 minutes, Eq. 4). *Afterwards you can* say what weights do to distances, and when Eq. 4 is only a
# smaller λ.
#
# **[04 · The attention network](04_attention_network.ipynb)** (60 minutes, Eq. 5-7, Fig. 2). *Afterwards you can* compute each layer by hand, and count what it costs.
#
# **[05 · The gradients](05_gradients.ipynb)** (60 minutes, Eq. 8-10). *Afterwards you can* derive and check gradients in five ways, and say which
# attention weights the loss lowers, which it raises, and why. Appendix: **[05a](05a_second_derivatives.ipynb)** (40 minutes), all 16 symbols and the second derivative.
#
# **[06 · The center update](06_center_update.ipynb)** (60 minutes, Eq. 11). *Afterwards you can* move centers by hand, and say why the rule is no gradient.
#
# **[07 · Training](07_training.ipynb)** (45 minutes, Algorithm 1). *Afterwards you can* do a training step with a pencil, and train all three methods.
#
# **[08 · DACL from scratch](08_from_scratch.ipynb)** (75 minutes). *Afterwards you can* write the whole method on a blank page.
#
# **[09 · Change it](09_change_it.ipynb)** (90 minutes). *Afterwards you can* change the loss, predict what happens, and test your prediction over seeds.
#
# **[10 · Results](10_results.ipynb)** (50 minutes, Tables 1-2, Fig. 3-4). *Afterwards you can* say how much of a difference is luck. **The verdict on luck is here.**
#
# **[11 · Embedding](11_embedding.ipynb)** (45 minutes). *Afterwards you can* say what a picture of features shows and what it makes up.
#
# **[12 · What attention looks like](12_attention.ipynb)** (40 minutes, Fig. 5). *Afterwards you can* put a number on "similar within a class", and say what training moved.
#
# **[13 · What attention does](13_what_attention_does.ipynb)** (55 minutes). *Afterwards you can* test whether attention marks what the classifier needs, and read
# from trained controls which suspect did it. **The last verdict is here.**
#
# **[14 · Beyond faces](14_beyond_faces.ipynb)** (20 minutes). *Afterwards you can* train the three methods on any images, and name a case in which attention does fall.
#
# ## The map
#
# Each equation of the paper is one function, one lesson and one test. The links lead there. A star marks a misprint of the paper:
# [docs/errata.md](../docs/errata.md) says what is meant and how we know.

# %%
from IPython.display import Markdown, display

from dacl_edu.lessons.ledger import ledger_table

display(Markdown(ledger_table()))

# %% [markdown]
# Algorithm 1 of the paper, line by line. All of it is one visible loop, `dacl_edu.training.loop.train`, whose comments carry the numbers.

# %%
display(Markdown(ledger_table(equations=False)))

# %% [markdown]
# ## The three suspects
#
# | suspect | evidence of this lesson |
# |---|---|
# | selection of dimensions | none yet. The moving picture shows no difference between center loss and DACL that the eye could trust |
# | a smaller λ | possible: with all of $a$ at ½ the loss is half of center loss, and nothing was selected |
# | luck | possible: the paper gives one run a method, and 0.72 points are 22 of its 3,068 test faces |
#
# ## What was shown, and what is next
#
# - The task has seven classes, and in pixels two faces of one class are nearly as far apart as any two.
# - Sparse center loss is center loss with a weight for each dimension; with all weights 1 it is the same.
# - A weight below 1 makes the loss smaller whether or not it selects anything.
#
# **Try next:** [01_softmax_loss](01_softmax_loss.ipynb). Or, in a terminal: `dacl-edu train --preset smoke --method dacl` trains for a few
# seconds. `dacl-edu demo` (the same as `make run`) executes lessons 07 and 10 in minutes: it trains softmax loss, center loss and DACL on the
# bundled faces, compares them, and leaves the executed notebooks and a table of results in `runs/demo`.
#
# **Three questions**
#
# <details><summary>Question 1. What would happen to the loss if attention were 0 everywhere?</summary>
# The sparse center loss would vanish, and features would no longer be pulled anywhere. Eq. 10 asks each weight for that; lesson 05 shows
# why the network does not do it, lesson 12 watches a whole training, and lesson 14 has a network that nearly does.
# </details>
#
# <details><summary>Question 2. DACL is a point better than center loss. You divide λ of center loss by two, and it is as good as DACL. Which suspect is convicted?</summary>
# The smaller λ: no dimension was selected, and the gain is there all the same. But first the third suspect, luck, must be ruled out, by training with
# more seeds.
# </details>
#
# <details><summary>Question 3. Why is there a 1/2 in Eq. 3?</summary>
# So that the derivative of the square has no 2 in front.
# </details>
