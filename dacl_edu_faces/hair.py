"""Hair and what is worn over it: how far the scalp is raised, and hoods around the head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dacl_edu_faces.factors import FaceFactors
from dacl_edu_faces.mesh import Mesh, grid_mesh
from dacl_edu_faces.uv_map import Array, noise, smoothstep

Opening = Callable[[Array], Array]
#: Half width, middle (front to back), half depth and height of the skull.
Size = tuple[float, float, float, float]

#: style: (height of the hairline over the eyes, thickness of the hair on the scalp), in metres.
_STYLES: dict[str, tuple[float, float]] = {
    "bald": (0.30, 0.0), "buzz": (0.060, 0.0015), "short": (0.060, 0.010), "side": (0.058, 0.015),
    "fringe": (0.030, 0.013), "receding": (0.086, 0.007), "tied": (0.064, 0.005), "long": (0.062, 0.010),
    "bob": (0.045, 0.010), "curly": (0.058, 0.014), "afro": (0.062, 0.018), "beanie": (0.060, 0.004),
    "cap": (0.058, 0.006), "hijab": (0.30, 0.0),
}  # fmt: skip


def hairline(f: FaceFactors, u: Array) -> Array:
    """Height at which the hair begins, over the width of the face."""
    front, _ = _STYLES[f.hair_style]
    front = front + f.hairline
    side = np.abs(u)
    if f.hair_style == "fringe":
        top = front + 0.004 * noise(u, u, 0.0015, 0.5, f.look_seed % 97) * 0.5
    elif f.hair_style in ("side", "bob"):
        # The parting is on one side and the hair falls over the other.
        way = 1.0 if f.look_seed % 2 else -1.0
        top = front - 0.020 * smoothstep(way * u, -0.02, 0.05) + 0.006 * smoothstep(-way * u, -0.01, 0.03)
    elif f.hair_style == "receding":
        top = front - 0.020 * np.exp(-((u / 0.014) ** 2)) + 0.0 * u
    else:
        top = front - 8.0 * np.minimum(side, 0.05) ** 2
    temple = smoothstep(side, 0.050, 0.074)
    low = -0.02 if f.hair_style != "receding" else 0.0
    back = smoothstep(side, 0.12, 0.20)
    return np.asarray((1 - temple) * top + temple * low - 0.07 * back, dtype=np.float32)


def scalp_cover(f: FaceFactors, u: Array, v: Array) -> Array:
    """Cover of the head's skin by hair, 0 to 1, with a ragged edge."""
    if f.hair_style in ("bald", "hijab"):
        return np.zeros_like(u)
    ragged = 0.0035 * noise(u, v, 0.0006, 0.004, f.look_seed % 89)
    cover = smoothstep(v + ragged - hairline(f, u), -0.003, 0.004)
    return cover * (0.75 if f.hair_style == "buzz" else 1.0)


def raise_scalp(f: FaceFactors, uv: Array, ears: Array) -> Array:
    """How far each vertex of the head is pushed out by the hair on it, in metres."""
    _, thickness = _STYLES[f.hair_style]
    if not thickness:
        return np.zeros(len(uv), np.float32)
    u, v = uv.T
    over = smoothstep(v - hairline(f, u), -0.002, 0.018)
    lumps = 1.0 + 0.25 * noise(u, v, 0.004, 0.008, f.look_seed % 83)
    top = 1.0 + 0.8 * smoothstep(v, 0.07, 0.12)
    return np.asarray(over * thickness * (0.5 + f.hair_volume) * lumps * top * (1 - ears), dtype=np.float32)


