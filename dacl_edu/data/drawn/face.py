"""From a record of factors to an image: draw, reduce, light, photograph."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from dacl_edu.data.drawn import features, surroundings
from dacl_edu.data.drawn.canvas import SUPERSAMPLE, Array, Canvas
from dacl_edu.data.drawn.factors import FaceFactors


def _relief(c: Canvas) -> tuple[Array, Array, Array]:
    """Bumps and hollows of the face in the sheet's plane: middles (n, 2), radii (n, 2), heights (n,)."""
    f = c.f
    lift = 0.10 * f.au6 + 0.06 * f.au12
    cheek = 0.05 + 0.09 * f.au6 + 0.05 * f.au12
    rows = [
        # x, y, radius x, radius y, height, how far above the ellipsoid
        (0.0, 0.02, 0.075, 0.24, 0.075, 0.1),
        (0.0, 0.24 - 0.03 * f.au9, 0.13, 0.11, 0.10, 0.2),
        (-0.55, 0.30 - lift, 0.24, 0.19, cheek, 0.0),
        (0.55, 0.30 - lift, 0.24, 0.19, cheek, 0.0),
        (0.0, -0.42, 0.55, 0.11, 0.045, 0.0),
        (0.0, -0.38, 0.09, 0.10, 0.05 * f.au4, 0.05),
        (-0.43, -0.13, 0.2, 0.13, -0.055, 0.0),
        (0.43, -0.13, 0.2, 0.13, -0.055, 0.0),
        (0.0, 0.68, 0.26, 0.14, 0.05, 0.0),
        (0.0, 0.90, 0.22, 0.06, -0.04 - 0.03 * f.au17, 0.0),
        (0.0, c.chin - 0.16, 0.2, 0.12, 0.06 + 0.05 * f.au17, 0.0),
    ]
    table = np.array(rows)
    middles = np.concatenate([c.turned(row[None, :2], float(row[5])) for row in table])
    return middles, table[:, 2:4], table[:, 4]


def _light(c: Canvas, picture: Array) -> Array:
    """Shade the picture with one lamp and some light from everywhere; the head is an ellipsoid with a relief."""
    f = c.f
    x, y = c.sheet_grid()
    middles, radii, heights = _relief(c)
    u = (x[None] - middles[:, 0, None, None]) / radii[:, 0, None, None]
    v = (y[None] - middles[:, 1, None, None]) / radii[:, 1, None, None]
    bump = heights[:, None, None] * np.exp(-0.5 * (u * u + v * v))
    normal_x = 0.92 * x / c.width + (bump * u / radii[:, 0, None, None]).sum(0)
    normal_y = 0.72 * y + (bump * v / radii[:, 1, None, None]).sum(0)
    normal_z = np.sqrt(np.clip(1.0 - 0.8 * (x / c.width) ** 2 - 0.35 * y * y, 0.06, None))
    length = np.sqrt(normal_x**2 + normal_y**2 + normal_z**2)

    azimuth, elevation = np.deg2rad([f.light_azimuth, f.light_elevation])
    sheet_lamp = np.array([np.sin(azimuth) * np.cos(elevation), -np.sin(elevation)])
    lamp = c.roll @ sheet_lamp  # into the head's axes, for a head that is rolled under a lamp that is not
    depth = np.cos(azimuth) * np.cos(elevation)
    facing = (normal_x * lamp[0] + normal_y * lamp[1] + normal_z * depth) / length
    strength = f.light_strength
    head = 0.96 + strength * (1.15 * np.clip(facing, 0.0, None) - 0.72)
    hollow = np.minimum(bump, 0.0).sum(0)
    head *= 1.0 + 2.0 * hollow  # hollows see less of the sky
    around = 1.0 + 0.3 * strength * (x * lamp[0] + y * lamp[1])
    mask = c.head_mask()
    shade = mask * head + (1.0 - mask) * np.clip(around, 0.35, 1.5)
    shine = strength * 60.0 * mask * np.clip(facing, 0.0, 1.0) ** 24
    return picture * shade[..., None] + shine[..., None]


def _photograph(f: FaceFactors, picture: Array) -> NDArray[np.uint8]:
    """What a camera adds: focus, exposure, white balance, grain and compression."""
    size = picture.shape[0]
    if f.blur > 0.05:
        soft = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
        picture = np.asarray(soft.filter(ImageFilter.GaussianBlur(f.blur * size / 64.0)), dtype=float)
    # A camera meters the middle of the picture and makes up for some of what is missing or too much there; without
    # this a dark face in poor light would be black, and skin tone would decide how hard an image is.
    quarter = size // 4
    middle = float(picture[quarter:-quarter, quarter:-quarter].mean())
    metered = (130.0 / max(middle, 20.0)) ** (0.5 if middle < 130.0 else 0.2)
    balance = 1.0 + 0.09 * f.temperature * np.array([1.0, 0.1, -1.0])
    picture = picture * (f.exposure * metered)
    picture = (picture - 120.0) * f.contrast + 120.0
    picture = picture * balance
    # A sensor's shoulder: bright parts bend towards white instead of being cut off.
    picture = np.where(picture > 215.0, 215.0 + 40.0 * np.tanh((picture - 215.0) / 55.0), picture)
    if f.noise > 0:
        rng = np.random.default_rng([f.scene_seed, 5])
        grain = rng.standard_normal((size, size, 3), dtype=np.float32)
        picture = picture + 255.0 * f.noise * (0.6 * grain + 0.5 * grain[..., :1])
    array = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    if f.jpeg_quality < 100:
        memory = io.BytesIO()
        Image.fromarray(array).save(memory, "JPEG", quality=f.jpeg_quality)
        array = np.asarray(Image.open(memory), dtype=np.uint8)
    return array


def draw_face(factors: FaceFactors, size: int = 64) -> NDArray[np.uint8]:
    """Draw a face; the same factors give the same bytes (with the same versions of Pillow and NumPy).

    Parameters
    ----------
    factors : FaceFactors
        What to draw.
    size : int
        Side of the image in pixels.

    Returns
    -------
    numpy.ndarray
        uint8, shape (3, size, size), red first.

    Examples
    --------
    >>> from dacl_edu.data.drawn import FaceFactors, draw_face
    >>> draw_face(FaceFactors(au12=1.0, au6=0.8)).shape
    (3, 64, 64)
    """
    c = Canvas(factors, size)
    surroundings.draw_background(c)
    surroundings.draw_hair_back(c)
    surroundings.draw_body(c)
    c.fill(c.flat(c.outline()), c.skin)
    features.draw_cheeks(c)
    features.draw_forehead(c)
    surroundings.draw_facial_hair(c)
    features.draw_chin(c)
    features.draw_mouth(c)
    features.draw_eyes(c)
    features.draw_nose(c)
    features.draw_brows(c)
    surroundings.draw_hair_front(c)
    surroundings.draw_glasses(c)
    picture = _light(c, np.asarray(c.image.reduce(SUPERSAMPLE), dtype=float))
    front = surroundings.draw_occluder(c)
    if front is not None:
        layer = np.asarray(front.convert("RGBa").reduce(SUPERSAMPLE), dtype=float)
        picture = picture * (1.0 - layer[..., 3:] / 255.0) + layer[..., :3]
    return np.ascontiguousarray(_photograph(factors, picture).transpose(2, 0, 1))
