"""Data sets of faces in one form and one class order, their splits, and augmentation of whole batches.

``load_dataset("bundled")`` works without a download; ``load_dataset("folder", root=...)`` reads any folder of images.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dacl_edu.data import affectnet, ckplus, expw, fer2013, ferplus, folder, jaffe, rafdb
    from dacl_edu.data.augment import AugmentParameters, BatchAugment
    from dacl_edu.data.batch_ops import centre_crop, crop_batch, ten_crop_offsets
    from dacl_edu.data.classes import EXPRESSIONS, canonical_index
    from dacl_edu.data.dataset import FaceBatch, FaceDataset, collate_batch
    from dacl_edu.data.listing import Listing
    from dacl_edu.data.registry import (
        available_classes,
        available_datasets,
        available_splits,
        list_dataset,
        load_dataset,
        register_dataset,
        register_reader,
    )
    from dacl_edu.data.split import split_train_validation
    from dacl_edu.data.torch_sets import OwnData

__all__ = [
    "EXPRESSIONS", "AugmentParameters", "BatchAugment", "FaceBatch", "FaceDataset", "Listing", "OwnData", "affectnet",
    "available_classes", "available_datasets", "available_splits", "canonical_index", "centre_crop", "ckplus",
    "collate_batch", "crop_batch", "expw", "fer2013", "ferplus", "folder", "jaffe", "list_dataset", "load_dataset",
    "rafdb", "register_dataset", "register_reader", "split_train_validation", "ten_crop_offsets",
]  # fmt: skip

_PLACES = {
    "augment": ("AugmentParameters", "BatchAugment"),
    "batch_ops": ("centre_crop", "crop_batch", "ten_crop_offsets"),
    "classes": ("EXPRESSIONS", "canonical_index"),
    "dataset": ("FaceBatch", "FaceDataset", "collate_batch"),
    "listing": ("Listing",),
    "registry": (
        "available_classes", "available_datasets", "available_splits", "list_dataset", "load_dataset",
        "register_dataset", "register_reader",
    ),
    "split": ("split_train_validation",),
    "torch_sets": ("OwnData",),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more: most of it brings torch, which the command line can start without."""
    for module, names in _PLACES.items():
        if name in names:
            return getattr(importlib.import_module(f"dacl_edu.data.{module}"), name)
    if name in __all__:  # the module of a reader
        return importlib.import_module(f"dacl_edu.data.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
