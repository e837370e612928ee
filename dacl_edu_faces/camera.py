"""The camera: from rays to an 8-bit picture."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dacl_edu_faces import colours
from dacl_edu_faces.background import background
from dacl_edu_faces.build import Posed, build
from dacl_edu_faces.factors import FaceFactors
from dacl_edu_faces.shade import shade
from dacl_edu_faces.uv_map import Array

#: Where the middle of the eyes lies in the picture, on average.
EYE_LINE = 0.35
SAMPLES = 2


def render_face(f: FaceFactors, size: int = 64) -> NDArray[np.uint8]:
    """Render one face.

    Parameters
    ----------
    f : FaceFactors
    size : int, default 64
        Side in pixels.

    Returns
    -------
    numpy.ndarray
        (size, size, 3) uint8.

    Examples
    --------
    >>> render_face(FaceFactors(au6=1.0, au12=1.0)).shape                                    # doctest: +SKIP
    (64, 64, 3)
    """
    rng = np.random.default_rng([f.scene_seed, 3])
    posed = build(f)
    light, cover = _expose(f, posed, size, rng)
    return _develop(f, light, cover, size, rng)


def _expose(f: FaceFactors, posed: Posed, size: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Linear light of the figure (size, size, 3), and how much of each pixel it covers."""
    n = size * SAMPLES
    eye, mouth = posed.eyes.mean(0), posed.mouth
    eye2, mouth2 = (p[[0, 2]] * f.distance / (f.distance + p[1]) for p in (eye, mouth))
    # A turned head leaves the eyes at one side of the face: the crop follows halfway, as detectors do.
    centre_x = 0.55 * eye2[0] + 0.45 * mouth2[0]
    side = posed.frame_size / f.scale
    axis = ((np.arange(n, dtype=np.float32) + 0.5) / n) * side
    px = axis - side * (0.5 + f.shift_x) + centre_x
    pz = side * (EYE_LINE + f.shift_y) - axis + eye2[1]
    x, z = np.meshgrid(px, pz)
    camera = np.array([0, -f.distance, 0], np.float32)
    directions = np.stack([x.ravel(), np.full(x.size, f.distance, np.float32), z.ravel()], axis=1).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    hits = posed.scene.cast(np.tile(camera, (len(directions), 1)), directions)
    position = posed.scene.at(posed.scene.vertices, hits)
    light = np.zeros((n * n, 3), np.float32)
    cover = np.zeros(n * n, np.float32)
    corner = (hits.ray // n % 2) * 2 + (hits.ray % 2) * (1 - 2 * (hits.ray // n % 2)) + (hits.ray // n % 2)
    light[hits.ray] = shade(f, posed, hits, position, -directions[hits.ray], corner.astype(np.float32), rng)
    cover[hits.ray] = 1
    return _pool(light.reshape(n, n, 3)), _pool(cover.reshape(n, n, 1))


def _pool(a: Array) -> Array:
    n = a.shape[0] // SAMPLES
    return np.asarray(a.reshape(n, SAMPLES, n, SAMPLES, -1).mean((1, 3)), np.float32)


def _develop(f: FaceFactors, light: Array, cover: Array, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Metering, tone, focus, noise, compression."""
    # The camera meters the middle of the picture, and only partly believes what it reads.
    window = light[size // 4 : 3 * size // 4, size // 4 : 3 * size // 4]
    mean = float(window.mean()) + 1e-3
    light = light * (0.36 / mean) ** 0.6
    picture = light + (1 - cover) * background(f, size, rng)
    value = colours.srgb(picture * f.exposure)
    value = 0.5 + (value - 0.5) * f.contrast
    luma = value @ np.array([0.299, 0.587, 0.114], np.float32)
    value = luma[..., None] + (value - luma[..., None]) * (0.0 if f.grey else f.saturation)
    if f.resolution < 0.98:
        value = _coarsen(value, f.resolution)
    if f.blur > 0.05:
        value = _blur(value, f.blur * size / 64)
    if f.noise > 0:
        grain = rng.normal(0, f.noise, (size, size, 1 if f.grey else 3))
        value = value + grain
    out = (np.clip(value, 0, 1) * 255 + 0.5).astype(np.uint8)
    if f.jpeg_quality < 100:
        buffer = io.BytesIO()
        Image.fromarray(out).save(buffer, "JPEG", quality=int(f.jpeg_quality))
        out = np.asarray(Image.open(buffer).convert("RGB"))
    return out


def _coarsen(value: Array, resolution: float) -> Array:
    """Picture with less detail: made small and large again, as faces are that were small in their photograph."""
    size = value.shape[0]
    small = max(8, round(size * resolution))
    planes = []
    for plane in np.moveaxis(value, 2, 0):
        picture = Image.fromarray(np.ascontiguousarray(plane, np.float32))
        less = picture.resize((small, small), Image.Resampling.BOX)
        planes.append(np.asarray(less.resize((size, size), Image.Resampling.BICUBIC)))
    return np.stack(planes, axis=2)


def _blur(value: Array, sigma: float) -> Array:
    radius = max(1, int(3 * sigma + 0.5))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    taps /= taps.sum()
    for axis in (0, 1):
        padded = np.pad(value, [(radius, radius) if k == axis else (0, 0) for k in range(3)], mode="edge")
        value = sum(t * np.take(padded, np.arange(value.shape[axis]) + k, axis) for k, t in enumerate(taps))
    return value
