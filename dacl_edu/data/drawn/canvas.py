"""The sheet that a face is drawn on: face units to pixels, and the colours of one face.

Points are given in *face units*: the middle of the head is (0, 0), x runs to the image's right, y runs down, the
cheeks are about 1 away and the chin about 1.2. Points *on* the face are bent over an ellipsoid and turned by yaw and
pitch; points of the silhouette are not; both are then rolled, scaled and shifted.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from functools import lru_cache
from math import comb
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from dacl_edu.data.drawn.factors import FaceFactors

Array: TypeAlias = NDArray[np.float64]
Ink: TypeAlias = Array | tuple[int, int, int] | Sequence[float]

#: Faces are drawn this many times larger than they are wanted: reduction is what smooths their edges.
SUPERSAMPLE = 4
#: Half the face's width, as a share of the image, at scale 1.
UNIT = 0.42
#: How far the face bulges out of the picture; a turned head shifts its features by about this much times the sine.
DEPTH = 0.85

SKIN = np.array(
    [(252, 222, 200), (244, 206, 176), (233, 188, 150), (216, 166, 124), (192, 138, 96), (162, 110, 73), (130, 84, 56),
     (100, 64, 44), (74, 48, 36)],
    dtype=float,
)  # fmt: skip
HAIR = np.array(
    [(26, 21, 22), (50, 33, 26), (90, 57, 36), (136, 66, 36), (190, 142, 84), (120, 117, 115), (214, 212, 208)],
    dtype=float,
)
IRIS = np.array([(58, 36, 24), (96, 62, 34), (104, 104, 58), (88, 128, 106), (88, 130, 168)], dtype=float)


def along(palette: Array, place: float) -> Array:
    """Return the colour at `place` (0 to 1) along a palette."""
    at = float(np.clip(place, 0.0, 1.0)) * (len(palette) - 1)
    low = min(int(at), len(palette) - 2)
    return np.asarray(palette[low] + (palette[low + 1] - palette[low]) * (at - low))


def hue(h: float, saturation: float, value: float) -> Array:
    """Return an RGB colour (0 to 255) from hue, saturation and value (0 to 1)."""
    return np.array(colorsys.hsv_to_rgb(h % 1.0, saturation, value)) * 255.0


@lru_cache(maxsize=64)
def _bernstein(order: int, n: int) -> Array:
    t = np.linspace(0.0, 1.0, n)
    return np.column_stack([comb(order, k) * t**k * (1.0 - t) ** (order - k) for k in range(order + 1)])


def curve(points: ArrayLike, n: int = 13) -> Array:
    """Return `n` points of the Bézier curve with these control points (3: quadratic, 4: cubic)."""
    p = np.asarray(points, dtype=float)
    return np.asarray(_bernstein(len(p) - 1, n) @ p)


class Canvas:
    """One face's sheet, its geometry and its colours.

    Parameters
    ----------
    factors : FaceFactors
        The face.
    size : int
        Side of the finished image in pixels.
    """

    def __init__(self, factors: FaceFactors, size: int) -> None:
        f = self.f = factors
        self.size = size
        self.pixels = size * SUPERSAMPLE
        self.unit = UNIT * f.scale * self.pixels
        self.centre = self.pixels * np.array([0.5 + f.shift_x, 0.515 + f.shift_y])
        yaw, pitch, roll = np.deg2rad([f.yaw, f.pitch, f.roll])
        self.sin_yaw, self.cos_yaw = float(np.sin(yaw)), float(np.cos(yaw))
        self.sin_pitch, self.cos_pitch = float(np.sin(pitch)), float(np.cos(pitch))
        self.roll = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])

        self.width = f.face_width
        self.top = -1.36 * f.face_length
        # The jaw takes the chin down with it.
        self.chin = 1.2 * f.face_length + 0.17 * f.au26 - 0.03 * f.au17
        skin = along(SKIN, f.skin_tone)
        self.skin = np.clip(skin + f.skin_warmth * np.array([3.0, -3.0, -7.0]), 0, 255)
        self.line = self.skin * np.array([0.48, 0.38, 0.36])
        self.shade = self.skin * np.array([0.78, 0.68, 0.66])
        self.hair = along(HAIR, f.hair_colour)
        # A brow keeps some contrast with the skin, as drawn brows do, or dark faces would lose half their expression.
        brow = 0.75 * self.hair + 0.25 * self.line
        self.brow = brow if abs(brow.mean() - self.skin.mean()) > 34 else self.skin * 0.45

        self.image = Image.new("RGB", (self.pixels, self.pixels))
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    # -- from the face to the sheet ------------------------------------------------------------------------------------

    def turned(self, points: ArrayLike, lift: float = 0.0) -> Array:
        """Turn points of the face's surface, `lift` above it, by yaw and pitch; the answer is in the sheet's plane."""
        p = np.asarray(points, dtype=float).reshape(-1, 2)
        x, y = p[:, 0], p[:, 1]
        z = DEPTH * np.sqrt(np.maximum(1.0 - 0.68 * x * x - 0.3 * y * y, 0.05)) + lift
        turned = np.empty_like(p)
        turned[:, 0] = x * self.cos_yaw + z * self.sin_yaw
        turned[:, 1] = y * self.cos_pitch - (z * self.cos_yaw - x * self.sin_yaw) * self.sin_pitch
        return turned

    def flat(self, points: ArrayLike) -> list[float]:
        """Pixel coordinates of points in the sheet's plane, as Pillow wants them."""
        p = np.asarray(points, dtype=float).reshape(-1, 2)
        flattened: list[float] = (self.centre + self.unit * (p @ self.roll)).ravel().tolist()
        return flattened

    def on_face(self, points: ArrayLike, lift: float = 0.0) -> list[float]:
        """Pixel coordinates of points of the face's surface."""
        return self.flat(self.turned(points, lift))

    # -- the pen -------------------------------------------------------------------------------------------------------

    @staticmethod
    def ink(colour: Ink, alpha: float = 1.0) -> tuple[int, int, int, int]:
        """Colour and opacity as Pillow wants them."""
        r, g, b = (int(min(max(c, 0.0), 255.0)) for c in colour)
        return r, g, b, int(255 * min(max(alpha, 0.0), 1.0))

    def fill(self, points: list[float], colour: Ink, alpha: float = 1.0) -> None:
        """Fill a polygon given in pixels."""
        self.draw.polygon(points, fill=self.ink(colour, alpha))

    def stroke(self, points: list[float], colour: Ink, width: float, alpha: float = 1.0) -> None:
        """Draw a line given in pixels; its width is in face units."""
        if alpha > 0.03:
            thick = max(1, round(width * self.unit))
            self.draw.line(points, fill=self.ink(colour, alpha), width=thick, joint="curve" if thick > 4 else None)

    def tapered(self, middle: Array, thickness: Array) -> Array:
        """Outline of a stroke whose thickness (face units, one number a point) changes along it."""
        step = np.gradient(middle, axis=0)
        normal = np.column_stack([-step[:, 1], step[:, 0]])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
        half = 0.5 * thickness[:, None] * normal
        return np.concatenate([middle + half, (middle - half)[::-1]])

    # -- the head ------------------------------------------------------------------------------------------------------

    def outline(self, grow: float = 1.0, n: int = 64) -> Array:
        """Silhouette of the head, clockwise from its top, `grow` times as large."""
        angle = np.linspace(0.0, 2 * np.pi, n, endpoint=False)
        s, c = np.sin(angle), np.cos(angle)
        below = c < 0
        # Below the ears a superellipse: a large exponent leaves a square jaw, a small one a pointed chin.
        power = np.where(below, 1.28 - 0.5 * self.f.jaw, 0.94)
        x = self.width * np.sign(s) * np.abs(s) ** power
        y = np.where(below, -self.chin * c, self.top * c)
        return grow * np.column_stack([x, y])

    def head_mask(self) -> Array:
        """Share of each finished pixel that the head (and its neck) covers."""
        mask = Image.new("L", (self.pixels, self.pixels))
        ImageDraw.Draw(mask).polygon(self.flat(self.outline(1.02)), fill=255)
        return np.asarray(mask.reduce(SUPERSAMPLE), dtype=np.float32).astype(float) / 255.0

    def sheet_grid(self) -> tuple[Array, Array]:
        """Face-plane coordinates (x, y) of the finished pixels' centres."""
        at = (np.arange(self.size) + 0.5) * SUPERSAMPLE
        dx, dy = (at - self.centre[0]) / self.unit, (at - self.centre[1]) / self.unit
        back = self.roll.T
        return dx[None, :] * back[0, 0] + dy[:, None] * back[1, 0], dx[None, :] * back[0, 1] + dy[:, None] * back[1, 1]
