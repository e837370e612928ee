"""Every format loads, whatever does not fit is refused, and a refusal leaves the model as it was."""

from __future__ import annotations

import argparse
import pickle
import re
import urllib.error
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from dacl_edu.errors import UserError
from dacl_edu.model import DACL, DACLOutput
from dacl_edu.model.pretrained import LoadReport, load_pretrained

SIZE = 32
BACKBONE_TENSORS = 100  # ResNet-18: 20 convolutions, and 20 BatchNorms of 4 tensors (num_batches_tracked aside)
State = dict[str, Tensor]


def resnet18_model(seed: int = 0, **options: Any) -> DACL:
    torch.manual_seed(seed)
    return DACL("resnet18", image_size=SIZE, **{"attention_widths": (8, 6, 4), **options})


def small_model(seed: int = 0, **options: Any) -> DACL:
    torch.manual_seed(seed)
    return DACL("small_resnet", image_size=16, **{"attention_widths": (8, 6, 4), **options})


def distinct(state: State, seed: int = 5) -> State:
    """Return random values for every tensor, statistics included: BatchNorm's ones and zeros are alike everywhere."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(value.shape, generator=generator) + 0.1 if value.is_floating_point() else value + 3
        for name, value in state.items()
    }


@pytest.fixture(scope="module")
def resnet18_state() -> State:
    """A file of torchvision's ResNet-18: 122 names, fc of 1000 classes."""
    return distinct(torchvision.models.resnet18().state_dict())


