"""Lesson 08's program is small, stands alone and takes the package's steps; the derivations of lesson 09 are autograd's."""

from __future__ import annotations

import ast
import types
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dacl_edu.criterion import DACLLoss
from dacl_edu.lessons.scratch import own_code
from dacl_edu.model import DACL

LESSONS = Path(__file__).parents[2] / "notebooks"
PROGRAM = own_code(LESSONS / "08_from_scratch.ipynb")


def module(program: str) -> Any:
    made = types.ModuleType("mydacl")
    exec(compile(program, "mydacl.py", "exec"), vars(made))
    return made


def imported(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
    return names


# ------------------------------------------------------------------------------------------- lesson 08


def test_the_program_is_small_and_needs_pytorch_alone() -> None:
    assert 50 < sum(1 for line in PROGRAM.splitlines() if line.strip()) <= 200
    assert {name.partition(".")[0] for name in imported(PROGRAM)} == {"torch"}


def test_before_the_comparison_the_lesson_takes_only_faces_figures_and_checks_from_the_package() -> None:
    cells = nbformat.read(LESSONS / "08_from_scratch.ipynb", as_version=4).cells
    end = next(i for i, cell in enumerate(cells) if cell.source.startswith("## Is it the same as the package?"))
    used = {name for cell in cells[:end] if cell.cell_type == "code" for name in imported(cell.source)}
    own = {name for name in used if name.startswith("dacl_edu")}
    allowed = {"dacl_edu", "dacl_edu.data", "dacl_edu.lessons.display", "dacl_edu.check.exercise"}  # dacl_edu: check
    assert own <= allowed | {"dacl_edu.plots", "dacl_edu.plots.style"}


def apart_from_the_package(program: str, steps: int = 3) -> float:
    """Largest difference of a loss, a gradient or a center over some steps in float64."""
    mine = module(program)
    torch.manual_seed(0)
    ours, package = mine.DACL((16, 32, 64, 128), side=32).double(), DACL("small_resnet", image_size=32).double()
    numbers = ours.state_dict().values()
    package.load_state_dict(dict(zip(package.state_dict(), numbers, strict=True)))
    criterion = DACLLoss(num_classes=7, feature_dim=128, lam=0.1).double()
    c = criterion.centers().clone()
    sgd = [torch.optim.SGD(one.parameters(), lr=0.05, momentum=0.9) for one in (ours, package)]
    worst = 0.0
    for _ in range(steps):
        images, y = torch.randn(12, 3, 32, 32).double(), torch.randint(0, 7, (12,))
        loss, c = mine.step(ours, sgd[0], images, y, c, lam=0.1)
        output = package(images)
        sgd[1].zero_grad()
        theirs = criterion(output.logits, output.features, y, output.attention)
        theirs.backward()
        sgd[1].step()
        criterion.step()
        pairs = [(p.grad, q.grad) for p, q in zip(ours.parameters(), package.parameters(), strict=True)]
        differences = [float((p - q).abs().max()) for p, q in [*pairs, (c, criterion.centers())]]
        worst = max(worst, abs(loss - theirs.item()), *differences)
    return worst


def test_the_program_takes_the_steps_of_the_package() -> None:
    assert apart_from_the_package(PROGRAM) < 1e-10


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("(eps + n)", "(2 * eps + n)"),
        ("g * D**2 / (2 * len(D))", "g * D**2 / len(D)"),
        ("return g * a * D", "return g * D"),
        ("[:, :, 1]", "[:, :, 0]"),
        ("layers[-1] = nn.Tanh()", "pass"),
        ("(a * D**2).sum() / (2", "(a * D**2).sum() / (1"),
        ("c = move(x.detach()", "move(x.detach()"),
    ],
)
def test_a_fault_in_the_program_is_noticed(right: str, wrong: str) -> None:
    broken = PROGRAM.replace(right, wrong)
    assert broken != PROGRAM
    try:
        found = apart_from_the_package(broken, steps=2)
    except (TypeError, ValueError, UnboundLocalError):
        return  # it does not even run
    assert found > 1e-6


