"""Triangles of a scene, and where rays meet them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dacl_edu_faces.extra import need

Array = NDArray[Any]  # float32, or float64 on the way

#: What things are made of; `dacl_edu_faces.shade` knows how each looks.
MATERIALS = ("skin", "eye_left", "eye_right", "mouth", "tongue", "teeth", "lashes", "hair", "cloth", "cap", "frame",
             "dark_lens", "mask", "hand", "object")  # fmt: skip


@dataclass
class Mesh:
    """Some triangles with their materials.

    Attributes
    ----------
    vertices, triangles
        (V, 3) float32, (T, 3) int32.
    material : numpy.ndarray
        (T,) indices into `MATERIALS`.
    uv : numpy.ndarray
        (V, 2) coordinates for patterns on it.
    """

    vertices: Array
    triangles: NDArray[np.int32]
    material: NDArray[np.int16]
    uv: Array


def mesh_of(vertices: Array, triangles: NDArray[np.int32], material: str, uv: Array | None = None) -> Mesh:
    """Mesh of one material; without UV coordinates its pattern lies in the plane of x and z."""
    uv = vertices[:, [0, 2]] if uv is None else uv
    kind = np.full(len(triangles), MATERIALS.index(material), np.int16)
    return Mesh(vertices.astype(np.float32), triangles.astype(np.int32), kind, uv.astype(np.float32))


def grid_mesh(points: Array, material: str, uv: Array, closed: bool = False) -> Mesh:
    """Mesh of a (rows, columns, 3) sheet of points; `closed` joins the last column to the first."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    if closed:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    return mesh_of(points.reshape(-1, 3), triangles, material, uv.reshape(-1, 2))


def vertex_normals(vertices: Array, triangles: NDArray[np.int32]) -> Array:
    """Unit normals of the vertices, each triangle weighing as much as its area."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    corners = triangles.ravel(order="F")
    total = np.stack(
        [np.bincount(corners, np.tile(normal[:, k], 3), minlength=len(vertices)) for k in range(3)], axis=1
    )
    return (total / (np.linalg.norm(total, axis=1, keepdims=True) + 1e-20)).astype(np.float32)


@dataclass
class Hits:
    """What the rays met: only those that met anything.

    Attributes
    ----------
    ray : numpy.ndarray
        (S,) number of the ray.
    triangle : numpy.ndarray
        (S,)
    weights : numpy.ndarray
        (S, 3) of the triangle's corners.
    """

    ray: NDArray[np.int64]
    triangle: NDArray[np.int64]
    weights: Array


class Scene:
    """Meshes put together, ready for rays.

    Parameters
    ----------
    meshes : list of Mesh
    """

    def __init__(self, meshes: list[Mesh]) -> None:
        starts = np.cumsum([0] + [len(m.vertices) for m in meshes])
        self.vertices = np.ascontiguousarray(np.concatenate([m.vertices for m in meshes]), dtype=np.float32)
        self.triangles = np.ascontiguousarray(
            np.concatenate([m.triangles + s for m, s in zip(meshes, starts, strict=False)]), dtype=np.int32
        )
        self.uv = np.concatenate([m.uv for m in meshes])
        self.material = np.concatenate([m.material for m in meshes])
        self.normals = vertex_normals(self.vertices, self.triangles)
        self._embree = need("embreex.rtcore_scene").EmbreeScene(_device())
        need("embreex.mesh_construction").TriangleMesh(self._embree, self.vertices, self.triangles)

    def cast(self, origins: Array, directions: Array) -> Hits:
        """First hits of rays."""
        out = self._embree.run(origins, directions, output=True)
        ray = np.flatnonzero(out["primID"] >= 0)
        u, v = out["u"][ray], out["v"][ray]
        return Hits(ray, out["primID"][ray].astype(np.int64), np.stack([1 - u - v, u, v], axis=1))

    def blocked(self, origins: Array, directions: Array) -> NDArray[np.bool_]:
        """Whether anything is in the way of rays."""
        out = self._embree.run(
            np.ascontiguousarray(origins, np.float32), np.ascontiguousarray(directions, np.float32), query="OCCLUDED"
        )
        return np.asarray(out) == 0

    def at(self, values: Array, hits: Hits) -> Array:
        """Values of the vertices, interpolated at hits."""
        corner = self.triangles[hits.triangle]
        w = hits.weights
        if values.ndim == 1:
            return values[corner[:, 0]] * w[:, 0] + values[corner[:, 1]] * w[:, 1] + values[corner[:, 2]] * w[:, 2]
        return values[corner[:, 0]] * w[:, :1] + values[corner[:, 1]] * w[:, 1:2] + values[corner[:, 2]] * w[:, 2:]


_DEVICES: list[object] = []


def _device() -> object:
    if not _DEVICES:  # one a process: making one starts Embree's threads
        _DEVICES.append(need("embreex.rtcore").EmbreeDevice())
    return _DEVICES[0]
