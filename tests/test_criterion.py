"""One object for a loop of one's own: it does what the trainer does, to the bit."""

from __future__ import annotations

import copy
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as mp
from torch import Tensor, nn

from dacl_edu.centers import ClassCenters
from dacl_edu.criterion import DACLLoss
from dacl_edu.losses import CenterLoss, Objective, SparseCenterLoss, build_loss, sparse_center_loss
from dacl_edu.model.attention import PooledAttention

ROOT = Path(__file__).resolve().parents[1]
M, IN, D, K = 12, 6, 8, 3


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Linear(IN, D)
        self.attention = PooledAttention(D)
        self.classifier = nn.Linear(D, K)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.features(inputs).relu()
        return self.classifier(features), features, self.attention(features)


@pytest.fixture
def batches(generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    return [(torch.randn(M, IN, generator=generator), torch.randint(0, K, (M,), generator=generator)) for _ in range(3)]


@pytest.fixture
def network(generator: torch.Generator) -> Network:
    torch.manual_seed(0)
    return Network()


def optimizer_of(network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)


def as_the_trainer(network: Network, centers: ClassCenters, batches: list, objective: Objective) -> None:
    """The steps of dacl_edu/training/loop.py, lines 2 to 16."""
    optimizer = optimizer_of(network)
    for inputs, labels in batches:
        optimizer.zero_grad()
        logits, features, attention = network(inputs)
        objective(logits, features, attention, labels, centers()).total.backward()
        centers.accumulate(features, attention, labels)
        centers.step(objective.center_push(centers()))
        optimizer.step()


@pytest.mark.parametrize("loss", ["sparse_center", "attentive_island"])
@pytest.mark.parametrize("follows", [True, False])
def test_it_ends_where_the_trainers_steps_end(loss: str, follows: bool, network: Network, batches: list) -> None:
    theirs, criterion = copy.deepcopy(network), DACLLoss(K, D, lam=0.3, loss=loss)
    centers = copy.deepcopy(criterion.centers)
    as_the_trainer(theirs, centers, batches, Objective(build_loss(loss), 0.3))
    optimizer = optimizer_of(network)
    if follows:
        assert criterion.follow(optimizer) is criterion
    for inputs, labels in batches:
        optimizer.zero_grad()
        logits, features, attention = network(inputs)
        criterion(logits, features, labels, attention=attention).backward()
        optimizer.step()
        if not follows:
            criterion.step()
    assert torch.equal(criterion.centers(), centers())
    for ours, other in zip(network.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(ours, other)


def test_without_attention_it_is_the_center_loss(network: Network, batches: list) -> None:
    (inputs, labels), *_ = batches
    logits, features, _ = network(inputs)
    criterion = DACLLoss(K, D, lam=0.5)
    expected = Objective(CenterLoss(), 0.5)(logits, features, torch.ones_like(features), labels, criterion.centers())
    total = criterion(logits, features, labels)
    assert total.shape == () and total.item() == expected.total.item()
    assert [t.item() for t in criterion.terms] == [t.item() for t in expected]
    assert not any(t.requires_grad for t in criterion.terms)
    before = criterion.centers().clone()
    criterion.step()
    counts = torch.bincount(labels, minlength=K)[:, None]
    sums = torch.zeros(K, D).index_add(0, labels, before[labels] - features.detach())
    torch.testing.assert_close(criterion.centers(), before - 0.5 * sums / (1 + counts), rtol=0, atol=1e-6)


def test_micro_batches_move_the_centers_like_the_joined_batch(network: Network, batches: list) -> None:
    (inputs, labels), *_ = batches
    network.eval()  # BatchNorm would see other batches
    joined, micro = DACLLoss(K, D), DACLLoss(K, D, accumulate=3)
    logits, features, attention = network(inputs)
    joined(logits, features, labels, attention)
    joined.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rows in range(0, M, 4):
            part = slice(rows, rows + 4)
            micro(logits[part], features[part], labels[part], attention[part])
    micro.step()
    assert torch.equal(joined.centers(), micro.centers())


@pytest.mark.parametrize("how", ["eval", "no_grad"])
def test_measuring_moves_no_center(how: str, network: Network, batches: list) -> None:
    (inputs, labels), *_ = batches
    criterion = DACLLoss(K, D).train(how != "eval")
    before = criterion.centers().clone()
    with torch.set_grad_enabled(how != "no_grad"):
        logits, features, attention = network(inputs)
        criterion(logits, features, labels, attention)
    criterion.step()
    assert torch.equal(criterion.centers(), before)


def test_a_forgotten_step_is_said_once(network: Network, batches: list) -> None:
    criterion = DACLLoss(K, D)
    logits, features, attention = network(batches[0][0])
    criterion(logits, features, batches[0][1], attention)
    with pytest.warns(
        UserWarning, match=r"never moved: call criterion\.step\(\).*criterion\.follow\(optimizer\)"
    ) as told:
        criterion(logits, features, batches[0][1], attention)
    assert Path(told[0].filename).name == Path(__file__).name, "it points at the loop"
    with warnings.catch_warnings(record=True) as again:
        criterion(logits, features, batches[0][1], attention)
    assert again == []


@pytest.mark.parametrize("columns", [K - 1, K + 2])
def test_logits_of_another_number_of_classes_are_refused(columns: int) -> None:
    x, labels = torch.randn(2, D), torch.tensor([0, 1])
    with pytest.raises(
        ValueError, match=rf"logits must have shape \(m, {K}\) for num_classes={K}, not \(2, {columns}\)"
    ):
        DACLLoss(K, D)(torch.zeros(2, columns), x, labels)
    with pytest.raises(ValueError, match=r"logits must have shape \(m, 3\)"):
        DACLLoss(K, D)(torch.zeros(2), x, labels)


def test_the_shape_of_logits_is_known_without_reading_them() -> None:
    criterion = DACLLoss(K, D).to("meta")
    with pytest.raises(ValueError, match="logits must have shape"):
        criterion(torch.zeros(2, K + 1, device="meta"), torch.zeros(2, D, device="meta"), torch.zeros(2, device="meta"))


def test_attention_that_a_loss_does_not_use_is_said_once() -> None:
    x, labels, logits = torch.randn(2, D), torch.tensor([0, 1]), torch.zeros(2, K)
    criterion = DACLLoss(K, D, loss="center").eval()
    with pytest.warns(UserWarning, match="CenterLoss does not use attention") as first:
        criterion(logits, x, labels, attention=torch.rand(2, D))
    assert [Path(told.filename).name for told in first] == [Path(__file__).name], "it points at the loop"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        criterion(logits, x, labels, attention=torch.rand(2, D))
        DACLLoss(K, D, loss="center")(logits, x, labels)
        DACLLoss(K, D)(logits, x, labels, attention=torch.rand(2, D))


@pytest.mark.parametrize("name", ["lam", "alpha", "eps", "accumulate", "num_classes", "feature_dim"])
def test_a_text_in_place_of_a_number_is_named(name: str) -> None:
    with pytest.raises(TypeError, match=rf"^{name}.* must be a number, but is '1'"):
        DACLLoss(**{"num_classes": K, "feature_dim": D, name: "1"})


def test_discard_forgets_the_batch(network: Network, batches: list) -> None:
    criterion = DACLLoss(K, D)
    before = criterion.centers().clone()
    logits, features, attention = network(batches[0][0])
    criterion(logits, features, batches[0][1], attention)
    criterion.discard()
    criterion.step()
    assert torch.equal(criterion.centers(), before)


def test_the_centers_are_saved_moved_and_never_optimised() -> None:
    criterion, other = DACLLoss(K, D, seed=1), DACLLoss(K, D, seed=2)
    assert list(criterion.parameters()) == [] and list(criterion.state_dict()) == ["centers.centers"]
    assert not torch.equal(criterion.centers(), other.centers())
    other.load_state_dict(criterion.state_dict())
    assert torch.equal(criterion.centers(), other.centers())
    assert torch.equal(DACLLoss(K, D, seed=1).centers(), criterion.centers())  # the same on every process
    assert criterion.to("meta").centers().device.type == "meta"


def test_centers_as_an_object_work_where_a_loss_is_a_module_and_are_named_where_it_is_a_function() -> None:
    x, labels, centers = torch.randn(2, D), torch.tensor([0, 1]), ClassCenters(K, D)
    a, logits = torch.rand(2, D), torch.randn(2, K)
    as_object, as_tensor = (Objective(SparseCenterLoss())(logits, x, a, labels, c) for c in (centers, centers()))
    assert as_object.total.item() == as_tensor.total.item()
    with pytest.raises(ValueError, match=r"not ClassCenters: write centers\(\)"):
        sparse_center_loss(x, a, labels, centers)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 512])