# ------------------------------------------------------------------------------------------- lesson 09


def definitions(notebook: str) -> dict[str, Any]:
    """The functions and classes of a notebook, without running anything else of it."""
    space: dict[str, Any] = {"torch": torch, "mydacl": module(PROGRAM), "beta": 0.05}
    space |= {name: getattr(space["mydacl"], name) for name in ("sparse_center_loss", "center_step")}
    for cell in nbformat.read(LESSONS / notebook, as_version=4).cells:
        if cell.cell_type == "code" and not cell.source.startswith("%%"):
            body = [node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
            exec(compile(ast.Module(body, []), notebook, "exec"), space)
    return space


CHANGES = definitions("09_change_it.ipynb")


@pytest.fixture(params=[(5, 3, 4), (1, 2, 2), (32, 8, 7)], ids=str)
def batch(request: pytest.FixtureRequest, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    m, d, classes = request.param
    x, c = torch.randn(m, d, generator=generator).double(), torch.randn(classes, d, generator=generator).double()
    a = 0.05 + 0.9 * torch.rand(m, d, generator=generator).double()
    return x, a, torch.randint(0, classes, (m,), generator=generator), c


def slopes(loss: Any, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, ...]:
    x, a, y, c = batch
    leaves = x.clone().requires_grad_(), a.clone().requires_grad_()
    return torch.autograd.grad(loss(*leaves, y, c), leaves)


@pytest.mark.parametrize(("loss", "answer"), [("normalised", "answer_b"), ("rewarded", "answer_c")])
def test_the_derived_slope_by_attention_is_autograds(loss: str, answer: str, batch: Any) -> None:
    # The program's Function gives Eq. 9 and 10 by hand; the formula below is left to autograd alone.
    plain = {
        "normalised": lambda x, a, y, c: (a / a.mean(1, keepdim=True) * (x - c[y]) ** 2).sum() / (2 * len(x)),
        "rewarded": lambda x, a, y, c: ((a * (x - c[y]) ** 2) / 2 - 0.05 * a).sum() / len(x),
    }[loss]
    expected = slopes(plain, batch)
    for one, other in zip(slopes(CHANGES[loss], batch), expected, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)
    assert torch.allclose(CHANGES[answer](*batch), expected[1], rtol=0, atol=1e-12)


def test_the_slopes_of_the_absolute_distance_are_autograds(batch: Any) -> None:
    for one, other in zip(CHANGES["answer_d"](*batch), slopes(CHANGES["absolute"], batch), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)


def test_the_rule_with_summed_attention_rests_at_the_weighted_mean_and_leaves_absent_classes(batch: Any) -> None:
    x, a, y, c = batch
    new = CHANGES["answer_move"](x, a, y, c, alpha=1.0, eps=0.0)
    for k in range(len(c)):
        own = y == k
        mean = (a[own] * x[own]).sum(0) / a[own].sum(0) if own.any() else None
        assert mean is None or torch.allclose(new[k], mean)
    absent = torch.bincount(y, minlength=len(c)) == 0
    assert torch.equal(CHANGES["answer_move"](x, a, y, c)[absent], c[absent])


def test_the_gate_lets_the_softmax_loss_reach_attention_by_the_derived_slope() -> None:
    torch.manual_seed(0)
    images, y = torch.randn(6, 3, 24, 24), torch.randint(0, 7, (6,))
    for network, reached in ((CHANGES["mydacl"].DACL, False), (CHANGES["Gated"], True)):
        net = network((8, 16, 32, 64), 24)
        z, x, a = net(images)
        loss = F.cross_entropy(z, y)
        (found,) = torch.autograd.grad(loss, a, allow_unused=True, retain_graph=True)
        assert (found is not None) == reached
    derived = CHANGES["answer_e"](x, a, y, net.classifier.weight, z.softmax(dim=1))
    assert torch.allclose(found, derived, rtol=0, atol=1e-7)
    assert (derived > 0).any() and (derived < 0).any()
