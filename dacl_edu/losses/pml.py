"""Every pair and triplet loss of pytorch-metric-learning, as a :class:`MetricLoss`."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from torch import Tensor

from dacl_edu.errors import UserError
from dacl_edu.losses.base import MetricLoss
from dacl_edu.text import nearest

PML_INSTALL = "pip install 'dacl-edu[pml]'"

WITH_WEIGHTS = ("ManifoldLoss", "P2SGradLoss")
"""Classes with weights of their own that the library does not mark as such."""

WITHOUT_LABELS = ("VICRegLoss",)
"""Classes that compare two views of an image and take no labels."""

SMALLEST_ATTENTION = 1e-6
"""Floor below which attention is lifted before its root is taken: the slope of the root is infinite at 0."""


class PmlLoss(MetricLoss):
    r"""A loss of pytorch-metric-learning on the deep features: triplet, N-pair, contrastive and the others.

    It compares the samples of a batch with one another and does not read the centers, which go on following Eq. 11.
    A batch without any pair gives 0, with a gradient of 0.

    Parameters
    ----------
    class_name : str
        A class of ``pytorch_metric_learning.losses``, e.g. ``"TripletMarginLoss"``; see :func:`available_pml_losses`.
    **parameters
        Handed to that class. ``distance``, ``reducer`` and ``embedding_regularizer`` may be the name of a class of
        the library, or a dictionary of its ``"name"`` and its arguments, as the command line can write them.

    Raises
    ------
    UserError
        The library is not installed, there is no such class, a parameter is wrong, or the loss has weights of its
        own: the trainer trains, saves and resumes those of the network alone.

    References
    ----------
    K. Musgrave, S. Belongie, S.-N. Lim: PyTorch Metric Learning. arXiv:2008.09164, 2020. Each class of the library
    names its own source.

    Notes
    -----
    By default the library scales the features to length 1 before it compares them. For the plain Euclidean distance
    give ``distance={"name": "LpDistance", "normalize_embeddings": False}``.

    Examples
    --------
    The pair of one class is at distance 1 and the third sample at 2 and 3, so with a margin of 2 the two triplets
    miss it by 1 - 2 + 2 and 1 - 3 + 2:

    >>> import torch
    >>> loss = PmlLoss("TripletMarginLoss", margin=2.0, distance={"name": "LpDistance", "normalize_embeddings": False})
    >>> x = torch.tensor([[1.0], [0.0], [3.0]]); y = torch.tensor([0, 0, 1])
    >>> loss(x, torch.ones_like(x), y, torch.zeros(2, 1)).item()  # the mean of those that are not 0
    1.0
    """

    uses_attention = False

    def __init__(self, class_name: str, **parameters: Any) -> None:
        super().__init__()
        self.class_name = class_name
        self.loss = _build(class_name, parameters)

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """The library's loss of the features; ``centers`` are not read."""
        loss: Tensor = self.loss(self.weighted(features, attention), labels)
        return loss

    def weighted(self, features: Tensor, attention: Tensor) -> Tensor:
        """Return what the library sees, (m, d): the features as they are."""
        return features


class AttentivePmlLoss(PmlLoss):
    r"""A loss of pytorch-metric-learning in its attentive form: it sees :math:`\sqrt{a_{ij}}\, x_{ij}`.

    The library sees vectors and no weights, so the weights go into the vectors. For two samples with the same
    attention :math:`a` the Euclidean distance is then the weighted one of Eq. 4,

    .. math:: \sum_j (\sqrt{a_j} x_{1j} - \sqrt{a_j} x_{2j})^2 = \sum_j a_j (x_{1j} - x_{2j})^2 ,

    and the scalar product the weighted one, :math:`\sum_j a_j x_{1j} x_{2j}`. For two samples with different
    attention there is no single weighted distance; this one then also sees that their attention differs.
    Parameters and errors as :class:`PmlLoss`.

    Examples
    --------
    >>> import torch
    >>> loss = AttentivePmlLoss("ContrastiveLoss", distance={"name": "LpDistance", "normalize_embeddings": False})
    >>> x = torch.tensor([[1.0], [0.0]]); y = torch.tensor([0, 0])
    >>> loss(x, torch.full_like(x, 0.25), y, torch.zeros(2, 1)).item()  # sqrt(0.25) * 1
    0.5
    """

    uses_attention = True

    def weighted(self, features: Tensor, attention: Tensor) -> Tensor:
        """Return what the library sees, (m, d): each feature times the root of its weight."""
        return attention.clamp_min(SMALLEST_ATTENTION).sqrt() * features


