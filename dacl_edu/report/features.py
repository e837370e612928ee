"""Sections on deep features: the embedding, how it came to be, and how compact and far apart the classes are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dacl_edu.errors import UserError
from dacl_edu.evaluation.deep_features import DeepFeatures
from dacl_edu.report.blocks import Block, Drawing, Note, Section, attempt
from dacl_edu.report.faces import Pictures
from dacl_edu.report.gather import first_of_each
from dacl_edu.report.tables import frame_table
from dacl_edu.runs.run import Run

FIT, SHOWN = 30, 50
"""Images of each class that a projection is fitted on (training part), and that are shown (evaluated part)."""
MOST_SHOWN = 350
"""Images in all that are shown, where there are many classes."""
THUMBNAIL = 40
"""Pixels of a face on hover: some 350 of them must fit into the page."""


class Features:
    """Deep features of the lowest seed of each method of a group, of the same images in the same order.

    Parameters
    ----------
    group : sequence of Run

    Attributes
    ----------
    runs : dict of str to Run
        By method; those whose features could be had.
    shown : dict of str to DeepFeatures
        Of the evaluated split.
    notes : list of str
        Why a method is missing.
    """

    def __init__(self, group: Sequence[Run]) -> None:
        self.runs: dict[str, Run] = {}
        self.shown: dict[str, DeepFeatures] = {}
        self.notes: list[str] = []
        self._fitted: dict[str, DeepFeatures] = {}
        for name, run in first_of_each(group).items():
            assert run.result is not None
            try:
                deep = run.deep_features(run.result["split"], min(SHOWN, max(5, MOST_SHOWN // len(run.classes))))
                if not len(deep):
                    raise UserError("no images")
            except Exception as error:  # a damaged checkpoint can fail in any way
                self.notes.append(f"{name} is left out below: no deep features ({' '.join(str(error).split())}).")
                continue
            bad = ~(deep.features.isfinite().all(dim=1) & deep.attention.isfinite().all(dim=1))
            if bad.any():
                why = f"features of {int(bad.sum())} of {len(deep)} images are not numbers; did the training diverge?"
                self.notes.append(f"{name} is left out below: {why}")
            elif self.shown and not self._same_images(run, deep):
                self.notes.append(f"{name} is left out below: its images are not those of {next(iter(self.shown))}.")
            else:
                self.runs[name], self.shown[name] = run, deep

    def _same_images(self, run: Run, deep: DeepFeatures) -> bool:
        first, known = next(iter(self.shown.values())), next(iter(self.runs.values()))
        drawn_alike = not run.config.limit or run.config.seed == known.config.seed
        return drawn_alike and torch.equal(deep.indices, first.indices) and torch.equal(deep.labels, first.labels)

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return (next(iter(self.runs.values())).result or {})["classes"]

    @property
    def labels(self) -> Tensor:
        """True classes of the images that are shown."""
        return next(iter(self.shown.values())).labels

    def fitted(self) -> dict[str, DeepFeatures]:
        """Features of training images, to fit a projection on; of the shown ones where those cannot be had."""
        if not self._fitted:
            try:
                found = {name: run.deep_features("train", FIT) for name, run in self.runs.items()}
                same = len({tuple(deep.indices.tolist()) for deep in found.values()}) == 1
            except Exception:  # no checkpoint, no training images: the shown ones do as well
                same = False
            self._fitted = found if same else self.shown
        return self._fitted

    def require(self) -> None:
        """Raise where no method has features."""
        if not self.shown:
            why = self.notes[0] if self.notes else "no run has finished"
            raise UserError(f"no run has deep features: {why}")


def embedding_section(all_features: Sequence[Features], pictures: Pictures, cache: Path | None = None) -> Section:
    """UMAP with faces, in the plane and in space; and how it came to be."""
    from dacl_edu.evaluation.embedding import CAUTION

    section = Section(
        "embedding",
        "The deep features as a map",
        "Each point is an image; near points have similar features. See which classes form islands, which run into "
        f"each other, and where wrong answers lie. {CAUTION}",
    )
    for features in all_features:
        section.blocks += map(Note, features.notes)
        section.blocks += attempt("The map of deep features", _maps, features, pictures, cache)
        section.blocks += attempt("The animation over epochs", _animations, features)
    return section


def _maps(features: Features, pictures: Pictures, cache: Path | None) -> Iterator[Drawing]:
    from dacl_edu.evaluation.embedding import embed, embed_aligned
    from dacl_edu.plots.embedding import embedding_comparison, embedding_plot

    features.require()
    fitted = features.fitted()
    train = {name: deep.features for name, deep in fitted.items()}
    test = {name: deep.features for name, deep in features.shown.items()}
    own = fitted is features.shown
    made = embed_aligned(train, cache=cache) if own else embed_aligned(train, test, cache=cache)
    points = {name: embedding.points if own else embedding.others[0] for name, embedding in made.items()}
    predicted = {name: deep.predicted for name, deep in features.shown.items()}
    faces, ids, without = _faces(features, pictures)
    notices = " ".join(dict.fromkeys(e.notice for e in made.values() if e.notice))
    kind = next(iter(made.values())).method.upper()
    count, split = len(features.labels), next(iter(features.shown.values())).split
    on = "the same images" if own else f"{len(next(iter(train.values())))} training images"
    yield Drawing(
        embedding_comparison(
            points,
            features.labels,
            features.classes,
            predicted,
            ids,
            faces,
            f"{kind} of {count} {split} images",
            notices,
            kind,
        ),
        f"Fitted on {on}, at most {SHOWN} images of each class shown; methods start from one layout and are turned "
        f"onto each other. {without or 'The pointer on a point shows its face.'}",
    )
    name = next(reversed(features.shown))
    both = [train[name]] if own else [train[name], test[name]]
    space = embed(*both, dimensions=3, cache=cache)
    yield Drawing(
        embedding_plot(
            space.points if own else space.others[0], features.labels, features.classes, predicted[name], ids, faces,
            f"{name}: {space.method.upper()} in space", space.notice, space.method.upper(),
        ),
        "The same features with one dimension more; drag to turn. See whether classes that overlap in the plane come "
        "apart.",
    )  # fmt: skip


def _faces(features: Features, pictures: Pictures) -> tuple[list[str] | None, list[str] | None, str]:
    from dacl_edu.plots.thumbnails import thumbnails

    run, deep = next(iter(features.runs.values())), next(iter(features.shown.values()))
    try:
        images = pictures.of(run, deep.split, deep.indices, deep.labels)
        ids = pictures.split(run, deep.split).ids
    except UserError as error:
        return None, [str(i) for i in deep.indices.tolist()], f"Faces are not shown: {str(error).rstrip('.')}."
    return thumbnails(images, THUMBNAIL, 70), [str(ids[i]) for i in deep.indices.tolist()], ""


def _animations(features: Features) -> Iterator[Block]:
    from dacl_edu.evaluation.embedding import embed
    from dacl_edu.plots.embedding_epochs import embedding_animation

    features.require()
    found = {name: snapshots for name, run in features.runs.items() if (snapshots := run.snapshots())}
    if not found:
        raise UserError("no run kept snapshots", hint="train with --snapshots 15")
    for name, snapshots in list(found.items())[:3]:
        kept = thinned(snapshots)
        last = kept[-1]
        everything = [s.deep.features for s in kept] + [s.centers.float() for s in kept]
        made = embed(last.deep.features, *everything, method="pca")
        points, centers = made.others[: len(kept)], made.others[len(kept) :]
        with_centers = features.runs[name].config.method != "softmax"
        figure = embedding_animation(
            {s.epoch: p for s, p in zip(kept, points, strict=True)},
            last.deep.labels,
            features.classes,
            {s.epoch: c for s, c in zip(kept, centers, strict=True)} if with_centers else None,
            f"{name}: deep features from epoch {kept[0].epoch} to {last.epoch}",
        )
        pull = " Crosses are the class centers." if with_centers else ""
        yield Drawing(
            figure,
            f"{len(last.deep)} validation images, one projection (PCA of the last epoch) for all epochs, so movement "
            f"is movement.{pull} See when the classes begin to part, and in which order.",
        )


def thinned(snapshots: Sequence[Any], most: int = 15) -> list[Any]:
    """Return at most ``most`` snapshots, with the first and the last.

    Examples
    --------
    >>> thinned(list(range(29)), most=5)
    [0, 7, 14, 21, 28]
    """
    places = np.unique(np.linspace(0, len(snapshots) - 1, min(most, len(snapshots))).round().astype(int))
    return [snapshots[place] for place in places]


def geometry_section(all_features: Sequence[Features]) -> Section:
    """Compactness and separation."""
    section = Section(
        "geometry",
        "How compact, how far apart",
        "What center losses promise, measured in feature space and not on the map. See whether a method makes classes "
        "more compact against the gaps between them; compactness alone can be had by shrinking all features.",
    )
    for features in all_features:
        section.blocks += attempt("Compactness and separation", _geometry, features)
    return section


def _geometry(features: Features) -> Iterator[Block]:
    from dacl_edu.evaluation.geometry import center_distances, compare_geometry, radius
    from dacl_edu.evaluation.samples import class_means
    from dacl_edu.plots.geometry import center_distance_heatmap, geometry_comparison

    features.require()
    labels = features.labels
    arrays: Mapping[str, Tensor] = {name: deep.features for name, deep in features.shown.items()}
    table = compare_geometry(arrays, labels)
    yield Drawing(
        geometry_comparison(table),
        f"Of {len(labels)} images of the evaluated part. These five measures do not change when all features are "
        "scaled alike.",
    )
    yield frame_table("All measures of compactness and separation", table.T, head="measure", folded=True)
    distances = {
        name: center_distances(class_means(array, labels, len(features.classes)), radius(array, labels) or np.nan)
        for name, array in arrays.items()
    }
    yield Drawing(
        center_distance_heatmap(
            distances, features.classes, "Distances between class means", "in units of the classes' own radius"
        ),
        "Which classes lie near each other: compare the smallest distances with the confusions above.",
    )
