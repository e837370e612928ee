"""Data sets of faces in one form and one class order, their splits, and augmentation of whole batches.

``load_dataset("bundled")`` works without a download; ``load_dataset("folder", root=...)`` reads any folder of images.
"""

from dacl_edu.data import fer2013, folder, rafdb  # each registers its reader
from dacl_edu.data.augment import AugmentParameters, BatchAugment
from dacl_edu.data.batch_ops import affine_batch, centre_crop, crop_batch, erase_batch, ten_crop_offsets
from dacl_edu.data.classes import EXPRESSIONS, canonical_index
from dacl_edu.data.dataset import FaceBatch, FaceDataset, collate_batch
from dacl_edu.data.registry import available_datasets, available_splits, load_dataset, register_dataset
from dacl_edu.data.split import split_train_validation

__all__ = [
    "EXPRESSIONS",
    "AugmentParameters",
    "BatchAugment",
    "FaceBatch",
    "FaceDataset",
    "affine_batch",
    "available_datasets",
    "available_splits",
    "canonical_index",
    "centre_crop",
    "collate_batch",
    "crop_batch",
    "erase_batch",
    "fer2013",
    "folder",
    "load_dataset",
    "rafdb",
    "register_dataset",
    "split_train_validation",
    "ten_crop_offsets",
]
