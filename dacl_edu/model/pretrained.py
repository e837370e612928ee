"""Load published weights into a DACL model: strictly, and with a report of what went where."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal

import torch
from torch import Tensor

from dacl_edu._moved import old_names
from dacl_edu.errors import UserError
from dacl_edu.model import DACL
from dacl_edu.model.backbones import SMALL_RESNET, timm_network

MIN_BACKBONE_FRACTION = 0.95
"""Below this share of fitting backbone tensors a file is for another network, and is refused."""

_WRAPPERS = re.compile(r"^(module\.|_orig_mod\.)+")  # what DataParallel and torch.compile put in front of each name
_BATCH_COUNTER = ".num_batches_tracked"  # absent from files older than PyTorch 0.4.1, and read by nothing here
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)")  # names of torchvision's published files
_NESTED = ("model", "model_state_dict", "state_dict")  # this project, the authors of DACL, most others
_SHOWN = 3  # names an error message or a line of the report spells out


@dataclass(frozen=True)
class LoadReport:
    """What :func:`load_pretrained` did with each tensor.

    Attributes
    ----------
    source : str
        The file, or the name of the published weights.
    matched : tuple of str
        Names in the model that were loaded.
    missing : tuple of str
        Names in the model that the source lacks; they keep their values. BatchNorm's ``num_batches_tracked`` is
        never among them.
    unexpected : tuple of str
        Names in the source, as written there, that have no place in the model.
    mismatched : dict of str to (tuple of int, tuple of int)
        Names in the model that were skipped because the shapes differ: (shape in the source, shape in the model).
    backbone_fraction : float
        Share of the backbone's tensors, ``num_batches_tracked`` aside, that were loaded: 0.95 .. 1.

    Examples
    --------
    >>> report = LoadReport("faces.pth", ("backbone.network.conv1.weight",), ("attention.heads.linear.bias",), (),
    ...                        {"classifier.bias": ((1000,), (7,))}, 1.0)
    >>> print(report)
    faces.pth: 100.0% of the backbone's tensors, 1 tensors in all
      not in the source, left as they were: 1 (attention.heads.linear.bias)
      another shape, skipped: 1 (classifier.bias (1000,) for (7,))
    """

    source: str
    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    backbone_fraction: float

    def __str__(self) -> str:
        lines = [
            f"{self.source}: {self.backbone_fraction:.1%} of the backbone's tensors, {len(self.matched)} tensors in all"
        ]
        for label, names in (
            ("not in the source, left as they were", self.missing),
            ("another shape, skipped", _with_shapes(self.mismatched)),
            ("in the source, not in the model", self.unexpected),
        ):
            if names:
                lines.append(f"  {label}: {len(names)} ({_first(names)})")
        return "\n".join(lines)


def load_pretrained(
    model: DACL,
    source: str | Path,
    classes: Sequence[str] | None = None,
    other_classes: Literal["same", "shared", "fresh"] = "same",
) -> LoadReport:
    """Load published or saved weights into ``model``, or refuse and leave it as it was.

    Parameters
    ----------
    model : DACL
        Changed in place.
    source : str or Path
        - ``"imagenet"``: the weights that torchvision (or timm, for a ``timm:`` backbone) publishes for the model's
          backbone; downloaded once, then read from the cache.
        - A file, read with ``torch.load(weights_only=True)`` or, if it ends in ``.safetensors``, with safetensors. It
          holds a state dict, bare or under ``"state_dict"`` (the usual face-recognition weights), under
          ``"model_state_dict"`` (what the authors' code saves) or under ``"model"`` (this project's
          checkpoints; only the model is read from them). Names are torchvision's, timm's, the released code's or
          this project's, with or without ``module.`` in front.
    classes : sequence of str, optional
        Those of the model, to be compared with those that this project's checkpoints name.
    other_classes : {"same", "shared", "fresh"}, default "same"
        What becomes of a checkpoint of other classes: it is refused; or the classifier's rows of the classes that both
        have are taken, by name; or none of them. All other tensors are taken in both cases.

    Returns
    -------
    LoadReport
        Print it: a classifier of another size, for example, is skipped and listed.

    Raises
    ------
    UserError
        A source of other classes, that cannot be had or read, that holds anything but tensors and plain containers,
        that fits less than 95 % of the backbone's tensors or is a deeper network's, or that holds NaN or infinity.

    Notes
    -----
    The order of the classes is the file's. The authors' code numbers them by its folders, whose order in their README
    is AffectNet's own, neutral, happiness, sadness, ...: backbone and attention of such a file are fit for use, its
    classifier's rows are not this project's. A file cannot tell. (The trained DACL models are announced there as
    "soon"; files that one trains with that code load here.)

    Examples
    --------
    >>> import tempfile, torch
    >>> trained, fresh = DACL("small_resnet", image_size=56), DACL("small_resnet", image_size=56)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     torch.save({"model": trained.state_dict()}, f"{folder}/checkpoint.pt")
    ...     report = load_pretrained(fresh, f"{folder}/checkpoint.pt")
    >>> report.backbone_fraction, report.missing, report.unexpected, report.mismatched
    (1.0, (), (), {})
    >>> torch.equal(fresh.classifier.weight, trained.classifier.weight)
    True
    """
    if source == "imagenet":
        label, tensors = _published(model)
    else:
        label, (tensors, theirs) = str(source), _read(Path(source))
        if theirs is not None and classes is not None and theirs != tuple(classes):
            if other_classes == "same":
                require_same_classes(label, theirs, classes)
            tensors = _rows_by_name(model, tensors, theirs, classes if other_classes == "shared" else ())
    values, report, strays = _match(model, label, tensors)
    _refuse_unfit(model, report, strays)
    for name, value in values.items():
        if not torch.isfinite(value).all():
            raise UserError(f"{label}: {name} holds NaN or infinity", hint="take weights from before training diverged")
    model.load_state_dict(values, strict=False)  # the one line that changes the model
    return report


def require_same_classes(source: str, theirs: Sequence[str], ours: Sequence[str]) -> None:
    """Refuse a checkpoint of other classes.

    Raises
    ------
    UserError
        Names both lists, and how classes that both have can be used.

    Examples
    --------
    >>> require_same_classes("a.pt", ["cat", "dog"], ["cat", "dog"])
    >>> require_same_classes("a.pt", ["cat", "dog"], ["dog", "eel"])
    Traceback (most recent call last):
    ...
    dacl_edu.errors.UserError: a.pt is of the classes cat, dog; these data have dog, eel — both have dog: to start ...
    """
    if tuple(theirs) == tuple(ours):
        return
    both = [name for name in ours if name in theirs]
    raise UserError(
        f"{source} is of the classes {', '.join(theirs)}; these data have {', '.join(ours)}",
        hint=f"both have {', '.join(both) or 'none'}: to start from it, --pretrained with --pretrained-classes shared "
        "(or fresh); to measure it on them, dacl-edu evaluate maps classes by name",
    )


def _rows_by_name(
    model: DACL, tensors: Mapping[str, Any], theirs: Sequence[str], classes: Sequence[str]
) -> dict[str, Any]:
    """Put the rows of the shared classes into the model's own classifier, and take that."""
    both = [(ours, list(theirs).index(name)) for ours, name in enumerate(classes) if name in theirs]
    mixed = {}
    for name, own in model.classifier.state_dict().items():
        mixed[name] = own.clone()
        for ours, at in both:
            mixed[name][ours] = tensors[f"classifier.{name}"][at]
    return {**tensors, **{f"classifier.{name}": value for name, value in mixed.items()}}


