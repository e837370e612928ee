"""pytorch-metric-learning by adapter: values against loops, the attentive form, batches without pairs, wrong names."""

from __future__ import annotations

import itertools
import re
import sys
from typing import Any

import numpy as np
import pytest
import torch
from references import Batch, random_batch
from torch.autograd import gradcheck

from dacl_edu.errors import UserError
from dacl_edu.losses import AttentivePmlLoss, PmlLoss, available_losses, available_pml_losses, build_loss

pytest.importorskip("pytorch_metric_learning")

M, D, K = 8, 3, 3
LABELS = torch.tensor([0, 1, 1, 0, 1, 2, 2, 0])
PLAIN = {"distance": {"name": "LpDistance", "normalize_embeddings": False}}
NEEDED = {"RankedListLoss": {"margin": 0.4, "Tn": 1.0}}  # parameters without a default

Array = Any


@pytest.fixture
def batch(generator: torch.Generator) -> Batch:
    features, attention, labels, centers = random_batch(generator, LABELS, D, K)
    return features, attention, labels, torch.zeros_like(centers)


# -- independent references


def unit(x: Array) -> Array:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def loop_triplet(x: Array, y: Array, margin: float) -> float:
    """Mean over the triplets that miss the margin."""
    missed = []
    for a, p, n in itertools.product(range(len(x)), repeat=3):
        if a != p and y[a] == y[p] and y[a] != y[n]:
            missed.append(max(0.0, np.linalg.norm(x[a] - x[p]) - np.linalg.norm(x[a] - x[n]) + margin))
    return float(np.mean([loss for loss in missed if loss > 0]))


def loop_contrastive(x: Array, y: Array, pos_margin: float, neg_margin: float) -> float:
    """Mean over the pairs of one class that are too far, plus that over the pairs of two classes too near."""
    far, near = [], []
    for i, j in itertools.permutations(range(len(x)), 2):
        distance = np.linalg.norm(x[i] - x[j])
        (far if y[i] == y[j] else near).append(
            max(0.0, distance - pos_margin) if y[i] == y[j] else max(0.0, neg_margin - distance)
        )
    return sum(float(np.mean([loss for loss in losses if loss > 0])) for losses in (far, near))


def loop_n_pairs(x: Array, y: Array) -> float:
    """Cross-entropy of each class's anchor against the positives of all classes, one pair a class."""
    pairs = []
    for label in sorted(set(y.tolist())):
        first, second = np.flatnonzero(y == label)[:2]
        pairs.append((first, second))
    total = 0.0
    for anchor, positive in pairs:
        scores = [x[anchor] @ x[other] for _, other in pairs]
        total -= x[anchor] @ x[positive] - np.log(np.sum(np.exp(scores)))
    return float(total / len(pairs))


def arrays(batch: Batch, attentive: bool) -> tuple[Array, Array]:
    x, a, y, _ = (t.numpy() for t in batch)
    return (np.sqrt(a) * x if attentive else x), y


@pytest.mark.parametrize("attentive", [False, True])
@pytest.mark.parametrize("normalized", [False, True])
def test_triplet_is_its_loop(batch: Batch, attentive: bool, normalized: bool) -> None:
    name = "attentive_pml:TripletMarginLoss" if attentive else "pml:TripletMarginLoss"
    loss = build_loss(name, margin=0.3, **({} if normalized else PLAIN))(*batch)
    x, y = arrays(batch, attentive)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(loop_triplet(unit(x) if normalized else x, y, 0.3), abs=1e-10)


@pytest.mark.parametrize("attentive", [False, True])
@pytest.mark.parametrize("normalized", [False, True])
def test_contrastive_is_its_loop(batch: Batch, attentive: bool, normalized: bool) -> None:
    name = "attentive_pml:ContrastiveLoss" if attentive else "pml:ContrastiveLoss"
    loss = build_loss(name, pos_margin=0.1, neg_margin=1.4, **({} if normalized else PLAIN))(*batch)
    x, y = arrays(batch, attentive)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(loop_contrastive(unit(x) if normalized else x, y, 0.1, 1.4), abs=1e-10)


@pytest.mark.parametrize("attentive", [False, True])
def test_n_pairs_is_its_loop(batch: Batch, attentive: bool) -> None:
    name = "attentive_pml:NPairsLoss" if attentive else "pml:NPairsLoss"
    loss = build_loss(name, distance={"name": "DotProductSimilarity", "normalize_embeddings": False})(*batch)
    x, y = arrays(batch, attentive)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(loop_n_pairs(x, y), abs=1e-10)


# -- gradient, invariances, attention


@pytest.mark.parametrize("name", ["TripletMarginLoss", "ContrastiveLoss", "NPairsLoss"])
def test_gradcheck_in_float64(name: str, batch: Batch) -> None:
    x, a, y, c = batch
    x, a = x.clone().requires_grad_(), a.clone().requires_grad_()
    assert gradcheck(lambda x: PmlLoss(name)(x, a.detach(), y, c), (x,))
    assert gradcheck(lambda x, a: AttentivePmlLoss(name)(x, a, y, c), (x, a))


@pytest.mark.parametrize("name", ["TripletMarginLoss", "ContrastiveLoss"])
def test_order_of_the_batch_does_not_matter(name: str, batch: Batch, generator: torch.Generator) -> None:
    x, a, y, c = batch
    order = torch.randperm(M, generator=generator)
    for loss in (PmlLoss(name), AttentivePmlLoss(name)):
        assert loss(x[order], a[order], y[order], c).item() == pytest.approx(loss(*batch).item(), abs=1e-12)