def available_pml_losses() -> tuple[str, ...]:
    """Return the classes that :class:`PmlLoss` takes, sorted; those with weights of their own are left out.

    Raises
    ------
    UserError
        The library is not installed.

    Examples
    --------
    >>> {"TripletMarginLoss", "NPairsLoss", "ContrastiveLoss"} <= set(available_pml_losses())
    True
    >>> "ProxyAnchorLoss" in available_pml_losses()
    False
    """
    library = _library()
    return tuple(name for name in _classes(library) if not _has_weights(library, name))


def _build(name: str, parameters: dict[str, Any]) -> Any:
    library = _library()
    if name not in _classes(library):
        raise UserError(
            f"pytorch-metric-learning has no loss {name!r} for a batch and its labels",
            hint=nearest(name, available_pml_losses()),
        )
    if _has_weights(library, name):
        raise _weights_error(name)
    try:
        loss = getattr(library.losses, name)(**_resolved(library, parameters))
    except (TypeError, ValueError, KeyError, AssertionError) as error:
        own = [word for word in inspect.signature(getattr(library.losses, name)).parameters if word != "kwargs"]
        takes = ", ".join([*own, "distance", "reducer", "embedding_regularizer", "embedding_reg_weight"])
        raise UserError(f"loss 'pml:{name}': {error}", hint=f"it takes {takes}") from error
    if any(True for _ in loss.parameters()):  # some have them only with some parameters, e.g. learn_beta
        raise _weights_error(name)
    return loss


def _resolved(library: ModuleType, parameters: dict[str, Any]) -> dict[str, Any]:
    """Replace names of the library's distances, reducers and regularizers by objects."""
    modules = {"distance": "distances", "reducer": "reducers", "embedding_regularizer": "regularizers"}
    resolved = dict(parameters)
    for key in modules.keys() & parameters.keys():
        value = {"name": parameters[key]} if isinstance(parameters[key], str) else parameters[key]
        if not isinstance(value, dict):
            continue  # already an object of the library
        arguments = {word: argument for word, argument in value.items() if word != "name"}
        found = getattr(getattr(library, modules[key]), str(value.get("name")), None)
        if not inspect.isclass(found):
            raise UserError(
                f"pytorch-metric-learning has no {key} {value.get('name')!r}",
                hint=f"""a name, or {{"name": …}}, of a class of pytorch_metric_learning.{modules[key]}""",
            )
        resolved[key] = found(**arguments)
    return resolved


def _library() -> ModuleType:
    try:
        import pytorch_metric_learning as library
        from pytorch_metric_learning import distances, losses, reducers, regularizers  # noqa: F401
    except ImportError as error:
        raise UserError("losses that begin with 'pml:' need pytorch-metric-learning", PML_INSTALL) from error
    return library


def _classes(library: ModuleType) -> list[str]:
    """Names of the classes that take features and labels: no wrappers of other losses and no base classes."""
    base = library.losses.BaseMetricLossFunction
    others = ("BaseMetricLossFunction", "GenericPairLoss", *WITHOUT_LABELS)
    found = inspect.getmembers(library.losses, lambda item: inspect.isclass(item) and issubclass(item, base))
    return sorted(name for name, _ in found if name not in others)


def _has_weights(library: ModuleType, name: str) -> bool:
    from pytorch_metric_learning.losses.mixins import WeightMixin

    return name in WITH_WEIGHTS or issubclass(getattr(library.losses, name), WeightMixin)


def _weights_error(name: str) -> UserError:
    return UserError(
        f"loss 'pml:{name}' has weights of its own, and only those of the network are trained and saved here",
        hint="choose a pair or triplet loss; 'dda' compares features with the class centers in place of such weights",
    )
