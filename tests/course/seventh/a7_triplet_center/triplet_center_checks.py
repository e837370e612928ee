"""Checks of assignment 7, and the numbers that they expect: loops over single numbers."""

import numpy as np
import torch

from dacl_edu import check
from dacl_edu_course.questions import question
from dacl_edu_course.questions.batches import by_reference, incoming, unlike_batches

TOLERANCE = 1e-5


def expected_distances(x, a, c):
    return np.array([[0.5 * sum(a[i] * (x[i] - c[k]) ** 2) for k in range(len(c))] for i in range(len(x))])


def expected_rows(x, a, y, c, margin):
    """For each sample its term, and its row of the gradient."""
    terms, rows = [], []
    for i in range(len(x)):
        to = [0.5 * sum(a[i] * (x[i] - c[k]) ** 2) for k in range(len(c))]
        other = min((k for k in range(len(c)) if k != y[i]), key=lambda k: to[k])
        term = to[y[i]] + margin - to[other]
        terms.append(max(0.0, term))
        rows.append((term > 0) * a[i] * (c[other] - c[y[i]]) / len(x))
    return sum(terms) / len(x), np.array(rows)


def batches(seed):
    """With two classes at least, and a margin of each size."""
    made = [batch for batch in unlike_batches(seed, "x", "a", "y", "c") if len(batch["c"]) > 1]
    margins = np.random.default_rng(seed).uniform(0.1, 3.0, size=len(made))
    return [{**batch, "margin": float(margin)} for batch, margin in zip(made, margins, strict=True)]


@question("Question 1: all distances", look="the first equation above")
def attentive_distances(answer, seed=0):
    for batch in batches(seed):
        inputs = {name: batch[name] for name in ("x", "a", "c")}
        found = check.call(answer, **inputs)
        check.shape(found, (len(batch["x"]), len(batch["c"])), "the table of distances")
        check.value(found, by_reference(expected_distances, **inputs), "the table of distances", TOLERANCE)


@question("Question 2: the loss", look="the second equation above")
def triplet_center_loss(answer, seed=0):
    for batch, upstream in zip(batches(seed), incoming(seed, 10), strict=False):
        loss = check.call(answer, **batch)
        check.shape(loss, (), "the loss")
        expected, rows = expected_rows(**{n: v.numpy() if torch.is_tensor(v) else v for n, v in batch.items()})
        check.value(loss, torch.tensor(expected), "the loss", TOLERANCE)
        check.autograd_gradients(answer, batch, {"x": torch.as_tensor(rows)}, upstream, TOLERANCE)
    check.permutation(answer, batches(seed)[0], ("x", "a", "y"))


@question("Question 3: its gradient", look="which terms of D hold x, and what is left of their difference")
def triplet_center_gradient(answer, seed=0):
    check.by_hand(answer, batches(seed)[0])
    for batch in batches(seed):
        found = check.call(answer, **batch)
        check.shape(found, tuple(batch["x"].shape), "the gradient")
        _, rows = expected_rows(**{n: v.numpy() if torch.is_tensor(v) else v for n, v in batch.items()})
        check.value(found, torch.as_tensor(rows), "the gradient", TOLERANCE)
