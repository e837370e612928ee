"""What is painted on the face lies where it belongs; none of it needs the extra."""

import itertools

import numpy as np
import pytest

from dacl_edu_faces import colours
from dacl_edu_faces.action_units import ACTIONS
from dacl_edu_faces.background import background
from dacl_edu_faces.factors import BACKGROUNDS, FACIAL_HAIR, HAIR_STYLES, FaceFactors
from dacl_edu_faces.hair import hairline, raise_scalp, scalp_cover
from dacl_edu_faces.uv_map import CREASES, beard, brows, crease_height, crease_maps, lookup, noise, noise_tile

U, V = (a.ravel() for a in np.meshgrid(np.linspace(-0.12, 0.12, 97), np.linspace(-0.13, 0.11, 97)))


def test_creases_are_driven_by_known_units_and_are_symmetric():
    assert all(set(driven) <= set(ACTIONS) for _, _, driven in CREASES.values())
    maps = crease_maps()
    assert maps.min() >= 0 and 0.8 < maps.max() <= 1
    for crease in maps:
        assert np.allclose(lookup(crease, U, V), lookup(crease, -U - 1e-6, V), atol=0.35)


def test_a_frown_folds_the_skin_between_the_brows_only():
    height = lookup(crease_height({"frown": 1.0}), U, V)
    folded = height < -0.5
    assert folded.any() and np.abs(U[folded]).max() < 0.02 and V[folded].min() > -0.01
    assert not crease_height({}).any()


def test_brows_lie_over_the_eyes():
    cover = brows(U, V, 0.0, 1.0, 0.5, 0.0, 0.5)
    there = cover > 0.5
    assert there.any() and V[there].min() > 0.005 and V[there].max() < 0.04
    assert np.abs(U[there]).min() > 0.008 and np.abs(U[there]).max() < 0.06


@pytest.mark.parametrize("style", FACIAL_HAIR)
def test_beards_leave_eyes_and_brow_free(style):
    cover = beard(U, V, style)
    assert cover.min() >= 0 and cover.max() <= 1
    assert cover.any() == (style != "none")
    assert not cover[(V > -0.01) & (np.abs(U) < 0.07)].any()


@pytest.mark.parametrize("style", HAIR_STYLES)
def test_hair_grows_above_the_hairline(style):
    f = FaceFactors(hair_style=style, look_seed=5)
    cover = scalp_cover(f, U, V)
    lift = raise_scalp(f, np.stack([U, V], 1), np.zeros(len(U)))
    assert 0 <= cover.min() <= cover.max() <= 1 and lift.min() >= 0
    assert not cover[(np.abs(U) < 0.04) & (V < 0.0)].any()
    below = hairline(f, U) - V > 0.01
    assert not lift[below].any() and lift.max() < 0.08


def test_noise_repeats_and_is_even():
    assert abs(float(noise_tile().mean())) < 1e-3 and abs(float(noise_tile().std()) - 1) < 1e-3
    assert np.isfinite(noise(U, V, 0.001, 0.002, 3)).all()


def test_skin_gets_darker_with_tone_and_colours_survive_both_ways():
    tones = [colours.skin(FaceFactors(skin_tone=t)).mean() for t in np.linspace(0, 1, 9)]
    assert all(a > b for a, b in itertools.pairwise(tones))
    values = np.linspace(0, 1, 11)
    assert np.allclose(colours.srgb(colours.linear(values)), values, atol=1e-4)


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_backgrounds_are_pictures(kind):
    picture = background(FaceFactors(background=kind), 32, np.random.default_rng(0))
    assert picture.shape == (32, 32, 3) and picture.min() >= 0 and np.isfinite(picture).all()
