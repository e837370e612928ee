"""Every choice of a training run, typed and frozen; and the presets."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from dacl_edu._moved import with_new_names
from dacl_edu.choices import AttentionMode, CenterInit
from dacl_edu.data.classes import parsed_classes
from dacl_edu.errors import UserError, first_problem
from dacl_edu.text import nearest

RENAMED_FIELDS = {"weights": "pretrained"}
"""Fields of the last release: command lines and configurations on disk still have them."""

DELETED_FIELDS = {"erase": 0.0}
"""Fields of the last release that configurations on disk still have, with the value that says: not used."""

Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed", "64-true"]
Schedule = Literal["step", "onecycle", "constant"]
Augmentation = Literal["ten_crop", "random_crop", "none"]
Normalization = Literal["dataset", "imagenet", "rafdb"]
DataPlace = Literal["auto", "device", "host"]
MatmulPrecision = Literal["highest", "high", "medium"]
Logger = Literal["none", "csv", "mlflow", "wandb"]
Selection = Literal["last", "validation", "test"]


MANY, LARGE, WIDE = 1_000_000_000, 8192, 1_000_000
"""Most epochs, images or steps; pixels of a side; numbers of a layer: more is a slip of the hand."""

PLACE = ("root", "workers", "device", "data_place", "snapshots", "logger")
"""Settings that do not change what a run computes: where it ran and lay (see ``naming.data_folder``), what it kept."""

SELECTED_BY = {
    "last": "last epoch",
    "validation": "accuracy on validation",
    "test": "accuracy on the test part: optimistic, not comparable with honest results",
}
"""How the reported epoch was chosen, in words."""


class TrainConfig(BaseModel):
    """A training run, fully described. An unknown field is an error, and nothing can be changed afterwards.

    Build one with :meth:`from_preset`. The help of each field is its comment, its unit and its default;
    ``dacl-edu train --help`` shows the same.

    Raises
    ------
    UserError
        From :meth:`from_preset`: an unknown preset or field, or a value of the wrong type or range, by name.

    Examples
    --------
    >>> config = TrainConfig.from_preset("quick", method="center", seed=3)
    >>> config.backbone, config.image_size, config.lam
    ('small_resnet', 56, 0.01)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    preset: str = Field("custom", description="name of the preset that these values started from")
    method: str = Field(
        "dacl",
        description="softmax, center, dacl, island, attentive_island or another registered loss (docs/losses.md), "
        "pml:Class of pytorch-metric-learning, or your own package.module:Class",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="seed of initialisation, order and augmentation")

    # -- data
    data: str = Field(
        "bundled",
        description="name of the data set, e.g. bundled, rafdb, affectnet, folder, digits, torchvision:CIFAR10",
    )
    root: Path | None = Field(None, description="folder of the data set; default data/<name>")
    classes: str | tuple[str, ...] | None = Field(
        None, description="which classes: a choice of the data set (7, 8, basic, compound, all, …) or names with commas"
    )
    load_size: int | None = Field(
        None, ge=8, le=LARGE, description="side in pixels to which images are resized when read"
    )
    image_size: int = Field(224, ge=8, le=LARGE, description="side in pixels of the crop that the network sees")
    augment: Augmentation = Field("ten_crop", description="augmentation of training images, per sample")
    normalize: Normalization = Field("dataset", description="channel mean and std: of the training part, or known ones")
    validation_fraction: float = Field(
        0.1, ge=0, lt=1, description="share of the training part held out, where the data set has no validation part"
    )
    limit: int | None = Field(
        None, ge=2, le=MANY, description="use at most this many images of each split, for a quick try"
    )
    data_place: DataPlace = Field(
        "auto", description="where images lie: device, host; auto takes a GPU's memory where a third of it suffices"
    )
    workers: int = Field(
        0, ge=0, le=512, description="threads that fetch batches ahead from the host; 0: two beside a GPU"
    )

    # -- network
    backbone: str = Field("resnet18", description="small_resnet, a torchvision classifier, or timm:<name>")
    attention: AttentionMode | None = Field(None, description="attention mode; default learned where the loss uses it")
    attention_widths: tuple[Annotated[int, Field(ge=1, le=WIDE)], ...] | None = Field(
        None, description="context encoder widths; default 7d, d, d/8"
    )
    feature_dim: int | None = Field(
        None,
        ge=1,
        le=WIDE,
        description="dimension d of a linear layer after the pooling, e.g. 2 to draw features; default none",
    )
    pretrained: str | None = Field(None, description="'imagenet' or a checkpoint file to start from")
    pretrained_classes: Literal["same", "shared", "fresh"] = Field(
        "same",
        description="a checkpoint of other classes: refuse it (same), take the rows of the classes that both have "
        "(shared), or none (fresh)",
    )

    # -- loss and centers
    lam: float = Field(0.01, ge=0, description="λ of Eq. 8")
    alpha: float = Field(0.5, ge=0, le=1, description="α of Algorithm 1, line 15")
    eps: float = Field(1.0, ge=0, description="ε of Eq. 11")
    center_init: CenterInit = Field("fan_in_classes", description="initial centers: He with fan-in K or d, or zeros")
    loss_parameters: dict[str, Any] = Field(
        default_factory=dict, description="""keyword arguments of the loss, as JSON, e.g. '{"margin": 0.5}'"""
    )

    # -- optimisation
    epochs: int = Field(60, ge=1, le=MANY, description="passes over the training part")
    batch_size: int = Field(
        128, ge=1, le=MANY, description="samples in one step, over all processes; BatchNorm needs two"
    )
    accumulate: int = Field(1, ge=1, le=MANY, description="micro-batches into which a step is cut, to save memory")
    lr: float = Field(0.01, gt=0, description="initial (step, constant) or largest (onecycle) learning rate")
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of SGD")
    nesterov: bool = Field(False, description="Nesterov momentum")
    weight_decay: float = Field(5e-4, ge=0, description="weight decay of SGD")
    schedule: Schedule = Field("step", description="learning-rate schedule")
    step_epochs: int = Field(20, ge=1, le=MANY, description="epochs between two drops (step)")
    step_factor: float = Field(0.1, gt=0, le=1, description="factor of each drop (step)")
    warmup: float = Field(0.15, gt=0, lt=1, description="share of the run in which the rate rises (onecycle)")
    clip_norm: float | None = Field(None, gt=0, description="largest norm of the gradient; default no clipping")

    # -- what is kept and reported
    select_by: Selection = Field("validation", description="epoch to report: last, best on validation, or on test")
    eval_split: Literal["auto", "test", "val"] = Field(
        "auto", description="split that the result is measured on; auto takes test, or val where there is no test part"
    )

    snapshots: int = Field(
        0,
        ge=0,
        le=MANY,
        description="validation images of each class whose features and attention are kept after every epoch",
    )
    logger: Logger = Field(
        "none", description="a tracker beside TensorBoard: csv, mlflow or wandb; nothing is uploaded (docs/scale.md)"
    )

    # -- machine
    device: str = Field("auto", description="auto, cpu, cuda or mps")
    devices: int = Field(1, ge=1, le=MANY, description="processes; start several with torchrun")
    precision: Precision = Field("auto", description="auto takes bfloat16 where the processor computes in it")
    matmul_precision: MatmulPrecision = Field(
        "highest", description="float32 products: highest is float32, high TF32 on a GPU (faster), medium bfloat16"
    )
    compile: bool = Field(False, description="torch.compile the network")

    @field_validator("*", mode="before")
    @classmethod
    def _plain_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse 1_0, which Python reads as ten and a reader as a slip."""
        is_text = str in _kinds(cls.model_fields[str(info.field_name)].annotation)
        for part in value if isinstance(value, list | tuple) else [value]:
            if not is_text and isinstance(part, str) and re.fullmatch(r"[\d_.eE+-]*\d_[\d_.eE+-]*", part.strip()):
                raise ValueError(f"{part!r} is no plain number")
        return value

    @field_validator("loss_parameters")
    @classmethod
    def _can_be_written(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"config.json cannot hold it ({error})") from error
        return value

    @field_validator("root", mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        return Path(os.path.expanduser(value)) if isinstance(value, str | Path) else value

    @field_validator("root", "pretrained", mode="before")
    @classmethod
    def _is_named(cls, value: Any) -> Any:  # what stands last is called first
        if isinstance(value, str) and (not value.strip() or "\0" in value):
            raise ValueError("an empty name, or one with a zero byte")
        return value

    @field_validator("classes")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        return parsed_classes(value)

    @model_validator(mode="after")
    def _check_together(self) -> TrainConfig:
        if self.load_size is not None and self.load_size < self.image_size:
            raise ValueError(f"load_size {self.load_size} is smaller than image_size {self.image_size}")
        micro = self.batch_size // (self.accumulate * self.devices)
        if micro < 2:
            raise ValueError(
                f"batch_size {self.batch_size} over accumulate {self.accumulate} and devices {self.devices} leaves "
                f"{micro} image(s) at a time, and BatchNorm needs at least two"
            )
        if self.batch_size % self.devices:
            raise ValueError(f"batch_size {self.batch_size} is not a multiple of devices {self.devices}")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        return self

    @classmethod
    def from_preset(cls, preset: str = "quick", **changes: Any) -> TrainConfig:
        """Start from a preset and change single fields.

        Parameters
        ----------
        preset : str, default "quick"
            One of :data:`PRESETS`.
        **changes
            Fields of this class.

        Raises
        ------
        UserError
            Unknown preset or field (the nearest known one is said), wrong type or range.
        """
        if not isinstance(preset, str) or preset not in PRESETS:  # a plan may hold anything
            raise UserError(f"unknown preset {preset!r}", hint=nearest(str(preset), PRESETS))
        changes = with_new_names(changes, RENAMED_FIELDS)
        return cls.checked({"preset": preset, **PRESETS[preset], **changes})

    @classmethod
    def checked(cls, values: dict[str, Any]) -> TrainConfig:
        """Build a config from a dictionary, turning what is wrong with it into one readable sentence."""
        values = with_new_names(values, RENAMED_FIELDS, warn=False)  # a folder on disk is nobody's mistake
        values = {key: value for key, value in values.items() if DELETED_FIELDS.get(key, ...) != value}
        for key in values:
            if key not in cls.model_fields:
                raise UserError(f"unknown field {key!r}", hint=nearest(key, cls.model_fields))
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            known = re.findall("'([^']*)'", first.get("ctx", {}).get("expected", ""))  # of a field with few values
            hint = nearest(str(first["input"]), known, "see dacl-edu train --help")
            raise UserError(first_problem(error), hint=hint) from error


def _kinds(annotation: Any) -> set[Any]:
    """Return the types of a union, and of what a tuple holds."""
    parts = get_args(annotation)
    return {annotation}.union(*map(_kinds, parts)) if parts else {annotation}


_PAPER = {
    # What Sec. 4.2 says. What it does not say, or what cannot be had, is listed by dacl_edu/runs/paper_settings.py.
    "backbone": "resnet18", "load_size": 256, "image_size": 224, "augment": "ten_crop", "batch_size": 128, "lr": 0.01,
    "momentum": 0.9, "weight_decay": 5e-4, "schedule": "step", "lam": 0.01, "alpha": 0.5, "precision": "32-true",
}  # fmt: skip
_SMALL = {"backbone": "small_resnet", "nesterov": True, "schedule": "onecycle", "select_by": "last"}
# All 12,271 training images and the last epoch, so that nothing is chosen by the test part.
_RAFDB = {**_PAPER, "data": "rafdb", "epochs": 60, "step_epochs": 20, "step_factor": 0.1, "select_by": "last"}

PRESETS: dict[str, dict[str, Any]] = {
    "paper-rafdb": _RAFDB,
    # The epoch is chosen on a tenth of the training images, which the network then does not see.
    "paper-rafdb-val": {**_RAFDB, "select_by": "validation"},
    # The paper's 3,500 images are AffectNet's validation part; its test part was never released.
    "paper-affectnet": {
        **_PAPER, "data": "affectnet", "epochs": 20, "step_epochs": 5, "step_factor": 0.2, "eval_split": "val",
        "select_by": "last",
    },
    # Where the authors' released code differs from their text: batch 64, fixed channel statistics; the epoch that is
    # reported is the one that is best on the test part. Such a result carries that in its name. The code takes the best
    # epoch of accuracy and that of average accuracy apart; here one epoch, that of the best accuracy, gives both.
    "repo": {**_RAFDB, "batch_size": 64, "normalize": "rafdb", "select_by": "test"},
    # Minutes on two CPU cores. The last epoch is reported, so nothing is selected and no image is spent on it.
    "quick": {
        **_SMALL, "load_size": 64, "image_size": 56, "augment": "random_crop", "epochs": 28, "batch_size": 128,
        "lr": 0.1,
    },
    # A minute of one CPU core, and the schedule goes to its end: nine of these are what `make run` trains. A third of
    # quick's pixels; more and smaller steps (batch 64 against 128: 75.6 against 67.4 % on validation).
    "minute": {
        **_SMALL, "load_size": 36, "image_size": 32, "augment": "random_crop", "epochs": 12, "batch_size": 64,
        "lr": 0.1,
    },
    # Pictures of 8x8 pixels, which fill the frame and must not be mirrored. Three methods take less than a minute.
    "digits": {
        **_SMALL, "data": "digits", "load_size": 24, "image_size": 24, "augment": "none", "epochs": 8, "batch_size": 64,
        "lr": 0.05,
    },
    # Seconds: that everything runs, not that it learns.
    "smoke": {
        **_SMALL, "load_size": 48, "image_size": 40, "augment": "ten_crop", "limit": 140, "epochs": 2,
        "batch_size": 32, "lr": 0.05,
    },
}  # fmt: skip
"""Named starting points: field values that differ from the defaults of :class:`TrainConfig`."""

PRESET_OF_DATA = {"digits": "digits"}
"""The preset that a data set starts from where none is named; ``quick`` for all others."""
