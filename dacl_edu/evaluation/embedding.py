"""Deep features in the plane: UMAP (or PCA), fitted on some images, applied to others, aligned between methods.

What distances in a UMAP picture do not mean is said in :data:`CAUTION`, which stands below every such figure.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from dacl_edu import paths
from dacl_edu.errors import UserError
from dacl_edu.evaluation.samples import as_matrix
from dacl_edu.files import read_arrays, replacing

VERSION = 1
"""Part of the cache's key: raise it when the same input gives other points."""

CAUTION = (
    "UMAP keeps who is near whom. Sizes of clusters, gaps between them and the axes mean nothing; "
    "compare methods by numbers measured in feature space."
)


@dataclass(frozen=True)
class Embedding:
    """Points of the plane (or of space), and how they were made.

    Attributes
    ----------
    points : array, shape (n, 2) or (n, 3)
        Of the samples that the projection was fitted on.
    others : tuple of array
        Of further samples, by the same projection, in the order in which they were given.
    method : str
        ``"umap"`` or ``"pca"``: what was used, not what was asked for.
    notice : str
        Empty, or why it was done differently than asked for: a sentence to show beside the figure.
    """

    points: np.ndarray
    others: tuple[np.ndarray, ...]
    method: str
    notice: str = ""


def embed(
    fit_features: ArrayLike,
    *others: ArrayLike,
    method: str = "umap",
    dimensions: int = 2,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    metric: str = "euclidean",
    seed: int = 0,
    init: np.ndarray | None = None,
    cache: str | Path | None = None,
) -> Embedding:
    """Project features to two or three dimensions: fit on the first, transform the others.

    Parameters
    ----------
    fit_features : array or Tensor, shape (n, d)
        What the projection is fitted on, e.g. of training images.
    *others : array or Tensor, each of shape (any, d)
        What it is applied to, e.g. of test images: they do not change it.
    method : {"umap", "pca"}
        Without umap-learn, or where UMAP cannot work (few or constant samples), PCA is used, and ``notice`` says so.
    dimensions : {2, 3}
    n_neighbors, min_dist, metric
        As in umap-learn; not used by PCA. Fewer samples than neighbours: all others are neighbours, and that is said.
    seed : int, default 0
        The same input and seed give the same points, bit for bit: UMAP starts from PCA, not from the spectral layout,
        which differs from run to run when classes are well separated.
    init : array, shape (n, dimensions), optional
        Where UMAP starts, instead of PCA; :func:`embed_aligned` uses it.
    cache : path, optional
        Folder where results are kept by content (features, parameters, versions); those of the runs that come with
        the project are found, too. None: nothing is kept.

    Raises
    ------
    UserError
        No sample, NaN, unequal d, others far larger than those fitted, or a parameter out of range.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0, 1.0], [4.0, 0.0, 1.0], [0.0, 1.0, 1.0], [4.0, 1.0, 1.0]])
    >>> made = embed(square, square[:1], method="pca")
    >>> made.points.shape, made.others[0].shape, made.method
    ((4, 2), (1, 2), 'pca')
    """
    _check(method, dimensions, n_neighbors, min_dist)
    arrays = [as_matrix(array, f"features {i}") for i, array in enumerate((fit_features, *others))]
    if len({array.shape[1] for array in arrays}) > 1:
        widths = ", ".join(str(array.shape[1]) for array in arrays)
        raise UserError(f"features of {widths} dimensions", hint="all must come from one network")
    arrays = _in_range(arrays)
    method, n_neighbors, notice = _possible(arrays[0], method, dimensions, n_neighbors)
    options: dict[str, Any] = {"dimensions": dimensions}
    if method == "umap":
        options |= {"n_neighbors": n_neighbors, "min_dist": min_dist, "metric": metric, "seed": seed}
    start = None if init is None or method == "pca" else np.asarray(init, dtype=np.float32)
    kept = [] if cache is None else [Path(cache), paths.shipped_maps()]
    files = [folder / f"{_key(arrays, start, method, options)}.npz" for folder in kept]
    shapes = [(len(array), dimensions) for array in arrays]
    points = next((found for file in files if (found := _load(file, shapes)) is not None), None)
    if points is None:
        points = _pca(arrays, dimensions) if method == "pca" else _umap(arrays, start, **options)
        if files:
            _store(files[0], points)
    return Embedding(points[0], tuple(points[1:]), method, notice)


