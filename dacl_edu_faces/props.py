"""Things in front of the face: glasses, masks, scarves, hands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dacl_edu_faces.factors import FaceFactors
from dacl_edu_faces.head import Head
from dacl_edu_faces.mesh import Mesh, grid_mesh, mesh_of
from dacl_edu_faces.uv_map import Array


def glasses(f: FaceFactors, eyes: Array, front: float) -> list[Mesh]:
    """Frame, and dark lenses, before the eyes.

    Parameters
    ----------
    f : FaceFactors
    eyes : numpy.ndarray
        (2, 3) centres of the left and right eye.
    front : float
        y of the foremost point between the eyes.
    """
    if f.glasses == "none":
        return []
    wide = 0.0235 if f.glasses == "round" else 0.027
    high = 0.021 if f.glasses == "round" else 0.0175
    power = 2.0 if f.glasses == "round" else 3.2
    rim = 0.0018 + 0.0022 * ((f.look_seed // 11) % 10) / 10
    t = np.linspace(0, 2 * np.pi, 33)[:-1]
    c, s = np.cos(t), np.sin(t)
    outline = np.stack([np.sign(c) * np.abs(c) ** (2 / power), np.sign(s) * np.abs(s) ** (2 / power)], axis=1)
    plane = front - 0.004
    meshes = []
    for eye in eyes:
        centre = np.array([eye[0] * 1.04, plane, eye[2] - 0.003])
        rings = []
        for grow, depth in ((0.0, 0.0), (rim, 0.0), (rim, 0.004)):
            ring = np.zeros((len(t), 3))
            ring[:, 0] = outline[:, 0] * (wide + grow)
            ring[:, 2] = outline[:, 1] * (high + grow)
            ring[:, 1] = depth + 0.25 * ring[:, 0] ** 2 / 0.03
            rings.append(ring + centre)
        sheet = np.array(rings, np.float32)
        meshes.append(grid_mesh(sheet, "frame", sheet[:, :, [0, 2]], closed=True))
        if f.glasses == "dark":
            disc = np.array([rings[0], np.broadcast_to(centre, rings[0].shape)], np.float32)
            meshes.append(grid_mesh(disc, "dark_lens", disc[:, :, [0, 2]], closed=True))
        side = np.sign(eye[0])
        a = centre + [side * (wide + rim), 0.003, 0.006]
        b = np.array([a[0] + side * 0.008, a[1] + 0.11, a[2] + 0.002])
        meshes.append(_bar(a, b, rim * 1.2))
    bridge = np.array([eyes[0, 0] * 1.04 - wide, plane, eyes[0, 2] + 0.002])
    meshes.append(_bar(bridge, bridge * [-1, 1, 1], rim * 0.9))
    return meshes


def _bar(a: NDArray[np.float64], b: NDArray[np.float64], half: float) -> Mesh:
    """Thin upright ribbon seen from the front and the side, between two points."""
    up, out = np.array([0, 0, half]), np.array([half * 0.7, -half * 0.7, 0])
    ring = np.array([[p + o for o in (up + out, up - out, -up - out, -up + out, up + out)] for p in (a, b)], np.float32)
    return grid_mesh(ring, "frame", ring[:, :, [1, 2]])


def covers(f: FaceFactors, head: Head, face: Array) -> list[Mesh]:
    """Whatever hides a part of the face.

    Parameters
    ----------
    f : FaceFactors
    head : Head
    face : numpy.ndarray
        (V, 3) vertices, with the origin between the eyes.
    """
    if f.occlusion in ("mask", "scarf"):
        return [_veil(f, head, face)]
    if f.occlusion == "hand":
        return [_hand(f, head, face)]
    if f.occlusion == "object":
        return [_object(f, face)]
    if f.occlusion == "strand":
        return [_strand(f, face)]
    return []


def _veil(f: FaceFactors, head: Head, face: Array) -> Mesh:
    """Sheet over nose and mouth (mask) or over mouth and neck (scarf), stretched from cheek to cheek."""
    top, bottom = (-0.024, -0.128) if f.occlusion == "mask" else (-0.052, -0.20)
    top += 0.012 * f.occlusion_y
    skin = head.part_vertices["skin"]
    u, v = head.uv[skin].T
    nose = face[skin][(np.abs(u) < 0.012) & (v < -0.02) & (v > -0.055), 1].min()
    chin = face[skin][(np.abs(u) < 0.02) & (v < -0.09) & (v > -0.12), 1].min()
    chin_z = float(face[skin][(np.abs(u) < 0.02) & (v < -0.09), 2].min()) if f.occlusion == "mask" else -0.118
    cheek = face[skin][(np.abs(np.abs(u) - 0.08) < 0.015) & (v < -0.02) & (v > -0.08)]
    wide, deep = float(np.abs(cheek[:, 0]).mean()) + 0.006, float(cheek[:, 1].mean())
    bottom = min(bottom, chin_z - 0.004) if f.occlusion == "mask" else bottom
    z = np.linspace(top, bottom, 14)[:, None]
    s = np.linspace(-1, 1, 25)[None, :]
    ridge = np.interp(-z, [0.02, 0.040, 0.075, 0.115, 0.15, 0.2], np.array([nose + 0.010, nose, (nose + chin) / 2, chin,
                      chin + 0.03, chin + 0.03]) - 0.006)  # fmt: skip
    drop = 0.010 * np.abs(s) ** 2 * (1 if f.occlusion == "mask" else -1)
    x = wide * np.sin(s * np.pi / 2 * 0.98)
    y = ridge + (deep + 0.015 - ridge) * np.abs(s) ** 1.9
    folds = 0.0018 * np.sin(z * 260) * (1 - s**2) if f.occlusion == "mask" else 0.004 * np.sin(z * 190 + 3 * s)
    points = np.stack([x + 0 * z, y + folds, z - drop], -1)
    points = points.astype(np.float32)
    material = "mask" if f.occlusion == "mask" else "cloth"
    return grid_mesh(points, material, points[:, :, [0, 2]])


def _hand(f: FaceFactors, head: Head, face: Array) -> Mesh:
    """Turn the hand's palm to the face and put it before the mouth, a cheek or an eye."""
    vertices = head.hand_vertices - head.hand_vertices.mean(0)
    # Longest direction: the fingers; shortest: through the palm.
    _, axes = np.linalg.eigh(vertices.T @ vertices)
    fingers, across = axes[:, 2], axes[:, 1]
    if fingers[2] > 0:  # the arm hangs, so fingers point down in the model
        fingers = -fingers
    palm = np.cross(fingers, across)
    flat = vertices @ np.stack([across, palm, fingers], axis=1)
    turn = np.radians(f.occlusion_angle)
    c, s = np.cos(turn), np.sin(turn)
    x, y, z = flat.T
    centre_x, centre_z = 0.06 * f.occlusion_x, -0.055 + 0.05 * f.occlusion_y
    near = np.hypot(face[:, 0] - centre_x, face[:, 2] - centre_z) < 0.045
    surface = float(face[near, 1].min()) if near.any() else -0.02
    # Fingers bend towards the face.
    curl = 0.35 * np.clip(z, 0, None) ** 2 / 0.1
    placed = np.stack([x * c - z * s + centre_x, surface - 0.012 + y + curl, x * s + z * c + centre_z], axis=1)
    return mesh_of(placed.astype(np.float32), head.hand_triangles, "hand", flat[:, [0, 2]])