def save(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def output(model: DACL) -> DACLOutput:
    images = torch.randn(3, 3, model.image_size, model.image_size, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        return model.eval()(images)


def assert_backbone_is(model: DACL, state: State) -> None:
    """The model's ResNet-18 holds the very values of torchvision's names."""
    own = {k.removeprefix("backbone.network."): v for k, v in model.state_dict().items() if k.startswith("backbone.")}
    assert len(own) == 120
    for name, value in own.items():
        assert value.shape == state[name].shape, name
        assert torch.equal(value, state[name]), name


def refusal(model: DACL, source: str | Path) -> str:
    """Return the message with which ``source`` is refused, having seen that the model did not change."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(UserError) as caught:
        load_pretrained(model, source)
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert caught.value.hint, "an error of the user's says what to do about it"
    return str(caught.value)


# -- Formats -----------------------------------------------------------------------------------------------------------


def test_bare_state_dict_of_torchvision(tmp_path: Path, resnet18_state: State) -> None:
    model = resnet18_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    report = load_pretrained(model, save(tmp_path / "resnet18.pth", resnet18_state))
    assert_backbone_is(model, resnet18_state)
    assert report.backbone_fraction == 1.0
    assert len(report.matched) == 120 and all(name.startswith("backbone.") for name in report.matched)
    assert report.unexpected == ()
    # 1000 classes against 7: skipped, listed, and left as it was.
    assert report.mismatched == {"classifier.weight": ((1000, 512), (7, 512)), "classifier.bias": ((1000,), (7,))}
    assert set(report.missing) == {n for n in before if n.startswith("attention.") and "num_batches" not in n}
    for name in (*report.missing, *report.mismatched):
        assert torch.equal(model.state_dict()[name], before[name])
    assert report.source == str(tmp_path / "resnet18.pth")


def test_face_recognition_checkpoint(tmp_path: Path, resnet18_state: State) -> None:
    """resnet18_msceleb.pth and its like: under "state_dict", from DataParallel, with another number of classes."""
    state = {f"module.{name}": value for name, value in resnet18_state.items()}
    state["module.fc.weight"], state["module.fc.bias"] = torch.randn(123, 512), torch.randn(123)
    model = resnet18_model()
    report = load_pretrained(model, str(save(tmp_path / "resnet18_msceleb.pth.tar", {"iter": 5, "state_dict": state})))
    assert_backbone_is(model, resnet18_state)
    assert set(report.mismatched) == {"classifier.weight", "classifier.bias"}
    assert report.unexpected == ()


def test_classifier_of_the_same_size_is_loaded(tmp_path: Path, resnet18_state: State) -> None:
    state = {**resnet18_state, "fc.weight": torch.randn(7, 512), "fc.bias": torch.randn(7)}
    model = resnet18_model()
    report = load_pretrained(model, save(tmp_path / "w.pth", state))
    assert torch.equal(model.classifier.weight, state["fc.weight"])
    assert torch.equal(model.classifier.bias, state["fc.bias"])
    assert report.mismatched == {}


def released_names(model: DACL) -> State:
    """The state dict of ``model`` under the names that the authors' code gives its checkpoints."""
    renamed = {}
    for name, value in model.state_dict().items():
        for ours, theirs in (
            ("backbone.network.", "module."),
            ("classifier.", "module.fc."),
            ("attention.encoder.layers.", "module.attention."),
            ("attention.heads.linear.", "module.attention_heads."),
        ):
            if name.startswith(ours):
                renamed[theirs + name.removeprefix(ours)] = value
    assert len(renamed) == len(model.state_dict())
    return renamed


def test_checkpoint_of_the_released_code(tmp_path: Path) -> None:
    trained, model = resnet18_model(seed=1), resnet18_model(seed=2)
    trained.load_state_dict(distinct(trained.state_dict()))
    state = released_names(trained)
    assert {
        "module.conv1.weight",
        "module.layer4.1.bn2.running_var",
        "module.fc.bias",
        "module.attention.0.weight",
    } <= (state.keys())
    assert {"module.attention.7.running_mean", "module.attention_heads.weight"} <= state.keys()
    report = load_pretrained(model, save(tmp_path / "dacl.pth", {"epoch": 42, "model_state_dict": state}))
    assert (report.missing, report.unexpected, report.mismatched) == ((), (), {})
    assert set(report.matched) == set(model.state_dict())
    for ours, theirs in zip(output(model), output(trained), strict=True):
        assert ours.shape == theirs.shape
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("build", [small_model, resnet18_model])
def test_own_checkpoint_round_trip(build: Callable[..., DACL], tmp_path: Path) -> None:
    trained, model = build(seed=1), build(seed=2)
    trained.load_state_dict(distinct(trained.state_dict()))
    checkpoint = {
        "model": trained.state_dict(),
        "centers": {"centers": torch.randn(7, 4)},
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
        "epoch": 3,
        "config": {"method": "dacl"},
    }
    report = load_pretrained(model, save(tmp_path / "checkpoint_last.pt", checkpoint))
    assert report.backbone_fraction == 1.0
    assert (report.missing, report.unexpected, report.mismatched) == ((), (), {})
    for name, value in trained.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


@pytest.mark.parametrize("part", ["backbone", "network", "inference"])
@pytest.mark.parametrize("build", [small_model, resnet18_model])
def test_parts_of_a_model(build: Callable[..., DACL], part: str, tmp_path: Path) -> None:
    trained, model = build(seed=1), build(seed=2)
    source: nn.Module = trained.inference_model() if part == "inference" else trained.backbone
    if part == "network":
        source = getattr(source, "network", source)
    report = load_pretrained(model, save(tmp_path / "part.pt", source.state_dict()))
    assert report.backbone_fraction == 1.0 and report.unexpected == ()
    assert torch.equal(output(model).feature_map, output(trained).feature_map)
    assert torch.equal(output(model).logits, output(trained).logits) == (part == "inference")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module.module.", "_orig_mod.module."])
def test_prefixes_of_wrappers_are_removed(prefix: str, tmp_path: Path) -> None:
    trained, model = small_model(seed=1), small_model(seed=2)
    state = {prefix + name: value for name, value in trained.state_dict().items()}
    report = load_pretrained(model, save(tmp_path / "wrapped.pt", state))
    assert set(report.matched) == set(model.state_dict()) and report.unexpected == ()
    assert torch.equal(output(model).attention, output(trained).attention)


def test_safetensors(tmp_path: Path, resnet18_state: State) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(resnet18_state, tmp_path / "resnet18.safetensors")
    model = resnet18_model()
    assert load_pretrained(model, tmp_path / "resnet18.safetensors").backbone_fraction == 1.0
    assert_backbone_is(model, resnet18_state)


def test_a_missing_batch_counter_is_no_error(tmp_path: Path, resnet18_state: State) -> None:
    state = {name: value for name, value in resnet18_state.items() if not name.endswith("num_batches_tracked")}
    model = resnet18_model()
    report = load_pretrained(model, save(tmp_path / "old.pth", state))
    assert report.backbone_fraction == 1.0
    assert len(report.matched) == BACKBONE_TENSORS
    assert not [name for name in report.missing if "num_batches_tracked" in name]


def test_half_precision_is_widened(tmp_path: Path) -> None:
    trained, model = small_model(seed=1), small_model(seed=2)
    load_pretrained(model, save(tmp_path / "half.pt", trained.half().state_dict()))
    assert model.classifier.weight.dtype == torch.float32
    assert torch.equal(model.classifier.weight, trained.classifier.weight.float())


def test_weights_are_copied_and_stay_trainable(tmp_path: Path) -> None:
    trained, model = small_model(seed=1), small_model(seed=2)
    weight = model.classifier.weight
    load_pretrained(model, save(tmp_path / "w.pt", trained.state_dict()))
    assert model.classifier.weight is weight and weight.requires_grad  # an optimizer made before keeps its parameters
    assert model.training


def test_attention_of_another_image_size_is_skipped_and_listed(tmp_path: Path) -> None:
    trained, model = small_model(seed=1), DACL("small_resnet", image_size=24, attention_widths=(8, 6, 4))
    report = load_pretrained(model, save(tmp_path / "w.pt", trained.state_dict()))
    assert report.mismatched == {"attention.encoder.layers.0.weight": ((8, 128 * 2 * 2), (8, 128 * 3 * 3))}


def test_attention_has_no_place_in_a_model_without(tmp_path: Path) -> None:
    report = load_pretrained(small_model(attention="ones"), save(tmp_path / "w.pt", small_model(seed=1).state_dict()))
    assert report.missing == () and report.backbone_fraction == 1.0
    assert report.unexpected and all(name.startswith("attention.") for name in report.unexpected)


def test_report_in_words(tmp_path: Path, resnet18_state: State) -> None:
    state = {f"module.{name}": value for name, value in resnet18_state.items()} | {"module.embedding": torch.ones(2)}
    report = load_pretrained(resnet18_model(), save(tmp_path / "faces.pth", state))
    lines = str(report).splitlines()
    assert len(lines) == 4
    assert lines[0].endswith("faces.pth: 100.0% of the backbone's tensors, 120 tensors in all")
    assert re.search(r"left as they were: \d+ \(attention\..*, …\)$", lines[1])
    assert lines[2].endswith(
        "skipped: 2 (classifier.weight (1000, 512) for (7, 512), classifier.bias (1000,) for (7,))"
    )
    assert lines[3].endswith("not in the model: 1 (module.embedding)")
    with pytest.raises(AttributeError):
        report.source = "another"  # type: ignore[misc]


def test_a_report_with_nothing_to_tell_is_one_line() -> None:
    assert str(LoadReport("w.pt", ("a", "b"), (), (), {}, 1.0)).count("\n") == 0


# -- Refusals ----------------------------------------------------------------------------------------------------------


def test_95_percent_of_the_backbone_is_the_limit(tmp_path: Path, resnet18_state: State) -> None:
    names = [n for n in resnet18_state if not n.startswith("fc.") and not n.endswith("num_batches_tracked")]
    assert len(names) == BACKBONE_TENSORS
    five = {name: value for name, value in resnet18_state.items() if name not in names[:5]}
    report = load_pretrained(resnet18_model(), save(tmp_path / "five.pth", five))
    assert report.backbone_fraction == pytest.approx(0.95)
    assert {f"backbone.network.{name}" for name in names[:5]} <= set(report.missing)
    six = {name: value for name, value in resnet18_state.items() if name not in names[:6]}
    message = refusal(resnet18_model(), save(tmp_path / "six.pth", six))
    assert "94.0%" in message and "six.pth" in message
    assert "backbone.network.conv1.weight, backbone.network.bn1.weight, backbone.network.bn1.bias, …" in message


def test_another_network_is_refused_with_names_of_both_sides(tmp_path: Path) -> None:
    message = refusal(resnet18_model(), save(tmp_path / "small.pt", small_model().state_dict()))
    assert "fits only 0.0% of the backbone's tensors" in message
    assert "backbone.network.conv1.weight" in message and "backbone.stem.0.weight" in message
    assert "DACL(backbone='resnet18')" in message


def test_a_backbone_of_other_shapes_is_refused_with_the_shapes(tmp_path: Path, resnet18_state: State) -> None:
    message = refusal(resnet18_model(), save(tmp_path / "r50.pth", torchvision.models.resnet50().state_dict()))
    assert re.search(r"fits only \d\d\.\d%", message) and "layer1.0.conv3.weight" in message
    swapped = {name: value.transpose(0, -1) if value.dim() == 4 else value for name, value in resnet18_state.items()}
    message = refusal(resnet18_model(), save(tmp_path / "swapped.pth", swapped))
    assert "backbone.network.conv1.weight (7, 3, 7, 64) for (64, 3, 7, 7)" in message


def test_a_deeper_network_is_refused_though_every_tensor_fits(tmp_path: Path) -> None:
    # ResNet-34 has each of ResNet-18's tensors, in the same shape: a ResNet-18 made of them computes nonsense.
    message = refusal(resnet18_model(), save(tmp_path / "r34.pth", torchvision.models.resnet34().state_dict()))
    assert "larger network's" in message and "100.0%" in message and "layer1.2.conv1.weight" in message


@pytest.mark.parametrize(
    "name", ["backbone.stem.0.weight", "backbone.stem.1.running_var", "attention.heads.linear.bias"]
)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_are_refused(name: str, value: float, tmp_path: Path) -> None:
    state = small_model(seed=1).state_dict()
    state[name].view(-1)[-1] = value
    message = refusal(small_model(), save(tmp_path / "diverged.pt", {"model": state}))
    assert "diverged.pt" in message and name in message and "NaN or infinity" in message


def test_a_number_too_large_for_the_model_is_refused(tmp_path: Path) -> None:
    state = small_model(seed=1).double().state_dict()
    state["classifier.bias"][0] = 1e300  # finite in float64, infinite in float32
    assert "NaN or infinity" in refusal(small_model(), save(tmp_path / "large.pt", state))


def truncated(path: Path) -> None:
    torch.save({"weight": torch.randn(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])


def zip_of_something_else(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no weights")


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "photo.jpg": lambda path: path.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256))),
    "page.pth": lambda path: path.write_bytes(b"<!DOCTYPE html><html>quota exceeded</html>"),
    "words.pth": lambda path: path.write_bytes(b"hello world"),
    "pointer.pth": lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n"),
    "empty.pth": lambda path: path.write_bytes(b""),
    "truncated.pth": truncated,
    "zip.pth": zip_of_something_else,
    "broken.safetensors": lambda path: path.write_bytes(b"abc"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_checkpoint_is_refused_by_name(name: str, tmp_path: Path) -> None:
    if name.endswith(".safetensors"):
        pytest.importorskip("safetensors")
    UNREADABLE[name](tmp_path / name)
    message = refusal(small_model(), tmp_path / name)
    assert f"{tmp_path / name} is no readable weights file" in message
    assert "weights_only" not in message  # PyTorch's message advises to switch the protection off


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"epoch": 3, "lr": 0.1}, "epoch, lr"),
        ([torch.ones(2)], "list"),
        (torch.ones(2), "Tensor"),
        ({}, "it has: "),
        ({"model": {"note": "none"}}, "note"),
    ],
)
def test_a_file_without_weights_is_refused(content: Any, found: str, tmp_path: Path) -> None:
    message = refusal(small_model(), save(tmp_path / "other.pt", content))
    assert "other.pt holds no weights" in message and found in message and "model_state_dict" in message


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "no such file" in (message := refusal(small_model(), tmp_path / "none.pt")) and "none.pt" in message
    assert "is a folder" in refusal(small_model(), tmp_path)
    assert "no such file" in refusal(small_model(), "ImageNet")


