# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 7: triplet-center loss with attention
#
# Distances count dimensions by attention: $D(x_i, c_k) = ½ \sum_j a_{ij} (x_{ij} - c_{kj})^2$. Each sample must be nearer to
# its own center than to the nearest other one, by a margin $\mu$:
#
# $$L = \frac{1}{m} \sum_i \max\Bigl(0,\; D(x_i, c_{y_i}) + \mu - \min_{k \ne y_i} D(x_i, c_k)\Bigr)$$
#
# Shapes: $x$, $a$ $(m, d)$; $y$ $(m)$; $c$ $(K, d)$ with $K \ge 2$; $\mu$ a number.

# %% nbgrader={"grade": false, "grade_id": "imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

# %% [markdown]
# ## Question 1: all distances


# %% nbgrader={"grade": false, "grade_id": "attentive_distances", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attentive_distances(x, a, c):
    """Each sample to each center: returns (m, K)."""
    ### BEGIN SOLUTION
    apart = x[:, None] - c[None]  # (m, K, d)
    return (a[:, None] * apart.square()).sum(dim=2) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_attentive_distances", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
import triplet_center_checks as questions

questions.attentive_distances(attentive_distances)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.attentive_distances(attentive_distances, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: the loss


# %% nbgrader={"grade": false, "grade_id": "triplet_center_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def triplet_center_loss(x, a, y, c, margin):
    """Returns one number, shape ()."""
    ### BEGIN SOLUTION
    D = attentive_distances(x, a, c)  # (m, K)
    own = torch.nn.functional.one_hot(y, len(c)).bool()
    nearest_other = D.masked_fill(own, torch.inf).min(dim=1).values  # (m,)
    return (D[own] + margin - nearest_other).clamp(min=0).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_triplet_center_loss", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
import triplet_center_checks as questions

questions.triplet_center_loss(triplet_center_loss)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.triplet_center_loss(triplet_center_loss, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: its gradient with respect to x, by hand
#
# Where a sample is far enough from all other centers its row is 0; elsewhere the quadratic terms of $x$ cancel.


# %% nbgrader={"grade": false, "grade_id": "triplet_center_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def triplet_center_gradient(x, a, y, c, margin):
    """Returns (m, d)."""
    ### BEGIN SOLUTION
    D = attentive_distances(x, a, c)
    others = D.scatter(1, y[:, None], torch.inf)
    near, k = others.min(dim=1)
    active = (D.gather(1, y[:, None])[:, 0] + margin > near).to(x.dtype)
    return active[:, None] * a * (c[k] - c[y]) / len(x)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_triplet_center_gradient", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
import triplet_center_checks as questions

questions.triplet_center_gradient(triplet_center_gradient)
### BEGIN HIDDEN TESTS
from dacl_edu_course.questions import hidden_seeds

for seed in hidden_seeds():
    questions.triplet_center_gradient(triplet_center_gradient, seed)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: what would you expect of it?

# %% [markdown] nbgrader={"grade": true, "grade_id": "expectation", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# Classes that lie close are pushed apart, so I expect fewer confusions of fear and surprise.
#
# ### BEGIN MARK SCHEME
# One point for a pair of classes that is named, with a reason.
# ### END MARK SCHEME
