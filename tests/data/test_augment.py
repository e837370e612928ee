"""Each operation on a batch is compared with a slow loop over its images that uses another implementation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torchvision.transforms.v2 import functional as tv

from dacl_edu.data import AugmentParameters, BatchAugment, centre_crop, crop_batch, ten_crop_offsets
from dacl_edu.data.augment import KINDS
from dacl_edu.data.batch_ops import affine_batch, erase_batch
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
    result = augment("affine", erase=1.0).evaluate(images)
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


def reference_affine(image, angle, zoom, shift_x, shift_y, flip, size):
    """One image through scipy: where each pixel of the window lies in the image, in pixels."""
    height, width = image.shape[1:]
    offset = np.arange(size) - (size - 1) / 2
    y, x = np.meshgrid(offset, offset, indexing="ij")
    if flip:
        x = -x
    source_x = (x * math.cos(angle) - y * math.sin(angle)) / zoom + shift_x * width / 2 + (width - 1) / 2
    source_y = (x * math.sin(angle) + y * math.cos(angle)) / zoom + shift_y * height / 2 + (height - 1) / 2
    # ndimage's "reflect" repeats the border pixel, as grid_sample's reflection does with align_corners=False
    return np.stack([ndimage.map_coordinates(c, [source_y, source_x], order=1, mode="reflect") for c in image])


@pytest.mark.parametrize(("height", "width"), [(20, 20), (20, 30), (24, 18)])
def test_affine_batch_is_a_loop_in_pixel_coordinates(height, width):
    images = pictures(12, height, width).float()

    def draw(seed, limit):
        return (torch.rand(12, generator=seeded(seed)) * 2 - 1) * limit

    amounts = [draw(0, 0.5), draw(1, 0.3).exp(), draw(2, 0.3), draw(3, 0.3), draw(4, 1) < 0]
    result = affine_batch(images, *amounts, 14)
    assert tuple(result.shape) == (12, 3, 14, 14)
    for i in range(12):
        reference = reference_affine(images[i].double().numpy(), *(amount[i].item() for amount in amounts), 14)
        np.testing.assert_allclose(result[i].numpy(), reference, atol=0.02)


def test_affine_that_does_nothing_is_the_centre_crop():
    images = pictures(2).float()
    still, one = torch.zeros(2), torch.ones(2)
    result = affine_batch(images, still, one, still, still, torch.tensor([False, True]), 14)
    centre = centre_crop(images, 14)
    torch.testing.assert_close(result, torch.stack([centre[0], centre[1].flip(-1)]), atol=1e-2, rtol=0)


def test_angle_and_zoom_have_the_sense_that_is_documented():
    images = torch.zeros(1, 1, 21, 21)
    images[..., 10, 16] = 1.0  # a point to the right of the centre
    still, one, no = torch.zeros(1), torch.ones(1), torch.tensor([False])
    turned = affine_batch(images, torch.tensor([math.pi / 2]), one, still, still, no, 21)[0, 0]
    assert np.unravel_index(int(turned.argmax()), (21, 21)) == (4, 10)  # counter-clockwise: now above
    grown = affine_batch(images, still, torch.tensor([1.5]), still, still, no, 21)[0, 0]
    assert np.unravel_index(int(grown.argmax()), (21, 21)) == (10, 19)  # 6 to the right becomes 9
    moved = affine_batch(images, still, one, torch.tensor([4 / 21]), still, no, 21)[0, 0]
    assert np.unravel_index(int(moved.argmax()), (21, 21)) == (10, 14)  # the window goes 2 pixels right, the point left


def test_affine_kind_draws_within_its_limits():
    """Flat pictures show contrast and brightness alone: x * exp(u) + v, both for each sample."""
    images = torch.full((4000, 3, 8, 8), 255, dtype=torch.uint8)
    dark = torch.zeros_like(images)
    # the same seed draws the same amounts for both batches
    high, low = (
        augment("affine", 6, seed=5, contrast=0.3, brightness=0.2)(batch)[:, :, 0, 0] for batch in (images, dark)
    )
    white, black = normalised(torch.full((3, 1, 1), 255)).view(3), normalised(torch.zeros(3, 1, 1)).view(3)
    contrast = (high - low) / (white - black)
    brightness = low - black * contrast
    for drawn, limit in ((contrast.log(), 0.3), (brightness, 0.2)):
        assert (drawn - drawn[:, :1]).abs().max() < 1e-4  # one for all channels
        assert drawn.abs().max() <= limit + 1e-4 and drawn.max() > 0.95 * limit and drawn.min() < -0.95 * limit
        assert abs(drawn.mean()) < 0.05 * limit


def test_affine_kind_uses_every_amount():
    images = pictures(64)
    still = dict(degrees=0.0, log_zoom=0.0, shift=0.0, contrast=0.0, brightness=0.0)
    result = augment("affine", **still)(images)
    centre = augment("none")(images)
    same = (result - centre).abs().amax((1, 2, 3)) < 0.02
    mirrored = (result - centre.flip(-1)).abs().amax((1, 2, 3)) < 0.02
    assert (same ^ mirrored).all() and 16 < same.sum() < 48
    for name in still:
        changed = augment("affine", **(still | {name: 0.2}))(images)
        assert ((changed - result).abs().amax((1, 2, 3)) > 1e-4).float().mean() > 0.9, name


@pytest.mark.parametrize("axis", ["x", "y"])
def test_affine_kind_shifts_along_both_axes(axis):
    ramp = torch.arange(0, 240, 12, dtype=torch.uint8)
    images = (ramp[None, :] if axis == "x" else ramp[:, None]).expand(500, 3, 20, 20)
    still = dict(degrees=0.0, log_zoom=0.0, contrast=0.0, brightness=0.0)
    middle = augment("affine", 14, shift=0.2, **still)(images)[:, 0, 6:8, 6:8].mean((1, 2))
    # a shift of s half sides moves the middle by 10 * s pixels, which is 10 * s steps of the ramp
    moved = (middle * STD[0] + MEAN[0]) * 255 - 114
    assert moved.abs().max() <= 24.1 and moved.min() < -22 and moved.max() > 22


def test_erase_batch_is_a_loop_of_erases():
    images = torch.rand(6, 3, 10, 12, generator=seeded())
    top, left = torch.tensor([0, 1, 2, 3, 9, 4]), torch.tensor([0, 5, 2, 11, 0, 3])
    height, width = torch.tensor([10, 3, 0, 1, 1, 2]), torch.tensor([12, 4, 5, 1, 12, 0])
    result = erase_batch(images, top, left, height, width)
    for i in range(6):
        box = [int(value[i]) for value in (top, left, height, width)]
        assert torch.equal(result[i], tv.erase(images[i], *box, torch.zeros(3, 1, 1)))
    assert (images != 0).all()  # the input is left as it was


@pytest.mark.parametrize("kind", KINDS)
def test_erasing_hits_its_share_of_samples_with_one_rectangle_each(kind):
    images = pictures(1500, 24, 24)
    before = augment(kind, 20, seed=3)(images)
    after = augment(kind, 20, seed=3, erase=0.3, erase_sides=(0.2, 0.5))(images)
    erased = (after != before).any(1)
    hit = erased.any(-1).any(-1)
    assert abs(hit.float().mean() - 0.3) < 0.05
    assert (after.permute(0, 2, 3, 1)[erased] == 0).all()
    rows, columns = erased[hit].any(2).sum(1), erased[hit].any(1).sum(1)
    assert (erased[hit].sum((1, 2)) == rows * columns).all()
    assert rows.min() == columns.min() == 4 and rows.max() == columns.max() == 10
    assert erased[:, 0].any() and erased[:, -1].any() and erased[:, :, 0].any() and erased[:, :, -1].any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("erase", [0.0, 0.5])
def test_form_of_the_result(kind, erase):
    images = pictures(5, 20, 26)
    kept = images.clone()
    result = augment(kind, erase=erase)(images)
    assert tuple(result.shape) == (5, 3, 14, 14) and result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, kept)
    assert augment(kind).evaluate(images).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", KINDS)
def test_the_generator_decides_and_its_state_resumes(kind):
    images = pictures(32)
    first = augment(kind, seed=1, erase=0.5)
    batches = [first(images)]
    state = first.generator.get_state()
    batches.append(first(images))
    torch.rand(3)  # the global generator plays no part
    again = augment(kind, seed=1, erase=0.5)
    assert all(torch.equal(batch, again(images)) for batch in batches)
    resumed = augment(kind, seed=99, erase=0.5)
    resumed.generator.set_state(state)
    assert torch.equal(resumed(images), batches[1])
    assert not torch.equal(batches[0], batches[1])


@pytest.mark.parametrize("kind", KINDS)
def test_everything_moves_to_the_device_of_the_images(kind):
    """The meta device stands in for a GPU: an operation on tensors of two devices raises there as well."""
    result = augment(kind, erase=0.5)(pictures().to("meta"))
    assert result.device.type == "meta" and tuple(result.shape) == (8, 3, 14, 14)
    assert augment(kind).evaluate(pictures().to("meta")).device.type == "meta"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_the_gpu_gives_what_the_cpu_gives(kind):
    images = pictures(16)
    result = augment(kind, erase=0.5)(images.cuda())
    torch.testing.assert_close(result.cpu(), augment(kind, erase=0.5)(images), atol=1e-3, rtol=1e-3)


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
        (dict(erase=1.1), "erase is 1.1"),
        (dict(erase_sides=(0.5, 0.2)), "erase_sides"),
        (dict(std=(1.0, 0.0, 1.0)), "std"),
        (dict(degrees=-1.0), "degrees is -1.0"),
    ],
)
def test_parameters_out_of_range(parameters, message):
    with pytest.raises(UserError, match=message):
        AugmentParameters(**(dict(size=14) | parameters))