class Payload:
    """Creates a file when it is unpickled: stands for any code that a foreign file may carry."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.marker, "w")


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
def test_code_in_a_file_is_not_run(kind: str, tmp_path: Path) -> None:
    path, marker = tmp_path / "foreign.pth", tmp_path / "ran"
    content = {"state_dict": small_model(seed=1).state_dict(), "extra": Payload(marker)}
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Payload(marker), protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    message = refusal(small_model(), path)
    assert not marker.exists()
    assert "foreign.pth holds Python objects" in message and "open" in message and "state_dict()" in message
    assert "weights_only" not in message
    # The payload is live: the reader that nobody must use here does run it.
    if kind == "pickle":
        pickle.loads(path.read_bytes()).close()
    else:
        torch.load(path, weights_only=False)["extra"].close()
    assert marker.exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
        ({"args": argparse.Namespace(lr=0.1), "state_dict": {"weight": torch.ones(1)}}, "argparse.Namespace"),
    ],
)
def test_a_file_that_needs_more_than_tensors_is_refused(content: Any, named: str, tmp_path: Path) -> None:
    message = refusal(small_model(), save(tmp_path / "whole.pt", content))
    assert "whole.pt holds Python objects" in message and named in message


def test_safetensors_missing_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "safetensors.torch", None)
    (tmp_path / "w.safetensors").write_bytes(b"")
    assert "pip install safetensors" in refusal(small_model(), tmp_path / "w.safetensors")


# -- Published weights: nothing here reaches the network --------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty torch hub cache, and no connection."""

    def offline(url: str, *_: Any, **__: Any) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    previous = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    yield folder
    torch.hub.set_dir(previous)


