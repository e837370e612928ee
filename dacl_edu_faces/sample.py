"""How the factors are drawn by chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu_faces.action_units import ACTIONS, sample_action_units
from dacl_edu_faces.factors import BACKGROUNDS, FACIAL_HAIR, GLASSES, HAIR_STYLES, OCCLUSIONS, FaceFactors

_MEN = (0.06, 0.14, 0.24, 0.12, 0.05, 0.11, 0.03, 0.04, 0.01, 0.06, 0.05, 0.04, 0.05, 0.0)
_WOMEN = (0.01, 0.02, 0.06, 0.07, 0.11, 0.0, 0.15, 0.25, 0.12, 0.07, 0.04, 0.02, 0.02, 0.06)


def sample_identity(rng: np.random.Generator) -> dict[str, Any]:
    """Draw the factors that stay with one person.

    Parameters
    ----------
    rng : numpy.random.Generator
        The person's own generator.

    Returns
    -------
    dict
        Names and values of :class:`FaceFactors` fields.

    Examples
    --------
    >>> person = sample_identity(np.random.default_rng(0))
    >>> bool(0 <= person["skin_tone"] <= 1)
    True
    """
    woman = bool(rng.random() < 0.5)
    # anny's ages: 1/3 a child, 2/3 a young adult, 1 old. Children are some, as in collections of photographs.
    age = rng.uniform(0.25, 0.5) if rng.random() < 0.14 else 0.55 + 0.45 * rng.beta(1.1, 1.7)
    child = age < 0.5
    race = rng.dirichlet([0.4, 0.4, 0.55])
    # Tone is over the full range in every ancestry, but not independent of it.
    ancestry = race[0] * 0.85 + race[1] * 0.22 + race[2] * 0.05
    tone = np.clip(rng.uniform(0, 1) * 0.5 + 0.5 * ancestry + rng.normal(0, 0.08), 0, 1)
    style = str(rng.choice(HAIR_STYLES, p=_WOMEN if woman or (child and rng.random() < 0.3) else _MEN))
    if child and style in ("receding", "bald"):
        style = "short"
    bearded = not woman and not child and rng.random() < 0.5
    grey = age > 0.75 and rng.random() < (age - 0.6) * 2
    dark = rng.uniform(0, 0.80) ** 1.4 * (1.0 - 0.75 * tone)
    shape = {name: float(np.clip(rng.normal(0, 0.45), -1, 1)) for name in (
        "face_width", "face_length", "cheekbones", "chin_width", "eye_size", "eye_tilt", "nose_width", "nose_length",
        "mouth_width", "lip_fullness")}  # fmt: skip
    # anny's average is narrower than most photographed faces.
    shape["face_width"] = float(np.clip(shape["face_width"] + 0.30, -1, 1))
    shape["face_length"] = float(np.clip(shape["face_length"] - 0.25, -1, 1))
    shape["mouth_width"] = float(np.clip(shape["mouth_width"] + 0.55, -1, 1))
    shape["eye_size"] = float(np.clip(shape["eye_size"] + 0.20, -1, 1))
    return {
        "gender": rng.uniform(0.0, 0.25) if not woman else rng.uniform(0.75, 1.0),
        "age": age,
        "muscle": rng.uniform(0.2, 0.8),
        "weight": rng.beta(2.0, 2.0),
        "proportions": rng.uniform(0.0, 0.6),
        "african": race[0],
        "asian": race[1],
        "caucasian": race[2],
        **shape,
        "shape_seed": int(rng.integers(1, 2**31)),
        "shape_spread": 1.0,
        "skin_tone": tone,
        "skin_redness": rng.uniform(0.0, 1.0),
        "skin_shine": rng.beta(1.5, 2.5),
        "lip_colour": rng.beta(1.4, 1.6) if woman and not child else 0.3 * rng.random(),
        "liner": rng.beta(1.2, 1.6) if woman and not child else 0.15 * rng.random(),
        "brow_height": rng.normal(0, 0.0012),
        "brow_thickness": rng.uniform(0.55, 1.2) if woman else rng.uniform(0.8, 1.6),
        "brow_arch": rng.uniform(0.2, 1.1),
        "brow_darkness": rng.uniform(0.75, 1.0),
        "iris_colour": rng.uniform(0.0, 1.0) * (1.0 - 0.85 * tone),
        "hair_style": style,
        "hair_colour": rng.uniform(0.87, 1.0) if grey else dark,
        "hair_volume": rng.uniform(0.0, 1.0),
        "hairline": float(np.clip(rng.normal(0, 0.006), -0.012, 0.014)),
        "facial_hair": str(rng.choice(FACIAL_HAIR[1:], p=[0.45, 0.15, 0.15, 0.25])) if bearded else "none",
        "look_seed": int(rng.integers(1, 2**31)),
    }


def sample_factors(
    rng: np.random.Generator, expression: str, identity: Mapping[str, Any] | None = None, wildness: float = 0.5
) -> FaceFactors:
    """Draw one face by chance.

    Parameters
    ----------
    rng : numpy.random.Generator
        The image's own generator.
    expression : str
        One of ``EXPRESSIONS``: the expression that dominates.
    identity : mapping, optional
        Factors of a person from :func:`sample_identity` (and ``identity``, its number); a new person without it.
    wildness : float
        0 for textbook expressions in a studio, 1 for weak and mixed ones in bad light and from the side.

    Returns
    -------
    FaceFactors

    Examples
    --------
    >>> face = sample_factors(np.random.default_rng(0), "happiness", wildness=0.0)
    >>> face.expression, face.au12 > face.au15, face.yaw
    ('happiness', True, 0.0)
    """
    person = dict(identity) if identity is not None else sample_identity(rng)
    w = float(wildness)
    values: dict[str, Any] = {**person, **_expression(rng, expression, w), **_conditions(rng, w)}
    if expression == "sadness" and rng.random() < 0.45:
        # The sad look down more often than others: the one condition that depends on the expression.
        values["gaze_y"] = float(np.clip(values["gaze_y"] + 0.6, -1, 1))
        values["pitch"] -= 8.0 * w
    # Four digits are plenty, and keep the table exact when it is written as text and read back.
    rounded: dict[str, Any] = {k: round(float(v), 4) + 0.0 if isinstance(v, float) else v for k, v in values.items()}
    return FaceFactors(**rounded)


def _expression(rng: np.random.Generator, expression: str, w: float) -> dict[str, Any]:
    if expression not in EXPRESSIONS:
        raise ValueError(f"unknown expression {expression!r}; one of {', '.join(EXPRESSIONS)}")
    weakest = 0.85 - 0.56 * w
    intensity = 0.0 if expression == "neutral" else weakest + (1 - weakest) * rng.beta(1.6, 1.3)
    units = dict.fromkeys(ACTIONS, 0.0)
    units.update(sample_action_units(rng, expression, intensity, min(2 * w, 1.0)))
    second, weight = "none", 0.0
    if rng.random() < 0.40 * w and expression != "neutral":
        others = [name for name in EXPRESSIONS if name not in (expression, "neutral")]
        second, weight = str(rng.choice(others)), float(rng.uniform(0.1, 0.45) * intensity)
        for unit, strength in sample_action_units(rng, second, weight, 1.0).items():
            units[unit] += strength * (1.0 - units[unit])
    # Nobody's face is quite still: some units twitch whatever is expressed.
    for unit in rng.choice(list(ACTIONS), size=4, replace=False):
        if unit != 19:
            units[int(unit)] += w * rng.uniform(0.0, 0.22)
    return {
        "expression": expression,
        "intensity": intensity,
        "second_expression": second,
        "second_weight": weight,
        **{f"au{unit}": float(np.clip(strength, 0.0, 1.0)) for unit, strength in units.items()},
        "asymmetry_brows": _spread(rng, 0.22, 0.8, w),
        "asymmetry_mouth": _spread(rng, 0.22, 0.8, w),
    }


def _spread(rng: np.random.Generator, sigma: float, limit: float, w: float) -> float:
    return float(np.clip(rng.normal(0.0, sigma), -limit, limit)) * w + 0.0


def _conditions(rng: np.random.Generator, w: float) -> dict[str, Any]:
    glasses = str(rng.choice(GLASSES[1:], p=[0.36, 0.46, 0.18])) if rng.random() < 0.16 * w else "none"
    occlusion = str(rng.choice(OCCLUSIONS[1:], p=[0.36, 0.12, 0.10, 0.20, 0.22])) if rng.random() < 0.24 * w else "none"
    hard = rng.random()
    return {
        "yaw": _spread(rng, 26.0, 65.0, w),
        "pitch": _spread(rng, 11.0, 30.0, w),
        "roll": _spread(rng, 12.0, 35.0, w),
        "gaze_x": _spread(rng, 0.5, 1.0, w),
        "gaze_y": _spread(rng, 0.3, 0.9, w),
        "key_azimuth": -20.0 * (1 - w) + w * rng.uniform(-75.0, 75.0),
        "key_elevation": 28.0 + w * rng.uniform(-40.0, 42.0),
        "key_strength": 1.0 + 0.5 * w * rng.uniform(-1.0, 1.0),
        "key_softness": float(rng.uniform(0.1, 1.2)) if w else 0.6,
        "fill_strength": 0.35 + 0.3 * w * rng.uniform(-1.0, 1.0),
        "ambient": 0.42 + w * (0.30 * hard - 0.22),
        "warmth": _spread(rng, 0.5, 1.3, w),
        "background": str(rng.choice(BACKGROUNDS)),
        "background_hue": rng.uniform(0.0, 1.0),
        "background_value": rng.uniform(0.08, 0.98),
        "cloth_hue": rng.uniform(0.0, 1.0),
        "cloth_value": rng.uniform(0.1, 0.95),
        "glasses": glasses,
        "occlusion": occlusion,
        "occlusion_x": rng.uniform(-1.0, 1.0),
        "occlusion_y": rng.uniform(-1.0, 1.0),
        "occlusion_angle": rng.uniform(-75.0, 75.0),
        "scene_seed": int(rng.integers(1, 2**31)),
        "distance": 1.2 if not w else float(np.exp(rng.uniform(np.log(0.45), np.log(2.5)))),
        "scale": 1.0 + _spread(rng, 0.11, 0.28, w),
        "shift_x": _spread(rng, 0.025, 0.08, w),
        "shift_y": _spread(rng, 0.025, 0.08, w),
        "exposure": float(np.exp(_spread(rng, 0.28, 0.7, w))),
        "contrast": 1.05 * float(np.exp(_spread(rng, 0.40, 0.8, w))),
        "saturation": 0.9 * float(np.exp(_spread(rng, 0.25, 0.6, w))),
        "resolution": 1.0 - w * (rng.uniform(0.1, 0.75) if rng.random() < 0.6 else 0.0),
        "blur": w * (rng.uniform(0.5, 1.3) if rng.random() < 0.35 else rng.uniform(0.0, 0.5)),
        "noise": w * 0.05 * rng.beta(1.0, 3.0),
        "grey": int(rng.random() < 0.16 * w),
        "jpeg_quality": int(rng.integers(40, 96)) if w > 0 else 95,
    }