def test_pooled_attention_gives_a_weight_for_each_feature(size: int, generator: torch.Generator) -> None:
    attend = PooledAttention(size)
    weights = attend(torch.randn(5, size, generator=generator))
    assert weights.shape == (5, size) and ((weights >= 0) & (weights <= 1)).all()
    assert (PooledAttention(size, mode="ones")(torch.randn(5, size)) == 1).all()
    with pytest.raises(ValueError, match="feature_map must have shape"):
        attend(torch.randn(5, size + 1))


def _process(rank: int, rendezvous: str, results: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    torch.manual_seed(rank)  # each process has its own numbers, as with a real loop
    criterion = DACLLoss(K, D)
    features, labels = _samples()
    mine = slice(0, 5) if rank == 0 else slice(5, None)
    criterion(torch.zeros(len(labels[mine]), K), features[mine].requires_grad_(), labels[mine])
    criterion.step()
    torch.save(criterion.centers(), f"{results}/{rank}.pt")
    torch.distributed.destroy_process_group()


def _samples() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(8, D, generator=generator), torch.tensor([0, 0, 0, 1, 0, 2, 2, 0])  # 1 and 2 on one process


def test_two_processes_move_the_centers_like_one(tmp_path) -> None:  # type: ignore[no-untyped-def]
    mp.spawn(_process, (str(tmp_path / "rendezvous"), str(tmp_path)), nprocs=2)
    criterion = DACLLoss(K, D)
    features, labels = _samples()
    criterion(torch.zeros(len(labels), K), features.requires_grad_(), labels)
    criterion.step()
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert torch.equal(first, second)
    torch.testing.assert_close(first, criterion.centers(), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("page", "needs"), [("docs/own_loop.md", "timm"), ("README.md", "torchvision")])
def test_the_loop_that_is_printed_runs(page: str, needs: str) -> None:
    pytest.importorskip(needs)
    text = (ROOT / page).read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "DACLLoss(" in block]
    assert len(code.strip().splitlines()) <= 20
    names: dict[str, Any] = {}
    exec(compile(code, page, "exec"), names)
    criterion, fresh = names["criterion"], DACLLoss(num_classes=7, feature_dim=512)
    assert criterion.terms.total > 0
    seen = torch.cat([labels for _, labels in names.get("batches", [(None, names["labels"])])])
    moved = (criterion.centers() != fresh.centers()).any(dim=1)
    assert moved.nonzero().flatten().tolist() == seen.unique().tolist()
