"""Counts what an expression allocates: the cost that does not depend on a busy machine."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class FreshArrays(TorchDispatchMode):
    """Notes the size of each array that an operation makes, forward and backward; views and in-place results are none.

    Attributes
    ----------
    sizes : list of int
        Elements of each new array, in the order in which they were made.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        result = function(*arguments, **(keywords or {}))
        given = torch.utils._pytree.tree_leaves((arguments, keywords))
        known = {t.untyped_storage()._cdata for t in given if isinstance(t, Tensor)}
        for made in torch.utils._pytree.tree_leaves(result):
            if isinstance(made, Tensor) and made.untyped_storage()._cdata not in known:
                self.sizes.append(made.numel())
        return result
