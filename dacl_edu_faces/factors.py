"""What a rendered face is made of: one number or one word for each factor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu.errors import UserError
from dacl_edu.text import nearest
from dacl_edu_faces.action_units import ACTIONS

HAIR_STYLES = ("bald", "buzz", "short", "side", "fringe", "receding", "tied", "long", "bob", "curly", "afro",
               "beanie", "cap", "hijab")  # fmt: skip
FACIAL_HAIR = ("none", "stubble", "moustache", "goatee", "beard")
GLASSES = ("none", "round", "square", "dark")
OCCLUSIONS = ("none", "hand", "mask", "scarf", "object", "strand")
BACKGROUNDS = ("plain", "gradient", "cloudy", "lights", "stripes", "room", "outdoor")
#: Words that a factor may take, where it is not a number.
WORDS: dict[str, tuple[str, ...]] = {
    "expression": EXPRESSIONS, "second_expression": ("none", *EXPRESSIONS), "hair_style": HAIR_STYLES,
    "facial_hair": FACIAL_HAIR, "glasses": GLASSES, "occlusion": OCCLUSIONS, "background": BACKGROUNDS,
}  # fmt: skip


@dataclass(frozen=True)
class FaceFactors:
    """Everything that :func:`dacl_edu_faces.render_face` needs; the defaults are a plain, frontal, neutral face.

    Action units run from 0 to 1, angles are in degrees, shifts are shares of the image's side, shapes of the face run
    from -1 to 1. `expression`, `intensity`, `second_expression` and `second_weight` say where the units came from; the
    renderer reads only the units.

    Examples
    --------
    >>> smile = FaceFactors(au6=0.8, au12=1.0)
    >>> smile.action_units[12], smile.action_units[15]
    (1.0, 0.0)
    """

    # what is shown
    expression: str = "neutral"
    intensity: float = 0.0
    second_expression: str = "none"
    second_weight: float = 0.0
    au1: float = 0.0
    au2: float = 0.0
    au4: float = 0.0
    au5: float = 0.0
    au6: float = 0.0
    au7: float = 0.0
    au9: float = 0.0
    au10: float = 0.0
    au12: float = 0.0
    au14: float = 0.0
    au15: float = 0.0
    au16: float = 0.0
    au17: float = 0.0
    au18: float = 0.0
    au19: float = 0.0
    au20: float = 0.0
    au22: float = 0.0
    au23: float = 0.0
    au24: float = 0.0
    au25: float = 0.0
    au26: float = 0.0
    au27: float = 0.0
    au43: float = 0.0
    asymmetry_brows: float = 0.0
    asymmetry_mouth: float = 0.0
    # who it is
    identity: int = 0
    gender: float = 0.5
    age: float = 0.6
    muscle: float = 0.5
    weight: float = 0.5
    proportions: float = 0.5
    african: float = 0.33
    asian: float = 0.33
    caucasian: float = 0.33
    face_width: float = 0.0
    face_length: float = 0.0
    cheekbones: float = 0.0
    chin_width: float = 0.0
    eye_size: float = 0.0
    eye_tilt: float = 0.0
    nose_width: float = 0.0
    nose_length: float = 0.0
    mouth_width: float = 0.0
    lip_fullness: float = 0.0
    shape_seed: int = 0
    shape_spread: float = 0.0
    skin_tone: float = 0.3
    skin_redness: float = 0.3
    skin_shine: float = 0.3
    lip_colour: float = 0.2
    liner: float = 0.0
    brow_height: float = 0.0
    brow_thickness: float = 1.0
    brow_arch: float = 0.6
    brow_darkness: float = 0.8
    iris_colour: float = 0.2
    hair_style: str = "short"
    hair_colour: float = 0.2
    hair_volume: float = 0.5
    hairline: float = 0.0
    facial_hair: str = "none"
    look_seed: int = 0
    # how it is held
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    # light
    key_azimuth: float = -25.0
    key_elevation: float = 30.0
    key_strength: float = 1.0
    key_softness: float = 0.3
    fill_strength: float = 0.3
    ambient: float = 0.35
    warmth: float = 0.0
    # what is around and in front of it
    background: str = "plain"
    background_hue: float = 0.55
    background_value: float = 0.6
    cloth_hue: float = 0.6
    cloth_value: float = 0.5
    glasses: str = "none"
    occlusion: str = "none"
    occlusion_x: float = 0.0
    occlusion_y: float = 0.0
    occlusion_angle: float = 0.0
    scene_seed: int = 0
    # the camera
    distance: float = 1.2
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    exposure: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    resolution: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    grey: int = 0
    jpeg_quality: int = 95

    @property
    def action_units(self) -> dict[int, float]:
        """Action units by number."""
        return {unit: float(getattr(self, f"au{unit}")) for unit in ACTIONS}

    def as_dict(self) -> dict[str, Any]:
        """Return one row of the factor table."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> FaceFactors:
        """Read a row of the factor table (a dict or a pandas Series); columns it does not know are passed over."""
        kinds = {"str": str, "int": int, "float": float}
        return cls(**{f.name: kinds[str(f.type)](row[f.name]) for f in fields(cls) if f.name in row})


#: Name and type of each factor, in the order of the table.
FACTOR_TYPES: dict[str, str] = {f.name: str(f.type) for f in fields(FaceFactors)}


def parse_pins(text: str) -> dict[str, Any]:
    """Read ``yaw=0,occlusion=none`` into factors and their fixed values.

    Parameters
    ----------
    text : str
        Pairs of name and value, parted by commas; may be empty.

    Returns
    -------
    dict

    Raises
    ------
    UserError
        A factor is unknown, or its value is not a number or none of its words.

    Examples
    --------
    >>> parse_pins("yaw=0, occlusion=none")
    {'yaw': 0.0, 'occlusion': 'none'}
    """
    pins: dict[str, Any] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not value:
            raise UserError(f"--factors: {pair!r} is not of the form name=value", hint="e.g. yaw=0,occlusion=none")
        if name not in FACTOR_TYPES:
            raise UserError(f"--factors: unknown factor {name!r}", hint=nearest(name, FACTOR_TYPES))
        if name in ("expression", "identity"):
            raise UserError(f"--factors: {name} cannot be pinned", hint="it is spread over the images of a split")
        if name in WORDS:
            if value not in WORDS[name]:
                raise UserError(f"--factors: {name}={value!r} is not a choice", hint=f"one of {', '.join(WORDS[name])}")
            pins[name] = value
            continue
        try:
            pins[name] = int(value) if FACTOR_TYPES[name] == "int" else float(value)
        except ValueError as error:
            raise UserError(f"--factors: {name}={value!r} is not a number", hint=f"e.g. {name}=0") from error
        if pins[name] != pins[name] or abs(pins[name]) > 2**31:
            raise UserError(f"--factors: {name}={value!r} is not a usable number", hint=f"e.g. {name}=0")
    return pins


def pinned(factors: FaceFactors, pins: Mapping[str, Any]) -> FaceFactors:
    """Copy of the factors with some of them fixed."""
    return replace(factors, **pins)
