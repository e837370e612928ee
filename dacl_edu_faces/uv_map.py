"""Places on the face: creases, brows, beard and hairline in the coordinates of an average face.

`Head.uv` gives each vertex its place on an unrolled average face: u sideways, v upwards, in metres, with the origin
between the eyes. Whatever the identity and the expression, the same place is the same spot of skin, so what is painted
there moves along. Landmarks: eyes at u = ±0.034, brows at v = 0.02, mouth at v = -0.073, chin at v = -0.118.
"""

from __future__ import annotations

import functools
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float32, or float64 on the way

#: Lines that muscles fold into the skin: strokes (on the person's left; mirrored), width in metres, and the units
#: that deepen them.
CREASES: dict[str, tuple[tuple[tuple[tuple[float, float], ...], ...], float, dict[int, float]]] = {
    "nasolabial": (
        (((0.019, -0.034), (0.026, -0.045), (0.033, -0.060), (0.036, -0.075)),),
        0.0030, {12: 0.9, 10: 0.7, 9: 0.7, 6: 0.3, 20: 0.3},
    ),
    "cheek": ((((0.041, -0.052), (0.046, -0.064), (0.046, -0.080)),), 0.0030, {12: 0.5, 14: 0.5, 20: 0.4}),
    "frown": ((((0.0075, 0.006), (0.009, 0.016), (0.008, 0.030)),), 0.0022, {4: 1.0, 9: 0.4}),
    "forehead_inner": (
        (((0.0, 0.040), (0.010, 0.041), (0.022, 0.038)), ((0.0, 0.050), (0.012, 0.051), (0.024, 0.048)),
         ((0.0, 0.060), (0.012, 0.061), (0.024, 0.058))),
        0.0022, {1: 0.8},
    ),
    "forehead_outer": (
        (((0.022, 0.040), (0.035, 0.042), (0.050, 0.038)), ((0.024, 0.050), (0.038, 0.052), (0.050, 0.048)),
         ((0.024, 0.060), (0.036, 0.061), (0.046, 0.059))),
        0.0022, {2: 0.7},
    ),
    "crow": (
        (((0.051, 0.000), (0.064, 0.007)), ((0.052, -0.003), (0.066, -0.003)), ((0.051, -0.006), (0.063, -0.013))),
        0.0016, {6: 0.9, 7: 0.2},
    ),
    "bunny": (
        (((0.002, 0.001), (0.010, -0.006)), ((0.003, -0.007), (0.013, -0.013)), ((0.000, 0.006), (0.006, 0.004))),
        0.0018, {9: 1.0},
    ),
    "under_eye": ((((0.019, -0.010), (0.032, -0.016), (0.047, -0.010)),), 0.0022, {6: 0.7, 7: 0.6}),
    "lid": ((((0.020, 0.006), (0.034, 0.0115), (0.048, 0.005)),), 0.0015, {}),
    "marionette": ((((0.026, -0.078), (0.030, -0.086), (0.031, -0.097)),), 0.0028, {15: 0.9, 20: 0.3, 17: 0.2}),
    "chin": ((((0.0, -0.092), (0.010, -0.093), (0.019, -0.099)),), 0.0030, {17: 1.0, 24: 0.3, 15: 0.3}),
}  # fmt: skip
CREASE_NAMES = tuple(CREASES)
#: How much of each crease age alone brings.
AGE_CREASES = {"nasolabial": 0.55, "frown": 0.25, "forehead_inner": 0.35, "forehead_outer": 0.35, "crow": 0.4,
               "under_eye": 0.5, "marionette": 0.45, "cheek": 0.1}  # fmt: skip

_U, _V = (-0.16, 0.16), (-0.14, 0.16)
_STEP = 0.0008


@functools.lru_cache(maxsize=1)
def crease_maps() -> Array:
    """Depth of each crease over the map: (len(CREASES), rows of v, columns of u), 1 at the bottom of the fold."""
    u, v = np.meshgrid(np.arange(*_U, _STEP), np.arange(*_V, _STEP))
    maps = []
    for strokes, width, _ in CREASES.values():
        depth = np.zeros_like(u)
        for stroke in strokes:
            points = _smooth(np.array(stroke))
            along = np.linspace(0, 1, len(points))
            for (a, b), t in zip(pairwise(points), along, strict=False):
                # A fold fades towards its ends.
                fade = np.sin(np.pi * np.clip(0.12 + 0.76 * t, 0, 1)) ** 0.5
                distance = _distance(np.abs(u), v, a, b)
                depth = np.maximum(depth, fade * np.exp(-((distance / width) ** 2)))
        maps.append(depth)
    return np.array(maps, dtype=np.float32)


