"""Each operation on a batch is compared with a slow loop over its images that uses another implementation."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as tv

from dacl_edu.data import AugmentParameters, BatchAugment, centre_crop, crop_batch, ten_crop_offsets
from dacl_edu.data.augment import KINDS
from dacl_edu.errors import UserError

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(m=8, height=20, width=20, seed=0):
    return torch.randint(0, 256, (m, 3, height, width), dtype=torch.uint8, generator=seeded(seed))


def normalised(image):
    return tv.normalize(image.float() / 255, list(MEAN), list(STD))


def augment(kind="ten_crop", size=14, seed=0, **more):
    return BatchAugment(AugmentParameters(size=size, kind=kind, mean=MEAN, std=STD, **more), seeded(seed))


@settings(max_examples=40, deadline=None)
@given(
    m=st.integers(0, 5),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    size=st.integers(1, 12),
    layout=st.sampled_from(["contiguous", "channels_last", "one grey channel"]),
    seed=st.integers(0, 1000),
)
def test_crop_batch_is_a_loop_of_crops_and_mirrors(m, height, width, size, layout, seed):
    size = min(size, height, width)
    images = pictures(m, height, width, seed)
    if layout == "channels_last":
        images = images.contiguous(memory_format=torch.channels_last)
    elif layout == "one grey channel":
        images = images[:, :1].expand(-1, 3, -1, -1)
    top = torch.randint(height - size + 1, (m,), generator=seeded(seed))
    left = torch.randint(width - size + 1, (m,), generator=seeded(seed + 1))
    flip = torch.rand(m, generator=seeded(seed + 2)) < 0.5
    result = crop_batch(images, top, left, size, flip)
    assert result.dtype == torch.uint8 and tuple(result.shape) == (m, 3, size, size)
    for i in range(m):
        reference = tv.crop(images[i], int(top[i]), int(left[i]), size, size)
        assert torch.equal(result[i], tv.horizontal_flip(reference) if flip[i] else reference)


@pytest.mark.parametrize(("top", "left"), [(-1, 0), (0, -1), (3, 0), (0, 3)])
def test_crop_batch_refuses_offsets_outside(top, left):
    with pytest.raises(ValueError, match="offsets must be 0 to 2"):
        crop_batch(pictures(2, 8, 8), torch.tensor([0, top]), torch.tensor([0, left]), 6, torch.tensor([False, True]))


@pytest.mark.parametrize(("height", "width", "size"), [(64, 64, 56), (20, 30, 12), (9, 8, 8), (11, 14, 6), (7, 7, 7)])
def test_ten_crop_offsets_are_torchvisions_ten_views_in_its_order(height, width, size):
    image = pictures(1, height, width)[0]
    views = crop_batch(image.expand(10, -1, -1, -1), *insert_size(ten_crop_offsets(height, width, size), size))
    for view, reference in zip(views, tv.ten_crop(image, [size, size]), strict=True):
        assert torch.equal(view, reference)


def insert_size(offsets, size):
    top, left, flip = offsets
    return top, left, size, flip


@pytest.mark.parametrize(("height", "width", "size"), [(64, 64, 56), (9, 8, 4), (10, 13, 10)])
def test_centre_crop_is_torchvisions(height, width, size):
    images = pictures(3, height, width)
    assert torch.equal(centre_crop(images, size), tv.center_crop(images, [size, size]))


def test_evaluation_is_the_normalised_centre():
    images = pictures()
    result = augment("ten_crop").evaluate(images)
    for image, reference in zip(result, images, strict=True):
        torch.testing.assert_close(image, normalised(tv.center_crop(reference, [14, 14])))


def test_kind_none_is_the_evaluation():
    assert torch.equal(augment("none")(pictures()), augment("none").evaluate(pictures()))


@pytest.mark.parametrize("kind", ["ten_crop", "random_crop"])
def test_every_sample_is_one_of_the_views_and_has_its_own_draw(kind):
    image = pictures(1)
    room = range(7)
    if kind == "ten_crop":
        views = list(tv.ten_crop(image[0], [14, 14]))
    else:
        views = [
            tv.crop(flipped, y, x, 14, 14) for flipped in (image[0], image[0].flip(-1)) for y in room for x in room
        ]
    views = torch.stack([normalised(view) for view in views])
    result = augment(kind)(image.expand(2000, -1, -1, -1))
    distance = torch.cdist(result.flatten(1).double(), views.flatten(1).double())
    assert distance.min(1).values.max() < 1e-3
    counts = torch.bincount(distance.argmin(1), minlength=len(views))
    expected = 2000 / len(views)
    assert (counts - expected).abs().max() < 5 * math.sqrt(expected)  # all of them, equally often


@pytest.mark.parametrize("kind", KINDS)
def test_form_of_the_result(kind):
    images = pictures(5, 20, 26)
    kept = images.clone()
    result = augment(kind)(images)
    assert tuple(result.shape) == (5, 3, 14, 14) and result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, kept)
    assert augment(kind).evaluate(images).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", KINDS)
def test_the_generator_decides_and_its_state_resumes(kind):
    images = pictures(32)
    first = augment(kind, seed=1)
    batches = [first(images)]
    state = first.generator.get_state()
    batches.append(first(images))
    torch.rand(3)  # the global generator plays no part
    again = augment(kind, seed=1)
    assert all(torch.equal(batch, again(images)) for batch in batches)
    resumed = augment(kind, seed=99)
    resumed.generator.set_state(state)
    assert torch.equal(resumed(images), batches[1])
    assert torch.equal(batches[0], batches[1]) == (kind == "none")


@pytest.mark.parametrize("kind", KINDS)
def test_everything_moves_to_the_device_of_the_images(kind):
    """The meta device stands in for a GPU: an operation on tensors of two devices raises there as well."""
    result = augment(kind)(pictures().to("meta"))
    assert result.device.type == "meta" and tuple(result.shape) == (8, 3, 14, 14)
    assert augment(kind).evaluate(pictures().to("meta")).device.type == "meta"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_the_gpu_gives_what_the_cpu_gives(kind):
    images = pictures(16)
    result = augment(kind)(images.cuda())
    torch.testing.assert_close(result.cpu(), augment(kind)(images), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_crop_larger_than_the_images_is_refused(kind):
    with pytest.raises(UserError, match="crop of 56x56 does not fit into images of 48x64"):
        augment(kind, 56)(pictures(2, 48, 64))
    with pytest.raises(UserError, match="crop of 56x56"):
        augment(kind, 56).evaluate(pictures(2, 48, 64))


@pytest.mark.parametrize("images", [pictures().float(), pictures()[:, :1], pictures()[0]])
def test_other_batches_are_refused(images):
    for call in (augment(), augment().evaluate):
        with pytest.raises(ValueError, match="uint8"):
            call(images)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (dict(kind="tencrop"), "unknown augmentation 'tencrop' — did you mean 'ten_crop'"),
        (dict(size=0), "crop size is 0"),
        (dict(std=(1.0, 0.0, 1.0)), "std"),
    ],
)
def test_parameters_out_of_range(parameters, message):
    with pytest.raises(UserError, match=message):
        AugmentParameters(**(dict(size=14) | parameters))