def _match(model: DACL, label: str, tensors: Mapping[str, Any]) -> tuple[dict[str, Tensor], LoadReport, list[str]]:
    """Return the values to load, the report, and the source's names that belong to a deeper backbone."""
    own = model.state_dict()
    values: dict[str, Tensor] = {}
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    unexpected: list[str] = []
    for written, tensor in tensors.items():
        name = _own_name(written, own)
        if name is None or name in values or not isinstance(tensor, Tensor):
            unexpected.append(written)
        elif tensor.shape != own[name].shape:
            mismatched[name] = (tuple(tensor.shape), tuple(own[name].shape))
        else:
            values[name] = tensor.to(own[name].dtype)
    missing = [name for name in own if name not in values and name not in mismatched and _counts(name)]
    backbone = [name for name in own if name.startswith("backbone.") and _counts(name)]
    fraction = sum(name in values for name in backbone) / len(backbone)
    # "layer1.2.conv1.weight" is no name of ResNet-18, but "layer1" is: the file is a deeper ResNet's.
    parts = {_backbone_part(name) for name in backbone}
    strays = [name for name in unexpected if _backbone_part(_WRAPPERS.sub("", name)) in parts and _counts(name)]
    report = LoadReport(label, tuple(values), tuple(missing), tuple(unexpected), mismatched, fraction)
    return values, report, strays


def _own_name(written: str, own: Mapping[str, Tensor]) -> str | None:
    """Return the model's name of a tensor that the source calls ``written``; None if the model has no such tensor."""
    name = _OLD_DENSENET.sub(r"\1\2", _WRAPPERS.sub("", written))
    candidates = [name, f"backbone.network.{name}", f"backbone.{name}"]
    # The released code's names, and torchvision's of ResNet's classifier.
    for theirs, ours in (
        ("fc.", "classifier."),
        ("attention_heads.", "attention.heads.linear."),
        ("attention.", "attention.encoder.layers."),
    ):
        if name.startswith(theirs):
            candidates.append(ours + name.removeprefix(theirs))
    return next((candidate for candidate in candidates if candidate in own), None)


def _counts(name: str) -> bool:
    return not name.endswith(_BATCH_COUNTER)


def _backbone_part(name: str) -> str:
    return name.removeprefix("backbone.").removeprefix("network.").partition(".")[0]


