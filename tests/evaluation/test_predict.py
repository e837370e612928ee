"""Predictions: of every image, in order, in evaluation mode, and back from disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dacl_edu.data import AugmentParameters, BatchAugment, FaceDataset
from dacl_edu.evaluation import Predictions, predict
from dacl_edu.model import DACL


@pytest.fixture(scope="module")
def faces() -> FaceDataset:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (23, 3, 24, 24), dtype=torch.uint8, generator=generator)
    return FaceDataset(images, torch.arange(23) % 7)


@pytest.fixture(scope="module")
def model() -> DACL:
    torch.manual_seed(0)
    return DACL("small_resnet", image_size=16, attention_widths=(16, 8))


prepare = BatchAugment(AugmentParameters(16)).evaluate


@pytest.mark.parametrize("batch_size", [1, 5, 256])
def test_every_image_is_predicted_in_order_whatever_the_batch(batch_size: int, model: DACL, faces: FaceDataset) -> None:
    found = predict(model, faces, prepare, batch_size)
    with torch.no_grad():
        expected = model.eval()(prepare(faces.images))
    assert found.labels.tolist() == faces.labels.tolist() and found.indices.tolist() == list(range(23))
    for name in ("logits", "features", "attention"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", [True, False])
def test_the_model_is_left_as_it_was(mode: bool, model: DACL, faces: FaceDataset) -> None:
    model.train(mode)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    predict(model, faces, prepare)
    assert model.training is mode and model.backbone.training is mode
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_saved_and_loaded_are_the_same(model: DACL, faces: FaceDataset, tmp_path: Path) -> None:
    found = predict(model, faces, prepare)
    found.save(tmp_path / "predictions.npz")
    again = Predictions.load(tmp_path / "predictions.npz")
    assert all(torch.equal(getattr(again, name), value) for name, value in vars(found).items())
    assert again.scores() == found.scores()


def test_scores_are_those_of_the_largest_logit(faces: FaceDataset) -> None:
    logits = torch.nn.functional.one_hot(torch.tensor([0, 1, 1]), 7).float()
    whole = torch.ones(3, 4)
    scores = Predictions(logits, whole, whole, torch.tensor([0, 1, 2]), torch.arange(3)).scores()
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["per_class_accuracy"][:3] == [1.0, 1.0, 0.0]
    assert scores["attention"] == {"mean": 1.0, "std": 0.0, "entropy": 1.0}