def embed_aligned(
    features: Mapping[str, ArrayLike], *others: Mapping[str, ArrayLike], **options: Any
) -> dict[str, Embedding]:
    """Project the features of several methods so that the pictures can be laid side by side.

    Each method gets its own projection; all start from one common layout (PCA of all features put side by side, each
    method scaled alike), and each is then turned, mirrored and scaled as a whole onto the first (Procrustes). So an
    image stands in about the same place everywhere, but no method's picture is bent to resemble another's, which
    ``umap.AlignedUMAP`` does on purpose; it is also about thirty times slower.

    Parameters
    ----------
    features : mapping of str to (n, d) array or Tensor
        Name of a method → features of the same images in the same rows; d may differ.
    *others : mapping of str to array or Tensor
        Further images, by the same names.
    **options
        As for :func:`embed`.

    Returns
    -------
    dict of str to Embedding
        In the order of ``features``.

    Raises
    ------
    UserError
        As :func:`embed`; or unequal numbers of rows; or a name is missing among the others.

    Examples
    --------
    >>> first = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0]])
    >>> made = embed_aligned({"one": first, "turned": first[:, ::-1]}, method="pca")
    >>> bool(np.allclose(made["one"].points, made["turned"].points))
    True
    """
    if not features:
        raise UserError("no features to project", hint="name at least one method")
    arrays = {name: as_matrix(array, f"features of {name}") for name, array in features.items()}
    if len({len(array) for array in arrays.values()}) > 1:
        counts = ", ".join(f"{name} {len(array)}" for name, array in arrays.items())
        raise UserError(f"unequal numbers of images: {counts}", hint="give each method the same images, row by row")
    for name in arrays:
        if any(name not in other for other in others):
            raise UserError(f"no further features of {name}", hint="name the same methods in each mapping")
    options = dict(options)
    common = _common_start([_in_range([array])[0] for array in arrays.values()], options.get("dimensions", 2))
    made = {
        name: embed(array, *(other[name] for other in others), init=common, **options) for name, array in arrays.items()
    }
    reference = next(iter(made.values())).points
    return {name: _onto(embedding, reference) for name, embedding in made.items()}


def _check(method: str, dimensions: int, n_neighbors: int, min_dist: float) -> None:
    if method not in ("umap", "pca"):
        raise UserError(f"unknown projection {method!r}", hint="use umap or pca")
    if dimensions not in (2, 3):
        raise UserError(f"{dimensions} dimensions", hint="a figure has 2 or 3")
    if n_neighbors < 2 or not 0 <= min_dist <= 1:
        raise UserError(
            f"n_neighbors = {n_neighbors}, min_dist = {min_dist}", hint="n_neighbors is from 2 on, min_dist from 0 to 1"
        )


def _possible(array: np.ndarray, method: str, dimensions: int, n_neighbors: int) -> tuple[str, int, str]:
    """What can be done with these samples: method, neighbours, and a notice where it is not what was asked for."""
    count, width = array.shape
    if not np.ptp(array, axis=0).any():
        alone = "a single image" if count == 1 else "all images have the same features"
        return "pca", n_neighbors, f"{alone[0].upper()}{alone[1:]}: all points are one."
    if method == "pca":
        return method, n_neighbors, ""
    if count < dimensions + 3:
        return "pca", n_neighbors, f"PCA instead of UMAP: {count} images are too few for a graph of neighbours."
    if width <= dimensions:
        return "pca", n_neighbors, f"PCA instead of UMAP: the features have only {width} dimension(s) anyway."
    if importlib.util.find_spec("umap") is None:
        return "pca", n_neighbors, "PCA instead of UMAP: umap-learn is not installed (pip install umap-learn)."
    if n_neighbors >= count:
        return "umap", count - 1, f"n_neighbors lowered from {n_neighbors} to {count - 1}: there are {count} images."
    return "umap", n_neighbors, ""


