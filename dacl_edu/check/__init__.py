"""Checks that a student's answer meets: shape, then value, then gradient, then invariances, each with a message.

Each check is silent about the answer: it says what is wrong and where to look. It raises ``AssertionError``, so a wrong
answer is a red cell and a failing test.
"""

from dacl_edu._moved import old_names
from dacl_edu.check.formula import gradient
from dacl_edu.check.gradients import compare_gradients, gradient_table
from dacl_edu.check.properties import (
    TOLERANCE,
    autograd_gradients,
    by_hand,
    duplicated,
    no_gradient,
    own_backward,
    own_work,
    permutation,
    scaling,
    unchanged,
)
from dacl_edu.check.values import call, shape, value

__all__ = [
    "TOLERANCE", "autograd_gradients", "by_hand", "call", "compare_gradients", "duplicated", "gradient",
    "gradient_table", "no_gradient", "own_backward", "own_work", "permutation", "scaling", "shape", "unchanged",
    "value",
]  # fmt: skip

__getattr__ = old_names(__name__)  # names of the last release
