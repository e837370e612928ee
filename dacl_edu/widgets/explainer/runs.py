"""The explainer's data for a reader's own runs and own faces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dacl_edu.data import FaceDataset
from dacl_edu.data.folder import EXTENSIONS, list_class_folders, subfolders
from dacl_edu.data.listing import Listing
from dacl_edu.errors import UserError
from dacl_edu.runs.folder import find_run_folders
from dacl_edu.runs.run import papers_order
from dacl_edu.runs.splits import load_evaluated_split
from dacl_edu.runs.trained import LoadedRun, load_run
from dacl_edu.widgets.explainer.payload import payload
from dacl_edu.widgets.explainer.stages import FACES, answers, choose_faces, explain_run


def runs_payload(runs: Sequence[str | Path], images: str | Path | None = None) -> bytes:
    """Compute the explainer's data for trained runs, by their checkpoints.

    Parameters
    ----------
    runs : sequence of paths
        Run folders with a checkpoint, or folders that hold some; all of one data set.
    images : path, optional
        A folder of faces to show in place of those of the runs' own evaluated split: images in it, whose class is not
        known, or folders named as the classes.

    Raises
    ------
    UserError
        No run there, no checkpoint, runs of several data sets, no image.
    """
    loaded = sorted(map(load_run, find_run_folders(runs)), key=lambda run: papers_order(run.config))
    if not loaded:
        raise UserError(f"no run in {', '.join(map(str, runs))}", hint="name a run folder; dacl-edu demo trains three")
    first, classes = loaded[0], loaded[0].classes
    for run in loaded[1:]:
        if (run.config.data, _size(run), run.classes) != (first.config.data, _size(first), classes):
            raise UserError(f"{run.folder.path} and {first.folder.path} saw different data", hint="one page for each")
    if images is None:
        faces = choose_faces(load_evaluated_split(first.config))
        labels, says = faces.labels, f"{len(faces)} faces of the {faces.split} part of the data set {faces.name}"
    else:
        faces = faces_in(Path(images), classes, _size(first))
        known = faces.name == "classes"
        labels = faces.labels if known else answers(first, faces.images)
        says = f"{len(faces)} faces of the folder {Path(images).resolve().name}"
        says += "" if known else "; their class is not known, so y is what the network answers"
    explained = [explain_run([run], [_epoch(run)], faces.images, labels) for run in loaded]
    return payload(explained, faces.images, labels.tolist(), classes, says)


def faces_in(folder: Path, classes: Sequence[str], size: int) -> FaceDataset:
    """Read up to 84 images of a folder; the name of what is returned says whether their ``classes`` are known.

    Raises
    ------
    UserError
        No image there, a folder that is no class, or an image that cannot be read.
    """
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in EXTENSIONS)
    if found:
        listing = Listing([0] * len(found[:FACES]), [path.name for path in found[:FACES]], paths=found[:FACES])
        return listing.dataset(size)
    if not subfolders(folder):
        raise UserError(f"{folder}: no image there", hint=f"images end in {' '.join(EXTENSIONS)}")
    places = {name.lower(): place for place, name in enumerate(classes)}

    def index_of(name: str) -> int:
        if name.lower() not in places:
            raise UserError(f"{name!r} is no class of the run", hint=f"its classes are {', '.join(classes)}")
        return places[name.lower()]

    paths, labels, _ = list_class_folders(folder, index_of)
    names = [path.name for path in paths]
    return choose_faces(Listing(labels, names, paths=paths, classes=classes, name="classes").dataset(size))


def _size(run: LoadedRun) -> int:
    return run.config.load_size or run.config.image_size


def _epoch(run: LoadedRun) -> int:
    """After which epoch the network is that the run's folder keeps: the selected one, or the last until now."""
    if run.folder.result_file.is_file():
        return int(run.folder.result().get("selected_epoch", run.config.epochs))
    file = run.folder.metrics_file
    return len(file.read_text("utf-8").splitlines()) if file.is_file() else 0