def _in_range(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Very large or small features scaled by a power of two: their squares must fit into UMAP's 32 bits."""
    exponent = int(np.frexp(np.abs(arrays[0]).max())[1])
    if abs(exponent) > _EXPONENT:
        arrays = [np.ldexp(array, -exponent) for array in arrays]
        exponent = 0
    for array in arrays[1:]:
        if not np.abs(array).max() < 2.0 ** (exponent + _EXPONENT):
            raise UserError("further features are 1e15 times larger than those that are fitted, or more",
                            hint="all must come from one network")  # fmt: skip
    return list(arrays)


_EXPONENT = 50


def _pca(arrays: Sequence[np.ndarray], dimensions: int) -> list[np.ndarray]:
    """Project to the directions of largest variance; missing directions are zero."""
    mean = arrays[0].mean(axis=0)
    _, _, directions = np.linalg.svd(arrays[0] - mean, full_matrices=False)
    directions = directions[:dimensions]  # (<= dimensions, d)
    largest = np.abs(directions).argmax(axis=1)
    directions = directions * np.sign(directions[np.arange(len(directions)), largest])[:, None]  # a sign is arbitrary
    projected = [(array - mean) @ directions.T for array in arrays]
    return [np.pad(points, ((0, 0), (0, dimensions - points.shape[1]))) for points in projected]


def _umap(
    arrays: Sequence[np.ndarray], start: np.ndarray | None, dimensions: int, n_neighbors: int, min_dist: float,
    metric: str, seed: int,
) -> list[np.ndarray]:  # fmt: skip
    fitted = arrays[0].astype(np.float32)
    known = {}
    if len(arrays) == 1 and len(fitted) > 1000:  # umap's own search takes three times as long; it cannot transform then
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=n_neighbors, metric=metric, algorithm="brute").fit(fitted)
        distances, indices = search.kneighbors(fitted)
        known["precomputed_knn"] = (indices, distances)
    with warnings.catch_warnings(), _same_threads():
        warnings.simplefilter("ignore")  # of umap and scikit-learn about each other's versions, and of precomputed_knn
        import umap

        projection = umap.UMAP(
            n_components=dimensions, n_neighbors=n_neighbors, min_dist=min_dist, metric=metric, random_state=seed,
            n_jobs=1, transform_seed=seed, init="pca" if start is None else start, **known,
        )  # fmt: skip
        points = [projection.fit_transform(fitted)]
        points += [projection.transform(array.astype(np.float32)) for array in arrays[1:]]
    return [np.asarray(array, dtype=np.float64) for array in points]


@contextmanager
def _same_threads() -> Iterator[None]:
    """Give torch its number of threads back: umap's numba sets OpenMP's for the process, and other sums, other bits."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _common_start(arrays: Sequence[np.ndarray], dimensions: int) -> np.ndarray:
    centred = [array - array.mean(axis=0) for array in arrays]
    together = np.hstack([array / (np.linalg.norm(array) or 1.0) for array in centred])  # (n, d1 + d2 + …)
    points = _pca([together], dimensions)[0]
    spread = np.ptp(points, axis=0)
    return 10 * (points - points.min(axis=0)) / np.where(spread > 0, spread, 1)  # umap's own scale


def _onto(embedding: Embedding, reference: np.ndarray) -> Embedding:
    """Turn, mirror and scale as a whole, so that the fitted points lie best on those of the reference."""
    from scipy.linalg import orthogonal_procrustes

    middle, target = embedding.points.mean(axis=0), reference.mean(axis=0)
    centred = embedding.points - middle
    rotation, trace = orthogonal_procrustes(centred, reference - target)
    size = float(np.square(centred).sum())
    scale = trace / size if size > 0 and trace > 0 else 1.0
    points, *others = ((array - middle) @ rotation * scale + target for array in (embedding.points, *embedding.others))
    return replace(embedding, points=points, others=tuple(others))


def _key(arrays: Sequence[np.ndarray], start: np.ndarray | None, method: str, options: Mapping[str, Any]) -> str:
    library = metadata.version("umap-learn") if method == "umap" else np.__version__
    said = json.dumps([VERSION, method, library, dict(options)], sort_keys=True)
    digest = hashlib.sha256(said.encode())
    # Where UMAP starts comes from the features, and its last digits from the machine.
    for array in (*arrays, *([] if start is None else [start.round(3) + 0.0])):
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]


def _load(file: Path, shapes: Sequence[tuple[int, int]]) -> list[np.ndarray] | None:
    """Read cached points; None where there are none, or where the file is damaged: then they are computed again."""
    try:
        stored = read_arrays(file)
        points = [stored[f"points_{i}"] for i in range(len(shapes))]
    except (OSError, KeyError, ValueError):
        return None
    fits = all(array.shape == shape and np.isfinite(array).all() for array, shape in zip(points, shapes, strict=True))
    return points if fits else None


def _store(file: Path, points: Sequence[np.ndarray]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as beside:
        np.savez(beside, **{f"points_{i}": array for i, array in enumerate(points)})  # type: ignore[arg-type]
