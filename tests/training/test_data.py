"""Which images train, validate and are measured; how they become inputs; in which order they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from training.tiny import tiny_config, write_faces

from dacl_edu.data import load_dataset
from dacl_edu.errors import UserError
from dacl_edu.runs.splits import load_evaluated_split
from dacl_edu.training import TrainConfig, train
from dacl_edu.training.data import (
    EpochSampler,
    channel_statistics,
    epoch_generator,
    load_training_data,
)

Config = Callable[..., TrainConfig]


@pytest.mark.parametrize("select_by", ["validation", "last"])
def test_the_own_validation_part_is_used_where_there_is_one(select_by: str, config: Config) -> None:
    data = load_training_data(config(select_by=select_by))
    assert data.validation is not None and data.validation_source == "val"
    assert all(name.startswith("val/") for name in data.validation.ids) and len(data.validation) == 14
    assert all(name.startswith("train/") for name in data.train.ids) and len(data.train) == 42


def test_else_validation_is_held_out_of_train_and_never_of_test(faces_without_val: Path) -> None:
    own = tiny_config(faces_without_val, select_by="validation", validation_fraction=1 / 3)
    data = load_training_data(own)
    assert data.validation is not None and data.validation_source == "held out of train"
    assert data.held_out == len(data.validation) > 0
    train_ids, validation_ids = set(data.train.ids), set(data.validation.ids)
    assert not train_ids & validation_ids
    assert train_ids | validation_ids == set(load_dataset("folder", "train", faces_without_val).ids)
    assert data.validation.class_counts().tolist() == [2] * 7
    assert set(load_training_data(own).validation.ids) == validation_ids  # type: ignore[union-attr]
    assert set(load_training_data(own.model_copy(update={"seed": 1})).validation.ids) != validation_ids  # type: ignore[union-attr]


def test_without_selection_no_image_is_spent_on_validation(faces_without_val: Path) -> None:
    data = load_training_data(tiny_config(faces_without_val, select_by="last"))
    assert data.validation is None and data.validation_source == "none" and len(data.train) == 42


def test_selection_without_validation_images_is_refused(faces_without_val: Path) -> None:
    with pytest.raises(UserError, match=r"validation_fraction is 0.*--select-by last"):
        load_training_data(tiny_config(faces_without_val, select_by="validation", validation_fraction=0))


def test_a_missing_split_is_said_before_training(tmp_path: Path) -> None:
    root = write_faces(tmp_path / "faces", ("train", "val"))
    with pytest.raises(UserError, match="folder has no test part to measure the result on — --eval-split val"):
        train(tiny_config(root, eval_split="test"), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("parts", "measured"), [(("train", "val"), "val"), (("train", "val", "test"), "test")])
def test_the_result_is_of_the_test_part_or_says_that_it_is_of_val(
    tmp_path: Path, parts: tuple[str, ...], measured: str
) -> None:
    root = write_faces(tmp_path / "faces", parts)
    result = train(tiny_config(root, epochs=1), tmp_path / "run", progress=False)
    assert result["split"] == measured


def test_no_part_to_measure_on_is_said_before_training(tmp_path: Path) -> None:
    root = write_faces(tmp_path / "faces", ("train",))
    with pytest.raises(UserError, match="folder has no val part"):
        train(tiny_config(root, eval_split="val"), tmp_path / "run", progress=False)


def test_a_class_without_images_is_named(tmp_path: Path) -> None:
    root = write_faces(tmp_path / "faces")
    for image in (root / "train" / "fear").iterdir():
        image.unlink()
    with pytest.raises(UserError, match="folder train: no image of class fear"):
        train(tiny_config(root), tmp_path / "run", progress=False)


def test_images_smaller_than_the_crop_are_refused_with_the_way_out(config: Config) -> None:
    with pytest.raises(UserError, match=r"24x24, smaller than the crop of 32 — --load-size 32"):
        load_training_data(config(image_size=32))
    assert load_training_data(config(image_size=32, load_size=32)).train.images.shape[-2:] == (32, 32)


def test_a_limit_takes_the_same_number_of_each_class(config: Config) -> None:
    data = load_training_data(config(limit=21))
    assert data.train.class_counts().tolist() == [3] * 7
    uneven = load_training_data(config(limit=16)).train.class_counts().tolist()
    assert sum(uneven) == 16 and set(uneven) == {2, 3}
    assert data.validation is not None and len(data.validation) == 14  # fewer than the limit
    assert load_evaluated_split(config(limit=14)).class_counts().tolist() == [2] * 7
    others = load_training_data(config(limit=21, seed=5)).train.ids
    assert set(others) != set(data.train.ids)


def test_a_limit_reaches_a_rare_class(tmp_path: Path) -> None:
    root = write_faces(tmp_path / "faces")
    for number in range(1, 6):
        (root / "train" / "disgust" / f"{number}.png").unlink()
    counts = load_training_data(tiny_config(root, limit=14)).train.class_counts()
    assert counts[2] == 1 and counts.sum() == 14 and counts.max() <= 3


def test_the_statistics_are_those_of_the_training_part(config: Config, faces: Path) -> None:
    data = load_training_data(config())
    pixels = load_dataset("folder", "train", faces).images.numpy() / 255
    np.testing.assert_allclose(data.augment.mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(data.augment.std, pixels.std(axis=(0, 2, 3)), rtol=1e-6)
    assert load_training_data(config(normalize="imagenet")).augment.mean == (0.485, 0.456, 0.406)


def test_statistics_of_many_images_look_at_evenly_spaced_ones() -> None:
    images = torch.randint(0, 256, (1000, 3, 2, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    mean, std = channel_statistics(images, most=100)
    np.testing.assert_allclose(mean, (images[::10].numpy() / 255).mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std, (images[::10].numpy() / 255).std(axis=(0, 2, 3)), rtol=1e-6)


def test_a_constant_channel_has_a_spread_to_divide_by() -> None:
    _, std = channel_statistics(torch.zeros(2, 3, 2, 2, dtype=torch.uint8))
    assert min(std) > 0


def drawn(order: EpochSampler, epoch: int = 0) -> list[int]:
    order.epoch = epoch
    return list(order)


def test_an_order_depends_on_seed_and_epoch_alone() -> None:
    order = EpochSampler(50, seed=3)
    first, second = drawn(order, 0), drawn(order, 1)
    assert sorted(first) == sorted(second) == list(range(50)) and len(order) == 50
    assert first != second != list(range(50))
    torch.manual_seed(1)
    assert drawn(EpochSampler(50, seed=3), 1) == second and drawn(order, 0) == first
    assert drawn(EpochSampler(50, seed=4), 0) != first
    # Seed and epoch do not add up to the same order.
    assert len({tuple(drawn(EpochSampler(50, seed), epoch)) for seed in range(5) for epoch in range(5)}) == 25


def test_streams_of_a_generator_differ() -> None:
    numbers = {torch.rand(1, generator=epoch_generator(0, 0, stream)).item() for stream in range(5)}
    assert len(numbers) == 5
    assert epoch_generator(2**40, 100).initial_seed() >= 0
