import numpy as np
import pytest
import torch

from dacl_edu.data import FaceDataset, split_train_validation
from dacl_edu.data.published import PUBLISHED
from dacl_edu.errors import UserError


def faces(counts, groups=None):
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    images = torch.zeros(len(labels), 3, 2, 2, dtype=torch.uint8)
    return FaceDataset(images, labels, groups=None if groups is None else groups(len(labels)))


RAFDB = list(PUBLISHED["rafdb"].splits["train"])


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_each_class_keeps_its_share(fraction):
    dataset = faces(RAFDB)
    train, validation = split_train_validation(dataset, fraction, seed=3)
    expected = torch.tensor(RAFDB) * fraction
    assert ((validation.class_counts() - expected).abs() <= 1).all()
    # every image is in one part, and in its old order
    rows = [np.array([int(i) for i in part.ids]) for part in (train, validation)]
    assert sorted(np.concatenate(rows)) == list(range(len(dataset)))
    assert all((np.diff(part) > 0).all() for part in rows)
    assert torch.equal(validation.labels, dataset.labels[rows[1]])
    assert (train.split, validation.split) == ("train", "val")


@pytest.mark.parametrize("groups", [None, lambda n: np.arange(n) // 5], ids=["classes", "groups"])
def test_the_seed_decides(groups):
    dataset = faces([40] * 7, groups)
    first, again, other = (split_train_validation(dataset, 0.2, seed)[1].ids.tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.3, 0.02])
def test_no_group_is_in_both_parts(fraction):
    dataset = faces([100, 60, 80, 200, 120, 90, 150], lambda n: np.array([f"S{i % 97:03d}" for i in range(n)]))
    train, validation = split_train_validation(dataset, fraction, seed=0)
    assert not set(train.groups) & set(validation.groups)
    assert len(train) + len(validation) == len(dataset)
    assert abs(len(validation) / len(dataset) - max(fraction, 0.05)) < 0.03
    shares = validation.class_counts() / dataset.class_counts()
    assert (shares > 0).all() and (shares - max(fraction, 0.05)).abs().max() < 0.08


def test_few_groups_are_split_as_nearly_as_they_allow():
    # three people, each with every expression: one of them is validation, whatever fraction below a half is asked for
    dataset = faces([6] * 7, lambda n: np.arange(n) % 3)
    train, validation = split_train_validation(dataset, 0.1, seed=0)
    assert len(set(validation.groups)) == 1 and len(set(train.groups)) == 2


def test_a_rare_class_is_in_both_parts_for_every_seed():
    # sadness: two people only
    groups = np.repeat(np.arange(30), 4)
    labels = torch.arange(120) % 4
    labels[torch.tensor([0, 60])] = 4
    dataset = FaceDataset(torch.zeros(120, 3, 2, 2, dtype=torch.uint8), labels, groups=groups)
    for seed in range(10):
        parts = split_train_validation(dataset, 0.1, seed)
        assert [int(part.class_counts()[4]) for part in parts] == [1, 1]


def test_absent_classes_are_no_hindrance():
    train, validation = split_train_validation(faces([10, 0, 10]), 0.5, seed=0)
    assert train.class_counts().tolist()[:3] == validation.class_counts().tolist()[:3] == [5, 0, 5]


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_fraction_out_of_range(fraction):
    with pytest.raises(UserError, match="validation fraction"):
        split_train_validation(faces([10] * 7), fraction, seed=0)


def test_seed_out_of_range():
    with pytest.raises(UserError, match="seed -1"):
        split_train_validation(faces([10] * 7), 0.5, seed=-1)


@pytest.mark.parametrize(
    ("dataset", "fraction", "message"),
    [
        (faces([10, 1, 10]), 0.5, "class 'fear' has 1 images: too few"),
        (faces([100, 2, 100]), 0.05, "class 'fear' has 2 images: too few to be in both parts at fraction 0.05"),
        (faces([2, 2, 2]), 0.1, "has 2 images: too few to be in both parts at fraction 0.1"),
        (faces([0, 0]), 0.5, "the data set is empty"),
        (faces([10, 10], lambda n: np.zeros(n)), 0.5, "class 'surprise' has 10 images in 1 groups: too few"),
    ],
)
def test_too_few_images(dataset, fraction, message):
    with pytest.raises(UserError, match=message):
        split_train_validation(dataset, fraction, seed=0)
