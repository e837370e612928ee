"""In what a run differs from the paper's experiment, setting by setting."""

from __future__ import annotations

from typing import Any, NamedTuple

from dacl_edu.runs.config import TrainConfig


class Deviation(NamedTuple):
    """One setting in which a run is not the paper's.

    Attributes
    ----------
    setting : str
        In words.
    paper, here : str
    avoidable : bool
        False where nobody outside can do as the paper did: it does not say, or what it used is not to be had.
    """

    setting: str
    paper: str
    here: str
    avoidable: bool = True


_SAID = (
    "backbone", "load_size", "image_size", "augment", "batch_size", "lr", "momentum", "weight_decay", "nesterov",
    "schedule", "epochs", "step_epochs", "step_factor", "lam", "alpha", "limit", "clip_norm", "precision",
)  # fmt: skip
"""Fields of which Sec. 4.2 gives the value, or that a plain reading of it excludes."""
_OF = {"rafdb": "paper-rafdb", "affectnet": "paper-affectnet"}
_NORMALIZED = {
    "dataset": "mean and deviation of the training images",
    "imagenet": "ImageNet's",
    "rafdb": "those written into the released code",
}
_SELECTED = {"last": "the last", "validation": "the best on validation images", "test": "the best on the test part"}


def deviations(config: TrainConfig) -> list[Deviation]:
    """Return every setting in which a run on RAF-DB or AffectNet differs from the paper's experiment.

    It looks at the configuration as it ran, not at the preset's name.

    Parameters
    ----------
    config : TrainConfig
        On ``rafdb`` or ``affectnet``.

    Raises
    ------
    KeyError
        Another data set: the paper did not use it.

    Examples
    --------
    >>> [found.setting for found in deviations(TrainConfig.from_preset("paper-rafdb"))]
    ['first weights', 'channel statistics', 'reported epoch']
    >>> [f.setting for f in deviations(TrainConfig.from_preset("paper-rafdb", epochs=1, image_size=56)) if f.avoidable]
    ['image size', 'epochs']
    """
    paper = TrainConfig.from_preset(_OF[config.data])
    found = []
    for name in _SAID:
        expected, value = getattr(paper, name), getattr(config, name)
        if name == "precision" and value == "auto":
            continue
        if name.startswith("step_") and config.schedule != "step":
            continue
        if value != expected:
            found.append(Deviation(name.replace("_", " "), _word(expected), _word(value)))
    if config.data == "rafdb" and config.select_by == "validation" and config.validation_fraction:
        share = f"all but {config.validation_fraction:.0%}, which choose the epoch"
        found.append(Deviation("training images", "all 12,271", share))
    faces = "those of a network trained on MS-Celeb-1M"
    if config.pretrained is None or config.pretrained == "imagenet":
        found.append(Deviation("first weights", faces, config.pretrained or "random", avoidable=False))
    else:
        found.append(Deviation("first weights", faces, "a file of the user's", avoidable=False))
    found.append(Deviation("channel statistics", "not said", _NORMALIZED[config.normalize], avoidable=False))
    found.append(
        Deviation(
            "reported epoch", "not said; the released code takes the best on the test part",
            _SELECTED[config.select_by], avoidable=config.select_by == "test",
        )
    )  # fmt: skip
    return found


def preset_table() -> str:
    """Return the Markdown table of docs/paper_presets.md: what each of the paper's presets does otherwise.

    Examples
    --------
    >>> preset_table().splitlines()[0]
    '| preset | setting | paper | here |'
    """
    lines = ["| preset | setting | paper | here |", "|---|---|---|---|"]
    for name in ("paper-rafdb", "paper-rafdb-val", "paper-affectnet", "repo"):
        for found in deviations(TrainConfig.from_preset(name)):
            lines.append(f"| `{name}` | {found.setting} | {found.paper} | {found.here} |")
    return "\n".join(lines)


def _word(value: Any) -> str:
    return "none" if value is None else str(value).replace("_", " ")
