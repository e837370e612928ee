"""A gradient that a student wrote, against finite differences of the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from dacl_edu.check.answers import as_answer
from dacl_edu.check.gradients import by_autograd, compare_gradients
from dacl_edu.check.shown import in_a_sentence
from dacl_edu.check.values import diagnosis, shape


@in_a_sentence
def gradient(
    loss: Callable[..., Tensor],
    gradients: Callable[..., Mapping[str, Tensor]],
    inputs: Mapping[str, Tensor],
    wrt: tuple[str, ...],
    tolerance: float = 1e-6,
) -> None:
    """Check a student's gradient formula against finite differences of the loss, in float64.

    Parameters
    ----------
    loss : callable
        ``loss(**inputs)``, a scalar.
    gradients : callable
        ``gradients(**inputs)``, the student's gradients by name.
    inputs : mapping of str to Tensor
    wrt : tuple of str
        Which gradients must be there.
    tolerance : float, default 1e-6

    Raises
    ------
    AssertionError
        It raised an error, a gradient is missing, has another shape, or another value.

    Examples
    --------
    >>> import torch
    >>> gradient(lambda x: (x**2).sum(), lambda x: {"x": 2 * x}, {"x": torch.tensor([1.0, 2.0])}, ("x",))
    """
    wide = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
    answers = as_answer(gradients).call(**wide)
    assert isinstance(answers, Mapping), (
        f"the gradients come as a {type(answers).__name__}, but must be a dictionary of name and gradient"
    )
    for name in wrt:
        assert name in answers, f"the gradient with respect to {name} is missing"
        shape(answers[name], tuple(inputs[name].shape), f"the gradient with respect to {name}")
    for row in compare_gradients(loss, inputs, wrt, hand_written=gradients, tolerance=tolerance):
        if row.method == "hand-written" and not row.ok:
            name, got = f"the gradient with respect to {row.quantity}", answers[row.quantity].detach().double()
            want = by_autograd(loss, wide, (row.quantity,))[row.quantity]
            error = (got - want).abs()
            what = diagnosis(got, want, error) if float(error.max()) > tolerance else "differs from finite differences"
            raise AssertionError(f"{name} {what}; derive it again, one factor at a time")