def published_name(backbone: str) -> str:
    return torchvision.models.get_model_weights(backbone).DEFAULT.url.rpartition("/")[2]


def test_imagenet_from_the_hub_cache(hub: Path, resnet18_state: State) -> None:
    save(hub / published_name("resnet18"), resnet18_state)
    model = resnet18_model()
    report = load_pretrained(model, "imagenet")
    assert_backbone_is(model, resnet18_state)
    assert report.backbone_fraction == 1.0
    assert report.source == "imagenet (ResNet18_Weights.IMAGENET1K_V1)"
    assert report.mismatched["classifier.bias"] == ((1000,), (7,))


@pytest.mark.parametrize("source", ["imagenet", "file"])
def test_densenets_old_names(source: str, hub: Path) -> None:
    """DenseNet's published file says norm.1 where the network says norm1, and knows no num_batches_tracked."""
    state = torchvision.models.densenet121().state_dict()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): value
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    path = save(hub / published_name("densenet121"), old)
    model = DACL("densenet121", image_size=32, attention="ones")
    assert load_pretrained(model, "imagenet" if source == "imagenet" else path).backbone_fraction == 1.0
    name = "features.denseblock1.denselayer1.conv2.weight"
    assert torch.equal(model.state_dict()[f"backbone.network.{name}"], state[name])