def hoods(f: FaceFactors, head: Array, uv: Array, ears: Array) -> list[Mesh]:
    """Meshes around the head: hanging hair, an afro, a hat, a headscarf.

    Parameters
    ----------
    f : FaceFactors
    head : numpy.ndarray
        (V, 3) vertices of the head, with the origin between the eyes.
    uv, ears : numpy.ndarray
        Their UV coordinates, and 1 where they belong to an ear.
    """
    skull = head[(ears < 0.1) & (np.abs(uv[:, 0]) < 0.4) & (head[:, 2] > -0.02)]
    top, back = float(skull[:, 2].max()), float(skull[:, 1].max())
    half_width = float(np.abs(skull[:, 0]).max())
    front = float(skull[np.abs(skull[:, 2] - 0.05) < 0.03][:, 1].min())
    size = (half_width, (front + back) / 2, (back - front) / 2, top)
    style, volume, seed = f.hair_style, f.hair_volume, f.look_seed
    if style in ("long", "bob"):
        end = -0.22 if style == "long" else -0.09 - 0.05 * volume
        edge = 0.064 + 0.014 * ((seed // 7) % 10) / 10
        return [_hood(size, seed, "hair", 0.008 + 0.014 * volume, end, _curtain(edge, f), 0.004, 1.0)]
    if style == "curly":
        end = -0.06 - 0.09 * volume
        return [_hood(size, seed, "hair", 0.016 + 0.02 * volume, end, _curtain(0.072, f), 0.011, 0.35)]
    if style == "afro":
        return [_hood(size, seed, "hair", 0.022 + 0.035 * volume, -0.05, _curtain(0.080, f), 0.008, 0.3)]
    if style == "beanie":
        return [_hood(size, seed, "cap", 0.010, 0.040 + 0.02 * volume, lambda v: 0.0 * v, 0.002, 0.6)]
    if style == "cap":
        low = 0.048 + 0.012 * volume
        return [_hood(size, seed, "cap", 0.009, low, lambda v: 0.0 * v, 0.0, 1.0), _brim(size, low)]
    if style == "hijab":
        width = 0.066 + 0.008 * volume

        def oval(v: Array) -> Array:
            return width * np.sqrt(np.clip(1 - ((v + 0.030) / (0.088 + 0.008 * volume)) ** 2, 0, 1))

        return [_hood(size, seed, "cloth", 0.012, -0.24, oval, 0.004, 0.8)]
    return []


def _curtain(edge: float, f: FaceFactors) -> Opening:
    """Opening of hanging hair at each height: from the hairline down along the face."""
    low = _STYLES[f.hair_style][0] + f.hairline

    def opening(v: Array) -> Array:
        widen = smoothstep(-v, -low - 0.012, -low + 0.035)
        return np.where(v > low + 0.012, 0.0, 0.020 + (edge - 0.020) * widen)

    return opening


def _hood(
    size: Size, seed: int, material: str, thickness: float, end: float, opening: Opening, lumps: float, stretch: float
) -> Mesh:
    half_width, middle, half_depth, top = size
    rows, columns = 26, 44
    t = np.linspace(0, 1, rows)
    height = (top + thickness) + (end - top - thickness) * np.where(t < 0.35, 1.6 * t**2, 0.196 + (t - 0.35) * 1.237)
    height = height.astype(np.float32)
    rise = np.clip((height - 0.02) / (top + thickness - 0.02), 0, 1)
    round_ = np.sqrt(np.clip(1 - rise**2, 0, 1))
    start = np.asarray(opening(height), np.float32)
    s = np.linspace(0, 1, columns, dtype=np.float32)[None, :]
    angle = start[:, None] * 10 + (2 * np.pi - 20 * start[:, None]) * s
    u = np.where(angle > np.pi, angle - 2 * np.pi, angle) * 0.1
    v = np.broadcast_to(height[:, None], u.shape)
    a, b = (half_width + thickness) * round_[:, None], (half_depth + thickness) * round_[:, None]
    # The neck is narrower than the head: what hangs falls inwards a little at the back, and not at the sides.
    bump = 1 + lumps / 0.1 * noise(u, v, 0.004, 0.004 / stretch * 3, seed % 79)
    x = a * np.sin(angle) * bump
    y = middle - b * np.cos(angle) * bump
    return grid_mesh(np.stack([x, y, v], -1), material, np.stack([u, v], -1))


def _brim(size: Size, low: float) -> Mesh:
    half_width, middle, half_depth, _ = size
    angle = np.linspace(-1.05, 1.05, 16)[None, :]
    out = np.linspace(0, 1, 4)[:, None]
    reach = 0.010 + 0.060 * out * np.cos(angle) ** 0.7
    x = (half_width + reach * 0.6) * np.sin(angle)
    y = middle - (half_depth + reach) * np.cos(angle)
    z = low - 0.012 * out + 0.004 * np.cos(angle) + 0 * x
    return grid_mesh(np.stack([x, y, z], -1).astype(np.float32), "cap", np.stack([x, y], -1).astype(np.float32))
