"""Colours of skin, hair, eyes and cloth, in linear light."""

from __future__ import annotations

import colorsys

import numpy as np

from dacl_edu_faces.factors import FaceFactors
from dacl_edu_faces.uv_map import Array

_SKIN = np.array([
    (250, 218, 200), (238, 196, 170), (222, 170, 136), (192, 136, 100), (150, 98, 68), (105, 66, 46), (66, 42, 32),
])  # fmt: skip
_HAIR = np.array([
    (18, 14, 13), (38, 25, 18), (70, 44, 28), (112, 72, 42), (160, 116, 68), (205, 168, 110), (150, 70, 35),
])  # fmt: skip
_IRIS = np.array([(50, 28, 16), (88, 54, 26), (112, 92, 50), (88, 112, 84), (92, 128, 160), (140, 160, 175)])


def linear(srgb: Array) -> Array:
    """Linear light of sRGB values from 0 to 1."""
    return np.asarray(np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4), np.float32)


def srgb(light: Array) -> Array:
    """SRGB values from 0 to 1 of linear light."""
    light = np.clip(light, 0, 1)
    return np.asarray(np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055), np.float32)


def _ramp(stops: Array, where: float) -> Array:
    position = float(np.clip(where, 0, 1)) * (len(stops) - 1)
    i = min(int(position), len(stops) - 2)
    mixed = stops[i] + (stops[i + 1] - stops[i]) * (position - i)
    return linear(mixed / 255.0)


def skin(f: FaceFactors) -> Array:
    """Colour of plain skin."""
    base = _ramp(_SKIN, f.skin_tone)
    base = 0.88 * base + 0.12 * base.mean()  # light from many sides makes a photographed face paler than its pigment
    red = 0.25 * (f.skin_redness - 0.4)
    return np.asarray(base * np.array([1 + 0.3 * red, 1 - 0.5 * red, 1 - 0.5 * red]), np.float32)


def lips(f: FaceFactors) -> Array:
    """Colour of the lips: the skin's, redder and darker, and painted where `lip_colour` is high."""
    natural = skin(f) * np.array([0.80, 0.50, 0.50])
    painted = linear(np.array([0.70, 0.10, 0.16]))
    paint = np.clip((f.lip_colour - 0.45) / 0.55, 0, 1) * 0.85
    return np.asarray(natural * (1 - paint) + painted * paint, np.float32)


def hair(f: FaceFactors) -> Array:
    """Colour of the hair; above 0.85 it greys."""
    grey = np.clip((f.hair_colour - 0.85) / 0.15, 0, 1)
    base = _ramp(_HAIR, min(f.hair_colour, 0.85) / 0.85)
    return np.asarray(base * (1 - grey) + grey * linear(np.array([0.62, 0.61, 0.60])), np.float32)


def iris(f: FaceFactors) -> Array:
    """Colour of the iris."""
    return _ramp(_IRIS, f.iris_colour)


def hsv(hue: float, saturation: float, value: float) -> Array:
    """Linear colour of hue, saturation and value from 0 to 1."""
    saturation, value = float(np.clip(saturation, 0, 1)), float(np.clip(value, 0, 1))
    return linear(np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value)))