def test_imagenet_offline_says_what_was_tried_and_where_to_put_the_file(hub: Path) -> None:
    message = refusal(resnet18_model(), "imagenet")
    assert "https://download.pytorch.org/models/resnet18-f37072fd.pth" in message
    assert "Name or service not known" in message
    assert "pass the file" in message and str(hub) in message


def test_small_resnet_has_no_published_weights() -> None:
    assert "no published weights for the backbone 'small_resnet'" in refusal(small_model(), "imagenet")


def timm_model(seed: int = 0) -> DACL:
    torch.manual_seed(seed)
    return DACL("timm:resnet18", image_size=SIZE, attention="ones")


def test_timm_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm")
    model, published = timm_model(), distinct(timm_model(seed=1).backbone.network.state_dict())
    create = timm.create_model
    asked = []

    def create_model(name: str, pretrained: bool = False, **options: Any) -> nn.Module:
        asked.append((name, pretrained))
        network = create(name, pretrained=False, **options)
        network.load_state_dict(published)
        return network

    monkeypatch.setattr(timm, "create_model", create_model)
    report = load_pretrained(model, "imagenet")
    assert asked[-1] == ("resnet18", True)
    assert report.backbone_fraction == 1.0 and report.unexpected == () and report.source == "imagenet (timm resnet18)"
    for name, value in published.items():
        assert torch.equal(model.state_dict()[f"backbone.network.{name}"], value), name


def test_timm_offline_says_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm")
    model = timm_model()

    def offline(name: str, pretrained: bool = False, **options: Any) -> nn.Module:
        if "img_size" in options:
            raise TypeError("unexpected keyword argument 'img_size'")
        raise ConnectionError("no route to host")

    monkeypatch.setattr(timm, "create_model", offline)
    message = refusal(model, "imagenet")
    assert "timm's weights of 'resnet18' from timm/resnet18" in message and "no route to host" in message


def test_timm_network_without_published_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm")
    model = timm_model()
    monkeypatch.setattr(timm.models, "is_model_pretrained", lambda name: False)
    assert "timm publishes no weights for 'resnet18'" in refusal(model, "imagenet")
