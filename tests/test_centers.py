"""Eq. 11 against a long-hand loop; what may and may not move a center."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.multiprocessing as mp
from fresh_arrays import FreshArrays
from references import loop_eq11
from torch import Tensor

from dacl_edu.centers import ClassCenters, center_delta
from dacl_edu.losses import Objective, SparseCenterLoss, sparse_center_loss

K, D = 4, 3


def make(labels: list[int], generator: torch.Generator, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    m = len(labels)
    x = torch.randn(m, D, generator=generator, dtype=dtype)
    a = torch.rand(m, D, generator=generator, dtype=dtype)
    c = torch.randn(K, D, generator=generator, dtype=dtype)
    return x, a, torch.tensor(labels), c


BATCHES = {
    "all classes": [0, 1, 2, 3, 0, 1, 1],
    "absent classes": [1, 1, 3, 3, 3],
    "one class": [2, 2, 2, 2],
    "one sample": [0],
}


def assert_is_eq_11(rule: Callable[..., Tensor], labels: list[int], eps: float, generator: torch.Generator) -> None:
    x, a, y, c = make(labels, generator)
    delta = rule(x, a, y, c, eps)
    expected = loop_eq11(x, a, y, c, eps)
    assert delta.shape == expected.shape
    torch.testing.assert_close(delta, expected, rtol=0, atol=1e-12)
    absent = [k for k in range(K) if k not in labels]
    assert (delta[absent] == 0).all()


@pytest.mark.parametrize("eps", [1.0, 1e-6, 0.0])
@pytest.mark.parametrize("labels", BATCHES.values(), ids=BATCHES)
def test_center_delta_is_eq_11(labels: list[int], eps: float, generator: torch.Generator) -> None:
    assert_is_eq_11(center_delta, labels, eps, generator)


def test_duplicated_samples_count_twice(generator: torch.Generator) -> None:
    x, a, y, c = make([0, 1], generator)
    twice = center_delta(x.repeat(2, 1), a.repeat(2, 1), y.repeat(2), c, eps=1.0)
    torch.testing.assert_close(twice, loop_eq11(x, a, y, c, 1.0) * 2 * 2 / 3, rtol=0, atol=1e-12)


def test_attention_none_means_ones(generator: torch.Generator) -> None:
    x, a, y, c = make([0, 1, 1], generator)
    assert torch.equal(center_delta(x, None, y, c), center_delta(x, torch.ones_like(a), y, c))


@pytest.mark.parametrize("eps", [1.0, 1e-6])
def test_autograd_gradient_is_delta_times_eps_plus_n_over_m(eps: float, generator: torch.Generator) -> None:
    x, a, y, c = make([0, 1, 1, 3, 3, 3], generator)
    c.requires_grad_()
    (gradient,) = torch.autograd.grad(sparse_center_loss(x, a, y, c), c)
    counts = torch.bincount(y, minlength=K).double()
    expected = center_delta(x, a, y, c, eps) * (eps + counts)[:, None] / len(x)
    assert gradient.shape == expected.shape
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-12)


def counts(y: Tensor) -> Tensor:
    return torch.bincount(y, minlength=K).double()[:, None]


# What center_delta would return with a slip in it.
WRONG_RULES = {
    "sign": lambda x, a, y, c, eps: -center_delta(x, a, y, c, eps),
    "forgotten attention": lambda x, a, y, c, eps: center_delta(x, None, y, c, eps),
    "divided by m": lambda x, a, y, c, eps: center_delta(x, a, y, c, eps) * (eps + counts(y)) / len(x),
    "eps added after the division": lambda x, a, y, c, eps: center_delta(x, a, y, c, 0.0) / (1 + eps),
    "absent classes counted": lambda x, a, y, c, eps: center_delta(x, a, y, c, eps) + (counts(y) == 0) * c / 2,
}


@pytest.mark.parametrize("fault", WRONG_RULES)
def test_the_comparison_catches_a_wrong_rule(fault: str, generator: torch.Generator) -> None:
    with pytest.raises(AssertionError):
        assert_is_eq_11(WRONG_RULES[fault], [0, 1, 1, 3, 3, 3], 1.0, generator)


def test_step_moves_by_alpha_delta_and_forgets(generator: torch.Generator) -> None:
    x, a, y, _ = make([0, 1, 1], generator, torch.float32)
    module = ClassCenters(K, D, alpha=0.25, eps=2.0, generator=generator)
    before = module.centers.clone()
    module.accumulate(x, a, y)
    assert torch.equal(module.centers, before)
    module.step()
    expected = before - 0.25 * loop_eq11(x, a, y, before, 2.0)
    torch.testing.assert_close(module.centers, expected.float(), rtol=0, atol=1e-6)
    after = module.centers.clone()
    module.step()  # nothing accumulated: nothing moves
    assert torch.equal(module.centers, after)


def test_discard_forgets(generator: torch.Generator) -> None:
    x, a, y, _ = make([0, 1], generator, torch.float32)
    module = ClassCenters(K, D, generator=generator)
    before = module.centers.clone()
    module.accumulate(x, a, y)
    module.discard()
    module.step()
    assert torch.equal(module.centers, before)


def test_four_micro_batches_give_the_bits_of_the_joined_batch(generator: torch.Generator) -> None:
    x = torch.randn(128, D, generator=generator)
    a = torch.rand(128, D, generator=generator)
    y = torch.randint(0, K, (128,), generator=generator)
    joined, micro = (ClassCenters(K, D, generator=torch.Generator().manual_seed(0)) for _ in range(2))
    for _ in range(3):
        joined.accumulate(x, a, y)
        joined.step()
        for part in range(4):
            rows = slice(32 * part, 32 * part + 32)
            micro.accumulate(x[rows], a[rows], y[rows])
        micro.step()
    assert torch.equal(joined.centers, micro.centers)


def test_with_many_classes_a_step_touches_the_rows_of_its_classes_alone(generator: torch.Generator) -> None:
    many, classes = 1000, [3, 999, 3, 0, 500, 3]
    module = ClassCenters(many, D, alpha=0.5, generator=generator)
    before = module.centers.clone()
    x, a = torch.randn(6, D, generator=generator), torch.rand(6, D, generator=generator)
    with FreshArrays() as fresh:
        for rows in (slice(0, 4), slice(4, 6)):  # class 3 is in both micro-batches
            module.accumulate(x[rows], a[rows], torch.tensor(classes[rows]))
        module.step()
    assert max(fresh.sizes) <= 6 * D  # whatever K is
    expected = before - 0.5 * center_delta(x, a, torch.tensor(classes), before)
    assert torch.equal(module.centers, expected)
    module.step()  # every sum was forgotten
    assert torch.equal(module.centers, expected)


def test_a_discarded_batch_of_many_classes_leaves_nothing_behind(generator: torch.Generator) -> None:
    module = ClassCenters(1000, D, generator=generator)
    before = module.centers.clone()
    module.accumulate(torch.randn(2, D, generator=generator), None, torch.tensor([7, 8]))
    module.discard()
    module.accumulate(torch.zeros(1, D), torch.zeros(1, D), torch.tensor([7]))  # weights of 0 ask for no move
    module.step()
    assert torch.equal(module.centers, before)


@pytest.mark.parametrize("num_classes", [4, 1000])
def test_no_number_is_read_off_a_device(num_classes: int) -> None:
    """The meta device has shapes and no numbers, so whatever would make a GPU wait raises there."""
    module = ClassCenters(num_classes, D).to("meta")
    module.accumulate(torch.ones(6, D, device="meta"), None, torch.zeros(6, dtype=torch.long, device="meta"))
    module.step()
    module.discard()
    assert module().shape == (num_classes, D)


def test_stepping_after_each_micro_batch_would_be_something_else(generator: torch.Generator) -> None:
    x, a, y, _ = make([0, 0, 0, 0], generator, torch.float32)
    joined, each = (ClassCenters(K, D, generator=torch.Generator().manual_seed(0)) for _ in range(2))
    joined.accumulate(x, a, y)
    joined.step()
    for rows in (slice(0, 2), slice(2, 4)):
        each.accumulate(x[rows], a[rows], y[rows])
        each.step()
    assert not torch.allclose(joined.centers, each.centers, atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 65536.0])
def test_centers_do_not_depend_on_lambda_or_on_a_loss_scaler(scale: float, generator: torch.Generator) -> None:
    x, a, y, _ = make([0, 1, 1, 3], generator, torch.float32)
    finals = []
    for lam in (0.0, 0.01, 1.0):
        module = ClassCenters(K, D, generator=torch.Generator().manual_seed(0))
        features = x.clone().requires_grad_()
        objective = Objective(SparseCenterLoss(), lam)
        terms = objective(torch.zeros(4, K), features, a, y, module())
        (scale * terms.total).backward()
        module.accumulate(features, a, y)
        module.step()
        finals.append(module.centers)
    assert torch.equal(finals[0], finals[1]) and torch.equal(finals[1], finals[2])


def test_no_optimizer_can_reach_the_centers(generator: torch.Generator) -> None:
    module = ClassCenters(K, D, generator=generator)
    assert list(module.parameters()) == []
    assert [name for name, _ in module.named_buffers()] == ["centers", "_sums", "_counts"]
    assert list(module.state_dict()) == ["centers"]
    assert not module.centers.requires_grad


def test_gradients_never_flow_into_or_through_a_step(generator: torch.Generator) -> None:
    x, a, y, _ = make([0, 1], generator, torch.float32)
    module = ClassCenters(K, D, generator=generator)
    module.accumulate(x.requires_grad_(), a.requires_grad_(), y)
    module.step()
    assert not module.centers.requires_grad and module.centers.grad_fn is None


@pytest.mark.parametrize(("init", "std"), [("fan_in_classes", 0.5345), ("fan_in_features", 0.0625)])
def test_initial_spread(init: str, std: float, generator: torch.Generator) -> None:
    centers = ClassCenters(7, 512, init=init, generator=generator).centers  # type: ignore[arg-type]
    assert centers.shape == (7, 512)
    # The sample deviation of 3,584 normal numbers lies within 4 % of the true one in all but 1 of 2,000 draws.
    assert centers.std().item() == pytest.approx(std, rel=0.04)
    assert abs(centers.mean().item()) < 4 * std / (7 * 512) ** 0.5


def test_half_precision_features_are_widened(generator: torch.Generator) -> None:
    x, a, y, _ = make([0, 1, 1], generator, torch.float32)
    half = ClassCenters(K, D, generator=torch.Generator().manual_seed(0))
    wide = ClassCenters(K, D, generator=torch.Generator().manual_seed(0))
    half.accumulate(x.bfloat16(), a.bfloat16(), y)
    wide.accumulate(x.bfloat16().float(), a.bfloat16().float(), y)
    half.step()
    wide.step()
    assert half.centers.dtype == torch.float32
    assert torch.equal(half.centers, wide.centers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 1.5}, "alpha"),
        ({"alpha": -0.1}, "alpha"),
        ({"eps": -1.0}, "eps"),
        ({"eps": float("inf")}, "eps must not be negative or infinite"),
        ({"init": "he"}, "unknown init"),
    ],
)
def test_wrong_constants_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClassCenters(K, D, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(("classes", "features"), [(0, D), (K, 0), (-1, D)])
def test_no_classes_and_no_features_are_refused(classes: int, features: int) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        ClassCenters(classes, features)


def test_wrong_shapes_and_labels_are_refused(generator: torch.Generator) -> None:
    x, a, y, _ = make([0, 1], generator, torch.float32)
    module = ClassCenters(K, D, generator=generator)
    with pytest.raises(ValueError, match="attention must have the shape"):
        module.accumulate(x, a[:, :1], y)
    with pytest.raises(ValueError, match="centers must have shape"):
        module.accumulate(x[:, :2], a[:, :2], y)
    with pytest.raises(IndexError, match="label 9 in row 1"):
        module.accumulate(x, a, torch.tensor([0, 9]))


def _process(rank: int, rendezvous: str, results: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    generator = torch.Generator().manual_seed(1)
    x, a, y, _ = make([0, 1, 1, 3, 3, 2, 0, 0], generator, torch.float32)
    module = ClassCenters(K, D, generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        mine = slice(rank * 5, 5 + rank * 3)  # unequal shares: 5 samples and 3
        module.accumulate(x[mine], a[mine], y[mine])
        module.step()
    torch.save(module.centers, f"{results}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_give_the_step_of_the_joined_batch(tmp_path) -> None:  # type: ignore[no-untyped-def]
    mp.spawn(_process, (str(tmp_path / "rendezvous"), str(tmp_path)), nprocs=2)
    x, a, y, _ = make([0, 1, 1, 3, 3, 2, 0, 0], torch.Generator().manual_seed(1), torch.float32)
    joined = ClassCenters(K, D, generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        joined.accumulate(x, a, y)
        joined.step()
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert torch.equal(first, second)
    torch.testing.assert_close(first, joined.centers, rtol=0, atol=1e-6)