@pytest.mark.parametrize("name", ["TripletMarginLoss", "ContrastiveLoss", "NPairsLoss"])
def test_the_attentive_form_with_ones_is_the_plain_form(name: str, batch: Batch) -> None:
    x, a, y, c = batch
    attentive, plain = build_loss(f"attentive_pml:{name}"), build_loss(f"pml:{name}")
    assert attentive(x, torch.ones_like(a), y, c).item() == plain(x, a, y, c).item()
    assert attentive(x, a, y, c).item() != pytest.approx(plain(x, a, y, c).item(), rel=1e-3)
    assert attentive.uses_attention and not plain.uses_attention


def test_shared_attention_gives_the_weighted_distance_of_eq_4(batch: Batch) -> None:
    x, a, _, c = batch
    a = a[:1].expand(2, D)
    loss = AttentivePmlLoss("ContrastiveLoss", **PLAIN)(x[:2], a, torch.tensor([0, 0]), c)
    assert loss.item() == pytest.approx((a[0] * (x[0] - x[1]).square()).sum().sqrt().item(), abs=1e-12)


def test_attention_of_zero_has_a_finite_gradient(batch: Batch) -> None:
    x, a, y, c = batch
    x, a = x.clone().requires_grad_(), torch.zeros_like(a).requires_grad_()
    AttentivePmlLoss("TripletMarginLoss")(x, a, y, c).backward()
    assert x.grad is not None and x.grad.isfinite().all()
    assert a.grad is not None and a.grad.isfinite().all()


# -- every class of the library


@pytest.mark.parametrize("name", available_pml_losses())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_listed_class_gives_a_finite_scalar_and_gradient(name: str, generator: torch.Generator) -> None:
    x = torch.randn(16, 8, generator=generator).relu().requires_grad_()
    a = torch.rand(16, 8, generator=generator).requires_grad_()
    loss = build_loss(f"attentive_pml:{name}", **NEEDED.get(name, {}))(x, a, torch.arange(16) % 4, torch.zeros(4, 8))
    assert loss.shape == () and loss.isfinite()
    loss.backward()
    assert x.grad is not None and x.grad.isfinite().all()
    assert a.grad is not None and a.grad.isfinite().all()


@pytest.mark.parametrize("name", ["TripletMarginLoss", "NPairsLoss", "NTXentLoss", "ContrastiveLoss"])
@pytest.mark.parametrize("labels", [[0, 1, 2], [1]], ids=["all of different classes", "one image"])
def test_a_batch_without_pairs_gives_zero_with_a_gradient_path(name: str, labels: list[int]) -> None:
    x = 10 * torch.eye(3)[: len(labels)].requires_grad_()
    x.retain_grad()
    loss = build_loss(f"pml:{name}")(x, torch.ones_like(x), torch.tensor(labels), torch.zeros(K, 3))
    assert loss.shape == () and loss.item() == 0
    loss.backward()
    assert x.grad is not None and x.grad.shape == x.shape and not x.grad.any()


def test_they_are_listed_apart_and_push_no_center(batch: Batch) -> None:
    assert not any("pml" in name for name in available_losses())
    assert {"TripletMarginLoss", "NPairsLoss", "ContrastiveLoss"} <= set(available_pml_losses())
    assert {"ProxyAnchorLoss", "ArcFaceLoss", "VICRegLoss", "GenericPairLoss"}.isdisjoint(available_pml_losses())
    assert build_loss("pml:ContrastiveLoss").center_push(batch[3]) is None


# -- parameters and errors


def test_distances_go_by_name_dictionary_or_object(batch: Batch) -> None:
    from pytorch_metric_learning.distances import CosineSimilarity

    by_name, by_dictionary, by_object = (
        build_loss("pml:NTXentLoss", distance=distance)(*batch).item()
        for distance in ("CosineSimilarity", {"name": "CosineSimilarity"}, CosineSimilarity())
    )
    assert by_name == by_dictionary == by_object
    assert build_loss("pml:NTXentLoss", distance="LpDistance")(*batch).item() != by_name


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("TripletMarginLos", {}, "no loss 'TripletMarginLos' for a batch and its labels — did you mean 'TripletMargin"),
        ("tripletmarginloss", {}, "did you mean 'TripletMarginLoss'"),
        ("Nothing", {}, "AngularLoss, CircleLoss, ContrastiveLoss"),
        ("CrossBatchMemory", {}, "has no loss 'CrossBatchMemory' for a batch and its labels"),
        ("ProxyAnchorLoss", {}, "'pml:ProxyAnchorLoss' has weights of its own"),
        ("ArcFaceLoss", {"num_classes": 7, "embedding_size": 128}, "'pml:ArcFaceLoss' has weights of its own"),
        ("MarginLoss", {"learn_beta": True}, "'pml:MarginLoss' has weights of its own"),
        ("TripletMarginLoss", {"margn": 0.2}, "it takes margin, swap, smooth_loss, triplets_per_anchor, distance"),
        ("RankedListLoss", {}, "missing 2 required positional arguments: 'margin' and 'Tn'"),
        ("ContrastiveLoss", {"distance": "Lp"}, "pytorch-metric-learning has no distance 'Lp'"),
        ("ContrastiveLoss", {"reducer": {"power": 2}}, "pytorch-metric-learning has no reducer None"),
    ],
)
def test_wrong_names_and_parameters_are_refused_in_one_line(name: str, parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        build_loss(f"pml:{name}", **parameters)
    assert "\n" not in str(caught.value)


def test_without_the_library_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning", None)
    for use in (lambda: build_loss("pml:TripletMarginLoss"), available_pml_losses):
        with pytest.raises(UserError, match=r"need pytorch-metric-learning — pip install 'dacl-edu\[pml\]'"):
            use()


def test_the_library_is_imported_only_when_it_is_asked_for() -> None:
    import subprocess

    code = "import sys, dacl_edu.losses; sys.exit('pytorch_metric_learning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