def _object(f: FaceFactors, face: Array) -> Mesh:
    """Something round or upright held before the lower face: a cup, a microphone, a telephone."""
    kind = f.scene_seed % 3
    radius = (0.022, 0.030, 0.016)[kind]
    t, s = np.meshgrid(np.linspace(0, np.pi, 9), np.linspace(0, 2 * np.pi, 17), indexing="ij")
    tall = (1.0, 1.4, 3.4)[kind]
    x = radius * np.sin(t) ** (1.0 if kind == 0 else 0.35) * np.sin(s)
    y = -radius * np.sin(t) ** (1.0 if kind == 0 else 0.35) * np.cos(s)
    z = radius * tall * np.cos(t)
    turn = np.radians(f.occlusion_angle * 0.5)
    x, z = x * np.cos(turn) - z * np.sin(turn), x * np.sin(turn) + z * np.cos(turn)
    centre = np.array([0.05 * f.occlusion_x, float(face[:, 1].min()) - radius, -0.085 + 0.03 * f.occlusion_y])
    return grid_mesh(np.stack([x, y, z], -1) + centre, "object", np.stack([s, t], -1) * 0.02)


def _strand(f: FaceFactors, face: Array) -> Mesh:
    """Lock of hair that falls over one eye."""
    side = 1.0 if f.occlusion_x > 0 else -1.0
    z = np.linspace(0.075, -0.05 - 0.04 * f.occlusion_y, 14)[:, None]
    s = np.linspace(-1, 1, 5)[None, :]
    middle = side * (0.012 + 0.03 * np.sin((0.08 - z) * 12) + 0.02 * abs(f.occlusion_x))
    x = middle + s * (0.010 - 0.004 * np.abs(z - 0.02) / 0.1)
    front = float(face[np.abs(face[:, 2]) < 0.05, 1].min())
    y = front - 0.002 + 0.002 * s**2 + 4.0 * x**2 + 0 * z
    points = np.stack([x, y, z + 0 * x], -1).astype(np.float32)
    return grid_mesh(points, "hair", points[:, :, [0, 2]])
