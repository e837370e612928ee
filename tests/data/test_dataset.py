import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, Subset

from dacl_edu.data import FaceDataset, collate_batch
from dacl_edu.errors import UserError


@pytest.fixture
def faces() -> FaceDataset:
    """Ten images; image i holds the value i, label i % 7."""
    images = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 3, 4, 5).contiguous()
    return FaceDataset(
        images,
        torch.arange(10) % 7,
        [f"face{i}" for i in range(10)],
        groups=[i // 2 for i in range(10)],
        factors=pd.DataFrame({"age": range(10)}),
        name="toy",
        split="train",
    )


def test_item_is_image_and_int(faces):
    image, label = faces[8]
    assert image.dtype == torch.uint8 and tuple(image.shape) == (3, 4, 5)
    assert (image == 8).all() and label == 1 and type(label) is int
    assert len(faces) == 10


@pytest.mark.parametrize("collate", [collate_batch, None], ids=["collate_batch", "torch's own"])
@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: Subset(d, range(10)), lambda d: ConcatDataset([d])])
def test_a_loader_gives_the_same_batches_in_every_way(faces, collate, wrap):
    batches = list(DataLoader(wrap(faces), batch_size=4, collate_fn=collate))
    assert [tuple(images.shape) for images, _ in batches] == [(4, 3, 4, 5), (4, 3, 4, 5), (2, 3, 4, 5)]
    assert torch.equal(torch.cat([images for images, _ in batches]), faces.images)
    assert torch.equal(torch.cat([labels for _, labels in batches]), faces.labels)


def test_a_loader_fetches_a_batch_in_one_gather(faces, monkeypatch):
    monkeypatch.setattr(FaceDataset, "__getitem__", lambda self, i: pytest.fail("fetched one by one"))
    sampler = [[3, 1], [9, 9]]
    batches = list(DataLoader(faces, batch_sampler=sampler, collate_fn=collate_batch))
    assert [images[:, 0, 0, 0].tolist() for images, _ in batches] == sampler
    assert [labels.tolist() for _, labels in batches] == [[3, 1], [2, 2]]


def test_subset_keeps_every_column_in_the_given_order(faces):
    part = faces.subset([7, 0, 7], split="val")
    assert part.images[:, 0, 0, 0].tolist() == [7, 0, 7]
    assert part.labels.tolist() == [0, 0, 0]
    assert part.ids.tolist() == ["face7", "face0", "face7"]
    assert part.groups.tolist() == [3, 0, 3]
    assert part.factors["age"].tolist() == [7, 0, 7] and part.factors.index.tolist() == [0, 1, 2]
    assert (part.name, part.split, part.classes) == ("toy", "val", faces.classes)


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_subset_takes_a_mask_and_nothing(faces, kind):
    mask = kind([i == 4 for i in range(10)])
    assert faces.subset(mask).ids.tolist() == ["face4"]
    assert len(faces.subset(kind([]))) == 0


def test_subset_is_a_copy(faces):
    faces.subset([0]).images.fill_(99)
    assert faces.images[0].max() == 0


def mapped_twin(faces):
    return FaceDataset(
        faces.images, faces.labels, faces.ids, groups=faces.groups, factors=faces.factors, name=faces.name,
        split=faces.split, mapped=True,
    )  # fmt: skip


def test_a_subset_of_a_map_reads_as_a_copy_does_but_copies_nothing(faces):
    mapped = mapped_twin(faces)
    rows = [7, 0, -1, 7, 3]
    copy, view = faces.subset(rows, "val").subset([4, 1, 2]), mapped.subset(rows, "val").subset([4, 1, 2])
    assert torch.equal(copy.images, view.images) and torch.equal(copy.labels, view.labels)
    assert copy.ids.tolist() == view.ids.tolist() == ["face3", "face0", "face9"]
    assert torch.equal(view[1][0], copy[1][0]) and view[1][1] == copy[1][1]
    out = torch.empty(2, *view.image_shape, dtype=torch.uint8)
    gathered = view.gather([2, 0], out=out)
    assert torch.equal(out, copy.gather([2, 0])[0]) and torch.equal(gathered[1], copy.gather([2, 0])[1])
    assert torch.equal(torch.cat(list(view.in_order(2))), copy.images) and view.nbytes == copy.images.nbytes
    names = [view.classes[int(view.labels[0])], view.classes[int(view.labels[1])]]
    assert torch.equal(view.of_classes(names).images, copy.of_classes(names).images)
    assert view.to(torch.device("cpu")).labels.equal(copy.labels)
    moved = view.to(torch.device("meta"))
    assert moved.images.shape == copy.images.shape and moved.images.device.type == "meta"
    faces.images[3] = 77  # seen through the map, which nobody copied
    assert (view.images[0] == 77).all() and not (copy.images[0] == 77).any()
    with pytest.raises(IndexError):
        mapped.subset([10])


def test_class_counts_include_absent_classes(faces):
    assert faces.subset([0, 7, 6]).class_counts().tolist() == [2, 0, 0, 0, 0, 0, 1]


def test_require_every_class_names_the_absent(faces):
    faces.require_every_class()
    with pytest.raises(UserError, match=r"toy train: no image of class fear, anger —"):
        faces.subset([0, 2, 3, 4, 6]).require_every_class()


IMAGES = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
LABELS = torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(images=IMAGES.float()), "torch.float32"),
        (dict(images=IMAGES[:, :1]), r"\(2, 1, 4, 4\)"),
        (dict(images=IMAGES[0]), r"\(3, 4, 4\)"),
        (dict(labels=LABELS.int()), "torch.int32"),
        (dict(labels=LABELS[:, None]), r"\(2, 1\)"),
        (dict(labels=torch.tensor([0])), "2 images but 1 labels"),
        (dict(ids=["a"]), "2 images but 1 ids"),
        (dict(groups=[1, 2, 3]), "2 images but 3 groups"),
        (dict(factors=pd.DataFrame({"x": [1]})), "2 images but 1 rows of factors"),
        (dict(labels=torch.tensor([0, 7])), r"row 1 \(b\): label 7 .* 0 to 6"),
        (dict(labels=torch.tensor([-1, 0])), r"row 0 \(a\): label -1"),
        (dict(labels=torch.tensor([0, 2]), classes=("x", "y")), "label 2 .* 0 to 1"),
    ],
)
def test_construction_names_what_is_wrong(arguments, message):
    with pytest.raises(UserError, match=message):
        FaceDataset(**(dict(images=IMAGES, labels=LABELS, ids=["a", "b"]) | arguments))
