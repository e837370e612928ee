"""Procedural backgrounds: out of focus, varied, unrelated to anything else in the picture."""

from __future__ import annotations

import numpy as np

from dacl_edu_faces import colours
from dacl_edu_faces.factors import FaceFactors
from dacl_edu_faces.uv_map import Array, noise_tile


def background(f: FaceFactors, size: int, rng: np.random.Generator) -> Array:
    """Return a (size, size, 3) picture in linear light.

    Parameters
    ----------
    f : FaceFactors
    size : int
    rng : numpy.random.Generator
    """
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    hue, value = f.background_hue, f.background_value
    base = colours.hsv(hue, rng.uniform(0.05, 0.6), value)
    lighter = np.clip(value + rng.uniform(-0.5, 0.5), 0.03, 1)
    other = colours.hsv(hue + rng.normal(0, 0.15), rng.uniform(0.0, 0.7), lighter)
    mix = np.zeros_like(x)
    kind = f.background
    if kind == "gradient":
        a = rng.uniform(0, 2 * np.pi)
        mix = np.clip(0.5 + (x - 0.5) * np.cos(a) + (y - 0.5) * np.sin(a), 0, 1)
    elif kind == "cloudy":
        step = rng.uniform(0.5, 3.0)
        i, j = rng.integers(0, 256, 2)
        rows, columns = ((a * 64 * step + k).astype(int) & 255 for a, k in ((y, i), (x, j)))
        mix = np.clip(0.5 + 0.4 * noise_tile()[rows, columns], 0, 1)
    elif kind == "lights":
        picture = np.broadcast_to(base * 0.3, (size, size, 3)).copy()
        for _ in range(int(rng.integers(6, 22))):
            cx, cy, r = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.02, 0.12)
            disc = np.clip((r - np.hypot(x - cx, y - cy)) / 0.02, 0, 1)
            picture += disc[..., None] * colours.hsv(hue + rng.normal(0, 0.2), 0.5, rng.uniform(0.3, 1.0)) * 0.8
        return picture
    elif kind == "stripes":
        a, n = rng.uniform(0, np.pi), rng.uniform(2, 9)
        mix = np.clip(0.5 + 2 * np.sin(2 * np.pi * n * (x * np.cos(a) + y * np.sin(a)) + rng.uniform(0, 6)), 0, 1)
    elif kind in ("room", "outdoor"):
        picture = np.broadcast_to(base, (size, size, 3)).copy()
        if kind == "outdoor":
            horizon = rng.uniform(0.2, 0.8)
            sky = colours.hsv(rng.uniform(0.52, 0.62), rng.uniform(0.05, 0.5), rng.uniform(0.6, 1.0))
            ground = colours.hsv(rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.6), rng.uniform(0.15, 0.6))
            t = np.clip((y - horizon) / 0.08 + 0.5, 0, 1)[..., None]
            picture = sky * (1 - t) + ground * t
        for _ in range(int(rng.integers(2, 8))):
            x0, y0 = rng.uniform(-0.2, 1, 2)
            w, h = rng.uniform(0.05, 0.6), rng.uniform(0.1, 0.9)
            soft = rng.uniform(0.005, 0.06)
            box = np.clip((x - x0) / soft, 0, 1) * np.clip((x0 + w - x) / soft, 0, 1)
            box = box * np.clip((y - y0) / soft, 0, 1) * np.clip((y0 + h - y) / soft, 0, 1)
            colour = colours.hsv(hue + rng.normal(0, 0.2), rng.uniform(0, 0.7), rng.uniform(0.05, 1.0))
            picture = picture * (1 - box[..., None]) + colour * box[..., None]
        return np.asarray(picture, np.float32)
    return np.asarray(base * (1 - mix[..., None]) + other * mix[..., None], np.float32)
