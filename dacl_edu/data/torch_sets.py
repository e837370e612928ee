"""Any map-style dataset of (picture, number) as a data set here: torchvision's, Hugging Face's, one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from dacl_edu.data.dataset import FaceDataset
from dacl_edu.data.decode import progress, resize_images
from dacl_edu.data.eight_bits import to_rgb
from dacl_edu.errors import UserError

_IMAGES, _LABELS = ("image", "img", "pixel_values"), ("label", "labels", "target", "fine_label")


class OwnData:
    """Data sets of one's own under a name, for this Python process: wherever a data set is named, this name works.

    Parameters
    ----------
    name : str
        As ``--data`` of a run.
    parts : mapping of str to callable
        ``"train"``, ``"val"``, ``"test"`` → a function from an image size (or None) to a `FaceDataset`.

    Examples
    --------
    >>> pictures = [(torch.full((3, 8, 8), 25 * k, dtype=torch.uint8), k % 2) for k in range(8)]
    >>> own = OwnData.from_datasets(train=pictures, test=pictures[:4], classes=["even", "odd"], name="parity")
    >>> from dacl_edu.data import load_dataset
    >>> load_dataset("parity", "test")
    FaceDataset('parity test', 4 images of 8x8, 2 classes)
    """

    def __init__(self, name: str, parts: Mapping[str, Callable[[int | None], FaceDataset]]) -> None:
        from dacl_edu.data.registry import available_datasets, register_dataset

        if ":" in name or not name:
            raise UserError(f"{name!r} is no name for a data set", hint="choose one without a colon")
        if name in available_datasets() and name not in _OWN:
            raise UserError(f"there is a data set {name!r} already", hint="choose another name")
        _OWN.add(name)
        self.name, self._parts = name, dict(parts)
        register_dataset(name, splits=lambda root: tuple(self._parts))(
            lambda split, root, image_size: self._parts[split](image_size)
        )

    @classmethod
    def from_datasets(
        cls,
        train: Any,
        validation: Any = None,
        test: Any = None,
        classes: Sequence[str] | None = None,
        name: str = "own",
    ) -> OwnData:
        """Take map-style datasets as they are.

        Parameters
        ----------
        train, validation, test : dataset
            ``dataset[i]`` is (image, number), or a mapping with an image and a label, as Hugging Face's ``datasets``
            have. An image is a PIL image, or a uint8 tensor or array: (H, W), (C, H, W) or (H, W, C). Without
            `validation` a share of train is held out where a run needs one; without `test` validation is measured.
        classes : sequence of str, optional
            Names of the classes; else the dataset's ``classes`` or the names of its label feature, else numbers.
        name : str, default "own"
            What runs and figures call it.

        Returns
        -------
        OwnData
            To be given to ``train(config, out, data=...)``. Pictures are read when a split is loaded.

        Raises
        ------
        UserError
            The name is another data set's; when a split is loaded, what is wrong with its samples.
        """
        given = {"train": train, "val": validation, "test": test}
        names = tuple(map(str, classes)) if classes is not None else class_names(train)

        def loader(dataset: Any, split: str) -> Callable[[int | None], FaceDataset]:
            return lambda image_size: face_dataset(dataset, names, image_size, name, split)

        return cls(name, {split: loader(dataset, split) for split, dataset in given.items() if dataset is not None})


_OWN: set[str] = set()


def class_names(dataset: Any) -> tuple[str, ...]:
    """Names of a dataset's classes: its ``classes``, its label feature's, those of what it is part of; or numbers.

    Examples
    --------
    >>> class_names([("picture", 0), ("picture", 2)])
    ('0', '1', '2')
    """
    inner = dataset
    while inner is not None:
        if names := getattr(inner, "classes", None):
            return tuple(map(str, names))
        features = getattr(inner, "features", None)
        if isinstance(features, Mapping):
            for column in _LABELS:
                if names := getattr(features.get(column), "names", None):
                    return tuple(map(str, names))
        inner = getattr(inner, "dataset", None)  # torch.utils.data.Subset
    return tuple(str(number) for number in range(max(_sample(dataset, row)[1] for row in range(len(dataset))) + 1))


def face_dataset(
    dataset: Any, classes: Sequence[str], image_size: int | None = None, name: str = "", split: str = ""
) -> FaceDataset:
    """All of a map-style dataset (as for `OwnData.from_datasets`) in memory.

    The short side is resized to `image_size` and the centre square kept; without it, all pictures must have one size.

    Raises
    ------
    UserError
        No picture, a sample of another form, sizes that differ, or a label that is no class.

    Examples
    --------
    >>> face_dataset([(Image.new("L", (12, 10)), 1)], ["a", "b"], image_size=8)
    FaceDataset('dataset', 1 images of 8x8, 2 classes)
    """
    if not len(dataset):
        raise UserError(f"{name} {split}: no picture", hint="give a dataset with samples")
    pictures, labels = [], []
    for row in progress(range(len(dataset)), len(dataset), what="reading pictures"):
        try:
            image, label = _sample(dataset, row)
            pictures.append(_pixels(image, image_size))
        except UserError as error:
            raise UserError(f"{name} {split}, sample {row}: {error.problem}", hint=error.hint) from error
        labels.append(label)
        if pictures[row].shape != pictures[0].shape:
            sizes = " and ".join("x".join(map(str, pictures[at].shape[1:])) for at in (0, row))
            raise UserError(f"{name} {split}: pictures of {sizes}", hint="give a size (load_size=…, --load-size)")
    return FaceDataset(torch.stack(pictures), torch.tensor(labels), classes=classes, name=name, split=split)


def _sample(dataset: Any, row: int) -> tuple[Any, int]:
    sample: Any = dataset[row]
    image: Any
    label: Any
    if isinstance(sample, Mapping):
        found = [next((sample[key] for key in keys if key in sample), None) for keys in (_IMAGES, _LABELS)]
        if any(part is None for part in found):
            raise UserError(
                f"columns {', '.join(map(str, sample))}", hint=f"name them {_IMAGES[0]!r} and {_LABELS[0]!r}"
            )
        image, label = found
    elif isinstance(sample, Sequence) and len(sample) >= 2:
        image, label = sample[:2]
    else:
        raise UserError(f"{type(sample).__name__}, not a picture and a number", hint="a sample is (image, label)")
    try:
        return image, int(label)
    except (TypeError, ValueError) as error:
        raise UserError(f"label {label!r} is no number", hint="labels are 0, 1, …") from error


def _pixels(image: Any, image_size: int | None) -> Tensor:
    """One picture as (3, H, W) uint8."""
    if isinstance(image, Image.Image):
        rgb = to_rgb(image, "a picture")
        if image_size is not None and rgb.size != (image_size, image_size):
            rgb = ImageOps.fit(rgb, (image_size, image_size), method=Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)
    array = torch.as_tensor(np.asarray(image)) if not isinstance(image, Tensor) else image
    if array.dtype != torch.uint8 or array.ndim not in (2, 3):
        what = f"{type(image).__name__} {array.dtype} {tuple(array.shape)}".replace("torch.", "")
        raise UserError(f"a picture is {what}", hint="give PIL images or uint8 from 0 to 255: leave ToTensor() out")
    if array.ndim == 2:
        array = array[None]
    elif array.shape[0] not in (1, 3) and array.shape[2] in (1, 3):
        array = array.permute(2, 0, 1)
    if array.shape[0] not in (1, 3):
        raise UserError(f"a picture has {array.shape[0]} channels", hint="one (grey) or three (RGB) are read")
    array = array.expand(3, -1, -1)
    if image_size is None or array.shape[1:] == (image_size, image_size):
        return array
    side = min(array.shape[1:])
    top, left = ((length - side) // 2 for length in array.shape[1:])
    return resize_images(array[None, :, top : top + side, left : left + side], image_size)[0]
