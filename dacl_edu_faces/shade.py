"""Light at the points that rays have met."""

from __future__ import annotations

import numpy as np

from dacl_edu_faces.build import Posed
from dacl_edu_faces.factors import FaceFactors
from dacl_edu_faces.mesh import Hits
from dacl_edu_faces.surface import describe
from dacl_edu_faces.uv_map import Array


def ambient_access(posed: Posed) -> Array:
    """Share of the surroundings that each vertex sees, from a few rays each.

    Only the skin of the face is asked; the rest of the scene is open, and the inside of the mouth is not.
    """
    scene = posed.scene
    access = np.full(len(scene.vertices), 0.9, np.float32)
    access[posed.inside] = 0.4
    rows = posed.face[scene.normals[posed.face, 1] < 0.35]
    p, n = scene.vertices[rows], scene.normals[rows]
    free = np.zeros(len(rows), np.float32)
    weight = np.full(len(rows), 1e-3, np.float32)
    for d in _SKY:
        cosine = n @ d
        facing = cosine > 0.05
        unblocked = ~scene.blocked(p[facing] + n[facing] * 1e-3, np.broadcast_to(d, (int(facing.sum()), 3)))
        free[facing] += cosine[facing] * unblocked
        weight += np.clip(cosine, 0, None)
    access[rows] = free / weight
    return access


_SKY = np.array([
    (0, -1, 0.05), (0.8, -0.7, 0.1), (-0.8, -0.7, 0.1), (0.1, -0.6, 0.9), (0.6, -0.4, 0.8), (-0.6, -0.4, 0.8),
    (0.1, -0.8, -0.6), (-1, -0.15, 0.3), (1, -0.15, 0.3),
], np.float32)  # fmt: skip
_SKY /= np.linalg.norm(_SKY, axis=1, keepdims=True)


def light_direction(azimuth: float, elevation: float) -> Array:
    """Unit vector towards a light; azimuth above 0 is the image's right."""
    a, e = np.radians([azimuth, elevation])
    return np.array([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)], np.float32)


def shade(
    f: FaceFactors, posed: Posed, hits: Hits, position: Array, view: Array, corner: Array, rng: np.random.Generator
) -> Array:
    """Light that leaves the points towards the camera.

    Parameters
    ----------
    f : FaceFactors
    posed : Posed
    hits : Hits
    position, view : numpy.ndarray
        (S, 3) the points, and unit vectors from them to the camera.
    corner : numpy.ndarray
        (S,) which of the pixel's four rays it is, 0 to 3.
    rng : numpy.random.Generator
        Turns the lamp.

    Returns
    -------
    numpy.ndarray
        (S, 3) linear.
    """
    scene = posed.scene
    surface = describe(f, posed, hits, position)
    normal = surface.normal
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    key = light_direction(f.key_azimuth, f.key_elevation)
    fill = light_direction(-0.7 * f.key_azimuth - 15, 10)
    access = scene.at(ambient_access(posed), hits)

    # Soft shadow: the four rays of a pixel go to four points of the lamp, the same in all pixels, so there is no grain.
    turn = rng.uniform(0, np.pi / 2) + np.pi / 2 * corner
    across = np.cross(key, np.array([0, 0, 1], np.float32))
    across /= np.linalg.norm(across) + 1e-6
    reach = (0.03 + 0.16 * f.key_softness) * np.stack([np.cos(turn), np.sin(turn)], 1)
    to_lamp = (key + reach[:, :1] * across + reach[:, 1:] * np.cross(across, key)).astype(np.float32)
    geometric = scene.at(scene.normals, hits)
    lit = (geometric @ key) > -0.25
    shadow = np.zeros(len(position), np.float32)
    if lit.any():
        shadow[lit] = ~scene.blocked(position[lit] + geometric[lit] * 1.5e-3, to_lamp[lit])

    shadow = np.maximum(shadow, surface.bright * 0.6)
    access = np.maximum(access, surface.bright)
    cosine = normal @ key
    wrapped = np.clip((cosine + surface.wrap) / (1 + surface.wrap), 0, None)
    warm = np.array([1 + 0.18 * f.warmth, 1.0, 1 - 0.22 * f.warmth], np.float32)
    direct = (wrapped * shadow * f.key_strength)[:, None] * warm
    # Light that has gone through skin comes out red at the edge of the shadow.
    bleed = np.exp(-(((cosine - 0.05) / 0.22) ** 2)) * surface.wrap * 0.35 * f.key_strength * shadow
    direct = direct + bleed[:, None] * np.array([0.5, 0.08, 0.04], np.float32)
    other = np.clip(normal @ fill, 0, None) * f.fill_strength * (0.4 + 0.6 * access)
    sky = f.ambient * (0.75 + 0.25 * normal[:, 2]) * access
    light = direct + (other + sky)[:, None] * (2 - warm)
    half = view + key
    half /= np.linalg.norm(half, axis=1, keepdims=True) + 1e-9
    shine = surface.gloss * np.clip((normal * half).sum(1), 0, 1) ** surface.tight * shadow * f.key_strength
    grazing = (1 - np.clip((normal * view).sum(1), 0, 1)) ** 4 * surface.gloss * 0.25 * access
    return np.asarray(surface.albedo * light + (shine + grazing)[:, None] * warm, np.float32)
