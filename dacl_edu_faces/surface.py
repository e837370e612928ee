"""What things look like before any light falls on them: skin, eyes, hair, teeth, cloth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dacl_edu_faces import colours
from dacl_edu_faces.build import Posed
from dacl_edu_faces.factors import FaceFactors
from dacl_edu_faces.hair import scalp_cover
from dacl_edu_faces.mesh import MATERIALS, Hits
from dacl_edu_faces.uv_map import Array, beard, brows, crease_height, lookup, noise, smoothstep

Rows = NDArray[np.int64]


@dataclass
class Surface:
    """What light meets: one row a point."""

    albedo: Array
    normal: Array
    gloss: Array  # strength of the highlight
    tight: Array  # its exponent
    wrap: Array  # how far light creeps around the edge
    bright: Array  # least share of the light that gets there


def describe(f: FaceFactors, posed: Posed, hits: Hits, position: Array) -> Surface:
    """Colour, normal and gloss of the points that rays have met.

    Parameters
    ----------
    f : FaceFactors
    posed : Posed
    hits : Hits
    position : numpy.ndarray
        (S, 3)

    Returns
    -------
    Surface
    """
    scene = posed.scene
    s = len(hits.ray)
    surface = Surface(
        np.full((s, 3), 0.5, np.float32), scene.at(scene.normals, hits), np.full(s, 0.03, np.float32),
        np.full(s, 12.0, np.float32), np.zeros(s, np.float32), np.zeros(s, np.float32),
    )  # fmt: skip
    uv = scene.at(scene.uv, hits)
    material = scene.material[hits.triangle]
    plain = _plain_colours(f)
    for code in np.unique(material):
        name = MATERIALS[code]
        rows = np.flatnonzero(material == code)
        u, v = uv[rows].T
        if name == "skin":
            _skin(f, posed, hits, surface, rows, u, v)
        elif name in ("eye_left", "eye_right"):
            _eye(f, posed, surface, rows, position[rows], 0 if name == "eye_left" else 1)
        elif name == "hair":
            _hair(f, surface, rows, u, v, np.ones(len(rows), np.float32))
        elif name == "teeth":
            _teeth(posed, surface, rows, position[rows])
        else:
            surface.albedo[rows] = plain[name]
            if name in ("cloth", "cap", "mask"):
                weave = noise(u, v, 0.0008 if name != "cap" else 0.002, 0.0015, f.scene_seed % 71)
                surface.albedo[rows] *= (1 + 0.10 * weave)[:, None]
            if name in ("frame", "dark_lens", "object"):
                surface.gloss[rows], surface.tight[rows] = 0.35, 40.0
            if name in ("mouth", "tongue"):
                # Little light finds its way in, and less the deeper.
                depth = (position[rows] - posed.mouth) @ posed.rotation[:, 1]
                surface.albedo[rows] *= np.clip(0.9 - depth / 0.028, 0.08, 1)[:, None]
                surface.gloss[rows] = 0.06 if name == "tongue" else 0.02
            if name == "hand":
                surface.wrap[rows] = 0.25
    return surface


def _plain_colours(f: FaceFactors) -> dict[str, Array]:
    cloth, value = f.cloth_hue, f.cloth_value
    metal = 0.25 if (f.look_seed // 13) % 3 == 0 else 0.0
    blue_mask = f.scene_seed % 3 > 0
    return {
        "cloth": colours.hsv(cloth, 0.55, value),
        "cap": colours.hsv(cloth + 0.4, 0.5, value * 0.8),
        "frame": colours.hsv(0.07, 0.4, 0.1 + metal),
        "dark_lens": colours.hsv(0.6, 0.2, 0.08),
        "mask": colours.hsv(0.55, 0.25, 0.85) if blue_mask else colours.hsv(0, 0, 0.12),
        "object": colours.hsv(cloth + 0.3, 0.6, 0.2 + 0.6 * ((f.scene_seed // 3) % 2)),
        "hand": colours.skin(f) * 0.95,
        "mouth": colours.linear(np.array([0.30, 0.08, 0.07])),
        "tongue": colours.linear(np.array([0.68, 0.30, 0.30])),
        "lashes": colours.skin(f) * (0.18 - 0.15 * f.liner),
    }


def _skin(f: FaceFactors, posed: Posed, hits: Hits, surface: Surface, rows: Rows, u: Array, v: Array) -> None:
    scene = posed.scene
    sub = Hits(hits.ray[rows], hits.triangle[rows], hits.weights[rows])
    lip = smoothstep(scene.at(posed.lips, sub), 0.25, 0.75)
    colour = np.broadcast_to(colours.skin(f), (len(rows), 3)).copy()
    # Blood shows in cheeks, nose and ears; old and tired eyes are darker below; skin is never even.
    red = np.exp(-((np.abs(u) - 0.045) ** 2 / 0.0005 + (v + 0.035) ** 2 / 0.0006))
    red = red + 0.8 * np.exp(-(u**2 / 0.0002 + (v + 0.035) ** 2 / 0.0003)) + 0.5 * scene.at(posed.ears, sub)
    red = red * f.skin_redness * (1 - 0.6 * f.skin_tone)
    colour *= 1 + red[:, None] * np.array([0.10, -0.22, -0.20], np.float32)
    rings = np.exp(-((np.abs(u) - 0.030) ** 2 / 0.00018 + (v + 0.013) ** 2 / 0.00004))
    colour *= (1 - (0.10 + 0.25 * max(f.age - 0.6, 0)) * rings)[:, None]
    blotches = 0.035 * noise(u, v, 0.0025, 0.0025, f.look_seed % 61) + 0.02 * noise(u, v, 0.0006, 0.0006, 5)
    colour *= (1 + blotches)[:, None]
    colour = colour * (1 - lip[:, None]) + colours.lips(f) * lip[:, None]

    height = crease_height(posed.creases)
    fold = lookup(height, u, v)
    colour *= (1 + 0.28 * fold)[:, None]
    slope_v, slope_u = np.gradient(height, 0.0008)
    bump = 0.0026
    tangent_u, tangent_v = posed.rotation[:, 0], posed.rotation[:, 2]
    normal = surface.normal[rows]
    for slope, tangent in ((slope_u, tangent_u), (slope_v, tangent_v)):
        normal = normal - bump * lookup(slope, u, v)[:, None] * tangent
    pores = 0.02 * noise(u, v, 0.0009, 0.0009, f.look_seed % 53)
    surface.normal[rows] = normal + pores[:, None] * tangent_u

    hair_colour = colours.hair(f)
    # A dark line where the lids meet the eye: lashes, and paint.
    eye = np.exp(-(((np.abs(u) - 0.034) / 0.017) ** 4))
    lid = eye * np.exp(-(((v - 0.0015) / 0.0035) ** 2))
    colour *= (1 - (0.28 + 0.45 * f.liner) * lid)[:, None]
    brow = brows(u, v, f.brow_height, f.brow_thickness, f.brow_arch, 0.006 * f.au4 - 0.007 * f.au1, 0.5)
    hairs = 0.82 + 0.18 * np.clip(noise(u + 0.6 * v, v, 0.0005, 0.0014, f.look_seed % 47), -1, 1)
    brow = brow * hairs * f.brow_darkness
    brow_colour = np.minimum(hair_colour, 0.12) * 0.6
    colour = colour * (1 - brow[:, None]) + brow_colour * brow[:, None]
    if f.facial_hair != "none":
        cover = beard(u, v, f.facial_hair) * (1 - lip)
        grain = np.clip(0.65 + 0.3 * noise(u, v, 0.0004, 0.0012, f.look_seed % 43), 0, 1)
        cover = cover * grain * (0.40 if f.facial_hair == "stubble" else 0.92)
        colour = colour * (1 - cover[:, None]) + hair_colour * 0.9 * cover[:, None]
    surface.albedo[rows] = colour
    zone = np.exp(-(u**2) / 0.0006) + 0.5
    surface.gloss[rows] = (0.04 + 0.22 * f.skin_shine) * zone * (1 - 0.6 * brow) + 0.10 * lip
    surface.tight[rows] = 14.0 + 20 * lip
    surface.wrap[rows] = 0.28
    cover = scalp_cover(f, u, v) * (1 - scene.at(posed.ears, sub))
    hairy = cover > 0.02
    if hairy.any():
        _hair(f, surface, rows[hairy], u[hairy], v[hairy], cover[hairy])


def _hair(f: FaceFactors, surface: Surface, rows: Rows, u: Array, v: Array, cover: Array) -> None:
    curly = f.hair_style in ("curly", "afro")
    strand = noise(u, v, 0.0006, 0.002 if curly else 0.02, f.look_seed % 41)
    coarse = noise(u, v, 0.003, 0.003 if curly else 0.05, f.look_seed % 37)
    colour = colours.hair(f) * np.clip(1 + 0.30 * strand + 0.25 * coarse, 0.25, 2.2)[:, None]
    c = cover[:, None]
    surface.albedo[rows] = surface.albedo[rows] * (1 - c) + colour * c
    surface.normal[rows] += c * 0.35 * np.stack([strand, 0 * strand, 0.4 * coarse], 1)
    shine = (0.05 if curly else 0.14) * np.clip(1 + strand, 0, 2)
    surface.gloss[rows] = surface.gloss[rows] * (1 - cover) + cover * shine
    surface.tight[rows] = 10.0
    surface.wrap[rows] = 0.15


def _eye(f: FaceFactors, posed: Posed, surface: Surface, rows: Rows, position: Array, which: int) -> None:
    out = (position - posed.eyes[which]) / posed.eye_radius
    out /= np.linalg.norm(out, axis=1, keepdims=True) + 1e-9
    angle = np.arccos(np.clip(out @ posed.gaze, -1, 1))
    white = colours.linear(np.array([0.86, 0.83, 0.81])) * (1 - 0.25 * smoothstep(np.abs(angle), 0.5, 1.2))[:, None]
    ring = 0.42
    inside = 1 - smoothstep(angle, ring - 0.04, ring + 0.03)
    pupil = 1 - smoothstep(angle, 0.15, 0.20)
    rim = np.exp(-(((angle - ring) / 0.05) ** 2))
    colour = white * (1 - inside[:, None]) + colours.iris(f) * (inside * (1 - 0.5 * rim))[:, None]
    colour *= (1 - 0.96 * pupil)[:, None]
    # The upper lid and its lashes shade the top of the ball.
    up = out @ posed.rotation[:, 2]
    colour *= np.clip(1 - 0.9 * np.clip(up - 0.02, 0, 1) - 0.25 * np.clip(-up - 0.15, 0, 1), 0.2, 1)[:, None]
    surface.albedo[rows] = colour
    surface.normal[rows] = out
    surface.gloss[rows] = 0.9
    surface.tight[rows] = 120.0
    surface.bright[rows] = 0.55
    surface.wrap[rows] = 0.2


def _teeth(posed: Posed, surface: Surface, rows: Rows, position: Array) -> None:
    local = (position - posed.mouth) @ posed.rotation
    gap = np.abs(np.mod(local[:, 0] / 0.0078, 1.0) - 0.5)
    line = smoothstep(gap, 0.40, 0.49)
    colour = colours.linear(np.array([0.97, 0.94, 0.88])) * (1 - 0.45 * line)[:, None]
    # The arch goes back into the dark; of the lower one little is seen but the front.
    reach = np.where(local[:, 2] < -0.007, 0.010, 0.017)
    side = 1 - 0.85 * smoothstep(np.abs(local[:, 0]), reach, reach + 0.008)
    surface.albedo[rows] = colour * side[:, None]
    surface.gloss[rows] = 0.15
    surface.tight[rows] = 30.0
    surface.wrap[rows] = 0.6
    surface.bright[rows] = 0.75