def _smooth(points: NDArray[np.float64], count: int = 12) -> NDArray[np.float64]:
    """More points along a polyline, rounded by a quadratic through its ends and middle."""
    t = np.linspace(0, 1, len(points))
    degree = min(2, len(points) - 1)
    fine = np.linspace(0, 1, count)
    return np.stack([np.polyval(np.polyfit(t, points[:, k], degree), fine) for k in (0, 1)], axis=1)


def _distance(u: Array, v: Array, a: Array, b: Array) -> Array:
    d = b - a
    t = np.clip(((u - a[0]) * d[0] + (v - a[1]) * d[1]) / max(float(d @ d), 1e-12), 0, 1)
    return np.hypot(u - a[0] - t * d[0], v - a[1] - t * d[1])


def crease_height(strength: dict[str, float]) -> Array:
    """Height map of the skin (0 plain, negative in folds), with bulges beside the folds.

    Parameters
    ----------
    strength : dict
        Depth of the creases by name, mostly from 0 to 1.
    """
    maps = crease_maps()
    height = np.zeros(maps.shape[1:], np.float32)
    for name, depth in strength.items():
        if depth > 0.02:
            height -= np.float32(depth) * maps[CREASE_NAMES.index(name)]
    return height


def lookup(image: Array, u: Array, v: Array) -> Array:
    """Values of a map in UV coordinates, or of several in its last axis, at places (nearest cell)."""
    rows = ((v - _V[0]) / _STEP).astype(np.int32).clip(0, image.shape[0] - 1)
    columns = ((u - _U[0]) / _STEP).astype(np.int32).clip(0, image.shape[1] - 1)
    return image[rows, columns]


def smoothstep(x: Array, low: float | Array, high: float | Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between them."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


@functools.lru_cache(maxsize=1)
def noise_tile() -> Array:
    """Tile of smooth noise (256 × 256, repeats seamlessly, mean 0, deviation 1), the same in every process."""
    rng = np.random.default_rng(20210105)
    tile = np.zeros((256, 256))
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :])
    frequency[0, 0] = 1.0
    spectrum = np.fft.fft2(rng.normal(size=(256, 256))) / frequency**0.9
    spectrum[0, 0] = 0.0
    tile = np.fft.ifft2(spectrum).real
    return (tile / tile.std()).astype(np.float32)


def noise(u: Array, v: Array, scale_u: float, scale_v: float, offset: int = 0) -> Array:
    """Noise at places; `scale_u` and `scale_v` are metres a tile cell, so different values make streaks."""
    tile = noise_tile()
    a = (u / scale_u + offset * 57.3).astype(np.int32) & 255
    b = (v / scale_v + offset * 91.7).astype(np.int32) & 255
    return tile[b, a]


def brows(u: Array, v: Array, height: float, thickness: float, arch: float, slant: float, bushy: float) -> Array:
    """Cover of the brows, 0 to 1."""
    side = np.abs(u)
    t = np.clip((side - 0.0115) / 0.044, 0, 1)
    bow = 0.006 * arch * np.sin(np.pi * np.minimum(t * 0.95 + 0.05, 1))
    middle = 0.0185 + height + bow - 0.004 * t**3 + slant * (t - 0.5)
    half = 0.0036 * thickness * (0.75 + 0.5 * t) * (1.0 - 0.8 * smoothstep(t, 0.55, 1.0))
    edge = 0.0016 + 0.0012 * bushy
    cover = 1 - smoothstep(np.abs(v - middle), half, half + edge)
    return cover * smoothstep(side, 0.006, 0.0150) * (1 - smoothstep(side, 0.048, 0.058))


def beard(u: Array, v: Array, style: str) -> Array:
    """Cover of facial hair, 0 to 1."""
    side = np.abs(u)
    lip = smoothstep(v, -0.066, -0.060) * (1 - smoothstep(v, -0.049, -0.045)) * (1 - smoothstep(side, 0.026, 0.033))
    under = (1 - smoothstep(v, -0.093, -0.087)) * (1 - smoothstep(side, 0.017, 0.026))
    corners = smoothstep(side, 0.022, 0.027) * (1 - smoothstep(side, 0.030, 0.036))
    round_mouth = (1 - smoothstep(v, -0.058, -0.050)) * corners
    line = -0.060 + 1.1 * np.clip(side - 0.035, 0, 0.08)
    jaw = (1 - smoothstep(v, line - 0.012, line)) * smoothstep(side, 0.020, 0.034) + under
    if style == "moustache":
        return lip
    if style == "goatee":
        return np.clip(lip * 0.9 + under + round_mouth * (v > -0.12), 0, 1)
    if style in ("beard", "stubble"):
        return np.clip(lip + jaw + round_mouth, 0, 1) * (side < 0.15)
    return np.zeros_like(u)