def _refuse_unfit(model: DACL, report: LoadReport, strays: list[str]) -> None:
    backbone = [name for name in model.state_dict() if name.startswith("backbone.") and _counts(name)]
    another = f"build the model the file was made for; this one is DACL(backbone={model.backbone_name!r})"
    if report.backbone_fraction < MIN_BACKBONE_FRACTION:
        theirs = (*report.unexpected, *_with_shapes(report.mismatched))
        ours = [name for name in backbone if name not in report.matched]
        raise UserError(
            f"{report.source} fits only {report.backbone_fraction:.1%} of the backbone's tensors: "
            f"the model wants {_first(ours)}; the source has {_first(theirs) or 'nothing else'}",
            hint=another,
        )
    if len(strays) > (1 - MIN_BACKBONE_FRACTION) * len(backbone):
        raise UserError(
            f"{report.source} is a larger network's: {report.backbone_fraction:.1%} of the backbone's tensors fit, "
            f"but {len(strays)} more in the source have no place: {_first(strays)}",
            hint=another,
        )


def _read(path: Path) -> tuple[Mapping[str, Any], tuple[str, ...] | None]:
    """Return the state dict of a file, and the names of its classes where it says them."""
    if not path.is_file():
        raise UserError(
            f"weights {str(path)!r}: {'is a folder' if path.is_dir() else 'there is no such file'}",
            hint="give the path of a weights file, or 'imagenet'",
        )
    try:
        content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    except UserError:
        raise
    except Exception as error:  # arbitrary bytes make the readers fail in any way, KeyError and struct.error included
        raise UserError(
            f"{path} is no readable weights file ({type(error).__name__}: {_reason(error)})",
            hint="the download may be incomplete or a web page; fetch it again",
        ) from error
    named = content.get("classes") if isinstance(content, Mapping) else None
    for key in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not any(isinstance(value, Tensor) for value in content.values()):
        found = ", ".join(map(str, list(content)[:_SHOWN])) if isinstance(content, Mapping) else type(content).__name__
        raise UserError(
            f"{path} holds no weights (it has: {found})", hint=f"a state dict, bare or under one of {_NESTED}"
        )
    classes = tuple(map(str, named)) if isinstance(named, list) else None
    return {str(key): value for key, value in content.items()}, classes


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError) as error:
        # The file would run code of its own while it is read. PyTorch's message advises to let it; ours does not.
        if re.search(r"unsupported global|unsupported class|cannot use ``?weights_only", str(error), re.IGNORECASE):
            named = re.search(r"GLOBAL (\S+)", str(error))
            raise UserError(
                f"{path} holds Python objects{f' ({named[1]})' if named else ''} and not only tensors: refused, "
                "since reading such a file runs whatever code it names",
                hint="where you trust it, save its state_dict() alone, with torch.save, and load that",
            ) from error
        raise


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise UserError(f"{path} needs safetensors", hint="pip install safetensors") from error
    return load_file(path)


def _published(model: DACL) -> tuple[str, Mapping[str, Tensor]]:
    """Return label and state dict of the backbone's published weights, from the cache or downloaded."""
    name = model.backbone_name
    if name == SMALL_RESNET:
        raise UserError(
            "there are no published weights for the backbone 'small_resnet'",
            hint="train it from scratch, or use resnet18",
        )
    if name.startswith("timm:"):
        return _published_by_timm(name.removeprefix("timm:"), model.image_size)
    import torchvision

    weights = torchvision.models.get_model_weights(name).DEFAULT
    try:
        # Building the whole classifier, and not only reading its file, lets torchvision mend what old files lack.
        network = torchvision.models.get_model(name, weights=weights)
    except (OSError, RuntimeError) as error:  # no connection; a download whose hash is wrong
        raise UserError(
            f"cannot get the weights {weights} from {weights.url} ({_reason(error)})",
            hint=f"download it elsewhere, and pass the file or put it into {torch.hub.get_dir()}/checkpoints",
        ) from error
    return f"imagenet ({weights})", network.state_dict()


def _published_by_timm(name: str, image_size: int) -> tuple[str, Mapping[str, Tensor]]:
    import timm

    if not timm.models.is_model_pretrained(name):
        raise UserError(
            f"timm publishes no weights for {name!r}", hint="choose another backbone, or train from scratch"
        )
    try:
        network = timm_network(name, image_size, pretrained=True)
    except Exception as error:  # the hub's client raises its own errors, which are neither OSError nor of one family
        config = timm.get_pretrained_cfg(name)
        place = (config and (config.hf_hub_id or config.url)) or "the Hugging Face hub"
        raise UserError(
            f"cannot get timm's weights of {name!r} from {place} ({_reason(error)})",
            hint="download them elsewhere, and pass the file or put them into the Hugging Face cache",
        ) from error
    return f"imagenet (timm {name})", network.state_dict()


def _with_shapes(mismatched: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]) -> tuple[str, ...]:
    return tuple(f"{name} {theirs} for {ours}" for name, (theirs, ours) in mismatched.items())


def _first(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _reason(error: BaseException) -> str:
    # PyTorch's own advice (weights_only=False) stands before its reason; nobody should follow it.
    return str(error).rpartition("WeightsUnpickler error:")[2].strip().partition("\n")[0][:200]


__getattr__ = old_names(__name__)  # names of the last release
