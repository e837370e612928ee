"""Compare gradients, shape first and then value: by hand, by autograd, by finite differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

HandWritten = Callable[..., Mapping[str, Tensor]]


@dataclass(frozen=True)
class GradientCheck:
    """One row of the comparison: one input, one way to differentiate.

    Attributes
    ----------
    quantity : str
        Name of the input.
    method : str
        ``"hand-written"``, ``"autograd"`` or ``"long-hand autograd"``, compared with finite differences.
    shape : tuple of int
        Shape that it has.
    expected_shape : tuple of int
        Shape of the input, which a gradient must have.
    largest_error : float or None
        Largest absolute difference to finite differences; None when the shapes differ, since then subtracting
        would broadcast and compare something else.
    verdict : str
        ``"ok"``, ``"wrong shape"`` or ``"wrong value"``.
    """

    quantity: str
    method: str
    shape: tuple[int, ...]
    expected_shape: tuple[int, ...]
    largest_error: float | None
    verdict: str

    @property
    def ok(self) -> bool:
        """Whether shape and value agree."""
        return self.verdict == "ok"


def compare_gradients(
    loss: Callable[..., Tensor],
    inputs: Mapping[str, Tensor],
    wrt: tuple[str, ...] = ("features", "attention"),
    hand_written: HandWritten | None = None,
    reference: Callable[..., Tensor] | None = None,
    step: float = 1e-6,
    tolerance: float = 1e-7,
) -> list[GradientCheck]:
    """Differentiate ``loss`` in every way given and compare each with central finite differences, in float64.

    Parameters
    ----------
    loss : callable
        Called as ``loss(**inputs)``; returns a scalar. Its autograd gradient is the first thing compared: for
        :func:`dacl_edu.losses.sparse_center_loss` that is the hand-written backward of Eq. 9 and 10.
    inputs : mapping of str to Tensor
        Floating-point tensors are widened to float64; the others (labels) are handed on.
    wrt : tuple of str, default ("features", "attention")
        The inputs to differentiate by.
    hand_written : callable, optional
        Called as ``hand_written(**inputs)``; returns gradients by name, e.g. a student's formula.
    reference : callable, optional
        The same loss written with plain tensor operations, differentiated by autograd.
    step : float, default 1e-6
        Half the distance of the two points of a finite difference.
    tolerance : float, default 1e-7
        Largest absolute difference that counts as equal; finite differences themselves err by about 1e-9.

    Returns
    -------
    list of GradientCheck
        Shapes are compared before values.

    Raises
    ------
    ValueError
        ``wrt`` names no input, or the loss is no scalar.

    Examples
    --------
    >>> import torch
    >>> from dacl_edu.losses import sparse_center_loss
    >>> inputs = {"features": torch.rand(3, 2), "attention": torch.rand(3, 2),
    ...           "labels": torch.tensor([0, 1, 0]), "centers": torch.rand(2, 2)}
    >>> def forgot_the_half(features, attention, labels, centers):
    ...     return {"attention": (features - centers[labels]).square() / len(labels)}
    >>> [(row.quantity, row.method, row.verdict)
    ...  for row in compare_gradients(sparse_center_loss, inputs, hand_written=forgot_the_half)]
    [('features', 'autograd', 'ok'), ('attention', 'autograd', 'ok'), ('attention', 'hand-written', 'wrong value')]
    """
    for name in wrt:
        if name not in inputs:
            raise ValueError(f"wrt names {name!r}, but the inputs are {', '.join(inputs)}")
    wide = {name: t.detach().double() if t.is_floating_point() else t.detach() for name, t in inputs.items()}
    numeric = {name: _finite_differences(loss, wide, name, step) for name in wrt}

    ways: dict[str, Mapping[str, Tensor]] = {"autograd": by_autograd(loss, wide, wrt)}
    if reference is not None:
        ways["long-hand autograd"] = by_autograd(reference, wide, wrt)
    if hand_written is not None:
        ways["hand-written"] = hand_written(**wide)
    return [
        _check(name, method, gradients[name], numeric[name], tolerance)
        for method, gradients in ways.items()
        for name in wrt
        if name in gradients
    ]


def gradient_table(checks: list[GradientCheck]) -> str:
    """Return the comparison as text: quantity, method, shape, largest error, verdict.

    Examples
    --------
    >>> print(gradient_table([GradientCheck("features", "autograd", (3, 2), (3, 2), 1e-10, "ok")]))
    quantity   method              shape     largest error  verdict
    features   autograd            (3, 2)    below 1e-7     ok
    """
    lines = [f"{'quantity':<11}{'method':<20}{'shape':<10}{'largest error':<15}verdict"]
    for check in checks:
        if check.largest_error is None:
            error = "–"
        elif check.largest_error < 1e-7:
            error = "below 1e-7"  # the digits below are noise and differ between machines
        else:
            error = f"{check.largest_error:.1e}"
        lines.append(f"{check.quantity:<11}{check.method:<20}{check.shape!s:<10}{error:<15}{check.verdict}")
    return "\n".join(lines)


def _check(name: str, method: str, gradient: Tensor, numeric: Tensor, tolerance: float) -> GradientCheck:
    shape, expected = tuple(gradient.shape), tuple(numeric.shape)
    if shape != expected:
        return GradientCheck(name, method, shape, expected, None, "wrong shape")
    error = float((gradient - numeric).abs().max())
    # written so that a NaN is a wrong value
    return GradientCheck(name, method, shape, expected, error, "ok" if error <= tolerance else "wrong value")


def by_autograd(loss: Callable[..., Tensor], inputs: Mapping[str, Tensor], wrt: tuple[str, ...]) -> dict[str, Tensor]:
    """Return the gradients of a loss by name, zeros for an input that it does not use."""
    leaves = {name: t.clone().requires_grad_() if name in wrt else t for name, t in inputs.items()}
    value = _scalar(loss(**leaves))
    gradients = torch.autograd.grad(value, [leaves[name] for name in wrt], allow_unused=True)
    return {n: torch.zeros_like(inputs[n]) if g is None else g for n, g in zip(wrt, gradients, strict=True)}


def _finite_differences(loss: Callable[..., Tensor], inputs: Mapping[str, Tensor], name: str, step: float) -> Tensor:
    point = inputs[name].clone()
    slope = torch.zeros_like(point)
    flat, flat_slope = point.view(-1), slope.view(-1)
    with torch.no_grad():
        for index in range(flat.numel()):
            centre = flat[index].item()
            flat[index] = centre + step
            above = _scalar(loss(**{**inputs, name: point})).item()
            flat[index] = centre - step
            below = _scalar(loss(**{**inputs, name: point})).item()
            flat[index] = centre
            flat_slope[index] = (above - below) / (2 * step)
    return slope


def _scalar(value: Tensor) -> Tensor:
    if value.shape != ():
        raise ValueError(f"the loss must be a scalar, but has the shape {tuple(value.shape)}")
    return value
